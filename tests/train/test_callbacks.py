"""What callbacks do beside the steps, and the history that a training run returns."""

import math
import pickle
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.train import Callback, ClipGradients, EarlyStopping, GradientAccumulation, History, LearningRate, fit


class Falling(nn.Module):
    """A parameter that falls by the learning rate in every step of SGD: its loss is itself."""

    def __init__(self, start=0.0):
        self.value = nn.Parameter(np.float64(start))
        self.seen = nn.Buffer(np.zeros(1))

    def forward(self, x):
        if self.training:
            self.seen.data = self.seen + 1
        return self.value + 0 * x


def run(*callbacks, epochs=10, lr=1.0, validation=None, model=None, optimizer=None):
    """Train for one step in each epoch; `validation` maps the value to the validation loss."""
    model = model or Falling()
    optimizer = optimizer or optim.SGD(model.parameters(), lr=lr)

    def loss(output, target):
        return output.mean() if model.training else output.mean() * 0 + validation(-model.value.item())

    x = np.zeros((2, 1))
    given = None if validation is None else (x, x)
    return model, fit(model, loss, optimizer, (x, x), validation=given, epochs=epochs, callbacks=callbacks)


# ---------------------------------------------------------------------- EarlyStopping


def test_it_stops_when_nothing_gets_better_and_brings_the_best_back():
    stopping = EarlyStopping(patience=3)
    model, history = run(stopping, epochs=50, validation=lambda steps: abs(steps - 7))
    assert len(history.epochs) == 10
    assert (stopping.best_epoch, stopping.best) == (7, 0.0)
    assert model.value.item() == -7
    assert model.seen.item() == 7
    assert history.stopped == (
        "EarlyStopping: validation_loss has not improved for 3 epochs. "
        "The weights are those of epoch 7, the best (validation_loss 0)."
    )


def test_the_best_weights_come_back_at_the_last_epoch_too():
    model, history = run(EarlyStopping(), epochs=9, validation=lambda steps: abs(steps - 7))
    assert model.value.item() == -7
    assert history.stopped.startswith("All 9 epochs are done. The weights are those of epoch 7")


def test_the_weights_can_be_left_as_they_are():
    model, _ = run(EarlyStopping(patience=2, restore_best=False), validation=lambda steps: abs(steps - 4))
    assert model.value.item() == -6


def test_a_small_improvement_is_none():
    _, history = run(EarlyStopping(patience=3, min_delta=0.5), validation=lambda steps: 1 / steps)
    assert len(history.epochs) == 6  # 1, 1/2, 1/3, ...: only that from 1 to 1/3 is more than 0.5, in the third
    _, history = run(EarlyStopping(patience=3, min_delta=0.0), validation=lambda steps: 1 / steps)
    assert len(history.epochs) == 10


def test_it_can_look_for_the_largest():
    stopping = EarlyStopping("loss", patience=2, mode="max")
    _, history = run(stopping)
    assert (stopping.best_epoch, len(history.epochs)) == (1, 3)


@pytest.mark.filterwarnings("ignore:.*validation_loss is nan")
def test_nan_is_never_better():
    stopping = EarlyStopping(patience=4)
    _, history = run(stopping, validation=lambda steps: math.nan if steps < 3 else 1.0)
    assert stopping.best_epoch == 3
    assert len(history.epochs) == 7


def test_it_begins_anew_in_another_training_run():
    stopping = EarlyStopping("loss", patience=2)
    run(stopping, epochs=3)
    run(stopping, epochs=2, model=Falling(start=100.0))
    assert (stopping.best_epoch, stopping.best) == (2, 99.0)


def test_after_an_error_it_still_has_the_best_weights():
    class Fail(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 5:
                raise OSError("no space")

    stopping = EarlyStopping()
    with pytest.raises(OSError, match="no space"):
        run(stopping, Fail(), validation=lambda steps: abs(steps - 3))
    assert stopping.best_weights["value"] == -3


# ---------------------------------------------------------------------- LearningRate


def test_a_function_sets_the_rate_of_every_epoch():
    model, history = run(LearningRate(lambda epoch: 0.5**epoch), epochs=4)
    assert history["learning_rate"] == [1.0, 0.5, 0.25, 0.125]
    assert model.value.item() == -1.875


@pytest.mark.parametrize(
    "make",
    [
        lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, T_max=6),
        lambda sgd: lr_scheduler.SequentialLR(
            sgd, [lr_scheduler.LinearLR(sgd, 0.25, total_iters=3), lr_scheduler.ExponentialLR(sgd, 0.5)], [3]
        ),
    ],
)
def test_a_scheduler_gives_the_rates_that_it_gives_alone(make):
    alone = optim.SGD(Falling().parameters(), lr=1.0)
    scheduler, expected = make(alone), []
    for _ in range(6):
        expected.append(alone.param_groups[0]["lr"])
        alone.step()
        scheduler.step()
    model = Falling()
    sgd = optim.SGD(model.parameters(), lr=1.0)
    _, history = run(LearningRate(make(sgd)), model=model, optimizer=sgd, epochs=6)
    assert history["learning_rate"] == expected


