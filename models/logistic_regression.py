"""Logistic regression: the log-odds of one class against the other, or of each of several labels, are x·w + b."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from .hyperparameters import fraction, hyperparameters
from .linear_classifier import LinearClassifier


@hyperparameters
class LogisticRegression(LinearClassifier):
    """Logistic regression for two classes: P(second class | x) = sigmoid(x·w + b).

    It minimises the log loss, or with a penalty C · Σ log loss + Σw² / 2 for "l2" and C · Σ log loss + Σ|w| for "l1",
    as scikit-learn does. The bias has no penalty.

    With y of (samples, labels), whose columns have two classes each, it is one such model for each label, all fitted
    together. A label that is the same in all samples has a probability by Laplace's rule of succession: (n + 1)/(n + 2)
    after n samples.

    Parameters
    ----------
    threshold : float
        `predict` says the second class when its probability is above this.
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples; "balanced" gives rare classes as much weight together as frequent ones.
        With several labels it counts for each by itself; a list has one for each.

    Attributes
    ----------
    coef_, intercept_ : (1, features) and (1,), or (labels, features) and (labels,)
    classes_ : (2,), or the numbers of the labels (labels,); a list of the classes of each if they are not zeros and
        ones
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["no", "no", "yes", "yes"]
    >>> model = tg.models.LogisticRegression(solver="newton").fit(X, y)
    >>> model.predict([[0.5], [2.5]])
    array(['no', 'yes'], dtype='<U3')
    >>> model.predict_proba([[1.5]]).round(3)
    array([[0.5, 0.5]])

    Several labels of each sample:

    >>> labels = np.array([[0, 1], [0, 1], [1, 0], [1, 0]])
    >>> both = tg.models.LogisticRegression().fit(X, labels)
    >>> both.predict([[0.0], [3.0]])
    array([[0, 1],
           [1, 0]])
    >>> both.predict_proba([[3.0]]).shape
    (1, 2)

    It is a module: draw it with `tg.draw(model, x)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array([0, 0, 1, 1])), X, params=model)
    """

    multi_class = False
    multi_label = True
    curvature = 0.25  # the largest second derivative of the log loss

    _: KW_ONLY
    threshold: float = fraction(0.5)

    def predict(self, X: Any) -> np.ndarray:
        """Return the second class where its probability is above the threshold, else the first.

        `(samples,)`, or `(samples, labels)`.
        """
        if self.threshold == 0.5:
            return super().predict(X)
        if self._labels is not None:
            return self._labels.decode(self.predict_proba(X) > self.threshold)
        return self._label((self.predict_proba(X)[:, 1] > self.threshold).astype(int), 1)
