"""Training runs that are counted in steps and periods, and the loss of every step."""

import json
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Callback, Checkpoint, History, fit

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)).astype(np.float32)
Y = rng.normal(size=(20, 2)).astype(np.float32)


def line():
    tg.manual_seed(0)
    return nn.Linear(3, 2)


def train(model, data=(X, Y), **options):
    return fit(
        model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9), data, progress=False, **options
    )


def by_hand(model, batches):
    """Return the losses of one step for each batch."""
    sgd, losses = optim.SGD(model.parameters(), lr=0.1, momentum=0.9), []
    for x, y in batches:
        sgd.zero_grad()
        loss = nn.MSELoss()(model(x), y)
        losses.append(loss.item())
        loss.backward()
        sgd.step()
    return losses


def passes(count, batch_size, seed=3):
    loader = tg.data.DataLoader((X, Y), batch_size, shuffle=True, seed=seed)
    return [batch for _ in range(count) for batch in loader]


@pytest.mark.parametrize(("steps", "periods"), [(12, 3), (7, 7), (11, 4), (1, 1), (3, None), (25, None)])
@pytest.mark.parametrize("batch_size", [4, 6, 64])
def test_the_steps_are_those_of_a_loop_by_hand(steps, periods, batch_size):
    ours, theirs = line(), line()
    history = train(ours, steps=steps, periods=periods, batch_size=batch_size, seed=3)
    losses = by_hand(theirs, passes(steps, batch_size)[:steps])
    np.testing.assert_array_equal(ours.weight.numpy(), theirs.weight.numpy())
    assert history.steps["loss"] == losses
    assert len(history.epochs) == (periods or min(steps, 10))
    assert history.ends[-1] == steps
    assert max(np.diff([0, *history.ends])) - min(np.diff([0, *history.ends])) <= 1


def test_the_loss_of_a_period_is_the_mean_over_its_examples():
    history = train(line(), steps=8, periods=2, batch_size=6, seed=3)  # batches of 6, 6, 6 and 2 rows
    expected = [np.average(half, weights=[6, 6, 6, 2]) for half in np.split(np.array(history.steps["loss"]), 2)]
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-12)


def test_the_module_is_judged_after_each_period():
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, run):
            seen.append((run.epoch, run.step, len(run.history["validation_loss"])))

    history = train(line(), validation=(X, Y), steps=9, periods=3, callbacks=[Watch()])
    assert seen == [(1, 3, 1), (2, 6, 2), (3, 9, 3)]
    assert history.unit == "period"
    assert history.stopped == "All 3 periods are done."
    assert repr(history).startswith("History of 3 periods: All 3 periods are done.")
    assert repr(history).splitlines()[1].split()[0] == "period"


def test_epochs_have_the_loss_of_every_step_too():
    seen = []

    class Watch(Callback):
        def after_step(self, run):
            seen.append(run.batch_loss)

    history = train(line(), epochs=2, batch_size=6, seed=3, callbacks=[Watch()])
    assert history.steps["loss"] == seen == by_hand(line(), passes(2, 6))
    assert history.ends == [4, 8]


def test_an_iterable_of_batches_is_gone_through_again_and_again():
    batches = [(X[:5], Y[:5]), (X[5:], Y[5:])]
    ours, theirs = line(), line()
    history = train(ours, data=batches, steps=5, periods=2)
    assert history.steps["loss"] == by_hand(theirs, (batches * 3)[:5])
    with pytest.raises(ValueError, match="no batches"):
        train(line(), data=[], steps=5)


@pytest.mark.parametrize("batch_size", [4, 6, 64])
@pytest.mark.parametrize("stop", range(1, 6))
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, batch_size, stop):
    class Kill(Callback):
        def on_epoch_start(self, run):
            if run.epoch == stop + 1:
                raise MemoryError

    def attempt(path, *callbacks):
        tg.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
        options = {"steps": 23, "periods": 6, "batch_size": batch_size}
        history = train(model, callbacks=[Checkpoint(path, resume=True), *callbacks], **options)
        return model.state_dict(), history

    whole, expected = attempt(tmp_path / "whole.npz")
    with pytest.raises(MemoryError):
        attempt(tmp_path / "run.npz", Kill())
    tg.manual_seed(99)
    resumed, history = attempt(tmp_path / "run.npz")
    np.testing.assert_equal(resumed, whole)
    assert history["loss"] == expected["loss"]
    assert (history.steps, history.ends, history.unit) == (expected.steps, expected.ends, "period")


