"""A look at the data before: correlations of columns, and what a report finds in a table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.data import correlation, report

pandas = pytest.importorskip("pandas")
rng = np.random.default_rng(0)

# ---------------------------------------------------------------------- correlation


def frame(rows=60):
    table = pandas.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    table["e"] = 2 * table["a"] - table["b"] + rng.normal(size=rows)
    table.loc[3:9, "b"] = np.nan
    table.loc[5, "c"] = np.nan
    return table


def test_the_correlations_are_pandas_with_missing_values():
    table = frame()
    found = correlation(table)
    np.testing.assert_allclose(found.values, table.corr(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(correlation(table.to_numpy()), table.corr(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found["a", "e"], table["a"].corr(table["e"]))
    assert found["a"]["a"] == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(2, 5), st.integers(0, 10**6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_shifts_and_scales_change_nothing_and_r_is_in_its_range(rows, columns, seed, shift, scale):
    X = np.random.default_rng(seed).normal(size=(rows, columns))
    found = correlation(X).values
    assert (abs(found) <= 1).all()
    np.testing.assert_allclose(found, np.corrcoef(X, rowvar=False), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(correlation(shift + scale * X).values, found, rtol=1e-4, atol=1e-5)


def test_constant_and_empty_columns_have_no_correlation():
    found = correlation({"a": [1.0, 2.0, 4.0], "b": [5.0] * 3, "c": [np.nan] * 3, "d": [0.1, 0.1, 0.1]})
    assert np.isnan(found.values[1:]).all()
    assert np.isnan(found.values[0, 1:]).all()
    assert found.values[0, 0] == 1


def test_columns_that_are_far_from_zero_keep_their_correlation():
    a = rng.normal(size=100)
    found = correlation({"a": a, "b": 1e9 + a, "c": 1e200 * a})
    np.testing.assert_allclose(found.values, 1, rtol=1e-6)


def test_the_target_comes_with_the_others_by_strength():
    table = frame().assign(town="x")
    found = correlation(table, target="e")
    strengths = list(found.with_target.values())
    assert set(found.with_target) == {"a", "b", "c", "d"}
    assert strengths == sorted(strengths, key=abs, reverse=True)
    assert found.left_out == ["town"]
    apart = correlation(table.drop(columns=["e", "town"]), target=table["e"])
    assert apart.with_target == found.with_target
    assert apart.target == "e"
    assert correlation(rng.normal(size=(9, 2)), target=np.arange(9)).target == "target"
    first, second, r = correlation(table.drop(columns="town")).pairs[0]
    assert abs(r) == max(abs(value) for *_, value in correlation(table.drop(columns="town")).pairs)
    assert (first, second) == ("a", "e")


def test_frames_of_polars_and_columns_of_pandas_own_dtypes():
    polars = pytest.importorskip("polars")
    table = frame()
    np.testing.assert_allclose(correlation(polars.from_pandas(table)).values, table.corr(), atol=1e-12)
    own = pandas.DataFrame({"n": pandas.array([1, None, 3, 7], dtype="Int64"), "b": [True, False, True, True]})
    np.testing.assert_allclose(correlation(own).values, own.astype(float).corr(), atol=1e-12)


@pytest.mark.parametrize(
    ("data", "target", "error", "message"),
    [
        ({"a": [1, 2], "b": [1, 2]}, "c", ValueError, "no column 'c'; the columns are a, b"),
        ({"a": [1, 2], "b": ["x", "y"]}, None, ValueError, "takes two columns of numbers, and there are 1"),
        ({"a": [1, 2], "b": [1, 2], "t": ["x", "y"]}, "t", TypeError, "target 't' holds no numbers"),
        ({"a": [1, 2], "b": [1]}, None, ValueError, "1, 2 rows"),
        ({"a": [1, 2]}, [1, 2, 3], ValueError, r"target has the shape \(3,\), and the data have 2 rows"),
        ({"target": [1, 2]}, [1, 2], ValueError, "there is a column 'target' already"),
        (np.zeros(3), None, ValueError, r"have the shape \(3,\)"),
        ({}, None, ValueError, "no columns"),
        ({"a": []}, None, ValueError, "no rows"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), None, ValueError, "several columns are called 'a'"),
    ],
)
def test_data_without_correlations(data, target, error, message):
    with pytest.raises(error, match=f"correlation: .*{message}"):
        correlation(data, target)


def test_unknown_columns_of_the_result():
    found = correlation({"a": [1, 2, 3], "b": [1, 2, 4]})
    with pytest.raises(KeyError, match="no column 'c' of numbers"):
        found["a", "c"]
    with pytest.raises(ValueError, match="no target was named"):
        _ = found.with_target


def test_text_and_heat_map():
    pytest.importorskip("matplotlib")
    import matplotlib.pyplot as plt

    found = correlation(frame(), target="e")
    assert repr(found).splitlines()[0] == "correlation with e:"
    assert repr(found).splitlines()[1].startswith("  a   0.")
    assert len(repr(correlation(frame())).splitlines()) == 6
    assert "the strongest" in repr(correlation(rng.normal(size=(20, 30))))
    ax = found.plot()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["e", *found.with_target]
    np.testing.assert_allclose(ax.images[0].get_array()[0], [1, *found.with_target.values()])
    assert ax.images[0].get_clim() == (-1, 1)
    _, own = plt.subplots()
    assert correlation({"a": [1, 2, 4], "b": [5, 5, 5]}).plot(ax=own) is own
    plt.close("all")


# ---------------------------------------------------------------------- report


def clean(rows=400):
    return pandas.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "income": rng.normal(3000, 500, rows),
            "town": rng.choice(list("abcd"), rows),
            "sold": rng.choice([0, 1], rows),
        }
    )


def test_nothing_is_found_in_a_clean_table():
    for target in (None, "sold", "income", "town"):
        found = report(clean(), target)
        assert found.is_clean, found
    assert found.rows == 400
    assert found.columns == ["age", "income", "town", "sold"]


def test_missing_values_of_every_kind_are_counted():
    table = clean(40)
    table.loc[:3, "age"] = np.nan
    table["town"] = table["town"].astype(object)
    table.loc[0, "town"] = None
    table["day"] = pandas.to_datetime(["2020-01-01", None] * 20)
    table["n"] = pandas.array([1, None, 3, 4] * 10, dtype="Int64")
    table.loc[7, "income"] = np.inf
    found = report(table)
    assert found.missing == {"age": 4, "town": 1, "day": 20, "n": 10}
    assert found.infinite == {"income": 1}
    assert found.missing == {k: v for k, v in table.isna().sum().items() if v}


def test_duplicates_are_pandas():
    table = pandas.concat([clean(30), clean(5)])
    table = pandas.concat([table, table.iloc[[3, 3, 8]]])
    assert report(table).duplicates == table.duplicated().sum() == 3
    gaps = pandas.DataFrame({"a": [1, 1, None, None], "b": [None, None, "x", "x"]})
    assert report(gaps).duplicates == gaps.duplicated().sum() == 2


def test_outliers_are_found_and_heavy_tails_of_a_normal_distribution_are_none():
    values = rng.normal(size=5000)
    assert report({"x": values}).outliers == {}
    values[[3, 70]] = 12, -40
    found = report({"x": values, "rare": np.r_[np.zeros(4990), np.full(10, 300.0)], "y": values * 0 + 1})
    assert found.outliers == {"x": 2, "rare": 10}
    assert found.farthest["x"] == -40
    assert report({"x": values}, target=values * 2).outliers == {"x": 2}  # the target is no feature


def test_constant_columns():
    found = report({"a": [3.0] * 20, "b": ["x"] * 20, "c": [None] * 20, "d": [1.0, np.nan] * 10, "e": range(20)})
    assert found.constant == ["a", "b", "c", "d"]


def test_columns_that_are_learned_by_heart():
    rows = 300
    table = clean(rows)
    table["name"] = [f"name {i}" for i in range(rows)]
    table["street"] = rng.choice([f"street {i}" for i in range(80)], rows)
    table["number"] = np.arange(1000, 1000 + rows)[rng.permutation(rows)]
    table["measured"] = rng.normal(size=rows)
    assert set(report(table).high_cardinality) == {"name", "street", "number"}
    assert report(table).high_cardinality["name"] == rows


def leaking(target, **columns):
    return set(report(clean(len(target)).drop(columns="sold").assign(y=target, **columns), "y").leaking)


def test_columns_that_leak_a_class():
    y = rng.choice(["died", "lived", "unknown"], 400, p=[0.5, 0.4, 0.1])
    lived = y == "lived"
    found = leaking(
        y,
        boat=np.where(lived, rng.choice(list("ABCDE"), 400), None),  # only those who lived were in one
        code=pandas.Series(y).map({"died": 3, "lived": 1, "unknown": 9}),
        hint=np.where(rng.random(400) < 0.7, y, "died"),
    )
    assert found == {"code"}
    two = np.where(lived, "lived", "died")
    boat = np.where(lived, rng.choice(list("ABCDE"), 400), None)
    score = lived * 2.0 + rng.normal(0, 0.3, 400)
    weak = lived * 0.5 + rng.normal(size=400)
    assert leaking(two, boat=boat, score=score, weak=weak, noise=rng.normal(size=400)) == {"boat", "score"}


def test_columns_that_leak_a_number():
    y = rng.lognormal(size=400)
    found = leaking(
        y,
        cents=100 * y,
        logarithm=np.log(y),
        near=y + rng.normal(0, 1, 400),
        sums=-3 * y + 1e-3 * rng.normal(size=400),
    )
    assert found == {"cents", "logarithm", "sums"}
    even = rng.uniform(0, 10, 400)
    towns = pandas.qcut(even, 50, labels=False).astype(str)  # in each of which all prices are nearly the same
    assert leaking(even, town=towns, region=pandas.qcut(even, 4, labels=False).astype(str)) == {"town"}


def test_identifiers_and_words_that_come_once_are_no_leak():
    y = rng.choice([0, 1], 300)
    assert leaking(y, name=[f"n{i}" for i in range(300)], number=range(300)) == set()
    assert leaking(y, pair=[f"n{i // 2}" for i in range(300)]) == set()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(30, 200), st.integers(2, 5))
def test_columns_without_a_relation_are_no_leak(seed, rows, classes):
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, rows)
    table = {
        "words": random.choice(list("abcdefgh"), rows),
        "x": random.normal(size=rows),
        "n": random.integers(0, 9, rows),
    }
    assert not report(table, target=y).leaking


def test_class_balance():
    y = ["b"] * 300 + ["a"] * 80 + ["c"] * 20
    found = report(clean(400).drop(columns="sold"), target=pandas.Series(y, name="kind"))
    assert list(found.classes.items()) == [("b", 300), ("a", 80), ("c", 20)]
    assert found.is_skewed
    assert "kind" in found.columns
    assert "stratify" in repr(found)
    assert report(clean(), "sold").classes.keys() == {0, 1}
    assert report(clean(), "income").classes == {}


def test_the_target_itself_may_be_missing_somewhere():
    table = clean()
    table["sold"] = table["sold"].astype(float)
    table.loc[:9, "sold"] = np.nan
    found = report(table, "sold")
    assert found.missing == {"sold": 10}
    assert sum(found.classes.values()) == 390


def test_the_page_names_what_was_found():
    table = clean(100).assign(copy=lambda t: t["sold"], one=1)
    table.loc[0, "age"] = 10_000
    text = repr(report(table, "sold"))
    assert text.splitlines()[0] == "100 rows, 6 columns, target: sold"
    assert "age 1 (10000)" in text
    assert "one" in text
    assert "copy: " in text


def test_arrays_dicts_and_frames_of_polars():
    polars = pytest.importorskip("polars")
    table = clean(50)
    found = report(polars.from_pandas(table), "sold")
    assert (found.rows, found.columns) == (50, list(table.columns))
    assert report(rng.normal(size=(20, 3))).columns == ["column 0", "column 1", "column 2"]
    assert report({"b": [1, 1, 2]}).duplicates == 1


def test_cells_may_hold_lists():
    table = pandas.DataFrame({"words": [["a", "b"], ["a", "b"], ["c", "d"]], "n": [1, 1, 2]})
    assert report(table).duplicates == 1


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        ({"a": [1, 2]}, "b", "no column 'b'"),
        ({"a": [1, 2]}, [1, 2, 3], r"target must hold a value for each of the 2 rows .*shape \(3,\)"),
        ({"target": [1, 2]}, [1, 2], "there is a column 'target' already"),
        ({"a": []}, None, "no rows"),
    ],
)
def test_tables_without_a_report(data, target, message):
    with pytest.raises(ValueError, match=f"report: .*{message}"):
        report(data, target)


def test_the_housing_file():
    pytest.importorskip("pooch")
    try:
        houses = tg.datasets.california_housing()
    except (FileNotFoundError, ImportError):
        pytest.skip("the file is not there")
    found = report(houses, "median_house_value")
    assert found.missing == {"total_bedrooms": 207}
    strongest = next(iter(correlation(houses, "median_house_value").with_target.items()))
    assert strongest[0] == "median_income"
    np.testing.assert_allclose(strongest[1], 0.688075, atol=1e-5)
