"""Features of categories: one column each, their order, or numbers for an embedding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..validation import check_integer
from .tables import one_hot, orders_of, read_array
from .transformer import Transformer, check_choice

ELSEWHERE = "unknown to the training part"


def sort_key(value: Any) -> tuple[Any, ...]:
    """Return what sorts values of several types: numbers, strings, others by type, what is missing at the end."""
    if value is None:
        return 3, "", ""
    if isinstance(value, (bool, int, float)):
        return 0, "", value
    return (1, "", value) if isinstance(value, str) else (2, type(value).__name__, str(value))


def count_values(who: str, values: Sequence[Any]) -> Counter[Any]:
    """Return how often each value occurs; raise TypeError for what cannot be a category, such as a list."""
    try:
        return Counter(values)
    except TypeError:
        row, value = next((i, v) for i, v in enumerate(values) if type(v).__hash__ is None)
        raise TypeError(
            f"{who}: argument must be a string or a number: row {row} has a {type(value).__name__}"
        ) from None


def label(value: Any) -> str:
    """Return what a category is called in the name of a feature.

    Examples
    --------
    >>> from tinygrad_ml.features.categories import label
    >>> label("Oslo"), label(3.0), label(None)  # whole numbers become floats beside gaps
    ('Oslo', '3', 'missing')
    """
    if value is None:
        return "missing"
    whole = isinstance(value, float) and abs(value) < 1e15 and value == int(value)
    return str(int(value)) if whole else str(value)


def as_array(values: Sequence[Any]) -> np.ndarray:
    """Return values as an array of objects of one axis, whatever they are."""
    out = np.empty(len(values), object)
    out[:] = values
    return out


def codes_of(table: Sequence[Sequence[Any]], maps: Sequence[Mapping[Any, int]], unknown: int) -> np.ndarray:
    """Return the number of each value in the map of its column, (rows, columns) of int64."""
    out = np.empty((len(table[0]), len(table)), np.int64)
    for i, (values, places) in enumerate(zip(table, maps)):
        try:
            out[:, i] = [places.get(value, unknown) for value in values]
        except TypeError:
            count_values("transform", values)
            raise
    return out


def refuse_unknown(who: str, table: Sequence[Sequence[Any]], codes: np.ndarray, names: Sequence[str]) -> None:
    """Raise ValueError if a code is -1."""
    if (codes < 0).any():
        row, column = np.argwhere(codes < 0)[0].tolist()
        raise ValueError(f"{who}: {table[column][row]!r} in row {row}, column {names[column]!r}, is {ELSEWHERE}")


def _back(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return columns of values as one array; of numbers, if all are numbers."""
    out = np.column_stack(columns)
    if all(isinstance(value, (int, float)) for value in out.flat):
        return np.array(out.tolist())
    return out


