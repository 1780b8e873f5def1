"""Least squares in closed form, with or without a ridge; and the robust losses by an interior point method."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.sparse_matrix import SparseMatrix

from .descent import STEPS
from .design import SMALL, SparseDesign, spread
from .linear import EVERYTHING, relies_on, set_coefficients
from .robust import fit_robust
from .warnings import warn_not_converged
from .weights import Weights, normalized_weights, rounding_of_mean

EXACT = 1e-12  # the relative residual at which an iteration ends
ITERATIONS = 10_000
REFINED = 1e-7  # the relative error of a solution that two steps of iterative refinement take away


@relies_on(*EVERYTHING)
def fit_normal(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Fit a `LinearRegression` in closed form; for another loss than "mse" one column of the target after the other.

    Large sparse inputs are not made dense: least squares is solved by iterations then, to the same optimum.
    """
    inputs, alpha = model.inputs(X), model.alpha if model.penalty == "l2" else 0.0
    if isinstance(inputs, SparseMatrix) and inputs.size < SMALL:
        inputs = inputs.toarray()
    if isinstance(inputs, SparseMatrix) and model.loss != "mse":
        if model.solver == "normal":
            raise ValueError(
                f"{type(model).__name__}(solver='normal', loss={model.loss!r}): its interior point method would make "
                "the sparse X dense; choose the solver 'sgd'"
            )
        STEPS["sgd"](model, X, target, weight)
        return
    if isinstance(inputs, SparseMatrix):
        w, b, model.n_iter_ = sparse_least_squares(model, inputs, target, weight, alpha)
    elif model.loss == "mse":
        w, b = normal_equation(inputs, target, weight, alpha, model.fit_intercept)
        model.n_iter_ = 1
    else:
        delta = model.huber_delta if model.loss == "huber" else 0.0
        fits = [fit_robust(inputs, y, weight, delta, alpha, model.fit_intercept, model.max_iter) for y in target.T]
        w, b = (np.stack(parts, axis=-1) for parts in list(zip(*fits))[:2])
        w, b = shortest(inputs, w, b, model.fit_intercept)
        model.n_iter_ = max(iterations for _, _, iterations, _ in fits)
        if not all(converged for *_, converged in fits):
            warn_not_converged(
                model,
                "the interior point method",
                f" in {model.n_iter_} iterations; raise max_iter, or scale features and target",
            )
    set_coefficients(model.linear_, w.T, b)
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())


