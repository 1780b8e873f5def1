"""Which class a model gives to each point of a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import BLUE, MARKERS, ORANGE, PALETTE, one_axes
from ..modes import no_grad
from ..validation import check_array
from .inputs import as_input, as_trained, labels_of, name_of, names_of_columns, object_not_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHO = "decision_boundary"
MARGIN = 0.08  # of the range of the points, on each side
SHADES = 12  # between the two classes
HATCHES = (None, "//", "..", "xx", "\\\\")
AGREEMENT = 0.995  # of the grid, from which on a score and what `predict` says are the same decision


def decision_boundary(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    features: Sequence[Any] | None = None,
    at: Sequence[Any] | None = None,
    threshold: float | None = None,
    class_names: Sequence[Any] | None = None,
    points: int = 200,
    ax: Axes | None = None,
) -> Axes:
    """Draw which class a model gives to each point of a plane, with the samples.

    With two classes the shades are the probability or score, and the line is where the decision changes. Each class has
    a colour and a marker of its own. Needs matplotlib.

    Parameters
    ----------
    model : estimator, Module or function
        What has `predict_proba`, `decision_function` or `predict`; a Module or a function that returns for rows of
        shape (samples, features) one score for each (two classes), or a score for each class, or the classes.
        A Module, which may be one of PyTorch, is used in evaluation mode, and gets its mode back.
    X : array_like or frame of shape (samples, features)
        The columns of a frame name the axes.
    y : array_like of shape (samples,), optional
        The classes of the samples, which are drawn only if they are given.
    features : two indices or names of columns, optional
        Which features to draw, if there are more than two.
    at : sequence of shape (features,), optional
        Where the other features stand; by default at their means, or at the most frequent value of text.
    threshold : float, optional
        The score from which on a sample is of the second class: 0.5 for probabilities, 0 for other scores.
    class_names : sequence, optional
        Names for the classes, in ascending order of the classes.
    points : int
        Of the grid, along each side.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the shapes do not fit, there are more than two features and none are chosen, or what the model returns are no
        classes.

    Examples
    --------
    >>> X, y = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), [0, 0, 1, 1]
    >>> ax = tg.plot.decision_boundary(lambda rows: (rows[:, 0] - rows[:, 1]) ** 2 - 0.25, X, y)
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.get_legend().get_texts())
    ('feature 0', 'feature 1', 2)
    """
    object_not_class(model, WHO)
    table = _Table(X)
    columns = _two_features(table, features)
    marked = None if y is None else labels_of(y, WHO)
    if marked is not None and len(marked) != table.rows.shape[0]:
        raise ValueError(f"{WHO}: X has {table.rows.shape[0]} rows and y has {len(marked)}: they must be equal")
    ranges = [_range(table.numbers(c), table.label(c)) for c in columns]
    across, up = (np.linspace(low, high, points) for low, high in ranges)
    mesh = np.meshgrid(across, up)
    rows = table.grid(columns, [m.ravel() for m in mesh], at)
    decision = _decide(model, rows, marked, threshold)

    ax = one_axes(WHO, ax, (5.0, 4.2))
    if decision.score is not None:
        _shade_score(ax, mesh, decision)
    else:
        _shade_classes(ax, mesh, decision)
    if marked is not None:
        _scatter(ax, [table.numbers(c) for c in columns], marked, decision.classes, class_names, name_of(y, ""))
    ax.set(xlabel=table.label(columns[0]), ylabel=table.label(columns[1]), xlim=ranges[0], ylim=ranges[1])
    return ax


# ---------------------------------------------------------------------- the plane


class _Table:
    """Rows of features, of an array or of a frame, which a model gets as it has them."""

    def __init__(self, X: Any):
        self.names = names_of_columns(X)
        self.frame = None if self.names is None else type(X)
        self.keys = list(X.columns) if self.names is not None else []
        self.rows = X if self.names is not None else check_array(X, "X", WHO)
        shape = tuple(self.rows.shape)
        if len(shape) != 2:
            raise ValueError(f"{WHO}: X has shape {shape}: rows of features are needed, (samples, features)")
        self.width = shape[1]
        if not shape[0]:
            raise ValueError(f"{WHO}: X has no rows, so there is no telling where to draw")

    def label(self, k: int) -> str:
        return self.names[k] if self.names is not None else f"feature {k}"

    def column(self, k: int) -> np.ndarray:
        return np.asarray(self.rows[self.keys[k]]) if self.names is not None else self.rows[:, k]

    def numbers(self, k: int) -> np.ndarray:
        try:
            return self.column(k).astype(float)
        except (TypeError, ValueError):
            raise ValueError(f"{WHO}: {self.label(k)!r} holds no numbers; features= chooses others") from None

    def grid(self, columns: list[int], values: list[np.ndarray], at: Sequence[Any] | None) -> Any:
        """Return rows that differ in two features."""
        if at is not None and len(at) != self.width:
            raise ValueError(f"{WHO}: at has {len(at)} values, and X has {self.width} features: one for each is needed")
        filled: list[np.ndarray] = []
        for k in range(self.width):
            if k in columns:
                filled.append(values[columns.index(k)])
            else:
                filled.append(np.repeat(_middle(self.column(k)) if at is None else at[k], len(values[0])))
        if self.frame is not None:
            return self.frame(dict(zip(self.keys, filled)))
        return np.stack(filled, axis=1)


def _two_features(table: _Table, features: Sequence[Any] | None) -> list[int]:
    names = [table.label(k) for k in range(table.width)]
    if features is None:
        if table.width == 2:
            return [0, 1]
        if table.width < 2:
            raise ValueError(f"{WHO}: X has {table.width} feature, and two are needed to draw a plane")
        example = (names[0], names[1]) if table.names is not None else (0, 1)
        raise ValueError(
            f"{WHO}: X has {table.width} features: features={example} chooses the two to draw; "
            "the others stay at their means, or where at= puts them"
        )
    chosen = [features] if isinstance(features, (str, int)) else list(features)
    if len(chosen) != 2:
        raise ValueError(f"{WHO}: features={features!r} must be two features, such as (0, 1)")
    found = []
    for feature in chosen:
        if isinstance(feature, str) and feature in names:
            found.append(names.index(feature))
        elif isinstance(feature, (int, np.integer)) and -table.width <= feature < table.width:
            found.append(int(feature) % table.width)
        else:
            raise ValueError(f"{WHO}: X has no feature {feature!r}; it has {', '.join(names)}")
    if found[0] == found[1]:
        raise ValueError(f"{WHO}: features={features!r} must be two different features")
    return found


def _range(values: np.ndarray, name: str) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError(f"{WHO}: {name} has no finite value")
    low, high = float(finite.min()), float(finite.max())
    margin = MARGIN * (high - low) or max(abs(low), 1.0) / 2
    return low - margin, high + margin


def _middle(values: np.ndarray) -> Any:
    """Return the mean of numbers; of truth values and text, what is most frequent."""
    if values.dtype.kind in "fiu":
        return np.nanmean(values)
    known, counts = np.unique(values[[x is not None and x == x for x in values]], return_counts=True)
    return known[counts.argmax()]


# ---------------------------------------------------------------------- what the model says


@dataclass
class _Decision:
    """What a model says of each row of the grid.

    Attributes
    ----------
    classes : array of shape (classes,)
    margins : array of shape (classes, rows)
        By how much each class wins; where it is positive, the row is of that class.
    score : array of shape (rows,), or None
        Of the second of two classes.
    threshold : float
    probability : bool
        Whether the score is one.
    """

    classes: np.ndarray
    margins: np.ndarray
    score: np.ndarray | None = None
    threshold: float = 0.0
    probability: bool = False


def _decide(model: Any, rows: Any, marked: np.ndarray | None, threshold: float | None) -> _Decision:
    said = None
    if hasattr(model, "predict"):
        said = check_array(model.predict(rows), "what predict returns", WHO).reshape(rows.shape[0], -1)[:, 0]
    answer = None
    for method in ("predict_proba", "decision_function"):
        if hasattr(model, method):
            answer = check_array(getattr(model, method)(rows), f"what {method} returns", WHO)
            break
    if said is None:
        answer = _called(model, rows)
    known = np.asarray(getattr(model, "classes_", np.unique(marked) if marked is not None else []))
    if answer is not None and answer.ndim == 2 and answer.shape[1] > 1:
        found = _of_many(answer, known, threshold)
    else:
        found = _of_one(said if answer is None else answer.reshape(rows.shape[0]), known, threshold, answer is None)
    if threshold is None and said is not None and not _agree(found, said):
        found = _of_labels(said, np.unique(said) if len(known) == 0 else known)  # it decides in another way
    return found


def _called(model: Any, rows: Any) -> np.ndarray:
    """Return what a Module or a function makes of the rows."""
    if not callable(model):
        raise TypeError(
            f"{WHO}: {type(model).__name__} has none of predict_proba, decision_function and predict, "
            "and is neither a Module nor a function"
        )
    given = as_input(model, np.asarray(rows).astype(float))
    with as_trained(model), no_grad():
        answer = check_array(model(given), "what the model returns", WHO)
    if answer.ndim not in (1, 2) or len(answer) != len(given):
        raise ValueError(
            f"{WHO}: the model returns shape {answer.shape} for {len(given)} rows: "
            "a score, a class, or a score for each class is needed for each row"
        )
    return answer


def _of_many(answer: np.ndarray, known: np.ndarray, threshold: float | None) -> _Decision:
    """Return the decision for a score of each class."""
    count = answer.shape[1]
    if threshold is not None and count > 2:
        raise ValueError(f"{WHO}: threshold={threshold!r} is for two classes, and the model knows {count}")
    if len(known) != count:
        if len(known) > count or not set(known.tolist()) <= set(range(count)):
            raise ValueError(f"{WHO}: the model gives {count} scores for each row, and there are {len(known)} classes")
        known = np.arange(count)
    probability = bool((answer >= 0).all()) and bool(np.allclose(answer.sum(axis=1), 1, atol=1e-3))
    if count == 2:
        score = answer[:, 1] if probability else answer[:, 1] - answer[:, 0]
        return _of_score(score, known, threshold, probability)
    ordered = np.sort(answer, axis=1)
    margins = np.where(answer == ordered[:, -1:], answer - ordered[:, -2:-1], answer - ordered[:, -1:])
    return _Decision(known, margins.T)


def _of_one(answer: Any, known: np.ndarray, threshold: float | None, predicted: bool) -> _Decision:
    """Return the decision for one score, or one class, of each row; a number that is predicted is near to a class."""
    if answer.dtype.kind not in "fiub":
        return _of_labels(answer, known if len(known) else np.unique(answer))
    values = np.unique(answer)
    whole = answer.dtype.kind != "f" or len(values) <= max(len(known), 2)
    if threshold is None and whole and (len(known) == 0 or set(values.tolist()) <= set(known.tolist())):
        return _of_labels(answer, known if len(known) else values)
    if len(known) > 2:
        raise ValueError(f"{WHO}: the model gives one score for each row, and there are {len(known)} classes")
    known = known if len(known) == 2 else np.arange(2)
    if predicted and threshold is None and known.dtype.kind in "fiub":
        threshold = float(known.astype(float).mean())
    probability = bool((answer >= 0).all() and (answer <= 1).all())
    return _of_score(answer, known, threshold, probability)


def _of_score(score: np.ndarray, known: np.ndarray, threshold: float | None, probability: bool) -> _Decision:
    score = score.astype(float)
    cut = (0.5 if probability else 0.0) if threshold is None else float(threshold)
    return _Decision(known, np.stack([cut - score, score - cut]), score, cut, probability)


def _of_labels(said: np.ndarray, known: np.ndarray) -> _Decision:
    return _Decision(known, np.stack([np.where(said == label, 0.5, -0.5) for label in known.tolist()]))


def _agree(found: _Decision, said: np.ndarray) -> bool:
    """Whether the class with the largest score is what `predict` says."""
    if not set(np.unique(said).tolist()) <= set(found.classes.tolist()):
        return True  # it predicts numbers
    return bool(np.mean(found.classes[found.margins.argmax(axis=0)] == said) >= AGREEMENT)


# ---------------------------------------------------------------------- drawing


def _shade_score(ax: Axes, mesh: Sequence[np.ndarray], decision: _Decision) -> None:
    """Shade the plane by the score of the second class, and draw the line of the threshold."""
    from matplotlib.colors import LinearSegmentedColormap

    score = np.asarray(decision.score)
    cut = decision.threshold
    reach = max(cut, 1 - cut) if decision.probability else float(np.nanpercentile(np.abs(score - cut), 90)) or 1.0
    shades = LinearSegmentedColormap.from_list(
        "two classes", [tint(BLUE, 0.55), (0.97, 0.97, 0.97), tint(ORANGE, 0.55)]
    )
    picture = score.reshape(mesh[0].shape)
    levels = np.linspace(cut - reach, cut + reach, SHADES + 1)
    ax.contourf(*mesh, np.clip(picture, levels[0], levels[-1]), levels=levels, cmap=shades, zorder=0)
    if np.nanmin(picture) < cut < np.nanmax(picture):
        ax.contour(*mesh, picture, levels=[cut], colors="black", linewidths=1.6, zorder=1)


def _shade_classes(ax: Axes, mesh: Sequence[np.ndarray], decision: _Decision) -> None:
    """Fill the region of each class, with lines between them."""
    for k, margin in enumerate(decision.margins):
        picture = margin.reshape(mesh[0].shape)
        if picture.max() < 0:
            continue
        colour = tint(PALETTE[k % len(PALETTE)], 0.35)
        hatches = [HATCHES[k // len(PALETTE) % len(HATCHES)]]  # colours come again after seven classes
        filled = ax.contourf(*mesh, picture, levels=[0, np.inf], colors=[colour], hatches=hatches, zorder=0)
        filled.set_edgecolor("0.6")
        filled.set_linewidth(0)
        if picture.min() < 0:
            ax.contour(*mesh, picture, levels=[0], colors="0.25", linewidths=1.0, zorder=1)


def _scatter(
    ax: Axes,
    places: list[np.ndarray],
    marked: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[Any] | None,
    title: str,
) -> None:
    every = [*classes.tolist(), *(label for label in np.unique(marked).tolist() if label not in set(classes.tolist()))]
    names = [
        f"{name:g}" if isinstance(name, float) else str(name)
        for name in (every if class_names is None else class_names)
    ]
    if len(names) != len(every):
        raise ValueError(f"{WHO}: class_names has {len(names)} names for {len(every)} classes: one for each is needed")
    size = float(np.clip(6000 / max(len(marked), 1), 14, 42))
    for k, (label, name) in enumerate(zip(every, names)):
        mine = marked == label
        style: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "color": PALETTE[k % len(PALETTE)], "s": size}
        ax.scatter(*(p[mine] for p in places), edgecolors="white", linewidths=0.6, zorder=2, label=name, **style)
    legend = ax.legend(title=title or None, framealpha=0.9, handletextpad=0.3, borderpad=0.3)
    legend.set_zorder(3)


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """Return a colour mixed with white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue
