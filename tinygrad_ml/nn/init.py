"""Initial values of parameters, with PyTorch's names; each fills a Tensor in place and returns it.

The fan-in of a weight (out, in, ...) is the number of inputs of each output, the fan-out the number of
outputs of each input.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import like
from ..foreign_names import module_getattr, take_foreign_names
from ..random import default_generator
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "fans",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill with values drawn uniformly from [a, b).

    Examples
    --------
    >>> w = tg.nn.init.uniform_(tg.zeros(100), -1.0, 1.0)
    >>> bool((tg.abs(w) <= 1).all())
    True
    """
    _check_real("uniform_", tensor)
    return _fill(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Fill with values drawn from the normal distribution.

    Of complex values both parts are drawn so; each has half of the variance.

    Examples
    --------
    >>> tg.nn.init.normal_(tg.zeros(2, 3), std=0.01).shape
    (2, 3)
    """
    generator = generator or default_generator()
    if tensor.dtype.kind == "c":
        parts = generator.normal(0.0, std * math.sqrt(0.5), (2, *tensor.shape))
        return _fill(tensor, mean + parts[0] + 1j * parts[1])
    return _fill(tensor, generator.normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

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


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: ones on the diagonal.

    Examples
    --------
    >>> tg.nn.init.eye_(tg.zeros(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    return _fill(tensor, np.eye(*_matrix("eye_", tensor)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill filters (out, in / groups, ...) so that a convolution with "same" padding passes its channels on.

    Examples
    --------
    >>> w = tg.nn.init.dirac_(tg.zeros(2, 2, 3))
    >>> tg.conv1d(tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), w, padding="same")
    tensor([[1., 2., 3.],
            [4., 5., 6.]])
    """
    if not 3 <= tensor.ndim <= 5:
        raise ValueError(f"dirac_: a bank of filters has 3 to 5 axes, not shape {tensor.shape}")
    out, entering = tensor.shape[:2]
    if groups < 1 or out % groups:
        raise ValueError(f"dirac_: groups={groups} must divide the {out} output channels")
    values = np.zeros(tensor.shape)
    centre = tuple([n // 2 for n in tensor.shape[2:]])
    for group in range(groups):
        for i in range(min(out // groups, entering)):
            values[(group * (out // groups) + i, i, *centre)] = 1
    return _fill(tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Fill with a random matrix whose rows (or columns, if there are fewer) are orthogonal, of length `gain`.

    A weight (out, in, ...) counts as the matrix (out, the rest). Saxe, McClelland and Ganguli, "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks" (2014).

    Examples
    --------
    >>> w = tg.nn.init.orthogonal_(tg.zeros(2, 5))
    >>> np.round(abs((w @ w.T).numpy()), 5)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: a weight of two or more axes is needed, not of shape {tensor.shape}")
    _check_real("orthogonal_", tensor)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    draw = (generator or default_generator()).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draw)
    q *= np.sign(np.diagonal(r))  # so that every such matrix is equally likely (Mezzadri 2007)
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: np.random.Generator | None = None) -> Tensor:
    """Fill a matrix normally, but in each column the share `sparsity` of the entries, chosen at random, with 0.

    Martens, "Deep learning via Hessian-free optimization" (2010).

    Examples
    --------
    >>> w = tg.nn.init.sparse_(tg.zeros(10, 3), sparsity=0.2)
    >>> (w == 0).sum(axis=0)
    tensor([2, 2, 2], dtype=int64)
    """
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: sparsity must be between 0 and 1, not {sparsity}")
    _check_real("sparse_", tensor)
    rows, columns = _matrix("sparse_", tensor)
    generator = generator or default_generator()
    values = generator.normal(0.0, std, (rows, columns))
    order = generator.random((rows, columns)).argsort(axis=0)
    values[order < math.ceil(sparsity * rows)] = 0
    return _fill(tensor, values)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Fill with values drawn from the normal distribution truncated to the interval from a to b.

    Examples
    --------
    >>> w = tg.nn.init.trunc_normal_(tg.zeros(1000), std=0.1, a=-0.2, b=0.2)
    >>> bool((tg.abs(w) <= 0.2).all())
    True
    """
    _check_real("trunc_normal_", tensor)
    if not (a < b and std > 0):
        raise ValueError(f"trunc_normal_: a must be below b and std positive, not a={a}, b={b}, std={std}")
    generator = generator or default_generator()
    low, high = (a - mean) / std, (b - mean) / std
    within = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    peak = min(max(low, 0.0), high)  # the most probable value
    z = np.empty(tensor.size)
    missing = np.arange(tensor.size)
    while missing.size:  # draw again what falls outside
        if within > 0.2:
            z[missing] = generator.normal(size=missing.size)
            outside = (z[missing] < low) | (z[missing] > high)
        else:  # a far or narrow part: draw evenly, and keep by the density
            z[missing] = generator.uniform(max(low, peak - 9), min(high, peak + 9), missing.size)
            outside = generator.random(missing.size) > np.exp((peak * peak - z[missing] ** 2) / 2)
        missing = missing[outside]
    return _fill(tensor, np.clip(mean + std * z, a, b).reshape(tensor.shape))


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


def _check_real(name: str, tensor: Tensor) -> None:
    if tensor.dtype.kind == "c":
        raise TypeError(f"{name}: real values would be drawn for a Tensor of dtype {tensor.dtype}; use normal_")


def _matrix(name: str, tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim != 2:
        raise ValueError(f"{name}: a matrix is needed, not a Tensor of shape {tensor.shape}")
    rows, columns = tensor.shape
    return rows, columns


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    return fans(tensor)[mode == "fan_out"]


def _fill(tensor: Tensor, values: Any) -> Tensor:
    if isinstance(tensor, np.ndarray):  # w.data, whose writes are counted
        tensor[...] = values
    else:
        tensor.data = like(tensor).asarray(values, tensor.dtype)
    return tensor


if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.nn.init")
