"""From which batches the steps of an optimizer come: from each, from several together, on one process or on many."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ..optim.lbfgs import LBFGS
from ..sparse import SparseRows
from ..tensor import Tensor, from_owned
from ..terminal import DeferredInterrupt
from .ranks import add_up
from .run import Run, overrides


class Steps:
    """The steps of the optimizer in an epoch.

    waiting : how many batches there are whose gradients wait for a step
    """

    def __init__(self, run: Run, interrupt: DeferredInterrupt):
        self.run, self.interrupt = run, interrupt
        self.plain = run.accumulate == 1 and run.world is None  # the gradient of a batch is that of a step
        self.take = _stepper(run)
        self.note = run.history.steps.setdefault("loss", []).append
        self.waiting = self.rows = 0

    def backward(self, value: Tensor, n: int) -> None:
        """Compute the gradients of a batch of n rows: of its mean, or of its sum where others are added."""
        if self.plain:
            value.backward()
        else:
            value.backward(np.full(value.shape, n, value.dtype))

    def after(self, value: Tensor, number: float, n: int) -> tuple[float, int, int]:
        """Take a step, if it is time; return loss and rows of the batch on all processes, and whether to stop."""
        if self.plain:
            self.note(number)
            self.take(value)
            return number, n, self.interrupt.count
        run, self.value = self.run, value
        self.waiting, self.rows = self.waiting + 1, self.rows + n
        is_step, stopping = self.waiting == run.accumulate, self.interrupt.count
        if run.world is not None:
            number, n, stopping = add_up(run, run.parameters if is_step else [], self.rows, number, n, stopping)
        elif is_step:
            divide_gradients(run.parameters, self.rows)
        self.note(number)
        if is_step:
            self.take(value)
            self.waiting = self.rows = 0
        return number, n, stopping

    def finish(self) -> None:
        """Take the step of the last batches, if they are fewer than a step is made of."""
        if self.waiting:
            if self.run.world is None:
                divide_gradients(self.run.parameters, self.rows)
            else:
                self.run.world.add_gradients(self.run.parameters, self.rows)
            self.take(self.value)


def _stepper(run: Run) -> Callable[[Tensor], None]:
    """Return the function that takes a step when the gradients are there, with what callbacks do before and after."""
    optimizer = run.optimizer
    before = [c.before_step for c in run.callbacks if overrides(c, "before_step")]
    after = [c.after_step for c in run.callbacks if overrides(c, "after_step")]
    needs_closure = isinstance(optimizer, LBFGS)

    def take_step(value: Tensor) -> None:
        for hook in before:
            hook(run)
        if needs_closure:
            optimizer.step(_closure(run, run.examples, value))
        else:
            optimizer.step()
        for hook in after:
            hook(run)

    return take_step


def divide_gradients(parameters: Iterable[Tensor], rows: int) -> None:
    """Make means of gradients that are sums over rows."""
    for p in parameters:
        if type(p._grad) is SparseRows:
            p._grad.values = p._grad.values / rows
        elif p._grad is not None:
            p._grad._replace(np.asarray(p._grad._data / rows))


def _closure(run: Run, batch: tuple, first: Tensor) -> Callable[[], Tensor]:
    """Return a function that gives LBFGS the loss and gradients that are there, and later computes new ones."""
    known = [first]

    def closure() -> Tensor:
        if known:
            return known.pop()
        run.optimizer.zero_grad()
        value = run.loss(run.module(batch[0]), *batch[1:])
        if run.world is None:
            value.backward()
            return value
        n = run.world.rows
        value.backward(np.full(value.shape, n, value.dtype))
        number, *_ = add_up(run, run.parameters, n, value.item(), n, 0)
        return from_owned(np.asarray(number, value.dtype))

    return closure
