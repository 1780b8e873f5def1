"""Losses of single numbers: how wrong each prediction is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import elementwise, primitive

LOWEST = -100.0  # no logarithm in a cross entropy is smaller, as in PyTorch


def _logs(x: Any) -> tuple[Any, Any]:
    """Return log(x) and log(1 - x), not below LOWEST."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), LOWEST), np.maximum(np.log1p(-x), LOWEST)


def _binary_cross_entropy_target(g: Any, input: Any) -> Any:
    yes, no = _logs(input)
    return g * (no - yes)


def _cross_entropy(x, t):
    yes, no = _logs(x)
    return -(t * yes + (1 - t) * no)


binary_cross_entropy = elementwise(
    _cross_entropy,
    """Return -(target * log(input) + (1 - target) * log(1 - input)) for probabilities from 0 to 1.

    A logarithm below -100 counts as -100, and the divisor input * (1 - input) of the derivative as at least 1e-12.

    >>> tg.ops.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 1.0]))
    tensor([  0.693147, 100.      ])
    """,
    name="binary_cross_entropy",
    input=lambda g, input, target: g * (input - target) / np.maximum(input * (1 - input), 1e-12),
    target=_binary_cross_entropy_target,
)


@primitive(x=lambda g, x, delta: g * np.clip(x, -delta, delta))
def huber(x, *, delta=1.0):
    """Return x**2 / 2 where abs(x) <= delta, and delta * (abs(x) - delta / 2) beyond (Huber 1964).

    >>> tg.ops.huber(tg.tensor([0.5, -3.0]))
    tensor([0.125, 2.5  ])
    """
    bounded = np.clip(x, -delta, delta)
    return bounded * (x - 0.5 * bounded)
