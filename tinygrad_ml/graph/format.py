"""Counts, shapes, types and constants as short text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .nodes import GraphNode
from .values import short

TEXT = 60  # characters of a constant


def plural(n: int, word: str) -> str:
    """Return a count with its word: 1 node, 2 nodes."""
    return f"{n:,} {word}{'s' * (n != 1)}"


def total(shape: tuple[int, ...] | None) -> int:
    """Return the number of elements of an array of that shape."""
    return math.prod(shape or ())


def shape_text(shape: tuple[int, ...] | None) -> str:
    """Return a shape as one writes it: 32×10."""
    return "" if shape is None else "×".join(map(str, shape)) if shape else "scalar"


def type_text(node: GraphNode) -> str:
    """Return dtype and shape: float32 (32, 10)."""
    return f"{node.dtype} {node.shape}" if node.shape is not None else "several"


def plain(text: str) -> str:
    """Return a text on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def as_text(x: Any) -> str:
    """Return a constant argument as a short text that is the same in every run."""
    if isinstance(x, Tensor):
        x = x._data
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, np.ndarray):
        return str(x.item()) if not x.ndim else f"{x.dtype} {shape_text(x.shape)}"
    if isinstance(x, float):
        return short(x)
    if isinstance(x, slice):
        return ":".join("" if part is None else str(part) for part in (x.start, x.stop, x.step)[: 3 if x.step else 2])
    if isinstance(x, (tuple, list)):
        return "(" + ", ".join(map(as_text, x)) + ("," if len(x) == 1 else "") + ")"
    if callable(x):
        return getattr(x, "__name__", type(x).__name__)
    text = type(x).__name__ if " at 0x" in repr(x) else repr(x)
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def as_number(x: Any) -> float | None:
    """Return a constant argument exactly, if it is one finite real number."""
    if isinstance(x, Tensor):
        x = x._data
    if isinstance(x, (np.ndarray, np.generic)) and not x.ndim:
        x = x.item()
    return float(x) if isinstance(x, (bool, int, float)) and abs(x) < 2**1024 else None


def parameters_as_text(given: dict[str, Any], usual: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that differ from their defaults; a named tuple as its fields."""
    found: dict[str, str] = {}
    for name, value in given.items():
        default: Any = usual.get(name)
        if hasattr(value, "_fields"):
            defaults = default if hasattr(default, "_fields") else value._field_defaults.values()
            pairs = zip(value._fields, value, defaults)
            found |= {field: as_text(_uniform(x)) for field, x, plain in pairs if x != plain}
        elif not same(value, default) or name not in usual:
            found[name] = as_text(value)
    return found


def same(x: Any, default: Any) -> bool:
    """Whether a parameter has its default value, which then need not be shown."""
    return x is default or (type(x) is type(default) and isinstance(x, (int, float, str, bool)) and x == default)


def _uniform(x: Any) -> Any:
    """Return the one number that a nested tuple repeats: ((1, 1), (1, 1)) is 1."""
    while isinstance(x, tuple) and x and all(part == x[0] for part in x):
        x = x[0]
    return x
