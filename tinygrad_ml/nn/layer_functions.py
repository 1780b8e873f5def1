"""Affine maps, dropout and attention as functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..ops.linear import affine, project
from ..ops.reduce import axes_of
from ..random import random_bits
from ..tensor import Tensor, from_owned


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a Tensor, an array or a list."""
    return x.shape if hasattr(x, "shape") else np.shape(x)


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias for input (..., in), weight (out, in), bias (out,).

    Examples
    --------
    >>> tg.nn.functional.linear(tg.ones(1, 2), tg.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    return project(input, weight) if bias is None else affine(input, weight, bias)


def softmax(input: Any, axis: int = -1) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `axis`.

    Examples
    --------
    >>> tg.nn.functional.softmax(tg.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """
    return ops.softmax(input, axis=axis)


def log_softmax(input: Any, axis: int = -1) -> Tensor:
    """Return the logarithm of the softmax along `axis`.

    Examples
    --------
    >>> tg.nn.functional.log_softmax(tg.tensor([0.0, 0.0]))
    tensor([-0.693147, -0.693147])
    """
    return ops.log_softmax(input, axis=axis)


def flatten(input: Any, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Return the numbers with the axes from `start_axis` to `end_axis`, both included, made one.

    Examples
    --------
    >>> tg.nn.functional.flatten(tg.ones(5, 2, 3, 4), 1).shape
    (5, 24)
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    if not x.ndim:
        return x.reshape(1)
    first, last = (axes_of(axis, x.ndim)[0] for axis in (start_axis, end_axis))
    if not -x.ndim <= start_axis < x.ndim or not -x.ndim <= end_axis < x.ndim or first > last:
        raise ValueError(f"flatten: input has shape {x.shape}; it has no axes from {start_axis} to {end_axis}")
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


# ---------------------------------------------------------------------- dropout


def dropout(input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Tensor:
    """Set each number to zero with probability p and scale the others by 1 / (1 - p), if `training`.

    Examples
    --------
    >>> tg.nn.functional.dropout(tg.ones(2), 0.9, training=False)
    tensor([1., 1.])
    """
    return _drop(input, None, p, training, generator)


def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> Tensor:
    """Set whole channels to zero with probability p and scale the others by 1 / (1 - p), if `training`.

    For input (batch, channels, height, width) or (batch, channels, length). Tompson and others, "Efficient object
    localization using convolutional networks" (2015).

    Examples
    --------
    >>> tg.nn.functional.dropout2d(tg.ones(1, 2, 1, 1), 0.9, training=False).shape
    (1, 2, 1, 1)
    """
    shape = shape_of(input)
    if len(shape) < 3:
        raise ValueError(f"dropout2d: input has shape {shape}; it must be (batch, channels, height, width)")
    return _drop(input, shape[:2] + (1,) * (len(shape) - 2), p, training, generator)


def _drop(input: Any, shape: Any, p: float, training: bool, generator: np.random.Generator | None) -> Tensor:
    check_probability(p)
    input = input if isinstance(input, Tensor) else Tensor(input)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    draw = random_bits(input.shape if shape is None else shape, generator)
    kept = draw >= np.uint32(min(p * 2**32, 2**32 - 1))
    return input * from_owned(kept * input.dtype.type(1 / (1 - p)))


def check_probability(p: float) -> None:
    """Raise unless `p` is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"the dropout probability must be between 0 and 1, not {p}")


# ---------------------------------------------------------------------- attention


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(query @ key.T * scale) @ value: for every query the mean of the values whose keys are like it.

    Vaswani and others, "Attention is all you need" (2017).

    Parameters
    ----------
    query : (..., targets, features)
    key : (..., sources, features)
    value : (..., sources, value features)
    attn_mask : bool or float (..., targets, sources), optional
        Bool: True where a query may see a key. Float: added to the products before the softmax.
    dropout_p : float
        The probability with which a weight is dropped.
    is_causal : bool
        Whether query i sees the keys 0 to i only.
    scale : float, optional
        By default 1 / sqrt(features).

    Returns
    -------
    Tensor (..., targets, value features); a query that may see nothing gets zeros

    Examples
    --------
    >>> q = k = v = tg.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> tg.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)[0]
    tensor([1., 0.])
    """
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    return ops.matmul(dropout(weights, dropout_p), value)


def attention_weights(query: Any, key: Any, attn_mask: Any, is_causal: bool, scale: float | None) -> Tensor:
    """Return softmax(query @ key.T * scale), of shape (..., targets, sources)."""
    q, k = shape_of(query), shape_of(key)
    if len(q) < 2 or len(k) < 2 or q[-1] != k[-1]:
        raise ValueError(f"attention: query has shape {q} and key {k}; their last axes, the features, must be equal")
    scale = 1 / math.sqrt(q[-1]) if scale is None else scale
    products = ops.matmul(query * scale, ops.swapaxes(key, -1, -2))
    if is_causal:
        if attn_mask is not None:
            raise ValueError("attention: give attn_mask or is_causal=True, not both")
        attn_mask = np.tri(q[-2], k[-2], dtype=bool)
    if attn_mask is not None:
        seen = attn_mask.dtype == bool
        products = ops.where(attn_mask, products, -np.inf) if seen else products + attn_mask
    return ops.softmax(products, axis=-1)
