"""Pictures in Graphviz's language. Identifiers are numbers, and text is escaped, so it cannot inject DOT syntax."""

from __future__ import annotations

import html
from collections import defaultdict
from typing import Any

from ..format import plain, shape_text
from ..nodes import GraphData
from .labels import Chart, Label, Labels, cut
from .legend import legend_table
from .repeats import Repeat
from .style import FONT, palette
from .text import scope_chain
from .view import LIMIT, DrawnNode, Edge, View, view

DIRECTIONS = {"down": "TB", "up": "BT", "right": "LR"}
TEXT, SMALL, CELL, TITLE = 13, 11, 12, 20  # points; half of the second can still be read
TOOLTIP = 2000  # characters; Graphviz reads no string of more than 16,384 bytes
CHART = 28  # points that the highest bar of a chart has


def to_dot(graph: GraphData, *, title: str = "", legend: bool = False, captions: bool = True, **options: Any) -> str:
    """Return the picture; `Graph.render` explains the options, and `written` takes the others."""
    return written(graph, **options).text(title, legend, captions)


def written(
    graph: GraphData,
    *,
    depth: int | None = None,
    gradients: bool = True,
    theme: str = "light",
    direction: str | None = None,
    share: bool = False,
    limit: int = LIMIT,
    repeats: str = "fold",
    marks: dict[int, tuple[str, str]] | None = None,
    writer: type[Writer] | None = None,
) -> Writer:
    """Return what writes the picture. `marks` has what a comparison found at nodes."""
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    colours = palette(theme)
    chosen = view(graph, depth, share, limit, repeats, keep=marks or ())
    kind = writer or Writer
    labels = kind.labels_of(chosen, gradients, marks)
    return kind(chosen, labels, colours, direction or chosen.direction())


