"""Convolution in C: beside products of patches, in every layout, for other processors, and without a compiler."""

import ctypes
import itertools
import os

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.native import build
from tinygrad_ml.ops import conv, direct
from tinygrad_ml.ops.patches import Geometry

GEOMETRIES = [
    Geometry(),
    Geometry((1, 1), ((2, 0), (1, 3)), (2, 1)),
    Geometry((2, 3), ((0, 2), (3, 1)), (1, 2)),
    Geometry((4, 5), ((6, 6), (7, 7))),  # strides that pass over places, padding beyond the kernel
    Geometry((2, 1), ((1, 0), (0, 1)), (1, 1), 4),
]
SIZES = [(3, 4, 9, 8, 8, 3, 2), (1, 4, 12, 12, 20, 3, 3), (2, 4, 5, 30, 4, 1, 5)]
MACHINES = {
    "this": build.FASTER,
    "AVX2": (("-march=haswell", "-fopenmp-simd"), ()),
    "oldest": ((),),
}
OPERATIONS = {
    "output": conv._conv2d.primitive.forward,
    "input": conv.conv2d_input.primitive.forward,
    "weight": conv.conv2d_weight.primitive.forward,
}


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture(autouse=True)
def compiled_anew():
    """Forget what was compiled with the patches of a test."""
    yield
    direct.function.cache_clear()


@pytest.fixture
def all_in_c(monkeypatch):
    """Let C compute small convolutions, and those for which patches are faster."""
    monkeypatch.setattr(direct, "WORTH", 0)
    monkeypatch.setattr(direct, "is_faster", lambda *_: True)


def cases(dtype):
    """Yield names of operations, their arrays and parameters."""
    for (n, channels, *size, filters, kh, kw), geometry in itertools.product(SIZES, GEOMETRIES):
        x, w = normal(n, channels, *size, dtype=dtype), normal(filters, channels // geometry.groups, kh, kw, seed=1)
        w, b = w.astype(dtype), normal(filters, dtype=dtype, seed=2)
        g = normal(n, filters, *geometry.lengths(size, (kh, kw)), dtype=dtype, seed=3)
        if 0 not in g.shape:
            yield "output", (x, w, b), {"geometry": geometry}
            yield "output", (x, w, 0.0), {"geometry": geometry}
            yield "input", (g, w), {"size": tuple(size), "geometry": geometry}
            yield "weight", (x, g), {"kernel": (kh, kw), "geometry": geometry}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("dtype", "threads"), [(np.float32, 1), (np.float32, 2), (np.float64, 1), (np.float64, 3)])
def test_it_equals_products_of_patches(machine, dtype, threads, monkeypatch):
    monkeypatch.setattr(build, "FASTER", MACHINES[machine])
    monkeypatch.setattr(build, "threads", lambda: threads)
    monkeypatch.setattr(direct, "FEW", 0)
    direct.function.cache_clear()
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    for name, arrays, parameters in cases(dtype):
        expected = OPERATIONS[name](*(a if type(a) is float else a.astype(np.float64) for a in arrays), **parameters)
        with monkeypatch.context() as patch:
            patch.setattr(direct, "WORTH", 0)
            patch.setattr(direct, "is_faster", lambda *_: True)
            found = OPERATIONS[name](*arrays, **parameters)
        assert (found.dtype, found.shape) == (dtype, expected.shape)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=4 * tolerance * scale)


def test_arrays_of_any_layout_give_the_same_bits(all_in_c):
    x, w, b = normal(3, 4, 9, 8), normal(6, 4, 3, 3, seed=1), normal(6, seed=2)
    expected = OPERATIONS["output"](x, w, b)
    memory = np.zeros(x.nbytes + 1, np.uint8)
    memory[1:] = x.view(np.uint8).ravel()
    fixed = x.copy()
    fixed.flags.writeable = False
    for other in (np.asfortranarray(x), np.flip(np.flip(x, 1).copy(), 1), memory[1:].view(np.float32).reshape(x.shape)):
        np.testing.assert_array_equal(OPERATIONS["output"](other, np.asfortranarray(w), b), expected)
    np.testing.assert_array_equal(OPERATIONS["output"](fixed, w, np.repeat(b, 2)[::2]), expected)


