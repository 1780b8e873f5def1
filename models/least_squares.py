"""Least squares in closed form, with or without a ridge; and other losses by least squares with changing weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import tinygrad_ml as tg

from .linear import set_coefficients
from .stochastic import normalized_weights


def fit_normal(model: Any, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> None:
    """Fit a `LinearRegression` in closed form; for another loss than "mse" one column of the target after the other."""
    inputs, alpha = model.inputs(X), model.alpha if model.penalty == "l2" else 0.0
    if model.loss == "mse":
        w, b = normal_equation(inputs, target, weight, alpha, model.fit_intercept)
        model.n_iter_ = 1
    else:
        factor = absolute_factor if model.loss == "mae" else partial(huber_factor, delta=model.huber_delta)
        fits = [
            reweighted(inputs, y[:, None], weight, alpha, model.fit_intercept, factor, model.max_iter) for y in target.T
        ]
        w, b = (np.concatenate(parts, axis=-1) for parts in list(zip(*fits))[:2])
        model.n_iter_ = max(iterations for *_, iterations in fits)
    set_coefficients(model.linear_, w.T, b)
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X)), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())


def normal_equation(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, alpha: float, intercept: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the w `(features, outputs)` and b that minimise Σ weight · (y - x·w - b)² + alpha · Σw².

    By a singular value decomposition, which also solves what XᵀX is singular for: of all minima the smallest w. A ridge
    is a further sample for each feature: sqrt(alpha) of it, with the target 0.
    """
    mean_x, mean_y = np.zeros(X.shape[1], X.dtype), np.zeros(y.shape[1], y.dtype)
    if intercept:
        mean_x, mean_y = np.average(X, axis=0, weights=weight), np.average(y, axis=0, weights=weight)
    rows, targets = X - mean_x, y - mean_y
    if weight is not None:
        root = np.sqrt(weight)[:, None]
        rows, targets = rows * root, targets * root
    if alpha:
        n = X.shape[1]
        rows = np.vstack([rows, np.sqrt(alpha) * np.eye(n, dtype=X.dtype)])
        targets = np.vstack([targets, np.zeros((n, y.shape[1]), y.dtype)])
    w = np.linalg.lstsq(rows, targets, rcond=None)[0]
    return w, mean_y - mean_x @ w


def reweighted(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    alpha: float,
    intercept: bool,
    factor: Callable[[np.ndarray], np.ndarray],
    max_iter: int,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the w `(features, 1)` and b that minimise Σ weight · loss(y - x·w - b) + alpha · Σw², and the iterations.

    Each iteration is a fit by least squares whose weights give it the gradient of the loss: factor(|r|) is
    loss'(r) / 2r. None goes up. Holland and Welsch, "Robust regression using iteratively reweighted least-squares"
    (1977).
    """
    weights = np.ones(len(X), X.dtype) if weight is None else weight
    residual, iteration, change, w, b = y, 0, np.inf, np.zeros((X.shape[1], 1)), np.zeros(1)
    while iteration < max_iter and change > 8 * np.finfo(X.dtype).eps * abs(y).max():
        of_sample = factor(abs(residual[:, 0])) if iteration else np.ones_like(weights)
        w, b = normal_equation(X, y, weights * of_sample, alpha, intercept)
        before, residual = residual, y - X @ w - b
        change = abs(residual - before).max()
        iteration += 1
    return w, b, iteration


def absolute_factor(residual: np.ndarray) -> np.ndarray:
    """Return loss'(r) / 2r of the absolute loss at residuals r >= 0, of which none counts as 0."""
    return 0.5 / np.maximum(residual, 1e-8 * residual.mean() or 1.0)


def huber_factor(residual: np.ndarray, delta: float) -> np.ndarray:
    """Return loss'(r) / 2r of the Huber loss at residuals r >= 0."""
    return delta / np.maximum(residual, delta)
