"""Normalisation over the features of each example, or groups of them, or over the batch in each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.normalize import normalize, reciprocal_root_mean_square
from ..tensor import Tensor, as_floating, get_default_dtype, shape_of
from .module import Module
from .parameter import Buffer, Parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "RMSNorm",
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "rms_norm",
]


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


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """Return input divided by the root of the mean of its squares over the last axes, times weight.

    Parameters
    ----------
    input : (..., *normalized_shape)
    normalized_shape : int or tuple
        The lengths of the last axes.
    weight : normalized_shape, optional
    eps : float, optional
        Added to the mean of the squares; by default the precision of the dtype.

    Raises
    ------
    ValueError
        If the last axes have other lengths.

    Examples
    --------
    >>> tg.nn.functional.rms_norm(tg.tensor([[1.0, 7.0]]), 2)
    tensor([[0.2, 1.4]])
    """
    last, shape = _as_shape(normalized_shape), shape_of(input)
    if not last or shape[-len(last) :] != last:
        raise ValueError(f"rms_norm: input has shape {shape}; its last axes must be {last}")
    x = as_floating(input)
    precise = x.astype(np.float32) if x.dtype == np.float16 else x  # whose squares have some room
    axes = tuple(range(-len(last), 0))
    tiny = float(np.finfo(x.dtype).eps) if eps is None else eps
    out = precise * reciprocal_root_mean_square(precise, axes, tiny)
    out = out if precise is x else out.astype(x.dtype)
    return out if weight is None else out * weight


class RMSNorm(Module):
    """Divide the last axes of every example by the root of the mean of their squares, then scale by a learned weight.

    Zhang and Sennrich, "Root mean square layer normalization" (2019).

    Parameters
    ----------
    normalized_shape : int or tuple
        The lengths of the last axes.
    eps : float, optional
        Added to the mean of the squares; by default the precision of the input's dtype.
    elementwise_affine : bool
        Whether there is a weight.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (*normalized_shape) or None

    Examples
    --------
    >>> tg.nn.RMSNorm(2)(tg.tensor([[1.0, 7.0]])).numpy()
    array([[0.2, 1.4]], dtype=float32)
    """

    drawn_whole = True

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = None,
    ):
        self.normalized_shape, self.eps = _as_shape(normalized_shape), eps
        weight = np.ones(self.normalized_shape, dtype or get_default_dtype())
        self.weight = Parameter(weight) if elementwise_affine else None

    def forward(self, x: Any) -> Tensor:
        shape, last = shape_of(x), self.normalized_shape
        if shape[-len(last) :] != last:
            raise ValueError(f"RMSNorm({last}): input has shape {shape}; its last axes must be {last}")
        return rms_norm(x, last, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}" + ("" if self.weight is not None else ", no weight")


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Return input with mean 0 and variance 1 in each group of channels of each example, times weight, plus bias.

    Parameters
    ----------
    input : (batch, channels, ...)
    num_groups : int
        Into how many groups of neighbours the channels are split.
    weight, bias : (channels,), optional
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If `num_groups` does not divide the channels.

    Examples
    --------
    >>> tg.nn.functional.group_norm(tg.tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=0.001)
    tensor([[-0.9995,  0.9995,  0.    ,  0.    ]])
    """
    x = as_floating(input)
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: input has shape {x.shape}; it must be (batch, channels, ...), and num_groups={num_groups} "
            "must divide the channels"
        )
    factor, offset = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    return normalize(x, factor, offset, groups=num_groups, eps=eps)


class GroupNorm(Module):
    """Give each group of channels of every example mean 0 and variance 1, then each channel a learned scale and offset.

    Wu and He, "Group normalization" (2018).

    Parameters
    ----------
    num_groups : int
        Into how many groups of neighbours the channels are split: 1 takes all together, num_channels each by itself.
    num_channels : int
    eps : float
        Added to the variance.
    affine : bool
        Whether there are weight and bias.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight, bias : Parameter (num_channels,) or None

    Examples
    --------
    >>> tg.nn.GroupNorm(2, 6)(tg.ones(4, 6, 5, 5)).shape
    (4, 6, 5, 5)
    """

    drawn_whole = True

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ):
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups {num_groups} must divide num_channels {num_channels}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        if len(shape) < 2 or shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm({self.num_groups}, {self.num_channels}): input has shape {shape}; "
                f"it must be (batch, {self.num_channels}, ...)"
            )
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = f"{self.num_groups}, {self.num_channels}, eps={self.eps}"
        return text + ("" if self.weight is not None else ", affine=False")


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
        raise ValueError(
            f"batch_norm: input has shape {x.shape}: one element in each channel has no variance. A last batch of "
            "one row is left out by drop_last=True of a DataLoader, or take another batch_size; to predict, call "
            "eval() first"
        )
    statistics: list[np.ndarray] = []
    out = normalize(x, factor, offset, eps=eps, statistics=statistics)
    if running_mean is not None and running_var is not None:
        mean, variance = statistics
        _move(((running_mean, mean), (running_var, variance * (n / (n - 1)))), momentum)
    return out


