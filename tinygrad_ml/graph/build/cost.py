"""How much an operation computes: floating-point operations, a multiplication and an addition counted as two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def flops(primitive: Any, values: Sequence, parameters: dict, out: Any) -> int:
    """Return the floating-point operations of one call, from the shapes, by what the primitive says of its cost.

    >>> from tinygrad_ml.graph.build.cost import flops
    >>> flops(tg.matmul.primitive, [np.ones((2, 3)), np.ones((3, 4))], {}, np.ones((2, 4)))
    48
    """
    shapes = [np.shape(v) for v in values]
    size = math.prod(np.shape(out))
    cost = primitive.cost
    if primitive.views or cost == "none":
        return 0
    if cost == "reduction":
        return max([math.prod(shape) for shape in shapes], default=size)
    if cost == "cubic":  # of the side of each matrix
        return math.prod(shapes[0][:-2]) * max(shapes[0][-2:], default=1) ** 3
    return size if cost == "output" else cost(size, shapes, parameters)
