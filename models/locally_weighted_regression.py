"""Locally weighted regression: for each query a fit of its own, in which the examples near the query count most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.validation import is_integer

from .checking import Rule
from .hyperparameters import hyperparameters, positive_or_inf
from .monomials import Monomials, number_of_monomials, products
from .regressor import Regressor
from .weights import Weights

ELEMENTS = 2_000_000  # of the largest array in a prediction of many queries
CONSTANT = 1e-12  # a feature that varies by less of its distance to the query is a constant among the examples nearby
DEPENDENT = 1e-12  # the eigenvalues of a correlation matrix, relative to the largest, that are rounding

kernels = Rule(
    lambda v: v == "gaussian" if isinstance(v, str) else callable(v) and not isinstance(v, type),
    "'gaussian', or a function from the scaled distances d / tau to weights of at least 0",
)
degrees = Rule(lambda v: is_integer(v, 0), "a whole number of at least 0")


def remember(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Keep the examples: all else happens when a query comes."""
    model.X_train_, model.y_train_ = nn.Buffer(X), nn.Buffer(target)
    model.weight_train_ = nn.Buffer(np.ones(len(X), X.dtype) if weight is None else weight)
    model.n_iter_ = 1


@hyperparameters
class LocallyWeightedRegression(Regressor):
    """For each query x, the prediction at x of the line that minimises Σ kernel(|x - xᵢ| / tau) · (yᵢ - a - b·xᵢ)².

    It has no weights to learn: it keeps the examples, and a query costs time in proportion to their number. `tau` is
    the width of the neighbourhood that counts: small values follow every example, with tau = inf the prediction is that
    of least squares. Distances are those between the features as they are, so scale them first. Where no weight is
    above zero, the nearest examples decide.

    Cleveland, "Robust locally weighted regression and smoothing scatterplots" (1979).

    Parameters
    ----------
    tau : float
        The bandwidth, in units of the features.
    kernel : "gaussian", or a function
        The weight of an example: exp(-u² / 2) for the distance d = u · tau, or what a function of Tensors u makes of
        it, such as `lambda u: tg.maximum(1 - u, 0)`.
    degree : int
        The degree of the local polynomial: 1 is a line, 0 a constant, the weighted mean (Nadaraya and Watson).

    Attributes
    ----------
    X_train_, y_train_, weight_train_ : (samples, features), (samples, outputs) and (samples,)
        The examples.

    Examples
    --------
    >>> x = np.linspace(0, 6, 50).reshape(-1, 1)
    >>> model = tg.models.LocallyWeightedRegression(tau=0.3).fit(x, np.sin(x[:, 0]))
    >>> model.predict([[1.0], [2.5]]).round(2), np.sin([1.0, 2.5]).round(2)
    (array([0.8 , 0.57]), array([0.84, 0.6 ]))

    It is a module: draw it with `tg.draw(model, x)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(model, x[:3])
    """

    why_not_sparse = "the distances between samples are those of a dense table"
    solver = "memory"
    solvers: ClassVar = {"memory": remember}

    tau: float = positive_or_inf(1.0)
    _: KW_ONLY
    kernel: str | Callable[[Tensor], Tensor] = kernels("gaussian")
    degree: int = degrees(1)

    def build(self, n_features: int, n_outputs: int = 1) -> LocallyWeightedRegression:
        """Make room for examples: one at zero, whose target is zero; return the model."""
        n_terms = number_of_monomials(n_features, self.degree)
        if n_terms > 1000:
            raise ValueError(
                f"{type(self).__name__}(degree={self.degree}): the local polynomials of {n_features} features have "
                f"{n_terms} terms; take a lower degree or fewer features"
            )
        self.X_train_, self.y_train_ = nn.Buffer(np.zeros((1, n_features))), nn.Buffer(np.zeros((1, n_outputs)))
        self.weight_train_ = nn.Buffer(np.ones(1))
        return self

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Any:
        """Take over the examples of another model, in any number: see `nn.Module.load_state_dict`."""
        n = np.shape(state["X_train_"])[:1] if isinstance(state, Mapping) and "X_train_" in state else ()
        before = dict(vars(self))
        for name, buffer in list(self.named_buffers()) if n else ():
            setattr(self, name, nn.Buffer(np.zeros(n + buffer.shape[1:], buffer.dtype)))
        try:
            return super().load_state_dict(state, strict)
        except BaseException:  # nothing is changed
            vars(self).update(before)
            raise

    def forward(self, x: Tensor) -> Tensor:
        return self._fits(x)[0].astype(x.dtype)

    def _fits(self, x: Tensor) -> tuple[Tensor, Any]:
        """Return the predictions (queries, outputs) and the coefficients (queries, terms, outputs) of the local fits.

        Its polynomials are those in the distance from the query, so the prediction is their constant term. The means of
        terms and targets are taken away first, which leaves nothing but the mean where the examples do not vary.
        """
        x, examples, y = (v.astype(np.float64) for v in (x, self.X_train_, self.y_train_))
        difference = examples - x[:, None, :]
        weight = self._weights(difference)
        share = (weight / weight.sum(axis=1, keepdims=True))[:, None, :]
        above = y - y[:1]  # exactly zero if y is constant
        mean_y = share @ above
        if not self.degree:
            return (y[:1] + mean_y)[:, 0], tg.zeros((len(x), 0, y.shape[1]), dtype=np.float64)
        terms = products(difference, Monomials.of(x.shape[1], self.degree).steps)
        mean = share @ terms
        terms = terms - mean
        weighted = terms.mT * share
        gram, moments = weighted @ terms, weighted @ (above - mean_y)
        basis, gone = self._basis(gram.detach().numpy(), mean.detach().numpy()[:, 0])
        inside = basis.swapaxes(1, 2) @ gram @ basis + gone  # the identity, but for its derivative
        coefficients = basis @ tg.linalg.solve(inside, basis.swapaxes(1, 2) @ moments)
        return (y[:1] + mean_y - mean @ coefficients)[:, 0], coefficients

    @staticmethod
    def _basis(gram: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the directions in which the terms vary, of variance 1, and ones on the diagonal for all others.

        In the others, of which the examples nearby say nothing, the polynomials are flat.
        """
        squares = np.diagonal(gram, axis1=1, axis2=2)
        varies = squares > (CONSTANT * mean) ** 2
        scale = varies / np.sqrt(np.where(varies, squares, 1))  # to correlations
        values, vectors = np.linalg.eigh(gram * scale[:, :, None] * scale[:, None, :])
        kept = values > DEPENDENT * np.maximum(values[:, -1:], np.finfo(values.dtype).tiny)
        basis = scale[:, :, None] * vectors * (kept / np.sqrt(np.where(kept, values, 1)))[:, None, :]
        return basis, ~kept[:, :, None] * np.eye(values.shape[1])

    def _weights(self, difference: Tensor) -> Tensor:
        """Return the weight of each example for each query, (queries, samples), in which the largest is about 1."""
        given = self.weight_train_.numpy()
        if isinstance(self.kernel, str):  # "gaussian"; a factor that all weights of a query have changes nothing
            squares = (difference * difference).sum(axis=2)
            beyond = squares - squares.detach().numpy().min(axis=1, keepdims=True)
            with np.errstate(over="ignore"):
                return tg.exp(-(beyond / self.tau / (2 * self.tau))) * given
        distance = tg.linalg.norm(difference, axis=2)
        with np.errstate(over="ignore", under="ignore"):
            weight = self.kernel(distance / self.tau)
        weight = (weight if isinstance(weight, Tensor) else tg.tensor(weight)).astype(distance.dtype)  # also of True
        values, wanted = weight.detach().numpy(), distance.shape
        if values.shape != wanted or not (values >= 0).all() or not np.isfinite(values).all():
            what = f"shape {values.shape}" if values.shape != wanted else "negative or not finite entries"
            raise ValueError(
                f"{type(self).__name__}: the kernel must return finite weights of at least 0 in the shape of its "
                f"argument, (queries, samples) = {wanted}, and its result has {what}"
            )
        largest = values.max(axis=1, keepdims=True)
        is_known = largest > np.finfo(values.dtype).tiny
        near = distance.detach().numpy()
        nearest = (near <= near.min(axis=1, keepdims=True)).astype(values.dtype)
        return tg.where(is_known, weight / np.where(is_known, largest, 1), nearest) * given

    def _outputs(self, X: Any, batch_size: int = 4096, then: Any = None) -> Any:
        self.require_fitted()
        n, d = self.X_train_.shape
        most = max(1, ELEMENTS // (n * max(d, number_of_monomials(d, self.degree))))
        return super()._outputs(X, min(batch_size, most), then)

    def weights(self, X: Any) -> np.ndarray:
        """Return how much each example counts for each query, (queries, samples): a row is the bell around a query.

        The nearest example counts about 1.
        """
        self.require_fitted()
        x = tg.tensor(self._check_X(X).astype(np.float64))
        with tg.no_grad():
            return self._weights(self.X_train_.astype(np.float64) - x[:, None, :]).numpy()

    def slopes(self, X: Any) -> np.ndarray:
        """Return the slopes of the local lines at queries, (queries, features), or (queries, outputs, features).

        They are those of the polynomials, not of the curve of predictions, whose weights change from query to query.
        """
        self.require_fitted()
        if not self.degree:
            raise ValueError(f"{type(self).__name__}(degree=0): local constants have no slopes")
        x = self._check_X(X)
        with tg.no_grad():
            slopes = self._fits(tg.tensor(x))[1].numpy()[:, : x.shape[1]]
        return slopes[:, :, 0] if self._y_is_1d and slopes.shape[2] == 1 else slopes.swapaxes(1, 2)
