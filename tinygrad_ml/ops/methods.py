"""What makes Tensors feel like arrays: operators, methods, and NumPy's two dispatch protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..autograd import NUMPY, modes, primitive
from ..tensor import Tensor, tick, wrap
from . import activation, elementwise, linalg, reduce, shape
from .index import getitem, normalised


@primitive(x=lambda g: g)
def astype(x, *, dtype):
    """Return the numbers in another dtype; the gradient comes back in the old one.

    >>> tg.astype(tg.tensor([1.5]), "float64")
    tensor([1.5], dtype=float64)
    """
    return x.astype(dtype)


@primitive(
    x=lambda g, index: setitem(g, 0, index=index),
    value=lambda g, index: getitem(g, index=index),
)
def setitem(x, value, *, index):
    """Return a copy of x in which x[index] is replaced by `value` (`x[index] = value` uses it).

    >>> tg.ops.setitem(tg.zeros(3), 1.0, index=2)
    tensor([0., 0., 1.])
    """
    out = np.array(x)
    out[index] = value
    return out


def _astype(self: Tensor, dtype: Any) -> Tensor:
    """Return the Tensor in another dtype; to an integer or bool dtype no gradient flows.

    >>> tg.tensor([1.5]).astype(int)
    tensor([1], dtype=int64)
    """
    if np.dtype(dtype).kind not in "fc":
        return wrap(self._data.astype(dtype))
    return astype(self, dtype=dtype)


def _getitem(self: Tensor, index: Any) -> Tensor:
    return getitem(self, index=normalised(index))


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    index = normalised(index)
    if self.node is None and self._wants:
        if modes.recording:
            raise RuntimeError(
                "a leaf that requires a gradient cannot be written to in part, since its gradient would be lost: "
                "write under tg.no_grad(), or build the value first and require the gradient then"
            )
        self.settle()
        self._data[index] = value._data if isinstance(value, Tensor) else value
        self._changed = tick()
        if self._lent is not None:
            self._lent = self._data.copy()
    else:
        self._become(setitem(self, value, index=index))


def _iter(self: Tensor) -> Iterator[Tensor]:
    return (self[i] for i in range(len(self)))


def _reshape(self: Tensor, *new: Any) -> Tensor:
    """Return the same numbers in another shape: x.reshape(2, -1) or x.reshape((2, -1)).

    >>> tg.ones(6).reshape(2, -1).shape
    (2, 3)
    """
    return shape.reshape(self, shape=new[0] if len(new) == 1 else new)


def _transpose(self: Tensor, *axes: Any) -> Tensor:
    """Return the numbers with their axes in another order, by default reversed.

    >>> tg.ones((2, 3, 4)).transpose(1, 0, 2).shape
    (3, 2, 4)
    """
    return shape.transpose(self, axes=axes[0] if len(axes) == 1 else axes or None)


def _reversed(operation: Callable) -> Callable:
    return lambda self, other: operation(other, self)


OPERATORS = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "pow": elementwise.power,
    "matmul": linalg.matmul,
    "and": elementwise.logical_and,
    "or": elementwise.logical_or,
    "xor": elementwise.logical_xor,
}
for _name, _operation in OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _operation)
    setattr(Tensor, f"__r{_name}__", _reversed(_operation))

METHODS: dict[str, Any] = {
    "__neg__": elementwise.negative,
    "__pos__": lambda self: self,
    "__abs__": elementwise.abs,
    "__invert__": elementwise.logical_not,
    "__lt__": elementwise.less,
    "__le__": elementwise.less_equal,
    "__gt__": elementwise.greater,
    "__ge__": elementwise.greater_equal,
    "__eq__": elementwise.equal,
    "__ne__": elementwise.not_equal,
    "__getitem__": _getitem,
    "__setitem__": _setitem,
    "__iter__": _iter,
    "astype": _astype,
    "reshape": _reshape,
    "transpose": _transpose,
    "T": property(shape.transpose, doc="The numbers with their axes reversed."),
    "mT": property(lambda self: shape.swapaxes(self, -1, -2), doc="The stacked matrices transposed."),
    "flatten": shape.ravel,
}
for _module, _names in [
    (elementwise, "abs exp log sqrt tanh clip"),
    (activation, "sigmoid relu softmax log_softmax logsumexp"),
    (reduce, "sum mean max min argmax argmin any all"),
    (shape, "ravel squeeze swapaxes"),
]:
    for _name in _names.split():
        METHODS[_name] = getattr(_module, _name)
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)


# ---------------------------------------------------------------------- NumPy's protocols

NUMPY[np.concatenate] = shape.concatenate
NUMPY[np.stack] = shape.stack
NUMPY[np.shape] = lambda x: x.shape
NUMPY[np.ndim] = lambda x: x.ndim
NUMPY[np.size] = lambda x: x.size

REDUCTIONS = {np.add: reduce.sum, np.maximum: reduce.max, np.minimum: reduce.min}


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **parameters: Any) -> Any:
    """Run np.exp(tensor), ndarray + tensor and np.add.reduce(tensor) as our own operations."""
    if parameters.get("out") is not None:
        raise TypeError(f"np.{ufunc.__name__} cannot write a Tensor's result into an array; leave out= away")
    if method == "reduce" and ufunc in REDUCTIONS:
        return REDUCTIONS[ufunc](*inputs, **({"axis": 0} | parameters))
    if method != "__call__" or ufunc not in NUMPY:
        call = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
        raise TypeError(f"{call} is not supported on Tensors; use .numpy() or .detach() for the plain value")
    return NUMPY[ufunc](*inputs, **parameters)


def _array_function(self: Tensor, function: Callable, types: Any, inputs: tuple, parameters: dict) -> Any:
    """Run np.sum(tensor), np.where(...) and their like as our own operations."""
    if function not in NUMPY:
        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        raise TypeError(f"{name} is not supported on Tensors; use .numpy() or .detach() for the plain value")
    return NUMPY[function](*inputs, **parameters)


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
