"""Other shapes and orders of the same elements; searching, sorting, and sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..ops.index import getitem
from ..ops.reduce import axes_of
from ..tensor import Tensor, as_array, as_tensor, from_owned

__all__ = [
    *("concat", "expand_dims", "flip", "moveaxis", "permute_dims", "repeat", "reshape", "roll", "squeeze", "stack"),
    *("tile", "unstack", "take", "take_along_axis", "argmax", "argmin", "nonzero", "count_nonzero", "searchsorted"),
    *("where", "argsort", "sort", "unique_all", "unique_counts", "unique_inverse", "unique_values", "isin", "diff"),
]

Axes = int | tuple[int, ...]


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Tensor:
    """Return arrays joined along an axis that they have; with None, their elements in one row.

    >>> tg.array_api.concat([tg.ones(1), tg.zeros(2)])
    tensor([1., 0., 0.])
    """
    arrays = list(arrays)
    return ops.concatenate([ops.ravel(x) for x in arrays] if axis is None else arrays, axis or 0)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Tensor:
    """Return arrays of one shape joined along a new axis.

    >>> tg.array_api.stack([tg.ones(2), tg.zeros(2)]).shape
    (2, 2)
    """
    return ops.stack(list(arrays), axis)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the parts of x along an axis, without that axis.

    >>> tg.array_api.unstack(tg.tensor([1.0, 2.0]))
    (tensor(1.), tensor(2.))
    """
    return tuple(ops.moveaxis(x, axis, 0))


def expand_dims(x: Any, /, axis: Axes = 0) -> Tensor:
    """Return x with a new axis of length 1.

    >>> tg.array_api.expand_dims(tg.ones(2), axis=1).shape
    (2, 1)
    """
    return ops.expand_dims(x, axis)


def squeeze(x: Any, /, axis: Axes) -> Tensor:
    """Return x without axes of length 1.

    >>> tg.array_api.squeeze(tg.ones(1, 2), 0).shape
    (2,)
    """
    return ops.squeeze(x, axis)


def flip(x: Any, /, *, axis: Axes | None = None) -> Tensor:
    """Return the elements in reverse order along axes.

    >>> tg.array_api.flip(tg.tensor([1, 2]))
    tensor([2, 1], dtype=int64)
    """
    return ops.flip(x, axis)


def moveaxis(x: Any, source: Axes, destination: Axes, /) -> Tensor:
    """Return x with axes at other places.

    >>> tg.array_api.moveaxis(tg.ones(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    return ops.moveaxis(x, source, destination)


def permute_dims(x: Any, /, axes: tuple[int, ...]) -> Tensor:
    """Return x with its axes in another order.

    >>> tg.array_api.permute_dims(tg.ones(2, 3), (1, 0)).shape
    (3, 2)
    """
    return ops.transpose(x, axes)


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Return each element, or each part along an axis, several times.

    >>> tg.array_api.repeat(tg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2], dtype=int64)
    """
    return ops.repeat(x, as_array(repeats) if isinstance(repeats, Tensor) else repeats, axis)


def tile(x: Any, repetitions: tuple[int, ...], /) -> Tensor:
    """Return x several times, side by side.

    >>> tg.array_api.tile(tg.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2], dtype=int64)
    """
    return ops.tile(x, repetitions)


