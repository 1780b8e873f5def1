"""Sizes that are free: what a model computes for inputs of several sizes, as one computation with symbols.

The model runs for the example, and once more for each free axis with another length there (and other values). What is
the same each time is a constant; an integer that differs is a sum of free sizes, `a + b * batch`; an array that differs
in shape is one that is spread along a free axis. Anything else cannot be written down and is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from ..tape.traced import Value
from .errors import ExportError
from .recording import Recording, Step

__all__ = ["Band", "Merged", "MergedStep", "Ramp", "Size", "Spread", "leaves_of"]


class Size:
    """An integer that depends on free sizes: `base + sum of factor * symbol`.

    factors : None if it is no such sum; such a length can only be inferred (the -1 of a reshape)
    seen : its value in each recording
    """

    def __init__(self, base: int, factors: dict[str, int] | None, seen: tuple[int, ...]):
        self.base, self.factors, self.seen = base, factors, seen

    @property
    def symbol(self) -> str:
        """The name of the free size that it is, or ""."""
        if self.base or self.factors is None or list(self.factors.values()) != [1]:
            return ""
        return next(iter(self.factors))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.seen == other.seen

    def __hash__(self) -> int:
        return hash(self.seen)


class Spread:
    """An array that is the same along some axes, whose lengths are free: `values` broadcast to `shape`."""

    def __init__(self, values: np.ndarray, shape: tuple):
        self.values, self.shape, self.dtype = values, shape, values.dtype


class Ramp:
    """Numbers that rise evenly along axes: `start` plus the sum of step * index over `steps`, a dict from axes."""

    def __init__(self, start: Any, steps: dict[int, Any], shape: tuple, dtype: np.dtype):
        self.start, self.steps, self.shape, self.dtype = start, steps, shape, dtype


class Band:
    """An array that changes at diagonals only: of its last two axes, all others being of length 1.

    values, diagonals : where column - row is at least `diagonals[k]`, it is `values[k + 1]`; before all, `values[0]`
    """

    def __init__(self, values: list, diagonals: list[int], shape: tuple, dtype: np.dtype):
        self.values, self.diagonals, self.shape, self.dtype = values, diagonals, shape, dtype


class MergedStep:
    """A step of all recordings: its inputs and parameters with symbols, the shapes and dtypes of its outputs."""

    def __init__(self, step: Step, inputs: list, parameters: dict[str, Any], shapes: list[tuple]):
        self.name, self.inputs, self.parameters = step.name, inputs, parameters
        self.outputs, self.place, self.scope, self.line = step.outputs, step.place, step.scope, step.line
        self.shapes = shapes


class Merged:
    """Several recordings of one model as one.

    Parameters
    ----------
    recordings : of the example; with another length for each symbol in turn; and with all of them at once
    symbols : dict from the name of each free size to its length in the first, in its own, and in the last recording
    """

    def __init__(self, recordings: Sequence[Recording], symbols: dict[str, tuple[int, int, int]]):
        self.recordings, self.symbols = recordings, symbols
        self.first = recordings[0]
        self.twins: list[dict[Value, Value]] = [{} for _ in recordings]  # of a Value of the first: that of each other
        for others in zip(*(r.inputs for r in recordings)):
            self._pair(others)
        for others in zip(*(r.leaves for r in recordings)):
            self._pair(others)
        self.where = ""
        self.outputs = [leaves_of(r.result) for r in recordings]
        needed = [r.needed(out) for r, out in zip(recordings, self.outputs)]
        names = [[step.name for step in steps] for steps in needed]
        if any(n != names[0] for n in names):
            self._unlike(needed)
        self.steps = [self._step(steps) for steps in zip(*needed)]
        if len({len(out) for out in self.outputs}) > 1:
            raise ExportError("the number of outputs depends on the size of the input")
        self.where = " of what the model returns"
        self.result = [self.merge(*parts) for parts in zip(*self.outputs)]

    def _pair(self, values: Sequence[Value]) -> None:
        for twins, value in zip(self.twins, values):
            twins[values[0]] = value

    def _unlike(self, needed: list[list[Step]]) -> NoReturn:
        for steps in zip(*needed):
            if len({step.name for step in steps}) > 1:
                at = steps[0]
                break
        else:
            at = max(needed, key=len)[min(map(len, needed))]
        raise ExportError(
            f"{at.name}{at.place}: the model computes something else for an input of another size or with other values"
            f" (free sizes: {', '.join(self.symbols) or 'none'}), which a file cannot; name the axes that are to be"
            " free by dynamic_axes=, or write it with operations on whole Tensors"
        )

    def _step(self, steps: Sequence[Step]) -> MergedStep:
        first = steps[0]
        self.where = f" of {first.name}{first.place}"
        if len({len(step.inputs) for step in steps}) > 1:
            self._unlike([[step] for step in steps])
        inputs = [self.merge(*parts) for parts in zip(*(step.inputs for step in steps))]
        parameters = {key: self.merge(*(step.parameters[key] for step in steps)) for key in first.parameters}
        for outputs in zip(*(step.outputs for step in steps)):
            self._pair(outputs)
        return MergedStep(first, inputs, parameters, [self.shape_of(value) for value in first.outputs])

    # ------------------------------------------------------------------ one thing of all recordings

    def shape_of(self, value: Value) -> tuple:
        """Return the shape of a Value, with Sizes."""
        shapes = [twins[value].shape for twins in self.twins]
        if any(len(shape) != len(shapes[0]) for shape in shapes):
            raise ExportError(f"the number of axes{self.where} depends on the size of the input")
        return tuple([self.merge(*lengths) for lengths in zip(*shapes)])

    def merge(self, *parts: Any) -> Any:
        """Return what stands for the same thing in all recordings."""
        first = parts[0]
        if isinstance(first, np.integer):
            parts = tuple(int(part) if isinstance(part, np.integer) else part for part in parts)
            first = parts[0]
        if type(first) is Value:
            if any(twins.get(first) is not part for twins, part in zip(self.twins, parts)):
                raise self.refusal("an argument")
            return first
        if any(type(part) is not type(first) for part in parts):
            raise self.refusal("an argument")
        if type(first) is int:
            return first if len({*parts}) == 1 else self._size(parts)
        if isinstance(first, (tuple, list, dict, slice)):
            return self._container(parts)
        if isinstance(first, np.ndarray):
            return self._array(parts)
        if all(part is first or part == first or (part != part and first != first) for part in parts):
            return first
        if isinstance(first, (float, np.floating)) and all(float(part).is_integer() for part in parts):
            size = self._size(tuple(int(part) for part in parts))
            if size.factors is not None:
                return size
        raise self.refusal("an argument")

    def _container(self, parts: Sequence[Any]) -> Any:
        first = parts[0]
        if isinstance(first, slice):
            return slice(*(self.merge(*(getattr(p, key) for p in parts)) for key in ("start", "stop", "step")))
        if len({len(part) for part in parts}) > 1:
            raise self.refusal("the number of arguments")
        if isinstance(first, dict):
            return {key: self.merge(*(part[key] for part in parts)) for key in first}
        merged = [self.merge(*each) for each in zip(*parts)]
        return type(first)(*merged) if hasattr(first, "_fields") else type(first)(merged)

    def _size(self, seen: tuple[int, ...]) -> Size:
        factors: dict[str, int] | None = {}
        base, total = seen[0], seen[0]
        for value, (symbol, (before, after, last)) in zip(seen[1:], self.symbols.items()):
            factor, rest = divmod(value - seen[0], after - before)
            if rest:
                return Size(0, None, seen)
            if factor:
                factors[symbol] = factor  # type: ignore[index]
            base -= factor * before
            total += factor * (last - before)
        if total != seen[-1]:
            factors = None
        return Size(base, factors, seen)

    def _array(self, arrays: Sequence[np.ndarray]) -> Any:
        first = arrays[0]
        if any(a.dtype != first.dtype or a.ndim != first.ndim for a in arrays):
            raise self.refusal("an array")
        if all(_same(a, first) for a in arrays):
            return first
        shape = tuple([self.merge(*lengths) for lengths in zip(*(a.shape for a in arrays))])
        free = [axis for axis, length in enumerate(shape) if isinstance(length, Size)]
        if free and all(a.size for a in arrays):
            return self._free_array(arrays, shape, free)
        if not free and first.ndim <= 1 and first.dtype.kind in "iu":  # a shape, an index
            return self.merge(*(a.tolist() for a in arrays))
        raise self.refusal("an array")

    def _free_array(self, arrays: Sequence[np.ndarray], shape: tuple, free: list[int]) -> Spread | Ramp | Band:
        first = arrays[0]
        short: list[Any] = [_first_along(a, free) for a in arrays]
        if all(s is not None and _same(s, short[0]) for s in short):
            return Spread(short[0], shape)
        start, steps = _slope(arrays[-1])
        if all(_rises(a, start, steps) for a in arrays):
            return Ramp(start, steps, shape, first.dtype)
        bands = [_band(a) for a in arrays]
        if bands[0] is not None and all(band == bands[0] for band in bands):
            return Band(*bands[0], shape, first.dtype)
        raise self.refusal(f"an array of shape {first.shape}")

    def refusal(self, what: str) -> ExportError:
        """Return the error for something that is not the same in all recordings."""
        return ExportError(
            f"{what}{self.where} is another one in each call, in a way that a file cannot hold: it is computed outside "
            "of the operations on Tensors from the values or the size of the input, or drawn at random (free sizes: "
            f"{', '.join(self.symbols) or 'none'}; dynamic_axes= says which axes are to be free)"
        )


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _first_along(array: np.ndarray, axes: list[int]) -> np.ndarray | None:
    """Return an array cut to the length 1 along axes where it does not change, or None if it does."""
    short = array[tuple([slice(0, 1) if k in axes else slice(None) for k in range(array.ndim)])]
    return short if _same(np.broadcast_to(short, array.shape), array) else None


def _slope(array: np.ndarray) -> tuple[Any, dict[int, Any]]:
    """Return the first element of an array of numbers, and how much it rises along each axis with each place."""
    if array.dtype.kind not in "fiu":
        return array.flat[0], {}
    start, steps = array.flat[0], {}
    for axis, length in enumerate(array.shape):
        rise = np.take(array, length - 1, axis).flat[0] - start
        if rise:
            steps[axis] = rise // (length - 1) if array.dtype.kind != "f" else rise / (length - 1)
    return start, steps


def _rises(array: np.ndarray, start: Any, steps: dict[int, Any]) -> bool:
    """Whether an array rises evenly from a start; floats to rounding."""
    rising = np.full(array.shape, start, array.dtype)
    for axis, step in steps.items():
        along = [-1 if k == axis else 1 for k in range(array.ndim)]
        rising = rising + (step * np.arange(array.shape[axis], dtype=array.dtype)).reshape(along)
    if array.dtype.kind != "f":
        return np.array_equal(array, rising)
    return bool(np.abs(array - rising).max() <= 4 * np.finfo(array.dtype).eps * np.abs(array).max())


def _band(array: np.ndarray) -> tuple[list, list[int]] | None:
    """Return the values and the diagonals of an array that changes at three diagonals at most."""
    if array.ndim < 2 or array.size != array.shape[-2] * array.shape[-1]:
        return None
    plane = array.reshape(array.shape[-2:])
    rows, columns = array.shape[-2], array.shape[-1]
    line = np.concatenate([plane[:, 0][::-1], plane[0, 1:]])  # from the lower left corner to the upper right one
    offsets = np.arange(columns) - np.arange(rows)[:, None]
    if not _same(line[offsets + rows - 1], plane):
        return None
    changes = [k for k in range(1, len(line)) if line[k] != line[k - 1]]
    if len(changes) > 3:
        return None
    return [line[k].item() for k in [0, *changes]], [k - rows + 1 for k in changes]


def leaves_of(result: Any) -> list:
    """Return the Values and arrays in a result, in order."""
    if isinstance(result, dict):
        return [leaf for part in result.values() for leaf in leaves_of(part)]
    if isinstance(result, (list, tuple)):
        return [leaf for part in result for leaf in leaves_of(part)]
    return [] if result is None else [result]
