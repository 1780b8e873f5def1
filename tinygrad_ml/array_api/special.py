"""SciPy's special functions of Tensors: where SciPy looks for them when its functions dispatch by the namespace.

Its ufuncs are found by their names; the derivatives stand in the room `numpy_functions`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import as_tensor


def __getattr__(name: str) -> Callable:
    found = None if name.startswith("_") else getattr(importlib.import_module("scipy.special"), name, None)
    function = getattr(found, "__wrapped__", found)  # SciPy wraps its ufuncs in the function that asks for ours
    if not isinstance(function, np.ufunc):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def of_tensors(*inputs: Any) -> Any:
        return function(*(x if isinstance(x, (int, float)) else as_tensor(x) for x in inputs))

    of_tensors.__name__ = of_tensors.__qualname__ = name
    return of_tensors
