"""The program of a traced call: what a back end gets, what every program is spared, and the Python function of a plan.

What a back end gets
--------------------
A `Program`, in which everything has a place:

values : the Values that are needed, in order. Each is computed from earlier ones and constants by
    `function(*args, **parameters)`; see `traced.Value`. What is special is told by `op`:

    input : `source.memory` is the array itself, always the same one, or None: then the value is read at each call, and
        the function has it as the local variable `v<index>`: an array, a NumPy scalar (shape (), not weak), or a Python
        number (weak). Arrays have the `shape`, `dtype` and `strides` that they had when they were traced: another plan
        is made for others
    guard : args are (value, expected): where bool(value) differs, the plan raises `GuardFailed`, before anything is
        written. A guard stands where the branch was taken: what comes after it may rely on it (an index that was found
        to be in range), so nothing may be moved before it that can fail or reads by index
    random : draws from a generator; all of them happen, in order
    opaque : a kernel or a rule as a whole, which only Python can call; of several results, "part" takes one out
    py_add ... : arithmetic of Python's numbers

    and by three flags: `weak` (a Python number, which does not decide dtypes beside arrays), `view` (the memory of the
    first argument), `checked` (the shape depends on the data: compare it, and raise GuardFailed if it is another).
    Constants are numbers, NumPy scalars and arrays, which keep their content.
outputs : the Values that leave the function; their memory must never be written again after the call
writes : pairs (array, Value): the new state of a memory, of its shape and dtype. All arrays are of `source.memory`, or
    views of it. They are written after the last guard.

What a back end returns
-----------------------
`build(program, code)` writes the lines of a Python function into `code` (`code.line(text)`; `code.name(thing)` gives
the name under which a thing is known there) and returns the expression of each output, in their order. Inputs are read
before its lines, and what the call counts, leaves in Tensors and returns comes after them (`Capture.begin`, `end`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Container, Iterable
from typing import Any

import numpy as np

from .traced import Source, Tape, Value, mapped, of_values

__all__ = ["Code", "GuardFailed", "Program", "base_of", "empty_like", "reached"]


class GuardFailed(Exception):
    """A branch would now go the other way than in the traced call; nothing has been written."""


class Program:
    """What a traced call computes, from its inputs to its outputs and to the new state of memory.

    Parameters
    ----------
    tape : Tape
    outputs : Values that leave the function
    writes : pairs (array, Value), the new state of memory
    """

    def __init__(self, tape: Tape, outputs: Iterable[Value], writes: Iterable[tuple[np.ndarray, Value]]):
        self.outputs, self.writes = list(outputs), list(writes)
        self.replaced: dict[Value, Value] = {}  # Values of the tape that have become others
        self.values = self._needed(_simplified(self, tape.values))
        self.outputs = [self.now(v) for v in self.outputs]
        self.writes = [(array, self.now(v)) for array, v in self.writes]

    def now(self, value: Any) -> Any:
        """Return what a Value of the tape is here; constants are what they are."""
        return self.replaced.get(value, value) if type(value) is Value else value

    def _needed(self, values: list[Value]) -> list[Value]:
        """Return the Values that an output, a write or a guard needs, numbered anew."""
        leaving = [self.now(v) for v in self.outputs] + [self.now(v) for _, v in self.writes]
        needed = reached([*leaving, *[v for v in values if v.op in ("guard", "random")]])
        kept = [v for v in values if v in needed]
        for index, value in enumerate(kept):
            value.index = index
        return kept


def reached(values: Iterable[Value], known: Container[Value] = ()) -> set[Value]:
    """Return Values and all that they are computed from; what is known needs nothing."""
    found: set[Value] = set()
    pending = [*values]
    while pending:
        value = pending.pop()
        if value not in found:
            found.add(value)
            pending += [] if value in known else value.uses()
    return found


def base_of(value: Value) -> Value:
    """Return the Value whose memory a view shows."""
    while value.view:
        value = next(v for v in value.uses() if v.shape is not None)
    return value


def empty_like(value: Value) -> np.ndarray:
    """Return an array whose axes lie as those of a traced result, without gaps."""
    order = sorted(range(len(value.shape)), key=lambda axis: -abs(value.strides[axis]))
    return np.empty([value.shape[axis] for axis in order], value.dtype).transpose(np.argsort(order))


# ---------------------------------------------------------------------- what a program is spared


def _simplified(program: Program, values: list[Value]) -> list[Value]:
    """Return the Values with equal ones merged and trivial ones left out; the program notes which became others."""
    replaced = program.replaced
    known: dict[Any, Value] = {}
    order: list[Value] = []
    for value in values:
        value.args, value.parameters = mapped(program.now, (value.args, value.parameters))
        if isinstance(value.function, np.ufunc) and value.function.signature is None:
            _numbers_for_arrays(value)
            same = _unchanged(value)
            if same is not None:
                replaced[value] = same
                continue
        if value.op not in ("input", "random", "opaque"):
            key = _key(value)
            if key in known:
                replaced[value] = known[key]
                continue
            known[key] = value
        order += _factored(value, replaced) or [value]
    return order


def _key(value: Value) -> Any:
    """Return what is equal for Values that are computed alike."""

    def part(x: Any) -> Any:
        if type(x) is Value or isinstance(x, np.ndarray):
            return id(x)
        return type(x), repr(x)

    arguments = repr((mapped(part, value.args), mapped(part, value.parameters)))
    return value.op, id(value.function), arguments, value.dtype, value.shape


def _numbers_for_arrays(value: Value) -> None:
    """Let a constant array that is one number throughout be that number, where the shape is given by the others."""
    args = tuple([x.reshape(-1)[0] if isinstance(x, np.ndarray) and _is_one_number(x) else x for x in value.args])
    if np.broadcast_shapes(*[x.shape if type(x) is Value else np.shape(x) for x in args]) == value.shape:
        value.args = args


def _is_one_number(x: np.ndarray) -> bool:
    elements = np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8)
    return x.ndim > 0 and x.size > 0 and bool((elements == elements[0]).all())


def _unchanged(value: Value) -> Value | None:
    """Return x for x * 1 and x / 1."""
    if value.op not in ("multiply", "divide") or value.parameters:
        return None
    for x, one in (value.args, value.args[::-1]):
        number = type(one) is not Value and np.ndim(one) == 0 and one == 1
        same = number and type(x) is Value and not x.weak and (x.shape, x.dtype) == (value.shape, value.dtype)
        if same and (value.op == "multiply" or one is value.args[1]):
            return x
    return None


def _factored(value: Value, replaced: dict[Value, Value]) -> list[Value]:
    """Return [a, b] * s for [a * s, b * s], joined gradients that were clipped; each a * s is then a part of the whole.

    For anything else, return nothing.
    """
    if value.op != "concatenate" or len(value.args) != 1 or value.parameters:
        return []
    products = [_product_in(part) for part in value.args[0]]
    if not all(products) or len({product.args[1] for product in products if product}) > 1:
        return []
    found: list[Value] = []

    def add(function: Callable, x: Value, how: Any, shape: tuple) -> Value:
        view = Value(function.__name__, function, (x, how), {}, np.empty(shape, value.dtype))
        view.view = True
        found.append(view)
        return view

    factors = [product.args for product in products if product]
    parts = [add(np.reshape, x, -1, (_size(x),)) for x, _ in factors]
    joined = Value("concatenate", np.concatenate, (parts,), {}, np.empty(value.shape, value.dtype))
    value.op, value.function, value.args = "multiply", np.multiply, (joined, factors[0][1])
    found += [joined, value]
    start = 0
    for product in products:
        assert product is not None
        end = start + _size(product)
        part = add(operator.getitem, value, slice(start, end), (end - start,))
        replaced[product] = add(np.reshape, part, product.shape, product.shape)
        start = end
    return found


def _product_in(part: Any) -> Value | None:
    """Return x * s, with a number s, of which `part` has the elements along one axis."""
    if type(part) is not Value or part.op != "reshape" or not part.view or part.args[0].op != "multiply":
        return None
    product = part.args[0]
    x, factor = product.args
    alike = type(x) is Value and (x.shape, x.dtype, x.strides) == (product.shape, product.dtype, product.strides)
    return product if alike and type(factor) is Value and factor.shape == () else None


def _size(value: Value) -> int:
    return int(np.prod(value.shape))


# ---------------------------------------------------------------------- the function of a plan


class Code:
    """A Python function as it is written: its lines, the things that they name, and the C that it calls."""

    def __init__(self, **things: Any) -> None:
        self.lines: list[str] = []
        self.c: list[str] = []
        self.things = things
        self._names: dict[int, str] = {}

    def name(self, thing: Any) -> str:
        """Return the name under which a thing is known in the function, always the same one."""
        known = self._names.get(id(thing))
        if known is None:
            known = self._names[id(thing)] = f"k{len(self.things)}"
            self.things[known] = thing
        return known

    def line(self, text: str) -> None:
        """Write one line."""
        self.lines.append(text)

    def constant(self, x: Any) -> str:
        """Return the expression of an argument that holds no Values."""
        plain = x is None or x is ... or type(x) in (bool, int, str) or (type(x) is float and x - x == 0)
        return repr(x) if plain else self.name(x)

    def expression(self, x: Any, of_value: Callable[[Value], str]) -> str:
        """Return the expression of an argument, with `of_value` for the Values in it."""
        if type(x) is Value:
            return of_value(x)
        if type(x) is Source:
            return x.written(self)
        if type(x) in (tuple, list) and x:
            parts = "".join(self.expression(part, of_value) + ", " for part in x)
            return f"[{parts}]" if type(x) is list else f"({parts})"
        if not of_values(x):
            return self.constant(x)
        if type(x) is slice:
            return f"slice({', '.join(self.expression(part, of_value) for part in (x.start, x.stop, x.step))})"
        return "{" + ", ".join(f"{key!r}: {self.expression(part, of_value)}" for key, part in x.items()) + "}"

    def call(self, value: Value, of_value: Callable[[Value], str]) -> str:
        """Return the call that computes a Value."""
        args = [self.expression(x, of_value) for x in value.args]
        args += [f"{key}={self.expression(x, of_value)}" for key, x in value.parameters.items()]
        return f"{self.name(value.function)}({', '.join(args)})"

    def function(self, name: str, signature: str) -> Callable:
        """Return the function."""
        source = f"def {name}({signature}):\n    " + "\n    ".join(self.lines or ["pass"])
        namespace = dict(self.things)
        exec(compile(source, f"<{name}>", "exec"), namespace)
        return namespace.pop(name)  # it would hold itself
