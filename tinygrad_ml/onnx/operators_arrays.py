"""ONNX's operators of shapes and indices as operations with gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from .. import ops
from ..nn import functional as F
from ..tensor import Tensor, as_array, from_owned
from .operators import Node, integers, operator, scalar

__all__ = ["pairs"]


@operator("Shape")
def _shape(node: Node, x: Any) -> Any:
    shape = np.array(as_array(x).shape, np.int64)
    return shape[slice(node.get("start", 0), node.get("end"))]


@operator("Size")
def _size(node: Node, x: Any) -> Any:
    return np.array(as_array(x).size, np.int64)


@operator("Reshape")
def _reshape(node: Node, x: Any, shape: Any = None) -> Any:
    wanted = node.get("shape") if shape is None else integers(shape)
    if not node.get("allowzero", 0):
        wanted = [as_array(x).shape[k] if n == 0 else n for k, n in enumerate(wanted)]
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        return x.reshape(wanted)
    return ops.reshape(x, tuple(wanted))


@operator("Flatten")
def _flatten(node: Node, x: Any) -> Any:
    axis = node.get("axis", 1)
    shape = as_array(x).shape
    axis = axis + len(shape) if axis < 0 else axis
    return ops.reshape(x, (math.prod(shape[:axis]), math.prod(shape[axis:])))


@operator("Transpose")
def _transpose(node: Node, x: Any) -> Any:
    return ops.transpose(x, node.get("perm"))


@operator("Squeeze")
def _squeeze(node: Node, x: Any, axes: Any = None) -> Any:
    wanted = node.get("axes") if axes is None else integers(axes)
    return ops.squeeze(x) if wanted is None else ops.squeeze(x, tuple(wanted))


@operator("Unsqueeze")
def _unsqueeze(node: Node, x: Any, axes: Any = None) -> Any:
    return ops.expand_dims(x, tuple(node.get("axes") if axes is None else integers(axes)))


@operator("Concat")
def _concat(node: Node, *inputs: Any) -> Any:
    return ops.concatenate(list(inputs), axis=node.get("axis", 1))


@operator("Split")
def _split(node: Node, x: Any, sizes: Any = None) -> Any:
    axis = node.get("axis", 0)
    length = as_array(x).shape[axis]
    given = node.get("split") if sizes is None else integers(sizes)
    if given is None:
        each = -(-length // node.count)
        given = [max(min(each, length - k * each), 0) for k in range(node.count)]
    return tuple(ops.split(x, np.cumsum(given)[:-1].tolist(), axis=axis))


@operator("Slice")
def _slice(node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    first, last = (node.get("starts"), node.get("ends")) if starts is None else (integers(starts), integers(ends))
    where_ = node.get("axes") if axes is None else integers(axes)
    shape = as_array(x).shape
    index = [slice(None)] * len(shape)
    for k, (start, stop) in enumerate(zip(first, last)):
        axis, step = (k if where_ is None else where_[k]), 1 if steps is None else integers(steps)[k]
        n = shape[axis]
        start = start + n if start < 0 else start
        stop = stop + n if stop < 0 else stop
        if step > 0:
            index[axis] = slice(min(max(start, 0), n), min(max(stop, 0), n), step)
        else:
            start, stop = min(max(start, -1), n - 1), max(stop, -1)
            index[axis] = slice(max(start, 0), None if stop < 0 else stop, step) if start >= 0 else slice(0, 0)
    return ops.getitem(x, tuple(index))


@operator("Gather")
def _gather(node: Node, x: Any, indices: Any) -> Any:
    axis = node.get("axis", 0)
    places = np.asarray(as_array(indices)).astype(np.intp)
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        return np.take(x, places, axis)
    if (
        axis == 0
        and places.ndim
        and as_array(x).ndim == 2
        and isinstance(x, Tensor)
        and (places.size == 0 or places.min() >= 0)
    ):
        return F.embedding(
            indices if isinstance(indices, Tensor) and as_array(indices).dtype.kind in "iu" else places, x
        )
    length = as_array(x).shape[axis]
    if places.size and (places.min() < -length or places.max() >= length):
        raise IndexError(f"an index of {places.min()} ... {places.max()} in an axis of {length}")
    return ops.take(x, np.where(places < 0, places + length, places), axis)


@operator("GatherElements")
def _gather_elements(node: Node, x: Any, indices: Any) -> Any:
    axis, places = node.get("axis", 0), as_array(indices).astype(np.intp)
    index = [
        np.arange(n).reshape([-1 if j == k else 1 for j in range(places.ndim)]) for k, n in enumerate(places.shape)
    ]
    index[axis] = places
    return ops.getitem(x, tuple(np.broadcast_arrays(*index)))


@operator("GatherND")
def _gather_nd(node: Node, x: Any, indices: Any) -> Any:
    if node.get("batch_dims", 0):
        raise node.refuse("with batch_dims")
    places = np.asarray(as_array(indices)).astype(np.intp)
    return ops.getitem(x, tuple(np.moveaxis(places, -1, 0)))


@operator("ScatterElements", "Scatter")
def _scatter_elements(node: Node, x: Any, indices: Any, updates: Any) -> Any:
    axis, places = node.get("axis", 0), as_array(indices).astype(np.intp)
    index = [
        np.arange(n).reshape([-1 if j == k else 1 for j in range(places.ndim)]) for k, n in enumerate(places.shape)
    ]
    length = as_array(x).shape[axis]
    index[axis] = np.where(places < 0, places + length, places)
    return _written(node, x, tuple(np.broadcast_arrays(*index)), updates)


@operator("ScatterND")
def _scatter_nd(node: Node, x: Any, indices: Any, updates: Any) -> Any:
    places = np.asarray(as_array(indices)).astype(np.intp)
    return _written(node, x, tuple(np.moveaxis(places, -1, 0)), updates)


def _written(node: Node, x: Any, index: tuple, updates: Any) -> Any:
    how = node.get("reduction", "none")
    if how == "none":
        return ops.setitem(x, updates, index)
    if how == "add":
        return ops.add_at(x, index, updates)
    raise node.refuse(f"with reduction={how!r}")


@operator("Expand")
def _expand(node: Node, x: Any, shape: Any) -> Any:
    return ops.broadcast_to(x, np.broadcast_shapes(as_array(x).shape, tuple(integers(shape))))


@operator("Tile")
def _tile(node: Node, x: Any, repeats: Any) -> Any:
    return ops.tile(x, tuple(integers(repeats)))


@operator("Pad")
def _pad(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    given = node.get("pads", node.get("paddings")) if pads is None else integers(pads)
    fill = node.get("value", 0.0) if value is None else scalar(value).item()
    ndim = as_array(x).ndim
    chosen = range(ndim) if axes is None else [a % ndim for a in integers(axes)]
    width = [[0, 0] for _ in range(ndim)]
    for k, axis in enumerate(chosen):
        width[axis] = [given[k], given[k + len(chosen)]]
    if any(n < 0 for pair in width for n in pair):  # a negative padding cuts off
        index = tuple([slice(max(-a, 0), as_array(x).shape[k] - max(-b, 0)) for k, (a, b) in enumerate(width)])
        x, width = ops.getitem(x, index), [[max(a, 0), max(b, 0)] for a, b in width]
    mode = node.get("mode", "constant")
    more = {"constant_values": fill} if mode == "constant" else {}
    return ops.pad(x, tuple(map(tuple, width)), mode=mode, **more)


@operator("Range")
def _range(node: Node, start: Any, limit: Any, delta: Any) -> Any:
    first, last, step = (scalar(x) for x in (start, limit, delta))
    count = max(math.ceil((last - first) / step), 0)
    return (first + step * np.arange(count)).astype(first.dtype)


@operator("ConstantOfShape")
def _constant_of_shape(node: Node, shape: Any) -> Any:
    value = node.get("value")
    fill = np.zeros(1, np.float32) if value is None else np.asarray(value)
    return np.full(tuple(integers(shape)), fill.reshape(-1)[0], fill.dtype)


@operator("EyeLike")
def _eye_like(node: Node, x: Any) -> Any:
    like = as_array(x)
    dtype = like.dtype if node.get("dtype") is None else helper.tensor_dtype_to_np_dtype(node.get("dtype"))
    rows, columns = like.shape
    return from_owned(np.eye(rows, columns, k=node.get("k", 0)).astype(dtype))


@operator("Trilu")
def _trilu(node: Node, x: Any, k: Any = None) -> Any:
    return (ops.triu if node.get("upper", 1) else ops.tril)(x, 0 if k is None else int(scalar(k)))


@operator("OneHot")
def _one_hot(node: Node, indices: Any, depth: Any, values: Any) -> Any:
    n, (off, on) = int(scalar(depth)), np.asarray(as_array(values))
    places = np.asarray(as_array(indices)).astype(np.int64)
    hot = np.where(places < 0, places + n, places)[..., None] == np.arange(n)
    return from_owned(np.moveaxis(np.where(hot, on, off).astype(as_array(values).dtype), -1, node.get("axis", -1)))


@operator("NonZero")
def _nonzero(node: Node, x: Any) -> Any:
    return from_owned(np.array(np.nonzero(as_array(x)), np.int64))


@operator("Compress")
def _compress(node: Node, x: Any, condition: Any) -> Any:
    places = np.nonzero(as_array(condition))[0]
    return ops.take(x, places, node.get("axis"))


@operator("Dropout")
def _dropout(node: Node, x: Any, ratio: Any = None, training: Any = None) -> Any:
    share = node.get("ratio", 0.5) if ratio is None else float(scalar(ratio))
    return F.dropout(x, share, node.training)


@operator("DepthToSpace", "SpaceToDepth")
def _blocks(node: Node, x: Any) -> Any:
    n, c, h, w = as_array(x).shape
    b = node.get("blocksize")
    if node.kind == "SpaceToDepth":
        x = ops.transpose(ops.reshape(x, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
        return ops.reshape(x, (n, c * b * b, h // b, w // b))
    if node.get("mode", "DCR") == "DCR":
        x = ops.transpose(ops.reshape(x, (n, b, b, c // (b * b), h, w)), (0, 3, 4, 1, 5, 2))
    else:
        x = ops.transpose(ops.reshape(x, (n, c // (b * b), b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (n, c // (b * b), h * b, w * b))


def pairs(pads: Sequence[int]) -> list[tuple[int, int]]:
    """Return ONNX's list of paddings, first all begins and then all ends, as a pair for each axis."""
    half = len(pads) // 2
    return list(zip(pads[:half], pads[half:]))
