"""LinearClassifier: classes by the logits x·w + b, the part that logistic and softmax regression share."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar, TypeVar

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.train import Callback

from .classifier import Classifier
from .descent import STEPS
from .hyperparameters import Gradient, boolean, choice, count, hyperparameters, positive_or_inf
from .lbfgs import lbfgs
from .linear import coefficients, intercepts, linear_layer, unseen
from .newton import newton
from .stochastic import safe_learning_rate
from .watch_gradient import watch_linear

M = TypeVar("M", bound="LinearClassifier")


@hyperparameters
class LinearClassifier(Gradient, Classifier):
    """A linear model of logits, with penalties counted as scikit-learn counts C.

    Parameters
    ----------
    solver : "auto", "newton", "lbfgs", "sgd", "adagrad" or "adam"
        Newton's method (with the Hessian from autodiff for a criterion of your own), which also finds the exact zeros
        of "l1", by an active set; a quasi-Newton method for many features; and gradient steps on batches. "auto"
        is Newton's method for up to 1,000 weights (4,000 with "l1"), and Adam for `partial_fit` and `early_stopping`.
        Newton's method needs memory for the square of the number of weights.
    penalty : None, "l2", "l1" or "elasticnet"
    C : float
        The inverse of the strength of the penalty (1/λ): small values keep the weights small.
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples; "balanced" gives rare classes as much weight together as frequent ones.
    fit_intercept : bool
        Whether there is a bias b.
    learning_rate : float, optional
        By default the model's own, for steps on standardised features that end at the optimum (`docs/models.md`). With
        a rate of yours, steps are taken on the features as they are.
    max_iter : int
        The largest number of iterations, or of passes over the data; if they do not suffice, a ConvergenceWarning says
        so.
    tol : float
        A fit has converged when no entry of the gradient of the mean loss, for standardised features, is larger, and
        coefficients and logits are within about 1e-4 of the optimum, or about `tol` if that is more; with 0, "sgd" and
        its like make all passes.
    n_iter_no_change : int
        Steps at a learning rate of yours end when the loss has not decreased for this number of passes.
    """

    why_not_sparse = ""
    convex = True
    curvature = 0.5  # the largest second derivative of the softmax cross entropy (Böhning 1992)
    solvers: ClassVar = {"lbfgs": lbfgs, "newton": newton, **STEPS}

    _: KW_ONLY
    solver: str = choice("auto", *solvers)
    penalty: str | None = choice("l2", "l1", "elasticnet", "none", None)
    C: float = positive_or_inf(1.0)
    class_weight: Any = None
    fit_intercept: bool = boolean(True, layers=True)
    max_iter: int = count(1000)
    n_iter_no_change: int = count(5)

    def build(self: M, n_features: int, n_outputs: int) -> M:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Return what the layer multiplies with its weights, `(samples, features)`."""
        return X

    def watch(self, solver: str, optimizer: Any, rows: tuple[np.ndarray, ...]) -> Callback:
        is_plain = self.ends_at_optimum and not unseen(self, watch_linear, *rows[1:])
        watcher = watch_linear(self, solver, optimizer, rows) if is_plain else None
        return watcher or super().watch(solver, optimizer, rows)

    def resolve_solver(self, passes: int | None = None) -> str:
        if self.solver != "auto":
            return super().resolve_solver(passes)
        if self.needs_steps(passes) or self.has_own_criterion:
            return "adam"
        size = self.linear_.weight.size
        if self.penalty in ("l1", "elasticnet"):
            return "newton" if size <= 4000 else "sgd"
        return "newton" if size <= 1000 else "lbfgs"

    def penalty_strength(self, total_weight: float) -> float:
        return 1 / (self.C * total_weight)

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        return safe_learning_rate(self, solver, X, target, weight)

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features, (classes, features), or (1, features) for two classes."""
        return coefficients(self.linear_)

    @property
    def intercept_(self) -> np.ndarray:
        """The biases, (classes,), or (1,) for two classes."""
        return intercepts(self.linear_)
