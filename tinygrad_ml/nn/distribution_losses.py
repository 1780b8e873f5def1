"""Losses of whole distributions as modules: minus the log-likelihood of a target, and divergence."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .losses import Loss


class KLDivLoss(Loss):
    """The Kullback-Leibler divergence of log-probabilities from a target distribution: target * (log(target) - input).

    Parameters
    ----------
    reduction : "mean" (over all numbers, as in PyTorch), "batchmean" (the divergence itself), "sum" or "none"
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
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


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
        return F.poisson_nll_loss(input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


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
        return F.gaussian_nll_loss(input, target, var, self.full, eps=self.eps, reduction=self.reduction)
