"""Indexing: x[...] as NumPy does it, and its derivative, which adds the gradient up at the indexed places."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor


def normalised(index: Any) -> Any:
    """Replace Tensors and lists in an index by arrays of our own, and refuse what NumPy would misread."""
    if isinstance(index, tuple):
        return tuple([normalised(part) for part in index])
    if isinstance(index, (int, slice)) or index is None or index is Ellipsis:
        return index
    array = np.array(index._data if isinstance(index, Tensor) else index)
    if array.dtype.kind == "f" and array.size == 0:
        array = array.astype(np.intp)
    if array.dtype.kind not in "iub":
        raise IndexError(f"an index must be made of integers, slices or booleans, not of {array.dtype}")
    return array


def is_basic(index: Any) -> bool:
    """Whether an index names every place at most once: no integer arrays."""
    return all(
        not isinstance(part, np.ndarray) or part.dtype == bool
        for part in (index if isinstance(index, tuple) else (index,))
    )


@primitive(g=lambda g, index: getitem(g, index=index))
def scatter(g, *, index, shape):
    """Return zeros of `shape` to which `g` is added at `index`: the derivative of indexing.

    >>> tg.ops.scatter(tg.ones(3), index=np.array([0, 0, 1]), shape=(3,))
    tensor([2., 1., 0.])
    """
    out = np.zeros(shape, g.dtype)
    if is_basic(index):
        out[index] = g
    elif isinstance(index, np.ndarray) and out.ndim:
        add_rows(out, index.ravel(), np.reshape(g, (index.size, *shape[1:])))
    else:
        np.add.at(out, index, g)
    return out


def add_rows(out: np.ndarray, rows: np.ndarray, g: np.ndarray) -> None:
    """Add `g[i]` to `out[rows[i]]` for every i, by sorting: much faster than np.add.at for wide rows."""
    if not rows.size:
        return
    rows = np.where(rows < 0, rows + len(out), rows)
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    out[ordered[starts]] = np.add.reduceat(g[order], starts, axis=0)


@primitive(views=True, x=lambda g, x_shape, index: scatter(g, index=index, shape=x_shape))
def getitem(x, *, index):
    """Return x[index], for any index that NumPy takes (`x[index]` is the usual way to write it).

    >>> tg.ops.getitem(tg.tensor([1.0, 2.0, 3.0]), index=slice(0, 2))
    tensor([1., 2.])
    """
    return x[index]
