"""The multi-layer perceptron for classes, of frames that mix numbers and categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

from tinygrad_ml import Tensor

from .classifier import Classifier
from .hyperparameters import activations, hyperparameters, loss_function, sizes
from .mixed_network import MixedNetwork
from .network import ACTIVATIONS


@hyperparameters
class EmbeddingClassifier(MixedNetwork, Classifier):
    """A neural network that tells classes from numbers and categories: users, words, postcodes, colours.

    Each category is looked up in a table of vectors, which are learned (Guo and Berkhahn, "Entity embeddings of
    categorical variables", 2016); they and the standardised numbers enter a multi-layer perceptron. A category that is
    missing, or was not among the training data, has the vector in row 0.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer.
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

    multi_label = True

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    class_weight: Any = None
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function("cross_entropy")
