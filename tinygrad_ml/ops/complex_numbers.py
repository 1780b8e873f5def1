"""The parts of complex numbers, element by element; of real ones, the imaginary part is 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import elementwise, primitive

__all__ = ["angle", "conj", "conjugate", "imag", "real"]


@primitive(np.real, views=True, x=lambda g: g)
def real(x):
    """Return the real part; of real numbers, these.

    >>> tg.real(tg.tensor([3 + 4j, 1j]))
    tensor([3., 0.])
    """
    return x.real


@primitive(np.imag, views=True, x=lambda g: g * -1j)
def imag(x):
    """Return the imaginary part; of real numbers, zeros.

    >>> tg.imag(tg.tensor([3 + 4j, 1j]))
    tensor([4., 1.])
    """
    return x.imag


conj = conjugate = elementwise(
    np.conjugate,
    """Return the complex conjugate: the imaginary part with the other sign.

    >>> tg.conj(tg.tensor([3 + 4j, 1j])).imag
    tensor([-4., -1.])
    """,
    x=lambda g: np.conjugate(g),
)


def _angle_x(g: Any, x: Any, deg: bool) -> Any:
    """g * -1j / x"""
    zero = x == 0
    turn = np.where(zero, 0, -1j / np.where(zero, 1, x))
    return g * (turn * (180 / math.pi) if deg else turn)


@primitive(np.angle, floating=True, x=_angle_x)
def angle(x, *, deg=False):
    """Return the angle of x with the positive real axis, in (-pi, pi], or in degrees. At 0 it is 0.

    The derivative at 0 is taken to be 0, and so is that of a real number, which turns nowhere.

    >>> tg.angle(tg.tensor([1.0, -1.0, 2j]), deg=True)
    tensor([  0., 180.,  90.])
    """
    return np.angle(x, deg)
