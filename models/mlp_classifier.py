"""The multi-layer perceptron for classes: affine maps with a nonlinearity in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_ml import nn

from .classifier import Classifier
from .network import Network


class MLPClassifier(Network, Classifier):
    """A neural network of fully connected layers whose outputs are the logits of classes.

    It minimises the cross entropy (of a sigmoid for two classes, of a softmax for more) by SGD or Adam. Scale the
    features first. Give X in float32 to halve the time.

    Parameters
    ----------
    hidden_layer_sizes : ints
        The neurons of each hidden layer; () is logistic or softmax regression.
    activation : "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid" or "identity"
    dropout : float, from 0 to 1
        The share of the hidden neurons that are silent in each step of training.
    batch_norm : bool
        Whether to normalise over the batch before each activation.
    solver : "adam" or "sgd"
    penalty : None, "l2", "l1" or "elasticnet"
    alpha : float
        The strength of the penalty: alpha / 2 · Σw² or alpha · Σ|w| is added to the mean loss. Biases have none.
    l1_ratio : float, from 0 to 1
        The part of "l1" in "elasticnet".
    class_weight : dict from class to weight, or "balanced", optional
        Multiplies the weights of the samples.
    learning_rate : float
    momentum : float
        For "sgd".
    batch_size : int, optional
        The samples of a gradient step; None takes all of them.
    max_iter : int
        The most passes over the data (epochs).
    tol : float
        Stop when the loss has not fallen by so much in `n_iter_no_change` epochs; 0 never stops.
    early_stopping, validation_fraction, n_iter_no_change : bool, float, int
        Whether to keep a fraction of the data apart, and to stop, with the best weights, when the loss on it has not
        fallen for so many epochs.
    callbacks : sequence of `tinygrad_ml.train.Callback`
        What else happens in training: checkpoints, a learning rate that changes, gradient clipping.
    warm_start : bool
        Whether the next `fit` goes on from the present weights.
    random_state : int, Generator or RandomState, optional
        Decides the first weights, the order of the batches and the dropout.
    verbose : bool
        Whether to show a progress bar.

    Attributes
    ----------
    layers_ : Sequential
    classes_ : (classes,)
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
    >>> report = gradcheck(lambda x: xor.loss(xor(x), y), X, params=xor)
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        solver: str = "adam",
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        class_weight: Any = None,
        learning_rate: float = 1e-3,
        momentum: float = 0.9,
        batch_size: int | None = 64,
        max_iter: int = 200,
        tol: float = 1e-4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        callbacks: Sequence[Any] = (),
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.store(locals())

    def build(self, n_features: int, n_outputs: int) -> MLPClassifier:
        """Make `layers_`; one output for two classes."""
        self._check_params()
        self.layers_ = nn.Sequential(*self.dense(n_features, self.hidden_layer_sizes, n_outputs))
        return self
