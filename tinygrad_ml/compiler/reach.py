"""What a function reads beside its arguments, and how to see whether it is still what it was.

Nothing is run to find it: what may be read is what code has names of, that of the function and of all that it may call.
Free and global names are followed to the attributes that code names, and to the items of lists, tuples and dicts.
"""

from __future__ import annotations

import functools
import operator
import random
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays import StandIn
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..primitive import Primitive
from ..tape.program import Code
from ..tape.traced import Untraceable
from ..tensor import Tensor

__all__ = ["Reach", "names_of", "unlike"]

LIBRARIES = {"tinygrad_ml", "numpy", *sys.stdlib_module_names} - {"__main__"}
INSTALLED = tuple([sysconfig.get_paths()[key] for key in ("purelib", "platlib")])
BY_SYNTAX = {f"__{name}__" for name in ("call", "init", "getitem", "len", "iter", "next", "enter", "exit", "bool")}
PLAIN = (bool, int, float, complex, str, type(None))
SHORT = 64  # the items of longer lists are compared at once, and not followed
COMPARED = 2**16  # elements of an array that are compared
COSTLY = "which would have to be compared in each call: give it what it needs of them as an argument"
LONG, MANY = 2000, 10_000  # items of one thing, and things in all, that are not worth to be compared in each call


class Reach:
    """What may be read, beginning with some things.

    Parameters
    ----------
    roots : triples (thing, expression of it or "", its name for people)
    code : Code
        Where things get names.
    lifted : callable or None
        A function whose own arrays are read anew in each call.

    Attributes
    ----------
    checks : dict from str to str
        Expressions of Python that are true where something is not what it was; for each, what it is for people.
    leaves : dict from id to Tensor
        Those that a call may read.
    titles : dict from id to str
        The names of variables for them.
    """

    def __init__(self, roots: Iterable[tuple[Any, str, str]], code: Code, lifted: Any):
        self.code, self.lifted, self.names = code, lifted, set(BY_SYNTAX)
        known = 0
        while known < len(self.names):  # the code that was found names more
            known = len(self.names)
            self.checks: dict[str, str] = {}
            self.leaves: dict[int, Tensor] = {}
            self.titles: dict[int, str] = {}
            self.met: dict[int, Any] = {}
            self.classes: dict[type, list[tuple[str, Any]]] = {}
            self.undo: list[Callable] = []
            for root in roots:
                self.follow(*root)
        self.options: list[tuple[dict[str, Any], str, Any]] = []  # of optimizers: group, name and value
        self.undo.append(functools.partial(np.random.set_state, np.random.get_state()))  # noqa: NPY002
        self.undo.append(functools.partial(random.setstate, random.getstate()))

    def changed(self, args: tuple, named: dict[str, Any]) -> str:
        """Return what is now another than it was, for people, or nothing."""
        things = {**self.code.things, "args": args, "named": named}
        options = (key for group, key, x in self.options if group.get(key) is not x)
        return next((said for text, said in self.checks.items() if eval(text, things)), "") or next(options, "")

    def __enter__(self) -> None:
        """Begin a call that may fail, and will then be made again: everything is what it was."""

    def __exit__(self, *error: Any) -> None:
        for undo in self.undo if error[0] else ():
            undo()

    # ------------------------------------------------------------------ the walk

    def follow(self, x: Any, text: str, said: str) -> None:
        """Note what a thing must be, and go on to what it holds; without an expression it cannot be replaced."""
        if text:
            self.checks[unlike(x, text, self.code)] = said
        if id(x) in self.met or isinstance(x, (StandIn, Primitive)):
            return
        self.met[id(x)] = x
        if len(self.met) > MANY:
            raise Untraceable(f"more than {MANY:,} things of Python, {COSTLY}")
        if isinstance(x, Optimizer):
            self.leaves |= {id(p): p for group in x.param_groups for p in group["params"]}
        elif isinstance(x, Tensor):
            if x.node is None:
                self.leaves[id(x)] = x
                self.titles |= {id(x): said} if said.isidentifier() else {}
        elif isinstance(x, np.ndarray):
            self._array(x, said)
        elif isinstance(x, (tuple, list, dict, set, deque)):
            self._items(x, said)
        elif isinstance(x, Iterator):
            raise Untraceable(f"{said}, which gives something else each time")
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, types.MethodType):
            self.follow(x.__func__, "", said)
            if not _is_foreign(x.__func__.__module__) or isinstance(x.__self__, (Module, Optimizer)):
                self.follow(x.__self__, "", "self")
        elif isinstance(x, functools.partial):
            for part in (x.func, x.args, x.keywords):
                self.follow(part, "", said)
        elif not (isinstance(x, (types.ModuleType, type)) and _is_foreign(getattr(x, "__module__", x.__name__))):
            self._attributes(x, said)

    def _array(self, x: np.ndarray, said: str) -> None:
        step = x.size // COMPARED + 1
        some = f".flat[::{step}]" if step > 1 else ""
        known = self.code.name((x.flat[::step] if some else x).tobytes())
        self.checks[f"{self.code.name(x)}{some}.tobytes() != {known}"] = said
        if x.size <= COMPARED and x.flags.writeable:
            self.undo.append(functools.partial(np.copyto, x, x.copy()))

    def _items(self, x: Any, said: str) -> None:
        if len(x) > LONG:
            raise Untraceable(f"{said}, a {type(x).__name__} of {len(x):,} items, {COSTLY}")
        name, parts = self.code.name, [*(x.values() if isinstance(x, dict) else x)]
        if isinstance(x, tuple):
            for part in parts:
                self.follow(part, "", said)
            return
        if isinstance(x, dict):
            self.checks[f"list({name(x)}) != {name([*x])}"] = said
        else:
            self.checks[f"len({name(x)}) != {len(x)}"] = said
        one_by_one = len(x) <= SHORT and isinstance(x, (list, dict))
        if not one_by_one:
            now = f"{name(x)}.values()" if isinstance(x, dict) else name(x)
            self.checks[f"not all(map({name(operator.is_)}, {now}, {name(parts)}))"] = said
        for key, part in zip(x if isinstance(x, dict) else range(len(x)), parts):
            place = f"[{self.code.constant(key)}]"
            self.follow(part, name(x) + place if one_by_one else "", f"{said}[{key!r}]")
        self.undo.append(functools.partial(_refill, x, x.copy()))

    def _function(self, f: types.FunctionType) -> None:
        """Follow the names of a function; of one of a library, only to functions that it was given."""
        name, users = self.code.name, not _is_foreign(f.__module__)
        if users:
            self.names |= _names_in(f.__code__)
            self.follow((f.__defaults__, f.__kwdefaults__), "", "a default")
        for key, text, holder, x in names_of(f):
            if f is self.lifted and type(x) is np.ndarray:
                continue
            if users or (type(holder) is types.CellType and callable(x)):
                fixed = isinstance(x, (types.ModuleType, type, types.BuiltinFunctionType))
                self.follow(x, "" if fixed else text.format(name(holder)), key)
            if users and type(holder) is types.CellType:
                self.undo.append(functools.partial(setattr, holder, "cell_contents", x))
            elif users:
                self.undo.append(functools.partial(holder.__setitem__, key, x))

    def _attributes(self, x: Any, said: str) -> None:
        """Follow the attributes that code names; of what is ours, all, but numbers that no code of a module names."""
        own, is_class, name = getattr(x, "__dict__", {}), isinstance(x, type), self.code.name(x)
        if "__wrapped__" in own:  # another function, by functools.wraps
            return self.follow(own["__wrapped__"], "", said)
        kind: Any = x if is_class else type(x)
        names = self.names
        if isinstance(x, Module):
            names = names | _named_by(kind)
            if isinstance(kind.forward, types.FunctionType):
                self.follow(kind.forward, f"{name}.forward.__func__", f"{said}.forward")
        for key, found in [] if is_class else [*own.items()]:
            ours = not isinstance(found, Iterator) if _is_ours(kind) else isinstance(x, Module)
            if key in names or (ours and (type(found) not in PLAIN or not isinstance(x, Module))):
                self.follow(found, f"{name}.{key}", f"{said}.{key}")
                self.undo.append(functools.partial(own.__setitem__, key, found))
        for key, found in self._of_class(kind, names):
            function = getattr(found, "fget", getattr(found, "__func__", found))
            if isinstance(function, types.FunctionType):
                self.follow(function, "", said)
            elif is_class or key not in own:
                if isinstance(found, types.MemberDescriptorType) or not hasattr(type(found), "__get__"):
                    self.follow(getattr(x, key, None), f"{name}.{key}", f"{said}.{key}")
                if is_class and key in own:
                    self.undo.append(functools.partial(type.__setattr__, x, key, found))

    def _of_class(self, kind: type, names: set[str]) -> list[tuple[str, Any]]:
        """Return the attributes of a class, and those that it inherits, among names; of a library, only of modules."""
        if kind not in self.classes:
            wanted = names & {"training", "_hooks"} if _is_foreign(kind.__module__) else names
            places = [(key, [vars(c)[key] for c in kind.__mro__ if key in vars(c)]) for key in sorted(wanted)]
            self.classes[kind] = [(key, found[0]) for key, found in places if found]
        return self.classes[kind]


