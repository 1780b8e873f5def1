"""Stepper: one step for every batch of an epoch, watched for numbers that are not finite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import random
from ..modes import Mode, modes
from ..optim.lbfgs import LBFGS
from ..sparse import SparseRows
from ..tensor import Tensor
from .arguments import check_calls
from .callbacks import Callback
from .diverged import Before, explained
from .pairs import PairGuard
from .progress import Bar

if TYPE_CHECKING:
    from .run import Run


class Stepper:
    """Takes the steps of a training. This is the loop that must cost as little as one written by hand.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run):
        self.run = run
        self.hooks = [c.before_step for c in run.callbacks if type(c).before_step is not Callback.before_step]
        self.needs_closure = isinstance(run.optimizer, LBFGS)
        self.unseen = True  # no loss was computed yet

    def all_batches(self, bar: Bar) -> float:
        """Take a step for every batch; return the mean loss, weighted by rows."""
        run, hooks, interrupts, update = self.run, self.hooks, self.run.interrupts, bar.bar and bar.bar.update
        module, loss, optimizer, parameters = run.module, run.loss, run.optimizer, run.parameters
        buffers = [buffer for root in run.roots for buffer in root.buffers()]
        total, rows = 0.0, 0
        # a loss or gradient that is not finite is an error here, so NumPy's warnings would only come on top of it
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            for batch in run.data:
                run.batch += 1
                # what the batch would need to be run again: the random numbers, and the values of buffers, which a
                # forward pass replaces and does not change in place
                before = random.default_generator().bit_generator.state, [buffer._data for buffer in buffers]
                optimizer.zero_grad()
                if self.unseen:
                    check_calls(run, "data", batch)
                output = module(batch[0])
                value = self._first_loss(output, batch) if self.unseen else loss(output, *batch[1:])
                if not isinstance(value, Tensor) or value.node is None or value.size != 1:
                    _refuse(value)
                number = value.item()
                if not math.isfinite(number):
                    raise explained(run, batch, Before(*before, buffers), number)
                value.backward()
                for p in parameters:
                    if p._grad is not None and not _finite(p._grad._data):
                        raise explained(run, batch, Before(*before, buffers), number, p)
                for hook in hooks:
                    hook(run)
                if self.needs_closure:
                    optimizer.step(self._closure(batch, value))
                else:
                    optimizer.step()
                n = len(batch[0])
                total += number * n
                rows += n
                if update:
                    update()
                if interrupts.count:
                    raise KeyboardInterrupt
        if not rows:
            raise ValueError("fit: data has no batches, or only empty ones")
        return total / rows

    def _first_loss(self, output: Any, batch: tuple) -> Any:
        """Return the first loss, but refuse one that pairs every row with every other by mistake."""
        self.unseen = False
        if len(batch) == 1 or modes.observer is not None:
            return self.run.loss(output, *batch[1:])
        with Mode(observer=PairGuard(output, batch[1:], len(batch[0]))):
            return self.run.loss(output, *batch[1:])

    def _closure(self, batch: tuple, first: Tensor) -> Any:
        """Return a function that gives LBFGS the loss and gradients that are there, and later computes new ones."""
        run, known = self.run, [first]

        def closure() -> Tensor:
            if known:
                return known.pop()
            run.optimizer.zero_grad()
            value = run.loss(run.module(batch[0]), *batch[1:])
            value.backward()
            return value

        return closure


def _finite(gradient: Any) -> bool:
    """Whether all numbers are finite: the sum of squares is, or it is too large for the dtype and each of them is."""
    if type(gradient) is SparseRows:
        gradient = gradient.values
    flat = gradient.reshape(-1)
    square = flat.dot(flat)
    return bool(square - square == 0) or bool(np.isfinite(flat).all())


def _refuse(value: Any) -> None:
    if isinstance(value, Tensor) and value.size != 1:
        raise ValueError(
            f"fit: the loss has shape {value.shape}; it must be a single number: use reduction='mean', or .mean()"
        )
    kind = "a Tensor without a history" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise TypeError(
        f"fit: the loss returned {kind}; it must be a Tensor that depends on the module's parameters "
        "(.item(), .numpy(), .detach() and no_grad cut it off)"
    )
