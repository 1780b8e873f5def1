"""Illnesses of the data: inputs that are not scaled, labels that do not suit the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...nn import functional, losses
from .case import Case
from .finding import Finding

__all__ = ["EXAMINED", "wrong_labels"]

LARGE, UNEQUAL, FAR, TINY = 30.0, 100.0, 30.0, 1e-3

CLASSES = (losses.CrossEntropyLoss, losses.NLLLoss)
CLASS_FUNCTIONS = (functional.cross_entropy, functional.nll_loss)
LOGITS = (losses.CrossEntropyLoss, losses.BCEWithLogitsLoss)
LOGIT_FUNCTIONS = (functional.cross_entropy, functional.binary_cross_entropy_with_logits)
BINARY = (losses.BCELoss, losses.BCEWithLogitsLoss)
BINARY_FUNCTIONS = (functional.binary_cross_entropy, functional.binary_cross_entropy_with_logits)


def unscaled_data(case: Case, x: np.ndarray) -> Iterator[Finding]:
    """A column is larger than 30, a hundred times another one, 30 deviations from 0, or all are below 1e-3.

    The curvature of the loss grows with the square of the inputs: with columns of the size 30, steps of the rate 0.01
    grow instead of converging (the limit is 2 / 900), and between columns of which one is a hundred times the other the
    condition number is 10,000 (LeCun and others 1998, sections 4.3 and 5). A normalisation that comes first cures it.
    """
    if x.dtype.kind != "f" or len(x) < 8 or x.ndim < 2 or _is_normalised(case):
        return
    columns = x.reshape(len(x), -1).astype(np.float64) if x.ndim == 2 else x.reshape(-1, 1).astype(np.float64)
    if not np.isfinite(columns).all():
        return
    deviation, largest = columns.std(axis=0), abs(columns).max(axis=0)
    varies = deviation > 1e-7 * largest
    if not varies.any():
        return
    columns, deviation, largest = columns[:, varies], deviation[varies], largest[varies]
    size, mean = np.sqrt((columns**2).mean(axis=0)), abs(columns.mean(axis=0))
    names = np.flatnonzero(varies)
    worst, least, far = int(size.argmax()), int(largest.argmin()), int((mean / deviation).argmax())
    where = (lambda k: f"Column {names[k]} of the input") if x.ndim == 2 else (lambda k: "The input")
    if size[worst] > LARGE:
        number = float(size[worst])
        what = f"{where(worst)} has the size {number:.3g} (root mean square), where about 1 is usual"
    elif largest[worst] > UNEQUAL * largest[least]:
        number = float(largest[worst] / largest[least])
        what = f"{where(worst)} is {number:.3g} times as large as column {names[least]}"
    elif mean[far] > FAR * deviation[far]:
        number = float(mean[far] / deviation[far])
        what = f"{where(far)} has the mean {mean[far]:.3g} and the standard deviation {deviation[far]:.3g}"
    elif largest.max() < TINY:
        number = float(size[worst])
        what = f"The input is at most {largest.max():.1e}, where about 1 is usual"
    else:
        return
    yield Finding(
        "data not scaled",
        "",
        number,
        f"{what}, so no learning rate suits all weights.",
        "Scale every column to the mean 0 and the standard deviation 1 (images: divide by 255), or begin with batch "
        "normalisation.",
        0.95,
    )


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
    y = np.asarray(getattr(target, "_data", target))
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
