"""Pooling in one and two dimensions: the largest number or the mean in each window of a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import is_other, like
from ..autograd import dispatch, primitive
from ..batched import Batched, folded, innermost
from ..tensor import Tensor, as_tensor, from_owned
from .blockwise import mask_into, masked
from .conv import as_pair
from .index import beside
from .patches import Geometry

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool2d_input", "max_pool1d", "max_pool2d", "max_pool2d_input"]


def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest number in each window. The first of several that tie for it gets the whole gradient.

    Parameters
    ----------
    x : (batch, channels, height, width) or (channels, height, width)
    kernel_size : int or pair
        Height and width of the window.
    stride : int or pair, optional
        From one window to the next; by default the kernel size, so that they do not overlap.
    padding : int or pair
        How many entries of minus infinity to pad on each side; at most half the window.
    dilation : int or pair
        The step from one number in a window to the next.
    ceil_mode : bool
        Whether a last window may reach beyond the end (it still begins before it).
    return_indices : bool
        Whether to return, beside the result, where each largest number stands: its place in the image, counted row by
        row.

    Raises
    ------
    ValueError
        If the window is larger than the padded input, or the padding larger than half the window.

    Examples
    --------
    >>> tg.max_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]), 2)
    tensor([[[4., 8.]]])
    """
    return _pool("max", 2, x, kernel_size, stride, padding, ceil_mode, dilation, return_indices=return_indices)


def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest number in each window of a sequence (batch, channels, length); see `max_pool2d`.

    Examples
    --------
    >>> tg.max_pool1d(tg.tensor([[1.0, 3.0, 2.0, 4.0, 5.0]]), 2)
    tensor([[3., 4.]])
    """
    return _pool("max", 1, x, kernel_size, stride, padding, ceil_mode, dilation, return_indices=return_indices)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window.

    Parameters
    ----------
    x, kernel_size, stride, ceil_mode
        As for `max_pool2d`.
    padding : int or pair
        Zeros around the input; at most half the kernel size.
    count_include_pad : bool
        Whether the zeros of the padding count in the mean.
    divisor_override : int, optional
        By what the sum of each window is divided, in place of its size.

    Raises
    ------
    ValueError
        As for `max_pool2d`.

    Examples
    --------
    >>> tg.avg_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]), 2)
    tensor([[[2.5, 6.5]]])
    """
    return _pool("avg", 2, x, kernel_size, stride, padding, ceil_mode, 1, count_include_pad, divisor_override)


