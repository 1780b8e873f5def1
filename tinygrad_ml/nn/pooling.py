"""Pooling: the largest element or the mean of each window, in PyTorch's layout (batch, channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_floating
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
]


class MaxPool1d(Module):
    """The largest element of each window of a sequence (batch, channels, length); see `MaxPool2d`.

    Examples
    --------
    >>> tg.nn.MaxPool1d(2)(tg.tensor([[1.0, 3.0, 2.0, 4.0]]))
    tensor([[3., 4.]])
    """

    drawn_whole = True
    pool = staticmethod(ops.max_pool1d)

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Any) -> Tensor:
        return self.pool(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return _unusual(self, stride=self.kernel_size, padding=0, dilation=1, ceil_mode=False)


class MaxPool2d(MaxPool1d):
    """The largest element of each window of images (batch, channels, height, width).

    Parameters
    ----------
    kernel_size : int or pair
        Height and width of the window.
    stride : int or pair, optional
        From one window to the next; by default the kernel size.
    padding : int or pair
        How many entries of -inf to pad on each side; at most half the window.
    dilation : int or pair
        The step from one element of a window to the next.
    ceil_mode : bool
        Whether a last window may reach beyond the end.

    Examples
    --------
    >>> tg.nn.MaxPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(ops.max_pool2d)


class AvgPool1d(Module):
    """The mean of each window of a sequence (batch, channels, length); see `AvgPool2d`.

    Examples
    --------
    >>> tg.nn.AvgPool1d(2)(tg.tensor([[1.0, 3.0, 2.0, 4.0]]))
    tensor([[2., 3.]])
    """

    drawn_whole = True
    pool = staticmethod(ops.avg_pool1d)

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
        How many zeros to pad on each side; at most half the kernel size.
    count_include_pad : bool
        Whether these zeros count in the mean.

    Examples
    --------
    >>> tg.nn.AvgPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(ops.avg_pool2d)


def _unusual(pool: Any, **usual: Any) -> str:
    shown = [f"{name}={getattr(pool, name)!r}" for name, value in usual.items() if getattr(pool, name) != value]
    return ", ".join([f"kernel_size={pool.kernel_size}", *shown])


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """Return the means of `output_size` windows that share a sequence (..., length) among them.

    Examples
    --------
    >>> tg.nn.functional.adaptive_avg_pool1d(tg.tensor([[1.0, 2.0, 3.0, 6.0]]), 2)
    tensor([[1.5, 4.5]])
    """
    return _adaptive("adaptive_avg_pool1d", input, output_size, 1)


class AdaptiveAvgPool1d(Module):
    """The means of `output_size` windows that share a sequence (batch, channels, length) among them.

    Examples
    --------
    >>> tg.nn.AdaptiveAvgPool1d(2)(tg.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[1.5, 4.5]])
    """

    drawn_whole = True

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return adaptive_avg_pool1d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """Return the means of a grid of `output_size` windows that share images (..., height, width) among them.

    Window i of n over a length L goes from floor(i * L / n) to ceil((i + 1) * L / n), as in PyTorch.

    Parameters
    ----------
    input : (batch, channels, height, width) or (channels, height, width)
    output_size : int or pair of int or None
        Height and width of the output; None keeps that of the input.

    Examples
    --------
    >>> tg.nn.functional.adaptive_avg_pool2d(tg.ones(1, 8, 7, 5), (2, None)).shape
    (1, 8, 2, 5)
    """
    return _adaptive("adaptive_avg_pool2d", input, output_size, 2)


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
        return adaptive_avg_pool2d(x, self.output_size)


def _adaptive(name: str, input: Any, output_size: Any, n: int) -> Tensor:
    x = as_floating(input)
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if x.ndim not in (n + 1, n + 2) or len(wanted) != n:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; it needs {n} of each")
    size = x.shape[-n:]
    lengths = tuple([length if want is None else int(want) for length, want in zip(size, wanted)])
    if min(lengths) < 1 or min(size) < 1:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; no length may be 0")
    if all(length % out == 0 for length, out in zip(size, lengths)):
        windows = tuple([length // out for length, out in zip(size, lengths)])
        return (ops.avg_pool1d if n == 1 else ops.avg_pool2d)(x, windows)
    x = x @ _shares(size[-1], lengths[-1], x.dtype).T
    return x if n == 1 else ops.matmul(_shares(size[0], lengths[0], x.dtype), x)


def _shares(length: int, windows: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix (windows, length) that takes the mean of each window."""
    i, places = np.arange(windows)[:, None], np.arange(length)
    first, end = i * length // windows, -(-(i + 1) * length // windows)
    return ((places >= first) & (places < end)).astype(dtype) / (end - first).astype(dtype)
