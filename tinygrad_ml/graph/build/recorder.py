"""The recorder: it sees every operation at the door, every call of a module, and where the user's program is."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from ...modes import Mode, modes
from ...nn.module import Module
from ...tensor import Tensor
from ..nodes import Input, Scope
from .builder import Builder, tensors_in


class Recorder:
    """Stands at the door while it is entered: writes down every operation, and which module called it."""

    def __init__(self, builder: Builder, root: Module | None = None):
        self.builder = builder
        self.paths: dict[int, str] = {}  # id of a module -> its name
        self.alive: list[Module] = []
        self.scopes = [builder.graph.scopes[0]]  # the calls that we are in
        self.calls: dict[tuple[int, str], int] = {}
        self.at: Scope | None = None  # where an exception came from
        self.root = root
        if root is not None:
            self.scopes[0].type = type(root).__name__
            self.register_names("", root)

    def register_names(self, name: str, thing: Any) -> None:
        """Give a Tensor or a module, and all that belongs to it, a name."""
        if isinstance(thing, Tensor):
            kind = "parameter" if thing.requires_grad else "constant"
            if thing.node is None and type(thing) is Tensor:
                self.builder.name(thing, kind, thing.name or name)
        elif isinstance(thing, Module):
            for path, module in thing.named_modules():
                if id(module) not in self.paths:
                    self.paths[id(module)] = f"{name}.{path}".strip(".")
                    self.alive.append(module)
            self.builder.name_module(thing, name)

    def __enter__(self) -> Recorder:
        self.before = modes.observer
        self.mode = Mode(observer=self.observe)
        _calls.start(self)
        self.mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__()
        _calls.stop()

    def observe(self, primitive: Any, inputs: Sequence, parameters: dict, output: Any) -> None:
        """Write an operation down: the observer of the modes."""
        line, code = _place(caller())
        self.builder.operation(primitive, inputs, parameters, output, self.scopes[-1].number, line=line, code=code)
        if self.before is not None:
            self.before(primitive, inputs, parameters, output)

    @contextlib.contextmanager
    def call(self, module: Module) -> Iterator[Callable[[Any], None]]:
        """Be in the scope of a module while it runs."""
        if module is self.root and len(self.scopes) == 1 and not self.calls:
            self.calls[-1, ""] = 1
            yield lambda result: None
            return
        if id(module) not in self.paths:
            self.register_names(f"{type(module).__name__}", module)
        scope = self.open(module)
        self.scopes.append(scope)
        try:
            yield lambda result: self.close(scope, result)
        except BaseException:
            self.at = self.at or scope
            raise
        finally:
            self.scopes.pop()

    def open(self, module: Module) -> Scope:
        """Append the scope of one call."""
        parent, path = self.scopes[-1], self.paths[id(module)]
        name = path.removeprefix(parent.path + ".") if parent.path else path
        key = (parent.number, path)
        count = self.calls[key] = self.calls.get(key, 0) + 1
        if count > 1:
            name = f"{name} ({count})"
        scopes = self.builder.graph.scopes
        scopes.append(Scope(len(scopes), parent.number, name, path, type(module).__name__))
        return scopes[-1]

    def close(self, scope: Scope, result: Any) -> None:
        """Note what a module returned."""
        numbers = [self.builder.number_of(x) for x in tensors_in(result)]
        scope.outputs = [n for n in numbers if n is not None]

    def failed(self, error: Exception) -> None:
        """Append a node for the operation, or the module, that raised."""
        graph = self.builder.graph
        graph.error = f"{type(error).__name__}: {error}"
        scope = (self.at or self.scopes[0]).number
        name, arguments, frame = "", [], None
        trouble = error.__traceback__
        while trouble is not None:
            local = trouble.tb_frame.f_locals
            if trouble.tb_frame.f_code.co_name == "forward" and isinstance(local.get("self"), Module):
                name, arguments = "", [v for v in local.values() if isinstance(v, Tensor)]
            if not _ours(trouble.tb_frame):
                frame, number = trouble.tb_frame, trouble.tb_lineno
            trouble = trouble.tb_next
        line, code = _place(frame, number) if frame else ("", "")
        if hasattr(error, "operation"):
            name, arguments = error.operation.name, list(error.inputs)
        node = self.builder.add("error", operation=name, scope=scope, message=graph.error, line=line, code=code)
        for k, x in enumerate(arguments):
            source = self.builder.number_of(x)
            if source is not None:
                node.inputs.append(Input(f"input {k}", source))


class _Calls:
    """Lets recorders see the calls of modules: `Module.__call__` is replaced while somebody records, and only then."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.recording = threading.local()
        self.count = 0
        self.original: Any = None

    def start(self, recorder: Recorder) -> None:
        stack = self.recording.__dict__.setdefault("stack", [])
        stack.append(recorder)
        with self.lock:
            self.count += 1
            if self.count == 1:
                self.original = original = Module.__call__

                def call(module: Module, *inputs: Any, **named: Any) -> Any:
                    stack = getattr(self.recording, "stack", None)
                    if not stack:
                        return original(module, *inputs, **named)
                    with stack[-1].call(module) as returned:
                        result = original(module, *inputs, **named)
                        returned(result)
                        return result

                Module.__call__ = call  # type: ignore[method-assign, assignment]

    def stop(self) -> None:
        self.recording.stack.pop()
        with self.lock:
            self.count -= 1
            if self.count == 0:
                Module.__call__ = self.original  # type: ignore[method-assign]


_calls = _Calls()


# ---------------------------------------------------------------------- the user's program


def _ours(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] == "tinygrad_ml" and not name.startswith("tinygrad_ml.models")


def caller() -> FrameType:
    """Return the innermost frame outside the library."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and _ours(frame):
        frame = frame.f_back
    return frame


def _place(frame: FrameType, number: int | None = None) -> tuple[str, str]:
    file, line = frame.f_code.co_filename, number or frame.f_lineno
    return f"{os.path.basename(file)}:{line}", linecache.getline(file, line).strip()
