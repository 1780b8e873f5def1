"""Losses of decisions: yes or no, or a choice among classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays import KINDS, like, together
from ...batched import Batched, Unbatchable, all_elements
from ...ops import losses
from ...ops.losses import check_numeric, check_real, check_same_shape
from ...tensor import Tensor, as_array, as_floating, shape_of
from .base import (
    Loss,
    as_buffer,
    cast_like,
    check_probabilities,
    outside_unit_interval,
    reduce_loss,
    weighted,
)

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HingeLoss",
    "NLLLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "class_indices",
    "cross_entropy",
    "hinge_loss",
    "nll_loss",
]


# ---------------------------------------------------------------------- yes or no


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """Return the log loss of probabilities for targets between 0 and 1; no logarithm counts as less than -100.

    Logits and `binary_cross_entropy_with_logits` are exact where probabilities are rounded to 0 or 1.

    Parameters
    ----------
    input, target : of one shape
        Probabilities, and the truth.
    weight : array_like, optional
        A factor of each term; it broadcasts.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5]), tg.tensor([1.0]))
    tensor(0.693147)
    """
    input, target = check_same_shape("binary_cross_entropy", input, target)
    check_probabilities("binary_cross_entropy", target)
    found = outside_unit_interval(input)
    if found is not None:
        raise ValueError(
            f"binary_cross_entropy: input must hold probabilities from 0 to 1, and goes from {found[0]:.6g} to "
            f"{found[1]:.6g}; for logits use binary_cross_entropy_with_logits"
        )
    terms = losses.binary_cross_entropy(input, target)
    return reduce_loss(terms if weight is None else weighted(cast_like(weight, terms), terms), reduction)


class BCELoss(Loss):
    """The log loss of yes-no decisions: input holds probabilities, target the truth (0 or 1, or a probability).

    Prefer logits and `BCEWithLogitsLoss`, which are exact where a probability is rounded to 0 or 1. Here no logarithm
    counts as less than -100.

    Parameters
    ----------
    weight : array_like, optional
        A factor of each term; it broadcasts against the input.

    Examples
    --------
    >>> tg.nn.BCELoss()(tg.tensor([0.5]), tg.tensor([1.0]))
    tensor(0.693147)
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.weight = as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Return the log loss of the probabilities sigmoid(input) for targets between 0 and 1.

    Parameters
    ----------
    input, target : of one shape
        Logits of any size, and the truth.
    weight : array_like, optional
        A factor of each term; it broadcasts.
    reduction : "mean", "sum" or "none"
    pos_weight : array_like, optional
        A factor of the positive part of each term; above 1 it weighs false negatives more than
        false positives. It broadcasts.

    Examples
    --------
    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """
    input, target = check_same_shape("binary_cross_entropy_with_logits", input, target)
    check_probabilities("binary_cross_entropy_with_logits", target)
    if weight is None and pos_weight is None:
        return losses.binary_cross_entropy_with_logits(input, target, reduction=reduction)
    if pos_weight is None:
        terms = losses.binary_cross_entropy_with_logits(input, target, reduction="none")
    else:
        input = as_floating(input)
        target = cast_like(target, input)
        yes = ops.multiply(cast_like(pos_weight, input), target)
        no = ops.subtract(1, target)
        terms = -weighted(yes, ops.logsigmoid(input)) - weighted(no, ops.logsigmoid(-input))
    return reduce_loss(terms if weight is None else weighted(cast_like(weight, terms), terms), reduction)


class BCEWithLogitsLoss(Loss):
    """The log loss of yes-no decisions: input holds logits, target the truth (0 or 1, or a probability).

    Parameters
    ----------
    weight : array_like, optional
        A factor of each term; it broadcasts against the input.
    pos_weight : array_like, optional
        A factor of the positive part of each term, for positives that are rare; it broadcasts.

    Examples
    --------
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None):
        super().__init__(reduction=reduction)
        self.weight, self.pos_weight = as_buffer(weight), as_buffer(pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


# ---------------------------------------------------------------------- one of several classes


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
    logits = as_floating(input)
    labels = together(as_array(target), logits)[0] if KINDS else as_array(target)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be between 0 and 1, not {label_smoothing}")
    axis = _class_axis("cross_entropy", logits, weight)
    classes = logits.shape[axis]
    if labels.shape == logits.shape and labels.dtype.kind == "f":
        check_probabilities("cross_entropy", labels, "it holds a probability for each class: divide by their sum")
        if label_smoothing:
            target = target * (1 - label_smoothing) + label_smoothing / classes
        if weight is not None:
            target = target * cast_like(weight, logits).reshape((-1,) + (1,) * (logits.ndim - 1 - axis))
        return reduce_loss(-ops.sum(weighted(target, ops.log_softmax(logits, axis=axis)), axis=axis), reduction)
    _check_labels("cross_entropy", logits, labels, axis)
    flat, counted = _counted("cross_entropy", labels, classes, ignore_index)
    rows = _rows(logits, axis)
    if counted is not None:
        rows = rows[counted]
    if weight is None and label_smoothing == 0:
        loss = losses.softmax_cross_entropy(rows, target=flat, reduction=reduction)
        return loss if reduction != "none" else _put_back(loss, counted, labels.shape)
    return _pick(ops.log_softmax(rows, axis=1), flat, counted, labels.shape, weight, reduction, label_smoothing)


class CrossEntropyLoss(Loss):
    """The log loss of a choice among classes: input holds logits (batch, classes), target class indices (batch,).

    Parameters
    ----------
    weight : array_like (classes,), optional
        A factor of each class.
    ignore_index : int
        Where the target is this, the term is 0 and does not count in the mean.
    label_smoothing : float
        The share of every target that is spread evenly over all classes.

    Examples
    --------
    >>> tg.nn.CrossEntropyLoss()(tg.zeros(2, 4), np.array([0, 3]))
    tensor(1.386294)
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(reduction=reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"CrossEntropyLoss: label_smoothing must be between 0 and 1, not {label_smoothing}")
        self.weight, self.ignore_index, self.label_smoothing = as_buffer(weight), ignore_index, label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


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
    x = as_floating(input)
    check_real("nll_loss", x)
    labels = together(as_array(target), x)[0]
    axis = _class_axis("nll_loss", x, weight)
    _check_labels("nll_loss", x, labels, axis)
    flat, counted = _counted("nll_loss", labels, x.shape[axis], ignore_index)
    rows = _rows(x, axis)
    return _pick(rows if counted is None else rows[counted], flat, counted, labels.shape, weight, reduction, 0.0)


class NLLLoss(Loss):
    """Minus the log-probability of the target: input holds log-probabilities (batch, classes), target class indices.

    Parameters
    ----------
    weight, ignore_index
        As for `CrossEntropyLoss`, which is this after a log-softmax.

    Examples
    --------
    >>> tg.nn.NLLLoss()(tg.log(tg.tensor([[0.5, 0.5]])), np.array([0]))
    tensor(0.693147)
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.weight, self.ignore_index = as_buffer(weight), ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        return nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


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
    scores = as_floating(input)
    truth = together(as_array(target), scores)[0]
    if truth.shape == scores.shape:
        check_numeric("hinge_loss", truth)
        if (np.abs(truth) != 1).any() or truth.dtype.kind == "b":
            raise ValueError("hinge_loss: target must be -1 or 1; for 0 and 1 use 2 * target - 1")
        return reduce_loss(ops.relu(margin - scores * truth.astype(scores.dtype)), reduction)
    if scores.ndim != 2 or truth.shape != scores.shape[:1] or scores.shape[1] < 2:
        raise ValueError(
            f"hinge_loss: input has shape {scores.shape} and target {truth.shape}; they must be equal, or "
            "(batch, classes) and (batch,)"
        )
    labels = class_indices("hinge_loss", truth, scores.shape[1])
    own = like(scores).arange(scores.shape[1]) == labels[:, None]
    others = ops.max(ops.where(own, -np.inf, scores), axis=1)
    return reduce_loss(ops.relu(margin + others - scores[np.arange(len(labels)), labels]), reduction)


class HingeLoss(Loss):
    """How far scores fall short of being right by a margin: the loss of support vector machines.

    With one score for each decision (target -1 or 1, of the shape of the input) it is max(0, margin - target * input);
    with one for each class (input (batch, classes), target class indices (batch,)) it is max(0, margin + the best score
    of another class - the score of the class), as Crammer and Singer (2001) define it. Both are scikit-learn's
    `hinge_loss`.

    Examples
    --------
    >>> tg.nn.HingeLoss()(tg.tensor([0.5, 3.0]), tg.tensor([1.0, 1.0]))
    tensor(0.25)
    """

    def __init__(self, *, reduction: str = "mean", margin: float = 1.0):
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return hinge_loss(input, target, reduction=self.reduction, margin=self.margin)


# ---------------------------------------------------------------------- targets and weights of classes


def class_indices(name: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return class indices as flat integers, or raise if one of them is not a class."""
    return _counted(name, labels, classes, None)[0]


def _counted(name: str, labels: Any, classes: int, ignore_index: int | None) -> tuple[Any, np.ndarray | None]:
    """Return the class indices that count, flat, and which of all they are (None: all of them)."""
    check_numeric(name, labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: class indices must be integers, and target is {labels.dtype}; use target.astype(int)")
    flat = all_elements(labels).astype(np.intp).ravel()
    foreign = flat.size and flat.view(np.uintp).max() >= classes  # a negative integer is a large one there
    if not foreign and (ignore_index is None or not 0 <= ignore_index < classes):
        return (labels.reshape(-1) if type(labels) is Batched else flat), None
    if type(labels) is Batched:
        raise Unbatchable(labels.level, "which classes count")
    counted = flat != ignore_index
    flat = flat[counted]
    wrong = flat[(flat < 0) | (flat >= classes)]
    if wrong.size:
        raise IndexError(f"{name}: target holds class {wrong[0]}, but input has the classes 0 to {classes - 1}")
    return flat, counted


def _put_back(terms: Tensor, counted: np.ndarray | None, shape: tuple) -> Tensor:
    """Return the terms of the rows that count in the shape of the labels, with 0 for those that are ignored."""
    return (terms if counted is None else ops.scatter(terms, index=counted, shape=counted.shape)).reshape(shape)


def _class_axis(name: str, x: Tensor, weight: Any) -> int:
    if not x.ndim:
        raise ValueError(f"{name}: input needs an axis of classes, and has no axes")
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
        if labels.shape == x.shape:
            check_numeric(name, labels)
            floats = ", or target.astype(float) for probabilities" if name == "cross_entropy" else ""
            raise ValueError(
                f"{name}: target has shape {labels.shape} and dtype {labels.dtype}, which looks like one-hot rows; "
                f"it must hold {wanted} class indices: use target.argmax({axis}){floats}"
            )
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
    logs: Tensor,
    flat: np.ndarray,
    counted: np.ndarray | None,
    shape: tuple,
    weight: Any,
    reduction: str,
    smoothing: float,
) -> Tensor:
    """Return the weighted terms of log-probabilities (n, classes) at class indices, reduced."""
    n, classes = logs.shape
    terms, total = -logs[np.arange(n), flat], n
    if weight is not None:
        weight = cast_like(weight, logs)
        factor = weight[flat]
        terms, total = weighted(factor, terms), factor.sum()
    if smoothing:
        every = -ops.sum(logs if weight is None else weighted(weight, logs), axis=1)
        terms = smoothing / classes * every + (0.0 if smoothing == 1 else (1 - smoothing) * terms)
    if reduction == "mean":
        return ops.sum(terms) / total if as_array(total) else ops.sum(terms) * np.nan
    return reduce_loss(_put_back(terms, counted, shape), reduction)
