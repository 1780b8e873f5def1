"""EMA: the exponential moving average of the weights, which is judged and kept in place of the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..validation import is_integer, is_number
from .run import Callback, Run

__all__ = ["EMA"]


class EMA(Callback):
    """Averages the weights over the steps: average = decay · average + (1 - decay) · weights after every step.

    It begins with the weights before the first step. The module has the averages while it is validated, in checkpoints
    and best weights of other callbacks, and in the end; between, training goes on from its own weights. Buffers, such
    as the means of batch normalisation, stay those of training.

    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992); with this decay in Tarvainen
    and Valpola, "Mean teachers are better role models" (2017).

    Parameters
    ----------
    decay : float from 0 to 1
        The average is over about the last 1 / (1 - decay) steps: have many more of them.

    Attributes
    ----------
    average : list of arrays
        The averages of the optimizer's parameters.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, (x, 3 * x), epochs=100, callbacks=[tg.train.EMA(0.9)])
    >>> abs(line.weight.item() - 3) < 0.01
    True
    """

    before_others = True  # so that they see the averages

    def __init__(self, decay: float = 0.99):
        if not is_number(decay) or not 0 <= decay < 1:
            raise ValueError(f"EMA: decay must be a number from 0 to below 1, not {decay!r}")
        self.decay = decay
        self.average: list[np.ndarray] = []
        self.trained: list[np.ndarray] | None = None  # the weights to go on from, while the module has the averages
        self.steps = 0

    def on_start(self, run: Run) -> None:
        self.average = [np.array(p._data) for p in run.parameters]
        self.trained, self.steps = None, 0

    def on_epoch_start(self, run: Run) -> None:
        if self.trained is not None:
            for p, weights in zip(run.parameters, self.trained):
                p.data = weights
            self.trained = None

    def after_step(self, run: Run) -> None:
        self.steps += 1
        for p, average in zip(run.parameters, self.average):
            average *= self.decay
            average += (1 - self.decay) * p._data

    def before_validation(self, run: Run) -> None:
        self._show(run)

    def on_epoch_end(self, run: Run) -> None:
        self._show(run)

    def on_end(self, run: Run) -> None:
        self._show(run)
        left = self.decay**self.steps
        share = f", of which {left:.0%} still are those of the start: lower its decay" if left > 0.05 else ""
        run.history.stopped += f" The weights are their averages (EMA){share}."

    def _show(self, run: Run) -> None:
        """Give the module the averages, if it does not have them yet."""
        if self.trained is None:
            self.trained = [np.array(p._data) for p in run.parameters]
            for p, average in zip(run.parameters, self.average):
                p.data = average

    def state_dict(self) -> dict[str, Any]:
        trained = None if self.trained is None else [np.array(w) for w in self.trained]
        return {"average": [np.array(w) for w in self.average], "trained": trained, "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        average, trained, steps = state["average"], state["trained"], state["steps"]
        for name, arrays in (("average", average), ("trained", self.average if trained is None else trained)):
            if not isinstance(arrays, list) or [np.shape(w) for w in arrays] != [w.shape for w in self.average]:
                raise ValueError(f"EMA: {name} must be a list of arrays in the shapes of the parameters")
        if not is_integer(steps, 0):
            raise ValueError(f"EMA: steps={steps!r:.60} must be an integer from 0")
        self.average = [np.array(w, old.dtype) for w, old in zip(average, self.average)]
        self.trained = None if trained is None else [np.array(w) for w in trained]
        self.steps = steps
