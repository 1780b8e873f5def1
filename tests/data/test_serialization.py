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
