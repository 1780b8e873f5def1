"""Declaring operations and recording their use.

A `Primitive` is a NumPy function with one derivative rule per argument. Calling its operation on Tensors
computes the value and, when a gradient is wanted, records a `Node`. `autograd.backpropagate` goes back
through the Nodes and applies the rules.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from itertools import repeat
from typing import Any, Protocol, TypeVar

import numpy as np

from . import foreign_names
from .arrays import CHANGEABLE, KINDS, complex_of, copied, is_other, kind_of, like, name_of, stands_in, together
from .batched import holds_batch, kernel_for_each
from .modes import modes, modes_set
from .signature import OperationSignature
from .tensor import Tensor, from_owned, get_default_dtype, ndarray, next_id, to_array
from .unusable import refuse_masked

Function = TypeVar("Function", bound=Callable[..., Any])
IMPLEMENTATIONS: dict[Callable, Callable] = {}  # NumPy's function -> ours: how np.exp(tensor) finds its way
REQUIRED: Any = inspect.Parameter.empty  # stands for a parameter without a default
FLOAT16, FLOAT32, FLOAT64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)


class Node:
    """One recorded operation. It never refers to its own output Tensor, so there are no reference cycles."""

    __slots__ = ("__weakref__", "dtype", "edges", "hooks", "leaves", "line", "primitive", "saved", "seq", "shape")

    primitive: Primitive
    edges: Sequence[Node | Tensor | None]  # for each input: the Node that made it, the leaf, or None: no gradient
    saved: Any  # for each input: what its rule names, or None; no list at all once freed
    leaves: bool  # whether an edge is a leaf, whose value may have been changed since
    seq: int  # later operations have larger numbers
    shape: Any  # of the output, and its dtype; a list for several outputs
    dtype: Any
    line: str  # the user's line that made it, under detect_anomaly
    hooks: dict[int, Callable]  # what register_hook was given, if it was

    def free(self) -> None:
        """Let go of the saved values, and of what the inputs were computed from."""
        self.saved = None
        if self.primitive is not OUTPUT:  # which still has to name the operation that it belongs to
            self.edges = ()


class Operation(Protocol):
    """What users call: an operation on arrays, numbers and Tensors. All of its arguments may be given by position."""

    primitive: Primitive
    __name__: str

    def __call__(self, *inputs: Any, **parameters: Any) -> Tensor: ...


class Primitive:
    """A row of the table of operations: a NumPy function with one derivative rule per argument.

    A rule is a function `lambda g, ...` from the gradient `g` of the output to the gradient of its
    argument. Besides `g` it may name any input, `out`, a parameter, or `<input>_shape`; what it names
    is what a Node saves. The engine undoes broadcasting, restores the dtype and checks the shape.
    The rule None marks a constant argument. Operations without any rule have no gradient.

    Of complex numbers, `g` is dL/d(real part) - i dL/d(imaginary part), the conjugate of what users see as `.grad`:
    so the rule of a function that is differentiable in the complex plane is that for real numbers, as it stands.

    Attributes
    ----------
    name : str
    forward : function from arrays to an array (or a tuple of arrays)
    inputs : names of the arguments that are differentiated or at least arrays
    parameters : the other arguments with their defaults (the keyword-only ones of `forward`)
    rules : one rule per input
    rule_args, rule_inputs : what each rule names besides `g`, and which of these are inputs (by position)
    operation : the function that users call
    elementwise : whether each element of the output depends on one element of each input
    views : whether the output may share memory with the input
    floating : whether it is an operation of real numbers: integers and bools become floating first
    accumulates : whether it adds up or multiplies many elements: float16 is computed in float32, and rounded once (of
        floating operations, too)
    real_only : whether complex input is refused
    residuals : the name of an array that `forward` returns beside the output, for its rules
    cost : floating-point operations: "output" or "reduction" (one for each element of the output, or of the largest
        input), "cubic" (of the side of a matrix), "none", or a function of (size of the output, shapes, parameters)
    formula : what drawings show for the rules of all inputs, or a tuple for each, if their source does not read well
    """

    def __init__(
        self,
        name: str,
        forward: Callable,
        rules: Mapping[str, Callable | None],
        views: bool = False,
        keeps: str = "",  # the old name of residuals
        *,
        elementwise: bool = False,
        floating: bool = False,
        accumulates: bool = False,
        residuals: str = "",
        cost: str | Callable = "output",
        formula: str | tuple[str, ...] = "",
        real_only: bool = False,
    ):
        code = getattr(forward, "__code__", None)
        self.name = name
        self.forward = forward
        self.inputs = tuple(rules)
        self.rules = tuple(
            [rule.of(name, key) if isinstance(rule, no_derivative) else rule for key, rule in rules.items()]
        )
        self.elementwise, self.views, self.residuals, self.cost = elementwise, views, residuals or keeps, cost
        self.floating, self.accumulates = floating, accumulates
        self.formula, self.real_only = formula, real_only
        self.forgotten = ""  # why nothing that was computed so can be differentiated any more
        self.variadic = code is not None and bool(code.co_flags & 0x04)  # forward(*arrays, ...)
        self.parameters: dict[str, Any] = {}
        if code is not None:
            start = code.co_argcount
            for key in code.co_varnames[start : start + code.co_kwonlyargcount]:
                self.parameters[key] = (forward.__kwdefaults__ or {}).get(key, REQUIRED)
        self.every_rule: Iterable = self.rules if not self.variadic else repeat(self.rules[0])  # one for each edge
        self.rule_args = [() if rule is None else _arguments(rule)[1:] for rule in self.rules]
        self.rule_inputs = [[self.inputs.index(n) for n in names if n in self.inputs] for names in self.rule_args]
        self.operation = _make_operation(self)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def bind(self, inputs: tuple, given: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """Sort the arguments of a call into inputs and parameters, as Python does for a function."""
        arity = len(self.inputs)
        if not self.variadic and len(inputs) != arity:
            given = dict(given)
            names = (*self.inputs, *self.parameters)
            if len(inputs) > len(names):
                raise TypeError(f"{self.name}() takes {len(names)} arguments ({', '.join(names)}), got {len(inputs)}")
            for name, value in zip(names[arity:], inputs[arity:]):
                if name in given:
                    raise TypeError(f"{self.name}() got two values for {name!r}")
                given[name] = value
            inputs = inputs[:arity]
            for name in names[len(inputs) : arity]:
                if name not in given:
                    if not self.takes(given):
                        return self.bind(inputs, self.renamed(given))
                    raise TypeError(f"{self.name}() needs the argument {name!r}")
                inputs = (*inputs, given.pop(name))
        parameters = self.parameters | given
        if len(parameters) != len(self.parameters):
            return self.bind(inputs, self.renamed(given))
        for name, value in parameters.items():
            if value is REQUIRED:
                raise TypeError(f"{self.name}() needs the argument {name!r}")
            if isinstance(value, Tensor):
                if value.requires_grad:
                    raise TypeError(
                        f"{self.name}(): {name!r} is a constant here, and the gradient that this Tensor requires would "
                        f"be lost; use {name}.detach()"
                    )
                parameters[name] = value._data
        return inputs, parameters

    def takes(self, given: dict[str, Any]) -> bool:
        """Whether all arguments have names that the operation knows."""
        return given.keys() <= {*self.inputs, *self.parameters}

    def renamed(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call under our names (axis for dim), or raise for one that nobody knows."""
        inputs = () if self.variadic else self.inputs
        return foreign_names.renamed(self.name, given, (*inputs, *self.parameters), inputs)

    def saver(self) -> Callable[[Sequence, Sequence], Sequence[tuple | None]]:
        """Return the function that takes what each rule names out of v = [*inputs, out, residuals, *parameters].

        It gets the edges `e` too: nothing is saved for an input that wants no gradient. Its source is written here,
        as `dataclass` writes `__init__`; for the rules `x=lambda g, y: g * y, y=lambda g, x: g * x` it is
        `lambda e, v: (None if e[0] is None else (v[1],), None if e[1] is None else (v[0],),)`.
        """
        if self.variadic:
            return self._save_variadic
        others = ("out", *([self.residuals] if self.residuals else ()), *self.parameters)
        place = {name: f"v[{i}]" for i, name in enumerate((*self.inputs, *others))}
        place |= {name + "_shape": f"shape(v[{i}])" for i, name in enumerate(self.inputs)}
        unknown = {name for names in self.rule_args for name in names} - set(place)
        if unknown:
            raise TypeError(
                f"{self.name}: a derivative rule names {sorted(unknown)}, which the operation does not have"
            )
        rows = [
            "None" if rule is None else f"None if e[{i}] is None else ({' '.join(place[n] + ',' for n in names)})"
            for i, (rule, names) in enumerate(zip(self.rules, self.rule_args))
        ]
        return _compiled(f"lambda e, v: ({' '.join(row + ',' for row in rows)})")

    def _save_variadic(self, edges: Sequence, values: Sequence) -> list:
        """Return what the one rule of an operation on `*arrays` names, for each array; `i` is its position."""
        n = len(edges)
        (arrays,), (names,) = self.inputs, self.rule_args
        known = dict(zip(self.parameters, values[n + 1 :]))
        known |= {"out": values[n], arrays: tuple(values[:n]), arrays + "_shape": [np.shape(v) for v in values[:n]]}
        return [
            None if edge is None else tuple([i if name == "i" else known[name] for name in names])
            for i, edge in enumerate(edges)
        ]

    def prepare(self, values: list) -> bool:
        """Put floating values in the place of integers and bools, and float32 in that of float16.

        Integers take the dtype of the floating values beside them, and the default float where there are none.
        Return whether the result is to be rounded to float16. Complex numbers are refused where they have no place.
        """
        if self.real_only:
            self.refuse_complex(values)
        if not (self.floating or self.accumulates):
            return False
        kinds = {i: v.dtype.kind for i, v in enumerate(values) if isinstance(v, (ndarray, np.generic)) or stands_in(v)}
        decisive = [values[i].dtype for i, kind in kinds.items() if kind in "fc" or not self.floating]
        common = np.result_type(*decisive) if decisive else get_default_dtype()
        half = common == FLOAT16
        computed = FLOAT32 if half else np.dtype(common.char.lower())  # of complex numbers, that of their parts
        for i, kind in kinds.items():
            if (kind in "iub" and self.floating) or values[i].dtype == FLOAT16:
                values[i] = values[i].astype(computed)
        return half

    def refuse_complex(self, values: Sequence) -> None:
        """Raise if an input is complex."""
        for name, v in zip(self.inputs * len(values) if self.variadic else self.inputs, values):
            if isinstance(v, complex) or getattr(v, "dtype", FLOAT64).kind == "c":
                raise TypeError(
                    f"{self.name} is not defined for complex numbers, and {name!r} is complex: take its .real, .imag, "
                    f"tg.abs({name}) or tg.angle({name})"
                )

    def after(self, error: Exception, inputs: Sequence, values: list | None, parameters: dict[str, Any]) -> Any:
        """Return the result for each element of a batch, if that is why `forward` failed; raise the error if not.

        While a computation is traced, what fails may be one step of it as a whole.
        """
        try:
            if values is not None and holds_batch((values, parameters)):
                return kernel_for_each(self.forward, values, parameters, self.elementwise)
            if values is not None and modes_set and modes.tracer is not None:
                return modes.tracer.opaque(self.forward, tuple(values), parameters, error)
        except Exception as again:
            error = again
        named: Any = error if values is None else self.with_shapes(error, values)
        named.operation, named.inputs = self, inputs  # for pictures: where the computation stopped
        if named is error:
            raise error
        raise named from error

    def with_shapes(self, error: Exception, inputs: Sequence) -> Exception:
        """Return the error that NumPy raised with the operation and the shapes of its inputs added."""
        if not isinstance(error, (ValueError, TypeError, IndexError, OverflowError)):
            return error
        shapes = " and ".join(str(np.shape(x)) for x in inputs)
        kinds = sorted({name_of(kind_of(x)) for x in inputs if getattr(x, "ndim", 0)}) if KINDS else ()
        if len(kinds) > 1:
            return TypeError(
                f"{self.name}: {' and '.join(kinds)} do not meet: move the one, x.data = ..., to the other"
            )
        if "broadcast together" in str(error):
            error = type(error)("the shapes do not fit together: from the last axis on, lengths must be equal or 1")
        return type(error)(f"{self.name}: {error} (got shape{'s' * (len(inputs) > 1)} {shapes})")


