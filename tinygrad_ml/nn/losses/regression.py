"""Losses of real numbers: how far an output is from its target."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...ops.losses import check_same_shape, huber, squared_error
from ...tensor import Tensor
from .base import Loss, reduce_loss

__all__ = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the squared differences of two arrays of one shape: their mean, their sum, or all of them.

    Examples
    --------
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    input, target = check_same_shape("mse_loss", input, target)
    return squared_error(input, target, reduction=reduction)


class MSELoss(Loss):
    """The mean of the squared differences between input and target, which have one shape.

    Examples
    --------
    >>> tg.nn.MSELoss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return mse_loss(input, target, reduction=self.reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the absolute differences of two arrays of one shape, which may be complex, reduced.

    Examples
    --------
    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    input, target = check_same_shape("l1_loss", input, target, real_only=False)
    return reduce_loss(ops.abs(ops.subtract(input, target)), reduction)


class L1Loss(Loss):
    """The mean of the absolute differences between input and target, which have one shape.

    Examples
    --------
    >>> tg.nn.L1Loss()(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return l1_loss(input, target, reduction=self.reduction)


def huber_loss(input: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Return d² / 2 for differences |d| <= delta, and delta * (|d| - delta / 2) beyond, reduced (Huber 1964).

    Examples
    --------
    >>> tg.nn.functional.huber_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(0.75)
    """
    input, target = check_same_shape("huber_loss", input, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, not {delta}")
    return reduce_loss(huber(ops.subtract(input, target), delta=delta), reduction)


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
        return huber_loss(input, target, reduction=self.reduction, delta=self.delta)


def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return d² / (2 beta) for differences |d| <= beta, and |d| - beta / 2 beyond, reduced.

    With beta = 0 it is the absolute difference. Girshick, "Fast R-CNN" (2015).

    Examples
    --------
    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]), beta=0.5)
    tensor(0.875)
    """
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    input, target = check_same_shape("smooth_l1_loss", input, target)
    if not beta > 0:
        raise ValueError(f"smooth_l1_loss: beta must be at least 0, not {beta}")
    return reduce_loss(huber(ops.subtract(input, target), delta=beta) / beta, reduction)


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
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)
