"""Comparisons and logic, element by element: constants, without a derivative."""

from __future__ import annotations

import numpy as np

from ..autograd import elementwise, primitive

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
]

less = elementwise(
    np.less,
    """Return whether x < y; a constant, without a derivative.

    >>> tg.less(tg.tensor([1.0, 3.0]), 2.0)
    tensor([ True, False])
    """,
    x=None,
    y=None,
    real_only=True,
)

less_equal = elementwise(
    np.less_equal,
    """Return whether x <= y; a constant, without a derivative.

    >>> tg.less_equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([ True,  True])
    """,
    x=None,
    y=None,
    real_only=True,
)

greater = elementwise(
    np.greater,
    """Return whether x > y; a constant, without a derivative.

    >>> tg.greater(tg.tensor([1.0, 3.0]), 2.0)
    tensor([False,  True])
    """,
    x=None,
    y=None,
    real_only=True,
)

greater_equal = elementwise(
    np.greater_equal,
    """Return whether x >= y; a constant, without a derivative.

    >>> tg.greater_equal(tg.tensor([1.0, 2.0]), 2.0)
    tensor([False,  True])
    """,
    x=None,
    y=None,
    real_only=True,
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


@primitive(np.isclose, x=None, y=None)
def isclose(x, y, *, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Return whether x and y differ by at most atol + rtol * abs(y); a constant, without a derivative.

    >>> tg.isclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    return np.isclose(x, y, rtol, atol, equal_nan)
