"""Losses of single numbers: how wrong each prediction is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import KINDS, like, together
from ..autograd import dispatch, elementwise, primitive
from ..batched import Batched, every
from ..tensor import Tensor, get_default_dtype, shape_of
from .activation import log_softmax, sigmoid, softmax
from .index import beside

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "huber",
    "softmax_cross_entropy",
    "squared_error",
]

LOWEST = -100.0  # no logarithm in a cross entropy is smaller, as in PyTorch


def _logs(x: Any) -> tuple[Any, Any]:
    """Return log(x) and log(1 - x), not below LOWEST."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), LOWEST), np.maximum(np.log1p(-x), LOWEST)


def _binary_cross_entropy_target(g: Any, input: Any) -> Any:
    yes, no = _logs(input)
    return g * (no - yes)


def _cross_entropy(x, t):
    yes, no = _logs(x)
    return -(t * yes + (1 - t) * no)


binary_cross_entropy = elementwise(
    _cross_entropy,
    """Return -(target * log(input) + (1 - target) * log(1 - input)) for probabilities from 0 to 1.

    A logarithm below -100 counts as -100, and the divisor input * (1 - input) of the derivative as at least 1e-12.

    >>> tg.ops.binary_cross_entropy(tg.tensor([0.5, 0.0]), tg.tensor([1.0, 1.0]))
    tensor([  0.693147, 100.      ])
    """,
    name="binary_cross_entropy",
    floating=True,
    input=lambda g, input, target: g * (input - target) / np.maximum(input * (1 - input), 1e-12),
    target=_binary_cross_entropy_target,
    real_only=True,
)


@primitive(floating=True, real_only=True, x=lambda g, x, delta: g * np.clip(x, -delta, delta))
def huber(x, *, delta=1.0):
    """Return x**2 / 2 where abs(x) <= delta, and delta * (abs(x) - delta / 2) beyond (Huber 1964).

    >>> tg.ops.huber(tg.tensor([0.5, -3.0]))
    tensor([0.125, 2.5  ])
    """
    bounded = np.clip(x, -delta, delta)
    return bounded * (x - 0.5 * bounded)


# ---------------------------------------------------------------------- with a reduction: "mean", "sum" or "none"


def _reduce(terms: np.ndarray, reduction: str) -> Any:
    if reduction == "mean":
        return terms.sum() / terms.size if terms.size else terms.dtype.type(np.nan)
    if reduction == "sum":
        return terms.sum()
    if reduction == "none":
        return terms
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _finite(out: Any) -> Any:
    return out - out == 0 if isinstance(out, np.generic) else every(np.isfinite(out))  # type: ignore[operator]


def _each(g: Any, terms: int, reduction: str) -> Any:
    """g / n"""
    return g / (terms or 1) if reduction == "mean" else g


