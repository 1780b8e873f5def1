"""Checkpoint: a training run in a file, which goes on bit for bit after it was killed."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..arrays import on_host, together
from ..data import DataLoader
from ..nn.module import Module
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..random import get_rng_state, set_rng_state
from ..serialization import check_writable, load, save, unfinished_files
from ..sparse_matrix import SparseMatrix
from ..validation import is_integer, is_number
from .batches import loader_of
from .callbacks import LearningRate, check_mode, improved
from .run import Callback, Run, name_of

__all__ = ["Checkpoint", "fingerprint"]

FORMAT = "tinygrad_ml training 2"
LARGE = 2**26  # bytes, which take less than a tenth of a second
SAMPLED = 64  # rows of what is larger, or on disk


class Checkpoint(Callback):
    """Writes the whole training run into a file after an epoch, and goes on from there.

    The file holds the module, the optimizer, the callbacks, the history, the random numbers and the order of the data.
    A training run that was killed, at whatever moment, goes on from its last file and ends bit for bit as if it had
    never stopped, if the data, the arguments of `fit` and its callbacks are the same. The file of a run with other data
    or another optimizer is refused, so every run needs a file of its own, also every fold of a cross-validation. The
    file is replaced only by a complete one. Whether it can be written is tried when `fit` begins.

    What is compared are all elements of arrays up to 64 MiB, 64 rows of larger ones and of memory maps, and the options
    that the optimizer began with; the learning rate not if a function sets it. Batches that come neither from arrays
    nor from a DataLoader are not compared, and must have an order that is always the same.

    Parameters
    ----------
    path : path
        As for `tg.save`. Folders that are missing are made.
    every : int
        The number of epochs from one file to the next; there is always one after the last epoch.
    resume : bool
        Whether to go on from the file, if there is one. A training run that was finished returns at once, unless it is
        to have more epochs; one that a callback ended (EarlyStopping) stays ended.
    best : str, optional
        A column of the history. Whenever it is better than ever, the training run is written into a second file
        beside the last one: `run.best.npz` beside `run.npz` (`best_path`). `tg.load(path)["module"]` has the weights.
    monitor : str, optional
        Write only when this column of the history is better than ever.
    mode : "min" or "max", optional
        Which values of it are better; by default what the column is decides.

    Attributes
    ----------
    best_path : Path, or None without the argument `best`
    best : float
        The best value of the column so far.

    Raises
    ------
    ValueError
        When `fit` begins, if the file is damaged, no checkpoint, or that of a training run with another model,
        optimizer, data, validation data or callbacks. Nothing is changed then.
    OSError, ImportError
        When `fit` begins, if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> data = np.ones((2, 1)), np.ones((2, 1))
    >>> def train(epochs, path):
    ...     line = tg.nn.Linear(1, 1)
    ...     sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    ...     checkpoint = tg.train.Checkpoint(path, resume=True)
    ...     return tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=epochs, callbacks=[checkpoint])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = train(3, folder + "/line.npz")
    ...     both = train(5, folder + "/line.npz")
    >>> len(both.epochs), both["loss"][:3] == first["loss"]
    (5, True)
    """

    after_others = True  # it keeps their states
    attribute_of: ClassVar = {"best": "best_column"}

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int = 1,
        resume: bool = False,
        best: str | None = None,
        monitor: str | None = None,
        mode: str | None = None,
    ):
        if every < 1:
            raise ValueError(f"Checkpoint: every must be at least 1, not {every}")
        check_mode("Checkpoint", mode)
        if best is not None and monitor is not None:
            raise ValueError(
                "Checkpoint: best= writes the best beside the last, monitor= nothing but the best: give one of them"
            )
        self.path, self.every, self.resume = Path(path), every, resume
        self.best_column, self.monitor, self.mode = best, monitor, mode
        self.best = math.inf
        self.best_path = None if best is None else self.path.with_name(f"{self.path.stem}.best{self.path.suffix}")

    def on_start(self, run: Run) -> None:
        column = self.best_column or self.monitor
        self._mode = "min" if column is None else run.mode_of("Checkpoint", column, self.mode)
        self.best = math.inf if self._mode == "min" else -math.inf
        self._began = {"optimizer": type(run.optimizer).__name__, "options": _options(run, run.options), **_data(run)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        writes = run.world is None or not run.world.rank  # rank 0 writes, and all read
        if writes:  # of another rank they could be those that rank 0 is writing now
            for file in unfinished_files(self.path):
                file.unlink(missing_ok=True)
        if self.resume:
            try:
                state = load(self.path)
            except FileNotFoundError:
                pass
            else:
                self._resume(run, state)
        if writes and run.stopped is None and run.epoch < run.epochs:
            check_writable(self._state(run), self.path)

    def on_epoch_end(self, run: Run) -> None:
        column = self.best_column or self.monitor
        is_best = column is not None and improved(run.history[column][-1], self.best, self._mode)
        if column is not None and is_best:
            self.best = run.history[column][-1]
        if run.world is not None and run.world.rank:
            return
        if self.best_path is not None and is_best:
            save(self._state(run), self.best_path)
        if self.monitor is not None:
            if not is_best:
                return
        elif run.epoch % self.every and run.epoch < run.epochs and run.stopped is None:
            return
        save(self._state(run), self.path)

    def _state(self, run: Run) -> dict[str, Any]:
        """Return what the file holds; `FORM` says how."""
        loader = loader_of(run.data)
        return {
            "format": FORMAT,
            "module": run.module.state_dict(),
            "loss": run.loss.state_dict() if isinstance(run.loss, Module) else {},
            "optimizer": run.optimizer.state_dict(),
            "callbacks": _states(run),
            "history": run.history.state_dict(),
            "random": get_rng_state(),
            "began": self._began,
            "data": None if loader is None else {"rows": loader.rows, "seed": loader.seed, "epoch": loader.epoch},
            "epoch": run.epoch,
            "step": run.step,
            "position": run.position,
            "stopped": run.stopped,
            "best": self.best,
        }

    def _resume(self, run: Run, state: dict[str, Any]) -> None:
        """Put the training run into the state of the file, or raise ValueError and change nothing."""
        advice = "Give another path, or resume=False to replace it."
        if not isinstance(state.get("format"), str) or state["format"] != FORMAT:
            raise ValueError(
                f"Checkpoint: {self.path} was not written by tg.train.Checkpoint of this version. {advice}"
            )
        problem = _misfit(state, FORM) or _wrong_history(state)
        if problem:
            raise ValueError(f"Checkpoint: {self.path} is damaged: {problem}. {advice}")
        before = self._state(run)
        try:
            _load("module", run.module.load_state_dict, state["module"])
            _compare_duration(run, state)
            self._compare(run, state)
            self._load(run, state)
        except ValueError as error:
            run.module.load_state_dict(before["module"])
            self._load(run, before)
            raise ValueError(
                f"Checkpoint: {self.path} belongs to a different training run and cannot be resumed: {error}. {advice}"
            ) from error
        run.history.load_state_dict(state["history"])
        loader = loader_of(run.data)
        run.position = state.get("position", 0)
        if loader is not None:  # a pass that was begun is gone through again, up to the batch where it was left
            loader.seed, loader.epoch = state["data"]["seed"], state["data"]["epoch"] - (run.position > 0)
        run.epoch, run.stopped, self.best = state["epoch"], state["stopped"], state["best"]
        run.step = state.get("step", run.epoch * len(run.data))  # versions up to 0.1.0 did not count them
        losses = run.history.steps.setdefault("loss", [])
        losses += [math.nan] * (run.step - len(losses))
        self._began = state["began"]

    def _load(self, run: Run, state: dict[str, Any]) -> None:
        if isinstance(run.loss, Module):
            _load("loss", run.loss.load_state_dict, state["loss"])
        _load("optimizer", run.optimizer.load_state_dict, state["optimizer"])
        for callback, (name, saved) in zip(_stateful(run), state["callbacks"]):
            _load(f"callback {name}", callback.load_state_dict, saved)
        _load("random", set_rng_state, state["random"])

    def _compare(self, run: Run, state: dict[str, Any]) -> None:
        """Raise ValueError if callbacks, data or optimizer are others than those of the file."""
        saved, current = [name for name, _ in state["callbacks"]], [name for name, _ in _states(run)]
        if saved != current:
            raise ValueError(f"it has the callbacks {saved}, not {current}")
        loader, data = loader_of(run.data), state["data"]
        if (loader is None) != (data is None):
            raise ValueError("its batches came from " + ("arrays or a DataLoader" if data else "another iterable"))
        if loader is not None:
            if loader.rows != data["rows"]:
                raise ValueError(f"its data had {data['rows']} rows, not {loader.rows}")
            if loader.seed_given and loader.seed != data["seed"]:
                raise ValueError(f"its data were shuffled with the seed {data['seed']}, not {loader.seed}")
        old, began = state["began"], self._began
        found = [p for what in ("data", "validation data") for p in differences(what, old[what], began[what])]
        if found:
            hint = " (if they are drawn at random, give a seed; in an estimator, random_state)"
            raise ValueError("; ".join(found) + hint * any("other values" in problem for problem in found))
        if old["batch_size"] != began["batch_size"]:
            raise ValueError(f"its batches had {old['batch_size']} rows, not {began['batch_size']}")
        if old["optimizer"] != began["optimizer"]:
            raise ValueError(f"its optimizer was {old['optimizer']}, not {began['optimizer']}")
        left = _options(run, state["optimizer"]["param_groups"])  # which the same optimizer has if it goes on
        if began["options"] not in (old["options"], left):
            raise ValueError(_other_options(old, began))


def _compare_duration(run: Run, state: dict[str, Any]) -> None:
    """Raise ValueError if the file counts epochs and the training run periods, or periods of another length."""
    saved = state["history"].get("unit", "epoch")
    if saved != run.unit:
        raise ValueError(f"it counts {saved}s, not {run.unit}s")
    epoch, step = state["epoch"], state.get("step", 0)
    if run.steps and epoch <= run.epochs and run.last_step(epoch) != step:
        raise ValueError(f"after {epoch} periods it had {step} steps, not {run.last_step(epoch)}")


def _load(what: str, load_state_dict: Callable[[Any], Any], state: Any) -> None:
    """Load a part of a file, and raise nothing but ValueError if it does not fit."""
    try:
        load_state_dict(state)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"its {what} cannot be loaded ({type(error).__name__}: {error})") from error


def _data(run: Run) -> dict[str, Any]:
    loader = loader_of(run.data)
    validation = loader_of(run.validation)
    return {
        "data": None if loader is None else fingerprint(loader),
        "validation data": None if validation is None else fingerprint(validation),
        "batch_size": None if loader is None else loader.batch_size,
    }


def _options(run: Run, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the options of the optimizer without those that the callbacks decide."""
    schedules = [callback.schedule for callback in run.callbacks if isinstance(callback, LearningRate)]
    # a schedule begins with a rate of its own or with "initial_lr", ReduceLROnPlateau with "lr"
    decided = {"params"} | {"lr" for schedule in schedules if not isinstance(schedule, ReduceLROnPlateau)}
    return [{key: value for key, value in group.items() if key not in decided} for group in groups]


