"""How well a score ranks positive samples above negative ones, without any threshold."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from ..modes import warn
from .curves import auc, precision_recall_curve, roc_curve
from .inputs import (
    CLASSES,
    MULTILABEL,
    UndefinedMetricWarning,
    as_array,
    check_choice,
    check_lengths,
    check_scores,
    check_weight,
    distinct,
    kind_of,
    neither_classes_nor_labels,
    positions,
)

AVERAGES = ("micro", "macro", "weighted", "samples", None)


def roc_auc_score(
    y_true: Any,
    y_score: Any,
    *,
    average: str | None = "macro",
    sample_weight: Any = None,
    max_fpr: float | None = None,
    multi_class: str = "raise",
    labels: Any = None,
) -> Any:
    """Return the area under the ROC curve.

    It is the probability that a positive sample has a higher score than a negative one (ties count half). It does not
    change under an increasing function of the scores: it judges their order, not their values.

    Parameters
    ----------
    y_true : array_like of shape (samples,) or (samples, labels)
        Two classes (the larger is positive), several classes, or zeros and ones with a column for each label.
    y_score : array_like of shape (samples,) or (samples, classes)
        Scores of the positive class; of each label; or, with several classes, probabilities that sum to one.
    average : {"macro", "weighted", "micro", "samples"} or None
        How to average over classes or labels; None gives the score of each.
    sample_weight : array_like of shape (samples,), optional
    max_fpr : float, optional
        Count only the part with a false positive rate up to this, scaled so that guessing gives 0.5 and the best is 1.
        McClish, "Analyzing a portion of the ROC curve" (1989). Two classes only.
    multi_class : {"raise", "ovr", "ovo"}
        With several classes: each against the rest, or every pair (Hand and Till, "A simple generalisation of the
        area under the ROC curve for multiple class classification problems", 2001).
    labels : array_like of shape (classes,), optional
        The classes of the columns, sorted, if some may be missing in y_true.

    Returns
    -------
    float, or ndarray of shape (classes,)
        NaN, with a warning, where y_true has one class only.

    Examples
    --------
    >>> tg.metrics.roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    check_choice("average", average, AVERAGES)
    check_choice("multi_class", multi_class, ("raise", "ovr", "ovo"))
    if max_fpr is not None and not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr={max_fpr!r} must be in the interval (0, 1]")
    true, score = as_array(y_true, "y_true"), check_scores(y_score, "y_score", columns=True)
    kind = kind_of(true, "y_true")
    check_lengths(y_true=true, y_score=score)
    weight = check_weight(sample_weight, len(true))
    if kind == CLASSES:
        true = true.reshape(-1)
        classes = distinct(true)
        if len(classes) > 2 or (score.ndim == 2 and score.shape[1] > 2):
            if max_fpr is not None and max_fpr != 1:
                raise ValueError(f"max_fpr={max_fpr!r} is for two classes, but there are more: leave it out")
            return _multiclass_auc(true, score, classes, average, weight, multi_class, labels)
        true = true == classes[-1] if len(classes) == 2 else np.zeros(len(true), bool)
    return _averaged(lambda t, s, w: _area(t, s, w, max_fpr), true, score, average, weight)


def average_precision_score(
    y_true: Any, y_score: Any, *, average: str | None = "macro", pos_label: Any = 1, sample_weight: Any = None
) -> Any:
    """Return the mean of the precisions at all thresholds, weighted with the rise of recall: the area under its steps.

    Parameters
    ----------
    y_true : array_like of shape (samples,) or (samples, labels)
        Two classes, several classes, or zeros and ones with a column for each label.
    y_score : array_like of shape (samples,) or (samples, classes)
        Scores of the positive class, or of each class or label.
    average : {"macro", "weighted", "micro", "samples"} or None
        How to average over classes or labels; None gives the score of each.
    pos_label : label
        The positive one of two classes.
    sample_weight : array_like of shape (samples,), optional

    Returns
    -------
    float, or ndarray of shape (classes,)

    Examples
    --------
    >>> round(tg.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    check_choice("average", average, AVERAGES)
    true, score = as_array(y_true, "y_true"), check_scores(y_score, "y_score", columns=True)
    kind = kind_of(true, "y_true")
    check_lengths(y_true=true, y_score=score)
    weight = check_weight(sample_weight, len(true))
    if kind == CLASSES:
        true = true.reshape(-1)
        classes = distinct(true)
        if len(classes) > 2:
            true = positions(true, classes)[:, None] == np.arange(len(classes))
        elif len(classes) == 2 and pos_label not in classes.tolist():
            raise ValueError(
                f"pos_label={pos_label!r} is not among the labels {classes.tolist()}: name the positive one"
            )
    if true.ndim == 2 and pos_label != 1:
        raise ValueError(f"pos_label={pos_label!r} is for two classes; with a column for each class 1 is positive")
    return _averaged(lambda t, s, w: _average_precision(t, s, w, pos_label), true, score, average, weight)


def _area(true: np.ndarray, score: np.ndarray, weight: np.ndarray | None, max_fpr: float | None = None) -> float:
    if len(distinct(true)) < 2:
        warn(
            "y_true has one class only: there is no pair of samples to rank, so the AUC is nan", UndefinedMetricWarning
        )
        return float("nan")
    fpr, tpr, _ = roc_curve(true, score, sample_weight=weight, pos_label=true.max())
    if max_fpr is None or max_fpr == 1 or np.isnan(fpr[-1]):
        return auc(fpr, tpr)
    stop = int(np.searchsorted(fpr, max_fpr, "right"))
    edge = np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    area = auc(np.append(fpr[:stop], max_fpr), np.append(tpr[:stop], edge))
    least = 0.5 * max_fpr**2
    return float(0.5 * (1 + (area - least) / (max_fpr - least)))


def _average_precision(true: np.ndarray, score: np.ndarray, weight: np.ndarray | None, pos_label: Any) -> float:
    precision, recall, _ = precision_recall_curve(true, score, pos_label=pos_label, sample_weight=weight)
    return float(max(0.0, -np.sum(np.diff(recall) * precision[:-1])))


def _multiclass_auc(
    true: np.ndarray,
    score: np.ndarray,
    classes: np.ndarray,
    average: str | None,
    weight: np.ndarray | None,
    multi_class: str,
    labels: Any,
) -> Any:
    if multi_class == "raise":
        raise ValueError(
            "y_true or y_score has more than two classes: choose multi_class='ovr' (each against the rest) or 'ovo' "
            "(every pair)"
        )
    if score.ndim != 2 or not np.allclose(1, score.sum(axis=1)):
        raise ValueError(
            f"y_score of shape {score.shape} must hold the probabilities of all {len(classes)} classes, which sum to "
            "one in every row"
        )
    if average == "samples" or (average == "micro" and multi_class == "ovo"):
        raise ValueError(
            f"average={average!r} is not defined with multi_class={multi_class!r}: use 'macro' or 'weighted'"
        )
    if average is None and multi_class == "ovo":
        raise NotImplementedError("average=None is not defined with multi_class='ovo': use 'macro' or 'weighted'")
    if labels is not None:
        given, present = as_array(labels, "labels").reshape(-1), classes
        classes = np.unique(given)
        if len(classes) != len(given) or (classes != given).any():
            raise ValueError(f"labels={labels!r} must be sorted and have no label twice")
        unknown = np.setdiff1d(present, classes)
        if len(unknown):
            raise ValueError(f"y_true has {unknown[:5].tolist()}, which is not in labels={labels!r}: add it there")
    if len(classes) != score.shape[1]:
        raise ValueError(
            f"y_score has {score.shape[1]} columns for {len(classes)} classes: give all classes in labels=, in the "
            "order of the columns"
        )
    code = positions(true, classes)
    if multi_class == "ovr":
        return _averaged(_area, code[:, None] == np.arange(len(classes)), score, average, weight)
    if weight is not None:
        raise ValueError("sample_weight is not defined with multi_class='ovo': leave it out, or use 'ovr'")
    areas, sizes = [], []
    for a, b in combinations(distinct(code).tolist(), 2):
        both = (code == a) | (code == b)
        first = code[both] == a
        areas.append((_area(first, score[both, a], None) + _area(~first, score[both, b], None)) / 2)
        sizes.append(both.mean())
    if not areas:
        warn("y_true has one class only: there is no pair of classes, so the AUC is nan", UndefinedMetricWarning)
        return float("nan")
    return float(np.average(areas, weights=sizes if average == "weighted" else None))


def _averaged(
    metric: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float],
    true: np.ndarray,
    score: np.ndarray,
    average: str | None,
    weight: np.ndarray | None,
) -> Any:
    """Return `metric` of two classes, or its average over the columns (or rows) of several labels."""
    if true.ndim == 1:
        return metric(true, score, weight)
    if kind_of(true, "y_true") != MULTILABEL:
        raise ValueError(neither_classes_nor_labels("y_true", true))
    if true.shape != score.shape:
        raise ValueError(
            f"y_score has the shape {score.shape}; a score for each label needs {true.shape}, as y_true has"
        )
    if average == "micro":
        return metric(true.reshape(-1), score.reshape(-1), None if weight is None else weight.repeat(true.shape[1]))
    weights = None
    if average == "weighted":
        weights = true.sum(axis=0) if weight is None else weight @ true
        if np.isclose(weights.sum(), 0):
            return 0.0
    elif average == "samples":
        weights, weight = weight, None
        true, score = true.T, score.T
    scores = np.array([metric(true[:, i], score[:, i], weight) for i in range(true.shape[1])])
    if average is None:
        return scores
    if weights is not None:
        scores[weights == 0] = 0
    return float(np.average(scores, weights=weights))
