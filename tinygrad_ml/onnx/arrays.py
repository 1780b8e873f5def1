"""How operations on whole arrays are written in ONNX's operators: shapes, joining, sorting, products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tape.traced import Value
from .elementwise import number
from .errors import ExportError
from .reductions import axes_of, reduced, sliced
from .sizes import Size
from .writer import Call, Part, Writer, rule

FAR = np.iinfo(np.int64).max

# ---------------------------------------------------------------------- shapes


def transposed(w: Writer, x: Part, order: Sequence[int]) -> Part:
    """Return the axes of x in another order."""
    if list(order) == list(range(len(order))):
        return w.op("Identity", x, shape=x.shape)
    shape = None if x.shape is None else tuple([x.shape[k] for k in order])
    return w.op("Transpose", x, perm=list(order), shape=shape)


@rule("reshape", "ravel", "expand_dims", "squeeze", "atleast_1d", "atleast_2d", "flatten")
def _reshape(w: Writer, call: Call) -> Any:
    x, name = call[0], call.step.name
    if name == "expand_dims":
        axis = call.get("axis", 1)
        return w.op("Unsqueeze", x, w.integers(axes_of(axis, len(call.shape)) or []))
    if name == "squeeze" and len(call.shape) < x.ndim:
        axis = call.get("axis", 1)
        ones = [k for k, n in enumerate(x.shape) if n == 1] if axis is None else axes_of(axis, x.ndim)
        return w.op("Squeeze", x, w.integers(ones or []))
    return w.reshape(x, call.shape) if tuple(x.shape) != tuple(call.shape) else w.op("Identity", x)


@rule("transpose", "permute_dims")
def _transpose(w: Writer, call: Call) -> Any:
    x, axes = call[0], call.get("axes", 1)
    order = range(x.ndim)[::-1] if axes is None else [a % x.ndim for a in axes]
    return transposed(w, x, list(order))


@rule("swapaxes")
def _swapaxes(w: Writer, call: Call) -> Any:
    x = call[0]
    order = list(range(x.ndim))
    a, b = call.get("axis1", 1), call.get("axis2", 2)
    order[a], order[b] = order[b], order[a]
    return transposed(w, x, order)


@rule("moveaxis")
def _moveaxis(w: Writer, call: Call) -> Any:
    x = call[0]
    source, target = axes_of(call.get("source", 1), x.ndim) or [], axes_of(call.get("destination", 2), x.ndim) or []
    order = [k for k in range(x.ndim) if k not in source]
    for at, axis in sorted(zip(target, source)):
        order.insert(at, axis)
    return transposed(w, x, order)


@rule("broadcast_to")
def _broadcast_to(w: Writer, call: Call) -> Any:
    return expanded(w, call[0], call.shape)


def expanded(w: Writer, x: Part, shape: Sequence[Any]) -> Part:
    """Return x broadcast to a shape."""
    if x.dtype.kind == "b":
        return w.cast(w.op("Expand", w.cast(x, np.int32), w.sizes_of(shape)), bool)
    return w.op("Expand", x, w.sizes_of(shape), shape=tuple(shape))


@rule("zeros_like", "ones_like", "full_like", "empty_like")
def _filled(w: Writer, call: Call) -> Any:
    value = {"zeros_like": 0, "empty_like": 0, "ones_like": 1}.get(call.step.name)
    fill = w.constant(value, call.dtype) if value is not None else w.part(call.get("fill_value", 1), call.dtype)
    return expanded(w, fill, call.shape)


def flipped(w: Writer, x: Part, axes: Sequence[int]) -> Part:
    """Return x with some axes backwards."""
    n = len(axes)
    if not n:
        return w.op("Identity", x, shape=x.shape)
    given = [w.integers(v) for v in ([-1] * n, [-FAR] * n, list(axes), [-1] * n)]
    return w.op("Slice", x, *given, shape=x.shape)


@rule("flip")
def _flip(w: Writer, call: Call) -> Any:
    x = call[0]
    axes = axes_of(call.get("axis", 1), x.ndim)
    return flipped(w, x, list(range(x.ndim)) if axes is None else axes)


@rule("roll")
def _roll(w: Writer, call: Call) -> Any:
    x, shift, axis = call[0], call.get("shift", 1), call.get("axis", 2)
    if axis is None:
        flat = w.op("Reshape", x, w.integers([-1]), shape=(None,))
        length = None if any(isinstance(n, Size) for n in call.shape) else math.prod(call.shape)
        return w.reshape(_rolled(w, flat, shift, 0, length), call.shape)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes_of(axis, x.ndim) or [])
    for s, a in zip(shifts, axes_of(axis, x.ndim) or []):
        x = _rolled(w, x, s, a, x.shape[a] if not isinstance(x.shape[a], Size) else None)
    return x


def _rolled(w: Writer, x: Part, shift: int, axis: int, length: int | None) -> Part:
    if length is not None:
        shift = shift % length if length else 0
    if not shift:
        return w.op("Identity", x, shape=x.shape)
    return w.op("Concat", sliced(w, x, axis, -shift, FAR), sliced(w, x, axis, 0, -shift), axis=axis, shape=x.shape)


@rule("rot90")
def _rot90(w: Writer, call: Call) -> Any:
    x = call[0]
    a, b = (axis % x.ndim for axis in call.get("axes", 2, (0, 1)))
    order = list(range(x.ndim))
    order[a], order[b] = order[b], order[a]
    turns = call.get("k", 1, 1) % 4
    if turns == 2:
        return flipped(w, x, [a, b])
    if turns == 1:
        return transposed(w, flipped(w, x, [b]), order)
    return flipped(w, transposed(w, x, order), [b]) if turns == 3 else w.op("Identity", x)


@rule("tril", "triu")
def _triangle(w: Writer, call: Call) -> Any:
    x, upper = call[0], int(call.step.name == "triu")
    x = expanded(w, x, call.shape) if x.ndim == 1 else x  # NumPy repeats a row
    wide = w.cast(x, np.int32) if x.dtype.kind == "b" else x
    return w.op("Trilu", wide, w.constant(call.get("k", 1, 0), np.int64), upper=upper)


@rule("diagonal", "trace")
def _diagonal(w: Writer, call: Call) -> Any:
    found = _diagonal_of(w, call[0], call.get("offset", 1, 0), call.get("axis1", 2, 0), call.get("axis2", 3, 1))
    return found if call.step.name == "diagonal" else reduced(w, "Sum", found, -1, False)


def _diagonal_of(w: Writer, x: Part, offset: int, axis1: int, axis2: int) -> Part:
    axes = [axis1 % x.ndim, axis2 % x.ndim]
    rest = [k for k in range(x.ndim) if k not in axes]
    x = transposed(w, x, [*rest, *axes])
    *before, rows, columns = x.shape
    if isinstance(rows, Size) or isinstance(columns, Size):
        raise ExportError(f"a diagonal of an axis of free length has no form in ONNX{w.place}")
    count = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    places = (np.arange(count) + max(-offset, 0)) * columns + np.arange(count) + max(offset, 0)
    flat = w.reshape(x, (*before, rows * columns))
    return w.op("Gather", flat, w.constant(places, np.int64), axis=len(rest), shape=(*before, count))


@rule("diag")
def _diag(w: Writer, call: Call) -> Any:
    x, k = call[0], call.get("k", 1, 0)
    if x.ndim == 2:
        return _diagonal_of(w, x, k, 0, 1)
    n = x.shape[0]
    if isinstance(n, Size):
        raise ExportError(f"diag of an axis of free length has no form in ONNX{w.place}")
    square = w.op("Mul", w.op("Unsqueeze", x, w.integers([1])), w.constant(np.eye(n), x.dtype))
    return w.op("Pad", square, w.integers([max(-k, 0), max(k, 0), max(k, 0), max(-k, 0)]))


# ---------------------------------------------------------------------- joining


def _arrays(call: Call) -> list[Any]:
    """Return the arrays to be joined: separate inputs of an operation, one list for NumPy's function."""
    return list(call.inputs[0]) if len(call) and isinstance(call.inputs[0], (list, tuple)) else list(call.inputs)


