"""fit: the loop over epochs and batches. It must cost as little as one that is written by hand."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from .. import random
from ..arrays import on_host
from ..data import DataLoader
from ..data.loader import rows_of
from ..foreign_names import takes_foreign_names
from ..modes import modes, no_grad
from ..nn.module import Module
from ..optim.lbfgs import LBFGS
from ..optim.optimizer import Optimizer
from ..sparse import SparseRows
from ..tensor import Tensor, as_array, from_owned, get_default_dtype
from ..terminal import DeferredInterrupt, ProgressBar, is_within_another_fit
from ..validation import all_finite
from .adapters import ordered_callbacks
from .batches import Batches
from .checks import (
    BroadcastGuard,
    check_arguments,
    check_calls,
    check_compile,
    check_duration,
    check_loss,
    check_measurable,
    is_of_arrays,
    is_suspicious,
    may_pair_rows,
)
from .compiled import CompiledStep, NotFinite, compiled_step
from .diverged import Snapshot, diagnose, warn_of_validation
from .first_batch import warn_of_first_batch
from .history import History
from .measures import check_metrics, measure
from .ranks import add_up, together
from .run import BatchSource, Run, overrides

__all__ = ["fit"]

LONG = 300  # steps: a shorter training run would hardly win back what it costs to make a plan
NO_BATCHES = "fit: data has no batches, or only empty ones"


@takes_foreign_names(too_many="data is one argument, a tuple: fit(module, loss, optimizer, (X, y), epochs=...)")
def fit(
    module: Module,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    data: Any,
    *,
    validation: Any = None,
    epochs: int | None = None,
    steps: int | None = None,
    periods: int | None = None,
    callbacks: Iterable[Any] = (),
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    metrics: Any = None,
    progress: bool | None = None,
    distributed: bool = False,
    compile: bool | str = "auto",
) -> History:
    """Train a module: for every batch (x, *rest) one step down the gradient of `loss(module(x), *rest)`.

    How long is told in passes over the data (`epochs`), or in `steps`, which `periods` divide: then as many examples
    are trained as steps times batch_size, however many there are, and the module is judged after each period.

    The module trains in training mode (parts of it that were put into evaluation mode while it was in training mode
    stay so), is evaluated in evaluation mode, and comes back in the mode that it was in. Ctrl-C ends the training run
    after the batch, and the history comes back; pressed again, it raises KeyboardInterrupt at once. An error that ends
    the training run has its `history`.

    Parameters
    ----------
    module : Module
    loss : callable
        Returns the mean over the batch, for example `tg.nn.CrossEntropyLoss()`.
    optimizer : Optimizer of the module's parameters
    data : (X, y) or (X, y, sample_weight, ...), DataLoader, or another iterable of batches that can be repeated
        Floating arrays are turned into the dtype of the module's parameters.
    validation : the same forms, optional
        The loss of it is measured after every epoch or period, without gradients.
    epochs : int
        The number of passes over the data.
    steps : int
        In place of epochs: the number of batches, which come from as many passes as they need.
    periods : int, optional
        How many rows the history gets for these steps; by default 10, or one for each step if there are fewer.
    callbacks : iterable of Callback
        Or of functions of the `Run`, which are called after every epoch or period.
    batch_size, shuffle, seed
        For arrays, as for `tg.data.DataLoader`.
    metrics : list of names or functions, or dict from names of columns to them, optional
        What else is measured on the validation, into the columns "validation_<name>": "accuracy", "precision",
        "recall", "f1", "roc_auc", "log_loss", "mse", "rmse", "mae", "r2" ... A function gets all targets and outputs,
        function(target, output); one of `tg.metrics` gets what it compares targets with: for logits the classes or
        the probabilities.
    progress : bool, optional
        Whether to show a progress bar (`pip install tqdm`); by default in a terminal and in a notebook.
    distributed : bool
        Whether to train together with the other processes that mpiexec started, each on its rows of every batch (see
        `tg.distributed`). They give the same arguments. Rank 0 writes the files of callbacks.
    compile : bool or "auto"
        Whether steps are compiled, as by `tg.compile`, callbacks before a step apart. "auto" does it for training runs
        of some hundreds of steps with modules of this library where it pays, with the same numbers bit for bit; True
        for all, in C if there is a compiler, whose sums are rounded in another order.

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

    In steps and periods, with the loss of every step:

    >>> history = tg.train.fit(line, tg.nn.MSELoss(), optimizer, (x, 2 * x + 1), steps=50, periods=5, batch_size=8)
    >>> len(history["loss"]), len(history.steps["loss"])
    (5, 50)
    """
    check_compile(compile)
    duration = check_duration(epochs, steps, periods)
    run = _built(module, loss, optimizer, data, validation, duration, callbacks, batch_size, shuffle, seed, metrics)
    if distributed:
        progress = together(run, progress)
    history, epochs = run.history, run.epochs
    history.unit = run.unit
    batches = _endless(run) if run.steps else run.data
    modes_before = [(m, m.training, "training" in vars(m)) for root in run.roots for m in root.modules()]
    with DeferredInterrupt() as interrupt:
        bar = ProgressBar(run.steps or epochs * len(run.data), "batch", wanted=progress)
        if progress and bar.tqdm is None:
            print("fit: a progress bar needs: pip install tqdm", file=sys.stderr)
        try:
            try:
                for callback in run.callbacks:
                    callback.on_start(run)
                first = run.epoch + 1  # 1, or more if a checkpoint was read
                compiled = _compiled(run, compile)
                while run.stopped is None and run.epoch < epochs:
                    run.epoch += 1
                    done = run.last_step(run.epoch - 1) if run.steps else (run.epoch - 1) * len(run.data)
                    bar.describe(f"{run.unit} {run.epoch}/{epochs}", done or None)
                    _one_epoch(run, batches, bar, interrupt, compiled, is_first=run.epoch == first)
                    if run.world is None:  # otherwise all ranks hear of it in the next batch
                        interrupt.check()
                n = len(history.epochs)
                end = f"All {n} {run.unit}s are done." if n > 1 else f"The {run.unit} is done."
                history.stopped = run.stopped or end
            except KeyboardInterrupt:
                if interrupt.count > 1 or is_within_another_fit():
                    raise
                history.stopped = f"Interrupted in {run.unit} {run.epoch} of {epochs}, after batch {run.batch}."
            finally:
                bar.close()
                _restore(modes_before)
            for callback in run.callbacks:
                callback.on_end(run)
        except BaseException as error:
            history.stopped = f"{type(error).__name__} in {run.unit} {run.epoch} of {epochs}, batch {run.batch}."
            error.history = history  # type: ignore[attr-defined]
            for callback in run.callbacks:
                callback.on_error(run, error)
            raise
    return history


def _built(
    module: Module,
    loss: Any,
    optimizer: Optimizer,
    data: Any,
    validation: Any,
    duration: tuple[int, int | None],
    callbacks: Iterable[Any],
    batch_size: int,
    shuffle: bool,
    seed: int | None,
    metrics: Any,
) -> Run:
    """Return the state before the first epoch, or raise an error that says which arguments do not fit together."""
    check_arguments(module, loss, optimizer)
    ordered = ordered_callbacks(callbacks) if callbacks else []
    functions = {} if metrics is None else check_metrics(metrics, validation)
    measured = [] if validation is None else ["validation_loss", *(f"validation_{name}" for name in functions)]
    roots = [module, loss] if isinstance(loss, Module) else [module]
    dtype = next((p.dtype for p in module.parameters() if p.dtype.kind == "f"), get_default_dtype())
    return Run(
        module,
        loss,
        optimizer,
        data=_batches(data, "data", dtype, batch_size, shuffle, seed),
        validation=None if validation is None else _batches(validation, "validation", dtype, max(batch_size, 256)),
        metrics=functions,
        callbacks=ordered,
        epochs=duration[0],
        unit="period" if duration[1] else "epoch",
        steps=duration[1],
        columns=["loss", *measured, "learning_rate", "seconds"],
        modes={f"validation_{name}": metric.mode for name, metric in functions.items()},
        roots=roots,
        # what is in evaluation mode below a module in training mode, such as a batch norm, is to stay so
        frozen={id(m) for root in roots if root.training for m in root.modules() if not m.training},
        parameters=[p for group in optimizer.param_groups for p in group["params"]],
        options=[{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups],
    )


def _compiled(run: Run, wanted: bool | str) -> CompiledStep | None:
    """Return what takes compiled steps, if it is wanted, or pays."""
    steps = run.steps or run.epochs * len(run.data)
    return compiled_step(run, wanted, steps) if wanted is True or (wanted and steps - run.step >= LONG) else None


def _endless(run: Run) -> Iterator[tuple]:
    """Yield batches of one pass over the data after the other; the first begins where a checkpoint left off."""
    while True:
        done, before = run.position, random.get_rng_state()
        batches = iter(run.data)
        for _ in islice(batches, done):
            pass
        if done:  # those were drawn before the training run was interrupted
            random.set_rng_state(before)
        for batch in batches:
            run.position += 1
            yield batch
        if not run.position:
            raise ValueError(NO_BATCHES)
        run.position = 0


def _batches(
    data: Any, what: str, dtype: np.dtype, batch_size: int, shuffle: bool = False, seed: int | None = None
) -> DataLoader | Batches:
    if is_of_arrays(data, what):
        return DataLoader(data, batch_size, shuffle, seed=seed, dtype=dtype)
    return Batches(data, what, dtype)


def _restore(modes_before: list[tuple[Module, bool, bool]]) -> None:
    for module, mode, own in modes_before:
        module.training = mode
        if not own:  # it was that of the class
            vars(module).pop("training", None)


def _one_epoch(
    run: Run, batches: Any, bar: ProgressBar, interrupt: DeferredInterrupt, compiled: Any, is_first: bool
) -> None:
    """Train on all batches once, or on those of a period; evaluate, and call the callbacks."""
    start = time.perf_counter()
    for callback in run.callbacks:
        callback.on_epoch_start(run)
    for root in run.roots:
        for m in root.modules():
            m.training = id(m) not in run.frozen
    if run.steps:
        batches = islice(batches, run.last_step(run.epoch) - run.last_step(run.epoch - 1))
    measures = {"loss": _train(run, batches, bar, Steps(run, interrupt, compiled), is_first)}
    if run.world is not None:
        run.world.average_buffers(run.roots)
    rate = run.optimizer.param_groups[0]["lr"]
    if run.validation is not None:
        for callback in run.callbacks:
            callback.before_validation(run)
        measures |= _validate(run, run.validation, interrupt)
    run.history.ends.append(run.step)
    run.history.append(**measures, learning_rate=rate, seconds=time.perf_counter() - start)
    bar.note({name: measures[name] for name in ("loss", "validation_loss") if name in measures})
    for callback in run.callbacks:
        callback.on_epoch_end(run)


def _train(run: Run, batches: Iterable[tuple], bar: ProgressBar, steps: Steps, is_first: bool) -> float:
    """Take a step for every batch, or for several together; return the mean loss, weighted by rows."""
    count = rows_of if run.world is None else run.world.count
    buffers = [buffer for root in run.roots for buffer in root.buffers()]
    update = bar.tqdm and bar.tqdm.update
    total, rows, run.batch = 0.0, 0, 0
    # a loss or gradient that is not finite is an error here, so NumPy's warnings would only come on top of it
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        for batch in batches:
            run.batch += 1
            run.step += 1
            run.examples = batch
            # what the batch would need to be run again: the random numbers, and the values of buffers, which a
            # forward pass replaces and does not change in place
            before = random.default_generator().bit_generator.state, [buffer._data for buffer in buffers]
            if not is_first and steps.compiled is not None and steps.compiled.is_ready():
                number, n, stopping = steps.whole(batch, before, buffers)
            else:
                n = count(batch[0])
                value = _gradients(run, batch, before, buffers, steps, n, is_first)
                number, n, stopping = steps.after(value, run.batch_loss, n)
                is_first = False
            total += number * n
            rows += n
            if update:
                update()
            if stopping:
                raise KeyboardInterrupt
        steps.finish()
    if not rows:
        raise ValueError(NO_BATCHES)
    return total / rows


def _gradients(
    run: Run, batch: tuple, before: tuple[Any, Any], buffers: list, steps: Steps, n: int, is_first: bool
) -> Tensor:
    """Return the loss of a batch of n rows, whose gradients are there and finite."""
    if not steps.waiting:
        run.optimizer.zero_grad()
    if is_first:
        check_calls(run.module, run.loss, batch, "data", _is_list(run.data))
    x = batch[0]
    output = run.module(x) if type(x) is not dict else run.output(x)
    value = _guarded_loss(run.loss, output, batch) if is_first else run.loss(output, *batch[1:])
    if not isinstance(value, Tensor) or value.node is None or value.size != 1:
        check_loss(value)
    number = run.batch_loss = value.item()
    if not math.isfinite(number):
        raise diagnose(run, batch, Snapshot(*before, buffers), number)
    steps.backward(value, n)
    for p in run.parameters:
        g = p._grad
        if g is not None and not all_finite(g.values if type(g) is SparseRows else g._data):
            raise diagnose(run, batch, Snapshot(*before, buffers), number, p)
    if is_first and is_suspicious(run, batch, output):
        warn_of_first_batch(run, batch, Snapshot(*before, buffers))
    return value


class Steps:
    """The steps of the optimizer in an epoch.

    waiting : how many batches there are whose gradients wait for a step
    compiled : what takes a whole step, or None
    """

    def __init__(self, run: Run, interrupt: DeferredInterrupt, compiled: CompiledStep | None):
        self.run, self.interrupt, self.compiled = run, interrupt, compiled
        self.plain = run.accumulate == 1 and run.world is None  # the gradient of a batch is that of a step
        self.take = _stepper(run)
        self.note = run.history.steps.setdefault("loss", []).append
        self.waiting = self.rows = 0

    def whole(self, batch: tuple, before: tuple[Any, Any], buffers: list) -> tuple[float, int, int]:
        """Take a compiled step; return loss and rows of the batch, and whether to stop."""
        assert self.compiled is not None
        try:
            self.compiled(batch)
        except NotFinite as error:
            snapshot = Snapshot(*before, buffers)
            raise diagnose(self.run, batch, snapshot, error.number, error.parameter) from None
        self.note(self.run.batch_loss)
        return self.run.batch_loss, rows_of(batch[0]), self.interrupt.count

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
            p._grad._replace(as_array(p._grad._data / rows))


def _closure(run: Run, batch: tuple, first: Tensor) -> Callable[[], Tensor]:
    """Return a function that gives LBFGS the loss and gradients that are there, and later computes new ones."""
    known = [first]

    def closure() -> Tensor:
        if known:
            return known.pop()
        run.optimizer.zero_grad()
        value = run.loss(run.output(batch[0]), *batch[1:])
        if run.world is None:
            value.backward()
            return value
        n = run.world.rows
        value.backward(np.full(value.shape, n, value.dtype))
        number, *_ = add_up(run, run.parameters, n, value.item(), n, 0)
        return from_owned(np.asarray(number, value.dtype))

    return closure


def _guarded_loss(loss: Callable, output: Any, batch: tuple) -> Any:
    """Return the first loss, but refuse one that pairs every row with every other by mistake."""
    rest, n = batch[1:], rows_of(batch[0])
    if modes.observer is None and rest and may_pair_rows(output, rest, n):
        with BroadcastGuard(output, rest, n):
            return loss(output, *rest)
    return loss(output, *rest)


@no_grad
def _validate(run: Run, batches: BatchSource, interrupt: DeferredInterrupt) -> dict[str, float]:
    """Return the loss and the metrics of the validation."""
    for root in run.roots:
        root.eval()
    total, rows = 0.0, 0
    outputs, targets = [], []
    for x, *rest in batches:
        if not rows:
            check_calls(run.module, run.loss, (x, *rest), "validation", _is_list(batches))
        output = run.output(x)
        value = float(run.loss(output, *rest))
        if not math.isfinite(value):
            warn_of_validation(run, value, (x, *rest), rows)
        n = rows_of(x)
        total += value * n
        rows += n
        if run.metrics:
            check_measurable(output, rest)
            outputs.append(on_host(output))
            targets.append(on_host(rest[0]))
        if run.world is None:
            interrupt.check()
    if not rows:
        raise ValueError("fit: validation has no batches")
    measures = {"validation_loss": total / rows}
    if run.metrics:
        target, output = np.concatenate(targets), np.concatenate(outputs)
        measures |= measure(run.metrics, run.loss, output, target)
    return measures


def _is_list(batches: BatchSource) -> bool:
    return isinstance(batches, Batches) and isinstance(batches.source, list)
