"""A program for people: as NumPy that one can read, and as a drawing."""

from __future__ import annotations

import inspect
import operator
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..graph.graph import Graph
from ..graph.nodes import GraphNode, Input
from ..tape.program import reached
from ..tape.traced import OPERATORS, Source, Value, of_values
from .capture import Capture

__all__ = ["Reader", "indented", "names_of"]

SYMBOLS = {"dot": "@"}
for _name, (_ufunc, _symbol) in OPERATORS.items():
    SYMBOLS[f"py_{_name.strip('_')}"] = SYMBOLS[_ufunc.__name__] = _symbol
REDUCED = {
    **{"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"},
    **{"logical_and": "all", "logical_or": "any"},
}
METHODS = ("astype", "reshape", "swapaxes", "view", "squeeze", "take", "transpose", "conjugate", "argmax")
OTHERS = {"reduce": "axis", "reshape": "shape", "getitem": "index", "astype": "dtype", "take": "axis"}
FALL_BACK = ": return as_it_is()"
LONGEST = 100  # characters of a line whose values are written where they are used


def indented(lines: list[str]) -> str:
    """Return a C program with its lines set in by the braces around them."""
    depth, out = 0, []
    for line in lines:
        out.append("    " * (0 if line.startswith("#") else depth - line.startswith("}")) + line)
        depth += line.count("{") - line.count("}")
    return "\n".join(out)


def names_of(value: Value) -> str:
    """Return the name of the kernel or rule of an opaque call."""
    function = getattr(value.function, "function", value.function)
    return f"{function.__module__.partition('.')[2]}.{function.__qualname__}".replace("<lambda>", "a rule")


