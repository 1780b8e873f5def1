"""What each transformer computes, beside scikit-learn, pandas and closed forms; and what it refuses."""

import datetime
import os
import subprocess
import sys
from hashlib import blake2b

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
)

X = np.random.default_rng(0).normal(3, 2, (50, 4))
GAPS = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
PETS = [["cat"], ["dog"], ["cat"], ["emu"], [None]]


def preprocessing():
    return pytest.importorskip("sklearn.preprocessing")


def frames():
    """The same table as a frame of pandas and of polars."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"size": [1.5, None, 3.0, 8.0], "kind": ["a", "b", None, "a"], "count": [1, 2, 2, 5]}
    return pandas.DataFrame(columns), polars.DataFrame(columns)


# ---------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("method", "theirs"), [("z-score", "StandardScaler"), ("min-max", "MinMaxScaler"), ("robust", "RobustScaler")]
)
@pytest.mark.parametrize(
    "data", [X, GAPS, X.astype(np.float32), np.ones((5, 2)), np.full((9, 1), 1e15 / 3)], ids=range(5)
)
def test_scale_equals_scikit_learn(method, theirs, data):
    ours, expected = Scale(method).fit(data), getattr(preprocessing(), theirs)().fit(data)
    tolerance = 1e-5 if data.dtype == np.float32 else 1e-12
    out = ours.transform(data)
    assert out.dtype == data.dtype
    np.testing.assert_allclose(out, expected.transform(data), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.inverse_transform(out), data, rtol=tolerance)


def test_log_and_its_inverse():
    data = np.abs(X)
    log = Log().fit(data)
    np.testing.assert_array_equal(log.transform(data), np.log1p(data))
    np.testing.assert_allclose(log.inverse_transform(log.transform(data)), data, rtol=1e-14)
    assert np.isnan(log.transform([[np.nan, 0, 0, 0]])[0, 0])
    with pytest.raises(ValueError, match=r"Negative values .* -1\.0 in row 0, column 2"):
        log.transform([[0.0, 0.0, -1.0, 0.0]])


@pytest.mark.parametrize("bounds", [(None, None), (0.0, None), (None, 4), (1, 2.5)])
def test_clip_equals_numpy(bounds):
    out = Clip(*bounds).fit_transform(GAPS)
    low, high = bounds
    expected = np.clip(GAPS, -np.inf if low is None else low, np.inf if high is None else high)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("only", [False, True])
def test_polynomial_equals_scikit_learn(degree, only):
    ours = Polynomial(degree, interaction_only=only)
    theirs = preprocessing().PolynomialFeatures(degree, interaction_only=only, include_bias=False)
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), rtol=1e-12)
    assert ours.get_feature_names_out([*"abcd"]).tolist() == theirs.get_feature_names_out([*"abcd"]).tolist()


@pytest.mark.parametrize("strategy", ["mean", "median", "most frequent"])
def test_impute_equals_scikit_learn(strategy):
    impute = pytest.importorskip("sklearn.impute")
    data = np.round(GAPS)
    theirs = impute.SimpleImputer(strategy=strategy.replace(" ", "_"), add_indicator=True)
    ours = Impute(strategy, flag=True)
    np.testing.assert_allclose(ours.fit_transform(data), theirs.fit_transform(data), rtol=1e-14)
    np.testing.assert_array_equal(ours.inverse_transform(ours.transform(data)), data)


def test_impute_fills_strings_and_flags_only_columns_with_gaps_in_the_training_part():
    impute = Impute("most frequent", flag=True).fit([["b", 1], ["a", 2], [None, 2]])
    assert impute.statistics_.tolist() == ["a", 2]  # of "a" and "b", as frequent, the least
    assert impute.transform([["b", None]]).tolist() == [["b", 2, 0]]
    assert impute.get_feature_names_out().tolist() == ["x0", "x1", "x0_missing"]


# ---------------------------------------------------------------------- buckets


@pytest.mark.parametrize("n", [2, 5, 7])
def test_quantiles_hold_the_same_number_of_rows(n):
    data = np.random.default_rng(0).normal(size=(700, 2))
    ids = Bucketize(quantiles=n).fit_transform(data)
    for column in ids.T:
        counts = np.bincount(column)
        assert len(counts) == n
        assert counts.max() - counts.min() <= 1


def test_quantiles_equal_those_of_pandas():
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).exponential(size=500)
    edges = pandas.qcut(values, 6, retbins=True)[1]
    np.testing.assert_allclose(Bucketize(quantiles=6).fit(values[:, None]).edges_[0], edges[1:-1], rtol=1e-12)


def test_a_value_that_many_rows_have_does_not_make_empty_buckets():
    zeros = np.array([0.0] * 80 + [1.0, 2.0, 3.0, 4.0] * 5)[:, None]
    bucketize = Bucketize(quantiles=10).fit(zeros)
    assert (np.diff(bucketize.edges_[0]) > 0).all()


def test_edges_belong_to_the_bucket_above_and_all_numbers_to_some():
    ids = Bucketize(edges=[0, 10]).fit([[5.0]]).transform([[-1e9], [0.0], [9.999], [10.0], [1e9]])
    assert ids.ravel().tolist() == [0, 1, 1, 2, 2]
    width = Bucketize(width=0.1).fit([[0.05], [0.95]])
    assert width.edges_[0] == pytest.approx(np.arange(1, 10) / 10)
    assert width.sizes_ == [10]


def times():
    """17:30 and 5:00, in everything that holds times."""
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    late, early = datetime.datetime(2020, 3, 1, 17, 30), datetime.datetime(2021, 7, 9, 5)
    return [
        [[late], [early]],
        [[late.time()], [early.time()]],
        np.array([[late], [early]], "datetime64[ns]"),
        np.array([[late], [early]], "datetime64[s]"),
        pandas.DataFrame({"t": [late, early]}),
        pandas.DataFrame({"t": pandas.to_datetime([late, early]).tz_localize("Europe/Paris")}),
        polars.DataFrame({"t": [late, early]}),
    ]


@pytest.mark.parametrize("kind", range(7))
@pytest.mark.parametrize("edges", [["06:00", "12:00", "18:00"], [6, 12, 18], [datetime.time(6), "12:00", 18]])
def test_the_time_of_day_goes_round_the_clock(kind, edges):
    bucketize = Bucketize(edges=edges).fit(times()[kind])
    assert bucketize.transform(times()[kind]).ravel().tolist() == [1, 2]
    assert bucketize.edges_[0].tolist() == [6, 12, 18]
    assert bucketize.sizes_ == [3]


def test_times_have_quantiles_and_widths_in_hours():
    assert Bucketize(width=6).fit(times()[0]).edges_[0].tolist() == [6, 12]
    assert Bucketize(quantiles=2).fit(times()[0]).edges_[0].tolist() == [11.25]


def test_times_stand_beside_numbers():
    rows = [[datetime.time(7), 1.0], [datetime.time(20), 9.0]]
    assert Bucketize(quantiles=2).fit_transform(rows).tolist() == [[0, 0], [1, 1]]


# ---------------------------------------------------------------------- categories


def test_one_hot_equals_scikit_learn():
    data = np.random.default_rng(0).choice(["a", "b", "c"], (40, 2)).astype(object)
    theirs = preprocessing().OneHotEncoder(sparse_output=False).fit(data)
    ours = OneHot().fit(data)
    np.testing.assert_array_equal(ours.transform(data), theirs.transform(data))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    np.testing.assert_array_equal(ours.inverse_transform(ours.transform(data)), data)
    sparse = pytest.importorskip("scipy.sparse")
    matrix = OneHot(sparse=True).fit_transform(data)
    assert sparse.issparse(matrix)
    assert matrix.format == "csr"
    np.testing.assert_array_equal(matrix.toarray(), theirs.transform(data))
    np.testing.assert_array_equal(ours.inverse_transform(matrix), data)


def test_rare_categories_share_a_column_as_in_scikit_learn():
    data = np.array(["a"] * 5 + ["b"] * 4 + ["c"] * 2 + ["d"], object)[:, None]
    theirs = preprocessing().OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False)
    new = np.array([["a"], ["c"], ["never"]], object)
    np.testing.assert_array_equal(OneHot(min_count=3).fit(data).transform(new), theirs.fit(data).transform(new))


@pytest.mark.parametrize(
    ("unknown", "row"), [("rare", [0, 0, 0, 0]), ("zeros", [0, 0, 0, 0]), ("column", [0, 0, 0, 0, 1])]
)
def test_an_unknown_category(unknown, row):
    one_hot = OneHot(unknown=unknown).fit(PETS)
    assert one_hot.transform([["gnu"]]).tolist() == [row]
    assert one_hot.get_feature_names_out(["pet"]).tolist()[:4] == ["pet_cat", "pet_dog", "pet_emu", "pet_missing"]
    with pytest.raises(ValueError, match="OneHot: 'gnu' in row 0, column 'x0', is unknown to the training part"):
        OneHot(unknown="error").fit(PETS).transform([["gnu"]])


def test_names_stay_different_when_a_category_is_called_rare():
    names = OneHot(min_count=2).fit([["rare"], ["rare"], ["b"]]).get_feature_names_out()
    assert len(set(names)) == 2


def test_ordinal_and_its_inverse():
    ordinal = Ordinal({"size": ["s", "m", "l"]})
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": ["l", "s", None], "grade": [3, 1, 1]})
    np.testing.assert_array_equal(ordinal.fit_transform(frame), [[2, 1], [0, 0], [np.nan, 0]])
    assert ordinal.inverse_transform([[1, 1]]).tolist() == [["m", 3]]
    with pytest.raises(ValueError, match="'xl' in row 0, column 'size', is unknown"):
        ordinal.transform(pandas.DataFrame({"size": ["xl"], "grade": [1]}))
    assert np.isnan(Ordinal(unknown="missing").fit([["a"]]).transform([["b"]])).all()
    with pytest.raises(ValueError, match=r"4\.0 is the number of none"):
        ordinal.inverse_transform([[4, 0]])


def test_embedding_ids_fit_an_embedding():
    ids = EmbeddingIds(min_count=2, max_size=3).fit([[word] for word in "aabbbccd"])
    assert ids.sizes_ == [3]
    assert ids.transform([[word] for word in ["b", "a", "c", "d", "new", None]]).ravel().tolist() == [1, 2, 0, 0, 0, 0]
    assert tg.nn.Embedding(ids.sizes_[0], 4)(ids.transform([["new"]])).shape == (1, 1, 4)
    assert ids.inverse_transform([[1], [0]]).tolist() == [["b"], [None]]


def in_a_process(program, seed):
    """Run a program in a process whose own hashes of strings depend on a seed; return what it prints."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": seed}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env).stdout


