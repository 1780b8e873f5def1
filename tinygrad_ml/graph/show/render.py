"""From Graphviz's language to pictures.

What lays them out is Graphviz in every case, wherever it is found first:

1. the program `dot`;
2. the Python package pygraphviz, whose wheels have Graphviz in them;
3. in a browser Viz.js, which is Graphviz too and stands in the page: for a notebook and for .html.
"""

from __future__ import annotations

import functools
import html
import importlib
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from ..format import plain
from ..nodes import GraphData
from .dot import to_dot
from .page import picture_page

HINT = (
    "drawing needs Graphviz, and there are three ways to it: (1) its program `dot`: apt-get install graphviz (Debian, "
    "Ubuntu), brew install graphviz (macOS), winget install graphviz (Windows); (2) pip install pygraphviz; "
    "(3) a browser: render('picture.html') and explorer('page.html') write "
    "pages that lay out by themselves. print(graph), graph.to_dot() and graph.to_mermaid() need none of them"
)
PIXELS = ("png", "jpg", "jpeg", "webp", "gif")


class DotNotFound(RuntimeError):
    """There is no Graphviz to lay out a picture; the text says how to get it."""


def render(graph: GraphData, path: str | Path, *, legend: bool = True, **options: Any) -> Path:
    """Draw into a file; see `Graph.render`."""
    path = Path(path)
    if not path.suffix:
        raise ValueError(f"render: the ending of {str(path)!r} must say in which format, as in 'net.svg' or 'net.png'")
    kind = path.suffix[1:].lower()
    text = to_dot(graph, legend=legend, **options)
    if kind in ("dot", "gv"):
        path.write_text(text, encoding="utf-8")
    elif kind in ("html", "htm"):
        page = picture_page(text, svg_of(text), plain(graph.title), standalone=True)
        path.write_text(page, encoding="utf-8")
    else:
        if kind in PIXELS:
            text = text.replace("graph [", 'graph [size="60,60", ', 1)  # inches: a huge picture is made smaller
        path.write_bytes(layout(text, kind))
    return path


def to_svg(graph: GraphData, **options: Any) -> str:
    """Return the picture as SVG, without the head of a file."""
    return _without_head(layout(to_dot(graph, **options), "svg"))


def layout(dot: str, kind: str) -> bytes:
    """Let Graphviz draw: the program, or else the package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fonts
        if shutil.which("dot") is not None:
            import graphviz

            return graphviz.Source(dot).pipe(format=kind, quiet=True)
        package = pygraphviz()
        if package is None:
            raise DotNotFound(HINT)
        formats = package.AGraph(string=dot)
        try:
            return formats.draw(format=kind, prog="dot")
        except TypeError:  # what it raises for a format that it does not know
            raise ValueError(f"render: pygraphviz has no format {kind!r}; it has svg, png, pdf and more") from None


@functools.cache
def pygraphviz() -> ModuleType | None:
    """Return the package, if it is installed and can be loaded."""
    try:
        return importlib.import_module("pygraphviz")
    except ImportError:
        return None


def svg_of(dot: str) -> str | None:
    """Return the SVG of a picture, or None if only a browser could lay it out."""
    try:
        return _without_head(layout(dot, "svg"))
    except DotNotFound:
        return None


def _without_head(svg: bytes) -> str:
    text = svg.decode()
    return text[text.index("<svg") :]


def svg_or_none(graph: GraphData, **options: Any) -> str | None:
    """Return the SVG for a notebook, or None if there is no Graphviz."""
    return svg_of(to_dot(graph, **options))


def mimebundle(graph: GraphData, **options: Any) -> dict[str, str]:
    """Return what a notebook shows: the picture, or a frame in which it lays itself out, and the listing as text."""
    dot = to_dot(graph, **options)
    svg = svg_of(dot)
    if svg is not None:
        return {"text/plain": repr(graph), "image/svg+xml": svg}
    page = html.escape(picture_page(dot, None, plain(graph.title), standalone=False))
    # The frame takes the height of the picture once it is known.
    frame = f'<iframe srcdoc="{page}" style="border: 0; width: 100%; height: 480px" title="compute graph"></iframe>'
    return {"text/plain": f"{graph!r}\n({HINT})", "text/html": frame}
