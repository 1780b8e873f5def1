"""Clipping: the norm of all gradients and its limit, at every order of the norm and at every size of the gradients."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import with_gradients
from tinygrad_ml import nn, optim


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, 0.5, 0, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize(
    "values",
    [
        [[3.0, 4.0], [[1.0], [2.0]]],
        [[0.0, 0.0]],
        [[0.01, 0.02]],
        [[1.0, math.inf], [2.0]],
        [[1.0, math.nan], [2.0]],
        [-5.0],
        [[3.0, 0.0, 4.0]],
        [[3.0, 0.0], [0.0], [[1.0, 2.0]]],
    ],
    ids=["large", "zero", "small", "infinite", "nan", "0-d", "one with a zero", "three with zeros"],
)
def test_clipping_by_norm_equals_pytorch(values, norm_type, torch):
    ours, theirs = with_gradients(values), []
    for value in values:
        theirs.append(torch.zeros(np.shape(value), dtype=torch.float64, requires_grad=True))
        theirs[-1].grad = torch.tensor(value, dtype=torch.float64)
    norm = optim.clip_grad_norm_(ours, 1.5, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 1.5, norm_type)
    np.testing.assert_allclose(norm.numpy(), expected.numpy(), rtol=1e-14)
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_norm_of_tiny_and_huge_gradients_is_right_in_float32(size):
    params = with_gradients([[3 * size, 4 * size]], np.float32)
    norm = optim.clip_grad_norm_(params, 1.0)
    assert norm.dtype == params[0].grad.dtype == np.float32
    np.testing.assert_allclose(norm.item(), 5 * size, rtol=1e-6)


def test_a_norm_that_is_not_finite_can_be_an_error():
    with pytest.raises(RuntimeError, match="nan"):
        optim.clip_grad_norm_(with_gradients([[math.nan]]), 1.0, error_if_nonfinite=True)


def test_clipping_without_gradients_gives_zero():
    assert optim.clip_grad_norm_([tg.ones(2, requires_grad=True)], 1.0).item() == 0


def test_clipping_by_value_equals_pytorch(torch):
    value = [-3.0, 0.2, math.inf, math.nan]
    ours, theirs = with_gradients([value]), torch.zeros(4, dtype=torch.float64, requires_grad=True)
    theirs.grad = torch.tensor(value, dtype=torch.float64)
    optim.clip_grad_value_(ours, 0.5)
    torch.nn.utils.clip_grad_value_(theirs, 0.5)
    np.testing.assert_array_equal(ours[0].grad.numpy(), theirs.grad.numpy())


def test_clipping_takes_the_parameters_of_a_module():
    net = nn.Linear(2, 2)
    (net(tg.ones(1, 2)) * 1000).sum().backward()
    optim.clip_grad_norm_(net.parameters(), 1.0)
    total = math.sqrt(sum((p.grad.numpy() ** 2).sum() for p in net.parameters()))
    assert total == pytest.approx(1.0, rel=1e-5)


def test_groups_are_clipped_each_by_itself():
    params = with_gradients([[3.0, 4.0], [0.3, 0.4]])
    optimizer = optim.SGD([{"params": params[:1]}, {"params": params[1:]}])
    for group in optimizer.param_groups:
        optim.clip_grad_norm_(group["params"], 1.0)
    np.testing.assert_allclose(params[0].grad.numpy(), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(params[1].grad.numpy(), [0.3, 0.4])


ORDERS = [2.0, 1.0, 3.0, 10.0, 0.5, 0, math.inf, -math.inf, -1.0, -2.5]
SIZES = {np.float16: [1e-3, 1.0, 1e4], np.float32: [1e-30, 1e13, 1e37], np.float64: [1e-300, 1e13, 1e200, 1e307]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("dtype", "size"), [(dtype, size) for dtype, sizes in SIZES.items() for size in sizes])
def test_finite_gradients_of_any_size_are_scaled_to_the_limit(dtype, size, order):
    """In extended precision neither the powers nor their sum leave the range of numbers."""
    if np.finfo(np.longdouble).maxexp <= np.finfo(np.float64).maxexp:
        pytest.skip("there are no numbers of a wider range here")
    random = np.random.default_rng(0)
    gradients = [(random.normal(size=shape) * size).astype(dtype) for shape in ((3, 2), (5,), ())]
    wide = np.abs(np.concatenate([np.ravel(g) for g in gradients]).astype(np.longdouble))
    if order == 0:
        norm = np.longdouble(len(gradients))  # the number of gradients that are not zero
    elif math.isinf(order):
        norm = wide.max() if order > 0 else wide.min()
    else:
        norm = (wide**order).sum() ** (1 / np.longdouble(order))
    params = with_gradients(gradients, dtype)
    limit = float(norm) / 8 if math.isfinite(float(norm)) else 1.0
    found = optim.clip_grad_norm_(params, limit, order)
    precision = 50 * float(np.finfo(dtype).eps)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(found.numpy(), dtype(norm), rtol=precision)
    factor = limit / (norm + np.longdouble(1e-6))
    for p, g in zip(params, gradients):
        smallest = float(np.finfo(dtype).smallest_subnormal)
        np.testing.assert_allclose(p.grad.numpy(), (g * min(factor, 1)).astype(dtype), rtol=precision, atol=smallest)


def test_finite_gradients_whose_norm_is_beyond_their_dtype_are_no_error():
    params = with_gradients([np.full(100, 1e38)], np.float32)
    optim.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    np.testing.assert_allclose(params[0].grad.numpy(), np.full(100, 0.1), rtol=1e-6)


def test_clipping_counts_as_a_change_of_what_data_gave_away():
    (p,) = with_gradients([[3.0, 4.0]])
    before = p.grad.data
    optim.clip_grad_norm_([p], 1.0)
    np.testing.assert_array_equal(before, [3.0, 4.0])
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf, -math.inf, 0])
def test_clipping_complex_gradients_equals_pytorch(norm_type, torch):
    values = [np.array([3 + 4j, -2j]), np.array([[1.0 + 0j, 0.5 - 0.5j]])]
    ours, theirs = with_gradients(values, np.complex128), []
    for value in values:
        theirs.append(torch.zeros(value.shape, dtype=torch.complex128, requires_grad=True))
        theirs[-1].grad = torch.tensor(value)
    norm = optim.clip_grad_norm_(ours, 0.4, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 0.4, norm_type)
    assert norm.dtype == np.float64
    np.testing.assert_allclose(norm.numpy(), expected.numpy(), rtol=1e-14)
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-14)


def test_gradients_of_length_0_have_norm_0():
    assert optim.clip_grad_norm_(with_gradients([np.zeros((0, 3))]), 1.0).item() == 0
