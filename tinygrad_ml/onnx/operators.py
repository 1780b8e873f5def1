"""ONNX's operators as operations with gradients: elements, arrays, shapes, indices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import helper

from .. import linalg, ops
from ..nn import functional as F
from ..tensor import Tensor, as_array, as_tensor, from_owned
from .errors import LoadError

__all__ = ["OPERATORS", "Node", "integers", "operator"]

OPERATORS: dict[str, Callable] = {}
"""For each operator what computes it: `function(node, *inputs)`."""


class Node:
    """What a node of a file says besides its inputs.

    Attributes
    ----------
    kind, name : of the operator, and of the node
    attributes : dict
    version : of the set of operators that the file uses
    count : the number of outputs
    training : whether the module is in training mode
    """

    training = False

    def __init__(self, kind: str, name: str, attributes: dict[str, Any], version: int, count: int):
        self.kind, self.name, self.attributes, self.version, self.count = kind, name, attributes, version, count

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def refuse(self, what: str) -> LoadError:
        """Return the error for something that is not known here."""
        at = f" (node {self.name!r})" if self.name else ""
        return LoadError(f"{self.kind}{at} {what}, which tg.onnx.load does not know")


def operator(*names: str) -> Callable[[Callable], Callable]:
    """Let a function compute the operators of these names: a decorator."""

    def register(function: Callable) -> Callable:
        for name in names:
            OPERATORS[name] = function
        return function

    return register


def integers(x: Any) -> list[int]:
    """Return a shape, or axes, as Python's integers."""
    return [int(n) for n in np.asarray(as_array(x)).reshape(-1)]


def scalar(x: Any) -> Any:
    """Return the only element of a constant."""
    return np.asarray(as_array(x)).reshape(-1)[0]


# ---------------------------------------------------------------------- elements

for _name, _function in {
    **{"Abs": ops.abs, "Neg": ops.negative, "Exp": ops.exp, "Log": ops.log, "Sqrt": ops.sqrt, "Sin": ops.sin},
    **{"Reciprocal": ops.reciprocal, "Cos": ops.cos, "Tan": ops.tan, "Asin": ops.arcsin, "Acos": ops.arccos},
    **{"Atan": ops.arctan, "Sinh": ops.sinh, "Cosh": ops.cosh, "Tanh": ops.tanh, "Asinh": ops.arcsinh},
    **{"Acosh": ops.arccosh, "Atanh": ops.arctanh, "Sign": ops.sign, "Floor": ops.floor, "Ceil": ops.ceil},
    **{"Round": ops.rint, "Erf": ops.erf, "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Softsign": ops.softsign},
    **{"Not": ops.logical_not, "IsNaN": ops.isnan, "HardSwish": F.hardswish, "Mish": ops.mish},
    **{"And": ops.logical_and, "Or": ops.logical_or, "Xor": ops.logical_xor, "Equal": ops.equal, "Less": ops.less},
    **{"Greater": ops.greater, "LessOrEqual": ops.less_equal, "GreaterOrEqual": ops.greater_equal},
    **{"Add": ops.add, "Sub": ops.subtract, "Mul": ops.multiply, "MatMul": ops.matmul},
    **{"Det": linalg.det},
}.items():
    OPERATORS[_name] = lambda node, *inputs, function=_function: function(*inputs)


@operator("Where")
def _where(node: Node, condition: Any, x: Any, y: Any) -> Any:
    if "O" in (as_array(x).dtype.kind, as_array(y).dtype.kind):
        return np.where(as_array(condition), x, y)
    return ops.where(condition, x, y)


@operator("Identity")
def _identity(node: Node, x: Any) -> Any:
    return x


@operator("Constant")
def _constant(node: Node) -> Any:
    ((name, value),) = node.attributes.items()
    if name == "value":
        return value
    dtype = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    return np.array(value, dtype.get(name, object))


@operator("Div")
def _div(node: Node, x: Any, y: Any) -> Any:
    if all(as_array(part).dtype.kind in "iu" for part in (x, y)):  # towards zero
        a, b = as_array(x), as_array(y)
        return from_owned(np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), a.dtype))
    return ops.divide(x, y)


