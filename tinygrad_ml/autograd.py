"""Walking back through recorded operations by the chain rule: backward() and grad().

At first order the rules get arrays, and Tensors when the gradient is itself to be differentiated
(`create_graph`). The rules are the same. How operations are declared and recorded is in `recording.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .modes import Mode, check_gradient, detect_anomaly, enable_grad, is_grad_enabled, modes, no_grad
from .primitive import (
    NUMPY,
    OPERATIONS,
    PART,
    REQUIRED,
    Node,
    Primitive,
    dispatch,
    elementwise,
    no_derivative,
    part_of,
    primitive,
)
from .sparse import SparseRows
from .tensor import Tensor, from_owned, ndarray, next_id

__all__ = [
    "NUMPY",
    "OPERATIONS",
    "REQUIRED",
    "Node",
    "Primitive",
    "dispatch",
    "backward",
    "detect_anomaly",
    "elementwise",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "modes",
    "no_derivative",
    "no_grad",
    "primitive",
    "walk",
]

hooks_exist = False  # nobody looks for hooks before the first register_hook


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
    heads : pairs (Node or leaf, gradient that arrives there, which nobody else holds)
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
    if create_graph and not modes.recording:
        with Mode(recording=True):
            return walk(heads, create_graph=True, retain_graph=retain_graph, wanted=wanted)
    pending: dict[int, Any] = {}  # number of a Node -> the gradient that has arrived so far
    nodes: dict[int, Node] = {}
    heap: list[int] = []
    near: Node | None = None  # the Node reached last waits here, not in the heap: in a chain it is always the next
    near_g: Any = None
    edge: Any
    g: Any
    args: Any
    found: dict[Any, Any] = {}
    heads = list(heads)
    goals = set(wanted or ())
    useful = None if wanted is None else _leading_to(goals, [edge for edge, _ in heads])
    anomaly = modes.anomaly
    hooked = hooks_exist

    def arrive(edge: Any, g: Any) -> None:
        """Add a gradient to what has arrived at a Node in the heap, or at a leaf."""
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
            arrive(edge, g if create_graph else g._data)

    with np.errstate(all="ignore"):  # a rule meets infinities that a mask removes afterwards
        while heap or near is not None:
            if near is not None and (not heap or near.seq > -heap[0]):
                node, g, near = near, near_g, None
            else:
                seq = -heappop(heap)
                node, g = nodes.pop(seq), pending.pop(seq)
            primitive = node.primitive
            saved = node.saved
            if hooked and hasattr(node, "hooks"):
                g = run_hooks(node.hooks, g, node, create_graph)
            if node in goals:
                found[node] = g
                if useful is not None and useful.isdisjoint(node.edges):  # nothing below it is wanted
                    continue
            if saved is None:
                owner: Any = node if primitive is not PART else node.edges[0]
                raise RuntimeError(
                    f"backward a second time through {owner.primitive.name}, whose saved values the first one freed; "
                    "use retain_graph=True the first time"
                )
            if node.leaves:
                check_unchanged(node)
            rules, every = primitive.rules, primitive.names
            if primitive is PART:
                arrive(node.edges[0], Parts({saved[0]: g}))
                rules = ()
            elif type(g) is Parts:
                g = g.complete(node)
            if primitive.variadic:
                rules, every = rules * len(saved), every * len(saved)
            for edge, rule, names, args in zip(node.edges, rules, every, saved):
                if edge is None or rule is None or (useful is not None and edge not in useful):
                    continue
                if create_graph:
                    args = as_tensors(node, names, args)
                r = rule(g, *args)
                if type(r) is Tensor and not create_graph:
                    r = r._data
                at = edge if type(edge) is Node else edge._data
                if r.shape != at.shape or r.dtype is not at.dtype:
                    r = fit(r, edge, primitive, rule)
                if anomaly:
                    check_gradient(r, node, rule)
                if at is edge:
                    if edge is near:
                        near_g = near_g + r
                        continue
                    if near is None and edge.seq not in pending:
                        near, near_g = edge, r
                        continue
                elif r is g or (type(r) is ndarray and r.base is not None):
                    r = r + 0  # no two gradients share memory
                arrive(edge, r)
            if not retain_graph:
                node.saved = None
                if primitive is not PART:  # which still has to name the operation that it belongs to
                    node.edges = ()
        if hooked:
            for edge, g in found.items():
                if isinstance(edge, Tensor) and hasattr(edge, "_hooks"):
                    found[edge] = run_hooks(edge._hooks, g, edge, create_graph)
    return found


def run_hooks(hooks: dict[int, Callable], g: Any, edge: Node | Tensor, create_graph: bool) -> Any:
    """Show a complete gradient to the hooks of a Tensor; each may replace it."""
    for hook in list(hooks.values()):
        with Mode(recording=create_graph and modes.recording):
            new = hook(g if isinstance(g, Tensor) else from_owned(np.array(g)))
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

    def __add__(self, other: Parts) -> Parts:
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
    leaf: Any
    for k, leaf in enumerate(node.edges):
        if leaf is not None and type(leaf) is not Node:
            if leaf._snapshot is not None:
                leaf._sync_version()
            if leaf._version > node.seq and _is_needed(node, k):
                row = node.primitive
                who = repr(leaf.name) if leaf.name else f"a Tensor of shape {leaf.shape}"
                raise RuntimeError(
                    f"{who} was changed after {row.name} used it as {row.inputs[0 if row.variadic else k]!r}, so its "
                    "gradient would be wrong: call backward() before the optimizer's step or any other change, "
                    "or compute the value again"
                )


def _is_needed(node: Node, k: int) -> bool:
    """Whether the rule of an input that wants a gradient names input `k`."""
    row = node.primitive
    if row.variadic:
        return bool(row.reads[0])
    return any(edge is not None and k in reads for edge, reads in zip(node.edges, row.reads))


def as_tensors(node: Node, names: Sequence[str], args: Sequence) -> list:
    """Make Tensors again of what was saved, with their history, so that a rule is itself recorded."""
    inputs = node.primitive.inputs

    def attach(edge: Node | Tensor | None, value: Any) -> Any:
        if isinstance(edge, Tensor):
            return edge
        t = from_owned(value) if isinstance(value, (ndarray, np.generic)) else value
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
    """Return the Nodes and leaves from which a wanted one is reached, itself included.

    What lies behind a Node that was freed is unknown, so it counts: the walk will come there and say so.
    """
    below: dict[Node, Sequence] = {}
    stack = [edge for edge in heads if type(edge) is Node]
    while stack:
        node = stack.pop()
        if node not in below:
            below[node] = node.edges
            stack += [edge for edge in node.edges if type(edge) is Node]
    useful = set(wanted)
    for node in sorted(below, key=lambda node: node.seq):
        if node.saved is None or any(edge in useful for edge in below[node] if edge is not None):
            useful.add(node)
    return useful


# ---------------------------------------------------------------------- what users call


def backward(self: Tensor, gradient: Any = None, *, retain_graph: bool = False, create_graph: bool = False) -> None:
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
    found = walk([_head(self, gradient)], create_graph=create_graph, retain_graph=retain_graph or create_graph)
    for leaf, g in found.items():
        old = leaf._grad
        if create_graph:
            leaf._grad = g if old is None else old + g
        else:
            total = g if old is None else old._data + g
            leaf._grad = total if type(total) is SparseRows else from_owned(total)


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
    gradients: list[Any] = []
    for i, edge in enumerate(wanted):
        g = found.get(edge)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"the outputs do not depend on input {i} (shape {inputs[i].shape}); "
                "pass allow_unused=True to get None for it"
            )
        gradients.append(g if g is None or isinstance(g, (Tensor, SparseRows)) else from_owned(np.array(g)))
    return tuple(gradients)


def _edge(x: Tensor) -> Node | Tensor | None:
    return x.node or (x if x._requires_grad else None)


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
        return edge, from_owned(output.dtype.type(1) if not output.ndim else np.ones(output.shape, output.dtype))
    if not isinstance(gradient, Tensor):
        gradient = Tensor(gradient, output.dtype)
    if gradient.shape != output.shape:
        raise ValueError(f"gradient has shape {gradient.shape}, but the Tensor has shape {output.shape}")
    if gradient.requires_grad:
        return edge, gradient.astype(output.dtype)
    return edge, from_owned(gradient._data.astype(output.dtype))  # a copy: never the caller's own memory


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Callable], hook: Callable):
        self.hooks, self.number = hooks, next_id()
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


Tensor.backward = backward  # type: ignore[method-assign]
Tensor.register_hook = register_hook  # type: ignore[method-assign]
