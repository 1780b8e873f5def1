"""`tg.optim.minimize`: a module fitted by SciPy's solvers, beside SciPy itself and closed forms."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

optimize = pytest.importorskip("scipy.optimize")

METHODS = ["CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "dogleg"]
METHODS += ["trust-ncg", "trust-exact", "trust-krylov", "Nelder-Mead", "Powell", "COBYLA", "COBYQA"]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    return tg.tensor(x), tg.tensor(x @ [[1.5], [-0.5]] + 0.3 + 0.1 * rng.normal(size=(40, 1)))


@pytest.mark.parametrize("method", METHODS)
def test_a_line_is_fitted_by_every_method(data, method):
    x, y = data
    line = nn.Linear(2, 1, dtype=np.float64)
    options = {"options": {"maxiter": 3000}} if method in ("trust-constr", "COBYLA", "COBYQA") else {}
    result = tg.optim.minimize(line, lambda line: ((line(x) - y) ** 2).mean(), method, tol=1e-8, **options)
    exact = np.linalg.lstsq(np.c_[x.numpy(), np.ones(40)], y.numpy(), rcond=None)[0][:, 0]
    found = np.r_[line.weight.numpy().ravel(), line.bias.numpy()]
    np.testing.assert_allclose(found, exact, atol=2e-4)
    np.testing.assert_array_equal(found, result.x)
    assert result.fun == pytest.approx(float(((line(x) - y) ** 2).mean().detach()), abs=1e-12)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "trust-ncg", "trust-exact", "Newton-CG"])
def test_it_goes_the_same_way_as_scipy_with_hand_written_derivatives(method):
    class Valley(nn.Module):
        def __init__(self):
            self.a = nn.Parameter(np.float64(-1.2))
            self.b = nn.Parameter(np.float64(1.0))

    def loss(m):
        return 100 * (m.b - m.a**2) ** 2 + (1 - m.a) ** 2

    valley = Valley()
    result = tg.optim.minimize(valley, loss, method)
    needs_hessian = method in ("trust-ncg", "trust-exact", "Newton-CG")
    peer = optimize.minimize(
        optimize.rosen,
        [-1.2, 1.0],
        method=method,
        jac=optimize.rosen_der,
        hess=optimize.rosen_hess if needs_hessian else None,
    )
    assert result.nit == peer.nit
    np.testing.assert_allclose(result.x, peer.x, rtol=1e-8)
    np.testing.assert_allclose([valley.a.item(), valley.b.item()], peer.x, rtol=1e-8)


def test_frozen_parameters_stay_and_float32_stays(data):
    x, y = data
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    net[0].requires_grad_(False)
    frozen = net[0].weight.numpy().copy()
    before = ((net(x.astype(np.float32)) - y) ** 2).mean().item()
    result = tg.optim.minimize(net, lambda: ((net(x.astype(np.float32)) - y.astype(np.float32)) ** 2).mean())
    assert len(result.x) == 5
    assert result.fun < before
    assert net[2].weight.dtype == np.float32
    np.testing.assert_array_equal(net[0].weight.numpy(), frozen)
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("bounds", [(0, 1), {"weight": (0, 1)}, [(0, 1), (0, 1), (None, None)]])
def test_bounds(data, bounds):
    x, y = data
    line = nn.Linear(2, 1, dtype=np.float64)
    tg.optim.minimize(line, lambda line: ((line(x) - y) ** 2).mean(), bounds=bounds)
    np.testing.assert_allclose(line.weight.numpy(), [[1, 0]], atol=1e-6)


def test_a_bound_may_be_an_array_of_its_parameter(data):
    x, y = data
    line = nn.Linear(2, 1, dtype=np.float64)
    bounds = {"weight": ([[-1, 0]], np.array([[1, 2]])), "bias": (None, [0.25])}
    tg.optim.minimize(line, lambda line: ((line(x) - y) ** 2).mean(), bounds=bounds)
    limits = optimize.lsq_linear(np.c_[x.numpy(), np.ones(40)], y.numpy()[:, 0], ([-1, 0, -np.inf], [1, 2, 0.25]))
    np.testing.assert_allclose(np.r_[line.weight.numpy()[0], line.bias.numpy()], limits.x, atol=1e-5)


@pytest.mark.parametrize("method", ["L-BFGS-B", "Nelder-Mead"])
def test_a_loss_that_changes_by_itself_warns(data, method):
    x, y = data
    net = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 1)).double()
    fit = lambda: tg.optim.minimize(net, lambda net: ((net(x) - y) ** 2).mean(), method, options={"maxiter": 20})
    for changes in (True, False):
        net.train(changes)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit()
        said = [w for w in caught if "at the same point the loss was" in str(w.message)]
        assert len(said) == changes
        assert all("no dropout (module.eval())" in str(w.message) and w.filename == __file__ for w in said)


def test_the_loss_may_depend_on_what_is_not_fitted(data):
    x, y = data
    line, other = nn.Linear(2, 1, dtype=np.float64), nn.Linear(1, 1, dtype=np.float64)
    result = tg.optim.minimize(line, lambda line: ((line(x) - y) ** 2).mean() + other.weight.sum() ** 2, "BFGS")
    assert result.success
    assert other.weight.grad is None


def test_without_convergence_it_warns_at_the_line_of_the_user(data):
    x, y = data
    line = nn.Linear(2, 1, dtype=np.float64)
    with pytest.warns(UserWarning, match="BFGS has not converged after 1 iterations") as caught:
        tg.optim.minimize(line, lambda line: ((line(x) - y) ** 2).mean(), "BFGS", options={"maxiter": 1})
    assert caught[0].filename == __file__


def test_an_exception_leaves_the_best_point(data):
    x, y = data
    line = nn.Linear(2, 1, dtype=np.float64)
    seen = []

    def loss(line):
        if len(seen) == 6:
            raise KeyboardInterrupt
        value = ((line(x) - y) ** 2).mean()
        seen.append((value.item(), line.weight.numpy().copy()))
        return value

    with pytest.raises(KeyboardInterrupt):
        tg.optim.minimize(line, loss)
    np.testing.assert_array_equal(line.weight.numpy(), min(seen[1:], key=lambda pair: pair[0])[1])


@pytest.mark.parametrize(
    ("arguments", "named", "error", "message"),
    [
        ((nn.Linear(1, 1), 3.0), {}, TypeError, "loss must be a function of the module, not float"),
        ((nn.Linear(1, 1), nn.MSELoss()), {}, TypeError, "a function of the module, not MSELoss: write lambda module"),
        ((np.zeros(2), lambda m: m), {}, TypeError, "must be a Module, not ndarray"),
        ((nn.ReLU(), lambda m: m), {}, ValueError, "no parameter of the module requires a gradient"),
        ((nn.Linear(1, 1), lambda m: m.bias.sum() * np.nan), {}, FloatingPointError, "nan at the starting point"),
        ((nn.Linear(1, 1), lambda m: m.bias.sum()), {"bounds": {"w": (0, 1)}}, ValueError, r"'w'.*'weight', 'bias'"),
        ((nn.Linear(1, 1), lambda m: m.bias.sum()), {"jac": len}, TypeError, "jac comes from the module"),
        ((nn.Linear(1, 1), lambda m: m.bias.sum()), {"maxiter": 5}, TypeError, r"'maxiter' is no .* options=\{\"max"),
        ((nn.Linear(1, 1), lambda m: m.bias.sum()), {"bounds": {"bias": 3}}, ValueError, r"must be a pair .*, not 3"),
        (
            (nn.Linear(1, 1), lambda m: m.bias.sum()),
            {"bounds": {"bias": ([0, 0], None)}},
            ValueError,
            r"'bias' have the shapes \[\(2,\), \(\)\], and the parameter has \(1,\)",
        ),
        ((nn.Linear(1, 2), lambda m: m.bias), {}, TypeError, r"a single number as a Tensor, not one of shape \(2,\)"),
    ],
)
def test_mistakes(arguments, named, error, message):
    with pytest.raises(error, match=message):
        tg.optim.minimize(*arguments, **named)
