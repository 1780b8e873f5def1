"""Operations that take many numbers to few: sums, means, extremes, and the log-sum-exp.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` keeps the reduced axes with length 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import KINDS, extreme, like
from ..autograd import primitive
from ..batched import Batched
from ..tensor import Tensor

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "max", "mean", "min", "sum"]


def restore_axes(g: Any, axis: Any, keepdims: bool) -> Any:
    """Give a reduced gradient its reduced axes back, with length 1, so that it broadcasts against the input."""
    if axis is None or keepdims:
        return g
    return np.expand_dims(g, axis)


def broadcast_back(g: Any, shape: tuple, axis: Any, keepdims: bool) -> Any:
    """Repeat a reduced gradient over the axes that were reduced."""
    g = restore_axes(g, axis, keepdims)
    if isinstance(g, (Tensor, Batched)):
        return np.broadcast_to(g if g.ndim == len(shape) else g.reshape((1,) * len(shape)), shape)
    whole = (like(g) if KINDS else np).empty(shape, g.dtype)
    whole[...] = g
    return whole


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the reduced axes, counted from the front."""
    if axis is None or not ndim:  # NumPy's ufuncs take axis=0 and -1 of a number too
        return tuple(range(ndim))
    return tuple([i % ndim for i in axis]) if isinstance(axis, tuple) else (axis % ndim,)


def count(shape: tuple, axis: Any) -> int:
    """Return how many elements are reduced into one."""
    if not shape and axis is not None and not (isinstance(axis, tuple) and not axis):
        raise np.exceptions.AxisError(f"axis {axis} is out of bounds for a number, which has no axes; leave axis out")
    n = 1
    for i in axes_of(axis, len(shape)):
        n *= shape[i]
    return n


def smallest_root(dtype: np.dtype) -> Any:
    """Return the smallest number whose square has all its digits."""
    limits = np.finfo(dtype)
    return np.sqrt(limits.tiny / limits.eps)


def size_of(x: np.ndarray, axis: Any, smallest: bool = False) -> np.ndarray:
    """Return the largest absolute value over `axis`, to divide by before squaring; 1 where that would not help."""
    size = np.abs(x)
    which, initial = ("min", np.inf) if smallest else ("max", 0)
    size = extreme(size, which, axis, initial, keepdims=True)
    return np.where((size > 0) & np.isfinite(size), size, 1)


def in_rows(x: Any, axis: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return x with the reduced axes as one, the last, and the function that takes this back."""
    axes = axes_of(axis, x.ndim)
    order = [i for i in range(x.ndim) if i not in axes] + list(axes)
    moved = np.transpose(x, order)
    kept = x.ndim - len(axes)
    rows = np.reshape(moved, (*moved.shape[:kept], math.prod(moved.shape[kept:])))
    back = np.argsort(order).tolist()
    return rows, lambda y: np.transpose(np.reshape(y, moved.shape), back)


@primitive(
    np.sum,
    accumulates=True,
    cost="reduction",
    formula="g, repeated",
    x=lambda g, x_shape, axis, keepdims: broadcast_back(g, x_shape, axis, keepdims),
)
def sum(x, *, axis=None, keepdims=False):
    """Return the sum over `axis`.

    >>> tg.sum(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    return x.sum(axis=axis, keepdims=keepdims)


@primitive(
    np.mean,
    floating=True,
    cost="reduction",
    formula="g / n, repeated",
    x=lambda g, x_shape, axis, keepdims: broadcast_back(g / (count(x_shape, axis) or 1), x_shape, axis, keepdims),
)
def mean(x, *, axis=None, keepdims=False):
    """Return the arithmetic mean over `axis`.

    >>> tg.mean(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([2., 3.])
    """
    if not x.size:
        return x.mean(axis=axis, keepdims=keepdims)  # NaN, with NumPy's warning
    return x.sum(axis=axis, keepdims=keepdims) / count(x.shape, axis)


def _to_the_extreme(g: Any, x: Any, out: Any, axis: Any, keepdims: bool) -> Any:
    """g where x is the extreme (shared among ties), else 0"""
    hit = x == restore_axes(out, axis, keepdims)
    return np.where(hit, restore_axes(g, axis, keepdims) / np.sum(hit, axis=axis, keepdims=True), 0)


@primitive(np.max, np.amax, cost="reduction", real_only=True, x=_to_the_extreme)
def max(x, *, axis=None, keepdims=False):
    """Return the largest number over `axis`. Numbers that tie for it share the gradient equally.

    >>> tg.max(tg.tensor([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    tensor([2., 3.])
    """
    return x.max(axis=axis, keepdims=keepdims)


@primitive(np.min, np.amin, cost="reduction", real_only=True, x=_to_the_extreme)
def min(x, *, axis=None, keepdims=False):
    """Return the smallest number over `axis`. Numbers that tie for it share the gradient equally.

    >>> tg.min(tg.tensor([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    tensor([1., 0.])
    """
    return x.min(axis=axis, keepdims=keepdims)


amax, amin = max, min  # NumPy has both names


@primitive(np.argmax, cost="reduction", real_only=True, x=None)
def argmax(x, *, axis=None, keepdims=False):
    """Return the position of the largest number over `axis`, the first of equals; it has no derivative.

    >>> tg.argmax(tg.tensor([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    tensor([1, 0], dtype=int64)
    """
    return np.argmax(x, axis=axis, keepdims=keepdims)


@primitive(np.argmin, cost="reduction", real_only=True, x=None)
def argmin(x, *, axis=None, keepdims=False):
    """Return the position of the smallest number over `axis`, the first of equals; it has no derivative.

    >>> tg.argmin(tg.tensor([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    tensor([0, 1], dtype=int64)
    """
    return np.argmin(x, axis=axis, keepdims=keepdims)


@primitive(np.any, cost="reduction", x=None)
def any(x, *, axis=None, keepdims=False):
    """Return whether anything over `axis` holds; a constant.

    >>> tg.any(tg.tensor([False, True]))
    tensor(True)
    """
    return x.any(axis=axis, keepdims=keepdims)


@primitive(np.all, cost="reduction", x=None)
def all(x, *, axis=None, keepdims=False):
    """Return whether everything over `axis` holds; a constant.

    >>> tg.all(tg.tensor([False, True]))
    tensor(False)
    """
    return x.all(axis=axis, keepdims=keepdims)
