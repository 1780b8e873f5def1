"""Pictures of the confusion matrix and of ROC and precision-recall curves; with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import GREY, one_axes
from .classification import confusion_matrix
from .curves import auc, precision_recall_curve, roc_curve
from .inputs import CLASSES, as_array, check_choice, check_targets, encode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTERS, SMALLEST = 10.0, 7.5  # points of a name of a class, and of one that is still written across
BREAK = 16  # characters after which it is broken


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    *,
    matrix: Any = None,
    labels: Any = None,
    normalize: str | None = None,
    errors_only: bool = False,
    display_labels: Sequence[Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix: a row for each true class, a column for each predicted one.

    Needs matplotlib.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,)
    matrix : array_like of shape (classes, classes), optional
        Counts that `confusion_matrix` has returned, in the place of `y_true` and `y_pred`.
    labels : array_like of shape (labels,), optional
        The classes to show, in the order wanted; all of them, sorted, if not given. With a matrix, its classes.
    normalize : {"true", "pred", "all"}, optional
        Show percent of the row, of the column, or of everything, instead of counts.
    errors_only : bool
        Whether to leave the diagonal empty, so that the colours show which classes are confused. The rest is in percent
        of the row if `normalize` does not say otherwise, as frequent classes have more errors of every kind.
    display_labels : sequence, optional
        Names to show for the classes, in the same order. Long ones are broken at spaces.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the matrix is not square or has negative counts, or the number of names is not that of the classes.

    Examples
    --------
    >>> ax = tg.metrics.plot_confusion_matrix(["cat", "dog", "dog"], ["cat", "dog", "cat"])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('predicted', 'true')
    >>> ax = tg.metrics.plot_confusion_matrix(matrix=[[90, 1], [8, 1]], display_labels=["benign", "malignant"])
    """
    normalize = "true" if errors_only and normalize is None else normalize
    if matrix is None:
        counts, labels = _counted(y_true, y_pred, labels, normalize)
    elif y_true is not None or y_pred is not None:
        raise TypeError("plot_confusion_matrix takes y_true and y_pred, or matrix=, and was given both")
    else:
        counts = _shares(_counts(matrix), normalize)
    n = len(counts)
    labels = range(n) if labels is None else as_array(labels, "labels").tolist()
    names = _broken([str(name) for name in (labels if display_labels is None else display_labels)])
    if len(names) != n:
        given = "labels" if display_labels is None else "display_labels"
        raise ValueError(f"{given} has {len(names)} names for {n} classes: one for each is needed")
    long = _longest(names)
    side = float(np.clip(1.3 + n * max(0.5, min(0.095 * long, 3 / n)), 3.2, 9))  # a cell has place for a name
    ax = one_axes("plot_confusion_matrix", ax, (side + (0.075 * long if long > 3 else 0), side))
    shown = counts * 100.0 if normalize else counts.astype(float)
    if errors_only:
        np.fill_diagonal(shown, np.nan)
    image = ax.imshow(
        shown, cmap="Oranges" if errors_only else "Blues", vmin=0, vmax=max(np.nanmax(shown, initial=0), 1e-9)
    )
    ax.set_facecolor("0.92")  # shines through where the diagonal is left empty
    cell = _name_classes(ax, names)
    ax.set_xticks(np.arange(0.5, n - 1), minor=True)
    ax.set_yticks(np.arange(0.5, n - 1), minor=True)
    ax.grid(which="minor", color="white", linewidth=1.2)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted", ylabel="true")
    unit = {"true": "% of the true class", "pred": "% of the predicted class", "all": "% of all"}.get(
        normalize or "", ""
    )
    if unit or errors_only:
        ax.set_title(("errors, " if errors_only else "") + unit, fontsize="medium")
    _write_numbers(ax, image, shown, 1 if normalize or (counts % 1).any() else 0, cell)
    return ax


def _counted(y_true: Any, y_pred: Any, labels: Any, normalize: str | None) -> tuple[np.ndarray, Any]:
    """Return the confusion matrix, and its classes."""
    if y_true is None or y_pred is None:
        raise TypeError("plot_confusion_matrix takes y_true and y_pred, or matrix=")
    targets = check_targets(y_true, y_pred)
    if labels is None and targets.kind == CLASSES:
        labels = encode(targets).labels
    return confusion_matrix(y_true, y_pred, labels=labels, normalize=normalize), labels


