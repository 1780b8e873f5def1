"""What of a graph is drawn: which modules are folded, which leaves are repeated, and what is left out.

Graphviz is slow at hubs and at long edges: a weight that all 60 steps of a recurrent network share costs it over a
minute as one node, and a moment when it is drawn once per use. So shared leaves are repeated, and an edge over many
ranks is cut: at its end stands a reference to where it comes from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..format import plain, plural
from ..nodes import GraphData, GraphNode, Input
from .text import Totals, scope_chain

LIMIT = 600  # drawn nodes
HUB = 4  # an input with more uses is drawn once per use
LONG = 25  # ranks that an edge may cross
LEAVES = ("input", "parameter", "buffer", "constant")


@dataclass
class DrawnNode:
    """Something drawn: a node of the graph, a folded module, a reference to a distant node, or a gap.

    Attributes
    ----------
    key : str
        Its id in the picture: n7 for node 7, n3_7 for leaf 3 as node 7 uses it, s2 for module call 2.
    kind : the kind of the node, or "module", "reference", "gap"
    node : GraphNode or None
    scope : int
        The number of the module call whose box it is drawn in; of a folded module its own parent's.
    folded : int or None
        The number of the folded module call.
    caption : str
    copies : int
        How often the same leaf is drawn.
    """

    key: str
    kind: str
    node: GraphNode | None
    scope: int
    folded: int | None = None
    caption: str = ""
    copies: int = 1


@dataclass
class Edge:
    """An edge from one drawn node to another, and the argument that it is.

    `through` is the module in whose box it passes between the parameters.
    """

    source: str
    target: str
    node: GraphNode
    input: Input
    through: int | None = None


@dataclass
class View:
    """The nodes and edges of a picture, and what a reader should know of what was left out.

    `where` has the key of the drawn node that stands for a node. `order` has pairs of which the first must be drawn
    above the second: the parameters of a module below what comes before it, or boxes would stand side by side, like
    stairs. `leaves` has the parameters and constants that are drawn beside a drawn node.
    """

    drawn: dict[str, DrawnNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    clusters: set[int] = field(default_factory=set)
    where: dict[int, str] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    leaves: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def view(graph: GraphData, depth: int | None = None, share: bool = False, limit: int = LIMIT) -> View:
    """Choose what to draw."""
    levels = [len(scope_chain(graph, scope.number)) - 1 for scope in graph.scopes]
    deepest = max(levels) + 1
    wanted = deepest if depth is None else min(depth, deepest)
    while True:
        found = _Chooser(graph, levels, wanted, share).view()
        if len(found.drawn) <= limit or wanted <= 1:
            break
        wanted -= 1
    if len(found.drawn) > limit:
        found = _Chooser(graph, levels, wanted, share, limit).view()
    elif wanted < (deepest if depth is None else min(depth, deepest)):
        found.notes.append(f"modules are folded below depth {wanted}: the whole has more than {limit:,} nodes to draw")
    return found


class _Chooser:
    def __init__(self, graph: GraphData, levels: list[int], depth: int, share: bool, limit: int | None = None):
        self.graph, self.share = graph, share
        self.fold: list[int | None] = []  # for each scope the folded one that hides it
        for scope in graph.scopes:
            above = self.fold[scope.parent] if scope.parent is not None else None
            self.fold.append(above if above is not None else scope.number if levels[scope.number] >= depth else None)
        totals = Totals(graph)
        self.plain = [
            s.parent is not None and totals.operations[s.number] <= 1 and not totals.parameters[s.number]
            for s in graph.scopes
        ]
        self.hidden = self._middle(limit) if limit is not None else range(0)
        self.result = View()
        self.keys: dict[int, str] = {}  # node -> what is drawn for it
        self.uses = Counter(
            source for node in graph.nodes for source in {i.source for i in node.inputs} if source is not None
        )

    def _middle(self, limit: int) -> range:
        """Return the nodes that are left out of a long computation: those in the middle."""
        n = len(self.graph.nodes)
        keep = max(limit // 6, 2)
        first = [node.number for node in self.graph.nodes if node.inputs or node.kind == "error"]
        if len(first) <= 2 * keep:
            return range(0)
        self.result_note = f"the {plural(len(first) - 2 * keep, 'operation')} in the middle are left out"
        return range(first[keep], min(first[-keep], n))

    def view(self) -> View:
        result = self.result
        self._place_nodes()
        self._place_edges()
        self._cut_long_edges()
        self._stack_boxes()
        copies = Counter(drawn.node.number for drawn in result.drawn.values() if drawn.node and drawn.kind in LEAVES)
        for drawn in result.drawn.values():
            if drawn.node and drawn.kind in LEAVES:
                drawn.copies = copies[drawn.node.number]
            number: int | None = drawn.scope
            while number is not None:
                result.clusters.add(number)
                number = self.graph.scopes[number].parent
        result.where = self.keys
        if self.hidden:
            result.notes.append(self.result_note)
        return result

    def _place_nodes(self) -> None:
        """Place the operations, and the leaves that are drawn once; the others come with the edges to their uses."""
        graph = self.graph
        for node in graph.nodes:
            if node.kind not in LEAVES or (not self.uses[node.number] and node.number in graph.outputs):
                self._place(node)
            elif node.kind == "input" and (self.share or self.uses[node.number] <= HUB):
                self._add(DrawnNode(f"n{node.number}", "input", node, 0))
            elif self.share and self.fold[node.scope] is None and node.number not in self.hidden:
                self._add(DrawnNode(f"n{node.number}", node.kind, node, self._box(node.scope)))

    def _place_edges(self) -> None:
        seen: set[tuple] = set()
        for node in self.graph.nodes:
            target = self.keys.get(node.number)
            if target is None or (node.kind in LEAVES and not node.inputs):
                continue
            for i in node.inputs:
                if i.source is not None:
                    self._edge(node, i, target, seen)

    def _box(self, scope: int) -> int:
        """Return the module call whose box a node is drawn in: those with a single operation have none."""
        number = scope
        while self.plain[number]:
            number = self.graph.scopes[number].parent or 0
        return number

    def _add(self, drawn: DrawnNode) -> None:
        self.result.drawn.setdefault(drawn.key, drawn)
        if drawn.node is not None and drawn.kind != "reference":
            self.keys[drawn.node.number] = drawn.key

    def _place(self, node: GraphNode) -> None:
        """Give an operation what is drawn for it: itself, the folded module that it is in, or the gap."""
        folded = self.fold[node.scope]
        if node.number in self.hidden:
            self.keys[node.number] = "gap"
            self.result.drawn.setdefault("gap", DrawnNode("gap", "gap", None, 0, caption=self.result_note))
        elif folded is not None and node.kind != "error":
            key = self.keys[node.number] = f"s{folded}"
            if key not in self.result.drawn:
                parent = self.graph.scopes[folded].parent
                scope = 0 if parent is None else parent
                self.result.drawn[key] = DrawnNode(key, "module", None, scope, folded)
        else:
            call = self.graph.scopes[node.scope]
            caption = f"{plain(call.name)}: {call.type}" if self.plain[node.scope] else ""
            box = self._box(node.scope) if folded is None else 0
            self._add(DrawnNode(f"n{node.number}", node.kind, node, box, caption=caption))

    def _edge(self, node: GraphNode, i: Input, target: str, seen: set[tuple]) -> None:
        source = self.graph.nodes[i.source or 0]
        key = self.keys.get(source.number)
        if source.kind in LEAVES and not source.inputs:
            if target == "gap" or (key is None and target.startswith("s") and source.kind != "input"):
                return  # what only a folded module uses is inside it
            if key is None or (key != f"n{source.number}" and source.kind in LEAVES):
                box = self.result.drawn[target].scope
                key = f"n{source.number}_{target}"
                self.result.drawn.setdefault(key, DrawnNode(key, source.kind, source, box))
        if key is None or key == target:
            return
        merged = target.startswith("s") or key.startswith("s") or "gap" in (key, target)
        signature = (key, target, source.number if not merged else "")
        if merged and signature in seen:
            return
        seen.add(signature)
        self.result.edges.append(Edge(key, target, source, i))

    def _cut_long_edges(self) -> None:
        """Replace edges over many ranks by references."""
        result = self.result
        height: dict[str, int] = dict.fromkeys(result.drawn, 0)  # above the end: as late as possible, as Graphviz ranks
        for edge in reversed(result.edges):  # against the order of the computation: what uses a value is ready
            height[edge.source] = max(height[edge.source], height[edge.target] + 1)
        for edge in result.edges:
            drawn = result.drawn[edge.source]
            if height[edge.source] - height[edge.target] > LONG and drawn.kind not in LEAVES:
                key = f"r{edge.source}_{edge.target}"
                box = result.drawn[edge.target].scope
                result.drawn.setdefault(key, DrawnNode(key, "reference", edge.node, box))
                edge.source = key

    def _stack_boxes(self) -> None:
        """Keep the parameters of a module below the operation from which its input comes, which goes between them."""
        result, drawn = self.result, self.result.drawn
        leaves = result.leaves
        for edge in result.edges:
            source = drawn[edge.source]
            if source.kind in LEAVES and source.kind != "input" and source.scope:
                keys = leaves.setdefault(edge.target, [])
                if edge.source not in keys:
                    keys.append(edge.source)
        for edge in result.edges:
            source, target = drawn[edge.source], drawn[edge.target]
            if source.kind in ("operation", "module") and source.scope != target.scope and edge.target in leaves:
                edge.through = target.scope
                result.order += [(edge.source, key) for key in leaves[edge.target]]
