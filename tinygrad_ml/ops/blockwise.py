"""Two ways to be fast on large arrays: long formulas piece by piece, and choosing without branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

PIECE = 32768  # numbers, so that a few pieces fit into the cache of a core
BITS: dict[str, Any] = {"f": np.int32, "d": np.int64}


def blockwise(function: Callable, *arrays: Any) -> Any:
    """Apply an elementwise function of arrays of one shape: to large arrays piece by piece.

    What it computes on the way then stays in the processor's cache. Tensors, numbers and small arrays go at once.
    """
    first = arrays[0]
    if not isinstance(first, np.ndarray) or first.size < 2 * PIECE:
        return function(*arrays)
    for x in arrays:
        if not isinstance(x, np.ndarray) or x.shape != first.shape or not x.flags.c_contiguous:
            return function(*arrays)
    flat = [x.reshape(-1) for x in arrays]
    head = function(*[x[:PIECE] for x in flat])
    out = np.empty(first.size, head.dtype)
    out[:PIECE] = head
    for i in range(PIECE, first.size, PIECE):
        out[i : i + PIECE] = function(*[x[i : i + PIECE] for x in flat])
    return out.reshape(first.shape)


def masked(g: Any, mask: Any) -> Any:
    """Return g where the mask holds and 0 elsewhere, also where g is infinite or NaN.

    It is np.where(mask, g, 0), which on a mask without a pattern spends its time in mispredicted branches: so
    arrays are masked as integers, times 1 or 0.
    """
    if isinstance(g, np.generic):
        return g if mask else type(g)(0)
    if type(g) is np.ndarray and type(mask) is np.ndarray and g.shape == mask.shape:
        bits = BITS.get(g.dtype.char)
        if bits is not None:
            return (g.view(bits) * mask.view(np.int8)).view(g.dtype)
    return np.where(mask, g, 0)


def mask_into(g: np.ndarray, mask: np.ndarray, out: np.ndarray) -> None:
    """Write masked(g, mask) into an array."""
    bits = BITS.get(g.dtype.char)
    if bits is None:
        out[...] = masked(g, mask)
    else:
        np.multiply(g.view(bits), mask.view(np.int8), out=out.view(bits))
