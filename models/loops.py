"""The loops of linear models that look at one sample after the other, in C if there is a compiler.

In Python each sample costs microseconds, however few its features are. Small tables, and all where nothing compiles,
are left to NumPy, which adds the terms of a sum in another order. Which tables are small depends on their shape only,
so a program gives the same numbers in every run on one machine.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 10_000  # elements of a table that are not worth a library


@cache
def functions(dtype: np.dtype) -> Any:
    """Return the functions of `loops.c` for float32 or float64; None if there is no compiler."""
    build = import_module("tinygrad_ml.native.build")  # which takes long to load
    text = Path(__file__).with_name("loops.c").read_text(encoding="utf-8")
    kind, number = ("float", ctypes.c_float) if dtype == np.float32 else ("double", ctypes.c_double)
    try:
        found = build.library(f"#define real {kind}\n{text}")
    except build.CannotCompile:
        return None
    array, count = ctypes.c_void_p, ctypes.c_int64
    found.perceptron.argtypes = [array, count, count, array, array, array, number, ctypes.c_int, array]
    found.perceptron.restype = count
    found.hinge.argtypes = [array, count, count, *[array] * 7, count, number]
    found.hinge.restype = None
    return found


def loops_of(X: Any) -> Any:
    """Return the functions for a table `(samples, features)`; None if it is small or sparse, or nothing compiles."""
    if not isinstance(X, np.ndarray) or X.size < SMALL:
        return None
    return functions(X.dtype)