@rule("concatenate", "hstack", "vstack")
def _concatenate(w: Writer, call: Call) -> Any:
    listed = len(call) and isinstance(call.inputs[0], (list, tuple))
    axis = call.get("axis", 1 if listed else None, 0)
    parts = [w.part(x, call.dtype) for x in _arrays(call)]
    if axis is None:
        parts, axis = [w.op("Reshape", p, w.integers([-1])) for p in parts], 0
    return w.op("Concat", *parts, axis=axis)


@rule("stack")
def _stack(w: Writer, call: Call) -> Any:
    listed = len(call) and isinstance(call.inputs[0], (list, tuple))
    axis = call.get("axis", 1 if listed else None, 0) % len(call.shape)
    parts = [w.op("Unsqueeze", w.part(x, call.dtype), w.integers([axis])) for x in _arrays(call)]
    return w.op("Concat", *parts, axis=axis)


@rule("split", "array_split")
def _split(w: Writer, call: Call) -> Any:
    x, axis = call[0], call.get("axis", 2, 0) % call[0].ndim
    lengths = [shape[axis] for shape in call.step.shapes]
    if any(isinstance(n, Size) for n in lengths):
        raise ExportError(f"split along an axis of free length has no form in ONNX{w.place}")
    out = w.op("Split", x, w.integers(lengths), axis=axis, outputs=len(lengths))
    return out if isinstance(out, tuple) else (out,)


