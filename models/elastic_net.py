"""Elastic net: least squares with a penalty on the absolute values and on the squares of the weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.validation import is_sparse

from .active_set import Quadratic, SparseQuadratic, minimise
from .checking import Rule
from .design import SMALL, SparseDesign, spread
from .folds import folds, splits
from .hyperparameters import boolean, count, fraction, hyperparameters, not_negative, positive
from .linear import (
    EVERYTHING,
    linear_layer,
    regression_coefficients,
    regression_intercepts,
    relies_on,
    set_coefficients,
)
from .linear_regression import LinearRegression
from .regressor import Regressor
from .warnings import warn_not_converged
from .weights import Weights, normalized_weights, rounding_of_mean

NARROW = 2000  # up to this number of columns of a sparse X their products with each other are computed at once


@hyperparameters
class ElasticNet(LinearRegression):
    """Linear regression that minimises |y - X·w - b|² / (2 n) + alpha · (l1_ratio · Σ|w| + (1 - l1_ratio) / 2 · Σw²).

    The absolute values make weights exactly zero, the squares share the weight among features that are alike.

    Parameters
    ----------
    alpha : float
        The strength of the penalty.
    l1_ratio : float, from 0 to 1
        The part of the absolute values: 1 is the lasso, 0 ridge regression.

    Attributes
    ----------
    coef_, intercept_ : (features,) and number; (outputs, features) and (outputs,) if y has several columns
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0, 1.0], [1.0, 1.1], [2.0, 0.9], [3.0, 1.0]]), np.array([0.0, 2.0, 4.0, 6.0])
    >>> model = tg.models.ElasticNet(alpha=0.1).fit(X, y)
    >>> model.coef_.round(3), f"{model.intercept_:.3f}"
    (array([1.885, 0.   ]), '0.173')

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X)
    """

    alpha: float = not_negative(1.0)
    _: KW_ONLY
    l1_ratio: float = fraction(0.5)
    penalty: ClassVar[str] = "elasticnet"  # type: ignore[misc]  # no longer a hyperparameter


numbers = Rule(
    lambda v: all(fraction.allows(each) for each in np.ravel(v)) and np.ndim(v) <= 1 and np.size(v) > 0,
    "a number from 0 to 1, or a sequence of them",
)
grid = Rule(
    lambda v: count.allows(v) or (np.ndim(v) == 1 and np.size(v) > 0 and all(not_negative.allows(a) for a in v)),
    "a whole number of at least 1, or a sequence of finite numbers of at least 0",
)


@relies_on(*EVERYTHING)
def fit_path(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Fit all alphas on the training rows of each fold, take the one with the least error on the test rows, and refit.

    One after the other from the largest alpha on, so that each fit starts where the last ended, which is near.
    """
    if is_sparse(X) and X.size < SMALL:
        X = X.toarray()
    X, y = X.astype(np.float64), target[:, 0].astype(np.float64)
    if weight is not None:
        weight = weight.astype(np.float64)
    parts, ratios = folds(model, X, y, weight), np.ravel(model.l1_ratio).astype(float)
    everything = CentredData(X, y, weight, model.fit_intercept)
    alphas = np.array([everything.alphas(model, ratio) for ratio in ratios])
    errors = np.empty((len(ratios), alphas.shape[1], len(parts)))
    for k, (training, test) in enumerate(parts):
        weights = (None, None) if weight is None else (weight[training], weight[test])
        data = CentredData(X[training], y[training], weights[0], model.fit_intercept)
        for i, ratio in enumerate(ratios):
            w, b = data.path(model, alphas[i], ratio)[:2]
            residuals = X[test] @ w.T + b - y[test, None]
            errors[i, :, k] = np.average(residuals * residuals, axis=0, weights=weights[1])
    mean = errors.mean(axis=2)
    i, j = np.unravel_index(mean.argmin(), mean.shape)  # the first of equal ones
    w, b, model.n_iter_ = everything.path(model, alphas[i, : j + 1], float(ratios[i]))
    set_coefficients(model.linear_, w[-1:], b[-1:])
    model.alpha_, model.l1_ratio_ = float(alphas[i, j]), float(ratios[i])
    model.alphas_ = alphas[0] if len(ratios) == 1 or not count.allows(model.alphas) else alphas
    model.mse_path_ = np.squeeze(errors)
    model.history_.append(loss=float(np.average((X @ w[-1] + b[-1] - y) ** 2, weights=weight)))


