"""The legend of a picture: of the shapes and colours in it, and of the signs for gradients and norms."""

from __future__ import annotations

from .labels import Labels
from .view import View

KINDS = {
    "input": "input",
    "parameter": "parameter",
    "buffer": "buffer",
    "constant": "constant",
    "operation": "operation",
    "module": "module, folded",
    "output": "result",
}
MARKS = {"added": "added", "removed": "removed", "changed": "changed"}
GRADIENT = "∂ gradient: of the result, with respect to this"
SHARED = "dashed: used several times, drawn at each use"
NORM = "‖∂‖ its norm: the root of the sum of squares"


def legend_rows(view: View, labels: Labels) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the roles in a picture with their names, and what its signs say."""
    graph = view.graph
    roles = {drawn.kind for drawn in view.drawn.values()}
    if any(drawn.node is not None and drawn.node.number in graph.outputs for drawn in view.drawn.values()):
        roles.add("output")
    marked = {mark for mark, _ in labels.marks.values()}
    named = [(role, name) for role, name in KINDS.items() if role in roles]
    named += [(role, name) for role, name in MARKS.items() if role in marked]
    signs = []
    if labels.gradients and labels.backward:
        texts = [cell.text for drawn in view.drawn.values() for cell in labels.of(drawn).cells]
        texts += [chart.caption for number in view.clusters for chart in labels.heading(number).charts]
        texts += [chart.caption for drawn in view.drawn.values() for chart in labels.of(drawn).charts]
        signs += [GRADIENT] * any(text.startswith("∂") for text in texts)
        signs += [NORM if signs else "‖∂‖ norm of the gradient: the root of the sum of squares"] * any(
            text.startswith("‖∂‖") for text in texts
        )
    return named, signs


def legend_table(view: View, labels: Labels, colours: dict[str, str], size: int) -> str:
    """Return the legend as a table of Graphviz's language."""
    named, signs = legend_rows(view, labels)
    row = _Row(size, colours)
    rows = [row.of([(role, name) for role, name in named[k : k + 7]]) for k in range(0, len(named), 7)]
    if any(drawn.copies > 1 for drawn in view.drawn.values()):
        rows.append(row.of([("", SHARED)]))
    rows += [row.of([("", sign)]) for sign in signs]
    if signs:
        scale = [(f"g{k}", "") for k in range(7)]
        rows.append(row.of([("", "gradient 1/1000 of the usual"), *scale, ("", "1000 times"), ("zero", "0")]))
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{"".join(rows)}</table>' if rows else ""


class _Row:
    """Writes rows of patches of colour and words; of a fixed size, as Graphviz would spread them otherwise."""

    def __init__(self, size: int, colours: dict[str, str]):
        self.size, self.colours = size, colours

    def of(self, parts: list[tuple[str, str]]) -> str:
        """Return a row of a table: for each part a patch in the colour of a role, if it has one, and words."""
        cells, width, c = "", 3, self.colours
        for role, words in parts:
            if role:
                line = c.get(f"{role}-line", c[role] if role[0] in "gz" else c["operation-line"])
                cells += (
                    f'<td border="1" color="{line}" bgcolor="{c[role]}" width="16" height="11" fixedsize="true"></td>'
                )
                width += 19
            if words:
                wide = round(len(words) * self.size * 0.47) + 12
                text = f'<font point-size="{self.size}" color="{c["quiet"]}">{words}&#160;</font>'
                cells += f'<td align="left" width="{wide}">{text}</td>'
                width += wide + 3
        look = f'border="0" cellborder="0" cellspacing="3" cellpadding="0" fixedsize="true" width="{width}" height="21"'
        return f'<tr><td align="left"><table {look}><tr>{cells}</tr></table></td></tr>'
