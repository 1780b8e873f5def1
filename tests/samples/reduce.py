"""Samples of reductions, statistics and cumulative operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.samples.sample import Domain, Sample, distinct, integers, layouts, plane, pytorch, real, reductions

TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
ONE_ZERO = np.array([[2.0, 0.0, -3.0, 0.5], [1.0, 2.0, 3.0, 4.0]])
TWO_ZEROS = np.array([[2.0, 0.0, -3.0, 0.0], [0.0, 2.0, 3.0, 4.0]])


def over(path: str, **given: Any) -> Callable:
    """Return PyTorch's reduction of that name, which takes a tuple of axes."""
    return lambda x, axis, keepdims: pytorch(path, dim=axis, keepdim=keepdims, **given)(x)


def one_by_one(path: str) -> Callable:
    """Return PyTorch's reduction of that name, which takes only one axis, over a tuple of axes."""

    def function(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        for i in sorted((i % x.ndim for i in axis), reverse=True):
            x = pytorch(path, dim=i, keepdim=keepdims)(x)
        return x

    return function


def of_rows(path: str, *after: Any) -> Callable:
    """Return PyTorch's reduction of that name, which takes only one axis, of the reduced axes in one row."""

    def function(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        axes = [i % x.ndim for i in axis]
        kept = [i for i in range(x.ndim) if i not in axes]
        out = pytorch(path, *after, dim=-1)(x.permute((*kept, *axes)).reshape(*[x.shape[i] for i in kept], -1))
        return out.reshape([1 if i in axes else x.shape[i] for i in range(x.ndim)]) if keepdims else out

    return function


def running(domain: Domain, path: str) -> list[Sample]:
    """Return samples of a cumulative operation over every axis and over layouts."""
    x = domain((2, 3, 4))
    samples = [Sample((x,), {"axis": axis}, torch=pytorch(path, dim=axis)) for axis in (0, 1, 2, -1)]
    samples += [Sample((y,), {"axis": -1}, torch=pytorch(path, dim=-1)) for y in layouts(domain)[1:]]
    return [*samples, Sample((x,)), Sample((domain(()),))]


def at_kinks(x: np.ndarray, torch: Callable, **parameters: Any) -> list[Sample]:
    """Return samples at points without a derivative, over both axes."""
    return [
        Sample((x,), {"axis": axis, **parameters}, smooth=False, torch=lambda t, axis=axis: torch(t, (axis,), False))
        for axis in (0, 1)
    ]


SAMPLES: dict[str, list[Sample]] = {
    "sum": [*reductions(real, over("sum")), Sample((np.ones((2, 0)),), {"axis": 1})],
    "mean": reductions(real, over("mean")),
    "var": [
        *reductions(real, over("var", correction=0)),
        *[s for s in reductions(real, over("var", correction=1), ddof=1) if s.inputs[0].ndim == 3],
        *[s for s in reductions(plane, over("var", correction=1), ddof=1) if s.inputs[0].ndim == 3],
    ],
    "std": [
        *[s for s in reductions(real, over("std", correction=0)) if s.inputs[0].ndim > 1],
        *[s for s in reductions(real, over("std", correction=1), ddof=1) if s.inputs[0].ndim == 3],
        *[s for s in reductions(plane, over("std", correction=1), ddof=1) if s.inputs[0].ndim == 3],
        Sample((np.full(3, 0.5),), smooth=False, torch=pytorch("std", correction=0)),
    ],
    "prod": [
        *reductions(real, one_by_one("prod")),
        *reductions(lambda shape=(), seed=0: np.zeros(shape) if shape == () else real(shape, seed)),
        *[Sample((x,), {"axis": axis}, torch=pytorch("prod", axis)) for x in (ONE_ZERO, TWO_ZEROS) for axis in (0, 1)],
        *[Sample((x,), {"axis": (0, 1)}) for x in (ONE_ZERO, TWO_ZEROS)],
    ],
    "max": [*reductions(distinct, over("amax")), *at_kinks(TIES, over("amax"))],
    "min": [*reductions(distinct, over("amin")), *at_kinks(TIES, over("amin"))],
    "ptp": [s for s in reductions(distinct) if s.inputs[0].size > 1],
    "argmax": reductions(distinct, tuples=False),
    "argmin": reductions(distinct, tuples=False),
    "any": reductions(integers(0, 2)),
    "all": reductions(integers(0, 2)),
    "logsumexp": reductions(real, over("logsumexp")),
    "average": reductions(real, over("mean")),
    "median": reductions(distinct, of_rows("quantile", 0.5)),
    "quantile": [
        *reductions(distinct, of_rows("quantile", 0.3), q=0.3),
        *reductions(distinct, q=[0.0, 0.25, 1.0]),
    ],
    "percentile": reductions(distinct, of_rows("quantile", 0.3), q=30.0),
    "cumsum": running(real, "cumsum"),
    "cumprod": [
        *running(real, "cumprod"),
        *[
            Sample((x,), {"axis": axis}, torch=pytorch("cumprod", axis))
            for x in (ONE_ZERO, TWO_ZEROS)
            for axis in (0, 1)
        ],
        Sample((TWO_ZEROS,)),
    ],
    "cumprod_tangent": [
        Sample((x, *[real(x.shape, seed) for seed in range(n)])) for x in (ONE_ZERO, TWO_ZEROS) for n in (0, 1, 2)
    ],
    "cumprod_gradient": [
        Sample((real(x.shape, 7), x, *[real(x.shape, seed) for seed in range(n)]))
        for x in (ONE_ZERO, TWO_ZEROS, real((3,)), real((2, 1)))
        for n in (0, 1)
    ],
}