class no_derivative:
    """The rule of an argument whose derivative is missing: backward raises, naming the operation and the argument.

    Unlike the rule None, which declares a constant, it refuses to leave a gradient out.

    Examples
    --------
    >>> @tg.autograd.primitive(x=tg.autograd.no_derivative("nobody has worked it out"))
    ... def mystery(x):
    ...     return x + 1
    >>> mystery(tg.tensor(3.0, requires_grad=True)).backward()
    Traceback (most recent call last):
    ...
    RuntimeError: mystery has no derivative for 'x': nobody has worked it out
    """

    def __init__(self, why: str):
        self.why = why

    def of(self, operation: str, argument: str) -> Callable:
        """Return the rule that raises."""

        def rule(g: Any) -> Any:
            raise RuntimeError(f"{operation} has no derivative for {argument!r}: {self.why}")

        return rule


class Residuals:
    """Residuals that are not an array or a tuple of arrays: they say how their values are replaced by others."""

    def mapped(self, change: Callable[[Any], Any]) -> Any:
        """Return the same with `change` applied to each array, or tuple of arrays."""
        raise NotImplementedError


# ---------------------------------------------------------------------- what a call does


def _make_operation(primitive: Primitive) -> Any:
    """Return the function that users call: the one way into every operation."""
    forward, save = primitive.forward, primitive.saver()
    views, residuals = primitive.views, primitive.residuals
    prepares = primitive.floating or primitive.accumulates or primitive.real_only
    differentiable = any(rule is not None for rule in primitive.rules)
    arity = -1 if primitive.variadic or primitive.parameters else len(primitive.inputs)
    new = Tensor.__new__

    def operation(*inputs: Any, **parameters: Any) -> Any:
        __tracebackhide__ = True
        values: list[Any] = []
        edges: list[Any] = []
        tensors = wants = leaves = computing = unusual = half = False
        aliased = False  # there is an array that somebody else may write to
        try:
            if len(inputs) != arity or parameters:
                inputs, parameters = primitive.bind(inputs, parameters)
            for x in inputs:
                if isinstance(x, Tensor):
                    tensors = True
                    values.append(x._data)
                    if prepares:
                        dtype = x._data.dtype
                        if dtype is not FLOAT32 and dtype is not FLOAT64:
                            unusual = True
                    edge: Any = x.node
                    if edge is not None:
                        wants = True
                    elif x._requires_grad:
                        if x._snapshot is not None:
                            x._sync_version()
                        edge = x
                        wants = leaves = True
                    elif x._exported:
                        aliased = True
                    edges.append(edge)
                else:
                    edges.append(None)
                    if type(x) is not float and type(x) is not int:
                        x = as_operand(primitive, x, inputs)
                        aliased = unusual = True
                    values.append(x)
            if not tensors:
                values, unusual = _constants(inputs), True
            if unusual and prepares:
                half = primitive.prepare(values)
            computing = True
            out = forward(*values, **parameters)
        except Exception as error:
            out = primitive.after(error, inputs, values if computing else None, parameters)
        if residuals:
            out, kept = out
        if half:
            exact = out  # for the rules
            out = tuple(map(_rounded, out)) if type(out) is tuple else _rounded(out)
        if views and (leaves or aliased):  # somebody can write to the memory of the input
            out = tuple([_unaliased(part, values) for part in out]) if type(out) is tuple else _unaliased(out, values)

        node = None
        if wants and differentiable and (not modes_set or modes.recording):
            if aliased:
                copy_aliased(primitive, edges, values)
            values.append(exact if half else out)
            if residuals:
                values.append(kept)
            if parameters:
                values += [deepcopy(v) if type(v) in CHANGEABLE else v for v in parameters.values()]  # the caller's own
            node = Node()
            node.primitive = primitive
            node.edges = edges
            node.leaves = leaves
            node.seq = next_id()
            node.saved = save(edges, values)
            if type(out) is tuple:
                node.shape = [part.shape for part in out]
                node.dtype = [part.dtype for part in out]
            else:
                node.shape = out.shape
                node.dtype = out.dtype

        result: Any
        if type(out) is tuple:
            result = tuple([output_of(node, k, array) for k, array in enumerate(out)])
        elif node is None:
            result = from_owned(out)
        else:
            result = new(Tensor)
            result._data = out
            result.node = node
        if modes_set and modes.observer is not None:
            modes.observer(primitive, inputs, parameters, result)
        if modes_set and modes.tracer is not None:
            modes.tracer.saw(inputs)
        return result

    operation.__name__ = operation.__qualname__ = primitive.name
    operation.primitive = primitive  # type: ignore[attr-defined]
    operation.__signature__ = OperationSignature(primitive)  # type: ignore[attr-defined]
    return operation


