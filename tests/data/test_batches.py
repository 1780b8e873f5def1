"""Batches that are transformed, prepared ahead, of several inputs, and of tables in files."""

import copy
import pickle
import threading
import time

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.train import Checkpoint, Diverged, Doctor, fit

rng = np.random.default_rng(0)
X, HOUR = rng.normal(size=(50, 3)), rng.integers(0, 5, 50)
Y = X[:, 0] + HOUR

# ---------------------------------------------------------------------- transform


def test_transform_gets_and_returns_the_parts_of_a_batch():
    seen = []

    def double(x, y):
        seen.append((type(x), type(y), len(x)))
        return 2 * x, -y

    for (x, y), start in zip(DataLoader((X, HOUR), batch_size=20, transform=double), (0, 20, 40)):
        np.testing.assert_array_equal(x.numpy(), 2 * X[start : start + 20])
        np.testing.assert_array_equal(y, -HOUR[start : start + 20])
    assert seen == [(tg.Tensor, np.ndarray, n) for n in (20, 20, 10)]


def test_arrays_lists_and_tensors_may_be_returned_and_the_dtype_is_kept():
    for form in (lambda x: x.numpy(), lambda x: x, lambda x: x.tolist(), lambda x: x.numpy().astype(np.float64)):
        loader = DataLoader((X, HOUR), dtype=np.float32, transform=lambda x, y, form=form: (form(x), y.tolist()))
        x, y = next(iter(loader))
        assert (type(x), x.dtype, y.dtype) == (tg.Tensor, np.float32, np.int64)
    (x,) = next(iter(DataLoader(X, transform=lambda x: x + 1)))
    np.testing.assert_array_equal(x.numpy(), X[:32] + 1)


def test_the_batch_of_a_transform_is_nobody_elses_memory():
    kept = np.zeros((50, 3))
    (x,) = next(iter(DataLoader(X, batch_size=50, transform=lambda x: kept)))
    kept += 1
    assert not x.numpy().any()


def test_random_numbers_of_the_library_depend_on_seed_and_epoch_alone():
    def noise(x, y):
        return x + tg.randn(*x.shape), y

    def passes(**options):
        loader = DataLoader((X, HOUR), batch_size=20, shuffle=True, seed=3, transform=noise, **options)
        return [np.concatenate([x.numpy() for x, _ in loader]) for _ in range(2)]

    first = passes()
    tg.manual_seed(1)
    tg.randn(5)
    for other in (passes(), passes(prefetch=2)):
        np.testing.assert_array_equal(first, other)
    assert not np.array_equal(*first)
    loader = DataLoader((X, HOUR), batch_size=20, shuffle=True, seed=3, transform=noise)
    loader.epoch = 1
    np.testing.assert_array_equal(np.concatenate([x.numpy() for x, _ in loader]), first[1])


def test_a_training_run_with_a_transform_goes_on_where_it_stopped(tmp_path):
    def train(epochs, path):
        tg.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.3), nn.Linear(4, 1))
        data = DataLoader((X, Y[:, None]), 10, True, seed=1, transform=lambda x, y: (x + tg.randn(*x.shape), y))
        sgd = optim.SGD(net.parameters(), lr=0.01)
        fit(net, nn.MSELoss(), sgd, data, epochs=epochs, callbacks=[Checkpoint(path, resume=True)])
        return net[0].weight.numpy()

    whole = train(4, tmp_path / "whole.npz")
    train(2, tmp_path / "parts.npz")
    np.testing.assert_array_equal(train(4, tmp_path / "parts.npz"), whole)


@pytest.mark.parametrize(
    ("transform", "error", "message"),
    [
        (lambda x: x, TypeError, r"transform gets the parts of a batch, transform\(x, y\): .*takes 1 positional"),
        (lambda x, y: len(3), TypeError, r"^object of type 'int' has no len"),
        (lambda x, y: None, TypeError, "must return as many, not NoneType: does it lack its `return`"),
        (lambda x, y: x, TypeError, "got 2 parts of a batch and must return as many, not Tensor"),
        (lambda x, y: (x, y, y), TypeError, "not 3 parts"),
        (lambda x, y: (x[:3], y), ValueError, "parts of 3, 32 rows"),
        (lambda x, y: (["a"] * len(x), y), TypeError, "transform returned x of dtype <U1, which holds no numbers"),
        (lambda x, y: (x, 3.0), TypeError, "transform returned y as a single float"),
        (lambda x, y: ({"a": x, "b": x[:2]}, y), ValueError, "parts of 32, 2, 32 rows"),
        (lambda x, y: ([[1.0], [1.0, 2.0]], y), ValueError, "transform returned: x is not an array"),
    ],
)
@pytest.mark.parametrize("prefetch", [0, 1])
def test_what_a_transform_returns_is_checked(transform, error, message, prefetch):
    with pytest.raises(error, match=message):
        list(DataLoader((X, HOUR), transform=transform, prefetch=prefetch))


