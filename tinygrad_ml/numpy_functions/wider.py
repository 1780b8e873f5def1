"""Arguments of NumPy's functions that the operations do not have: masks, starting values, orders, methods, modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import ops
from ..ops.numpy_protocol import WIDER
from ..tensor import Tensor, as_array, as_tensor


def wider(operation: Callable) -> Callable[[Callable], Callable]:
    """Let a function compute what NumPy asks of an operation with arguments that it does not have: a decorator."""

    def register(function: Callable) -> Callable:
        WIDER[operation] = function
        return function

    return register


def _where(a: Any, where: Any, otherwise: float) -> Tensor:
    """Return a Tensor with another value where a mask is False."""
    a = as_tensor(a)
    return a if where is True else ops.where(np.broadcast_to(as_array(where), a.shape), a, otherwise)


def _number_of(a: Tensor, axis: Any, where: Any) -> Any:
    """Return how many elements a mask leaves along some axes, which stay with the length 1."""
    return np.sum(np.broadcast_to(as_array(where), a.shape), axis=axis, keepdims=True, dtype=a.dtype)


def _without(a: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """Return a Tensor without the axes of length 1 that were reduced."""
    if keepdims:
        return a
    return ops.squeeze(a, axis=tuple(range(a.ndim)) if axis is None else axis)


# ---------------------------------------------------------------------- reductions


@wider(ops.sum)
def sum_where(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = 0, where: Any = True) -> Tensor:
    return ops.sum(_where(a, where, 0), axis=axis, keepdims=keepdims) + initial


@wider(ops.prod)
def prod_where(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = 1, where: Any = True) -> Tensor:
    return ops.prod(_where(a, where, 1), axis=axis, keepdims=keepdims) * initial


def _extreme(name: str, reduction: Callable, larger: Callable, nothing: float) -> Callable:
    def of(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        if initial is None:
            raise ValueError(f"np.{name} with where= needs initial=, which is the result where nothing is left")
        a = _where(a, where, nothing)
        out = reduction(a, axis=axis, keepdims=keepdims) if a.size else ops.full(np.sum(a._data, axis).shape, nothing)
        return larger(out, initial)

    return of


WIDER[ops.max] = _extreme("max", ops.max, ops.maximum, -np.inf)
WIDER[ops.min] = _extreme("min", ops.min, ops.minimum, np.inf)


@wider(ops.mean)
def mean_where(a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
    a = as_tensor(a)
    total = ops.sum(_where(a, where, 0), axis=axis, keepdims=True)
    return _without(total / _number_of(a, axis, where), axis, keepdims)


@wider(ops.var)
def var_where(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
    a = as_tensor(a)
    d = _where(a - mean_where(a, axis, True, where), where, 0)
    squares = ops.sum(ops.square(d), axis=axis, keepdims=True)
    return _without(squares / (_number_of(a, axis, where) - ddof), axis, keepdims)


@wider(ops.std)
def std_where(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
    return ops.sqrt(var_where(a, axis, ddof, keepdims, where))


@wider(ops.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, method: Any = "linear", keepdims: bool = False, overwrite_input: bool = False
) -> Tensor:
    """By the elements beside each quantile: the method decides where between them it lies."""
    a, q = as_tensor(a), np.asarray(as_array(q))
    axes = normalize_axis_tuple(range(a.ndim) if axis is None else axis, a.ndim)
    rest = [k for k in range(a.ndim) if k not in axes]
    rows = ops.reshape(ops.transpose(a, [*rest, *axes]), (*(a.shape[k] for k in rest), -1))
    n = rows.shape[-1]
    place = np.quantile(np.arange(n, dtype=np.float64), q, method=method)  # as these numbers are their own places
    low, high = np.floor(place).astype(np.intp), np.ceil(place).astype(np.intp)
    share = (place - low).astype(a.dtype)
    ordered = ops.sort(rows, axis=-1)
    out = ops.take(ordered, low, axis=-1) * (1 - share) + ops.take(ordered, high, axis=-1) * share
    lost = np.reshape(np.isnan(rows._data).any(axis=-1), (*rows.shape[:-1], *(1,) * q.ndim))
    out = ops.where(lost, np.nan, out) if lost.any() else out
    out = ops.moveaxis(out, tuple(range(len(rest), len(rest) + q.ndim)), tuple(range(q.ndim)))
    if keepdims:
        out = ops.reshape(out, (*q.shape, *(1 if k in axes else a.shape[k] for k in range(a.ndim))))
    return out


@wider(ops.percentile)
def percentile(
    a: Any, q: Any, axis: Any = None, method: Any = "linear", keepdims: bool = False, overwrite_input: bool = False
) -> Tensor:
    return quantile(a, np.asarray(as_array(q)) / 100, axis, method, keepdims)


@wider(ops.median)
def median(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Tensor:
    return ops.median(a, axis=axis, keepdims=keepdims)


# ---------------------------------------------------------------------- places and shapes


@wider(ops.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
    a, places = as_tensor(a), as_array(indices)
    n = a.size if axis is None else a.shape[axis]
    if mode == "raise":
        return ops.take(a, places, axis)
    if mode not in ("wrap", "clip"):
        raise ValueError(f"np.take: mode must be 'raise', 'wrap' or 'clip', not {mode!r}")
    return ops.take(a, places % n if mode == "wrap" else np.clip(places, 0, n - 1), axis)


def _columns_first(a: Tensor, order: str) -> bool:
    """Whether an order means that the first index changes fastest."""
    if order not in ("C", "F", "A", "K"):
        raise ValueError(f"order must be one of 'C', 'F', 'A' or 'K', not {order!r}")
    flags = np.asarray(as_array(a)).flags
    return order == "F" or (order in ("A", "K") and flags.f_contiguous and not flags.c_contiguous)


@wider(ops.reshape)
def reshape(a: Any, shape: Any, order: str = "C", copy: bool | None = None) -> Tensor:
    a = as_tensor(a)
    if not _columns_first(a, order):
        return ops.reshape(a, shape)
    lengths = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return ops.transpose(ops.reshape(ops.transpose(a), lengths[::-1]))


@wider(ops.ravel)
def ravel(a: Any, order: str = "C") -> Tensor:
    a = as_tensor(a)
    return ops.ravel(ops.transpose(a) if _columns_first(a, order) else a)


# ---------------------------------------------------------------------- margins

STATISTICS: dict[str, Any] = {"mean": np.mean, "median": np.median, "maximum": np.max, "minimum": np.min}


@wider(ops.pad)
def pad(
    array: Any,
    pad_width: Any,
    mode: Any = "constant",
    *,
    constant_values: Any = 0,
    stat_length: Any = None,
    end_values: Any = 0,
    reflect_type: str = "even",
) -> Tensor:
    """One axis after the other, as NumPy does, so that corners come from margins."""
    x = as_tensor(array)
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - x.ndim, (0, 0))) for k in range(x.ndim)]
        pad_width = [(width, width) if isinstance(width, int) else width for width in pad_width]
    widths = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    if mode in STATISTICS:
        lengths: Any = [(None, None)] * x.ndim if stat_length is None else np.broadcast_to(stat_length, (x.ndim, 2))
        return _by_axes(x, widths, lambda x, axis, side, n: _level(x, axis, side, n, STATISTICS[mode], lengths[axis]))
    if mode == "linear_ramp":
        ends = np.broadcast_to(end_values, (x.ndim, 2))
        return _by_axes(x, widths, lambda x, axis, side, n: _ramp(x, axis, side, n, ends[axis][side]))
    if mode in ("reflect", "symmetric") and reflect_type == "odd":
        if any(max(width) > n - (mode == "reflect") for width, n in zip(widths, x.shape)):
            raise ValueError("np.pad with reflect_type='odd' takes margins that are shorter than the array")
        return _by_axes(x, widths, lambda x, axis, side, n: _turned(x, axis, side, n, mode == "reflect"))
    return ops.pad(
        x, pad_width=widths, mode=mode, **({"constant_values": constant_values} if mode == "constant" else {})
    )


def _by_axes(x: Tensor, widths: list, margin: Callable) -> Tensor:
    """Return an array with the margins that a function gives for (array, axis, side, width)."""
    for axis, (before, after) in enumerate(widths):
        parts = [margin(x, axis, 0, before)] if before else []
        parts += [x, margin(x, axis, 1, after)] if after else [x]
        x = ops.concatenate(parts, axis=axis)
    return x


def _along(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _turned(x: Tensor, axis: int, side: int, n: int, without_edge: bool) -> Tensor:
    """The elements beside an edge, mirrored at it and turned around its value."""
    size, skip = x.shape[axis], int(without_edge)
    part = _along(x, axis, skip, n + skip) if side == 0 else _along(x, axis, size - n - skip, size - skip)
    edge = _along(x, axis, 0, 1) if side == 0 else _along(x, axis, size - 1, size)
    return 2 * edge - ops.flip(part, axis)


def _level(x: Tensor, axis: int, side: int, n: int, statistic: Callable, lengths: Any) -> Tensor:
    """A statistic of the elements beside an edge, n times."""
    size = x.shape[axis]
    length = size if lengths[side] is None else min(int(lengths[side]), size)
    part = _along(x, axis, 0, length) if side == 0 else _along(x, axis, size - length, size)
    return ops.repeat(statistic(part, axis=axis, keepdims=True), n, axis=axis)


def _ramp(x: Tensor, axis: int, side: int, n: int, end: Any) -> Tensor:
    """Even steps from a value at the end to the edge."""
    size = x.shape[axis]
    edge = _along(x, axis, 0, 1) if side == 0 else _along(x, axis, size - 1, size)
    shares = np.arange(n, dtype=x.dtype) / n  # from the end, which is at 0, towards the edge
    shares = np.reshape(shares if side == 0 else shares[::-1], [-1 if k == axis else 1 for k in range(x.ndim)])
    return edge * shares + np.asarray(end, x.dtype) * (1 - shares)