@operator("Mod")
def _mod(node: Node, x: Any, y: Any) -> Any:
    return ops.fmod(x, y) if node.get("fmod", 0) else ops.remainder(x, y)


@operator("Pow")
def _pow(node: Node, x: Any, y: Any) -> Any:
    exponent = as_array(y)
    if not isinstance(y, Tensor) and exponent.size == 1 and exponent.ndim <= np.ndim(as_array(x)):
        return ops.power(x, exponent.item())
    return ops.power(x, as_tensor(y).astype(as_array(x).dtype)).astype(as_array(x).dtype)


def _folded(function: Callable) -> Callable:
    def fold(node: Node, *inputs: Any) -> Any:
        out = inputs[0]
        for x in inputs[1:]:
            out = function(out, x)
        return out

    return fold


OPERATORS["Max"], OPERATORS["Min"], OPERATORS["Sum"] = map(_folded, (ops.maximum, ops.minimum, ops.add))
for _name, _function in {
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
}.items():
    OPERATORS[_name] = lambda node, x, y, function=_function: from_owned(np.asarray(function(as_array(x), as_array(y))))
OPERATORS["BitwiseNot"] = lambda node, x: from_owned(np.invert(as_array(x)))


@operator("Mean")
def _mean_of(node: Node, *inputs: Any) -> Any:
    return OPERATORS["Sum"](node, *inputs) / len(inputs)


@operator("IsInf")
def _isinf(node: Node, x: Any) -> Any:
    high, low = node.get("detect_positive", 1), node.get("detect_negative", 1)
    return ops.logical_or(ops.equal(x, np.inf if high else np.nan), ops.equal(x, -np.inf if low else np.nan))


@operator("Clip")
def _clip(node: Node, x: Any, low: Any = None, high: Any = None) -> Any:
    low = node.get("min") if low is None else scalar(low).item()
    high = node.get("max") if high is None else scalar(high).item()
    return as_tensor(x) if low is None and high is None else ops.clip(x, low, high)


@operator("PRelu")
def _prelu(node: Node, x: Any, slope: Any) -> Any:
    return ops.where(ops.greater(x, 0), x, ops.multiply(slope, x))


@operator("LeakyRelu")
def _leaky_relu(node: Node, x: Any) -> Any:
    return ops.leaky_relu(x, negative_slope=node.get("alpha", 0.01))


@operator("Elu", "Celu")
def _elu(node: Node, x: Any) -> Any:
    alpha = node.get("alpha", 1.0)
    if node.kind == "Elu":
        return ops.elu(x, alpha=alpha)
    return ops.elu(ops.divide(x, alpha), alpha=1.0) * alpha


@operator("Selu")
def _selu(node: Node, x: Any) -> Any:
    alpha, gamma = node.get("alpha", 1.6732632423543772), node.get("gamma", 1.0507009873554805)
    return ops.elu(x, alpha=alpha) * gamma


@operator("HardSigmoid")
def _hard_sigmoid(node: Node, x: Any) -> Any:
    return ops.clip(ops.multiply(x, node.get("alpha", 0.2)) + node.get("beta", 0.5), 0.0, 1.0)


@operator("ThresholdedRelu")
def _thresholded(node: Node, x: Any) -> Any:
    return ops.where(ops.greater(x, node.get("alpha", 1.0)), x, 0.0)


@operator("Softplus")
def _softplus(node: Node, x: Any) -> Any:
    return ops.logaddexp(x, 0.0)


@operator("Gelu")
def _gelu(node: Node, x: Any) -> Any:
    return ops.gelu(x, approximate=node.get("approximate", "none"))


@operator("Swish")
def _swish(node: Node, x: Any) -> Any:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, node.get("alpha", 1.0))))


@operator("Softmax", "LogSoftmax", "Hardmax")
def _softmax(node: Node, x: Any) -> Any:
    """Return the softmax; before version 13 over all axes from `axis` on, as if they were one."""
    shape = as_tensor(x).shape
    axis = node.get("axis", -1 if node.version >= 13 else 1)
    if node.version < 13:
        axis = axis % max(len(shape), 1)
        x = ops.reshape(x, (math.prod(shape[:axis]), -1))
        axis = 1
    if node.kind == "Hardmax":
        out = ops.moveaxis(
            ops.one_hot(ops.argmax(x, axis=axis), as_tensor(x).shape[axis], dtype=as_tensor(x).dtype), -1, axis
        )
    else:
        out = (ops.softmax if node.kind == "Softmax" else ops.log_softmax)(x, axis=axis)
    return ops.reshape(out, shape)


