"""The affine map, and layers that only change the shape before or after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..foreign_names import StartAndEndDim, takes_foreign_names
from ..ops.composed import flatten
from ..ops.linear import affine, project
from ..ops.products import matmul
from ..tensor import Tensor, as_floating, as_tensor, get_default_dtype, shape_of
from ..validation import check_integer
from . import init
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Bilinear", "Flatten", "Linear", "Unflatten", "bilinear", "flatten", "linear"]


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
        self.in_features = in_features = check_integer("Linear: in_features", in_features, 0)
        self.out_features = out_features = check_integer("Linear: out_features", out_features, 0)
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


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """Return input1 @ weight[k] @ input2 + bias[k] for every k.

    Parameters
    ----------
    input1 : (..., in1)
    input2 : (..., in2)
    weight : (out, in1, in2)
    bias : (out,), optional

    Returns
    -------
    Tensor (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> tg.nn.functional.bilinear(tg.tensor([[2.0]]), tg.tensor([[3.0]]), tg.tensor([[[10.0]]]))
    tensor([[60.]])
    """
    x, y, weight = as_floating(input1), as_floating(input2), as_tensor(weight)
    fits = weight.ndim == 3 and x.ndim == y.ndim and x.ndim and x.shape[:-1] == y.shape[:-1]
    if not fits or (x.shape[-1], y.shape[-1]) != weight.shape[1:]:
        raise ValueError(
            f"bilinear: the inputs have shapes {x.shape} and {y.shape}, and weight {weight.shape}; they must be "
            "(..., in1), (..., in2) and (out, in1, in2)"
        )
    out, first, second = weight.shape
    rows = matmul(x, weight.transpose(1, 0, 2).reshape(first, out * second))
    z = matmul(rows.reshape(*x.shape[:-1], out, second), y.reshape(*y.shape, 1)).reshape(*x.shape[:-1], out)
    return z if bias is None else z + bias


class Bilinear(Module):
    """The bilinear map y[k] = x1 @ weight[k] @ x2 + bias[k].

    The initial weights and biases are uniform in ±1/sqrt(in1_features), as PyTorch's.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        The lengths of the last axes of the inputs and of the output.
    bias : bool
        Whether there is a bias.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (out_features, in1_features, in2_features)
    bias : Parameter (out_features,) or None

    Examples
    --------
    >>> tg.nn.Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(5, 4)).shape
    (5, 2)
    """

    drawn_whole = True

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, dtype: Any = None
    ):
        if in1_features < 1:
            raise ValueError(f"Bilinear: in1_features must be at least 1, not {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        dtype = dtype or get_default_dtype()
        bound = 1 / math.sqrt(in1_features)
        self.weight = Parameter(np.empty((out_features, in1_features, in2_features), dtype))
        init.uniform_(self.weight, -bound, bound)
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        one, two = shape_of(input1), shape_of(input2)
        if one[-1:] != (self.in1_features,) or two[-1:] != (self.in2_features,) or one[:-1] != two[:-1]:
            raise ValueError(
                f"Bilinear({self.in1_features}, {self.in2_features}, {self.out_features}): the inputs have shapes "
                f"{one} and {two}; they must be (..., {self.in1_features}) and (..., {self.in2_features})"
            )
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in1_features}, {self.in2_features}, {self.out_features}"
        return text + (", bias=False" if self.bias is None else "")


class Flatten(Module):
    """Join the axes from `start_axis` to `end_axis`, both included, into one.

    Examples
    --------
    >>> tg.nn.Flatten()(tg.ones(5, 2, 3, 4)).shape
    (5, 24)
    """

    @takes_foreign_names()
    def __init__(self, start_axis: int = 1, end_axis: int = -1, **foreign: Unpack[StartAndEndDim]):
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

    @overload
    def __init__(self, axis: int, unflattened_size: tuple[int, ...]): ...
    @overload
    def __init__(self, *, dim: int, unflattened_size: tuple[int, ...]): ...
    @takes_foreign_names()  # type: ignore[misc]
    def __init__(self, axis: int, unflattened_size: tuple[int, ...]):
        self.axis, self.unflattened_size = axis, tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"Unflatten(axis={self.axis}): input has shape {x.shape}")
        axis = self.axis % x.ndim
        known = math.prod([n for n in self.unflattened_size if n != -1])
        unknown = self.unflattened_size.count(-1)
        fits = x.shape[axis] == known if not unknown else unknown == 1 and known and x.shape[axis] % known == 0
        if not fits:
            raise ValueError(
                f"Unflatten(axis={self.axis}): input has shape {x.shape}; the {x.shape[axis]} elements of this axis do "
                f"not make {self.unflattened_size}"
            )
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.unflattened_size}"
