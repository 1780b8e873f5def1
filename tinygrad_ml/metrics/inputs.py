"""What the metrics accept: lists, arrays, pandas columns and Tensors, checked in one place."""

from __future__ import annotations

from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from .. import validation
from ..validation import first_non_finite

CLASSES, MULTILABEL = "classes", "multilabel-indicator"


class UndefinedMetricWarning(UserWarning):
    """A metric has no value for these data, such as precision when nothing was predicted.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", tg.metrics.UndefinedMetricWarning)
    ...     tg.metrics.precision_score([0, 1], [0, 0])
    0.0
    """


class Targets(NamedTuple):
    """Classes of the samples, or a matrix that has a column for each label; as they are and as predicted."""

    kind: str  # CLASSES or MULTILABEL
    y_true: np.ndarray  # (samples,) or (samples, labels)
    y_pred: np.ndarray
    weight: np.ndarray | None


def check_targets(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Targets:
    """Return classes and predicted classes as arrays, if they are of one kind and of one length."""
    true, pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
    check_lengths(y_true=true, y_pred=pred)
    kinds = kind_of(true, "y_true"), kind_of(pred, "y_pred")
    weight = check_weight(sample_weight, len(true))
    for name, array, kind in (("y_true", true, kinds[0]), ("y_pred", pred, kinds[1])):
        if kind.startswith("continuous"):
            fraction = array[np.trunc(array) != array][0]
            raise ValueError(
                f"{name} has numbers such as {fraction:.6g}, which are not classes: "
                "this metric takes classes (from predict, y_prob >= threshold, or scores.argmax(axis=1)), "
                "not probabilities or measurements"
            )
        if kind not in (CLASSES, MULTILABEL):
            raise ValueError(neither_classes_nor_labels(name, array))
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"y_true of shape {true.shape} and y_pred of shape {pred.shape}: one has a class for each sample and the "
            "other a column for each label; both must be of one kind"
        )
    if kinds[0] == CLASSES:
        true, pred = true.reshape(-1), pred.reshape(-1)
        if (true.dtype.kind == "U") != (pred.dtype.kind == "U"):
            raise ValueError(
                f"y_true has labels such as {true.tolist()[0]!r} and y_pred such as {pred.tolist()[0]!r}: "
                "both must be strings or both numbers"
            )
    elif true.shape != pred.shape:
        raise ValueError(f"y_true has {true.shape[1]} labels (columns) and y_pred {pred.shape[1]}: they must be equal")
    return Targets(kinds[0], true, pred, weight)


def kind_of(y: np.ndarray, name: str) -> str:
    """Say what the target `y` holds: classes, labels in columns, numbers, or something else."""
    if y.ndim not in (1, 2) or 0 in y.shape[1:] or y.dtype.kind not in "biufU":
        return "unknown"
    several = y.ndim == 2 and y.shape[1] > 1
    whole = y.dtype.kind != "f" or not np.any(np.trunc(y) != y)  # NaN is not whole
    if not whole or y.dtype.kind == "f":
        check_finite(y, name)
    if not whole:
        return "continuous-multioutput" if several else "continuous"
    if not several:
        return CLASSES
    return MULTILABEL if y.dtype.kind != "U" and len(np.unique(y)) < 3 else "multiclass-multioutput"


class Codes(NamedTuple):
    """The sorted labels in the targets, and the position of each sample's label among them."""

    labels: np.ndarray
    true: np.ndarray
    pred: np.ndarray


def encode(targets: Targets) -> Codes:
    """Number the labels; if the targets have columns, these are the labels, and there is nothing to number."""
    if targets.kind == MULTILABEL:
        return Codes(np.arange(targets.y_true.shape[1]), targets.y_true, targets.y_pred)
    labels, predicted = distinct(targets.y_true), distinct(targets.y_pred)
    new = predicted[~np.isin(predicted, labels)]
    if len(new):
        labels = np.sort(np.concatenate([labels, new]))
    return Codes(labels, positions(targets.y_true, labels), positions(targets.y_pred, labels))


def distinct(y: np.ndarray) -> np.ndarray:
    """Return the values in `y`, sorted."""
    if y.dtype == bool:
        return np.array([value for value, present in ((False, not y.all()), (True, y.any())) if present])
    if _is_narrow(y):
        low, high = int(y.min()), int(y.max())
        seen = np.zeros(high - low + 1, bool)
        seen[y.astype(np.int64) - low] = True
        return (np.flatnonzero(seen) + low).astype(y.dtype)
    return np.unique(y)


