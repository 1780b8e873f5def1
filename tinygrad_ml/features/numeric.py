"""Features of numbers: scaled, on a logarithmic scale, cut off, multiplied."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import chain, combinations, combinations_with_replacement
from typing import Any

import numpy as np

from ..sparse_matrix import SparseMatrix
from ..validation import check_integer, is_number, is_sparse
from .sparse_tables import Sums, blocks, like, products, with_entries
from .tables import place_in, read_numbers
from .transformer import FLOATS, Transformer, check_choice


@dataclass(eq=False, repr=False)
class Scale(Transformer):
    """Bring each column to a common scale: (x - center) / scale.

    Gaps (NaN) stay gaps, and take no part in what is learned. A column whose values are all equal becomes 0. A sparse X
    stays sparse, and so cannot be centred: use "max-abs", or `center=False`.

    Parameters
    ----------
    method : "z-score", "min-max", "robust" or "max-abs"
        Mean 0 and standard deviation 1 (divided by n); from 0 to 1; median 0 and the distance of the quartiles 1,
        which outliers hardly move; or divided by the largest absolute value, so that zeros stay zeros.
    center : bool
        Whether to take the mean, the least value or the median away. Without, columns are only divided.

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
    center: bool = True

    allows_missing = True
    preserves = FLOATS

    @property
    def why_not_sparse(self) -> str:  # type: ignore[override]
        """Why X must not be sparse, if it is to be centred."""
        if self.method == "max-abs" or not self.center:
            return ""
        what = {"min-max": "the least value", "robust": "the median"}.get(self.method, "the mean")
        return f"taking {what} away would make it dense: write Scale({self.method!r}, center=False) or Scale('max-abs')"

    def _learn(self, table: Any) -> None:
        check_choice("Scale: method", self.method, ("z-score", "min-max", "robust", "max-abs"))
        if not isinstance(self.center, (bool, np.bool_)):
            raise TypeError(f"Scale: center must be True or False, not {self.center!r}")
        with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a column of nothing but gaps, which is said below
            learned = self._of_sparse(table) if is_sparse(table) else self._of_array(table.astype(np.float64))
        center, scale, noise, empty = learned
        if empty.any():
            name = self._names_in()[int(empty.argmax())]
            raise ValueError(f"Scale: the column {name!r} holds nothing but gaps; leave it out")
        if not np.isfinite([center, scale]).all():
            raise ValueError("Scale: numbers as large as these cannot be computed with; divide them first")
        self.center_ = center if self.center else np.zeros_like(center)
        self.scale_ = np.where(scale > noise, scale, 1.0)

    def _of_array(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
        """Return the centres, the scales, what of these is only rounding, and which columns are empty."""
        gaps = np.isnan(x)
        empty = gaps.all(axis=0)
        if self.method == "z-score":
            mean, deviation = (np.nanmean, np.nanstd) if gaps.any() else (np.mean, np.std)
            center, scale = mean(x, axis=0), deviation(x, axis=0)
            return center, scale, rounding(len(x), center), empty
        if self.method == "robust":
            low, center, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
            return center, high - low, 0.0, empty
        least, greatest = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
        return (*_between(self.method, least, greatest), 0.0, empty)

    def _of_sparse(self, table: Any) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
        """Return the same of the columns of a sparse table."""
        if self.method == "robust":
            parts = [self._of_array(block.astype(np.float64)) for block in blocks(table)]
            center, scale, empty = (np.concatenate([part[i] for part in parts]) for i in (0, 1, 3))
            return center, scale, 0.0, empty
        sums = Sums(table)
        empty = sums.counts == 0
        if self.method == "z-score":
            mean = sums.mean()
            return mean, sums.deviation(mean), rounding(table.shape[0], mean), empty
        return (*_between(self.method, *sums.extremes()), 0.0, empty)

    def _apply(self, table: Any) -> Any:
        if is_sparse(table):
            return with_entries(table, (table.data / self.scale_[table.indices]).astype(table.dtype, copy=False))
        return ((table - self.center_) / self.scale_).astype(table.dtype, copy=False)

    def inverse_transform(self, X: Any) -> Any:
        """Return what `transform` has made into X."""
        table = self._features(X)
        if is_sparse(table):
            entries = (table.data * self.scale_[table.indices]).astype(table.dtype, copy=False)
            return like(X, with_entries(table, entries))
        return (table * self.scale_ + self.center_).astype(table.dtype, copy=False)


def rounding(n: int, mean: np.ndarray) -> np.ndarray:
    """Return what rounding leaves of the standard deviation of a constant column of n values."""
    return n * np.finfo(float).eps * np.abs(mean)


def _between(method: str, least: np.ndarray, greatest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres and the scales of columns from their least and greatest values."""
    if method == "min-max":
        return least, greatest - least
    return np.zeros_like(least), np.maximum(np.abs(least), np.abs(greatest))


@dataclass(eq=False, repr=False)
class Log(Transformer):
    """Take log(1 + x) of each entry, which draws in the long tails of amounts and counts.

    Entries must not be negative. Gaps (NaN) stay, and a sparse X stays sparse.

    Examples
    --------
    >>> tg.features.Log().fit_transform([[0.0], [np.e - 1]])
    array([[0.],
           [1.]])
    """

    allows_missing = True
    positive_only = True
    preserves = FLOATS
    why_not_sparse = ""

    def _table(self, X: Any) -> Any:
        table = super()._table(X)
        negative = (table.data if is_sparse(table) else table) < 0
        if negative.any():
            entry = np.flatnonzero(negative)[0]
            first = SparseMatrix(table).place(entry) if is_sparse(table) else np.argwhere(negative)[0].tolist()
            raise ValueError(
                f"Negative values in data passed to Log: {table[tuple(first)]} in {place_in(X, first)}; it is for "
                "amounts and counts from 0: shift the column first, or use Scale"
            )
        return table

    def _apply(self, table: Any) -> Any:
        return with_entries(table, np.log1p(table.data)) if is_sparse(table) else np.log1p(table)

    def inverse_transform(self, X: Any) -> Any:
        """Return exp(x) - 1."""
        table = self._features(X)
        return like(X, with_entries(table, np.expm1(table.data))) if is_sparse(table) else np.expm1(table)


@dataclass(eq=False, repr=False)
class Clip(Transformer):
    """Cut entries off at a lower and an upper bound, infinities too. Gaps (NaN) stay, and a sparse X stays sparse.

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

    def _table(self, X: Any) -> Any:
        self._check_bounds()
        return super()._table(X)

    def _read(self, X: Any) -> np.ndarray:
        return read_numbers("Clip", X, missing=True, bounds=self._bounds())

    def _check_bounds(self) -> None:
        for name, value in (("lower", self.lower), ("upper", self.upper)):
            if value is not None and (not is_number(value) or value != value):
                raise ValueError(f"Clip: {name} must be a number or None, not {value!r}")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"Clip: lower={self.lower} is above upper={self.upper}")

    @property
    def why_not_sparse(self) -> str:  # type: ignore[override]
        """Why X must not be sparse, if the bounds change zeros."""
        low, high = self._bounds()
        if low <= 0 <= high:
            return ""
        return f"zeros would not stay zeros between the bounds {self.lower} and {self.upper}"

    def _bounds(self) -> tuple[float, float]:
        return -np.inf if self.lower is None else self.lower, np.inf if self.upper is None else self.upper

    def _apply(self, table: Any) -> Any:
        if is_sparse(table):
            return with_entries(table, np.clip(table.data, *self._bounds()).astype(table.dtype, copy=False))
        return np.clip(table, *self._bounds()).astype(table.dtype, copy=False)


@dataclass(eq=False, repr=False)
class Polynomial(Transformer):
    """Return the columns and their products of up to `degree` factors; the short ones come first.

    A sparse X stays sparse: of each row only what is not zero is multiplied.

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
    why_not_sparse = ""

    def _learn(self, table: Any) -> None:
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

    def _apply(self, table: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            out = products(table, self.degree, self.interaction_only) if is_sparse(table) else self._of_array(table)
        if not np.isfinite(out.data if is_sparse(out) else out).all():
            raise ValueError(f"Polynomial(degree={self.degree}): products are too large for {table.dtype}: scale first")
        return out

    def _of_array(self, table: np.ndarray) -> np.ndarray:
        out = np.empty((len(table), len(self.terms_)), table.dtype)
        place = {(): -1}
        for i, term in enumerate(self.terms_):  # each is a column times a product that stands further left
            shorter = place[term[:-1]]
            last = table[:, term[-1]]
            out[:, i] = last if shorter < 0 else out[:, shorter] * last
            place[term] = i
        return out

    def _names(self, names: list[str]) -> list[str]:
        def name(term: tuple[int, ...]) -> str:
            counts = {i: term.count(i) for i in term}
            return " ".join(names[i] if n == 1 else f"{names[i]}^{n}" for i, n in counts.items())

        return [name(term) for term in self.terms_]
