"""Discrete Fourier transforms under NumPy's names, differentiable: `tg.fft.fft` is what `np.fft.fft` is for arrays.

A transform is linear, so its derivative is a transform again: the matrix of `fft` is symmetric, so what arrives goes
through `fft` itself. `n` cuts its axis off or fills it up with zeros, and the derivative does the opposite. With `norm`
"backward" (the default) the inverse is divided by n, with "forward" the transform is, with "ortho" each by sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import like
from .autograd import implements, primitive
from .foreign_names import Dim, module_getattr, take_foreign_names, takes_foreign_names
from .ops.complex_numbers import conj
from .ops.shape import roll
from .tensor import Tensor, from_owned, get_default_dtype

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "fft",
    "ifft",
    "rfft",
    "irfft",
    "hfft",
    "ihfft",
    "fft2",
    "ifft2",
    "rfft2",
    "irfft2",
    "fftn",
    "ifftn",
    "rfftn",
    "irfftn",
    "fftshift",
    "ifftshift",
    "fftfreq",
    "rfftfreq",
]

SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}

# ---------------------------------------------------------------------- along one axis


def _along(transform: Callable, x: Any, n: int | None, axis: int, norm: str | None) -> Any:
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(axis, x.ndim)
    return transform(x, n, axis, norm)


def _to_length(x: Any, n: int, axis: int) -> Any:
    """x"""
    axis %= x.ndim  # cut off, or filled up with zeros, to the length n
    missing = n - x.shape[axis]
    if missing > 0:
        return np.pad(x, [(0, missing if k == axis else 0) for k in range(x.ndim)])
    return x[(slice(None),) * axis + (slice(0, n),)] if missing else x


def _counts(g: Any, n: int, axis: int) -> np.ndarray:
    """Return how often each number of a half spectrum stands in the whole one of length n: twice, but for the ends."""
    counts = like(g).full(n // 2 + 1, 2, np.finfo(g.dtype).dtype)
    counts[0] = 1
    if n % 2 == 0:
        counts[-1] = 1
    return counts.reshape((-1,) + (1,) * (g.ndim - 1 - axis % g.ndim))


def _rfft_x(g: Any, x_shape: tuple, n: int | None, axis: int, norm: Any) -> Any:
    """hfft(g / counts)"""
    n = x_shape[axis] if n is None else n
    return _to_length(np.fft.hfft(g / _counts(g, n, axis), n, axis, norm), x_shape[axis], axis)


def _irfft_x(g: Any, x_shape: tuple, axis: int, norm: Any) -> Any:
    """counts * ihfft(g)"""
    half = np.fft.ihfft(g, None, axis, norm)
    return _to_length(_counts(half, g.shape[axis], axis) * half, x_shape[axis], axis)


def _cost(size: int, shapes: Sequence, parameters: dict) -> int:
    before = shapes[0][parameters["axis"]]
    after = size * before // (math.prod(shapes[0]) or 1)
    return round(5 * size * math.log2(max(before, after, 2)))


@primitive(
    np.fft.fft,
    floating=True,
    cost=_cost,
    x=lambda g, x_shape, axis, norm: _to_length(np.fft.fft(g, None, axis, norm), x_shape[axis], axis),
)
def fft(x, *, n=None, axis=-1, norm=None):
    """Return the discrete Fourier transform along an axis: the sums of x[j] * exp(-2j * pi * j * k / n) over j.

    >>> tg.fft.fft(tg.tensor([1.0, 0.0, 0.0, 1.0])).real
    tensor([2., 1., 0., 1.])
    """
    return _along(np.fft.fft, x, n, axis, norm)


@primitive(
    np.fft.ifft,
    floating=True,
    cost=_cost,
    x=lambda g, x_shape, axis, norm: _to_length(np.fft.ifft(g, None, axis, norm), x_shape[axis], axis),
)
def ifft(x, *, n=None, axis=-1, norm=None):
    """Return the inverse of `fft` along an axis: the means of x[j] * exp(2j * pi * j * k / n) over j.

    >>> tg.fft.ifft(tg.fft.fft(tg.tensor([1.0, 2.0]))).real
    tensor([1., 2.])
    """
    return _along(np.fft.ifft, x, n, axis, norm)


@primitive(np.fft.rfft, floating=True, real_only=True, cost=_cost, x=_rfft_x)
def rfft(x, *, n=None, axis=-1, norm=None):
    """Return the first n // 2 + 1 numbers of the `fft` of real numbers; the others are their conjugates.

    >>> tg.fft.rfft(tg.tensor([1.0, 0.0, 0.0, 1.0])).real
    tensor([2., 1., 0.])
    """
    return _along(np.fft.rfft, x, n, axis, norm)


@primitive(np.fft.irfft, floating=True, cost=_cost, x=_irfft_x)
def irfft(x, *, n=None, axis=-1, norm=None):
    """Return the inverse of `rfft`: n real numbers, by default 2 * (m - 1) for m along the axis.

    The imaginary parts of the first number, and for an even n of the last one, have no effect and no gradient.

    >>> tg.fft.irfft(tg.fft.rfft(tg.tensor([1.0, 2.0, 3.0])), n=3)
    tensor([1., 2., 3.])
    """
    return _along(np.fft.irfft, x, n, axis, norm)


@implements(np.fft.hfft)
@takes_foreign_names("x")
def hfft(x: Any, n: int | None = None, axis: int = -1, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the `fft`, which is real, of n numbers of which x is the first half and the others are its conjugates.

    >>> tg.fft.hfft(tg.tensor([1.0, 2.0, 3.0]))
    tensor([ 8., -2.,  0., -2.])
    """
    return irfft(conj(x), n=2 * (np.shape(x)[axis] - 1) if n is None else n, axis=axis, norm=_swapped(norm))


