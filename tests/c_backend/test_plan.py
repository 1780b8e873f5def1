"""The C plan beside the NumPy plan: bit for bit where no sum has another order."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tests.c_backend.plans import Built, assert_close, assert_same_bits, both
from tinygrad_ml.c_backend import groups
from tinygrad_ml.c_backend import plan as c_plan
from tinygrad_ml.tape.program import GuardFailed

FLOATS = [np.float32, np.float64]
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-310, 3e38, -3e38, 0.5, 2.0, 0.1]


@pytest.fixture(autouse=True)
def no_warnings():
    with np.errstate(all="ignore"):
        yield


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def special(dtype):
    """Return every pair of special numbers, several times."""
    numbers = np.array(SPECIAL).astype(dtype)
    pairs = np.array(np.meshgrid(numbers, numbers)).reshape(2, -1)
    return [np.tile(x, 7)[: 7 * x.size - 3].copy() for x in pairs]


# ---------------------------------------------------------------------- element by element

UNARY = {
    **{f.__name__: f for f in (np.negative, np.absolute, np.sqrt, np.square, np.reciprocal, np.sign, np.isfinite)},
    **{
        f.__name__: f for f in (np.exp, np.log, np.tanh, np.expm1, np.log1p, np.sin, np.cos, np.floor, np.rint, np.exp2)
    },
    **{f.__name__: f for f in (np.isnan, np.isinf, np.signbit, np.logical_not, np.arctan, np.cbrt, np.positive)},
    "relu": lambda x: np.maximum(x, 0),
    "clip": lambda x: np.minimum(np.maximum(x, -1), 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "masked": lambda x: np.where(x > 0, x, 0),
    "as integers": lambda x: np.where(np.isfinite(x) & (np.abs(x) < 1e6), x, 0).astype(np.int64),
    "as bools": lambda x: x.astype(bool),
    "as the other": lambda x: x.astype(np.float32 if x.dtype == np.float64 else np.float64),
    "with numbers": lambda x: (x * 0.1 + 3 - x / 7) * True,
    "of its mask": lambda x: (x > 0.1) * x + (x == x),
}
BINARY = {
    **{f.__name__: f for f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power)},
    **{f.__name__: f for f in (np.greater, np.less_equal, np.equal, np.not_equal, np.logical_and, np.logical_or)},
    **{
        f.__name__: f for f in (np.arctan2, np.hypot, np.fmax, np.copysign, np.remainder, np.floor_divide, np.logaddexp)
    },
    "not fused": lambda x, y: x * y + x,
    "where": lambda x, y: np.where(x > y, x, y),
    "levels": lambda x, y: np.tanh(np.exp(x) * y) + np.exp(np.tanh(y) - x) * np.exp(x),
}


def each(functions):
    """Return one function with the results of several: compiling once is quicker."""
    return lambda *arrays: tuple(f(*arrays) for f in functions)


@pytest.mark.parametrize("dtype", FLOATS)
def test_functions_of_one_array_are_equal_bit_for_bit(dtype):
    assert_same_bits(each(UNARY.values()), np.concatenate([special(dtype)[0], normal(3000, dtype=dtype)]))
    assert_same_bits(each(UNARY.values()), normal(40, 30, dtype=dtype).T[3:])


@pytest.mark.parametrize("dtype", FLOATS)
def test_functions_of_two_arrays_are_equal_bit_for_bit(dtype):
    assert_same_bits(each(BINARY.values()), *special(dtype))
    assert_same_bits(each(BINARY.values()), normal(7, 30, dtype=dtype), normal(30, dtype=dtype, seed=1))
    assert_same_bits(each(BINARY.values()), normal(7, 1, 3, dtype=dtype), normal(5, 1, dtype=dtype, seed=1))


MEETING = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: np.maximum(x, y),
    lambda x, y: x < y,
    lambda x, y: x == y,
    lambda x, y: np.logical_and(x, y) | np.logical_not(x),
    lambda x, y: x.astype(np.float32) / y.astype(np.float64),
    lambda x, y: np.where(x > y, x, 1),
]


@pytest.mark.parametrize("name", ["float32", "float64", "int64", "int32", "uint8", "int8", "uint64", "bool"])
def test_dtypes_meet_as_in_numpy(name):
    x, y = np.random.default_rng(0).integers(-100, 100, (2, 200))
    others = [y.astype(other) for other in ("float32", "int64", "bool", "uint8")]
    assert_same_bits(lambda x, *others: sum((each(MEETING)(x, y) for y in others), ()), x.astype(name), *others)


def test_integers():
    functions = [
        lambda x, y: x // y + x % y,
        lambda x, y: x & y | ~x ^ y,
        lambda x, y: np.left_shift(x, y % 8),
        lambda x, y: -np.absolute(x) * np.sign(y),
        lambda x, y: np.power(x, np.absolute(y) % 4),
        lambda x, y: x * (2**62) * 3,  # around the end
        lambda x, y: np.gcd(x, y),
    ]
    x, y = np.random.default_rng(0).integers(-1000, 1000, (2, 500))
    assert_same_bits(each(functions), x, np.where(y == 0, 1, y))


def test_numbers_of_python_do_not_decide_the_dtype():
    assert_same_bits(lambda x: x * 2.5 + 1 - np.float32(0.1), normal(50))
    assert_same_bits(lambda x: x * np.float64(2.5), normal(50))
    assert_same_bits(lambda x: (x.sum() * 0 + 0.1) * x, normal(50))


def test_constant_arrays():
    row, rest = normal(30, seed=3), normal(4, 30, seed=4)
    functions = [
        lambda x: x * row + rest,
        lambda x: np.tanh(row) * x - np.tanh(rest.T).T,
        lambda x: np.where(rest > 0, x, row),
        lambda x: np.concatenate([x, rest]) @ rest.T,
        lambda x: np.maximum(rest[:, :1], x) + np.exp(x * np.float64(0.5)) + np.array([2.0], np.float32),
        lambda x: (x * rest).sum() + (rest * x).sum(0),
    ]
    assert_close(each(functions), normal(4, 30))


def test_dtypes_that_c_does_not_have_are_left_to_python():
    x = normal(20).astype(np.float16)
    assert_same_bits(lambda x: np.tanh(x * x) + x, x)
    assert_same_bits(lambda x: (x * 1j * x).real.astype(np.float32) * 2, normal(20))


def test_a_program_is_written_the_same_every_time_so_that_the_cache_finds_it():
    def function(x):
        return np.exp(x) + np.power(x, 3.0) * np.tanh(x * 2) + np.arctan2(x, 2.0) - np.log1p(np.sin(x))

    assert len({tuple(Built(function, [normal(4, 30)]).plan.code.c) for _ in range(9)}) == 1


# ---------------------------------------------------------------------- layouts

LAYOUTS = {
    "transposed": lambda x: x.T,
    "every second": lambda x: x[::2, 1::3],
    "backwards": lambda x: x[::-1, ::-1],
    "moved": lambda x: np.moveaxis(x.reshape(4, 5, 6), 0, -1),
    "a column": lambda x: x[:, 3],
    "spread": lambda x: np.broadcast_to(x[:1], (7, 30)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_views_of_inputs_and_of_results(name):
    look = LAYOUTS[name]
    functions = [lambda x: look(x) * 2 + 1, lambda x: np.tanh(look(x * 2)) + look(x), lambda x: look(np.exp(x))]
    assert_same_bits(each(functions), normal(4, 30))
    assert_close(lambda x: (look(x * 2) * look(x)).sum(), normal(4, 30))


@pytest.mark.parametrize("order", ["C", "F", "A"])
def test_elements_in_another_order(order):
    functions = [
        lambda x: np.ravel(x, order=order) * 2,
        lambda x: np.ravel(x.T, order) * 2,
        lambda x: np.reshape(x, (30, 4), order=order) + 1,
        lambda x: np.reshape(x.T, (5, 24), order=order) + 1,
    ]
    assert_same_bits(each(functions), normal(4, 30))


@pytest.mark.parametrize("name", LAYOUTS)
def test_inputs_that_lie_otherwise_than_in_the_traced_call(name):
    x = normal(4, 30)
    one = LAYOUTS[name](x)
    compiled = Built(lambda x: np.tanh(x) * 2, [np.ascontiguousarray(one)])
    np.testing.assert_array_equal(compiled(one)[0], np.tanh(one) * 2)
    other = Built(lambda x: np.tanh(x) * 2, [one])
    np.testing.assert_array_equal(other(np.ascontiguousarray(one))[0], np.tanh(one) * 2)


def test_an_array_that_is_not_aligned_is_left_to_the_function_itself():
    compiled = Built(lambda x: x * 2, [normal(100)])
    with pytest.raises(GuardFailed):
        compiled(np.frombuffer(b"0" + normal(100).tobytes(), np.float32, offset=1))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 5, 1), (0,), (3, 0, 2)])
def test_shapes_of_one_element_or_none(shape):
    x = np.ones(shape, np.float32)
    assert_same_bits(lambda x: np.tanh(x * 2) + x, x)
    assert_close(lambda x: (x * x).sum(), x)


def test_reshaping_what_is_transposed_copies():
    assert_same_bits(lambda x: (x.T * 2).reshape(4, 30) + x.reshape(30, 4).T.reshape(4, 30), normal(4, 30))
    assert_same_bits(lambda x: x.T.reshape(-1), normal(4, 30))


@pytest.mark.parametrize("axis", [0, 1])
def test_joined_arrays(axis):
    x, y = normal(4, 30), normal(4, 30, seed=1)
    assert_same_bits(lambda x, y: np.concatenate([x * 2, y, np.tanh(x + y)], axis) * 3, x, y)
    assert_same_bits(lambda x, y: np.concatenate([(x * 2).reshape(-1), y.T.reshape(-1)]), x, y)


def test_what_is_joined_and_read_elsewhere_too():
    assert_close(lambda x: ((a := x * 2).sum(), np.concatenate([a.reshape(-1), a.reshape(-1)]), a + 1), normal(4, 30))


# ---------------------------------------------------------------------- sums, products, indices


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(keepdims, dtype):
    def reductions(x):
        axes = [None, 0, 1, 2, (0, 2), (1, 2), -1, (0, 1, 2)]
        wanted = [(name, axis) for name in ("sum", "max", "min") for axis in axes]
        return tuple(getattr(x, name)(axis=axis, keepdims=keepdims) for name, axis in wanted)

    assert_close(lambda x: reductions(x) + reductions((x * 2).transpose(2, 0, 1)), normal(4, 5, 30, dtype=dtype))


@pytest.mark.parametrize("place", [0, 777, -1])
def test_a_nan_stays_the_largest_and_the_least(place):
    x = normal(50, 40)
    x.reshape(-1)[place] = np.nan
    assert_same_bits(lambda x: tuple((x * 1.5).max(axis) for axis in (None, 0, 1)), x)
    assert_same_bits(lambda x: tuple((x * 1.5).min(axis) for axis in (None, 0, 1)), x)


def test_all_and_any():
    for x in (normal(4, 30), np.ones((4, 30)), np.zeros((4, 30))):
        assert_same_bits(lambda x: ((x > 0.5).all(), (x > 0.5).all(0), (x > 0.5).any(), (x > 0.5).any(1)), x)


@pytest.mark.parametrize("value", [0.0, -0.0, 2.0, np.nan, np.inf])
def test_all_and_any_of_a_number(value):
    def function(x):
        total = x.sum()
        return np.all(np.isfinite(total)), np.any(total), np.all(total * 2), np.any(np.isnan(total))

    x = np.array([value, 0.0])
    assert set(Built(function, [x]).kinds()) <= {"sum", "number", "reduction"}
    assert_same_bits(function, x)


def test_a_sum_of_a_million_small_numbers_is_not_rounded_a_million_times():
    x = np.full(1_000_001, 0.1, np.float32)
    (total,) = Built(lambda x: (x * 1.0).sum(), [x])(x)
    assert abs(total - 1_000_001 * float(np.float32(0.1))) < 1e-6 * total


PRODUCTS = [
    lambda x, y: x @ y,
    lambda x, y: y.T @ x.T,
    lambda x, y: x[0] @ y,
    lambda x, y: x @ y[:, 0],
    lambda x, y: x[0] @ y[:, 0],
    lambda x, y: (x * 2) @ (y * 2) + 1,
    lambda x, y: x.dot(y),
    lambda x, y: np.stack([x, x * 2]) @ y,
    lambda x, y: (x.reshape(2, -1, y.shape[0]) @ y).sum(0),
    lambda x, y: np.broadcast_to(x[:1], x.shape) @ y,
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 7, 60])
def test_products(n, dtype):
    assert_close(each(PRODUCTS), normal(2 * n, 3 * n, dtype=dtype), normal(3 * n, n + 1, dtype=dtype, seed=1))


def test_softmax_and_its_loss():
    x, target = normal(32, 10), np.random.default_rng(1).integers(0, 10, 32)

    def loss(x, target):
        shifted = x - x.max(-1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(-1, keepdims=True)
        picked = shifted[np.arange(32), target]
        gradient = e / total
        gradient[np.arange(32), target] -= 1
        return (np.log(total[:, 0]) - picked).sum() / 32, gradient / 32

    assert_close(loss, x, target)


@pytest.mark.parametrize("shape", [6, (2, 3)])
def test_reading_by_index(shape):
    functions = [
        lambda x, i: x[i],
        lambda x, i: x.take(i, 0) * 2,
        lambda x, i: np.take(x, i, axis=0),
        lambda x, i: np.take(x[:, 0], i),
        lambda x, i: x[i, i % 7],
        lambda x, i: (x * 2).T[i % 7],
        lambda x, i: x[i - 10],
        lambda x, i: x[np.array([3, 1, -1])] + 1,
        lambda x, i: x[i, 1:3],
    ]
    assert_same_bits(each(functions), normal(10, 7), np.random.default_rng(0).integers(0, 10, shape))


def put(x, index, new):
    out = x * 1
    out[index] = new
    return out


def test_writing_by_index():
    functions = [
        lambda x, i: put(x, i, 3.0),
        lambda x, i: put(x, i, x[i] * 2),
        lambda x, i: put(x, (i, i % 7), x[:, 0].sum()),
        lambda x, i: put(x, slice(2, 5), 0),
    ]
    assert_close(each(functions), normal(10, 7), np.array([3, 1, -1, 9, 3]))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_reading_along_an_axis(axis):
    x = normal(4, 5, 6)
    shape = [3 if d == axis % 3 else n for d, n in enumerate(x.shape)]
    where = np.random.default_rng(0).integers(-4, 4, shape)
    functions = [
        lambda x, i: np.take_along_axis(x, i, axis),
        lambda x, i: np.take_along_axis(x * 2, i, axis=axis) + 1,
        lambda x, i: np.take_along_axis(x.transpose(2, 0, 1).transpose(1, 2, 0), i - 1 + 1, axis),
    ]
    assert Built(functions[0], [x, where]).kinds() == ["along"]
    assert_same_bits(each(functions), x, where)


def test_reading_along_an_axis_with_indices_of_another_shape_is_numpys():
    functions = [
        lambda x, i: np.take_along_axis(x, i[:1], 1),
        lambda x, i: np.take_along_axis(x, i[:, 0], None),
        lambda x, i: np.take_along_axis(x[:1], i, 1),
    ]
    assert_same_bits(each(functions), normal(4, 5), np.random.default_rng(0).integers(0, 4, (4, 3)))


@pytest.mark.parametrize("wrong", [10, -11, 2**62, -(2**62)])
def test_an_index_out_of_range_reads_nothing(wrong):
    compiled = Built(lambda x, i: x[i] * 2, [normal(10, 7), np.arange(5)])
    with pytest.raises(GuardFailed):
        compiled(normal(10, 7), np.array([0, 1, wrong, 2, 3]))
    compiled = Built(lambda x, i: put(x, i, 1.0), [normal(10, 7), np.arange(5)])
    with pytest.raises(GuardFailed):
        compiled(normal(10, 7), np.array([0, 1, wrong, 2, 3]))


# ---------------------------------------------------------------------- numbers, guards, state


def test_arithmetic_of_pythons_numbers():
    def function(x, rate, step):
        power = 0.9**step
        return x * (rate * (1 - power) ** 0.5 / (1 - 0.99**step) + -rate), x * step, x - (step + 2 - 1)

    compiled = Built(function, [normal(5), 0.5, 3])
    for rate, step in ((0.5, 3), (0.25, 1000)):
        for found, expected in zip(compiled(normal(5), rate, step), function(normal(5), rate, step)):
            np.testing.assert_array_equal(found, expected)


def test_what_python_refuses_is_left_to_python():
    compiled = Built(lambda x, rate: x * (1 / rate), [normal(5), 0.5])
    with pytest.raises(GuardFailed):
        compiled(normal(5), 0.0)
    compiled = Built(lambda x, rate: x * rate**0.5, [normal(5), 0.5])
    with pytest.raises(GuardFailed):
        compiled(normal(5), -1.0)


def test_only_numbers_that_are_read_elsewhere_lie_in_memory():
    def function(x):
        a, b, c = x[0] * 2, x[1] + 1, x[2] - 1
        joined = np.concatenate([(a * b).reshape(1), c.reshape(-1), np.broadcast_to(b, (3,)), np.cumsum(x)])
        return joined * a, a + b, (b * c).reshape(1, 1)

    x = normal(3)
    assert_close(function, x)
    text = "\n".join(Built(lambda x: (x.sum() * 2 - 1) / 3, [x]).plan.code.c)
    assert text.count("(n + ") == 1


def test_numbers_of_numpy():
    def function(x):
        total = x.sum()
        return (
            np.tanh(total) * x,
            np.sqrt(total * total + 1),
            np.float32(2) ** total,
            np.where(total > 0, total, 0 * total),
        )

    assert_close(function, normal(5))
    assert_close(function, normal(5, dtype=np.float64))


def test_a_branch_that_goes_the_other_way_stops_before_anything_is_written():
    def function(x, w):
        new = w - x
        if (x > 0).all():
            return (x.sum(),), (new,)
        return (x.sum() * 2,), (new,)

    w = np.ones(1000, np.float32)
    compiled = Built(function, [np.ones(1000, np.float32)], [w])
    compiled(np.full(1000, 0.25, np.float32))
    np.testing.assert_array_equal(w, np.full(1000, 0.75))
    with pytest.raises(GuardFailed):
        compiled(np.full(1000, -0.25, np.float32))
    np.testing.assert_array_equal(w, np.full(1000, 0.75))


def test_an_index_is_read_after_the_guard_that_checks_it():
    def function(x, i):
        if i.max() >= 10:
            return x[0]
        return x[i]

    compiled = Built(function, [normal(10, 7), np.arange(5)])
    order = [
        compiled.plan.position[v] for v in compiled.program.values if compiled.plan.kinds[v] in ("guard", "getitem")
    ]
    assert order == sorted(order)
    assert len(order) == 2
    with pytest.raises(GuardFailed):
        compiled(normal(10, 7), np.array([0, 10**9, 0, 0, 0]))


def test_new_state_is_written_in_the_place_of_the_old():
    def function(x, w, m):
        m = m * 0.9 + x
        return (x * w,), (w - 0.1 * m, m)

    w, m, x = normal(500), normal(500, seed=1), normal(500, seed=2)
    expected_w, expected_m = w.copy(), m.copy()
    compiled = Built(function, [x], [w, m])
    for _ in range(3):
        expected_m = expected_m * np.float32(0.9) + x
        product, expected_w = x * expected_w, expected_w - np.float32(0.1) * expected_m
        np.testing.assert_array_equal(compiled(x)[0], product)
    np.testing.assert_array_equal(w, expected_w)
    np.testing.assert_array_equal(m, expected_m)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, a, b: ((x.sum(),), (b, a)),  # exchanged
        lambda x, a, b: ((a * 2, b), (b * 1, a * 1)),
        lambda x, a, b: ((a[::-1] + b,), (a[::-1] * 2, a + b)),
        lambda x, a, b: ((x,), (a + b[::-1], b + a[::-1])),
        lambda x, a, b: ((a,), (a * 2, a * 3)),
        lambda x, a, b: ((np.cumsum(a),), (a * 2, np.cumsum(a * 3))),
    ],
)
def test_all_new_state_is_computed_from_the_old(function):
    a, b, x = normal(50), normal(50, seed=1), normal(50, seed=2)
    compiled = Built(function, [x], [a, b])
    for _ in range(3):
        outputs, states = function(x, a.copy(), b.copy())
        found = compiled(x)
        for one, other in zip([*found, a, b], [*outputs, *states]):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_an_input_that_is_a_part_of_the_state():
    """A leaf's value is read by its own name, and is memory of the optimizer at the same time."""
    w = normal(600)

    def function(x, leaf, w):
        y = leaf * x
        return (y.sum(),), (w - np.concatenate([y, y]),)

    compiled = Built(function, [normal(300), w[:300]], [w])
    expected = w.copy()
    for _ in range(3):
        y = expected[:300] * normal(300)
        expected = expected - np.concatenate([y, y])
        compiled(normal(300), w[:300])
    np.testing.assert_array_equal(w, expected)


