"""The plan that is always there: the program as straight-line NumPy, in which every array is made once.

It computes what the traced call computed, function by function, so it is equal to it bit for bit.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable
from typing import Any

import numpy as np

from ..tape.program import Code, GuardFailed, Program, base_of, empty_like
from ..tape.traced import OPERATORS, Value, mapped

__all__ = ["build"]

SYMBOLS = {getattr(operator, name): symbol for name, (_, symbol) in OPERATORS.items()}
OUT = ("concatenate", "take", "dot", "stack")  # functions beside ufuncs that can write into memory that is there


def build(program: Program, code: Code) -> list[str]:
    """Write a program as NumPy, and return the expressions of its outputs."""
    before = len(code.lines)
    outputs = _Builder(program, code).build()
    written = [f"    {text}" for text in code.lines[before:]]
    code.lines[before:] = [f"with {code.name(np.errstate)}(all='ignore'):", *written]
    return outputs


class _Builder:
    """One plan as it is written.

    memory : the array of each Value whose memory is known now: of state, of constant views, and what is made once
    last : where the memory of each Value is used for the last time
    free : arrays that nobody needs any more, by shape, dtype and strides
    """

    def __init__(self, program: Program, code: Code):
        self.program, self.code = program, code
        self.memory: dict[Value, np.ndarray] = {}
        self.free: dict[Any, list[np.ndarray]] = {}
        self.last: dict[Value, int] = {}
        for k, value in enumerate(program.values):
            for used in value.uses():
                self.last[base_of(used)] = k
        for value in (*program.outputs, *[v for _, v in program.writes]):
            self.last[base_of(value)] = len(program.values)
        self.leaving = {base_of(v) for v in program.outputs}

    def of(self, value: Value) -> str:
        """Return the expression of a Value that was computed."""
        return self.code.name(self.memory[value]) if value in self.memory else f"v{value.index}"

    def build(self) -> list[str]:
        """Write all lines, as in the backward pass without warnings."""
        self.code.line("pass")
        for k, value in enumerate(self.program.values):
            self.write(k, value)
        leaving = dict.fromkeys((*self.program.outputs, *[value for _, value in self.program.writes]))
        own = {value: f"own{value.index}" for value in leaving if value.shape and base_of(value).op == "input"}
        for value, name in own.items():  # what it is now: the input may be written to
            self.code.line(f"{name} = {self.of(value)}.copy('K')")
        for array, value in self.program.writes:
            self.code.line(f"{self.code.name(np.copyto)}({self.code.name(array)}, {own.get(value) or self.of(value)})")
        return [own.get(value) or self.of(value) for value in self.program.outputs]

    def write(self, k: int, value: Value) -> None:
        """Write the line of one Value."""
        code, op = self.code, value.op
        if op == "input":
            if value.source.memory is not None:
                self.memory[value] = value.source.memory
        elif op == "guard":
            wrong = "not " if value.args[1] else ""
            code.line(f"if {wrong}{self.of(value.args[0])}: raise {code.name(GuardFailed)}")
        elif value.view and base_of(value) in self.memory and len(value.uses()) == 1:
            args, parameters = mapped(
                lambda x: self.memory[x] if type(x) is Value else x, (value.args, value.parameters)
            )
            self.memory[value] = value.function(*args, **parameters)
        elif isinstance(value.function, Hashable) and value.function in SYMBOLS:
            x, y = (code.expression(part, self.of) for part in value.args)
            code.line(f"v{value.index} = {x} {SYMBOLS[value.function]} {y}")
        elif self.has_memory(value):
            self.write_into(k, value)
        else:
            code.line(f"v{value.index} = {code.call(value, self.of)}")
            if value.checked:
                code.line(f"if v{value.index}.shape != {value.shape}: raise {code.name(GuardFailed)}")

    def has_memory(self, value: Value) -> bool:
        """Whether a result is written into memory that is made once."""
        if not value.shape or value in self.leaving or value.checked:
            return False
        ufunc = isinstance(value.function, np.ufunc) and value.function.nout == 1
        return ufunc or value.op.endswith(".reduce") or value.op in OUT

    def write_into(self, k: int, value: Value) -> None:
        """Write a result into memory: that of an argument that is used here for the last time, or other."""
        code = self.code
        elementwise = isinstance(value.function, np.ufunc) and value.function.signature is None
        dying = [x for x in dict.fromkeys(value.uses()) if self.last[base_of(x)] == k and self.owned(x)]
        same = [x for x in dying if elementwise and layout(x) == layout(value) and base_of(x) is x]
        if same:
            self.memory[value] = self.memory[same[0]]
            dying.remove(same[0])
        else:
            kept = self.free.get(layout(value))
            self.memory[value] = kept.pop() if kept else empty_like(value)
        for x in dict.fromkeys(map(base_of, dying)):
            if x is not (same[0] if same else None):
                self.free.setdefault(layout(x), []).append(self.memory[x])
        call = code.call(value, self.of)[:-1]
        code.line(f"{call}, out={self.of(value)})")

    def owned(self, value: Value) -> bool:
        """Whether the memory of a Value was made for results."""
        base = base_of(value)
        return base in self.memory and base.op != "input"


def layout(value: Value) -> Any:
    """Return what two arrays have in common of which one can take the place of the other."""
    return value.shape, value.dtype, value.strides
