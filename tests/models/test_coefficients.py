"""Coefficients and intercepts equal scikit-learn's at the same penalty, on real data."""

import numpy as np
import pytest

from tinygrad_ml.models import LinearRegression, LogisticRegression, OneVsRest, SoftmaxRegression

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
datasets = pytest.importorskip("sklearn.datasets")
peers = pytest.importorskip("sklearn.linear_model")

EXACT = 1e-8  # the normal equation and Newton's method
CLOSE = 1e-4


def standardised(X):
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1)


def load(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return standardised(X), y


def assert_same(model, peer, relative):
    """The norm of the difference of all coefficients and intercepts, over their norm, is small."""
    ours, theirs = (np.concatenate([np.ravel(m.coef_), np.ravel(m.intercept_)]) for m in (model, peer))
    assert np.shape(model.coef_) == np.shape(peer.coef_)
    difference = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    assert difference < relative, f"relative difference {difference:.2g}"


def some_weights(n, seed=0):
    return np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], n)


# ---------------------------------------------------------------------- linear, ridge, lasso, elastic net


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_least_squares(intercept, weighted):
    X, y = datasets.load_diabetes(return_X_y=True)
    weight = some_weights(len(X)) if weighted else None
    model = LinearRegression(fit_intercept=intercept).fit(X, y, weight)
    assert_same(model, peers.LinearRegression(fit_intercept=intercept).fit(X, y, weight), EXACT)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge(alpha, intercept, weighted):
    X, y = load("diabetes")
    weight = some_weights(len(X)) if weighted else None
    model = LinearRegression(penalty="l2", alpha=alpha, fit_intercept=intercept).fit(X, y, weight)
    assert_same(model, peers.Ridge(alpha=alpha, fit_intercept=intercept).fit(X, y, weight), EXACT)


def test_ridge_of_several_outputs():
    X, y = load("diabetes")
    Y = np.column_stack([y, X[:, 0] * y, np.sqrt(y)])
    assert_same(LinearRegression(penalty="l2").fit(X, Y), peers.Ridge().fit(X, Y), EXACT)
    assert_same(LinearRegression().fit(X, Y), peers.LinearRegression().fit(X, Y), EXACT)


@pytest.mark.parametrize("penalty", [None, "l2"])
def test_designs_that_are_singular(penalty):
    X, y = load("diabetes")
    Peer = peers.Ridge if penalty else peers.LinearRegression
    for rows, columns in ((len(X), [*range(10), 0, 3]), (6, range(10)), (1, range(10))):
        A, b = X[:rows][:, columns], y[:rows]
        A = np.column_stack([A, np.ones(rows)])  # a feature that is constant
        model, peer = LinearRegression(penalty=penalty).fit(A, b), Peer().fit(A, b)
        np.testing.assert_allclose(model.predict(A), peer.predict(A), rtol=EXACT)
        if rows > 1:
            assert_same(model, peer, EXACT)


GRADIENT = {"tol": 1e-14, "random_state": 0, "batch_size": None}  # all the data in a step, so that it converges


@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_descent(penalty, weighted):
    X, y = load("diabetes")
    weight = some_weights(len(X)) if weighted else None
    alpha = {"l2": 50.0}.get(penalty, 2.0)
    model = LinearRegression(solver="sgd", penalty=penalty, alpha=alpha, l1_ratio=0.3, max_iter=20_000, **GRADIENT)
    exact = {"tol": 1e-12, "max_iter": 100_000}
    peer = {
        None: peers.LinearRegression(),
        "l2": peers.Ridge(50.0),
        "l1": peers.Lasso(2.0, **exact),
        "elasticnet": peers.ElasticNet(2.0, l1_ratio=0.3, **exact),
    }[penalty]
    model.fit(X, y, weight)
    peer.fit(X, y, weight)
    assert_same(model, peer, CLOSE)
    if penalty == "l1":
        np.testing.assert_array_equal(model.coef_ == 0, peer.coef_ == 0)
        assert (model.coef_ == 0).any()


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.3])
@pytest.mark.parametrize("scaled", [True, False])
def test_exact_zeros(intercept, weighted, ratio, scaled):
    X, y = load("diabetes") if scaled else datasets.load_diabetes(return_X_y=True)
    alpha = 2.0 if scaled else 0.01
    weight = some_weights(len(X)) if weighted else None
    options = {"alpha": alpha, "l1_ratio": ratio, "fit_intercept": intercept}
    peer = peers.ElasticNet(**options, tol=1e-14, max_iter=1_000_000).fit(X, y, weight)
    for solver in ("auto", "newton"):
        model = LinearRegression(solver=solver, penalty="elasticnet", tol=1e-12, **options).fit(X, y, weight)
        assert_same(model, peer, EXACT)
        np.testing.assert_array_equal(model.coef_ == 0, peer.coef_ == 0)