FAILING = {
    "an index": lambda t, k: t[k],
    "an index to write to": lambda t, k: put(t, k, 3.0),
    "an index along an axis": lambda t, k: np.take_along_axis(t.reshape(5, 4), k[:, None], 1),
}


@pytest.mark.parametrize("name", FAILING)
def test_an_index_that_fails_after_the_new_state_leaves_the_state_as_it_was(name):
    def function(w, t, k):
        new = w * 0.5 + 1
        return FAILING[name](t, k) + 1, (new, t, k)

    w, t, k = normal(40), normal(20, seed=1), np.arange(5) % 4
    compiled = Built(function, [], state=[w, t, k])
    compiled()
    before = w.copy()
    k += 100
    with pytest.raises(GuardFailed):
        compiled()
    np.testing.assert_array_equal(w, before)


def test_a_python_call_that_fails_leaves_the_state_as_it_was():
    def fail(x):
        if x[0] < 0:
            raise ValueError("negative")
        return np.sort(x)

    def function(x, w):
        new = w - x
        y = x.tape.record("opaque", fail, (x * 1,), {}, fail(x.concrete))
        return (y * 2,), (new,)

    w = np.ones(100, np.float32)
    compiled = Built(function, [np.ones(100, np.float32)], [w])
    with pytest.raises(ValueError, match="negative"):
        compiled(np.full(100, -1, np.float32))
    np.testing.assert_array_equal(w, np.ones(100))


