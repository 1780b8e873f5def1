"""New Tensors: filled, counted, random.

A shape is given as NumPy does, `zeros((2, 3))`, or as PyTorch does, `zeros(2, 3)`. Without `dtype` they have
the default float.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np

from ..arrays import complex_of, like, together
from ..foreign_names import takes_foreign_names
from ..random import default_generator
from ..tensor import Tensor, from_owned, get_default_dtype, to_array
from ..unusable import refuse_masked

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "zeros",
    "zeros_like",
]


def _shape(shape: tuple) -> tuple[int, ...]:
    if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
        return tuple(shape[0])
    return shape


def _float_for(*numbers: Any) -> np.dtype:
    """Return the default float, or its complex dtype if one of the numbers is complex."""
    dtype = get_default_dtype()
    return complex_of(dtype) if any(map(np.iscomplexobj, numbers)) else dtype


def _filled(shape: Any, fill_value: Any, dtype: Any, new: Any = np) -> Any:
    if dtype is not None and np.dtype(dtype).kind != "c" and np.iscomplexobj(fill_value):
        raise TypeError(f"a Tensor of dtype {np.dtype(dtype)} cannot be filled with the complex number {fill_value}")
    return new.full(shape, fill_value, dtype)


def _drawn(draw: Callable[[Any], Any], shape: tuple, dtype: Any, scale: float = 1.0) -> np.ndarray:
    """Return random numbers of a dtype; of a complex one, both parts are drawn and multiplied by `scale`."""
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind != "c":
        return draw(shape).astype(dtype, copy=False)
    real, imaginary = draw((2, *shape))
    return (scale * (real + 1j * imaginary)).astype(dtype, copy=False)


def _new(array: np.ndarray, requires_grad: bool) -> Tensor:
    return from_owned(array).requires_grad_(requires_grad)


def zeros(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of zeros.

    >>> tg.zeros(2, 2)
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _new(np.zeros(_shape(shape), dtype or get_default_dtype()), requires_grad)


def ones(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of ones.

    >>> tg.ones((3,))
    tensor([1., 1., 1.])
    """
    return _new(np.ones(_shape(shape), dtype or get_default_dtype()), requires_grad)


