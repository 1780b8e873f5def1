"""Normalisation to mean 0 and variance 1, then an affine map: layer, group and batch normalisation in one operation.

All see x as an array (a, k, ...) and take mean and variance over all axes but k. A layer norm has a = 1 and k = all
rows, a batch norm k = the channels, a group norm a = 1 and k = the groups of all examples, and then axes for the
channels of a group and for the rest. Large arrays go piece by piece along k, so that a piece stays in the processor's
cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import is_other
from ..autograd import primitive
from ..batched import Batched, every, innermost, spread
from ..tensor import Tensor
from .blockwise import PIECE
from .reduce import size_of

__all__ = ["normalize"]


def _seen(shape: tuple[int, ...], last: int, groups: int) -> tuple[int, ...]:
    """Return the shape (a, k, ...) in which an array is seen."""
    if last:
        return 1, math.prod(shape[: len(shape) - last]), math.prod(shape[len(shape) - last :])
    if groups:
        return 1, shape[0] * groups, shape[1] // groups, math.prod(shape[2:])
    return shape[0], shape[1], math.prod(shape[2:])


OTHERS = {3: (0, 2), 4: (0, 2, 3)}  # the axes but k, of three axes and of four
SAVED = 8 * PIECE  # the number of elements from which normalised values are computed again rather than saved


def _along(weight: Any, shape: tuple[int, ...], last: int, groups: int) -> Any:
    """Return weight or bias, a number or of the shape of the last axes or of the channels, so that it broadcasts."""
    if np.ndim(weight) == 0:
        return weight
    if groups:
        each = np.broadcast_to(weight, (shape[0], shape[1]))
        return np.reshape(each, (1, shape[0] * groups, shape[1] // groups, 1))
    return np.reshape(weight, (1, 1, -1) if last else (1, -1, 1))


def _sums(g: Any, to: tuple[int, ...], last: int, groups: int) -> Any:
    """Return the sums of g over all that meets the same number of a weight of shape `to`."""
    return _gathered(np.sum(g, axis=(0, 3) if groups else (0, 1) if last else (0, 2)), to, groups)


def _products(g: Any, z: Any, last: int, groups: int) -> Any:
    """Return the sums of g * z, for each k if they are groups."""
    return np.einsum("akcs,akcs->kc" if groups else "akb,akb->b" if last else "akb,akb->k", g, z)


def _gathered(sums: Any, to: tuple[int, ...], groups: int) -> Any:
    """Return sums over all examples in the shape of a weight."""
    if not to:
        return np.sum(sums)
    return np.sum(sums.reshape((-1, *to)), axis=0) if groups else sums.reshape(to)


def _pieces(shape: tuple[int, ...]) -> Iterator[slice]:
    k = shape[1]
    step = max(1, 2 * PIECE * k // max(math.prod(shape), 1))
    return (slice(i, i + step) for i in range(0, k, step))


def _part(weight: Any, piece: slice) -> Any:
    return weight if np.ndim(weight) == 0 or weight.shape[1] == 1 else weight[:, piece]


def _mean(x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of x, or of x * y, over all axes but the second, which broadcasts against x."""
    if x.ndim == 4:
        rows = x.reshape(*x.shape[:2], -1)
        return _mean(rows, None if y is None else y.reshape(rows.shape))[..., None]
    total = np.einsum("akb->k", x) if y is None else np.einsum("akb,akb->k", x, y)
    return total[None, :, None] / x.dtype.type(x.shape[0] * x.shape[2] or 1)


def reciprocal_root_mean_square(x: Any, axis: Any, eps: float) -> Any:
    """Return 1 / sqrt(mean(x ** 2) + eps) over `axis`, which is kept, also where the squares overflow.

    >>> from tinygrad_ml.ops.normalize import reciprocal_root_mean_square
    >>> reciprocal_root_mean_square(tg.tensor([1e30, -1e30]), 0, 0.0)
    tensor([1.e-30])
    """
    with np.errstate(over="ignore"):
        squares = np.mean(x * x, axis=axis, keepdims=True)
    if every(np.isfinite(squares)):
        return 1 / np.sqrt(squares + eps)
    size = size_of(x._data if isinstance(x, Tensor) else x, axis)
    return 1 / (np.sqrt(np.mean(np.square(x / size), axis=axis, keepdims=True) + eps / size / size) * size)


def _recorded(x: Tensor, last: int, groups: int, eps: float) -> tuple[Any, Any]:
    """Return x with mean 0 and variance 1, as it is seen here, and what it was multiplied with, recorded."""
    x = x.reshape(_seen(x.shape, last, groups))
    centred = x - np.mean(x, axis=OTHERS[x.ndim], keepdims=True)
    scale = reciprocal_root_mean_square(centred, OTHERS[x.ndim], eps)
    return centred * scale, scale


def _normal(x: Any, normal: tuple, piece: slice) -> Any:
    """Return a piece of x, as it is seen here, with mean 0 and variance 1: what was saved, or else computed again."""
    z, means, scales = normal
    if z is not None:
        return z[:, piece]
    part = x[:, piece] - means[:, piece]
    part *= scales[:, piece]
    return part