@implements(np.fft.ihfft)
@takes_foreign_names("x")
def ihfft(x: Any, n: int | None = None, axis: int = -1, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `hfft`: the first n // 2 + 1 numbers of the `ifft` of real numbers.

    >>> tg.fft.ihfft(tg.tensor([8.0, -2.0, 0.0, -2.0])).real
    tensor([1., 2., 3.])
    """
    return conj(rfft(x, n=n, axis=axis, norm=_swapped(norm)))


def _swapped(norm: str | None) -> str:
    """Return the norm under which a transform has the factor that its inverse has under `norm`."""
    if norm not in SWAPPED:
        raise ValueError(f"norm must be 'backward', 'ortho' or 'forward', not {norm!r}")
    return SWAPPED[norm]


# ---------------------------------------------------------------------- along several axes


def _places(x: Any, s: Any, axes: Any) -> list[tuple[int | None, int]]:
    """Return (length or None, axis) for each axis to transform, as NumPy reads `s` and `axes`."""
    s, axes = ([value] if isinstance(value, (int, np.integer)) else value for value in (s, axes))
    if axes is None:
        axes = range(-(np.ndim(x) if s is None else len(s)), 0)
    lengths = [None] * len(axes) if s is None else [None if n is None or n == -1 else n for n in s]
    if len(lengths) != len(axes):
        raise ValueError(f"s has {len(lengths)} lengths for {len(axes)} axes")
    if not lengths:
        raise ValueError("there is no axis to transform")
    return list(zip(lengths, axes))


@implements(np.fft.fftn)
@takes_foreign_names("x")
def fftn(x: Any, s: Any = None, axes: Any = None, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the discrete Fourier transform along several axes, by default all; `s` are their lengths.

    >>> tg.fft.fftn(tg.ones((2, 2))).real
    tensor([[4., 0.],
            [0., 0.]])
    """
    for n, axis in reversed(_places(x, s, axes)):
        x = fft(x, n=n, axis=axis, norm=norm)
    return x


@implements(np.fft.ifftn)
@takes_foreign_names("x")
def ifftn(x: Any, s: Any = None, axes: Any = None, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `fftn`.

    >>> tg.fft.ifftn(tg.fft.fftn(tg.ones((2, 2)))).real
    tensor([[1., 1.],
            [1., 1.]])
    """
    for n, axis in reversed(_places(x, s, axes)):
        x = ifft(x, n=n, axis=axis, norm=norm)
    return x


@implements(np.fft.rfftn)
@takes_foreign_names("x")
def rfftn(x: Any, s: Any = None, axes: Any = None, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the `fftn` of real numbers, of whose last axis only the first n // 2 + 1 numbers.

    >>> tg.fft.rfftn(tg.ones((2, 4))).shape
    (2, 3)
    """
    *others, (n, axis) = _places(x, s, axes)
    x = rfft(x, n=n, axis=axis, norm=norm)
    for n, axis in reversed(others):
        x = fft(x, n=n, axis=axis, norm=norm)
    return x


@implements(np.fft.irfftn)
@takes_foreign_names("x")
def irfftn(x: Any, s: Any = None, axes: Any = None, norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `rfftn`; an odd length of the last axis must be given by `s`.

    >>> tg.fft.irfftn(tg.fft.rfftn(tg.ones((2, 3))), s=(2, 3)).shape
    (2, 3)
    """
    *others, (last, last_axis) = _places(x, s, axes)
    for n, axis in others:
        x = ifft(x, n=n, axis=axis, norm=norm)
    return irfft(x, n=last, axis=last_axis, norm=norm)


@implements(np.fft.fft2)
@takes_foreign_names("x")
def fft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the discrete Fourier transform along two axes, by default the last; see `fftn`.

    >>> tg.fft.fft2(tg.ones((5, 2, 2))).shape
    (5, 2, 2)
    """
    return fftn(x, s, axes, norm)


@implements(np.fft.ifft2)
@takes_foreign_names("x")
def ifft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `fft2`.

    >>> tg.fft.ifft2(tg.ones((5, 2, 2))).shape
    (5, 2, 2)
    """
    return ifftn(x, s, axes, norm)


@implements(np.fft.rfft2)
@takes_foreign_names("x")
def rfft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the `fft2` of real numbers, of whose last axis only the first n // 2 + 1 numbers.

    >>> tg.fft.rfft2(tg.ones((5, 4, 4))).shape
    (5, 4, 3)
    """
    return rfftn(x, s, axes, norm)


@implements(np.fft.irfft2)
@takes_foreign_names("x")
def irfft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `rfft2`.

    >>> tg.fft.irfft2(tg.ones((5, 4, 3))).shape
    (5, 4, 4)
    """
    return irfftn(x, s, axes, norm)


# ---------------------------------------------------------------------- the order of the frequencies


def _middles(x: Any, axes: Any) -> tuple[list[int], list[int]]:
    axes = list(range(np.ndim(x)) if axes is None else [axes] if np.ndim(axes) == 0 else axes)
    return [np.shape(x)[axis] // 2 for axis in axes], axes


@implements(np.fft.fftshift)
@takes_foreign_names("x")
def fftshift(x: Any, axes: Any = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return a spectrum with frequency 0 in the middle instead of at the start, along some axes or all.

    >>> tg.fft.fftshift(tg.fft.fftfreq(4, d=0.25))
    tensor([-2., -1.,  0.,  1.])
    """
    shifts, axes = _middles(x, axes)
    return roll(x, shift=tuple(shifts), axis=tuple(axes))


@implements(np.fft.ifftshift)
@takes_foreign_names("x")
def ifftshift(x: Any, axes: Any = None, **foreign: Unpack[Dim]) -> Tensor:
    """Return the inverse of `fftshift`.

    >>> tg.fft.ifftshift(tg.tensor([-1.0, 0.0, 1.0]))
    tensor([ 0.,  1., -1.])
    """
    shifts, axes = _middles(x, axes)
    return roll(x, shift=tuple([-shift for shift in shifts]), axis=tuple(axes))


def fftfreq(n: int, d: float = 1.0) -> Tensor:
    """Return the frequencies that belong to the `fft` of n samples at distance d: a constant.

    >>> tg.fft.fftfreq(4, d=0.25)
    tensor([ 0.,  1., -2., -1.])
    """
    return from_owned(np.fft.fftfreq(n, d).astype(get_default_dtype()))


def rfftfreq(n: int, d: float = 1.0) -> Tensor:
    """Return the frequencies that belong to the `rfft` of n samples at distance d: a constant.

    >>> tg.fft.rfftfreq(4, d=0.25)
    tensor([0., 1., 2.])
    """
    return from_owned(np.fft.rfftfreq(n, d).astype(get_default_dtype()))


if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.fft")
