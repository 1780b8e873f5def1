"""L-BFGS: a quasi-Newton method, on all the data at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ml.optim.lbfgs import inverse_hessian_product
from tinygrad_ml.optim.line_search import strong_wolfe
from tinygrad_ml.terminal import DeferredInterrupt

from .convergence import DIRECT, Finish, decorrelation, distance, near
from .linear import OUTPUTS, relies_on
from .problem import LinearProblem
from .weights import Weights

MEMORY = 6  # the steps that the Hessian is estimated from
PATIENCE = 10  # the steps that rounding hides, after the one with the smallest gradient
REFRESH = (5, 12, 40)  # the iterations at which the Hessian to begin with is computed anew, if that costs little


@relies_on(*OUTPUTS)
def lbfgs(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit until no entry of the gradient is larger than `tol`, and the next step would change hardly anything."""
    problem = LinearProblem(model, X, target, weight)
    if problem.has_lasso:
        raise ValueError(
            f"{type(model).__name__}(solver='lbfgs', penalty={model.penalty!r}): lbfgs needs a smooth penalty; choose "
            "the solver 'newton' or 'sgd' for exact zeros"
        )
    finish = Finish(model, problem, "L-BFGS", "iterations")

    def note(values: np.ndarray, penalties: np.ndarray, theta: np.ndarray) -> None:
        finish.note(values + penalties, theta)

    with DeferredInterrupt() as interrupt:
        theta, finish.converged = descend(
            problem, problem.theta(), model.tol, note, lambda: finish.n_iter >= model.max_iter or interrupt.count > 0
        )
    finish.report(theta, bool(interrupt.count))


def descend(
    problem: LinearProblem,
    theta: np.ndarray,
    tol: float,
    note: Callable[[np.ndarray, np.ndarray, np.ndarray], None],
    is_over: Callable[[], bool],
) -> tuple[np.ndarray, bool]:
    """Return the coefficients that L-BFGS leads to, and whether they are the optimum.

    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989), with the inverse of an
    approximate Hessian to begin with (`decorrelation`).

    Parameters
    ----------
    theta : (outputs, columns)
        Where to start.
    tol : float
        How small the gradient must be; with 0 it goes on until rounding is all that is left.
    note : callable
        Is told the losses, the penalties and the coefficients, at the start and after every iteration.
    is_over : callable
        Whether something else ends it.
    """
    root, shape = decorrelation(problem, theta), theta.shape
    points: dict[float, tuple[np.ndarray, ...]] = {}

    def along(length: float) -> tuple[float, np.ndarray]:
        at = theta + moved(length * direction) if length else theta
        values, gradient = problem.values_and_gradient(at)
        penalties = problem.penalties(at)
        points[length] = at, values, penalties, gradient
        return float((values + penalties).sum()), turned(gradient)

    def turned(gradient: np.ndarray) -> np.ndarray:
        """Return a gradient with respect to phi, in which theta + phi · root are the coefficients."""
        return (gradient if root is None else gradient * root if root.ndim == 1 else gradient @ root.T).ravel()

    def moved(phi: np.ndarray) -> np.ndarray:
        phi = phi.reshape(shape)
        return phi if root is None else phi * root if root.ndim == 1 else phi @ root

    changes: deque = deque(maxlen=MEMORY)
    steps: deque = deque(maxlen=MEMORY)
    inverse: deque = deque(maxlen=MEMORY)
    diagonal, length, iteration = 1.0, 0.0, 0
    smallest, waited = np.inf, 0
    changes_curvature = problem.loss in ("logistic", "softmax")  # of others `decorrelation` returns the same again
    direction = np.zeros(theta.size)
    loss, gradient = along(0.0)
    while True:
        theta, values, penalties, plain = points[length]
        note(values, penalties, theta)
        is_cheap = root is not None and root.ndim == 1
        if changes_curvature and (iteration == REFRESH[0] or (iteration in REFRESH and is_cheap)):
            for past in (changes, steps, inverse):
                past.clear()
            root, diagonal = decorrelation(problem, theta), 1.0
            gradient = turned(plain)
        direction = inverse_hessian_product(-gradient, changes, steps, inverse, diagonal)
        if problem.residual(plain, theta) <= tol:
            step = moved(direction)
            is_near = np.linalg.norm(step) <= near(tol) / 5 * max(float(np.linalg.norm(theta)), 1e-3)
            if is_near and (theta.size > DIRECT or distance(problem, theta, plain) <= near(tol)):
                return theta, True
        slope = float(gradient.dot(direction))
        if is_over() or not slope < 0:
            return theta, False
        points.clear()
        before, gradient_before = loss, gradient
        length, noise = 0.0, problem.noise() * abs(loss)
        if -slope < noise and waited < PATIENCE:  # rounding may hide that the loss decreases, not that its slope does
            there, gradient = along(1.0)
            if there < loss + noise and abs(gradient.dot(direction)) <= -slope / 2:
                loss, length = there, 1.0
            size = float(np.linalg.norm(gradient))
            waited = 0 if size < smallest else waited + 1
            smallest = min(smallest, size)
        if not length:
            loss, gradient, length = strong_wolfe(along, 1.0, direction, loss, gradient_before, slope, 25)
            if not length or not loss < before:
                return theta, False  # rounding is all that is left
        iteration += 1
        change, step = gradient - gradient_before, length * direction
        curvature = change.dot(step)
        if curvature > 1e-10 * step.dot(step):
            changes.append(change)
            steps.append(step)
            inverse.append(1.0 / curvature)
            diagonal = curvature / change.dot(change)