def test_a_hash_is_the_same_in_every_process_and_for_equal_numbers():
    program = "from tinygrad_ml.features import Hash; print(Hash(97).fit_transform([['Zürich'], ['7'], [7]]).argmax(1))"
    printed = {in_a_process(program, seed) for seed in ("0", "1")}
    place = [
        int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") % 97
        for text in ("sZürich", "s7", "n7")
    ]
    assert printed == {str(np.array(place)) + "\n"}
    numbers = [np.array([[7, 8]]), np.array([[7.0, 8.0]], np.float32), [[7, 8]]]
    first, *others = [Hash(50).fit_transform(x) for x in numbers]
    assert all(np.array_equal(first, other) for other in others)


def test_collisions_are_counted():
    words = [[f"word {i}"] for i in range(200)]
    hashed = Hash(64).fit(words)
    used = Hash(64).fit_transform(words).any(axis=0).sum()
    assert hashed.collisions_.tolist() == [200 - used]
    assert sum(map(len, hashed.shared_[0])) - len(hashed.shared_[0]) == hashed.collisions_[0]
    assert Hash(10**6).fit(words[:10]).collisions_.tolist() == [0]


# ---------------------------------------------------------------------- crosses


def dog():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"behaviour": ["barks", "sleeps"] * 20, "time": ["day", "day", "night", "night"] * 10})
    return frame, ((frame["behaviour"] == "barks") == (frame["time"] == "night")).astype(int)


