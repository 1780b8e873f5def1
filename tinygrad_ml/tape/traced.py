"""Tracing at the level of NumPy: an array that computes, and writes down what was computed.

A `Traced` has the value of this one call, so shapes, dtypes and branches are NumPy's own, and stands for a `Value` of
the tape. Kernels, rules and optimizers know nothing of it: NumPy's protocols let it stand in for an array. It never
becomes a plain array unnoticed: what would need one raises `Untraceable`, and then the operation that it happened in
is written down as one opaque call of its kernel or rule, which are functions of arrays by contract.

Writing in place (`mean *= beta`, `out=scratch`) lets the Traced stand for a new Value, so a Value never changes: the
tape is in SSA form. A branch on a value (`bool(traced)`) takes the way of this call and leaves a guard where it was
taken.
"""

from __future__ import annotations

import operator
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..arrays import StandIn
from ..batched import Batched
from ..sparse import SparseRows
from ..tensor import Tensor

__all__ = [
    "OPERATORS",
    "Source",
    "Tape",
    "Traced",
    "Untraceable",
    "Value",
    "among",
    "mapped",
    "of_values",
    "rebuilt",
]

NUMBERS = (bool, int, float, complex)  # Python's, which are weak beside arrays
ARRAYS = (np.ndarray, np.generic, *NUMBERS)  # what one Value may be


class Untraceable(Exception):
    """A traced array was asked for something that cannot be written down."""


class Source:
    """Where an input of the program comes from at each call: a Python expression of some objects.

    text : the expression, with {0}, {1}, ... for the objects; `args` and `named` are the arguments of the call
    things : the objects
    memory : the array itself, if it is always the same one (the flat memory of an optimizer), or None
    title : what it is, for people
    """

    __slots__ = ("memory", "text", "things", "title")

    def __init__(self, title: str, text: str, *things: Any, memory: np.ndarray | None = None):
        self.title, self.text, self.things, self.memory = title, text, things, memory

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Source) or self.text != other.text or len(self.things) != len(other.things):
            return False
        return all(a is b for a, b in zip(self.things, other.things)) and self.memory is other.memory

    __hash__ = None  # type: ignore[assignment]

    def written(self, code: Any) -> str:
        """Return the expression in a function that is written."""
        return self.text.format(*map(code.name, self.things))


class Value:
    """One result on the tape.

    op : the name of NumPy's function ("matmul", "add.reduce", "getitem"), or "input", "guard", "random", "opaque",
        "part" (of several results), "py_add" and its like (of Python's numbers)
    function : what computes it, `function(*args, **parameters)`: of numbers that may be an operator of Python, which
        need not round as NumPy's function of the same name
    args, parameters : Values and constants, also inside of tuples, lists and slices
    shape, dtype, strides : of the result; None for several results, and for guards
    weak : whether it is a Python number
    view : whether it shares the memory of its first argument
    checked : whether its shape depends on the data, so that a plan must compare it with `shape`
    index : its number on the tape
    source : of an input
    """

    __slots__ = (
        *("args", "checked", "dtype", "function", "index", "op", "parameters"),
        *("shape", "source", "strides", "view", "weak"),
    )

    def __init__(self, op: str, function: Any, args: tuple, parameters: dict[str, Any], concrete: Any):
        self.op, self.function, self.args, self.parameters = op, function, args, parameters
        self.weak = type(concrete) in NUMBERS
        several = not isinstance(concrete, ARRAYS)
        self.shape: Any = None if several else np.shape(concrete)
        self.dtype: Any = None if several else np.dtype(type(concrete)) if self.weak else concrete.dtype
        self.strides: Any = concrete.strides if isinstance(concrete, np.ndarray) else ()
        self.view = self.checked = False
        self.index = -1
        self.source: Any = None

    def uses(self) -> list[Value]:
        """Return the Values among its arguments, each as often as it is there."""
        return of_values((self.args, self.parameters))

    def __repr__(self) -> str:
        def shown(x: Any) -> str:
            if type(x) is Value:
                return f"v{x.index}"
            return f"array{x.shape}" if isinstance(x, np.ndarray) else repr(x)

        args = [shown(x) if type(x) is not tuple else f"({', '.join(map(shown, x))})" for x in self.args]
        args += [f"{key}={shown(x)}" for key, x in self.parameters.items()]
        of = "" if self.source is None else self.source.title
        return f"v{self.index} = {self.op}({of}{', '.join(args)}): {self.dtype}{self.shape}"


