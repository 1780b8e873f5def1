"""History: what every epoch or period of a training run measured, as columns of numbers, and the loss of each step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foreign_names import missing
from ..notebook import curves, escaped, foldable, table
from ..plot.curves import learning_curve
from .measures import better


class History(dict[str, list[float]]):
    """The measures of a training run: a dict from columns ("loss", "validation_loss", ...) to a number per epoch.

    `fit` makes one; a loop of your own can fill one with `append`. It can be pickled, and `pandas.DataFrame(history)`
    or `history.to_frame()` makes a frame of it.

    Attributes
    ----------
    epochs : range
        The numbers of the epochs, from 1; of the periods where these are counted.
    unit : "epoch" or "period"
        What a row is about.
    steps : dict of lists
        What every step measured: `steps["loss"]` has the loss of each batch, before its step.
    ends : list of int
        The last step of each epoch.
    stopped : str
        A sentence that says why the training run ended.

    Examples
    --------
    >>> history = tg.train.History()
    >>> for loss in (0.5, 0.25, 0.3):
    ...     history.append(loss=loss, learning_rate=0.1)
    >>> history["loss"]
    [0.5, 0.25, 0.3]
    >>> len(history.epochs), history.best("loss")
    (3, (2, 0.25))
    >>> history
    History of 3 epochs
    epoch  loss  learning_rate
        1   0.5            0.1
        2  0.25            0.1
        3   0.3            0.1
    """

    def __init__(self) -> None:
        super().__init__()
        self.epochs = range(1, 1)
        self.unit = "epoch"
        self.steps: dict[str, list[float]] = {}
        self.ends: list[int] = []
        self.stopped = ""

    if not TYPE_CHECKING:  # which knows what there is

        def __getattr__(self, name: str) -> Any:
            raise missing("History", name, self, "'History' object")

    def append(self, **measures: float) -> None:
        """Add the measures of one epoch; a column that lacks one gets NaN there.

        Examples
        --------
        >>> history = tg.train.History()
        >>> history.append(loss=2.0)
        >>> history.append(loss=1.0, accuracy=0.9)
        >>> history["accuracy"]
        [nan, 0.9]
        """
        self.extend(**{column: [value] for column, value in measures.items()})

    def extend(self, **measures: Sequence[float]) -> None:
        """Add the measures of several epochs, the same number of them in every column.

        Examples
        --------
        >>> history = tg.train.History()
        >>> history.extend(loss=[2.0, 1.0, 0.5])
        >>> history.best("loss")
        (3, 0.5)
        """
        done, more = len(self.epochs), max(map(len, measures.values()), default=1)
        if any(len(values) != more for values in measures.values()):
            raise ValueError(f"History: {', '.join(measures)} must have the same number of values")
        for column in measures:
            self.setdefault(column, [math.nan] * done)
        for column, values in self.items():
            values += map(float, measures.get(column, [math.nan] * more))
        self.epochs = range(1, done + more + 1)

    def best(self, column: str = "validation_loss", mode: str | None = None) -> tuple[int, float]:
        """Return the first epoch (counted from 1) with the best value of a column, and that value.

        Parameters
        ----------
        column : str
        mode : "min" or "max", optional
            Whether the smallest or the largest value is the best; by default what the column is decides: the largest
            accuracy, the smallest of what has no name of that kind.

        Raises
        ------
        KeyError, ValueError
            If there is no such column, no value in it, or no such mode.

        Examples
        --------
        >>> history = tg.train.History()
        >>> history.append(validation_loss=2.0)
        >>> history.append(validation_loss=1.0)
        >>> history.best()
        (2, 1.0)
        """
        mode = mode or better(column) or "min"
        if mode not in ("min", "max"):
            raise ValueError(f"History.best: mode must be 'min' or 'max', not {mode!r}")
        numbers = [(value, epoch) for epoch, value in zip(self.epochs, self[column]) if not math.isnan(value)]
        if not numbers:
            raise ValueError(f"History.best: the column {column!r} has no values")
        value, epoch = min(numbers) if mode == "min" else min(numbers, key=lambda pair: (-pair[0], pair[1]))
        return epoch, value

    def plot(self, ax: Any = None, steps: bool = False) -> Any:
        """Draw the loss of every epoch, and that of the validation with its best epoch marked.

        It needs Matplotlib (`pip install matplotlib`). `tg.plot.learning_curve` draws other columns too, and several
        runs.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default into a new figure.
        steps : bool
            Whether to draw the loss of every step, too: the noise of the batches. The axis then counts steps.

        Returns
        -------
        matplotlib.axes.Axes

        Examples
        --------
        >>> history = tg.train.History()
        >>> history.append(loss=2.0, validation_loss=2.5)
        >>> history.append(loss=1.0, validation_loss=2.0)
        >>> history.plot().get_xlabel()  # doctest: +SKIP
        'epoch'
        """
        return learning_curve(self, steps=steps, ax=ax)

    def to_frame(self, steps: bool = False) -> Any:
        """Return a pandas frame with a row per epoch (or period), or per step; its index has their numbers.

        It needs pandas (`pip install pandas`).

        Examples
        --------
        >>> history = tg.train.History()
        >>> history.append(loss=2.0)
        >>> history.append(loss=1.0)
        >>> history.to_frame()
               loss
        epoch
        1       2.0
        2       1.0
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("History.to_frame() makes a frame of pandas: pip install pandas") from None
        columns, name = (self.steps, "step") if steps else (dict(self), self.unit)
        frame = pandas.DataFrame(columns)
        frame.index = pandas.RangeIndex(1, len(frame) + 1, name=name)
        return frame

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all columns and the reason for the end, as `tg.save` can keep them."""
        columns = {column: list(values) for column, values in self.items()}
        steps = {column: np.array(values) for column, values in self.steps.items()}
        return {
            "epochs": len(self.epochs),
            "columns": columns,
            "stopped": self.stopped,
            "unit": self.unit,
            "steps": steps,
            "ends": list(self.ends),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.clear()
        self.update((column, list(values)) for column, values in state["columns"].items())
        self.epochs = range(1, state["epochs"] + 1)
        self.stopped, self.unit = state["stopped"], state.get("unit", "epoch")  # versions up to 0.1.0 had no more
        self.steps = {column: np.asarray(values).tolist() for column, values in state.get("steps", {}).items()}
        self.ends = list(state.get("ends", ()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what was pickled, also by version 0.1.0."""
        self.update(state.pop("_columns", {}))
        vars(self).update({"unit": "epoch", "steps": {}, "ends": []} | state)

    # ------------------------------------------------------------------ as a dict and as text

    def __missing__(self, column: str) -> list[float]:
        raise KeyError(f"there is no column {column!r} in this history; it has {', '.join(self) or 'none'}")

    def __repr__(self) -> str:
        if not self.epochs:
            return self._headline()
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths)) for row in cells]
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        head = f"<div><b>{escaped(self._headline())}</b></div>"
        if not self.epochs:
            return head
        losses = {name: self[name] for name in ("loss", "validation_loss") if name in self}
        picture = curves(losses, self.unit, best="validation_loss") if losses else ""
        cells = self._cells()
        rows = foldable(f"{self.unit}s", table(cells[0], cells[1:], left=0), is_open=len(self.epochs) <= 12)
        return f"<div>{head}{picture}{rows}</div>"

    def _headline(self) -> str:
        n = len(self.epochs)
        return f"History of {n} {self.unit}{'s' * (n != 1)}" + (f": {self.stopped}" if self.stopped else "")

    def _cells(self) -> list[list[str]]:
        """Return a row of texts for every epoch, or for the first and the last ones, below the names of the columns."""
        n = len(self.epochs)
        shown: list[int | None] = [*range(n)] if n <= 12 else [*range(5), None, *range(n - 5, n)]
        cells = [[self.unit, *self]]
        for i in shown:
            numbers = ["..."] * len(self) if i is None else [f"{values[i]:.4g}" for values in self.values()]
            cells.append(["..." if i is None else str(i + 1), *numbers])
        return cells
