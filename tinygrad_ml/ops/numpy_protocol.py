"""NumPy as the second front door: np.exp(tensor), ndarray @ tensor and np.split(tensor, 3) become our operations.

A function that is not in the table is looked for in the room `numpy_functions`, which is loaded then. What has no
derivative gives its value for Tensors that require no gradient, and raises TypeError with its name for the others:
nothing falls back to arrays of objects, and no gradient gets lost on the way.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import copied, is_other, together
from ..foreign_names import hint_for
from ..primitive import IMPLEMENTATIONS, implements
from ..tensor import Tensor, as_array, from_owned
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


def values_of(thing: Any) -> Any:
    """Return arguments with the values of Tensors in place of these, in lists, tuples and dicts too."""
    if isinstance(thing, Tensor):
        return thing._data
    if isinstance(thing, dict):
        return {key: values_of(part) for key, part in thing.items()}
    if type(thing) in (list, tuple):
        return type(thing)([values_of(part) for part in thing])
    return thing


def as_results(thing: Any) -> Any:
    """Return a result with Tensors in place of arrays of numbers."""
    if is_other(thing):
        return from_owned(copied(thing))
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "biufc":
        return from_owned(thing.copy() if thing.base is not None or not thing.flags.writeable else thing)
    if isinstance(thing, (list, tuple)):
        parts = [as_results(part) for part in thing]
        return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)
    return thing


def _values(function: Callable) -> Callable:
    """Return NumPy's function for the values of Tensors: its result is a constant."""
    return lambda *inputs, **parameters: function(
        *together(*(x._data if isinstance(x, Tensor) else x for x in inputs)), **parameters
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
FOLDS = ("reduce", "accumulate", "reduceat")
ACCUMULATIONS = {np.add: cumulative.cumsum, np.multiply: cumulative.cumprod}
UNKNOWN = {  # arguments of NumPy's functions that our operations do not have
    "dtype": "convert with .astype(dtype)",
    "out": "the result is a new Tensor",
    "where": "use np.where",
}
WIDER: dict[Callable, Callable] = {}  # our operation -> what takes more of the arguments of NumPy's function
IMPLIED = {"copy": True, "stable": True}  # what holds anyway
UFUNC_DEFAULTS = {"where": True, "casting": "same_kind", "order": "K", "subok": True}


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
        return _call(name, ufunc.reduce, REDUCTIONS[ufunc], inputs, {"axis": 0} | parameters, UFUNC_DEFAULTS)
    if method == "outer" and len(inputs) == 2:
        x, y = (create.as_tensor(x) for x in inputs)
        return ufunc(shape.reshape(x, x.shape + (1,) * y.ndim), y, **parameters)
    if method == "accumulate" and ufunc in ACCUMULATIONS:
        return _call(name, ufunc.accumulate, ACCUMULATIONS[ufunc], inputs, {"axis": 0} | parameters, UFUNC_DEFAULTS)
    function, operation = ufunc if method == "__call__" else getattr(ufunc, method), _found(ufunc)
    if operation is not None and method != "__call__" and ufunc.nin == 2 and _requires_grad(inputs):
        operation = functools.partial(_room("folds").FOLDS[method], ufunc) if method in FOLDS else None
    elif method != "__call__":
        operation = None
    if operation is None:
        return _value(name, function, inputs, parameters)
    return _call(name, function, operation, inputs, parameters, UFUNC_DEFAULTS) if parameters else operation(*inputs)


def _array_function(self: Tensor, function: Callable, types: Any, inputs: tuple, parameters: dict) -> Any:
    """Run np.sum(tensor), np.where(...) and their like as our own operations."""
    name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
    operation = _found(function)
    if operation is None:
        return _value(name, function, inputs, parameters)
    if len(inputs) == 1 and not parameters:
        return operation(*inputs)
    return _call(name, function, operation, *_sorted(function, operation, inputs, parameters), _defaults(function))


def _found(function: Callable) -> Any:
    """Return our function for one of NumPy's or SciPy's, or None."""
    if function not in IMPLEMENTATIONS:
        _room()
        if (
            function not in IMPLEMENTATIONS
            and "scipy.special" in sys.modules
            and getattr(np, function.__name__, None) is not function
        ):
            _room("special").declare(function)
    return IMPLEMENTATIONS.get(function)


def _room(name: str = "") -> Any:
    """Return the room of more functions, or a file of it, which is loaded when it is first asked for."""
    root = __package__.rpartition(".")[0]
    return importlib.import_module(f"{root}.numpy_functions" + (name and f".{name}"))


def _value(name: str, function: Callable, inputs: Any, parameters: dict) -> Any:
    """Return what a function without a derivative gives for values, unless a gradient would be lost."""
    if _requires_grad(inputs) or _requires_grad(parameters):
        raise unsupported(name)
    return as_results(function(*values_of(inputs), **values_of(parameters)))


def _requires_grad(thing: Any) -> bool:
    if isinstance(thing, dict):
        thing = list(thing.values())
    return any(map(_requires_grad, thing)) if type(thing) in (list, tuple) else getattr(thing, "requires_grad", False)


def _call(name: str, function: Callable, operation: Callable, inputs: tuple, parameters: dict, defaults: dict) -> Any:
    """Call our operation with the arguments of NumPy's function, and say what it does not take."""
    known = _parameters(operation)
    if known is None:
        return operation(*inputs, **parameters)
    more = {
        key: value
        for key, value in parameters.items()
        if key not in known and not any(value is other for other in (None, defaults.get(key), IMPLIED.get(key)))
    }
    parameters = {key: value for key, value in parameters.items() if key in known or key in more}
    if "dtype" in more and hasattr(operation, "primitive"):
        inputs, parameters = _in_dtype(name, inputs, parameters), {k: v for k, v in parameters.items() if k != "dtype"}
        del more["dtype"]
    if more or (operation is join.pad and parameters.get("mode", "constant") not in join.MODES):
        return _call_with_more(name, function, operation, inputs, parameters, more)
    return operation(*inputs, **parameters)


def _call_with_more(
    name: str, function: Callable, operation: Callable, inputs: tuple, parameters: dict, more: dict
) -> Any:
    """Call what takes more arguments than our operation, or NumPy's function for values, or say what is missing."""
    _room()
    wider = WIDER.get(operation) if isinstance(inputs[0], Tensor) and inputs[0].dtype.kind in "fc" else None
    if wider is not None and more.keys() <= inspect.signature(wider).parameters.keys():
        return wider(*inputs, **parameters)
    if not _requires_grad(inputs) and "out" not in more:
        return as_results(function(*values_of(inputs), **values_of(parameters)))
    for key in more:
        if key in UNKNOWN and hasattr(operation, "primitive"):
            raise TypeError(f"{name} does not take {key}= on Tensors: {UNKNOWN[key]}")
    return operation(*inputs, **parameters)


def _in_dtype(name: str, inputs: tuple, parameters: dict) -> tuple:
    """Return inputs in the dtype that NumPy is asked to compute in."""
    dtype = np.dtype(parameters["dtype"])
    if dtype.kind not in "fc" and _requires_grad(inputs):
        raise TypeError(f"{name} does not take dtype={dtype} on Tensors that require a gradient: it would be lost")
    return tuple([x.astype(dtype) if isinstance(x, (Tensor, np.ndarray)) else x for x in inputs])


@functools.cache
def _defaults(function: Callable) -> dict[str, Any]:
    """Return the parameters of NumPy's function with their defaults, in their order; none if it does not tell."""
    try:
        return {name: p.default for name, p in inspect.signature(function).parameters.items()}
    except ValueError:
        return {}


@functools.cache
def _parameters(operation: Callable) -> dict[str, bool] | None:
    """Return the parameters of our operation, and whether each must be given; None if it takes any."""
    parameters = inspect.signature(operation).parameters
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
        return None
    return {name: p.default is p.empty for name, p in parameters.items()}


def _sorted(function: Callable, operation: Callable, inputs: tuple, parameters: dict) -> tuple[tuple, dict]:
    """Return arguments as our operation takes them: its arrays by position, the others by NumPy's names.

    So np.sum(x, 0, float) asks for a dtype, as in NumPy, and np.dot(a=x, b=y) finds our x and y.
    """
    theirs, ours = list(_defaults(function)), _parameters(operation)
    if not theirs or ours is None:
        return inputs, parameters
    parameters = dict(parameters)
    own = list(ours)
    n = sum(ours.values())
    while len(inputs) < n and theirs[len(inputs)] in parameters and own[len(inputs)] not in parameters:
        inputs = (*inputs, parameters.pop(theirs[len(inputs)]))
    for i in range(n, len(inputs)):
        if i >= len(own) or i >= len(theirs) or own[i] != theirs[i]:
            return inputs[:i], parameters | dict(zip(theirs[i:], inputs[i:]))
    return inputs, parameters


def unsupported(name: str) -> TypeError:
    """Return the error for one of NumPy's functions that would lose a gradient, with what to use."""
    short = name.rpartition(".")[2]
    home = "linalg" if ".linalg." in name else "ops"
    there = short in getattr(sys.modules[__package__.rpartition(".")[0] + "." + home], "__all__", ())
    ours = f"use tg.{short}" if there and home == "ops" else hint_for("tg.linalg" if home == "linalg" else "tg", short)
    hint = f": {ours}, or" if ours and not ours.startswith(("use np", "did you", f"here it is {name},")) else ";"
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
    return copied(as_array(self)).__dlpack__(**request)


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    return as_array(self).__dlpack_device__()


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
