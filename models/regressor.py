"""Regressor: what all models of numbers share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml import metrics as scores
from tinygrad_ml.nn import functional as F

from . import checking
from .base import Model, weighted_mean
from .estimator import available_when

M = TypeVar("M", bound="Regressor")


class Regressor(Model):
    """A model of numbers. Its outputs `(batch, outputs)` are the predictions; its loss is the mean squared error."""

    kind = "regressor"
    multi_output = True
    _column = True  # whether y was (samples,), so that predictions are
    _width = 1  # the columns of y

    def loss(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        target = self.match(output, target)
        if sample_weight is None:
            return F.mse_loss(output, target)
        return weighted_mean(F.mse_loss(output, target, reduction="none"), sample_weight)

    def match(self, output: Tensor, target: Any) -> Any:
        """Return the target in the shape of the output: `(batch,)` is one column."""
        return target.reshape(-1, 1) if target.ndim == 1 and output.ndim == 2 else target

    def _learn_target(self, y: np.ndarray, dtype: np.dtype, classes: Any, again: bool) -> np.ndarray:
        target = checking.check_numbers(self, y, dtype).reshape(len(y), -1)
        width = target.shape[1]
        if again and self._width != width:
            raise ValueError(f"{type(self).__name__}: y has {width} columns, but it was fitted with {self._width}")
        self._width = width
        self._column = y.ndim == 1
        return target

    def _n_outputs(self, target: np.ndarray) -> int:
        return target.shape[1]

    @available_when(Model._why_no_partial_fit)
    def partial_fit(self: M, X: Any, y: Any, sample_weight: Any = None) -> M:
        """Learn a little more: one pass of gradient steps over these samples; return the model."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, `(samples,)`, or `(samples, outputs)` if y had several columns."""
        output = self._outputs(X)
        return output[:, 0] if self._column and output.shape[1] == 1 else output

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the share of the variance of y that the predictions explain: 1 is perfect, 0 is a constant."""
        predicted = self.predict(X)
        y = checking.check_numbers(self, checking.check_target(self, y, len(predicted), True), np.dtype(np.float64))
        return scores.r2_score(y, predicted, sample_weight=sample_weight)
