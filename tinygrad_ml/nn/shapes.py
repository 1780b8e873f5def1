"""The shapes of inputs, which may be Tensors, arrays or lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import shape_of

__all__ = ["as_shape", "shape_of"]


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape that may be given as one length.

    Examples
    --------
    >>> tg.nn.shapes.as_shape(3)
    (3,)
    """
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
