"""What NumPy's functions do with batches: each is told where the axes are in the whole, which has one more in front."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .batched import Batched, Level, aligned, holds_batch, is_of, ndim_of, raised, reduction, shifted, spread


def _along(function: Callable, default: Any, *more: str) -> Callable:
    """Return a function that goes along one axis (None: through all elements), for batches."""

    def along(level: Level, x: Batched, axis: Any = default, **parameters: Any) -> Batched:
        if parameters.keys() - set(more):
            raise TypeError
        if axis is None:
            out = function(x.whole.reshape(level.size, x.size), axis=1, **parameters)
            return Batched(out.reshape((level.size, *(1,) * x.ndim)) if parameters.get("keepdims") else out, level)
        return Batched(function(x.whole, axis=shifted(axis, x.ndim), **parameters), level)

    return along


def _stacked(function: Callable) -> Callable:
    """Return a function of stacks of matrices (..., n, m), for batches."""

    def stacked(level: Level, x: Batched, *args: Any, **parameters: Any) -> Any:
        if x.ndim < 2 or holds_batch((args, parameters)):
            raise TypeError
        out = function(x.whole, *args, **parameters)
        if isinstance(out, tuple):
            parts = [Batched(part, level) for part in out]
            return type(out)(*parts) if hasattr(out, "_fields") else tuple(parts)
        return Batched(out, level)

    return stacked


def _reshape(level: Level, x: Batched, shape: Any, order: str = "C") -> Batched:
    lengths = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    if order != "C" or lengths.count(-1) > 1:
        raise TypeError
    if -1 in lengths:
        others = math.prod(n for n in lengths if n != -1)
        lengths[lengths.index(-1)] = x.size // others if others else -1
    if math.prod(lengths) != x.size:
        raise ValueError
    return Batched(x.whole.reshape((level.size, *lengths)), level)


def _transpose(level: Level, x: Batched, axes: Any = None) -> Batched:
    order = range(x.ndim)[::-1] if axes is None else axes
    return Batched(np.transpose(x.whole, (0, *shifted(tuple(order), x.ndim))), level)


def _expand_dims(level: Level, x: Batched, axis: Any) -> Batched:
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    return Batched(np.expand_dims(x.whole, shifted(tuple(several), x.ndim + len(several))), level)


def _squeeze(level: Level, x: Batched, axis: Any = None) -> Batched:
    if axis is None:
        axis = tuple([i for i, n in enumerate(x.shape) if n == 1])
    return Batched(np.squeeze(x.whole, shifted(axis, x.ndim)), level)


def _swapaxes(level: Level, x: Batched, axis1: int, axis2: int) -> Batched:
    return Batched(np.swapaxes(x.whole, shifted(axis1, x.ndim), shifted(axis2, x.ndim)), level)


def _moveaxis(level: Level, x: Batched, source: Any, destination: Any) -> Batched:
    return Batched(np.moveaxis(x.whole, shifted(source, x.ndim), shifted(destination, x.ndim)), level)


def _broadcast_to(level: Level, x: Batched, shape: Any) -> Batched:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if len(shape) < x.ndim:
        raise ValueError
    return Batched(np.broadcast_to(raised(x, len(shape)), (level.size, *shape)), level)


def _flip(level: Level, x: Batched, axis: Any = None) -> Batched:
    return Batched(np.flip(x.whole, shifted(tuple(range(x.ndim)) if axis is None else axis, x.ndim)), level)


def _roll(level: Level, x: Batched, shift: Any, axis: Any = None) -> Batched:
    if axis is None:
        return Batched(np.roll(x.whole.reshape(level.size, x.size), shift, 1).reshape(x.whole.shape), level)
    return Batched(np.roll(x.whole, shift, shifted(axis, x.ndim)), level)


def _where(level: Level, condition: Any, x: Any, y: Any) -> Batched:
    return Batched(np.where(*aligned(level, (condition, x, y))), level)


def _concatenate(level: Level, arrays: Sequence, axis: Any = 0) -> Batched:
    if axis is None:
        return _concatenate(level, [np.ravel(x) for x in arrays])
    ndim = ndim_of(arrays[0])
    return Batched(np.concatenate([spread(x, level) for x in arrays], shifted(axis, ndim)), level)


def _stack(level: Level, arrays: Sequence, axis: int = 0) -> Batched:
    return Batched(np.stack([spread(x, level) for x in arrays], shifted(axis, ndim_of(arrays[0]) + 1)), level)


def _take_along_axis(level: Level, x: Any, indices: Any, axis: Any = -1) -> Batched:
    if axis is None:
        return _take_along_axis(level, np.ravel(x), np.ravel(indices), 0)
    taken = np.take_along_axis(spread(x, level), spread(indices, level), shifted(axis, ndim_of(x)))
    return Batched(taken, level)


def _take(level: Level, x: Any, indices: Any, axis: Any = None) -> Batched:
    if holds_batch(indices):
        raise TypeError
    if axis is None:
        return Batched(np.take(x.whole.reshape(level.size, x.size), indices, 1), level)
    return Batched(np.take(x.whole, indices, shifted(axis, x.ndim)), level)


def _diagonal(level: Level, x: Batched, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Batched:
    return Batched(np.diagonal(x.whole, offset, shifted(axis1, x.ndim), shifted(axis2, x.ndim)), level)


def _einsum(level: Level, subscripts: Any, *operands: Any, **parameters: Any) -> Batched:
    if not isinstance(subscripts, str) or "." in subscripts or "->" not in subscripts:
        raise TypeError
    inputs, output = subscripts.replace(" ", "").split("->")
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in subscripts)
    terms = [letter + s if is_of(x, level) else s for s, x in zip(inputs.split(","), operands)]
    wholes = [x.whole if is_of(x, level) else x for x in operands]
    return Batched(np.einsum(f"{','.join(terms)}->{letter}{output}", *wholes, **parameters), level)


def _elementwise(function: Callable) -> Callable:
    """Return a function that goes element by element, for batches."""

    def elementwise(level: Level, *args: Any, **parameters: Any) -> Batched:
        if holds_batch(parameters):
            raise TypeError
        return Batched(function(*aligned(level, args), **parameters), level)

    return elementwise


def _transform(function: Callable) -> Callable:
    """Return a Fourier transform along one axis, for batches."""

    def transform(level: Level, x: Batched, n: Any = None, axis: int = -1, norm: Any = None) -> Batched:
        return Batched(function(x.whole, n, shifted(axis, x.ndim), norm), level)

    return transform


def _solve(level: Level, a: Any, b: Any) -> Any:
    if ndim_of(a) < 2 or not ndim_of(b):
        raise ValueError
    if ndim_of(b) == 1:
        return np.squeeze(_solve(level, a, np.expand_dims(b, -1)), -1)
    return Batched(np.linalg.solve(*aligned(level, (a, b))), level)


def _pad(level: Level, x: Batched, pad_width: Any, mode: Any = "constant", **parameters: Any) -> Any:
    if np.ndim(parameters.get("constant_values", 0)):
        raise TypeError
    widths = np.broadcast_to(pad_width, (x.ndim, 2))
    return Batched(np.pad(x.whole, np.concatenate([np.zeros((1, 2), int), widths]), mode, **parameters), level)


def _tile(level: Level, x: Batched, reps: Any) -> Batched:
    reps = tuple(reps) if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    missing = x.ndim - len(reps)
    return Batched(np.tile(raised(x, len(reps)), (1, *(1,) * missing, *reps)), level)


def _repeat(level: Level, x: Batched, repeats: Any, axis: Any = None) -> Batched:
    if axis is None:
        return Batched(np.repeat(x.whole.reshape(level.size, x.size), repeats, 1), level)
    return Batched(np.repeat(x.whole, repeats, shifted(axis, x.ndim)), level)


def _split(level: Level, x: Batched, indices_or_sections: Any, axis: int = 0) -> list[Batched]:
    return [Batched(part, level) for part in np.split(x.whole, indices_or_sections, shifted(axis, x.ndim))]


def _rot90(level: Level, x: Batched, k: int = 1, axes: Any = (0, 1)) -> Batched:
    return Batched(np.rot90(x.whole, k, shifted(tuple(axes), x.ndim)), level)


def _diag(level: Level, x: Batched, k: int = 0) -> Any:
    if x.ndim == 2:
        return np.diagonal(x, k)
    (n,), size = x.shape, x.size + abs(k)
    if not isinstance(x.whole, np.ndarray):
        raise TypeError
    out = np.zeros((level.size, size, size), x.dtype)
    out[:, np.arange(n) + max(-k, 0), np.arange(n) + max(k, 0)] = x.whole
    return Batched(out, level)


def _quantile(level: Level, x: Batched, q: Any, axis: Any = None, **parameters: Any) -> Batched:
    if parameters.keys() - {"keepdims"}:
        raise TypeError
    over = tuple(range(x.ndim)) if axis is None or not x.ndim else axis
    out = np.quantile(x.whole, q, axis=shifted(over, x.ndim), **parameters)
    return Batched(np.moveaxis(out, np.ndim(q), 0), level)


def _vector_norm(level: Level, x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    over = tuple(range(x.ndim)) if axis is None or not x.ndim else axis
    if isinstance(over, tuple) and len(over) > 1:  # NumPy's own flattens them
        others = [i for i in range(x.ndim) if i not in {k % x.ndim for k in over}]
        flat = np.reshape(np.transpose(x, [*others, *over]), (*[x.shape[i] for i in others], -1))
        out = _vector_norm(level, flat, axis=-1, ord=ord)
        return np.expand_dims(out, over) if keepdims else out
    axis = over[0] if isinstance(over, tuple) and over else over
    return Batched(np.linalg.vector_norm(x.whole, axis=shifted(axis, x.ndim), keepdims=keepdims, ord=ord), level)


FUNCTIONS: dict[Callable, Callable] = {
    **{np.reshape: _reshape, np.ravel: lambda level, x: _reshape(level, x, -1)},
    **{np.transpose: _transpose, np.swapaxes: _swapaxes, np.moveaxis: _moveaxis, np.expand_dims: _expand_dims},
    **{np.squeeze: _squeeze, np.broadcast_to: _broadcast_to, np.flip: _flip, np.roll: _roll, np.where: _where},
    **{np.concatenate: _concatenate, np.stack: _stack, np.take: _take, np.take_along_axis: _take_along_axis},
    **{np.diagonal: _diagonal, np.einsum: _einsum, np.copy: lambda level, x: x.copy()},
    **{np.real: lambda level, x: x.real, np.imag: lambda level, x: x.imag},
    **{f: reduction(f) for f in (np.sum, np.mean, np.max, np.min, np.prod, np.any, np.all, np.var, np.std)},
    **{f: _along(f, None) for f in (np.cumsum, np.cumprod)},
    **{f: _along(f, None, "keepdims") for f in (np.argmax, np.argmin)},
    np.clip: lambda level, x, low=None, high=None: Batched(np.clip(*aligned(level, (x, low, high))), level),
    **{f: _along(f, -1, "kind") for f in (np.argsort, np.sort)},
    **{f: _stacked(f) for f in (np.tril, np.triu, np.linalg.inv, np.linalg.det, np.linalg.slogdet)},
    **{f: _stacked(f) for f in (np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh, np.linalg.pinv)},
    **{f: _stacked(f) for f in (np.linalg.qr, np.linalg.svd, np.linalg.svdvals)},
    **{np.linalg.solve: _solve, np.linalg.vector_norm: _vector_norm},
    **{f: _elementwise(f) for f in (np.nan_to_num, np.round, np.around, np.sinc, np.isclose, np.angle)},
    **{f: _transform(f) for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft)},
    **{np.pad: _pad, np.tile: _tile, np.repeat: _repeat, np.split: _split, np.rot90: _rot90, np.diag: _diag},
    np.quantile: _quantile,
}