def test_a_cross_learns_what_no_sum_of_its_parts_can():
    frame, y = dog()
    alone, crossed = Columns({("behaviour", "time"): OneHot()}), Cross(["behaviour", "time"])
    scores = [
        tg.models.LogisticRegression().fit(f.fit_transform(frame), y).score(f.transform(frame), y)
        for f in (alone, crossed)
    ]
    assert scores == [0.5, 1.0]


def test_a_cross_is_the_product_of_one_hot_columns_for_any_order():
    data = np.random.default_rng(0).choice(["a", "b", "c"], (200, 3)).astype(object)
    parts = [OneHot().fit_transform(data[:, [i]]) for i in range(3)]
    product = np.einsum("ni,nj,nk->nijk", *parts).reshape(200, -1)
    np.testing.assert_array_equal(Cross().fit_transform(data), product)
    np.testing.assert_array_equal(
        Cross([2, 0]).fit_transform(data), np.einsum("ni,nj->nij", parts[2], parts[0]).reshape(200, -1)
    )


def test_a_large_cross_is_hashed_and_has_a_place_for_what_it_has_not_seen():
    data = [[i, j] for i in range(20) for j in range(20)]
    cross = Cross(max_columns=50)
    out = cross.fit_transform(data)
    assert cross.hashed_
    assert out.shape == (400, 50)
    assert (out.sum(axis=1) == 1).all()
    assert cross.transform([[99, 99]]).sum() == 1
    assert Cross(max_columns=400).fit(data).transform([[99, 99]]).sum() == 0
    assert len(set(cross.get_feature_names_out())) == 50


