"""The features of a linear problem, standardised: as a table, or of a sparse matrix in its products alone.

Subtracting the mean would make a sparse matrix dense. So `SparseDesign` keeps the matrix as it is, and its products
with a matrix take the means into account.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tinygrad_ml.sparse_matrix import SparseMatrix

from .weights import Weights, rounding_of_mean

ROWS = 8192  # what is turned into float64 at once, of a large table of float32
FAR = 1e3  # the means, in standard deviations, beyond which rounding would spoil the sum of products of entries
LOST = 1e-6  # the share of a sum of squares below which the rest has lost digits
EXACT = 300  # up to this number of columns the largest eigenvalue is computed, beyond it approximated
ENTRIES = 16384  # of a sparse matrix that are changed at once
BLOCK = 1024  # the rows that are made dense at once where it does
TINY = 1e-200  # sums of squares that are smaller may have lost digits
SMALL = 1_000_000  # where a solver needs a dense table, a sparse one of fewer elements is made dense: 8 MB
SQUARE = 10_000  # the most rows and columns of a square table that stands for a sparse one: 800 MB


class SparseDesign:
    """The matrix (X - mean) / scale, and with a bias a last column of 1, of a sparse X that stays sparse.

    Parameters
    ----------
    matrix : SparseMatrix (samples, features)
    mean : (features,)
    inverse : (features,)
        1 / scale; 0 for a constant feature, of which nothing but 0 is left.
    has_bias : bool
    """

    ndim = 2
    __array_ufunc__ = None  # array @ SparseDesign is ours

    def __init__(self, matrix: SparseMatrix, mean: np.ndarray, inverse: np.ndarray, has_bias: bool):
        self.matrix, self.has_bias = matrix, has_bias
        self.inverse = inverse.astype(matrix.dtype)
        self.shift = (mean * inverse).astype(matrix.dtype)
        self.is_centred = bool(self.shift.any())

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.matrix), self.matrix.shape[1] + self.has_bias

    @property
    def dtype(self) -> np.dtype:
        return self.matrix.dtype

    def __len__(self) -> int:
        return len(self.matrix)

    def __getitem__(self, rows: Any) -> SparseDesign:
        part = SparseDesign.__new__(SparseDesign)
        vars(part).update(vars(self), matrix=self.matrix[rows])
        vars(part).pop("by_column", None)
        return part

    def __matmul__(self, theta: np.ndarray) -> np.ndarray:
        """Return the products with the columns of a matrix `(columns, outputs)`, or with a vector."""
        d = len(self.inverse)
        w = theta[:d]
        scaled = np.multiply(w, self.inverse if w.ndim == 1 else self.inverse[:, None], order="C")
        z = self.matrix @ scaled
        if self.is_centred:
            z -= self.shift @ w
        if self.has_bias:
            z += theta[d]
        return z

    def __rmatmul__(self, slope: np.ndarray) -> np.ndarray:
        """Return the products of the rows of a matrix `(outputs, samples)`, or of a vector, with this one."""
        product = np.empty((*slope.shape[:-1], self.shape[1]), np.result_type(slope, self.dtype))
        part = product[..., : len(self.inverse)]
        np.multiply(self.matrix.__rmatmul__(slope), self.inverse, out=part)
        if self.is_centred or self.has_bias:
            total = slope.sum(axis=-1)
            part -= total[..., None] * self.shift
            if self.has_bias:
                product[..., -1] = total
        return product

    def gram(self, weight: Weights) -> np.ndarray:
        """Return the sum of weight · x xᵀ over the rows x, `(columns, columns)`."""
        n, d = len(self), len(self.inverse)
        weight = np.ones(n, self.dtype) if weight is None else weight
        total = np.zeros((self.shape[1], self.shape[1]), np.result_type(weight, self.dtype))
        if self.is_centred and abs(self.shift).max() > FAR:
            for i in range(0, n, BLOCK):
                rows = self[i : i + BLOCK].toarray()
                total += rows.T @ (rows * weight[i : i + BLOCK, None])
            return total
        scaled = self.matrix.scaled(self.inverse).matrix
        weighted = scaled.multiply(weight[:, None]).tocsr()
        total[:d, :d] = (scaled.T @ weighted).toarray()
        sums, whole = scaled.T @ weight, weight.sum()
        total[:d, :d] += whole * np.outer(self.shift, self.shift)
        total[:d, :d] -= np.outer(sums, self.shift) + np.outer(self.shift, sums)
        if self.has_bias:
            total[d, :d] = total[:d, d] = sums - whole * self.shift
            total[d, d] = whole
        return total

    def kernel(self) -> np.ndarray:
        """Return the products of the rows with each other, `(samples, samples)`."""
        scaled = self.matrix.scaled(self.inverse).matrix
        products = (scaled @ scaled.T).toarray() + self.dtype.type(self.has_bias)
        if self.is_centred:
            before, along = np.diag(products).copy(), scaled @ self.shift
            products -= along[:, None] + along
            products += self.shift @ self.shift
            if (np.diag(products) < LOST * before).any():
                step = max(1, SMALL // self.shape[1])
                for i in range(0, len(self), step):
                    products[:, i : i + step] = self @ self[i : i + step].toarray().T
        return products

    def columns(self, chosen: np.ndarray) -> SparseDesign:
        """Return the design of some of the features, without a bias."""
        matrix = SparseMatrix._of(self.by_column[:, chosen].tocsr())
        return self._of_features(matrix, self.shift[chosen], self.inverse[chosen])

    def scaled(self, scale: np.ndarray) -> SparseDesign:
        """Return the design of the features times numbers of their own, without a bias."""
        return self._of_features(self.matrix, self.shift * scale, self.inverse * scale)

    @staticmethod
    def _of_features(matrix: SparseMatrix, shift: np.ndarray, inverse: np.ndarray) -> SparseDesign:
        part = SparseDesign.__new__(SparseDesign)
        vars(part).update(matrix=matrix, shift=shift, inverse=inverse, has_bias=False, is_centred=bool(shift.any()))
        return part

    @cached_property
    def by_column(self) -> Any:
        """The matrix of SciPy column by column (CSC), of which columns are taken quickly."""
        return self.matrix.matrix.tocsc()

    def column_squares(self, weight: np.ndarray) -> np.ndarray:
        """Return the sum of weight · x² over the rows x, `(columns,)`: the diagonal of `gram`."""
        scaled, whole = self.matrix.scaled(self.inverse).matrix, weight.sum()
        sums = scaled.T @ weight
        np.multiply(scaled.data, scaled.data, out=scaled.data)
        squares = scaled.T @ weight + self.shift * (whole * self.shift - 2 * sums)
        return np.append(np.maximum(squares, 0), [whole] * self.has_bias)

    def column_sizes(self, weight: np.ndarray) -> np.ndarray:
        """Return the sum of weight · |x| over the rows x, `(columns,)`."""
        matrix, whole = self.matrix.matrix, weight.sum()
        shift = self.shift[matrix.indices]
        entries = abs(matrix.data * self.inverse[matrix.indices] - shift) - abs(shift)
        sizes = weight @ self.matrix.with_entries(entries)
        return np.append(sizes + whole * abs(self.shift), [whole] * self.has_bias)

    def row_squares(self) -> np.ndarray:
        """Return the sum of the squares of every row."""
        matrix = self.matrix.matrix
        shift = self.shift[matrix.indices]
        entries = (matrix.data * self.inverse[matrix.indices] - shift) ** 2 - shift**2
        rows = self.matrix.with_entries(entries)
        return rows @ np.ones(matrix.shape[1], entries.dtype) + (self.shift @ self.shift + self.has_bias)

    def toarray(self) -> np.ndarray:
        """Return the table."""
        rows = self.matrix.toarray() * self.inverse - self.shift
        return np.column_stack([rows, np.ones(len(rows), rows.dtype)]) if self.has_bias else rows


Design = np.ndarray | SparseDesign


def gram(design: Design, weight: Weights = None) -> np.ndarray:
    """Return the sum of weight · x xᵀ over the rows x of a design, `(columns, columns)`."""
    if isinstance(design, SparseDesign):
        return design.gram(weight)
    if weight is None:
        return design.T @ design
    if not (weight >= 0).all():
        return design.T @ (design * weight[:, None])
    rows = design * np.sqrt(weight)[:, None]
    return rows.T @ rows  # of which BLAS computes one half


def column_squares(design: Design, weight: np.ndarray) -> np.ndarray:
    """Return the sum of weight · x² over the rows x of a design, `(columns,)`."""
    if isinstance(design, SparseDesign):
        return design.column_squares(weight)
    return np.einsum("ij,ij,i->j", design, design, weight)


def column_sizes(design: Design, weight: np.ndarray) -> np.ndarray:
    """Return the sum of weight · |x| over the rows x of a design, `(columns,)`."""
    return design.column_sizes(weight) if isinstance(design, SparseDesign) else weight @ abs(design)


def row_squares(design: Design) -> np.ndarray:
    """Return the sum of the squares of every row."""
    return design.row_squares() if isinstance(design, SparseDesign) else np.einsum("ij,ij->i", design, design)


def largest_eigenvalue(design: Design, weight: Weights = None) -> float:
    """Return the largest eigenvalue of the mean of weight · x xᵀ over the rows x, or a little more."""
    n, columns = design.shape
    if columns <= EXACT:
        return float(np.linalg.eigvalsh(gram(design, weight).astype(np.float64))[-1] / n)
    v: Any = np.random.default_rng(0).normal(size=(columns,)).astype(design.dtype)
    value = 0.0
    for _ in range(20):
        v /= np.linalg.norm(v)
        z = design @ v
        v = (z if weight is None else z * weight) @ design / n
        value = float(np.linalg.norm(v))
    return 1.1 * value


class Spread(NamedTuple):
    """What features are like, in float64."""

    mean: np.ndarray  # 0 if they are not to be centred
    deviation: np.ndarray  # the root of the mean squared distance from that mean; 0 of what is constant


def spread(inputs: Any, weight: Weights, centred: bool) -> Spread:
    """Return means and deviations of features `(samples, features)`; `weight` has the mean 1."""
    n, d = inputs.shape
    weight = None if weight is None else weight.astype(np.float64)
    if isinstance(inputs, SparseMatrix):
        mean, squares, extent = _of_sparse(inputs, weight, centred)
    else:
        mean = np.zeros(d)
        if centred:
            mean = inputs.mean(axis=0, dtype=np.float64) if weight is None else weight @ inputs / n
        squares, extent = _squares(inputs, weight, mean), np.ones(d)
        odd = ~((squares > TINY) & np.isfinite(squares))  # constant, or of a size whose squares are out of range
        if odd.any():
            largest = abs(inputs[:, odd]).max(axis=0).astype(np.float64)
            extent[odd] = np.where(largest > 0, largest, 1)
            squares[odd] = _squares(inputs[:, odd], weight, mean[odd], extent[odd])
    deviation = np.sqrt(squares / n) * extent
    # of a constant feature rounding leaves something, which would be taken for a feature
    return Spread(mean, np.where(deviation > rounding_of_mean(n) * abs(mean), deviation, 0))


def _squares(inputs: np.ndarray, weight: Weights, mean: np.ndarray, extent: np.ndarray | float = 1.0) -> np.ndarray:
    """Return the sums of weight · ((inputs - mean) / extent)² over the rows, `(features,)`."""
    total = np.zeros(inputs.shape[1])
    for i in range(0, len(inputs), ROWS):
        rows = inputs[i : i + ROWS] - mean
        if isinstance(extent, np.ndarray):
            rows /= extent
        if weight is None:
            total += np.einsum("ij,ij->j", rows, rows)
        else:
            rows *= rows
            total += weight[i : i + ROWS] @ rows
    return total


def _of_sparse(X: SparseMatrix, weight: Weights, centred: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the means, the sums of squared distances from them in units of the extents, and these.

    The extents are 1, if no square is out of range then.
    """
    n, d = X.shape
    entries = X.with_entries(X.values.astype(np.float64))  # a copy, of whose memory all that follows is made
    values, columns, sums = entries.values, X.indices, entries.matrix.T
    share = np.ones(n) if weight is None else weight
    mean = sums @ share / n if centred else np.zeros(d)
    if centred:
        for i in range(0, len(values), ENTRIES):  # as memory for all of them at once would take longer to get
            values[i : i + ENTRIES] -= mean[columns[i : i + ENTRIES]]
    counts = np.bincount(columns, minlength=d)
    with np.errstate(over="ignore", under="ignore"):
        values *= values
        squares = sums @ share
        there: Any = counts
        if weight is not None:
            values[:] = 1
            there = sums @ share
        zeros = np.where(counts < n, n - there, 0)  # the weight of the elements that are not there
        squares += zeros * mean * mean
    if np.isfinite(squares).all() and not (squares[counts > 0] < TINY).any():
        return mean, squares, np.ones(d)
    return _of_odd_sizes(X, weight, centred)


