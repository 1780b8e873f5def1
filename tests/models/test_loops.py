"""Loops in C compute what NumPy does."""

import numpy as np
import pytest

from tinygrad_ml import nn
from tinygrad_ml.models import LinearSVM, Perceptron, loops, margin
from tinygrad_ml.native import build
from tinygrad_ml.random import default_generator, seeded
from tinygrad_ml.sparse_matrix import SparseMatrix

random = np.random.default_rng(0)
WHOLE = random.integers(-3, 4, (2500, 7)).astype(float)  # whose sums are exact, also of exactly 0
LABELS = (WHOLE @ [1, -2, 3, 0, 1, 2, -1] > 2) ^ (random.random(2500) < 0.02)
MANY = random.normal(size=(600, 67))  # columns that fill no vector


@pytest.fixture(params=["compiler", "none"])
def compiled(request, monkeypatch):
    """With the compiler of the system, and with one that fails."""
    if request.param == "none":

        def fails(source):
            raise build.CannotCompile("no C compiler")

        monkeypatch.setattr(build, "library", fails)
        monkeypatch.setattr(loops, "functions", loops.functions.__wrapped__)
    elif loops.functions(np.dtype(float)) is None:
        pytest.skip("no C compiler")
    return request.param == "compiler"


def one_after_the_other(X, labels, orders, rate, bias=True):
    """Return the mistakes, the weights and the bias, by the rule as it is written in textbooks."""
    w, b, mistakes = np.zeros(X.shape[1], X.dtype), X.dtype.type(0), []
    for order in orders:
        for i in order:
            if (X[i] @ w + b >= 0) != labels[i]:
                step = X.dtype.type(rate if labels[i] else -rate)
                w, b, mistakes = w + step * X[i], b + step * bias, [*mistakes, i]
    return mistakes, w, b


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_a_perceptron_makes_the_mistakes_of_the_rule(compiled, dtype, bias):
    X = np.asfortranarray(WHOLE.astype(dtype))
    assert (loops.loops_of(X) is not None) == compiled
    model = Perceptron(max_iter=3, fit_intercept=bias, learning_rate=0.5).fit(X, LABELS)
    mistakes, w, b = one_after_the_other(X, LABELS, [range(2500)] * 3, 0.5, bias)
    assert model.mistakes_ == mistakes
    assert model.coef_.dtype == dtype
    np.testing.assert_array_equal(model.coef_[0], w)
    assert model.intercept_[0] == b


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_a_perceptron_looks_at_shuffled_samples_in_their_order(compiled):
    model = Perceptron(max_iter=3, shuffle=True, random_state=3).fit(MANY, MANY[:, 0] > 0.3)
    order, orders = np.arange(600), []
    with seeded(3):
        nn.Linear(67, 1)  # which draws its first weights
        for _ in range(3):
            default_generator().shuffle(order)
            orders.append(order.copy())
    mistakes, w, b = one_after_the_other(MANY, MANY[:, 0] > 0.3, orders, 1.0)
    assert model.mistakes_ == mistakes
    np.testing.assert_allclose(model.coef_[0], w, rtol=1e-12)
    assert model.intercept_[0] == b


def test_a_pass_goes_on_from_the_last(compiled):
    model = Perceptron()
    for _ in range(2):
        model.partial_fit(WHOLE, LABELS, classes=[False, True])
    mistakes, w, _ = one_after_the_other(WHOLE, LABELS, [range(2500)] * 2, 1.0)
    assert model.mistakes_ == mistakes
    np.testing.assert_array_equal(model.coef_[0], w)


def test_small_and_sparse_tables_are_left_to_numpy():
    scipy = pytest.importorskip("scipy.sparse")
    assert loops.loops_of(WHOLE[:100]) is None
    assert loops.loops_of(SparseMatrix(scipy.csr_array(WHOLE))) is None


def test_mistakes_are_not_looked_through_for_parameters():
    model = Perceptron(max_iter=2000).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    assert "mistakes_" not in dict(model.attributes())
    assert [name for name, _ in model.named_parameters()] == ["linear_.weight", "linear_.bias"]


# ---------------------------------------------------------------------- the hinge


OPTIONS = {
    "C": {"C": 100.0},
    "wide": {"intercept_scaling": 30.0},
    "free": {"intercept_scaling": np.inf},
    "none": {"class_weight": {0: 0.0, 1: 1.0}},
}


def parts(name):
    """Return features, classes, weights and the hyperparameters of a model."""
    random = np.random.default_rng(5)
    X = random.normal(size=(700, 20)) * np.geomspace(0.1, 10, 20)
    y = (X @ random.normal(size=20) + 2 * random.normal(size=700) > 0.5).astype(int)
    weight = random.integers(1, 5, 700).astype(float) if name == "weighted" else None
    if name == "repeated":  # more samples on the margin than tell where it is
        X, y = np.repeat(X[:100], 7, axis=0), np.repeat(y[:100], 7)
    if name == "classes":
        y = np.digitize(X[:, -1], [-5, 5])
    if name == "separable":
        X = X[abs(X[:, -1]) > 1]
        y = (X[:, -1] > 0).astype(int)
    return X, y, weight, OPTIONS.get(name, {})


@pytest.mark.parametrize("name", ["plain", "weighted", "repeated", "classes", "separable", "C", "wide", "free"])
def test_a_support_vector_machine_is_at_the_minimum(compiled, name):
    X, y, weight, options = parts(name)
    model = LinearSVM(**options).fit(X, y, weight)
    exact = LinearSVM(**options, solver="interior_point").fit(X, y, weight)
    size = X.std(axis=0)
    np.testing.assert_allclose(model.coef_ * size, exact.coef_ * size, atol=1e-6 * abs(exact.coef_ * size).max())
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=1e-6)
    assert model.history_.stopped == "Newton's method has converged."


def test_the_samples_on_the_margin_are_found_one_by_one(monkeypatch):
    if loops.functions(np.dtype(float)) is None:
        pytest.skip("no C compiler")
    X, y, _, _ = parts("plain")
    X /= X.std(axis=0)
    found = LinearSVM(C=0.1).fit(X, y)

    def never(self, *given):
        raise AssertionError("Newton's method was needed")

    monkeypatch.setattr(margin.Descent, "go", never)
    np.testing.assert_array_equal(LinearSVM(C=0.1).fit(X, y).coef_, found.coef_)
    exact = LinearSVM(C=0.1, solver="interior_point").fit(X, y)
    np.testing.assert_allclose(found.coef_, exact.coef_, atol=1e-8)


def test_samples_that_count_nothing_hold_nothing(monkeypatch):
    X, y, _, _ = parts("plain")
    model = LinearSVM(class_weight={0: 0.0, 1: 1.0}).fit(X, y)
    assert (model.decision_function(X[y == 1]) > 0).all()
    monkeypatch.setattr(margin, "loops_of", lambda design: None)
    np.testing.assert_array_equal(LinearSVM(class_weight={0: 0.0, 1: 1.0}).fit(X, y).coef_, model.coef_)


def test_products_of_weights_that_change_are_those_of_all():
    X = random.normal(size=(300, 6))
    products, weight = margin.Products(X), np.ones(300)
    for share in (0.0, 0.1, 0.02, 0.9, 1.0):
        weight = np.where(random.random(300) < share, random.choice([0.0, 1.0, 2.0], 300), weight)
        np.testing.assert_allclose(products.of(weight), X.T @ (X * weight[:, None]), atol=1e-11)
