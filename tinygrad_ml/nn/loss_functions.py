"""Losses of numbers, probabilities and distributions as functions; `reduction` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..ops import losses
from ..ops.losses import squared_error
from ..tensor import Tensor
from .layer_functions import shape_of


def reduced(terms: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of the terms, or all of them."""
    if reduction == "mean":
        return ops.mean(terms) if terms.size else ops.sum(terms) * np.nan
    if reduction == "sum":
        return ops.sum(terms)
    if reduction == "none":
        return terms
    raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")


def matched(name: str, input: Any, target: Any) -> Any:
    """Return the target, which must have the shape of the input, in its dtype: the loss has that dtype too."""
    if shape_of(input) != shape_of(target):
        raise ValueError(
            f"{name}: input has shape {shape_of(input)} and target {shape_of(target)}; they must be equal "
            "(broadcasting here is nearly always a mistake: reshape one of them)"
        )
    dtype = getattr(input, "dtype", None)
    if dtype is None or dtype.kind != "f" or getattr(target, "dtype", dtype) == dtype:
        return target
    return target if isinstance(target, Tensor) and target.requires_grad else target.astype(dtype)


def like(weight: Any, input: Any) -> Any:
    """Return constant weights in the dtype of the input, so that a float32 loss stays one."""
    if isinstance(weight, Tensor) and weight.requires_grad:
        return weight
    return np.asarray(weight._data if isinstance(weight, Tensor) else weight, input.dtype)


# ---------------------------------------------------------------------- distances


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the squared differences of two arrays of one shape: their mean, their sum, or all of them.

    Examples
    --------
    >>> tg.nn.functional.mse_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    target = matched("mse_loss", input, target)
    return squared_error(input, target, reduction=reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the absolute differences of two arrays of one shape, reduced.

    Examples
    --------
    >>> tg.nn.functional.l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    target = matched("l1_loss", input, target)
    return reduced(ops.abs(ops.subtract(input, target)), reduction)


def huber_loss(input: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Return d² / 2 for differences |d| <= delta, and delta * (|d| - delta / 2) beyond, reduced (Huber 1964).

    Examples
    --------
    >>> tg.nn.functional.huber_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]))
    tensor(0.75)
    """
    target = matched("huber_loss", input, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, not {delta}")
    return reduced(losses.huber(ops.subtract(input, target), delta=delta), reduction)


def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return d² / (2 beta) for differences |d| <= beta, and |d| - beta / 2 beyond, reduced.

    With beta = 0 it is the absolute difference. Girshick, "Fast R-CNN" (2015).

    Examples
    --------
    >>> tg.nn.functional.smooth_l1_loss(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 4.0]), beta=0.5)
    tensor(0.875)
    """
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    target = matched("smooth_l1_loss", input, target)
    if not beta > 0:
        raise ValueError(f"smooth_l1_loss: beta must be at least 0, not {beta}")
    return reduced(losses.huber(ops.subtract(input, target), delta=beta) / beta, reduction)


