"""Methods of NumPy's functions of two arguments that are no operation by themselves: `np.maximum.accumulate(x)`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import ops
from ..tensor import Tensor, as_array, as_tensor


def reduce(ufunc: np.ufunc, array: Any, axis: Any = 0, keepdims: bool = False, initial: Any = None) -> Tensor:
    """What `ufunc.reduce` gives: one element after the other."""
    x = as_tensor(array)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    out = x
    for k in sorted(axes, reverse=True):
        out = functools.reduce(ufunc, _parts(out, k))
    out = out if initial is None else ufunc(initial, out)
    return ops.expand_dims(out, axes) if keepdims else out


def accumulate(ufunc: np.ufunc, array: Any, axis: int = 0) -> Tensor:
    """What `ufunc.accumulate` gives: every result on the way."""
    x = as_tensor(array)
    axis = normalize_axis_index(axis, x.ndim)
    found: list[Tensor] = []
    for part in _parts(x, axis):
        found.append(ufunc(found[-1], part) if found else part)
    return ops.stack(found, axis=axis)


def reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: int = 0) -> Tensor:
    """What `ufunc.reduceat` gives: from each index to the next one, or the element there if that is not behind it."""
    x = as_tensor(array)
    axis = normalize_axis_index(axis, x.ndim)
    starts = as_array(indices).tolist()
    results: list[Any] = []
    for start, end in zip(starts, [*starts[1:], x.shape[axis]]):
        part = slice(start, end if end > start else start + 1)
        results.append(ufunc.reduce(x[(slice(None),) * axis + (part,)], axis=axis))
    return ops.stack(results, axis=axis)


FOLDS: dict[str, Callable] = {"reduce": reduce, "accumulate": accumulate, "reduceat": reduceat}


def _parts(x: Tensor, axis: int) -> list[Tensor]:
    if not x.shape[axis]:
        raise ValueError("a reduction of an axis without elements, which has no identity")
    return [x[(slice(None),) * axis + (k,)] for k in range(x.shape[axis])]
