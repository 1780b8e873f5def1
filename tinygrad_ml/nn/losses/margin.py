"""Losses of a margin: they are 0 where one score, or one distance, exceeds another by enough."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...arrays import like, together
from ...linalg import vector_norm
from ...ops.losses import check_numeric, check_same_shape
from ...tensor import Tensor, as_array, as_floating, shape_of
from ..distance import pairwise_distance
from .base import Loss, as_buffer, cast_like, check_probabilities, reduce_loss, weighted
from .classification import class_indices

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "TripletMarginLoss",
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "triplet_margin_loss",
]


# ---------------------------------------------------------------------- pairs


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """Return max(0, margin - target * (input1 - input2)), reduced.

    Parameters
    ----------
    input1, input2 : of one shape
        Scores.
    target : of the same shape, or one that broadcasts to it
        1 where input1 should be the larger, -1 where input2 should.
    margin : float
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        If the shapes do not fit, or the target holds anything but 1 and -1.

    Examples
    --------
    >>> one, other, y = tg.tensor([3.0, 1.0]), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0])
    >>> tg.nn.functional.margin_ranking_loss(one, other, y, reduction="none")
    tensor([0., 1.])
    """
    a, b = check_same_shape("margin_ranking_loss", input1, input2)
    a, b = as_floating(a), as_floating(b)
    signs = _signs("margin_ranking_loss", target, a)
    if any(k not in (1, n) for k, n in zip(signs.shape[::-1], a.shape[::-1])) or signs.ndim > a.ndim:
        raise ValueError(
            f"margin_ranking_loss: the inputs have shape {a.shape} and target {signs.shape}; it must have their shape, "
            "or broadcast to it"
        )
    return reduce_loss(_positive(margin - signs * (a - b)), reduction)


class MarginRankingLoss(Loss):
    """How far the larger of two scores falls short of exceeding the other by a margin.

    max(0, margin - target * (input1 - input2)); target is 1 where input1 should be the larger, and -1 where input2
    should.

    Examples
    --------
    >>> tg.nn.MarginRankingLoss()(tg.tensor([3.0, 1.0]), tg.tensor([1.0, 2.0]), tg.tensor([1.0, 1.0]))
    tensor(0.5)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        return margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """Return input where the target is 1, and max(0, margin - input) where it is -1, reduced.

    Parameters
    ----------
    input, target : of one shape
        Distances; 1 for pairs that are alike, -1 for others.
    margin : float
        From which distance on a pair is different enough.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.nn.functional.hinge_embedding_loss(tg.tensor([0.25, 0.25]), tg.tensor([1.0, -1.0]), reduction="none")
    tensor([0.25, 0.75])
    """
    distances, _ = check_same_shape("hinge_embedding_loss", input, target)
    distances = as_floating(distances)
    alike = _signs("hinge_embedding_loss", target, distances) == 1
    return reduce_loss(ops.where(alike, distances, _positive(margin - distances)), reduction)


class HingeEmbeddingLoss(Loss):
    """Distances of pairs that are alike (target 1), and what others (target -1) lack of a margin.

    Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006).

    Examples
    --------
    >>> tg.nn.HingeEmbeddingLoss()(tg.tensor([0.25, 0.25]), tg.tensor([1.0, -1.0]))
    tensor(0.5)
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        return hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """Return 1 - cos of two vectors where the target is 1, and max(0, cos - margin) where it is -1, reduced.

    Parameters
    ----------
    input1, input2 : (batch, features), or (features,)
    target : (batch,), or ()
        1 for vectors that should be alike, -1 for others.
    margin : float
        From -1 to 1.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        If the shapes do not fit, or the target holds anything but 1 and -1.

    Examples
    --------
    >>> x = tg.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> tg.nn.functional.cosine_embedding_loss(x, x, tg.tensor([1.0, -1.0]), reduction="none")
    tensor([0., 1.])
    """
    a, b = check_same_shape("cosine_embedding_loss", input1, input2)
    a, b = as_floating(a), as_floating(b)
    if a.ndim not in (1, 2) or shape_of(target) != a.shape[:-1]:
        raise ValueError(
            f"cosine_embedding_loss: the inputs have shape {a.shape} and target {shape_of(target)}; they must be "
            "(batch, features) and (batch,), or (features,) and ()"
        )
    alike = _signs("cosine_embedding_loss", target, a) == 1
    tiny = 1e-12  # PyTorch's: a vector of zeros has the cosine 0
    lengths = [ops.hypot(vector_norm(x, axis=-1, keepdims=True), math.sqrt(tiny)) for x in (a, b)]
    cosine = ops.sum((a / lengths[0]) * (b / lengths[1]), axis=-1)
    return reduce_loss(ops.where(alike, 1 - cosine, _positive(cosine - margin)), reduction)


class CosineEmbeddingLoss(Loss):
    """How far the angle of two vectors is from that of alike ones (target 1), or of others (target -1).

    1 - cos, and max(0, cos - margin), for vectors (batch, features) and a target (batch,).

    Examples
    --------
    >>> x = tg.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> tg.nn.CosineEmbeddingLoss()(x, x, tg.tensor([1.0, -1.0]))
    tensor(0.5)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        return cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


