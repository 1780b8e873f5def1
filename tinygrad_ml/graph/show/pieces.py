"""What the explorer's page puts its pictures together of: single boxes in Graphviz's language.

Each has places for what differs from one to the next, so that a thousand equal layers share their pieces.
"""

from __future__ import annotations

from ..format import total
from ..nodes import GraphData, GraphNode
from .dot import SMALL, Writer
from .labels import FEW, Label, Labels
from .repeats import Repeat
from .text import node_names
from .view import LEAVES, DrawnNode, View

ROOM = {"value": 50, "gradient": 64}  # points for a number of three digits with sign and exponent

# Places in a piece: control characters, which stand in no text of the user's.
KEY, NAME, NUMBER, VALUE, GRADIENT, DASHED, SHOWN = map(chr, range(14, 21))


def _can_change(graph: GraphData) -> bool:
    """Whether numbers in boxes may change: an input of one element does, or something of one that a few are made of."""
    scalar = [
        node.kind in LEAVES and not node.inputs and node.dtype.startswith("float") and total(node.shape) == 1
        for node in graph.nodes
    ]
    return any(
        scalar[i.source] and (graph.nodes[i.source].kind == "input" or total(node.shape) <= FEW)
        for node in graph.nodes
        for i in node.inputs
        if i.source is not None
    )


class PageLabels(Labels):
    """What stands in the boxes of the page: of one repetition its own constants, and which repetition it is."""

    def first(self, node: GraphNode) -> GraphNode:
        return node

    def heading(self, number: int) -> Label:
        label = super().heading(number)
        scope = self.graph.scopes[number]
        if isinstance(scope, Repeat):
            label.facts.append(self.shown(scope))
        return label

    def shown(self, repeat: Repeat) -> str:
        """Return which repetition is shown: at first the last one."""
        return f"number {len(repeat.members)} is shown"

    def module(self, number: int) -> Label:
        label = super().module(number)
        scope = self.graph.scopes[number]
        if isinstance(scope, Repeat):
            label.facts.remove(self.shown(scope))
        return label


class PageWriter(Writer):
    """Writes the picture as the page does: with the numbers of nodes as the sentences name them, without tooltips."""

    labels_of = PageLabels

    def __init__(self, chosen: View, labels: Labels, colours: dict[str, str], direction: str):
        super().__init__(chosen, labels, colours, direction)
        self.names = node_names(self.graph)
        self.roomy = _can_change(self.graph)

    def cell(self, text: str, role: str) -> str:
        """Return a value or a gradient; where an input can be changed, with room for other numbers."""
        least = f' width="{ROOM["gradient" if "∂" in text else "value"]}"' if self.roomy else ""
        return super().cell(text, role).replace("<td", f"<td{least}", 1)

    def numbered(self, drawn: DrawnNode) -> str:
        node = drawn.node
        if drawn.folded is not None or node is None or "%" not in self.names[node.number]:
            return ""
        return f' <font point-size="{SMALL}" color="{self.colours["quiet"]}">%{self.number(node)}</font>'

    def number(self, node: GraphNode) -> str:
        """Return the number of a node as text."""
        return str(node.number)

    def tooltip(self, text: str) -> str:
        return ""


class PieceLabels(PageLabels):
    """Labels with places for names, and for the repetition that is shown."""

    def heading(self, number: int) -> Label:
        label = super().heading(number)
        label.name = NAME
        return label

    def shown(self, repeat: Repeat) -> str:
        return SHOWN

    def leaf(self, node: GraphNode, scope: int) -> str:
        return NAME


class Pieces(PageWriter):
    """Writes single boxes, with places for what differs from one to the next."""

    labels_of = PieceLabels

    def number(self, node: GraphNode) -> str:
        return NUMBER

    def cell(self, text: str, role: str) -> str:
        return GRADIENT if "∂" in text else VALUE

    def of_node(self, node: GraphNode, caption: str) -> str:
        """Return the piece of a node."""
        piece = self.node(DrawnNode(KEY, node.kind, node, 0, caption=caption, copies=2))
        return piece.replace("filled,dashed", f"filled{DASHED}", 1)

    def of_module(self, number: int) -> str:
        """Return the piece of a folded module or repeat."""
        return self.node(DrawnNode(KEY, "module", None, 0, folded=number))