def rebuilt(x: Any, parts: Iterable[Any]) -> Any:
    """Return other parts in a tuple, a named tuple or a list like x."""
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)


def mapped(change: Callable[[Any], Any], x: Any) -> Any:
    """Return arguments with `change` applied to all that is no tuple, list, dict or slice of others."""
    if type(x) is tuple or type(x) is list:
        return type(x)([mapped(change, part) for part in x])
    if type(x) is dict:
        return {key: mapped(change, part) for key, part in x.items()}
    if type(x) is slice:
        return slice(mapped(change, x.start), mapped(change, x.stop), mapped(change, x.step))
    return change(x)


def among(kinds: Any, x: Any) -> list[Any]:
    """Return what is of some classes among arguments."""
    found: list[Any] = []
    mapped(lambda part: found.append(part) if isinstance(part, kinds) else None, x)
    return found


def of_values(x: Any) -> list[Value]:
    """Return the Values among arguments."""
    return among(Value, x)


def _concrete(x: Any) -> Any:
    return mapped(lambda part: part.concrete if type(part) is Traced else part, x)


class Tape:
    """What one call of a function computed, in order.

    thread : the thread of the call, None when it is over. Elsewhere what is traced is an array like any other: other
        threads may use the same Tensors.
    """

    def __init__(self) -> None:
        self.thread: int | None = threading.get_ident()
        self.values: list[Value] = []
        self.made: list[weakref.ref[Traced]] = []  # all that stood for a Value
        self.constants: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # arrays from outside, as they were when used

    def elsewhere(self) -> bool:
        """Whether this is not the call that is traced."""
        return self.thread != threading.get_ident()

    # ------------------------------------------------------------------ writing down

    def add(self, op: str, function: Any, args: tuple, parameters: dict[str, Any], concrete: Any) -> Traced:
        """Write down one result, and return what stands for it."""
        value = Value(op, function, mapped(self._recorded, args), mapped(self._recorded, parameters), concrete)
        value.index = len(self.values)
        self.values.append(value)
        return Traced(self, value, concrete)

    def _recorded(self, x: Any) -> Any:
        if type(x) is Traced:
            return x.value
        if isinstance(x, (Batched, SparseRows, Tensor)) or hasattr(type(x), "mapped"):
            raise Untraceable(f"{type(x).__name__} as an argument")
        if isinstance(x, np.ndarray) and x.size:
            known = self.constants.get(id(x))
            if known is not None and not np.array_equal(known[1], x, equal_nan=x.dtype.kind in "fc"):
                raise Untraceable("an array from outside that changed while it was traced")
            if known is None:
                self.constants[id(x)] = x, x.copy()
        return x

    def input(self, source: Source, concrete: Any) -> Traced:
        """Write down an input of the program."""
        traced = self.add("input", None, (), {}, concrete)
        traced.value.source = source
        return traced

    def call(self, op: str, function: Callable, args: tuple, parameters: dict[str, Any]) -> Traced:
        """Compute a function of NumPy and write it down."""
        concrete = function(*_concrete(args), **_concrete(parameters))
        return concrete if self.elsewhere() else self.record(op, function, args, parameters, concrete)

    def record(self, op: str, function: Callable, args: tuple, parameters: dict[str, Any], concrete: Any) -> Any:
        """Write down a result that was computed, or several."""
        traced = self.add(op, function, args, parameters, concrete)
        if not isinstance(concrete, ARRAYS):
            return self._parts(traced, concrete)
        traced.value.checked = op in OF_DATA or (op == "getitem" and _by_mask(args[1]))
        if isinstance(concrete, np.ndarray) and concrete.base is not None:
            for x in args:
                if type(x) is Traced and np.may_share_memory(x.concrete, concrete):
                    traced.value.view = True
                    x.family.append(weakref.ref(traced))
                    traced.family = x.family
        return traced

    def _parts(self, whole: Traced, concrete: Any) -> Any:
        """Return what stands for several results: a Traced for each array among them."""

        def part(function: Callable, *args: Any) -> Any:
            found = function(concrete, *args)
            return self._parts(self.add("part", function, (whole, *args), {}, found), found)

        if isinstance(concrete, ARRAYS):
            whole.value.checked = True
            return whole
        if concrete is None or isinstance(concrete, str):
            return concrete
        if isinstance(concrete, (tuple, list)):
            return rebuilt(concrete, [part(operator.getitem, k) for k in range(len(concrete))])
        if type(concrete) is SparseRows:
            return SparseRows(part(getattr, "rows"), part(getattr, "values"), concrete.shape)
        if hasattr(type(concrete), "mapped"):  # residuals
            listed = part(_listed)
            return concrete.mapped(lambda _: listed.pop(0))
        raise Untraceable(f"a result of type {type(concrete).__name__}")

    def guard(self, traced: Traced, expected: bool) -> None:
        """Write down that a branch was taken: a plan goes on only if the value is the same there."""
        if not self.elsewhere():
            self.add("guard", None, (traced, expected), {}, None)

    def opaque(self, function: Callable, args: tuple, parameters: dict[str, Any], error: Exception) -> Any:
        """Return what a kernel or a rule gives that could not be traced, written down as one call.

        `error` is why. It is raised if nothing here was traced; if the computation is wrong by itself, its own error.
        """
        if not among(Traced, (args, parameters)):
            raise error
        lists = {key: x for key, x in parameters.items() if type(x) is list}
        call = _Growing(function, tuple(lists)) if lists else function
        concrete = call(*_concrete(args), **_concrete(parameters))
        before = len(self.values)  # what it wrote down until it failed is taken back: it would write the same again
        try:
            function(*args, **{**parameters, **{key: list(x) for key, x in lists.items()}})
        except Exception:
            written = len(self.values) - before
        else:
            raise error
        del self.values[before - written :]
        result = self.record("opaque", call, args, parameters, concrete)
        if lists:
            result, grown = result
            for key, new in zip(lists, grown):
                lists[key] += new
        return result


