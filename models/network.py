"""Network: what multi-layer perceptrons and convolutional networks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn

from .base import Model

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


class Network(Model):
    """Layers in a row, `layers_`, trained by gradient steps on batches, with penalties counted as weight decay."""

    structure: tuple[str, ...] = ("hidden_layer_sizes", "activation", "dropout", "batch_norm")

    def forward(self, x: Tensor) -> Tensor:
        return self.layers_(x)

    def choices(self) -> dict[str, tuple[Any, ...]]:
        return super().choices() | {"activation": tuple(ACTIVATIONS)}

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


def flattened(x: Tensor) -> Tensor:
    """Return `(batch, features)` of a batch of any shape."""
    return tg.reshape(x, (x.shape[0], -1))