def test_a_transform_must_be_a_function():
    with pytest.raises(TypeError, match="transform must be a function of a batch's parts, not 'flip'"):
        DataLoader(X, transform="flip")


# ---------------------------------------------------------------------- a thread that prepares batches


@pytest.mark.parametrize("prefetch", [1, 3, 100])
def test_batches_that_are_prepared_ahead_are_the_same(prefetch):
    for options in ({}, {"shuffle": True, "seed": 0}, {"drop_last": True}):
        plain, ahead = (list(DataLoader((X, HOUR), 8, prefetch=n, **options)) for n in (0, prefetch))
        assert len(plain) == len(ahead)
        for one, other in zip(plain, ahead):
            np.testing.assert_array_equal(one[0].numpy(), other[0].numpy())
            np.testing.assert_array_equal(one[1], other[1])


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "tg.data.DataLoader"]


def test_the_thread_works_while_the_batch_before_is_used():
    started = threading.Event()

    def slow(x):
        if len(threads()) == 1 and x.numpy()[0, 0] == X[10, 0]:
            started.set()
        return x

    batches = iter(DataLoader(X, 10, transform=slow, prefetch=1))
    next(batches)
    assert started.wait(10)  # nobody has asked for the second batch yet
    assert len(list(batches)) == 4
    assert not threads()


def test_the_thread_ends_when_a_loop_is_left():
    for _ in DataLoader(X, 2, prefetch=2):
        break
    deadline = time.monotonic() + 10
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()


def test_an_error_in_the_thread_comes_where_its_batch_would_have():
    def fails(x, y):
        if 30 in y:
            raise LookupError("no picture 30")
        return x, y

    batches = iter(DataLoader((X, np.arange(50)), 10, transform=fails, prefetch=2))
    assert [next(batches)[1][0] for _ in range(3)] == [0, 10, 20]
    with pytest.raises(LookupError, match="no picture 30"):
        next(batches)


def test_fit_takes_batches_that_are_prepared_ahead():
    found = []
    for prefetch in (0, 2):
        tg.manual_seed(0)
        net = nn.Linear(3, 1)
        data = DataLoader((X, Y[:, None]), 10, True, seed=0, prefetch=prefetch, transform=lambda x, y: (x * 2, y))
        found.append(fit(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.01), data, epochs=3)["loss"])
    assert found[0] == found[1]


# ---------------------------------------------------------------------- several inputs and targets


class ByName(nn.Module):
    def __init__(self):
        self.embedding, self.linear = nn.Embedding(5, 2), nn.Linear(5, 1)

    def forward(self, x, hour):
        return self.linear(tg.concatenate([x, self.embedding(hour)], axis=1))[:, 0]


class OfDict(ByName):
    def forward(self, inputs):
        return super().forward(inputs["x"], inputs["hour"])


class Side(ByName):
    """What does the same with the columns side by side, in one array."""

    def forward(self, x):
        return super().forward(x[:, :3], x.numpy()[:, 3].astype(int))


INPUTS = {"x": X, "hour": HOUR}


def losses(net, data, validation, **options):
    adam = optim.Adam(net.parameters(), lr=0.05)
    history = fit(net, nn.MSELoss(), adam, data, validation=validation, metrics=["mae"], epochs=3, seed=0, **options)
    return np.array([history["loss"], history["validation_mae"]])


@pytest.mark.parametrize("Net", [ByName, OfDict])
@pytest.mark.parametrize("options", [{}, {"compile": True}, {"callbacks": [Doctor()]}, {"shuffle": False}])
def test_fit_takes_several_inputs_by_name_or_in_a_dict(Net, options):
    columns = np.column_stack([X, HOUR])
    tg.manual_seed(0)
    wanted = losses(Side(), (columns, Y), (columns, Y), **({} if "shuffle" not in options else options))
    loader = DataLoader((INPUTS, Y), 32, options.get("shuffle", True), seed=0)
    for data in (INPUTS, Y), loader:
        tg.manual_seed(0)
        np.testing.assert_allclose(losses(Net(), data, (INPUTS, Y), **options), wanted, rtol=1e-4)


