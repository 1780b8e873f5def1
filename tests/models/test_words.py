"""What the course says of training, as arguments of the estimators: optimizers, clipping, losses, steps, validation."""

import functools
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.models.cases import BINARY, CLASSES, NUMBERS, X, target_for
from tinygrad_ml import nn, optim
from tinygrad_ml.models import (
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
from tinygrad_ml.random import seeded
from tinygrad_ml.train import Callback, ClipGradients

pytestmark = pytest.mark.filterwarnings("ignore:.*onverge")  # so few steps are quick

SGD = functools.partial(optim.SGD, lr=0.01)
MODELS = [
    LinearRegression(),
    PolynomialRegression(),
    LogisticRegression(),
    SoftmaxRegression(),
    MLPRegressor((4,)),
    MLPClassifier((4,)),
    ConvNet((2,), hidden_layer_sizes=(4,)),
]


def by_hand(model, lr, data, steps, batch_size, clip, seed=0):
    """Train a model from weights of zero in a loop by hand, on the batches that `fit` takes."""
    losses = []
    with seeded(seed):
        model.build(data[0].shape[1], 1).to(np.float64)
        loader = tg.data.DataLoader(data, batch_size, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    while len(losses) < steps:
        for x, y in loader:
            optimizer.zero_grad()
            loss = model.criterion(model(x), y)
            loss.backward()
            clip(list(model.parameters()))
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return losses


# ---------------------------------------------------------------------- optimizers


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("optimizer", ["SGD", "adagrad", "adam", optim.RMSprop, SGD], ids=str)
def test_every_model_takes_every_optimizer(model, optimizer):
    model = clone(model).set_params(optimizer=optimizer, penalty=None, max_iter=2, random_state=0)
    model.fit(X, target_for(model))
    assert len(model.history_.steps["loss"]) >= 2
    assert np.isfinite(model.history_["loss"]).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("solver", ["sgd", "adagrad", "adam"])
def test_a_solver_is_the_optimizer_of_its_name(model, solver):
    momentum = {"momentum": model.momentum} if solver == "sgd" and model.momentum else {}
    kind = {"sgd": optim.SGD, "adagrad": optim.Adagrad, "adam": optim.Adam}[solver]
    # with a learning rate of its own, a solver of a linear model takes its steps on standardised features
    options = {"max_iter": 3, "random_state": 0, "penalty": None, "tol": 0, "learning_rate": 0.01}
    if "fit_intercept" in model.get_params():  # which a solver begins with the mean of the target
        options["fit_intercept"] = False
    one = clone(model).set_params(solver=solver, **options)
    other = clone(model).set_params(optimizer=functools.partial(kind, **momentum), **options)
    for estimator in (one, other):
        estimator.fit(X, target_for(model))
    assert one.history_["loss"] == other.history_["loss"]


def test_the_first_program_of_the_course():
    """A linear regressor, SGD(1e-7), gradients clipped by the norm 5, steps and periods."""
    rng = np.random.default_rng(0)
    rooms = rng.uniform(2, 30_000, (200, 1))
    value = 100_000 + 40 * rooms[:, 0] + rng.normal(0, 10_000, 200)
    first = functools.partial(optim.SGD, lr=1e-7)
    model = LinearRegression(optimizer=first, clip_norm=5.0, batch_size=1, random_state=0)
    model.fit(rooms, value, steps=500, periods=10)
    other, data = LinearRegression(), (rooms, value[:, None])
    losses = by_hand(other, 1e-7, data, 500, 1, lambda parameters: optim.clip_grad_norm_(parameters, 5.0))
    assert model.history_.steps["loss"] == losses
    np.testing.assert_array_equal(model.coef_, other.coef_)
    assert len(model.history_["loss"]) == 10
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    assert model.n_iter_ == 3  # passes over 200 rows


@pytest.mark.parametrize(
    ("hyperparameters", "clip"),
    [
        ({"clip_norm": 0.1}, lambda parameters: optim.clip_grad_norm_(parameters, 0.1)),
        ({"clip_value": 0.01}, lambda parameters: optim.clip_grad_value_(parameters, 0.01)),
    ],
)
def test_clipping_is_that_of_a_loop_by_hand(hyperparameters, clip):
    model = LogisticRegression(optimizer=SGD, penalty=None, batch_size=7, random_state=3, **hyperparameters)
    model.fit(X, BINARY, steps=20)
    losses = by_hand(LogisticRegression(), 0.01, (X, BINARY), 20, 7, clip, seed=3)
    assert model.history_.steps["loss"] == losses


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
def test_penalties_go_to_any_optimizer_that_can_take_them(optimizer):
    strong = LinearRegression(optimizer=optimizer, penalty="l1", alpha=100.0, random_state=0).fit(X, NUMBERS)
    assert not strong.coef_.any()
    ridge = LinearRegression(optimizer=optimizer, penalty="l2", alpha=600.0, random_state=0).fit(X, NUMBERS)
    assert np.linalg.norm(ridge.coef_) < 0.5 * np.linalg.norm(LinearRegression().fit(X, NUMBERS).coef_)


def test_options_of_the_optimizer_may_stand_beside_its_name():
    one = MLPRegressor((4,), optimizer="adam", optimizer_options={"betas": (0.5, 0.9)}, max_iter=3, random_state=0)
    other = MLPRegressor((4,), optimizer=functools.partial(optim.Adam, betas=(0.5, 0.9)), max_iter=3, random_state=0)
    third = MLPRegressor((4,), optimizer_options={"betas": (0.5, 0.9)}, max_iter=3, random_state=0)
    losses = [model.fit(X, NUMBERS).history_["loss"] for model in (one, other, third)]
    assert losses[0] == losses[1] == losses[2]


def test_auto_takes_steps_for_whatever_needs_them():
    for needs in ({"optimizer": "sgd"}, {"clip_norm": 1.0}, {"clip_value": 1.0}, {"callbacks": [print_nothing]}):
        for Model in (LinearRegression, LogisticRegression):
            model = Model(max_iter=2, **needs).fit(X, NUMBERS if Model is LinearRegression else BINARY)
            assert model.history_.steps["loss"]
    assert not LinearRegression().fit(X, NUMBERS).history_.steps


def print_nothing(run):
    pass


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (LinearRegression(solver="normal", optimizer="sgd"), ValueError, "takes no gradient steps, which optimizer"),
        (LinearRegression(solver="newton", clip_norm=1.0), ValueError, "takes no gradient steps, which clip_norm is"),
        (LogisticRegression(solver="lbfgs", clip_value=1.0), ValueError, "no gradient steps, which clip_value is"),
        (LogisticRegression(solver="newton", callbacks=[ClipGradients(1.0)]), ValueError, "which callbacks is"),
        (LinearRegression(solver="sgd", optimizer="adam"), ValueError, "both say what takes the steps"),
        (MLPRegressor(solver="sgd", optimizer=optim.Adagrad), ValueError, "both say what takes the steps"),
        (
            LinearRegression(optimizer=optim.SGD([tg.ones(1, requires_grad=True)], lr=0.1)),
            TypeError,
            r"optimizer=SGD\(...\) is an object.* give the name 'sgd', the class, .*functools.partial\(tg.optim.SGD",
        ),
        (LinearRegression(optimizer=lambda parameters: 3), TypeError, "must return an optimizer of tg.optim, not int"),
        (LinearRegression(optimizer="sgd", optimizer_options={"beta": 1}), TypeError, "does not know .*'beta'"),
        (LinearRegression(optimizer=SGD, learning_rate=0.1), ValueError, "both say the learning rate"),
        (LinearRegression(optimizer=optim.Adam, momentum=0.5), ValueError, "Adam has no momentum"),
        (LinearRegression(optimizer=lambda p: SGD(p), learning_rate=0.1), ValueError, "makes the whole optimizer"),
        (LinearRegression(optimizer="adamw", penalty="l2"), ValueError, "no penalty on the loss: set penalty=None"),
        (
            LinearRegression(optimizer=functools.partial(optim.SGD, weight_decay=1.0), penalty="l2"),
            ValueError,
            "both have a penalty",
        ),
        (LogisticRegression(optimizer="lbfgs"), ValueError, "LBFGS takes no penalty: set penalty=None"),
        (LinearRegression(optimizer="rmsprop", penalty="l1"), ValueError, "no option 'l1' .*: set penalty=None"),
    ],
)
def test_what_does_not_go_together_is_explained(model, error, message):
    with pytest.raises(error, match=message):
        model.fit(X, target_for(model))


