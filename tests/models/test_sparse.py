"""Sparse X: the models learn what they learn of the dense table, and scikit-learn's pipelines work as they are."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import models, nn
from tinygrad_ml.models import elastic_net, hinge, least_squares, pca, ridge
from tinygrad_ml.models import newton as newton_module
from tinygrad_ml.models.design import (
    SparseDesign,
    column_sizes,
    column_squares,
    gram,
    largest_eigenvalue,
    row_squares,
    spread,
    standardised,
)
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


# ---------------------------------------------------------------------- every model, every kind of sparse matrix

QUICK = {"max_iter": 3, "random_state": 0, "tol": 0}
LABELS = np.stack([BINARY, CLASSES > 0, CLASSES > 1], axis=1).astype(int)
POSITIVE = np.exp(TRUTH / 3)
TAKERS = {
    "BaselineClassifier": [(models.BaselineClassifier(), CLASSES)],
    "BaselineRegressor": [(models.BaselineRegressor(), TRUTH)],
    "BinaryChain": [(models.BinaryChain(), CLASSES), (models.BinaryChain(models.LinearSVM()), CLASSES)],
    "ClassifierChain": [
        *((models.ClassifierChain(chain_method=c), LABELS) for c in ("predict", "predict_proba", "decision_function")),
        (models.ClassifierChain(models.LinearSVM()), LABELS),
    ],
    "ElasticNet": [(models.ElasticNet(0.01), TRUTH)],
    "ElasticNetCV": [(models.ElasticNetCV(l1_ratio=[0.5, 0.9], alphas=5), TRUTH)],
    "Lasso": [(models.Lasso(0.01), TRUTH)],
    "LassoCV": [(models.LassoCV(alphas=5, cv=3), TRUTH)],
    "LinearRegression": [
        (models.LinearRegression(), TRUTH),
        (models.LinearRegression(loss="mae"), TRUTH),
        (models.LinearRegression(solver="sgd", penalty="l2", random_state=0), TRUTH),
    ],
    "LinearSVM": [
        (models.LinearSVM(), CLASSES),
        (models.LinearSVM(intercept_scaling=np.inf), BINARY),
        (models.LinearSVM(loss="squared_hinge"), CLASSES),
        (models.LinearSVM(loss="squared_hinge", solver="lbfgs"), BINARY),
        (models.LinearSVM(solver="sgd", max_iter=5, random_state=0), BINARY),
    ],
    "LogisticRegression": [
        (models.LogisticRegression(solver=s, random_state=0), BINARY) for s in ("newton", "lbfgs", "sgd")
    ],
    "MLPClassifier": [(models.MLPClassifier((4,), **QUICK), CLASSES)],
    "MLPRegressor": [(models.MLPRegressor((4,), **QUICK), TRUTH)],
    "MultiHeadMLP": [(models.MultiHeadMLP((4,), heads={"a": "classes"}, **QUICK), {"a": CLASSES})],
    "OneVsOne": [(models.OneVsOne(), CLASSES), (models.OneVsOne(models.LinearSVM()), CLASSES)],
    "OneVsRest": [(models.OneVsRest(), CLASSES), (models.OneVsRest(models.Perceptron(max_iter=2)), CLASSES)],
    "PCA": [(models.PCA(3), None), (models.PCA(3, svd_solver="randomized", random_state=0), None)],
    "Perceptron": [(models.Perceptron(max_iter=3), BINARY)],
    "PoissonRegression": [(models.PoissonRegression(), POSITIVE)],
    "Ridge": [(models.Ridge(), TRUTH)],
    "RidgeCV": [(models.RidgeCV(), TRUTH), (models.RidgeCV(cv=3), np.stack([TRUTH, -TRUTH], axis=1))],
    "SoftmaxRegression": [
        (models.SoftmaxRegression(), CLASSES),
        (models.SoftmaxRegression(sampled=2, **QUICK), np.arange(200) % 10),
        (models.SoftmaxRegression(sampled=2, solver="sgd", penalty=None, **QUICK), np.arange(200) % 10),
        (models.SoftmaxRegression(sampled=2, learning_rate=0.1, **QUICK), np.arange(200) % 10),
    ],
}
REFUSERS = {
    "CharRNN": "the order of words",
    "ConvNet": "a convolution needs all pixels",
    "DenoisingAutoencoder": "an image has all its pixels",
    "EmbeddingClassifier": "MLPClassifier takes one-hot columns",
    "EmbeddingRegressor": "MLPRegressor takes one-hot columns",
    "LocallyWeightedRegression": "the distances between samples",
    "PolynomialRegression": "tg.features.Polynomial keeps it sparse",
    "Word2Vec": "the order of words",
}
BASES = {"Classifier", "Model", "Regressor"}
CASES_OF_TAKERS = [case for cases in TAKERS.values() for case in cases]


def odd(X, kind):
    """Return a matrix in a format, in its memory as odd as that may be, and the table that it is."""
    table = X.toarray()
    table[[5, 17]] = 0  # rows without an entry
    if kind == "shuffled":  # entries in any order, some listed twice, some zero
        rows, columns = table.nonzero()
        halves = table[rows, columns] / 2
        rows = np.concatenate([rows, rows, [0, 5, 199]])
        columns = np.concatenate([columns, columns, [29, 0, 7]])
        entries, order = np.concatenate([halves, halves, np.zeros(3)]), rng.permutation(len(rows))
        by_row = order[np.argsort(rows[order], kind="stable")]
        ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=200))])
        return sparse.csr_array((entries[by_row], columns[by_row], ends), (200, 30)), table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sparse.SparseEfficiencyWarning)  # of very many diagonals
        matrix = getattr(sparse, kind.removesuffix("64"))(table)
    if kind.endswith("64"):
        matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix, table


KINDS = [f"{format}_{what}" for format in ("csr", "csc") for what in ("matrix", "array")]
KINDS += ["csr_array64", "shuffled", "coo_matrix", "coo_array", "lil_array", "dok_array", "bsr_array", "dia_array"]


def test_every_model_takes_sparse_x_or_refuses_it_by_name():
    assert {*TAKERS, *REFUSERS, *BASES} == set(models.__all__)


def outputs(model, X):
    return model.transform(X) if isinstance(model, models.PCA) else model._outputs(X)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("model", "y"), CASES_OF_TAKERS, ids=[repr(model) for model, _ in CASES_OF_TAKERS])
def test_every_kind_of_matrix_gives_what_the_table_gives(model, y, kind):
    matrix, table = odd(X, kind)
    one, other = models.estimator.clone(model), models.estimator.clone(model)
    options = {"rtol": 1e-10, "atol": 1e-10}
    given = [part.copy() for part in (matrix.data, matrix.indices)] if kind == "shuffled" else []
    if y is None or "Baseline" in repr(model):
        one.fit(matrix, y)
        other.fit(table, y)
    else:
        weight = {} if "Perceptron" in repr(model) else {"sample_weight": WEIGHT}
        one.fit(matrix, y, **weight)
        other.fit(table, y, **weight)
    if "Baseline" in repr(model):
        np.testing.assert_array_equal(one.predict(matrix), other.predict(table))
        return
    np.testing.assert_allclose(outputs(one, matrix), outputs(other, table), **options)
    if kind == "shuffled":
        for before, after in zip(given, (matrix.data, matrix.indices)):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.int8, bool])
@pytest.mark.parametrize(("model", "y"), CASES_OF_TAKERS, ids=[repr(model) for model, _ in CASES_OF_TAKERS])
def test_every_dtype_gives_what_the_table_gives(model, y, dtype):
    if "Baseline" in repr(model):
        pytest.skip("it does not look at X")
    counts = (X * 10).astype(dtype)
    one, other = models.estimator.clone(model).fit(counts, y), models.estimator.clone(model).fit(counts.toarray(), y)
    a, b = outputs(one, counts), outputs(other, counts.toarray())
    assert a.dtype == b.dtype
    # sums of another order: L-BFGS ends where a step would change a 1e-5 of the coefficients
    near = 2e-3 if dtype == np.float32 else 1e-7 if model.get_params().get("solver") == "lbfgs" else 1e-9
    np.testing.assert_allclose(a, b, rtol=near, atol=near * max(1, abs(b).max()))


@pytest.mark.parametrize(("name", "reason"), REFUSERS.items())
def test_what_has_no_meaning_is_refused_with_a_reason(name, reason):
    with pytest.raises(TypeError, match=f"{name}: X is a sparse matrix, and .*{reason}"):
        getattr(models, name)().fit(X, CLASSES)


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


def test_frames_of_sparse_columns_are_sparse_x():
    pandas = pytest.importorskip("pandas")
    counts = sparse.csr_matrix((X * 10).astype(np.int64))
    frame = pandas.DataFrame.sparse.from_spmatrix(counts, columns=[f"word{i}" for i in range(30)])
    model = models.LogisticRegression().fit(frame, BINARY)
    other = models.LogisticRegression().fit(counts, BINARY)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-12)
    assert model.feature_names_in_[3] == "word3"
    np.testing.assert_array_equal(model.predict(frame), other.predict(counts))
    scaled = tg.features.Scale("max-abs").fit_transform(frame)
    np.testing.assert_allclose(scaled.toarray(), tg.features.Scale("max-abs").fit_transform(counts.toarray()))
    (x,) = next(iter(tg.data.DataLoader(frame, batch_size=5)))
    np.testing.assert_array_equal(x.numpy().toarray(), counts[:5].toarray())
    frame["size"] = 1.5  # among others it is a column of a dense table
    model.fit(frame, BINARY)
    assert model.coef_.shape == (1, 31)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, np.float32, np.float64])
@pytest.mark.parametrize("compile", [False, True])
def test_fit_by_hand_takes_counts_of_any_dtype(dtype, compile):
    counts, found = (X * 10).astype(dtype), []
    for data in (counts, counts.toarray().astype(np.float64)):
        tg.manual_seed(0)
        network = nn.Sequential(nn.Linear(30, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = tg.optim.Adam(network.parameters(), lr=0.01)
        history = tg.train.fit(
            network,
            nn.functional.cross_entropy,
            optimizer,
            (data, CLASSES),
            validation=(data, CLASSES),
            metrics=["accuracy"],
            epochs=3,
            compile=compile,
            progress=False,
        )
        found.append([history["loss"], history["validation_loss"], history["validation_accuracy"]])
    np.testing.assert_allclose(*found, rtol=1e-3)


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
    features, share = dense[:, :30], np.linspace(0, 1, 200)
    np.testing.assert_allclose(design.kernel(), dense @ dense.T, rtol=1e-6, atol=1e-5 if offset else 1e-10)
    np.testing.assert_allclose(design.columns(np.array([7, 0])).toarray(), features[:, [7, 0]], **tolerance)
    np.testing.assert_allclose(column_sizes(design, share), column_sizes(dense, share), rtol=1e-6, atol=1e-6)
    if not offset:
        np.testing.assert_allclose(column_squares(design, share), column_squares(dense, share), rtol=1e-9)
    for rows in (None, weight, np.linspace(-1, 1, 200)):
        np.testing.assert_allclose(gram(design, rows), gram(dense, rows), rtol=1e-6, atol=1e-5)
    if not offset:
        np.testing.assert_allclose(row_squares(design), row_squares(dense))
        np.testing.assert_allclose(largest_eigenvalue(design, weight), largest_eigenvalue(dense, weight), rtol=1e-6)


@pytest.mark.parametrize("size", [1e-190, 1e-160, 1e160])
@pytest.mark.parametrize("weight", [None, WEIGHT / WEIGHT.mean()])
def test_spreads_of_entries_whose_squares_are_out_of_range(size, weight):
    table = X.toarray()
    table[:, 3] *= size
    with np.errstate(over="ignore", invalid="ignore"):  # as fits have it
        found, wanted = spread(SparseMatrix(sparse.csr_array(table)), weight, True), spread(table, weight, True)
    np.testing.assert_allclose(found.mean, wanted.mean, rtol=1e-12)
    np.testing.assert_allclose(found.deviation, wanted.deviation, rtol=1e-12)


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


@pytest.fixture
def all_large(monkeypatch):
    for module in (least_squares, ridge, elastic_net, hinge):
        monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(pca, "DENSE", 0)
    monkeypatch.setattr(elastic_net, "NARROW", 0)
    monkeypatch.setattr(newton_module, "MANY", 1)


LARGE = [
    models.RidgeCV(alphas=[0.1, 1.0, 10.0]),
    models.RidgeCV(fit_intercept=False),
    models.RidgeCV(cv=3),
    models.LassoCV(alphas=8),
    models.ElasticNetCV(l1_ratio=[0.5, 0.9], alphas=5, cv=3, fit_intercept=False),
    models.Lasso(0.02),
    models.ElasticNet(0.02, fit_intercept=False),
    models.LinearSVM(),
    models.LinearSVM(C=0.1, intercept_scaling=np.inf),
    models.LinearSVM(solver="interior_point"),
    models.LinearSVM(loss="squared_hinge", solver="newton"),
    models.LinearSVM(loss="squared_hinge", solver="newton", intercept_scaling=np.inf),
]


@pytest.mark.parametrize("shape", [(150, 40), (60, 100)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", LARGE, ids=repr)
@pytest.mark.usefixtures("all_large")
def test_large_tables_need_no_dense_one(model, shape, weighted):
    words, y = wide_problem(*shape)
    if isinstance(model, models.LinearSVM):
        y = y > np.median(y)
    weight = {"sample_weight": np.random.default_rng(2).integers(1, 4, len(y)).astype(float)} if weighted else {}
    one, other = models.estimator.clone(model), models.estimator.clone(model).fit(words.toarray(), y, **weight)
    if model.get_params().get("solver") == "interior_point" and shape[1] > shape[0]:
        with pytest.raises(ValueError, match="it would make the sparse X dense; choose the solver 'newton'"):
            one.fit(words, y, **weight)
        return
    one.fit(words, y, **weight)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-9)
    for name in ("alpha_", "best_score_", "l1_ratio_", "mse_path_"):
        if hasattr(other, name):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-8)


@pytest.mark.parametrize("shape", [(150, 40), (60, 100), (40, 40)])
@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("options", [{}, {"n_components": 3}, {"n_components": 0.7, "whiten": True}], ids=repr)
@pytest.mark.usefixtures("all_large")
def test_principal_components_need_no_dense_table(shape, offset, options):
    words, _ = wide_problem(*shape)
    words = sparse.csr_array(words + sparse.csr_array((np.full(len(words.data), offset), words.nonzero()), words.shape))
    words = sparse.hstack([words, words[:, :3]], format="csr")  # so that some directions have no variance
    one, other = models.PCA(**options).fit(words), models.PCA(**options).fit(words.toarray())
    k, size = one.n_components_, other.singular_values_[0]
    assert k == other.n_components_
    known = other.singular_values_ > 1e-5 * size
    np.testing.assert_allclose(one.singular_values_, other.singular_values_, rtol=1e-9, atol=1e-7 * size)
    np.testing.assert_allclose(one.components_ @ one.components_.T, np.eye(k), atol=1e-9)
    a, b = one.transform(words)[:, known], other.transform(words.toarray())[:, known]
    np.testing.assert_allclose(abs(a), abs(b), rtol=1e-7, atol=1e-7 * abs(b).max())
    np.testing.assert_allclose(one.noise_variance_, other.noise_variance_, rtol=1e-6, atol=1e-12)


@pytest.mark.usefixtures("all_large")
def test_the_components_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    theirs = decomposition.PCA(4, svd_solver="arpack", random_state=0).fit(X)
    ours = models.PCA(4, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(abs(ours.transform(X)), abs(theirs.transform(X)), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X.toarray()), rtol=1e-8)


@pytest.mark.usefixtures("all_large")
def test_what_needs_too_large_a_square_says_what_to_choose(monkeypatch):
    monkeypatch.setattr(ridge, "SQUARE", 20)
    monkeypatch.setattr(pca, "SQUARE", 20)
    with pytest.raises(ValueError, match=r"PCA\(svd_solver='full'\): all components .* 'randomized'|set n_components"):
        models.PCA().fit(X)
    with pytest.raises(ValueError, match=r"RidgeCV: leaving out each sample .* set cv to a number of folds"):
        models.RidgeCV().fit(X, TRUTH)
    assert models.RidgeCV(cv=3).fit(X, TRUTH).score(X, TRUTH) > 0.9
    assert models.PCA(3, svd_solver="randomized").fit_transform(X).shape == (200, 3)


def test_the_margin_of_very_many_columns_is_exact():
    svm = pytest.importorskip("sklearn.svm")
    words, y = wide_problem(200, 3000)
    y = y > np.median(y)
    ours = models.LinearSVM().fit(words, y, validation=(words, y))
    theirs = svm.LinearSVC(loss="hinge", tol=1e-10, max_iter=10**6, random_state=0).fit(words, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    assert ours.history_["validation_loss"][-1] == pytest.approx(ours.history_["loss"][-1])
    free = models.LinearSVM(intercept_scaling=np.inf).fit(words, y)
    theirs = svm.SVC(kernel="linear", tol=1e-10).fit(words, y)
    np.testing.assert_allclose(free.coef_, theirs.coef_.toarray(), atol=1e-6)


def test_a_lasso_of_very_many_columns_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    words, y = wide_problem(200, 3000)
    ours = models.Lasso(0.02).fit(words, y)
    theirs = linear_model.Lasso(0.02, tol=1e-12, max_iter=100_000).fit(words, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_array_equal(ours.coef_ == 0, abs(theirs.coef_) < 1e-7)


@pytest.mark.parametrize("model", [models.Lasso(1e-4), models.PCA(5, random_state=0)], ids=repr)
def test_few_samples_of_very_many_columns_need_little_memory(model):
    import tracemalloc

    words, y = wide_problem(100, 8000)
    tracemalloc.start()
    model.fit(words, y)
    assert tracemalloc.get_traced_memory()[1] < 30e6  # the products of all columns would have 512 MB
    tracemalloc.stop()


@pytest.mark.parametrize("Splitter", ["KFold", "TimeSeriesSplit", "ShuffleSplit"])
def test_splitters_of_scikit_learn_divide_a_sparse_x(Splitter):
    selection = pytest.importorskip("sklearn.model_selection")
    cv = getattr(selection, Splitter)(3, **({"random_state": 0} if Splitter == "ShuffleSplit" else {}))
    one, other = (models.LassoCV(alphas=4, cv=cv).fit(x, TRUTH) for x in (X, X.toarray()))
    np.testing.assert_allclose(one.mse_path_, other.mse_path_, rtol=1e-9)


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
