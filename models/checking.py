"""What models check of their input. The errors say which model, what it got, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ml import Tensor

from .estimator import loaded_class, warn


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= least)


def _is_sizes(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, (list, tuple, np.ndarray)) and all(map(_is_count, value)))


def _is_seed(value: Any) -> bool:
    return isinstance(value, (np.random.Generator, np.random.RandomState)) or value is None or _is_count(value, 0)


RULES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (("max_iter", "batch_size", "n_iter_no_change", "degree"), _is_count, "a whole number of at least 1"),
    (("l1_ratio", "dropout", "threshold"), lambda v: _is_number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    (("validation_fraction",), lambda v: _is_number(v) and 0 < v < 1, "a number between 0 and 1"),
    (("C",), lambda v: _is_number(v) and v > 0, "a number above 0"),
    (("learning_rate", "huber_delta"), lambda v: _is_number(v) and 0 < v < np.inf, "a finite number above 0"),
    (("alpha", "tol"), lambda v: _is_number(v) and 0 <= v < np.inf, "a finite number of at least 0"),
    (("momentum",), lambda v: _is_number(v) and 0 <= v < 1, "a number of at least 0 and below 1"),
    (
        ("fit_intercept", "early_stopping", "batch_norm", "shuffle", "warm_start"),
        lambda v: isinstance(v, (bool, np.bool_)),
        "True or False",
    ),
    (("hidden_layer_sizes", "channels"), _is_sizes, "a whole number of at least 1, or a sequence of them"),
    (("kernel_size",), lambda v: _is_count(v) and v % 2 == 1, "odd and at least 1, so that images keep their size"),
    (
        ("image_shape",),
        lambda v: _is_sizes(v) and np.size(v) in (2, 3),
        "(height, width) or (channels, height, width), whole numbers of at least 1",
    ),
    (("callbacks",), lambda v: isinstance(v, (list, tuple)), "a sequence of objects of tinygrad_ml.train.Callback"),
    (("random_state",), _is_seed, "an integer of at least 0, a numpy Generator or RandomState, or None"),
)


def check_params(model: Any) -> None:
    """Raise ValueError if a hyperparameter is not what the table above says."""
    defaults = model._defaults()
    for names, fine, wanted in RULES:
        for name in names:
            if name not in defaults:
                continue
            value = vars(model)[name]
            if value is None and (defaults[name] is None or name == "batch_size"):
                continue
            if not fine(value):
                raise ValueError(f"{type(model).__name__}({name}={value!r}): {name} must be {wanted}")


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
    array = _to_array(kind, "X", X)
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


def _to_array(kind: str, name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of several lengths
        raise ValueError(f"{kind}: {name} is not a table of numbers: {error}") from None


def _to_float(kind: str, name: str, array: np.ndarray, source: Any) -> np.ndarray:
    """Return numbers of another kind as float64 (float16 as float32), or say which of them are not numbers."""
    if array.dtype.kind in "Mm":
        raise TypeError(f"{kind}: {name} must hold numbers, not {array.dtype}; take differences to a date, in days say")
    try:
        if array.dtype.kind in "SU":
            array.astype(np.float64)  # says which string is no number
            raise ValueError(f"these are numbers as strings; use {name}.astype(float)")
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
        text = f"{kind}: {name} must hold numbers: argument must be a string or a number: {error}"
        columns = [repr(column) for column in getattr(source, "columns", ()) if source[column].dtype.kind not in "fiub"]
        if columns:
            text += f". Fill what is missing, and encode or drop what is no number, in {', '.join(columns[:8])}"
        raise TypeError(text) from None


def check_finite(kind: str, name: str, array: np.ndarray) -> None:
    """Raise ValueError if there is a NaN or an infinity in an array; say where the first one is."""
    flat = array.reshape(-1)
    with np.errstate(over="ignore"):
        if np.isfinite(np.dot(flat, flat)) or np.isfinite(array).all():  # the product is quick
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
    array = _to_array(kind, "y", y)
    if array.dtype.kind == "U" and isinstance(y, (list, tuple)) and not all(isinstance(label, str) for label in y):
        odd = next(label for label in y if not isinstance(label, str))
        raise ValueError(f"{kind}: y has {odd!r} among its strings; labels must be all strings or all numbers")
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {kind} got y of dtype {array.dtype}")
    if array.ndim == 2 and not columns and array.shape[1] == 1:
        warn(
            f"A column-vector y was passed when a 1d array was expected by {kind}; use y.ravel()",
            loaded_class("sklearn.exceptions", "DataConversionWarning", UserWarning),
        )
        array = array[:, 0]
    if array.ndim != 1 and not (columns and array.ndim == 2 and array.shape[1]):
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
    with np.errstate(over="ignore"):  # too large for float32 is an infinity
        y = y.astype(dtype, copy=False)
    check_finite(kind, "y", y)
    return y


def check_labels(model: Any, y: np.ndarray, name: str = "y") -> np.ndarray:
    """Return the labels of classes; numbers among objects as an array of numbers.

    Raises
    ------
    ValueError
        If they are missing, fractions, or of several kinds.
    """
    kind = type(model).__name__
    if y.dtype == object:
        kinds = sorted({type(label).__name__ for label in y.flat if not isinstance(label, (str, np.str_))})
        numbers = all(isinstance(label, (bool, int, float, np.bool_, np.number)) for label in y.flat)
        if kinds and not numbers:
            strings = " and str" if any(isinstance(label, str) for label in y.flat) else ""
            raise ValueError(
                f"{kind}: Unknown label type: {name} has {', '.join(kinds[:4])}{strings} among its labels; they must "
                "be all strings or all numbers, and none may be missing"
            )
        y = np.array(y.tolist()) if kinds else y
    if y.dtype.kind == "f":
        check_finite(kind, name, y)
        if (y != np.floor(y)).any():
            raise ValueError(
                f"{kind}: Unknown label type: continuous. A classifier needs classes, and y has fractions; a regressor "
                "is for numbers"
            )
    return y


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
    weight = _to_array(kind, "sample_weight", sample_weight)
    if weight.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {kind} got sample_weight of dtype {weight.dtype}")
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


def class_weight(model: Any, label: Any, weight: Any) -> float:
    """Return the weight of a class, if it is one."""
    if not _is_number(weight) or not 0 <= weight < np.inf:
        kind = type(model).__name__
        raise ValueError(f"{kind}: class_weight of {label!r} must be a finite number of at least 0, not {weight!r}")
    return float(weight)
