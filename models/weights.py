"""The weights of samples, and means with them."""

from __future__ import annotations

import numpy as np

Weights = np.ndarray | None


def total(X: np.ndarray, weight: Weights) -> float:
    """Return the sum of the weights of the samples, or their number; the mean over labels with weights of their own."""
    return len(X) if weight is None else float(weight.sum()) / (weight.size // len(weight))


def normalized_weights(weight: Weights) -> Weights:
    """Return weights with the mean 1, so that the mean of weighted losses is their weighted mean."""
    return None if weight is None else weight / weight.mean()


def variance(target: np.ndarray, weight: Weights) -> float:
    """Return the mean squared distance of targets `(samples, outputs)` from their means."""
    return float(np.average((target - np.average(target, axis=0, weights=weight)) ** 2, axis=0, weights=weight).mean())


def rounding_of_mean(n_samples: int) -> float:
    """Return what rounding may leave of a constant feature minus its mean, relative to the feature."""
    return (16 + n_samples**0.5) * float(np.finfo(np.float64).eps)
