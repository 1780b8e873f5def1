"""A graph as the explorer's page holds it: compact, and with what the page needs to write pictures of it itself.

The page folds and unfolds modules and repeats, and then lays out anew. So it has no picture, but of everything that can
be drawn a piece of Graphviz's language with places for what differs from one to the next: a thousand equal layers share
their pieces. Texts stand once, in a list; arrays are written as bytes.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from ..format import plain, plural
from ..nodes import GraphData, GraphNode, Input
from ..values import ArraySummary
from .dot import CELL, SMALL, bar_width
from .labels import FEW, cut
from .pieces import NAME, ROOM, PieceLabels, Pieces
from .repeats import Repeat, Rolled
from .steps import END, backward_edges, backward_template, forward_template, paths, turn_text, turned
from .style import FONT, LIGHT, MEASURED
from .text import Totals, node_names
from .view import HUB, LONG, View

LARGE = 600  # nodes from which on a graph has smaller samples
NODE = (
    "kind operation name home shape dtype inputs parameters settings value gradient line code bytes flops message wrong"
)
NODE_FIELDS = (*NODE.split(), "drawn", "rolled", "forward")
INPUT_FIELDS = ("argument", "source", "constant", "formula", "sent", "local", "exact", "backward")
SCOPE_FIELDS = ("parent", "name", "title", "path", "type", "about", "facts", "outputs", "heading", "box", "alone")
REPEAT_FIELDS = ("count", "members", "calls", "charts")


class Texts:
    """A list of texts in which each stands once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {"": 0}

    def place(self, text: str) -> int:
        """Return where a text stands."""
        return self.places.setdefault(text, len(self.places))

    def all(self) -> list[str]:
        """Return the texts."""
        return list(self.places)


def packed(graph: GraphData, chosen: View, options: dict[str, Any]) -> dict[str, Any]:
    """Return all that the page needs, as JSON can hold it."""
    return _Packer(graph, chosen, options.get("gradients", True)).run() | {
        "share": options.get("share", False),
        "direction": options.get("direction"),
        "suggested": chosen.direction(),
    }


class _Packer:
    def __init__(self, graph: GraphData, chosen: View, gradients: bool):
        self.graph, self.view, self.plan = graph, chosen, chosen.plan
        self.texts = Texts()
        self.names = node_names(graph)
        plain_view = View(Rolled(graph), unused=chosen.unused)
        self.pieces = self._pieces(plain_view, gradients)
        self.of_repeats = self._pieces(chosen, gradients)
        self.labels = self.pieces.labels
        self.repeats = [scope for scope in chosen.graph.scopes if isinstance(scope, Repeat)]
        self.calls = {number for repeat in self.repeats for number in repeat.calls}
        self.words: dict[int, str] = {}  # id of an input -> what is said when a gradient goes along it
        self.paths = paths(graph)
        for node, i, count in backward_edges(graph):
            self.words[id(i)] = backward_template(node, i, count, self.paths)
        # Of a large graph the samples are smaller.
        self.every = 1 if len(graph.nodes) <= LARGE else 2

    def _pieces(self, view: View, gradients: bool) -> Pieces:
        return Pieces(view, PieceLabels(view, gradients), LIGHT, "down")

    def run(self) -> dict[str, Any]:
        graph, chosen = self.graph, self.view
        nodes = [self._node(node) for node in graph.nodes]
        scopes = [self._scope(number) for number in range(len(chosen.graph.scopes))]
        return {
            "title": self.texts.place(plain(graph.title)),
            "notes": [plain(note) for note in [graph.error] * bool(graph.error) + graph.notes],
            "fields": {"node": NODE_FIELDS, "input": INPUT_FIELDS, "scope": SCOPE_FIELDS, "repeat": REPEAT_FIELDS},
            "nodes": nodes,
            "scopes": scopes,
            "repeats": {repeat.number: self._repeat(repeat) for repeat in self.repeats},
            "outputs": graph.outputs,
            "unused": sorted(chosen.unused),
            "folded": sorted(chosen.folded),
            "hidden": [chosen.hidden.start, chosen.hidden.stop, self._gap()],
            "faults": [node.number for node in graph.non_finite()],
            "usual": self.labels.usual,
            "backward": self.labels.backward,
            "gradients": self.labels.gradients,
            "turn": turn_text(graph),
            "turned": turned(graph),
            "end": END,
            "hub": HUB,
            "long": LONG,
            "sizes": {"cell": CELL, "small": SMALL, "room": ROOM if self.of_repeats.roomy else None},
            "head": self.of_repeats.head("").replace(FONT, MEASURED),
            "roles": {colour: role for role, colour in LIGHT.items()},
            "texts": self.texts.all(),  # the last, when all of them are known
        }

    def _gap(self) -> str:
        if not self.view.hidden:
            return ""
        return self.of_repeats.node(self.view.drawn["gap"])

    # ------------------------------------------------------------------ nodes

    def _node(self, node: GraphNode) -> list[Any]:
        place = self.texts.place
        name = self.names[node.number]
        drawn, rolled = self._drawn(node)
        forward = forward_template(node) if node.kind in ("operation", "error") else ""
        return [
            place(node.kind),
            place(node.operation),
            0 if name.startswith("%") else place(name),
            self.plan.homes[node.number],
            node.shape,
            place(node.dtype),
            [self._input(i) for i in node.inputs],
            [[place(k), place(v)] for k, v in node.parameters.items()],
            node.settings or 0,
            elements(node.value, self.every),
            elements(node.gradient, self.every),
            place(node.line),
            place(node.code),
            node.bytes,
            node.flops,
            place(node.message),
            [[index, as_json(analytic), as_json(numeric)] for index, analytic, numeric in node.wrong] or 0,
            place(drawn),
            place(rolled),
            place(forward),
        ]

    def _drawn(self, node: GraphNode) -> tuple[str, str]:
        """Return the piece of a node, and the one without the name of its call, which one of many repetitions has."""
        scope = self.graph.scopes[node.scope]
        if node.kind in ("operation", "error") and self._alone(node.scope):
            without = "" if node.scope in self.calls else scope.type
            return self.pieces.of_node(node, f"{NAME}: {scope.type}"), self.pieces.of_node(node, without)
        piece = self.pieces.of_node(node, "")
        return piece, piece

    def _alone(self, number: int) -> bool:
        """Whether a call has no box of its own: one with a single operation, whose box names it, and no parameters."""
        scope, totals = self.graph.scopes[number], self.labels.totals
        return scope.parent is not None and totals.operations[number] <= 1 and not totals.parameters[number]

    def _input(self, i: Input) -> list[Any]:
        place = self.texts.place
        sent = i.gradient
        row = [
            place(i.argument),
            i.source,
            place(i.constant),
            place(i.formula),
            None if sent is None else sizes(sent, self.paths[i.source or 0] > 1),
            as_json(i.local),
            as_json(i.exact),
            place(self.words.get(id(i), "")),
        ]
        while len(row) > 2 and (row[-1] is None or (type(row[-1]) is int and not row[-1])):  # nothing, or no text
            row.pop()
        return row

    # ------------------------------------------------------------------ modules and repeats

    def _scope(self, number: int) -> list[Any]:
        place = self.texts.place
        scope = self.view.graph.scopes[number]
        repeat = isinstance(scope, Repeat)
        pieces, graph = (self.of_repeats, self.view.graph) if repeat else (self.pieces, self.graph)
        own = graph.scopes[number]
        return [
            self.plan.parents[number],
            place(cut(plain(own.name))),
            place(cut(plain(scope.name))),
            place(plain(scope.path)),
            place(cut(plain(own.type))),
            place(cut(own.about)),
            place(self._facts(pieces.labels.totals, graph, number)),
            own.outputs if own.parent is not None else graph.outputs,
            place(pieces.heading(number)),
            place(pieces.of_module(number)),
            0 if repeat else int(self._alone(number)),
        ]

    def _facts(self, totals: Totals, graph: GraphData, number: int) -> str:
        n = totals.count(graph, number)
        return ", ".join([plural(n, "parameter")] * bool(n) + [plural(totals.operations[number], "operation")])

    def _repeat(self, repeat: Repeat) -> list[Any]:
        charts = self.of_repeats.labels.module(repeat.number).charts
        kinds = ["gradient" if "∂" in chart.caption else "value" for chart in charts]
        return [
            len(repeat.members),
            repeat.members,
            repeat.calls,
            [[kind, len(chart.heights), bar_width(len(chart.heights))] for kind, chart in zip(kinds, charts)],
        ]


