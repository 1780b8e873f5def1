"""Logs of a training run: what each callback hands over, and what it says when its package is missing."""

import csv
import pickle
import sys
import types

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import (
    Callback,
    Checkpoint,
    CSVLog,
    Log,
    MLflowLog,
    ModelSummary,
    TensorBoardLog,
    WandbLog,
    fit,
)

X = np.linspace(-1, 1, 12).reshape(-1, 1)


def train(*callbacks, epochs=3, module=None, **options):
    tg.manual_seed(0)
    module = module or nn.Linear(1, 1)
    sgd = optim.SGD(module.parameters(), lr=0.1)
    options = {"batch_size": 4, "progress": False, "validation": (X, X)} | options
    return fit(module, nn.MSELoss(), sgd, (X, 2 * X), epochs=epochs, callbacks=callbacks, **options)


def rows_of(history):
    return [dict(zip(history, row)) for row in zip(*history.values())]


def test_a_log_gets_every_row_and_its_number():
    calls = []
    history = train(Log(lambda row, step: calls.append((step, row))))
    assert calls == list(enumerate(rows_of(history), 1))
    with pytest.raises(TypeError, match="Log: a function of a dict and step= is needed, not str"):
        Log("wandb")


def test_the_csv_file_has_the_history_to_the_last_digit(tmp_path):
    path = tmp_path / "new" / "log.csv"
    history = train(CSVLog(path))
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row.pop("epoch")) for row in rows] == [1, 2, 3]
    assert [{column: float(value) for column, value in row.items()} for row in rows] == rows_of(history)
    assert [*tmp_path.rglob("*")] == [path.parent, path]


def test_the_csv_file_of_a_run_that_goes_on_is_whole(tmp_path):
    def attempt(epochs):
        callbacks = CSVLog(tmp_path / "log.csv"), Checkpoint(tmp_path / "run.npz", resume=True)
        return train(*callbacks, epochs=epochs)

    attempt(2)
    history = attempt(4)
    frame = pytest.importorskip("pandas").read_csv(tmp_path / "log.csv")
    assert frame["epoch"].tolist() == [1, 2, 3, 4]
    assert frame["loss"].tolist() == history["loss"]


def test_a_column_that_comes_late_is_in_the_file_too(tmp_path):
    class Late(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                run.history["extra"] = [0.0, 1.0]

    train(Late(), CSVLog(tmp_path / "log.csv"), epochs=2)
    header, first, second = (tmp_path / "log.csv").read_text().splitlines()
    assert header.endswith(",extra")
    assert (first.rsplit(",", 1)[1], second.rsplit(",", 1)[1]) == ("0.0", "1.0")


def test_a_csv_file_that_cannot_be_written_is_noticed_before_training(tmp_path):
    with pytest.raises(IsADirectoryError) as raised:
        train(CSVLog(tmp_path))
    assert not raised.value.history.epochs


def test_tensorboard_reads_what_was_written(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = TensorBoardLog(tmp_path / "run")
    history = train(log)
    events = accumulator.EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {*history, "step/loss"}
    for column in history:
        found = events.Scalars(column)
        assert [event.step for event in found] == [1, 2, 3]
        np.testing.assert_allclose([event.value for event in found], history[column], rtol=1e-6)
    found = events.Scalars("step/loss")
    assert [event.step for event in found] == list(range(1, 10))
    np.testing.assert_allclose([event.value for event in found], history.steps["loss"], rtol=1e-6)
    assert repr(pickle.loads(pickle.dumps(log))) == repr(log)


def test_tensorboard_has_all_until_an_error(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    class Fail(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        train(TensorBoardLog(tmp_path, steps=False), Fail())
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert len(events.Scalars("loss")) == 2


def test_mlflow_gets_the_options_and_every_row(monkeypatch):
    calls = []
    module = types.ModuleType("mlflow")
    module.log_params = lambda params: calls.append(params)
    module.log_metrics = lambda row, step: calls.append((row, step))
    monkeypatch.setitem(sys.modules, "mlflow", module)
    log = MLflowLog()
    history = train(log)
    assert calls[0]["optimizer"] == "SGD"
    assert calls[0]["lr"] == 0.1
    assert calls[1:] == [(row, i) for i, row in enumerate(rows_of(history), 1)]
    pickle.dumps(log)


def test_weights_and_biases_gets_the_options_and_every_row(monkeypatch):
    calls = []
    module = types.ModuleType("wandb")
    module.run = None
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(ValueError, match=r"call wandb.init\(project=...\) first"):
        train(WandbLog())
    config = types.SimpleNamespace(update=calls.append)
    module.run = types.SimpleNamespace(config=config, log=lambda row, step: calls.append((row, step)))
    log = WandbLog()
    history = train(log)
    assert calls[0]["momentum"] == 0.0
    assert calls[1:] == [(row, i) for i, row in enumerate(rows_of(history), 1)]
    pickle.dumps(log)


@pytest.mark.parametrize(
    ("package", "make"), [("tensorboard", lambda: TensorBoardLog("x")), ("mlflow", MLflowLog), ("wandb", WandbLog)]
)
def test_a_package_that_is_missing_is_named(monkeypatch, package, make):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        train(make())


def test_the_summary_is_that_of_the_first_batch_and_changes_nothing():
    written = []
    module = nn.Sequential(nn.Linear(1, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    with_summary = train(ModelSummary(written.append), module=module)
    (table,) = written
    assert str(table) == str(nn.summary(module, X[:4].astype(np.float32)))
    tg.manual_seed(0)
    assert with_summary.steps == train(module=type(module)(nn.Linear(1, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))).steps
