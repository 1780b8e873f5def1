"""How reductions, softmaxes, norms and sums along an axis are written in ONNX's operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise import number
from .errors import ExportError
from .sizes import Size
from .writer import RULES, Call, Part, Writer, rule

__all__ = ["axes_of", "reduced", "sliced"]


def axes_of(axis: Any, ndim: int) -> list[int] | None:
    """Return axes, none of them negative, or None for all."""
    if axis is None:
        return None
    return [int(a) % ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]


def reduced(w: Writer, kind: str, x: Part, axis: Any, keepdims: bool, dtype: Any = None) -> Part:
    """Write a reduction over some axes (None: all of them)."""
    axes = axes_of(axis, x.ndim)
    if axes == [] or x.ndim == 0:
        return w.op("Identity", x)
    given = [x] if axes is None else [x, w.integers(axes)]
    return w.op(f"Reduce{kind}", *given, keepdims=int(bool(keepdims)), dtype=dtype or x.dtype)


def _reduction(kind: str) -> Callable:
    def write(w: Writer, call: Call) -> Any:
        x, dtype = call[0], call.dtype
        wide = np.dtype(np.int64) if dtype.kind in "iub" and kind in ("Sum", "Prod") else dtype
        wide = np.dtype(np.int32) if wide.kind == "b" or (wide.kind in "iu" and wide.itemsize < 4) else wide
        return reduced(w, kind, w.cast(x, wide), call.get("axis", 1), call.get("keepdims", 2, False))

    return write


for _name, _kind in {
    **{"sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod", "amax": "Max", "amin": "Min"},
    **{"add.reduce": "Sum", "maximum.reduce": "Max", "minimum.reduce": "Min", "multiply.reduce": "Prod"},
}.items():
    RULES[_name] = _reduction(_kind)


@rule("all", "any", "logical_and.reduce", "logical_or.reduce")
def _truth(w: Writer, call: Call) -> Any:
    kind = "Min" if call.step.name in ("all", "logical_and.reduce") else "Max"
    x = w.cast(w.cast(call[0], bool), np.int32)
    return reduced(w, kind, x, call.get("axis", 1), call.get("keepdims", 2, False))


@rule("argmax", "argmin")
def _argmax(w: Writer, call: Call) -> Any:
    x, axis, keepdims = call[0], call.get("axis", 1), bool(call.get("keepdims", 2, False))
    x = w.cast(x, np.int32) if x.dtype.kind == "b" else x
    flat = axis is None
    if flat:
        ndim, x, axis = x.ndim, w.op("Reshape", x, w.integers([-1]), shape=(-1,)), 0
    out = w.op(
        "ArgMax" if call.step.name == "argmax" else "ArgMin",
        x,
        axis=int(axis) % max(x.ndim, 1),
        keepdims=int(keepdims and not flat),
        dtype=np.int64,
    )
    return w.reshape(out, (1,) * ndim) if flat and keepdims else out


@rule("var", "std")
def _variance(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    axis, ddof, keepdims = call.get("axis", 1), call.get("ddof", 2, 0), call.get("keepdims", 3, False)
    gap = w.op("Sub", x, reduced(w, "Mean", x, axis, True), shape=x.shape)
    total = reduced(w, "Sum", w.op("Mul", gap, gap, shape=x.shape), axis, keepdims)
    lengths = [x.shape[a] for a in (range(x.ndim) if axis is None else axes_of(axis, x.ndim) or [])]
    count: Any = w.constant(float(math.prod([n for n in lengths if not isinstance(n, Size)])), x.dtype)
    for n in lengths:
        if isinstance(n, Size):
            count = w.op("Mul", count, w.cast(w.scalar(n), x.dtype))
    if ddof:
        count = w.op("Sub", count, number(w, x, ddof))
    out = w.op("Div", total, count)
    return w.op("Sqrt", out) if call.step.name == "std" else out


@rule("logsumexp")
def _logsumexp(w: Writer, call: Call) -> Any:
    x, axis, keepdims = w.part(call.inputs[0], call.dtype), call.get("axis", 1), call.get("keepdims", 2, False)
    top = reduced(w, "Max", x, axis, True)
    infinite = w.op("Equal", w.op("Abs", top), number(w, x, np.inf), dtype=bool)
    top = w.op("Where", infinite, number(w, x, 0), top, dtype=x.dtype, shape=None)
    total = w.op("Log", reduced(w, "Sum", w.op("Exp", w.op("Sub", x, top), shape=x.shape), axis, True))
    out = w.op("Add", total, top)
    return out if keepdims else w.reshape(out, call.shape)


@rule("softmax", "log_softmax")
def _softmax(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    kind = "Softmax" if call.step.name == "softmax" else "LogSoftmax"
    axis = call.get("axis", 1, -1)
    if isinstance(axis, int):
        return w.op(kind, x, axis=axis)
    raise ExportError(f"{call.step.name} over several axes has no form in ONNX{w.place}; reshape first")


@rule("vector_norm")
def _vector_norm(w: Writer, call: Call) -> Any:
    x, axis, keepdims, order = (
        w.part(call.inputs[0], call.dtype),
        call.get("axis"),
        call.get("keepdims"),
        call.get("ord"),
    )
    size = w.op("Abs", x, shape=x.shape)
    if order in (2, None):
        return reduced(w, "L2", x, axis, keepdims)
    if order in (np.inf, -np.inf):
        return reduced(w, "Max" if order > 0 else "Min", size, axis, keepdims)
    if order == 1:
        return reduced(w, "Sum", size, axis, keepdims)
    if order == 0:
        counted = w.cast(w.op("Greater", size, number(w, x, 0), dtype=bool, shape=x.shape), x.dtype)
        return reduced(w, "Sum", counted, axis, keepdims)
    powers = w.op("Pow", size, number(w, x, order), shape=x.shape)
    return w.op("Pow", reduced(w, "Sum", powers, axis, keepdims), number(w, x, 1 / order))


@rule("det")
def _det(w: Writer, call: Call) -> Any:
    return w.op("Det", w.cast(call[0], np.float32))


@rule("cumsum")
def _cumsum(w: Writer, call: Call) -> Any:
    x, axis = w.part(call.inputs[0], call.dtype), call.get("axis", 1)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=call.shape), 0
    return w.op("CumSum", x, w.constant(axis, np.int64))


@rule("cumprod")
def _cumprod(w: Writer, call: Call) -> Any:
    """Multiply by what stands 1, 2, 4, ... places before (Hillis and Steele 1986)."""
    x, axis = w.part(call.inputs[0], call.dtype), call.get("axis", 1)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=call.shape), 0
    axis = axis % x.ndim
    length = x.shape[axis]
    if isinstance(length, Size):
        raise ExportError(f"cumprod along an axis of free length has no form in ONNX{w.place}")
    step = 1
    while step < length:
        pads = [0] * (2 * x.ndim)
        pads[axis] = step
        before = sliced(w, x, axis, 0, length - step)
        before = w.op("Pad", before, w.integers(pads), number(w, x, 1))
        x, step = w.op("Mul", x, before, shape=x.shape), 2 * step
    return x


def sliced(w: Writer, x: Part, axis: int, start: Any, stop: Any, step: int = 1) -> Part:
    """Return a part of x along one axis."""
    bounds = [w.size(b) if isinstance(b, Size) else w.integers([b]) for b in (start, stop)]
    return w.op("Slice", x, *bounds, w.integers([axis]), w.integers([step]))
