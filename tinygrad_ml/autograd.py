"""Recording operations and walking back through them: the whole of reverse-mode differentiation.

A `Primitive` is a NumPy function with one derivative rule per argument. Calling it on Tensors goes
through its door, which computes the value and, when a gradient is wanted, records a `Node`. `walk`
goes back through the Nodes and applies the rules: to arrays at first order, and to Tensors when the
gradient is itself to be differentiated. The rules are the same.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any

import numpy as np

from .tensor import Tensor, get_default_dtype, ndarray, tick, to_array, wrap


class Modes(threading.local):
    """What operations do besides computing a value; every thread has its own."""

    recording = True  # operations on Tensors that require a gradient make Nodes
    observer: Callable[[Primitive, Sequence, dict, Any], None] | None = None  # sees every operation and its output
    anomaly = False  # the walk looks for NaN and infinity in every gradient


modes = Modes()

OPERATIONS: dict[str, Primitive] = {}  # the table of operations, by name
NUMPY: dict[Any, Callable] = {}  # NumPy's function -> ours: how np.exp(tensor) finds its way
REQUIRED: Any = object()  # stands for a parameter without a default
hooks_exist = False  # nobody looks for hooks before the first register_hook


class Node:
    """One recorded operation. It never refers to its own output Tensor, so there are no reference cycles."""

    __slots__ = ("__weakref__", "dtype", "edges", "hooks", "leaves", "line", "primitive", "saved", "seq", "shape")

    primitive: Primitive
    edges: Sequence[Node | Tensor | None]  # for each input: the Node that made it, the leaf, or None: no gradient
    saved: Sequence[tuple | None] | None  # for each input: what its rule names, or None; no list at all once freed
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
        self, name: str, forward: Callable, rules: dict[str, Callable | None], views: bool = False, keeps: str = ""
    ):
        code = getattr(forward, "__code__", None)
        self.name = name
        self.forward = forward
        self.inputs = tuple(rules)
        self.rules = tuple(
            [rule.of(name, key) if isinstance(rule, no_derivative) else rule for key, rule in rules.items()]
        )
        self.views = views  # the output may share memory with the input
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
            raise TypeError(f"{self.name}: a derivative rule names {sorted(unknown)}, which the operation does not have")
        if any(name in shapes for name in names):
            plan = [(name in shapes, shapes.get(name, where.get(name))) for name in names]
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
        return inputs, parameters

    def saver(self) -> Callable[[Sequence, Sequence], Sequence[tuple | None]]:
        """Return the function that takes out of the list [*inputs, out, kept, *parameters] what each input's rule names."""
        if self.variadic:
            return self._save_variadic
        picks = [None if rule is None else self._pick(names) for rule, names in zip(self.rules, self.names)]
        if len(picks) == 1 and picks[0] is not None:
            pick = picks[0]
            return lambda edges, values: (pick(values),)
        if len(picks) == 2 and picks[0] is not None and picks[1] is not None:
            first, second = picks
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
                elif x._wants:
                    if x._lent is not None:
                        x.settle()
                    edge = x
                    wants = leaves = True
                elif x._lent:
                    foreign = True
                edges.append(edge)
            else:
                edges.append(None)
                if type(x) is not float and type(x) is not int:
                    x = as_operand(primitive, x)
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
            out = tuple(map(np.array, out)) if type(out) is tuple else np.array(out)

        node = None
        if wants and differentiable and modes.recording:
            if foreign:
                own(primitive, inputs, edges, values)
            values.append(out)
            if keeps:
                values.append(kept)
            if parameters:
                values += parameters.values()
            node = Node()
            node.primitive = primitive
            node.edges = edges
            node.leaves = leaves
            node.seq = tick()
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
            result = wrap(out)
        else:
            result = new(Tensor)
            result._data = out
            result.node = node
        if modes.observer is not None:
            modes.observer(primitive, inputs, parameters, result)
        return result

    door.__name__ = door.__qualname__ = primitive.name
    return door


def _arguments(function: Callable) -> tuple[str, ...]:
    code = function.__code__  # type: ignore[attr-defined]
    return code.co_varnames[: code.co_argcount]


def as_operand(primitive: Primitive, x: Any) -> Any:
    """Check an input that is not a Tensor: numbers stay as they are (they are weak), lists become arrays."""
    if isinstance(x, (bool, complex, np.generic, int, float)):
        return x
    array = x if type(x) is ndarray else np.asarray(x) if hasattr(x, "__array__") else to_array(x)
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
    t = wrap(array)
    if node is not None:
        t.node = part = Node()
        part.primitive, part.edges, part.saved, part.leaves = PART, (node,), (k,), False
        part.seq, part.shape, part.dtype = tick(), array.shape, array.dtype
    return t


