"""What models check of their input. The errors say which model, what it got, and what it needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_ml import Tensor

from .estimator import loaded_class, warn


def feature_names(model: Any, X: Any) -> np.ndarray | None:
    """Return the column names of a frame if all are strings, else None."""
    columns = getattr(X, "columns", None)
    if columns is None or not hasattr(X, "dtypes"):
        return None
    names = np.asarray(columns, object)
    strings = sum(isinstance(name, str) for name in names)
    if 0 < strings < len(names):
        raise TypeError(
            f"{type(model).__name__}: feature names are only supported if all input features have string names, but "
            f"the columns have names of several types; use X.columns = X.columns.astype(str)"
        )
    return names if strings else None


def check_names(model: Any, names: np.ndarray | None) -> None:
    """Raise if the columns of a frame are not those that the model was fitted with; warn if one has no names."""
    known = vars(model).get("feature_names_in_")
    kind = type(model).__name__
    if known is None and names is not None:
        warn(f"X has feature names, but {kind} was fitted without feature names")
    elif known is not None and names is None:
        warn(f"X does not have valid feature names, but {kind} was fitted with feature names")
    elif known is not None and names is not None and not np.array_equal(known, names):
        unseen, missing = sorted({*names} - {*known}), sorted({*known} - {*names})
        lines = ["The feature names should match those that were passed during fit."]
        if unseen:
            lines += ["Feature names unseen at fit time:", *(f"- {name}" for name in unseen[:5])]
        if missing:
            lines += ["Feature names seen at fit time, yet now missing:", *(f"- {name}" for name in missing[:5])]
        if not unseen and not missing:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise ValueError("\n".join(lines) + "\n")


def check_X(model: Any, X: Any, dimensions: tuple[int, ...] = (2,)) -> np.ndarray:
    """Return X as a float32 or float64 array: `(samples, features)`, or what else the model takes.

    Raises
    ------
    TypeError, ValueError
        If X is sparse, complex, empty, of another number of dimensions, or has entries that are not finite numbers.
    """
    kind = type(model).__name__
    if isinstance(X, Tensor):
        X = X.detach().numpy()
    if hasattr(X, "toarray") and not isinstance(X, np.ndarray):
        raise TypeError(f"{kind}: X is a sparse matrix, and dense data is required; use X.toarray()")
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {kind} got X of dtype {array.dtype}")
    if array.ndim not in dimensions:
        hint = "Reshape your data: X.reshape(-1, 1) for a single feature, X.reshape(1, -1) for a single sample"
        if array.ndim > 2:
            hint = "Reshape your data: X.reshape(len(X), -1)"
        wanted = " or ".join(f"{n}-d" for n in dimensions)
        raise ValueError(f"{kind}: expected a {wanted} array of (samples, features), got shape {array.shape}. {hint}")
    if array.dtype != np.float32 and array.dtype != np.float64:
        array = _to_float(kind, "X", array, X)
    for axis, what in ((0, "sample"), (1, "feature")):
        if array.shape[axis] == 0:
            raise ValueError(
                f"{kind}: found array with 0 {what}(s) (shape={array.shape}) while a minimum of 1 is required."
            )
    check_finite(kind, "X", array)
    return array


def _to_float(kind: str, name: str, array: np.ndarray, source: Any) -> np.ndarray:
    """Return numbers of another kind as float64 (float16 as float32), or say which of them are not numbers."""
    try:
        return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    except ValueError as error:
        text = f"{kind}: {name} must hold numbers: {error}"
        columns = [
            repr(column)
            for column in getattr(source, "columns", ())
            if getattr(source[column].dtype, "kind", "O") not in "fiub"
        ]
        if columns:
            text += f". Encode or drop the columns that are none: {', '.join(columns[:8])}"
        raise ValueError(text) from None
    except TypeError as error:
        raise TypeError(f"{kind}: {name} must hold numbers: argument must be a string or a number: {error}") from None


def check_finite(kind: str, name: str, array: np.ndarray) -> None:
    """Raise ValueError if there is a NaN or an infinity in an array; say where the first one is."""
    if np.isfinite(np.dot(flat := array.reshape(-1), flat)) or np.isfinite(array).all():  # the product is quick
        return
    bad = ~np.isfinite(array)
    index = np.argwhere(bad)[0].tolist()
    what = "NaN" if np.isnan(array[tuple(index)]) else "infinity"
    where = f"row {index[0]}" + (f", column {index[1]}" if array.ndim == 2 else "")
    raise ValueError(
        f"{kind}: input {name} contains NaN or infinity ({np.count_nonzero(bad)} entries, the first is {what} at "
        f"{where}); fill or drop them first, for example with sklearn.impute.SimpleImputer"
    )


def check_target(model: Any, y: Any, n_samples: int, columns: bool = False) -> np.ndarray:
    """Return y as an array of `(samples,)`, or with `columns` also of `(samples, outputs)`.

    Raises
    ------
    ValueError
        If y is missing, or of another length or shape.
    """
    kind = type(model).__name__
    if y is None:
        raise ValueError(f"{kind} requires y to be passed, but the target y is None")
    if isinstance(y, Tensor):
        y = y.detach().numpy()
    if hasattr(y, "toarray") and not isinstance(y, np.ndarray):
        raise TypeError(f"{kind}: y is a sparse matrix, and dense data is required; use y.toarray()")
    array = np.asarray(y)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {kind} got y of dtype {array.dtype}")
    if array.ndim == 2 and not columns and array.shape[1] == 1:
        warn(
            f"A column-vector y was passed when a 1d array was expected by {kind}; use y.ravel()",
            loaded_class("sklearn.exceptions", "DataConversionWarning", UserWarning),
        )
        array = array[:, 0]
    if array.ndim != 1 and not (columns and array.ndim == 2):
        raise ValueError(f"{kind}: y should be a 1d array of (samples,), got an array of shape {array.shape} instead.")
    if len(array) != n_samples:
        raise ValueError(
            f"{kind}: found input variables with inconsistent numbers of samples: X has {n_samples}, y {len(array)}"
        )
    return array


def check_numbers(model: Any, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the target of a regression in the dtype of X."""
    kind = type(model).__name__
    if y.dtype.kind not in "fiub":
        y = _to_float(kind, "y", y, None)
    y = y.astype(dtype, copy=False)
    check_finite(kind, "y", y)
    return y


