"""What a fit says when it ends: that it has converged, or why it has not and what helps.

A linear model has converged when the gradient of its `LinearProblem` is small, and Newton's method would not change its
outputs or coefficients any more: where features are nearly collinear, the gradient is small long before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from .design import Design, column_squares, gram
from .problem import LinearProblem, smallest_subgradient
from .warnings import stop_by_interrupt, warn_not_converged

NEAR = 5e-5  # the relative distance to the optimum at which gradient steps have reached it, unless tol asks for less
DIRECT = 300  # up to this number of coefficients Newton's step is computed with the Hessian, beyond it without
WIDE = 1024  # up to this number of columns features are decorrelated
NO_SINGULARITY = 1e-9  # is added to the Hessian of features that may be collinear, relative to its diagonal
PRODUCTS = 60  # how many products with the Hessian may be spent on that


class Finish:
    """What a solver of a `LinearProblem` reached: the objective after every iteration, the best coefficients, the end.

    Attributes
    ----------
    n_iter : int
        The iterations so far.
    converged : bool
    stopped : str
        Why it ended; a sentence.
    """

    def __init__(self, model: Any, problem: LinearProblem, solver: str, unit: str):
        self.model, self.problem, self.solver, self.unit = model, problem, solver, unit
        self.objectives: list[float] = []
        self.best, self.best_theta = np.inf, problem.theta()
        self.converged = False

    @property
    def n_iter(self) -> int:
        return len(self.objectives) - 1

    def note(self, values: np.ndarray, theta: np.ndarray) -> None:
        """Record the objective of every unit after an iteration, and the coefficients if they are the best so far."""
        self.objectives.append(self.problem.measure(values))
        self.compare(values, theta)

    def compare(self, values: np.ndarray, theta: np.ndarray) -> None:
        """Keep coefficients with these objectives if they are the best so far."""
        value = values.sum()
        if value <= self.best:
            self.best, self.best_theta = value, theta

    def report(self, theta: np.ndarray, interrupted: bool, columns: Any = None, stopped: str = "") -> None:
        """Give the model what was learned, and say if that is not the optimum.

        `columns` are those of the history, by default the objectives; `stopped` says why a fit ended that was not to
        reach the optimum.
        """
        model, problem = self.model, self.problem
        model.history_.extend(**(columns or {"loss": self.objectives}))
        model.n_iter_ = max(1, self.n_iter)
        theta = theta if self.converged else self.best_theta
        gradient = problem.values_and_gradient(theta)[1]
        if not np.isfinite(gradient).all():
            raise np.linalg.LinAlgError("the gradient is not finite")
        theta = theta.copy()
        theta[:, problem.free] -= theta[:, problem.free].mean(axis=0)
        problem.apply(theta)
        if interrupted:
            model.history_.stopped = f"Interrupted after {self.n_iter} {self.unit}."
            stop_by_interrupt(model, model.history_.stopped)
            return
        if stopped:
            model.history_.stopped = stopped
            return
        residual = problem.residual(gradient, theta)
        spent = self.n_iter >= model.max_iter
        # where no step decreases the loss any more, because rounding hides what is left of it
        if not self.converged and residual <= (problem.floor() if spent else 1e3 * problem.floor()):
            self.converged = distance(problem, theta, gradient) <= max(near(model.tol), 1e3 * problem.floor())
        reason = separation(problem, theta, gradient, self.converged)
        if not reason and not self.converged:
            budget = f" in max_iter={model.max_iter} {self.unit}" if spent else f" in {self.n_iter} {self.unit}"
            cure = "raise max_iter" if spent else "rounding leaves no step that would decrease the loss: raise tol"
            reason = (
                f"{budget}: the largest entry of the gradient, for standardised features, is {residual:.2g}, and tol "
                f"is {model.tol:g}; {cure}{collinearity(problem)}"
            )
        if not model.tol and columns:  # which asks for all passes
            model.history_.stopped = f"All {self.n_iter} epochs are done."
            return
        model.history_.stopped = f"{self.solver} has {'not converged' + reason if reason else 'converged'}."
        if reason:
            warn_not_converged(model, self.solver, reason)


# ---------------------------------------------------------------------- how far it is to the optimum


def near(tol: float) -> float:
    """Return the relative distance to the optimum at which gradient steps have reached it."""
    return max(NEAR, tol / 2)


def distance(problem: LinearProblem, theta: np.ndarray, gradient: np.ndarray) -> float:
    """Return how much a step of Newton's method would change the coefficients or the outputs, relative to them.

    0 where second derivatives are not known, or say nothing, as those of the absolute loss.
    """
    if problem.loss in ("general", "mae"):
        return 0.0
    z = problem.outputs(theta)
    step = newton_direction(problem, z, theta, gradient)
    change = problem.outputs(step)
    spread = np.linalg.norm(z - z.mean(axis=0)) / len(z) ** 0.5
    outputs = np.linalg.norm(change) / len(z) ** 0.5 / max(float(spread), 1e-3)
    return float(max(outputs, np.linalg.norm(step) / max(float(np.linalg.norm(theta)), 1e-3)))


def newton_direction(problem: LinearProblem, z: np.ndarray, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return Newton's step among the weights that L1 does not hold at zero, or if they are many an approximation."""
    free = (theta != 0) | (problem.lasso == 0)
    slope = np.where(free, smallest_subgradient(gradient, theta, problem.lasso), 0)
    step = np.zeros_like(theta)
    if theta.size <= DIRECT:
        chosen = free.ravel()
        H = hessian(problem.design, problem.curvatures(z), problem.ridge)[np.ix_(chosen, chosen)]
        if problem.has_penalty and not len(problem.free):
            with suppress(np.linalg.LinAlgError):  # a penalty so weak that rounding takes it away
                step[free] = -np.linalg.solve(H, slope[free])
                return step
        step[free] = -pseudo_inverse(H, problem.resolution) @ slope[free]
        return step
    # conjugate gradients: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems" (1952)
    curve = problem.curve(z)
    left, direction = -slope, -slope
    square = smallest = float((left * left).sum())
    for _ in range(PRODUCTS):
        if square <= 1e-4 * smallest:
            break
        product = np.where(free, hessian_product(problem, curve, direction), 0)
        along = float((direction * product).sum())
        if along <= 0:  # a direction in which nothing changes
            break
        step = step + square / along * direction
        left = left - square / along * product
        before, square = square, float((left * left).sum())
        direction = left + square / before * direction
    return step


