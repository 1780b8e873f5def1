"""What models check: their hyperparameters and their data. The errors say which model, what it got, what it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, field
from typing import Any, TypeVar

import numpy as np

from tinygrad_ml.modes import warn
from tinygrad_ml.protocol import loaded_class
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.tensor import Tensor
from tinygrad_ml.validation import (
    check_array,
    first_non_finite,
    is_integer,
    is_number,
    is_sparse,
    non_numeric_columns,
    why_no_number,
    without_frame,
)

T = TypeVar("T")


# ---------------------------------------------------------------------- hyperparameters


class Rule:
    """What a hyperparameter may be; called with its default, it makes the field.

    Parameters
    ----------
    allows : callable
        Whether a value may be used.
    wanted : str
        What a value must be, in words that follow "must be" in the error.

    Examples
    --------
    >>> from tinygrad_ml.models.hyperparameters import Rule, hyperparameters
    >>> even = Rule(lambda value: value % 2 == 0, "even")
    >>> @hyperparameters
    ... class Comb(tg.models.Regressor):
    ...     teeth: int = even(8)
    >>> Comb(teeth=3).fit([[0.0], [1.0]], [0.0, 1.0])
    Traceback (most recent call last):
    ...
    ValueError: Comb(teeth=3): teeth must be even
    """

    def __init__(self, allows: Callable[[Any], bool], wanted: str):
        self.allows, self.wanted = allows, wanted

    def __call__(self, default: T, *, none: bool = False, layers: bool = False) -> T:
        """Return the field of a hyperparameter with this rule.

        Parameters
        ----------
        default : object
        none : bool
            Whether None may be used, too, as it may where it is the default.
        layers : bool
            Whether `build` makes other layers for another value, so that training cannot continue with the old ones.
        """
        return field(default=default, metadata={"rule": self, "none": none, "layers": layers})


count = Rule(lambda v: is_integer(v, 1), "a whole number of at least 1")
sizes = Rule(lambda v: _is_sizes(v), "a whole number of at least 1, or a sequence of them")
odd = Rule(lambda v: is_integer(v, 1) and v % 2 == 1, "odd and at least 1, so that images keep their size")
image_size = Rule(
    lambda v: _is_sizes(v) and np.size(v) in (2, 3),
    "(height, width) or (channels, height, width), whole numbers of at least 1",
)
positive = Rule(lambda v: is_number(v) and 0 < v < np.inf, "a finite number above 0")
positive_or_inf = Rule(lambda v: is_number(v) and v > 0, "a number above 0")
not_negative = Rule(lambda v: is_number(v) and 0 <= v < np.inf, "a finite number of at least 0")
rate = Rule(
    lambda v: (is_number(v) and 0 < v < np.inf) or (isinstance(v, str) and v == "find") or callable(v),
    "a finite number above 0, a function from the number of steps to one, or 'find'",
)
below_1 = Rule(lambda v: is_number(v) and 0 <= v < 1, "a number of at least 0 and below 1")
fraction = Rule(lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")
part = Rule(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
boolean = Rule(lambda v: isinstance(v, (bool, np.bool_)), "True or False")
callback_list = Rule(lambda v: isinstance(v, (list, tuple)), "a sequence of objects of tinygrad_ml.train.Callback")
seed = Rule(
    lambda v: isinstance(v, (np.random.Generator, np.random.RandomState)) or is_integer(v, 0),
    "an integer of at least 0, a numpy Generator or RandomState, or None",
)


def _is_sizes(value: Any) -> bool:
    sequence = isinstance(value, (list, tuple, np.ndarray))
    return all(is_integer(v, 1) for v in value) if sequence else is_integer(value, 1)


def activations(*names: str) -> Any:
    """Return the field of the activation of hidden layers: one of these names, or a list with one for each layer."""
    wanted = f"one of {names}, or a list with one of them for each hidden layer"

    def allows(value: Any) -> bool:
        each = value if isinstance(value, (list, tuple)) else [value]
        return all(isinstance(name, str) and name in names for name in each)

    return Rule(allows, wanted)(names[0], layers=True)


def choice(default: T, *others: Any, layers: bool = False) -> T:
    """Return the field of a hyperparameter that is one of these, by default the first."""
    choices = (default, *others)
    return Rule(lambda v: (v is None or isinstance(v, str)) and v in choices, f"one of {choices}")(
        default, layers=layers
    )


def loss_function(default: str, *others: str) -> Any:
    """Return the field of a loss: one of these names, by default the first, or a function of output and target."""
    names = (default, *others)
    wanted = f"one of {names}, or a function of output and target"
    return Rule(lambda v: v in names if isinstance(v, str) else callable(v) and not isinstance(v, type), wanted)(
        default
    )


def check_hyperparameters(model: Any, shared: Mapping[str, Field]) -> None:
    """Raise ValueError at the first hyperparameter of a model that breaks its rule.

    A model that writes its own `__init__` has the rules of the `shared` ones for hyperparameters of the same name.
    """
    own = getattr(model, "__dataclass_fields__", {})
    for name, default in model._defaults().items():
        value, declared = vars(model)[name], own.get(name) or shared.get(name)
        if declared is None or "rule" not in declared.metadata:
            continue
        rule, none_too = declared.metadata["rule"], default is None or declared.metadata["none"]
        if not (value is None and none_too) and not rule.allows(value):
            raise ValueError(f"{type(model).__name__}({name}={value!r}): {name} must be {rule.wanted}")


# ---------------------------------------------------------------------- data


def check_X(model: Any, X: Any, dimensions: tuple[int, ...] = (2,)) -> Any:
    """Return X as a float32 or float64 array, `(samples, features)` or what else the model takes; or a SparseMatrix.

    Raises
    ------
    TypeError, ValueError
        If X is sparse and the model takes no such, masked, complex, empty, of another number of dimensions, or has
        entries that are not finite numbers.
    """
    kind = type(model).__name__
    if isinstance(X, (str, os.PathLike)):
        raise TypeError(f"{kind}: X is a {type(X).__name__}; read the file first, for example with pandas.read_csv")
    X = X if model.why_not_sparse else without_frame(X)
    array = _check_sparse(model, X) if is_sparse(X) else check_array(X, "X", kind, "a table of numbers")
    array = _real(kind, "X", array)
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
    check_finite(kind, "X", array, getattr(X, "columns", None))
    return array


def refuse_sparse(model: Any, X: Any) -> None:
    """Raise TypeError if X is sparse and the model takes no such."""
    if is_sparse(X) and (reason := model.why_not_sparse):
        raise TypeError(
            f"{type(model).__name__}: X is a sparse matrix, and {reason}; if it is small, make it dense: X.toarray()"
        )


def _check_sparse(model: Any, X: Any) -> SparseMatrix:
    """Return a sparse X, or raise TypeError or ValueError if the model cannot use it."""
    refuse_sparse(model, X)
    kind = type(model).__name__
    if len(X.shape) != 2:
        raise ValueError(
            f"{kind}: expected a 2-d sparse matrix of (samples, features), got shape {X.shape}. Reshape your data: "
            "X.reshape(1, -1) for a single sample"
        )
    return SparseMatrix(X)


def _real(kind: str, name: str, array: Any) -> Any:
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {kind} got {name} of dtype {array.dtype}")
    return array


LARGEST = int(np.finfo(np.float64).max)


def _to_float(kind: str, name: str, array: Any, source: Any) -> Any:
    """Return numbers of another kind as float64 (float16 as float32), or say which of them are not numbers."""
    if array.dtype.kind in "Mm":
        raise TypeError(
            f"{kind}: {name} must hold numbers, not {array.dtype}: convert dates to numbers first, for example days "
            "since a reference date"
        )
    try:
        if array.dtype.kind in "SU":
            array.astype(np.float64)  # says which string is no number
            raise ValueError(f"these are numbers as strings; use {name}.astype(float)")
        return array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    except OverflowError:  # Python's integers have no bound, floats have
        place = next(k for k, value in np.ndenumerate(array) if isinstance(value, int) and abs(value) > LARGEST)
        column = f", column {place[1]}" if len(place) > 1 else ""
        raise ValueError(
            f"{kind}: {name} has an integer too large for a float in row {place[0]}{column}; take its logarithm, "
            "or count in a larger unit"
        ) from None
    except (TypeError, ValueError) as error:
        reason = "argument must be a string or a number: " if isinstance(error, TypeError) else ""
        columns = non_numeric_columns(source) if hasattr(source, "iloc") else []
        advice = ""
        if columns:
            advice = (
                f". Encode or drop these columns, or fill what is missing: {', '.join(columns[:8])} "
                "(tg.features.Columns does both, with OneHot and Impute)"
            )
        elif name == "y" and array.dtype.kind in "OSU":
            advice = "; for classes there are classifiers, such as LogisticRegression and MLPClassifier"
        raise type(error)(
            f"{kind}: {name} must hold numbers: {reason}{error}{why_no_number(str(error)) or advice}"
        ) from None


def check_finite(kind: str, name: str, array: Any, columns: Any = None) -> None:
    """Raise ValueError if there is a NaN or an infinity in an array; say where the first one is.

    `columns` are the names of the columns, if it was a frame.
    """
    found = first_non_finite(array)
    if found:
        what = "NaN" if np.isnan(found.value) else "infinity"
        where = f"row {found.where[0]}" + (f", column {found.where[1]}" if array.ndim == 2 else "")
        if columns is not None and array.ndim == 2:
            where += f", {columns[found.where[1]]!r}"
        advice = "fill or drop them first" + (" (tg.features.Impute fills gaps)" if name[0] == "X" else "")
        raise ValueError(
            f"{kind}: input {name} contains NaN or infinity ({found.total} entries, the first is {what} at {where}); "
            f"{advice}"
        )


def check_mean_loss(model: Any, loss: Any) -> Any:
    """Return what a criterion has returned, or raise TypeError or ValueError if it is not the mean loss."""
    where = f"{type(model).__name__}: criterion(self, output, target) must return the mean loss, a Tensor of one number"
    if loss is None:
        raise TypeError(f"{where}; it returned None: does it lack its `return`?")
    if not isinstance(loss, Tensor):
        raise TypeError(f"{where}, not a {type(loss).__name__}")
    if loss.size != 1:
        raise ValueError(f"{where}; it returned one of shape {loss.shape}: end with .mean()")
    return loss


def check_target(model: Any, y: Any, n_samples: int, columns: int = 0) -> np.ndarray:
    """Return y as an array of `(samples,)`, or also of `(samples, outputs)` with at least `columns` of them.

    Without `columns`, and where a single one is too few, a single one becomes `(samples,)`, with a warning.

    Raises
    ------
    TypeError, ValueError
        If y is missing, sparse, masked, or of another length or shape.
    """
    kind = type(model).__name__
    if y is None:
        raise ValueError(f"{kind} requires y to be passed, but the target y is None")
    wanted = "a table of numbers"
    if getattr(model, "multi_label", False):
        wanted += " (sklearn.preprocessing.MultiLabelBinarizer makes one of lists of labels)"
    array = _real(kind, "y", check_array(y, "y", kind, wanted))
    odd = _odd_label(y) if array.dtype.kind == "U" and isinstance(y, (list, tuple)) else None
    if odd is not None:
        raise ValueError(f"{kind}: y has {odd!r} among its strings; labels must be all strings or all numbers")
    if array.ndim == 2 and columns != 1 and array.shape[1] == 1:
        warn(
            f"A column-vector y was passed when a 1d array was expected by {kind}; use y.ravel()",
            loaded_class("sklearn.exceptions", "DataConversionWarning", UserWarning),
        )
        array = array[:, 0]
    if array.ndim != 1 and not (columns and array.ndim == 2 and array.shape[1]):
        raise ValueError(
            f"{kind}: y should be a 1d array of (samples,), got an array of shape {array.shape} instead."
            + _advice_for_columns(model, array)
        )
    if len(array) != n_samples:
        raise ValueError(
            f"{kind}: found input variables with inconsistent numbers of samples: X has {n_samples}, y {len(array)}"
        )
    return array


def _odd_label(labels: Any) -> Any:
    """Return the first of labels, or of rows of labels, that is no string; None if all are."""
    for label in labels:
        odd = _odd_label(label) if isinstance(label, (list, tuple, np.ndarray)) else label
        if odd is not None and not isinstance(odd, str):
            return odd
    return None


def _advice_for_columns(model: Any, y: np.ndarray) -> str:
    """Return what takes a y of several columns, for a classifier that does not."""
    if model.kind != "classifier" or y.ndim != 2 or getattr(model, "multi_label", False):
        return ""
    if y.dtype.kind in "biuf" and y.shape[1] > 2 and (y.sum(axis=1) == 1).all():
        return " If it has a one for the class of each sample, use y.argmax(axis=1)."
    kind = type(model).__name__
    around = f", or OneVsRest({kind}())" if kind in ("LinearSVM", "Perceptron") else ""
    return f" If it has labels, of which a sample may have several, use LogisticRegression or MLPClassifier{around}."


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
    TypeError, ValueError
        If they are negative, not finite, all zero, masked, or of another shape.
    """
    if sample_weight is None:
        return None
    kind = type(model).__name__
    weight = _real(kind, "sample_weight", check_array(sample_weight, "sample_weight", kind))
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
    if not is_number(weight) or not 0 <= weight < np.inf:
        kind = type(model).__name__
        raise ValueError(f"{kind}: class_weight of {label!r} must be a finite number of at least 0, not {weight!r}")
    return float(weight)
