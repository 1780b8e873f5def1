"""Metrics by name and the library's own on the outputs of a module, and which of their values are good."""

import functools

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import metrics, nn, optim
from tinygrad_ml.nn import functional as F
from tinygrad_ml.train import Checkpoint, EarlyStopping, History, LearningRate, fit
from tinygrad_ml.train.measures import better

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4))
CLASSES = np.digitize(X[:, 0] + 0.3 * rng.normal(size=50), [-0.5, 0.5])
YES = (CLASSES > 1).astype(int)


def measured(loss, y, outputs, names, last=None, epochs=1):
    """Train for an epoch; return the row of the history, and the outputs for the validation."""
    tg.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, outputs), *([last] if last else [])).to(np.float64)
    sgd = optim.SGD(module.parameters(), lr=0.5)
    history = fit(module, loss, sgd, (X, y), validation=(X, y), epochs=epochs, metrics=names, progress=False, seed=0)
    with tg.no_grad():
        return {name: history[f"validation_{name}"][-1] for name in names}, module(X).numpy()


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def test_the_names_of_three_classes():
    names = ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "log_loss", "roc_auc"]
    found, logits = measured(nn.CrossEntropyLoss(), CLASSES, 3, names)
    guess = logits.argmax(axis=1)
    assert found["accuracy"] == (guess == CLASSES).mean()
    assert found["balanced_accuracy"] == metrics.balanced_accuracy_score(CLASSES, guess)
    assert found["precision"] == metrics.precision_score(CLASSES, guess, average="macro")
    assert found["recall"] == metrics.recall_score(CLASSES, guess, average="macro")
    assert found["f1"] == metrics.f1_score(CLASSES, guess, average="macro")
    probabilities = softmax(logits)
    assert found["log_loss"] == pytest.approx(-np.log(probabilities[range(50), CLASSES]).mean(), rel=1e-12)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(CLASSES, probabilities, multi_class="ovr"))


TWO = {
    "logits": (nn.BCEWithLogitsLoss(), None, lambda z: 1 / (1 + np.exp(-z))),
    "a function of logits": (F.binary_cross_entropy_with_logits, None, lambda z: 1 / (1 + np.exp(-z))),
    "probabilities": (nn.BCELoss(), nn.Sigmoid(), lambda p: p),
}


