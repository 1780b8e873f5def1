"""Transformers of a sparse X: they stay sparse and learn what they learn of the dense table, or say why they cannot."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.features import (
    Bucketize,
    Clip,
    Columns,
    Cross,
    EmbeddingIds,
    Hash,
    Impute,
    Log,
    OneHot,
    Ordinal,
    Polynomial,
    Scale,
    TextCounts,
)

sparse = pytest.importorskip("scipy.sparse")
FORMATS = ["csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_matrix", "coo_array", "lil_array", "dok_array"]
rng = np.random.default_rng(0)
X = sparse.random_array((40, 9), density=0.3, rng=rng, format="csr", data_sampler=lambda size: rng.integers(1, 5, size))
X = X.astype(np.float64)
SIGNED = X.copy()
SIGNED.data *= rng.choice([-1, 1], len(X.data))

TAKERS = [
    Scale("max-abs"),
    Scale("z-score", center=False),
    Scale("min-max", center=False),
    Scale("robust", center=False),
    Log(),
    Clip(),
    Clip(lower=-1, upper=2),
    Clip(upper=3),
    Impute(),
    Impute("median"),
    Impute("most frequent"),
    Impute(flag=True),
    Polynomial(),
    Polynomial(3),
    Polynomial(3, interaction_only=True),
    Columns({0: Scale("max-abs"), (1, 2): Polynomial(), 4: [Log(), Scale(center=False)]}),
    Columns({0: Log()}, rest="keep"),
]
REFUSERS = {
    Scale(): "taking the mean away .* write Scale\\('z-score', center=False\\) or Scale\\('max-abs'\\)",
    Scale("min-max"): "the least value",
    Scale("robust"): "the median",
    Clip(lower=1): "zeros would not stay zeros",
    **dict.fromkeys(
        (Bucketize(), Cross(), EmbeddingIds(), Hash(8), OneHot(), Ordinal()), "it reads all values, zeros too"
    ),
    TextCounts(): "it counts the words of texts",
}


def data_for(transformer, gaps=False):
    table = (X if isinstance(transformer, Log) or "Log" in repr(transformer) else SIGNED).copy()
    if gaps:
        table.data[::7] = np.nan
    return table


def test_every_transformer_takes_a_sparse_table_or_refuses_it():
    tested = {type(t) for t in [*TAKERS, *REFUSERS]}
    everything = {getattr(tg.features, name) for name in tg.features.__all__}
    transformers = {c for c in everything if isinstance(c, type) and issubclass(c, tg.features.Transformer)}
    assert transformers - tested <= {tg.features.Transformer}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("transformer", TAKERS, ids=repr)
def test_features_are_those_of_the_dense_table(transformer, kind):
    table = data_for(transformer)
    given = getattr(sparse, kind)(table)
    found = transformer.fit_transform(given)
    names = transformer.get_feature_names_out().tolist()
    np.testing.assert_allclose(transformer.transform(given).toarray(), found.toarray())
    assert sparse.issparse(found)
    assert found.format == "csr"
    if not isinstance(transformer, Columns):
        assert isinstance(found, sparse.sparray) == ("array" in kind)
    wanted = transformer.fit_transform(table.toarray())
    assert names == transformer.get_feature_names_out().tolist()
    wanted = wanted.toarray() if sparse.issparse(wanted) else wanted
    np.testing.assert_allclose(found.toarray(), wanted, rtol=1e-12, atol=1e-15)
    assert found.dtype == wanted.dtype


@pytest.mark.parametrize(
    "transformer", [t for t in TAKERS if t.allows_missing and not isinstance(t, Columns)], ids=repr
)
def test_gaps_are_the_entries_that_are_nan(transformer):
    table = data_for(transformer, gaps=True)
    found, wanted = transformer.fit_transform(table).toarray(), transformer.fit_transform(table.toarray())
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("transformer", TAKERS, ids=repr)
def test_entries_that_are_zero_or_listed_twice_or_in_any_order_change_nothing(transformer):
    table = data_for(transformer).tocoo()
    rows, columns = (
        np.concatenate([table.row, table.row[:9], [3, 3]]),
        np.concatenate([table.col, table.col[:9], [0, 8]]),
    )
    entries = np.concatenate([table.data, table.data[:9], [0, 0]])
    entries[:9] = 0  # these come a second time
    order = rng.permutation(len(entries))
    odd = sparse.coo_array((entries[order], (rows[order], columns[order])), table.shape)
    before = odd.data.copy()
    found = transformer.fit_transform(odd).toarray()
    np.testing.assert_allclose(found, transformer.fit_transform(table).toarray(), rtol=1e-12)
    np.testing.assert_array_equal(odd.data, before)


@pytest.mark.parametrize("transformer", [t for t in TAKERS if not isinstance(t, Columns)], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_dtypes_are_those_of_the_dense_table(transformer, dtype):
    table = abs(data_for(transformer)).astype(dtype)
    wide = sparse.csr_array((table.data, table.indices.astype(np.int64), table.indptr.astype(np.int64)), table.shape)
    found, wanted = transformer.fit_transform(wide), transformer.fit_transform(table.toarray())
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found.toarray(), wanted, rtol=1e-5)


@pytest.mark.parametrize(("transformer", "why"), REFUSERS.items(), ids=map(repr, REFUSERS))
def test_what_would_make_it_dense_is_refused_with_a_reason(transformer, why):
    kind = type(transformer).__name__
    with pytest.raises(TypeError, match=f"{kind}: X is a sparse matrix, and .*{why}.*X.toarray"):
        transformer.fit(SIGNED)


def test_bad_entries_are_told_by_their_place():
    table = X.copy()
    row, column = (int(i[5]) for i in table.nonzero())
    table[row, column] = np.inf
    for transformer in (Scale("max-abs"), Polynomial()):
        with pytest.raises(ValueError, match=rf"infinity.* in row {row}, column {column}"):
            transformer.fit(table)
    table[row, column] = -1
    with pytest.raises(ValueError, match=rf"Negative values in data passed to Log: -1.0 in row {row}, column {column}"):
        Log().fit(table)
    with pytest.raises(ValueError, match="X has 9 features, but Log is expecting 4"):
        Log().fit(X[:, :4]).transform(X)


@pytest.mark.parametrize("transformer", [Scale("max-abs"), Scale(center=False), Log()], ids=repr)
def test_inverses_stay_sparse(transformer):
    table = data_for(transformer)
    back = transformer.inverse_transform(transformer.fit_transform(table))
    assert sparse.issparse(back)
    np.testing.assert_allclose(back.toarray(), table.toarray(), rtol=1e-12)


@pytest.mark.parametrize("method", ["z-score", "max-abs", "robust"])
def test_the_scales_are_those_of_scikit_learn(method):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    theirs = {
        "z-score": preprocessing.StandardScaler(with_mean=False),
        "max-abs": preprocessing.MaxAbsScaler(),
        "robust": preprocessing.RobustScaler(with_centering=False),
    }[method]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = theirs.fit_transform(SIGNED)
    found = Scale(method, center=False).fit_transform(SIGNED)
    np.testing.assert_allclose(found.toarray(), wanted.toarray(), rtol=1e-12)


@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize("degree", [2, 3])
def test_the_products_are_those_of_scikit_learn(degree, interaction_only):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    theirs = preprocessing.PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=False)
    found = Polynomial(degree, interaction_only).fit_transform(SIGNED)
    np.testing.assert_allclose(found.toarray(), theirs.fit_transform(SIGNED).toarray(), rtol=1e-12)


def test_a_frame_of_sparse_features_is_refused_with_advice():
    pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"Scale: a frame of pandas holds no sparse data: give X.toarray\(\)"):
        Scale("max-abs").set_output(transform="pandas").fit_transform(X)


def test_many_columns_are_scaled_in_little_memory():
    import tracemalloc

    wide = sparse.random_array((2000, 100_000), density=1e-4, rng=rng, format="csr")
    tracemalloc.start()
    for method in ("z-score", "max-abs", "min-max"):
        Scale(method, center=False).fit_transform(wide)
    Impute().fit_transform(wide)
    assert tracemalloc.get_traced_memory()[1] < 20e6  # dense, it would have 1.6 GB
    tracemalloc.stop()
