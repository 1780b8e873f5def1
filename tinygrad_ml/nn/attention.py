"""Attention: scaled dot products as a function, several heads as a module."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_array, as_floating, get_default_dtype, shape_of
from . import init
from .dropout import check_probability, dropout
from .linear import Linear, linear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Return softmax(query @ key.T * scale) @ value: for every query the mean of the values with similar keys.

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
        Whether query i may attend to the keys 0 to i only.
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
    if is_causal and attn_mask is not None:
        raise ValueError("attention: give attn_mask or is_causal=True, not both")
    blocked = added = None
    if is_causal:
        blocked = ~np.tri(shape_of(query)[-2], shape_of(key)[-2], dtype=bool)
    elif attn_mask is not None and as_array(attn_mask).dtype == bool:
        blocked = ~as_array(attn_mask)
    else:
        added = attn_mask
    weights = _attention_weights(query, key, blocked, added, scale)
    return ops.matmul(dropout(weights, dropout_p), as_floating(value))


def _attention_weights(query: Any, key: Any, blocked: Any, added: Any, scale: float | None) -> Tensor:
    """Return softmax(query @ key.T * scale + added), and 0 where blocked, of shape (..., targets, sources)."""
    q, k = shape_of(query), shape_of(key)
    if len(q) < 2 or len(k) < 2 or q[-1] != k[-1]:
        raise ValueError(f"attention: query has shape {q} and key {k}; their last axes, the features, must be equal")
    scale = 1 / math.sqrt(q[-1]) if scale is None else scale
    products = ops.matmul(as_floating(query) * scale, ops.swapaxes(as_floating(key), -1, -2))
    if added is not None:
        products = products + (added if isinstance(added, Tensor) else np.asarray(added, products.dtype))
        never = as_array(added) == -np.inf
        if never.any():
            blocked = never if blocked is None else blocked | never
    if blocked is not None:
        products = ops.where(blocked, -np.inf, products)
    return ops.softmax(products, axis=-1)


class MultiheadAttention(Module):
    """Attention in several heads: each compares queries with keys in a subspace of its own, and averages the values.

    Vaswani and others, "Attention is all you need" (2017). The output, the weights' names, the masks and the initial
    values are PyTorch's; a query that may see nothing gets zeros where PyTorch gives NaN.

    Parameters
    ----------
    embed_dim : int
        The features of queries and outputs.
    num_heads : int
        How many heads share them.
    dropout : float
        The probability with which an attention weight is dropped while training.
    bias : bool
        Whether the projections have biases.
    batch_first : bool
        Whether inputs and output are (batch, sequence, features) and not (sequence, batch, features).
    kdim, vdim : int, optional
        The features of keys and values, by default embed_dim.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    in_proj_weight : Parameter (3 * embed_dim, embed_dim)
        The projections of queries, keys and values one below the other; with other kdim or vdim they are three:
        q_proj_weight, k_proj_weight, v_proj_weight.
    in_proj_bias : Parameter (3 * embed_dim,) or None
    out_proj : Linear

    Examples
    --------
    >>> attention = tg.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = tg.ones(3, 5, 8)
    >>> out, weights = attention(x, x, x)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        dtype: Any = None,
    ):
        check_probability(dropout)
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: num_heads {num_heads} must divide embed_dim {embed_dim}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        dtype = dtype or get_default_dtype()
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = Parameter(np.empty((3 * embed_dim, embed_dim), dtype))
            init.xavier_uniform_(self.in_proj_weight)
        else:
            self.q_proj_weight = Parameter(np.empty((embed_dim, embed_dim), dtype))
            self.k_proj_weight = Parameter(np.empty((embed_dim, self.kdim), dtype))
            self.v_proj_weight = Parameter(np.empty((embed_dim, self.vdim), dtype))
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim, dtype)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output and the attention weights.

        Parameters
        ----------
        query : (targets, batch, embed_dim), or (targets, embed_dim) without a batch
        key, value : (sources, batch, kdim) and (sources, batch, vdim)
            All three with the batch first if `batch_first`.
        key_padding_mask : bool or float (batch, sources), optional
            Bool: True where a key is to be ignored (PyTorch's convention). Float: added to the products.
        need_weights : bool
            Whether to return the weights; else None.
        attn_mask : bool or float (targets, sources) or (batch * heads, targets, sources), optional
            Bool: True where a query must not see a key. Float: added to the products.
        average_attn_weights : bool
            Whether to return the mean of the weights over the heads, and not those of each.
        is_causal : bool
            Whether query i may attend to the keys 0 to i only (besides what the masks say).

        Returns
        -------
        output : Tensor of the shape of `query`
        weights : Tensor (batch, targets, sources), or (batch, heads, targets, sources), or None
        """
        query, key, value = map(as_floating, (query, key, value))
        self._check(query, key, value)
        single = query.ndim == 2
        if single:
            query, key, value = (ops.expand_dims(x, 0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else ops.expand_dims(key_padding_mask, 0)
        elif not self.batch_first:
            query, key, value = (ops.swapaxes(x, 0, 1) for x in (query, key, value))
        q, k, v = map(self._heads, self._project(query, key, value))
        blocked, added = self._masks(q.shape[:-1], k.shape[-2], attn_mask, key_padding_mask, is_causal)
        weights = _attention_weights(q, k, blocked, added, 1 / math.sqrt(self.embed_dim // self.num_heads))
        if blocked is not None and not np.isfinite(v._data).all():  # nobody sees it
            v = ops.where(np.expand_dims(np.all(blocked, axis=-2), -1), 0.0, v)
        weights = dropout(weights, self.dropout, self.training)
        out = ops.swapaxes(weights @ v, 1, 2)
        out = self.out_proj(out.reshape(*out.shape[:2], self.embed_dim))
        if single:
            out = out[0]
        elif not self.batch_first:
            out = ops.swapaxes(out, 0, 1)
        if not need_weights:
            return out, None
        weights = ops.mean(weights, axis=1) if average_attn_weights else weights
        return out, weights[0] if single else weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        shapes = f"query has shape {query.shape}, key {key.shape}, value {value.shape}"
        if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
            raise ValueError(f"MultiheadAttention: {shapes}; all must have 3 axes, or 2 without a batch")
        for x, name, features in (
            (query, "query", self.embed_dim),
            (key, "key", self.kdim),
            (value, "value", self.vdim),
        ):
            if x.shape[-1] != features:
                raise ValueError(
                    f"MultiheadAttention(embed_dim={self.embed_dim}): {name} has shape {x.shape}; "
                    f"its last axis must be {features}"
                )
        batch = 0 if self.batch_first else 1
        sources = 0 if query.ndim == 2 else 1 - batch
        if key.shape[sources] != value.shape[sources] or (
            query.ndim == 3 and not query.shape[batch] == key.shape[batch] == value.shape[batch]
        ):
            raise ValueError(
                f"MultiheadAttention: {shapes}; keys and values must have the same length, and all the same batch size "
                f"(batch_first is {self.batch_first})"
            )

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        n = self.embed_dim
        bias = self.in_proj_bias
        biases = [None] * 3 if bias is None else [bias[:n], bias[n : 2 * n], bias[2 * n :]]
        if self.kdim != n or self.vdim != n:
            weights: list[Any] = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        elif query is key is value:
            return ops.split(linear(query, self.in_proj_weight, bias), 3, axis=-1)
        else:
            weights = ops.split(self.in_proj_weight, 3)
        return [linear(x, weight, b) for x, weight, b in zip((query, key, value), weights, biases)]

    def _heads(self, x: Tensor) -> Tensor:
        """Return (batch, heads, sequence, features of a head) of (batch, sequence, embed_dim)."""
        return ops.swapaxes(x.reshape(*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads), 1, 2)

    def _masks(
        self, queries: tuple, sources: int, attn_mask: Any, key_padding_mask: Any, is_causal: bool
    ) -> tuple[Any, Any]:
        """Return where a query may not see a key, and what is added to the products, or None."""
        batch, heads, targets = queries
        masks: list[Any] = []
        if attn_mask is not None:
            shape = shape_of(attn_mask)
            if shape not in ((targets, sources), (batch * heads, targets, sources)):
                raise ValueError(
                    f"MultiheadAttention: attn_mask has shape {shape}; it must be {(targets, sources)} "
                    f"or {(batch * heads, targets, sources)}"
                )
            mask = attn_mask if isinstance(attn_mask, Tensor) else np.asarray(attn_mask)
            masks.append(mask.reshape(batch, heads, targets, sources) if len(shape) == 3 else mask)
        if key_padding_mask is not None:
            if shape_of(key_padding_mask) != (batch, sources):
                raise ValueError(
                    f"MultiheadAttention: key_padding_mask has shape {shape_of(key_padding_mask)}; "
                    f"it must be {(batch, sources)}"
                )
            mask = key_padding_mask if isinstance(key_padding_mask, Tensor) else np.asarray(key_padding_mask)
            masks.append(mask.reshape(batch, 1, 1, sources))
        if is_causal:
            masks.append(~np.tri(targets, sources, dtype=bool))
        blocked: Any = None
        added: Any = None
        for mask in masks:
            if mask.dtype == bool:
                blocked = as_array(mask) if blocked is None else blocked | as_array(mask)
            else:
                added = mask if added is None else added + mask
        return blocked, added

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}" + (", batch_first=True" if self.batch_first else "")
