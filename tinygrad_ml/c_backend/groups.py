"""Groups: elementwise operations over one shape, and sums of their results, in one nest of loops.

What has a formula in C is computed in the loops. Ufuncs that are called (exp, tanh ...) split a group into levels: each
level is a nest of loops, and then the calls. All levels go over one block of elements after the other, so that what
goes from level to level stays in the processor's cache.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tape.traced import Value
from .text import c_type, converted, formula, loops, merged, place

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["Group", "write_group"]

BLOCK = 256  # elements that go through all levels at a time, while memory brings the next ones
LARGE = 10_000_000  # elements times operations, about a millisecond, from which on several threads share them


class Group:
    """Operations that are computed together, in order; `position` is where among the others, `flat` in one loop."""

    def __init__(self, position: float, shape: tuple[int, ...], flat: bool):
        self.position, self.shape, self.flat = position, shape, flat
        self.nodes: list[Value] = []


def write_group(plan: Plan, group: Group) -> list[str]:
    """Return the C of a group."""
    return _Writer(plan, group).lines()


class _Writer:
    """A group as it is written.

    levels : of each operation, how many calls must be over before it can be computed
    lengths, steps : the loops, and of each array the steps in bytes in each of them
    blocks : whether there are blocks; `chunk` is the loop that goes block by block, and `inner` elements are in the
        loops inside of it
    direct : whether there is one loop only, so that calls can read and write arrays where they are
    """

    def __init__(self, plan: Plan, group: Group):
        self.plan, self.group = plan, group
        self.nodes = [x for x in group.nodes if plan.kinds[x] == "elementwise"]
        self.sums = [x for x in group.nodes if plan.kinds[x] == "sum"]
        self.called = [x for x in self.nodes if plan.is_called(x)]
        self.levels: dict[Value, int] = {}
        for x in group.nodes:
            inside = [u for u in plan.terms(x) if type(u) is Value and u in self.nodes]
            self.levels[x] = max([self.levels[u] + (u in self.called) for u in inside], default=0)
        self.stored = [x for x in self.nodes if x in plan.stored]
        read = [x for v in group.nodes for x in plan.arrays(v) if type(x) is not Value or x not in self.nodes]
        arrays = list({id(x): x for x in (*self.stored, *read)}.values())
        strides = [np.broadcast_to(plan.frame(x), group.shape).strides for x in arrays]
        self.lengths, steps = merged(group.shape, [*strides, np.empty(group.shape, np.int8).strides])
        self.steps = {id(x): [step[k] for step in steps] for k, x in enumerate(arrays)}
        self.direct = len(self.lengths) == 1
        self.blocks = bool(self.called) or (bool(self.sums) and math.prod(group.shape) > BLOCK)
        self.chunk = 0
        while math.prod(self.lengths[self.chunk + 1 :]) > BLOCK:
            self.chunk += 1
        self.inner = math.prod(self.lengths[self.chunk + 1 :])
        self.head: list[str] = []  # pointers and numbers, before the loops
        self.names: dict[Any, str] = {}
        self.temporaries: dict[Any, str] = {}  # declarations of blocks, by what they hold

    def lines(self) -> list[str]:
        """Return the whole."""
        body: list[str] = []
        for level in range(max(self.levels.values()) + 1 if self.levels else 1):
            body += self.level(level)
            for x in self.nodes:
                if x in self.called and self.levels[x] == level:
                    body.append(self.call(x))
        if any(x in self.called and not self.direct for x in self.stored):
            body += self.level(max(self.levels.values()) + 1)
        parallel = self.parallel()
        if self.blocks:
            step = max(1, BLOCK // self.inner)
            length = self.lengths[self.chunk]
            block = [*self.temporaries.values(), f"npy_intp m = {length} - b < {step} ? {length} - b : {step};", *body]
            loop = [f"for (npy_intp b = 0; b < {length}; b += {step}) {{", *block, "}"]
            body = loops([f"i{k}" for k in range(self.chunk)], self.lengths, loop)
        elif parallel and len(self.lengths) == 1:
            body = body[1:]  # its own pragma has it all
        if parallel:
            simd = "" if self.blocks or len(self.lengths) > 1 else " simd"
            body.insert(0, f"#pragma omp parallel for{simd} {self.plan.team()}{reduction('s', self.sums)}")
        before = [f"{c_type(x.dtype)} v{x.index};" for x in self.sums]
        sums = [f"{c_type(total_dtype(x))} s{x.index} = 0;" for x in self.sums]
        after = [f"v{x.index} = s{x.index};" for x in self.sums]
        return [*before, "{", *self.head, *sums, *body, *after, "}"]

    def parallel(self) -> bool:
        """Whether it pays to share the outermost loop among threads."""
        outer = self.lengths[0] if not (self.blocks and self.chunk == 0) else -(-self.lengths[0] * self.inner // BLOCK)
        return self.plan.threads > 1 and math.prod(self.group.shape) * len(self.group.nodes) > LARGE and outer > 7

    # ------------------------------------------------------------------ the loops of one level

    def level(self, level: int) -> list[str]:
        """Return the loops over what is computed after `level` calls."""
        sums = [x for x in self.sums if self.levels[x] == level]
        body = self.statements(level)
        for x in sums:
            text = " * ".join(self.reference(u, x.dtype, level) for u in self.plan.terms(x))
            body.append(f"q{x.index} += {text};")
        if not body:
            return []
        first = self.chunk if self.blocks else 0
        names = [f"i{k}" for k in range(first, len(self.lengths))]
        lengths = ["m", *self.lengths[first + 1 :]] if self.blocks else self.lengths
        nest = loops(names, lengths, body, f"#pragma omp simd{reduction('q', sums)}")
        before = [f"{c_type(x.dtype)} q{x.index} = 0;" for x in sums]
        return [*before, *nest, *(f"s{x.index} += q{x.index};" for x in sums)]

    def statements(self, level: int) -> list[str]:
        """Return what the loops of a level compute for each element, but for sums."""
        body = []
        for x in self.stored:
            if x in self.called and self.levels[x] == level - 1 and not self.direct:
                body.append(f"{self.element(x)} = {self.block(x)};")
        for x in self.nodes:
            if self.levels[x] == level and x not in self.called:
                body.append(f"const {c_type(x.dtype)} r{x.index} = {self.expression(x, level)};")
                if x in self.stored:
                    body.append(f"{self.element(x)} = r{x.index};")
                if self.is_read_later(x) and not (x in self.stored and self.direct):
                    body.append(f"{self.block(x)} = r{x.index};")
        for x in [x for x in self.called if self.levels[x] == level]:
            for k, dtype in enumerate(self.plan.types[x][:-1]):  # type: ignore[index]
                if self.argument(x, k)[0] is None:
                    body.append(f"{self.block((x, k), dtype)} = {self.reference(x.args[k], dtype, level)};")
        return body

    def is_read_later(self, x: Value) -> bool:
        """Whether a call or another level reads a result."""
        readers = [v for v in self.group.nodes if any(u is x for u in self.plan.terms(v))]
        return any(self.levels[v] != self.levels[x] or v in self.called for v in readers)

    def expression(self, x: Value, level: int) -> str:
        """Return C for one operation on one element."""
        types = self.plan.types[x]
        text = formula(x.op, types[0])  # type: ignore[index]
        arguments = [self.reference(u, dtype, level) for u, dtype in zip(x.args, types[:-1])]  # type: ignore[index]
        return text.format(*arguments)  # type: ignore[union-attr]

    def reference(self, x: Any, dtype: np.dtype | None, level: int) -> str:
        """Return C for one element of an argument, in a dtype."""
        if self.plan.is_number(x):
            return self.number(x, dtype)
        if type(x) is Value and x in self.nodes:
            same = self.levels[x] == level and x not in self.called
            text = f"r{x.index}" if same else self.element(x) if x in self.stored and self.direct else self.block(x)
        else:
            text = self.element(x)
        return text if dtype is None or x.dtype == dtype else f"({converted(text, dtype)})"

    def number(self, x: Any, dtype: np.dtype | None, named: bool = False) -> str:
        """Return a number that is the same for all elements; if need be as a variable, which has an address."""
        text = self.plan.scalar(x, dtype)
        if type(x) is not Value and not named:
            return text
        kind = c_type(np.asarray(x).dtype if dtype is None and type(x) is not Value else dtype or x.dtype)
        if (kind, text) not in self.names:
            self.names[kind, text] = f"c{len(self.names)}"
            self.head.append(f"const {kind} {self.names[kind, text]} = {text};")
        return self.names[kind, text]

    def pointer(self, x: Any) -> str:
        """Return the name of the address where an array begins."""
        where, kind = self.plan.address(x), c_type(x.dtype)
        if (where, kind) not in self.names:
            self.names[where, kind] = f"a{len(self.names)}"
            self.head.append(f"{kind} *restrict {self.names[where, kind]} = ({kind} *)({where});")
        return self.names[where, kind]

    def indices(self) -> list[str]:
        names = [f"i{k}" for k in range(len(self.lengths))]
        if self.blocks:
            names[self.chunk] = f"(b + i{self.chunk})"
        return names

    def element(self, x: Any) -> str:
        """Return C for the current element of an array."""
        return f"{self.pointer(x)}[{place(self.indices(), self.steps[id(x)], x.dtype.itemsize)}]"

    # ------------------------------------------------------------------ blocks and calls

    def block(self, key: Any, dtype: np.dtype | None = None) -> str:
        """Return C for the current element of the block of a result, or of a converted argument."""
        sizes = [math.prod(self.lengths[k + 1 :]) for k in range(self.chunk, len(self.lengths))]
        names = [f"i{k}" for k in range(self.chunk, len(self.lengths))]
        return f"{self.start(key, dtype)}[{place(names, sizes, 1)}]"

    def start(self, key: Any, dtype: np.dtype | None = None) -> str:
        name = f"t{key.index}" if type(key) is Value else f"t{key[0].index}_{key[1]}"
        if key not in self.temporaries:
            size = min(max(1, BLOCK // self.inner), self.lengths[self.chunk]) * self.inner
            self.temporaries[key] = f"{c_type(key.dtype if dtype is None else dtype)} {name}[{size}];"
        return name

    def argument(self, x: Value, k: int) -> tuple[str | None, int]:
        """Return address and step of an argument of a call; None if it must be converted or laid out first."""
        u, dtype = x.args[k], self.plan.types[x][k]  # type: ignore[index]
        if self.plan.is_number(u):
            return f"&{self.number(u, dtype, named=True)}", 0
        return self.location(u) if u.dtype == dtype else (None, 0)

    def location(self, u: Any) -> tuple[str | None, int]:
        """Return where a call reads or writes an array from the current block on, and the step."""
        if type(u) is Value and u in self.nodes and not (u in self.stored and self.direct):
            return self.start(u), u.dtype.itemsize
        step = self.steps[id(u)][0]
        return (f"{self.pointer(u)} + b * {step // u.dtype.itemsize}", step) if self.direct else (None, 0)

    def call(self, x: Value) -> str:
        """Return the call of NumPy's inner loop for one block."""
        types: Any = self.plan.types[x]
        arguments: list[Any] = []
        for k in range(len(x.args)):
            where, step = self.argument(x, k)
            arguments.append((where, step) if where is not None else (self.start((x, k), types[k]), types[k].itemsize))
        arguments.append(self.location(x))
        return self.plan.loop_call(x.function, types, arguments, f"m * {self.inner}")


def reduction(name: str, sums: list[Value]) -> str:
    """Return the clause of a loop that adds to variables."""
    return f" reduction(+ : {', '.join(f'{name}{x.index}' for x in sums)})" if sums else ""


def total_dtype(x: Value) -> np.dtype:
    """Return the dtype in which the sums of blocks are added up."""
    return np.dtype(np.float64) if x.dtype.name == "float32" else x.dtype
