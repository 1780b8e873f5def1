"""Normalisation over the features of each example, or over the batch in each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.normalize import normalize
from ..tensor import Tensor, as_floating, get_default_dtype, shape_of
from .module import Module
from .parameter import Buffer, Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "LayerNorm", "batch_norm", "layer_norm"]


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Return input with mean 0 and variance 1 over its last axes, times weight, plus bias.

    Parameters
    ----------
    input : (..., *normalized_shape)
    normalized_shape : int or tuple
        The lengths of the last axes.
    weight, bias : normalized_shape, optional
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If the last axes have other lengths.

    Examples
    --------
    >>> tg.nn.functional.layer_norm(tg.tensor([[1.0, 3.0]]), 2, eps=0.0)
    tensor([[-1.,  1.]])
    """
    last, shape = _as_shape(normalized_shape), shape_of(input)
    if not last or shape[-len(last) :] != last:
        raise ValueError(f"layer_norm: input has shape {shape}; its last axes must be {last}")
    x = as_floating(input)
    return normalize(x, 1.0 if weight is None else weight, 0.0 if bias is None else bias, last=len(last), eps=eps)


class LayerNorm(Module):
    """Give the last axes of every example mean 0 and variance 1, then a learned scale and offset.

    Ba, Kiros and Hinton, "Layer normalization" (2016).

    Parameters
    ----------
    normalized_shape : int or tuple
        The lengths of the last axes.
    eps : float
        Added to the variance.
    elementwise_affine : bool
        Whether there is a weight.
    bias : bool
        Whether there is a bias beside it.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight, bias : Parameter (*normalized_shape) or None

    Examples
    --------
    >>> tg.nn.LayerNorm(2, eps=0.0)(tg.tensor([[1.0, 3.0]])).numpy()
    array([[-1.,  1.]], dtype=float32)
    """

    drawn_whole = True

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = None,
    ):
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps = eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        shape, last = shape_of(x), self.normalized_shape
        if shape[-len(last) :] != last:
            raise ValueError(f"LayerNorm({last}): input has shape {shape}; its last axes must be {last}")
        return layer_norm(x, last, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}" + ("" if self.weight is not None else ", no affine map")


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return input with mean 0 and variance 1 in each channel, times weight, plus bias.

    Parameters
    ----------
    input : (batch, channels, ...)
    running_mean, running_var : Tensor (channels,), optional
        When training, they are moved towards the mean and the (unbiased) variance of this batch; otherwise they
        take the place of those of the batch.
    weight, bias : (channels,), optional
    training : bool
        Whether to use the mean and variance of this batch.
    momentum : float
        The share of this batch in the new running mean and variance.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If each channel has only one element when training: it has no variance.

    Examples
    --------
    >>> x = tg.tensor([[1.0], [3.0]])
    >>> tg.nn.functional.batch_norm(x, None, None, training=True, eps=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    x = as_floating(input)
    if x.ndim < 2:
        raise ValueError(f"batch_norm: input has shape {x.shape}; it must be (batch, channels, ...)")
    factor, offset = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without training=True it needs running_mean and running_var")
        scale = factor / np.sqrt(running_var + eps)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return x * scale.reshape(shape) + (offset - running_mean * scale).reshape(shape)
    n = x.size // x.shape[1] if x.shape[1] else 0
    if n < 2:
        raise ValueError(f"batch_norm: input has shape {x.shape}: one element in each channel has no variance")
    statistics: list[np.ndarray] = []
    out = normalize(x, factor, offset, eps=eps, statistics=statistics)
    if running_mean is not None and running_var is not None:
        mean, variance = statistics
        for running, now in ((running_mean, mean), (running_var, variance * (n / (n - 1)))):
            running.data = (1 - momentum) * running._data + momentum * now.astype(running.dtype)
    return out


class _BatchNorm(Module):
    """What the batch normalisations of vectors, sequences and images share."""

    drawn_whole = True
    axes: tuple[int, ...]
    expected: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: Any = None,
    ):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if track_running_stats else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if track_running_stats else None
        self.num_batches_tracked = Buffer(0, np.int64) if track_running_stats else None

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        if len(shape) not in self.axes or shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}({self.num_features}): input has shape {shape}; "
                f"it must be {self.expected.format(self.num_features)}"
            )
        mean, variance, momentum = self.running_mean, self.running_var, self.momentum
        if self.training and self.num_batches_tracked is not None:
            seen = int(self.num_batches_tracked) + 1
            if momentum is None:
                momentum = 1 / seen
        training = self.training or mean is None
        out = batch_norm(
            x,
            mean,
            variance,
            self.weight,
            self.bias,
            training,
            0.0 if momentum is None else momentum,
            self.eps,
        )
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.data = np.asarray(seen)
        return out

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"
        if self.weight is None:
            text += ", affine=False"
        return text + (", track_running_stats=False" if self.running_mean is None else "")


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of vectors (batch, features) or sequences (batch, features, length); see `BatchNorm2d`.

    Examples
    --------
    >>> tg.nn.BatchNorm1d(1, eps=0.0)(tg.tensor([[1.0], [3.0]])).numpy()
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    axes, expected = (2, 3), "(batch, {0}) or (batch, {0}, length)"


class BatchNorm2d(_BatchNorm):
    """Give every channel of a batch of images mean 0 and variance 1, then a learned scale and offset.

    While training it uses the mean and the variance of the batch, and keeps running ones for use after `eval()`.
    Ioffe and Szegedy, "Batch normalization" (2015).

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float
        Added to the variance.
    momentum : float or None
        The share of each new batch in the running statistics; None: they are the mean over all batches.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are running statistics; without them each batch is normalised by its own, after `eval()` too.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight, bias : Parameter (num_features,) or None
    running_mean, running_var : Buffer (num_features,) or None
    num_batches_tracked : Buffer () of integers, or None

    Raises
    ------
    ValueError
        When it is called while training with one element in each channel: that has no variance.

    Examples
    --------
    >>> layer = tg.nn.BatchNorm2d(3)
    >>> layer(tg.ones(2, 3, 4, 4)).shape, layer.num_batches_tracked.item()
    ((2, 3, 4, 4), 1)
    """

    axes, expected = (4,), "(batch, {0}, height, width)"


def _as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be given as one length."""
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
