"""The table of operations, one file per family; every name here is NumPy's where NumPy has the function."""

from types import ModuleType as _ModuleType

from . import numpy_protocol, tensor_methods
from .activation import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    logsumexp,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
)
from .conv import conv1d, conv2d, conv2d_input, conv2d_weight
from .create import (
    arange,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    randn,
    zeros,
    zeros_like,
)
from .cumulative import cumprod, cumsum, prod
from .einsum import einsum
from .elementwise import (
    abs,
    add,
    clip,
    divide,
    hypot,
    maximum,
    minimum,
    multiply,
    nan_to_num,
    negative,
    positive,
    power,
    reciprocal,
    sqrt,
    square,
    subtract,
    where,
)
from .embedding import embedding
from .exponential import (
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
)
from .index import (
    add_at,
    argsort,
    getitem,
    nonzero,
    one_hot,
    scatter,
    searchsorted,
    setitem,
    sort,
    take,
    take_along_axis,
    topk,
)
from .join import (
    array_split,
    concatenate,
    dstack,
    hstack,
    meshgrid,
    pad,
    repeat,
    split,
    stack,
    tile,
    vstack,
)
from .linear import affine, project
from .logic import (
    equal,
    greater,
    greater_equal,
    isclose,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
)
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber,
    softmax_cross_entropy,
    squared_error,
)
from .normalize import normalize
from .pool import avg_pool1d, avg_pool2d, avg_pool2d_input, max_pool1d, max_pool2d, max_pool2d_input
from .products import dot, inner, kron, matmul, outer, tensordot, vdot
from .recurrent import gru, lstm, rnn
from .reduce import all, amax, amin, any, argmax, argmin, max, mean, min, sum
from .rounding import (
    ceil,
    floor,
    floor_divide,
    fmod,
    remainder,
    rint,
    round,
    sign,
    trunc,
)
from .shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_arrays,
    broadcast_to,
    diag,
    diagonal,
    expand_dims,
    flip,
    moveaxis,
    ravel,
    reshape,
    roll,
    rot90,
    squeeze,
    swapaxes,
    trace,
    transpose,
    tril,
    triu,
)
from .special import erf, sinc, sinc_derivative
from .statistics import average, median, percentile, ptp, quantile, std, var
from .tensor_methods import astype, copy
from .trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
    tanh,
)

# What `from tinygrad_ml.ops import *` gives: the functions, and not the files that they come from.
__all__ = [name for name, value in list(globals().items()) if name[0] != "_" and not isinstance(value, _ModuleType)]
