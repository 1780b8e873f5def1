"""Gradient steps of linear models, at learning rates of the library's own.

They are taken in the coefficients of standardised features (`LinearProblem`): by SGD, Adagrad or Adam on batches as
long as that makes progress, then, where the noise of the batches outweighs it, on all of the data: by L-BFGS, or with
L1 by proximal gradient steps with momentum. So they reach the optimum itself, not only its neighbourhood.
"""

from __future__ import annotations

import math
import time
from functools import partial
from operator import matmul
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.random import default_generator
from tinygrad_ml.terminal import DeferredInterrupt, ProgressBar
from tinygrad_ml.train.measures import check_metrics, measure

from .convergence import Finish, distance, hessian_product, near
from .design import SparseDesign, largest_eigenvalue, row_squares
from .lbfgs import descend
from .linear import OUTPUTS, relies_on
from .optimizers import SOLVERS, step_hyperparameters
from .problem import KINK, LinearProblem
from .stochastic import fit_stochastic, hold_out
from .weights import Weights

RATES = {"adam": 0.01, "adagrad": 0.1}  # in standard deviations
PROGRESS = 0.05  # a pass of steps on batches that gains less than this part of all that was gained is the last
LOOK = (20, 80, 320)  # the passes after which longer steps are tried, as the curvature is less than its bound


@relies_on(*OUTPUTS)
def fit_by_steps(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights, solver: str) -> None:
    """Fit by "sgd", "adagrad" or "adam" until the gradient is small, or for `max_iter` passes over the data.

    With a learning rate, an optimizer, a limit on gradients, callbacks or a number of steps of the user's own, steps
    are taken on the features as they are, by `tinygrad_ml.train.fit`.
    """
    is_asked = model.learning_rate is not None or model.asked.steps is not None or bool(step_hyperparameters(model))
    if is_asked or not model.ends_at_optimum:
        fit_stochastic(model, X, target, weight, solver)
        return
    held_out = model.asked.validation
    if model.early_stopping and held_out is None:
        rows, held_out = hold_out(model, (X, target) if weight is None else (X, target, weight))
        X, target, weight = (*rows, None)[:3]
    problem = LinearProblem(model, X, target, weight)
    with DeferredInterrupt() as interrupt:
        Descent(model, problem, solver, held_out, interrupt).run()


STEPS = {name: partial(fit_by_steps, solver=name) for name in SOLVERS}


