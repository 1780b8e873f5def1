"""Illnesses of the data: inputs that are not scaled, labels that do not suit the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...arrays import on_host
from ...nn import functional, losses
from .case import Case
from .finding import Finding

__all__ = ["EXAMINED", "wrong_labels"]

LARGE, UNEQUAL, FAR, TINY = 30.0, 100.0, 30.0, 1e-3
ENOUGH = 50  # steps after which a training run can be judged

CLASSES = (losses.CrossEntropyLoss, losses.NLLLoss)
CLASS_FUNCTIONS = (functional.cross_entropy, functional.nll_loss)
LOGITS = (losses.CrossEntropyLoss, losses.BCEWithLogitsLoss)
LOGIT_FUNCTIONS = (functional.cross_entropy, functional.binary_cross_entropy_with_logits)
BINARY = (losses.BCELoss, losses.BCEWithLogitsLoss)
BINARY_FUNCTIONS = (functional.binary_cross_entropy, functional.binary_cross_entropy_with_logits)


def unscaled_data(case: Case, rows: tuple[np.ndarray, ...]) -> Iterator[Finding]:
    """A column is larger than 30, a hundred times another one, 30 deviations from 0, or all are below 1e-3.

    The curvature of the loss grows with the square of the inputs: with columns of the size 30, steps of the rate 0.01
    grow instead of converging (the limit is 2 / 900), and between columns of which one is a hundred times the other the
    condition number is 10,000 (LeCun and others 1998, sections 4.3 and 5). A normalisation that comes first cures it.
    Columns that are mostly 0, such as rare words and the borders of images, are not called small. A target that is
    larger than 30 is named if the network has not learned it and the loss stands still: its outputs begin near 0.
    """
    what, number = "", 0.0
    if not _is_normalised(case):
        what, number = _misfit(rows[0], "input")
    stuck = case.record.steps >= ENOUGH and not case.has_learned and not case.is_falling
    if not what and len(rows) > 1 and stuck:
        what, number = _misfit(rows[1], "target", only_large=True)
    if what:
        yield Finding(
            "data not scaled",
            "",
            number,
            f"{what}, so no learning rate suits all weights.",
            "Scale every column to the mean 0 and the standard deviation 1 (images: divide by 255), or begin with "
            "batch normalisation.",
            0.95,
        )


def _misfit(array: np.ndarray, name: str, only_large: bool = False) -> tuple[str, float]:
    """Return what is wrong with the scales of an array (rows, columns), and a number; "" if nothing is."""
    if array.dtype.kind != "f" or len(array) < 8 or array.ndim < 2:
        return "", 0.0
    columns = array.reshape(len(array) if array.ndim == 2 else array.size, -1).astype(np.float64)
    if not np.isfinite(columns).all():
        return "", 0.0
    deviation, largest = columns.std(axis=0), abs(columns).max(axis=0)
    varies = deviation > 1e-7 * largest
    if not varies.any():
        return "", 0.0
    columns, deviation, largest = columns[:, varies], deviation[varies], largest[varies]
    size, mean = np.sqrt((columns**2).mean(axis=0)), abs(columns.mean(axis=0))
    dense = (columns != 0).mean(axis=0) > 0.5
    numbers = np.flatnonzero(varies)
    worst, far = int(size.argmax()), int((mean / deviation).argmax())
    least = int(np.where(dense, largest, np.inf).argmin())

    def column(k: int) -> str:
        return f"Column {numbers[k]} of the {name}" if array.ndim == 2 else f"The {name}"

    if size[worst] > LARGE:
        return f"{column(worst)} has the size {size[worst]:.3g} (root mean square), where about 1 is usual", size[worst]
    if only_large:
        return "", 0.0
    if dense.any() and largest[worst] > UNEQUAL * largest[least]:
        ratio = largest[worst] / largest[least]
        return f"{column(worst)} is {ratio:.3g} times as large as column {numbers[least]}", ratio
    if mean[far] > FAR * deviation[far]:
        ratio = mean[far] / deviation[far]
        return f"{column(far)} has the mean {mean[far]:.3g} and the standard deviation {deviation[far]:.3g}", ratio
    if largest.max() < TINY:
        return f"The {name} is at most {largest.max():.1e}, where about 1 is usual", float(largest.max())
    return "", 0.0


def _is_normalised(case: Case) -> bool:
    """Whether the first layer with parameters normalises."""
    first = case.modules.get(case.record.order[0]) if case.record.order else None
    return type(first).__name__ in (
        "BatchNorm1d",
        "BatchNorm2d",
        "LayerNorm",
        "GroupNorm",
        "InstanceNorm1d",
        "InstanceNorm2d",
        "RMSNorm",
    )


def wrong_labels(loss: Any, output: np.ndarray, made_by: str, target: Any) -> Iterator[Finding]:
    """Labels are no classes of the output, probabilities where logits are wanted, or the like.

    It looks at what the losses of the library want; `made_by` says whether a softmax or sigmoid made the output.
    """
    y = on_host(target)
    name = getattr(loss, "__name__", type(loss).__name__)
    advice = "Number the classes from 0 to k - 1 (np.unique(y, return_inverse=True)[1]); the last layer has k outputs."
    if _is(loss, CLASSES, CLASS_FUNCTIONS):
        classes = output.shape[1] if output.ndim > 1 else output.shape[0]
        if classes == 1:
            yield _labels(
                1.0,
                f"{name} of a single output is 0, whatever it is.",
                "Use nn.BCEWithLogitsLoss for two classes, or 2 outputs.",
            )
        elif y.dtype.kind in "iu" and y.size:
            counted = y[y != getattr(loss, "ignore_index", -100)]
            if counted.size and (counted.min() < 0 or counted.max() >= classes):
                number = counted.min() if counted.min() < 0 else counted.max()
                yield _labels(
                    float(number),
                    f"The labels go from {counted.min()} to {counted.max()}, but the {classes} outputs are for the "
                    f"labels 0 to {classes - 1}.",
                    advice,
                )
        elif y.dtype.kind == "f" and y.shape != output.shape:
            yield _labels(
                float("nan"),
                f"The labels are {y.dtype} {y.shape}; {name} wants integers {output.shape[:1]}.",
                "Turn them into integers: y.astype(int).",
            )
    elif _is(loss, BINARY, BINARY_FUNCTIONS) and y.dtype.kind in "fiu" and y.size and (y.min() < 0 or y.max() > 1):
        if y.min() == -1 and y.max() == 1:
            cure = "Use (y + 1) / 2."
        else:
            cure = "For several classes use nn.CrossEntropyLoss; for real numbers nn.MSELoss."
        yield _labels(
            float(y.min() if y.min() < 0 else y.max()),
            f"The labels go from {y.min():g} to {y.max():g}; {name} wants 0 and 1, or probabilities.",
            cure,
        )
    if made_by and _is(loss, LOGITS, LOGIT_FUNCTIONS):
        yield Finding(
            "probabilities instead of logits",
            "",
            float("nan"),
            f"The outputs come from {made_by}, and {name} takes logits, to which it applies {made_by} itself: the "
            "gradient is small and the loss cannot come near 0.",
            f"Take the last {made_by} out of the network.",
            0.85,
        )


def _labels(number: float, meaning: str, advice: str) -> Finding:
    return Finding("labels out of range", "", number, meaning, advice, 0.96)


def _is(loss: Any, kinds: tuple, functions: tuple) -> bool:
    return isinstance(loss, kinds) or loss in functions


EXAMINED = (unscaled_data,)
