"""Gaps: filled with what the training part has most of, or in the middle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..protocol import available_when
from .categories import sort_key
from .tables import missing_values, read_array, read_numbers
from .transformer import FLOATS, Transformer, check_choice


@dataclass(eq=False, repr=False)
class Impute(Transformer):
    """Fill the gaps of each column: NaN, None, and what pandas and polars have for that.

    Parameters
    ----------
    strategy : "mean", "median" or "most frequent"
        "most frequent" fills strings too; of values as frequent, it takes the least.
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

    @property
    def reads_values(self) -> bool:  # type: ignore[override]
        """Whether it takes strings, too."""
        return self.strategy == "most frequent"

    def _read(self, X: Any) -> np.ndarray:
        check_choice("Impute: strategy", self.strategy, ("mean", "median", "most frequent"))
        if self.strategy == "most frequent":
            array = read_array("Impute", X)
            if array.dtype.kind not in "fiub":
                return array.astype(object)
        return read_numbers("Impute", X, missing=True)

    def _learn(self, table: np.ndarray) -> None:
        gaps = missing_values(table)
        empty = gaps.all(axis=0)
        if empty.any():
            name = self._names_in()[int(empty.argmax())]
            raise ValueError(
                f"Impute: the column {name!r} holds nothing but gaps in the training part, so there is nothing to fill "
                "them with; leave it out"
            )
        if self.strategy == "most frequent":
            values = [_most_frequent(table[~gap, i].tolist()) for i, gap in enumerate(gaps.T)]
            self.statistics_ = np.array(values, table.dtype)
        else:
            middle = np.nanmean if self.strategy == "mean" else np.nanmedian
            self.statistics_ = middle(table.astype(np.float64), axis=0)
        self.flagged_ = np.flatnonzero(gaps.any(axis=0)) if self.flag else np.zeros(0, np.intp)

    def _apply(self, table: np.ndarray) -> np.ndarray:
        gaps = missing_values(table)
        out = np.where(gaps, self.statistics_.astype(table.dtype), table)
        return (
            np.hstack([out, gaps[:, self.flagged_].astype(np.int64).astype(table.dtype)]) if len(self.flagged_) else out
        )

    def _names(self, names: list[str]) -> list[str]:
        return [*names, *(f"{names[i]}_missing" for i in self.flagged_)]

    @available_when(lambda model: "" if model.flag else "Impute has an inverse with flag=True: without, gaps are lost")
    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the columns with the gaps that the flags tell of."""
        self.require_fitted()
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


def _most_frequent(values: list[Any]) -> Any:
    counts = Counter(values)
    return min(counts, key=lambda value: (-counts[value], sort_key(value)))
