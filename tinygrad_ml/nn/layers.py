"""Affine maps, dropout, and changes of shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor, get_default_dtype
from . import functional as F
from . import init
from .layer_functions import check_probability, shape_of
from .module import Module
from .parameter import Parameter


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
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + (", bias=False" if self.bias is None else "")


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
        check_probability(p)
        self.p = p

    def forward(self, x: Any) -> Tensor:
        return F.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Module):
    """Set whole channels to zero with probability p while training, and scale the others by 1 / (1 - p).

    Neighbouring numbers of a feature map say nearly the same, so dropping single ones would drop nothing. Tompson and
    others, "Efficient object localization using convolutional networks" (2015).

    Parameters
    ----------
    p : float
        The probability, from 0 to 1.

    Examples
    --------
    >>> tg.nn.Dropout2d(0.5).eval()(tg.ones(1, 2, 3, 3)).shape
    (1, 2, 3, 3)
    """

    def __init__(self, p: float = 0.5):
        check_probability(p)
        self.p = p

    def forward(self, x: Any) -> Tensor:
        return F.dropout2d(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Flatten(Module):
    """Make the axes from `start_axis` to `end_axis`, both included, one.

    Examples
    --------
    >>> tg.nn.Flatten()(tg.ones(5, 2, 3, 4)).shape
    (5, 24)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1):
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Any) -> Tensor:
        return F.flatten(x, self.start_axis, self.end_axis)


class Unflatten(Module):
    """Make of one axis several: the opposite of Flatten.

    Parameters
    ----------
    axis : int
    unflattened_size : tuple of int
        The new lengths; one of them may be -1, which is whatever is left.

    Examples
    --------
    >>> tg.nn.Unflatten(1, (2, -1))(tg.ones(5, 24)).shape
    (5, 2, 12)
    """

    def __init__(self, axis: int, unflattened_size: tuple[int, ...]):
        self.axis, self.unflattened_size = axis, tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        x = x if isinstance(x, Tensor) else Tensor(x)
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"Unflatten(axis={self.axis}): input has shape {x.shape}")
        axis = self.axis % x.ndim
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.unflattened_size}"


class Embedding(Module):
    """A table of vectors, looked up by integers.

    The initial vectors are drawn from the standard normal distribution, as PyTorch's.

    Parameters
    ----------
    num_embeddings : int
        How many vectors there are.
    embedding_dim : int
        The length of each.
    padding_idx : int, optional
        The row that stands for nothing: it begins as zeros and gets no gradient.
    sparse : bool
        Whether the gradient is to be `SparseRows`, for tables with many more rows than a batch uses.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (num_embeddings, embedding_dim)

    Raises
    ------
    TypeError, IndexError
        When it is called with numbers that are not integers, or not from 0 to num_embeddings - 1.

    Examples
    --------
    >>> words = tg.nn.Embedding(1000, 16, padding_idx=0)
    >>> words(np.array([[5, 7, 0], [8, 0, 0]])).shape
    (2, 3, 16)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        sparse: bool = False,
        dtype: Any = None,
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of the {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim, self.sparse = num_embeddings, embedding_dim, sparse
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype or get_default_dtype()))
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Any) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.sparse)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}" + (", sparse=True" if self.sparse else "")
