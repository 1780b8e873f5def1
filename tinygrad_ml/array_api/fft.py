"""Fourier transforms: those of `tg.fft`, with the standard's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import fft as transforms
from .. import ops
from ..foreign_names import without_device
from ..tensor import Tensor, get_default_dtype

ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ALL_AXES = ("fftn", "ifftn", "rfftn", "irfftn")

__all__ = [*ONE_AXIS, *ALL_AXES, "fftfreq", "rfftfreq", "fftshift", "ifftshift"]


def _along_one(transform: Callable) -> Callable:
    def function(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
        return transform(x, n, axis, norm)

    return function


def _along_all(transform: Callable) -> Callable:
    def function(
        x: Any, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
    ) -> Tensor:
        return transform(x, s, axes, norm)

    return function


for _make, _names in ((_along_one, ONE_AXIS), (_along_all, ALL_AXES)):
    for _name in _names:
        _function = globals()[_name] = _make(getattr(transforms, _name))
        _function.__name__ = _function.__qualname__ = _name
        _function.__doc__ = getattr(transforms, _name).__doc__


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of the elements of `fft`.

    >>> tg.array_api.fft.fftfreq(4)
    tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    without_device([device])
    return ops.astype(transforms.fftfreq(n, d), dtype or get_default_dtype())


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of the elements of `rfft`.

    >>> tg.array_api.fft.rfftfreq(4)
    tensor([0.  , 0.25, 0.5 ])
    """
    without_device([device])
    return ops.astype(transforms.rfftfreq(n, d), dtype or get_default_dtype())


def fftshift(x: Any, /, *, axes: Any = None) -> Tensor:
    """Return the elements with the frequency 0 in the middle.

    >>> tg.array_api.fft.fftshift(tg.tensor([0, 1, -1]))
    tensor([-1,  0,  1], dtype=int64)
    """
    return transforms.fftshift(x, axes)


def ifftshift(x: Any, /, *, axes: Any = None) -> Tensor:
    """Return the elements as they were before `fftshift`.

    >>> tg.array_api.fft.ifftshift(tg.tensor([-1, 0, 1]))
    tensor([ 0,  1, -1], dtype=int64)
    """
    return transforms.ifftshift(x, axes)
