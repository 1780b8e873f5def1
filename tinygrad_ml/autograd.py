"""Going back through recorded operations by the chain rule: backward() and grad().

At first order the rules get arrays, and Tensors when the gradient is itself to be differentiated
(`create_graph`). The rules are the same. How operations are declared and recorded is in `primitive.py`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload

import numpy as np

from . import gradients
from .arrays import CHANGEABLE, KINDS, like, stands_in
from .batched import Batched
from .batching import check_one, left_vmap, rule_for_each
from .foreign_names import missing
from .function import Function
from .gradients import (
    HookHandle,
    NeedsCare,
    conjugated,
    is_finite,
    outward,
    run_hooks,
    widened,
    without_dead,
)
from .modes import Mode, detect_anomaly, enable_grad, is_grad_enabled, modes, no_grad
from .primitive import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    OUTPUT,
    Node,
    OutputGradients,
    Primitive,
    Residuals,
    dispatch,
    elementwise,
    implements,
    no_derivative,
    output_of,
    primitive,
)
from .sparse import SparseRows
from .tensor import LostGradientWarning, Tensor, from_owned, ndarray

__all__ = [
    "Function",
    "HookHandle",
    "LostGradientWarning",
    "Node",
    "Primitive",
    "Residuals",
    "backpropagate",
    "backward",
    "conjugated",
    "detect_anomaly",
    "dispatch",
    "elementwise",
    "enable_grad",
    "grad",
    "implements",
    "is_grad_enabled",
    "no_derivative",
    "no_grad",
    "primitive",
]

INFINITY = float("inf")
UNUSUAL = frozenset((Tensor, Batched))  # gradients that are not plain arrays
accumulating = threading.Lock()  # held while gradients are added to those of the leaves


def backpropagate(
    roots: Iterable[tuple[Node | Tensor, Tensor]],
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
    targets: Sequence[Node | Tensor] | None = None,
) -> dict[Any, Any]:
    """Carry gradients from the roots back to the leaves by the chain rule.

    The rules compute freely, and what they find is looked at once, at the end: if it is finite, all is well. If not,
    the same way is gone again with care, where a zero gradient that arrives at an infinite derivative stays zero.

    Parameters
    ----------
    roots : pairs (Node or leaf, gradient that arrives there, which nobody else holds)
    create_graph : bool
        Apply the rules to Tensors, so that the gradients can be differentiated.
    retain_graph : bool
        Keep what the Nodes saved, for another time.
    targets : Nodes and leaves, optional
        Find the gradients of these only; by default, of all leaves.

    Returns
    -------
    dict from each leaf (or target Node) to its gradient: an array of its own, or a Tensor if `create_graph`
    """
    if create_graph and not modes.recording:
        with Mode(recording=True):
            return backpropagate(roots, create_graph=True, retain_graph=retain_graph, targets=targets)
    roots = list(roots)
    wanted = set(targets or ())
    needed = None if targets is None else _leading_to(wanted, [edge for edge, _ in roots])
    answers: dict[Any, Any] = {}
    careful = modes.anomaly
    with np.errstate(all="ignore"):  # a rule meets infinities that a mask removes afterwards
        try:
            found, visited = _walk(roots, wanted, needed, answers, create_graph, careful)
            careful = careful or all_finite(found)
        except NeedsCare:
            pass
        if not careful:
            found, visited = _walk(roots, wanted, needed, answers, create_graph, True)
    if not retain_graph:
        for node in visited:
            node.free()
    return found


def _walk(
    roots: list, wanted: set, needed: Any, answers: dict[Any, Any], create_graph: bool, careful: bool
) -> tuple[Any, list[Node]]:
    """Go from the roots to the leaves once; return the gradients that were found, and the Nodes on the way.

    The Node with the largest number is always next: everything that used its output has a larger number,
    so its gradient is complete. A heap of numbers finds it; nothing is recursive.

    `answers` holds what hooks made of gradients: no hook is called twice. None sees what only care makes finite.
    """
    found: dict[Any, Any] = {}
    visited: list[Node] = []
    arrived, queue = _started(roots, needed, create_graph)
    edge: Any
    while queue:
        node = heappop(queue)[1]
        g = arrived.pop(node)
        if gradients.live_hooks and hasattr(node, "hooks"):
            g = run_hooks(node.hooks, g, node, create_graph, answers, careful)
        if node in wanted:
            found[node] = outward(g, node.dtype)
            if needed.isdisjoint(node.edges):  # nothing below it is wanted
                continue
        if node.leaves:
            check_unchanged(node)
        if type(g) is OutputGradients:
            g = g.complete()
        primitive = node.primitive
        for edge, rule, args in zip(node.edges, primitive.every_rule, node.saved or _freed(node)):
            if args is None or (needed is not None and edge not in needed):  # no gradient goes there
                continue
            if create_graph:
                args = as_tensors(node, rule, args)
            try:
                r = rule(g, *args)
            except Exception as error:
                r = rule_for_each(rule, g, args, error)
            if careful or type(r) in UNUSUAL:
                r = without_dead(left_vmap(r, edge), g, node, rule, args, create_graph, careful)
            inner = type(edge) is Node
            at = edge if inner else edge._data
            if r.shape != at.shape or r.dtype is not at.dtype:
                r = unbroadcast(r, edge, primitive, rule)
            if edge in arrived:
                arrived[edge] = arrived[edge] + r
            elif inner:
                arrived[edge] = r
                heappush(queue, (-edge.seq, edge))
            else:  # no two gradients share memory
                shared = r is g or (type(r) in CHANGEABLE and getattr(r, "base", r) is not None)
                arrived[edge] = r + 0 if shared else r
        visited.append(node)
    return _completed(arrived, found, create_graph, answers, careful), visited


def _completed(
    arrived: dict[Any, Any], found: dict[Any, Any], create_graph: bool, answers: dict[Any, Any], careful: bool
) -> dict[Any, Any]:
    """Add the gradients of the leaves, as users see them, to those that were found on the way."""
    for leaf, g in arrived.items():
        if gradients.live_hooks and hasattr(leaf, "_hooks"):
            g = run_hooks(leaf._hooks, g, leaf, create_graph, answers, careful)
        dtype = leaf._data.dtype
        found[leaf] = g if dtype is FLOAT32 or dtype is FLOAT64 else outward(g, dtype)
    return found


def _started(roots: list, needed: set | None, create_graph: bool) -> tuple[dict[Any, Any], list[tuple[int, Node]]]:
    """Return where a walk begins: the gradients that have arrived, at Nodes and leaves, and the Nodes as a heap.

    The heap has the newest Node first. A rule gets the complex conjugate of the gradient that users see.
    """
    arrived: dict[Any, Any] = {}
    queue: list[tuple[int, Node]] = []
    for edge, root in roots:
        if needed is None or edge in needed:
            g = root if create_graph else root._data
            if g.dtype.kind == "c":
                g = g.conj()
            if edge in arrived:
                g = arrived[edge] + g
            elif type(edge) is Node:
                queue.append((-edge.seq, edge))
            arrived[edge] = g
    heapify(queue)
    return arrived, queue


def _freed(node: Node) -> NoReturn:
    owner: Any = node if node.primitive is not OUTPUT else node.edges[0]
    raise RuntimeError(
        owner.primitive.forgotten
        or f"backward a second time through {owner.primitive.name}, whose saved values the first one freed; "
        "use retain_graph=True the first time"
    )


def unbroadcast(r: Any, edge: Any, primitive: Primitive, rule: Any) -> Any:
    """Sum a gradient over the axes that broadcasting added, and restore the dtype (of float16, float32)."""
    wanted = edge._data if isinstance(edge, Tensor) else edge
    shape, dtype = wanted.shape, FLOAT32 if wanted.dtype is FLOAT16 else wanted.dtype
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


def all_finite(found: dict[Any, Any]) -> bool:
    """Whether no gradient that was found holds NaN or infinity."""
    for g in found.values():
        if type(g) is ndarray and (g.dtype is FLOAT32 or g.dtype is FLOAT64):  # the usual case, in the fewest steps
            flat = g.ravel()
            if not flat.dot(flat) < INFINITY and not is_finite(g):
                return False
        elif not is_finite(g):
            return False
    return True


# ---------------------------------------------------------------------- changed values, second derivatives


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
        return bool(row.rule_inputs[0])
    return any(edge is not None and k in reads for edge, reads in zip(node.edges, row.rule_inputs))


def as_tensors(node: Node, rule: Callable, args: Sequence) -> list:
    """Make Tensors again of what was saved, with their history, so that a rule is itself recorded."""
    inputs = node.primitive.inputs
    names = node.primitive.rule_args[node.primitive.rules.index(rule)]

    def attach(edge: Node | Tensor | None, value: Any) -> Any:
        if isinstance(edge, Tensor):
            return edge
        t = from_owned(value) if isinstance(value, (ndarray, np.generic)) or stands_in(value) else value
        if edge is not None:
            t.node = edge
        return t

    tensors: list[Any] = []
    for name, value in zip(names, args):
        if name == "out":
            several = type(node.shape) is list
            value = tuple(output_of(node, k, v) for k, v in enumerate(value)) if several else attach(node, value)
        elif name in inputs:
            if node.primitive.variadic:
                value = tuple(map(attach, node.edges, value))
            else:
                value = attach(node.edges[inputs.index(name)], value)
        tensors.append(value)
    return tensors


def _leading_to(wanted: set, roots: Sequence) -> set:
    """Return the Nodes and leaves from which a wanted one is reached, itself included.

    What lies behind a Node that was freed is unknown, so it counts: the way back will come there and say so.
    """
    below: dict[Node, Sequence] = {}
    stack = [edge for edge in roots if type(edge) is Node]
    while stack:
        node = stack.pop()
        if node not in below:
            below[node] = node.edges
            stack += [edge for edge in node.edges if type(edge) is Node]
    needed = set(wanted)
    for node in sorted(below, key=lambda node: node.seq):
        if node.saved is None or any(edge in needed for edge in below[node] if edge is not None):
            needed.add(node)
    return needed


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
    found = backpropagate([_root(self, gradient)], create_graph=create_graph, retain_graph=retain_graph or create_graph)
    with accumulating:  # threads may share leaves
        for leaf, g in found.items():
            if type(g) in UNUSUAL:
                check_one(g, leaf)
            old = leaf._grad
            if create_graph:
                leaf._grad = g if old is None else old + g
            else:
                total = g if old is None else old._data + g
                leaf._grad = total if type(total) is SparseRows else from_owned(total)


if TYPE_CHECKING:  # None comes back only where it is allowed

    @overload
    def grad(
        outputs: Any,
        inputs: Any,
        grad_outputs: Any = None,
        *,
        create_graph: bool = False,
        retain_graph: bool | None = None,
        allow_unused: Literal[False] = False,
    ) -> tuple[Tensor, ...]: ...

    @overload
    def grad(
        outputs: Any,
        inputs: Any,
        grad_outputs: Any = None,
        *,
        create_graph: bool = False,
        retain_graph: bool | None = None,
        allow_unused: bool,
    ) -> tuple[Tensor | None, ...]: ...


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
    wanted = [edge_of(x) for x in inputs]
    for i, edge in enumerate(wanted):
        if edge is None:
            raise RuntimeError(f"input {i} (shape {inputs[i].shape}) does not require a gradient")
    found = backpropagate(
        [_root(y, g) for y, g in zip(outputs, arriving)],
        create_graph=create_graph,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        targets=wanted,  # type: ignore[arg-type]
    )
    gradients: list[Any] = []
    for i, edge in enumerate(wanted):
        g = found.get(edge)
        if g is None and not allow_unused:
            raise RuntimeError(
                f"the outputs do not depend on input {i} (shape {inputs[i].shape}); "
                "pass allow_unused=True to get None for it"
            )
        gradients.append(g if g is None or isinstance(g, (Tensor, SparseRows)) else from_owned(g.copy()))
    return tuple(gradients)


def edge_of(x: Tensor) -> Node | Tensor | None:
    """Return what gradients of a Tensor arrive at: its Node, the leaf itself, or None if it requires none."""
    return x.node or (x if x._requires_grad else None)


def _root(output: Tensor, gradient: Any) -> tuple[Node | Tensor, Tensor]:
    """Return the end of the graph to start from and the gradient that arrives there."""
    edge = edge_of(output)
    if edge is None:
        raise RuntimeError(
            "nothing to differentiate: this Tensor does not depend on one that requires a gradient "
            "(was it made under no_grad, detached, by a function of tg.compile, or from constants only?)"
        )
    if gradient is None:
        array = output._data
        if array.dtype.kind == "c":
            raise TypeError(
                f"backward() starts from a real number, and this Tensor is {array.dtype}: make it real first, for "
                "example with .real, tg.abs(z) or tg.abs(z) ** 2, or pass gradient="
            )
        if array.size != 1:
            raise RuntimeError(
                f"backward() starts from a single number, and this Tensor has shape {array.shape}: "
                "reduce it first, for example with .sum() or .mean(), or pass gradient="
            )
        whole = array.ndim or type(array) in KINDS  # no scalar of NumPy
        one = like(array).ones(array.shape, array.dtype) if whole else array.dtype.type(1)
        return edge, from_owned(one if array.dtype is not FLOAT16 else widened(one))
    if output.dtype.kind != "c" and np.iscomplexobj(gradient):
        raise TypeError(f"gradient is complex, but the Tensor is {output.dtype}, so its gradient is real: use .real")
    if not isinstance(gradient, Tensor):
        gradient = Tensor(gradient, output.dtype)
    if gradient.shape != output.shape:
        raise ValueError(f"gradient has shape {gradient.shape}, but the Tensor has shape {output.shape}")
    if gradient.requires_grad:
        return edge, widened(gradient.astype(output.dtype))
    return edge, from_owned(widened(gradient._data.astype(output.dtype)))  # a copy: never the caller's own memory


def __getattr__(name: str) -> Any:
    """Return the table of operations of the library, by name: it is read from where they are declared."""
    if name != "OPERATIONS":
        raise missing("tg.autograd", name)
    package = __name__.rpartition(".")[0]
    places = (f"{package}.ops.", f"{package}.linalg.", f"{package}.fft")
    rooms = [module for key, module in list(sys.modules.items()) if key.startswith(places)]
    things = [getattr(thing, "primitive", None) for room in rooms for thing in vars(room).values()]
    return {row.name: row for row in things if isinstance(row, Primitive)}