def test_fit_takes_batches_of_dicts_that_a_user_brings():
    batches = [({"x": x["x"].numpy().tolist(), "hour": x["hour"]}, y) for x, y in DataLoader((INPUTS, Y), 32)]
    tg.manual_seed(0)
    one = losses(ByName(), batches, (INPUTS, Y))
    tg.manual_seed(0)
    np.testing.assert_allclose(one, losses(ByName(), (INPUTS, Y), (INPUTS, Y), shuffle=False), rtol=1e-4)


def test_several_targets_come_in_a_dict_as_the_outputs_may():
    class Both(ByName):
        def forward(self, x, hour):
            z = super().forward(x, hour)
            return {"sum": z, "late": z - 3}

    def loss(output, target):
        return nn.functional.mse_loss(output["sum"], target["sum"]) + nn.functional.binary_cross_entropy_with_logits(
            output["late"], target["late"]
        )

    net = Both()
    targets = {"sum": Y, "late": (HOUR > 3).astype(float)}
    history = fit(net, loss, optim.Adam(net.parameters(), lr=0.05), (INPUTS, targets), epochs=20, seed=0)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    with pytest.raises(TypeError, match="a module that returns one Tensor, but this one returns a dict"):
        fit(
            net,
            loss,
            optim.Adam(net.parameters()),
            (INPUTS, targets),
            validation=(INPUTS, targets),
            metrics=["mae"],
            epochs=1,
        )


def test_batches_of_dicts_have_their_keys_and_the_same_rows():
    loader = DataLoader((INPUTS, {"sum": Y}, HOUR), 20, shuffle=True, seed=0)
    for (x, y, hour), rows in zip(loader, np.split(loader.order(0), [20, 40])):
        assert (list(x), list(y)) == (["x", "hour"], ["sum"])
        np.testing.assert_array_equal(x["x"].numpy(), X[rows])
        np.testing.assert_array_equal(x["hour"], hour)
        np.testing.assert_array_equal(y["sum"].numpy(), Y[rows])
    (only,) = next(iter(DataLoader(INPUTS, 50)))
    np.testing.assert_array_equal(only["x"].numpy(), X)


def test_sparse_and_dense_inputs_go_together():
    sparse = pytest.importorskip("scipy.sparse")
    words = sparse.random_array((50, 200), density=0.1, rng=rng, format="csr")
    (x, y) = next(iter(DataLoader(({"words": words, "hour": HOUR}, Y), 10)))
    assert isinstance(x["words"]._data, SparseMatrix)
    assert len(x["hour"]) == len(y) == 10


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (({"x": X, "hour": HOUR[:5]}, Y), "50, 5, 50 rows"),
        (({}, Y), "X is an empty dict"),
        (({"x": np.array(["a"] * 50)}, Y), "does not hold numbers"),
    ],
)
def test_dicts_that_cannot_be_used(data, message):
    with pytest.raises((ValueError, TypeError), match=message):
        DataLoader(data)


def test_errors_name_the_input():
    class Other(ByName):
        def forward(self, image, hour):
            return hour

    net = Other()
    with pytest.raises(TypeError, match=r"inputs 'x', 'hour' do not match the signature of Other .*by these names"):
        fit(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1), (INPUTS, Y), epochs=1)
    bad = X.copy()
    bad[7, 1] = np.nan
    net = ByName()
    with pytest.raises(Diverged, match=r"input x\['x'\] has nan in row 7 of the data, column 1"):
        fit(
            net,
            nn.MSELoss(),
            optim.SGD(net.parameters(), lr=0.1),
            ({"x": bad, "hour": HOUR}, Y),
            epochs=1,
            shuffle=False,
        )


# ---------------------------------------------------------------------- tables in files

pandas = pytest.importorskip("pandas")
FRAME = pandas.DataFrame({"area": X[:, 0], "age": HOUR, "price": Y, "sold": HOUR > 2, "town": list("ab") * 25})


@pytest.fixture(params=["csv", "csv with semicolons", "tsv", "parquet"])
def table(request, tmp_path):
    path = tmp_path / f"houses.{request.param.split()[0]}"
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
        FRAME.to_parquet(path, row_group_size=7)
    else:
        FRAME.to_csv(path, index=False, sep={"tsv": "\t", "csv with semicolons": ";"}.get(request.param, ","))
    return path


