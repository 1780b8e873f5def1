"""Sums, means and their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_tensor
from .manipulation import Axes

__all__ = [
    *("all", "any", "cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var", "matmul"),
    *("matrix_transpose", "tensordot", "vecdot"),
]


def sum(x: Any, /, *, axis: Axes | None = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum of the elements; that of integers has at least 64 bits.

    >>> tg.array_api.sum(tg.tensor([1, 2]), dtype=tg.float32)
    tensor(3.)
    """
    return _accumulated(ops.sum, x, axis, dtype, keepdims)


def prod(x: Any, /, *, axis: Axes | None = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the product of the elements; that of integers has at least 64 bits.

    >>> tg.array_api.prod(tg.tensor([2, 3]))
    tensor(6, dtype=int64)
    """
    return _accumulated(ops.prod, x, axis, dtype, keepdims)


def _accumulated(function: Callable, x: Any, axis: Any, dtype: Any, keepdims: bool) -> Tensor:
    found = function(ops.as_tensor(x, dtype), axis, keepdims)  # of small integers with more bits
    return ops.as_tensor(found, dtype)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Return the sums up to each element along an axis, with a 0 in front if `include_initial` is set.

    >>> tg.array_api.cumulative_sum(tg.tensor([1, 2, 3]))
    tensor([1, 3, 6], dtype=int64)
    """
    found: Any = np.cumulative_sum(as_tensor(x), axis=axis, dtype=dtype, include_initial=include_initial)
    return found


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Return the products up to each element along an axis, with a 1 in front if `include_initial` is set.

    >>> tg.array_api.cumulative_prod(tg.tensor([1, 2, 3]))
    tensor([1, 2, 6], dtype=int64)
    """
    found: Any = np.cumulative_prod(as_tensor(x), axis=axis, dtype=dtype, include_initial=include_initial)
    return found


def max(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return the largest element.

    >>> tg.array_api.max(tg.tensor([1, 3]))
    tensor(3, dtype=int64)
    """
    return ops.max(x, axis, keepdims)


def min(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element.

    >>> tg.array_api.min(tg.tensor([1, 3]))
    tensor(1, dtype=int64)
    """
    return ops.min(x, axis, keepdims)


def mean(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return the mean.

    >>> tg.array_api.mean(tg.tensor([1.0, 3.0]))
    tensor(2.)
    """
    return ops.mean(x, axis, keepdims)


def var(x: Any, /, *, axis: Axes | None = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the variance: the sum of squares of the deviations over n - correction.

    >>> tg.array_api.var(tg.tensor([1.0, 3.0]), correction=1)
    tensor(2.)
    """
    return ops.var(x, axis, correction, keepdims)


def std(x: Any, /, *, axis: Axes | None = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the standard deviation: the square root of the variance.

    >>> tg.array_api.std(tg.tensor([1.0, 3.0]))
    tensor(1.)
    """
    return ops.std(x, axis, correction, keepdims)


def all(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return whether all elements hold.

    >>> tg.array_api.all(tg.tensor([True, False]))
    tensor(False)
    """
    return ops.all(x, axis, keepdims)


def any(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return whether an element holds.

    >>> tg.array_api.any(tg.tensor([True, False]))
    tensor(True)
    """
    return ops.any(x, axis, keepdims)


# ---------------------------------------------------------------------- products


def matmul(x1: Any, x2: Any, /) -> Tensor:
    """Return the product of matrices.

    >>> tg.array_api.matmul(tg.ones(2, 3), tg.ones(3, 4)).shape
    (2, 4)
    """
    return ops.matmul(x1, x2)


def matrix_transpose(x: Any, /) -> Tensor:
    """Return matrices transposed.

    >>> tg.array_api.matrix_transpose(tg.ones(2, 3)).shape
    (3, 2)
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: x has shape {x.shape}; it must have at least two axes")
    return ops.swapaxes(x, -1, -2)


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Tensor:
    """Return the sum of products over axes of both arrays.

    >>> tg.array_api.tensordot(tg.ones(2, 3), tg.ones(3, 4), axes=1).shape
    (2, 4)
    """
    return ops.tensordot(x1, x2, axes)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Return the inner product along an axis; complex x1 are conjugated.

    >>> tg.array_api.vecdot(tg.ones(2, 3), tg.ones(3))
    tensor([3., 3.])
    """
    return np.vecdot(as_tensor(x1), x2, axis=axis)  # type: ignore[call-overload]
