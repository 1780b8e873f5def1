"""The models are scikit-learn estimators: its own checks, and its meta-estimators."""

import os
import subprocess
import sys
import warnings

import pytest

from tinygrad_ml.models import (
    PCA,
    BaselineClassifier,
    BaselineRegressor,
    BinaryChain,
    ClassifierChain,
    ConvNet,
    DenoisingAutoencoder,
    ElasticNet,
    ElasticNetCV,
    EmbeddingClassifier,
    EmbeddingRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LinearSVM,
    LocallyWeightedRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsOne,
    OneVsRest,
    Perceptron,
    PoissonRegression,
    PolynomialRegression,
    Ridge,
    RidgeCV,
    SoftmaxRegression,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
checks = pytest.importorskip("sklearn.utils.estimator_checks")

MODELS = [
    LinearRegression(),
    PolynomialRegression(),
    LogisticRegression(),
    SoftmaxRegression(),
    Perceptron(max_iter=100),
    OneVsRest(),
    OneVsOne(),
    BinaryChain(),
    ClassifierChain(),
    MLPClassifier(),
    MLPRegressor(),
    DenoisingAutoencoder(),
    ConvNet(),
    EmbeddingClassifier(),
    EmbeddingRegressor(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    RidgeCV(),
    LassoCV(),
    ElasticNetCV(),
    PoissonRegression(),
    LocallyWeightedRegression(),
    LinearSVM(),
    BaselineClassifier(),
    BaselineRegressor(),
    PCA(),
]
SMALL = {"hidden_layer_sizes": (8,), "learning_rate": 0.03, "max_iter": 60}
VARIANTS = [
    LinearRegression(penalty="l2", fit_intercept=False),
    LinearRegression(penalty="l1", alpha=0.01),
    LinearRegression(loss="huber"),
    LinearRegression(solver="sgd", penalty="l1", alpha=0.01, max_iter=200),
    LinearRegression(solver="adam", loss="mae", learning_rate=0.1, max_iter=50),
    LinearRegression(solver="sgd", early_stopping=True, max_iter=100),
    PolynomialRegression(3, solver="sgd", penalty="elasticnet", alpha=0.001, batch_size=None, max_iter=30),
    LogisticRegression(solver="lbfgs"),
    LogisticRegression(solver="newton", penalty="l1"),
    LogisticRegression(solver="sgd", penalty="elasticnet", max_iter=30),
    LogisticRegression(solver="adam", learning_rate=0.1, max_iter=30),
    LogisticRegression(class_weight="balanced"),
    SoftmaxRegression(solver="lbfgs", max_iter=500),
    SoftmaxRegression(solver="newton", penalty="l1"),
    SoftmaxRegression(solver="sgd", max_iter=30),
    SoftmaxRegression(solver="adam", learning_rate=0.1, max_iter=30),
    SoftmaxRegression(sampled=2, max_iter=30),
    Perceptron(shuffle=True, fit_intercept=False, max_iter=20),
    OneVsRest(Perceptron(max_iter=20)),
    OneVsOne(Perceptron(max_iter=20)),
    BinaryChain(Perceptron(max_iter=20)),
    ClassifierChain(Perceptron(max_iter=20)),
    OneVsRest(MLPClassifier((4,), learning_rate=0.1, max_iter=30, random_state=0)),
    MLPClassifier(**SMALL, dropout=0.2),
    MLPClassifier(**SMALL, batch_norm=True),
    MLPClassifier(**SMALL, penalty="l1", class_weight="balanced"),
    MLPClassifier(**SMALL, solver="sgd", early_stopping=True),
    MLPRegressor(**SMALL, dropout=0.01),
    MLPRegressor(**SMALL, batch_norm=True),
    MLPRegressor(**SMALL, early_stopping=True),
    ConvNet((4,), **SMALL, batch_norm=True),
    RidgeCV(cv=3),
    ElasticNetCV(l1_ratio=[0.5, 1.0], alphas=5),
    PoissonRegression(solver="adam", max_iter=50),
    LocallyWeightedRegression(0.5, degree=0),
    LinearSVM(loss="squared_hinge"),
    LinearSVM(intercept_scaling=float("inf")),
    LinearSVM(solver="sgd", max_iter=50),
    BaselineClassifier(strategy="most_frequent"),
    BaselineRegressor(strategy="median"),
    PCA(1, svd_solver="randomized", whiten=True),
]

ARRAY_API = {"check_array_api_input"}  # skipped unless an environment variable is set: see below
# repeated samples make other batches, and fall into other parts, than samples with weights
EQUIVALENCE = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}
SAMPLE_WEIGHT_CHECKS = {
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    *EQUIVALENCE,
}


def left_out(model):
    """The checks that ask for something that a variant does not promise."""
    out = set(ARRAY_API)
    own = model.get_params()
    chance = ("dropout", "batch_norm", "early_stopping", "sampled")
    if any(own.get(name) for name in chance) or "cv" in own:
        out |= EQUIVALENCE
    if isinstance(own.get("estimator"), Perceptron):
        out |= SAMPLE_WEIGHT_CHECKS  # the perceptron knows no weights
    return out


def checks_of(model):
    """The checks that are for this model."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* does not inherit from `sklearn.base.BaseEstimator`")
        pairs = list(checks.estimator_checks_generator(model, mark=None))
    return [check for _, check in pairs if check.func.__name__ not in left_out(model)]


@pytest.mark.parametrize(
    ("model", "check"),
    [
        pytest.param(
            model,
            check,
            id=f"{model!r}-{check.func.__name__}",
            marks=[pytest.mark.slow] if isinstance(model, ConvNet) else [],
        )
        for model in MODELS
        for check in checks_of(model)
    ],
)
def test_checks_of_scikit_learn(model, check):
    check(model)


@pytest.mark.slow
@pytest.mark.parametrize("model", VARIANTS, ids=repr)
def test_checks_of_scikit_learn_with_other_hyperparameters(model):
    todo = checks_of(model)
    assert len(todo) > (50 if model.kind != "transformer" else 40)
    for check in todo:
        check(model)


def in_a_process(code, **environment):
    """Run Python code of its own; return what it prints."""
    environment = os.environ | {"PYTHONWARNINGS": "error"} | environment
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_check_that_needs_an_environment_variable():
    code = """if True:
        from sklearn.utils.estimator_checks import estimator_checks_generator
        from tinygrad_ml.models import *
        models = LinearRegression(), PolynomialRegression(), LogisticRegression(), SoftmaxRegression(), Perceptron()
        models += OneVsRest(), OneVsOne(), BinaryChain(), ClassifierChain()
        models += MLPClassifier(max_iter=3), MLPRegressor(max_iter=3), DenoisingAutoencoder(max_iter=3)
        models += ConvNet((4,), max_iter=3), EmbeddingClassifier(max_iter=3), EmbeddingRegressor(max_iter=3)
        models += Ridge(), Lasso(), ElasticNet(), RidgeCV(), LassoCV(), ElasticNetCV(), PoissonRegression()
        models += LocallyWeightedRegression(), LinearSVM(), BaselineClassifier(), BaselineRegressor(), PCA()
        for model in models:
            for _, check in estimator_checks_generator(model, mark=None):
                if check.func.__name__ == "check_array_api_input":
                    check(model)
                    print(type(model).__name__)
        """
    lines = in_a_process(code, SCIPY_ARRAY_API="1", PYTHONWARNINGS="ignore").splitlines()
    assert lines == [type(model).__name__ for model in MODELS]


# ---------------------------------------------------------------------- without scikit-learn


def test_nothing_but_numpy_is_imported_to_import_fit_and_predict():
    code = """if True:
        import sys, io, warnings
        import numpy as np
        import tinygrad_ml as tg
        from tinygrad_ml.models import *
        warnings.filterwarnings("ignore", ".*has not converged")
        X, y = np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 2
        models = LogisticRegression(), LogisticRegression(solver="lbfgs"), SoftmaxRegression(solver="sgd"), Perceptron()
        models += OneVsRest(), MLPClassifier(early_stopping=True), ConvNet(max_iter=2), LogisticRegression(penalty="l1")
        models += LinearSVM(), BaselineClassifier()
        for model in models:
            model.fit(X, y).predict(X), model.score(X, y), repr(model), model._repr_html_(), model.get_params()
        models = LinearRegression(), PolynomialRegression(), MLPRegressor(max_iter=5), LinearRegression(loss="mae")
        models += Ridge(), LassoCV(), RidgeCV(cv=3), PoissonRegression(), LocallyWeightedRegression()
        for model in models:
            model.fit(X, y).predict(X), model.score(X, y)
        try:
            LinearRegression().predict(X)
        except (ValueError, AttributeError) as error:
            print(type(error).__name__, isinstance(error, ValueError), isinstance(error, AttributeError))
        print({"sklearn", "scipy", "matplotlib", "pandas", "tqdm", "joblib", "torch"} & set(sys.modules))
        """
    assert in_a_process(code).splitlines() == ["NotFitted True True", "set()"]


def test_not_fitted_is_scikit_learns_error_when_it_is_there():
    from sklearn.exceptions import NotFittedError

    for model in MODELS:
        for method in ("predict", "predict_proba", "decision_function", "score"):
            if hasattr(model, method):
                arguments = ([[0.0]], [0]) if method == "score" else ([[0.0]],)
                with pytest.raises(NotFittedError, match=f"This {type(model).__name__} is not fitted yet"):
                    getattr(model, method)(*arguments)
