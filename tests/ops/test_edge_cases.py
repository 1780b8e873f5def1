"""The known traps of elementwise operations, reductions and losses: what is right where a naive rule gives NaN."""

import math

import numpy as np
import pytest

import tinygrad_ml as tg

INF = float("inf")


def gradient(function, *values, dtype=np.float64):
    """Return the gradients of the sum of a function's results at these values."""
    inputs = [tg.tensor(np.asarray(v, dtype), requires_grad=True) for v in values]
    with np.errstate(all="ignore"):
        function(*inputs).sum().backward()
    found = [x.grad.numpy().tolist() for x in inputs]
    return found if len(found) > 1 else found[0]


# ---------------------------------------------------------------------- ties and kinks


def test_ties_share_the_gradient_of_max_and_min():
    assert gradient(lambda x: x.max(), [1.0, 3.0, 3.0]) == [0.0, 0.5, 0.5]
    assert gradient(lambda x: x.min(axis=1), [[2.0, 2.0, 2.0, 2.0], [1.0, 4.0, 1.0, 5.0]]) == [
        [0.25, 0.25, 0.25, 0.25],
        [0.5, 0.0, 0.5, 0.0],
    ]


def test_equal_numbers_share_the_gradient_of_maximum_and_minimum():
    assert gradient(np.maximum, [1.0, 2.0], [1.0, 0.0]) == [[0.5, 1.0], [0.5, 0.0]]
    assert gradient(np.minimum, [1.0, 2.0], [1.0, 0.0]) == [[0.5, 0.0], [0.5, 1.0]]


def test_ties_in_the_median_give_all_of_the_gradient_once():
    assert sum(gradient(np.median, [2.0, 1.0, 2.0, 2.0, 5.0])) == 1.0
    assert sum(gradient(np.median, [2.0, 2.0, 2.0, 2.0])) == 1.0


def test_a_quantile_shares_its_gradient_by_the_weights_of_the_interpolation():
    np.testing.assert_allclose(gradient(lambda x: np.quantile(x, 0.6), [5.0, 1.0, 2.0]), [0.2, 0.0, 0.8], atol=1e-15)


def test_clip_passes_the_gradient_at_its_bounds():
    assert gradient(lambda x: np.clip(x, -1, 1), [-2.0, -1.0, 0.0, 1.0, 2.0]) == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_relu_and_abs_have_the_derivative_0_at_0():
    assert gradient(tg.relu, [0.0, -0.0]) == [0.0, 0.0]
    assert gradient(np.abs, [0.0, -0.0]) == [0.0, 0.0]


def test_rounding_stops_even_an_infinite_gradient():
    for function in (np.floor, np.ceil, np.trunc, np.rint, np.round, np.sign):
        assert gradient(lambda x, function=function: np.sqrt(0 * function(x)), [0.2]) == [0.0]


