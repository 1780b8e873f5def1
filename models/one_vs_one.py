"""One-vs-one: many classes by one binary classifier for each pair of them, and a vote."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.nn import functional as F
from tinygrad_ml.protocol import available_when

from .base import weighted_mean
from .binary import BinaryClassifiers, says_yes
from .hyperparameters import hyperparameters


@hyperparameters
class OneVsOne(BinaryClassifiers):
    """One binary classifier for each pair of classes, which learns from their samples alone; the majority decides.

    Its outputs are the logits of all k (k - 1) / 2 pairs, in the order (0, 1), (0, 2), ..., (1, 2), ...: that the
    sample is of the second class of the pair. Each classifier sees few samples and has an easier question than one
    against the rest, but the votes are no probabilities. Knerr, Personnaz and Dreyfus, "Single-layer learning
    revisited" (1990).

    Attributes
    ----------
    estimators_ : list of the fitted classifiers, one for each pair
    coef_, intercept_ : (pairs, features) and (pairs,), if they are linear
    classes_ : (classes,)
    n_iter_ : int, of the one that took longest
    history_ : History of the last one

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [4.0], [5.0], [9.0], [10.0]]), ["a", "a", "b", "b", "c", "c"]
    >>> model = tg.models.OneVsOne().fit(X, y)
    >>> model.predict([[0.5], [4.5], [9.5]])
    array(['a', 'b', 'c'], dtype='<U1')
    >>> model.decision_function([[4.5]]).round(1)  # two votes for b, and how sure the pairs are
    array([[ 0.8,  2.3, -0.2]])

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array([0, 0, 1, 1, 2, 2])), X, params=model)
    """

    def build(self, n_features: int, n_outputs: int) -> OneVsOne:
        """Make `estimators_`, one for each pair of this number of classes; a single one for one output or two."""
        n_classes = max(2, n_outputs)
        self.estimators_ = self.copies([n_features] * (n_classes * (n_classes - 1) // 2))
        return self

    def question(self, i: int, X: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        """Ask of the samples of two classes whether they are of the second one."""
        first, second = (side[i] for side in pairs(len(self.estimators_)))
        rows = np.flatnonzero((target == first) | (target == second))
        return X[rows], (target[rows] == second).astype(int), rows

    def forward(self, x: Tensor) -> Tensor:
        return tg.concatenate([estimator(x) for estimator in self.estimators_], axis=1)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean over the samples of the mean log loss of the pairs that their class is in."""
        first, second = pairs(output.shape[1])
        target = np.reshape(target, (-1, 1))
        truth, is_asked = (target == second).astype(output.dtype), (target == first) | (target == second)
        losses = F.binary_cross_entropy_with_logits(output, truth, reduction="none") * is_asked.astype(output.dtype)
        mean = losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)
        return mean * (output.shape[1] / second.max())

    def decision_function(self, X: Any) -> np.ndarray:
        """Return for each class its votes, and how sure the pairs are of it as a part of less than one third.

        `(samples, classes)`; for two classes the logits of the only pair, `(samples,)`.
        """
        logits = self._outputs(X)
        if logits.shape[1] == 1:
            return logits[:, 0]
        first, second = pairs(logits.shape[1])
        n_classes = int(second.max()) + 1
        is_first, is_second = np.eye(n_classes)[first], np.eye(n_classes)[second]
        yes = np.stack([says_yes(*each) for each in zip(self.estimators_, logits.T)], axis=1)
        votes = yes @ is_second + ~yes @ is_first
        sure = logits @ (is_second - is_first)
        return votes + sure / (3 * (abs(sure) + 1))

    predict_proba = available_when(
        lambda self: "votes are no probabilities; SoftmaxRegression and OneVsRest have some"
    )(BinaryClassifiers.predict_proba)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class with the most votes, `(samples,)`; among equals the one that the pairs are most sure of."""
        decision = self.decision_function(X)
        if decision.ndim == 1:
            return self._label(says_yes(self.estimators_[0], decision).astype(int), 1)
        return self._label(decision.argmax(axis=1), decision.shape[1])


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the second class of each of a number of pairs.

    Examples
    --------
    >>> from tinygrad_ml.models.one_vs_one import pairs
    >>> pairs(3)
    (array([0, 0, 1]), array([1, 2, 2]))
    """
    n_classes = (1 + math.isqrt(1 + 8 * count)) // 2
    return np.triu_indices(n_classes, 1)