def _other_options(old: dict[str, Any], new: dict[str, Any]) -> str:
    groups = list(zip(old["options"], new["options"]))
    found = [
        f"{key}={a.get(key)!r}, not {b.get(key)!r}" + f" (in group {i})" * (len(groups) > 1)
        for i, (a, b) in enumerate(groups)
        for key in a | b
        if a.get(key) != b.get(key)
    ]
    return f"its {old['optimizer']} began with " + ("; ".join(found) or f"{len(old['options'])} groups")


def _stateful(run: Run) -> list[Callback]:
    return [callback for callback in run.callbacks if callback.state_dict()]


def _states(run: Run) -> list[tuple[str, dict[str, Any]]]:
    return [(name_of(callback), callback.state_dict()) for callback in _stateful(run)]


# ---------------------------------------------------------------------- the form of a file


def _is_fingerprint(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("shape"), tuple)
        and all(isinstance(value.get(key), str) for key in ("dtype", "hash"))
    )


# what each entry must be: a dict of entries, or a test with its words; files of 0.1.0 lack those with a question mark
TEXT = (lambda value: isinstance(value, str), "text")
DICT = (lambda value: isinstance(value, dict), "a dict")
DICTS = (lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value), "a list of dicts")
COUNT = (lambda value: is_integer(value, 0), "an integer from 0")
FINGERPRINTS = (
    lambda value: value is None or (isinstance(value, list) and all(map(_is_fingerprint, value))),
    "None, or a list with shape, dtype and hash of each array",
)
FORM: dict[str, Any] = {
    "module": DICT,
    "loss": DICT,
    "optimizer": {"state": DICT, "param_groups": DICTS},
    "callbacks": (
        lambda value: (
            isinstance(value, list)
            and all(isinstance(item, tuple) and [*map(type, item)] == [str, dict] for item in value)
        ),
        "a list of pairs of a name and a dict",
    ),
    "history": {
        "epochs": COUNT,
        "columns": (
            lambda value: (
                isinstance(value, dict)
                and all(isinstance(key, str) for key in value)
                and all(isinstance(column, list) and all(map(is_number, column)) for column in value.values())
            ),
            "a dict of lists of numbers",
        ),
        "stopped": TEXT,
        "unit?": (lambda value: isinstance(value, str) and value in ("epoch", "period"), "'epoch' or 'period'"),
        "steps?": (
            lambda value: (
                isinstance(value, dict)
                and all(isinstance(key, str) for key in value)
                and all(isinstance(column, np.ndarray) and column.ndim == 1 for column in value.values())
            ),
            "a dict of arrays",
        ),
        "ends?": (
            lambda value: isinstance(value, list) and all(is_integer(end, 0) for end in value),
            "a list of integers",
        ),
    },
    "random": DICT,
    "began": {
        "optimizer": TEXT,
        "options": DICTS,
        "data": FINGERPRINTS,
        "validation data": FINGERPRINTS,
        "batch_size": (lambda value: value is None or is_integer(value, 1), "None, or an integer from 1"),
    },
    "data": (
        lambda value: (
            value is None
            or (isinstance(value, dict) and all(is_integer(value.get(key), 0) for key in ("rows", "seed", "epoch")))
        ),
        "None, or a dict of rows, seed and epoch",
    ),
    "epoch": COUNT,
    "step?": COUNT,
    "position?": COUNT,
    "stopped": (lambda value: value is None or isinstance(value, str), "None or text"),
    "best": (is_number, "a number"),
}


