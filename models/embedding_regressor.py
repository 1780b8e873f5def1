"""The multi-layer perceptron for numbers, of frames that mix numbers and categories."""

from __future__ import annotations

from .embedding_network import EmbeddingNetwork
from .hyperparameters import hyperparameters
from .mlp_regressor import MLPRegressor


@hyperparameters
class EmbeddingRegressor(EmbeddingNetwork, MLPRegressor):
    """A neural network that foretells numbers by numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0. Scale y if it is far from 1.

    Attributes
    ----------
    categories_ : dict from the position of a column to a dict from its values to their ids, from 1
    input_ : MixedInputs
        With `tables`, the Embeddings, in the order of `categories_`.
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
