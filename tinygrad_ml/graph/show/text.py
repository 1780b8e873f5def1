"""A graph as text: a listing of its operations, and the tree of its module calls."""

from __future__ import annotations

from collections import Counter

from ..format import plain, plural, shape_text, total, type_text
from ..nodes import GraphData, GraphNode, Scope


def listing(graph: GraphData) -> str:
    """Return the operations in order, one a line, inside the modules that called them."""
    names = node_names(graph)
    rows = [(_head(graph, names), ""), *_leaf_rows(graph, names), *_operation_rows(graph, names)]
    if graph.outputs:
        rows.append((f"  return {', '.join(names[k] for k in graph.outputs)}", ""))
    width = min(max([len(left) for left, right in rows if right], default=0), 90)
    lines = [f"{left:{width}}  {right}" if right else left for left, right in rows]
    return "\n".join(lines + _findings(graph, names) + [f"note: {plain(note)}" for note in graph.notes])


def _head(graph: GraphData, names: list[str]) -> str:
    inputs = [f"{names[n.number]}: {type_text(n)}" for n in graph.nodes if n.kind == "input"]
    results = [type_text(graph.nodes[k]) for k in graph.outputs]
    return f"{plain(graph.title)}({', '.join(inputs)})" + (f" -> {', '.join(results)}" if results else "")


def _leaf_rows(graph: GraphData, names: list[str]) -> list[tuple[str, str]]:
    leaves = [n for n in graph.nodes if n.kind in ("parameter", "buffer") or (n.kind == "constant" and n.shape)]
    return [(f"  {n.kind} {names[n.number]}: {type_text(n)}", "") for n in leaves]


def _operation_rows(graph: GraphData, names: list[str]) -> list[tuple[str, str]]:
    """Return what was computed and what is known of it, with a title wherever a module begins."""
    rows: list[tuple[str, str]] = []
    inside: list[int] = [0]
    for node in graph.nodes:
        if node.kind not in ("operation", "error"):
            continue
        path = scope_chain(graph, node.scope)
        for k, number in enumerate(path):
            if inside[k : k + 1] != [number]:
                rows += [_title(graph.scopes[i], k + j) for j, i in enumerate(path[k:])]
                break
        inside = path
        indent = "  " * len(path)
        if node.kind == "error":
            at = f" in {node.operation}" if node.operation else ""
            rows.append((f"{indent}raised{at}: {plain(node.message)}", node.line))
        else:
            rows.append((f"{indent}{names[node.number]}: {type_text(node)} = {call(graph, node, names)}", _facts(node)))
    return rows


def _findings(graph: GraphData, names: list[str]) -> list[str]:
    """Return the gradients of the leaves, and where something is wrong."""
    found = [f"{names[n.number]} {_brief(n)}" for n in graph.nodes if n.gradient is not None and not n.inputs]
    lines = ["gradients: " + ", ".join(found)] if found else []
    for node in graph.non_finite():
        lines.append(f"not finite: {names[node.number]} = {call(graph, node, names)} is the first")
    lines += [f"{names[n.number]}: {n.message}" for n in graph.nodes if n.message and n.kind != "error"]
    return lines + [f"{plain(s.path) or s.type}: {s.message}" for s in graph.scopes if s.message]


def node_names(graph: GraphData) -> list[str]:
    """Return a name for every node, each once: its own, or its number."""
    count = Counter(node.name for node in graph.nodes)
    return [
        f"%{n.number}" if not n.name else plain(n.name) if count[n.name] == 1 else f"{plain(n.name)}%{n.number}"
        for n in graph.nodes
    ]


def call(graph: GraphData, node: GraphNode, names: list[str]) -> str:
    """Return an operation as it is called: matmul(x, %2, axis=1)."""
    arguments = [names[i.source] if i.source is not None else i.constant for i in node.inputs]
    arguments += [f"{name}={value}" for name, value in node.parameters.items()]
    return f"{node.operation}({', '.join(arguments)})"


def scope_chain(graph: GraphData, number: int) -> list[int]:
    """Return the numbers of the calls that a scope lies in, the outermost first."""
    chain = [number]
    while (parent := graph.scopes[chain[-1]].parent) is not None:
        chain.append(parent)
    return chain[::-1]


def _title(scope: Scope, depth: int) -> tuple[str, str]:
    return "  " * depth + scope_title(scope), ""


