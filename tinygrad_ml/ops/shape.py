"""Operations that move numbers without changing them: reshaping, permuting, repeating, joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor


@primitive(np.reshape, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def reshape(x, *, shape):
    """Return the same numbers in another shape; one length may be -1 and follows from the others.

    >>> tg.reshape(tg.arange(6), (2, -1))
    tensor([[0., 1., 2.],
            [3., 4., 5.]])
    """
    return np.reshape(x, shape)


@primitive(np.ravel, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def ravel(x):
    """Return the same numbers in one axis.

    >>> tg.ravel(tg.ones((2, 2)))
    tensor([1., 1., 1., 1.])
    """
    return np.ravel(x)


def _back(axes: Any) -> Any:
    return None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]).tolist())


@primitive(np.transpose, np.permute_dims, views=True, x=lambda g, axes: np.transpose(g, _back(axes)))
def transpose(x, *, axes=None):
    """Return the numbers with their axes in another order: that of `axes`, by default reversed.

    >>> tg.transpose(tg.ones((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    return np.transpose(x, axes)


@primitive(np.swapaxes, views=True, x=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2))
def swapaxes(x, *, axis1, axis2):
    """Return the numbers with two axes exchanged.

    >>> tg.swapaxes(tg.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    return np.swapaxes(x, axis1, axis2)


@primitive(np.expand_dims, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def expand_dims(x, *, axis):
    """Return the numbers with new axes of length 1 at the positions `axis` of the result.

    >>> tg.expand_dims(tg.ones(3), 0).shape
    (1, 3)
    """
    return np.expand_dims(x, axis)


@primitive(np.squeeze, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def squeeze(x, *, axis=None):
    """Return the numbers without the axes of length 1 (or only without `axis`).

    >>> tg.squeeze(tg.ones((1, 3, 1))).shape
    (3,)
    """
    return np.squeeze(x, axis)


@primitive(np.broadcast_to, views=True, x=lambda g: g)
def broadcast_to(x, *, shape):
    """Return the numbers repeated along axes of length 1 and new leading axes, to fill `shape`.

    >>> tg.broadcast_to(tg.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(x, shape)


def _piece(g: Any, i: int, arrays_shape: Sequence, axis: int | None) -> Any:
    if axis is None:
        g, sizes = np.ravel(g), [int(np.prod(shape)) for shape in arrays_shape]
        return np.reshape(g[sum(sizes[:i]) : sum(sizes[: i + 1])], arrays_shape[i])
    lengths = [shape[axis] for shape in arrays_shape]
    start = sum(lengths[:i])
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, start + lengths[i]),)]


@primitive(arrays=_piece)
def _concatenate(*arrays, axis=0):
    return np.concatenate(arrays, axis)


def concatenate(arrays: Sequence, axis: int | None = 0) -> Tensor:
    """Join arrays along an existing axis; `axis=None` flattens them first.

    >>> tg.concatenate([tg.zeros(2), tg.ones(1)])
    tensor([0., 0., 1.])
    """
    return _concatenate(*arrays, axis=axis)


@primitive(arrays=lambda g, i, axis: g[(slice(None),) * (axis % g.ndim) + (i,)])
def _stack(*arrays, axis=0):
    return np.stack(arrays, axis)


def stack(arrays: Sequence, axis: int = 0) -> Tensor:
    """Join arrays of one shape along a new axis.

    >>> tg.stack([tg.zeros(2), tg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _stack(*arrays, axis=axis)
