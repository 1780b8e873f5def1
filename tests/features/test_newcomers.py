"""What people of pandas, scikit-learn, Keras and pyarrow type first: it works, or the error says what to write."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.features import (
    Bucketize,
    Clip,
    Columns,
    Cross,
    Hash,
    Impute,
    Log,
    OneHot,
    Ordinal,
    Scale,
    TextCounts,
    mail_table,
    read_mail,
)

SIZES = ["small", "middle", "large"]


def pandas():
    return pytest.importorskip("pandas")


# ---------------------------------------------------------------------- buckets


@pytest.mark.parametrize("zeros", [3, 10, 40])
@pytest.mark.parametrize("n", [2, 4, 7])
def test_a_value_that_many_rows_have_shares_its_bucket_with_none_if_it_is_the_least(zeros, n):
    values = np.concatenate([np.zeros(zeros), np.arange(1.0, 11)])[:, None]
    buckets = Bucketize(quantiles=n).fit(values)
    found = buckets.transform(values)[:, 0]
    assert set(found) == set(range(buckets.sizes_[0]))  # none is empty
    if zeros >= len(values) / n:
        assert set(values[found == 0, 0]) == {0.0}


def test_rows_without_ties_are_divided_evenly():
    values = np.random.default_rng(0).normal(size=(60, 1))
    assert np.bincount(Bucketize(quantiles=6).fit_transform(values)[:, 0]).tolist() == [10] * 6
    assert Bucketize(quantiles=4).fit([[1.0]] * 9).sizes_ == [1]


@pytest.mark.parametrize("width", [0.1, 0.3, 0.07, 2.5, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_multiples_of_a_width_begin_a_bucket(width, dtype):
    multiples = np.array([round(k * width, 10) for k in range(-20, 21)], dtype)[:, None]
    found = Bucketize(width=width).fit_transform(multiples)[:, 0]
    assert found.tolist() == list(range(41))


def test_crosses_divide_as_buckets_do():
    rows = [[0.0, "a"]] * 6 + [[0.5, "a"], [7.25, "b"], [np.inf, "b"]]
    cross = Cross(buckets=3).fit(rows)
    assert cross.edges_["x0"].tolist() == [0.5]
    assert cross.transform([[0.0, "a"], [np.inf, "b"]]).tolist() == [[1, 0, 0], [0, 0, 1]]


# ---------------------------------------------------------------------- categories


def test_the_order_of_a_dtype_is_that_of_the_numbers():
    frame = pandas().DataFrame({"size": pandas().Categorical(["large", "small"], SIZES, ordered=True), "n": [2, 1]})
    ordinal = Ordinal().fit(frame)
    assert ordinal.transform(frame).tolist() == [[2, 1], [0, 0]]
    assert ordinal.inverse_transform([[1, 0]]).tolist() == [["middle", 1]]
    unordered = frame.assign(size=frame["size"].cat.as_unordered())
    assert Ordinal().fit_transform(unordered)[:, 0].tolist() == [0, 1]  # sorted: large, small
    assert Ordinal({"size": SIZES[::-1]}).fit_transform(frame)[:, 0].tolist() == [0, 2]  # what is said comes first
    polars = pytest.importorskip("polars")
    enum = polars.DataFrame({"size": polars.Series(["large", "small"], dtype=polars.Enum(SIZES))})
    assert Ordinal().fit_transform(enum).tolist() == [[2], [0]]


@pytest.mark.parametrize("code", [-1, 0.5, 2, 99])
def test_the_number_of_no_category_has_no_inverse(code):
    ordinal = Ordinal().fit([["a"], ["b"]])
    assert ordinal.inverse_transform([[np.nan], [1]]).tolist() == [[None], ["b"]]
    with pytest.raises(ValueError, match=r"is the number of none of the 2 categories"):
        ordinal.inverse_transform([[code]])


def test_most_frequent_is_spelled_as_in_scikit_learn_too():
    rows = [["a"], [None], ["a"], ["b"]]
    one, other = Impute("most frequent", flag=True), Impute("most_frequent", flag=True)
    assert one.fit_transform(rows).tolist() == other.fit_transform(rows).tolist()
    assert Impute("most_frequent").fit_transform([[1.0], [np.nan], [1.0]]).tolist() == [[1], [1], [1]]


# ---------------------------------------------------------------------- Columns


def test_a_column_is_dropped_from_the_rest():
    frame = pandas().DataFrame({"id": [1, 2], "age": [20.0, 40.0], "town": ["Ulm", "Bonn"]})
    columns = Columns({"id": "drop", "town": OneHot()}, rest="keep")
    assert columns.fit(frame).get_feature_names_out().tolist() == ["town_Bonn", "town_Ulm", "age"]
    assert columns.transform(frame.drop(columns="id")).tolist() == [[0, 1, 20], [1, 0, 40]]
    with pytest.raises(ValueError, match=r"all columns are dropped"):
        Columns({"id": "drop"}).fit(frame)


def test_several_columns_may_stand_in_a_list():
    rows = np.array([[1.0, 5.0], [3.0, 9.0]])
    theirs = Columns({(0, 1): Scale()}).fit_transform(rows)
    assert np.array_equal(Columns([([0, 1], Scale())]).fit_transform(rows), theirs)


def test_columns_of_one_name_are_refused_where_they_are_asked_for():
    frame = pandas().DataFrame([[1, 2.0, 3], [3, 4, 5]], columns=["a", "a", "b"])
    assert Columns({"b": Scale()}).fit_transform(frame).tolist() == [[-1], [1]]
    for call in (
        lambda: Columns({"a": Scale()}).fit(frame),
        lambda: Columns({"a": Scale()}).fit(frame.iloc[:, 1:]).transform(frame),
    ):
        with pytest.raises(ValueError, match=r"several columns that are called 'a'"):
            call()


def test_words_are_no_numbers_of_a_sparse_matrix():
    frame = pandas().DataFrame({"town": ["Ulm", "Bonn"], "note": ["a b", "b"]})
    with pytest.raises(TypeError, match=r"Columns: 'town': a sparse matrix holds numbers alone.*OneHot"):
        Columns({"note": TextCounts(), "town": "keep"}).fit(frame)


# ---------------------------------------------------------------------- tables of pyarrow


def test_tables_of_pyarrow_are_read_by_the_names_of_their_columns():
    arrow, table = (
        pytest.importorskip("pyarrow"),
        {"age": [20, None, 40], "town": ["Ulm", "Bonn", None], "y": [1, 2, 4]},
    )
    columns = Columns({"age": [Impute(), Scale()], "town": OneHot()})
    frame = pandas().DataFrame(table)
    np.testing.assert_array_equal(columns.fit_transform(arrow.table(table)), columns.fit_transform(frame))
    assert columns.fit(arrow.table(table)).transform(arrow.table(table)).shape == (3, 4)
    assert OneHot().fit(arrow.table(table)).feature_names_in_.tolist() == list(table)
    words = TextCounts(sparse=False)
    assert words.fit_transform(arrow.chunked_array([["a b"], ["b"]])).tolist() == [[1, 1], [1, 0]]
    assert tg.data.report(arrow.table(table), target="y").missing == tg.data.report(frame, target="y").missing
    assert tg.data.correlation(arrow.table(table), target="y").names == ["age", "y"]
    train, _, test = tg.data.split(arrow.table(table), test=1, seed=0)
    assert (len(train), list(test.columns)) == (2, list(table))


# ---------------------------------------------------------------------- words and mails


def test_given_words_for_addresses_and_numbers_stand_for_them():
    given = ["URL", "win", "NUMBER prizes", "NUMBER"]
    count = TextCounts(vocabulary=given, url=True, number=True, stem=str.lower, sparse=False)
    assert count.fit_transform(["Win 3 prizes, 100 number url: http://win.example"]).tolist() == [[1, 1, 1, 2]]
    learned = TextCounts(url=True, number=True).fit(["win 3 http://a.example"]).vocabulary_
    again = TextCounts(vocabulary=learned, url=True, number=True, sparse=False)
    assert again.fit_transform(["see http://b.example, 4 or 5"])[0, [learned["URL"], learned["NUMBER"]]].tolist() == [
        1,
        2,
    ]
    without = TextCounts(vocabulary=["URL"], sparse=False)  # a word as any other
    assert without.fit_transform(["the url http://a.example"]).tolist() == [[1]]


def test_a_dict_of_words_says_their_columns():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    texts = ["you hello you", "a hello"]
    theirs = text.CountVectorizer().fit(texts)
    ours = TextCounts(vocabulary=theirs.vocabulary_, sparse=False)
    assert np.array_equal(ours.fit_transform(texts), theirs.transform(texts).toarray())
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    assert TextCounts(vocabulary=np.array(["you"]), sparse=False).fit_transform(texts).tolist() == [[2], [0]]
    for wrong, message in (({"a": 1}, r"the columns 0, 1, 2"), ({"a", "b"}, r"a set, which has no order")):
        with pytest.raises((TypeError, ValueError), match=message):
            TextCounts(vocabulary=wrong).fit(texts)


def test_no_mails_are_a_table_without_rows(tmp_path):
    assert list(mail_table([]).columns) == list(mail_table([b"From: a@b.example\n\nhi"]).columns)
    with pytest.raises(TypeError, match=r"not \w+Path: give path.read_bytes\(\)"):
        read_mail(tmp_path)


# ---------------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: Log().fit(f), r"-3.0 in row 1, column 1, 'profit'"),
        (lambda f: Scale().fit(f / 0), r"infinity \(the first in row 0, column 0, 'age'\)"),
        (lambda f: Cross().fit(f).transform(f[["profit", "age"]]), r"column 0 is 'profit', and was 'age'"),
        (lambda f: Bucketize(edges=[-np.inf, 18, np.inf]).fit(f), r"the first bucket and the last need no outer one"),
        (lambda f: Ordinal([["a"], ["b"]]).fit(f), r"one list for all columns, or a dict such as \{'age': \[...\]\}"),
        (lambda f: Columns({"age": "passthrough"}).fit(f), r'no transformer.*write "keep"'),
        (lambda f: Columns({"age": np.log1p}).fit(f), r"no transformer.*FunctionTransformer"),
        (lambda f: OneHot(handle_unknown="ignore"), r"use unknown="),
        (lambda f: OneHot(sparse_output=False), r"use sparse="),
        (lambda f: Clip(min=0), r"use lower="),
        (lambda f: Bucketize(n_bins=3), r"use quantiles="),
        (lambda f: Hash(n_features=8), r"use n="),
        (lambda f: Impute(add_indicator=True), r"use flag="),
        (lambda f: TextCounts(ngram_range=(1, 2)), r"use phrase="),
        (lambda f: TextCounts(binary=True), r"use presence="),
        (lambda f: Columns({}, remainder="drop"), r"use rest="),
        (lambda f: tg.data.split(f, test_size=0.2), r"use test="),
        (
            lambda f: tg.datasets.digits(return_X_y=True),
            r"digits\(\) does not know the argument 'return_X_y'; leave it",
        ),
        (lambda f: tg.datasets.mnist(train=False), r"use part="),
    ],
)
def test_a_mistake_is_named_with_what_to_write(call, message):
    frame = pandas().DataFrame({"age": [20.0, 30.0], "profit": [1.0, -3.0]})
    with pytest.raises((TypeError, ValueError), match=message):
        call(frame)


def test_data_in_the_place_of_hyperparameters_are_for_fit():
    with pytest.raises(TypeError, match=r"'vector_size' twice.*: data are for fit, Word2Vec\(...\).fit\(data\)"):
        tg.models.Word2Vec([["a", "b"]], vector_size=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_infinities_are_cut_off_where_there_is_a_bound(dtype):
    ratios = np.array([[np.inf, 0.5], [1.5, -np.inf], [np.nan, 2.0]], dtype)
    expected = [[3, 0.5], [1.5, 0], [np.nan, 2]]
    np.testing.assert_array_equal(Clip(lower=0, upper=3).fit_transform(ratios), expected)
    with pytest.raises(ValueError, match=r"infinity \(the first in row 1, column 1\)"):
        Clip(upper=3).fit(ratios)
    with pytest.raises(ValueError, match=r"infinity \(the first in row 0, column 0\)"):
        Clip(lower=0, upper=np.inf).fit(ratios)
    with pytest.raises(ValueError, match=r"lower must be a number or None, not 'a'"):
        Clip(lower="a").fit(ratios)
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match=r"upper must be a number or None, not 'b'"):
        Clip(upper="b").fit(sparse.eye_array(3))