def as_operand(primitive: Primitive, x: Any, inputs: Sequence) -> Any:
    """Check an input that is not a Tensor: numbers stay as they are (they are weak), lists become arrays.

    Lists of numbers are as weak: they take the floating dtype of the Tensors beside them.
    """
    if type(x) is complex and any(isinstance(t, Tensor) and type(t._data) is np.float64 for t in inputs):
        return np.complex128(x)  # Python takes a np.float64 for one of its own numbers, and so would give one back
    if type(x) is not ndarray and (isinstance(x, (bool, complex, np.generic, int, float)) or stands_in(x)):
        return x
    array = x if type(x) is ndarray else np.asarray(refuse_masked(x)) if hasattr(x, "__array__") else to_array(x)
    if isinstance(x, (list, tuple)) and array.dtype.kind in "fiuc":
        floats = [np.finfo(t.dtype).dtype for t in inputs if isinstance(t, Tensor) and t.dtype.kind in "fc"]
        if floats:
            dtype = np.result_type(*floats)
            array = to_array(x, complex_of(dtype) if array.dtype.kind == "c" else dtype)
    if array.dtype.kind not in "fciub":
        raise TypeError(f"{primitive.name}: cannot compute with {type(x).__name__} data (dtype {array.dtype})")
    return together(array, *inputs)[0] if KINDS else array


