"""Normalisation to mean 0 and variance 1 over some axes, then an affine map: layer and batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor
from .reduce import count


def moments(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """Return mean and variance over some axes, which stay with length 1.

    >>> from tinygrad_ml.ops.normalize import moments
    >>> mean, variance = moments(np.array([[1.0, 3.0]]), (1,))
    >>> mean.item(), variance.item()
    (2.0, 1.0)
    """
    n = count(x.shape, axis) or 1
    mean = x.sum(axis=axis, keepdims=True) / n
    centred = x - mean
    return mean, (centred * centred).sum(axis=axis, keepdims=True) / n


def _normal(x: Any, axis: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """Return x with mean 0 and variance 1, and the factor that it was multiplied with."""
    mean, variance = moments(x, axis)
    scale = 1 / np.sqrt(variance + eps)
    return (x - mean) * scale, scale


def _normalize_x(g: Any, x: Any, weight: Any, normal: Any, axis: tuple[int, ...], eps: float) -> Any:
    z, scale = _normal(x, axis, eps) if isinstance(x, Tensor) else normal
    n = count(x.shape, axis) or 1
    g = g * weight
    mean = g.sum(axis=axis, keepdims=True) / n
    share = (g * z).sum(axis=axis, keepdims=True) / n
    if isinstance(g, Tensor):
        return scale * (g - mean - z * share)
    g -= mean
    g -= z * share
    g *= scale
    return g


def _normalize_weight(g: Any, x: Any, normal: Any, axis: tuple[int, ...], eps: float) -> Any:
    return g * (_normal(x, axis, eps) if isinstance(x, Tensor) else normal)[0]


@primitive(keeps="normal", x=_normalize_x, weight=_normalize_weight, bias=lambda g: g)
def normalize(x, weight, bias, *, axis, eps=1e-5, known=None):
    """Return (x - mean) / sqrt(variance + eps) * weight + bias, with mean and variance over the axes in `axis`.

    Weight and bias broadcast against x. `known` holds mean and variance where somebody has computed them already.

    >>> tg.ops.normalize(tg.tensor([[1.0, 3.0], [5.0, 5.0]]), 1.0, 10.0, axis=(1,), eps=0.0001)
    tensor([[ 9.00005, 10.99995],
            [10.     , 10.     ]])
    """
    mean, variance = known or moments(x, axis)
    scale = 1 / np.sqrt(variance + eps)
    z = x - mean
    z *= scale
    out = z * weight
    return out + bias, (z, scale)
