"""Pictures for LaTeX: a tikzpicture that stands as Graphviz lays it out, with text that LaTeX sets."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from ..format import plain
from ..nodes import GraphData
from .dot import CELL, CHART, SMALL, TEXT, TITLE, Writer, written
from .labels import Chart, Label
from .render import layout
from .view import DrawnNode

HEAD = r"\usepackage{tikz}"
MARGIN = 12  # around the picture, in points
ESCAPED = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
ESCAPED |= {c: f"\\{c}" for c in "$&#_%"}
ESCAPED |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}
MATHS = {"×": r"\times", "−": "-", "÷": r"\div", "∂": r"\partial", "‖": r"\|", "→": r"\to", "·": r"\cdot"}
MATHS |= {"≤": r"\leq", "≥": r"\geq", "…": r"\dots", "⋮": r"\vdots", "ᵀ": "^T", "²": "^2", "³": "^3"}


def to_tikz(graph: GraphData, *, title: str = "", document: bool = False, **options: Any) -> str:
    """Return the picture; see `Graph.to_tikz`."""
    writer = written(graph, **options)
    laid_out = json.loads(layout(writer.text("", False, False), "json0"))
    picture = _Picture(writer, laid_out)
    text = picture.text(title)
    return picture.document(text, title) if document else text


class _Picture:
    def __init__(self, writer: Writer, laid_out: dict[str, Any]):
        self.writer, self.laid_out = writer, laid_out
        self.colours = writer.colours

    def text(self, title: str) -> str:
        objects = self.laid_out.get("objects", [])
        lines = [
            f"% {HEAD}",
            r"\begin{tikzpicture}[x=1bp, y=1bp, >=stealth, line width=1bp, "
            r"every node/.style={inner sep=0pt, outer sep=0pt, align=center, font=\sffamily}]",
        ]
        lines += [self._box(thing) for thing in objects if thing["name"].startswith("cluster_")]
        lines += [self._edge(edge, objects) for edge in self.laid_out.get("edges", []) if edge.get("style") != "invis"]
        for thing in objects:
            if thing["name"] in self.writer.view.drawn:
                lines.append(self._node(self.writer.view.drawn[thing["name"]], thing))
            elif thing["name"].startswith("p"):  # where an edge passes between parameters
                lines.append(rf"\fill[fill={self._colour(thing['fillcolor'])}] ({thing['pos']}) circle[radius=0.6bp];")
            elif thing["name"].startswith("h"):
                label = self.writer.labels.heading(int(thing["name"][1:]))
                lines.append(rf"\node[align=left] at ({thing['pos']}) {{{self._label(label, 'quiet')}}};")
        if title:
            left, _, right, top = map(float, self.laid_out["bb"].split(","))
            heading = self._sized(_tex(plain(title)), TITLE, "text")
            lines.append(rf"\node[anchor=south] at ({(left + right) / 2:.1f},{top + 10:.1f}) {{{heading}}};")
        return "\n".join([*lines, r"\end{tikzpicture}"]) + "\n"

    def document(self, text: str, title: str) -> str:
        """Return a document of one page that is as large as the picture."""
        left, bottom, right, top = map(float, self.laid_out["bb"].split(","))
        width, height = right - left + 4 * MARGIN, top - bottom + 5 * MARGIN + (2 * TITLE if title else 0)
        paper = f"paperwidth={width:.0f}bp,paperheight={height:.0f}bp,margin={MARGIN}bp"
        head = r"\documentclass{article}" + "\n" + HEAD + "\n" + rf"\usepackage[{paper}]{{geometry}}"
        body = "\\pagestyle{empty}\n\\begin{document}\n\\noindent\n" + text + "\\end{document}"
        return f"{head}\n{body}\n"

    def _box(self, thing: dict[str, Any]) -> str:
        """Return the box of a module, with its title if this is not a node of its own."""
        left, bottom, right, top = thing["bb"].split(",")
        fill, line = self._colour(thing["fillcolor"]), self._colour(thing["pencolor"])
        box = rf"\draw[rounded corners=5bp, fill={fill}, draw={line}] ({left},{bottom}) rectangle ({right},{top});"
        if not thing.get("lp"):
            return box
        label = self.writer.labels.heading(int(thing["name"].removeprefix("cluster_")))
        return box + "\n" + rf"\node[align=left] at ({thing['lp']}) {{{self._label(label, 'quiet')}}};"

    def _node(self, drawn: DrawnNode, thing: dict[str, Any]) -> str:
        size = [f"minimum {what}={72 * float(thing[what]):.1f}bp" for what in ("width", "height")]
        if drawn.kind in ("gap", "reference"):
            node = drawn.node
            text = drawn.caption or ("from " + (node.name or f"{node.operation} %{node.number}") if node else "")
            return rf"\node at ({thing['pos']}) {{{self._sized(_tex(plain(text)), SMALL, 'quiet')}}};"
        options = ["draw=" + self._colour(thing["color"]), "fill=" + self._colour(thing["fillcolor"]), *size]
        if drawn.kind == "input":
            options.append("rounded corners=12bp")
        elif "rounded" in thing.get("style", "rounded"):
            options.append("rounded corners=5bp")
        if "dashed" in thing.get("style", ""):
            options.append("dashed")
        if thing.get("peripheries") == "2":
            options.append("double")
        if drawn.kind == "module":
            options.append("line width=2bp")
        return (
            rf"\node[{', '.join(options)}] at ({thing['pos']}) {{{self._label(self.writer.labels.of(drawn), 'text')}}};"
        )

    def _edge(self, edge: dict[str, Any], objects: list[dict[str, Any]]) -> str:
        """Return a curve: Graphviz's control points, and its tip."""
        points = edge["pos"].split(" ")
        tip = points.pop(0)[2:] if points[0].startswith("e,") else None
        start, rest = points[0], points[1:]
        path = f"({start})" + "".join(
            f" .. controls ({rest[k]}) and ({rest[k + 1]}) .. ({rest[k + 2]})" for k in range(0, len(rest), 3)
        )
        if tip:
            path += f" -- ({tip})"
        options = ["->"] if tip else []
        options += ["dashed"] * ("dashed" in edge.get("style", ""))
        options.append("draw=" + self._colour(edge.get("color", self.colours["edge"])))
        line = rf"\draw[{', '.join(options)}] {path};"
        if edge.get("lp"):
            label = self._sized(_tex(edge["label"].strip()), SMALL, "quiet")
            line += "\n" + rf"\node at ({edge['lp']}) {{{label}}};"
        return line

    def _label(self, label: Label, ink: str) -> str:
        """Return the lines of a box."""
        bold = rf"\textbf{{{_tex(label.bold)}}}" if label.bold else ""
        title = " ".join(part for part in (_tex(label.name), bold, _tex(label.after)) if part)
        lines = [self._sized(title, TEXT, ink)]
        lines += [self._sized(_tex(fact), SMALL, "quiet") for fact in label.facts]
        lines += [self._sized(_tex(fault), SMALL, "fault") for fault in label.faults]
        for chart in label.charts:
            lines += [self._chart(chart), self._sized(_tex(chart.caption), SMALL, "quiet")]
        cells = []
        for cell in label.cells:
            text = self._sized(_tex(cell.text), CELL, f"{cell.role}-text" if cell.role in ("fault", "zero") else "text")
            fill = self.colours[cell.role][1:].upper() if cell.role else ""
            cells.append(rf"\fboxsep=1.5bp\colorbox[HTML]{{{fill}}}{{{text}}}" if fill else text)
        if cells:
            lines.append(r"\ ".join(cells))
        return r" \\ ".join(lines)

    def _chart(self, chart: Chart) -> str:
        width = 3 if len(chart.heights) > 24 else 6
        bars = []
        for height, role in zip(chart.heights, chart.roles):
            colour = self.colours["edge-quiet" if role == "value" else role][1:].upper()
            bars.append(rf"\textcolor[HTML]{{{colour}}}{{\rule{{{width}bp}}{{{max(height * CHART, 1):.1f}bp}}}}")
        return r"\kern1bp".join(bars)

    def _sized(self, text: str, size: int, ink: str) -> str:
        colour = self.colours[ink][1:].upper()
        return rf"\fontsize{{{size}}}{{{size + 2}}}\selectfont\textcolor[HTML]{{{colour}}}{{{text}}}"

    def _colour(self, colour: str) -> str:
        """Return a colour as an option of TikZ."""
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        return f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _tex(text: str) -> str:
    """Return a text in which nothing is a command of TeX, with signs that every engine can set."""
    return "".join(map(_sign, text))


def _sign(c: str) -> str:
    if c in ESCAPED:
        return ESCAPED[c]
    if c in MATHS:
        return f"${MATHS[c]}$"
    if c.isascii() or (ord(c) < 0x180 and c.isalpha()):
        return c
    name = unicodedata.name(c, "").split(" ")
    if name[0] == "GREEK" and name[2:3] == ["LETTER"] and len(name) == 4 and name[3] != "OMICRON":
        letter = "lambda" if name[3] == "LAMDA" else name[3].lower()
        return f"$\\{letter if name[1] == 'SMALL' else letter.capitalize()}$"
    return "?"