@pytest.mark.parametrize("solver", ["newton", "sgd"])
def test_lasso_of_several_outputs(solver):
    X, y = load("diabetes")
    Y = np.column_stack([y, np.roll(y, 1)])
    model = LinearRegression(solver=solver, penalty="l1", alpha=2.0, max_iter=20_000, **GRADIENT).fit(X, Y)
    for i, column in enumerate(Y.T):
        peer = peers.Lasso(2.0, tol=1e-12, max_iter=100_000).fit(X, column)
        np.testing.assert_allclose(model.coef_[i], peer.coef_, rtol=CLOSE, atol=CLOSE)


@pytest.mark.filterwarnings("ignore:.*has not converged")  # to so small a gradient
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_adam(penalty):
    X, y = load("diabetes")
    alpha = {"l2": 50.0}.get(penalty, 2.0)
    model = LinearRegression(
        solver="adam", penalty=penalty, alpha=alpha, learning_rate=0.5, max_iter=6000, n_iter_no_change=50, **GRADIENT
    )
    peer = {None: peers.LinearRegression(), "l2": peers.Ridge(50.0), "l1": peers.Lasso(2.0, tol=1e-12)}[penalty]
    assert_same(model.fit(X, y), peer.fit(X, y), CLOSE)


# ---------------------------------------------------------------------- logistic and softmax regression


def logistic(penalty, **options):
    """scikit-learn's model for our name of a penalty, to the last digits."""
    C = options.pop("C", 1.0)
    if penalty in ("l2", None):
        return peers.LogisticRegression(
            C=C if penalty else np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000, **options
        )
    ratio = {"l1": 1.0, "elasticnet": 0.5}[penalty]
    return peers.LogisticRegression(C=C, l1_ratio=ratio, solver="saga", tol=1e-10, max_iter=100_000, **options)


TIGHT = {"tol": 1e-12, "max_iter": 1000}


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("intercept", [True, False])
def test_logistic_regression_by_newton(C, intercept):
    X, y = load("breast_cancer")
    model = LogisticRegression(solver="newton", C=C, fit_intercept=intercept, **TIGHT).fit(X, y)
    assert_same(model, logistic("l2", C=C, fit_intercept=intercept).fit(X, y), EXACT)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 5.0}, {0: 0.1, 1: 3.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression_with_weights(solver, class_weight, weighted):
    X, y = load("breast_cancer")
    weight = some_weights(len(X)) if weighted else None
    model = LogisticRegression(solver=solver, class_weight=class_weight, tol=1e-10, max_iter=1000).fit(X, y, weight)
    peer = logistic("l2", class_weight=class_weight).fit(X, y, weight)
    assert_same(model, peer, EXACT if solver == "newton" else CLOSE)


def test_logistic_regression_without_penalty():
    X, y = load("breast_cancer")
    X = X[:, :4]  # with more of them a plane separates the classes
    for penalty in (None, "none"):
        model = LogisticRegression(solver="newton", penalty=penalty, **TIGHT).fit(X, y)
        assert_same(model, logistic(None).fit(X, y), EXACT)


@pytest.mark.parametrize(("penalty", "C"), [("l1", 1.0), ("l1", 0.05), ("elasticnet", 0.1)])
def test_logistic_regression_with_exact_zeros(penalty, C):
    X, y = load("breast_cancer")
    X = X[:, :10]
    peer = logistic(penalty, C=C).fit(X, y)
    model = LogisticRegression(solver="newton", penalty=penalty, C=C, **TIGHT).fit(X, y)
    assert_same(model, peer, CLOSE)
    np.testing.assert_array_equal(model.coef_ == 0, peer.coef_ == 0)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_logistic_regression_by_gradient_steps(solver, penalty):
    X, y = load("breast_cancer")
    X = X[:, [0, 1, 4, 5, 8, 9]]
    options = {"learning_rate": 0.05} if solver == "adam" else {"momentum": 0.9}
    options |= {"tol": 1e-14, "n_iter_no_change": 100, "max_iter": 4000, "batch_size": None}
    model = LogisticRegression(solver=solver, penalty=penalty, C=0.1, random_state=0, **options)
    assert_same(model.fit(X, y), logistic(penalty, C=0.1).fit(X, y), CLOSE)


@pytest.mark.parametrize("name", ["iris", "wine"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 5.0, 2: 0.5}])
def test_softmax_regression_by_newton(name, intercept, class_weight):
    X, y = load(name)
    options = {"fit_intercept": intercept, "class_weight": class_weight}
    weight = some_weights(len(X))
    model = SoftmaxRegression(solver="newton", **options, **TIGHT).fit(X, y, weight)
    peer = logistic("l2", **options).fit(X, y, weight)
    assert_same(model, peer, EXACT)