@rule("tile")
def _tile(w: Writer, call: Call) -> Any:
    x, reps = call[0], call.get("reps", 1)
    reps = [reps] if isinstance(reps, (int, Size)) else list(reps)
    n = max(x.ndim, len(reps))
    x = w.reshape(x, (*(1,) * (n - x.ndim), *x.shape))
    return w.op("Tile", x, w.sizes_of([*[1] * (n - len(reps)), *reps]))


@rule("repeat")
def _repeat(w: Writer, call: Call) -> Any:
    x, repeats, axis = call[0], call.get("repeats", 1), call.get("axis", 2)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=(_length(x),)), 0
    axis = axis % x.ndim
    if isinstance(repeats, (np.ndarray, list, tuple)) and np.ndim(repeats) == 0:
        repeats = int(np.asarray(repeats))
    if isinstance(repeats, int):
        n = len(x.shape)
        wide = w.op("Unsqueeze", x, w.integers([axis + 1]))
        reps = [1] * (n + 1)
        reps[axis + 1] = repeats
        return w.reshape(w.op("Tile", wide, w.integers(reps)), call.shape)
    if type(repeats) is Value or isinstance(x.shape[axis], Size):
        raise ExportError(
            f"repeat with a number of copies for each element of a free axis has no form in ONNX{w.place}"
        )
    places = np.repeat(np.arange(x.shape[axis]), np.asarray(repeats))
    return w.op("Gather", x, w.constant(places, np.int64), axis=axis)


def _length(x: Part) -> Any:
    shape = x.shape
    free = [n for n in shape if isinstance(n, Size)]
    if not free:
        return math.prod(shape)
    return Size(
        0,
        None,
        tuple(
            math.prod(s) for s in zip(*([n.seen if isinstance(n, Size) else (n,) * len(free[0].seen) for n in shape]))
        ),
    )


@rule("pad")
def _pad(w: Writer, call: Call) -> Any:
    x, mode = call[0], call.get("mode", 2, "constant")
    width = np.asarray(call.get("pad_width", 1))
    pairs = np.broadcast_to(width, (x.ndim, 2)) if width.size else np.zeros((0, 2), int)
    known = {"constant": "constant", "edge": "edge", "reflect": "reflect"}
    pads = w.integers([*pairs[:, 0].tolist(), *pairs[:, 1].tolist()])
    if mode in known:
        value = [w.part(call.get("constant_values", None, 0), x.dtype)] if mode == "constant" else []
        return w.op("Pad", x, pads, *value, mode=known[mode])
    for axis, (before, after) in enumerate(pairs.tolist()):
        length = x.shape[axis]
        if not (before or after):
            continue
        if mode not in ("wrap", "symmetric") or isinstance(length, Size):
            raise ExportError(f"pad with mode={mode!r} has no form in ONNX{w.place}")
        places = np.pad(np.arange(length), (before, after), mode=mode)
        shape = list(x.shape)
        shape[axis] = len(places)
        x = w.op("Gather", x, w.constant(places, np.int64), axis=axis, shape=tuple(shape))
    return w.op("Identity", x)