def _misfit(state: Any, form: Any, name: str = "") -> str:
    """Return what is wrong with the form of a state; "" if nothing is."""
    if isinstance(form, dict):
        if not isinstance(state, dict):
            return f"its entry {name!r} is a {type(state).__name__}, must be a dict"
        missing = [key for key in form if key not in state and not key.endswith("?")]
        if missing:
            return f"it lacks {', '.join(missing)}" + f" in its entry {name!r}" * bool(name)
        known = [(key.rstrip("?"), rule) for key, rule in form.items() if key.rstrip("?") in state]
        inner = (_misfit(state[key], rule, f"{name}/{key}" if name else key) for key, rule in known)
        return next(filter(None, inner), "")
    is_right, words = form
    return "" if is_right(state) else f"its entry {name!r} is {state!r:.60}, must be {words}"


def _wrong_history(state: Mapping[str, Any]) -> str:
    """Return what is wrong if the history is not one of all epochs; "" if it is."""
    epoch, history = state["epoch"], state["history"]
    missing = [column for column in ("loss", "learning_rate", "seconds") if column not in history["columns"]]
    if missing:
        return f"its history has no {', '.join(missing)}"
    lengths = {history["epochs"], *map(len, history["columns"].values())}
    if lengths != {epoch}:
        return f"it is of {epoch} epochs, but its history has {sorted(lengths)} rows"
    lengths = {state.get("step", 0), *map(len, history.get("steps", {}).values())}
    if len(lengths) > 1 or len(history.get("ends", [0] * epoch)) != epoch:
        return f"it is of {state.get('step', 0)} steps in {epoch} epochs, but its history has others"
    return ""


