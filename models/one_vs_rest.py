"""One-vs-rest: many classes by one binary classifier for each."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.nn import functional as F
from tinygrad_ml.protocol import available_when, clone

from .base import weighted_mean
from .classifier import Classifier
from .hyperparameters import hyperparameters
from .logistic_regression import LogisticRegression
from .perceptron import Perceptron


@hyperparameters
class OneVsRest(Classifier):
    """One binary classifier for each class, which tells it from all others; the one that is most sure decides.

    Its outputs are the logits of all of them.

    Parameters
    ----------
    estimator : a classifier of this package for two classes, optional
        The pattern of all of them, which is copied and stays as it is; by default `LogisticRegression()`.

    Attributes
    ----------
    estimators_ : list of the fitted classifiers, one for each class; a single one for two classes
    coef_, intercept_ : (classes, features) and (classes,), if they are linear
    classes_ : (classes,)
    n_iter_ : int, of the one that took longest
    history_ : History of the last one

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [4.0], [5.0], [9.0], [10.0]]), [0, 0, 1, 1, 2, 2]
    >>> mlp = tg.models.MLPClassifier((8,), learning_rate=0.1, tol=0, random_state=0)
    >>> model = tg.models.OneVsRest(mlp).fit(X / 10, y)
    >>> model.predict([[0.05], [0.45], [0.95]])
    array([0, 1, 2])

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array(y)), X, params=model)
    """

    estimator: Any = None

    def build(self, n_features: int, n_outputs: int) -> OneVsRest:
        """Make `estimators_`, one with a single output for each class; a single one for two classes."""
        pattern = LogisticRegression() if self.estimator is None else self.estimator
        if not isinstance(pattern, Classifier):
            raise TypeError(
                f"OneVsRest: the estimator must be a classifier of tinygrad_ml.models, not {type(pattern).__name__}"
                + ("; pass an instance: add ()" if isinstance(pattern, type) else "")
            )
        self.estimators_ = [clone(pattern).build(n_features, 1) for _ in range(n_outputs)]
        return self

    def forward(self, x: Tensor) -> Tensor:
        return tg.concatenate([estimator(x) for estimator in self.estimators_], axis=1)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean log loss of all classifiers."""
        if output.shape[1] == 1:
            return super().criterion(output, target, sample_weight)
        truth = np.reshape(target, (-1, 1)) == np.arange(output.shape[1])
        losses = F.binary_cross_entropy_with_logits(output, truth.astype(output.dtype), reduction="none")
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        if weight is not None and isinstance(self.estimators_[0], Perceptron):
            raise ValueError("OneVsRest: sample_weight cannot be used, because the estimator Perceptron takes none")
        asked = {name: value for name, value in self.asked._asdict().items() if value is not None}
        if asked and isinstance(self.estimators_[0], Perceptron):
            raise ValueError(f"OneVsRest: {next(iter(asked))}= cannot be used: the estimator Perceptron takes none")
        weights = {} if weight is None else {"sample_weight": weight}
        for i, estimator in enumerate(self.estimators_):
            of_class = (target == (i if len(self.estimators_) > 1 else 1)).astype(int)
            if self.asked.validation is not None:
                inner, truth, *rest = self.asked.validation
                asked["validation"] = inner, (truth == (i if len(self.estimators_) > 1 else 1)).astype(int), *rest
            if passes is None:
                estimator.fit(X, of_class, **weights, **asked)
            else:
                estimator.partial_fit(X, of_class, classes=[0, 1], **weights)
        self.history_ = self.estimators_[-1].history_
        self.n_iter_ = max(estimator.n_iter_ for estimator in self.estimators_)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class whose classifier is most sure, `(samples,)`; of two classes, what the only one predicts."""
        self.require_fitted()
        if len(self.estimators_) > 1:
            return super().predict(X)
        self._check_X(X)
        return self._label(self.estimators_[0].predict(X), 1)

    @available_when(lambda self: _without("partial_fit", self.estimator))
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> OneVsRest:
        """Learn a little more from these samples; the first call should name all `classes`. Return the model."""
        return self._fit(X, y, sample_weight, classes, passes=1)

    @available_when(lambda self: _without("predict_proba", self.estimator))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of each against the rest, divided by their sum, `(samples, classes)`."""
        logits = self._outputs(X)
        if logits.shape[1] == 1:
            return super().predict_proba(X)
        each = tg.sigmoid(tg.tensor(logits)).numpy()
        total = each.sum(axis=1, keepdims=True)
        return np.where(total > 0, each / np.where(total > 0, total, 1), 1 / each.shape[1])

    @property
    def coef_(self) -> np.ndarray:
        """The weights of linear classifiers, (classes, features)."""
        return np.concatenate([estimator.coef_ for estimator in self.estimators_])

    @property
    def intercept_(self) -> np.ndarray:
        """The biases of linear classifiers, (classes,)."""
        return np.concatenate([estimator.intercept_ for estimator in self.estimators_])


def _without(method: str, estimator: Any) -> str:
    """Return why there is no such method, or "" if there is."""
    if hasattr(LogisticRegression() if estimator is None else estimator, method):
        return ""
    return f"OneVsRest has no {method}, because {estimator or 'LogisticRegression()'!r} has none"
