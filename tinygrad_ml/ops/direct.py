"""Convolutions without patches, in C (`direct.c`), where there is a compiler and the convolution is large enough.

Whether it is depends on shapes and dtypes only, so a program gives the same numbers in every run on one machine. Those
of `patches` differ from them in the last bits, as the terms of a sum are added in another order.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .patches import Geometry

__all__ = ["Task", "computed", "function", "input_task", "is_faster", "is_large", "output_task", "weight_task"]

WORTH = 1_000_000  # multiplications, a tenth of a millisecond, from which on it is taken
FEW = 50_000_000  # and up to which a second thread does not pay
KEPT = 30 << 20  # bytes that stay with the process between two steps: new memory takes longer than a convolution
MARGIN = 256  # elements that a function may read or write beyond the end of its memory
FEWEST = 4  # filters in a group, for the gradient of the weight: it computes 16 at a time


class Task(NamedTuple):
    """A call of a function of `direct.c`.

    name : of the function
    shape : of what it computes
    layer : the numbers of its struct `convolution`, without the threads
    share : elements of memory for each thread
    cost : multiplications
    """

    name: str
    shape: tuple[int, ...]
    layer: tuple[int, ...]
    share: int
    cost: int

    @property
    def may_share(self) -> bool:
        """Whether several threads pay."""
        return self.cost > FEW


def output_task(x: tuple, weight: tuple, out: tuple, geometry: Geometry) -> Task:
    """Return how the convolution of an input and a weight of these shapes is computed."""
    plane, run = _grid(weight, out, geometry)
    return _task("output", out, x, weight, out, geometry, x[1] * plane + MARGIN + weight[0] * (run + MARGIN))


def input_task(x: tuple, weight: tuple, out: tuple, geometry: Geometry) -> Task:
    """Return how the gradient for the input is computed, from the weight and the gradient of the output."""
    (top, _), (left, _) = geometry.padding
    rows, columns = (-(-(n + pad) // s) for n, pad, s in zip(x[2:], (top, left), geometry.stride))
    down, right = ((k - 1) * d // s for k, d, s in zip(weight[2:], geometry.dilation, geometry.stride))
    plane, run = (rows + down) * (columns + right), (rows - 1) * (columns + right) + columns
    return _task("input", x, x, weight, out, geometry, weight[0] * plane + MARGIN + x[1] * (run + MARGIN))


def weight_task(x: tuple, weight: tuple, out: tuple, geometry: Geometry) -> Task:
    """Return how the gradient for the weight is computed, from the input and the gradient of the output."""
    plane, _ = _grid(weight, out, geometry)
    pairs, lanes = math.prod(weight[1:]) + 12, weight[0] // geometry.groups + 16
    share = (geometry.groups * pairs + math.prod(out[2:])) * lanes + x[1] * plane + MARGIN
    return _task("weight", weight, x, weight, out, geometry, share)


def _grid(weight: tuple, out: tuple, geometry: Geometry) -> tuple[int, int]:
    """Return the size of the planes of one channel, and of a run through the places of a filter."""
    lengths = zip(out[2:], weight[2:], geometry.stride, geometry.dilation)
    rows, columns = (-(-((n - 1) * s + (k - 1) * d + 1) // s) for n, k, s, d in lengths)
    return rows * columns * math.prod(geometry.stride), (out[2] - 1) * columns + out[3]


def _task(name: str, shape: tuple, x: tuple, weight: tuple, out: tuple, geometry: Geometry, share: int) -> Task:
    pairs = (*geometry.stride, *(before for before, _ in geometry.padding), *geometry.dilation)
    layer = (*x, weight[0], *weight[2:], *out[2:], *pairs, geometry.groups)
    return Task(name, shape, layer, -(-share // 64) * 64, math.prod(out) * math.prod(weight[1:]))


def is_large(weight: tuple, out: tuple) -> bool:
    """Whether a convolution takes long enough for C."""
    return math.prod(out) * math.prod(weight[1:]) >= WORTH


def is_faster(make: Callable[..., Task], weight: tuple, geometry: Geometry) -> bool:
    """Whether C is faster than products of patches, if the convolution is large.

    Filters of one tap are products without patches. Patches of strides are few, but the gradient for the input meets
    more than those.
    """
    if math.prod(weight[2:]) == 1:
        return False
    if make is input_task:
        return True
    return geometry.stride == (1, 1) and (make is output_task or weight[0] // geometry.groups >= FEWEST)


# ---------------------------------------------------------------------- calls


def _build() -> Any:
    """Return what compiles C; what it needs of Python takes long to load, so it is loaded when it is first needed."""
    return import_module("..native.build", __package__)


@cache
def function(name: str, dtype: str) -> Any:
    """Return a function of `direct.c` for "float32" or "float64", or None where there is no compiler that works."""
    build = _build()
    text = "\n".join(file.read_text("utf-8") for file in (build.VECTORS, Path(__file__).with_name("direct.c")))
    kind = {"float32": "float", "float64": "double"}[dtype]
    try:
        found = getattr(build.library(text.replace("real", kind)), f"{name}_{kind}")
    except build.CannotCompile:
        return None
    found.argtypes, found.restype = [ctypes.c_void_p] * 6 + [ctypes.c_ssize_t], None
    np.empty(KEPT, np.uint8)  # glibc keeps as much as the largest array that was given back, and twice that at the end
    return found


def computed(
    make: Callable[..., Task], arrays: tuple, x: tuple, weight: tuple, out: tuple, geometry: Geometry
) -> np.ndarray | None:
    """Return what C computes from arrays, the third a bias or a number that is 0; None where patches are to be taken.

    `x`, `weight` and `out` are the shapes of the convolution.
    """
    if not is_large(weight, out) or not is_faster(make, weight, geometry) or min(map(min, geometry.padding)) < 0:
        return None
    dtype = arrays[0].dtype
    given = [a for a in arrays if type(a) is not float]
    if dtype not in (np.float32, np.float64) or any(type(a) is not np.ndarray or a.dtype != dtype for a in given):
        return None
    call = function(make.__name__.removesuffix("_task"), dtype.name)
    if call is None:
        return None
    task = make(x, weight, out, geometry)
    threads = _build().threads() if task.may_share else 1
    result, memory = np.empty(task.shape, dtype), np.empty(threads * task.share, dtype)
    layer = (ctypes.c_ssize_t * (len(task.layer) + 1))(*task.layer, threads)
    given = [a if a.flags.c_contiguous and a.flags.aligned else a.copy() for a in given]
    addresses: list[Any] = [*map(_address, given), None]
    call(*addresses[:3], _address(result), ctypes.addressof(layer), _address(memory), task.share)
    return result


def _address(x: np.ndarray) -> int:
    return x.__array_interface__["data"][0]
