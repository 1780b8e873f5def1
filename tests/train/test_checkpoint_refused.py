"""Checkpoints that cannot be written are noticed at the start, and files of a wrong structure are refused."""

import builtins
import errno
import os
import stat

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.train import Callback, Checkpoint, EarlyStopping, LearningRate, checkpoint, fit

X = np.arange(24).reshape(12, 2) / 24
Y = X.sum(axis=1, keepdims=True)


class Steps(Callback):
    """Counts the steps, and keeps the files that there are before the first one."""

    after_others = True

    def __init__(self):
        self.count, self.files = 0, None

    def before_step(self, run):
        self.count += 1

    def look(self, folder):
        return sorted(file.name for file in folder.iterdir())


def attempt(path, *callbacks, epochs=1):
    """Train a line; return the number of steps that were taken, and the error."""
    tg.manual_seed(0)
    line, steps = nn.Linear(2, 1), Steps()
    callbacks = [Checkpoint(path, resume=True), *callbacks, steps]
    try:
        fit(line, nn.MSELoss(), optim.SGD(line.parameters()), (X, Y), epochs=epochs, callbacks=callbacks)
    except Exception as error:
        return steps.count, error
    return steps.count, None


# ---------------------------------------------------------------------- at the start


def test_without_safetensors_no_step_is_taken(tmp_path, monkeypatch):
    original = builtins.__import__

    def missing(name, *args):
        if name.startswith("safetensors"):
            raise ImportError
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    steps, error = attempt(tmp_path / "run.safetensors")
    assert steps == 0
    assert isinstance(error, ImportError)
    assert "pip install safetensors" in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".npz", ".pt", ""])
def test_a_folder_of_that_name_is_noticed(tmp_path, ending):
    names = {f"run{ending}", "run.npz", "run.safetensors"}
    for name in names:
        (tmp_path / name).mkdir()
    steps, error = attempt(tmp_path / f"run{ending}")
    assert steps == 0
    assert isinstance(error, IsADirectoryError)
    assert str(tmp_path / "run") in str(error)
    assert {file.name for file in tmp_path.iterdir()} == names


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_folder_that_is_read_only_is_noticed(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    steps, error = attempt(tmp_path / "run.npz")
    tmp_path.chmod(stat.S_IRWXU)
    assert steps == 0
    assert isinstance(error, PermissionError)


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.EACCES, PermissionError), (errno.EROFS, OSError), (errno.ENOSPC, OSError)]
)
def test_a_place_that_takes_no_file_is_noticed(tmp_path, monkeypatch, code, kind):
    def refuse(handle):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    steps, error = attempt(tmp_path / "run.npz")
    assert steps == 0
    assert type(error) is kind
    assert error.errno == code
    assert str(error).endswith(f"cannot write: {os.strerror(code)}: '{tmp_path / 'run.npz'}'")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_folder_is_noticed(tmp_path):
    (tmp_path / "runs").write_bytes(b"")
    steps, error = attempt(tmp_path / "runs" / "run.npz")
    assert steps == 0
    assert isinstance(error, OSError)


def test_a_callback_whose_state_cannot_be_saved_is_noticed(tmp_path):
    class Unsavable(Callback):
        def state_dict(self):
            return {"function": print}

    steps, error = attempt(tmp_path / "run.npz", Unsavable())
    assert steps == 0
    assert isinstance(error, TypeError)
    assert "function" in str(error)


def test_the_trial_leaves_no_file_and_replaces_none(tmp_path):
    seen = []

    class Look(Steps):
        def before_step(self, run):
            seen.append(self.look(tmp_path))

    assert attempt(tmp_path / "run.npz", Look()) == (1, None)
    assert seen == [[]]
    before = (tmp_path / "run.npz").read_bytes()
    (tmp_path / "run.npz").chmod(0o600)

    class Compare(Callback):
        def before_step(self, run):
            seen.append((tmp_path / "run.npz").read_bytes() == before)

    assert attempt(tmp_path / "run.npz", Compare(), epochs=2) == (1, None)
    assert seen[1:] == [True]


def test_a_finished_training_run_needs_no_place_to_write_to(tmp_path, monkeypatch):
    attempt(tmp_path / "run.npz", epochs=2)
    monkeypatch.setattr(os, "fsync", lambda handle: 1 / 0)
    assert attempt(tmp_path / "run.npz", epochs=2) == (0, None)


# ---------------------------------------------------------------------- files of a wrong structure

SCHEDULES = {
    "plateau": lambda adam: lr_scheduler.ReduceLROnPlateau(adam),
    "sequence": lambda adam: lr_scheduler.SequentialLR(
        adam, [lr_scheduler.LinearLR(adam, 0.1, total_iters=2), lr_scheduler.ExponentialLR(adam, 0.9)], [2]
    ),
    "cycle": lambda adam: lr_scheduler.OneCycleLR(adam, 0.1, total_steps=40),
    "function": lambda adam: lambda epoch: 0.1 / (1 + epoch),
}


