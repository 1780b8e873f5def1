"""What data, metrics, training and models check alike: numbers, arrays, and where an array is not finite.

The errors begin with who asks and with the name of the argument, such as "LinearRegression: X". What else they say is
up to the caller, who knows what the array is for: this file says what is wrong, in one way for all.
"""

from __future__ import annotations

import re
import sys
from typing import Any, NamedTuple

import numpy as np

from .arrays import is_other, no_ndarray
from .sparse_matrix import SparseMatrix
from .tensor import Tensor

__all__ = [
    "NonFinite",
    "all_finite",
    "check_array",
    "check_integer",
    "first_non_finite",
    "is_integer",
    "is_number",
    "is_sparse",
    "non_numeric_columns",
    "why_no_number",
    "without_frame",
]

NUMERIC = "fiub"  # the kinds of dtypes that hold real numbers

# ---------------------------------------------------------------------- numbers


def is_number(value: Any) -> bool:
    """Whether a value is a real number; True and False are none.

    Examples
    --------
    >>> from tinygrad_ml.validation import is_number
    >>> [is_number(value) for value in (0.5, np.float32(2), True, "1", None)]
    [True, True, False, False, False]
    """
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_integer(value: Any, least: int | None = None) -> bool:
    """Whether a value is an integer, and not below `least` if that is given; True and False are none.

    Examples
    --------
    >>> from tinygrad_ml.validation import is_integer
    >>> [is_integer(value, least=1) for value in (3, np.int8(3), 0, 3.0, True)]
    [True, True, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        return False
    return least is None or bool(value >= least)


def check_integer(name: str, value: Any, least: int, otherwise: str = "") -> int:
    """Return a value as an int, or raise ValueError if it is not an integer of at least `least`.

    Parameters
    ----------
    name : str
        Who asks, and for what: "DataLoader: batch_size".
    value : object
    least : int
    otherwise : str
        What else is allowed, which the caller has looked for: "None".

    Examples
    --------
    >>> from tinygrad_ml.validation import check_integer
    >>> check_integer("DataLoader: batch_size", 0, 1)
    Traceback (most recent call last):
    ...
    ValueError: DataLoader: batch_size must be an integer from 1, not 0
    """
    if not is_integer(value, least):
        text = f"an integer from {least}" + (f", or {otherwise}" if otherwise else "")
        raise ValueError(f"{name} must be {text}, not {value!r}")
    return int(value)


# ---------------------------------------------------------------------- arrays


def check_array(values: Any, name: str, who: str = "", wanted: str = "an array") -> np.ndarray:
    """Return values as an ndarray, without a copy where that can be; refuse what would lose something on the way.

    It may be of any dtype and of any number of axes. Columns of pandas' own numeric dtypes, in which values may be
    missing, become floats with NaN where one is missing; PyTorch's bfloat16 becomes float32.

    Parameters
    ----------
    values : array_like
        Lists, arrays, Tensors of this library and of PyTorch, pandas frames and columns.
    name : str
        What the argument is called.
    who : str
        Who asks for it; errors begin with that.
    wanted : str
        What rows of several lengths are not.

    Raises
    ------
    TypeError
        If it is a masked array, whose mask NumPy would drop, or a sparse matrix.
    ValueError
        If its rows have several lengths.

    Examples
    --------
    >>> from tinygrad_ml.validation import check_array
    >>> check_array(tg.ones(2), "y")
    array([1., 1.], dtype=float32)
    >>> check_array(np.ma.array([1.0, 2.0], mask=[False, True]), "X", "LinearRegression")
    Traceback (most recent call last):
    ...
    TypeError: LinearRegression: X is a masked array, whose mask would be ignored; use X.filled(np.nan)
    """
    if isinstance(values, Tensor):
        return values.numpy()
    where = f"{who}: {name}" if who else name
    if type(values) is not np.ndarray and is_other(values):
        raise TypeError(f"{where}: {no_ndarray(values)}")
    _refuse_masked(values, name, where)
    if hasattr(values, "toarray") and not isinstance(values, np.ndarray):
        raise TypeError(f"{where} is a sparse matrix, and dense data is required; use {name}.toarray()")
    if hasattr(values, "iloc"):
        return _from_pandas(values)
    try:
        return np.asarray(_from_pytorch(values) if hasattr(values, "detach") else values)
    except ValueError as error:  # rows of several lengths
        raise ValueError(f"{where} is not {wanted}: {error}") from None


def is_sparse(values: Any) -> bool:
    """Whether values are a sparse matrix: SciPy's, as a matrix or an array, or the value of a sparse Tensor.

    Examples
    --------
    >>> import scipy.sparse
    >>> from tinygrad_ml.validation import is_sparse
    >>> is_sparse(scipy.sparse.eye_array(3)), is_sparse(np.eye(3))
    (True, False)
    """
    return hasattr(values, "tocsr") and hasattr(values, "nnz")


def without_frame(values: Any) -> Any:
    """Return the matrix of SciPy of a pandas frame whose columns are all sparse, and anything else as it is.

    Examples
    --------
    >>> import pandas
    >>> from tinygrad_ml.validation import without_frame
    >>> frame = pandas.get_dummies(pandas.DataFrame({"town": ["Rome", "Oslo"]}), sparse=True, dtype=float)
    >>> without_frame(frame).toarray()
    array([[0., 1.],
           [1., 0.]])
    """
    if not hasattr(values, "iloc") or getattr(values, "ndim", 0) != 2 or not values.shape[1]:
        return values
    kinds = set(values.dtypes)
    if all(hasattr(kind, "subtype") and getattr(kind, "fill_value", None) == 0 for kind in kinds):
        return values.sparse.to_coo().tocsr()
    return values


def _refuse_masked(values: Any, name: str, where: str) -> None:
    ma = sys.modules.get("numpy.ma")  # NumPy loads it when it is first used: before that nothing is masked
    if ma is None:
        return
    for item in [values, *values] if isinstance(values, (list, tuple)) else [values]:
        if isinstance(item, ma.MaskedArray):
            floats = "" if item.dtype.kind in "fc" else ".astype(float)"  # integers have no NaN
            if item is values:
                cure = f"use {name}{floats}.filled(np.nan)"
                raise TypeError(f"{where} is a masked array, whose mask would be ignored; {cure}")
            raise TypeError(
                f"{where} holds masked arrays, whose masks would be ignored; use {floats}.filled(np.nan) of each"
            )


def _from_pytorch(tensor: Any) -> Any:
    tensor = tensor.detach()
    return tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor  # which NumPy does not have


def _from_pandas(frame: Any) -> np.ndarray:
    columns = _columns(frame)
    if not columns or non_numeric_columns(frame):
        return np.asarray(frame)
    dtypes = []
    for column in columns:
        if isinstance(column.dtype, np.dtype):
            dtypes.append(column.dtype)
        else:  # pandas' own numbers, which may be missing
            kind = column.dtype.subtype if hasattr(column.dtype, "subtype") else column.dtype.numpy_dtype
            dtypes.append(np.dtype(float) if column.isna().any() else kind)
    dtype = np.result_type(*dtypes)
    return frame.to_numpy(dtype, na_value=np.nan) if dtype.kind == "f" else frame.to_numpy(dtype)


def _columns(frame: Any) -> list[Any]:
    return [frame] if frame.ndim == 1 else [frame.iloc[:, i] for i in range(frame.shape[1])]


def non_numeric_columns(frame: Any) -> list[str]:
    """Return the names of the columns of a pandas frame that do not hold real numbers, with their dtypes.

    Examples
    --------
    >>> import pandas
    >>> from tinygrad_ml.validation import non_numeric_columns
    >>> non_numeric_columns(pandas.DataFrame({"age": [30, 40], "day": np.zeros(2, "datetime64[s]")}))
    ["'day' (datetime64[s])"]
    """
    names = [frame.name] if frame.ndim == 1 else list(frame.columns)
    kinds = [getattr(column.dtype, "kind", "O") for column in _columns(frame)]
    return [
        f"{name!r} ({column.dtype})" for name, column, kind in zip(names, _columns(frame), kinds) if kind not in NUMERIC
    ]


def why_no_number(text: str) -> str:
    """Return what to say of a value in an error, "; ...", if it is a number that is written in another way, or "".

    Examples
    --------
    >>> from tinygrad_ml.validation import why_no_number
    >>> why_no_number("could not convert string to float: '1.250,5'")
    "; this is a number with a decimal comma: pandas.read_csv(path, sep=';', decimal=',', thousands='.')"
    """
    if re.search(r"(?<![\w.,])-?(\d{1,3}(\.\d{3})+|\d+),\d+(?![\w.,])", text):
        return "; this is a number with a decimal comma: pandas.read_csv(path, sep=';', decimal=',', thousands='.')"
    return ""


# ---------------------------------------------------------------------- finite


class NonFinite(NamedTuple):
    """Where an array is not finite."""

    where: tuple[int, ...]  # the index of the first entry
    value: float  # which is NaN or infinite
    total: int  # how many such entries there are


def all_finite(array: Any) -> bool:
    """Whether no entry is NaN or infinite; quick where all are finite, which is nearly always.

    The sum of squares is finite then, or it is too large for the dtype and each entry is. NumPy warns of both unless
    the caller is in `np.errstate(over="ignore", invalid="ignore")`, which would cost more here than the sum.

    Examples
    --------
    >>> from tinygrad_ml.validation import all_finite
    >>> [all_finite(np.array(entries)) for entries in ([1.0, -2.0], [1.0, np.nan], [3, 4])]
    [True, False, True]
    """
    if array.dtype.kind not in "fc":
        return True
    if type(array) is SparseMatrix:
        array = array.values
    flat = array.reshape(-1)
    square = flat.dot(flat)
    return bool(square - square == 0) or bool(np.isfinite(flat).all())


def without_arrow(who: str, X: Any) -> Any:
    """Return a table of pyarrow as a frame of pandas, a column as a list, and anything else as it is."""
    if not type(X).__module__.startswith("pyarrow"):
        return X
    if not hasattr(X, "to_pandas") or not hasattr(X, "column_names"):
        return X.to_pylist() if hasattr(X, "to_pylist") else X
    try:
        import pandas  # noqa: F401
    except ImportError:
        raise ImportError(f"{who}: a table of pyarrow is read as a frame of pandas: pip install pandas") from None
    return X.to_pandas()


def first_non_finite(array: Any) -> NonFinite | None:
    """Return where an array or a sparse matrix is NaN or infinite, or None if it is nowhere.

    Examples
    --------
    >>> from tinygrad_ml.validation import first_non_finite
    >>> first_non_finite(np.array([[1.0, 2.0], [np.inf, np.nan]]))
    NonFinite(where=(1, 0), value=inf, total=2)
    >>> first_non_finite(np.array([1e300, 3.0])) is None  # although the sum of squares overflows
    True
    """
    if is_sparse(array):
        matrix = SparseMatrix(array)
        found = first_non_finite(matrix.values)
        return found and found._replace(where=matrix.place(*found.where))
    with np.errstate(over="ignore", invalid="ignore"):
        if all_finite(array):
            return None
    places = np.argwhere(~np.isfinite(array))
    index = tuple(places[0].tolist())
    return NonFinite(index, array[index].item(), len(places))
