"""What a graph keeps of an array: all of it if it is small, and otherwise its statistics and a sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..sparse import SparseRows

WHOLE = 64  # arrays of at most this number of elements are kept whole
ROWS, COLUMNS = 12, 16  # of the sample of a larger array
BINS = 12  # of its histogram


class ArraySummary:
    """The elements of an array if they are few, otherwise statistics of them.

    Attributes
    ----------
    size : int
    numbers : flat list of all elements, or None if there are more than 64
    norm, mean, low, high : float
        Of the finite elements: the root of the sum of squares, the mean, the smallest and the largest.
    zeros, nans, infinities : int
        The number of each.
    sample : rows of elements, evenly spaced in a larger array
    histogram : the number of its finite elements in each of 12 equal parts of the interval from low to high

    Examples
    --------
    >>> v = tg.graph.ArraySummary.of(np.array([3.0, 4.0]))
    >>> v.numbers, v.norm
    ([3.0, 4.0], 5.0)
    """

    __slots__ = (
        *("high", "histogram", "infinities", "low", "mean", "nans", "norm", "numbers", "sample", "size", "zeros"),
    )

    size: int
    numbers: list | None
    norm: float
    mean: float
    low: float
    high: float
    zeros: int
    nans: int
    infinities: int
    sample: list[list] | None
    histogram: list[int] | None

    @classmethod
    def of(cls, array: Any) -> ArraySummary:
        """Return the summary of an array or a number."""
        v = cls()
        v.sample = v.histogram = None
        if isinstance(array, SparseRows):
            array = array.numpy()
        if np.ndim(array) == 0:
            x = array.item() if hasattr(array, "item") else array
            v.size, v.numbers = 1, [x]
            if isinstance(x, float):
                v._of_one(x)
                return v
        v.size = np.size(array)
        v.numbers = np.ravel(array).tolist() if v.size <= WHOLE else None
        real = np.abs(array) if np.iscomplexobj(array) else np.asarray(array)
        real = real.astype(np.float64, copy=False)
        with np.errstate(all="ignore"):
            finite = np.isfinite(real)
            every = bool(finite.all())
            known = real if every else real[finite]
            v.nans = 0 if every else int(np.isnan(real).sum())
            v.infinities = 0 if every else v.size - known.size - v.nans
            v.zeros = v.size - int(np.count_nonzero(real))
            v.norm = _norm(known)
            v.mean = float(known.mean()) if known.size else math.nan
            v.low = float(known.min()) if known.size else math.nan
            v.high = float(known.max()) if known.size else math.nan
            if v.numbers is None:
                v.sample = _sample(np.asarray(array))
                v.histogram = _histogram(known, v.low, v.high)
        return v

    def _of_one(self, x: float) -> None:
        finite = math.isfinite(x)
        self.norm = abs(x) if finite else 0.0
        self.mean = self.low = self.high = x if finite else math.nan
        self.zeros, self.nans, self.infinities = int(x == 0), int(x != x), int(not finite and x == x)

    @property
    def finite(self) -> bool:
        """Whether no element is NaN or infinite."""
        return not self.nans and not self.infinities

    def __str__(self) -> str:
        """The elements if they are few, otherwise the interval that they lie in, or the number of those not finite."""
        if self.numbers is not None and self.size == 1:
            return short(self.numbers[0])
        if self.numbers is not None and 0 < self.size <= 4:
            return "[" + ", ".join(map(short, self.numbers)) + "]"
        if not self.finite:
            return " and ".join(f"{n:,} {w}" for n, w in ((self.nans, "NaN"), (self.infinities, "inf")) if n)
        return f"{short(self.low)} to {short(self.high)}" if self.size else "nothing"

    def item(self) -> Any:
        """Return the only element.

        Raises
        ------
        ValueError
            If there is not exactly one.
        """
        if self.size != 1 or self.numbers is None:
            raise ValueError(f"item() needs exactly one element, not {self.size}; .numbers is a list of up to {WHOLE}")
        return self.numbers[0]

    def __float__(self) -> float:
        return float(self.item())

    def close_to(self, other: ArraySummary, rtol: float, atol: float) -> bool:
        """Whether another array has the same elements, NaN included, within a tolerance."""
        if self.size != other.size:
            return False
        mine, theirs = self._compared(), other._compared()
        return bool(np.allclose(mine, theirs, rtol=rtol, atol=atol, equal_nan=True))

    def _compared(self) -> np.ndarray:
        if self.numbers is not None:
            return np.array(self.numbers, complex)
        flat = [x for row in self.sample or () for x in row]
        return np.array([self.norm / math.sqrt(self.size), self.low, self.high, self.nans, *flat], complex)

    def as_data(self) -> dict[str, Any]:
        """Return what JSON can hold; NaN, infinity and complex numbers become text."""
        if self.numbers is not None:
            return {"numbers": [_encode(x) for x in self.numbers]}
        data: dict[str, Any] = {name: _encode(getattr(self, name)) for name in _SCALARS}
        data["sample"] = [[_encode(x) for x in row] for row in self.sample or ()]
        data["histogram"] = self.histogram
        return data

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> ArraySummary:
        """Return what `as_data` was made from."""
        if "numbers" in data:
            numbers = [_decode(x) for x in data["numbers"]]
            v = cls.of(np.array(numbers) if len(numbers) != 1 else numbers[0])
            v.numbers = numbers
            return v
        v = cls()
        v.numbers = None
        for name in _SCALARS:
            setattr(v, name, _decode(data[name]))
        v.sample = [[_decode(x) for x in row] for row in data["sample"]]
        v.histogram = data["histogram"]
        return v


Values = ArraySummary  # its name before

_SCALARS = ("size", "norm", "mean", "low", "high", "zeros", "nans", "infinities")


def short(x: Any) -> str:
    """Return a number with three digits, as one writes it by hand.

    >>> from tinygrad_ml.graph.values import short
    >>> short(0.123456), short(2.0), short(1e-9), short(-12345.0)
    ('0.123', '2', '1e-09', '-12345')
    """
    if isinstance(x, (bool, int)):
        return str(x)
    if isinstance(x, complex):
        return f"{x:.3g}"
    if x != x or not x:
        return "NaN" if x else "0"
    text = f"{x:.0f}" if 1000 <= abs(x) < 100_000 else f"{x:.3g}"
    return text.replace("e+0", "e").replace("e+", "e")


def _norm(known: np.ndarray) -> float:
    peak = float(np.max(np.abs(known), initial=0.0))
    if not peak:
        return 0.0
    return peak * float(np.sqrt(np.sum(np.square(known / peak))))  # without overflow and underflow


def _sample(array: np.ndarray) -> list[list]:
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    down = np.unique(np.linspace(0, rows.shape[0] - 1, ROWS).round().astype(int))
    across = np.unique(np.linspace(0, rows.shape[1] - 1, COLUMNS).round().astype(int))
    chosen = rows[np.ix_(down, across)].tolist()
    # six digits are enough, and make files half as large
    return [[float(f"{x:.6g}") if isinstance(x, float) else x for x in row] for row in chosen]


def _histogram(known: np.ndarray, low: float, high: float) -> list[int]:
    if not known.size:
        return [0] * BINS
    width = (high - low) or 1.0
    places = np.clip((known - low) / width * BINS, 0, BINS - 1).astype(int).ravel()
    return np.bincount(places, minlength=BINS).tolist()


def _encode(x: Any) -> Any:
    if isinstance(x, complex):
        return str(x)
    if isinstance(x, float):
        return x if math.isfinite(x) else str(x)
    return x


def _decode(x: Any) -> Any:
    if not isinstance(x, str):
        return x
    return complex(x) if "j" in x else float(x)
