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


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        tg.load(tmp_path / "nothing")


@pytest.mark.parametrize("state", [[1, 2], {"a": "text"}, {1: np.ones(2)}, {"a": None}])
def test_what_is_not_weights_is_not_saved(tmp_path, state):
    with pytest.raises(TypeError, match=r"save\(\)"):
        tg.save(state, tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())
