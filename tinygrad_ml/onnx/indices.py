"""How indices are written in ONNX's operators: x[index] of every kind, looking up, and writing into a part."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import FAR, expanded
from .errors import ExportError
from .sizes import Size
from .writer import Call, Part, Writer, rule


@rule("getitem")
def _getitem(w: Writer, call: Call) -> Any:
    index = call.get("index", 1)
    return picked(w, call, call[0], index if isinstance(index, tuple) else (index,))


def picked(w: Writer, call: Call, x: Part, index: tuple) -> Part:
    """Write x[index], for the index of any kind that NumPy takes."""
    parts = _complete(index, x.ndim)
    slices: list[tuple[int, Any, Any, int]] = []  # axis, start, stop, step
    singles: list[int] = []
    arrays: list[tuple[int, Any]] = []
    layout: list[Any] = []  # what each axis of the result is: "new", an axis of x, or ("array", axis)
    axis = 0
    for part in parts:
        if part is None:
            layout.append("new")
            continue
        if isinstance(part, slice):
            slices += [(axis, *_bounds(part))] if part != slice(None) else []
            layout.append(axis)
        elif isinstance(part, (int, Size)):
            singles.append(axis)
            layout.append(("array", axis))
            arrays.append((axis, part))
        else:
            arrays.append((axis, part))
            layout.append(("array", axis))
        axis += _width(part)
    only_single = len(singles) == len(arrays)  # beside arrays, an integer is one of them
    if only_single:
        slices += [(axis, k, _after(k), 1) for axis, k in arrays]
    if slices:
        columns = [[row[k] for row in slices] for k in range(4)]
        bounds = [w.sizes_of(columns[1]), w.sizes_of(columns[2]), w.integers(columns[0]), w.integers(columns[3])]
        x = w.op("Slice", x, *bounds)
    if not only_single:
        return _by_arrays(w, x, arrays, layout)
    if singles:
        x = w.op("Squeeze", x, w.integers(singles))
    new = [k for k, part in enumerate(p for p in layout if not isinstance(p, tuple)) if part == "new"]
    if new:
        x = w.op("Unsqueeze", x, w.integers(new))
    return x if slices or singles or new else w.op("Identity", x)


def _width(part: Any) -> int:
    dtype = getattr(part, "dtype", None)
    return (
        len(part.shape)
        if dtype is not None and np.dtype(dtype).kind == "b" and not isinstance(part, (int, bool))
        else 1
    )


def _complete(index: tuple, ndim: int) -> list[Any]:
    """Return an index with a slice for each axis that it leaves out; masks that are constants become integers."""
    parts: list[Any] = []
    for part in index:
        part = np.asarray(part) if isinstance(part, list) and not any(isinstance(p, Size) for p in part) else part
        if isinstance(part, (bool, np.bool_)) or (isinstance(part, np.ndarray) and part.dtype == bool and part.ndim):
            parts += list(np.nonzero(part)) if isinstance(part, np.ndarray) else [part]
        else:
            parts.append(part)
    used = sum(0 if part is None or part is Ellipsis else _width(part) for part in parts)
    rest = [slice(None)] * (ndim - used)
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), None)
    return [*parts, *rest] if at is None else [*parts[:at], *rest, *parts[at + 1 :]]


def _bounds(part: slice) -> tuple[Any, Any, int]:
    step = 1 if part.step is None else part.step
    start = part.start if part.start is not None else (0 if step > 0 else -1)
    stop = part.stop if part.stop is not None else (FAR if step > 0 else -FAR)
    return start, stop, step


def _after(k: Any) -> Any:
    if isinstance(k, Size):
        return Size(k.base + 1, k.factors, tuple(s + 1 for s in k.seen))
    return FAR if k == -1 else k + 1


def _by_arrays(w: Writer, x: Part, arrays: list[tuple[int, Any]], layout: list[Any]) -> Part:
    """Write x at arrays of integers, whose axes then go where NumPy puts them."""
    parts = [(axis, w.part(array)) for axis, array in arrays]
    if any(part.dtype.kind == "b" for _, part in parts):
        if len(parts) > 1:
            raise ExportError(f"an index with a mask beside arrays has no form in ONNX{w.place}")
        return _by_mask(w, x, parts[0][1], parts[0][0], layout)
    taken = [axis for axis, _ in parts]
    ndim = 1 + max([*taken, *(a for a in layout if isinstance(a, int))])
    rest = [k for k in range(ndim) if k not in taken]
    found = [("found", k) for k in range(max(part.ndim for _, part in parts))]  # the axes of the arrays
    if len(parts) == 1:
        out, first = w.op("Gather", x, w.cast(parts[0][1], np.int64), axis=taken[0]), taken[0]
    else:
        out, first = _gathered(w, x, parts, [*taken, *rest]), 0
    current: list[Any] = [*rest[:first], *found, *rest[first:]]
    places = [k for k, part in enumerate(layout) if isinstance(part, tuple)]
    adjacent = places == list(range(places[0], places[-1] + 1))
    at = places[0] if adjacent else 0  # NumPy puts them first if something stands between
    kept = [part for part in layout if not isinstance(part, tuple)]
    wanted = [*kept[:at], *found, *kept[at:]]
    order = [current.index(part) for part in wanted if part != "new"]
    if order != sorted(order):
        out = w.op("Transpose", out, perm=order)
    new = [k for k, part in enumerate(wanted) if part == "new"]
    return w.op("Unsqueeze", out, w.integers(new)) if new else out


def _gathered(w: Writer, x: Part, parts: list[tuple[int, Part]], order: list[int]) -> Part:
    """Write x at several arrays: with their axes first, where GatherND takes all of them together."""
    moved = w.op("Transpose", x, perm=order) if order != sorted(order) else x
    lengths = w.op("Shape", x, dtype=np.int64)
    places = [(axis, w.cast(part, np.int64)) for axis, part in parts]
    total = places[0][1]
    for _, place in places[1:]:
        total = w.op("Add", total, place)
    shape, columns = w.op("Shape", total, dtype=np.int64), []
    for axis, place in places:
        length = w.op("Gather", lengths, w.integers([axis]))
        negative = w.op("Less", place, w.integers([0]), dtype=bool)
        wrapped = w.op("Where", negative, w.op("Add", place, length), place, dtype=np.int64)
        columns.append(w.op("Unsqueeze", w.op("Expand", wrapped, shape), w.integers([-1])))
    return w.op("GatherND", moved, w.op("Concat", *columns, axis=-1))


def _by_mask(w: Writer, x: Part, mask: Part, axis: int, layout: list[Any]) -> Part:
    """Write x[mask]: the number of elements is that of the true ones."""
    if "new" in layout or axis or any(isinstance(part, int) and part < mask.ndim for part in layout):
        raise ExportError(f"a mask beside other indices has no form in ONNX{w.place}")
    if mask.ndim == 1:
        return w.op("Compress", x, mask, axis=0)
    places = w.op("Transpose", w.op("NonZero", mask, dtype=np.int64), perm=[1, 0])
    return w.op("GatherND", x, places)


@rule("take")
def _take(w: Writer, call: Call) -> Any:
    x, axis = call[0], call.get("axis", 2)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1])), 0
    return w.op("Gather", x, w.part(call.get("indices", 1), np.int64), axis=axis)


@rule("embedding")
def _embedding(w: Writer, call: Call) -> Any:
    return w.op("Gather", call[0], w.part(call.get("indices", 1), np.int64), axis=0)


@rule("take_along_axis")
def _take_along_axis(w: Writer, call: Call) -> Any:
    x, indices, axis = call[0], w.part(call.get("indices", 1), np.int64), call.get("axis", 2, -1)
    if axis is None:
        x, axis = w.op("Reshape", x, w.integers([-1]), shape=(-1,)), 0
    axis = axis % x.ndim
    lengths = call.shape
    if x.ndim > 1:  # NumPy broadcasts the other axes
        x = expanded(w, x, [x.shape[k] if k == axis else n for k, n in enumerate(lengths)])
        indices = expanded(w, indices, lengths)
    return w.op("GatherElements", x, indices, axis=axis)


@rule("setitem")
def _setitem(w: Writer, call: Call) -> Any:
    operation = call.step.parameters.keys() >= {"index"}
    x, value, index = (
        (call[0], call.inputs[1], call.get("index")) if operation else (call[0], call.inputs[2], call.inputs[1])
    )
    return written(w, call, w.cast(x, call.dtype), value, index if isinstance(index, tuple) else (index,), "none")


@rule("add_at")
def _add_at(w: Writer, call: Call) -> Any:
    index = call.get("index")
    x = w.part(call.inputs[0], call.dtype)
    return written(w, call, x, call.inputs[1], index if isinstance(index, tuple) else (index,), "add")


@rule("scatter")
def _scatter(w: Writer, call: Call) -> Any:
    index = call.get("index")
    zeros = expanded(w, w.constant(0, call.dtype), call.shape)
    zeros = Part(zeros.name, zeros.dtype, call.shape)
    return written(w, call, zeros, call.inputs[0], index if isinstance(index, tuple) else (index,), "add")


def written(w: Writer, call: Call, x: Part, value: Any, index: tuple, how: str) -> Part:
    """Write a copy of x with a value at x[index]: by the flat positions that the index picks."""
    given = w.part(value, x.dtype)
    masks = [p for p in index if getattr(p, "dtype", None) is not None and np.dtype(p.dtype).kind == "b"]
    if len(index) == 1 and masks and how == "none" and given.ndim == 0:
        mask = w.part(masks[0])
        mask = w.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
        return w.op("Where", mask, given, x, dtype=x.dtype)
    count = w.op("ReduceProd", w.op("Shape", x, dtype=np.int64), keepdims=0)
    flat = w.op("Range", w.constant(0, np.int64), count, w.constant(1, np.int64))
    numbered = w.op("Reshape", flat, w.op("Shape", x, dtype=np.int64), shape=x.shape)
    places = picked(w, call, numbered, index)
    extent = w.op("Shape", places, dtype=np.int64)
    if given.ndim > 1:  # leading axes of length 1 more than the place has
        given = _cut_to(w, given, places, index, x)
    values = w.op("Reshape", w.op("Expand", given, extent), w.integers([-1]))
    places = w.op("Reshape", places, w.integers([-1]))
    line = w.op("Reshape", x, w.integers([-1]))
    more: dict[str, Any] = {"reduction": how} if how != "none" else {}
    done = w.op("ScatterElements", line, places, values, axis=0, **more)
    return w.op("Reshape", done, w.op("Shape", x, dtype=np.int64), shape=x.shape)


def _cut_to(w: Writer, given: Part, places: Part, index: tuple, x: Part) -> Part:
    axes = x.ndim - sum(1 for p in index if isinstance(p, (int, Size))) + sum(p is None for p in index)
    return w.reshape(given, given.shape[-axes:]) if given.ndim > axes >= 0 else given


@rule("nonzero")
def _nonzero(w: Writer, call: Call) -> Any:
    x = call[0]
    found = w.op("NonZero", w.cast(x, bool), dtype=np.int64)
    return tuple([w.op("Gather", found, w.constant(k, np.int64), axis=0) for k in range(x.ndim)])
