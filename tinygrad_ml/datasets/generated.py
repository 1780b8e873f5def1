"""Small sets that are drawn: shapes for classifiers, curves for regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Dataset


def _generator(random_state: Any) -> np.random.Generator:
    """Return a generator of random numbers: of a seed, or the one given."""
    return random_state if isinstance(random_state, np.random.Generator) else np.random.default_rng(random_state)


def _check(name: str, n_samples: int, noise: float, least: int = 1) -> None:
    if isinstance(n_samples, bool) or not isinstance(n_samples, (int, np.integer)) or n_samples < least:
        raise ValueError(f"{name}: n_samples must be an integer from {least}, not {n_samples!r}")
    if not noise >= 0:
        raise ValueError(f"{name}: noise, a standard deviation, must be at least 0, not {noise!r}")


def _classes(parts: list[np.ndarray], noise: float, rng: np.random.Generator, description: str) -> Dataset:
    """Put the points of each class together, in random order, with noise."""
    y = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    X = np.concatenate(parts)
    X = X + noise * rng.standard_normal(X.shape)
    order = rng.permutation(len(y))
    return Dataset([X[order], y[order]], "X y", description)


def make_moons(n_samples: int = 100, noise: float = 0.1, random_state: Any = None) -> Dataset:
    """Return two half circles that reach into one another: X (n_samples, 2), y of 0 and 1.

    Parameters
    ----------
    n_samples : int
    noise : float
        The standard deviation of what is added to each coordinate; the circles have radius 1.
    random_state : int, numpy.random.Generator or None
        Seeds the random numbers.

    Examples
    --------
    >>> X, y = tg.datasets.make_moons(200, noise=0.1, random_state=0)
    >>> X.shape, np.bincount(y)
    ((200, 2), array([100, 100]))
    """
    _check("make_moons", n_samples, noise, 2)
    upper = np.linspace(0, np.pi, n_samples - n_samples // 2)
    lower = np.linspace(0, np.pi, n_samples // 2)
    parts = [
        np.column_stack([np.cos(upper), np.sin(upper)]),
        np.column_stack([1 - np.cos(lower), 0.5 - np.sin(lower)]),
    ]
    return _classes(parts, noise, _generator(random_state), "Two half circles that reach into one another.")


def make_circles(n_samples: int = 100, noise: float = 0.05, factor: float = 0.5, random_state: Any = None) -> Dataset:
    """Return a circle of radius 1 (class 0) and one of radius `factor` inside it (class 1).

    Examples
    --------
    >>> X, y = tg.datasets.make_circles(100, noise=0.0, random_state=0)
    >>> np.hypot(*X[y == 1].T).round(6).max()
    np.float64(0.5)
    """
    _check("make_circles", n_samples, noise, 2)
    if not 0 < factor < 1:
        raise ValueError(f"make_circles: factor must be between 0 and 1, not {factor!r}")
    parts = []
    for n, radius in ((n_samples - n_samples // 2, 1.0), (n_samples // 2, factor)):
        angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
        parts.append(radius * np.column_stack([np.cos(angle), np.sin(angle)]))
    return _classes(parts, noise, _generator(random_state), "A circle inside another one.")


def make_spirals(
    n_samples: int = 100, noise: float = 0.05, classes: int = 2, turns: float = 1.5, random_state: Any = None
) -> Dataset:
    """Return arms of a spiral around the origin, one for each class, that end at radius 1 after some turns.

    Examples
    --------
    >>> X, y = tg.datasets.make_spirals(300, classes=3, random_state=0)
    >>> X.shape, np.bincount(y)
    ((300, 2), array([100, 100, 100]))
    """
    if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or classes < 1:
        raise ValueError(f"make_spirals: classes must be an integer from 1, not {classes!r}")
    _check("make_spirals", n_samples, noise, classes)
    parts = []
    for k in range(classes):
        radius = np.linspace(0.05, 1, n_samples // classes + (k < n_samples % classes))
        angle = 2 * np.pi * (turns * radius + k / classes)
        parts.append(radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]))
    return _classes(parts, noise, _generator(random_state), f"A spiral with {classes} arms.")


def make_linear(
    n_samples: int = 100,
    weights: Any = (2.0,),
    intercept: float = 1.0,
    noise: float = 0.5,
    random_state: Any = None,
) -> Dataset:
    """Return features from a standard normal distribution, and X @ weights + intercept + noise as the target.

    Examples
    --------
    >>> X, y = tg.datasets.make_linear(50, weights=[3.0, -1.0], intercept=2.0, noise=0.0, random_state=0)
    >>> bool(np.allclose(X @ [3.0, -1.0] + 2.0, y))
    True
    """
    _check("make_linear", n_samples, noise)
    rng = _generator(random_state)
    weights = np.atleast_1d(np.asarray(weights, np.float64))
    X = rng.standard_normal((n_samples, len(weights)))
    y = X @ weights + intercept + noise * rng.standard_normal(n_samples)
    return Dataset([X, y], "X y", f"A linear function with the weights {weights.tolist()} and intercept {intercept}.")


def make_sine(n_samples: int = 100, noise: float = 0.2, random_state: Any = None) -> Dataset:
    """Return x from 0 to 2 pi in random places, X (n_samples, 1), and sin(x) + noise.

    Examples
    --------
    >>> X, y = tg.datasets.make_sine(20, noise=0.0, random_state=0)
    >>> bool(np.allclose(y, np.sin(X[:, 0])))
    True
    """
    _check("make_sine", n_samples, noise)
    rng = _generator(random_state)
    x = rng.uniform(0, 2 * np.pi, n_samples)
    return Dataset([x[:, None], np.sin(x) + noise * rng.standard_normal(n_samples)], "X y", "A sine with noise.")