PART = Primitive("part", lambda whole: whole, {"whole": None})


# ---------------------------------------------------------------------- the walk


def walk(
    heads: Iterable[tuple[Node | Tensor, Tensor]],
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
    wanted: Sequence[Node | Tensor] | None = None,
) -> dict[Any, Any]:
    """Carry gradients from the heads back to the leaves by the chain rule.

    The Node with the largest number is always next: everything that used its output has a larger number,
    so its gradient is complete. A heap of numbers finds it; nothing is recursive.

    Parameters
    ----------
    heads : pairs (Node or leaf, gradient that arrives there)
    create_graph : bool
        Apply the rules to Tensors, so that the gradients can be differentiated.
    retain_graph : bool
        Keep what the Nodes saved, for another walk.
    wanted : Nodes and leaves, optional
        Find the gradients of these only; by default, of all leaves.

    Returns
    -------
    dict from each leaf (or wanted Node) to its gradient: an array of its own, or a Tensor if `create_graph`
    """
    pending: dict[int, Any] = {}  # number of a Node -> the gradient that has arrived so far
    nodes: dict[int, Node] = {}
    heap: list[int] = []
    found: dict[Any, Any] = {}
    heads = list(heads)
    goals = set(wanted or ())
    useful = None if wanted is None else _leading_to(goals, [edge for edge, _ in heads])
    anomaly = modes.anomaly
    hooked = hooks_exist

    def arrive(edge: Any, g: Any) -> None:
        """Add a gradient to what has arrived at a Node or a leaf."""
        if type(edge) is Node:
            seq = edge.seq
            if seq in pending:
                pending[seq] = pending[seq] + g
            else:
                pending[seq] = g
                nodes[seq] = edge
                heappush(heap, -seq)
        else:
            old = found.get(edge)
            found[edge] = g if old is None else old + g

    for edge, g in heads:
        if useful is None or edge in useful:
            arrive(edge, g + 0 if create_graph else g._data + 0)  # never the caller's own memory

    with np.errstate(all="ignore"):  # a rule meets infinities that a mask removes afterwards
        while heap:
            seq = -heappop(heap)
            node = nodes.pop(seq)
            g = pending.pop(seq)
            primitive = node.primitive
            saved = node.saved
            if saved is None:
                raise RuntimeError(
                    f"backward a second time through {primitive.name}, whose saved values the first one freed; "
                    "use backward(retain_graph=True) the first time"
                )
            if node.leaves:
                check_unchanged(node)
            if hooked and hasattr(node, "hooks"):
                g = run_hooks(node.hooks, g, node, create_graph)
            if node in goals:
                found[node] = g
            if primitive is PART:
                whole, k = node.edges[0], saved[0]
                arrive(whole, Parts({k: g}))
            else:
                if type(g) is Parts:
                    g = g.complete(node)
                rules, every = primitive.rules, primitive.names
                if primitive.variadic:
                    rules, every = rules * len(saved), every * len(saved)
                for edge, rule, names, args in zip(node.edges, rules, every, saved):
                    if args is None or (useful is not None and edge not in useful):
                        continue
                    if create_graph:
                        args = as_tensors(node, names, args)
                    r = rule(g, *args)
                    if type(r) is Tensor and not create_graph:
                        r = r._data
                    if r.shape != edge.shape or r.dtype is not edge.dtype:
                        r = fit(r, edge, primitive, rule)
                    if anomaly:
                        check_gradient(r, node, rule)
                    if type(edge) is not Node and (r is g or (type(r) is ndarray and r.base is not None)):
                        r = r + 0  # no two gradients share memory
                    arrive(edge, r)
            if not retain_graph:
                node.saved = None
                node.edges = ()
        if hooked:
            for edge, g in found.items():
                if isinstance(edge, Tensor) and hasattr(edge, "_hooks"):
                    found[edge] = run_hooks(edge._hooks, g, edge, create_graph)
    return found


def run_hooks(hooks: dict[int, Callable], g: Any, edge: Node | Tensor, create_graph: bool) -> Any:
    """Show a complete gradient to the hooks of a Tensor; each may replace it."""
    for hook in list(hooks.values()):
        with _Mode(recording=create_graph and modes.recording):
            new = hook(g if isinstance(g, Tensor) else wrap(np.array(g)))
            if new is not None:
                if not isinstance(new, Tensor) or new.shape != edge.shape:
                    what = f"shape {new.shape}" if isinstance(new, Tensor) else f"type {type(new).__name__}"
                    raise ValueError(
                        f"a hook must return None or a gradient (a Tensor) of shape {edge.shape}, not one of {what}"
                    )
                new = new.astype(edge.dtype) + 0  # no two gradients share memory
                g = new if create_graph else new._data
    return g


