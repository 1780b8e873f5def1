"""The gradients of a graph: what arrives at each node, and what each operation sends along each of its edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...arrays import like
from ...autograd import backpropagate, unbroadcast
from ...gradients import conjugated, is_finite, without_dead
from ...modes import Mode
from ...primitive import OUTPUT, Node, OutputGradients
from ...tensor import Tensor, from_owned
from ..formulas import local_factor
from ..values import ArraySummary
from .builder import Builder


def add_gradients(builder: Builder, results: Sequence[Tensor], gradient: Any = None) -> None:
    """Backpropagate from the results, and write all gradients into the graph."""
    graph = builder.graph
    roots = [(x.node or x, _arriving(x, gradient)) for x in results if x.requires_grad]
    if not roots:
        return
    if gradient is None and (len(roots) > 1 or roots[0][1].size > 1):
        graph.notes.append("the gradients are those of the sum of the results")
    if gradient is None and any(arriving.dtype.kind == "c" for _, arriving in roots):
        graph.notes.append("the gradients are those of the real part")
    try:
        with Mode(observer=None, anomaly=False):
            found = backpropagate(roots, retain_graph=True, targets=list(builder.made.values()))
            for number, edge in builder.made.items():
                if edge in found:
                    _write(builder, number, edge, found[edge])
    except RuntimeError as error:  # freed by a backward, or changed since
        graph.notes.append(f"no gradients: {error}")


def _arriving(x: Tensor, gradient: Any) -> Tensor:
    if gradient is None:
        return from_owned(like(x).ones(x.shape, x.dtype)[()])
    array = gradient._data if isinstance(gradient, Tensor) else np.asarray(gradient, x.dtype)
    return from_owned(np.array(np.broadcast_to(array, x.shape))[()])


def _write(builder: Builder, number: int, made: Node | Tensor, g: Any) -> None:
    """Write what arrived at the result of a recorded operation, or at a leaf, and what the operation sends on."""
    node = builder.graph.nodes[number]
    several = type(g) is OutputGradients
    if not several:
        node.gradient = ArraySummary.of(g)
    if not isinstance(made, Node):
        return
    if made.primitive is OUTPUT:
        node.inputs[0].gradient = node.gradient
        return
    g = conjugated(g)  # as rules get it
    g = g.complete() if several else g
    with np.errstate(all="ignore"):
        for k, (edge, args) in enumerate(zip(made.edges, made.saved or ())):
            rule = made.primitive.rules[0 if made.primitive.variadic else k]
            if edge is None or rule is None or args is None:
                continue
            i = node.inputs[k]
            sent = _sent(made, edge, rule, g, args)
            i.gradient = ArraySummary.of(conjugated(sent))
            if not several and np.size(g) == 1 == np.size(sent) and local_factor(i.formula):
                one = _sent(made, edge, rule, np.ones_like(g)[()], args)
                if one.dtype.kind != "c":
                    i.local = float(np.ravel(one)[0])


def _sent(made: Node, edge: Node | Tensor, rule: Callable, g: Any, args: tuple) -> Any:
    """Return the gradient that a rule gives, as backpropagation adds it to that of the input."""
    sent = rule(g, *args)
    if isinstance(sent, Tensor):
        sent = sent._data
    if not is_finite(sent):
        sent = without_dead(sent, g, made, rule, args)
    return unbroadcast(sent, edge, made.primitive, rule)
