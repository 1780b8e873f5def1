"""NumPy's functions of single elements that are not in the table of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..autograd import elementwise, implements
from ..ops.rounding import nothing
from ..tensor import Tensor, as_array, as_floating, as_tensor
from .inputs import floating, together

# ---------------------------------------------------------------------- with rules of their own

cbrt = elementwise(
    np.cbrt,
    """Return the cube root; its derivative at 0 is infinite.

    >>> np.cbrt(tg.tensor([-8.0, 27.0]))
    tensor([-2.,  3.])
    """,
    floating=True,
    real_only=True,
    x=lambda g, out: g / (3 * out * out),
)
copysign = elementwise(
    np.copysign,
    """Return |x| with the sign of y; its derivative for x at 0, and for y, is taken to be 0.

    >>> np.copysign(tg.tensor([1.0, -2.0]), -1.0)
    tensor([-1., -2.])
    """,
    floating=True,
    real_only=True,
    x=lambda g, x, y: g * np.sign(x) * np.copysign(1.0, as_array(y)),
    y=nothing,
)
heaviside = elementwise(
    np.heaviside,
    """Return 0 below 0, 1 above it, and y where x is 0; its derivative for x is taken to be 0 everywhere.

    >>> np.heaviside(tg.tensor([-1.0, 0.0, 2.0]), 0.5)
    tensor([0. , 0.5, 1. ])
    """,
    floating=True,
    real_only=True,
    x=nothing,
    y=lambda g, x: np.where(x == 0, g, 0),
)
ldexp = elementwise(
    np.ldexp,
    """Return x * 2**y, for integers y.

    >>> np.ldexp(tg.tensor([1.0, 3.0]), 2)
    tensor([ 4., 12.])
    """,
    real_only=True,
    x=lambda g, y: np.ldexp(g, y),
    y=None,
)

# ---------------------------------------------------------------------- composed of operations


@implements(np.deg2rad)
def deg2rad(x: Any) -> Tensor:
    return as_floating(as_tensor(x)) * (np.pi / 180)


@implements(np.rad2deg)
def rad2deg(x: Any) -> Tensor:
    return as_floating(as_tensor(x)) * (180 / np.pi)


implements(np.radians)(deg2rad)
implements(np.degrees)(rad2deg)


@implements(np.fabs)
def fabs(x: Any) -> Tensor:
    x = as_tensor(x)
    if x.dtype.kind == "c":
        raise TypeError(f"np.fabs is for real elements, not for {x.dtype}: use np.abs")
    return ops.abs(as_floating(x))


@implements(np.fmax)
def fmax(x1: Any, x2: Any) -> Tensor:
    return _ignoring_nan(ops.maximum, x1, x2)


@implements(np.fmin)
def fmin(x1: Any, x2: Any) -> Tensor:
    return _ignoring_nan(ops.minimum, x1, x2)


def _ignoring_nan(operation: Callable, x: Any, y: Any) -> Tensor:
    x, y = together(x, y)
    return ops.where(np.isnan(x._data), y, ops.where(np.isnan(y._data), x, operation(x, y)))


@implements(np.float_power)
def float_power(x1: Any, x2: Any) -> Tensor:
    x, y = (ops.astype(as_tensor(x), np.result_type(as_tensor(x).dtype, np.float64)) for x in (x1, x2))
    return ops.power(x, y)


@implements(np.frexp)
def frexp(x: Any) -> tuple[Tensor, Tensor]:
    _, exponent = np.frexp(x._data)
    return ldexp(x, -exponent), as_tensor(exponent)


@implements(np.modf)
def modf(x: Any) -> tuple[Tensor, Tensor]:
    x = as_floating(as_tensor(x))
    whole = ops.trunc(x)
    return copysign(ops.where(np.isinf(x._data), 0.0, x - whole), x._data), whole


@implements(np.divmod)
def divmod(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    return ops.floor_divide(x1, x2), ops.remainder(x1, x2)


@implements(np.fix)
def fix(x: Any) -> Tensor:
    return ops.trunc(x)


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Tensor:
    a = as_tensor(a)
    return ops.real(a) if a.dtype.kind == "c" and not np.iscomplexobj(np.real_if_close(a._data, tol)) else ops.copy(a)


@implements(np.unwrap)
def unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Tensor:
    turns = np.unwrap(p._data, discont, axis, period=period) - p._data  # constant between jumps
    return p + turns.astype(np.result_type(p.dtype, turns.dtype))


@implements(np.select)
def select(condlist: Sequence, choicelist: Sequence, default: Any = 0) -> Tensor:
    if len(condlist) != len(choicelist):
        raise ValueError(f"np.select: there are {len(condlist)} conditions and {len(choicelist)} choices")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        result = ops.where(condition, choice, result)
    return as_tensor(result)


@implements(np.choose)
def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Tensor:
    which, *branches = ops.broadcast_arrays(as_array(a), *together(*choices))
    n = len(branches)
    number = which._data
    if mode == "raise" and ((number < 0) | (number >= n)).any():
        raise ValueError(f"np.choose: a holds numbers that are not from 0 to {n - 1}")
    number = number % n if mode == "wrap" else np.clip(number, 0, n - 1)
    return ops.take_along_axis(ops.stack(branches), number[None], axis=0)[0]


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence, *args: Any, **kw: Any) -> Tensor:
    x = as_tensor(x)
    conditions = [np.asarray(as_array(c), bool) for c in _conditions(condlist, x.ndim)]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.logical_or.reduce(conditions))
    if len(funclist) != len(conditions):
        raise ValueError(f"np.piecewise: there are {len(conditions)} conditions and {len(funclist)} functions")
    result = ops.zeros_like(x)
    for condition, function in zip(conditions, funclist):
        if condition.any():
            value = function(x[condition], *args, **kw) if callable(function) else function
            result = ops.setitem(result, ops.astype(as_tensor(value), x.dtype), index=condition)
    return result


def _conditions(condlist: Any, ndim: int) -> Sequence:
    """Return a list of conditions; a single one may come without the list, by NumPy's rule."""
    if np.isscalar(condlist) or (ndim and not isinstance(condlist[0], (list, np.ndarray, Tensor))):
        return [condlist]
    return condlist


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Tensor:
    x, xp, fp = floating(x, xp, fp)
    if xp.ndim != 1 or fp.shape != xp.shape or not xp.size:
        raise ValueError(
            f"np.interp: xp {xp.shape} and fp {fp.shape} must be of the same length, with at least one point"
        )
    if period is not None:
        x, xp = ops.remainder(x, abs(period)), ops.remainder(xp, abs(period))
        order = np.argsort(xp._data, kind="stable")
        xp, fp = xp[order], fp[order]
        xp = ops.concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = ops.concatenate([fp[-1:], fp, fp[:1]])
    last = xp.size - 1
    i = np.clip(np.searchsorted(xp._data, x._data, side="right") - 1, 0, max(last - 1, 0))
    j = np.minimum(i + 1, last)
    width = xp[j] - xp[i]
    at = ops.where(width._data == 0, 0.0, (x - xp[i]) / ops.where(width._data == 0, 1.0, width))
    inside = ops.where(at._data == 0, fp[i], fp[i] + (fp[j] - fp[i]) * at)  # with the slope of the point's right side
    result = ops.where(x._data < xp._data[0], fp[0] if left is None or period is not None else left, inside)
    result = ops.where(x._data == xp._data[-1], inside, result)
    return ops.where(x._data > xp._data[-1], fp[-1] if right is None or period is not None else right, result)
