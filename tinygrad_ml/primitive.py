"""Declaring operations and recording their use.

A `Primitive` is a NumPy function with one derivative rule per argument. Calling it on Tensors goes
through its door, which computes the value and, when a gradient is wanted, records a `Node`.
`autograd.walk` goes back through the Nodes and applies the rules.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from .modes import modes
from .tensor import Tensor, from_owned, ndarray, next_id, to_array

OPERATIONS: dict[str, Primitive] = {}  # the table of operations, by name
NUMPY: dict[Any, Callable] = {}  # NumPy's function -> ours: how np.exp(tensor) finds its way
REQUIRED: Any = object()  # stands for a parameter without a default


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


class Primitive:
    """A row of the table of operations: a NumPy function with one derivative rule per argument.

    A rule is a function `lambda g, ...` from the gradient `g` of the output to the gradient of its
    argument. Besides `g` it may name any input, `out`, a parameter, or `<input>_shape`; what it names
    is what a Node saves. The engine undoes broadcasting, restores the dtype and checks the shape.
    The rule None marks a constant argument. Operations without any rule have no gradient.

    Attributes
    ----------
    name, doc : str
    forward : function from arrays to an array (or a tuple of arrays)
    inputs : names of the arguments that are differentiated or at least arrays
    parameters : the other arguments with their defaults (the keyword-only ones of `forward`)
    rules : one rule per input
    door : the function that users call
    """

    def __init__(
        self,
        name: str,
        forward: Callable,
        rules: dict[str, Callable | None],
        views: bool = False,
        keeps: str = "",
        cost: str | Callable = "output",
    ):
        code = getattr(forward, "__code__", None)
        self.name = name
        self.forward = forward
        self.inputs = tuple(rules)
        self.rules = tuple(
            [rule.of(name, key) if isinstance(rule, no_derivative) else rule for key, rule in rules.items()]
        )
        self.views = views  # the output may share memory with the input
        self.cost = cost  # floating-point operations: one of COSTS, or a function of (shapes, output shape, parameters)
        self.keeps = keeps  # forward returns (out, this): an array that rules may name, but users never see
        self.variadic = code is not None and bool(code.co_flags & 0x04)  # forward(*arrays, ...)
        self.parameters: dict[str, Any] = {}
        if code is not None:
            start = code.co_argcount
            for key in code.co_varnames[start : start + code.co_kwonlyargcount]:
                self.parameters[key] = (forward.__kwdefaults__ or {}).get(key, REQUIRED)
        self.names = [() if rule is None else _arguments(rule)[1:] for rule in self.rules]
        self.reads = [[self.inputs.index(n) for n in names if n in self.inputs] for names in self.names]
        self.door = _make_door(self)

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def _pick(self, names: Sequence[str]) -> Callable[[Sequence], tuple]:
        """Return the function that takes what a rule names out of the list [*inputs, out, kept, *parameters]."""
        others = ("out", *([self.keeps] if self.keeps else ()), *self.parameters)
        where = {name: i for i, name in enumerate(self.inputs)}
        where |= {name: i - len(others) for i, name in enumerate(others)}
        shapes = {name + "_shape": i for i, name in enumerate(self.inputs)}
        unknown = set(names) - set(where) - set(shapes)
        if unknown:
            raise TypeError(
                f"{self.name}: a derivative rule names {sorted(unknown)}, which the operation does not have"
            )
        if any(name in shapes for name in names):
            plan = [(name in shapes, shapes[name] if name in shapes else where[name]) for name in names]
            return lambda values: tuple([np.shape(values[i]) if shape else values[i] for shape, i in plan])
        positions = [where[name] for name in names]
        if not positions:
            return lambda values: ()
        if len(positions) == 1:
            (only,) = positions
            return lambda values: (values[only],)
        return itemgetter(*positions)

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
                    raise TypeError(f"{self.name}() needs the argument {name!r}")
                inputs = (*inputs, given.pop(name))
        parameters = self.parameters | given
        if len(parameters) != len(self.parameters):
            unknown = sorted(set(parameters) - set(self.parameters))
            hint = "; use axis= as in NumPy" if "dim" in unknown else "; use keepdims=" if "keepdim" in unknown else ""
            raise TypeError(f"{self.name}() does not know the argument {', '.join(map(repr, unknown))}{hint}")
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

    def saver(self) -> Callable[[Sequence, Sequence], Sequence[tuple | None]]:
        """Return the function that takes what each input's rule names out of [*inputs, out, kept, *parameters]."""
        if self.variadic:
            return self._save_variadic
        picks = [None if rule is None else self._pick(names) for rule, names in zip(self.rules, self.names)]
        if not any(self.names):
            nothing = ((),) * len(self.rules)
            return lambda edges, values: nothing
        first, second = (*picks, None)[:2]
        if len(picks) == 1 and first is not None:
            return lambda edges, values: (first(values),)
        if len(picks) == 2 and first is not None and second is not None:
            return lambda edges, values: (
                None if edges[0] is None else first(values),
                None if edges[1] is None else second(values),
            )
        return lambda edges, values: [
            None if edge is None or pick is None else pick(values) for edge, pick in zip(edges, picks)
        ]

    def _save_variadic(self, edges: Sequence, values: Sequence) -> list:
        """Return what the one rule of an operation on `*arrays` names, for each array; `i` is its position."""
        n = len(edges)
        (arrays,), (names,) = self.inputs, self.names
        known = dict(zip(self.parameters, values[n + 1 :]))
        known |= {"out": values[n], arrays: tuple(values[:n]), arrays + "_shape": [np.shape(v) for v in values[:n]]}
        return [
            None if edge is None else tuple([i if name == "i" else known[name] for name in names])
            for i, edge in enumerate(edges)
        ]

    def explain(self, error: Exception, values: Sequence) -> Exception:
        """Return the error that NumPy raised with the operation and the shapes added."""
        shapes = " and ".join(str(np.shape(v)) for v in values)
        return type(error)(f"{self.name}: {error} (got shape{'s' * (len(values) > 1)} {shapes})")


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


