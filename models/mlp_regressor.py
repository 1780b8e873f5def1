"""The multi-layer perceptron for numbers: affine maps with a nonlinearity in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_ml import nn

from .network import Network
from .regressor import Regressor


class MLPRegressor(Network, Regressor):
    """A neural network of fully connected layers whose outputs are numbers.

    It minimises the mean squared error by SGD or Adam. Scale the features first, and y too if it is far from 1. Give X
    in float32 to halve the time.

    Parameters
    ----------
    hidden_layer_sizes : ints
        The neurons of each hidden layer; () is linear regression.
    activation, dropout, batch_norm, solver, penalty, alpha, l1_ratio, learning_rate, momentum, batch_size, max_iter, \
tol, early_stopping, validation_fraction, n_iter_no_change, callbacks, warm_start, random_state, verbose
        As in `MLPClassifier`; `tol` is in variances of y.

    Attributes
    ----------
    layers_ : Sequential
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> y = np.abs(X[:, 0])
    >>> model = tg.models.MLPRegressor((16,), learning_rate=0.03, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.loss(model(x), y[:3]), X[:3], params=model)
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

    def build(self, n_features: int, n_outputs: int = 1) -> MLPRegressor:
        """Make `layers_`."""
        self._check_params()
        self.layers_ = nn.Sequential(*self.dense(n_features, self.hidden_layer_sizes, n_outputs))
        return self