def test_numbers_with_fractions_are_crossed_by_their_quantiles():
    data = np.random.default_rng(0).normal(size=(300, 2))
    by_hand = Cross().fit_transform(Bucketize(quantiles=6).fit_transform(data))
    np.testing.assert_array_equal(Cross(buckets=6).fit_transform(data), by_hand)


def test_latitude_and_longitude_crossed_predict_prices_better(housing):
    train, test = housing
    n = 7
    one = Columns({("latitude", "longitude"): [Bucketize(quantiles=n), OneHot()]})
    crossed = Columns({("latitude", "longitude"): [Bucketize(quantiles=n), Cross(["latitude", "longitude"])]})

    def error(features):
        model = tg.models.LinearRegression().fit(features.fit_transform(train), train["median_house_value"] / 1000)
        return np.sqrt(np.mean((model.predict(features.transform(test)) - test["median_house_value"] / 1000) ** 2))

    assert 97 < error(one) < 99
    assert 90 < error(crossed) < 91.2


def test_the_quantiles_of_households(housing):
    train, _ = housing
    bucketize = Bucketize(quantiles=7).fit(train[["households"]])
    assert bucketize.edges_[0].tolist() == [220, 300, 371, 451, 567, 769]
    counts = np.bincount(bucketize.transform(train[["households"]])[:, 0])
    assert (counts.min(), counts.max()) == (2404, 2445)


@pytest.fixture(scope="module")
def housing():
    pytest.importorskip("pandas")
    try:
        return tg.datasets.california_housing("train"), tg.datasets.california_housing("test")
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error).splitlines()[0])


# ---------------------------------------------------------------------- columns and frames


@pytest.mark.parametrize("kind", [0, 1], ids=["pandas", "polars"])
def test_columns_take_frames_by_names_in_any_order(kind):
    frame = frames()[kind]
    columns = Columns({"kind": OneHot(), "size": [Impute(), Scale()], ("count", "kind"): Cross()})
    out = columns.fit_transform(frame)
    assert columns.get_feature_names_out().tolist()[:4] == ["kind_a", "kind_b", "kind_missing", "size"]
    np.testing.assert_array_equal(columns.transform(frame[["count", "kind", "size"]]), out)
    np.testing.assert_array_equal(columns.transform(frames()[1 - kind]), out)


def test_rows_and_frames_give_the_same():
    frame, other = frames()
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    columns = Columns({0: Impute(), 1: OneHot(), 2: Bucketize(quantiles=2)})
    for table in (frame, other):
        np.testing.assert_array_equal(columns.fit_transform(table), columns.fit_transform(rows))


