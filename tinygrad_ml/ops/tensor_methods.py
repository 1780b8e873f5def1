"""What makes Tensors feel like arrays: operators and methods."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from opcode import opmap
from typing import Any

import numpy as np

from ..attributes import attribute
from ..autograd import backward, primitive
from ..foreign_names import SAME, takes_foreign_names, without_device
from ..gradients import register_hook, retain_grad
from ..modes import modes, warn
from ..tensor import LostGradientWarning, Tensor, as_tensor, from_owned
from . import (
    activation,
    complex_numbers,
    composed,
    cumulative,
    elementwise,
    exponential,
    index,
    join,
    logic,
    products,
    reduce,
    rounding,
    shape,
    special,
    statistics,
    trigonometric,
)
from .index import getitem, normalised, refuse_complex_into_real, setitem

__all__ = ["astype", "copy"]


@primitive(cost="none", x=lambda g: g)
def _astype(x, *, dtype):
    """Return the elements in another floating dtype; the gradient comes back in the old one.

    >>> tg.astype(tg.tensor([1.5]), "float64")
    tensor([1.5], dtype=float64)
    """
    return x.astype(dtype)


def astype(x: Any, dtype: Any) -> Tensor:
    """Return the elements in another dtype; through a floating one the gradient flows, integers are constants.

    >>> tg.tensor([1.5]).astype(tg.int64)
    tensor([1], dtype=int64)
    """
    kind = np.dtype(dtype).kind
    if kind not in "fciub":
        raise TypeError(f"astype(): a Tensor is numeric, so it cannot have dtype {np.dtype(dtype)}")
    x = as_tensor(x)
    return _astype(x, dtype=dtype) if kind in "fc" else from_owned(x._data.astype(dtype))


@primitive(np.copy, cost="none", x=lambda g: g)
def copy(x):
    """Return the same numbers in a Tensor of their own; unlike with `detach`, the gradient flows through.

    >>> tg.copy(tg.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return np.copy(x)


def _getitem(self: Tensor, place: Any) -> Tensor:
    return getitem(self, place)


class _Temporary:
    """Something that nobody keeps, to count the references that Python itself holds while it assigns to a part."""

    def __setitem__(self, index: Any, value: Any) -> None:
        value.append(_references(self))


_references = getattr(sys, "getrefcount", lambda thing: sys.maxsize)  # only CPython counts them
_of_a_temporary: list[int] = []
_Temporary()[0] = _of_a_temporary
_ASSIGNMENTS = {opmap[name] for name in ("STORE_SUBSCR", "STORE_SLICE") if name in opmap}


def _setitem(self: Tensor, index: Any, value: Any) -> None:
    if _references(self) <= _of_a_temporary[0] and _is_nobodys(self):
        raise RuntimeError(
            "x[i][j] = value, x.T[i] = value and the like would be lost: a part of a Tensor is a copy, which nobody "
            "keeps. Write x[i, j] = value, or give the part a name: part = x[i]; part[j] = value; x[i] = part"
        )
    index = normalised(index)
    if self.node is None and self._requires_grad:
        if modes.recording:
            raise RuntimeError(
                "a leaf that requires a gradient cannot be written to in part, since its gradient would be lost: "
                "write under tg.no_grad(), or build the value first and require the gradient then; for a new value "
                "write to a copy: y = x.copy()"
            )
        value = value._data if isinstance(value, Tensor) else value
        refuse_complex_into_real(self, value)
        self._sync_version()
        self._data[index] = value
        self._touch()
    else:
        if isinstance(value, Tensor) and value.requires_grad and self.dtype.kind not in "fc":
            raise TypeError(
                f"cannot write a value that requires a gradient into a Tensor of dtype {self.dtype}, where its "
                "gradient would be lost: convert the Tensor first with .astype(dtype)"
            )
        if self.node is not None and not modes.recording:
            raise RuntimeError(
                "writing to a part of a result under tg.no_grad() would lose its history; write while operations are "
                "recorded, or to y.detach()"
            )
        name = self.name
        self._become(setitem(self, value, index=index))
        if self.node is None:
            self.name = name


def _is_nobodys(thing: Tensor) -> bool:
    """Return whether a line `...[i] = value` writes to the Tensor, and no variable of the caller is it.

    Newer Pythons lend a variable without counting a reference, and so does every call of a method by its name.
    """
    caller = sys._getframe(2)
    assigns = caller.f_code.co_code[caller.f_lasti] in _ASSIGNMENTS
    return assigns and not any(value is thing for value in caller.f_locals.values())


def _number(kind: type) -> Callable:
    """Return float(x), int(x) or complex(x), which also Python's and NumPy's own functions ask for."""

    def convert(self: Tensor) -> Any:
        if modes.recording and self.requires_grad:
            warn(
                f"{kind.__name__}() of a Tensor that requires a gradient gives a plain number, and what is computed "
                "from it has no gradient: use x.item() or x.detach() if that is meant, and operations of NumPy or tg "
                "if not (array[i] = x, math.exp(x) and the like take the number too)",
                LostGradientWarning,
            )
        return kind(self.item())

    return convert


def _in_place(symbol: str, operation: Callable) -> Callable:
    """Return `x += y` and its like: of a leaf that requires a gradient it is a write, of all others a new value."""

    def assign(self: Tensor, other: Any) -> Tensor:
        if self.node is not None or not self._requires_grad:
            return operation(self, other)
        if modes.recording:
            raise RuntimeError(
                f"`{symbol}` on a leaf that requires a gradient, while operations are recorded, would lose the leaf or "
                f"its gradient: to change it, write `with tg.no_grad(): x {symbol} ...` or `x.data {symbol} ...`; to "
                "compute a new value, write `y = x + ...`"
            )
        value = operation(self, other)._data
        if value.shape != self.shape:
            raise ValueError(
                f"`{symbol}` cannot write a value of shape {value.shape} into a leaf of shape {self.shape}"
            )
        if not np.can_cast(value.dtype, self.dtype, "same_kind"):
            raise TypeError(f"`{symbol}` cannot write a value of dtype {value.dtype} into one of dtype {self.dtype}")
        self._data[...] = value
        self._touch()
        return self

    return assign


def _iter(self: Tensor) -> Iterator[Tensor]:
    if not self.ndim:
        raise TypeError("a Tensor without axes has no elements to go through: x.item() is its number")
    return (self[i] for i in range(len(self)))


@takes_foreign_names()
def _reshape(self: Tensor, *new: Any) -> Tensor:
    """Return the same numbers in another shape: x.reshape(2, -1) or x.reshape((2, -1)).

    >>> tg.ones(6).reshape(2, -1).shape
    (2, 3)
    """
    return shape.reshape(self, shape=new[0] if len(new) == 1 else new)


def _as_type(dtype: str) -> Callable[[Tensor], Tensor]:
    """Return x.float(), x.long() and their like: the elements in the dtype that PyTorch calls so."""

    def convert(self: Tensor) -> Tensor:
        return self if self.dtype == dtype else astype(self, dtype)

    convert.__doc__ = f"Return the elements in dtype {dtype}; a Tensor that has it already is returned as it is."
    return convert


@takes_foreign_names()
def _to(self: Tensor, dtype: Any = None, *where: Any, device: Any = None) -> Tensor:
    """Return the elements in another dtype, or in that of another Tensor; there is one device, "cpu".

    >>> tg.ones(2).to(tg.float64).dtype
    dtype('float64')
    """
    wanted = without_device([dtype, *where, device])
    dtype = self.dtype if wanted is None else np.dtype(wanted.dtype if isinstance(wanted, Tensor) else wanted)
    return self if self.dtype == dtype else astype(self, dtype)


def _array_namespace(self: Tensor, *, api_version: str | None = None) -> Any:
    """Return `tg.array_api`, the namespace of the array API standard, by which SciPy and scikit-learn dispatch.

    >>> tg.ones(2).__array_namespace__().__array_api_version__
    '2024.12'
    """
    namespace = importlib.import_module(f"{__package__.rpartition('.')[0]}.array_api")
    if api_version not in (None, "2021.12", "2022.12", "2023.12", namespace.__array_api_version__):
        raise ValueError(
            f"version {api_version!r} of the array API standard is not known here, {namespace.__array_api_version__} is"
        )
    return namespace


def _to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """Return the Tensor itself: there is one device, "cpu"."""
    if stream is not None:
        raise ValueError(f"to_device(): the CPU has no stream {stream!r}")
    without_device([device])
    return self


def _itself(self: Tensor) -> Tensor:
    """Return the Tensor itself: its memory is that of the CPU."""
    return self


@takes_foreign_names()
def _transpose(self: Tensor, *axes: Any) -> Tensor:
    """Return the elements with their axes in another order, by default reversed.

    >>> tg.ones((2, 3, 4)).transpose(1, 0, 2).shape
    (3, 2, 4)
    """
    if len(axes) == 2 and self.ndim > 2:
        raise ValueError(
            f"transpose() takes the order of all {self.ndim} axes, as in NumPy: two are exchanged by x.swapaxes{axes}"
        )
    return shape.transpose(self, axes=axes[0] if len(axes) == 1 else axes or None)


def _compared(operation: Callable) -> Callable:
    """Return == or != that leaves None, text and other things without elements to Python: they differ."""

    def compare(self: Tensor, other: Any) -> Any:
        if other is None or isinstance(other, (str, dict, set)):
            return NotImplemented
        return operation(self, other)

    return compare


BOOL = np.dtype(bool)


def _of_bits(bitwise: Callable, logical: Callable) -> Callable:
    """Return &, |, ^ or ~: of bools it is the logical operation; of integers it goes bit by bit, as in NumPy."""

    def operation(*operands: Any) -> Tensor:
        for x in operands:
            if type(x) is not bool and getattr(x, "dtype", BOOL if isinstance(x, (list, tuple)) else None) != BOOL:
                return bitwise(*operands)
        return logical(*operands)

    return operation


def _reversed(operation: Callable) -> Callable:
    return lambda self, other: operation(other, self)


OPERATORS: dict[str, Callable] = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "pow": elementwise.power,
    "matmul": products.matmul,
    "and": _of_bits(logic.bitwise_and, logic.logical_and),
    "or": _of_bits(logic.bitwise_or, logic.logical_or),
    "xor": _of_bits(logic.bitwise_xor, logic.logical_xor),
    "floordiv": rounding.floor_divide,
    "mod": rounding.remainder,
    "lshift": logic.bitwise_left_shift,
    "rshift": logic.bitwise_right_shift,
}
SYMBOLS = dict(zip(OPERATORS, ("+", "-", "*", "/", "**", "@", "&", "|", "^", "//", "%", "<<", ">>")))
for _name, _operation in OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _operation)
    setattr(Tensor, f"__r{_name}__", _reversed(_operation))
    setattr(Tensor, f"__i{_name}__", _in_place(f"{SYMBOLS[_name]}=", _operation))

