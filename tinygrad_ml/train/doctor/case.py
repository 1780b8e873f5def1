"""The case of a patient: all that the diagnosis is made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .finding import Finding
from .level import Level
from .record import Record, Sample

__all__ = ["Case", "mean", "middle"]


@dataclass
class Case:
    """What was seen of a module, and what is known beside it.

    Attributes
    ----------
    record : Record
    loss : callable or None
    modules : dict from names to modules
    history : dict from columns to numbers, one for each epoch; of a loop of one's own there is none
    level : Level or None
        How good the outputs are in the end.
    outputs : array or None
        Those of the kept rows in the end, from which the level is found when somebody asks.
    rates : list of float
        The learning rates of the sampled steps.
    restored : bool
        Whether early stopping brought the best weights back.
    optimised : set of str, or None
        The names of the parameters that the optimizer changes, if it is known.
    one_batch : bool
        Whether only one batch was looked at: nothing can be said of how the training goes.
    failures : list of Finding
        What ended the training run.
    """

    record: Record
    loss: Callable | None
    modules: dict[str, Any]
    history: dict[str, Sequence[float]] = field(default_factory=dict)
    level: Level | None = None
    outputs: Any = None
    rates: list[float] = field(default_factory=list)
    restored: bool = False
    optimised: set[str] | None = None
    one_batch: bool = False
    failures: list[Finding] = field(default_factory=list)

    @property
    def late(self) -> list[Sample]:
        """The second half of the samples in which a gradient arrived; of one batch, that one."""
        trained = [s for s in self.record.samples if any(p.gradient is not None for p in s.parameters.values())]
        return trained[len(trained) // 2 :]

    @property
    def early(self) -> list[Sample]:
        """The first two samples in which a gradient arrived."""
        return [s for s in self.record.samples if any(p.gradient is not None for p in s.parameters.values())][:2]

    @property
    def layers(self) -> list[str]:
        """The layers with parameters that learn, in the order in which they ran."""
        learning = {name.rpartition(".")[0] for s in self.record.samples[-1:] for name in s.parameters}
        return [name for name in self.record.order if name in learning]

    def parameters_of(self, layer: str) -> list[str]:
        """Return the names of the parameters that belong to a layer itself, the weights first."""
        prefix = layer + "." if layer else ""
        names = [
            name
            for name in self.record.samples[-1].parameters
            if name.rpartition(".")[0] + "." * bool(prefix) == prefix
        ]
        return sorted(names, key=lambda name: "weight" not in name)

    @property
    def final_loss(self) -> float:
        """The training loss in the end: of the last epoch, or the mean of the last tenth of the losses."""
        if self.history.get("loss"):
            return self.history["loss"][-1]
        losses = self.record.losses
        return mean(losses[-max(len(losses) // 10, 1) :]) if losses else math.nan

    @property
    def first_loss(self) -> float:
        """The training loss in the beginning: of the first batch, or the mean of the first ten if they are tiny."""
        losses = self.record.losses
        few = self.record.samples and self.record.samples[0].rows < 16
        return mean(losses[: 10 if few else 1]) if losses else math.nan

    @property
    def is_falling(self) -> bool:
        """Whether the training loss still falls from the last but one sixth of the steps to the last.

        It must fall by 2 % and by two standard errors, as the losses of batches are noisy; of fewer than 300 steps
        thirds are compared.
        """
        losses = self.record.losses
        part = len(losses) // (6 if len(losses) >= 300 else 3)
        if not part:
            return False
        before, last = losses[-2 * part : -part], losses[-part:]
        error = math.sqrt((_variance(before) + _variance(last)) / part)
        return mean(before) - mean(last) > max(0.02 * abs(mean(before)), 2 * error)

    @property
    def has_learned(self) -> bool:
        """Whether more than half of what the best constant output leaves has been learned."""
        level = self.level
        if level is None or not level.baseline > 0:
            return self.final_loss < 0.5 * self.first_loss
        return self.level_loss < 0.5 * level.baseline

    @property
    def got_nowhere(self) -> bool:
        """Whether less than a fifth of what the best constant output leaves has been learned."""
        return self.level is not None and self.level_loss > 0.8 * self.level.baseline

    @property
    def level_loss(self) -> float:
        """The loss to hold against the baseline, of the same rows; if in training it is far lower, that."""
        assert self.level is not None
        return self.final_loss if self.final_loss < 0.7 * self.level.loss else self.level.loss


def middle(numbers: Iterable[float]) -> float:
    """Return the median of the numbers that are there; NaN if none is."""
    there = sorted(number for number in numbers if not math.isnan(number))
    half = len(there) // 2
    if not there:
        return math.nan
    return there[half] if len(there) % 2 else (there[half - 1] + there[half]) / 2


def _variance(numbers: Sequence[float]) -> float:
    centre = mean(numbers)
    return sum((number - centre) ** 2 for number in numbers) / len(numbers)


def mean(numbers: Sequence[float]) -> float:
    """Return the mean of some numbers, of which there is at least one."""
    return sum(numbers) / len(numbers)
