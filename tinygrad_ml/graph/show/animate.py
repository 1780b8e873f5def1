"""A moving picture: forward, then backward, one operation at a time."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..format import plain
from ..nodes import GraphData
from .dot import CELL, SMALL, Writer, as_html, written
from .labels import cut
from .render import layout
from .steps import Step, steps
from .view import LEAVES, DrawnNode

FORMATS = ("gif", "webp")
COLOURS = 64  # of a frame of a .gif
LINES = 3  # of the sentence below the picture
LINE = 96  # characters of each of them


class Frame(Writer):
    """Writes the picture as it is at one moment: what is not yet known is there, but cannot be seen.

    Attributes
    ----------
    known : set of the keys of what has been computed
    complete : set of the numbers of the nodes whose gradient is complete
    now : the key of what happens
    sentence : what is said of it
    """

    known: set[str]
    complete: set[int]
    now: str
    sentence: str

    def at(self, moment: Moment) -> str:
        """Return the picture of a moment."""
        self.known, self.complete, self.now, self.sentence = moment.known, moment.complete, moment.key, moment.sentence
        return self.text("", False, False)

    def foot(self, legend: bool, captions: bool) -> str:
        lines = textwrap.wrap(plain(self.sentence.replace("\n", "; ")), LINE)
        if len(lines) > LINES:
            lines = [*lines[: LINES - 1], cut(lines[LINES - 1] + " …", LINE)]
        lines += ["\u00a0"] * (LINES - len(lines))  # so that every frame has the same height
        ink = self.colours["text"]
        rows = "".join(
            f'<tr><td align="left"><font point-size="{SMALL}" color="{ink}">{as_html(line)}</font></td></tr>'
            for line in lines
        )
        width = f'<tr><td fixedsize="true" width="{round(LINE * SMALL * 0.5)}" height="1"></td></tr>'
        return f', label=<<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{width}{rows}</table>>'

    def node(self, drawn: DrawnNode) -> str:
        seen = self.colours
        self.hide_gradient = not self._has_gradient(drawn)
        if drawn.key not in self.known and drawn.kind not in LEAVES:
            faint, nothing = seen["edge-quiet"], seen["background"]
            self.colours = {role: faint if role in ("text", "quiet") or "line" in role else nothing for role in seen}
            self.hide_gradient = True
        self.fill = self.colours[self.role(drawn)] if self.role(drawn) in self.colours else seen["background"]
        text = super().node(drawn)
        self.colours = seen
        return text[:-1] + ", penwidth=4]" if drawn.key == self.now else text

    def cell(self, text: str, role: str) -> str:
        if not (self.hide_gradient and "∂" in text):
            return super().cell(text, role)
        return f'<td><font point-size="{CELL}" color="{self.fill}">&#160;{as_html(text)}&#160;</font></td>'

    def _has_gradient(self, drawn: DrawnNode) -> bool:
        node = drawn.node
        if drawn.folded is not None:
            outputs = self.graph.scopes[drawn.folded].outputs or self.graph.outputs
            return bool(outputs) and outputs[0] in self.complete
        return node is not None and node.number in self.complete


@dataclass
class Moment:
    """What is known at a moment, and what is said."""

    key: str
    sentence: str
    known: set[str] = field(default_factory=set)
    complete: set[int] = field(default_factory=set)


def animate(graph: GraphData, path: str | Path, *, seconds: float = 1.0, **options: Any) -> Path:
    """Write the moving picture; see `Graph.animate`."""
    path = Path(path)
    if path.suffix[1:].lower() not in FORMATS:
        raise ValueError(f"animate: the ending of {str(path)!r} must be .gif or .webp")
    if not seconds > 0:
        raise ValueError(f"animate: seconds must be positive, not {seconds}")
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("animate needs Pillow: pip install pillow") from None
    writer = written(graph, writer=Frame, **options)
    assert isinstance(writer, Frame)
    pictures = [Image.open(io.BytesIO(layout(writer.at(m), "png"))).convert("RGB") for m in moments(graph, writer)]
    size = max(p.width for p in pictures), max(p.height for p in pictures)
    frames = []
    for picture in pictures:  # fonts may differ by a pixel from frame to frame
        frame = Image.new("RGB", size, writer.colours["background"])
        frame.paste(picture, (0, 0))
        frames.append(frame.quantize(COLOURS) if path.suffix.lower() == ".gif" else frame)
    durations = [round(1000 * seconds)] * (len(frames) - 1) + [round(3000 * seconds)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return path


def moments(graph: GraphData, writer: Writer) -> Iterator[Moment]:
    """Yield what is seen: each box once on the way forward, and once on the way back."""
    where = writer.view.where
    known: set[str] = set()
    complete: set[int] = set()
    taken = steps(graph)
    last = {(step.phase, where[step.node]): k for k, step in enumerate(taken) if step.node in where}
    for k, step in enumerate(taken):
        complete.update(step.complete)
        key = where.get(step.node, "") if step.node is not None else ""
        if step.node is not None and last.get((step.phase, key)) != k:
            continue  # nothing of it is drawn, or more goes on in the same box
        known.add(key)
        yield Moment(key, _sentence(writer, step, key), set(known), set(complete))


def _sentence(writer: Writer, step: Step, key: str) -> str:
    drawn = writer.view.drawn.get(key)
    if drawn is not None and drawn.folded is not None:
        title = writer.labels.module(drawn.folded).title
        return f"{title}: {'its output is known' if step.phase == 'forward' else 'the gradients go back through it'}."
    return step.text
