"""The coefficients of linear models: the weights and biases of their layer `linear_`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml import nn


def linear_layer(n_features: int, n_outputs: int, bias: bool) -> nn.Linear:
    """Return a layer with weights of zero."""
    layer = nn.Linear(n_features, n_outputs, bias=bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


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


def regression_coefficients(model: Any) -> np.ndarray:
    """Return the weights of the features, (features,); (outputs, features) if y had columns."""
    return coefficients(model.linear_)[0] if _is_one_column(model) else coefficients(model.linear_)


def regression_intercepts(model: Any) -> Any:
    """Return the bias; (outputs,) if y had columns."""
    return intercepts(model.linear_)[0] if _is_one_column(model) else intercepts(model.linear_)


def _is_one_column(model: Any) -> bool:
    return model._y_is_1d and model.linear_.out_features == 1
