"""Every callback that changes the steps, beside a loop by hand; and goes on bit for bit from a checkpoint."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.optim import lr_scheduler
from tinygrad_ml.train import (
    EMA,
    Callback,
    Checkpoint,
    ClipGradients,
    EarlyStopping,
    GradientAccumulation,
    LearningRate,
    LearningRateFinder,
    fit,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = rng.normal(size=(40, 2))


def network(dropout=0.0):
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 2)).to(np.float64)


def batches(epochs, batch_size, seed=1):
    loader = tg.data.DataLoader((X, Y), batch_size, shuffle=True, seed=seed)
    return [batch for _ in range(epochs) for batch in loader]


def train(model, callbacks, batch_size=8, epochs=3, optimizer=None, **options):
    optimizer = optimizer or optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    options = {"epochs": epochs} | options
    if "steps" in options:
        del options["epochs"]
    return fit(
        model, nn.MSELoss(), optimizer, (X, Y), batch_size=batch_size, seed=1, callbacks=callbacks, **options
    )  # fmt: skip


def arrays(model):
    return [p.numpy().copy() for p in model.parameters()]


def assert_equal(model, expected, **tolerance):
    for array, other in zip(arrays(model), expected, strict=True):
        np.testing.assert_allclose(array, other, **({"rtol": 0, "atol": 0} | tolerance))


# ---------------------------------------------------------------------- GradientAccumulation


@pytest.mark.parametrize("batch_size", [8, 6])  # 40 rows: batches of one size, or a smaller one at the end
def test_accumulated_steps_are_those_of_large_batches(batch_size):
    ours, theirs = network(), network()
    history = train(ours, [GradientAccumulation(3)], batch_size)
    train(theirs, [], batch_size * 3)
    assert_equal(ours, arrays(theirs), rtol=1e-12, atol=1e-14)
    assert len(history.steps["loss"]) == 3 * -(-40 // batch_size)


def test_accumulation_by_hand():
    ours, theirs = network(), network()
    train(ours, [GradientAccumulation(5)], 8)
    sgd = optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for i, (x, y) in enumerate(batches(3, 8), 1):
        (nn.MSELoss()(theirs(x), y) / 5).backward()
        if i % 5 == 0:
            sgd.step()
            sgd.zero_grad()
    assert_equal(ours, arrays(theirs), rtol=1e-12, atol=1e-14)


def test_callbacks_are_called_when_the_optimizer_steps():
    norms, after = [], []

    class Watch(Callback):
        def before_step(self, run):
            norms.append(optim.clip_grad_norm_(run.parameters, 1e9).item())

        def after_step(self, run):
            after.append(run.step)

    train(network(), [ClipGradients(max_norm=1e-3), GradientAccumulation(2), Watch()], epochs=1)
    assert after == [2, 4, 5]  # the last batch of the epoch stands alone
    np.testing.assert_allclose(norms, 1e-3, rtol=1e-2)


def test_sparse_gradients_accumulate_too():
    tokens, targets = rng.integers(0, 9, (12, 1)), rng.normal(size=(12, 1, 4))

    def attempt(callbacks, batch_size):
        tg.manual_seed(0)
        module = nn.Embedding(9, 4, sparse=True).to(np.float64)
        sgd = optim.SGD(module.parameters(), lr=0.5)
        options = {"batch_size": batch_size, "shuffle": False, "epochs": 2}
        fit(module, nn.MSELoss(), sgd, (tokens, targets), callbacks=callbacks, **options)
        return module.weight.numpy()

    np.testing.assert_allclose(attempt([GradientAccumulation(3)], 4), attempt([], 12), rtol=1e-12, atol=1e-14)


def test_accumulation_is_refused_where_it_cannot_be():
    model = network()
    with pytest.raises(ValueError, match="LBFGS computes its gradients itself"):
        train(model, [GradientAccumulation(2)], optimizer=optim.LBFGS(model.parameters()))
    with pytest.raises(ValueError, match="two of them"):
        train(network(), [GradientAccumulation(2), GradientAccumulation(2)])


# ---------------------------------------------------------------------- EMA


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.95])
def test_the_average_is_that_of_a_loop_by_hand(decay):
    ours, theirs = network(), network()
    history = train(ours, [EMA(decay)], validation=(X, Y))
    sgd = optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    average, losses = arrays(theirs), []
    for i, (x, y) in enumerate(batches(3, 8), 1):
        sgd.zero_grad()
        nn.MSELoss()(theirs(x), y).backward()
        sgd.step()
        average = [decay * a + (1 - decay) * w for a, w in zip(average, arrays(theirs))]
        if i % 5 == 0:
            judged = copy.deepcopy(theirs)
            for p, a in zip(judged.parameters(), average):
                p.data = a
            losses.append(nn.MSELoss()(judged(X), Y).item())
    assert_equal(ours, average, rtol=1e-13)
    np.testing.assert_allclose(history["validation_loss"], losses, rtol=1e-13)


def test_the_average_of_few_steps_is_said_to_be_that_of_the_start():
    assert "The weights are their averages (EMA), of which 86% still are" in train(network(), [EMA(0.99)]).stopped
    assert train(network(), [EMA(0.5)]).stopped.endswith("The weights are their averages (EMA).")


@pytest.mark.parametrize("order", [1, -1])
def test_early_stopping_brings_the_best_averages_back(order):
    model = network()
    stopping, seen = EarlyStopping(patience=50), []

    class Watch(Callback):
        def on_epoch_end(self, run):
            seen.append(arrays(run.module))

    history = train(model, [stopping, EMA(0.7), Watch()][::order], validation=(X[:5], Y[:5]), epochs=20)
    assert_equal(model, seen[history.best()[0] - 1])


def test_an_interrupted_run_ends_with_the_averages_too():
    class Stop(Callback):
        def after_step(self, run):
            if run.step == 7:
                raise KeyboardInterrupt

    model, ema = network(), EMA(0.9)
    history = train(model, [Stop(), ema])
    assert history.stopped.startswith("Interrupted in epoch 2")
    assert_equal(model, ema.average)
    assert ema.steps in (6, 7)


@pytest.mark.parametrize("decay", [1.0, -0.1, "0.9", None])
def test_a_wrong_decay_is_explained(decay):
    with pytest.raises(ValueError, match="EMA: decay must be a number from 0 to below 1"):
        EMA(decay)


# ---------------------------------------------------------------------- LearningRate, every step


def test_a_function_of_the_step_by_hand():
    ours, theirs = network(), network()
    history = train(ours, [LearningRate(lambda t: 5 / (t + 50), every="step")])
    sgd = optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    for t, (x, y) in enumerate(batches(3, 8)):
        sgd.param_groups[0]["lr"] = 5 / (t + 50)
        sgd.zero_grad()
        nn.MSELoss()(theirs(x), y).backward()
        sgd.step()
    assert_equal(ours, arrays(theirs))
    assert history["learning_rate"] == [5 / 54, 5 / 59, 5 / 64]


def test_with_accumulation_a_function_counts_steps_of_the_optimizer():
    asked = []
    schedule = LearningRate(lambda t: asked.append(t) or 0.1, every="step")
    train(network(), [schedule, GradientAccumulation(2)], epochs=2)
    assert asked == [0, 0, 1, 2, 3, 4, 5]  # before the run, and before each of its 6 steps


# ---------------------------------------------------------------------- going on


def adam(model):
    return optim.Adam(model.parameters(), lr=0.01)


EVERYTHING = {
    "ema": lambda o: [EMA(0.8)],
    "accumulation": lambda o: [GradientAccumulation(3)],
    "schedule of steps": lambda o: [LearningRate(lambda t: 1 / (t + 20), every="step")],
    "scheduler of steps": lambda o: [LearningRate(lr_scheduler.ExponentialLR(o, 0.95), every="step")],
    "finder": lambda o: [LearningRateFinder(steps=30)],
    "all": lambda o: [
        EarlyStopping(patience=3),
        EMA(0.8),
        GradientAccumulation(2),
        ClipGradients(max_norm=1.0),
        LearningRate(lambda t: 1 / (t + 20), every="step"),
    ],
}


@pytest.mark.parametrize("duration", [{"epochs": 5}, {"steps": 33, "periods": 5}], ids=str)
@pytest.mark.parametrize("name", EVERYTHING)
def test_a_run_that_was_killed_goes_on_bit_for_bit(tmp_path, name, duration):
    class Kill(Callback):
        after_others = True

        def before_step(self, run):
            if run.epoch == 4:
                raise MemoryError

    def attempt(path, *more):
        model = network(dropout=0.3)
        optimizer = adam(model)
        callbacks = [*EVERYTHING[name](optimizer), Checkpoint(path, resume=True, best="validation_loss"), *more]
        history = train(model, callbacks, optimizer=optimizer, validation=(X[:9], Y[:9]), **duration)
        return arrays(model), optimizer.state_dict(), history

    whole, state, expected = attempt(tmp_path / "whole.npz")
    with pytest.raises(MemoryError):
        attempt(tmp_path / "run.npz", Kill())
    weights, resumed, history = attempt(tmp_path / "run.npz")
    for array, other in zip(weights, whole):
        np.testing.assert_array_equal(array, other)
    np.testing.assert_equal(resumed, state)
    del history["seconds"], expected["seconds"]
    assert (history, history.steps, history.stopped) == (expected, expected.steps, expected.stopped)
    for a, b in zip(("run.npz", "run.best.npz"), ("whole.npz", "whole.best.npz")):
        np.testing.assert_equal(tg.load(tmp_path / a)["module"], tg.load(tmp_path / b)["module"])


def test_an_ema_of_other_parameters_is_refused():
    ema = EMA()
    ema.average = [np.zeros(3)]
    for state in ({"average": [np.zeros(2)], "trained": None, "steps": 1}, {"average": 3, "trained": None, "steps": 1}):
        with pytest.raises(ValueError, match="EMA: average must be a list of arrays in the shapes of the parameters"):
            ema.load_state_dict(state)
    with pytest.raises(ValueError, match="EMA: steps=-1 must be an integer from 0"):
        ema.load_state_dict({"average": [np.zeros(3)], "trained": None, "steps": -1})


@pytest.mark.parametrize(
    "callback", [EMA(0.9), GradientAccumulation(2), LearningRateFinder(), Checkpoint("a.npz", best="loss")]
)
def test_callbacks_can_be_copied_and_pickled(callback, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(pickle.loads(pickle.dumps(callback))) == repr(callback)
    train(network(), [callback])
    assert repr(copy.deepcopy(callback)) == repr(pickle.loads(pickle.dumps(callback))) == repr(callback)


# ---------------------------------------------------------------------- Checkpoint: the best beside the last


def test_the_best_stands_beside_the_last(tmp_path):
    model, seen = network(), []

    class Watch(Callback):
        def on_epoch_end(self, run):
            seen.append(arrays(run.module))

    checkpoint = Checkpoint(tmp_path / "run.npz", best="validation_loss")
    history = train(model, [Watch(), checkpoint], validation=(X[:5], Y[:5]), epochs=25)
    epoch, value = history.best()
    assert epoch < 25
    assert (checkpoint.best, checkpoint.best_path) == (value, tmp_path / "run.best.npz")
    best, last = (tg.load(path) for path in (checkpoint.best_path, checkpoint.path))
    assert (best["epoch"], last["epoch"]) == (epoch, 25)
    other = network()
    other.load_state_dict(best["module"])
    assert_equal(other, seen[epoch - 1])


def test_the_best_accuracy_is_the_largest(tmp_path):
    values = iter([0.5, 0.9, 0.7])
    metrics = {"accuracy": lambda target, output: next(values)}
    checkpoint = Checkpoint(tmp_path / "run.npz", best="validation_accuracy")
    train(network(), [checkpoint], validation=(X, Y), metrics=metrics)
    assert checkpoint.best == 0.9
    assert tg.load(checkpoint.best_path)["epoch"] == 2


def test_best_and_monitor_are_two_things():
    with pytest.raises(ValueError, match="best= writes the best beside the last, monitor= nothing but the best"):
        Checkpoint("run.npz", best="loss", monitor="loss")


# ---------------------------------------------------------------------- LearningRateFinder


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam])
def test_the_rate_that_is_found_trains_well_from_any_start(optimizer):
    w = np.array([[1.0], [-2.0], [0.5]])
    target, losses = X @ w, []
    for lr in (1e-8, 1e8):
        tg.manual_seed(0)
        line = nn.Linear(3, 1).to(np.float64)
        finder = LearningRateFinder()
        history = fit(
            line, nn.MSELoss(), optimizer(line.parameters(), lr=lr), (X, target), epochs=60, batch_size=8, seed=0,
            callbacks=[finder], progress=False,
        )  # fmt: skip
        losses.append(history["loss"])
        assert history["learning_rate"] == [finder.suggestion] * 60
        assert len(history.steps["loss"]) == 300
    assert losses[0] == losses[1]
    assert losses[0][-1] < 1e-3 * target.var()


def test_the_trial_leaves_everything_as_it_was():
    def attempt(callbacks, lr):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2)).to(np.float64)
        optimizer = optim.Adam(model.parameters(), lr=lr)
        train(model, callbacks, optimizer=optimizer)
        return model.state_dict(), optimizer.state_dict()

    finder = LearningRateFinder()
    found = attempt([finder], 1.0)
    np.testing.assert_equal(found, attempt([], finder.suggestion))


def test_groups_keep_their_proportions():
    model = network()
    groups = [{"params": [*model.parameters()][:2], "lr": 0.4}, {"params": [*model.parameters()][2:], "lr": 0.1}]
    sgd = optim.SGD(groups)
    finder = LearningRateFinder()
    train(model, [finder], optimizer=sgd)
    np.testing.assert_allclose([group["lr"] for group in sgd.param_groups], [finder.suggestion, finder.suggestion / 4])


def test_the_trial_is_drawn():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    finder = LearningRateFinder()
    train(network(), [finder])
    ax = finder.plot(figure.subplots())
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), finder.rates)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), finder.losses)
    assert set(ax.lines[1].get_xdata()) == {finder.suggestion}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LearningRateFinder(0.1, 0.01), "two numbers above 0, the smaller one first"),
        (lambda: LearningRateFinder(steps=3), "steps must be an integer from 10"),
        (
            lambda: train(network(), [LearningRateFinder(), LearningRate(lambda t: 1.0)]),
            "LearningRate decides the rates",
        ),
        (lambda: train(network(), [LearningRateFinder(1e-12, 1e-11)]), "does not fall at any rate from 1e-12 to 1e-11"),
    ],
)
def test_a_trial_that_cannot_be_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()
