"""Counts of true and false positives and negatives, and their ratios: for each class and averaged.

There is one policy for 0 / 0.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..modes import warn
from .inputs import CLASSES, Codes, Targets, UndefinedMetricWarning, as_array, check_choice, check_targets, encode

AVERAGES = ("binary", "micro", "macro", "weighted", "samples", None)


class Counts(NamedTuple):
    """How many (or how much weight) for each label; for each sample if they were counted that way.

    Each is summed by itself: a difference of two sums of weights can miss zero by rounding, and 0 / 0 with it.
    """

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    negatives: np.ndarray  # true negatives and false positives

    @property
    def predicted(self) -> np.ndarray:
        """What was predicted positive."""
        return self.true_positives + self.false_positives

    @property
    def actual(self) -> np.ndarray:
        """What is positive."""
        return self.true_positives + self.false_negatives

    def summed(self) -> Counts:
        """Return the counts of all labels together."""
        return Counts(*(np.atleast_1d(counts.sum()) for counts in self))


class Rates:
    """The rates of each class (or of each sample, or of all together), from one count."""

    def __init__(
        self,
        y_true: Any,
        y_pred: Any,
        labels: Any,
        pos_label: Any,
        average: str | None,
        sample_weight: Any,
        zero_division: Any,
    ) -> None:
        self.average, self.warns = average, isinstance(zero_division, str) and zero_division == "warn"
        self.fill = 0.0 if self.warns else _number(zero_division)
        targets = check_targets(y_true, y_pred, sample_weight)
        codes = encode(targets)
        labels = _wanted(targets.kind, codes.labels.tolist(), labels, pos_label, average)
        self.counts, self.labels = count(targets, codes, labels, average == "samples")
        self.support, self.weight = self.counts.actual, targets.weight
        if average == "micro":
            self.counts = self.counts.summed()
        self.item = "label" if average == "samples" else "sample"

    def precision(self, warns: bool = True) -> Any:
        """Return TP / (TP + FP)."""
        return self._ratio(
            self.counts.true_positives, self.counts.predicted, "precision", "was predicted positive", warns
        )

    def recall(self, warns: bool = True) -> Any:
        """Return TP / (TP + FN)."""
        return self._ratio(self.counts.true_positives, self.counts.actual, "recall", "is positive", warns)

    def fscore(self, beta: float, warns: bool = True) -> Any:
        """Return the harmonic mean of precision and recall, in which recall counts `beta` times as much."""
        if not beta >= 0:
            raise ValueError(f"beta={beta!r} must be a number that is not negative")
        if beta == 0:
            return self.precision(warns=False)
        if math.isinf(beta):
            return self.recall(warns=False)
        whole = beta**2 * self.counts.actual + self.counts.predicted
        return self._ratio(
            (1 + beta**2) * self.counts.true_positives, whole, "the F-score", "is positive or was predicted so", warns
        )

    def false_positive_rate(self) -> Any:
        """Return FP / (FP + TN)."""
        return self._ratio(
            self.counts.false_positives, self.counts.negatives, "the false positive rate", "is negative", True
        )

    def _ratio(self, part: np.ndarray, whole: np.ndarray, name: str, condition: str, warns: bool) -> Any:
        empty = whole == 0
        ratio = part / np.where(empty, 1, whole)
        ratio[empty] = self.fill
        if self.warns and warns and empty.any():
            where = "" if self.average != "samples" else f" for {empty.sum()} samples"
            if self.average not in ("micro", "samples"):
                where = f" for the class {', '.join(map(repr, self.labels[empty].tolist()))}"
            message = (
                f"{name} is 0 / 0{where}, as no {self.item} {condition}: it is set to 0; zero_division= says to what"
            )
            warn(message, UndefinedMetricWarning)
        return ratio if self.average is None else self._mean(ratio)

    def _mean(self, ratio: np.ndarray) -> float:
        """Return the mean over the classes or the samples, without those that are NaN."""
        known = ~np.isnan(ratio)
        if not known.any():
            return float("nan")
        weights = {"weighted": self.support, "samples": self.weight}.get(self.average or "")
        if weights is not None:
            weights = weights[known]
            if weights.sum() == 0:
                weights = None
        return float(np.average(ratio[known], weights=weights))


def _number(zero_division: Any) -> float:
    if isinstance(zero_division, (int, float, np.number)) and (zero_division in (0, 1) or np.isnan(zero_division)):
        return float(zero_division)
    raise ValueError(f"zero_division={zero_division!r} must be 'warn', 0, 1 or nan")


def _wanted(kind: str, present: list[Any], labels: Any, pos_label: Any, average: str | None) -> Any:
    """Return the classes to judge, or None for all of them."""
    check_choice("average", average, AVERAGES)
    if average != "binary":
        if average == "samples" and kind == CLASSES:
            raise ValueError(
                "average='samples' is for samples that have several labels, with a column for each; here every sample "
                "has one class: use 'macro', 'micro' or 'weighted'"
            )
        if pos_label is not None and pos_label != 1:
            warn(
                f"pos_label={pos_label!r} does nothing with average={average!r}; for one class, use "
                f"labels=[{pos_label!r}]",
            )
        return labels
    if len(present) > 2 or kind != CLASSES:
        several = "is a column for each label" if kind != CLASSES else f"are {len(present)} classes"
        raise ValueError(
            f"average='binary' judges one of two classes, but there {several}: use average='macro', 'micro', "
            "'weighted' or None"
        )
    if len(present) == 2 and pos_label not in present:
        raise ValueError(f"pos_label={pos_label!r} is not among the labels {present}: name the positive one")
    return [pos_label]


def count(targets: Targets, codes: Codes, labels: Any, samplewise: bool) -> tuple[Counts, np.ndarray]:
    """Count for each label (all if None), or for each sample over its labels; return the labels too."""
    if targets.kind == CLASSES:
        return _count_classes(codes, targets.weight, labels)
    return _count_columns(targets, labels, samplewise)


def _count_classes(codes: Codes, weight: np.ndarray | None, labels: Any) -> tuple[Counts, np.ndarray]:
    present, true, pred = codes
    right, n = true == pred, len(present)
    wanted = present if labels is None else as_array(labels, "labels")
    where = {label: i for i, label in enumerate(present.tolist())}
    index = np.array([where.get(label, n) for label in wanted.tolist()], dtype=np.intp)

    def sums(code: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(code[chosen], None if weight is None else weight[chosen], n + 1)  # one more: absent labels

    true_positives, false_negatives = sums(true, right), sums(true, ~right)
    actual = true_positives + false_negatives
    below, above = np.cumsum(actual), np.cumsum(actual[::-1])[::-1]
    negatives = np.append(0, below[:-1]) + np.append(above[1:], 0)  # of all other classes
    all_counts = true_positives, sums(pred, ~right), false_negatives, negatives
    return Counts(*(counts[index] for counts in all_counts)), wanted


def _count_columns(targets: Targets, labels: Any, samplewise: bool) -> tuple[Counts, np.ndarray]:
    true, pred, weight = targets.y_true != 0, targets.y_pred != 0, targets.weight
    present = np.arange(true.shape[1])
    if labels is not None:
        present = as_array(labels, "labels")
        if present.dtype.kind not in "iu" or present.min(initial=0) < 0 or present.max(initial=0) >= true.shape[1]:
            raise ValueError(
                f"labels={labels!r} must be numbers of columns, from 0 to {true.shape[1] - 1}, as y_true has a column "
                "for each label"
            )
        true, pred = true[:, present], pred[:, present]
    cells = true & pred, ~true & pred, true & ~pred, ~true
    if samplewise:
        return Counts(*(cell.sum(axis=1) * (1 if weight is None else weight) for cell in cells)), present
    ones = np.ones(len(true), np.int64) if weight is None else weight
    return Counts(*(ones @ cell for cell in cells)), present