@dataclass(eq=False, repr=False)
class OneHot(Transformer):
    """Make a column of 0 and 1 for each category of the training part.

    What is missing is a category of its own, if it is missing in the training part, too.

    Parameters
    ----------
    min_count : int
        Categories that the training part has less often share one column, "rare".
    unknown : "rare", "zeros", "column" or "error"
        What becomes of a category that the training part has not: it counts as rare, if there are rare ones, and is 0
        in all columns otherwise; it is 0 in all columns always; it has a column of its own, which is 0 in the training
        part; or `transform` raises ValueError.
    sparse : bool
        Whether `transform` returns a sparse matrix (SciPy's CSR).

    Attributes
    ----------
    categories_ : list of arrays
        Those of each column that have a column of their own, in order.
    rare_ : list of arrays
        Those that have not.

    Examples
    --------
    >>> one_hot = tg.features.OneHot(min_count=2)
    >>> one_hot.fit_transform([["cat"], ["dog"], ["cat"], ["emu"]])
    array([[1., 0.],
           [0., 1.],
           [1., 0.],
           [0., 1.]])
    >>> one_hot.get_feature_names_out(["pet"])
    array(['pet_cat', 'pet_rare'], dtype=object)
    >>> one_hot.transform([["gnu"]])  # seen less than twice: never
    array([[0., 1.]])
    """

    min_count: int = 1
    unknown: str = "rare"
    sparse: bool = False

    reads_values = True
    allows_missing = True

    def _learn(self, table: list[list[Any]]) -> None:
        check_integer("OneHot: min_count", self.min_count, 1)
        check_choice("OneHot: unknown", self.unknown, ("rare", "zeros", "column", "error"))
        self.categories_, self.rare_ = [], []
        for values in table:
            counts = count_values("OneHot", values)
            ordered = sorted(counts, key=sort_key)
            self.categories_.append(as_array([v for v in ordered if counts[v] >= self.min_count]))
            self.rare_.append(as_array([v for v in ordered if counts[v] < self.min_count]))
        maps, widths = [], []
        for common, rare in zip(self.categories_, self.rare_):
            places = {value: i for i, value in enumerate(common)} | dict.fromkeys(rare, len(common))
            maps.append(places)
            widths.append(len(common) + bool(len(rare)) + (self.unknown == "column"))
        self._maps_, self._widths_ = maps, widths

    def _apply(self, table: list[list[Any]]) -> Any:
        codes = codes_of(table, self._maps_, -1)
        if self.unknown == "error":
            refuse_unknown("OneHot", table, codes, self._names_in())
        for i, width in enumerate(self._widths_):
            if self.unknown == "column" or (self.unknown == "rare" and len(self.rare_[i])):
                codes[codes[:, i] < 0, i] = width - 1
        return one_hot(codes, self._widths_, self.sparse, "OneHot")

    def _names(self, names: list[str]) -> list[str]:
        out = []
        for name, common, rare in zip(names, self.categories_, self.rare_):
            out += [f"{name}_{label(value)}" for value in common]
            out += [f"{name}_rare"] * bool(len(rare)) + [f"{name}_unknown"] * (self.unknown == "column")
        return out

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the categories, None for what was rare, unknown or missing."""
        table = self._features(X)
        ends = np.cumsum(self._widths_)
        columns = []
        for common, start, end in zip(self.categories_, ends - self._widths_, ends):
            block = table[:, start:end]
            values = as_array([*common, *[None] * (end - start - len(common) + 1)])
            columns.append(values[np.where(block.any(axis=1), block.argmax(axis=1), end - start)])
        return _back(columns)


@dataclass(eq=False, repr=False)
class Ordinal(Transformer):
    """Number the categories of each column by their order: 0, 1, 2, ...

    Gaps become NaN.

    Parameters
    ----------
    categories : sequence, or dict of sequences by column, optional
        The categories from the first to the last. By default those of the training part, sorted; or those that a
        column of pandas' ordered categories, or of polars' Enum, brings in its dtype, in their order.
    unknown : "error" or "missing"
        Whether `transform` raises ValueError for a category without a number, or returns NaN.

    Attributes
    ----------
    categories_ : list of arrays

    Examples
    --------
    >>> sizes = tg.features.Ordinal(["small", "medium", "large"])
    >>> sizes.fit_transform([["large"], ["small"]])
    array([[2.],
           [0.]])
    >>> sizes.inverse_transform([[1]])
    array([['medium']], dtype=object)
    """

    categories: Any = None
    unknown: str = "error"

    reads_values = True
    allows_missing = True

    def _fit(self, X: Any, y: Any) -> tuple[Any, Any]:
        self._orders = orders_of(X)
        try:
            return super()._fit(X, y)
        finally:
            del self._orders

    def _learn(self, table: list[list[Any]]) -> None:
        check_choice("Ordinal: unknown", self.unknown, ("error", "missing"))
        names = self._names_in()
        if isinstance(self.categories, Mapping) and not {*self.categories} <= {*names}:
            extra = next(name for name in self.categories if name not in names)
            raise ValueError(f"Ordinal: categories are given for a column {extra!r}; X has {', '.join(names[:20])}")
        self.categories_ = []
        for i, (name, values) in enumerate(zip(names, table)):
            seen = count_values("Ordinal", values)
            order = self.categories.get(name) if isinstance(self.categories, Mapping) else self.categories
            if order is None:
                order = self._orders.get(i)
            if order is None:
                order = sorted((value for value in seen if value is not None), key=sort_key)
            if any(isinstance(value, (list, tuple, np.ndarray)) for value in order):
                raise TypeError(
                    f"Ordinal: categories are one list for all columns, or a dict such as {{{name!r}: [...]}}, not a "
                    "list of lists"
                )
            if isinstance(order, str) or len(set(order)) < len(order):
                raise ValueError(f"Ordinal: categories must be different, from the first to the last, not {order!r}")
            self.categories_.append(as_array(list(order)))
        self._maps_ = [{value: i for i, value in enumerate(order)} for order in self.categories_]
        self._apply(table)  # raises for a category of the training part that is not among those given

    def _apply(self, table: list[list[Any]]) -> np.ndarray:
        codes = codes_of(table, [{None: -2} | places for places in self._maps_], -1)
        if self.unknown == "error":
            refuse_unknown("Ordinal", table, np.where(codes == -2, 0, codes), self._names_in())
        return np.where(codes < 0, np.nan, codes)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the categories, None for NaN."""
        table = self._features(X)
        columns = []
        for order, codes in zip(self.categories_, table.T):
            gaps = np.isnan(codes)
            wrong = ~gaps & ((codes != np.floor(codes)) | (codes < 0) | (codes >= len(order)))
            if wrong.any():
                raise ValueError(f"Ordinal: {codes[wrong][0]} is the number of none of the {len(order)} categories")
            columns.append(as_array([*order, None])[np.where(gaps, len(order), codes).astype(np.intp)])
        return _back(columns)