class Parts(dict):
    """The gradients that have arrived at the outputs of an operation with several: output number -> gradient."""

    def __add__(self, other: Parts) -> Parts:  # type: ignore[override]
        return Parts({k: self[k] + other[k] if k in self and k in other else (self | other)[k] for k in self | other})

    def complete(self, node: Node) -> list:
        """Return one gradient for each output, zeros where none arrived."""
        return [self[k] if k in self else np.zeros(s, d) for k, (s, d) in enumerate(zip(node.shape, node.dtype))]


def fit(r: Any, edge: Any, primitive: Primitive, rule: Any) -> Any:
    """Sum a gradient over the axes that broadcasting added, and restore the dtype."""
    shape, dtype = edge.shape, edge.dtype
    if r.shape != shape:
        extra = r.ndim - len(shape)
        whole = r.shape
        if extra > 0:
            r = r.sum(axis=tuple(range(extra)))
        if r.shape != shape:
            ones = tuple([i for i, (n, m) in enumerate(zip(shape, r.shape)) if n == 1 != m])
            if ones:
                r = r.sum(axis=ones, keepdims=True)
        if r.shape != shape:
            argument = primitive.inputs[primitive.rules.index(rule)]
            raise RuntimeError(
                f"the derivative rule of {primitive.name} for {argument!r} gave a gradient of shape {whole}; "
                f"{argument!r} has shape {shape}"
            )
    if r.dtype != dtype:
        if r.dtype.kind == "c" and dtype.kind != "c":
            r = r.real
        r = r.astype(dtype)
    return r


def check_unchanged(node: Node) -> None:
    """Raise if the value of a leaf that a rule of this Node needs was changed after the Node saved it."""
    for args, reads in zip(node.saved, node.primitive.reads):  # type: ignore[arg-type]
        if args is not None:
            for k, leaf in enumerate(node.edges) if node.primitive.variadic and reads else ((k, node.edges[k]) for k in reads):
                if isinstance(leaf, Tensor):
                    leaf.settle()
                    if leaf._changed > node.seq:
                        argument = node.primitive.inputs[0 if node.primitive.variadic else k]
                        who = repr(leaf.name) if leaf.name else f"a Tensor of shape {leaf.shape}"
                        raise RuntimeError(
                            f"{who} was changed after {node.primitive.name} used it as {argument!r}, so its gradient "
                            "would be wrong: call backward() before the optimizer's step or any other change, "
                            "or compute the value again"
                        )


def as_tensors(node: Node, names: Sequence[str], args: Sequence) -> list:
    """Make Tensors again of what was saved, with their history, so that a rule is itself recorded."""
    inputs = node.primitive.inputs

    def attach(edge: Node | Tensor | None, value: Any) -> Any:
        if isinstance(edge, Tensor):
            return edge
        t = wrap(value) if isinstance(value, (ndarray, np.generic)) else value
        if edge is not None:
            t.node = edge
        return t

    tensors: list[Any] = []
    for name, value in zip(names, args):
        if name == "out":
            several = type(node.shape) is list
            value = tuple(part_of(node, k, v) for k, v in enumerate(value)) if several else attach(node, value)
        elif name in inputs:
            if node.primitive.variadic:
                value = tuple(map(attach, node.edges, value))
            else:
                value = attach(node.edges[inputs.index(name)], value)
        tensors.append(value)
    return tensors


def _leading_to(wanted: set, heads: Sequence) -> set:
    """Return the Nodes and leaves from which a wanted one is reached, itself included."""
    below: dict[Node, Sequence] = {}
    stack = [edge for edge in heads if type(edge) is Node]
    while stack:
        node = stack.pop()
        if node not in below:
            below[node] = node.edges
            stack += [edge for edge in node.edges if type(edge) is Node]
    useful = set(wanted)
    for node in sorted(below, key=lambda node: node.seq):
        if any(edge in useful for edge in below[node] if edge is not None):
            useful.add(node)
    return useful


# ---------------------------------------------------------------------- what users call


