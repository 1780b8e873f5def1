"""The columns of a frame, an array or a dict of arrays: of numbers as floats, of anything else as objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..validation import NUMERIC, check_array, without_arrow

__all__ = ["codes_of", "is_missing", "is_numeric", "read_table"]


def read_table(who: str, data: Any) -> dict[str, np.ndarray]:
    """Return the columns of data by name: float64, NaN where a number is missing, or objects, None where one is.

    Parameters
    ----------
    who : str
        Errors begin with it.
    data : frame of pandas or polars, table of pyarrow, dict of arrays, array `(rows, columns)`
        Columns without a name are called "column 0", "column 1" ...

    Raises
    ------
    TypeError, ValueError
        If it is nothing of these, has no rows or no columns, or a name twice.

    Examples
    --------
    >>> from tinygrad_ml.data.table import read_table
    >>> table = read_table("report", {"age": [30, 40], "town": ["Bonn", None]})
    >>> table["age"], table["town"]
    (array([30., 40.]), array(['Bonn', None], dtype=object))
    """
    data = without_arrow(who, data)
    if isinstance(data, dict):
        pairs = list(data.items())
    elif hasattr(data, "iloc") and data.ndim == 2:
        pairs = [(name, data.iloc[:, i]) for i, name in enumerate(data.columns)]
    elif hasattr(data, "get_columns"):
        pairs = [(column.name, column) for column in data.get_columns()]
    else:
        array = check_array(data, "the data", who)
        if array.ndim != 2:
            raise ValueError(
                f"{who}: the data must be a frame or a table (rows, columns), and have the shape {array.shape}"
            )
        pairs = [(f"column {i}", array[:, i]) for i in range(array.shape[1])]
    names = [str(name) for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{who}: several columns are called {', '.join(map(repr, twice))}; give each a name of its own"
        )
    table = {name: read_column(values) for name, (_, values) in zip(names, pairs)}
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise ValueError(f"{who}: the columns have {', '.join(map(str, sorted(lengths)))} rows")
    if not lengths or not next(iter(lengths)):
        raise ValueError(f"{who}: the data have no {'rows' if lengths else 'columns'}")
    return table


def read_column(values: Any) -> np.ndarray:
    """Return a column as float64, or as objects with None where a value is missing."""
    array = check_array(values, "a column")
    if array.dtype.kind in NUMERIC:
        return array.astype(np.float64)
    if array.dtype.kind in "Mm":  # times, of which no more is asked than whether they are the same
        items: list[Any] = [None if np.isnat(time) else str(time) for time in array.ravel()]
    else:
        items = array.astype(object).ravel().tolist()
    found = np.empty(len(items), object)  # cell by cell: NumPy would make a table of lists
    for i, value in enumerate(items):
        found[i] = None if is_missing(value) else value
    kinds = {type(value) for value in found if value is not None}
    if kinds and all(issubclass(kind, (bool, int, float, np.number, np.bool_)) for kind in kinds):
        return np.array([np.nan if value is None else value for value in found], np.float64)
    return found


def is_missing(value: Any) -> bool:
    """Whether a value stands for one that is missing: None, NaN, or what pandas has for that."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and value != value


def is_numeric(column: np.ndarray) -> bool:
    """Whether a column holds numbers."""
    return column.dtype == np.float64


def codes_of(column: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Return the different values of a column, and for each row which of them it has, -1 where it is missing."""
    if is_numeric(column):
        there = ~np.isnan(column)
        distinct, places = np.unique(column[there], return_inverse=True)
        codes = np.full(len(column), -1)
        codes[there] = places.reshape(-1)
        return distinct.tolist(), codes
    known: dict[Any, int] = {}
    codes = np.array([-1 if value is None else known.setdefault(_key(value), len(known)) for value in column])
    return list(known), codes


def _key(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:  # a list in a cell
        return repr(value)
    return value
