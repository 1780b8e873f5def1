"""The encoder of a transformer, and the positions of its sequence as waves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_floating, get_default_dtype, shape_of
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm
from .parameter import Buffer

__all__ = ["PositionalEncoding", "TransformerEncoder", "TransformerEncoderLayer"]

ACTIVATIONS: dict[str, Callable[..., Any]] = {"relu": ops.relu, "gelu": ops.gelu}


class TransformerEncoderLayer(Module):
    """Self-attention, then a network of two layers at each place, both beside a shortcut and normalised.

    Vaswani and others, "Attention is all you need" (2017). The names of the weights, the masks and the numbers are
    PyTorch's.

    Parameters
    ----------
    d_model : int
        The features of input and output.
    nhead : int
        The heads of the attention.
    dim_feedforward : int
        The units between the two layers.
    dropout : float
        The probability with which an attention weight, or a unit after each layer, is dropped while training.
    activation : "relu", "gelu" or callable
    layer_norm_eps : float
        Added to the variances.
    batch_first : bool
        Whether input and output are (batch, sequence, features) and not (sequence, batch, features).
    norm_first : bool
        Whether each part normalises its input, and not the sum of its output and the shortcut.
    bias : bool
        Whether there are biases.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    self_attn : MultiheadAttention
    linear1, linear2 : Linear
    norm1, norm2 : LayerNorm

    Examples
    --------
    >>> layer = tg.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
    >>> layer(tg.ones(3, 5, 8)).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[..., Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: Any = None,
    ):
        if not callable(activation) and activation not in ACTIVATIONS:
            raise ValueError(
                f"TransformerEncoderLayer: activation must be 'relu', 'gelu' or a function, not {activation!r}"
            )
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)
        self.activation = activation

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """Return the output, of the shape of `src`.

        Parameters
        ----------
        src : (sequence, batch, d_model), or (batch, sequence, d_model) if `batch_first`, or (sequence, d_model)
        src_mask : bool or float (sequence, sequence) or (batch * heads, sequence, sequence), optional
            Bool: True where a place must not see another. Float: added to the products.
        src_key_padding_mask : bool or float (batch, sequence), optional
            Bool: True where a place is to be ignored. Float: added to the products.
        is_causal : bool
            Whether each place may see itself and those before it only (besides what the masks say).
        """
        x, features = as_floating(src), self.linear1.in_features
        if x.ndim not in (2, 3) or x.shape[-1] != features:
            axes = "batch, sequence" if self.self_attn.batch_first else "sequence, batch"
            raise ValueError(
                f"TransformerEncoderLayer(d_model={features}): input has shape {x.shape}; it must be "
                f"({axes}, {features}), or (sequence, {features}) without a batch"
            )
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = x + self._attend(self.norm1(x), *masks)
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(x + self._attend(x, *masks))
        return self.norm2(x + self._feed_forward(x))

    def _attend(self, x: Tensor, attn_mask: Any, key_padding_mask: Any, is_causal: bool) -> Tensor:
        out, _ = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)
        return self.dropout1(out)

    def _feed_forward(self, x: Tensor) -> Tensor:
        activation = self.activation if callable(self.activation) else ACTIVATIONS[self.activation]
        return self.dropout2(self.linear2(self.dropout(activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """Several encoder layers, each fed with the output of the one before.

    Parameters
    ----------
    encoder_layer : Module
        It is copied `num_layers` times, so all begin with the same weights, as in PyTorch: to begin with others,
        draw them anew (`for p in encoder.parameters(): ...`).
    num_layers : int
    norm : Module, optional
        Called on the output at the end.

    Attributes
    ----------
    layers : ModuleList
    norm : Module or None

    Examples
    --------
    >>> layer = tg.nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)
    >>> encoder = tg.nn.TransformerEncoder(layer, num_layers=3)
    >>> encoder(tg.ones(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None):
        if num_layers < 1:
            raise ValueError(f"TransformerEncoder: num_layers must be at least 1, not {num_layers}")
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Tensor:
        """Return the output, of the shape of `src`; the masks are those of `TransformerEncoderLayer`."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        return x if self.norm is None else self.norm(x)


class PositionalEncoding(Module):
    """Add to each vector of a sequence waves that say where it stands, then drop some elements while training.

    The features 2i and 2i + 1 of place t get sin(t / 10000**(2i / d_model)) and its cosine. Vaswani and others,
    "Attention is all you need" (2017).

    Parameters
    ----------
    d_model : int
        The features of the vectors.
    dropout : float
        The probability with which an element is dropped while training.
    max_len : int
        The longest sequence.
    batch_first : bool
        Whether the input is (batch, sequence, d_model) and not (sequence, batch, d_model).
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    encoding : Buffer (max_len, d_model)
        Not part of `state_dict()`, since it can be computed again.

    Examples
    --------
    >>> tg.nn.PositionalEncoding(4, dropout=0.0)(tg.zeros(2, 4))
    tensor([[0.      , 1.      , 0.      , 1.      ],
            [0.841471, 0.540302, 0.01    , 0.99995 ]])
    """

    drawn_whole = True

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.1,
        max_len: int = 5000,
        batch_first: bool = False,
        *,
        dtype: Any = None,
    ):
        if d_model < 1 or max_len < 1:
            raise ValueError(f"PositionalEncoding: d_model {d_model} and max_len {max_len} must be at least 1")
        self.d_model, self.max_len, self.batch_first = d_model, max_len, batch_first
        angles = np.arange(max_len)[:, None] / 10000.0 ** (np.arange(0, d_model, 2) / d_model)
        waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(max_len, -1)[:, :d_model]
        self.encoding = Buffer(waves, dtype or get_default_dtype(), persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        time = 1 if self.batch_first and len(shape) == 3 else 0
        if len(shape) not in (2, 3) or shape[-1] != self.d_model or shape[time] > self.max_len:
            axes = "batch, sequence" if self.batch_first else "sequence, batch"
            raise ValueError(
                f"PositionalEncoding(d_model={self.d_model}, max_len={self.max_len}): input has shape {shape}; it must "
                f"be ({axes}, {self.d_model}), or (sequence, {self.d_model}), with at most {self.max_len} places"
            )
        encoding = self.encoding[: shape[time]]
        if len(shape) == 3 and not self.batch_first:
            encoding = ops.expand_dims(encoding, 1)
        return self.dropout(as_floating(x) + encoding)

    def extra_repr(self) -> str:
        return f"{self.d_model}, max_len={self.max_len}" + (", batch_first=True" if self.batch_first else "")
