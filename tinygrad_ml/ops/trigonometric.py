"""Trigonometric and hyperbolic functions and their inverses, element by element; angles are in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import elementwise

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
    "tanh",
]


def _over(a: Any, y: Any, x: Any) -> Any:
    """Return a divided by the length of (x, y), and 0 at the origin."""
    length = np.hypot(x, y)
    return a / np.where(length == 0, np.inf, length)


def _root_of_one_plus_square(x: Any) -> Any:
    """Return sqrt(1 + x * x) without overflow; of complex x that root whose cuts are those of the arcsinh."""
    return np.hypot(x, 1) if x.dtype.kind != "c" else np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x)


sin = elementwise(
    np.sin,
    """Return the sine.

    >>> tg.sin(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.841471])
    """,
    floating=True,
    x=lambda g, x: g * np.cos(x),
)

cos = elementwise(
    np.cos,
    """Return the cosine.

    >>> tg.cos(tg.tensor([0.0, 1.0]))
    tensor([1.      , 0.540302])
    """,
    floating=True,
    x=lambda g, x: -g * np.sin(x),
)

tan = elementwise(
    np.tan,
    """Return the tangent.

    >>> tg.tan(tg.tensor([0.0, 1.0]))
    tensor([0.      , 1.557408])
    """,
    floating=True,
    x=lambda g, out: g * (1 + out * out),
    formula="g * (1 + out ** 2)",
)

arcsin = elementwise(
    np.arcsin,
    """Return the angle in [-pi/2, pi/2] whose sine is x. A zero gradient that meets x = -1 or 1 stays zero.

    >>> tg.arcsin(tg.tensor([0.0, 1.0]))
    tensor([0.      , 1.570796])
    """,
    floating=True,
    x=lambda g, x: g / np.sqrt((1 - x) * (1 + x)),
    formula="g / sqrt(1 - x ** 2)",
)

arccos = elementwise(
    np.arccos,
    """Return the angle in [0, pi] whose cosine is x. A zero gradient that meets x = -1 or 1 stays zero.

    >>> tg.arccos(tg.tensor([0.0, 1.0]))
    tensor([1.570796, 0.      ])
    """,
    floating=True,
    x=lambda g, x: -g / np.sqrt((1 - x) * (1 + x)),
    formula="-g / sqrt(1 - x ** 2)",
)

arctan = elementwise(
    np.arctan,
    """Return the angle in [-pi/2, pi/2] whose tangent is x.

    >>> tg.arctan(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.785398])
    """,
    floating=True,
    x=lambda g, x: g / (1 + x * x),
    formula="g / (1 + x ** 2)",
)

arctan2 = elementwise(
    np.arctan2,
    """Return the angle in [-pi, pi] of the point (x, y). At (0, 0) both derivatives are taken to be 0.

    >>> tg.arctan2(tg.tensor([1.0, -1.0]), 0.0)
    tensor([ 1.570796, -1.570796])
    """,
    floating=True,
    y=lambda g, y, x: g * _over(_over(x, y, x), y, x),
    x=lambda g, y, x: -g * _over(_over(y, y, x), y, x),
    formula=("g * y / (x ** 2 + y ** 2)", "-g * x / (x ** 2 + y ** 2)"),
    real_only=True,
)

sinh = elementwise(
    np.sinh,
    """Return the hyperbolic sine.

    >>> tg.sinh(tg.tensor([0.0, 1.0]))
    tensor([0.      , 1.175201])
    """,
    floating=True,
    x=lambda g, x: g * np.cosh(x),
)

cosh = elementwise(
    np.cosh,
    """Return the hyperbolic cosine.

    >>> tg.cosh(tg.tensor([0.0, 1.0]))
    tensor([1.      , 1.543081])
    """,
    floating=True,
    x=lambda g, x: g * np.sinh(x),
)

tanh = elementwise(
    np.tanh,
    """Return the hyperbolic tangent.

    >>> tg.tanh(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.761594])
    """,
    floating=True,
    x=lambda g, out: g * (1 - out * out),
    formula="g * (1 - out ** 2)",
)

arcsinh = elementwise(
    np.arcsinh,
    """Return the number whose hyperbolic sine is x.

    >>> tg.arcsinh(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.881374])
    """,
    floating=True,
    x=lambda g, x: g / _root_of_one_plus_square(x),
    formula="g / sqrt(1 + x ** 2)",
)

arccosh = elementwise(
    np.arccosh,
    """Return the number >= 0 whose hyperbolic cosine is x. A zero gradient that meets x = 1 stays zero.

    >>> tg.arccosh(tg.tensor([1.0, 2.0]))
    tensor([0.      , 1.316958])
    """,
    floating=True,
    # x - -1: x + 1 would lose the sign of a zero imaginary part, which tells the sides of the cut apart
    x=lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x - -1)),
    formula="g / sqrt(x ** 2 - 1)",
)

arctanh = elementwise(
    np.arctanh,
    """Return the number whose hyperbolic tangent is x. A zero gradient that meets x = -1 or 1 stays zero.

    >>> tg.arctanh(tg.tensor([0.0, 0.5]))
    tensor([0.      , 0.549306])
    """,
    floating=True,
    x=lambda g, x: g / ((1 - x) * (1 + x)),
    formula="g / (1 - x ** 2)",
)
