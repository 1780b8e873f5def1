"""The hinge loss of linear models, to its exact minimum: by an interior point method, and the samples that it finds.

At the minimum w is the sum of the samples, each times a multiplier m from 0 to its weight: 0 beyond the margin, all of
the weight short of it, and something in between on it. When it is known which samples are on the margin, w and their
multipliers follow from linear equations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.sparse_matrix import SparseMatrix

from .design import SMALL, Design, spread, standardised
from .linear import EVERYTHING, relies_on, set_coefficients
from .robust import interior_point
from .warnings import warn_not_converged
from .weights import Weights, normalized_weights

EXACT = 1e-9  # what rounding may leave of the conditions of the minimum


class Prepared(NamedTuple):
    """What both methods minimise, with the features divided by their sizes."""

    design: Design  # with a last column of 1 for a bias without a penalty
    limit: np.ndarray  # C times the weights of the samples
    ridge: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def prepared(model: Any, X: Any, weight: Weights) -> Prepared:
    """Return the problem of a `LinearSVM`."""
    inputs, has_bias = model.inputs(X), model.linear_.bias is not None
    n, d = inputs.shape
    if isinstance(inputs, SparseMatrix):
        if inputs.size < SMALL:
            inputs = inputs.toarray()
        elif d > n and model.resolve_solver() == "interior_point":
            raise ValueError(
                f"{type(model).__name__}(solver='interior_point'): with more features than samples it would make the "
                "sparse X dense; choose the solver 'newton'"
            )
    mean, deviation = spread(inputs, normalized_weights(weight), has_bias)
    scale = np.where(deviation > 0, deviation, 1)
    design = standardised(inputs, mean, scale, deviation == 0, has_bias, np.float64)
    limit = model.C * (np.ones(n) if weight is None else weight.astype(np.float64))
    return Prepared(design, limit, np.append(1 / scale**2, [0.0] * has_bias), mean, scale)


@relies_on(*EVERYTHING)
def fit_hinge(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Fit the layer `linear_` of a `LinearSVM`, one class after the other."""
    layer = model.linear_
    design, limit, ridge, mean, scale = prepared(model, X, weight)
    has_bias, d = layer.bias is not None, len(scale)
    n_outputs, iterations, converged = layer.out_features, [], True
    w, b = np.zeros((n_outputs, d)), np.zeros(n_outputs)
    for k in range(n_outputs):
        sign = np.where(target == (k if n_outputs > 1 else 1), 1.0, -1.0)
        theta, n_iter, is_there = minimise_hinge(design, limit, ridge, model.max_iter, sign)
        iterations.append(n_iter)
        converged &= is_there
        w[k] = theta[:d] / scale
        if has_bias:
            b[k] = theta[d] - mean @ w[k]
    set_coefficients(layer, w, b)
    model.n_iter_ = max(iterations)
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())
    if not converged:
        reason = f" in {model.n_iter_} iterations; raise max_iter, lower C, or scale the features"
        warn_not_converged(model, "the interior point method", reason)


def minimise_hinge(
    A: Design, limit: np.ndarray, ridge: np.ndarray, max_iter: int, sign: Any = 1.0
) -> tuple[np.ndarray, int, bool]:
    """Return the t that minimises Σ limit · max(0, 1 - s · A·t) + Σ ridge/2 · t², the iterations, and whether it did.

    Parameters
    ----------
    A : (samples, columns)
        The features; sparse ones must not have more columns with a ridge than samples.
    sign : (samples,)
        s, 1 or -1 by the class.
    """
    n, has_ridge = len(A), ridge > 0
    sign = np.broadcast_to(sign, n)
    if has_ridge.sum() > n and isinstance(A, np.ndarray):  # t is a sum of samples: there are fewer dimensions
        root = np.sqrt(ridge[has_ridge])
        Q, R = np.linalg.qr((A[:, has_ridge] / root).T)
        inside, t = np.column_stack([R.T, A[:, ~has_ridge]]), np.empty_like(ridge)
        ridge_inside = np.append(np.ones(n), ridge[~has_ridge])
        z, iterations, converged = minimise_hinge(inside, limit, ridge_inside, max_iter, sign)
        t[has_ridge], t[~has_ridge] = Q @ z[:n] / root, z[n:]
        return t, iterations, converged
    none = np.zeros(n)
    lower, upper = np.where(sign < 0, -limit, 0.0), np.where(sign > 0, limit, 0.0)
    t, _, iterations, converged = interior_point(A, sign, lower, upper, none, ridge, max_iter)
    for slack in (1e-3, 1e-4, 1e-5, 1e-6):
        exact = from_margin(A, sign, limit, ridge, t, slack)
        if exact is not None:
            return exact, iterations, True
    return t, iterations, converged


def from_margin(
    A: Design, sign: np.ndarray, limit: np.ndarray, ridge: np.ndarray, t: np.ndarray, slack: float
) -> np.ndarray | None:
    """Return the exact minimum, if the samples within `slack` of the margin are on it, and the others where they seem.

    The equations are those of Lagrange: ridge · t = Aᵀ(s · m), and s · A·t = 1 on the margin.
    """
    distance = 1 - sign * (A @ t)
    on = abs(distance) <= slack
    short = ~on & (distance > 0)
    d, k = len(t), int(on.sum())
    if k > 4 * d + 100:
        return None
    M = A[on] if isinstance(A, np.ndarray) else A[on].toarray()
    M = M * sign[on, None]
    matrix = np.zeros((d + k, d + k))
    matrix.flat[: d * (d + k) : d + k + 1] = ridge
    matrix[:d, d:], matrix[d:, :d] = -M.T, M
    right = np.concatenate([(sign * limit)[short] @ A[short], np.ones(k)])
    solution = np.linalg.lstsq(matrix, right, rcond=None)[0]
    t, m = solution[:d], solution[d:]
    if abs(matrix @ solution - right).max(initial=0) > EXACT * max(1.0, abs(right).max(initial=0)):
        return None
    distance = 1 - sign * (A @ t)
    beyond = ~on & ~short
    right_side = (distance[short] >= -EXACT).all() and (distance[beyond] <= EXACT).all()
    inside = (m >= -EXACT * limit[on]).all() and (m <= (1 + EXACT) * limit[on]).all()
    return t if right_side and inside else None
