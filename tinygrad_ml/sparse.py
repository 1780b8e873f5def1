"""The gradient of a table of which a step used only a few rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .arrays import stands_in

SHORT = 8  # rows that are as exact if they are added one after the other


class SparseRows:
    """An array that is zero but for a few rows: the `grad` of a table that is looked up with `sparse=True`.

    A row may be listed several times; then its values add up. Adding two SparseRows keeps them sparse, adding an array
    gives an array, and everything that needs an array (`numpy()`, `np.asarray`, operations on Tensors) gets a dense
    one. `clip_grad_norm_`, `clip_grad_value_` and the optimizers work on the rows alone.

    Parameters
    ----------
    rows : integers (n,)
        Which rows, from 0 to shape[0] - 1.
    values : array (n, *shape[1:])
        What they hold.
    shape : tuple of ints
        That of the whole array.

    Examples
    --------
    >>> table = tg.zeros(1000, 2, requires_grad=True)
    >>> tg.embedding(np.array([7, 3, 7]), table, sparse=True).sum().backward()
    >>> table.grad
    SparseRows(rows 7, 3, 7 of shape (1000, 2), dtype float32)
    >>> table.grad.coalesce().values
    array([[1., 1.],
           [2., 2.]], dtype=float32)
    """

    __slots__ = ("rows", "shape", "values")
    __array_ufunc__ = None  # array + SparseRows is ours

    def __init__(self, rows: np.ndarray, values: np.ndarray, shape: tuple[int, ...]):
        if not isinstance(values, np.ndarray) and not stands_in(values):
            raise TypeError(f"SparseRows: values must be an array, not {type(values).__name__}")
        if values.shape != (len(rows), *shape[1:]):
            raise ValueError(
                f"SparseRows: {len(rows)} rows of shape {shape} need values of shape {(len(rows), *shape[1:])}, "
                f"not {values.shape}"
            )
        self.rows, self.values, self.shape = rows, values, shape

    dtype = property(lambda self: self.values.dtype, doc="The NumPy dtype of the values.")
    ndim = property(lambda self: len(self.shape), doc="The number of axes of the whole array.")
    size = property(lambda self: math.prod(self.shape), doc="The number of elements of the whole array.")
    _data = property(lambda self: self)  # where a Tensor has its value

    def coalesce(self) -> SparseRows:
        """Return the same with every row listed once, in ascending order."""
        n = len(self.rows)
        keys = self.rows * n + np.arange(n)  # one number for row and position: the fast sort becomes a stable one
        keys.sort()
        rows = keys // max(n, 1)
        order = keys - rows * n
        new = np.ones(n, bool)
        np.not_equal(rows[1:], rows[:-1], out=new[1:])
        values = self.values.take(order[new], 0)
        if len(values) < n:
            alone = new.copy()  # rows that are listed once
            alone[:-1] &= new[1:]
            several = np.flatnonzero(~alone)
            parts, first = self.values.take(order[several], 0), new[several]
            if (rows[SHORT:] == rows[:-SHORT]).any():
                _add_runs(parts, first)
                sums = parts[first]
            else:
                sums = np.add.reduceat(parts, np.flatnonzero(first), 0)
            put_rows(values, np.flatnonzero(~alone[new]), sums)
            rows = rows[new]
        return SparseRows(rows, values, self.shape)

    def numpy(self) -> np.ndarray:
        """Return the whole array, zeros included."""
        dense = np.zeros(self.shape, self.dtype)
        each = self.coalesce()
        dense[each.rows] = each.values
        return dense

    def astype(self, dtype: Any) -> SparseRows:
        """Return the same with values of another dtype."""
        return SparseRows(self.rows, self.values.astype(dtype), self.shape)

    def conj(self) -> SparseRows:
        """Return the same with the complex conjugates of the values."""
        return SparseRows(self.rows, self.values.conj(), self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, SparseRows):
            return self.numpy() + other
        rows, values = np.concatenate([self.rows, other.rows]), np.concatenate([self.values, other.values])
        return SparseRows(rows, values, self.shape)

    __radd__ = __add__

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self.rows[:6])) + (", ..." if len(self.rows) > 6 else "")
        return f"SparseRows(rows {shown} of shape {self.shape}, dtype {self.dtype})"


def put_rows(table: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """Write table[rows] = values, for contiguous arrays; as one item, a row moves faster.

    Examples
    --------
    >>> table = np.zeros((3, 1))
    >>> tg.sparse.put_rows(table, np.array([2]), np.ones((1, 1)))
    >>> table.tolist()
    [[0.0], [0.0], [1.0]]
    """
    if values.size:
        row = np.dtype((np.void, values.nbytes // len(values)))
        table.reshape(len(table), -1).view(row)[:, 0][rows] = values.reshape(len(values), -1).view(row)[:, 0]


def _add_runs(values: np.ndarray, new: np.ndarray) -> None:
    """Add up runs of rows: afterwards each row at which `new` is set holds the sum of all rows up to the next such.

    In each round the second of two neighbours goes into the first, the fourth into the third ..., so the number of
    rounds is the logarithm of the longest run, and the rounding error grows as slowly.
    """
    start = np.flatnonzero(new)
    rank = np.arange(len(new))
    rank -= np.repeat(start, np.diff(start, append=len(new)))  # the position in the run
    at = np.arange(len(new))
    while True:
        odd = np.flatnonzero(rank & 1)
        if not odd.size:
            if not rank.any():
                return
        else:
            into = at[odd - 1]
            put_rows(values, into, values.take(into, 0) + values.take(at[odd], 0))
        even = rank & 1 == 0
        at, rank = at[even], rank[even] >> 1
