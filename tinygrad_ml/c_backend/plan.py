"""A program as C: fused loops of our own, NumPy's inner loops for the rest, and Python where there is no other way.

Elementwise operations over one shape go into one nest of loops (a `Group`), and sums of their results ride along. Other
operations are pieces of C of their own (`pieces`), or calls of Python: the C before and after these is two functions
("segments"). A segment gets the table of all addresses, and returns 1 where a branch would go the other way.
"""

from __future__ import annotations

import ctypes
import math
import os
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..native.build import library, threads
from ..tape.program import Code, GuardFailed, Program, empty_like
from ..tape.traced import Value, mapped
from . import pieces
from .groups import Group, write_group
from .loops import inner_loop, ufunc_of
from .memory import Fresh, address_of, aligned, laid_out, part_of
from .text import PRELUDE, c_type, converted, formula, has_type, literal

__all__ = ["Plan", "build"]

NEAR = 20  # how many groups back an operation looks for one to join
LONGEST = 60  # operations in a group


def build(program: Program, code: Code, exact: bool = False) -> list[str]:
    """Write a program as calls of C functions, and return the expressions of its outputs.

    If it must be `exact`, Python calls NumPy for everything that C may round in another way.

    Raises
    ------
    CannotCompile
        If there is no C compiler that works; nothing is written then.
    """
    return Plan(program, code, exact).build()


