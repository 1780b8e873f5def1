"""A regressor that does not look at the features: the error that any other has to beat."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

import tinygrad_ml as tg

from .baseline import Baseline
from .hyperparameters import choice, fraction, hyperparameters
from .regressor import Regressor
from .weights import Weights, normalized_weights


def fit_constant(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Set the bias to what the strategy says of the target."""
    kind, k = type(model).__name__, target.shape[1]
    if model.strategy == "constant":
        if model.constant is None:
            raise ValueError(f"{kind}(strategy='constant') needs a constant: {kind}(strategy='constant', constant=...)")
        constant = np.ravel(np.asarray(model.constant, float))
        if len(constant) not in (1, k) or not np.isfinite(constant).all():
            raise ValueError(
                f"{kind}(constant={model.constant!r}): the constant must be a finite number, or one for each of the "
                f"{k} columns of y"
            )
    elif model.strategy == "mean":
        constant = np.average(target, axis=0, weights=weight)
    else:
        part = 0.5 if model.strategy == "median" else model.quantile
        if part is None:
            raise ValueError(f"{kind}(strategy='quantile') needs a quantile: {kind}(strategy='quantile', quantile=0.8)")
        if weight is None:
            constant = np.quantile(target, part, axis=0)
        else:
            constant = np.quantile(target, part, axis=0, weights=weight, method="inverted_cdf")
    model.constant_ = np.broadcast_to(constant, (1, k)).copy()
    model.linear_.bias.data = model.constant_[0]
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())
    model.n_iter_ = 1


@hyperparameters
class BaselineRegressor(Baseline, Regressor):
    """The mean of y, whatever the features are; its R² on the data that it was fitted with is 0.

    Parameters
    ----------
    strategy : "mean", "median", "quantile" or "constant"
        The mean has the least squared error of all constants, the median the least absolute error.
    constant : number, or one for each column of y, optional
        For the strategy "constant".
    quantile : float, from 0 to 1, optional
        For the strategy "quantile": 0.5 is the median.

    Attributes
    ----------
    constant_ : (1, outputs)
        What it predicts.

    Examples
    --------
    >>> X, y = [["any"], ["kind"], [None], ["X"]], [1.0, 2.0, 3.0, 10.0]
    >>> model = tg.models.BaselineRegressor().fit(X, y)
    >>> model.predict([["new"]]), model.score(X, y)
    (array([4.]), 0.0)
    >>> tg.models.BaselineRegressor(strategy="median").fit(X, y).predict([["new"]])
    array([2.5])

    It is a module: draw it with `tg.draw(model, x)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, np.ones((3, 1)))
    """

    solvers: ClassVar = {"constant": fit_constant}

    _: KW_ONLY
    strategy: str = choice("mean", "median", "quantile", "constant")
    constant: Any = None
    quantile: float | None = fraction(None, none=True)
