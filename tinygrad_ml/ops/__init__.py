"""The table of operations, one file per family; every name here is NumPy's where NumPy has the function."""

from .activation import log_softmax, logsumexp, relu, sigmoid, softmax
from .create import (
    arange,
    eye,
    full,
    linspace,
    manual_seed,
    ones,
    ones_like,
    rand,
    randn,
    zeros,
    zeros_like,
)
from .elementwise import (
    abs,
    add,
    clip,
    divide,
    equal,
    exp,
    expm1,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    sign,
    sqrt,
    subtract,
    tanh,
    where,
)
from .fused import (
    affine,
    binary_cross_entropy_with_logits,
    project,
    softmax_cross_entropy,
    squared_error,
)
from .index import getitem, scatter
from .linalg import matmul
from .methods import astype, setitem
from .reduce import all, any, argmax, argmin, max, mean, min, sum
from .shape import (
    broadcast_to,
    concatenate,
    expand_dims,
    ravel,
    reshape,
    squeeze,
    stack,
    swapaxes,
    transpose,
)
