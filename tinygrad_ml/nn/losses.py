"""Losses as modules: how far an output is from its target, as one number to minimise.

All of them take `reduction`: "mean", "sum" or "none" (one number for each term).
"""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Buffer


class Loss(Module):
    """What the losses share: `reduction` is "mean", "sum" or "none".

    Examples
    --------
    >>> tg.nn.MSELoss(reduction="sum")
    MSELoss(reduction='sum')
    """

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, *, reduction: str = "mean"):
        if reduction not in self.reductions:
            names = " or ".join([", ".join(map(repr, self.reductions[:-1])), repr(self.reductions[-1])])
            raise ValueError(f"{type(self).__name__}: reduction must be {names}, not {reduction!r}")
        self.reduction = reduction

    def extra_repr(self) -> str:
        shown = [] if self.reduction == "mean" else [f"reduction={self.reduction!r}"]
        hidden = ("reduction", "training")
        shown += [f"{k}={v!r}" for k, v in vars(self).items() if k not in hidden and isinstance(v, (int, float))]
        return ", ".join(shown)


def _factor(weight: Any) -> Buffer | None:
    """Return weights as a Buffer, so that they belong to the state, as in PyTorch."""
    return None if weight is None else Buffer(weight)


class MSELoss(Loss):
    """The mean of the squared differences between input and target, which have one shape.

    Examples
    --------
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """The mean of the absolute differences between input and target, which have one shape.

    Examples
    --------
    >>> tg.nn.L1Loss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(Loss):
    """d² / 2 for differences |d| <= delta, and delta * (|d| - delta / 2) beyond: outliers weigh less.

    Huber, "Robust estimation of a location parameter" (1964).

    Examples
    --------
    >>> tg.nn.HuberLoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(0.75)
    """

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0):
        super().__init__(reduction=reduction)
        if not delta > 0:
            raise ValueError(f"HuberLoss: delta must be positive, not {delta}")
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SmoothL1Loss(Loss):
    """d² / (2 beta) for differences |d| <= beta, and |d| - beta / 2 beyond.

    Girshick, "Fast R-CNN" (2015).

    Examples
    --------
    >>> tg.nn.SmoothL1Loss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(0.75)
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction=reduction)
        if not beta >= 0:
            raise ValueError(f"SmoothL1Loss: beta must be at least 0, not {beta}")
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


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
        self.weight = _factor(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """The log loss of yes-no decisions: input holds logits, target the truth (0 or 1, or a probability).

    Parameters
    ----------
    weight : array_like, optional
        A factor of each term; it broadcasts against the input.
    pos_weight : array_like, optional
        A factor of the part of each term that stands for yes, for classes that are rare; it broadcasts.

    Examples
    --------
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None):
        super().__init__(reduction=reduction)
        self.weight, self.pos_weight = _factor(weight), _factor(pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


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
        return F.hinge_loss(input, target, reduction=self.reduction, margin=self.margin)


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
        self.weight, self.ignore_index, self.label_smoothing = _factor(weight), ignore_index, label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


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
        self.weight, self.ignore_index = _factor(weight), ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)
