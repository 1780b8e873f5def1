"""The coefficients of linear models: the weights and biases of their layer `linear_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml import nn


def set_coefficients(layer: nn.Linear, weight: Any, bias: Any) -> None:
    """Give a layer weights `(outputs, features)` and biases `(outputs,)`, if it has any."""
    layer.weight.data = weight
    if layer.bias is not None:
        layer.bias.data = bias


def coefficients(layer: nn.Linear) -> np.ndarray:
    """Return a copy of the weights, `(outputs, features)`, which later training leaves alone."""
    return layer.weight.numpy().copy()


def intercepts(layer: nn.Linear) -> np.ndarray:
    """Return a copy of the biases, `(outputs,)`."""
    return np.zeros(layer.out_features) if layer.bias is None else layer.bias.numpy().copy()
