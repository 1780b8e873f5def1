"""Prediction bias: whether the probabilities are right on average, over all samples and in every bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import one_axes
from .inputs import CLASSES, as_array, check_choice, check_lengths, check_scores, check_weight, is_positive, kind_of
from .pictures import baseline, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class PredictionBias:
    """The mean prediction against the mean label, overall and in buckets of predictions.

    Attributes
    ----------
    overall : float
        The mean prediction minus the mean label (1 for positive samples, 0 for others).
    mean_prediction, mean_label : ndarray of shape (buckets,)
        Their means in each bucket; NaN in an empty one.
    count : ndarray of shape (buckets,)
        The number of samples in each; those of weight 0 are not counted.
    edges : ndarray of shape (buckets + 1,)
        Bucket i holds the predictions above edges[i] up to edges[i + 1]; the first one also its lower edge.
    """

    overall: float
    mean_prediction: np.ndarray
    mean_label: np.ndarray
    count: np.ndarray
    edges: np.ndarray

    @property
    def bias(self) -> np.ndarray:
        """The mean prediction minus the mean label, of each bucket."""
        return self.mean_prediction - self.mean_label

    def __repr__(self) -> str:
        lines = [f"prediction bias {self.overall:+.4f}", "    bucket             count  prediction     label      bias"]
        for low, high, count, prediction, label, bias in zip(
            self.edges, self.edges[1:], self.count, self.mean_prediction, self.mean_label, self.bias
        ):
            numbers = f"{prediction:>12.4f}{label:>10.4f}{bias:>+10.4f}" if count else f"{'-':>12}{'-':>10}{'-':>10}"
            lines.append(f"    {low:.4f} to {high:.4f} {count:>7}{numbers}")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean label of each bucket against its mean prediction; without bias they lie on the diagonal.

        The area of a point shows how many samples there are in its bucket. Needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib Axes
        """
        ax = one_axes("PredictionBias.plot", ax, (4.2, 4.2))
        full = self.count > 0
        x, y, count = self.mean_prediction[full], self.mean_label[full], self.count[full]
        baseline(ax, 0, 1, "no bias")
        ax.vlines(x, np.minimum(x, y), np.maximum(x, y), color="C3", lw=1.5, zorder=2, label="bias of the bucket")
        ax.scatter(x, y, s=15 + 85 * count / count.max(), color="C0", edgecolor="white", zorder=3, label="bucket")
        ax.set(xlabel="mean prediction", ylabel="mean label", aspect="equal")
        ax.set_title(f"prediction bias {self.overall:+.3g}", fontsize="medium")
        frame(ax, "upper left")
        return ax


def prediction_bias(
    y_true: Any, y_prob: Any, *, n_bins: int = 10, strategy: str = "quantile", sample_weight: Any = None
) -> PredictionBias:
    """Compare the mean prediction with the mean label, overall and in buckets of similar predictions.

    A fitted logistic regression with an intercept has no overall bias on its training data. If there is one, something
    is wrong: a feature is missing, labels are noisy, there is a bug, or regularisation is too strong. A bias in some
    buckets only shows where the model is wrong.

    Parameters
    ----------
    y_true : array_like of shape (samples,)
        Labels 0 and 1 (or False and True, or -1 and 1).
    y_prob : array_like of shape (samples,)
        Predicted probabilities of 1.
    n_bins : int
        The number of buckets. Quantiles may give fewer, as equal predictions stay together.
    strategy : {"quantile", "uniform"}
        Buckets of the same number of samples (or the same weight), or of equal width from 0 to 1.
    sample_weight : array_like of shape (samples,), optional

    Returns
    -------
    PredictionBias
        With `overall`, arrays for the buckets, a table as its repr, and `.plot()`.

    Examples
    --------
    >>> tg.metrics.prediction_bias([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.8, 0.7], n_bins=2)
    prediction bias -0.0500
        bucket             count  prediction     label      bias
        0.1000 to 0.3000       3      0.2000    0.3333   -0.1333
        0.3000 to 0.8000       3      0.7000    0.6667   +0.0333
    """
    check_choice("strategy", strategy, ("quantile", "uniform"))
    if not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ValueError(f"n_bins={n_bins!r} must be a whole number of at least 1")
    true, prob = as_array(y_true, "y_true"), check_scores(y_prob, "y_prob").astype(np.float64)
    check_lengths(y_true=true, y_prob=prob)
    given = check_weight(sample_weight, len(true))
    if kind_of(true, "y_true") != CLASSES:
        raise ValueError(f"y_true of shape {true.shape} and dtype {true.dtype} must hold labels 0 and 1")
    if prob.min() < 0 or prob.max() > 1:
        raise ValueError(f"y_prob reaches from {prob.min():.6g} to {prob.max():.6g}: give probabilities from 0 to 1")
    label = is_positive(true.reshape(-1), None).astype(np.float64)
    weight = np.ones(len(prob)) if given is None else given.astype(np.float64)
    if weight.min() < 0:
        raise ValueError(f"sample_weight has {weight.min():.6g}: weights of a mean must not be negative")
    counted = weight != 0
    label, prob, weight = label[counted], prob[counted], weight[counted]
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        order = prob.argsort()
        mass = weight[order].cumsum()
        edges = np.unique(
            prob[order][np.searchsorted(mass, edges * mass[-1] * (1 - 1e-12))]
        )  # rounding moves no sample
        if len(edges) == 1:
            edges = edges.repeat(2)
    n_buckets = len(edges) - 1
    bucket = np.searchsorted(edges[1:-1], prob)
    mass = np.bincount(bucket, weight, n_buckets)
    with np.errstate(invalid="ignore"):
        predictions, labels = (np.bincount(bucket, weight * v, n_buckets) / mass for v in (prob, label))
    overall = float(np.average(prob - label, weights=weight))
    return PredictionBias(overall, predictions, labels, np.bincount(bucket, minlength=n_buckets), edges)
