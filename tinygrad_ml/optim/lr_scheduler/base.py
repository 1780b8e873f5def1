"""What all schedulers share: counting epochs and setting the learning rates of the groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...foreign_names import HintsArguments
from ..optimizer import Optimizer

__all__ = ["LRScheduler", "each"]

RATES = "group_lrs"  # the entry of a state with the rates that all schedulers of the optimizer together have set
FUNCTIONS = ("lr_lambda", "lr_lambdas", "_schedulers")  # attributes that are no part of a state, or not as they are


class LRScheduler(HintsArguments):
    """The base of schedulers that count epochs.

    A new one defines `factor_at(epoch)`, or `rates()` if that is not enough.

    A group that is added to the optimizer later keeps the rate that it was given until the next `step`; this is its
    initial rate. A schedule that multiplies the current rate goes on from there, and one that is a formula of the
    initial rate sets it to what the formula gives for the epoch.

    Parameters
    ----------
    optimizer : Optimizer

    Attributes
    ----------
    last_epoch : int
        The number of calls of `step`.

    Examples
    --------
    >>> class Halve(tg.optim.lr_scheduler.LRScheduler):
    ...     def factor_at(self, epoch):
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

    def factor_at(self, epoch: int) -> float:
        """Return what the learning rates are multiplied by when this epoch begins; that of epoch 0 is the start."""
        raise NotImplementedError(f"{type(self).__name__} does not define factor_at(epoch)")

    def rates(self) -> list[float]:
        """Return the learning rates of the groups in the epoch `last_epoch`, from those before it."""
        factor_at = getattr(self, "change", self.factor_at)  # `change` is its name in 0.1.0
        factor = factor_at(self.last_epoch)
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def rate_on_joining(self, rate: float) -> float:
        """Return the rate in the epoch `last_epoch` of a group that was added since, given its initial rate."""
        return rate

    def step(self) -> None:
        """Begin the next epoch: set the learning rates."""
        self._follow()
        self.last_epoch += 1
        self._set(self.rates())

    def restart(self) -> None:
        """Begin epoch 0 from the learning rates that the optimizer was made with."""
        self._follow()
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = rate
        self.last_epoch = -1
        self.step()

    def _follow(self) -> None:
        """Take the groups that were added to the optimizer into the schedule."""
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            self._add(group)

    def _add(self, group: dict[str, Any]) -> None:
        self.base_lrs.append(group.setdefault("initial_lr", group["lr"]))
        group["lr"] = self.rate_on_joining(group["lr"])

    def _too_late(self, what: str) -> ValueError:
        return ValueError(
            f"{type(self).__name__}: the optimizer got another group of parameters after this scheduler was made, for "
            f"which there is no {what}: call add_param_group first, and make the scheduler then"
        )

    def _set(self, rates: Iterable[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["lr"] = rate
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """Return the learning rates of the groups, as this scheduler set them."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and counters of the scheduler and the current learning rates; functions are left out."""
        state = {
            key: list(value) if isinstance(value, (list, tuple)) else value
            for key, value in vars(self).items()
            if isinstance(value, (int, float, str, list, tuple, type(None))) and key not in FUNCTIONS
        }
        return state | {RATES: [group["lr"] for group in self.optimizer.param_groups]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in PyTorch, and with it the learning rates of that moment.

        The optimizer's state may be loaded before or after it.

        Raises
        ------
        ValueError
            If it is no state of such a scheduler, or of an optimizer with more groups; nothing is changed.
        """
        own = self.state_dict()
        self._check_state(state_dict, own)
        for key in own.keys() & state_dict.keys() - {RATES}:
            value = state_dict[key]
            setattr(self, key, list(value) if isinstance(value, tuple) else value)
        self._restore_rates(state_dict.get(RATES, state_dict["_last_lr"]))

    def _restore_rates(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["lr"] = rate

    def _check_state(self, state_dict: Any, own: Mapping[str, Any]) -> None:
        """Raise ValueError unless a state has the entries of this scheduler, each of its kind."""
        if not isinstance(state_dict, Mapping):
            raise self._misfit(f"it is a {type(state_dict).__name__}, must be a dict")
        missing = [key for key in ("last_epoch", "_last_lr") if key not in state_dict]
        if missing:
            raise self._misfit(f"missing {', '.join(missing)}")
        for key, value in own.items():
            given = state_dict.get(key, value)
            for kind in ((int, float), (list, tuple), (str,)):
                if isinstance(value, kind) and not isinstance(given, kind):
                    raise self._misfit(f"its {key} is {given!r}")
        for key in ("_last_lr", "base_lrs", RATES):
            rates, groups = state_dict.get(key, ()), len(self.optimizer.param_groups)
            if not all(isinstance(rate, (int, float)) for rate in rates):
                raise self._misfit(f"its {key} is {rates!r}")
            if len(rates) > groups:
                raise self._misfit(
                    f"it is of an optimizer with {len(rates)} groups of parameters, and this has {groups}"
                )

    def _misfit(self, why: str) -> ValueError:
        return ValueError(f"the state does not fit this {type(self).__name__}: {why}")


def each(value: float | Sequence[float], groups: int) -> list[float]:
    """Return one value for each group, of a single value or a sequence.

    Examples
    --------
    >>> tg.optim.lr_scheduler.base.each(0.1, 2)
    [0.1, 0.1]
    """
    values = list(value) if isinstance(value, Sequence) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"there are {groups} groups of parameters, but {len(values)} values {values}")
    return values
