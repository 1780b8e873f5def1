"""Exponentials and logarithms, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import dispatch, elementwise
from .activation import sigmoid

__all__ = ["exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2"]

LOG_2, LOG_10 = math.log(2), math.log(10)

exp = elementwise(
    np.exp,
    """Return e ** x.

    >>> tg.exp(tg.tensor([0.0, 1.0]))
    tensor([1.      , 2.718282])
    """,
    floating=True,
    x=lambda g, out: g * out,
)

exp2 = elementwise(
    np.exp2,
    """Return 2 ** x.

    >>> tg.exp2(tg.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """,
    floating=True,
    x=lambda g, out: g * (out * LOG_2),
)

expm1 = elementwise(
    np.expm1,
    """Return e ** x - 1, exact also for small x.

    >>> tg.expm1(tg.tensor([0.0, 1e-6]))
    tensor([0.e+00, 1.e-06])
    """,
    floating=True,
    x=lambda g, out: g * (out + 1),
)

log = elementwise(
    np.log,
    """Return the natural logarithm. A zero gradient that meets x = 0 stays zero.

    >>> tg.log(tg.tensor([1.0, 10.0]))
    tensor([0.      , 2.302585])
    """,
    floating=True,
    x=lambda g, x: g / x,
)

log2 = elementwise(
    np.log2,
    """Return the logarithm to the base 2. A zero gradient that meets x = 0 stays zero.

    >>> tg.log2(tg.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """,
    floating=True,
    x=lambda g, x: g / (x * LOG_2),
)

log10 = elementwise(
    np.log10,
    """Return the logarithm to the base 10. A zero gradient that meets x = 0 stays zero.

    >>> tg.log10(tg.tensor([1.0, 1000.0]))
    tensor([0., 3.])
    """,
    floating=True,
    x=lambda g, x: g / (x * LOG_10),
)

log1p = elementwise(
    np.log1p,
    """Return log(1 + x), exact also for small x. A zero gradient that meets x = -1 stays zero.

    >>> tg.log1p(tg.tensor([0.0, 1e-6]))
    tensor([0.000000e+00, 9.999995e-07])
    """,
    floating=True,
    x=lambda g, x: g / (1 + x),
)


def _ahead(x: Any, y: Any) -> Any:
    """x - y"""
    # between equal infinities -inf, if they are negative, or 0
    return np.where((x == y) & np.isinf(x), np.minimum(x, 0), x - y)


def _logaddexp(x: Any, y: Any) -> Any:
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.maximum(x, y) + np.log1p(np.exp(-np.abs(np.where(x == y, 0, x - y))))


logaddexp = elementwise(
    np.logaddexp,
    """Return log(exp(x) + exp(y)) without overflow. Of -inf and -inf it is -inf, with gradient 0.

    >>> tg.logaddexp(tg.tensor([1e4]), 1e4)
    tensor([10000.693])
    """,
    kernel=_logaddexp,  # several times as fast as NumPy's
    floating=True,
    x=lambda g, x, y: g * dispatch(sigmoid, _ahead(x, y)),
    y=lambda g, x, y: g * dispatch(sigmoid, _ahead(y, x)),
    real_only=True,
)

logaddexp2 = elementwise(
    np.logaddexp2,
    """Return log2(2**x + 2**y) without overflow. Of -inf and -inf it is -inf, with gradient 0.

    >>> tg.logaddexp2(tg.tensor([1e4]), 1e4)
    tensor([10001.])
    """,
    floating=True,
    x=lambda g, x, y: g * dispatch(sigmoid, LOG_2 * _ahead(x, y)),
    y=lambda g, x, y: g * dispatch(sigmoid, LOG_2 * _ahead(y, x)),
    real_only=True,
)
