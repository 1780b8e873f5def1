"""Convolution in one and two dimensions, as matrix products of the patches of its input.

A convolution is linear in its input and in its weight, so its two derivatives are operations of their own whose
derivatives are convolutions again, and all orders work: with y = conv2d(x, w), dx = conv2d_input(g, w) and
dw = conv2d_weight(x, g) (Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import is_other, like
from ..autograd import dispatch, primitive
from ..batched import Batched, Level, folded, innermost, is_of, spread
from ..tensor import Tensor, as_tensor
from .direct import computed, input_task, output_task, weight_task
from .patches import DEFAULT, Geometry, patches_of, stacked, taps_of

__all__ = ["conv1d", "conv2d", "conv2d_input", "conv2d_weight", "conv_transpose1d", "conv_transpose2d"]

# ---------------------------------------------------------------------- what users call


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of images with a bank of filters (in PyTorch's layout and with its arguments).

    As everywhere in this field it is a cross-correlation: y[o, i, j] is the sum over c, k, l of
    weight[o, c, k, l] * x[c, i * stride + k * dilation, j * stride + l * dilation], plus bias[o].

    Parameters
    ----------
    x : (batch, in, height, width) or (in, height, width)
    weight : (out, in / groups, kernel height, kernel width)
    bias : (out,), optional
    stride, dilation : int or pair
    padding : int, pair, "valid" (none) or "same"
        Zeros around the input. "same" keeps its size (stride 1 only; an odd one goes to the bottom and right).
    groups : int
        The number of groups that the channels are split into, each with filters of its own.

    Returns
    -------
    Tensor (batch, out, height, width) or (out, height, width)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the kernel is larger than the padded input.

    Examples
    --------
    >>> tg.conv2d(tg.ones((1, 3, 8, 8)), tg.ones((16, 3, 3, 3)), padding="same").shape
    (1, 16, 8, 8)
    """
    return _convolve(2, x, weight, bias, stride, padding, dilation, groups)


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of sequences with a bank of filters; see `conv2d`.

    Parameters
    ----------
    x : (batch, in, length) or (in, length)
    weight : (out, in / groups, kernel length)
    bias, stride, padding, dilation, groups
        As for `conv2d`.

    Examples
    --------
    >>> tg.conv1d(tg.tensor([[1.0, 2.0, 4.0]]), tg.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2.]])
    """
    return _convolve(1, x, weight, bias, stride, padding, dilation, groups)


def _convolve(n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Check the arguments of a convolution over `n` axes, and compute it over two."""
    name = f"conv{n}d"
    shape, kernel = np.shape(x), np.shape(weight)
    where = f"{name}: x {shape} and weight {kernel}"
    if len(kernel) != n + 2 or len(shape) not in (n + 1, n + 2):
        lengths = "length" if n == 1 else "height, width"
        raise ValueError(f"{where}: x must be (batch, in, {lengths}) and weight (out, in / groups, {lengths})")
    channels = shape[-n - 1]
    if groups < 1 or channels % groups or kernel[0] % groups:
        raise ValueError(f"{where}: groups={groups} must divide the channels, {channels} in and {kernel[0]} out")
    if kernel[1] * groups != channels:
        raise ValueError(
            f"{where}: x has {channels} channels, but weight is for {kernel[1] * groups}"
            + (f" ({kernel[1]} in each of {groups} groups)" if groups > 1 else "")
        )
    if bias is not None and np.shape(bias) != kernel[:1]:
        raise ValueError(f"{where}: bias has shape {np.shape(bias)}, it must be ({kernel[0]},)")
    stride, dilation = as_pair(name, "stride", stride, n, 1), as_pair(name, "dilation", dilation, n, 1)
    geometry = Geometry(stride, _padding(name, padding, kernel[2:], stride, dilation), dilation, groups)
    if n == 1:
        x, weight = np.expand_dims(as_tensor(x), -2), np.expand_dims(as_tensor(weight), -2)
        kernel = (*kernel[:2], 1, kernel[2])
    if min(geometry.lengths(np.shape(x)[-2:], kernel[2:])) < 1 or 0 in kernel[2:]:
        raise ValueError(f"{where}: the kernel is empty or larger than the padded input; use more padding=")
    if len(shape) == n + 1:
        x = np.expand_dims(as_tensor(x), 0)
    y: Any = _conv2d(x, weight, 0.0 if bias is None else bias, geometry=geometry)
    if len(shape) == n + 1:
        y = np.squeeze(y, 0)
    return y if n == 2 else np.squeeze(y, -2)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of images: each element of x adds a multiple of a filter to the output.

    It is the gradient of `conv2d` with the same weight, stride, padding and dilation for its input, when x arrives.

    Parameters
    ----------
    x : (batch, in, height, width) or (in, height, width)
    weight : (in, out / groups, kernel height, kernel width)
    bias : (out,), optional
    stride, dilation : int or pair
        The step in the output from one element of x to the next, and from one element of a filter to the next.
    padding : int or pair
        What is cut off on each side.
    output_padding : int or pair
        What is added at the bottom and at the right; smaller than stride or dilation.
    groups : int
        The number of groups that the channels are split into, each with filters of its own.

    Returns
    -------
    Tensor (batch, out, height, width) or (out, height, width)
        Its height is (height - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, or nothing would be left.

    Examples
    --------
    >>> tg.conv_transpose2d(tg.ones((1, 3, 8, 8)), tg.ones((3, 16, 2, 2)), stride=2).shape
    (1, 16, 16, 16)
    """
    return _transposed(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Return the transposed convolution of sequences (batch, in, length); see `conv_transpose2d`.

    Examples
    --------
    >>> tg.conv_transpose1d(tg.tensor([[1.0, 2.0]]), tg.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _transposed(1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Any:
    """Check the arguments of a transposed convolution over `n` axes, and compute it over two."""
    name = f"conv_transpose{n}d"
    x, weight = as_tensor(x), as_tensor(weight)
    where = f"{name}: x {x.shape} and weight {weight.shape}"
    if weight.ndim != n + 2 or x.ndim not in (n + 1, n + 2):
        lengths = "length" if n == 1 else "height, width"
        raise ValueError(f"{where}: x must be (batch, in, {lengths}) and weight (in, out / groups, {lengths})")
    channels = x.shape[-n - 1]
    if groups < 1 or channels % groups or weight.shape[0] != channels:
        raise ValueError(f"{where}: x has {channels} channels, which must be those of weight and divided by {groups=}")
    out_channels = weight.shape[1] * groups
    if bias is not None and np.shape(bias) != (out_channels,):
        raise ValueError(f"{where}: bias has shape {np.shape(bias)}, it must be ({out_channels},)")
    steps, gaps = as_pair(name, "stride", stride, n, 1), as_pair(name, "dilation", dilation, n, 1)
    pads, added = as_pair(name, "padding", padding, n, 0), as_pair(name, "output_padding", output_padding, n, 0)
    if any(a and a >= max(s, d) for a, s, d in zip(added, steps, gaps)):
        raise ValueError(f"{name}: {output_padding=} must be smaller than {stride=} or {dilation=}")
    shape = x.shape
    if n == 1:
        x, weight = np.expand_dims(x, -2), np.expand_dims(weight, -2)
    if len(shape) == n + 1:
        x = np.expand_dims(x, 0)
    kernel = weight.shape[2:]
    size = tuple(
        (length - 1) * s - 2 * p + d * (k - 1) + a + 1
        for length, s, p, d, k, a in zip(x.shape[2:], steps, pads, gaps, kernel, added)
    )
    if min(size) < 1 or 0 in (*kernel, *x.shape[2:]):
        raise ValueError(f"{where}: nothing is left of the output; use less padding=")
    # what is added below a stride is what a convolution passes over at the end; more is cut off by it
    rows, columns = ((p, p if a < s else p - a) for p, a, s in zip(pads, added, steps))
    y: Any = conv2d_input(x, weight, size=size, geometry=Geometry(steps, (rows, columns), gaps, groups))
    if bias is not None:
        y = y + np.reshape(as_tensor(bias), (-1, 1, 1))
    if len(shape) == n + 1:
        y = np.squeeze(y, 0)
    return y if n == 2 else np.squeeze(y, -2)


def as_pair(name: str, argument: str, value: Any, n: int, least: int) -> tuple[int, int]:
    """Return an argument that is one integer or one for each of `n` axes, for height and width (one axis: width)."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(values) != n or any(not isinstance(v, (int, np.integer)) or v < least for v in values):
        raise ValueError(f"{name}: {argument} must be an integer >= {least} or {n} of them, not {value!r}")
    return (values[0], values[1]) if n == 2 else (least, values[0])


def _padding(name: str, padding: Any, kernel: tuple, stride: tuple, dilation: tuple) -> Any:
    n = len(kernel)
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ValueError(f"{name}: padding must be 'same', 'valid' or numbers, not {padding!r}")
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{name}: padding='same' keeps the size only with stride 1; give the padding in numbers")
        missing = [d * (k - 1) for k, d in zip((1, *kernel)[-2:], dilation)]
        return tuple((total // 2, total - total // 2) for total in missing)
    return tuple((p, p) for p in as_pair(name, "padding", 0 if padding == "valid" else padding, n, 0))


# ---------------------------------------------------------------------- batches: more images, or more groups


def _for_batch(operation: Any, x: Any, weight: Any, *more: Any, geometry: Geometry, **parameters: Any) -> Any:
    """Return what a convolution, of either kind, gives for each element of a batch.

    Images that all meet the same filters are one stack of images; filters that differ are groups of their own.
    """
    level = innermost((x, weight))
    if not is_of(weight, level):
        return folded(lambda x: dispatch(operation, x, weight, *more, geometry=geometry, **parameters), level, x)
    groups = geometry.groups
    filters = np.reshape(np.moveaxis(_grouped(weight.whole, groups, 1), 0, 1), (-1, *weight.shape[1:]))
    geometry = geometry._replace(groups=groups * level.size)
    y = dispatch(operation, _in_groups(x, level, groups), filters, *more, geometry=geometry, **parameters)
    return Batched(_elements(y, level, groups, 1), level)


def _grouped(x: Any, groups: int, axis: int) -> Any:
    """Return an array whose channels, along `axis`, are split into groups."""
    return np.reshape(x, (*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :]))


def _in_groups(x: Any, level: Level, groups: int) -> Any:
    """Return images (n, channels, height, width) of all elements side by side: more channels, in more groups."""
    split = _grouped(spread(x, level), groups, 2)  # (elements, n, groups, channels, height, width)
    side_by_side = np.moveaxis(split, 0, 2)
    return np.reshape(side_by_side, (split.shape[1], -1, *split.shape[4:]))


def _elements(y: Any, level: Level, groups: int, axis: int) -> Any:
    """Return the channels, along `axis`, of `groups` groups of each element, with the elements along the first axis."""
    split = np.reshape(y, (*y.shape[:axis], groups, level.size, -1, *y.shape[axis + 1 :]))
    moved = np.moveaxis(split, axis + 1, 0)
    return np.reshape(moved, (*moved.shape[: axis + 1], -1, *moved.shape[axis + 3 :]))


# ---------------------------------------------------------------------- the operations


def _conv2d_x(g: Any, weight: Any, x_shape: tuple, geometry: Geometry) -> Any:
    """g convolved with the flipped weight"""
    return dispatch(conv2d_input, g, weight, size=x_shape[2:], geometry=geometry)


def _conv2d_weight(g: Any, x: Any, weight_shape: tuple, geometry: Geometry) -> Any:
    """x correlated with g"""
    return dispatch(conv2d_weight, x, g, kernel=weight_shape[2:], geometry=geometry)


def _cost(size: int, shapes: Sequence, parameters: dict) -> int:
    _, weight, bias = shapes
    return 2 * size * math.prod(weight[1:]) + (size if bias else 0)


def _gradient_cost(size: int, shapes: Sequence, parameters: dict) -> int:
    largest = max(shapes, key=math.prod)
    return 2 * math.prod(largest) * max(size // max(largest[0], 1), 1)


@primitive(floating=True, cost=_cost, x=_conv2d_x, weight=_conv2d_weight, bias=lambda g: np.einsum("nchw->c", g))
def _conv2d(x, weight, bias, *, geometry=DEFAULT):
    """Return the convolution of x (batch, in, height, width) with weight (out, in / groups, kh, kw), plus bias (out,).

    >>> tg.conv2d(tg.ones((1, 1, 3, 3)), tg.ones((1, 1, 2, 2)))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    if Batched in (type(x), type(weight), type(bias)):
        convolve = _for_batch if Batched in (type(x), type(weight)) else dispatch
        y = convolve(_conv2d, x, weight, 0.0, geometry=geometry)
        return y if np.ndim(bias) == 0 else y + np.reshape(bias, (-1, 1, 1))
    (channels, _, *kernel), groups = weight.shape, geometry.groups
    height, width = geometry.lengths(x.shape[2:], kernel)
    if is_other(x):
        y = np.matmul(weight.reshape(groups, channels // groups, -1), taps_of(x, kernel, geometry))
        y = y.reshape(len(x), channels, height, width)
        return y if np.ndim(bias) == 0 else y + bias.reshape(-1, 1, 1)
    shape = len(x), channels, height, width
    y = computed(output_task, (x, weight, bias), x.shape, weight.shape, shape, geometry)
    if y is not None:
        return y
    out = np.empty(shape, np.result_type(x, weight, bias))
    parts = out.reshape(len(x), groups, channels // groups, height, width)
    stack, rows = stacked(kernel, geometry)
    matrices = weight.reshape(groups, channels // groups, -1, stack, rows, kernel[1]).transpose(0, 3, 1, 2, 4, 5)
    matrices = matrices.reshape(groups, stack, channels // groups, -1)
    if isinstance(bias, np.ndarray):
        bias = bias.reshape(groups, -1, 1)
    memory = np.empty(0)  # of one block of products: taken once, it stays in the cache
    for images, patches in patches_of(x, kernel, geometry):
        if not memory.size:
            memory = np.empty((len(patches), *matrices.shape[:3], patches.shape[-1]), out.dtype)
        products = np.matmul(matrices, patches, out=memory[: len(patches)])
        y = products[:, :, 0]
        for more in range(1, products.shape[2]):
            y += products[:, :, more]
        if isinstance(bias, np.ndarray):
            y += bias
        parts[images] = y.reshape(*y.shape[:3], height, -1)[..., :width]
    return out


@primitive(
    floating=True,
    cost=_gradient_cost,
    y=lambda g, weight, geometry: dispatch(_conv2d, g, weight, 0.0, geometry=geometry),
    weight=lambda g, y, weight_shape, geometry: _conv2d_weight(y, g, weight_shape, geometry),
)
def conv2d_input(y, weight, *, size, geometry=DEFAULT):
    """Return the gradient of conv2d for its input of height and width `size`, when y arrives: a transposed convolution.

    >>> tg.ops.conv2d_input(tg.ones((1, 1, 1, 1)), tg.tensor([[[[1.0, 2.0]]]]), size=(1, 2))
    tensor([[[[1., 2.]]]])
    """
    if Batched in (type(y), type(weight)):
        return _for_batch(conv2d_input, y, weight, geometry=geometry, size=size)
    (channels, per_group, *kernel), groups = weight.shape, geometry.groups
    shape = len(y), groups * per_group, *size
    x = computed(input_task, (weight, y), shape, weight.shape, y.shape, geometry)
    if x is not None:
        return x
    weight = weight.reshape(groups, channels // groups, per_group, *kernel).swapaxes(1, 2)

    def full(weight: np.ndarray, dilation: Any, cut: Any) -> np.ndarray:
        """Convolve y with the flipped kernel, its channels exchanged, at every place where they meet."""
        flipped = weight[..., ::-1, ::-1].reshape(groups * per_group, channels // groups, *weight.shape[3:])
        reach = [(k - 1) * d for k, d in zip(weight.shape[3:], dilation)]
        rows, columns = ((r - before, r - after) for r, (before, after) in zip(reach, cut))
        return _conv2d.primitive.forward(y, flipped, 0.0, geometry=Geometry((1, 1), (rows, columns), dilation, groups))

    if geometry.stride == (1, 1):
        return full(weight, geometry.dilation, geometry.padding)

    # each tap of the kernel meets the places of one remainder by the stride, so the taps of a remainder are a smaller
    # kernel, which convolves every stride-th place with stride 1
    (top, bottom), (left, right) = geometry.padding
    shape = len(y), groups * per_group, size[0] + top + max(bottom, 0), size[1] + left + max(right, 0)
    out = like(y).zeros(shape, np.result_type(y, weight))
    common = [math.gcd(s, d) for s, d in zip(geometry.stride, geometry.dilation)]
    apart = [s // c for s, c in zip(geometry.stride, common)]
    dilation = tuple(d // c for d, c in zip(geometry.dilation, common))
    for first in np.ndindex(*map(min, apart, kernel)):
        rows, columns = (slice(tap, None, a) for tap, a in zip(first, apart))
        values = full(weight[..., rows, columns], dilation, ((0, 0), (0, 0)))
        start = [tap * d for tap, d in zip(first, geometry.dilation)]
        rows, columns = (slice(a, a + s * n, s) for a, s, n in zip(start, geometry.stride, values.shape[2:]))
        out[:, :, rows, columns] = values
    return out[:, :, top : top + size[0], left : left + size[1]].copy()


@primitive(
    floating=True,
    cost=_gradient_cost,
    x=lambda g, y, x_shape, geometry: dispatch(conv2d_input, y, g, size=x_shape[2:], geometry=geometry),
    y=lambda g, x, geometry: dispatch(_conv2d, x, g, 0.0, geometry=geometry),
)
def conv2d_weight(x, y, *, kernel, geometry=DEFAULT):
    """Return the gradient of conv2d for its weight, with a kernel of height and width `kernel`, when y arrives.

    >>> tg.ops.conv2d_weight(tg.tensor([[[[1.0, 2.0, 3.0]]]]), tg.ones((1, 1, 1, 2)), kernel=(1, 2))
    tensor([[[[3., 5.]]]])
    """
    if Batched in (type(x), type(y)):
        level = innermost((x, y))
        groups, (together, others) = geometry.groups, [_in_groups(a, level, geometry.groups) for a in (x, y)]
        geometry = geometry._replace(groups=groups * level.size)
        out = dispatch(conv2d_weight, together, others, kernel=kernel, geometry=geometry)
        return Batched(_elements(out, level, groups, 0), level)
    n, channels, height, width = y.shape
    if is_other(x):
        y = y.reshape(n, geometry.groups, -1, height * width)
        products = np.matmul(y, taps_of(x, kernel, geometry).swapaxes(-1, -2)).sum(axis=0)
        return products.reshape(channels, -1, *kernel)
    groups, (stack, rows) = geometry.groups, stacked(kernel, geometry)
    shape = channels, x.shape[1] // groups, *kernel
    weight = computed(weight_task, (x, y), x.shape, shape, y.shape, geometry)
    if weight is not None:
        return weight
    y = y.reshape(n, groups, 1, channels // groups, height, width)
    depth = x.shape[1] // groups * rows * kernel[1]
    total = np.zeros((groups, stack, depth, channels // groups), np.result_type(x, y))
    memory = np.empty(0)  # of one block of y, with zeros where the patches are waste
    for images, patches in patches_of(x, kernel, geometry):
        if not memory.size:
            memory = np.zeros((*patches.shape[:2], *y.shape[2:5], patches.shape[-1] // height), y.dtype)
        part = memory[: len(patches)]
        part[..., :width] = y[images]
        part = part.reshape(*part.shape[:4], -1)
        total += (patches @ part.swapaxes(-1, -2)).sum(axis=0)  # in this order OpenBLAS is faster
    total = total.reshape(groups, stack, -1, rows, kernel[1], channels // groups).transpose(0, 5, 2, 1, 3, 4)
    return total.reshape(channels, -1, *kernel)
