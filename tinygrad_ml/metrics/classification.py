"""Right or wrong: accuracy and the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import warn
from .inputs import CLASSES, as_array, check_choice, check_targets, encode


def accuracy_score(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float:
    """Return the fraction of samples whose class was predicted right.

    It says little when one class is rare: whoever calls every tumour benign is right most of the time.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, labels)
        Classes (numbers, bools or strings), or zeros and ones with a column for each label. With several labels a
        sample is right only if all of its labels are.
    normalize : bool
        False gives their number (or weight) instead of the fraction.
    sample_weight : array_like of shape (samples,), optional

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the two do not belong together, or are probabilities.

    Examples
    --------
    >>> tg.metrics.accuracy_score(["cat", "dog", "dog", "cat"], ["cat", "dog", "cat", "cat"])
    0.75
    """
    targets = check_targets(y_true, y_pred, sample_weight)
    right = targets.y_true == targets.y_pred
    if targets.kind != CLASSES:
        right = right.all(axis=1)
    if normalize:
        return float(np.average(right, weights=targets.weight))
    return float(right.sum() if targets.weight is None else right @ targets.weight)


def hamming_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return the fraction of labels that were predicted wrong; for a class of each sample, that of the samples.

    For several labels it is milder than the accuracy, for which one wrong label makes a whole sample wrong.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, labels)
    sample_weight : array_like of shape (samples,), optional

    Returns
    -------
    float

    Examples
    --------
    >>> tg.metrics.hamming_loss([[0, 1], [1, 1]], [[0, 1], [1, 0]])
    0.25
    """
    targets = check_targets(y_true, y_pred, sample_weight)
    wrong = targets.y_true != targets.y_pred
    return float(np.average(wrong.reshape(len(wrong), -1).mean(axis=1), weights=targets.weight))


def balanced_accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, adjusted: bool = False) -> float:
    """Return the mean of the recalls of the classes: accuracy as if all classes were equally frequent.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,)
    sample_weight : array_like of shape (samples,), optional
    adjusted : bool
        Whether to move the scale so that guessing gives 0; 1 stays 1.

    Returns
    -------
    float

    Examples
    --------
    >>> tg.metrics.balanced_accuracy_score([0, 0, 0, 0, 1], [0, 0, 0, 0, 0])
    0.5
    """
    matrix = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    sizes = matrix.sum(axis=1)
    if not sizes.all():
        warn(
            "y_pred has classes that y_true has not (or only with weight 0): they have no recall and are left out",
        )
    recalls = matrix.diagonal()[sizes != 0] / sizes[sizes != 0]
    score = recalls.mean()
    if adjusted:
        guessing = 1 / len(recalls)
        with np.errstate(divide="ignore", invalid="ignore"):  # a single class
            score = (score - guessing) / (1 - guessing)
    return float(score)


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    normalize: str | None = None,
) -> np.ndarray:
    """Count for each class (row) as what (column) it was predicted.

    With the classes 0 and 1 the rows are (true negatives, false positives) and (false negatives, true positives).

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,)
    labels : array_like of shape (labels,), optional
        The classes to count, in the order wanted; all of them, sorted, if not given.
    sample_weight : array_like of shape (samples,), optional
    normalize : {"true", "pred", "all"}, optional
        Divide by the sums of the rows, of the columns, or by the sum of everything. 0 / 0 gives 0.

    Returns
    -------
    ndarray of shape (labels, labels)
        Integers, unless it is normalised or the weights are not integers.

    Examples
    --------
    >>> tg.metrics.confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    array([[2, 1],
           [1, 1]])
    """
    check_choice("normalize", normalize, ("true", "pred", "all", None))
    targets = check_targets(y_true, y_pred, sample_weight)
    if targets.kind != CLASSES:
        raise ValueError(
            f"y_true of shape {targets.y_true.shape} has a column for each label; a confusion matrix needs one class "
            "for each sample: make one for each column"
        )
    present, true, pred = encode(targets)
    weight, n = targets.weight, len(present)
    if labels is not None:
        wanted = as_array(labels, "labels").tolist()
        n = len(wanted)
        if not n:
            raise ValueError("labels is empty: name at least one class, or leave it out to count all")
        where = {label: i for i, label in enumerate(wanted)}
        index = np.array([where.get(label, -1) for label in present.tolist()])
        true, pred = index[true], index[pred]
        if true.max() < 0:
            raise ValueError(f"labels={labels!r}: none of them is in y_true, which has {present[:5].tolist()}")
        counted = (true >= 0) & (pred >= 0)
        true, pred = true[counted], pred[counted]
        weight = None if weight is None else weight[counted]
    matrix = np.bincount(true * n + pred, weight, n * n).reshape(n, n)
    if weight is None or weight.dtype.kind in "iub":
        matrix = matrix.astype(np.int64)
    if n == 1:
        warn("y_true and y_pred have a single class, so the matrix is 1 by 1: name all classes in labels=")
    if normalize is None:
        return matrix
    whole = {"true": matrix.sum(1, keepdims=True), "pred": matrix.sum(0, keepdims=True), "all": matrix.sum()}[normalize]
    with np.errstate(all="ignore"):
        return np.nan_to_num(matrix / whole)
