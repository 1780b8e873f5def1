"""Gaps: filled with what the training part has most of, or in the middle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..protocol import available_when
from ..validation import is_sparse
from .categories import sort_key
from .sparse_tables import Sums, blocks, with_entries
from .tables import missing_values, read_array, read_numbers
from .transformer import FLOATS, Transformer, check_choice

MOST_FREQUENT = ("most frequent", "most_frequent")  # the second is scikit-learn's spelling


@dataclass(eq=False, repr=False)
class Impute(Transformer):
    """Fill the gaps of each column: NaN, None, and what pandas and polars have for that.

    Of a sparse X, which stays sparse, gaps are the entries that are NaN; all else that is not there is 0.

    Parameters
    ----------
    strategy : "mean", "median" or "most frequent"
        "most frequent" (or "most_frequent") fills strings too; of values as frequent, it takes the least.
    flag : bool
        Whether each column that has gaps in the training part gets another one beside it: 1 where there was a gap.

    Attributes
    ----------
    statistics_ : (columns,)
        What gaps are filled with.
    flagged_ : (flags,) of int
        The columns that had gaps.

    Examples
    --------
    >>> impute = tg.features.Impute("median", flag=True)
    >>> impute.fit_transform([[1.0, 5.0], [np.nan, 5.0], [4.0, 5.0]])
    array([[1. , 5. , 0. ],
           [2.5, 5. , 1. ],
           [4. , 5. , 0. ]])
    >>> impute.get_feature_names_out(["age", "class"])
    array(['age', 'class', 'age_missing'], dtype=object)
    """

    strategy: str = "mean"
    flag: bool = False

    allows_missing = True
    preserves = FLOATS
    why_not_sparse = ""

    @property
    def reads_values(self) -> bool:  # type: ignore[override]
        """Whether it takes strings, too."""
        return self.strategy in MOST_FREQUENT

    @property
    def _kind(self) -> str:
        return "most frequent" if self.strategy in MOST_FREQUENT else self.strategy

    def _table(self, X: Any) -> Any:
        check_choice("Impute: strategy", self._kind, ("mean", "median", "most frequent"))
        return super()._table(X)

    def _read(self, X: Any) -> np.ndarray:
        if self.reads_values:
            array = read_array("Impute", X)
            if array.dtype.kind not in "fiub":
                return array.astype(object)
        return read_numbers("Impute", X, missing=True)

    def _learn(self, table: Any) -> None:
        if is_sparse(table) and self._kind == "mean":
            sums = Sums(table)
            there, empty, has_gaps = sums.mean(), sums.counts == 0, sums.counts < table.shape[0]
        elif is_sparse(table) and self._kind == "most frequent":
            there, empty, has_gaps = _most_frequent_of(table.tocsc())
        else:
            parts = [_of_columns(self._kind, part) for part in (blocks(table) if is_sparse(table) else [table])]
            there, empty, has_gaps = (np.concatenate(each) for each in zip(*parts))
        if empty.any():
            name = self._names_in()[int(empty.argmax())]
            raise ValueError(
                f"Impute: the column {name!r} holds nothing but gaps in the training part, so there is nothing to fill "
                "them with; leave it out"
            )
        self.statistics_ = there
        self.flagged_ = np.flatnonzero(has_gaps) if self.flag else np.zeros(0, np.intp)

    def _apply(self, table: Any) -> Any:
        if is_sparse(table):
            return self._of_sparse(table)
        gaps = missing_values(table)
        out = np.where(gaps, self.statistics_.astype(table.dtype), table)
        return (
            np.hstack([out, gaps[:, self.flagged_].astype(np.int64).astype(table.dtype)]) if len(self.flagged_) else out
        )

    def _of_sparse(self, table: Any) -> Any:
        import scipy.sparse

        gaps = np.isnan(table.data)
        out = with_entries(table, np.where(gaps, self.statistics_.astype(table.dtype)[table.indices], table.data))
        if not len(self.flagged_):
            return out
        flags = with_entries(table, gaps.astype(table.dtype))[:, self.flagged_]
        flags.eliminate_zeros()
        return scipy.sparse.hstack([out, flags], format="csr")

    def _names(self, names: list[str]) -> list[str]:
        return [*names, *(f"{names[i]}_missing" for i in self.flagged_)]

    @available_when(lambda model: "" if model.flag else "Impute has an inverse with flag=True: without, gaps are lost")
    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the columns with the gaps that the flags tell of; an array, also of a sparse X."""
        self.require_fitted()
        X = X.toarray() if is_sparse(X) else X
        array = read_array("Impute", X)
        width = self.n_features_in_ + len(self.flagged_)
        if array.shape[1] != width:
            raise ValueError(
                f"Impute.inverse_transform: X has {array.shape[1]} columns, and transform makes {width} of them"
            )
        out = array[:, : self.n_features_in_].copy()
        gap = None if out.dtype == object else np.nan
        for i, flags in zip(self.flagged_, array[:, self.n_features_in_ :].T):
            out[flags.astype(bool), i] = gap
        return out


def _of_columns(strategy: str, table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the gaps of columns are filled with, which hold nothing but gaps, and which have some."""
    gaps = missing_values(table)
    empty: Any = gaps.all(axis=0)
    has_gaps: Any = gaps.any(axis=0)
    if empty.any():
        return np.zeros(len(empty)), empty, has_gaps
    if strategy == "most frequent":
        values = [_most_frequent(table[~gap, i].tolist()) for i, gap in enumerate(gaps.T)]
        return np.array(values, table.dtype), empty, has_gaps
    middle = np.nanmean if strategy == "mean" else np.nanmedian
    return middle(table.astype(np.float64), axis=0), empty, has_gaps


def _most_frequent_of(by_column: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of the columns of a CSC array, by the most frequent value."""
    gaps, ends = np.isnan(by_column.data), by_column.indptr
    entries, has_gaps = np.diff(ends), np.add.reduceat(np.append(gaps, 0), ends[:-1]) * (np.diff(ends) > 0)
    zeros = by_column.shape[0] - entries
    empty = (zeros == 0) & (has_gaps == entries)
    values = np.zeros(len(empty), by_column.dtype)
    for i in np.flatnonzero((entries > 0) & ~empty):
        own = slice(ends[i], ends[i + 1])
        values[i] = _most_frequent(by_column.data[own][~gaps[own]].tolist(), zeros[i])
    return values, empty, has_gaps > 0


def _most_frequent(values: list[Any], zeros: int = 0) -> Any:
    counts = Counter(values)
    if zeros:
        counts[0.0] += zeros
    return min(counts, key=lambda value: (-counts[value], sort_key(value)))
