"""Modules: layers, losses, their functions and initial values, with PyTorch's names."""

from typing import TYPE_CHECKING

from ..foreign_names import missing
from . import functional, init, utils
from .activations import (
    ELU,
    GELU,
    GLU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softsign,
    Tanh,
    Threshold,
)
from .attention import MultiheadAttention
from .containers import (
    Identity,
    Lambda,
    ModuleDict,
    ModuleList,
    ParameterDict,
    ParameterList,
    Residual,
    Sequential,
)
from .conv import (
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
)
from .distance import (
    CosineSimilarity,
    PairwiseDistance,
)
from .dropout import (
    AlphaDropout,
    Dropout,
    Dropout1d,
    Dropout2d,
)
from .embedding import Embedding
from .linear import (
    Bilinear,
    Flatten,
    Linear,
    Unflatten,
)
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LogUniformSampler,
    MarginRankingLoss,
    MSELoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    NegativeSamplingLoss,
    NLLLoss,
    PoissonNLLLoss,
    SampledSoftmaxLoss,
    SmoothL1Loss,
    TripletMarginLoss,
    UnigramSampler,
)
from .module import Module
from .normalization import (
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    LayerNorm,
    RMSNorm,
)
from .parameter import Buffer, Parameter
from .pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    LPPool1d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxUnpool1d,
    MaxUnpool2d,
)
from .recurrent import (
    GRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    RNNCell,
)
from .transformer import (
    PositionalEncoding,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .upsampling import (
    Upsample,
)

if TYPE_CHECKING:
    from ..graph.summary import summary
else:

    def __getattr__(name):
        """Import `summary`, which stands above this package, when it is first used: most programs never need it."""
        if name == "summary":
            from ..graph.summary import summary

            return summary
        raise missing("tg.nn", name)


__all__ = [
    # what modules are made of
    "Module",
    "Parameter",
    "Buffer",
    "functional",
    "init",
    "summary",
    "utils",
    # containers
    "Identity",
    "Lambda",
    "ModuleDict",
    "ModuleList",
    "ParameterDict",
    "ParameterList",
    "Residual",
    "Sequential",
    # layers
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bilinear",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CosineSimilarity",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GRU",
    "GRUCell",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LPPool1d",
    "LPPool2d",
    "LSTM",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MultiheadAttention",
    "PairwiseDistance",
    "PositionalEncoding",
    "RMSNorm",
    "RNN",
    "RNNCell",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "Unflatten",
    "Upsample",
    # activations
    "ELU",
    "GELU",
    "GLU",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "Tanh",
    "Threshold",
    # losses
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LogUniformSampler",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NegativeSamplingLoss",
    "PoissonNLLLoss",
    "SampledSoftmaxLoss",
    "SmoothL1Loss",
    "TripletMarginLoss",
    "UnigramSampler",
]


def __dir__() -> list[str]:
    """Return the public names: the files of this package are not among them."""
    return __all__
