"""SciPy's solvers with derivatives of ours: functions in the spelling of users, beside SciPy's own answers."""

import numpy as np
import pytest

import tinygrad_ml as tg

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

START = np.array([1.05, 0.9, 0.95])
FUNCTIONS = {
    "operators": lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    "NumPy": lambda x: np.sum(100 * np.square(x[1:] - x[:-1] ** 2) + np.square(1 - x[:-1])),
    "ours": lambda x: tg.sum(100 * tg.square(x[1:] - x[:-1] ** 2) + tg.square(1 - x[:-1])),
}
HESSIAN = ["Newton-CG", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov"]
GRADIENT = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"]


@pytest.mark.parametrize("spelling", FUNCTIONS)
@pytest.mark.parametrize("method", GRADIENT + HESSIAN)
def test_minimize(method, spelling):
    f = FUNCTIONS[spelling]
    second = {"hess": tg.hessian(f)} if method in HESSIAN else {}
    peer_second = {"hess": optimize.rosen_hess} if second else {}
    result = optimize.minimize(f, START, method=method, jac=tg.grad(f), **second)
    peer = optimize.minimize(optimize.rosen, START, method=method, jac=optimize.rosen_der, **peer_second)
    assert type(result.x) is np.ndarray
    if method != "TNC":  # whose way depends on the last bit
        assert result.nit == peer.nit
    np.testing.assert_allclose(result.x, peer.x, atol=1e-4)


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr"])
def test_minimize_within_bounds(method):
    f = FUNCTIONS["NumPy"]
    bounds = [(0, 0.5), (0, None), (None, 2)]
    start = np.array([0.2, 0.1, 0.1])
    result = optimize.minimize(f, start, method=method, jac=tg.grad(f), bounds=bounds)
    peer = optimize.minimize(optimize.rosen, start, method=method, jac=optimize.rosen_der, bounds=bounds)
    np.testing.assert_allclose(result.x, peer.x, atol=1e-5)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_value_and_gradient_in_one(method):
    result = optimize.minimize(tg.value_and_grad(FUNCTIONS["ours"]), START, jac=True, method=method)
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_products_with_the_hessian(method):
    f = FUNCTIONS["operators"]
    result = optimize.minimize(f, START, jac=tg.grad(f), hessp=lambda x, p: tg.hvp(f, x, p), method=method)
    np.testing.assert_allclose(result.x, 1, atol=1e-4)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_nonlinear_constraints(method):
    f, norm = FUNCTIONS["NumPy"], lambda x: np.sum(x**2)
    weighted = {} if method == "SLSQP" else {"hess": lambda x, v: v[0] * tg.hessian(norm)(x)}
    constraint = optimize.NonlinearConstraint(norm, -np.inf, 1.5, jac=tg.grad(norm), **weighted)
    start = np.full(3, 0.5)
    result = optimize.minimize(f, start, jac=tg.grad(f), method=method, constraints=[constraint])
    plain = optimize.minimize(
        optimize.rosen, start, method="SLSQP", constraints=[{"type": "ineq", "fun": lambda x: 1.5 - x @ x}], tol=1e-12
    )
    np.testing.assert_allclose(result.x, plain.x, atol=1e-4)


SYSTEMS = {
    "a list": lambda x: [x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5],
    "a tuple": lambda x: (x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5),
    "np.stack": lambda x: np.stack([x[0] * np.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]),
    "tg.stack": lambda x: tg.stack([x[0] * tg.cos(x[1]) - 4, x[1] * x[0] - x[1] - 5]),
}
SOLVERS = {
    "root hybr": lambda f, j: optimize.root(f, [1.0, 1.0], jac=j).x,
    "root lm": lambda f, j: optimize.root(f, [1.0, 1.0], jac=j, method="lm").x,
    "fsolve": lambda f, j: optimize.fsolve(f, [1.0, 1.0], fprime=j),
    "trf": lambda f, j: optimize.least_squares(f, [1.0, 1.0], jac=j, bounds=([0, 0], [10, 10])).x,
    "dogbox": lambda f, j: optimize.least_squares(f, [1.0, 1.0], jac=j, method="dogbox").x,
    "lm": lambda f, j: optimize.least_squares(f, [1.0, 1.0], jac=j, method="lm").x,
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_systems_of_equations_and_least_squares(solver, system):
    f = SYSTEMS[system]
    x = SOLVERS[solver](f, tg.jacobian(f))
    np.testing.assert_allclose([x[0] * np.cos(x[1]), x[1] * x[0] - x[1]], [4, 5], rtol=1e-6)


def test_an_array_of_tensors_says_what_to_write():
    with pytest.raises(TypeError, match=r"np\.stack to make one Tensor of a list"):
        tg.jacobian(lambda x: np.array([x[0], x[1]]))(np.ones(2))


def test_curve_fit():
    def model(t, a, b):
        return a * np.exp(-b * t)

    def slopes(t, a, b):
        return np.column_stack(tg.jacobian(model, argnums=(1, 2))(t, a, b))

    t = np.linspace(0, 3, 30)
    found, covariance = optimize.curve_fit(model, t, model(t, 2.5, 1.3), p0=[1.0, 1.0], jac=slopes)
    np.testing.assert_allclose(found, [2.5, 1.3], rtol=1e-8)
    assert covariance.shape == (2, 2)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_differential_equations(method):
    def van_der_pol(t, y):
        return [y[1], 5 * (1 - y[0] ** 2) * y[1] - y[0]]

    options = {"method": method, "rtol": 1e-8, "atol": 1e-10}
    found = integrate.solve_ivp(van_der_pol, (0, 3), [2.0, 0.0], jac=tg.jacobian(van_der_pol, argnums=1), **options)
    by_hand = lambda t, y: [[0, 1], [-10 * y[0] * y[1] - 1, 5 * (1 - y[0] ** 2)]]
    peer = integrate.solve_ivp(van_der_pol, (0, 3), [2.0, 0.0], jac=by_hand, **options)
    np.testing.assert_allclose(found.y, peer.y, rtol=1e-9)


def test_roots_of_a_function_of_one_number():
    f = lambda x: x**3 - 2 * x - 5
    first, second = tg.grad(f), tg.grad(tg.grad(f))
    halley = optimize.root_scalar(f, x0=2.0, fprime=first, fprime2=second, method="halley")
    newton = optimize.root_scalar(f, x0=2.0, fprime=first, method="newton")
    for root in (halley.root, newton.root, optimize.newton(f, 2.0, fprime=first)):
        assert f(root) == pytest.approx(0, abs=1e-12)


def test_scipys_own_check_of_a_gradient():
    f = FUNCTIONS["ours"]
    assert optimize.check_grad(f, tg.grad(f), START) < 1e-4


@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP", "trust-constr", "BFGS"])
def test_a_function_that_takes_derivatives_itself(method):
    """The polynomial solution of u' = 2 t by the squares of its residuals, of which SciPy gets the gradient."""
    times = np.linspace(0, 1, 5)

    def residuals(w):
        u = lambda t: w[0] + w[1] * t + w[2] * t**2
        slopes = np.stack([tg.grad(u)(t) for t in times])
        return np.sum((slopes - 2 * times) ** 2) + (u(0.0) - 1) ** 2

    found = optimize.minimize(tg.value_and_grad(residuals), np.zeros(3), jac=True, method=method, tol=1e-12)
    np.testing.assert_allclose(found.x, [1, 0, 1], atol=1e-4)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_several_constraints_at_once(method):
    f, c = FUNCTIONS["NumPy"], lambda x: [np.sum(x**2), x[0] * x[1]]
    hess = {"hess": lambda x, v: tg.hessian(lambda x: v[0] * c(x)[0] + v[1] * c(x)[1])(x)}
    weighted = {} if method == "SLSQP" else hess
    constraint = optimize.NonlinearConstraint(c, [-np.inf, 0.1], [1.5, 0.4], jac=tg.jacobian(c), **weighted)
    half = optimize.LinearConstraint([[1, 1, 1]], -np.inf, 1.8)
    start = np.full(3, 0.5)
    result = optimize.minimize(f, start, jac=tg.grad(f), method=method, constraints=[constraint, half])
    plain = optimize.NonlinearConstraint(c, [-np.inf, 0.1], [1.5, 0.4])
    peer = optimize.minimize(optimize.rosen, start, method="SLSQP", constraints=[plain, half], tol=1e-12)
    np.testing.assert_allclose(result.x, peer.x, atol=1e-3)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_robust_least_squares(loss):
    rng = np.random.default_rng(0)
    t = np.linspace(0, 4, 40)
    y = 2 * np.exp(-1.2 * t) + 0.5 + 0.05 * rng.normal(size=40)
    f = lambda p, t, y: p[0] * np.exp(-p[1] * t) + p[2] - y
    options = {"args": (t, y), "loss": loss, "bounds": (0, 10)}
    found = optimize.least_squares(f, [1, 1, 0.1], jac=tg.jacobian(f), **options)
    np.testing.assert_allclose(found.x, optimize.least_squares(f, [1, 1, 0.1], **options).x, rtol=1e-4)


def test_a_boundary_problem():
    f = lambda y: np.stack([y[1], -np.exp(y[0])])
    ends = lambda a, b: np.stack([a[0], b[0]])
    jacobians = {
        "fun_jac": lambda x, y: tg.vmap(tg.jacobian(f), in_axes=1, out_axes=2)(y),
        "bc_jac": lambda a, b: tg.jacobian(ends, argnums=(0, 1))(a, b),
    }
    x = np.linspace(0, 1, 5)
    found = integrate.solve_bvp(lambda x, y: f(y), ends, x, np.zeros((2, 5)), **jacobians)
    peer = integrate.solve_bvp(lambda x, y: f(y), ends, x, np.zeros((2, 5)))
    assert found.success
    np.testing.assert_allclose(found.sol(0.5), peer.sol(0.5), rtol=1e-6)


def test_odeint():
    f = lambda y, t, k: [y[1], -k * np.sin(y[0])]
    times = np.linspace(0, 5, 20)
    found = integrate.odeint(f, [1.0, 0.0], times, args=(2.0,), Dfun=tg.jacobian(f))
    np.testing.assert_allclose(found, integrate.odeint(f, [1.0, 0.0], times, args=(2.0,)), atol=1e-5)


GLOBAL = {
    "basinhopping": lambda f, g: optimize.basinhopping(
        f, [1, 1], niter=50, stepsize=3, minimizer_kwargs={"jac": g}, rng=0
    ),
    "dual_annealing": lambda f, g: optimize.dual_annealing(
        f, [(-5, 5)] * 2, minimizer_kwargs={"method": "L-BFGS-B", "jac": g}, rng=0, maxiter=100
    ),
    "shgo": lambda f, g: optimize.shgo(f, [(-5, 5)] * 2, options={"jac": g}, minimizer_kwargs={"method": "SLSQP"}),
    "differential_evolution": lambda f, g: optimize.differential_evolution(f, [(-5, 5)] * 2, rng=0),
}


@pytest.mark.parametrize("solver", GLOBAL)
def test_searches_for_the_lowest_of_several_minima(solver):
    f = lambda x: 0.5 * np.sum(x**4 - 16 * x**2 + 5 * x)
    result = GLOBAL[solver](f, tg.grad(f))
    np.testing.assert_allclose(result.x, -2.903534, atol=1e-3)
