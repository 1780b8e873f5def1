"""Columns that tell the target nearly by themselves, judged without a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from .correlations import pearson
from .table import is_numeric

__all__ = ["CLASSES", "leak"]

CLASSES = 20  # different whole numbers of a target, up to which they are taken for classes
ENOUGH = 8  # rows, of which nothing can be told
NEARLY = 0.99  # a correlation, or an area under the ROC curve, that says nearly the same
GAIN = 0.9  # the part of the errors of the most frequent class that other rows with the same value must avoid
COMMON = 0.5  # the part of the rows up to which there may be different values, for each to have rows in common


def leak(column: np.ndarray, coded: Any, target: np.ndarray, coded_target: Any, of_classes: bool) -> str:
    """Return why a column leaks the target, as a sentence with {target} for its name, or "".

    Parameters
    ----------
    column, target : arrays of `read_table`
    coded, coded_target : what `codes_of` makes of them
    of_classes : bool
        Whether the target is one of classes.
    """
    (values, codes), (labels, classes) = coded, coded_target
    known = classes >= 0
    column, codes, target, classes = column[known], codes[known], target[known], classes[known]
    if len(target) < ENOUGH or len(labels) < 2 or len(values) < 2 - (codes < 0).any():
        return ""
    groups = len(values) + 1  # what is missing is a value, too
    if len(values) <= COMMON * len(target):
        codes = np.where(codes < 0, len(values), codes)
        if of_classes:
            rate, base = _told_classes(codes, groups, classes, len(labels)), np.bincount(classes).max() / len(classes)
            if rate - base >= GAIN * (1 - base) > 0:
                return f"the values of others with the same one tell {{target}} for {100 * rate:.3g} % of the rows"
        elif _told_numbers(codes, groups, target) > NEARLY:
            return "{target} is nearly the same in all rows with the same value"
    if not is_numeric(column) or len(np.unique(column[np.isfinite(column)])) < 3:
        return ""
    there = np.isfinite(column)
    if there.sum() < ENOUGH:
        return ""
    if not of_classes:
        return _monotone(column[there], target[there])
    for label in range(len(labels)) if len(labels) > 2 else [1]:
        area = _area(column[there], classes[there] == label)
        if max(area, 1 - area) > NEARLY:
            name = f" {labels[label]!r}" if len(labels) > 2 else ""
            return (
                f"a limit of it tells the class{name} of {{target}} from the others (ROC AUC {max(area, 1 - area):.3f})"
            )
    return ""


def _told_classes(codes: np.ndarray, groups: int, classes: np.ndarray, n_classes: int) -> float:
    """Return for how many rows the most frequent class among the others with the same value is the right one."""
    counts = np.zeros((groups, n_classes), np.int64)
    np.add.at(counts, (codes, classes), 1)
    own = counts[codes, classes] - 1
    others = counts[codes]
    others[np.arange(len(codes)), classes] = -1
    return float((own > others.max(axis=1)).mean()) if n_classes > 1 else 0.0


def _told_numbers(codes: np.ndarray, groups: int, target: np.ndarray) -> float:
    """Return R² of the mean of the others with the same value."""
    target = np.where(np.isfinite(target), target, np.nan)
    finite = ~np.isnan(target)
    codes, target = codes[finite], target[finite] - target[finite].mean()
    counts, sums = np.bincount(codes, minlength=groups), np.bincount(codes, target, groups)
    alone = counts[codes] < 2
    guess = np.where(alone, 0.0, (sums[codes] - target) / np.maximum(counts[codes] - 1, 1))
    total = float(target @ target)
    return 1 - float((target - guess) @ (target - guess)) / total if total else 0.0


def _monotone(column: np.ndarray, target: np.ndarray) -> str:
    """Return that a number is the target in other units, or rises with it."""
    r = pearson(np.stack([column, target], axis=1))[0, 1]
    if abs(r) > NEARLY:
        return f"it is nearly a linear function of {{target}} (r = {r:.4f})"
    rank = pearson(np.stack([_ranks(column), _ranks(target)], axis=1))[0, 1]
    return f"it rises and falls with {{target}} (rank correlation {rank:.4f})" if abs(rank) > NEARLY else ""


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of values, the mean rank for equal ones."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[places.reshape(-1)]


def _area(column: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve, from the ranks; 1/2 if one class is not there."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return 0.5
    return float((_ranks(column)[positive].sum() - n * (n + 1) / 2) / (n * m))
