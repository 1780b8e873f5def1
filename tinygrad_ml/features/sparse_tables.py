"""Sparse tables as transformers read them: matrices of SciPy, row by row (CSR), which stay sparse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..sparse_matrix import SparseMatrix
from ..validation import first_non_finite

ELEMENTS = 1_000_000  # of a block of columns that is looked at with its zeros


def read_sparse(who: str, X: Any, missing: bool) -> Any:
    """Return a sparse X as a CSR array of float32 or float64, each entry listed once.

    Raises
    ------
    TypeError, ValueError
        If it has no rows or columns, or entries that are not finite numbers; with `missing`, NaN is allowed.
    """
    if len(X.shape) != 2:
        raise ValueError(f"{who}: expected a 2-d sparse matrix of (samples, features), got shape {X.shape}")
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {who} got X of dtype {X.dtype}")
    for axis, what in ((0, "sample"), (1, "feature")):
        if X.shape[axis] == 0:
            raise ValueError(f"{who}: found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required.")
    table = SparseMatrix(X, None if X.dtype in (np.float32, np.float64) else np.float64)
    found = first_non_finite(table)
    if found and missing:
        infinite = np.flatnonzero(np.isinf(table.values))
        if len(infinite):
            row, column = table.place(int(infinite[0]))
            raise ValueError(f"{who}: input X contains infinity (the first in row {row}, column {column})")
    elif found:
        what = "NaN" if np.isnan(found.value) else "infinity"
        row, column = found.where
        raise ValueError(
            f"{who}: input X contains NaN or infinity ({found.total} entries, the first is {what} in row {row}, column "
            f"{column}); fill gaps first, with tg.features.Impute"
        )
    return table.matrix


def with_entries(table: Any, entries: np.ndarray) -> Any:
    """Return a matrix with the places of a CSR array, and other entries there."""
    return type(table)((entries, table.indices, table.indptr), shape=table.shape)


def like(X: Any, out: Any) -> Any:
    """Return a CSR array as what X is of, a matrix or an array of SciPy."""
    import scipy.sparse

    return scipy.sparse.csr_matrix(out) if isinstance(X, scipy.sparse.spmatrix) else out


def blocks(table: Any) -> Iterator[np.ndarray]:
    """Yield the columns of a CSR array with their zeros, a few at a time: for what sorts them."""
    by_column, step = table.tocsc(), max(1, ELEMENTS // table.shape[0])
    for start in range(0, table.shape[1], step):
        yield by_column[:, start : start + step].toarray()


class Sums:
    """Sums over the columns of a CSR array, in which gaps (NaN) take no part.

    Attributes
    ----------
    counts : (columns,)
        The elements that are no gaps, zeros included.
    zeros : (columns,)
        Those that are not among the entries.
    """

    def __init__(self, table: Any):
        n, d = table.shape
        known = ~np.isnan(table.data)
        self.columns, self.d = table.indices[known], d
        self.values = table.data[known].astype(np.float64)
        self.zeros = n - np.bincount(table.indices, minlength=d)
        self.counts = self.zeros + np.bincount(self.columns, minlength=d)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of values of the entries in each column."""
        return np.bincount(self.columns, values, self.d)

    def mean(self) -> np.ndarray:
        """Return the mean of each column; NaN if it holds nothing but gaps."""
        with np.errstate(invalid="ignore"):
            return self.total(self.values) / self.counts

    def deviation(self, mean: np.ndarray) -> np.ndarray:
        """Return the standard deviation of each column."""
        away = self.values - mean[self.columns]
        with np.errstate(invalid="ignore"):
            return np.sqrt((self.total(away * away) + self.zeros * mean * mean) / self.counts)

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest element of each column; infinities if it holds nothing but gaps."""
        least, greatest = np.where(self.zeros > 0, 0.0, np.inf), np.where(self.zeros > 0, 0.0, -np.inf)
        np.minimum.at(least, self.columns, self.values)
        np.maximum.at(greatest, self.columns, self.values)
        return least, greatest


def products(table: Any, degree: int, interaction_only: bool) -> Any:
    """Return the entries of rows and their products of up to `degree` factors, as `Polynomial` orders them.

    Only what is not zero is multiplied: of a row with k entries, the products of these k.
    """
    import scipy.sparse

    n, d = table.shape
    ends, own = table.indptr[1:].astype(np.int64), int(interaction_only)
    rows = np.repeat(np.arange(n), np.diff(table.indptr))
    columns, factors = table.indices.astype(np.int64), table.data
    places, terms, values = np.arange(len(factors)), columns, factors
    last = np.arange(d)  # the last factor of each product of this length
    parts, before = [(rows, terms, values)], d
    for _ in range(1, degree):
        firsts = np.concatenate([[0], np.cumsum(d - last - own)])  # where those begin that a product is the start of
        counts = ends[rows] - places - own
        start = np.repeat(np.cumsum(counts) - counts, counts)
        shorter = np.repeat(np.arange(len(places)), counts)
        new = places[shorter] + own + np.arange(len(shorter)) - start
        terms = firsts[terms[shorter]] + columns[new] - last[terms[shorter]] - own
        values = values[shorter] * factors[new]
        rows, places = rows[shorter], new
        last = np.concatenate([np.arange(c + own, d) for c in last]) if len(last) else last
        parts.append((rows, before + terms, values))
        before += len(last)
    rows, terms, values = (np.concatenate(each) for each in zip(*parts))
    return scipy.sparse.csr_array((values, (rows, terms)), shape=(n, before))
