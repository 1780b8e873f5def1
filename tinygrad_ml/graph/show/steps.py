"""Forward and back, one operation at a time, in words and numbers: what the chain rule does at every step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..build.builder import shape_text
from ..formulas import local_factor
from ..graph import Graph
from ..nodes import Input, Node
from ..values import Values
from .text import node_names, plain


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


def steps(graph: Graph) -> list[Step]:
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
    found = [Step("start", None, "The inputs and parameters have their values.")]
    found += [
        Step("forward", node.number, _forward(graph, node, names))
        for node in graph.nodes
        if node.kind in ("operation", "error")
    ]
    if not any(node.gradient is not None for node in graph.nodes):
        return found
    results = [k for k in graph.outputs if graph.nodes[k].gradient is not None]
    given = [graph.nodes[k].gradient for k in results]
    if any(g is not None and not (g.low == g.high == 1) for g in given):
        start = "The gradient of the result is given: " + ", ".join(_brief(g) for g in given) + "."
    elif any(graph.nodes[k].shape for k in results):
        start = "The gradient of each number of the result, for itself, is 1: from here it goes back."
    else:
        start = "The gradient of the result for itself is 1: from here it goes back."
    uses = Counter(i.source for n in graph.nodes for i in n.inputs if i.gradient is not None and i.source is not None)
    found.append(Step("turn", None, start, [k for k in results if not uses[k]]))
    so_far: dict[int, tuple[int, list | None]] = {}
    for node in reversed(graph.nodes):
        sent = [i for i in node.inputs if i.gradient is not None and i.source is not None]
        if sent:
            lines, complete = [], []
            for i in sent:
                lines.append(_backward(graph, node, i, names, so_far, uses))
                if so_far[i.source or 0][0] == uses[i.source or 0]:
                    complete.append(i.source or 0)
            found.append(Step("backward", node.number, "\n".join(lines), complete))
    leaves = [n for n in graph.nodes if not n.inputs and n.gradient is not None]
    last = ", ".join(f"{names[n.number]} {_brief(n.gradient, n.shape)}" for n in leaves[:20])
    found.append(Step("end", None, f"All gradients are complete: {last}{', …' if len(leaves) > 20 else ''}."))
    return found


def _forward(graph: Graph, node: Node, names: list[str]) -> str:
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
    graph: Graph, node: Node, i: Input, names: list[str], so_far: dict[int, tuple[int, list | None]], uses: Counter
) -> str:
    """Say what goes along one edge, and add it to what has come from the other paths."""
    sent, source = i.gradient, i.source or 0
    assert sent is not None
    who, shape = names[source], graph.nodes[source].shape
    factor = local_factor(i.formula)
    if i.local is not None and node.gradient is not None and factor:
        shown = factor if factor in ("1", "-1") else f"{factor} = {number(i.local)}"
        arriving = f"gradient arriving {_brief(node.gradient)}"
        text = f"{node.operation}: {arriving} × local derivative {shown} → {_brief(sent)} for {who}"
    else:
        known = f" ({_brief(node.gradient, node.shape)})" if node.gradient is not None else " of the parts"
        text = f"{node.operation}: gradient arriving g{known}; {i.formula} → {_brief(sent, shape)} for {who}"
    count, total = so_far.get(source, (0, None))
    numbers = sent.numbers
    if count and total is not None and numbers is not None:
        numbers = [a + b for a, b in zip(total, numbers)]
    count += 1
    so_far[source] = (count, numbers)
    if uses[source] == 1:
        return text
    if count == 1:
        return f"{text} (1 of {uses[source]} paths so far)"
    whence = "the other path" if count == 2 else f"the {count - 1} other paths"
    if numbers is None or total is None:
        whole = graph.nodes[source].gradient
        now = f" → {_brief(whole, shape)}" if count == uses[source] and whole is not None else ""
        text += f", added to what came from {whence}{now}"
    else:
        text += f", added to {_numbers(total)} from {whence} → {_numbers(numbers)}"
    return text if count == uses[source] else f"{text} ({count} of {uses[source]} paths so far)"


def number(x: float) -> str:
    """Return a number with up to five digits."""
    return f"{x:.5g}" if isinstance(x, float) else str(x)


def _numbers(numbers: list) -> str:
    if len(numbers) == 1:
        return number(numbers[0])
    return "[" + ", ".join(map(number, numbers[:4])) + (", …]" if len(numbers) > 4 else "]")


def _brief(values: Values | None, shape: tuple[int, ...] | None = ()) -> str:
    if values is None:
        return ""
    if values.numbers is not None and values.size <= 4:
        return _numbers(values.numbers)
    if not values.finite:
        return str(values)
    return f"{shape_text(shape)} of norm {values.norm:.4g}"