def whole(loader):
    parts = list(zip(*loader))
    return [np.concatenate([part.numpy() if isinstance(part, tg.Tensor) else part for part in each]) for each in parts]


@pytest.mark.parametrize("size", [1, 6, 7, 20, 50, 64])
def test_the_rows_of_a_file_come_in_batches_of_one_size(table, size):
    loader = DataLoader(table, size, target="price", columns=["area", "age"], piece=7, dtype=np.float64)
    sizes = [len(x) for x, _ in loader]
    assert sizes == [min(size, 50 - start) for start in range(0, 50, size)]
    assert len(loader) == len(sizes)
    x, y = whole(loader)
    np.testing.assert_allclose(x, FRAME[["area", "age"]], rtol=1e-14)
    np.testing.assert_allclose(y, Y, rtol=1e-14)
    assert len(list(DataLoader(table, size, columns=["age"], piece=7, drop_last=size <= 50))) == (
        50 // size if size <= 50 else 1
    )


def test_all_columns_but_the_target_are_features_in_the_default_float(table):
    path = table.with_name("numbers" + table.suffix)
    numbers = FRAME.drop(columns="town")
    numbers.to_parquet(path) if path.suffix == ".parquet" else numbers.to_csv(
        path, index=False, sep="\t" if path.suffix == ".tsv" else ","
    )
    loader = DataLoader(str(path), 50, target="sold")
    x, y = next(iter(loader))
    assert (x.dtype, x.shape, y.dtype, y.shape) == (np.float32, (50, 3), np.int64, (50,))
    assert loader.columns[0] == ["area", "age", "price"]
    np.testing.assert_array_equal(y, FRAME["sold"])
    (x,) = next(iter(DataLoader(path, 50)))
    assert x.shape == (50, 4)
    x, y = next(iter(DataLoader(path, 50, target=["price", "age"])))
    assert (y.shape, y.dtype) == ((50, 2), np.float32)


def test_shuffled_rows_of_a_file_each_come_once_in_an_order_that_the_seed_decides(table):
    def ages(**options):
        return whole(DataLoader(table, 8, True, target="area", columns=["age"], piece=7, dtype=np.float64, **options))[
            1
        ]

    first = ages(seed=0)
    np.testing.assert_allclose(np.sort(first), np.sort(X[:, 0]), rtol=1e-14)
    np.testing.assert_array_equal(first, ages(seed=0))
    np.testing.assert_array_equal(first, ages(seed=0, prefetch=2))
    assert not np.array_equal(first, ages(seed=1))
    loader = DataLoader(table, 8, True, target="area", columns=["age"], piece=7, seed=0, dtype=np.float64)
    np.testing.assert_allclose(X[loader.order(0), 0], first, rtol=1e-14)


def test_words_come_to_the_transform_in_a_frame(table):
    def encoded(x, y):
        return np.column_stack([x["area"], x["town"] == "a"]).astype(np.float32), y

    loader = DataLoader(table, 16, target="price", columns=["area", "town"], piece=7, transform=encoded)
    np.testing.assert_array_equal(whole(loader)[0][:, 1], FRAME["town"] == "a")
    with pytest.raises(TypeError, match=r"columns of houses\.\w+ do not hold numbers: 'town'; leave them out"):
        DataLoader(table, target="price")


def test_a_loader_of_a_file_can_be_copied_and_pickled(table):
    loader = DataLoader(table, 20, target="price", columns=["age"], piece=7)
    for twin in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        for part, wanted in zip(whole(twin), whole(loader)):
            np.testing.assert_array_equal(part, wanted)


def test_fit_trains_on_a_file_and_goes_on(table, tmp_path):
    def train(epochs, path):
        tg.manual_seed(0)
        line = nn.Linear(2, 1)
        data = DataLoader(table, 10, True, target=["price"], columns=["area", "age"], piece=7, seed=0)
        sgd = optim.SGD(line.parameters(), lr=0.02)
        history = fit(line, nn.MSELoss(), sgd, data, epochs=epochs, callbacks=[Checkpoint(path, resume=True)])
        return line.weight.numpy(), history

    weight, history = train(12, tmp_path / "whole.npz")
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    train(6, tmp_path / "parts.npz")
    np.testing.assert_array_equal(train(12, tmp_path / "parts.npz")[0], weight)
    if table.suffix == ".csv":
        FRAME.assign(area=1.0).to_csv(table, index=False)
        with pytest.raises(ValueError, match="its data were others"):
            train(20, tmp_path / "parts.npz")


