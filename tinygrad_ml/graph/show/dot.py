"""Pictures in Graphviz's language. Identifiers are numbers, and text is escaped, so it cannot inject DOT syntax."""

from __future__ import annotations

import html
import math
from collections import defaultdict
from typing import Any

from ..format import plain, plural, shape_text
from ..nodes import GraphData, GraphNode
from ..values import ArraySummary, short
from .style import FONT, palette, step
from .text import Totals, scope_chain
from .view import LIMIT, DrawnNode, View, view

SYMBOLS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "matmul": "@", "negative": "−", "power": "^"}
SYMBOLS |= {"less": "<", "greater": ">", "equal": "=", "less_equal": "≤", "greater_equal": "≥"}
DIRECTIONS = {"down": "TB", "up": "BT", "right": "LR"}
FEW = 4  # elements that are written out
NAME = 40  # characters


def to_dot(
    graph: GraphData,
    *,
    depth: int | None = None,
    gradients: bool = True,
    theme: str = "light",
    direction: str = "down",
    share: bool = False,
    limit: int = LIMIT,
    marks: dict[int, tuple[str, str]] | None = None,
    captions: bool = True,
) -> str:
    """Return the picture; `Graph.render` explains the options. `marks` has what a comparison found at nodes."""
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    chosen = view(graph, depth, share, limit)
    return _Writer(graph, chosen, palette(theme), gradients, marks or {}).text(direction, captions)


