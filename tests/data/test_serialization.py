"""Weights in files."""

import builtins
import os
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

STATE = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(1.5),
    "empty": np.zeros((0, 3)),
    "labels": np.array([1, 2]),
    "transposed": np.arange(6.0).reshape(2, 3).T,
    "half": np.ones(2, np.float16),
    "mask": np.array([True, False]),
}


@pytest.fixture(params=[".npz", ".safetensors"])
def ending(request):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return request.param


def test_arrays_come_back_as_they_were(tmp_path, ending):
    path = tg.save(STATE, tmp_path / f"state{ending}")
    loaded = tg.load(path)
    assert list(tmp_path.iterdir()) == [path]
    assert set(loaded) == set(STATE)
    for name, value in STATE.items():
        np.testing.assert_array_equal(loaded[name], value)
        assert loaded[name].dtype == value.dtype
        assert loaded[name].shape == value.shape


def test_a_module_comes_back(tmp_path, ending):
    net, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(tg.load(tg.save(net, tmp_path / f"net{ending}")))
    np.testing.assert_array_equal(net.weight.numpy(), other.weight.numpy())


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "weights.bin", "v1.0.PT", "a b.c-d", "x.NPZ"])
def test_the_name_given_is_the_name_written(tmp_path, name):
    assert tg.save(STATE, tmp_path / name) == tmp_path / name
    assert [file.name for file in tmp_path.iterdir()] == [name]
    loaded = tg.load(tmp_path / name)
    assert set(loaded) == set(STATE)
    np.testing.assert_array_equal(loaded["weight"], STATE["weight"])


def test_a_file_that_0_1_0_named_itself_is_found(tmp_path):
    tg.save({"w": np.ones(2)}, tmp_path / "model.pt.npz")
    np.testing.assert_array_equal(tg.load(tmp_path / "model.pt")["w"], [1, 1])
    tg.save({"w": np.zeros(2)}, tmp_path / "model.pt")
    np.testing.assert_array_equal(tg.load(tmp_path / "model.pt")["w"], [0, 0])


@pytest.mark.parametrize("dtype", ["complex128", "longdouble"])
def test_dtypes_that_safetensors_cannot_hold(tmp_path, dtype):
    pytest.importorskip("safetensors")
    state = {"w": np.ones(2, dtype), "v": np.ones(1)}
    with pytest.raises(TypeError, match=r"'w' is .*, which \.safetensors cannot hold; use \.npz"):
        tg.save(state, tmp_path / "w.safetensors")
    assert not list(tmp_path.iterdir())
    for name in ("w.npz", "w.pt", "w"):
        loaded = tg.load(tg.save(state, tmp_path / name))
        assert loaded["w"].dtype == dtype


def test_a_module_that_is_a_mapping_comes_back(tmp_path, ending):
    heads, other = (nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(2, 1)}) for _ in range(2))
    other.load_state_dict(tg.load(tg.save(heads, tmp_path / f"heads{ending}")))
    np.testing.assert_array_equal(heads["b"].weight.numpy(), other["b"].weight.numpy())


def test_the_ending_is_chosen_when_it_is_missing(tmp_path):
    pytest.importorskip("safetensors")
    assert tg.save(STATE, tmp_path / "v1.0").name == "v1.0.safetensors"
    assert set(tg.load(tmp_path / "v1.0")) == set(STATE)


def test_without_safetensors_npz_is_written(tmp_path, monkeypatch):
    original = builtins.__import__

    def missing(name, *args):
        if name.startswith("safetensors"):
            raise ImportError
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert tg.save(STATE, tmp_path / "net").suffix == ".npz"
    with pytest.raises(ImportError, match="pip install safetensors"):
        tg.save(STATE, tmp_path / "net.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_an_interrupted_save_leaves_the_old_file(tmp_path, ending, monkeypatch):
    path = tg.save({"w": np.ones(2)}, tmp_path / f"net{ending}")

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tg.save({"w": np.zeros(2)}, path)
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(tg.load(path)["w"], [1, 1])


@pytest.mark.skipif(os.name == "nt", reason="a file there has no mode")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, ending, mode):
    path = tg.save({"w": np.ones(2)}, tmp_path / f"net{ending}")
    path.chmod(mode)
    tg.save({"w": np.zeros(2)}, path)
    assert path.stat().st_mode & 0o777 == mode
    np.testing.assert_array_equal(tg.load(path)["w"], [0, 0])


