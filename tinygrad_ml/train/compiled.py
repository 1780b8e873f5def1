"""A step of `fit` as one compiled function: gradients, the checks of `fit`, and the step of the optimizer."""

from __future__ import annotations

import time
from typing import Any

from ..compiler.entry import Compiled
from ..gradients import is_finite
from ..native import build
from ..nn.module import Module
from ..optim.lbfgs import LBFGS
from ..tensor import Tensor
from .run import Run, overrides

__all__ = ["CompiledStep", "NotFinite", "compiled_step"]

PARAMETERS = 50_000  # where there are more, NumPy's own work is nearly all there is
PATIENCE = 1.0  # seconds of steps, after which it pays to compile them in C if as many more steps are to come


class NotFinite(Exception):
    """The loss, or the gradient of a parameter, is NaN or infinite."""

    def __init__(self, number: float, parameter: Tensor | None = None):
        super().__init__(number)
        self.number, self.parameter = number, parameter


class CompiledStep:
    """What takes a step for a batch; where a callback stands before the step, in two parts.

    backend : as of `Compiled`, or None while steps are better taken as they are
    steps : how many the training run has, if it is to go over to C, with the same bits, once that has paid
    """

    def __init__(self, run: Run, backend: str | None, quiet: bool, steps: int = 0):
        self.run, self.backend, self.quiet, self.steps = run, backend, quiet, steps
        self.before = [c.before_step for c in run.callbacks if overrides(c, "before_step")]
        self.after = [c.after_step for c in run.callbacks if overrides(c, "after_step")]
        self.first, self.end = run.step, time.perf_counter() + PATIENCE
        self._compile()

    def _compile(self) -> None:
        if self.backend is not None:
            function = self._gradients if self.before else self._step
            self.whole = Compiled(function, self.backend, self.quiet, reads=(self.run.loss, self.run.output))
            self.update = Compiled(self.run.optimizer.step, self.backend, quiet=self.quiet)

    def is_ready(self) -> bool:
        """Whether steps are compiled by now."""
        if self.steps and time.perf_counter() > self.end:
            if self.steps - self.run.step >= self.run.step - self.first:
                self.backend = "exact"
                self._compile()
            self.steps = 0
        return self.backend is not None

    def __call__(self, batch: tuple) -> None:
        """Take the step, and note the loss before it, or raise NotFinite and leave all as it was."""
        self.run.batch_loss = self.whole(*batch).item()
        for hook in self.before:
            hook(self.run)
        if self.before:
            self.update()
        for hook in self.after:
            hook(self.run)

    def _gradients(self, x: Any, *rest: Any) -> Tensor:
        run = self.run
        run.optimizer.zero_grad()
        value = run.loss(run.output(x), *rest)
        if not is_finite(value):
            raise NotFinite(value.item())
        value.backward()
        for p in run.parameters:
            if p.grad is not None and not is_finite(p.grad):
                raise NotFinite(value.item(), p)
        return value

    def _step(self, x: Any, *rest: Any) -> Tensor:
        value = self._gradients(x, *rest)
        self.run.optimizer.step()
        return value


def compiled_step(run: Run, wanted: bool | str, steps: int) -> CompiledStep | None:
    """Return the compiled step of a training run of `steps` steps, or None where all are better taken as they are.

    By itself ("auto") only what is equal bit for bit is used, of modules of this library, which have no other state
    than Tensors: NumPy where the time goes into many small operations, and C as soon as it pays.
    """
    if run.accumulate > 1 or run.world is not None or isinstance(run.optimizer, LBFGS):
        return None
    if wanted is True:
        return CompiledStep(run, "auto", quiet=False)
    modules = [module for root in run.roots for module in root.modules()]
    ours = all(_is_ours(type(module)) and module._hooks is None for module in modules)
    ours = ours and _is_ours(type(run.optimizer)) and (isinstance(run.loss, Module) or _is_ours(run.loss))
    small = all(p.ndim < 3 for p in run.parameters) and sum(p.size for p in run.parameters) <= PARAMETERS
    return CompiledStep(run, "numpy" if small else None, quiet=True, steps=steps * has_compiler()) if ours else None


def has_compiler() -> bool:
    """Whether there is a C compiler."""
    try:
        return bool(build.compiler())
    except build.CannotCompile:
        return False


def _is_ours(thing: Any) -> bool:
    return (getattr(thing, "__module__", None) or "").partition(".")[0] == "tinygrad_ml"
