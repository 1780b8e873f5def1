"""The layer x·w + b of linear models: its first weights, its coefficients, and the learning rate that suits it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml import nn
from tinygrad_ml.modes import warn

from .stochastic import Weights, total, variance


def zero_layer(n_features: int, n_outputs: int, bias: bool) -> nn.Linear:
    """Return an affine layer whose weights are zero: a convex problem needs no luck at the start."""
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


def safe_learning_rate(model: Any, solver: str, inputs: np.ndarray, target: np.ndarray, weight: Weights) -> float:
    """Return a learning rate for inputs `(samples, features)` of the layer: as large as the curvature lets it be."""
    if solver == "adam":  # its steps are of this size
        return 0.01 * (variance(target, weight) ** 0.5 or 1.0) if model.kind == "regressor" else 0.01
    warn_of_scales(model, inputs)
    l2 = model.penalty_weights(total(inputs, weight))[1]
    return 1 / smoothness(inputs, weight, model.batch_size or len(inputs), model.curvature, l2)


def warn_of_scales(model: Any, X: np.ndarray) -> None:
    """Warn if the features are of such different sizes that no learning rate suits all of them."""
    spread = X.std(axis=0)
    spread = spread[spread > 0]
    if spread.size and spread.max() > 100 * spread.min():
        warn(
            f"{type(model).__name__}(solver='sgd'): the features have standard deviations from {spread.min():.3g} to "
            f"{spread.max():.3g}, so gradient steps are slow; scale them first, for example with "
            "sklearn.preprocessing.StandardScaler",
        )


def smoothness(X: np.ndarray, weight: Weights, batch_size: int, curvature: float, l2: float = 0.0) -> float:
    """Return the largest curvature that a step of SGD on a linear model may meet; one over it is a safe learning rate.

    For batches without repetition, between that of all the data and that of the worst sample: Gower et al., "SGD:
    general analysis and improved rates" (2019), section 3. `curvature` is the largest second derivative of the loss
    with respect to the output.
    """
    n = len(X)
    b = min(batch_size, n)
    rows = np.column_stack([X, np.ones(n, X.dtype)])
    if weight is not None:
        rows *= np.sqrt(weight / weight.mean())[:, None]
    squares = np.einsum("ij,ij->i", rows, rows)
    share = (n - b) / (b * (n - 1)) if n > 1 else 0.0  # 1 for single samples, 0 for all of them
    gram = rows.T @ rows if n >= rows.shape[1] else rows @ rows.T
    largest = np.linalg.eigvalsh(gram)[-1] / n
    return float(curvature * (share * squares.max() + (1 - share) * largest) + l2)
