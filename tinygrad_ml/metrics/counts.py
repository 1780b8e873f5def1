"""The four counts that classification is judged by: true and false positives, true and false negatives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .inputs import CLASSES, Codes, Targets, as_array


class Counts(NamedTuple):
    """How many (or how much weight) for each label; for each sample if they were counted that way.

    Each is summed by itself: a difference of two sums of weights can miss zero by rounding, and 0 / 0 with it.
    """

    hits: np.ndarray  # true positives
    false_positives: np.ndarray
    misses: np.ndarray  # false negatives
    negatives: np.ndarray  # true negatives and false positives

    @property
    def predicted(self) -> np.ndarray:
        """What was predicted positive."""
        return self.hits + self.false_positives

    @property
    def actual(self) -> np.ndarray:
        """What is positive."""
        return self.hits + self.misses

    def summed(self) -> Counts:
        """Return the counts of all labels together."""
        return Counts(*(np.atleast_1d(counts.sum()) for counts in self))


def count(targets: Targets, codes: Codes, labels: Any, samplewise: bool) -> tuple[Counts, np.ndarray]:
    """Count for each label (all if None), or for each sample over its labels; return the labels too."""
    if targets.kind == CLASSES:
        return _count_classes(codes, targets.weight, labels)
    return _count_columns(targets, labels, samplewise)


def _count_classes(codes: Codes, weight: np.ndarray | None, labels: Any) -> tuple[Counts, np.ndarray]:
    present, true, pred = codes
    hit, n = true == pred, len(present)
    wanted = present if labels is None else as_array(labels, "labels")
    where = {label: i for i, label in enumerate(present.tolist())}
    index = np.array([where.get(label, n) for label in wanted.tolist()], dtype=np.intp)

    def sums(code: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(code[chosen], None if weight is None else weight[chosen], n + 1)  # one more: absent labels

    hits, misses = sums(true, hit), sums(true, ~hit)
    actual = hits + misses
    below, above = np.cumsum(actual), np.cumsum(actual[::-1])[::-1]
    negatives = np.append(0, below[:-1]) + np.append(above[1:], 0)  # of all other classes
    return Counts(*(counts[index] for counts in (hits, sums(pred, ~hit), misses, negatives))), wanted


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
