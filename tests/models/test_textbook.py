"""Models against what textbooks say of them: polynomials, the perceptron's mistakes, robust losses."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression, Perceptron, PolynomialRegression, SoftmaxRegression
from tinygrad_ml.models.newton import hessian
from tinygrad_ml.models.problem import second_derivatives

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = 2 * X[:, 0] - X[:, 1] * X[:, 2] + X[:, 0] ** 3 + 0.1 * RNG.normal(size=80)


# ---------------------------------------------------------------------- polynomials


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_the_terms_are_all_products_in_the_usual_order(degree, n_features):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    peer = preprocessing.PolynomialFeatures(degree, include_bias=False).fit(X[:, :n_features])
    model = PolynomialRegression(degree).fit(X[:, :n_features], Y)
    powers = [[term.count(i) for i in range(n_features)] for term in model.terms_]
    np.testing.assert_array_equal(powers, peer.powers_)


@pytest.mark.parametrize("penalty", [None, "l2"])
@pytest.mark.parametrize("degree", [1, 2, 4])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_polynomials_equal_scikit_learns_pipeline(penalty, degree, intercept, weighted):
    linear = pytest.importorskip("sklearn.linear_model")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    weight = np.random.default_rng(1).choice([0.5, 1.0, 3.0], len(X)) if weighted else np.ones(len(X))
    last = linear.Ridge(2.0, fit_intercept=intercept) if penalty else linear.LinearRegression(fit_intercept=intercept)
    peer = make_pipeline(PolynomialFeatures(degree, include_bias=False), StandardScaler(with_mean=intercept), last)
    peer.fit(X, Y, standardscaler__sample_weight=weight, **{f"{peer.steps[-1][0]}__sample_weight": weight})
    model = PolynomialRegression(degree, penalty=penalty, alpha=2.0, fit_intercept=intercept).fit(X, Y, weight)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.coef_, peer[-1].coef_ / peer[-2].scale_, rtol=1e-8, atol=1e-8)


def test_coefficients_are_those_of_the_plain_products():
    model = PolynomialRegression(3, penalty="l2").fit(X, np.column_stack([Y, -Y]))
    products = np.column_stack([np.prod(X[:, term], axis=1) for term in model.terms_])
    np.testing.assert_allclose(products @ model.coef_.T + model.intercept_, model.predict(X), rtol=1e-10)


def test_a_polynomial_through_every_point():
    x = np.linspace(-1, 1, 8)
    model = PolynomialRegression(7).fit(x[:, None], np.exp(x))
    np.testing.assert_allclose(model.predict(x[:, None]), np.exp(x), rtol=1e-10)
    np.testing.assert_allclose([model.intercept_, *model.coef_], np.polyfit(x, np.exp(x), 7)[::-1], rtol=1e-6)


def test_gradient_steps_lead_to_the_same_polynomial():
    exact = PolynomialRegression(2, penalty="l2").fit(X, Y)
    steps = PolynomialRegression(2, penalty="l2", solver="sgd", batch_size=None, tol=1e-14, max_iter=5000).fit(X, Y)
    np.testing.assert_allclose(steps.coef_, exact.coef_, rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------- the perceptron


def textbook(X, signs, passes, rate=1.0):
    """Rosenblatt's rule: add the sample, times its sign, after every mistake; 0 counts as the second class."""
    w, b, mistakes = np.zeros(X.shape[1]), 0.0, []
    for _ in range(passes):
        before = len(mistakes)
        for i, (x, sign) in enumerate(zip(X, signs)):
            predicted = 1 if w @ x + b >= 0 else -1
            if predicted != sign:
                w, b = w + rate * sign * x, b + rate * sign
                mistakes.append(i)
        if len(mistakes) == before:
            break
    return w, b, mistakes