def check_labels(model: Any, y: np.ndarray) -> None:
    """Raise ValueError if these are not the labels of classes."""
    kind = type(model).__name__
    if y.dtype.kind == "f":
        check_finite(kind, "y", y)
        if (y != np.floor(y)).any():
            raise ValueError(
                f"{kind}: Unknown label type: continuous. A classifier needs classes, and y has fractions; a regressor "
                "is for numbers"
            )
    elif y.dtype == object and not all(isinstance(label, (str, int, float, bool, np.generic)) for label in y):
        raise ValueError(f"{kind}: Unknown label type: labels must be strings or numbers, one kind of them")


def check_weights(model: Any, sample_weight: Any, n_samples: int, dtype: np.dtype) -> np.ndarray | None:
    """Return weights of `(samples,)`, or None if there are none.

    Raises
    ------
    ValueError
        If they are negative, not finite, all zero, or of another shape.
    """
    if sample_weight is None:
        return None
    kind = type(model).__name__
    weight = np.asarray(sample_weight)
    if weight.ndim == 0:
        weight = np.full(n_samples, weight)
    if weight.shape != (n_samples,):
        raise ValueError(f"{kind}: sample_weight has shape {weight.shape}, and X has {n_samples} samples")
    weight = _to_float(kind, "sample_weight", weight, None).astype(dtype, copy=False)
    check_finite(kind, "sample_weight", weight)
    if (weight < 0).any():
        raise ValueError(f"{kind}: sample_weight has negative entries; the least is {weight.min()}")
    if not weight.any():
        raise ValueError(f"{kind}: all entries of sample_weight are zero, so nothing is left to learn from")
    return weight
