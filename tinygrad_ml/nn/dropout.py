"""Dropout of single elements and of whole channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import together
from ..ops.elementwise import where
from ..random import random_bits
from ..tensor import Tensor, as_floating, from_owned, shape_of
from ..validation import is_number
from .module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "alpha_dropout",
    "check_probability",
    "dropout",
    "dropout1d",
    "dropout2d",
]

SELU_AT_MINUS_INFINITY = -1.7580993408473766


def dropout(input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None) -> Tensor:
    """Set each element to zero with probability p and scale the others by 1 / (1 - p), if `training`.

    Examples
    --------
    >>> tg.nn.functional.dropout(tg.ones(2), 0.9, training=False)
    tensor([1., 1.])
    """
    return _drop(input, None, p, training, generator)


class _Dropout(Module):
    """What modules of this file share: a probability p, and that a drawing shows them as one box."""

    drawn_whole = True

    def __init__(self, p: float = 0.5):
        check_probability(p)
        self.p = p

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout(_Dropout):
    """Set each element to zero with probability p while training, and scale the others by 1 / (1 - p).

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014). After `eval()`
    it passes its input through unchanged.

    Parameters
    ----------
    p : float
        The probability, from 0 (nothing is dropped) to 1 (everything is).

    Examples
    --------
    >>> tg.nn.Dropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, x: Any) -> Tensor:
        return dropout(x, self.p, self.training)


def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> Tensor:
    """Set whole channels of sequences to zero with probability p and scale the others by 1 / (1 - p), if `training`.

    For input (batch, channels, length) or (channels, length).

    Examples
    --------
    >>> tg.nn.functional.dropout1d(tg.ones(2, 3), 0.9, training=False).shape
    (2, 3)
    """
    shape = shape_of(input)
    if len(shape) not in (2, 3):
        raise ValueError(f"dropout1d: input has shape {shape}; it must be (batch, channels, length)")
    return _drop(input, (*shape[:-1], 1), p, training, generator)


class Dropout1d(_Dropout):
    """Set whole channels of sequences to zero with probability p while training, and scale the others by 1 / (1 - p).

    For input (batch, channels, length) or (channels, length); see `Dropout2d`.

    Parameters
    ----------
    p : float
        The probability, from 0 to 1.

    Examples
    --------
    >>> tg.nn.Dropout1d(0.5).eval()(tg.ones(1, 2, 3)).shape
    (1, 2, 3)
    """

    def forward(self, x: Any) -> Tensor:
        return dropout1d(x, self.p, self.training)


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


class Dropout2d(_Dropout):
    """Set whole channels to zero with probability p while training, and scale the others by 1 / (1 - p).

    Neighbouring elements of a feature map carry nearly the same information, so dropping single ones would remove
    nothing. Tompson and others, "Efficient object localization using convolutional networks" (2015).

    Parameters
    ----------
    p : float
        The probability, from 0 to 1.

    Examples
    --------
    >>> tg.nn.Dropout2d(0.5).eval()(tg.ones(1, 2, 3, 3)).shape
    (1, 2, 3, 3)
    """

    def forward(self, x: Any) -> Tensor:
        return dropout2d(x, self.p, self.training)


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Set each element to the limit of SELU at minus infinity with probability p, if `training`.

    Then all are scaled and moved, so that standardised input keeps mean 0 and variance 1.

    Examples
    --------
    >>> tg.nn.functional.alpha_dropout(tg.ones(2), 0.9)
    tensor([1., 1.])
    """
    check_probability(p)
    input = as_floating(input)
    if not training or p == 0:
        return input
    if p == 1:
        return where(False, input, 0)
    limit = SELU_AT_MINUS_INFINITY
    scale = 1 / math.sqrt((limit**2 * p + 1) * (1 - p))
    kept = random_bits(input.shape, generator) >= np.uint32(min(p * 2**32, 2**32 - 1))
    offset = np.where(kept, 0, limit * scale) - limit * scale * p
    factor, offset = together(kept * input.dtype.type(scale), offset.astype(input.dtype), input)[:2]
    return input * from_owned(factor) + from_owned(offset)


class AlphaDropout(_Dropout):
    """Dropout for networks of SELU, which keeps mean 0 and variance 1 of standardised input.

    Klambauer and others, "Self-normalizing neural networks" (2017). An element that is dropped becomes the limit of
    SELU at minus infinity, before what is left is scaled and moved. After `eval()` it passes its input through
    unchanged.

    Parameters
    ----------
    p : float
        The probability, from 0 to 1.

    Examples
    --------
    >>> tg.nn.AlphaDropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, x: Any) -> Tensor:
        return alpha_dropout(x, self.p, self.training)


def check_probability(p: float) -> None:
    """Raise unless `p` is a probability.

    Examples
    --------
    >>> tg.nn.dropout.check_probability(1.5)
    Traceback (most recent call last):
    ...
    ValueError: the dropout probability must be between 0 and 1, not 1.5
    """
    if not is_number(p):
        raise TypeError(f"the dropout probability must be a number, not a {type(p).__name__}")
    if not 0 <= p <= 1:
        raise ValueError(f"the dropout probability must be between 0 and 1, not {p}")


def _drop(input: Any, shape: Any, p: float, training: bool, generator: np.random.Generator | None) -> Tensor:
    check_probability(p)
    input = as_floating(input)
    if not training or p == 0:
        return input
    if p == 1:
        return where(False, input, 0)
    draw = random_bits(input.shape if shape is None else shape, generator)
    kept = draw >= np.uint32(min(p * 2**32, 2**32 - 1))
    return input * from_owned(together(kept * input.dtype.type(1 / (1 - p)), input)[0])
