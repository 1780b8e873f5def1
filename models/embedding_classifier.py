"""The multi-layer perceptron for classes, of frames that mix numbers and categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor, nn

from .classifier import Classifier
from .hyperparameters import activations, count, fraction, hyperparameters, loss_function, sizes
from .mixed_columns import MixedColumns, MixedInputs, column_names
from .network import ACTIVATIONS, Network


@hyperparameters
class EmbeddingClassifier(Network, Classifier):
    """A neural network that tells classes by numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0.

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
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples.
    loss : "cross_entropy", or a function of logits and target
        As in `MLPClassifier`.

    Attributes
    ----------
    columns_ : MixedColumns
        With `ids`: for the position of each column of categories a dict from its values to their ids, from 1.
    input_ : MixedInputs
        With `tables`, the Embeddings, in the order of `columns_.ids`.
    layers_ : Sequential
    classes_ : (classes,)
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> rows = [[colour, size] for colour in ("red", "green", "blue") for size in range(10)] * 4
    >>> sweet = [colour == "red" or size > 6 for colour, size in rows]
    >>> options = dict(learning_rate=0.03, max_iter=30, tol=0, random_state=0)
    >>> model = tg.models.EmbeddingClassifier((8,), **options).fit(rows, sweet)
    >>> model.predict([["red", 3], ["blue", 3], ["mauve", 9]])  # one of these was never seen
    array([ True, False,  True])

    It is a module: draw it with `tg.draw(model, model.encode(rows))`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> x, y = model.encode(rows[:3]), np.array([1, 1, 0])
    >>> report = gradcheck(lambda: model.criterion(model(tg.tensor(x)), y), params=model)
    """

    reader = MixedColumns
    why_not_sparse = "it looks up the category in each cell; MLPClassifier takes one-hot columns"
    multi_label = True

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    categories: str | Sequence[Any] = column_names("auto")
    embedding_dim: int | None = count(None, layers=True, none=True)
    id_dropout: float = fraction(0.05, layers=True)
    min_count: int = count(1)
    class_weight: Any = None
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function("cross_entropy")

    def build(self, n_features: int, n_outputs: int) -> EmbeddingClassifier:
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
