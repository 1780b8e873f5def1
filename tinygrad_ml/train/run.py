"""fit: the loop over epochs and batches, and Run: what it knows, for callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..modes import no_grad
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor, get_default_dtype
from .arguments import check_calls, check_measurable, check_metrics
from .batches import Batches
from .callbacks import Callback
from .history import History
from .interrupts import Interrupts
from .progress import Bar
from .step import Stepper


def fit(
    module: Module,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    data: Any,
    *,
    validation: Any = None,
    epochs: int,
    callbacks: Iterable[Callback] = (),
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    metrics: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] | None = None,
    progress: bool | None = None,
) -> History:
    """Train a module: for every batch (x, *rest) one step down the gradient of `loss(module(x), *rest)`.

    The module trains in training mode (parts of it that were put into evaluation mode while it was in training mode
    stay so), is judged in evaluation mode, and comes back in the mode that it was in. Ctrl-C ends the training after
    the batch, and the history comes back; pressed again, it raises KeyboardInterrupt at once. An error that ends the
    training has its `history`.

    Parameters
    ----------
    module : Module
    loss : callable
        Returns the mean over the batch, for example `tg.nn.CrossEntropyLoss()`.
    optimizer : Optimizer of the module's parameters
    data : (X, y) or (X, y, sample_weight, ...), DataLoader, or another iterable of batches that can be repeated
        Floating arrays are turned into the dtype of the module's parameters.
    validation : the same forms, optional
        The loss of it is measured after every epoch, without gradients.
    epochs : int
    callbacks : iterable of Callback
    batch_size, shuffle, seed
        For arrays, as for `tg.data.DataLoader`.
    metrics : mapping from names to functions, optional
        function(target, output) of all targets and outputs of the validation gives the column "validation_<name>".
    progress : bool, optional
        Whether to show a progress bar (`pip install tqdm`); by default in a terminal and in a notebook.

    Returns
    -------
    History

    Raises
    ------
    Diverged
        If the loss or a gradient is NaN or infinite, before the step; it names the first operation that made it.
    TypeError, ValueError
        If the arguments do not fit together.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> line = tg.nn.Linear(1, 1)
    >>> optimizer = tg.optim.SGD(line.parameters(), lr=0.5)
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), optimizer, (x, 2 * x + 1), epochs=20, seed=0)
    >>> history.stopped, history["loss"][-1] < 1e-3
    ('All 20 epochs are done.', True)
    >>> line.weight
    tensor([[2.]], requires_grad=True)
    """
    run = Run(module, loss, optimizer, data, validation, epochs, callbacks, batch_size, shuffle, seed, metrics)
    history = run.history
    modes = [(m, m.training, "training" in vars(m)) for root in run.roots for m in root.modules()]
    with Interrupts() as run.interrupts:
        bar = Bar(progress, epochs, len(run.data))
        try:
            try:
                for callback in run.callbacks:
                    callback.on_start(run)
                while run.stopped is None and run.epoch < epochs:
                    run.one_epoch(bar)
                    run.interrupts.check()
                n = len(history.epochs)
                history.stopped = run.stopped or (f"All {n} epochs are done." if n > 1 else "The epoch is done.")
            except KeyboardInterrupt:
                if run.interrupts.count > 1:
                    raise
                history.stopped = f"Interrupted in epoch {run.epoch} of {epochs}, after batch {run.batch}."
            finally:
                bar.close()
                _restore(modes)
            for callback in run.callbacks:
                callback.on_end(run)
        except BaseException as error:
            history.stopped = f"{type(error).__name__} in epoch {run.epoch} of {epochs}, batch {run.batch}."
            error.history = history  # type: ignore[attr-defined]
            raise
    return history


def _restore(modes: list[tuple[Module, bool, bool]]) -> None:
    for module, mode, own in modes:
        module.training = mode
        if not own:  # it was that of the class
            vars(module).pop("training", None)


class Run:
    """A training as it goes on: what callbacks can look at and change.

    Attributes
    ----------
    module, loss, optimizer, history, callbacks
        As `fit` got them, or returns them; callbacks that come after the others stand at the end.
    parameters : list of Tensors
        What the optimizer changes.
    options : list of dicts
        Those of the optimizer's groups, as they were when the training began.
    epoch, batch : int
        The numbers of the present epoch and batch, from 1.
    epochs : int
        How many epochs there are to be.
    columns : list of str
        What every row of the history has.
    stopped : str or None
        Why the training is to end after this epoch.
    """

    def __init__(
        self,
        module: Module,
        loss: Any,
        optimizer: Optimizer,
        data: Any,
        validation: Any,
        epochs: int,
        callbacks: Iterable[Callback],
        batch_size: int,
        shuffle: bool,
        seed: int | None,
        metrics: Mapping[str, Callable] | None,
    ):
        self.module, self.loss, self.optimizer, self.epochs = module, loss, optimizer, epochs
        self.history, self.interrupts = History(), Interrupts()
        if not isinstance(callbacks, Iterable):
            name = (callbacks if isinstance(callbacks, type) else type(callbacks)).__name__
            raise TypeError(f"fit: callbacks must be a list, also of a single one: write callbacks=[{name}(...)]")
        self.callbacks = list(callbacks)
        self.metrics = {} if metrics is None else check_metrics(metrics)
        self.epoch = self.batch = 0
        self.stopped: str | None = None
        self._check(validation)
        self.callbacks.sort(key=lambda callback: callback.after_others)
        self.roots = [module, loss] if isinstance(loss, Module) else [module]
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.options = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        dtype = next((p.dtype for p in module.parameters() if p.dtype.kind == "f"), get_default_dtype())
        self.data = Batches(data, "data", dtype, batch_size, shuffle, seed)
        self.validation = None
        if validation is not None:
            self.validation = Batches(validation, "validation", dtype, max(batch_size, 256))
        measured = [] if validation is None else ["validation_loss", *(f"validation_{name}" for name in self.metrics)]
        self.columns = ["loss", *measured, "learning_rate", "seconds"]
        # what is in evaluation mode below a module in training mode is frozen, such as a batch norm
        self._frozen = {id(m) for root in self.roots if root.training for m in root.modules() if not m.training}
        self._stepper = Stepper(self)

    def _check(self, validation: Any) -> None:
        module, optimizer, epochs = self.module, self.optimizer, self.epochs
        if not isinstance(module, Module):
            raise TypeError(f"fit: module must be a tg.nn.Module, not {type(module).__name__}")
        if not callable(self.loss):
            raise TypeError(f"fit: loss must be a function of output and target, not {type(self.loss).__name__}")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"fit: optimizer must be one of tg.optim, not {type(optimizer).__name__}")
        if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
            raise ValueError(f"fit: epochs must be an integer from 1, not {epochs!r}")
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                name = callback.__name__ + " itself" if isinstance(callback, type) else type(callback).__name__
                raise TypeError(f"fit: callbacks must be objects of tg.train.Callback, not {name}")
        if self.metrics and validation is None:
            raise ValueError("fit: metrics are measured on the validation data; give validation=(X, y)")
        if not any(p.requires_grad for p in module.parameters()):
            raise ValueError(
                f"fit: no parameter of this {type(module).__name__} requires a gradient, so nothing is learned"
            )
        roots = [module, self.loss] if isinstance(self.loss, Module) else [module]
        own = {id(p) for root in roots for p in root.parameters()}
        others = [p for group in optimizer.param_groups for p in group["params"] if id(p) not in own]
        if others:
            raise ValueError(
                f"fit: {len(others)} of the parameters that the optimizer changes are not the module's (shapes "
                f"{', '.join(str(p.shape) for p in others[:5])}): make it with {type(optimizer).__name__}"
                "(module.parameters()), after the last layer was made"
            )

    def stop(self, reason: str) -> None:
        """End the training after this epoch, for a reason: a sentence, which becomes `history.stopped`."""
        self.stopped = reason

    def check_column(self, who: str, column: str) -> None:
        """Raise ValueError if the history will have no such column."""
        if column not in self.columns:
            hint = "; give fit() validation=(X, y)" if self.validation is None and "validation" in column else ""
            raise ValueError(f"{who}: this training has no {column!r}, only {', '.join(self.columns)}{hint}")

    def one_epoch(self, bar: Bar) -> None:
        """Train on all batches once, judge, and let the callbacks know."""
        start = time.perf_counter()
        self.epoch += 1
        self.batch = 0
        bar.start(self.epoch)
        for root in self.roots:
            for m in root.modules():
                m.training = id(m) not in self._frozen
        measures = {"loss": self._stepper.all_batches(bar)}
        rate = self.optimizer.param_groups[0]["lr"]
        if self.validation is not None:
            measures |= self._judged(self.validation)
        self.history.append(**measures, learning_rate=rate, seconds=time.perf_counter() - start)
        bar.finish(measures)
        for callback in self.callbacks:
            callback.on_epoch_end(self)

    @no_grad
    def _judged(self, batches: Batches) -> dict[str, float]:
        """Return the loss and the metrics of the validation."""
        for root in self.roots:
            root.eval()
        total, rows = 0.0, 0
        outputs, targets = [], []
        for x, *rest in batches:
            if not rows:
                check_calls(self, "validation", (x, *rest))
            output = self.module(x)
            total += float(self.loss(output, *rest)) * len(x)
            rows += len(x)
            if self.metrics:
                check_measurable(output, rest)
                outputs.append(output.numpy())
                targets.append(_array(rest[0]))
            self.interrupts.check()
        if not rows:
            raise ValueError("fit: validation has no batches")
        measures = {"validation_loss": total / rows}
        if self.metrics:
            target, output = np.concatenate(targets), np.concatenate(outputs)
            measures |= {
                f"validation_{name}": float(function(target, output)) for name, function in self.metrics.items()
            }
        return measures


def _array(x: Any) -> np.ndarray:
    return x.numpy() if isinstance(x, Tensor) else x
