"""Linear algebra: that of `tg.linalg`, with the standard's arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import linalg, ops
from ..tensor import Tensor, as_tensor, from_owned
from .manipulation import Axes
from .statistics import matmul, matrix_transpose, tensordot, vecdot  # noqa: F401

__all__ = [
    *("cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power"),
    *("matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot"),
    *("trace", "vecdot", "vector_norm"),
]


def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    """Return the lower triangle whose product with its adjoint is x, or the upper one.

    >>> tg.array_api.linalg.cholesky(4 * tg.eye(1))
    tensor([[2.]])
    """
    return linalg.cholesky(x, upper=upper)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Return the cross product of vectors with three elements.

    >>> tg.array_api.linalg.cross(tg.tensor([1.0, 0.0, 0.0]), tg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if any(not -x.ndim <= axis < x.ndim or x.shape[axis] != 3 for x in (x1, x2)):
        raise ValueError(f"cross: x1 and x2 have shapes {x1.shape} and {x2.shape}; axis {axis} must have length 3")
    found: Any = np.cross(*(x1, x2), axis=axis)
    return found


def det(x: Any, /) -> Tensor:
    """Return the determinants of square matrices.

    >>> tg.array_api.linalg.det(2 * tg.eye(2))
    tensor(4.)
    """
    return linalg.det(x)


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """Return a diagonal of each matrix.

    >>> tg.array_api.linalg.diagonal(tg.eye(2))
    tensor([1., 1.])
    """
    return linalg.diagonal(x, offset=offset)


def eigh(x: Any, /) -> Any:
    """Return the eigenvalues, ascending, and the eigenvectors of symmetric matrices.

    >>> tg.array_api.linalg.eigh(tg.eye(2)).eigenvalues
    tensor([1., 1.])
    """
    return linalg.eigh(x)


def eigvalsh(x: Any, /) -> Tensor:
    """Return the eigenvalues of symmetric matrices, ascending.

    >>> tg.array_api.linalg.eigvalsh(tg.eye(2))
    tensor([1., 1.])
    """
    return linalg.eigvalsh(x)


def inv(x: Any, /) -> Tensor:
    """Return the inverses of square matrices.

    >>> tg.array_api.linalg.inv(2 * tg.eye(1))
    tensor([[0.5]])
    """
    return linalg.inv(x)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Return the norms of matrices.

    >>> tg.array_api.linalg.matrix_norm(tg.ones(2, 2))
    tensor(2.)
    """
    return linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


def matrix_power(x: Any, n: int, /) -> Tensor:
    """Return square matrices multiplied with themselves.

    >>> tg.array_api.linalg.matrix_power(2 * tg.eye(1), 3)
    tensor([[8.]])
    """
    return linalg.matrix_power(x, n)


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor:
    """Return how many singular values are larger than rtol times the largest.

    >>> tg.array_api.linalg.matrix_rank(tg.ones(2, 2))
    tensor(1, dtype=int64)
    """
    rtol = rtol._data if isinstance(rtol, Tensor) else rtol
    return from_owned(np.linalg.matrix_rank(as_tensor(x)._data, rtol=rtol))


def outer(x1: Any, x2: Any, /) -> Tensor:
    """Return the products of each element of one vector with each of the other.

    >>> tg.array_api.linalg.outer(tg.ones(2), tg.ones(3)).shape
    (2, 3)
    """
    return linalg.outer(x1, x2)


def pinv(x: Any, /, *, rtol: Any = None) -> Tensor:
    """Return the pseudoinverses of matrices.

    >>> tg.array_api.linalg.pinv(2 * tg.eye(1))
    tensor([[0.5]])
    """
    return linalg.pinv(x, rcond=rtol)


class QRResult(NamedTuple):
    """A matrix with orthonormal columns, and an upper triangle."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """Left singular vectors, singular values, and right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Return matrices as products of one with orthonormal columns and an upper triangle.

    >>> tg.array_api.linalg.qr(tg.eye(2)).Q.shape
    (2, 2)
    """
    x = as_tensor(x)
    if mode == "complete" and not x.requires_grad:  # it has no derivative
        return QRResult(*map(from_owned, np.linalg.qr(x._data, "complete")))
    return QRResult(*linalg.qr(x, mode))


def slogdet(x: Any, /) -> SlogdetResult:
    """Return the signs of determinants, and the logarithms of their absolute values.

    >>> tg.array_api.linalg.slogdet(tg.eye(2)).logabsdet
    tensor(0.)
    """
    return SlogdetResult(*linalg.slogdet(x))


def solve(x1: Any, x2: Any, /) -> Tensor:
    """Return the solutions of linear equations; x2 is one vector, or matrices.

    >>> tg.array_api.linalg.solve(2 * tg.eye(2), tg.ones(2))
    tensor([0.5, 0.5])
    """
    return linalg.solve(x1, x2)


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """Return the singular value decompositions of matrices.

    >>> tg.array_api.linalg.svd(tg.ones(2, 3), full_matrices=False).Vh.shape
    (2, 3)
    """
    return SVDResult(*linalg.svd(x, full_matrices))


def svdvals(x: Any, /) -> Tensor:
    """Return the singular values of matrices, descending.

    >>> tg.array_api.linalg.svdvals(2 * tg.eye(2))
    tensor([2., 2.])
    """
    return linalg.svdvals(x)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Return the sums of the elements on a diagonal.

    >>> tg.array_api.linalg.trace(tg.eye(2))
    tensor(2.)
    """
    return ops.as_tensor(linalg.trace(ops.as_tensor(x, dtype), offset=offset), dtype)


def vector_norm(x: Any, /, *, axis: Axes | None = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """Return the norms of vectors.

    >>> tg.array_api.linalg.vector_norm(tg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