class _Growing:
    """A kernel that appends to lists among its parameters: what it appends is a further result."""

    def __init__(self, function: Callable, lists: tuple[str, ...]):
        self.function, self.lists = function, lists
        self.__name__ = getattr(function, "__name__", "function")

    def __call__(self, *args: Any, **parameters: Any) -> tuple:
        given = {key: list(parameters[key]) for key in self.lists}
        result = self.function(*args, **{**parameters, **given})
        return result, [given[key][len(parameters[key]) :] for key in self.lists]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Growing) and (self.function, self.lists) == (other.function, other.lists)

    __hash__ = None  # type: ignore[assignment]


def _by_mask(index: Any) -> bool:
    """Whether the shape of x[index] depends on the values of the index."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(part, (np.ndarray, Traced)) and part.dtype == bool for part in parts)


def _listed(residuals: Any) -> list:
    """Return the arrays of residuals that are no tuple, in their order."""
    found: list[Any] = []
    residuals.mapped(found.append)
    return found


# NumPy's functions whose results have a shape that depends on the values.
OF_DATA = {"nonzero", "flatnonzero", "argwhere", "unique", "compress", "extract", "bincount", "repeat", "trim_zeros"}
OF_SHAPE = {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast}
IN_PLACE = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


class Traced(StandIn):
    """An array that computes and writes down; also one of Python's numbers that changes from call to call."""

    __slots__ = ("__weakref__", "concrete", "family", "tape", "value")
    __array_priority__ = 1000
    __hash__ = object.__hash__
    base = None

    def __init__(self, tape: Tape, value: Value, concrete: Any):
        self.tape, self.value, self.concrete = tape, value, concrete
        tape.made.append(weakref.ref(self))
        self.family = [tape.made[-1]]  # those that stand for the same memory, where a write would be seen

    # ------------------------------------------------------------------ NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **parameters: Any) -> Any:
        if any(isinstance(x, (Batched, Tensor)) for x in inputs):
            return NotImplemented  # it holds traced arrays itself
        if self.tape.elsewhere():
            if out is not None:
                parameters["out"] = _concrete(out)
            return getattr(ufunc, method)(*_concrete(inputs), **_concrete(parameters))
        if parameters.pop("where", True) is not True:
            raise Untraceable(f"np.{ufunc.__name__} with where=")
        result: Any
        if method == "__call__":
            result = self.tape.call(ufunc.__name__, ufunc, inputs, parameters)
        elif method == "reduce":
            axis = parameters.pop("axis", inputs[1] if len(inputs) > 1 else 0)
            given = {key: x for key, x in parameters.items() if x is not None and x is not np._NoValue}
            if not given.get("keepdims", True):
                del given["keepdims"]
            result = self.tape.call(f"{ufunc.__name__}.reduce", ufunc.reduce, (inputs[0], axis), given)
        else:
            raise Untraceable(f"np.{ufunc.__name__}.{method}")
        return result if out is None else self._into(out, result)

    def __array_function__(self, function: Any, types: Any, args: tuple, parameters: dict[str, Any]) -> Any:
        if any(issubclass(kind, (Batched, Tensor)) for kind in types):
            return NotImplemented
        if function in OF_SHAPE or self.tape.elsewhere():
            return function(*_concrete(args), **_concrete(parameters))
        if function in IN_PLACE:
            raise Untraceable(f"np.{function.__name__}")
        if function is np.array_equal and type(args[0]) is type(args[1]) is Traced and args[0].value is args[1].value:
            return True
        if function is np.copy and len(args) == 1:
            return self._copy(np.copy)
        out = parameters.pop("out", None)
        result = self.tape.call(function.__name__, function, args, parameters)
        return result if out is None else self._into((out,), result)

    def _into(self, out: tuple, result: Any) -> Any:
        """Write results into the arrays that `out=` names."""
        if not all(type(x) is Traced for x in out):
            raise Untraceable("writing into an array that it did not compute")
        written = [x._set(part) for x, part in zip(out, result if type(result) is tuple else (result,))]
        return tuple(written) if type(result) is tuple else written[0]

    # ------------------------------------------------------------------ writing

    def _set(self, new: Any) -> Traced:
        """Stand for a new value from now on, of the same shape and dtype."""
        if self.tape.elsewhere():
            self.concrete[...] = _concrete(new)
            return self
        others = [other() for other in self.family]
        if any(other is not None and other is not self for other in others):
            raise Untraceable("writing into memory that another array shares")
        if type(new) is not Traced or new.shape != self.shape or new.dtype != self.dtype or new.value.weak:
            new = self.tape.call("setitem", _setitem, (self, ..., new), {})
        self.value, self.concrete, self.family = new.value, new.concrete, [weakref.ref(self)]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Traced:
        return self.copy()

    def __setitem__(self, index: Any, new: Any) -> None:
        if index is Ellipsis:
            self._set(new)
        else:
            self._set(self.tape.call("setitem", _setitem, (self, index, new), {}))

    # ------------------------------------------------------------------ leaving the tape

    def __bool__(self) -> bool:
        answer = bool(self.concrete)
        self.tape.guard(self, answer)
        return answer

    def __len__(self) -> int:
        return len(self.concrete)

    def __iter__(self) -> Iterator[Traced]:
        return (self[i] for i in range(len(self.concrete)))

    def __repr__(self) -> str:
        return f"<traced {self.value!r}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):  # `hasattr(x, "tocsr")` asks what kind of data it is
            raise AttributeError(f"an array has no attribute {name!r}")
        if self.tape.elsewhere():
            return getattr(self.concrete, name)
        raise Untraceable(f".{name}")

    # ------------------------------------------------------------------ what an ndarray has

    shape: tuple[int, ...] = property(lambda self: np.shape(self.concrete))  # type: ignore[assignment]
    ndim: int = property(lambda self: np.ndim(self.concrete))  # type: ignore[assignment]
    size: int = property(lambda self: np.size(self.concrete))  # type: ignore[assignment]
    itemsize: int = property(lambda self: self.value.dtype.itemsize)  # type: ignore[assignment]
    nbytes: int = property(lambda self: self.size * self.itemsize)  # type: ignore[assignment]
    strides: tuple[int, ...] = property(lambda self: self.value.strides)  # type: ignore[assignment]
    flags = property(lambda self: self.concrete.flags)
    T: Traced = property(lambda self: self.transpose())  # type: ignore[assignment]
    mT: Traced = property(lambda self: self.swapaxes(-1, -2))  # type: ignore[assignment]

    @property
    def dtype(self) -> np.dtype:
        """The dtype; elsewhere an equal one, which is not that of an input of a plan."""
        return np.dtype(self.value.dtype, copy=self.tape.elsewhere())

    @property
    def real(self) -> Traced:
        """The real parts: of real elements, the array itself."""
        return self if self.dtype.kind != "c" else self.tape.call("real", np.real, (self,), {})

    @property
    def imag(self) -> Traced:
        """The imaginary parts."""
        return self.tape.call("imag", np.imag, (self,), {})

    def __getitem__(self, index: Any) -> Traced:
        return self.tape.call("getitem", operator.getitem, (self, index), {})

    def reshape(self, *shape: Any, order: str = "C") -> Traced:
        """Return the same elements in another shape."""
        if order != "C" and self.tape.elsewhere():
            return self.concrete.reshape(*shape, order=order)
        if order != "C":
            raise Untraceable("reshape in another order")
        return self.tape.call("reshape", np.reshape, (self, shape[0] if len(shape) == 1 else shape), {})

    def transpose(self, *axes: Any) -> Traced:
        """Return the elements with their axes in another order."""
        return self.tape.call("transpose", np.transpose, (self, (axes[0] if len(axes) == 1 else axes) or None), {})

    def ravel(self) -> Traced:
        """Return the elements along one axis."""
        return self.reshape(-1)

    def astype(self, dtype: Any, copy: bool = True) -> Traced:
        """Return the elements in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype and not self.value.weak:
            return self._copy(np.copy)  # whose axes lie as they did
        return self.tape.call("astype", _astype, (self, dtype), {})

    def view(self, dtype: Any) -> Traced:
        """Return the same memory, seen as elements of another dtype."""
        if self.tape.elsewhere():
            return self.concrete.view(dtype)
        if isinstance(dtype, type) and issubclass(dtype, np.ndarray):
            raise Untraceable("a view of another class")
        return self.tape.call("view", _view, (self, np.dtype(dtype)), {})

    def copy(self) -> Traced:
        """Return the same elements in memory of their own."""
        return self._copy(_c_copy)

    def _copy(self, function: Callable) -> Traced:
        """Return the same Value, since none ever changes, unless the axes will lie in another order."""
        if isinstance(self.concrete, np.ndarray) and (self.tape.elsewhere() or not self.flags.c_contiguous):
            return self.tape.call("copy", function, (self,), {})
        return Traced(self.tape, self.value, self.concrete)

    def dot(self, other: Any) -> Any:
        """Return the product of matrices or vectors."""
        return NotImplemented if type(other) is Batched else self.tape.call("dot", np.dot, (self, other), {})

    def fill(self, number: Any) -> None:
        """Write one number everywhere."""
        self[...] = number


def _c_copy(x: np.ndarray) -> np.ndarray:
    return x.copy()


def _setitem(x: np.ndarray, index: Any, new: Any) -> np.ndarray:
    out = np.array(x)
    out[index] = new
    return out


def _astype(x: Any, dtype: np.dtype) -> Any:
    return x.astype(dtype) if hasattr(x, "astype") else dtype.type(x)


def _view(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return x.view(dtype)


def _reduction(ufunc: np.ufunc) -> Callable:
    def reduced(self: Traced, axis: Any = None, dtype: Any = None, out: Any = None, **parameters: Any) -> Any:
        if dtype is not None:
            parameters["dtype"] = dtype
        return self.__array_ufunc__(ufunc, "reduce", self, out=None if out is None else (out,), axis=axis, **parameters)

    return reduced


def _method(function: Callable) -> Callable:
    return lambda self, *args, **parameters: self.__array_function__(function, (), (self, *args), parameters)


def _refusal(name: str, what: str) -> Callable:
    def refuse(self: Traced, *args: Any, **parameters: Any) -> Any:
        if self.tape.elsewhere():
            return getattr(self.concrete, name)(*args, **parameters)
        raise Untraceable(what)

    return refuse


def _number_or(name: str, of_numbers: Callable, ufunc: np.ufunc) -> tuple[Callable, Callable]:
    """Return an operator and its reverse: Python's own where both are numbers, which rounds as it does, or a ufunc."""

    def result(tape: Tape, x: Any, y: Any) -> Any:
        parts = [part.concrete if type(part) is Traced else part for part in (x, y)]
        if type(parts[0]) in NUMBERS and type(parts[1]) in NUMBERS:
            return tape.call(f"py_{name}", of_numbers, (x, y), {})
        numbers = all(isinstance(part, (np.generic, *NUMBERS)) for part in parts)
        return tape.call(ufunc.__name__, of_numbers if numbers else ufunc, (x, y), {})

    def forward(self: Traced, other: Any) -> Any:
        theirs = isinstance(other, (Batched, Tensor, SparseRows))
        return NotImplemented if theirs else result(self.tape, self, other)

    def backward(self: Traced, other: Any) -> Any:
        return result(self.tape, other, self)

    return forward, backward