# ---------------------------------------------------------------------- results


def test_results_that_somebody_holds_are_never_changed():
    function = lambda x: (x * 2, (x * 2).T, (x + 1).sum(0), x.sum())
    compiled = Built(function, [normal(20, 30)])
    kept = []
    for seed in range(6):
        x = normal(20, 30, seed=seed)
        kept.append((function(x), compiled(x), compiled(x)[0][3:5].T))
    for expected, found, part in kept:
        for one, other in zip(expected, found):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(part, expected[0][3:5].T)


def test_memory_of_results_that_nobody_holds_is_used_again():
    compiled = Built(lambda x: x * 2, [normal(1000)])
    addresses = set()
    for _ in range(4):
        addresses.add(compiled(normal(1000))[0].__array_interface__["data"][0])
        gc.collect()
    assert len(addresses) == 1


def test_a_result_that_is_an_input_or_a_state():
    w = normal(5)
    compiled = Built(lambda x, w: ((x, w, w[1:], x.reshape(-1)), (w * 2,)), [normal(5)], [w])
    before = w.copy()
    x, old, part, _ = compiled(normal(5))
    np.testing.assert_array_equal(x, normal(5))
    np.testing.assert_array_equal(old, before)
    np.testing.assert_array_equal(part, before[1:])
    np.testing.assert_array_equal(w, before * 2)


