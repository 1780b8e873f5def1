"""Categories crossed with one another, and categories hashed into a fixed number of columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from ..validation import check_integer, is_integer
from .buckets import quantile_edges
from .categories import codes_of, count_values, label, sort_key
from .tables import one_hot
from .transformer import Transformer


def stable_hash(values: Sequence[Any], n: int) -> int:
    """Return a number from 0 to below n that depends on values alone: not on process, machine or order of work.

    Whole numbers hash alike as int, float and bool; a string never like a number.

    Examples
    --------
    >>> from tinygrad_ml.features.crosses import stable_hash
    >>> stable_hash(["Oslo"], 1000), stable_hash([2], 1000) == stable_hash([2.0], 1000)
    (146, True)
    """
    digest = blake2b("\0".join(map(_canonical, values)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % n


def _canonical(value: Any) -> str:
    if isinstance(value, str):
        return "s" + value.replace("\\", "\\\\").replace("\0", "\\0")
    if isinstance(value, (bool, int, float)):
        return f"n{int(value)}" if value == value and abs(value) != np.inf and int(value) == value else f"n{value!r}"
    return f"{type(value).__name__} {value}"


@dataclass(eq=False, repr=False)
class Hash(Transformer):
    """Put the categories of each column into n columns of 0 and 1, by a hash: no list of them is kept.

    Categories that nobody has seen have a place, too. Several may share one.

    Parameters
    ----------
    n : int
        The number of columns made of each column.
    sparse : bool
        Whether `transform` returns a sparse matrix (SciPy's CSR).

    Attributes
    ----------
    collisions_ : (columns,) of int
        How many categories of the training part came to a place that another one has already: their number less the
        number of places in use.
    shared_ : list of lists of tuples
        For each column, the categories that share a place.

    Examples
    --------
    >>> hash = tg.features.Hash(2).fit([["Oslo"], ["Bern"], ["Rome"]])
    >>> hash.collisions_, hash.shared_
    (array([1]), [[('Bern', 'Oslo')]])
    >>> hash.transform([["Oslo"], ["Lima"]])
    array([[1., 0.],
           [0., 1.]])
    """

    n: int = 256
    sparse: bool = False

    reads_values = True
    allows_missing = True

    def _learn(self, table: list[list[Any]]) -> None:
        check_integer("Hash: n", self.n, 1)
        self.shared_, collisions = [], []
        for values in table:
            places = defaultdict(list)
            for value in sorted(count_values("Hash", values), key=sort_key):
                places[stable_hash([value], self.n)].append(value)
            self.shared_.append([tuple(group) for _, group in sorted(places.items()) if len(group) > 1])
            collisions.append(sum(map(len, places.values())) - len(places))
        self.collisions_ = np.array(collisions)

    def _apply(self, table: list[list[Any]]) -> Any:
        maps = [{value: stable_hash([value], self.n) for value in count_values("Hash", values)} for values in table]
        return one_hot(codes_of(table, maps, -1), [self.n] * len(table), self.sparse, "Hash")

    def _names(self, names: list[str]) -> list[str]:
        return [f"{name}_hash{i}" for name in names for i in range(self.n)]


@dataclass(eq=False, repr=False)
class Cross(Transformer):
    """Make a column of 0 and 1 for each combination of categories that the training part has: a feature cross.

    Columns of numbers with fractions are divided into quantiles first; `Bucketize` makes other buckets of them.
    A combination that the training part has not is 0 in all columns.

    Parameters
    ----------
    columns : sequence of str or int, optional
        The names, or places, of the columns to cross: two for a cross of second order, three for one of the third.
        By default all.
    max_columns : int
        If there are more combinations, they are hashed into as many columns, and the unknown ones with them.
    buckets : int
        How many quantiles numbers with fractions are divided into.
    sparse : bool
        Whether `transform` returns a sparse matrix (SciPy's CSR).

    Attributes
    ----------
    crosses_ : list of tuples
        The combinations of the training part, in order.
    hashed_ : bool
    edges_ : dict
        The edges of columns with fractions, by their names.

    Examples
    --------
    >>> dog = [["barks", "night"], ["barks", "day"], ["sleeps", "night"], ["barks", "night"]]
    >>> cross = tg.features.Cross()
    >>> cross.fit_transform(dog)
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    >>> cross.get_feature_names_out(["behaviour", "time"]).tolist()
    ['behaviour=barks & time=day', 'behaviour=barks & time=night', 'behaviour=sleeps & time=night']
    """

    columns: Sequence[Any] | None = None
    max_columns: int = 1000
    buckets: int = 10
    sparse: bool = False

    reads_values = True
    allows_missing = True

    def _learn(self, table: list[list[Any]]) -> None:
        check_integer("Cross: max_columns", self.max_columns, 1)
        check_integer("Cross: buckets", self.buckets, 2)
        self._chosen_ = self._places()
        names = self._names_in()
        self._edges_: list[np.ndarray | None] = []
        for i in self._chosen_:
            count_values("Cross", table[i])
            numbers = _with_fractions(table[i])
            self._edges_.append(None if numbers is None else quantile_edges(numbers, self.buckets))
        self.edges_ = {names[i]: edges for i, edges in zip(self._chosen_, self._edges_) if edges is not None}
        combinations = {*self._combinations(table)}
        self.crosses_ = sorted(combinations, key=lambda values: [sort_key(value) for value in values])
        self.hashed_ = len(self.crosses_) > self.max_columns

    def _places(self) -> list[int]:
        names = self._names_in()
        if self.columns is None:
            return list(range(len(names)))
        if isinstance(self.columns, str) or len(self.columns) < 2:
            raise ValueError(f"Cross: columns must be two or more, not {self.columns!r}; OneHot is for one")
        places = []
        for column in self.columns:
            if is_integer(column) and 0 <= column < len(names):
                places.append(int(column))
            elif isinstance(column, str) and column in names:
                places.append(names.index(column))
            else:
                raise ValueError(f"Cross: there is no column {column!r}; X has {', '.join(names[:20])}")
        if len(set(places)) < len(places):
            raise ValueError(f"Cross: a column is crossed with itself: {list(self.columns)}")
        return places

    def _combinations(self, table: list[list[Any]]) -> list[tuple[Any, ...]]:
        columns = []
        for i, edges in zip(self._chosen_, self._edges_):
            if edges is None:
                columns.append(table[i])
                continue
            try:
                numbers = np.array([np.nan if value is None else value for value in table[i]], np.float64)
            except (TypeError, ValueError):
                name = self._names_in()[i]
                raise TypeError(
                    f"Cross: the column {name!r} held numbers when it was fitted, and does not now"
                ) from None
            codes = np.searchsorted(edges, numbers, side="right").tolist()
            columns.append([None if value is None else code for value, code in zip(table[i], codes)])
        return list(zip(*columns))

    def _apply(self, table: list[list[Any]]) -> Any:
        combinations = self._combinations(table)
        distinct = count_values("Cross", combinations)
        if self.hashed_:
            places = {values: stable_hash(values, self.max_columns) for values in distinct}
        else:
            places = {values: i for i, values in enumerate(self.crosses_)}
        width = self.max_columns if self.hashed_ else len(self.crosses_)
        return one_hot(codes_of([combinations], [places], -1), [width], self.sparse, "Cross")

    def _names(self, names: list[str]) -> list[str]:
        chosen = [names[i] for i in self._chosen_]
        if self.hashed_:
            return [f"{' & '.join(chosen)}_hash{i}" for i in range(self.max_columns)]
        return [" & ".join(f"{name}={label(value)}" for name, value in zip(chosen, values)) for values in self.crosses_]


def _with_fractions(values: list[Any]) -> np.ndarray | None:
    """Return the finite numbers of a column if some of them have fractions, else None."""
    numbers = [value for value in values if value is not None]
    if not all(isinstance(value, (bool, int, float)) for value in numbers):
        return None
    array = np.array(numbers, np.float64)
    array = array[np.isfinite(array)]
    return array if (array != np.floor(array)).any() else None
