"""The multi-layer perceptron for classes, of frames that mix numbers and categories."""

from __future__ import annotations

from .embedding_network import EmbeddingNetwork
from .hyperparameters import hyperparameters
from .mlp_classifier import MLPClassifier


@hyperparameters
class EmbeddingClassifier(EmbeddingNetwork, MLPClassifier):
    """A neural network that tells classes by numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0.

    Attributes
    ----------
    categories_ : dict from the position of a column to a dict from its values to their ids, from 1
    input_ : MixedInputs
        With `tables`, the Embeddings, in the order of `categories_`.
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