@pytest.mark.parametrize("kind", TWO)
def test_the_names_of_one_output_for_two_classes(kind):
    loss, last, probability = TWO[kind]
    y = YES.reshape(-1, 1).astype(np.float64)
    names = ["accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "log_loss", "brier_score"]
    found, output = measured(loss, y, 1, names, last)
    p = probability(output)[:, 0]
    for name in names:
        function = getattr(metrics, {"brier_score": "brier_score_loss", "log_loss": name}.get(name, f"{name}_score"))
        wants = (p > 0.5).astype(int) if name in ("accuracy", "precision", "recall", "f1") else p
        assert found[name] == pytest.approx(function(YES, wants), rel=1e-9), name


def test_two_logits_are_two_classes():
    names = ["accuracy", "f1", "roc_auc", "log_loss", "brier_score"]
    found, logits = measured(nn.CrossEntropyLoss(), YES, 2, names)
    p = softmax(logits)[:, 1]
    assert found["f1"] == metrics.f1_score(YES, (p > 0.5).astype(int))
    assert found["roc_auc"] == metrics.roc_auc_score(YES, p)
    assert found["brier_score"] == pytest.approx(((p - YES) ** 2).mean(), rel=1e-9)


def test_log_probabilities_are_known_by_the_loss():
    found, logs = measured(nn.NLLLoss(), CLASSES, 3, ["accuracy", "log_loss"], nn.LogSoftmax(axis=1))
    assert found["accuracy"] == (logs.argmax(axis=1) == CLASSES).mean()
    assert found["log_loss"] == pytest.approx(-logs[range(50), CLASSES].mean(), rel=1e-12)


def test_the_margins_of_a_hinge_loss_have_signs():
    y = 2.0 * YES.reshape(-1, 1) - 1
    found, output = measured(nn.HingeLoss(), y, 1, ["accuracy"])
    assert found["accuracy"] == (np.sign(output) == y).mean()


def test_numbers():
    y = X @ [[1.0], [2.0], [0.0], [0.0]]
    found, output = measured(nn.MSELoss(), y, 1, ["mse", "rmse", "mae", "r2"], epochs=3)
    difference = output - y
    expected = [(difference**2).mean(), (difference**2).mean() ** 0.5, abs(difference).mean()]
    np.testing.assert_allclose([found["mse"], found["rmse"], found["mae"]], expected, rtol=1e-12)
    assert found["r2"] == pytest.approx(1 - expected[0] / y.var(), rel=1e-12)


def test_labels_of_each_output():
    y = np.stack([YES, CLASSES == 0, X[:, 1] > 0], axis=1).astype(np.float64)
    found, logits = measured(nn.BCEWithLogitsLoss(), y, 3, ["accuracy"])
    assert found["accuracy"] == ((logits > 0) == y).all(axis=1).mean()


def test_targets_that_are_probabilities_of_the_classes():
    y = np.eye(3)[CLASSES]
    found, logits = measured(nn.CrossEntropyLoss(), y, 3, ["accuracy"])
    assert found["accuracy"] == (logits.argmax(axis=1) == CLASSES).mean()


@pytest.mark.parametrize("package", ["tinygrad_ml.metrics", "sklearn.metrics"])
def test_functions_of_the_library_take_logits(package):
    library = pytest.importorskip(package)
    given = [library.accuracy_score, functools.partial(library.fbeta_score, beta=2.0, average="macro")]
    names = {function.__name__ if hasattr(function, "__name__") else "fbeta_score": function for function in given}
    tg.manual_seed(0)
    module = nn.Linear(4, 3).to(np.float64)
    sgd = optim.SGD(module.parameters(), lr=0.5)
    history = fit(module, nn.CrossEntropyLoss(), sgd, (X, CLASSES), validation=(X, CLASSES), epochs=1, metrics=given)
    guess = module(X).numpy().argmax(axis=1)
    for name, function in names.items():
        assert history[f"validation_{name}"] == [pytest.approx(function(CLASSES, guess))]


def test_a_function_of_ones_own_gets_targets_and_outputs():
    seen = []
    names = {"mine": lambda target, output: seen.append((target, output)) or 3}
    found, logits = measured(nn.CrossEntropyLoss(), CLASSES, 3, names)
    assert found == {"mine": 3.0}
    np.testing.assert_array_equal(seen[0][0], CLASSES)
    np.testing.assert_array_equal(seen[0][1], logits)


def test_one_name_needs_no_list():
    tg.manual_seed(0)
    module = nn.Linear(4, 3)
    sgd = optim.SGD(module.parameters(), lr=0.5)
    history = fit(
        module, nn.CrossEntropyLoss(), sgd, (X, CLASSES), validation=(X, CLASSES), epochs=1, metrics="accuracy"
    )
    assert "validation_accuracy" in history


def test_a_metric_of_classes_is_refused_for_numbers():
    with pytest.raises(ValueError, match="fit: the metric 'accuracy' cannot be measured here: y_true has numbers"):
        measured(nn.MSELoss(), X[:, :1], 1, ["accuracy"])


def test_what_cannot_be_told_is_an_error():
    def own(output, target):
        return ((output - target) ** 2).mean()

    y = YES.reshape(-1, 1).astype(float)
    with pytest.raises(
        ValueError, match="whether these outputs from 0 to 1 are logits or probabilities cannot be told"
    ):
        measured(own, y, 1, ["accuracy"], nn.Sigmoid())
    with pytest.raises(TypeError, match="the metric 'mine' must return a number, not list"):
        measured(own, y, 1, {"mine": lambda target, output: []})


# ---------------------------------------------------------------------- which values are good


@pytest.mark.parametrize(
    ("column", "mode"),
    [
        ("loss", "min"),
        ("validation_loss", "min"),
        ("validation_log_loss", "min"),
        ("validation_brier_score", "min"),
        ("validation_mean_squared_error", "min"),
        ("validation_false_positive_rate", "min"),
        ("learning_rate", "min"),
        ("validation_accuracy", "max"),
        ("validation_roc_auc", "max"),
        ("validation_f1", "max"),
        ("validation_r2", "max"),
        ("validation_score", "max"),
        ("validation_mine", None),
        ("score", None),
    ],
)
def test_the_name_of_a_column_says_which_values_are_good(column, mode):
    assert better(column) == mode


def network():
    tg.manual_seed(0)
    module = nn.Linear(4, 3)
    return module, optim.SGD(module.parameters(), lr=0.5)


def train(values, *callbacks, name="accuracy", optimizer=None, module=None):
    values = iter(values)
    if module is None:
        module, optimizer = network()
    return fit(
        module, nn.CrossEntropyLoss(), optimizer, (X, CLASSES), validation=(X, CLASSES), epochs=20,
        metrics={name: lambda target, output: next(values)}, callbacks=callbacks, progress=False,
    )  # fmt: skip


def test_early_stopping_on_an_accuracy_keeps_the_largest():
    stopping = EarlyStopping("validation_accuracy", patience=2)
    history = train([0.1, 0.5, 0.9, 0.8, 0.7, 0.95], stopping)
    assert (stopping.best_epoch, stopping.best) == (3, 0.9)
    assert len(history.epochs) == 5
    assert history.best("validation_accuracy") == (3, 0.9)


def test_a_metric_of_the_library_is_known_under_any_name():
    for function, best in ((metrics.accuracy_score, max), (metrics.log_loss, min)):
        module, sgd = network()
        stopping = EarlyStopping("validation_mine", patience=50)
        options = {"metrics": {"mine": function}, "callbacks": [stopping], "epochs": 5, "validation": (X, CLASSES)}
        history = fit(module, nn.CrossEntropyLoss(), sgd, (X, CLASSES), progress=False, **options)
        assert stopping.best == best(history["validation_mine"])


def test_a_name_that_says_nothing_is_warned_of_once():
    with pytest.warns(UserWarning, match="'validation_mine' are better does not show .* give mode='min' or mode='max'"):
        train([3.0, 1.0, 2.0, 2.0], EarlyStopping("validation_mine", patience=2), name="mine")
    train([3.0, 1.0, 2.0, 2.0], EarlyStopping("validation_mine", patience=2, mode="min"), name="mine")


def test_a_scheduler_that_takes_improvements_for_the_opposite_is_refused():
    module, sgd = network()
    plateau = optim.lr_scheduler.ReduceLROnPlateau(sgd)
    with pytest.raises(ValueError, match=r"takes every improvement of 'validation_accuracy' for .* give it mode='max'"):
        train([0.5] * 20, LearningRate(plateau, monitor="validation_accuracy"), optimizer=sgd, module=module)


def test_the_best_of_a_history_is_what_its_column_says():
    history = History()
    history.extend(validation_accuracy=[0.1, 0.9, 0.5], validation_loss=[3.0, 1.0, 2.0], mine=[2.0, 1.0, 3.0])
    assert history.best("validation_accuracy") == (2, 0.9)
    assert history.best("validation_accuracy", mode="min") == (1, 0.1)
    assert history.best() == (2, 1.0)
    assert history.best("mine") == (2, 1.0)


def test_monitor_keeps_the_largest_accuracy(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.npz", monitor="validation_accuracy")
    train([0.1, 0.5, 0.9, 0.8] + [0.7] * 16, checkpoint)
    assert tg.load(tmp_path / "run.npz")["epoch"] == 3