def _rounded(out: Any) -> Any:
    """Return a result in float16; there is no complex dtype of that precision."""
    return out if out.dtype.kind == "c" else out.astype(FLOAT16)


def _constants(inputs: Sequence) -> list:
    """Return the values of a call without Tensors: arrays, beside which Python's numbers stay weak."""
    kinds = {type(x) for x in inputs}
    if kinds <= {bool, int, float, complex}:  # only such: they are as a list of them is
        return [to_array(x, floating=float in kinds) for x in inputs]
    return [x if type(x) in (bool, int, float, complex) else to_array(x) for x in inputs]


def copy_aliased(primitive: Primitive, edges: Sequence, values: list) -> None:
    """Copy the arrays a rule will use that the caller could still modify."""
    for edge, needed in zip(edges, primitive.rule_inputs * (len(edges) if primitive.variadic else 1)):
        if edge is not None and needed:
            for k in range(len(edges)) if primitive.variadic else needed:
                if edges[k] is None and (isinstance(values[k], ndarray) or is_other(values[k])):
                    values[k] = copied(values[k])


def _unaliased(out: Any, values: Sequence) -> Any:
    """Return a result with memory of its own: a copy, if it is a view."""
    return copied(out) if getattr(out, "base", out) is not None or out is values[0] else out


