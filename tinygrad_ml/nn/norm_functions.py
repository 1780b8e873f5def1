"""Normalisation and adaptive pooling as functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import avg_pool1d, avg_pool2d, matmul
from ..ops.normalize import normalize
from ..tensor import Tensor
from .layer_functions import shape_of


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
    last, shape = as_shape(normalized_shape), shape_of(input)
    if not last or shape[-len(last) :] != last:
        raise ValueError(f"layer_norm: input has shape {shape}; its last axes must be {last}")
    x = input if isinstance(input, Tensor) else Tensor(input)
    return normalize(x, 1.0 if weight is None else weight, 0.0 if bias is None else bias, last=len(last), eps=eps)


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be given as one length."""
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)


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
        If there is only one number in each channel when training: it has no variance.

    Examples
    --------
    >>> x = tg.tensor([[1.0], [3.0]])
    >>> tg.nn.functional.batch_norm(x, None, None, training=True, eps=0.0)
    tensor([[-1.],
            [ 1.]])
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
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
        raise ValueError(f"batch_norm: input has shape {x.shape}: one number in each channel has no variance")
    statistics: list[np.ndarray] = []
    out = normalize(x, factor, offset, eps=eps, statistics=statistics)
    if running_mean is not None and running_var is not None:
        mean, variance = statistics
        for running, now in ((running_mean, mean), (running_var, variance * (n / (n - 1)))):
            running.data = (1 - momentum) * running._data + momentum * now.astype(running.dtype)
    return out


# ---------------------------------------------------------------------- pooling


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """Return the means of `output_size` windows that share a sequence (..., length) among them.

    Examples
    --------
    >>> tg.nn.functional.adaptive_avg_pool1d(tg.tensor([[1.0, 2.0, 3.0, 6.0]]), 2)
    tensor([[1.5, 4.5]])
    """
    return _adaptive("adaptive_avg_pool1d", input, output_size, 1)


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


def _adaptive(name: str, input: Any, output_size: Any, n: int) -> Tensor:
    x = input if isinstance(input, Tensor) else Tensor(input)
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if x.ndim not in (n + 1, n + 2) or len(wanted) != n:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; it needs {n} of each")
    size = x.shape[-n:]
    lengths = tuple([length if want is None else int(want) for length, want in zip(size, wanted)])
    if min(lengths) < 1 or min(size) < 1:
        raise ValueError(f"{name}: input has shape {x.shape} and output_size is {output_size}; no length may be 0")
    if all(length % out == 0 for length, out in zip(size, lengths)):
        windows = tuple([length // out for length, out in zip(size, lengths)])
        return (avg_pool1d if n == 1 else avg_pool2d)(x, windows)
    x = x @ _shares(size[-1], lengths[-1], x.dtype).T
    return x if n == 1 else matmul(_shares(size[0], lengths[0], x.dtype), x)


def _shares(length: int, windows: int, dtype: np.dtype) -> np.ndarray:
    """Return the matrix (windows, length) that takes the mean of each window."""
    i, places = np.arange(windows)[:, None], np.arange(length)
    first, end = i * length // windows, -(-(i + 1) * length // windows)
    return ((places >= first) & (places < end)).astype(dtype) / (end - first).astype(dtype)
