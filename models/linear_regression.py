"""Linear regression: y = x·w + b, by the normal equation or by gradient steps; ridge, lasso and elastic net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar, TypeVar

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.train import Callback

from .descent import STEPS
from .hyperparameters import Gradient, boolean, choice, count, hyperparameters, loss_function, not_negative, positive
from .least_squares import fit_normal
from .linear import OUTPUTS, linear_layer, redefined, regression_coefficients, regression_intercepts, unseen
from .newton import newton
from .optimizers import has_default_rate
from .regressor import LOSSES, Regressor
from .stochastic import safe_learning_rate
from .watch_gradient import watch_linear

M = TypeVar("M", bound="LinearRegression")


@hyperparameters
class LinearRegression(Gradient, Regressor):
    """The linear model y = x·w + b, fitted by least squares or by another loss, with or without a penalty.

    Parameters
    ----------
    solver : "auto", "normal", "newton", "sgd", "adagrad" or "adam"
        "normal" is the closed form (normal equation; without a penalty by a singular value decomposition, so singular
        data is fine), for "mae" and "huber" an interior point method; "newton" finds the exact zeros of L1, by an
        active set of features; "sgd", "adagrad" and "adam" take gradient steps on batches. "auto" is the first that
        can do it.
    penalty : None, "l2" (ridge), "l1" (lasso) or "elasticnet"
    alpha : float
        The strength of the penalty, counted as in scikit-learn's Ridge, Lasso and ElasticNet: for n samples the mean
        loss has added to it alpha / n · Σw² for "l2", and 2 · alpha · (l1_ratio · Σ|w| + (1 - l1_ratio) / 2 · Σw²)
        for "elasticnet", of which "l1" is the case l1_ratio = 1. The bias has no penalty.
    loss : "mse", "mae", "huber", or a function of output and target
        The squared or absolute difference, or d² for |d| <= huber_delta and huber_delta · (2|d| - huber_delta) beyond;
        "mae" and "huber" are for data with outliers. A function returns the loss of each sample, or the mean; it is
        minimised by gradient steps.
    huber_delta : float
    fit_intercept : bool
        Whether there is a bias b. Training begins with weights of zero and the mean of y as bias, or with a bias of
        zero if `optimizer` comes with a learning rate of its own.
    learning_rate : float, optional
        By default the model's own, for steps on standardised features that end at the optimum (`docs/models.md`). With
        a rate of yours, steps are taken on the features as they are.
    max_iter : int
        The largest number of iterations, or of passes over the data; if they do not suffice, a ConvergenceWarning says
        so.
    tol : float
        A fit has converged when no entry of the gradient of the mean loss, for standardised features and targets, is
        larger, and coefficients and predictions are within about 1e-4 of the optimum, or about `tol` if that is more; 0
        asks for all passes.
    n_iter_no_change : int
        Steps at a learning rate of yours end when the loss has not decreased for this number of passes.

    Attributes
    ----------
    coef_, intercept_ : (features,) and number; (outputs, features) and (outputs,) if y has several columns
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> model = tg.models.LinearRegression().fit(X, y)
    >>> model.coef_.round(6), f"{model.intercept_:.6f}"
    (array([2.]), '1.000000')
    >>> model.predict([[10.0]])
    array([21.])

    It is a module: draw it with `tg.draw(model, x)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X)
    """

    why_not_sparse = ""
    convex = True
    curvature = 2.0  # the second derivative of the squared difference
    solvers: ClassVar = {"normal": fit_normal, "newton": newton, **STEPS}

    _: KW_ONLY
    solver: str = choice("auto", *solvers)
    alpha: float = not_negative(1.0)
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function(*LOSSES)
    huber_delta: float = positive(1.35)
    fit_intercept: bool = boolean(True, layers=True)
    max_iter: int = count(1000)
    tol: float = not_negative(1e-6)
    n_iter_no_change: int = count(5)

    def build(self: M, n_features: int, n_outputs: int = 1) -> M:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Return what the layer multiplies with its weights, `(samples, terms)`."""
        return X

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, n_outputs: int) -> None:
        super()._start(X, target, weight, n_outputs)
        takes_own_steps = self.optimizer is not None and not has_default_rate(self, self.solver)
        is_plain = not redefined(self, OUTPUTS)
        if (
            is_plain and self.linear_.bias is not None and not takes_own_steps
        ):  # gradient steps would take long to get there
            self.linear_.bias.data = np.average(target, axis=0, weights=weight)

    def watch(self, solver: str, optimizer: Any, rows: tuple[np.ndarray, ...]) -> Callback:
        is_plain = self.ends_at_optimum and not unseen(self, watch_linear, *rows[1:])
        watcher = watch_linear(self, solver, optimizer, rows) if is_plain else None
        return watcher or super().watch(solver, optimizer, rows)

    def resolve_solver(self, passes: int | None = None) -> str:
        has_name, is_smooth = not self.has_own_criterion, self.penalty in (None, "none", "l2")
        if self.solver == "auto":
            if not has_name:
                return "adam"
            if self.needs_steps(passes):
                return "sgd"
            return "normal" if is_smooth else "newton" if self.loss == "mse" else "sgd"
        demands = {
            "newton": [
                (
                    self.loss == "mse" and has_name,
                    "Newton's method is for loss='mse', whose second derivative is never 0",
                )
            ],
            "normal": [
                (is_smooth, "the normal equation is for penalty=None or 'l2'; choose 'newton' or 'sgd'"),
                (has_name, "the normal equation is for a loss that has a name; choose 'adam' or 'sgd'"),
                (not self.early_stopping, "the normal equation cannot stop early; choose 'sgd' or 'adam'"),
            ],
        }
        for is_met, why in demands.get(self.solver, ()):
            if not is_met:
                kind = f"{type(self).__name__}(solver={self.solver!r}, penalty={self.penalty!r}, loss={self.loss!r})"
                raise ValueError(f"{kind}: {why}")
        return super().resolve_solver(passes)

    def penalty_strength(self, total_weight: float) -> float:
        alpha = self.alpha / self.linear_.out_features  # the mean loss is over the outputs too
        return 2 * alpha / total_weight if self.penalty == "l2" else 2 * alpha

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        if solver == "sgd" and self.has_own_criterion:  # whose curvature is not known
            return 0.01
        return safe_learning_rate(self, solver, self.inputs(X), target, weight)

    coef_ = property(regression_coefficients, doc="The weights of the features.")
    intercept_ = property(regression_intercepts, doc="The bias.")
