"""Colours of the pictures, light, dark and for print.

They are from the palette of Okabe and Ito, which the colour-blind can tell apart.
"""

from __future__ import annotations

import math

FONT = "Helvetica,Arial,sans-serif"
MEASURED = "Helvetica"  # by which Viz.js knows how wide that is; pages show the text in the former

# Every colour of a theme is a different one, so that the explorer can exchange the themes.
LIGHT = {
    "background": "#ffffff",
    "text": "#1b1f24",
    "quiet": "#59636e",
    "edge": "#4a5562",
    "edge-quiet": "#a9b1ba",
    "box": "#f6f8fa",
    "box-inside": "#fffffd",
    "box-line": "#c9d1d9",
    "operation": "#fdfdfe",
    "operation-line": "#4b5563",
    "input": "#d9ebf7",
    "input-line": "#0072b2",
    "parameter": "#fdeccb",
    "parameter-line": "#b06f00",
    "buffer": "#f3ead9",
    "buffer-line": "#8a6d3b",
    "constant": "#eef0f2",
    "constant-line": "#8b949e",
    "output": "#d5f0e6",
    "output-line": "#007a5a",
    "module": "#ece6f5",
    "module-line": "#6f4ba0",
    "fault": "#c8102e",
    "fault-text": "#fffffe",
    "added": "#cfe8fc",
    "removed": "#fbdcc4",
    "changed": "#fbf3b0",
    "zero": "#3d444d",
    "zero-text": "#fefefe",
}
DARK = {
    "background": "#0d1117",
    "text": "#e6edf3",
    "quiet": "#9ea7b1",
    "edge": "#aab4bf",
    "edge-quiet": "#57606b",
    "box": "#151b23",
    "box-inside": "#1c232c",
    "box-line": "#3d444e",
    "operation": "#21262d",
    "operation-line": "#8d96a1",
    "input": "#0b3350",
    "input-line": "#56b4e9",
    "parameter": "#4a3206",
    "parameter-line": "#e69f00",
    "buffer": "#3a3222",
    "buffer-line": "#b49a68",
    "constant": "#262c34",
    "constant-line": "#7d8590",
    "output": "#073b2d",
    "output-line": "#00b386",
    "module": "#322547",
    "module-line": "#b696e3",
    "fault": "#dd2a47",
    "fault-text": "#fffffd",
    "added": "#123f5f",
    "removed": "#5c2f12",
    "changed": "#4d4710",
    "zero": "#c4ccd4",
    "zero-text": "#101418",
}
# For a printer without colours: kinds differ in their shape and line, and what is larger is darker.
PRINT = {
    "background": "#ffffff",
    "text": "#000000",
    "quiet": "#404040",
    "edge": "#101010",
    "edge-quiet": "#9c9c9c",
    "box": "#fbfbfb",
    "box-inside": "#fefefe",
    "box-line": "#7a7a7a",
    "operation": "#fffffe",
    "operation-line": "#202020",
    "input": "#fdfdfd",
    "input-line": "#010101",
    "parameter": "#efefef",
    "parameter-line": "#303030",
    "buffer": "#f1f1f1",
    "buffer-line": "#606060",
    "constant": "#fafafa",
    "constant-line": "#8a8a8a",
    "output": "#fcfcfc",
    "output-line": "#020202",
    "module": "#e8e8e8",
    "module-line": "#313131",
    "fault": "#030303",
    "fault-text": "#fffffd",
    "added": "#e4e4e4",
    "removed": "#c8c8c8",
    "changed": "#d8d8d8",
    "zero": "#414141",
    "zero-text": "#fffdfd",
}
# A gradient of a thousandth of the usual size is the first colour, of a thousand times that the last.
LIGHT |= dict(
    zip(
        [f"g{k}" for k in range(7)],
        ("#4292c6", "#8fc1e3", "#c9e0f1", "#ebebe6", "#fde0bd", "#fbb878", "#ee7f2d"),
    )
)
DARK |= dict(
    zip(
        [f"g{k}" for k in range(7)],
        ("#1a6aa5", "#1a527d", "#183c5a", "#2f3338", "#5a3a17", "#864a12", "#a94f08"),
    )
)
PRINT |= dict(
    zip(
        [f"g{k}" for k in range(7)],
        ("#f9f9f9", "#f0f0f0", "#e6e6e6", "#dadada", "#cccccc", "#bcbcbc", "#a6a6a6"),
    )
)
THEMES = {"light": LIGHT, "dark": DARK, "print": PRINT}


def palette(theme: str) -> dict[str, str]:
    """Return the colours of a theme by their role."""
    if theme not in THEMES:
        raise ValueError(f"theme must be 'light', 'dark' or 'print', not {theme!r}")
    return THEMES[theme]


def step(size: float, usual: float) -> str:
    """Return the role of the colour for a gradient, given its size and the usual one.

    >>> from tinygrad_ml.graph.show.style import step
    >>> step(1.0, 1.0), step(1e-9, 1.0), step(100.0, 1.0)
    ('g3', 'g0', 'g5')
    """
    return f"g{round(min(max(math.log10(size / usual), -3), 3)) + 3}"
