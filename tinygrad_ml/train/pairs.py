"""The guard against a loss that makes (rows, rows) of a column (rows, 1) and numbers (rows,), and learns nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor


class PairGuard:
    """An observer of the operations in a loss, which refuses those that pair every row with every other.

    Only what comes from the output and the batch by operations that leave a row a row is looked at: who reshapes,
    indexes or transposes before wants the pairs. A copy in another dtype is known by its values.

    Parameters
    ----------
    output : what the module returned, a Tensor or a tuple of them
    rest : what the batch holds besides its input: the target, weights ...
    rows : int
    """

    def __init__(self, output: Any, rest: tuple, rows: int):
        self.rows = rows
        names = ["the target", *(f"part {i} of the batch" for i in range(2, len(rest) + 1))]
        outputs = output if isinstance(output, tuple) else (output,)
        self.parts = [(part, "the output") for part in outputs] + list(zip(rest, names))
        self.known = {id(part): (part, name) for part, name in self.parts}  # holds them, so that no other gets their id

    def __call__(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        shape = getattr(result, "shape", None)
        if shape == (self.rows, self.rows) and self.rows > 1 and not parameters:
            shapes = (self.rows, 1), (self.rows,)
            column, row = (next((self._name(x) for x in inputs if np.shape(x) == s), "") for s in shapes)
            if column and row:
                raise ValueError(
                    f"fit: in the loss, {primitive.name} makes {shape} of {column} {shapes[0]} and {row} {shapes[1]}, "
                    "every row with every other: reshape one of them, for example y.reshape(-1, 1), or "
                    "y.reshape(1, -1) if the pairs are meant"
                )
        elif shape in ((self.rows,), (self.rows, 1)) and not primitive.views:
            # a sum (rows,) is nobody's part, but that of a column (rows, 1) with keepdims was to stay one
            sources = [self._name(x) for x in inputs if len(shape) == 2 or np.shape(x) == shape]
            source = next(filter(None, sources), "")
            if source:
                prefix = "" if source.startswith("what") else "what is computed from "
                self.known[id(result)] = result, prefix + source

    def _name(self, x: Any) -> str:
        """Return what an operand is; "" if it does not come from the output or the batch."""
        if id(x) in self.known:
            return self.known[id(x)][1]
        if isinstance(x, Tensor) and x.node is not None:
            return ""
        value = _array(x)
        same = (n for part, n in self.parts if value.ndim and np.array_equal(value, _array(part)))
        return next(same, "")


def _array(x: Any) -> np.ndarray:
    return x._data if isinstance(x, Tensor) else np.asarray(x)
