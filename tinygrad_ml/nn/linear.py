"""The affine map, and layers that only change the shape before or after it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops.linear import affine, project
from ..ops.reduce import axes_of
from ..tensor import Tensor, as_tensor, get_default_dtype, shape_of
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Flatten", "Linear", "Unflatten", "flatten", "linear"]


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias for input (..., in), weight (out, in), bias (out,).

    Examples
    --------
    >>> tg.nn.functional.linear(tg.ones(1, 2), tg.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    return project(input, weight) if bias is None else affine(input, weight, bias)


class Linear(Module):
    """The affine map y = x @ weight.T + bias.

    The initial weights and biases are uniform in ±1/sqrt(in_features), as PyTorch's.

    Parameters
    ----------
    in_features, out_features : int
        The lengths of the last axis of the input and of the output.
    bias : bool
        Whether there is a bias.
    dtype : dtype, optional
        The dtype of the parameters, by default the default float.

    Attributes
    ----------
    weight : Parameter (out_features, in_features)
    bias : Parameter (out_features,) or None

    Examples
    --------
    >>> layer = tg.nn.Linear(3, 2)
    >>> layer(tg.ones(5, 3)).shape
    (5, 2)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = None):
        self.in_features = in_features
        self.out_features = out_features
        dtype = dtype or get_default_dtype()
        bound = 1 / math.sqrt(in_features) if in_features else 0.0
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        shape = shape_of(x)
        if not shape or shape[-1] != self.in_features:
            raise ValueError(
                f"Linear(in_features={self.in_features}): input has shape {shape}; "
                f"its last axis must be {self.in_features}"
            )
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + (", bias=False" if self.bias is None else "")


def flatten(input: Any, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Return the elements with the axes from `start_axis` to `end_axis`, both included, joined into one.

    Examples
    --------
    >>> tg.nn.functional.flatten(tg.ones(5, 2, 3, 4), 1).shape
    (5, 24)
    """
    x = as_tensor(input)
    if not x.ndim:
        return x.reshape(1)
    first, last = (axes_of(axis, x.ndim)[0] for axis in (start_axis, end_axis))
    if not -x.ndim <= start_axis < x.ndim or not -x.ndim <= end_axis < x.ndim or first > last:
        raise ValueError(f"flatten: input has shape {x.shape}; it has no axes from {start_axis} to {end_axis}")
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


class Flatten(Module):
    """Join the axes from `start_axis` to `end_axis`, both included, into one.

    Examples
    --------
    >>> tg.nn.Flatten()(tg.ones(5, 2, 3, 4)).shape
    (5, 24)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1):
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Any) -> Tensor:
        return flatten(x, self.start_axis, self.end_axis)


class Unflatten(Module):
    """Split one axis into several: the opposite of Flatten.

    Parameters
    ----------
    axis : int
    unflattened_size : tuple of int
        The new lengths; one of them may be -1: it is computed from the others.

    Examples
    --------
    >>> tg.nn.Unflatten(1, (2, -1))(tg.ones(5, 24)).shape
    (5, 2, 12)
    """

    def __init__(self, axis: int, unflattened_size: tuple[int, ...]):
        self.axis, self.unflattened_size = axis, tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"Unflatten(axis={self.axis}): input has shape {x.shape}")
        axis = self.axis % x.ndim
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.unflattened_size}"