class Writer:
    """Writes a view in Graphviz's language."""

    labels_of: type[Labels] = Labels

    def __init__(self, chosen: View, labels: Labels, colours: dict[str, str], direction: str):
        self.graph, self.view, self.labels, self.colours = chosen.graph, chosen, labels, colours
        self.direction = direction
        inner = [e for e in chosen.edges if chosen.drawn[e.source].kind in ("operation", "module")]
        self.deep = {e.target for e in inner}  # not the first operations after an input

    def text(self, title: str, legend: bool, captions: bool) -> str:
        """Return the picture."""
        # Edges end at the border of a point, which is 2 units high: a piece of line of that length.
        self.point = "width=0.028, height=0.014" if self.direction == "right" else "width=0.014, height=0.028"
        lines = [self.head(self.foot(legend, captions))]
        if title:
            ink = self.colours["text"]
            heading = f'<font point-size="{TITLE}" color="{ink}">{as_html(plain(title))}</font>'
            lines.append(f"subgraph cluster_title {{\ngraph [label=<{heading}>, labelloc=t, peripheries=0, margin=12]")
        lines += self._boxes()
        lines += [self._edge(k, edge) for k, edge in self._in_order()]
        lines += [f"{above} -> {below} [style=invis]" for above, below in self.view.order]
        return "\n".join([*lines, "}" * (2 if title else 1)]) + "\n"

    def head(self, foot: str) -> str:
        """Return the first lines: the direction, and the look that things have unless they say otherwise."""
        c = self.colours
        lines = [
            "digraph {",
            f'graph [rankdir={DIRECTIONS[self.direction]}, bgcolor="{c["background"]}", fontname="{FONT}", '
            f'fontsize={SMALL}, fontcolor="{c["quiet"]}", color="{c["box-line"]}", nodesep=0.25, ranksep=0.35, '
            f"pad=0.15, nslimit=10, nslimit1=10, labelloc=b{foot}]",
            f'node [shape=box, style="filled,rounded", margin="0.09,0.05", height=0.3, width=0.3, penwidth=1.2, '
            f'fontname="{FONT}", fontsize={TEXT}, fontcolor="{c["text"]}"]',
            f'edge [arrowsize=0.7, color="{c["edge"]}", fontname="{FONT}", fontsize={SMALL}, fontcolor="{c["quiet"]}"]',
        ]
        return "\n".join(lines)

    def _boxes(self) -> list[str]:
        """Return all that is drawn, in the boxes of the modules that it belongs to."""
        lines: list[str] = []
        passing: dict[int | None, list[int]] = defaultdict(list)
        for k, edge in enumerate(self.view.edges):
            passing[edge.through].append(k)
        for number, inside in self.view.boxes():
            if inside is None:
                lines.append("}")
                continue
            if number:
                lines += self._open(number)
            lines += self._with_passages(inside, passing[number])
        return lines

    # ------------------------------------------------------------------ parts

    def foot(self, legend: bool, captions: bool) -> str:
        """Return the label of the whole: the legend, and what a reader should know of the picture."""
        graph = self.graph
        lines = [graph.error] if graph.error and captions else []
        if captions:
            about = [n for n in graph.notes if n.startswith("the gradients are")]
            if self.labels.gradients and self.labels.backward:
                lines += about
            lines += [n for n in graph.notes if n not in about] + self.view.notes
        text = "".join(f"{as_html(cut(plain(line), 110))}<br/>" for line in lines)
        table = legend_table(self.view, self.labels, self.colours, SMALL) if legend else ""
        if table and text:
            row = f'<tr><td align="center">{text}</td></tr><tr><td>{table}</td></tr>'
            return f', label=<<table border="0" cellborder="0">{row}</table>>'
        return f", label=<{table or text}>" if table or text else ""

    def _open(self, number: int) -> list[str]:
        """Return the beginning of the box of a module. Where edges come from above, its title is a node beside them."""
        c, scope = self.colours, self.graph.scopes[number]
        box = "box" if len(scope_chain(self.graph, number)) % 2 == 0 else "box-inside"
        heading = self.heading(number)
        whole_name = f"{scope.path}: {scope.type}".strip(": ")
        beside = self.direction != "right" or isinstance(scope, Repeat)
        label = '""' if beside else f"<{heading}>, labelloc=t, labeljust=l"
        lines = [
            f"subgraph cluster_{number} {{",
            f'graph [id="c{number}", class="module", label={label}, style="rounded,filled", margin=9, peripheries=1, '
            f'fillcolor="{c[box]}", pencolor="{c["box-line"]}"{self.tooltip(whole_name)}]',
        ]
        if beside:
            look = 'shape=plaintext, style="", margin=0'
            lines.append(f'h{number} [id=h{number}, class="title", {look}, label=<{heading}>]')
        return lines

    def heading(self, number: int) -> str:
        """Return what stands at the top of the box of a module."""
        label, quiet = self.labels.heading(number), self.colours["quiet"]
        rows = [f'<font color="{quiet}">{self._titled(label)}</font>', *map(self._small, label.facts)]
        rows += self._faults(label)
        charts = "".join(self._chart(chart) for chart in label.charts)
        table = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
        return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{table}{charts}</table>'

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
            lines += [self.node(drawn), *points[drawn.key]]
        return lines

    def node(self, drawn: DrawnNode) -> str:
        """Return what is drawn as a node."""
        c, node = self.colours, drawn.node
        if drawn.kind == "gap":
            label = f"label=<⋮<br/>{as_html(drawn.caption)}<br/>⋮>"
            return f'{drawn.key} [id={drawn.key}, shape=plaintext, style="", {label}]'
        if drawn.kind == "reference" and node is not None:
            name = as_html(cut(plain(node.name)) or f"{node.operation} %{node.number}")
            label = f'label=<<i>from {name}</i>>, fontsize={SMALL}, fontcolor="{c["quiet"]}"'
            return f'{drawn.key} [id={drawn.key}, shape=plaintext, style="", {label}]'
        role = self.role(drawn)
        fill, line = c[role], c.get(role + "-line", c["operation-line"])
        look = ""
        if drawn.kind == "input":
            look = ', shape=ellipse, style="filled", margin="0.02,0.02"'
        elif drawn.kind in ("parameter", "buffer", "constant"):
            look = ', style="filled"' if drawn.copies == 1 else ', style="filled,dashed"'
        elif drawn.kind == "module":
            look = ', shape=box3d, style="filled", margin="0.14,0.1"'
        non_finite = self.labels.non_finite
        if node is not None and (node.number in self.graph.outputs or node.number in non_finite):
            look += ", peripheries=2"
        if node is not None and node.number in non_finite:
            line = c["fault"]
        if node is not None and (node.wrong or node.kind == "error"):
            line = c["fault"]
            look += ", penwidth=2.5"
        return (
            f'{drawn.key} [id={drawn.key}, class="{drawn.kind}", label=<{self._label(drawn)}>, '
            f'fillcolor="{fill}", color="{line}"{look}{self.tooltip(self._about(drawn))}]'
        )

    def role(self, drawn: DrawnNode) -> str:
        """Return the role of the colour of a node."""
        node = drawn.node
        if node is not None and node.number in self.labels.marks:
            return self.labels.marks[node.number][0]
        if drawn.kind == "error":
            return "operation"
        return "output" if node is not None and node.number in self.graph.outputs else drawn.kind

    def _label(self, drawn: DrawnNode) -> str:
        label = self.labels.of(drawn)
        if drawn.node is not None and drawn.node.operation and drawn.node.name and label.facts:
            name, first = cut(plain(drawn.node.name)), label.facts[0]
            facts = [f"<i>{as_html(name)}</i>{as_html(first.removeprefix(name))}", *map(as_html, label.facts[1:])]
        else:
            facts = [as_html(fact) for fact in label.facts]
        rows = [self._titled(label) + self.numbered(drawn), *(self._small(fact, escaped=True) for fact in facts)]
        rows += self._faults(label)
        width = max(len(label.cells), 1)
        table = "".join(f'<tr><td colspan="{width}">{row}</td></tr>' for row in rows)
        table += "".join(self._chart(chart) for chart in label.charts)
        if label.cells:
            table += f"<tr>{''.join(self.cell(cell.text, cell.role) for cell in label.cells)}</tr>"
        return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{table}</table>'

    def _faults(self, label: Label) -> list[str]:
        colour = self.colours["fault"]
        return [f'<font point-size="{SMALL}" color="{colour}">{as_html(fault)}</font>' for fault in label.faults]

    def _titled(self, label: Label) -> str:
        bold = f"<b>{as_html(label.bold)}</b>" if label.bold else ""
        return " ".join(part for part in (as_html(label.name), bold, as_html(label.after)) if part)

    def cell(self, text: str, role: str) -> str:
        """Return a value or a gradient as a cell of a table, in the colour of its role."""
        c = self.colours
        ink = c[f"{role}-text"] if role in ("fault", "zero") else c["text"]
        fill = f' bgcolor="{c[role]}"' if role else ""
        return f'<td{fill}><font point-size="{CELL}" color="{ink}">&#160;{as_html(text)}&#160;</font></td>'

    def _chart(self, chart: Chart) -> str:
        """Return rows of a table: bars, and what they are."""
        width = bar_width(len(chart.heights))
        bars = []
        for height, role in zip(chart.heights, chart.roles):
            high = max(round(height * CHART), 1)
            colour = self.colours["edge-quiet" if role == "value" else role]
            rest = (
                f'<tr><td fixedsize="true" width="{width}" height="{CHART - high}"></td></tr>' if high < CHART else ""
            )
            bar = f'<tr><td fixedsize="true" width="{width}" height="{high}" bgcolor="{colour}"></td></tr>'
            column = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{rest}{bar}</table>'
            bars.append(f'<td cellpadding="0">{column}</td>')
        size = f'fixedsize="true" width="{len(bars) * (width + 1) + 1}" height="{CHART + 2}"'  # or bars would spread
        look = f'align="left" border="0" cellborder="0" cellspacing="1" cellpadding="0" {size}'
        table = f"<table {look}><tr>{''.join(bars)}</tr></table>"
        return f'<tr><td align="left">{table}</td></tr><tr><td align="left">{self._small(chart.caption)}</td></tr>'

    def _small(self, text: str, escaped: bool = False) -> str:
        return f'<font point-size="{SMALL}" color="{self.colours["quiet"]}">{text if escaped else as_html(text)}</font>'

    def numbered(self, drawn: DrawnNode) -> str:
        """Return what stands behind the title of a node: nothing here."""
        return ""

    def tooltip(self, text: str) -> str:
        """Return the attribute for what is shown where the pointer rests."""
        return f", tooltip={_quote(text)}"

    def _about(self, drawn: DrawnNode) -> str:
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

    # ------------------------------------------------------------------ edges

    def _flows(self, edge: Edge) -> bool:
        """Whether a gradient flows back along an edge; of a graph without gradients all edges look alike."""
        return edge.input.gradient is not None or not self.labels.backward

    def _in_order(self) -> list[tuple[int, Edge]]:
        """Return the edges, those that pass between parameters after the first of these, as they shall be drawn."""
        edges = self.view.edges
        where = {(edge.source, edge.target): k for k, edge in reversed(list(enumerate(edges)))}

        def place(k: int) -> tuple[float, int]:
            edge = edges[k]
            if edge.through is None:
                return k, k
            return where[self.view.leaves[edge.target][0], edge.target] + 0.5, k

        return [(k, edges[k]) for k in sorted(range(len(edges)), key=place)]

    def _edge(self, k: int, edge: Edge) -> str:
        source, target = self.view.drawn[edge.source], self.view.drawn[edge.target]
        options = [f"class=e{k}"]
        if edge.node.shape and source.kind in ("operation", "module", "gap") and not edge.carried:
            options.append(f'label=" {shape_text(edge.node.shape)}"')
        if not self._flows(edge):
            options.append(f'color="{self.colours["edge-quiet"]}"')
        if edge.carried:
            options += ["style=dashed", "constraint=false", 'label=" next"', 'tooltip="to the next repetition"']
        elif source.kind == "reference":
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


def bar_width(count: int) -> int:
    """Return how wide each of the bars of a chart is, in points."""
    return 3 if count > 24 else 6 if count > 8 else 12


def as_html(text: str) -> str:
    """Return a text for a label; of a single backslash and a letter Graphviz would make a name of its own."""
    return html.escape(text).replace("\\", "\\\\")


def _quote(text: str) -> str:
    """Return a string of Graphviz's language, in which a backslash stays one and a newline is one."""
    text = cut(text, TOOLTIP)
    lines = [plain(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'
