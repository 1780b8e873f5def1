"""Models whose steps are compiled learn the same as without, bit for bit."""

import numpy as np
import pytest

from tinygrad_ml import models
from tinygrad_ml.protocol import clone
from tinygrad_ml.train import loop
from tinygrad_ml.train.compiled import CompiledStep

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

SIZE = {"max_iter": 12, "batch_size": 8, "random_state": 0}
NETWORK = {"hidden_layer_sizes": (6,), **SIZE}
MODELS = [
    models.LinearRegression(solver="sgd", learning_rate=0.01, **SIZE),
    models.LinearRegression(solver="adam", loss="huber", clip_norm=0.5, **SIZE),
    models.LinearRegression(solver="adagrad", penalty="l1", alpha=0.01, learning_rate=0.1, **SIZE),
    models.PolynomialRegression(2, solver="sgd", penalty="l2", alpha=0.1, learning_rate=0.001, **SIZE),
    models.LogisticRegression(solver="sgd", class_weight="balanced", learning_rate=0.1, **SIZE),
    models.LogisticRegression(solver="adam", penalty="elasticnet", l1_ratio=0.5, learning_rate=0.1, **SIZE),
    models.SoftmaxRegression(solver="adam", learning_rate=0.1, **SIZE),
    models.SoftmaxRegression(solver="sgd", momentum=0.9, learning_rate=0.01, **SIZE),
    models.OneVsRest(models.LogisticRegression(solver="sgd", learning_rate=0.1, **SIZE)),
    models.MLPClassifier(dropout=0.3, **NETWORK),
    models.MLPClassifier(batch_norm=True, clip_value=0.1, **NETWORK),
    models.MLPClassifier(solver="sgd", early_stopping=True, activation="tanh", **NETWORK),
    models.MLPRegressor(loss="huber", penalty="l1", alpha=0.001, **NETWORK),
    models.ConvNet((2,), dropout=0.1, **NETWORK),
]


def learned(model, X, y, monkeypatch, make):
    """Fit a copy with the steps that `make` returns; return what it learned, and how many steps were compiled."""
    taken = []
    step = CompiledStep.__call__
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_compiled", make)
        patch.setattr(CompiledStep, "__call__", lambda self, batch: taken.append(1) or step(self, batch))
        return clone(model).fit(X, y), len(taken)


@pytest.mark.parametrize("backend", ["numpy", "exact"])
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_fit_is_the_same_bit_for_bit(model, backend, monkeypatch):
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 16)).astype(np.float32)
    y = X[:, 0] - X[:, 1]
    if model.kind == "classifier":
        y = np.digitize(y, [-0.5, 0.5]) if model.multi_class else y > 0
    as_it_is, none = learned(model, X, y, monkeypatch, lambda run, wanted: None)
    by_plan, some = learned(model, X, y, monkeypatch, lambda run, wanted: CompiledStep(run, backend, quiet=False))
    assert none == 0
    assert some >= 12
    for (name, p), (_, q) in zip(as_it_is.named_parameters(), by_plan.named_parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy(), err_msg=name)
    for one, other in zip(getattr(as_it_is, "estimators_", [as_it_is]), getattr(by_plan, "estimators_", [by_plan])):
        assert one.history_["loss"] == other.history_["loss"]
