"""Activation functions as modules; softmax and its logarithm also as functions with PyTorch's arguments."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensor import Tensor
from .module import Module

__all__ = [
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
    "log_softmax",
    "softmax",
]


class ReLU(Module):
    """max(x, 0), element by element.

    Examples
    --------
    >>> tg.nn.ReLU()(tg.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.relu(x)


class ReLU6(Module):
    """min(max(x, 0), 6), element by element.

    Examples
    --------
    >>> tg.nn.ReLU6()(tg.tensor([-1.0, 8.0]))
    tensor([0., 6.])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.relu6(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element.

    Examples
    --------
    >>> tg.nn.Sigmoid()(tg.tensor([0.0]))
    tensor([0.5])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, element by element.

    Examples
    --------
    >>> tg.nn.Tanh()(tg.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.tanh(x)


class LogSigmoid(Module):
    """log(sigmoid(x)), exact for x of any size.

    Examples
    --------
    >>> tg.nn.LogSigmoid()(tg.tensor([0.0]))
    tensor([-0.693147])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.logsigmoid(x)


class LeakyReLU(Module):
    """x where x > 0, and negative_slope * x elsewhere.

    Examples
    --------
    >>> tg.nn.LeakyReLU(0.1)(tg.tensor([-1.0, 2.0]))
    tensor([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Tensor:
        return ops.leaky_relu(x, negative_slope=self.negative_slope)

    def extra_repr(self) -> str:
        return f"{self.negative_slope}"


class ELU(Module):
    """x where x > 0, and alpha * (exp(x) - 1) elsewhere (Clevert, Unterthiner and Hochreiter 2016).

    Examples
    --------
    >>> tg.nn.ELU()(tg.tensor([-1.0, 2.0]))
    tensor([-0.632121,  2.      ])
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        return ops.elu(x, alpha=self.alpha)

    def extra_repr(self) -> str:
        return f"{self.alpha}"


class SELU(Module):
    """The ELU with the constants that keep mean 0 and variance 1 (Klambauer and others 2017).

    Examples
    --------
    >>> tg.nn.SELU()(tg.tensor([-1.0, 2.0]))
    tensor([-1.111331,  2.101402])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.selu(x)


class GELU(Module):
    """x times the probability that a standard normal variable is below x (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    approximate : "none" or "tanh"
        Whether that probability is exact, or approximated by a tanh, which is faster.

    Examples
    --------
    >>> tg.nn.GELU()(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.841345])
    """

    def __init__(self, approximate: str = "none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        return ops.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"


class SiLU(Module):
    """x * sigmoid(x), element by element, also called swish.

    Examples
    --------
    >>> tg.nn.SiLU()(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.731059])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.silu(x)


class Mish(Module):
    """x * tanh(softplus(x)), element by element (Misra 2019).

    Examples
    --------
    >>> tg.nn.Mish()(tg.tensor([0.0, 1.0]))
    tensor([0.      , 0.865098])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.mish(x)


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, a smooth ReLU; where beta * x > threshold, it is x itself.

    Examples
    --------
    >>> tg.nn.Softplus()(tg.tensor([0.0]))
    tensor([0.693147])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Tensor:
        return ops.softplus(x, beta=self.beta, threshold=self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """x / (1 + abs(x)), element by element.

    Examples
    --------
    >>> tg.nn.Softsign()(tg.tensor([3.0]))
    tensor([0.75])
    """

    def forward(self, x: Any) -> Tensor:
        return ops.softsign(x)


class Hardtanh(Module):
    """x limited to [min_val, max_val].

    Examples
    --------
    >>> tg.nn.Hardtanh()(tg.tensor([-2.0, 0.5]))
    tensor([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0):
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: min_val {min_val} must be below max_val {max_val}")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Tensor:
        return ops.hardtanh(x, min_val=self.min_val, max_val=self.max_val)

    def extra_repr(self) -> str:
        return f"{self.min_val}, {self.max_val}"


def softmax(input: Any, axis: int = -1) -> Tensor:
    """Return exp(input) / sum(exp(input)) along `axis`.

    Examples
    --------
    >>> tg.nn.functional.softmax(tg.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """
    return ops.softmax(input, axis=axis)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis: scores become probabilities.

    Examples
    --------
    >>> tg.nn.Softmax(axis=1)(tg.zeros(1, 4))
    tensor([[0.25, 0.25, 0.25, 0.25]])
    """

    def __init__(self, axis: int = -1):
        self.axis = axis

    def forward(self, x: Any) -> Tensor:
        return softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


def log_softmax(input: Any, axis: int = -1) -> Tensor:
    """Return the logarithm of the softmax along `axis`.

    Examples
    --------
    >>> tg.nn.functional.log_softmax(tg.tensor([0.0, 0.0]))
    tensor([-0.693147, -0.693147])
    """
    return ops.log_softmax(input, axis=axis)


class LogSoftmax(Module):
    """The logarithm of the softmax along an axis, exact also where the softmax is nearly 0.

    Examples
    --------
    >>> tg.nn.LogSoftmax()(tg.zeros(2))
    tensor([-0.693147, -0.693147])
    """

    def __init__(self, axis: int = -1):
        self.axis = axis

    def forward(self, x: Any) -> Tensor:
        return log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