def positions(y: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return where each entry of `y` is among the sorted `labels`, of which it must be one."""
    if y.dtype == bool:
        return np.searchsorted(labels, np.array([False, True]))[y.view(np.uint8)]
    if _is_narrow(y) and labels.dtype.kind in "iu":
        low, high = int(y.min()), int(y.max())
        near = (labels >= low) & (labels <= high)
        table = np.zeros(high - low + 1, np.intp)
        table[labels[near].astype(np.int64) - low] = np.flatnonzero(near)
        return table[y.astype(np.int64) - low]
    return np.searchsorted(labels, y)


def _is_narrow(y: np.ndarray) -> bool:
    """Tell whether a table over the range of `y` costs less than sorting it."""
    if y.dtype.kind not in "iu" or y.dtype == np.uint64:
        return False
    return int(y.max()) - int(y.min()) < max(256, y.size // 4)


def check_scores(y: Any, name: str, *, columns: bool = False) -> np.ndarray:
    """Return finite numbers of shape (samples,), or also (samples, columns)."""
    array = as_array(y, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, not values of dtype {array.dtype}")
    if array.ndim == 2 and array.shape[1] == 1 and not columns:
        array = array.reshape(-1)
    if array.ndim > 1 + columns:
        wanted = "(samples,) or (samples, columns)" if columns else "(samples,): choose one column, such as [:, 1]"
        raise ValueError(f"{name} has the shape {array.shape}, but it must be {wanted}")
    if 0 in array.shape:
        raise ValueError(f"{name} of shape {array.shape} is empty: at least one sample is needed")
    check_finite(array, name)
    return array


def is_positive(y_true: np.ndarray, pos_label: Any) -> np.ndarray:
    """Return which samples have the positive label: 1 if none is given and the labels leave no doubt."""
    if pos_label is None:
        labels = distinct(y_true)
        if labels.dtype.kind == "U" or labels.tolist() not in ([0, 1], [-1, 1], [0], [-1], [1]):
            shown = ", ".join(map(repr, labels.tolist()[:5])) + (", ..." if len(labels) > 5 else "")
            raise ValueError(
                f"y_true has the labels {shown}, so it is not clear which one is positive: give pos_label=, or make "
                "them 0 and 1 (or -1 and 1)"
            )
        pos_label = 1
    return np.broadcast_to(y_true == pos_label, y_true.shape)


def check_weight(sample_weight: Any, n_samples: int) -> np.ndarray | None:
    """Return the weights of the samples as an array (samples,), or None."""
    if sample_weight is None:
        return None
    weight = check_scores(sample_weight, "sample_weight")
    if len(weight) != n_samples:
        raise ValueError(f"sample_weight has {len(weight)} entries for {n_samples} samples: one for each is needed")
    if not weight.any():
        raise ValueError("sample_weight is zero for every sample: at least one must count")
    return weight


def check_lengths(**arrays: np.ndarray) -> None:
    """Raise ValueError unless all have the same number of samples, which must not be zero."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        described = " and ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"{described} samples: they must describe the same samples")
    if 0 in lengths.values():
        raise ValueError(f"{' and '.join(lengths)} are empty: at least one sample is needed")


def check_finite(array: np.ndarray, name: str) -> None:
    """Raise ValueError at the first NaN or infinity."""
    found = first_non_finite(array)
    if found:
        index = found.where[0] if array.ndim == 1 else found.where
        raise ValueError(f"{name} has {found.value} at index {index}: remove it first")


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise ValueError unless `value` is one of the `choices`."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name}={value!r} must be one of {', '.join(map(repr, choices))}")


def as_array(y: Any, name: str) -> np.ndarray:
    """Return `y` as an ndarray of at least one axis; labels that are Python strings become NumPy's."""
    array = validation.check_array(y, name)
    if array.ndim == 0:  # None, a number, a string, a dict
        raise TypeError(f"{name} must be a list, an array, a pandas column or a Tensor, not {type(y).__name__}")
    if array.dtype == object:
        if not all(isinstance(value, str) for value in array.flat):
            raise ValueError(_mixed(array, name))
        array = array.astype(str)
    if array.dtype.kind == "S":
        raise TypeError(f"{name} has bytes as labels: decode them to strings, with np.char.decode({name})")
    return array


def _mixed(array: np.ndarray, name: str) -> str:
    """Return what is wrong with an array of Python objects that are not all strings."""
    for index, value in np.ndenumerate(array):
        if not isinstance(value, str) and not (isinstance(value, Number) and value == value):
            return f"{name} has {value!r} at index {index[0] if len(index) == 1 else index}: remove it first"
    numbers = [value for value in array.flat if not isinstance(value, str)]
    if len(numbers) == array.size:
        return f"{name} has the dtype object: make numbers of it, for example np.asarray({name}, float)"
    return f"{name} has {numbers[0]!r} among its values: they must be all strings or all numbers"


def neither_classes_nor_labels(name: str, array: np.ndarray) -> str:
    """Say what the target should have been."""
    return (
        f"{name} of shape {array.shape} and dtype {array.dtype} is neither one class for each sample (samples,) nor "
        "a matrix of zeros and ones (samples, labels)"
    )