@pytest.mark.skipif(os.name == "nt", reason="a file there has no mode")
def test_a_new_file_has_the_mode_of_other_new_files(tmp_path, ending):
    other = tmp_path / "other"
    other.write_bytes(b"")
    assert tg.save({"w": np.ones(2)}, tmp_path / f"net{ending}").stat().st_mode == other.stat().st_mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path, ending):
    (tmp_path / "real").mkdir()
    link, real = tmp_path / f"link{ending}", tmp_path / "real" / "net"
    link.symlink_to(real)
    for value in (1.0, 2.0):  # it points to nothing at first
        assert tg.save({"w": np.array(value)}, link) == link
        assert link.is_symlink()
        assert tg.load(real)["w"] == value


def test_what_cannot_be_written_is_named(tmp_path, ending):
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(IsADirectoryError, match=f"cannot write.*folder{ending}"):
        tg.save({"w": np.ones(2)}, tmp_path / f"folder{ending}")
    with pytest.raises(FileNotFoundError, match=rf"cannot write.*net{ending}'$"):
        tg.save({"w": np.ones(2)}, tmp_path / "nowhere" / f"net{ending}")
    assert [file.name for file in tmp_path.iterdir()] == [f"folder{ending}"]


def test_a_truncated_file_is_refused_at_every_length(tmp_path, ending):
    path = tg.save({"w": np.arange(4.0), "b": np.ones(1)}, tmp_path / f"net{ending}")
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"damaged|not a file of weights"):
            tg.load(path)


def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    (tmp_path / "bomb").write_bytes(pickle.dumps(Bomb()))
    np.savez(tmp_path / "bomb.npz", w=np.array([Bomb()], dtype=object))
    for name in ("bomb", "bomb.npz"):
        with pytest.raises(ValueError, match=r"damaged|not a file of weights"):
            tg.load(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", ["model.pt", "model", "model.npz"])
def test_the_file_of_pytorch_is_named_as_such(tmp_path, torch, name, legacy):
    theirs, ours = torch.nn.Linear(3, 2), nn.Linear(3, 2)
    torch.save(theirs.state_dict(), tmp_path / name, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ValueError, match=r"model.* is a pickle.*PyTorch.*load_state_dict\(torch\.load\(path\)\)"):
        tg.load(tmp_path / name)
    ours.load_state_dict(torch.load(tmp_path / name))
    np.testing.assert_array_equal(ours.weight.numpy(), theirs.weight.detach().numpy())


def test_bfloat16_of_a_pickle_is_taken_over_as_float32(torch):
    theirs, ours = torch.nn.Linear(3, 2).to(torch.bfloat16), nn.Linear(3, 2)
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(ours.weight.numpy(), theirs.weight.detach().float().numpy())


@pytest.mark.parametrize("numbers", [[1.0, -2.5, 3e38, float("inf"), -0.0, 1e-40], [[0.1, 0.2]], [], 7.0])
def test_bfloat16_is_read_as_float32(tmp_path, torch, numbers):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    theirs = torch.tensor(numbers).to(torch.bfloat16)
    save_file({"w": theirs, "v": torch.ones(2, dtype=torch.float16)}, tmp_path / "w.safetensors")
    loaded = tg.load(tmp_path / "w.safetensors")
    assert {name: str(array.dtype) for name, array in loaded.items()} == {"w": "float32", "v": "float16"}
    assert loaded["w"].shape == tuple(theirs.shape)
    np.testing.assert_array_equal(loaded["w"], theirs.float().numpy())


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_a_dtype_that_numpy_does_not_have_is_named(tmp_path, torch, dtype):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2).to(getattr(torch, dtype))}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"'w' of dtype F8_.*, which NumPy does not have: turn it into float32"):
        tg.load(tmp_path / "w.safetensors")


DTYPES = [*"?bBhHiIlLqQefdF"]


def test_every_dtype_comes_back(tmp_path, ending):
    state = {f"{dtype}{order}": np.ones(3, np.dtype(dtype).newbyteorder(order)) for dtype in DTYPES for order in "<>"}
    loaded = tg.load(tg.save(state, tmp_path / f"all{ending}"))
    for name, array in state.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


NAMES = [
    *("a", "a.npy", "a.npy.npy", ".npy", "", "a/b", "/a", "../a", "a\\b", "a.b", "A", "ä", "日", " ", "'", "a'", "\n"),
    *("__structure__", "__structure__'", "__metadata__", "__metadata__'", "data.pkl", "x/data.pkl", "array 3"),
    *("nul\0a", "nul\0b", "half \ud800", "x" * 1000, "x" * 20_000, "x" * 70_000, "ä" * 40_000),
]


def test_names_come_back_exactly_and_in_their_order(tmp_path, ending):
    state = {name: np.array(float(i)) for i, name in enumerate(NAMES)}
    loaded = tg.load(tg.save(state, tmp_path / f"all{ending}"))
    assert list(loaded) == NAMES
    assert {name: array.item() for name, array in loaded.items()} == {name: float(i) for i, name in enumerate(NAMES)}