def _make_door(primitive: Primitive) -> Callable[..., Any]:
    """Return the function that users call: the one way into every operation."""
    forward, save = primitive.forward, primitive.saver()
    views, keeps = primitive.views, primitive.keeps
    differentiable = any(rule is not None for rule in primitive.rules)
    arity = -1 if primitive.variadic or primitive.parameters else len(primitive.inputs)
    new = Tensor.__new__

    def door(*inputs: Any, **parameters: Any) -> Any:
        if len(inputs) != arity or parameters:
            inputs, parameters = primitive.bind(inputs, parameters)
        values = []
        edges: list[Any] = []
        tensors = wants = leaves = False
        foreign = False  # there is an array that somebody else may write to
        for x in inputs:
            if isinstance(x, Tensor):
                tensors = True
                values.append(x._data)
                edge: Any = x.node
                if edge is not None:
                    wants = True
                elif x._requires_grad:
                    if x._snapshot is not None:
                        x._sync_version()
                    edge = x
                    wants = leaves = True
                elif x._exported:
                    foreign = True
                edges.append(edge)
            else:
                edges.append(None)
                if type(x) is not float and type(x) is not int:
                    x = as_operand(primitive, x, inputs)
                    foreign = True
                values.append(x)
        if not tensors:
            values = [to_array(x) for x in inputs]

        try:
            out = forward(*values, **parameters)
        except (ValueError, TypeError, IndexError) as error:
            raise primitive.explain(error, values) from error
        if keeps:
            out, kept = out
        if views and (leaves or foreign):  # somebody can write to the memory of the input
            out = tuple([_apart(part, values) for part in out]) if type(out) is tuple else _apart(out, values)

        node = None
        if wants and differentiable and modes.recording:
            if foreign:
                own(primitive, inputs, edges, values)
            values.append(out)
            if keeps:
                values.append(kept)
            if parameters:
                values += [v.copy() if type(v) is ndarray else v for v in parameters.values()]  # the caller's own
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
            result = tuple([part_of(node, k, array) for k, array in enumerate(out)])
        elif node is None:
            result = from_owned(out)
        else:
            result = new(Tensor)
            result._data = out
            result.node = node
        if modes.observer is not None:
            modes.observer(primitive, inputs, parameters, result)
        return result

    door.__name__ = door.__qualname__ = primitive.name
    return door


def _apart(out: Any, values: Sequence) -> Any:
    """Return a result with memory of its own: a copy, if it is a view."""
    return np.array(out) if out.base is not None or out is values[0] else out