def _normalize_x(g: Any, x: Any, weight: Any, normal: Any, last: int, groups: int, eps: float) -> Any:
    """the deviations of g * weight from what mean and variance take up, over the standard deviation"""
    shape, weight = _seen(x.shape, last, groups), _along(weight, x.shape, last, groups)
    g = g.reshape(shape)
    if isinstance(x, Tensor) or type(normal[0]) is Batched or type(g) is Batched or is_other(x):
        z, scale = _recorded(x, last, groups, eps) if isinstance(x, Tensor) else normal
        d = g * weight
        mean, share = (np.mean(y, axis=OTHERS[len(shape)], keepdims=True) for y in (d, d * z))
        return (scale * (d - mean - z * share)).reshape(x.shape)
    out, seen, scales = np.empty(shape, np.result_type(g, x)), x.reshape(shape), normal[2]
    for piece in _pieces(shape):
        d, z = out[:, piece], _normal(seen, normal, piece)
        np.multiply(g[:, piece], _part(weight, piece), out=d)
        mean, share = _mean(d), _mean(d, z)
        d -= mean
        d -= z * share
        d *= scales[:, piece]
    return out.reshape(x.shape)


def _normalize_weight(g: Any, x: Any, weight_shape: tuple, normal: Any, last: int, groups: int, eps: float) -> Any:
    """the sums of g times the normalised x"""
    z = _recorded(x, last, groups, eps)[0] if isinstance(x, Tensor) else normal[0]
    if z is not None:
        return _gathered(_products(g.reshape(z.shape), z, last, groups), weight_shape, groups)
    shape = _seen(x.shape, last, groups)
    g, x = g.reshape(shape), x.reshape(shape)
    parts = [_products(g[:, piece], _normal(x, normal, piece), last, groups) for piece in _pieces(shape)]
    return _gathered(sum(parts[1:], parts[0]) if last else np.concatenate(parts), weight_shape, groups)


def _normalize_bias(g: Any, bias_shape: tuple, last: int, groups: int) -> Any:
    """the sums of g"""
    return _sums(g.reshape(_seen(g.shape, last, groups)), bias_shape, last, groups)


@primitive(
    floating=True, real_only=True, residuals="normal", x=_normalize_x, weight=_normalize_weight, bias=_normalize_bias
)
def normalize(x, weight, bias, *, last=0, groups=0, eps=1e-5, statistics=None):
    """Return (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance are over the `last` axes, and weight and bias of their shape, or numbers: a layer norm. With
    `groups` they are over each group of channels of an example, and weight and bias (channels,): a group norm. With
    neither they are over all axes but the second: a batch norm. `statistics`, if given, is a list to which mean and
    variance are appended.

    >>> tg.ops.normalize(tg.tensor([[1.0, 3.0], [5.0, 5.0]]), 1.0, 10.0, last=1, eps=0.0001)
    tensor([[ 9.00005, 10.99995],
            [10.     , 10.     ]])
    """
    if statistics is None and Batched in (type(x), type(weight), type(bias)):
        return _of_batch(x, weight, bias, last, groups, eps)
    shape = _seen(x.shape, last, groups)
    weight, bias = _along(weight, x.shape, last, groups), _along(bias, x.shape, last, groups)
    y = x.reshape(shape)
    if is_other(x):
        mean = np.mean(y, axis=OTHERS[y.ndim], keepdims=True)
        centred = y - mean
        scale = reciprocal_root_mean_square(centred, OTHERS[y.ndim], eps)
        z = centred * scale
        if statistics is not None:
            statistics += [mean.reshape(-1), np.mean(centred * centred, axis=OTHERS[y.ndim]).reshape(-1)]
        return (z * weight + bias).reshape(x.shape), (z, scale)
    out = np.empty(shape, np.result_type(x, weight, bias))
    z = np.empty(shape, y.dtype) if y.size <= SAVED else None
    means, variances, scales = (np.empty((1, shape[1]) + (1,) * (y.ndim - 2), y.dtype) for _ in range(3))
    for piece in _pieces(shape):
        means[:, piece] = mean = _mean(y[:, piece])
        part = y[:, piece] - mean if z is None else np.subtract(y[:, piece], mean, out=z[:, piece])
        variances[:, piece] = variance = _mean(part, part)
        scale = 1 / np.sqrt(variance + eps)
        if not np.isfinite(variance).all():  # it overflowed
            size = size_of(part, OTHERS[part.ndim])
            small = part / size
            scale = 1 / (np.sqrt(_mean(small, small) + eps / size / size) * size)
        scales[:, piece] = scale
        part *= scale
        np.multiply(part, _part(weight, piece), out=out[:, piece])
        out[:, piece] += _part(bias, piece)
    if statistics is not None:
        statistics += [means.reshape(-1), variances.reshape(-1)]
    return out.reshape(x.shape), (z, means, scales)


def _of_batch(x: Any, weight: Any, bias: Any, last: int, groups: int, eps: float) -> tuple[Any, Any]:
    """Return what normalize gives for each element of a batch: more rows, or (of a batch norm) more channels."""
    level = innermost((x, weight, bias))
    whole, n = spread(x, level), level.size
    shape = whole.shape[1:]
    if not (last or groups):
        whole = np.reshape(np.moveaxis(whole, 0, 1), (shape[0], n * shape[1], *shape[2:]))
    elif groups:
        whole = np.reshape(whole, (n * shape[0], *shape[1:]))
    seen = _seen(shape, last, groups)
    z, (_, _, scales) = normalize.primitive.forward(whole, 1.0, 0.0, last=last, groups=groups, eps=eps)
    if not (last or groups):
        z = np.moveaxis(np.reshape(z, (shape[0], n, *shape[1:])), 1, 0)
    z = Batched(np.reshape(z, (n, *seen)), level)
    out = z * _along(weight, shape, last, groups) + _along(bias, shape, last, groups)
    scale = Batched(np.reshape(scales, (n, 1, seen[1]) + (1,) * (len(seen) - 2)), level)
    return np.reshape(out, shape), (z, scale)
