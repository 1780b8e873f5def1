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

__all__ = ["Conv1d", "Conv2d"]


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
