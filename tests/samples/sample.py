"""What a sample of an operation is, and the means to make many of few words: domains, layouts, axes."""

from __future__ import annotations

import functools
import importlib
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_ml import testing

Domain = Callable[..., np.ndarray]  # domain(shape, seed=0) -> float64 numbers of that shape


@dataclass(frozen=True)
class Sample(testing.Sample):
    """Arguments to check an operation with, and the same function of PyTorch.

    Parameters
    ----------
    torch : callable, optional
        The same function of PyTorch tensors, its parameters already applied.

    Examples
    --------
    >>> from tests.samples import Sample, pytorch, real
    >>> sample = Sample((real((2, 3)),), {"axis": 1}, torch=pytorch("sum", dim=1))
    >>> tg.sum(*sample.inputs, **sample.parameters).shape
    (2,)
    """

    torch: Callable[..., Any] | None = None


def label(name: str, sample: Sample) -> str:
    """Return the id of a test: operation, keyword arguments and shapes, such as sum-axis=0-(3, 4)."""
    shapes = " ".join(str(np.shape(x)) for x in sample.inputs)
    return "-".join([name, *sample.given(), shapes, *(() if sample.smooth else ("kink",))])


def pytorch(path: str, *after: Any, **parameters: Any) -> Callable[..., Any]:
    """Return PyTorch's function of that name with parameters applied; PyTorch is imported when it is called.

    >>> from tests.samples import pytorch
    >>> gelu = pytorch("nn.functional.gelu", approximate="tanh")
    """

    def function(*tensors: Any) -> Any:
        return operator.attrgetter(path)(importlib.import_module("torch"))(*tensors, *after, **parameters)

    return function


# ---------------------------------------------------------------------- domains: where the numbers lie


def real(shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return numbers of either sign, none nearer to 0 than 0.1, so that no step of a check crosses a kink there."""
    random = np.random.default_rng(seed)
    return np.asarray(random.uniform(0.1, 2.0, shape) * random.choice([-1.0, 1.0], shape))


def plane(shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return complex numbers all over the plane, but none near an axis: there the roots and logarithms have cuts."""
    return np.asarray(real(shape, seed) + 1j * real(shape, seed + 100))


def within(low: float, high: float) -> Domain:
    """Return the domain of the numbers between two bounds.

    >>> from tests.samples import within
    >>> within(-1, 1)((2, 3)).shape
    (2, 3)
    """
    return lambda shape=(), seed=0: np.asarray(np.random.default_rng(seed).uniform(low, high, shape))


positive = within(0.2, 3.0)
unit = within(-0.9, 0.9)  # inside of (-1, 1)


def distinct(shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return numbers in a random order of which no two are nearer than 0.1: no ties."""
    random = np.random.default_rng(seed)
    n = int(np.prod(shape))
    return np.asarray(0.3 * (random.permutation(n) - n / 2 + random.uniform(0.3, 0.6, n)).reshape(shape))


def integers(low: int, high: int) -> Domain:
    """Return the domain of the integers low, ..., high - 1 (constants: indices, counts).

    >>> from tests.samples import integers
    >>> integers(0, 2)(3).dtype
    dtype('int64')
    """
    return lambda shape=(), seed=0: np.asarray(np.random.default_rng(seed).integers(low, high, shape))


# ---------------------------------------------------------------------- one function over many layouts and axes


def layouts(domain: Domain, seed: int = 0) -> list[np.ndarray]:
    """Return arrays of every layout: without axes, of length 1 and 0, contiguous or not, with negative strides."""
    shapes = ((), (1,), (3,), (2, 3), (0,), (2, 0))
    whole = [domain(shape, seed + i) for i, shape in enumerate(shapes)]
    return [*whole, domain((3, 2), seed).T, domain((4, 6), seed)[::2, ::3], domain((3, 2), seed)[::-1, ::-1]]


BROADCASTS = (
    ((), ()),
    ((3,), ()),
    ((), (2, 3)),
    ((1,), (3,)),
    ((2, 1), (3,)),
    ((2, 3), (2, 3)),
    ((2, 3), (1, 1)),
    ((2, 1, 3), (4, 1)),
    ((0,), (1,)),
    ((2, 1), (0,)),
)


def unary(domain: Domain, torch: Callable | None = None, **parameters: Any) -> list[Sample]:
    """Return samples of a function of one array, over all layouts."""
    return [Sample((x,), parameters, torch=torch) for x in layouts(domain)]


def binary(x: Domain, y: Domain, torch: Callable | None = None, **parameters: Any) -> list[Sample]:
    """Return samples of a function of two arrays that broadcasts, over pairs of shapes and over layouts."""
    pairs = [(x(a, 2 * i), y(b, 2 * i + 1)) for i, (a, b) in enumerate(BROADCASTS)]
    pairs += list(zip(layouts(x, 20)[-3:], layouts(y, 31)[-3:]))
    return [Sample(pair, parameters, torch=torch) for pair in pairs]


def axes(ndim: int) -> Iterator[Any]:
    """Return every `axis` that a reduction of an array takes: None, each int (negative too), and tuples."""
    yield None
    yield from range(-ndim, ndim)
    for n in range(2, ndim + 1):
        yield from itertools.combinations(range(ndim), n)


def reductions(
    domain: Domain, torch: Callable[..., Any] | None = None, tuples: bool = True, **parameters: Any
) -> list[Sample]:
    """Return samples of a reduction, over every axis and keepdims, and over layouts.

    `torch(x, axis, keepdims)` is the same reduction in PyTorch, where `axis` is never None or an int, but always
    the tuple of all reduced axes.
    """

    def sample(x: np.ndarray, axis: Any, keepdims: bool) -> Sample:
        given = {"axis": axis, "keepdims": keepdims, **parameters}
        every = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return Sample((x,), given, torch=torch and functools.partial(torch, axis=every, keepdims=keepdims))

    x = domain((2, 3, 4))
    chosen: Iterable = [axis for axis in axes(3) if tuples or not isinstance(axis, tuple)]
    samples = [sample(x, axis, keepdims) for axis in chosen for keepdims in (False, True)]
    samples += [sample(y, axis, False) for y in layouts(domain)[-3:] for axis in (None, 0)]
    return [*samples, sample(domain(()), None, False), sample(domain((1,)), 0, True)]
