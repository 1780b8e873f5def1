"""Wrong hyperparameters are refused by name, whatever their kind; right ones are taken in every type."""

import inspect
import re
from dataclasses import KW_ONLY

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
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
from tinygrad_ml.models.hyperparameters import Gradient, count, hyperparameters, not_negative

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4))
CLASSES = np.arange(20) % 2
MODELS = [
    LinearRegression,
    PolynomialRegression,
    LogisticRegression,
    SoftmaxRegression,
    Perceptron,
    MLPClassifier,
    MLPRegressor,
    ConvNet,
]
COUNT = "a whole number of at least 1"
BOOLEAN = "True or False"
POSITIVE = "a finite number above 0"
AT_LEAST_0 = "a finite number of at least 0"
RULES = {
    "max_iter": (COUNT, [0, -1, 1.5, 10.0, None, "100", True, float("nan"), float("inf")]),
    "batch_size": (COUNT, [0, -32, 2.5, 16.0, "auto", True]),
    "n_iter_no_change": (COUNT, [0, None, 2.5]),
    "sampled": (COUNT, [0, -1, 64.0, "64", True]),
    "degree": (COUNT, [0, -1, 2.0, None, "2", (1, 2)]),
    "C": ("a number above 0", [0, -1.0, None, "1", float("nan")]),
    "alpha": (AT_LEAST_0, [-1.0, None, "1", float("nan"), float("inf")]),
    "tol": (AT_LEAST_0, [-1e-4, None, "tight", float("nan")]),
    "momentum": ("a number of at least 0 and below 1", [-0.9, 1.0, None, "0.9"]),
    "learning_rate": (POSITIVE, [0, 0.0, -0.1, "auto", float("nan"), float("inf"), True]),
    "huber_delta": (POSITIVE, [0, -1, None]),
    "l1_ratio": ("a number from 0 to 1", [-0.1, 1.1, None, "half"]),
    "dropout": ("a number from 0 to 1", [-0.1, 1.5, None]),
    "threshold": ("a number from 0 to 1", [-0.1, 1.5, None]),
    "validation_fraction": ("a number between 0 and 1", [0, 1, 0.0, 1.0, 5, None]),
    "fit_intercept": (BOOLEAN, ["no", None, 1]),
    "early_stopping": (BOOLEAN, ["yes", None]),
    "warm_start": (BOOLEAN, ["yes", None]),
    "batch_norm": (BOOLEAN, ["yes", None, 2]),
    "shuffle": (BOOLEAN, ["yes", None]),
    "hidden_layer_sizes": (f"{COUNT}, or a sequence of them", [0, (0,), (5, -1), "abc", None, 2.5, (2.0,), True]),
    "channels": (f"{COUNT}, or a sequence of them", [0, (4, 0), "ab", None, (2.5,)]),
    "kernel_size": ("odd and at least 1", [0, 2, -1, 3.0, None, "3", (3, 3)]),
    "image_shape": (
        r"\(height, width\) or \(channels, height, width\)",
        [4, (4,), (1, 1, 1, 4), "ab", (-2, -2), (2.0, 2)],
    ),
    "clip_norm": (POSITIVE, [0, -1.0, "5", float("inf")]),
    "clip_value": (POSITIVE, [0, -1.0, "5", float("nan")]),
    "optimizer": (r"one of \('adadelta', ", ["sdg", 0.1, nn.Linear, [tg.optim.SGD]]),
    "optimizer_options": ("a dict of options", [0.1, [0.1], {1: 2}]),
    "callbacks": ("a sequence of objects of tinygrad_ml.train.Callback", [None, 3]),
    "random_state": ("an integer of at least 0", ["a", -1, 1.5, True]),
    "solver": ("one of", ["newtn", "SGD", None, ["sgd"]]),
    "penalty": ("one of", ["L2", "ridge", 2]),
    "loss": ("one of", ["mea", None, "squared", 3, nn.MSELoss]),
    "activation": ("one of", ["rleu", None, np.tanh, ["relu", None]]),
}
WRONG = [
    (Model, name, value)
    for Model in MODELS
    for name in Model().get_params()
    for value in RULES.get(name, ("", []))[1]
    if not (value is None and Model().get_params()[name] is None)
]


def target_for(Model):
    return CLASSES if Model.kind == "classifier" else X[:, 0]


def test_every_hyperparameter_has_a_rule():
    names = {name for Model in MODELS for name in Model().get_params()}
    assert names - set(RULES) == {"class_weight", "verbose"}


@pytest.mark.parametrize(("Model", "name", "value"), WRONG)
def test_wrong_hyperparameters(Model, name, value):
    model = Model(**{name: value})  # scikit-learn wants no error here
    with pytest.raises(ValueError, match=rf"{name} must be {RULES[name][0]}") as raised:
        model.fit(X, target_for(Model))
    assert str(raised.value).startswith(f"{Model.__name__}({name}=")
    if hasattr(model, "partial_fit"):
        with pytest.raises(ValueError, match=f"{name} must be"):
            model.partial_fit(X, target_for(Model))


