"""One increase and one decrease of the learning rate, with the momentum the other way round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, each

__all__ = ["OneCycleLR"]


class OneCycleLR(LRScheduler):
    """Raise the learning rate to max_lr and lower it to nearly nothing, once in `total_steps`.

    Call `step` after each batch. Momentum (or Adam's first beta) is lowered and raised the other way. All groups must
    belong to the optimizer when the scheduler is made. Smith and Topin, "Super-convergence" (2018).

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or one for each group
    total_steps : int, or `epochs` and `steps_per_epoch`
    pct_start : float
        The share of the steps in which the rate increases.
    anneal_strategy : "cos" or "linear"
    cycle_momentum : bool
    base_momentum, max_momentum : float, or one for each group
    div_factor, final_div_factor : float
        The first rate is max_lr / div_factor, the last one the first / final_div_factor.
    three_phase : bool
        Whether to decrease to the first rate as fast as it increased, and then to the last one.

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=0.1, momentum=0.9)
    >>> scheduler = tg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=11, pct_start=0.5)
    >>> rates = scheduler.get_last_lr()
    >>> for step in range(5):
    ...     scheduler.step()
    >>> [round(rate, 2) for rate in rates + scheduler.get_last_lr()]
    [0.04, 0.98]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ):
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if total_steps is None or total_steps <= 0:
            raise ValueError("OneCycleLR needs a positive total_steps, or epochs and steps_per_epoch")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be between 0 and 1, not {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', not {anneal_strategy!r}")
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.pct_start, self.three_phase = pct_start, three_phase
        self.cycle_momentum = cycle_momentum and ("momentum" in optimizer.defaults or "betas" in optimizer.defaults)
        if cycle_momentum and not self.cycle_momentum:
            raise ValueError(f"OneCycleLR: {type(optimizer).__name__} has no momentum; pass cycle_momentum=False")
        groups = optimizer.param_groups
        highest, lower, upper = (each(v, len(groups)) for v in (max_lr, base_momentum, max_momentum))
        for group, rate, low, high in zip(groups, highest, lower, upper):
            first = rate / div_factor
            group.update({"initial_lr": first, "max_lr": rate, "min_lr": first / final_div_factor})
            if cycle_momentum:
                group.update({"base_momentum": low, "max_momentum": high})
        super().__init__(optimizer)

    def _add(self, group: dict[str, Any]) -> None:
        raise self._too_late("max_lr")

    def _restore_rates(self, rates: Sequence[float]) -> None:
        self.rates()  # sets the momentum of this epoch
        super()._restore_rates(rates)

    def rates(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of {self.total_steps}")
        up, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        phases = [(up, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if self.three_phase:
            phases.append((2 * (up + 1) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
            phases.append((end, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
        else:
            phases.append((end, "max_lr", "min_lr", "base_momentum", "max_momentum"))
        begin = 0.0
        for phase in phases:
            stop, *names = phase
            if self.last_epoch <= stop or phase is phases[-1]:
                break
            begin = stop
        share = (self.last_epoch - begin) / (stop - begin) if stop != begin else 1.0  # a phase without a step is over
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[names[0]], group[names[1]], share))
            if self.cycle_momentum:
                momentum = self._between(group[names[2]], group[names[3]], share)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return rates

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)
