"""Locally weighted regression: least squares for each query, with the weights of its neighbourhood."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression, LocallyWeightedRegression
from tinygrad_ml.models.estimator import clone

random = np.random.default_rng(0)
x = np.sort(random.uniform(0, 6, 60)).reshape(-1, 1)
y = np.sin(x[:, 0]) + 0.1 * random.normal(size=60)
QUERIES = np.linspace(0.5, 5.5, 31).reshape(-1, 1)
X = random.normal(size=(80, 3))
Y = np.column_stack([X @ [1.0, 2.0, 3.0], X[:, 0] ** 2])
WEIGHT = random.uniform(0.1, 2.0, 80)


def gaussian(u):
    return np.exp(-(u**2) / 2)


def triangle(u):
    return tg.maximum(1 - u, 0)


def by_least_squares(X, y, queries, tau, degree=1, kernel=gaussian, weight=1.0):
    """The definition: for each query the constant term of a weighted fit, in the distance from the query."""
    predictions = []
    for query in queries:
        difference = X - query
        root = np.sqrt(kernel(np.linalg.norm(difference, axis=1) / tau) * weight)[:, None]
        terms = [np.ones((len(X), 1)), *(difference**k for k in range(1, degree + 1))]
        design = np.concatenate(terms, axis=1)
        predictions.append(np.linalg.lstsq(design * root, y.reshape(len(y), -1) * root, rcond=None)[0][0])
    return np.array(predictions)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("tau", [0.2, 0.5, 1.0, 100.0])
def test_predictions_are_those_of_weighted_least_squares(degree, tau):
    model = LocallyWeightedRegression(tau, degree=degree).fit(x, y)
    wanted = by_least_squares(x, y, QUERIES, tau, degree)[:, 0]
    np.testing.assert_allclose(model.predict(QUERIES), wanted, rtol=1e-9, atol=1e-11)


def test_several_features_and_outputs_and_weights():
    model = LocallyWeightedRegression(1.0).fit(X, Y, WEIGHT)
    wanted = by_least_squares(X, Y, X[:9], 1.0, weight=WEIGHT)
    np.testing.assert_allclose(model.predict(X[:9]), wanted, rtol=1e-9, atol=1e-12)
    assert model.slopes(X[:9]).shape == (9, 2, 3)
    assert model.weights(X[:9]).shape == (9, 80)


def test_a_polynomial_of_the_degree_is_followed_exactly():
    product = X[:, 0] * X[:, 1] - X[:, 2] ** 2
    model = LocallyWeightedRegression(0.8, degree=2).fit(X, product)
    queries = random.normal(size=(5, 3))
    np.testing.assert_allclose(model.predict(queries), queries[:, 0] * queries[:, 1] - queries[:, 2] ** 2, atol=1e-8)


@pytest.mark.parametrize("tau", [np.inf, 1e9])
def test_a_wide_bandwidth_is_least_squares(tau):
    for data, target in ((x, y), (X, Y)):
        plain = LinearRegression().fit(data, target)
        model = LocallyWeightedRegression(tau).fit(data, target)
        np.testing.assert_allclose(model.predict(3 * data), plain.predict(3 * data), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(model.slopes(data[:1])[0], plain.coef_, rtol=1e-8)


def test_a_small_bandwidth_follows_the_curve_and_a_smaller_one_every_example():
    errors = [
        np.sqrt(np.mean((LocallyWeightedRegression(tau).fit(x, y).predict(QUERIES) - np.sin(QUERIES[:, 0])) ** 2))
        for tau in (0.3, 1e6)
    ]
    assert errors[0] < 0.1 < 0.3 < errors[1]
    np.testing.assert_allclose(LocallyWeightedRegression(1e-6).fit(x, y).predict(x), y, atol=1e-9)


@pytest.mark.parametrize("tau", [1e-300, 1e-160, 1e-20, 1e-3])
@pytest.mark.parametrize("kernel", ["gaussian", lambda u: tg.exp(-u * u / 2), triangle])
def test_where_all_weights_underflow_the_nearest_examples_decide(tau, kernel):
    model = LocallyWeightedRegression(tau, kernel=kernel).fit([[0.0], [1.0], [1.0], [5.0]], [1.0, 2.0, 4.0, 9.0])
    np.testing.assert_allclose(model.predict([[-30.0], [1.001], [6e8]]), [1.0, 3.0, 9.0], rtol=1e-9)


@pytest.mark.parametrize("tau", [1e-200, 1e-3, 0.3, 1e5, np.inf])
@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("data", [x, np.full((60, 1), 2.0), 1e6 + x], ids=["x", "constant x", "far"])
def test_constant_data_give_the_constant_everywhere(tau, degree, data):
    model = LocallyWeightedRegression(tau, degree=degree).fit(data, np.full(60, 7.1))
    np.testing.assert_array_equal(model.predict([[-1e3], [2.2], [1e7]]), 7.1)


def test_one_example_is_enough():
    model = LocallyWeightedRegression(0.1, degree=2).fit([[1.0, 2.0]], [3.0])
    np.testing.assert_array_equal(model.predict([[0.0, 0.0], [9.0, 9.0]]), 3.0)


def test_a_kernel_of_ones_own():
    model = LocallyWeightedRegression(0.5, kernel=triangle).fit(x, y)
    wanted = by_least_squares(x, y, QUERIES, 0.5, kernel=lambda u: np.maximum(1 - u, 0))[:, 0]
    np.testing.assert_allclose(model.predict(QUERIES), wanted, rtol=1e-9, atol=1e-11)
    window = LocallyWeightedRegression(0.5, kernel=lambda u: u < 1).fit(x, y)
    wanted = by_least_squares(x, y, QUERIES, 0.5, kernel=lambda u: u < 1)[:, 0]
    np.testing.assert_allclose(window.predict(QUERIES), wanted, rtol=1e-9, atol=1e-11)
    of_numpy = LocallyWeightedRegression(0.5, kernel=lambda u: np.exp(-u * u / 2)).fit(x, y)
    np.testing.assert_allclose(of_numpy.predict(QUERIES), LocallyWeightedRegression(0.5).fit(x, y).predict(QUERIES))


def test_the_slopes_are_those_of_the_local_lines():
    model = LocallyWeightedRegression(0.5).fit(x, y)
    for query, slope, value in zip(QUERIES[::5], model.slopes(QUERIES[::5])[:, 0], model.predict(QUERIES[::5])):
        weight = gaussian(abs(x[:, 0] - query) / 0.5)
        line = LinearRegression().fit(x, y, weight)
        assert slope == pytest.approx(line.coef_[0], rel=1e-8)
        assert value == pytest.approx(line.predict([query])[0], rel=1e-8)
        np.testing.assert_allclose(model.weights([query])[0], weight / weight.max(), rtol=1e-8)


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("kernel", ["gaussian", lambda u: 1 / (1 + u * u)])
def test_gradients(gradcheck, degree, kernel):
    model = LocallyWeightedRegression(0.7, degree=degree, kernel=kernel).fit(X[:30], Y[:30])
    assert gradcheck(model, X[40:43])
    assert gradcheck(model, X[:2])  # at examples, where the distance has no derivative
    assert gradcheck(lambda q: model.criterion(model(q), Y[40:43]), X[40:43])


def test_it_can_be_drawn_saved_and_copied():
    model = LocallyWeightedRegression(0.4).fit(x, y)
    assert "LocallyWeightedRegression" in str(tg.graph.trace(model, QUERIES[:2]))
    for other in (pickle.loads(pickle.dumps(model)), clone(model).fit(x, y)):
        np.testing.assert_array_equal(other.predict(QUERIES), model.predict(QUERIES))
    other = LocallyWeightedRegression(0.4).build(1)
    assert other.predict([[3.0]]) == 0
    assert "0 weights" in model._repr_html_()


def test_many_queries_are_answered_in_pieces():
    model = LocallyWeightedRegression(0.4).fit(x, y)
    queries = np.linspace(0, 6, 1000).reshape(-1, 1)
    np.testing.assert_allclose(model._outputs(queries, batch_size=7), model._outputs(queries), rtol=1e-12)


def test_single_precision_stays():
    model = LocallyWeightedRegression(0.4).fit(x.astype(np.float32), y)
    predicted = model.predict(QUERIES.astype(np.float32))
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, LocallyWeightedRegression(0.4).fit(x, y).predict(QUERIES), atol=1e-5)


def test_a_search_chooses_the_bandwidth():
    selection = pytest.importorskip("sklearn.model_selection")
    grid = {"tau": [0.01, 0.3, np.inf], "degree": [0, 1]}
    folds = selection.KFold(5, shuffle=True, random_state=0)
    search = selection.GridSearchCV(LocallyWeightedRegression(), grid, cv=folds).fit(x, y)
    assert search.best_params_["tau"] == 0.3
    assert search.best_score_ > 0.95


def test_a_frame_with_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = LocallyWeightedRegression(1.0).fit(frame, Y[:, 0])
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[["c", "b", "a"]])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LocallyWeightedRegression(0), r"LocallyWeightedRegression\(tau=0\): tau must be a number above 0"),
        (LocallyWeightedRegression(-1.0), "tau must be a number above 0"),
        (LocallyWeightedRegression(np.nan), "tau must be"),
        (LocallyWeightedRegression(degree=-1), "degree must be a whole number of at least 0"),
        (LocallyWeightedRegression(degree=1.0), "degree must be a whole number"),
        (LocallyWeightedRegression(kernel="tricube"), "kernel must be 'gaussian', or a function from the scaled"),
        (LocallyWeightedRegression(kernel=0.3), "kernel must be"),
        (LocallyWeightedRegression(degree=20), r"the local polynomials of 3 features have 1770 terms"),
    ],
    ids=repr,
)
def test_wrong_hyperparameters(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("kernel", "what"),
    [
        (lambda u: 1 - u, "negative or not finite entries"),
        (lambda u: u * np.nan, "negative or not finite entries"),
        (lambda u: u.sum(axis=1), r"its result has shape \(2,\)"),
    ],
)
def test_a_wrong_kernel_is_explained(kernel, what):
    model = LocallyWeightedRegression(kernel=kernel).fit(X, Y)
    with pytest.raises(
        ValueError, match=rf"weights of at least 0 in the shape .*\(queries, samples\) = \(2, 80\).*{what}"
    ):
        model.predict(X[:2])


def test_what_it_cannot_do_is_explained():
    with pytest.raises(ValueError, match="LocallyWeightedRegression takes no gradient steps, which steps= is for"):
        LocallyWeightedRegression().fit(X, Y, steps=3)
    with pytest.raises(ValueError, match="local constants have no slopes"):
        LocallyWeightedRegression(degree=0).fit(X, Y).slopes(X)
    with pytest.raises(ValueError, match="is not fitted yet"):
        LocallyWeightedRegression().weights(X)


def test_a_state_may_have_any_number_of_examples():
    model, other = LocallyWeightedRegression(0.4).fit(x, y), LocallyWeightedRegression(0.4).fit(x[:5], y[:5])
    before = other.predict(QUERIES)
    with pytest.raises(ValueError, match="wrong shape: y_train_"):
        other.load_state_dict(model.state_dict() | {"y_train_": np.zeros((60, 2))})
    np.testing.assert_array_equal(other.predict(QUERIES), before)
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other.predict(QUERIES), model.predict(QUERIES))
