"""PyTorch's gradients of what was traced: its own backward pass, with hooks for what goes along each edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...primitive import OUTPUT
from ..values import ArraySummary
from .foreign import as_plain, local_derivative
from .pytorch_calls import as_array

STEPS = 20_000  # nodes of PyTorch's graph that one operation may consist of


def add_gradients(traced: Any, results: list[Any], gradient: Any) -> None:
    """Let PyTorch go back from the results, and write all gradients into the graph."""
    torch, graph = traced.torch, traced.graph
    roots = [x for x in results if x.requires_grad]
    if not roots or not traced.edges:
        return
    if gradient is None:
        arriving = [torch.ones_like(x) for x in roots]
        if len(roots) > 1 or roots[0].numel() > 1:
            graph.notes.append("the gradients are those of the sum of the results")
    else:
        given = gradient if isinstance(gradient, torch.Tensor) else torch.tensor(np.array(as_plain(gradient)))
        arriving = [given.to(x.dtype).expand(x.shape) for x in roots]
    sent: dict[tuple[int, int], Any] = {}
    handles = _watch_edges(traced, sent)
    try:
        found = torch.autograd.grad(roots, list(traced.edges.values()), arriving, retain_graph=True, allow_unused=True)
    except RuntimeError as error:  # freed by a backward, or changed since
        graph.notes.append(f"no gradients: {error}")
        return
    finally:
        for handle in handles:
            handle.remove()
    for number, g in zip(traced.edges, found):
        array = as_array(g) if g is not None else None
        if array is not None:
            graph.nodes[number].gradient = ArraySummary.of(array)
    for (number, place), g in sent.items():
        array = as_array(g)
        if array is not None:
            node, i = graph.nodes[number], graph.nodes[number].inputs[place]
            i.gradient = ArraySummary.of(array)
            i.local = local_derivative(i.formula, i.gradient, node.gradient)
    for node in graph.nodes:
        if node.operation == OUTPUT.name and node.inputs:
            node.inputs[0].gradient = node.gradient


def _watch_edges(traced: Any, sent: dict[tuple[int, int], Any]) -> list[Any]:
    """Hook the nodes of PyTorch's graph at which a gradient leaves an operation of ours."""
    parts: dict[int, list[int]] = {}
    for node in traced.graph.nodes:
        if node.operation == OUTPUT.name and node.inputs:
            parts.setdefault(node.inputs[0].source or 0, []).append(node.number)
    handles = []
    for number, places in traced.slots:
        node = traced.graph.nodes[number]
        targets: dict[tuple[Any, int], list[int]] = {}
        for place in places:
            edge = traced.edges.get(node.inputs[place].source or 0)
            if edge is not None:
                targets.setdefault((edge.node, edge.output_nr), []).append(place)
        starts = {traced.edges[k].node for k in [number, *parts.get(number, [])] if k in traced.edges}
        for at, hits in _leaving(starts, targets, traced.known):
            handles.append(at.register_hook(_keeper(sent, number, hits)))
    return handles


def _leaving(starts: set, targets: dict[tuple[Any, int], list[int]], known: Any) -> list[tuple[Any, dict[int, int]]]:
    """Return the nodes of PyTorch's graph at the border of an operation, and which of its inputs lie beyond.

    For each node it is the place of the input by the place among the gradients that the node sends. A Tensor that
    is taken in several times has them one after the other, if PyTorch tells them apart.
    """
    found, stack, seen = [], list(starts), set(starts)
    if any(node in seen for node, _ in targets):
        return []  # the operation returns what it was given
    while stack:
        at = stack.pop()
        hits: dict[int, int] = {}
        for k, key in enumerate(at.next_functions):
            if key in targets:
                left = targets[key]
                hits[k] = left.pop(0) if len(left) > 1 else left[0]
            elif key[0] is not None and key[0] not in seen and key not in known:
                seen.add(key[0])
                stack.append(key[0])
        if hits:
            found.append((at, hits))
        if len(seen) > STEPS:
            return []  # rather none than a part of them
    return found


def _keeper(sent: dict[tuple[int, int], Any], number: int, hits: dict[int, int]) -> Any:
    """Return a hook that adds up the gradients which an operation sends to each of its inputs."""

    def keep(grad_inputs: Sequence[Any], grad_outputs: Sequence[Any]) -> None:
        for k, place in hits.items():
            g = grad_inputs[k] if k < len(grad_inputs) else None
            if g is not None:
                before = sent.get((number, place))
                sent[number, place] = g.detach() if before is None else before + g.detach()

    return keep
