"""What both baselines share: outputs that do not depend on the features. A model that learned something beats them."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import Tensor

from .base import Model
from .linear import linear_layer

B = TypeVar("B", bound="Baseline")


class Baseline(Model):
    """A linear model whose weights stay zero: only the bias is learned.

    X may hold anything, also strings and missing values, as only the number of its rows is looked at.
    """

    solver = "constant"

    def build(self: B, n_features: int, n_outputs: int = 1) -> B:
        """Make `linear_`, with weights of zero, which no optimizer changes; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, bias=True)
        self.linear_.weight.requires_grad_(False)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def _check_X(self, X: Any) -> np.ndarray:
        """Return zeros in place of X."""
        shape = getattr(X, "shape", None) or np.asarray(X, object).shape
        if not shape or not shape[0]:
            what = "0 sample(s)" if shape else type(X).__name__
            raise ValueError(f"{type(self).__name__}: X must hold at least 1 sample, and it has {what}")
        n_features = vars(self).get("n_features_in_") or math.prod(shape[1:])
        return np.broadcast_to(0.0, (shape[0], n_features))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = tags.input_tags.sparse = True
        (tags.classifier_tags or tags.regressor_tags).poor_score = True
        return tags
