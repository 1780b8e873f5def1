"""Run: the state of a training run, for callbacks to look at and change; and Callback, the base of them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ..foreign_names import HintsArguments
from ..modes import warn
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor
from .history import History
from .measures import Metric, better

__all__ = ["HOOKS", "BatchSource", "Callback", "Run", "name_of", "overrides", "takes_names"]

HOOKS = (
    "on_start",
    "on_epoch_start",
    "before_step",
    "after_step",
    "before_validation",
    "on_epoch_end",
    "on_end",
    "on_error",
)


def takes_names(module: Module, inputs: Mapping[str, Any]) -> bool:
    """Whether the names of inputs are those of arguments of a module's `forward`, which needs no others."""
    signature = inspect.signature(module.forward)
    try:
        signature.bind(**inputs)
    except TypeError:
        return False
    return inputs.keys() <= signature.parameters.keys()


class BatchSource(Protocol):
    """What gives the batches of an epoch: a DataLoader of arrays, or the Batches that a user brings."""

    def __len__(self) -> int:
        """Return the number of batches, 0 if it is not known."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the batches."""


@dataclass(eq=False, repr=False)
class Run:
    """The state of a training run: what callbacks can look at and change.

    Attributes
    ----------
    module, loss, optimizer
        As `fit` got them.
    data, validation : DataLoader, Batches or None
    metrics : dict from names to Metric
    callbacks : list of Callback
        In the order in which they are called.
    epochs : int
        How many epochs, or periods, there are to be.
    unit : "epoch" or "period"
        What a row of the history is about.
    steps : int, optional
        How many batches there are to be in all periods together.
    columns : list of str
        What every row of the history has.
    modes : dict from columns to "min", "max" or None
        Which values of a metric are better, if that is known.
    roots : list of Modules
        The module, and the loss if it is a Module too.
    frozen : set of ints
        The ids of the modules that stay in evaluation mode.
    parameters : list of Tensors
        What the optimizer changes.
    options : list of dicts
        Those of the optimizer's groups, as they were when the training run began.
    history : History
    epoch, batch : int
        The numbers of the current epoch (or period) and of the batch in it, from 1.
    step : int
        The number of the current batch in the whole training run, from 1.
    position : int
        How many batches of the current pass over the data were taken, where periods are counted.
    accumulate : int
        From how many batches a step of the optimizer takes its gradient.
    examples : tuple (x, *rest)
        The current batch itself.
    batch_loss : float
        Its loss.
    stopped : str or None
        Why the training run is to end after this epoch.
    world : World or None
        The processes that train together, if there are several (see `tg.distributed`).
    by_name : bool or None
        Whether the module takes the inputs of a dict as arguments, and not the dict; None if that is not known yet.
    """

    module: Module
    loss: Callable[..., Any]
    optimizer: Optimizer
    data: BatchSource
    validation: BatchSource | None
    metrics: dict[str, Metric]
    callbacks: list[Callback]
    epochs: int
    unit: str
    steps: int | None
    columns: list[str]
    modes: dict[str, str | None]
    roots: list[Module]
    frozen: set[int]
    parameters: list[Tensor]
    options: list[dict[str, Any]]
    history: History = field(default_factory=History)
    epoch: int = 0
    batch: int = 0
    step: int = 0
    position: int = 0
    accumulate: int = 1
    examples: tuple[Any, ...] = ()
    batch_loss: float = math.nan
    stopped: str | None = None
    world: Any = None
    by_name: bool | None = None

    def output(self, x: Any) -> Any:
        """Return what the module makes of the first part of a batch; the inputs of a dict may be arguments by name."""
        if type(x) is not dict:
            return self.module(x)
        if self.by_name is None:
            self.by_name = takes_names(self.module, x)
        return self.module(**x) if self.by_name else self.module(x)

    def last_step(self, period: int) -> int:
        """Return the number of the last step of a period: all periods have the same number of them, or one more."""
        return period * (self.steps or 0) // self.epochs

    def stop(self, reason: str) -> None:
        """End the training run after this epoch, for a reason: a sentence, which becomes `history.stopped`."""
        self.stopped = reason

    def check_column(self, who: str, column: str) -> None:
        """Raise ValueError if the history will have no such column."""
        if column not in self.columns:
            hint = "; give fit() validation=(X, y)" if self.validation is None and "validation" in column else ""
            ours = column.replace("val_", "validation_", 1)
            hint = f"; here it is {ours!r}" if ours != column and ours in self.columns else hint
            raise ValueError(f"{who}: this training run has no {column!r}, only {', '.join(self.columns)}{hint}")

    def mode_of(self, who: str, column: str, mode: str | None) -> str:
        """Return which values of a column are better, "min" or "max"; warn if that is only a guess.

        `mode` is what somebody chose, or None.
        """
        self.check_column(who, column)
        mode = mode or self.modes.get(column) or better(column)
        if mode is None:
            warn(
                f"{who}: whether small or large values of {column!r} are better does not show in its name; small ones "
                "are taken for better: give mode='min' or mode='max'"
            )
        return mode or "min"


