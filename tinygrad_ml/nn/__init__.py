"""Modules: layers, losses, their functions and initial values, with PyTorch's names."""

from typing import TYPE_CHECKING

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
from .conv import Conv1d, Conv2d
from .dropout import Dropout, Dropout2d
from .embedding import Embedding
from .linear import Flatten, Linear, Unflatten
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LogUniformSampler,
    MSELoss,
    NegativeSamplingLoss,
    NLLLoss,
    PoissonNLLLoss,
    SampledSoftmaxLoss,
    SmoothL1Loss,
    UnigramSampler,
)
from .module import Module
from .normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from .parameter import Buffer, Parameter
from .pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from .recurrent import GRU, LSTM, RNN

if TYPE_CHECKING:
    from ..graph.summary import summary
else:

    def __getattr__(name):
        """Import `summary`, which stands above this package, when it is first used: most programs never need it."""
        if name == "summary":
            from ..graph.summary import summary

            return summary
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    # what modules are made of
    "Module",
    "Parameter",
    "Buffer",
    "functional",
    "init",
    "summary",
    # containers
    "Identity",
    "Lambda",
    "ModuleDict",
    "ModuleList",
    "Residual",
    "Sequential",
    # layers
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GRU",
    "LSTM",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MultiheadAttention",
    "RNN",
    "Unflatten",
    # activations
    "ELU",
    "GELU",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    # losses
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LogUniformSampler",
    "MSELoss",
    "NLLLoss",
    "NegativeSamplingLoss",
    "PoissonNLLLoss",
    "SampledSoftmaxLoss",
    "SmoothL1Loss",
    "UnigramSampler",
]


def __dir__() -> list[str]:
    """Return the public names: the files of this package are not among them."""
    return __all__
