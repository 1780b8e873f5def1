"""How the operations behind layers are written: affine maps, convolution, pooling, norms, recurrence, losses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops.pool import counts
from .arrays import expanded
from .elementwise import number, softplus
from .errors import ExportError
from .reductions import reduced
from .sizes import MergedStep, Size
from .writer import Call, Part, Writer, rule


@rule("affine", "project")
def _affine(w: Writer, call: Call) -> Any:
    x, weight, *bias = call.of(call.dtype)
    if x.ndim == 2 and weight.ndim == 2:
        return w.op("Gemm", x, weight, *bias, transB=1)
    out = w.op("MatMul", x, w.op("Transpose", weight, perm=[*range(weight.ndim - 2), weight.ndim - 1, weight.ndim - 2]))
    return w.op("Add", out, bias[0]) if bias else out


# ---------------------------------------------------------------------- convolution


@rule("conv2d")
def _conv2d(w: Writer, call: Call) -> Any:
    geometry = call.get("geometry")
    x, weight = w.part(call.inputs[0], call.dtype), w.part(call.inputs[1], call.dtype)
    given = call.inputs[2]
    bias = w.part(given, call.dtype) if not isinstance(given, (int, float)) else None
    kernel = [int(n) for n in weight.shape[2:]]
    (top, bottom), (left, right) = geometry.padding
    if min(top, bottom, left, right) < 0:
        x = w.op("Pad", x, w.integers([0, 0, min(top, 0), min(left, 0), 0, 0, min(bottom, 0), min(right, 0)]))
    pads = [max(p, 0) for p in (top, left, bottom, right)]
    inputs = [x, weight] if bias is None or bias.ndim == 0 else [x, weight, bias]
    out = w.op(
        "Conv",
        *inputs,
        kernel_shape=kernel,
        strides=list(geometry.stride),
        dilations=list(geometry.dilation),
        pads=pads,
        group=geometry.groups,
    )
    return out if len(inputs) == 3 or not given else w.op("Add", out, bias)


@rule("conv2d_input")
def _conv2d_input(w: Writer, call: Call) -> Any:
    geometry, size = call.get("geometry"), call.get("size")
    y, weight = call.of(call.dtype)
    kernel = [int(n) for n in weight.shape[2:]]
    whole = []  # lengths before the padding is cut off
    for n, k, s, d in zip(y.shape[2:], kernel, geometry.stride, geometry.dilation):
        if isinstance(n, Size):
            raise ExportError(f"a transposed convolution of an image of free size has no form in ONNX{w.place}")
        whole.append((n - 1) * s + d * (k - 1) + 1)
    out = w.op(
        "ConvTranspose",
        y,
        weight,
        kernel_shape=kernel,
        strides=list(geometry.stride),
        dilations=list(geometry.dilation),
        group=geometry.groups,
    )
    pads = [0, 0, 0, 0]
    for k, ((before, _), length, wanted) in enumerate(zip(geometry.padding, whole, size)):
        pads[k], pads[2 + k] = -before, wanted + before - length
    if any(pads):
        out = w.op("Pad", out, w.integers([0, 0, *pads[:2], 0, 0, *pads[2:]]))
    return out


# ---------------------------------------------------------------------- pooling


def _padded(w: Writer, x: Part, geometry: Any, value: float) -> Part:
    """Return a stack of images (n, 1, height, width), padded."""
    (top, bottom), (left, right) = geometry.padding
    if not any((top, bottom, left, right)):
        return x
    return w.op("Pad", x, w.integers([0, 0, top, left, 0, 0, bottom, right]), number(w, x, value))


@rule("max_pool2d")
def _max_pool2d(w: Writer, call: Call) -> Any:
    geometry, kernel = call.get("geometry"), call.get("kernel")
    x = call[0]
    if x.dtype.kind != "f":
        x = w.cast(x, np.float64 if x.dtype.itemsize > 2 else np.float32)
    x = w.op("Unsqueeze", x, w.integers([1]), shape=None)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, geometry.dilation)]
    (top, bottom), (left, right) = geometry.padding
    inside = max(top, bottom) < min(reach[0], kernel[0]) and max(left, right) < min(reach[1], kernel[1])
    pads = [top, left, bottom, right] if inside else [0] * 4
    out = w.op(
        "MaxPool",
        x if inside else _padded(w, x, geometry, -np.inf),
        kernel_shape=list(kernel),
        strides=list(geometry.stride),
        dilations=list(geometry.dilation),
        pads=pads,
    )
    return w.op("Squeeze", out, w.integers([1]))


@rule("max_pool2d_input")
def _max_unpool2d(w: Writer, call: Call) -> Any:
    y = call[0]
    places = w.part(call.get("places"), np.int64)
    zeros = w.op("Reshape", expanded(w, w.constant(0, call.dtype), call.shape), w.integers([-1]))
    flat = [w.op("Reshape", p, w.integers([-1])) for p in (places, y)]
    out = w.op("ScatterElements", zeros, *flat, axis=0, reduction="add")
    return w.reshape(out, call.shape)


@rule("avg_pool2d")
def _avg_pool2d(w: Writer, call: Call) -> Any:
    geometry, kernel, counted = call.get("geometry"), call.get("kernel"), call.get("counted", default=(0, 0))
    x = w.part(call.inputs[0], call.dtype)
    size = x.shape[1:]
    if any(isinstance(n, Size) for n in size) and any(map(any, geometry.padding)):
        raise ExportError(f"average pooling with padding of an image of free size has no form in ONNX{w.place}")
    wide = _padded(w, w.op("Unsqueeze", x, w.integers([1])), geometry, 0)
    out = w.op("AveragePool", wide, kernel_shape=list(kernel), strides=list(geometry.stride))
    out = w.op("Squeeze", out, w.integers([1]))
    if isinstance(counted, int):
        factors = np.array(math.prod(kernel) / counted)
    elif not any(map(any, geometry.padding)):
        return out
    else:
        factors = math.prod(kernel) / counts(size, kernel, geometry, counted)
    return out if np.all(factors == 1) else w.op("Mul", out, w.constant(factors, x.dtype))


# ---------------------------------------------------------------------- norms


@rule("batch_norm")
def _batch_norm(w: Writer, call: Call) -> Any:
    x, mean, variance = (w.part(call.inputs[k], call.dtype) for k in (0, 3, 4))
    scale, shift = (
        w.constant(np.full(mean.shape, usual), x.dtype) if given is None else w.part(given, x.dtype)
        for given, usual in zip(call.inputs[1:3], (1, 0))
    )
    return w.op("BatchNormalization", x, scale, shift, mean, variance, epsilon=float(call.get("eps")))


@rule("dropout")
def _dropout(w: Writer, call: Call) -> Any:
    return w.op("Dropout", call[0], w.constant(call.inputs[1], np.float32))


@rule("normalize")
def _normalize(w: Writer, call: Call) -> Any:
    x, weight, bias = (w.part(p, call.dtype) for p in call.inputs)
    last, groups, eps = call.get("last"), call.get("groups"), call.get("eps")
    if last:
        shape = x.shape[-last:]
        if not any(isinstance(n, Size) for n in shape):
            scale, shift = (
                w.constant(np.full(shape, given), x.dtype) if isinstance(given, (int, float)) else part
                for given, part in zip(call.inputs[1:], (weight, bias))
            )
            return w.op("LayerNormalization", x, scale, shift, axis=-last, epsilon=float(eps))
        axes = list(range(x.ndim - last, x.ndim))
        return _standardized(w, x, axes, weight, bias, eps)
    if groups:
        n, channels, *rest = x.shape
        flat = w.op("Reshape", x, w.sizes_of([0, groups, -1]), shape=(n, groups, None))
        flat = _standardized(w, flat, [2], None, None, eps)
        out = w.op("Reshape", flat, w.op("Shape", x, dtype=np.int64), shape=x.shape)
        wanted: tuple = (channels, *(1,) * len(rest))
    else:
        out = _standardized(w, x, [k for k in range(x.ndim) if k != 1], None, None, eps)
        wanted = (x.shape[1], *(1,) * (x.ndim - 2))
    weight, bias = (p if p.ndim == 0 else w.reshape(p, wanted) for p in (weight, bias))
    return w.op("Add", w.op("Mul", out, weight), bias)


def _standardized(w: Writer, x: Part, axes: list[int], weight: Any, bias: Any, eps: float) -> Part:
    gap = w.op("Sub", x, reduced(w, "Mean", x, axes, True), shape=x.shape)
    variance = reduced(w, "Mean", w.op("Mul", gap, gap, shape=x.shape), axes, True)
    out = w.op("Div", gap, w.op("Sqrt", w.op("Add", variance, number(w, x, eps))))
    return out if weight is None else w.op("Add", w.op("Mul", out, weight), bias)


# ---------------------------------------------------------------------- recurrent layers


def _before(w: Writer, x: Any, name: tuple[str, ...]) -> MergedStep | None:
    """Return the step that made an input, if it is one of these operations."""
    step = w.parts[x].step if x in w.parts else None
    return step if step is not None and step.name in name else None


@rule("rnn", "gru", "lstm")
def _recurrent(w: Writer, call: Call) -> Any:
    """Write a whole sequence as one node, which gets the weights of the input, too, if an affine map made the gates."""
    kind, dtype = call.step.name, call.dtype
    weight, bias = (w.part(p, dtype) for p in call.inputs[-2:])
    states = [w.op("Unsqueeze", w.part(s, dtype), w.integers([0])) for s in call.inputs[1:-2]]
    rows, hidden = weight.shape
    made = _before(w, call.inputs[0], ("affine", "project"))
    x, entering, shift = w.part(call.inputs[0], dtype), None, None
    if made is not None and w.part(made.inputs[0]).ndim == 3 and w.part(made.inputs[1]).shape[0] == rows:
        x, entering = w.part(made.inputs[0], dtype), w.part(made.inputs[1], dtype)
        shift = w.part(made.inputs[2], dtype) if made.name == "affine" else None
    if entering is None:
        entering = w.constant(np.eye(rows), dtype)
    if shift is None:
        shift = w.constant(np.zeros(rows), dtype)
    bias = bias if bias.ndim else expanded(w, bias, (rows,))
    stacked = [_gates(w, p, kind, hidden) for p in (entering, weight, shift, bias)]
    weights = [w.op("Unsqueeze", p, w.integers([0])) for p in stacked[:2]]
    biases = w.op("Unsqueeze", w.op("Concat", *stacked[2:], axis=0), w.integers([0]))
    options: dict[str, Any] = {"hidden_size": int(hidden)}
    if kind == "rnn" and call.get("nonlinearity") == "relu":
        options["activations"] = ["Relu"]
    if kind == "gru":
        options["linear_before_reset"] = 1
    count = 3 if kind == "lstm" else 2
    out = w.op(kind.upper(), x, *weights, biases, None, *states, outputs=count, dtype=dtype, **options)
    after = w.op("Squeeze", out[0], w.integers([1]))
    return (after, w.op("Squeeze", out[2], w.integers([0]))) if kind == "lstm" else after


ORDERS = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}  # ONNX has i, o, f, c and z, r, h


def _gates(w: Writer, part: Part, kind: str, hidden: int) -> Part:
    """Return weights with the gates in ONNX's order."""
    order = ORDERS[kind]
    if len(order) == 1:
        return part
    pieces = w.op("Split", part, w.integers([hidden] * len(order)), axis=0, outputs=len(order))
    return w.op("Concat", *(pieces[k] for k in order), axis=0)


