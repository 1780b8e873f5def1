"""How far predicted values are from the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import warn
from .inputs import UndefinedMetricWarning, as_array, check_lengths, check_scores, check_weight


def mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean of the squared errors (MSE), in the square of the unit of y; one far point weighs much.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, outputs)
    sample_weight : array_like of shape (samples,), optional
    multioutput : {"uniform_average", "raw_values"} or array_like of shape (outputs,)
        The mean over the outputs, all of them, or their mean with these weights.

    Returns
    -------
    float, or ndarray of shape (outputs,) for "raw_values"

    Examples
    --------
    >>> tg.metrics.mean_squared_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.375
    """
    true, pred, weight, outputs = _check(y_true, y_pred, sample_weight, multioutput)
    return _combine(np.average((true - pred) ** 2, axis=0, weights=weight), outputs)


def root_mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the root of the mean squared error (RMSE), in the unit of y.

    Of several outputs each has its root, and then they are averaged. Parameters and result are those of
    `mean_squared_error`.

    Examples
    --------
    >>> tg.metrics.root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    true, pred, weight, outputs = _check(y_true, y_pred, sample_weight, multioutput)
    return _combine(np.sqrt(np.average((true - pred) ** 2, axis=0, weights=weight)), outputs)


def mean_absolute_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean of the absolute errors (MAE), in the unit of y; far points count no more than their distance.

    Parameters and result are those of `mean_squared_error`.

    Examples
    --------
    >>> tg.metrics.mean_absolute_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.5
    """
    true, pred, weight, outputs = _check(y_true, y_pred, sample_weight, multioutput)
    return _combine(np.average(np.abs(true - pred), axis=0, weights=weight), outputs)


def r2_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
    force_finite: bool = True,
) -> Any:
    """Return the coefficient of determination: 1 minus the squared error over that of always predicting the mean.

    1 is perfect, 0 no better than the mean, and it can be negative.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (samples,) or (samples, outputs)
    sample_weight : array_like of shape (samples,), optional
    multioutput : {"uniform_average", "raw_values", "variance_weighted"}, array_like of shape (outputs,), or None
        As for `mean_squared_error` (None is the mean); "variance_weighted" weights each output with its variance.
    force_finite : bool
        When y_true is constant, the score is 1 if the prediction is perfect and else 0; False gives NaN and -inf.

    Returns
    -------
    float, or ndarray of shape (outputs,) for "raw_values"

    Examples
    --------
    >>> tg.metrics.r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    multioutput = "uniform_average" if multioutput is None else multioutput
    true, pred, weight, outputs = _check(y_true, y_pred, sample_weight, multioutput, ("variance_weighted",))
    if len(true) < 2:
        warn("R^2 compares with the mean of y_true: it takes at least two samples", UndefinedMetricWarning)
        return float("nan")
    column = 1.0 if weight is None else weight[:, None]
    error = np.sum(column * (true - pred) ** 2, axis=0)
    spread = np.sum(column * (true - np.average(true, axis=0, weights=weight)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = 1 - error / spread
    if force_finite:
        scores = np.where(error == 0, 1, np.where(spread == 0, 0, scores)).astype(error.dtype)
    if isinstance(outputs, str) and outputs == "variance_weighted":
        outputs = spread if spread.any() else "uniform_average"
    return _combine(scores, outputs)


def _check(
    y_true: Any, y_pred: Any, sample_weight: Any, multioutput: Any, more: tuple[str, ...] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Any]:
    """Return the targets as (samples, outputs), in the floating dtype of what was given; float64 if there is none."""
    true, pred = (check_scores(y, name, columns=True) for y, name in ((y_true, "y_true"), (y_pred, "y_pred")))
    check_lengths(y_true=true, y_pred=pred)
    weight = check_weight(sample_weight, len(true))
    given = [
        np.dtype(y.dtype) for y in (y_true, y_pred, sample_weight) if isinstance(getattr(y, "dtype", None), np.dtype)
    ]
    floating = [dtype for dtype in given if dtype.kind == "f"]
    dtype = np.result_type(*floating) if floating else np.dtype(np.float64)
    true, pred = (y.astype(dtype, copy=False).reshape(len(y), -1) for y in (true, pred))
    if true.shape != pred.shape:
        raise ValueError(f"y_true has {true.shape[1]} outputs and y_pred {pred.shape[1]}: they must be equal")
    if isinstance(multioutput, str):
        choices = ("raw_values", "uniform_average", *more)
        if multioutput not in choices:
            raise ValueError(f"multioutput={multioutput!r} must be one of {', '.join(map(repr, choices))}, or weights")
    else:
        multioutput = check_scores(as_array(multioutput, "multioutput"), "multioutput")
        if true.shape[1] == 1 or len(multioutput) != true.shape[1]:
            raise ValueError(
                f"multioutput has {len(multioutput)} weights for {true.shape[1]} outputs: "
                "give one for each, if there are several"
            )
    return true, pred, None if weight is None else weight.astype(dtype), multioutput


def _combine(errors: np.ndarray, multioutput: Any) -> Any:
    """Return all errors, or their mean over the outputs."""
    if isinstance(multioutput, str):
        return errors if multioutput == "raw_values" else float(np.average(errors))
    return float(np.average(errors, weights=multioutput))
