"""A line search: how far to go along a direction, by the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["Trial", "strong_wolfe"]

SUFFICIENT, CURVATURE = 1e-4, 0.9  # the usual c1 and c2
NARROW = 1e-9  # a bracket that moves no parameter by more than this is a point


class Trial(NamedTuple):
    """A length that was tried: the loss there, the gradient, and the slope along the direction."""

    length: float
    loss: float
    gradient: np.ndarray
    slope: float


def strong_wolfe(
    along: Callable[[float], tuple[float, np.ndarray]],
    length: float,
    direction: np.ndarray,
    loss: float,
    gradient: np.ndarray,
    slope: float,
    most: int,
) -> tuple[float, np.ndarray, float]:
    """Return (loss, gradient, length) at a step length that meets the strong Wolfe conditions.

    The loss must decrease by at least 1e-4 of what the slope promises, and the slope shrink to 0.9 of what it was. A
    length at which the loss or a gradient is not finite is too long; it is never returned.
    Nocedal and Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6; the details are those of minFunc and
    PyTorch.

    Parameters
    ----------
    along : function from a length to (loss, gradient) there
    length : float
        The first trial.
    direction : array
    loss, gradient, slope
        At length 0.
    most : int
        The largest number of trials after the first; then the best one so far is taken, or length 0 if all were worse.

    Examples
    --------
    >>> x, d = np.array([3.0]), np.array([-1.0])
    >>> def along(t):
    ...     return ((x + t * d) ** 2).item(), 2 * (x + t * d)
    >>> loss, gradient, length = tg.optim.line_search.strong_wolfe(along, 1.0, d, 9.0, 2 * x, -6.0, 20)
    >>> loss < 9.0
    True
    """

    def attempt(t: float) -> Trial:
        f, g = along(t)
        if math.isfinite(f) and np.isfinite(g).all():
            return Trial(float(t), f, g, float(g.dot(direction)))
        return Trial(float(t), math.inf, g, math.nan)  # infinitely high: too far

    def too_high(trial: Trial) -> bool:
        return trial.loss > loss + SUFFICIENT * trial.length * slope

    def flat(trial: Trial) -> bool:
        return abs(trial.slope) <= -CURVATURE * slope

    slope = float(slope)
    start = Trial(0.0, loss, gradient, slope)
    previous, new = start, attempt(length)
    trials = 0
    bracket: list[Trial] = []
    while trials < most:  # go on until a good length lies in between
        if too_high(new) or (trials > 1 and new.loss >= previous.loss):
            bracket = [previous, new]
        elif flat(new):
            return new.loss, new.gradient, new.length
        elif new.slope >= 0:
            bracket = [previous, new]
        if bracket:
            break
        least, greatest = new.length + 0.01 * (new.length - previous.length), 10 * new.length
        t = _cubic(previous, new, least, greatest)
        previous, new = new, attempt(t)
        trials += 1
    bracket = bracket or [start, new]

    size = np.abs(direction).max()
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    stalled = False
    while trials < most:  # narrow it down
        least, greatest = sorted((bracket[0].length, bracket[1].length))
        if (greatest - least) * size < NARROW:
            break
        t = _cubic(bracket[0], bracket[1], least, greatest)
        margin = 0.1 * (greatest - least)
        if min(greatest - t, t - least) < margin:  # too near to an end, twice or at the end itself: go inside
            if stalled or t >= greatest or t <= least:
                t = greatest - margin if abs(t - greatest) < abs(t - least) else least + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        new = attempt(t)
        trials += 1
        if too_high(new) or new.loss >= bracket[low].loss:
            bracket[high] = new
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        elif flat(new):
            bracket[low] = new
            break
        else:
            if new.slope * (bracket[high].length - bracket[low].length) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low]
    return best.loss, best.gradient, best.length


def _cubic(a: Trial, b: Trial, least: float, greatest: float) -> float:
    """Return where the cubic through two points with their slopes is lowest, kept between two bounds."""
    if a.length > b.length:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope  # infinite where d1**2 would raise OverflowError
    if not 0 <= square < math.inf:  # there is no lowest point, or the loss at one of the two is not finite
        return (least + greatest) / 2
    d2 = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    if not divisor:  # a straight line down
        return greatest
    t = b.length - (b.length - a.length) * ((b.slope + d2 - d1) / divisor)
    return min(max(t, least), greatest)