def normal_equation(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, alpha: float, intercept: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the w `(features, outputs)` and b that minimise Σ weight · (y - x·w - b)² + alpha · Σw².

    It is computed in float64. With a ridge by the normal matrix XᵀX + alpha, or by XXᵀ + alpha if there are more
    features than samples (the dual form); without one by XᵀX if that is far from singular. Else, or where rounding
    spoils that, by a singular value decomposition, which also solves what XᵀX is singular for: of all minima the
    smallest w.
    """
    rows, targets = X.astype(np.float64), y.astype(np.float64)
    mean_x, mean_y = np.zeros(X.shape[1]), np.zeros(y.shape[1])
    if intercept:
        mean_x, mean_y = np.average(rows, axis=0, weights=weight), np.average(targets, axis=0, weights=weight)
        rows -= mean_x
        targets -= mean_y
    if weight is not None:
        root = np.sqrt(weight.astype(np.float64))[:, None]
        rows *= root
        targets *= root
    noise = rounding_of_mean(len(X)) * abs(mean_x)
    resolution = max(np.finfo(np.float64).eps * max(X.shape), np.finfo(X.dtype).eps / 4)
    w = ridge_by_normal_matrix(rows, targets, alpha) if alpha else by_normal_matrix(rows, targets, noise, resolution)
    if w is None:
        # of a constant feature rounding leaves something, which would be taken for a feature
        rows[:, abs(rows).max(axis=0) <= noise] = 0
        if alpha:  # a ridge is a further sample for each feature: sqrt(alpha) of it, with the target 0
            n = X.shape[1]
            rows = np.vstack([rows, np.sqrt(alpha) * np.eye(n)])
            targets = np.vstack([targets, np.zeros((n, y.shape[1]))])
        w = smallest_solution(rows, targets, resolution)
    return w, mean_y - mean_x @ w


def sparse_least_squares(
    model: Any, X: SparseMatrix, y: np.ndarray, weight: Weights, alpha: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return what `normal_equation` returns, and the largest number of iterations, without making X dense.

    Fong and Saunders, "LSMR: an iterative algorithm for sparse least-squares problems" (2011), which finds the smallest
    of all minima, too. With a ridge, whose minimum is unique, the features are brought to one size first.
    """
    from scipy.sparse.linalg import LinearOperator, lsmr

    n, d = X.shape
    X, targets, root = X.astype(np.float64, copy=False), y.astype(np.float64), np.ones(n)
    if weight is not None:
        root = np.sqrt(weight.astype(np.float64) / weight.mean())
        alpha = alpha / float(weight.mean())
    mean, deviation = spread(X, None if weight is None else root**2, model.fit_intercept)
    shift = np.average(targets, axis=0, weights=weight) if model.fit_intercept else np.zeros(y.shape[1])
    size = np.sqrt(n * deviation**2 + alpha) if alpha else np.ones(d)  # in which each curvature is the same
    inverse = np.where(deviation > 0, 1 / size, 0)
    design = SparseDesign(X, mean, inverse, has_bias=False)
    ridge = np.sqrt(alpha) * inverse
    rows = n + d if alpha else n

    def forward(u: np.ndarray) -> np.ndarray:
        z = root * (design @ u)
        return np.concatenate([z, ridge * u]) if alpha else z

    def backward(v: np.ndarray) -> np.ndarray:
        u = (root * v[:n]) @ design
        return u + ridge * v[n:] if alpha else u

    operator = LinearOperator((rows, d), matvec=lambda u: forward(u.ravel()), rmatvec=lambda v: backward(v.ravel()))
    solutions, iterations, limit = [], 0, max(ITERATIONS, 10 * min(n, d))
    for column in (targets - shift).T:
        right = np.concatenate([root * column, np.zeros(rows - n)])
        u, reason, count, *_ = lsmr(operator, right, atol=EXACT, btol=EXACT, conlim=0, maxiter=limit)
        solutions.append(u * inverse)
        iterations = max(iterations, count)
        if reason == 7:
            warn_not_converged(
                model,
                "LSMR",
                f" in {count} iterations: features of the sparse X are of very different sizes, or nearly linear "
                "functions of each other; scale them (sklearn.preprocessing.MaxAbsScaler keeps them sparse), or set "
                "penalty='l2'",
            )
    w = np.stack(solutions, axis=1)
    return w, shift - mean @ w, iterations


def shortest(X: np.ndarray, w: np.ndarray, b: np.ndarray, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the w of least norm and the b with the same outputs, where the features are linearly dependent."""
    mean = X.mean(axis=0, dtype=np.float64) * intercept
    rows = X.astype(np.float64) - mean
    resolution = max(np.finfo(np.float64).eps * max(X.shape), np.finfo(X.dtype).eps / 4)
    small = by_normal_matrix(rows, rows @ w, rounding_of_mean(len(X)) * abs(mean), resolution)
    if small is not None:
        return small, b + mean @ (w - small)
    scale = abs(rows).max(axis=0)
    rank = np.linalg.matrix_rank(rows / np.where(scale > 0, scale, 1), rtol=resolution)
    if rank == X.shape[1]:
        return w, b
    small = smallest_solution(rows, rows @ w, resolution)
    return small, b + mean @ (w - small)


def ridge_by_normal_matrix(rows: np.ndarray, targets: np.ndarray, alpha: float) -> np.ndarray | None:
    """Return the w that minimises |targets - rows · w|² + alpha · |w|²; None if rounding spoils it."""
    n, d = rows.shape
    is_dual = d > n
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = rows @ rows.T if is_dual else rows.T @ rows
        matrix.flat[:: len(matrix) + 1] += alpha
        if not np.isfinite(matrix).all():
            return None
        # a matrix whose diagonal is 1 has the least condition number that scaling can give it, but for a small factor
        scale = 1 / np.sqrt(np.diag(matrix))
        matrix *= scale[:, None]
        matrix *= scale
        condition = len(matrix) / (alpha * scale.min() ** 2)  # or less

        def solve(right: np.ndarray) -> np.ndarray:
            return scale[:, None] * np.linalg.solve(matrix, scale[:, None] * right)

        right = targets if is_dual else rows.T @ targets
        solution = solve(right)
        if not condition * np.finfo(np.float64).eps < 1e-9:  # one step of iterative refinement says how good it is
            product = rows @ (rows.T @ solution) if is_dual else rows.T @ (rows @ solution)
            change = solve(right - product - alpha * solution)
            if not np.linalg.norm(change) <= 1e-6 * np.linalg.norm(solution):
                return None
            solution += change
    return rows.T @ solution if is_dual else solution


def by_normal_matrix(rows: np.ndarray, targets: np.ndarray, noise: np.ndarray, resolution: float) -> np.ndarray | None:
    """Return what `smallest_solution` returns, by the eigenvalues of the normal matrix; None if they do not tell.

    They are the squares of the singular values of the features, and so is the condition number: its error is taken away
    by iterative refinement, with residuals from the features themselves (Björck, "Stability analysis of the method of
    seminormal equations for linear least squares problems", 1987). Where an eigenvalue is small, the features times its
    vector show whether it is zero; if it is not, the matrix has lost too much.

    Parameters
    ----------
    noise : (features,)
        Entries of up to this are what is left of a constant feature, whose weight is 0.
    resolution : float
        Singular values that are smaller than this part of the largest are zero.
    """
    n, d = rows.shape
    if n < d:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        matrix = rows.T @ rows
        sizes = np.sqrt(np.diag(matrix))
    small = np.flatnonzero(sizes <= noise * n**0.5)
    if (abs(rows[:, small]).max(axis=0, initial=0) > noise[small]).any() or not np.isfinite(sizes).all():
        return None
    kept = np.delete(np.arange(d), small)
    size, w = sizes[kept, None], np.zeros((d, targets.shape[1]))
    if not len(kept):
        return w
    squares, vectors = np.linalg.eigh(matrix[np.ix_(kept, kept)] / size / size.T)
    is_large = squares > squares[-1] * np.finfo(np.float64).eps / REFINED
    large, none = vectors[:, is_large], vectors[:, ~is_large]

    def forward(u: np.ndarray) -> np.ndarray:
        full = np.zeros((d, u.shape[1]))
        full[kept] = u / size
        return rows @ full

    def correction(residuals: np.ndarray) -> np.ndarray:
        """Return about the smallest solution for these targets."""
        return large @ (large.T @ ((rows.T @ residuals)[kept] / size) / squares[is_large, None])

    if none.shape[1]:
        none = none - correction(forward(none))
        if not np.linalg.norm(forward(none)) <= resolution * squares[-1] ** 0.5:
            return None
    u = correction(targets)
    for _ in range(2):
        u += correction(targets - forward(u))
    w[kept] = u / size
    if none.shape[1]:  # what changes no output is left out: in the features as they are, that is another part
        basis = np.linalg.qr(none / size)[0]
        w[kept] -= basis @ (basis.T @ w[kept])
    return w


def smallest_solution(rows: np.ndarray, targets: np.ndarray, resolution: float) -> np.ndarray:
    """Return the w of least norm among those that minimise |targets - rows · w|².

    Columns of different sizes are brought to the same one first, so that the small ones are not taken for rounding.
    """
    largest = abs(rows).max(axis=0)
    largest[largest == 0] = 1
    scale = largest * np.maximum(np.linalg.norm(rows / largest, axis=0), 1)
    if not np.isfinite(scale).all():
        raise np.linalg.LinAlgError("the features are not finite")
    scaled, d = rows / scale, rows.shape[1]
    if len(rows) > d:  # the same problem in as few rows as columns: a rotation of the rows changes no distance
        rotated = np.asarray(np.linalg.qr(np.column_stack([scaled, targets]), mode="r"))
        scaled, targets = rotated[:d, :d], rotated[:d, d:]
    w, _, rank, _ = np.linalg.lstsq(scaled, targets, rcond=resolution)
    if rank < d:
        # what is orthogonal to all rows is left out; in the scaled columns it is another part than in the given ones
        directions = np.linalg.svd(scaled, full_matrices=False)[2][:rank]
        basis = np.linalg.qr((directions * scale).T)[0]
        return basis @ (basis.T @ (w / scale[:, None]))
    return w / scale[:, None]
