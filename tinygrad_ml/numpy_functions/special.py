"""Functions of `scipy.special` on Tensors: SciPy computes the values, and here are the derivatives.

The room is loaded when SciPy calls one of its functions on a Tensor. A rule is written with SciPy's functions, which
are themselves operations, so there are derivatives of every order; those for the order of a Bessel function, the
parameter of an incomplete gamma or beta function and the like have no closed form, and raise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as sp

from .. import ops
from ..autograd import elementwise, implements, no_derivative
from ..ops.rounding import nothing

ROOT_PI = float(np.sqrt(np.pi))
DEGREE = float(np.pi / 180)
ORDER = no_derivative("its derivative for the order has no closed form here")
PARAMETER = no_derivative("its derivative for this parameter has no closed form here")


RULES: dict[str, dict[str, Any]] = {}  # name of SciPy's function -> the rules of its arguments


def _declare(name: str, **rules: Any) -> None:
    RULES[name] = rules


def declare(function: Any) -> None:
    """Make an operation of one of SciPy's functions, if its rules are known."""
    name = function.__name__
    if name in RULES:
        doc = f"Return `scipy.special.{name}`, computed by SciPy."
        implements(function)(elementwise(function, doc, name=name, floating=True, real_only=True, **RULES[name]))


# ---------------------------------------------------------------------- gamma and beta

_declare("gamma", x=lambda g, x, out: g * out * sp.psi(x))
_declare("gammaln", x=lambda g, x: g * sp.psi(x))
_declare("loggamma", x=lambda g, x: g * sp.psi(x))
_declare("rgamma", x=lambda g, x, out: g * -out * sp.psi(x))
_declare("gammasgn", x=nothing)
_declare("psi", x=lambda g, x: g * sp.zeta(2.0, x))
_declare("_zeta", s=ORDER, x=lambda g, s, x: g * -s * sp.zeta(s + 1.0, x))
_declare(
    "beta",
    a=lambda g, a, b, out: g * out * (sp.psi(a) - sp.psi(a + b)),
    b=lambda g, a, b, out: g * out * (sp.psi(b) - sp.psi(a + b)),
)
_declare("betaln", a=lambda g, a, b: g * (sp.psi(a) - sp.psi(a + b)), b=lambda g, a, b: g * (sp.psi(b) - sp.psi(a + b)))
_declare(
    "poch", a=lambda g, a, m, out: g * out * (sp.psi(a + m) - sp.psi(a)), m=lambda g, a, m, out: g * out * sp.psi(a + m)
)
_declare("gammainc", a=PARAMETER, x=lambda g, a, x: g * _gamma(a, x))
_declare("gammaincc", a=PARAMETER, x=lambda g, a, x: -g * _gamma(a, x))
_declare("betainc", a=PARAMETER, b=PARAMETER, x=lambda g, a, b, x: g * _beta(a, b, x))
_declare("betaincc", a=PARAMETER, b=PARAMETER, x=lambda g, a, b, x: -g * _beta(a, b, x))
_declare(
    "binom",
    n=lambda g, n, k, out: g * out * (sp.psi(n + 1) - sp.psi(n - k + 1)),
    k=lambda g, n, k, out: g * out * (sp.psi(n - k + 1) - sp.psi(k + 1)),
)

# ---------------------------------------------------------------------- distributions of test statistics


def _chi_square(v: Any, x: Any) -> Any:
    """The density of the chi-square distribution"""
    return 0.5 * np.exp(sp.xlogy(v / 2 - 1, x / 2) - x / 2 - sp.gammaln(v / 2))


def _student(df: Any, t: Any) -> Any:
    """The density of Student's t distribution"""
    logarithm = sp.gammaln((df + 1) / 2) - sp.gammaln(df / 2) - (df + 1) / 2 * np.log1p(t * t / df)
    return np.exp(logarithm) / np.sqrt(np.pi * df)


def _fisher(dfn: Any, dfd: Any, x: Any) -> Any:
    """The density of the F distribution"""
    share = dfn * x / (dfn * x + dfd)
    logarithm = sp.xlogy(dfn / 2, share) + sp.xlog1py(dfd / 2, -share) - sp.betaln(dfn / 2, dfd / 2)
    return np.exp(logarithm) / x


