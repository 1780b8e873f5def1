"""Columns of categories among columns of numbers: which they are, and the ids of their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_ml.modes import warn
from tinygrad_ml.validation import check_array

UNKNOWN = 0  # the id of a value that is missing, or was not among the training data


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


def learned_ids(kind: str, name: Any, values: np.ndarray) -> dict[Any, int]:
    """Return the id of each value of a column, from 1 in ascending order."""
    try:
        known = Counter(value for value in values.tolist() if not is_missing(value))
    except TypeError:
        raise _not_hashable(kind, name, values) from None
    try:
        return {value: i for i, value in enumerate(sorted(known), start=1)}
    except TypeError:
        kinds = sorted({type(value).__name__ for value in known})
        raise TypeError(
            f"{kind}: column {name!r} mixes {' and '.join(kinds)}; categories must be all strings or all numbers"
        ) from None


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


def frequent(ids: np.ndarray, known: Mapping[Any, int], min_count: int) -> dict[Any, int]:
    """Return new ids of the values that occur often enough; the others are unknown."""
    counts = np.bincount(ids, minlength=len(known) + 1)
    return {value: i for i, value in enumerate((v for v, row in known.items() if counts[row] >= min_count), start=1)}
