"""The shapes of inputs, which may be Tensors, arrays or lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor

__all__ = ["as_shape", "shape_of"]


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a Tensor, an array or a list.

    Examples
    --------
    >>> tg.nn.shapes.shape_of([[1.0, 2.0]])
    (1, 2)
    """
    if isinstance(x, Tensor):
        return x._data.shape
    return x.shape if hasattr(x, "shape") else np.shape(x)


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be given as one length.

    Examples
    --------
    >>> tg.nn.shapes.as_shape(3)
    (3,)
    """
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
