"""How good the outputs of a module are in the end: beside the best constant output, and beside their neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import on_host
from ...modes import Mode, no_grad
from ...nn.module import Module
from ...tensor import Tensor, from_owned

__all__ = ["Level", "level_of", "outputs_of", "untouched"]

FEWEST = 60  # rows among which neighbours are looked for


@dataclass
class Level:
    """The loss on some rows.

    Attributes
    ----------
    loss : float
    baseline : float
        The loss of the best constant output: the entropy of the classes, the variance of the target; NaN if unknown.
    what : str
        Which of these it is.
    spread, scale : float
        The largest standard deviation over the rows of an output, and the root mean square of all outputs.
    rows : int
    x, residual : arrays (rows, ...)
        The inputs, and the gradient of the loss with respect to the outputs.
    """

    loss: float
    baseline: float = math.nan
    what: str = ""
    spread: float = math.nan
    scale: float = math.nan
    rows: int = 0
    x: np.ndarray | None = None
    residual: np.ndarray | None = None

    def alike(self) -> float:
        """Return the correlation of the residuals with those of the nearest rows: 0 for noise, and for few rows."""
        x, residual, n = self.x, self.residual, self.rows
        if x is None or residual is None or n < FEWEST or x.dtype.kind != "f":
            return 0.0
        flat = x.reshape(n, -1).astype(np.float64)
        flat = (flat - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-12)
        squares = (flat**2).sum(axis=1)
        distance = squares[:, None] + squares - 2 * flat @ flat.T
        np.fill_diagonal(distance, np.inf)
        r = residual.reshape(n, -1).astype(np.float64)
        r = r - r.mean(axis=0)
        total = float((r * r).sum())
        return float((r * r[distance.argmin(axis=1)]).sum()) / total if total > 0 else 0.0


@contextmanager
def untouched(module: Module, training: bool) -> Iterator[None]:
    """Return a context in a mode; it leaves module, buffers and random numbers as they were."""
    before = [(m, m.training, "training" in vars(m)) for m in module.modules()]
    buffers = [(b, b._capture()) for b in module.buffers()]
    with ExitStack() as stack:
        stack.enter_context(Mode(generator=np.random.default_rng(0)))
        stack.enter_context(np.errstate(all="ignore"))
        try:
            if not training:
                module.eval()
            yield
        finally:
            for m, mode, own in before:
                m.training = mode
                if not own:
                    vars(m).pop("training", None)
            for b, captured in buffers:
                b._restore(captured)


def outputs_of(module: Module, x: np.ndarray) -> np.ndarray | None:
    """Return the outputs of a module in evaluation mode; None if they cannot be computed, or are no Tensor."""
    try:
        with untouched(module, training=False), no_grad(), Mode(observer=None, call_observer=None):
            output = module(from_owned(x) if x.dtype.kind == "f" else x)
    except Exception:  # what a module cannot compute of these rows is no illness
        return None
    return on_host(output) if isinstance(output, Tensor) and output.ndim and len(output) == len(x) else None


def level_of(loss: Callable | None, rows: tuple[np.ndarray, ...], output: np.ndarray) -> Level:
    """Return how good the outputs for rows (x, *rest) are, as far as it can be told."""
    x, *rest = rows
    given = [from_owned(part) if part.dtype.kind == "f" else part for part in rest]
    values = output.astype(np.float64).reshape(len(x), -1)
    level = Level(math.nan, rows=len(x))
    if (x[1:] != x[:1]).any():  # of equal rows nothing can be told
        level.spread = float(values.std(axis=0).max())
    level.scale = math.sqrt(float((values**2).mean()))
    if loss is None or not given:
        return level
    residual = from_owned(np.array(output)).requires_grad_()
    with Mode(observer=None, call_observer=None, recording=True), np.errstate(all="ignore"):
        try:
            value = loss(residual, *given)
            value.backward()
            level.loss = value.item()
        except Exception:  # the loss wants something else
            return level
        for what, constant in _constants(output, rest[0]):
            try:
                guess = float(loss(from_owned(np.array(constant, output.dtype)), *given).item())
            except Exception:  # a constant that is no output for this loss
                continue
            if math.isfinite(guess) and not guess > level.baseline:
                level.baseline, level.what = guess, what
    if residual.grad is not None:
        level.x, level.residual = x, on_host(residual.grad)
    return level


def _constants(output: np.ndarray, target: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield constant outputs that may be the best for this target, and what their loss is called."""
    y = np.asarray(target)
    if not y.size or y.dtype.kind not in "fiub":
        return
    if y.dtype.kind in "iub" and output.ndim >= 2 and y.ndim == output.ndim - 1:
        classes = output.shape[1]
        counts = np.bincount(y.reshape(-1).clip(0, classes - 1), minlength=classes)
        logits = np.log(np.maximum(counts, 1e-3) / counts.sum())
        k = int((counts > 0).sum())
        shape = (1, classes) + (1,) * (output.ndim - 2)
        yield (
            f"log({k}) = {math.log(k):.3g} for {k} equally frequent classes",
            np.broadcast_to(logits.reshape(shape), output.shape),
        )
        return
    if y.shape != output.shape:
        return
    mean = y.mean(axis=0, keepdims=True, dtype=np.float64)
    yield f"the variance of the target is {y.var(axis=0).mean():.3g}", np.broadcast_to(mean, output.shape)
    yield "that of the median of the target", np.broadcast_to(np.median(y, axis=0, keepdims=True), output.shape)
    if y.min() >= 0 and y.max() <= 1:
        p = mean.clip(1e-6, 1 - 1e-6)
        yield "log(2) = 0.693 for two equally frequent classes", np.broadcast_to(np.log(p / (1 - p)), output.shape)
