"""Ridge regression: least squares with a penalty on the squares of the weights, which keeps all of them small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.metrics import r2_score
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.validation import is_sparse

from .checking import Rule
from .design import BLOCK, SMALL, SQUARE, SparseDesign, spread
from .folds import folds, splits
from .hyperparameters import boolean, hyperparameters, not_negative
from .least_squares import sparse_least_squares
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
from .weights import Weights, normalized_weights, rounding_of_mean


@hyperparameters
class Ridge(LinearRegression):
    """Linear regression that minimises |y - X·w - b|² + alpha · Σw².

    Parameters
    ----------
    alpha : float
        The strength of the penalty: with more of it all weights are nearer to zero, but none becomes zero.

    Attributes
    ----------
    coef_, intercept_ : (features,) and number; (outputs, features) and (outputs,) if y has several columns
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0, 1.0], [1.0, 1.1], [2.0, 0.9], [3.0, 1.0]]), np.array([0.0, 2.0, 4.0, 6.0])
    >>> model = tg.models.Ridge(alpha=1.0).fit(X, y)
    >>> model.coef_.round(3), f"{model.intercept_:.3f}"
    (array([ 1.666, -0.033]), '0.534')

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X)
    """

    alpha: float = not_negative(1.0)
    penalty: ClassVar[str] = "l2"  # type: ignore[misc]  # no longer hyperparameters
    l1_ratio: ClassVar[float] = 0.0  # type: ignore[misc]


grid = Rule(
    lambda v: np.ndim(v) <= 1 and np.size(v) > 0 and all(not_negative.allows(alpha) for alpha in np.ravel(v)),
    "a finite number of at least 0, or a sequence of them",
)


@relies_on(*EVERYTHING)
def fit_alphas(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Judge all alphas, take the best, and fit it on all the data."""
    if is_sparse(X) and X.size < SMALL:
        X = X.toarray()
    X, y = X.astype(np.float64), target.astype(np.float64)
    alphas = np.ravel(model.alphas).astype(float)
    if weight is not None:
        weight = weight.astype(np.float64)
    everything = spectrum(model, X, y, weight)
    if model.cv is None:
        if not alphas.all():
            raise ValueError(
                f"{type(model).__name__}: without a penalty there may be no error of a sample that was left out: "
                "alphas must be above 0, or set cv to a number of folds"
            )
        errors = everything.left_out(alphas)
        scores = -errors.mean(axis=0) if model.alpha_per_target else -errors.mean(axis=(0, 1), keepdims=True)[0]
        if model.store_cv_results:
            model.cv_results_ = errors[:, 0] if model._y_is_1d else errors
    else:
        if model.store_cv_results or model.alpha_per_target:
            name = "store_cv_results" if model.store_cv_results else "alpha_per_target"
            raise ValueError(f"{type(model).__name__}: {name} is for samples that are left out one by one: set cv=None")
        scores = of_folds(model, X, y, weight, alphas).mean(axis=0, keepdims=True)
    best = scores.argmax(axis=1)
    w, b = everything.coefficients(alphas)
    outputs = np.arange(y.shape[1])
    set_coefficients(model.linear_, w[best, outputs], b[best, outputs])
    of_each = alphas[best], scores[np.arange(len(best)), best]
    is_one = not model.alpha_per_target or model._y_is_1d
    model.alpha_, model.best_score_ = (values[0].item() if is_one else values for values in of_each)
    model.n_iter_ = 1
    residuals = X @ w[best, outputs].T + b[best, outputs] - y
    model.history_.append(loss=float(np.average((residuals**2).mean(axis=1), weights=weight)))


