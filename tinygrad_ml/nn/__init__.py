"""Modules: layers, losses, their functions and initial values, with PyTorch's names."""

from importlib import import_module
from typing import Any

from . import functional, init
from .activations import (
    ELU,
    GELU,
    SELU,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from .attention import MultiheadAttention
from .containers import Identity, Lambda, ModuleDict, ModuleList, Residual, Sequential
from .conv_layers import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    MaxPool1d,
    MaxPool2d,
)
from .distribution_losses import GaussianNLLLoss, KLDivLoss, PoissonNLLLoss
from .layers import Dropout, Dropout2d, Embedding, Flatten, Linear, Unflatten
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm
from .parameter import Buffer, Parameter
from .recurrent import GRU, LSTM, RNN
from .sampling import LogUniformSampler, NegativeSamplingLoss, SampledSoftmaxLoss, UnigramSampler


def __getattr__(name: str) -> Any:
    """Import `summary` when it is first used: it traces, and training does not."""
    if name == "summary":
        return import_module("..graph.summary", __name__).summary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
