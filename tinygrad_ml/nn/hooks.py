"""What is called around the forward pass of a Module: its own hooks, and the observer of this thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Hooks", "observed"]


class Hooks:
    """The functions to call before and after the forward pass of a Module."""

    def __init__(self) -> None:
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}

    def run(self, module: Any, inputs: tuple, named: dict[str, Any]) -> Any:
        """Call the hooks, with the forward pass between them, and return its output."""
        __tracebackhide__ = True
        for before in list(self.before.values()):
            new = before(module, inputs)
            if new is not None:
                inputs = new if isinstance(new, tuple) else (new,)
        output = module.forward(*inputs, **named)
        for after in list(self.after.values()):
            new = after(module, inputs, output)
            output = output if new is None else new
        return output


def observed(observer: Callable, module: Any, hooks: Hooks, inputs: tuple, named: dict[str, Any]) -> Any:
    """Call a module inside the context that an observer (`modes.call_observer`) makes for the call; return the output.

    `observer(module, inputs, named)` returns a context manager. It is entered before the first hook, and what
    its `__enter__` returns is called with the output after the last hook, before the context is left. An error of
    the call passes through `__exit__`, as from any `with` block.
    """
    __tracebackhide__ = True
    with observer(module, inputs, named) as see_output:
        output = hooks.run(module, inputs, named)
        see_output(output)
    return output
