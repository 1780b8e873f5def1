"""Normalisation to mean 0 and variance 1, then an affine map: layer and batch normalisation in one operation.

Both see x as an array (a, k, b) and take mean and variance over a and b. A layer norm has a = 1 and k = all rows, a
batch norm k = the channels. Large arrays go piece by piece along k, so that a piece stays in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor, as_array
from .blockwise import PIECE
from .reduce import size_of

__all__ = ["normalize"]


def _three(shape: tuple[int, ...], last: int) -> tuple[int, int, int]:
    """Return (a, k, b)."""
    if last:
        return 1, math.prod(shape[: len(shape) - last]), math.prod(shape[len(shape) - last :])
    return shape[0], shape[1], math.prod(shape[2:])


def _along(weight: Any, last: int) -> Any:
    """Return weight or bias, which is a number or has the shape of the last axes or of the channels, as (1, k, b)."""
    return weight if np.ndim(weight) == 0 else weight.reshape((1, 1, -1) if last else (1, -1, 1))


def _pieces(shape: tuple[int, int, int]) -> Iterator[slice]:
    k = shape[1]
    step = max(1, 2 * PIECE * k // max(math.prod(shape), 1))
    return (slice(i, i + step) for i in range(0, k, step))


def _part(weight: Any, piece: slice, last: int) -> Any:
    return weight if last or np.ndim(weight) == 0 else weight[:, piece]


def _mean(x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of x, or of x * y, over the first and the last axis."""
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
    if np.isfinite(as_array(squares)).all():
        return 1 / np.sqrt(squares + eps)
    size = size_of(as_array(x), axis)
    return 1 / (np.sqrt(np.mean(np.square(x / size), axis=axis, keepdims=True) + eps / size / size) * size)


def _normal(x: Any, last: int, eps: float) -> tuple[Any, Any]:
    """Return x (a, k, b) with mean 0 and variance 1, and what it was multiplied with, as recorded operations."""
    x = x.reshape(_three(x.shape, last))
    centred = x - np.mean(x, axis=(0, 2), keepdims=True)
    scale = reciprocal_root_mean_square(centred, (0, 2), eps)
    return centred * scale, scale


def _normalize_x(g: Any, x: Any, weight: Any, normal: Any, last: int, eps: float) -> Any:
    if isinstance(x, Tensor):
        z, scale = _normal(x, last, eps)
        d = g.reshape(z.shape) * _along(weight, last)
        mean, share = (np.mean(y, axis=(0, 2), keepdims=True) for y in (d, d * z))
        return (scale * (d - mean - z * share)).reshape(x.shape)
    z, scale = normal
    g, weight, out = g.reshape(z.shape), _along(weight, last), np.empty(z.shape, np.result_type(g, z))
    for piece in _pieces(z.shape):
        d, y = out[:, piece], z[:, piece]
        np.multiply(g[:, piece], _part(weight, piece, last), out=d)
        mean, share = _mean(d), _mean(d, y)
        d -= mean
        d -= y * share
        d *= scale[:, piece]
    return out.reshape(x.shape)


def _normalize_weight(g: Any, x: Any, weight_shape: tuple, normal: Any, last: int, eps: float) -> Any:
    if isinstance(x, Tensor):
        z, _ = _normal(x, last, eps)
        total = np.sum(g.reshape(z.shape) * z, axis=(0, 1) if last else (0, 2))
    else:
        z, _ = normal
        total = np.einsum("akb,akb->b" if last else "akb,akb->k", g.reshape(z.shape), z)
    return total.reshape(weight_shape) if weight_shape else total


def _normalize_bias(g: Any, bias_shape: tuple, last: int) -> Any:
    g = g.reshape(_three(g.shape, last))
    total = np.sum(g, axis=(0, 1) if last else (0, 2))
    return total.reshape(bias_shape) if bias_shape else total


@primitive(
    floating=True, real_only=True, residuals="normal", x=_normalize_x, weight=_normalize_weight, bias=_normalize_bias
)
def normalize(x, weight, bias, *, last=0, eps=1e-5, statistics=None):
    """Return (x - mean) / sqrt(variance + eps) * weight + bias.

    Mean and variance are over the `last` axes, and weight and bias of their shape, or numbers: a layer norm. With
    last=0 they are over all axes but the second, and weight and bias (channels,): a batch norm. `statistics`, if
    given, is a list to which mean and variance are appended.

    >>> tg.ops.normalize(tg.tensor([[1.0, 3.0], [5.0, 5.0]]), 1.0, 10.0, last=1, eps=0.0001)
    tensor([[ 9.00005, 10.99995],
            [10.     , 10.     ]])
    """
    shape = _three(x.shape, last)
    weight, bias = _along(weight, last), _along(bias, last)
    out = np.empty(shape, np.result_type(x, weight, bias))
    y = x.reshape(shape)
    z = np.empty(shape, y.dtype)
    means, variances, scales = (np.empty((1, shape[1], 1), y.dtype) for _ in range(3))
    for piece in _pieces(shape):
        part = z[:, piece]
        means[:, piece] = mean = _mean(y[:, piece])
        np.subtract(y[:, piece], mean, out=part)
        variances[:, piece] = variance = _mean(part, part)
        scale = 1 / np.sqrt(variance + eps)
        if not np.isfinite(variance).all():  # it overflowed
            size = size_of(part, (0, 2))
            small = part / size
            scale = 1 / (np.sqrt(_mean(small, small) + eps / size / size) * size)
        scales[:, piece] = scale
        part *= scale
        np.multiply(part, _part(weight, piece, last), out=out[:, piece])
        out[:, piece] += _part(bias, piece, last)
    if statistics is not None:
        statistics += [means.reshape(-1), variances.reshape(-1)]
    return out.reshape(x.shape), (z, scales)
