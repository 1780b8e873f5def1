"""What notebooks show: pieces of HTML, whose colours suit a light and a dark page, and errors without our own lines."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

__all__ = ["curves", "escaped", "foldable", "hide_frames", "table"]

PACKAGE = __name__.partition(".")[0]
LINE = "1px solid rgba(128,128,128,.3)"
COLOURS = ("#3b82f6", "#d97706")  # of curves
WIDTH, HEIGHT, MARGIN = 420, 200, (46, 10, 12, 30)  # of a picture, and left, right, top and below the curves in it


def hide_frames() -> None:
    """Let IPython leave the lines of the library out of tracebacks, so that they end with the user's.

    It looks for `__tracebackhide__` among the variables of each function only, where pytest looks in the module too.
    Whoever shows exceptions in a way of his own (`set_custom_exc`) goes on with it.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or shell.custom_exceptions:
        return

    def show(self: Any, kind: type, error: BaseException, tb: TracebackType | None, tb_offset: Any = None) -> None:
        cause: BaseException | None = error
        seen: list[BaseException] = []
        while cause is not None and cause not in seen:
            seen.append(cause)
            cause.__traceback__ = without_hidden(cause.__traceback__)
            cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        self.showtraceback((kind, error, without_hidden(tb)), tb_offset=tb_offset)

    shell.set_custom_exc((Exception,), show)


def without_hidden(tb: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the library.

    >>> from tinygrad_ml.notebook import without_hidden
    >>> cell = compile("tg.ones(2) @ tg.ones(3)", "a cell", "exec")
    >>> try:
    ...     exec(cell, {"tg": tg})
    ... except ValueError as error:
    ...     found = without_hidden(error.__traceback__)
    >>> found.tb_frame.f_code.co_filename, found.tb_next
    ('a cell', None)
    """
    frames = []
    while tb is not None:
        name = str(tb.tb_frame.f_globals.get("__name__"))
        if name != PACKAGE and not name.startswith(PACKAGE + "."):
            frames.append(tb)
        tb = tb.tb_next
    visible: TracebackType | None = None
    for part in reversed(frames):
        visible = TracebackType(visible, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return visible


def escaped(text: object) -> str:
    """Return a text so that a browser shows it as it is.

    >>> from tinygrad_ml.notebook import escaped
    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return html.escape(str(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table of texts, which are escaped; the first `left` columns are words, the others numbers.

    >>> from tinygrad_ml.notebook import table
    >>> page = table(["epoch", "loss"], [["1", "0.5"]])
    >>> page.count("<tr"), page.count("<td")
    (2, 2)
    """

    def row(cells: Sequence[str], tag: str) -> str:
        texts = []
        for k, cell in enumerate(cells):
            side = "left" if k < left else "right"
            style = f"text-align:{side};padding:.15em .8em .15em 0;background:none;border:none;white-space:nowrap"
            texts.append(f"<{tag} style='{style}'>{escaped(cell)}</{tag}>")
        rule = f"border-bottom:{LINE};" if tag == "th" else ""
        return f"<tr style='{rule}background:none'>{''.join(texts)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return (
        "<table style='border-collapse:collapse;margin:.4em 0;font-variant-numeric:tabular-nums'>"
        f"{row(head, 'th')}{body}</table>"
    )


def foldable(summary: str, body: str, is_open: bool = False) -> str:
    """Return HTML of which only the summary is seen until it is clicked.

    >>> from tinygrad_ml.notebook import foldable
    >>> foldable("more", "<p>text</p>")
    '<details><summary style="cursor:pointer">more</summary><p>text</p></details>'
    """
    return f'<details{" open" if is_open else ""}><summary style="cursor:pointer">{summary}</summary>{body}</details>'


def curves(columns: Mapping[str, Sequence[float]], unit: str, best: str = "") -> str:
    """Return a picture of columns of numbers (at most two), one for each step from 1, as SVG, or "" if none is finite.

    Parameters
    ----------
    columns : mapping from names to numbers
        NaN and infinities leave a gap. The axis is logarithmic where all are positive and the largest is more than 20
        times the smallest.
    unit : str
        What is counted along the horizontal axis.
    best : str
        The column whose smallest number is marked.

    Examples
    --------
    >>> from tinygrad_ml.notebook import curves
    >>> picture = curves({"loss": [2.0, 1.0, float("nan"), 0.5]}, "epoch")
    >>> picture.count("<polyline"), picture.count("<circle")  # a point between gaps is a circle
    (1, 1)
    """
    shown = [v for values in columns.values() for v in values if math.isfinite(v)]
    if not shown:
        return ""
    logarithmic = min(shown) > 0 and max(shown) > 20 * min(shown)
    scale = math.log10 if logarithmic else float
    low, high = scale(min(shown)), scale(max(shown))
    if low == high:
        low, high = low - 0.5, high + 0.5
    n = max(map(len, columns.values()))
    left, right, top, below = MARGIN

    def at(step: int, value: float) -> tuple[float, float]:
        x = left + (WIDTH - left - right) * ((step - 1) / (n - 1) if n > 1 else 0.5)
        return x, HEIGHT - below - (HEIGHT - top - below) * (scale(value) - low) / (high - low)

    parts = []
    for fraction in (0, 0.5, 1):
        y = HEIGHT - below - fraction * (HEIGHT - top - below)
        value = low + fraction * (high - low)
        parts.append(f'<path d="M{left} {y:.1f}H{WIDTH - right}" stroke="currentColor" stroke-opacity=".15"/>')
        parts.append(_label(left - 6, y + 4, f"{10**value if logarithmic else value:.3g}", "end"))
    parts.append(_label(left, HEIGHT - below + 16, "1", "start"))
    if n > 1:
        parts.append(_label(WIDTH - right, HEIGHT - below + 16, str(n), "end"))
    parts.append(_label((left + WIDTH - right) / 2, HEIGHT - below + 16, unit, "middle"))
    for k, (name, values) in enumerate(columns.items()):
        colour = COLOURS[k % len(COLOURS)]
        finite = [(step, value) for step, value in enumerate(values, 1) if math.isfinite(value)]
        for run in _runs(finite):
            points = [at(*point) for point in run]
            if len(points) == 1:
                parts.append(f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2.5" fill="{colour}"/>')
            else:
                text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
                parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        text = name
        if name == best and finite:
            step, value = min(finite, key=lambda point: point[1])
            x, y = at(step, value)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            text = f"{name}, best: {value:.4g} in {unit} {step}"
        parts.append(_label(WIDTH - right, top + 10 + 15 * k, text, "end", colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="max-width:100%;font:11px sans-serif">{"".join(parts)}</svg>'
    )


def _label(x: float, y: float, text: str, anchor: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escaped(text)}</text>'


def _runs(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Return the points in groups of consecutive steps."""
    runs: list[list[tuple[int, float]]] = []
    for point in points:
        if runs and runs[-1][-1][0] == point[0] - 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs
