"""Layers: affine maps, activations, dropout, and their sequence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..tensor import Tensor, get_default_dtype
from . import functional as F
from . import init
from .module import Module, Parameter


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
        shape = F.shape_of(x)
        if not shape or shape[-1] != self.in_features:
            raise ValueError(
                f"Linear(in_features={self.in_features}): input has shape {shape}; "
                f"its last axis must be {self.in_features}"
            )
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + (", bias=False" if self.bias is None else "")


class ReLU(Module):
    """max(x, 0), element by element.

    Examples
    --------
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, x: Any) -> Tensor:
        return F.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element.

    Examples
    --------
    >>> tg.nn.Sigmoid()(tg.tensor([0.0]))
    tensor([0.5])
    """

    def forward(self, x: Any) -> Tensor:
        return F.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, element by element.

    Examples
    --------
    >>> tg.nn.Tanh()(tg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, x: Any) -> Tensor:
        return F.tanh(x)


class Dropout(Module):
    """Set each number to zero with probability p while training, and scale the others by 1 / (1 - p).

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

    def __init__(self, p: float = 0.5):
        F.check_probability(p)
        self.p = p

    def forward(self, x: Any) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Sequential(Module):
    """Modules one after the other: each gets the output of the one before.

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 2))
    >>> net(tg.ones(5, 4)).shape
    (5, 2)
    >>> net
    Sequential(
      (0): Linear(4, 8)
      (1): ReLU()
      (2): Linear(8, 2)
    )
    """

    def __init__(self, *layers: Module):
        for i, layer in enumerate(layers):
            if not callable(layer):
                raise TypeError(f"Sequential: layer {i} is a {type(layer).__name__}, which cannot be called")
        self.layers = list(layers)

    def attributes(self) -> Iterable[tuple[str, Any]]:
        return [(str(i), layer) for i, layer in enumerate(self.layers)]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)
