"""NumPy as the second front door: np.exp(tensor), ndarray @ tensor and np.split(tensor, 3) become our operations.

What has no operation raises TypeError with its name: nothing falls back to arrays of objects, and no gradient
gets lost on the way.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..foreign_names import hint_for
from ..primitive import IMPLEMENTATIONS, implements
from ..tensor import Tensor
from . import activation, create, cumulative, elementwise, index, join, reduce, shape

COMPOSED = [  # the functions that are composed of operations, and therefore not in the table
    (create, "zeros_like ones_like full_like"),
    (index, "take take_along_axis"),
    (join, "concatenate stack hstack vstack dstack split array_split repeat meshgrid"),
    (shape, "trace broadcast_arrays atleast_1d atleast_2d atleast_3d"),
]
for _module, _names in COMPOSED:
    for _name in _names.split():
        implements(getattr(np, _name))(getattr(_module, _name))


def _values(function: Callable) -> Callable:
    """Return NumPy's function for the values of Tensors: its result is a constant."""
    return lambda *inputs, **parameters: function(
        *(x.numpy() if isinstance(x, Tensor) else x for x in inputs), **parameters
    )


for _function in (
    np.shape,
    np.ndim,
    np.size,
    np.array_equal,
    np.allclose,
    np.iscomplexobj,
    np.isrealobj,
    np.result_type,
):
    implements(_function)(_values(_function))


@implements(np.clip)
def _clip(x: Any, a_min: Any = None, a_max: Any = None, **parameters: Any) -> Tensor:
    return elementwise.clip(x, **({"min": a_min, "max": a_max} | parameters))


@implements(np.where)
def _where(condition: Any, *branches: Any) -> Any:
    return elementwise.where(condition, *branches) if branches else index.nonzero(condition)


@implements(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    return elementwise.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


# ---------------------------------------------------------------------- the two protocols

REDUCTIONS = {
    np.add: reduce.sum,
    np.multiply: cumulative.prod,
    np.maximum: reduce.max,
    np.minimum: reduce.min,
    np.logical_and: reduce.all,
    np.logical_or: reduce.any,
    np.logaddexp: activation.logsumexp,
}
UNKNOWN = {  # arguments of NumPy's functions that our operations do not have
    "dtype": "convert with .astype(dtype)",
    "out": "the result is a new Tensor",
    "where": "use np.where",
}


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **parameters: Any) -> Any:
    """Run np.exp(tensor), ndarray + tensor and np.add.reduce(tensor) as our own operations."""
    library = "np." if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special."
    name = library + ufunc.__name__ + ("" if method == "__call__" else f".{method}")
    if parameters.get("out") is not None:
        raise TypeError(
            f"{name} cannot write a Tensor's result into an array, where its gradient would be lost: "
            "write `a = a + x` instead of `a += x`, and leave out= away"
        )
    if method == "at" and ufunc is np.add and isinstance(inputs[0], Tensor):
        inputs[0][...] = index.add_at(*inputs)
        return None
    if method == "reduce" and ufunc in REDUCTIONS:
        return _call(name, REDUCTIONS[ufunc], inputs, {"axis": 0} | parameters)
    if method != "__call__" or ufunc not in IMPLEMENTATIONS:
        raise _unsupported(name)
    return _call(name, IMPLEMENTATIONS[ufunc], inputs, parameters) if parameters else IMPLEMENTATIONS[ufunc](*inputs)


def _array_function(self: Tensor, function: Callable, types: Any, inputs: tuple, parameters: dict) -> Any:
    """Run np.sum(tensor), np.where(...) and their like as our own operations."""
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    if function not in IMPLEMENTATIONS:
        raise _unsupported(name)
    if not inputs:  # np.sum(a=x): our first argument has another name
        inputs = (parameters.pop(next(iter(inspect.signature(function).parameters))),)
    return (
        _call(name, IMPLEMENTATIONS[function], inputs, parameters) if parameters else IMPLEMENTATIONS[function](*inputs)
    )


def _call(name: str, operation: Callable, inputs: tuple, parameters: dict) -> Any:
    """Call our operation with the arguments of NumPy's function, and say what it does not take."""
    row = getattr(operation, "primitive", None)
    if row is not None:
        for key in UNKNOWN.keys() & (parameters.keys() - row.parameters.keys()):
            if parameters[key] is not None:
                raise TypeError(f"{name} does not take {key}= on Tensors: {UNKNOWN[key]}")
            del parameters[key]
    return operation(*inputs, **parameters)


def _unsupported(name: str) -> TypeError:
    short = name.rpartition(".")[2]
    home = "linalg" if ".linalg." in name else "ops"
    there = short in getattr(sys.modules[__package__.rpartition(".")[0] + "." + home], "__all__", ())
    ours = f"use tg.{short}" if there and home == "ops" else hint_for("tg.linalg" if home == "linalg" else "tg", short)
    hint = f": {ours}, or" if ours and not ours.startswith(("use np", "did you")) else ";"
    return TypeError(f"{name} is not supported on Tensors{hint} use .numpy() or .detach() for the plain value")


# ---------------------------------------------------------------------- DLPack


def _dlpack(self: Tensor, **request: Any) -> Any:
    """Give a copy of the value to another library, as in torch.from_dlpack(tensor)."""
    if self.requires_grad:
        raise TypeError(
            "a Tensor that requires a gradient is not given away silently, since its gradient would be lost: "
            "use x.detach()"
        )
    if request.get("copy") is False:
        raise BufferError("a Tensor shares its memory with nobody: leave out copy=False")
    return np.array(self._data).__dlpack__(**request)


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    return np.asarray(self._data).__dlpack_device__()


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