def of_folds(model: Any, X: Any, y: np.ndarray, weight: Weights, alphas: np.ndarray) -> np.ndarray:
    """Return the R² of each alpha on the test rows of each fold, (folds, alphas)."""
    scores = []
    for k, (training, test) in enumerate(folds(model, X, y, weight)):
        if len(test) < 2:
            raise ValueError(
                f"{type(model).__name__}: fold {k} has one test row, which has no R²; cv=None leaves out each sample"
            )
        of_training, of_test = (None, None) if weight is None else (weight[training], weight[test])
        w, b = spectrum(model, X[training], y[training], of_training).coefficients(alphas)
        predictions = [X[test] @ w[i].T + b[i] for i in range(len(alphas))]
        scores.append([r2_score(y[test], predicted, sample_weight=of_test) for predicted in predictions])
    return np.array(scores)


class Spectrum:
    """Data as their singular value decomposition, by which ridge regression is as quick for many alphas as for one.

    With X = U·S·Vᵀ, centred and weighted, the weights are V · S / (S² + alpha) · Uᵀy, and the leverage of a sample, the
    derivative of its prediction with respect to its own y, is h = Σ U² · S² / (S² + alpha). Its error would be
    r / (1 - h) without it in the data, where r is its error with it: Allen, "The relationship between variable
    selection and data augmentation and a method for prediction" (1974).
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, weight: Weights, fit_intercept: bool):
        n, d = X.shape
        self.mean, self.mean_y, self.of_bias = np.zeros(d), np.zeros(y.shape[1]), np.zeros(n)
        if fit_intercept:
            self.mean, self.mean_y = np.average(X, axis=0, weights=weight), np.average(y, axis=0, weights=weight)
            self.of_bias = np.full(n, 1 / n) if weight is None else weight / weight.sum()
        rows, self.y = X - self.mean, y - self.mean_y
        rows[:, abs(rows).max(axis=0) <= rounding_of_mean(n) * abs(self.mean)] = 0  # what rounding left of a constant
        if weight is not None:
            root = np.sqrt(weight)[:, None]
            rows, self.y = rows * root, self.y * root
        self.U, s, self.V = np.linalg.svd(rows, full_matrices=False)
        self.s = np.where(s > np.finfo(np.float64).eps * max(n, d) * s.max(initial=0), s, 0)
        self.along = self.U.T @ self.y

    def coefficients(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (alphas, outputs, features) and biases (alphas, outputs)."""
        denominator = self.s**2 + alphas[:, None]
        shrunk = self.s / np.where(denominator > 0, denominator, 1)
        w = (shrunk[:, None, :] * self.along.T) @ self.V
        return w, self.mean_y - w @ self.mean

    def left_out(self, alphas: np.ndarray) -> np.ndarray:
        """Return the squared error of each sample by the fit without it, (samples, outputs, alphas)."""
        share = self.s[:, None] ** 2 / (self.s[:, None] ** 2 + alphas)
        leverage = self.U**2 @ share + self.of_bias[:, None]
        predicted = np.einsum("nk,ka,kt->nta", self.U, share, self.along, optimize=True)
        return ((self.y[:, :, None] - predicted) / (1 - leverage)[:, None, :]) ** 2


