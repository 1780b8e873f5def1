"""Convolution and pooling as modules, in PyTorch's layout (batch, channels, height, width)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor, get_default_dtype
from . import functional as F
from . import init
from .layer_functions import shape_of
from .module import Module
from .parameter import Parameter


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
        convolve = F.conv2d if n == 2 else F.conv1d
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
        The step from one output to the next, and from one number in a filter to the next.
    padding : int, pair, "valid" (none) or "same" (the output is as large as the input)
        Zeros around the input.
    groups : int
        The channels are split into so many groups, each with filters of its own.
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


class MaxPool1d(Module):
    """The largest number in each window of a sequence (batch, channels, length); see `MaxPool2d`.

    Examples
    --------
    >>> tg.nn.MaxPool1d(2)(tg.tensor([[1.0, 3.0, 2.0, 4.0]]))
    tensor([[3., 4.]])
    """

    pool = staticmethod(F.max_pool1d)

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Any) -> Tensor:
        return self.pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return _unusual(self, stride=self.kernel_size, padding=0, dilation=1, ceil_mode=False)


def _unusual(pool: Any, **usual: Any) -> str:
    shown = [f"{name}={getattr(pool, name)!r}" for name, value in usual.items() if getattr(pool, name) != value]
    return ", ".join([f"kernel_size={pool.kernel_size}", *shown])


class MaxPool2d(MaxPool1d):
    """The largest number in each window of images (batch, channels, height, width).

    Parameters
    ----------
    kernel_size : int or pair
        Height and width of the window.
    stride : int or pair, optional
        From one window to the next; by default the kernel size.
    padding : int or pair
        Minus infinity so many times around the input; at most half the window.
    dilation : int or pair
        The step from one number in a window to the next.
    ceil_mode : bool
        Whether a last window may reach beyond the end.

    Examples
    --------
    >>> tg.nn.MaxPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(F.max_pool2d)


class AvgPool1d(Module):
    """The mean of each window of a sequence (batch, channels, length); see `AvgPool2d`.

    Examples
    --------
    >>> tg.nn.AvgPool1d(2)(tg.tensor([[1.0, 3.0, 2.0, 4.0]]))
    tensor([[2., 3.]])
    """

    pool = staticmethod(F.avg_pool1d)

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def forward(self, x: Any) -> Tensor:
        return self.pool(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return _unusual(self, stride=self.kernel_size, padding=0, ceil_mode=False, count_include_pad=True)


class AvgPool2d(AvgPool1d):
    """The mean of each window of images (batch, channels, height, width).

    Parameters
    ----------
    kernel_size, stride, ceil_mode
        As for `MaxPool2d`.
    padding : int or pair
        Zeros around the input; at most half the kernel size.
    count_include_pad : bool
        Whether these zeros count in the mean.

    Examples
    --------
    >>> tg.nn.AvgPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(F.avg_pool2d)


class AdaptiveAvgPool1d(Module):
    """The means of `output_size` windows that share a sequence (batch, channels, length) among them.

    Examples
    --------
    >>> tg.nn.AdaptiveAvgPool1d(2)(tg.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[1.5, 4.5]])
    """

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return F.adaptive_avg_pool1d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


class AdaptiveAvgPool2d(AdaptiveAvgPool1d):
    """The means of a grid of windows that share images (batch, channels, height, width) among them.

    Parameters
    ----------
    output_size : int or pair of int or None
        Height and width of the output, whatever the input's are; None keeps that of the input.

    Examples
    --------
    >>> tg.nn.AdaptiveAvgPool2d(1)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 1, 1)
    """

    def forward(self, x: Any) -> Tensor:
        return F.adaptive_avg_pool2d(x, self.output_size)
