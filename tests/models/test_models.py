"""What all models promise: the same seed gives the same model, learning goes on, modules behave as modules."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.models.cases import BINARY, CERTAIN, CLASSES, NUMBERS, RANDOM, X, fitted, outputs, target_for
from tinygrad_ml import nn
from tinygrad_ml.models import (
    Classifier,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    Regressor,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

random_models = pytest.mark.parametrize("model", RANDOM, ids=repr)
all_models = pytest.mark.parametrize("model", RANDOM + CERTAIN, ids=repr)


def assert_equal(one, other, X=X):
    np.testing.assert_array_equal(outputs(one, X), outputs(other, X))


# ---------------------------------------------------------------------- randomness


@random_models
@pytest.mark.parametrize("seed", [lambda: 3, lambda: np.random.default_rng(3), lambda: np.random.RandomState(3)])
def test_the_same_seed_gives_the_same_model_bit_for_bit(model, seed):
    first, second = fitted(model, seed()), fitted(model, seed())
    assert_equal(first, second)
    for column in {*first.history_} - {"seconds"}:
        assert first.history_[column] == second.history_[column]


@random_models
def test_another_seed_gives_another_model(model):
    assert not np.array_equal(outputs(fitted(model, 1)), outputs(fitted(model, 2)))


@random_models
def test_without_a_seed_the_librarys_decides(model):
    models = []
    for seed in (5, 5, 6):
        tg.manual_seed(seed)
        models.append(fitted(model, None))
    assert_equal(models[0], models[1])
    assert not np.array_equal(outputs(models[0]), outputs(models[2]))


@random_models
def test_a_seed_of_a_models_own_leaves_the_librarys_alone(model):
    tg.manual_seed(0)
    undisturbed = tg.rand(3).numpy()
    tg.manual_seed(0)
    fitted(model, 9)
    np.testing.assert_array_equal(tg.rand(3).numpy(), undisturbed)


@all_models
def test_fitting_twice_is_fitting_once(model):
    once = fitted(model)
    twice = fitted(model).fit(X, target_for(model))
    assert_equal(once, twice)
    assert once.n_iter_ == twice.n_iter_
    after_other_data = fitted(model, target=target_for(model)[::-1]).fit(X, target_for(model))
    assert_equal(once, after_other_data)


@random_models
def test_partial_fit_with_a_seed_is_the_same_every_time(model):
    both = []
    for _ in range(2):
        learner = clone(model).set_params(random_state=0)
        for rows in np.split(np.arange(60), 3):
            learner.partial_fit(X[rows], target_for(model)[rows])
        both.append(learner)
    assert_equal(*both)


def test_models_fitted_in_threads_are_those_fitted_one_after_the_other():
    jobs = [(model, seed) for model in RANDOM for seed in (0, 1)]
    alone = [fitted(*job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: fitted(*job), jobs))
    for one, other in zip(alone, together):
        assert_equal(one, other)


# ---------------------------------------------------------------------- going on


def test_warm_start_goes_on_from_the_present_weights():
    options = {"solver": "sgd", "learning_rate": 0.05, "batch_size": None, "tol": 0.0}
    for Model, y in ((LinearRegression, NUMBERS), (LogisticRegression, BINARY)):
        whole = Model(max_iter=10, **options).fit(X, y)
        model = Model(max_iter=5, warm_start=True, **options).fit(X, y)
        halfway = model.coef_.copy()
        model.fit(X, y)
        np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-12)
        assert not np.array_equal(halfway, model.coef_)
        assert model.n_iter_ == 5
    for solver in ("newton", "lbfgs"):
        model = LogisticRegression(solver=solver, warm_start=True).fit(X, BINARY)
        assert model.n_iter_ > model.fit(X, BINARY).n_iter_ == 1


def test_warm_start_keeps_the_classes():
    model = SoftmaxRegression(warm_start=True).fit(X, CLASSES)
    model.fit(X[CLASSES > 0], CLASSES[CLASSES > 0])
    assert model.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="y has the label 3"):
        model.fit(X, CLASSES + 1)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit_is_a_pass_of_gradient_steps(solver):
    rate = 0.1
    model = LogisticRegression(solver=solver, learning_rate=rate, penalty=None, batch_size=20)
    layer = nn.Linear(4, 1).double()
    for p in layer.parameters():
        nn.init.zeros_(p)
    optimizer = {"sgd": tg.optim.SGD, "adam": tg.optim.Adam}[solver](layer.parameters(), lr=rate)
    for rows in np.split(np.arange(60), 3):
        model.partial_fit(X[rows], BINARY[rows])
        optimizer.zero_grad()
        loss = nn.BCEWithLogitsLoss()(layer(tg.tensor(X[rows])), tg.tensor(BINARY[rows, None].astype(float)))
        loss.backward()
        optimizer.step()
        assert model.history_["loss"][-1] == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(model.coef_, layer.weight.numpy(), rtol=1e-10)
    np.testing.assert_allclose(model.intercept_, layer.bias.numpy(), rtol=1e-10)
    assert model.n_iter_ == 3


def test_partial_fit_knows_classes_that_come_later():
    model = MLPClassifier((8,), learning_rate=0.05, random_state=0)
    order = np.argsort(CLASSES)
    for _ in range(30):
        for rows in np.split(order, 3):
            model.partial_fit(X[rows], CLASSES[rows], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(X, CLASSES) > 0.6


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_early_stopping_restores_the_weights_of_the_best_epoch(solver):
    noise = np.random.default_rng(1).normal(size=60)  # nothing to be learned, so it gets worse
    options = {"solver": solver, "learning_rate": 0.01, "random_state": 1, "early_stopping": True}
    model = MLPRegressor((30,), n_iter_no_change=5, validation_fraction=0.3, max_iter=300, **options).fit(X, noise)
    best, _ = model.history_.best("validation_loss")
    assert model.n_iter_ == best + 5 < 300
    until_then = MLPRegressor((30,), validation_fraction=0.3, max_iter=best, **options).fit(X, noise)
    assert_equal(model, until_then)


def test_what_fit_learned_about_its_course():
    model = MLPClassifier((4,), tol=0.0, max_iter=7).fit(X, CLASSES)
    assert model.n_iter_ == len(model.history_["loss"]) == 7
    assert "All 7 epochs" in model.history_.stopped
    model = LogisticRegression(solver="lbfgs").fit(X, BINARY)
    assert len(model.history_["loss"]) == model.n_iter_ + 1
    assert (np.diff(model.history_["loss"]) <= 1e-12).all()
    assert not model.training


def test_ctrl_c_in_the_first_epoch_ends_cleanly():
    class Interrupt(tg.train.Callback):
        def before_step(self, run):
            raise KeyboardInterrupt

    model = MLPClassifier((4,), callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="Interrupted in epoch 1 of 200"):
        model.fit(X, CLASSES)
    assert model.n_iter_ == 0
    assert "Interrupted in epoch 1" in model.history_.stopped
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_the_threshold_decides_between_the_classes(threshold):
    model = LogisticRegression(threshold=threshold).fit(X, np.array(["no", "yes"])[BINARY])
    probability = model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(model.predict(X) == "yes", probability > threshold)


@all_models
def test_using_a_model_changes_nothing_in_it(model):
    model = fitted(model)
    before, weights = {name: copy.copy(value) for name, value in vars(model).items()}, model.state_dict()
    outputs(model), model.predict(X), model.score(X, target_for(model)), repr(model), model._repr_html_()
    assert list(vars(model)) == list(before)
    assert all(
        vars(model)[name] is value for name, value in before.items() if isinstance(value, (int, str, type(None)))
    )
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, weights[name])
    assert not any(module.training for module in model.modules())


class Straight(Classifier):
    """A model of a user: only layers."""

    def build(self, n_features, n_outputs):
        self.layer_ = nn.Linear(n_features, n_outputs)
        return self

    def forward(self, x):
        return self.layer_(x)


class Curved(Regressor):
    """A model of a user, with a hyperparameter."""

    def __init__(self, width=8):
        self.store(locals())

    def build(self, n_features, n_outputs):
        self.layers_ = nn.Sequential(nn.Linear(n_features, self.width), nn.Tanh(), nn.Linear(self.width, n_outputs))
        return self

    def forward(self, x):
        return self.layers_(x)


def test_a_model_of_ones_own_needs_only_build_and_forward():
    tg.manual_seed(0)
    labels = np.array(["low", "middle", "high"])[CLASSES]
    model = Straight().fit(X, labels)
    assert model.score(X, labels) > 0.85
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert Curved(16).fit(X, NUMBERS).score(X, NUMBERS) > 0.9
    assert Curved().fit(X, np.column_stack([NUMBERS, -NUMBERS])).predict(X).shape == (60, 2)
    assert repr(Curved(4)) == "Curved(width=4)"
    for one in (Straight(), Curved()):
        assert one.partial_fit(X, CLASSES).partial_fit(X, CLASSES).n_iter_ == 2
