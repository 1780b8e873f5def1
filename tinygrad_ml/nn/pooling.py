"""Pooling: the largest element or the mean of each window, in PyTorch's layout (batch, channels, height, width)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..ops.conv import as_pair
from ..tensor import Tensor, as_array, as_floating, as_tensor, from_owned
from .module import Module

__all__ = [
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "LPPool1d",
    "LPPool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "max_unpool1d",
    "max_unpool2d",
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
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode, self.return_indices = padding, dilation, ceil_mode, return_indices

    def forward(self, x: Any) -> Any:
        return self.pool(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return _unusual(self, stride=self.kernel_size, padding=0, dilation=1, ceil_mode=False, return_indices=False)


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
    return_indices : bool
        Whether to return (output, indices): where each largest element stands in its image, counted row by row.

    Examples
    --------
    >>> tg.nn.MaxPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(ops.max_pool2d)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put what max pooling kept back to where it was, among zeros.

    Where `indices` name a place twice, as those of windows that overlap may, the last element stays and gets the
    gradient.

    Parameters
    ----------
    input : (batch, channels, height, width) or (channels, height, width)
    indices : integers of the shape of `input`
        Places in the image, counted row by row, as `max_pool2d(..., return_indices=True)` returns them.
    kernel_size, stride, padding
        Those of the pooling.
    output_size : tuple of int, optional
        The shape, or height and width, of the image that was pooled: several sizes of images are pooled to the same
        one. By default the smallest, (height - 1) * stride - 2 * padding + kernel_size.

    Raises
    ------
    ValueError, IndexError
        If the shapes do not fit, or there is no such place.

    Examples
    --------
    >>> pooled, places = tg.max_pool2d(tg.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2, return_indices=True)
    >>> tg.nn.functional.max_unpool2d(pooled, places, 2)
    tensor([[[0., 0.],
             [4., 0.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put what max pooling of sequences (batch, channels, length) kept back to where it was; see `max_unpool2d`.

    Examples
    --------
    >>> tg.nn.functional.max_unpool1d(tg.tensor([[3.0, 4.0]]), [[1, 2]], 2)
    tensor([[0., 3., 4., 0.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def _unpool(n: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Tensor:
    name = f"max_unpool{n}d"
    x, places = as_tensor(input), as_array(indices)
    if x.ndim not in (n + 1, n + 2) or places.shape != x.shape or places.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: input has shape {x.shape} and indices {places.shape} of {places.dtype}; they must be the two "
            f"results of max_pool{n}d(..., return_indices=True)"
        )
    kernel = as_pair(name, "kernel_size", kernel_size, n, 1)
    steps = kernel if stride is None else as_pair(name, "stride", stride, n, 1)
    pads = as_pair(name, "padding", padding, n, 0)
    usual = [(m - 1) * s - 2 * p + k for m, s, p, k in zip((1, *x.shape)[-2:], steps, pads, kernel)][-n:]
    size = usual if output_size is None else list(output_size)[-n:]
    if len(size) != n or any(abs(m - u) >= s for m, u, s in zip(size, usual, steps[-n:])):
        raise ValueError(
            f"{name}: output_size {tuple(size)} must differ by less than the stride {steps[-n:]} from {tuple(usual)}"
        )
    if places.size and not 0 <= places.min() <= places.max() < math.prod(size):
        raise IndexError(f"{name}: indices go to {places.max()}, but an image of {tuple(size)} has fewer places")
    images = math.prod(x.shape[:-n])
    rows = np.arange(images)[:, None]
    empty = np.zeros((images, math.prod(size)), x.dtype)
    out = ops.setitem(empty, x.reshape(images, -1), (rows, places.reshape(images, -1)))
    return out.reshape(*x.shape[:-n], *size)


class MaxUnpool1d(Module):
    """Put what `MaxPool1d` kept back to where it was, among zeros; see `MaxUnpool2d`.

    Examples
    --------
    >>> tg.nn.MaxUnpool1d(2)(tg.tensor([[3.0, 4.0]]), np.array([[1, 2]]))
    tensor([[0., 3., 4., 0.]])
    """

    drawn_whole = True
    unpool = staticmethod(max_unpool1d)

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, x: Any, indices: Any, output_size: Any = None) -> Tensor:
        return self.unpool(x, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return _unusual(self, stride=self.kernel_size, padding=0)


class MaxUnpool2d(MaxUnpool1d):
    """Put what `MaxPool2d` kept back to where it was, among zeros.

    It is called with the two results of `MaxPool2d(..., return_indices=True)`, and with `output_size`, the shape of
    the images that were pooled, if that is not the smallest possible.

    Parameters
    ----------
    kernel_size, stride, padding
        Those of the pooling.

    Examples
    --------
    >>> pool, unpool = tg.nn.MaxPool2d(2, return_indices=True), tg.nn.MaxUnpool2d(2)
    >>> x = tg.randn(1, 3, 5, 5)
    >>> unpool(*pool(x), output_size=x.shape).shape
    (1, 3, 5, 5)
    """

    unpool = staticmethod(max_unpool2d)


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
    divisor_override : int, optional
        By what the sum of each window is divided, in place of its size.

    Examples
    --------
    >>> tg.nn.AvgPool2d(2)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 14, 14)
    """

    pool = staticmethod(ops.avg_pool2d)

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, x: Any) -> Tensor:
        return ops.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return text if self.divisor_override is None else f"{text}, divisor_override={self.divisor_override}"


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


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of `output_size` windows that share a sequence (..., length) among them.

    Examples
    --------
    >>> tg.nn.functional.adaptive_max_pool1d(tg.tensor([[1.0, 2.0, 3.0, 6.0]]), 2)
    tensor([[2., 6.]])
    """
    return _adaptive_max("adaptive_max_pool1d", input, output_size, 1, return_indices)


class AdaptiveMaxPool1d(Module):
    """The largest elements of `output_size` windows that share a sequence (batch, channels, length) among them.

    Examples
    --------
    >>> tg.nn.AdaptiveMaxPool1d(2)(tg.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[2., 6.]])
    """

    drawn_whole = True

    def __init__(self, output_size: Any, return_indices: bool = False):
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, x: Any) -> Any:
        return adaptive_max_pool1d(x, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"{self.output_size}" + (", return_indices=True" if self.return_indices else "")


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of a grid of `output_size` windows that share images (..., height, width).

    The windows are those of `adaptive_avg_pool2d`. The first of several that tie gets the whole gradient.

    Parameters
    ----------
    input : (batch, channels, height, width) or (channels, height, width)
    output_size : int or pair of int or None
        Height and width of the output; None keeps that of the input.
    return_indices : bool
        Whether to return (output, indices): where each largest element stands in its image, counted row by row.

    Examples
    --------
    >>> tg.nn.functional.adaptive_max_pool2d(tg.ones(1, 8, 7, 5), (2, None)).shape
    (1, 8, 2, 5)
    """
    return _adaptive_max("adaptive_max_pool2d", input, output_size, 2, return_indices)