@pytest.mark.parametrize("name", NAMES)
def test_a_single_name_comes_back_exactly(tmp_path, ending, name):
    loaded = tg.load(tg.save({name: np.ones(2)}, tmp_path / f"one{ending}"))
    assert list(loaded) == [name]


def test_plain_names_are_found_by_numpy(tmp_path):
    with np.load(tg.save({"a": np.zeros(1), "a.npy": np.ones(1)}, tmp_path / "flat.npz")) as archive:
        assert archive.files == ["a", "a.npy"]


def test_masked_arrays_are_refused(tmp_path):
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for state in ({"w": masked}, {"deep": {"w": [masked]}}):
        with pytest.raises(TypeError, match=r"save\(\): the entry .*w.* is a masked array, .*\.filled\(np\.nan\)"):
            tg.save(state, tmp_path / "w.npz")


CHECKPOINT = {
    "model": {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "scalar": np.array(1.5)},
    "optimizer": {
        "state": {0: {"step": 3, "exp_avg": np.ones(2)}, 10: {}},
        "param_groups": [
            {"lr": 0.1, "betas": (0.9, 0.999), "maximize": False, "params": [0, 1], "line_search_fn": None}
        ],
    },
    "text": 'ÿ "quoted" \n {}',
    "numbers": [1, -0.0, 1e-308, 0.1 + 0.2, 2**127 - 1, float("inf"), [True, None]],
    "empty": {"dict": {}, "list": [], "tuple": ()},
    "a": {"b": np.zeros(1), "file": np.ones(1)},
    "a/b": np.full(1, 2.0),
    "__structure__": np.full(1, 3.0),
    "file": np.float32(2.5),
}


def assert_same(a, b):
    if isinstance(a, (np.ndarray, np.generic)):
        np.testing.assert_array_equal(a, b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
    else:
        assert type(a) is type(b)
        if isinstance(a, dict):
            assert list(a) == list(b)
            for key in a:
                assert_same(a[key], b[key])
        elif isinstance(a, (list, tuple)):
            assert len(a) == len(b)
            for x, y in zip(a, b):
                assert_same(x, y)
        else:
            assert repr(a) == repr(b)


def test_a_nested_checkpoint_comes_back_exactly(tmp_path, ending):
    assert_same(CHECKPOINT, tg.load(tg.save(CHECKPOINT, tmp_path / f"all{ending}")))


def test_other_programs_find_the_arrays_of_a_checkpoint(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = safetensors.load_file(tg.save(CHECKPOINT, tmp_path / "all.safetensors"))
    np.testing.assert_array_equal(arrays["optimizer/state/0/exp_avg"], [1, 1])


def test_a_state_of_arrays_alone_is_written_without_anything_beside_them(tmp_path):
    with np.load(tg.save({"file": np.ones(2), "a/b": np.zeros(1)}, tmp_path / "flat.npz")) as archive:
        assert archive.files == ["file", "a/b"]


def test_a_damaged_file_is_refused_or_read_but_never_more(tmp_path, ending):
    path = tg.save(CHECKPOINT, tmp_path / f"all{ending}")
    content = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for position in random.permutation(len(content))[:600]:
        damaged = bytearray(content)
        damaged[position] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            assert isinstance(tg.load(path), dict)
        except ValueError:
            refused += 1
    assert refused


@pytest.mark.parametrize(
    "header",
    [
        b'{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}',
        b'{"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}',
        b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"w":' + b"[" * 100_000,
        b"{}" + b" " * 3,
    ],
    ids=["huge", "dtype", "shape", "deep", "empty"],
)
def test_a_wrong_header_is_refused(tmp_path, header):
    pytest.importorskip("safetensors")
    for length in (len(header), 2**62):
        (tmp_path / "x.safetensors").write_bytes(length.to_bytes(8, "little") + header + bytes(4))
        with pytest.raises(ValueError, match=r"damaged|not a file of weights"):
            tg.load(tmp_path / "x.safetensors")


@pytest.mark.parametrize("plan", [b"[" * 100_000, b'{"array": "w"}', b'{"code": []}', b'{"dict": [[1]]}', b"\xff"])
def test_a_wrong_structure_is_refused(tmp_path, plan):
    np.savez(tmp_path / "x.npz", __structure__=np.frombuffer(plan, np.uint8))
    with pytest.raises(ValueError, match="damaged"):
        tg.load(tmp_path / "x.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        tg.load(tmp_path / "nothing")


@pytest.mark.parametrize("state", [[1, 2], {"a": print}, {None: np.ones(2)}, {"a": {"b": [np.array("text")]}}])
def test_what_is_not_numbers_or_text_is_not_saved(tmp_path, state):
    with pytest.raises(TypeError, match=r"save\(\)"):
        tg.save(state, tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())