class Descent:
    """The course of such a fit.

    Attributes
    ----------
    theta : (outputs, columns)
        The coefficients now.
    is_done : bool
    """

    def __init__(self, model: Any, problem: LinearProblem, solver: str, held_out: Any, interrupt: DeferredInterrupt):
        self.model, self.problem, self.solver = model, problem, solver
        self.held_out, self.interrupt = held_out, interrupt
        self.finish = Finish(model, problem, solver, "passes over the data")
        self.columns: dict[str, list[float]] = {"loss": [], "learning_rate": [], "seconds": []}
        self.metrics = check_metrics(model.asked.metrics, held_out)
        self.theta = problem.theta()
        self.best_validation, self.best_pass, self.best_theta = math.inf, 0, self.theta
        self.is_done = False
        self.clock = time.perf_counter()

    def run(self) -> None:
        """Fit the model, and report how it went."""
        problem, finish = self.problem, self.finish
        self.bar = ProgressBar(self.model.max_iter, "pass", self.solver, wanted=bool(self.model.verbose))
        try:
            values, gradient = problem.values_and_gradient(self.theta)
            constant = np.zeros_like(self.theta)  # an outlier takes the mean far away from all else, the median not
            other = problem.values_and_gradient(constant) if self.theta.any() else (values, gradient)
            if other[0].sum() < (values + problem.penalties(self.theta)).sum():
                self.theta, (values, gradient) = constant, other
            finish.note(values + problem.penalties(self.theta), self.theta)
            if self.model.tol and self._has_converged(gradient):
                self._note(values, self.theta, 0.0)
                finish.converged = True
            else:
                self._on_batches()
                self._on_all()
        finally:
            self.bar.close()
        stopped = ""
        if self.model.early_stopping and self.best_pass:
            waited = len(self.columns["loss"]) - self.best_pass
            self.theta, finish.converged = self.best_theta, True
            finish.best_theta = self.best_theta
            stopped = f"EarlyStopping: validation_loss has not improved for {waited} epochs. " if self.is_done else ""
            stopped += (
                f"The weights are those of epoch {self.best_pass}, the best (validation_loss "
                f"{self.best_validation:.6g})."
            )
        elif self.held_out is not None:  # the last row is about the weights that come back
            self._judge(self.theta if finish.converged else finish.best_theta, -1)
        finish.report(self.theta, bool(self.interrupt.count), self.columns, stopped)

    # ------------------------------------------------------------------ steps on batches

    def _on_batches(self) -> None:
        problem, n = self.problem, self.problem.n_samples
        size = min(self.model.batch_size or n, n)
        is_cheap = (size == n and self.solver == "sgd") or self._is_cheaper_as_a_whole(size)
        if not problem.is_plain or (self.model.tol and is_cheap):
            return
        problem.kink = 1.0
        rate = RATES.get(self.solver) or 1 / self._smoothness(size)
        finish, theta, first, failures = self.finish, self.theta, self.finish.best, 0
        kinds = {"sgd": SGDSteps, "adagrad": AdagradSteps, "adam": AdamSteps}
        step = kinds[self.solver](problem, self.model.momentum)
        design: Any = problem.design
        is_sparse = isinstance(design, SparseDesign)
        product: Any = matmul if is_sparse else np.dot  # which of small arrays takes half of the time
        while not self._is_over():
            order = default_generator().permutation(n)
            theta = theta.copy()
            for start in range(0, n, size):
                rows = order[start : start + size]
                batch = design[rows] if is_sparse else design.take(rows, 0)  # which takes a third of the time
                slope = problem.slope(product(batch, theta.T.astype(problem.dtype, copy=False)), rows)
                step(theta, product(slope.T, batch), rate)
                if self.interrupt.count:
                    break
            values = problem.values(theta)
            objective, before = (values + problem.penalties(theta)).sum(), finish.best
            if not math.isfinite(objective) or objective > first:  # too far: again, from the best so far
                failures += 1
                if failures > 20:
                    break
                theta, rate = finish.best_theta, rate / 5
                step = type(step)(problem, self.model.momentum)
                continue
            self._note(values, theta, rate)
            if self.model.tol and before - objective < PROGRESS * (first - objective):
                break
        self.theta = finish.best_theta
        problem.kink = KINK

    def _is_cheaper_as_a_whole(self, size: int) -> bool:
        """Whether steps change far more coefficients, which are not sparse, than there are entries of all samples."""
        design = self.problem.design
        batches = math.ceil(self.problem.n_samples / size)
        return isinstance(design, SparseDesign) and batches * design.shape[1] > design.matrix.nnz

    # ------------------------------------------------------------------ steps on all the data

    def _on_all(self) -> None:
        """Go on with all the data, for the absolute loss with a corner that becomes sharper."""
        problem, tol = self.problem, self.model.tol
        if not tol:  # which asks for steps on batches, and for all of them
            return
        # an outlier is nearly all of a robust loss, so a line search, which compares losses, sees nothing else
        is_robust = problem.loss in ("mae", "huber")
        go = self._accelerate if problem.has_lasso or is_robust else self._descend
        if problem.loss == "mae":
            for kink in (1.0, 0.1, 1e-2, 1e-3, 1e-4):
                problem.kink = kink
                go(0.01)
            problem.kink = KINK
        self.finish.converged = go(problem.tolerance(tol))

    def _descend(self, tol: float) -> bool:
        """Go on by L-BFGS; return whether that has reached the optimum."""
        problem = self.problem
        is_first = True

        def note(values: np.ndarray, penalties: np.ndarray, theta: np.ndarray) -> None:
            nonlocal is_first
            if not is_first:  # which the last pass has noted
                self._note(values, theta, 1.0, penalties)
            is_first = False

        self.theta, converged = descend(problem, self.theta, tol, note, self._is_over)
        return converged

    def _accelerate(self, tol: float) -> bool:
        """Go on by proximal gradient steps with momentum; return whether they have reached the optimum.

        Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems" (2009), which
        forgets its momentum where it leads upwards: O'Donoghue and Candès, "Adaptive restart for accelerated gradient
        schemes" (2015).
        """
        problem, finish = self.problem, self.finish
        bound = self._smoothness(problem.n_samples)
        known = problem.curvature is not None and problem.loss != "general"
        x = y = self.theta
        age, shrink, passes = 1.0, 1.0, 0
        while not self._is_over():
            passes += 1
            if passes in LOOK and problem.loss in ("logistic", "softmax"):
                bound, known = min(bound, local_curvature(problem, x)), False
            values, gradient = problem.values_and_gradient(y)
            if not np.isfinite(gradient).all():
                raise np.linalg.LinAlgError("the gradient is not finite")
            new = self._shrunk(y - gradient / bound, bound)
            while not known and self._is_too_far(y, values, gradient, new):
                bound *= 2
                new = self._shrunk(y - gradient / bound, bound)
            self._note(values, y, 1 / bound)
            change = new - x
            if ((y - new) * change).sum() > 0:
                age = 1.0
            older, age = age, (1 + math.sqrt(1 + 4 * age * age)) / 2
            mapping = bound * float(abs(y - new).max())
            x, y = new, new + (older - 1) / age * change
            if mapping <= max(tol * shrink, problem.floor() / 100):
                if problem.kink > KINK or self._has_converged(problem.values_and_gradient(x)[1], x):
                    self.theta = x
                    return True
                shrink /= 3
        self.theta = x
        values = problem.values(x)
        finish.compare(values + problem.penalties(x), x)
        return False

    def _shrunk(self, theta: np.ndarray, bound: float) -> np.ndarray:
        if not self.problem.has_lasso:
            return theta
        threshold = self.problem.lasso / bound
        return theta - np.clip(theta, -threshold, threshold)

    def _is_too_far(self, y: Any, values: Any, gradient: Any, new: Any) -> bool:
        """Whether a step decreases the objective by less than half of what the gradient promises."""
        problem, step = self.problem, new - y
        before = values.sum() + problem.penalties(y).sum()
        after = (problem.values(new) + problem.penalties(new)).sum()
        promised = (gradient * step).sum() + (problem.lasso * (abs(new) - abs(y))).sum()
        return bool(abs(step).max() > 1e-12 and not after <= before + promised / 2 + 1e-13 * abs(before))

    # ------------------------------------------------------------------ what both have in common

    def _has_converged(self, gradient: np.ndarray, theta: np.ndarray | None = None) -> bool:
        theta = self.theta if theta is None else theta
        if self.problem.residual(gradient, theta) > self.problem.tolerance(self.model.tol):
            return False
        return distance(self.problem, theta, gradient) <= near(self.model.tol)

    def _is_over(self) -> bool:
        return self.is_done or bool(self.interrupt.count) or len(self.columns["loss"]) >= self.model.max_iter

    def _note(self, values: np.ndarray, theta: np.ndarray, rate: float, penalties: Any = None) -> None:
        """Record a pass, and see whether the held out samples end the fit."""
        columns, now = self.columns, time.perf_counter()
        columns["loss"].append(self.problem.measure(values))
        columns["learning_rate"].append(rate)
        columns["seconds"].append(now - self.clock)
        self.clock = now
        self.finish.note(values + (self.problem.penalties(theta) if penalties is None else penalties), theta)
        self.bar.advance()
        if self.held_out is None:
            return
        loss = self._judge(theta)
        if loss < self.best_validation:
            self.best_validation, self.best_pass, self.best_theta = loss, len(columns["loss"]), theta
        elif self.model.early_stopping:
            self.is_done = len(columns["loss"]) - self.best_pass >= self.model.n_iter_no_change

    def _judge(self, theta: np.ndarray, row: int | None = None) -> float:
        """Measure coefficients on the held out samples, in a new row of the history or in another; return the loss."""
        self.problem.apply(theta)
        X, target, *weight = self.held_out
        with tg.no_grad():
            output = self.model(tg.tensor(X))
            loss = float(self.model.criterion(output, target, *weight).item())
        measures = {"validation_loss": loss, **measure(self.metrics, self.model.criterion, output.numpy(), target)}
        for name, value in measures.items():
            column = self.columns.setdefault(name, [])
            if row is None:
                column.append(float(value))
            else:
                column[row] = float(value)
        return loss

    def _smoothness(self, batch_size: int) -> float:
        """Return the largest curvature that a step may meet; one over it is a safe learning rate.

        For batches without repetition, between that of all the data and that of the worst sample: Gower et al., "SGD:
        general analysis and improved rates" (2019), section 3.
        """
        problem = self.problem
        n, weight = problem.n_samples, problem.sample_weight
        curvature = problem.curvature or 2.0
        if problem.loss == "mae":
            curvature /= problem.kink
        squares = row_squares(problem.design)
        share = (n - batch_size) / (batch_size * (n - 1)) if n > 1 else 0.0
        worst = squares.max() if weight is None else (squares * weight).max()
        largest = largest_eigenvalue(problem.design, weight)
        return float(curvature * (share * worst + (1 - share) * largest) + problem.ridge.max())


