"""Network: what multi-layer perceptrons and convolutional networks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor, nn

from .base import Model
from .hyperparameters import (
    Gradient,
    below_1,
    boolean,
    choice,
    count,
    fraction,
    hyperparameters,
    not_negative,
    rate,
)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


@hyperparameters
class Network(Gradient, Model):
    """Layers in a row, `layers_`, trained by gradient steps on batches, with penalties counted as weight decay.

    Parameters
    ----------
    activation : "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid" or "identity", or a list of them
        A list has one for each hidden layer.
    solver : "adam", "sgd" or "adagrad"
    alpha : float
        The strength of the penalty: alpha / 2 · Σw² or alpha · Σ|w| is added to the mean loss, of numbers to that of
        the standardised ones. Biases have none.
    dropout : float, from 0 to 1
        The fraction of the hidden units that is set to zero in each step of training.
    batch_norm : bool
        Whether to normalise over the batch before each activation.
    learning_rate : float, function or "find", optional
        By default 0.001, and 0.01 for "adagrad". A function gives the rate of each step from the number of steps before
        it: `lambda t: 5 / (t + 50)`. "find" tries rates on the first batches (`tg.train.LearningRateFinder`).
    tol : float
        Stop when the loss has not decreased by more than `tol` in `n_iter_no_change` epochs; 0 never stops. For numbers
        `tol` counts relative to the variance of y, or for another loss than "mse" to the loss at first.
    random_state : int, Generator or RandomState, optional
        Decides the first weights, the order of the batches and the dropout.
    """

    _: KW_ONLY
    solver: str = choice("adam", "sgd", "adagrad")
    penalty: str | None = choice("l2", "l1", "elasticnet", "none", None)
    alpha: float = not_negative(1e-4)
    dropout: float = fraction(0.0, layers=True)
    batch_norm: bool = boolean(False, layers=True)
    learning_rate: float | Callable[[int], float] | str | None = rate(None)
    momentum: float = below_1(0.9)
    batch_size: int | None = count(64, none=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers_(x)

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        return 1e-2 if solver == "adagrad" else 1e-3 / (self.loss_of_unit() if solver == "sgd" else 1)

    def activations(self, layers: int) -> list[nn.Module]:
        """Return the activation of each of the hidden layers, or raise ValueError if a list has another length."""
        names = [self.activation] * layers if isinstance(self.activation, str) else list(self.activation)
        if len(names) != layers:
            raise ValueError(
                f"{type(self).__name__}(activation={self.activation!r}): {len(names)} activations for {layers} hidden "
                "layers; give a name for each, or one name for all"
            )
        return [ACTIVATIONS[name]() for name in names]

    def hidden_layer(self, n_inputs: int, n_outputs: int, activation: nn.Module | None = None) -> list[nn.Module]:
        """Return a hidden layer: an affine map, batch normalisation, the activation, dropout."""
        parts: list[nn.Module] = [nn.Linear(n_inputs, n_outputs, bias=not self.batch_norm)]
        parts += [nn.BatchNorm1d(n_outputs)] * bool(self.batch_norm)
        parts += [activation or self.activations(1)[0]]
        return parts + [nn.Dropout(self.dropout)] * (self.dropout > 0)

    def dense(
        self, n_features: int, hidden: Any, n_outputs: int, activations: list[nn.Module] | None = None
    ) -> list[nn.Module]:
        """Return hidden layers of these sizes, and the affine map to the outputs."""
        layers: list[nn.Module] = []
        sizes = as_list(hidden)
        for size, activation in zip(sizes, self.activations(len(sizes)) if activations is None else activations):
            layers += self.hidden_layer(n_features, size, activation)
            n_features = size
        return [*layers, nn.Linear(n_features, n_outputs)]


def as_list(sizes: Any) -> list[int]:
    """Return one size, or a sequence of them, as a list.

    Examples
    --------
    >>> from tinygrad_ml.models.network import as_list
    >>> as_list(3), as_list((3, 2)), as_list(())
    ([3], [3, 2], [])
    """
    return np.ravel(sizes).astype(int).tolist()
