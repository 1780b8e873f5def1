"""The multi-layer perceptron for numbers: affine maps with a nonlinearity in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

from tinygrad_ml import Tensor, nn

from .hyperparameters import activations, hyperparameters, loss_function, positive, sizes
from .network import ACTIVATIONS, Network
from .regressor import LOSSES, Regressor


@hyperparameters
class MLPRegressor(Network, Regressor):
    """A neural network of fully connected layers whose outputs are numbers.

    It minimises the mean squared error, or another loss, by SGD or Adam. Scale the features first; y may be of any
    size, as it is standardised inside: the weights that come back are those for y as it is. Give X in float32 to halve
    the time.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer; () is linear regression.
    loss : "mse", "mae", "huber", or a function of output and target
        The squared or absolute difference, or d² for |d| <= huber_delta and huber_delta · (2|d| - huber_delta) beyond;
        "mae" and "huber" are for data with outliers. A function returns the loss of each sample, or the mean.
    huber_delta : float

    Attributes
    ----------
    layers_ : Sequential
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> y = np.abs(X[:, 0])
    >>> model = tg.models.MLPRegressor((16,), learning_rate=0.03, tol=0, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), y[:3]), X[:3], params=model)
    """

    why_not_sparse = ""
    learns_in_units = True

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function(*LOSSES)
    huber_delta: float = positive(1.35)

    def build(self, n_features: int, n_outputs: int = 1) -> MLPRegressor:
        """Make `layers_`."""
        self._check_hyperparameters()
        self.layers_ = nn.Sequential(*self.dense(n_features, self.hidden_layer_sizes, n_outputs))
        return self
