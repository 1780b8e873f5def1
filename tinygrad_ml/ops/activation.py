"""Activation functions and the softmax family, right at any magnitude and at -inf masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import elementwise, primitive
from .reduce import along


def _sigmoid(x):
    # exp of a negative number only, so that nothing overflows and small results keep all their digits
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def _softmax(x, axis):
    shifted = np.exp(x - _peak(x, axis))
    total = shifted.sum(axis=axis, keepdims=True)
    shifted /= np.where(total == 0, 1, total)
    return shifted


def _peak(x, axis):
    """Return the maximum, which keeps exp from overflowing, or 0 where everything is masked with -inf."""
    peak = x.max(axis=axis, keepdims=True, initial=-np.inf)
    return np.where(peak == -np.inf, 0, peak) if (peak == -np.inf).any() else peak


relu = elementwise(
    lambda x: np.maximum(x, 0),
    """Return max(x, 0). Its derivative at 0 is taken to be 0.

    >>> tg.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """,
    name="relu",
    x=lambda g, out: g * (out > 0),
)

sigmoid = elementwise(
    _sigmoid,
    """Return 1 / (1 + e ** -x).

    >>> tg.sigmoid(tg.tensor([0.0, -1e4]))
    tensor([0.5, 0. ])
    """,
    name="sigmoid",
    x=lambda g, out: g * out * (1 - out),
)


@primitive(x=lambda g, x, out, axis, keepdims: along(g, axis, keepdims) * _share(x, along(out, axis, keepdims)))
def logsumexp(x, *, axis=None, keepdims=False):
    """Return log(sum(exp(x))) over `axis`, without overflow. Of nothing but -inf it is -inf, with gradient 0.

    >>> tg.logsumexp(tg.tensor([1e4, 1e4]))
    tensor(10000.693)
    """
    peak = _peak(x, axis)
    with np.errstate(divide="ignore"):
        out = np.log(np.exp(x - peak).sum(axis=axis, keepdims=True)) + peak
    return out if keepdims else out.squeeze(axis)


def _share(x: Any, total: Any) -> Any:
    """Return exp(x - total), which is 0 where the total is -inf too."""
    return np.exp(x - np.where(total == -np.inf, 0, total))


@primitive(x=lambda g, out, axis: out * (g - np.sum(g * out, axis=axis, keepdims=True)))
def softmax(x, *, axis=-1):
    """Return exp(x) / sum(exp(x)) along `axis`, without overflow. A slice of nothing but -inf gives zeros.

    >>> tg.softmax(tg.tensor([1e4, 1e4, float("-inf")]))
    tensor([0.5, 0.5, 0. ])
    """
    return _softmax(x, axis)


@primitive(x=lambda g, out, axis: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True))
def log_softmax(x, *, axis=-1):
    """Return the logarithm of the softmax along `axis`, exact also where the softmax is nearly 0.

    >>> tg.log_softmax(tg.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """
    shifted = x - _peak(x, axis)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    shifted -= np.log(np.where(total == 0, 1, total))
    return shifted
