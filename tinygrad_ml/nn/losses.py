"""Losses as modules: how far an output is from its target, as one number to minimise."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module


class Loss(Module):
    """What the losses share: `reduction` is "mean", "sum" or "none".

    Examples
    --------
    >>> tg.nn.MSELoss(reduction="sum")
    MSELoss(reduction='sum')
    """

    def __init__(self, *, reduction: str = "mean"):
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
        self.reduction = reduction

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """The mean of the squared differences between input and target, which have one shape.

    Examples
    --------
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """The log loss of yes-no decisions: input holds logits, target the truth (0 or 1, or a probability).

    Examples
    --------
    >>> tg.nn.BCEWithLogitsLoss()(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, reduction=self.reduction)


class CrossEntropyLoss(Loss):
    """The log loss of a choice among classes: input holds logits (batch, classes), target class indices (batch,).

    Examples
    --------
    >>> tg.nn.CrossEntropyLoss()(tg.zeros(2, 4), np.array([0, 3]))
    tensor(1.386294)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.cross_entropy(input, target, reduction=self.reduction)
