"""Models of every kind and the data that they learn from."""

import numpy as np

from tinygrad_ml.models import (
    BaselineClassifier,
    BaselineRegressor,
    ConvNet,
    ElasticNetCV,
    Lasso,
    LinearRegression,
    LinearSVM,
    LocallyWeightedRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    PolynomialRegression,
    Ridge,
    RidgeCV,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
NUMBERS = X @ [1.0, 2.0, 0.0, -1.0] + 0.1 * rng.normal(size=60)
BINARY = (NUMBERS > 0).astype(int)
CLASSES = np.digitize(NUMBERS, [-1, 1])
FEW = {"max_iter": 4, "batch_size": 16}
RANDOM = [
    LinearRegression(solver="sgd", **FEW),
    PolynomialRegression(solver="adam", **FEW),
    LogisticRegression(solver="sgd", early_stopping=True, **FEW),
    SoftmaxRegression(solver="adam", **FEW),
    Perceptron(shuffle=True, max_iter=3),
    MLPClassifier((8,), dropout=0.3, batch_norm=True, **FEW),
    MLPClassifier((8,), early_stopping=True, validation_fraction=0.2, **FEW),
    MLPRegressor((8,), **FEW),
    ConvNet((2,), hidden_layer_sizes=(4,), dropout=0.2, **FEW),
]
CERTAIN = [
    LinearRegression(),
    PolynomialRegression(),
    LogisticRegression(),
    SoftmaxRegression(),
    OneVsRest(),
    Ridge(),
    Lasso(0.01),
    ElasticNetCV(),
    RidgeCV(),
    LinearSVM(),
    LocallyWeightedRegression(),
    BaselineClassifier(),
    BaselineRegressor(),
]


def fitted(model, random_state=0, target=None):
    model = clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=random_state)
    return model.fit(X, target_for(model) if target is None else target)


def target_for(model):
    return NUMBERS if model.kind == "regressor" else CLASSES if model.multi_class else BINARY


def outputs(model, X=X):
    return model.predict(X) if model.kind == "regressor" else model.decision_function(X)
