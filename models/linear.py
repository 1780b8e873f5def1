"""LinearModel: x·w + b, the part that linear, logistic and softmax regression and the perceptron share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import Tensor, nn

from .base import Model
from .classifier import Classifier

M = TypeVar("M", bound="LinearModel")


class LinearModel(Model):
    """A model with one affine layer, `linear_`."""

    def build(self: M, n_features: int, n_outputs: int = 1) -> M:
        """Make `linear_`, with weights of zero: a convex problem needs no luck at the start. Return the model."""
        self.linear_ = nn.Linear(n_features, n_outputs, bias=self.fit_intercept)
        for parameter in self.linear_.parameters():
            nn.init.zeros_(parameter)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Return what the layer multiplies with its weights, `(samples, terms)`."""
        return X

    def take(self, weight: Any, bias: Any) -> None:
        """Take over weights `(outputs, terms)` and biases `(outputs,)`."""
        self.linear_.weight.data = weight
        if self.linear_.bias is not None:
            self.linear_.bias.data = bias

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features, (outputs, features)."""
        return self.linear_.weight.numpy()

    @property
    def intercept_(self) -> np.ndarray:
        """The biases, (outputs,)."""
        return np.zeros(self.linear_.out_features) if self.linear_.bias is None else self.linear_.bias.numpy()


class LinearClassifier(LinearModel, Classifier):
    """A linear model of logits, with penalties counted as scikit-learn counts C."""

    solvers = ("auto", "lbfgs", "newton", "sgd", "adam")
    curvature = 0.5  # the largest second derivative of the softmax cross entropy (Böhning 1992)

    def chosen_solver(self, passes: int | None = None) -> str:
        if self.solver != "auto":
            return self.solver
        if passes or self.early_stopping:
            return "adam"
        size = self.linear_.weight.size
        if self.penalty in ("l1", "elasticnet"):
            return "newton" if size <= 2000 else "sgd"
        return "newton" if size <= 1000 else "lbfgs"

    def penalty_strength(self, total_weight: float) -> float:
        return 1 / (self.C * total_weight)
