"""Damaged and malicious files of weights: they are refused or loaded whole, and never crash, run or half-load."""

import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

REFUSED = r"damaged|not a file of weights"


@pytest.fixture(params=[".npz", ".safetensors"])
def ending(request):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return request.param


def loaded_whole_or_not_at_all(path):
    """Load a file into a module: afterwards either all its weights are those of the file, or none has changed."""
    net = nn.Linear(3, 2)
    before = net.state_dict()
    try:
        state = tg.load(path)
        net.load_state_dict(state)
    except ValueError:
        expected = before
    else:
        expected = {name: np.asarray(value, np.float32) for name, value in state.items()}
    for name, value in net.state_dict().items():
        assert value.shape == before[name].shape
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, expected[name])
    return expected is not before


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_at_any_position(tmp_path, ending, flip):
    path = tg.save(nn.Linear(3, 2), tmp_path / f"net{ending}")
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= flip
        path.write_bytes(damaged)
        whole = loaded_whole_or_not_at_all(path)
        if position < 2 and ending == ".npz":
            assert not whole


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_random_damage(tmp_path, ending):
    random = np.random.default_rng(0)
    path = tg.save(nn.Linear(3, 2), tmp_path / f"net{ending}")
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(300):
        damaged = content.copy()
        kind = random.integers(3)
        if kind == 0:  # some bytes anywhere
            where = random.integers(len(content), size=random.integers(1, 20))
            damaged[where] = random.integers(256, size=len(where))
        elif kind == 1:  # a piece is missing
            a, b = np.sort(random.integers(len(content), size=2))
            damaged = np.delete(damaged, np.s_[a : b + 1])
        else:  # a piece is there twice
            a, b = np.sort(random.integers(len(content), size=2))
            damaged = np.concatenate([damaged[:b], damaged[a:]])
        path.write_bytes(damaged.tobytes())
        loaded_whole_or_not_at_all(path)


def test_random_bytes_are_not_weights(tmp_path):
    pytest.importorskip("safetensors")  # random bytes may look like its files
    random = np.random.default_rng(1)
    path = tmp_path / "noise"
    for length in (0, 1, 7, 8, 9, 100, 5000):
        for start in (b"", b"PK", b"PK\x03\x04", b"\x80\x04", struct.pack("<Q", 10) + b"{"):
            path.write_bytes(start + random.bytes(length))
            with pytest.raises(ValueError, match=REFUSED):
                tg.load(path)


# ---------------------------------------------------------------------- safetensors: what its header may claim


def safetensors_file(path, header, data=b"\0" * 24, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


BAD_HEADERS = {
    "overlapping entries": {"a": entry([4], 0, 16), "b": entry([4], 8, 24)},
    "one place for two entries": {"a": entry([6], 0, 24), "b": entry([6], 0, 24)},
    "a gap": {"a": entry([2], 0, 8), "b": entry([2], 16, 24)},
    "beyond the end": {"a": entry([8], 0, 32)},
    "backwards": {"a": entry([6], 24, 0)},
    "negative": {"a": entry([6], -24, 0)},
    "another length than the shape": {"a": entry([5], 0, 24)},
    "a shape that overflows": {"a": entry([2**62, 2**62], 0, 24)},
    "a negative shape": {"a": entry([-6], 0, 24)},
    "an unknown dtype": {"a": entry([6], 0, 24, "PICKLE")},
    "no offsets": {"a": {"dtype": "F32", "shape": [6]}},
    "a list": [1, 2],
    "no json": b"{" * 20,
    "too deep": b'{"a":' + b"[" * 100_000,
    "no text": b"{\xff\xfe}",
}


@pytest.mark.parametrize("what", BAD_HEADERS)
def test_a_header_that_lies_is_refused(tmp_path, what):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=REFUSED):
        tg.load(safetensors_file(tmp_path / "net.safetensors", BAD_HEADERS[what]))


@pytest.mark.parametrize("length", [0, 1, 10**6, 2**31, 2**40, 2**62, 2**64 - 1])
def test_a_header_that_claims_another_length_is_refused_without_memory(tmp_path, length):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match=REFUSED):
        tg.load(safetensors_file(tmp_path / "net.safetensors", {"a": entry([6], 0, 24)}, length=length))


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.complex128])
def test_a_file_of_another_dtype_is_not_put_into_a_module(tmp_path, dtype):
    net = nn.Linear(3, 2)
    before = net.state_dict()
    path = tg.save({"weight": np.ones((2, 3), dtype), "bias": np.ones(2, np.float32)}, tmp_path / "net.npz")
    with pytest.raises(ValueError, match="wrong dtype: weight is"):
        net.load_state_dict(tg.load(path))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_one_bad_entry_keeps_all_others_out(tmp_path):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    state = {name: value + 1 for name, value in net.state_dict().items()}
    before = net.state_dict()
    for name in state:
        broken = {**state, name: np.ones((7, 7), state[name].dtype)}
        with pytest.raises(ValueError, match=f"wrong shape: {name}"):
            net.load_state_dict(tg.load(tg.save(broken, tmp_path / "net.npz")))
        for key, value in net.state_dict().items():
            np.testing.assert_array_equal(value, before[key])


# ---------------------------------------------------------------------- npz: what may hide in an archive


def npy(header, data=b"\0" * 24):
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('exploded')",))


BAD_MEMBERS = {
    "a pickle": pickle.dumps(Bomb()),
    "objects": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle.dumps(Bomb())),
    "code in the header": npy("__import__('os').abort()"),
    "a call in the shape": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (exit(),), }"),
    "a shape that overflows": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }"),
    "a negative shape": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }"),
    "more than there is": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000,), }"),
    "nested too deep": npy("(" * 5000),
}


@pytest.mark.parametrize("what", BAD_MEMBERS)
def test_a_member_of_an_archive_that_is_no_array_is_refused(tmp_path, what):
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"))
        archive.writestr("bad.npy", BAD_MEMBERS[what])
    with pytest.raises(ValueError, match=REFUSED):
        tg.load(path)


@pytest.mark.parametrize("name", ["../outside.npy", "/outside.npy", "a/../../outside.npy"])
def test_the_names_in_an_archive_are_names_and_not_places(tmp_path, name):
    path = tmp_path / "inner" / "net.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }"))
    assert list(tg.load(path)) == [name.removesuffix(".npy")]
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "net.npz"]
