"""Training runs whose steps are compiled: the same numbers, checks and callbacks."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.train import callbacks as cb
from tinygrad_ml.train import compiled

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 4)).astype(np.float32)
Y = (X @ np.array([1.0, -2.0, 0.5, 3.0]) > 0).astype(np.int64)


def trained(compile, callbacks=(), epochs=20, dropout=0.3, optimizer=tg.optim.Adam, x=X, norm=False):
    """Return the history, the weights and the next random number of a training run."""
    tg.manual_seed(0)
    layers = [nn.Linear(4, 8), nn.BatchNorm1d(8)] if norm else [nn.Linear(4, 8)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))
    history = tg.train.fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer(model.parameters(), lr=0.05),
        (x, Y),
        validation=(x, Y),
        epochs=epochs,
        batch_size=8,
        seed=0,
        callbacks=callbacks,
        compile=compile,
    )
    return history, [*model.state_dict().values()], tg.rand(1).item()


def assert_same(first, second, rtol=0.0):
    for x, y in zip((*first[1], first[2]), (*second[1], second[2])):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)
    for column in ("loss", "validation_loss", "learning_rate"):
        np.testing.assert_allclose(first[0][column], second[0][column], rtol=rtol)
    np.testing.assert_allclose(first[0].steps["loss"], second[0].steps["loss"], rtol=rtol)


@pytest.mark.parametrize("norm", [False, True])
def test_by_itself_fit_compiles_long_runs_and_gives_the_same_bits(norm):
    assert_same(trained(False, norm=norm), trained("auto", norm=norm))


@pytest.fixture
def backends(monkeypatch):
    """Let time be the number of steps, of which 100 are worth a program in C; return which backends were taken."""
    taken, make = [], compiled.CompiledStep._compile

    def watched(self):
        taken.append(self.backend)
        make(self)

    monkeypatch.setattr(compiled, "time", SimpleNamespace(perf_counter=count().__next__))
    monkeypatch.setattr(compiled, "PATIENCE", 100)
    monkeypatch.setattr(compiled.CompiledStep, "_compile", watched)
    return taken


@pytest.mark.parametrize("callbacks", [list, lambda: [cb.ClipGradients(0.01)]])
def test_longer_runs_go_over_to_c_with_the_same_bits(callbacks, backends):
    plain = trained(False, callbacks(), epochs=40, norm=True)
    assert backends == []
    assert_same(plain, trained("auto", callbacks(), epochs=40, norm=True))
    assert backends == ["numpy", "exact"]


def images(compile, epochs):
    """Return the weights of a convolutional network, one of whose convolutions is large."""
    tg.manual_seed(0)
    x = tg.randn(64, 8, 12, 12).numpy()
    layers = [nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 4, 2), nn.MaxPool2d(3, 1), nn.AvgPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4, 2))
    optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
    data = x, (x.mean((1, 2, 3)) > 0).astype(int)
    history = tg.train.fit(
        model, nn.CrossEntropyLoss(), optimizer, data, epochs=epochs, batch_size=32, seed=0, compile=compile
    )
    return history.steps["loss"], [p.numpy() for p in model.parameters()]


def test_networks_of_convolutions_go_over_to_c_with_the_same_bits(backends):
    (losses, weights), (compiled_losses, compiled_weights) = images(False, 160), images("auto", 160)
    assert backends == [None, "exact"]
    assert losses == compiled_losses
    for p, q in zip(weights, compiled_weights):
        np.testing.assert_array_equal(p, q)


def test_what_is_nearly_over_does_not_go_over_to_c(backends, monkeypatch):
    monkeypatch.setattr(compiled, "PATIENCE", 170)
    images("auto", 160)
    assert backends == [None]


def test_without_a_compiler_nothing_goes_over_to_c(backends, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    images("auto", 160)
    assert backends == [None]


def test_in_c_only_the_rounding_of_sums_differs():
    assert_same(trained(False, epochs=3), trained(True, epochs=3), rtol=1e-4)


def test_callbacks_see_every_step_and_change_gradients_and_rates():
    def made():
        return [cb.ClipGradients(0.01), cb.LearningRate(lambda epoch: 0.05 * 0.9**epoch)]

    plain, compiled = trained(False, made()), trained("auto", made())
    assert_same(plain, compiled)


@pytest.mark.parametrize("compile", [True, "auto"])
def test_a_run_that_diverges_says_so_before_the_step(compile):
    x = X.copy()
    with pytest.raises(tg.train.Diverged) as plain:
        trained(False, optimizer=lambda p, lr: tg.optim.SGD(p, lr=1e30), x=x, dropout=0.0)
    with pytest.raises(tg.train.Diverged) as found:
        trained(compile, optimizer=lambda p, lr: tg.optim.SGD(p, lr=1e30), x=x, dropout=0.0)
    assert str(found.value) == str(plain.value)


def test_what_is_of_ones_own_is_compiled_only_if_asked_for():
    class Noisy(nn.Module):
        def __init__(self):
            self.layer, self.calls = nn.Linear(4, 2), 0

        def forward(self, x):
            self.calls += 1
            return self.layer(x)

    for compile, calls in (("auto", 20 * 13), (False, 20 * 13)):
        model = Noisy()
        optimizer = tg.optim.SGD(model.parameters())
        tg.train.fit(model, nn.CrossEntropyLoss(), optimizer, (X, Y), epochs=20, batch_size=8, compile=compile)
        assert model.calls == calls


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="compile must be True, False or 'auto', not 'yes'"):
        trained("yes")
