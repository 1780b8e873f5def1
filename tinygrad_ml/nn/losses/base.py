"""What the losses share: the reduction of their terms, and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...tensor import Tensor, as_array
from ..module import Module
from ..parameter import Buffer

__all__ = ["Loss", "as_buffer", "cast_like", "reduce_loss"]


class Loss(Module):
    """What the losses share: `reduction` is "mean", "sum" or "none".

    Examples
    --------
    >>> tg.nn.MSELoss(reduction="sum")
    MSELoss(reduction='sum')
    """

    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init__(self, *, reduction: str = "mean"):
        if reduction not in self.reductions:
            names = " or ".join([", ".join(map(repr, self.reductions[:-1])), repr(self.reductions[-1])])
            raise ValueError(f"{type(self).__name__}: reduction must be {names}, not {reduction!r}")
        self.reduction = reduction

    def extra_repr(self) -> str:
        shown = [] if self.reduction == "mean" else [f"reduction={self.reduction!r}"]
        hidden = ("reduction", "training")
        shown += [f"{k}={v!r}" for k, v in vars(self).items() if k not in hidden and isinstance(v, (int, float))]
        return ", ".join(shown)


def as_buffer(weight: Any) -> Buffer | None:
    """Return weights as a Buffer, so that they belong to the state, as in PyTorch."""
    return None if weight is None else Buffer(weight)


def reduce_loss(terms: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the terms, or all of them."""
    if reduction == "mean":
        return ops.mean(terms) if terms.size else ops.sum(terms) * np.nan
    if reduction == "sum":
        return ops.sum(terms)
    if reduction == "none":
        return terms
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def cast_like(weight: Any, input: Any) -> Any:
    """Return constant weights in the dtype of the input, so that a float32 loss stays one."""
    if isinstance(weight, Tensor) and weight.requires_grad:
        return weight
    return np.asarray(as_array(weight), input.dtype)