def _unary(name: str, of_number: Callable, ufunc: np.ufunc) -> Callable:
    def result(self: Traced) -> Traced:
        number = isinstance(self.concrete, (np.generic, *NUMBERS))
        return self.tape.call(name if self.value.weak else ufunc.__name__, of_number if number else ufunc, (self,), {})

    return result


def _in_place(forward: Callable) -> Callable:
    def assign(self: Traced, other: Any) -> Any:
        new = forward(self, other)
        return new if new is NotImplemented or self.value.weak else self._set(new)

    return assign


OPERATORS = {  # of Python, by their names in `operator`: NumPy's function, and how they are written
    **{"add": (np.add, "+"), "sub": (np.subtract, "-"), "mul": (np.multiply, "*"), "truediv": (np.divide, "/")},
    **{"floordiv": (np.floor_divide, "//"), "mod": (np.remainder, "%"), "pow": (np.power, "**")},
    **{"matmul": (np.matmul, "@"), "and_": (np.bitwise_and, "&"), "or_": (np.bitwise_or, "|")},
    **{"xor": (np.bitwise_xor, "^"), "lt": (np.less, "<"), "le": (np.less_equal, "<="), "gt": (np.greater, ">")},
    **{"ge": (np.greater_equal, ">="), "eq": (np.equal, "=="), "ne": (np.not_equal, "!=")},
}
for _name, (_ufunc, _) in OPERATORS.items():
    _word = _name.strip("_")
    _forward, _backward = _number_or(_word, getattr(operator, _name), _ufunc)
    setattr(Traced, f"__{_word}__", _forward)
    if hasattr(operator, f"i{_word}"):  # no comparison
        setattr(Traced, f"__r{_word}__", _backward)
        setattr(Traced, f"__i{_word}__", _in_place(_forward))
for _name, _ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.invert, "pos": np.positive}.items():
    setattr(Traced, f"__{_name}__", _unary(f"py_{_name}", getattr(operator, _name), _ufunc))
for _name, _ufunc in {
    **{"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum},
    **{"all": np.logical_and, "any": np.logical_or},
}.items():
    setattr(Traced, _name, _reduction(_ufunc))
for _name, _what in {
    **{"float": "float()", "int": "int()", "index": "an index", "complex": "complex()"},
    **{"format": "a value as text", "array": "taking the value of a Tensor as a NumPy array"},
}.items():
    setattr(Traced, f"__{_name}__", _refusal(f"__{_name}__", _what))
for _name in (
    *("swapaxes", "squeeze", "mean", "var", "std", "take", "argmax", "argmin", "argsort", "cumsum", "cumprod", "clip"),
    *("diagonal", "trace", "repeat", "nonzero", "round"),
):
    setattr(Traced, _name, _method(getattr(np, _name)))
Traced.conj = Traced.conjugate = lambda self: np.conjugate(self)  # type: ignore[attr-defined]
