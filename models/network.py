"""Network: what multi-layer perceptrons and convolutional networks share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor, nn

from .base import Model
from .hyperparameters import (
    Gradient,
    below_1,
    boolean,
    callback_list,
    choice,
    count,
    fraction,
    hyperparameters,
    not_negative,
    positive,
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
    activation : "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid" or "identity"
    solver : "adam" or "sgd"
    alpha : float
        The strength of the penalty: alpha / 2 · Σw² or alpha · Σ|w| is added to the mean loss. Biases have none.
    dropout : float, from 0 to 1
        The fraction of the hidden units that is set to zero in each step of training.
    batch_norm : bool
        Whether to normalise over the batch before each activation.
    learning_rate : float
    tol : float
        Stop when the loss has not decreased by more than `tol` (for numbers: times the variance of y) in
        `n_iter_no_change` epochs; 0 never stops.
    random_state : int, Generator or RandomState, optional
        Decides the first weights, the order of the batches and the dropout.
    callbacks : sequence of `tinygrad_ml.train.Callback`
        What else happens in training: checkpoints, a learning rate that changes, gradient clipping.
    """

    _: KW_ONLY
    solver: str = choice("adam", "sgd")
    penalty: str | None = choice("l2", "l1", "elasticnet", "none", None)
    alpha: float = not_negative(1e-4)
    dropout: float = fraction(0.0, layers=True)
    batch_norm: bool = boolean(False, layers=True)
    learning_rate: float = positive(1e-3)
    momentum: float = below_1(0.9)
    batch_size: int | None = count(64, none=True)
    callbacks: Sequence[Any] = callback_list(())

    def forward(self, x: Tensor) -> Tensor:
        return self.layers_(x)

    def hidden_layer(self, n_inputs: int, n_outputs: int) -> list[nn.Module]:
        """Return a hidden layer: an affine map, batch normalisation, the activation, dropout."""
        parts: list[nn.Module] = [nn.Linear(n_inputs, n_outputs, bias=not self.batch_norm)]
        parts += [nn.BatchNorm1d(n_outputs)] * bool(self.batch_norm)
        parts += [ACTIVATIONS[self.activation]()]
        return parts + [nn.Dropout(self.dropout)] * (self.dropout > 0)

    def dense(self, n_features: int, hidden: Any, n_outputs: int) -> list[nn.Module]:
        """Return hidden layers of these sizes, and the affine map to the outputs."""
        layers: list[nn.Module] = []
        for size in as_list(hidden):
            layers += self.hidden_layer(n_features, size)
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
