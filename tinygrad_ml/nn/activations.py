"""Activation functions as modules; softmax and its logarithm also as functions with PyTorch's arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..foreign_names import Dim, takes_foreign_names
from ..tensor import Tensor, as_floating, get_default_dtype, shape_of
from ..validation import is_integer
from .module import Module
from .parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
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
    "glu",
    "hardsigmoid",
    "hardswish",
    "log_softmax",
    "prelu",
    "softmax",
    "softmin",
    "threshold",
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


def hardsigmoid(input: Any) -> Tensor:
    """Return min(max(input + 3, 0), 6) / 6: a sigmoid made of three straight lines.

    Its derivatives at -3 and 3 are taken to be 0, as in PyTorch.

    Examples
    --------
    >>> tg.nn.functional.hardsigmoid(tg.tensor([-4.0, 0.0, 1.5]))
    tensor([0.  , 0.5 , 0.75])
    """
    return ops.relu6(as_floating(input) + 3) / 6


class Hardsigmoid(Module):
    """min(max(x + 3, 0), 6) / 6, element by element: a sigmoid made of three straight lines.

    Courbariaux, Bengio and David, "BinaryConnect" (2015), with the slope of PyTorch.

    Examples
    --------
    >>> tg.nn.Hardsigmoid()(tg.tensor([-4.0, 0.0, 1.5]))
    tensor([0.  , 0.5 , 0.75])
    """

    drawn_whole = True

    def forward(self, x: Any) -> Tensor:
        return hardsigmoid(x)


def hardswish(input: Any) -> Tensor:
    """Return input * hardsigmoid(input).

    Its derivatives at -3 and 3 are taken to be 0 and 1, as in PyTorch.

    Examples
    --------
    >>> tg.nn.functional.hardswish(tg.tensor([-4.0, 0.0, 3.0]))
    tensor([-0.,  0.,  3.])
    """
    input = as_floating(input)
    return input * hardsigmoid(input)


class Hardswish(Module):
    """x * hardsigmoid(x), element by element: a swish without an exponential.

    Howard and others, "Searching for MobileNetV3" (2019).

    Examples
    --------
    >>> tg.nn.Hardswish()(tg.tensor([-4.0, 0.0, 3.0]))
    tensor([-0.,  0.,  3.])
    """

    drawn_whole = True

    def forward(self, x: Any) -> Tensor:
        return hardswish(x)


def threshold(input: Any, threshold: float, value: float) -> Tensor:
    """Return input where it is above `threshold`, and `value` elsewhere.

    Examples
    --------
    >>> tg.nn.functional.threshold(tg.tensor([-1.0, 0.5, 2.0]), 0.5, -9.0)
    tensor([-9., -9.,  2.])
    """
    input = as_floating(input)
    return ops.where(input > threshold, input, value)


class Threshold(Module):
    """x where x > threshold, and `value` elsewhere.

    Examples
    --------
    >>> tg.nn.Threshold(0.5, -9.0)(tg.tensor([-1.0, 0.5, 2.0]))
    tensor([-9., -9.,  2.])
    """

    drawn_whole = True

    def __init__(self, threshold: float, value: float):
        self.threshold, self.value = threshold, value

    def forward(self, x: Any) -> Tensor:
        return threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


def prelu(input: Any, weight: Any) -> Tensor:
    """Return input where input > 0, and weight * input elsewhere.

    Parameters
    ----------
    input : (...) or (batch, channels, ...)
    weight : (1,) or (channels,)
        One slope for all, or one for each channel.

    Raises
    ------
    ValueError
        If the number of slopes is neither 1 nor that of the channels.

    Examples
    --------
    >>> tg.nn.functional.prelu(tg.tensor([[-1.0, -1.0], [2.0, -2.0]]), tg.tensor([0.1, 0.5]))
    tensor([[-0.1, -0.5],
            [ 2. , -1. ]])
    """
    x, shape = as_floating(input), shape_of(weight)
    if len(shape) > 1 or (shape not in ((), (1,)) and (x.ndim < 2 or x.shape[1] != shape[0])):
        raise ValueError(
            f"prelu: input has shape {x.shape} and weight {shape}; weight must hold 1 slope, or one for each channel "
            "of an input (batch, channels, ...)"
        )
    if shape and shape != (1,):
        weight = ops.reshape(weight, (-1,) + (1,) * (x.ndim - 2))
    elif shape:
        weight = ops.reshape(weight, ())
    above = x > 0
    return ops.where(above, x, 0) + weight * ops.where(above, 0, x)  # 0 times an infinite x is never computed


class PReLU(Module):
    """x where x > 0, and a learned multiple of x elsewhere.

    He and others, "Delving deep into rectifiers" (2015).

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels of an input (batch, channels, ...): each has a slope of its own.
    init : float
        The slopes at the beginning.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight : Parameter (num_parameters,)

    Examples
    --------
    >>> tg.nn.PReLU()(tg.tensor([-1.0, 2.0])).numpy()
    array([-0.25,  2.  ], dtype=float32)
    """

    drawn_whole = True

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = None):
        if num_parameters < 1:
            raise ValueError(f"PReLU: num_parameters must be at least 1, not {num_parameters}")
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, dtype or get_default_dtype()))

    def forward(self, x: Any) -> Tensor:
        shape, n = shape_of(x), self.num_parameters
        if n > 1 and (len(shape) < 2 or shape[1] != n):
            raise ValueError(f"PReLU({n}): input has shape {shape}; it must be (batch, {n}, ...)")
        return prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


@takes_foreign_names("input")
def glu(input: Any, axis: int = -1, **foreign: Unpack[Dim]) -> Tensor:
    """Return a * sigmoid(b), where a and b are the two halves of input along `axis`.

    Raises
    ------
    ValueError
        If there is no such axis, or it has an odd length.

    Examples
    --------
    >>> tg.nn.functional.glu(tg.tensor([3.0, 5.0, 0.0, 0.0]))
    tensor([1.5, 2.5])
    """
    x = as_floating(input)
    if not -x.ndim <= axis < x.ndim or x.shape[axis] % 2:
        raise ValueError(f"glu(axis={axis}): input has shape {x.shape}; that axis must have an even length")
    left, right = ops.split(x, 2, axis=axis)
    return left * ops.sigmoid(right)


class GLU(Module):
    """The gated linear unit: the first half of an axis, times the sigmoid of the second half.

    Dauphin and others, "Language modeling with gated convolutional networks" (2017).

    Parameters
    ----------
    axis : int
        The axis that is halved; its length is even.

    Examples
    --------
    >>> tg.nn.GLU()(tg.ones(5, 8)).shape
    (5, 4)
    """

    drawn_whole = True

    @takes_foreign_names()
    def __init__(self, axis: int = -1, **foreign: Unpack[Dim]):
        self.axis = _checked_axis(type(self).__name__, axis)

    def forward(self, x: Any) -> Tensor:
        return glu(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


def _checked_axis(name: str, axis: Any) -> Any:
    """Return an axis, or raise TypeError if it is data.

    Examples
    --------
    >>> tg.nn.Softmax(tg.ones(2))
    Traceback (most recent call last):
    ...
    TypeError: Softmax(axis): axis must be an integer, not a Tensor; call it with the data: Softmax(axis)(x)
    """
    if axis is not None and not is_integer(axis):
        raise TypeError(
            f"{name}(axis): axis must be an integer, not a {type(axis).__name__}; call it with the data: "
            f"{name}(axis)(x)"
        )
    return axis


@takes_foreign_names("input")
def softmax(input: Any, axis: int = -1, **foreign: Unpack[Dim]) -> Tensor:
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

    @takes_foreign_names()
    def __init__(self, axis: int = -1, **foreign: Unpack[Dim]):
        self.axis = _checked_axis(type(self).__name__, axis)

    def forward(self, x: Any) -> Tensor:
        return softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


@takes_foreign_names("input")
def softmin(input: Any, axis: int = -1, **foreign: Unpack[Dim]) -> Tensor:
    """Return softmax(-input) along `axis`: small elements get large shares.

    Examples
    --------
    >>> tg.nn.functional.softmin(tg.tensor([0.0, 0.0]))
    tensor([0.5, 0.5])
    """
    return ops.softmax(ops.negative(as_floating(input)), axis=axis)


class Softmin(Softmax):
    """exp(-x) / sum(exp(-x)) along an axis: small elements get large shares.

    Examples
    --------
    >>> tg.nn.Softmin(axis=1)(tg.zeros(1, 4))
    tensor([[0.25, 0.25, 0.25, 0.25]])
    """

    drawn_whole = True

    def forward(self, x: Any) -> Tensor:
        return softmin(x, self.axis)


@takes_foreign_names("input")
def log_softmax(input: Any, axis: int = -1, **foreign: Unpack[Dim]) -> Tensor:
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

    @takes_foreign_names()
    def __init__(self, axis: int = -1, **foreign: Unpack[Dim]):
        self.axis = _checked_axis(type(self).__name__, axis)

    def forward(self, x: Any) -> Tensor:
        return log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
