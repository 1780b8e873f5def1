"""Arithmetic and choices, element by element: one line of forward, one line per derivative.

The policy at points without a derivative stands in the description of each operation. Where a zero gradient meets
an infinite derivative it stays zero, so `where(x > 0, sqrt(x), 0)` has no NaN: backpropagation sees to that, not the
rules.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..arrays import KINDS, like
from ..autograd import conjugated, elementwise, primitive
from ..tensor import Tensor
from .blockwise import masked

__all__ = [
    "abs",
    "add",
    "clip",
    "divide",
    "hypot",
    "maximum",
    "minimum",
    "multiply",
    "nan_to_num",
    "negative",
    "positive",
    "power",
    "reciprocal",
    "sqrt",
    "square",
    "subtract",
    "where",
]


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
    floating=True,
    x=lambda g, y: g / y,
    y=lambda g, x, y: -(g / y) * (x / y),
    formula=("g / y", "-g * x / y ** 2"),
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
    """g * y * x ** (y - 1)"""
    if isinstance(y, (int, float)):
        if y == 2:  # what people square with
            return g * (2 * x)
        return g * (y * x ** (y - 1)) if y else np.where(False, g, 0)
    return g * (y * np.where((x == 0) & (y == 0), 1, x) ** (y - 1))


def _power_y(g: Any, x: Any, y: Any, out: Any) -> Any:
    """g * out * log(x)"""
    flat = (x == 0) & (np.real(y) >= 0)
    return np.where(flat, 0, g * (out * np.log(np.where(flat, out.dtype.type(1), x))))


power = elementwise(
    np.power,
    """Return x ** y.

    x**0 is 1 with derivative 0, also at x = 0; 0**y has derivative 0 with respect to y for y >= 0. A negative
    real base has no derivative with respect to a real y (NaN). A zero gradient that meets 0**y, y < 1, stays zero.

    >>> tg.power(tg.tensor([1.0, 3.0]), 2)
    tensor([1., 9.])
    """,
    kernel=operator.pow,
    x=_power_x,
    y=_power_y,
)

abs = elementwise(
    np.absolute,
    """Return the absolute value of x, of complex numbers too. Its derivative at 0 is taken to be 0.

    >>> tg.abs(tg.tensor([-1.5, 2.0]))
    tensor([1.5, 2. ])
    """,
    kernel=operator.abs,
    x=lambda g, x: g * conjugated(np.sign(x)),
    name="abs",
)

# ---------------------------------------------------------------------- squares and roots

square = elementwise(
    np.square,
    """Return x * x.

    >>> tg.square(tg.tensor([1.0, -3.0]))
    tensor([1., 9.])
    """,
    x=lambda g, x: g * (2 * x),
    formula="g * 2 * x",
)

sqrt = elementwise(
    np.sqrt,
    """Return the square root. Its derivative at 0 is infinite; a zero gradient that arrives there stays zero.

    >>> tg.sqrt(tg.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """,
    floating=True,
    x=lambda g, out: g * 0.5 / out,
    formula="g / (2 * out)",
)

hypot = elementwise(
    np.hypot,
    """Return sqrt(x**2 + y**2) without overflow. At (0, 0) both derivatives are taken to be 0, as those of a norm.

    >>> tg.hypot(tg.tensor([3.0]), 4.0)
    tensor([5.])
    """,
    floating=True,
    x=lambda g, x, out: g * (x / np.where(out == 0, np.inf, out)),
    y=lambda g, y, out: g * (y / np.where(out == 0, np.inf, out)),
    formula=("g * x / out", "g * y / out"),
    real_only=True,
)

reciprocal = elementwise(
    np.reciprocal,
    """Return 1 / x. A zero gradient that meets x = 0 stays zero.

    >>> tg.reciprocal(tg.tensor([2.0, -4.0]))
    tensor([ 0.5 , -0.25])
    """,
    floating=True,
    x=lambda g, x: -(g / x) / x,
    formula="-g / x ** 2",
)

positive = elementwise(
    np.positive,
    """Return +x: a copy.

    >>> tg.positive(tg.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """,
    x=lambda g: g,
)

# ---------------------------------------------------------------------- choices

maximum = elementwise(
    np.maximum,
    """Return the larger of x and y. Where they are equal, each gets half of the gradient.

    >>> tg.maximum(tg.tensor([1.0, 5.0]), 3.0)
    tensor([3., 5.])
    """,
    x=lambda g, x, y: masked(g, x > y) + masked(0.5 * g, x == y),
    y=lambda g, x, y: masked(g, y > x) + masked(0.5 * g, x == y),
    real_only=True,
)

minimum = elementwise(
    np.minimum,
    """Return the smaller of x and y. Where they are equal, each gets half of the gradient.

    >>> tg.minimum(tg.tensor([1.0, 5.0]), 3.0)
    tensor([1., 3.])
    """,
    x=lambda g, x, y: masked(g, x < y) + masked(0.5 * g, x == y),
    y=lambda g, x, y: masked(g, y < x) + masked(0.5 * g, x == y),
    real_only=True,
)


def chosen(condition: Any, x: Any, y: Any) -> Any:
    """Return np.where(condition, x, y), also of arrays of libraries that want an array for the condition."""
    if KINDS and isinstance(condition, (bool, np.bool_)):
        condition = like(x, y).asarray(condition)
    return np.where(condition, x, y)


@primitive(
    np.where,
    condition=None,
    x=lambda g, condition: chosen(condition, g, 0),
    y=lambda g, condition: chosen(condition, 0, g),
    formula=("", "where(condition, g, 0)", "where(condition, 0, g)"),
)
def where(condition, x, y):
    """Return x where the condition holds and y elsewhere; the branch not taken gets a gradient of 0, never NaN.

    >>> x = tg.tensor([-1.0, 4.0])
    >>> tg.where(x > 0, x, 0.0)
    tensor([0., 4.])
    """
    return chosen(condition, x, y)


def _within(g: Any, x: Any, min: Any, max: Any) -> Any:
    """g where min <= x <= max, else 0"""
    if min is None and max is None:
        return g
    inside = x <= max if min is None else x >= min if max is None else (x >= min) & (x <= max)
    return masked(g, inside)


@primitive(real_only=True, x=_within)
def _clip(x, *, min=None, max=None):
    """Return x limited to min <= x <= max, which are constants; None is no limit.

    The derivative is 1 inside the interval, its ends included, and 0 outside.

    >>> tg.clip(tg.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
    tensor([-1. ,  0.5,  1. ])
    """
    return np.copy(x) if min is None and max is None else np.clip(x, min, max)


@primitive(
    real_only=True,
    x=lambda g, x, min, max: masked(g, (x >= min) & (x <= max)),
    min=lambda g, x, min, max: masked(g, (x < min) & (min < max)),
    max=lambda g, x, min, max: masked(g, (x > max) | (max < min)),
)
def _clip_between(x, min, max):
    """Return x limited to min <= x <= max, where the limits have derivatives too; where min > max it is max.

    The gradient goes to x inside the interval, its ends included, and to the limit that took the place of x outside.

    >>> limit = tg.tensor(1.0, requires_grad=True)
    >>> tg.clip(tg.tensor([0.5, 2.0, 3.0]), max=limit).sum().backward()
    >>> limit.grad
    tensor(2.)
    """
    return np.clip(x, min, max)


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Return x limited to min <= x <= max; None is no limit.

    The limits are numbers, or arrays and Tensors that broadcast against x. The gradient goes to x inside the interval,
    its ends included; outside it goes to the limit, if that requires one. Where min > max the result is max.

    >>> tg.clip(tg.tensor([-2.0, 0.5, 2.0]), -1.0, 1.0)
    tensor([-1. ,  0.5,  1. ])
    >>> limit = tg.tensor(1.0, requires_grad=True)
    >>> tg.clip(tg.tensor([0.5, 2.0, 3.0]), max=limit).sum().backward()
    >>> limit.grad
    tensor(2.)
    """
    if not any(isinstance(limit, Tensor) and limit.requires_grad for limit in (min, max)):
        return _clip(x, min=min, max=max)
    return _clip_between(x, -np.inf if min is None else min, np.inf if max is None else max)


@primitive(np.nan_to_num, x=lambda g, x: masked(g, np.isfinite(x)))
def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """Return x with numbers in place of NaN and the infinities (None: the largest that the dtype has).

    The derivative is 0 where something was replaced.

    >>> tg.nan_to_num(tg.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
    tensor([1., 0., 9.])
    """
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)
