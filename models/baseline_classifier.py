"""A classifier that does not look at the features: the accuracy that any other has to beat."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.protocol import available_when
from tinygrad_ml.random import as_generator, default_generator

from . import labels
from .baseline import Baseline
from .classifier import Classifier
from .hyperparameters import choice, hyperparameters, seed
from .weights import Weights, normalized_weights


def fit_frequencies(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Set the bias to the logits of the frequencies of the classes, at which the cross entropy is least."""
    if target.ndim == 2:
        fit_labels(model, X, target, weight)
        return
    counts = np.bincount(target, weight, len(model.classes_))
    model.class_prior_, model.n_classes_ = counts / counts.sum(), len(counts)
    if model.strategy == "constant" and model.constant not in model.classes_.tolist():
        raise ValueError(
            f"{type(model).__name__}(strategy='constant', constant={model.constant!r}): the constant must be one of "
            f"the classes {model.classes_.tolist()}"
        )
    logits = np.log(model.class_prior_)
    model.linear_.bias.data = logits[1:] - logits[:1] if len(logits) == 2 else logits
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item() if len(logits) > 1 else 0.0)
    model.n_iter_ = 1


def fit_labels(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Set the biases to the logits of the frequencies of several labels, `(samples, labels)`."""
    share = np.average(target, axis=0, weights=weight)
    model.class_prior_, model.n_classes_ = share, [2] * len(share)
    if model.strategy == "constant":
        if np.shape(model.constant) != share.shape:
            raise ValueError(
                f"{type(model).__name__}(strategy='constant', constant={model.constant!r}): of {len(share)} labels the "
                f"constant is a list of {len(share)}, one for each"
            )
        constant_labels(model)  # raises for what is no label
    share = np.clip(share, 1e-12, 1 - 1e-12)  # of a label that nobody has
    model.linear_.bias.data = np.log(share / (1 - share))
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())
    model.n_iter_ = 1


def constant_labels(model: Any) -> np.ndarray:
    """Return which of the labels that are always predicted are the second ones, `(labels,)`."""
    positions: np.ndarray = labels.encode(model, np.array([model.constant]), model._labels, None)[1]
    return positions[0] == 1


@hyperparameters
class BaselineClassifier(Baseline, Classifier):
    """The most frequent class, whatever the features are; of several labels, (samples, labels), that of each.

    Of 100 mails of which 9 are spam it gets 91 right, without having learned what spam is.

    Parameters
    ----------
    strategy : "prior", "most_frequent", "stratified", "uniform" or "constant"
        "prior" predicts the most frequent class, and as probabilities the frequencies of all; "most_frequent" the same
        class, with probability 1; "stratified" draws classes by their frequencies, "uniform" with equal probabilities;
        "constant" always says `constant`.
    constant : a class, or a list of labels, optional
        For the strategy "constant".
    random_state : int, Generator or RandomState, optional
        Decides what "stratified" and "uniform" draw.

    Attributes
    ----------
    classes_, class_prior_ : (classes,)
        The classes and their frequencies; of several labels, the frequency of 1 in each column, `(labels,)`.
    n_classes_ : int, or a list of them

    Examples
    --------
    >>> X, y = [["any"], ["kind"], [None], ["X"]], ["ham", "ham", "spam", "ham"]
    >>> model = tg.models.BaselineClassifier().fit(X, y)
    >>> model.predict(X), model.score(X, y), model.predict_proba([["new"]])
    (array(['ham', 'ham', 'ham', 'ham'], dtype='<U4'), 0.75, array([[0.75, 0.25]]))

    It is a module: draw it with `tg.draw(model, x)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array([0, 1])), np.ones((2, 1)), params=model)
    """

    solvers: ClassVar = {"constant": fit_frequencies}
    multi_label = True

    _: KW_ONLY
    strategy: str = choice("prior", "most_frequent", "stratified", "uniform", "constant")
    constant: Any = None
    random_state: Any = seed(None)

    def _check_classes(self, known: np.ndarray) -> None:
        """Allow a single class."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, by the strategy, `(samples, classes)`; of 1, `(samples, labels)`."""
        self.require_fitted()
        n, prior = len(self._check_X(X)), vars(self).get("class_prior_")
        if prior is not None and self._labels is not None:
            return self._of_labels(n, prior)
        if prior is None or self.strategy == "prior":  # a model that was only built has classes of equal probability
            return super().predict_proba(X) if prior is None else np.tile(prior, (n, 1))
        if self.strategy == "uniform":
            return np.full((n, len(prior)), 1 / len(prior))
        if self.strategy == "stratified":
            return self._generator_now().multinomial(1, prior, size=n).astype(float)
        is_constant = self.strategy == "constant"
        sure = self.classes_.tolist().index(self.constant) if is_constant else prior.argmax()
        return np.tile(np.eye(len(prior))[sure], (n, 1))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class that the strategy says for each sample, `(samples,)`, or labels, `(samples, labels)`."""
        probabilities = self.predict_proba(X)
        if self._labels is not None:
            is_drawn = self.strategy == "uniform"
            drawn = self._generator_now().random(probabilities.shape) if is_drawn else 0.5
            return self._labels.decode(probabilities > drawn)
        positions = probabilities.argmax(axis=1)
        if self.strategy == "uniform":
            positions = self._generator_now().integers(probabilities.shape[1], size=len(positions))
        return self._label(positions, probabilities.shape[1])

    def _of_labels(self, n: int, share: np.ndarray) -> np.ndarray:
        if self.strategy == "stratified":
            return (self._generator_now().random((n, len(share))) < share).astype(float)
        if self.strategy == "uniform":
            share = np.full(len(share), 0.5)
        elif self.strategy != "prior":
            share = (constant_labels(self) if self.strategy == "constant" else share > 0.5).astype(float)
        return np.tile(share, (n, 1))

    def _generator_now(self) -> np.random.Generator:
        return as_generator(self.random_state) or default_generator()

    def __sklearn_tags__(self) -> Any:
        """Name several labels where their probabilities lie between 0 and 1, as scikit-learn's checks want them."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.strategy in ("prior", "uniform")
        return tags

    decision_function = available_when(lambda self: _without_logits(self))(Classifier.decision_function)


def _without_logits(model: BaselineClassifier) -> str:
    if model.strategy in ("prior", "most_frequent"):
        return ""
    return f"BaselineClassifier(strategy={model.strategy!r}) has no decision_function: its classes do not follow logits"
