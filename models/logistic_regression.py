"""Logistic regression: the log-odds of one class against the other are x·w + b."""

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

    Parameters
    ----------
    threshold : float
        `predict` says the second class when its probability is above this.

    Attributes
    ----------
    coef_, intercept_ : (1, features) and (1,)
    classes_ : (2,)
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

    It is a module: draw it with `tg.draw(model, x)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array([0, 0, 1, 1])), X, params=model)
    """

    multi_class = False
    curvature = 0.25  # the largest second derivative of the log loss

    _: KW_ONLY
    threshold: float = fraction(0.5)

    def predict(self, X: Any) -> np.ndarray:
        """Return the second class for the samples whose probability of it is above the threshold, else the first."""
        if self.threshold == 0.5:
            return super().predict(X)
        return self._label((self.predict_proba(X)[:, 1] > self.threshold).astype(int), 1)
