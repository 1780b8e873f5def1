"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import primitive


def _matmul_x(g: Any, x_shape: tuple, y: Any) -> Any:
    if y.ndim == 1:  # a vector y is a matrix of one column
        return np.expand_dims(g, -1) * y
    if len(x_shape) == 1:  # a vector x is a matrix of one row
        return (np.expand_dims(g, -2) @ np.swapaxes(y, -1, -2)).reshape((*g.shape[:-1], *x_shape))
    return g @ np.swapaxes(y, -1, -2)


def _matmul_y(g: Any, x: Any, y_shape: tuple) -> Any:
    if x.ndim == 1:
        if len(y_shape) == 1:
            return g * x
        return np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if len(y_shape) == 1:
        return (np.swapaxes(x, -1, -2) @ np.expand_dims(g, -1)).reshape((*g.shape[:-1], *y_shape))
    return np.swapaxes(x, -1, -2) @ g


@primitive(np.matmul, x=_matmul_x, y=_matmul_y)
def matmul(x, y):
    """Return the matrix product x @ y, over stacks of matrices (..., n, k) @ (..., k, m) and vectors.

    >>> tg.matmul(tg.tensor([[1.0, 2.0]]), tg.tensor([3.0, 4.0]))
    tensor([11.])
    """
    return np.matmul(x, y)