def output_of(node: Node | None, k: int, array: Any) -> Tensor:
    """Make output `k` of an operation with several outputs."""
    t = from_owned(array)
    if node is not None:
        t.node = output = Node()
        output.primitive, output.edges, output.leaves = OUTPUT, (node,), False
        output.saved = ((k, node.shape, node.dtype),)
        output.seq, output.shape, output.dtype = next_id(), array.shape, array.dtype
    return t


class OutputGradients(dict):
    """The gradients that have arrived at the outputs of an operation with several: output number -> gradient."""

    def __init__(self, gradients: dict[int, Any], shape: list, dtype: list):
        super().__init__(gradients)
        self.shape, self.dtype = shape, dtype  # of all outputs, as the Node has them

    def __add__(self, other: OutputGradients) -> OutputGradients:
        both = {k: self[k] + other[k] if k in self and k in other else (self | other)[k] for k in self | other}
        return OutputGradients(both, self.shape, self.dtype)

    def complete(self) -> list:
        """Return one gradient for each output, zeros where none arrived."""
        new = like(*self.values())
        return [self[k] if k in self else new.zeros(s, d) for k, (s, d) in enumerate(zip(self.shape, self.dtype))]


# ---------------------------------------------------------------------- declaring operations


def elementwise(
    function: Callable[..., Any],
    doc: str,
    *,
    kernel: Callable[..., Any] | None = None,
    name: str = "",
    floating: bool = False,
    cost: str | Callable[..., Any] = "output",
    formula: str | tuple[str, ...] = "",
    real_only: bool = False,
    **rules: Callable[..., Any] | None,
) -> Operation:
    """Declare an operation that computes element by element and broadcasts, like NumPy's ufunc `function`.

    Parameters
    ----------
    function : NumPy's function of that name, or a function of our own
        Called on Tensors, NumPy's function becomes this operation.
    doc : str
        What it computes, its policy at points without a derivative, and an example.
    kernel : callable, optional
        A faster way to compute the same.
    name : str, optional
        The name of the operation, when it is not that of `function`.
    floating : bool
        Whether it is an operation of real numbers, which takes integers and bools as floating numbers.
    cost : str or callable, optional
        Floating-point operations (see `Primitive`).
    formula : str or tuple of str, optional
        What drawings show for the rules, of all inputs or of each, if their source does not read well. (That of a rule
        with a name is its docstring.)
    real_only : bool
        Whether complex input is refused, since the function or the rules are not right for it.
    rules : one derivative rule per argument, in their order (see `Primitive`)

    Examples
    --------
    >>> double = tg.autograd.elementwise(lambda x: 2 * x, "Twice x.", x=lambda g: 2 * g)
    >>> double(tg.tensor(4.0))
    tensor(8.)
    """
    row = Primitive(
        name or function.__name__,
        kernel or function,
        rules,
        elementwise=True,
        floating=floating,
        cost=cost,
        formula=formula,
        real_only=real_only,
    )
    of_numpy = isinstance(function, np.ufunc) or function.__module__.startswith("numpy")
    return _declare(row, doc, [function] if of_numpy else [])