def backward(
    self: Tensor, gradient: Any = None, *, retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Compute the gradient of this Tensor with respect to every leaf, and add it to the leaf's `grad`.

    Parameters
    ----------
    gradient : array_like, optional
        The gradient of some scalar with respect to this Tensor, of the same shape. A Tensor with one
        element needs none: it is 1.
    retain_graph : bool
        Keep the saved values, so that backward can run through the same operations again.
    create_graph : bool
        Record the computation of the gradients, so that they can be differentiated; keeps the values too.

    Raises
    ------
    RuntimeError
        If nothing here requires a gradient, if `gradient` is needed, if the saved values are gone, or if a
        value was changed after it was used.

    Examples
    --------
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).backward([1.0, 10.0])
    >>> x.grad
    tensor([ 2., 40.])
    """
    found = walk(
        [_head(self, gradient)], create_graph=create_graph, retain_graph=retain_graph or create_graph
    )
    for leaf, g in found.items():
        old = leaf._grad
        if create_graph:
            leaf._grad = g if old is None else old + g
        else:
            leaf._grad = wrap(g if old is None else old._data + g)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of the sum of `outputs` with respect to `inputs`, without touching any `.grad`.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
        Inputs may be leaves or results.
    grad_outputs : Tensor or sequence, optional
        For each output the gradient that arrives at it (1 for a single element).
    create_graph : bool
        Make the gradients differentiable.
    retain_graph : bool, optional
        Keep the saved values; by default as `create_graph`.
    allow_unused : bool
        Return None for an input that the outputs do not depend on, instead of raising.

    Returns
    -------
    tuple of Tensors, one for each input, of its shape

    Examples
    --------
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (slope,) = tg.autograd.grad(x**2, x, create_graph=True)
    >>> slope.item(), tg.autograd.grad(slope, x)[0].item()
    (6.0, 2.0)
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    arriving = [grad_outputs] if grad_outputs is None or isinstance(grad_outputs, Tensor) else list(grad_outputs)
    if len(arriving) == 1 and len(outputs) > 1 and arriving[0] is None:
        arriving *= len(outputs)
    if len(arriving) != len(outputs):
        raise ValueError(f"there are {len(outputs)} outputs but {len(arriving)} grad_outputs")
    wanted = [_edge(x) for x in inputs]
    for i, edge in enumerate(wanted):
        if edge is None:
            raise RuntimeError(f"input {i} (shape {inputs[i].shape}) does not require a gradient")
    found = walk(
        [_head(y, g) for y, g in zip(outputs, arriving)],
        create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        wanted=wanted,  # type: ignore[arg-type]
    )
    gradients: list[Tensor | None] = []
    for i, edge in enumerate(wanted):
        g = found.get(edge)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"the outputs do not depend on input {i} (shape {inputs[i].shape}); "
                "pass allow_unused=True to get None for it"
            )
        gradients.append(g if g is None or isinstance(g, Tensor) else wrap(np.array(g)))
    return tuple(gradients)


def _edge(x: Tensor) -> Node | Tensor | None:
    return x.node or (x if x._wants else None)


def _head(output: Tensor, gradient: Any) -> tuple[Node | Tensor, Tensor]:
    """Return the end of the graph to start from and the gradient that arrives there."""
    edge = _edge(output)
    if edge is None:
        raise RuntimeError(
            "nothing to differentiate: this Tensor does not depend on one that requires a gradient "
            "(was it made under no_grad, detached, or from constants only?)"
        )
    if gradient is None:
        if output.size != 1:
            raise RuntimeError(
                f"backward() starts from a single number, and this Tensor has shape {output.shape}: "
                "reduce it first, for example with .sum() or .mean(), or pass gradient="
            )
        return edge, wrap(output.dtype.type(1) if not output.ndim else np.ones(output.shape, output.dtype))
    if not isinstance(gradient, Tensor):
        gradient = Tensor(gradient, output.dtype)
    if gradient.shape != output.shape:
        raise ValueError(f"gradient has shape {gradient.shape}, but the Tensor has shape {output.shape}")
    return edge, gradient


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Callable], hook: Callable):
        self.hooks, self.number = hooks, tick()
        hooks[self.number] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self.hooks.pop(self.number, None)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """Call `hook(gradient)` in every backward pass, as soon as the gradient of this Tensor is complete.

    What the hook returns, unless it is None, takes the place of the gradient: for `grad`, and for everything that
    this Tensor was computed from.

    Raises
    ------
    RuntimeError
        If this Tensor does not require a gradient.

    Examples
    --------
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> handle = y.register_hook(lambda g: g.clip(-1, 1))
    >>> (10 * y).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    >>> handle.remove()
    """
    global hooks_exist
    edge = _edge(self)
    if edge is None:
        raise RuntimeError("a hook on a Tensor that does not require a gradient would never be called")
    hooks_exist = True
    name = "hooks" if isinstance(edge, Node) else "_hooks"
    if not hasattr(edge, name):
        setattr(edge, name, {})
    return HookHandle(getattr(edge, name), hook)


# ---------------------------------------------------------------------- modes


class _Mode(ContextDecorator):
    """Sets one of the modes of this thread, and restores it also after an exception."""

    def __init__(self, **settings: Any):
        self.settings = settings
        self.before: list[dict[str, Any]] = []

    def __enter__(self) -> _Mode:
        self.before.append({name: getattr(modes, name) for name in self.settings})
        modes.__dict__.update(self.settings)
        return self

    def __exit__(self, *error: Any) -> None:
        modes.__dict__.update(self.before.pop())

    def _recreate_cm(self) -> _Mode:  # a decorated function may run in several threads
        return type(self)(**self.settings)


def no_grad(function: Callable | None = None) -> Any:
    """Return a context, or decorate a function, in which operations are not recorded.

    Examples
    --------
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    mode = _Mode(recording=False)
    return mode if function is None else mode(function)


