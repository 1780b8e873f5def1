"""LinearProblem: what a linear model minimises, in coefficients of standardised features and targets.

Years and dollars, features far from zero and tiny targets make the optimum hard to reach for solvers of every kind. So
they all work on this problem, in which features have the mean 0 and targets the spread 1, and whose coefficients are
turned into those of the original scale in the end. Penalties stay those on the coefficients of the original scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.sparse_matrix import SparseMatrix

from .design import spread, standardised
from .linear import set_coefficients
from .weights import Weights, total

MANY = 2**24  # logits are computed at once, of many classes
SMALL = 1_000_000  # a table of fewer elements is computed with in float64
LARGE = 50.0  # the exponentials of smaller logits and their sums are in the range of float32
TINY = np.finfo(np.float64).tiny  # in place of a count of zero, whose logarithm counts nothing
KINK = 1e-5  # the half-width, in spreads of the target, in which the slope of |r| goes from -1 to 1


class LinearProblem:
    """The mean loss of z = x·w + b with its penalties, Σ ridge/2 · w² + lasso · |w|, over (w, b).

    The coefficients `theta` are (outputs, features + 1) with a bias, which is the last column, else
    (outputs, features). The loss is the sum over outputs, each in a unit of its own, in which it is about 1 at first.

    Parameters
    ----------
    model : a linear model with its layer `linear_`
    X : (samples, features), also sparse
    target, weight
        As `criterion` takes them.
    exact : bool
        Whether to compute in float64 whatever the dtype and the size of X.
    penalties : (l1, l2), optional
        The strengths of the penalties on the coefficients of the original scale; by default those of the model.

    Attributes
    ----------
    design : (samples, features), or with a bias (samples, features + 1), whose last column is 1
        Of sparse features a `SparseDesign`.
    target : (samples, outputs); the positions of the classes, (samples,), for a softmax
    weight : (samples,), or (samples, outputs) where labels have weights of their own; None if all are equal
    ridge, lasso : (outputs, columns of the design)
    at_best : (samples, outputs)
        Of counts: target · log(target) - target, what makes the loss of the best outputs zero.
    squares : (columns of the design,)
        The means of their squares.
    curvature : the largest second derivative of the loss of a sample; None if it is not known
    """

    is_plain = True  # whether the loss follows from the outputs

    def __init__(
        self,
        model: Any,
        X: Any,
        target: np.ndarray,
        weight: Weights,
        exact: bool = False,
        penalties: tuple[float, float] | None = None,
    ):
        layer = model.linear_
        self.model, self.has_bias = model, layer.bias is not None
        self.loss = loss_name(model, target, layer.out_features)
        inputs = model.inputs(X)
        self.n_samples, self.n_features = inputs.shape
        n_entries = inputs.nnz if isinstance(inputs, SparseMatrix) else inputs.size
        self.dtype = np.dtype(np.float64) if exact or n_entries <= SMALL else inputs.dtype
        self.given = target
        self.weight: Weights = None
        if weight is not None and (weight != weight.flat[0]).any():
            self.weight = (weight / weight.mean()).astype(self.dtype)
        self.n_counted = total(X, weight)
        self._standardise_target(target, layer.out_features)
        l1, l2 = model.penalty_weights(self.n_counted) if penalties is None else penalties
        # in the coefficients of the features as they are, but of standardised targets
        outputs = layer.out_features if self.loss in ("mse", "mae", "huber") else 1
        lasso = l1 * outputs * self.spread / self.unit
        ridge = l2 * outputs * self.spread**2 / self.unit
        self._standardise_features(inputs, ridge.max() / (self.curvature or 2.0))
        shape = layer.out_features, self.design.shape[1]
        self.ridge, self.lasso = np.zeros(shape), np.zeros(shape)
        self.ridge[:, : self.n_features] = ridge[:, None] / self.scale / self.scale
        self.lasso[:, : self.n_features] = lasso[:, None] / self.scale
        self.has_penalty, self.has_lasso = bool(l1 or l2), bool(l1)
        self.kink = KINK
        # in which adding the same to the coefficients of all classes changes neither a softmax nor the penalties
        is_free = ~(self.ridge + self.lasso).any(axis=0)
        self.free = np.flatnonzero(is_free) if self.loss == "softmax" else np.array([], int)
        # eigenvalues of a Hessian that are smaller than this part of the largest are rounding
        self.resolution = 4 * shape[0] * shape[1] * max(np.finfo(np.float64).eps, float(np.finfo(X.dtype).eps) ** 2)

    def _standardise_target(self, target: np.ndarray, n_outputs: int) -> None:
        """Find the `shift`, `spread` and `unit` of the loss of every output, and the target in them."""
        self.shift, self.spread, self.unit = np.zeros(n_outputs), np.ones(n_outputs), np.ones(1)
        self.at_best = np.zeros(1)
        self.curvature: float | None = {"logistic": 0.25, "softmax": 0.5}.get(self.loss)
        self.target = target
        if self.loss == "logistic":
            self.target = target.reshape(-1, n_outputs).astype(self.dtype)
            self.unit = np.ones(n_outputs)
            if n_outputs > 1 and self.has_bias:  # a label that is the same everywhere: the rule of succession
                ends = 1 / (self.n_counted + 2)
                constant = (target == target[0]).all(axis=0)
                self.target[:, constant] = np.where(target[0, constant], 1 - ends, ends)
        if self.model.kind == "classifier":
            if self.loss == "general":
                start = tg.zeros((len(target), n_outputs), dtype=np.float64)
                self.unit = np.array([abs(self.tensor_loss(start).item()) or 1.0])
            return
        y = target.astype(np.float64)
        robust = self.loss in ("mae", "huber")
        if self.has_bias:
            self.shift = np.median(y, axis=0) if robust else np.average(y, axis=0, weights=self.weight)
        y = y - self.shift
        largest = abs(y).max(axis=0)
        y = y / np.where(largest > 0, largest, 1)  # whose squares are in range
        spread = np.sqrt(np.average(y * y, axis=0, weights=self.weight))
        if robust:  # an outlier must not make all else small
            middle = np.median(abs(y), axis=0)
            spread = np.where(middle > 0, middle, spread)
        self.spread = np.where(spread > 0, spread, 1) * np.where(largest > 0, largest, 1)
        self.target = ((target - self.shift) / self.spread).astype(self.dtype)
        if self.loss == "general":
            self.unit = np.array([abs(self.tensor_loss(tg.zeros(target.shape, dtype=np.float64)).item()) or 1.0])
            return
        # the loss is quadratic up to the width, in spreads, and linear beyond
        self.width = self.model.huber_delta / self.spread
        self.slant = np.minimum(self.width, 1) if self.loss == "huber" else np.ones(n_outputs)
        self.unit = self.spread if self.loss == "mae" else self.spread**2 * self.slant
        self.curvature = 1.0 if self.loss == "mae" else float((2 / self.slant).max())

    def _standardise_features(self, inputs: Any, ridge: float) -> None:
        """Find `mean` and `scale`, and make the design.

        The scale gives every coefficient the same curvature, that of the loss and of the ridge together: sqrt(standard
        deviation² + ridge). Without a bias features are divided by their root mean square, and keep their mean.
        """
        weight = self.sample_weight
        if weight is not None and weight is not self.weight:
            weight = weight / weight.mean()
        self.mean, deviation = spread(inputs, weight, self.has_bias)
        scale = np.hypot(deviation, np.sqrt(ridge))
        self.scale = np.where(scale > 0, scale, 1)
        self.squares = np.append((deviation / self.scale) ** 2, [1.0] * self.has_bias)
        if not np.isfinite(self.scale).all():
            raise np.linalg.LinAlgError("the standard deviation of a feature is not finite")
        self.design = standardised(inputs, self.mean, self.scale, deviation == 0, self.has_bias, self.dtype)

    @property
    def sample_weight(self) -> Any:
        """The weights of the samples, (samples,); the largest of each where its labels have weights of their own."""
        return self.weight if self.weight is None or self.weight.ndim == 1 else self.weight.max(axis=1)

    # ------------------------------------------------------------------ coefficients

    def theta(self) -> np.ndarray:
        """Return the coefficients that the layer has now."""
        layer = self.model.linear_
        w = layer.weight.numpy().astype(np.float64)
        parts = [w * self.scale / self.spread[:, None]]
        if self.has_bias:
            parts.append(((layer.bias.numpy() - self.shift + w @ self.mean) / self.spread)[:, None])
        return np.concatenate(parts, axis=1)

    def apply(self, theta: np.ndarray) -> None:
        """Give the layer coefficients, in the original scale."""
        layer = self.model.linear_
        w = (theta[:, : self.n_features] * self.spread[:, None] / self.scale).astype(layer.weight.dtype)
        # the bias that belongs to the weights as they were rounded
        b = self.shift + self.spread * theta[:, -1] - w.astype(np.float64) @ self.mean if self.has_bias else None
        set_coefficients(layer, w, b)

    # ------------------------------------------------------------------ the objective

    def outputs(self, theta: np.ndarray) -> np.ndarray:
        """Return z, `(samples, outputs)`."""
        return self.design @ theta.T.astype(self.dtype, copy=False)

    def values(self, theta: np.ndarray) -> np.ndarray:
        """Return the mean loss of every unit."""
        return self.values_and_slope(self.outputs(theta))[0]

    def values_and_slope(self, z: np.ndarray, rows: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean loss of every unit, and the gradient of their sum with respect to z.

        It is that of all samples, or of some `rows` of them.
        """
        target, weight = self.target, self.weight
        if rows is not None:
            target, weight = target[rows], None if weight is None else weight[rows]
        if self.loss == "general":
            return self._by_autodiff(z, rows)
        losses, slope = self._losses(z, target)
        slope /= len(z)
        if weight is None:
            return losses.sum(axis=0) / len(z), slope
        weight = weight if weight.ndim == 2 else weight[:, None]
        slope *= weight
        return (weight * losses).sum(axis=0) / len(z), slope

    def _losses(self, z: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss of every sample and output, and its derivative."""
        if self.loss == "logistic":
            e = np.exp(-abs(z))
            losses = np.log1p(e) + np.maximum(z, 0) - target * z
            return losses, np.where(z >= 0, 1, e) / (1 + e) - target
        if self.loss == "softmax":
            rows = np.arange(len(z))
            if not abs(z).max() < LARGE:
                z = z - z.max(axis=1, keepdims=True)
            e = np.exp(z)
            sums = e @ np.ones(z.shape[1], z.dtype)  # faster than a sum along a short axis
            losses = np.log(sums) - z[rows, target]
            e /= sums[:, None]
            e[rows, target] -= 1
            return losses[:, None], e
        if self.loss == "poisson":
            mean = np.exp(z)
            return mean - target * z + self.at_best, mean - target
        r = z - target
        if self.loss == "mse":
            return r * r, 2 * r
        size = abs(r)
        if self.loss == "mae":
            return size, np.clip(r / self.kink, -1, 1)
        clipped = np.clip(r, -self.width, self.width)
        losses = clipped * clipped + 2 * self.width * (size - abs(clipped))
        return losses / self.slant, 2 / self.slant * clipped

    def slope(self, z: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the gradient of the mean loss of some rows with respect to z."""
        if self.loss != "logistic" and self.loss != "mse":
            return self.values_and_slope(z, rows)[1]
        if self.loss == "logistic":
            np.negative(z, out=z)
            np.exp(z, out=z)
            z += 1
            np.reciprocal(z, out=z)
            z -= self.target.take(rows, 0)
            z *= 1 / len(z)
        else:
            z -= self.target.take(rows, 0)
            z *= 2 / len(z)
        if self.weight is not None:
            z *= self.weight[rows] if self.weight.ndim == 2 else self.weight[rows, None]
        return z

    def tensor_loss(self, z: tg.Tensor, rows: Any = slice(None)) -> tg.Tensor:
        """Return the sum of the mean losses as a Tensor, for autodiff."""
        weight = None if self.weight is None else self.weight[rows]
        if self.loss == "mse":
            return self.model.criterion(z, self.target[rows], weight) * z.shape[1]
        if self.loss == "general":
            z = z * self.spread.astype(z.dtype) + self.shift.astype(z.dtype)
        given = (self.given[rows],) if weight is None else (self.given[rows], weight)
        return self.model.criterion(z, *given) / self.unit[0]

    def _by_autodiff(self, z: np.ndarray, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        logits = tg.tensor(z, requires_grad=True)
        loss = self.tensor_loss(logits, slice(None) if rows is None else rows)
        slope: Any
        (slope,) = tg.autograd.grad(loss, logits)
        return np.array([loss.item()]), slope.numpy()

    def penalties(self, theta: np.ndarray) -> np.ndarray:
        """Return Σ ridge/2 · w² + lasso · |w| of every unit."""
        if not self.has_penalty:
            return np.zeros(1)
        total = np.einsum("ij,ij,ij->i", self.ridge, theta, theta) / 2
        if self.has_lasso:
            total += np.einsum("ij,ij->i", self.lasso, abs(theta))
        return total if len(self.unit) > 1 else total.sum(keepdims=True)

    def values_and_gradient(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss of every unit, and the gradient of all but Σ lasso · |w|, `(outputs, columns)`."""
        n, at_once = self.n_samples, max(1, MANY // len(theta))
        if n <= at_once or self.loss == "general":
            values, slope = self.values_and_slope(self.outputs(theta))
            gradient = (slope.T @ self.design).astype(np.float64, copy=False)
        else:
            values, gradient = np.zeros(len(self.unit)), np.zeros(theta.shape)
            for i in range(0, n, at_once):
                rows = slice(i, min(i + at_once, n))
                z = self.design[rows] @ theta.T.astype(self.dtype, copy=False)
                part, slope = self.values_and_slope(z, rows)
                values = values + part * (len(z) / n)
                gradient += (slope.T @ self.design[rows]) * (len(z) / n)
        if self.has_penalty:
            gradient += self.ridge * theta
        return values, gradient

    def residual(self, gradient: np.ndarray, theta: np.ndarray) -> float:
        """Return the largest entry of the subgradient nearest to zero, which is zero at the minimum."""
        return float(abs(smallest_subgradient(gradient, theta, self.lasso) if self.has_lasso else gradient).max())

    def tolerance(self, tol: float) -> float:
        """Return how small the gradient must be: small beside L1, too, where that holds weights at zero."""
        held = self.lasso[self.lasso > 0]
        return max(min(tol, 1e-3 * float(held.min())) if held.size else tol, self.floor())

    def floor(self) -> float:
        """Return what rounding may leave of a gradient that is zero."""
        return 2e-6 if self.dtype == np.float32 else 1e-9

    def noise(self) -> float:
        """Return what rounding may leave of a difference of losses, relative to them."""
        return 1e-6 if self.dtype == np.float32 else 1e-14

    def measure(self, values: np.ndarray) -> float:
        """Return a loss or objective as the model counts it: the mean over outputs, the sum over labels."""
        return float(values @ self.unit) / (len(self.unit) if self.model.kind == "regressor" else 1)

    # ------------------------------------------------------------------ the distance to the optimum

    def curvatures(self, z: np.ndarray, slope: np.ndarray | None = None) -> np.ndarray:
        """Return the Hessian of the mean loss with respect to z, `(samples, outputs, outputs)`.

        `slope` is the gradient there, if it is known.
        """
        n, k = z.shape
        if self.loss == "general":
            return second_derivatives(self.tensor_loss, z)
        if self.loss == "softmax":
            p = probabilities(z)
            curvature = -p[:, :, None] * p[:, None, :]
            curvature[:, np.arange(k), np.arange(k)] += p
        else:
            curvature = np.zeros((n, k, k), z.dtype)
            curvature[:, np.arange(k), np.arange(k)] = self._own_curvatures(z)
        if self.weight is None:
            return curvature / n
        return curvature * (self.weight / n).reshape(n, -1, 1)

    def _own_curvatures(self, z: np.ndarray) -> np.ndarray:
        """Return the second derivative of the loss of each sample with respect to each of its outputs."""
        if self.loss == "softmax":
            p = probabilities(z)
            return p * (1 - p)
        if self.loss == "logistic":
            e = np.exp(-abs(z))
            return e / (1 + e) ** 2
        if self.loss == "poisson":
            return np.exp(z)
        if self.loss == "mse":
            return np.full_like(z, 2)
        return (abs(z - self.target) < self.width) * (2 / self.slant)

    def traces(self, z: np.ndarray) -> np.ndarray:
        """Return the traces of the `curvatures`, `(samples,)`, without computing those."""
        own = self._own_curvatures(z)
        if self.weight is not None:
            own = own * self.weight.reshape(len(z), -1)
        return own.sum(axis=1) / len(z)

    def curve(self, z: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function that multiplies directions `(samples, outputs)` with the `curvatures`."""
        share = 1 / len(z) if self.weight is None else self.weight.reshape(len(z), -1) / len(z)
        if self.loss == "softmax":
            p = probabilities(z)
            return lambda u: p * (u - (p * u).sum(axis=1, keepdims=True)) * share
        own = self._own_curvatures(z) * share
        return lambda u: own * u


def loss_name(model: Any, target: np.ndarray, n_outputs: int) -> str:
    """Return which loss a model has, "general" if it is not one whose derivatives are known here."""
    ours = not model.has_own_criterion and getattr(model.criterion, "has_closed_forms", False)
    if isinstance(ours, str):
        return ours
    name = vars(model).get("loss", "mse" if model.kind == "regressor" else "cross_entropy")
    if not ours or not isinstance(name, str):
        return "general"
    if model.kind == "classifier":
        return "logistic" if n_outputs == 1 or target.ndim == 2 else "softmax"
    return name


def second_derivatives(loss: Callable[[tg.Tensor], tg.Tensor], z: np.ndarray) -> np.ndarray:
    """Return the Hessian of a loss at outputs `(samples, outputs)`, of each sample: `(samples, outputs, outputs)`."""
    logits = tg.tensor(z, requires_grad=True)
    slope: Any
    row: Any
    (slope,) = tg.autograd.grad(loss(logits), logits, create_graph=True)
    rows = []
    for unit in np.eye(z.shape[1], dtype=z.dtype):
        (row,) = tg.autograd.grad(slope, logits, [np.broadcast_to(unit, z.shape)], retain_graph=True)
        rows.append(row.numpy())
    return np.stack(rows, axis=1)


def probabilities(z: np.ndarray) -> np.ndarray:
    """Return the softmax of logits, `(samples, classes)`."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def smallest_subgradient(gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the subgradient of smooth + Σ lasso · |theta| that is nearest to zero, which it is at the minimum.

    Where a weight is zero, L1 holds it there against a gradient of up to `lasso`.
    """
    return np.where(theta != 0, gradient + lasso * np.sign(theta), np.maximum(abs(gradient) - lasso, 0))
