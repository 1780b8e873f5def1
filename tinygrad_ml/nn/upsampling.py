"""Sequences and images of another size, by interpolation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_floating, shape_of
from .module import Module
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d

__all__ = ["Upsample", "interpolate"]

MODES = {"nearest": (3, 4), "nearest-exact": (3, 4), "linear": (3,), "bilinear": (4,), "area": (3, 4)}


def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return sequences or images of another size, with PyTorch's numbers.

    Parameters
    ----------
    input : (batch, channels, length) or (batch, channels, height, width)
    size : int or pair of int, optional
        The new lengths.
    scale_factor : float or pair of float, optional
        What the lengths are multiplied with; give this or `size`. A new length is rounded down.
    mode : str
        "nearest" or "nearest-exact" (the element that is nearest to the corner, or to the centre, of each new one),
        "linear" (of sequences), "bilinear" (of images), "area" (the mean of what each new element covers).
    align_corners : bool, optional
        For "linear" and "bilinear": whether the centres of the first and the last elements stay where they are, and
        not the outer edges (the default).

    Raises
    ------
    ValueError
        If the arguments do not fit each other or the input.

    Examples
    --------
    >>> tg.nn.functional.interpolate(tg.tensor([[[1.0, 3.0]]]), scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    >>> tg.nn.functional.interpolate(tg.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    _check("interpolate", size, scale_factor, mode, align_corners)
    x = as_floating(input)
    if x.ndim not in MODES[mode] or 0 in x.shape[2:]:
        wanted = [("(batch, channels, length)", "(batch, channels, height, width)")[k - 3] for k in MODES[mode]]
        raise ValueError(f"interpolate(mode={mode!r}): input has shape {x.shape}; it must be {' or '.join(wanted)}")
    lengths = x.shape[2:]
    given = scale_factor if size is None else size
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(lengths)
    if len(given) != len(lengths):
        raise ValueError(f"interpolate: {given} must be one number, or one for each of the {len(lengths)} last axes")
    new = tuple(math.floor(n * s) if size is None else int(s) for n, s in zip(lengths, given))
    if min(new) < 1:
        raise ValueError(f"interpolate: input has shape {x.shape}, and the output would have the lengths {new}")
    if mode == "area":
        return (adaptive_avg_pool1d if x.ndim == 3 else adaptive_avg_pool2d)(x, new)
    for k, (n, m, s) in enumerate(zip(lengths, new, given)):
        step = 1 / float(s) if size is None else n / m  # from one new element to the next, in old ones
        if mode.startswith("nearest"):
            x = _take(x, _nearest(n, m, step, mode), k + 2)
        elif n != m:
            weights = _weights(n, m, (n - 1) / max(m - 1, 1) if align_corners else step, bool(align_corners), x.dtype)
            x = x @ weights.T if k + 3 == x.ndim else ops.matmul(weights, x)
    return x


def _nearest(length: int, new: int, step: float, mode: str) -> np.ndarray:
    """Return which old element each new one is; as PyTorch, with float32 numbers."""
    moved = np.arange(new, dtype=np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)
    return np.minimum((moved * np.float32(step)).astype(np.intp), length - 1)


def _take(x: Tensor, places: np.ndarray, axis: int) -> Tensor:
    """Return the slices of x at some places; where each is repeated the same number of times, the way back is quick."""
    times, rest = divmod(len(places), x.shape[axis])
    if not rest and np.array_equal(places, np.repeat(np.arange(x.shape[axis]), times)):
        return x if times == 1 else ops.repeat(x, times, axis)
    return ops.take(x, places, axis)


def _weights(length: int, new: int, step: float, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Return the matrix (new, length) that interpolates between neighbours."""
    places = np.arange(new)
    at = places * step if align_corners else np.maximum((places + 0.5) * step - 0.5, 0)
    low = np.minimum(at.astype(np.intp), length - 1)
    high = np.minimum(low + 1, length - 1)
    share = np.clip(at - low, 0, 1)
    weights = np.zeros((new, length))
    weights[places, low] = 1 - share
    weights[places, high] += share
    return weights.astype(dtype)


class Upsample(Module):
    """Sequences (batch, channels, length) or images (batch, channels, height, width) of another size.

    Parameters
    ----------
    size : int or pair of int, optional
        The new lengths.
    scale_factor : float or pair of float, optional
        What the lengths are multiplied with; give this or `size`.
    mode : "nearest", "nearest-exact", "linear", "bilinear" or "area"
    align_corners : bool, optional
        For "linear" and "bilinear": whether the centres of the first and the last elements stay where they are.

    Examples
    --------
    >>> tg.nn.Upsample(scale_factor=2, mode="bilinear")(tg.ones(1, 3, 14, 14)).shape
    (1, 3, 28, 28)
    """

    drawn_whole = True

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
    ):
        _check("Upsample", size, scale_factor, mode, align_corners)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, x: Any) -> Tensor:
        if len(shape_of(x)) not in MODES[self.mode]:
            axes = " or ".join(map(str, MODES[self.mode]))
            raise ValueError(f"Upsample(mode={self.mode!r}): input has shape {shape_of(x)}; it must have {axes} axes")
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        how = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        text = f"{how}, mode={self.mode!r}"
        return text if self.align_corners is None else f"{text}, align_corners={self.align_corners}"


def _check(name: str, size: Any, scale_factor: Any, mode: str, align_corners: bool | None) -> None:
    if mode not in MODES:
        raise ValueError(f"{name}: mode must be one of {', '.join(map(repr, MODES))}, not {mode!r}")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give either size or scale_factor")
    if align_corners is not None and mode not in ("linear", "bilinear"):
        raise ValueError(f"{name}: align_corners is for the modes 'linear' and 'bilinear', not for {mode!r}")