class Callback(HintsArguments):
    """The base of everything that `fit` calls beside its steps. Define the methods that you need.

    Each gets the `Run`, with `module`, `loss`, `optimizer`, `history`, `epoch` (from 1), `epochs` (how many there are
    to be), `batch` and `step` (from 1), `batch_loss` and `stop(reason)`. What must survive an interruption goes into
    `state_dict`. Any other object with some of these methods will do, and a function, which is called after every
    epoch.

    Examples
    --------
    >>> class Report(tg.train.Callback):
    ...     def on_epoch_end(self, run):
    ...         print(f"epoch {run.epoch}: {run.history['loss'][-1]:.2f}")
    ...         if run.history["loss"][-1] < 1.0:
    ...             run.stop("The loss is small enough.")
    >>> line = tg.nn.Linear(1, 1)
    >>> keys = line.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    >>> data = np.ones((2, 1)), np.full((2, 1), 2.0)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.2)
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=9, callbacks=[Report()])
    epoch 1: 4.00
    epoch 2: 0.16
    >>> history.stopped
    'The loss is small enough.'
    """

    after_others = False  # whether to be called after the callbacks that leave this False
    before_others = False  # whether to be called before them
    writes = False  # whether it is for rank 0 alone, of many processes, since it writes
    attribute_of: ClassVar[Mapping[str, str]] = {}  # arguments that are kept under another name

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters.values()
        attributes = [(p, self.attribute_of.get(p.name, p.name)) for p in parameters]
        values = [(p, vars(self)[attribute]) for p, attribute in attributes if attribute in vars(self)]
        values = [(p, str(value) if isinstance(value, Path) else value) for p, value in values if value != p.default]
        arguments = ", ".join(f"{p.name}={value!r}" for p, value in values)
        return f"{type(self).__name__}({arguments})"

    def on_start(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_start(self, run: Run) -> None:
        """Before the first batch of every epoch, or period."""

    def before_step(self, run: Run) -> None:
        """Before every step of the optimizer, when all gradients are there and finite."""

    def after_step(self, run: Run) -> None:
        """After every step of the optimizer."""

    def before_validation(self, run: Run) -> None:
        """After the steps of an epoch, or period, when the validation is about to be measured."""

    def on_epoch_end(self, run: Run) -> None:
        """After every epoch, or period, when its row is in the history."""

    def on_end(self, run: Run) -> None:
        """After the last epoch, also when it came early or by Ctrl-C, but not after an error."""

    def on_error(self, run: Run, error: BaseException) -> None:
        """After an error that ends the training run, such as `Diverged`, which is raised afterwards."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint must keep: numbers, text, arrays, and dicts and lists of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""


def overrides(callback: Callback, hook: str) -> bool:
    """Tell whether a callback does anything at one of the `HOOKS`.

    Examples
    --------
    >>> from tinygrad_ml.train.run import overrides
    >>> overrides(tg.train.ClipGradients(1.0), "before_step"), overrides(tg.train.ClipGradients(1.0), "on_end")
    (True, False)
    """
    return getattr(getattr(callback, hook), "__func__", None) is not vars(Callback)[hook]


def name_of(callback: Callback) -> str:
    """Return what a callback is called in messages and files: the name of its class, or of the function that it is."""
    return vars(callback).get("called", type(callback).__name__)
