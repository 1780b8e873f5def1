"""Arithmetic that neither overflows nor underflows on the way: each number has an exponent of its own.

A scaled number is a pair of arrays (m, e) that stands for m * 2**e, where m is near 1, or 0, infinite or NaN.
"""

from __future__ import annotations

import numpy as np

from ..arrays import like

Scaled = tuple[np.ndarray, np.ndarray]

OF_ZERO = -(2**40)  # the exponent of 0, below that of any other number


def scaled(x: np.ndarray) -> Scaled:
    """Return an array as scaled numbers.

    >>> from tinygrad_ml.ops.scaled import scaled, times, unscaled
    >>> large = scaled(np.array([1e300]))
    >>> unscaled(times(times(large, large), scaled(np.array([1e-300])))).round(-290)
    array([1.e+300])
    """
    return _normal(x.astype(np.result_type(x, np.float64)), like(x).zeros(x.shape, np.int64))


def unscaled(x: Scaled) -> np.ndarray:
    """Return scaled numbers as an array; what is too large for it becomes infinite."""
    m, e = x
    return _shifted(m, np.clip(e, -9999, 9999))


def times(x: Scaled, y: Scaled) -> Scaled:
    """Return x * y."""
    return _normal(x[0] * y[0], x[1] + y[1])


def plus(x: Scaled, y: Scaled) -> Scaled:
    """Return x + y."""
    e = np.maximum(x[1], y[1])
    a, b = [_shifted(m, np.maximum(own - e, -9999)) for m, own in (x, y)]
    return _normal(a + b, e)


def _shifted(m: np.ndarray, by: np.ndarray) -> np.ndarray:
    by = by.astype(np.int32)
    if m.dtype.kind == "c":
        return np.ldexp(m.real, by) + 1j * np.ldexp(m.imag, by)
    return np.ldexp(m, by)


def _normal(m: np.ndarray, e: np.ndarray) -> Scaled:
    size = np.maximum(np.abs(m.real), np.abs(m.imag)) if m.dtype.kind == "c" else np.abs(m)
    shift = np.where(np.isfinite(size), np.frexp(size)[1], 0).astype(np.int64)
    return _shifted(m, -shift), np.where(size == 0, OF_ZERO, e + shift)
