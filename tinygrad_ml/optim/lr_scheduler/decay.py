"""Learning rates that follow a formula of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler

__all__ = ["ConstantLR", "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "StepLR"]


class LambdaLR(LRScheduler):
    """lr = initial lr · lr_lambda(epoch).

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : function from the epoch to a factor, or a list with one for each group
        A single function also serves groups that are added later.

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=0.5)
    >>> scheduler = tg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]):
        groups = len(optimizer.param_groups)
        self.lr_lambda = lr_lambda
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR: there are {groups} groups, but {len(self.lr_lambdas)} functions")
        super().__init__(optimizer)

    def _add(self, group: dict[str, Any]) -> None:
        if not callable(self.lr_lambda):
            raise self._too_late("function in the list lr_lambda")
        self.lr_lambdas.append(self.lr_lambda)
        super()._add(group)

    def rates(self) -> list[float]:
        return [base * function(self.last_epoch) for base, function in zip(self.base_lrs, self.lr_lambdas)]


class StepLR(LRScheduler):
    """Multiply the learning rate by gamma every `step_size` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor_at(self, epoch: int) -> float:
        return self.gamma if epoch and epoch % self.step_size == 0 else 1.0


class MultiStepLR(LRScheduler):
    """Multiply the learning rate by gamma when each of the milestones is reached.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of epochs
    gamma : float

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for epoch in range(4):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def factor_at(self, epoch: int) -> float:
        return self.gamma ** self.milestones.count(epoch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        milestones = state_dict.get("milestones") if isinstance(state_dict, Mapping) else None
        if isinstance(milestones, Mapping):  # PyTorch counts them
            milestones = sorted([epoch for epoch, count in milestones.items() for _ in range(count)])
            state_dict = {**state_dict, "milestones": milestones}
        super().load_state_dict(state_dict)


class ExponentialLR(LRScheduler):
    """Multiply the learning rate by gamma in every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float):
        self.gamma = gamma
        super().__init__(optimizer)

    def factor_at(self, epoch: int) -> float:
        return self.gamma if epoch else 1.0


class ConstantLR(LRScheduler):
    """Multiply the learning rate by `factor` until the epoch `total_iters`.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float from 0 to 1
    total_iters : int

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=1)
    >>> scheduler.get_last_lr()
    [0.5]
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5):
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: factor must be above 0 and at most 1, not {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer)

    def factor_at(self, epoch: int) -> float:
        return self.factor if epoch == 0 else 1.0 / self.factor if epoch == self.total_iters else 1.0

    def rate_on_joining(self, rate: float) -> float:
        return rate * self.factor if self.last_epoch < self.total_iters else rate


class LinearLR(LRScheduler):
    """Go from start_factor to end_factor times the learning rate in `total_iters` equal steps: a warm-up.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float from 0 (which start_factor must not be) to 1
    total_iters : int

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.75]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be above 0 and at most 1, not {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be between 0 and 1, not {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor_at(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        if epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (epoch - 1) * rise)

    def rate_on_joining(self, rate: float) -> float:
        share = min(self.last_epoch / self.total_iters, 1.0) if self.total_iters else 0.0
        return rate * (self.start_factor + (self.end_factor - self.start_factor) * share)


class CosineAnnealingLR(LRScheduler):
    """Lower the learning rate to eta_min in `T_max` epochs along half a cosine (and raise it again after that).

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
    eta_min : float

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> scheduler.step()
    >>> round(scheduler.get_last_lr()[0], 6)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rates(self) -> list[float]:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        epoch, low = self.last_epoch, self.eta_min
        if epoch == 0:
            return rates
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the lowest point, where the quotient is 0 / 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [rate + (base - low) * rise for rate, base in zip(rates, self.base_lrs)]
        now, before = [1 + math.cos(math.pi * t / self.T_max) for t in (epoch, epoch - 1)]
        return [now / before * (rate - low) + low for rate in rates]

    def rate_on_joining(self, rate: float) -> float:
        return self.eta_min + (rate - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
