"""Files that version 0.1.0 wrote load, and its training runs go on.

They were made by `plain` and `with_everything` below, for 3 epochs and with the same numbers.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Checkpoint, ClipGradients, EarlyStopping, LearningRate, fit

FILES = Path(__file__).parent / "data_0_1_0"
X = (np.arange(120) * 37 % 41 / 41).reshape(40, 3).astype(np.float32)  # exact on every machine
Y = (X.sum(axis=1) > 1.5).astype(int)


def network():
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))
    model.load_state_dict(tg.load(FILES / "start.npz"))
    return model


def plain(path, epochs):
    """Train without anything random."""
    model = network()
    adam = optim.Adam(model.parameters(), lr=0.05)
    callbacks = [
        Checkpoint(path, resume=True),
        EarlyStopping("validation_loss", patience=50, restore_best=False),
        LearningRate(optim.lr_scheduler.CosineAnnealingLR(adam, T_max=8)),
    ]
    data, validation = (X[:30], Y[:30]), (X[30:], Y[30:])
    options = {"validation": validation, "batch_size": 10, "shuffle": False, "callbacks": callbacks}
    history = fit(model, nn.CrossEntropyLoss(), adam, data, epochs=epochs, **options)
    return model.state_dict(), adam.state_dict(), history


def with_everything(path, epochs):
    """Train with dropout, a loss that has weights, shuffled rows, two groups and a rate that changes in every step."""
    tg.manual_seed(5)
    model = nn.Sequential(*network(), nn.Dropout(0.2))
    groups = [{"params": [model[0].weight], "lr": 0.1}, {"params": [*model.parameters()][1:]}]
    sgd = optim.SGD(groups, lr=0.2, momentum=0.9, nesterov=True)
    callbacks = [
        ClipGradients(max_norm=1.0),
        EarlyStopping("loss", patience=50),
        LearningRate(optim.lr_scheduler.OneCycleLR(sgd, max_lr=[0.1, 0.2], total_steps=40), every="step"),
        Checkpoint(path, resume=True),
    ]
    history = fit(
        model, nn.CrossEntropyLoss(weight=tg.tensor([1.0, 2.0])), sgd, (X, Y), epochs=epochs, batch_size=10, seed=3,
        callbacks=callbacks,
    )  # fmt: skip
    return model.state_dict(), sgd.state_dict(), history


@pytest.fixture
def resumed(tmp_path):
    """Return a function that goes on from a copy of a file."""

    def go_on(train, name, epochs):
        return train(shutil.copy(FILES / name, tmp_path / name), epochs)

    return go_on


def close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["plain.npz", "plain.safetensors"])
def test_a_training_run_goes_on_to_where_it_ends_without_a_break(tmp_path, resumed, name):
    if name.endswith("safetensors"):
        pytest.importorskip("safetensors")
    weights, adam, history = resumed(plain, name, 7)
    whole_weights, whole_adam, whole_history = plain(tmp_path / "whole.npz", 7)
    close(weights, whole_weights)
    for i, entry in adam["state"].items():
        close(entry, whole_adam["state"][i])
    assert adam["param_groups"] == whole_adam["param_groups"]
    assert len(history.epochs) == 7
    for column in ("loss", "validation_loss", "learning_rate"):
        np.testing.assert_allclose(history[column], whole_history[column], rtol=1e-4)


def test_all_that_a_checkpoint_holds_is_taken_over(tmp_path, resumed):
    before = tg.load(FILES / "everything.npz")
    _, sgd, history = resumed(with_everything, "everything.npz", 6)
    _, whole_sgd, whole_history = with_everything(tmp_path / "whole.npz", 6)
    assert {column: values[:3] for column, values in history.items()} == before["history"]["columns"]
    assert history["learning_rate"] == whole_history["learning_rate"]
    assert sgd["param_groups"] == whole_sgd["param_groups"]
    assert np.isfinite(history["loss"]).all()


def test_a_finished_training_run_returns_at_once(resumed):
    weights, _, history = resumed(plain, "plain.npz", 3)
    close(weights, tg.load(FILES / "plain.npz")["module"])
    assert history.stopped == "All 3 epochs are done."


def test_the_file_of_another_training_run_is_still_known(tmp_path):
    for name, train in (("plain.npz", with_everything), ("everything.npz", plain)):
        with pytest.raises(ValueError, match=name):
            train(shutil.copy(FILES / name, tmp_path / name), 6)


def test_weights_load():
    model = network()
    names = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert list(model.state_dict())[:7] == names
    pytest.importorskip("safetensors")
    loaded = tg.load(FILES / "start.safetensors")
    close(model.state_dict(), loaded)
