import ctypes

import numpy as np
import pytest

from tinygrad_ml.c_backend.loops import inner_loop

LOOP = ctypes.CFUNCTYPE(
    None,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_ssize_t),
    ctypes.POINTER(ctypes.c_ssize_t),
    ctypes.c_void_p,
)


def run(ufunc, arrays, dimensions, steps):
    """Call the loop of a ufunc, as compiled programs do."""
    loop = inner_loop(ufunc, *(a.dtype for a in arrays))
    args = (ctypes.c_void_p * len(arrays))(*(a.__array_interface__["data"][0] for a in arrays))
    as_long = [(ctypes.c_ssize_t * len(values))(*values) for values in (dimensions, steps)]
    LOOP(loop.function)(args, *as_long, loop.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ufunc", [np.exp, np.tanh, np.log1p, np.sqrt, np.sin, np.negative, np.expm1])
@pytest.mark.parametrize("step", [1, 3])
def test_a_loop_computes_what_the_ufunc_computes(ufunc, dtype, step):
    x = np.random.default_rng(0).uniform(0.1, 2, 1000).astype(dtype)[::step]
    out = np.zeros(len(x), dtype)
    run(ufunc, [x, out], [len(x)], [x.strides[0], out.itemsize])
    np.testing.assert_array_equal(out, ufunc(x))


@pytest.mark.parametrize("ufunc", [np.add, np.power, np.maximum, np.arctan2])
def test_a_loop_of_two_arguments(ufunc):
    x, y = np.random.default_rng(0).uniform(0.1, 2, (2, 100))
    out = np.zeros(100)
    run(ufunc, [x, y, out], [100], [8, 8, 8])
    np.testing.assert_array_equal(out, ufunc(x, y))


def test_a_loop_takes_one_number_for_all_by_a_step_of_zero():
    x, two, out = np.arange(5.0), np.array(2.0), np.zeros(5)
    run(np.power, [x, two, out], [5], [8, 0, 8])
    np.testing.assert_array_equal(out, x**2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loop_of_matmul(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20, 30)).astype(dtype), rng.normal(size=(40, 30)).astype(dtype).T
    out = np.zeros((2, 20, 40), dtype)
    run(
        np.matmul,
        [x, y, out],
        [2, 20, 30, 40],
        [x.strides[0], 0, out.strides[0], *x.strides[1:], *y.strides, *out.strides[1:]],
    )
    np.testing.assert_array_equal(out, x @ y)


@pytest.mark.parametrize("ufunc", [u for u in vars(np).values() if isinstance(u, np.ufunc) and u.signature is None])
def test_every_elementwise_ufunc_that_has_a_loop_for_float64_agrees(ufunc):
    signature = "d" * ufunc.nin + "->" + "d" * ufunc.nout
    if signature not in ufunc.types:
        assert inner_loop(ufunc, *[np.dtype(float)] * ufunc.nargs) is None
        return
    x = np.random.default_rng(0).uniform(0.1, 0.9, (ufunc.nin, 50))
    out = np.zeros((ufunc.nout, 50))
    run(ufunc, [*x, *out], [50], [8] * ufunc.nargs)
    with np.errstate(invalid="ignore"):  # arccosh of less than 1
        np.testing.assert_array_equal(out, np.array(ufunc(*x)).reshape(ufunc.nout, 50))


def test_integers_of_one_size_share_a_loop_whatever_they_are_called():
    assert inner_loop(np.add, *[np.dtype("q")] * 3) == inner_loop(np.add, *[np.dtype(np.int64)] * 3)


@pytest.mark.parametrize(
    "dtypes",
    [
        ("int32", "float32"),  # NumPy would compute in float64 and cast
        ("O", "O"),  # its loop needs the interpreter
        (">f8", ">f8"),
    ],
)
def test_no_loop_where_numpy_has_none_for_these_dtypes_alone(dtypes):
    assert inner_loop(np.exp, *map(np.dtype, dtypes)) is None


def test_no_loop_for_what_python_functions_do():
    assert inner_loop(np.frompyfunc(lambda x: x, 1, 1), np.dtype(float), np.dtype(float)) is None
