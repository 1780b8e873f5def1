"""Indexing, picking and sorting as NumPy does it; the derivative adds the gradient up at the places picked."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np

from ..arrays import KINDS, is_other, like, stands_in, together
from ..autograd import dispatch, primitive
from ..batched import Batched, Unbatchable, aligned, flat_places, innermost, picked, spread
from ..foreign_names import takes_foreign_names
from ..tensor import Tensor, as_array, from_owned, get_default_dtype

__all__ = [
    "add_at",
    "argsort",
    "getitem",
    "nonzero",
    "one_hot",
    "scatter",
    "searchsorted",
    "setitem",
    "sort",
    "take",
    "take_along_axis",
    "topk",
]


def normalised(index: Any) -> Any:
    """Replace Tensors and lists in an index by arrays of our own, and refuse what NumPy would misread."""
    if isinstance(index, (int, slice)) or index is None or index is Ellipsis:
        return index
    if isinstance(index, tuple):
        return tuple([normalised(part) for part in index])
    array = index._data if isinstance(index, Tensor) else index
    if not stands_in(array):
        array = np.array(as_array(array))
    elif array.dtype.kind in "iub":
        return array
    if array.dtype.kind == "f" and array.size == 0:
        array = array.astype(np.intp)
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"an index must be made of integers, slices or booleans, not of {array.dtype}"
            + ("; use index.astype(int)" if array.dtype.kind in "fc" else "")
        )
    if array.dtype.kind == "b":
        return array
    return array.astype(np.intp, copy=False) if array.ndim else int(array)


def is_basic(index: Any) -> bool:
    """Whether an index names every place at most once: no integer arrays."""
    return all(
        not (isinstance(part, (np.ndarray, Batched)) or (KINDS and is_other(part))) or part.dtype == bool
        for part in (index if isinstance(index, tuple) else (index,))
    )


def beside(index: Any, x: Any) -> Any:
    """Return an index with its arrays moved to the kind of x, if that is the array of another library."""
    if not KINDS:
        return index
    if isinstance(index, tuple):
        return tuple([beside(part, x) for part in index])
    return together(index, x)[0]


def places(index: Any, shape: tuple, x: Any) -> Any:
    """Return the flat positions of the elements that an index picks out of an array of that shape, as x is."""
    return like(x).arange(math.prod(shape)).reshape(shape)[index]


def _last_of(where: Any, size: int, x: Any) -> Any:
    """Return for each of several positions in an array the number of the last one that is the same."""
    if like(x) is np:
        last = np.empty(size, np.intp)
        last[where] = np.arange(where.size)
    else:  # many may be written at once
        last = like(x).zeros(size, np.intp)
        np.maximum.at(last, where, like(x).arange(where.size))
    return last[where]


def _all_integers(parts: tuple) -> bool:
    return all(type(part) is int or (isinstance(part, np.ndarray) and part.dtype != bool) for part in parts)


# ---------------------------------------------------------------------- x[index]


def _gather(g: Any, index: Any) -> Any:
    """g[index]"""
    return dispatch(_getitem, g, index=index)


@primitive(accumulates=True, cost="none", g=_gather)
def scatter(g, *, index, shape):
    """Return zeros of `shape` to which `g` is added at `index`: the derivative of indexing.

    >>> tg.ops.scatter(tg.ones(3), index=np.array([0, 0, 1]), shape=(3,))
    tensor([2., 1., 0.])
    """
    if type(g) is Batched or _differs(index):
        return _scatter_batch(g, index, shape)
    if KINDS:
        index = beside(index, g)
    if is_basic(index):
        out = (like(g) if KINDS else np).zeros(shape, g.dtype)
        out[index] = g
        return out
    parts = index if isinstance(index, tuple) else (index,)
    if len(parts) == 1:
        rows, taken = parts[0], 1
    elif _all_integers(parts):
        rows, taken = np.ravel_multi_index(np.broadcast_arrays(*parts), shape[: len(parts)], mode="wrap"), len(parts)
    else:
        rows, taken = places(index, shape, g), len(shape)
    length, width = math.prod(shape[:taken]), math.prod(shape[taken:])
    g = g if KINDS and is_other(g) else np.ascontiguousarray(g)
    return add_rows(shape, length, width, rows.reshape(-1), g.reshape(rows.size, width))


def _differs(index: Any) -> bool:
    """Whether an index is another one for each element of a batch."""
    return type(index) is Batched or (type(index) is tuple and any(type(part) is Batched for part in index))


def _scatter_batch(g: Any, index: Any, shape: tuple) -> Any:
    """Return what scatter gives for each element of a batch."""
    if type(g) is Batched and not _differs(index):
        with suppress(Unbatchable):
            return g.over_whole(lambda g, index: dispatch(scatter, g, index=index, shape=(len(g), *shape)), index)
    level, size = innermost((g, index)), math.prod(shape)
    flat = flat_places(index, shape, level)
    flat = flat + size * np.arange(level.size).reshape((-1,) + (1,) * (flat.ndim - 1))
    values = np.broadcast_to(spread(g, level), flat.shape)
    out = dispatch(scatter, np.reshape(values, -1), index=flat.reshape(-1), shape=(level.size * size,))
    return Batched(np.reshape(out, (level.size, *shape)), level)


def add_rows(shape: tuple, length: int, width: int, rows: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return zeros of `shape`, which are `length` rows, to which `g[i]` is added in row `rows[i]`, for every i.

    np.add.at is slow for whole rows and fast for single numbers. Of an embedding most rows are named once: these are
    written, and only those that collide are added. All is prepared before the zeros, which push the rest out of the
    processor's cache.
    """
    if KINDS and is_other(g):
        whole = like(g).zeros((length, width), g.dtype)
        np.add.at(whole, rows, g)
        return whole.reshape(shape)
    if not (length and width):
        return np.zeros(shape, g.dtype)
    added, some = rows, g
    if len(rows) < length:
        count = np.arange(len(rows), dtype=np.int32)
        last = np.empty(length, np.int32)
        last[rows] = count
        collided = (last.take(rows) != count).nonzero()[0]
        added, some = rows.take(collided), g.take(collided, 0)
    numbers = (added[:, None] * width + np.arange(width)).reshape(-1)
    out = np.zeros(shape, g.dtype)
    if len(rows) < length:
        row = np.dtype((np.void, width * g.itemsize))  # as one item a row moves faster
        out.reshape(length, width).view(row)[:, 0][rows] = g.view(row)[:, 0]
    np.add.at(out.reshape(-1), numbers, some.reshape(-1))
    return out


