"""Poisson regression: counts, whose logarithm of the mean is x·w + b. A generalised linear model, from its parts."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor

from . import checking
from .base import weighted_mean
from .hyperparameters import Gradient, boolean, choice, count, hyperparameters, not_negative
from .linear import linear_layer, regression_coefficients, regression_intercepts
from .problem import TINY
from .regressor import Regressor, align_target
from .stochastic import smoothness, warn_of_scales


@hyperparameters
class PoissonRegression(Gradient, Regressor):
    """Poisson regression: y is a count with the mean exp(x·w + b), so features multiply it and it is never negative.

    It minimises the average of mean - y + y · log(y / mean), half the deviance, which is minus the log likelihood but
    for what no weight changes, plus alpha / 2 · Σw², as scikit-learn does. The bias has no penalty. The gradient with
    respect to w is the average of (mean - y) · x, as for linear and for logistic regression: all three are generalised
    linear models with their canonical link (McCullagh and Nelder, "Generalized linear models", 1989).

    Parameters
    ----------
    alpha : float
        The strength of the penalty.
    penalty : "l2" or None
    fit_intercept : bool
        Whether there is a bias b.
    solver : "auto", "newton", "lbfgs", "sgd", "adagrad" or "adam"
        "newton" and "lbfgs", on all the data at once, go to the optimum; the others take gradient steps on batches.
        "auto" is "newton" for up to 1,000 features and then "lbfgs", and "adam" for `partial_fit`, `early_stopping`,
        and a learning rate or an optimizer of yours.
    max_iter : int
        The largest number of iterations, or of passes over the data.
    tol : float
        Gradient steps on batches stop when the loss has not decreased by more than this part of what it was at first in
        `n_iter_no_change` passes.

    Attributes
    ----------
    coef_, intercept_ : (features,) and number
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> hours = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
    >>> mails = np.array([2, 3, 6, 14, 22])
    >>> model = tg.models.PoissonRegression(alpha=0.0).fit(hours, mails)
    >>> model.coef_.round(3), model.predict([[6.0]]).round(1)
    (array([0.631]), array([43.1]))

    It is a module: draw it with `tg.draw(model, hours)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), mails), hours, params=model)
    """

    why_not_sparse = ""
    link = "log"
    multi_output = False

    alpha: float = not_negative(1.0)
    _: KW_ONLY
    penalty: str | None = choice("l2", "none", None)
    fit_intercept: bool = boolean(True, layers=True)
    solver: str = choice("auto", "newton", "lbfgs", "sgd", "adagrad", "adam")
    max_iter: int = count(1000)

    def build(self, n_features: int, n_outputs: int = 1) -> PoissonRegression:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithm of the mean, `(batch, outputs)`."""
        return self.linear_(x)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the average of half the deviance, exp(output) - target + target · (log(target) - output)."""
        target = align_target(output, target)
        losses = tg.exp(output) - target + target * (np.log(np.maximum(target, TINY)) - output)
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)

    criterion.has_closed_forms = "poisson"  # type: ignore[attr-defined]  # `LinearProblem` has its derivatives

    def _encode(self, y: np.ndarray, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        target, weight, n_outputs = super()._encode(y, weight, dtype, classes)
        if (target < 0).any():
            raise ValueError(f"{type(self).__name__}: y must hold counts, of at least 0; the least is {target.min()}")
        if not target.any(axis=0).all():
            raise ValueError(
                f"{type(self).__name__}: all counts are zero, so the logarithm of their mean, which the model is to "
                "learn, is minus infinity"
            )
        return target, weight, n_outputs

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, n_outputs: int) -> None:
        super()._start(X, target, weight, n_outputs)
        if self.linear_.bias is not None:
            self.linear_.bias.data = np.log(np.average(target, axis=0, weights=weight))

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        if solver != "sgd":
            return 0.01 if solver == "adam" else 0.1
        warn_of_scales(self, X)
        # the second derivative of the loss of a sample is its mean, which is hardly ever above the largest count
        return 1 / smoothness(X, weight, self.batch_size or len(X), float(target.max()))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return D², the part of the deviance of y that the predictions explain: 1 is perfect, 0 is a constant."""
        predicted = self.predict(X)
        y = checking.check_numbers(self, checking.check_target(self, y, len(predicted)), np.dtype(np.float64))
        constant = np.full(len(y), np.average(y, weights=sample_weight))
        with np.errstate(divide="ignore"):
            of_model, of_constant = (
                np.average(mean - y + y * np.log(np.maximum(y, TINY) / mean), weights=sample_weight)
                for mean in (predicted, constant)
            )
        return float(1 - of_model / of_constant) if of_constant else float(of_model == 0)

    coef_ = property(regression_coefficients, doc="The weights of the features.")
    intercept_ = property(regression_intercepts, doc="The bias.")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags
