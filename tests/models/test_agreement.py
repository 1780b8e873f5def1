"""On 24 data sets all solvers of all linear models find the same optimum, or say that they have not."""

import functools
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ml.models import LinearRegression, SoftmaxRegression

datasets = pytest.importorskip("sklearn.datasets")
peers = pytest.importorskip("sklearn.linear_model")

CLOSE = 1e-4
STEPS = ("sgd", "adagrad", "adam")


# ---------------------------------------------------------------------- data


def course_file(name, **options):
    folder = os.environ.get("TINYGRAD_ML_DATA")
    if not folder:
        pytest.skip("TINYGRAD_ML_DATA names no folder")
    table = np.genfromtxt(Path(folder) / name, delimiter=",", **options)
    return table[:, :-1], table[:, -1]


def built_in(name, **options):
    return getattr(datasets, f"load_{name}")(return_X_y=True, **options)


def housing():
    X, y = course_file("california_housing/california_housing_train.csv", skip_header=1, max_rows=1500)
    return X[::3, :7], y[::3]


def made(kind, n=120):
    """Features of one kind of trouble, and targets with noise."""
    random = np.random.default_rng(len(kind))
    X = random.normal(size=(n, 4))
    noise = random.normal(size=n)
    if kind == "badly scaled":
        X = X * [1e-6, 1, 1e3, 1e8]
    elif kind == "nearly collinear":
        X[:, 3] = X[:, 0] + 1e-3 * random.normal(size=n)
    elif kind == "collinear":
        X[:, 3] = X[:, 0] - 2 * X[:, 1]
    elif kind == "constant":
        X[:, 1], X[:, 2] = 7.3, 1e6
    elif kind == "one-hot":
        X = np.eye(5, dtype=np.float32)[np.arange(n) % 5]
    elif kind == "far from zero":
        X = (X + 1e4) * [1, 10, 1, 1]
    elif kind == "years":
        X = np.column_stack([1990 + np.arange(n) % 30, 1e5 + 3e4 * X[:, 0]])
    elif kind == "wide":
        X = random.normal(size=(20, 50))
        noise = noise[:20]
    y = (X - X.mean(axis=0)) @ (1 / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)) + 0.5 * noise
    if kind == "tiny targets":
        y = 1e-9 * y
    elif kind == "huge targets":
        y = 1e12 * y + 1e13
    elif kind == "outliers":
        y[::20] += 1e4
    return X, y


KINDS = ("badly scaled", "nearly collinear", "collinear", "constant", "one-hot", "far from zero", "years", "wide")
NUMBERS = {
    "profit": functools.partial(course_file, "ml_course/ex1data1.txt"),
    "prices": functools.partial(course_file, "ml_course/ex1data2.txt"),
    "housing": housing,
    "diabetes": functools.partial(built_in, "diabetes"),
    "diabetes, raw": functools.partial(built_in, "diabetes", scaled=False),
    **{kind: functools.partial(made, kind) for kind in (*KINDS, "tiny targets", "huge targets", "outliers")},
}
CLASSES = {
    "exam": functools.partial(course_file, "ml_course/ex2data1.txt"),
    "chips": functools.partial(course_file, "ml_course/ex2data2.txt"),
    "iris": functools.partial(built_in, "iris"),
    "wine": functools.partial(built_in, "wine"),
    "breast cancer": functools.partial(built_in, "breast_cancer"),
    **{kind: functools.partial(made, kind) for kind in KINDS[:-1]},
}


@functools.cache
def data(name, is_class):
    X, y = (CLASSES if is_class else NUMBERS)[name]()
    if is_class and name in KINDS:
        y = (y > np.median(y)).astype(int)
    return X, y


# ---------------------------------------------------------------------- what agreement is

SINGULAR = ("collinear", "constant", "one-hot", "wide")  # where coefficients are not unique, or nearly so