class _WithStatistics(Module):
    """What batch and instance normalisation share: a weight and a bias for each feature, and running statistics."""

    drawn_whole = True

    def _set_up(self, num_features: int, affine: bool, track_running_stats: bool, dtype: Any) -> None:
        dtype = dtype or get_default_dtype()
        self.num_features = num_features
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine else None
        self.running_mean = Buffer(np.zeros(num_features, dtype)) if track_running_stats else None
        self.running_var = Buffer(np.ones(num_features, dtype)) if track_running_stats else None
        self.num_batches_tracked = Buffer(0, np.int64) if track_running_stats else None


class _BatchNorm(_WithStatistics):
    """What the batch normalisations of vectors, sequences and images share."""

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
        self.eps, self.momentum = eps, momentum
        self._set_up(num_features, affine, track_running_stats, dtype)

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        if len(shape) not in self.axes or shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}({self.num_features}): input has shape {shape}; "
                f"it must be {self.expected.format(self.num_features)}"
            )
        mean, variance = self.running_mean, self.running_var
        momentum: Any = self.momentum
        if self.training and mean is not None and self.num_batches_tracked is not None:
            seen = self.num_batches_tracked.data + 1
            if momentum is None:
                momentum = (1 / seen).astype(mean.dtype)
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
            self.num_batches_tracked.data = seen
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


def instance_norm(
    input: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return input with mean 0 and variance 1 in each channel of each example, times weight, plus bias.

    Parameters
    ----------
    input : (batch, channels, ...)
    running_mean, running_var : Tensor (channels,), optional
        With `use_input_stats` they are moved towards the mean over the batch of the means and (unbiased) variances;
        without it they take their place.
    weight, bias : (channels,), optional
    use_input_stats : bool
        Whether to use the mean and variance of each channel of each example.
    momentum : float
        The share of this batch in the new running mean and variance.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If a channel has only one element: it has no variance.

    Examples
    --------
    >>> tg.nn.functional.instance_norm(tg.tensor([[[1.0, 3.0], [7.0, 5.0]]]), eps=0.0)
    tensor([[[-1.,  1.],
             [ 1., -1.]]])
    """
    x = as_floating(input)
    if x.ndim < 3:
        raise ValueError(f"instance_norm: input has shape {x.shape}; it must be (batch, channels, ...)")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    batch, channels = x.shape[:2]
    n = x.size // max(batch * channels, 1)
    if n < 2:
        raise ValueError(f"instance_norm: input has shape {x.shape}: one element in each channel has no variance")
    statistics: list[np.ndarray] = []
    factor, offset = 1.0 if weight is None else weight, 0.0 if bias is None else bias
    out = normalize(x, factor, offset, groups=channels, eps=eps, statistics=statistics)
    if running_mean is not None and running_var is not None:
        mean, variance = (found.reshape(batch, channels).mean(axis=0) for found in statistics)
        _move(((running_mean, mean), (running_var, variance * (n / (n - 1)))), momentum)
    return out


class _InstanceNorm(_WithStatistics):
    """What the instance normalisations of sequences and images share."""

    ndim: int
    expected: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: Any = None,
    ):
        self.eps, self.momentum = eps, momentum
        self._set_up(num_features, affine, track_running_stats, dtype)

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        single = len(shape) == self.ndim - 1
        if len(shape) not in (self.ndim - 1, self.ndim) or shape[0 if single else 1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}({self.num_features}): input has shape {shape}; it must be "
                f"(batch, {self.num_features}, {self.expected}), or ({self.num_features}, {self.expected})"
            )
        mean, variance = self.running_mean, self.running_var
        out = instance_norm(
            ops.expand_dims(x, 0) if single else x,
            mean,
            variance,
            self.weight,
            self.bias,
            self.training or mean is None,
            self.momentum,
            self.eps,
        )
        return ops.squeeze(out, 0) if single else out

    def extra_repr(self) -> str:
        text = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"
        text += "" if self.weight is None else ", affine=True"
        return text + ("" if self.running_mean is None else ", track_running_stats=True")


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of sequences (batch, channels, length), or (channels, length); see `InstanceNorm2d`.

    Examples
    --------
    >>> tg.nn.InstanceNorm1d(2, eps=0.0)(tg.tensor([[[1.0, 3.0], [7.0, 5.0]]]))
    tensor([[[-1.,  1.],
             [ 1., -1.]]])
    """

    ndim, expected = 3, "length"


class InstanceNorm2d(_InstanceNorm):
    """Give every channel of each image mean 0 and variance 1.

    Ulyanov, Vedaldi and Lempitsky, "Instance normalization" (2016). As in PyTorch there are no weights and no running
    statistics unless they are asked for.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float
        Added to the variance.
    momentum : float
        The share of each new batch in the running statistics.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are running statistics, for use after `eval()`.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight, bias : Parameter (num_features,) or None
    running_mean, running_var : Buffer (num_features,) or None
    num_batches_tracked : Buffer () of integers, or None
        For the state of PyTorch's module, where it stays 0 too.

    Examples
    --------
    >>> tg.nn.InstanceNorm2d(3)(tg.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    ndim, expected = 4, "height, width"


def _move(pairs: Any, momentum: float) -> None:
    """Move running statistics towards those of this batch."""
    for running, now in pairs:
        running.data = (1 - momentum) * running._data + momentum * now.astype(running.dtype)


def _as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be given as one length."""
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