@pytest.mark.filterwarnings("ignore:.*perhaps no plane separates the classes")
@pytest.mark.parametrize("rate", [1.0, 0.125])
def test_the_perceptron_makes_the_mistakes_of_the_textbook_one_after_the_other(rate):
    signs = np.where(X[:, 0] + 0.5 * np.random.default_rng(1).normal(size=80) > 0, 1, -1)  # no plane separates them
    w, b, mistakes = textbook(X, signs, 20, rate)
    model = Perceptron(learning_rate=rate, max_iter=20).fit(X, signs)
    assert model.mistakes_ == mistakes
    assert model.n_iter_ == 20
    assert sum(model.history_["mistakes"]) == len(mistakes)
    np.testing.assert_allclose(model.coef_[0], w, rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, b, rtol=1e-12)


def test_no_mistake_is_left_when_a_plane_separates_the_classes():
    inside = abs(X @ [1.0, -2.0, 0.5] + 0.3) > 0.2
    A, y = X[inside], (X @ [1.0, -2.0, 0.5] + 0.3 > 0)[inside]
    for model in (Perceptron(), Perceptron(shuffle=True, random_state=0)):
        model.fit(A, y)
        assert model.score(A, y) == 1
        assert model.history_["mistakes"][-1] == 0
        # Novikoff (1962): at most (longest sample / distance of the nearest one to a separating plane)²
        rows = np.column_stack([A, np.ones(len(A))])
        plane = np.array([1.0, -2.0, 0.5, 0.3])
        margin = abs(rows @ plane).min() / np.linalg.norm(plane)
        assert len(model.mistakes_) <= (np.linalg.norm(rows, axis=1).max() / margin) ** 2


@pytest.mark.filterwarnings("ignore:.*perhaps no plane separates the classes")
def test_the_perceptron_never_learns_exclusive_or():
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    model = Perceptron(max_iter=50).fit(X, y)
    assert model.n_iter_ == 50
    assert model.score(X, y) <= 0.75


def test_partial_fit_of_the_perceptron_is_one_pass():
    signs = np.where(X[:, 0] > 0.3, 1, -1)
    model = Perceptron()
    for _ in range(3):
        model.partial_fit(X, signs)
    w, _, mistakes = textbook(X, signs, 3)
    assert model.mistakes_ == mistakes
    np.testing.assert_allclose(model.coef_[0], w, rtol=1e-12)


def test_a_perceptron_without_bias_has_its_plane_through_zero():
    model = Perceptron(fit_intercept=False, max_iter=10).fit(X, X[:, 0] > 0)
    assert model.intercept_ == 0
    assert [name for name, _ in model.named_parameters()] == ["linear_.weight"]


# ---------------------------------------------------------------------- robust losses

OUTLIERS = Y + np.where(np.arange(80) % 10 == 0, 100.0, 0.0)


def objective(parameters, loss, delta, l2):
    """The documented objective, written again."""
    w, b = parameters[:-1], parameters[-1]
    d = abs(OUTLIERS - X @ w - b)
    losses = d if loss == "mae" else np.where(d <= delta, d * d, delta * (2 * d - delta))
    return losses.mean() + l2 * (w @ w) / len(X)


