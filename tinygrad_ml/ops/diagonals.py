"""Triangles and diagonals of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor
from .index import put_back


@primitive(np.tril, x=lambda g, k: np.tril(g, k))
def tril(x, *, k=0):
    """Return the lower triangle of the matrices (..., n, m), zeros above diagonal `k`.

    >>> tg.tril(tg.ones((2, 2)))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return np.tril(x, k)


@primitive(np.triu, x=lambda g, k: np.triu(g, k))
def triu(x, *, k=0):
    """Return the upper triangle of the matrices (..., n, m), zeros below diagonal `k`.

    >>> tg.triu(tg.ones((2, 2)))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return np.triu(x, k)


def _undiagonal(g: Any, x_shape: tuple, offset: int, axis1: int, axis2: int) -> Any:
    positions = np.arange(math.prod(x_shape)).reshape(x_shape)
    return put_back(g, np.diagonal(positions, offset, axis1, axis2), x_shape)


@primitive(np.diagonal, views=True, x=_undiagonal)
def diagonal(x, *, offset=0, axis1=0, axis2=1):
    """Return the diagonals over two axes, as the last axis of the result.

    >>> tg.diagonal(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    return np.diagonal(x, offset, axis1, axis2)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sums of the diagonals over two axes.

    >>> tg.trace(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    return np.sum(diagonal(x, offset=offset, axis1=axis1, axis2=axis2), axis=-1)


def _undiag(g: Any, x_shape: tuple, k: int) -> Any:
    return np.diagonal(g, k) if len(x_shape) == 1 else _undiagonal(g, x_shape, k, 0, 1)


@primitive(np.diag, views=True, x=_undiag)
def diag(x, *, k=0):
    """Return the matrix with a vector on its diagonal `k`, or the diagonal `k` of a matrix as a vector.

    >>> tg.diag(tg.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return np.diag(x, k)