def primitive(
    *numpy_functions: Callable[..., Any],
    views: bool = False,
    floating: bool = False,
    accumulates: bool = False,
    residuals: str = "",
    keeps: str = "",
    cost: str | Callable[..., Any] = "output",
    formula: str | tuple[str, ...] = "",
    real_only: bool = False,
    **rules: Callable[..., Any] | None,
) -> Callable[[Callable[..., Any]], Operation]:
    """Declare an operation: a decorator for a function of arrays (and keyword-only parameters).

    Parameters
    ----------
    numpy_functions : NumPy's functions that become this operation when they are called on Tensors
    views : bool
        Whether the result may share memory with the input.
    floating : bool
        Whether it is an operation of real numbers, which takes integers and bools as floating numbers.
    accumulates : bool
        Whether it adds up or multiplies many elements, so that float16 needs float32 on the way. (Floating operations
        have that anyway.)
    residuals : str
        The name of an array that the function returns beside the result, `(out, residuals)`, for its rules. Under
        `create_graph` it is a constant, so a rule must then compute it anew from the inputs. (`keeps` is its old name.)
    cost : str or callable
        Floating-point operations (see `Primitive`).
    formula : str or tuple of str, optional
        What drawings show for the rules, of all inputs or of each, if their source does not read well. (That of a rule
        with a name is its docstring.)
    real_only : bool
        Whether complex input is refused, since the function or the rules are not right for it.
    rules : one derivative rule per argument, in their order (see `Primitive`)

    Examples
    --------
    >>> @tg.autograd.primitive(x=lambda g, x, power: g * power * x ** (power - 1))
    ... def monomial(x, *, power=2):
    ...     return x**power
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> monomial(x, power=3).backward()
    >>> x.grad
    tensor(27.)
    """

    def declare(forward: Callable) -> Operation:
        name = forward.__name__.strip("_")
        row = Primitive(
            name,
            forward,
            rules,
            views=views,
            floating=floating,
            accumulates=accumulates,
            residuals=residuals or keeps,
            cost=cost,
            formula=formula,
            real_only=real_only,
        )
        return _declare(row, forward.__doc__ or "", numpy_functions)

    return declare