# ---------------------------------------------------------------------- triplets


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin + distance of anchor and positive - distance of anchor and negative), reduced.

    Parameters
    ----------
    anchor, positive, negative : (batch, features) or (features,)
    margin : float
    p : float
        The order of the norm of the distances.
    eps : float
        Added to each difference.
    swap : bool
        Whether the distance of positive and negative takes the place of that of anchor and negative where it is the
        smaller one (Balntas and others, "Learning local feature descriptors with triplets", 2016).
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        If the shapes differ in their number of axes, or do not broadcast, or margin is not positive.

    Examples
    --------
    >>> a, p, n = tg.tensor([[0.0]]), tg.tensor([[2.0]]), tg.tensor([[-1.5]])
    >>> tg.nn.functional.triplet_margin_loss(a, p, n, eps=0.0)
    tensor(1.5)
    """
    a, b, c = (as_floating(x) for x in (anchor, positive, negative))
    if not a.ndim == b.ndim == c.ndim or not a.ndim:
        raise ValueError(
            f"triplet_margin_loss: anchor has shape {a.shape}, positive {b.shape} and negative {c.shape}; they must "
            "have the same number of axes, (batch, features) or (features,)"
        )
    _check_margin("triplet_margin_loss", margin)
    near, far = pairwise_distance(a, b, p, eps), pairwise_distance(a, c, p, eps)
    if swap:
        far = ops.minimum(far, pairwise_distance(b, c, p, eps))
    return reduce_loss(_positive(margin + near - far), reduction)


class TripletMarginLoss(Loss):
    """What the negative of a triplet lacks of being farther from the anchor than the positive, by a margin.

    Schroff, Kalenichenko and Philbin, "FaceNet" (2015). For arguments see `functional.triplet_margin_loss`.

    Examples
    --------
    >>> loss = tg.nn.TripletMarginLoss(margin=1.0, eps=0.0)
    >>> loss(tg.tensor([[0.0]]), tg.tensor([[2.0]]), tg.tensor([[-1.5]]))
    tensor(1.5)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ):
        super().__init__(reduction=reduction)
        _check_margin("TripletMarginLoss", margin)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        return triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