def test_a_column_may_stand_several_times_and_names_stay_different():
    columns = Columns([("a", Scale()), ("a", Scale("min-max")), ("a", Log()), ("b", "keep")])
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "c": ["x", "y"]})
    out = columns.set_output(transform="pandas").fit_transform(frame)
    assert out.columns.tolist() == ["scale__a", "scale__a_", "log__a", "b"]


@pytest.mark.parametrize("kind", [0, 1], ids=["pandas", "polars"])
def test_columns_that_hold_no_numbers_are_named(kind):
    with pytest.raises(ValueError, match=r"Choose the columns that hold numbers, and encode 'kind' \("):
        Scale().fit(frames()[kind])


def test_frames_have_the_dtypes_of_what_they_hold():
    out = Columns({"size": Impute(), "kind": "keep"}).set_output(transform="pandas").fit_transform(frames()[0])
    assert out["size"].dtype == float
    assert OneHot().fit(frames()[0][["size"]]).get_feature_names_out().tolist() == [
        "size_1.5",
        "size_3",
        "size_8",
        "size_missing",
    ]


def test_what_is_kept_of_the_rest():
    columns = Columns({1: OneHot()}, rest="keep")
    assert columns.fit_transform([[1, 2], [3, 4]]).tolist() == [[1, 0, 1], [0, 1, 3]]
    assert columns.get_feature_names_out().tolist() == ["x1_2", "x1_4", "x0"]


