"""When a training run of a linear model by `tinygrad_ml.train.fit` ends: when the gradient of all its data is small."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_ml import optim

from .convergence import distance, near, separation
from .linear import OUTPUTS, relies_on
from .problem import LinearProblem
from .stochastic import smoothness
from .stopping import LITTLE, Watch


@relies_on(*OUTPUTS)
def watch_linear(model: Any, solver: str, optimizer: optim.Optimizer, rows: tuple) -> WatchGradient | None:
    """Return the callback that ends the training run of a linear model with its optimizer on these rows.

    None if what the optimizer does is not the descent of a loss with these penalties on the weights.
    """
    X, target, weight = (*rows, None)[:3]
    first, *others = optimizer.param_groups
    l1, l2 = first.get("l1", 0.0), first.get("weight_decay", 0.0)
    on_bias = others[0] if others else first if len(first["params"]) > 1 else {}
    is_decoupled = l2 and getattr(optimizer, "decoupled", False)
    if is_decoupled or first.get("maximize") or on_bias.get("l1") or on_bias.get("weight_decay"):
        return None
    problem = LinearProblem(model, X, target, weight, penalties=(l1, l2))
    safe = 0.0
    if problem.loss in ("mse", "logistic", "softmax") and isinstance(optimizer, optim.SGD):
        safe = 1 / smoothness(model.inputs(X), weight, min(model.batch_size or len(X), len(X)), model.curvature, l2)
    return WatchGradient(model, solver, model.stops_itself, problem, safe)


class WatchGradient(Watch):
    """Ends the training run of a linear model when the gradient of all its data is small.

    Parameters
    ----------
    problem : LinearProblem
    safe_rate : float
        A learning rate that is not too high; 0 if none is known.
    """

    def __init__(self, model: Any, solver: str, stops: bool, problem: LinearProblem, safe_rate: float):
        super().__init__(model, solver, stops)
        self.problem, self.safe_rate = problem, safe_rate
        self.theta = self.best_theta = problem.theta()
        self.objectives: list[float] = []
        self.converged = False

    def on_start(self, run: Any) -> None:
        steps = len(run.data) or 1
        momentum = max(float(g.get("momentum") or g.get("betas", (0.0,))[0]) for g in run.optimizer.param_groups)
        # a step with momentum is that of many batches, so a loss that rises may fall again
        self.patience = max(self.model.n_iter_no_change, math.ceil(5 / (1 - momentum) / steps))
        self.waited, self.best_epoch = 0, 0
        self.best_theta = self.theta = self.problem.theta()
        self.first = self.best = self.last = self._objective(self.theta)[0]
        self.objectives = [self.first]

    def _objective(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        values, gradient = self.problem.values_and_gradient(theta)
        return self.problem.measure(values + self.problem.penalties(theta)), gradient

    def on_epoch_end(self, run: Any) -> None:
        self.theta = self.problem.theta()
        self.last, gradient = self._objective(self.theta)
        self.objectives.append(self.last)
        if self.last < self.best:
            self.best, self.best_theta, self.best_epoch, self.waited = self.last, self.theta, run.epoch, 0
        else:
            self.waited += 1
        if not self.stops:
            return
        if self._is_optimum(self.theta, gradient, self.model.tol):
            self.converged = True
            self.end(run, "Converged: the gradient is small.")
        elif self.waited >= self.patience and self._swings_no_less():
            self.raise_if_exploded(run, 0.0)
            best = self._objective(self.best_theta)[1]
            self.converged = self._is_optimum(self.best_theta, best, 0.0)
            self.end(run, f"The loss has not decreased for {self.waited} epochs.")

    def _swings_no_less(self) -> bool:
        """Whether the loss was as large lately as before: with momentum it swings around the optimum, ever less."""
        lately, before = self.objectives[-self.patience :], self.objectives[-2 * self.patience : -self.patience]
        return bool(before) and not max(lately) < max(before)

    def _is_optimum(self, theta: np.ndarray, gradient: np.ndarray, tol: float) -> bool:
        problem = self.problem
        if not problem.residual(gradient, theta) <= problem.tolerance(tol):
            return False
        return distance(problem, theta, gradient) <= near(self.model.tol)

    def on_end(self, run: Any) -> None:
        if self.is_interrupted(run) or not np.array_equal(self.theta, self.problem.theta()):
            if self.stops or self.is_interrupted(run):
                return  # another callback has brought weights back
            self.theta = self.problem.theta()
            self.last = self._objective(self.theta)[0]
            self.best, self.best_theta, self.best_epoch = min(
                (self.first, self.best_theta, 0), (self.last, self.theta, run.epoch), key=lambda entry: entry[0]
            )
        rose = self.last > self.first or not math.isfinite(self.last)
        if rose or (self.best < self.last and self.stops):
            self.problem.apply(self.best_theta)
            run.history.stopped += f" The weights are {_of_epoch(self.best_epoch)} (loss {self.best:.6g})."
        if rose:
            self.say(self._too_high(run))
        elif self.stops and not self.converged and (self.is_ours or run.stopped is None):
            gradient = self._objective(self.best_theta)[1]
            self.say(separation(self.problem, self.best_theta, gradient, self.converged) or self._why_not(run))
        elif self.stops and self.converged:
            gradient = self._objective(self.best_theta)[1]
            if reason := separation(self.problem, self.best_theta, gradient, self.converged):
                self.say(reason)

    def _too_high(self, run: Any) -> str:
        rate = run.optimizer.param_groups[0]["lr"]
        return (
            f" in {run.epoch} passes over the data: the loss rose from {self.first:.4g} to {self.last:.4g}, so the "
            f"learning rate {rate:.4g} is too high; lower it{self._safe(rate)}, or scale the features (the weights are "
            f"{_of_epoch(self.best_epoch)})"
        )

    def _why_not(self, run: Any) -> str:
        rate = run.optimizer.param_groups[0]["lr"]
        if run.stopped is not None:
            stuck = (
                f" in {run.epoch} passes over the data: the loss has not decreased for {self.waited} passes although "
                "its gradient is not small"
            )
            if len(run.data) > 1 and not rate > self.safe_rate > 0:
                return (
                    f"{stuck}, because each step of the learning rate {rate:.4g} sees only a batch; lower it, take all "
                    "samples (batch_size=None), or leave the rate to the model (learning_rate=None)"
                )
            return (
                f"{stuck}, because the steps of the learning rate {rate:.4g} are too long; lower it{self._safe(rate)}, "
                "or leave it to the model (learning_rate=None)"
            )
        reason = f" in max_iter={self.model.max_iter} passes over the data: the loss was still decreasing"
        if self.best > (1 - LITTLE) * self.first or rate < 0.1 * self.safe_rate:
            return (
                f"{reason}, from {self.first:.4g} to {self.last:.4g}, because the learning rate {rate:.4g} is too low; "
                f"raise it{self._safe(rate)}, or raise max_iter"
            )
        if rate > 1.5 * self.safe_rate > 0:
            return (
                f"{reason}, slowly, because the steps of the learning rate {rate:.4g} are nearly too long and go from "
                f"side to side; lower it{self._safe(rate)}, or raise max_iter"
            )
        return f"{reason}; raise max_iter or learning_rate, or scale the features"

    def _safe(self, rate: float) -> str:
        is_other = self.safe_rate and abs(self.safe_rate - rate) > 0.5 * self.safe_rate
        return f" (about {self.safe_rate:.3g} is safe here)" if is_other else ""

    def state_dict(self) -> dict[str, Any]:
        return {
            name: vars(self)[name] for name in ("first", "best", "best_theta", "best_epoch", "waited", "objectives")
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


def _of_epoch(epoch: int) -> str:
    return f"those of epoch {epoch}, the best" if epoch else "those that it began with, the best"