def test_what_c_cannot_do_python_does_between():
    assert_close(lambda x: np.sort(np.tanh(x) * 2, axis=0)[::-1] + np.cumsum(x * 3, axis=1), normal(30, 20))
    assert_close(lambda x: np.linalg.norm(x * 2) * x, normal(30, 20))
    assert "python" in Built(lambda x: np.sort(x * 2) + 1, [normal(30)]).kinds()


# ---------------------------------------------------------------------- threads and processes


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(c_plan, "threads", lambda: 2)
    monkeypatch.setattr(groups, "LARGE", 100_000)


LARGE = {
    "elements": lambda x, y: np.where(x > y, x * y, x),
    "levels": lambda x, y: np.tanh(x * y) * x,
    "sums": lambda x, y: (x * y).sum() + (x * x).sum(),
    "rows": lambda x, y: np.tanh(x.reshape(400, 500) + y[:500]) * 2,
    "columns": lambda x, y: (x.reshape(400, 500).T * y[:400]).sum() * np.exp(x),
}


@pytest.mark.parametrize("name", LARGE)
def test_several_threads(name, two_threads):
    x, y = normal(200_000), normal(200_000, seed=1)
    assert "num_threads(2)" in "\n".join(Built(LARGE[name], [x, y]).plan.code.c)
    assert_close(LARGE[name], x, y)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:os.fork", "ignore:.*fork")  # of JAX, where a test has imported it
