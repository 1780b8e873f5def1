"""Buckets: intervals of numbers, or of the time of day, with a number each."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..validation import check_integer, is_number
from .tables import read_array, read_columns, read_numbers
from .transformer import Transformer

CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
MOST = 100_000  # buckets of a column
HOURS = 24


class Column(NamedTuple):
    """The numbers of a column, or its hours of the day."""

    values: np.ndarray
    clock: bool


@dataclass(eq=False, repr=False)
class Bucketize(Transformer):
    """Divide each column into intervals, and return the number of the interval of each entry: 0, 1, 2, ...

    Bucket i holds what is at least `edges_[column][i - 1]` and below `edges_[column][i]`; the first and the last have
    no other bound. `OneHot` makes columns of the numbers, `Cross` crosses them.

    Times (datetimes, times, and with edges of the clock strings such as "07:30", too) are divided by the hour of the
    day. Edges of them, such as `edges=["06:00", "12:00", "18:00"]` or `[6, 12, 18]`, make as many buckets as there are
    edges: bucket i begins at edge i, and the last one lasts through midnight until the first edge.

    Give one of the three; without any it is `quantiles=5`.

    Parameters
    ----------
    quantiles : int, optional
        The number of buckets, each of which gets as many of the training rows as ties allow.
    width : float, optional
        The width of all buckets, in hours for times. The edges are multiples of it.
    edges : sequence of numbers or of times, optional
        The edges themselves, ascending, the same for all columns.

    Attributes
    ----------
    edges_ : list of arrays
        For each column, what lies between two buckets; of times, the hours.
    sizes_ : list of int
        The number of buckets of each column.

    Examples
    --------
    >>> age = tg.features.Bucketize(width=20).fit([[3.0], [35.0], [61.0]])
    >>> age.edges_, age.transform([[-5.0], [19.9], [20.0], [99.0]]).ravel()
    ([array([20., 40., 60.])], array([0, 0, 1, 3]))
    >>> day = tg.features.Bucketize(edges=["06:00", "12:00", "22:00"])  # morning, day, night
    >>> day.fit_transform([["07:15"], ["23:00"], ["05:59"]]).ravel()
    array([0, 2, 2])
    """

    _: KW_ONLY
    quantiles: int | None = None
    width: float | None = None
    edges: Sequence[Any] | None = None

    def _read(self, X: Any) -> list[Column]:
        """Return columns of numbers; of times, the hours since midnight."""
        if not (hasattr(X, "iloc") or hasattr(X, "get_columns")):
            array = read_array("Bucketize", X)
            if array.dtype.kind in "fiub":
                return [Column(column, False) for column in read_numbers("Bucketize", X).T]
        strings = self.edges is not None and any(isinstance(edge, str) for edge in self.edges)
        parts = [_hours(values, strings) for values in read_columns("Bucketize", X)]
        if not any(part.clock for part in parts):
            return [Column(column, False) for column in read_numbers("Bucketize", X).T]
        for i, part in enumerate(parts):
            if not part.clock:  # numbers beside times
                parts[i] = Column(read_numbers("Bucketize", part.values[:, None])[:, 0], False)
            elif np.isnan(part.values).any():
                row = int(np.isnan(part.values).argmax())
                cure = "fill gaps first, with tg.features.Impute('most frequent'), or leave such rows out"
                raise ValueError(f"Bucketize: column {i} holds times, and none in row {row}; {cure}")
        return parts

    def _learn(self, table: list[Column]) -> None:
        given = [n for n in ("quantiles", "width", "edges") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"Bucketize: {' and '.join(given)} are given; give one of quantiles, width and edges")
        self._clock_ = [column.clock for column in table]
        if self.edges is not None:
            self.edges_ = [_given_edges(self.edges, column.clock) for column in table]
        elif self.width is not None:
            self.edges_ = [_multiples(column.values, self.width) for column in table]
        else:
            n = 5 if self.quantiles is None else check_integer("Bucketize: quantiles", self.quantiles, 2)
            self.edges_ = [quantile_edges(column.values, n) for column in table]
        self._cyclic_ = [clock and self.edges is not None for clock in self._clock_]
        self.sizes_ = [len(edges) + (not cyclic) for edges, cyclic in zip(self.edges_, self._cyclic_)]

    def _apply(self, table: list[Column]) -> np.ndarray:
        out = np.empty((len(table[0].values), len(table)), np.int64)
        for i, (column, edges) in enumerate(zip(table, self.edges_)):
            if column.clock != self._clock_[i]:
                name, was = self._names_in()[i], "times" if self._clock_[i] else "numbers"
                raise TypeError(f"Bucketize: the column {name!r} held {was} when it was fitted, and does not now")
            out[:, i] = np.searchsorted(edges.astype(column.values.dtype), column.values, side="right")
            if self._cyclic_[i]:
                out[:, i] = (out[:, i] - 1) % len(edges)
        return out


def quantile_edges(values: np.ndarray, n: int) -> np.ndarray:
    """Return what divides numbers into n buckets with as many of them in each as ties allow.

    If more than one part in n is the least number, as zeros often are, it has a bucket of its own.

    Examples
    --------
    >>> from tinygrad_ml.features.buckets import quantile_edges
    >>> quantile_edges(np.arange(8.0), 4), quantile_edges(np.array([0, 0, 0, 0, 1, 2, 3, 7]), 4)
    (array([1.75, 3.5 , 5.25]), array([0.5 , 2.25]))
    """
    values = values.astype(np.float64)
    least = values.min()
    edges = np.quantile(values, np.linspace(0, 1, n + 1)[1:-1])
    inner = np.unique(edges[edges > least])
    second = values.min(where=values > least, initial=np.inf)
    alone = edges[0] == least and second < (inner[0] if len(inner) else np.inf)
    return np.concatenate([[second], inner]) if alone else inner


def _hours(values: list[Any], strings: bool) -> Column:
    """Return times as hours since midnight, NaN where there is none; what holds no times as it is."""
    there = [value for value in values if value is not None]
    times = (datetime.datetime, datetime.time)
    if there and all(isinstance(value, times) or (strings and isinstance(value, str)) for value in there):
        return Column(np.array([np.nan if value is None else hour_of(value) for value in values]), True)
    return Column(np.array(values, object), False)


def hour_of(time: Any) -> float:
    """Return the hours since midnight of a time: a datetime, a time, or a string such as "18:30".

    Examples
    --------
    >>> from tinygrad_ml.features.buckets import hour_of
    >>> hour_of("18:30")
    18.5
    """
    if isinstance(time, str):
        found = CLOCK.fullmatch(time.strip())
        if not found or int(found[1]) >= HOURS or max(int(found[2]), int(found[3] or 0)) >= 60:
            raise ValueError(f'Bucketize: {time!r} is no time of the day such as "07:30"')
        return int(found[1]) + int(found[2]) / 60 + int(found[3] or 0) / 3600
    return time.hour + time.minute / 60 + time.second / 3600 + time.microsecond / 3.6e9


def _given_edges(edges: Sequence[Any], clock: bool) -> np.ndarray:
    if isinstance(edges, str) or np.ndim(edges) != 1 or not len(edges):
        raise ValueError(f"Bucketize: edges must be a sequence of numbers or of times, not {edges!r}")
    times = [isinstance(edge, (str, datetime.time)) for edge in edges]
    if any(times) and not clock:
        raise TypeError(f"Bucketize: edges of the clock, {edges!r}, are for columns of times, and this one has none")
    found = [hour_of(edge) if time else edge for edge, time in zip(edges, times)]
    if not all(is_number(edge) and np.isfinite(edge) for edge in found):
        raise ValueError(
            f"Bucketize: edges must be finite numbers, not {edges!r}; the first bucket and the last need no outer one"
        )
    array = np.array(found, np.float64)
    if (np.diff(array) <= 0).any():
        raise ValueError(f"Bucketize: edges must ascend, and be different: {list(edges)}")
    if clock and (array[0] < 0 or array[-1] >= HOURS):
        raise ValueError(f"Bucketize: edges of the clock lie from 0 to below {HOURS}, not {list(edges)}")
    return array


def _multiples(column: np.ndarray, width: Any) -> np.ndarray:
    """Return the multiples of a width above the least entry and up to the largest."""
    if not is_number(width) or not 0 < width < np.inf:
        raise ValueError(f"Bucketize: width must be a finite number above 0, not {width!r}")
    step = Fraction(repr(float(width)))  # 3 times 0.1 is 0.3, not the next float above it
    low, high = (math.floor(Fraction(str(end)) / step) for end in (column.min(), column.max()))
    if high - low > MOST:
        raise ValueError(f"Bucketize: width={width} makes more than {MOST:,} buckets; take a larger one")
    return np.array([float(k * step) for k in range(low + 1, high + 1)])
