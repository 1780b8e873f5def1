"""Losses: how far an output is from its target, as one number to minimise; each as a module and as a function.

All of them take `reduction`: "mean", "sum" or "none" (one value for each term).
"""

from .base import Loss
from .classification import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    NLLLoss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_loss,
    nll_loss,
)
from .distribution import (
    GaussianNLLLoss,
    KLDivLoss,
    PoissonNLLLoss,
    gaussian_nll_loss,
    kl_div,
    poisson_nll_loss,
)
from .regression import (
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
    huber_loss,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from .sampled import LogUniformSampler, NegativeSamplingLoss, SampledSoftmaxLoss, UnigramSampler

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LogUniformSampler",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "NegativeSamplingLoss",
    "PoissonNLLLoss",
    "SampledSoftmaxLoss",
    "SmoothL1Loss",
    "UnigramSampler",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]
