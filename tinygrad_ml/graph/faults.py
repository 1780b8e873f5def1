"""What is wrong in a graph: where NaN and infinity begin, and what a gradient check found."""

from __future__ import annotations

from typing import Any

from .graph import Graph
from .nodes import Node

WRONG_ENTRIES = 50  # of one node that are kept


def faults(graph: Graph) -> list[Node]:
    """Return the first node whose value is not finite, and the one whose derivative is the first not to be."""
    found = []
    bad = [node.value is not None and not node.value.finite for node in graph.nodes]
    for node in graph.nodes:
        inputs = [i.source for i in node.inputs if i.source is not None]
        if bad[node.number] and not any(bad[k] for k in inputs):
            found.append(node)
            break
    arriving = [node.gradient is not None and not node.gradient.finite for node in graph.nodes]
    for node in reversed(graph.nodes):
        spoilt = [i for i in node.inputs if i.gradient is not None and not i.gradient.finite]
        if spoilt and not arriving[node.number]:
            if node not in found:
                found.append(node)
            break
    return found


def mark(graph: Graph, report: Any) -> Graph:
    """Note the wrong entries of a gradient check at the nodes of the same names; return the graph."""
    report = getattr(report, "report", report)
    inputs = [node for node in graph.nodes if node.kind == "input"]
    for comparison in report.comparisons:
        if not comparison.wrong.any():
            continue
        named = [node for node in graph.nodes if node.name == comparison.name and not node.inputs]
        if not named and len(inputs) == 1 and comparison.name == "input":
            named = inputs
        entries: dict[tuple, list] = {}
        for _, index, _, analytic, numeric, _, _ in comparison.table():
            entries.setdefault(index, [list(index), analytic, numeric])
        for node in named:
            node.wrong = list(entries.values())[:WRONG_ENTRIES]
            total = int(comparison.wrong.any(axis=0).sum())
            node.message = f"gradcheck: {total:,} of {comparison.value.size:,} entries wrong"
        if not named:
            graph.notes.append(f"gradcheck found wrong entries in {comparison.name!r}, which is not in this graph")
    return graph