def scatter_flat(g: Any, positions: np.ndarray, shape: tuple) -> Any:
    """Return zeros of `shape` to which `g` is added at flat positions: the derivative of x.ravel()[positions]."""
    return np.reshape(dispatch(scatter, g, index=positions, shape=(math.prod(shape),)), shape)


@primitive(
    views=True,
    formula="g put back at the index",
    x=lambda g, x_shape, index: dispatch(scatter, g, index=index, shape=x_shape),
)
def _getitem(x, *, index):
    """Return x[index], for any index that NumPy takes (`x[index]` is the usual way to write it).

    An element that the index names several times collects the gradients of all its copies.

    >>> tg.ops.getitem(tg.tensor([1.0, 2.0, 3.0]), index=slice(0, 2))
    tensor([1., 2.])
    """
    if type(x) is Batched or _differs(index):
        return picked(x, index)
    if type(index) is type(x) is np.ndarray and index.dtype != bool and x.ndim and x.flags.c_contiguous:
        return x.take(index, 0)  # the same, but faster
    return x[beside(index, x) if KINDS else index]


def getitem(x: Any, index: Any) -> Tensor:
    """Return x[index], for any index that NumPy takes (`x[index]` is the usual way to write it).

    An element that the index names several times collects the gradients of all its copies.

    >>> tg.ops.getitem(tg.tensor([1.0, 2.0, 3.0]), [0, 0, 2])
    tensor([1., 1., 3.])
    """
    return _getitem(x, index=normalised(index))


