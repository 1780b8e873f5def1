"""Polynomial regression: linear regression on the powers and products of the features."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn

from .hyperparameters import count, hyperparameters
from .linear_regression import LinearRegression
from .monomials import Monomials, number_of_monomials, products


@hyperparameters
class PolynomialRegression(LinearRegression):
    """A polynomial in the features: all products of up to `degree` of them, and a bias, with a weight for each.

    The products are standardised (mean 0, standard deviation 1) before they are weighted, so that a penalty treats them
    alike and gradient steps go well; `coef_` and `intercept_` are those of the plain products.

    Parameters
    ----------
    degree : int
        1 is linear regression; high degrees follow every point, without a penalty.

    Attributes
    ----------
    terms_ : list of tuples of ints
        The features that each product multiplies: (0, 0, 1) is x0² · x1.
    coef_, intercept_ : (terms,) and number; (outputs, terms) and (outputs,) if y has several columns
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> x = np.linspace(-2, 2, 9).reshape(-1, 1)
    >>> y = 1 - 3 * x[:, 0] + 0.5 * x[:, 0] ** 2
    >>> model = tg.models.PolynomialRegression(2).fit(x, y)
    >>> model.coef_.round(6), f"{model.intercept_:.6f}"
    (array([-3. ,  0.5]), '1.000000')

    It is a module: draw it with `tg.draw(model, x)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, x)
    """

    why_not_sparse = (
        "the products of its features would make it dense; tg.features.Polynomial keeps it sparse, before a "
        "LinearRegression"
    )

    degree: int = count(2, layers=True)

    def build(self, n_features: int, n_outputs: int = 1) -> PolynomialRegression:
        """Make the layer, `linear_`, for all products, and what standardises them."""
        n_terms = number_of_monomials(n_features, self.degree)
        if n_terms > 100_000:
            raise ValueError(
                f"{type(self).__name__}(degree={self.degree}): {n_features} features have {n_terms} products; take a "
                "lower degree or fewer features"
            )
        self.terms_, self.steps_ = Monomials.of(n_features, self.degree)
        self.mean_, self.scale_ = nn.Buffer(np.zeros(n_terms)), nn.Buffer(np.ones(n_terms))
        super().build(n_terms, n_outputs)
        return self

    def products(self, x: Tensor) -> Tensor:
        """Return all products of up to `degree` features, (batch, terms), the short ones first."""
        return products(x, self.steps_)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_((self.products(x) - self.mean_) / self.scale_)

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        if "n_iter_" not in vars(self) and not self.mean_.any() and (self.scale_ == 1).all():  # nor were weights loaded
            with tg.no_grad():
                products = self.products(tg.tensor(X)).numpy()
            mean = np.average(products, axis=0, weights=weight)
            scale = np.sqrt(np.average((products - mean) ** 2, axis=0, weights=weight))
            if not np.isfinite(scale).all():
                raise ValueError(
                    f"{type(self).__name__}(degree={self.degree}): the products of the features are too large to "
                    "compute with: scale the features"
                )
            self.mean_.data, self.scale_.data = mean * self.fit_intercept, np.where(scale > 1e-12 * abs(mean), scale, 1)
        super()._solve(X, target, weight, passes)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        with tg.no_grad():
            return ((self.products(tg.tensor(X)) - self.mean_) / self.scale_).numpy()

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the plain products."""
        return super().coef_ / self.scale_.numpy()

    @property
    def intercept_(self) -> Any:
        """The bias."""
        return super().intercept_ - self.coef_ @ self.mean_.numpy()
