"""Embedding: vectors looked up by integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, get_default_dtype
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of vectors, looked up by integers.

    The initial vectors are drawn from the standard normal distribution, as PyTorch's.

    Parameters
    ----------
    num_embeddings : int
        The number of vectors.
    embedding_dim : int
        The length of each.
    padding_idx : int, optional
        The row that stands for nothing: it begins as zeros and gets no gradient.
    max_norm : float, optional
        Vectors that are looked up and longer than this are shortened to it first, in the table itself.
    norm_type : float
        The p of the norm that `max_norm` limits.
    scale_grad_by_freq : bool
        Whether the gradient of each vector is divided by how often it is looked up in a batch.
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
        When an index is not an integer, or not from 0 to num_embeddings - 1.

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
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        dtype: Any = None,
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of the {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim, self.sparse = num_embeddings, embedding_dim, sparse
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype or get_default_dtype()))
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Any) -> Tensor:
        return ops.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.sparse,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2.0),
            ("scale_grad_by_freq", False),
            ("sparse", False),
        ):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text
