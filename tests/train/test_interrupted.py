"""Ctrl-C ends a training run after the batch, and the history comes back."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Callback, EarlyStopping, fit


@pytest.fixture(autouse=True)
def _ctrl_c():
    """Handle Ctrl-C as Python does at its start: a run in the background of a shell script ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Press(Callback):
    """Presses Ctrl-C before a step, one or more times."""

    def __init__(self, step, times=1):
        self.left, self.times, self.ended = step, times, 0

    def before_step(self, run):
        self.left -= 1
        if self.left == 0:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)

    def on_end(self, run):
        self.ended += 1


class Counter(nn.Module):
    """A parameter that falls by 1 in every step of SGD at the learning rate 1."""

    def __init__(self):
        self.steps = nn.Parameter(0.0)

    def forward(self, x):
        return self.steps + 0 * x


def count(*callbacks, **options):
    model = Counter()
    sgd = optim.SGD(model.parameters(), lr=1.0)
    x = np.zeros((40, 1))
    try:
        history = fit(
            model, lambda output: output.mean(), sgd, x, epochs=5, batch_size=10, callbacks=callbacks, **options
        )
    except KeyboardInterrupt as error:
        history = error.history
        assert history.stopped.startswith("KeyboardInterrupt")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return -model.steps.item(), history


def test_the_batch_is_finished_and_the_history_comes_back():
    press = Press(step=6)
    steps, history = count(press)
    assert steps == 6
    assert len(history["loss"]) == 1
    assert history.stopped == "Interrupted in epoch 2 of 5, after batch 2."
    assert press.ended == 1


def test_pressed_twice_it_raises_at_once():
    press = Press(step=6, times=2)
    steps, history = count(press)
    assert steps == 5
    assert len(history["loss"]) == 1
    assert press.ended == 0


def test_it_is_heard_in_the_validation_too():
    def press(target, output):
        signal.raise_signal(signal.SIGINT)
        return 0.0

    x = np.zeros((5, 1))
    model = Counter()

    def loss(output, target):
        return (output - target).mean()

    sgd = optim.SGD(model.parameters(), lr=1.0)
    history = fit(model, loss, sgd, (x, x), validation=(x, x), metrics={"press": press}, epochs=5)
    assert history.stopped == "Interrupted in epoch 1 of 5, after batch 1."
    assert len(history.epochs) == 1


def test_a_keyboard_interrupt_from_a_callback_ends_it_in_the_same_way():
    class Raise(Callback):
        def on_epoch_end(self, run):
            raise KeyboardInterrupt

    steps, history = count(Raise())
    assert steps == 4
    assert history.stopped == "Interrupted in epoch 1 of 5, after batch 4."


def test_early_stopping_brings_the_best_weights_back():
    stopping = EarlyStopping("loss")
    steps, history = count(Press(step=11), stopping)
    assert stopping.best_epoch == 2
    assert steps == 8
    assert history.stopped.startswith("Interrupted in epoch 3 of 5, after batch 3. The weights are those of epoch 2")


def test_where_it_is_ignored_it_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        model = Counter()
        sgd = optim.SGD(model.parameters(), lr=1.0)
        fit(model, lambda output: output.mean(), sgd, np.zeros((4, 1)), epochs=2, callbacks=[Press(1)])
        assert model.steps.item() == -2
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_can_train():
    found = []
    thread = threading.Thread(target=lambda: found.append(count()[0]))
    thread.start()
    thread.join()
    assert found == [20]


PROGRAM = """
import numpy as np, tinygrad_ml as tg
from tinygrad_ml import nn, optim

class Ready(tg.train.Callback):
    def before_step(self, run):
        if run.batch == 100:
            print("ready", flush=True)

model = nn.Linear(3, 1)
x = np.random.default_rng(0).normal(size=(1000, 3))
sgd = optim.SGD(model.parameters(), lr=1e-3)
history = tg.train.fit(model, nn.MSELoss(), sgd, (x, x[:, :1]), epochs=10**6, batch_size=1, callbacks=[Ready()])
print(history.stopped, np.isfinite(model.weight.numpy()).all())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_a_signal_from_outside_ends_it_cleanly():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    last = out.splitlines()[-1]
    assert last.startswith("Interrupted in epoch "), err
    assert last.endswith(" True")
    assert (process.returncode, err) == (0, "")


def test_a_training_run_goes_on_as_before_after_it(capsys):
    tg.manual_seed(0)
    assert count(Press(step=3))[0] == 3
    assert count()[0] == 20