class Run:
    """A training run with all that a checkpoint can hold."""

    def __init__(self, path, schedule, epochs):
        tg.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
        self.loss = nn.MSELoss()
        self.adam = optim.Adam(self.model.parameters(), lr=0.1)
        rate = LearningRate(SCHEDULES[schedule](self.adam), every="step" if schedule == "cycle" else "epoch")
        self.stopping, self.epochs = EarlyStopping(patience=3), epochs
        self.callbacks = [self.stopping, rate, Checkpoint(path, resume=True)]

    def fit(self):
        data = {"validation": (X, Y), "batch_size": 6, "seed": 1}
        return fit(self.model, self.loss, self.adam, (X, Y), epochs=self.epochs, callbacks=self.callbacks, **data)

    def state(self):
        states = self.model, self.adam, *self.callbacks[:2]
        return [thing.state_dict() for thing in states], tg.get_rng_state()


def places(state, at=()):
    """Yield the place of every entry, as the keys that lead there."""
    for key, value in state.items() if isinstance(state, dict) else enumerate(state):
        yield (*at, key)
        if isinstance(value, (dict, list, tuple)):
            yield from places(value, (*at, key))


GONE = "<it is gone>"


def changed(state, at, new):
    """Return a copy with another value in one place, or without that place."""
    key, *rest = at
    items = dict(state) if isinstance(state, dict) else list(state)
    if rest:
        items[key] = changed(items[key], rest, new)
    elif new is GONE:
        del items[key]
    else:
        items[key] = new
    return tuple(items) if isinstance(state, tuple) else items


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "schedule", [s if s == "plateau" else pytest.param(s, marks=pytest.mark.slow) for s in SCHEDULES]
)
@pytest.mark.parametrize("new", [GONE, None, "text", -1, 1.5, [], {}, (1, 2), np.ones(5), [None], {"a": 1}], ids=repr)
def test_a_wrong_structure_is_a_value_error_that_changes_nothing(tmp_path, monkeypatch, schedule, new):
    path = tmp_path / "run.npz"
    Run(path, schedule, 2).fit()
    good = tg.load(path)
    refused = 0
    for at in places(good):
        state = changed(good, at, new)
        monkeypatch.setattr(checkpoint, "load", lambda path, state=state: state)
        monkeypatch.setattr(checkpoint, "save", lambda state, path: None)
        monkeypatch.setattr(checkpoint, "check_writable", lambda state, path: None)
        run = Run(path, schedule, 3)
        before, error = run.state(), None
        try:
            run.fit()
        except ValueError as caught:
            error = str(caught)
        if error is None:  # the place may be empty, or hold what was put there
            continue
        if error.startswith("Checkpoint: "):
            refused += 1
            assert f"{path} " in error
            np.testing.assert_equal(run.state(), before)
        else:  # the best weights are others, or a scheduler has too few rates, which is seen when they are needed
            assert at[0] == "callbacks"
    assert refused > 50


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (("format",), GONE, "was not written by tg.train.Checkpoint of this version"),
        (("module",), GONE, "damaged: it lacks module"),
        (("optimizer", "state"), [1, 2], r"damaged: its entry 'optimizer/state' is \[1, 2\], must be a dict"),
        (("history",), None, "its entry 'history' is a NoneType, must be a dict"),
        (("history", "columns", "loss"), [1.0], r"it is of 2 epochs, but its history has \[1, 2\] rows"),
        (("history", "columns", "loss"), GONE, "its history has no loss"),
        (("epoch",), 7, r"it is of 7 epochs, but its history has \[2\] rows"),
        (("epoch",), 2.0, "its entry 'epoch' is 2.0, must be an integer from 0"),
        (("began", "data"), 5, "its entry 'began/data' is 5, must be None, or a list with shape"),
        (("random", "bit_generator"), "other", "state must be for a PCG64"),
        (("random", "state"), {}, r"its random cannot be loaded \(KeyError: 'state'\)"),
        (("optimizer", "param_groups", 0, "lr"), "fast", "its option lr is 'fast'"),
        (("optimizer", "param_groups", 0, "params"), [0, 1, 2, 3, 4, None], "must be numbered from 0"),
        (("optimizer", "state", 9), {}, "it has a state of 9, which is the number of no parameter"),
        (("optimizer", "state", 0, "step"), -1, "the step of parameter 0 is -1, must be an integer from 0"),
        (("callbacks", 0, 1, "best"), "low", "EarlyStopping: best='low'"),
        (("callbacks", 0, 1, "best_weights", "0.bias"), 3, "best_weights=.* must be None or a dict of arrays"),
        (("callbacks", 1, 1, "stepped"), "no", "LearningRate: stepped='no' must be True or False"),
    ],
)
def test_the_message_says_what_is_wrong(tmp_path, at, new, message):
    path = tmp_path / "run.npz"
    Run(path, "plateau", 2).fit()
    tg.save(changed(tg.load(path), at, new), path)
    with pytest.raises(ValueError, match=rf"(?s)run\.npz .*{message}.* Give another path, or resume=False"):
        Run(path, "plateau", 3).fit()
