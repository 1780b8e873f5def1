"""The explorer: one HTML file with the picture, the details of every node, and the steps of backpropagation."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from ..format import plain
from ..nodes import GraphData
from .dot import DIRECTIONS
from .packed import packed
from .page import filled, safe_json, source, with_policy
from .style import THEMES, palette
from .view import LIMIT, view

# In the order in which they build on one another; each says what it is for.
SCRIPTS = (
    *("texts", "graph", "kernels", "losses", "numbers", "folding", "dot", "picture", "steps", "panel", "search"),
    "explorer",
)


def explorer(graph: GraphData, path: str | Path, **options: Any) -> Path:
    """Write the page; see `Graph.explorer`."""
    path = Path(path)
    path.write_text(page(graph, **options), encoding="utf-8")
    return path


def page(
    graph: GraphData,
    *,
    depth: int | None = None,
    gradients: bool = True,
    theme: str | None = None,
    direction: str | None = None,
    share: bool = False,
    limit: int = LIMIT,
    repeats: str = "fold",
    title: str = "",
    legend: bool = True,
) -> str:
    """Return the page as text."""
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if theme is not None:
        palette(theme)  # which refuses one that there is not
    chosen = view(graph, depth, share, limit, repeats)
    options = {"gradients": gradients, "direction": direction, "share": share}
    data = packed(graph, chosen, options) | {"legend": legend}
    return with_policy(
        filled(
            "explorer.html",
            title=html.escape(plain(title or graph.title)),
            theme=f' data-theme="{theme}"' if theme else "",
            css=source("explorer.css").replace("/* colours */", _colours()),
            data=safe_json(data),
            viz=source("viz/viz-global.js"),
            program="".join(source(f"page/{name}.js") for name in SCRIPTS),
        )
    )


def _colours() -> str:
    """Return the themes as variables of CSS."""
    light, dark, for_print = (" ".join(f"--{role}: {c};" for role, c in theme.items()) for theme in THEMES.values())
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        f":root[data-theme=print] {{ color-scheme: light; {for_print} }}"
    )
