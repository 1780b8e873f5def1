"""Signs, rounding and remainders, element by element.

What is constant between jumps has the derivative 0 everywhere, at the jumps too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import elementwise, primitive
from .elementwise import chosen

__all__ = ["ceil", "floor", "floor_divide", "fmod", "remainder", "rint", "round", "sign", "trunc"]


def _sign_x(g: Any, x: Any, out: Any) -> Any:
    """0 for real x"""
    if x.dtype.kind != "c":
        return nothing(g)
    size = np.abs(x)  # the sign turns with the angle of x, and does not change along its length
    return np.where(size == 0, 0, (g - np.real(g * out) * out.conj()) / np.where(size == 0, 1, size))


def nothing(g: Any) -> Any:
    """0"""
    return chosen(False, g, 0)  # also where g is infinite


sign = elementwise(
    np.sign,
    """Return -1, 0 or 1; its derivative is taken to be 0 everywhere. Of complex numbers it is x / abs(x), or 0.

    The derivative of the complex sign at 0 is taken to be 0.

    >>> tg.sign(tg.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """,
    x=_sign_x,
)

floor = elementwise(
    np.floor,
    """Return the largest integer that is not above x; its derivative is taken to be 0 everywhere.

    >>> tg.floor(tg.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """,
    x=nothing,
    real_only=True,
)

ceil = elementwise(
    np.ceil,
    """Return the smallest integer that is not below x; its derivative is taken to be 0 everywhere.

    >>> tg.ceil(tg.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """,
    x=nothing,
    real_only=True,
)

trunc = elementwise(
    np.trunc,
    """Return x without its fraction; its derivative is taken to be 0 everywhere.

    >>> tg.trunc(tg.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """,
    x=nothing,
    real_only=True,
)

rint = elementwise(
    np.rint,
    """Return the integer nearest to x, of two the even one; its derivative is taken to be 0 everywhere.

    >>> tg.rint(tg.tensor([0.5, 1.6]))
    tensor([0., 2.])
    """,
    floating=True,
    x=nothing,
)


@primitive(np.round, np.around, x=nothing)
def round(x, *, decimals=0):
    """Return x rounded to `decimals` digits after the point; its derivative is taken to be 0 everywhere.

    >>> tg.round(tg.tensor([1.26, -0.54]), 1)
    tensor([ 1.3, -0.5])
    """
    return np.round(x, decimals)


floor_divide = elementwise(
    np.floor_divide,
    """Return floor(x / y), as x // y; its derivatives are taken to be 0 everywhere.

    >>> tg.floor_divide(tg.tensor([5.0, -5.0]), 3.0)
    tensor([ 1., -2.])
    """,
    x=nothing,
    y=nothing,
    real_only=True,
)

remainder = elementwise(
    np.remainder,
    """Return x - floor(x / y) * y, as x % y: it has the sign of y. At a jump the derivatives are those beside it.

    >>> tg.remainder(tg.tensor([5.0, -5.0]), 3.0)
    tensor([2., 1.])
    """,
    x=lambda g: g,
    y=lambda g, x, y, out: -g * np.rint((x - out) / y),
    real_only=True,
)

fmod = elementwise(
    np.fmod,
    """Return x - trunc(x / y) * y: it has the sign of x. At a jump the derivatives are those beside it.

    >>> tg.fmod(tg.tensor([5.0, -5.0]), 3.0)
    tensor([ 2., -2.])
    """,
    x=lambda g: g,
    y=lambda g, x, y, out: -g * np.rint((x - out) / y),
    real_only=True,
)
