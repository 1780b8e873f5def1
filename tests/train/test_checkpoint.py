"""A training run that was killed goes on from its checkpoint and ends bit for bit as if it had never stopped."""

import os
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Callback, Checkpoint, EarlyStopping, LearningRate, fit


class Killed(BaseException):
    """What stands for the sudden end of a process."""


class Kill(Callback):
    def __init__(self, step):
        self.left = step

    def before_step(self, run):
        self.left -= 1
        if self.left < 0:
            raise Killed


def training(path, *, epochs=12, seed=None, kill=None, name="Adam", patience=50, every=1, resume=True, start=3):
    """Start or resume a training run with dropout, batch norm, a schedule and early stopping; return how it ended."""
    tg.manual_seed(start)
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 4)).astype(np.float32)
    y = (x.sum(axis=1) + random.normal(size=40) > 0).astype(int)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = getattr(optim, name)(model.parameters(), lr=0.02)
    stopping = EarlyStopping(patience=patience)
    schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    callbacks = [stopping, LearningRate(schedule)]
    if path is not None:
        callbacks.insert(0, Checkpoint(path, resume=resume, every=every))
    if kill is not None:
        callbacks.append(Kill(kill))
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        (x[:30], y[:30]),
        validation=(x[30:], y[30:]),
        epochs=epochs,
        callbacks=callbacks,
        batch_size=8,
        seed=seed,
    )
    columns = {name: values for name, values in history.items() if name != "seconds"}
    return model.state_dict(), optimizer.state_dict(), columns, history.stopped, tg.rand(2).tolist()


def assert_same(a, b):
    np.testing.assert_equal(a, b)  # exact, also through nested dicts


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop"])
@pytest.mark.parametrize("ending", [".npz", ".safetensors", ""])
def test_it_goes_on_bit_for_bit(tmp_path, name, ending):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"run{ending}"
    expected = training(None, name=name)
    for kill in [0, 3, 6, 9, 5, 13]:
        with pytest.raises(Killed):
            training(path, name=name, kill=kill, start=kill if any(tmp_path.iterdir()) else 3)
    assert_same(training(path, name=name, start=99), expected)


def test_writing_less_often_ends_in_the_same_place(tmp_path):
    expected = training(None)
    for kill in (10, 13, 21):
        with pytest.raises(Killed):
            training(tmp_path / "run.npz", kill=kill, every=3)
    assert len(tg.load(tmp_path / "run.npz")["history"]["columns"]["loss"]) == 6
    assert_same(training(tmp_path / "run.npz", every=5), expected)
    assert tg.load(tmp_path / "run.npz")["epoch"] == 12


def test_a_finished_training_run_returns_at_once_and_goes_on_for_more_epochs(tmp_path):
    short = training(tmp_path / "run.npz", epochs=5)
    before = (tmp_path / "run.npz").stat().st_mtime_ns
    assert_same(training(tmp_path / "run.npz", epochs=5), short)
    assert (tmp_path / "run.npz").stat().st_mtime_ns == before
    assert_same(training(tmp_path / "run.npz", epochs=12), training(None, epochs=12))


def test_a_training_run_that_stopped_early_stays_stopped(tmp_path):
    first = training(tmp_path / "run.npz", epochs=60, patience=4)
    assert first[3].startswith("EarlyStopping")
    assert_same(training(tmp_path / "run.npz", epochs=60, patience=4), first)
    assert_same(training(tmp_path / "run.npz", epochs=90, patience=4), first)


def test_without_resume_it_begins_anew(tmp_path):
    training(tmp_path / "run.npz", epochs=3)
    assert_same(training(tmp_path / "run.npz", epochs=5, resume=False), training(None, epochs=5))


def test_after_ctrl_c_it_goes_on_from_the_last_whole_epoch(tmp_path):
    class Press(Callback):
        def before_step(self, run):
            if run.epoch == 3:
                raise KeyboardInterrupt

    def attempt(*callbacks):
        tg.manual_seed(0)
        model = nn.Linear(2, 1)
        adam = optim.Adam(model.parameters())
        data = np.random.default_rng(0).normal(size=(20, 2)), np.ones((20, 1))
        checkpoint = Checkpoint(tmp_path / "run.npz", resume=True)
        history = fit(model, nn.MSELoss(), adam, data, epochs=5, callbacks=[checkpoint, *callbacks])
        return model.state_dict(), history["loss"]

    assert len(attempt(Press())[1]) == 2
    resumed = attempt()
    (tmp_path / "run.npz").unlink()
    assert_same(resumed, attempt())


def test_only_the_best_can_be_kept(tmp_path):
    model = nn.Linear(1, 1)
    values = iter([3.0, 1.0, 2.0, 0.5, 0.7])
    x = np.zeros((4, 1))

    def loss(output, target):
        return nn.functional.mse_loss(output, target) if model.training else output.mean() * 0 + next(values)

    checkpoint = Checkpoint(tmp_path / "best.npz", monitor="validation_loss")
    sgd = optim.SGD(model.parameters())
    fit(model, loss, sgd, (x, x), validation=(x, x), epochs=5, callbacks=[checkpoint])
    assert tg.load(tmp_path / "best.npz")["epoch"] == 4
    assert checkpoint.best == 0.5


def test_another_rank_leaves_alone_what_rank_0_is_writing(tmp_path):
    runs, half = [], tmp_path / ".run.npz-ab12_xyz"
    half.write_bytes(b"half")
    model = nn.Linear(2, 1)
    fit(
        model,
        nn.MSELoss(),
        optim.SGD(model.parameters(), 0.1),
        (np.ones((4, 2)), np.ones((4, 1))),
        epochs=1,
        callbacks=[lambda run: runs.append(run)],
    )
    for rank in (1, 0):
        runs[0].world = types.SimpleNamespace(rank=rank)
        Checkpoint(tmp_path / "run.npz").on_start(runs[0])
        assert half.exists() == (rank == 1)


