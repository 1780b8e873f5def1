"""Wrong gradients of every kind: each must be caught in both modes, with the right cause where it can be told."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.autograd import primitive
from tinygrad_ml.testing import GradientCheckError, gradcheck

rng = np.random.default_rng(4)
A = rng.standard_normal((4, 3))
B = rng.standard_normal((3, 5))
S = rng.standard_normal((3, 3))
V = rng.standard_normal(6)
P = rng.uniform(0.5, 2.0, (3, 4))


def operation(forward, **rules):
    """Return an operation of our own, without an entry in the table of operations."""
    return primitive(**rules)(forward)


def wrong_square(x):
    return x * x


def affine(x, weight, bias):
    return x @ weight + bias


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def conv(x, k):
    return np.array([x[i : i + len(k)] @ k for i in range(len(x) - len(k) + 1)])


def conv_shifted(g, x, k):
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for i in range(len(g)):
        dx[i : i + len(k)] += g[i] * k
        dk += g[i] * np.roll(x, -1)[i : i + len(k)]
    return dx, dk


class Stale:
    """A function whose gradient uses the value of an earlier call."""

    def __init__(self):
        self.x = V + 0.1

    def value(self, x):
        return (x**3).sum()

    def gradient(self, x):
        return 3 * self.x**2


def cut(x):
    return x * tg.tensor(x.numpy())


def under_no_grad(x, y):
    with tg.no_grad():
        z = tg.exp(y)
    return x * z


def regularised(w):
    return ((A @ w) ** 2).sum() + 0.05 * (w * w).sum()


def layer_norm(x):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True))


def layer_norm_without_variance(g, x):
    centred = x - x.mean(axis=1, keepdims=True)
    return (g - g.mean(axis=1, keepdims=True)) / np.sqrt((centred**2).mean(axis=1, keepdims=True))


def last_row_left_out(g, x):
    d = g * 2 * x
    d[-1] = 0
    return d


def one_entry(factor):
    def gradient(x):
        d = np.cos(x)
        d.flat[7] *= factor
        return d

    return gradient


stale = Stale()
second_order_wrong = operation(
    lambda x: np.exp(x), x=lambda g, x: g * tg.exp(x.detach()) if isinstance(x, tg.Tensor) else g * np.exp(x)
)
g_dropped = operation(lambda x: np.sin(x), x=lambda g, x: np.cos(x) + 0 * g)
g_squared = operation(lambda x: np.sin(x).sum(), x=lambda g, x: g * g * np.cos(x))
g_rectified = operation(lambda x: np.sin(x), x=lambda g, x: np.maximum(g, 0) * np.cos(x))
g_unsigned = operation(lambda x: np.sin(x).sum(), x=lambda g, x: np.abs(g) * np.cos(x))
g_thresholded = operation(lambda x: np.sin(x), x=lambda g, x: np.where(g > 0, g, 0.01 * g) * np.cos(x))
g_summed_unsigned = operation(lambda x, b: x + b, x=lambda g: g, b=lambda g: np.sign(g.sum()) * np.abs(g).sum(0))
g_path_cut = operation(lambda x: x**3, x=lambda g, x: (g.detach() if isinstance(g, tg.Tensor) else g) * 3 * x**2)

# name: (function or pair, inputs, what the message says)
PLANTED = {
    "sign": ((lambda x: np.cos(x).sum(), lambda x: np.sin(x)), V, "wrong sign"),
    "factor 2": ((lambda x: (x**2).sum(), lambda x: 4 * x), V, "2 times too large"),
    "factor 1/2": ((lambda x: (x**2).sum(), lambda x: x), V, "2 times too small"),
    "sign and factor": ((lambda x: (x**2).sum(), lambda x: -6 * x), V, "wrong sign and is 3 times too large"),
    "mean for sum": ((lambda x: (x**2).mean(), lambda x: 2 * x), V, "6 is the length of axis 0 of x"),
    "factor 1.0001": ((lambda x: np.exp(x).sum(), lambda x: 1.0001 * np.exp(x)), V, "1.0001 times too large"),
    "transposed": ((lambda x, w: x @ w, lambda g, x, w: (g @ w.T, (x.T @ g).T)), (S, S + 1), "transposed"),
    "transposed shape": ((lambda w: (A @ w).sum(), lambda w: np.tile(A.sum(0), (5, 1))), B, "it is transposed"),
    "missing broadcast sum": (
        (affine, lambda g, x, w, b: (g @ w.T, x.T @ g, g)),
        (A, B, np.ones(5)),
        r"shape \(4, 5\), but bias has shape \(5,\): a sum over axis 0",
    ),
    "broadcast: first row only": (
        (affine, lambda g, x, w, b: (g @ w.T, x.T @ g, g[0])),
        (A, B, np.ones(5)),
        "outputs .* is left out",
    ),
    "broadcast: mean for sum": (
        (affine, lambda g, x, w, b: (g @ w.T, x.T @ g, g.mean(0))),
        (A, B, np.ones(5)),
        "4 times too small",
    ),
    "sum over the wrong axis": (
        (lambda x, b: x * x + b, lambda g, x, b: (2 * g * x, g.sum(axis=1))),
        (S, V[:3]),
        "axes of the incoming gradient are exchanged",
    ),
    "stale value": ((stale.value, stale.gradient), V, "not the derivative"),
    "index off by one": (
        (conv, lambda g, x, k: conv_shifted(g, x, k)),
        (V, np.array([1.0, -2.0, 0.5])),
        "k: ",
    ),
    "shifted by one": ((lambda x: (x**3).sum(), lambda x: 3 * np.roll(x, 1) ** 2), V, "rolled by 1 along axis 0"),
    "shifted with zero": (
        (lambda x: (x**3).sum(), lambda x: np.append(3 * x[1:] ** 2, 0)),
        V,
        "shifted by -1 along axis 0",
    ),
    "reversed": ((lambda x: (x**3).sum(), lambda x: 3 * x[::-1] ** 2), V, "reversed along axis 0"),
    "wrong places": (
        (lambda x: (x**3).sum(), lambda x: 3 * x[[2, 0, 1, 5, 4, 3]] ** 2),
        V,
        "the entries are right but at wrong places",
    ),
    "wrong axis of softmax": (
        (softmax, lambda g, x: softmax(x) * (g - (g * softmax(x)).sum(axis=0, keepdims=True))),
        S,
        "",
    ),
    "dropped term of softmax": ((softmax, lambda g, x: softmax(x) * g), S, ""),
    "dropped term of a product": (
        (lambda x: (x * np.sin(x)).sum(), lambda x: np.sin(x)),
        V,
        "not the derivative",
    ),
    "dropped regulariser": (
        (regularised, lambda w: 2 * A.T @ (A @ w)),
        V[:3],
        "a term is missing: a multiple of w, 0.1",
    ),
    "constant added": ((lambda x: np.exp(x).sum(), lambda x: np.exp(x) - 0.25), V, "a constant, 0.25"),
    "dropped statistics": ((layer_norm, layer_norm_without_variance), P, ""),
    "detached path": (cut, V, "2 times too small"),
    "None": (under_no_grad, (V, V + 1), "y: the gradient is None"),
    "all zero": ((lambda x: (x**2).sum(), lambda x: np.zeros_like(x)), V, "the gradient is zero"),
    "ties counted twice": (
        (lambda x: x.max(), lambda x: (x == x.max()) * 1.0),
        np.array([1.0, 3.0, 3.0]),
        "wrong at ties",
    ),
    "outside the slopes at a kink": (
        (lambda x: np.abs(x).sum(), lambda x: np.sign(x) + 2 * (x == 0)),
        np.array([-1.0, 0, 2]),
        "wrong in 1 of 3 entries",
    ),
    "relu counts the negative side": (
        (lambda x: np.maximum(x, 0), lambda g, x: g * (x < 0)),
        V,
        "x",
    ),
    "last row left out": ((lambda x: x * x, last_row_left_out), A, "those at 3 along axis 0, where it is zero"),
    "one entry 1 percent off": ((lambda x: np.sin(x).sum(), one_entry(1.01)), P, "wrong in 1 of 12 entries"),
    "one entry, sign": ((lambda x: np.sin(x).sum(), one_entry(-1)), P, "the sign is wrong in 1 of 12 entries"),
    "incoming gradient dropped": (g_dropped, np.array(0.5), "right for each output alone"),
    "incoming gradient squared": (g_squared, V, "right for each output alone"),
    "negative incoming gradient dropped": (g_rectified, V, "right for positive incoming gradients, but wrong for neg"),
    "sign of the incoming gradient dropped": (g_unsigned, V, "wrong for negative ones: .* at index .0,., where it sho"),
    "incoming gradient thresholded": (g_thresholded, A, "wrong for negative ones"),
    "negative incoming gradient dropped by hand": (
        (lambda x: x**2, lambda g, x: np.maximum(g, 0) * 2 * x),
        V,
        "wrong for negative ones",
    ),
    "sizes of mixed incoming gradients summed": (g_summed_unsigned, (A, V[:3]), "wrong for positive and negative on"),
    "integers": ((lambda w: (w**2).sum(), lambda w: 17 * w), np.array([1, 2, 3]), "8.5 times too large"),
    "an integer": ((lambda w: w**3, lambda w: 2 * w**2), 2, "1.5 times too small"),
    "a list of integers": ((lambda w: (w**2).sum(), lambda w: w), [1, 2, 3], "2 times too small"),
    "integers beside floats": (
        (lambda w, x: (w * x).sum(), lambda w, x: (2 * x, w)),
        (np.array([1, 2, 3]), V[:3]),
        "w: the gradient is 2 times too large",
    ),
    "wrong in second order": (lambda x: second_order_wrong(x), V, "second order"),
    "second order through g": (lambda x: g_path_cut(x), V, "second order, g"),
    "exchanged": ((lambda x, y: (x * y).sum(), lambda x, y: (x, y)), (V, V[::-1] ** 2), "the two are exchanged"),
    "sizes right, signs wrong": (
        (lambda x: np.abs(x).sum(), lambda x: np.ones_like(x)),
        V,
        "sign is wrong in . of 6 entries",
    ),
    "chain rule forgotten": (
        (lambda x: np.sin(x**2).sum(), lambda x: 2 * np.cos(x**2)),
        V,
        "a factor x is missing",
    ),
    "float32 gradient": ((lambda x: (x**2).sum(), lambda x: (2 * x).astype(np.float32)), V, "dtype float32"),
    "NaN": ((lambda x: (x**2).sum(), lambda x: np.where(x > 0, 2 * x, np.nan)), V, "the gradient is nan in"),
    "infinite": (lambda x: tg.sqrt(x), np.array([0.0, 1.0]), "the gradient is inf in 1 of 2"),
    "second output": ((lambda x: (x, x * x), lambda g, x: g[0] + g[1] * x), V, ""),
    "tiny values": ((lambda x: (x**2).sum(), lambda x: 3 * x), 1e-8 * V, "1.5 times too large"),
    "huge values": ((lambda x: (x**2).sum(), lambda x: 3 * x), 1e8 * V, "1.5 times too large"),
    "small beside large": (
        (lambda x: np.log(x).sum(), lambda x: np.where(x > 1, 2 / x, 1 / x)),
        np.array([1e-6, 2e-6, 1e7]),
        "those at 2 along axis 0, where it is 2 times too large",
    ),
    "small slope on a large offset": ((lambda x: 1e3 + 1e-3 * x.sum(), lambda x: 2e-3 + 0 * x), V, "2 times too large"),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["full", "random"])
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught_and_explained(name, mode):
    function, inputs, message = PLANTED[name]
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(function, inputs, mode=mode, order=1 if isinstance(function, tuple) else 2)
    text = re.sub(r"\n +", " ", str(caught.value))
    assert re.search(message, text), str(caught.value)
    assert max(map(len, str(caught.value).splitlines())) <= 98


# the complex step does not look to both sides, so it sees no kinks
@pytest.mark.parametrize(
    ("method", "name"),
    [
        (method, name)
        for method in ("ridders", "complex")
        for name in PLANTED
        if method != "complex" or "ties" not in name
    ],
)
def test_a_planted_bug_is_caught_by_the_other_methods(method, name):
    function, inputs, _ = PLANTED[name]
    with pytest.raises(GradientCheckError):
        gradcheck(function, inputs, method=method, order=1 if isinstance(function, tuple) else 2)


@pytest.mark.parametrize("mode", ["full", "random"])
def test_a_wrong_entry_among_many_is_found(mode):
    x = np.random.default_rng(0).standard_normal((50, 40))

    def gradient(x):
        d = 1 - np.tanh(x) ** 2
        d[31, 17] *= 0.9
        return d

    with pytest.raises(GradientCheckError) as caught:
        gradcheck((lambda x: np.tanh(x).sum(), gradient), x, mode=mode)
    assert [line[1] for line in caught.value.report["x"].table()] == [(31, 17)]
