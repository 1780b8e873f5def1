"""Tables as transformers read and write them: arrays, lists of rows, frames of pandas and of polars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..validation import check_array, first_non_finite, non_numeric_columns, why_no_number

DATES = "Mm"  # the kinds of NumPy's dtypes for times


class NamedArray(np.ndarray):
    """An array whose columns have names: what one step of `Columns` hands to the next."""

    columns: list[str]

    @property
    def dtypes(self) -> list[np.dtype]:
        """The dtype of each column, which a frame has too."""
        return [self.dtype] * len(self.columns)


def named(array: Any, names: Sequence[str]) -> Any:
    """Return an array, or what a frame holds, with these names of its columns; a sparse matrix stays as it is."""
    if hasattr(array, "tocsr"):
        return array
    array = np.asarray(array)
    view = array.view(NamedArray)
    view.columns = list(names)
    return view


# ---------------------------------------------------------------------- reading


def read_array(who: str, X: Any) -> np.ndarray:
    """Return X as an array of (samples, features) of any dtype."""
    if hasattr(X, "collect"):
        raise TypeError(f"{who}: X is a lazy frame of polars; give X.collect()")
    if isinstance(X, NamedArray):
        X = X.view(np.ndarray)
    if isinstance(X, (list, tuple)):
        X = _from_rows(X)
    array = check_array(X, "X", who, "a table")
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {who} got X of dtype {array.dtype}")
    if array.ndim == 0:
        raise TypeError(f"{who}: X is a {type(X).__name__}, and no table; give an array, a list of rows, or a frame")
    if array.ndim != 2:
        hint = "Reshape your data: X.reshape(-1, 1) for a single feature, X.reshape(1, -1) for a single sample"
        if array.ndim == 1 and hasattr(X, "name"):
            hint = f'Reshape your data: of a frame, frame[["{X.name}"]] is a table of one column'
        raise ValueError(f"{who}: expected a 2-d array of (samples, features), got shape {array.shape}. {hint}")
    for axis, what in ((0, "sample"), (1, "feature")):
        if array.shape[axis] == 0:
            raise ValueError(
                f"{who}: found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required."
            )
    return array


def _from_rows(rows: Any) -> Any:
    """Return rows with strings as objects: NumPy's strings end before a zero, and make strings of numbers near them."""
    strings = any(isinstance(value, str) for row in rows if isinstance(row, (list, tuple)) for value in row)
    return np.array(rows, object) if strings else rows


