"""NumPy's statistics, differences, integrals and convolutions that are not in the table of operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import ops
from ..autograd import implements
from ..modes import warn
from ..tensor import Tensor, as_array, as_floating, as_tensor
from .arrays import sliding_window_view
from .inputs import floating, together

# ---------------------------------------------------------------------- without NaN


def _masked(a: Any, fill: Any) -> tuple[Tensor, np.ndarray]:
    """Return a Tensor with another value in place of NaN, and where there is none."""
    a = as_tensor(a)
    known = ~np.isnan(a._data)
    return (a if known.all() else ops.where(known, a, fill)), known


@implements(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Tensor:
    return np.sum(_masked(a, 0)[0], axis=axis, dtype=dtype, keepdims=keepdims)


@implements(np.nanprod)
def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Tensor:
    return np.prod(_masked(a, 1)[0], axis=axis, dtype=dtype, keepdims=keepdims)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
    result: Any = np.cumsum(_masked(a, 0)[0], axis=axis, dtype=dtype)
    return result


@implements(np.nancumprod)
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Tensor:
    result: Any = np.cumprod(_masked(a, 1)[0], axis=axis, dtype=dtype)
    return result


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Tensor:
    return _extreme(a, ops.max, -np.inf, axis, keepdims)


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Tensor:
    return _extreme(a, ops.min, np.inf, axis, keepdims)


def _extreme(a: Any, operation: Callable, fill: float, axis: Any, keepdims: bool) -> Tensor:
    filled, known = _masked(a, fill)
    if known.all():
        return operation(filled, axis=axis, keepdims=keepdims)
    some = known.any(axis=axis, keepdims=keepdims)
    return _or_nan(operation(filled, axis=axis, keepdims=keepdims), some)


def _or_nan(result: Tensor, some: Any) -> Tensor:
    """Return a result with NaN where there was nothing to compute it of, with NumPy's warning."""
    if np.all(some):
        return result
    warn("All-NaN slice encountered", RuntimeWarning)
    return ops.where(some, result, np.nan)


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Tensor:
    a = as_floating(as_tensor(a)) if dtype is None else ops.astype(as_tensor(a), dtype)
    filled, known = _masked(a, 0)
    n = known.sum(axis=axis, keepdims=keepdims)
    return _or_nan(ops.sum(filled, axis=axis, keepdims=keepdims) / np.maximum(n, 1).astype(a.real.dtype), n > 0)


@implements(np.nanvar)
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    a = as_floating(as_tensor(a)) if dtype is None else ops.astype(as_tensor(a), dtype)
    filled, known = _masked(a, 0)
    n = known.sum(axis=axis, keepdims=True)
    center = ops.sum(filled, axis=axis, keepdims=True) / np.maximum(n, 1).astype(a.real.dtype)
    d = ops.where(known, filled - center, 0)
    squares = ops.real(d * ops.conj(d)) if a.dtype.kind == "c" else d * d
    degrees = known.sum(axis=axis, keepdims=keepdims) - ddof
    total = ops.sum(squares, axis=axis, keepdims=keepdims) / np.where(degrees > 0, degrees, 1).astype(squares.dtype)
    return _or_nan(total, degrees > 0)


@implements(np.nanstd)
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    return ops.sqrt(nanvar(a, axis, dtype, None, ddof, keepdims))


@implements(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    if method != "linear":
        raise TypeError(f"np.nanquantile and np.nanpercentile take only method='linear' on Tensors, not {method!r}")
    a, q = as_floating(as_tensor(a)), as_array(q)
    if np.any((q < 0) | (q > 1)):
        raise ValueError("np.nanquantile: q must be from 0 to 1 (of np.nanpercentile, from 0 to 100)")
    axes = normalize_axis_tuple(range(a.ndim) if axis is None else axis, a.ndim)
    rest = [k for k in range(a.ndim) if k not in axes]
    outer = tuple([a.shape[k] for k in rest])
    rows = ops.reshape(ops.moveaxis(a, rest, range(len(rest))), (*outer, math.prod(a.shape[k] for k in axes)))
    if not rows.shape[-1]:
        rows = ops.full((*outer, 1), np.nan, dtype=a.dtype)
    ordered = ops.sort(rows, axis=-1)  # with NaN at the end
    n = (~np.isnan(rows._data)).sum(axis=-1)
    results = []
    for share in np.ravel(q):
        place = share * np.maximum(n - 1, 0)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(n - 1, 0))
        left, right = (ops.squeeze(ops.take_along_axis(ordered, k[..., None], axis=-1), axis=-1) for k in (low, high))
        results.append(left + (right - left) * (place - low).astype(a.dtype))
    whole = ops.reshape(ops.stack(results), (*q.shape, *outer))
    whole = _or_nan(whole, np.broadcast_to(n > 0, whole.shape))
    if keepdims:
        whole = ops.reshape(whole, (*q.shape, *(1 if k in axes else length for k, length in enumerate(a.shape))))
    return whole


