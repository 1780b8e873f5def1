"""Networks for numbers learn targets of any size, in steps that do not depend on it."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.models import EmbeddingRegressor, MLPRegressor
from tinygrad_ml.train import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 3))
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * RANDOM.normal(size=120)
WEIGHT = RANDOM.integers(1, 4, 120).astype(float)
FEW = {"max_iter": 8, "tol": 0, "random_state": 0}
SIZES = [(1e6, 3e6), (1e-5, 0.0)]  # dollars, and parts of a whole: the scale and the shift of a target
STEPS = [
    {},
    {"solver": "adagrad"},
    {"solver": "sgd"},
    {"learning_rate": 0.01},
    {"learning_rate": "find"},
    {"optimizer": "rmsprop", "learning_rate": 0.01},
    {"optimizer": "adamw", "alpha": 0.1, "learning_rate": 0.01},
    {"penalty": "elasticnet", "alpha": 0.01},
    {"loss": "mae"},
    {"early_stopping": True},
    {"batch_norm": True},
]


def network(**options):
    return MLPRegressor((8,), **FEW | options)


@pytest.mark.parametrize("options", STEPS, ids=repr)
def test_a_target_in_another_unit_gives_the_same_predictions_in_that_unit(options):
    for weight, (scale, shift) in zip((None, WEIGHT), SIZES):
        model, other = network(**options).fit(X, Y, weight), network(**options).fit(X, scale * Y + shift, weight)
        np.testing.assert_allclose((other.predict(X) - shift) / scale, model.predict(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("scale", "shift"), SIZES)
def test_the_loss_is_that_of_y_as_it_was_given(scale, shift):
    held = X[100:], scale * Y[100:] + shift
    model = network().fit(X[:100], scale * Y[:100] + shift, validation=held, metrics=["rmse"])
    error = np.mean((model.predict(held[0]) - held[1]) ** 2)
    np.testing.assert_allclose(model.history_["validation_loss"][-1], error, rtol=1e-9)
    np.testing.assert_allclose(model.history_["validation_rmse"][-1], error**0.5, rtol=1e-9)


@pytest.mark.parametrize("Model", [MLPRegressor, EmbeddingRegressor])
def test_prices_are_learned_by_the_defaults(Model):
    table = pd.DataFrame(X, columns=list("abc")).assign(town=np.where(X[:, 0] > 0, "Ulm", "Bonn"))
    features = table if Model is EmbeddingRegressor else X
    train, test, y, truth = train_test_split(features, 3e5 + 1e5 * Y, random_state=0)
    model = Model(learning_rate=0.01, random_state=0, tol=0, max_iter=60).fit(train, y)
    assert model.score(test, truth) > 0.6


@pytest.mark.filterwarnings("ignore")
def test_large_features_do_not_make_it_worse_than_the_mean():
    sizes = np.array([2000.0, 3.0, 30.0])
    y = 3e5 + 1e5 * (X @ [1.0, -0.2, 0.1])
    assert MLPRegressor(random_state=0).fit(X * sizes + 5 * sizes, y).score(X * sizes + 5 * sizes, y) > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fitted_network_is_a_row_of_layers_whose_outputs_are_in_the_unit_of_y(dtype):
    model = network().fit(X.astype(dtype), 1e6 * Y)
    assert [type(layer).__name__ for layer in model.layers_] == ["Linear", "ReLU", "Linear"]
    np.testing.assert_array_equal(model(X.astype(dtype)).numpy()[:, 0], model.predict(X.astype(dtype)))
    twin = MLPRegressor((8,)).build(3).to(dtype)
    twin.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(twin(X.astype(dtype)).numpy()[:, 0], model.predict(X.astype(dtype)))


def test_a_warm_start_begins_where_the_network_is():
    model = network(warm_start=True).fit(X, 1e4 * Y)
    before = model.predict(X)
    model.set_params(learning_rate=1e-12, max_iter=1).fit(X, 50 * Y + 7)  # in other units
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-6)


def test_passes_of_partial_fit_are_those_of_another_unit():
    models = []
    for scale, shift in ((1.0, 0.0), (1e5, 3e5)):
        model = network()
        for start in range(0, 120, 40):
            model.partial_fit(X[start : start + 40], scale * Y[start : start + 40] + shift)
        models.append((model.predict(X) - shift) / scale)
    np.testing.assert_allclose(models[1], models[0], atol=1e-6)


def test_one_sample_and_a_constant_are_learned():
    assert network().fit(X[:1], [4e5]).predict(X[:1]) == pytest.approx(4e5)
    constant = network(max_iter=200, learning_rate=0.01).fit(X, np.full(120, 3e5))
    assert constant.predict(X) == pytest.approx(3e5, abs=0.1)


@pytest.mark.parametrize(
    "options",
    [
        {"solver": "sgd", "learning_rate": 1e-3, "momentum": 0.0},
        {"optimizer": functools.partial(optim.SGD, lr=1e-3)},
        {"optimizer": lambda parameters: optim.SGD(parameters, lr=1e-3)},
        {"solver": "sgd", "clip_norm": 1e6, "momentum": 0.0},
    ],
)
def test_steps_of_sgd_of_ones_own_size_are_taken_on_y_as_it_is(options):
    y = 10 * Y + 5
    model = MLPRegressor((8,), batch_size=None, max_iter=1, tol=0, random_state=0, penalty=None, **options).fit(X, y)
    with tg.random.seeded(0):
        layers = MLPRegressor((8,)).build(3, 1).to(np.float64)
    layers.criterion(layers(X), y).backward()
    for ours, one in zip(model.parameters(), layers.parameters()):
        np.testing.assert_allclose(ours.numpy(), one.numpy() - 1e-3 * one.grad.numpy(), rtol=1e-9)


def test_a_checkpoint_is_loaded_and_gone_on_from(tmp_path):
    def trained(path, epochs):
        return network(max_iter=epochs, callbacks=[Checkpoint(path, resume=True)]).fit(X, 1e5 * Y + 3e5)

    whole, half = trained(tmp_path / "whole.npz", 6), trained(tmp_path / "half.npz", 3)
    state = tg.load(tmp_path / "half.npz")["module"]
    twin = MLPRegressor((8,)).build(3).to(np.float64)
    twin.load_state_dict(state)
    np.testing.assert_array_equal(twin(X).numpy()[:, 0], half.predict(X))
    with pytest.raises(ValueError, match=r"layers_\.0\.weight"):
        MLPRegressor((9,)).build(3).to(np.float64).load_state_dict(state)
    np.testing.assert_array_equal(trained(tmp_path / "half.npz", 6).predict(X), whole.predict(X))


def test_numbers_that_are_too_large_to_square_are_said_to_be():
    with pytest.raises(tg.train.Diverged, match=r"the loss is (nan|inf)"):
        network().fit(X, 1e200 * Y)