# ---------------------------------------------------------------------- yes or no


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """Return the log loss of probabilities for targets between 0 and 1; no logarithm counts as less than -100.

    Logits and `binary_cross_entropy_with_logits` are exact where probabilities are rounded to 0 or 1.

    Parameters
    ----------
    input, target : of one shape
        Probabilities, and the truth.
    weight : array_like, optional
        A factor of each term; it broadcasts.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.nn.functional.binary_cross_entropy(tg.tensor([0.5]), tg.tensor([1.0]))
    tensor(0.693147)
    """
    target = matched("binary_cross_entropy", input, target)
    array = input._data if isinstance(input, Tensor) else np.asarray(input)
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must hold probabilities from 0 to 1, and goes from {array.min():.6g} to "
            f"{array.max():.6g}; for logits use binary_cross_entropy_with_logits"
        )
    terms = losses.binary_cross_entropy(input, target)
    return reduced(terms if weight is None else terms * like(weight, terms), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Return the log loss of the probabilities sigmoid(input) for targets between 0 and 1.

    Parameters
    ----------
    input, target : of one shape
        Logits of any size, and the truth.
    weight : array_like, optional
        A factor of each term; it broadcasts.
    reduction : "mean", "sum" or "none"
    pos_weight : array_like, optional
        A factor of the positive part of each term; above 1 it makes misses dearer than false alarms. It broadcasts.

    Examples
    --------
    >>> tg.nn.functional.binary_cross_entropy_with_logits(tg.tensor([0.0]), tg.tensor([1.0]))
    tensor(0.693147)
    """
    target = matched("binary_cross_entropy_with_logits", input, target)
    if weight is None and pos_weight is None:
        return losses.binary_cross_entropy_with_logits(input, target, reduction=reduction)
    if pos_weight is None:
        terms = losses.binary_cross_entropy_with_logits(input, target, reduction="none")
    else:
        input = input if isinstance(input, Tensor) else Tensor(input)
        factor = 1 + (like(pos_weight, input) - 1) * target
        terms = (1 - target) * input - factor * ops.logsigmoid(input)
    return reduced(terms if weight is None else terms * like(weight, terms), reduction)


# ---------------------------------------------------------------------- distributions


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return target * (log(target) - input), reduced: the Kullback-Leibler divergence of log-probabilities.

    Parameters
    ----------
    input : log-probabilities
    target : probabilities, or their logarithms with `log_target`, of the same shape
    reduction : "mean" (over all numbers), "batchmean" (the sum over the length of the first axis: the divergence
        itself), "sum" or "none"
    log_target : bool

    Examples
    --------
    >>> tg.nn.functional.kl_div(tg.log(tg.tensor([[0.5, 0.5]])), tg.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.693147)
    """
    target = matched("kl_div", input, target)
    target = target if isinstance(target, Tensor) else Tensor(target)
    if log_target:
        terms = ops.exp(target) * (target - input)
    else:
        terms = target * ops.log(ops.where(target > 0, target, 1.0)) - target * input
    if reduction == "batchmean":
        return ops.sum(terms) / terms.shape[0]
    return reduced(terms, reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return minus the log-likelihood of counts under Poisson distributions, reduced.

    Parameters
    ----------
    input : the logarithm of the rates, or with `log_input=False` the rates
    target : the counts, of the same shape
    log_input : bool
    full : bool
        Whether to add Stirling's approximation of log(target!) for targets above 1.
    eps : float
        Added to a rate before its logarithm is taken.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.nn.functional.poisson_nll_loss(tg.tensor([0.0]), tg.tensor([2.0]))
    tensor(1.)
    """
    target = matched("poisson_nll_loss", input, target)
    input = input if isinstance(input, Tensor) else Tensor(input)
    terms = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        count = target if isinstance(target, Tensor) else Tensor(target)
        many = count > 1
        t = ops.where(many, count, 1.0)
        terms = terms + ops.where(many, t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t), 0.0)
    return reduced(terms, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, *, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Return minus the log-likelihood of targets under normal distributions, reduced.

    Nix and Weigend, "Estimating the mean and variance of the target probability distribution" (1994).

    Parameters
    ----------
    input : the means
    target : of the same shape
    var : the variances: of that shape, or with a last axis of length 1, or without it
        A variance below `eps` counts as `eps`; its gradient is that of the formula, as in PyTorch.
    full : bool
        Whether to add the constant log(2 pi) / 2.
    eps : float
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.nn.functional.gaussian_nll_loss(tg.tensor([0.0]), tg.tensor([2.0]), tg.tensor([1.0]))
    tensor(2.)
    """
    target = matched("gaussian_nll_loss", input, target)
    shape = shape_of(input)
    var = var if isinstance(var, Tensor) else Tensor(var)
    if var.shape == shape[:-1] and var.shape != shape:
        var = ops.expand_dims(var, -1)
    if var.shape not in (shape, (*shape[:-1], 1)):
        raise ValueError(f"gaussian_nll_loss: input has shape {shape}; var has {var.shape}, it must have the same")
    if var.size and var._data.min() < 0:
        raise ValueError("gaussian_nll_loss: var holds a negative variance")
    var = var + np.maximum(eps - var._data, 0)
    terms = 0.5 * (ops.log(var) + ops.square(ops.subtract(input, target)) / var)
    return reduced(terms + 0.5 * math.log(2 * math.pi) if full else terms, reduction)
