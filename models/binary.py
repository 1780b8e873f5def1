"""BinaryClassifiers: a model that is made of classifiers of two classes, one for each question that it asks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.protocol import available_when, clone

from .classifier import Classifier
from .hyperparameters import hyperparameters
from .linear import is_redefined, refuse
from .logistic_regression import LogisticRegression
from .perceptron import Perceptron


@hyperparameters
class BinaryClassifiers(Classifier):
    """Copies of one classifier of two classes, each fitted to a question of its own (`question`).

    Parameters
    ----------
    estimator : a classifier of this package for two classes, optional
        The pattern of all of them, which is copied and stays as it is; by default `LogisticRegression()`.
    """

    estimator: Any = None

    @property
    def why_not_sparse(self) -> str:  # type: ignore[override]
        """Why X must not be sparse, if that is so for the estimator."""
        return "" if self.estimator is None else getattr(self.estimator, "why_not_sparse", "")

    def question(self, i: int, X: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        """Return what a classifier learns: its features, a one where the answer is yes, and of which rows."""
        raise NotImplementedError(f"{type(self).__name__} does not define question(self, i, X, target)")

    def copies(self, n_features: list[int]) -> list[Any]:
        """Return copies of the pattern, built for these numbers of features."""
        pattern = LogisticRegression() if self.estimator is None else self.estimator
        if not isinstance(pattern, Classifier):
            raise TypeError(
                f"{type(self).__name__}: the estimator must be a classifier of tinygrad_ml.models, not "
                f"{type(pattern).__name__}" + ("; pass an instance: add ()" if isinstance(pattern, type) else "")
            )
        return [clone(pattern).build(n, 1) for n in n_features]

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        what = "criterion" if is_redefined(self, "criterion") else ""
        refuse(self, what, "each of its classifiers learns by its own: define it in a subclass of the estimator")
        asked = {name: value for name, value in self.asked._asdict().items() if value is not None}
        if isinstance(self.estimators_[0], Perceptron):
            self._check_of_perceptrons(weight, asked)
        for i, estimator in enumerate(self.estimators_):
            features, truth, rows = self.question(i, X, target)
            weights = {} if weight is None else {"sample_weight": weight[rows]}
            if passes is not None:
                if isinstance(estimator, Constant):
                    (estimator,) = self.estimators_[i : i + 1] = self.copies([features.shape[1]])
                if len(truth):
                    estimator.partial_fit(features, truth, classes=[0, 1], **weights)
            elif (truth == truth[0]).all():
                self.estimators_[i] = Constant().to(X.dtype).answer(bool(truth[0]), len(truth))
            else:
                estimator.fit(features, truth, **weights, **self._asked_of(i, asked))
        fitted = [estimator for estimator in self.estimators_ if "history_" in vars(estimator)]
        if fitted:
            self.history_ = fitted[-1].history_
        self.n_iter_ = max((estimator.n_iter_ for estimator in fitted), default=1)

    def _check_of_perceptrons(self, weight: Any, asked: dict[str, Any]) -> None:
        kind = type(self).__name__
        if weight is not None:
            raise ValueError(f"{kind}: sample_weight cannot be used, because the estimator Perceptron takes none")
        if asked:
            raise ValueError(f"{kind}: {next(iter(asked))}= cannot be used: the estimator Perceptron takes none")

    def _asked_of(self, i: int, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what else `fit` was asked for, with the validation data of a question."""
        if "validation" not in asked:
            return asked
        X, target, *weight = asked["validation"]
        features, truth, rows = self.question(i, X, target)
        if not len(truth):  # none of the samples to judge by is of this question
            return {name: value for name, value in asked.items() if name not in ("validation", "metrics")}
        return asked | {"validation": (features, truth, *(each[rows] for each in weight))}

    @available_when(lambda self: without("partial_fit", self))
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Learn a little more from these samples; the first call should name all `classes`. Return the model."""
        return self._fit(X, y, sample_weight, classes, passes=1)

    @available_when(lambda self: without("predict_proba", self))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, `(samples, classes)`."""
        return super().predict_proba(X)

    @property
    def coef_(self) -> np.ndarray:
        """The weights of linear classifiers, (classifiers, features)."""
        return np.concatenate([estimator.coef_ for estimator in self.estimators_])

    @property
    def intercept_(self) -> np.ndarray:
        """The biases of linear classifiers, (classifiers,)."""
        return np.concatenate([estimator.intercept_ for estimator in self.estimators_])


@hyperparameters
class Constant(Classifier):
    """What answers a question whose answer was the same for all samples.

    The probability is that of Laplace's rule of succession, (n + 1)/(n + 2) after n samples.
    """

    multi_class = False

    def answer(self, yes: bool, n_samples: int) -> Constant:
        """Make `logit_`; return the model."""
        logit = math.log(n_samples + 1) * (1 if yes else -1)
        self.logit_ = nn.Parameter(np.array([logit]), requires_grad=False)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return tg.zeros((x.shape[0], 1), dtype=x.dtype) + self.logit_


def says_yes(estimator: Any, logit: Any) -> Any:
    """Whether a classifier of two classes predicts the second one at its logit."""
    if isinstance(estimator, Perceptron):
        return logit >= 0
    threshold = getattr(estimator, "threshold", 0.5)
    with np.errstate(divide="ignore"):  # of 0 and 1
        return logit > np.log(threshold) - np.log1p(-threshold)


def without(method: str, model: BinaryClassifiers) -> str:
    """Return why a model has no such method, because its estimator has none; "" if that has it."""
    if hasattr(LogisticRegression() if model.estimator is None else model.estimator, method):
        return ""
    return f"{type(model).__name__} has no {method}, because {model.estimator!r} has none"
