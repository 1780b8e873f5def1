"""The explorer: one HTML file with the picture, the details of every node, and the steps of backpropagation."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..build.builder import plural
from ..graph import Graph
from .dot import to_dot
from .render import layout
from .steps import steps
from .style import DARK, LIGHT
from .text import Totals, node_names, plain, scope_chain
from .view import LIMIT, view

HERE = Path(__file__).parent


def explorer(graph: Graph, path: str | Path, *, depth: int | None = None, share: bool = False, **options: Any) -> Path:
    """Write the page; see `Graph.explorer`."""
    path = Path(path)
    path.write_text(page(graph, depth=depth, share=share, **options), encoding="utf-8")
    return path


def page(graph: Graph, *, depth: int | None = None, share: bool = False, limit: int = LIMIT, **options: Any) -> str:
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


def _data(graph: Graph, depth: int | None, share: bool, limit: int) -> dict[str, Any]:
    """Return what the page needs to know, besides the picture."""
    chosen = view(graph, depth, share, limit)
    totals = Totals(graph)
    units: dict[str, dict[str, Any]] = {}
    drawn: dict[int, list[str]] = defaultdict(list)  # node -> the units that stand for it
    for key, unit in chosen.units.items():
        units[key] = {"scope": unit.scope, "kind": unit.kind}
        if unit.folded is not None:
            units[key]["folded"] = unit.folded
        elif unit.node is not None:
            units[key]["node"] = unit.node.number
            if unit.kind != "reference":
                drawn[unit.node.number].append(key)
    for number, key in chosen.where.items():
        if not drawn[number]:
            drawn[number].append(key)
    scopes = []
    for scope in graph.scopes:
        n = totals.count(graph, scope.number)
        facts = [plural(n, "parameter")] if n else []
        facts.append(plural(totals.operations[scope.number], "operation"))
        chain = [graph.scopes[k] for k in scope_chain(graph, scope.number)]
        name = plain(scope.name) or plain(graph.title)
        scopes.append(
            {
                "parent": scope.parent,
                "name": name,
                "type": scope.type,
                "facts": ", ".join(facts),
                "chain": [c.number for c in chain],
            }
        )
    return {
        "graph": json.loads(graph.to_json()),
        "names": node_names(graph),
        "scopes": scopes,
        "clusters": sorted(chosen.clusters - {0}),
        "units": units,
        "drawn": drawn,
        "edges": [[edge.source, edge.target] for edge in chosen.edges],
        "steps": [[s.phase, s.node, s.text, s.complete] for s in steps(graph)],
        "notes": [graph.error] * bool(graph.error) + graph.notes + chosen.notes,
        "faults": [node.number for node in graph.faults()],
    }


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
