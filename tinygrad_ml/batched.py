"""Batched: many arrays of one shape that are computed with as if they were one.

It has the shape of each of them, and a hidden first axis. NumPy's functions see it through NumPy's protocols, and so do
the kernels and the rules of operations, which know nothing of it: they see an array of the shape that they expect. What
has no batched form is computed once for each element, with the same result. Nothing becomes an array of numbers
unnoticed: whatever would need them raises `Unbatchable`, and then somebody further up goes through the elements.

One may lie in another (a vmap in a vmap): then the hidden axis of the innermost vmap is the outer one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .arrays import StandIn
from .sparse import SparseRows


class Level:
    """One vmap that runs: the length of its hidden axis, and when it began.

    number : when it began, on the clock of the Nodes: later ones have larger numbers
    size : how many elements its batch has
    active : whether it still runs
    """

    __slots__ = ("active", "number", "size")

    def __init__(self, number: int, size: int):
        self.number, self.size, self.active = number, size, False

    def __enter__(self) -> Level:
        self.active = True
        return self

    def __exit__(self, *error: Any) -> None:
        self.active = False


class Unbatchable(Exception):
    """Something needs the elements of a batch one by one: the vmap of `level` computes them so."""

    def __init__(self, level: Level, what: str):
        super().__init__(
            f"{what} needs a single value, but inside of vmap a Tensor stands for {level.size}, which cannot be taken "
            "apart once the vmap has ended: return it from the function"
        )
        self.level = level


class Batched(StandIn):
    """Arrays of one shape that seem to be one; `whole` has all of them, along its first axis."""

    __slots__ = ("level", "whole")
    __array_priority__ = 2000
    __hash__ = object.__hash__
    base = None

    def __init__(self, whole: Any, level: Level):
        self.whole, self.level = whole, level

    shape: tuple[int, ...] = property(lambda self: self.whole.shape[1:])  # type: ignore[assignment]
    ndim: int = property(lambda self: self.whole.ndim - 1)  # type: ignore[assignment]
    size: int = property(lambda self: math.prod(self.whole.shape[1:]))  # type: ignore[assignment]
    dtype: np.dtype = property(lambda self: self.whole.dtype)  # type: ignore[assignment]
    real: Batched = property(lambda self: Batched(self.whole.real, self.level))  # type: ignore[assignment]
    imag: Batched = property(lambda self: Batched(self.whole.imag, self.level))  # type: ignore[assignment]
    mT: Batched = property(lambda self: np.swapaxes(self, -1, -2))  # type: ignore[assignment]
    T: Batched = property(lambda self: np.transpose(self))  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.level.size} arrays of shape {self.shape}>"

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **parameters: Any) -> Any:
        if any(_value(x) is not x for x in inputs):  # a Tensor, which records what is computed
            return NotImplemented
        level = innermost(inputs)
        if parameters.get("out") is not None or method == "at" or "where" in parameters:
            self._refuse(f"np.{ufunc.__name__} into an array")
        if method == "reduce" and parameters.keys() <= {"axis", "keepdims"}:
            return reduction(ufunc.reduce)(level, inputs[0], **({"axis": 0} | parameters))
        if method == "__call__" and ufunc is np.matmul and not parameters:
            return Batched(matmul(level, *inputs), level)
        if method != "__call__" or ufunc.signature is not None:
            return each(getattr(ufunc, method), inputs, parameters)
        out = ufunc(*aligned(level, inputs), **parameters)
        return tuple([Batched(part, level) for part in out]) if type(out) is tuple else Batched(out, level)

    def __array_function__(self, function: Callable, types: Any, args: tuple, parameters: dict) -> Any:
        if function in OF_SHAPE:
            return OF_SHAPE[function](*args, **parameters)
        if any(hasattr(kind, "requires_grad") for kind in types):
            return NotImplemented
        level = innermost((args, parameters))
        if function in FUNCTIONS:
            try:
                return FUNCTIONS[function](level, *args, **parameters)
            except (TypeError, ValueError):  # an argument that it does not know, or one that is wrong for each
                pass
        if parameters.get("out") is not None:
            self._refuse(f"np.{function.__name__} into an array")
        out = each(function, args, parameters)
        if out is None:
            self._refuse(f"np.{function.__name__}")
        return out

    def __getitem__(self, index: Any) -> Any:
        return picked(self, index)

    def over_whole(self, function: Callable, index: Any) -> Batched:
        """Apply a function of (array, index) to the whole, whose index leaves the hidden axis as it is."""
        parts = index if isinstance(index, tuple) else (index,)
        arrays = [part for part in parts if isinstance(part, (np.ndarray, list))]
        simple = all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts)
        alone = len(arrays) == 1 and all(isinstance(part, slice) or part is arrays[0] for part in parts)
        if not (simple or alone):  # several arrays may move the hidden axis
            self._refuse("this index")
        return Batched(function(self.whole, (slice(None), *parts)), self.level)

    def reshape(self, *shape: Any) -> Any:
        """Return the same elements in another shape."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Return the elements with their axes in another order."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) or None)

    def astype(self, dtype: Any, **parameters: Any) -> Batched:
        """Return the elements in another dtype."""
        return Batched(self.whole.astype(dtype, **parameters), self.level)

    def copy(self) -> Batched:
        """Return the same elements in memory of their own."""
        return Batched(self.whole.copy(), self.level)

    def conj(self) -> Batched:
        """Return the complex conjugates."""
        return Batched(self.whole.conj(), self.level)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return lambda *args, **parameters: getattr(np, name)(self, *args, **parameters)
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse(f".{name}")

    def _refuse(self, what: str) -> NoReturn:
        raise Unbatchable(self.level, what)

    def __array__(self, *args: Any, **parameters: Any) -> Any:
        self._refuse("an array of numbers")

    def __bool__(self) -> bool:
        self._refuse("a truth value")

    def __float__(self) -> float:
        self._refuse("float()")

    def __int__(self) -> int:
        self._refuse("int()")

    def __complex__(self) -> complex:
        self._refuse("complex()")

    def __index__(self) -> int:
        self._refuse("an index")

    def __setitem__(self, index: Any, value: Any) -> None:
        self._refuse("writing to a part of an array")

    def __neg__(self) -> Any:
        return np.negative(self)

    def __invert__(self) -> Any:
        return np.invert(self)

    def __abs__(self) -> Any:
        return np.absolute(self)

    def _in_place(self, assign: Callable, other: Any) -> Batched:
        if self.level is not innermost((self, other)):
            self._refuse("writing into an array")
        _, value = aligned(self.level, (self, other), self.ndim)
        if assign(self.whole, value) is not self.whole:
            self._refuse("writing into an array")
        return self