@pytest.mark.parametrize("delta", [0.5, 1.35, 20.0])
@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_huber_loss_has_the_minimum_that_scipy_finds(delta, alpha):
    optimize = pytest.importorskip("scipy.optimize")
    options = {"penalty": "l2", "alpha": alpha, "tol": 1e-13, "max_iter": 50_000, "batch_size": None}
    model = LinearRegression(
        solver="sgd", loss="huber", huber_delta=delta, momentum=0.9, n_iter_no_change=50, **options
    )
    best = optimize.minimize(objective, np.zeros(4), ("huber", delta, alpha), "BFGS", tol=1e-10)
    model.fit(X, OUTLIERS)
    np.testing.assert_allclose([*model.coef_, model.intercept_], best.x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("delta", [0.5, 1.35, 20.0])
@pytest.mark.parametrize("alpha", [0.0, 5.0])
def test_huber_loss_by_reweighting(delta, alpha):
    optimize = pytest.importorskip("scipy.optimize")
    model = LinearRegression(loss="huber", huber_delta=delta, penalty="l2", alpha=alpha).fit(X, OUTLIERS)
    best = optimize.minimize(objective, np.zeros(4), ("huber", delta, alpha), "BFGS", tol=1e-10)
    np.testing.assert_allclose([*model.coef_, model.intercept_], best.x, rtol=1e-5, atol=1e-6)


def test_absolute_loss_has_the_minimum_that_linear_programming_finds():
    optimize = pytest.importorskip("scipy.optimize")
    n, p = X.shape
    # min Σ(u + v) with y = x·w + b + u - v, u and v at least 0
    design = np.column_stack([X, np.ones(n), np.eye(n), -np.eye(n)])
    costs = np.r_[np.zeros(p + 1), np.ones(2 * n)]
    bounds = [(None, None)] * (p + 1) + [(0, None)] * (2 * n)
    exact = optimize.linprog(costs, A_eq=design, b_eq=OUTLIERS, bounds=bounds)
    model = LinearRegression(loss="mae").fit(X, OUTLIERS)
    np.testing.assert_allclose([*model.coef_, model.intercept_], exact.x[: p + 1], rtol=1e-4, atol=1e-5)
    options = {"learning_rate": 0.01, "batch_size": None, "tol": 0.0, "max_iter": 4000, "random_state": 0}
    model = LinearRegression(solver="adam", loss="mae", **options).fit(X, OUTLIERS)
    np.testing.assert_allclose(model.history_["loss"][-1], exact.fun / n, rtol=1e-3)
    np.testing.assert_allclose([*model.coef_, model.intercept_], exact.x[: p + 1], atol=0.05)


@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 1.0, 1.0, 5.0]])
def test_the_absolute_loss_of_a_constant_is_least_at_the_median(weight):
    y = [1.0, 2.0, 10.0, 50.0, 100.0]
    model = LinearRegression(loss="mae").fit(np.zeros((5, 1)), y, weight)
    assert model.intercept_ == pytest.approx(10 if weight is None else 100, rel=1e-6)


@pytest.mark.filterwarnings("ignore:.*has not converged")  # Adam at a rate of ones own comes near
def test_outliers_move_least_squares_and_not_the_robust_losses():
    y = X @ [2.0, -1.0, 0.5] + 0.1 * np.random.default_rng(1).normal(size=80)
    wrong = y + np.where(np.arange(80) % 10 == 0, 100.0, 0.0)
    clean, plain = LinearRegression().fit(X, y).coef_, LinearRegression().fit(X, wrong).coef_
    options = {"solver": "adam", "learning_rate": 0.05, "batch_size": None, "max_iter": 2000, "tol": 1e-8}
    for loss in ("mae", "huber"):
        robust = LinearRegression(loss=loss, **options).fit(X, wrong).coef_
        assert np.linalg.norm(robust - clean) < 0.1 * np.linalg.norm(plain - clean)


@pytest.mark.parametrize("classes", [2, 3])
def test_newtons_hessian_is_that_of_autodiff(classes):
    random = np.random.default_rng(classes)
    outputs = 1 if classes == 2 else classes
    X, y, w = random.normal(size=(20, 4)), random.integers(classes, size=20), random.normal(size=(outputs, 4))
    model = SoftmaxRegression()

    def loss(flat):
        return model.criterion(tg.tensor(X) @ tg.reshape(flat, (outputs, 4)).T, y)

    curvature = second_derivatives(lambda logits: model.criterion(logits, y), X @ w.T)
    mine = hessian(X, curvature, np.zeros_like(w), [])
    np.testing.assert_allclose(mine, tg.hessian(loss)(tg.tensor(w.ravel())).numpy(), atol=1e-14)
