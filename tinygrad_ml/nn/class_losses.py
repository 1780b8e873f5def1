"""Losses of a choice among classes as functions; `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..ops.losses import softmax_cross_entropy
from ..tensor import Tensor
from .layer_functions import shape_of
from .loss_functions import like, reduced


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return -log softmax(input) at the target, for logits (batch, classes) or (batch, classes, ...).

    Parameters
    ----------
    input : Tensor (batch, classes, ...) or (classes,)
        Logits, not probabilities.
    target : integers (batch, ...), or floats of the shape of `input`
        Class indices from 0 to classes - 1, or the probability of each class.
    weight : array_like (classes,), optional
        A factor of each class; the mean of class indices is then a weighted one.
    ignore_index : int
        Where the target is this, the term is 0 and does not count in the mean.
    reduction : "mean", "sum" or "none"
    label_smoothing : float
        The share of every target that is spread evenly over all classes (Szegedy and others 2016).

    Raises
    ------
    ValueError, TypeError, IndexError
        If the shapes do not fit, the indices are not integers, or one of them is not a class.

    Examples
    --------
    >>> tg.nn.functional.cross_entropy(tg.zeros(2, 4), np.array([0, 3]))
    tensor(1.386294)
    """
    logits = input if isinstance(input, Tensor) else Tensor(input)
    labels = np.asarray(target._data if isinstance(target, Tensor) else target)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be between 0 and 1, not {label_smoothing}")
    axis = _class_axis("cross_entropy", logits, weight)
    classes = logits.shape[axis]
    if labels.shape == logits.shape and labels.dtype.kind == "f":
        if label_smoothing:
            target = target * (1 - label_smoothing) + label_smoothing / classes
        if weight is not None:
            target = target * like(weight, logits).reshape((-1,) + (1,) * (logits.ndim - 1 - axis))
        terms = -ops.sum(target * ops.log_softmax(logits, axis=axis), axis=axis)
        return reduced(terms, reduction)
    _check_labels("cross_entropy", logits, labels, axis)
    flat = class_indices("cross_entropy", labels, classes, ignore_index)
    rows = _rows(logits, axis)
    if weight is None and label_smoothing == 0 and not (flat == ignore_index).any():
        loss = softmax_cross_entropy(rows, target=flat, reduction=reduction)
        return loss.reshape(labels.shape) if reduction == "none" else loss
    return _pick(ops.log_softmax(rows, axis=1), flat, labels.shape, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Return minus the log-probability of the target, for log-probabilities as `log_softmax` makes them.

    Parameters
    ----------
    input : Tensor (batch, classes, ...) or (classes,)
    target : integers (batch, ...)
    weight, ignore_index, reduction
        As for `cross_entropy`.

    Examples
    --------
    >>> tg.nn.functional.nll_loss(tg.log(tg.tensor([[0.5, 0.5]])), np.array([0]))
    tensor(0.693147)
    """
    x = input if isinstance(input, Tensor) else Tensor(input)
    labels = np.asarray(target._data if isinstance(target, Tensor) else target)
    axis = _class_axis("nll_loss", x, weight)
    _check_labels("nll_loss", x, labels, axis)
    flat = class_indices("nll_loss", labels, x.shape[axis], ignore_index)
    return _pick(_rows(x, axis), flat, labels.shape, weight, ignore_index, reduction, 0.0)


def _class_axis(name: str, x: Tensor, weight: Any) -> int:
    if not x.ndim:
        raise ValueError(f"{name}: input needs an axis of classes, and is a single number")
    axis = 0 if x.ndim == 1 else 1
    if weight is not None and shape_of(weight) != (x.shape[axis],):
        raise ValueError(
            f"{name}: input has shape {x.shape}, so weight must have shape ({x.shape[axis]},), not {shape_of(weight)}"
        )
    return axis


def _check_labels(name: str, x: Tensor, labels: np.ndarray, axis: int) -> None:
    wanted = x.shape[:axis] + x.shape[axis + 1 :]
    if labels.shape != wanted:
        probabilities = f" (or {x.shape} probabilities)" if name == "cross_entropy" else ""
        raise ValueError(
            f"{name}: input has shape {x.shape}, so target must hold {wanted} class indices{probabilities}, "
            f"not {labels.shape}"
        )


def _rows(x: Tensor, axis: int) -> Tensor:
    """Return (n, classes) of an input with its classes on any axis."""
    if x.ndim == 2:
        return x
    if x.ndim == 1:
        return x.reshape(1, -1)
    return ops.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def _pick(
    logs: Tensor, flat: np.ndarray, shape: tuple, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    """Return the weighted terms of log-probabilities (n, classes) at class indices, reduced."""
    n, classes = logs.shape
    counts = (flat != ignore_index).astype(logs.dtype)
    chosen = np.where(flat == ignore_index, 0, flat)
    factor = counts
    if weight is not None:
        weight = like(weight, logs)
        logs, factor = logs * weight, counts * weight[chosen]
    terms = -(counts * logs[np.arange(n), chosen])
    if smoothing:
        terms = (1 - smoothing) * terms - smoothing / classes * (counts * ops.sum(logs, axis=1))
    if reduction != "mean":
        return reduced(terms.reshape(shape), reduction)
    total = factor.sum()
    return ops.sum(terms) / total if total else ops.sum(terms) * np.nan


def hinge_loss(input: Any, target: Any, *, reduction: str = "mean", margin: float = 1.0) -> Tensor:
    """Return how far scores fall short of being right by a margin: the loss of support vector machines, reduced.

    Parameters
    ----------
    input : (...) or (batch, classes)
        One score for each decision, or one for each class.
    target : (...) or integers (batch,)
        With one score: -1 or 1, and the loss is max(0, margin - target * input). With one score for each class: the
        class, and the loss is max(0, margin + the best score of another class - the score of the class), that of
        Crammer and Singer (2001); both as scikit-learn's `hinge_loss`.
    reduction : "mean", "sum" or "none"
    margin : float

    Examples
    --------
    >>> tg.nn.functional.hinge_loss(tg.tensor([0.5, 3.0]), tg.tensor([1.0, 1.0]), reduction="none")
    tensor([0.5, 0. ])
    >>> tg.nn.functional.hinge_loss(tg.tensor([[1.0, 3.0, 0.0]]), np.array([0]))
    tensor(3.)
    """
    scores = input if isinstance(input, Tensor) else Tensor(input)
    truth = target._data if isinstance(target, Tensor) else np.asarray(target)
    if truth.shape == scores.shape:
        if not np.isin(truth, (-1, 1)).all():
            raise ValueError("hinge_loss: target must be -1 or 1; for 0 and 1 use 2 * target - 1")
        return reduced(ops.relu(margin - scores * truth.astype(scores.dtype)), reduction)
    if scores.ndim != 2 or truth.shape != scores.shape[:1] or scores.shape[1] < 2:
        raise ValueError(
            f"hinge_loss: input has shape {scores.shape} and target {truth.shape}; they must be equal, or "
            "(batch, classes) and (batch,)"
        )
    labels = class_indices("hinge_loss", truth, scores.shape[1])
    own = np.arange(scores.shape[1]) == labels[:, None]
    others = ops.max(ops.where(own, -np.inf, scores), axis=1)
    return reduced(ops.relu(margin + others - scores[np.arange(len(labels)), labels]), reduction)


def class_indices(name: str, labels: np.ndarray, classes: int, ignore_index: int | None = None) -> np.ndarray:
    """Return class indices as flat integers, or raise if one of them is not a class."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: class indices must be integers, and target is {labels.dtype}; use target.astype(int)")
    flat = np.array(labels, np.intp).ravel()
    if flat.size and flat.view(np.uintp).max() >= classes:  # a negative number is a large one there
        wrong = flat[((flat < 0) | (flat >= classes)) & (flat != ignore_index)]
        if wrong.size:
            raise IndexError(f"{name}: target holds class {wrong[0]}, but input has the classes 0 to {classes - 1}")
    return flat
