"""What is called before and after the forward pass of a Module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hooks:
    """The functions to call before and after the forward pass of a Module."""

    def __init__(self) -> None:
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}

    def run(self, module: Any, inputs: tuple, named: dict[str, Any]) -> Any:
        """Call the hooks, with the forward pass between them, and return its output."""
        for before in list(self.before.values()):
            new = before(module, inputs)
            if new is not None:
                inputs = new if isinstance(new, tuple) else (new,)
        output = module.forward(*inputs, **named)
        for after in list(self.after.values()):
            new = after(module, inputs, output)
            output = output if new is None else new
        return output
