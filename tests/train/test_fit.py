"""fit: the loop is the one that anybody would write by hand, and says what is wrong with its arguments."""

import io
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.counting import files_of
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader
from tinygrad_ml.terminal import ProgressBar
from tinygrad_ml.train import Callback, ClipGradients, EarlyStopping, fit


def blobs(n=60, dtype=np.float32):
    random = np.random.default_rng(0)
    y = random.integers(0, 3, n)
    return (random.normal(size=(n, 4)) + y[:, None]).astype(dtype), y


def network(seed=0):
    tg.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


def weights(module):
    return np.concatenate([value.ravel() for value in module.state_dict().values()])


def by_hand(model, optimizer, x, y, epochs, batch_size, seed, clip=None):
    """Train as the first page of every tutorial does; return the mean losses."""
    loss_function, losses = nn.CrossEntropyLoss(), []
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            loss = loss_function(model(tg.tensor(x[rows])), y[rows])
            loss.backward()
            if clip:
                optim.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_trajectory_is_that_of_a_loop_written_by_hand_bit_for_bit(clip):
    x, y = blobs()
    model = network()
    expected = by_hand(model, optim.Adam(model.parameters(), lr=0.01), x, y, 4, 16, seed=5, clip=clip)
    other = network()
    callbacks = [ClipGradients(max_norm=clip)] if clip else []
    adam = optim.Adam(other.parameters(), lr=0.01)
    history = fit(other, nn.CrossEntropyLoss(), adam, (x, y), epochs=4, batch_size=16, seed=5, callbacks=callbacks)
    assert history["loss"] == expected
    np.testing.assert_array_equal(weights(other), weights(model))


def trained(data, loss=None, **options):
    """Return the weights after a short training on data of some form."""
    model = network()
    fit(model, loss or nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), data, epochs=2, **options)
    return weights(model)


def test_arrays_loaders_and_lists_of_batches_train_alike():
    x, y = blobs()
    expected = trained((x, y), shuffle=False, batch_size=20)
    np.testing.assert_array_equal(trained(DataLoader((x, y), 20)), expected)
    np.testing.assert_array_equal(trained([(x[i : i + 20], y[i : i + 20]) for i in (0, 20, 40)]), expected)
    np.testing.assert_array_equal(
        trained([[tg.tensor(x[:20]), y[:20]], (x[20:40], y[20:40]), (x[40:], y[40:])]), expected
    )


def test_floats_are_turned_into_the_dtype_of_the_parameters():
    x, y = blobs()
    expected = trained((x, y), seed=1)
    np.testing.assert_array_equal(trained((x.astype(float), y), seed=1), expected)
    np.testing.assert_array_equal(trained(DataLoader((x.astype(float), y), 32, True, seed=1)), expected)


def test_frames_are_data_too():
    pandas = pytest.importorskip("pandas")
    x, y = blobs()
    frame = pandas.DataFrame(x, columns=list("abcd"))
    np.testing.assert_array_equal(trained((frame, pandas.Series(y)), seed=1), trained((x, y), seed=1))


def test_the_loader_of_another_library_is_data_too(torch):
    x, y = blobs()
    dataset = torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(y))
    loader = torch.utils.data.DataLoader(dataset, 20)
    np.testing.assert_array_equal(trained(loader), trained((x, y), shuffle=False, batch_size=20))


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: (x, y),
        lambda x, y: DataLoader((x, y), 60),
        lambda x, y: [(x, y)],
        lambda x, y: [[x[::-1][::-1], y]],  # views of the arrays
    ],
    ids=["arrays", "loader", "batches", "views"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_that_change_in_the_middle_of_a_step_do_not_change_its_gradients(form, dtype):
    def after_a_step(change):
        x, y = blobs(dtype=dtype)
        model = nn.Linear(4, 3)
        model.load_state_dict({"weight": np.ones((3, 4)), "bias": np.zeros(3)})

        def loss(output, target):
            value = nn.functional.cross_entropy(output, target)
            if change:
                x[:], y[:] = 100, 0
            return value

        sgd = optim.SGD(model.parameters(), lr=0.1)
        fit(model, loss, sgd, form(x, y), epochs=1, batch_size=60, shuffle=False)
        return weights(model)

    np.testing.assert_array_equal(after_a_step(True), after_a_step(False))


def test_what_follows_the_target_reaches_the_loss():
    x, y = blobs()

    def weighted(output, target, weight):
        return (nn.functional.cross_entropy(output, target, reduction="none") * weight).mean()

    np.testing.assert_allclose(
        trained((x, y, np.full(60, 2.0)), weighted, shuffle=False),
        trained((x, y), lambda output, target: 2 * nn.functional.cross_entropy(output, target), shuffle=False),
        rtol=1e-5,
    )


def test_an_array_alone_has_no_target():
    x, _ = blobs()
    model = nn.Linear(4, 4)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, lambda output: (output**2).mean(), sgd, x, epochs=30)
    assert history["loss"][-1] < 0.1 * history["loss"][0]


