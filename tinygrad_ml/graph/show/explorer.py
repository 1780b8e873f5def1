"""The explorer: one HTML file with the picture, the details of every node, and the steps of backpropagation."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..format import plain, plural
from ..nodes import GraphData
from .dot import to_dot
from .render import layout
from .steps import steps
from .style import DARK, LIGHT
from .text import Totals, node_names, scope_chain
from .view import LIMIT, DrawnNode, View, view

HERE = Path(__file__).parent


def explorer(
    graph: GraphData, path: str | Path, *, depth: int | None = None, share: bool = False, **options: Any
) -> Path:
    """Write the page; see `Graph.explorer`."""
    path = Path(path)
    path.write_text(page(graph, depth=depth, share=share, **options), encoding="utf-8")
    return path


def page(graph: GraphData, *, depth: int | None = None, share: bool = False, limit: int = LIMIT, **options: Any) -> str:
    """Return the page as text."""
    dot = to_dot(graph, depth=depth, share=share, limit=limit, captions=False, **options)
    svg = layout(dot, "svg").decode()
    parts = {
        "title": html.escape(plain(graph.title)),
        "css": (HERE / "explorer.css").read_text(encoding="utf-8").replace("/* colours */", _colours()),
        "svg": _themed(svg[svg.index("<svg") :]),
        "data": _safe(_data(graph, depth, share, limit)),
        "js": "".join((HERE / name).read_text(encoding="utf-8") for name in ("picture.js", "explorer.js")),
    }
    template = (HERE / "explorer.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def _data(graph: GraphData, depth: int | None, share: bool, limit: int) -> dict[str, Any]:
    """Return what the page needs to know, besides the picture."""
    chosen = view(graph, depth, share, limit)
    return {
        "graph": json.loads(graph.to_json()),
        "names": node_names(graph),
        "scopes": _scopes(graph),
        "clusters": sorted(chosen.clusters - {0}),
        "units": {key: _drawn(drawn) for key, drawn in chosen.drawn.items()},
        "drawn": _keys(chosen),
        "edges": [[edge.source, edge.target] for edge in chosen.edges],
        "steps": [[s.phase, s.node, s.text, s.complete] for s in steps(graph)],
        "notes": [graph.error] * bool(graph.error) + graph.notes + chosen.notes,
        "faults": [node.number for node in graph.non_finite()],
    }


def _drawn(drawn: DrawnNode) -> dict[str, Any]:
    data: dict[str, Any] = {"scope": drawn.scope, "kind": drawn.kind}
    if drawn.folded is not None:
        data["folded"] = drawn.folded
    elif drawn.node is not None:
        data["node"] = drawn.node.number
    return data


def _keys(chosen: View) -> dict[int, list[str]]:
    """Return for each node of the graph the keys of what is drawn for it."""
    keys: dict[int, list[str]] = defaultdict(list)
    for key, drawn in chosen.drawn.items():
        if drawn.folded is None and drawn.node is not None and drawn.kind != "reference":
            keys[drawn.node.number].append(key)
    for number, key in chosen.where.items():
        if not keys[number]:
            keys[number].append(key)
    return keys


def _scopes(graph: GraphData) -> list[dict[str, Any]]:
    totals = Totals(graph)
    scopes = []
    for scope in graph.scopes:
        n = totals.count(graph, scope.number)
        facts = [plural(n, "parameter")] if n else []
        facts.append(plural(totals.operations[scope.number], "operation"))
        scopes.append(
            {
                "parent": scope.parent,
                "name": plain(scope.name) or plain(graph.title),
                "type": scope.type,
                "facts": ", ".join(facts),
                "chain": scope_chain(graph, scope.number),
            }
        )
    return scopes


def _colours() -> str:
    """Return the themes as variables of CSS."""
    light, dark = (" ".join(f"--{role}: {c};" for role, c in theme.items()) for theme in (LIGHT, DARK))
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}"
    )


def _themed(svg: str) -> str:
    """Put variables in the place of the colours of the light theme."""
    roles = {colour: role for role, colour in LIGHT.items()}
    roles["white"] = "background"

    def exchange(found: re.Match) -> str:
        role = roles.get(found[2])
        return found[0] if role is None else f'{found[1]}="var(--{role})"'

    return re.sub(r'\b(fill|stroke)="(#[0-9a-f]{6}|white)"', exchange, svg)


def _safe(data: Any) -> str:
    """Return JSON that can stand in a script element: no text of the user can end it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")