def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of a sequence (batch, channels, length); see `avg_pool2d`.

    Examples
    --------
    >>> tg.avg_pool1d(tg.tensor([[1.0, 3.0, 2.0, 4.0, 5.0]]), 2)
    tensor([[2., 3.]])
    """
    return _pool("avg", 1, x, kernel_size, stride, padding, ceil_mode, 1, count_include_pad)


def _pool(
    kind: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    dilation: Any,
    count_include_pad: bool | None = None,
    divisor: int | None = None,
    return_indices: bool = False,
) -> Any:
    """Check the arguments of "max" or "avg" pooling over `n` axes, and compute it over two."""
    name = f"{kind}_pool{n}d"
    x = as_tensor(x)
    if x.ndim not in (n + 1, n + 2):
        lengths = "length" if n == 1 else "height, width"
        raise ValueError(f"{name}: x {x.shape} must be (batch, channels, {lengths})")
    kernel = as_pair(name, "kernel_size", kernel_size, n, 1)
    steps = kernel if stride is None else as_pair(name, "stride", stride, n, 1)
    pads = as_pair(name, "padding", padding, n, 0)
    gaps = as_pair(name, "dilation", dilation, n, 1)
    extent = tuple([d * (k - 1) + 1 for k, d in zip(kernel, gaps)])
    if any(2 * p > k for p, k in zip(pads, extent)):
        raise ValueError(f"{name}: padding={padding} must be at most half of kernel_size={kernel_size}")
    if divisor == 0:
        raise ValueError(f"{name}: divisor_override must not be 0")
    shape = x.shape
    x = x.reshape(-1, 1 if n == 1 else shape[-2], shape[-1]) if x.size else x.reshape(0, *(1, *shape)[-2:])
    geometry = Geometry(steps, ((pads[0], pads[0]), (pads[1], pads[1])), gaps)
    if ceil_mode:
        rows, columns = map(_reaching, x.shape[1:], extent, steps, pads)
        geometry = geometry._replace(padding=(rows, columns))
    if min(geometry.lengths(x.shape[1:], kernel)) < 1:
        raise ValueError(f"{name}: x {shape}: the window {kernel_size} is larger than the padded input")
    if count_include_pad is None:
        y = _max_pool2d(x, kernel=kernel, geometry=geometry)
    else:
        within: Any = pads if count_include_pad else (0, 0)
        y = _avg_pool2d(x, kernel=kernel, geometry=geometry, counted=within if divisor is None else int(divisor))
    out = y.reshape(*shape[:-n], *y.shape[-n:])
    if not return_indices:
        return out
    places = _first_of_largest(x, y, kernel, geometry) % math.prod(x.shape[1:])
    return out, from_owned(places.reshape(out.shape))


def _reaching(length: int, kernel: int, stride: int, pad: int) -> tuple[int, int]:
    """Return the padding with as much more at the end as the last window needs that begins before the end."""
    last = -(-(length + 2 * pad - kernel) // stride) * stride
    if last >= length + pad:
        last -= stride
    return pad, max(pad, last + kernel - length - pad)


# ---------------------------------------------------------------------- the operations, on stacks (n, height, width)


def _windows(x: np.ndarray, kernel: Any, geometry: Geometry, lengths: Any) -> Iterator[np.ndarray]:
    """Yield for each position in the kernel a view of the padded input: what it meets at each output."""
    for where in np.ndindex(*kernel):
        start = [k * d for k, d in zip(where, geometry.dilation)]
        stop = [a + s * (n - 1) + 1 for a, s, n in zip(start, geometry.stride, lengths)]
        rows, columns = map(slice, start, stop, geometry.stride)
        yield x[..., rows, columns]


def _padded(x: np.ndarray, geometry: Geometry, value: Any) -> np.ndarray:
    if geometry.padding == ((0, 0), (0, 0)):
        return x
    return np.pad(x, ((0, 0), *geometry.padding), constant_values=value)


def _first_of_largest(x: Any, out: Any, kernel: tuple, geometry: Geometry) -> np.ndarray:
    """Return where in the stack each largest number stands, the first of equals, counted along all axes."""
    x, out = (a._data if isinstance(a, Tensor) else a for a in (x, out))
    if type(out) is Batched:
        level = innermost((x, out))
        places = folded(lambda x, out: _first_of_largest(x, out, kernel, geometry), level, x, out)
        return places - x.size * Batched(np.arange(level.size), level)  # counted in the stack of each element
    n, *lengths = out.shape
    new = like(out)
    first = new.zeros(out.shape, np.intp)  # position in the kernel; from the last one, so that the first one stays
    for k, window in reversed([*enumerate(_windows(_padded(x, geometry, np.nan), kernel, geometry, lengths))]):
        first = np.where(window == out, k, first)
    if np.isnan(out).any():  # the largest of NaN and anything is NaN
        views = _windows(_padded(np.isnan(x), geometry, False), kernel, geometry, lengths)
        for k, window in reversed([*enumerate(views)]):
            first = np.where(window, k, first)
    (row, column), (sh, sw), ((top, _), (left, _)) = np.divmod(first, kernel[1]), geometry.stride, geometry.padding
    row = row * geometry.dilation[0] + new.arange(lengths[0])[:, None] * sh - top
    column = column * geometry.dilation[1] + new.arange(lengths[1]) * sw - left
    return (new.arange(n)[:, None, None] * x.shape[1] + row) * x.shape[2] + column


def _max_pool2d_x(g: Any, x: Any, x_shape: tuple, out: Any, kernel: tuple, geometry: Geometry) -> Any:
    """g at the largest of each window, else 0"""
    if Batched in (type(g), type(x)) and not isinstance(x, Tensor):
        return folded(
            lambda g, x, out: _max_pool2d_x(g, x, x.shape, out, kernel, geometry), innermost((g, x)), g, x, out
        )
    if not any(isinstance(a, Tensor) or is_other(a) for a in (g, x)):
        padded = _padded(x, geometry, np.nan)
        dx = np.zeros(padded.shape, g.dtype)
        apart = geometry.stride == kernel and geometry.dilation == (1, 1)  # no two windows share a number
        free = np.ones(out.shape, bool)  # windows whose largest number was not met yet
        lengths = out.shape[1:]
        for window, into in zip(*(_windows(a, kernel, geometry, lengths) for a in (padded, dx))):
            hit = window == out
            hit &= free
            free ^= hit
            if apart:
                mask_into(g, hit, into)
            else:
                into += masked(g, hit)
        if not free.any():  # no NaN
            (top, _), (left, _) = geometry.padding
            return dx[:, top : top + x_shape[1], left : left + x_shape[2]]
    return dispatch(max_pool2d_input, g, places=_first_of_largest(x, out, kernel, geometry), shape=x_shape)


@primitive(cost="reduction", real_only=True, x=_max_pool2d_x)
def _max_pool2d(x, *, kernel, geometry):
    """Return the largest number in each window of a stack of images (n, height, width); the first of ties counts.

    >>> tg.max_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]), 2)
    tensor([[[4., 8.]]])
    """
    if type(x) is Batched:
        return folded(lambda x: dispatch(_max_pool2d, x, kernel=kernel, geometry=geometry), x.level, x)
    lowest = {"f": -np.inf, "b": False}.get(x.dtype.kind)
    lowest = np.iinfo(x.dtype).min if lowest is None else lowest
    lengths = geometry.lengths(x.shape[1:], kernel)
    views = _windows(_padded(x, geometry, lowest), kernel, geometry, lengths)
    out = next(views).copy()
    for window in views:
        out = np.maximum(out, window, out=None if is_other(out) else out)
    return out


def _max_pool2d_input_y(g: Any, places: Any) -> Any:
    """g.ravel()[places]"""
    return np.ravel(g)[beside(places, g)]


@primitive(cost="reduction", real_only=True, y=_max_pool2d_input_y)
def max_pool2d_input(y, *, places, shape):
    """Return zeros of `shape` to which y is added at `places`: the gradient of max_pool2d for its input.

    >>> tg.ops.max_pool2d_input(tg.tensor([[[5.0]]]), places=np.array([[[2]]]), shape=(1, 1, 3))
    tensor([[[0., 0., 5.]]])
    """
    size = math.prod(shape)
    if Batched in (type(y), type(places)):
        level = innermost((y, places))
        places = places + size * Batched(np.arange(level.size), level)
        whole = (level.size * shape[0], *shape[1:])
        put = lambda y, places: dispatch(max_pool2d_input, y, places=places, shape=whole)
        return folded(put, level, y, places)
    places = beside(places, y)
    return np.bincount(places.ravel(), y.ravel(), size).astype(y.dtype).reshape(shape)


def counts(size: tuple, kernel: tuple, geometry: Geometry, counted: tuple | int) -> np.ndarray:
    """Return how many numbers the mean of each window is over: those of the input and of `counted` padding.

    An integer `counted` is what the sum of each window is divided by.
    """
    if isinstance(counted, int):
        return np.array(counted)
    each_axis = []
    for n, k, s, (before, _), c, m in zip(
        size, kernel, geometry.stride, geometry.padding, counted, geometry.lengths(size, kernel)
    ):
        start = np.arange(m) * s - before
        each_axis.append(np.minimum(start + k, n + c) - np.maximum(start, -c))
    return np.multiply.outer(*each_axis)


def _avg_pool2d_x(g: Any, x_shape: tuple, kernel: tuple, geometry: Geometry, counted: tuple | int) -> Any:
    """g spread over each window"""
    return dispatch(avg_pool2d_input, g, size=x_shape[1:], kernel=kernel, geometry=geometry, counted=counted)


@primitive(floating=True, cost="reduction", x=_avg_pool2d_x)
def _avg_pool2d(x, *, kernel, geometry, counted=(0, 0)):
    """Return the mean of each window of a stack of images (n, height, width).

    >>> tg.avg_pool2d(tg.tensor([[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]), 2)
    tensor([[[2.5, 6.5]]])
    """
    if type(x) is Batched:
        pool = lambda x: dispatch(_avg_pool2d, x, kernel=kernel, geometry=geometry, counted=counted)
        return folded(pool, x.level, x)
    views = _windows(_padded(x, geometry, 0), kernel, geometry, geometry.lengths(x.shape[1:], kernel))
    out = next(views).copy()
    for window in views:
        out += window
    return out / like(x).asarray(counts(x.shape[1:], kernel, geometry, counted), x.dtype)


@primitive(
    floating=True,
    cost="reduction",
    y=lambda g, kernel, geometry, counted: dispatch(_avg_pool2d, g, kernel=kernel, geometry=geometry, counted=counted),
)
def avg_pool2d_input(y, *, size, kernel, geometry, counted=(0, 0)):
    """Return y shared among the windows of images of height and width `size`: the gradient of avg_pool2d.

    >>> from tinygrad_ml.ops.patches import Geometry
    >>> tg.ops.avg_pool2d_input(tg.tensor([[[6.0]]]), size=(1, 2), kernel=(1, 2), geometry=Geometry())
    tensor([[[3., 3.]]])
    """
    if type(y) is Batched:
        spread_out = lambda y: dispatch(
            avg_pool2d_input, y, size=size, kernel=kernel, geometry=geometry, counted=counted
        )
        return folded(spread_out, y.level, y)
    y = y / like(y).asarray(counts(size, kernel, geometry, counted), y.dtype)
    (top, bottom), (left, right) = geometry.padding
    out = like(y).zeros((len(y), size[0] + top + bottom, size[1] + left + right), y.dtype)
    for window in _windows(out, kernel, geometry, y.shape[1:]):
        if is_other(window):
            window[...] = window + y  # += need not write to the view
        else:
            window += y
    return out[:, top : top + size[0], left : left + size[1]].copy()
