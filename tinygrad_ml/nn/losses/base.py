"""What the losses share: the reduction of their terms, and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays import together
from ...batched import all_elements, every
from ...tensor import Tensor, as_array
from ..module import Module
from ..parameter import Buffer

__all__ = [
    "Loss",
    "as_buffer",
    "cast_like",
    "check_probabilities",
    "outside_unit_interval",
    "reduce_loss",
    "weighted",
]


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
    return together(as_array(weight).astype(input.dtype, copy=False), input)[0]


def weighted(weight: Any, terms: Any) -> Tensor:
    """Return weight * terms, where a weight of 0 takes nothing, whatever stands there: it chooses.

    Examples
    --------
    >>> tg.nn.losses.base.weighted(tg.tensor([1.0, 0.0]), tg.tensor([2.0, float("inf")]))
    tensor([2., 0.])
    """
    with np.errstate(invalid="ignore"):  # 0 * inf
        product = ops.multiply(weight, terms)
        if every(np.isfinite(product._data)):
            return product
    taken = np.isfinite(as_array(terms)) | (as_array(weight) != 0)
    return ops.multiply(weight, ops.where(taken, terms, 0.0))


# ---------------------------------------------------------------------- what targets may hold

# Of floats from 0 to 1 the bits, read as an unsigned integer, are at most those of 1 (and a few more, for rounding);
# those of negative ones, infinities and NaN are larger. So one maximum checks both bounds.
_BITS: dict[np.dtype, tuple[np.dtype, int]] = {}
for _float, _unsigned in ((np.float16, np.uint16), (np.float32, np.uint32), (np.float64, np.uint64)):
    _BITS[np.dtype(_float)] = np.dtype(_unsigned), int(_float(1).view(_unsigned)) + 8


def outside_unit_interval(x: Any) -> tuple[Any, Any] | None:
    """Return the smallest and the largest element if one is below 0 or, by more than rounding, above 1.

    Examples
    --------
    >>> tg.nn.losses.base.outside_unit_interval(np.array([0.0, 0.5, 1.0]))
    >>> tg.nn.losses.base.outside_unit_interval(np.array([0, -3]))
    (-3, 0)
    """
    array = all_elements(as_array(x))
    bits, highest = _BITS.get(array.dtype, (None, 0))
    if array.dtype.kind == "b" or not array.size:
        return None
    if bits is not None and array.view(bits).max() <= highest:
        return None
    low, high = array.min().item(), array.max().item()
    rounding = max(8 * np.finfo(array.dtype).eps, 1e-6) if array.dtype.kind == "f" else 0
    return (low, high) if low < 0 or high > 1 + rounding else None


def check_probabilities(name: str, target: Any, hint: str = "") -> None:
    """Raise ValueError unless all targets are probabilities; NaN is let through, into the loss.

    Examples
    --------
    >>> tg.nn.losses.base.check_probabilities("loss", np.array([1.0, -1.0]))
    Traceback (most recent call last):
    ...
    ValueError: loss: target must be from 0 to 1, and goes from -1 to 1; for the labels -1 and 1 use (target + 1) / 2
    """
    found = outside_unit_interval(target)
    if found is None:
        return
    array = all_elements(as_array(target))
    if found == (-1, 1) and not (np.abs(array) != 1).any():
        hint = "for the labels -1 and 1 use (target + 1) / 2"
    elif not hint:
        whole = bool((array == np.floor(array)).all())
        hint = "for the classes 0, 1, 2, ... use cross_entropy" if whole else "scale it, or use a loss of real numbers"
    raise ValueError(f"{name}: target must be from 0 to 1, and goes from {found[0]:.6g} to {found[1]:.6g}; {hint}")
