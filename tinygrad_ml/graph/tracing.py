"""Tracing: running a function or a module once while a recorder stands at the door of the operations."""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ..modes import Mode, modes
from ..nn.module import Module
from ..tensor import Tensor
from .backward import add_gradients
from .builder import Builder, argument_names, plural, tensors_in, variables_of
from .data import Graph, Scope
from .history import trace_history


def trace(target: Any, *inputs: Any, backward: bool = True, gradient: Any = None, values: bool = True) -> Graph:
    """Return the graph of a computation as data.

    Parameters
    ----------
    target : Tensor, function or Module
        Of a Tensor the history is shown, as far as it was recorded and not freed by `backward()`. A function or a
        Module is run once, on `inputs`; so the values of all steps are known, and the calls of modules are scopes.
    inputs : Tensors, arrays, or numbers
        Arrays and numbers become Tensors, which for a function require a gradient if they are floating.
    backward : bool
        Find the gradient of every value too. No `.grad` is touched.
    gradient : Tensor or array, optional
        The gradient that arrives at the result; by default ones, so that a result with several numbers is summed up.
    values : bool
        Remember the values, or their statistics where there are many.

    Returns
    -------
    Graph
        If the function raises, it has the part that ran, and the error at its node and as `graph.error`.

    Examples
    --------
    >>> print(tg.graph.trace(lambda x, w: tg.tanh(x * w), 0.5, 2.0))
    lambda(x: float32 (), w: float32 ()) -> float32 ()
      %2: float32 () = multiply(x, w)  value 1, gradient 0.42
      %3: float32 () = tanh(%2)        value 0.762, gradient 1
      return %3
    gradients: x 0.84, w 0.21
    """
    if isinstance(target, Tensor):
        if inputs:
            raise TypeError("trace: a Tensor has its history already; inputs are for functions and modules")
        builder = trace_history(target, _caller().f_locals, values)
        results: Sequence[Tensor] = [target]
    elif callable(target):
        builder, results = _run(target, inputs, values)
    else:
        raise TypeError(f"trace: cannot trace {type(target).__name__}; give it a Tensor, a function or a Module")
    if backward:
        add_gradients(builder, results, gradient)
    return builder.graph


def draw(target: Any, *inputs: Any, path: str | Path | None = None, backward: bool = True, **options: Any) -> Graph:
    """Trace a Tensor, function or Module and return its Graph: a notebook shows the picture, `print` the listing.

    Parameters
    ----------
    target, inputs, backward : as for `tg.graph.trace`; a Graph is also taken
    path : str or Path, optional
        Where to write the picture: .svg, .png, .pdf, ..., or .html for a page on which backpropagation can be stepped.
    options : those of `Graph.render`

    Examples
    --------
    >>> tg.draw(lambda x: x * x, 3.0)["x"].gradient.numbers
    [6.0]
    """
    graph = target if isinstance(target, Graph) else trace(target, *inputs, backward=backward)
    if path is not None:
        (graph.explorer if str(path).endswith(".html") else graph.render)(path, **options)
    elif options:
        raise TypeError(f"draw: {', '.join(options)} needs a path; draw(...).to_svg({', '.join(options)}=...) has none")
    return graph


# ---------------------------------------------------------------------- running


def _run(target: Callable, inputs: Sequence, values: bool) -> tuple[Builder, Sequence[Tensor]]:
    module = target if isinstance(target, Module) else None
    title = type(module).__name__ if module else getattr(target, "__name__", type(target).__name__).strip("<>")
    builder = Builder(title, values)
    recorder = Recorder(builder, module)
    arguments = _as_tensors(inputs, requires_grad=module is None)
    given = list(tensors_in(arguments))
    called = module.forward if module else target
    for name, argument in zip(argument_names(called, len(arguments)), arguments):
        several = list(tensors_in([argument]))
        for k, x in enumerate(several):
            builder.name(x, "input", name if len(several) == 1 else f"{name}[{k}]")
    if module is None:
        for name, thing in variables_of(target).items():
            recorder.know(name, thing)
    for x in given:
        if builder.number_of(x) is None:
            builder.leaf(x)
    result: Any = None
    buffers = [(b, np.array(b._data)) for b in module.buffers()] if module else []
    try:
        with recorder:
            result = target(*arguments)
    except Exception as error:
        recorder.failed(error)
    for buffer, before in buffers:  # drawing a network leaves its running statistics as they were
        if not np.array_equal(buffer._data, before, equal_nan=before.dtype.kind in "fc"):
            buffer.data = before
    results = list(tensors_in(result))
    for x in results:
        number = builder.number_of(x)
        builder.graph.outputs.append(builder.leaf(x) if number is None else number)
    if not results and not builder.graph.error:
        builder.graph.notes.append(f"the result is no Tensor but {type(result).__name__}")
    return builder, results


def _as_tensors(inputs: Sequence, requires_grad: bool) -> list:
    tensors = []
    for x in inputs:
        if isinstance(x, (bool, int, float, complex, np.ndarray, np.generic)) or _is_numbers(x):
            x = Tensor(x)
            if requires_grad and x.dtype.kind in "fc":
                x.requires_grad = True
        tensors.append(x)
    return tensors


def _is_numbers(x: Any) -> bool:
    if not isinstance(x, (list, tuple)) or not x or any(True for _ in tensors_in(x)):
        return False
    try:
        return np.array(x).dtype.kind in "fiub"
    except ValueError:
        return False


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
            self.know("", root)

    def know(self, name: str, thing: Any) -> None:
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
        line, code = _place(_caller())
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
            self.know(f"{type(module).__name__}", module)
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
            if trouble.tb_frame.f_code.co_name == "door" and "primitive" in local:
                name, arguments = local["primitive"].name, list(local["inputs"])
            elif trouble.tb_frame.f_code.co_name == "forward" and isinstance(local.get("self"), Module):
                name, arguments = "", [v for v in local.values() if isinstance(v, Tensor)]
            if not _ours(trouble.tb_frame):
                frame, number = trouble.tb_frame, trouble.tb_lineno
            trouble = trouble.tb_next
        line, code = _place(frame, number) if frame else ("", "")
        node = self.builder.add("error", operation=name, scope=scope, message=graph.error, line=line, code=code)
        from .data import Input

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


def _caller() -> FrameType:
    """Return the innermost frame outside the library."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and _ours(frame):
        frame = frame.f_back
    return frame


def _place(frame: FrameType, number: int | None = None) -> tuple[str, str]:
    file, line = frame.f_code.co_filename, number or frame.f_lineno
    return f"{os.path.basename(file)}:{line}", linecache.getline(file, line).strip()


__all__ = ["draw", "plural", "trace"]
