"""The linear support vector machine: scikit-learn's coefficients, and the conditions of the minimum."""

import numpy as np
import pytest

from tinygrad_ml.models import LinearSVM
from tinygrad_ml.models.hinge import minimise_hinge

datasets = pytest.importorskip("sklearn.datasets")
svm = pytest.importorskip("sklearn.svm")


def load(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


IRIS, SPECIES = load("iris")
X, y = IRIS[SPECIES > 0], np.array(["versicolor", "virginica"])[SPECIES[SPECIES > 0] - 1]
random = np.random.default_rng(0)
WEIGHT = random.choice([0.5, 1.0, 3.0], len(y))
MIXED = random.normal(size=(100, 3))
SIDE = np.where(MIXED[:, 0] + random.normal(size=100) > 0, "virginica", "other")
THREE = np.digitize(MIXED[:, 0] + random.normal(size=100), [-0.7, 0.7])


def linear_svc(loss, **options):
    """scikit-learn's, to the last digits: by the algorithm of liblinear that gets there."""
    options |= {"dual": loss == "hinge", "tol": 1e-12, "max_iter": 100_000, "random_state": 0}
    return svm.LinearSVC(loss=loss, **options)


def assert_same(model, peer, rtol):
    assert model.coef_.shape == peer.coef_.shape
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=rtol, atol=max(1e-8, rtol * abs(peer.coef_).max()))
    np.testing.assert_allclose(
        model.intercept_, np.broadcast_to(peer.intercept_, len(model.coef_)), rtol=rtol, atol=rtol
    )


# liblinear counts its passes, and is at the minimum long before
slow_liblinear = pytest.mark.filterwarnings("ignore:Liblinear failed to converge")


@slow_liblinear
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("C", [0.01, 0.5])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
@pytest.mark.parametrize(
    "options", [{}, {"fit_intercept": False}, {"intercept_scaling": 3.0}, {"class_weight": {"virginica": 4.0}}], ids=str
)
def test_the_coefficients_of_linear_svc(loss, C, weight, options):
    model = LinearSVM(loss=loss, C=C, **options).fit(MIXED, SIDE, weight)
    peer = linear_svc(loss, C=C, **options).fit(MIXED, SIDE, weight)
    assert_same(model, peer, 1e-6)
    np.testing.assert_array_equal(model.predict(MIXED), peer.predict(MIXED))
    np.testing.assert_allclose(model.decision_function(MIXED), peer.decision_function(MIXED), rtol=1e-5, atol=1e-6)


@slow_liblinear
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_a_plane_for_each_of_several_classes(loss):
    model = LinearSVM(loss=loss, C=0.1).fit(MIXED, THREE)
    assert_same(model, linear_svc(loss, C=0.1).fit(MIXED, THREE), 1e-6)
    assert LinearSVM(loss=loss).fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.9


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_a_bias_without_penalty_is_that_of_svc(C, weight):
    model = LinearSVM(C=C, intercept_scaling=np.inf).fit(X, y, weight)
    peer = svm.SVC(kernel="linear", C=C, tol=1e-10).fit(X, y, weight)
    assert_same(model, peer, 1e-4)  # as near as that one goes
    assert model.linear_.bias is not None


@pytest.mark.parametrize("shape", [(60, 4), (25, 70)])
@pytest.mark.parametrize("free", [0, 1])
@pytest.mark.parametrize("C", [0.01, 1.0, 1e3])
def test_the_conditions_of_the_minimum(shape, free, C):
    """w is the sum of the samples times multipliers: all of C short of the margin, none beyond, between on it."""
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(0)
    rows = random.normal(size=shape)
    sign = np.sign(rows[:, 0] + random.normal(size=shape[0]))
    A = rows * sign[:, None]
    ridge = np.ones(shape[1])
    if free:
        A, ridge = np.column_stack([A, sign]), np.append(ridge, 0.0)
    t, _, converged = minimise_hinge(A, np.full(len(A), C), ridge, 1000)
    assert converged
    short = 1 - A @ t
    pulled, on = short > 1e-8, abs(short) <= 1e-8
    forces = ridge * t - C * A[pulled].sum(axis=0)  # what is left for the samples on the margin
    if not on.any():
        np.testing.assert_allclose(forces, 0, atol=1e-9)
        return
    m, left = optimize.nnls(A[on].T, forces)
    assert left == pytest.approx(0, abs=1e-6 * max(1, abs(t).max()))
    assert (m <= C * (1 + 1e-6)).all()


def test_samples_beyond_the_margin_do_not_matter():
    model = LinearSVM(C=1.0, intercept_scaling=np.inf).fit(X, y)
    sign = np.where(y == "virginica", 1, -1)
    needed = sign * model.decision_function(X) < 1 + 1e-6
    assert needed.sum() < 40
    np.testing.assert_allclose(
        LinearSVM(C=1.0, intercept_scaling=np.inf).fit(X[needed], y[needed]).coef_, model.coef_, rtol=1e-6
    )