class AdaptiveMaxPool2d(AdaptiveMaxPool1d):
    """The largest elements of a grid of windows that share images (batch, channels, height, width) among them.

    Parameters
    ----------
    output_size : int or pair of int or None
        Height and width of the output, whatever the input's are; None keeps that of the input.
    return_indices : bool
        Whether to return (output, indices): where each largest element stands in its image, counted row by row.

    Examples
    --------
    >>> tg.nn.AdaptiveMaxPool2d(1)(tg.ones(2, 3, 28, 28)).shape
    (2, 3, 1, 1)
    """

    def forward(self, x: Any) -> Any:
        return adaptive_max_pool2d(x, self.output_size, self.return_indices)


def lp_pool1d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Return (sum of x**p)**(1/p) over each window of a sequence (..., length); see `lp_pool2d`.

    Examples
    --------
    >>> tg.nn.functional.lp_pool1d(tg.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp(ops.avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode, 1)


class LPPool1d(Module):
    """(sum of x**p)**(1/p) over each window of a sequence (batch, channels, length); see `LPPool2d`.

    Examples
    --------
    >>> tg.nn.LPPool1d(2, 2)(tg.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[ 5., 10.]])
    """

    drawn_whole = True
    pool = staticmethod(lp_pool1d)

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False):
        self.norm_type, self.kernel_size = norm_type, kernel_size
        self.stride, self.ceil_mode = kernel_size if stride is None else stride, ceil_mode

    def forward(self, x: Any) -> Tensor:
        return self.pool(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, " + _unusual(self, stride=self.kernel_size, ceil_mode=False)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Return (sum of x**p)**(1/p) over each window of images, without absolute values, as in PyTorch.

    So with an odd p above 1 a negative sum gives NaN.

    Parameters
    ----------
    input : (batch, channels, height, width) or (channels, height, width)
    norm_type : float
        p: 1 gives the sum, and a large one nearly the largest element.
    kernel_size, stride, ceil_mode
        As for `max_pool2d`.

    Examples
    --------
    >>> tg.nn.functional.lp_pool2d(tg.tensor([[[3.0, 0.0], [0.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    return _lp(ops.avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode, 2)


class LPPool2d(LPPool1d):
    """(sum of x**p)**(1/p) over each window of images (batch, channels, height, width).

    As in PyTorch no absolute values are taken, so with an odd p above 1 a negative sum gives NaN.

    Parameters
    ----------
    norm_type : float
        p: 1 gives the sum, and a large one nearly the largest element.
    kernel_size, stride, ceil_mode
        As for `MaxPool2d`.

    Examples
    --------
    >>> tg.nn.LPPool2d(2, 2)(tg.ones(1, 1, 4, 4)).shape
    (1, 1, 2, 2)
    """

    pool = staticmethod(lp_pool2d)


def _lp(pool: Any, input: Any, p: float, kernel_size: Any, stride: Any, ceil_mode: bool, n: int) -> Tensor:
    x = as_floating(input)
    size = math.prod(kernel_size) if isinstance(kernel_size, (tuple, list)) else kernel_size**n
    return ops.power(pool(ops.power(x, p), kernel_size, stride, 0, ceil_mode) * size, 1 / p)


def _adaptive_max(name: str, input: Any, output_size: Any, n: int, return_indices: bool) -> Any:
    x = as_tensor(input)
    size, lengths = _adaptive_lengths(name, x, output_size, n)
    if all(length % out == 0 for length, out in zip(size, lengths)):
        windows = tuple([length // out for length, out in zip(size, lengths)])
        return (ops.max_pool1d if n == 1 else ops.max_pool2d)(x, windows, return_indices=return_indices)
    images = as_array(x).reshape(-1, size[0] if n == 2 else 1, size[-1])
    rows, columns = _bounds(images.shape[1], (1, *lengths)[-2]), _bounds(size[-1], lengths[-1])
    each = []
    for top, bottom in rows:
        for left, right in columns:
            window = images[:, top:bottom, left:right].reshape(len(images), -1)
            row, column = np.divmod(window.argmax(axis=1), right - left)
            each.append((row + top) * size[-1] + column + left)
    places = np.stack(each, axis=1)
    shape = (*x.shape[:-n], *lengths)
    flat = x.reshape(len(images), math.prod(size))
    out = ops.take_along_axis(flat, places, axis=1).reshape(shape)
    return (out, from_owned(places.reshape(shape))) if return_indices else out


def _bounds(length: int, windows: int) -> list[tuple[int, int]]:
    """Return where each window of an adaptive pooling begins and ends."""
    return [(i * length // windows, -(-(i + 1) * length // windows)) for i in range(windows)]


def _adaptive_lengths(name: str, x: Tensor, output_size: Any, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the lengths of the last axes of the input and of the output."""
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if x.ndim not in (n + 1, n + 2) or len(wanted) != n:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; it needs {n} of each")
    size = x.shape[-n:]
    lengths = tuple([length if want is None else int(want) for length, want in zip(size, wanted)])
    if min(lengths) < 1 or min(size) < 1:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; no length may be 0")
    return size, lengths


def _adaptive(name: str, input: Any, output_size: Any, n: int) -> Tensor:
    x = as_floating(input)
    size, lengths = _adaptive_lengths(name, x, output_size, n)
    if all(length % out == 0 for length, out in zip(size, lengths)):
        windows = tuple([length // out for length, out in zip(size, lengths)])
        return (ops.avg_pool1d if n == 1 else ops.avg_pool2d)(x, windows)
    x = x @ _shares(size[-1], lengths[-1], x.dtype).T
    return x if n == 1 else ops.matmul(_shares(size[0], lengths[0], x.dtype), x)


def _shares(length: int, windows: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix (windows, length) that takes the mean of each window."""
    first, end = np.array(_bounds(length, windows)).T[:, :, None]
    places = np.arange(length)
    return ((places >= first) & (places < end)).astype(dtype) / (end - first).astype(dtype)
