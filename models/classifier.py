"""Classifier: what all models of classes share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml import metrics as scores
from tinygrad_ml.nn import functional as F
from tinygrad_ml.protocol import available_when

from . import checking, labels
from .base import Model, mean_of, weighted_mean
from .labels import Labels

M = TypeVar("M", bound="Classifier")

MANY = 1000  # classes: the logits of some samples are no small array any more


class Classifier(Model):
    """A model of classes. Its outputs are logits, `(batch, 1)` for two classes and `(batch, classes)` for more.

    Its loss is the cross entropy: of a sigmoid for two classes, of a softmax for more.

    Some take y of (samples, labels) too, whose columns have two classes each, such as 0 and 1: the outputs are the
    logits of the labels, `(batch, labels)`, and the loss of a sample is the sum of the log losses of its labels.
    """

    kind = "classifier"
    multi_class = True
    _labels: Labels | None = None  # what the columns of y hold, if it has several

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of logits and the positions of the classes, `(batch,)`, or zeros and ones for labels.

        A loss that is a function gets those positions; for two classes zeros and ones in the shape of the logits.
        """
        loss = self._loss("cross_entropy")
        reduction = "mean" if sample_weight is None else "none"
        if output.shape[1] == 1:
            target = np.reshape(target, (-1, 1)).astype(output.dtype)
        is_of_labels = self.multi_label and np.ndim(target) == 2 and output.shape[1] > 1
        if is_of_labels:
            target = labels.check_target(output, target)
        if callable(loss):
            return mean_of(loss, output, target, sample_weight)
        if is_of_labels:
            losses = F.binary_cross_entropy_with_logits(output, target, reduction=reduction)
            return (losses if sample_weight is None else weighted_mean(losses, sample_weight)) * output.shape[1]
        if output.shape[1] == 1:
            losses = F.binary_cross_entropy_with_logits(output, target, reduction=reduction)
        else:
            losses = F.cross_entropy(output, target, reduction=reduction)
        return losses if sample_weight is None else weighted_mean(losses, sample_weight)

    criterion.has_closed_forms = True  # type: ignore[attr-defined]  # `LinearProblem` has its derivatives

    def _encode(self, y: np.ndarray, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        """Return the position of each label among the classes, the weights of the samples, the number of logits."""
        is_fitted = "n_features_in_" in vars(self)
        if is_fitted and (self._labels is not None) != (y.ndim == 2):
            one, several = "one class for each sample, (samples,)", "several labels, (samples, labels)"
            now, before = (several, one) if y.ndim == 2 else (one, several)
            raise ValueError(f"{type(self).__name__}: y has {now}, but the model was fitted with {before}")
        if y.ndim == 2:
            self._labels, target = labels.encode(self, y, self._labels if is_fitted else None, classes)
            self.classes_ = self._labels.public
            return target, labels.class_weights(self, self._labels, target, weight), target.shape[1]
        y = checking.check_labels(self, y)
        if classes is not None:
            classes = np.unique(checking.check_labels(self, np.asarray(classes), "classes"))
        known = vars(self).get("classes_") if is_fitted else None
        if known is None and classes is None:
            known, positions = np.unique(y, return_inverse=True)
        else:
            known, positions = self._positions(y, known, classes)
        self._check_classes(known)
        self.classes_ = known
        positions = positions.reshape(-1)
        return positions, self._class_weights(positions, weight), 1 if len(known) == 2 else len(known)

    def _positions(self, y: np.ndarray, known: np.ndarray | None, classes: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes that were known, or are told now, and the position of each label among them."""
        kind = type(self).__name__
        if known is None:
            known = classes
        elif classes is not None and not np.array_equal(known, classes):
            raise ValueError(f"{kind}: classes={classes.tolist()} is not what the first call had, {known.tolist()}")
        unknown = sorted({*y.tolist()} - {*known.tolist()})
        if unknown:
            raise ValueError(
                f"{kind}: y has the label {unknown[0]!r}, which is not one of the classes {known.tolist()}"
            )
        return known, np.searchsorted(known, y)

    def _check_classes(self, known: np.ndarray) -> None:
        kind = type(self).__name__
        if len(known) < 2:
            raise ValueError(
                f"{kind} needs samples of at least 2 classes to learn what tells them apart, but the data contains "
                f"only one class: {known.tolist()[0]!r} (partial_fit can be told of all of them by classes=[...])"
            )
        if len(known) > 2 and not self.multi_class:
            raise ValueError(
                f"Only binary classification is supported by {kind}. The type of the target is multiclass: it has "
                f"{len(known)} classes; use SoftmaxRegression or OneVsRest"
            )

    def _class_weights(self, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Return the weights of the samples times those of their classes."""
        wanted = self.class_weight
        if wanted is None:
            return weight
        kind, classes = type(self).__name__, self.classes_.tolist()
        unknown = [label for label in wanted if label not in classes] if isinstance(wanted, Mapping) else []
        if unknown:
            raise ValueError(f"{kind}: class_weight has {unknown}, which are not among the classes {classes}")
        of_class = labels.weights_of(self, wanted, self.classes_, target, weight)
        of_sample = of_class[target] if weight is None else of_class[target].astype(weight.dtype) * weight
        if not of_sample.any():
            raise ValueError(f"{kind}: class_weight={wanted!r} makes the weights of all samples zero")
        return of_sample

    @available_when(Model._why_no_partial_fit)
    def partial_fit(self: M, X: Any, y: Any, classes: Iterable[Any] | None = None, sample_weight: Any = None) -> M:
        """Learn a little more: one pass of gradient steps over these samples; return the model.

        The first call should name all `classes` that will ever come.
        """
        return self._fit(X, y, sample_weight, classes, passes=1)

    def constant_loss(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        if callable(self._loss("")):
            return math.inf
        if target.ndim == 2:
            share = np.average(target, axis=0, weights=weight)
            share = np.stack([share, 1 - share])
        else:
            share = np.bincount(target, weight) / (len(target) if weight is None else weight.sum())
        share = share[share > 0]
        return float(-(share * np.log(share)).sum())

    def _check_y(self, y: Any, n_samples: int) -> np.ndarray:
        columns = 1 if self.multi_output else 2 * self.multi_label  # the least number of them that are labels
        return checking.check_target(self, y, n_samples, columns)

    def _label(self, positions: np.ndarray, n_outputs: int) -> np.ndarray:
        """Return the classes at some positions; those of a model that was only built are 0, 1, ..."""
        return vars(self).get("classes_", np.arange(max(2, n_outputs)))[positions]

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits: `(samples,)`, of the second class, for two classes, `(samples, classes)` for more.

        Of several labels `(samples, labels)`, each that of the second class of its column.
        """
        logits = self._outputs(X)
        return logits[:, 0] if logits.shape[1] == 1 and self._labels is None else logits

    def probabilities(self, output: Tensor) -> Tensor:
        """Return what `predict_proba` makes of outputs of `forward`."""
        if self._labels is not None:
            return tg.sigmoid(output)
        if output.shape[1] > 1:
            return tg.softmax(output, axis=1)
        return tg.concatenate([tg.sigmoid(-output), tg.sigmoid(output)], axis=1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, `(samples, classes)`.

        Of several labels that of the second class of each column, `(samples, labels)`: that the label is 1.
        """
        return np.array(self.probabilities(tg.tensor(self._outputs(X))).numpy())

    @available_when(
        lambda self: "" if hasattr(self, "predict_proba") else f"{type(self).__name__} has no probabilities"
    )
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of what `predict_proba` returns; -inf for a probability of 0."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample, `(samples,)`, or of each label, `(samples, labels)`."""
        n_classes = len(vars(self).get("classes_", ()))
        if n_classes > MANY and self._labels is None:  # whose logits for all samples would need much memory
            rows = max(1, MANY * 4096 // n_classes)
            return self._label(self._outputs(X, rows, lambda logits: logits.argmax(axis=1)), n_classes)
        logits = self._outputs(X)
        if self._labels is not None:
            return self._labels.decode(logits > 0)
        positions = (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)
        return self._label(positions, logits.shape[1])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the fraction of the samples whose class, or all of whose labels, are predicted right."""
        predicted = self.predict(X)
        y = self._check_y(y, len(predicted))
        if self._labels is None:
            return scores.accuracy_score(checking.check_labels(self, y), predicted, sample_weight=sample_weight)
        if y.shape != predicted.shape:
            raise ValueError(f"{type(self).__name__}: y has shape {y.shape}, and the predictions {predicted.shape}")
        weight = checking.check_weights(self, sample_weight, len(y), np.dtype(np.float64))
        return float(np.average((y == predicted).all(axis=1), weights=weight))
