"""Integers, bools and float16: what meets an operation of real numbers becomes floating, and sums keep their digits."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import SAMPLES
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

OPERATIONS = tg.autograd.OPERATIONS
FLOATING = sorted(name for name, row in OPERATIONS.items() if row.floating and name in SAMPLES)
ACCUMULATING = sorted(name for name, row in OPERATIONS.items() if (row.floating or row.accumulates) and name in SAMPLES)
random = np.random.default_rng(0)


def parts(result):
    return [part.numpy() for part in (result if isinstance(result, tuple) else (result,))]


def converted(x, dtype):
    """Return the floating arrays among the inputs of a sample in another dtype, rounded to small integers first."""
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        return x
    return np.minimum(np.abs(np.round(x)), 3).astype(dtype) if np.dtype(dtype).kind in "iub" else x.astype(dtype)


# ---------------------------------------------------------------------- integers and bools


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
@pytest.mark.parametrize("name", FLOATING)
def test_an_operation_of_real_numbers_takes_integers_as_the_default_float(name, dtype):
    operation, compared = OPERATIONS[name].operation, 0
    for sample in SAMPLES[name][:6]:
        whole = [converted(x, dtype) for x in sample.inputs]
        floats = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == dtype else x for x in whole]
        try:
            expected = parts(operation(*map(tg.tensor, floats), **sample.parameters))
        except np.linalg.LinAlgError:
            continue
        for given in (whole, [tg.tensor(x) if isinstance(x, np.ndarray) else x for x in whole]):
            for a, b in zip(parts(operation(*given, **sample.parameters)), expected):
                assert np.finfo(a.dtype).dtype == np.float32
                np.testing.assert_array_equal(a, b)
        compared += 1
    assert compared


def test_integers_beside_a_floating_array_take_its_dtype():
    whole = np.array([1, 2, 3])
    for dtype in (np.float16, np.float32, np.float64):
        x = tg.tensor(np.array([1.0, 2.0, 4.0], dtype))
        for y in (x / whole, whole / x, np.hypot(x, whole), np.arctan2(whole, x), np.logaddexp(x, whole), x / True):
            assert y.dtype == dtype
    z = tg.tensor(np.array([1j, 2.0]))
    assert (z / np.array([2, 4])).dtype == np.complex128


def test_the_default_float_is_what_was_set(float64):
    whole = np.arange(6).reshape(2, 3)
    for function in (np.exp, np.mean, np.var, np.std, np.median, tg.sigmoid, tg.softmax):
        assert function(tg.tensor(whole)).dtype == np.float64


def test_arithmetic_of_integers_stays_that_of_numpy():
    a, b = np.array([7, -3, 5], np.int16), np.array([2, 4, 3], np.int16)
    for function in (np.add, np.subtract, np.multiply, np.power, np.floor_divide, np.remainder, np.maximum, np.fmod):
        found = function(tg.tensor(a), tg.tensor(b))
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found.numpy(), function(a, b))
    for function in (np.sum, np.prod, np.cumsum, np.max, np.abs, np.sign, np.negative, np.square, np.sort, tg.relu):
        expected = np.maximum(a, 0) if function is tg.relu else function(a)
        found = function(tg.tensor(a))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected)
    assert np.matmul(tg.tensor(a), b).dtype == np.int16
    assert np.einsum("i,i->", tg.tensor(a), b).dtype == np.int16


UINT8 = random.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
LAYERS = {
    "linear": lambda: nn.Linear(8, 2),
    "linear without bias": lambda: nn.Linear(8, 2, bias=False),
    "conv": lambda: nn.Conv2d(3, 2, 3, padding=1),
    "strided conv": lambda: nn.Conv2d(3, 2, 3, stride=2),
    "layer norm": lambda: nn.LayerNorm(8),
    "batch norm": lambda: nn.BatchNorm2d(3),
    "batch norm in evaluation": lambda: nn.BatchNorm2d(3).eval(),
    "average pooling": lambda: nn.AvgPool2d(2),
    "adaptive pooling": lambda: nn.AdaptiveAvgPool2d(3),
    "dropout in evaluation": lambda: nn.Dropout().eval(),
    "gelu": nn.GELU,
    "softmax": nn.Softmax,
    "softmin": nn.Softmin,
    "rnn": lambda: nn.Sequential(nn.Flatten(0, 1), nn.RNN(8, 4)),
    "gru": lambda: nn.Sequential(nn.Flatten(0, 1), nn.GRU(8, 4)),
    "attention": lambda: lambda x: F.scaled_dot_product_attention(x, x, x),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_take_images_of_integers(name, dtype):
    results = []
    for x in (UINT8.astype(dtype), UINT8.astype(np.float32)):
        tg.manual_seed(0)
        result = LAYERS[name]()(x)
        results += parts(result if isinstance(result, tg.Tensor) else result[0])
    assert results[0].dtype == results[1].dtype == np.float32
    np.testing.assert_array_equal(*results)


def test_the_largest_of_integers_and_bools_keeps_their_dtype():
    for dtype in (bool, np.uint8, np.int64):
        x = UINT8[:, :, :5, :5] > 128 if dtype is bool else UINT8[:, :, :5, :5].astype(dtype)
        found = tg.max_pool2d(x, 2, padding=1)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), tg.max_pool2d(x.astype(float), 2, padding=1).numpy())


def test_dropout_scales_integers_as_floating_numbers():
    kept = F.dropout(np.full(1000, 3, np.uint8), 0.9)
    assert kept.dtype == np.float32
    np.testing.assert_allclose(np.unique(kept.numpy()), [0.0, 30.0], rtol=1e-6)
    assert F.dropout(np.arange(4), 1.0).dtype == np.float32
    np.testing.assert_array_equal(F.dropout(tg.tensor([np.inf, np.nan, 1.0]), 1.0).numpy(), 0.0)


LOSSES = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "smooth l1": F.smooth_l1_loss,
    "bce with logits": lambda x, y: F.binary_cross_entropy_with_logits(x, np.minimum(y, 1)),
    "bce with positive weight": lambda x, y: F.binary_cross_entropy_with_logits(x, np.minimum(y, 1), pos_weight=[3.0]),
    "bce": lambda x, y: F.binary_cross_entropy(np.minimum(x, 1), np.minimum(y, 1)),
    "kl div": lambda x, y: F.kl_div(x, y),
    "poisson nll": lambda x, y: F.poisson_nll_loss(x // 16, y, full=True),
    "poisson nll of rates": lambda x, y: F.poisson_nll_loss(x, y, log_input=False),
    "gaussian nll": lambda x, y: F.gaussian_nll_loss(x, y, np.ones(x.shape, x.dtype)),
    "hinge": lambda x, y: F.hinge_loss(x, 2 * np.minimum(y, 1).astype(int) - 1),
    "hinge of classes": lambda x, y: F.hinge_loss(x, np.arange(len(x))),
    "cross entropy": lambda x, y: F.cross_entropy(x, np.arange(len(x)), label_smoothing=0.25),
    "nll": lambda x, y: F.nll_loss(x, np.arange(len(x)), np.array([1, 2, 3, 4])),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_integers_do_not_wrap(name, dtype):
    x, y = random.integers(0, 256, (2, 3, 4)).astype(dtype)
    expected = LOSSES[name](x.astype(np.float64), y.astype(np.float64)).item()
    for given in (
        (x, y),
        (tg.tensor(x), tg.tensor(y)),
        (x.astype(np.float32), y),
        (tg.tensor(x.astype(np.float32)), y),
    ):
        found = LOSSES[name](*[g if isinstance(g, np.ndarray) else g.numpy() for g in given])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.item(), expected, rtol=1e-5)


# ---------------------------------------------------------------------- float16


@pytest.mark.parametrize("name", ACCUMULATING)
def test_float16_is_computed_in_float32_and_rounded_once(name):
    operation, compared = OPERATIONS[name].operation, 0
    for sample in SAMPLES[name][:8]:
        half = [converted(x, np.float16) for x in sample.inputs]
        single = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float16 else x for x in half]
        try:
            expected = parts(operation(*map(tg.tensor, single), **sample.parameters))
        except np.linalg.LinAlgError:
            continue
        for a, b in zip(parts(operation(*map(tg.tensor, half), **sample.parameters)), expected):
            rounded = b if b.dtype == np.complex64 else b.astype(np.float16)  # there are no complex numbers of 32 bits
            assert a.dtype == rounded.dtype
            np.testing.assert_array_equal(a, rounded)
        compared += 1
    assert compared


N = 5000
ROWS = random.uniform(0.5, 1.5, (N, 2)).astype(np.float16)
LONG = {  # functions of (rows, columns): forward, backward or both add up thousands of elements
    "sum": lambda x: x.sum(axis=0),
    "mean": lambda x: x.mean(axis=0),
    "var": lambda x: x.var(axis=0),
    "std": lambda x: (3 * x).std(axis=0),
    "norm": lambda x: tg.linalg.norm(x, axis=0),
    "cumsum": lambda x: tg.cumsum(x, axis=0)[-1],
    "cumprod": lambda x: tg.cumprod(x[:100], axis=0)[-1] * 64,
    "prod": lambda x: tg.prod(x[:100], axis=0) * 64,
    "logsumexp": lambda x: tg.logsumexp(x, axis=0),
    "softmax": lambda x: (tg.softmax(x, axis=0) * 100)[:3],
    "log softmax": lambda x: tg.log_softmax(x, axis=0)[:3],
    "median": lambda x: tg.median(x, axis=0),
    "matmul": lambda x: x.T @ x / 64,
    "vector product": lambda x: np.ones(N, np.float16) @ x,
    "einsum": lambda x: tg.einsum("ij,ik->k", x, x) / 64,
    "einsum of one": lambda x: tg.einsum("ij->j", x),
    "average": lambda x: np.average(x, axis=0, weights=np.ones(N, np.float16)),
    "scatter-add": lambda x: tg.add_at(np.zeros(2, np.float16), np.zeros(N, int), x[:, 0]),
    "scale": lambda x: (x[0] * np.ones((N, 2), np.float16)).sum() / 64,
    "offset": lambda x: ((x[0] + np.ones((N, 2), np.float16)) / 64).sum(),
    "broadcast": lambda x: (np.broadcast_to(x[0], (N, 2)) / 64).sum(),
    "gather": lambda x: (x[np.zeros(N, int)] / 64).sum(),
    "take": lambda x: (tg.take(x, np.zeros(N, int), axis=0) / 64).sum(),
    "repeat": lambda x: (tg.repeat(x[:1], N, axis=0) / 64).sum(),
    "tile": lambda x: (tg.tile(x[:1], (N, 1)) / 64).sum(),
    "max": lambda x: (np.maximum(x[0], np.zeros((N, 2), np.float16)) / 64).sum(),
    "power": lambda x: (x[0] ** np.ones((N, 2), np.float16) / 64).sum(),
    "many uses": lambda x: sum([x[0] * np.float16(1 / 64) for _ in range(N)], start=0).sum(),
    "mse": lambda x: F.mse_loss(x, np.zeros((N, 2), np.float16), reduction="sum") / 256,
    "l1": lambda x: F.l1_loss(x, np.zeros((N, 2), np.float16)),
    "cross entropy": lambda x: F.cross_entropy(x, np.zeros(N, int), reduction="sum"),
    "weighted cross entropy": lambda x: F.cross_entropy(x, np.zeros(N, int), np.ones(2, np.float16)),
    "bce": lambda x: F.binary_cross_entropy_with_logits(x, np.ones((N, 2), np.float16), reduction="sum"),
    "layer norm": lambda x: F.layer_norm(x.T, N)[:, :3],
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True)[:3],
    "average pooling": lambda x: tg.avg_pool1d(x.T, N),
}


@pytest.mark.parametrize("name", LONG)
def test_long_sums_of_float16_keep_their_digits(name):
    half, double = (tg.tensor(ROWS.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
    y, expected = LONG[name](half), LONG[name](double)
    assert y.dtype == np.float16
    steps = N if name == "many uses" else 4  # of a chain of float16 additions each is rounded
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=2e-3 * steps, atol=1e-3)
    y.sum().backward()
    expected.sum().backward()
    assert half.grad.dtype == np.float16
    np.testing.assert_allclose(half.grad.numpy(), double.grad.numpy(), rtol=4e-3, atol=4e-6)


def test_gradients_of_float16_are_rounded_once_and_have_derivatives():
    x = tg.tensor(np.array([0.5, 1.5], np.float16), requires_grad=True)
    (g,) = tg.autograd.grad((x**3).sum(), x, create_graph=True)
    assert g.dtype == np.float16
    np.testing.assert_array_equal(g.numpy(), [0.75, 6.75])
    g.sum().backward()
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 9.0])


def test_hooks_see_gradients_in_the_dtype_of_their_tensor():
    x = tg.tensor(np.ones(3, np.float16), requires_grad=True)
    y, seen = x * 2, []
    y.register_hook(lambda g: seen.append(g.dtype) or g * 3)
    x.register_hook(lambda g: seen.append(g.dtype))
    y.sum().backward()
    assert seen == [np.float16, np.float16]
    np.testing.assert_array_equal(x.grad.numpy(), 6.0)


@pytest.mark.parametrize("name", ["inv", "det", "solve", "cholesky", "eigvalsh", "svdvals", "pinv"])
def test_linear_algebra_of_float16_is_that_of_float32_rounded(name):
    a = np.array([[4.0, 1.0], [1.0, 3.0]])
    more = (np.array([1.0, 2.0]),) if name == "solve" else ()
    half, double = (tg.tensor(a.astype(dtype), requires_grad=True) for dtype in (np.float16, np.float64))
    found, expected = (getattr(tg.linalg, name)(x, *[m.astype(x.dtype) for m in more]) for x in (half, double))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3)
    found.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(half.grad.numpy(), double.grad.numpy(), rtol=2e-3, atol=1e-3)


def test_several_outputs_of_float16_have_gradients():
    x = tg.tensor(np.array([[4.0, 1.0], [1.0, 3.0]], np.float16), requires_grad=True)
    w, v = tg.linalg.eigh(x)
    (w.sum() + (v**2).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(2), atol=2e-3)