class Plan:
    """One plan as it is written.

    kinds : how each Value is computed: "elementwise", "sum", "number", "view", "python", "input", or a piece's name
    frames : for each array an array of its shape, dtype and strides, in which views of it are views
    numbers : where each number lies, in units of eight bytes
    homes : of a result that is computed within other memory: the Value that has the memory, and where, in bytes
    memory : of Values whose address never changes
    stored : what leaves, or is read outside of its group
    table : all addresses; `slots` are the places in it of arrays, loops and the like
    position : when a Value is computed
    """

    def __init__(self, program: Program, code: Code, exact: bool = False):
        self.program, self.code, self.exact, self.threads = program, code, exact, threads()
        self.kinds: dict[Value, str] = {}
        self.frames: dict[Value, np.ndarray] = {}
        self.types: dict[Value, tuple[np.dtype, ...] | None] = {}
        self.numbers: dict[Value, int] = {}
        self.homes: dict[Value | None, tuple[Value, int]] = {}
        self.memory: dict[Value, np.ndarray] = {}
        self.constants: dict[int, np.ndarray] = {}
        self.shared = np.empty(0, np.uint8)  # scratch memory of pieces
        self.table: list[int | None] = []
        self.slots: dict[Any, int] = {}
        self.position: dict[Value, float] = {}
        self.group_of: dict[Value, Group] = {}
        self.openings: list[str] = []  # of the current segment: the addresses that it uses
        self.local: set[Value] = set()  # numbers that are variables of the current segment
        self.pieces: list[str] = []  # functions that segments call

    def build(self) -> list[str]:
        """Write the C, compile it, and write the Python that calls it."""
        for value in self.program.values:
            self.sort(value)
        items = self.schedule()
        group, leaving = self.group_of.get, (*self.program.outputs, *(v for _, v in self.program.writes))
        read = {x for v in self.program.values for x in v.uses() if group(x) is not group(v)}
        self.stored = read.union(map(self.root, leaving))
        self.share_places()
        self.allocate(items)
        self.store = np.zeros(max(len(self.numbers), 1))
        self.slot("numbers", address_of(self.store))
        self.slot("threads", int(self.threads > 1))
        calls, segments = self.write_c(items)
        self.code.c = [line for lines in segments for line in lines]
        loaded = library(PRELUDE + "".join(self.pieces) + "\n".join(self.code.c) + "\n")
        functions = [loaded[f"segment{k}"] for k in range(len(segments))]
        for function in functions:
            function.argtypes, function.restype = (ctypes.c_void_p,), ctypes.c_int
        return self.write_python(calls, functions)

    # ------------------------------------------------------------------ what the Values are

    def root(self, value: Value) -> Value:
        """Return the Value whose memory a view shows."""
        while self.kinds[value] == "view":
            value = value.args[0]
        return value

    def owner(self, value: Value) -> Value:
        """Return the Value that has the memory in which another one lies."""
        value = self.root(value)
        while value in self.homes:
            value = self.root(self.homes[value][0])
        return value

    def offset(self, value: Value) -> int:
        """Return where a Value begins in the memory of its owner, in bytes."""
        root = self.root(value)
        own = address_of(self.frames[value]) - address_of(self.frames[root])
        return own + self.homes[root][1] + self.offset(self.homes[root][0]) if root in self.homes else own

    def frame(self, x: Any) -> np.ndarray:
        """Return an array of the shape and strides of a Value or of a constant."""
        return self.frames[x] if type(x) is Value else np.asarray(x)

    def is_number(self, x: Any) -> bool:
        """Whether an argument is one number wherever it is used: of shape (), or spread from that."""
        return self.root(x) in self.numbers if type(x) is Value else np.ndim(x) == 0

    def terms(self, value: Value) -> Sequence[Any]:
        """Return the arguments of an operation of a group; for a sum it is the same in which shape they are."""
        if self.kinds[value] != "sum":
            return value.args
        terms = value.args[: 1 if value.op == "add.reduce" else 2]
        roots = [self.root(x) if self.fills(x, self.root(x)) else x for x in terms]
        alike = all(x.shape == roots[0].shape and self.frames[x].flags.c_contiguous for x in roots)
        return roots if alike else terms

    def arrays(self, value: Value) -> list[Any]:
        """Return the arguments of an operation that are more than one number."""
        return [x for x in self.terms(value) if isinstance(x, (Value, np.ndarray)) and not self.is_number(x)]

    def over(self, value: Value) -> Any:
        """Return what an operation of a group goes over: itself, or what it sums."""
        return self.terms(value)[0] if self.kinds[value] == "sum" else value

    def sort(self, value: Value) -> None:
        """Say how a Value is computed, and how it lies in memory."""
        kind = self.kinds[value] = self.kind(value)
        if value.shape is None or kind == "view":
            return
        if kind == "input" and value.source.memory is not None:
            self.frames[value] = self.memory[value] = value.source.memory
            return
        if value.shape == () and has_type(value.dtype):
            self.numbers[value] = len(self.numbers)
        self.frames[value] = np.empty(value.shape, value.dtype) if kind == "kernel" else empty_like(value)

    def kind(self, value: Value) -> str:
        """Return how a Value is computed."""
        if value.op in ("input", "guard"):
            return value.op
        uses = value.uses()
        if value.shape is None or value.checked or any(x.shape is None for x in uses):
            return "python"
        arrays: list[Any] = [value, *uses, *_constants(value.args)]
        if any(not has_type(x.dtype) or 0 in x.shape for x in arrays):
            return "python"
        if self.is_view(value, uses):
            return "view"
        self.types[value] = self.loop_types(value)
        if self.types[value]:
            return "elementwise" if value.shape else "number"
        if value.shape == () and pieces.is_number(value):
            return "number"
        kind = pieces.kind(self, value)
        return kind if kind and (pieces.is_exact(self, value, kind) or not self.exact) else "python"

    def is_view(self, value: Value, uses: list[Value]) -> bool:
        """Whether a Value is a part of its argument in another shape; if so, its frame is made."""
        if not (value.view or value.op in ("reshape", "ravel")) or len(uses) != 1 or value.args[0] is not uses[0]:
            return False
        frame = value.function(self.frames[uses[0]], *value.args[1:], **value.parameters)
        if not isinstance(frame, np.ndarray) or not np.may_share_memory(frame, self.frames[uses[0]]):
            return False
        self.frames[value] = frame
        return True

    def loop_types(self, value: Value) -> tuple[np.dtype, ...] | None:
        """Return the dtypes that an operation computes in and gives, or None where it is neither written nor called."""
        if value.op in ("where", "astype", "copy"):
            given = (np.dtype(bool), value.dtype, value.dtype) if value.op == "where" else (value.dtype,)
            return None if value.parameters else (*given, value.dtype)
        ufunc = ufunc_of(value)
        if ufunc is None or ufunc.signature is not None or ufunc.nout != 1 or value.parameters:
            return None
        try:
            found = ufunc.resolve_dtypes((*map(_kind_of_argument, value.args), None))
        except TypeError:
            return None
        known = all(map(has_type, found)) and found[-1] == value.dtype
        return found if known and (formula(value.op, found[0]) or inner_loop(ufunc, *found)) else None

    def is_called(self, value: Value) -> bool:
        """Whether NumPy's inner loop computes an operation, as it has no formula in C."""
        found: Any = self.types[value]
        return formula(value.op, found[0]) is None or (len({*found[:-1]}) > 1 and value.op != "where")

    # ------------------------------------------------------------------ the order

    def schedule(self) -> list[Any]:
        """Return Values and Groups in the order in which they are computed.

        Numbers and guards come as soon as they can; everything that can fail stays behind the guards before it.
        """
        items: list[tuple[float, Any]] = []
        groups: list[Group] = []
        for count, value in enumerate(self.program.values):
            kind = self.kinds[value]
            ready = max([self.position[x] for x in value.uses()], default=-1.0)
            self.position[value] = ready if kind in ("input", "view", "number", "guard") else count
            if kind in ("elementwise", "sum"):
                group = next((g for g in reversed(groups[-NEAR:]) if self.fits(g, value)), None)
                if group is None:
                    group = Group(count, self.over(value).shape, True)
                    groups.append(group)
                    items.append((count, group))
                group.nodes.append(value)
                group.flat &= self.is_flat(value)
                self.group_of[value] = group
                self.position[value] = group.position
            elif kind not in ("input", "view"):
                items.append((self.position[value], value))
        return [item for _, item in sorted(items, key=lambda item: item[0])]

    def fits(self, group: Group, value: Value) -> bool:
        """Whether an operation can be computed in the loops of a group, and should."""
        if group.shape != self.over(value).shape or len(group.nodes) >= LONGEST:
            return False
        uses = [x for x in self.terms(value) if type(x) is Value]
        inside = [x for x in uses if self.group_of.get(x) is group and self.kinds[x] == "elementwise"]
        if any(self.position[x] >= group.position for x in uses if x not in inside):
            return False
        known = {self.root(x) for v in group.nodes for x in self.terms(v) if type(x) is Value and x not in group.nodes}
        alike = any(self.root(x) in known for x in uses if not self.is_number(x))
        flat = group.flat and self.is_flat(value)
        return bool(inside) or (alike and flat if self.kinds[value] == "sum" else alike or flat)

    def is_flat(self, value: Value) -> bool:
        """Whether one loop goes through all arrays of an operation."""
        over = self.over(value)
        frames = [self.frame(x) for x in (over, *self.arrays(value))]
        return all(x.shape == over.shape and x.flags.c_contiguous for x in frames)

    # ------------------------------------------------------------------ memory

    def share_places(self) -> None:
        """Let what is joined be computed in its place, and new state in that of the old."""
        for value in self.program.values:
            if self.kinds[value] == "concatenate":
                start = 0
                for part in value.args[0]:
                    root = self.root(part) if type(part) is Value else None
                    if root is not None and root is not value and root not in self.homes and self.fills(part, root):
                        self.homes[root] = value, start
                    start += math.prod(part.shape) * part.dtype.itemsize
        last = max([self.position[v] for v in self.program.values if pieces.can_fail(self, v)], default=-1)
        leaving = {self.owner(v) for v in self.program.outputs}
        inputs = {id(array): v for v, array in self.memory.items()}
        for array, value in self.program.writes:
            old, group = inputs.get(id(array)), self.group_of.get(value)
            if old is None or group is None or not group.flat or group.position <= last or value in self.homes:
                continue
            if self.owner(value) not in leaving and self.is_last(old, value, group):
                self.homes[value] = old, 0

    def fills(self, part: Value, root: Value) -> bool:
        """Whether a part is all of what was computed, and lies without gaps."""
        whole = math.prod(part.shape) == math.prod(root.shape) and self.frames[part].flags.c_contiguous
        return whole and self.is_made(root)

    def is_made(self, value: Value) -> bool:
        """Whether the memory of a Value is ours to choose."""
        return bool(value.shape) and self.kinds[value] not in ("input", "python", "view")

    def is_last(self, old: Value, new: Value, group: Group) -> bool:
        """Whether nobody reads the old state once a group has written it: the group itself only where it writes.

        An array that is found anew at each call may be a part of the state, as parameters are.
        """
        for value in self.program.values:
            if self.kinds[value] == "view" or self.position[value] < group.position:
                continue
            for x in value.uses():
                root = self.root(x)
                found_anew = self.kinds[root] == "input" and root not in self.numbers and root not in self.memory
                if (root is old or found_anew) and (self.position[value] > group.position or x is not old):
                    return False
        others = [*self.program.outputs, *(v for _, v in self.program.writes if v is not new)]
        return all(self.owner(v) is not old for v in others)

    def allocate(self, items: list[Any]) -> None:
        """Give memory to what is stored: that of Values that nobody needs any more, or new."""
        self.leaving = [v for v in dict.fromkeys(map(self.owner, self.program.outputs)) if self.is_made(v)]
        held = {self.owner(v) for v in (*self.program.outputs, *(v for _, v in self.program.writes))}
        ends: dict[Value, int] = {}
        for k, item in enumerate(items):
            for value in _nodes(item):
                for x in (value, *value.uses()):
                    if x.shape is not None:
                        ends[self.owner(x)] = k
                        if self.kinds[value] == "python":
                            held.add(self.owner(x))  # its result may be a view of it
        over: dict[int, list[Value]] = {}  # what nobody needs any more after an item
        for owner, k in ends.items():
            over.setdefault(k, []).append(owner)
        free: dict[int, list[np.ndarray]] = {}
        for k, item in enumerate(items):
            for value in _nodes(item):
                if self.is_made(value) and (value not in self.group_of or value in self.stored):
                    owner = self.owner(value)
                    if owner not in self.memory and owner not in self.leaving:
                        size = self.frames[owner].nbytes
                        self.memory[owner] = free[size].pop() if free.get(size) else aligned(size)
            for value in over.get(k, ()):
                if value in self.memory and value not in held and value.op != "input":
                    free.setdefault(self.frames[value].nbytes, []).append(self.memory[value])

    # ------------------------------------------------------------------ addresses and numbers in C

    def slot(self, key: Any, content: int | None = None) -> int:
        """Return the place in the table of what a key stands for."""
        if key not in self.slots:
            self.slots[key] = len(self.table)
            self.table.append(content)
        return self.slots[key]

    def address(self, x: Any) -> str:
        """Return C for the address where an array begins."""
        if type(x) is not Value:
            array = self.constants.setdefault(id(x), x)
            return self.opened(self.slot(("constant", id(x)), address_of(array)))
        if self.root(x) in self.numbers:
            return f"n + {8 * self.numbers[self.root(x)]}"
        owner, offset = self.owner(x), self.offset(x)
        static = owner in self.memory
        slot = self.slot(owner, address_of(self.memory[owner]) if static else None)
        where = self.opened(slot, None if static or owner in self.leaving else owner.dtype)
        return f"{where} + {offset}" if offset else where

    def opened(self, slot: int, found_anew: np.dtype | None = None) -> str:
        """Return the variable of a segment that holds an address; of arrays found anew, the table has the objects."""
        line = f"char *m{slot} = p[{slot}];"
        if found_anew is not None:  # compilers rely on numbers lying at multiples of their size
            line = f"char *m{slot} = DATA(p[{slot}]); if ((size_t)m{slot} % {found_anew.itemsize}) return 1;"
        if line not in self.openings:
            self.openings.append(line)
        return f"m{slot}"

    def scalar(self, x: Any, dtype: np.dtype | None = None) -> str:
        """Return C for a number, in a dtype."""
        if type(x) is not Value:
            number = np.asarray(x)
            return literal(number[()], number.dtype if dtype is None else dtype)
        root = self.root(x)
        text = f"v{root.index}" if root in self.local else f"*({c_type(x.dtype)} *)({self.address(x)})"
        return text if dtype is None or dtype == x.dtype else f"({converted(text, dtype)})"

    def include(self, text: str) -> None:
        """Let the program have a function."""
        if text not in self.pieces:
            self.pieces.append(text)

    def scratch(self, size: int) -> str:
        """Return C for the address of memory that one piece after the other uses."""
        slot = self.slot("scratch")
        if size > self.shared.size:
            self.shared = aligned(size)
            self.table[slot] = address_of(self.shared)
        return self.opened(slot)

    def loop(self, ufunc: Any, types: Sequence[np.dtype]) -> int:
        """Return the place in the table of an inner loop, with its data behind it."""
        found: Any = inner_loop(ufunc, *types)
        slot = self.slot(("loop", ufunc, *types), found.function)
        self.slot(("data", ufunc, *types), found.data)
        return slot

    def loop_call(self, ufunc: Any, types: Any, arguments: Iterable[tuple[str, int]], count: str) -> str:
        """Return the call of an inner loop: of addresses and steps."""
        pointers, steps = zip(*((f"(char *)({where})", str(step)) for where, step in arguments))
        where = f"(char *[]){{{', '.join(pointers)}}}, {count}, (npy_intp[]){{{', '.join(steps)}}}"
        return f"apply(p, {self.loop(ufunc, types)}, {where});"

    def team(self) -> str:
        """Return the clauses of a loop that several threads share; in a forked process, one does it."""
        return f"num_threads({self.threads}) if (p[1] != 0)"

    # ------------------------------------------------------------------ writing

    def write_c(self, items: list[Any]) -> tuple[list[Any], list[list[str]]]:
        """Return what is called in order, segments by number and Values that Python computes, and the segments."""
        calls: list[Any] = []
        segments: list[list[str]] = []
        lines: list[str] = []
        kept = self.kept(items)
        for item in [*items, None]:
            by_python = type(item) is Value and self.kinds[item] == "python"
            if (item is None or by_python) and lines:
                head = [f"int segment{len(segments)}(char **p) {{", "char *n = p[0];", *self.openings]
                calls.append(len(segments))
                segments.append([*head, *lines, "return 0;", "}"])
                lines = []
                self.openings.clear()
                self.local.clear()
            if by_python:
                calls.append(item)
            elif item is not None:
                write = pieces.WRITERS.get(self.kinds[item]) if type(item) is Value else write_group
                lines += write(self, item)  # type: ignore[misc]
                for value in _nodes(item):
                    if value in self.numbers:
                        if value in kept:
                            lines.append(f"*({c_type(value.dtype)} *)(n + {8 * self.numbers[value]}) = v{value.index};")
                        self.local.add(value)
        return calls, segments

    def kept(self, items: list[Any]) -> set[Value]:
        """Return the numbers that must lie in memory: for other segments, for Python, or for what reads an array."""
        segment, count = dict[Value, int](), 0
        for item in items:
            by_python = type(item) is Value and self.kinds[item] == "python"
            segment.update(dict.fromkeys(_nodes(item), -1 if by_python else count))
            count += by_python
        kept = {self.root(v) for v in (*self.program.outputs, *(v for _, v in self.program.writes))}
        for value, place in segment.items():
            local = self.kinds[value] in ("number", "guard", "elementwise", "sum")
            kept.update(x for x in map(self.root, value.uses()) if not local or segment.get(x) != place)
        return kept

    def write_python(self, calls: list[Any], functions: list[Any]) -> list[str]:
        """Write the lines of Python that call the segments, and return the expressions of the outputs."""
        code, table = self.code, (ctypes.c_void_p * len(self.table))(*self.table)
        if self.threads > 1:
            _TABLES[id(table)] = table
        code.name([self.store, self.constants, self.memory, self.shared])  # what addresses point to stays
        self.table_name = code.name(table)
        asked = [x for call in calls if type(call) is Value for x in call.uses()] + self.program.outputs
        asked += [v for _, v in self.program.writes]
        self.shown = {owner: [v for v in dict.fromkeys(asked) if self.is_within(v, owner)] for owner in self.leaving}
        for value in self.program.values:
            if self.kinds[value] == "input" and value not in self.memory:
                self.write_known(value)
        for owner, shown in self.shown.items():
            fresh = Fresh(self.frames[owner].nbytes, [(self.offset(v), self.frames[v]) for v in shown])
            code.line(f"o{owner.index} = {code.name(fresh)}()")
            code.line(f"{self.table_name}[{self.slot(owner)}] = o{owner.index}[0]")
        for call in calls:
            if type(call) is not Value:
                code.line(f"if {code.name(functions[call])}({ctypes.addressof(table)}): raise {code.name(GuardFailed)}")
                continue
            code.line(f"v{call.index} = {code.call(call, self.expression)}")
            if call.checked and call.shape is not None:
                code.line(f"if {code.name(np.shape)}(v{call.index}) != {call.shape}: raise {code.name(GuardFailed)}")
            self.write_known(call)
        outputs = [self.expression(v) for v in self.program.outputs]
        for k, value in enumerate(self.program.outputs):
            if self.owner(value) in self.memory or (value.shape and self.kinds[self.owner(value)] == "input"):
                code.line(f"x{k} = {outputs[k]}.copy('K')")  # it may be written to
                outputs[k] = f"x{k}"
        self.write_state()
        return outputs

    def is_within(self, value: Value, owner: Value) -> bool:
        return value.shape is not None and self.owner(value) is owner

    def write_known(self, value: Value) -> None:
        """Tell C what Python has: of a number, the number; of an array, the object."""
        name = f"v{value.index}"
        if value in self.numbers:
            self.code.line(f"{self.code.name(self.cell(value))}[()] = {name}")
        elif value in self.slots:
            frame, lay_out = self.code.name(self.frames[value]), self.code.name(laid_out)
            self.code.line(f"if {name}.strides != {self.frames[value].strides}: {name} = {lay_out}({frame}, {name})")
            self.code.line(f"{self.table_name}[{self.slots[value]}] = id({name})")

    def write_state(self) -> None:
        """Write the new state that is not in its place yet, after all of it was computed from the old."""
        code, late = self.code, list[str]()
        for array, value in self.program.writes:
            if value in self.homes and self.memory.get(self.owner(value)) is array:
                continue
            text = self.expression(value)
            if self.kinds[self.owner(value)] == "input":
                code.line(f"w{len(late)} = {text}.copy()")
                text = f"w{len(late)}"
            late.append(f"{code.name(np.copyto)}({code.name(array)}, {text})")
        for line in late:
            code.line(line)

    def cell(self, value: Value) -> np.ndarray:
        """Return the memory of a number as an array."""
        return part_of(self.store, 8 * self.numbers[value], np.empty((), value.dtype))

    def expression(self, value: Value) -> str:
        """Return the Python expression of a Value."""
        code, root = self.code, self.root(value)
        if root in self.numbers and self.kinds[root] not in ("python", "input"):
            number = code.name(self.cell(root)) + (".item()" if root.weak else "[()]")
            return number if root is value else code.call(value, self.expression)
        owner = self.owner(value)
        if owner in self.shown:
            return f"o{owner.index}[{2 + self.shown[owner].index(value)}]"
        if owner in self.memory and self.kinds[owner] == "input":
            return code.name(self.memory[owner]) if value is owner else code.call(value, self.expression)
        if owner in self.memory:
            return code.name(part_of(self.memory[owner], self.offset(value), self.frames[value]))
        return f"v{value.index}" if value is root else code.call(value, self.expression)


def _nodes(item: Any) -> list[Value]:
    return item.nodes if isinstance(item, Group) else [item]


def _constants(args: Any) -> list[Any]:
    """Return the constant arrays among arguments."""
    found: list[Any] = []
    mapped(lambda x: found.append(x) if isinstance(x, (np.ndarray, np.generic)) else None, args)
    return found


def _kind_of_argument(x: Any) -> Any:
    """Return what decides the dtype of a result: a dtype, or the type of a number of Python."""
    if type(x) is Value and x.weak:
        return {"f": float, "i": int}.get(x.dtype.kind, x.dtype)
    return type(x) if type(x) in (int, float, complex) else x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


_TABLES: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # of plans with several threads


def _alone() -> None:
    """Let plans use one thread in a forked process: the others of its parent are not there."""
    for table in _TABLES.values():
        table[1] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)