OPERATORS = {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "floordiv": np.floor_divide},
    **{"mod": np.remainder, "pow": np.power, "matmul": np.matmul},
    **{"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor},
}
COMPARISONS = {
    **{"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal},
    **{"eq": np.equal, "ne": np.not_equal},
}
for _name, _ufunc in (OPERATORS | COMPARISONS).items():
    setattr(Batched, f"__{_name}__", lambda self, other, ufunc=_ufunc: ufunc(self, other))
for _name, _ufunc in OPERATORS.items():
    setattr(Batched, f"__r{_name}__", lambda self, other, ufunc=_ufunc: ufunc(other, self))
for _name in ("add", "sub", "mul", "truediv"):
    _assign: Callable = getattr(operator, f"i{_name}")
    setattr(Batched, f"__i{_name}__", lambda self, other, assign=_assign: self._in_place(assign, other))


# ---------------------------------------------------------------------- one element after the other


def each(function: Callable, args: Any, parameters: dict[str, Any]) -> Any:
    """Return what a function of arrays gives for each element of the innermost batch, put together again."""
    level = innermost((args, parameters))
    numbers = range(level.size) if level.size else (None,)
    elements = [(element_of(args, level, i), element_of(parameters, level, i)) for i in numbers]
    return _joined([called(function, *element) for element in elements], level)


def called(function: Callable, args: Any, parameters: dict[str, Any]) -> Any:
    """Call a function of arrays; if it cannot compute with batches, for each element of them."""
    try:
        return function(*args, **parameters)
    except Exception:
        if not holds_batch((args, parameters)):
            raise
    return each(function, args, parameters)


def all_elements(x: Any) -> Any:
    """Return the one array that holds all elements of a batch, for what asks something about all."""
    while type(x) is Batched:
        x = x.whole
    return x


def every(condition: Any) -> bool:
    """Whether a condition holds for all elements, also for all of a batch."""
    return bool(np.all(all_elements(_value(condition))))


def some(condition: Any) -> bool:
    """Whether a condition holds for an element, also for one of a batch."""
    return bool(np.any(all_elements(_value(condition))))


def _value(x: Any) -> Any:
    """Return the value of a Tensor, and anything else as it is."""
    return x if type(x) is Batched else getattr(x, "_data", x)


def holds_batch(values: Any) -> bool:
    """Whether there is a batch among values, also inside of tuples, lists and dicts."""
    return _find(values) is not None


def innermost(values: Any) -> Level:
    """Return the level of the innermost batch among values that hold one."""
    level = _find(values)
    assert level is not None
    return level


def _find(values: Any) -> Level | None:
    """Return the level of the innermost batch among values."""
    found: Level | None = None
    pending = [values]
    while pending:
        value = pending.pop()
        data = _value(value)
        if type(data) is Batched:
            if found is None or data.level.number > found.number:
                found = data.level
        elif isinstance(value, (tuple, list)):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
        elif hasattr(type(value), "mapped"):  # residuals
            value.mapped(pending.append)
    return found


def element_of(value: Any, level: Level, i: int | None) -> Any:
    """Return element `i` of what belongs to a level, anything else as it is; of an empty batch (None), zeros."""
    if type(value) is Batched:
        if value.level is not level:
            return value
        return np.zeros(value.shape, value.dtype)[()] if i is None else value.whole[i]
    if type(value) in (tuple, list):
        return type(value)([element_of(part, level, i) for part in value])
    if hasattr(type(value), "mapped"):
        return value.mapped(lambda part: element_of(part, level, i))
    if isinstance(value, dict):
        made: Any = {key: element_of(part, level, i) for key, part in value.items()}
        if type(value) is not dict:  # the gradients of several outputs have their shapes beside them
            of_several: Any = type(value)
            made = of_several(made, value.shape, value.dtype)  # type: ignore[attr-defined]
        return made
    return value


def _joined(results: Sequence, level: Level) -> Any:
    """Return the results for all elements as one."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        if any(len(result) != len(first) for result in results):
            raise Unbatchable(level, "an operation whose results differ in number")
        return type(first)([_joined(parts, level) for parts in zip(*results)])
    if isinstance(first, (np.ndarray, np.generic, Batched, SparseRows)):
        arrays = [result.numpy() if type(result) is SparseRows else result for result in results]
        if any(array.shape != first.shape for array in arrays):
            raise Unbatchable(level, "an operation whose results differ in shape")
        return Batched(np.stack(arrays)[: level.size], level)
    if all(result is first or result == first for result in results):
        return first
    raise Unbatchable(level, f"a result of type {type(first).__name__}")


# ---------------------------------------------------------------------- indexing


def picked(x: Any, index: Any) -> Any:
    """Return x[index], where x, the index or both are of a batch."""
    try:
        if type(x) is Batched and not holds_batch(index):
            with suppress(Unbatchable):
                return x.over_whole(lambda whole, index: whole[index], index)
        level = innermost((x, index))
        flat = flat_places(index, np.shape(x), level)
        if not is_of(x, level):
            return Batched(np.take(np.reshape(x, -1), flat), level)
        rows = np.arange(level.size).reshape((-1,) + (1,) * (flat.ndim - 1))
        return Batched(x.whole.reshape(level.size, x.size)[rows, flat], level)
    except (Unbatchable, IndexError):
        return each(lambda x, i: x[i], (x, index), {})


def flat_places(index: Any, shape: tuple[int, ...], level: Level) -> np.ndarray:
    """Return where the elements that an index picks out of an array of that shape are, for each element of a batch.

    Of an index that differs from element to element all parts are integers, or all but one, the others being slices.
    """
    positions = np.arange(math.prod(shape)).reshape(shape)
    if not holds_batch(index):
        where = positions[index]
        return np.broadcast_to(where, (level.size, *np.shape(where)))
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in [part if part is Ellipsis else None for part in parts]:
        i = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts[i : i + 1] = [slice(None)] * (len(shape) - len(parts) + 1)
    advanced = [i for i, part in enumerate(parts) if not isinstance(part, slice)]
    kinds = {part.dtype.kind for part in parts if isinstance(part, (np.ndarray, Batched))}
    alone = len(advanced) == 1
    if kinds - {"i", "u"} or not (alone or len(advanced) == len(parts)) or any(parts[i] is None for i in advanced):
        raise Unbatchable(level, "this index")
    wholes = iter(aligned(level, [parts[i] for i in advanced]))
    where = positions[tuple([next(wholes) if i in advanced else part for i, part in enumerate(parts)])]
    return np.moveaxis(where, advanced[0], 0) if alone else where


def folded(function: Callable, level: Level, *stacks: Any) -> Batched:
    """Apply a function of stacks (n, ...) to batches of them: to one stack of the elements of all."""
    wholes = [spread(x, level) for x in stacks]
    n = wholes[0].shape[1]
    out = function(*[np.reshape(x, (level.size * x.shape[1], *x.shape[2:])) for x in wholes])
    return Batched(np.reshape(out, (level.size, n, *out.shape[1:])), level)


# ---------------------------------------------------------------------- how NumPy's functions see the hidden axis


def kernel_for_each(kernel: Callable, values: Sequence, parameters: dict[str, Any], elementwise: bool) -> Any:
    """Return what a kernel that failed gives for each element; one that goes element by element gets all at once."""
    if elementwise and not any(map(np.ndim, parameters.values())):
        level = innermost(values)
        with suppress(Exception):
            out = kernel(*aligned(level, values), **parameters)
            return tuple([Batched(part, level) for part in out]) if type(out) is tuple else Batched(out, level)
    return each(kernel, values, parameters)


def ndim_of(x: Any) -> int:
    """Return the number of axes."""
    return x.ndim if isinstance(x, (Batched, np.ndarray)) else np.ndim(x)


def is_of(x: Any, level: Level) -> bool:
    """Whether x is a batch of that level."""
    return type(x) is Batched and x.level is level


def aligned(level: Level, inputs: Sequence, ndim: int | None = None) -> list:
    """Return the inputs with the hidden axis as their first, so that they broadcast."""
    if ndim is None:
        ndim = max([ndim_of(x) for x in inputs])
    return [raised(x, ndim) if is_of(x, level) else x for x in inputs]


def raised(x: Batched, ndim: int) -> Any:
    """Return the whole with axes of length 1 after the hidden one."""
    missing = ndim - x.ndim
    return x.whole.reshape((x.level.size, *(1,) * missing, *x.shape)) if missing > 0 else x.whole


def spread(x: Any, level: Level) -> Any:
    """Return the whole of a batch; what is the same for all elements, once for each."""
    return x.whole if is_of(x, level) else np.broadcast_to(x, (level.size, *np.shape(x)))


def shifted(axis: Any, ndim: int) -> Any:
    """Return where an axis, or each of several, is in the whole."""
    if isinstance(axis, (tuple, list)):
        return tuple([shifted(a, ndim) for a in axis])
    return normalize_axis_index(axis, ndim) + 1


def reduction(function: Callable) -> Callable:
    """Return a function that takes many elements to few, over `axis`, for batches."""

    def reduced(level: Level, x: Batched, axis: Any = None, **parameters: Any) -> Batched:
        if parameters.keys() - {"keepdims", "ddof", "initial"}:
            raise TypeError
        every = tuple(range(x.ndim)) if axis is None or not x.ndim else axis if isinstance(axis, tuple) else (axis,)
        return Batched(function(x.whole, axis=shifted(every, x.ndim), **parameters), level)

    return reduced


def matmul(level: Level, x: Any, y: Any) -> Any:
    """Return the whole of x @ y."""
    m, n = ndim_of(x), ndim_of(y)
    if not m or not n:
        raise ValueError("matmul: a number has no axis to sum over")
    if not is_of(y, level) and n <= 2:  # rows times one matrix: a single product
        rows = x.whole
        if n == 1 or rows.ndim == 2:
            return rows @ y
        return (rows.reshape(-1, rows.shape[-1]) @ y).reshape((*rows.shape[:-1], y.shape[1]))
    if not is_of(x, level) and m == 2:  # one matrix times columns: as well
        if n == 1:
            return y.whole @ np.swapaxes(x, 0, 1)
        if n == 2 and y.shape[1] == 1:
            return (y.whole.reshape(y.whole.shape[:2]) @ np.swapaxes(x, 0, 1)).reshape(level.size, x.shape[0], 1)
    x = np.expand_dims(x, 0) if m == 1 else x
    y = np.expand_dims(y, 1) if n == 1 else y
    out = np.matmul(*aligned(level, (x, y)))
    if m == 1:
        out = np.squeeze(out, -2)
    return np.squeeze(out, -1) if n == 1 else out


# What NumPy's functions do with batches; `batching.py` fills the second table with what is in `batched_functions.py`.
OF_SHAPE: dict[Callable, Callable] = {  # what is the same for all elements
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x, axis=None: x.size if axis is None else x.shape[axis],
    np.result_type: lambda *xs: np.result_type(*[x.dtype if type(x) is Batched else x for x in xs]),
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
    np.zeros_like: lambda x, dtype=None: np.zeros(x.shape, dtype or x.dtype),
    np.ones_like: lambda x, dtype=None: np.ones(x.shape, dtype or x.dtype),
    np.empty_like: lambda x, dtype=None: np.empty(x.shape, dtype or x.dtype),
    np.can_cast: lambda x, to, casting="safe": np.can_cast(x.dtype, to, casting),
}
FUNCTIONS: dict[Callable, Callable] = {}
METHODS = {
    *("sum", "mean", "max", "min", "prod", "any", "all", "var", "std", "cumsum", "cumprod", "argmax", "argmin"),
    *("ravel", "squeeze", "swapaxes", "take", "argsort", "diagonal", "round", "clip", "dot", "repeat", "trace"),
}
