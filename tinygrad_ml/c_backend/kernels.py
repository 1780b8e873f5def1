"""Kernels and rules that a trace holds as one call, in C: convolution, and the gradients of pooling.

What is not here, or has another memory layout than usual, Python calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops import conv, pool
from ..ops.patches import Geometry
from ..tape.traced import Value
from .text import c_type

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["can", "include", "write"]

FEW = 50_000_000  # multiplications of a convolution, about a millisecond, that are not worth a second thread


def can(plan: Plan, value: Value) -> bool:
    """Whether a call can be written in C."""
    if value.dtype.kind != "f" or any(not plan.frames[x].flags.c_contiguous for x in value.uses()):
        return False
    writer = WRITERS.get(value.function)
    if writer is None or any(x.dtype != value.dtype for x in value.uses() if x.dtype.kind != "i"):
        return False
    geometry = next((x for x in (*value.args, *value.parameters.values()) if isinstance(x, Geometry)), Geometry())
    return min(map(min, geometry.padding)) >= 0


def write(plan: Plan, value: Value) -> list[str]:
    """Return the C of a call."""
    return WRITERS[value.function](plan, value, *value.args, **value.parameters)


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def include(plan: Plan, name: str, **names: str) -> None:
    """Let a plan have the functions of a file, with words of it replaced."""
    text = _text(name)
    for word, other in names.items():
        text = text.replace(word, other)
    if text not in plan.pieces:
        plan.pieces.append(text)


# ---------------------------------------------------------------------- convolution


MARGIN = 256  # elements that runs may go beyond their end


def _call(
    plan: Plan, value: Value, name: str, arrays: list[Any], shapes: Sequence[tuple], geometry: Geometry, share: int
) -> list[str]:
    """Return the call of one of the three functions, with `share` elements of memory for each thread.

    `arrays` are its arguments, `shapes` those of the input, the weight and the output.
    """
    kind, (x, weight, out) = c_type(value.dtype), shapes
    include(plan, "vectors.c", real=kind)
    include(plan, "kernels.c", real=kind)
    many = plan.threads > 1 and math.prod(out) * math.prod(weight[1:]) > FEW
    pairs = geometry.stride, (pad[0] for pad in geometry.padding), geometry.dilation
    layer = [*x, weight[0], *weight[2:], *out[2:], *("{{{}, {}}}".format(*pair) for pair in pairs), geometry.groups]
    layer.append(f"p[1] ? {plan.threads} : 1" if many else 1)
    share = -(-share // 64) * 64
    memory = plan.scratch((plan.threads if many else 1) * share * value.dtype.itemsize)
    arguments = [f"({kind} *)({plan.address(array)})" if np.ndim(plan.frame(array)) else "0" for array in arrays]
    numbers = f"&(convolution){{{', '.join(map(str, layer))}}}"
    return [f"{name}_{kind}({', '.join(arguments)}, {numbers}, ({kind} *){memory}, {share});"]


def _grid(weight: tuple, out: tuple, geometry: Geometry) -> tuple[int, int]:
    """Return the size of the planes of one channel, and of a run through the places of a filter."""
    lengths = zip(out[2:], weight[2:], geometry.stride, geometry.dilation)
    rows, columns = (-(-((n - 1) * s + (k - 1) * d + 1) // s) for n, k, s, d in lengths)
    return rows * columns * math.prod(geometry.stride), (out[2] - 1) * columns + out[3]


def _forward(plan: Plan, value: Value, x: Any, weight: Any, bias: Any, geometry: Geometry) -> list[str]:
    shapes = plan.frame(x).shape, plan.frame(weight).shape, value.shape
    plane, run = _grid(*shapes[1:], geometry)
    share = shapes[0][1] * plane + MARGIN + shapes[1][0] * (run + MARGIN)
    return _call(plan, value, "conv", [x, weight, bias, value], shapes, geometry, share)


def _input(plan: Plan, value: Value, y: Any, weight: Any, size: tuple, geometry: Geometry) -> list[str]:
    shapes = value.shape, plan.frame(weight).shape, plan.frame(y).shape
    (top, _), (left, _) = geometry.padding
    rows, columns = (-(-(n + pad) // s) for n, pad, s in zip(value.shape[2:], (top, left), geometry.stride))
    down, right = ((k - 1) * d // s for k, d, s in zip(shapes[1][2:], geometry.dilation, geometry.stride))
    plane, run = (rows + down) * (columns + right), (rows - 1) * (columns + right) + columns
    share = shapes[1][0] * plane + MARGIN + value.shape[1] * (run + MARGIN)
    return _call(plan, value, "conv_input", [y, weight, value], shapes, geometry, share)


def _weight(plan: Plan, value: Value, x: Any, y: Any, kernel: tuple, geometry: Geometry) -> list[str]:
    shapes = plan.frame(x).shape, value.shape, plan.frame(y).shape
    plane, _ = _grid(*shapes[1:], geometry)
    pairs, lanes = math.prod(value.shape[1:]) + 12, value.shape[0] // geometry.groups + 16
    share = (geometry.groups * pairs + math.prod(shapes[2][2:])) * lanes + shapes[0][1] * plane + MARGIN
    return _call(plan, value, "conv_weight", [x, y, value], shapes, geometry, share)


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
    include(plan, "pooling.c", real=kind, layer=f"layer{value.index}")
    arguments = [
        f"({kind} *)({plan.address(x)}) + i * {step}" if isinstance(x, (Value, np.ndarray)) else str(x)
        for x, step in arrays
    ]
    loop = f"for (npy_intp i = 0; i < {out[0]}; i++) {name}_layer{value.index}({', '.join(arguments)});"
    many = plan.threads > 1 and math.prod(value.shape) > FEW // 10
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
    conv._conv2d.primitive.forward: _forward,
    conv.conv2d_input.primitive.forward: _input,
    conv._conv2d_x: _input,
    conv.conv2d_weight.primitive.forward: _weight,
    conv._conv2d_weight: lambda plan, value, g, x, *rest: _weight(plan, value, x, g, *rest),
    pool._max_pool2d_x: _max_pool_input,
    pool._avg_pool2d_x: _avg_pool_input,
    pool.avg_pool2d_input.primitive.forward: _avg_pool_input,
}
