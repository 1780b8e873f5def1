"""Operations that work element by element: one line of forward, one line per derivative.

The policy at points without a derivative stands in the description of each operation. A rule that
divides does so by `nonzero(g, d)`: where a zero gradient meets a singular point it stays zero, so
`where(x > 0, sqrt(x), 0)` has no NaN.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..autograd import elementwise, primitive
from ..tensor import Tensor


def nonzero(g: Any, d: Any) -> Any:
    """Return the divisor `d` with 1 in place of the zeros at which the gradient `g` is zero too."""
    values = d._data if isinstance(d, Tensor) else np.asarray(d)
    if values.all():
        return d
    arriving = g._data if isinstance(g, Tensor) else g
    return np.where((values == 0) & (arriving == 0), values.dtype.type(1), d)


# ---------------------------------------------------------------------- arithmetic

add = elementwise(
    np.add,
    """Return x + y.

    >>> tg.add(tg.tensor([1.0, 2.0]), 10.0)
    tensor([11., 12.])
    """,
    kernel=operator.add,
    x=lambda g: g,
    y=lambda g: g,
)

subtract = elementwise(
    np.subtract,
    """Return x - y.

    >>> tg.subtract(tg.tensor([1.0, 2.0]), 10.0)
    tensor([-9., -8.])
    """,
    kernel=operator.sub,
    x=lambda g: g,
    y=lambda g: -g,
)

multiply = elementwise(
    np.multiply,
    """Return x * y.

    >>> tg.multiply(tg.tensor([1.0, 2.0]), 10.0)
    tensor([10., 20.])
    """,
    kernel=operator.mul,
    x=lambda g, y: g * y,
    y=lambda g, x: g * x,
)

divide = elementwise(
    np.divide,
    """Return x / y. A zero gradient that meets y = 0 stays zero.

    >>> tg.divide(tg.tensor([1.0, 2.0]), 4.0)
    tensor([0.25, 0.5 ])
    """,
    kernel=operator.truediv,
    x=lambda g, y: g / nonzero(g, y),
    y=lambda g, x, y: -(g / nonzero(g, y)) * (x / nonzero(g, y)),
)

negative = elementwise(
    np.negative,
    """Return -x.

    >>> tg.negative(tg.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """,
    kernel=operator.neg,
    x=lambda g: -g,
)


def _power_x(g: Any, x: Any, y: Any) -> Any:
    if isinstance(y, (int, float)):
        if y == 0 or y == 2:  # x**2 is what people square with
            return g * (y * x)
        return g * (y * (x if y >= 1 else nonzero(g, x)) ** (y - 1))
    base = np.where((x == 0) & ((y == 0) | ((g == 0) & (y < 1))), 1, x)
    return g * (y * base ** (y - 1))


def _power_y(g: Any, x: Any, y: Any, out: Any) -> Any:
    flat = (x == 0) & ((y >= 0) | (g == 0))
    return np.where(flat, 0, g * out * np.log(np.where(flat, 1, x)))


power = elementwise(
    np.power,
    """Return x ** y.

    x**0 is 1 with derivative 0, also at x = 0; 0**y has derivative 0 with respect to y for y >= 0. A negative
    base has no derivative with respect to y (NaN). A zero gradient that meets 0**y, y < 1, stays zero.

    >>> tg.power(tg.tensor([1.0, 3.0]), 2)
    tensor([1., 9.])
    """,
    kernel=operator.pow,
    x=_power_x,
    y=_power_y,
)

abs = elementwise(
    np.absolute,
    """Return the absolute value of x. Its derivative at 0 is taken to be 0.

    >>> tg.abs(tg.tensor([-1.5, 2.0]))
    tensor([1.5, 2. ])
    """,
    kernel=operator.abs,
    x=lambda g, x: g * np.sign(x),
    name="abs",
)

# ---------------------------------------------------------------------- exponentials and logarithms

exp = elementwise(
    np.exp,
    """Return e ** x.

    >>> tg.exp(tg.tensor([0.0, 1.0]))
    tensor([1.      , 2.718282])
    """,
    x=lambda g, out: g * out,
)

expm1 = elementwise(
    np.expm1,
    """Return e ** x - 1, exact also for small x.

    >>> tg.expm1(tg.tensor([0.0, 1e-6]))
    tensor([0.e+00, 1.e-06])
    """,
    x=lambda g, out: g * (out + 1),
)

log = elementwise(
    np.log,
    """Return the natural logarithm. A zero gradient that meets x = 0 stays zero.

    >>> tg.log(tg.tensor([1.0, 10.0]))
    tensor([0.      , 2.302585])
    """,
    x=lambda g, x: g / nonzero(g, x),
)

log1p = elementwise(
    np.log1p,
    """Return log(1 + x), exact also for small x. A zero gradient that meets x = -1 stays zero.

    >>> tg.log1p(tg.tensor([0.0, 1e-6]))
    tensor([0.e+00, 1.e-06])
    """,
    x=lambda g, x: g / nonzero(g, 1 + x),
)

sqrt = elementwise(
    np.sqrt,
    """Return the square root. Its derivative at 0 is infinite; a zero gradient that arrives there stays zero.

    >>> tg.sqrt(tg.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """,
    x=lambda g, out: g * 0.5 / nonzero(g, out),
)

tanh = elementwise(
    np.tanh,
    """Return the hyperbolic tangent.

    >>> tg.tanh(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.761594])
    """,
    x=lambda g, out: g * (1 - out * out),
)

# ---------------------------------------------------------------------- choices

maximum = elementwise(
    np.maximum,
    """Return the larger of x and y. Where they are equal, each gets half of the gradient.

    >>> tg.maximum(tg.tensor([1.0, 5.0]), 3.0)
    tensor([3., 5.])
    """,
    x=lambda g, x, y: np.where(x == y, 0.5 * g, np.where(x > y, g, 0)),
    y=lambda g, x, y: np.where(x == y, 0.5 * g, np.where(y > x, g, 0)),
)

minimum = elementwise(
    np.minimum,
    """Return the smaller of x and y. Where they are equal, each gets half of the gradient.

    >>> tg.minimum(tg.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """,
    x=lambda g, x, y: np.where(x == y, 0.5 * g, np.where(x < y, g, 0)),
    y=lambda g, x, y: np.where(x == y, 0.5 * g, np.where(y < x, g, 0)),
)


@primitive(
    np.where,
    condition=None,
    x=lambda g, condition: np.where(condition, g, 0),
    y=lambda g, condition: np.where(condition, 0, g),
)
def where(condition, x, y):
    """Return x where the condition holds and y elsewhere; the branch not taken gets a gradient of 0, never NaN.

    >>> x = tg.tensor([-1.0, 4.0])
    >>> tg.where(x > 0, x, 0.0)
    tensor([0., 4.])
    """
    return np.where(condition, x, y)


def _within(g: Any, x: Any, min: Any, max: Any) -> Any:
    if min is None and max is None:
        return g
    inside = x <= max if min is None else x >= min if max is None else (x >= min) & (x <= max)
    return np.where(inside, g, 0)


@primitive(np.clip, x=_within)
def clip(x, *, min=None, max=None):
    """Return x limited to min <= x <= max; None is no limit.

    The derivative is 1 inside the interval, its ends included, and 0 outside. The limits are constants.

    >>> tg.clip(tg.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
    tensor([-1. ,  0.5,  1. ])
    """
    return np.array(x) if min is None and max is None else np.clip(x, min, max)


# ---------------------------------------------------------------------- comparisons and logic: no derivative


less = elementwise(
    np.less,
    """Return whether x < y; a constant, without a derivative.

    >>> tg.less(tg.tensor([1.0, 3.0]), 2.0)
    tensor([ True, False])
    """,
    x=None,
    y=None,
)

less_equal = elementwise(
    np.less_equal,
    """Return whether x <= y; a constant, without a derivative.

    >>> tg.less_equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([ True,  True])
    """,
    x=None,
    y=None,
)

greater = elementwise(
    np.greater,
    """Return whether x > y; a constant, without a derivative.

    >>> tg.greater(tg.tensor([1.0, 3.0]), 2.0)
    tensor([False,  True])
    """,
    x=None,
    y=None,
)

greater_equal = elementwise(
    np.greater_equal,
    """Return whether x >= y; a constant, without a derivative.

    >>> tg.greater_equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([False,  True])
    """,
    x=None,
    y=None,
)

equal = elementwise(
    np.equal,
    """Return whether x equals y; a constant, without a derivative.

    >>> tg.equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([False,  True])
    """,
    x=None,
    y=None,
)

not_equal = elementwise(
    np.not_equal,
    """Return whether x differs from y; a constant, without a derivative.

    >>> tg.not_equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([ True, False])
    """,
    x=None,
    y=None,
)

logical_and = elementwise(
    np.logical_and,
    """Return whether both x and y hold; a constant, without a derivative.

    >>> tg.logical_and(tg.tensor([True, False]), True)
    tensor([ True, False])
    """,
    x=None,
    y=None,
)

logical_or = elementwise(
    np.logical_or,
    """Return whether x or y or both hold; a constant, without a derivative.

    >>> tg.logical_or(tg.tensor([True, False]), True)
    tensor([ True,  True])
    """,
    x=None,
    y=None,
)

logical_xor = elementwise(
    np.logical_xor,
    """Return whether exactly one of x and y holds; a constant, without a derivative.

    >>> tg.logical_xor(tg.tensor([True, False]), True)
    tensor([False,  True])
    """,
    x=None,
    y=None,
)

logical_not = elementwise(
    np.logical_not,
    """Return whether x does not hold; a constant, without a derivative.

    >>> tg.logical_not(tg.tensor([True, False]))
    tensor([False,  True])
    """,
    x=None,
)

isnan = elementwise(
    np.isnan,
    """Return whether x is not a number; a constant, without a derivative.

    >>> tg.isnan(tg.tensor([1.0, float('nan')]))
    tensor([False,  True])
    """,
    x=None,
)

isinf = elementwise(
    np.isinf,
    """Return whether x is infinite; a constant, without a derivative.

    >>> tg.isinf(tg.tensor([1.0, float('inf')]))
    tensor([False,  True])
    """,
    x=None,
)

isfinite = elementwise(
    np.isfinite,
    """Return whether x is neither infinite nor NaN; a constant, without a derivative.

    >>> tg.isfinite(tg.tensor([1.0, float('inf')]))
    tensor([ True, False])
    """,
    x=None,
)

sign = elementwise(
    np.sign,
    """Return -1, 0 or 1; its derivative is taken to be 0 everywhere.

    >>> tg.sign(tg.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """,
    x=lambda g: 0 * g,
)
