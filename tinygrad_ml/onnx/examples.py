"""What `tg.onnx.export` is given as an example: inputs with names, as arrays, and how the model takes them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import nn
from ..nn.module import Module
from ..tensor import Tensor
from ..validation import check_array

__all__ = ["inputs_of"]


def inputs_of(
    module: Module, example: Any, names: Sequence[str] | None, head: Any
) -> tuple[list[tuple[str, Any]], Callable[[Sequence[Any]], tuple[tuple, dict]]]:
    """Return the inputs with their names, and a function from as many Tensors to the arguments of the model."""
    _refuse_what_is_no_example(example)
    found: list[tuple[str, Any]] = []

    def taken(x: Any, name: str) -> Callable[[Sequence[Any]], Any]:
        if x is None:
            return lambda given: None
        if isinstance(x, tuple):
            parts = [taken(part, f"{name}_{k}") for k, part in enumerate(x)]
            return lambda given: tuple([part(given) for part in parts])
        at = len(found)
        found.append((name, _as_input(x if head is None else head.table(x), name, head)))
        return lambda given: given[at]

    if isinstance(example, Mapping) and not hasattr(example, "iloc"):
        by_name = {key: taken(x, str(key)) for key, x in example.items()}
        rebuild: Callable = lambda given: ((), {key: part(given) for key, part in by_name.items()})
    else:
        several = example if isinstance(example, tuple) else (example,)
        arguments = _argument_names(module, len(several))
        parts = [taken(x, name) for x, name in zip(several, arguments)]
        rebuild = lambda given: (tuple([part(given) for part in parts]), {})
    if not found:
        raise ValueError("tg.onnx.export: the example holds no input")
    if names is not None:
        if isinstance(names, str) or len(names) != len(found) or len({*names}) != len(names):
            raise ValueError(f"tg.onnx.export: input_names={names!r} must be {len(found)} different names")
        found = [(name, array) for name, (_, array) in zip(names, found)]
    return found, rebuild


def _refuse_what_is_no_example(example: Any) -> None:
    if isinstance(example, (str, os.PathLike)):
        raise TypeError("tg.onnx.export: the example comes before the path: tg.onnx.export(model, example, path)")
    if isinstance(example, tuple) and example and all(type(n) is int for n in example):
        raise TypeError(
            f"tg.onnx.export: the example {example} looks like a shape; give an array: np.zeros({example}, np.float32)"
        )
    if isinstance(example, list) and example and all(getattr(x, "ndim", 0) for x in example):
        raise TypeError(
            "tg.onnx.export: a list of arrays could be several inputs or one: write a tuple of several, np.stack of one"
        )


def _argument_names(module: Module, count: int) -> list[str]:
    """Return the names of the first arguments of a module's forward."""
    function = module.function if isinstance(module, nn.Lambda) else module.forward
    try:
        known = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        known = []
    known += [f"input_{k}" for k in range(len(known), count)]
    return known[:count]


def _as_input(x: Any, name: str, head: Any) -> np.ndarray:
    frame = hasattr(x, "columns") and hasattr(x, "dtypes")
    array = check_array(x, name, "tg.onnx.export", "an example")
    if array.dtype.kind not in "fiub":
        what = f"has columns of dtype {array.dtype}: encode" if frame else f"is of dtype {array.dtype}: encode"
        raise TypeError(
            f"tg.onnx.export: the example {name!r} {what} them as numbers first (tg.features, or steps of a pipeline)"
        )
    if (
        not isinstance(x, (np.ndarray, np.generic, Tensor))
        and not hasattr(x, "dtype")
        and array.dtype == np.float64
        and head is None
    ):
        array = array.astype(np.float32) if not frame else array  # a list of Python's numbers, as tg.tensor takes it
    if head is not None and (array.dtype.kind != "f" or array.dtype == np.float16):
        array = array.astype(head.dtype)
    if array.size == 0:
        raise ValueError(
            f"tg.onnx.export: the example {name!r} is empty, of shape {array.shape}; give at least one row"
        )
    return np.array(array)
