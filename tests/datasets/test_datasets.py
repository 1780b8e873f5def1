"""Data sets: what they hold, and what happens when a file is missing, damaged, or hostile."""

import bz2
import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml.datasets import fetch as fetching
from tinygrad_ml.datasets.files import FILES, File
from tinygrad_ml.datasets.idx import read_idx
from tinygrad_ml.datasets.mail import read_mails


@pytest.fixture
def real():
    if not os.environ.get("TINYGRAD_ML_DATA"):
        pytest.skip("TINYGRAD_ML_DATA names no folder")


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without data: an empty folder of data, an empty cache."""
    monkeypatch.setenv("TINYGRAD_ML_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(fetching, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path


# ---------------------------------------------------------------------- the real sets


def test_mnist(real):
    X, y, X_test, _ = tg.datasets.mnist()
    assert X.shape == (60000, 28, 28)
    assert X_test.shape == (10000, 28, 28)
    assert X.dtype == np.uint8
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert X.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    part = tg.datasets.mnist("test")
    np.testing.assert_array_equal(part.X, X_test)
    assert part.names == ("X", "y")
    assert len(part) == 2


def test_digits():
    pytest.importorskip("sklearn")
    X, y = tg.datasets.digits()
    assert X.shape == (1797, 64)
    assert X.max() == 16
    assert set(y) == set(range(10))


def test_california_housing(real):
    pytest.importorskip("pandas")
    frame = tg.datasets.california_housing()
    assert frame.shape == (20640, 10)
    assert frame["total_bedrooms"].isna().sum() == 207
    assert frame["median_house_value"].mean() == pytest.approx(206855.82, abs=0.01)
    assert tg.datasets.california_housing("train").shape == (17000, 9)
    assert tg.datasets.california_housing("test").shape == (3000, 9)
    assert "public domain" in frame.attrs["description"]


def test_titanic(real):
    pytest.importorskip("pandas")
    assert tg.datasets.titanic()["Survived"].sum() == 342
    assert tg.datasets.titanic("test").shape == (418, 11)


def test_life_satisfaction_gives_the_line_of_the_textbook(real):
    pytest.importorskip("pandas")
    assert len(tg.datasets.life_satisfaction()) == 36
    frame = tg.datasets.life_satisfaction("textbook")
    model = tg.models.LinearRegression().fit(frame[["gdp_per_capita"]], frame["life_satisfaction"])
    assert model.intercept_ == pytest.approx(4.8531, abs=1e-4)
    assert model.coef_[0] == pytest.approx(4.9115e-5, abs=1e-9)


def test_the_exercises(real):
    X, y = tg.datasets.house_prices()
    model = tg.models.LinearRegression().fit(X, y)
    np.testing.assert_allclose([model.intercept_, *model.coef_], [89597.91, 139.2107, -8738.019], rtol=1e-6)
    assert [len(tg.datasets.city_profits().y), len(tg.datasets.microchips().y)] == [97, 118]
    scores = tg.datasets.exam_scores()
    assert scores.y.sum() == 60
    assert scores.y.dtype == np.int64


def test_messages_and_mails(real):
    messages, y = tg.datasets.sms_spam()
    assert (len(messages), y.sum()) == (5574, 747)
    assert all(isinstance(message, str) for message in messages)
    mails, y = tg.datasets.spamassassin()
    assert (len(mails), y.sum()) == (3000, 500)
    assert all(isinstance(mail, bytes) for mail in mails)


def test_texts(real):
    text = tg.datasets.tiny_shakespeare()
    assert (len(text), len(set(text))) == (1115394, 65)
    assert "public domain" in text.description
    assert len(tg.datasets.wikitext2("valid").split()) == 213886
    assert len(tg.datasets.wikitext2("test").split()) == 241211


def test_every_set_says_what_it_is():
    sets = [name for name in tg.datasets.__all__ if name[0].islower() and not name.startswith("make_")]
    sets.remove("describe")
    for name in sets:
        text = tg.datasets.describe(name)
        assert "Source:" in text
        assert "Licence:" in text
    with pytest.raises(ValueError, match="no data set 'iris'; there are mnist"):
        tg.datasets.describe("iris")


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.datasets.mnist("valid"),
        lambda: tg.datasets.titanic(None),
        lambda: tg.datasets.california_housing("all"),
        lambda: tg.datasets.wikitext2("all"),
        lambda: tg.datasets.life_satisfaction("rich"),
    ],
)
def test_a_wrong_part_is_named(call):
    with pytest.raises(ValueError, match=r"(part|countries) is .*not "):
        call()


# ---------------------------------------------------------------------- where files are found


FILE = File("set/file.txt", "https://example.org/file.txt", (hashlib.sha256(b"right").hexdigest(),))


@pytest.fixture
def file(monkeypatch, nowhere):
    monkeypatch.setitem(FILES, "set", FILE)
    return nowhere


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_the_folder_of_data_comes_first_then_the_cache(file):
    write(file / "cache/set/file.txt", b"right")
    assert fetching.fetch("set") == file / "cache/set/file.txt"
    write(file / "data/set/file.txt", b"right")
    assert fetching.fetch("set") == file / "data/set/file.txt"


@pytest.mark.parametrize("folder", ["data", "cache"])
def test_a_damaged_file_is_refused_with_its_path_and_the_sums(file, folder):
    path = file / folder / "set/file.txt"
    write(path, b"wrong")
    found = hashlib.sha256(b"wrong").hexdigest()
    with pytest.raises(ValueError, match=rf"{path} is damaged: its sha256 is {found}, not {FILE.sums[0]}; delete it"):
        fetching.fetch("set")
    assert path.read_bytes() == b"wrong"  # nothing of the user's is deleted


class Network:
    """What pooch's `retrieve` does, with a network of our own."""

    def __init__(self, answer):
        self.answer, self.calls = answer, []

    def retrieve(self, url, known_hash, fname, path):
        self.calls.append((url, known_hash))
        if isinstance(self.answer, Exception):
            raise self.answer
        (path / fname).write_bytes(self.answer)
        return str(path / fname)


