"""What differs between two graphs: as data, as text, and as one picture of both."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from .format import plural, type_text
from .nodes import GraphData, GraphNode, Scope
from .show.dot import to_dot
from .show.render import render, svg_or_none
from .show.text import call, node_names, scope_chain
from .values import ArraySummary

LINES = 40  # of the text


class Difference:
    """What differs between two graphs; it is truthy if something does, and prints as text.

    Where a line of the user's program stands makes no difference.

    Attributes
    ----------
    removed, added : lists of GraphNode
        Of the first and of the second graph.
    changed : list of (node of the first, node of the second, what differs as text)
    """

    def __init__(self, before: GraphData, after: GraphData, rtol: float = 1e-4, atol: float = 1e-6):
        self.before, self.after = before, after
        self.pairs = _pairs(before, after)
        partner = dict(self.pairs)
        matched = set(partner.values())
        self.removed = [node for node in before.nodes if node.number not in partner]
        self.added = [node for node in after.nodes if node.number not in matched]
        self.changed: list[tuple[GraphNode, GraphNode, str]] = []
        for i, j in self.pairs:
            a, b = before.nodes[i], after.nodes[j]
            changes = _changes(a, b, partner, rtol, atol)
            if changes:
                self.changed.append((a, b, "; ".join(changes)))
        self.outputs_differ = [partner.get(k) for k in before.outputs] != after.outputs
        self.errors_differ = before.error != after.error

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed or self.outputs_differ or self.errors_differ)

    def __str__(self) -> str:
        if not self:
            return "no difference"
        counts = [f"{len(self.removed):,} removed"] * bool(self.removed)
        counts += [f"{len(self.added):,} added"] * bool(self.added)
        counts += [f"{len(self.changed):,} changed"] * bool(self.changed)
        if counts:
            n, _, how = counts[0].partition(" ")
            counts[0] = f"{plural(int(n.replace(',', '')), 'node')} {how}"
        lines = [", ".join(counts) + ":"] if counts else []
        names, others = node_names(self.before), node_names(self.after)
        body = [(a.number, 0, f"- {_line(self.before, a, names)}") for a in self.removed]
        where = {j: i for i, j in self.pairs}
        last = -1
        position = []
        for node in self.after.nodes:
            last = where.get(node.number, last)
            position.append(last)
        body += [(position[b.number] + 1, 1, f"+ {_line(self.after, b, others)}") for b in self.added]
        body += [(a.number, 2, f"~ {_line(self.after, b, others)}: {what}") for a, b, what in self.changed]
        body.sort(key=lambda line: line[:2])
        lines += [text for _, _, text in body[:LINES]]
        if len(body) > LINES:
            lines.append(f"... and {len(body) - LINES:,} more")
        results = {n.number for n in self.removed} & set(self.before.outputs)
        if self.outputs_differ and not results:
            of = [", ".join(n[k] for k in g.outputs) for g, n in ((self.before, names), (self.after, others))]
            lines.append(f"the result was {of[0] or 'nothing'}, and is {of[1] or 'nothing'}")
        if self.errors_differ:
            lines.append(f"the error was {self.before.error or 'none'}, and is {self.after.error or 'none'}")
        return "\n".join(lines)

    __repr__ = __str__

    # ------------------------------------------------------------------ as a picture

    def to_dot(self, **options: Any) -> str:
        """Return a picture of both graphs in Graphviz's language: what was added, removed and changed is marked."""
        graph, marks = self._merged()
        return to_dot(graph, marks=marks, **options)

    def render(self, path: str | Path, **options: Any) -> Path:
        """Draw the picture into a file; options and errors are those of `Graph.render`."""
        graph, marks = self._merged()
        return render(graph, path, marks=marks, **options)

    def _repr_svg_(self) -> str | None:
        graph, marks = self._merged()
        return svg_or_none(graph, marks=marks)

    def _merged(self) -> tuple[GraphData, dict[int, tuple[str, str]]]:
        """Return the second graph with the removed nodes of the first, and the mark of each node that differs."""
        before, after = self.before, self.after
        merged = GraphData(after.title)
        merged.notes = list(after.notes)
        merged.scopes, keys = self._merged_scopes()
        partner = {j: i for i, j in self.pairs}
        old: dict[int, int] = {}  # numbers in the graphs -> numbers here
        new: dict[int, int] = {}
        order = self._merged_order(partner)
        for k, (node, gone) in enumerate(order):
            (old if gone else new)[node.number] = k
            if not gone and node.number in partner:
                old[partner[node.number]] = k
        for k, (node, gone) in enumerate(order):
            numbers = old if gone else new
            inputs = [replace(i, source=None if i.source is None else numbers[i.source]) for i in node.inputs]
            box = keys[_path(before, node.scope)] if gone else node.scope
            merged.nodes.append(replace(node, number=k, inputs=inputs, scope=box))
        merged.outputs = [new[k] for k in after.outputs]
        marks = {new[b.number]: ("added", "") for b in self.added}
        marks |= {old[a.number]: ("removed", "") for a in self.removed}
        marks |= {new[b.number]: ("changed", what) for _, b, what in self.changed}
        return merged, marks

    def _merged_scopes(self) -> tuple[list[Scope], dict[tuple[str, ...], int]]:
        """Return the module calls of the second graph and then those that only the first has, and their numbers."""
        before, after = self.before, self.after
        scopes = [copy(scope) for scope in after.scopes]
        keys = {_path(after, s.number): s.number for s in after.scopes}
        for scope in before.scopes:
            path = _path(before, scope.number)
            if path not in keys:
                keys[path] = len(scopes)
                parent = keys[path[:-1]] if scope.parent is not None else None
                scopes.append(replace(scope, number=keys[path], parent=parent, outputs=[]))
        return scopes, keys

    def _merged_order(self, partner: dict[int, int]) -> list[tuple[GraphNode, bool]]:
        """Return the nodes of both graphs in one order, and whether each was removed."""
        waiting = [node.number for node in self.removed]
        order: list[tuple[GraphNode, bool]] = []
        for node in self.after.nodes:
            i = partner.get(node.number)
            while i is not None and waiting and waiting[0] < i:
                order.append((self.before.nodes[waiting.pop(0)], True))
            order.append((node, False))
        return order + [(self.before.nodes[k], True) for k in waiting]