_declare("chdtr", v=PARAMETER, x=lambda g, v, x: g * _chi_square(v, x))
_declare("chdtrc", v=PARAMETER, x=lambda g, v, x: -g * _chi_square(v, x))
_declare("stdtr", df=PARAMETER, t=lambda g, df, t: g * _student(df, t))
_declare("fdtr", dfn=PARAMETER, dfd=PARAMETER, x=lambda g, dfn, dfd, x: g * _fisher(dfn, dfd, x))
_declare("fdtrc", dfn=PARAMETER, dfd=PARAMETER, x=lambda g, dfn, dfd, x: -g * _fisher(dfn, dfd, x))


def _poisson(k: Any, m: Any) -> Any:
    """The probability of floor(k) in the Poisson distribution of mean m"""
    k = np.floor(k)
    return np.exp(sp.xlogy(k, m) - m - sp.gammaln(k + 1))


def _gamma(b: Any, x: Any) -> Any:
    """The density of the gamma distribution of shape b and rate 1"""
    return np.exp(sp.xlogy(b - 1, x) - x - sp.gammaln(b))


def _beta(a: Any, b: Any, x: Any) -> Any:
    """The density of the beta distribution"""
    return np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b))


_declare("pdtr", k=nothing, m=lambda g, k, m: -g * _poisson(k, m))
_declare("pdtrc", k=nothing, m=lambda g, k, m: g * _poisson(k, m))
_declare(
    "gdtr", a=lambda g, a, b, x: g * x * _gamma(b, a * x), b=PARAMETER, x=lambda g, a, b, x: g * a * _gamma(b, a * x)
)
_declare(
    "gdtrc", a=lambda g, a, b, x: -g * x * _gamma(b, a * x), b=PARAMETER, x=lambda g, a, b, x: -g * a * _gamma(b, a * x)
)

# the inverse functions: the reciprocal of the density there
_declare("gammaincinv", a=PARAMETER, y=lambda g, a, out: g / _gamma(a, out))
_declare("gammainccinv", a=PARAMETER, y=lambda g, a, out: -g / _gamma(a, out))
_declare("betaincinv", a=PARAMETER, b=PARAMETER, y=lambda g, a, b, out: g / _beta(a, b, out))
_declare("betainccinv", a=PARAMETER, b=PARAMETER, y=lambda g, a, b, out: -g / _beta(a, b, out))
_declare("chdtri", v=PARAMETER, p=lambda g, v, out: -g / _chi_square(v, out))
_declare("fdtri", dfn=PARAMETER, dfd=PARAMETER, p=lambda g, dfn, dfd, out: g / _fisher(dfn, dfd, out))
_declare("stdtrit", df=PARAMETER, p=lambda g, df, out: g / _student(df, out))

# ---------------------------------------------------------------------- the error function and the normal distribution


def _gaussian(x: Any) -> Any:
    """The density of the standard normal distribution"""
    return np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


_declare("erf", x=lambda g, x: g * (2 / ROOT_PI) * np.exp(-x * x))
_declare("erfc", x=lambda g, x: g * (-2 / ROOT_PI) * np.exp(-x * x))
_declare("erfcx", x=lambda g, x, out: g * (2 * x * out - 2 / ROOT_PI))
_declare("erfi", x=lambda g, x: g * (2 / ROOT_PI) * np.exp(x * x))
_declare("erfinv", x=lambda g, out: g * (ROOT_PI / 2) * np.exp(out * out))
_declare("erfcinv", x=lambda g, out: g * (-ROOT_PI / 2) * np.exp(out * out))
_declare("dawsn", x=lambda g, x, out: g * (1 - 2 * x * out))
_declare("ndtr", x=lambda g, x: g * _gaussian(x))
_declare("log_ndtr", x=lambda g, x, out: g * np.exp(-0.5 * x * x - out) / np.sqrt(2 * np.pi))
_declare("ndtri", x=lambda g, out: g / _gaussian(out))

# ---------------------------------------------------------------------- logarithms, entropy, logistic

