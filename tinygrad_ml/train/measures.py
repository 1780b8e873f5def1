"""What `fit` measures on the validation: metrics by name, those of the library on a classifier's outputs, functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from .. import metrics as library
from ..nn import functional as F
from ..nn import losses
from ..nn.module import Module

__all__ = ["Metric", "better", "check_metrics", "measure", "outputs_of"]

LABELS, SCORES, PROBABILITIES, NUMBERS = "labels", "scores", "probabilities", "numbers"
# What the metrics of the library, and scikit-learn's of the same name, compare targets with, and which values are good.
KINDS = {
    "accuracy_score": (LABELS, "max"),
    "balanced_accuracy_score": (LABELS, "max"),
    "precision_score": (LABELS, "max"),
    "recall_score": (LABELS, "max"),
    "f1_score": (LABELS, "max"),
    "fbeta_score": (LABELS, "max"),
    "false_positive_rate": (LABELS, "min"),
    "hamming_loss": (LABELS, "min"),
    "roc_auc_score": (SCORES, "max"),
    "average_precision_score": (SCORES, "max"),
    "log_loss": (PROBABILITIES, "min"),
    "brier_score_loss": (PROBABILITIES, "min"),
    "mean_squared_error": (NUMBERS, "min"),
    "root_mean_squared_error": (NUMBERS, "min"),
    "mean_absolute_error": (NUMBERS, "min"),
    "r2_score": (NUMBERS, "max"),
}
SHORT = {
    "accuracy": "accuracy_score",
    "acc": "accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score",
    "precision": "precision_score",
    "recall": "recall_score",
    "f1": "f1_score",
    "roc_auc": "roc_auc_score",
    "auc": "roc_auc_score",
    "average_precision": "average_precision_score",
    "brier_score": "brier_score_loss",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "r2": "r2_score",
}
# The words in the name of a column that say which of its values are good.
SMALL = {
    "loss", "error", "mse", "rmse", "mae", "msle", "nll", "cost", "brier", "deviance", "perplexity",
    "distance", "divergence", "regret", "false", "misses", "mistakes", "seconds", "rate", "bias", "residual",
}  # fmt: skip
LARGE = {
    "accuracy", "acc", "precision", "recall", "f1", "fbeta", "auc", "r2", "score", "iou", "dice", "bleu",
    "likelihood", "reward", "kappa", "mcc", "correlation", "correct", "hits", "gain", "sensitivity", "specificity",
}  # fmt: skip


class Metric(NamedTuple):
    """A function of targets and what it compares them with: `LABELS` ...; "" stands for the outputs as they are."""

    function: Callable[..., Any]
    wants: str = ""
    mode: str | None = None  # "min" or "max": which values are good, if that is known
    by_name: bool = False


def better(column: str) -> str | None:
    """Return "min" or "max": which values of a column are better, by the words in its name; None if they do not say.

    Examples
    --------
    >>> from tinygrad_ml.train.measures import better
    >>> better("validation_loss"), better("validation_accuracy"), better("validation_mine")
    ('min', 'max', None)
    """
    words = {*column.lower().split("_")} - ({"score"} if column == "score" else set())  # which may be of anything
    return "min" if words & SMALL else "max" if words & LARGE else None


def check_metrics(metrics: Any, validation: Any) -> dict[str, Metric]:
    """Return the metrics by the names of their columns, or raise TypeError or ValueError."""
    if metrics is None:
        return {}
    metrics = [metrics] if isinstance(metrics, str) else metrics
    if isinstance(metrics, Mapping):
        pairs: Iterable[tuple[Any, Any]] = metrics.items()
    elif isinstance(metrics, (list, tuple)):
        pairs = [(metric if isinstance(metric, str) else _name(metric), metric) for metric in metrics]
    else:
        raise TypeError(
            "fit: metrics must be a list such as ['accuracy'], or a dict from names to functions, such as "
            f"{{'accuracy': function}}, not {type(metrics).__name__}"
        )
    found = {name: _metric(name, metric) for name, metric in pairs}
    if found and validation is None:
        raise ValueError("fit: metrics are measured on the validation data; give validation=(X, y)")
    return found


def _name(function: Any) -> str:
    name = getattr(_unwrapped(function), "__name__", "")
    if not name.isidentifier():  # a lambda has no name
        raise TypeError(f"fit: a metric needs a name: give a dict, metrics={{'name': {function!r:.60}}}")
    return name


def _unwrapped(function: Any) -> Any:
    return function.func if isinstance(function, functools.partial) else function


def _metric(name: Any, metric: Any) -> Metric:
    if not isinstance(name, str):
        raise TypeError(f"fit: the name of a metric must be a string, not {name!r}")
    if isinstance(metric, str):
        full = SHORT.get(metric.lower(), metric.lower())
        if full not in KINDS or full == "fbeta_score":
            close = get_close_matches(metric.lower(), [*SHORT, *KINDS], 1)
            hint = f"did you mean {close[0]!r}?" if close else f"the names are {', '.join(SHORT)}"
            raise ValueError(f"fit: there is no metric {metric!r}; {hint} (or give a function of target and output)")
        return Metric(getattr(library, full), *KINDS[full], by_name=True)
    if not callable(metric):
        raise TypeError(f"fit: the metric {name!r} must be a function of target and output, not {metric!r}")
    function = _unwrapped(metric)
    package = (getattr(function, "__module__", None) or "").partition(".")[0]
    if package in ("tinygrad_ml", "sklearn") and getattr(function, "__name__", "") in KINDS:
        return Metric(metric, *KINDS[function.__name__])
    return Metric(metric, mode=better(name))


# ---------------------------------------------------------------------- what the outputs of a module are


LOGITS, LABEL_LOGITS, LOGS, MARGINS = "logits", "logits of labels", "log-probabilities", "margins"
OUTPUTS: dict[Any, str] = {
    losses.CrossEntropyLoss: LOGITS,
    losses.BCEWithLogitsLoss: LOGITS,
    losses.MultiLabelSoftMarginLoss: LOGITS,
    losses.BCELoss: PROBABILITIES,
    losses.NLLLoss: LOGS,
    losses.HingeLoss: MARGINS,
    losses.MultiMarginLoss: MARGINS,
    losses.MSELoss: NUMBERS,
    losses.L1Loss: NUMBERS,
    losses.HuberLoss: NUMBERS,
    losses.SmoothL1Loss: NUMBERS,
    F.cross_entropy: LOGITS,
    F.binary_cross_entropy_with_logits: LOGITS,
    F.binary_cross_entropy: PROBABILITIES,
    F.nll_loss: LOGS,
    F.hinge_loss: MARGINS,
    F.mse_loss: NUMBERS,
    F.l1_loss: NUMBERS,
}


def outputs_of(loss: Any) -> str:
    """Return what a loss takes the outputs of a module for: logits, probabilities ...; "" if that is not known."""
    model = getattr(loss, "__self__", None)  # of the criterion of a model
    of_model = {"classifier": LOGITS, "regressor": NUMBERS}.get(getattr(model, "kind", ""))
    if of_model is not None:
        return LABEL_LOGITS if getattr(model, "_labels", None) is not None else of_model
    if isinstance(loss, Module):
        return next((OUTPUTS[kind] for kind in type(loss).__mro__ if kind in OUTPUTS), "")
    function = _unwrapped(loss)
    return OUTPUTS.get(function, "") if getattr(function, "__hash__", None) else ""


def measure(metrics: Mapping[str, Metric], loss: Any, output: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Return what metrics say of outputs and targets, by the names of their columns."""
    found = {}
    for name, metric in metrics.items():
        if metric.wants:
            truth, guess, options = _compared(name, metric, outputs_of(loss), output, target)
            try:
                value = metric.function(truth, guess, **options)
            except ValueError as error:
                raise ValueError(f"fit: the metric {name!r} cannot be measured here: {error}") from error
        else:
            value = metric.function(target, output)
        try:
            found[f"validation_{name}"] = float(value)
        except TypeError:
            raise TypeError(f"fit: the metric {name!r} must return a number, not {type(value).__name__}") from None
    return found


