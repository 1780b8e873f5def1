"""The recorder: it observes every operation and every call of a module, and notes which line of the user's it was."""

from __future__ import annotations

import contextlib
import linecache
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ...modes import Mode, in_library, modes, user_frame
from ...nn.module import Module
from ...primitive import Primitive
from ...tensor import Tensor
from ..format import plain
from ..nodes import Input, Scope
from .builder import Builder, tensors_in
from .naming import name_in_frame
from .scopes import Scopes


class Stopped(NamedTuple):
    """The innermost call of a module that an exception has left."""

    error: BaseException
    scope: Scope
    inputs: Sequence


class Recorder:
    """Records operations while it is active, and which module called them."""

    def __init__(self, builder: Builder, root: Module | None = None):
        self.builder = builder
        self.paths: dict[int, str] = {}  # id of a module -> its name
        self.alive: list[Module] = []
        self.scopes = Scopes(builder.graph)
        self.stopped: Stopped | None = None
        self.root = root
        if root is not None:
            builder.graph.scopes[0].type = type(root).__name__
            self.register_names("", root)

    def register_names(self, name: str, thing: Any) -> None:
        """Give a Tensor or a module, and all that belongs to it, a name."""
        if isinstance(thing, Tensor):
            kind = "parameter" if thing.requires_grad else "constant"
            if thing.node is None and type(thing) is Tensor:
                self.builder.name(thing, kind, thing.name or name)
        elif isinstance(thing, np.ndarray):
            self.builder.name(thing, "constant", name)
        elif isinstance(thing, Module):
            for path, module in thing.named_modules():
                if id(module) not in self.paths:
                    self.paths[id(module)] = f"{name}.{path}".strip(".")
                    self.alive.append(module)
            self.builder.name_module(thing, name)

    def __enter__(self) -> Recorder:
        self.before = modes.observer
        self.mode = Mode(observer=self.observe, call_observer=self.call)
        self.mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__()
        if error[0] is None:
            self.stopped = None  # what the function itself caught

    def observe(self, primitive: Any, inputs: Sequence, parameters: dict, output: Any) -> None:
        """Record an operation: the observer of the modes."""
        frame = user_frame()
        line, code = _place(frame, frame.f_lineno)
        self.builder.name_of = lambda array: name_in_frame(frame, array)
        self.builder.operation(
            primitive, inputs, parameters, output, self.scopes.innermost.number, line=line, code=code
        )
        if self.before is not None:
            self.before(primitive, inputs, parameters, output)

    @contextlib.contextmanager
    def call(self, module: Module, inputs: tuple, named: dict[str, Any]) -> Iterator[Callable[[Any], None]]:
        """Enter the scope of a module while it runs: the observer of calls of the modes."""
        scope = self.enter(module)
        try:
            yield lambda result: self.close(scope, result)
        except BaseException as error:
            if self.stopped is None or self.stopped.error is not error:
                self.stopped = Stopped(error, scope, list(tensors_in((inputs, named))))
            raise
        finally:
            self.scopes.leave()

    def enter(self, module: Module) -> Scope:
        """Return the scope of one call: a new one, but for the module that is traced itself."""
        if id(module) not in self.paths:
            self.register_names(type(module).__name__, module)
        scope = self.scopes.enter(self.paths[id(module)], type(module).__name__, root=module is self.root)
        if module.drawn_whole and scope.parent is not None:
            scope.whole, scope.about = True, plain(module.extra_repr())
        return scope

    def close(self, scope: Scope, result: Any) -> None:
        """Note what a module returned; what the whole computation returns is noted elsewhere."""
        if scope.parent is not None:
            numbers = [self.builder.number_of(x) for x in tensors_in(result)]
            scope.outputs = [n for n in numbers if n is not None]

    def failed(self, error: Exception) -> None:
        """Append a node for the operation, or the call of a module, that raised."""
        graph, operation = self.builder.graph, getattr(error, "operation", None)
        graph.error = f"{type(error).__name__}: {error}"
        scope: Scope = graph.scopes[0]
        inputs: Sequence = ()
        if self.stopped is not None and self.stopped.error is error:
            _, scope, inputs = self.stopped
        self.stopped = None  # it refers to the frames of the computation
        name = ""
        if isinstance(operation, Primitive):
            name, inputs = operation.name, error.inputs  # type: ignore[attr-defined]
        places = [(f, line) for f, line in traceback.walk_tb(error.__traceback__) if not in_library(f)]
        line, code = _place(*places[-1]) if places else ("", "")
        node = self.builder.add("error", operation=name, scope=scope.number, message=graph.error, line=line, code=code)
        for k, x in enumerate(inputs):
            source = self.builder.number_of(x)
            if source is not None:
                node.inputs.append(Input(f"input {k}", source))


def _place(frame: FrameType, number: int) -> tuple[str, str]:
    """Return a line of the user's program as "model.py:12", and what stands there."""
    file = frame.f_code.co_filename
    return f"{os.path.basename(file)}:{number}", linecache.getline(file, number).strip()
