"""Softmax regression: the logits of any number of classes are x·w + b (multinomial logistic regression)."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml.train import Callback

from .base import Model
from .hyperparameters import count, hyperparameters
from .linear import OUTPUTS, redefined, refuse
from .linear_classifier import LinearClassifier
from .sampled import solve_sampled
from .stochastic import STOCHASTIC


@hyperparameters
class SoftmaxRegression(LinearClassifier):
    """Softmax regression: P(class | x) = softmax(x·w + b), with a row of weights for each class.

    For two classes it is logistic regression, with one row. It minimises the cross entropy, or with a penalty
    C · Σ cross entropy + Σw² / 2 for "l2" and C · Σ cross entropy + Σ|w| for "l1", as scikit-learn does. The biases
    have no penalty.

    Parameters
    ----------
    sampled : int, optional
        For very many classes: how many of them a gradient step looks at beside the right ones, drawn by their
        frequency, so that a step costs the same at 1,000 classes and at 1,000,000 (candidate sampling, see
        `tg.nn.SampledSoftmaxLoss`). The loss and the penalty in `history_` are those estimates; `predict` and
        validation data look at all classes. If there are no more classes than that, it is as if it were not given.

    Attributes
    ----------
    coef_, intercept_ : (classes, features) and (classes,); (1, features) and (1,) for two classes
    classes_ : (classes,)
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [4.0], [5.0], [9.0], [10.0]]), [0, 0, 1, 1, 2, 2]
    >>> model = tg.models.SoftmaxRegression(C=10.0, max_iter=200).fit(X, y)
    >>> model.predict([[0.5], [4.5], [20.0]])
    array([0, 1, 2])
    >>> model.coef_.shape
    (3, 1)

    It is a module: draw it with `tg.draw(model, x)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array(y)), X, params=model)
    """

    _: KW_ONLY
    sampled: int | None = count(None)

    @property
    def is_sampled(self) -> bool:
        """Whether the gradient steps of this fit look at some of the classes only."""
        return self.sampled is not None and self.linear_.out_features > max(2, self.sampled)

    def resolve_solver(self, passes: int | None = None) -> str:
        if not self.is_sampled:
            return super().resolve_solver(passes)
        name = f"SoftmaxRegression(sampled={self.sampled}"
        if self.solver not in ("auto", *STOCHASTIC):
            raise ValueError(
                f"{name}, solver={self.solver!r}): {self.solver!r} looks at all classes: leave solver at 'auto', or "
                "choose 'adam', 'adagrad' or 'sgd'"
            )
        if self.penalty in ("l1", "elasticnet"):
            raise ValueError(f"{name}, penalty={self.penalty!r}): L1 needs all classes: choose penalty='l2' or None")
        if self.has_own_criterion:
            raise ValueError(f"{name}): candidates are for the cross entropy, not for another criterion")
        return "adam" if self.solver == "auto" else super().resolve_solver(passes)

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        if self.is_sampled:
            refuse(self, redefined(self, OUTPUTS), f"candidates are for x·w + b: set sampled=None, not {self.sampled}")
            solve_sampled(self, X, target, weight, passes)
        else:
            super()._solve(X, target, weight, passes)

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        if self.is_sampled and solver == "adam":  # a class has a step only now and then
            return 0.03
        return super().default_learning_rate(solver, X, target, weight)

    def step_penalties(self, total_weight: float) -> tuple[float, float]:
        return (0.0, 0.0) if self.is_sampled else super().step_penalties(total_weight)

    def watch(self, solver: str, optimizer: Any, rows: tuple[np.ndarray, ...]) -> Callback:
        return Model.watch(self, solver, optimizer, rows) if self.is_sampled else super().watch(solver, optimizer, rows)