def names_of(f: types.FunctionType) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield the free and global names that a function reads: name, expression, {0} in it, and what it is now."""
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
        try:
            yield name, "{0}.cell_contents", cell, cell.cell_contents
        except ValueError:  # nothing is there yet
            continue
    for name in sorted(_names_in(f.__code__) & f.__globals__.keys()):
        yield name, f"{{0}}[{name!r}]", f.__globals__, f.__globals__[name]


def unlike(x: Any, text: str, code: Code) -> str:
    """Return the check of a thing: numbers and text must have the same value, all else must be the same object."""
    if type(x) not in (int, float, complex, str, np.float32, np.float64, np.int64, np.int32):
        return f"{text} is not {x if x is None or type(x) is bool else code.name(x)}"
    known = code.name(x)
    other = f"{text} != {known}" if x and x == x else f"repr({text}) != {repr(x)!r}"
    return f"{text} is not {known} and (type({text}) is not type({known}) or {other})"


def _names_in(code: types.CodeType) -> set[str]:
    """Return the names of globals and attributes in code, and in the functions that it makes."""
    inner = [_names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*inner)


@functools.cache
def _named_by(kind: type) -> set[str]:
    """Return the names in the code of the forward pass of a module, and in that of the methods that it names."""
    names = {"forward", "_hooks"}
    known = 0
    while known < len(names):
        known = len(names)
        for function in [getattr(kind, name, None) for name in names]:
            names |= _names_in(function.__code__) if isinstance(function, types.FunctionType) else set()
    return names


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "tinygrad_ml"


@functools.cache
def _is_foreign(module: str | None) -> bool:
    """Whether a module belongs to a library: its code is not looked into."""
    package = (module or "").partition(".")[0]
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return package in LIBRARIES or file.startswith(INSTALLED)


def _refill(x: Any, old: Any) -> None:
    x.clear()
    (x.extend if isinstance(x, (list, deque)) else x.update)(old)
