"""Sparse matrices as data: SciPy's, behind what the library asks of an array.

Rows, products, and matrices joined with others are all they can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .arrays import StandIn

__all__ = ["SparseMatrix"]


class SparseMatrix(StandIn, NDArrayOperatorsMixin):
    """The value of a sparse Tensor `(rows, columns)`: a matrix of SciPy's, kept row by row (CSR), that nobody changes.

    Of the data of a training run nothing is needed but rows, products with a matrix, in which only the entries that are
    there count, and columns beside them (`concatenate`). Everything else raises an error that says so.

    Parameters
    ----------
    matrix : a sparse matrix or array of SciPy's, of any format, or a SparseMatrix
        Its memory is shared if it is a CSR matrix whose entries are each listed once.
    dtype : dtype, optional

    Attributes
    ----------
    matrix : scipy.sparse.csr_array (read-only)

    Raises
    ------
    ValueError
        If it has not two axes.

    Examples
    --------
    >>> import scipy.sparse
    >>> words = scipy.sparse.csr_array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    >>> x = tg.tensor(words)
    >>> x
    tensor(<sparse, 2 x 3, 3 entries, float64>)
    >>> tg.nn.Linear(3, 1)(x).shape, x[[1]].shape
    ((2, 1), (1, 3))
    """

    __slots__ = ("_narrow", "_turned", "matrix")

    ndim = 2
    base = None  # it never shares the memory of another one
    nnz = property(lambda self: self.matrix.nnz, doc="The number of entries that are kept.")
    shape: tuple[int, int] = property(lambda self: self.matrix.shape, doc="(rows, columns)")  # type: ignore[assignment]
    dtype: np.dtype = property(lambda self: self.matrix.dtype, doc="The dtype of the entries.")  # type: ignore[assignment]
    size = property(lambda self: self.shape[0] * self.shape[1], doc="The number of elements, zeros included.")
    itemsize = property(lambda self: self.dtype.itemsize, doc="The bytes of an entry.")
    values = property(lambda self: self.matrix.data, doc="The entries that are kept, (nnz,).")
    indices = property(lambda self: self.matrix.indices, doc="The column of each entry, (nnz,).")

    def __init__(self, matrix: Any, dtype: Any = None):
        if type(matrix) is SparseMatrix:
            matrix = matrix.matrix
        if len(matrix.shape) != 2:
            raise ValueError(f"a sparse matrix must have two axes, and this one has the shape {matrix.shape}")
        csr = _csr_array(matrix)
        if not csr.has_canonical_format:  # entries in any order, of which one may be listed several times
            csr = csr.copy() if csr.has_sorted_indices else csr.tocsc().tocsr()  # quicker than to sort them
            csr.sum_duplicates()
        self._keep(csr)
        if dtype is not None and csr.dtype != dtype:
            self._keep(self.with_entries(csr.data.astype(dtype)).matrix)

    def _keep(self, matrix: Any) -> SparseMatrix:
        self.matrix: Any = matrix
        self._narrow: tuple[np.ndarray, Any] | None = None
        self._turned: Any = None
        return self

    @classmethod
    def _of(cls, matrix: Any) -> SparseMatrix:
        """Wrap a CSR or CSC array that needs no check."""
        return cls.__new__(cls)._keep(matrix)

    @property
    def nbytes(self) -> int:
        """The bytes of all that is kept."""
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes + self.matrix.indptr.nbytes)

    # ------------------------------------------------------------------ rows

    def __len__(self) -> int:
        return int(self.shape[0])

    def __iter__(self) -> Iterator[SparseMatrix]:
        return (self[i : i + 1] for i in range(len(self)))

    def __getitem__(self, rows: Any) -> SparseMatrix:
        if isinstance(rows, (tuple, int, np.integer)) or rows is None or rows is Ellipsis or np.ndim(rows) > 1:
            raise TypeError(
                "of a sparse Tensor only rows can be taken, x[3:5] or x[[3, 4]]; index the matrix of SciPy before"
            )
        return SparseMatrix._of(self.matrix[rows if isinstance(rows, slice) else np.asarray(rows)])

    def take(self, rows: np.ndarray, axis: int = 0) -> SparseMatrix:
        """Return some rows, in their order."""
        return self[rows]

    # ------------------------------------------------------------------ other forms

    def astype(self, dtype: Any, copy: bool = True) -> SparseMatrix:
        """Return the same with entries of another dtype."""
        if not copy and self.dtype == dtype:
            return self
        return self.with_entries(self.values.astype(dtype))

    def copy(self) -> SparseMatrix:
        """Return the same in memory of its own."""
        return SparseMatrix._of(self.matrix.copy())

    @property
    def T(self) -> SparseMatrix:
        """The transposed matrix, which shares memory."""
        return SparseMatrix._of(self.matrix.T)

    mT = T

    def tocsr(self) -> Any:
        """Return SciPy's matrix."""
        return self.matrix

    def tobytes(self) -> bytes:
        """Return all that is kept, to compare matrices by."""
        return b"".join(part.tobytes() for part in (self.matrix.indptr, self.matrix.indices, self.matrix.data))

    def toarray(self) -> np.ndarray:
        """Return the whole array, zeros included."""
        return np.asarray(self.matrix.toarray())

    def scaled(self, scale: np.ndarray) -> SparseMatrix:
        """Return the matrix with every column times a number of its own."""
        entries = np.empty(self.nnz, scale.dtype)
        scale.take(self.indices, out=entries, mode="clip")  # several times as quick as without `out`
        entries = np.multiply(entries, self.matrix.data, out=entries if entries.dtype == self.dtype else None)
        return self.with_entries(entries)

    def with_entries(self, values: np.ndarray) -> SparseMatrix:
        """Return a matrix with other entries in the same places, whose memory is shared."""
        matrix = type(self.matrix)((values, self.matrix.indices, self.matrix.indptr), shape=self.shape)
        return SparseMatrix._of(matrix)

    def place(self, entry: int) -> tuple[int, int]:
        """Return the row and the column of an entry."""
        row = int(np.searchsorted(self.matrix.indptr, entry, side="right")) - 1
        return row, int(self.matrix.indices[entry])

    # ------------------------------------------------------------------ products

    def narrow(self) -> tuple[np.ndarray, Any]:
        """Return the columns that are not empty, ascending, and the matrix of SciPy of these alone."""
        if self._narrow is None:
            matrix = self.matrix
            columns, places = np.unique(matrix.indices, return_inverse=True)
            part = _csr_array((matrix.data, places, matrix.indptr), (matrix.shape[0], len(columns)))
            self._narrow = columns, part
        return self._narrow

    @property
    def is_wide(self) -> bool:
        """Whether most columns are empty."""
        return bool(self.matrix.format == "csr" and 2 * self.matrix.nnz < self.shape[1])

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, np.ndarray) or other.ndim > 2:
            return NotImplemented
        if other.ndim == 2 and not other.flags.c_contiguous and self.is_wide and len(other) == self.shape[1]:
            columns, part = self.narrow()
            return part @ other[columns]  # SciPy would copy all rows of `other` to have them side by side
        return self.matrix @ other

    def __rmatmul__(self, other: Any) -> Any:
        if not isinstance(other, np.ndarray) or other.ndim > 2:
            return NotImplemented
        if self._turned is None:
            self._turned = self.matrix.T  # which shares its memory
        if other.ndim == 1 or len(other) == 1:
            return (self._turned @ other.reshape(-1)).reshape(*other.shape[:-1], self.shape[1])
        if self.is_wide and other.shape[1] == len(self):
            columns, part = self.narrow()
            product = part.T @ other.T
            whole = np.zeros((len(other), self.shape[1]), product.dtype)
            whole[:, columns] = product.T
            return whole
        return np.ascontiguousarray((self._turned @ other.T).T)

    # ------------------------------------------------------------------ what NumPy asks

    def __array_ufunc__(self, function: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if function is np.matmul and method == "__call__" and not options:
            x, y = inputs
            product = x.__matmul__(y) if type(x) is SparseMatrix else y.__rmatmul__(np.asarray(x))
            if product is not NotImplemented:
                return product
        raise TypeError(_refusal(function.__name__))

    def __array_function__(self, function: Any, types: Any, arguments: tuple, options: dict) -> Any:
        name = function.__name__
        if name == "copy":
            return self.copy()
        if name in ("swapaxes", "transpose", "matrix_transpose"):  # of two axes there is one way
            return self.T
        if name == "concatenate":
            return _joined(*arguments, **options)
        if name in ("shape", "ndim", "size"):
            return getattr(self, name)
        raise TypeError(_refusal(name))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(f"'SparseMatrix' object has no attribute {name!r}", name=name, obj=self)
        raise AttributeError(_refusal(name), name=name, obj=self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            "a sparse Tensor does not become an array by itself, since that may not fit into memory: use "
            "x.numpy().toarray()"
        )

    def __repr__(self) -> str:
        return f"<sparse, {self.shape[0]:,} x {self.shape[1]:,}, {self.nnz:,} entries, {self.dtype}>"


def _csr_array(source: Any, shape: tuple[int, int] | None = None) -> Any:
    import scipy.sparse  # somebody has made a sparse matrix, so it is there

    return scipy.sparse.csr_array(source, shape=shape)


def _joined(parts: Any, axis: Any = 0) -> SparseMatrix:
    """Return matrices of which at least one is sparse, one below the other (axis=0) or side by side (axis=1)."""
    import scipy.sparse

    if axis not in (0, 1, -1, -2):
        raise TypeError(_refusal(f"concatenate(axis={axis})"))
    matrices = [part.matrix if type(part) is SparseMatrix else _csr_array(part) for part in parts]
    join = scipy.sparse.hstack if axis in (1, -1) else scipy.sparse.vstack
    return SparseMatrix(join(matrices, format="csr"))


def _refusal(name: str) -> str:
    return (
        f"{name} of a sparse Tensor: only rows of it and products with a matrix are computed (nn.Linear, x @ w), and "
        "matrices joined (concatenate); if it is small, make it dense, X.toarray()"
    )
