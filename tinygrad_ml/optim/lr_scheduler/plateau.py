"""A learning rate that is lowered when training does not get better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...tensor import as_array
from ..optimizer import Optimizer
from .base import LRScheduler, each

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """Multiply the learning rate by `factor` when a measure has not improved for more than `patience` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    mode : "min" or "max"
        Whether the measure (given to `step`) should become small or large.
    factor : float below 1
    patience : int
    threshold : float
        How much better is better.
    threshold_mode : "rel" or "abs"
        Whether that is a share of the absolute value of the best measure so far, or a difference.
    cooldown : int
        For how many epochs to wait after a reduction.
    min_lr : float, or one for each group
    eps : float
        Smaller reductions are not made.

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ):
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, not {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "ReduceLROnPlateau: mode must be 'min' or 'max', and threshold_mode 'rel' or 'abs', "
                f"not {mode!r} and {threshold_mode!r}"
            )
        self.mode, self.factor, self.patience, self.eps = mode, factor, patience, eps
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lrs = each(min_lr, len(optimizer.param_groups))
        self.default_min_lr = None if isinstance(min_lr, Sequence) else min_lr
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self.optimizer = optimizer
        self._set([group["lr"] for group in optimizer.param_groups])

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Begin the next epoch, given the measure of the last one: a number or a Tensor with one element."""
        value = float(as_array(metrics))
        self._follow()
        self.last_epoch += 1
        if self._is_better(value):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.num_bad_epochs > self.patience:
            lower = [max(rate * self.factor, least) for rate, least in zip(rates, self.min_lrs)]
            rates = [new if rate - new > self.eps else rate for rate, new in zip(rates, lower)]
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._set(rates)

    def _follow(self) -> None:
        for _ in self.optimizer.param_groups[len(self.min_lrs) :]:
            if self.default_min_lr is None:
                raise self._too_late("value in the list min_lr")
            self.min_lrs.append(self.default_min_lr)

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if not math.isfinite(self.best):
            better = self.best
        elif self.threshold_mode == "rel":  # a share of the absolute value: a negative measure must get better, too
            better = self.best * (1 + sign * math.copysign(self.threshold, self.best))
        else:
            better = self.best + sign * self.threshold
        return value > better if sign > 0 else value < better