@pytest.mark.parametrize("solver", ["sgd", "adam", "adagrad"])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_gradient_steps_come_near(solver, loss):
    exact = LinearSVM(loss=loss, C=0.1).fit(X, y)
    model = LinearSVM(loss=loss, C=0.1, solver=solver, random_state=0).fit(X, y)

    def objective(model):
        short = np.maximum(0, 1 - np.where(y == "virginica", 1, -1) * model.decision_function(X))
        losses = short if loss == "hinge" else short**2
        return (model.coef_**2).sum() / 2 + model.intercept_[0] ** 2 / 2 + 0.1 * losses.sum()

    assert objective(exact) <= objective(model) <= objective(exact) * (1.05 if loss == "hinge" else 1 + 1e-6)


def test_which_solver_suits_which_loss():
    assert LinearSVM().fit(X, y).resolve_solver() == "newton"
    assert LinearSVM(loss="squared_hinge").fit(X, y).resolve_solver() == "newton"
    assert LinearSVM().partial_fit(X, y).resolve_solver(1) == "sgd"
    wide = LinearSVM().build(2000, 1)
    assert wide.resolve_solver() == "sgd"
    assert wide.set_params(loss="squared_hinge").resolve_solver() == "lbfgs"
    close = LinearSVM(loss="squared_hinge", solver="lbfgs").fit(X, y).coef_
    np.testing.assert_allclose(close, LinearSVM(loss="squared_hinge").fit(X, y).coef_, rtol=1e-3)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LinearSVM(solver="lbfgs"), "it needs a derivative everywhere: loss='squared_hinge'"),
        (LinearSVM(solver="interior_point", loss="squared_hinge"), "it needs loss='hinge'"),
        (LinearSVM(C=np.inf), "C must be a finite number above 0"),
        (LinearSVM(loss="log"), r"loss must be one of \('hinge', 'squared_hinge'\)"),
        (LinearSVM(intercept_scaling=0), "intercept_scaling must be a number above 0"),
        (LinearSVM(solver="interior_point", optimizer="sgd"), "takes no gradient steps, which optimizer is for"),
    ],
    ids=repr,
)
def test_what_does_not_go_together(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_what_it_has_not():
    assert not hasattr(LinearSVM().fit(X, y), "predict_proba")
    with pytest.raises(AttributeError, match="a LinearSVM has no probabilities; LogisticRegression does"):
        LinearSVM().fit(X, y).predict_proba(X)


def test_features_far_from_zero_and_of_different_sizes():
    sizes = 10.0 ** np.array([3, -3, 0, 5])
    plain = LinearSVM(C=1e4, intercept_scaling=np.inf).fit(X, y)
    far = LinearSVM(C=1e4, intercept_scaling=np.inf).fit(X + 1e4, y)
    np.testing.assert_allclose(far.coef_, plain.coef_, rtol=1e-5)
    scaled = LinearSVM(C=1.0, intercept_scaling=np.inf).fit(X * sizes, y)
    assert scaled.score(X * sizes, y) >= 0.95


def test_single_precision_and_constant_features():
    model = LinearSVM().fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.coef_, LinearSVM().fit(X, y).coef_, rtol=1e-4, atol=1e-5)
    model = LinearSVM(intercept_scaling=np.inf).fit(np.column_stack([X, np.full(len(X), 5.0)]), y)
    assert model.coef_[0, -1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("shape", [(60, 4), (25, 70), (200, 20)])
@pytest.mark.parametrize("free", [0, 1])
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e5])
def test_newtons_method_agrees_with_the_interior_point_method(shape, free, C):
    random = np.random.default_rng(1)
    rows = random.normal(size=shape)
    target = np.where(rows[:, 0] + random.normal(size=shape[0]) > 0, "yes", "no")
    bias = {"intercept_scaling": np.inf} if free else {"fit_intercept": False}
    model = LinearSVM(C=C, **bias).fit(rows, target)
    peer = LinearSVM(C=C, solver="interior_point", **bias).fit(rows, target)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-5, atol=1e-6 * abs(peer.coef_).max())
    assert "has converged" in model.history_.stopped


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e5])
def test_the_gradient_of_the_squared_hinge_is_zero(C):
    random = np.random.default_rng(1)
    for shape in ((60, 4), (25, 70)):
        rows = random.normal(size=shape)
        target = rows[:, 0] + random.normal(size=shape[0]) > 0
        model = LinearSVM(C=C, loss="squared_hinge", fit_intercept=False).fit(rows, target)
        sign = np.where(target, 1, -1)
        short = np.maximum(0, 1 - sign * (rows @ model.coef_[0]))
        pull = 2 * C * (sign * short) @ rows
        np.testing.assert_allclose(pull, model.coef_[0], atol=1e-6 * abs(model.coef_).max())


def test_newtons_method_that_is_ended_says_so():
    with pytest.warns(UserWarning, match="Newton's method has not converged in 2 iterations; raise max_iter"):
        model = LinearSVM(max_iter=2).fit(IRIS, SPECIES)
    assert "has not converged" in model.history_.stopped
