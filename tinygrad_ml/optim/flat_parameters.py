"""Block: the parameters of one dtype of a group, one after the other in one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..sparse import SparseRows, put_rows
from ..tensor import Tensor, next_id

if TYPE_CHECKING:
    from .optimizer import Optimizer

# The bytes of each array that an update sees at once (benchmarks/optimizers.py). Large parameters are cut into pieces
# of which the five arrays of an update (values, gradients, two buffers, scratch) stay in the second-level cache, which
# makes a step twice as fast. Small ones are joined, but only as far as copying their gradients costs less than a call.
PIECE, JOINED = 512 * 1024, 256 * 1024

Run = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], int]


class Block:
    """Parameters of one dtype, which live one after the other in one array from now on.

    Neighbours are updated together, so that a step costs as few NumPy calls for many small parameters as for one;
    a large parameter is updated in pieces that fit into the cache.

    Parameters
    ----------
    params : list of Tensors of one dtype
    buffers : names of the arrays that the optimizer keeps for every parameter

    Examples
    --------
    >>> w, b = tg.ones(2, requires_grad=True), tg.zeros(1, requires_grad=True)
    >>> block = tg.optim.flat_parameters.Block([w, b], ["momentum_buffer"])
    >>> w.grad, b.grad = [1.0, 2.0], [3.0]
    >>> optimizer = tg.optim.SGD([w, b])
    >>> [(values, gradients) for values, gradients, state, step in block.runs(optimizer, optimizer.param_groups[0])]
    [(array([1., 1., 0.], dtype=float32), array([1., 2., 3.], dtype=float32))]
    """

    def __init__(self, params: list[Tensor], buffers: Iterable[str]):
        self.params = params
        self.sizes = [p.size for p in params]
        self.ends = np.cumsum(self.sizes).tolist()
        self.starts = [0, *self.ends[:-1]]
        self.values = np.empty(self.ends[-1], params[0].dtype)
        self.buffers = {name: np.zeros_like(self.values) for name in buffers}  # memory that is not used is not taken
        self.limit, self.joined = PIECE // self.values.itemsize, JOINED // self.values.itemsize
        self.gradients = np.empty_like(self.values[: self.joined])
        self.scratch = np.empty_like(self.values[: 2 * self.limit])
        self.whole = {**self.buffers, "scratch": self.scratch[: len(self.values)]}
        self.steps = [0] * len(params)
        self.views: list[Any] = [None] * len(params)
        self.shapes = [p.shape for p in params]
        self.adopt()

    def adopt(self) -> None:
        """Move values into the block that are not there: at first, and after somebody else replaced them."""
        for i, p in enumerate(self.params):
            if p._data is not self.views[i] and p._requires_grad:
                if p.shape != self.shapes[i] or p.dtype != self.values.dtype:
                    raise RuntimeError(
                        f"parameter {p.name or i} is now {p.dtype} {p.shape}, and was {self.values.dtype} "
                        f"{self.shapes[i]} when the optimizer was made: make a new optimizer"
                    )
                view = self.values[self.starts[i] : self.ends[i]].reshape(p.shape)
                view[...] = p._data
                p._data = self.views[i] = view

    def runs(self, optimizer: Optimizer, options: dict[str, Any]) -> Iterator[Run]:
        """Yield (values, gradients, buffers, step number) of neighbours that have a gradient and the same past.

        The caller changes values and buffers in place. The optimizer tells which buffers its update needs with these
        options, and whether it may be applied to the rows of a sparse gradient alone.
        """
        self.adopt()
        now = next_id()
        params, steps, sizes, joined = self.params, self.steps, self.sizes, self.joined
        i, n = 0, len(params)
        while i < n:
            first, step, total = i, steps[i] + 1, 0
            pieces: list[np.ndarray] = []
            while i < n and steps[i] + 1 == step:
                g = params[i]._grad if params[i]._requires_grad else None
                if g is None or (total and total + sizes[i] > joined):
                    break
                if type(g) is SparseRows:
                    if optimizer.rows_only(options):
                        break
                    g = g.numpy()
                else:
                    g = g._data
                pieces.append(g.reshape(-1))
                total += sizes[i]
                steps[i] = step
                params[i]._version = now
                i += 1
            if pieces:
                gradient = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, out=self.gradients[:total])
                if len(pieces) == n and total <= self.limit:
                    yield self.values, gradient, self.whole, step
                else:
                    yield from self._pieces(optimizer.used(options), self.starts[first], gradient, step)
            elif params[i]._grad is None or not params[i]._requires_grad:
                i += 1
            else:
                steps[i] = step
                params[i]._version = now
                yield from self._rows(optimizer.used(options), i, params[i]._grad.coalesce(), step)
                i += 1

    def _pieces(self, used: Iterable[str], start: int, gradient: np.ndarray, step: int) -> Iterator[Run]:
        total = len(gradient)
        count = round(total / self.limit) or 1
        size = -(-total // count)
        for a in range(0, total, size):
            piece = gradient[a : a + size] if count > 1 else gradient
            where = slice(start + a, start + a + len(piece))
            state = {name: self.buffers[name][where] for name in used}
            state["scratch"] = self.scratch[: len(piece)]
            yield self.values[where], piece, state, step

    def _rows(self, used: Iterable[str], i: int, gradient: SparseRows, step: int) -> Iterator[Run]:
        """Yield copies of the rows that a sparse gradient names, and write them back when they were changed."""
        if not self.sizes[i]:
            return
        width = self.sizes[i] // len(self.views[i])
        table = self.views[i].reshape(-1, width)
        buffers = {name: self.buffers[name][self.starts[i] : self.ends[i]].reshape(table.shape) for name in used}
        count = max(1, self.joined // width)
        for a in range(0, len(gradient.rows), count):
            rows = gradient.rows[a : a + count]
            values = table.take(rows, 0)
            parts = {name: buffer.take(rows, 0) for name, buffer in buffers.items()}
            state = {name: part.reshape(-1) for name, part in parts.items()}
            fits = values.size <= len(self.scratch)
            state["scratch"] = self.scratch[: values.size] if fits else np.empty(values.size, values.dtype)
            yield values.reshape(-1), gradient.values[a : a + count].reshape(-1), state, step
            put_rows(table, rows, values)
            for name, part in parts.items():
                put_rows(buffers[name], rows, part)
