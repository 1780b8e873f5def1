"""Diverged: a loss or gradient that is not finite, and the search for what made it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..arrays import on_host
from ..modes import Mode, detect_anomaly, warn
from ..nn.module import Module
from ..sparse import SparseRows
from ..tensor import Tensor
from ..validation import first_non_finite
from .batches import loader_of
from .history import History
from .run import Run

__all__ = ["Diverged", "Snapshot", "diagnose", "warn_of_validation"]


class Diverged(FloatingPointError):
    """The loss or a gradient was NaN or infinite. The step was not taken, so the parameters are as they were before.

    Attributes
    ----------
    history : History
        The epochs before.
    epoch, batch : int
        Where it was, from 1.
    learning_rate : float
    """

    history: History
    epoch: int
    batch: int
    learning_rate: float


class Snapshot(NamedTuple):
    """The state before a batch: what the batch needs to be run again."""

    random: Mapping[str, Any]
    values: Sequence[Any]
    buffers: Sequence[Tensor]

    def restore(self) -> None:
        """Bring the random numbers and the buffers back."""
        random.default_generator().bit_generator.state = self.random
        for buffer, value in zip(self.buffers, self.values):
            buffer._replace(value)


def diagnose(run: Run, batch: tuple, before: Snapshot, loss: float, parameter: Tensor | None = None) -> Diverged:
    """Return the error for a batch whose loss or gradient is not finite; run it again to find the first operation."""
    what = f"the loss is {loss}"
    if parameter is not None:
        values = parameter.grad.values if isinstance(parameter.grad, SparseRows) else on_host(parameter.grad)
        found = first_non_finite(values)
        what = f"the gradient of {_name(run, parameter)} has {found and found.value}, while the loss is {loss:.6g}"
    rate = run.optimizer.param_groups[0]["lr"]
    lines = [f"{what}, in {run.unit} {run.epoch}, batch {run.batch}, at the learning rate {rate:.6g}."]
    causes = _in_parameters(run) or _in_data(run, batch)
    lines += causes
    before.restore()
    lines.append(_first_operation(run, batch))
    before.restore()
    run.optimizer.zero_grad()
    if not causes:
        lines.append(
            "The parameters are as they were before this step. If the loss was growing, lower the learning rate, clip "
            "the gradients (tg.train.ClipGradients(max_norm=1.0)), or scale the inputs to about -1 to 1; if not, keep "
            "that operation from its singular point."
        )
    error = Diverged("\n".join(lines))
    error.epoch, error.batch, error.learning_rate = run.epoch, run.batch, rate
    return error


def _first_operation(run: Run, batch: tuple) -> str:
    run.optimizer.zero_grad()
    calls = _Calls(run)
    try:
        with Mode(call_observer=calls.around), detect_anomaly(), np.errstate(all="ignore"):
            run.loss(run.output(batch[0]), *batch[1:]).backward()
    except FloatingPointError as error:
        return f"The first operation that made it{f', in {calls.failed}' if calls.failed else ''}: {error}."
    return (
        "Run again, the batch makes no operation that is not finite: gradients that were added up became too large, or "
        "random numbers of a generator of your own have changed."
    )


class _Calls:
    """An observer of the calls of modules, which notices the innermost one that raises."""

    def __init__(self, run: Run):
        self.names = {id(m): name for name, m in run.module.named_modules()}
        self.failed = ""

    @contextmanager
    def around(self, module: Module, inputs: tuple, named: Mapping[str, Any]) -> Iterator[Callable[[Any], None]]:
        try:
            yield lambda output: None
        except FloatingPointError:
            if not self.failed:
                name, kind = self.names.get(id(module)), type(module).__name__
                self.failed = f"{name!r} ({kind})" if name else kind
            raise


def _name(run: Run, parameter: Tensor) -> str:
    for root in run.roots:
        for name, p in root.named_parameters():
            if p is parameter:
                return f"parameter {name!r}"
    return f"a parameter of shape {parameter.shape}"


def _in_parameters(run: Run) -> list[str]:
    for p in run.parameters:
        if first_non_finite(on_host(p)):
            return [
                f"The values of {_name(run, p)} were not finite before this step, so the step before was too large, or "
                "they came so: lower the learning rate, or make the model anew."
            ]
    return []


def _parts(batch: tuple) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a batch, those of dicts one by one, with what they are called in a sentence."""
    for i, part in enumerate(batch):
        name = ("The input x", "The target")[i] if i < 2 else f"Part {i} of the data"
        if type(part) is dict:
            yield from ((f"{name}[{key!r}]", array) for key, array in part.items())
        else:
            yield name, part


def _in_data(run: Run, batch: tuple) -> list[str]:
    """Say where the data of this batch are not finite."""
    lines = []
    loader = loader_of(run.data)
    for i, (name, part) in enumerate(_parts(batch)):
        found = first_non_finite(on_host(part))
        if found:
            index = found.where
            row = f"row {index[0]} of the batch"
            if loader is not None:
                place = (run.position or run.batch) - 1  # in this pass over the data
                rows = loader.order(loader.epoch - 1)[place * loader.batch_size :]
                row = f"row {rows[index[0]]} of the data"
            column = ""
            if len(index) > 1:
                names = loader.columns[i] if loader is not None else None
                column = f", column {names[index[1]]!r}" if names else f", column {', '.join(map(str, index[1:]))}"
            more = f", and {found.total - 1} more" * (found.total > 1)
            lines.append(
                f"{name} has {found.value} in {row}{column}{more} in this batch: fill in what is missing, or leave "
                "these rows out."
            )
    return lines


def warn_of_validation(run: Run, loss: float, batch: tuple, first_row: int) -> None:
    """Warn once in a training run that the loss of the validation is not finite, and where its data are not.

    Parameters
    ----------
    loss : float
    batch : tuple
        The batch of the validation with that loss.
    first_row : int
        The number of its first row.
    """
    if any(not math.isfinite(value) for value in run.history.get("validation_loss", [])):
        return
    reason = "outputs of the module are too large, or not in the domain of the loss"
    for name, part in _parts(batch):
        found = first_non_finite(on_host(part))
        if found:
            name = name[0].lower() + name[1:]
            index = found.where
            column = f", column {', '.join(map(str, index[1:]))}" if len(index) > 1 else ""
            reason = (
                f"{name} has {found.value} in row {first_row + index[0]}{column} of the validation data: fill in what "
                "is missing, or leave these rows out"
            )
            break
    warn(
        f"fit: validation_loss is {loss} in {run.unit} {run.epoch}: {reason}. No {run.unit} can be told to be the best."
    )
