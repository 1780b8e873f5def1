"""Newton's method for linear models, with the curvature of any loss; L1 by an active set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_ml.terminal import DeferredInterrupt

from .active_set import Quadratic, SparseQuadratic, minimise
from .convergence import Finish, hessian, pseudo_inverse
from .design import SparseDesign
from .linear import OUTPUTS, relies_on
from .problem import LinearProblem
from .weights import Weights

MANY = 2000  # beyond this number of features their products with each other are computed only where they are needed
LOST = 1e-12  # an increase that a step promises, relative to the objective, that may be rounding
SAME = 1e-7  # where the gradient is smaller the Hessian hardly changes any more
FINAL = 3e-3  # a step of this relative size is the last: the error that it leaves is about its square


@relies_on(*OUTPUTS)
def newton(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit the layer `linear_` by Newton's method until no entry of the gradient is larger than `tol`."""
    problem = LinearProblem(model, X, target, weight, exact=True)
    finish = Finish(model, problem, "Newton's method", "iterations")
    if problem.loss == "mse" and problem.has_lasso:
        lasso(problem, finish)
        return
    tol = problem.tolerance(model.tol) * (0.1 if problem.has_lasso else 1)  # whose steps are not exact
    with DeferredInterrupt() as interrupt:
        theta = iterate(
            problem, finish, problem.theta(), tol, lambda: finish.n_iter >= model.max_iter or interrupt.count > 0
        )
    finish.report(theta, bool(interrupt.count))


def iterate(
    problem: LinearProblem, finish: Finish, theta: np.ndarray, tol: float, is_over: Callable[[], bool]
) -> np.ndarray:
    """Return the coefficients that Newton's method leads to; tell `finish` of the iterations, and if it converged.

    The loss of each sample depends on its own logits z = w·x + b only. As z is linear in the weights, the Hessian of
    the whole is the sum of x xᵀ ⊗ d²loss/dz².
    """
    z = problem.outputs(theta)
    losses, slope = problem.values_and_slope(z)
    values = losses + problem.penalties(theta)
    finish.note(values, theta)
    stalled = beyond = 0
    H = np.empty(0)
    while True:
        gradient = slope.T @ problem.design + problem.ridge * theta
        residual = problem.residual(gradient, theta)
        if not np.isfinite(residual):
            raise np.linalg.LinAlgError("the gradient is not finite")
        if not H.size or (residual > SAME and problem.loss != "mse"):
            H = hessian(problem.design, problem.curvatures(z, slope), problem.ridge, problem.free)
        step = newton_step(problem, H, gradient, theta)
        if not np.isfinite(step).all():
            raise np.linalg.LinAlgError("the step is not finite")
        change = problem.outputs(step)
        is_small = abs(change).max() <= FINAL * (1 + abs(z).max())
        if residual <= tol and is_small:
            finish.converged = True
            return theta + step  # it costs little now, and doubles the number of digits that are right
        beyond += residual <= tol  # without an optimum the steps never become small
        if is_over() or stalled > 5 or beyond > 5:
            return theta
        new, slope, length = search(problem, values, theta, z, step, change, gradient)
        if not length:
            return theta  # rounding is all that is left
        # quadratic convergence needs few steps below the rounding error
        stalled = 0 if new.sum() < values.sum() else stalled + 1
        theta, z, values = theta + length * step, z + length * change, new
        finish.note(values, theta)


def lasso(problem: LinearProblem, finish: Finish) -> None:
    """Find the minimum of squares with L1.

    The objective is quadratic but for L1, so the active set, which is all that a step of Newton's method looks for, is
    found for it at once. The features are centred if there is a bias, whose own coefficient then is zero. Of very many
    features the products with each other are computed only where they are needed.
    """
    d, n, theta = problem.n_features, problem.n_samples, problem.theta()
    share = np.full(n, 1 / n) if problem.weight is None else problem.weight / n
    finish.note(problem.values(theta) + problem.penalties(theta), theta)
    rounds = []
    for k, y in enumerate(problem.target.T):
        root, design = np.sqrt(share), problem.design
        if isinstance(design, SparseDesign):
            features = design.columns(np.arange(d))
            if d <= MANY:
                function = Quadratic((share * y) @ features, features.gram(share))
            else:
                function = SparseQuadratic(features, y, share)
        else:
            rows = design[:, :d] * root[:, None]
            function = Quadratic.of_data(rows, y * root)
        l1, l2 = problem.lasso[k, :d] / 2, problem.ridge[k, :d] / 2  # the loss is twice that function
        theta[k, :d], count = minimise(function, l1, l2, theta[k, :d], finish.model.max_iter)
        theta[k, d:] = 0
        rounds.append(count)
    finish.converged = max(rounds) <= finish.model.max_iter
    finish.note(problem.values(theta) + problem.penalties(theta), theta)
    finish.report(theta, False)
    finish.model.n_iter_ = min(max(rounds), finish.model.max_iter)


def search(
    problem: LinearProblem,
    values: np.ndarray,
    theta: np.ndarray,
    z: np.ndarray,
    step: np.ndarray,
    change: np.ndarray,
    gradient: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the objective and the gradient after as much of a step as makes it decrease (Armijo), and that length.

    The length is 0 if none does.
    """
    promised = float((gradient * step).sum() + (problem.lasso * (abs(theta + step) - abs(theta))).sum())
    slope, length = np.empty(0), 1.0 if promised <= LOST * abs(values.sum()) else 0.0
    while length > 1e-10:
        losses, slope = problem.values_and_slope(z + length * change)
        new = losses + problem.penalties(theta + length * step)
        if new.sum() <= values.sum() + 1e-4 * length * promised:
            return new, slope, length
        length /= 2
    return values, slope, 0.0


def newton_step(problem: LinearProblem, H: np.ndarray, gradient: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return the step to the minimum of the quadratic model."""
    if problem.has_lasso:
        return sparse_step(H, gradient.ravel(), theta.ravel(), problem.lasso.ravel()).reshape(theta.shape)
    if problem.has_penalty:
        with suppress(np.linalg.LinAlgError):  # a penalty so weak that rounding takes it away
            return -np.linalg.solve(H, gradient.ravel()).reshape(theta.shape)
    return -(pseudo_inverse(H, problem.resolution) @ gradient.ravel()).reshape(theta.shape)


def sparse_step(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the s that minimises gradient·s + s·H·s/2 + Σ lasso · |theta + s|.

    The biases, which have no penalty, are eliminated: what is left is as if the features were centred.
    """
    weights, biases = lasso > 0, lasso == 0
    solve = np.linalg.pinv(H[np.ix_(biases, biases)], rcond=10 * np.finfo(H.dtype).eps, hermitian=True)
    slope, across = gradient[biases], H[np.ix_(biases, weights)]
    step = np.empty_like(theta)
    reduced = H[np.ix_(weights, weights)] - across.T @ solve @ across
    pull = gradient[weights] - across.T @ (solve @ slope)
    function = Quadratic(reduced @ theta[weights] - pull, reduced)
    start, none = theta[weights], np.zeros(len(reduced))
    step[weights] = minimise(function, lasso[weights], none, start, 10 * len(theta))[0] - start
    step[biases] = -solve @ (slope + across @ step[weights])
    return step