def refuse_complex_into_real(x: Any, value: Any) -> None:
    """Raise if writing a value to a part of x would drop its imaginary part."""
    if x.dtype.kind != "c" and np.iscomplexobj(value):
        raise TypeError(
            f"cannot write a complex value into a Tensor of dtype {x.dtype}: convert the Tensor first with "
            ".astype(complex), or write the .real part"
        )


def _set_zero(g: Any, index: Any) -> Any:
    """g with 0 at the index"""
    return dispatch(_setitem, g, 0, index=index)


def _set_value(g: Any, x_shape: tuple, value_shape: tuple, index: Any) -> Any:
    """g[index]"""
    g = dispatch(_getitem, g, index=index)
    if not is_basic(index):
        where = places(beside(index, g), x_shape, g)
        last = _last_of(where.reshape(-1), math.prod(x_shape), g)  # of several values for one element, it stays
        g = np.where(last.reshape(where.shape) == like(g).arange(where.size).reshape(where.shape), g, 0)
    return _with_leading_ones(g, value_shape)


def _with_leading_ones(g: Any, shape: tuple) -> Any:
    """Give a gradient the leading axes of length 1 that a value has more than the place it is written to."""
    return np.reshape(g, (1,) * (len(shape) - g.ndim) + g.shape) if g.ndim < len(shape) else g


@primitive(cost="none", x=_set_zero, value=_set_value)
def _setitem(x, value, *, index):
    """Return a copy of x in which x[index] is replaced by `value` (`x[index] = value` uses it).

    When the index names an element several times, the last value stays, and only that one gets a gradient.

    >>> tg.ops.setitem(tg.zeros(3), 1.0, index=2)
    tensor([0., 0., 1.])
    """
    refuse_complex_into_real(x, value)
    if Batched in (type(x), type(value)) or _differs(index):
        return _set_batch(x, value, index)
    index, out = beside(index, x), np.copy(x, order="C") if is_other(x) else np.array(x, order="C")
    if is_basic(index):
        out[index] = value
    else:  # one element after the other, so that which value is the last does not depend on the memory layout
        where = places(index, out.shape, x)
        values = like(x).empty(where.shape, out.dtype)
        values[...] = value
        where, values = where.reshape(-1), values.reshape(-1)
        out.reshape(-1)[where] = values[_last_of(where, out.size, x)] if is_other(x) else values
    return out


def _set_batch(x: Any, value: Any, index: Any) -> Any:
    """Return what _setitem gives for each element of a batch."""
    level = innermost((x, value, index))
    whole = spread(x, level)
    if not isinstance(whole, np.ndarray):
        raise Unbatchable(level, "writing to a part of an array")
    out, flat = np.array(whole, order="C"), flat_places(index, np.shape(x), level)
    values = np.empty(flat.shape, out.dtype)
    ndim = flat.ndim - 1
    value = aligned(level, (_without_leading_ones(value, ndim),), ndim)[0]
    values[...] = value
    rows = np.arange(level.size)[:, None]
    out.reshape(level.size, -1)[rows, flat.reshape(level.size, -1)] = values.reshape(level.size, -1)
    return Batched(out, level)


def _without_leading_ones(value: Any, ndim: int) -> Any:
    """Return a value with no more axes than the place that it is written to."""
    more = np.ndim(value) - ndim
    return np.reshape(value, np.shape(value)[more:]) if more > 0 else value


def setitem(x: Any, value: Any, index: Any) -> Tensor:
    """Return a copy of x in which x[index] is replaced by `value` (`x[index] = value` uses it).

    When the index names an element several times, the last value stays, and only that one gets a gradient.

    >>> tg.ops.setitem(tg.zeros(3), 1.0, [0, 2])
    tensor([1., 0., 1.])
    """
    return _setitem(x, value, index=normalised(index))