_declare("expit", x=lambda g, out: g * out * (1 - out))
_declare("log_expit", x=lambda g, x: g * sp.expit(-x))
_declare("logit", x=lambda g, x: g / (x * (1 - x)))
_declare("xlogy", x=lambda g, y: g * np.log(y), y=lambda g, x, y: g * x / y)
_declare("xlog1py", x=lambda g, y: g * np.log1p(y), y=lambda g, x, y: g * x / (1 + y))
_declare("entr", x=lambda g, x: g * (-np.log(x) - 1))
_declare("rel_entr", x=lambda g, x, y: g * (np.log(x / y) + 1), y=lambda g, x, y: -g * x / y)
_declare("kl_div", x=lambda g, x, y: g * np.log(x / y), y=lambda g, x, y: g * (1 - x / y))
_declare("exprel", x=lambda g, x: g * _exprel_slope(x))
_declare("exp2", x=lambda g, out: g * np.log(2.0) * out)
_declare("exp10", x=lambda g, out: g * np.log(10.0) * out)
_declare("expm1", x=lambda g, x: g * np.exp(x))
_declare("log1p", x=lambda g, x: g / (1 + x))
_declare("cbrt", x=lambda g, out: g / (3 * out * out))
_declare("cosm1", x=lambda g, x: -g * np.sin(x))
_declare("sindg", x=lambda g, x: g * DEGREE * sp.cosdg(x))
_declare("cosdg", x=lambda g, x: -g * DEGREE * sp.sindg(x))
_declare("tandg", x=lambda g, out: g * DEGREE * (1 + out * out))
_declare("cotdg", x=lambda g, out: -g * DEGREE * (1 + out * out))
_declare("radian", d=lambda g: g * DEGREE, m=lambda g: g * (DEGREE / 60), s=lambda g: g * (DEGREE / 3600))


def _power_slope(t: Any, lmbda: Any) -> Any:
    """The derivative of (exp(lmbda t) - 1) / lmbda for lmbda, t*t/2 at 0: the Box-Cox transform of x has t = log(x)"""
    return t * t * _exprel_slope(lmbda * t)


def _inverse_slope(lmbda: Any, out: Any) -> Any:
    """The derivative of log(1 + lmbda x) / lmbda for lmbda, where out is that logarithm"""
    return -np.exp(-lmbda * out) * _power_slope(out, lmbda)


_declare(
    "boxcox",
    x=lambda g, x, lmbda: g * x ** (lmbda - 1),
    lmbda=lambda g, x, lmbda: g * _power_slope(np.log(x), lmbda),
)
_declare(
    "boxcox1p",
    x=lambda g, x, lmbda: g * (1 + x) ** (lmbda - 1),
    lmbda=lambda g, x, lmbda: g * _power_slope(np.log1p(x), lmbda),
)
_declare(
    "inv_boxcox",
    x=lambda g, lmbda, out: g * out ** (1 - lmbda),
    lmbda=lambda g, lmbda, out: g * out * _inverse_slope(lmbda, np.log(out)),
)
_declare(
    "inv_boxcox1p",
    x=lambda g, lmbda, out: g * (1 + out) ** (1 - lmbda),
    lmbda=lambda g, lmbda, out: g * (1 + out) * _inverse_slope(lmbda, np.log1p(out)),
)
_declare(
    "huber",
    delta=lambda g, delta, r: g * np.maximum(np.abs(r) - delta, 0.0),
    r=lambda g, delta, r: g * np.clip(r, -delta, delta),
)
_declare(
    "pseudo_huber",
    delta=lambda g, delta, r: (
        g * (2 * delta * (np.sqrt(1 + (r / delta) ** 2) - 1) - r * r / (delta * np.sqrt(1 + (r / delta) ** 2)))
    ),
    r=lambda g, delta, r: g * r / np.sqrt(1 + (r / delta) ** 2),
)


def _exprel_slope(x: Any) -> Any:
    """The derivative of (exp(x) - 1) / x, by its series where the difference would lose its digits"""
    near = abs(ops.as_tensor(x).numpy()) < 0.3
    safe = np.where(near, 1.0, x)
    away = (np.exp(safe) * (safe - 1) + 1) / (safe * safe)
    small = np.where(near, x, 0.0)
    series: Any = 0.0
    for k in range(14, 0, -1):  # sum of k x**(k - 1) / (k + 1)!
        series = series * small + k / sp.gamma(k + 2.0)
    return np.where(near, series, away)


# ---------------------------------------------------------------------- Bessel functions, exponential integrals, others

