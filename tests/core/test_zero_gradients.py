"""A zero gradient stays zero, whatever it meets: infinities, NaN and 0 / 0 behind a mask reach no leaf."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


SINGULAR = {  # a function that has no finite derivative at some point, and that point
    "x log x": (lambda x: x * tg.log(x), 0.0),
    "x / x": (lambda x: x / x, 0.0),
    "1 / x": (lambda x: 1 / x, 0.0),
    "x / 0": (lambda x: x / np.array([0.0, 1.0, 1.0]), 0.0),
    "times infinity": (lambda x: x * np.array([np.inf, 1.0, 1.0]), 1.0),
    "times NaN": (lambda x: x * np.array([np.nan, 1.0, 1.0]), 1.0),
    "log": (tg.log, 0.0),
    "log of a negative number": (tg.log, -1.0),
    "log2": (tg.log2, 0.0),
    "log1p": (tg.log1p, -1.0),
    "sqrt": (tg.sqrt, 0.0),
    "sqrt of a negative number": (tg.sqrt, -1.0),
    "power": (lambda x: x**0.3, 0.0),
    "power of a negative number": (lambda x: x**0.3, -1.0),
    "negative power": (lambda x: x**-2, 0.0),
    "x ** x": (lambda x: x**x, -1.0),
    "exp overflows": (lambda x: tg.exp(x) * tg.exp(-x), 800.0),
    "sinh": (lambda x: tg.sinh(x) / tg.cosh(x), 800.0),
    "arccosh": (tg.arccosh, 1.0),
    "arcsin": (tg.arcsin, 1.0),
    "arctanh": (tg.arctanh, 1.0),
    "arctan2": (lambda x: tg.arctan2(x, x), 0.0),
    "tan / tan": (lambda x: tg.tan(x) / tg.tan(x), 0.0),
    "tanh of infinity": (lambda x: tg.tanh(1 / x), 0.0),
    "sigmoid of infinity": (lambda x: tg.sigmoid(1 / x), 0.0),
    "gelu of infinity": (lambda x: tg.gelu(1 / x), 0.0),
    "silu of NaN": (lambda x: tg.silu(x / x), 0.0),
    "logaddexp of infinity": (lambda x: tg.logaddexp(1 / x, x), 0.0),
    "hypot of infinity": (lambda x: tg.hypot(1 / x, x), 0.0),
}


@pytest.mark.parametrize("name", SINGULAR)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_mask_hides_a_singular_point_of_every_function(name, dtype):
    function, point = SINGULAR[name]
    x = tg.tensor(np.array([point, 0.5, 0.75], dtype), requires_grad=True)
    good = x.detach()[1:].requires_grad_()
    tg.where(np.array([False, True, True]), function(x), 0.0).sum().backward()
    if np.ndim(point) == 0 and name not in ("x / 0", "times infinity", "times NaN"):
        function(good).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy()[1:], good.grad.numpy())
    assert x.grad.numpy()[0] == 0.0
    assert np.isfinite(x.grad.numpy()[:1]).all()


@pytest.mark.parametrize("name", ["x log x", "sqrt", "power", "1 / x", "x / x", "log", "arctan2"])
def test_second_derivatives_are_masked_as_well(name):
    function, point = SINGULAR[name]
    masked = lambda x: tg.where(np.array([False, True, True]), function(x), 0.0).sum()
    x, good = np.array([point, 0.5, 0.75]), np.array([0.5, 0.75])
    found = tg.hessian(masked)(x)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_allclose(found[1:, 1:], tg.hessian(lambda x: function(x).sum())(good), rtol=1e-12)


SLICES = {
    "softmax": lambda x: tg.softmax(x, axis=1),
    "log_softmax": lambda x: tg.log_softmax(x, axis=1),
    "logsumexp": lambda x: tg.logsumexp(x, axis=1, keepdims=True) + 0 * x.detach().numpy()[:1].sum(),
    "var": lambda x: x.var(axis=1, keepdims=True) * np.ones(3),
    "std": lambda x: x.std(axis=1, keepdims=True) * np.ones(3),
    "norm": lambda x: tg.linalg.norm(x, axis=1, keepdims=True) * np.ones(3),
    "layer norm": lambda x: F.layer_norm(x, (3,), eps=0.0),
    "mean": lambda x: x.mean(axis=1, keepdims=True) * x,
    "prod": lambda x: x.prod(axis=1, keepdims=True) * np.ones(3),
    "cumprod": lambda x: x.cumprod(axis=1),
    "cumsum": lambda x: x.cumsum(axis=1) * x,
    "quantile": lambda x: tg.quantile(x, 0.3, axis=1, keepdims=True) * np.ones(3),
}


@pytest.mark.parametrize("bad", [[np.nan, 1, 2], [np.inf, 1, 2], [-np.inf, -np.inf, -np.inf], [0, 0, 0], [1, 1, 1]])
@pytest.mark.parametrize("name", SLICES)
def test_a_row_whose_gradient_is_zero_gets_zero_whatever_stands_in_it(name, bad):
    x = leaf(*np.array([[0.3, -1.2, 2.0], bad, [1.5, 0.2, -0.4]]))
    mask = np.array([[1.0], [0.0], [1.0]])
    tg.where(mask > 0, SLICES[name](x), 0.0).sum().backward()
    assert (x.grad.numpy()[1] == 0).all()
    good = leaf(*x.numpy()[[0, 2]])
    SLICES[name](good).sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[[0, 2]], good.grad.numpy(), rtol=1e-13, atol=1e-15)


LAYERS = {
    "linear": lambda: nn.Linear(3, 2).double(),
    "linear without bias": lambda: nn.Linear(3, 2, bias=False).double(),
    "two layers": lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double(),
    "relu": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).double(),
    "layer norm": lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)).double(),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.Flatten()).double(),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", LAYERS)
def test_a_masked_row_of_the_data_adds_nothing_to_the_weights(name, bad):
    tg.manual_seed(0)
    model = LAYERS[name]()
    X = np.random.default_rng(0).normal(size=(4, 3))
    mask = np.array([True, False, True, True])[:, None]
    expected = tg.autograd.grad((model(tg.tensor(X[mask[:, 0]])) ** 2).sum(), list(model.parameters()))
    X[1, 1] = bad
    found = tg.autograd.grad(tg.where(mask, model(tg.tensor(X)) ** 2, 0.0).sum(), list(model.parameters()))
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_products_of_every_form_leave_out_the_masked_row():
    x, w = np.array([[1.0, 2.0], [np.nan, np.inf]]), leaf(*np.array([[1.0, 3.0], [-2.0, 0.5]]))
    for product in (
        lambda: x @ w,
        lambda: tg.einsum("ij,jk->ik", x, w),
        lambda: tg.tensordot(x, w, axes=1),
        lambda: tg.stack([tg.dot(x[0], w), tg.dot(x[1], w)]),
    ):
        (g,) = tg.autograd.grad(tg.where(np.array([[True], [False]]), product(), 0.0).sum(), w)
        np.testing.assert_array_equal(g.numpy(), [[1.0, 1.0], [2.0, 2.0]])


def test_infinities_that_a_gradient_does_meet_stay():
    x = leaf(0.0, 4.0)
    tg.sqrt(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [np.inf, 0.25])
    w = leaf(1.0, 1.0)
    (w * np.array([np.nan, 2.0])).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [np.nan, 2.0])
    w = leaf(*np.eye(2))
    (np.array([[np.nan, 1.0], [2.0, 3.0]]) @ w).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [[np.nan, np.nan], [4.0, 4.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_infinity_beside_much_larger_numbers_is_not_lost_in_their_rounding(dtype):
    x = np.array([[1e20], [np.inf], [2.0]], dtype)
    w = tg.tensor(np.ones((1, 1), dtype), requires_grad=True)
    (x @ w).sum().backward()
    assert w.grad.item() == np.inf
    v = tg.tensor(x[:, 0], requires_grad=True)
    v.cumprod().sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), np.array([np.inf, 3e20, np.inf], dtype))
    w.grad = None
    tg.where(np.isfinite(x), x @ w, 0.0).sum().backward()
    assert w.grad.item() == np.array(1e20, dtype)


def test_hooks_are_called_once_and_see_no_nan():
    x = leaf(0.0, 2.0)
    seen = []
    logarithm = tg.log(x)
    logarithm.register_hook(lambda g: seen.append(("log", g.numpy().tolist())))
    x.register_hook(lambda g: seen.append(("x", g.numpy().tolist())) or g * 10)
    tg.where(np.array([False, True]), x * logarithm, 0.0).sum().backward()
    assert seen == [("log", [0.0, 2.0]), ("x", [0.0, np.log(2.0) + 1.0])]
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 10 * (np.log(2.0) + 1.0)])


def test_detect_anomaly_does_not_stop_at_what_a_zero_gradient_meets():
    x = leaf(0.0, 2.0)
    y = tg.where(np.array([False, True]), tg.sqrt(x), 0.0).sum()
    with tg.detect_anomaly():
        y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.5 / np.sqrt(2.0)])
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match="the gradient of sqrt for 'x' has inf"):
        tg.sqrt(x).sum().backward()


def test_a_finite_backward_pass_applies_each_rule_once():
    calls = []

    @tg.autograd.primitive(x=lambda g, x: calls.append(1) or 2 * g * x)
    def watched(x):
        return x * x

    x = leaf(1.0, 3.0)
    watched(x).sum().backward()
    assert calls == [1]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["a sequence", "the times behind the end"])
@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
def test_masked_times_of_a_sequence_add_nothing_to_the_weights(layer, where, bad, order):
    tg.manual_seed(0)
    model = layer(3, 2, num_layers=2, batch_first=True).double()
    X, mask = np.random.default_rng(0).normal(size=(3, 4, 3)), np.ones((3, 4, 1), bool)
    mask[(slice(None), slice(2, None)) if where == "the times behind the end" else 1] = False
    found = []
    for value in (0.3, bad):
        X[~mask[..., 0]] = value
        loss = tg.where(mask, model(tg.tensor(X))[0] ** 2, 0.0).sum()
        gradients = tg.autograd.grad(loss, list(model.parameters()), create_graph=order == 2)
        if order == 2:
            gradients = tg.autograd.grad(sum((g * g).sum() for g in gradients), list(model.parameters()))
        found.append(gradients)
    for a, b in zip(*found):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14)


MATRICES = {
    "det": np.linalg.det,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "inv": np.linalg.inv,
    "solve": lambda a: np.linalg.solve(a, np.ones((3, 2, 1))),
    "matrix_power": lambda a: np.linalg.matrix_power(a, -2),
    "norm": lambda a: np.linalg.norm(a, axis=(1, 2)),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", MATRICES)
def test_a_masked_matrix_gets_zero_whatever_stands_in_it(name, bad):
    function, good = MATRICES[name], np.array([[2.0, 1.0], [1.0, 3.0]])
    found = []
    for others in (good, np.array([[bad, 1.0], [1.0, 3.0]]), np.full((2, 2), bad)):
        x = leaf(good, others, others)
        out = function(x)
        mask = np.array([True, False, False]).reshape(3, *(1,) * (out.ndim - 1))
        (g,) = tg.autograd.grad(tg.where(mask, out, 0.0).sum(), [x], create_graph=True)
        (second,) = tg.autograd.grad((g * g).sum(), [x])
        assert (g.numpy()[1:] == 0).all()
        assert (second.numpy()[1:] == 0).all()
        found.append((g.numpy(), second.numpy()))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-12)
