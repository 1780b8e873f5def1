"""A loss or gradient that is not finite stops a training run before the step, and the message names what made it."""

import inspect
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Diverged, fit


def data(n=64):
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 4)).astype(np.float32)
    return x, x.sum(axis=1, keepdims=True)


def diverged(model, x, y, loss=None, lr=0.1, optimizer=None, **options):
    """Train until it diverges; return the error. The parameters must be finite and the same as before the step."""
    optimizer = optimizer or optim.SGD(model.parameters(), lr=lr)
    with pytest.raises(Diverged) as caught:
        fit(model, loss or nn.MSELoss(), optimizer, (x, y), epochs=50, batch_size=16, seed=0, **options)
    for p in model.parameters():
        assert np.isfinite(p.numpy()).all()
        assert p.grad is None
    return caught.value


def test_a_logarithm_of_zero_is_named_with_its_line():
    lines = []

    class Planted(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 1)

        def forward(self, x):
            lines.append(inspect.currentframe().f_lineno + 1)
            return tg.log(tg.relu(self.linear(x)))

    error = diverged(Planted(), *data())
    text = str(error)
    assert text.startswith("the loss is inf, in epoch 1, batch 1, at the learning rate 0.1.")
    assert "in Planted: log gave -inf at index (" in text
    assert "of shape (16, 1)" in text
    assert f"{__file__}:{lines[0]}" in text
    assert "singular point" in text


def test_a_learning_rate_that_is_too_large_is_named_as_the_cause():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    text = str(diverged(model, *data(), lr=1e6))
    assert "at the learning rate 1e+06" in text
    assert "lower the learning rate" in text
    assert "ClipGradients" in text
    assert "The first operation that made it" in text


def test_the_epochs_before_are_in_its_history():
    tg.manual_seed(0)
    x, y = data()
    error = diverged(nn.Linear(4, 1), x, y, lr=5.0)
    losses = error.history["loss"]
    assert 1 < len(losses) < 50
    assert losses[-1] > losses[0]
    assert error.history.stopped.startswith(f"Diverged in epoch {len(losses) + 1} of 50")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.history) == (str(error), error.history)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_missing_number_in_the_data_is_named_by_row_and_column(shuffle):
    x, y = data()
    x[37, 2] = np.nan
    text = str(diverged(nn.Linear(4, 1), x, y, shuffle=shuffle))
    assert "The input x has nan in row 37 of the data, column 2" in text
    assert "The first operation that made it, in Linear: affine gave nan" in text
    x, y = data()
    y[40] = np.inf
    assert "The target has inf in row 40 of the data, column 0" in str(diverged(nn.Linear(4, 1), x, y))


def test_a_missing_number_in_a_frame_is_named_by_the_name_of_its_column():
    pandas = pytest.importorskip("pandas")
    x, y = data()
    frame = pandas.DataFrame(x, columns=["age", "fare", "class", "sex"])
    frame.loc[5, "fare"] = np.nan
    assert "row 5 of the data, column 'fare'" in str(diverged(nn.Linear(4, 1), frame, y))


def test_a_gradient_that_is_not_finite_stops_it_though_the_loss_is_finite():
    class Root(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 1)
            self.scale = nn.Parameter(0.0)

        def forward(self, x):
            return self.linear(x) * tg.sqrt(self.scale)  # the slope of the root is infinite at 0

    text = str(diverged(Root(), *data()))
    assert text.startswith("the gradient of parameter 'scale' has ")
    assert ", while the loss is " in text
    assert "the gradient of sqrt for 'x' has" in text


def test_the_batch_is_run_again_with_the_same_dropout_and_random_numbers():
    class Sometimes(nn.Module):
        """Its logarithm is that of zero only where dropout makes it so, about once in 50 batches."""

        def __init__(self):
            self.linear = nn.Linear(4, 1)
            self.dropout = nn.Dropout(0.02)

        def forward(self, x):
            ones = self.dropout(tg.ones(1))
            return self.linear(x) + tg.log(ones)

    tg.manual_seed(0)
    error = diverged(Sometimes(), *data())
    assert len(error.history.epochs) > 3
    assert "log gave -inf at index (0,) of shape (1,)" in str(error)


def test_running_means_are_not_spoilt():
    x, y = data()
    x[3, 1] = np.nan
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
    diverged(model, x, y)
    assert all(np.isfinite(buffer.numpy()).all() for buffer in model.buffers())


def test_the_modules_have_no_hooks_afterwards():
    x, y = data()
    x[0, 0] = np.nan
    model = nn.Sequential(nn.Linear(4, 1))
    diverged(model, x, y)
    assert all(module._hooks is None for module in model.modules())


def test_what_running_again_does_not_show_is_said():
    calls = []

    def changing(output, target):
        calls.append(1)
        return ((output - target) ** 2).mean() * (np.float32("inf") if len(calls) == 3 else np.float32(1))

    text = str(diverged(nn.Linear(4, 1), *data(), loss=changing))
    assert text.startswith("the loss is inf, in epoch 1, batch 3")
    assert "Run again, the batch makes no operation that is not finite" in text


def test_gradients_that_are_large_but_finite_are_no_trouble():
    model = nn.Linear(1, 1)
    x, y = np.full((4, 1), 1e20, np.float32), np.zeros((4, 1), np.float32)

    def linear(output, target):
        return output.mean()  # its gradient is 1e20, whose square is too large for a float32

    history = fit(model, linear, optim.SGD(model.parameters(), lr=1e-20), (x, y), epochs=1)
    assert history.stopped == "The epoch is done."


def test_sparse_gradients_are_looked_at_too():
    class Lookup(nn.Module):
        def __init__(self):
            self.table = nn.Parameter(np.zeros((9, 1), np.float32))

        def forward(self, rows):
            return tg.sqrt(tg.embedding(rows, self.table, sparse=True))

    rows = np.arange(4)
    text = str(diverged(Lookup(), rows, np.ones((4, 1))))
    assert text.startswith("the gradient of parameter 'table' has -inf")


def test_parameters_that_were_not_finite_before_are_named():
    model = nn.Linear(4, 1)
    model.bias.data = [np.nan]
    with pytest.raises(Diverged, match="The values of parameter 'bias' were not finite before this step"):
        fit(model, nn.MSELoss(), optim.SGD(model.parameters()), data(), epochs=1)
