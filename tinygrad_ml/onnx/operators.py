"""ONNX's operators as operations with gradients: the table, elements, reductions, products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from .. import linalg, ops
from ..nn import functional as F
from ..tensor import Tensor, as_array, as_tensor, from_owned
from .errors import LoadError

__all__ = ["OPERATORS", "Node", "integers", "operator", "scalar"]

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
