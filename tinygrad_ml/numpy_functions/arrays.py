"""NumPy's functions that join, cut, choose and arrange elements."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import ops
from ..autograd import implements
from ..tensor import Tensor, as_array, as_tensor
from .inputs import floating, together

# ---------------------------------------------------------------------- joining


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Tensor:
    arr, values = together(arr, values)
    if axis is None:
        arr, values, axis = ops.ravel(arr), ops.ravel(values), 0
    return ops.concatenate([arr, values], axis=axis)


@implements(np.column_stack)
def column_stack(tup: Sequence) -> Tensor:
    columns = together(*tup)
    return ops.concatenate([ops.reshape(x, (x.size, 1)) if x.ndim < 2 else x for x in columns], axis=1)


@implements(np.block)
def block(arrays: Any) -> Tensor:
    leaves = together(*_leaves(arrays))
    depth = _depth(arrays)
    return _joined(arrays, iter(leaves), max(depth, *(leaf.ndim for leaf in leaves)), depth)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise ValueError("np.block: the lists must all be nested equally deep, and none may be empty")
    return 1 + depths.pop()


def _leaves(arrays: Any) -> list:
    return [leaf for part in arrays for leaf in _leaves(part)] if isinstance(arrays, list) else [arrays]


def _joined(arrays: Any, leaves: Iterator[Tensor], ndim: int, level: int) -> Tensor:
    if not isinstance(arrays, list):
        x = next(leaves)
        return ops.reshape(x, (1,) * (ndim - x.ndim) + x.shape)
    return ops.concatenate([_joined(part, leaves, ndim, level - 1) for part in arrays], axis=-level)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    arr, values = together(arr, values)
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    axis = normalize_axis_index(axis, arr.ndim)
    values = ops.astype(values, arr.dtype)
    n = arr.shape[axis]
    places = np.arange(n)[obj] if isinstance(obj, slice) else as_array(obj)
    places = np.flatnonzero(places) if places.dtype == bool else places.astype(np.int64)
    if values.ndim < arr.ndim:
        values = ops.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if not places.ndim:
        values = ops.moveaxis(values, 0, axis)
    count = values.shape[axis] if places.size == 1 else places.size  # at a single place all values go in
    shape = [*arr.shape]
    shape[axis] = count
    order = np.insert(np.arange(n), places, np.arange(n, n + count))
    return ops.take(ops.concatenate([arr, ops.broadcast_to(values, tuple(shape))], axis=axis), order, axis=axis)


# ---------------------------------------------------------------------- cutting


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Tensor:
    arr = as_tensor(arr)
    if axis is None:
        arr, axis = ops.ravel(arr), 0
    places = obj if isinstance(obj, slice) else as_array(obj)
    return ops.take(arr, np.delete(np.arange(arr.shape[axis]), places), axis=axis)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Tensor:
    (places,) = np.nonzero(as_array(condition))
    return ops.take(a, places, axis=axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Tensor:
    (places,) = np.nonzero(np.ravel(as_array(condition)))
    return ops.take(arr, places)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    return ops.split(ary, indices_or_sections, axis=1 if ary.ndim > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    if ary.ndim < 2:
        raise ValueError(f"np.vsplit: the array must have at least two axes, and its shape is {ary.shape}")
    return ops.split(ary, indices_or_sections, axis=0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    if ary.ndim < 3:
        raise ValueError(f"np.dsplit: the array must have at least three axes, and its shape is {ary.shape}")
    return ops.split(ary, indices_or_sections, axis=2)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    if not x.ndim:
        raise ValueError("np.unstack: the array must have at least one axis")
    return tuple(ops.moveaxis(x, axis, 0))


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Tensor:
    x = as_tensor(filt)
    places = np.argwhere(x._data)
    chosen = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim)
    cut = [slice(None)] * x.ndim
    for k in chosen:
        first, last = (places[:, k].min(), places[:, k].max() + 1) if len(places) else (x.shape[k], x.shape[k])
        cut[k] = slice(first if "f" in trim.lower() else 0, last if "b" in trim.lower() else x.shape[k])
        if not len(places) and "f" not in trim.lower():
            cut[k] = slice(0, 0)
    return x[tuple(cut)]


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Tensor:
    lengths = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(axes) != len(lengths):
        raise ValueError(f"sliding_window_view: there are {len(lengths)} window lengths for {len(axes)} axes")
    for k, n in zip(axes, lengths):
        count = x.shape[k] - n + 1
        if n < 0 or count < 1:
            raise ValueError(f"sliding_window_view: a window of {n} does not fit axis {k} of shape {x.shape}")
        x = ops.moveaxis(ops.take(x, np.arange(count)[:, None] + np.arange(n), axis=k), k + 1, -1)
    return x


# ---------------------------------------------------------------------- arranging


@implements(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    return ops.astype(x, dtype)


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Tensor:
    return ops.diag(ops.ravel(as_tensor(v)), k=k)


@implements(np.fliplr)
def fliplr(m: Any) -> Tensor:
    if m.ndim < 2:
        raise ValueError(f"np.fliplr: the array must have at least two axes, and its shape is {m.shape}")
    return ops.flip(m, axis=1)


@implements(np.flipud)
def flipud(m: Any) -> Tensor:
    return ops.flip(m, axis=0)


@implements(np.matrix_transpose)
@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Tensor:
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: the array must have at least two axes, and its shape is {x.shape}")
    return ops.swapaxes(x, -1, -2)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    axis = normalize_axis_index(axis, a.ndim)
    start += a.ndim if start < 0 else 0
    if not 0 <= start <= a.ndim:
        raise ValueError(f"np.rollaxis: start is {start}, and must be from {-a.ndim} to {a.ndim}")
    return ops.moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Tensor:
    a = ops.ravel(as_tensor(a))
    if not a.size:
        return ops.zeros(new_shape, dtype=a.dtype)
    return ops.take(a, np.resize(np.arange(a.size), new_shape))


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Tensor:
    if axis is None:
        a, axis = ops.ravel(a), -1
    return ops.take_along_axis(a, np.argpartition(a._data, kth, axis=axis), axis=axis)


@implements(np.sort_complex)
def sort_complex(a: Any) -> Tensor:
    a = as_tensor(a)
    ordered = ops.take_along_axis(a, np.argsort(a._data, axis=-1), axis=-1)
    return ops.astype(ordered, np.sort_complex(a._data).dtype)


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    arr = as_tensor(arr)
    axis = normalize_axis_index(axis, arr.ndim)
    last = ops.moveaxis(arr, axis, -1)
    outer = last.shape[:-1]
    if 0 in outer:
        raise ValueError(f"np.apply_along_axis: there is nothing to apply the function to in the shape {arr.shape}")
    results = [as_tensor(func1d(last[place], *args, **kwargs)) for place in np.ndindex(*outer)]
    inner = results[0].shape
    whole = ops.reshape(ops.stack(results), (*outer, *inner))
    return ops.moveaxis(whole, range(len(outer), whole.ndim), range(axis, axis + len(inner))) if inner else whole


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable, a: Any, axes: Any) -> Tensor:
    a = as_tensor(a)
    n = a.ndim
    for axis in axes if np.iterable(axes) else (axes,):
        result = as_tensor(func(a, normalize_axis_index(axis, n)))
        a = result if result.ndim == n else ops.expand_dims(result, normalize_axis_index(axis, n))
    return a


# ---------------------------------------------------------------------- evenly spaced


@implements(np.linspace)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop = floating(start, stop)
    num = operator.index(num)
    shares = np.linspace(0, 1, num, endpoint).astype(np.result_type(start.dtype, stop.dtype, np.float16))
    shares = shares.reshape(-1, *[1] * max(start.ndim, stop.ndim))
    result = start * (1 - shares) + stop * shares
    result = ops.moveaxis(result, 0, axis) if axis else result
    result = result if dtype is None else ops.astype(result, dtype)
    parts = num - 1 if endpoint else num
    return (result, (stop - start) / parts if parts else np.nan) if retstep else result


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Tensor:
    start, stop, base = floating(start, stop, base)
    result = ops.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return result if dtype is None else ops.astype(result, dtype)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Tensor:
    start, stop = floating(start, stop)
    sign = np.sign(start._data)
    if not (sign * np.sign(stop._data) > 0).all():
        raise ValueError("np.geomspace: start and stop must have one sign, and not be 0")
    sizes = ops.exp(linspace(ops.log(start * sign), ops.log(stop * sign), num, endpoint))
    result = ops.moveaxis(sizes * sign, 0, axis) if axis else sizes * sign
    return result if dtype is None else ops.astype(result, dtype)


# ---------------------------------------------------------------------- writing


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    _check_written("np.copyto", dst)
    if not np.can_cast(as_tensor(src).dtype, dst.dtype, casting):
        raise TypeError(f"np.copyto: {as_tensor(src).dtype} does not go into {dst.dtype} by the rule {casting!r}")
    dst[...] = ops.where(as_array(where), src, dst)


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    _check_written("np.fill_diagonal", a)
    marks = np.zeros(a.shape, np.int64)
    np.fill_diagonal(marks, 1, wrap)
    places = np.nonzero(marks)
    a[places] = resize(ops.ravel(as_tensor(val)), len(places[0])) if np.ndim(as_array(val)) else val


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _check_written("np.put", a)
    places = as_array(ind).ravel()
    if mode == "raise" and ((places < -a.size) | (places >= a.size)).any():
        raise IndexError(f"np.put: ind holds numbers that are not from {-a.size} to {a.size - 1}")
    places = np.clip(places, 0, a.size - 1) if mode == "clip" else places % max(a.size, 1)
    a[np.unravel_index(places, a.shape)] = resize(v, len(places))


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    _check_written("np.place", arr)
    mask = np.asarray(as_array(mask), bool).reshape(arr.shape)
    arr[mask] = resize(vals, int(mask.sum()))


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    _check_written("np.putmask", a)
    mask = np.asarray(as_array(mask), bool)
    a[mask] = resize(values, a.shape)[mask]


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    _check_written("np.put_along_axis", arr)
    if axis is None:
        put(arr, indices, values)
        return
    indices = as_array(indices)
    place = list(np.ix_(*map(np.arange, indices.shape)))
    place[axis] = indices
    arr[tuple(place)] = values


def _check_written(name: str, x: Any) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} cannot write a Tensor's values into an array, where its gradient would be lost: make the array a "
            "Tensor, or use x.numpy()"
        )
