"""Parts of pictures that several of them have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..figures import BLUE, ORANGE, open_frame


def largest(array: np.ndarray) -> float:
    """Return the largest absolute value, or 1 where there is none above zero."""
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0.0)) or 1.0


def few_ticks() -> Any:
    """Return a locator of at most four ticks, for small panels."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def histogram(ax: Any, values: np.ndarray) -> None:
    """Draw how values are distributed, with their mean, and say their deviation and the share of zeros."""
    flat = values.ravel().astype(float)
    known = flat[np.isfinite(flat)]
    zeros = float(np.mean(flat == 0)) if flat.size else 0.0
    facts = [f"{len(flat) - len(known):,} not finite"] if len(known) < len(flat) else []
    if known.size:
        mean, deviation = float(known.mean()), float(known.std())
        bins = int(np.clip(np.sqrt(known.size), 8, 40))
        counts, edges = np.histogram(known, bins, weights=np.full(known.size, 100.0 / known.size))
        ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.55)
        ax.axvline(mean, color=ORANGE, linewidth=1.6)
        facts.append(f"{mean:.2g} ± {deviation:.2g}")
    if zeros > 0.001:
        facts.append(f"{zeros:.0%} zeros")
    ax.set(xlabel=", ".join(facts), ylabel="%")
    ax.xaxis.set_major_locator(few_ticks())
    open_frame(ax)