def test_values_in_quotes_may_hold_newlines_and_quotes(tmp_path):
    frame = pandas.DataFrame({"text": ['a "b"\nc', "d,e", "", "f"] * 3, "n": range(12)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    texts = []

    def looked_at(x, y):
        texts.extend(x["text"].fillna("").tolist())
        return y, y

    loader = DataLoader(tmp_path / "t.csv", 5, target="n", columns=["text"], piece=4, transform=looked_at)
    np.testing.assert_array_equal(whole(loader)[0], np.arange(12))
    assert texts == frame["text"].tolist()


BAD_FILES = {
    "no such file": ("missing.csv", None, {}, FileNotFoundError, "there is no file"),
    "another format": ("t.xlsx", b"x", {}, ValueError, r"must end in \.csv, \.tsv or \.parquet"),
    "empty": ("t.csv", b"", {}, ValueError, "has no rows"),
    "only names": ("t.csv", b"a,b\n", {}, ValueError, "has no rows"),
    "a long row": ("t.csv", b"a,b\n1,2\n1,2,3\n", {}, ValueError, "t.csv, from row 0"),
    "all rows too long": ("t.csv", b"a,b\n1,2,3\n1,2,3\n", {}, ValueError, "more values than there are names"),
    "an open quote": ("t.csv", b'a,b\n1,"2\n3,4\n', {}, ValueError, "a quote is opened and never closed"),
    "no UTF-8": ("t.csv", b"a,b\n1,\xff\n", {}, ValueError, "t.csv, from row 0"),
    "no such target": ("t.csv", b"a,b\n1,2\n", {"target": "c"}, ValueError, "target names 'c', .*its columns are a, b"),
    "no such column": ("t.csv", b"a,b\n1,2\n", {"columns": ["z"]}, ValueError, "columns names 'z'"),
    "a feature that is the target": (
        "t.csv",
        b"a,b\n1,2\n",
        {"columns": ["a"], "target": "a"},
        ValueError,
        "both name 'a'",
    ),
    "nothing but the target": ("t.csv", b"a\n1\n", {"target": "a"}, ValueError, "no columns but the target"),
    "a decimal comma": ("t.csv", b"a;b\n1;2\n1;2,5\n", {"piece": 1}, TypeError, "'2,5' is no number; .* decimal comma"),
    "a text later": ("t.csv", b"a,b\n1,2\n1,x\n", {"piece": 1}, TypeError, "column 'b', rows 1 to 1: 'x' is no number"),
    "a fraction among classes": (
        *("t.csv", b"a,b\n1,2\n1,2.5\n", {"piece": 1, "target": "b"}),
        *(ValueError, "column 'b', rows 1 to 1: 2.5 is no integer"),
    ),
    "a missing class": (
        *("t.csv", b"a,b\n1,2\n1,\n", {"piece": 1, "target": "b"}),
        *(ValueError, "column 'b', rows 1 to 1: nan is no integer"),
    ),
    "classes by name": ("t.csv", b"a,b\n1,yes\n", {"target": "b"}, TypeError, "'yes' is no number; a target must be"),
    "a damaged Parquet file": ("t.parquet", b"PAR1 and then nothing", {}, ValueError, "no Parquet file, or damaged"),
}


@pytest.mark.parametrize(("name", "text", "options", "error", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_cannot_be_used(tmp_path, name, text, options, error, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(error, match=message):
        list(DataLoader(path, **options))


def test_a_truncated_parquet_file_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    for cut in (8, len(data) // 2, len(data) - 4):
        (tmp_path / "t.parquet").write_bytes(data[:cut])
        with pytest.raises(ValueError, match=r"t\.parquet is no Parquet file, or damaged"):
            DataLoader(tmp_path / "t.parquet", columns=["age"])


def test_only_a_piece_of_a_file_is_in_memory(tmp_path):
    import tracemalloc

    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "1.5,2\n" * 200_000)
    loader = DataLoader(path, 1000, target="b", piece=2000)
    tracemalloc.start()
    assert sum(len(x) for x, _ in loader) == 200_000
    assert tracemalloc.get_traced_memory()[1] < 1e6  # all of it has 3.2 MB
    tracemalloc.stop()


def test_target_and_columns_are_for_files():
    with pytest.raises(TypeError, match=r"choose those of a file; of arrays write DataLoader\(\(X, y\)\)"):
        DataLoader(X, target="y")
