"""Convolution in one and two dimensions, as matrix products of its patches ("im2col", Chellapilla et al. 2006).

A convolution is linear in its input and in its weight, so its two derivatives are operations of their own whose
derivatives are convolutions again, and all orders work: with y = conv2d(x, w), dx = conv2d_input(g, w) and
dw = conv2d_weight(x, g) (Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..autograd import alike, primitive
from ..tensor import Tensor

# Patches are copied and multiplied in blocks that stay in the cache (numbers), and small enough for the BLAS to use
# its kernels that do not pack (multiplications); a product of fewer columns than this is not worth a call.
CACHE, UNPACKED, WORTHWHILE = 65_536, 1_000_000, 128


class Geometry(NamedTuple):
    """How a kernel moves over its input."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))  # (top, bottom), (left, right)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def lengths(self, size: tuple, kernel: tuple) -> tuple[int, int]:
        """Return height and width of the output."""
        height, width = (
            (n + sum(p) - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(size, kernel, self.stride, self.padding, self.dilation)
        )
        return height, width


PLAIN = Geometry()

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
        The channels are split into so many groups, each with filters of its own.

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
    return _convolve("conv2d", x, weight, bias, stride, padding, dilation, groups)


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
    return _convolve("conv1d", x, weight, bias, stride, padding, dilation, groups)


def _convolve(name: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    n = int(name[4])
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
    stride, dilation = each(name, "stride", stride, n, 1), each(name, "dilation", dilation, n, 1)
    geometry = Geometry(stride, _padding(name, padding, kernel[2:], stride, dilation), dilation, groups)
    if n == 1:
        x, weight = np.expand_dims(as_input(x), -2), np.expand_dims(as_input(weight), -2)
        kernel = (*kernel[:2], 1, kernel[2])
    if min(geometry.lengths(np.shape(x)[-2:], kernel[2:])) < 1 or 0 in kernel[2:]:
        raise ValueError(f"{where}: the kernel is empty or larger than the padded input; use more padding=")
    if len(shape) == n + 1:
        x = np.expand_dims(as_input(x), 0)
    y = _conv2d(x, weight, 0.0 if bias is None else bias, geometry=geometry)
    if len(shape) == n + 1:
        y = np.squeeze(y, 0)
    return y if n == 2 else np.squeeze(y, -2)


def as_input(x: Any) -> Tensor:
    """Return a Tensor as it is, and anything else as a constant one."""
    return x if isinstance(x, Tensor) else Tensor(x)


def each(name: str, argument: str, value: Any, n: int, least: int) -> tuple[int, int]:
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
    return tuple((p, p) for p in each(name, "padding", 0 if padding == "valid" else padding, n, 0))


# ---------------------------------------------------------------------- the operations


def windows(
    x: np.ndarray, kernel: Any, geometry: Geometry, lengths: Any
) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """Yield for each position in the kernel a view of the padded input: what it meets at each output."""
    for where in np.ndindex(*kernel):
        start = [k * d for k, d in zip(where, geometry.dilation)]
        stop = [a + s * (n - 1) + 1 for a, s, n in zip(start, geometry.stride, lengths)]
        rows, columns = map(slice, start, stop, geometry.stride)
        yield x[..., rows, columns], where


def _conv2d_x(g: Any, weight: Any, x_shape: tuple, geometry: Geometry) -> Any:
    return alike(conv2d_input, g, weight, size=x_shape[2:], geometry=geometry)


def _conv2d_weight(g: Any, x: Any, weight_shape: tuple, geometry: Geometry) -> Any:
    return alike(conv2d_weight, x, g, kernel=weight_shape[2:], geometry=geometry)


@primitive(x=_conv2d_x, weight=_conv2d_weight, bias=lambda g: np.einsum("nchw->c", g))
def _conv2d(x, weight, bias, *, geometry=PLAIN):
    """Return the convolution of x (batch, in, height, width) with weight (out, in / groups, kh, kw), plus bias (out,).

    >>> tg.conv2d(tg.ones((1, 1, 3, 3)), tg.ones((1, 1, 2, 2)))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    (channels, _, *kernel), groups = weight.shape, geometry.groups
    height, width = geometry.lengths(x.shape[2:], kernel)
    out = np.empty((len(x), groups, channels // groups, height, width), np.result_type(x, weight, bias))
    matrices = weight.reshape(groups, channels // groups, -1)
    if isinstance(bias, np.ndarray):
        bias = bias.reshape(groups, -1, 1, 1)
    for images, rows, patches in _patches(x, kernel, geometry, channels // groups):
        part = out[images, :, :, rows]
        y = (matrices @ patches).reshape(*part.shape[:4], -1)
        np.add(y[..., :width], bias, out=part)
    return out.reshape(len(x), channels, height, width)


@primitive(
    y=lambda g, weight, geometry: alike(_conv2d, g, weight, 0.0, geometry=geometry),
    weight=lambda g, y, weight_shape, geometry: _conv2d_weight(y, g, weight_shape, geometry),
)
def conv2d_input(y, weight, *, size, geometry=PLAIN):
    """Return the gradient of conv2d for its input of height and width `size`, when y arrives: a transposed convolution.

    >>> tg.ops.conv2d_input(tg.ones((1, 1, 1, 1)), tg.tensor([[[[1.0, 2.0]]]]), size=(1, 2))
    tensor([[[[1., 2.]]]])
    """
    n, (channels, per_group, *kernel), groups = len(y), weight.shape, geometry.groups
    shape = (n, groups * per_group, *size)
    weight = weight.reshape(groups, channels // groups, per_group, *kernel)
    if geometry.stride == (1, 1):  # again a convolution: with the flipped kernel, its channels exchanged
        flipped = weight.swapaxes(1, 2)[..., ::-1, ::-1].reshape(groups * per_group, channels // groups, *kernel)
        reach = [(k - 1) * d for k, d in zip(kernel, geometry.dilation)]
        padding = tuple((r - before, r - after) for r, (before, after) in zip(reach, geometry.padding))
        return _conv2d.primitive.forward(y, flipped, 0.0, geometry=geometry._replace(padding=padding))

    (top, bottom), (left, right) = geometry.padding
    out = np.zeros((*shape[:2], size[0] + top + bottom, size[1] + left + right), np.result_type(y, weight))
    matrices = weight.reshape(groups, channels // groups, -1).swapaxes(1, 2)
    for i in range(n):
        patches = matrices @ y[i].reshape(groups, channels // groups, -1)
        patches = patches.reshape(shape[1], *kernel, *y.shape[2:])
        for window, where in windows(out[i], kernel, geometry, y.shape[2:]):
            window += patches[:, where[0], where[1]]
    return out[:, :, top : top + size[0], left : left + size[1]].copy()


@primitive(
    x=lambda g, y, x_shape, geometry: alike(conv2d_input, y, g, size=x_shape[2:], geometry=geometry),
    y=lambda g, x, geometry: alike(_conv2d, x, g, 0.0, geometry=geometry),
)
def conv2d_weight(x, y, *, kernel, geometry=PLAIN):
    """Return the gradient of conv2d for its weight, with a kernel of height and width `kernel`, when y arrives.

    >>> tg.ops.conv2d_weight(tg.tensor([[[[1.0, 2.0, 3.0]]]]), tg.ones((1, 1, 1, 2)), kernel=(1, 2))
    tensor([[[[3., 5.]]]])
    """
    n, channels, height, width = y.shape
    groups = geometry.groups
    y = y.reshape(n, groups, channels // groups, height, width)
    total = np.zeros((groups, x.shape[1] // groups * kernel[0] * kernel[1], channels // groups), np.result_type(x, y))
    for images, rows, patches in _patches(x, kernel, geometry, channels // groups):
        part = y[images, :, :, rows]
        columns = patches.shape[-1] // part.shape[3]
        if columns > width:
            padded = np.zeros((*part.shape[:4], columns), y.dtype)
            padded[..., :width] = part
            part = padded
        part = part.reshape(*part.shape[:3], -1)
        total += (patches @ part.swapaxes(-1, -2)).sum(axis=0)  # this order is the faster one in OpenBLAS
    return total.swapaxes(1, 2).reshape(channels, -1, *kernel)


def _patches(
    x: np.ndarray, kernel: Any, geometry: Geometry, channels: int
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Yield blocks (images, rows, patches): `rows` of the output, and the patches of the input under the kernel there.

    The patches are a stack of matrices (images, groups, depth, rows * columns), to be multiplied by weights
    (groups, channels, depth). With stride 1 there are as many columns as the padded input is wide, so that a patch
    is one contiguous run, quick to copy: what lies beyond the width of the output is waste.
    """
    stride, padding, dilation, groups = geometry
    lost = [[max(-p, 0) for p in pair] for pair in padding]  # a negative padding cuts off
    x = x[:, :, lost[0][0] : x.shape[2] - lost[0][1], lost[1][0] : x.shape[3] - lost[1][1]]
    (top, bottom), (left, right) = ([max(p, 0) for p in pair] for pair in padding)
    (n, channels_in, height, width), (kh, kw) = x.shape, kernel
    out_height, columns = geometry._replace(padding=((top, bottom), (left, right))).lengths((height, width), kernel)
    flat = stride == (1, 1)
    if flat:
        columns = width + left + right
    depth = channels_in // groups * kh * kw

    most = UNPACKED // max(depth * channels, 1)
    rows = out_height if most < WORTHWHILE else max(most // columns, 1)
    rows = -(-out_height // -(-out_height // rows))
    images = max(1, min(n, CACHE // max(groups * depth * rows * columns, 1))) if rows == out_height else 1

    # one row to spare, since the last run goes beyond the end
    buffer = np.zeros((images, channels_in, height + top + bottom + flat, width + left + right), x.dtype)
    inside = buffer[:, :, top : top + height, left : left + width]
    a, b, c, d = buffer.strides
    shape = (images, groups, channels_in // groups, kh, kw)
    steps = (a, b * (channels_in // groups), b, c * dilation[0], d * dilation[1])
    blocks = []
    for row in range(0, out_height, rows):
        r = min(rows, out_height - row)
        start = buffer[:, :, row * stride[0] :]
        if flat:
            view = as_strided(start, (*shape, r * columns), (*steps, d))
        else:
            view = as_strided(start, (*shape, r, columns), (*steps, c * stride[0], d * stride[1]))
        blocks.append((slice(row, row + r), view, r * columns))
    for i in range(0, n, images):
        k = min(images, n - i)
        inside[:k] = x[i : i + k]
        for where, view, size in blocks:
            yield slice(i, i + k), where, view[:k].reshape(k, groups, depth, size)
