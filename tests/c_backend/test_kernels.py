"""Convolution, gradients of pooling and sums by index in C, beside the kernels and rules that they stand for."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.c_backend.plans import Built
from tinygrad_ml import nn
from tinygrad_ml.c_backend import plan as c_plan
from tinygrad_ml.ops import conv, direct, index, pool
from tinygrad_ml.ops.patches import Geometry

GEOMETRIES = [
    Geometry((1, 1), ((0, 0), (0, 0))),
    Geometry((1, 1), ((1, 1), (1, 1))),
    Geometry((1, 1), ((2, 0), (1, 3)), (2, 1)),
    Geometry((2, 2), ((1, 1), (1, 1))),
    Geometry((2, 3), ((0, 2), (3, 1)), (1, 2)),
    Geometry((3, 1), ((0, 0), (2, 2)), (2, 3)),
    Geometry((4, 5), ((6, 6), (7, 7))),  # strides that pass over places, padding beyond the kernel
    Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 2),
    Geometry((2, 1), ((1, 0), (0, 1)), (1, 1), 4),
]
SIZES = [(3, 4, 9, 8, 8, 3, 2), (2, 4, 5, 30, 4, 1, 5), (1, 4, 12, 12, 20, 3, 3), (5, 8, 7, 6, 12, 2, 2)]


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def called(function, *args, **parameters):
    """Return a function of traced arrays, in which `function` is one call that nothing was traced in."""

    def traced(*given):
        arrays = iter(given)
        filled = tuple(next(arrays) if x is None else x for x in args)
        concrete = [getattr(x, "concrete", x) for x in filled]
        return given[0].tape.record("opaque", function, filled, parameters, function(*concrete, **parameters)) * 1

    return traced


def assert_equal(calls):
    """Check kernels and rules (function, arrays, arguments with None for the arrays, parameters), all in one plan."""
    traced, arrays, expected = [], [], []
    for function, given, args, parameters in calls:
        traced.append((called(function, *args, **parameters), len(arrays), len(given)))
        arrays += given
        places = iter(given)
        expected.append(function(*(next(places) if x is None else x for x in args), **parameters))
    compiled = Built(lambda *all: tuple(f(*all[start : start + n]) for f, start, n in traced), arrays)
    assert sum(kind in ("kernel", "scatter") for kind in compiled.kinds()) == len(traced)
    for _ in range(2):  # in memory that was used before, too
        for found, true in zip(compiled(*arrays), expected):
            assert (found.shape, found.dtype) == (true.shape, true.dtype)
            scale = np.max(np.abs(true[np.isfinite(true)]), initial=1e-30)
            tolerance = 1e-6 if true.dtype == np.float32 else 1e-12
            np.testing.assert_allclose(found, true, rtol=tolerance, atol=tolerance * scale)


def cases():
    for size, geometry in itertools.product(SIZES, GEOMETRIES):
        n, channels, height, width, filters, kh, kw = size
        lengths = geometry.lengths((height, width), (kh, kw))
        if min(lengths) > 0 and channels % geometry.groups == 0 and filters % geometry.groups == 0:
            yield (n, channels, height, width), (filters, channels // geometry.groups, kh, kw), lengths, geometry


@pytest.mark.parametrize(("dtype", "threads"), [(np.float32, 1), (np.float32, 2), (np.float64, 1)])
def test_convolution_and_its_gradients(dtype, threads, monkeypatch):
    monkeypatch.setattr(c_plan, "threads", lambda: threads)
    monkeypatch.setattr(direct, "FEW", 0)  # also small ones by two threads
    calls = []
    for x_shape, w_shape, lengths, geometry in cases():
        x, w, b = normal(*x_shape, dtype=dtype), normal(*w_shape, dtype=dtype, seed=1), normal(w_shape[0], dtype=dtype)
        g = normal(x_shape[0], w_shape[0], *lengths, dtype=dtype, seed=2)
        calls += [
            (conv._conv2d.primitive.forward, [x, w, b], (None,) * 3, {"geometry": geometry}),
            (conv.conv2d_input.primitive.forward, [g, w], (None,) * 2, {"size": x_shape[2:], "geometry": geometry}),
            (conv.conv2d_weight.primitive.forward, [x, g], (None,) * 2, {"kernel": w_shape[2:], "geometry": geometry}),
        ]
    assert_equal(calls)


def test_convolution_without_bias():
    arrays = [normal(2, 3, 8, 8), normal(4, 3, 3, 3)]
    assert_equal([(conv._conv2d.primitive.forward, arrays, (None, None, 0.0), {"geometry": Geometry()})])


def test_a_convolution_that_cuts_off_is_left_to_python():
    geometry = Geometry((1, 1), ((-1, 0), (0, 0)))
    traced = called(conv._conv2d.primitive.forward, None, None, 0.0, geometry=geometry)
    assert "kernel" not in Built(traced, [normal(2, 3, 8, 8), normal(4, 3, 3, 3)]).kinds()


def test_convolution_keeps_a_nan_where_it_belongs():
    x, w = normal(3, 2, 12, 12), normal(4, 2, 3, 3)
    x[1, 0, 5, 5] = np.nan
    traced = called(conv._conv2d.primitive.forward, None, None, 0.0, geometry=Geometry())
    (found,) = Built(traced, [x, w])(x, w)
    expected = np.zeros((3, 4, 10, 10), bool)
    expected[1, :, 3:6, 3:6] = True
    np.testing.assert_array_equal(np.isnan(found), expected)


POOLS = [
    ((2, 2), Geometry((2, 2))),
    ((2, 2), Geometry((2, 2), ((0, 0), (0, 0)), (2, 2))),  # dilated, so that windows share places
    ((3, 2), Geometry((3, 2))),
    ((2, 2), Geometry((2, 2), ((1, 1), (1, 1)))),
    ((3, 3), Geometry((2, 2), ((1, 1), (1, 1)))),
    ((3, 3), Geometry((1, 2), ((1, 0), (0, 1)), (2, 1))),
    ((5, 5), Geometry((3, 3))),
    ((1, 4), Geometry((1, 4))),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(12, 12), (11, 13)])
def test_the_gradient_of_max_pooling(size, dtype):
    rng, calls = np.random.default_rng(0), []
    for kernel, geometry in POOLS:
        x = rng.integers(0, 4, (3, *size)).astype(dtype)  # with ties
        x[0, 3, 4] = x[1, 5, 5] = x[1, 5, 6] = np.nan
        x[2, :4, :4] = -np.inf
        out = pool._max_pool2d.primitive.forward(x, kernel=kernel, geometry=geometry)
        g = rng.normal(size=out.shape).astype(dtype)
        g[0, 0, 0] = np.inf
        g[0, 0, 1] = 0
        calls.append((pool._max_pool2d_x, [g, x, out], (None, None, x.shape, None, kernel, geometry), {}))
    assert_equal(calls)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("counted", [(0, 0), (1, 1), 3])
def test_the_gradient_of_average_pooling(counted, dtype):
    calls = []
    for kernel, geometry in POOLS:
        if geometry.dilation == (1, 1):
            g = normal(3, *geometry.lengths((12, 13), kernel), dtype=dtype)
            parameters = {"size": (12, 13), "kernel": kernel, "geometry": geometry, "counted": counted}
            calls.append((pool.avg_pool2d_input.primitive.forward, [g], (None,), parameters))
    assert_equal(calls)


def test_sums_by_index():
    rows, columns = np.array([3, 0, 3, -1, 4, 3]), np.array([[6], [-2], [0]])
    calls = [
        (normal(6, 7), rows, (5, 7)),
        (normal(2, 6, 7).transpose(1, 0, 2), rows, (5, 2, 7)),
        (normal(3, 6, 2), (rows, columns), (5, 7, 2)),
        (normal(2, 3), rows.reshape(2, 3), (5,)),
    ]
    scatter = index.scatter.primitive.forward
    assert_equal([(scatter, [g], (None,), {"index": where, "shape": shape}) for g, where, shape in calls])


def test_a_sum_by_an_index_out_of_range_is_left_to_the_function_itself():
    scatter = index.scatter.primitive.forward

    def function(g, rows):
        found = scatter(g.concrete, index=rows.concrete, shape=(5, 7))
        return g.tape.record("opaque", scatter, (g,), {"index": rows, "shape": (5, 7)}, found) * 1

    compiled = Built(function, [normal(6, 7), np.arange(6) % 5])
    assert "scatter" in compiled.kinds()
    np.testing.assert_allclose(
        compiled(normal(6, 7), np.array([1, 1, 1, 2, 2, -1]))[0][1], normal(6, 7)[:3].sum(0), rtol=1e-6
    )
    with pytest.raises(c_plan.GuardFailed):
        compiled(normal(6, 7), np.array([0, 1, 2, 3, 4, 5]))


def test_large_convolutions_are_those_of_the_operations_bit_for_bit():
    geometry = Geometry((1, 1), ((1, 1), (1, 1)))
    x, w, b, g = normal(32, 8, 20, 20), normal(16, 8, 3, 3), normal(16), normal(32, 16, 20, 20)
    calls = [
        (conv._conv2d.primitive.forward, [x, w, b], {"geometry": geometry}),
        (conv.conv2d_input.primitive.forward, [g, w], {"size": (20, 20), "geometry": geometry}),
        (conv.conv2d_weight.primitive.forward, [x, g], {"kernel": (3, 3), "geometry": geometry}),
        (conv._conv2d.primitive.forward, [x, w[:, :, :1, :1].copy(), b], {}),  # for which patches are faster
    ]
    for function, arrays, parameters in calls:
        compiled = Built(called(function, *[None] * len(arrays), **parameters), arrays)
        assert ("kernel" in compiled.kinds()) == bool(parameters)
        np.testing.assert_array_equal(compiled(*arrays)[0], function(*arrays, **parameters))


def test_a_step_of_convolutions_and_pooling_calls_no_python():
    """Their kernels and rules are taken as a whole, though some could be traced, into far slower steps."""
    tg.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)]
    net = nn.Sequential(*layers)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)

    @tg.compile(backend="c")
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step(normal(6, 1, 12, 12), np.arange(6) % 3)
    assert step.report().splitlines()[0].endswith("3 calls without a plan, 0 in which a plan failed")
    assert step.source("c").count("int segment") == 1