# ---------------------------------------------------------------------- classes


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """Return the sum over other classes of max(0, margin + their score - the score of the class)**p, over all classes.

    Weston and Watkins, "Support vector machines for multi-class pattern recognition" (1999). `hinge_loss` looks at
    the best other class alone.

    Parameters
    ----------
    input : (batch, classes) or (classes,)
        Scores.
    target : integers (batch,) or ()
        Class indices.
    p : 1 or 2
    margin : float
    weight : array_like (classes,), optional
        A factor of each class, for the examples of this class.
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError, TypeError, IndexError
        If the shapes do not fit, the indices are not integers, or one of them is not a class.

    Examples
    --------
    >>> tg.nn.functional.multi_margin_loss(tg.tensor([[1.0, 3.0, 0.5, -2.0]]), np.array([0]))
    tensor(0.875)
    """
    scores = as_floating(input)
    truth = together(as_array(target), scores)[0]
    if scores.ndim not in (1, 2) or truth.shape != scores.shape[:-1] or not scores.shape[-1]:
        raise ValueError(
            f"multi_margin_loss: input has shape {scores.shape} and target {truth.shape}; they must be "
            "(batch, classes) and (batch,), or (classes,) and ()"
        )
    _check_power(p)
    classes = scores.shape[-1]
    if weight is not None and shape_of(weight) != (classes,):
        raise ValueError(f"multi_margin_loss: weight has shape {shape_of(weight)}, it must be ({classes},)")
    labels = class_indices("multi_margin_loss", truth, classes)
    rows = scores.reshape(-1, classes)
    own = rows[np.arange(len(labels)), labels]
    others = like(scores).arange(classes) != labels[:, None]
    with np.errstate(invalid="ignore"):  # inf - inf, of a class with itself
        short = ops.where(others, ops.relu(margin + rows - ops.expand_dims(own, 1)), 0.0)
    terms = ops.sum(short if p == 1 else short * short, axis=1) / classes
    if weight is not None:
        terms = weighted(cast_like(weight, scores)[labels], terms)
    return reduce_loss(terms.reshape(truth.shape), reduction)


class MultiMarginLoss(Loss):
    """How far the score of the class falls short of exceeding each other score by a margin.

    The mean over all classes of max(0, margin + the score of another class - the score of the class)**p. For
    arguments see `functional.multi_margin_loss`; `HingeLoss` looks at the best other class alone.

    Examples
    --------
    >>> tg.nn.MultiMarginLoss()(tg.tensor([[1.0, 3.0, 0.5, -2.0]]), np.array([0]))
    tensor(0.875)
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        _check_power(p)
        self.p, self.margin, self.weight = p, margin, as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """Return the mean over the classes of the log loss of each, for examples that may be of several classes.

    Parameters
    ----------
    input : (..., classes)
        Logits.
    target : of the shape of input
        1 where the example is of the class, 0 where not.
    weight : array_like (classes,), optional
        A factor of each class.
    reduction : "mean", "sum" or "none"
        "none" gives one value for each example.

    Examples
    --------
    >>> tg.nn.functional.multilabel_soft_margin_loss(tg.zeros(1, 3), tg.tensor([[1.0, 0.0, 1.0]]))
    tensor(0.693147)
    """
    logits, target = check_same_shape("multilabel_soft_margin_loss", input, target)
    logits = as_floating(logits)
    if not logits.ndim:
        raise ValueError("multilabel_soft_margin_loss: input needs an axis of classes, and has no axes")
    check_probabilities("multilabel_soft_margin_loss", target)
    no = ops.subtract(1, target)
    terms = -weighted(target, ops.logsigmoid(logits)) - weighted(no, ops.logsigmoid(-logits))
    if weight is not None:
        terms = weighted(cast_like(weight, logits), terms)
    return reduce_loss(ops.mean(terms, axis=-1), reduction)


class MultiLabelSoftMarginLoss(Loss):
    """The mean over the classes of the log loss of each, for examples that may be of several classes.

    Parameters
    ----------
    weight : array_like (classes,), optional
        A factor of each class.

    Examples
    --------
    >>> tg.nn.MultiLabelSoftMarginLoss()(tg.zeros(1, 3), tg.tensor([[1.0, 0.0, 1.0]]))
    tensor(0.693147)
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.weight = as_buffer(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


# ---------------------------------------------------------------------- what they share


def _positive(x: Any) -> Tensor:
    """Return max(x, 0) with derivative 1 at 0, as PyTorch has it in these losses."""
    return ops.clip(x, 0)


def _signs(name: str, target: Any, like: Tensor) -> np.ndarray:
    """Return a target of 1 and -1 in the dtype of the scores."""
    check_numeric(name, target)
    signs = as_array(target)
    if (np.abs(signs) != 1).any() or signs.dtype.kind == "b":
        raise ValueError(f"{name}: target must hold 1 and -1 alone; for 1 and 0 use 2 * target - 1")
    return signs.astype(like.dtype)


def _check_margin(name: str, margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"{name}: margin must be positive, not {margin}")


def _check_power(p: int) -> None:
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, not {p}")