def hessian(design: Design, curvature: np.ndarray, ridge: np.ndarray, free: Iterable[int] = ()) -> np.ndarray:
    """Return the Hessian of the objective, `(outputs · columns, outputs · columns)`, in float64.

    Along the directions that shift the weights of all outputs in a `free` column, where it is zero and the gradient
    too, it is made 1, so that it can be inverted.
    """
    k, d = ridge.shape
    blocks = np.empty((k, d, k, d))
    for i in range(k):
        for j in range(i + 1):
            if curvature[:, i, j].any():  # outputs of a regression have none together
                blocks[i, :, j] = gram(design, curvature[:, i, j])
            else:
                blocks[i, :, j] = 0
            blocks[j, :, i] = blocks[i, :, j].T
    H = blocks.reshape(k * d, k * d)
    H.flat[:: k * d + 1] += ridge.ravel()
    for column in free:
        H[column::d, column::d] += 1 / k
    return H


def hessian_product(problem: LinearProblem, curve: Callable[[np.ndarray], np.ndarray], v: np.ndarray) -> np.ndarray:
    """Return the Hessian of the objective times v, `(outputs, columns)`; `curve` is that of the problem."""
    change = curve(problem.outputs(v))
    return (change.T @ problem.design).astype(np.float64) + problem.ridge * v


def pseudo_inverse(H: np.ndarray, resolution: float) -> np.ndarray:
    """Return the inverse of a positive semidefinite matrix, but for what is smaller than its rounding."""
    return np.linalg.pinv(H, rcond=resolution, hermitian=True)


