"""Right gradients of functions that are hard to differentiate numerically: none may be called wrong, in no mode."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.testing import gradcheck

rng = np.random.default_rng(5)
V = rng.standard_normal(6)
M = rng.standard_normal((4, 3))
P = rng.uniform(0.5, 2.0, (3, 4))


def cancelling(x):
    return (1 - np.cos(x)).sum()


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_gradient(x):
    d = np.zeros_like(x)
    d[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    d[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return d


def only_inside(p):
    if (p < 0).any() or (p > 1).any():
        raise ValueError("probabilities lie between 0 and 1")
    return (p * p).sum()


def float32_inside(x):
    return np.sin(x.astype(np.float32)).astype(np.float64).sum()


def entropy(p):
    return -(p * np.log(p)).sum()


def sparse(x):
    return x[3] ** 2


def sparse_gradient(x):
    d = np.zeros_like(x)
    d[3] = 2 * x[3]
    return d


def spike(x):
    return np.exp(-((x / 1e-4) ** 2)).sum()


# name: (function or pair, inputs)
HARD = {
    "relu near its kink": (tg.relu, np.array([-1e-6, 1e-6, 1e-9, -1e-12, 3.0])),
    "relu at its kink": (tg.relu, np.array([0.0, -1.0, 2.0])),
    "many kinks": (lambda x: tg.relu(x).sum(), np.zeros(300)),
    "relu of both signs at 0": (lambda x: tg.relu(x * np.array([1.0, -1.0, 2.0])), np.array(0.0)),
    "relu of a sum of both signs": (lambda x: tg.relu(np.linspace(-1, 1, 60) * x), np.array(0.0)),
    "bias of dead units": (lambda x, b: tg.relu(x + b).sum(axis=0), (-np.abs(M), np.zeros(3))),
    "abs at 0": (tg.abs, np.array([0.0, 1e-7, -1e-3])),
    "ties in max": (lambda x: tg.max(x, axis=1), np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]])),
    "ties in max, one wins": ((lambda x: x.max(), lambda x: np.eye(3)[x.argmax()]), np.array([2.0, 2.0, 1.0])),
    "ties of two inputs": (tg.maximum, (np.array([1.0, 2.0]), np.array([1.0, 2.0]))),
    "zeros of opposite kinks": (lambda x: tg.relu(x[0]) - tg.relu(-x[1]), np.zeros(2)),
    "clip at its bounds": (lambda x: tg.clip(x, 0.0, 1.0), np.array([0.0, 1.0, 0.5])),
    "jump": (lambda x: tg.sign(x) * 1.0 + x, np.array([0.0, 1.0])),
    "floor": ((lambda x: np.floor(x).sum() + x.sum(), lambda x: np.ones_like(x)), np.array([2.0, 0.5])),
    "tiny inputs": (lambda x: tg.exp(x * 1e8), 1e-8 * V),
    "huge inputs": (lambda x: tg.tanh(x / 1e8), 1e8 * V),
    "tiny outputs": (lambda x: 1e-8 * tg.sin(x), V),
    "scales from 1e-8 to 1e8": (tg.log, 10.0 ** np.arange(-8, 9, 2)),
    "scales in one sum": (lambda x: tg.sum(tg.log(x)), 10.0 ** np.arange(-8, 9, 2)),
    "squares of very different size": (lambda x: (x * x).sum(), 10.0 ** np.arange(-8.0, 9, 4)),
    "constant": (lambda x: 0.0 * x + 3.0, V),
    "does not depend on one input": (lambda x, y: x * 2.0, (V, V)),
    "does not depend on any input": (lambda x: tg.ones(3, dtype=float), V),
    "zero gradient": (lambda x: tg.softmax(x).sum(), V),
    "zero gradient at a minimum": (lambda x: (x**2).sum(), np.zeros(4)),
    "zero up to rounding": (lambda x: (x - x.mean()).sum(), V),
    "determinant of a singular matrix": (lambda x: tg.linalg.det(x), np.outer(V[:3], V[3:])),
    "cubic at its saddle": (lambda x: (x**3).sum(), np.zeros(4)),
    "cancellation": ((cancelling, np.sin), np.array([1e-8, -1e-4, 1e-6])),
    "large offset": (lambda x: tg.exp(x).sum() + 1e6, V),
    "small slope beside an offset": ((lambda x: 1 + 1e-9 * x.sum(), lambda x: np.full(3, 1e-9)), V[:3]),
    "strong curvature": ((rosenbrock, rosenbrock_gradient), V),
    "quick oscillation": ((lambda x: np.sin(1e6 * x).sum(), lambda x: 1e6 * np.cos(1e6 * x)), P),
    "narrow spike": ((spike, lambda x: -2 * x / 1e-8 * np.exp(-((x / 1e-4) ** 2))), np.array([1e-4, -5e-5])),
    "large exponent": (tg.exp, np.array([300.0, -300.0, 1.0])),
    "saturated": (lambda x: tg.sigmoid(x), np.array([-40.0, 40.0, 800.0, 0.1])),
    "log softmax of large logits": (tg.log_softmax, np.array([1e4, 0.0, -1e4])),
    "sparse gradient": ((sparse, sparse_gradient), np.arange(1.0, 400.0)),
    "integer input": (lambda table, index: table[index], (M, np.array([0, 2, 2]))),
    "no entries": (lambda x: tg.sum(x * 2.0), np.zeros((0, 3))),
    "no axes": (lambda x: x * x, np.array(1.5)),
    "a Python number": (lambda x: x * x, 1.5),
    "broadcasting": (lambda x, y: x * y + y, (M, V[:3])),
    "broadcasting of lengths 1": (lambda x, y: x / y, (P[:, :1], P[:1])),
    "not contiguous": (lambda x: tg.tanh(x).sum(axis=0), M[::2, ::-1]),
    "Fortran order": ((lambda x: x @ M.T, lambda g, x: g @ M), np.asfortranarray(M)),
    "edge of the domain": (lambda x: x**1.5, np.array([0.0, 1.0])),
    "raises outside of the domain": ((only_inside, lambda p: 2 * p), np.array([0.0, 1.0, 0.5])),
    "near the edge of the domain": ((entropy, lambda p: -np.log(p) - 1), np.array([1e-9, 1e-3, 0.4])),
    "where and sqrt": (lambda x: np.where(x > 0, np.sqrt(tg.abs(x)), 0.0), np.array([-1.0, 0.3, 4.0])),
    "computed in float32": (lambda x: tg.exp(x.astype("float32")), V),
    "float32 inside": ((float32_inside, np.cos), V),
    "several outputs of different size": (lambda x: (1e6 * x, 1e-6 * x**2), V),
    "many outputs": (lambda x, w: tg.tanh(x @ w), (rng.standard_normal((20, 4)), rng.standard_normal((4, 6)))),
    "integer output beside": (lambda x: (x * x, tg.argmax(x)), V),
}

SLOW = {"many kinks"}


def named(cases):
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in cases]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", ["full", "random"])
@pytest.mark.parametrize("method", ["central", "ridders", "complex"])
@pytest.mark.parametrize("name", named(HARD))
def test_a_right_gradient_is_not_called_wrong(name, method, mode):
    function, inputs = HARD[name]
    report = gradcheck(function, inputs, method=method, mode=mode)
    assert report, str(report)


TWICE = [name for name, (function, _) in HARD.items() if not isinstance(function, tuple)]
TWICE.remove("edge of the domain")  # its second derivative is infinite there
TWICE.remove("zero up to rounding")  # all of its derivatives are nothing but rounding


@pytest.mark.parametrize("name", named(TWICE))
def test_a_right_second_derivative_is_not_called_wrong(name):
    function, inputs = HARD[name]
    assert gradcheck(function, inputs, order=2)


@pytest.mark.parametrize("seed", range(20))
def test_outputs_that_are_as_noisy_as_the_largest_of_them(seed):
    """A cofactor does not depend on its own row and column, but comes from the singular values of the whole matrix."""
    x = np.random.default_rng(seed).standard_normal((3, 3)) + 3 * np.eye(3)
    for mode in ("full", "random"):
        report = gradcheck(tg.linalg.matrices.cofactor, x, mode=mode)
        assert not [note for note in report.notes if "jump" in note]  # noise is none


@pytest.mark.parametrize("seed", range(20))
def test_the_verdict_does_not_depend_on_the_seed(seed):
    for name in ("relu of both signs at 0", "ties in max", "cancellation", "scales in one sum", "many outputs"):
        function, inputs = HARD[name]
        assert gradcheck(function, inputs, mode="random", seed=seed), name