def _compared(name: str, metric: Metric, kind: str, output: Any, target: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Return the targets, what a metric compares them with, and options of a metric that was asked for by name."""
    if metric.wants == NUMBERS:
        if output.shape != target.shape and output.size == target.size:
            target = target.reshape(output.shape)
        return target, output, {}
    if output.ndim > 1 and output.shape[1] > 1:
        if target.shape == output.shape and kind != PROBABILITIES and not _has_labels(kind, target):
            target = target.argmax(axis=1)  # probabilities of the classes, or a one for each
        if target.shape != output.shape:
            return _of_classes(metric, kind, output, target)
        elif metric.by_name and metric.function in AVERAGED:
            return (*_of_two(name, metric, kind, output, target), {"average": "macro"})
    options: dict[str, Any] = {}
    return (*_of_two(name, metric, kind, output, target), options)


def _has_labels(kind: str, target: np.ndarray) -> bool:
    """Whether columns are labels of which each may be there or not, and no classes of which one is."""
    return kind in (LABEL_LOGITS, MARGINS, "") or bool((target.sum(axis=1) != 1).any())


def _of_classes(metric: Metric, kind: str, output: Any, target: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Return what to compare for outputs with a column for each class."""
    n = output.shape[1]
    output, target = np.moveaxis(output, 1, -1).reshape(-1, n), target.reshape(-1)
    if metric.wants == LABELS:
        options = {"average": "macro"} if metric.by_name and n > 2 and metric.function in AVERAGED else {}
        return target, output.argmax(axis=1), options
    if kind == LOGS:
        output = np.exp(output)
    elif kind != PROBABILITIES and not _are_probabilities(output):
        output = F.softmax(output, axis=1).numpy()
    if n == 2:
        return target, output[:, 1], {}
    others: dict[str, Any] = {"labels": np.arange(n)} if metric.by_name else {}
    if metric.by_name and metric.wants == SCORES and metric.function is library.roc_auc_score:
        others["multi_class"] = "ovr"
    return target, output, others


AVERAGED = (library.precision_score, library.recall_score, library.f1_score)


def _are_probabilities(output: np.ndarray) -> bool:
    return bool((output >= 0).all()) and np.allclose(output.sum(axis=1), 1, atol=1e-4)


def _of_two(name: str, metric: Metric, kind: str, output: Any, target: Any) -> tuple[Any, Any]:
    """Return what to compare for one output of two classes, or for a column of labels each."""
    if output.size == target.size:
        shape = (len(target), -1) if output.ndim > 1 and output.shape[1] > 1 else (-1,)
        output, target = output.reshape(shape), target.reshape(shape)
    if metric.wants == SCORES:
        return target, output
    if not kind:
        if output.min() >= 0 and output.max() <= 1:
            raise ValueError(
                f"fit: the metric {name!r} needs {metric.wants}, but whether these outputs from 0 to 1 are logits or "
                "probabilities cannot be told from this loss: use one of tg.nn, or a function of target and output"
            )
        kind = LOGITS
    if metric.wants == PROBABILITIES:
        return target, output if kind in (PROBABILITIES, NUMBERS) else F.sigmoid(output).numpy()
    if target.dtype.kind == "f" and (target == np.floor(target)).all():
        target = target.astype(int)
    low, high = (-1, 1) if target.min() == -1 else (0, 1)
    middle = 0.5 if kind == PROBABILITIES else (low + high) / 2 if kind == NUMBERS else 0.0
    return target, np.where(output > middle, high, low)
