"""The weights of a model: as bars, as distributions, or as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import BLACK, BLUE, GREY, MOST, ORANGE, SIGNED, bare, open_frame, panels
from ..validation import check_array, check_integer
from .inputs import numbers, object_not_class
from .marks import few_ticks, histogram, largest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BARS = 40  # of a bar chart
NAME = 30  # characters of a title


def weights(
    model: Any,
    *,
    names: Sequence[Any] | None = None,
    kind: str | None = None,
    limit: int = MOST,
    figure: Figure | None = None,
) -> np.ndarray:
    """Draw the weights of a model: of a linear model as bars, otherwise how those of each parameter are distributed.

    Needs matplotlib.

    Parameters
    ----------
    model : Module or estimator
        A Module of this library or of PyTorch has a panel for each parameter. An estimator with `coef_` has bars, the
        largest weights first; with several classes or outputs, an image with a row for each. Of a pipeline
        it is the last step.
    names : sequence, optional
        Of the features of a linear model; by default those of the frame that it was fitted on.
    kind : "bars", "histogram" or "image", optional
        How to draw, if not as said above. In an image, purple is above zero and orange below.
    limit : int
        Of panels, or 40 of bars.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; a new one if not given.

    Returns
    -------
    array of matplotlib Axes, one for each panel

    Raises
    ------
    ValueError
        If the model has no weights, is not fitted, or the number of names differs from that of the features.

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 3))
    >>> [ax.get_title() for ax in tg.plot.weights(net)]
    ['0.weight 8×4', '0.bias 8', '2.weight 3×8', '2.bias 3']
    """
    who = "weights"
    if kind not in (None, "bars", "histogram", "image"):
        raise ValueError(f"{who}: kind must be 'bars', 'histogram' or 'image', not {kind!r}")
    check_integer(f"{who}: limit", limit, 1)
    object_not_class(model, who)
    if hasattr(model, "steps") and hasattr(model, "named_steps"):  # a pipeline of scikit-learn
        names = _names_after(model) if names is None else names
        model = model.steps[-1][1]
    coefficients = getattr(model, "coef_", None)
    if coefficients is not None:
        matrix = np.atleast_2d(numbers(coefficients, "coef_", who))
        features = _features(model, names, matrix.shape[1])
        if kind == "bars" or (kind is None and len(matrix) == 1):
            return _bars(matrix, features, _classes(model, len(matrix)), who, figure)
        if kind is None or kind == "image":
            return _matrix(matrix, features, _classes(model, len(matrix)), who, figure)
    found = _parameters(model, who) if coefficients is None else [("coef_", matrix)]
    axes = panels(who, figure, min(len(found), limit), (2.9, 2.4))
    for ax, (name, values) in zip(axes, found):
        if kind == "image":
            flat = values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)
            top = largest(flat)
            picture = ax.imshow(flat, cmap=SIGNED, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
            bare(ax)
            ax.figure.colorbar(picture, ax=ax, shrink=0.8, ticks=few_ticks())
        elif kind == "bars":
            ax.bar(range(values.size), values.ravel(), color=BLUE)
            ax.axhline(0, color=BLACK, linewidth=0.8)
            open_frame(ax)
        else:
            histogram(ax, values)
        shape = "×".join(map(str, values.shape)) or "scalar"
        ax.set_title(f"{name} {shape}" if len(name) + len(shape) < NAME else f"{name}\n{shape}", fontsize="medium")
    if len(found) > limit:
        axes[0].figure.suptitle(f"the first {limit} of {len(found)} parameters", fontsize="medium")
    return axes


def _names_after(pipeline: Any) -> list[str] | None:
    """Return the names of the features that the last step of a pipeline gets, if the others tell."""
    try:
        return pipeline[:-1].get_feature_names_out().tolist()
    except (AttributeError, ValueError):
        return None


def _parameters(model: Any, who: str) -> list[tuple[str, np.ndarray]]:
    """Return the parameters of a module, or the matrices of an estimator, with their names."""
    if callable(getattr(model, "named_parameters", None)):
        found = [(name, check_array(p, name, who)) for name, p in model.named_parameters()]
        if not found and hasattr(model, "fit"):
            raise ValueError(f"{who}: {type(model).__name__} is not fitted, so it has no weights; call fit first")
    elif hasattr(model, "coefs_"):  # scikit-learn's networks
        found = [(f"coefs_[{k}]", np.asarray(w)) for k, w in enumerate(model.coefs_)]
    elif hasattr(model, "fit"):
        raise ValueError(f"{who}: {type(model).__name__} has no coef_: it is not fitted, or it has no weights")
    else:
        raise TypeError(f"{who}: model must be a Module or an estimator, not {type(model).__name__}")
    found = [(name, values) for name, values in found if values.size]
    if not found:
        raise ValueError(f"{who}: {type(model).__name__} has no parameters")
    return found


def _features(model: Any, names: Sequence[Any] | None, count: int) -> list[str]:
    given = getattr(model, "feature_names_in_", None) if names is None else names
    if given is None:
        return [f"feature {k}" for k in range(count)]
    found = [str(name) for name in given]
    if len(found) != count:
        raise ValueError(f"weights: names has {len(found)} names for {count} features: one for each is needed")
    return found


def _classes(model: Any, rows: int) -> list[str]:
    known = getattr(model, "classes_", None)
    if rows == 1:
        return [f"weight, for {known[1]}" if known is not None and len(known) == 2 else "weight"]
    return [str(c) for c in known] if known is not None and len(known) == rows else [str(k) for k in range(rows)]


def _bars(matrix: np.ndarray, features: list[str], labels: list[str], who: str, figure: Any) -> np.ndarray:
    """Draw the weights as bars, the largest at the top; the sign is the side."""
    count = min(matrix.shape[1], BARS)
    longest = max(map(len, features))
    axes = panels(who, figure, len(matrix), (3.4 + 0.08 * longest, 1.1 + 0.24 * count), min(len(matrix), 3))
    for ax, row, label in zip(axes, matrix, labels):
        order = np.argsort(-np.abs(row), kind="stable")[:count][::-1]
        ax.barh([features[k] for k in order], row[order], color=np.where(row[order] > 0, BLUE, ORANGE))
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_xlabel(label)
        ax.margins(y=0.02)
        if count < matrix.shape[1]:
            ax.set_title(f"the largest {count} of {matrix.shape[1]:,}", fontsize="medium")
        open_frame(ax)
    return axes


def _matrix(matrix: np.ndarray, features: list[str], labels: list[str], who: str, figure: Any) -> np.ndarray:
    """Draw the weights of several classes or outputs as an image."""
    rows, width = matrix.shape
    axes = panels(
        who, figure, 1, (float(np.clip(2.5 + 0.3 * width, 4.0, 9.0)), float(np.clip(1.8 + 0.3 * rows, 2.6, 7)))
    )
    top = largest(matrix)
    picture = axes[0].imshow(matrix, cmap=SIGNED, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
    if rows <= BARS:
        axes[0].set_yticks(range(rows), labels)
    if width <= BARS:
        axes[0].set_xticks(range(width), features, rotation=60, ha="right")
    else:
        axes[0].set_xlabel("feature")
    axes[0].tick_params(length=0)
    axes[0].figure.colorbar(picture, ax=axes[0], shrink=0.8, label="weight")
    return axes