def _line(graph: GraphData, node: GraphNode, names: list[str]) -> str:
    text = f"{names[node.number]}: {type_text(node)}"
    return f"{text} = {call(graph, node, names)}" if node.kind == "operation" else f"{text} ({node.kind})"


def _path(graph: GraphData, scope: int) -> tuple[str, ...]:
    return tuple(graph.scopes[k].name for k in scope_chain(graph, scope))


def _pairs(before: GraphData, after: GraphData) -> list[tuple[int, int]]:
    """Match the nodes that stand for each other: of the same operation, name and module, in the same order."""
    a, b = _keys(before), _keys(after)
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    pairs = [(k, k) for k in range(start)]
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    for match in SequenceMatcher(None, middle_a, middle_b, autojunk=True).get_matching_blocks():
        pairs += [(start + match.a + k, start + match.b + k) for k in range(match.size)]
    return pairs + [(len(a) - end + k, len(b) - end + k) for k in range(end)]


def _keys(graph: GraphData) -> list[tuple]:
    paths = [_path(graph, scope.number) for scope in graph.scopes]
    return [(n.kind, n.operation, "" if n.kind == "operation" else n.name, paths[n.scope]) for n in graph.nodes]


def _changes(a: GraphNode, b: GraphNode, partner: dict[int, int], rtol: float, atol: float) -> list[str]:
    changes = []
    for what in ("shape", "dtype", "name", "message"):
        if getattr(a, what) != getattr(b, what):
            changes.append(f"{what} was {getattr(a, what) or 'nothing'}")
    mine = [(i.argument, i.constant, None if i.source is None else partner.get(i.source, -1)) for i in a.inputs]
    theirs = [(i.argument, i.constant, i.source) for i in b.inputs]
    if mine != theirs:
        constants = [x[1] for x in mine] != [x[1] for x in theirs]
        changes.append("constants were " + ", ".join(x[1] for x in mine if x[1]) if constants else "other inputs")
    for key in sorted(a.parameters.keys() | b.parameters.keys()):
        if a.parameters.get(key) != b.parameters.get(key):
            changes.append(f"{key} was {a.parameters.get(key, 'the default')}")
    if a.shape == b.shape:
        for what in ("value", "gradient"):
            x, y = getattr(a, what), getattr(b, what)
            if (x is None) != (y is None) or (x is not None and not x.close_to(y, rtol, atol)):
                changes.append(f"{what} was {_brief(x)}")
    return changes


def _brief(x: ArraySummary | None) -> str:
    return "unknown" if x is None else str(x) if x.size <= 4 else f"{x} (norm {x.norm:.4g})"