@operator("Cast", "CastLike")
def _cast(node: Node, x: Any, like: Any = None) -> Any:
    if node.kind == "CastLike":
        dtype = as_array(like).dtype
    else:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(node.get("to")))
    if dtype.kind not in "fiubO" or (isinstance(x, np.ndarray) and (dtype.kind == "O" or x.dtype.kind in "OSU")):
        return np.asarray(x).astype(str if dtype.kind == "O" else dtype)
    return as_tensor(x).astype(dtype)


# ---------------------------------------------------------------------- reductions


@operator(
    *("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum"),
    *("ReduceLogSumExp", "ReduceSumSquare"),
)
def _reduce(node: Node, x: Any, axes: Any = None) -> Any:
    given = node.get("axes") if axes is None else integers(axes)
    if not given and node.get("noop_with_empty_axes", 0):
        return as_tensor(x)
    how: dict[str, Any] = {"axis": tuple(given) if given else None, "keepdims": bool(node.get("keepdims", 1))}
    kind = node.kind.removeprefix("Reduce")
    if kind in ("Max", "Min", "Mean", "Prod"):
        if kind == "Prod" and isinstance(how["axis"], tuple):
            out = as_tensor(x)
            for axis in how["axis"]:
                out = ops.prod(out, axis=axis, keepdims=True)
            return out if how["keepdims"] else ops.squeeze(out, how["axis"])
        return {"Max": ops.max, "Min": ops.min, "Mean": ops.mean, "Prod": ops.prod}[kind](x, **how)
    if kind == "LogSumExp":
        return ops.logsumexp(x, **how)
    if kind == "L2":
        return linalg.vector_norm(x, **how)
    inner = {"L1": ops.abs, "SumSquare": ops.square}.get(kind)
    total = ops.sum(x if inner is None else inner(x), **how)
    if kind == "LogSum":
        return ops.log(total)
    return total.astype(as_array(x).dtype) if total.dtype.kind in "iu" else total


@operator("ArgMax", "ArgMin")
def _arg(node: Node, x: Any) -> Any:
    axis = node.get("axis", 0)
    function = ops.argmax if node.kind == "ArgMax" else ops.argmin
    if node.get("select_last_index", 0):
        out = as_tensor(x).shape[axis] - 1 - function(ops.flip(x, axis), axis=axis, keepdims=True)
    else:
        out = function(x, axis=axis, keepdims=True)
    return out if node.get("keepdims", 1) else ops.squeeze(out, axis)


@operator("CumSum")
def _cumsum(node: Node, x: Any, axis: Any) -> Any:
    axis, back = int(scalar(axis)), node.get("reverse", 0)
    x = ops.flip(x, axis) if back else as_tensor(x)
    out = ops.cumsum(x, axis=axis)
    out = out - x if node.get("exclusive", 0) else out
    return ops.flip(out, axis) if back else out


@operator("TopK")
def _topk(node: Node, x: Any, k: Any = None) -> Any:
    count = int(scalar(k)) if k is not None else node.get("k")
    return ops.topk(x, count, axis=node.get("axis", -1), largest=bool(node.get("largest", 1)))


# ---------------------------------------------------------------------- products


@operator("Gemm")
def _gemm(node: Node, a: Any, b: Any, c: Any = None) -> Any:
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    a = ops.transpose(a) if node.get("transA", 0) else a
    if node.get("transB", 0) and alpha == beta == 1.0 and c is not None and np.ndim(as_array(c)) == 1:
        return F.linear(a, b, c)
    out = ops.matmul(a, ops.transpose(b) if node.get("transB", 0) else b)
    out = out if alpha == 1.0 else out * alpha
    return out if c is None else out + (c if beta == 1.0 else ops.multiply(c, beta))


@operator("Einsum")
def _einsum(node: Node, *inputs: Any) -> Any:
    return ops.einsum(node.get("equation"), *inputs)


# ---------------------------------------------------------------------- shapes


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