@primitive(
    accumulates=True,
    cost="none",
    x=lambda g: g,
    value=lambda g, value_shape, index: _with_leading_ones(dispatch(_getitem, g, index=index), value_shape),
)
def _add_at(x, value, *, index):
    """Return a copy of x with `value` added at x[index], once for every time that the index names an element.

    >>> tg.add_at(tg.zeros(3), [0, 0, 2], 1.0)
    tensor([2., 0., 1.])
    """
    dtype = np.result_type(x, value)
    place = dispatch(_getitem, x, index=index).shape
    if Batched in (type(x), type(value)) or _differs(index):
        values = np.broadcast_to(_without_leading_ones(value, len(place)), place).astype(dtype)
    else:
        values = like(x, value).empty(place, dtype)
        values[...] = value
    return dispatch(scatter, values, index=index, shape=x.shape) + x


def add_at(x: Any, index: Any, value: Any) -> Tensor:
    """Return a copy of x with `value` added at x[index], once for every time that the index names an element.

    It is NumPy's `np.add.at` as a function of its arguments (scatter-add; PyTorch's `index_put(accumulate=True)`,
    of which `index_add` and `scatter_add` are special cases): any index, any value that broadcasts.

    >>> tg.add_at(tg.zeros(3), [0, 0, 2], 1.0)
    tensor([2., 0., 1.])
    """
    return _add_at(x, value, index=normalised(index))


# ---------------------------------------------------------------------- picking


def _indices(indices: Any) -> np.ndarray:
    return as_array(normalised(indices))


def _untake(g: Any, x_shape: tuple, indices: np.ndarray, axis: int | None) -> Any:
    """g added up at the indices"""
    if axis is None or not x_shape:
        return scatter_flat(g, indices, x_shape)
    return dispatch(scatter, g, index=(slice(None),) * (axis % len(x_shape)) + (indices,), shape=x_shape)


@primitive(cost="none", x=_untake)
def _take(x, *, indices, axis=None):
    """Return the elements (or the slices along `axis`) at several indices, in their order, repeated if they are.

    >>> tg.take(tg.tensor([1.0, 2.0, 3.0]), [2, 0, 2])
    tensor([3., 1., 3.])
    """
    return np.take(x, beside(indices, x), axis)