def local_curvature(problem: LinearProblem, theta: np.ndarray) -> float:
    """Return about the largest curvature of the objective at some coefficients."""
    curve = problem.curve(problem.outputs(theta))
    v = np.random.default_rng(0).normal(size=theta.shape)
    value = 0.0
    for _ in range(12):
        v = hessian_product(problem, curve, v / np.linalg.norm(v))
        value = float(np.linalg.norm(v))
    return 1.1 * value


class Steps:
    """How an optimizer changes the coefficients: the penalties, and what follows from a gradient."""

    def __init__(self, problem: LinearProblem, momentum: float):
        self.problem, self.momentum, self.count = problem, momentum, 0
        self.has_lasso = problem.has_lasso
        self.mean, self.square = np.zeros_like(problem.ridge), np.zeros_like(problem.ridge)

    def __call__(self, theta: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        """Change the coefficients by a gradient of the loss."""
        self.count += 1
        if self.problem.has_penalty:
            gradient = gradient + self.problem.ridge * theta
        direction, scale = self.direction(gradient)
        rate = rate / scale
        theta -= rate * direction
        if self.has_lasso:
            threshold = rate * self.problem.lasso
            theta -= np.clip(theta, -threshold, threshold)

    def direction(self, gradient: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return a direction, and what each entry of it is divided by."""
        raise NotImplementedError


class SGDSteps(Steps):
    """SGD with momentum."""

    def direction(self, gradient: np.ndarray) -> tuple[np.ndarray, Any]:
        if self.momentum:  # the rate is that of the step which a constant gradient leads to
            gradient = self.mean = self.momentum * self.mean + (1 - self.momentum) * gradient
        return gradient, 1.0


class AdagradSteps(Steps):
    """Adagrad."""

    def direction(self, gradient: np.ndarray) -> tuple[np.ndarray, Any]:
        self.square += gradient * gradient
        return gradient, np.sqrt(self.square) + 1e-10


class AdamSteps(Steps):
    """Adam."""

    def direction(self, gradient: np.ndarray) -> tuple[np.ndarray, Any]:
        self.mean += 0.1 * (gradient - self.mean)
        self.square += 0.001 * (gradient * gradient - self.square)
        size = 1 - 0.9**self.count
        return self.mean / size, np.sqrt(self.square / (1 - 0.999**self.count)) + 1e-8