# ---------------------------------------------------------------------- the data


def fingerprint(loader: DataLoader) -> list[dict[str, Any]]:
    """Return the shape, the dtype and a hash of every array.

    The hash is that of all elements, or of 64 rows, evenly spread, of a memory map or an array above 64 MiB; of a file
    that of its ends.

    Examples
    --------
    >>> from tinygrad_ml.train.checkpoint import fingerprint
    >>> one, same, other = (tg.data.DataLoader(np.array([1.0, y])) for y in (2.0, 2.0, 3.0))
    >>> fingerprint(one) == fingerprint(same), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    if loader.file is not None:
        return [loader.file.fingerprint()]
    return [_of_array(array, on_disk) for array, on_disk in zip(loader.arrays, loader.on_disk)]


def _of_array(array: Any, on_disk: bool) -> dict[str, Any]:
    if on_disk or array.nbytes > LARGE:
        sample = np.unique(np.linspace(0, len(array) - 1, SAMPLED).astype(np.intp))
        rows = array[together(sample, array)[0]]
    else:
        rows = array
    sparse = isinstance(rows, SparseMatrix)
    numbers: Any = rows.tobytes() if sparse else np.ascontiguousarray(on_host(rows)).reshape(-1).view(np.uint8)
    digest = blake2b(numbers, digest_size=16).hexdigest()
    return {"shape": array.shape, "dtype": str(array.dtype), "hash": digest}


def differences(what: str, saved: list[dict[str, Any]] | None, current: list[dict[str, Any]] | None) -> list[str]:
    """Say how the data of a file differ from the current ones; None stands for data that are not in arrays."""
    if saved == current:
        return []
    if saved is None or current is None:
        return [f"it had {what} in arrays" if saved else f"it had no {what} in arrays"]
    if len(saved) != len(current):
        return [f"its {what} had {len(saved)} arrays, not {len(current)}"]
    found, values = [], []
    for i, (old, new) in enumerate(zip(saved, current)):
        name = ("x", "y")[i] if i < 2 else f"part {i}"
        kinds = [f"of shape {one['shape']} and dtype {one['dtype']}" for one in (old, new)]
        if kinds[0] != kinds[1]:
            found.append(f"its {what} had {name} {kinds[0]}, not {kinds[1]}")
        elif old["hash"] != new["hash"]:
            values.append(name)
    if values:
        found.append(f"its {what} were others: {' and '.join(values)} had other values")
    return found
