"""Logistic regression: the log-odds of one class against the other are x·w + b."""

from __future__ import annotations

from typing import Any

import numpy as np

from .linear import LinearClassifier


class LogisticRegression(LinearClassifier):
    """Logistic regression for two classes: P(second class | x) = sigmoid(x·w + b).

    It minimises the log loss, or with a penalty C · Σ log loss + Σw² / 2 for "l2" and C · Σ log loss + Σ|w| for "l1",
    as scikit-learn does. The bias has no penalty.

    Parameters
    ----------
    solver : "auto", "newton", "lbfgs", "sgd" or "adam"
        Newton's method with the Hessian from autodiff, which also finds the exact zeros of "l1", by coordinate descent;
        a quasi-Newton method for many features; and gradient steps on batches. "auto" is Newton's method for up to
        1,000 weights (4,000 with "l1"), and Adam for `partial_fit` and `early_stopping`.
    penalty : None, "l2", "l1" or "elasticnet"
    C : float
        The inverse of the strength of the penalty (1/λ): small values keep the weights small.
    l1_ratio : float, from 0 to 1
        The part of "l1" in "elasticnet".
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples; "balanced" gives rare classes as much weight together as frequent ones.
    threshold : float
        `predict` says the second class when its probability is above this.
    fit_intercept : bool
        Whether there is a bias b.
    learning_rate : float, optional
        By default for "sgd" as large as the curvature of the loss lets it be, and for "adam" 0.01, and each
        time when the loss stops falling, down to a thousandth, a fifth of it.
    momentum : float
        For "sgd".
    batch_size : int, optional
        The samples of a gradient step; None takes all of them.
    max_iter : int
        The most iterations, or passes over the data.
    tol : float
        "lbfgs" and "newton" stop when no entry of the gradient of the mean loss is larger; "sgd" and "adam" when the
        loss has not fallen by so much in `n_iter_no_change` passes, and 0 never stops them.
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
    >>> report = gradcheck(lambda x: model.loss(model(x), np.array([0, 0, 1, 1])), X, params=model)
    """

    multi_class = False
    curvature = 0.25  # the largest second derivative of the log loss

    def __init__(
        self,
        *,
        solver: str = "auto",
        penalty: str | None = "l2",
        C: float = 1.0,
        l1_ratio: float = 0.5,
        class_weight: Any = None,
        threshold: float = 0.5,
        fit_intercept: bool = True,
        learning_rate: float | None = None,
        momentum: float = 0.0,
        batch_size: int | None = 32,
        max_iter: int = 100,
        tol: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.store(locals())

    def predict(self, X: Any) -> np.ndarray:
        """Return the second class for the samples whose probability of it is above the threshold, else the first."""
        if self.threshold == 0.5:
            return super().predict(X)
        return self._classes(1)[(self.predict_proba(X)[:, 1] > self.threshold).astype(int)]
