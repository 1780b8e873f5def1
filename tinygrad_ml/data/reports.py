"""What is wrong with a table before anybody learns from it: missing, repeated, odd, useless and leaking columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .leaks import CLASSES, leak
from .table import codes_of, is_numeric, read_column, read_table

__all__ = ["Report", "report"]

FENCE = 3.0  # interquartile ranges beyond the quartiles at which a value is "far out": Tukey (1977)
DEVIATIONS = 5.0  # standard deviations, where half of the values are one and the same
MANY, MOST = 50, 0.5  # different words of a column, and the part of the rows from which on it is one for nearly each
SKEWED = 0.1  # the part of the most frequent class that a rare one has
NAMED = 8  # names in a line


def report(data: Any, target: Any = None) -> Report:
    """Say what should be looked at in a table before a model learns from it; nothing is changed.

    - **missing**: None, NaN and what pandas has for that; infinite numbers beside them.
    - **duplicates**: rows that are equal to an earlier one, in all columns.
    - **outliers**: numbers more than three interquartile ranges beyond the quartiles ("far out": Tukey, "Exploratory
      data analysis", 1977); where most values are one and the same, more than five standard deviations from it.
    - **constant**: columns with one value.
    - **high cardinality**: words of which there are more than 50, or one for nearly each row, and numbers that count
      the rows: a model would learn them by heart.
    - **leaking**: columns that tell the target nearly by themselves, which what is known before seldom does: the target
      in other units, or what came of it. It is judged by the rows that a value has in common with others.
    - **class balance**: how many rows each class of the target has.

    Parameters
    ----------
    data : frame of pandas or polars, dict of arrays, array `(rows, columns)`
    target : str or (rows,), optional
        The column that is to be predicted, or its values.

    Returns
    -------
    Report
        Printed, a page; its attributes hold the numbers.

    Raises
    ------
    ValueError
        If there is no such column, or the data have no rows.

    Examples
    --------
    >>> table = {"age": [30, 31, np.nan, 29, 300, 32, 33, 28], "unit": [1] * 8, "sold": list("ynynynny")}
    >>> found = tg.data.report(table | {"invoice": [7, 0, 7, 0, 7, 0, 0, 7]}, target="sold")
    >>> found
    8 rows, 4 columns, target: sold
    missing           age 1 (12.5 %)
    duplicate rows    none
    outliers          age 1 (300)
    constant          unit
    high cardinality  none
    leaking           invoice: the values of others with the same one tell sold for 100 % of the rows
    classes of sold   y 4, n 4
    >>> found.missing, found.outliers, found.constant
    ({'age': 1}, {'age': 1}, ['unit'])
    """
    table, name = _with_target(read_table("report", data), target)
    rows = len(next(iter(table.values())))
    coded = {key: codes_of(column) for key, column in table.items()}
    numbers = {key: column for key, column in table.items() if is_numeric(column)}
    far = {key: values for key, column in numbers.items() if key != name and len(values := _far_out(column))}
    features = [key for key in table if key != name]
    found = Report(
        rows,
        list(table),
        name,
        missing={key: int((codes < 0).sum()) for key, (_, codes) in coded.items() if (codes < 0).any()},
        infinite={key: int(np.isinf(column).sum()) for key, column in numbers.items() if np.isinf(column).any()},
        duplicates=rows - len(np.unique(np.stack([codes for _, codes in coded.values()], axis=1), axis=0)),
        outliers={key: len(values) for key, values in far.items()},
        constant=[key for key, (distinct, _) in coded.items() if len(distinct) <= 1],
        high_cardinality={key: len(coded[key][0]) for key in features if _is_by_heart(table[key], *coded[key])},
        leaking={},
        classes={} if name is None else _classes(table[name], *coded[name]),
        farthest={key: float(values[0]) for key, values in far.items()},
    )
    if name is not None:
        for key in features:
            reason = leak(table[key], coded[key], table[name], coded[name], bool(found.classes))
            if reason:
                found.leaking[key] = reason.format(target=name)
    return found


def _with_target(table: dict[str, np.ndarray], target: Any) -> tuple[dict[str, np.ndarray], str | None]:
    """Return the table with the target as one of its columns, and what it is called."""
    if target is None:
        return table, None
    rows = len(next(iter(table.values())))
    if isinstance(target, str):
        if target not in table:
            raise ValueError(f"report: there is no column {target!r}; the columns are {', '.join(list(table)[:20])}")
        return table, target
    values = read_column(target)
    name = str(getattr(target, "name", None) or "target")
    if values.shape != (rows,) or name in table:
        why = f"there is a column {name!r} already" if name in table else f"it has the shape {values.shape}"
        raise ValueError(f"report: target must hold a value for each of the {rows} rows under a name of its own: {why}")
    return table | {name: values}, name


def _classes(column: np.ndarray, distinct: list, codes: np.ndarray) -> dict[Any, int]:
    """Return how many rows each class has, the most frequent first; nothing if the target is a number."""
    if is_numeric(column) and not (len(distinct) <= CLASSES and all(float(value).is_integer() for value in distinct)):
        return {}
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    return {_plain(distinct[i]): int(counts[i]) for i in np.argsort(-counts, kind="stable")}


def _far_out(column: np.ndarray) -> np.ndarray:
    """Return the finite numbers of a column that are far from the others, the farthest first."""
    values = column[np.isfinite(column)]
    if len(values) < 4:
        return values[:0]
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    with np.errstate(over="ignore", invalid="ignore"):
        if high > low:
            beyond = np.maximum(low - values, values - high) / (FENCE * (high - low))
        else:
            beyond = abs(values - middle)
            beyond /= DEVIATIONS * (np.sqrt(np.mean(beyond**2)) or 1.0)
    order = np.argsort(-beyond, kind="stable")
    return values[order[: int((beyond > 1).sum())]]


def _is_by_heart(column: np.ndarray, distinct: list, codes: np.ndarray) -> bool:
    """Whether a column has a value of its own for nearly each row, or many words."""
    n, there = len(distinct), int((codes >= 0).sum())
    if n < 5:
        return False
    if not is_numeric(column):
        return n > MANY or n > MOST * there
    return n == there > 10 and all(float(v).is_integer() for v in distinct) and distinct[-1] - distinct[0] < 1.2 * n


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(repr=False)
class Report:
    """What `tg.data.report` has found in a table.

    Attributes
    ----------
    rows : int
    columns : list of str
    target : str or None
    missing, infinite, outliers : dicts from columns to numbers of values; columns without any are not in them
    duplicates : int
        The rows that are equal to an earlier one.
    constant : list of str
    high_cardinality : dict from columns to the number of different values
    leaking : dict from columns to a sentence
    classes : dict from the classes of the target to their numbers of rows, the most frequent first
        Empty if the target is no class.
    farthest : dict from columns to the outlier that is farthest from the others

    Examples
    --------
    >>> found = tg.data.report({"a": [1.0, 1.0, 2.0], "b": ["x", "x", "y"]})
    >>> found.duplicates, found.is_clean
    (1, False)
    """

    rows: int
    columns: list[str]
    target: str | None
    missing: dict[str, int]
    infinite: dict[str, int]
    duplicates: int
    outliers: dict[str, int]
    constant: list[str]
    high_cardinality: dict[str, int]
    leaking: dict[str, str]
    classes: dict[Any, int]
    farthest: dict[str, float]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to look at."""
        found = self.missing, self.infinite, self.outliers, self.constant, self.high_cardinality, self.leaking
        return not any(found) and not self.duplicates and not self.is_skewed

    @property
    def is_skewed(self) -> bool:
        """Whether the rarest class has less than a tenth of the rows of the most frequent one."""
        counts = list(self.classes.values())
        return bool(counts) and counts[-1] < SKEWED * counts[0]

    def __repr__(self) -> str:
        about = f", target: {self.target}" if self.target is not None else ""
        lines = [*self._lines()]
        width = max(len(name) for name, _ in lines)
        text = [f"{name:{width}}  {what}" for name, what in lines]
        return "\n".join([f"{self.rows:,} rows, {len(self.columns)} columns{about}", *text])

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "missing", _listed(f"{name} {n:,} ({100 * n / self.rows:.3g} %)" for name, n in _sorted(self.missing))
        if self.infinite:
            yield "infinite", _listed(f"{name} {n:,}" for name, n in _sorted(self.infinite))
        share = f" ({100 * self.duplicates / self.rows:.3g} %)"
        yield "duplicate rows", f"{self.duplicates:,}{share}" if self.duplicates else "none"
        yield "outliers", _listed(f"{name} {n:,} ({self.farthest[name]:g})" for name, n in _sorted(self.outliers))
        yield "constant", _listed(self.constant)
        yield "high cardinality", _listed(f"{name} {n:,}" for name, n in _sorted(self.high_cardinality))
        if self.target is not None:
            yield "leaking", _listed((f"{name}: {why}" for name, why in self.leaking.items()), "; ")
        if self.classes:
            counts = _listed(f"{label} {n:,}" for label, n in self.classes.items())
            note = ": the rarest are few, so stratify parts, and do not judge by the accuracy" * self.is_skewed
            yield f"classes of {self.target}", counts + note


def _sorted(found: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda pair: -pair[1])


def _listed(items: Any, mark: str = ", ") -> str:
    named = list(items)
    more = f"{mark}and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return mark.join(named[:NAMED]) + more or "none"
