"""The classifier chain: several labels, each of which may depend on those before it."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.random import default_generator

from .binary import BinaryClassifiers, says_yes
from .checking import Rule
from .hyperparameters import choice, hyperparameters, seed

label_order = Rule(
    lambda v: (isinstance(v, str) and v == "random") or (isinstance(v, (list, tuple, np.ndarray)) and np.ndim(v) == 1),
    "a sequence of the numbers of all labels, 'random', or None",
)


@hyperparameters
class ClassifierChain(BinaryClassifiers):
    """One binary classifier for each label of y (samples, labels), which sees the labels before it as features, too.

    So labels that go together are learned as such, where `LogisticRegression` takes each for itself. In `fit` each
    classifier sees the true labels before it, in `predict` those that were predicted. A label that is the same in all
    samples is predicted so. y of (samples,) is a single label. Read and others, "Classifier chains for multi-label
    classification" (2011).

    Parameters
    ----------
    order : sequence of ints, "random" or None
        Which label comes first, second, ...; by default in the order of the columns.
    chain_method : "predict", "predict_proba" or "decision_function"
        What of the labels before a classifier sees when it predicts: zeros and ones, probabilities or logits.
    random_state : int, Generator or RandomState, optional
        Decides a random order.

    Attributes
    ----------
    estimators_ : list of the fitted classifiers, in the order of the chain
    order_ : (labels,), the numbers of the labels in the order of the chain
    classes_ : the numbers of the labels (labels,); a list of the classes of each if they are not zeros and ones
    n_iter_ : int, of the one that took longest
    history_ : History of the last one

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Y = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    >>> chain = tg.models.ClassifierChain(tg.models.LogisticRegression(C=10.0)).fit(X, Y)
    >>> chain.predict([[0.0], [3.0]]).tolist()
    [[0, 0], [1, 1]]
    >>> [estimator.n_features_in_ for estimator in chain.estimators_]
    [1, 2]

    It is a module: draw it with `tg.draw(chain, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: chain.criterion(chain(x), Y), X + 0.1, params=chain)
    """

    multi_class = False
    multi_label = multi_output = True

    _: KW_ONLY
    order: Any = label_order(None)
    chain_method: str = choice("predict", "predict_proba", "decision_function")
    random_state: Any = seed(None)

    def build(self, n_features: int, n_outputs: int) -> ClassifierChain:
        """Make `estimators_`, one for each label."""
        if isinstance(self.order, str):
            self.order_ = default_generator().permutation(n_outputs)
        else:
            self.order_ = np.arange(n_outputs) if self.order is None else np.array(self.order)
        if sorted(self.order_.tolist()) != list(range(n_outputs)):
            raise ValueError(
                f"ClassifierChain: order={self.order!r} must hold each of the numbers 0 to {n_outputs - 1} of the "
                f"{n_outputs} labels once"
            )
        self.estimators_ = self.copies(list(range(n_features, n_features + n_outputs)))
        return self

    def question(self, i: int, X: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
        """Ask whether the label is there, given those before it."""
        target = target.reshape(len(X), -1)
        before = target[:, self.order_[:i]].astype(X.dtype)
        return np.concatenate([X, before], axis=1), target[:, self.order_[i]], slice(None)

    def forward(self, x: Tensor) -> Tensor:
        logits: list[Tensor] = []
        for estimator in self.estimators_:
            logit = estimator(x)
            logits.append(logit)
            x = tg.concatenate([x, self._passed_on(estimator, logit)], axis=1)
        return tg.concatenate([logits[i] for i in np.argsort(self.order_)], axis=1)

    def _passed_on(self, estimator: Any, logit: Tensor) -> Any:
        """Return what the classifiers after this one see of its label."""
        if self.chain_method == "predict":
            return says_yes(estimator, logit.detach()).astype(logit.dtype)
        return tg.sigmoid(logit) if self.chain_method == "predict_proba" else logit

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels, `(samples, labels)`, or `(samples,)` if y was."""
        logits = self._outputs(X)
        each = [says_yes(estimator, logits[:, i]) for i, estimator in zip(self.order_, self.estimators_)]
        yes = np.stack([each[i] for i in np.argsort(self.order_)], axis=1)
        return self._label(yes[:, 0].astype(int), 1) if self._labels is None else self._labels.decode(yes)
