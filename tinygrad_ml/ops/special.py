"""Special functions, element by element: the error function, and sinc."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import is_other
from ..autograd import dispatch, elementwise, primitive
from ..batched import Batched
from .blockwise import blockwise

__all__ = ["erf", "sinc", "sinc_derivative"]

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

# W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23 (1969) 631-637:
# erf(x) = x P(x^2) / Q(x^2) for |x| < 0.47, and erfc(x) = exp(-x^2) P(x) / Q(x) beyond; highest powers first.
NEAR = (
    (0.185777706184603153, 3.16112374387056560, 113.864154151050156, 377.485237685302021, 3209.37758913846947),
    (1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228, 2844.23683343917062),
)
FAR = (
    (
        *(2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594, 66.1191906371416295),
        *(298.635138197400131, 881.952221241769090, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725),
    ),
    (
        *(1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019),
        *(3290.79923573345963, 4362.61909014324716, 3439.36767414372164, 1230.33935480374942),
    ),
)
# For float32, erf(x) = tanh(x P(x^2)) for |x| < 4.3: the minimax fit of this form, with a relative error of 1e-7.
SINGLE = (1.32006483e-7, -5.48636168e-6, 8.64564650e-5, -6.16468511e-4, -1.95853858e-4, 0.102770863, 1.12837909)


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Return a polynomial by Horner's scheme, in place."""
    first, second, *rest = coefficients
    value = first * x
    value += second
    for coefficient in rest:
        value *= x
        value += coefficient
    return value


def _erf_single(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, -4.3, 4.3)
    return np.tanh(x * _polynomial(SINGLE, x * x))


def _erf_double(x: np.ndarray) -> np.ndarray:
    y = np.minimum(np.abs(x), 6)
    out = np.copysign(1 - np.exp(-y * y) * _polynomial(FAR[0], y) / _polynomial(FAR[1], y), x)
    near = y < 0.46875
    if is_other(x):  # all at once
        square = x * x
        return np.where(near, x * _polynomial(NEAR[0], square) / _polynomial(NEAR[1], square), out)
    small = x[near]
    square = small * small
    out[near] = small * _polynomial(NEAR[0], square) / _polynomial(NEAR[1], square)
    return out


def _erf(x: Any) -> Any:
    if type(x) is Batched:
        return Batched(_erf(x.whole), x.level)
    if x.size < 200 and not is_other(x):
        return np.array([math.erf(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)[()]
    return blockwise(_erf_single if x.dtype == np.float32 else _erf_double, x)


erf = elementwise(
    _erf,
    """Return the error function: the probability that a normal variable of variance 1/2 lies within [-x, x].

    >>> tg.erf(tg.tensor([0.0, 1.0, float("inf")]))
    tensor([0.      , 0.842701, 1.      ])
    """,
    name="erf",
    floating=True,
    x=lambda g, x: blockwise(lambda g, x: g * (TWO_OVER_ROOT_PI * np.exp(-x * x)), g, x),
    formula="g * 2 / sqrt(pi) * exp(-x ** 2)",
    real_only=True,
)


def _next_order(g: Any, x: Any, order: int) -> Any:
    return g * dispatch(sinc_derivative, x, order=order + 1)


def _sinc(x: Any) -> Any:
    with np.errstate(under="ignore"):  # NumPy 2.0 puts 1e-20 in place of 0
        return np.sinc(x)


@primitive(floating=True, x=_next_order)
def sinc_derivative(x, *, order):
    """Return the derivative of `sinc` of that order, which is 1 or larger.

    >>> tg.ops.sinc_derivative(tg.tensor([0.0, 1.0]), order=1)
    tensor([ 0., -1.])
    """
    # x sinc(x) = sin(pi x) / pi, differentiated n times: x s_n + n s_(n-1) = pi^(n-1) sin(pi x + n pi / 2)
    angle = math.pi * x
    divisor = np.where(x == 0, 1, x)
    out = _sinc(x)
    for n in range(1, order + 1):
        out = (math.pi ** (n - 1) * np.sin(angle + n * math.pi / 2) - n * out) / divisor
    # Near 0 that loses its digits; there, the integral of (pi t)^n cos(pi t x + n pi / 2) over 0 < t < 1, as a series
    series = np.zeros_like(angle)
    for k in range(order % 2, 24 + order, 2):
        sign = (-1) ** ((k + order) // 2)
        series = series + sign * angle**k / float(math.factorial(k) * (k + order + 1))
    return np.where(np.abs(angle) < 1.5 + 0.5 * order, math.pi**order * series, out)


sinc = elementwise(
    np.sinc,
    """Return sin(pi x) / (pi x), which is 1 at x = 0. Its derivatives of every order are right at 0 too.

    >>> tg.sinc(tg.tensor([0.0, 0.5]))
    tensor([1.     , 0.63662])
    """,
    kernel=_sinc,
    floating=True,
    x=lambda g, x: g * dispatch(sinc_derivative, x, order=1),
)
