"""The multi-layer perceptron for numbers, of frames that mix numbers and categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

from tinygrad_ml import Tensor

from .hyperparameters import activations, hyperparameters, loss_function, positive, sizes
from .mixed_network import MixedNetwork
from .network import ACTIVATIONS
from .regressor import LOSSES, Regressor


@hyperparameters
class EmbeddingRegressor(MixedNetwork, Regressor):
    """A neural network that predicts numbers from numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0. Scale y if it is far from 1.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer.
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

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function(*LOSSES)
    huber_delta: float = positive(1.35)
