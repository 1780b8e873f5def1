"""`tg.compile`: a function whose first call runs as it is, and whose later ones replay what a traced call computed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..modes import Mode, modes, modes_set, warn
from ..tensor import Tensor, from_owned
from . import numpy_plan
from .capture import Capture, Seen, Stale, without_history
from .program import GuardFailed
from .traced import Untraceable

__all__ = ["Compiled", "compile"]

BACK_ENDS: dict[str, Callable] = {"auto": numpy_plan.build, "numpy": numpy_plan.build}
PLANS = 8  # a function that needs more plans than this has arguments that change in every call


class Compiled:
    """What `tg.compile` returns: it is called like the function."""

    def __init__(self, function: Callable, backend: str):
        self.function, self.backend = function, backend
        self.plans: list[Callable] = []  # the one that was used last is the first
        self.seen = Seen()
        self.earlier: list[Capture] = []
        self.calls = 0
        self.eager = ""  # why the function stays as it is
        self.lock = threading.RLock()
        self.running = False
        functools.update_wrapper(self, function, updated=())
        self.name = getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, *args: Any, **named: Any) -> Any:
        if self.eager or (modes_set and (modes.observer or modes.call_observer or modes.anomaly or modes.tracer)):
            return self._as_it_is(args, named)
        with self.lock:
            if self.running:  # the function calls itself
                return self.function(*args, **named)
            self.running = True
            try:
                for plan in self.plans:
                    try:
                        result = plan(args, named)
                    except Stale:
                        continue
                    except GuardFailed:
                        return self._as_it_is(args, named)
                    if plan is not self.plans[0]:
                        self.plans.remove(plan)
                        self.plans.insert(0, plan)
                    return result
                return self._learn(args, named)
            finally:
                self.running = False

    def _as_it_is(self, args: tuple, named: dict[str, Any]) -> Any:
        """Run the function itself; what it returns has no history, as always."""
        result = self.function(*args, **named)
        return result if modes_set and modes.tracer is not None else _forget(result)

    def _learn(self, args: tuple, named: dict[str, Any]) -> Any:
        """Run the function where there is no plan, and make one if two traced calls have computed the same."""
        self.calls += 1
        if self.calls == 1:
            with Mode(tracer=self.seen, call_observer=self.seen.call):
                return _forget(self.function(*args, **named))
        try:
            capture = Capture(self.function, args, named, self.seen)
        except Untraceable as reason:
            return self._give_up(str(reason), args, named)
        except Exception:  # its own error, with everything that it does before
            return self._as_it_is(args, named)
        self.plans.insert(0, self._plan(capture))
        return self._finish(capture, args, named)

    def _plan(self, capture: Capture) -> Callable:
        """Return the function that replays a traced call."""
        code = capture.code
        code.lines.clear()
        capture.begin(capture.program)
        outputs = BACK_ENDS[self.backend](capture.program, code)
        expression = dict(zip(capture.program.outputs, outputs))
        capture.end(lambda value: expression[capture.program.now(value)])
        return code.function("plan", "args, named")

    def _finish(self, capture: Capture, args: tuple, named: dict[str, Any]) -> Any:
        """Let everything have the values that the traced call computed."""
        values = {value: _own(x) for value, x in capture.concrete.items()}
        for memory, traced in capture.written:
            memory[...] = traced.concrete
        code = capture.code
        code.lines.clear()
        capture.end(lambda value: code.name(values[value]))
        return code.function("finish", "args, named")(args, named)

    def _give_up(self, reason: str, args: tuple, named: dict[str, Any]) -> Any:
        self.eager = reason
        self.plans.clear()
        warn(f"tg.compile: {self.name} stays as it is, since it needs {reason}")
        return self._as_it_is(args, named)


def _own(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _forget(x: Any) -> Any:
    """Return the result of a function without its history."""
    if isinstance(x, Tensor):
        if x.node is None:
            return x
        return from_owned(x._data) if x.node.saved is None else without_history(x._data)
    if isinstance(x, (tuple, list)):
        return type(x)(*map(_forget, x)) if hasattr(x, "_fields") else type(x)(map(_forget, x))
    if type(x) is dict:
        return {key: _forget(part) for key, part in x.items()}
    return x


def compile(function: Callable | None = None, *, backend: str = "auto") -> Any:
    """Return a function that computes the same from a program that was derived from it."""
    if function is None:
        return lambda f: Compiled(f, backend)
    return Compiled(function, backend)
