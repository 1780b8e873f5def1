"""Least squares in closed form, with or without a ridge; and other losses by least squares again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg

from .solvers import weight_of_mean_1


def fit_normal(model: Any, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> None:
    """Fit a `LinearRegression` in closed form; for another loss than "mse" one column of the target after the other."""
    inputs, alpha = model.inputs(X), model.alpha if model.penalty == "l2" else 0.0
    if model.loss == "mse":
        w, b = normal_equation(inputs, target, weight, alpha, model.fit_intercept)
        model.n_iter_ = 1
    else:
        fits = [
            reweighted(inputs, y[:, None], weight, alpha, model.fit_intercept, model.loss.factor, model.max_iter)
            for y in target.T
        ]
        w, b = (np.concatenate(parts, axis=-1) for parts in list(zip(*fits))[:2])
        model.n_iter_ = max(iterations for *_, iterations in fits)
    model.take(w.T, b)
    with tg.no_grad():
        model.history_.append(loss=model.loss(model(tg.tensor(X)), target, weight_of_mean_1(weight)).item())


def normal_equation(
    X: np.ndarray, y: np.ndarray, weight: np.ndarray | None, alpha: float, intercept: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the w `(features, outputs)` and b that minimise Σ weight · (y - x·w - b)² + alpha · Σw².

    By a singular value decomposition, which also solves what XᵀX is singular for: of all minima the smallest w. A ridge
    is as many more samples: sqrt(alpha) of each feature, with the target 0.
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
