"""One-vs-rest: many classes, or several labels, by one binary classifier for each."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.nn import functional as F
from tinygrad_ml.protocol import available_when

from .base import weighted_mean
from .binary import BinaryClassifiers, says_yes, without
from .hyperparameters import hyperparameters


@hyperparameters
class OneVsRest(BinaryClassifiers):
    """One binary classifier for each class, which tells it from all others; the one that is most sure decides.

    Its outputs are the logits of all of them. With y of (samples, labels) there is one for each label, and each decides
    for itself.

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

    multi_label = True

    def build(self, n_features: int, n_outputs: int) -> OneVsRest:
        """Make `estimators_`, one with a single output for each class or label; a single one for two classes."""
        self.estimators_ = self.copies([n_features] * n_outputs)
        return self

    def question(self, i: int, X: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        """Ask whether the sample is of the class, or the label is there."""
        if target.ndim == 2:
            return X, target[:, i], slice(None)
        return X, (target == (i if len(self.estimators_) > 1 else 1)).astype(int), slice(None)

    def forward(self, x: Tensor) -> Tensor:
        return tg.concatenate([estimator(x) for estimator in self.estimators_], axis=1)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean log loss of all classifiers; of several labels the sum of theirs."""
        if output.shape[1] == 1 or np.ndim(target) == 2:
            return super().criterion(output, target, sample_weight)
        truth = np.reshape(target, (-1, 1)) == np.arange(output.shape[1])
        losses = F.binary_cross_entropy_with_logits(output, truth.astype(output.dtype), reduction="none")
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the class whose classifier is most sure, `(samples,)`; of two classes, what the only one predicts.

        Of several labels what each predicts, `(samples, labels)`.
        """
        logits = self._outputs(X)
        if self._labels is None and logits.shape[1] > 1:
            return self._label(logits.argmax(axis=1), logits.shape[1])
        yes = np.stack([says_yes(*each) for each in zip(self.estimators_, logits.T)], axis=1)
        return self._label(yes[:, 0].astype(int), 1) if self._labels is None else self._labels.decode(yes)

    def probabilities(self, output: Tensor) -> Tensor:
        if output.shape[1] == 1 or self._labels is not None:
            return super().probabilities(output)
        each = tg.sigmoid(output)
        total = each.sum(axis=1, keepdims=True)
        return tg.where(total > 0, each / tg.where(total > 0, total, 1.0), 1 / each.shape[1])

    @available_when(lambda self: without("predict_proba", self))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of each against the rest, divided by their sum, `(samples, classes)`.

        Of several labels the probability of each, `(samples, labels)`.
        """
        return super().predict_proba(X)
