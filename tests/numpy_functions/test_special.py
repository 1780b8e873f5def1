"""Functions of scipy.special on Tensors: SciPy's values, and derivatives to second order."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg

sp = pytest.importorskip("scipy.special")
random = np.random.default_rng(2)
REAL = random.normal(size=(2, 3)) * 1.5
POSITIVE = random.uniform(0.3, 3.0, (2, 3))
OTHER = random.uniform(0.4, 2.5, 3)
UNIT = random.uniform(0.1, 0.9, (2, 3))
TINY = np.array([0.0, 1e-9, -1e-3])
NEAR_ZERO = np.array([0.0, 1e-9, -1e-4, 0.05, -0.09])
NEGATIVE = random.uniform(-2.8, -2.2, 3)

CALLS = {
    "gamma": [(POSITIVE,), (NEGATIVE,)],
    "gammaln": [(POSITIVE,), (NEGATIVE,)],
    "loggamma": [(POSITIVE,)],
    "rgamma": [(POSITIVE,), (NEGATIVE,)],
    "gammasgn": [(POSITIVE,)],
    "psi": [(POSITIVE,), (NEGATIVE,)],
    "beta": [(POSITIVE, OTHER)],
    "betaln": [(POSITIVE, OTHER)],
    "poch": [(POSITIVE, OTHER)],
    "erf": [(REAL,)],
    "erfc": [(REAL,)],
    "erfcx": [(REAL,)],
    "erfi": [(REAL,)],
    "erfinv": [(2 * UNIT - 1,)],
    "erfcinv": [(2 * UNIT,)],
    "dawsn": [(REAL,)],
    "ndtr": [(REAL,)],
    "log_ndtr": [(REAL,), (REAL - 20,)],
    "ndtri": [(UNIT,)],
    "expit": [(REAL,)],
    "log_expit": [(REAL,)],
    "logit": [(UNIT,)],
    "xlogy": [(REAL, OTHER)],
    "xlog1py": [(REAL, OTHER)],
    "entr": [(POSITIVE,)],
    "rel_entr": [(POSITIVE, OTHER)],
    "kl_div": [(POSITIVE, OTHER)],
    "exprel": [(REAL,), (REAL / 100,)],
    "exp2": [(REAL,)],
    "exp10": [(REAL,)],
    "expm1": [(REAL,)],
    "log1p": [(POSITIVE,)],
    "cbrt": [(REAL,)],
    "cosm1": [(REAL,)],
    "sindg": [(40 * REAL,)],
    "cosdg": [(40 * REAL,)],
    "tandg": [(20 * REAL,)],
    "cotdg": [(80 * UNIT,)],
    "radian": [(REAL, POSITIVE, OTHER)],
    "binom": [(3 + POSITIVE, OTHER)],
    "boxcox": [
        (POSITIVE, OTHER),
        (POSITIVE, np.array([0.0, 1e-9, -1e-3])),
        (POSITIVE, OTHER / 1000),
        (POSITIVE, -OTHER),
    ],
    "boxcox1p": [(POSITIVE, OTHER), (POSITIVE, OTHER / 1000)],
    "inv_boxcox": [(POSITIVE, OTHER), (POSITIVE, OTHER / 1000)],
    "inv_boxcox1p": [(POSITIVE, OTHER), (POSITIVE, OTHER / 1000)],
    "huber": [(OTHER, REAL)],
    "pseudo_huber": [(OTHER, REAL)],
    "j0": [(REAL,)],
    "j1": [(REAL,)],
    "y0": [(POSITIVE,)],
    "y1": [(POSITIVE,)],
    "i0": [(REAL,)],
    "i1": [(REAL,)],
    "i0e": [(REAL,)],
    "i1e": [(REAL,)],
    "k0": [(POSITIVE,)],
    "k1": [(POSITIVE,)],
    "k0e": [(POSITIVE,)],
    "k1e": [(POSITIVE,)],
    "exp1": [(POSITIVE,)],
    "expi": [(POSITIVE,)],
    "spence": [(POSITIVE,), (1 + REAL / 1000,)],
    "ellipk": [(UNIT,), (NEAR_ZERO,)],
    "ellipe": [(UNIT,), (NEAR_ZERO,)],
}
OF_AN_ORDER = ["jv", "yv", "iv", "ive", "kv", "kve", "expn", "zeta", "gammainc", "gammaincc"]


@pytest.mark.parametrize("name", CALLS)
def test_a_function_is_right_to_second_order(name):
    function = getattr(sp, name)
    operation = lambda *arrays: function(*arrays)
    for arrays in CALLS[name]:
        tg.testing.check_operation(operation, [tg.testing.Sample(arrays, reference=function)])


@pytest.mark.parametrize("name", OF_AN_ORDER)
def test_functions_of_an_order_have_a_derivative_for_the_rest(name):
    function = getattr(sp, name)
    order = 3 if name in ("expn", "zeta") else 1.5
    at = POSITIVE + 1.2 if name == "zeta" else POSITIVE
    of_rest = lambda x: function(order, x)
    np.testing.assert_allclose(of_rest(tg.tensor(at)), of_rest(at), rtol=1e-14)
    assert tg.testing.gradcheck(of_rest, at, order=2)
    with pytest.raises((NotImplementedError, RuntimeError, TypeError), match="no closed form"):
        function(tg.tensor(2.0, requires_grad=True), 2.0).backward()


def test_the_incomplete_beta_function():
    tg.testing.check_operation(
        lambda x: sp.betainc(2.0, 0.7, x), [tg.testing.Sample(UNIT, reference=lambda x: sp.betainc(2.0, 0.7, x))]
    )


DISTRIBUTIONS = [
    ("betaincc", (2.0, 0.7), UNIT),
    ("chdtr", (3.0,), POSITIVE),
    ("chdtrc", (3.0,), POSITIVE),
    ("stdtr", (4.0,), REAL),
    ("fdtr", (3.0, 5.0), POSITIVE),
    ("fdtrc", (3.0, 5.0), POSITIVE),
    ("betaincinv", (2.0, 0.7), UNIT),
    ("betainccinv", (2.0, 0.7), UNIT),
    ("chdtri", (3.0,), UNIT),
    ("fdtri", (3.0, 5.0), UNIT),
    ("stdtrit", (4.0,), UNIT),
]


@pytest.mark.parametrize(("name", "given", "at"), DISTRIBUTIONS, ids=[name for name, *_ in DISTRIBUTIONS])
def test_distributions_of_test_statistics(name, given, at):
    function = getattr(sp, name)
    of_rest = lambda x: function(*given, x)
    tg.testing.check_operation(of_rest, [tg.testing.Sample(at, reference=of_rest)])
    with pytest.raises(RuntimeError, match="no closed form"):
        function(*(tg.tensor(v, requires_grad=True) for v in given), at).sum().backward()


@pytest.mark.parametrize("name", ["gdtr", "gdtrc"])
def test_the_gamma_distribution_has_derivatives_for_its_rate_and_its_argument(name):
    of_shape_two = lambda a, x: getattr(sp, name)(a, 2.0, x)
    tg.testing.check_operation(of_shape_two, [tg.testing.Sample((OTHER, POSITIVE), reference=of_shape_two)])


@pytest.mark.parametrize("k", [0.0, 1.5, 4.0])
@pytest.mark.parametrize("name", ["pdtr", "pdtrc"])
def test_the_poisson_distribution_has_derivatives_for_its_mean(name, k):
    up_to_k = lambda m: getattr(sp, name)(k, m)
    tg.testing.check_operation(up_to_k, [tg.testing.Sample(POSITIVE, reference=up_to_k)])


@pytest.mark.parametrize("name", ["gammaincinv", "gammainccinv"])
def test_the_inverse_incomplete_gamma_functions(name):
    of_rest = lambda y: getattr(sp, name)(2.0, y)  # SciPy computes them in float64 alone
    np.testing.assert_array_equal(of_rest(tg.tensor(UNIT)).numpy(), of_rest(UNIT))
    assert tg.testing.gradcheck(of_rest, UNIT, order=2)


@pytest.mark.parametrize("name", ["boxcox", "boxcox1p", "inv_boxcox", "inv_boxcox1p"])
def test_the_derivative_of_a_box_cox_transform_for_lambda_at_zero_is_the_limit(name):
    found = tg.tensor(0.0, dtype="float64", requires_grad=True)
    getattr(sp, name)(POSITIVE, found).sum().backward()
    ends = [getattr(sp, name)(POSITIVE, step).sum() for step in (1e-6, -1e-6)]
    assert found.grad.item() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-7)


@pytest.mark.parametrize("name", ["xlogy", "entr", "rel_entr", "kl_div"])
def test_the_limits_at_zero(name):
    function = getattr(sp, name)
    at = [0.0] * (1 if name == "entr" else 2)
    found = function(*(tg.tensor(np.float64(v), requires_grad=True) for v in at))
    np.testing.assert_array_equal(found.detach(), function(*at))


def test_a_function_without_a_rule_gives_its_value_and_refuses_a_gradient():
    x = tg.tensor([0.3, 0.5])
    np.testing.assert_allclose(sp.lambertw(x).numpy(), sp.lambertw(x.numpy()), rtol=1e-6)
    np.testing.assert_allclose(sp.struve(0.0, x).numpy(), sp.struve(np.float32(0), x.numpy()), rtol=1e-6)
    with pytest.raises(TypeError, match=r"scipy\.special\.struve is not supported"):
        sp.struve(0.0, tg.tensor([0.3], requires_grad=True))


def test_scipy_is_not_imported_by_the_library():
    program = "import sys, numpy as np, tinygrad_ml as tg; np.nansum(tg.ones(2)); print('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"
