"""What pictures by matplotlib have in common: figures, panels, and colours that the colour-blind can tell apart.

Nothing here changes the user's rcParams or shows a figure: a notebook shows it by itself, a program saves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design" (2008), their yellow left out, which is hardly seen on white.
BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, BLACK = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
)
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*")  # 11 with 7 colours make 77 different classes
SIGNED = "PuOr"  # colours of numbers around zero: orange below, purple above
GREY = "0.45"
PAD = 0.07  # inches around what is drawn; labels beside axes of a fixed shape need it
MOST = 64  # panels of a figure, if the caller sets no limit


def pyplot(who: str) -> Any:
    """Return matplotlib.pyplot; say what to install if it is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(f"{who} draws with matplotlib: pip install matplotlib") from None
    return plt


def one_axes(who: str, ax: Any, size: tuple[float, float]) -> Axes:
    """Return the axes that the caller gave, or those of a new figure of this size in inches."""
    if ax is None:
        return _new_figure(who, size).add_subplot()
    if not hasattr(ax, "plot") or not hasattr(ax, "figure"):
        raise TypeError(f"{who}: ax must be one matplotlib Axes, not {type(ax).__name__}")
    return ax


def _new_figure(who: str, size: tuple[float, float]) -> Figure:
    figure = pyplot(who).figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=PAD, h_pad=PAD)
    return figure


def panels(who: str, figure: Any, count: int, cell: tuple[float, float], columns: int | None = None) -> np.ndarray:
    """Return the axes of `count` panels, row by row, in the caller's figure or in a new one.

    Parameters
    ----------
    who : str
        Who draws, for the errors.
    figure : matplotlib Figure or SubFigure, or None for a new figure
    count : int
    cell : tuple of float
        The width and height of a panel of a new figure, in inches.
    columns : int, optional
        As many as make the figure a little wider than high, if not given.
    """
    if columns is None:
        columns = int(np.ceil(np.sqrt(1.6 * count * cell[1] / cell[0])))
    columns = min(max(columns, 1), count)
    rows = -(-count // columns)
    if figure is None:
        figure = _new_figure(who, (columns * cell[0], rows * cell[1]))
    elif not hasattr(figure, "subplots") or not hasattr(figure, "suptitle"):
        raise TypeError(f"{who}: figure must be a matplotlib Figure or SubFigure, not {type(figure).__name__}")
    found = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in found[count:]:
        spare.remove()
    return found[:count]


def bare(ax: Axes) -> None:
    """Take the ticks of an image away; the frame stays, so that white images have an edge."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color="0.6", linewidth=0.6)


def open_frame(ax: Axes) -> None:
    """Leave only the axes at the left and at the bottom."""
    ax.spines[["top", "right"]].set_visible(False)
