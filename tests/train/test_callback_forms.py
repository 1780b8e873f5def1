"""What may stand in a list of callbacks, and what is said of what may not."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.train import Callback, Checkpoint, fit
from tinygrad_ml.train.run import HOOKS

X = np.ones((4, 1))


def train(*callbacks, **options):
    line = nn.Linear(1, 1)
    sgd = optim.SGD(line.parameters(), lr=0.1)
    return fit(line, nn.MSELoss(), sgd, (X, X), callbacks=callbacks, **({"epochs": 2, "batch_size": 2} | options))


def make(names, base=Callback):
    """Return a callback with these methods, and the list of the calls that they get."""
    calls = []

    def method(name):
        return lambda self, run, *error: calls.append(name)

    return type("Mine", (base,), {name: method(name) for name in names})(), calls


EPOCH = ["on_epoch_start", "before_step", "after_step", "before_step", "after_step", "on_epoch_end"]


@pytest.mark.parametrize("base", [Callback, object])
@pytest.mark.parametrize("names", [HOOKS, HOOKS[:1], HOOKS[1:4], HOOKS[3:5], HOOKS[5:]])
def test_any_subset_of_the_methods_will_do(base, names):
    callback, calls = make(names, base)
    train(callback)
    whole = ["on_start", *EPOCH, *EPOCH, "on_end"]
    assert calls == [name for name in whole if name in names]


def test_a_method_may_belong_to_the_object_alone():
    callback, steps = Callback(), []
    callback.after_step = lambda run: steps.append(run.step)
    train(callback)
    assert steps == [1, 2, 3, 4]


def test_a_function_is_called_after_every_epoch():
    losses = []
    history = train(lambda run: losses.append(run.history["loss"][-1]))
    assert losses == history["loss"]


def test_the_state_of_any_object_is_kept(tmp_path):
    class Counter:
        def __init__(self):
            self.count = 0

        def after_step(self, run):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    train(Counter(), Checkpoint(tmp_path / "run.npz"), seed=0)
    counter = Counter()
    tg.manual_seed(0)
    train(counter, Checkpoint(tmp_path / "run.npz", resume=True), epochs=3)
    assert counter.count == 6
    assert tg.load(tmp_path / "run.npz")["callbacks"][0][0] == "Counter"


@pytest.mark.parametrize("base", [Callback, object])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("on_epoch_ends", "on_epoch_end"),
        ("epoch_end", "on_epoch_end"),
        ("on_epochend", "on_epoch_end"),
        ("on_epoch_begin", "on_epoch_start"),
        ("before_steps", "before_step"),
        ("on_train_begin", "on_start"),
        ("on_train_batch_end", "after_step"),
        ("on_fit_end", "on_end"),
        ("on_validation_epoch_end", "on_epoch_end"),
        ("on_exception", "on_error"),
    ],
)
def test_a_misspelt_method_is_an_error_with_the_right_name(base, name, meant):
    callback, calls = make([name, "on_end"], base)
    with pytest.raises(TypeError, match=f"Mine has a method {name}, which is never called; did you mean {meant}[?]"):
        train(callback)
    assert not calls


def test_another_method_that_looks_like_a_moment_is_an_error():
    with pytest.raises(TypeError, match=r"on_better, which is never called; the moments are on_start, .*underscore"):
        train(make(["on_better", "on_end"])[0])


def test_methods_of_ones_own_have_other_names():
    callback, _ = make(["on_end", "report", "_on_better", "plot"])
    train(callback)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda: None, r"callback <lambda> is called after every epoch with the Run.*too many"),
        (lambda epoch, logs: None, "missing a required argument: 'logs'"),
        (type("Keras", (), {"on_epoch_end": lambda self, epoch, logs=None, *, other: None})(), "Keras.on_epoch_end is"),
        (type("Late", (Callback,), {"on_epoch_end": lambda self, epoch, logs: None})(), r"def on_epoch_end\(self, run"),
        (type("Error", (Callback,), {"on_error": lambda self, run: None})(), r"def on_error\(self, run, error\)"),
        (lr_scheduler.ExponentialLR(optim.SGD([tg.ones(1, requires_grad=True)]), 0.5), r"LearningRate\(ExponentialLR"),
        (object(), "must be objects of tg.train.Callback, not object .*one of its methods on_start"),
        ("EarlyStopping", "must be objects of tg.train.Callback, not str"),
    ],
)
def test_what_cannot_be_called_is_explained(callback, message):
    with pytest.raises(TypeError, match=message):
        train(callback)
