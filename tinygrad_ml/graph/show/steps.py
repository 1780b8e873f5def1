"""Forward and back, one operation at a time, in words and numbers: what the chain rule does at every step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..format import plain, shape_text
from ..formulas import local_factor
from ..nodes import GraphData, GraphNode, Input
from ..values import ArraySummary
from .text import node_names


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
    names = [
        f"{node.operation} {name}" if name.startswith("%") and node.operation else name
        for name, node in zip(node_names(graph), graph.nodes)
    ]
    start = Step("start", None, "The inputs and parameters have their values.")
    forward = _forward_steps(graph, names)
    if not any(node.gradient is not None for node in graph.nodes):
        return [start, *forward]
    uses = Counter(i.source for n in graph.nodes for i in n.inputs if i.gradient is not None and i.source is not None)
    return [start, *forward, _turn(graph, uses), *_backward_steps(graph, names, uses), _end(graph, names)]


def _forward_steps(graph: GraphData, names: list[str]) -> list[Step]:
    nodes = [node for node in graph.nodes if node.kind in ("operation", "error")]
    return [Step("forward", node.number, _forward(graph, node, names)) for node in nodes]


def _turn(graph: GraphData, uses: Counter) -> Step:
    """Return the step at which backpropagation begins."""
    results = [k for k in graph.outputs if graph.nodes[k].gradient is not None]
    given = [g for k in results if (g := graph.nodes[k].gradient) is not None]
    if any(not (g.low == g.high == 1) for g in given):
        text = "The gradient of the result is given: " + ", ".join(_brief(g) for g in given) + "."
    elif any(graph.nodes[k].shape for k in results):
        text = "The gradient of each number of the result, for itself, is 1: from here it goes back."
    else:
        text = "The gradient of the result for itself is 1: from here it goes back."
    return Step("turn", None, text, [k for k in results if not uses[k]])


def _backward_steps(graph: GraphData, names: list[str], uses: Counter) -> list[Step]:
    found = []
    so_far: dict[int, tuple[int, list | None]] = {}
    for node in reversed(graph.nodes):
        lines, complete = [], []
        for i in node.inputs:
            if i.gradient is not None and i.source is not None:
                lines.append(_backward(graph, node, i, names, so_far, uses))
                if so_far[i.source][0] == uses[i.source]:
                    complete.append(i.source)
        if lines:
            found.append(Step("backward", node.number, "\n".join(lines), complete))
    return found


def _end(graph: GraphData, names: list[str]) -> Step:
    leaves = [n for n in graph.nodes if not n.inputs and n.gradient is not None]
    last = ", ".join(f"{names[n.number]} {_brief(n.gradient, n.shape)}" for n in leaves[:20])
    return Step("end", None, f"All gradients are complete: {last}{', …' if len(leaves) > 20 else ''}.")


def _forward(graph: GraphData, node: GraphNode, names: list[str]) -> str:
    if node.kind == "error":
        return f"{node.operation or 'here'}: {plain(node.message)}"
    arguments = []
    for i in node.inputs:
        value = graph.nodes[i.source].value if i.source is not None else None
        known = i.constant if i.source is None else _brief(value, graph.nodes[i.source].shape) or names[i.source]
        arguments.append(f"{i.argument} = {known}")
    arguments += [f"{k} = {v}" for k, v in node.parameters.items()]
    result = _brief(node.value, node.shape) or shape_text(node.shape) or "its parts"
    return f"{node.operation}: {', '.join(arguments)} give {result}."


def _backward(
    graph: GraphData,
    node: GraphNode,
    i: Input,
    names: list[str],
    so_far: dict[int, tuple[int, list | None]],
    uses: Counter,
) -> str:
    """Say what goes along one edge, and add it to what has come from the other paths."""
    sent, source = i.gradient, i.source or 0
    assert sent is not None
    shape = graph.nodes[source].shape
    text = _sent(node, i, sent, shape, names[source])
    count, total = so_far.get(source, (0, None))
    numbers = sent.numbers
    if count and total is not None and numbers is not None:
        numbers = [a + b for a, b in zip(total, numbers)]
    count += 1
    so_far[source] = (count, numbers)
    if uses[source] == 1:
        return text
    if count > 1:
        whence = "the other path" if count == 2 else f"the {count - 1} other paths"
        whole = graph.nodes[source].gradient if count == uses[source] else None
        if total is not None and numbers is not None:
            text += f", added to {_numbers(total)} from {whence} → {_numbers(numbers)}"
        else:
            text += f", added to what came from {whence}" + (f" → {_brief(whole, shape)}" if whole is not None else "")
    return text if count == uses[source] else f"{text} ({count} of {uses[source]} paths so far)"


def _sent(node: GraphNode, i: Input, sent: ArraySummary, shape: tuple[int, ...] | None, who: str) -> str:
    """Say what goes along one edge: a product with the local derivative, or what the formula makes of the gradient."""
    factor = local_factor(i.formula)
    if i.local is not None and node.gradient is not None and factor:
        shown = factor if factor in ("1", "-1") else f"{factor} = {number(i.local)}"
        arriving = f"gradient arriving {_brief(node.gradient)}"
        return f"{node.operation}: {arriving} × local derivative {shown} → {_brief(sent)} for {who}"
    known = f" ({_brief(node.gradient, node.shape)})" if node.gradient is not None else " of the parts"
    return f"{node.operation}: gradient arriving g{known}; {i.formula} → {_brief(sent, shape)} for {who}"


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
    return f"{shape_text(shape)} of norm {values.norm:.4g}"