def test_a_scheduler_can_count_steps():
    rates = []

    class Watch(Callback):
        def before_step(self, run):
            rates.append(run.optimizer.param_groups[0]["lr"])

    model = nn.Linear(1, 1)
    sgd = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(sgd, max_lr=0.5, total_steps=9)
    x = np.zeros((9, 1))
    callbacks = [LearningRate(scheduler, every="step"), Watch()]
    fit(model, nn.MSELoss(), sgd, (x, x), epochs=3, batch_size=3, callbacks=callbacks)
    other = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)
    scheduler, expected = lr_scheduler.OneCycleLR(other, max_lr=0.5, total_steps=9), []
    for _ in range(9):
        expected.append(other.param_groups[0]["lr"])
        other.step()
        scheduler.step()
    assert rates == expected


@pytest.mark.parametrize("watched", ["validation_loss", "loss", None])
def test_reduce_on_plateau_watches_a_column(watched):
    model = Falling()
    sgd = optim.SGD(model.parameters(), lr=1.0)
    plateau = lr_scheduler.ReduceLROnPlateau(sgd, factor=0.5, patience=1, threshold_mode="abs")
    callback = LearningRate(plateau, monitor=watched)
    validation = (lambda steps: 1.0) if watched != "loss" else None
    _, history = run(callback, model=model, optimizer=sgd, epochs=5, validation=validation)
    plateaued = [1.0, 1.0, 1.0, 0.5, 0.5]  # the first epoch without a reduction comes after two without improvement
    assert history["learning_rate"] == ([1.0] * 5 if watched == "loss" else plateaued)


# ---------------------------------------------------------------------- ClipGradients


@pytest.mark.parametrize(
    ("options", "clip"),
    [
        ({"max_norm": 0.3}, lambda p: optim.clip_grad_norm_(p, 0.3)),
        ({"max_value": 0.2}, lambda p: optim.clip_grad_value_(p, 0.2)),
        (
            {"max_norm": 0.3, "max_value": 0.2},
            lambda p: (optim.clip_grad_norm_(p, 0.3), optim.clip_grad_value_(p, 0.2)),
        ),
    ],
)
def test_gradients_are_clipped_as_by_optim(options, clip):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 3)).astype(np.float32), random.normal(size=(20, 2)).astype(np.float32)
    tg.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    sgd = optim.SGD(ours.parameters(), lr=0.5)
    fit(ours, nn.MSELoss(), sgd, (x, y), epochs=3, batch_size=20, shuffle=False, callbacks=[ClipGradients(**options)])
    sgd = optim.SGD(theirs.parameters(), lr=0.5)
    for _ in range(3):
        sgd.zero_grad()
        nn.MSELoss()(theirs(x), y).backward()
        clip(list(theirs.parameters()))
        sgd.step()
    np.testing.assert_array_equal(ours.weight.numpy(), theirs.weight.numpy())


# ---------------------------------------------------------------------- errors