@pytest.mark.parametrize("name", ["iris", "wine", "digits"])
def test_softmax_regression_by_lbfgs(name):
    X, y = load(name)
    model = SoftmaxRegression(tol=1e-8, max_iter=5000).fit(X, y)
    assert_same(model, logistic("l2").fit(X, y), CLOSE)


@pytest.mark.slow
def test_softmax_regression_of_many_weights_by_newton():
    X, y = load("digits")
    assert_same(SoftmaxRegression(solver="newton", **TIGHT).fit(X, y), logistic("l2").fit(X, y), EXACT)


def test_softmax_regression_with_exact_zeros():
    X, y = load("iris")
    peer = logistic("l1", C=0.5).fit(X, y)
    model = SoftmaxRegression(solver="newton", penalty="l1", C=0.5, **TIGHT).fit(X, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_array_equal(model.coef_ == 0, peer.coef_ == 0)
    # one number added to all biases changes nothing
    ours, theirs = (m.intercept_ - m.intercept_.mean() for m in (model, peer))
    np.testing.assert_allclose(ours, theirs, rtol=CLOSE)


def test_one_vs_rest():
    from sklearn.multiclass import OneVsRestClassifier

    X, y = load("wine")
    model = OneVsRest(LogisticRegression(solver="newton", **TIGHT)).fit(X, y)
    peer = OneVsRestClassifier(logistic("l2")).fit(X, y)
    np.testing.assert_allclose(model.coef_, [one.coef_[0] for one in peer.estimators_], rtol=1e-7, atol=EXACT)
    np.testing.assert_allclose(model.intercept_, [one.intercept_[0] for one in peer.estimators_], rtol=1e-7)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), rtol=1e-7)
    np.testing.assert_array_equal(model.predict(X), peer.predict(X))


# ---------------------------------------------------------------------- at the edge


@pytest.mark.filterwarnings("ignore:.*separates? (the classes|some)")
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
@pytest.mark.parametrize("scaled", [True, False])
def test_single_precision_finds_the_same_optimum(name, penalty, scaled):
    X, y = load(name) if scaled else getattr(datasets, f"load_{name}")(return_X_y=True)
    X = X[:, :4]
    exact = SoftmaxRegression(penalty=penalty, max_iter=500).fit(X, y)
    model = SoftmaxRegression(penalty=penalty, max_iter=500).fit(X.astype(np.float32), y)
    if penalty is None:
        assert model.history_["loss"][-1] == pytest.approx(exact.history_["loss"][-1], rel=0.01, abs=1e-3)
    else:
        np.testing.assert_allclose(model.predict_proba(X), exact.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_features_far_from_zero(penalty):
    X, y = load("iris")
    model = SoftmaxRegression(penalty=penalty, tol=1e-8).fit(X + 1000, y)
    centred = SoftmaxRegression(penalty=penalty, tol=1e-8).fit(X, y)
    assert model.n_iter_ < 20
    np.testing.assert_allclose(model.coef_, centred.coef_, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_the_learning_rate_of_sgd_allows_for_uneven_weights():
    X, y = load("breast_cancer")
    rare = np.flatnonzero(y == 0)[:4]
    rows = np.r_[rare, np.flatnonzero(y == 1)]
    X, y = X[rows][:, :5], y[rows]
    best = LogisticRegression(class_weight="balanced").fit(X, y).history_["loss"][-1]
    options = {"class_weight": "balanced", "max_iter": 100, "random_state": 0}
    assert LogisticRegression(solver="sgd", **options).fit(X, y).history_["loss"][-1] < best + 0.05
    weight = np.where(np.arange(len(y)) < 3, 1000.0, 1.0)
    model = LinearRegression(solver="sgd", batch_size=8, max_iter=200, random_state=0).fit(X, X[:, 0], weight)
    np.testing.assert_allclose(model.predict(X[:3]), X[:3, 0], atol=0.1)


@pytest.mark.filterwarnings("ignore:.*planes separate the classes, and the penalty is weak")
def test_a_penalty_that_is_lost_in_rounding():
    X, y = load("wine")
    twice = np.column_stack([X, X])
    for C in (1e12, 1e300):
        model = SoftmaxRegression(C=C).fit(twice, y)
        assert model.score(twice, y) == 1
        assert np.isfinite(model.coef_).all()
