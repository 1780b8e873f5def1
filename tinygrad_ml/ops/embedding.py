"""Looking up rows of a table; the derivative touches only these rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import is_other
from ..autograd import dispatch, primitive
from ..batched import Batched, Unbatchable, all_elements
from ..sparse import SparseRows
from ..tensor import Tensor, as_array, as_tensor
from .index import beside, getitem, scatter

__all__ = ["embedding"]


def _rows(
    g: Any,
    weight_shape: tuple,
    indices: np.ndarray,
    padding_idx: int | None,
    sparse: bool,
    scale_grad_by_freq: bool,
) -> Any:
    """g added up in the rows that were looked up"""
    indices = beside(indices, g)
    if scale_grad_by_freq:
        counts = np.bincount(indices.reshape(-1), minlength=weight_shape[0])[indices]
        g = g / counts.astype(g.dtype).reshape(indices.shape + (1,) * (len(weight_shape) - 1))
    if sparse and not isinstance(g, Tensor):
        rows, values = indices.reshape(-1), g.reshape(-1, *weight_shape[1:])
        if padding_idx is None:
            return SparseRows(rows, values.copy(), weight_shape)  # no two gradients share memory
        kept = np.flatnonzero(rows != padding_idx)
        return SparseRows(rows[kept], values[kept], weight_shape)
    if padding_idx is not None:
        g = np.where((indices != padding_idx).reshape(indices.shape + (1,) * (len(weight_shape) - 1)), g, 0)
    return dispatch(scatter, g, index=indices, shape=weight_shape)


@primitive(weight=_rows)
def _embedding(weight, *, indices, padding_idx=None, sparse=False, scale_grad_by_freq=False):
    """Return the rows of `weight` at the indices: weight[indices]; the row `padding_idx` gets no gradient.

    >>> tg.embedding(np.array([1, 0]), tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    return np.take(weight, beside(indices, weight), axis=0)


def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    sparse: bool = False,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
) -> Tensor:
    """Return the rows of a table: weight[input], of shape (*input.shape, *weight.shape[1:]).

    Parameters
    ----------
    input : integers, of any shape
        Which rows, from 0 to len(weight) - 1.
    weight : Tensor (rows, features)
        The table.
    padding_idx : int, optional
        The row that stands for nothing; it gets no gradient. A negative one counts from the end.
    sparse : bool
        Whether the gradient of a table that is a leaf is to be `SparseRows`, for tables with many more rows than a
        batch uses. A gradient that is itself to be differentiated (`create_graph`) is always dense.
    max_norm : float, optional
        Rows that are looked up and longer than this are shortened to it first, in the table itself, as in PyTorch.
    norm_type : float
        The p of the norm that `max_norm` limits.
    scale_grad_by_freq : bool
        Whether the gradient of each row is divided by how often the row is looked up.

    Raises
    ------
    TypeError, IndexError
        If `input` does not hold integers, or if one of them is not a row.
    ValueError
        If `max_norm` is given for a table that was computed, or is no Tensor: it could not be changed.

    Examples
    --------
    >>> tg.embedding(np.array([1, 0]), tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    table = as_tensor(weight)
    given = as_array(input)
    if given.dtype.kind not in "iu":
        raise TypeError(
            f"embedding: input must hold integers (rows of the table), and is {given.dtype}; use input.astype(int)"
        )
    indices = beside(all_elements(given).astype(np.intp, copy=False), table)
    if not table.ndim:
        raise ValueError("embedding: weight needs an axis of rows, and is a single number")
    n = table.shape[0]
    if indices.size and indices.view(np.uintp).max() >= n:  # a negative number is a large one there
        worst = indices[(indices < 0) | (indices >= n)].flat[0]
        raise IndexError(f"embedding: input holds {worst}, but weight of shape {table.shape} has the rows 0 to {n - 1}")
    if padding_idx is not None:
        if not -n <= padding_idx < n:
            raise IndexError(f"embedding: padding_idx is {padding_idx}, but weight has the rows 0 to {n - 1}")
        padding_idx %= n
    if not isinstance(sparse, (bool, np.bool_)):
        raise TypeError(f"embedding: sparse must be True or False, not {sparse!r}; give max_norm= by its name")
    if type(given) is Batched:  # each element has rows of its own
        if padding_idx is None and max_norm is None and not scale_grad_by_freq:
            return getitem(table, given)
        raise Unbatchable(given.level, "an embedding with more than a table")
    if max_norm is not None:
        _shorten(weight, indices, max_norm, norm_type)
    return _embedding(
        table,
        indices=indices,
        padding_idx=padding_idx,
        sparse=sparse and table.node is None and not is_other(table._data),
        scale_grad_by_freq=scale_grad_by_freq,
    )


def _shorten(weight: Tensor, indices: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale the rows of a table that are looked up and too long, in place."""
    if not isinstance(weight, Tensor) or weight.node is not None:
        raise ValueError(
            "embedding: max_norm changes the table itself, so weight must be a Tensor that was not computed from others"
        )
    rows = np.unique(indices)
    values = weight._data[rows]
    lengths = np.linalg.norm(values.reshape(len(rows), -1), norm_type, axis=1)
    long = lengths > max_norm
    if long.any():
        factor = (max_norm / (lengths[long] + 1e-7)).astype(values.dtype)
        weight._data[rows[long]] = values[long] * factor.reshape((-1,) + (1,) * (values.ndim - 1))
        weight._touch()
