"""The gradients of a graph: what arrives at each node, and what each operation sends along each of its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import autograd
from ...modes import Mode
from ...tensor import Tensor, from_owned
from ..formulas import local_factor
from ..values import ArraySummary
from .builder import Builder


def add_gradients(builder: Builder, results: Sequence[Tensor], gradient: Any = None) -> None:
    """Backpropagate from the results, and write all gradients into the graph."""
    graph = builder.graph
    heads = [(x.node or x, _arriving(x, gradient)) for x in results if x.requires_grad]
    if not heads:
        return
    if gradient is None and (len(heads) > 1 or heads[0][1].size > 1):
        graph.notes.append("the gradients are those of the sum of the results")
    try:
        with Mode(observer=None, anomaly=False):
            found = autograd.backpropagate(heads, retain_graph=True, targets=list(builder.made.values()))
            for number, edge in builder.made.items():
                if edge in found:
                    _write(builder, number, edge, found[edge])
    except RuntimeError as error:  # freed by a backward, or changed since
        graph.notes.append(f"no gradients: {error}")
        return


def _arriving(x: Tensor, gradient: Any) -> Tensor:
    if gradient is None:
        return from_owned(np.ones(x.shape, x.dtype)[()])
    array = gradient._data if isinstance(gradient, Tensor) else np.asarray(gradient, x.dtype)
    return from_owned(np.array(np.broadcast_to(array, x.shape))[()])


def _write(builder: Builder, number: int, edge: Any, g: Any) -> None:
    node = builder.graph.nodes[number]
    if type(g) is not autograd.OutputGradients:
        node.gradient = ArraySummary.of(g)
    if type(edge) is not autograd.Node:
        return
    primitive = edge.primitive
    if primitive is autograd.OUTPUT:
        node.inputs[0].gradient = node.gradient
        return
    if type(g) is autograd.OutputGradients:
        g = g.complete()
    with np.errstate(all="ignore"):
        for k, (target, args) in enumerate(zip(edge.edges, edge.saved or ())):
            rule = primitive.rules[0 if primitive.variadic else k]
            if target is None or rule is None or args is None:
                continue
            sent = _send(primitive, rule, target, g, args)
            node.inputs[k].gradient = ArraySummary.of(sent)
            if type(g) is not list and np.size(g) == 1 == np.size(sent) and local_factor(node.inputs[k].formula):
                one = _send(primitive, rule, target, np.ones_like(g)[()], args)
                node.inputs[k].local = float(np.real(np.ravel(one)[0]))


def _send(primitive: Any, rule: Any, target: Any, g: Any, args: tuple) -> Any:
    sent = rule(g, *args)
    if isinstance(sent, Tensor):
        sent = sent._data
    return autograd.unbroadcast(sent, target, primitive, rule)
