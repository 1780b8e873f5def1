"""Statistics along axes: variance, quantiles, averages.

`axis` is an int, a tuple of ints, or None for all axes; `keepdims` keeps the reduced axes with length 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import is_other, like, on_host
from ..autograd import conjugated, implements, primitive
from ..batched import every
from ..foreign_names import takes_foreign_names
from ..tensor import Tensor, as_array, as_floating, from_owned
from . import reduce
from .reduce import axes_of, count, in_rows, restore_axes, size_of, smallest_root

__all__ = ["average", "median", "percentile", "ptp", "quantile", "std", "var"]


def _deviations(x: Any, axis: Any) -> Any:
    """x - mean(x)"""
    # exactly 0 when all elements are equal, however the mean is rounded
    values = x._data if isinstance(x, Tensor) else x
    axes = axes_of(axis, values.ndim)
    first = values[tuple([slice(0, 1) if i in axes else slice(None) for i in range(values.ndim)])]
    n = count(x.shape, axis)
    d = x - first
    d = d - np.sum(d, axis=axis, keepdims=True) / (n or math.nan)
    if n and not every(np.isfinite(d)) and every(np.isfinite(values)):  # differences or their sum overflowed
        factor = 4.0 * 2 ** n.bit_length()
        return _deviations(x / factor, axis) * factor
    return d


def _per_degree(x: Any, axis: Any, ddof: Any) -> float:
    """1 / n"""
    degrees = count(x.shape, axis) - ddof
    return 1 / degrees if degrees > 0 else math.inf


@primitive(
    np.var,
    floating=True,
    cost="reduction",
    x=lambda g, x, axis, ddof, keepdims: (
        restore_axes(g, axis, keepdims) * (2 * _per_degree(x, axis, ddof) * conjugated(_deviations(x, axis)))
    ),
)
def var(x, *, axis=None, ddof=0, keepdims=False):
    """Return the variance over `axis`: the sum of the squared sizes of the deviations from the mean, over n - ddof.

    When n <= ddof the sum is divided by 0.

    >>> tg.var(tg.tensor([1.0, 2.0, 3.0]), ddof=1)
    tensor(1.)
    """
    d = _deviations(x, axis)
    squares = d * d if d.dtype.kind != "c" else np.square(d.real) + np.square(d.imag)
    total, factor = np.sum(squares, axis=axis, keepdims=keepdims), _per_degree(x, axis, ddof)
    return total * factor if factor < math.inf else np.where(total > 0, np.inf, np.nan).astype(total.dtype)[()]


def _std_x(g: Any, x: Any, out: Any, axis: Any, ddof: Any, keepdims: bool) -> Any:
    """g * (x - mean(x)) / (n * out)"""
    broadcast_back = restore_axes(np.where(out == 0, np.inf, out), axis, keepdims)
    d = conjugated(_deviations(x, axis))
    return restore_axes(g, axis, keepdims) * (d / broadcast_back) * _per_degree(x, axis, ddof)


@primitive(np.std, floating=True, cost="reduction", x=_std_x)
def std(x, *, axis=None, ddof=0, keepdims=False):
    """Return the standard deviation over `axis`, the root of the variance. Where all are equal the derivative is 0.

    It is right also where the variance overflows or underflows.

    >>> tg.std(tg.tensor([1.0, 2.0, 3.0]), ddof=1)
    tensor(1.)
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        out = np.sqrt(var.primitive.forward(x, axis=axis, ddof=ddof, keepdims=keepdims))
    if every((out >= smallest_root(x.dtype)) & np.isfinite(out)):
        return out
    with np.errstate(over="ignore", invalid="ignore"):
        d = _deviations(x, axis)
        size = size_of(d, axis)
        squares = np.sum(np.square(np.abs(d / size)), axis=axis, keepdims=True) * _per_degree(x, axis, ddof)
        out = np.sqrt(squares) * size
    return out if keepdims else out.squeeze(axis)


def _quantile_x(g: Any, x: Any, q: Any, axis: Any, keepdims: bool) -> Any:
    """g by the weights of the two elements beside each quantile"""
    rows, back = in_rows(x._data if isinstance(x, Tensor) else x, axis)
    rank = np.argsort(np.argsort(rows, axis=-1, kind="stable"), axis=-1, kind="stable")
    levels = np.ravel(on_host(q) if is_other(q) else q)
    g = np.reshape(g, (levels.size, *g.shape[np.ndim(q) :]))
    total: Any = np.zeros_like(x)
    for i, level in enumerate(levels):
        position = level * (rows.shape[-1] - 1)
        low, high = math.floor(position), math.ceil(position)
        weights = np.where(rank == low, 1 - (position - low), np.where(rank == high, position - low, 0))
        total = total + restore_axes(g[i], axis, keepdims) * back(weights.astype(rows.dtype))
    return total


