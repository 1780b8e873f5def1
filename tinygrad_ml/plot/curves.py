"""How a training run went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import BLUE, MARKERS, ORANGE, PALETTE, one_axes, open_frame
from .inputs import column, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHO = "learning_curve"
GID = "learning curve"  # of the lines that it has drawn
DECADE = 20  # times the smallest value, from which on the scale is logarithmic


def learning_curve(
    history: Any,
    *,
    column: str = "loss",
    label: str | None = None,
    mode: str | None = None,
    steps: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a training run measured in every epoch: in training, and with dashes in validation.

    The best epoch of the validation is marked. Call it again with the same `ax` and other labels to compare runs, or
    give a dict of histories. Needs matplotlib.

    Parameters
    ----------
    history : History, dict, frame, estimator or sequence
        With a column such as "loss", and perhaps one with "validation_" (or "val_") before its name. Of a fitted
        estimator, its `history_`; a list of dicts has a row for each epoch, one of numbers a loss for each step. A dict
        of histories draws each.
    column : str
        What to draw: "loss", or the name of a metric.
    label : str, optional
        What the legend calls the run.
    mode : "min" or "max", optional
        Which epoch is the best; by default "min" for a loss or an error, and none is marked otherwise.
    steps : bool
        Whether to draw what each step measured too, faintly; a History has it.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If the steps are asked for, and the history has none.

    Examples
    --------
    >>> ax = tg.plot.learning_curve({"loss": [2.0, 1.0, 0.5], "validation_loss": [2.0, 1.5, 1.6]})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training', 'validation', 'best: 1.5 in epoch 2']
    """
    if mode not in (None, "min", "max"):
        raise ValueError(f"{WHO}: mode must be 'min' or 'max', not {mode!r}")
    history = getattr(history, "history_", getattr(history, "history", history))  # estimators here, and Keras
    if isinstance(history, Mapping) and history and all(_is_history(h) for h in history.values()):
        ax = one_axes(WHO, ax, (5.6, 3.8))
        for name, each in history.items():
            learning_curve(each, column=column, label=str(name), mode=mode, steps=steps, ax=ax)
        return ax
    run = _read(history, column, steps)
    ax = one_axes(WHO, ax, (5.6, 3.8))
    k = len({line.get_gid() for line in _drawn(ax)})
    colours = (BLUE, ORANGE) if label is None and not k else (PALETTE[k % len(PALETTE)],) * 2
    of_run: dict[str, Any] = {"gid": f"{GID} {k}"}
    if run.noise:
        text = f"{label}, of each step" if label else "of each step"
        ax.plot(range(1, len(run.noise) + 1), run.noise, color=colours[0], alpha=0.3, lw=0.8, label=text, **of_run)
    for (part, values), colour, dashes in zip(run.lines.items(), colours, ("-", "--")):
        one: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)]} if len(values) == 1 else {}
        text = part if not label else label if len(run.lines) == 1 else f"{label}, {part}"
        ax.plot(run.places, values, color=colour, linestyle=dashes, linewidth=2, label=text, **of_run, **one)
    best = mode or ("min" if column.endswith(("loss", "error")) else None)
    if "validation" in run.lines and best is not None:
        _mark_best(ax, run, best, label, {"color": colours[1], "marker": MARKERS[k % len(MARKERS)]} | of_run)
    _scale(ax)
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="step" if steps else run.unit, ylabel=column.replace("_", " "))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    open_frame(ax)
    if ax.get_legend_handles_labels()[0] and (len(ax.lines) > 1 or label):
        ax.legend(framealpha=0.8)
    return ax


@dataclass
class _Run:
    """What is drawn of a training run.

    Attributes
    ----------
    lines : dict from "training" and "validation" to their values
    unit : "epoch", "period" or "step"
    places : sequence of int
        Where the values stand.
    noise : list of float
        What each step measured.
    """

    lines: dict[str, list[float]]
    unit: str
    places: Sequence[int]
    noise: list[float]


def _is_history(thing: Any) -> bool:
    return isinstance(thing, Mapping) or hasattr(thing, "columns")


def _read(history: Any, wanted: str, steps: bool) -> _Run:
    """Return what is to be drawn of whatever a history can be."""
    if isinstance(history, (list, tuple)) and history and all(isinstance(row, Mapping) for row in history):
        columns = dict.fromkeys(key for row in history for key in row)
        history = {key: [row.get(key, math.nan) for row in history] for key in columns}
    of_each = getattr(history, "steps", {}).get(wanted, []) if steps else []
    if steps and not len(of_each):
        raise ValueError(f"{WHO}: steps=True draws what each step measured, and of {wanted!r} the history has none")
    if _is_history(history):
        known = list(history.columns if hasattr(history, "columns") else history)
        names = {"training": [wanted], "validation": [f"validation_{wanted}", f"val_{wanted}"]}
        found = {
            part: _numbers(history[name], name) for part, tries in names.items() for name in tries if name in known
        }
        if not found and known:
            raise KeyError(f"{WHO}: the history has no column {wanted!r}; it has {', '.join(map(str, known))}")
        count = len(next(iter(found.values()), []))
        places = history.ends if steps else range(1, count + 1)
        return _Run(found, getattr(history, "unit", "epoch"), places, _numbers(of_each, "steps") if steps else [])
    losses = getattr(history, "loss_curve_", history)  # of scikit-learn's networks
    try:
        values = _numbers(losses, "history")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{WHO}: history must be a History, a dict of columns, a fitted model or a sequence of numbers, "
            f"not {type(history).__name__} ({error})"
        ) from None
    unit = "epoch" if losses is not history else "step"
    return _Run({name_of(history, "training"): values}, unit, range(1, len(values) + 1), [])


def _numbers(values: Any, name: str) -> list[float]:
    return column(values, name, WHO).astype(float).tolist()


def _mark_best(ax: Axes, run: _Run, mode: str, label: str | None, style: dict[str, Any]) -> None:
    """Mark the best epoch; of a run with a name, in the entry that the validation has in the legend."""
    known = [(value, epoch) for epoch, value in enumerate(run.lines["validation"], 1) if math.isfinite(value)]
    if not known:
        return
    value, epoch = min(known) if mode == "min" else min(known, key=lambda pair: (-pair[0], pair[1]))
    text = f"best: {value:.4g} in {run.unit} {epoch}"
    if label:
        ax.lines[-1].set(label=f"{ax.lines[-1].get_label()}, {text}", marker=style["marker"], markevery=[])
    ax.plot(run.places[epoch - 1], value, linestyle="", markersize=8, label=None if label else text, **style)


def _scale(ax: Axes) -> None:
    """Make the scale logarithmic where the values of all runs span more than a decade."""
    known = [y for line in _drawn(ax) for y in np.asarray(line.get_ydata(), float).tolist() if math.isfinite(y)]
    if known and min(known) > 0 and max(known) > DECADE * min(known):
        ax.set_yscale("log")


def _drawn(ax: Axes) -> list[Any]:
    """Return the lines that were drawn here before."""
    return [line for line in ax.lines if str(line.get_gid()).startswith(GID)]
