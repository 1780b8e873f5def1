"""FlatParameters: the parameters of one dtype of a group, one after the other in one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import kind_of, like, name_of
from ..sparse import SparseRows, put_rows
from ..tensor import Tensor, from_owned, touch

if TYPE_CHECKING:
    from .optimizer import Optimizer

__all__ = ["Chunk", "FlatParameters", "as_real"]

# The bytes of each array that an update sees at once (benchmarks/optimizers.py). Large parameters are cut into pieces
# of which the five arrays of an update (values, gradients, two buffers, scratch) stay in the second-level cache, which
# makes a step twice as fast. Small ones are joined, but only as far as copying their gradients costs less than a call.
PIECE, JOINED = 512 * 1024, 256 * 1024

# What an update works on: the values, their gradients, the buffers and the number of the step.
Chunk = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], int]


def as_real(x: Any) -> np.ndarray:
    """Return an array as one long axis; of complex numbers the real and imaginary parts, one after the other.

    Examples
    --------
    >>> tg.optim.flat_parameters.as_real(np.array([[1 + 2j], [3 + 4j]]))
    array([1., 2., 3., 4.])
    """
    flat = x.reshape(-1)
    return flat if flat.dtype.kind != "c" else np.ascontiguousarray(flat).view(flat.real.dtype)


class FlatParameters:
    """Parameters of one dtype, which live one after the other in one array from now on.

    An update sees complex parameters as real ones, twice as many: it treats both parts alike, as PyTorch's do. It sees
    float16 as float32, and its result is rounded once.

    Neighbours are updated together, so that a step costs as few NumPy calls for many small parameters as for one;
    a large parameter is updated in pieces that fit into the cache.

    Parameters
    ----------
    params : list of Tensors of one dtype
    buffers : names of the arrays that the optimizer keeps for every parameter

    Examples
    --------
    >>> w, b = tg.ones(2, requires_grad=True), tg.zeros(1, requires_grad=True)
    >>> flat = tg.optim.flat_parameters.FlatParameters([w, b], ["momentum_buffer"])
    >>> w.grad, b.grad = [1.0, 2.0], [3.0]
    >>> optimizer = tg.optim.SGD([w, b])
    >>> [(values, gradients) for values, gradients, state, step in flat.chunks(optimizer, optimizer.param_groups[0])]
    [(array([1., 1., 0.], dtype=float32), array([1., 2., 3.], dtype=float32))]
    """

    def __init__(self, params: list[Tensor], buffers: Iterable[str]):
        self.params = params
        self.dtype = params[0].dtype
        self.complex = self.dtype.kind == "c"
        self.sizes = [p.size * (1 + self.complex) for p in params]
        self.ends = np.cumsum(self.sizes).tolist()
        self.starts = [0, *self.ends[:-1]]
        self.new = like(params[0])  # makes arrays where the parameters are
        # those of frozen parameters lie elsewhere
        self.values = self.new.zeros(self.ends[-1], np.finfo(self.dtype).dtype)
        self.rounded = self.dtype == np.float16
        self.precision = np.dtype(np.float32) if self.rounded else self.values.dtype
        length = len(self.values)
        # memory that is not used is not taken
        self.buffers = {name: self.new.zeros(length, self.precision) for name in buffers}
        self.limit, self.joined = PIECE // self.precision.itemsize, JOINED // self.precision.itemsize
        self.gradients = self.new.empty(min(length, self.joined), self.precision)
        self.scratch = self.new.empty(min(length, 2 * self.limit), self.precision)
        self.whole = {**self.buffers, "scratch": self.scratch[: len(self.values)]}
        self.steps = [0] * len(params)
        self.views: list[Any] = [None] * len(params)
        self.shapes = [p.shape for p in params]
        self.reattach()

    def reattach(self) -> None:
        """Move values into the array that are not there: at first, and after somebody else replaced them."""
        for i, p in enumerate(self.params):
            if p._data is not self.views[i] and p._requires_grad:
                moved = kind_of(p) is not kind_of(self.values)
                if p.shape != self.shapes[i] or p.dtype != self.dtype or moved:
                    now, then = (f"{name_of(kind_of(x))} of " if moved else "" for x in (p, self.values))
                    raise RuntimeError(
                        f"parameter {p.name or i} is now {now}{p.dtype} {p.shape}, and was {then}{self.dtype} "
                        f"{self.shapes[i]} when the optimizer was made: make a new optimizer"
                    )
                self.views[i] = self.part(self.values, i)
                p._move_to(self.views[i])

    def part(self, array: np.ndarray, i: int) -> np.ndarray:
        """Return what belongs to parameter i in the values or a buffer, in its shape: a view."""
        flat = array[self.starts[i] : self.ends[i]]
        return (flat.view(self.dtype) if self.complex else flat).reshape(self.shapes[i])

    def chunks(self, optimizer: Optimizer, options: dict[str, Any]) -> Iterator[Chunk]:
        """Yield (values, gradients, buffers, step number) of neighbours that have a gradient and the same past.

        The caller changes values and buffers in place. The optimizer tells which buffers its update needs with these
        options, and whether it may be applied to the rows of a sparse gradient alone.
        """
        self.reattach()
        used = optimizer.used(options)
        i = 0
        while i < len(self.params):
            gradient, end, step = self._neighbours(i, optimizer, options)
            if gradient is None:
                i = end
                continue
            if used or optimizer.counts_steps:
                self.steps[i:end] = [step] * (end - i)
            try:
                if type(gradient) is SparseRows:
                    yield from self.rows(used, i, gradient, step)
                elif end - i == len(self.params) and len(gradient) <= self.limit and not self.rounded:
                    yield self.values, gradient, self.whole, step
                else:
                    yield from self._pieces(used, self.starts[i], gradient, step)
            finally:  # an update that was interrupted has changed the values, too
                touch(self.params[i:end])
            i = end

    def _neighbours(self, first: int, optimizer: Optimizer, options: dict[str, Any]) -> tuple[Any, int, int]:
        """Return the gradient of the parameters from `first` on that are updated together, their end and their step.

        The gradient is one array, or `SparseRows` of a single parameter of which only these rows are changed, or None
        if the first parameter has none.
        """
        params, steps, sizes = self.params, self.steps, self.sizes
        end, step, total = first, steps[first] + 1, 0
        parts: list[np.ndarray] = []
        while end < len(params) and steps[end] + 1 == step:
            g = params[end]._grad if params[end]._requires_grad else None
            if g is None or (total and total + sizes[end] > self.joined):
                break
            if type(g) is SparseRows:
                if optimizer.supports_sparse(options):
                    break
                g = from_owned(g.numpy())
            parts.append(as_real(g._data) if self.complex else g._data.reshape(-1))
            total += sizes[end]
            end += 1
        if parts:
            if len(parts) > 1:
                out = self.gradients[:total] if self.new is np else None
                parts = [np.concatenate(parts, out=out)]
            return parts[0], end, step
        return None if g is None else g.coalesce(), first + 1, step

    def _pieces(self, used: Iterable[str], start: int, gradient: np.ndarray, step: int) -> Iterator[Chunk]:
        total = len(gradient)
        count = round(total / self.limit) or 1
        size = -(-total // count)
        for a in range(0, total, size):
            piece = gradient[a : a + size] if count > 1 else gradient
            where = slice(start + a, start + a + len(piece))
            state = {name: self.buffers[name][where] for name in used}
            state["scratch"] = self.scratch[: len(piece)]
            values = self.values[where].astype(self.precision, copy=False)
            yield values, piece.astype(self.precision, copy=False), state, step
            if self.rounded:
                self.values[where] = values

    def rows(self, used: Iterable[str], i: int, gradient: SparseRows, step: int) -> Iterator[Chunk]:
        """Yield copies of the rows that a sparse gradient names, and write them back when they were changed."""
        if not self.sizes[i]:
            return
        width = self.sizes[i] // len(self.views[i])
        table = self.values[self.starts[i] : self.ends[i]].reshape(-1, width)
        buffers = {name: self.buffers[name][self.starts[i] : self.ends[i]].reshape(table.shape) for name in used}
        count = max(1, self.joined // width)
        for a in range(0, len(gradient.rows), count):
            rows = gradient.rows[a : a + count]
            values = table.take(rows, 0).astype(self.precision, copy=False)
            parts = {name: buffer.take(rows, 0) for name, buffer in buffers.items()}
            state = {name: part.reshape(-1) for name, part in parts.items()}
            fits = values.size <= len(self.scratch)
            state["scratch"] = self.scratch[: values.size] if fits else np.empty(values.size, values.dtype)
            g = as_real(gradient.values[a : a + count]).astype(self.precision, copy=False)
            yield values.reshape(-1), g, state, step
            put_rows(table, rows, values.astype(table.dtype, copy=False))
            for name, part in parts.items():
                put_rows(buffers[name], rows, part)
