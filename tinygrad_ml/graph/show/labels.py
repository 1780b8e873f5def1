"""What stands in a box: its title, facts, value and gradient, whatever the language that draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..format import plain, plural, shape_text
from ..nodes import GraphData, GraphNode
from ..values import ArraySummary, short
from .repeats import Repeat
from .style import step
from .text import Totals, scope_chain
from .view import LEAVES, DrawnNode, View

SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "matmul": "@", "negative": "−", "power": "^"}
SYMBOLS |= {"less": "<", "greater": ">", "equal": "=", "less_equal": "≤", "greater_equal": "≥"}
FEW = 4  # elements that are written out
NAME = 40  # characters
SHAPES = 3  # different shapes of inputs that are named
BARS = 50  # of a chart
DECADES = 6  # that the bars of a chart can span


@dataclass
class Cell:
    """A value or a gradient, and the role of its colour."""

    text: str
    role: str = ""


@dataclass
class Chart:
    """One bar for each repetition, or for several neighbours if they are many.

    Attributes
    ----------
    caption : str
    heights : list of float
        From 0 to 1.
    roles : list of str
        Of the colours.
    """

    caption: str
    heights: list[float]
    roles: list[str]


@dataclass
class Label:
    """What stands in a box.

    Attributes
    ----------
    name, bold : str
        The title: a name, and what it is, the operation or class, in bold type.
    after : str
        What follows in the title: constants.
    facts : list of str
        Small lines.
    faults : list of str
        What went wrong.
    charts : list of Chart
    cells : list of Cell
    """

    name: str = ""
    bold: str = ""
    after: str = ""
    facts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The title as plain text."""
        return " ".join(part for part in (self.name, self.bold, self.after) if part)