def reshape(x: Any, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """Return the elements in another shape.

    >>> tg.array_api.reshape(tg.ones(4), (2, -1)).shape
    (2, 2)
    """
    return ops.copy(ops.reshape(x, shape)) if copy else ops.reshape(x, shape)


def roll(x: Any, /, shift: Axes, *, axis: Axes | None = None) -> Tensor:
    """Return the elements moved along axes; what leaves at one end comes back at the other.

    >>> tg.array_api.roll(tg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2], dtype=int64)
    """
    return ops.roll(x, shift, axis)


# ---------------------------------------------------------------------- searching


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Tensor:
    """Return the parts of x at positions along an axis.

    >>> tg.array_api.take(tg.tensor([5, 6, 7]), tg.tensor([2, 0]))
    tensor([7, 5], dtype=int64)
    """
    return ops.take(x, indices, axis)


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Tensor:
    """Return the elements of x at positions along an axis, with positions of their own for each row.

    >>> tg.array_api.take_along_axis(tg.tensor([[5, 6], [7, 8]]), tg.tensor([[1], [0]]))
    tensor([[6],
            [7]], dtype=int64)
    """
    return ops.take_along_axis(x, indices, axis)


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the largest element.

    >>> tg.array_api.argmax(tg.tensor([1.0, 3.0, 2.0]))
    tensor(1, dtype=int64)
    """
    return ops.argmax(x, axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the smallest element.

    >>> tg.array_api.argmin(tg.tensor([1.0, 3.0, 2.0]))
    tensor(0, dtype=int64)
    """
    return ops.argmin(x, axis, keepdims)


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """Return the positions of the elements that are not zero, one Tensor for each axis.

    >>> tg.array_api.nonzero(tg.tensor([0, 3]))
    (tensor([1], dtype=int64),)
    """
    return tuple(ops.nonzero(x))


def count_nonzero(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Return how many elements are not zero.

    >>> tg.array_api.count_nonzero(tg.tensor([0, 3, 4]))
    tensor(2, dtype=int64)
    """
    return ops.sum(as_tensor(x) != 0, axis, keepdims)


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Tensor:
    """Return the positions at which x2 would stand in x1, which is sorted (or sorted by `sorter`).

    >>> tg.array_api.searchsorted(tg.tensor([1.0, 3.0]), tg.tensor([2.0]))
    tensor([1], dtype=int64)
    """
    return ops.searchsorted(x1 if sorter is None else ops.take(x1, sorter), x2, side)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """Return the elements of x1 where the condition holds, and those of x2 elsewhere.

    >>> tg.array_api.where(tg.tensor([True, False]), 1.0, tg.zeros(2))
    tensor([1., 0.])
    """
    return ops.where(condition, x1, x2)


# ---------------------------------------------------------------------- sorting, sets


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the positions of the elements in ascending or descending order; equal ones keep theirs.

    >>> tg.array_api.argsort(tg.tensor([1.0, 3.0, 3.0]), descending=True)
    tensor([1, 2, 0], dtype=int64)
    """
    x = as_tensor(x)
    if not descending:
        return ops.argsort(x, axis)
    (axis,) = axes_of(axis, x.ndim)
    return x.shape[axis] - 1 - ops.flip(ops.argsort(ops.flip(x, axis), axis), axis)


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the elements in ascending or descending order.

    >>> tg.array_api.sort(tg.tensor([1.0, 3.0, 2.0]), descending=True)
    tensor([3., 2., 1.])
    """
    return ops.flip(ops.sort(x, axis), axis) if descending else ops.sort(x, axis)


class UniqueAll(NamedTuple):
    """The different elements, where each is for the first time, where each element is among them, and how often."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """The different elements, and how often there is each."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """The different elements, and where each element is among them."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Any, /) -> UniqueAll:
    """Return the different elements with their places and counts; the gradient flows to the values.

    NaNs differ from each other.

    >>> tg.array_api.unique_all(tg.tensor([3, 1, 3])).counts
    tensor([1, 2], dtype=int64)
    """
    x = as_tensor(x)
    found = np.unique_all(x._data)
    others = map(from_owned, (found.indices, found.inverse_indices, found.counts))
    return UniqueAll(getitem(ops.ravel(x), found.indices), *others)


def unique_counts(x: Any, /) -> UniqueCounts:
    """Return the different elements, and how often there is each.

    >>> tg.array_api.unique_counts(tg.tensor([3, 1, 3])).values
    tensor([1, 3], dtype=int64)
    """
    every = unique_all(x)
    return UniqueCounts(every.values, every.counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """Return the different elements, and where each element is among them.

    >>> tg.array_api.unique_inverse(tg.tensor([3, 1, 3])).inverse_indices
    tensor([1, 0, 1], dtype=int64)
    """
    every = unique_all(x)
    return UniqueInverse(every.values, every.inverse_indices)


def unique_values(x: Any, /) -> Tensor:
    """Return the different elements in ascending order; the gradient flows to the first of several equal ones.

    >>> tg.array_api.unique_values(tg.tensor([3, 1, 3]))
    tensor([1, 3], dtype=int64)
    """
    return unique_all(x).values


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Tensor:
    """Return of each element of x1 whether it is one of x2.

    >>> tg.array_api.isin(tg.tensor([1, 2]), tg.tensor([2, 3]))
    tensor([False,  True])
    """
    found: Any = np.isin(as_tensor(x1), x2, invert=invert)
    return found


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """Return the differences of neighbours along an axis, `n` times.

    >>> tg.array_api.diff(tg.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """
    return ops.diff(x, n, axis, prepend, append)
