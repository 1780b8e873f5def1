"""Activation functions and the softmax family, right at any magnitude and at -inf masks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import KINDS, extreme
from ..autograd import dispatch, elementwise, primitive
from ..batched import all_elements, every
from ..tensor import Tensor
from .blockwise import blockwise, masked
from .reduce import restore_axes
from .special import erf

__all__ = [
    "elu",
    "gelu",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "logsumexp",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
]

ROOT_HALF = math.sqrt(1 / 2)
ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _sigmoid(x):
    with np.errstate(over="ignore"):  # where exp overflows, the result is 0
        return 1 / (1 + np.exp(-x))


def _softmax(x, axis):
    shifted = np.exp(_shifted(x, axis)[0])
    total = shifted.sum(axis=axis, keepdims=True)
    shifted /= np.where(total == 0, 1, total)
    return shifted


def _shifted(x, axis):
    """Return x minus its maximum along `axis`, so that exp does not overflow, and the maximum.

    Where all is masked with -inf it stays so. Beside +inf all else becomes -inf.
    """
    if KINDS:
        peak = extreme(x, "max", axis, -np.inf, keepdims=True)
    else:
        peak = x.max(axis=axis, keepdims=True, initial=-np.inf)
    if np.isfinite(all_elements(peak)).all():
        return x - peak, peak
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.where(x == np.inf, 0, x - np.where(peak == -np.inf, 0, peak)), peak


relu = elementwise(
    lambda x: np.maximum(x, 0),
    """Return max(x, 0). Its derivative at 0 is taken to be 0.

    >>> tg.relu(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """,
    name="relu",
    x=lambda g, out: masked(g, out > 0),
    formula="g * (x > 0)",
    real_only=True,
)

sigmoid = elementwise(
    lambda x: blockwise(_sigmoid, x),
    """Return 1 / (1 + e ** -x).

    >>> tg.sigmoid(tg.tensor([0.0, -1e4]))
    tensor([0.5, 0. ])
    """,
    name="sigmoid",
    floating=True,
    x=lambda g, out: g * out * (1 - out),
    real_only=True,
)


def _softplus_slope(x: Any, out: Any, beta: float, threshold: float) -> Any:
    """sigmoid(beta * x)"""
    return np.maximum(-np.expm1(-beta * out), beta * x > threshold)  # sigmoid(x) = 1 - exp(-softplus(x))


@primitive(
    floating=True,
    real_only=True,
    x=lambda g, x, out, beta, threshold: g * blockwise(lambda x, out: _softplus_slope(x, out, beta, threshold), x, out),
)
def softplus(x, *, beta=1.0, threshold=20.0):
    """Return log(1 + exp(beta * x)) / beta, a smooth relu; where beta * x > threshold, it is x itself.

    >>> tg.softplus(tg.tensor([-1e4, 0.0, 1e4]))
    tensor([0.000000e+00, 6.931472e-01, 1.000000e+04])
    """
    return blockwise(lambda x: _softplus(x, beta, threshold), x)


def _softplus(x, beta, threshold):
    scaled = beta * x
    return (np.maximum(scaled, 0) + np.log1p(np.exp(-np.abs(scaled))) * (scaled <= threshold)) / beta


logsigmoid = elementwise(
    lambda x: blockwise(lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), x),
    """Return log(sigmoid(x)), exact also where the sigmoid is nearly 0.

    >>> tg.logsigmoid(tg.tensor([-1e4, 0.0]))
    tensor([-1.000000e+04, -6.931472e-01])
    """,
    name="logsigmoid",
    floating=True,
    x=lambda g, x: g * dispatch(sigmoid, -x),
    real_only=True,
)


def _bounded(x: Any) -> Any:
    """Return x within bounds beyond which every smooth relu below is 0 or x: so no infinity meets a 0."""
    return np.clip(x, -1000, 1000)


def _silu_slope(x: Any) -> Any:
    """sigmoid(x) * (1 + x * (1 - sigmoid(x)))"""
    x = _bounded(x)
    s = dispatch(sigmoid, x)
    return s * (1 + x * (1 - s))


@primitive(floating=True, real_only=True, x=lambda g, x: g * blockwise(_silu_slope, x))
def silu(x):
    """Return x * sigmoid(x) (also called swish), which is 0 at -inf.

    >>> tg.silu(tg.tensor([float("-inf"), 0.0, 1.0]))
    tensor([-0.      ,  0.      ,  0.731059])
    """
    return blockwise(lambda x: np.maximum(x, -1000) * _sigmoid(x), x)


def _normal_cdf(x: Any, approximate: str) -> Any:
    if approximate == "none":
        return 0.5 * (1 + dispatch(erf, x * ROOT_HALF))
    if approximate == "tanh":
        x = _bounded(x)
        return 0.5 * (1 + np.tanh(ROOT_TWO_OVER_PI * (x + 0.044715 * (x * x * x))))
    raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")


def _gelu_slope(x: Any, cdf: Any, approximate: str) -> Any:
    """gelu′(x)"""
    cdf = _normal_cdf(x, approximate) if isinstance(x, Tensor) else cdf
    x = _bounded(x)
    if approximate == "none":
        return cdf + x * (ROOT_TWO_OVER_PI / 2 * np.exp(-0.5 * x * x))
    return cdf + x * (cdf * (1 - cdf) * (2 * ROOT_TWO_OVER_PI * (1 + 3 * 0.044715 * (x * x))))


@primitive(
    floating=True,
    residuals="cdf",
    real_only=True,
    x=lambda g, x, cdf, approximate: g * blockwise(lambda x, cdf: _gelu_slope(x, cdf, approximate), x, cdf),
)
def gelu(x, *, approximate="none"):
    """Return x times the probability that a standard normal variable is below x; "tanh" approximates it.

    Both are 0 at -inf. Source: Hendrycks and Gimpel, Gaussian error linear units (2016).

    >>> tg.gelu(tg.tensor([float("-inf"), 0.0, 1.0]))
    tensor([-0.      ,  0.      ,  0.841345])
    >>> tg.gelu(tg.tensor(1.0), approximate="tanh")
    tensor(0.841192)
    """
    cdf = blockwise(lambda x: _normal_cdf(x, approximate), x)
    return blockwise(lambda x, cdf: np.maximum(x, -1000) * cdf, x, cdf), cdf


def _mish_slope(x: Any) -> Any:
    """mish′(x)"""
    x = _bounded(x)
    t = np.tanh(dispatch(softplus, x))
    return t + x * (1 - t * t) * dispatch(sigmoid, x)


@primitive(floating=True, real_only=True, x=lambda g, x: g * blockwise(_mish_slope, x))
def mish(x):
    """Return x * tanh(softplus(x)), which is 0 at -inf.

    >>> tg.mish(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.865098])
    """
    return blockwise(lambda x: np.maximum(x, -1000) * np.tanh(dispatch(softplus, x)), x)


# ---------------------------------------------------------------------- relus with another left half


def _elu(x, alpha):
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def _elu_slope(x: Any, alpha: float) -> Any:
    """elu′(x)"""
    return alpha * np.exp(np.minimum(x, 0)) * (x <= 0) + (x > 0)


@primitive(floating=True, real_only=True, x=lambda g, x, alpha: g * blockwise(lambda x: _elu_slope(x, alpha), x))
def elu(x, *, alpha=1.0):
    """Return x where x > 0, and alpha * (exp(x) - 1) elsewhere. Its derivative at 0 is taken to be alpha.

    >>> tg.elu(tg.tensor([-1.0, 2.0]))
    tensor([-0.632121,  2.      ])
    """
    return blockwise(lambda x: _elu(x, alpha), x)


selu = elementwise(
    lambda x: blockwise(lambda x: SELU_SCALE * _elu(x, SELU_ALPHA), x),
    """Return scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 from layer to layer.

    Its derivative at 0 is taken to be scale * alpha. Source: Klambauer and others, Self-normalizing neural
    networks (2017).

    >>> tg.selu(tg.tensor([-1.0, 2.0]))
    tensor([-1.111331,  2.101402])
    """,
    name="selu",
    floating=True,
    x=lambda g, x: g * blockwise(lambda x: SELU_SCALE * _elu_slope(x, SELU_ALPHA), x),
    formula="g * selu′(x)",
    real_only=True,
)


@primitive(
    floating=True, real_only=True, x=lambda g, x, negative_slope: masked(g, x > 0) + masked(negative_slope * g, x <= 0)
)
def leaky_relu(x, *, negative_slope=0.01):
    """Return x where x > 0, and negative_slope * x elsewhere. Its derivative at 0 is taken to be negative_slope.

    >>> tg.leaky_relu(tg.tensor([-1.0, 2.0]))
    tensor([-0.01,  2.  ])
    """
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


@primitive(floating=True, real_only=True, x=lambda g, x, min_val, max_val: masked(g, (x > min_val) & (x < max_val)))
def hardtanh(x, *, min_val=-1.0, max_val=1.0):
    """Return x limited to [min_val, max_val]. Its derivative at the limits is taken to be 0 (that of `clip` is 1).

    >>> tg.hardtanh(tg.tensor([-2.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    return np.clip(x, min_val, max_val)


def relu6(x: Any) -> Tensor:
    """Return min(max(x, 0), 6). Its derivatives at 0 and 6 are taken to be 0.

    >>> tg.relu6(tg.tensor([-1.0, 3.0, 8.0]))
    tensor([0., 3., 6.])
    """
    return hardtanh(x, min_val=0.0, max_val=6.0)


softsign = elementwise(
    lambda x: x / (1 + np.abs(x)),
    """Return x / (1 + abs(x)). It is smooth at 0 but for its second derivative, which is taken to be 0 there.

    >>> tg.softsign(tg.tensor([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """,
    name="softsign",
    floating=True,
    x=lambda g, x: g / (1 + np.abs(x)) ** 2,
    real_only=True,
)

# ---------------------------------------------------------------------- the softmax family


@primitive(
    floating=True,
    real_only=True,
    x=lambda g, x, out, axis, keepdims: restore_axes(g, axis, keepdims) * _share(x, out, axis, keepdims),
)
def logsumexp(x, *, axis=None, keepdims=False):
    """Return log(sum(exp(x))) over `axis`, without overflow. Of nothing but -inf it is -inf, with gradient 0.

    With +inf it is inf, and what is infinite shares the gradient.

    >>> tg.logsumexp(tg.tensor([1e4, 1e4]))
    tensor(10000.693)
    """
    shifted, peak = _shifted(x, axis)
    with np.errstate(divide="ignore"):
        out = np.log(np.exp(shifted).sum(axis=axis, keepdims=True)) + peak
    return out if keepdims else out.squeeze(axis)


def _share(x: Any, out: Any, axis: Any, keepdims: bool) -> Any:
    """exp(x - out)"""
    if every(np.isfinite(out)):
        return np.exp(x - restore_axes(out, axis, keepdims))
    return dispatch(softmax, x, axis=axis)


@primitive(floating=True, real_only=True, x=lambda g, out, axis: out * (g - np.sum(g * out, axis=axis, keepdims=True)))
def softmax(x, *, axis=-1):
    """Return exp(x) / sum(exp(x)) along `axis`, without overflow. A slice of nothing but -inf gives zeros.

    Beside +inf everything else is 0; several +inf share the 1.

    >>> tg.softmax(tg.tensor([1e4, 1e4, float("-inf")]))
    tensor([0.5, 0.5, 0. ])
    """
    return _softmax(x, axis)


@primitive(floating=True, real_only=True, x=lambda g, out, axis: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True))
def log_softmax(x, *, axis=-1):
    """Return the logarithm of the softmax along `axis`, exact also where the softmax is nearly 0.

    >>> tg.log_softmax(tg.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """
    shifted, _ = _shifted(x, axis)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    shifted -= np.log(np.where(total == 0, 1, total))
    return shifted
