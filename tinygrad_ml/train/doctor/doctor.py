"""Doctor: watches a training run, and says what is wrong with the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays import on_host
from ...autograd import grad
from ...graph.tracing import draw
from ...modes import Mode, modes
from ...nn.losses.base import Loss
from ...nn.module import Module
from ...optim.optimizer import Optimizer
from ...tensor import Tensor, get_default_dtype
from ..batches import Batches
from ..callbacks import EarlyStopping
from ..diverged import Diverged
from ..run import Callback, Run
from .case import Case
from .data import wrong_labels
from .diagnosis import diagnose, remarks_on
from .failure import non_finite
from .finding import Finding, as_html, as_text
from .level import level_of, outputs_of, untouched
from .picture import plot
from .record import Record, each_once
from .watch import NOTHING, Watch, both, in_turn, is_sampled

__all__ = ["Doctor"]


class Doctor(Callback):
    """Watches a training run layer by layer, and says what is wrong: each illness with its place, meaning and cure.

    It is a callback of `fit` and of estimators; a context around a loop of your own; and `examine` looks at one batch.
    It watches the steps 1, 4, 16, 64, every 128th, and the last: the outputs of all layers, the gradients that come
    back to them, and how far the weights go. `print(doctor)` shows the findings, the worst first. What each of them
    means, and where its limit comes from, is in docs/doctor.md.

    Parameters
    ----------
    module : Module, optional
        What to watch in a `with` block; `fit` says it by itself.
    optimizer : Optimizer, optional
        Of a loop of your own: the report then names the learning rate.
    loss : callable, optional
        Of a loop of your own, if it is a function: with it, or a Module such as `tg.nn.MSELoss()`, the doctor can tell
        whether the loss is better than chance.

    Attributes
    ----------
    findings : list of Finding
        Empty for a healthy network. A Finding has `illness`, `layer` (a name of `named_modules()`), `number`,
        `meaning` and `advice`.
    remarks : list of str
        What is no illness, but good to know.

    Examples
    --------
    >>> tg.manual_seed(0)
    >>> deep = [layer for _ in range(12) for layer in (tg.nn.Linear(8, 8), tg.nn.Sigmoid())]
    >>> net = tg.nn.Sequential(*deep, tg.nn.Linear(8, 1))
    >>> x = np.random.default_rng(0).normal(size=(64, 8))
    >>> doctor = tg.train.Doctor()
    >>> [finding.illness for finding in doctor.examine(net, tg.nn.MSELoss(), (x, x[:, :1]))]
    ['vanishing gradient']
    >>> doctor.findings[0].layer
    '0'

    In a loop of your own:

    >>> line, mse = tg.nn.Linear(1, 1), tg.nn.MSELoss()
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> with tg.train.Doctor(line, sgd) as doctor:
    ...     for _ in range(100):
    ...         sgd.zero_grad()
    ...         mse(line(tg.tensor(x[:, :1])), tg.tensor(2 * x[:, :1])).backward()
    ...         sgd.step()
    >>> doctor
    Doctor: 100 steps, 4 watched: no illness found.
    """

    def __init__(
        self, module: Module | None = None, optimizer: Optimizer | None = None, loss: Callable[..., Any] | None = None
    ):
        for name, thing, kind in (("module", module, Module), ("optimizer", optimizer, Optimizer)):
            if thing is not None and not isinstance(thing, kind):
                hint = "; what fit() gets needs no module: Doctor()" if name == "module" else ""
                raise TypeError(f"Doctor: {name} must be a {kind.__name__}, not {type(thing).__name__}{hint}")
        if loss is not None and not callable(loss):
            raise TypeError(f"Doctor: loss must be a function of output and target, not {type(loss).__name__}")
        self.module, self.optimizer, self.loss = module, optimizer, loss
        self._mode: Mode | None = None
        self._forget()

    def _forget(self) -> None:
        self._record = Record()
        self._watch: Watch | None = None
        self._case: Case | None = None
        self._findings: list[Finding] | None = None
        self._rates: list[float] = []
        self._failures: list[Finding] = []
        self._optimised: set[str] | None = None

    # ------------------------------------------------------------------ what it found

    @property
    def findings(self) -> list[Finding]:
        """What was found, the worst first; an empty list for a healthy network."""
        if self._findings is None:
            case = self._case or self._now({})
            if case.outputs is not None:
                *rows, outputs = each_once((*self._record.rows(), case.outputs))
                case.level = level_of(self.loss, tuple(rows), outputs)
                if len(rows) > 1:
                    case.failures += wrong_labels(self.loss, outputs, self._record.made_by, rows[1])
            found = diagnose(case)
            if self._case is None:  # the training run goes on
                return found
            self._findings, case.outputs = found, None
        return list(self._findings)

    @property
    def remarks(self) -> list[str]:
        """What is no illness, but good to know."""
        return remarks_on(self._record, self._optimised)

    def _now(self, history: Any) -> Case:
        modules = {} if self.module is None else dict(self.module.named_modules())
        return Case(
            self._record,
            self.loss,
            modules,
            history,
            rates=self._rates,
            failures=self._failures,
            optimised=self._optimised,
        )

    def _headline(self) -> str:
        record = self._record
        if not record.steps and not self._failures:
            return "Doctor: nothing was watched yet."
        n = len(self.findings)
        seen = f"{record.steps} step{'s' * (record.steps != 1)}, {len(record.samples)} watched"
        if self._case is not None and self._case.one_batch:
            seen = "one batch"
        found = "no illness found." if not n else f"{n} illness{'es' * (n > 1)} found."
        return f"Doctor: {seen}: {found}"

    def __repr__(self) -> str:
        if not self._record.steps and not self._failures:
            return f"Doctor({type(self.module).__name__ if self.module is not None else ''})"
        titles = ", ".join(finding.title for finding in self.findings)
        return (
            f"{self._headline()[:-1]}: {titles}." if titles else self._headline()
        )  # it stands in that of an estimator

    def __str__(self) -> str:
        return as_text(self._headline(), self.findings, self.remarks)

    def _repr_html_(self) -> str:
        return as_html(self._headline(), self.findings, self.remarks)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self)) | {"_findings": self.findings if self._case is not None else None}
        if self._case is not None:  # the rest is of no use any more, and often cannot be pickled
            state |= {"loss": None, "optimizer": None, "_watch": None, "_mode": None}
            state["_case"] = replace(self._case, loss=None, outputs=None)
        return state

    def plot(self, axes: Any = None) -> Any:
        """Draw gradients, activations and updates: a row for each layer, a column for each watched step.

        It needs Matplotlib (`pip install matplotlib`).

        Parameters
        ----------
        axes : three matplotlib.axes.Axes, optional
            Where to draw; by default into a new figure.

        Returns
        -------
        array of three matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        RuntimeError
            If nothing was watched yet.
        """
        return plot(self._record, self.findings, axes)

    def draw(self, *inputs: Any, **options: Any) -> Any:
        """Draw the compute graph of the module with the findings on its layers; return the Graph, as `tg.draw`.

        Parameters
        ----------
        inputs : arrays or Tensors, optional
            By default two rows that were watched.
        options : those of `tg.draw`, such as `path`

        Examples
        --------
        >>> net = tg.nn.Sequential(tg.nn.Linear(2, 4), tg.nn.ReLU(), tg.nn.Linear(4, 1))
        >>> net[0].bias.data[:] = -100.0
        >>> doctor = tg.train.Doctor()
        >>> x = np.random.default_rng(0).normal(size=(64, 2))
        >>> found = doctor.examine(net, tg.nn.MSELoss(), (x, x[:, :1]))
        >>> doctor.draw()["relu"].message
        'dead ReLU: 100% of the 4 units are off for every example of the watched batch...'
        """
        if self.module is None or (not inputs and not self._record.kept):
            raise RuntimeError("Doctor.draw: nothing was watched yet")
        if not inputs:
            part = self._record.kept[-1][0][:2]
            inputs = (Tensor(part),)
        return draw(self.module, *inputs, findings=self.findings, **options)

    # ------------------------------------------------------------------ one batch

    def examine(self, module: Module, loss: Callable[..., Any], batch: Any) -> list[Finding]:
        """Return what one batch tells: `loss(module(x), *rest)` and its gradients, computed once in training mode.

        The module stays as it is: parameters, buffers, gradients, mode; so do the random numbers. A loss at chance
        level, and what else only a training run tells, is not looked at.

        Parameters
        ----------
        module : Module
        loss : callable
        batch : tuple (x, *rest)

        Examples
        --------
        >>> x = np.random.default_rng(0).normal(size=(32, 2))
        >>> tg.train.Doctor().examine(tg.nn.Linear(2, 1), tg.nn.MSELoss(), (x, x[:, :1]))
        []
        """
        if not isinstance(module, Module):
            raise TypeError(f"Doctor.examine: module must be a tg.nn.Module, not {type(module).__name__}")
        if not callable(loss):
            raise TypeError(f"Doctor.examine: loss must be a function of output and target, not {type(loss).__name__}")
        if not isinstance(batch, (tuple, list)):
            raise TypeError(f"Doctor.examine: batch must be a tuple (x, y), not {type(batch).__name__}")
        self._forget()
        self.module, self.loss = module, loss
        dtype = next((p.dtype for p in module.parameters() if p.dtype.kind == "f"), get_default_dtype())
        (ready,) = Batches([tuple(batch)], "batch", dtype)
        self._record.steps = 1
        self._record.keep(ready)
        case = self._now({})
        case.one_batch = True
        output = self._run_once(ready)
        if not self._failures:
            gradients = [p.gradient for s in self._record.samples for p in s.parameters.values()]
            if not all(math.isfinite(number) for number in (*self._record.losses, *gradients) if number is not None):
                failure = non_finite(module, loss, ready)
                self._failures += [failure] if failure else []
        if isinstance(output, Tensor) and output.ndim and not self._failures:
            case.level = level_of(None, self._record.rows(), on_host(output)[: self._record.kept_rows])
        self._case = case
        return self.findings

    def _run_once(self, batch: tuple) -> Any:
        """Compute the loss of a batch and its gradients in training mode; return the output."""
        module, loss, output = self.module, self.loss, None
        assert module is not None
        assert loss is not None
        watch = Watch(module, self._record)
        before = [(p, np.array(on_host(p))) for p in module.parameters()]
        try:
            with untouched(module, training=True), Mode(call_observer=watch.call, observer=None):
                if not module.training:
                    module.train()
                watch.begin(1)
                output = module(batch[0])
                if isinstance(output, Tensor) and len(batch) > 1:
                    self._failures += wrong_labels(loss, on_host(output), self._record.made_by, batch[1])
                value = loss(output, *batch[1:])
                self._record.losses.append(value.item())
                learning = [p for p in module.parameters() if p.requires_grad]
                if learning:
                    grad(value, learning, allow_unused=True)  # which leaves .grad alone
        except (ValueError, TypeError, IndexError):
            if not self._failures:
                raise
        finally:
            watch.end()
            for p, array in before:
                if not np.array_equal(
                    array, on_host(p), equal_nan=True
                ):  # a module may write to its weights in forward
                    p._replace(array)
        watch.look_over_time()
        return output

    # ------------------------------------------------------------------ as a callback

    def on_start(self, run: Run) -> None:
        self._forget()
        self.module, self.loss = run.module, run.loss
        self._watch = Watch(run.module, self._record)
        self._optimised = self._watch.names_of(run.parameters)
        self._last = run.steps or run.epochs * len(run.data)
        self._begin(1)

    def _begin(self, step: int) -> None:
        assert self._watch is not None
        self._watch.begin(step)
        self._mode = Mode(call_observer=both(modes.call_observer, self._watch.call))
        self._mode.__enter__()

    def _stop_watching(self) -> None:
        if self._mode is not None:
            self._mode.__exit__()
            self._mode = None
        if self._watch is not None:
            self._watch.end()

    def before_step(self, run: Run) -> None:
        record, watch = self._record, self._watch
        record.losses.append(run.batch_loss)
        record.steps += 1
        if watch is None:
            return
        watch.after_update()
        if watch.sample is not None:
            sample = watch.sample
            self._stop_watching()
            watch.before_update(sample)
            record.keep(run.examples)
            self._rates.append(run.optimizer.param_groups[0]["lr"])
        if is_sampled(record.steps + 1) or record.steps + 1 == self._last:
            self._begin(record.steps + 1)

    def on_epoch_end(self, run: Run) -> None:
        if self._watch is not None:
            self._watch.after_update()

    def on_end(self, run: Run) -> None:
        self._stop_watching()
        restored = any(isinstance(c, EarlyStopping) and c.best_weights is not None for c in run.callbacks)
        self._conclude(dict(run.history), restored)

    def on_error(self, run: Run, error: BaseException) -> None:
        self._stop_watching()
        if isinstance(error, Diverged):
            failure = non_finite(run.module, run.loss, run.examples) if run.examples else None
            self._failures += [failure] if failure else []
        elif isinstance(error, (ValueError, TypeError, IndexError)) and len(run.examples) > 1:
            x = run.examples[0]
            output = outputs_of(run.module, on_host(x))
            if output is not None:
                self._failures += wrong_labels(run.loss, output, self._record.made_by, run.examples[1])
        self._record.keep(run.examples)
        self._conclude(dict(run.history), False)

    def _conclude(self, history: dict[str, Any], restored: bool) -> None:
        """Look at the end of the training run: how good the outputs are, and how far back in time gradients go."""
        case = self._now(history)
        case.restored = restored
        rows = self._record.rows()
        if rows and self.module is not None and not self._failures:
            case.outputs = outputs_of(self.module, rows[0])
        if self._watch is not None:
            self._watch.look_over_time()
        self._watch = None
        self._case = case
        self._findings = None

    # ------------------------------------------------------------------ around a loop of one's own

    def __enter__(self) -> Doctor:
        if self.module is None:
            raise TypeError("Doctor: say what to watch: with Doctor(model) as doctor: ...")
        self._forget()
        self._watch = Watch(self.module, self._record, self._failed)
        if self.optimizer is not None:
            self._optimised = self._watch.names_of(p for group in self.optimizer.param_groups for p in group["params"])
        self._inputs: Any = None
        self._target: Any = None
        self._value: Tensor | None = None
        call, operation = both(modes.call_observer, self._call), in_turn(modes.observer, self._operation)
        self._mode = Mode(call_observer=call, observer=operation)
        self._mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._next_step()
        self._stop_watching()
        self._conclude({}, False)
        self._inputs = self._target = self._value = None

    def _call(self, module: Module, inputs: tuple, named: dict[str, Any]) -> Any:
        """Look at the calls of modules: the module itself begins a step, a loss has the target."""
        watch = self._watch
        if watch is None or not modes.recording:
            return NOTHING
        if module is self.module and not watch.stack:
            self._next_step()
            self._inputs = inputs
            self._record.steps += 1
            if is_sampled(self._record.steps) and not self._failures:
                watch.begin(self._record.steps)
                assert watch.sample is not None
                watch.before_update(watch.sample)
        elif isinstance(module, Loss) and not watch.stack and len(inputs) > 1:
            self._target = inputs[1]
            if self.loss is None:
                self.loss = module
        return watch.call(module, inputs, named) if watch.sample is not None else NOTHING

    def _next_step(self) -> None:
        """Finish the step before, if there was one."""
        watch = self._watch
        if watch is None or self._inputs is None:
            return
        if self._value is not None:
            value = float(self._value._data)
            self._record.losses += [value] if math.isfinite(value) else []
        if watch.sample is not None:
            watch.end()
            parts = self._inputs[:1] if self._target is None else (self._inputs[0], self._target)
            self._record.keep(parts)
            if self.optimizer is not None:
                self._rates.append(self.optimizer.param_groups[0]["lr"])
        watch.after_update()
        self._inputs = self._target = self._value = None

    def _operation(self, primitive: Any, inputs: Any, parameters: dict, result: Any) -> None:
        """Look for the loss: the last single number that has a gradient."""
        if type(result) is Tensor and result.node is not None and result._data.size == 1 and self._inputs is not None:
            self._value = result
            if not math.isfinite(result.item()):
                self._failed(primitive.name)

    def _failed(self, operation: str = "") -> None:
        """Find out what is not finite, at the first time."""
        if self._failures or self._inputs is None or self.module is None:
            return
        self._failures.append(Finding("NaN or infinity", "", math.nan, "", "", 1.0))  # it is being looked for
        batch = self._inputs[:1] if self._target is None else (self._inputs[0], self._target)
        found = non_finite(self.module, self.loss if self._target is not None else None, batch)
        if found is None:
            what = f"{operation} in the loss" if operation else "The gradient of a parameter"
            found = Finding(
                "NaN or infinity",
                "",
                math.nan,
                f"{what} is not finite in step {self._record.steps}.",
                "Run the loop in `with tg.detect_anomaly():` to see the operation and its line.",
                1.0,
            )
        self._failures[:] = [found]
