"""What is checked: named arrays that vary, the function of them, and the gradient that it claims to have."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

from ..autograd import grad
from ..tensor import Tensor, from_owned
from ..validation import is_sparse

Arrays = list[np.ndarray]
DOUBLE = (np.dtype(float), np.dtype(complex))


class Problem:
    """A function of arrays and its gradient.

    Attributes
    ----------
    title : str
        What is checked, for the report.
    names, values : the arrays that vary, in float64
    complex, complex_outputs : for each of them, and for each output, whether it stands for complex numbers, whose two
        parts lie along its last axis
    notes : list of str
    precision : float
        The machine epsilon of what computes them, once it is known.
    """

    def __init__(self, title: str, function: Any, arguments: Sequence, params: Mapping[str, Tensor]):
        self.title = title
        self.function = function
        self.arguments = list(arguments)
        self.notes: list[str] = []
        self.precision = 0.0
        self.positions = _varying(self.arguments)
        names = _argument_names(function)
        self.names = [names[k] if k < len(names) else f"input {k}" for k in self.positions]
        if len(self.names) == 1 and self.names[0] == "input 0":
            self.names = ["input"]
        self.params = list(params.values())
        self.names += params
        given = [self.arguments[k] for k in self.positions] + self.params
        self.complex = [_is_complex(x) for x in given]
        self.values = [_as_real(_double(x)) for x in given]
        self.saved = [(p, p._capture()) for p in self.params]

    def __enter__(self) -> Problem:
        return self

    def __exit__(self, *error: Any) -> None:
        for p, captured in self.saved:  # the caller's parameters get their own arrays back
            p._restore(captured)

    def evaluate(self, values: Arrays) -> Arrays:
        """Return the floating outputs, complex ones as their two parts along a new last axis."""
        raise NotImplementedError

    def real_parts(self, outputs: list, values: Arrays) -> Arrays:
        """Return the outputs as real numbers, unless they are complex because the values of a complex step are."""
        if any(map(_is_complex, values)):
            return [_array(y) for y in outputs]
        self.complex_outputs = [_is_complex(y) for y in outputs]
        return [_as_real(y) for y in outputs]

    def gradient(self, values: Arrays, weights: Arrays) -> list[Any]:
        """Return the gradients of the sum of weights * outputs, None where there is none."""
        raise NotImplementedError

    def written(self) -> str | None:
        """Return the name of an input that the last call has written to."""
        raise NotImplementedError

    def scalar(self, outputs: Arrays) -> bool:
        """Return whether the output is one number, and the gradient takes no incoming gradient."""
        return False

    def magnitude(self) -> Any:
        """Return the size of the terms that each output is the sum of, where that is not its own size.

        One part of a complex number may be nothing but the rounding of the other.
        """
        sizes = [
            np.repeat(np.hypot(y[..., 0], y[..., 1]).ravel(), 2) if pairs else np.zeros(y.size)
            for y, pairs in zip(self.evaluate(self.values), self.complex_outputs)
        ]
        return np.concatenate([np.zeros(0), *sizes])


class TensorProblem(Problem):
    """A function of Tensors, or a Module with its parameters."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self.constants = [
            _array(x).copy() if isinstance(x, (Tensor, np.ndarray)) and not _is_sparse(x) else None
            for x in self.arguments
        ]

    def run(self, values: Arrays) -> tuple[list[Tensor], list[Any]]:
        """Return the leaves that were made of the values, and the outputs."""
        values = [_as_complex(v) if pairs else v for v, pairs in zip(values, self.complex)]
        inputs = [from_owned(value).requires_grad_() for value in values[: len(self.positions)]]
        arguments = list(self.arguments)
        for k, leaf in zip(self.positions, inputs):
            arguments[k] = leaf
        for p, value in zip(self.params, values[len(inputs) :]):
            p._replace(value.copy())
        self.used = inputs + self.params, values
        return self.used[0], _floating(self.function(*arguments))

    def written(self) -> str | None:
        for leaf, value, name in zip(*self.used, self.names):
            if not np.array_equal(leaf._data, value, equal_nan=True):
                return name
        for k, before in enumerate(self.constants):
            if before is not None and k not in self.positions and not np.array_equal(_array(self.arguments[k]), before):
                return f"input {k}"
        return None

    def evaluate(self, values: Arrays) -> Arrays:
        return self.real_parts(self.run(values)[1], values)

    def gradient(self, values: Arrays, weights: Arrays) -> list[Any]:
        leaves, outputs = self.run(values)
        heads = [
            (y, from_owned(_as_complex(w) if _is_complex(y) else w.copy()))
            for y, w in zip(outputs, weights)
            if isinstance(y, Tensor) and y.requires_grad
        ]
        if not heads:
            return [None] * len(leaves)
        found = grad([y for y, _ in heads], leaves, [w for _, w in heads], allow_unused=True)
        return [g if g is None else _as_real(g.numpy()) for g in found]