@primitive(np.quantile, floating=True, real_only=True, cost="reduction", x=_quantile_x)
def quantile(x, *, q, axis=None, keepdims=False):
    """Return the quantiles at the levels `q` in [0, 1] over `axis`, interpolated linearly between two numbers.

    These two share the gradient by their weights; of equal numbers, the first in their order are taken. With
    several levels, the first axis (or axes) of the result goes over them.

    >>> tg.quantile(tg.tensor([1.0, 2.0, 4.0]), [0.5, 0.75])
    tensor([2., 3.])
    """
    levels = np.asarray(on_host(q) if is_other(q) else q, float)
    levels = levels.tolist() if is_other(x) else levels
    return np.quantile(x, levels, axis=axis, keepdims=keepdims).astype(x.dtype)


@implements(np.percentile)
@takes_foreign_names("x")
def percentile(x: Any, q: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the quantiles at the levels `q` in percent over `axis`; see `quantile`.

    >>> tg.percentile(tg.tensor([1.0, 2.0, 4.0]), 75)
    tensor(3.)
    """
    return quantile(x, q=(q if is_other(q) else np.asarray(q)) / 100, axis=axis, keepdims=keepdims)


@implements(np.median)
@takes_foreign_names("x")
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the median over `axis`: the middle number, or the mean of the two in the middle; see `quantile`.

    >>> tg.median(tg.tensor([5.0, 1.0, 2.0]))
    tensor(2.)
    """
    return quantile(x, q=0.5, axis=axis, keepdims=keepdims)


@implements(np.ptp)
@takes_foreign_names("x")
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the range over `axis`, the largest number minus the smallest.

    >>> tg.ptp(tg.tensor([5.0, 1.0, 2.0]))
    tensor(4.)
    """
    return reduce.max(x, axis=axis, keepdims=keepdims) - reduce.min(x, axis=axis, keepdims=keepdims)


@implements(np.average)
@takes_foreign_names("x")
def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False, *, returned: bool = False) -> Any:
    """Return the mean over `axis`, weighted by `weights`.

    Parameters
    ----------
    x : (...)
    axis : int or tuple of ints, optional
        By default all axes.
    weights : array_like, optional
        Of the lengths of the axes in `axis`, in their order, or what broadcasts against x.
    returned : bool
        Whether to return the sum of the weights too.
    keepdims : bool

    Raises
    ------
    ZeroDivisionError
        If the weights sum to 0.

    Examples
    --------
    >>> tg.average(tg.tensor([1.0, 5.0]), weights=tg.tensor([3.0, 1.0]))
    tensor(2.)
    >>> tg.average(tg.tensor([[1.0, 5.0], [3.0, 3.0]]), axis=1, weights=[3, 1])
    tensor([2., 3.])
    """
    x, axis = as_floating(x), tuple(axis) if isinstance(axis, list) else axis
    if weights is None:
        mean = reduce.mean(x, axis=axis, keepdims=keepdims)
        return (mean, from_owned(like(x).full(mean.shape, x.size / (mean.size or 1), mean.dtype))) if returned else mean
    if isinstance(weights, (list, tuple)):
        weights = like(x).asarray(weights, x.dtype)
    if axis is not None and np.shape(weights) != x.shape:
        axes = normalize_axis_tuple(axis, x.ndim)
        if np.ndim(weights) == len(axes):
            lengths = tuple([x.shape[i] for i in axes])
            if np.shape(weights) != lengths:
                raise ValueError(
                    f"average: weights of shape {np.shape(weights)} do not fit the axes of length {lengths}"
                )
            across = tuple([i for i in range(x.ndim) if i not in axes])
            weights = np.expand_dims(np.transpose(weights, np.argsort(axes).tolist()), across)
    product = x * weights
    total = reduce.sum(np.broadcast_to(weights, x.shape), axis=axis, keepdims=keepdims)
    if not as_array(total).all():
        raise ZeroDivisionError("average: the weights sum to 0")
    mean = reduce.sum(product, axis=axis, keepdims=keepdims) / total.astype(product.dtype)
    return (mean, total.astype(product.dtype)) if returned else mean
