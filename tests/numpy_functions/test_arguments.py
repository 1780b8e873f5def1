"""Arguments of NumPy's functions: NumPy's values with each of them, and right derivatives."""

import numpy as np
import pytest

import tinygrad_ml as tg

random = np.random.default_rng(3)
A, B, V, C = (random.normal(size=shape) for shape in ((3, 4), (3, 4), 6, (2, 3, 4)))
MASK = A > -0.3
METHODS = [
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull"),
    *("linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
]

CALLS = {
    "sum of a part": lambda x: np.sum(x, where=MASK),
    "sum with a start": lambda x: np.sum(x, axis=1, initial=3.0, where=MASK, keepdims=True),
    "sum by add.reduce": lambda x: np.add.reduce(x, axis=None, where=MASK),
    "prod of a part": lambda x: np.prod(x, axis=0, initial=2.0, where=MASK),
    "max": lambda x: np.max(x, axis=1, initial=-0.1, where=MASK),
    "max with a start": lambda x: np.max(x, initial=0.5),
    "min": lambda x: np.min(x, axis=(0, 1), initial=9.0, where=MASK, keepdims=True),
    "mean of a part": lambda x: np.mean(x, axis=1, where=MASK),
    "var of a part": lambda x: np.var(x, axis=1, where=A > -2, ddof=1),
    "std of a part": lambda x: np.std(x, where=MASK, keepdims=True),
    "sum in double": lambda x: np.sum(x, axis=0, dtype=np.float64),
    "mean in double": lambda x: np.mean(x, dtype="f8"),
    "mean in double by position": lambda x: np.mean(x, 0, np.float64),
    "cumsum in double": lambda x: np.cumsum(x, axis=1, dtype=np.float64),
    "exp in double": lambda x: np.exp(x, dtype=np.float64),
    "add in double": lambda x: np.add(x, B, dtype=np.float64),
    **{f"quantile {m}": (lambda x, m=m: np.quantile(x, [0.2, 0.5, 0.77], axis=1, method=m)) for m in METHODS},
    "percentile": lambda x: np.percentile(x, 30, axis=(0, 1), method="hazen", keepdims=True),
    "quantile of all": lambda x: np.quantile(x, [[0.1], [0.9]], method="weibull"),
    "median": lambda x: np.median(x, axis=0, overwrite_input=True),
    "take around": lambda x: np.take(x, [5, -7, 2], axis=1, mode="wrap"),
    "take at the ends": lambda x: np.take(x, [[50, -7], [2, 3]], mode="clip"),
    "columns": lambda x: np.reshape(x, (4, -1), order="F"),
    "one column": lambda x: np.ravel(x, order="F"),
    "as it lies": lambda x: np.ravel(x.T, order="K"),
    **{
        f"pad {mode}": (lambda x, mode=mode: np.pad(x, ((1, 2), (0, 3)), mode=mode))
        for mode in ("linear_ramp", "mean", "median", "maximum", "minimum")
    },
    "pad to values": lambda x: np.pad(x, ((2, 0), (1, 3)), mode="linear_ramp", end_values=((1, 2), (3, 4))),
    "pad by some": lambda x: np.pad(x, 2, mode="mean", stat_length=((1, 2), (3, 9))),
    "pad turned": lambda x: np.pad(x, ((1, 2), (3, 0)), mode="reflect", reflect_type="odd"),
    "pad turned with the edge": lambda x: np.pad(x, ((1, 2), (3, 0)), mode="symmetric", reflect_type="odd"),
    "pad an axis": lambda x: np.pad(x, {-1: (1, 2)}, mode="linear_ramp"),
    "running maximum": lambda x: np.maximum.accumulate(x, axis=1),
    "running minimum": lambda x: np.minimum.accumulate(x),
    "running sums of exponentials": lambda x: np.logaddexp.accumulate(x, axis=-1),
    "differences": lambda x: np.subtract.reduce(x, axis=1, keepdims=True),
    "lengths": lambda x: np.hypot.reduce(x, axis=(0, 1)),
    "largest of all": lambda x: np.fmax.reduce(x, axis=None, initial=0.3),
    "groups": lambda x: np.add.reduceat(x, [0, 2, 1], axis=1),
    "largest of groups": lambda x: np.maximum.reduceat(x, [0, 2]),
    "counts of weights": lambda x: np.bincount([0, 3, 3, 1, 0, 2, 2, 2, 5, 0, 1, 1], weights=np.ravel(x), minlength=8),
    "histogram": lambda x: np.histogram(A, bins=4, weights=x)[0],
    "density": lambda x: np.histogram(A, bins=[-1, 0, 0.5, 3], density=True, weights=x**2)[0],
    "histogram of a range": lambda x: np.histogram(A, 5, (-0.5, 1.0), weights=x)[0],
    "quotient and rest": lambda x: divmod(x, 0.7)[1] + divmod(2.5, x + 7)[1],
}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_derivatives(name):
    function = CALLS[name]
    wanted = function(A)
    plain = function(tg.tensor(A))
    found = function(tg.tensor(A, requires_grad=True))
    assert isinstance(found, tg.Tensor)
    for out in (plain, found.detach()):
        assert out.dtype == wanted.dtype
        np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-14)
    assert tg.testing.gradcheck(function, A, order=2)
    double = "in double" in name or name in ("counts of weights", "density")  # all of which NumPy adds up in float64
    for requires_grad in (True, False):
        single = function(tg.tensor(A.astype(np.float32), requires_grad=requires_grad))
        assert single.dtype == (np.float64 if double else np.float32)


