"""Sparse X: the models learn what they learn of the dense table, and scikit-learn's pipelines work as they are."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import models, nn
from tinygrad_ml.models import least_squares
from tinygrad_ml.models.design import SparseDesign, gram, largest_eigenvalue, row_squares, spread, standardised
from tinygrad_ml.models.newton import newton
from tinygrad_ml.sparse_matrix import SparseMatrix

sparse = pytest.importorskip("scipy.sparse")
rng = np.random.default_rng(0)
X = sparse.random_array((200, 30), density=0.15, rng=rng, format="csr")
TRUTH = X @ rng.normal(size=30) + 0.2 * rng.normal(size=200)
BINARY, CLASSES = (np.median(TRUTH) < TRUTH).astype(int), np.digitize(TRUTH, np.quantile(TRUTH, [0.3, 0.6]))
WEIGHT = rng.integers(0, 4, 200).astype(float)

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

# ---------------------------------------------------------------------- the same as of the dense table

CASES = [
    *(
        (models.LogisticRegression(solver=s, penalty="l2"), BINARY)
        for s in ("newton", "lbfgs", "sgd", "adagrad", "adam")
    ),
    *((models.LogisticRegression(solver=s, penalty="l1"), BINARY) for s in ("newton", "sgd")),
    *((models.SoftmaxRegression(solver=s), CLASSES) for s in ("newton", "lbfgs", "sgd")),
    (models.LogisticRegression(fit_intercept=False), BINARY),
    (models.LogisticRegression(learning_rate=0.1, solver="sgd", max_iter=20), BINARY),
    (models.LogisticRegression(early_stopping=True, max_iter=20), BINARY),
    (models.LogisticRegression(class_weight="balanced"), BINARY),
    (models.LinearRegression(), TRUTH),
    (models.LinearRegression(penalty="l2"), np.stack([TRUTH, 3 - TRUTH], axis=1)),
    (models.LinearRegression(penalty="elasticnet", alpha=0.01), TRUTH),
    (models.LinearRegression(solver="sgd"), TRUTH),
    (models.LinearRegression(loss="huber"), TRUTH),
    (models.LinearRegression(loss="huber", solver="sgd"), TRUTH),
    (models.LinearRegression(solver="sgd", learning_rate=0.05, max_iter=20), TRUTH),
    (models.LinearRegression(loss=nn.SmoothL1Loss(reduction="none"), max_iter=5), TRUTH),
    (models.Perceptron(max_iter=4), BINARY),
    (models.Perceptron(max_iter=4, shuffle=True), BINARY),
    (models.OneVsRest(), CLASSES),
    (models.OneVsRest(models.Perceptron(max_iter=3)), CLASSES),
    (models.OneVsRest(), np.stack([BINARY, 1 - BINARY, CLASSES > 0], axis=1).astype(int)),
    (models.OneVsRest(), np.stack([BINARY, 0 * BINARY], axis=1)),
    (models.LogisticRegression(), np.stack([BINARY, CLASSES > 0], axis=1).astype(int)),
    (models.OneVsOne(), CLASSES),
    (models.BinaryChain(), CLASSES),
    (models.MLPClassifier((8,), max_iter=4, tol=0), CLASSES),
    (models.MLPClassifier((8,), max_iter=4, tol=0, solver="sgd", batch_norm=True), BINARY),
    (models.MLPRegressor((8,), max_iter=4, tol=0), TRUTH),
]


def fitted(model, X, y, **weights):
    model = models.estimator.clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    return model.fit(X, y, **weights)


@pytest.mark.parametrize(("model", "y"), CASES, ids=[repr(model) for model, _ in CASES])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_model_learns_what_it_learns_of_the_dense_table(model, y, weighted):
    if weighted and (isinstance(model, models.Perceptron) or "Perceptron" in repr(model)):
        pytest.skip("a perceptron knows no weights")
    weights = {"sample_weight": WEIGHT} if weighted else {}
    one, other = fitted(model, X, y, **weights), fitted(model, X.toarray(), y, **weights)
    np.testing.assert_allclose(one._outputs(X), other._outputs(X.toarray()), rtol=1e-6, atol=1e-8)
    assert one.n_iter_ == other.n_iter_
    np.testing.assert_array_equal(one.predict(X).shape, other.predict(X.toarray()).shape)
    np.testing.assert_allclose(one.score(X, y), other.score(X.toarray(), y))


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_matrix", "coo_array"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, bool])
def test_every_format_and_dtype_gives_the_same(kind, dtype):
    counts = (X * 10).astype(dtype)
    model = models.LogisticRegression().fit(getattr(sparse, kind)(counts), BINARY)
    dense = models.LogisticRegression().fit(counts.toarray(), BINARY)
    np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-4, atol=1e-6)
    assert model.predict_proba(counts).dtype == dense.predict_proba(counts.toarray()).dtype
    np.testing.assert_array_equal(model.predict(getattr(sparse, kind)(counts)), dense.predict(counts.toarray()))


def test_partial_fit_and_validation_take_sparse_parts():
    one, other = models.LogisticRegression(random_state=0), models.LogisticRegression(random_state=0)
    for rows in (slice(0, 100), slice(100, 200)):
        one.partial_fit(X[rows], BINARY[rows], classes=[0, 1])
        other.partial_fit(X.toarray()[rows], BINARY[rows], classes=[0, 1])
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-8)
    model = models.MLPClassifier((4,), max_iter=3, random_state=0, tol=0)
    model.fit(X[:150], BINARY[:150], validation=(X[150:], BINARY[150:]), metrics=["accuracy"])
    assert len(model.history_["validation_accuracy"]) == 3


def test_constant_and_empty_columns_have_no_weight():
    table = X.toarray()
    table[:, 3], table[:, 7] = 0, 2.5
    one = models.LogisticRegression().fit(sparse.csr_array(table), BINARY)
    np.testing.assert_allclose(one.coef_, models.LogisticRegression().fit(table, BINARY).coef_, rtol=1e-6, atol=1e-10)
    assert abs(one.coef_[0, [3, 7]]).max() < 1e-10


def test_columns_that_are_far_from_zero_are_centred_without_loss():
    table = X.toarray()
    table[:, 0] = 1e6 + rng.normal(size=200)
    one = models.LinearRegression(solver="newton").fit(sparse.csr_array(table), TRUTH)
    other = models.LinearRegression(solver="newton").fit(table, TRUTH)
    np.testing.assert_allclose(one.predict(sparse.csr_array(table)), other.predict(table), rtol=1e-5, atol=1e-6)


def test_a_model_of_ones_own_says_that_it_takes_sparse_x():
    class Own(models.Classifier):
        def build(self, n_features, n_outputs):
            self.layer_ = nn.Linear(n_features, n_outputs)
            return self

        def forward(self, x):
            return self.layer_(x)

    with pytest.raises(TypeError, match="Own: X is a sparse matrix, and this model does not say that it takes one"):
        Own().fit(X, BINARY)
    Own.why_not_sparse = ""
    assert Own().fit(X, BINARY).predict(X).shape == (200,)


# ---------------------------------------------------------------------- the design


@pytest.mark.parametrize("offset", [0.0, 1e7])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHT / WEIGHT.mean()])
def test_the_sparse_design_is_the_dense_one(offset, bias, weight):
    table = X.toarray()
    table[:, 0] += offset
    table[:, 5] = 0
    pair = []
    for inputs in (SparseMatrix(sparse.csr_array(table)), table):
        mean, deviation = spread(inputs, weight, bias)
        scale = np.where(deviation > 0, deviation, 1)
        pair.append((mean, deviation, standardised(inputs, mean, scale, deviation == 0, bias, np.float64)))
    (mean, deviation, design), (dense_mean, dense_deviation, dense) = pair
    np.testing.assert_allclose(mean, dense_mean, rtol=1e-12)
    np.testing.assert_allclose(deviation, dense_deviation, rtol=1e-6, atol=1e-12)
    tolerance = {"rtol": 1e-6, "atol": 1e-6 if offset else 1e-10}
    np.testing.assert_allclose(design.toarray(), dense, **tolerance)
    theta, slope = rng.normal(size=(dense.shape[1], 3)), rng.normal(size=(3, 200))
    np.testing.assert_allclose(design @ theta, dense @ theta, **tolerance)
    np.testing.assert_allclose(design @ theta[:, 0], dense @ theta[:, 0], **tolerance)
    np.testing.assert_allclose(slope @ design, slope @ dense, **tolerance)
    np.testing.assert_allclose(slope[0] @ design, slope[0] @ dense, **tolerance)
    np.testing.assert_allclose(design[7:19] @ theta, dense[7:19] @ theta, **tolerance)
    for rows in (None, weight, np.linspace(-1, 1, 200)):
        np.testing.assert_allclose(gram(design, rows), gram(dense, rows), rtol=1e-6, atol=1e-5)
    if not offset:
        np.testing.assert_allclose(row_squares(design), row_squares(dense))
        np.testing.assert_allclose(largest_eigenvalue(design, weight), largest_eigenvalue(dense, weight), rtol=1e-6)


def test_the_largest_eigenvalue_of_many_columns_is_bounded():
    wide = sparse.random_array((80, 700), density=0.05, rng=rng, format="csr")
    design = SparseDesign(SparseMatrix(wide), np.zeros(700), np.ones(700), False)
    exact = np.linalg.eigvalsh(wide.toarray().T @ wide.toarray())[-1] / 80
    assert exact <= largest_eigenvalue(design) <= 1.2 * exact


# ---------------------------------------------------------------------- large ones


def wide_problem(rows=150, columns=260):
    random = np.random.default_rng(1)
    words = sparse.random_array((rows, columns), density=0.05, rng=random, format="csr")
    return words, words @ random.normal(size=columns) + 0.1 * random.normal(size=rows) + 2


@pytest.fixture
def always_large(monkeypatch):
    monkeypatch.setattr(least_squares, "SMALL", 0)


@pytest.mark.parametrize("penalty", [None, "l2"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("always_large")
def test_large_least_squares_reach_the_solution_of_the_normal_equation(penalty, intercept, weighted):
    words, y = wide_problem()
    weight = {"sample_weight": np.random.default_rng(2).integers(1, 4, len(y)).astype(float)} if weighted else {}
    make = lambda: models.LinearRegression(penalty=penalty, fit_intercept=intercept)
    one, other = make().fit(words, y, **weight), make().fit(words.toarray(), y, **weight)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-6, atol=1e-8)


@pytest.mark.usefixtures("always_large")
def test_robust_losses_of_large_sparse_x_take_gradient_steps():
    words, y = wide_problem()
    model = models.LinearRegression(loss="huber", penalty="l2").fit(words, y)
    assert model.score(words, y) > 0.5
    with pytest.raises(ValueError, match=r"solver='normal', loss='mae'.*make the sparse X dense; choose the .*'sgd'"):
        models.LinearRegression(loss="mae", solver="normal").fit(words, y)


def test_least_squares_that_are_too_hard_say_so(monkeypatch):
    monkeypatch.setattr(least_squares, "SMALL", 0)
    monkeypatch.setattr(least_squares, "ITERATIONS", 0)
    words, y = wide_problem(300, 60)
    words = sparse.csr_array(words.multiply(10.0 ** np.random.default_rng(0).uniform(-9, 9, 60)))
    with pytest.warns(match=r"LSMR has not converged in \d+ iterations: features .* different sizes"):
        models.LinearRegression().fit(words, y)


def test_fifty_thousand_words_are_learned_in_little_memory():
    import tracemalloc

    random = np.random.default_rng(0)
    words = sparse.random_array((3000, 50_000), density=0.0005, rng=random, format="csr")
    y = words @ random.normal(size=50_000) > 0
    tracemalloc.start()
    model = models.LogisticRegression().fit(words, y)
    assert tracemalloc.get_traced_memory()[1] < 60e6  # dense, it would have 1.2 GB
    tracemalloc.stop()
    assert model.score(words, y) > 0.9


def test_newtons_hessian_of_sparse_columns_needs_no_dense_table():
    import tracemalloc

    random = np.random.default_rng(0)
    words = sparse.random_array((40_000, 100), density=0.01, rng=random, format="csr")
    y = (words @ random.normal(size=100) > 0).astype(int)
    model = models.LogisticRegression(solver="newton").build(100, 1)
    model.history_ = tg.train.History()
    tracemalloc.start()
    newton(model, SparseMatrix(words), y, None)
    assert tracemalloc.get_traced_memory()[1] < 16e6  # dense, it would have 32 MB
    tracemalloc.stop()


# ---------------------------------------------------------------------- scikit-learn

TEXTS = [
    "free prize call now",
    "win cash now free",
    "call to claim your free prize",
    "are you home tonight",
    "see you at lunch",
    "call me when you are home",
] * 8
SPAM = ["spam", "spam", "spam", "ham", "ham", "ham"] * 8


def text_model(model):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    return [
        make_pipeline(vectorizer(), models.estimator.clone(model)) for vectorizer in (TfidfVectorizer, CountVectorizer)
    ]


CLASSIFIERS = [
    models.LogisticRegression(),
    models.SoftmaxRegression(),
    models.Perceptron(),
    models.OneVsRest(),
    models.MLPClassifier((4,), learning_rate=0.03, max_iter=60, random_state=0),
]


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_text_pipelines_fit_predict_score_and_validate(model):
    pytest.importorskip("sklearn")
    from sklearn.model_selection import cross_val_predict, cross_val_score

    for pipeline in text_model(model):
        pipeline.fit(TEXTS, SPAM)
        assert pipeline.score(TEXTS, SPAM) == 1.0
        assert pipeline.predict(["free cash", "see you tonight"]).tolist() == ["spam", "ham"]
        if hasattr(model, "predict_proba"):
            np.testing.assert_allclose(pipeline.predict_proba(TEXTS).sum(axis=1), 1, rtol=1e-6)
        assert cross_val_score(pipeline, TEXTS, SPAM, cv=4).mean() > 0.9
        assert cross_val_predict(pipeline, TEXTS, SPAM, cv=3).shape == (48,)


def test_a_grid_search_over_a_text_pipeline():
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV

    for pipeline in text_model(models.LogisticRegression()):
        grid = {"logisticregression__C": [0.01, 1.0, 100.0]}
        search = GridSearchCV(pipeline, grid, cv=3, scoring="roc_auc", n_jobs=1).fit(TEXTS, SPAM)
        assert search.best_score_ > 0.9
        assert search.predict(["free prize"]) == ["spam"]


@pytest.mark.parametrize("Model", [models.LinearRegression, models.MLPRegressor])
def test_one_hot_columns_of_a_frame_beside_numbers(Model):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder

    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"town": random.choice(list("abcdefgh"), 300), "area": random.uniform(50, 150, 300)})
    price = 3 * frame["area"] + 40 * frame["town"].map("abcdefgh".index) + random.normal(0, 1, 300)
    columns = ColumnTransformer(
        [("town", OneHotEncoder(), ["town"]), ("area", MaxAbsScaler(), ["area"])], sparse_threshold=1.0
    )
    options = (
        {"hidden_layer_sizes": (16,), "learning_rate": 0.05, "random_state": 0} if Model is models.MLPRegressor else {}
    )
    pipeline = make_pipeline(columns, Model(**options))
    assert sparse.issparse(columns.fit_transform(frame))
    assert cross_val_score(pipeline, frame, price, cv=3).min() > 0.95


def test_the_coefficients_are_those_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = models.LogisticRegression(C=2.0, tol=1e-8).fit(X, BINARY)
        theirs = linear_model.LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(X, BINARY)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
        ridge = linear_model.Ridge(alpha=1.0, solver="sparse_cg", tol=1e-12).fit(X, TRUTH)
        np.testing.assert_allclose(models.LinearRegression(penalty="l2").fit(X, TRUTH).coef_, ridge.coef_, rtol=1e-5)
