"""Convolution, in PyTorch's layout (batch, channels, height, width)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, get_default_dtype, shape_of
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]


class _Convolution(Module):
    """What convolutions over one and two axes share."""

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        dtype: Any = None,
    ):
        name = type(self).__name__
        if in_channels < 1 or groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide {in_channels} in_channels, {out_channels} out_channels"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * self.axes
        if len(self.kernel_size) != self.axes or min(self.kernel_size) < 1:
            raise ValueError(f"{name}: kernel_size must be an integer >= 1 or {self.axes} of them, not {kernel_size!r}")
        self.stride, self.padding, self.dilation = stride, padding, dilation
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.empty((out_channels, in_channels // groups, *self.kernel_size), dtype))
        bound = 1 / math.sqrt(in_channels // groups * math.prod(self.kernel_size))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        shape, n = shape_of(x), self.axes
        if len(shape) not in (n + 1, n + 2) or shape[-n - 1] != self.in_channels:
            lengths = "height, width" if n == 2 else "length"
            raise ValueError(
                f"{type(self).__name__}(in_channels={self.in_channels}): input has shape {shape}; "
                f"it must be (batch, {self.in_channels}, {lengths})"
            )
        convolve = ops.conv2d if n == 2 else ops.conv1d
        return convolve(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)!r}"
        return text + (", bias=False" if self.bias is None else "")


class Conv1d(_Convolution):
    """The convolution of sequences (batch, in_channels, length) with a bank of learned filters; see `Conv2d`.

    Examples
    --------
    >>> tg.nn.Conv1d(3, 8, kernel_size=5, padding="same")(tg.ones(2, 3, 10)).shape
    (2, 8, 10)
    """

    axes = 1


class Conv2d(_Convolution):
    """The convolution of images (batch, in_channels, height, width) with a bank of learned filters.

    The initial weights and biases are uniform in ±1/sqrt(fan-in), as PyTorch's. LeCun and others, "Gradient-based
    learning applied to document recognition" (1998).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair
        Height and width of a filter.
    stride, dilation : int or pair
        The step from one output to the next, and from one element of a filter to the next.
    padding : int, pair, "valid" (none) or "same" (the output is as large as the input)
        Zeros around the input.
    groups : int
        The number of groups into which the channels are split, each with filters of its own.
    bias : bool
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (out_channels, in_channels / groups, height, width)
    bias : Parameter (out_channels,) or None

    Examples
    --------
    >>> layer = tg.nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer(tg.ones(2, 3, 28, 28)).shape
    (2, 8, 28, 28)
    """

    axes = 2


class _TransposedConvolution(Module):
    """What transposed convolutions over one and two axes share."""

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        *,
        dtype: Any = None,
    ):
        name, n = type(self).__name__, self.axes
        if in_channels < 1 or groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide {in_channels} in_channels, {out_channels} out_channels"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = _numbers(name, "kernel_size", kernel_size, n, 1)
        self.stride, self.dilation = (
            _numbers(name, argument, value, n, 1) for argument, value in (("stride", stride), ("dilation", dilation))
        )
        self.padding = _numbers(name, "padding", padding, n, 0)
        self.output_padding = _numbers(name, "output_padding", output_padding, n, 0)
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.empty((in_channels, out_channels // groups, *self.kernel_size), dtype))
        bound = 1 / math.sqrt(out_channels // groups * math.prod(self.kernel_size))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any, output_size: Any = None) -> Tensor:
        """Return the output; `output_size` (int, or one for each axis) chooses among the sizes that a stride allows."""
        shape, n = shape_of(x), self.axes
        if len(shape) not in (n + 1, n + 2) or shape[-n - 1] != self.in_channels:
            lengths = "height, width" if n == 2 else "length"
            raise ValueError(
                f"{type(self).__name__}(in_channels={self.in_channels}): input has shape {shape}; "
                f"it must be (batch, {self.in_channels}, {lengths})"
            )
        extra = self.output_padding if output_size is None else self._extra(shape[-n:], output_size)
        convolve = ops.conv_transpose2d if n == 2 else ops.conv_transpose1d
        return convolve(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, size: tuple[int, ...], output_size: Any) -> tuple[int, ...]:
        """Return the output padding that gives the output a size."""
        wanted = tuple(output_size)[-self.axes :] if isinstance(output_size, (tuple, list)) else (output_size,)
        least = [
            (length - 1) * s - 2 * p + d * (k - 1) + 1
            for length, s, p, d, k in zip(size, self.stride, self.padding, self.dilation, self.kernel_size)
        ]
        wanted = wanted * self.axes if len(wanted) == 1 else wanted
        if len(wanted) != self.axes or any(not m <= w < m + s for m, w, s in zip(least, wanted, self.stride)):
            most = tuple(m + s - 1 for m, s in zip(least, self.stride))
            raise ValueError(
                f"{type(self).__name__}: output_size {output_size} cannot be made of an input of size {size}; "
                f"it must be from {tuple(least)} to {most}"
            )
        return tuple(w - m for w, m in zip(wanted, least))

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        for name, usual in (("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1)):
            if getattr(self, name) != (usual,) * self.axes:
                text += f", {name}={getattr(self, name)!r}"
        text += "" if self.groups == 1 else f", groups={self.groups}"
        return text + (", bias=False" if self.bias is None else "")


def _numbers(name: str, argument: str, value: Any, n: int, least: int) -> tuple[int, ...]:
    """Return an argument that is one integer, or one for each axis, as a tuple."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(values) != n or any(not isinstance(v, (int, np.integer)) or v < least for v in values):
        raise ValueError(f"{name}: {argument} must be an integer >= {least} or {n} of them, not {value!r}")
    return values


class ConvTranspose1d(_TransposedConvolution):
    """The transposed convolution of sequences (batch, in_channels, length); see `ConvTranspose2d`.

    Examples
    --------
    >>> tg.nn.ConvTranspose1d(3, 8, kernel_size=4, stride=2, padding=1)(tg.ones(2, 3, 10)).shape
    (2, 8, 20)
    """

    axes = 1


class ConvTranspose2d(_TransposedConvolution):
    """The transposed convolution of images (batch, in_channels, height, width): it makes them larger.

    It is the gradient of a `Conv2d` with the same arguments for its input. The output has the height
    (height - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1. The initial weights and biases
    are uniform in ±1/sqrt(out_channels / groups * kernel elements), as PyTorch's. Dumoulin and Visin, "A guide to
    convolution arithmetic for deep learning" (2016).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair
        Height and width of a filter.
    stride, dilation : int or pair
        The step in the output from one element of the input to the next, and from one element of a filter to the next.
    padding : int or pair
        What is cut off on each side.
    output_padding : int or pair
        What is added at the bottom and at the right; smaller than stride or dilation.
    groups : int
        The number of groups into which the channels are split, each with filters of its own.
    bias : bool
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (in_channels, out_channels / groups, height, width)
    bias : Parameter (out_channels,) or None

    Examples
    --------
    >>> layer = tg.nn.ConvTranspose2d(8, 3, kernel_size=4, stride=2, padding=1)
    >>> layer(tg.ones(2, 8, 14, 14)).shape
    (2, 3, 28, 28)
    """

    axes = 2