class Labels:
    """Says what stands in the boxes of a picture; `marks` has what a comparison found at nodes."""

    def __init__(self, view: View, gradients: bool = True, marks: dict[int, tuple[str, str]] | None = None):
        graph = view.graph
        self.graph, self.plan, self.gradients, self.marks = graph, view.plan, gradients, marks or {}
        self.unused = view.unused
        self.totals = Totals(graph)
        sizes = sorted(size for n in graph.nodes if n.gradient is not None and (size := rms(n.gradient)) > 0)
        self.usual = sizes[len(sizes) // 2] if sizes else 1.0
        self.backward = bool(sizes)
        self.non_finite = {node.number for node in graph.non_finite()}
        self.entering = _entering(graph)

    def of(self, drawn: DrawnNode) -> Label:
        """Return what stands in a box."""
        if drawn.folded is not None:
            return self.module(drawn.folded)
        node = drawn.node
        if node is None:
            return Label(drawn.caption)
        label = self._title(node, drawn.scope)
        label.facts = self._facts(drawn, node)
        label.faults = self._faults(node)
        label.cells = self._cells(node)
        return label

    def module(self, number: int) -> Label:
        """Return what stands in the box of a folded module."""
        scope = self.graph.scopes[number]
        label = self.heading(number)
        if scope.parent is None:
            label.name = cut(plain(self.graph.title))
        n = self.totals.count(self.graph, number)
        facts = [plural(n, "parameter")] if n else []
        if not scope.whole:
            facts.append(plural(self.totals.operations[number], "operation"))
        if facts:
            label.facts.append(", ".join(facts))
        if not label.charts:
            outputs = scope.outputs if scope.parent is not None else self.graph.outputs
            label.cells = self._cells(self.graph.nodes[outputs[0]]) if outputs else []
        return label

    def heading(self, number: int) -> Label:
        """Return what stands at the top of the box of a module that is not folded."""
        scope = self.graph.scopes[number]
        label = Label(cut(plain(scope.name)), cut(plain(scope.type)))
        if scope.about and not self.totals.parameters[number]:
            label.facts.append(cut(scope.about))
        if shapes := self.shapes(number):
            label.facts.append(shapes)
        if isinstance(scope, Repeat):
            label.charts = self._charts(scope)
        if scope.message:
            label.faults.append(cut(plain(scope.message), 70))
        return label

    def shapes(self, number: int) -> str:
        """Return the shapes that a module takes in and returns: 32×64 → 32×10."""
        scope, nodes = self.graph.scopes[number], self.graph.nodes
        outputs = scope.outputs if scope.parent is not None else self.graph.outputs
        entering = _shapes([nodes[k] for k in self.entering[number]])
        leaving = _shapes([nodes[k] for k in outputs if k not in self.unused] or [nodes[k] for k in outputs])
        return f"{entering} → {leaving}" if entering and leaving else entering or leaving

    def first(self, node: GraphNode) -> GraphNode:
        """Return the node that does the same in the first repetition, from which on constants go up to this one's."""
        return self.graph.nodes[self.plan.first(node.number)]

    def leaf(self, node: GraphNode, scope: int) -> str:
        """Return what a value is called in the box of a module: without the name of that module."""
        return cut(plain(node.name.removeprefix(self.graph.scopes[scope].path + "."))) or node.kind

    def _title(self, node: GraphNode, scope: int) -> Label:
        if not node.operation:
            return Label(self.leaf(node, scope))
        name = node.operation if node.operation != "part" else f"part {node.parameters.get('part', '')}"
        name = SYMBOLS.get(node.operation, name)
        others = self.first(node).inputs
        constants = [
            cut(_range(other.constant, i.constant), 16) if i.constant else "" for i, other in zip(node.inputs, others)
        ]
        if len(constants) == 2 and constants[0] and not constants[1]:
            return Label(bold=f"{constants[0]} {name}")
        return Label(bold=name, after=" ".join(c for c in constants if c))

    def _facts(self, drawn: DrawnNode, node: GraphNode) -> list[str]:
        """Return the name, parameters and shape of a node, as far as its title does not say them."""
        others = self.first(node).parameters
        pairs = [(k, _range(others.get(k, v), v)) for k, v in node.parameters.items() if node.operation != "part"]
        details = [cut(f"{k}={v}") for k, v in pairs]
        if drawn.caption and drawn.caption.lower() != node.operation:
            details.append(cut(drawn.caption))
        if node.operation and node.name:
            details.insert(0, cut(plain(node.name)))
        if node.shape and (node.kind != "operation" or node.number in self.graph.outputs):
            details.append(shape_text(node.shape))
        facts = [", ".join(details)] if details else []
        if node.operation == "relu" and node.value is not None and node.value.size > FEW:
            facts.append(f"{100 * node.value.zeros / node.value.size:.0f} % off")
        mark, text = self.marks.get(node.number, ("changed", ""))
        if text:
            facts.append(cut(text, 60))
        elif mark != "changed":
            facts.append(mark)
        return facts

    def _faults(self, node: GraphNode) -> list[str]:
        faults = ["not finite from here on"] if node.number in self.non_finite else []
        return [*faults, cut(plain(node.message), 70)] if node.message else faults

    def _cells(self, node: GraphNode) -> list[Cell]:
        """Return the value, if it has few elements, and the gradient in its colour."""
        cells = []
        v, g = node.value, node.gradient
        if v is not None and not v.finite:
            cells.append(Cell(_fault(v), "fault"))
        elif v is not None and 0 < v.size <= FEW:
            cells.append(Cell(str(v)))
        if g is None or not self.gradients:
            return cells
        if not g.finite:
            cells.append(Cell(f"∂ {_fault(g)}", "fault"))
        elif rms(g) == 0:
            cells.append(Cell("∂ 0", "zero"))
        else:
            text = f"∂ {g}" if g.size <= FEW else f"‖∂‖ {short(g.norm)}"
            cells.append(Cell(text, step(rms(g), self.usual)))
        return cells

    # ------------------------------------------------------------------ charts

    def _charts(self, repeat: Repeat) -> list[Chart]:
        """Return the values and the gradients of the repetitions, as far as they are known."""
        charts = []
        one = all(x is None or x.size == 1 for x in (*repeat.values, *repeat.gradients))
        if all(x is not None for x in repeat.values):
            charts.append(_chart("value" if one else "‖value‖", repeat.values, lambda x: "value"))
        if self.gradients and any(x is not None for x in repeat.gradients):
            charts.append(_chart("∂" if one else "‖∂‖", repeat.gradients, self._role))
        return charts

    def _role(self, x: ArraySummary | None) -> str:
        if x is not None and not x.finite:
            return "fault"
        return step(rms(x), self.usual) if x is not None and rms(x) > 0 else "zero"


def _chart(name: str, summaries: list[ArraySummary | None], role: Callable[[ArraySummary | None], str]) -> Chart:
    """Return the sizes of arrays as bars: from 0 if they are of one order of magnitude, otherwise their logarithms."""
    width = -(-len(summaries) // BARS)
    groups = [summaries[k : k + width] for k in range(0, len(summaries), width)]
    chosen = [sorted(group, key=_norm)[len(group) // 2] for group in groups]  # the median of neighbours
    sizes = [_norm(x) for x in chosen]
    high = max(sizes)
    low = min([size for size in sizes if size > 0], default=high)
    ends = f"{name} {short(_norm(summaries[0]))} … {short(_norm(summaries[-1]))}"
    if high <= 10 * low:
        heights = [size / high if high else 0.0 for size in sizes]
    else:
        floor = max(low, high / 10**DECADES)
        span = math.log10(high / floor) + 0.5
        heights = [max((math.log10(size / floor) + 0.5) / span, 0.0) if size else 0.0 for size in sizes]
        ends += ", log scale"
    return Chart(ends, heights, [role(x) for x in chosen])


def _norm(x: ArraySummary | None) -> float:
    return x.norm if x is not None else 0.0


# ---------------------------------------------------------------------- small things


def _entering(graph: GraphData) -> list[list[int]]:
    """Return for each module call the nodes that it takes in from outside, inputs first named first."""
    chains = [set(scope_chain(graph, scope.number)) for scope in graph.scopes]
    found: list[dict[int, None]] = [{} for _ in graph.scopes]
    for node in graph.nodes:
        for i in node.inputs:
            if i.source is None:
                continue
            source = graph.nodes[i.source]
            if source.kind in LEAVES and source.kind != "input":
                continue
            inner = chains[node.scope] if source.kind == "input" else chains[node.scope] - chains[source.scope]
            for number in inner:
                found[number][i.source] = None
    return [list(sources) for sources in found]


def _shapes(nodes: Iterable[GraphNode]) -> str:
    texts = list(dict.fromkeys(shape_text(node.shape) for node in nodes if node.shape is not None))
    return ", ".join(texts[:SHAPES]) + (", …" if len(texts) > SHAPES else "")


def rms(values: ArraySummary) -> float:
    """Return the size of a typical element: the root of the mean of the squares."""
    return values.norm / math.sqrt(values.size) if values.size else 0.0


def _range(first: str, last: str) -> str:
    """Return a constant, or from which to which it goes in the repetitions."""
    return last if first == last or not first else f"{first} … {last}"


def _fault(values: ArraySummary) -> str:
    if values.nans:
        return "NaN" if values.size == 1 else f"{values.nans:,} NaN"
    return "inf" if values.size == 1 else f"{values.infinities:,} inf"


def cut(text: str, width: int = NAME) -> str:
    """Return a text that is not too long for a picture."""
    return text if len(text) <= width else text[: width - 1] + "…"
