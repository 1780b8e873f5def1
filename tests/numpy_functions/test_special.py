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
    "exp10": [(REAL,)],
    "cosm1": [(REAL,)],
    "boxcox": [(POSITIVE, OTHER)],
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
    "ellipk": [(UNIT,)],
    "ellipe": [(UNIT,)],
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
]


@pytest.mark.parametrize(("name", "given", "at"), DISTRIBUTIONS, ids=[name for name, *_ in DISTRIBUTIONS])
def test_distributions_of_test_statistics(name, given, at):
    function = getattr(sp, name)
    of_rest = lambda x: function(*given, x)
    tg.testing.check_operation(of_rest, [tg.testing.Sample(at, reference=of_rest)])
    with pytest.raises(RuntimeError, match="no closed form"):
        function(*(tg.tensor(v, requires_grad=True) for v in given), at).sum().backward()


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