def test_callbacks_must_be_callbacks():
    with pytest.raises(TypeError, match=r"callbacks must be objects of tg.train.Callback, not int"):
        MLPClassifier(callbacks=[3]).fit(X, CLASSES)
    with pytest.raises(TypeError, match="not ClipGradients itself"):
        MLPClassifier(callbacks=[tg.train.ClipGradients]).fit(X, CLASSES)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(solver="lbfgs", penalty="l1"), "LogisticRegression.*lbfgs needs a smooth penalty"),
        (SoftmaxRegression(solver="lbfgs", penalty="elasticnet"), "SoftmaxRegression.*smooth penalty"),
        (LinearRegression(solver="normal", penalty="l1"), "LinearRegression.*normal equation is for penalty=None or"),
        (LinearRegression(solver="newton", loss="mae"), "LinearRegression.*Newton's method is for loss='mse'"),
        (LinearRegression(solver="newton", loss=nn.MSELoss()), "LinearRegression.*Newton's method is for loss='mse'"),
        (LinearRegression(solver="normal", loss=nn.MSELoss()), "LinearRegression.*for a loss that has a name"),
        (LinearRegression(solver="normal", early_stopping=True), "LinearRegression.*cannot stop early"),
        (LogisticRegression(solver="newton", early_stopping=True), "LogisticRegression: early_stopping needs"),
        (LogisticRegression(solver="lbfgs", early_stopping=True), "LogisticRegression: early_stopping needs"),
        (ConvNet(image_shape=(3, 3)), r"ConvNet\(image_shape=\(3, 3\)\): samples have 4 numbers"),
        (PolynomialRegression(60), r"PolynomialRegression\(degree=60\): 4 features have 635375 products"),
        (MLPRegressor(batch_norm=True, batch_size=1), "MLPRegressor: batch normalisation needs at least 2 samples"),
    ],
    ids=repr,
)
def test_hyperparameters_that_do_not_go_together(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, target_for(model))


@pytest.mark.parametrize(
    "Model", [LogisticRegression, SoftmaxRegression, MLPClassifier, MLPRegressor, LinearRegression]
)
@pytest.mark.parametrize("n_samples", [2, 3])
def test_early_stopping_needs_samples_to_keep_apart(Model, n_samples):
    model = Model(early_stopping=True, solver="sgd", learning_rate=0.01)
    with pytest.raises(ValueError, match=rf"{Model.__name__}\(early_stopping=True, .*\(n_samples = {n_samples}\)"):
        model.fit(X[:n_samples], target_for(Model)[:n_samples])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression, "must be a classifier of tinygrad_ml.models, not type; pass an instance"),
        ("logistic", "must be a classifier of tinygrad_ml.models, not str"),
        (LinearRegression(), "must be a classifier of tinygrad_ml.models, not LinearRegression"),
    ],
)
def test_one_vs_rest_takes_classifiers_of_this_package(estimator, message):
    with pytest.raises(TypeError, match=f"OneVsRest: the estimator {message}"):
        OneVsRest(estimator).fit(X, CLASSES)


def test_errors_of_the_inner_classifier_name_it():
    with pytest.raises(ValueError, match=r"LogisticRegression\(C=0\): C must be a number above 0"):
        OneVsRest(LogisticRegression(C=0)).fit(X, CLASSES)


def test_methods_that_the_hyperparameters_take_away_say_why():
    for model, method, message in (
        (LogisticRegression(solver="lbfgs"), "partial_fit", "solves all the data at once.*'sgd' or 'adam'"),
        (LinearRegression(solver="normal"), "partial_fit", "solves all the data at once"),
        (Perceptron(), "predict_proba", "has no probabilities; LogisticRegression does"),
        (OneVsRest(Perceptron()), "predict_proba", r"because Perceptron\(\) has none"),
        (OneVsRest(LogisticRegression(solver="lbfgs")), "partial_fit", "OneVsRest has no partial_fit"),
    ):
        assert not hasattr(model, method)
        with pytest.raises(AttributeError, match=message):
            getattr(model, method)
    for model in (LogisticRegression(), LinearRegression(), SoftmaxRegression(solver="sgd"), OneVsRest(Perceptron())):
        assert hasattr(model, "partial_fit")


def test_numbers_of_numpy_and_arrays_are_as_good_as_pythons():
    given = {"max_iter": np.int64(2), "batch_size": np.int32(8), "alpha": np.float32(0.5), "batch_norm": np.True_}
    for sizes in (np.int64(3), np.array([3, 2]), [3], 3, ()):
        MLPClassifier(sizes, **given, random_state=np.int64(1)).fit(X, CLASSES)
    ConvNet(np.int64(2), np.int64(3), np.array([4]), np.array([2, 2]), max_iter=1).fit(X, CLASSES)
    LogisticRegression(C=np.float64(2), fit_intercept=np.False_, threshold=np.float32(0.25)).fit(X, CLASSES)
    LogisticRegression(C=float("inf")).fit(X[:, :1], CLASSES)  # no penalty, as in scikit-learn


