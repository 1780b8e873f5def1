"""What data, metrics, training and models check alike."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.validation import (
    all_finite,
    check_array,
    check_integer,
    first_non_finite,
    is_integer,
    is_number,
    non_numeric_columns,
)


@pytest.mark.parametrize("value", [1, 0.5, -3, np.int8(2), np.float16(2), np.uint64(2**63), float("inf")])
def test_real_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, np.complex64(1), [1], np.ones(1), tg.tensor(1.0)])
def test_what_is_no_real_number(value):
    assert not is_number(value)
    assert not is_integer(value)


def test_integers_have_a_least_value():
    assert [is_integer(value) for value in (-7, np.uint8(0), 2**80, 3.0, np.float32(3))] == [True] * 3 + [False] * 2
    assert [is_integer(value, 1) for value in (1, np.int64(5), 0, np.int8(-1))] == [True, True, False, False]


def test_a_checked_integer_is_one_of_python():
    assert type(check_integer("fit: epochs", np.int16(3), 1)) is int
    for bad in (0, 2.0, True, None, "3"):
        with pytest.raises(ValueError, match=f"fit: epochs must be an integer from 1, not {bad!r}"):
            check_integer("fit: epochs", bad, 1)
    with pytest.raises(ValueError, match="seed must be an integer from 0, or None, not -1"):
        check_integer("seed", -1, 0, otherwise="None")


# ---------------------------------------------------------------------- arrays


def test_arrays_are_not_copied():
    x = np.ones((3, 2))
    assert np.shares_memory(check_array(x, "X"), x)
    t = tg.tensor(x)
    assert np.shares_memory(check_array(t, "X"), t.numpy())
    assert not check_array(t, "X").flags.writeable


def test_tensors_of_all_kinds_give_their_values(torch):
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(check_array(w, "w"), [1, 2])
    np.testing.assert_array_equal(check_array(w * 2, "w"), [2, 4])
    np.testing.assert_array_equal(check_array(torch.ones(2, requires_grad=True), "w"), [1, 1])
    brief = check_array(torch.tensor([1.5, -2.0], dtype=torch.bfloat16), "w")
    assert brief.dtype == np.float32
    assert brief.tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("masked", "cure"),
    [
        (np.ma.array([[1.0, 2.0]], mask=[[False, True]]), r"use X\.filled\(np\.nan\)"),
        (np.ma.array([1.0, 2.0]), r"use X\.filled\(np\.nan\)"),  # nothing is masked, now
        (np.ma.array([1, 2], mask=[0, 1]), r"use X\.astype\(float\)\.filled\(np\.nan\)"),
        (np.ma.array([True, False], mask=[0, 1]), r"use X\.astype\(float\)\.filled\(np\.nan\)"),
        (np.ma.array(["a", "b"], mask=[0, 1]), "is a masked array"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])] * 2, r"holds masked arrays, .* \.filled\(np\.nan\) of each"),
        ((np.ones(2), np.ma.array([1.0, 2.0], mask=[0, 1])), "holds masked arrays"),
    ],
)
def test_masked_arrays_are_refused_as_their_mask_would_be_lost(masked, cure):
    with pytest.raises(TypeError, match=f"^Ridge: X .*{cure}"):
        check_array(masked, "X", "Ridge")
    with pytest.raises(TypeError, match=f"^X .*{cure}"):
        check_array(masked, "X")


def test_the_advised_way_keeps_what_is_missing():
    masked = np.ma.array([1, 2], mask=[0, 1])
    np.testing.assert_array_equal(check_array(masked.astype(float).filled(np.nan), "X"), [1, np.nan])


def test_sparse_matrices_and_rows_of_several_lengths_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.coo_array):
        with pytest.raises(TypeError, match=r"X is a sparse matrix, and dense data is required; use X\.toarray\(\)"):
            check_array(kind(np.eye(2)), "X")
    with pytest.raises(ValueError, match=r"^Ridge: X is not a table of numbers: "):
        check_array([[1, 2], [3]], "X", "Ridge", "a table of numbers")
    with pytest.raises(ValueError, match=r"^y is not an array: "):
        check_array([[1, 2], [3]], "y")


def test_frames_are_of_one_dtype_with_nan_where_a_value_is_missing():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [True, False]})
    frame["c"] = pandas.array([3, None], dtype="Int32")
    assert check_array(frame[["a"]], "X").dtype == np.int64
    assert check_array(frame[["b"]], "X").dtype == bool
    assert check_array(frame, "X").dtype == np.float64
    np.testing.assert_array_equal(check_array(frame, "X"), [[1, 1, 3], [2, 0, np.nan]])
    np.testing.assert_array_equal(check_array(frame["c"], "y"), [3, np.nan])
    assert check_array(pandas.Series([1, 2], dtype="UInt8"), "y").dtype == np.uint8
    assert check_array(pandas.Series(["a", "b"]), "y").tolist() == ["a", "b"]
    assert check_array(frame[[]], "X").shape == (2, 0)


def test_columns_that_are_no_numbers_have_a_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, "u", 2.0]], columns=["a", "b", "b"])  # two of one name
    assert [text.split()[0] for text in non_numeric_columns(frame)] == ["'b'"]
    assert non_numeric_columns(frame["a"]) == []
    assert len(non_numeric_columns(pandas.Series(["u"], name="name"))) == 1


# ---------------------------------------------------------------------- finite


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_the_first_entry_that_is_not_finite_is_found(dtype):
    x = np.ones((4, 3), dtype)
    assert first_non_finite(x) is None
    x[2, 1], x[3, 0] = np.inf, np.nan
    assert all_finite(x[:2])
    where, value, total = first_non_finite(x)
    assert (where, value, total) == ((2, 1), np.inf, 2)
    assert first_non_finite(x[2, 1:2].reshape(())).where == ()


def test_large_numbers_integers_and_nothing_are_finite():
    largest = np.full(3, np.finfo(np.float64).max)
    with np.errstate(all="raise"):
        assert first_non_finite(largest) is None
        assert first_non_finite(np.full(3, 6e4, np.float16)) is None
    for x in (np.arange(3), np.array([True]), np.zeros((0, 2)), np.array(2.0), np.array(["a"])):
        assert all_finite(x)
        assert first_non_finite(x) is None
