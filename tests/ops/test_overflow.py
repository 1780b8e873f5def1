"""What overflows or underflows only on the way: products, norms, deviations, and sums of exponentials at infinity."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.special

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml.nn import functional as F

INF = np.inf


def value_and_gradient(function, x, weights=1.0):
    t = leaf(np.asarray(x))
    y = function(t)
    (y * weights).sum().backward()
    return y.numpy(), t.grad.numpy()


# ---------------------------------------------------------------------- products, compared with fractions of integers

ROWS = {
    "plain": [2.0, -3.0, 0.5, 4.0],
    "one zero": [2.0, 0.0, 0.5, 4.0],
    "two zeros": [0.0, 3.0, 0.0, 4.0],
    "three zeros": [0.0, 0.0, 3.0, 0.0],
    "overflow and zeros": [1e200, 1e200, 0.0, 0.0],
    "zeros and overflow": [0.0, 0.0, 1e200, 1e200],
    "overflow and a zero": [1e200, 0.0, 1e200, 3.0],
    "underflow and a zero": [1e-200, 1e-200, 1e200, 0.0],
    "overflow, then underflow": [1e200, 1e200, 1e-200, 1e-200],
    "underflow, then overflow": [1e-200, 1e-200, 1e200, 1e200],
    "subnormal": [5e-324, 3e300, 0.25, 7.0],
    "long": np.where(np.arange(300) % 2, 1e150, 1e-150).tolist(),
    "alone": [3.0],
}


def to_float(fraction):
    """Return a fraction as the nearest float, or infinity."""
    try:
        return float(fraction)
    except OverflowError:
        return INF if fraction > 0 else -INF


def exact_products(row):
    """Return the running products of a row, and those without each of its elements, as fractions."""
    exact = [Fraction(v) for v in row]
    running = lambda elements: list(itertools.accumulate(elements, lambda a, b: a * b))
    return running(exact), [running([*exact[:k], Fraction(1), *exact[k + 1 :]]) for k in range(len(exact))]


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", ROWS)
def test_products_and_their_gradients_are_the_exact_ones_rounded(name):
    row = ROWS[name]
    running, without = exact_products(row)
    y, g = value_and_gradient(np.prod, row)
    np.testing.assert_allclose(y, to_float(running[-1]), rtol=1e-12)
    np.testing.assert_allclose(g, [to_float(w[-1]) for w in without], rtol=1e-12)
    y, g = value_and_gradient(np.cumprod, row)
    np.testing.assert_allclose(y, [to_float(p) for p in running], rtol=1e-12)
    np.testing.assert_allclose(g, [to_float(sum(w[k:])) for k, w in enumerate(without)], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:overflow")
def test_every_row_and_axis_is_treated_by_itself():
    x = np.array([ROWS[name] for name in ROWS if len(ROWS[name]) == 4])
    for axis, array in ((1, x), (-1, x), (0, x.T), (1, x[:, :, None]), ((1, 2), x.reshape(-1, 2, 2))):
        _, g = value_and_gradient(lambda t, axis=axis: np.prod(t, axis=axis), array)
        expected = np.array([[to_float(w[-1]) for w in exact_products(row)[1]] for row in x])
        expected = expected.T if array.shape == x.T.shape and axis == 0 else expected.reshape(array.shape)
        np.testing.assert_allclose(g, expected, rtol=1e-12)
        if not isinstance(axis, tuple):
            y, _ = value_and_gradient(lambda t, axis=axis: np.cumprod(t, axis=axis), array)
            expected = np.array([[to_float(p) for p in exact_products(row)[0]] for row in x])
            np.testing.assert_allclose(y, expected.T if axis == 0 else expected.reshape(array.shape), rtol=1e-12)


@pytest.mark.parametrize("row", [[2.0, -3.0, 0.5], [0.0, 3.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [1e-200] * 3])
def test_second_and_third_derivatives_of_a_product_are_products_of_the_others(row):
    n = len(row)
    second = [[math.prod(row[k] for k in range(n) if k not in (i, j)) * (i != j) for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(tg.hessian(np.prod)(np.array(row)), second)
    third = tg.jacobian(tg.hessian(np.prod))(np.array(row))
    expected = [
        [[float(len({i, j, k}) == 3) for k in range(n)] for j in range(n)] for i in range(n)
    ]  # nothing is left of three elements
    np.testing.assert_array_equal(third, expected)


@pytest.mark.parametrize("row", [[2.0, -3.0, 0.5, 1.5], [0.0, 3.0, 0.5, 2.0], [0.5, 0.0, 0.0, 2.0]])
def test_derivatives_of_running_products_are_pytorchs(torch, row):
    random = np.random.default_rng(0)
    weights = random.normal(size=(4, 4))
    x, t = leaf(*row), torch.tensor(row, dtype=torch.float64, requires_grad=True)
    y, z = np.cumprod(x), torch.cumprod(t, 0)
    for w in weights[:3]:
        (y,) = tg.autograd.grad((y * w).sum(), x, create_graph=True)
        (z,) = torch.autograd.grad((z * torch.tensor(w)).sum(), t, create_graph=True)
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-13, atol=1e-15)


def test_products_of_complex_numbers_are_scaled_too():
    z, size = np.array([1 + 1j, 2j, 1, 0.5 - 1j]), np.array([1e200, 1e200, 1e-200, 1e-200])
    t = tg.tensor(z * size, requires_grad=True)
    y = np.prod(t)
    np.testing.assert_allclose(y.numpy(), np.prod(z), rtol=1e-13)
    y.backward(np.ones((), complex))
    np.testing.assert_allclose(t.grad.numpy(), np.conj(np.prod(z) / z) / size, rtol=1e-13)


def test_products_of_nothing_and_of_infinities():
    for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 0)):
        y, g = value_and_gradient(lambda t, axis=axis: np.prod(t, axis=axis), np.zeros(shape))
        np.testing.assert_array_equal(y, np.prod(np.zeros(shape), axis=axis))
        assert g.shape == shape
        y, g = value_and_gradient(lambda t, axis=axis: np.cumprod(t, axis=axis), np.zeros(shape))
        assert y.shape == np.cumprod(np.zeros(shape), axis=axis).shape
        assert g.shape == shape
    assert np.prod(tg.tensor([INF, 2.0])).item() == INF
    assert np.isnan(np.prod(tg.tensor([INF, 0.0])).item())
    assert np.isnan(np.prod(tg.tensor([np.nan, 0.0])).item())


def test_cofactors_do_not_overflow():
    a = np.diag([1e160, 1e160, 1e-200, 1e-200])
    _, g = value_and_gradient(np.linalg.det, a)
    np.testing.assert_allclose(np.diag(g), [1e-240, 1e-240, 1e120, 1e120])


# ---------------------------------------------------------------------- norms and deviations

SCALED = {  # functions with f(c x) = c f(x), whose gradient does not depend on c
    "norm": np.linalg.norm,
    "3-norm": lambda x: tg.linalg.vector_norm(x, ord=3),
    "half norm": lambda x: tg.linalg.vector_norm(x, ord=0.5),
    "negative norm": lambda x: tg.linalg.vector_norm(x, ord=-3),
    "norm along an axis": lambda x: np.linalg.norm(x.reshape(1, 3), axis=1),
    "Frobenius norm": lambda x: np.linalg.norm(np.reshape(x, (3, 1)), "fro"),
    "std": np.std,
    "std with ddof": lambda x: np.std(x, ddof=1),
    "hypot": lambda x: np.hypot(np.hypot(x[0], x[1]), x[2]),
}


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float64", 1e300),
        ("float64", 1e160),
        ("float64", 1e-160),
        ("float64", 1e-300),
        ("float32", 1e30),
        ("float32", 1e-30),
    ],
)
@pytest.mark.parametrize("name", SCALED)
def test_a_norm_scales_with_its_argument(name, size, dtype):
    x = np.array([3.0, -1.0, 0.5])
    value, gradient = value_and_gradient(SCALED[name], x)
    t = tg.tensor((x * size).astype(dtype), requires_grad=True)
    y = SCALED[name](t)
    y.sum().backward()
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(y.numpy() / size, value, rtol=tolerance)
    np.testing.assert_allclose(t.grad.numpy(), gradient, rtol=tolerance)


def test_deviations_of_the_largest_numbers():
    largest = np.finfo(np.float64).max
    y, g = value_and_gradient(np.std, [largest, -largest])
    assert y == largest
    np.testing.assert_allclose(g, [0.5, -0.5], rtol=1e-14)
    with np.errstate(over="ignore"):
        _, g = value_and_gradient(np.var, [largest / 2, -largest / 2])
    np.testing.assert_allclose(g, [largest / 2, -largest / 2], rtol=1e-14)


def test_the_norms_and_deviations_of_what_is_0_or_infinite():
    for function in (np.linalg.norm, lambda x: tg.linalg.vector_norm(x, ord=3), np.std):
        y, g = value_and_gradient(function, [0.0, 0.0])
        assert y == 0
        assert (g == 0).all()
    assert np.linalg.norm(tg.tensor([INF, 1.0])).item() == INF
    assert tg.linalg.vector_norm(tg.tensor([0.0, 1.0]), ord=-2).item() == 0
    rows = np.array([[0.0, 0.0], [1e200, 1e200], [3.0, 4.0]])
    y, g = value_and_gradient(lambda x: np.linalg.norm(x, axis=1), rows)
    np.testing.assert_allclose(y, [0.0, math.sqrt(2) * 1e200, 5.0])
    np.testing.assert_allclose(g, [[0, 0], [math.sqrt(0.5)] * 2, [0.6, 0.8]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_and_batch_norm_of_large_inputs(dtype):
    size = {"float32": 1e30, "float64": 1e250}[dtype]
    x = np.array([[3.0, -1.0, 0.5], [1.0, 2.0, 4.0]])
    weights = np.array([[1.0, -2.0, 0.5]])
    for function in (
        lambda t: F.layer_norm(t, 3, eps=1e-5),
        lambda t: F.batch_norm(t.T, None, None, training=True, eps=1e-5).T,
        lambda t: F.rms_norm(t, 3, eps=1e-5),
        lambda t: F.normalize(t, axis=1),
    ):
        small, large = (tg.tensor((x * c).astype(dtype), requires_grad=True) for c in (1e3, size))
        expected, found = function(small), function(large)  # so large that eps does not matter
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4)
        (expected * weights).sum().backward()
        (found * weights).sum().backward()
        np.testing.assert_allclose(
            large.grad.numpy() * np.dtype(dtype).type(size), small.grad.numpy() * 1e3, rtol=1e-3, atol=1e-5
        )


def test_second_derivatives_of_layer_norm_of_large_inputs():
    x, weights = np.array([3.0, -1.0, 0.5]), np.array([1.0, -2.0, 0.5]) * 1e200
    function = lambda t: (F.layer_norm(t, 3, eps=0.0) * weights).sum()
    small, large = tg.hessian(function)(x), tg.hessian(function)(x * 1e160)
    np.testing.assert_allclose(large * 1e160 * 1e160, small, rtol=1e-10, atol=1e186)


# ---------------------------------------------------------------------- sums of exponentials


def test_logsumexp_at_infinity_is_infinite_and_its_gradient_a_share():
    for x, value, gradient in (
        ([INF, 1.0], INF, [1.0, 0.0]),
        ([INF, 1.0, INF], INF, [0.5, 0.0, 0.5]),
        ([-INF, -INF], -INF, [0.0, 0.0]),
        ([-INF, 2.0], 2.0, [0.0, 1.0]),
        ([INF, -INF], INF, [1.0, 0.0]),
    ):
        y, g = value_and_gradient(tg.logsumexp, x)
        assert y == value
        np.testing.assert_array_equal(g, gradient)
        if len(x) == 2:
            first, second = leaf(x[:1][0]), leaf(x[1])
            y = np.logaddexp(first, second)
            y.sum().backward()
            assert y.item() == value
            assert [first.grad.item(), second.grad.item()] == gradient
    assert np.isnan(tg.logsumexp(tg.tensor([np.nan, INF])).item())


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_at_infinity_is_a_limit(axis):
    x = np.array([[INF, 1.0, 2.0], [-INF, 0.0, 1.0], [INF, INF, 0.0], [-INF, -INF, 3.0]])
    large = np.clip(x, -1e5, 1e5)  # where the limit is reached but for rounding
    x, large = (x, large) if axis else (x.T, large.T)
    weights = np.arange(12.0).reshape(x.shape)
    y, g = value_and_gradient(lambda t: tg.softmax(t, axis=axis), x, weights)
    np.testing.assert_allclose(y, scipy.special.softmax(large, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(g, value_and_gradient(lambda t: tg.softmax(t, axis=axis), large, weights)[1], rtol=1e-13)
    y, _ = value_and_gradient(lambda t: tg.log_softmax(t, axis=axis), x)
    np.testing.assert_allclose(np.exp(y), scipy.special.softmax(large, axis=axis), rtol=1e-14)
    y, g = value_and_gradient(lambda t: tg.logsumexp(t, axis=axis), x)
    np.testing.assert_allclose(g, scipy.special.softmax(large, axis=axis), rtol=1e-14)


def test_second_derivatives_of_logsumexp_at_infinity_are_0():
    found = tg.hessian(tg.logsumexp)(np.array([INF, 1.0, 2.0]))
    np.testing.assert_array_equal(found, np.zeros((3, 3)))
    found = tg.hessian(tg.logsumexp)(np.array([-INF, 1.0, 2.0]))
    p = scipy.special.softmax([-INF, 1.0, 2.0])
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), rtol=1e-14, atol=1e-17)