def test_partial_fit_goes_on_with_the_same_optimizer():
    model = LinearRegression(optimizer="adagrad", batch_size=10, random_state=0)
    for _ in range(3):
        model.partial_fit(X, NUMBERS)
    assert isinstance(model.optimizer_, optim.Adagrad)
    assert len(model.history_.steps["loss"]) == 18


# ---------------------------------------------------------------------- losses


def fourth_power(output, target):
    return (output - target) ** 4


class FourthPower(LinearRegression):
    def criterion(self, output, target):
        return fourth_power(output, target).mean()


def test_the_fourth_power_of_the_lecture_is_minimised():
    options = {"optimizer": "sgd", "learning_rate": 0.1, "clip_norm": 1.0, "max_iter": 2000}
    options |= {"batch_size": None, "tol": 0}
    given = LinearRegression(loss=fourth_power, **options).fit(X, NUMBERS)
    own = FourthPower(**options).fit(X, NUMBERS)
    optimize = pytest.importorskip("scipy.optimize")
    design = np.column_stack([X, np.ones(len(X))])
    best = optimize.minimize(lambda w: ((design @ w - NUMBERS) ** 4).mean(), np.zeros(5), method="BFGS")
    for model in (given, own):
        assert ((model.predict(X) - NUMBERS) ** 4).mean() <= best.fun * 1.001
    with pytest.raises(ValueError, match="a loss that has a name"):
        FourthPower(solver="normal").fit(X, NUMBERS)