def _counts(matrix: Any) -> np.ndarray:
    """Return a matrix that the user gives, as an array of counts."""
    counts = as_array(matrix, "matrix")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"matrix has shape {counts.shape}: a row and a column for each class are needed")
    if counts.dtype.kind not in "biuf" or not np.isfinite(counts).all() or counts.min() < 0:
        raise ValueError("matrix must hold counts from 0, as confusion_matrix returns them")
    return counts


def _shares(counts: np.ndarray, normalize: str | None) -> np.ndarray:
    """Return counts as parts of the row, of the column, or of everything; of nothing as 0."""
    check_choice("normalize", normalize, (None, "true", "pred", "all"))
    if normalize is None:
        return counts
    total = counts.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
    return np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)


def _broken(names: list[str]) -> list[str]:
    """Return names with long ones broken at spaces and after hyphens."""
    return ["\n".join(wrap(name, BREAK, break_long_words=False)) or name for name in names]


def _longest(names: list[str]) -> int:
    return max(len(line) for name in names for line in (name.split("\n")))


def _name_classes(ax: Axes, names: list[str]) -> float:
    """Write the names of the classes at both sides, across where they fit; return the side of a cell in points."""
    n, long = len(names), _longest(names)
    width, height = _size_in_points(ax)
    beside = 0.6 * LETTERS * long if long > 3 else 0  # which the layout takes away for the names at the left
    cell = max(min(width - beside, height) / n, 4.0)
    fitting = 0.95 * cell / (0.58 * max(long, 1))
    lines = max(name.count("\n") + 1 for name in names)
    across = long <= 3 or fitting >= SMALLEST
    size = min(fitting, 0.9 * cell / lines) if across else 0.9 * cell / lines
    size = float(np.clip(size, 4, LETTERS))
    ax.set_xticks(range(n), names, rotation=0 if across else 45, ha="center" if across else "right")
    if not across:
        ax.tick_params(axis="x", pad=1)
        for label in ax.get_xticklabels():
            label.set_rotation_mode("anchor")
    ax.set_yticks(range(n), names)
    ax.tick_params(labelsize=size)
    return cell


def plot_roc_curve(
    y_true: Any,
    y_score: Any,
    *,
    thresholds: Sequence[float] | None = None,
    ax: Axes | None = None,
    name: str | None = None,
    sample_weight: Any = None,
    pos_label: Any = None,
) -> Axes:
    """Draw the ROC curve with its area (AUC), and the diagonal, which is what guessing gives.

    Call it again with the same `ax` to compare models. Needs matplotlib.

    Parameters
    ----------
    y_true : array_like of shape (samples,)
        Two classes.
    y_score : array_like of shape (samples,)
        Scores of the positive class.
    thresholds : sequence of float, optional
        Thresholds to mark on the curve, such as (0.3, 0.5).
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.
    name : str, optional
        What the legend calls the curve.
    sample_weight : array_like of shape (samples,), optional
    pos_label : label, optional
        The positive class; 1 if the classes are 0 and 1, or -1 and 1.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> ax = tg.metrics.plot_roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=(0.5,), name="first try")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['first try: AUC 0.75', 'guessing', 'threshold']
    """
    fpr, tpr, cuts = roc_curve(
        y_true, y_score, pos_label=pos_label, sample_weight=sample_weight, drop_intermediate=False
    )
    ax = one_axes("plot_roc_curve", ax, (4.2, 4.2))
    (line,) = ax.plot(fpr, tpr, lw=2, label=f"{name + ': ' if name else ''}AUC {auc(fpr, tpr):.3g}", zorder=3)
    baseline(ax, 0, 1, "guessing")
    ax.set(xlabel="false positive rate", ylabel="true positive rate (recall)", aspect="equal")
    for_each = [] if thresholds is None else [int(np.searchsorted(-cuts, -t, "right")) - 1 for t in thresholds]
    _mark(ax, line, [(fpr[i], tpr[i], t) for i, t in zip(for_each, thresholds or ())], side=1)
    frame(ax, "lower right")
    return ax


