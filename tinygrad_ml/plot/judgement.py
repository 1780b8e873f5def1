"""What a model predicts beside what is true: scores of two classes, and residuals of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import BLACK, BLUE, GREY, ORANGE, one_axes, open_frame
from ..validation import check_array, is_number
from .inputs import column, labels_of, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 60  # samples of a class that are drawn one by one, too
RARE = 0.1  # part of all samples below which a class is rare


def scores(
    y: Any,
    score: Any,
    threshold: float | Sequence[float] | None = None,
    *,
    pos_label: Any = None,
    class_names: Sequence[Any] | None = None,
    bins: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the scores of two classes are distributed, with the threshold between them.

    Each class is drawn in percent of itself, so that a rare one can be seen; the legend says how many samples it has,
    and a class of few samples has a line for each below the axis. Where the classes overlap, no threshold separates
    them. Needs matplotlib.

    Parameters
    ----------
    y : array_like of shape (samples,)
        Two classes.
    score : array_like of shape (samples,)
        Scores or probabilities of the positive class; of shape (samples, 2), as `predict_proba` returns them, the
        second column is taken.
    threshold : float, or several, optional
        Drawn with the recall (of the positive, how many are found) and the false positive rate.
    pos_label : label, optional
        The positive class; the second in ascending order, if not given.
    class_names : two names, optional
        For the negative and the positive class.
    bins : int
        Of the histograms.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are not two classes, or the numbers of samples differ.

    Examples
    --------
    >>> ax = tg.plot.scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0: n = 2', '1: n = 2', '≥ 0.5: recall 50 %, false positives 0 %']
    """
    who = "scores"
    true = labels_of(y, who)
    given = check_array(score, "score", who)
    if given.ndim == 2 and given.shape[1] == 2:
        given = given[:, 1]
    elif given.ndim == 2 and given.shape[1] > 2:
        raise ValueError(
            f"{who}: score has {given.shape[1]} columns; for one class against the rest use "
            "scores(y == label, score[:, k])"
        )
    values = column(given, "score", who).astype(float)
    positive, names = _positive(true, pos_label, class_names)
    if len(values) != len(true):
        raise ValueError(f"{who}: y has {len(true)} samples and score has {len(values)}: they must be equal")
    known = np.isfinite(values)
    if not known.any():
        raise ValueError(f"{who}: no score is finite")
    cuts = _cuts(threshold)
    ax = one_axes(who, ax, (5.6, 3.8))
    low, high = float(values[known].min()), float(values[known].max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # probabilities
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    for k, (mine, name, colour, hatch) in enumerate(
        ((~positive, names[0], BLUE, "//"), (positive, names[1], ORANGE, "\\\\"))
    ):
        _histogram(ax, values[mine & known], edges, name, int(mine.sum()), len(true), colour, hatch)
        if 0 < mine.sum() <= FEW:
            ax.plot(
                values[mine & known],
                np.full((mine & known).sum(), -0.025 * (k + 1)),
                "|",
                color=colour,
                ms=7,
                transform=ax.get_xaxis_transform(),
                clip_on=False,
                zorder=4,
            )
    for cut, dashes in zip(cuts, ("-", "--", "-.", ":") * len(cuts)):
        _cut(ax, cut, dashes, values, positive)
    ax.set(xlabel=name_of(score, "score"), ylabel="% of the class")
    ax.set_ylim(0, ax.dataLim.ymax * (1.3 + 0.11 * len(cuts)))  # the legend stands above the data
    if min(positive.sum(), (~positive).sum()) <= FEW:
        ax.tick_params(axis="x", pad=9)
    open_frame(ax)
    ax.legend(framealpha=0.9, loc="upper center")
    return ax


def _cuts(threshold: Any) -> list[float]:
    cuts = [] if threshold is None else [threshold] if np.ndim(threshold) == 0 else list(threshold)
    if not all(is_number(cut) and np.isfinite(cut) for cut in cuts):
        raise ValueError(f"scores: threshold={threshold!r} must be a number, or several")
    return [float(cut) for cut in cuts]


def _positive(true: np.ndarray, pos_label: Any, class_names: Sequence[Any] | None) -> tuple[np.ndarray, list[str]]:
    """Return which samples are positive, and the names of the two classes."""
    known = np.unique(true).tolist()
    if pos_label is not None:
        if pos_label not in known:
            raise ValueError(
                f"scores: pos_label={pos_label!r} is not in y, which has {', '.join(map(repr, known[:8]))}"
            )
        others = [label for label in known if label != pos_label]
        known = [others[0] if len(others) == 1 else "the rest", pos_label]
    if len(known) != 2:
        example = known[-1] if known else 1
        raise ValueError(
            f"scores: y has {len(known)} classes, and two are needed; pos_label={example!r} sets one against the rest"
        )
    names = known if class_names is None else list(class_names)
    if len(names) != 2:
        raise ValueError(f"scores: class_names has {len(names)} names, and two are needed: negative, positive")
    return true == known[1], [f"{name:g}" if isinstance(name, float) else str(name) for name in names]


def _histogram(
    ax: Axes, values: np.ndarray, edges: np.ndarray, name: str, count: int, total: int, colour: str, hatch: str
) -> None:
    share = np.histogram(values, edges)[0] * (100.0 / max(count, 1))
    label = f"{name}: n = {count:,}" + (f" ({count / total:.1%} of all)" if count < RARE * total else "")
    style: dict[str, Any] = {"edgecolor": colour, "hatch": hatch, "linewidth": 1.6, "label": label}
    ax.stairs(share, edges, fill=True, facecolor=(*_rgb(colour), 0.22), **style)


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _cut(ax: Axes, cut: float, dashes: str, values: np.ndarray, positive: np.ndarray) -> None:
    above = values >= cut
    recall, alarms = (100 * above[mine].mean() for mine in (positive, ~positive))
    label = f"≥ {cut:.4g}: recall {recall:.3g} %, false positives {alarms:.3g} %"
    ax.axvline(cut, color=BLACK, linestyle=dashes, linewidth=1.6, zorder=5, label=label)


# ---------------------------------------------------------------------- numbers


def residuals(y: Any, predicted: Any, *, unit: str | None = None, bins: int = 30, ax: Axes | None = None) -> Axes:
    """Draw by how much predictions miss, against the predictions, and at the right how often.

    A good model leaves residuals without a pattern: their mean, drawn for equal parts of the samples, stays at zero,
    and they scatter alike everywhere. The curve at the right is the normal distribution with the same mean and
    standard deviation. Needs matplotlib.

    Parameters
    ----------
    y, predicted : array_like of shape (samples,)
        The true numbers, and what a model predicts.
    unit : str, optional
        Of both, for the axes: "$", "°C".
    bins : int
        Of the histogram.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given. The histogram takes a part of its place.

    Returns
    -------
    matplotlib Axes
        That of the residuals; the histogram is in `ax.child_axes`.

    Raises
    ------
    ValueError
        If the numbers of samples differ, or no residual is finite.

    Examples
    --------
    >>> ax = tg.plot.residuals([1.0, 2.0, 4.0], [1.5, 2.0, 3.0], unit="kg")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('predicted (kg)', 'residual, true − predicted (kg)')
    """
    who = "residuals"
    true, guess = column(y, "y", who).astype(float), column(predicted, "predicted", who).astype(float)
    if len(true) != len(guess):
        raise ValueError(f"{who}: y has {len(true)} samples and predicted has {len(guess)}: they must be equal")
    left = true - guess
    known = np.isfinite(left)
    if not known.any():
        raise ValueError(f"{who}: no residual is finite")
    left, guess = left[known], guess[known]
    ax = one_axes(who, ax, (6.0, 3.9))
    n = len(left)
    ax.scatter(guess, left, s=float(np.clip(3000 / n, 6, 36)), color=BLUE, alpha=float(np.clip(400 / n, 0.15, 0.8)))
    ax.axhline(0, color=BLACK, linewidth=1)
    parts = int(np.clip(n // 10, 1, 12))
    if parts > 2:
        groups = np.array_split(np.argsort(guess, kind="stable"), parts)
        x, mean = (np.array([v[g].mean() for g in groups]) for v in (guess, left))
        ax.plot(x, mean, "o-", color=ORANGE, mec="white", lw=2, label="mean of neighbours")
        ax.legend(framealpha=0.9, loc="best")
    suffix = f" ({unit})" if unit else ""
    what = name_of(y, "")
    ax.set(xlabel=f"predicted{' ' + what if what else ''}{suffix}", ylabel=f"residual, true − predicted{suffix}")
    open_frame(ax)
    _beside(ax, left, bins)
    return ax


def _beside(ax: Axes, left: np.ndarray, bins: int) -> None:
    """Draw the histogram of residuals at the right of their picture, with a normal distribution."""
    side = ax.inset_axes((1.02, 0.0, 0.22, 1.0), sharey=ax)
    counts, edges = np.histogram(left, bins)
    side.stairs(counts, edges, orientation="horizontal", fill=True, color=GREY, alpha=0.5)
    mean, deviation = float(left.mean()), float(left.std())
    if deviation > 0:
        at = np.linspace(edges[0], edges[-1], 200)
        density = np.exp(-(((at - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
        side.plot(density * len(left) * (edges[1] - edges[0]), at, color=ORANGE, linewidth=1.6)
    side.axhline(0, color=BLACK, linewidth=1)
    shown = mean if abs(mean) > 1e-9 * deviation else 0.0
    side.set(xlabel="samples", title=f"mean {shown:.2g}\ndeviation {deviation:.2g}", xticks=[int(counts.max())])
    side.title.set_fontsize("small")
    side.tick_params(labelleft=False, left=False)
    side.spines[["top", "right", "left"]].set_visible(False)
