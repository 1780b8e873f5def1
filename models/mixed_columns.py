"""Columns of categories among columns of numbers: which they are, the ids of their values, and the layer above."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.modes import warn
from tinygrad_ml.validation import check_array

from . import checking
from .checking import Rule

column_names = Rule(
    lambda v: v == "auto" if isinstance(v, str) else isinstance(v, (list, tuple, np.ndarray)),
    "'auto', or a list of names or positions of columns",
)

UNKNOWN = 0  # the id of a value that is missing, or was not among the training data


class MixedColumns:
    """How a model reads tables of numbers and categories, learned from the training data.

    Parameters
    ----------
    model : Model with `categories`, `min_count`, `embedding_dim` and `id_dropout`
    X : table of (samples, features)
    sample_weight : (samples,), optional
        Samples without a weight are as if they were not there.

    Attributes
    ----------
    ids : dict from the position of a column of categories to a dict from its values to their ids, from 1
    mean, scale : (columns of numbers,)
    """

    def __init__(self, model: Any, X: Any, sample_weight: Any = None):
        kind = type(model).__name__
        checking.refuse_sparse(model, X)
        table = Table(kind, X)
        chosen = table.chosen(model.categories)
        array = checking.check_X(model, table.without(chosen))
        weight = checking.check_weights(model, sample_weight, len(array), array.dtype)
        there = slice(None) if weight is None else weight > 0
        self.ids = {i: learned_ids(kind, table.names[i], table.column(i)[there], model.min_count) for i in chosen}
        self.n, share = len(table.names), 1 / len(array) if weight is None else (weight / weight.sum())[:, None]
        numbers = np.array(np.delete(array, chosen, axis=1), np.float64, order="C")
        self.mean = (numbers * share).sum(axis=0)
        self.scale = ((numbers - self.mean) ** 2 * share).sum(axis=0) ** 0.5
        self.scale = np.where(self.scale <= 1e-12 * abs(self.mean), 1.0, self.scale)  # of a constant

    def read(self, model: Any, X: Any) -> np.ndarray:
        """Return a table as an array of numbers and ids."""
        checking.refuse_sparse(model, X)
        kind, table = type(model).__name__, Table(type(model).__name__, X)
        chosen = list(self.ids) if len(table.names) == self.n else []  # otherwise the model says what is wrong
        array = checking.check_X(model, table.without(chosen))
        array = np.array(array, order="C", copy=bool(chosen) or None)
        for i in chosen:
            array[:, i] = as_ids(kind, table.names[i], table.column(i), self.ids[i])
        return array

    def inputs(self, model: Any) -> MixedInputs:
        """Return the first layer of a model; its vectors have the length 1.6 · n^0.56, or the one that it wants."""
        tables = {}
        for i, known in self.ids.items():
            tables[i] = len(known) + 1, model.embedding_dim or min(50, max(1, round(1.6 * len(known) ** 0.56)))
        inputs = MixedInputs(self.n, tables, model.id_dropout)
        inputs.mean, inputs.scale = nn.Buffer(self.mean), nn.Buffer(self.scale)
        return inputs


class MixedInputs(nn.Module):
    """The first layer: columns of numbers, standardised, beside columns of ids, each looked up in a table of its own.

    Parameters
    ----------
    n_columns : int
    tables : dict from the position of a column of ids to (rows, length of the vectors) of its table
    id_dropout : float, from 0 to 1
        With which probability an id is 0 in training, so that row 0 of each table learns to stand for unknown ids.
    """

    def __init__(self, n_columns: int, tables: Mapping[int, tuple[int, int]], id_dropout: float = 0.0):
        self.ids, self.id_dropout = list(tables), id_dropout
        self.numbers = [i for i in range(n_columns) if i not in tables]
        self.mean = nn.Buffer(np.zeros(len(self.numbers)))
        self.scale = nn.Buffer(np.ones(len(self.numbers)))
        self.tables = [nn.Embedding(rows, size) for rows, size in tables.values()]
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        self.n_outputs = len(self.numbers) + sum(size for _, size in tables.values())

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers and the vectors of the ids side by side, (batch, n_outputs)."""
        if hasattr(x, "columns"):
            raise TypeError("MixedInputs: forward reads numbers and ids, and this is a frame: give model.encode(frame)")
        parts = [(x[:, self.numbers] - self.mean) / self.scale] if self.numbers else []
        for i, table in zip(self.ids, self.tables):
            ids = tg.round(x[:, i]).astype(np.int64)
            if self.training and self.id_dropout:
                ids = tg.where(tg.rand(*ids.shape) < self.id_dropout, 0, ids)
            parts.append(table(ids))
        return tg.concatenate(parts, axis=1)


