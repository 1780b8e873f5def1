"""Products of many numbers, and running sums and products; right with zeros at every order of derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor
from .reduce import in_rows, restore_axes

__all__ = ["cumprod", "cumsum", "prod"]


def _prod_x(g: Any, x: Any, out: Any, axis: Any, keepdims: bool) -> Any:
    """g * out / x"""
    recorded = isinstance(x, Tensor)
    if recorded and x._data.all():
        return restore_axes(g * out, axis, keepdims) / x
    rows, back = in_rows(x, axis)
    n = rows.shape[-1]
    if recorded:  # the product of the others, written out, has derivatives of its own
        others = np.prod(np.where(np.eye(n, dtype=bool), 1, np.expand_dims(rows, -2)), axis=-1)
    else:
        others = np.ones_like(rows)  # the product of those before, times the product of those after
        others[..., 1:] = np.cumprod(rows[..., :-1], axis=-1)
        others[..., :-1] *= np.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1]
    return restore_axes(g, axis, keepdims) * back(others)


@primitive(np.prod, accumulates=True, cost="reduction", x=_prod_x)
def prod(x, *, axis=None, keepdims=False):
    """Return the product over `axis`. The derivative is the product of the other numbers, right also with zeros.

    >>> tg.prod(tg.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    return x.prod(axis=axis, keepdims=keepdims)


def _reversed(x: Any, axis: int) -> Any:
    return x[(slice(None),) * axis + (slice(None, None, -1),)]


def _sum_of_later(g: Any, axis: int) -> Any:
    """Return for each place the sum of g there and at all later places."""
    return _reversed(np.cumsum(_reversed(g, axis), axis=axis), axis)


def _cumsum_x(g: Any, x_shape: tuple, axis: int | None) -> Any:
    """the sum of g from here to the end"""
    return np.reshape(_sum_of_later(g, 0 if axis is None else axis % g.ndim), x_shape)


@primitive(np.cumsum, accumulates=True, cost="reduction", x=_cumsum_x)
def cumsum(x, *, axis=None):
    """Return the running sums along `axis`, or of all numbers in one row.

    >>> tg.cumsum(tg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 3., 6.])
    """
    return np.cumsum(x, axis=axis)


def _cumprod_x(g: Any, x: Any, out: Any, axis: int | None) -> Any:
    """the sum of g * out / x from here to the end"""
    if (x._data if isinstance(x, Tensor) else x).all():
        return np.reshape(_sum_of_later(g * out, 0 if axis is None else axis % g.ndim), x.shape) / x
    # Without a division: out[k] = before[i] * x[i] * (x[i+1] ... x[k]), summed backwards as in Horner's scheme
    rows = np.reshape(x, (1, -1)) if axis is None else np.swapaxes(x, axis, -1)
    g, out = (np.reshape(a, (1, -1)) if axis is None else np.swapaxes(a, axis, -1) for a in (g, out))
    sums = [g[..., -1]]
    for i in range(rows.shape[-1] - 2, -1, -1):
        sums.append(g[..., i] + rows[..., i + 1] * sums[-1])
    before = np.concatenate([np.ones((*rows.shape[:-1], 1), rows.dtype), out[..., :-1]], axis=-1)
    d = before * np.stack(sums[::-1], axis=-1)
    return np.reshape(d, x.shape) if axis is None else np.swapaxes(d, axis, -1)


@primitive(np.cumprod, accumulates=True, cost="reduction", x=_cumprod_x)
def cumprod(x, *, axis=None):
    """Return the running products along `axis`, or of all numbers in one row. The derivative is right with zeros.

    >>> tg.cumprod(tg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.])
    """
    return np.cumprod(x, axis=axis)
