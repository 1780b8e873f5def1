"""The explorer: one HTML file with the picture, the details of every node, and the steps of backpropagation."""

from __future__ import annotations

import html
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..format import plain, plural
from ..nodes import GraphData
from .dot import to_dot
from .page import filled, layout_scripts, safe_json, source
from .render import svg_of
from .steps import steps
from .style import DARK, LIGHT
from .text import Totals, node_names, scope_chain
from .view import LIMIT, DrawnNode, View, view


def explorer(graph: GraphData, path: str | Path, **options: Any) -> Path:
    """Write the page; see `Graph.explorer`."""
    path = Path(path)
    path.write_text(page(graph, **options), encoding="utf-8")
    return path


def page(
    graph: GraphData,
    *,
    depth: int | None = None,
    share: bool = False,
    limit: int = LIMIT,
    repeats: str = "fold",
    **options: Any,
) -> str:
    """Return the page as text."""
    chosen = view(graph, depth, share, limit, repeats)
    dot = to_dot(graph, depth=depth, share=share, limit=limit, repeats=repeats, captions=False, **options)
    svg = svg_of(dot)
    program = source("picture.js") + source("explorer.js")
    return filled(
        "explorer.html",
        title=html.escape(plain(graph.title)),
        css=source("explorer.css").replace("/* colours */", _colours()),
        svg=svg or "",
        data=safe_json(_data(graph, chosen)),
        scripts=layout_scripts(dot, program) if svg is None else f"<script>\n{program}</script>",
    )


def _data(graph: GraphData, chosen: View) -> dict[str, Any]:
    """Return what the page needs to know, besides the picture."""
    units = {key: _drawn(drawn) for key, drawn in chosen.drawn.items()}
    units |= {f"h{number}": {"scope": number, "kind": "title"} for number in chosen.clusters - {0}}
    return {
        "graph": json.loads(graph.to_json()),
        "names": node_names(graph),
        "scopes": _scopes(chosen.graph),
        "clusters": sorted(chosen.clusters - {0}),
        "units": units,
        "drawn": _keys(chosen),
        "edges": [[edge.source, edge.target] for edge in chosen.edges],
        "steps": [[s.phase, s.node, s.text, s.complete] for s in steps(graph)],
        "notes": [graph.error] * bool(graph.error) + graph.notes + chosen.notes,
        "faults": [node.number for node in graph.non_finite()],
        "roles": {colour: role for role, colour in LIGHT.items()},
    }


def _drawn(drawn: DrawnNode) -> dict[str, Any]:
    data: dict[str, Any] = {"scope": drawn.scope, "kind": drawn.kind}
    if drawn.folded is not None:
        data["folded"] = drawn.folded
    elif drawn.node is not None:
        data["node"] = drawn.node.number
    return data


def _keys(chosen: View) -> dict[int, list[str]]:
    """Return for each node of the graph the keys of what is drawn for it, or for the one that stands for it."""
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