def test_it_is_downloaded_once(file, monkeypatch):
    network = Network(b"right")
    monkeypatch.setitem(__import__("sys").modules, "pooch", network)
    assert fetching.fetch("set").read_bytes() == b"right"
    assert fetching.fetch("set") == file / "cache/set/file.txt"
    assert network.calls == [("https://example.org/file.txt", f"sha256:{FILE.sums[0]}")]


def test_offline_the_message_has_the_address_and_the_place(file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", Network(ConnectionError("no route")))
    with pytest.raises(FileNotFoundError) as caught:
        fetching.fetch("set")
    for part in ["https://example.org/file.txt", str(file / "cache/set/file.txt"), "TINYGRAD_ML_DATA", "no route"]:
        assert part in str(caught.value)


def test_a_wrong_download_is_refused(file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", Network(ValueError("SHA256 hash of downloaded file ...")))
    with pytest.raises(ValueError, match=r"example\.org/file\.txt gave is damaged or another file"):
        fetching.fetch("set")


def test_without_pooch_the_message_has_it_all(file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pip install pooch.*https://example\.org/file\.txt.*TINYGRAD_ML_DATA"):
        fetching.fetch("set")


def test_pooch_itself_downloads_and_compares(nowhere, monkeypatch):
    pytest.importorskip("pooch")
    import functools
    import http.server
    import threading

    write(nowhere / "site/file.txt", b"right")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(nowhere / "site"))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *args: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    try:
        url = f"http://127.0.0.1:{server.server_port}/file.txt"
        monkeypatch.setitem(FILES, "good", File("good.txt", url, FILE.sums))
        monkeypatch.setitem(FILES, "bad", File("bad.txt", url, ("0" * 64,)))
        monkeypatch.setitem(FILES, "gone", File("gone.txt", url + "x", FILE.sums))
        assert fetching.fetch("good").read_bytes() == b"right"
        with pytest.raises(ValueError, match="damaged or another file"):
            fetching.fetch("bad")
        with pytest.raises(FileNotFoundError, match="could not be downloaded"):
            fetching.fetch("gone")
        assert sorted(path.name for path in (nowhere / "cache").iterdir()) == ["good.txt"]
    finally:
        server.shutdown()
        server.server_close()


def test_the_table_of_files():
    for file in FILES.values():
        assert file.url.startswith("https://")
        assert all(len(found) == 64 for found in file.sums)
        assert ".." not in file.place


def test_the_files_of_the_folder_are_in_the_table(real):
    folder = os.environ["TINYGRAD_ML_DATA"]
    found = [file for file in FILES.values() if os.path.exists(os.path.join(folder, file.place))]
    assert len(found) >= 18
    for file in found:
        assert fetching.sum_of(fetching.Path(folder) / file.place) in file.sums


# ---------------------------------------------------------------------- damaged and hostile files


def idx(shape, data, kind=0x08):
    return bytes([0, 0, kind, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + data


def test_idx_of_every_dtype(tmp_path):
    for kind, dtype in [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]:
        array = np.arange(6).reshape(2, 3).astype(dtype)
        write(tmp_path / "a", idx((2, 3), array.tobytes(), kind))
        write(tmp_path / "a.gz", gzip.compress(idx((2, 3), array.tobytes(), kind)))
        for name in ("a", "a.gz"):
            found = read_idx(tmp_path / name)
            np.testing.assert_array_equal(found, array)
            assert found.dtype.isnative
            assert found.flags.writeable


@settings(max_examples=200, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=40).map(lambda b: b"\0\0\x08\x02" + b),
        st.binary(max_size=40).map(gzip.compress),
    )
)
def test_idx_of_any_bytes_is_an_array_or_an_error(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.idx"
    path.write_bytes(data)
    try:
        found = read_idx(path)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, np.ndarray) or str(path) in found


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not an IDX file"),
        (b"PK\x03\x04....", "is not an IDX file"),
        (idx((2, 3), b"12345"), r"holds 5 bytes of elements; its shape \(2, 3\) needs 6"),
        (idx((2, 3), b"1234567"), "holds 7 bytes"),
        (idx((2**31, 2**31), b"1"), "needs 4611686018427387904"),
        (b"\0\0\x08\x03\0\0\0\1", "ends within the header"),
        (gzip.compress(idx((2,), b"12"), mtime=0)[:-5], "not a whole file of gzip"),
        (b"\x1f\x8bnonsense", "not a whole file of gzip"),
    ],
)
def test_damaged_idx(data, message, tmp_path):
    write(tmp_path / "x", data)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "x")


