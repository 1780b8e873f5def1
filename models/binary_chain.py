"""The chain of binary problems: C against A and B, then A against B."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor

from .binary import BinaryClassifiers, says_yes, without
from .checking import Rule
from .hyperparameters import hyperparameters

class_order = Rule(
    lambda v: isinstance(v, (list, tuple, np.ndarray)) and np.ndim(v) == 1, "a sequence of all classes, or None"
)


@hyperparameters
class BinaryChain(BinaryClassifiers):
    """One binary question after the other: the first class or not; if not, the second or not; and so on.

    Each classifier learns from the samples that are of none of the classes before. P(class | x) is the product of the
    answers that lead to it, and `predict` names the most probable one; where the estimator has no probabilities, the
    first that says yes. As a model of classes that follow each other it is the continuation ratio model: Fienberg, "The
    analysis of cross-classified categorical data" (1980).

    Its outputs are the logarithms of those probabilities; for two classes, the logit of the second one.

    Parameters
    ----------
    order : sequence of all classes, optional
        Which class is asked for first, second, ...; the last two are told from each other. By default from the last
        class to the first: C from A and B, then B from A.

    Attributes
    ----------
    estimators_ : list of the fitted classifiers, one less than there are classes
    order_ : (classes,), the classes in the order in which they are asked for
    coef_, intercept_ : (classes - 1, features) and (classes - 1,), if they are linear
    classes_ : (classes,)
    n_iter_ : int, of the one that took longest
    history_ : History of the last one

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [4.0], [5.0], [9.0], [10.0]]), ["A", "A", "B", "B", "C", "C"]
    >>> chain = tg.models.BinaryChain().fit(X, y)
    >>> chain.order_, chain.predict([[0.5], [4.5], [9.5]])
    (array(['C', 'B', 'A'], dtype='<U1'), array(['A', 'B', 'C'], dtype='<U1'))
    >>> is_c, is_b = (estimator.predict_proba([[4.5]])[0, 1] for estimator in chain.estimators_)
    >>> np.allclose(chain.predict_proba([[4.5]]), [(1 - is_c) * (1 - is_b), (1 - is_c) * is_b, is_c])
    True

    It is a module: draw it with `tg.draw(chain, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: chain.criterion(chain(x), np.array([0, 0, 1, 1, 2, 2])), X, params=chain)
    """

    order: Any = class_order(None)

    def build(self, n_features: int, n_outputs: int) -> BinaryChain:
        """Make `estimators_`, one less than there are classes."""
        n_classes = max(2, n_outputs)
        classes = vars(self).get("classes_", np.arange(n_classes))
        self.order_ = classes[::-1].copy() if self.order is None else np.asarray(self.order)
        if sorted(self.order_.tolist(), key=str) != sorted(classes.tolist(), key=str):
            raise ValueError(f"BinaryChain: order={self.order!r} must name each of the classes {classes.tolist()} once")
        self.estimators_ = self.copies([n_features] * (n_classes - 1))
        return self

    def _order(self) -> np.ndarray:
        """Return the positions of the classes, in the order in which they are asked for."""
        return np.argsort(np.argsort(self.order_))

    def question(self, i: int, X: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        """Ask of the samples that are of no class before whether they are of this one."""
        order = self._order()
        rows = np.flatnonzero(~np.isin(target, order[:i]))
        return X[rows], (target[rows] == order[i]).astype(int), rows

    def forward(self, x: Tensor) -> Tensor:
        logits = [estimator(x) for estimator in self.estimators_]
        order = self._order()
        if len(logits) == 1:
            return logits[0] if order[0] == 1 else -logits[0]
        # how far each class is from being said, and from being passed over: in probabilities, or in margins
        is_probability = not without("predict_proba", self)
        yes = [tg.logsigmoid(z) for z in logits] if is_probability else logits
        no = [tg.logsigmoid(-z) for z in logits] if is_probability else [-z for z in logits]
        both = tg.add if is_probability else tg.minimum
        outputs, so_far = [yes[0]], no[0]
        for i in range(1, len(logits)):
            outputs.append(both(so_far, yes[i]))
            so_far = both(so_far, no[i])
        outputs.append(so_far)
        return tg.concatenate([outputs[i] for i in np.argsort(order)], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample, `(samples,)`; of two classes what the classifier predicts."""
        outputs = self._outputs(X)
        if outputs.shape[1] > 1:
            return self._label(outputs.argmax(axis=1), outputs.shape[1])
        second = self._order()[0]
        yes = says_yes(self.estimators_[0], outputs[:, 0] if second == 1 else -outputs[:, 0])
        return self._label(np.where(yes, second, 1 - second), 1)
