"""What functions of PyTorch are called and take, and how its Tensors become arrays."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .foreign import belongs_to


def name_of(function: Any) -> str:
    """Return the name of a function; of an attribute that computes, the attribute's."""
    name = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return getattr(getattr(function, "__self__", None), "__name__", "attribute")
    return name


def plain_name(name: str) -> str:
    """Return a name without what marks it as an operator or as one that writes: __radd__ and add_ are add."""
    if name == "__setitem__":
        return "setitem"
    if name.startswith("__") and name.endswith("__"):
        core = name.strip("_")
        for start in ("r", "i"):
            if core[0] == start and core[1:] in ARITHMETIC:
                return core[1:]
        return core
    return "sub" if name == "rsub" else name.rstrip("_") or name


ARITHMETIC = {
    *(
        "add",
        "sub",
        "mul",
        "div",
        "truediv",
        "pow",
        "matmul",
        "mod",
        "floordiv",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    ),
}


def writes(name: str, args: Sequence, kwargs: dict) -> bool:
    """Whether a function writes into one of its arguments."""
    core = name.strip("_")
    operator = name.startswith("__i") and core[1:] in ARITHMETIC
    method = name.endswith("_") and not name.endswith("__")
    return operator or method or name == "__setitem__" or kwargs.get("out") is not None or bool(kwargs.get("inplace"))


def arguments_of(name: str, function: Any, args: Sequence, kwargs: dict) -> list[tuple[str, Any]]:
    """Return the arguments of a call with their names, as far as they can be found; without those at their defaults."""
    names, defaults = _signature(name, function, args)
    pairs = [(names[k] if k < len(names) else f"input {k}", value) for k, value in enumerate(args)]
    pairs += [(key, value) for key, value in kwargs.items() if key not in ("out", "inplace")]
    return [
        (key, value) for k, (key, value) in enumerate(pairs) if not _usual(value, defaults.get(key, inspect._empty))
    ]


def _usual(value: Any, default: Any) -> bool:
    if default is inspect._empty or belongs_to(value, "torch"):
        return False
    with suppress(Exception):
        if isinstance(default, (list, tuple)) or isinstance(value, (list, tuple)):
            each = set(value if isinstance(value, (list, tuple)) else [value])
            return each == set(default if isinstance(default, (list, tuple)) else [default])
        return bool(value == default) and type(value) is type(default)
    return False


def _signature(name: str, function: Any, args: Sequence) -> tuple[list[str], dict[str, Any]]:
    """Return the names of the arguments of a function of PyTorch, and their defaults."""
    import torch

    if name in WRITTEN_OUT:
        return WRITTEN_OUT[name], {}
    if inspect.isfunction(function):
        with suppress(ValueError):  # one that wraps a builtin
            parameters = inspect.signature(function).parameters.values()
            return [p.name for p in parameters], {p.name: p.default for p in parameters}
    packet = getattr(torch.ops.aten, name, None)
    schemas = [getattr(packet, overload)._schema.arguments for overload in packet.overloads()] if packet else []
    for numbers in (False, True):  # as Tensors, which PyTorch makes of them
        for schema in schemas:
            if len(schema) >= len(args) and all(_fits(x, str(a.type), numbers) for x, a in zip(args, schema)):
                return [a.name for a in schema], {a.name: a.default_value for a in schema if a.has_default_value()}
    return [], {}


WRITTEN_OUT = {"getitem": ["x", "index"], "setitem": ["x", "index", "value"]}


def _fits(x: Any, wanted: str, numbers: bool) -> bool:
    """Whether a value can be an argument of that type of PyTorch's schemas."""
    import torch

    if isinstance(x, torch.Tensor):
        return "Tensor" in wanted and not wanted.startswith("List")
    if isinstance(x, (list, tuple)):
        return wanted.startswith("List")
    return x is None or "Tensor" not in wanted or (numbers and isinstance(x, (bool, int, float, complex)))


def plain_result(result: Any) -> Any:
    """Return a result as tuples, lists and dicts: also that of a class with fields, as model libraries have them."""
    if hasattr(result, "__dataclass_fields__"):
        return [getattr(result, name) for name in result.__dataclass_fields__]
    return dict(result) if hasattr(result, "keys") and hasattr(result, "__getitem__") else result


def as_array(x: Any) -> np.ndarray | None:
    """Return the value of a Tensor of PyTorch; None where it has none that can be read."""
    import torch

    try:
        x = x.detach()
        x = x.to_dense() if x.layout is not torch.strided else x
        x = x.resolve_conj().resolve_neg().cpu()
        if x.dtype is torch.bfloat16 or (x.is_floating_point() and x.element_size() < 2):
            x = x.float()
        return np.array(x.numpy())
    except Exception:  # on the device "meta", inside vmap, quantized
        return None
