"""Several labels of each sample: y of (samples, labels), of which each column has two classes of its own.

The labels are independent of each other given the features, so the log loss of a sample is the sum over its labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from . import checking


class Labels(NamedTuple):
    """What the columns of y hold: for each its two classes, as an array, or the only one that occurs."""

    classes: list[np.ndarray]

    @property
    def are_indicators(self) -> bool:
        """Whether all columns are of zeros and ones, as scikit-learn wants its multilabel targets."""
        return all(_is_indicator(classes) for classes in self.classes)

    @property
    def public(self) -> Any:
        """What `classes_` says: the numbers of the columns if they are of zeros and ones, else the classes of each."""
        return np.arange(len(self.classes)) if self.are_indicators else self.classes

    def decode(self, positive: np.ndarray) -> np.ndarray:
        """Return the classes for whether each is the second one, `(samples, labels)`, in the dtype that y had."""
        columns = [classes[column.astype(int) % len(classes)] for classes, column in zip(self.classes, positive.T)]
        kinds = {column.dtype.kind for column in columns}
        return np.stack([column.astype(object) for column in columns] if len(kinds) > 1 else columns, axis=1)

    def matches(self, others: list[np.ndarray]) -> bool:
        """Whether all columns have these classes."""
        return len(others) == len(self.classes) and all(map(np.array_equal, self.classes, others))


def encode(model: Any, y: np.ndarray, known: Labels | None, told: Any) -> tuple[Labels, np.ndarray]:
    """Return what the columns of y hold, and zeros and ones, `(samples, labels)`: one for the second class of each.

    `known` is what the model was fitted with, and `told` the `classes` that `partial_fit` was told of.
    """
    kind = type(model).__name__
    columns = [checking.check_labels(model, column, f"column {i} of y") for i, column in enumerate(y.T)]
    if known is not None and len(known.classes) != len(columns):
        raise ValueError(f"{kind}: y has {len(columns)} labels, but it was fitted with {len(known.classes)}")
    given = known if told is None else _told(model, told, columns, known)
    if given is None:
        given = Labels([_classes(kind, i, column) for i, column in enumerate(columns)])
    positions = np.empty(y.shape, np.intp)
    for i, (classes, column) in enumerate(zip(given.classes, columns)):
        unknown = sorted({*column.tolist()} - {*classes.tolist()}, key=str)
        if unknown:
            raise ValueError(
                f"{kind}: column {i} of y has the label {unknown[0]!r}, which is not one of {classes.tolist()}"
            )
        positions[:, i] = np.searchsorted(classes, column)
    return given, positions


def _classes(kind: str, i: int, column: np.ndarray) -> np.ndarray:
    """Return the classes of a column: zero and one, of which one may be missing, or the one or two there are."""
    found = np.unique(column)
    if len(found) > 2:
        raise ValueError(
            f"{kind}: y of (samples, labels) must have two classes in each column, such as 0 and 1, but column {i} has "
            f"{len(found)}: {', '.join(map(repr, found.tolist()[:3]))}, ...; for several classes in a column use "
            "MultiHeadMLP, or a model for each column (sklearn.multioutput.MultiOutputClassifier)"
        )
    return np.array([0, 1], column.dtype) if _is_indicator(found) else found


def _is_indicator(classes: np.ndarray) -> bool:
    return classes.dtype.kind in "biuf" and bool(np.isin(classes, (0, 1)).all())


def _told(model: Any, told: Any, columns: list[np.ndarray], known: Labels | None) -> Labels:
    """Return the classes that `partial_fit` was told of: the numbers of the columns, or the classes of each."""
    kind, n = type(model).__name__, len(columns)
    told = list(told)
    if np.array_equal(told, np.arange(n)) and known is None:
        return Labels([_classes(kind, i, column) for i, column in enumerate(columns)])
    if np.array_equal(told, np.arange(n)) and known is not None and known.are_indicators:
        return known
    if len(told) <= 2 and all(np.ndim(each) == 0 for each in told):
        told = [told] * n  # the classes of every column
    if len(told) != n or any(np.ndim(classes) != 1 for classes in told):
        raise ValueError(
            f"{kind}: for y of (samples, labels), classes must hold the classes of each of the {n} columns"
        )
    classes = [np.unique(checking.check_labels(model, np.asarray(each), "classes")) for each in told]
    if known is not None and not known.matches(classes):
        raise ValueError(f"{kind}: classes={told} is not what the first call had")
    for i, each in enumerate(classes):
        _classes(kind, i, each)
    return Labels(classes)


def check_target(output: Any, target: Any) -> Any:
    """Return zeros and ones `(batch, labels)` in the dtype of the logits."""
    if target.shape != output.shape:
        raise ValueError(
            f"criterion: output has shape {output.shape} and target {target.shape}; for labels they must be equal"
        )
    return target if target.dtype == output.dtype else target.astype(output.dtype)


def class_weights(model: Any, labels: Labels, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
    """Return the weights of the samples, or times those of their classes `(samples, labels)`.

    `class_weight` may be "balanced" or a dict, which count for each column by itself, or a list with one for each.
    """
    wanted, kind, n = model.class_weight, type(model).__name__, target.shape[1]
    if wanted is None:
        return weight
    each = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted] * n
    if len(each) != n:
        raise ValueError(f"{kind}: class_weight has {len(each)} entries, and y has {n} labels")
    if isinstance(wanted, Mapping):
        there = {label for classes in labels.classes for label in classes.tolist()}
        unknown = [label for label in wanted if label not in there]
        if unknown:
            raise ValueError(f"{kind}: class_weight has {unknown}, which are not among the classes of y")
    of_sample = np.empty(target.shape, float if weight is None else weight.dtype)
    for i, (choice, classes) in enumerate(zip(each, labels.classes)):
        of_sample[:, i] = weights_of(model, choice, classes, target[:, i], weight)[target[:, i]]
    if weight is not None:
        of_sample *= weight[:, None]
    if not of_sample.any(axis=0).all():
        raise ValueError(f"{kind}: class_weight={wanted!r} makes the weights of all samples zero")
    return of_sample


def weights_of(
    model: Any, wanted: Any, classes: np.ndarray, target: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Return the weight of each class: what a dict says, or such that all of them weigh the same together."""
    names, kind = classes.tolist(), type(model).__name__
    if wanted is None:
        return np.ones(len(names))
    if isinstance(wanted, str) and wanted == "balanced":
        counts = np.bincount(target, weight, len(names))
        there = max(1, np.count_nonzero(counts)) if len(names) < 2 else len(names)
        return counts.sum() / (there * np.where(counts > 0, counts, 1))  # a class may be missing
    if not isinstance(wanted, Mapping):
        raise ValueError(f"{kind}: class_weight must be 'balanced' or a dict of weights by class, not {wanted!r}")
    return np.array([checking.class_weight(model, label, wanted.get(label, 1.0)) for label in names])
