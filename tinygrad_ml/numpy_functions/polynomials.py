"""NumPy's polynomials, as sequences of coefficients with the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import linalg, ops
from ..autograd import implements
from ..tensor import Tensor, as_floating, as_tensor
from .inputs import floating, together
from .statistics import convolve


def _coefficients(*inputs: Any) -> list[Tensor]:
    return [ops.reshape(p, (1,)) if not p.ndim else p for p in together(*inputs)]


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    if x.ndim != 1:
        raise ValueError(f"np.vander: x must be a vector, and its shape is {x.shape}")
    n = x.size if N is None else N
    powers = range(n) if increasing else range(n - 1, -1, -1)
    columns = [ops.ones_like(x) if k == 0 else x if k == 1 else ops.power(x, k) for k in powers]
    return ops.stack(columns, axis=1) if n else ops.zeros((x.size, 0), dtype=x.dtype)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Tensor:
    p, x = together(p, x)
    result = ops.zeros_like(x)
    for coefficient in p:
        result = result * x + coefficient
    return result


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Tensor:
    a, b = _coefficients(a1, a2)
    n = max(a.size, b.size)
    return ops.pad(a, (n - a.size, 0)) + ops.pad(b, (n - b.size, 0))


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Tensor:
    a, b = _coefficients(a1, a2)
    return polyadd(a, ops.negative(b))


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Tensor:
    a, b = map(_trimmed, _coefficients(a1, a2))
    return convolve(a, b)


def _trimmed(p: Tensor) -> Tensor:
    """Return coefficients without zeros at the front, as NumPy's polynomials have them."""
    (places,) = np.nonzero(p._data)
    return p[places[0] :] if len(places) else p[-1:] * 0


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Tensor, Tensor]:
    u, v = map(as_floating, _coefficients(u, v))
    rest, quotient, scale = u + ops.zeros_like(v[:1])[0], [], 1 / v[0]
    for _ in range(max(u.size - v.size + 1, 1)):
        if u.size < v.size:
            quotient.append(0 * rest[0])
            break
        factor = scale * rest[0]
        quotient.append(factor)
        rest = ops.concatenate([rest[: v.size] - factor * v, rest[v.size :]])[1:]
    remainder = rest if rest.size else ops.zeros(1, dtype=u.dtype)
    while remainder.size > 1 and np.allclose(remainder._data[0], 0, rtol=1e-14):
        remainder = remainder[1:]
    return ops.stack(quotient), remainder


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Tensor:
    _check_order("np.polyder", m)
    (p,) = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(p.size - 1, 0, -1).astype(p.dtype)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Tensor:
    _check_order("np.polyint", m)
    p, constants = _coefficients(p, np.zeros(m) if k is None else k)
    p, constants = as_floating(p), ops.ravel(constants)
    if k is None:
        constants = ops.astype(constants, p.dtype)
    if constants.size == 1:
        constants = ops.broadcast_to(constants, (max(m, 1),))
    if constants.size < m:
        raise ValueError(f"np.polyint: k holds {constants.size} constants for {m} integrals")
    for i in range(m):
        p = ops.concatenate([p / np.arange(p.size, 0, -1).astype(p.dtype), constants[i : i + 1]])
    return p


def _check_order(name: str, m: int) -> None:
    if m < 0:
        raise ValueError(f"{name}: m must be at least 0, not {m}")


@implements(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Tensor:
    if full or cov:
        raise TypeError("np.polyfit returns only the coefficients on Tensors: leave out full= and cov=")
    x, y, weights = floating(x, y, 1.0 if w is None else w)
    matrix = vander(x, deg + 1)
    if w is not None:
        matrix = matrix * weights[:, None]
        y = y * (weights if y.ndim == 1 else weights[:, None])
    scale = ops.sqrt(ops.sum(matrix * matrix, axis=0))
    found = linalg.lstsq(matrix / scale, y, rcond=len(x) * np.finfo(x.dtype).eps if rcond is None else rcond)[0]
    return found / (scale if y.ndim == 1 else scale[:, None])


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Tensor:
    (roots,) = _coefficients(seq_of_zeros)
    if roots.ndim == 2:
        raise TypeError("np.poly takes roots on Tensors, not a matrix")
    if not roots.size:
        return ops.ones((), dtype=as_floating(roots).dtype)
    _, p = together(roots, np.ones(1, as_floating(roots).dtype))
    for root in roots:
        p = ops.pad(p, (0, 1)) - root * ops.pad(p, (1, 0))
    return p


@implements(np.roots)
def roots(p: Any) -> Tensor:
    p = as_floating(*_coefficients(p))
    (places,) = np.nonzero(p._data)
    if not len(places):
        return ops.zeros(0, dtype=p.dtype)
    zeros = p.size - 1 - int(places[-1])
    p = p[places[0] : places[-1] + 1]
    found, slope = as_tensor(np.roots(p._data)), polyder(p)
    for _ in range(2):  # Newton's steps stay where they are, and give the roots their first and second derivatives
        found = found - polyval(p, found) / polyval(slope, found)
    return ops.concatenate(together(found, np.zeros(zeros, found.dtype))) if zeros else found