# ---------------------------------------------------------------------- products and powers with zeros


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([2.0, 0.0, 4.0], [0.0, 8.0, 0.0]),
        ([0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_prod_is_right_with_no_zero_one_zero_and_two_zeros(x, expected):
    assert gradient(np.prod, x) == expected


def test_prod_has_a_second_derivative_between_two_zeros():
    x = tg.tensor(np.array([0.0, 3.0, 0.0]), requires_grad=True)
    (first,) = tg.autograd.grad(x.prod(), x, create_graph=True)
    (second,) = tg.autograd.grad(first[0], x)
    assert second.tolist() == [0.0, 0.0, 3.0]


def test_prod_neither_overflows_nor_underflows_in_its_gradient():
    x = np.array([1e-30, 1e-30, 1.0], np.float32)
    np.testing.assert_allclose(gradient(np.prod, x, dtype=np.float32), [1e-30, 1e-30, 0.0], rtol=1e-6)


def test_cumprod_is_right_behind_a_zero():
    # the running products of (2, 0, 5) are 2, 2 * 0, 2 * 0 * 5
    assert gradient(np.cumprod, [2.0, 0.0, 5.0]) == [1.0, 2.0 + 2.0 * 5.0, 0.0]


def test_powers_of_zero_have_gradients():
    base, exponent = gradient(lambda x, y: x**y, [0.0, 0.0, 0.0], [1.0, 2.0, 3.0])
    assert base == [1.0, 0.0, 0.0]
    assert exponent == [0.0, 0.0, 0.0]
    assert gradient(lambda x: x**2, [0.0]) == [0.0]


def test_the_power_zero_is_constant():
    base, exponent = gradient(lambda x, y: x**y, [0.0, 2.0], [0.0, 0.0])
    assert base == [0.0, 0.0]
    assert exponent == [0.0, math.log(2)]
    assert gradient(lambda x: x**0, [0.0, 2.0]) == [0.0, 0.0]


def test_a_negative_base_has_a_derivative_by_the_base_only():
    base, exponent = gradient(lambda x, y: x**y, [-2.0], [3.0])
    assert base == [12.0]
    assert math.isnan(exponent[0])


def test_remainders_take_the_quotient_that_the_value_was_computed_with():
    # 1 / 0.1 rounds to 10, but 0.1 is a little more than a tenth and goes only 9 times into 1
    assert gradient(np.fmod, [1.0], [0.1]) == [[1.0], [-9.0]]
    assert gradient(np.remainder, [1.0], [0.1]) == [[1.0], [-9.0]]


# ---------------------------------------------------------------------- singular points


def test_the_gradient_of_sqrt_at_0_is_infinite_and_a_zero_that_arrives_stays_zero():
    assert gradient(np.sqrt, [0.0]) == [INF]
    assert gradient(lambda x: 0 * np.sqrt(x), [0.0]) == [0.0]


@pytest.mark.parametrize(
    ("function", "bad"),
    [
        (np.sqrt, 0.0),
        (np.log, 0.0),
        (np.log2, 0.0),
        (np.log10, 0.0),
        (np.log1p, -1.0),
        (np.reciprocal, 0.0),
        (lambda x: 1 / x, 0.0),
        (lambda x: x**0.5, 0.0),
        (lambda x: x**-1.0, 0.0),
        (lambda x: x ** tg.tensor(0.5, "float64"), 0.0),
        (np.arcsin, 1.0),
        (np.arccos, -1.0),
        (np.arccosh, 1.0),
        (np.arctanh, 1.0),
    ],
)
def test_where_keeps_the_branch_not_taken_out_of_the_gradient(function, bad):
    good = 2.0 if function is np.arccosh else 0.5
    x = tg.tensor(np.array([bad, good]), requires_grad=True)
    with np.errstate(all="ignore"):
        y = np.where(x == bad, 0.0, function(x))
    (first,) = tg.autograd.grad(y.sum(), x, create_graph=True)
    assert first.numpy()[0] == 0
    assert np.isfinite(first.numpy()).all()
    (second,) = tg.autograd.grad(first.sum(), x)
    assert second.numpy()[0] == 0
    assert np.isfinite(second.numpy()).all()


def test_the_standard_deviation_of_constants_has_the_gradient_0():
    for dtype in (np.float32, np.float64):
        x = tg.tensor(np.full((2, 7), 0.1, dtype), requires_grad=True)
        y = x.std(axis=1)
        y.sum().backward()
        assert y.tolist() == [0.0, 0.0]  # though the mean of 0.1 is not exactly 0.1
        assert not x.grad.numpy().any()


def test_the_variance_keeps_its_digits_far_from_0():
    x = np.array([1e4, 1e4 + 1, 1e4 + 2], np.float32)
    assert tg.tensor(x).var().item() == pytest.approx(2 / 3, rel=1e-6)


def test_hypot_and_arctan2_have_the_gradient_0_at_the_origin():
    assert gradient(np.hypot, [0.0], [0.0]) == [[0.0], [0.0]]
    assert gradient(np.arctan2, [0.0], [0.0]) == [[0.0], [0.0]]


# ---------------------------------------------------------------------- numbers that are large, or -inf


def test_logaddexp_of_minus_infinities_is_minus_infinity_with_gradient_0():
    assert np.logaddexp(tg.tensor([-INF]), tg.tensor([-INF])).tolist() == [-INF]
    assert gradient(np.logaddexp, [-INF], [-INF]) == [[0.0], [0.0]]
    assert gradient(np.logaddexp, [-INF], [1.0]) == [[0.0], [1.0]]
    assert gradient(np.logaddexp, [INF], [1.0]) == [[1.0], [0.0]]


def test_logsumexp_of_a_row_of_minus_infinities_has_gradient_0():
    x = [[-INF, -INF], [0.0, -INF]]
    assert tg.logsumexp(tg.tensor(x), axis=1).tolist() == [-INF, 0.0]
    assert gradient(lambda x: tg.logsumexp(x, axis=1), x) == [[0.0, 0.0], [1.0, 0.0]]


def test_softmax_of_a_row_of_minus_infinities_is_0_with_gradient_0():
    x = tg.tensor([[-INF, -INF], [0.0, -INF]], requires_grad=True)
    y = tg.softmax(x, axis=1)
    assert y.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    (y * y).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


LARGE = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]], np.float32)