def _arguments(function: Callable) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def as_operand(primitive: Primitive, x: Any, inputs: Sequence) -> Any:
    """Check an input that is not a Tensor: numbers stay as they are (they are weak), lists become arrays.

    Lists of numbers are as weak: they take the floating dtype of the Tensors beside them.
    """
    if isinstance(x, (bool, complex, np.generic, int, float)):
        return x
    array = x if type(x) is ndarray else np.asarray(x) if hasattr(x, "__array__") else to_array(x)
    if isinstance(x, (list, tuple)) and array.dtype.kind == "f":
        floats = [t.dtype for t in inputs if isinstance(t, Tensor) and t.dtype.kind == "f"]
        array = to_array(x, np.result_type(*floats)) if floats else array
    if array.dtype.kind not in "fciub":
        raise TypeError(f"{primitive.name}: cannot compute with {type(x).__name__} data (dtype {array.dtype})")
    return array


def own(primitive: Primitive, inputs: Sequence, edges: Sequence, values: list) -> None:
    """Copy what a rule will need and somebody else may write to: the caller's arrays, and constants lent by `.data`."""
    for edge, reads in zip(edges, primitive.reads if not primitive.variadic else primitive.reads * len(edges)):
        if edge is not None and reads:
            for k in range(len(edges)) if primitive.variadic else reads:
                if edges[k] is None and isinstance(values[k], ndarray):
                    values[k] = values[k].copy()


def part_of(node: Node | None, k: int, array: Any) -> Tensor:
    """Make output `k` of an operation with several outputs."""
    t = from_owned(array)
    if node is not None:
        t.node = part = Node()
        part.primitive, part.edges, part.saved, part.leaves = PART, (node,), (k,), False
        part.seq, part.shape, part.dtype = next_id(), array.shape, array.dtype
    return t


PART = Primitive("part", lambda whole: whole, {"whole": None})


# ---------------------------------------------------------------------- declaring operations


def elementwise(
    function: Callable,
    doc: str,
    *,
    kernel: Callable | None = None,
    name: str = "",
    cost: str | Callable = "output",
    **rules: Callable | None,
) -> Any:
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
    rules : one derivative rule per argument, in their order (see `Primitive`)

    Examples
    --------
    >>> double = tg.autograd.elementwise(lambda x: 2 * x, "Twice x.", x=lambda g: 2 * g)
    >>> double(tg.tensor(4.0))
    tensor(8.)
    """
    return _declare(name or function.__name__, kernel or function, doc, rules, False, (function,), "", cost)


def primitive(
    *numpy_functions: Callable,
    views: bool = False,
    keeps: str = "",
    cost: str | Callable = "output",
    **rules: Callable | None,
) -> Callable[[Callable], Any]:
    """Declare an operation: a decorator for a function of arrays (and keyword-only parameters).

    Parameters
    ----------
    numpy_functions : NumPy's functions that become this operation when they are called on Tensors
    views : bool
        Whether the result may share memory with the input.
    keeps : str
        The name of an array that the function returns beside the result, `(out, kept)`, for its rules. Under
        `create_graph` it is a constant, so a rule must then compute it anew from the inputs.
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
    return lambda forward: _declare(
        forward.__name__.strip("_"), forward, forward.__doc__ or "", rules, views, numpy_functions, keeps, cost
    )


def dispatch(operation: Any, *inputs: Any, **parameters: Any) -> Any:
    """Apply an operation inside a rule or a kernel: arrays give an array, Tensors a Tensor."""
    for x in inputs:
        if isinstance(x, Tensor):
            return operation(*inputs, **parameters)
    row = operation.primitive
    out = row.forward(*inputs, **(row.parameters | parameters))
    return out[0] if row.keeps else out


def _declare(
    name: str,
    forward: Callable,
    doc: str,
    rules: dict,
    views: bool,
    numpy_functions: Iterable[Callable],
    keeps: str,
    cost: str | Callable,
) -> Any:
    row = Primitive(name, forward, rules, views, keeps, cost)
    door = row.door
    door.__doc__ = doc
    door.__module__ = sys._getframe(2).f_globals.get("__name__", "")  # where it is declared
    door.primitive = row  # type: ignore[attr-defined]
    OPERATIONS[row.name] = row
    for function in numpy_functions:
        NUMPY[function] = door
    return door