def fitted(model, X, y):
    """The fitted model, and whether it warned that it has not converged."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.fit(X, y)
    return model, any("has not converged" in str(warning.message) for warning in said)


def outputs(model, X):
    return model.decision_function(X) if hasattr(model, "classes_") else model.predict(X)


def apart(model, best, X, y, name):
    """How far the outputs of two models are apart, and where they are unique the coefficients, for their size."""
    a, b = (outputs(m, X).astype(float) for m in (model, best))
    size = np.linalg.norm(b - b.mean(axis=0)) if hasattr(best, "classes_") else np.linalg.norm(y - np.mean(y))
    difference = np.linalg.norm(a - b) / size
    if name in SINGULAR:
        return difference
    deviation = X.std(axis=0, dtype=np.float64)
    a, b = model.coef_ * deviation, best.coef_ * deviation
    size = max(np.linalg.norm(b), 0.0 if hasattr(best, "classes_") else 1e-3 * np.std(y))
    return max(difference, np.linalg.norm(a - b) / size)


def objective(model, X, y):
    """The penalised loss of a regression, per sample."""
    r = abs(y - model.predict(X).astype(float))
    delta = model.huber_delta
    losses = {"mse": r * r, "mae": r, "huber": np.where(r <= delta, r * r, delta * (2 * r - delta))}[model.loss]
    l1, l2 = model.penalty_weights(len(X))
    w = model.coef_.astype(float)
    return losses.mean() + l1 * abs(w).sum() + l2 / 2 * (w * w).sum()


def disagreeing(models, best, X, y, name):
    """What the models say that are neither near the best one nor warn."""
    found = []
    for model in models:
        model, warned = fitted(model, X, y)
        distance = apart(model, best, X, y, name)
        if getattr(model, "loss", "") == "mae":  # whose optimum need not be unique
            distance = min(distance, abs(objective(model, X, y) / objective(best, X, y) - 1))
        if not warned and not distance <= CLOSE:
            found.append(f"{model!r} is {distance:.2g} away after {model.n_iter_} iterations")
    return found


# ---------------------------------------------------------------------- regression


def regressions(loss, penalty, X, y):
    """A model for every solver that can minimise this loss with this penalty, the most exact first."""
    size, scale = float(np.std(y)), float(np.median(X.std(axis=0))) or 1.0
    alpha = {None: 1.0, "l2": 1.0, "l1": 0.01 * size * scale, "elasticnet": 0.01}[penalty]
    if loss == "mae":  # which counts in another unit
        alpha /= size
    solvers = [
        *["normal"] * (penalty in (None, "l2")),
        *["newton"] * (loss == "mse"),
        *STEPS,
    ]
    options = {"loss": loss, "penalty": penalty, "alpha": alpha, "huber_delta": 1.35 * size}
    return [
        LinearRegression(solver=solver, **options, **({"random_state": 0} if solver in STEPS else {}))
        for solver in solvers
    ]


def reference(loss, penalty, X, y, models):
    """The optimum of least squares, with a ridge or without; of other problems the best that our models have found."""
    X, alpha = X.astype(np.float64), models[0].alpha
    if loss == "mse" and penalty in (None, "l2"):
        varies = X.std(axis=0) > 1e-9 * abs(X).max(axis=0)
        centre, scale = X.mean(axis=0), np.where(varies, X.std(axis=0), 1)
        rows = np.where(varies, (X - centre) / scale, 0)
        # a ridge is a further sample for each feature: sqrt(alpha) of it, with the target 0
        more = np.diag(np.sqrt(alpha) / scale) if penalty else np.zeros((0, X.shape[1]))
        target = np.concatenate([y - y.mean(), np.zeros(len(more))])
        w = np.linalg.lstsq(np.vstack([rows, more]), target, rcond=1e-14)[0] / scale
        peer = peers.LinearRegression()
        peer.coef_, peer.intercept_ = w, y.mean() - centre @ w
        return peer
    return min((fitted(model, X, y)[0] for model in models), key=lambda model: objective(model, X, y))


def check_regression(name, loss, penalty):
    X, y = data(name, False)
    models = regressions(loss, penalty, X, y)
    best = reference(loss, penalty, X, y, models)
    assert not (found := disagreeing(models, best, X, y, name)), "\n".join(found)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_regressions_agree_or_warn(name, penalty):
    check_regression(name, "mse", penalty)


@pytest.mark.slow
@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
def test_regressions_of_every_loss_and_penalty_agree_or_warn(name, loss, penalty):
    check_regression(name, loss, penalty)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_default_solver_of_regressions_converges(name, loss):
    """ "auto" is not allowed to warn, and mae reaches what linear programming finds."""
    X, y = data(name, False)
    model, warned = fitted(LinearRegression(loss=loss, huber_delta=1.35 * float(np.std(y))), X, y)
    assert not warned
    if loss == "mae":
        optimize = pytest.importorskip("scipy.optimize")
        A = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 1e-9 * abs(X).max(axis=0), X.std(axis=0), np.inf)
        b = (y - np.median(y)) / np.std(y)
        n, d = A.shape
        exact = optimize.linprog(
            np.r_[np.zeros(d + 1), np.ones(2 * n)],
            A_eq=np.column_stack([A, np.ones(n), np.eye(n), -np.eye(n)]),
            b_eq=b,
            bounds=[(None, None)] * (d + 1) + [(0, None)] * (2 * n),
        )
        loss = abs(y - model.predict(X).astype(float)).sum() / np.std(y)
        assert loss == pytest.approx(exact.fun, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("solver", STEPS)
@pytest.mark.parametrize("name", ["profit", "prices", "diabetes", "diabetes, raw", "years", "far from zero"])
def test_gradient_steps_reach_the_optimum_of_regressions(name, solver):
    X, y = data(name, False)
    model, warned = fitted(LinearRegression(solver=solver, random_state=0), X, y)
    assert not warned
    assert apart(model, reference("mse", None, X, y, [model]), X, y, name) < CLOSE


# ---------------------------------------------------------------------- classification


def classifications(penalty, C):
    solvers = ["newton", *["lbfgs"] * (penalty in (None, "l2")), *STEPS]
    return [
        SoftmaxRegression(solver=s, penalty=penalty, C=C, **({"random_state": 0} if s in STEPS else {}))
        for s in solvers
    ]


def check_classification(name, penalty, C):
    X, y = data(name, True)
    models = classifications(penalty, C)
    best, warned = fitted(SoftmaxRegression(solver="newton", penalty=penalty, C=C, tol=1e-10), X, y)
    if penalty == "l2":
        assert not warned
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            peer = peers.LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y)
        if not said:  # nor has scikit-learn given up
            assert apart(best, peer, X, y, name) < CLOSE
    assert not (found := disagreeing(models, best, X, y, name)), "\n".join(found)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_classifications_agree_or_warn(name, penalty):
    check_classification(name, penalty, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("C", [1.0, 100.0])
def test_classifications_of_every_penalty_agree_or_warn(name, penalty, C):
    check_classification(name, penalty, C)


@pytest.mark.parametrize("solver", STEPS)
@pytest.mark.parametrize("name", ["exam", "chips", "iris", "years"])
def test_gradient_steps_reach_the_optimum_of_classifications(name, solver):
    X, y = data(name, True)
    model, warned = fitted(SoftmaxRegression(solver=solver, random_state=0), X, y)
    assert not warned
    best = SoftmaxRegression(solver="newton", tol=1e-12).fit(X, y)
    assert apart(model, best, X, y, name) < CLOSE