def test_batches_of_ones_own_go_on_in_the_middle_too(tmp_path):
    def attempt(path, periods):
        model = line()
        batches = [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 20, 4)]
        options = {"steps": 3 * periods, "periods": periods, "callbacks": [Checkpoint(path, resume=True)]}
        return model, train(model, data=batches, **options)

    whole, expected = attempt(tmp_path / "whole.npz", 4)
    attempt(tmp_path / "run.npz", 1)
    resumed, history = attempt(tmp_path / "run.npz", 4)
    np.testing.assert_array_equal(resumed.weight.numpy(), whole.weight.numpy())
    assert history.steps == expected.steps


def test_a_file_of_other_periods_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    train(line(), steps=12, periods=4, seed=0, callbacks=[Checkpoint(path)])
    for options, message in (
        ({"steps": 12, "periods": 6}, "after 4 periods it had 12 steps, not 8"),
        ({"epochs": 9}, "it counts periods, not epochs"),
    ):
        with pytest.raises(ValueError, match=message):
            train(line(), seed=0, callbacks=[Checkpoint(path, resume=True)], **options)
    history = train(line(), steps=15, periods=5, seed=0, callbacks=[Checkpoint(path, resume=True)])
    assert len(history.steps["loss"]) == 15


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, TypeError, "missing 'epochs', .* or 'steps'"),
        ({"epochs": 1, "steps": 1}, TypeError, "epochs= and steps= both say how long"),
        ({"epochs": 1, "periods": 1}, TypeError, "epochs= and steps= both say how long"),
        ({"periods": 2}, TypeError, "missing 'epochs'"),
        ({"steps": 0}, ValueError, "steps must be an integer from 1, not 0"),
        ({"steps": 5, "periods": 0}, ValueError, "periods must be an integer from 1, not 0"),
        ({"steps": 5, "periods": 6}, ValueError, "6 periods need at least one step each"),
    ],
)
def test_what_does_not_fit_is_explained(options, error, message):
    with pytest.raises(error, match=rf"fit(:|\(\)) .*{message}"):
        train(line(), **options)


# ---------------------------------------------------------------------- the history as a dict and as a frame


def test_a_history_is_a_dict_for_everybody():
    pandas = pytest.importorskip("pandas")
    history = train(line(), steps=6, periods=3)
    assert dict(history) == {column: history[column] for column in history}
    assert json.loads(json.dumps(history)) == dict(history)
    frame = pandas.DataFrame(history)
    assert list(frame.columns) == list(history)
    assert frame["loss"].tolist() == history["loss"]


def test_it_makes_frames_of_periods_and_of_steps():
    pytest.importorskip("pandas")
    history = train(line(), steps=6, periods=3)
    frame = history.to_frame()
    assert (frame.index.name, frame.index.tolist()) == ("period", [1, 2, 3])
    assert frame["loss"].tolist() == history["loss"]
    steps = history.to_frame(steps=True)
    assert (steps.index.name, steps.index.tolist()) == ("step", [1, 2, 3, 4, 5, 6])
    assert steps["loss"].tolist() == history.steps["loss"]


def test_pickles_and_states_keep_the_steps():
    history = train(line(), steps=6, periods=3)
    other = History()
    other.load_state_dict(history.state_dict())
    for copy in (other, pickle.loads(pickle.dumps(history))):
        assert copy == history
        assert (copy.steps, copy.ends, copy.unit) == (history.steps, [2, 4, 6], "period")


def test_the_plot_shows_the_noise_of_the_steps():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    history = train(line(), steps=30, periods=5, validation=(X, Y))
    ax = history.plot(figure.subplots(), steps=True)
    noise, training, validation, best = ax.lines
    np.testing.assert_array_equal(noise.get_ydata(), history.steps["loss"])
    np.testing.assert_array_equal(training.get_xdata(), [6, 12, 18, 24, 30])
    np.testing.assert_array_equal(validation.get_ydata(), history["validation_loss"])
    assert best.get_xdata().item() == history.best()[0] * 6
    assert ax.get_xlabel() == "step"
