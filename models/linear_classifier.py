"""LinearClassifier: logits = x·w + b, the part that logistic and softmax regression share."""

from __future__ import annotations

import numpy as np

from tinygrad_ml import Tensor, nn

from .base import Classifier


class LinearClassifier(Classifier):
    """Logits that are linear in the features, with penalties counted as scikit-learn counts C."""

    solvers = ("lbfgs", "newton", "sgd", "adam")
    curvature = 0.5  # the largest second derivative of the softmax cross entropy (Böhning 1992)

    def build(self, n_features: int, n_outputs: int = 1) -> LinearClassifier:
        """Make the layer, `linear_`, with weights of zero: a convex problem needs no luck at the start."""
        self.linear_ = nn.Linear(n_features, n_outputs, bias=self.fit_intercept)
        for parameter in self.linear_.parameters():
            nn.init.zeros_(parameter)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Return what the layer multiplies with its weights."""
        return X

    def penalty_weights(self, total_weight: float) -> tuple[float, float]:
        ratio = {"l1": 1.0, "l2": 0.0, "elasticnet": self.l1_ratio}.get(self.penalty)
        strength = 1 / (self.C * total_weight)
        return (0.0, 0.0) if ratio is None else (strength * ratio, strength * (1 - ratio))

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features: (1, features) for two classes, (classes, features) for more."""
        return self.linear_.weight.numpy()

    @property
    def intercept_(self) -> np.ndarray:
        """The biases: (1,) for two classes, (classes,) for more."""
        return self.linear_.bias.numpy() if self.fit_intercept else np.zeros(self.linear_.out_features)