class SecondOrder(TensorProblem):
    """The gradient of a function as a function of its inputs and of the gradients that arrive at its outputs."""

    def __init__(self, first: TensorProblem, weights: Arrays):
        self.first = first
        self.title = f"the gradient of {first.title}"
        self.notes = []
        outputs = first.run(first.values)[1]
        self.precision = first.precision
        self.size = sum(float(np.sum(np.abs(_as_real(y) * w))) for y, w in zip(outputs, weights))
        self.heads = [k for k, y in enumerate(outputs) if isinstance(y, Tensor) and y.requires_grad]
        self.names = first.names + [f"gradient of output {k}" if len(outputs) > 1 else "g" for k in self.heads]
        self.values = first.values + [weights[k] for k in self.heads]
        self.complex = first.complex + [_is_complex(outputs[k]) for k in self.heads]

    def run(self, values: Arrays) -> tuple[list[Tensor], list[Any]]:
        n = len(self.first.values)
        leaves, outputs = self.first.run(values[:n])
        weights = [_as_complex(v) if pairs else v for v, pairs in zip(values[n:], self.complex[n:])]
        arriving = [from_owned(weight).requires_grad_() for weight in weights]
        self.used = leaves + arriving, self.first.used[1] + weights
        heads = [outputs[k] for k in self.heads]
        found = grad(heads, leaves, arriving, create_graph=True, allow_unused=True) if heads else ()
        self.reached = [k for k, g in enumerate(found) if g is not None]
        return self.used[0], [found[k] for k in self.reached]

    def magnitude(self) -> Any:
        # A gradient that is 0 up to rounding (that of the sum of a softmax) is a difference of larger numbers
        parts = [np.zeros(0)]
        for k, g in zip(self.reached, self.evaluate(self.values)):
            size = self.size / (np.abs(self.values[k]).max(initial=0) or 1.0)
            parts.append(np.full(g.size, size if np.abs(g).max(initial=0) < 1e-10 * size else 0.0))
        return np.maximum(np.concatenate(parts), super().magnitude())

    def written(self) -> None:
        return None


