"""The memory of a plan: where arrays lie, and results that somebody may hold."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["Fresh", "address_of", "aligned", "laid_out", "part_of"]


def address_of(x: np.ndarray) -> int:
    """Return where an array begins."""
    return x.__array_interface__["data"][0]


def aligned(size: int) -> np.ndarray:
    """Return memory that begins with a line of the cache."""
    raw = np.empty(size + 64, np.uint8)
    start = -address_of(raw) % 64
    return raw[start : start + size]


def part_of(memory: np.ndarray, offset: int, frame: np.ndarray) -> np.ndarray:
    """Return an array of the shape, dtype and strides of another one, at a place in memory."""
    buffer: Any = memory
    return np.ndarray(frame.shape, frame.dtype, buffer, offset, frame.strides)


def laid_out(frame: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a copy of x in the layout that a plan was made for."""
    out = np.empty_like(frame)
    out[...] = x
    return out


class Fresh:
    """Memory for results that leave, and the arrays that show them: other ones where somebody still holds the old.

    Parameters
    ----------
    size : int
        Of the memory, in bytes.
    shown : pairs (offset, array like the result)
    """

    def __init__(self, size: int, shown: list[tuple[int, np.ndarray]]):
        self.size, self.shown = size, shown
        self.families = [self._made()]
        self.counts = self._holders(self.families[0])

    def __call__(self) -> tuple:
        """Return the address of memory that nobody else knows, the memory, and the arrays in it."""
        for family in self.families:
            if self._holders(family) == self.counts:
                return family
        self.families = [*self.families[-1:], self._made()]  # what somebody holds is theirs
        return self.families[-1]

    def _made(self) -> tuple:
        memory = aligned(self.size)
        raw: Any = memory.base
        start = address_of(memory) - address_of(raw)
        return (address_of(memory), raw, *(part_of(raw, start + offset, frame) for offset, frame in self.shown))

    def _holders(self, family: tuple) -> list[int]:
        return [sys.getrefcount(family[k]) for k in range(1, len(family))]