def test_the_loss_of_an_epoch_is_the_mean_over_rows_not_over_batches():
    model = nn.Linear(1, 1)
    x, y = np.zeros((5, 1), np.float32), np.array([[1], [1], [1], [1], [11]], np.float32)
    model.load_state_dict({"weight": [[0.0]], "bias": [0.0]})
    frozen = optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, nn.MSELoss(), frozen, (x, y), validation=(x, y), epochs=1, batch_size=4, shuffle=False)
    assert history["loss"] == [25.0]
    assert history["validation_loss"] == [25.0]


def test_lbfgs_trains_on_the_whole_data():
    x = np.linspace(-1, 1, 50).reshape(-1, 1)
    model = nn.Linear(1, 1).double()
    lbfgs = optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    fit(model, nn.MSELoss(), lbfgs, (x, 3 * x - 2), epochs=5, batch_size=50)
    np.testing.assert_allclose([model.weight.item(), model.bias.item()], [3, -2], rtol=1e-6)


# ---------------------------------------------------------------------- validation and modes


def test_a_model_of_the_course_comes_back_in_training_mode_as_do_its_layers():
    x, y = blobs()
    model = tg.models.MLPClassifier((8,), dropout=0.5).build(4, 4)
    fit(model, model.criterion, optim.SGD(model.parameters(), lr=0.1), (x, y), validation=(x, y), epochs=1)
    assert all(m.training for m in model.modules())
    np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(x))  # which are made without dropout


def test_validation_is_judged_in_evaluation_mode_without_gradients_or_traces():
    x, y = blobs()
    model = network()
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            self.inner = model

        def forward(self, x):
            seen.append((self.training, tg.is_grad_enabled(), len(x)))
            return self.inner(x)

    watched = Watched()
    sgd = optim.SGD(watched.parameters(), lr=0.1)
    history = fit(
        watched,
        nn.CrossEntropyLoss(),
        sgd,
        (x[:40], y[:40]),
        validation=(x[40:], y[40:]),
        metrics={"accuracy": lambda target, output: (output.argmax(axis=1) == target).mean()},
        epochs=2,
        batch_size=40,
    )
    assert seen == [(True, True, 40), (False, False, 20)] * 2
    with tg.no_grad():
        output = model.eval()(tg.tensor(x[40:]))
    assert history["validation_loss"][-1] == nn.CrossEntropyLoss()(output, y[40:]).item()
    assert history["validation_accuracy"][-1] == (output.numpy().argmax(axis=1) == y[40:]).mean()


def test_the_modes_come_back_as_they_were_and_what_is_frozen_stays_so():
    x, y = blobs()
    model = network()
    model[1].eval()
    before = model.state_dict()["1.running_mean"]
    sgd = optim.SGD(model.parameters(), lr=0.1)
    fit(model, nn.CrossEntropyLoss(), sgd, (x, y), validation=(x, y), epochs=1)
    np.testing.assert_array_equal(model.state_dict()["1.running_mean"], before)
    assert [m.training for m in model] == [True, False, True, True, True]
    assert "training" not in vars(model)
    model.eval()
    fit(model, nn.CrossEntropyLoss(), sgd, (x, y), epochs=1)
    assert not np.array_equal(model.state_dict()["1.running_mean"], before)
    assert not any(m.training for m in model.modules())


# ---------------------------------------------------------------------- callbacks in general