class PlainProblem(Problem):
    """A function of NumPy arrays and its hand-written gradient."""

    def __init__(self, title: str, pair: Sequence[Callable], arguments: Sequence):
        self.derivative = pair[1]
        self.several = False
        arguments = [np.asarray(x) if isinstance(x, list) else x for x in arguments]
        self.takes_g = _accepts(pair[1], (None, *arguments)) and (
            not _accepts(pair[1], arguments) or _required(pair[1]) == _required(pair[0]) + 1
        )
        claimed = _claimed_integers(pair, arguments, self.takes_g)
        arguments = [_double(x)[()] if k in claimed else x for k, x in enumerate(arguments)]
        super().__init__(title, pair[0], arguments, {})
        if claimed:
            names = ", ".join(self.names[self.positions.index(k)] for k in claimed)
            self.notes.append(f"{names}: integers, checked as float64")

    def call(self, function: Callable, values: Arrays, *first: Any) -> Any:
        """Call a function with copies of the values in the places of the inputs that vary."""
        arguments = [x.copy() if isinstance(x, np.ndarray) else x for x in self.arguments]
        for k, value, pairs in zip(self.positions, values, self.complex):
            value = _as_complex(value) if pairs else value.copy()
            arguments[k] = value if value.ndim else value[()]
        before = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
        result = function(*first, *arguments)
        self.changed = [
            k for k, (x, y) in enumerate(zip(arguments, before)) if isinstance(x, np.ndarray) and (x != y).any()
        ]
        return result

    def written(self) -> str | None:
        names = _argument_names(self.function)
        return (names[self.changed[0]] if self.changed[0] < len(names) else "an input") if self.changed else None

    def evaluate(self, values: Arrays) -> Arrays:
        result = self.call(self.function, values)
        _refuse_a_gradient_of_many((self.function, self.derivative), self.arguments, result)
        self.several = isinstance(result, (tuple, list))
        return self.real_parts(_floating(result), values)

    def gradient(self, values: Arrays, weights: Arrays) -> list[Any]:
        if self.scalar(weights):
            found = self.call(self.derivative, values)
        else:
            given = [_as_complex(w) if pairs else w.copy() for w, pairs in zip(weights, self.complex_outputs)]
            found = self.call(self.derivative, values, tuple(given) if self.several else given[0])
        found = _as_gradients(found, self.arguments)
        if len(found) == len(self.arguments) != len(self.values):
            found = [found[k] for k in self.positions]
        if len(found) != len(self.values):
            raise TypeError(
                f"the gradient function returned {len(found)} arrays; there are {len(self.values)} inputs to check: "
                + ", ".join(self.names)
            )
        factor = float(weights[0]) if self.scalar(weights) else 1
        found = [g if g is None else np.asarray(g) * factor for g in found]
        return [_as_real(g + 0j) if pairs and g is not None else g for g, pairs in zip(found, self.complex)]

    def scalar(self, outputs: Arrays) -> bool:
        return not (self.several or self.takes_g or outputs[0].ndim)


def _claimed_integers(pair: Sequence[Callable], arguments: Sequence, takes_g: bool) -> list[int]:
    """Return the positions of integers to check: floats would do as well, and df returns a gradient for them.

    Other integers are constants: an index, which cannot be a float, or one for which df returns None or nothing.
    """
    function, derivative = pair
    integers = [k for k, x in enumerate(arguments) if np.asarray(x).dtype.kind in "iu" and np.size(x)]
    if not integers:
        return []
    floats = _copied(arguments)
    result = function(*_copied(arguments))
    _refuse_a_gradient_of_many(pair, arguments, result)
    for k in integers:
        moved = [*floats[:k], _double(floats[k])[()], *floats[k + 1 :]]
        try:
            same = all(map(np.array_equal, _parts(function(*_copied(moved))), _parts(result)))
        except (TypeError, ValueError, IndexError):
            same = False
        if same:
            floats = moved
        else:
            integers = [i for i in integers if i != k]
    ones = [np.ones(np.shape(y)) for y in _parts(result)]
    first: tuple = (tuple(ones) if isinstance(result, (tuple, list)) else ones[0],)
    if not (takes_g or isinstance(result, (tuple, list)) or np.ndim(result)):
        first = ()
    found = _as_gradients(derivative(*first, *_copied(floats)), arguments)
    if len(found) == len(arguments):
        return [k for k in integers if found[k] is not None]
    return integers if len(found) == len(integers) + len(_varying(list(arguments))) else []


def _as_gradients(found: Any, arguments: Sequence) -> list:
    """Return the gradients for each input; of a single input a list of numbers is one, as an array is."""
    if not isinstance(found, (tuple, list)):
        return [found]
    if len(arguments) == 1 and all(g is not None for g in found):
        try:
            whole = np.asarray(found)
        except ValueError:  # of different lengths
            return list(found)
        if whole.ndim and whole.shape == np.shape(arguments[0]):
            return [whole]
    return list(found)


