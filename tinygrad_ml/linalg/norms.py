"""Norms of vectors and matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import is_other
from ..autograd import conjugated, implements, primitive
from ..batched import every
from ..foreign_names import DimAndKeepdim, Keepdim, takes_foreign_names
from ..ops.reduce import axes_of, in_rows, restore_axes, size_of
from ..tensor import Tensor, as_tensor
from .spectral import svdvals

if TYPE_CHECKING:
    from typing_extensions import Unpack


def _vector_norm_x(g: Any, x: Any, out: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    """g * x / out"""
    g, out = restore_axes(g, axis, keepdims), restore_axes(out, axis, keepdims)
    if ord in (np.inf, -np.inf):
        hit = np.abs(x) == out
        return np.where(hit, g * conjugated(np.sign(x)) / np.sum(hit, axis=axis, keepdims=True), 0)
    if ord in (0, 1):
        return g * conjugated(np.sign(x)) * ord
    ratio = conjugated(np.where(out == 0, 0, x / np.where(out == 0, 1, out)))
    if ord == 2:
        return g * ratio
    return g * conjugated(np.sign(x)) * np.where(x == 0, 1, np.abs(ratio)) ** (ord - 1)


def _norms(x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    """Return np.linalg.vector_norm, also for arrays of libraries that know it for one axis only."""
    if not is_other(x):
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    out = np.linalg.norm(in_rows(x, axis)[0], ord, axis=-1)
    return np.expand_dims(out, axes_of(axis, x.ndim)) if keepdims else out


@primitive(np.linalg.vector_norm, floating=True, cost="reduction", x=_vector_norm_x)
def vector_norm(x, *, axis=None, keepdims=False, ord=2):
    """Return (sum |x|**ord) ** (1 / ord) over `axis` (None, an int or a tuple); ord=inf: the largest |x|, 0: a count.

    The derivative at 0 is taken to be 0, in each number and in the whole. Numbers that tie for the largest (or, with
    -inf, the smallest) share the gradient.

    >>> tg.linalg.vector_norm(tg.tensor([[3.0, 4.0], [0.0, 0.0]]), axis=1)
    tensor([5., 0.])
    """
    if ord in (0, np.inf, -np.inf):
        return _norms(x, axis, keepdims, ord)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        out = _norms(x, axis, keepdims, ord)
        total, limits = out**ord, np.finfo(out.dtype)
        if every((total >= limits.tiny / limits.eps) & np.isfinite(total)):
            return out
        # the sum overflowed or underflowed: once more with what weighs most as 1
        size = size_of(x, axis, smallest=ord < 0)
        out = _norms(x / size, axis, keepdims, ord)
    return out * (size if keepdims else size.squeeze(axis))


@implements(np.linalg.matrix_norm)
@takes_foreign_names("x")
def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro", **foreign: Unpack[Keepdim]) -> Tensor:
    """Return a norm of matrices (..., m, n); see `norm`.

    >>> tg.linalg.matrix_norm(tg.tensor([[3.0, 0.0], [0.0, 4.0]]), ord="nuc")
    tensor(7.)
    """
    return norm(x, ord, (-2, -1), keepdims)


@implements(np.linalg.norm)
@takes_foreign_names("x")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, **foreign: Unpack[DimAndKeepdim]) -> Tensor:
    """Return a norm of vectors or matrices, as `np.linalg.norm`. Its derivative at 0 is taken to be 0.

    Parameters
    ----------
    x : (...)
        Without `axis` and `ord`, all numbers make one vector.
    ord : of vectors a number: 1, 2, any p, inf (largest |x|), -inf (smallest), 0 (how many are not 0, a constant);
        of matrices "fro" (Frobenius), "nuc" (sum of singular values), 2 and -2 (largest and smallest singular value),
        1 and -1, inf and -inf (largest and smallest sum of |x| in a column, in a row)
    axis : int for vectors, two of them for matrices
    keepdims : bool

    Raises
    ------
    ValueError
        If there is no such norm.

    Examples
    --------
    >>> tg.linalg.norm(tg.tensor([3.0, 4.0]))
    tensor(5.)
    >>> tg.linalg.norm(tg.tensor([[3.0, 4.0], [0.0, 1.0]]), axis=1)
    tensor([5., 1.])
    """
    x = as_tensor(x)
    if axis is None:
        if ord is None:
            return vector_norm(x, axis=tuple(range(x.ndim)), keepdims=keepdims)
        if x.ndim not in (1, 2):
            raise ValueError(f"norm: ord={ord!r} is for vectors and matrices; with shape {x.shape}, give axis=")
        axis = tuple(range(x.ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if len(axes) == 1 and not isinstance(ord, str):
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2 or ord not in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        what = "a vector" if len(axes) == 1 else "a matrix" if len(axes) == 2 else f"{len(axes)} axes"
        raise ValueError(f"norm: {what} has no norm ord={ord!r}")
    if ord in (None, "fro"):
        return vector_norm(x, axis=axes, keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        s = svdvals(np.moveaxis(x, axes, (-2, -1)))
        value: Any = s.sum(axis=-1) if ord == "nuc" else s[..., 0 if ord == 2 else -1]
        if keepdims:
            value = np.expand_dims(value, tuple(sorted(a % x.ndim for a in axes)))
        return value
    summed, compared = axes if ord in (1, -1) else axes[::-1]
    sums = np.sum(np.abs(x), axis=summed, keepdims=True)
    largest: Any = (np.max if ord > 0 else np.min)(sums, axis=compared, keepdims=True)
    return largest if keepdims else np.squeeze(largest, axes)
