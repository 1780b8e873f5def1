"""Precision, recall and F1 of all classes in one table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import warn
from .inputs import CLASSES, as_array, check_targets, encode
from .rates import Rates

HEADINGS = ("precision", "recall", "f1-score", "support")


def classification_report(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    target_names: Any = None,
    sample_weight: Any = None,
    digits: int = 2,
    output_dict: bool = False,
    zero_division: Any = "warn",
) -> Any:
    """Return a table of precision, recall, F1 and support: a line for each class, then their averages.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, labels)
    labels : array_like, optional
        The classes to show, in the order wanted; all if not given. If they are not all, the line "accuracy" becomes
        "micro avg": the scores from the counts of these classes together.
    target_names : sequence of str, optional
        Names to show for the classes, in the same order.
    sample_weight : array_like of shape (samples,), optional
    digits : int
        Digits behind the point.
    output_dict : bool
        Whether to return a dict of dicts with all digits, instead of text.
    zero_division : {"warn", 0, 1, nan}
        The value of 0 / 0, see `precision_recall_fscore_support`.

    Returns
    -------
    str or dict

    Examples
    --------
    >>> print(tg.metrics.classification_report([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], target_names=["benign", "malignant"]))
                  precision    recall  f1-score   support
    <BLANKLINE>
          benign       0.67      0.67      0.67         3
       malignant       0.50      0.50      0.50         2
    <BLANKLINE>
        accuracy                           0.60         5
       macro avg       0.58      0.58      0.58         5
    weighted avg       0.60      0.60      0.60         5
    <BLANKLINE>
    """
    if not isinstance(digits, (int, np.integer)) or digits < 0:
        raise ValueError(f"digits={digits!r} must be a whole number that is not negative")
    targets = check_targets(y_true, y_pred, sample_weight)
    one_class = targets.kind == CLASSES
    present = encode(targets).labels
    wanted = present if labels is None else as_array(labels, "labels")
    names = [str(label) for label in wanted.tolist()] if target_names is None else [str(name) for name in target_names]
    if len(names) != len(wanted):
        message = f"target_names has {len(names)} names for {len(wanted)} classes, {wanted[:5].tolist()}"
        if labels is None:
            raise ValueError(f"{message}: name each of them, or choose some with labels=")
        warn(message)

    def rates(average: str | None) -> Rates:
        return Rates(targets.y_true, targets.y_pred, wanted, 1, average, targets.weight, zero_division)

    each = rates(None)
    columns = each.precision(), each.recall(), each.fscore(1), each.support
    rows = dict(zip(names, zip(*columns)))
    total = each.support.sum()
    averages = {}
    for average in ("micro", "macro", "weighted") + (() if one_class else ("samples",)):
        mean = rates(average)
        averages[f"{average} avg"] = mean.precision(), mean.recall(), mean.fscore(1), total
    is_accuracy = one_class and bool(np.isin(present, wanted).all())
    if output_dict:
        report: dict[str, Any] = {name: dict(zip(HEADINGS, map(float, row))) for name, row in (rows | averages).items()}
        if is_accuracy:
            report = {("accuracy" if name == "micro avg" else name): row for name, row in report.items()}
            report["accuracy"] = report["accuracy"]["precision"]
        return report
    return _text(names, list(zip(*columns)), averages, is_accuracy, digits)


def _text(names: list[str], rows: list[Any], averages: dict[str, Any], is_accuracy: bool, digits: int) -> str:
    width = max(digits, *map(len, names), len("weighted avg"))

    def line(name: str, row: Any) -> str:
        return f"{name:>{width}} " + "".join(f" {score:>9.{digits}f}" for score in row[:3]) + f" {row[3]:>9}"

    lines = [" " * (width + 1) + "".join(f" {heading:>9}" for heading in HEADINGS), ""]
    lines += [line(name, row) for name, row in zip(names, rows)]
    lines.append("")
    for name, row in averages.items():
        if name == "micro avg" and is_accuracy:
            lines.append(f"{'accuracy':>{width}} " + " " * 20 + f" {row[2]:>9.{digits}f} {row[3]:>9}")
        else:
            lines.append(line(name, row))
    return "\n".join(lines) + "\n"
