"""Linear regression: y = x·w + b, by the normal equation or by gradient steps; ridge, lasso and elastic net."""

from __future__ import annotations

from typing import Any

import numpy as np

from .least_squares import fit_normal
from .linear import LinearModel
from .regression_loss import NamedLoss
from .regressor import Regressor


class LinearRegression(LinearModel, Regressor):
    """The linear model y = x·w + b, fitted by least squares or by another loss, with or without a penalty.

    Parameters
    ----------
    solver : "auto", "normal", "newton", "sgd" or "adam"
        "normal" is the closed form (normal equation, by a singular value decomposition, so singular data is fine), for
        "mae" and "huber" again and again with other weights of the samples; "newton" finds the exact zeros of L1, by
        coordinate descent; "sgd" and "adam" take gradient steps on batches. "auto" is the first that can do it.
    penalty : None, "l2" (ridge), "l1" (lasso) or "elasticnet"
    alpha : float
        The strength of the penalty, counted as in scikit-learn's Ridge, Lasso and ElasticNet: for n samples the mean
        loss has added to it alpha / n · Σw² for "l2", and 2 · alpha · (l1_ratio · Σ|w| + (1 - l1_ratio) / 2 · Σw²)
        for "elasticnet", of which "l1" is the case l1_ratio = 1. The bias has no penalty.
    l1_ratio : float, from 0 to 1
    loss : "mse", "mae" or "huber"
        The squared or absolute difference, or d² for |d| <= huber_delta and huber_delta · (2|d| - huber_delta) beyond.
        The last two are for data with outliers.
    huber_delta : float
    fit_intercept : bool
        Whether there is a bias b.
    learning_rate : float, optional
        By default for "sgd" as large as the curvature of the loss lets it be, and for "adam" 0.01 standard
        deviations of y; and each time when the loss stops falling, down to a thousandth, a fifth of it.
    momentum : float
        For "sgd".
    batch_size : int, optional
        The samples of a gradient step: 1 is stochastic gradient descent, None takes all of them.
    max_iter : int
        The most passes over the data.
    tol : float
        Stop when the mean loss has not fallen by so much, times the variance of y, in `n_iter_no_change` passes; 0
        never stops.
    early_stopping, validation_fraction, n_iter_no_change : bool, float, int
        Whether to keep a fraction of the data apart, and to stop, with the best weights, when the loss on it has not
        fallen for so many passes.
    warm_start : bool
        Whether the next `fit` goes on from the present weights.
    random_state : int, Generator or RandomState, optional
        Decides the order of the batches.
    verbose : bool
        Whether to show a progress bar.

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

    solvers = ("auto", "normal", "newton", "sgd", "adam")
    curvature = 2.0  # the second derivative of the squared difference

    def __init__(
        self,
        *,
        solver: str = "auto",
        penalty: str | None = None,
        alpha: float = 1.0,
        l1_ratio: float = 0.5,
        loss: str = "mse",
        huber_delta: float = 1.35,
        fit_intercept: bool = True,
        learning_rate: float | None = None,
        momentum: float = 0.0,
        batch_size: int | None = 32,
        max_iter: int = 1000,
        tol: float = 1e-6,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.store(locals())

    @property
    def loss(self) -> NamedLoss:
        """The name of the loss, which can be called: `model.loss(output, target)`."""
        return NamedLoss(vars(self)["loss"]).of(self)

    @loss.setter
    def loss(self, name: str) -> None:
        vars(self)["loss"] = name

    def choices(self) -> dict[str, tuple[Any, ...]]:
        return super().choices() | {"loss": ("mse", "mae", "huber")}

    def penalty_strength(self, total_weight: float) -> float:
        alpha = self.alpha / self.linear_.out_features  # the mean loss is over the outputs too
        return 2 * alpha / total_weight if self.penalty == "l2" else 2 * alpha

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> None:
        super()._start(X, target, weight)
        if self.fit_intercept:  # gradient steps would take long to get there
            self.take(self.linear_.weight.numpy(), np.average(target, axis=0, weights=weight))

    def chosen_solver(self, passes: int | None = None) -> str:
        if self.solver != "auto":
            return self.solver
        if passes or self.early_stopping:
            return "sgd"
        if self.penalty in (None, "none", "l2"):
            return "normal"
        return "newton" if self.loss == "mse" else "sgd"

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        solver = self.chosen_solver(passes)
        if solver == "newton" and self.loss != "mse":
            self._refuse(solver, "Newton's method is for loss='mse', whose second derivative is never 0")
        if solver != "normal":
            super()._solve(X, target, weight, passes)
            return
        if self.penalty not in (None, "none", "l2"):
            self._refuse(solver, "the normal equation is for penalty=None or 'l2'; choose 'newton' or 'sgd'")
        if self.early_stopping:
            self._refuse(solver, "the normal equation cannot stop early; choose 'sgd' or 'adam'")
        fit_normal(self, X, target, weight)

    def _refuse(self, solver: str, why: str) -> None:
        raise ValueError(
            f"{type(self).__name__}(solver={solver!r}, penalty={self.penalty!r}, loss={str(self.loss)!r}): {why}"
        )

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features."""
        return super().coef_[0] if self._is_one_column() else super().coef_

    @property
    def intercept_(self) -> Any:
        """The bias."""
        return super().intercept_[0] if self._is_one_column() else super().intercept_

    def _is_one_column(self) -> bool:
        return self._column and self.linear_.out_features == 1