def test_a_smaller_dtype_has_the_gradient_of_the_larger_one():
    x = tg.tensor(A, requires_grad=True)
    total = np.sum(x, dtype=np.float32)
    assert total.dtype == np.float32
    total.backward()
    assert x.grad.dtype == np.float64
    assert (x.grad.numpy() == 1).all()
    with pytest.raises(TypeError, match=r"np\.sum does not take dtype=int64 on Tensors that require a gradient"):
        np.sum(x, dtype=np.int64)
    assert np.sum(tg.tensor(A), dtype=np.int64).item() == np.sum(A, dtype=np.int64)


def test_a_quantile_of_what_is_not_a_number():
    x = np.where(MASK, A, np.nan)
    found = np.quantile(tg.tensor(x, requires_grad=True), 0.4, axis=1, method="lower")
    np.testing.assert_array_equal(found.detach(), np.quantile(x, 0.4, axis=1, method="lower"))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: np.max(x, where=MASK), ValueError, r"np\.max with where= needs initial="),
        (lambda x: np.take(x, [9], mode="around"), ValueError, "mode must be 'raise', 'wrap' or 'clip'"),
        (lambda x: np.reshape(x, (4, 3), order="X"), ValueError, "order must be one of"),
        (lambda x: np.pad(x, 9, mode="reflect", reflect_type="odd"), ValueError, "margins that are shorter"),
        (lambda x: np.pad(x, 1, mode="empty"), ValueError, "mode must be one of"),
        (lambda x: np.quantile(x, 0.5, method="best"), ValueError, "best"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones((3, 4)), method="inverted_cdf"), TypeError, "weights"),
        (lambda x: np.histogram(x), TypeError, r"np\.histogram is not supported"),
        (lambda x: np.bincount(x[0]), TypeError, r"np\.bincount is not supported"),
        (lambda x: np.maximum.accumulate(x[:, :0], axis=1), ValueError, "without elements"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.tensor(A, requires_grad=True))


def test_functions_of_scipy_that_want_an_array_say_what_helps():
    special = pytest.importorskip("scipy.special")
    linalg = pytest.importorskip("scipy.linalg")
    x = tg.tensor(A[:3, :3], requires_grad=True)
    for call in (lambda: linalg.expm(x), lambda: special.factorial(x)):
        with pytest.raises(TypeError, match=r"many functions of SciPy take Tensors if SCIPY_ARRAY_API=1 is in the"):
            call()
    with pytest.raises(TypeError, match=r"or np\.stack to make one Tensor of a list"):
        np.array([x, x])
