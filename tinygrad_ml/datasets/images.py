"""Images of digits and of clothing."""

from __future__ import annotations

import numpy as np

from .dataset import DESCRIPTIONS, Dataset
from .fetch import fetch
from .idx import read_idx


def mnist(part: str | None = None) -> Dataset:
    """Return MNIST: handwritten digits of 28 x 28 pixels.

    Parameters
    ----------
    part : "train" or "test", optional
        Only this part, as (X, y).

    Returns
    -------
    Dataset
        X (60000, 28, 28) of uint8 from 0 to 255, y (60000,) of int64 from 0 to 9, X_test (10000, 28, 28), y_test. For
        a classifier make rows of numbers from 0 to 1 of them: `X.reshape(len(X), -1) / 255`.

    Examples
    --------
    >>> X, y, X_test, y_test = tg.datasets.mnist()  # doctest: +SKIP
    >>> X.shape, y[:3]  # doctest: +SKIP
    ((60000, 28, 28), array([5, 0, 4]))
    """
    return _of_idx("mnist", part)


def fashion_mnist(part: str | None = None) -> Dataset:
    """Return Fashion-MNIST: articles of clothing, in the form of `mnist`.

    Examples
    --------
    >>> X, y = tg.datasets.fashion_mnist("test")  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return _of_idx("fashion_mnist", part)


def _of_idx(name: str, part: str | None) -> Dataset:
    if part not in (None, "train", "test"):
        raise ValueError(f'{name}: part is "train", "test", or None for both, not {part!r}')
    arrays = []
    for chosen in [part] if part else ["train", "test"]:
        X, y = (read_idx(fetch(f"{name} {chosen} {kind}")) for kind in ("images", "labels"))
        if len(X) != len(y):
            raise ValueError(f"{name}: there are {len(X)} images and {len(y)} labels in the part {chosen!r}")
        arrays += [X, y.astype(np.int64)]
    return Dataset(arrays, "X y" if part else "X y X_test y_test", DESCRIPTIONS[name])


def digits() -> Dataset:
    """Return 1,797 handwritten digits of 8 x 8 pixels, from scikit-learn's copy (`pip install scikit-learn`).

    Returns
    -------
    Dataset
        X (1797, 64) of float64 from 0 to 16, y (1797,) of int64 from 0 to 9.

    Examples
    --------
    >>> tg.datasets.digits()  # doctest: +SKIP
    Dataset(X: float64 (1797, 64), y: int64 (1797,))
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("tg.datasets.digits are those that scikit-learn carries: pip install scikit-learn") from None
    X, y = load_digits(return_X_y=True)
    return Dataset([X, y.astype(np.int64)], "X y", DESCRIPTIONS["digits"])
