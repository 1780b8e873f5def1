"""When a training run by `tinygrad_ml.train.fit` ends, with which weights, and what is said about it.

The loss of every epoch tells when to end. (Linear models are watched by their gradient: see `watch_gradient.py`.) The
best weights come back, and a warning says when steps were too long or too short.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.optim import Optimizer
from tinygrad_ml.train import Callback, Diverged

from .checking import check_mean_loss
from .warnings import warn_not_converged

EXPLODED = 1000.0  # a loss that has become this multiple of the first is an error
SAMPLES = 500  # how many of the samples tell whether a network is better than at first
ROUNDING = 1e-12  # a loss that is smaller at first says nothing of its unit
LITTLE = 0.1  # a relative decrease of the loss that is hardly one


class Watch(Callback):
    """What both kinds have in common.

    Parameters
    ----------
    model : Model
    solver : str
    stops : bool
        Whether to end the training run where the model has converged.
    """

    def __init__(self, model: Any, solver: str, stops: bool):
        self.model, self.solver, self.stops = model, solver, stops
        self.is_ours = False  # whether this has ended the training run
        self.waited = self.best_epoch = 0
        self.first = self.best = math.inf

    def end(self, run: Any, reason: str) -> None:
        """End the training run."""
        self.is_ours = True
        run.stop(reason)

    def raise_if_exploded(self, run: Any, least: float) -> None:
        """Raise Diverged if the loss is many times that of the first epoch, or of `least`."""
        losses = run.history["loss"]
        if losses[-1] > EXPLODED * max(losses[0], least):
            raise Diverged(
                f"the loss rose from {losses[0]:.4g} to {losses[-1]:.4g} in {run.epoch} epochs at the learning rate "
                f"{run.optimizer.param_groups[0]['lr']:.4g}: lower it, or scale the features"
            )

    def say(self, reason: str) -> None:
        """Warn that the fit has not converged."""
        warn_not_converged(self.model, self.solver, reason)

    @staticmethod
    def is_interrupted(run: Any) -> bool:
        """Whether Ctrl-C has ended the training run."""
        return run.history.stopped.startswith("Interrupted")


class WatchLoss(Watch):
    """Ends the training run when what the steps minimise, the loss with the penalties, has stopped decreasing.

    The loss of an epoch is measured before its steps, so the penalties are too. With `slow_down` the learning rate
    drops to a fifth first, repeatedly, down to a thousandth: with a constant learning rate noisy steps do not converge.
    """

    def __init__(
        self, model: Any, solver: str, stops: bool, optimizer: Optimizer, rows: tuple[np.ndarray, ...], slow_down: bool
    ):
        super().__init__(model, solver, stops)
        self.groups = optimizer.param_groups
        self.least = self.groups[0]["lr"] / 1000 if slow_down else math.inf
        self.unit = model.loss_unit(rows[1], rows[2] if len(rows) > 2 else None)
        self.min_delta = model.tol * self.unit
        outputs = len(getattr(model, "classes_", ()))
        step = -(-len(rows[0]) // min(SAMPLES, max(50, 2**24 // max(outputs, 1))))
        self.sample = tuple(part[::step] for part in rows)
        self.lowest, self.penalty_before = math.inf, 0.0
        self.first_weights: dict[str, Any] | None = None
        self.best_weights: dict[str, Any] | None = None

    def penalty(self) -> float:
        """Return the penalties on the current weights."""
        total = 0.0
        for group in self.groups:
            if group.get("l1") or group.get("weight_decay"):
                for w in (p.numpy() for p in group["params"]):
                    total += group.get("l1", 0.0) * float(abs(w).sum())
                    total += group.get("weight_decay", 0.0) / 2 * float(np.vdot(w, w))
        return total

    def measure(self, trained: Any) -> float:
        """Return the loss of the sample with the current weights of the module that is trained, in evaluation mode."""
        modes = [module for module in trained.modules() if module.training]
        trained.eval()
        try:
            with tg.no_grad(), np.errstate(all="ignore"):
                X, *rest = self.sample
                return float(check_mean_loss(self.model, trained.criterion(trained(tg.tensor(X)), *rest)).item())
        finally:
            for module in modes:
                module.training = True

    def on_start(self, run: Any) -> None:
        self.best = self.lowest = math.inf
        self.best_epoch, self.waited, self.penalty_before = 0, 0, self.penalty()
        self.first = self.measure(run.module)
        if not self.unit and math.isfinite(self.first):
            self.min_delta = self.model.tol * (abs(self.first) if abs(self.first) > ROUNDING else 1.0)
        self.first_weights = self.best_weights = run.module.state_dict()

    def on_epoch_end(self, run: Any) -> None:
        objective, self.penalty_before = run.history["loss"][-1] + self.penalty_before, self.penalty()
        if objective < self.lowest:
            self.lowest, self.best_epoch, self.best_weights = objective, run.epoch, run.module.state_dict()
        if objective < self.best - self.min_delta:
            self.best, self.waited = objective, 0
            return
        self.waited += 1
        if not self.stops or self.waited < self.model.n_iter_no_change:
            return
        self.raise_if_exploded(run, self.min_delta)
        if self.groups[0]["lr"] > self.least:
            for group in self.groups:
                group["lr"] /= 5
            self.waited = 0
        else:
            self.end(run, f"The loss has not decreased for {self.waited} epochs.")

    def on_end(self, run: Any) -> None:
        if self.is_interrupted(run) or not run.history.epochs:
            return
        ended_here = self.is_ours or run.stopped is None
        if ended_here and self.model.tol and 0 < self.best_epoch < run.epoch:
            run.module.load_state_dict(self.best_weights)
            run.history.stopped += (
                f" The weights are those of epoch {self.best_epoch}, the best (loss {self.lowest:.6g})."
            )
        last, rate = self.measure(run.module), self.groups[0]["lr"]
        if not last <= self.first:
            run.module.load_state_dict(self.first_weights)
            run.history.stopped += " The weights are those that it began with, which are better."
            self.say(
                f" in {run.epoch} epochs: the loss rose from {self.first:.4g} to {last:.4g}, so the learning rate "
                f"{rate:.4g} is too high for these features; lower it, or scale the features to the standard deviation "
                "1 (the weights are those that it began with)",
            )
        elif self.is_ours and last > (1 - LITTLE) * self.first and last > self._of_constant():
            self.say(
                f" in {run.epoch} epochs: the loss has hardly changed, from {self.first:.4g} to {last:.4g}, because "
                f"the learning rate {rate:.4g} is too low, or the units give no gradient; raise it, or scale the "
                "features to the standard deviation 1",
            )
        elif self.stops and run.stopped is None and self.waited < self.model.n_iter_no_change:
            self.say(
                f" in max_iter={self.model.max_iter} passes over the data: the loss was still decreasing; raise "
                "max_iter, learning_rate or tol (tol=0 asks for this number of passes)",
            )

    def _of_constant(self) -> float:
        """Return a bit more than the loss of outputs that do not depend on the features, where it is known."""
        target, weight = self.sample[1], self.sample[2] if len(self.sample) > 2 else None
        return 1.001 * self.model.constant_loss(target, weight)

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "lowest", "best_epoch", "waited", "penalty_before", "first", "first_weights", "best_weights")
        return {name: vars(self)[name] for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
