"""Regressor: what all models of numbers share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml import metrics as scores
from tinygrad_ml.ops.losses import huber, squared_error
from tinygrad_ml.protocol import available_when

from . import checking
from .base import Model, mean_of, weighted_mean
from .one_layer import GENERAL, choose_solver
from .target_units import begin_in_units, in_units, load_state, loss_of_unit
from .weights import variance

M = TypeVar("M", bound="Regressor")

LOSSES = ("mse", "mae", "huber")
# of the links of generalised linear models, the way back from link(mean) to the mean
INVERSE_LINKS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda output: output,
    "log": tg.exp,
    "logit": tg.sigmoid,
}


class Regressor(Model):
    """A model of numbers. Its outputs `(batch, outputs)` are the predictions.

    Its loss is the mean squared error, or what a hyperparameter `loss` says: "mse", "mae", "huber" (with
    `huber_delta`), or a function of output and target, which returns the loss of each sample or the mean.

    A model whose `link` is "log" or "logit" has the logarithm or the log-odds of the predictions as outputs. If its
    weights are those of one `nn.Linear`, it is a generalised linear model, and fitted to the optimum by Newton's
    method or L-BFGS, unless a hyperparameter asks for gradient steps.
    """

    kind = "regressor"
    multi_output = True
    huber_delta = 1.35
    link = "identity"
    learns_in_units = False  # whether it is a network, whose last layer begins, and takes steps, in the size of y
    solver = "auto"
    solvers: ClassVar[Mapping[str, Callable]] = GENERAL
    _y_is_1d = True  # so that predictions are
    _n_targets = 1  # the columns of y

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of outputs `(batch, outputs)` and targets, of that shape or `(batch,)`."""
        loss, target = self._loss("mse"), align_target(output, target)
        if callable(loss):
            return mean_of(loss, output, target, sample_weight)
        if loss == "mse" and sample_weight is None:
            return squared_error(output, target)
        difference = output - target
        if loss == "mse":
            losses = difference * difference
        else:
            losses = tg.abs(difference) if loss == "mae" else 2 * huber(difference, delta=self.huber_delta)
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)

    criterion.has_closed_forms = True  # type: ignore[attr-defined]  # `LinearProblem` has its derivatives

    def _encode(self, y: np.ndarray, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        target = checking.check_numbers(self, y, dtype).reshape(len(y), -1)
        n = target.shape[1]
        if "n_features_in_" in vars(self) and self._n_targets != n:
            raise ValueError(f"{type(self).__name__}: y has {n} columns, but it was fitted with {self._n_targets}")
        self._n_targets, self._y_is_1d = n, y.ndim == 1
        return target, weight, n

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, n_outputs: int) -> None:
        super()._start(X, target, weight, n_outputs)
        if self.learns_in_units:
            begin_in_units(self, X, target, weight)

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, passes: int | None = None) -> None:
        with in_units(self, X, target, weight, passes) if self.learns_in_units else nullcontext():
            super()._solve(X, target, weight, passes)

    def loss_of_unit(self) -> float:
        return loss_of_unit(self) if self.learns_in_units else 1.0

    def load_state_dict(self, state: Any, strict: bool = True) -> Any:
        """Take over values by name, as every module does, those of a `tinygrad_ml.train.Checkpoint` too."""
        load = partial(super().load_state_dict, strict=strict)
        return load_state(self, state, load) if self.learns_in_units else load(state)

    def loss_unit(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        return (variance(target, weight) or 1.0) if self._is_squared() else 0.0

    def constant_loss(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        return variance(target, weight) if self._is_squared() else math.inf

    def _is_squared(self) -> bool:
        """Whether the loss is the squared difference, which has the unit of the variance of the target."""
        closed = not self.has_own_criterion and getattr(self.criterion, "has_closed_forms", False)
        return closed and self._loss("mse") == "mse"

    def resolve_solver(self, passes: int | None = None) -> str:
        if self.solver != "auto":
            return super().resolve_solver(passes)
        return choose_solver(self, passes)

    def inverse_link(self, output: Tensor) -> Tensor:
        """Return the predictions that belong to outputs of `forward`."""
        if self.link not in INVERSE_LINKS:
            raise ValueError(
                f"{type(self).__name__}: link must be one of {tuple(INVERSE_LINKS)}, not {self.link!r}; for another "
                "one define inverse_link(self, output)"
            )
        return INVERSE_LINKS[self.link](output)

    @available_when(Model._why_no_partial_fit)
    def partial_fit(self: M, X: Any, y: Any, sample_weight: Any = None) -> M:
        """Learn a little more: one pass of gradient steps over these samples; return the model."""
        return self._fit(X, y, sample_weight, passes=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, `(samples,)`, or `(samples, outputs)` if y had several columns."""
        output = self.inverse_link(tg.tensor(self._outputs(X))).numpy()
        return output[:, 0] if self._y_is_1d and output.shape[1] == 1 else output

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the part of the variance of y that the predictions explain: 1 is perfect, 0 is a constant."""
        predicted = self.predict(X)
        y = checking.check_numbers(self, checking.check_target(self, y, len(predicted), True), np.dtype(np.float64))
        return scores.r2_score(y, predicted, sample_weight=sample_weight)


def align_target(output: Tensor, target: Any) -> Any:
    """Return a target in the shape and the dtype of the output: `(batch,)` becomes one column."""
    if target.ndim == 1 and output.ndim == 2:
        target = target.reshape(-1, 1)
    if target.shape != output.shape:
        raise ValueError(f"criterion: output has shape {output.shape} and target {target.shape}; they must be equal")
    return target if target.dtype == output.dtype else target.astype(output.dtype)