# ---------------------------------------------------------------------- losses


def _reduce(w: Writer, losses: Part, reduction: str, shape: Any = None) -> Part:
    if reduction == "none":
        return losses
    return w.op("ReduceMean" if reduction == "mean" else "ReduceSum", losses, keepdims=0)


@rule("squared_error")
def _squared_error(w: Writer, call: Call) -> Any:
    x, target = call.of(call.dtype)
    gap = w.op("Sub", x, target)
    return _reduce(w, w.op("Mul", gap, gap), call.get("reduction"))


@rule("huber")
def _huber(w: Writer, call: Call) -> Any:
    x, delta = w.part(call.inputs[0], call.dtype), float(call.get("delta"))
    size = w.op("Abs", x)
    square = w.op("Mul", w.op("Mul", x, x), number(w, x, 0.5))
    far = w.op("Mul", w.op("Sub", size, number(w, x, delta / 2)), number(w, x, delta))
    return w.op("Where", w.op("LessOrEqual", size, number(w, x, delta), dtype=bool), square, far, dtype=x.dtype)


@rule("binary_cross_entropy")
def _binary_cross_entropy(w: Writer, call: Call) -> Any:
    p, target = call.of(call.dtype)
    one, floor = number(w, p, 1), number(w, p, -100)
    logs = [w.op("Max", w.op("Log", q), floor) for q in (p, w.op("Sub", one, p))]
    both = w.op("Add", w.op("Mul", target, logs[0]), w.op("Mul", w.op("Sub", one, target), logs[1]))
    return w.op("Neg", both)


@rule("binary_cross_entropy_with_logits")
def _binary_cross_entropy_with_logits(w: Writer, call: Call) -> Any:
    x, target = call.of(call.dtype)
    losses = w.op("Sub", softplus(w, x), w.op("Mul", x, target))
    return _reduce(w, losses, call.get("reduction"))


@rule("softmax_cross_entropy")
def _softmax_cross_entropy(w: Writer, call: Call) -> Any:
    x, target = w.part(call.inputs[0], call.dtype), w.part(call.get("target"))
    logs = w.op("LogSoftmax", x, axis=1, shape=x.shape)
    if target.dtype.kind == "f" or target.ndim == x.ndim:
        losses = w.op("Neg", reduced(w, "Sum", w.op("Mul", w.cast(target, x.dtype), logs, shape=x.shape), 1, False))
    else:
        place = w.op("Unsqueeze", w.cast(target, np.int64), w.integers([1]))
        losses = w.op("Neg", w.op("Squeeze", w.op("GatherElements", logs, place, axis=1), w.integers([1])))
    return _reduce(w, losses, call.get("reduction"))
