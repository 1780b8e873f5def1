"""Where an equation of a jaxpr comes from: the user's line, and the function of JAX that was called there."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

CALLS = {"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2", "cond", "scan", "while"}
RENAMED = {"rewriting_take": "getitem", "_rewriting_take": "getitem"}
WRAPPERS = {  # files of JAX through which every call of its functions goes
    *("api.py", "core.py", "custom_derivatives.py", "partial_eval.py", "pjit.py", "profiler.py", "source_info_util.py"),
    *("traceback_util.py", "ufunc_api.py", "util.py", "linear_util.py", "array_methods.py", "lax.py", "ad.py"),
}


def parts(equations: list) -> Iterator[tuple[list, str]]:
    """Yield equations in groups: those that one call of a function of JAX has made, with its name."""
    group: list = []
    key: Any = None
    for equation in equations:
        called, position = _entry(equation)
        alone = not called or equation.primitive.name in CALLS
        this = None if alone else (called, position[-1:], str(equation.source_info.name_stack))
        again = len(group) > 1 and position == _entry(group[0])[1] != _entry(group[-1])[1]
        if this is None or this != key or again:
            if group:
                yield group, key[0] if key and len(group) > 1 else ""
            group, key = [], this
        group.append(equation)
        if this is None:
            yield group, ""
            group = []
    if group:
        yield group, key[0] if key and len(group) > 1 else ""


def _entry(equation: Any) -> tuple[str, tuple]:
    """Return the function of JAX that the user called there, and from where down to the operation."""
    frames = _frames(equation)
    inside: list[Any] = []
    for frame in frames:
        if not is_jax(frame.file_name):
            where = (*((f.file_name, f.line_num) for f in inside), (frame.file_name, frame.line_num))
            named = [f for f in inside if os.path.basename(f.file_name) not in WRAPPERS]
            name = named[-1].function_name.rpartition(".")[2] if named else ""
            name = RENAMED.get(name, name)
            return ("" if name.startswith(("_", "<")) else name), where
        inside.append(frame)
    return "", ()


def _frames(equation: Any) -> list:
    traceback = equation.source_info.traceback
    return list(traceback.frames) if traceback is not None else []


def is_jax(file: str) -> bool:
    """Whether a file is one of JAX."""
    return (
        file.startswith(os.path.dirname(sys.modules["jax"].__file__ or "") + os.sep)
        or "jaxlib" in file
        or file.startswith("<frozen")
    )


def place(equation: Any) -> dict[str, Any]:
    """Return the user's line of an equation."""
    about: dict[str, Any] = {}
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
    for frame in _frames(equation):
        if not is_jax(frame.file_name) and not frame.file_name.startswith(own):
            about["line"] = f"{os.path.basename(frame.file_name)}:{frame.line_num}"
            about["code"] = linecache.getline(frame.file_name, frame.line_num).strip()
            break
    return about


def transformed(name: str) -> str:
    """Return the name of a scope as a reader says it: jvp(layer) is layer, forward; transpose(jvp(layer)) backward."""
    inner, way = name, ""
    while found := re.fullmatch(r"(jvp|transpose|vmap|remat|rematted_computation|checkpoint)\((.*)\)", inner):
        way = {"transpose": "backward", "jvp": way or "forward"}.get(found[1], way)
        inner = found[2]
    return ", ".join(part for part in (inner, way) if part) or name
