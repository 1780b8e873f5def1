"""Sums of weights in places and bins: `np.bincount` and `np.histogram`, of which the weights have a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..autograd import implements
from ..ops.numpy_protocol import as_results, unsupported, values_of
from ..tensor import Tensor, as_array, as_tensor


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    if getattr(x, "requires_grad", False):
        raise unsupported("np.bincount")
    if not getattr(weights, "requires_grad", False):
        return as_results(np.bincount(values_of(x), values_of(weights), minlength))
    places = as_array(x)
    n = len(np.bincount(places, minlength=minlength))
    return ops.add_at(np.zeros(n), places, ops.astype(weights, np.float64))


@implements(np.histogram)
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Tensor, Tensor]:
    if getattr(a, "requires_grad", False) or getattr(bins, "requires_grad", False):
        raise unsupported("np.histogram")
    if not getattr(weights, "requires_grad", False):
        return as_results(np.histogram(values_of(a), values_of(bins), range, density, values_of(weights)))
    a = np.ravel(as_array(a))
    edges = np.histogram_bin_edges(a, values_of(bins), range)
    inside = (a >= edges[0]) & (a <= edges[-1])
    places = np.minimum(np.searchsorted(edges, a[inside], "right") - 1, len(edges) - 2)  # the last one has both ends
    heights = ops.reshape(as_tensor(weights), (-1,))[inside]
    counts = ops.add_at(np.zeros(len(edges) - 1, heights.dtype), places, heights)
    if density:
        counts = counts / (np.diff(edges).astype(np.float64) * ops.sum(counts))
    return counts, as_results(edges)
