"""Schedulers one after the other, such as a warm-up and a decay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...validation import is_number
from ..optimizer import Optimizer
from .base import RATES, LRScheduler
from .plateau import ReduceLROnPlateau

__all__ = ["SequentialLR"]


class SequentialLR(LRScheduler):
    """One scheduler after the other: each starts from its epoch 0 at its milestone.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of schedulers of this optimizer
    milestones : list of epochs, one less than there are schedulers

    Examples
    --------
    >>> optimizer = tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=1.0)
    >>> warm_up = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    >>> scheduler = tg.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, decay], milestones=[2])
    >>> for epoch in range(3):
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.9]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]):
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, "
                f"not {len(milestones)}"
            )
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau) or getattr(scheduler, "optimizer", None) is not optimizer:
                raise ValueError(f"SequentialLR: {scheduler} is not a scheduler of this optimizer that counts epochs")
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        super().__init__(optimizer)

    def step(self) -> None:
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if self.last_epoch == 0 or (i > 0 and self._milestones[i - 1] == self.last_epoch):
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        own = {"last_epoch", "_last_lr", "_milestones", "_schedulers"}  # PyTorch saves no more than these
        self._check_state(state_dict, {key: value for key, value in self.state_dict().items() if key in own})
        if own - state_dict.keys() or len(state_dict["_schedulers"]) != len(self._schedulers):
            raise self._misfit(f"it must hold {', '.join(sorted(own))}, and {len(self._schedulers)} of _schedulers")
        milestones = state_dict["_milestones"]
        if len(milestones) != len(self._milestones) or not all(map(is_number, milestones)):
            raise self._misfit(f"its _milestones are {milestones!r:.100}, must be {len(self._milestones)} epochs")
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(state)
        vars(self).update({key: state_dict[key] for key in own - {"_schedulers"}})
        self._restore_rates(state_dict.get(RATES, state_dict["_last_lr"]))
