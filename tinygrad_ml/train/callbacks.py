"""Callbacks that change how training goes: stop early, change the learning rate, clip or accumulate gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..optim import clip_grad_norm_, clip_grad_value_
from ..optim.lbfgs import LBFGS
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..validation import check_integer, is_integer, is_number
from .measures import better
from .run import Callback, Run

__all__ = ["ClipGradients", "EarlyStopping", "GradientAccumulation", "LearningRate", "check_mode", "improved"]


class EarlyStopping(Callback):
    """Ends the training run when a measure has not improved for some epochs, and restores the best weights.

    The weights and buffers of the best epoch come back whenever the training run ends. After an error they stay in
    `best_weights`.

    Parameters
    ----------
    monitor : str
        A column of the history.
    patience : int
        The number of epochs (or periods) without improvement that end the training run.
    min_delta : float
        A smaller change is no improvement.
    mode : "min" or "max", optional
        Whether a smaller or a larger value of the measure is better; by default what the column is decides: a loss or
        an error is to be small, an accuracy large.
    restore_best : bool

    Attributes
    ----------
    best : float
    best_epoch : int, from 1; 0 before there is one
    best_weights : dict of arrays, or None

    Examples
    --------
    >>> stopping = tg.train.EarlyStopping("validation_loss", patience=5)
    >>> x = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> line = tg.nn.Linear(1, 1)
    >>> history = tg.train.fit(
    ...     line,
    ...     tg.nn.MSELoss(),
    ...     tg.optim.SGD(line.parameters(), lr=0.5),
    ...     (x[::2], 3 * x[::2]),
    ...     validation=(x[1::2], 3 * x[1::2]),
    ...     epochs=1000,
    ...     callbacks=[stopping],
    ... )
    >>> len(history.epochs) < 1000
    True
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best: bool = True,
    ):
        check_mode("EarlyStopping", mode)
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"EarlyStopping: patience must be at least 1 and min_delta at least 0, not {patience} and {min_delta}"
            )
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.mode, self.restore_best = mode, restore_best
        self._reset(mode or "min")

    def _reset(self, mode: str) -> None:
        self._mode = mode
        self.best = math.inf if mode == "min" else -math.inf
        self.best_epoch = self.waited = 0
        self.best_weights: dict[str, Any] | None = None

    def on_start(self, run: Run) -> None:
        self._reset(run.mode_of("EarlyStopping", self.monitor, self.mode))

    def _value(self, run: Run) -> float:
        return run.history[self.monitor][-1]

    def on_epoch_end(self, run: Run) -> None:
        value = self._value(run)
        if improved(value, self.best, self._mode, self.min_delta):
            self.best, self.best_epoch, self.waited = value, run.epoch, 0
            if self.restore_best:
                self.best_weights = run.module.state_dict()
            return
        self.waited += 1
        if self.waited >= self.patience:
            how = "been NaN" if all(map(math.isnan, run.history[self.monitor][-self.waited :])) else "not improved"
            run.stop(f"EarlyStopping: {self.monitor} has {how} for {self.waited} {run.unit}s.")

    def on_end(self, run: Run) -> None:
        if self.best_weights is not None:
            run.module.load_state_dict(self.best_weights)
            run.history.stopped += (
                f" The weights are those of {run.unit} {self.best_epoch}, the best ({self.monitor} {self.best:.6g})."
            )

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "best_epoch", "waited", "best_weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        best, epoch, waited, weights = (state[name] for name in ("best", "best_epoch", "waited", "best_weights"))
        if not (is_number(best) and is_integer(epoch, 0) and is_integer(waited, 0)):
            raise ValueError(
                f"EarlyStopping: best={best!r:.60}, best_epoch={epoch!r:.60} and waited={waited!r:.60} must be numbers"
            )
        if weights is not None and not (
            isinstance(weights, Mapping) and all(isinstance(array, np.ndarray) for array in weights.values())
        ):
            raise ValueError(f"EarlyStopping: best_weights={weights!r:.60} must be None or a dict of arrays")
        self.best, self.best_epoch, self.waited = best, epoch, waited
        self.best_weights = None if weights is None else dict(weights)


