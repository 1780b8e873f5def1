"""From Graphviz's language to pictures: `dot` lays them out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..nodes import GraphData
from .dot import to_dot

HINT = (
    "drawing needs Graphviz's program `dot`, which is not installed: apt-get install graphviz (Debian, Ubuntu), "
    "brew install graphviz (macOS), winget install graphviz (Windows). print(graph) and graph.to_dot() work without it"
)


class DotNotFound(RuntimeError):
    """Graphviz's program `dot` is not installed; the text says how to get it."""


def render(graph: GraphData, path: str | Path, **options: Any) -> Path:
    """Draw into a file; see `Graph.render`."""
    path = Path(path)
    if not path.suffix:
        raise ValueError(f"render: the ending of {str(path)!r} must say in which format, as in 'net.svg' or 'net.png'")
    kind = path.suffix[1:].lower()
    if kind in ("dot", "gv"):
        path.write_text(to_dot(graph, **options), encoding="utf-8")
        return path
    text = to_dot(graph, **options)
    if kind in ("png", "jpg", "jpeg", "webp", "gif"):
        text = text.replace("graph [", 'graph [size="60,60", ', 1)  # inches: a huge picture is made smaller
    path.write_bytes(layout(text, kind))
    return path


def to_svg(graph: GraphData, **options: Any) -> str:
    """Return the picture as SVG, without the head of a file."""
    text = layout(to_dot(graph, **options), "svg").decode()
    return text[text.index("<svg") :]


def layout(dot: str, kind: str) -> bytes:
    """Let `dot` draw."""
    import graphviz

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fonts
            return graphviz.Source(dot).pipe(format=kind, quiet=True)
    except graphviz.ExecutableNotFound:
        raise DotNotFound(HINT) from None


def svg_or_none(graph: GraphData, **options: Any) -> str | None:
    """Return the SVG for a notebook, or None without `dot`."""
    try:
        return to_svg(graph, **options)
    except DotNotFound:
        return None


def mimebundle(graph: GraphData) -> dict[str, str]:
    """Return what a notebook shows: the picture, and the listing where there is none."""
    svg = svg_or_none(graph)
    text = repr(graph)
    return {"text/plain": text + ("" if svg else f"\n({HINT})"), **({"image/svg+xml": svg} if svg else {})}