def test_a_criterion_of_two_arguments_is_that_of_every_solver():
    class Mine(LogisticRegression):
        def criterion(self, output, target):
            return super().criterion(output, target)

    mine, theirs = (
        Model(penalty=None, solver="sgd", learning_rate=0.1, max_iter=5, random_state=0)
        for Model in (Mine, LogisticRegression)
    )
    assert mine.fit(X, BINARY).history_["loss"] == theirs.fit(X, BINARY).history_["loss"]
    with pytest.raises(ValueError, match=r"its criterion does not take: define criterion\(self, output, target, samp"):
        mine.fit(X, BINARY, sample_weight=np.arange(60.0) + 1)


@pytest.mark.parametrize("loss", [staticmethod(fourth_power), property(lambda self: fourth_power), fourth_power])
@pytest.mark.parametrize("Base", [LinearRegression, MLPRegressor, Regressor])
def test_a_method_called_loss_is_refused(Base, loss):
    with pytest.raises(TypeError, match=r"criterion\(self, output, target"):
        type("Mine", (Base,), {"loss": loss})


def test_an_attribute_does_not_change_the_hyperparameter_loss():
    with pytest.raises(TypeError, match=r"loss is a hyperparameter here.* Mine\(loss=\.\.\.\)"):
        type("Mine", (LinearRegression,), {"loss": nn.L1Loss(reduction="none")})


# ---------------------------------------------------------------------- activations


def test_each_hidden_layer_may_have_an_activation_of_its_own():
    layers = MLPRegressor((3, 2), activation=["relu", "tanh"]).build(4, 1).layers_
    assert [type(layer).__name__ for layer in layers] == ["Linear", "ReLU", "Linear", "Tanh", "Linear"]
    net = ConvNet((2,), hidden_layer_sizes=(3,), activation=("elu", "sigmoid")).build(16, 1)
    assert [type(layer) for layer in net.layers_ if type(layer) in (nn.ELU, nn.Sigmoid)] == [nn.ELU, nn.Sigmoid]
    assert MLPClassifier((3, 2), activation=["relu", "tanh"], max_iter=2).fit(X, CLASSES).predict(X).shape == (60,)


@pytest.mark.parametrize("activation", [["relu"], ["relu"] * 3, []])
def test_a_list_of_another_length_is_an_error(activation):
    with pytest.raises(ValueError, match=rf"{len(activation)} activations for 2 hidden layers"):
        MLPRegressor((3, 2), activation=activation).fit(X, NUMBERS)


# ---------------------------------------------------------------------- learning rates


def test_a_function_gives_the_rate_of_every_step():
    model = LinearRegression(optimizer="sgd", learning_rate=lambda t: 5 / (t + 50), batch_size=20, random_state=0)
    rates = []
    model.set_params(
        callbacks=[type("Watch", (Callback,), {"after_step": lambda self, run: rates.append(rate(run))})()]
    )
    model.fit(X, NUMBERS, steps=12, periods=2)
    assert rates == [5 / (t + 50) for t in range(12)]


def test_the_steps_are_counted_through_all_calls_of_partial_fit():
    asked = []
    model = LinearRegression(learning_rate=lambda t: asked.append(t) or 0.01, batch_size=20, random_state=0)
    for _ in range(3):
        model.partial_fit(X, NUMBERS)
    assert sorted(set(asked)) == list(range(9))
    assert asked.index(8) == len(asked) - 1


@pytest.mark.parametrize("model", [LinearRegression(optimizer="sgd"), MLPClassifier((8,), solver="sgd")], ids=str)
def test_a_learning_rate_is_found(model):
    model = clone(model).set_params(learning_rate="find", max_iter=40, random_state=0).fit(X, target_for(model))
    assert 1e-6 < model.history_["learning_rate"][0] < 10
    assert model.score(X, target_for(model)) > 0.8
    for _ in range(2):
        model.partial_fit(X, target_for(model))


def rate(run):
    return run.optimizer.param_groups[0]["lr"]


# ---------------------------------------------------------------------- validation


