"""What of a graph is drawn: which modules are folded, which leaves are repeated, and what is left out.

Graphviz is slow at hubs and at long edges: a weight that all 60 steps of a recurrent network share costs it over a
minute as one node, and a moment when it is drawn once per use. So shared leaves are repeated, and an edge over many
ranks is cut: at its end stands a reference to where it comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ..format import plain, plural
from ..nodes import GraphData, GraphNode, Input
from .repeats import Repeat, Rolled, rolled
from .text import Totals, scope_chain

LIMIT = 40  # drawn nodes
HUB = 4  # an input with more uses is drawn once per use
LONG = 25  # ranks that an edge may cross
TOWER, WIDE = 9, 14  # ranks from which, and up to which, a narrow picture is laid on its side
LEAVES = ("input", "parameter", "buffer", "constant")


@dataclass
class DrawnNode:
    """Something drawn: a node of the graph, a folded module, a reference to a distant node, or a gap.

    Attributes
    ----------
    key : str
        Its id in the picture: n7 for node 7, n3_7 for leaf 3 as node 7 uses it, s2 for module call 2, h2 for its title.
    kind : the kind of the node, or "module", "title", "reference", "gap"
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

    `through` is the module in whose box it passes between the parameters; `carried` is whether it goes from one
    repetition to the next.
    """

    source: str
    target: str
    node: GraphNode
    input: Input
    through: int | None = None
    carried: bool = False


@dataclass
class View:
    """The nodes and edges of a picture, and what a reader should know of what was left out.

    `plan` is what is drawn: the graph, with its repeats as further module calls. `where` has the key of the drawn node
    that stands for a node. `order` has pairs of which the first must be drawn above the second: the parameters of a
    module below what comes before it, or boxes would stand side by side, like stairs. `leaves` has the parameters and
    constants that are drawn beside a drawn node. `unused` has the operations that are left out as nothing needs them.
    `folded` has the module calls that are folded, also those within others; `hidden` are the nodes behind the gap.
    """

    plan: Rolled
    drawn: dict[str, DrawnNode] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    clusters: set[int] = field(default_factory=set)
    where: dict[int, str] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    leaves: dict[str, list[str]] = field(default_factory=dict)
    unused: set[int] = field(default_factory=set)
    folded: set[int] = field(default_factory=set)
    hidden: range = range(0)
    notes: list[str] = field(default_factory=list)

    @property
    def graph(self) -> GraphData:
        """The graph with its repeats as further module calls."""
        return self.plan.graph

    def boxes(self) -> Iterator[tuple[int, list[DrawnNode] | None]]:
        """Yield the boxes of modules as they nest, each with what is directly in it; None says that a box ends."""
        inside: dict[int, list[DrawnNode]] = {}
        for drawn in self.drawn.values():
            inside.setdefault(drawn.scope, []).append(drawn)
        below: dict[int | None, list[int]] = {}
        for number in sorted(self.clusters):
            below.setdefault(self.graph.scopes[number].parent, []).append(number)
        pending = [(0, False)]
        while pending:
            number, ends = pending.pop()
            if ends:
                yield number, None
                continue
            yield number, inside.get(number, [])
            if number:
                pending.append((number, True))
            pending += [(k, False) for k in reversed(below.get(number, []))]

    def heights(self) -> dict[str, int]:
        """Return how many ranks each drawn node is above the end: as late as possible, as Graphviz ranks."""
        height = dict.fromkeys(self.drawn, 0)
        order = {key: k for k, key in enumerate(self.drawn)}
        edges = [edge for edge in self.edges if not edge.carried]
        for edge in sorted(edges, key=lambda edge: -order[edge.target]):  # what uses a value is ready
            height[edge.source] = max(height[edge.source], height[edge.target] + 1)
        return height

    def direction(self) -> str:
        """Return in which direction the computation shall flow: to the right if it would be a tower otherwise."""
        ranks = Counter(self.heights().values())
        return "right" if TOWER <= len(ranks) <= WIDE and len(ranks) > 2 * max(ranks.values()) else "down"


def view(
    graph: GraphData,
    depth: int | None = None,
    share: bool = False,
    limit: int = LIMIT,
    repeats: str = "fold",
    keep: Collection[int] = (),
) -> View:
    """Choose what to draw: all of it, or else with repeats drawn once, or else with deeper modules folded too.

    `keep` has nodes that are drawn though nothing uses them.
    """
    if repeats not in ("fold", "unroll"):
        raise ValueError(f"repeats must be 'fold' or 'unroll', not {repeats!r}")
    unused = _unused(graph, keep)
    plan, wanted, found = Rolled(graph), 0, None
    for plan, wanted in _plans(graph, depth, repeats):
        found = _Chooser(plan, wanted, share, unused, whole=depth is None).view()
        if len(found.drawn) <= limit:
            break
    assert found is not None
    if len(found.drawn) > limit:
        found = _Chooser(plan, wanted, share, unused, whole=depth is None, limit=limit).view()
    if wanted < _deepest(plan.graph) and wanted != depth:
        found.notes.append(f"modules are folded below depth {wanted}: the whole has more than {limit:,} boxes to draw")
    return found


def _plans(graph: GraphData, depth: int | None, repeats: str) -> Iterator[tuple[Rolled, int]]:
    """Yield what can be drawn, the most detailed first: a graph, and the depth at which its modules are folded."""
    plain_plan = Rolled(graph)
    wanted = _deepest(graph) if depth is None else min(depth, _deepest(graph))
    yield plain_plan, wanted
    plan = rolled(graph) if repeats == "fold" else plain_plan
    if plan.stands:
        wanted = _deepest(plan.graph) if depth is None else min(depth, _deepest(plan.graph))
        yield plan, wanted
    for folded in range(wanted - 1, 0, -1):
        yield plan, folded


def _levels(graph: GraphData) -> list[int]:
    """Return for each module call how deep it lies."""
    return [len(scope_chain(graph, scope.number)) - 1 for scope in graph.scopes]


def _deepest(graph: GraphData) -> int:
    return max(_levels(graph)) + 1


def _unused(graph: GraphData, keep: Collection[int]) -> set[int]:
    """Return the operations on which nothing depends that is seen: no result, no error, no test of the program.

    A single truth value that no operation takes in is what an `if` or a `while` has asked for.
    """
    if not graph.outputs and not graph.error:
        return set()
    needed = set(graph.outputs) | set(keep)
    for node in graph.nodes:
        if node.kind == "error" or node.message or (node.dtype == "bool" and node.shape == ()):
            needed.add(node.number)
    needed.update(node.number for node in graph.non_finite())
    for node in reversed(graph.nodes):
        if node.number in needed:
            needed.update(i.source for i in node.inputs if i.source is not None)
    return {node.number for node in graph.nodes if node.kind == "operation" and node.number not in needed}


class _Chooser:
    def __init__(
        self, plan: Rolled, depth: int, share: bool, unused: set[int], *, whole: bool, limit: int | None = None
    ):
        self.plan, self.graph, self.share, self.unused = plan, plan.graph, share, unused
        graph, levels = self.graph, _levels(self.graph)
        self.fold: list[int | None] = [None] * len(graph.scopes)  # for each scope the folded one that hides it
        self.to_fold: set[int] = set()
        for number in sorted(range(len(levels)), key=levels.__getitem__):
            scope = graph.scopes[number]
            above = self.fold[scope.parent] if scope.parent is not None else None
            folded = levels[number] >= depth or (whole and scope.whole and scope.parent is not None)
            self.fold[number] = above if above is not None else number if folded else None
            self.to_fold |= {number} if folded else set()
        totals = Totals(graph)
        self.plain = [
            s.parent is not None
            and totals.operations[s.number] <= 1
            and not totals.parameters[s.number]
            and not isinstance(s, Repeat)
            for s in graph.scopes
        ]
        self.hidden = self._middle(limit) if limit is not None else range(0)
        self.result = View(plan, unused=unused, hidden=self.hidden)
        self.result.folded = {k for k in self.to_fold if self.fold[k] == k or not self.plain[k]}
        self.keys: dict[int, str] = {}  # node -> what is drawn for it
        stands = plan.stands
        used = {(i.source, stands.get(node.number, node.number)) for node in graph.nodes for i in node.inputs}
        self.uses = Counter(source for source, _ in used if source is not None)

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
            if node.number in self.unused or node.number in self.plan.stands:
                continue
            if node.kind not in LEAVES or (not self.uses[node.number] and node.number in graph.outputs):
                self._place(node)
            elif node.kind == "input" and (self.share or self.uses[node.number] <= HUB):
                self._add(DrawnNode(f"n{node.number}", "input", node, 0))
            elif self.share and self.fold[node.scope] is None and node.number not in self.hidden:
                self._add(DrawnNode(f"n{node.number}", node.kind, node, self._box(node.scope)))
        for number, stands in self.plan.stands.items():
            if stands in self.keys:
                self.keys[number] = self.keys[stands]

    def _place_edges(self) -> None:
        """Place the edges: those of what is drawn first, then what other repetitions take in."""
        seen: set[tuple] = set()
        stands = self.plan.stands
        for others in (False, True):
            for node in self.graph.nodes:
                target = self.keys.get(node.number)
                if target is None or (node.number in stands) != others or (node.kind in LEAVES and not node.inputs):
                    continue
                for k, i in enumerate(node.inputs):
                    if i.source is None or (others and self._as_drawn(node, k)):
                        continue
                    self._edge(node, i, target, seen)

    def _as_drawn(self, node: GraphNode, k: int) -> bool:
        """Whether what a repetition takes in is seen at the one that is drawn: both have a leaf of their own there."""
        inputs = self.graph.nodes[self.plan.stands[node.number]].inputs
        mine, drawn = node.inputs[k].source, inputs[k].source if k < len(inputs) else None
        return mine is not None and drawn is not None and self._is_leaf(mine) and self._is_leaf(drawn)

    def _is_leaf(self, number: int) -> bool:
        node = self.graph.nodes[number]
        return node.kind in LEAVES and node.kind != "input" and not node.inputs

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
            caption = f"{plain(call.name)}: {call.type}".removeprefix(": ") if self.plain[node.scope] else ""
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
        carried = self.plan.carried(source.number, node.number)
        merged = target.startswith("s") or key.startswith("s") or "gap" in (key, target)
        several = source.number in self.plan.stands or node.number in self.plan.stands or carried
        if (merged or several) and (key, target) in seen:
            return
        seen.add((key, target))
        self.result.edges.append(Edge(key, target, source, i, carried=carried))

    def _cut_long_edges(self) -> None:
        """Replace edges over many ranks by references."""
        result = self.result
        height = result.heights()
        for edge in result.edges:
            if edge.carried:
                continue
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
            above = source.kind in ("operation", "module", "input") and not edge.carried
            if above and source.scope != target.scope and edge.target in leaves:
                edge.through = target.scope
                result.order += [(edge.source, key) for key in leaves[edge.target]]