class SparseSpectrum:
    """What `Spectrum` is, of a large sparse X, which stays so."""

    def __init__(self, model: Any, X: SparseMatrix, y: np.ndarray, weight: Weights):
        self.model, self.X, self.y, self.weight = model, X, y, weight

    def coefficients(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (alphas, outputs, features) and biases (alphas, outputs)."""
        fits = [sparse_least_squares(self.model, self.X, self.y, self.weight, alpha) for alpha in alphas]
        return np.array([w.T for w, _, _ in fits]), np.array([b for _, b, _ in fits])

    def left_out(self, alphas: np.ndarray) -> np.ndarray:
        """Return the squared error of each sample by the fit without it, (samples, outputs, alphas).

        The singular values and vectors of X are found by the eigenvalues of XᵀX, or of XXᵀ if that is smaller.
        """
        n, d = self.X.shape
        if min(n, d) > SQUARE:
            raise ValueError(
                f"{type(self.model).__name__}: leaving out each sample of a sparse X of shape {(n, d)} needs a square "
                f"table of {min(n, d):,} rows; set cv to a number of folds"
            )
        root, mean_y, of_bias = np.ones(n), np.zeros(self.y.shape[1]), np.zeros(n)
        if self.weight is not None:
            root = np.sqrt(self.weight)
        if self.model.fit_intercept:
            mean_y, of_bias = np.average(self.y, axis=0, weights=self.weight), root**2 / (root @ root)
        mean, deviation = spread(self.X, normalized_weights(self.weight), self.model.fit_intercept)
        design = SparseDesign(self.X, mean, np.where(deviation > 0, 1.0, 0.0), has_bias=False)
        y = (self.y - mean_y) * root[:, None]
        errors = np.empty((*y.shape, len(alphas)))
        if d <= n:
            squares, vectors = np.linalg.eigh(design.gram(root**2))
            along = vectors.T @ ((y * root[:, None]).T @ design).T
        else:
            squares, vectors = np.linalg.eigh(design.kernel() * root * root[:, None])
            along = vectors.T @ y
        squares = np.maximum(squares, 0)
        for i in range(0, n, BLOCK):
            rows = slice(i, i + BLOCK)
            part = root[rows, None] * (design[rows] @ vectors) if d <= n else vectors[rows]
            share = 1 / (squares[:, None] + alphas) if d <= n else squares[:, None] / (squares[:, None] + alphas)
            leverage = part**2 @ share + of_bias[rows, None]
            predicted = np.einsum("nk,ka,kt->nta", part, share, along, optimize=True)
            errors[rows] = ((y[rows, :, None] - predicted) / (1 - leverage)[:, None, :]) ** 2
        return errors


def spectrum(model: Any, X: Any, y: np.ndarray, weight: Weights) -> Spectrum | SparseSpectrum:
    """Return the decomposition that ridge regression on these data is computed by."""
    if isinstance(X, SparseMatrix):
        return SparseSpectrum(model, X, y, weight)
    return Spectrum(X, y, weight, model.fit_intercept)


@hyperparameters
class RidgeCV(Regressor):
    """Ridge regression with the best of some alphas: that of the least error for samples that are left out.

    Parameters
    ----------
    alphas : sequence of floats
        The strengths of the penalty to try.
    fit_intercept : bool
        Whether there is a bias b.
    cv : int, splitter or sequence of (training, test), optional
        By default each sample is left out once, which has a closed form, and the mean squared error decides. With a
        number of folds of successive rows, scikit-learn's splitters, or indices, it is R² on the test rows.
    store_cv_results : bool
        Whether to keep the squared error of each sample that is left out.
    alpha_per_target : bool
        Whether each column of y has an alpha of its own.

    Attributes
    ----------
    alpha_, best_score_ : float, or (outputs,) with `alpha_per_target`
        The best alpha, and minus its mean squared error, or its R².
    coef_, intercept_ : (features,) and number; (outputs, features) and (outputs,) if y has several columns
    cv_results_ : (samples, alphas), or (samples, outputs, alphas)
        With `store_cv_results`.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(60, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 1] + random.normal(size=60)
    >>> model = tg.models.RidgeCV(alphas=[0.1, 1.0, 10.0, 100.0]).fit(X, y)
    >>> model.alpha_, round(model.best_score_, 3)
    (1.0, -1.384)

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X[:3])
    """

    keeps_weightless = True  # so that the rows are those that `cv` counts
    why_not_sparse = ""
    solver = "spectrum"
    solvers: ClassVar = {"spectrum": fit_alphas}

    alphas: float | Iterable[float] = grid((0.1, 1.0, 10.0))
    _: KW_ONLY
    fit_intercept: bool = boolean(True)
    cv: Any = splits(None)
    store_cv_results: bool = boolean(False)
    alpha_per_target: bool = boolean(False)

    def build(self, n_features: int, n_outputs: int = 1) -> RidgeCV:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    coef_ = property(regression_coefficients, doc="The weights of the features.")
    intercept_ = property(regression_intercepts, doc="The bias.")
