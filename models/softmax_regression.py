"""Softmax regression: the logits of any number of classes are x·w + b (multinomial logistic regression)."""

from __future__ import annotations

from typing import Any

from .linear import LinearClassifier


class SoftmaxRegression(LinearClassifier):
    """Softmax regression: P(class | x) = softmax(x·w + b), with a row of weights for each class.

    For two classes it is logistic regression, with one row. It minimises the cross entropy, or with a penalty
    C · Σ cross entropy + Σw² / 2 for "l2" and C · Σ cross entropy + Σ|w| for "l1", as scikit-learn does. The biases
    have no penalty.

    Parameters
    ----------
    solver : "auto", "newton", "lbfgs", "sgd" or "adam"
        As in `LogisticRegression`; Newton's method needs memory for the square of the number of weights.
    penalty : None, "l2", "l1" or "elasticnet"
    C : float
        The inverse of the strength of the penalty (1/λ): small values keep the weights small.
    l1_ratio : float, from 0 to 1
        The part of "l1" in "elasticnet".
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples; "balanced" gives rare classes as much weight together as frequent ones.
    fit_intercept, learning_rate, momentum, batch_size, max_iter, tol, early_stopping, validation_fraction, \
n_iter_no_change, warm_start, random_state, verbose
        As in `LogisticRegression`.

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
    >>> report = gradcheck(lambda x: model.loss(model(x), np.array(y)), X, params=model)
    """

    def __init__(
        self,
        *,
        solver: str = "auto",
        penalty: str | None = "l2",
        C: float = 1.0,
        l1_ratio: float = 0.5,
        class_weight: Any = None,
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