def _of_odd_sizes(X: SparseMatrix, weight: Weights, centred: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of entries whose squares are too large or too small for a float."""
    n, d = X.shape
    values, columns = X.values.astype(np.float64), X.indices
    if weight is not None:
        weight = np.repeat(weight, np.diff(X.matrix.indptr))  # of every entry
    mean = np.zeros(d)
    if centred:
        mean = np.bincount(columns, values if weight is None else values * weight, d) / n
    largest = np.zeros(d)
    np.maximum.at(largest, columns, abs(values))
    extent = np.where(largest > 0, largest, 1)
    values -= mean[columns]
    values /= extent[columns]
    values *= values
    squares = np.bincount(columns, values if weight is None else values * weight, d)
    zeros = n - np.bincount(columns, weight, d)  # the weight of the elements that are not there
    zeros[np.bincount(columns, minlength=d) == n] = 0  # without what rounding leaves
    return mean, squares + zeros * (mean / extent) ** 2, extent


def standardised(inputs: Any, mean: np.ndarray, scale: np.ndarray, constant: Any, bias: bool, dtype: Any) -> Design:
    """Return (inputs - mean) / scale, 0 where a feature is `constant`, with a last column of 1 if there is a bias."""
    n, d = inputs.shape
    if isinstance(inputs, SparseMatrix):
        return SparseDesign(inputs.astype(dtype, copy=False), mean, np.where(constant, 0, 1 / scale), bias)
    design = np.empty((n, d + bias), dtype)
    for i in range(0, n, ROWS):
        design[i : i + ROWS, :d] = (inputs[i : i + ROWS] - mean) / scale
    design[:, :d][:, constant] = 0
    if bias:
        design[:, d] = 1
    return design