@takes_foreign_names("x")
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return the elements (or the slices along `axis`) at several indices; without `axis` x is flattened first.

    >>> tg.take(tg.tensor([1.0, 2.0, 3.0]), [2, 0, 2])
    tensor([3., 1., 3.])
    """
    places = _indices(indices)
    return _take(x, indices=places.astype(np.intp) if places.dtype == bool else places, axis=axis)  # not a mask


def _untake_along_axis(g: Any, x_shape: tuple, indices: np.ndarray, axis: int | None) -> Any:
    """g added up at the indices"""
    positions = like(g).arange(math.prod(x_shape)).reshape(x_shape)
    return scatter_flat(g, np.take_along_axis(positions, beside(indices, g), axis), x_shape)


@primitive(cost="none", x=_untake_along_axis)
def _take_along_axis(x, *, indices, axis=-1):
    """Return for every 1-d slice along `axis` the elements at the indices in the same slice of `indices`.

    >>> tg.take_along_axis(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), axis=1)
    tensor([[2.],
            [3.]])
    """
    return np.take_along_axis(x, beside(indices, x), axis)


@takes_foreign_names("x")
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """Return for every 1-d slice along `axis` the elements at the indices in the same slice of `indices`.

    >>> x = tg.tensor([[3.0, 1.0], [0.0, 5.0]])
    >>> tg.take_along_axis(x, tg.argsort(x), axis=-1)
    tensor([[1., 3.],
            [0., 5.]])
    """
    return _take_along_axis(x, indices=_indices(indices), axis=axis)


@takes_foreign_names("indices")
def one_hot(indices: Any, num_classes: int | None = None, *, dtype: Any = None) -> Tensor:
    """Return zeros of shape (*indices.shape, num_classes) with a 1 at every index, in the default float.

    Without `num_classes` the largest index is that of the last class. A constant: indices have no derivative.

    >>> tg.one_hot([1, 0], 3)
    tensor([[0., 1., 0.],
            [1., 0., 0.]])
    """
    indices = _indices(indices)
    if indices.dtype.kind == "b":
        raise IndexError("one_hot: the indices must be integers, not bools")
    if num_classes is None:
        num_classes = int(indices.max()) + 1 if indices.size else 0
    if indices.size and (indices.min() < 0 or indices.max() >= num_classes):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise IndexError(f"one_hot: index {wrong} is not one of the {num_classes} classes 0 ... {num_classes - 1}")
    hits = indices[..., None] == like(indices).arange(num_classes)
    return from_owned(hits.astype(dtype or get_default_dtype()))


@primitive(np.nonzero, cost="none", x=None)
def nonzero(x):
    """Return the indices of the elements that are not zero, one array for each axis; they have no derivative.

    >>> tg.nonzero(tg.tensor([0.0, 2.0, 3.0]))
    (tensor([1, 2], dtype=int64),)
    """
    return np.nonzero(x)


# ---------------------------------------------------------------------- sorting


def _unsort(g: Any, x_shape: tuple, order: np.ndarray, axis: int | None) -> Any:
    """g in the order of before the sorting"""
    k = 0 if axis is None else axis
    return np.reshape(np.take_along_axis(g, np.argsort(order, k), k), x_shape)


@primitive(np.sort, cost="none", real_only=True, residuals="order", x=_unsort)
def sort(x, *, axis=-1, kind="stable"):
    """Return the elements in ascending order along `axis` (None: of the flattened array), NaN last.

    The order is stable, whatever `kind` NumPy is asked for: among equal numbers, the gradient of the k-th one in the
    result goes to the k-th one in x.

    >>> tg.sort(tg.tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.])
    """
    if axis is None:
        x, axis = np.ravel(x), 0
    order = np.argsort(x, axis, kind="stable")
    return np.take_along_axis(x, order, axis), order


@primitive(np.argsort, cost="none", real_only=True, x=None)
def argsort(x, *, axis=-1, kind="stable"):
    """Return the indices that would sort x along `axis`, equal numbers in their order; they have no derivative.

    >>> tg.argsort(tg.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0], dtype=int64)
    """
    return np.argsort(x, axis, kind="stable")


@takes_foreign_names("x")
def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """Return the k largest (or smallest) numbers along `axis` with their indices, the largest (smallest) first.

    Of equal numbers the first ones are taken, and get the gradient. NaN counts as the largest, as in PyTorch.

    >>> values, indices = tg.topk(tg.tensor([1.0, 5.0, 3.0]), 2)
    >>> values, indices
    (tensor([5., 3.]), tensor([1, 2], dtype=int64))
    """
    array = x._data if isinstance(x, Tensor) else as_array(x)
    if array.dtype.kind == "c":
        raise TypeError("topk is not defined for complex numbers: choose by their .real or tg.abs(x)")
    n = array.shape[axis] if array.ndim else 0
    if not 0 <= k <= n:
        raise ValueError(f"topk: k is {k}, but axis {axis} of shape {array.shape} has {n} elements")
    if largest:  # the reversed order of the reversed array: equal numbers stay in their order
        order = n - 1 - np.flip(np.argsort(np.flip(array, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(array, axis, kind="stable")
    order = np.take(order, like(order).arange(k), axis)
    return _take_along_axis(x, indices=order, axis=axis), from_owned(order)


@primitive(np.searchsorted, cost="none", real_only=True, a=None, v=None)
def searchsorted(a, v, *, side="left"):
    """Return where the values `v` would have to stand in the ascending array `a`; without a derivative.

    >>> tg.searchsorted(tg.tensor([1.0, 2.0, 3.0]), tg.tensor([2.5, 0.0]))
    tensor([2, 0], dtype=int64)
    """
    return np.searchsorted(a, v, side)
