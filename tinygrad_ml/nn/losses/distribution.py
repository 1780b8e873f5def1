"""Losses of whole distributions: minus the log-likelihood of a target, and divergence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...ops.losses import check_same_shape
from ...tensor import Tensor, as_array, as_floating, as_tensor, shape_of
from .base import Loss, reduce_loss, weighted

__all__ = ["GaussianNLLLoss", "KLDivLoss", "PoissonNLLLoss", "gaussian_nll_loss", "kl_div", "poisson_nll_loss"]


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return target * (log(target) - input), reduced: the Kullback-Leibler divergence of log-probabilities.

    Parameters
    ----------
    input : log-probabilities
    target : probabilities, or their logarithms with `log_target`, of the same shape
    reduction : "mean" (over all elements), "batchmean" (the sum over the length of the first axis: the divergence
        itself), "sum" or "none"
    log_target : bool

    Examples
    --------
    >>> tg.nn.functional.kl_div(tg.log(tg.tensor([[0.5, 0.5]])), tg.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.693147)
    """
    input, target = check_same_shape("kl_div", input, target)
    target = as_tensor(target)
    if log_target:
        with np.errstate(invalid="ignore"):  # -inf - -inf
            terms = weighted(ops.exp(target), target - input)
    else:
        _check_not_negative("kl_div", target, "it holds probabilities; for their logarithms use log_target=True")
        terms = target * ops.log(ops.where(target > 0, target, 1.0)) - weighted(target, input)
    if reduction == "batchmean":
        return ops.sum(terms) / terms.shape[0]
    return reduce_loss(terms, reduction)


class KLDivLoss(Loss):
    """The Kullback-Leibler divergence of log-probabilities from a target distribution: target * (log(target) - input).

    Parameters
    ----------
    reduction : "mean" (over all elements, as in PyTorch), "batchmean" (the divergence itself), "sum" or "none"
    log_target : bool
        Whether the target holds log-probabilities too.

    Examples
    --------
    >>> loss = tg.nn.KLDivLoss(reduction="batchmean")
    >>> loss(tg.log(tg.tensor([[0.5, 0.5]])), tg.tensor([[1.0, 0.0]]))
    tensor(0.693147)
    """

    reductions = ("mean", "batchmean", "sum", "none")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction=reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


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
    input, target = check_same_shape("poisson_nll_loss", input, target)
    _check_not_negative("poisson_nll_loss", target, "it holds counts")
    input = as_floating(input)
    with np.errstate(divide="ignore"):  # an impossible count costs infinitely much
        logs = input if log_input else ops.log(input + eps)
    terms = (ops.exp(input) if log_input else input) - weighted(target, logs)
    if full:
        count = as_tensor(target)
        many = count > 1
        t = ops.where(many, count, 1.0)
        terms = terms + ops.where(many, t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t), 0.0)
    return reduce_loss(terms, reduction)


class PoissonNLLLoss(Loss):
    """Minus the log-likelihood of counts under Poisson distributions; input holds the logarithms of their rates.

    Parameters
    ----------
    log_input : bool
        False: input holds the rates themselves.
    full : bool
        Whether to add Stirling's approximation of log(target!), which does not depend on the input.
    eps : float
        Added to a rate before its logarithm is taken.

    Examples
    --------
    >>> tg.nn.PoissonNLLLoss()(tg.tensor([0.0]), tg.tensor([2.0]))
    tensor(1.)
    """

    def __init__(self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: Any, target: Any) -> Tensor:
        return poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


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
    input, target = check_same_shape("gaussian_nll_loss", input, target)
    shape = shape_of(input)
    var = as_floating(var)
    if var.shape == shape[:-1] and var.shape != shape:
        var = ops.expand_dims(var, -1)
    if var.shape not in (shape, (*shape[:-1], 1)):
        raise ValueError(f"gaussian_nll_loss: input has shape {shape}; var has {var.shape}, it must have the same")
    if var.size and var._data.min() < 0:
        raise ValueError("gaussian_nll_loss: var holds a negative variance")
    var = var + np.maximum(eps - var._data, 0)
    terms = 0.5 * (ops.log(var) + ops.square(ops.subtract(input, target)) / var)
    return reduce_loss(terms + 0.5 * math.log(2 * math.pi) if full else terms, reduction)


class GaussianNLLLoss(Loss):
    """Minus the log-likelihood of targets under normal distributions of which the model gives mean and variance.

    Nix and Weigend, "Estimating the mean and variance of the target probability distribution" (1994).

    Parameters
    ----------
    full : bool
        Whether to add the constant log(2 pi) / 2.
    eps : float
        A smaller variance counts as this.

    Examples
    --------
    >>> mean, variance = tg.tensor([0.0]), tg.tensor([1.0])
    >>> tg.nn.GaussianNLLLoss()(mean, tg.tensor([2.0]), variance)
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        return gaussian_nll_loss(input, target, var, self.full, eps=self.eps, reduction=self.reduction)


def _check_not_negative(name: str, target: Any, hint: str) -> None:
    array = as_array(target)
    if array.size and array.min() < 0:
        raise ValueError(f"{name}: target must not be negative, and its smallest element is {array.min():.6g}; {hint}")