def test_every_parameter_is_described_once_and_its_own_come_first():
    for Model in [*MODELS, OneVsRest]:
        names = list(inspect.signature(Model).parameters)
        rows = re.findall(r"^(\w[\w, ]*) :", Model.__doc__.partition("Attributes\n---")[0], re.MULTILINE)
        assert [name for row in rows for name in row.split(", ")] == names, Model
    names = list(inspect.signature(LogisticRegression).parameters)
    assert names[:4] == ["threshold", "solver", "penalty", "C"]
    assert names[-1] == "verbose"
    assert list(LogisticRegression().get_params()) == names
    positional = [p.name for p in inspect.signature(ConvNet).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["channels", "kernel_size", "hidden_layer_sizes", "image_shape", "activation"]
    with pytest.raises(TypeError, match="takes its arguments by name"):
        LogisticRegression(0.5)


def test_the_description_of_a_shared_parameter_is_that_of_the_nearest_class():
    assert "standardised features and targets" in PolynomialRegression.__doc__
    assert "standardised features and targets" not in LogisticRegression.__doc__
    assert "no entry of the gradient" in LogisticRegression.__doc__
    assert Gradient.__doc__.count("early_stopping : bool") == MLPClassifier.__doc__.count("early_stopping : bool") == 1


def test_models_of_ones_own_have_hyperparameters_with_rules():
    @hyperparameters
    class Wide(Gradient, Regressor):
        """A wide layer.

        Parameters
        ----------
        width : int
            How wide.
        """

        width: int = count(20, layers=True)
        _: KW_ONLY
        tol: float = not_negative(0.5)

        def build(self, n_features, n_outputs):
            self.layers_ = nn.Sequential(nn.Linear(n_features, self.width), nn.Tanh(), nn.Linear(self.width, n_outputs))
            return self

        def forward(self, x):
            return self.layers_(x)

    assert list(inspect.signature(Wide).parameters)[:3] == ["width", "tol", "penalty"]
    assert "How wide." in Wide.__doc__
    assert Wide.__doc__.index("width : int") < Wide.__doc__.index("learning_rate : float")
    model = Wide(4, max_iter=3, random_state=0, warm_start=True)
    assert repr(model) == repr(clone(model)) == "Wide(width=4, max_iter=3, warm_start=True, random_state=0)"
    assert model.fit(X, X[:, 0]).n_iter_ == 3
    assert Wide().tol == 0.5
    with pytest.raises(ValueError, match=r"Wide\(width=0\): width must be a whole number of at least 1"):
        Wide(0).fit(X, X[:, 0])
    with pytest.raises(ValueError, match=r"Wide\(momentum=1\): momentum must be a number of at least 0 and below 1"):
        Wide(momentum=1).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="width is 8 now, but the layers were made with 4"):
        model.set_params(width=8).fit(X, X[:, 0])

    class Narrow(Wide):
        def __init__(self, momentum=0.0, strength=1):
            self.store(locals())
            self.width = 3

    assert Narrow(0.5).get_params() == {"momentum": 0.5, "strength": 1}
    Narrow(strength="any").fit(X, X[:, 0])
    with pytest.raises(ValueError, match=r"Narrow\(momentum=1\): momentum must be a number"):
        Narrow(1).fit(X, X[:, 0])


def test_setting_hyperparameters():
    model = OneVsRest(MLPClassifier((3,)))
    assert model.set_params(estimator__alpha=0.5, estimator__dropout=0.25) is model
    assert model.estimator.alpha == model.get_params()["estimator__alpha"] == 0.5
    with pytest.raises(ValueError, match="OneVsRest has no hyperparameter 'alpha'; it has estimator"):
        model.set_params(alpha=1.0)
    with pytest.raises(ValueError, match="MLPClassifier has no hyperparameter 'alhpa'; it has hidden_layer_sizes, "):
        model.set_params(estimator__alhpa=1.0)
    inner = LogisticRegression(solver="newton")
    model.set_params(estimator__C=3.0, estimator=inner)  # the model first, whatever the order
    assert model.estimator is inner
    assert inner.C == 3.0
    assert set(model.get_params(deep=False)) == {"estimator"}
    with pytest.raises(TypeError, match=r"does not know the argument 'solvr'; did you mean solver\?"):
        LogisticRegression(solvr="newton")


def test_the_constructor_keeps_the_very_objects_that_it_gets():
    sizes, callbacks, state = [3], [tg.train.ClipGradients(max_norm=1.0)], np.random.default_rng(0)
    model = MLPClassifier(sizes, callbacks=callbacks, random_state=state)
    assert model.hidden_layer_sizes is sizes
    assert model.callbacks is callbacks
    assert model.random_state is state
    copied = clone(model)
    assert copied.callbacks[0] is not callbacks[0]
    model.fit(X, CLASSES)
    assert sizes == [3]
    assert len(callbacks) == 1
