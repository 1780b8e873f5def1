"""LearningRateFinder: tries learning rates on a few batches, and begins with one at which the loss falls fast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any

import numpy as np

from .. import random
from ..optim.lbfgs import LBFGS
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..validation import check_integer, is_number
from .batches import loader_of
from .callbacks import LearningRate
from .run import Callback, Run

__all__ = ["LearningRateFinder"]

BATCHES = 8  # which it goes through again and again, so that every mean over as many steps is of the same examples
HOPELESS = 4.0  # times the smallest loss: larger rates are not tried


class LearningRateFinder(Callback):
    """Chooses the learning rate before training begins: it takes steps at growing rates, and looks at the loss.

    The rate that it chooses lies where the loss, over the logarithm of the rate, falls fastest, and at least ten times
    below that at which the loss is least, and rises from there. Then everything is put back as it was: weights,
    buffers, the optimizer, random numbers and the order of the data. It is a proposal: look at `plot()`.

    Smith, "Cyclical learning rates for training neural networks" (2017).

    Parameters
    ----------
    smallest, largest : float
        The rates between which it tries.
    steps : int
        How many rates it tries, evenly spaced on a logarithmic scale; it takes as many batches.

    Attributes
    ----------
    rates, losses : lists of floats
        What was tried, and the smoothed loss before each of these steps.
    suggestion : float
        The rate that was chosen.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> tg.manual_seed(0)
    >>> line = tg.nn.Linear(1, 1)
    >>> finder = tg.train.LearningRateFinder()
    >>> sgd = tg.optim.SGD(line.parameters(), lr=1e-9)
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, (x, 3 * x), epochs=30, callbacks=[finder])
    >>> history["learning_rate"][0] == finder.suggestion, history["loss"][-1] < 0.01
    (True, True)
    """

    before_others = True

    def __init__(self, smallest: float = 1e-6, largest: float = 10.0, steps: int = 100):
        if not (is_number(smallest) and is_number(largest) and 0 < smallest < largest < math.inf):
            raise ValueError(
                f"LearningRateFinder: smallest={smallest!r} and largest={largest!r} must be two numbers above 0, the "
                "smaller one first"
            )
        self.smallest, self.largest = smallest, largest
        self.steps = check_integer("LearningRateFinder: steps", steps, 10)
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.suggestion = math.nan

    def on_start(self, run: Run) -> None:
        for callback in run.callbacks:
            if isinstance(callback, LearningRate) and not isinstance(callback.schedule, ReduceLROnPlateau):
                raise ValueError(
                    "LearningRateFinder: LearningRate decides the rates of this training run: leave one of them out"
                )
        if isinstance(run.optimizer, LBFGS):
            raise ValueError("LearningRateFinder: LBFGS chooses the length of its steps itself")
        before = _Before(run)
        try:
            self._try(run)
        finally:
            before.restore(run)
        self.suggestion = self._steepest()
        _set(run, self.suggestion)

    def _try(self, run: Run) -> None:
        """Take a step at each rate, until the loss is hopeless."""
        self.rates, self.losses = [], []
        batches, best = list(islice(run.data, BATCHES)), math.inf
        seen: list[float] = []
        if not batches:
            raise ValueError("LearningRateFinder: data has no batches")
        for root in run.roots:
            for module in root.modules():
                module.training = id(module) not in run.frozen
        for rate, batch in zip(np.geomspace(self.smallest, self.largest, self.steps).tolist(), cycle(batches)):
            _set(run, rate)
            run.optimizer.zero_grad()
            with np.errstate(all="ignore"):
                value = run.loss(run.output(batch[0]), *batch[1:])
                seen = [*seen, value.item()][-len(batches) :]
                mean = sum(seen) / len(seen)
                if not math.isfinite(mean):
                    return
                if len(seen) == len(batches):
                    best = min(best, mean)
                    if mean > best + (HOPELESS - 1) * abs(best):
                        return
                    self.rates.append(rate)
                    self.losses.append(mean)
                value.backward()
                run.optimizer.step()

    def _steepest(self) -> float:
        """Return the rate at which the loss falls fastest, or a tenth of that where it begins to rise if it is less."""
        end = int(np.argmin(self.losses)) + 1
        if end < 5 or self.losses[0] - self.losses[end - 1] < 1e-3 * abs(self.losses[0]):
            raise ValueError(
                f"LearningRateFinder: the loss does not fall at any rate from {self.smallest:g} to {self.largest:g}: "
                "try others, or look for what is wrong in the model, its data or its loss"
            )
        steepest = self.rates[int(np.argmin(np.gradient(self.losses[:end])))]
        return min(steepest, self.rates[end - 1] / 10)

    def plot(self, ax: Any = None) -> Any:
        """Draw the smoothed loss over the rates, with the one that was chosen; it needs Matplotlib.

        Examples
        --------
        >>> finder = tg.train.LearningRateFinder()
        >>> finder.rates, finder.losses, finder.suggestion = [0.01, 0.1, 1.0], [1.0, 0.5, 2.0], 0.1
        >>> finder.plot().get_xscale()  # doctest: +SKIP
        'log'
        """
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError:
                raise ImportError("LearningRateFinder.plot() draws with Matplotlib: pip install matplotlib") from None
            _, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
        ax.plot(self.rates, self.losses, color="tab:blue")
        ax.axvline(self.suggestion, color="tab:orange", label=f"chosen: {self.suggestion:.3g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss (smoothed)")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        return ax

    def state_dict(self) -> dict[str, Any]:
        return {"rates": list(self.rates), "losses": list(self.losses), "suggestion": self.suggestion}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rates, losses, suggestion = state["rates"], state["losses"], state["suggestion"]
        for name, numbers in (("rates", rates), ("losses", losses), ("suggestion", [suggestion])):
            if not isinstance(numbers, list) or not all(map(is_number, numbers)):
                raise ValueError(f"LearningRateFinder: {name} must hold numbers")
        self.rates, self.losses, self.suggestion = list(rates), list(losses), suggestion


class _Before:
    """What the trial changes: weights and buffers, the optimizer, random numbers, and the pass over the data."""

    def __init__(self, run: Run):
        self.states = [root.state_dict() for root in run.roots]
        self.modes = [(module, module.training) for root in run.roots for module in root.modules()]
        self.optimizer, self.random = run.optimizer.state_dict(), random.get_rng_state()
        loader = loader_of(run.data)
        self.epoch = 0 if loader is None else loader.epoch

    def restore(self, run: Run) -> None:
        for root, state in zip(run.roots, self.states):
            root.load_state_dict(state)
        for module, mode in self.modes:
            module.training = mode
        run.optimizer.load_state_dict(self.optimizer)
        run.optimizer.zero_grad()
        random.set_rng_state(self.random)
        loader = loader_of(run.data)
        if loader is not None:
            loader.epoch = self.epoch


def _set(run: Run, rate: float) -> None:
    """Give every group a rate: the first this one, the others in the proportions that they have."""
    first = run.options[0]["lr"] or 1.0
    for group, options in zip(run.optimizer.param_groups, run.options):
        group["lr"] = rate * (options["lr"] / first if run.options[0]["lr"] else 1.0)
