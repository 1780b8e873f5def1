"""Kernels and rules that a trace holds as one call, in C: convolution, and the gradients of pooling.

What is not here, or has another memory layout than usual, Python calls.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..native.build import CannotCompile
from ..ops import conv, direct, pool
from ..ops.patches import DEFAULT, Geometry
from ..tape.traced import Value
from .text import c_type

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["can", "include", "is_exact", "write"]

POOLING = Path(__file__).with_name("pooling.c")
LARGE = 5_000_000  # elements of a gradient of pooling, about a millisecond, from which on several threads share it


def can(plan: Plan, value: Value) -> bool:
    """Whether a call can be written in C."""
    if value.dtype.kind != "f" or any(not plan.frames[x].flags.c_contiguous for x in value.uses()):
        return False
    writer = WRITERS.get(value.function)
    if writer is None or any(x.dtype != value.dtype for x in value.uses() if x.dtype.kind != "i"):
        return False
    geometry = _geometry(value)
    if min(map(min, geometry.padding)) < 0:
        return False
    if value.function not in CONVOLUTIONS:
        return True
    _, weight, out = _shapes(plan, value)
    return direct.is_faster(CONVOLUTIONS[value.function][0], weight, geometry) or not direct.is_large(weight, out)


def is_exact(plan: Plan, value: Value) -> bool:
    """Whether C computes the same bits as the operation does: by the same function, or where nothing is added up."""
    if value.function in CONVOLUTIONS:
        return direct.is_large(*_shapes(plan, value)[1:])
    place = 4 if value.function is pool._max_pool2d_x else 2
    geometry, kernel = _geometry(value), value.parameters.get("kernel") or value.args[place]
    return geometry.dilation == (1, 1) and all(s >= k for s, k in zip(geometry.stride, kernel))


def _geometry(value: Value) -> Geometry:
    return next((x for x in (*value.args, *value.parameters.values()) if isinstance(x, Geometry)), DEFAULT)


def write(plan: Plan, value: Value) -> list[str]:
    """Return the C of a call."""
    return WRITERS[value.function](plan, value, *value.args, **value.parameters)


_text = cache(Path.read_text)


def include(plan: Plan, file: Path, **names: str) -> None:
    """Let a plan have the functions of a file, with words of it replaced."""
    text = _text(file, "utf-8")
    for word, other in names.items():
        text = text.replace(word, other)
    plan.include(text)


# ---------------------------------------------------------------------- convolution


# Of each kernel and rule: the task, and which arguments are the input, the weight and the output; None is the result.
CONVOLUTIONS: dict[Any, tuple[Callable[..., direct.Task], tuple[int | None, ...]]] = {
    conv._conv2d.primitive.forward: (direct.output_task, (0, 1, None)),
    conv.conv2d_input.primitive.forward: (direct.input_task, (None, 1, 0)),
    conv._conv2d_x: (direct.input_task, (None, 1, 0)),
    conv.conv2d_weight.primitive.forward: (direct.weight_task, (0, None, 1)),
    conv._conv2d_weight: (direct.weight_task, (1, None, 0)),
}


def _shapes(plan: Plan, value: Value) -> list[tuple]:
    """Return the shapes of input, weight and output of a convolution."""
    places = CONVOLUTIONS[value.function][1]
    return [value.shape if k is None else plan.frame(value.args[k]).shape for k in places]


def _convolution(plan: Plan, value: Value, *args: Any, **parameters: Any) -> list[str]:
    """Return the call of a function of `direct.c`."""
    make, places = CONVOLUTIONS[value.function]
    task = make(*_shapes(plan, value), _geometry(value))
    call = direct.function(task.name, value.dtype.name)
    if call is None:
        raise CannotCompile("the functions of convolution cannot be compiled")
    slot = plan.slot((task.name, value.dtype), ctypes.cast(call, ctypes.c_void_p).value)
    threads = plan.threads if task.may_share else 1
    layer = ", ".join(map(str, (*task.layer, f"p[1] ? {threads} : 1" if threads > 1 else 1)))
    first, second = [plan.address(args[k]) for k in places if k is not None]
    bias = plan.address(args[2]) if make is direct.output_task and np.ndim(plan.frame(args[2])) else "0"
    memory = plan.scratch(threads * task.share * value.dtype.itemsize)
    where = f"{first}, {second}, {bias}, {plan.address(value)}"
    return [f"((convolution)p[{slot}])({where}, (npy_intp[]){{{layer}}}, {memory}, {task.share});"]


# ---------------------------------------------------------------------- pooling


def _each_image(
    plan: Plan, value: Value, name: str, arrays: list[tuple[Any, int]], out: tuple, kernel: Any, geometry: Geometry
) -> list[str]:
    """Return a loop over images of a function that is written for this layer alone."""
    sizes = ["height", "width", "out_height", "out_width", "kernel_height", "kernel_width"]
    names = [*sizes, "down", "right", "top", "left", "row_gap", "column_gap"]
    tops = [pad[0] for pad in geometry.padding]
    numbers = [*value.shape[1:], *out[1:], *kernel, *geometry.stride, *tops, *geometry.dilation]
    if math.prod(kernel) > 16:
        rows, columns = (
            f"for (npy_intp {i} = 0; {i} < kernel_{n}; {i}++)" for i, n in (("a", "height"), ("b", "width"))
        )
        places = f"{rows} {columns} {{ __VA_ARGS__ }}"
    else:
        places = "".join(f"{{ enum {{ a = {a}, b = {b} }}; __VA_ARGS__ }} " for a, b in np.ndindex(*kernel))
    plan.pieces.append(
        f"#undef SIZES\n#undef WINDOW\n#define SIZES enum {{ {', '.join(map('{} = {}'.format, names, numbers))} }}\n"
        f"#define WINDOW(...) {places}\n"
    )
    kind = c_type(value.dtype)
    include(plan, POOLING, real=kind, layer=f"layer{value.index}")
    arguments = [
        f"({kind} *)({plan.address(x)}) + i * {step}" if isinstance(x, (Value, np.ndarray)) else str(x)
        for x, step in arrays
    ]
    loop = f"for (npy_intp i = 0; i < {out[0]}; i++) {name}_layer{value.index}({', '.join(arguments)});"
    many = plan.threads > 1 and math.prod(value.shape) > LARGE
    return [f"#pragma omp parallel for {plan.team()}", loop] if many else [loop]


def _max_pool_input(
    plan: Plan, value: Value, g: Any, x: Any, x_shape: tuple, out: Any, kernel: Any, geometry: Geometry
) -> list[str]:
    window, image = math.prod(out.shape[1:]), math.prod(x_shape[1:])
    arrays = [(g, window), (x, image), (out, window), (value, image)]
    return _each_image(plan, value, "max_pool_input", arrays, out.shape, kernel, geometry)


def _avg_pool_input(
    plan: Plan, value: Value, g: Any, size: tuple, kernel: Any, geometry: Geometry, counted: Any = (0, 0)
) -> list[str]:
    counts = np.atleast_1d(pool.counts(value.shape[1:], kernel, geometry, counted)).astype(value.dtype)
    arrays = [(g, math.prod(g.shape[1:])), (counts, 0), (int(counts.size > 1), 0), (value, math.prod(value.shape[1:]))]
    return _each_image(plan, value, "avg_pool_input", arrays, g.shape, kernel, geometry)


WRITERS: dict[Any, Callable[..., list[str]]] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    pool._max_pool2d_x: _max_pool_input,
    pool._avg_pool2d_x: _avg_pool_input,
    pool.avg_pool2d_input.primitive.forward: _avg_pool_input,
}
