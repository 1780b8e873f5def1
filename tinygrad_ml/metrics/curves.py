"""What each threshold on a score would give: ROC and precision-recall curves, and the threshold that costs least."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import warn
from .inputs import (
    CLASSES,
    UndefinedMetricWarning,
    as_array,
    check_lengths,
    check_scores,
    check_weight,
    distinct,
    is_positive,
    kind_of,
)


def roc_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, sample_weight: Any = None, drop_intermediate: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the false and the true positive rate at every threshold: the ROC curve.

    Parameters
    ----------
    y_true : array_like of shape (samples,)
        Two classes.
    y_score : array_like of shape (samples,)
        Probabilities of the positive class, logits, or anything else that is larger for it.
    pos_label : label, optional
        The positive class; 1 if the classes are 0 and 1, or -1 and 1.
    sample_weight : array_like of shape (samples,), optional
    drop_intermediate : bool
        Whether to leave out points on a straight line between others.

    Returns
    -------
    fpr, tpr, thresholds : ndarray of shape (points,)
        Rates of those with score >= threshold, for descending thresholds. The first is infinity: nothing is positive.

    Examples
    --------
    >>> fpr, tpr, thresholds = tg.metrics.roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr.tolist(), tpr.tolist(), thresholds.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0], [inf, 0.8, 0.4, 0.35, 0.1])
    """
    false, true, thresholds = count_at_thresholds(y_true, y_score, pos_label, sample_weight)
    if drop_intermediate and len(false) > 2:
        corner = np.concatenate([[True], (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0), [True]])
        false, true, thresholds = false[corner], true[corner], thresholds[corner]
    rates = []
    for counts, side, rate in ((false, "negative", "false positive rate"), (true, "positive", "true positive rate")):
        if counts[-1] <= 0:
            warn(f"y_true has no {side} samples, so the {rate} is nan", UndefinedMetricWarning)
        whole = counts[-1] if counts[-1] > 0 else np.nan
        rates.append(np.concatenate([[0.0], counts]) / whole)
    return rates[0], rates[1], np.concatenate([[np.inf], thresholds.astype(np.float64)])


