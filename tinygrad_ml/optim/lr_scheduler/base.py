"""What all schedulers share: counting epochs and setting the learning rates of the groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """The base of schedulers that count epochs. A new one defines `change(epoch)`, or `rates()` if that is not enough.

    Parameters
    ----------
    optimizer : Optimizer

    Attributes
    ----------
    last_epoch : int
        How often `step` was called.

    Examples
    --------
    >>> class Halve(tg.optim.lr_scheduler.LRScheduler):
    ...     def change(self, epoch):
    ...         return 0.5 if epoch else 1.0
    >>> scheduler = Halve(tg.optim.SGD([tg.ones(1, requires_grad=True)], lr=0.8))
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.4]
    """

    def __init__(self, optimizer: Optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: the first argument must be an Optimizer, not {type(optimizer)}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = -1
        self.step()

    def change(self, epoch: int) -> float:
        """Return what the learning rates are multiplied by when this epoch begins; that of epoch 0 is the start."""
        raise NotImplementedError(f"{type(self).__name__} does not define change(epoch)")

    def rates(self) -> list[float]:
        """Return the learning rates of the groups in the epoch `last_epoch`, from those before it."""
        factor = self.change(self.last_epoch)
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Begin the next epoch: set the learning rates."""
        self.last_epoch += 1
        self._set(self.rates())

    def restart(self) -> None:
        """Begin epoch 0 from the learning rates that the optimizer was made with."""
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = rate
        self.last_epoch = -1
        self.step()

    def _set(self, rates: Iterable[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """Return the learning rates of the groups, as this scheduler set them."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return all numbers of the scheduler; functions are not among them."""
        return {
            key: list(value) if isinstance(value, (list, tuple)) else value
            for key, value in vars(self).items()
            if isinstance(value, (int, float, str, list, tuple, type(None)))
            and key not in ("lr_lambdas", "_schedulers")
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in PyTorch; the optimizer restores the learning rates."""
        missing = [key for key in ("last_epoch", "_last_lr") if key not in state_dict]
        if missing:
            raise ValueError(f"the state does not fit this {type(self).__name__}: missing {', '.join(missing)}")
        vars(self).update({key: state_dict[key] for key in self.state_dict() if key in state_dict})


def each(value: float | Sequence[float], groups: int) -> list[float]:
    """Return one value for each group, of a single value or a sequence."""
    values = list(value) if isinstance(value, Sequence) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"there are {groups} groups of parameters, but {len(values)} values {values}")
    return values