def plateau():
    return lr_scheduler.ReduceLROnPlateau(optim.SGD(Falling().parameters(), lr=1.0))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: run(EarlyStopping()), ValueError, r"no 'validation_loss', only loss, .*give fit\(\) validation"),
        (lambda: run(EarlyStopping("accuracy")), ValueError, "no 'accuracy'"),
        (lambda: EarlyStopping(mode="up"), ValueError, "'min' or 'max', not 'up'"),
        (lambda: EarlyStopping(patience=0), ValueError, "patience must be at least 1"),
        (lambda: LearningRate(0.1), TypeError, "scheduler or a function, not float"),
        (lambda: LearningRate(lambda e: 1, every="batch"), ValueError, "not 'batch'"),
        (lambda: LearningRate(plateau(), every="step"), ValueError, "this scheduler is stepped per epoch"),
        (lambda: run(LearningRate(lambda t: -1.0)), ValueError, "gave -1.0 for 0 epochs; .* at least 0"),
        (lambda: run(LearningRate(lambda t: None, every="step")), ValueError, "gave None for 0 steps; a learning rate"),
        (lambda: GradientAccumulation(0), ValueError, "batches must be an integer from 1, not 0"),
        (
            lambda: run(LearningRate(lr_scheduler.ExponentialLR(optim.SGD(Falling().parameters()), 0.5))),
            ValueError,
            "ExponentialLR belongs to another optimizer",
        ),
        (lambda: ClipGradients(), ValueError, "max_norm, max_value or both"),
        (lambda: ClipGradients(max_norm=0), ValueError, "max_norm must be positive"),
    ],
)
def test_wrong_arguments_are_explained(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------------- History


def history_of(n):
    history = History()
    for i in range(n):
        history.append(loss=5 * 0.5**i + 0.1, validation_loss=3 * 0.5**i + 0.2 + 0.02 * i, seconds=0.5)
    return history


def test_it_is_a_mapping_of_columns():
    _, history = run(epochs=3)
    assert list(history) == ["loss", "learning_rate", "seconds"]
    assert history["loss"] == [0.0, -1.0, -2.0]
    assert dict(history)["learning_rate"] == [1.0] * 3
    assert list(history.epochs) == [1, 2, 3]
    assert "loss" in history
    assert "validation_loss" not in history
    with pytest.raises(KeyError, match=r"no column 'accuracy'.* it has loss, learning_rate, seconds"):
        history["accuracy"]


def test_the_best_epoch_is_the_first_of_the_best():
    history = History()
    for value in (3.0, math.nan, 1.0, 2.0, 1.0, 3.0):
        history.append(score=value)
    assert history.best("score") == (3, 1.0)
    assert history.best("score", mode="max") == (1, 3.0)
    with pytest.raises(ValueError, match="'min' or 'max'"):
        history.best("score", mode="most")
    history.append(other=math.nan)
    with pytest.raises(ValueError, match="has no values"):
        history.best("other")


def test_it_can_be_pickled_and_kept_as_a_state():
    _, history = run(epochs=3)
    other = History()
    other.load_state_dict(history.state_dict())
    for copy in (other, pickle.loads(pickle.dumps(history))):
        assert copy == history
        assert copy.epochs == history.epochs
        assert copy.stopped == "All 3 epochs are done."


def test_repr_is_a_short_table():
    history = history_of(100)
    history.stopped = "All 100 epochs are done."
    lines = repr(history).splitlines()
    assert lines[0] == "History of 100 epochs: All 100 epochs are done."
    assert lines[1].split() == ["epoch", "loss", "validation_loss", "seconds"]
    assert lines[2].split() == ["1", "5.1", "3.2", "0.5"]
    assert lines[-1].split()[0] == "100"
    assert len(lines) == 13
    assert len({len(line) for line in lines[1:]}) == 1
    assert repr(History()) == "History of 0 epochs"


def test_the_plot_shows_both_losses_and_marks_the_best(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    figure = pytest.importorskip("matplotlib.figure").Figure()
    history = history_of(12)
    ax = figure.subplots()
    assert history.plot(ax) is ax
    training, validation, best = ax.lines
    np.testing.assert_array_equal(training.get_ydata(), history["loss"])
    np.testing.assert_array_equal(validation.get_xdata(), range(1, 13))
    epoch, value = history.best()
    assert (best.get_xdata().item(), best.get_ydata().item()) == (epoch, value)
    assert f"best: {value:.4g} in epoch {epoch}" in ax.get_legend_handles_labels()[1]
    assert ax.get_yscale() == "log"


def test_the_plot_makes_a_figure_of_its_own(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    before = plt.get_fignums()
    ax = history_of(1).plot()
    assert ax.figure.number not in before
    plt.close(ax.figure)


def test_without_matplotlib_the_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        history_of(2).plot()


# ---------------------------------------------------------------------- what every callback is told


def test_a_callback_sees_each_batch_and_its_loss():
    seen = []

    class Watching(Callback):
        def before_step(self, run):
            x, y = run.examples
            seen.append((x.numpy().tolist(), y.numpy().tolist(), run.batch_loss))

    line = nn.Linear(1, 1)
    line.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    data = np.array([[1.0], [2.0], [3.0]]), np.array([[2.0], [4.0], [6.0]])
    fit(
        line,
        nn.MSELoss(),
        optim.SGD(line.parameters(), lr=0.0),
        data,
        epochs=1,
        batch_size=2,
        callbacks=[Watching()],
        shuffle=False,
    )
    assert seen == [([[1.0], [2.0]], [[2.0], [4.0]], 10.0), ([[3.0]], [[6.0]], 36.0)]


@pytest.mark.parametrize("error", [KeyError("mine"), tg.train.Diverged("mine")])
def test_a_callback_is_told_of_the_error_that_ends_the_training_run(error):
    told = []

    class Watching(Callback):
        def on_error(self, run, error):
            told.append((run.epoch, error))

        def on_end(self, run):
            told.append("the end")

    class Raising(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise error

    with pytest.raises(type(error)):
        run(Watching(), Raising())
    assert told == [(2, error)]