class LearningRate(Callback):
    """Changes the learning rate during the training run.

    Parameters
    ----------
    schedule : scheduler of `tg.optim.lr_scheduler`, or function
        A scheduler of the same optimizer, or a function from the number of finished epochs (0 in the first), or of
        finished steps, to the learning rate, which all groups of parameters get.
    monitor : str, optional
        The column that ReduceLROnPlateau watches; by default the loss of the validation, if there is one.
    every : "epoch" or "step"
        What a function is given the number of, and when a scheduler counts on: OneCycleLR counts steps. A period is
        an epoch here.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.4)
    >>> schedule = tg.optim.lr_scheduler.ExponentialLR(sgd, gamma=0.5)
    >>> data = np.ones((2, 1)), np.ones((2, 1))
    >>> callbacks = [tg.train.LearningRate(schedule)]
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=3, callbacks=callbacks)
    >>> history["learning_rate"]
    [0.4, 0.2, 0.1]

    A rate that falls in every step, t0 / (t + t1):

    >>> callbacks = [tg.train.LearningRate(lambda t: 5 / (t + 50), every="step")]
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, steps=51, periods=3, callbacks=callbacks)
    >>> history["learning_rate"][-1]
    0.05
    """

    def __init__(
        self, schedule: LRScheduler | Callable[[int], float], monitor: str | None = None, every: str = "epoch"
    ):
        if not isinstance(schedule, LRScheduler) and not callable(schedule):
            raise TypeError(f"LearningRate: schedule must be a scheduler or a function, not {type(schedule).__name__}")
        if every not in ("epoch", "step"):
            raise ValueError(f"LearningRate: every must be 'epoch' or 'step', not {every!r}")
        if every == "step" and isinstance(schedule, ReduceLROnPlateau):
            raise ValueError(
                "LearningRate: every='step' is for functions and schedulers that count; this scheduler is stepped per "
                "epoch"
            )
        self.schedule, self.monitor, self.every = schedule, monitor, every
        self._stepped, self._count = False, 0

    def on_start(self, run: Run) -> None:
        schedule = self.schedule
        if not isinstance(schedule, LRScheduler):
            self._set(run, 0)
        elif schedule.optimizer is not run.optimizer:
            raise ValueError(
                f"LearningRate: the {type(schedule).__name__} belongs to another optimizer than fit() got; create it "
                "from the optimizer passed to fit(), or give a function from the number of finished epochs to the "
                "learning rate (an estimator, which makes its own optimizer, needs a function)"
            )
        elif isinstance(schedule, ReduceLROnPlateau):
            self._watched = self.monitor or ("validation_loss" if "validation_loss" in run.columns else "loss")
            run.check_column("LearningRate", self._watched)
            mode = run.modes.get(self._watched) or better(self._watched) or schedule.mode
            if mode != schedule.mode:
                raise ValueError(
                    f"LearningRate: ReduceLROnPlateau(mode={schedule.mode!r}) takes every improvement of "
                    f"{self._watched!r} for the opposite: give it mode={mode!r}"
                )
        self._stepped, self._count = False, 0

    def before_step(self, run: Run) -> None:
        if self.every == "step":
            if not isinstance(self.schedule, LRScheduler):
                self._set(run, self._count)
                self._count += 1
            elif self._stepped:  # there was a step, which the scheduler has not counted yet
                self.schedule.step()
            self._stepped = True

    def on_epoch_end(self, run: Run) -> None:
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(run.history[self._watched][-1])
        elif self.every == "step":
            return
        elif isinstance(self.schedule, LRScheduler):
            self.schedule.step()
        else:
            self._set(run, run.epoch)

    def _set(self, run: Run, done: int) -> None:
        """Set the rate that the function gives after some epochs or steps."""
        rate = self.schedule(done)  # type: ignore[operator]
        if not is_number(rate) or not 0 <= rate < math.inf:
            raise ValueError(
                f"LearningRate: the function gave {rate!r:.60} for {done} {self.every}s; a learning rate is a finite "
                "number of at least 0"
            )
        for group in run.optimizer.param_groups:
            group["lr"] = float(rate)

    def state_dict(self) -> dict[str, Any]:
        state = self.schedule.state_dict() if isinstance(self.schedule, LRScheduler) else {}
        return {"schedule": state, "stepped": self._stepped, "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        schedule, stepped = state["schedule"], state["stepped"]
        count = state.get("count", 0)  # version 0.1.0 had no functions of steps
        if not isinstance(stepped, bool):
            raise ValueError(f"LearningRate: stepped={stepped!r:.60} must be True or False")
        if not is_integer(count, 0):
            raise ValueError(f"LearningRate: count={count!r:.60} must be an integer from 0")
        if isinstance(self.schedule, LRScheduler):
            self.schedule.load_state_dict(schedule)
        self._stepped, self._count = stepped, count


class ClipGradients(Callback):
    """Limits the gradients before every step: their common norm, each entry by itself, or both in this order.

    See `tg.optim.clip_grad_norm_` and `tg.optim.clip_grad_value_`.

    Parameters
    ----------
    max_norm, max_value : float, optional

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> keys = line.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    >>> sgd = tg.optim.SGD(line.parameters(), lr=1.0)
    >>> data = np.ones((1, 1)), np.full((1, 1), 1000.0)
    >>> callbacks = [tg.train.ClipGradients(max_value=0.5)]
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=1, callbacks=callbacks)
    >>> line.bias
    tensor([0.5], requires_grad=True)
    """

    def __init__(self, max_norm: float | None = None, max_value: float | None = None):
        for name, value in (("max_norm", max_norm), ("max_value", max_value)):
            if value is not None and not value > 0:
                raise ValueError(f"ClipGradients: {name} must be positive, not {value}")
        if max_norm is None and max_value is None:
            raise ValueError("ClipGradients needs max_norm, max_value or both, for example ClipGradients(max_norm=1.0)")
        self.max_norm, self.max_value = max_norm, max_value

    def before_step(self, run: Run) -> None:
        if self.max_norm is not None:
            clip_grad_norm_(run.parameters, self.max_norm)
        if self.max_value is not None:
            clip_grad_value_(run.parameters, self.max_value)


class GradientAccumulation(Callback):
    """Lets the optimizer take a step for several batches together, with the mean gradient over all of their examples.

    So a step is that of a batch that many times as large, in the memory of a small one (but for batch normalisation,
    which sees the small ones). What is left at the end of an epoch or period is a step of its own. Callbacks at
    `before_step` and `after_step` are called when the optimizer steps.

    Parameters
    ----------
    batches : int
        The number of batches of a step.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> data = np.ones((32, 1)), np.ones((32, 1))
    >>> callbacks = [tg.train.GradientAccumulation(4)]
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=1, batch_size=8, callbacks=callbacks)
    >>> len(history.steps["loss"])  # the losses of 4 batches, of one step
    4
    """

    def __init__(self, batches: int):
        self.batches = check_integer("GradientAccumulation: batches", batches, 1)

    def on_start(self, run: Run) -> None:
        if isinstance(run.optimizer, LBFGS):
            raise ValueError("GradientAccumulation: LBFGS computes its gradients itself; give it larger batches")
        if run.accumulate > 1:
            raise ValueError("GradientAccumulation: there are two of them among the callbacks")
        run.accumulate = self.batches


def check_mode(who: str, mode: Any) -> None:
    """Raise ValueError unless a mode says which values are better, or leaves it open.

    Examples
    --------
    >>> from tinygrad_ml.train.callbacks import check_mode
    >>> check_mode("EarlyStopping", "max")
    """
    if mode not in (None, "min", "max"):
        raise ValueError(f"{who}: mode must be 'min' or 'max', not {mode!r}")


def improved(value: float, best: float, mode: str, min_delta: float = 0.0) -> bool:
    """Return whether a measure is better than the best one so far; NaN never is."""
    return value < best - min_delta if mode == "min" else value > best + min_delta
