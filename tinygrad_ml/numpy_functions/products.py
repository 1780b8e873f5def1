"""NumPy's products of vectors and matrices that are not in the table of operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import linalg, ops
from ..autograd import implements
from ..tensor import Tensor, as_tensor
from .inputs import together


@implements(np.vecdot)
@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, axis: int = -1) -> Tensor:
    x, y = together(x1, x2)
    x, y = (ops.moveaxis(v, normalize_axis_index(axis, v.ndim), -1) for v in (x, y))
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"np.vecdot: the vectors have {x.shape[-1]} and {y.shape[-1]} elements")
    return ops.einsum("...i,...i->...", ops.conj(x), y)


@implements(np.matvec)
def matvec(x1: Any, x2: Any) -> Tensor:
    x, y = together(x1, x2)
    return ops.squeeze(ops.matmul(x, ops.expand_dims(y, -1)), axis=-1)


@implements(np.vecmat)
def vecmat(x1: Any, x2: Any) -> Tensor:
    x, y = together(x1, x2)
    return ops.squeeze(ops.matmul(ops.expand_dims(ops.conj(x), -2), y), axis=-2)


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = together(a, b)
    a, b = ops.moveaxis(a, axisa, -1), ops.moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(f"np.cross: vectors must have 2 or 3 elements, and the shapes are {a.shape} and {b.shape}")
    plane = a.shape[-1] == b.shape[-1] == 2
    (x, y, z), (u, v, w) = _components(a), _components(b)
    if plane:
        return x * v - y * u
    parts = ops.broadcast_arrays(y * w - z * v, z * u - x * w, x * v - y * u)
    return ops.moveaxis(ops.stack(parts, axis=-1), -1, axisc)


def _components(x: Tensor) -> list[Any]:
    parts = [x[..., k] for k in range(x.shape[-1])]
    return parts if len(parts) == 3 else [*parts, 0.0]


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    for x in (as_tensor(x1), as_tensor(x2)):
        if x.shape[axis] != 3:
            raise ValueError(f"np.linalg.cross: axis {axis} must have 3 elements, and the shape is {x.shape}")
    return cross(x1, x2, axis=axis)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Tensor:
    a, b = together(a, b)
    if axes is not None:
        a = ops.moveaxis(a, tuple(axes), tuple(range(a.ndim - len(axes), a.ndim)))
    shape = a.shape[b.ndim :]
    if math.prod(shape) != b.size or a.size != b.size**2:
        raise ValueError(f"np.linalg.tensorsolve: a {a.shape} is not square for b {b.shape}")
    return ops.reshape(linalg.solve(ops.reshape(a, (b.size, b.size)), ops.ravel(b)), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Tensor:
    a = as_tensor(a)
    n = math.prod(a.shape[:ind])
    if ind <= 0 or n * n != a.size:
        raise ValueError(f"np.linalg.tensorinv: a {a.shape} is not square when its first {ind} axes are the rows")
    return ops.reshape(linalg.inv(ops.reshape(a, (n, n))), (*a.shape[ind:], *a.shape[:ind]))


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Tensor:
    x = as_tensor(x)
    if p in (None, 2, -2):
        s = linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return linalg.matrix_norm(x, ord=p) * linalg.matrix_norm(linalg.inv(x), ord=p)
