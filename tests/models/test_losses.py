"""What a model minimises: its criterion, chosen by the hyperparameter `loss`, a name or a function."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.models.cases import BINARY, CLASSES, NUMBERS, X
from tinygrad_ml import nn
from tinygrad_ml.models import (
    Classifier,
    ConvNet,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    PolynomialRegression,
    Regressor,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

FEW = {"max_iter": 5, "random_state": 0}
WEIGHTS = np.random.default_rng(1).choice([0.5, 1.0, 3.0], len(X))
COLUMNS = np.column_stack([NUMBERS, -NUMBERS])


def absolute(output, target):
    return tg.abs(output - target)


def mean_absolute(output, target):
    return tg.abs(output - target).mean()


REGRESSORS = [
    LinearRegression(solver="adam", learning_rate=0.02, max_iter=50, random_state=0),
    PolynomialRegression(2, solver="sgd", learning_rate=0.01, max_iter=50, random_state=0),
    MLPRegressor((8,), **FEW),
]


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
@pytest.mark.parametrize("y", [NUMBERS, COLUMNS], ids=["numbers", "columns"])
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
def test_a_function_of_each_sample_is_the_loss_of_that_name(model, y, weight):
    named = clone(model).set_params(loss="mae").fit(X, y, weight)
    given = clone(model).set_params(loss=absolute).fit(X, y, weight)
    np.testing.assert_allclose(given.predict(X), named.predict(X), rtol=1e-10)
    assert given.criterion(given(X), tg.tensor(y), weight).item() == pytest.approx(
        named.criterion(named(X), tg.tensor(y), weight).item()
    )


@pytest.mark.parametrize("loss", [mean_absolute, nn.L1Loss(), lambda output, target: F.l1_loss(output, target)])
def test_a_function_may_return_the_mean(loss):
    named, given = MLPRegressor((8,), loss="mae", **FEW), MLPRegressor((8,), loss=loss, **FEW)
    np.testing.assert_allclose(given.fit(X, NUMBERS).predict(X), named.fit(X, NUMBERS).predict(X), rtol=1e-10)
    with pytest.raises(ValueError, match=r"returns a mean, in which samples cannot have weights; .* reduction='none'"):
        given.fit(X, NUMBERS, WEIGHTS)


@pytest.mark.parametrize(
    ("y", "loss"),
    [(BINARY, nn.BCEWithLogitsLoss(reduction="none")), (CLASSES, nn.CrossEntropyLoss(reduction="none"))],
    ids=["two classes", "three classes"],
)
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("model", [MLPClassifier((8,), **FEW), ConvNet((2,), hidden_layer_sizes=(4,), **FEW)], ids=repr)
def test_classifiers_of_the_cross_entropy_given_as_a_function_are_those_of_its_name(model, y, loss, weight):
    named, given = clone(model).fit(X, y, weight), clone(model).set_params(loss=loss).fit(X, y, weight)
    np.testing.assert_allclose(given.decision_function(X), named.decision_function(X), rtol=1e-10)


def test_smoothed_labels_make_probabilities_less_sure():
    plain = MLPClassifier((16,), max_iter=100, learning_rate=0.01, random_state=0).fit(X, CLASSES)
    smooth = clone(plain).set_params(loss=nn.CrossEntropyLoss(label_smoothing=0.3)).fit(X, CLASSES)
    assert smooth.predict_proba(X).max() < plain.predict_proba(X).max()
    assert smooth.score(X, CLASSES) > 0.9


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_a_linear_model_of_a_function_has_the_minimum_that_scipy_finds(solver):
    optimize = pytest.importorskip("scipy.optimize")
    y = NUMBERS + np.where(np.arange(60) % 10 == 0, 20.0, 0.0)
    best = optimize.minimize(lambda w: np.log(np.cosh(y - X @ w[:4] - w[4])).mean(), np.zeros(5), tol=1e-12)
    options = {"learning_rate": 0.5} if solver == "sgd" else {"learning_rate": 0.02}
    model = LinearRegression(
        solver=solver,
        loss=lambda output, target: tg.log(tg.cosh(output - target)),
        batch_size=None,
        tol=1e-12,
        n_iter_no_change=200,
        max_iter=5000,
        **options,
    ).fit(X, y)
    np.testing.assert_allclose([*model.coef_, model.intercept_], best.x, atol=2e-4)


def test_solvers_that_need_a_name_are_not_chosen_for_a_function():
    for options in ({}, {"penalty": "l2"}, {"early_stopping": True}):
        model = LinearRegression(loss=absolute, max_iter=2, random_state=0, **options)
        assert model.resolve_solver() == "adam"
        assert model.fit(X, NUMBERS).n_iter_ == 2
    assert LinearRegression(loss=absolute).resolve_solver(passes=1) == "adam"
    assert LinearRegression(loss=absolute).partial_fit(X, NUMBERS).n_iter_ == 1


@pytest.mark.parametrize(
    ("loss", "losses"),
    [("mse", [0.25, 9.0]), ("mae", [0.5, 3.0]), ("huber", [0.25, 1.35 * (2 * 3 - 1.35)])],
)
@pytest.mark.parametrize("Model", [LinearRegression, MLPRegressor])
def test_the_criterion_computes_what_the_name_says(Model, loss, losses):
    model = Model(loss=loss)
    output, target = tg.zeros((2, 1)), np.array([[0.5], [-3.0]])
    assert model.get_params()["loss"] is loss
    assert model.criterion(output, target).item() == pytest.approx(np.mean(losses), rel=1e-6)
    assert model.criterion(output, target[:, 0]).item() == pytest.approx(np.mean(losses), rel=1e-6)
    weighted = model.criterion(output, target, np.array([0.5, 1.5]))
    assert weighted.item() == pytest.approx(np.dot([0.25, 0.75], losses), rel=1e-6)


class Line(Regressor):
    """A model of a user, which says only what it computes."""

    def build(self, n_features, n_outputs):
        self.layer_ = nn.Linear(n_features, n_outputs)
        return self

    def forward(self, x):
        return self.layer_(x)


def test_a_model_of_ones_own_may_choose_its_loss():
    class Robust(Line):
        loss = "mae"

    class Own(Line):
        def criterion(self, output, target, sample_weight=None):
            return mean_absolute(output, target)

    fits = []
    for Model in (Robust, Own):
        tg.manual_seed(0)
        fits.append(Model().fit(X, NUMBERS[:, None]).predict(X))
    np.testing.assert_allclose(*fits, rtol=1e-10)


def test_a_method_called_loss_is_refused_when_the_class_is_made():
    for Base in (Classifier, Regressor, MLPClassifier):
        with pytest.raises(TypeError, match=r"Old: the loss of a model is its method criterion\(self, output, target"):

            class Old(Base):
                def loss(self, output, target, sample_weight=None):
                    return output.mean()


def test_models_without_a_choice_say_what_they_minimise():
    for model in (LogisticRegression(), SoftmaxRegression(), Perceptron(), OneVsRest(), Line()):
        assert "loss" not in model.get_params()
        with pytest.raises(AttributeError, match=rf"{type(model).__name__}.criterion\(output, target\)"):
            model.loss(tg.zeros((2, 1)), np.array([0, 1]))


@pytest.mark.parametrize("layers", ["one layer", "a network"])
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            lambda loss: None,
            r"must return the mean loss.*returned None: does it lack its `return`|loss returned a NoneType",
        ),
        (
            lambda loss: loss,
            r"must return the mean loss.*shape \(\d+, 1\): end with .mean|shape \(\d+, 1\).*single number",
        ),
        (lambda loss: 3.0, r"must return the mean loss.*not a float|loss returned a float"),
    ],
)
def test_a_criterion_that_returns_no_mean_loss_is_told_so(returned, message, layers):
    class Own(Line if layers == "one layer" else MLPRegressor):
        def criterion(self, output, target):
            return returned((output - target.reshape(-1, 1)) ** 2)

    with pytest.raises((TypeError, ValueError), match=message):
        Own().fit(X, NUMBERS)


def test_a_loss_that_returns_nothing_is_told_so():
    with pytest.raises(TypeError, match=r"the loss <lambda> returned a NoneType; it must return a Tensor"):
        MLPRegressor(loss=lambda output, target: None).fit(X, NUMBERS)