def decorrelation(problem: LinearProblem, theta: np.ndarray) -> np.ndarray | None:
    """Return the matrix R that gives coefficients theta + phi · R, in whose phi the Hessian is about 1.

    It is the root of the inverse of Xᵀ D X plus the ridge, where D is the curvature of the loss of each sample, the
    mean over the outputs. So features that are nearly collinear cost hardly more iterations than others. If there are
    many columns, only the diagonal of that is taken, and comes as such, `(columns,)`; None, which stands for the
    identity, if the curvature is not known.
    """
    columns = problem.design.shape[1]
    if problem.curvature is None:
        return None
    design, n = problem.design, problem.n_samples
    is_even = True  # whether the curvature of the loss is that of all samples
    if problem.loss in ("logistic", "softmax"):
        is_even = not theta[:, : problem.n_features].any()
        curvature = problem.traces(problem.outputs(theta)) / len(theta)
    else:
        largest = problem.curvature / (problem.kink if problem.loss == "mae" else 1.0)
        curvature = np.full(n, largest / n) if problem.weight is None else problem.weight * (largest / n)
    ridge = problem.ridge.max(axis=0)
    if columns > WIDE:
        squares = problem.squares * curvature.sum() if is_even else column_squares(design, curvature)
        diagonal = squares.astype(np.float64) + ridge
        return 1 / np.sqrt(diagonal + NO_SINGULARITY * float(diagonal.max()))
    bound = gram(design, curvature).astype(np.float64)
    bound.flat[:: columns + 1] += ridge + NO_SINGULARITY * float(np.diag(bound).max())
    return np.linalg.inv(np.linalg.cholesky(bound))


def collinearity(problem: LinearProblem) -> str:
    """Return advice for features that are nearly linear functions of each other; "" if they are not."""
    if problem.n_features > DIRECT:
        return ""
    d = problem.n_features
    products = gram(problem.design)[:d, :d] / problem.n_samples
    eigenvalues = np.linalg.eigvalsh(products + np.diag(problem.ridge[0, :d]))
    if eigenvalues[-1] <= 1e4 * max(eigenvalues[0], 0):
        return ""
    fast = "'normal' or 'newton'" if problem.model.kind == "regressor" else "'newton' or 'lbfgs'"
    return f". Some features are nearly linear functions of each other: the solver {fast} is quicker for them"


def separation(problem: LinearProblem, theta: np.ndarray, gradient: np.ndarray, converged: bool) -> str:
    """Return that a plane separates the classes of a classifier without penalty; "" if none is seen to do so."""
    if problem.loss not in ("logistic", "softmax") or (problem.has_penalty and converged):
        return ""
    z = problem.outputs(theta)
    who = "a plane separates the classes"
    if problem.loss == "logistic":
        right = ((z > 0) == (problem.target > 0.5)) & (z != 0)
        if right.shape[1] > 1:  # one label that a plane separates is enough, unless it is the same everywhere
            varies = (problem.target != problem.target[0]).any(axis=0)
            separated = np.flatnonzero(right.all(axis=0) & varies)
            who = f"a plane separates the classes of label {separated[0]}" if separated.size else who
            right = right[:, separated[:1]]
        right = right.all(axis=1) if right.shape[1] else np.zeros(1, bool)
    else:
        rows = np.arange(len(z))
        own = z[rows, problem.target]
        others = z.copy()
        others[rows, problem.target] = -np.inf
        right = own > others.max(axis=1)
        who = "planes separate the classes"
    if not right.all():
        if problem.has_penalty or not is_drifting(problem, theta, z, gradient):
            return ""
        who = "a plane separates some of the samples from all others"
    if problem.has_penalty:
        return (
            f" in max_iter={problem.model.max_iter}: {who}, and the penalty is weak, so that the optimum is far; lower "
            "C, or raise max_iter"
        )
    return (
        f": {who}, so without a penalty there is no optimum, and the weights grow as long as the fit goes on; set "
        "penalty='l2'"
    )


def is_drifting(problem: LinearProblem, theta: np.ndarray, z: np.ndarray, gradient: np.ndarray) -> bool:
    """Whether logits are large, the gradient is small, and Newton's step is not: so it is on the way to infinity."""
    if abs(z).max() < 8 or abs(gradient).max() > 1e-3 or theta.size > DIRECT:
        return False
    step = newton_direction(problem, z, theta, gradient)
    change = abs(problem.outputs(step))
    return bool(0.3 < change.max() < 30)