def implements(*numpy_functions: Callable[..., Any]) -> Callable[[Function], Function]:
    """Let NumPy's functions become this one when they are called on Tensors: a decorator.

    Examples
    --------
    >>> from tinygrad_ml.primitive import implements
    >>> @implements(np.unwrap)
    ... def unwrap(p):
    ...     return p
    >>> np.unwrap(tg.tensor([1.0]))
    tensor([1.])
    """

    def register(function: Function) -> Function:
        for of_numpy in numpy_functions:
            IMPLEMENTATIONS[of_numpy] = function
        return function

    return register


def dispatch(operation: Any, *inputs: Any, **parameters: Any) -> Any:
    """Apply an operation inside a rule or a kernel: arrays give an array, Tensors a Tensor."""
    for x in inputs:
        if isinstance(x, Tensor):
            return operation(*inputs, **parameters)
    row = operation.primitive
    out = row.forward(*inputs, **(row.parameters | parameters))
    return out[0] if row.residuals else out


def _declare(row: Primitive, doc: str, numpy_functions: Iterable[Callable]) -> Any:
    operation = row.operation
    operation.__doc__ = doc
    operation.__module__ = sys._getframe(2).f_globals.get("__name__", "")  # for help(): where it is declared
    return implements(*numpy_functions)(operation)


def _arguments(function: Callable) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


@cache
def _compiled(source: str) -> Callable:
    """Compile the source of a saver; it holds positions, and no text of a user."""
    return eval(source, {"shape": np.shape})


OUTPUT = Primitive(
    "part",
    lambda whole, *, k, shape, dtype: whole[k],
    {"whole": lambda g, k, shape, dtype: OutputGradients({k: g}, shape, dtype)},
    formula="g, and 0 for the other parts",
)
