"""Comparisons, logic and the bits of integers, element by element: constants, without a derivative."""

from __future__ import annotations

import numpy as np

from ..autograd import elementwise, primitive

__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
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

bitwise_and = elementwise(
    np.bitwise_and,
    """Return the bits that both integers have; of bools, whether both hold.

    >>> tg.bitwise_and(tg.tensor([6, 5]), 3)
    tensor([2, 1], dtype=int64)
    """,
    x=None,
    y=None,
)

bitwise_or = elementwise(
    np.bitwise_or,
    """Return the bits that one of the integers has, or both; of bools, whether one holds.

    >>> tg.bitwise_or(tg.tensor([6, 5]), 3)
    tensor([7, 7], dtype=int64)
    """,
    x=None,
    y=None,
)

bitwise_xor = elementwise(
    np.bitwise_xor,
    """Return the bits that exactly one of the integers has; of bools, whether exactly one holds.

    >>> tg.bitwise_xor(tg.tensor([6, 5]), 3)
    tensor([5, 6], dtype=int64)
    """,
    x=None,
    y=None,
)

bitwise_not = elementwise(
    np.bitwise_not,
    """Return the integer with each bit inverted; of a bool, whether it does not hold.

    >>> tg.bitwise_not(tg.tensor([0, 1]))
    tensor([-1, -2], dtype=int64)
    """,
    name="bitwise_not",
    x=None,
)

bitwise_left_shift = elementwise(
    np.left_shift,
    """Return the integer x with its bits moved to the left y times: x * 2**y.

    >>> tg.bitwise_left_shift(tg.tensor([1, 3]), 2)
    tensor([ 4, 12], dtype=int64)
    """,
    name="bitwise_left_shift",
    x=None,
    y=None,
)

bitwise_right_shift = elementwise(
    np.right_shift,
    """Return the integer x with its bits moved to the right y times: x // 2**y.

    >>> tg.bitwise_right_shift(tg.tensor([4, 13]), 2)
    tensor([1, 3], dtype=int64)
    """,
    name="bitwise_right_shift",
    x=None,
    y=None,
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