METHODS: dict[str, Any] = {
    "__divmod__": lambda self, other: (rounding.floor_divide(self, other), rounding.remainder(self, other)),
    "__rdivmod__": lambda self, other: (rounding.floor_divide(other, self), rounding.remainder(other, self)),
    "__neg__": elementwise.negative,
    "__pos__": lambda self: self,
    "__abs__": elementwise.abs,
    "__invert__": _of_bits(logic.bitwise_not, logic.logical_not),
    "__lt__": logic.less,
    "__le__": logic.less_equal,
    "__gt__": logic.greater,
    "__ge__": logic.greater_equal,
    "__eq__": _compared(logic.equal),
    "__ne__": _compared(logic.not_equal),
    "__getitem__": _getitem,
    "__setitem__": _setitem,
    "__iter__": _iter,
    "__array_namespace__": _array_namespace,
    "to_device": _to_device,
    "astype": astype,
    "copy": copy,
    "reshape": _reshape,
    "transpose": _transpose,
    "view_as": lambda self, other: shape.reshape(self, shape=other.shape),
    "reshape_as": lambda self, other: shape.reshape(self, shape=other.shape),
    "type_as": lambda self, other: astype(self, other.dtype),
    "dim": lambda self: self.ndim,
    "is_floating_point": lambda self: self.dtype.kind == "f",
    "is_complex": lambda self: self.dtype.kind == "c",
    "half": _as_type("float16"),
    "float": _as_type("float32"),
    "double": _as_type("float64"),
    "short": _as_type("int16"),
    "int": _as_type("int32"),
    "long": _as_type("int64"),
    "bool": _as_type("bool"),
    "to": _to,
    "cpu": _itself,
    "contiguous": _itself,
    "T": attribute("T", shape.transpose, "The elements with their axes reversed."),
    "mT": attribute("mT", lambda self: shape.swapaxes(self, -1, -2), "The stacked matrices transposed."),
    "backward": backward,
    "register_hook": register_hook,
    "retain_grad": retain_grad,
    "__float__": _number(float),
    "__int__": _number(int),
    "__complex__": _number(complex),
    "real": attribute("real", complex_numbers.real, "The real parts of the elements."),
    "imag": attribute("imag", complex_numbers.imag, "The imaginary parts of the elements; zeros, if they are real."),
}
for _module, _names in [
    (elementwise, "abs clip"),
    (complex_numbers, "angle conj conjugate"),
    (activation, "softmax log_softmax logsumexp"),
    (reduce, "sum mean max min amax amin argmax argmin any all"),
    (statistics, "var std median quantile"),
    (cumulative, "prod cumsum cumprod"),
    (shape, "ravel squeeze expand_dims moveaxis swapaxes diagonal diag trace flip roll tril triu"),
    (join, "repeat tile"),
    (index, "take take_along_axis topk sort argsort nonzero searchsorted"),
    (products, "dot matmul outer"),
    (rounding, "round"),
    (logic, "isclose"),
    (composed, "allclose diff flatten gather masked_fill numel t unique"),
]:
    for _name in _names.split():
        METHODS[_name] = getattr(_module, _name)
for _module in (elementwise, exponential, trigonometric, rounding, special, logic, activation):
    for _name in _module.__all__:
        _row = getattr(getattr(_module, _name), "primitive", None)
        # NumPy's and PyTorch's equal differ, and where begins with the condition
        if _row is not None and _row.elementwise and _name not in ("equal", "where", "sinc_derivative"):
            METHODS.setdefault(_name, getattr(_module, _name))
for _name, _others in SAME.items():
    for _other in _others.split():
        if _name in METHODS:
            METHODS.setdefault(_other, METHODS[_name])
METHODS |= {"eq": logic.equal, "view": _reshape, "permute": _transpose, "clone": copy}
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
Tensor.device = property(lambda self: getattr(self._data, "device", "cpu"), doc='Where the elements lie: "cpu".')
