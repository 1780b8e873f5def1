"""Newton's method for linear models, with the curvature of the loss by autodiff; L1 by coordinate descent."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

import tinygrad_ml as tg

from .lbfgs import finish
from .linear import set_coefficients
from .stochastic import Weights, normalized_weights, total


def newton(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit the layer `linear_` by Newton's method until no entry of the gradient is larger than `tol`.

    The loss of each sample depends on its own logits z = w·x + b only. Autodiff gives its first and second derivatives
    with respect to them; as z is linear in the weights, the Hessian of the whole is the sum of x xᵀ ⊗ d²loss/dz².
    """
    dtype, layer = X.dtype, model.linear_
    X = model.inputs(X).astype(np.float64, copy=False)  # the Hessian squares what rounding leaves
    l1, l2 = model.penalty_weights(total(X, weight))
    weight = normalized_weights(weight)
    bias = layer.bias is not None
    design = np.column_stack([X, np.ones(len(X))]) if bias else X
    theta = np.column_stack([layer.weight.numpy(), layer.bias.numpy()]) if bias else layer.weight.numpy()
    theta = theta.astype(np.float64)
    ridge, lasso = np.full(theta.shape, l2), np.full(theta.shape, l1)
    if bias:
        ridge[:, -1] = lasso[:, -1] = 0
    free: Iterable[int] = free_columns(ridge, lasso) if model.kind == "classifier" else ()

    def objective(theta: np.ndarray, loss: float) -> float:
        return float(loss + (ridge * theta * theta).sum() / 2 + (lasso * abs(theta)).sum())

    z = design @ theta.T
    loss, slope, curvature = derivatives(model, z, target, weight)
    value, losses, stalled = objective(theta, loss), [], 0
    while True:
        losses.append(value)
        gradient = slope.T @ design + ridge * theta
        residual = float(abs(smallest_subgradient(gradient, theta, lasso)).max())
        if residual > model.tol and (len(losses) > model.max_iter or stalled > 5):
            break
        step = newton_step(hessian(design, curvature, ridge, free), gradient, theta, lasso, l2 > 0)
        if not np.isfinite(step).all():
            raise np.linalg.LinAlgError("the step is not finite")
        if residual <= model.tol:
            theta = theta + step  # it costs little now, and doubles the number of digits that are right
            break
        promised = float((gradient * step).sum() + (lasso * (abs(theta + step) - abs(theta))).sum())
        length, change = 1.0, design @ step.T
        while length > 1e-10:  # half the step until the objective decreases (Armijo)
            loss, slope, curvature = derivatives(model, z + length * change, target, weight)
            new = objective(theta + length * step, loss)
            if new <= value + 1e-4 * length * promised:
                break
            length /= 2
        else:
            break  # rounding is all that is left
        stalled = 0 if new < value else stalled + 1  # quadratic convergence needs few steps below the rounding error
        theta, z, value = theta + length * step, z + length * change, new
    theta = theta.astype(dtype)
    set_coefficients(layer, theta[:, : X.shape[1]], theta[:, -1])
    finish(model, "Newton's method", losses, residual)


def smallest_subgradient(gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the subgradient of smooth + Σ lasso · |theta| that is nearest to zero, which it is at the minimum.

    Where a weight is zero, L1 holds it there against a gradient of up to `lasso`.
    """
    return np.where(theta != 0, gradient + lasso * np.sign(theta), np.maximum(abs(gradient) - lasso, 0))


def free_columns(ridge: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the columns in which adding the same to the weights of all classes changes neither softmax nor penalty."""
    free = ~(ridge + lasso).any(axis=0)
    return np.flatnonzero(free) if len(ridge) > 1 else np.array([], int)


def derivatives(model: Any, z: np.ndarray, target: np.ndarray, weight: Weights) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of logits `(samples, outputs)`, its gradient, and its Hessian `(samples, outputs, outputs)`."""
    logits = tg.tensor(z, requires_grad=True)
    loss = model.criterion(logits, target, weight)
    slope: Any
    row: Any
    (slope,) = tg.autograd.grad(loss, logits, create_graph=True)
    rows = []
    for unit in np.eye(z.shape[1], dtype=z.dtype):
        (row,) = tg.autograd.grad(slope, logits, [np.broadcast_to(unit, z.shape)], retain_graph=True)
        rows.append(row.numpy())
    return loss.item(), slope.detach().numpy(), np.stack(rows, axis=1)


def hessian(design: np.ndarray, curvature: np.ndarray, ridge: np.ndarray, free: Iterable[int]) -> np.ndarray:
    """Return the Hessian of the objective, `(outputs · columns, outputs · columns)`.

    Along the directions that shift the weights of all outputs in a `free` column, where it is zero and the gradient
    too, it is made 1, so that it can be inverted.
    """
    k, d = ridge.shape
    H = np.empty((k, d, k, d), design.dtype)
    for i in range(k):
        for j in range(i + 1):
            H[i, :, j] = design.T @ (design * curvature[:, i, j, None])
            H[j, :, i] = H[i, :, j].T
    H = H.reshape(k * d, k * d)
    H.flat[:: k * d + 1] += ridge.ravel()
    for column in free:
        H[column::d, column::d] += 1 / k
    return H


def newton_step(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray, regular: bool) -> np.ndarray:
    """Return the step to the minimum of the quadratic model; `regular` says that a penalty makes it the only one."""
    if lasso.any():
        return sparse_step(H, gradient.ravel(), theta.ravel(), lasso.ravel()).reshape(theta.shape)
    if regular:
        with suppress(np.linalg.LinAlgError):  # a penalty so weak that rounding takes it away
            return -np.linalg.solve(H, gradient.ravel()).reshape(theta.shape)
    return -np.linalg.lstsq(H, gradient.ravel(), rcond=None)[0].reshape(theta.shape)


def sparse_step(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the s that minimises gradient·s + s·H·s/2 + Σ lasso · |theta + s|.

    The biases, which have no penalty, are eliminated: what is left is as if the features were centred, without which
    coordinate descent would hardly move.
    """
    weights, biases = lasso > 0, lasso == 0
    solve = np.linalg.pinv(H[np.ix_(biases, biases)], rcond=10 * np.finfo(H.dtype).eps, hermitian=True)
    slope, across = gradient[biases], H[np.ix_(biases, weights)]
    step = np.empty_like(theta)
    reduced = H[np.ix_(weights, weights)] - across.T @ solve @ across
    step[weights] = coordinate_descent(
        reduced, gradient[weights] - across.T @ (solve @ slope), theta[weights], lasso[weights]
    )
    step[biases] = -solve @ (slope + across @ step[weights])
    return step


def coordinate_descent(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the s that minimises gradient·s + s·H·s/2 + Σ lasso · |theta + s|, one entry after the other.

    Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate descent" (2010).
    """
    new, slope = theta.copy(), gradient.copy()
    diagonal = np.maximum(np.diag(H), np.finfo(H.dtype).tiny)
    for _ in range(1000):
        largest = 0.0
        for j in range(len(new)):
            best = new[j] - slope[j] / diagonal[j]
            best = np.sign(best) * max(abs(best) - lasso[j] / diagonal[j], 0.0)
            if change := best - new[j]:
                slope += H[:, j] * change
                new[j] = best
                largest = max(largest, abs(change) * diagonal[j])
        if largest <= 1e-3 * abs(gradient).max() * np.finfo(H.dtype).eps ** 0.5:
            break
    return new - theta
