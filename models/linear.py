"""LinearModel: x·w + b, the part that linear, logistic and softmax regression and the perceptron share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import Tensor, nn

from .base import Model
from .classifier import Classifier
from .estimator import warn
from .solvers import variance

M = TypeVar("M", bound="LinearModel")


class LinearModel(Model):
    """A model with one affine layer, `linear_`."""

    convex = True
    structure: tuple[str, ...] = ("fit_intercept",)
    curvature = 1.0  # the largest second derivative of the loss with respect to the output

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

    def own_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: Any) -> float:
        if solver == "adam":  # its steps are of this size
            return 0.01 * (variance(target, weight) ** 0.5 or 1.0) if self.kind == "regressor" else 0.01
        inputs = self.inputs(X)
        warn_of_scales(self, inputs)
        l2 = self.penalty_weights(len(X) if weight is None else float(weight.sum()))[1]
        return 1 / smoothness(inputs, weight, self.batch_size or len(X), self.curvature, l2)

    def take(self, weight: Any, bias: Any) -> None:
        """Take over weights `(outputs, terms)` and biases `(outputs,)`."""
        self.linear_.weight.data = weight
        if self.linear_.bias is not None:
            self.linear_.bias.data = bias

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features, (outputs, features)."""
        return self.linear_.weight.numpy().copy()

    @property
    def intercept_(self) -> np.ndarray:
        """The biases, (outputs,)."""
        return np.zeros(self.linear_.out_features) if self.linear_.bias is None else self.linear_.bias.numpy().copy()


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
            return "newton" if size <= 4000 else "sgd"
        return "newton" if size <= 1000 else "lbfgs"

    def penalty_strength(self, total_weight: float) -> float:
        return 1 / (self.C * total_weight)


def warn_of_scales(model: LinearModel, X: np.ndarray) -> None:
    """Warn if the features are of such different sizes that no learning rate suits all of them."""
    spread = X.std(axis=0)
    spread = spread[spread > 0]
    if spread.size and spread.max() > 100 * spread.min():
        warn(
            f"{type(model).__name__}(solver='sgd'): the features have standard deviations from {spread.min():.3g} to "
            f"{spread.max():.3g}, so gradient steps are slow; scale them first, for example with "
            "sklearn.preprocessing.StandardScaler",
        )


def smoothness(X: np.ndarray, weight: np.ndarray | None, batch_size: int, curvature: float, l2: float = 0.0) -> float:
    """Return the largest curvature that a step of SGD on a linear model may meet; one over it is a safe learning rate.

    For batches without repetition, between that of all the data and that of the worst sample: Gower et al., "SGD:
    general analysis and improved rates" (2019), section 3. `curvature` is the largest second derivative of the loss
    with respect to the output.
    """
    n = len(X)
    b = min(batch_size, n)
    rows = np.column_stack([X, np.ones(n, X.dtype)])
    if weight is not None:
        rows *= np.sqrt(weight / weight.mean())[:, None]
    squares = np.einsum("ij,ij->i", rows, rows)
    share = (n - b) / (b * (n - 1)) if n > 1 else 0.0  # 1 for single samples, 0 for all of them
    gram = rows.T @ rows if n >= rows.shape[1] else rows @ rows.T
    largest = np.linalg.eigvalsh(gram)[-1] / n
    return float(curvature * (share * squares.max() + (1 - share) * largest) + l2)
