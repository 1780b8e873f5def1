"""L-BFGS: a quasi-Newton method, on all the data at once."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from tinygrad_ml.optim.lbfgs import inverse_hessian_product
from tinygrad_ml.optim.line_search import strong_wolfe
from tinygrad_ml.terminal import DeferredInterrupt

from .convergence import NEAR, Finish
from .problem import LinearProblem
from .weights import Weights

MEMORY = 10  # the steps that the Hessian is estimated from
REFRESH = (8,)  # the iterations at which the Hessian to begin with is computed anew
WIDE = 1024  # up to this number of columns the Hessian to begin with is computed
NO_SINGULARITY = 1e-9  # is added to the bound on the Hessian, whose diagonal is about 1


def lbfgs(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit until no entry of the gradient is larger than `tol`, and the next step would change hardly anything.

    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989), with the inverse of a
    bound on the Hessian to begin with (`whitening`).
    """
    problem = LinearProblem(model, X, target, weight)
    if problem.lasso.any():
        raise ValueError(
            f"{type(model).__name__}(solver='lbfgs', penalty={model.penalty!r}): lbfgs needs a smooth penalty; choose "
            "the solver 'newton' or 'sgd' for exact zeros"
        )
    finish = Finish(model, problem, "L-BFGS", "iterations")
    theta = problem.theta()
    root = whitening(problem, theta)
    shape = theta.shape
    points: dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def along(length: float) -> tuple[float, np.ndarray]:
        at = theta + (length * direction).reshape(shape) @ root if length else theta
        values, gradient = problem.values_and_gradient(at)
        values = values + problem.penalties(at)
        points[length] = at, values, gradient
        return float(values.sum()), (gradient @ root.T).ravel()

    changes: deque = deque(maxlen=MEMORY)
    steps: deque = deque(maxlen=MEMORY)
    inverse: deque = deque(maxlen=MEMORY)
    diagonal, length = 1.0, 0.0
    direction = np.zeros(theta.size)
    loss, gradient = along(0.0)
    with DeferredInterrupt() as interrupt:
        while True:
            theta, values, plain = points[length]
            finish.note(values, theta)
            if finish.n_iter in REFRESH:
                root = whitening(problem, theta)
                changes.clear()
                steps.clear()
                inverse.clear()
                diagonal = 1.0
                gradient = (plain @ root.T).ravel()
            direction = inverse_hessian_product(-gradient, changes, steps, inverse, diagonal)
            if problem.residual(plain, theta) <= model.tol:
                step = direction.reshape(shape) @ root
                size = max(float(np.linalg.norm(theta)), 1e-3)
                finish.converged = bool(np.linalg.norm(step) <= NEAR / 5 * size)
            slope = float(gradient.dot(direction))
            if finish.converged or finish.n_iter >= model.max_iter or interrupt.count or not slope < 0:
                break
            points.clear()
            before, past = loss, gradient
            loss, gradient, length = strong_wolfe(along, 1.0, direction, loss, gradient, slope, 25)
            if not length or not loss < before:
                break  # rounding is all that is left
            change, step = gradient - past, length * direction
            curvature = change.dot(step)
            if curvature > 1e-10 * step.dot(step):
                changes.append(change)
                steps.append(step)
                inverse.append(1.0 / curvature)
                diagonal = curvature / change.dot(change)
    finish.report(theta, bool(interrupt.count))


def whitening(problem: LinearProblem, theta: np.ndarray) -> np.ndarray:
    """Return the matrix R that gives coefficients theta + phi · R, in whose phi the Hessian is about 1.

    It is the root of the inverse of Xᵀ D X plus the ridge, where D is the curvature of the loss of each sample, the
    mean over the outputs. So features that are nearly collinear cost hardly more iterations than others.
    """
    columns = problem.design.shape[1]
    if columns > WIDE or problem.curvature is None:
        return np.eye(columns)
    curvature = np.einsum("njj->n", problem.curvatures(problem.outputs(theta))) / len(theta)
    bound = (problem.design.T @ (problem.design * curvature[:, None])).astype(np.float64)
    bound.flat[:: columns + 1] += problem.ridge.max(axis=0) + NO_SINGULARITY
    return np.linalg.inv(np.linalg.cholesky(bound))