def test_nan_and_infinity_stay_where_they_belong(all_in_c):
    x, w = np.ones((3, 2, 12, 12), np.float32), np.ones((4, 2, 3, 3), np.float32)
    x[1, 0, 5, 5], x[2, 1, 0, 0] = np.nan, np.inf
    found = OPERATIONS["output"](x, w, 0.0)
    expected = np.full((3, 4, 10, 10), 18.0)
    expected[1, :, 3:6, 3:6], expected[2, :, 0, 0] = np.nan, np.inf
    np.testing.assert_array_equal(found, expected)


def large(dtype=np.float32):
    return normal(16, 8, 20, 20, dtype=dtype), normal(16, 8, 3, 3, dtype=dtype, seed=1)


@pytest.fixture
def calls(monkeypatch):
    """Return the names of the functions of C that are asked for."""
    found, function = [], direct.function

    def watched(name, dtype):
        found.append((name, dtype))
        return function(name, dtype)

    monkeypatch.setattr(direct, "function", watched)
    return found


def test_large_convolutions_and_their_gradients_are_computed_in_c(calls):
    x, w = (tg.tensor(a, requires_grad=True) for a in large())
    (tg.conv2d(x, w, tg.zeros(16)) ** 2).sum().backward()
    assert {name for name, dtype in calls if dtype == "float32"} == {"output", "input", "weight"}


@pytest.mark.parametrize(
    "operands",
    [
        (normal(2, 3, 6, 6), normal(4, 3, 3, 3)),  # small
        (normal(16, 64, 20, 20), normal(64, 64, 1, 1)),  # products without patches
        (normal(16, 8, 20, 20), normal(16, 8, 3, 3, dtype=np.float64)),
    ],
)
def test_others_are_products_of_patches(operands, calls):
    assert np.isfinite(tg.conv2d(*operands).numpy()).all()
    assert calls == []


def test_rows_that_are_cut_off(calls):
    x, w = large()
    found = OPERATIONS["output"](x, w, 0.0, geometry=Geometry((1, 1), ((-1, 0), (0, -2))))
    np.testing.assert_allclose(found, OPERATIONS["output"](x[:, :, 1:, :-2].copy(), w, 0.0), rtol=1e-4, atol=1e-4)
    assert len(calls) == 1


@pytest.mark.parametrize("command", ["no-such-compiler", "false"])
def test_without_a_compiler_that_works_patches_are_taken_and_nothing_is_said(command, monkeypatch, recwarn):
    monkeypatch.setenv("CC", command)
    direct.function.cache_clear()
    x, w = large()
    found = tg.conv2d(x, w).numpy()
    assert direct.function("output", "float32") is None
    reference = tg.conv2d(x.astype(np.float64)[:, :, :8, :8], w.astype(np.float64)).numpy()
    np.testing.assert_allclose(found[:, :, :6, :6], reference, rtol=1e-4, atol=1e-4)
    assert not recwarn.list


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:os.fork", "ignore:.*fork")  # of JAX, where a test has imported it
def test_a_forked_process_computes_the_same_alone(monkeypatch):
    monkeypatch.setattr(direct, "FEW", 0)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    x, w = large()
    expected = OPERATIONS["output"](x, w, 0.0)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(OPERATIONS["output"](x, w, 0.0), expected) and build.threads() == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_memory_of_a_task_is_enough():
    """What lies behind the memory of the last thread, and behind the result, stays as it is."""
    for name, arrays, parameters in cases(np.float32):
        first, second = (np.ascontiguousarray(a) for a in arrays[:2])
        geometry = parameters["geometry"]
        out = OPERATIONS[name](*arrays, **parameters)
        x, w, y = {"output": (first, second, out), "input": (out, second, first), "weight": (first, out, second)}[name]
        first, second = (w, y) if name == "input" else (first, second)
        task = getattr(direct, f"{name}_task")(x.shape, w.shape, y.shape, geometry)
        memory, result = np.full(task.share + 64, 7.0, np.float32), np.full(out.size + 64, 7.0, np.float32)
        layer = (ctypes.c_ssize_t * 17)(*task.layer, 1)
        pointers = [a.ctypes.data for a in (first, second, result, memory)]
        call = direct.function(name, "float32")
        call(*pointers[:2], None, pointers[2], ctypes.addressof(layer), pointers[3], task.share)
        assert (memory[task.share :] == 7).all()
        assert (result[out.size :] == 7).all()
        assert not (result[: out.size] == 7).any()
