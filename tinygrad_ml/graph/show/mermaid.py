"""Pictures in the language of Mermaid, which wikis and README files render."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from ..format import plain, shape_text
from ..nodes import GraphData
from .dot import Writer, written
from .labels import Chart, Label
from .text import scope_chain
from .view import DrawnNode, Edge

DIRECTIONS = {"down": "TD", "up": "BT", "right": "LR"}
SHAPES = {"input": ('(["', '"])'), "parameter": ('["', '"]'), "buffer": ('["', '"]'), "constant": ('["', '"]')}
SHAPES |= {"module": ('[["', '"]]'), "error": ('{{"', '"}}'), "reference": ('>"', '"]')}
BARS = "▁▂▃▄▅▆▇█"


def to_mermaid(graph: GraphData, *, title: str = "", **options: Any) -> str:
    """Return the picture; see `Graph.to_mermaid`."""
    writer = written(graph, **options)
    lines = ["---", f"title: {json.dumps(plain(title), ensure_ascii=False)}", "---"] if title else []
    lines.append(f"flowchart {DIRECTIONS[writer.direction]}")
    members: dict[str, list[str]] = defaultdict(list)
    for number, inside in writer.view.boxes():
        if inside is None:
            lines.append("end")
            continue
        if number:
            lines += _open(writer, number)
        for drawn in inside:
            members[writer.role(drawn)].append(drawn.key)
            lines.append(_node(writer, drawn))
    lines += [_edge(writer, edge) for edge in writer.view.edges]
    colours = writer.colours
    for role, keys in members.items():
        if role in colours:
            line = colours.get(f"{role}-line", colours["operation-line"])
            lines.append(f"classDef {role} fill:{colours[role]},stroke:{line},color:{colours['text']}")
            lines.append(f"class {','.join(keys)} {role}")
    return "\n".join(lines) + "\n"


def _open(writer: Writer, number: int) -> list[str]:
    """Return the beginning of the box of a module: Mermaid has one line for its title, so charts are a node in it."""
    label, colours = writer.labels.heading(number), writer.colours
    fill = colours["box" if len(scope_chain(writer.graph, number)) % 2 == 0 else "box-inside"]
    heading = Label(label.name, label.bold, "   ".join([*label.facts, *label.faults]))
    lines = [f'subgraph c{number}["{_text(heading)}"]']
    if label.charts:
        lines.append(f'h{number}["{_text(Label(charts=label.charts))}"]')
        lines.append(f"style h{number} fill:{fill},stroke:{fill},color:{colours['text']}")
    return [*lines, f"style c{number} fill:{fill},stroke:{colours['box-line']},color:{colours['text']}"]


def _node(writer: Writer, drawn: DrawnNode) -> str:
    before, after = SHAPES.get(drawn.kind, ('("', '")'))
    if drawn.kind == "reference" and drawn.node is not None:
        name = drawn.node.name or f"{drawn.node.operation} %{drawn.node.number}"
        return f"{drawn.key}{before}{_escape('from ' + plain(name))}{after}"
    return f"{drawn.key}{before}{_text(writer.labels.of(drawn))}{after}"


def _edge(writer: Writer, edge: Edge) -> str:
    source = writer.view.drawn[edge.source]
    if edge.carried:
        return f"{edge.source} -. next .-> {edge.target}"
    if edge.node.shape and source.kind in ("operation", "module"):
        return f'{edge.source} -->|"{shape_text(edge.node.shape)}"| {edge.target}'
    return f"{edge.source} --> {edge.target}"


def _text(label: Label) -> str:
    """Return what stands in a box, its lines with breaks between them."""
    bold = f"<b>{_escape(label.bold)}</b>" if label.bold else ""
    title = " ".join(part for part in (_escape(label.name), bold, _escape(label.after)) if part)
    lines = [title, *map(_escape, label.facts), *map(_escape, label.faults)]
    lines += [f"{_bars(chart)}<br/>{_escape(chart.caption)}" for chart in label.charts]
    if label.cells:
        lines.append(", ".join(_escape(cell.text) for cell in label.cells))
    return "<br/>".join(line for line in lines if line)


def _bars(chart: Chart) -> str:
    return "".join(BARS[min(int(height * len(BARS)), len(BARS) - 1)] for height in chart.heights)


def _escape(text: str) -> str:
    """Return a text in which nothing is a sign of Mermaid or of HTML."""
    return "".join(c if c.isalnum() or c in " .,:=×−÷∂‖→…()[]+-/%·_" else f"#{ord(c)};" for c in text)