@pytest.mark.parametrize("solver", ["normal", "newton", "sgd", "adam", "auto"])
def test_validation_is_the_loss_of_the_final_weights(solver):
    model = LinearRegression(solver=solver, max_iter=5, tol=0, random_state=0)
    model.fit(X[:40], NUMBERS[:40], validation=(X[40:], NUMBERS[40:]), metrics=["r2"])
    mean_square = np.mean((model.predict(X[40:]) - NUMBERS[40:]) ** 2)
    assert model.history_["validation_loss"][-1] == pytest.approx(mean_square, rel=1e-10)
    assert model.history_["validation_r2"][-1] == pytest.approx(model.score(X[40:], NUMBERS[40:]), rel=1e-10)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_early_stopping_looks_at_the_validation_that_it_gets(model):
    model = clone(model).set_params(early_stopping=True, max_iter=30, random_state=0, n_iter_no_change=2)
    y = target_for(model)
    labels = y if model.kind == "regressor" else np.array(["no", "some", "yes"])[y]
    model.fit(X[:40], labels[:40], validation=(X[40:], labels[40:]))
    with tg.no_grad():
        loss = model.criterion(model(tg.tensor(X[40:])), y[40:]).item()
    assert model.history_["validation_loss"][model.history_.best()[0] - 1] == pytest.approx(loss, rel=1e-9)


def test_one_vs_rest_gives_each_its_validation():
    model = OneVsRest(LogisticRegression(optimizer="sgd", learning_rate=0.1, random_state=0, max_iter=4, tol=0))
    model.fit(X[:40], CLASSES[:40], validation=(X[40:], CLASSES[40:]))
    for k, estimator in enumerate(model.estimators_):
        logits = estimator.decision_function(X[40:])
        expected = np.logaddexp(0, np.where(CLASSES[40:] == k, -logits, logits)).mean()
        assert estimator.history_["validation_loss"][-1] == pytest.approx(expected, rel=1e-10)


def test_perceptrons_take_no_validation():
    with pytest.raises(ValueError, match="OneVsRest: validation= cannot be used: the estimator Perceptron takes none"):
        OneVsRest(Perceptron()).fit(X, CLASSES, validation=(X, CLASSES))


def test_the_shape_of_the_validation_does_not_change_that_of_predictions():
    model = MLPRegressor((3,), max_iter=1).fit(X, NUMBERS, validation=(X, NUMBERS[:, None]))
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation": (X,)}, TypeError, r"must be \(X, y\) or \(X, y, sample_weight\), not 1 arrays"),
        ({"validation": X}, TypeError, "not ndarray"),
        ({"validation": (X[:, :2], BINARY)}, ValueError, "X has 2 features"),
        ({"validation": (X, CLASSES)}, ValueError, "y has the label 2, which is not one of the classes"),
        ({"metrics": ["accuracy"]}, ValueError, r"give validation=\(X, y\)"),
        ({"steps": 0}, ValueError, "steps must be an integer from 1"),
        ({"lr": 3}, TypeError, r"'lr'; it belongs to the model: LogisticRegression\(learning_rate=...\)"),
        ({"epochs": 3}, TypeError, r"'epochs'; it belongs to the model: LogisticRegression\(max_iter=...\)"),
        ({"callbacks": []}, TypeError, r"belongs to the model: LogisticRegression\(callbacks=...\)"),
        ({"batch_size": 5}, TypeError, r"LogisticRegression\(batch_size=...\)"),
        ({"validation_data": (X, BINARY)}, TypeError, r"use validation=\(X, y\)"),
        ({"steps_per_epoch": 5}, TypeError, "use steps= and periods="),
        ({"sample_weigth": 5}, TypeError, "did you mean sample_weight"),
    ],
)
def test_wrong_arguments_of_fit_are_explained(options, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression().fit(X, BINARY, **options)


def test_steps_need_a_solver_that_takes_them():
    with pytest.raises(ValueError, match="steps= needs the solver 'sgd', 'adagrad' or 'adam', not 'newton'"):
        LinearRegression(solver="newton").fit(X, NUMBERS, steps=3)


# ---------------------------------------------------------------------- scikit-learn, pickles


def test_searches_go_over_optimizers_and_losses():
    search = pytest.importorskip("sklearn.model_selection").GridSearchCV
    grid = {"optimizer": ["sgd", optim.Adagrad, SGD], "loss": ["mse", fourth_power], "clip_norm": [None, 1.0]}
    found = search(LinearRegression(max_iter=3, random_state=0), grid, cv=2).fit(X, NUMBERS)
    assert len(found.cv_results_["params"]) == 12
    assert found.best_params_["loss"] in ("mse", fourth_power)


@pytest.mark.parametrize("optimizer", ["adagrad", optim.Adagrad, SGD])
def test_a_fitted_model_can_be_pickled(optimizer):
    model = LinearRegression(optimizer=optimizer, loss=fourth_power, clip_norm=1.0, max_iter=3).fit(X, NUMBERS)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert repr(copy) == repr(model)
    assert copy.history_.steps == model.history_.steps
