"""What the networks have in common that read frames of numbers and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import Tensor, nn

from .hyperparameters import count, fraction, hyperparameters
from .mixed_columns import MixedColumns, MixedInputs, column_names
from .network import Network

M = TypeVar("M", bound="MixedNetwork")


@hyperparameters
class MixedNetwork(Network):
    """Tables of vectors for the categories, `input_`, below a multi-layer perceptron, `layers_`.

    Parameters
    ----------
    categories : "auto", or a list of columns
        Which columns hold categories: by name, or by position in an array. "auto" takes those of strings, and pandas'
        and polars' own categories; ids that are numbers must be named.
    embedding_dim : int, optional
        The length of the vectors; by default 1.6 · n^0.56 for n values, and not above 50 (fastai's rule).
    id_dropout : float, from 0 to 1
        With which probability an id counts as unknown in training, so that the vector of unknown ids is learned.
    min_count : int
        Values that occur less often in the training data count as unknown.
    """

    reader = MixedColumns

    _: KW_ONLY
    categories: str | Sequence[Any] = column_names("auto")
    embedding_dim: int | None = count(None, layers=True, none=True)
    id_dropout: float = fraction(0.05, layers=True)
    min_count: int = count(1)

    def build(self: M, n_features: int, n_outputs: int = 1) -> M:
        """Make `input_`, with a table for each column of categories that `columns_` has, if any, and `layers_`."""
        self._check_hyperparameters()
        columns = vars(self).get("columns_")
        self.input_ = MixedInputs(n_features, {}) if columns is None else columns.inputs(self)
        self.layers_ = nn.Sequential(*self.dense(self.input_.n_outputs, self.hidden_layer_sizes, n_outputs))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for numbers and ids, (batch, columns), as `encode` makes them of a table."""
        return self.layers_(self.input_(x))

    def encode(self, X: Any) -> np.ndarray:
        """Return a table as the model reads it: numbers as they are, and the ids of categories, (samples, features)."""
        self.require_fitted()
        return self._check_X(X)