def test_folders_are_made_and_leftovers_of_killed_processes_removed(tmp_path):
    folder = tmp_path / "new" / "folder"
    training(folder / "run.npz", epochs=1)
    leftover, other = folder / ".run.npz-ab12_xyz", folder / ".run.npz-notes"
    leftover.write_bytes(b"half")
    other.write_bytes(b"mine")
    training(folder / "run.npz", epochs=1)
    assert sorted(file.name for file in folder.iterdir()) == [".run.npz-notes", "run.npz"]


def wider(path):
    model = nn.Sequential(nn.Linear(4, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.3), nn.Linear(9, 2))
    before = model.state_dict()
    stopping, checkpoint = EarlyStopping("loss"), Checkpoint(path, resume=True)
    adam = optim.Adam(model.parameters())
    plateau = LearningRate(optim.lr_scheduler.ReduceLROnPlateau(adam))
    data = np.ones((30, 4)), np.zeros(30, int)
    try:
        fit(model, nn.CrossEntropyLoss(), adam, data, epochs=2, callbacks=[stopping, plateau, checkpoint])
    finally:
        assert_same(model.state_dict(), before)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (wider, r"a different training run.*0\.weight is \(8, 4\), must be \(9, 4\).*resume=False"),
        (lambda path: training(path, name="SGD"), "its optimizer was Adam, not SGD"),
        (lambda path: training(path, seed=7), "shuffled with the seed 5, not 7"),
    ],
)
def test_the_file_of_another_training_run_is_refused(tmp_path, attempt, message):
    training(tmp_path / "run.npz", epochs=2, seed=5)
    with pytest.raises(ValueError, match="(?s)" + message):
        attempt(tmp_path / "run.npz")


def simple(path, rows=4, callbacks=()):
    model = nn.Linear(1, 1)
    data = np.zeros((rows, 1)), np.zeros((rows, 1))
    callbacks = [Checkpoint(path, resume=True), *callbacks]
    return fit(model, nn.MSELoss(), optim.SGD(model.parameters()), data, epochs=1, callbacks=callbacks)


def test_other_callbacks_or_data_are_refused(tmp_path):
    simple(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"it has the callbacks \[\], not \['EarlyStopping'\]"):
        simple(tmp_path / "run.npz", callbacks=[EarlyStopping("loss")])
    with pytest.raises(ValueError, match="its data had 4 rows, not 5"):
        simple(tmp_path / "run.npz", rows=5)


def test_other_files_are_refused(tmp_path):
    tg.save(nn.Linear(1, 1), tmp_path / "weights.npz")
    with pytest.raises(ValueError, match=r"weights\.npz was not written by tg\.train\.Checkpoint"):
        simple(tmp_path / "weights.npz")
    simple(tmp_path / "run.npz")
    (tmp_path / "run.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged or incomplete"):
        simple(tmp_path / "run.npz")


# ---------------------------------------------------------------------- kill -9

PROGRAM = """
import sys
import numpy as np, tinygrad_ml as tg
from tinygrad_ml import nn, optim, train

class Tell(train.Callback):
    after_others = True  # also after the checkpoint was read

    def on_start(self, run):
        print("ready", run.epoch, flush=True)

    def before_step(self, run):
        print("step", flush=True)

tg.manual_seed(int(sys.argv[1]))
random = np.random.default_rng(0)
x = random.normal(size=(200, 4)).astype(np.float32)
y = (x.sum(axis=1) + random.normal(size=200) > 0).astype(int)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
adam = optim.AdamW(model.parameters(), lr=0.003)
history = train.fit(
    model, nn.CrossEntropyLoss(), adam, (x[:150], y[:150]), validation=(x[150:], y[150:]), epochs=250, batch_size=8,
    callbacks=[
        train.Checkpoint("run.npz", resume=True),
        train.LearningRate(optim.lr_scheduler.CosineAnnealingLR(adam, T_max=40)),
        train.EarlyStopping(patience=200),
        Tell(),
    ],
)
columns = {name: values for name, values in history.items() if name != "seconds"}
tg.save({"model": model.state_dict(), "adam": adam.state_dict(), "history": columns, "stopped": history.stopped,
         "random": tg.get_rng_state()}, "end.npz")
"""


def start(folder, seed):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(seed)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_it_survives_kill_9_at_twenty_random_moments(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    with start(whole, 0) as process:
        steps = process.stdout.read().count("step")
    assert process.returncode == 0

    random = np.random.default_rng(0)
    epochs = []
    for kill in range(20):
        with start(killed, kill if (killed / "run.npz").exists() else 0) as process:
            if kill % 4:  # in the training run, one after the other through the whole of it
                epochs.append(int(process.stdout.readline().split()[1]))
                for _ in range(random.integers(steps // 25)):
                    process.stdout.readline()
                time.sleep(random.uniform(0, 0.003))  # in the middle of a step, or of writing the file
            else:  # anywhere from the start of the process on
                time.sleep(random.uniform(0, 0.2))
            assert process.poll() is None
            process.kill()
    assert len(set(epochs)) > 8  # it was killed in many places
    with start(killed, 99) as process:
        process.stdout.read()
    assert process.returncode == 0
    assert_same(tg.load(killed / "end.npz"), tg.load(whole / "end.npz"))
    assert sorted(file.name for file in killed.iterdir()) == ["end.npz", "run.npz"]