def enable_grad(function: Callable | None = None) -> Any:
    """Return a context, or decorate a function, in which operations are recorded, also inside `no_grad`.

    Examples
    --------
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """
    mode = _Mode(recording=True)
    return mode if function is None else mode(function)


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread.

    Examples
    --------
    >>> tg.is_grad_enabled()
    True
    """
    return modes.recording


def detect_anomaly(function: Callable | None = None) -> Any:
    """Return a context that raises at the first operation whose value or gradient is NaN or infinite.

    The error names the operation, the shapes, and the line of your program that called it. Everything
    is slower in it: use it to find a fault, not to train.

    Raises
    ------
    FloatingPointError
        At the first value or gradient that is not finite.

    Examples
    --------
    >>> with tg.detect_anomaly(), np.errstate(divide="ignore"):
    ...     tg.log(tg.tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    FloatingPointError: log gave -inf at index (1,) ...
    """
    mode = _Mode(observer=_check_value, anomaly=True)
    return mode if function is None else mode(function)


def _check_value(primitive: Primitive, inputs: Sequence, parameters: dict, output: Any) -> None:
    line = _user_line()
    for part in output if type(output) is tuple else (output,):
        if part.node is not None:
            node = part.node if part.node.primitive is not PART else part.node.edges[0]
            node.line = line
        _raise_if_not_finite(part._data, f"{primitive.name} gave", inputs, line)


def check_gradient(r: Any, node: Node, rule: Any) -> None:
    """Raise if a gradient is not finite (only called under `detect_anomaly`)."""
    argument = node.primitive.inputs[node.primitive.rules.index(rule)]
    array = r._data if isinstance(r, Tensor) else r
    line = getattr(node, "line", "a line outside detect_anomaly()")
    _raise_if_not_finite(array, f"the gradient of {node.primitive.name} for {argument!r} has", node.edges, line)


def _raise_if_not_finite(array: Any, what: str, inputs: Sequence, line: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~np.atleast_1d(finite))[0]) if array.ndim else ()
        shapes = ", ".join(str(getattr(x, "shape", ())) for x in inputs)
        raise FloatingPointError(
            f"{what} {array[index]} at index {index} of shape {array.shape}; inputs of shape {shapes}; called in {line}"
        )


def _user_line() -> str:
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "tinygrad_ml":
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


# ---------------------------------------------------------------------- declaring operations


def elementwise(
    function: Callable, doc: str, *, kernel: Callable | None = None, name: str = "", **rules: Callable | None
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
    return _declare(name or function.__name__, kernel or function, doc, rules, False, (function,), "")


def primitive(
    *numpy_functions: Callable, views: bool = False, keeps: str = "", **rules: Callable | None
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
        forward.__name__.strip("_"), forward, forward.__doc__ or "", rules, views, numpy_functions, keeps
    )


def alike(operation: Any, *inputs: Any, **parameters: Any) -> Any:
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
) -> Any:
    row = Primitive(name, forward, rules, views, keeps)
    door = row.door
    door.__doc__ = doc
    door.__module__ = sys._getframe(2).f_globals.get("__name__", "")  # where it is declared
    door.primitive = row  # type: ignore[attr-defined]
    OPERATIONS[row.name] = row
    for function in numpy_functions:
        NUMPY[function] = door
    return door


Tensor.backward = backward  # type: ignore[method-assign]
Tensor.register_hook = register_hook  # type: ignore[method-assign]