# ---------------------------------------------------------------------- numbers


def as_json(x: Any) -> Any:
    """Return a number as JSON can hold it: NaN, infinity and complex numbers as text."""
    if x is None or isinstance(x, (bool, int, str)):
        return x
    return x if isinstance(x, float) and math.isfinite(x) else str(x)


def elements(values: ArraySummary | None, every: int = 1) -> Any:
    """Return an array: a few elements as numbers, more as bytes, and of many the statistics and a sample.

    Of the rows and columns of the sample each `every`-th is taken.
    """
    if values is None:
        return 0
    if values.numbers is not None:
        return [as_json(x) for x in values.numbers] if values.size <= FEW else _bytes(values.numbers)
    facts = [_rounded(x) for x in (values.norm, values.mean, values.low, values.high)]
    sample = [row[::every] for row in (values.sample or [])[::every]]
    peak, scaled = _scaled([x for row in sample for x in row])
    counts = [values.zeros, values.nans, values.infinities]
    return {"many": [values.size, facts + counts, [len(sample), peak, scaled], values.histogram]}


def sizes(values: ArraySummary, whole: bool) -> Any:
    """Return what is said of an array that goes along an edge: its elements, or their norm and what is not finite.

    `whole` is whether others are added to it, for which all elements are needed, as far as they are known.
    """
    if values.numbers is not None and (values.size <= FEW or whole):
        return elements(values)
    return {"norm": [values.size, _rounded(values.norm), values.nans, values.infinities]}


def _bytes(numbers: list) -> Any:
    """Return numbers as bytes, in single precision where that keeps them; if they are no real numbers, as text."""
    if any(isinstance(x, complex) for x in numbers):
        return [str(x) for x in numbers]
    with np.errstate(all="ignore"):
        double = np.array(numbers, np.float64)
        single = double.astype("<f4")
        exact = np.array_equal(single.astype(np.float64), double, equal_nan=True)
    return ("f" if exact else "d") + base64.b64encode((single if exact else double.astype("<f8")).tobytes()).decode()


def _scaled(sample: list) -> tuple[Any, str]:
    """Return the largest size in a sample, and its elements as parts of that, with three digits."""
    with np.errstate(all="ignore"):
        array = np.array([abs(x) if isinstance(x, complex) else x for x in sample], np.float64)
        peak = float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array))) or 1.0
        half = np.clip(array / peak, -1, 1, where=np.isfinite(array), out=array / peak).astype("<f2")
    return peak, base64.b64encode(half.tobytes()).decode()


def _rounded(x: float) -> Any:
    return as_json(float(f"{x:.12g}"))  # the sentences have four digits: rounding twice must not be seen
