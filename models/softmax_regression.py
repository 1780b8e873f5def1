"""Softmax regression: the logits of any number of classes are x·w + b (multinomial logistic regression)."""

from __future__ import annotations

from .hyperparameters import hyperparameters
from .linear_classifier import LinearClassifier


@hyperparameters
class SoftmaxRegression(LinearClassifier):
    """Softmax regression: P(class | x) = softmax(x·w + b), with a row of weights for each class.

    For two classes it is logistic regression, with one row. It minimises the cross entropy, or with a penalty
    C · Σ cross entropy + Σw² / 2 for "l2" and C · Σ cross entropy + Σ|w| for "l1", as scikit-learn does. The biases
    have no penalty.

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
