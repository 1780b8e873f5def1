"""The losses of linear regression, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.nn import functional as F

from .base import weighted_mean


class NamedLoss(str):
    """The name of a loss, as given to a model, that can also be called as the loss it names."""

    model: Any

    def of(self, model: Any) -> NamedLoss:
        self.model = model
        return self

    def factor(self, residual: np.ndarray) -> np.ndarray:
        """Return loss'(r) / 2r for residuals r >= 0, which turns it into least squares (see `reweighted`)."""
        if self == "huber":
            return self.model.huber_delta / np.maximum(residual, self.model.huber_delta)
        return 0.5 / np.maximum(residual, 1e-8 * residual.mean() or 1.0)

    def __call__(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of outputs and targets `(batch, outputs)`."""
        target = self.model.match(output, target)
        reduction = "mean" if sample_weight is None else "none"
        if self == "mse":
            losses = F.mse_loss(output, target, reduction=reduction)
        elif self == "mae":
            losses = F.l1_loss(output, target, reduction=reduction)
        else:
            losses = 2 * F.huber_loss(output, target, reduction=reduction, delta=self.model.huber_delta)
        return losses if sample_weight is None else weighted_mean(losses, sample_weight)
