"""Pages of one file that need no network: of a picture, and what all pages share."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from .style import FONT, MEASURED

HERE = Path(__file__).parent
# Nothing is fetched, and no script runs but those that stand in the page. Viz.js compiles WebAssembly.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {styles}; "
    "script-src {scripts} 'wasm-unsafe-eval'"
)


def picture_page(dot: str, svg: str | None, title: str, *, standalone: bool) -> str:
    """Return a page with nothing but a picture, which lays itself out if there is no SVG.

    `standalone` is whether it fills a window of its own; otherwise it is a frame in a notebook.
    """
    return with_policy(
        filled(
            "picture.html",
            title=html.escape(title),
            kind="page" if standalone else "frame",
            background=_background(dot),
            svg=svg or "",
            layout=_layout_scripts(dot) if svg is None else "",
        )
    )


def _layout_scripts(dot: str) -> str:
    """Return the scripts with which a page lays out a picture."""
    return (
        f"<script>{source('viz/viz-global.js')}</script>\n"
        f'<script type="application/json" id="dot">{safe_json(dot.replace(FONT, MEASURED))}</script>\n'
        f"<script>{source('layout.js')}</script>"
    )


def with_policy(page: str) -> str:
    """Return a page with a content policy that allows its own scripts and styles by their hashes, and no others.

    Text of the user's cannot bring in any: it is escaped, so that no tag can begin in it.
    """
    styles, scripts = (
        " ".join(_hash(text) for text in re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)) or "'none'"
        for tag in ("style", "script")
    )
    return page.replace("{{policy}}", POLICY.format(styles=styles, scripts=scripts).replace("'none' 'w", "'w"), 1)


@functools.cache
def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def filled(template: str, **parts: str) -> str:
    """Return a page with the parts that its template names."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts.get(place[1], place[0]), source(template))


@functools.cache
def source(name: str) -> str:
    """Return the text of a file beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


def safe_json(data: Any) -> str:
    """Return JSON that can stand in a script element: no text of the user can end it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for c in "<>&\u2028\u2029":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return text


def _background(dot: str) -> str:
    found = re.search(r'bgcolor="(#\w{6})"', dot)
    return found[1] if found else "#ffffff"
