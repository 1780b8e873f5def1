"""The picture of a training run: gradients, activations and updates, a row for each layer, a column for each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .finding import Finding
from .record import Record

__all__ = ["plot"]

NAME = 22  # characters of a layer


def plot(record: Record, findings: Sequence[Finding], axes: Any = None) -> Any:
    """Draw three tables of colours; the layers with findings are red."""
    if not record.samples:
        raise RuntimeError("Doctor.plot: nothing was watched yet")
    gradients = _table({n: [_last(s.layers, n) for s in record.samples] for n in record.order})
    off = _table({n: [s.off.get(n, math.nan) for s in record.samples] for n in record.units})
    weights = dict.fromkeys(name for s in record.samples for name in s.parameters)
    updates = _table(
        {n: [s.parameters[n].update if n in s.parameters else math.nan for s in record.samples] for n in weights}
    )
    tables = [
        ("gradient at the output of the layer (norm; grey: none, or 0)", "viridis", *gradients, True),
        ("share of activations without a slope", "magma_r", *off, False),
        ("update of the weights, relative to their size", "RdBu_r", *updates, True),
    ]
    figure = None
    if axes is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError("Doctor.plot() draws with Matplotlib: pip install matplotlib") from None
        heights = [max(len(names), 2) for _, _, names, _, _ in tables]
        size = min(1.8 + 0.24 * sum(heights) + 2.4, 20.0)
        figure, axes = plt.subplots(
            3, 1, figsize=(7.2, size), layout="constrained", gridspec_kw={"height_ratios": heights}
        )
    axes = np.ravel(axes)
    if len(axes) != 3:
        raise ValueError(f"Doctor.plot: axes must be three, not {len(axes)}")
    sick = {finding.layer for finding in findings}
    for ax, (title, colours, names, values, is_logarithmic) in zip(axes, tables):
        _one(ax, title, colours, names, values, is_logarithmic, [s.step for s in record.samples], sick)
    if figure is not None:
        figure.suptitle(_headline(findings), fontsize=11)
    return axes


def _headline(findings: Sequence[Finding]) -> str:
    if not findings:
        return "no illness found"
    shown = [finding.title for finding in findings[:3]]
    return "; ".join(shown) + (f"; {len(findings) - 3} more" if len(findings) > 3 else "")


def _last(layers: dict[str, Any], name: str) -> float:
    gradients = layers[name].gradients if name in layers else []
    return max(gradients) if gradients else math.nan


def _table(rows: dict[str, list[float]]) -> tuple[list[str], np.ndarray]:
    """Return the rows that hold a number, and their names."""
    known = {name: values for name, values in rows.items() if not all(map(math.isnan, values))}
    return list(known), np.array(list(known.values()), float)


def _one(
    ax: Any,
    title: str,
    colours: str,
    names: list[str],
    values: np.ndarray,
    is_logarithmic: bool,
    steps: list[int],
    sick: set[str],
) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    ax.set_title(title, fontsize=10, loc="left")
    if not names:
        ax.text(0.5, 0.5, "none", ha="center", va="center", transform=ax.transAxes, color="0.4")
        ax.set(xticks=[], yticks=[])
        return
    shown = np.where(np.isfinite(values), values, np.nan)
    limits: dict[str, float] = {"vmin": 0.0, "vmax": 1.0}
    if is_logarithmic:
        with np.errstate(divide="ignore"):
            shown = np.where(shown > 0, np.log10(shown), np.nan)
        known = shown[np.isfinite(shown)]
        limits = {"vmin": -6.0, "vmax": 0.0}  # of updates: 1e-3, in the middle, is usual
        if colours == "viridis":
            low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
            limits = {"vmin": math.floor(min(low, high - 1.0)), "vmax": math.ceil(high)}
    cmap = colormaps[colours].with_extremes(bad="0.85")
    image = ax.imshow(shown, aspect="auto", cmap=cmap, interpolation="nearest", **limits)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01)
    if is_logarithmic:
        bar.locator = MaxNLocator(nbins=6, integer=True)
        bar.formatter = _power
        bar.update_ticks()
    bar.ax.tick_params(labelsize=8)
    ax.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    for label, name in zip(ax.get_yticklabels(), names):
        if name in sick or name.rpartition(".")[0] in sick - {""}:
            label.set_color("tab:red")
            label.set_fontweight("bold")
    every = max(-(-len(steps) // 10), 1)
    places = range(0, len(steps), every)
    ax.set_xticks(places, [f"{steps[k]:,}" for k in places], fontsize=8)
    ax.set_xlabel("step", fontsize=8)


def _power(value: float, position: int | None = None) -> str:
    return f"$10^{{{value:g}}}$"


def _short(name: str) -> str:
    name = name or "(itself)"
    return name if len(name) <= NAME else "..." + name[-NAME + 3 :]