_declare("j0", x=lambda g, x: -g * sp.j1(x))
_declare("j1", x=lambda g, x: g * 0.5 * (sp.j0(x) - sp.jv(2.0, x)))
_declare("jv", v=ORDER, z=lambda g, v, z: g * 0.5 * (sp.jv(v - 1, z) - sp.jv(v + 1, z)))
_declare("y0", x=lambda g, x: -g * sp.y1(x))
_declare("y1", x=lambda g, x: g * 0.5 * (sp.y0(x) - sp.yv(2.0, x)))
_declare("yv", v=ORDER, z=lambda g, v, z: g * 0.5 * (sp.yv(v - 1, z) - sp.yv(v + 1, z)))
_declare("i0", x=lambda g, x: g * sp.i1(x))
_declare("i1", x=lambda g, x: g * 0.5 * (sp.i0(x) + sp.iv(2.0, x)))
_declare("iv", v=ORDER, z=lambda g, v, z: g * 0.5 * (sp.iv(v - 1, z) + sp.iv(v + 1, z)))
_declare("i0e", x=lambda g, x, out: g * (sp.i1e(x) - np.sign(x) * out))
_declare("i1e", x=lambda g, x, out: g * (0.5 * (sp.i0e(x) + sp.ive(2.0, x)) - np.sign(x) * out))
_declare("ive", v=ORDER, z=lambda g, v, z, out: g * (0.5 * (sp.ive(v - 1, z) + sp.ive(v + 1, z)) - np.sign(z) * out))
_declare("k0", x=lambda g, x: -g * sp.k1(x))
_declare("k1", x=lambda g, x: -g * 0.5 * (sp.k0(x) + sp.kv(2.0, x)))
_declare("kv", v=ORDER, z=lambda g, v, z: -g * 0.5 * (sp.kv(v - 1, z) + sp.kv(v + 1, z)))
_declare("k0e", x=lambda g, x, out: g * (out - sp.k1e(x)))
_declare("k1e", x=lambda g, x, out: g * (out - 0.5 * (sp.k0e(x) + sp.kve(2.0, x))))
_declare("kve", v=ORDER, z=lambda g, v, z, out: g * (out - 0.5 * (sp.kve(v - 1, z) + sp.kve(v + 1, z))))
_declare("exp1", x=lambda g, x: -g * np.exp(-x) / x)
_declare("expi", x=lambda g, x: g * np.exp(x) / x)
_declare("expn", n=ORDER, x=lambda g, n, x: -g * sp.expn(n - 1, x))
_declare("spence", x=lambda g, x: g * _spence_slope(x))
_declare("ellipk", m=lambda g, m: g * _elliptic_slope(m, lambda k: k, lambda m: sp.ellipe(m) / (1 - m) - sp.ellipk(m)))
_declare(
    "ellipe", m=lambda g, m: g * _elliptic_slope(m, lambda k: k / (1 - 2 * k), lambda m: sp.ellipe(m) - sp.ellipk(m))
)


def _elliptic_slope(m: Any, factor: Any, difference: Any) -> Any:
    """A difference by 2 m; near 0, where it loses its digits, the series pi/2 sum of factor(k) c_k m**(k - 1)"""
    near = abs(ops.as_tensor(m).numpy()) < 0.1
    safe, small = np.where(near, 0.5, m), np.where(near, m, 0.0)
    series: Any = 0.0
    for k in range(16, 0, -1):  # c_k = (1/2 3/4 5/6 ... (2k - 1)/2k)**2
        c = np.prod([(2 * j - 1) / (2 * j) for j in range(1, k + 1)]) ** 2
        series = series * small + np.pi / 2 * factor(k) * c
    return np.where(near, series, difference(safe) / (2 * safe))


def _spence_slope(x: Any) -> Any:
    """log(x) / (1 - x), which is -1 at 1"""
    near = abs(ops.as_tensor(x).numpy() - 1) < 1e-2
    safe = np.where(near, 2.0, x)
    d = np.where(near, x - 1, 0.0)
    series: Any = 0.0
    for k in range(8, -1, -1):  # -sum of (-d)**k / (k + 1)
        series = series * -d - 1 / (k + 1)
    return np.where(near, series, np.log(safe) / (1 - safe))