def test_softmax_and_log_softmax_are_right_at_large_logits_in_float32(special):
    np.testing.assert_allclose(tg.softmax(tg.tensor(LARGE)).numpy(), special.softmax(LARGE.astype(float), axis=1))
    expected = special.log_softmax(LARGE.astype(float), axis=1)
    np.testing.assert_allclose(tg.log_softmax(tg.tensor(LARGE)).numpy(), expected, rtol=1e-6)


def test_cross_entropy_is_right_at_large_logits_in_float32(special):
    x = tg.tensor(LARGE, requires_grad=True)
    target = np.array([1, 0, 2])
    loss = tg.ops.softmax_cross_entropy(x, target=target, reduction="none")
    expected = -special.log_softmax(LARGE.astype(float), axis=1)[np.arange(3), target]
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-6)
    loss.sum().backward()
    p = special.softmax(LARGE.astype(float), axis=1)
    np.testing.assert_allclose(x.grad.numpy(), p - np.eye(3)[target], atol=1e-6)


def test_binary_cross_entropy_is_right_at_large_logits_in_float32():
    logits = np.array([1e4, 1e4, -1e4, -1e4, 0.0], np.float32)
    target = np.array([1, 0, 1, 0, 0.5], np.float32)
    x = tg.tensor(logits, requires_grad=True)
    loss = tg.ops.binary_cross_entropy_with_logits(x, target, reduction="none")
    np.testing.assert_allclose(loss.numpy(), [0.0, 1e4, 1e4, 0.0, math.log(2)], rtol=1e-6)
    loss.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, -1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "values", "slopes"),
    [
        (tg.sigmoid, [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]),
        (tg.logsigmoid, [-INF, -1e4, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]),
        (tg.softplus, [0.0, 0.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (tg.silu, [0.0, 0.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (tg.mish, [0.0, 0.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (tg.gelu, [0.0, 0.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (lambda x: tg.gelu(x, approximate="tanh"), [0.0, 0.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (tg.elu, [-1.0, -1.0, 1e4, INF], [0.0, 0.0, 1.0, 1.0]),
        (np.tanh, [-1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]),
        (tg.erf, [-1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]),
        (np.arctan, [-math.pi / 2, -math.pi / 2 + 1e-4, math.pi / 2 - 1e-4, math.pi / 2], [0.0, 1e-8, 1e-8, 0.0]),
    ],
)
def test_saturating_functions_are_right_far_out_in_float32(function, values, slopes):
    x = tg.tensor(np.array([-INF, -1e4, 1e4, INF], np.float32), requires_grad=True)
    y = function(x)
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-6, atol=1e-7)
    (first,) = tg.autograd.grad(y, x, tg.ones(4), create_graph=True)
    np.testing.assert_allclose(first.numpy(), slopes, rtol=1e-6, atol=1e-12)
    (second,) = tg.autograd.grad(first[1:3].sum(), x)
    np.testing.assert_allclose(second.numpy()[1:3], 0, atol=1e-10)


def test_inverse_hyperbolic_derivatives_do_not_overflow_in_float32():
    x = np.array([1e20, 3e30], np.float32)
    np.testing.assert_allclose(gradient(np.arcsinh, x, dtype=np.float32), 1 / x.astype(float), rtol=1e-6)
    np.testing.assert_allclose(gradient(np.arccosh, x, dtype=np.float32), 1 / x.astype(float), rtol=1e-6)


# ---------------------------------------------------------------------- values that NumPy does not have


def test_erf_equals_scipys(special):
    x = np.concatenate([np.linspace(-7, 7, 200_001), np.logspace(-300, 0, 1000), [0.0, -0.0, INF, -INF]])
    np.testing.assert_allclose(tg.erf(tg.tensor(x)).numpy(), special.erf(x), rtol=1e-15, atol=1e-15)
    few = x[::5000]
    np.testing.assert_allclose(tg.erf(tg.tensor(few)).numpy(), special.erf(few), rtol=1e-15, atol=1e-300)
    single = x.astype(np.float32)
    np.testing.assert_allclose(tg.erf(tg.tensor(single)).numpy(), special.erf(single), rtol=1e-6, atol=0)
    assert np.abs(tg.erf(tg.tensor(single)).numpy()).max() == 1
    assert np.isnan(tg.erf(tg.tensor(np.full(300, np.nan))).numpy()).all()


def test_sinc_has_derivatives_of_every_order_at_0():
    x = tg.tensor(np.array([0.0, 1e-7]), requires_grad=True)
    y = np.sinc(x)
    for expected in (0.0, -(math.pi**2) / 3, 0.0, math.pi**4 / 5):  # sinc(x) = 1 - (pi x)^2/3! + (pi x)^4/5! - ...
        (y,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------- every form of an argument, forward and back

MATRIX, VECTOR = (
    np.array([[0.5, 3.0, 1.0, 7.0], [2.0, 4.5, -1.0, 0.0], [6.0, -2.0, 8.0, 2.5]]),
    np.array([3.0, 1.0, 2.0]),
)
FORMS = {
    "take of bools, which are 0 and 1": (lambda x: np.take(x, [True, True]), VECTOR),
    "take of bools along an axis": (lambda x: np.take(x, np.array([False, True]), axis=0), MATRIX),
    "transpose(0)": (lambda x: x.transpose(0), VECTOR),
    "transpose of an array of axes": (lambda x: np.transpose(x, np.array([1, -2])), MATRIX),
    "transpose without axes": (lambda x: x.transpose(()), np.array(2.0)),
    "levels in two axes": (lambda x: np.quantile(x, [[0.1, 0.2]]), VECTOR),
    "levels in two axes, along an axis": (lambda x: np.quantile(x, [[0.1, 0.2], [0.3, 1.0]], axis=1), MATRIX),
    "levels in two axes, kept axes": (lambda x: np.quantile(x, [[0.1], [0.7]], axis=(0, 1), keepdims=True), MATRIX),
    "no levels": (lambda x: np.quantile(x, []), VECTOR),
    "percentile with levels in two axes": (lambda x: np.percentile(x, [[30, 50]], axis=0), MATRIX),
    "pad of a number": (lambda x: np.pad(x, 0), np.array(2.0)),
    "average by a NumPy integer": (lambda x: np.average(x, axis=np.int64(0), weights=[1, 2, 3]), MATRIX),
    "average by a tuple": (lambda x: np.average(x, axis=(0,), weights=[1, 2, 3]), MATRIX),
    "average by axes in another order": (lambda x: np.average(x, axis=(1, 0), weights=MATRIX.T + 9), MATRIX),
    "average with weights in two axes": (lambda x: np.average(x, axis=1, weights=MATRIX + 9), MATRIX),
    "average counted from the end": (lambda x: np.average(x, axis=-2, weights=[1, 2, 3]), MATRIX),
    "average of an infinity": (lambda x: np.average(x, weights=[1, 2]), np.array([np.inf, 1.0])),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_goes_forward_goes_back_to_second_order(name):
    function, point = FORMS[name]
    x = tg.tensor(point, requires_grad=True)
    out = function(x)
    np.testing.assert_allclose(out.numpy(), function(point), rtol=1e-13)
    (g,) = tg.autograd.grad((out * 1.0).sum(), [x], create_graph=True)
    if np.isfinite(point).all():
        shifts = 1e-6 * np.eye(point.size).reshape(point.size, *point.shape)
        expected = [(function(point + d) - function(point - d)).sum() / 2e-6 for d in shifts]
        np.testing.assert_allclose(g.numpy().ravel(), expected, atol=1e-7)
    (second,) = tg.autograd.grad((out * out).sum(), [x], create_graph=True)
    if out.size:
        tg.autograd.grad(second.sum(), [x])


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap", "symmetric"])
@pytest.mark.parametrize("widths", [{0: (1, 2)}, {-1: (2, 0)}, {1: 1}, {0: 1, 1: (0, 2)}, {}])
def test_a_dict_says_which_axes_get_a_margin(mode, widths):
    pairs = [(0, 0), (0, 0)]
    for axis, width in widths.items():
        pairs[axis] = (width, width) if isinstance(width, int) else width
    x, same = (tg.tensor(MATRIX, requires_grad=True) for _ in range(2))
    out, expected = np.pad(x, widths, mode=mode), np.pad(same, pairs, mode=mode)
    np.testing.assert_array_equal(out.numpy(), np.pad(MATRIX, pairs, mode=mode))
    for y in (out, expected):
        (y * np.arange(y.size).reshape(y.shape)).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), same.grad.numpy())


def test_average_of_small_integers_does_not_wrap():
    assert np.average(tg.tensor(np.array([200, 100], np.uint8)), weights=np.array([3, 1], np.uint8)).item() == 175.0


def test_average_refuses_weights_that_do_not_fit_the_axes():
    with pytest.raises(ValueError, match=r"weights of shape \(3,\) do not fit the axes of length \(4,\)"):
        np.average(tg.tensor(MATRIX), axis=1, weights=[1, 2, 3])


CHANGED = {
    "tile": (lambda x, a: np.tile(x, a), lambda: [2, 2]),
    "tile by an array": (lambda x, a: np.tile(x, a), lambda: np.array([2, 2])),
    "transpose": (lambda x, a: np.transpose(np.outer(x, x + 1), a), lambda: [1, 0]),
    "pad": (lambda x, a: np.pad(x, a), lambda: [[1, 2]]),
    "pad by a dict": (lambda x, a: np.pad(x, a), lambda: {0: [1, 2]}),
    "moveaxis": (lambda x, a: np.moveaxis(np.outer(x, x + 1), a, [0, 1]), lambda: [1, 0]),
    "quantile": (lambda x, a: np.quantile(x, a), lambda: [0.3, 0.6]),
    "repeat": (lambda x, a: np.repeat(x, a), lambda: [1, 0, 2]),
}


@pytest.mark.parametrize("name", CHANGED)
def test_an_argument_that_is_changed_before_backward_changes_no_gradient(name):
    function, make = CHANGED[name]
    found = []
    for change in (False, True):
        x, argument = tg.tensor([0.5, 1.5, 3.0], requires_grad=True), make()
        y = function(x, argument)
        if change:
            part = argument[0] if isinstance(argument[0], list) else argument
            part[:] = part[::-1] if part[0] != part[1] else [1, 3]
        (y * np.arange(y.size).reshape(y.shape)).sum().backward()
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(*found)
