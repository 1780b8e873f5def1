"""Initial values of parameters, with PyTorch's names; each fills a Tensor in place and returns it.

The fan-in of a weight (out, in, ...) is the number of inputs of each output, the fan-out the number of
outputs of each input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops.create import default_generator
from ..tensor import Tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill with numbers drawn uniformly from [a, b).

    Examples
    --------
    >>> w = tg.nn.init.uniform_(tg.zeros(100), -1.0, 1.0)
    >>> bool((tg.abs(w) <= 1).all())
    True
    """
    return _fill(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Fill with numbers drawn from the normal distribution.

    Examples
    --------
    >>> tg.nn.init.normal_(tg.zeros(2, 3), std=0.01).shape
    (2, 3)
    """
    return _fill(tensor, (generator or default_generator()).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    Examples
    --------
    >>> tg.nn.init.constant_(tg.zeros(2), 0.5)
    tensor([0.5, 0.5])
    """
    return _fill(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    Examples
    --------
    >>> tg.nn.init.zeros_(tg.ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    Examples
    --------
    >>> tg.nn.init.ones_(tg.zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill uniformly with variance gain² · 2 / (fan-in + fan-out), for tanh and sigmoid layers.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).

    Examples
    --------
    >>> w = tg.nn.init.xavier_uniform_(tg.zeros(3, 3))
    >>> bool((tg.abs(w) <= 1).all())
    True
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill normally with variance gain² · 2 / (fan-in + fan-out), for tanh and sigmoid layers.

    Examples
    --------
    >>> tg.nn.init.xavier_normal_(tg.zeros(3, 3)).shape
    (3, 3)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Fill uniformly with variance gain² / fan, so that a layer before a ReLU keeps the size of its input.

    He et al., "Delving deep into rectifiers" (2015). `a` is the slope of a leaky ReLU.

    Examples
    --------
    >>> w = tg.nn.init.kaiming_uniform_(tg.zeros(5, 6), nonlinearity="relu")
    >>> bool((tg.abs(w) <= 1).all())
    True
    """
    bound = math.sqrt(3 / _fan(tensor, mode)) * calculate_gain(nonlinearity, a)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Fill normally with variance gain² / fan, so that a layer before a ReLU keeps the size of its input.

    Examples
    --------
    >>> tg.nn.init.kaiming_normal_(tg.zeros(5, 6), nonlinearity="relu").shape
    (5, 6)
    """
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which the standard deviation of weights before a nonlinearity is enlarged.

    Examples
    --------
    >>> tg.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity must be one of leaky_relu, {', '.join(gains)}, not {nonlinearity!r}")
    return gains[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return the fan-in and the fan-out of a weight of shape (out, in, ...).

    Examples
    --------
    >>> tg.nn.init.fans(tg.zeros(8, 3, 5, 5))
    (75, 200)
    """
    if tensor.ndim < 2:
        raise ValueError(f"fan-in and fan-out need a weight of two or more axes, not of shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    return fans(tensor)[mode == "fan_out"]


def _fill(tensor: Tensor, values: Any) -> Tensor:
    tensor.data = np.asarray(values, tensor.dtype)
    return tensor