def archive(path, members, compress=bz2.compress):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data, kind in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(data))
    write(path, compress(buffer.getvalue()))


def named(number, mail, folder="easy_ham/"):
    return f"{folder}{number:05}.{hashlib.md5(mail).hexdigest()}", mail, tarfile.REGTYPE


def test_mails_of_an_archive(tmp_path):
    archive(tmp_path / "m", [named(2, b"two"), named(1, b"one"), ("easy_ham/cmds", b"mv a b", tarfile.REGTYPE)])
    assert read_mails(tmp_path / "m") == [b"one", b"two"]


def test_an_archive_of_several_streams_is_read_to_its_end(tmp_path):
    mails = [str(i).encode() for i in range(40)]
    archive(tmp_path / "m", [named(i, mail) for i, mail in enumerate(mails)])
    tar = bz2.decompress((tmp_path / "m").read_bytes())
    pieces = [bz2.compress(tar[start : start + 5000]) for start in range(0, len(tar), 5000)]
    assert len(pieces) > 3
    write(tmp_path / "m", b"".join(pieces))  # as programs that use several cores pack
    assert read_mails(tmp_path / "m") == mails


def test_a_hostile_archive_writes_nothing(tmp_path):
    inside = tmp_path / "inside"
    mail = b"mail"
    members = [
        named(1, mail, "../../"),
        named(2, mail, "/tmp/"),
        ("easy_ham/00003." + "0" * 32, b"", tarfile.SYMTYPE),
        ("easy_ham/00004." + "0" * 32, b"", tarfile.LNKTYPE),
        ("easy_ham/00005." + "0" * 32, b"", tarfile.FIFOTYPE),
    ]
    archive(inside / "m", members)
    assert read_mails(inside / "m") == [mail, mail]
    assert [path.name for path in tmp_path.rglob("*")] == ["inside", "m"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: write(p, b"nonsense"), "not a whole archive of bzip2"),
        (lambda p: write(p, bz2.compress(b"x" * 5000)[:-9]), "ends too early"),
        (lambda p: write(p, bz2.compress(b"x" * 5000)), "not an archive of mails"),
        (lambda p: write(p, bz2.compress(b"\0" * (2**26 + 1))), "unpacks to more than"),
        (lambda p: write(p, 3 * bz2.compress(b"\0" * 2**25)), "unpacks to more than"),
        (lambda p: write(p, bz2.compress(b"\0") * 200_000), "more than 100 streams"),
        (lambda p: write(p, bz2.compress(b"x" * 5000) + b"rest"), "not a whole archive of bzip2"),
        (lambda p: archive(p, []), "holds no mail"),
        (
            lambda p: archive(p, [("easy_ham/00001." + "0" * 32, b"changed", tarfile.REGTYPE)]),
            "is damaged: the mail 00001",
        ),
    ],
)
def test_a_damaged_archive(make, message, tmp_path):
    make(tmp_path / "m")
    with pytest.raises(ValueError, match=message):
        read_mails(tmp_path / "m")


