"""ONNX's operators of layers as operations with gradients: windows, norms, recurrence, resizing, losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..nn import functional as F
from ..tensor import Tensor, as_array, as_tensor, from_owned
from .operators import Node, integers, operator
from .operators_arrays import pairs

# ---------------------------------------------------------------------- windows


def _paddings(node: Node, size: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Return the padding of each axis, at its begin and its end."""
    n = len(kernel)
    how = node.get("auto_pad", "NOTSET")
    if how in ("NOTSET", ""):
        return pairs(node.get("pads", [0] * (2 * n)))
    if how == "VALID":
        return [(0, 0)] * n
    found = []
    for length, k, s, d in zip(size, kernel, node.get("strides", [1] * n), node.get("dilations", [1] * n)):
        total = max((-(-length // s) - 1) * s + d * (k - 1) + 1 - length, 0)
        found.append((total // 2, total - total // 2) if how == "SAME_UPPER" else (total - total // 2, total // 2))
    return found


def _padded(x: Any, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Any:
    if not any(map(any, pads)):
        return x
    if any(n < 0 for pair in pads for n in pair):
        index = [slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape[2:], pads)]
        x = x[(slice(None), slice(None), *index)]
        pads = [(max(a, 0), max(b, 0)) for a, b in pads]
    return ops.pad(x, ((0, 0), (0, 0), *pads), constant_values=value)


def _axes(node: Node, x: Any) -> int:
    """Return the number of axes that windows move over: one or two."""
    n = as_array(x).ndim - 2
    if n not in (1, 2):
        raise node.refuse(f"over {n} axes")
    return n


@operator("Conv")
def _conv(node: Node, x: Any, weight: Any, bias: Any = None) -> Any:
    n, x = _axes(node, x), as_tensor(x)
    kernel = as_array(weight).shape[2:]
    pads = _paddings(node, x.shape[2:], kernel)
    if any(a != b or a < 0 for a, b in pads):
        x, pads = _padded(x, pads), [(0, 0)] * n
    return (ops.conv1d if n == 1 else ops.conv2d)(
        x,
        weight,
        bias,
        tuple(node.get("strides", [1] * n)),
        tuple(a for a, _ in pads),
        tuple(node.get("dilations", [1] * n)),
        node.get("group", 1),
    )


@operator("ConvTranspose")
def _conv_transpose(node: Node, x: Any, weight: Any, bias: Any = None) -> Any:
    n, x = _axes(node, x), as_tensor(x)
    kernel = as_array(weight).shape[2:]
    strides, dilations = node.get("strides", [1] * n), node.get("dilations", [1] * n)
    added = node.get("output_padding", [0] * n)
    pads = pairs(node.get("pads", [0] * (2 * n)))
    whole = [(m - 1) * s + d * (k - 1) + 1 for m, s, d, k in zip(x.shape[2:], strides, dilations, kernel)]
    how = node.get("auto_pad", "NOTSET")
    wanted = node.get("output_shape")
    if wanted is None and how.startswith("SAME"):
        wanted = [m * s for m, s in zip(x.shape[2:], strides)]
    if wanted is not None:
        total = [w + a - o for w, a, o in zip(whole, added, wanted[-n:])]
        pads = [(t - t // 2, t // 2) if how != "SAME_UPPER" else (t // 2, t - t // 2) for t in total]
    out = (ops.conv_transpose1d if n == 1 else ops.conv_transpose2d)(
        x, weight, None, tuple(strides), 0, 0, node.get("group", 1), tuple(dilations)
    )
    out = _padded(out, [(-a, o - b) for (a, b), o in zip(pads, added)])
    return out if bias is None else out + ops.reshape(bias, (-1, *(1,) * n))


def _ceil(
    x: Any,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
) -> list[int]:
    """Return how much more padding at the ends lets the last window, which begins inside, be whole."""
    more = []
    for m, k, s, d, a, b in zip(x.shape[2:], kernel, strides, dilations, begin, end):
        reach = d * (k - 1) + 1
        last = -(-(m + a + b - reach) // s) * s
        if last >= m + a:
            last -= s
        more.append(max(last + reach - (m + a + b), 0))
    return more


@operator("MaxPool")
def _max_pool(node: Node, x: Any) -> Any:
    n, x = _axes(node, x), as_tensor(x)
    kernel = node.get("kernel_shape")
    strides, dilations = node.get("strides", [1] * n), node.get("dilations", [1] * n)
    pads = _paddings(node, x.shape[2:], kernel)
    more = [0] * n
    if node.get("ceil_mode", 0):
        more = _ceil(x, kernel, strides, dilations, *zip(*pads))
    size = x.shape[2:]
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    wide = _padded(x, [(a, b + m) for (a, b), m in zip(pads, more)], lowest)
    pool = ops.max_pool1d if n == 1 else ops.max_pool2d
    how = (tuple(kernel), tuple(strides), 0, tuple(dilations))
    if node.count == 1:
        return pool(wide, *how)
    out, places = pool(wide, *how, return_indices=True)
    where = as_array(places)
    if n == 1:
        inside = where - pads[0][0]
    else:
        row, column = np.divmod(where, wide.shape[-1])
        inside = (row - pads[0][0]) * size[-1] + column - pads[1][0]
    first = np.arange(math.prod(x.shape[:2])).reshape(*x.shape[:2], *(1,) * n) * math.prod(size)
    return out, from_owned(inside + first)


@operator("MaxUnpool")
def _max_unpool(node: Node, x: Any, places: Any, shape: Any = None) -> Any:
    n, x = _axes(node, x), as_tensor(x)
    if shape is not None:
        wanted = integers(shape)
    else:
        strides = node.get("strides", [1] * n)
        lengths = [
            (m - 1) * s + k - a - b
            for m, s, k, (a, b) in zip(
                x.shape[2:], strides, node.get("kernel_shape"), pairs(node.get("pads", [0] * 2 * n))
            )
        ]
        wanted = [*x.shape[:2], *lengths]
    flat = ops.add_at(np.zeros(math.prod(wanted), x.dtype), as_array(places).reshape(-1), ops.reshape(x, (-1,)))
    return ops.reshape(flat, tuple(wanted))


@operator("AveragePool", "LpPool")
def _average_pool(node: Node, x: Any) -> Any:
    n, x = _axes(node, x), as_tensor(x)
    kernel, strides = node.get("kernel_shape"), node.get("strides", [1] * n)
    if any(d != 1 for d in node.get("dilations", [1] * n)):
        raise node.refuse("with dilations")
    pads = _paddings(node, x.shape[2:], kernel)
    more = _ceil(x, kernel, strides, [1] * n, *zip(*pads)) if node.get("ceil_mode", 0) else [0] * n
    pool = ops.avg_pool1d if n == 1 else ops.avg_pool2d
    power = node.get("p", 2) if node.kind == "LpPool" else None
    given = x if power is None else ops.power(ops.abs(x), power)
    wide = _padded(given, [(a, b + m) for (a, b), m in zip(pads, more)])
    out = pool(wide, tuple(kernel), tuple(strides))
    if power is not None:
        return ops.power(out * math.prod(kernel), 1 / power)
    if not any(map(any, pads)) and not any(more):
        return out
    counted = np.ones((1, 1, *x.shape[2:]), x.dtype)
    if node.get("count_include_pad", 0):
        counted = np.pad(counted, ((0, 0), (0, 0), *pads), constant_values=1)
        counted = np.pad(counted, ((0, 0), (0, 0), *((0, m) for m in more)))
    else:
        counted = np.pad(counted, ((0, 0), (0, 0), *((a, b + m) for (a, b), m in zip(pads, more))))
    return out / as_array(pool(counted, tuple(kernel), tuple(strides)))


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(node: Node, x: Any) -> Any:
    axes = tuple(range(2, as_array(x).ndim))
    return (ops.mean if node.kind == "GlobalAveragePool" else ops.max)(x, axis=axes, keepdims=True)


# ---------------------------------------------------------------------- norms


@operator("BatchNormalization")
def _batch_norm(node: Node, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    """Normalise; in training mode by the batch, whose statistics move the running ones."""
    training = node.training and isinstance(mean, Tensor)
    average, spread = [t if isinstance(t, Tensor) else from_owned(np.array(t)) for t in (mean, variance)]
    momentum = 1 - node.get("momentum", 0.9)
    out = F.batch_norm(x, average, spread, scale, bias, training, momentum, node.get("epsilon", 1e-5))
    return (out, average, spread)[: node.count] if node.count > 1 else out


@operator("LayerNormalization", "RMSNormalization")
def _layer_norm(node: Node, x: Any, scale: Any, bias: Any = None) -> Any:
    if node.count > 1:
        raise node.refuse("with mean and deviation as outputs")
    shape = as_array(x).shape
    normalized = shape[node.get("axis", -1) % len(shape) :]
    eps = node.get("epsilon", 1e-5)
    out = (
        F.layer_norm(x, normalized, eps=eps)
        if node.kind == "LayerNormalization"
        else F.rms_norm(x, normalized, eps=eps)
    )
    out = out * scale
    return out if bias is None else out + bias


@operator("InstanceNormalization")
def _instance_norm(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    return F.instance_norm(x, weight=scale, bias=bias, eps=node.get("epsilon", 1e-5))


@operator("GroupNormalization")
def _group_norm(node: Node, x: Any, scale: Any, bias: Any) -> Any:
    groups, channels = node.get("num_groups"), as_array(x).shape[1]
    each = channels // as_array(scale).shape[0]  # before version 21 there is one factor for a group
    if each > 1:
        scale, bias = ops.repeat(scale, each), ops.repeat(bias, each)
    return F.group_norm(x, groups, scale, bias, node.get("epsilon", 1e-5))


@operator("MeanVarianceNormalization")
def _mean_variance(node: Node, x: Any) -> Any:
    axes = tuple(node.get("axes", [0, 2, 3]))
    gap = x - ops.mean(x, axis=axes, keepdims=True)
    return gap / ops.sqrt(ops.mean(gap * gap, axis=axes, keepdims=True) + 1e-9)


@operator("LpNormalization")
def _lp_norm(node: Node, x: Any) -> Any:
    return F.normalize(x, float(node.get("p", 2)), node.get("axis", -1), eps=0.0)


@operator("LRN")
def _local_response(node: Node, x: Any) -> Any:
    size, x = node.get("size"), as_tensor(x)
    before = (size - 1) // 2
    squares = ops.pad(x * x, ((0, 0), (before, size - 1 - before), *((0, 0),) * (x.ndim - 2)))
    total: Any = 0.0
    for k in range(size):
        total = total + squares[:, k : k + x.shape[1]]
    return x / (node.get("bias", 1.0) + node.get("alpha", 1e-4) / size * total) ** node.get("beta", 0.75)


# ---------------------------------------------------------------------- recurrent layers

GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # ours in ONNX's: i, o, f, c and z, r, h


def _gates(x: Any, kind: str) -> Any:
    """Return weights of one direction with the gates in the order that the operations here have."""
    order = GATES[kind]
    if len(order) == 1:
        return x
    parts = ops.split(x, len(order), axis=0)
    return ops.concatenate([parts[k] for k in order], axis=0)


@operator("LSTM", "GRU", "RNN")
def _recurrent(
    node: Node,
    x: Any,
    w: Any,
    r: Any,
    b: Any = None,
    lengths: Any = None,
    h: Any = None,
    c: Any = None,
    peephole: Any = None,
) -> Any:
    """Run all directions; returns the states (time, directions, batch, hidden) and the last ones."""
    kind, x = node.kind, as_tensor(x)
    first = bool(node.get("layout", 0))
    if first:
        x = ops.swapaxes(x, 0, 1)
        h, c = (None if s is None else ops.swapaxes(s, 0, 1) for s in (h, c))
    time, batch = x.shape[:2]
    count, hidden = as_array(w).shape[0], node.get("hidden_size", as_array(r).shape[-1])
    rectified = _is_rectified(node, count)
    if lengths is not None and (as_array(lengths) != time).any():
        raise node.refuse("with sequences of several lengths")
    if peephole is not None and as_array(peephole).any():
        raise node.refuse("with peepholes")
    backward = {"reverse": (True,), "bidirectional": (False, True)}.get(node.get("direction", "forward"), (False,))
    zeros = np.zeros((batch, hidden), x.dtype)
    outs, last, cells = [], [], []
    for k, flipped in enumerate(backward):
        entering, across = (_gates(p[k], kind) for p in (as_tensor(w), as_tensor(r)))
        rows = entering.shape[0]
        both: list[Any] = (
            [np.zeros(rows, x.dtype)] * 2 if b is None else [_gates(p, kind) for p in ops.split(as_tensor(b)[k], 2)]
        )
        state = zeros if h is None else as_tensor(h)[k]
        sequence = ops.flip(x, 0) if flipped else x
        gates = F.linear(sequence, entering, both[0])
        if kind == "LSTM":
            out, cell = ops.lstm(gates, state, zeros if c is None else as_tensor(c)[k], across, both[1])
            cells.append(cell)
        elif kind == "RNN":
            out = ops.rnn(gates, state, across, both[1], nonlinearity="relu" if rectified else "tanh")
        elif node.get("linear_before_reset", 0):
            out = ops.gru(gates, state, across, both[1])
        else:
            out = _gru_of_keras(gates, state, across, both[1], hidden)
        last.append(out[-1])
        outs.append(ops.flip(out, 0) if flipped else out)
    results = [ops.stack(outs, axis=1), ops.stack(last), *([ops.stack(cells)] if cells else [])]
    if first:
        results = [ops.transpose(results[0], (2, 0, 1, 3)), *(ops.swapaxes(s, 0, 1) for s in results[1:])]
    return tuple(results)


def _is_rectified(node: Node, count: int) -> bool:
    """Whether a network has relu in the place of tanh; raise for other options than the usual ones."""
    if node.get("clip") is not None or node.get("input_forget", 0):
        raise node.refuse("with clip or input_forget")
    usual = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}[node.kind]
    functions = node.get("activations", usual * count)
    rectified = node.kind == "RNN" and functions == ["Relu"] * count
    if functions != usual * count and not rectified:
        raise node.refuse(f"with the activations {functions}")
    return rectified


def _gru_of_keras(gates: Any, h: Any, weight: Any, bias: Any, n: int) -> Any:
    """Return the states of a GRU that resets the state before the matrix multiplies it."""
    states = []
    for t in range(gates.shape[0]):
        both = ops.sigmoid(gates[t, :, : 2 * n] + F.linear(h, weight[: 2 * n], bias[: 2 * n]))
        reset, update = both[:, :n], both[:, n:]
        new = ops.tanh(gates[t, :, 2 * n :] + F.linear(reset * h, weight[2 * n :], bias[2 * n :]))
        h = new + update * (h - new)
        states.append(h)
    return ops.stack(states)


# ---------------------------------------------------------------------- resizing


@operator("Resize", "Upsample")
def _resize(node: Node, x: Any, *given: Any) -> Any:
    """Resize axis by axis: each is multiplied by a matrix of weights, or picks elements."""
    x = as_tensor(x)
    if node.kind == "Upsample":
        scales, sizes = (given[0] if given else np.array(node.get("scales"))), None
        how, places, nearest = node.get("mode", "nearest"), "asymmetric", "floor"
    else:
        scales = given[1] if len(given) > 1 else given[0] if given and node.version < 11 else None
        sizes = given[2] if len(given) > 2 else None
        how = node.get("mode", "nearest")
        places = node.get("coordinate_transformation_mode", "half_pixel" if node.version >= 11 else "asymmetric")
        nearest = node.get("nearest_mode", "round_prefer_floor" if node.version >= 11 else "floor")
        if node.get("antialias", 0) or places == "tf_crop_and_resize" or node.get("exclude_outside", 0):
            raise node.refuse("with antialias, exclude_outside or tf_crop_and_resize")
    axes = [a % x.ndim for a in node.get("axes", range(x.ndim))]
    if sizes is not None and as_array(sizes).size:
        wanted = integers(sizes)
        factors = [n / x.shape[a] for n, a in zip(wanted, axes)]
        if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise node.refuse("that keeps the aspect ratio")
    else:
        factors = [float(s) for s in np.asarray(as_array(scales)).reshape(-1)]
        wanted = [math.floor(x.shape[a] * s) for s, a in zip(factors, axes)]
    for axis, n, factor in zip(axes, wanted, factors):
        if n == x.shape[axis] and factor == 1:
            continue
        where = _coordinates(node, places, n, x.shape[axis], factor)
        if how == "nearest":
            x = ops.take(x, _nearest(where, nearest, x.shape[axis]), axis)
        else:
            weights = _weights(node, how, where, x.shape[axis]).astype(x.dtype)
            x = ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), weights.T), -1, axis)
    return x


def _coordinates(node: Node, how: str, n: int, length: int, factor: float) -> np.ndarray:
    """Return where in the input each element of the output lies."""
    k = np.arange(n)
    if how == "align_corners":
        return k * (length - 1) / (n - 1) if n > 1 else np.zeros(1)
    if how == "asymmetric":
        return k / factor
    if how == "pytorch_half_pixel" and n == 1:
        return np.zeros(1)
    if how in ("half_pixel", "pytorch_half_pixel"):
        return (k + 0.5) / factor - 0.5
    raise node.refuse(f"with coordinate_transformation_mode={how!r}")


def _nearest(where: np.ndarray, how: str, length: int) -> np.ndarray:
    rounded = {
        "floor": np.floor(where),
        "ceil": np.ceil(where),
        "round_prefer_floor": np.ceil(where - 0.5),
        "round_prefer_ceil": np.floor(where + 0.5),
    }[how]
    return np.clip(rounded, 0, length - 1).astype(np.intp)


def _weights(node: Node, how: str, where: np.ndarray, length: int) -> np.ndarray:
    """Return the matrix (output, input) of linear or cubic interpolation; beyond the ends the last element counts."""
    low = np.floor(where).astype(int)
    part = where - low
    if how == "linear":
        shares = [(0, 1 - part), (1, part)]
    elif how == "cubic":  # Keys 1981
        a = node.get("cubic_coeff_a", -0.75)
        shares = []
        for k in (-1, 0, 1, 2):
            d = np.abs(part - k)
            near = ((a + 2) * d - (a + 3)) * d * d + 1
            far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            shares.append((k, np.where(d <= 1, near, far)))
    else:
        raise node.refuse(f"with mode={how!r}")
    matrix = np.zeros((len(where), length))
    for k, share in shares:
        np.add.at(matrix, (np.arange(len(where)), np.clip(low + k, 0, length - 1)), share)
    return matrix


# ---------------------------------------------------------------------- losses


@operator("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def _cross_entropy(node: Node, x: Any, target: Any, weight: Any = None) -> Any:
    if node.count > 1:
        raise node.refuse("with the logarithms as a second output")
    function = F.cross_entropy if node.kind.startswith("Softmax") else F.nll_loss
    return function(
        x, target, weight, ignore_index=node.get("ignore_index", -100), reduction=node.get("reduction", "mean")
    )
