"""Features of numbers: scaled, on a logarithmic scale, cut off, multiplied."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain, combinations, combinations_with_replacement
from typing import Any

import numpy as np

from ..validation import check_integer, is_number
from .transformer import FLOATS, Transformer, check_choice


@dataclass(eq=False, repr=False)
class Scale(Transformer):
    """Bring each column to a common scale: (x - center) / scale.

    Gaps (NaN) stay gaps, and take no part in what is learned. A column whose values are all equal becomes 0.

    Parameters
    ----------
    method : "z-score", "min-max" or "robust"
        Mean 0 and standard deviation 1 (divided by n); from 0 to 1; or median 0 and the distance of the quartiles 1,
        which outliers hardly move.

    Attributes
    ----------
    center_, scale_ : (columns,)

    Examples
    --------
    >>> scale = tg.features.Scale("min-max").fit([[10.0], [30.0]])
    >>> scale.transform([[15.0], [40.0]])  # what fit has not seen may lie outside
    array([[0.25],
           [1.5 ]])
    >>> scale.inverse_transform([[0.25]])
    array([[15.]])
    """

    method: str = "z-score"

    allows_missing = True
    preserves = FLOATS

    def _learn(self, table: np.ndarray) -> None:
        check_choice("Scale: method", self.method, ("z-score", "min-max", "robust"))
        empty = np.isnan(table).all(axis=0)
        if empty.any():
            name = self._names_in()[int(empty.argmax())]
            raise ValueError(f"Scale: the column {name!r} holds nothing but gaps; leave it out")
        x = table.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.method == "z-score":
                mean, deviation = (np.nanmean, np.nanstd) if np.isnan(x).any() else (np.mean, np.std)
                center, scale = mean(x, axis=0), deviation(x, axis=0)
                noise = len(x) * np.finfo(float).eps * np.abs(center)  # what rounding leaves of a constant column
            elif self.method == "min-max":
                center = np.nanmin(x, axis=0)
                scale, noise = np.nanmax(x, axis=0) - center, 0.0
            else:
                low, center, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
                scale, noise = high - low, 0.0
        if not np.isfinite([center, scale]).all():
            raise ValueError("Scale: numbers as large as these cannot be computed with; divide them first")
        self.center_, self.scale_ = center, np.where(scale > noise, scale, 1.0)

    def _apply(self, table: np.ndarray) -> np.ndarray:
        return ((table - self.center_) / self.scale_).astype(table.dtype, copy=False)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return what `transform` has made into X."""
        table = self._features(X)
        return (table * self.scale_ + self.center_).astype(table.dtype, copy=False)


@dataclass(eq=False, repr=False)
class Log(Transformer):
    """Take log(1 + x) of each entry, which draws in the long tails of amounts and counts.

    Entries must not be negative. Gaps (NaN) stay.

    Examples
    --------
    >>> tg.features.Log().fit_transform([[0.0], [np.e - 1]])
    array([[0.],
           [1.]])
    """

    allows_missing = True
    positive_only = True
    preserves = FLOATS

    def _read(self, X: Any) -> np.ndarray:
        table: np.ndarray = super()._read(X)
        if (table < 0).any():
            row, column = np.argwhere(table < 0)[0].tolist()
            raise ValueError(
                f"Negative values in data passed to Log: {table[row, column]} in row {row}, column {column}; it is for "
                "amounts and counts from 0: shift the column first, or use Scale"
            )
        return table

    def _apply(self, table: np.ndarray) -> np.ndarray:
        return np.log1p(table)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return exp(x) - 1."""
        return np.expm1(self._features(X))


@dataclass(eq=False, repr=False)
class Clip(Transformer):
    """Cut entries off at a lower and an upper bound. Gaps (NaN) stay.

    Parameters
    ----------
    lower, upper : float, optional
        None is no bound.

    Examples
    --------
    >>> rooms_per_person = np.array([[1.5], [2.0], [55.2]])
    >>> tg.features.Clip(upper=5).fit_transform(rooms_per_person).ravel()
    array([1.5, 2. , 5. ])
    """

    lower: float | None = None
    upper: float | None = None

    allows_missing = True
    preserves = FLOATS

    def _learn(self, table: np.ndarray) -> None:
        for name, value in (("lower", self.lower), ("upper", self.upper)):
            if value is not None and (not is_number(value) or value != value):
                raise ValueError(f"Clip: {name} must be a number or None, not {value!r}")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"Clip: lower={self.lower} is above upper={self.upper}")

    def _apply(self, table: np.ndarray) -> np.ndarray:
        lower = -np.inf if self.lower is None else self.lower
        upper = np.inf if self.upper is None else self.upper
        return np.clip(table, lower, upper).astype(table.dtype, copy=False)


@dataclass(eq=False, repr=False)
class Polynomial(Transformer):
    """Return the columns and their products of up to `degree` factors; the short ones come first.

    Parameters
    ----------
    degree : int
    interaction_only : bool
        Whether no column is multiplied by itself: crosses of numbers, a b without a².

    Attributes
    ----------
    terms_ : list of tuples of ints
        The columns that each product multiplies: (0, 0, 1) is x0² · x1.

    Examples
    --------
    >>> products = tg.features.Polynomial(2)
    >>> products.fit_transform([[2.0, 3.0]])
    array([[2., 3., 4., 6., 9.]])
    >>> products.get_feature_names_out()
    array(['x0', 'x1', 'x0^2', 'x0 x1', 'x1^2'], dtype=object)
    """

    degree: int = 2
    interaction_only: bool = False

    preserves = FLOATS

    def _learn(self, table: np.ndarray) -> None:
        check_integer("Polynomial: degree", self.degree, 1)
        n = table.shape[1]
        if self.interaction_only:
            many = sum(math.comb(n, k) for k in range(1, self.degree + 1))
        else:
            many = math.comb(n + self.degree, self.degree) - 1
        if many > 100_000:
            raise ValueError(f"Polynomial(degree={self.degree}): {n} columns have {many} products; take fewer of them")
        choose: Any = combinations if self.interaction_only else combinations_with_replacement
        self.terms_ = list(chain.from_iterable(choose(range(n), k) for k in range(1, self.degree + 1)))

    def _apply(self, table: np.ndarray) -> np.ndarray:
        out = np.empty((len(table), len(self.terms_)), table.dtype)
        place = {(): -1}
        with np.errstate(over="ignore", invalid="ignore"):
            for i, term in enumerate(self.terms_):  # each is a column times a product that stands further left
                shorter = place[term[:-1]]
                last = table[:, term[-1]]
                out[:, i] = last if shorter < 0 else out[:, shorter] * last
                place[term] = i
        if not np.isfinite(out).all():
            raise ValueError(f"Polynomial(degree={self.degree}): products are too large for {table.dtype}: scale first")
        return out

    def _names(self, names: list[str]) -> list[str]:
        def name(term: tuple[int, ...]) -> str:
            counts = {i: term.count(i) for i in term}
            return " ".join(names[i] if n == 1 else f"{names[i]}^{n}" for i, n in counts.items())

        return [name(term) for term in self.terms_]