def empty(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor that is to be filled; here it holds zeros.

    >>> tg.empty(2, 3).shape
    (2, 3)
    """
    return zeros(*shape, dtype=dtype, requires_grad=requires_grad)


@takes_foreign_names("x")
def empty_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of the shape and dtype of `x` that is to be filled; here it holds zeros.

    >>> tg.empty_like(tg.ones(2)).shape
    (2,)
    """
    return zeros_like(x, dtype=dtype, requires_grad=requires_grad)


@takes_foreign_names()
def full(shape: Any, fill_value: complex, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of one repeated number.

    >>> tg.full((2,), 7.0)
    tensor([7., 7.])
    """
    return _new(_filled(shape, fill_value, dtype or _float_for(fill_value)), requires_grad)


@takes_foreign_names("x")
def zeros_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros with the shape and dtype of `x`.

    >>> tg.zeros_like(tg.ones(2))
    tensor([0., 0.])
    """
    return _new(like(x).zeros(np.shape(x), dtype or getattr(x, "dtype", None)), requires_grad)


@takes_foreign_names("x")
def ones_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones with the shape and dtype of `x`.

    >>> tg.ones_like(tg.zeros(2))
    tensor([1., 1.])
    """
    return _new(like(x).ones(np.shape(x), dtype or getattr(x, "dtype", None)), requires_grad)


@takes_foreign_names("x")
def full_like(x: Any, fill_value: complex, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return one repeated number with the shape and dtype of `x`.

    >>> tg.full_like(tg.zeros(2), 7.0)
    tensor([7., 7.])
    """
    return _new(_filled(np.shape(x), fill_value, dtype or getattr(x, "dtype", None), like(x)), requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """Return a Tensor as it is (its gradient flows), or in another dtype, and anything else as a new one.

    >>> x = tg.ones(2)
    >>> tg.as_tensor(x) is x, tg.as_tensor([1, 2]).dtype
    (True, dtype('int64'))
    """
    if not isinstance(data, Tensor):
        return Tensor(data, dtype)
    return data if dtype is None or data.dtype == np.dtype(dtype) else data.astype(dtype)


asarray = as_tensor  # NumPy's name


def from_numpy(array: Any) -> Tensor:
    """Return a Tensor of a copy of an array, in its dtype.

    >>> tg.from_numpy(np.arange(3))
    tensor([0, 1, 2], dtype=int64)
    """
    if not isinstance(array, (np.ndarray, np.generic)):
        raise TypeError(f"from_numpy: expected an array, not {type(array).__name__}: use tg.tensor(data)")
    return Tensor(array)


@takes_foreign_names()
def arange(
    *limits: Any, start: Any = None, stop: Any = None, step: Any = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return evenly spaced numbers `arange([start,] stop[, step])`; integers if the limits are integers.

    >>> tg.arange(3)
    tensor([0, 1, 2], dtype=int64)
    >>> tg.arange(0.0, 1.0, 0.5)
    tensor([0. , 0.5])
    """
    if start is not None or stop is not None or step is not None:
        limits = (None, *limits) if len(limits) == 1 and stop is None else limits
        both = list(zip_longest(limits, (start, stop, step)))
        if len(both) > 3 or any(place is not None and name is not None for place, name in both):
            raise TypeError("arange() got a limit both by its place and by its name")
        start, stop, step = (name if place is None else place for place, name in both)
        limits = (0 if start is None else start, stop, 1 if step is None else step)
    array = np.arange(*limits, dtype=dtype)
    if dtype is None and array.dtype.kind == "f":
        array = array.astype(get_default_dtype())
    return _new(array, requires_grad)


@takes_foreign_names()
def linspace(start: complex, stop: complex, num: int = 50, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return `num` evenly spaced numbers from `start` to `stop`, both included.

    >>> tg.linspace(0.0, 1.0, 3)
    tensor([0. , 0.5, 1. ])
    """
    return _new(np.linspace(start, stop, num, dtype=dtype or _float_for(start, stop)), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return an n x m matrix (by default n x n) with ones on the diagonal.

    >>> tg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _new(np.eye(n, m, dtype=dtype or get_default_dtype()), requires_grad)


def from_dlpack(x: Any) -> Tensor:
    """Return a copy of the array of another library, by the DLPack protocol.

    >>> tg.from_dlpack(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    try:
        return from_owned(np.array(np.from_dlpack(refuse_masked(x))))
    except BufferError:  # NumPy 2.0 does not lend a read-only array
        return from_owned(to_array(x))


def rand(
    *shape: Any, dtype: Any = None, requires_grad: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Return random numbers, uniform in [0, 1); of a complex dtype, both parts are.

    >>> tg.rand(2, 3).shape
    (2, 3)
    """
    generator = generator or default_generator()
    return _new(_drawn(generator.random, _shape(shape), dtype), requires_grad)


def randn(
    *shape: Any, dtype: Any = None, requires_grad: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Return random numbers from the normal distribution with mean 0 and standard deviation 1.

    Of a complex dtype, the mean of abs(z)**2 is 1, and real and imaginary part have half of it each.

    >>> tg.randn(2, 3).shape
    (2, 3)
    """
    generator = generator or default_generator()
    return _new(_drawn(generator.standard_normal, _shape(shape), dtype, math.sqrt(1 / 2)), requires_grad)


@takes_foreign_names("x")
def rand_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Return random numbers, uniform in [0, 1), with the shape and dtype of `x`.

    >>> tg.rand_like(tg.ones(2, 3)).shape
    (2, 3)
    """
    dtype = dtype or _floating_dtype("rand_like", x)
    drawn = rand(np.shape(x), dtype=dtype, generator=generator)
    return _new(together(drawn._data, x)[0], requires_grad)


@takes_foreign_names("x")
def randn_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, generator: np.random.Generator | None = None
) -> Tensor:
    """Return random numbers from the normal distribution, with the shape and dtype of `x`.

    >>> tg.randn_like(tg.ones(2, 3)).shape
    (2, 3)
    """
    dtype = dtype or _floating_dtype("randn_like", x)
    drawn = randn(np.shape(x), dtype=dtype, generator=generator)
    return _new(together(drawn._data, x)[0], requires_grad)


def _floating_dtype(name: str, x: Any) -> Any:
    dtype = getattr(x, "dtype", None) or get_default_dtype()
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(f"{name}: x has dtype {dtype}, which holds no random fractions: give dtype=tg.float32")
    return dtype


@takes_foreign_names()
def randint(
    low: int, high: Any = None, size: Any = None, *, dtype: Any = np.int64, generator: np.random.Generator | None = None
) -> Tensor:
    """Return random integers from `low` to `high`, `high` excluded; with one limit, from 0 to that.

    >>> tg.randint(0, 10, (2, 3)).shape
    (2, 3)
    >>> tg.randint(10, (4,)).shape
    (4,)
    """
    if size is None and isinstance(high, (tuple, list)):
        high, size = None, high
    low, high = (0, low) if high is None else (low, high)
    generator = generator or default_generator()
    return from_owned(np.asarray(generator.integers(low, high, size), dtype))


def randperm(n: int, *, dtype: Any = np.int64, generator: np.random.Generator | None = None) -> Tensor:
    """Return the integers from 0 to n - 1 in a random order.

    >>> sorted(tg.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    return from_owned((generator or default_generator()).permutation(n).astype(dtype))
