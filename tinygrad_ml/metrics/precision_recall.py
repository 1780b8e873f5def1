"""Of what was predicted, how much is right; of what there is, how much was found: precision, recall and their mean."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .rates import Rates


def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = None,
    warn_for: Collection[str] = ("precision", "recall", "f-score"),
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> tuple[Any, Any, Any, Any]:
    """Return precision, recall, F-score and support.

    Precision is TP / (TP + FP), recall TP / (TP + FN), the F-score their harmonic mean, in which recall counts `beta`
    times as much, and the support TP + FN, with TP, FP and FN the true positives, false positives and false negatives
    of a class.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, labels)
        Classes (numbers, bools or strings), or zeros and ones with a column for each label.
    beta : float
        0 gives the precision, infinity the recall.
    labels : array_like, optional
        The classes to judge, in the order wanted (numbers of columns if y_true has columns); all if not given.
    pos_label : label
        The class to judge if `average` is "binary".
    average : {"binary", "micro", "macro", "weighted", "samples"} or None
        "binary": of the class `pos_label` alone. None: of each class. "macro": the mean over the classes, rare ones
        counting as much as others. "weighted": the mean, weighted with the support. "micro": from the counts of all
        classes together (the accuracy, if every sample has one class). "samples": the mean over the samples, if each
        has several labels.
    warn_for : collection of {"precision", "recall", "f-score"}
        What to warn about.
    sample_weight : array_like of shape (samples,), optional
    zero_division : {"warn", 0, 1, nan}
        The value of 0 / 0, such as the precision of a class that was never predicted. "warn" is 0 with a warning;
        nan leaves it out of the mean.

    Returns
    -------
    precision, recall, fscore, support : float, or ndarray of shape (labels,) if `average` is None
        The support is None if they are averaged.

    Examples
    --------
    >>> scores = tg.metrics.precision_recall_fscore_support([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    >>> [s.round(2).tolist() for s in scores]
    [[0.67, 0.5], [0.67, 0.5], [0.67, 0.5], [3, 2]]
    """
    rates = Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division)
    precision = rates.precision("precision" in warn_for)
    recall = rates.recall("recall" in warn_for)
    fscore = rates.fscore(beta, "f-score" in warn_for)
    return precision, recall, fscore, rates.support if average is None else None


def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return TP / (TP + FP): of the samples that were predicted positive, the fraction that is.

    Parameters and result are those of `precision_recall_fscore_support`.

    Examples
    --------
    >>> tg.metrics.precision_score([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0])
    0.6666666666666666
    >>> tg.metrics.precision_score(["a", "b", "c"], ["a", "b", "b"], average="macro", zero_division=0)
    0.5
    """
    return Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division).precision()


def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return TP / (TP + FN), the true positive rate: of the positive samples, the fraction that was found.

    Parameters and result are those of `precision_recall_fscore_support`.

    Examples
    --------
    >>> tg.metrics.recall_score([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    0.5
    """
    return Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division).recall()


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall: high only if both are.

    Parameters and result are those of `precision_recall_fscore_support`.

    Examples
    --------
    >>> tg.metrics.f1_score([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    0.5
    >>> tg.metrics.f1_score([[1, 1], [0, 1], [1, 0]], [[1, 1], [0, 0], [1, 0]], average="macro")
    0.8333333333333333
    """
    return Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division).fscore(1)


def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return the harmonic mean of precision and recall in which recall counts `beta` times as much.

    Parameters and result are those of `precision_recall_fscore_support`.

    Examples
    --------
    >>> tg.metrics.fbeta_score([0, 0, 1, 1, 1], [0, 0, 1, 0, 0], beta=2.0)
    0.38461538461538464
    """
    return Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division).fscore(beta)


def false_positive_rate(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: str | None = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> Any:
    """Return FP / (FP + TN): of the negative samples, the fraction that was predicted positive (false alarms).

    It is the horizontal axis of a ROC curve. Parameters and result are those of `precision_recall_fscore_support`.

    Examples
    --------
    >>> tg.metrics.false_positive_rate([0, 0, 0, 0, 1], [0, 0, 1, 0, 0])
    0.25
    """
    return Rates(y_true, y_pred, labels, pos_label, average, sample_weight, zero_division).false_positive_rate()