def scope_title(scope: Scope) -> str:
    """Return what a call of a module is called: its name, and its class."""
    return ": ".join(part for part in (plain(scope.name), plain(scope.type)) if part)


def _brief(node: GraphNode) -> str:
    g = node.gradient
    assert g is not None
    return str(g) if g.size <= 4 or not g.finite else f"norm {g.norm:.3g}"


def _facts(node: GraphNode) -> str:
    parts = []
    if node.value is not None:
        parts.append(f"value {node.value}")
    if node.gradient is not None:
        parts.append(f"gradient {_brief(node)}")
    return ", ".join(parts)


# ---------------------------------------------------------------------- the tree


class Totals:
    """What the nodes of each module call add up to, with the calls inside: parameters once for every call.

    Attributes
    ----------
    flops, bytes, operations : list of int, one for each scope
    parameters : list of sets of the numbers of nodes
    """

    def __init__(self, graph: GraphData):
        n = len(graph.scopes)
        self.flops, self.bytes, self.operations = [0] * n, [0] * n, [0] * n
        self.parameters: list[set[int]] = [set() for _ in range(n)]
        kinds = [node.kind for node in graph.nodes]
        for node in graph.nodes:
            s = node.scope
            self.flops[s] += node.flops
            if node.kind == "operation":
                self.bytes[s] += node.bytes
                self.operations[s] += 1
            self.parameters[s].update(
                i.source for i in node.inputs if i.source is not None and kinds[i.source] == "parameter"
            )
        depth = [len(scope_chain(graph, scope.number)) for scope in graph.scopes]
        for scope in sorted(graph.scopes[1:], key=lambda scope: -depth[scope.number]):
            parent = scope.parent or 0
            self.flops[parent] += self.flops[scope.number]
            self.bytes[parent] += self.bytes[scope.number]
            self.operations[parent] += self.operations[scope.number]
            self.parameters[parent] |= self.parameters[scope.number]

    def count(self, graph: GraphData, scope: int) -> int:
        """Return the number of elements of the parameters of a call."""
        return sum(total(graph.nodes[k].shape) for k in self.parameters[scope])


def tree(graph: GraphData, depth: int | None = None) -> str:
    """Return the module calls as an indented tree; `depth` levels of it."""
    totals = Totals(graph)
    below = children(graph)
    rows: list[tuple[str, str, str, str]] = []
    stack: list[tuple[GraphNode | Scope, str, str, int]] = [(graph.scopes[0], "", "", 0)]
    while stack:
        thing, before, after, level = stack.pop()
        if isinstance(thing, GraphNode):
            rows.append((before + (thing.operation or thing.kind), shape_text(thing.shape), "", _flops(thing.flops)))
            continue
        title = plain(graph.title) if thing.parent is None else scope_title(thing)
        ends = graph.outputs if thing.parent is None else thing.outputs
        parameters = totals.count(graph, thing.number)
        rows.append(
            (
                before + title,
                ", ".join(shape_text(graph.nodes[k].shape) for k in ends),
                plural(parameters, "parameter") if parameters else "",
                _flops(totals.flops[thing.number]),
            )
        )
        if depth is None or level < depth:
            items = below[thing.number]
            for k, item in reversed(list(enumerate(items))):
                last = k == len(items) - 1
                branch = (after + ("└─ " if last else "├─ "), after + ("   " if last else "│  "))
                stack.append((item, *branch, level + 1))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3].rjust(widths[3])]
        lines.append("  ".join(c for c, w in zip(cells, widths) if w).rstrip())
    return "\n".join(lines)


def children(graph: GraphData) -> list[list[GraphNode | Scope]]:
    """Return for each scope the operations and the calls directly in it, in the order in which they began."""
    below: list[list[GraphNode | Scope]] = [[] for _ in graph.scopes]
    first = [len(graph.nodes)] * len(graph.scopes)
    for node in graph.nodes:
        if node.kind in ("operation", "error"):
            below[node.scope].append(node)
            first[node.scope] = min(first[node.scope], node.number)
    for scope in reversed(graph.scopes[1:]):
        parent = scope.parent or 0
        first[parent] = min(first[parent], first[scope.number])
        below[parent].append(scope)
    for items in below:
        items.sort(key=lambda item: item.number if isinstance(item, GraphNode) else first[item.number])
    return below


def _flops(n: int) -> str:
    return f"{n:,} flops" if n else ""
