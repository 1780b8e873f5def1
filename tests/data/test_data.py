"""Splitting data and cutting them into batches: no row is lost, doubled, or read without need."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.data import DataLoader, split

# ---------------------------------------------------------------------- split


def test_the_parts_of_several_arrays_belong_together():
    x = np.arange(40).reshape(20, 2)
    y = [f"row {i}" for i in range(20)]
    train, validation, test = split(x, y, validation=4, test=0.25, seed=0)
    assert [len(part[0]) for part in (train, validation, test)] == [11, 4, 5]
    for rows, names in (train, validation, test):
        assert names == [f"row {i // 2}" for i in rows[:, 0]]


def test_rows_are_mixed_also_within_a_stratified_part():
    train, _, _ = split(np.arange(100), stratify=np.repeat([0, 1], 50), seed=0)
    assert not np.array_equal(train, np.sort(train))
    assert (np.diff(train >= 50) != 0).sum() > 10


def test_the_same_seed_gives_the_same_parts_on_every_machine():
    # the order is that of raw 64-bit numbers of PCG64, whose stream NumPy promises never to change (NEP 19)
    order = np.argsort(np.random.PCG64([7, 0x73706C6974]).random_raw(10), kind="stable")
    train, _, test = split(np.arange(10), test=3, seed=7)
    np.testing.assert_array_equal(np.concatenate([train, test]), order)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draw", ["random", "uniform", "normal", "standard_normal", "exponential", "permutation"])
@pytest.mark.parametrize("stratify", [False, True])
def test_rows_that_were_made_up_with_the_same_seed_are_mixed_all_the_same(seed, draw, stratify):
    """The parts have the mean of all rows, as parts at random have (to within 4.5 standard errors)."""
    rng = np.random.default_rng(seed)
    x = rng.permutation(2000).astype(float) if draw == "permutation" else getattr(rng, draw)(size=2000)
    for part in split(x, validation=0.25, test=0.25, seed=seed, stratify=np.arange(2000) % 2 if stratify else None):
        assert abs(part.mean() - x.mean()) < 4.5 * x.std() / np.sqrt(len(part))


def test_without_a_seed_the_library_decides():
    tg.manual_seed(3)
    first = split(np.arange(50))[0]
    second = split(np.arange(50))[0]
    tg.manual_seed(3)
    np.testing.assert_array_equal(split(np.arange(50))[0], first)
    assert not np.array_equal(first, second)


def test_frames_stay_frames_with_their_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(10), "b": list("abcdefghij")}, index=range(100, 110))
    train, _, test = split(frame, frame["b"], test=0.3, seed=0)
    assert (len(train[0]), len(test[0])) == (7, 3)
    pandas.testing.assert_frame_equal(train[0], frame.loc[train[0].index])
    pandas.testing.assert_series_equal(test[1], frame.loc[test[0].index, "b"])


def test_dicts_of_inputs_are_divided_as_their_arrays():
    x, y = {"picture": np.arange(20).reshape(10, 2), "hour": np.arange(10)}, np.arange(10)
    for inputs, target in split(x, y, validation=3, test=2, seed=0):
        assert list(inputs) == ["picture", "hour"]
        assert inputs["hour"].tolist() == target.tolist() == (inputs["picture"][:, 0] // 2).tolist()
    with pytest.raises(ValueError, match="have 10, 9, 10 rows"):
        split({"a": y, "b": y[1:]}, y)
    with pytest.raises(ValueError, match="the dict is empty"):
        split({})


def test_tensors_sparse_matrices_and_memory_maps_can_be_divided(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    x = np.arange(20.0).reshape(10, 2)
    np.save(tmp_path / "x.npy", x)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    train, _, _ = split(x, tg.tensor(x), sparse.coo_matrix(x), on_disk, seed=0)
    np.testing.assert_array_equal(train[1].numpy(), train[0])
    np.testing.assert_array_equal(train[2].toarray(), train[0])
    np.testing.assert_array_equal(train[3], train[0])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((), {}, TypeError, "nothing to divide"),
        ((np.arange(3), np.arange(4)), {}, ValueError, "3, 4 rows"),
        ((np.zeros((0, 2)),), {}, ValueError, "0 rows"),
        ((5,), {}, TypeError, "int has no rows"),
        ((np.arange(9),), {"test": 1.0}, ValueError, "test=1.0 must be a share"),
        ((np.arange(9),), {"test": -1}, ValueError, "test=-1"),
        ((np.arange(9),), {"test": float("nan")}, ValueError, "test=nan"),
        ((np.arange(9),), {"test": True}, TypeError, "True"),
        ((np.arange(9),), {"test": 9}, ValueError, "none of the 9 rows for training"),
        ((np.arange(3),), {"test": 0.1}, ValueError, r"test=0\.1 of 3 rows is less than one"),
        ((np.arange(9),), {"seed": 0.5}, ValueError, "seed"),
        ((np.arange(4),), {"stratify": np.arange(3)}, ValueError, "each of the 4 rows"),
        ((np.arange(8),), {"stratify": list("aaaaaaab")}, ValueError, r"2 parts, but fewer rows than that of class b"),
        (
            (np.arange(4),),
            {"stratify": ["a", "b", None, "a"]},
            ValueError,
            "stratify has None in row 2: name this class",
        ),
        ((np.arange(5),), {"stratify": np.array([*"aaaa", np.nan], object)}, ValueError, "stratify has nan in row 4"),
        ((np.arange(5),), {"stratify": np.array([*"aaaa", 1], object)}, ValueError, "classes of the types int and str"),
    ],
)
def test_what_cannot_be_divided_is_explained(arguments, options, error, message):
    with pytest.raises(error, match=message):
        split(*arguments, **options)


# ---------------------------------------------------------------------- DataLoader


def test_the_order_depends_on_the_seed_and_the_epoch_alone():
    first = DataLoader(np.arange(30), 7, shuffle=True, seed=5)
    passes = [np.concatenate([rows for (rows,) in first]) for _ in range(3)]
    assert not np.array_equal(passes[0], passes[1])
    tg.manual_seed(99)
    other = DataLoader(np.arange(30), 7, shuffle=True, seed=5)
    other.epoch = 2
    np.testing.assert_array_equal(np.concatenate([rows for (rows,) in other]), passes[2])
    assert other.epoch == 3


def test_a_seed_is_drawn_from_the_library_when_none_is_given():
    tg.manual_seed(1)
    first = DataLoader(np.arange(30), shuffle=True).seed
    tg.manual_seed(1)
    assert DataLoader(np.arange(30), shuffle=True).seed == first
    assert DataLoader(np.arange(30), shuffle=True).seed != first


def test_without_shuffling_nothing_is_drawn():
    tg.manual_seed(1)
    expected = tg.rand(3).tolist()
    tg.manual_seed(1)
    DataLoader(np.arange(30))
    assert tg.rand(3).tolist() == expected


def test_the_last_batch_can_be_dropped():
    assert [len(x) for (x,) in DataLoader(np.arange(7), 3)] == [3, 3, 1]
    loader = DataLoader(np.arange(7), 3, drop_last=True)
    assert len(loader) == 2
    assert [len(x) for (x,) in loader] == [3, 3]


def test_floats_are_tensors_of_the_wanted_dtype_and_labels_stay_arrays():
    data = np.ones((4, 2)), np.array([0, 1, 1, 0], np.uint8), np.array([True, False, True, False])
    for shuffle in (False, True):
        x, y, mask = next(iter(DataLoader(data, 3, shuffle, seed=0, dtype=np.float32)))
        assert isinstance(x, tg.Tensor)
        assert x.dtype == np.float32
        assert (type(y), y.dtype, mask.dtype) == (np.ndarray, np.uint8, bool)
    (x,) = next(iter(DataLoader(np.ones((4, 2)))))
    assert x.dtype == np.float64


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.asarray, lambda x: tg.tensor(x), lambda x: np.asfortranarray(x)])
def test_a_batch_is_a_copy_of_its_rows(kind, dtype, shuffle):
    x, y = kind(np.arange(12.0).reshape(6, 2)), np.arange(6)
    batch, labels = next(iter(DataLoader((x, y), 4, shuffle, seed=0, dtype=dtype)))
    assert not np.shares_memory(batch.numpy(), x.numpy() if isinstance(x, tg.Tensor) else x)
    assert not np.shares_memory(labels, y)
    batch.data[0], labels[0] = 7, 7
    np.testing.assert_array_equal(np.asarray(x), np.arange(12.0).reshape(6, 2))
    assert y.tolist() == list(range(6))


def test_data_that_change_between_forward_and_backward_do_not_change_the_gradient():
    x, y, rows = np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]), np.array([2, 0, 2])
    w = tg.tensor(np.ones((2, 2)), requires_grad=True)
    table = tg.tensor(np.ones((4, 2)), requires_grad=True)
    gradients = []
    for change in (False, True):
        batch, labels, index = next(iter(DataLoader((x, y, rows), 3)))
        loss = tg.nn.functional.cross_entropy(batch @ w + tg.nn.functional.embedding(index, table), labels)
        if change:
            x[:], y[:], rows[:] = 100, 0, 3
        gradients.append(tg.autograd.grad(loss, [w, table]))
    for before, after in zip(*gradients):
        np.testing.assert_array_equal(after.numpy(), before.numpy())


def test_lists_are_numbers_of_the_default_dtype_and_integers():
    x, y = next(iter(DataLoader(([[1.0, 2.0], [3.0, 4.0]], [0, 1]))))
    assert x.dtype == np.float32
    assert y.dtype.kind == "i"


def test_frames_and_series_give_their_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20, 30, 40], "paid": [1.5, 2.5, 3.5], "first": [True, False, True]})
    frame["children"] = pandas.array([1, None, 2], dtype="Int64")
    x, y = next(iter(DataLoader((frame, pandas.Series([0, 1, 1])))))
    np.testing.assert_array_equal(x.numpy(), [[20, 1.5, 1, 1], [30, 2.5, 0, np.nan], [40, 3.5, 1, 2]])
    np.testing.assert_array_equal(y, [0, 1, 1])


def test_series_of_pandas_own_numbers_give_theirs():
    pandas = pytest.importorskip("pandas")
    ages, paid = pandas.Series([1, None, 3], dtype="Int64"), pandas.Series([True, False, True], dtype="boolean")
    x, y = next(iter(DataLoader((ages, paid))))
    np.testing.assert_array_equal(x.numpy(), [1, np.nan, 3])
    np.testing.assert_array_equal(y, [True, False, True])
    assert y.dtype == bool


def test_columns_that_are_no_numbers_are_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20, 30], "name": ["Ann", "Bob"]})
    frame["class"] = pandas.Series(["first", "third"], dtype="category")
    frame["day"] = pandas.to_datetime(["2020-01-01", "2020-01-02"])
    with pytest.raises(TypeError, match=r"'name' .*'class' .*'day' .*get_dummies"):
        DataLoader(frame)
    with pytest.raises(TypeError, match="'name'"):
        DataLoader((frame[["age"]], frame["name"]))


def test_a_memory_map_is_read_in_ascending_order_within_a_batch(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(40.0).reshape(20, 2))
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    loader = DataLoader((on_disk, np.arange(20)), 6, shuffle=True, seed=0)
    seen = []
    for x, rows in loader:
        assert (np.diff(rows) > 0).all()
        np.testing.assert_array_equal(x.numpy()[:, 0], 2 * rows)
        seen += rows.tolist()
    assert seen != sorted(seen)
    assert sorted(seen) == list(range(20))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of its own process as Linux tells it")
def test_a_memory_map_is_never_in_memory_as_a_whole(tmp_path):
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (100_000, 1000)).flush()  # 400 MB of holes
    program = """
