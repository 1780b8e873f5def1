"""Forward and back, one operation at a time, in words and numbers: what the chain rule does at every step.

A sentence is a template with slots for its numbers, so that the explorer can say it again with other ones. A slot is a
name between two control characters, which no text of the user's contains:

- x0, x1, ... the value of an input, or its name; out: the value of the result
- g: the gradient that arrives; local: the local derivative; sent: what goes along the edge; for: where it goes
- before, after: what has come from the other paths, without and with this one; whole: the complete gradient
- leaves: the gradients of all inputs and parameters
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..format import plain, shape_text
from ..formulas import local_factor
from ..nodes import GraphData, GraphNode, Input
from ..values import ArraySummary
from .text import node_names

LEAVES_NAMED = 20  # in the last sentence


@dataclass
class Step:
    """One step.

    Attributes
    ----------
    phase : "start", "forward", "turn", "backward" or "end"
    node : int or None
        The number of the node at which something happens.
    text : str
        What happens, one sentence or one line for each input.
    complete : list of int
        The numbers of the nodes whose gradient is complete after this step.
    """

    phase: str
    node: int | None
    text: str
    complete: list[int] = field(default_factory=list)


def steps(graph: GraphData) -> list[Step]:
    """Return the steps of a graph.

    >>> from tinygrad_ml.graph.show.steps import steps
    >>> for step in steps(tg.graph.trace(lambda x: x * x, 3.0)):
    ...     print(step.text)
    The inputs and parameters have their values.
    multiply: x = 3, y = 3 give 9.
    The gradient of the result for itself is 1: from here it goes back.
    multiply: gradient arriving 1 × local derivative y = 3 → 3 for x (1 of 2 paths so far)
    multiply: gradient arriving 1 × local derivative x = 3 → 3 for x, added to 3 from the other path → 6
    All gradients are complete: x 6.
    """
    names = spoken_names(graph)
    start = Step("start", None, "The inputs and parameters have their values.")
    forward = [
        Step("forward", node.number, filled(forward_template(node), _forward_slots(graph, node, names)))
        for node in graph.nodes
        if node.kind in ("operation", "error")
    ]
    if not any(node.gradient is not None for node in graph.nodes):
        return [start, *forward]
    uses = paths(graph)
    turn = Step("turn", None, turn_text(graph), [k for k in turned(graph) if not uses[k]])
    return [start, *forward, turn, *_backward_steps(graph, names, uses), _end(graph, names)]


def spoken_names(graph: GraphData) -> list[str]:
    """Return what sentences call each node: its name, or its operation with its number."""
    return [
        f"{node.operation} {name}" if name.startswith("%") and node.operation else name
        for name, node in zip(node_names(graph), graph.nodes)
    ]


def paths(graph: GraphData) -> Counter[int]:
    """Return for each node along how many edges a gradient comes to it."""
    return Counter(i.source for n in graph.nodes for i in n.inputs if i.gradient is not None and i.source is not None)


def slot(name: str) -> str:
    """Return a place for a number in a template."""
    return f"\x01{name}\x02"


def filled(template: str, slots: Mapping[str, str]) -> str:
    """Return a template with its slots filled."""
    return re.sub("\x01(\\w+)\x02", lambda found: slots[found[1]], template)


# ---------------------------------------------------------------------- forward


def forward_template(node: GraphNode) -> str:
    """Return the sentence for an operation that runs."""
    if node.kind == "error":
        return f"{node.operation or 'here'}: {plain(node.message)}"
    arguments = [
        f"{i.argument} = {plain(i.constant) if i.source is None else slot(f'x{k}')}" for k, i in enumerate(node.inputs)
    ]
    arguments += [plain(f"{k} = {v}") for k, v in node.parameters.items()]
    return f"{node.operation}: {', '.join(arguments)} give {slot('out')}."


def _forward_slots(graph: GraphData, node: GraphNode, names: list[str]) -> dict[str, str]:
    slots = {"out": _brief(node.value, node.shape) or shape_text(node.shape) or "its parts"}
    for k, i in enumerate(node.inputs):
        if i.source is not None:
            source = graph.nodes[i.source]
            slots[f"x{k}"] = _brief(source.value, source.shape) or names[i.source]
    return slots


# ---------------------------------------------------------------------- the turn, and the end


def turned(graph: GraphData) -> list[int]:
    """Return the results from which a gradient goes back."""
    return [k for k in graph.outputs if graph.nodes[k].gradient is not None]


def turn_text(graph: GraphData) -> str:
    """Return the sentence at which backpropagation begins."""
    results = turned(graph)
    given = [g for k in results if (g := graph.nodes[k].gradient) is not None]
    if any(not (g.low == g.high == 1) for g in given):
        return "The gradient of the result is given: " + ", ".join(_brief(g) for g in given) + "."
    if any(graph.nodes[k].shape for k in results):
        return "The gradient of each number of the result, for itself, is 1: from here it goes back."
    return "The gradient of the result for itself is 1: from here it goes back."


END = f"All gradients are complete: {slot('leaves')}."


def _end(graph: GraphData, names: list[str]) -> Step:
    leaves = [n for n in graph.nodes if not n.inputs and n.gradient is not None]
    named = ", ".join(f"{names[n.number]} {_brief(n.gradient, n.shape)}" for n in leaves[:LEAVES_NAMED])
    return Step("end", None, filled(END, {"leaves": named + ", …" * (len(leaves) > LEAVES_NAMED)}))


# ---------------------------------------------------------------------- backward


def _backward_steps(graph: GraphData, names: list[str], uses: Counter[int]) -> list[Step]:
    found: dict[int, Step] = {}
    so_far: dict[int, list | None] = {}
    for node, i, count in backward_edges(graph):
        step = found.setdefault(node.number, Step("backward", node.number, ""))
        line = filled(backward_template(node, i, count, uses), _backward_slots(graph, node, i, names, so_far))
        step.text += "\n" * bool(step.text) + line
        if count == uses[i.source]:  # type: ignore[index]
            step.complete.append(i.source)  # type: ignore[arg-type]
    return list(found.values())


def backward_edges(graph: GraphData) -> Iterator[tuple[GraphNode, Input, int]]:
    """Yield the edges along which gradients go, in that order, each with how many have come to its source by then."""
    count: Counter[int] = Counter()
    for node in reversed(graph.nodes):
        for i in node.inputs:
            if i.gradient is not None and i.source is not None:
                count[i.source] += 1
                yield node, i, count[i.source]


def backward_template(node: GraphNode, i: Input, count: int, uses: Counter[int]) -> str:
    """Return the sentence for what goes along an edge, and is added to what has come from the other paths."""
    text, all_uses = _sent(node, i), uses[i.source]  # type: ignore[index]
    if count > 1:
        whence = "the other path" if count == 2 else f"the {count - 1} other paths"
        if i.gradient is not None and i.gradient.numbers is not None:
            text += f", added to {slot('before')} from {whence} → {slot('after')}"
        else:
            text += f", added to what came from {whence}" + (f" → {slot('whole')}" if count == all_uses else "")
    return text if count == all_uses else f"{text} ({count} of {all_uses} paths so far)"


def _sent(node: GraphNode, i: Input) -> str:
    """Say what goes along one edge: a product with the local derivative, or what the formula makes of the gradient."""
    factor = local_factor(i.formula)
    if i.local is not None and node.gradient is not None and factor:
        shown = factor if factor in ("1", "-1") else f"{factor} = {slot('local')}"
        text = f"{slot('g')} × local derivative {shown}"
    else:
        known = f" ({slot('g')})" if node.gradient is not None else " of the parts"
        text = f"g{known}; {plain(i.formula)}"
    return f"{node.operation}: gradient arriving {text} → {slot('sent')} for {slot('for')}"


def _backward_slots(
    graph: GraphData, node: GraphNode, i: Input, names: list[str], so_far: dict[int, list | None]
) -> dict[str, str]:
    """Return the numbers of one edge, and add what goes along it to what has come from the other paths."""
    source, sent = i.source or 0, i.gradient
    assert sent is not None
    shape = graph.nodes[source].shape
    before, after = so_far.get(source), sent.numbers
    if before is not None and after is not None:
        after = [a + b for a, b in zip(before, after)]
    so_far[source] = after
    return {
        "g": _brief(node.gradient, node.shape),
        "local": number(i.local) if i.local is not None else "",
        "sent": _brief(sent, shape),
        "for": names[source],
        "before": _numbers(before or []),
        "after": _numbers(after or []),
        "whole": _brief(graph.nodes[source].gradient, shape),
    }


# ---------------------------------------------------------------------- numbers


def number(x: float) -> str:
    """Return a number with up to five digits."""
    return f"{x:.5g}" if isinstance(x, float) else str(x)


def _numbers(numbers: list) -> str:
    if len(numbers) == 1:
        return number(numbers[0])
    return "[" + ", ".join(map(number, numbers[:4])) + (", …]" if len(numbers) > 4 else "]")


def _brief(values: ArraySummary | None, shape: tuple[int, ...] | None = ()) -> str:
    if values is None:
        return ""
    if values.numbers is not None and values.size <= 4:
        return _numbers(values.numbers)
    if not values.finite:
        return str(values)
    return f"{shape_text(shape) or 'parts'} of norm {values.norm:.4g}"