class CentredData:
    """Data for fits of many alphas: what all of them need is computed once.

    The mean of the features and of y is taken away, which stands for the bias, and features are divided by their
    standard deviations; penalties count the weights of the features as they were.
    """

    def __init__(self, X: Any, y: np.ndarray, weight: Weights, fit_intercept: bool):
        n, d = X.shape
        self.mean, self.mean_y = np.zeros(d), 0.0
        if isinstance(X, SparseMatrix):
            self._of_sparse(X, y, weight, fit_intercept)
            return
        if fit_intercept:
            self.mean, self.mean_y = np.average(X, axis=0, weights=weight), float(np.average(y, weights=weight))
        rows, y = X - self.mean, y - self.mean_y
        rows[:, abs(rows).max(axis=0) <= rounding_of_mean(n) * abs(self.mean)] = 0  # what rounding left of a constant
        share = np.full((n, 1), 1 / n) if weight is None else (weight / weight.sum())[:, None]
        scale = np.sqrt((share * rows * rows).sum(axis=0))
        self.scale = _usable(scale)
        self.quadratic = Quadratic.of_data(rows / self.scale * np.sqrt(share), y * np.sqrt(share[:, 0]))

    def _of_sparse(self, X: SparseMatrix, y: np.ndarray, weight: Weights, fit_intercept: bool) -> None:
        n, d = X.shape
        if fit_intercept:
            self.mean_y = float(np.average(y, weights=weight))
        y, share = y - self.mean_y, np.full(n, 1 / n) if weight is None else weight / weight.sum()
        self.mean, deviation = spread(X, normalized_weights(weight), fit_intercept)
        self.scale = _usable(deviation)
        design = SparseDesign(X, self.mean, np.where(deviation > 0, 1 / self.scale, 0), has_bias=False)
        is_narrow = d <= NARROW
        self.quadratic = (
            Quadratic((share * y) @ design, design.gram(share)) if is_narrow else SparseQuadratic(design, y, share)
        )

    def alphas(self, model: Any, ratio: float) -> np.ndarray:
        """Return the alphas to try, the largest first; by default from the one that makes all weights zero."""
        if not count.allows(model.alphas):
            return np.sort(np.asarray(model.alphas, float))[::-1]
        if not ratio:
            raise ValueError(
                f"{type(model).__name__}: with l1_ratio=0 no alpha makes all weights zero, so there is none to start "
                "from: give a sequence of alphas"
            )
        least = np.finfo(np.float64).resolution
        most = float(abs(self.quadratic.c * self.scale).max()) / ratio
        return np.full(model.alphas, least) if most <= least else np.geomspace(most, most * model.eps, model.alphas)

    def path(self, model: Any, alphas: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the weights (alphas, features), the biases (alphas,), and the most rounds that one of them took."""
        w, all_rounds = np.zeros(len(self.scale)), 0
        weights = np.empty((len(alphas), len(w)))
        for i, alpha in enumerate(alphas):
            l1, l2 = alpha * ratio / self.scale, alpha * (1 - ratio) / self.scale**2
            w, rounds = minimise(self.quadratic, l1, l2, w, model.max_iter)
            weights[i], all_rounds = w / self.scale, max(all_rounds, rounds)
        if all_rounds > model.max_iter:
            warn_not_converged(model, "the active set", f" in max_iter={model.max_iter} rounds; raise max_iter")
        return weights, self.mean_y - weights @ self.mean, min(all_rounds, model.max_iter)


def _usable(deviation: np.ndarray) -> np.ndarray:
    """Return the standard deviations that features are divided by, 1 for those that are constant."""
    if not np.isfinite(deviation).all():
        raise np.linalg.LinAlgError("the standard deviation of a feature is not finite")
    return np.where(deviation > 0, deviation, 1)


@hyperparameters
class ElasticNetCV(Regressor):
    """Elastic net with the alpha, and the l1_ratio if there are several, of the least error in cross-validation.

    Parameters
    ----------
    l1_ratio : float, or a sequence of them
        The part of the absolute values in the penalty, from 0 to 1.
    eps : float
        How small the smallest alpha is, relative to the largest.
    alphas : int, or a sequence of floats
        The alphas to try; a number of them lie, on a logarithmic scale, below the smallest alpha that makes all weights
        zero.
    fit_intercept : bool
        Whether there is a bias b.
    max_iter : int
        The most rounds of the active set for an alpha. They end at the exact minimum.
    cv : int, splitter or sequence of (training, test), optional
        The number of folds of successive rows, 5 by default; or scikit-learn's splitters, or indices.

    Attributes
    ----------
    alpha_, l1_ratio_ : float
        The best ones.
    coef_, intercept_ : (features,) and number
    alphas_ : (alphas,), or (l1_ratios, alphas)
    mse_path_ : (alphas, folds), or (l1_ratios, alphas, folds)
        The mean squared error on the test rows.
    n_iter_ : int

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(60, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 1] + random.normal(size=60)
    >>> model = tg.models.ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0]).fit(X, y)
    >>> model.l1_ratio_, round(model.alpha_, 3), np.flatnonzero(abs(model.coef_) > 0.5)
    (1.0, 0.157, array([0, 1]))

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X[:3])
    """

    multi_output = False
    keeps_weightless = True  # so that the rows are those that `cv` counts
    why_not_sparse = ""
    solver = "path"
    solvers: ClassVar = {"path": fit_path}

    _: KW_ONLY
    l1_ratio: float | Iterable[float] = numbers(0.5)
    eps: float = positive(1e-3)
    alphas: int | Iterable[float] = grid(100)
    fit_intercept: bool = boolean(True)
    max_iter: int = count(1000)
    cv: Any = splits(None)

    def build(self, n_features: int, n_outputs: int = 1) -> Any:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    coef_ = property(regression_coefficients, doc="The weights of the features.")
    intercept_ = property(regression_intercepts, doc="The bias.")
