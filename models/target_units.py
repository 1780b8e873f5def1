"""Targets of any size: a network for numbers learns them in units of their standard deviation from their mean.

While it is trained, a layer of `Units` comes behind its last one, so that prices are learned in as many steps as
fractions are: the steps of Adam have the size of its learning rate, not that of the prices. At the end the units are
multiplied into the weights of the last layer. Loss, metrics and history are those of y as it was given. Steps of SGD
whose size somebody chose are taken on y as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.sparse_matrix import SparseMatrix

from .checking import check_mean_loss
from .optimizers import choice_of, has_default_rate
from .weights import Weights

LARGE = 10.0  # features above this size make the first outputs of a network larger than a standardised target
LARGEST = 1e9


class Units(nn.Module):
    """The last layer of a network that is being trained: outputs `(batch, outputs)` times a scale, plus a center."""

    def __init__(self, scale: np.ndarray, center: np.ndarray):
        self.scale, self.center = nn.Buffer(scale), nn.Buffer(center)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.center


def begin_in_units(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Multiply the units into the first weights of a network, whose outputs begin at the mean of y."""
    if _learns_in_units(model):
        _change(model.layers_[-1], *_units_of(model, X, target, weight))


@contextmanager
def in_units(model: Any, X: Any, target: np.ndarray, weight: Weights, passes: int | None) -> Iterator[None]:
    """Train a network within: with a layer of `Units` behind the last one, whose weights are divided by them."""
    if not _learns_in_units(model, passes):
        yield
        return
    known = vars(model).get("_units")
    if known is None or not passes:  # the optimizer of partial_fit has become used to those that it knows
        model._units = known = _units_of(model, X, target, weight)
    scale, center = known
    last = model.layers_[-1]
    _change(last, 1 / scale, -center / scale)
    model.layers_.append(Units(scale.astype(last.weight.dtype), center.astype(last.weight.dtype)))
    try:
        yield
    finally:
        _take_in(model.layers_)


def loss_of_unit(model: Any) -> float:
    """Return the loss of an error of one unit, by which the gradients are larger: 1 without units."""
    units = vars(model)["layers_"][-1]
    if not isinstance(units, Units):
        return 1.0
    scale, center = units.scale.numpy().astype(np.float64), units.center.numpy().astype(np.float64)
    with tg.no_grad():
        right, above, below = (
            check_mean_loss(model, model.criterion(tg.tensor([center + shift] * 2), np.array([center] * 2))).item()
            for shift in (0.0, scale, -scale)
        )
    unit = (above + below) / 2 - right
    return unit if 0 < unit < np.inf else 1.0  # a loss of the user's may be anything


def load_state(model: Any, state: Mapping[str, Any], load: Any) -> Any:
    """Let `load(state)` load the state of a network; that of a `Checkpoint` has units, which are taken in."""
    layers = vars(model).get("layers_")
    behind = f"layers_.{len(layers or ())}."
    if layers is None or isinstance(layers[-1], Units) or behind + "scale" not in state:
        return load(state)
    last = layers[-1]
    nothing = np.zeros(last.out_features, last.weight.dtype)
    layers.append(Units(nothing, nothing))
    try:
        found = load(state)
    except BaseException:
        layers.layers = layers.layers[:-1]
        raise
    _take_in(layers)
    return found


def _learns_in_units(model: Any, passes: int | None = None) -> bool:
    """Whether the size of the steps does not depend on that of y, or is left to the model."""
    solver = model.resolve_solver(passes)
    choice = choice_of(model, solver)
    if choice.kind is None or choice.solver != "sgd":
        return choice.kind is not None
    return has_default_rate(model, solver) and model.clip_norm is None and model.clip_value is None


def _units_of(model: Any, X: Any, target: np.ndarray, weight: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale and the center of the columns of a target; the scale is smaller for large features."""
    scale, center = standard_units(target, weight)
    if model.reader is not None or isinstance(X, SparseMatrix):  # which standardises numbers; which is mostly zero
        return scale, center
    size = np.average(np.square(X, dtype=np.float64).reshape(len(X), -1).mean(axis=1), weights=weight) ** 0.5
    return scale / np.clip(size / LARGE, 1.0, LARGEST), center


def standard_units(target: np.ndarray, weight: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviation of each column of targets `(samples, outputs)`, 1 of a constant one, and its mean.

    Examples
    --------
    >>> from tinygrad_ml.models.target_units import standard_units
    >>> standard_units(np.array([[1.0, 5.0], [3.0, 5.0]]), None)
    (array([1., 1.]), array([2., 5.]))
    """
    target = target.astype(np.float64)
    with np.errstate(over="ignore"):  # the loss says then that y is too large
        center = np.average(target, axis=0, weights=weight)
        scale = np.average((target - center) ** 2, axis=0, weights=weight) ** 0.5
    noise = len(target) * np.finfo(float).eps * np.abs(center)  # what rounding leaves of a constant
    return np.where((scale > noise) & np.isfinite(scale), scale, 1.0), center


def _change(last: Any, factor: np.ndarray, shift: np.ndarray) -> None:
    """Make the outputs of a layer `factor` times as large, and add `shift`."""
    with tg.no_grad():
        last.weight.data = last.weight.numpy() * factor.astype(last.weight.dtype)[:, None]
        last.bias.data = (last.bias.numpy() * factor + shift).astype(last.bias.dtype)


def _take_in(layers: nn.Sequential) -> None:
    """Multiply the units behind the last layer into its weights, and leave them out."""
    units: Any = layers[-1]
    layers.layers = layers.layers[:-1]
    _change(layers[-1], units.scale.numpy().astype(np.float64), units.center.numpy().astype(np.float64))