@implements(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    return nanquantile(a, as_array(q) / 100, axis, None, overwrite_input, method, keepdims)


@implements(np.nanmedian)
def nanmedian(
    a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    return nanquantile(a, 0.5, axis, keepdims=keepdims)


# ---------------------------------------------------------------------- covariance


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Tensor:
    both = together(m) if y is None else together(m, y)
    x = ops.concatenate([_variables(part, rowvar) for part in both])
    x = x if dtype is None else ops.astype(x, dtype)
    ddof = ddof if ddof is not None else int(not bias)
    weights: Any = None
    if fweights is not None:
        _, weights = together(x, fweights)
        weights = ops.astype(weights, x.real.dtype)
    if aweights is not None:
        _, aweights = together(x, aweights)
        weights = aweights if weights is None else weights * aweights
    if weights is None:
        degrees: Any = x.shape[1] - ddof
        d = x - ops.mean(x, axis=1, keepdims=True)
        product = ops.matmul(d, ops.conj(ops.transpose(d)))
    else:
        total = ops.sum(weights)
        of_squares = total if aweights is None else ops.sum(weights * aweights) / total
        degrees = total - ddof * (of_squares if aweights is not None else 1)
        d = x - ops.sum(x * weights, axis=1, keepdims=True) / total
        product = ops.matmul(d * weights, ops.conj(ops.transpose(d)))
    if float(np.real(as_array(degrees))) <= 0:
        warn("Degrees of freedom <= 0 for slice", RuntimeWarning)
        degrees = 0.0
    return ops.squeeze(product / degrees)


def _variables(m: Any, rowvar: bool) -> Tensor:
    """Return variables as the rows of a matrix."""
    m = as_floating(m)
    if m.ndim > 2:
        raise ValueError(f"np.cov: the variables must be a vector or a matrix, and the shape is {m.shape}")
    if m.ndim < 2:
        return ops.reshape(m, (1, m.size))
    return m if rowvar or m.shape[0] == 1 else ops.transpose(m)


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    size = ops.sqrt(ops.real(ops.diagonal(c)))
    return c / size[:, None] / size


# ---------------------------------------------------------------------- differences and integrals


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    flat, begin, end = (
        ops.ravel(x) for x in together(ary, () if to_begin is None else to_begin, () if to_end is None else to_end)
    )
    return ops.concatenate([*([begin] if begin.size else []), flat[1:] - flat[:-1], *([end] if end.size else [])])


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    y, steps, x = floating(y, dx, dx if x is None else x)
    y = ops.moveaxis(y, normalize_axis_index(axis, y.ndim), -1)
    if x.ndim:
        x = x if x.ndim < 2 else ops.moveaxis(x, axis, -1)
        steps = x[..., 1:] - x[..., :-1]
    return ops.sum((y[..., 1:] + y[..., :-1]) * steps / 2, axis=-1)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f, *given = floating(f, *varargs)
    axes = range(f.ndim) if axis is None else normalize_axis_tuple(axis, f.ndim)
    if len(given) not in (0, 1, len(axes)):
        raise TypeError(f"np.gradient: there are {len(given)} spacings for {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"np.gradient: edge_order must be 1 or 2, not {edge_order}")
    spacings = (given or floating(f, 1.0)[1:]) * (len(axes) if len(given) < 2 else 1)
    results = []
    for k, spacing in zip(axes, spacings):
        if f.shape[k] < edge_order + 1:
            raise ValueError(f"np.gradient: axis {k} of shape {f.shape} has fewer than {edge_order + 1} elements")
        results.append(ops.moveaxis(_gradient(ops.moveaxis(f, k, -1), spacing, edge_order), -1, k))
    return results[0] if len(results) == 1 else tuple(results)


def _gradient(f: Tensor, spacing: Tensor, edge_order: int) -> Tensor:
    """Return the differences along the last axis: central ones inside, by NumPy's formulas at the ends."""
    n = f.shape[-1]
    if spacing.ndim > 1 or (spacing.ndim and spacing.size != n):
        raise ValueError(f"np.gradient: the coordinates {spacing.shape} must be a vector of {n} elements")
    h = spacing[1:] - spacing[:-1] if spacing.ndim else ops.broadcast_to(spacing, (n - 1,))
    a, b = h[:-1], h[1:]
    inner = -b / (a * (a + b)) * f[..., :-2] + (b - a) / (a * b) * f[..., 1:-1] + a / (b * (a + b)) * f[..., 2:]
    if edge_order == 1:
        first, last = (f[..., 1] - f[..., 0]) / h[0], (f[..., -1] - f[..., -2]) / h[-1]
    else:
        a, b = h[0], h[1]
        first = -(2 * a + b) / (a * (a + b)) * f[..., 0] + (a + b) / (a * b) * f[..., 1] - a / (b * (a + b)) * f[..., 2]
        a, b = h[-2], h[-1]
        last = b / (a * (a + b)) * f[..., -3] - (a + b) / (a * b) * f[..., -2]
        last = last + (2 * b + a) / (b * (a + b)) * f[..., -1]
    return ops.concatenate([first[..., None], inner, last[..., None]], axis=-1)


@implements(np.cumulative_sum)
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Tensor:
    return _cumulative(np.cumsum, x, axis, dtype, 0, include_initial)


@implements(np.cumulative_prod)
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Tensor:
    return _cumulative(np.cumprod, x, axis, dtype, 1, include_initial)


def _cumulative(function: Callable, x: Any, axis: int | None, dtype: Any, start: int, include_initial: bool) -> Tensor:
    x = ops.reshape(x, (1,)) if not x.ndim else x
    if axis is None and x.ndim != 1:
        raise ValueError(f"for an array of shape {x.shape} the axis must be given")
    axis = 0 if axis is None else normalize_axis_index(axis, x.ndim)
    dtype = function(np.ones(1, x.dtype), dtype=dtype).dtype  # small integers are summed with more bits, and go back
    result = ops.as_tensor(function(ops.as_tensor(x, dtype), axis=axis), dtype)
    if include_initial:
        shape = [1 if k == axis else length for k, length in enumerate(x.shape)]
        result = ops.concatenate(together(np.full(shape, start, result.dtype), result), axis=axis)
    return result


# ---------------------------------------------------------------------- convolution of sequences


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Tensor:
    a, v = _sequences("np.convolve", a, v)
    return _slid(*((v, a) if v.size > a.size else (a, v)), mode)


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Tensor:
    a, v = _sequences("np.correlate", a, v)
    v = ops.conj(v)
    if v.size <= a.size:
        return _slid(a, ops.flip(v), mode)
    return ops.flip(_slid(v, ops.flip(a), mode))


def _sequences(name: str, *inputs: Any) -> list[Tensor]:
    pair = [ops.reshape(x, (1,)) if not x.ndim else x for x in together(*inputs)]
    for x in pair:
        if x.ndim != 1 or not x.size:
            raise ValueError(f"{name}: a and v must be sequences of at least one element, and one has shape {x.shape}")
    return pair


def _slid(long: Tensor, short: Tensor, mode: str) -> Tensor:
    """Return the sums of products when a short sequence, turned round, slides over a long one."""
    m = short.size
    around = {"f": (m - 1, m - 1), "s": (m // 2, (m - 1) // 2), "v": (0, 0)}.get(str(mode)[:1])
    if around is None:
        raise ValueError(f"mode must be 'full', 'same' or 'valid', not {mode!r}")
    dtype = np.result_type(long.dtype, short.dtype)
    if dtype.kind == "f":
        sequence = ops.reshape(ops.pad(ops.astype(long, dtype), around), (1, 1, -1))
        kernel = ops.reshape(ops.flip(ops.astype(short, dtype)), (1, 1, -1))
        return ops.reshape(ops.conv1d(sequence, kernel), (-1,))
    return ops.matmul(sliding_window_view(ops.pad(long, around), m), ops.flip(short))
