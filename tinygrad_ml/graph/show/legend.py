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
    c = colours

    def text(words: str) -> str:
        return f'<td align="left"><font point-size="{size}" color="{c["quiet"]}">{words}&#160;&#160;</font></td>'

    def patch(role: str) -> str:
        line = c.get(f"{role}-line", c["operation-line"])
        return f'<td border="1" color="{line}" bgcolor="{c[role]}" width="16" height="11" fixedsize="true"></td>'

    def row(cells: str) -> str:
        inner = (
            f'<table border="0" cellborder="0" cellspacing="3" cellpadding="0" align="left"><tr>{cells}</tr></table>'
        )
        return f'<tr><td align="left">{inner}</td></tr>'

    rows = [row("".join(patch(role) + text(name) for role, name in named[k : k + 7])) for k in range(0, len(named), 7)]
    rows += [row(text(sign)) for sign in signs]
    if signs:
        scale = "".join(f'<td bgcolor="{c[f"g{k}"]}" width="18" height="11" fixedsize="true"></td>' for k in range(7))
        zero = f'<td bgcolor="{c["zero"]}" width="18" height="11" fixedsize="true"></td>'
        rows.append(row(text("gradient 1/1000 of the usual") + scale + text("1000 times") + zero + text("0")))
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0">{"".join(rows)}</table>' if rows else ""
