"""The patches of images under a moving kernel, laid out as matrices ("im2col", Chellapilla et al. 2006)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

CACHE = 131_072  # the number of elements copied at a time: they are still in the cache when they are multiplied


class Geometry(NamedTuple):
    """How a kernel moves over its input."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))  # (top, bottom), (left, right)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def lengths(self, size: tuple, kernel: tuple) -> tuple[int, int]:
        """Return height and width of the output."""
        height, width = (
            (n + sum(p) - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(size, kernel, self.stride, self.padding, self.dilation)
        )
        return height, width


DEFAULT = Geometry()


def stacked(kernel: Any, geometry: Geometry) -> tuple[int, int]:
    """Return into how many matrices the rows of a kernel go, and how many rows are in each.

    With stride 1 the patches for one row of the kernel are those for the next, moved by one row of the image. So only
    the columns of the kernel are copied side by side, and its rows read the same memory at different starts.
    """
    return (kernel[0], 1) if geometry.stride == (1, 1) else (1, kernel[0])


def taps_of(x: Any, kernel: Any, geometry: Geometry) -> Any:
    """Return what each tap of the kernel meets, (images, groups, depth, places), for arrays without strides."""
    cuts = [slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape[2:], geometry.padding)]
    x = x[(slice(None), slice(None), *cuts)]
    rows, columns = ((max(a, 0), max(b, 0)) for a, b in geometry.padding)
    height, width = geometry._replace(padding=(rows, columns)).lengths(x.shape[2:], kernel)
    x = np.pad(x, ((0, 0), (0, 0), rows, columns))
    taps = []
    for where in np.ndindex(*kernel):
        (row, column), (sh, sw) = [k * d for k, d in zip(where, geometry.dilation)], geometry.stride
        taps.append(x[:, :, row : row + sh * (height - 1) + 1 : sh, column : column + sw * (width - 1) + 1 : sw])
    return np.stack(taps, axis=2).reshape(len(x), geometry.groups, -1, height * width)


def patches_of(x: np.ndarray, kernel: Any, geometry: Geometry) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (images, patches): the patches of some images under the kernel, (images, groups, stack, depth, places).

    They are to be multiplied by weights (groups, stack, channels, depth) and summed over the stack. With stride 1 each
    row of the padded input is whole, so that long runs are copied: the places beyond the width of the output are waste.
    """
    stride, padding, dilation, groups = geometry
    lost = [[max(-p, 0) for p in pair] for pair in padding]  # a negative padding cuts off
    x = x[:, :, lost[0][0] : x.shape[2] - lost[0][1], lost[1][0] : x.shape[3] - lost[1][1]]
    (top, bottom), (left, right) = ([max(p, 0) for p in pair] for pair in padding)
    (n, channels, height, width), (kh, kw) = x.shape, kernel
    padded_height, padded_width = height + top + bottom, width + left + right
    out_height, out_width = geometry._replace(padding=((top, bottom), (left, right))).lengths((height, width), kernel)
    flat = stride == (1, 1)
    taps = (kw, padded_height * padded_width) if flat else (kh, kw, out_height, out_width)
    images = max(1, min(n, CACHE // max(channels * math.prod(taps), 1)))

    # one row to spare, since the last run goes beyond the end
    buffer = np.zeros((images, channels, padded_height + flat, padded_width), x.dtype)
    inside = buffer[:, :, top : top + height, left : left + width]
    image, channel, row, number = buffer.strides
    if flat:
        steps: tuple[int, ...] = (number * dilation[1], number)
    else:
        steps = (row * dilation[0], number * dilation[1], row * stride[0], number * stride[1])
    source = as_strided(buffer, (images, channels, *taps), (image, channel, *steps))
    copies = np.empty(source.shape, x.dtype)
    patches = copies.reshape(images, groups, 1, channels // groups * math.prod(taps[: 1 if flat else 2]), -1)
    if flat:
        shape = (*patches.shape[:2], kh, patches.shape[3], out_height * padded_width)
        steps = (*patches.strides[:2], row * dilation[0], *patches.strides[3:])
        patches = as_strided(patches, shape, steps)
    for i in range(0, n, images):
        k = min(images, n - i)
        inside[:k] = x[i : i + k]
        np.copyto(copies[:k], source[:k])
        yield slice(i, i + k), patches[:k]