# ---------------------------------------------------------------------- sorting


def _sorted(w: Writer, x: Part, axis: int, largest: bool = False) -> tuple[Part, Part]:
    length = x.shape[axis]
    count = w.size(length)
    values = w.op("TopK", x, count, axis=axis, largest=int(largest), sorted=1, outputs=2)
    return Part(values[0].name, x.dtype, x.shape), Part(values[1].name, np.int64, x.shape)


@rule("sort", "argsort")
def _sort(w: Writer, call: Call) -> Any:
    x, axis = call[0], call.get("axis", 1, -1)
    if x.dtype.kind in "iub" and x.dtype != np.int64:
        x = w.cast(x, np.int64)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=call.shape), 0
    return _sorted(w, x, axis % x.ndim)[call.step.name == "argsort"]


@rule("quantile")
def _quantile(w: Writer, call: Call) -> Any:
    x, q, axis = (
        w.part(call.inputs[0], call.dtype),
        call.get("q", 1),
        call.get("axis", 2),
    )
    if np.ndim(q) or isinstance(q, Value):
        raise ExportError(f"quantile with several q has no form in ONNX{w.place}: call it once for each")
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=(_length(x),)), 0
    if not isinstance(axis, int):
        raise ExportError(f"quantile over several axes has no form in ONNX{w.place}; reshape first")
    axis = axis % x.ndim
    length = x.shape[axis]
    ordered, _ = _sorted(w, x, axis)
    last = w.op("Sub", w.cast(w.size(length), x.dtype), number(w, x, 1))
    place = w.op("Mul", last, number(w, x, float(q)))
    low = w.op("Floor", place)
    high = w.op("Min", w.op("Add", low, number(w, x, 1)), last)
    a, b = (w.op("Gather", ordered, w.cast(p, np.int64), axis=axis) for p in (low, high))
    out = w.op("Add", a, w.op("Mul", w.op("Sub", b, a), w.op("Sub", place, low)))
    return w.reshape(out, call.shape)


@rule("searchsorted")
def _searchsorted(w: Writer, call: Call) -> Any:
    a, v = call.of(np.result_type(call[0].dtype, call[1].dtype))
    kind = "Less" if call.get("side", 2, "left") == "left" else "LessOrEqual"
    below = w.op(kind, a, w.op("Unsqueeze", v, w.integers([-1])), dtype=bool, shape=(*v.shape, *a.shape))
    return reduced(w, "Sum", w.cast(below, np.int64), -1, False)


# ---------------------------------------------------------------------- products


@rule("matmul", "dot")
def _matmul(w: Writer, call: Call) -> Any:
    x, y = call.of(call.dtype)
    if call.step.name == "dot" and y.ndim > 2:
        raise ExportError(f"np.dot of more than two axes has no form in ONNX{w.place}: use matmul or einsum")
    if x.ndim == 0 or y.ndim == 0:
        return w.op("Mul", x, y)
    return w.op("MatMul", x, y)


@rule("einsum")
def _einsum(w: Writer, call: Call) -> Any:
    equation = call.get("subscripts")
    arrays = list(call.inputs)
    if equation is None:
        equation, *arrays = arrays
    parts = [w.part(x, call.dtype) for x in arrays]
    return w.op("Einsum", *parts, equation=equation.replace(" ", ""))


@rule("outer")
def _outer(w: Writer, call: Call) -> Any:
    x, y = (w.op("Reshape", p, w.integers(s)) for p, s in zip(call.of(call.dtype), ([-1, 1], [1, -1])))
    return w.op("Mul", x, y)
