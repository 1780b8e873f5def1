"""A checkpoint goes on with its own training only: with the same data and the same optimizer."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader
from tinygrad_ml.train import Checkpoint, LearningRate, fit
from tinygrad_ml.train.checkpoint import LARGE, fingerprint

random = np.random.default_rng(0)
X, Y = random.normal(size=(30, 2)), random.normal(size=(30, 1))


def training(path, x=X, y=Y, *, epochs=2, validation=None, optimizer=None, schedule=None, batch_size=8, model=None):
    """Train a line, with a checkpoint; return its weights and the history."""
    tg.manual_seed(1)
    model = model or nn.Linear(2, 1)
    sgd = optimizer(model.parameters()) if optimizer else optim.SGD(model.parameters(), lr=0.1)
    callbacks = [Checkpoint(path, resume=True)] if path else []
    if schedule is not None:
        callbacks.append(LearningRate(schedule(sgd)))
    data = (x, y) if batch_size else [(x, y)]
    options = {"validation": validation, "epochs": epochs, "callbacks": callbacks, "batch_size": batch_size or 1}
    history = fit(model, nn.MSELoss(), sgd, data, **options)
    return model.weight.tolist(), history["loss"], history["learning_rate"]


def changed(array, row):
    array = array.copy()
    array[row] += 1e-9
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": -Y}, r"its data were others: y had other values \(if they are drawn at random, give a seed; in an"),
        ({"y": changed(Y, 17)}, "its data were others: y had other values"),
        ({"x": X[::-1], "y": Y[::-1]}, "x and y had other values"),
        ({"x": X.astype("float32")}, r"had x of shape \(30, 2\) and dtype float64, not .* float32"),
        ({"validation": (X[:5], Y[:5])}, "its validation data were others: x and y had other values"),
        ({"validation": (X[:5],)}, "its validation data had 2 arrays, not 1"),
        ({"validation": None}, "it had validation data in arrays"),
        ({"batch_size": 9}, "its batches had 8 rows, not 9"),
        ({"optimizer": lambda p: optim.SGD(p, lr=0.2)}, r"its SGD began with lr=0\.1, not 0\.2\. Give another path"),
        ({"optimizer": lambda p: optim.SGD(p, lr=0.1, weight_decay=1.0)}, r"began with weight_decay=0\.0, not 1\.0"),
        ({"optimizer": lambda p: optim.Adagrad(p, lr=0.1)}, "its optimizer was SGD, not Adagrad"),
    ],
)
def test_the_file_of_a_training_run_with_other_data_or_another_optimizer_is_refused(tmp_path, changes, message):
    validation = X[5:10], Y[5:10]
    training(tmp_path / "run.npz", validation=validation)
    model = nn.Linear(2, 1)
    before = model.weight.tolist()
    with pytest.raises(
        ValueError, match=r"run\.npz belongs to a different training run and cannot be resumed: .*" + message
    ):
        training(tmp_path / "run.npz", **({"validation": validation, "epochs": 4, "model": model} | changes))
    assert model.weight.tolist() == before


SCHEDULES = {
    "none": None,
    "scheduler": lambda sgd: optim.lr_scheduler.StepLR(sgd, 1, gamma=0.7),
    "warm-up": lambda sgd: optim.lr_scheduler.LinearLR(sgd, 0.1, total_iters=4),
    "plateau": lambda sgd: optim.lr_scheduler.ReduceLROnPlateau(sgd, patience=0, threshold=1.0),
    "function": lambda sgd: lambda epoch: 0.1 / (1 + epoch),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_it_goes_on_for_more_epochs_while_the_learning_rate_changes(tmp_path, schedule):
    expected = training(None, epochs=6, schedule=schedule)
    for epochs in (2, 3, 6):
        last = training(tmp_path / "run.npz", epochs=epochs, schedule=schedule)
    assert last == expected


@pytest.mark.parametrize("name", ["scheduler", "warm-up", "plateau"])
def test_another_learning_rate_is_refused_with_a_scheduler_too(tmp_path, name):
    training(tmp_path / "run.npz", schedule=SCHEDULES[name])
    with pytest.raises(ValueError, match=r"lr=0\.1, not 0\.2"):
        training(tmp_path / "run.npz", schedule=SCHEDULES[name], optimizer=lambda p: optim.SGD(p, lr=0.2))


def test_the_same_optimizer_may_go_on_and_then_a_new_one(tmp_path):
    tg.manual_seed(1)
    model = nn.Linear(2, 1)
    sgd = optim.SGD(model.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(sgd, 1, gamma=0.7)
    for epochs in (2, 4):
        training(tmp_path / "run.npz", epochs=epochs, model=model, optimizer=lambda p: sgd, schedule=lambda s: schedule)
    assert len(training(tmp_path / "run.npz", epochs=6, schedule=SCHEDULES["scheduler"])[1]) == 6


def test_batches_of_other_iterables_are_not_compared(tmp_path):
    training(tmp_path / "run.npz", batch_size=None)
    assert len(training(tmp_path / "run.npz", y=-Y, batch_size=None, epochs=3)[1]) == 3


# ---------------------------------------------------------------------- estimators


def classifier(path, **options):
    callbacks = [Checkpoint(path, resume=True)]
    return tg.models.MLPClassifier((4,), max_iter=2, callbacks=callbacks, **options)


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_the_folds_of_a_cross_validation_do_not_share_a_training_run(tmp_path):
    selection = pytest.importorskip("sklearn.model_selection")
    labels = (X[:, 0] > 0).astype(int)
    model = classifier(tmp_path / "run.npz", random_state=0)
    with pytest.raises(ValueError, match=r"run\.npz belongs to a different training run"):
        selection.cross_val_score(model, X, labels, cv=3, error_score="raise")


def test_an_estimator_that_draws_other_validation_rows_is_refused(tmp_path):
    labels = (X[:, 0] > 0).astype(int)
    options = {"early_stopping": True, "validation_fraction": 0.2}
    classifier(tmp_path / "run.npz", **options).fit(X, labels)
    with pytest.raises(ValueError, match=r"its validation data were others: .* give a seed; in an estimator, random_"):
        classifier(tmp_path / "run.npz", **options).fit(X, labels)


def test_an_estimator_with_a_random_state_goes_on(tmp_path):
    labels = (X[:, 0] > 0).astype(int)
    options = {"early_stopping": True, "validation_fraction": 0.2, "random_state": 0}
    classifier(tmp_path / "run.npz", **options).fit(X, labels)
    longer = classifier(tmp_path / "run.npz", **options).set_params(max_iter=5).fit(X, labels)
    whole = tg.models.MLPClassifier((4,), max_iter=5, **options).fit(X, labels)
    assert longer.history_["loss"] == whole.history_["loss"]


# ---------------------------------------------------------------------- the fingerprint itself


def test_of_a_memory_map_few_rows_are_read(tmp_path):
    on_disk = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(1000, 2))
    before = fingerprint(DataLoader(on_disk))
    on_disk[1] = 1.0
    assert fingerprint(DataLoader(on_disk)) == before  # 0, 15, 31, ..., 999 are those that are read
    on_disk[999] = 1.0
    assert fingerprint(DataLoader(on_disk)) != before


def test_of_a_large_array_few_rows_are_read():
    large = np.zeros((LARGE // 1024 + 1, 1024), bool)
    before = fingerprint(DataLoader(large))
    large[1] = True
    assert fingerprint(DataLoader(large)) == before
    large[0] = True
    assert fingerprint(DataLoader(large)) != before


def test_the_layout_in_memory_does_not_count():
    x = np.arange(12.0).reshape(4, 3)
    assert fingerprint(DataLoader(np.asfortranarray(x))) == fingerprint(DataLoader(x))
