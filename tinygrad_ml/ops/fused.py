"""Several steps in one operation, where a course model spends its time: affine maps and losses.

Each loss takes `reduction`: "mean", "sum" or "none".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import primitive
from ..tensor import Tensor
from .activation import sigmoid, softmax


def _affine_weight(g: Any, x: Any) -> Any:
    if g.ndim == 2:
        return g.T @ x
    return np.reshape(g, (-1, g.shape[-1])).T @ np.reshape(x, (-1, x.shape[-1]))


@primitive(x=lambda g, weight: g @ weight, weight=_affine_weight, bias=lambda g: g)
def affine(x, weight, bias):
    """Return x @ weight.T + bias for x (..., in), weight (out, in) and bias (out,).

    >>> tg.ops.affine(tg.ones((1, 2)), tg.tensor([[1.0, 2.0]]), tg.tensor([10.0]))
    tensor([[13.]])
    """
    out = x @ weight.T
    if out.dtype == bias.dtype:
        out += bias
        return out
    return out + bias


@primitive(x=lambda g, weight: g @ weight, weight=_affine_weight)
def project(x, weight):
    """Return x @ weight.T for x (..., in) and weight (out, in): `affine` without a bias.

    >>> tg.ops.project(tg.ones((1, 2)), tg.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    return x @ weight.T


def _reduce(terms: np.ndarray, reduction: str) -> Any:
    if reduction == "mean":
        return terms.sum() / terms.size if terms.size else terms.dtype.type(np.nan)
    if reduction == "sum":
        return terms.sum()
    if reduction == "none":
        return terms
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def _each(g: Any, terms: int, reduction: str) -> Any:
    """Return the gradient that arrives at each of so many terms."""
    return g / (terms or 1) if reduction == "mean" else g


@primitive(
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
    p = np.where(input >= 0, 1, e)
    p /= 1 + e
    p -= target
    p *= _each(g, input.size, reduction)
    return p


@primitive(
    keeps="e",
    input=_log_loss_input,
    target=lambda g, input, reduction: -_each(g, input.size, reduction) * input,
)
def binary_cross_entropy_with_logits(input, target, *, reduction="mean"):
    """Return the log loss of the probabilities sigmoid(input), reduced; exact for logits of any size.

    >>> tg.ops.binary_cross_entropy_with_logits(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.346574)
    """
    e = np.exp(-np.abs(input))
    return _reduce(np.maximum(input, 0) - input * target + np.log1p(e), reduction), e


def _minus_one_hot(p: Any, target: np.ndarray) -> Any:
    one_hot = np.zeros(p.shape, p.dtype)
    one_hot[np.arange(len(target)), target] = 1
    return p - one_hot


def _cross_entropy_input(g: Any, input: Any, target: np.ndarray, p: np.ndarray, reduction: str) -> Any:
    if isinstance(input, Tensor):
        g = _each(g, len(target), reduction)
        return (g if reduction != "none" else np.expand_dims(g, -1)) * _minus_one_hot(softmax(input), target)
    d = p.copy()
    d[np.arange(len(target)), target] -= 1
    d *= _each(g, len(target), reduction) if reduction != "none" else g[:, None]
    return d


@primitive(keeps="p", input=_cross_entropy_input)
def softmax_cross_entropy(input, *, target, reduction="mean"):
    """Return -log softmax(input)[target] for logits (n, classes) and class indices (n,), reduced.

    >>> tg.ops.softmax_cross_entropy(tg.tensor([[0.0, 0.0]]), target=np.array([1]))
    tensor(0.693147)
    """
    shifted = input - input.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    terms = np.log(total[:, 0]) - shifted[np.arange(len(target)), target]
    return _reduce(terms, reduction), p
