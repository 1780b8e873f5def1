"""Least squares in closed form, with or without a ridge."""

from __future__ import annotations

import numpy as np


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
