"""Transformer: what learns features from the training part of the data, by scikit-learn's protocol.

`fit` reads the table and calls `_learn`; `transform` reads another one and calls `_apply`. A transformer defines these
two, `_names`, and says in the attributes of its class what it reads.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..foreign_names import HintsArguments
from ..protocol import HasHyperparameters, NotFitted, check_names, feature_names, loaded_class
from ..validation import is_sparse, without_arrow, without_frame
from .sparse_tables import like, read_sparse
from .tables import as_frame, read_columns, read_numbers

T = TypeVar("T", bound="Transformer")


class Transformer(HintsArguments, HasHyperparameters):
    """What has `fit`, `transform` and `get_feature_names_out`; the base of `tg.features`.

    A transformer stands in pipelines and column transformers of scikit-learn, and in `tg.features.Columns`. It learns
    from what `fit` is given and from nothing else: `transform` changes nothing of it, and treats each row by itself.

    Attributes
    ----------
    n_features_in_ : int
        How many columns it was fitted with.
    feature_names_in_ : (columns,)
        Their names, if it was fitted with a frame whose columns have strings as names.

    Examples
    --------
    >>> X = np.array([[1.0], [2.0], [6.0]])
    >>> tg.features.Scale().fit(X).transform([[3.0]])
    array([[0.]])
    """

    # what it reads; scikit-learn asks for these, too
    reads_values = False  # any values rather than numbers
    allows_missing = False
    positive_only = False
    reads_texts = False  # texts, (samples,), rather than a table
    why_not_sparse = "it reads all values, zeros too"  # or "", if X may be a sparse matrix of SciPy
    preserves: ClassVar[Sequence[str]] = ()  # the dtypes that stay as they are

    def fit(self: T, X: Any, y: Any = None) -> T:
        """Learn from the rows of X; return the transformer itself.

        Parameters
        ----------
        X : array, list of rows, or frame of pandas or polars, (samples, features); for some a sparse matrix of SciPy
        y : (samples,), optional
            Pipelines give it; transformers of scikit-learn that stand in `Columns` may want it.
        """
        __tracebackhide__ = True
        self._fit(without_arrow(type(self).__name__, X), y)
        return self

    def transform(self, X: Any) -> Any:
        """Return the features of rows: an array, or what `set_output` has chosen."""
        __tracebackhide__ = True
        self.require_fitted()
        X = without_arrow(type(self).__name__, X)
        return self._output(self._apply(self._checked(X)), X)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn from rows, and return their features."""
        __tracebackhide__ = True
        X = without_arrow(type(self).__name__, X)
        table, out = self._fit(X, y)
        return self._output(self._apply(table) if out is None else out, X)

    def _fit(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Learn; return the table that was read, and its features if they are known already."""
        before = self._learned()
        for name in before:
            delattr(self, name)
        try:
            names = feature_names(self, X)
            table = self._table(X)
            self.n_features_in_ = _width(table)
            if names is not None:
                self.feature_names_in_ = names
            return table, self._learn_with(table, y)
        except BaseException:  # it stays as it was
            for name in self._learned():
                delattr(self, name)
            vars(self).update(before)
            raise

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features.

        Parameters
        ----------
        input_features : sequence of str, optional
            The names of the columns of X, of an array that had none.
        """
        self.require_fitted()
        return np.array(distinct(self._names(self._names_in(input_features))), object)

    def set_output(self: T, *, transform: str | None = None) -> T:
        """Choose what `transform` returns: "default" (an array), "pandas" or "polars" (a frame).

        Examples
        --------
        >>> import pandas
        >>> frame = pandas.DataFrame({"age": [20, 40]}, index=["Ada", "Alan"])
        >>> tg.features.Scale("min-max").set_output(transform="pandas").fit_transform(frame)
              age
        Ada   0.0
        Alan  1.0
        """
        if transform not in (None, "default", "pandas", "polars"):
            raise ValueError(
                f'{type(self).__name__}.set_output: transform is "default", "pandas" or "polars", not {transform!r}'
            )
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}  # scikit-learn's name for it: its `clone` copies it
        return self

    # ------------------------------------------------------------------ what a transformer defines

    def _learn(self, table: Any) -> None:
        """Learn from a table as `_read` returns it, into attributes that end in _."""

    def _learn_with(self, table: Any, y: Any) -> Any:
        """Learn from a table and a target; return the features of the table if they are known by then, else None."""
        self._learn(table)

    def _apply(self, table: Any) -> Any:
        """Return the features of a table."""
        raise NotImplementedError(f"{type(self).__name__} does not define _apply(self, table)")

    def _names(self, names: list[str]) -> list[str]:
        """Return the names of the features, from those of the columns."""
        return names

    # ------------------------------------------------------------------ reading and writing

    def _table(self, X: Any) -> Any:
        X = X if self.why_not_sparse else without_frame(X)
        return self._read_sparse(X) if is_sparse(X) else self._read(X)

    def _read(self, X: Any) -> Any:
        who = type(self).__name__
        return read_columns(who, X) if self.reads_values else read_numbers(who, X, self.allows_missing)

    def _read_sparse(self, X: Any) -> Any:
        """Return a sparse X as a CSR array of numbers, or say why it cannot be used."""
        who = type(self).__name__
        if reason := self.why_not_sparse:
            raise TypeError(f"{who}: X is a sparse matrix, and {reason}; if it is small, make it dense: X.toarray()")
        return read_sparse(who, X, self.allows_missing)

    def _checked(self, X: Any) -> Any:
        """Return X as `_read` does, if it has the columns that the transformer was fitted with."""
        check_names(self, feature_names(self, X))
        table = self._table(X)
        if _width(table) != self.n_features_in_:
            raise ValueError(
                f"X has {_width(table)} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                "features as input"
            )
        return table

    def _features(self, X: Any) -> Any:
        """Return numbers as `transform` returns them, for its inverse; sparse ones if it has one of these."""
        self.require_fitted()
        who, width = type(self).__name__, len(self._names(self._names_in()))
        if is_sparse(X) and self.why_not_sparse:
            X = X.toarray()
        table = read_sparse(who, X, missing=True) if is_sparse(X) else read_numbers(who, X, missing=True)
        if table.shape[1] != width:
            raise ValueError(f"{who}.inverse_transform: X has {table.shape[1]} columns, and transform makes {width}")
        return table

    def _output(self, out: Any, X: Any) -> Any:
        if is_sparse(X) and is_sparse(out):
            out = like(X, out)
        kind = vars(self).get("_sklearn_output_config", {}).get("transform")
        sklearn = sys.modules.get("sklearn")
        if kind is None and sklearn is not None:
            kind = sklearn.get_config()["transform_output"]
        if kind in (None, "default"):
            return out
        return as_frame(kind, out, self.get_feature_names_out().tolist(), X, type(self).__name__)

    def _names_in(self, given: Any = None) -> list[str]:
        """Return the names of the columns: those given, those of the frame, or x0, x1, ..."""
        known = vars(self).get("feature_names_in_")
        if given is None:
            return [f"x{i}" for i in range(self.n_features_in_)] if known is None else known.tolist()
        given = np.asarray(given, object)
        if known is not None and not np.array_equal(given, known):
            raise ValueError(
                f"{type(self).__name__}: input_features is not equal to feature_names_in_, {known.tolist()}"
            )
        if len(given) != self.n_features_in_:
            raise ValueError(
                f"{type(self).__name__}: input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(given)}"
            )
        return given.tolist()

    # ------------------------------------------------------------------ scikit-learn's protocol

    def _learned(self) -> dict[str, Any]:
        """Return what `fit` has learned: its names end in _."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def __sklearn_is_fitted__(self) -> bool:
        return "n_features_in_" in vars(self)

    def require_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError, or our own when that is not loaded, before `fit`."""
        if not self.__sklearn_is_fitted__():
            raise loaded_class("sklearn.exceptions", "NotFittedError", NotFitted)(
                f"This {type(self).__name__} is not fitted yet. Call fit(X), with the training part of the data."
            )

    def get_metadata_routing(self) -> Any:
        """Return that no argument is asked for beside X and y, as scikit-learn's `MetadataRequest`."""
        from sklearn.utils.metadata_routing import MetadataRequest  # only scikit-learn asks

        return MetadataRequest(owner=self)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # only scikit-learn asks

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=list(self.preserves)),
            input_tags=InputTags(
                categorical=self.reads_values,
                string=self.reads_values,
                allow_nan=self.allows_missing,
                sparse=not self.why_not_sparse,
                positive_only=self.positive_only,
                two_d_array=not self.reads_texts,
            ),
        )


def _width(table: Any) -> int:
    return table.shape[1] if hasattr(table, "shape") else len(table)


FLOATS = ("float64", "float32")


def distinct(names: Iterable[str]) -> list[str]:
    """Return names without two that are the same: a later one gets an underscore at its end, or several.

    Examples
    --------
    >>> from tinygrad_ml.features.transformer import distinct
    >>> distinct(["pet_rare", "pet_cat", "pet_rare"])  # one is a category with that name
    ['pet_rare', 'pet_cat', 'pet_rare_']
    """
    out: dict[str, None] = {}
    for name in names:
        while name in out:
            name += "_"
        out[name] = None
    return list(out)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError if a hyperparameter is none of its choices.

    Examples
    --------
    >>> from tinygrad_ml.features.transformer import check_choice
    >>> check_choice("Scale: method", "zscore", ("z-score", "min-max"))
    Traceback (most recent call last):
    ...
    ValueError: Scale: method must be 'z-score' or 'min-max', not 'zscore'
    """
    if not isinstance(value, str) or value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name} must be {', '.join(others)} or {last}, not {value!r}")
