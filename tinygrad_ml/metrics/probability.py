"""How good predicted probabilities are: log loss and Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import warn
from .inputs import (
    CLASSES,
    MULTILABEL,
    as_array,
    check_choice,
    check_lengths,
    check_scores,
    check_weight,
    distinct,
    is_positive,
    kind_of,
    positions,
)


def log_loss(
    y_true: Any, y_proba: Any, *, normalize: bool = True, sample_weight: Any = None, labels: Any = None
) -> float:
    """Return the mean of -log(probability given to the true class): the cross entropy, in nats.

    A probability of 0 or 1 is moved by the eps of its dtype, so a loss is finite but large when the model was sure
    and wrong.

    Parameters
    ----------
    y_true : array_like of shape (samples,) or (samples, classes)
        Classes, or a one in the column of the class.
    y_proba : array_like of shape (samples,) or (samples, classes)
        Probabilities of the positive (the larger) class, or of each class in the sorted order of the classes.
    normalize : bool
        False gives the sum instead of the mean.
    sample_weight : array_like of shape (samples,), optional
    labels : array_like of shape (classes,), optional
        All classes, if some may be missing in y_true.

    Returns
    -------
    float

    Examples
    --------
    >>> round(tg.metrics.log_loss([0, 1, 1], [0.1, 0.9, 0.8]), 4)
    0.1446
    """
    proba = _probabilities(y_proba)
    truth, proba, weight = _by_class(y_true, proba, sample_weight, labels)
    eps = np.finfo(proba.dtype).eps
    losses = -np.sum(truth.astype(proba.dtype) * np.log(np.clip(proba, eps, 1 - eps)), axis=1)
    if normalize:
        return float(np.average(losses, weights=weight))
    return float(losses.sum() if weight is None else losses @ weight)


def brier_score_loss(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    pos_label: Any = None,
    labels: Any = None,
    scale_by_half: bool | str = "auto",
) -> float:
    """Return the mean squared difference between the probabilities and what happened (0 or 1).

    Brier, "Verification of forecasts expressed in terms of probability" (1950).

    Parameters
    ----------
    y_true : array_like of shape (samples,) or (samples, classes)
    y_proba : array_like of shape (samples,) or (samples, classes)
        Probabilities of the positive class, or of each class in the sorted order of the classes.
    sample_weight : array_like of shape (samples,), optional
    pos_label : label, optional
        The positive class of two; 1 if not given, or the larger of two numbers.
    labels : array_like of shape (classes,), optional
        All classes, if some may be missing in y_true.
    scale_by_half : bool or "auto"
        Whether to halve the sum of the squares over the classes, so that the largest loss is 1 and not 2;
        "auto" does it for two classes.

    Returns
    -------
    float

    Examples
    --------
    >>> round(tg.metrics.brier_score_loss([0, 1, 1], [0.1, 0.9, 0.8]), 4)
    0.02
    """
    if isinstance(scale_by_half, str):
        check_choice("scale_by_half", scale_by_half, ("auto",))
    proba = _probabilities(y_proba)
    if proba.ndim == 1 or proba.shape[1] == 1:
        truth, proba, weight = _by_side(y_true, proba.reshape(-1), sample_weight, pos_label)
    else:
        truth, proba, weight = _by_class(y_true, proba, sample_weight, labels)
    losses = np.sum((truth.astype(proba.dtype) - proba) ** 2, axis=1)
    half = proba.shape[1] < 3 if scale_by_half == "auto" else scale_by_half
    return float(np.average(losses, weights=weight) * (0.5 if half else 1))


def _probabilities(y_proba: Any) -> np.ndarray:
    proba = check_scores(y_proba, "y_proba", columns=True)
    proba = proba if proba.dtype in (np.float16, np.float32, np.float64) else proba.astype(np.float64)
    for extreme, side in ((proba.min(), "less than 0"), (proba.max(), "greater than 1")):
        if not 0 <= extreme <= 1:
            raise ValueError(
                f"y_proba has {extreme:.6g}, {side}: give probabilities (predict_proba, or sigmoid of logits)"
            )
    return proba


def _by_side(
    y_true: Any, proba: np.ndarray, sample_weight: Any, pos_label: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return ones in the column of the right one of two classes, and the probabilities in two columns."""
    true = as_array(y_true, "y_true")
    check_lengths(y_true=true, y_proba=proba)
    weight = check_weight(sample_weight, len(true))
    kind, classes = kind_of(true, "y_true"), distinct(true)
    if kind != CLASSES or len(classes) > 2:
        raise ValueError(
            f"y_true must have two classes, as y_proba has one probability for each sample, but it has {len(classes)} "
            f"values in the shape {true.shape}"
        )
    if pos_label is None and classes.dtype.kind != "U" and classes.tolist() not in ([0], [-1]):
        pos_label = 1 if classes.tolist() in ([0, 1], [-1, 1]) else classes[-1]
    positive = is_positive(true.reshape(-1), pos_label)
    return np.stack([~positive, positive], axis=1), np.stack([1 - proba, proba], axis=1), weight


def _by_class(
    y_true: Any, proba: np.ndarray, sample_weight: Any, labels: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return ones in the column of the true class, and the probabilities in as many columns."""
    true = as_array(y_true, "y_true")
    check_lengths(y_true=true, y_proba=proba)
    weight = check_weight(sample_weight, len(true))
    truth = _one_hot(true, labels)
    if proba.ndim == 1:
        proba = proba[:, None]
    if proba.shape[1] == 1:
        proba = np.concatenate([1 - proba, proba], axis=1)
    if truth.shape[1] != proba.shape[1]:
        where = "y_true" if labels is None else "labels"
        raise ValueError(
            f"y_proba has {proba.shape[1]} classes and {where} has {truth.shape[1]}: give all classes in labels=, "
            "in the order of the columns"
        )
    eps = np.finfo(proba.dtype).eps
    if not np.isclose(proba.sum(axis=1), 1, rtol=float(eps) ** 0.5, atol=0).all():
        warn("the rows of y_proba do not sum to one: are they probabilities?")
    return truth, proba, weight


def _one_hot(true: np.ndarray, labels: Any) -> np.ndarray:
    kind = kind_of(true, "y_true")
    if kind == MULTILABEL:
        return true
    if kind != CLASSES:
        raise ValueError(f"y_true of shape {true.shape} and dtype {true.dtype} must hold one class for each sample")
    true = true.reshape(-1)
    given = distinct(true) if labels is None else as_array(labels, "labels")
    classes = np.unique(given)
    if len(classes) < 2:
        where = "y_true" if labels is None else "labels"
        raise ValueError(f"{where} has only the classes {classes.tolist()}: give all, at least two, in labels=")
    if labels is not None:
        if len(classes) != len(given) or (classes != given).any():
            warn(f"the columns of y_proba are taken in the order {classes.tolist()}, sorted")
        unknown = np.setdiff1d(true, classes)
        if len(unknown):
            raise ValueError(
                f"y_true has {unknown[:5].tolist()}, which is not in labels={classes.tolist()}: add it there"
            )
    return positions(true, classes)[:, None] == np.arange(len(classes))