def _refuse_a_gradient_of_many(pair: Sequence[Callable], arguments: Sequence, result: Any) -> None:
    """Raise TypeError if f returns more than one number, and df does not take the gradient that arrives at them."""
    function, derivative = pair
    if not (isinstance(result, (tuple, list)) or np.ndim(result)) or _accepts(derivative, (result, *arguments)):
        return
    returns = (
        f"a {type(result).__name__} of {len(result)}"
        if isinstance(result, (tuple, list))
        else f"an array of shape {np.shape(result)}"
    )
    inputs = ", ".join(_argument_names(function)) or "*inputs"
    raise TypeError(
        f"gradcheck: {_title(function)} returns {returns}, and a gradient is that of one number: return one (np.sum of "
        f"the array, for example), or let the gradient function take the gradient g that arrives at the result, "
        f"df(g, {inputs}), and return that of np.sum(g * f({inputs}))"
    )


def _accepts(function: Any, arguments: Sequence) -> bool:
    return not _misfit(function, arguments)


def _required(function: Any) -> int:
    """Return how many arguments by position a function cannot do without."""
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # one of another language
        return 0
    return sum(a.default is a.empty and a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD) for a in arguments)


def _misfit(function: Any, arguments: Sequence) -> str:
    """Return why a function cannot be called with these arguments, or nothing."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # one of another language
        return ""
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return str(error)
    return ""


def _copied(arguments: Sequence) -> list:
    return [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]


def _parts(result: Any) -> list:
    return [_array(y) for y in (result if isinstance(result, (tuple, list)) else [result])]


def make_problem(fn: Any, inputs: Any, params: Any) -> Problem:
    """Sort out what the caller wants to check."""
    arguments = inputs if isinstance(inputs, tuple) or _holds_arrays(inputs) else (inputs,)
    if isinstance(fn, (tuple, list)):
        if len(fn) != 2 or not all(map(callable, fn)):
            kinds = ", ".join("function" if callable(f) else type(f).__name__ for f in fn)
            raise TypeError(
                f"gradcheck: a pair is two functions, (f, df), and not ({kinds}): df itself, for example, not df(x)"
            )
        if params is not None:
            raise TypeError("a pair (f, df) of plain functions is checked for its inputs only: no params")
        _refuse_misfit(fn[0], arguments, _title(fn[0]))
        return PlainProblem(_title(fn[0]), fn, [_array(x) if isinstance(x, Tensor) else x for x in arguments])
    _refuse_misfit(getattr(fn, "forward", fn), arguments, _title(fn))
    if hasattr(fn, "named_parameters"):
        fn, chosen = _module(fn, params)
    else:
        chosen = _named(params)
    if not all(isinstance(p, Tensor) for p in chosen.values()):
        raise TypeError(
            f"gradcheck: {_title(fn)} has parameters that are not Tensors of tinygrad_ml; of PyTorch's "
            "parameters check a module: gradcheck(module, x)"
        )
    frozen = [name for name, p in chosen.items() if not p.requires_grad]
    problem = TensorProblem(_title(fn), fn, arguments, {n: p for n, p in chosen.items() if n not in frozen})
    if frozen:
        problem.notes.append(f"not checked, since they require no gradient: {', '.join(frozen)}")
    return problem


def _refuse_misfit(function: Any, arguments: Sequence, title: str) -> None:
    """Raise TypeError if a function takes another number of inputs than it is to be checked with."""
    reason = _misfit(function, arguments)
    if reason:
        given = "1 input" if len(arguments) == 1 else f"{len(arguments)} inputs"
        raise TypeError(
            f"gradcheck: {title} is given {given}: {reason}; write gradcheck(f, x), or of several inputs "
            "gradcheck(f, (x, y))"
        )


def _module(fn: Any, params: Any) -> tuple[Any, dict[str, Any]]:
    """Return a copy of a Module in float64, and the parameters to check: those that the patterns name, or all."""
    fn = copy.deepcopy(fn)  # batch statistics and the like of the caller's stay as they are
    for _, buffer in fn.named_buffers():
        if isinstance(buffer, Tensor) and buffer.dtype.kind == "f":
            buffer._replace(_double(buffer))
    every = dict(fn.named_parameters())
    if params is None:
        return fn, every
    chosen = {name: p for name, p in every.items() if any(fnmatch(name, pattern) for pattern in _list(params))}
    if not chosen:
        raise ValueError(f"no parameter is named {params!r}; there are {', '.join(every)}")
    for name, p in every.items():
        if name not in chosen:
            p._replace(_double(p))
    return fn, chosen


def _named(params: Any) -> dict[str, Any]:
    """Return the parameters that a function uses, given as a Module, a mapping, a Tensor or several of them."""
    if hasattr(params, "named_parameters"):
        return dict(params.named_parameters())
    if isinstance(params, Mapping):
        return dict(params)
    return {p.name or f"params[{k}]": p for k, p in enumerate(_list(params))}


def _list(params: Any) -> list:
    return [] if params is None else [params] if isinstance(params, (str, Tensor)) else list(params)


def _holds_arrays(inputs: Any) -> bool:
    return isinstance(inputs, list) and any(isinstance(x, (Tensor, np.ndarray)) for x in inputs)


def _varying(arguments: Sequence) -> list[int]:
    """Return the positions of the inputs to check: those that require a gradient, or else all floating ones.

    Sparse ones are data, which cannot require a gradient.
    """
    asking = [k for k, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    if asking:
        return asking
    for k, x in enumerate(arguments):
        if isinstance(x, list):
            arguments[k] = np.asarray(x)  # type: ignore[index]
    return [
        k
        for k, x in enumerate(arguments)
        if (isinstance(x, (float, complex)) or getattr(x, "dtype", np.dtype(int)).kind in "fc") and not _is_sparse(x)
    ]


def _is_sparse(x: Any) -> bool:
    return is_sparse(x._data if isinstance(x, Tensor) else x)


def _array(x: Any) -> np.ndarray:
    return np.asarray(x._data if isinstance(x, Tensor) else x)


def _double(x: Any) -> np.ndarray:
    return np.array(_array(x), DOUBLE[_is_complex(x)], order="C")


def _is_complex(x: Any) -> bool:
    return _array(x).dtype.kind == "c"


def _as_real(x: Any) -> np.ndarray:
    """Return complex numbers as their two parts, along a new last axis; real ones as they are."""
    x = _array(x)
    return np.stack([x.real, x.imag], axis=-1) if _is_complex(x) else x


def _as_complex(pairs: np.ndarray) -> np.ndarray:
    """Return the complex numbers, in memory of their own, whose two parts lie along the last axis."""
    if _is_complex(pairs):
        raise TypeError("the complex step is for real inputs")
    return pairs.copy().view(complex)[..., 0]


def _floating(result: Any) -> list:
    """Return the floating outputs out of nested tuples, lists and dicts."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return [y for part in result for y in _floating(part)]
    kind = _array(result).dtype.kind
    if kind == "O":
        raise TypeError(f"the function returned {type(result).__name__}; it must return arrays or Tensors")
    return [result] if kind in "fc" else []


def _argument_names(function: Any) -> Sequence[str]:
    primitive = getattr(function, "primitive", None)
    if primitive is not None:
        return () if primitive.variadic else primitive.inputs
    if hasattr(function, "forward"):
        function = function.forward
    function = inspect.unwrap(function)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return ()
    return code.co_varnames[hasattr(function, "__func__") : code.co_argcount]


def _title(function: Any) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "the function" if name == "<lambda>" else name
