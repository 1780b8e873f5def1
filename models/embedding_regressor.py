"""The multi-layer perceptron for numbers, of frames that mix numbers and categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor, nn

from .hyperparameters import activations, count, fraction, hyperparameters, loss_function, positive, sizes
from .mixed_columns import MixedColumns, MixedInputs, column_names
from .network import ACTIVATIONS, Network
from .regressor import LOSSES, Regressor


@hyperparameters
class EmbeddingRegressor(Network, Regressor):
    """A neural network that foretells numbers by numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0. y may be of any size, as in `MLPRegressor`.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer.
    categories : "auto", or a list of columns
        Which columns hold categories: by name, or by position in an array. "auto" takes those of strings, and pandas'
        and polars' own categories; ids that are numbers must be named.
    embedding_dim : int, optional
        The length of the vectors; by default 1.6 · n^0.56 for n values, and not above 50 (fastai's rule).
    id_dropout : float, from 0 to 1
        With which probability an id counts as unknown in training, so that the vector of unknown ids is learned.
    min_count : int
        Values that occur less often in the training data count as unknown.
    loss : "mse", "mae", "huber", or a function of output and target
        As in `MLPRegressor`.
    huber_delta : float

    Attributes
    ----------
    columns_ : MixedColumns
        With `ids`: for the position of each column of categories a dict from its values to their ids, from 1.
    input_ : MixedInputs
        With `tables`, the Embeddings, in the order of `columns_.ids`.
    layers_ : Sequential
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> rows = [[town, rooms] for town in ("Ulm", "Bonn", "Jena") for rooms in range(1, 9)] * 4
    >>> rent = [rooms * {"Ulm": 0.3, "Bonn": 0.4, "Jena": 0.1}[town] for town, rooms in rows]
    >>> options = dict(learning_rate=0.02, max_iter=60, tol=0, random_state=0)
    >>> model = tg.models.EmbeddingRegressor((16,), **options).fit(rows, rent)
    >>> abs(model.predict([["Bonn", 5], ["Jena", 5]]) - [2.0, 0.5]).max() < 0.2
    np.True_

    It is a module: draw it with `tg.draw(model, model.encode(rows))`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> x, y = model.encode(rows[:3]), np.array([1.0, 1.0, 0.0])
    >>> report = gradcheck(lambda: model.criterion(model(tg.tensor(x)), y), params=model)
    """

    reader = MixedColumns
    why_not_sparse = "it looks up the category in each cell; MLPRegressor takes one-hot columns"
    learns_in_units = True

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    categories: str | Sequence[Any] = column_names("auto")
    embedding_dim: int | None = count(None, layers=True, none=True)
    id_dropout: float = fraction(0.05, layers=True)
    min_count: int = count(1)
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function(*LOSSES)
    huber_delta: float = positive(1.35)

    def build(self, n_features: int, n_outputs: int = 1) -> EmbeddingRegressor:
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
