"""The signature of an operation, for `help()`, editors, and whoever sorts arguments."""

from __future__ import annotations

import inspect
from typing import Any


class OperationSignature(inspect.Signature):
    """The signature of an operation, `(x, axis=None, keepdims=False)`: made when somebody asks for it."""

    __slots__ = ("primitive",)

    def __init__(self, primitive: Any):
        self.primitive = primitive
        self._return_annotation = inspect.Signature.empty

    @property
    def parameters(self) -> Any:
        """The arguments by name: the inputs, then the parameters."""
        row, kind = self.primitive, inspect._ParameterKind
        first = kind.VAR_POSITIONAL if row.variadic else kind.POSITIONAL_OR_KEYWORD
        others = kind.KEYWORD_ONLY if row.variadic else kind.POSITIONAL_OR_KEYWORD
        arguments = [inspect.Parameter(name, first) for name in row.inputs]
        arguments += [inspect.Parameter(name, others, default=value) for name, value in row.parameters.items()]
        return {argument.name: argument for argument in arguments}

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """Return an ordinary signature, for example without `self`."""
        return inspect.Signature(list(self.parameters.values())).replace(**changes)