def read_numbers(
    who: str, X: Any, missing: bool = False, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> np.ndarray:
    """Return X as an array (samples, features) of float32 or float64.

    Raises
    ------
    TypeError, ValueError
        If X is no table of finite numbers; with `missing`, NaN is allowed, and None, which becomes NaN, and infinities
        that finite bounds will cut off.
    """
    array = read_array(who, X)
    if array.dtype not in (np.float32, np.float64):
        array = _to_float(who, array, X)
    found = first_non_finite(array)
    if found and missing:
        infinite = np.argwhere(np.isinf(np.clip(array, *bounds)))
        if not len(infinite):
            return array
        raise ValueError(f"{who}: input X contains infinity (the first in {place_in(X, infinite[0])})")
    if found:
        what = "NaN" if np.isnan(found.value) else "infinity"
        raise ValueError(
            f"{who}: input X contains NaN or infinity ({found.total} entries, the first is {what} in "
            f"{place_in(X, found.where)}); fill gaps first, with tg.features.Impute"
        )
    return array


def place_in(X: Any, where: Sequence[int]) -> str:
    """Return what an entry of a table is called: its row and its column, with the name of that if it has one."""
    row, column = map(int, where)
    name = f", {X.columns[column]!r}" if hasattr(X, "columns") else ""
    return f"row {row}, column {column}{name}"


def _to_float(who: str, array: np.ndarray, source: Any) -> np.ndarray:
    if array.dtype.kind in DATES:
        raise TypeError(f"{who}: X must hold numbers, not {array.dtype}; of times, Bucketize makes numbers")
    try:
        if array.dtype == object:
            array = np.where(missing_values(array), np.nan, array)
        if array.dtype.kind in "SU" or any(isinstance(value, str) for value in array.flat):
            array.astype(np.float64)  # says which string is no number
            raise ValueError("these are numbers as strings; use X.astype(float)")
        return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        reason = "argument must be a string or a number: " if isinstance(error, TypeError) else ""
        columns = _to_encode(source)
        advice = f". Choose the columns that hold numbers, and encode {', '.join(columns[:8])}" if columns else ""
        kind = type(error) if isinstance(error, TypeError) else ValueError
        raise kind(f"{who}: X must hold numbers: {reason}{error}{why_no_number(str(error)) or advice}") from None


def _to_encode(source: Any) -> list[str]:
    """Return the columns of a frame that do not hold numbers, with their dtypes."""
    if hasattr(source, "iloc"):
        return non_numeric_columns(source)
    columns = source.get_columns() if hasattr(source, "get_columns") else []
    return [f"{c.name!r} ({c.dtype})" for c in columns if not c.dtype.is_numeric() and str(c.dtype) != "Boolean"]


def missing_values(values: np.ndarray) -> np.ndarray:
    """Return where entries of an array are missing: None, NaN, and what pandas has for that."""
    if values.dtype.kind in "fc":
        return np.isnan(values)
    if values.dtype.kind in DATES:
        return np.isnat(values)
    if values.dtype != object:
        return np.zeros(values.shape, bool)
    pandas = sys.modules.get("pandas")
    marks = () if pandas is None else (pandas.NA, pandas.NaT)
    flat = [v is None or (isinstance(v, float) and v != v) or any(v is m for m in marks) for v in values.flat]
    return np.array(flat, bool).reshape(values.shape)


def read_columns(who: str, X: Any) -> list[list[Any]]:
    """Return the columns of X as lists of Python's values, None where one is missing."""
    if hasattr(X, "iloc") and getattr(X, "ndim", 2) == 2 and X.shape[0] and X.shape[1]:
        parts = [X.iloc[:, i].to_numpy() for i in range(X.shape[1])]
    elif hasattr(X, "get_columns") and X.shape[0] and X.shape[1]:
        parts = [column.to_numpy() for column in X.get_columns()]
    else:
        array = read_array(who, X)
        parts = [array[:, i] for i in range(array.shape[1])]
    return [_values(who, part) for part in parts]


def _values(who: str, column: np.ndarray) -> list[Any]:
    if column.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {who} got X of dtype {column.dtype}")
    if column.dtype.kind == "M":
        column = column.astype("datetime64[us]")  # finer ones become integers as Python's values
    gone = missing_values(column)
    values = column.tolist()
    if gone.any():
        for place in np.flatnonzero(gone):
            values[place] = None
    return values


def orders_of(X: Any) -> dict[int, list[Any]]:
    """Return the categories of the columns of a frame whose dtype has an order, by the places of the columns.

    Examples
    --------
    >>> import pandas
    >>> from tinygrad_ml.features.tables import orders_of
    >>> orders_of(pandas.DataFrame({"size": pandas.Categorical(["S"], ["S", "M", "L"], ordered=True), "n": [1]}))
    {0: ['S', 'M', 'L']}
    """
    dtypes = list(X.dtypes) if hasattr(X, "iloc") or hasattr(X, "get_columns") else []
    ordered = [
        (i, d.categories) for i, d in enumerate(dtypes) if getattr(d, "ordered", False) or type(d).__name__ == "Enum"
    ]
    return {i: categories.to_list() for i, categories in ordered}


def rows_of(X: Any) -> int:
    """Return the number of rows of a table."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


# ---------------------------------------------------------------------- writing


def sparse_module(who: str) -> Any:
    """Return scipy.sparse; say what to install, or what to write, if it is missing."""
    try:
        import scipy.sparse
    except ImportError:
        raise ImportError(f"{who} makes a sparse matrix with SciPy: pip install scipy, or write sparse=False") from None
    return scipy.sparse


def one_hot(codes: np.ndarray, widths: Sequence[int], sparse: bool, who: str) -> Any:
    """Return zeros, and a one where a code says so.

    Parameters
    ----------
    codes : (samples, columns) of int
        The place of the one among the `widths[i]` of its column, -1 for nowhere.
    """
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    there = codes >= 0
    shape = (len(codes), int(starts[-1]))
    places = (codes + starts[:-1])[there]
    if sparse:
        ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return sparse_module(who).csr_array((np.ones(len(places)), places.astype(np.int32), ends), shape=shape)
    out = np.zeros(shape)
    out[np.nonzero(there)[0], places] = 1
    return out


def as_frame(kind: str, out: Any, names: Sequence[str], X: Any, who: str) -> Any:
    """Return an array as a frame of `kind`, "pandas" or "polars", with the index of X if X is a frame of pandas."""
    if not isinstance(out, np.ndarray):
        advice = "give X.toarray()" if hasattr(X, "tocsr") else f"write {who}(..., sparse=False)"
        raise ValueError(f"{who}: a frame of {kind} holds no sparse data: {advice}")
    columns = {name: out[:, i] for i, name in enumerate(names)}
    if len(columns) < len(names):
        twice = sorted({name for name in names if list(names).count(name) > 1})
        raise ValueError(f"{who}: a frame cannot have two columns of one name: {', '.join(twice[:5])}")
    try:
        if kind == "pandas":
            import pandas

            return pandas.DataFrame(columns, index=X.index if hasattr(X, "iloc") else None).infer_objects()
        import polars

        return polars.DataFrame({name: c.tolist() if c.dtype == object else c for name, c in columns.items()})
    except ImportError:
        raise ImportError(f"{who}: set_output(transform={kind!r}) needs {kind}: pip install {kind}") from None
