"""Lasso: least squares with a penalty on the absolute values of the weights, which makes many of them exactly zero."""

from __future__ import annotations

from typing import ClassVar

from .elastic_net import ElasticNetCV
from .hyperparameters import hyperparameters, not_negative
from .linear_regression import LinearRegression


@hyperparameters
class Lasso(LinearRegression):
    """Linear regression that minimises |y - X·w - b|² / (2 n) + alpha · Σ|w|.

    The slope of |w| does not vanish at zero, as that of w² does: it holds weights at zero that do not decrease the loss
    by more, so the lasso selects features.

    Parameters
    ----------
    alpha : float
        The strength of the penalty.

    Attributes
    ----------
    coef_, intercept_ : (features,) and number; (outputs, features) and (outputs,) if y has several columns
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0, 1.0], [1.0, 1.1], [2.0, 0.9], [3.0, 1.0]]), np.array([0.0, 2.0, 4.0, 6.0])
    >>> model = tg.models.Lasso(alpha=0.1).fit(X, y)
    >>> model.coef_.round(3), f"{model.intercept_:.3f}"
    (array([1.92, 0.  ]), '0.120')

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X)
    """

    alpha: float = not_negative(1.0)
    penalty: ClassVar[str] = "l1"  # type: ignore[misc]  # no longer hyperparameters
    l1_ratio: ClassVar[float] = 1.0  # type: ignore[misc]


@hyperparameters
class LassoCV(ElasticNetCV):
    """Lasso with the alpha of the least error in cross-validation.

    Attributes
    ----------
    alpha_ : float
        The best one.
    coef_, intercept_ : (features,) and number
    alphas_ : (alphas,)
    mse_path_ : (alphas, folds)
        The mean squared error on the test rows.
    n_iter_ : int

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(60, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 1] + random.normal(size=60)
    >>> model = tg.models.LassoCV(cv=3).fit(X, y)
    >>> round(model.alpha_, 3), model.mse_path_.shape, (model.coef_ == 0).sum()
    (0.18, (100, 3), np.int64(15))

    It is a module: draw it with `tg.draw(model, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, X[:3])
    """

    l1_ratio: ClassVar[float] = 1.0  # type: ignore[misc]  # no longer a hyperparameter