class _Writer:
    def __init__(self, graph: GraphData, chosen: View, colours: dict[str, str], gradients: bool, marks: dict):
        self.graph, self.view, self.colours, self.marks = graph, chosen, colours, marks
        self.gradients = gradients
        self.totals = Totals(graph)
        sizes = sorted(_rms(n.gradient) for n in graph.nodes if n.gradient is not None and _rms(n.gradient) > 0)
        self.usual = sizes[len(sizes) // 2] if sizes else 1.0
        self.backward = bool(sizes)
        inner = [e for e in chosen.edges if chosen.drawn[e.source].kind in ("operation", "module")]
        self.deep = {e.target for e in inner}  # not the first operations after an input
        self.non_finite = {node.number for node in graph.non_finite()}

    def text(self, direction: str, captions: bool) -> str:
        c = self.colours
        # Edges end at the border of a point, which is 2 units high: a piece of line of that length.
        self.point = "width=0.028, height=0.014" if direction == "right" else "width=0.014, height=0.028"
        lines = [
            "digraph {",
            f'graph [rankdir={DIRECTIONS[direction]}, bgcolor="{c["background"]}", fontname="{FONT}", fontsize=11, '
            f'fontcolor="{c["quiet"]}", color="{c["box-line"]}", nodesep=0.25, ranksep=0.35, pad=0.15, '
            f"nslimit=10, nslimit1=10, labelloc=b{self._caption() if captions else ''}]",
            f'node [shape=box, style="filled,rounded", margin="0.09,0.05", height=0.3, width=0.3, penwidth=1.2, '
            f'fontname="{FONT}", fontsize=12, fontcolor="{c["text"]}"]',
            f'edge [arrowsize=0.6, color="{c["edge"]}", fontname="{FONT}", fontsize=9, fontcolor="{c["quiet"]}"]',
        ]
        inside: dict[int, list[DrawnNode]] = defaultdict(list)
        for drawn in self.view.drawn.values():
            inside[drawn.scope].append(drawn)
        passing: dict[int | None, list[int]] = defaultdict(list)
        for k, edge in enumerate(self.view.edges):
            passing[edge.through].append(k)
        below: dict[int | None, list[int]] = defaultdict(list)
        for number in sorted(self.view.clusters):
            below[self.graph.scopes[number].parent].append(number)
        pending: list[Any] = [0]
        while pending:
            item = pending.pop()
            if item == "}":
                lines.append("}")
                continue
            if item:
                lines += self._open(item)
                pending.append("}")
            lines += self._with_passages(inside[item], passing[item])
            pending += below[item][::-1]
        lines += [self._edge(k, edge) for k, edge in self._in_order()]
        lines += [f"{above} -> {below} [style=invis]" for above, below in self.view.order]
        return "\n".join([*lines, "}"]) + "\n"

    # ------------------------------------------------------------------ parts

    def _caption(self) -> str:
        lines = [self.graph.error] if self.graph.error else []
        if self.gradients and any(n.gradient is not None for n in self.graph.nodes):
            lines += [n for n in self.graph.notes if n.startswith("the gradients are")]
        lines += [n for n in self.graph.notes if not n.startswith("the gradients are")] + self.view.notes
        text = "".join(f"{html.escape(_cut(plain(line), 110))}<br/>" for line in lines)
        return f", label=<{text}>" if text else ""

    def _open(self, number: int) -> list[str]:
        c, scope = self.colours, self.graph.scopes[number]
        box = "box" if len(scope_chain(self.graph, number)) % 2 == 0 else "box-inside"
        title = f"{html.escape(_cut(plain(scope.name)))}<b>&#160;{html.escape(scope.type)}</b>"
        return [
            f"subgraph cluster_{number} {{",
            f'graph [id="c{number}", class="module", label=<{title}>, labelloc=t, labeljust=l, style="rounded,filled", '
            f'margin=9, fillcolor="{c[box]}", pencolor="{c["box-line"]}", fontcolor="{c["quiet"]}", '
            f"tooltip={_quote(scope.path + ': ' + scope.type)}]",
        ]

    def _with_passages(self, inside: list[DrawnNode], numbers: list[int]) -> list[str]:
        """Return what is in a box, with the points at which edges pass through it between the parameters."""
        lines = []
        points: dict[str, list[str]] = defaultdict(list)
        for k in numbers:
            edge = self.view.edges[k]
            colour = self.colours["edge" if self._flows(edge) else "edge-quiet"]
            points[self.view.leaves[edge.target][0]].append(
                f'p{k} [class=e{k}, label="", style=filled, penwidth=0, fillcolor="{colour}", {self.point}]'
            )
        for drawn in inside:
            lines += [self._node(drawn), *points[drawn.key]]
        return lines

    def _node(self, drawn: DrawnNode) -> str:
        c, node = self.colours, drawn.node
        if drawn.kind == "gap":
            label = f"label=<⋮<br/>{html.escape(drawn.caption)}<br/>⋮>"
            return f'{drawn.key} [id={drawn.key}, shape=plaintext, style="", {label}]'
        if drawn.kind == "reference" and node is not None:
            name = html.escape(_cut(plain(node.name)) or f"{node.operation} %{node.number}")
            label = f'label=<<i>from {name}</i>>, fontsize=10, fontcolor="{c["quiet"]}"'
            return f'{drawn.key} [id={drawn.key}, shape=plaintext, style="", {label}]'
        role = self._role(drawn)
        fill, line = c[role], c.get(role + "-line", c["operation-line"])
        look = ""
        if drawn.kind == "input":
            look = ', shape=ellipse, style="filled", margin="0.02,0.02"'
        elif drawn.kind in ("parameter", "buffer", "constant"):
            look = ', style="filled"' if drawn.copies == 1 else ', style="filled,dashed"'
        elif drawn.kind == "module":
            look = ', shape=box3d, style="filled", margin="0.14,0.1"'
        if node is not None and (node.number in self.graph.outputs or node.number in self.non_finite):
            look += ", peripheries=2"
        if node is not None and node.number in self.non_finite:
            line = c["fault"]
        if node is not None and (node.wrong or node.kind == "error"):
            line = c["fault"]
            look += ", penwidth=2.5"
        return (
            f'{drawn.key} [id={drawn.key}, class="{drawn.kind}", label=<{self._label(drawn)}>, '
            f'fillcolor="{fill}", color="{line}"{look}, tooltip={_quote(self._tooltip(drawn))}]'
        )

    def _role(self, drawn: DrawnNode) -> str:
        node = drawn.node
        if node is not None and node.number in self.marks:
            return self.marks[node.number][0]
        if drawn.kind == "error":
            return "operation"
        return "output" if node is not None and node.number in self.graph.outputs else drawn.kind

    def _label(self, drawn: DrawnNode) -> str:
        node = drawn.node
        rows: list[str] = []
        if drawn.folded is not None:
            outputs = self.graph.scopes[drawn.folded].outputs
            rows = self._module_rows(drawn.folded)
            node = self.graph.nodes[outputs[0]] if outputs else None
        elif node is not None:
            rows = [self._title(node), *self._detail_rows(drawn, node), *self._finding_rows(node)]
        cells = self._cells(node)
        table = "".join(f'<tr><td colspan="{max(len(cells), 1)}">{row}</td></tr>' for row in rows)
        if cells:
            table += f"<tr>{''.join(cells)}</tr>"
        return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{table}</table>'

    def _module_rows(self, folded: int) -> list[str]:
        """Return name and class of a folded module, and what is in it."""
        scope = self.graph.scopes[folded]
        name = html.escape(_cut(plain(scope.name) or plain(self.graph.title)))
        kind = f"<b>{html.escape(scope.type)}</b>" if scope.type else ""
        n = self.totals.count(self.graph, folded)
        facts = plural(self.totals.operations[folded], "operation")
        return [f"{name} {kind}", self._small((plural(n, "parameter") + ", " if n else "") + facts)]

    def _detail_rows(self, drawn: DrawnNode, node: GraphNode) -> list[str]:
        """Return the name, parameters and shape of a node, as far as its title does not say them."""
        details = [html.escape(_cut(f"{k}={v}")) for k, v in node.parameters.items() if node.operation != "part"]
        if drawn.caption:
            details.append(html.escape(_cut(drawn.caption)))
        if node.operation and node.name:
            details.insert(0, f"<i>{html.escape(_cut(plain(node.name)))}</i>")
        if node.shape and (node.kind != "operation" or node.number in self.graph.outputs):
            details.append(shape_text(node.shape))
        rows = [self._small(", ".join(details))] if details else []
        if node.operation == "relu" and node.value is not None and node.value.size > FEW:
            rows.append(self._small(f"{100 * node.value.zeros / node.value.size:.0f} % off"))
        return rows

    def _finding_rows(self, node: GraphNode) -> list[str]:
        """Return what a comparison or a check found at a node, and what went wrong there."""
        rows = []
        mark, text = self.marks.get(node.number, ("changed", ""))
        if text:
            rows.append(self._small(html.escape(_cut(text, 60))))
        elif mark != "changed":
            rows.append(self._small(mark))
        fault = self.colours["fault"]
        if node.number in self.non_finite:
            rows.append(f'<font point-size="9" color="{fault}">not finite from here on</font>')
        if node.message:
            rows.append(f'<font color="{fault}">{html.escape(_cut(plain(node.message), 70))}</font>')
        return rows

    def _title(self, node: GraphNode) -> str:
        if not node.operation:
            return f"{html.escape(_cut(plain(_last(node.name)) or node.kind))}"
        name = node.operation if node.operation != "part" else f"part {node.parameters.get('part', '')}"
        name = html.escape(SYMBOLS.get(node.operation, name))
        constants = [html.escape(_cut(i.constant, 12)) if i.constant else "" for i in node.inputs]
        if len(constants) == 2 and constants[0] and not constants[1]:
            return f"<b>{constants[0]} {name}</b>"
        return f"<b>{name}</b>" + "".join(f" {c}" for c in constants if c)

    def _cells(self, node: GraphNode | None) -> list[str]:
        """Return the value, if it has few elements, and the gradient in its colour."""
        c, cells = self.colours, []
        if node is None:
            return []
        v, g = node.value, node.gradient
        if v is not None and not v.finite:
            cells.append(_cell(_fault(v), c["fault"], c["fault-text"]))
        elif v is not None and 0 < v.size <= FEW:
            cells.append(_cell(str(v), "", c["text"]))
        if g is None or not self.gradients:
            return cells
        if not g.finite:
            cells.append(_cell(f"∂ {_fault(g)}", c["fault"], c["fault-text"]))
        elif _rms(g) == 0:
            cells.append(_cell("∂ 0", c["zero"], c["zero-text"]))
        else:
            text = f"∂ {g}" if g.size <= FEW else f"‖∂‖ {short(g.norm)}"
            cells.append(_cell(text, c[step(_rms(g), self.usual)], c["text"]))
        return cells

    def _small(self, text: str) -> str:
        return f'<font point-size="9" color="{self.colours["quiet"]}">{text}</font>'

    def _tooltip(self, drawn: DrawnNode) -> str:
        node = drawn.node
        if node is None:
            return drawn.caption or (self.graph.scopes[drawn.folded].path if drawn.folded else self.graph.title)
        lines = [f"%{node.number} {node.operation or node.kind} {node.name}".rstrip()]
        if node.shape is not None:
            lines.append(f"{node.dtype} {node.shape}")
        lines += [f"d{i.argument} = {i.formula}" for i in node.inputs if i.formula]
        if drawn.copies > 1:
            lines.append(f"shared: drawn {drawn.copies} times, once for each use")
        if node.code:
            lines.append(f"{node.line}  {node.code}")
        return "\n".join(lines)

    def _flows(self, edge: Any) -> bool:
        """Whether a gradient flows back along an edge; of a graph without gradients all edges look alike."""
        return edge.input.gradient is not None or not self.backward

    def _in_order(self) -> list[tuple[int, Any]]:
        """Return the edges, those that pass between parameters after the first of these, as they shall be drawn."""
        edges = self.view.edges
        where = {(edge.source, edge.target): k for k, edge in reversed(list(enumerate(edges)))}

        def place(k: int) -> tuple[float, int]:
            edge = edges[k]
            if edge.through is None:
                return k, k
            return where[self.view.leaves[edge.target][0], edge.target] + 0.5, k

        return [(k, edges[k]) for k in sorted(range(len(edges)), key=place)]

    def _edge(self, k: int, edge: Any) -> str:
        source, target = self.view.drawn[edge.source], self.view.drawn[edge.target]
        options = [f"class=e{k}"]
        if edge.node.shape and source.kind in ("operation", "module", "gap"):
            options.append(f'label=" {shape_text(edge.node.shape)}"')
        if not self._flows(edge):
            options.append(f'color="{self.colours["edge-quiet"]}"')
        if source.kind == "reference":
            options.append("style=dashed")
        elif source.kind in ("operation", "module"):
            # The computation runs straight; what it takes in on the way comes from the side.
            options.append(f"weight={20 if edge.source in self.deep else 6}")
        if edge.through is None:
            return f"{source.key} -> {target.key} [{', '.join(options)}]"
        rest = [option for option in options if not option.startswith("label")]
        first = f"{source.key} -> p{k} [arrowhead=none, headclip=false, {', '.join(options)}]"
        return f"{first}\np{k} -> {target.key} [tailclip=false, {', '.join(rest)}]"


# ---------------------------------------------------------------------- small things


def _rms(values: ArraySummary) -> float:
    return values.norm / math.sqrt(values.size) if values.size else 0.0


def _fault(values: ArraySummary) -> str:
    if values.nans:
        return "NaN" if values.size == 1 else f"{values.nans:,} NaN"
    return "inf" if values.size == 1 else f"{values.infinities:,} inf"


def _cell(text: str, colour: str, ink: str) -> str:
    fill = f' bgcolor="{colour}"' if colour else ""
    return f'<td{fill}><font point-size="10" color="{ink}">&#160;{html.escape(text)}&#160;</font></td>'


def _last(name: str) -> str:
    return name.rpartition(".")[2] or name


def _cut(text: str, width: int = NAME) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _quote(text: str) -> str:
    """Return a string of Graphviz's language, in which a backslash stays one and a newline is one."""
    lines = [plain(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'
