"""The multi-layer perceptron for classes: affine maps with a nonlinearity in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

from tinygrad_ml import Tensor, nn

from .classifier import Classifier
from .hyperparameters import activations, hyperparameters, loss_function, sizes
from .network import ACTIVATIONS, Network


@hyperparameters
class MLPClassifier(Network, Classifier):
    """A neural network of fully connected layers whose outputs are the logits of classes, or of several labels.

    It minimises the cross entropy (of a sigmoid for two classes, of a softmax for more) by SGD or Adam; with y of
    (samples, labels), whose columns have two classes each, the sum of those of all labels. Scale the features first.
    Give X in float32 to halve the time.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer; () is logistic or softmax regression.
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples. With several labels it counts for each by itself; a list has one for
        each.
    loss : "cross_entropy", or a function of logits and target
        A function gets the positions of the classes, `(batch,)`, or for two classes and for labels zeros and ones in
        the shape of the logits, and returns the loss of each sample, or the mean, as the losses of `tg.nn` do.

    Attributes
    ----------
    layers_ : Sequential
    classes_ : (classes,), or the numbers of the labels (labels,); a list of the classes of each if they are not zeros
        and ones
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
    >>> xor = tg.models.MLPClassifier((8,), activation="tanh", learning_rate=0.05, random_state=0).fit(X, y)
    >>> xor.predict(X)
    array([0, 1, 1, 0])

    It is a module: draw it with `tg.draw(xor, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: xor.criterion(xor(x), y), X, params=xor)
    """

    multi_label = True
    why_not_sparse = ""

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    class_weight: Any = None
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function("cross_entropy")

    def build(self, n_features: int, n_outputs: int) -> MLPClassifier:
        """Make `layers_`; one output for two classes, and one for each of several labels."""
        self._check_hyperparameters()
        self.layers_ = nn.Sequential(*self.dense(n_features, self.hidden_layer_sizes, n_outputs))
        return self
