"""The parts of the data that cross-validation trains and tests on, in the forms in which scikit-learn takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.validation import is_integer

from .checking import Rule
from .weights import Weights


def _is_splits(value: Any) -> bool:
    if isinstance(value, (str, bytes, bool, type)):
        return False
    return is_integer(value, 2) or hasattr(value, "split") or hasattr(value, "__iter__")


splits = Rule(
    _is_splits,
    "a number of folds of at least 2, a splitter such as sklearn.model_selection.KFold(5), or a sequence of (training, "
    "test) pairs of indices",
)


def folds(model: Any, X: np.ndarray, y: np.ndarray, weight: Weights) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows to train on and the rows to test on, for every part that the hyperparameter `cv` says.

    A number k stands for k parts of successive rows, as scikit-learn's KFold without shuffling; None is 5.
    """
    pairs, kind = _pairs(model, X, y), type(model).__name__
    for k, pair in enumerate(pairs):
        if weight is not None and not all(weight[rows].any() for rows in pair):
            raise ValueError(f"{kind}: all samples of the training or the test part of fold {k} have the weight zero")
    return pairs


def _pairs(model: Any, X: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    cv, n, kind = model.cv, len(X), type(model).__name__
    if cv is None or is_integer(cv, 2):
        k = 5 if cv is None else int(cv)
        if k > n:
            raise ValueError(
                f"{kind}: cannot make {k} folds of n_samples = {n}; set cv to a smaller number, or give more samples"
            )
        ends = np.cumsum(np.full(k, n // k) + (np.arange(k) < n % k))
        return [
            (np.delete(np.arange(n), np.s_[start:end]), np.arange(start, end)) for start, end in zip([0, *ends], ends)
        ]
    pairs = []
    rows = X.tocsr() if isinstance(X, SparseMatrix) else X
    for i, pair in enumerate(cv.split(rows, y) if hasattr(cv, "split") else cv):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{kind}: part {i} of cv must be a pair of arrays of indices, (training, test)")
        training, test = (_rows(kind, rows, n, i) for rows in pair)
        pairs.append((training, test))
    if not pairs:
        raise ValueError(f"{kind}: cv has no parts")
    return pairs


def _rows(kind: str, rows: Any, n: int, part: int) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(f"{kind}: the training and the test rows in part {part} of cv must be indices, and not empty")
    if rows.min() < -n or rows.max() >= n:
        raise ValueError(f"{kind}: part {part} of cv has the row {rows.max()}, and there are {n} samples")
    return rows
