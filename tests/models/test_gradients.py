"""Every model can be drawn, and its gradients are right: those of the data, of the weights, and the second ones."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import (
    ConvNet,
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LinearSVM,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    PoissonRegression,
    PolynomialRegression,
    Ridge,
    RidgeCV,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

rng = np.random.default_rng(0)
X = rng.normal(size=(6, 4))
NUMBERS = rng.normal(size=6)
COLUMNS = rng.normal(size=(6, 2))
COUNTS = np.array([0.0, 3.0, 1.0, 1.0, 5.0, 2.0])
BINARY = np.array([0, 1, 0, 1, 1, 0])
CLASSES = np.array([0, 1, 2, 1, 2, 0])
WEIGHTS = np.array([0.5, 1.0, 2.0, 1.0, 1.0, 0.5])
FEW = {"max_iter": 3, "random_state": 0}
SMOOTH = {"activation": "tanh", **FEW}

CASES = [
    (LinearRegression(), NUMBERS),
    (LinearRegression(loss="mae"), NUMBERS),
    (LinearRegression(loss="huber", huber_delta=0.3), COLUMNS),
    (PolynomialRegression(3), NUMBERS),
    (LogisticRegression(), BINARY),
    (LogisticRegression(fit_intercept=False), BINARY),
    (SoftmaxRegression(), CLASSES),
    (SoftmaxRegression(), BINARY),
    (Ridge(), COLUMNS),
    (Lasso(0.1), NUMBERS),
    (ElasticNet(0.1), COLUMNS),
    (RidgeCV(), COLUMNS),
    (LassoCV(cv=2), NUMBERS),
    (ElasticNetCV(cv=2), NUMBERS),
    (PoissonRegression(), COUNTS),
    (LinearSVM(loss="squared_hinge"), CLASSES),
    (LinearSVM(loss="squared_hinge", intercept_scaling=np.inf), BINARY),
    (Perceptron(max_iter=3), BINARY),
    (OneVsRest(), CLASSES),
    (OneVsRest(MLPClassifier((3,), **SMOOTH)), BINARY),
    *(
        (MLPClassifier((5, 3), activation=activation, **FEW), CLASSES)
        for activation in sorted(("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "identity"))
    ),
    (MLPClassifier((5,), batch_norm=True, dropout=0.5, **SMOOTH), BINARY),
    (MLPRegressor((5,), **SMOOTH), COLUMNS),
    (ConvNet((2, 3), hidden_layer_sizes=(4,), **SMOOTH), CLASSES),
    (ConvNet((2,), hidden_layer_sizes=(), batch_norm=True, **SMOOTH), BINARY),
]
every_model = pytest.mark.parametrize(("model", "y"), CASES, ids=[repr(model) for model, _ in CASES])


@pytest.fixture
def fitted(model, y):
    return clone(model).fit(X, y)


def target_of(y):
    return y.reshape(len(y), -1) if y.dtype.kind == "f" else y


@every_model
def test_the_gradient_of_the_loss(gradcheck, fitted, y):
    assert gradcheck(lambda x: fitted.criterion(fitted(x), target_of(y)), X)
    assert gradcheck(lambda x: fitted.criterion(fitted(x), target_of(y), WEIGHTS), X)


@every_model
def test_the_gradient_of_the_outputs_with_respect_to_data_and_weights(gradcheck, fitted):
    report = gradcheck(fitted, X)
    assert report.entries == X.size + sum(p.size for p in fitted.parameters())


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_and_dropout_in_training(gradcheck, training):
    model = MLPClassifier((5,), batch_norm=True, activation="tanh", **FEW).fit(X, CLASSES).train(training)
    assert gradcheck(lambda x: model.criterion(model(x), CLASSES), X)


@every_model
def test_drawings(fitted):
    graph = tg.graph.trace(fitted, X)
    assert type(fitted).__name__ in str(graph)
    dot = graph.to_dot()
    assert dot.startswith("digraph")
    assert dot.count("{") == dot.count("}")


@every_model
def test_drawings_of_the_loss_name_every_weight(fitted, y):
    graph = tg.graph.trace(lambda x: fitted.criterion(fitted(x), target_of(y)), X)
    for name, _ in fitted.named_parameters():
        assert name in str(graph)


@every_model
def test_a_model_that_is_only_built_can_be_drawn_and_checked(gradcheck, model, y):
    n_outputs = 2 if y.ndim == 2 else 3 if y is CLASSES else 1
    built = clone(model).build(4, n_outputs).double().eval()
    for p in built.parameters():
        p.data = rng.normal(size=p.shape)
    assert built(X).shape == (6, n_outputs)
    assert type(built).__name__ in str(tg.graph.trace(built, X))
    assert gradcheck(built, X)


def test_the_hessian_of_logistic_regression_is_that_of_the_closed_form():
    model = LogisticRegression(fit_intercept=False).fit(X, BINARY)

    def loss(w):
        return model.criterion(tg.tensor(X) @ w.reshape(4, 1), BINARY)

    w = model.coef_[0]
    p = 1 / (1 + np.exp(-X @ w))
    exact = (X * (p * (1 - p))[:, None]).T @ X / len(X)
    np.testing.assert_allclose(tg.hessian(loss)(w), exact, rtol=1e-10)


def test_the_gradient_at_the_optimum_is_that_of_the_penalty():
    model = SoftmaxRegression(C=0.5, tol=1e-10, solver="newton").fit(X, CLASSES)
    model.zero_grad()
    model.criterion(model(tg.tensor(X)), CLASSES).backward()
    np.testing.assert_allclose(model.linear_.weight.grad.numpy(), -model.coef_ / (0.5 * 6), atol=1e-9)
    np.testing.assert_allclose(model.linear_.bias.grad.numpy(), 0, atol=1e-9)


def test_the_gradient_of_the_perceptron_criterion_is_its_learning_rule():
    model = Perceptron(max_iter=1).fit(X, BINARY)
    wrong = np.flatnonzero(model.predict(X) != BINARY)
    assert len(wrong)
    model.zero_grad()
    model.criterion(model(tg.tensor(X)), BINARY).backward()
    signs = 2 * BINARY - 1
    rule = sum(signs[i] * X[i] for i in wrong) / len(X)
    np.testing.assert_allclose(-model.linear_.weight.grad.numpy()[0], rule)
