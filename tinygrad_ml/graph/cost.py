"""How much an operation computes: floating-point operations, a multiplication and an addition counted as two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

MOVES = {"shape", "index", "join", "diagonals", "methods"}  # families that only move numbers around
REDUCTIONS = {"reduce", "statistics", "cumulative", "norms", "fused"}


def flops(primitive: Any, values: Sequence, parameters: dict, out: Any) -> int:
    """Return the floating-point operations of one call, from the shapes; decompositions count as the cube of a side.

    >>> from tinygrad_ml.graph.cost import flops
    >>> flops(tg.matmul.primitive, [np.ones((2, 3)), np.ones((3, 4))], {}, np.ones((2, 4)))
    48
    """
    shapes = [np.shape(v) for v in values]
    size = math.prod(np.shape(out))
    name = primitive.name
    family = primitive.door.__module__.rpartition(".")[2]
    if family in MOVES or primitive.views:
        return 0
    if name in ("affine", "project"):
        return 2 * size * shapes[1][1] + (size if name == "affine" else 0)
    if name in ("matmul", "dot", "inner", "vdot"):
        inner = shapes[0][-1] if shapes[0] else 1
        return 2 * size * inner
    if name == "tensordot":
        return 2 * int(math.sqrt(math.prod(shapes[0]) * math.prod(shapes[1]) * size))
    if name == "einsum":
        lengths: dict[Any, int] = {}
        terms = parameters["subscripts"].replace(" ", "").split("->")[0].split(",")
        for term, shape in zip(terms, shapes):
            lengths.update(zip(term, shape) if "." not in term else enumerate(shape))
        return len(shapes) * math.prod(lengths.values())
    if name in ("conv2d", "conv1d"):
        return 2 * size * math.prod(shapes[1][1:]) + (size if len(shapes) > 2 and shapes[2] else 0)
    if name in ("conv2d_input", "conv2d_weight"):
        largest = max(shapes, key=math.prod)
        return 2 * math.prod(largest) * max(size // max(largest[0], 1), 1)
    if family in ("decompositions", "spectral", "matrices"):
        side = max(shapes[0][-2:], default=1)
        return math.prod(shapes[0][:-2]) * side**3
    if family in REDUCTIONS or family == "pool":
        return max([math.prod(shape) for shape in shapes], default=size)
    return size
