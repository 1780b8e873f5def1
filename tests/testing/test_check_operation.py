"""check_operation: operations that are right pass, and each planted error is named, with the sample and a way out."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.autograd import elementwise, primitive
from tinygrad_ml.testing import GradientCheckError, Sample, check_operation

rng = np.random.default_rng(3)
X, Y = rng.uniform(0.5, 2.0, (3, 4)), rng.uniform(0.5, 2.0, (3, 4))


def declared(forward, elementwise=False, **options):
    """Return an operation of our own; whether it is one element by element is said at the check."""
    return primitive(**options)(forward)


def cube(x):
    return x**3


def product(x, y):
    return x * y


def scaled(x, *, factor=1.0):
    return x * factor


def by_memory_order(x):
    return np.multiply(x.ravel(order="K"), np.arange(1.0, x.size + 1)).reshape(x.shape).astype(x.dtype)


def in_place(x):
    x += 1
    return x * 2


def mean_over_repeats(g, x, y):
    """Drop the sum over repeated rows, which the engine would make: the mean of them has the right shape."""
    whole = g * x
    return whole if np.shape(y) == np.shape(whole) else whole.mean(axis=0).reshape(np.shape(y))


DOUBLED = [None]


def doubled_once(g):
    DOUBLED[0] = g * 2.0
    return DOUBLED[0]


# name: (operation, sample, options, what the message says)
PLANTED = {
    "wrong factor": (declared(cube, x=lambda g, x: 2 * g * x**2), X, {}, r"derivatives: .*1.5 times too small"),
    "wrong sign of one argument": (
        declared(product, x=lambda g, y: g * y, y=lambda g, x: -g * x),
        (X, Y),
        {},
        r"derivatives: .* wrong for y .*wrong sign",
    ),
    "wrong second derivative": (
        declared(cube, x=lambda g, x: 3 * g * (x.detach() if isinstance(x, tg.Tensor) else x) ** 2),
        X,
        {},
        r"second order, x",
    ),
    "second derivative that cannot be taken": (
        declared(cube, x=lambda g, x: 3 * g * np.asarray(x) ** 2),
        X,
        {},
        "a gradient that can be differentiated raised TypeError: .* the rules get Tensors",
    ),
    "negative incoming gradients dropped": (
        declared(cube, x=lambda g, x: np.maximum(g, 0) * 3 * x**2),
        X,
        {},
        "wrong for negative ones",
    ),
    "dropped broadcasting in the rule": (
        declared(product, x=lambda g, y: g * y, y=mean_over_repeats),
        (X, Y),
        {"elementwise": True},
        r"broadcasting: shapes \(3, 4\) and \(1, 4\): .* 3 times too small",
    ),
    "dropped broadcasting in the value": (
        declared(
            lambda x, y: np.array([a * b for a, b in zip(x.ravel(), y.ravel())], x.dtype).reshape(x.shape),
            x=lambda g, y: g * y,
            y=lambda g, x: g * x,
        ),
        (X, Y),
        {"elementwise": True},
        r"broadcasting: shapes \(1, 4\) and \(3, 4\): the output has shape \(1, 4\)",
    ),
    "float64 result": (
        declared(lambda x: x * np.float64(2.0), x=lambda g: 2.0 * g),
        X,
        {},
        r"float32: the result of float32 inputs has dtype float64 +-> NumPy scalars",
    ),
    "aliased result": (declared(lambda x: x, x=lambda g: g), X, {}, "memory: the result shares memory with the input"),
    "gradients that are one array": (
        declared(lambda x, y: 2 * x + 2 * y, x=doubled_once, y=lambda g: DOUBLED[0]),
        (X, Y),
        {},
        None,  # the engine copies them
    ),
    "aliased gradient": (
        declared(lambda x, y: x + y, x=lambda g: np.reshape(g, np.shape(g)), y=lambda g: g),
        (X, Y),
        {},
        None,  # the engine copies views
    ),
    "write to the input": (declared(in_place, x=lambda g: 2 * g), X, {}, "values: it writes to its input"),
    "memory order": (
        declared(by_memory_order, x=lambda g, x: g * np.arange(1.0, x.size + 1).reshape(x.shape)),
        X,
        {},
        r"layouts: Fortran order: the output is .* where the same arrays in C order gives",
    ),
    "gradient in memory order": (
        declared(cube, x=lambda g, x: 3 * np.reshape(np.ravel(g, order="K"), x.shape) * x**2),
        X,
        {"order": 1},
        "layouts: Fortran order: another gradient than for arrays in C order",
    ),
    "no elements": (
        declared(lambda x: x.mean(axis=0), x=lambda g, x_shape: np.broadcast_to(g * (1 / x_shape[0]), x_shape)),
        X,
        {},
        "no elements: arrays without elements: ZeroDivisionError",
    ),
    "no axes": (
        declared(lambda x: x * 2.0, x=lambda g, x_shape: g * (2.0 if x_shape[0] else 0.0)),
        X,
        {},
        "no axes: arrays without axes: IndexError",
    ),
    "not the reference": (
        declared(scaled, x=lambda g, factor: g * factor),
        Sample(X, {"factor": 3.0}, reference=lambda x, factor: x * 4.0),
        {},
        r"sample 0 \(factor=3.0, shape \(3, 4\)\), values: .* is .* at index \(0, 0\), where the reference gives",
    ),
    "no Tensor": (lambda x: x.numpy() * 2, X, {}, "values: it returned ndarray, not a Tensor"),
    "another result each time": (
        declared(lambda x: x * rng.normal(), x=lambda g: g),
        X,
        {},
        "values: the output is|not deterministic",
    ),
}


@pytest.mark.parametrize("name", [name for name in PLANTED if PLANTED[name][3]])
def test_a_planted_error_is_named(name):
    operation, sample, options, message = PLANTED[name]
    with pytest.raises(GradientCheckError) as caught:
        check_operation(operation, [sample], **options)
    text = re.sub(r"\s+", " ", str(caught.value))
    assert re.search(message.replace(" +", " "), text), str(caught.value)
    assert "sample 0" in text
    assert max(map(len, str(caught.value).splitlines())) <= 98
    assert not caught.value.report


@pytest.mark.parametrize("name", [name for name in PLANTED if not PLANTED[name][3]])
def test_what_the_engine_takes_care_of_is_no_error(name):
    operation, sample, options, _ = PLANTED[name]
    assert check_operation(operation, [sample], **options)


def test_the_sample_that_is_wrong_is_named_and_the_others_are_still_checked():
    wrong_at_zero = declared(lambda x: np.abs(x), x=lambda g, x: g * np.where(x > 1, 2.0, np.sign(x)))
    with pytest.raises(GradientCheckError) as caught:
        check_operation(wrong_at_zero, [np.array([0.5]), np.array([[1.5, 0.5]]), np.array([-2.0]), np.array(3.0)])
    names = [failure.name for failure in caught.value.report.failures]
    assert names == ["sample 1 (shape (1, 2)), derivatives", "sample 3 (shape ()), derivatives"]
    assert "wrong at 2 of 4 samples" in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "samples"),
    [
        (tg.sum, [X, Sample(X, {"axis": 0}), Sample(X, {"axis": (0, 1), "keepdims": True}, reference=np.sum)]),
        (tg.multiply, [(X, Y), (X, Y[0]), (np.array(2.0), X)]),
        (tg.maximum, [Sample((np.ones(3), np.ones(3)), smooth=False)]),
        (tg.getitem, [Sample(X, {"index": (0, np.array([1, 1]))})]),
        (tg.argmax, [Sample(X, {"axis": 1}, reference=np.argmax)]),
        (tg.where, [(X > 1, X, Y)]),
        (tg.cumsum, [Sample(X, {"axis": -1})]),
        (tg.linalg.qr, [X.T]),
        (tg.nn.functional.softplus, [X]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_operations_of_the_library_pass(operation, samples):
    report = check_operation(operation, samples)
    assert report
    assert report.samples == len(samples)
    assert str(report).startswith(f"check_operation: {operation.__name__} is right at {len(samples)} sample")


def test_every_kind_of_check_is_made_and_counted():
    double = elementwise(lambda x, y: 2 * x * y, "Twice.", name="d", x=lambda g, y: 2 * g * y, y=lambda g, x: 2 * g * x)
    report = check_operation(double, [(X, Y)])
    kinds = ["values", "memory", "derivatives", "float32", "layouts", "no elements", "no axes", "broadcasting"]
    assert list(report.checks) == kinds
    assert report.checks["broadcasting"] == 4
    assert report.entries > 3 * X.size


def test_second_derivatives_can_be_left_out():
    first_only = PLANTED["wrong second derivative"][0]
    assert check_operation(first_only, [X], order=1)
    assert "derivatives to order 1" in str(check_operation(first_only, [X], order=1))


def test_a_function_made_of_operations_is_checked_against_its_reference():
    def hinge(x, y, *, margin):
        return tg.maximum(0.0, margin - x * y)

    sample = Sample((X, Y), {"margin": 9.0}, reference=lambda x, y, margin: np.maximum(0, margin - x * y))
    report = check_operation(hinge, [sample], elementwise=True)
    assert report.checks["broadcasting"] == 4
    with pytest.raises(GradientCheckError, match="the reference gives"):
        check_operation(hinge, [Sample((X, Y), {"margin": 9.0}, reference=lambda x, y, margin: x)])


def test_a_sample_says_what_it_is():
    assert (
        str(Sample((X, Y[0]), {"axis": 0, "weights": np.ones(3)}))
        == "axis=0, weights=array(3,), shapes (3, 4) and (4,)"
    )
    assert Sample(tg.tensor([1.0])).inputs[0].tolist() == [1.0]


@pytest.mark.parametrize("samples", [X, (X, Y), Sample(X), [], None], ids=["array", "tuple", "Sample", "none", "None"])
def test_samples_must_be_a_list(samples):
    with pytest.raises(TypeError, match="samples must be a list with at least one"):
        check_operation(tg.exp, samples)


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="order is 1 or 2"):
        check_operation(tg.exp, [X], order=3)