class Reader:
    """A program as text and as a drawing: the names and expressions of its Values."""

    def __init__(self, capture: Capture, name: str):
        self.capture, self.program, self.title = capture, capture.program, name
        self.taken: Counter[str] = Counter()
        self.names: dict[Value, str] = {}
        self.shown: dict[Value, str] = {}  # those that stand where they are used
        known = {capture.program.now(leaf.first): leaf.title for leaf in capture.leaves}
        called = [leaf.argument for leaf in capture.leaves if leaf.argument]
        self.arguments = self._arguments(called)
        for value in self.program.values:
            if value in known:
                self.names[value] = self._free(self.arguments.get(known[value], known[value]))
            elif value.op == "input":
                self.names[value] = self._free(self.arguments.get(value.source.title, value.source.title))
        every = [v for value in self.program.values for v in value.uses()]
        self.uses = Counter([*every, *self.program.outputs, *[v for _, v in self.program.writes]])

    def _arguments(self, called: list[str]) -> dict[str, str]:
        """Return the names of the arguments of the function."""
        titles = [v.source.title for v in self.program.values if v.op == "input"] + called
        try:
            names = list(inspect.signature(self.capture.function).parameters)
        except (TypeError, ValueError):
            names = []
        found = {}
        for title in titles:
            match = re.match(r"args\[(\d+)\](.*)", title)
            if match:
                k = int(match[1])
                found[title] = (names[k] if k < len(names) else f"x{k}") + match[2]
        return found

    def _free(self, wanted: str) -> str:
        """Return a name that no other Value has."""
        name = re.sub(r"\W+", "_", wanted).strip("_") or "value"
        name = name if not name[0].isdigit() else f"p{name}"
        self.taken[name] += 1
        return name if self.taken[name] == 1 else f"{name}_{self.taken[name]}"

    # ------------------------------------------------------------------ as text

    def source(self) -> str:
        """Return a function of NumPy, in which values that are used once stand where they are used."""
        given = dict.fromkeys(re.split(r"\W", name)[0] for name in self.arguments.values())
        lines = [f"def {self.title}({', '.join(given)}):"]
        lines += [f"    {self._place(value)}" for value in self.names if value.op != "input"]
        number = 0
        for value in self.program.values:
            if value in self.names:
                continue
            if value.op == "guard":
                lines.append(f"    if {self._test(value)}{FALL_BACK}")
            elif self._stands_inside(value):
                self.shown[value] = self.expression(value)
            else:
                number += 1
                self.names[value] = f"v{number}"
                lines.append(f"    {self.names[value]} = {self.expression(value)}")
        for array, value in self.program.writes:
            lines.append(f"    {self._memory(array)}[...] = {self.of(value)}")
        for text, things in (*self.capture.last, self.capture.returned):
            text = re.sub(r"\b(from_owned|without_history)\((\{\d+\})\)", r"\2", text)
            text = text.replace("._data", ".data").replace("._grad", ".grad")
            lines.append("    " + text.format(*map(self.of, things)))
        return "\n".join(lines)

    def guards(self) -> list[str]:
        """Return the tests that must come out as in the traced call."""
        ends = [line for line in self.source().splitlines() if line.endswith(FALL_BACK)]
        return [line.strip().removesuffix(FALL_BACK) for line in ends]

    def _test(self, guard: Value) -> str:
        """Return the test under which the function runs as it is: a number that is not finite, in the usual case."""
        value, expected = guard.args
        if value.op == "equal" and value.args[1] == 0 and type(value.args[0]) is Value:
            x = value.args[0]
            if x.op == "subtract" and x.args[0] is x.args[1] and expected:
                return f"not np.isfinite({self.of(x.args[0])})"
        return f"not {_inner(self.of(value))}" if expected else self.of(value)

    def constant(self, x: Any) -> str:
        """Return a constant as people write it."""
        if isinstance(x, np.ndarray):
            whole = repr(x.tolist())
            return f"np.array({whole})" if len(whole) < 40 else f"array_of_{'x'.join(map(str, x.shape)) or 1}"
        if isinstance(x, np.generic):
            return repr(x.item())
        if isinstance(x, np.dtype):
            return f"np.{x.name}"
        if isinstance(x, type):
            return x.__name__
        return repr(x) if x is not ... else "..."

    def of(self, x: Any) -> str:
        """Return the expression of an argument."""
        if type(x) is Value:
            return self.shown.get(x) or self.names.get(x) or f"v{x.index}"
        if type(x) is Source:
            return self._leaf(x)
        if type(x) is slice:
            parts = ["" if part is None else self.of(part) for part in (x.start, x.stop, x.step)]
            return ":".join(parts if parts[2] else parts[:2])
        if type(x) in (tuple, list):
            text = ", ".join(map(self.of, x))
            return f"[{text}]" if type(x) is list else f"({text}{',' * (len(x) == 1)})"
        return self.constant(x)

    def expression(self, value: Value) -> str:
        """Return how a Value is computed, as NumPy."""
        op, args = value.op, [self.of(x) for x in value.args]
        more = [f"{key}={self.of(x)}" for key, x in value.parameters.items()]
        if op in SYMBOLS and len(args) == 2:
            return f"{_inner(args[0])} {SYMBOLS[op]} {_inner(args[1])}"
        if op in ("negative", "py_neg"):
            return f"-{_inner(args[0])}"
        if op == "getitem" or (op == "part" and value.function is operator.getitem):
            index = args[1][1:-1] if type(value.args[1]) is tuple and len(value.args[1]) > 1 else args[1]
            return f"{_inner(args[0])}[{index}]"
        if op == "setitem":
            return f"put({', '.join(args)})"
        if op.endswith(".reduce"):
            method = REDUCED.get(op.partition(".")[0])
            axis = value.args[1][0] if type(value.args[1]) is tuple and len(value.args[1]) == 1 else value.args[1]
            how = [f"axis={axis}"] * (axis is not None) + more
            return f"{_inner(args[0])}.{method}({', '.join(how)})" if method else f"np.{op}({', '.join(args + more)})"
        if op == "transpose" and value.args[1] is None:
            return f"{_inner(args[0])}.T"
        if op in METHODS:
            return f"{_inner(args[0])}.{op}({', '.join(args[1:] + more)})"
        name = getattr(value.function, "__name__", op)
        if op == "random":
            name, args = value.args[0].rpartition(".")[2], args[1:]
        if op in ("opaque", "part", "random") or op.startswith("py_"):
            return f"{name.strip('_<>')}({', '.join(args + more)})"
        return f"np.{op}({', '.join(args + more)})"

    def _stands_inside(self, value: Value) -> bool:
        """Whether a Value is written where it is used: once, and it is a view or a number."""
        small = value.view or value.shape == () or value.weak
        once = self.uses[value] == 1 and value.op not in ("random", "opaque")
        return once and small and len(self.expression(value)) < LONGEST

    def _place(self, value: Value) -> str:
        """Return the line that says where a parameter lies."""
        part = value.args[0]
        where = self.of(part.args[1])
        return f"{self.names[value]} = {self.of(part.args[0])}[{where}].reshape{self.of(value.shape)}"

    def _memory(self, array: np.ndarray) -> str:
        for value, name in self.names.items():
            if value.op == "input" and value.source.memory is array:
                return name
        for value in self.program.values:
            if value.op == "input" and value.source.memory is not None and value.source.memory is array.base:
                start = (array.ctypes.data - array.base.ctypes.data) // array.itemsize
                return f"{self.names[value]}[{start}:{start + array.size}]"
        return "memory"

    def _leaf(self, place: Source) -> str:
        """Return the name of a leaf."""
        known = [self.names.get(self.program.now(leaf.first)) for leaf in self.capture.leaves if leaf.place == place]
        return (known and known[0]) or re.sub(r"\W+", "_", place.title).strip("_")

    # ------------------------------------------------------------------ as a drawing

    def graph(self) -> Graph:
        """Return the graph of what is computed, without the tests whether a branch is the one that was traced."""
        graph = Graph(self.title)
        number: dict[Value, int] = {}
        needed = reached([*self.program.outputs, *[v for _, v in self.program.writes]], self.names)

        def add(value: Value, kind: str, inputs: list[Input], **about: Any) -> int:
            shape, dtype = value.shape or (), value.dtype
            size = int(np.prod(shape)) * dtype.itemsize if dtype is not None else 0
            node = GraphNode(len(graph.nodes), kind, shape=shape, dtype=str(dtype or ""), bytes=size, **about)
            node.inputs = inputs
            graph.nodes.append(node)
            return node.number

        for value in self.program.values:
            if value not in needed:
                continue
            if value in self.names:
                memory = value.op == "input" and value.source.memory is not None
                kind = "input" if value.op == "input" and not memory else "buffer" if memory else "parameter"
                number[value] = add(value, kind, [], name=self.names[value])
            else:
                inputs, settings = self._edges(value, number)
                op = REDUCED.get(value.op.removesuffix(".reduce"), value.op) if ".reduce" in value.op else value.op
                op = names_of(value).rpartition(".")[2].strip("_") if op == "opaque" else op.removeprefix("py_")
                number[value] = add(value, "operation", inputs, operation=op, parameters=settings)
        for array, value in self.program.writes:
            name = f"new {self._memory(array)}"
            graph.outputs.append(add(value, "operation", [Input("value", number[value])], operation="write", name=name))
        graph.outputs += [number[value] for value in dict.fromkeys(self.program.outputs)]
        for name, value in self._assigned():
            graph.nodes[number[value]].name = name
        return graph

    def _assigned(self) -> Iterator[tuple[str, Value]]:
        """Yield what becomes of results that are left in Tensors: "w.grad", or "new w"."""
        for text, things in self.capture.last:
            places, _, values = text.partition(" = ") if " = " in text else text.partition("._replace")
            new = [things[int(k)] for k in re.findall(r"\{(\d+)\}", values)]
            for place, value in zip(re.findall(r"\{(\d+)\}(\.\w+)?", places), new):
                name = self._leaf(things[int(place[0])])
                if type(value) is Value and value not in self.names:
                    yield name + ".grad" if place[1] in ("._grad", ".grad") else f"new {name}", value

    def _edges(self, value: Value, number: dict[Value, int]) -> tuple[list[Input], dict[str, str]]:
        """Return the inputs of an operation, numbers among them, and its other arguments."""
        inputs, settings = [], {key: self.of(x) for key, x in value.parameters.items() if not of_values(x)}
        for k, x in enumerate(value.args):
            if value.op == "random" and k == 0:
                continue
            if of_values(x):
                inputs += [Input(f"{k}", number[v]) for v in of_values(x)]
            elif isinstance(x, (bool, int, float, np.generic)) and value.op in SYMBOLS:
                inputs.append(Input(f"{k}", None, constant=self.of(x)))
            elif x is not None and not isinstance(x, np.ndarray):
                settings[OTHERS.get(value.op.rpartition(".")[2], f"{k}")] = self.of(x)
        return inputs, settings


def _inner(text: str) -> str:
    """Return an expression as it stands inside of another."""
    simple = re.fullmatch(r"[\w.]+(\[[^\]]*\]|\([^()]*\)|\.T)*|np\.\w+\(.*\)|\([^()]*\)", text)
    return text if simple or re.fullmatch(r"-?[\d.e]+", text) else f"({text})"
