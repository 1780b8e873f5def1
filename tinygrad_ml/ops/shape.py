"""Operations that arrange numbers anew without changing them: reshaping, permuting axes, broadcasting, turning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import primitive
from ..foreign_names import takes_foreign_names
from ..tensor import Tensor
from .index import scatter_flat

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_to",
    "diag",
    "diagonal",
    "expand_dims",
    "flip",
    "moveaxis",
    "ravel",
    "reshape",
    "roll",
    "rot90",
    "squeeze",
    "swapaxes",
    "trace",
    "transpose",
    "tril",
    "triu",
]


@primitive(np.reshape, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def reshape(x, *, shape):
    """Return the same elements in another shape; one length may be -1 and follows from the others.

    >>> tg.reshape(tg.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]], dtype=int64)
    """
    return np.reshape(x, shape)


@primitive(np.ravel, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def ravel(x):
    """Return the same elements in one axis.

    >>> tg.ravel(tg.ones((2, 2)))
    tensor([1., 1., 1., 1.])
    """
    return np.ravel(x)


def _back(axes: Any) -> Any:
    if axes is None:
        return None
    axes = np.atleast_1d(axes)
    return tuple(np.argsort(axes % len(axes)).tolist())


@primitive(np.transpose, np.permute_dims, views=True, x=lambda g, axes: np.transpose(g, _back(axes)))
def transpose(x, *, axes=None):
    """Return the elements with their axes in another order: that of `axes`, by default reversed.

    >>> tg.transpose(tg.ones((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    return np.transpose(x, axes)


@primitive(np.moveaxis, views=True, x=lambda g, source, destination: np.moveaxis(g, destination, source))
def moveaxis(x, *, source, destination):
    """Return the elements with the axis (or axes) `source` moved to `destination`; the others keep their order.

    >>> tg.moveaxis(tg.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return np.moveaxis(x, source, destination)


@primitive(np.swapaxes, views=True, x=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2))
def swapaxes(x, *, axis1, axis2):
    """Return the elements with two axes exchanged.

    >>> tg.swapaxes(tg.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    return np.swapaxes(x, axis1, axis2)


@primitive(np.expand_dims, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def expand_dims(x, *, axis):
    """Return the elements with new axes of length 1 at the positions `axis` of the result.

    >>> tg.expand_dims(tg.ones(3), 0).shape
    (1, 3)
    """
    return np.expand_dims(x, axis)


@primitive(np.squeeze, views=True, x=lambda g, x_shape: np.reshape(g, x_shape))
def squeeze(x, *, axis=None):
    """Return the elements without the axes of length 1 (or only without `axis`).

    >>> tg.squeeze(tg.ones((1, 3, 1))).shape
    (3,)
    """
    return np.squeeze(x, axis)


@primitive(np.broadcast_to, views=True, x=lambda g: g)
def broadcast_to(x, *, shape):
    """Return the elements repeated along axes of length 1 and new leading axes, to fill `shape`.

    >>> tg.broadcast_to(tg.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(x, shape)


def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """Return the arrays repeated to the one shape that they broadcast to.

    >>> [x.shape for x in tg.broadcast_arrays(tg.ones((2, 1)), tg.ones(3))]
    [(2, 3), (2, 3)]
    """
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple([broadcast_to(x, shape=shape) for x in arrays])


def _at_least(arrays: tuple, lengths: Any) -> Any:
    """Reshape every array to the lengths that belong to its shape; of one array return just that."""
    raised = tuple([reshape(x, shape=lengths(np.shape(x))) for x in arrays])
    return raised[0] if len(raised) == 1 else raised


def atleast_1d(*arrays: Any) -> Any:
    """Return each array with at least one axis; a number becomes an array of one element.

    >>> tg.atleast_1d(tg.tensor(3.0))
    tensor([3.])
    """
    return _at_least(arrays, lambda shape: shape or (1,))


def atleast_2d(*arrays: Any) -> Any:
    """Return each array with at least two axes; a vector becomes a matrix of one row.

    >>> tg.atleast_2d(tg.ones(3)).shape
    (1, 3)
    """
    return _at_least(arrays, lambda shape: (1,) * (2 - len(shape)) + shape)


def atleast_3d(*arrays: Any) -> Any:
    """Return each array with at least three axes; a vector (n,) becomes (1, n, 1), a matrix (n, m) (n, m, 1).

    >>> tg.atleast_3d(tg.ones(3)).shape
    (1, 3, 1)
    """
    return _at_least(arrays, lambda shape: ((1,) * (2 - len(shape)) + shape + (1,)) if len(shape) < 3 else shape)


# ---------------------------------------------------------------------- turning


@primitive(np.flip, views=True, x=lambda g, axis: np.flip(g, axis))
def flip(x, *, axis=None):
    """Return the elements in reversed order along `axis`, by default along all axes.

    >>> tg.flip(tg.tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """
    return np.flip(x, axis)


def _backwards(shift: Any) -> Any:
    return tuple([-n for n in shift]) if isinstance(shift, (tuple, list)) else -shift


@primitive(np.roll, cost="none", x=lambda g, shift, axis: np.roll(g, _backwards(shift), axis))
def roll(x, *, shift, axis=None):
    """Return the elements moved on by `shift` places along `axis`; what leaves at the end comes back at the start.

    >>> tg.roll(tg.tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """
    return np.roll(x, shift, axis)


@primitive(np.rot90, views=True, x=lambda g, k, axes: np.rot90(g, -k, axes))
def rot90(x, *, k=1, axes=(0, 1)):
    """Return the elements rotated `k` times by 90 degrees, from the first of the two `axes` towards the second.

    >>> tg.rot90(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    return np.rot90(x, k, axes)


# ---------------------------------------------------------------------- triangles and diagonals


@primitive(np.tril, cost="none", x=lambda g, k: np.tril(g, k))
def tril(x, *, k=0):
    """Return the lower triangle of the matrices (..., n, m), zeros above diagonal `k`.

    >>> tg.tril(tg.ones((2, 2)))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return np.tril(x, k)


@primitive(np.triu, cost="none", x=lambda g, k: np.triu(g, k))
def triu(x, *, k=0):
    """Return the upper triangle of the matrices (..., n, m), zeros below diagonal `k`.

    >>> tg.triu(tg.ones((2, 2)))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return np.triu(x, k)


def _undiagonal(g: Any, x_shape: tuple, offset: int, axis1: int, axis2: int) -> Any:
    """g on the diagonal"""
    positions = np.arange(math.prod(x_shape)).reshape(x_shape)
    return scatter_flat(g, np.diagonal(positions, offset, axis1, axis2), x_shape)


@primitive(np.diagonal, views=True, x=_undiagonal)
def diagonal(x, *, offset=0, axis1=0, axis2=1):
    """Return the diagonals over two axes, as the last axis of the result.

    >>> tg.diagonal(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    return np.diagonal(x, offset, axis1, axis2)


@takes_foreign_names("x")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sums of the diagonals over two axes.

    >>> tg.trace(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    return np.sum(diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)


def _undiag(g: Any, x_shape: tuple, k: int) -> Any:
    """g on the diagonal"""
    return np.diagonal(g, k) if len(x_shape) == 1 else _undiagonal(g, x_shape, k, 0, 1)


@primitive(np.diag, views=True, x=_undiag)
def diag(x, *, k=0):
    """Return the matrix with a vector on its diagonal `k`, or the diagonal `k` of a matrix as a vector.

    >>> tg.diag(tg.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return np.diag(x, k)
