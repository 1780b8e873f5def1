"""Layers and losses as functions, with PyTorch's names and argument order (and NumPy's `axis`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops import relu, sigmoid, tanh
from ..ops.create import default_generator
from ..ops.fused import (
    affine,
    project,
    softmax_cross_entropy,
    squared_error,
)
from ..ops.fused import binary_cross_entropy_with_logits as _binary_cross_entropy_with_logits
from ..tensor import Tensor, wrap

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "linear",
    "log_softmax",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


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


def dropout(input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Tensor:
    """Set each number to zero with probability p and scale the others by 1 / (1 - p), if `training`.

    Examples
    --------
    >>> tg.nn.functional.dropout(tg.ones(2), 0.9, training=False)
    tensor([1., 1.])
    """
    check_probability(p)
    input = input if isinstance(input, Tensor) else Tensor(input)
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    draw = (generator or default_generator()).random(input.shape, np.float32)
    return input * wrap((draw >= p) * input.dtype.type(1 / (1 - p)))


def check_probability(p: float) -> None:
    """Raise unless `p` is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"the dropout probability must be between 0 and 1, not {p}")


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the squared differences of two arrays of one shape: their mean, their sum, or all of them.

    Examples
    --------
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _check_shapes("mse_loss", input, target)
    return squared_error(input, target, reduction=reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the log loss of the probabilities sigmoid(input) for targets between 0 and 1.

    Examples
    --------
    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """
    _check_shapes("binary_cross_entropy_with_logits", input, target)
    return _binary_cross_entropy_with_logits(input, target, reduction=reduction)


def cross_entropy(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return -log softmax(input) at the target, for logits (batch, classes) or (batch, classes, ...).

    Parameters
    ----------
    input : Tensor (batch, classes, ...) or (classes,)
        Logits, not probabilities.
    target : integers (batch, ...), or floats of the shape of `input`
        Class indices from 0 to classes - 1, or the probability of each class.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError, TypeError, IndexError
        If the shapes do not fit, the indices are not integers, or one of them is not a class.

    Examples
    --------
    >>> tg.nn.functional.cross_entropy(tg.zeros(2, 4), np.array([0, 3]))
    tensor(1.386294)
    """
    logits = input if isinstance(input, Tensor) else Tensor(input)
    labels = np.asarray(target._data if isinstance(target, Tensor) else target)
    if not logits.ndim:
        raise ValueError("cross_entropy: input needs an axis of classes, and is a single number")
    axis = 0 if logits.ndim == 1 else 1
    classes = logits.shape[axis]
    if labels.shape == logits.shape and labels.dtype.kind == "f":
        terms = -ops.sum(target * ops.log_softmax(logits, axis=axis), axis=axis)
        return terms if reduction == "none" else ops.sum(terms) if reduction == "sum" else ops.mean(terms)
    wanted = logits.shape[:axis] + logits.shape[axis + 1 :]
    if labels.shape != wanted:
        raise ValueError(
            f"cross_entropy: input has shape {logits.shape}, so target must hold {wanted} class indices "
            f"(or {logits.shape} probabilities), not {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: class indices must be integers, and target is {labels.dtype}; use target.astype(int)"
        )
    flat = np.array(labels, np.intp).ravel()
    if flat.size and flat.view(np.uintp).max() >= classes:
        worst = flat[(flat < 0) | (flat >= classes)][0]
        raise IndexError(f"cross_entropy: target holds class {worst}, but input has the classes 0 to {classes - 1}")
    if logits.ndim == 1:
        logits = logits.reshape(1, classes)
    elif logits.ndim > 2:
        logits = ops.swapaxes(logits.reshape(logits.shape[0], classes, -1), 1, 2).reshape(-1, classes)
    loss = softmax_cross_entropy(logits, target=flat, reduction=reduction)
    return loss.reshape(wanted) if reduction == "none" else loss


def _check_shapes(name: str, input: Any, target: Any) -> None:
    if shape_of(input) != shape_of(target):
        raise ValueError(
            f"{name}: input has shape {shape_of(input)} and target {shape_of(target)}; they must be equal "
            "(broadcasting here is nearly always a mistake: reshape one of them)"
        )


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a Tensor, an array or a list."""
    return x.shape if hasattr(x, "shape") else np.shape(x)