def precision_recall_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, sample_weight: Any = None, drop_intermediate: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision and recall at every threshold.

    When positive samples are rare it says more than a ROC curve, as it does not count true negatives.

    Parameters
    ----------
    y_true : array_like of shape (samples,)
        Two classes.
    y_score : array_like of shape (samples,)
        Probabilities of the positive class, logits, or anything else that is larger for it.
    pos_label : label, optional
        The positive class; 1 if the classes are 0 and 1, or -1 and 1.
    sample_weight : array_like of shape (samples,), optional
    drop_intermediate : bool
        Whether to leave out points between two others of the same recall.

    Returns
    -------
    precision, recall : ndarray of shape (points + 1,)
        Of those with score >= threshold, for ascending thresholds; at last 1 and 0, where nothing is positive.
    thresholds : ndarray of shape (points,)

    Examples
    --------
    >>> precision, recall, thresholds = tg.metrics.precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> precision.round(2).tolist(), recall.tolist()
    ([0.5, 0.67, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.5, 0.0])
    >>> thresholds.tolist()
    [0.1, 0.35, 0.4, 0.8]
    """
    false, true, thresholds = count_at_thresholds(y_true, y_score, pos_label, sample_weight)
    if drop_intermediate and len(false) > 2:
        steps = np.diff(true) != 0
        corner = np.concatenate([[True], steps[:-1] | steps[1:], [True]])
        false, true, thresholds = false[corner], true[corner], thresholds[corner]
    predicted = true + false
    precision = np.divide(true, predicted, out=np.zeros_like(true), where=predicted != 0)
    if true[-1] == 0:
        warn("y_true has no positive samples, so the recall is set to 1 at every threshold")
    recall = true / true[-1] if true[-1] else np.ones_like(true)
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def auc(x: Any, y: Any) -> float:
    """Return the area under a curve through points, by the trapezoidal rule.

    Parameters
    ----------
    x, y : array_like of shape (points,)
        At least two points; x must ascend or descend all the way.

    Returns
    -------
    float

    Examples
    --------
    >>> tg.metrics.auc([0.0, 0.5, 1.0], [0.0, 1.0, 1.0])
    0.75
    """
    points = []
    for name, values in (("x", x), ("y", y)):
        array = as_array(values, name)
        if array.size != len(array) or array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must be numbers of shape (points,), not {array.dtype} of shape {array.shape}")
        points.append(array.reshape(-1).astype(np.float64))
    if len(points[0]) != len(points[1]):
        raise ValueError(f"x has {len(points[0])} points and y has {len(points[1])}: they must be equal")
    if len(points[0]) < 2:
        raise ValueError(f"x has {len(points[0])} points: an area takes at least two")
    steps = np.diff(points[0])
    if (steps < 0).any() and (steps > 0).any():
        raise ValueError("x goes up and down: sort the points by x first")
    return float(np.trapezoid(points[1], points[0]) * (-1 if (steps < 0).any() else 1))


def choose_threshold(
    y_true: Any,
    y_score: Any,
    *,
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    sample_weight: Any = None,
    pos_label: Any = None,
) -> float:
    """Return the threshold on the score with the least total cost: predict positive when score >= threshold.

    Choose it on validation data, not on the data that the model was trained on.

    Parameters
    ----------
    y_true : array_like of shape (samples,)
        Two classes.
    y_score : array_like of shape (samples,)
        Probabilities, logits or other scores.
    cost_false_positive, cost_false_negative : float
        The cost of one false alarm, and of one positive sample that is missed; only their ratio matters.
    sample_weight : array_like of shape (samples,), optional
    pos_label : label, optional
        The positive class; 1 if the classes are 0 and 1, or -1 and 1.

    Returns
    -------
    float
        One of the scores, or infinity if it is cheapest to predict nothing positive. Of several that cost the same,
        the highest.

    Examples
    --------
    >>> y_true, y_score = [0, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.6, 0.9]
    >>> tg.metrics.choose_threshold(y_true, y_score)
    0.9
    >>> tg.metrics.choose_threshold(y_true, y_score, cost_false_negative=10.0)  # rather a false alarm than a miss
    0.3
    """
    costs = {"cost_false_positive": cost_false_positive, "cost_false_negative": cost_false_negative}
    for name, cost in costs.items():
        if not 0 <= cost < np.inf:
            raise ValueError(f"{name}={cost!r} must be a finite number that is not negative")
    false, true, thresholds = count_at_thresholds(y_true, y_score, pos_label, sample_weight)
    false, true = np.append(0.0, false), np.append(0.0, true)
    cost = cost_false_positive * false + cost_false_negative * (true[-1] - true)
    return float(np.append(np.inf, thresholds)[cost.argmin()])


def count_at_thresholds(
    y_true: Any, y_score: Any, pos_label: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many false and true positives there are at every distinct score, from the highest down."""
    true = as_array(y_true, "y_true")
    score = check_scores(y_score, "y_score")
    check_lengths(y_true=true, y_score=score)
    weight = check_weight(sample_weight, len(true))
    if kind_of(true, "y_true") != CLASSES:
        raise ValueError(
            f"y_true of shape {true.shape} and dtype {true.dtype} must hold one of two classes for each sample"
        )
    true = true.reshape(-1)
    if pos_label is None and len(classes := distinct(true)) > 2:
        raise ValueError(
            f"y_true has {len(classes)} classes: name the positive one with pos_label=, or judge one by one"
        )
    positive = is_positive(true, pos_label)
    if weight is not None:
        counted = weight != 0
        positive, score, weight = positive[counted], score[counted], weight[counted]
    order = np.argsort(score[::-1], kind="stable")[::-1]  # descending, and stable
    order = len(score) - 1 - order
    positive, score = positive[order], score[order]
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    if weight is None:
        true_positives = np.cumsum(positive)[last].astype(np.float64)
        return 1.0 + last - true_positives, true_positives, score[last]
    weight = weight[order].astype(np.float64)
    return np.cumsum(weight * ~positive)[last], np.cumsum(weight * positive)[last], score[last]