@primitive(
    floating=True,
    real_only=True,
    cost="reduction",
    input=lambda g, input, target, reduction: (2 * _each(g, input.size, reduction)) * (input - target),
    target=lambda g, input, target, reduction: (2 * _each(g, input.size, reduction)) * (target - input),
)
def squared_error(input, target, *, reduction="mean"):
    """Return the squared differences of two arrays of one shape, reduced.

    >>> tg.ops.squared_error(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    d = input - target
    d *= d
    return _reduce(d, reduction)


def _log_loss_input(g: Any, input: Any, target: Any, e: np.ndarray, reduction: str) -> Any:
    if isinstance(input, Tensor):
        return _each(g, input.size, reduction) * (sigmoid(input) - target)
    p = np.maximum(e, input >= 0)  # 1 or e: a choice without branches
    p /= 1 + e
    p -= target
    p *= _each(g, input.size, reduction)
    return p


@primitive(
    floating=True,
    real_only=True,
    cost="reduction",
    residuals="e",
    input=_log_loss_input,
    target=lambda g, input, reduction: -_each(g, input.size, reduction) * input,
)
def binary_cross_entropy_with_logits(input, target, *, reduction="mean"):
    """Return the log loss of the probabilities sigmoid(input), reduced; exact for logits of any size.

    >>> tg.ops.binary_cross_entropy_with_logits(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.346574)
    """
    e = np.exp(-np.abs(input))
    with np.errstate(invalid="ignore"):  # inf - inf
        terms = np.maximum(input, 0) - input * target + np.log1p(e)
        out = _reduce(terms, reduction)
        if not _finite(out):  # an infinite logit costs nothing if the target is sure of its sign
            sure = np.isinf(input) & np.where(input > 0, target == 1, target == 0)
            out = _reduce(np.where(sure, 0, np.where(np.isinf(input), np.inf, terms)), reduction)
    return out, e


def _picked(x: Any, target: Any) -> Any:
    """Return x[i, target[i]] for each row i."""
    if type(x) is np.ndarray and type(target) is np.ndarray:
        return x[np.arange(len(target)), target]
    return np.take_along_axis(x, np.expand_dims(beside(target, x), 1), 1)[:, 0]


def _minus_one_hot(p: Any, target: Any) -> Any:
    return p - (np.expand_dims(beside(target, p), 1) == like(p).arange(p.shape[1]))


def _cross_entropy_input(g: Any, input: Any, target: np.ndarray, p: np.ndarray, reduction: str) -> Any:
    """g * (softmax(input) - one_hot(target))"""
    if isinstance(input, Tensor):
        g = _each(g, len(target), reduction)
        return (g if reduction != "none" else np.expand_dims(g, -1)) * _minus_one_hot(softmax(input), target)
    if type(p) is np.ndarray and type(g) is not Batched:
        d = p.copy()
        d[np.arange(len(target)), target] -= 1
    else:
        d = _minus_one_hot(p, target)
    d *= _each(g, len(target), reduction) if reduction != "none" else g[:, None]
    return d


@primitive(floating=True, real_only=True, cost="reduction", residuals="p", input=_cross_entropy_input)
def softmax_cross_entropy(input, *, target, reduction="mean"):
    """Return -log softmax(input)[target] for logits (n, classes) and class indices (n,), reduced.

    >>> tg.ops.softmax_cross_entropy(tg.tensor([[0.0, 0.0]]), target=np.array([1]))
    tensor(0.693147)
    """
    with np.errstate(invalid="ignore"):  # inf - inf
        shifted = input - input.max(axis=1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        out = _reduce(np.log(total[:, 0]) - _picked(shifted, target), reduction)
        if not _finite(out):  # rows of infinities, seen as limits
            p = dispatch(softmax, input)
            out = _reduce(-_picked(dispatch(log_softmax, input), target), reduction)
    return out, p


# ---------------------------------------------------------------------- inputs and targets


def check_same_shape(name: str, input: Any, target: Any, real_only: bool = True) -> tuple[Any, Any]:
    """Return input and target, which must have one shape, with the dtype of the input: the loss has that dtype too.

    Integers and bools become the default float first: differences of uint8 would wrap around.
    """
    if isinstance(input, Tensor) and isinstance(target, Tensor):  # the usual case first
        x, y = input._data, target._data
        if x.dtype is y.dtype and x.shape == y.shape and x.dtype.kind == "f":
            return input, target
    if KINDS:
        input, target = together(input, target)
    shape, of_target = shape_of(input), shape_of(target)
    if shape != of_target:
        raise ValueError(
            f"{name}: input has shape {shape} and target {of_target}; they must be equal "
            "(broadcasting here is nearly always a mistake: reshape one of them)"
        )
    if real_only:
        check_real(name, input, target)
    dtype, given = _dtype_of(input), _dtype_of(target)
    if given is None or dtype is not given:
        check_numeric(name, target)
    if dtype is not None and dtype.kind in "iub":
        dtype = get_default_dtype()
        input = input.astype(dtype)
    if dtype is None or given is None or dtype is given or dtype.kind != "f" or given.kind == "c":
        return input, target
    return input, target if isinstance(target, Tensor) and target.requires_grad else target.astype(dtype)


def check_real(name: str, *inputs: Any) -> None:
    """Raise TypeError if one of the inputs of a loss is complex.

    Examples
    --------
    >>> tg.ops.losses.check_real("loss", np.array([1j]))
    Traceback (most recent call last):
    ...
    TypeError: loss is for real numbers, and got complex128: compare .real and .imag, or tg.abs
    """
    for x in inputs:
        dtype = _dtype_of(x)
        if dtype is not None and getattr(dtype, "kind", "") == "c":
            raise TypeError(f"{name} is for real numbers, and got {dtype}: compare .real and .imag, or tg.abs")


def check_numeric(name: str, target: Any) -> None:
    """Raise TypeError if a target holds strings or other objects.

    Examples
    --------
    >>> tg.ops.losses.check_numeric("loss", np.array(["cat", "dog"]))
    Traceback (most recent call last):
    ...
    TypeError: loss: target holds strings; give their numbers: np.unique(target, return_inverse=True)[1]
    """
    kind = _kind_of(target)
    if kind in "US":
        raise TypeError(f"{name}: target holds strings; give their numbers: np.unique(target, return_inverse=True)[1]")
    if kind not in "fciub":
        raise TypeError(f"{name}: target must be numeric, and is {np.asarray(target).dtype}; use target.astype(float)")


def _kind_of(x: Any) -> str:
    dtype = _dtype_of(x)
    return np.asarray(x).dtype.kind if dtype is None else getattr(dtype, "kind", "O")


def _dtype_of(x: Any) -> np.dtype | None:
    return x._data.dtype if isinstance(x, Tensor) else getattr(x, "dtype", None)
