"""Names for arrays that a program uses: of the variable that holds them, wherever the program took it from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np

from ...nn.module import Module
from ...tensor import Tensor


def name_in_frame(frame: FrameType, array: np.ndarray) -> str:
    """Return the name by which running code knows an array, or nothing; see `name_among`."""
    return name_among(_visible(frame), array)


def name_among(variables: Mapping[str, Any], array: np.ndarray) -> str:
    """Return the name of the variable that holds an array, or nothing.

    Where it was copied on the way, such as a target that became an array of integers, it is the one variable that has
    the same elements; where several have, there is no telling which.

    >>> from tinygrad_ml.graph.build.naming import name_among
    >>> y = np.array([1, 0])
    >>> name_among({"X": np.eye(2), "y": y}, y), name_among({"y": y}, y.astype(float)), name_among({}, y)
    ('y', 'y', '')
    """
    equal = set()
    for name, thing in variables.items():
        held = thing._data if isinstance(thing, Tensor) else thing
        if held is array:
            return name
        if same_elements(held, array):
            equal.add(name)
        elif isinstance(held, np.ndarray) and held.ndim == 2 and same_elements(held.T, array):
            equal.add(f"{name}ᵀ")
    return equal.pop() if len(equal) == 1 else ""


def same_elements(a: Any, b: np.ndarray) -> bool:
    """Whether something is an array with the same elements, of whichever type."""
    return isinstance(a, np.ndarray) and a.shape == b.shape and bool(a.ndim) and np.array_equal(a, b)


def _visible(frame: FrameType) -> dict[str, Any]:
    """Return the variables that code at this place uses: global ones, those of its object, and its own."""
    names = frame.f_code.co_names
    found = {name: frame.f_globals[name] for name in names if name in frame.f_globals}
    for thing in list(frame.f_locals.values()):
        if isinstance(thing, Module):
            found |= dict(_attributes(thing))
    return found | {name: thing for name, thing in frame.f_locals.items() if not name.startswith("_")}


def _attributes(module: Module) -> Iterator[tuple[str, Any]]:
    """Yield the arrays that a module keeps as they are."""
    for name, thing in vars(module).items():
        if isinstance(thing, np.ndarray) or type(thing) is Tensor:
            yield name, thing