def test_a_forked_process_uses_one_thread(two_threads):
    x = normal(300_000)
    compiled = Built(lambda x: np.tanh(x) * 2, [x])
    compiled(x)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(compiled(x)[0], np.tanh(x) * 2) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(("set_to", "expected"), [("1", 1), ("3", 3), ("4,2", 4), ("", None), ("many", None)])
def test_the_number_of_threads_is_that_of_openmp(set_to, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", set_to)
    assert c_plan.threads() == (expected or len(os.sched_getaffinity(0)))


def test_plans_of_one_program_in_two_threads():
    """Equal programs share a library; what they compute in is each one's own."""
    results = {}

    def work(seed):
        x = normal(5000, seed=seed)
        compiled = Built(lambda x: np.tanh(x) * (x * x).sum(), [x])
        results[seed] = [compiled(x)[0].copy() for _ in range(50)], np.tanh(x) * (x * x).sum()

    running = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for found, expected in results.values():
        for one in found:
            np.testing.assert_allclose(one, expected, rtol=1e-5)


def test_both_has_different_back_ends():
    expected, found = both(lambda x: (x * x).sum(), normal(1000))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)


# ---------------------------------------------------------------------- programs that nobody thought of

STEPS = [
    lambda a, b: a + b,
    lambda a, b: a * b - 0.5,
    lambda a, b: a / (np.abs(b) + 1),
    lambda a, b: np.tanh(a),
    lambda a, b: np.exp(-np.abs(a)),
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > b, a, 0.1 * b),
    lambda a, b: (a > b) * a,
    lambda a, b: a.T.reshape(a.shape) if a.ndim else a,
    lambda a, b: a.reshape(b.shape[::-1]).T if a.size == b.size else a,
    lambda a, b: a[::-1] if a.ndim else -a,
    lambda a, b: a - a.sum(axis=0, keepdims=True) / 7 if a.ndim else a.sum(),
    lambda a, b: a * a.max(axis=-1, keepdims=True) if a.ndim else a * 2,
    lambda a, b: a @ b.T @ b / 20 if a.shape == b.shape and a.ndim == 2 else a,
    lambda a, b: np.concatenate([a, b])[1 : 1 + a.shape[0]] if a.shape == b.shape and a.ndim else b,
    lambda a, b: a * b.sum(),
    lambda a, b: np.cumsum(a, axis=0) / 4 if a.ndim else a,
    lambda a, b: a.astype(np.float64).astype(np.float32) + b,
]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 99), st.integers(0, 99)), min_size=3, max_size=25)
)
def test_random_programs(steps):
    def program(x, y, z):
        values = [x, y, z]
        for step, first, second in steps:
            a, b = values[first % len(values)], values[second % len(values)]
            values.append(STEPS[step](a, b) if np.ndim(a) == np.ndim(b) else a * b)
        return values[-1], values[-2], (values[-3] * values[-3]).sum()

    with np.errstate(all="ignore"):
        arrays = normal(6, 5), normal(6, 5, seed=1), normal(6, 5, seed=2)
        for k, (expected, found) in enumerate(zip(*both(program, *arrays))):
            scale = np.max(np.abs(expected), initial=1e-30)
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * scale, err_msg=f"result {k} of {steps}")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the library of the sanitizer is found as on Linux")
def test_the_c_stays_within_its_arrays(tmp_path):
    """What reads and writes at computed places again, with a compiler that finds those beside arrays."""
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True)
    if "/" not in found.stdout:
        pytest.skip("gcc has no AddressSanitizer here")
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nexec gcc "$@" -fsanitize=address -O1 -g\n')
    compiler.chmod(0o755)
    environment = {
        **os.environ,
        "CC": str(compiler),
        "LD_PRELOAD": found.stdout.strip(),
        "ASAN_OPTIONS": f"detect_leaks=0:detect_odr_violation=0:log_path={tmp_path}/asan",
        "XDG_CACHE_HOME": str(tmp_path),
        "PYTHONMALLOC": "malloc",
    }
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += [str(here / f"test_{name}.py") for name in ("kernels", "products", "plan")]
    command += ["-k", "float32 or (layout and this) or views or joined or index or constant or state"]
    done = subprocess.run(command, cwd=here.parents[1], env=environment, capture_output=True, text=True)
    reports = [path.read_text() for path in tmp_path.glob("asan.*")]
    assert done.returncode == 0, (done.stdout + done.stderr + "".join(reports))[-3000:]


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_calls_that_find_no_plan_or_fail_a_guard_keep_nothing_alive(backend):
    def function(x):
        return x * 2 if (x > 0).all() else x * 3

    compiled = tg.compile(function, backend=backend)
    for size in (3, 4):
        for _ in range(4):
            compiled(tg.tensor(np.ones(size)))
    alive = []
    for size, value in ((3, 1), (4, 1), (3, 1), (3, -1), (4, -1)):
        x = tg.tensor(np.full(size, value, float))
        compiled(x)
        alive.append(weakref.ref(x))
    del x
    gc.collect()
    assert [reference() for reference in alive] == [None] * 5
