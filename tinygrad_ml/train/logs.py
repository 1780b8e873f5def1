"""Callbacks that tell others of a training run: a function, a CSV file, TensorBoard, MLflow, Weights & Biases."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import nn
from .batches import loader_of
from .run import Callback, Run

__all__ = ["CSVLog", "Log", "MLflowLog", "ModelSummary", "TensorBoardLog", "WandbLog"]


def last_row(run: Run) -> dict[str, float]:
    """Return the last row of the history."""
    return {column: values[-1] for column, values in run.history.items()}


class Log(Callback):
    """Hands the row of every epoch (or period) to a function: `function(row, step=epoch)`.

    So whatever takes a dict of numbers and a step is a log: `Log(mlflow.log_metrics)`, `Log(wandb.log)`.

    Parameters
    ----------
    function : callable
        Gets a dict from the columns of the history to numbers, and the number of the epoch as `step`.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> log = tg.train.Log(lambda row, step: print(step, list(row)))
    >>> history = tg.train.fit(
    ...     line, tg.nn.MSELoss(), sgd, (np.ones((2, 1)), np.ones((2, 1))), epochs=2, callbacks=[log]
    ... )
    1 ['loss', 'learning_rate', 'seconds']
    2 ['loss', 'learning_rate', 'seconds']
    """

    writes = True

    def __init__(self, function: Callable[..., Any]):
        if not callable(function):
            raise TypeError(f"Log: a function of a dict and step= is needed, not {type(function).__name__}")
        self.function = function

    def on_epoch_end(self, run: Run) -> None:
        self.function(last_row(run), step=run.epoch)


class CSVLog(Callback):
    """Writes the history into a CSV file, a line after every epoch or period.

    A run that goes on from a checkpoint writes the lines of the epochs before, too. A file that is there is replaced.

    Parameters
    ----------
    path : path
        Folders that are missing are made.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> line = tg.nn.Linear(1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> data = np.ones((2, 1)), np.ones((2, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = tg.train.CSVLog(folder + "/log.csv")
    ...     history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=2, callbacks=[log])
    ...     lines = Path(folder, "log.csv").read_text().splitlines()
    >>> lines[0], len(lines)
    ('epoch,loss,learning_rate,seconds', 3)
    """

    writes = True

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self._columns: list[str] = []

    def on_start(self, run: Run) -> None:
        self._columns = []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a"):  # so that a place that takes no file is noticed now
            pass

    def on_epoch_end(self, run: Run) -> None:
        if [*run.history] != self._columns:  # the first line, or a column more
            self._columns = [*run.history]
            begun = self.path.with_name(f"{self.path.name}.tmp")
            with open(begun, "w", newline="", encoding="utf-8") as file:
                lines = csv.writer(file)
                lines.writerow([run.unit, *self._columns])
                lines.writerows(zip(run.history.epochs, *run.history.values()))
            begun.replace(self.path)
            return
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([run.epoch, *last_row(run).values()])


class TensorBoardLog(Callback):
    """Writes the history and the loss of every step into a folder that TensorBoard shows (`tensorboard --logdir`).

    It needs TensorBoard (`pip install tensorboard`), and nothing else.

    Parameters
    ----------
    folder : path
        Of this run; it is made if it is missing.
    steps : bool
        Whether to write the loss of every step ("step/loss"), too.

    Examples
    --------
    >>> log = tg.train.TensorBoardLog("runs/first")  # for callbacks=[log] of tg.train.fit
    >>> log
    TensorBoardLog(folder='runs/first')
    """

    writes = True

    def __init__(self, folder: str | os.PathLike[str], steps: bool = True):
        self.folder, self.steps = Path(folder), steps
        self._writer: Any = None

    def on_start(self, run: Run) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise ImportError("TensorBoardLog writes with TensorBoard: pip install tensorboard") from None
        self.folder.mkdir(parents=True, exist_ok=True)
        self._writer, self._event, self._summary = EventFileWriter(str(self.folder)), Event, Summary

    def after_step(self, run: Run) -> None:
        if self.steps:
            self._write({"step/loss": run.batch_loss}, run.step)

    def on_epoch_end(self, run: Run) -> None:
        self._write(last_row(run), run.epoch)

    def _write(self, row: Mapping[str, float], step: int) -> None:
        values = [self._summary.Value(tag=column, simple_value=value) for column, value in row.items()]
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))

    def on_end(self, run: Run) -> None:
        self._writer.close()

    def on_error(self, run: Run, error: BaseException) -> None:
        if self._writer is not None:
            self._writer.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what writes, which belongs to this process."""
        return {"folder": self.folder, "steps": self.steps, "_writer": None}


class MLflowLog(Callback):
    """Logs the options of the optimizer, and the row of every epoch or period, to the active run of MLflow.

    It needs MLflow (`pip install mlflow`), and begins a run if there is none. What else MLflow should keep, log there.

    Examples
    --------
    >>> tg.train.MLflowLog()  # for callbacks=[...] of tg.train.fit
    MLflowLog()
    """

    def on_start(self, run: Run) -> None:
        try:
            import mlflow
        except ImportError:
            raise ImportError("MLflowLog logs with MLflow: pip install mlflow") from None
        self._mlflow = mlflow
        mlflow.log_params({"optimizer": type(run.optimizer).__name__, **run.options[0]})

    def on_epoch_end(self, run: Run) -> None:
        self._mlflow.log_metrics(last_row(run), step=run.epoch)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the module, which cannot be copied."""
        return {}


class WandbLog(Callback):
    """Logs the options of the optimizer, and the row of every epoch or period, to the active run of Weights & Biases.

    It needs their client (`pip install wandb`) and `wandb.init(...)` before.

    Examples
    --------
    >>> tg.train.WandbLog()  # for callbacks=[...] of tg.train.fit
    WandbLog()
    """

    def on_start(self, run: Run) -> None:
        try:
            import wandb
        except ImportError:
            raise ImportError("WandbLog logs with the client of Weights & Biases: pip install wandb") from None
        if wandb.run is None:
            raise ValueError("WandbLog: there is no active run: call wandb.init(project=...) first")
        self._run = wandb.run
        self._run.config.update({"optimizer": type(run.optimizer).__name__, **run.options[0]})

    def on_epoch_end(self, run: Run) -> None:
        self._run.log(last_row(run), step=run.epoch)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the run, which cannot be copied."""
        return {}


class ModelSummary(Callback):
    """Prints the table of the layers before training begins: shapes, parameters, memory (`tg.nn.summary`).

    Parameters
    ----------
    write : callable
        What the table is handed to.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> sgd = tg.optim.SGD(line.parameters(), lr=0.1)
    >>> data = np.ones((2, 1)), np.ones((2, 1))
    >>> history = tg.train.fit(line, tg.nn.MSELoss(), sgd, data, epochs=1, callbacks=[tg.train.ModelSummary()])
    layer   class   output  parameters  memory  operations
    ------------------------------------------------------
    Linear  Linear  2×1              2     8 B           6
    ------------------------------------------------------
    2 parameters (8 B)
    """

    writes = True

    writes = True

    writes = True

    def __init__(self, write: Callable[[Any], Any] = print):
        self.write = write

    def on_start(self, run: Run) -> None:
        loader = loader_of(run.data)
        epoch = 0 if loader is None else loader.epoch
        x = next(iter(run.data))[0]
        if loader is not None:  # it counts how often it was gone through
            loader.epoch = epoch
        self.write(nn.summary(run.module, x))
