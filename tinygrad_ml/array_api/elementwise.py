"""Functions that compute element by element: the operations of the table, with the standard's names and arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_tensor

ONE = {  # of one array
    **{name: getattr(ops, name) for name in ("abs", "ceil", "conj", "cos", "cosh", "exp", "expm1", "floor", "imag")},
    **{name: getattr(ops, name) for name in ("isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2")},
    **{name: getattr(ops, name) for name in ("logical_not", "negative", "positive", "real", "reciprocal", "sign")},
    **{name: getattr(ops, name) for name in ("sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc")},
    **{"acos": ops.arccos, "acosh": ops.arccosh, "asin": ops.arcsin, "asinh": ops.arcsinh, "atan": ops.arctan},
    **{"atanh": ops.arctanh, "bitwise_invert": ops.bitwise_not, "round": ops.round},
    "signbit": lambda x: as_tensor(np.signbit(as_tensor(x))),
}
TWO = {  # of two arrays, or of an array and a number
    **{name: getattr(ops, name) for name in ("add", "bitwise_and", "bitwise_left_shift", "bitwise_or")},
    **{name: getattr(ops, name) for name in ("bitwise_right_shift", "bitwise_xor", "divide", "equal")},
    **{name: getattr(ops, name) for name in ("floor_divide", "greater", "greater_equal", "hypot", "less")},
    **{name: getattr(ops, name) for name in ("less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor")},
    **{name: getattr(ops, name) for name in ("maximum", "minimum", "multiply", "not_equal", "remainder", "subtract")},
    **{"atan2": ops.arctan2, "pow": ops.power},
    "copysign": lambda x1, x2: np.copysign(*_with_numbers(x1, x2)),
    "nextafter": lambda x1, x2: as_tensor(np.nextafter(*_with_numbers(x1, x2))),
}

__all__ = ["clip", *ONE, *TWO]


def _with_numbers(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return arrays as Tensors; a number beside one stays a number, which takes the dtype of the other."""
    return as_tensor(x1) if not isinstance(x2, Tensor) else x1, x2


def _of_one(name: str, operation: Callable) -> Callable:
    def function(x: Any, /) -> Tensor:
        return operation(x)

    return _named(function, name, operation)


def _of_two(name: str, operation: Callable) -> Callable:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return operation(x1, x2)

    return _named(function, name, operation)


def _named(function: Callable, name: str, operation: Callable) -> Callable:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = operation.__doc__ or f"Return what np.{name} computes, element by element."
    return function


globals().update({name: _of_one(name, operation) for name, operation in ONE.items()})
globals().update({name: _of_two(name, operation) for name, operation in TWO.items()})


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """Return x where it lies between `min` and `max`, and the limit where it does not; the dtype is that of x.

    >>> tg.array_api.clip(tg.tensor([1, 5, 9]), 2, 6)
    tensor([2, 5, 6], dtype=int64)
    """
    x = as_tensor(x)
    limits = [limit.astype(x.dtype) if isinstance(limit, Tensor) else limit for limit in (min, max)]
    return ops.copy(x) if min is None and max is None else ops.clip(x, *limits)
