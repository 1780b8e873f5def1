"""Pages of one file that need no network: of a picture, and what all pages share."""

from __future__ import annotations

import functools
import html
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def picture_page(dot: str, svg: str | None, title: str, *, standalone: bool) -> str:
    """Return a page with nothing but a picture, which lays itself out if there is no SVG.

    `standalone` is whether it fills a window of its own; otherwise it is a frame in a notebook.
    """
    return filled(
        "picture.html",
        title=html.escape(title),
        kind="page" if standalone else "frame",
        background=_background(dot),
        svg=svg or "",
        layout=layout_scripts(dot) if svg is None else "",
    )


def layout_scripts(dot: str, program: str = "") -> str:
    """Return the scripts with which a page lays out a picture, and the program that it starts then."""
    return (
        f"<script>\n{source('viz/viz-global.js')}\n</script>\n"
        f'<script type="application/json" id="dot">{safe_json(dot)}</script>\n'
        f'<script type="text/plain" id="program">\n{program}\n</script>\n'
        f"<script>\n{source('layout.js')}</script>"
    )


def filled(template: str, **parts: str) -> str:
    """Return a page with the parts that its template names."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], source(template))


@functools.cache
def source(name: str) -> str:
    """Return the text of a file beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


def safe_json(data: Any) -> str:
    """Return JSON that can stand in a script element: no text of the user can end it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _background(dot: str) -> str:
    found = re.search(r'bgcolor="(#\w{6})"', dot)
    return found[1] if found else "#ffffff"