@dataclass(eq=False, repr=False)
class EmbeddingIds(Transformer):
    """Number the categories of each column for `nn.Embedding`, the most frequent first; 0 is what is unknown.

    Parameters
    ----------
    min_count : int
        Categories that the training part has less often are 0, too, as is what is missing.
    max_size : int, optional
        The number of ids of a column, 0 among them.

    Attributes
    ----------
    categories_ : list of arrays
        Category number i + 1 is `categories_[column][i]`.
    sizes_ : list of int
        The number of ids of each column: `nn.Embedding(sizes_[0], 8)`.

    Examples
    --------
    >>> ids = tg.features.EmbeddingIds().fit([["b"], ["a"], ["b"]])
    >>> ids.transform([["a"], ["b"], ["c"]]).ravel(), ids.sizes_
    (array([2, 1, 0]), [3])
    """

    min_count: int = 1
    max_size: int | None = None

    reads_values = True
    allows_missing = True

    def _learn(self, table: list[list[Any]]) -> None:
        check_integer("EmbeddingIds: min_count", self.min_count, 1)
        most = None if self.max_size is None else check_integer("EmbeddingIds: max_size", self.max_size, 1, "None") - 1
        self.categories_ = []
        for values in table:
            counts = count_values("EmbeddingIds", values)
            known = [value for value, n in counts.items() if value is not None and n >= self.min_count]
            known.sort(key=lambda value, n=counts: (-n[value], sort_key(value)))  # type: ignore[misc]
            self.categories_.append(as_array(known[:most]))
        self.sizes_ = [len(known) + 1 for known in self.categories_]

    def _apply(self, table: list[list[Any]]) -> np.ndarray:
        maps = [{value: i for i, value in enumerate(known, 1)} for known in self.categories_]
        return codes_of(table, maps, 0)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the categories, None for 0."""
        self.require_fitted()
        ids = read_array("EmbeddingIds", X)
        if ids.dtype.kind not in "iu" or ids.shape[1] != len(self.sizes_):
            raise ValueError(f"EmbeddingIds.inverse_transform: X must hold ids in {len(self.sizes_)} columns")
        if (ids < 0).any() or (ids >= self.sizes_).any():
            raise ValueError(f"EmbeddingIds: ids go from 0 to below {self.sizes_}, and X has others")
        return _back([as_array([None, *known])[column] for known, column in zip(self.categories_, ids.T)])