def test_callbacks_are_called_in_order():
    calls = []

    class Log(Callback):
        def __init__(self, name):
            self.name = name

        def on_start(self, run):
            calls.append(f"{self.name} start {run.epoch}")

        def before_step(self, run):
            assert all(p.grad is not None for p in run.parameters)
            calls.append(f"{self.name} step {run.epoch}.{run.batch}")

        def on_epoch_end(self, run):
            assert len(run.history.epochs) == run.epoch
            calls.append(f"{self.name} epoch {run.epoch} of {run.epochs}")
            if run.epoch == 2:
                run.stop("Enough.")

        def on_end(self, run):
            calls.append(f"{self.name} end: {run.history.stopped}")

    x, y = blobs(20)
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, nn.CrossEntropyLoss(), sgd, (x, y), epochs=5, batch_size=20, callbacks=[Log("a"), Log("b")])
    story = ["start 0", "step 1.1", "epoch 1 of 5", "step 2.1", "epoch 2 of 5", "end: Enough."]
    assert calls == [f"{name} {event}" for event in story for name in "ab"]
    assert history.stopped == "Enough."


def test_an_error_has_the_history_so_far():
    class Fail(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                raise RuntimeError("no space")

    x, y = blobs()
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match="no space") as caught:
        fit(model, nn.CrossEntropyLoss(), sgd, (x, y), epochs=5, callbacks=[Fail()])
    assert len(caught.value.history["loss"]) == 2
    assert caught.value.history.stopped == "RuntimeError in epoch 2 of 5, batch 2."


# ---------------------------------------------------------------------- the way of a call


@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"seed": 0, "progress": False}])
def test_a_call_passes_through_few_files(options):
    x = np.random.default_rng(0).normal(size=(8, 3))
    line, loss = nn.Linear(3, 1), nn.MSELoss()
    sgd = optim.SGD(line.parameters(), lr=0.1)
    files = files_of(lambda: fit(line, loss, sgd, (x, x[:, :1]), epochs=1, **options))
    assert "tinygrad_ml/train/loop.py" in files
    files -= {"tinygrad_ml/foreign_names.py", "tinygrad_ml/attributes.py"}  # the doors: they let what is known pass
    assert len(files) <= 18, sorted(files)


# ---------------------------------------------------------------------- progress


def run_with_progress(progress):
    x, y = blobs()
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.1)
    return fit(model, nn.CrossEntropyLoss(), sgd, (x, y), validation=(x, y), epochs=2, progress=progress)


def test_the_bar_shows_epoch_and_losses(capsys):
    pytest.importorskip("tqdm")
    history = run_with_progress(True)
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert "epoch 2/2: 100%" in last
    assert "4/4" in last
    assert f"loss={history['loss'][-1]:.4g}, validation_loss={history['validation_loss'][-1]:.4g}" in last