def test_columns_are_sparse_if_a_part_is():
    pytest.importorskip("scipy")
    data = [[1, 2.5], [3, 4.5]]
    columns = Columns({0: OneHot(sparse=True), 1: Scale()})
    dense = Columns({0: OneHot(), 1: Scale()}).fit_transform(data)
    np.testing.assert_array_equal(columns.fit_transform(data).toarray(), dense)
    np.testing.assert_array_equal(Columns(columns.columns, sparse=False).fit_transform(data), dense)
    with pytest.raises(ValueError, match="holds no sparse data"):
        columns.set_output(transform="pandas").fit_transform(data)


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("transformer", "data", "message"),
    [
        (Scale("zscore"), X, r"Scale: method must be 'z-score', 'min-max', 'robust' or 'max-abs', not 'zscore'"),
        (Scale(), [["a"], ["b"]], r"Scale: X must hold numbers: .*'a'"),
        (Scale(), [["1,5"], ["2,5"]], r"'1,5'; this is a number with a decimal comma: pandas.read_csv"),
        (Scale(), [[np.nan], [np.nan]], r"Scale: the column 'x0' holds nothing but gaps"),
        (Scale(), [[np.inf]], r"Scale: input X contains infinity \(the first in row 0, column 0\)"),
        (Scale(), [["1"], ["2"]], r"numbers as strings; use X\.astype\(float\)"),
        (Scale(), np.array([["1"], ["2"]]), r"numbers as strings; use X\.astype\(float\)"),
        (Scale(), {"a": [1]}, r"Scale: X is a dict, and no table; give an array, a list of rows, or a frame"),
        (Bucketize(edges=[6]), [[datetime.time(3)], [None]], r"column 0 holds times, and none in row 1; fill gaps"),
        (Scale(), [1.0, 2.0], r"expected a 2-d array .* Reshape your data"),
        (Impute("average"), GAPS, r"Impute: strategy must be 'mean', 'median' or 'most frequent', not 'average'"),
        (Impute(), [[None], [None]], r"Impute: the column 'x0' holds nothing but gaps in the training part"),
        (Clip(2, 1), X, r"Clip: lower=2 is above upper=1"),
        (Clip("1%"), X, r"Clip: lower must be a number or None, not '1%'"),
        (Polynomial(0), X, r"Polynomial: degree must be an integer from 1, not 0"),
        (Polynomial(9), np.ones((2, 30)), r"30 columns have \d+ products"),
        (Bucketize(quantiles=3, width=1), X, r"quantiles and width are given; give one"),
        (Bucketize(width=0), X, r"Bucketize: width must be a finite number above 0, not 0"),
        (Bucketize(width=1e-9), X, r"makes more than 100,000 buckets"),
        (Bucketize(edges=[3, 1]), X, r"edges must ascend, and be different"),
        (Bucketize(edges=["06:00"]), X, r"edges of the clock"),
        (Bucketize(edges=["25:00"]), [[datetime.time(3)]], r"'25:00' is no time of the day"),
        (Bucketize(), GAPS, r"contains NaN .*tg.features.Impute"),
        (OneHot(min_count=0), PETS, r"OneHot: min_count must be an integer from 1, not 0"),
        (OneHot(unknown="ignore"), PETS, r"OneHot: unknown must be 'rare', 'zeros', 'column' or 'error'"),
        (OneHot(), [[{"a": 1}], [{}]], r"row 0 has a dict"),
        (Ordinal(["a"]), [["a"], ["b"]], r"Ordinal: 'b' in row 1, column 'x0', is unknown"),
        (Ordinal("abc"), [["a"]], r"categories must be different, from the first to the last, not 'abc'"),
        (Ordinal({"size": ["s"]}), [["s"]], r"categories are given for a column 'size'; X has x0"),
        (Hash(0), PETS, r"Hash: n must be an integer from 1, not 0"),
        (Cross(["a"]), PETS, r"Cross: columns must be two or more"),
        (Cross(["a", "b"]), [["x", "y"]], r"Cross: there is no column 'a'; X has x0, x1"),
        (Cross([0, 0]), [["x", "y"]], r"a column is crossed with itself"),
        (Columns({}), X, r"no column is asked for"),
        (Columns({9: Scale()}), X, r"Columns: X has no column 9 \(n_features=4\); it has x0, x1, x2, x3"),
        (Columns({0: Scale}), X, r"<class .*> is no transformer, .*; write Scale\(\)"),
        (Columns({0: "scale"}), X, r"'scale' is no transformer, list of them, \"keep\" or \"drop\""),
        (Columns([Scale()]), X, r"columns must be a dict or a list of pairs"),
        (Columns({0: Scale()}, rest="passthrough"), X, r"Columns: rest must be 'drop' or 'keep', not 'passthrough'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_mistake_is_named(transformer, data, message):
    with pytest.raises((ValueError, TypeError), match=message):
        transformer.fit(data)


def test_a_column_that_is_missing_or_misspelt_is_named():
    frame, _ = frames()
    with pytest.raises(ValueError, match=r"X has no column 'sizes'.*did you mean 'size'"):
        Columns({"sizes": Scale()}).fit(frame)
    with pytest.raises(ValueError, match="columns are missing: X has no column 'size'"):
        Columns({"size": Impute()}).fit(frame).transform(frame[["kind"]])
    with pytest.raises(ValueError, match=r"frame\[\[\"size\"\]\] is a table of one column"):
        Impute().fit(frame["size"])
    with pytest.raises(TypeError, match=r"lazy frame of polars; give X\.collect"):
        Impute().fit(frames()[1].lazy())


def test_what_is_not_fitted_says_so():
    with pytest.raises(ValueError, match=r"This Scale is not fitted yet. Call fit\(X\)"):
        Scale().transform(X)


def test_a_failed_fit_changes_nothing():
    scale = Scale().fit(X)
    before = scale.center_
    with pytest.raises(ValueError, match="infinity"):
        scale.fit([[np.inf] * 4])
    assert scale.center_ is before


def test_inverse_transforms_say_what_they_take():
    with pytest.raises(ValueError, match=r"Scale\.inverse_transform: X has 2 columns, and transform makes 4"):
        Scale().fit(X).inverse_transform(X[:, :2])
    with pytest.raises(AttributeError, match="Impute has an inverse with flag=True"):
        _ = Impute().inverse_transform


def test_other_names_are_hinted_at():
    with pytest.raises(AttributeError, match="did you mean OneHot"):
        _ = tg.features.Onehot
    with pytest.raises(AttributeError, match="Scale"):
        _ = tg.features.StandardScaler
