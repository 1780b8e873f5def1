"""Ratios of the counts, for each class and averaged, with one policy for 0 / 0."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .counts import count
from .inputs import CLASSES, check_choice, check_targets, encode, warn_undefined

AVERAGES = ("binary", "micro", "macro", "weighted", "samples", None)


class Rates:
    """The rates of each class (or of each sample, or of all together), from one count.

    The public functions call its methods directly, so that a warning points to the line of their caller.
    """

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
        self.average, self.warn = average, isinstance(zero_division, str) and zero_division == "warn"
        self.fill = 0.0 if self.warn else _number(zero_division)
        targets = check_targets(y_true, y_pred, sample_weight)
        codes = encode(targets)
        labels = _wanted(targets.kind, codes.labels.tolist(), labels, pos_label, average)
        self.counts, self.labels = count(targets, codes, labels, average == "samples")
        self.support, self.weight = self.counts.actual, targets.weight
        if average == "micro":
            self.counts = self.counts.summed()
        self.item = "label" if average == "samples" else "sample"

    def precision(self, warn: bool = True) -> Any:
        """Return TP / (TP + FP)."""
        return self._ratio(self.counts.hits, self.counts.predicted, "precision", "was predicted positive", warn)

    def recall(self, warn: bool = True) -> Any:
        """Return TP / (TP + FN)."""
        return self._ratio(self.counts.hits, self.counts.actual, "recall", "is positive", warn)

    def fscore(self, beta: float, warn: bool = True) -> Any:
        """Return the harmonic mean of precision and recall, in which recall counts `beta` times as much."""
        if not beta >= 0:
            raise ValueError(f"beta={beta!r} must be a number that is not negative")
        if beta == 0:
            return self.precision(warn=False)
        if math.isinf(beta):
            return self.recall(warn=False)
        whole = beta**2 * self.counts.actual + self.counts.predicted
        return self._ratio(
            (1 + beta**2) * self.counts.hits, whole, "the F-score", "is positive or was predicted so", warn
        )

    def false_positive_rate(self) -> Any:
        """Return FP / (FP + TN)."""
        return self._ratio(
            self.counts.false_positives, self.counts.negatives, "the false positive rate", "is negative", True
        )

    def _ratio(self, part: np.ndarray, whole: np.ndarray, name: str, condition: str, warn: bool) -> Any:
        empty = whole == 0
        ratio = part / np.where(empty, 1, whole)
        ratio[empty] = self.fill
        if self.warn and warn and empty.any():
            where = "" if self.average != "samples" else f" for {empty.sum()} samples"
            if self.average not in ("micro", "samples"):
                where = f" for the class {', '.join(map(repr, self.labels[empty].tolist()))}"
            message = (
                f"{name} is 0 / 0{where}, as no {self.item} {condition}: it is set to 0; zero_division= says to what"
            )
            warn_undefined(message, stacklevel=4)
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
            warnings.warn(
                f"pos_label={pos_label!r} does nothing with average={average!r}; for one class, use "
                f"labels=[{pos_label!r}]",
                stacklevel=4,
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