def test_it_is_quiet_when_nobody_looks_or_wants_to(capsys):
    run_with_progress(None)
    run_with_progress(False)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_comes_by_itself_in_a_terminal(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_with_progress(None)
    assert "epoch 2/2" in sys.stderr.getvalue()


class Speaker(Callback):
    def on_epoch_end(self, run):
        print("epoch", run.epoch, "said")
        print("no end", end="")


def on_screen(written):
    """Return the lines that a terminal shows after carriage returns, without the spaces at their ends."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for text in line.split("\r"):
            shown = text + shown[len(text) :]
        lines.append(shown.rstrip())
    return lines


def test_lines_that_callbacks_print_do_not_run_into_the_bar(monkeypatch):
    pytest.importorskip("tqdm")
    screen = Terminal()  # both streams lead to it
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    x, y = blobs()
    model = network()
    fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), (x, y), epochs=2, callbacks=[Speaker()])
    assert sys.stdout is screen
    assert sys.stderr is screen
    said = [line for line in on_screen(screen.getvalue()) if line and "epoch 2/2" not in line]
    assert said == ["epoch 1 said", "no endepoch 2 said", "no end"]


def test_a_bar_that_ends_early_keeps_its_number(capsys):
    pytest.importorskip("tqdm")
    x, y = blobs()
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.0)
    stop = EarlyStopping("loss", patience=2)
    history = fit(model, nn.CrossEntropyLoss(), sgd, (x, y), epochs=50, callbacks=[stop], progress=True)
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    n = len(history.epochs)
    assert n < 50
    assert f"epoch {n}/50" in last
    assert f"{2 * n}/100" in last


def test_a_bar_in_a_notebook_that_ends_early_is_not_red(monkeypatch):
    auto = pytest.importorskip("tqdm.auto")

    class Widget:
        def __init__(self, total, **options):
            self.total, self.n, self.container, self.styles = total, 0, object(), []

        def update(self, steps):
            self.n += steps

        def close(self):
            self.disp("danger" if self.n < self.total else "success")  # as tqdm.notebook does

        def disp(self, bar_style, check_delay=True):
            self.styles.append(bar_style)

    monkeypatch.setattr(auto, "tqdm", Widget)
    for steps, style in ((3, "success"), (2, "info")):
        bar = ProgressBar(3, wanted=True)
        bar.advance(steps)
        bar.close()
        assert bar.tqdm.styles[-1] == style
        assert bar.tqdm.n == steps


def test_without_tqdm_there_is_a_hint_if_the_bar_was_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_with_progress(None)
    assert sys.stderr.getvalue() == ""
    run_with_progress(True)
    assert sys.stderr.getvalue() == "fit: a progress bar needs: pip install tqdm\n"


# ---------------------------------------------------------------------- errors


def attempt(**changes):
    x, y = blobs()
    model = changes.pop("module", None) or network()
    parameters = model.parameters() if isinstance(model, nn.Module) else network().parameters()
    arguments = {
        "module": model,
        "loss": nn.CrossEntropyLoss(),
        "optimizer": changes.pop("optimizer", None) or optim.SGD(parameters, lr=0.1),
        "data": (x, y),
        "epochs": 1,
    }
    fit(**(arguments | changes))


def squared(output, target):
    return ((output - target) ** 2).mean()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"module": lambda x: x}, TypeError, "module must be a tg.nn.Module, not function"),
        ({"loss": 3}, TypeError, "loss must be a function"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be one of tg.optim, not str"),
        ({"epochs": 0}, ValueError, "epochs must be an integer from 1, not 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an integer from 1, not 1.5"),
        ({"callbacks": [ClipGradients]}, TypeError, "not ClipGradients itself"),
        ({"callbacks": [print]}, TypeError, "not builtin_function_or_method"),
        ({"metrics": {"accuracy": len}}, ValueError, "give validation"),
        ({"data": ()}, ValueError, "empty tuple"),
        ({"data": []}, ValueError, "no batches"),
        ({"data": (np.ones((0, 4)), np.ones(0))}, ValueError, "0 rows"),
        ({"data": 5}, TypeError, "data must be a tuple of arrays"),
        ({"data": {"x": 1}}, TypeError, "not dict"),
        ({"data": iter([])}, TypeError, "only once"),
        ({"data": [5]}, TypeError, "a batch of data must be a tuple"),
        ({"data": [()]}, ValueError, "empty batch"),
        ({"data": [np.ones((7, 4)), np.ones(7, int)]}, TypeError, r"write \(X, y\)"),
        ({"data": [(np.ones((3, 4)), np.ones(4, int))]}, ValueError, r"shapes \(3, 4\) and \(4,\)"),
        ({"data": [(np.ones((3, 4)), np.array(["a"] * 3))]}, TypeError, "no numbers"),
        ({"validation": 5}, TypeError, "validation must be a tuple of arrays"),
        ({"validation": []}, ValueError, "validation has no batches"),
        ({"optimizer": optim.SGD([tg.ones(2, requires_grad=True)])}, ValueError, r"not the module's \(shapes \(2,\)"),
        ({"loss": nn.CrossEntropyLoss(reduction="none")}, ValueError, r"shape \(32,\).*reduction='mean'"),
        ({"loss": lambda output, target: 3.0}, TypeError, "returned a float"),
        ({"loss": lambda output, target: output.detach().mean()}, TypeError, "without a history"),
        (
            {"data": (np.ones((6, 4)), np.ones((6, 2))), "loss": nn.MSELoss()},
            ValueError,
            r"\(6, 3\) and target \(6, 2\)",
        ),
        (
            {"data": (np.ones((6, 4)), np.ones(6)), "module": nn.Linear(4, 1), "loss": squared},
            ValueError,
            r"subtract makes \(6, 6\) of the output \(6, 1\) and the target \(6,\)",
        ),
    ],
)
def test_what_does_not_fit_is_explained(changes, error, message):
    with pytest.raises(error, match=message):
        attempt(**changes)


def test_a_module_with_nothing_to_learn_is_refused():
    model = network().requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter of this Sequential"):
        attempt(module=model, optimizer=optim.SGD([tg.ones(2, requires_grad=True)]))


def test_every_output_with_every_target_is_allowed_where_it_is_meant():
    def pairs(output, target):
        return ((output - output[:, 0]) ** 2).mean()

    model = nn.Linear(4, 1)
    attempt(module=model, data=(np.random.default_rng(0).normal(size=(6, 4)), np.ones(6)), loss=pairs)