import resource, numpy as np, tinygrad_ml as tg
with open("/proc/self/status") as status:
    now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
limit = now + 300 * 2**20
x = np.load("x.npy", mmap_mode="r")
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # memory of its own, without the map
loader = tg.data.DataLoader((x, np.zeros(len(x))), 256, shuffle=True, seed=0, dtype=np.float64)
total = sum(batch.shape[0] for batch, _ in loader)
print(total)
np.array(x, np.float64)
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.strip() == "100000", result.stderr
    assert "MemoryError" in result.stderr  # of the copy, so the limit would have been felt


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ((np.ones(3), np.ones(4)), {}, ValueError, "3, 4 rows"),
        (np.ones((0, 3)), {}, ValueError, "0 rows"),
        (np.float64(3), {}, TypeError, "float64 has no rows"),
        (np.array(["a", "b"]), {}, TypeError, "does not hold numbers; for class names"),
        ([np.ones(3), np.ones(3)], {}, TypeError, r"write \(X, y\)"),
        (np.ones(3), {"batch_size": 0}, ValueError, "batch_size"),
        (np.ones(3), {"drop_last": True}, ValueError, "drop_last leaves nothing"),
        (np.ones(3), {"seed": -1}, ValueError, "seed"),
    ],
)
def test_what_makes_no_batches_is_explained(data, options, error, message):
    with pytest.raises(error, match=message):
        DataLoader(data, **options)


@pytest.mark.parametrize("data", [lambda m: m, lambda m: (np.ones((2, 3)), m), lambda m: (np.ones(2), m, np.ones(2))])
def test_masked_arrays_are_refused(data):
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(TypeError, match=r"DataLoader: [Xy] is a masked array, .*\.filled\(np\.nan\)"):
        DataLoader(data(masked))
    with pytest.raises(TypeError, match=r"split: stratify is a masked array"):
        split(np.arange(4), stratify=np.ma.array([0, 1, 0, 1], mask=[0, 1, 0, 0]))


def test_repr_counts_the_batches():
    assert repr(DataLoader(np.ones(1797), 32, shuffle=True, seed=4)) == (
        "DataLoader(1,797 rows, shuffled with seed 4, in 57 batches of 32)"
    )
