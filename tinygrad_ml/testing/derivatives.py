"""Numerical derivatives along a line: central differences, Ridders' extrapolation, the complex step, one-sided slopes.

A line is a function from a number t to the flat outputs at x + t * direction; where the function is not
defined it gives NaN. All steps are powers of two, so that x + t is exact for most x.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Line = Callable[[complex], np.ndarray]

RATIO = 4.0  # between the steps of a sweep
MAX_STEPS = 60


def power_of_two(step: float) -> float:
    """Return the power of two next below `step`."""
    return float(2.0 ** np.floor(np.log2(step)))


def central(line: Line, step: float) -> np.ndarray:
    """Return (f(x + h) - f(x - h)) / 2h. Its error is about h² |f'''| / 6, and rounding adds |f| eps / h.

    Examples
    --------
    >>> from tinygrad_ml.testing.derivatives import central
    >>> round(float(central(lambda t: (1 + t) ** 3, 2**-17)), 6)
    3.0
    """
    return (line(step) - line(-step)) / (2 * step)


def complex_step(line: Line, step: float = 2.0**-66) -> np.ndarray:
    """Return Im f(x + ih) / h: nothing is subtracted, so h can be tiny and all digits are right.

    It needs a function that computes with complex numbers and has no abs, no conjugate and no comparison in
    it. Source: Squire and Trapp, "Using complex variables to estimate derivatives of real functions" (1998).

    Examples
    --------
    >>> from tinygrad_ml.testing.derivatives import complex_step
    >>> complex_step(lambda t: np.exp(1 + t)) == np.e
    np.True_
    """
    return np.imag(line(1j * step)) / step


class Slopes:
    """What a sweep of steps tells about the derivative along a line, for each row of weights.

    Attributes
    ----------
    value, error : the derivative by Ridders' extrapolation, and what it may be off by; NaN and inf if the
        function is defined on one side only
    right, right_error, left, left_error : the same for the one-sided derivatives
    rounding : what the noise of the function, which the smallest steps show, does to the slope of the largest one
    candidates, candidate_errors : all extrapolations that were made, (number, rows)
    jumps : whether the function still jumps at the point for the smallest steps
    flat : whether nothing changes for the smallest steps, but does for larger ones
    """

    def __init__(
        self,
        line: Line,
        base: np.ndarray,
        weights: np.ndarray,
        largest: float,
        smallest: float,
        eps: float,
        magnitude: np.ndarray | float = 0.0,
    ):
        count = int(np.ceil(np.log(largest / smallest) / np.log(RATIO))) + 1
        steps = power_of_two(largest) * RATIO ** -np.arange(float(min(max(count, 4), MAX_STEPS)))
        ups, downs, sizes = [], [], []
        for h in steps:
            up, down = line(h), line(-h)
            moved = (up != base) | (down != base)
            size = np.maximum(np.maximum(np.abs(up), np.abs(down)), np.maximum(np.abs(base), magnitude))
            ups.append(weights @ (up - base))
            downs.append(weights @ (base - down))
            sizes.append(np.abs(weights) @ np.where(moved & np.isfinite(size), size, 0))
        h = steps[:, None]
        up, down, size = np.array(ups), np.array(downs), np.array(sizes)
        tiny = slice(-4 if len(steps) < 10 else -5, None)  # where a smooth function is all but a parabola
        observed = np.maximum(_observed_noise(up[tiny]), _observed_noise(down[tiny]))
        found = _extrapolations((up + down) / (2 * h), _noise(up + down, size, eps, observed) / h, RATIO**2)
        self.candidates, self.candidate_errors = found[:2]
        self.value, self.error = _best(*found)
        self.right, self.right_error = _best(*_extrapolations(up / h, 2 * _noise(up, size, eps, observed) / h, RATIO))
        self.left, self.left_error = _best(*_extrapolations(down / h, 2 * _noise(down, size, eps, observed) / h, RATIO))
        change = np.abs(up) + np.abs(down)
        self.flat = (change[-1] == 0) & (change > 0).any(axis=0)
        steady = np.maximum(np.ptp(up[tiny], axis=0), np.ptp(down[tiny], axis=0)) < 0.2 * change[-1]
        self.jumps = steady & (change[-1] > 100 * eps * size[-1])  # on both sides by as much for every tiny step
        self.rounding = np.where(self.jumps, 0, 16 * observed / steps[0])


def _observed_noise(change: np.ndarray) -> np.ndarray:
    """Return the noise of the function, for each row: what its changes over tiny steps are besides a polynomial.

    The change of a smooth function over a tiny step h is a h + b h², and combining three of them in the manner of
    Richardson's extrapolation leaves nothing of it, but 64 times the noise. An ulp of the output says too little where
    an output is small beside what it is computed from: the cofactors of a matrix, which come from its singular values,
    are all as noisy as the largest of them.
    """
    linear = change[:-1] - RATIO * change[1:]
    rest = linear[:-1] - RATIO**2 * linear[1:]
    return np.nan_to_num(np.abs(rest), posinf=0.0).max(axis=0) / RATIO**2


def _noise(change: np.ndarray, size: np.ndarray, eps: float, observed: np.ndarray) -> np.ndarray:
    """Return what rounding can do to each change of the function: an ulp or two of its size, or what was observed.

    A function that subtracts large numbers (1 - cos x) changes by nothing at all for small steps. So where nothing
    changes, the noise is the smallest change seen at larger steps, as far as that may be rounding.
    """
    seen = np.where(np.isfinite(change) & (change != 0), np.abs(change), np.inf).min(axis=0)
    resolution = np.minimum(seen, 64 * eps * size.max(axis=0))
    return np.maximum(np.maximum(2 * eps * size, observed), np.where(change == 0, resolution, 0))


def _extrapolations(slopes: np.ndarray, noise: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Extrapolate slopes (steps, rows) to step 0 in all ways; return the values, error estimates and noises.

    Source: Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).
    """
    values, errors, noises = [], [], []
    table = slopes
    for order in range(1, min(7, len(slopes))):
        gain = factor**order
        finer = (gain * table[1:] - table[:-1]) / (gain - 1)
        error = np.maximum(np.abs(finer - table[1:]), np.abs(finer - table[:-1]))
        # Where rounding rules, two values may agree by luck: look at the distances to the next two as well
        apart = np.pad(np.abs(np.diff(finer, axis=0)), ((0, 2), (0, 0)), mode="edge") if len(finer) > 1 else error
        error = np.maximum.reduce([error, apart[: len(finer)], apart[-len(finer) :]])
        error = np.maximum(error, noise[order:])
        values.append(finer)
        errors.append(np.where(np.isfinite(error), error, np.inf))
        noises.append(noise[order:])
        table = finer
    return np.concatenate(values), np.concatenate(errors), np.concatenate(noises)


def _best(values: np.ndarray, errors: np.ndarray, noises: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each row, the value with the smallest error among those that have settled (or among all)."""
    settled = (errors <= 0.01 * np.abs(values)) | (errors <= 100 * noises)
    usable = np.where(settled | ~settled.any(axis=0), errors, np.inf)
    k, rows = usable.argmin(axis=0), np.arange(values.shape[1])
    error = usable[k, rows]
    return np.where(np.isfinite(error), values[k, rows], np.nan), error