@settings(max_examples=100, deadline=None)
@given(
    data=st.one_of(st.binary(max_size=600), st.binary(max_size=600).map(lambda b: (b"a" * 100 + b).ljust(1024, b"\0")))
)
def test_an_archive_of_any_bytes_is_refused(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.tar.bz2"
    path.write_bytes(bz2.compress(data))
    with pytest.raises(ValueError, match=r"any\.tar\.bz2"):
        read_mails(path)


def test_a_damaged_zip_and_messages(nowhere, monkeypatch):
    path = nowhere / "data/wikitext2/wikitext-2-v1.zip"
    for data in (b"nonsense", b""):
        write(path, data)
        monkeypatch.setitem(
            FILES, "wikitext2 archive", File("wikitext2/wikitext-2-v1.zip", "https://e.org", (fetching.sum_of(path),))
        )
        with pytest.raises(ValueError, match="not the archive of WikiText-2"):
            tg.datasets.wikitext2("train")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("wikitext-2/wiki.train.tokens", " = Title = \n a b")
        z.writestr("../../evil", "x")
    monkeypatch.setitem(
        FILES, "wikitext2 archive", File("wikitext2/wikitext-2-v1.zip", "https://e.org", (fetching.sum_of(path),))
    )
    assert tg.datasets.wikitext2("train").split() == ["=", "Title", "=", "a", "b"]
    assert not list(nowhere.rglob("evil"))
    path = nowhere / "data/sms_spam/SMSSpamCollection"
    write(path, b"ham\thello\r\nneither\r\n")
    monkeypatch.setitem(
        FILES, "sms_spam", File("sms_spam/SMSSpamCollection", "https://e.org", (fetching.sum_of(path),))
    )
    with pytest.raises(ValueError, match="line 2 must be ham or spam, a tab, and the message; it is 'neither'"):
        tg.datasets.sms_spam()


# ---------------------------------------------------------------------- drawn sets


@pytest.mark.parametrize("make", ["make_moons", "make_circles", "make_spirals", "make_linear", "make_sine"])
def test_drawn_sets_are_the_same_for_one_seed(make):
    function = getattr(tg.datasets, make)
    for n in (7, 100):
        one, two, other = function(n, random_state=0), function(n, random_state=0), function(n, random_state=1)
        np.testing.assert_array_equal(one.X, two.X)
        assert not np.array_equal(one.X, other.X)
        assert one.X.shape[0] == len(one.y) == n
        assert one.X.dtype == np.float64
    with pytest.raises(ValueError, match=f"{make}: n_samples must be an integer from"):
        function(0)
    with pytest.raises(ValueError, match=f"{make}: noise"):
        function(10, noise=-1)


def test_shapes_without_noise():
    X, y = tg.datasets.make_moons(101, noise=0, random_state=0)
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(X[y == 1] - [1, 0.5]).T), 1)
    X, y = tg.datasets.make_circles(50, noise=0, factor=0.3, random_state=0)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, 0.3))
    X, y = tg.datasets.make_spirals(90, noise=0, classes=3, turns=1, random_state=0)
    radius = np.hypot(*X.T)
    np.testing.assert_allclose(np.cos(2 * np.pi * (radius + y / 3)), X[:, 0] / radius, atol=1e-12)


def test_noise_is_a_standard_deviation():
    X, y = tg.datasets.make_linear(200_000, weights=[2.0], intercept=1.0, noise=0.7, random_state=0)
    assert (y - 2 * X[:, 0] - 1).std() == pytest.approx(0.7, rel=0.01)


def test_a_dataset_is_a_tuple_with_names():
    data = tg.datasets.make_sine(5, random_state=0)
    assert isinstance(data, tuple)
    assert data.X is data[0]
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.X, data.X)
    assert copy.description == data.description
    with pytest.raises(AttributeError, match="no part 'target'; it has X, y, and a description"):
        _ = data.target
    assert "y" in dir(data)