def plot_precision_recall_curve(
    y_true: Any,
    y_score: Any,
    *,
    thresholds: Sequence[float] | None = None,
    ax: Axes | None = None,
    name: str | None = None,
    sample_weight: Any = None,
    pos_label: Any = None,
) -> Axes:
    """Draw precision against recall with the average precision (AP), and the precision that guessing gives.

    Call it again with the same `ax` to compare models. Needs matplotlib. The parameters are those of `plot_roc_curve`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> ax = tg.metrics.plot_precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=(0.5,))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['AP 0.833', 'guessing: 0.5', 'threshold']
    """
    precision, recall, cuts = precision_recall_curve(y_true, y_score, pos_label=pos_label, sample_weight=sample_weight)
    average = float(-np.sum(np.diff(recall) * precision[:-1]))
    ax = one_axes("plot_precision_recall_curve", ax, (4.2, 4.2))
    label = f"{name + ': ' if name else ''}AP {average:.3g}"
    (line,) = ax.plot(recall, precision, lw=2, drawstyle="steps-post", label=label, zorder=3)
    baseline(ax, precision[0], precision[0], f"guessing: {precision[0]:.2g}")
    ax.set(xlabel="recall (true positive rate)", ylabel="precision", aspect="equal")
    for_each = [] if thresholds is None else [int(np.searchsorted(cuts, t, "left")) for t in thresholds]
    _mark(ax, line, [(recall[i], precision[i], t) for i, t in zip(for_each, thresholds or ())], side=-1)
    frame(ax, "lower left" if average > 0.5 else "upper right")
    return ax


def _write_numbers(ax: Axes, image: Any, shown: np.ndarray, digits: int, cell: float) -> None:
    """Write the number of every cell into it, or draw a scale beside the picture if the cells are too small."""
    texts = [["" if np.isnan(v) else f"{v:.{digits}f}" if v else "0" for v in row] for row in shown]
    size = min(0.45 * cell, cell / (0.62 * max(len(text) for row in texts for text in row)), 12)
    if size < 5.5:
        image.figure.colorbar(image, ax=ax, shrink=0.8)
        return
    for (i, j), value in np.ndenumerate(shown):
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
        color = "white" if dark else "0.65" if value == 0 else "black"
        ax.text(j, i, texts[i][j], ha="center", va="center", color=color, fontsize=size)


def baseline(ax: Axes, left: float, right: float, label: str) -> None:
    """Draw the line of a model that guesses, unless an earlier curve has done so."""
    for line in ax.lines:
        if line.get_gid() == "baseline" and np.allclose(line.get_ydata(), [left, right]):
            line.remove()  # and drawn anew, so that it comes last in the legend
            break
    ax.plot([0, 1], [left, right], ls=":", color=GREY, lw=1.2, label=label, zorder=1, gid="baseline")


def frame(ax: Axes, corner: Any) -> None:
    """Show the square from 0 to 1, with the legend in a corner."""
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    ax.legend(loc=corner, fontsize="small", framealpha=0.9)


def _mark(ax: Axes, line: Any, marks: list[tuple[float, float, float]], side: int) -> None:
    """Put dots on the curve with their thresholds beside them, each moved down if it would hide another."""
    from matplotlib.patheffects import withStroke

    color = line.get_color()
    width, height = _size_in_points(ax)
    placed: list[tuple[float, float]] = []
    for x, y, threshold in sorted(marks, key=lambda mark: (-mark[1], -side * mark[0])):
        name = None if any(other.get_gid() == "threshold" for other in ax.lines) else "threshold"
        ax.plot(x, y, "o", ms=5.5, color=color, mec="white", zorder=4, label=name, gid="threshold")
        down = 7.0
        while any(abs(x * width - a) < 26 and abs(y * height - down - b) < 10 for a, b in placed):
            down += 1
        placed.append((x * width, y * height - down))
        ax.annotate(
            f"{threshold:g}",
            (x, y),
            xytext=(7 * side, -down),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize="small",
            color=color,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.5, "shrinkB": 2} if down > 12 else None,
            zorder=5,
        )


def _size_in_points(ax: Axes) -> tuple[float, float]:
    box, points = ax.get_window_extent(), 72 / ax.figure.dpi
    return box.width * points, box.height * points
