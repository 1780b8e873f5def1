"""What operations do besides computing a value: recording, and watching for trouble. Every thread has its own modes."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from types import FrameType
from typing import Any

import numpy as np

from .tensor import as_array


class Modes(threading.local):
    """What operations do besides computing a value; every thread has its own."""

    recording = True  # operations on Tensors that require a gradient make Nodes
    observer: Callable[[Any, Sequence, dict, Any], None] | None = None  # sees every operation and its output
    call_observer: Callable[[Any, tuple, dict], Any] | None = None  # sees every call of a module: a context around it
    anomaly = False  # the walk looks for NaN and infinity in every gradient
    generator: np.random.Generator | None = None  # where random numbers come from instead of the library's generator
    tracer: Any = None  # writes down what is computed, for tg.compile: see compiler/entry.py

    def __init__(self) -> None:
        self.before: list[dict[str, Any]] = []  # what to go back to, innermost last


modes = Modes()
modes_set: list[Mode] = []  # those that are set now, in any thread: while there is none, operations need not look


class Mode(ContextDecorator):
    """Sets one of the modes of this thread, and restores it also after an exception."""

    def __init__(self, **settings: Any):
        self.settings = settings

    def __enter__(self) -> Mode:
        modes.before.append({name: getattr(modes, name) for name in self.settings})
        modes.__dict__.update(self.settings)
        modes_set.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        modes_set.pop()  # one of them, no matter which
        modes.__dict__.update(modes.before.pop())


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Return a context, or decorate a function, in which operations are not recorded.

    Examples
    --------
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    mode = Mode(recording=False)
    return mode if function is None else mode(function)


def enable_grad(function: Callable[..., Any] | None = None) -> Any:
    """Return a context, or decorate a function, in which operations are recorded, also inside `no_grad`.

    Examples
    --------
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """
    mode = Mode(recording=True)
    return mode if function is None else mode(function)


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread.

    Examples
    --------
    >>> tg.is_grad_enabled()
    True
    """
    return modes.recording


def detect_anomaly(function: Callable[..., Any] | None = None) -> Any:
    """Return a context that raises at the first operation whose value or gradient is NaN or infinite.

    The error names the operation, the shapes, and the line of your program that called it. Everything
    is slower in it: use it to find a fault, not to train.

    Raises
    ------
    FloatingPointError
        At the first value or gradient that is not finite.

    Examples
    --------
    >>> with tg.detect_anomaly(), np.errstate(divide="ignore"):
    ...     tg.log(tg.tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FloatingPointError: log gave -inf at index (1,) ...
    """
    mode = Mode(observer=_check_value, anomaly=True)
    return mode if function is None else mode(function)


def _check_value(primitive: Any, inputs: Sequence, parameters: dict, output: Any) -> None:
    line = _place(user_frame())
    for part in output if type(output) is tuple else (output,):
        if part.node is not None:
            node = part.node if part.node.primitive.name != "part" else part.node.edges[0]
            node.line = line
        _raise_if_not_finite(part._data, f"{primitive.name} gave", inputs, line)


def check_gradient(r: Any, node: Any, rule: Any) -> None:
    """Raise if a gradient is not finite (only called under `detect_anomaly`)."""
    argument = node.primitive.inputs[node.primitive.rules.index(rule)]
    array = as_array(r)
    line = getattr(node, "line", "a line outside detect_anomaly()")
    _raise_if_not_finite(array, f"the gradient of {node.primitive.name} for {argument!r} has", node.edges, line)


def _raise_if_not_finite(array: Any, what: str, inputs: Sequence, line: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~np.atleast_1d(finite))[0]) if array.ndim else ()
        shapes = ", ".join(str(getattr(x, "shape", ())) for x in inputs)
        where = f"index {index} of shape {array.shape}; inputs of shape {shapes}; called in {line}"
        raise FloatingPointError(f"{what} {array[index].item()} at {where}")


def user_frame() -> FrameType:
    """Return the innermost frame outside the library and NumPy: the user's line is there.

    >>> from tinygrad_ml.modes import user_frame
    >>> user_frame().f_globals["__name__"].startswith("tinygrad_ml")
    False
    """
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and not is_users(frame):
        frame = frame.f_back
    return frame


def is_users(frame: FrameType) -> bool:
    """Return whether the code of a frame is neither the library's nor NumPy's."""
    return not in_library(frame) and package(frame) != "numpy"


def in_library(frame: FrameType) -> bool:
    """Return whether the code of a frame is the library's, the models included."""
    return package(frame) == "tinygrad_ml"


def package(frame: FrameType) -> str:
    """Return the name of the package that the code of a frame belongs to."""
    return frame.f_globals.get("__name__", "").partition(".")[0]


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line, however deep inside the library the reason was found."""
    frame = user_frame()
    known = frame.f_globals.setdefault("__warningregistry__", {})  # what was said there before
    name = frame.f_globals.get("__name__") or "__main__"  # of `exec(code, {})`; of None nothing is ever said
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, name, known)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