class Table:
    """A frame, an array or a list of rows, of which some columns hold categories.

    Parameters
    ----------
    kind : str
        Which model asks, for errors.
    X : frame of pandas or polars, array or list of (samples, features)
    """

    def __init__(self, kind: str, X: Any):
        self.kind, self.is_frame = kind, hasattr(X, "columns") and hasattr(X, "dtypes")
        if isinstance(X, (list, tuple)) and any(isinstance(v, str) for row in X if np.iterable(row) for v in row):
            X = np.array(X, object)  # NumPy would make strings of the numbers, too
        self.X: Any = X if self.is_frame else check_array(X, "X", kind, "a table")
        self.names: list[Any] = (
            list(X.columns) if self.is_frame else list(range(self.X.shape[1] if self.X.ndim == 2 else 0))
        )

    def column(self, i: int) -> np.ndarray:
        """Return the values of a column."""
        if not self.is_frame:
            return self.X[:, i]
        return (self.X.iloc[:, i] if hasattr(self.X, "iloc") else self.X[self.names[i]]).to_numpy()

    def chosen(self, wanted: Any) -> list[int]:
        """Return the positions of the columns of categories: those wanted by name or position, or all with strings."""
        if isinstance(wanted, str) or not self.names:
            return [i for i in range(len(self.names)) if self._holds_strings(i)]
        places: list[int] = []
        for name in wanted:
            at = [i for i, own in enumerate(self.names) if own == name]
            if not at and self.is_frame and isinstance(name, int) and 0 <= name < len(self.names):
                at = [name]
            if len(at) != 1:
                raise ValueError(
                    f"{self.kind}(categories={wanted!r}): {name!r} is not one of the columns "
                    f"{', '.join(map(repr, self.names[:20]))}"
                )
            places += at
        if len(set(places)) < len(places):
            raise ValueError(f"{self.kind}(categories={wanted!r}): a column is named twice")
        for i in range(len(self.names)):
            if i not in places and self._holds_strings(i):
                raise ValueError(
                    f"{self.kind}(categories={wanted!r}): column {self.names[i]!r} holds strings, too: name it, or "
                    "leave it out of X"
                )
        return sorted(places)

    def _holds_strings(self, i: int) -> bool:
        if self.is_frame:
            dtype = self.X.dtypes.iloc[i] if hasattr(self.X.dtypes, "iloc") else self.X.dtypes[i]
            if str(dtype).lower().startswith(("category", "categorical", "enum")):
                return True
        if not self.is_frame and self.X.dtype.kind not in "OU":
            return False
        values = self.column(i)
        if values.dtype.kind == "U" and not self.is_frame and _are_numbers(values):
            raise ValueError(
                f"{self.kind}: column {i} holds numbers as strings, as np.array makes them of rows that have strings; "
                f"give a frame, or np.array(rows, dtype=object), or say that they are categories: categories=[{i}, ...]"
            )
        return values.dtype.kind in "UT" or any(isinstance(value, str) for value in values.tolist())

    def without(self, columns: Sequence[int]) -> Any:
        """Return a table with zeros in some columns, so that all its columns are to hold numbers."""
        if not len(columns):
            return self.X
        if not self.is_frame:
            X = self.X.copy() if self.X.dtype.kind != "U" else self.X.astype(object)
            X[:, columns] = 0
            return X
        if not hasattr(self.X, "iloc"):
            return self.X.with_columns(**{self.names[i]: np.float32(0) for i in columns})
        X = self.X.copy(deep=False)
        for i in columns:
            X.isetitem(i, np.float32(0))
        return X


def _are_numbers(values: np.ndarray) -> bool:
    try:
        values.astype(float)
    except ValueError:
        return False
    return True


def is_missing(value: Any) -> bool:
    """Whether a value stands for nothing: None, NaN, NaT or pandas' NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:  # NA
        return True


def learned_ids(kind: str, name: Any, values: np.ndarray, min_count: int) -> dict[Any, int]:
    """Return the id of each value of a column that occurs often enough, from 1 in ascending order."""
    try:
        counts = Counter(value for value in values.tolist() if not is_missing(value))
    except TypeError:
        raise _not_hashable(kind, name, values) from None
    try:
        known = sorted(value for value, n in counts.items() if n >= min_count)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in counts})
        raise TypeError(
            f"{kind}: column {name!r} mixes {' and '.join(kinds)}; categories must be all strings or all numbers"
        ) from None
    return {value: i for i, value in enumerate(known, start=1)}


def _not_hashable(kind: str, name: Any, values: np.ndarray) -> TypeError:
    odd = next(type(value).__name__ for value in values.tolist() if not isinstance(value, Hashable))
    return TypeError(f"{kind}: column {name!r} has a {odd}; its argument must be a string or a number")


def as_ids(kind: str, name: Any, values: np.ndarray, known: Mapping[Any, int]) -> np.ndarray:
    """Return the ids of values; warn if none of them is of the type of those that are known."""
    given = values.tolist()
    try:
        ids = np.array([known.get(value, UNKNOWN) for value in given], np.int64)
    except TypeError:
        raise _not_hashable(kind, name, values) from None
    types = {isinstance(value, str) for value in given if not is_missing(value)}
    if types and known and types.isdisjoint({isinstance(value, str) for value in known}):
        now, then = ("strings", "numbers") if True in types else ("numbers", "strings")
        warn(f"{kind}: column {name!r} holds {now}, and held {then} in fit, so all of them count as unknown")
    return ids
