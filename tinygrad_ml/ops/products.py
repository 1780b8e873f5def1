"""Products of matrices and vectors: matmul, einsum, and what NumPy builds of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from ..arrays import together
from ..autograd import conjugated, implements, primitive
from ..foreign_names import takes_foreign_names
from ..tensor import Tensor, as_array, as_tensor
from .einsum import _einsum

__all__ = ["dot", "inner", "kron", "matmul", "outer", "tensordot", "vdot"]


def _matmul_x(g: Any, x_shape: tuple, y: Any) -> Any:
    """g @ y.T"""
    if y.ndim == 1:  # a vector y is a matrix of one column
        return np.expand_dims(g, -1) * y
    if len(x_shape) == 1:  # a vector x is a matrix of one row
        return (np.expand_dims(g, -2) @ np.swapaxes(y, -1, -2)).reshape((*g.shape[:-1], *x_shape))
    return g @ np.swapaxes(y, -1, -2)


def _matmul_y(g: Any, x: Any, y_shape: tuple) -> Any:
    """x.T @ g"""
    if x.ndim == 1:
        if len(y_shape) == 1:
            return g * x
        return np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if len(y_shape) == 1:
        return (np.swapaxes(x, -1, -2) @ np.expand_dims(g, -1)).reshape((*g.shape[:-1], *y_shape))
    return np.swapaxes(x, -1, -2) @ g


def _matmul_cost(size: int, shapes: Sequence, parameters: dict) -> int:
    return 2 * size * (shapes[0][-1] if shapes[0] else 1)


@primitive(np.matmul, np.linalg.matmul, accumulates=True, cost=_matmul_cost, x=_matmul_x, y=_matmul_y)
def matmul(x, y):
    """Return the matrix product x @ y, over stacks of matrices (..., n, k) @ (..., k, m) and vectors.

    >>> tg.matmul(tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    try:
        return np.matmul(x, y)
    except ValueError:
        a, b = np.shape(x), np.shape(y)
        if not a or not b:
            raise ValueError("a number has no axis to sum over; use * instead of @") from None
        if a[-1] != b[-2:][0]:
            raise ValueError(f"{a} @ {b}: {a[-1]} and {b[-2:][0]} must be equal") from None
        raise ValueError(f"{a} @ {b}: the leading axes do not broadcast") from None


# ---------------------------------------------------------------------- products made of these


@implements(np.tensordot, np.linalg.tensordot)
@takes_foreign_names("x", "y")
def tensordot(x: Any, y: Any, axes: Any = 2) -> Tensor:
    """Return the sum of products over the last `axes` axes of x and the first of y, or over two lists of axes.

    >>> tg.tensordot(tg.ones((2, 3, 4)), tg.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
    (2, 5)
    """
    m, n = np.ndim(x), np.ndim(y)
    if isinstance(axes, (int, np.integer)):
        axes = range(m - axes, m), range(axes)
    of_x, of_y = ([a] if isinstance(a, (int, np.integer)) else list(a) for a in axes)
    lengths = [np.shape(x)[a] for a in of_x], [np.shape(y)[a] for a in of_y]
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"tensordot: {np.shape(x)} over axes {of_x} and {np.shape(y)} over axes {of_y}: "
            f"the lengths {lengths[0]} and {lengths[1]} must be equal"
        )
    first, second = ascii_letters[:m], list(ascii_letters[m : m + n])
    for a, b in zip(of_x, of_y):
        second[b] = first[a]
    output = [c for c in first if c not in second] + [c for c in second if c not in first]
    return _einsum(x, y, subscripts=f"{first},{''.join(second)}->{''.join(output)}")


@implements(np.dot)
@takes_foreign_names("x", "y")
def dot(x: Any, y: Any) -> Tensor:
    """Return the product of vectors and matrices; of more axes, the sum over the last of x and second last of y.

    >>> tg.dot(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    m, n = np.ndim(x), np.ndim(y)
    if not m or not n:
        return np.multiply(as_tensor(x), y)
    return matmul(x, y) if n <= 2 else tensordot(x, y, axes=(-1, -2))


@implements(np.inner)
@takes_foreign_names("x", "y")
def inner(x: Any, y: Any) -> Tensor:
    """Return the sum of products over the last axis of both.

    >>> tg.inner(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor(11.)
    """
    if not np.ndim(x) or not np.ndim(y):
        return np.multiply(as_tensor(x), y)
    return tensordot(x, y, axes=(-1, -1))


@implements(np.outer, np.linalg.outer)
@takes_foreign_names("x", "y")
def outer(x: Any, y: Any) -> Tensor:
    """Return the products of every number of x (n numbers) with every number of y (m numbers), of shape (n, m).

    >>> tg.outer(tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return _einsum(*map(np.ravel, _of_one_kind(x, y)), subscripts="i,j->ij")


def _of_one_kind(*inputs: Any) -> list[Tensor]:
    """Return inputs as Tensors, with what is none moved to the kind of the others."""
    return [as_tensor(x) for x in together(*(x if isinstance(x, Tensor) else as_array(x) for x in inputs))]


@implements(np.vdot)
@takes_foreign_names("x", "y")
def vdot(x: Any, y: Any) -> Tensor:
    """Return the sum of the products of all numbers of x, conjugated if they are complex, with those of y.

    >>> tg.vdot(tg.tensor([[1.0, 2.0]]), tg.tensor([[3.0], [4.0]]))
    tensor(11.)
    """
    x, y = _of_one_kind(x, y)
    return matmul(np.ravel(conjugated(x)), np.ravel(y))


@implements(np.kron)
@takes_foreign_names("x", "y")
def kron(x: Any, y: Any) -> Tensor:
    """Return the Kronecker product: every number of x times the whole of y, block by block.

    >>> tg.kron(tg.tensor([1.0, 10.0]), tg.tensor([1.0, 2.0, 3.0]))
    tensor([ 1.,  2.,  3., 10., 20., 30.])
    """
    x, y = _of_one_kind(x, y)
    n = max(x.ndim, y.ndim)
    x, y = (a.reshape((1,) * (n - a.ndim) + a.shape) for a in (x, y))
    first, second = ascii_letters[:n], ascii_letters[n : 2 * n]
    blocks = _einsum(x, y, subscripts=f"{first},{second}->{''.join(a + b for a, b in zip(first, second))}")
    return blocks.reshape(tuple(map(math.prod, zip(x.shape, y.shape))))
