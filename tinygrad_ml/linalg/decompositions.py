"""Decompositions into triangular matrices, over stacks of matrices: Cholesky and QR."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays import extreme, is_other, like
from ..autograd import conjugated, implements, primitive
from ..batched import some
from ..tensor import Tensor
from .matrices import LinAlgError, adjoint, plain


class QRResult(NamedTuple):
    """What qr returns."""

    Q: Tensor
    R: Tensor


def _mirrored(matrices: Any) -> Any:
    """Return the symmetric (or Hermitian) matrices with the same lower triangle, of whose diagonal the real part."""
    lower = np.tril(matrices, -1)
    diagonal = np.real(matrices) * like(matrices).eye(matrices.shape[-1], dtype=matrices.dtype)
    return lower + diagonal + adjoint(lower)


def _cholesky_x(g: Any, out: Any, upper: bool) -> Any:
    g = conjugated(g)
    if upper:
        g, out = adjoint(g), adjoint(out)
    inverse = np.linalg.inv(out)
    return conjugated(0.5 * (adjoint(inverse) @ _mirrored(adjoint(out) @ g) @ inverse))


@primitive(np.linalg.cholesky, floating=True, cost="cubic", x=_cholesky_x)
def cholesky(x, *, upper=False):
    """Return the lower triangular L with L @ L.T = x, for symmetric positive definite x; with `upper`, L.T.

    As in NumPy, only the lower triangle of x is read; with `upper`, only the upper one. The gradient is that among
    symmetric matrices, which is symmetric, as in PyTorch. Where x is complex, .T stands for the conjugate transpose.
    The derivative is that of I. Murray (2016), "Differentiation of the Cholesky decomposition", equation 10.

    >>> tg.linalg.cholesky(tg.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    if is_other(x):  # not every library knows the upper triangle
        return adjoint(np.linalg.cholesky(adjoint(x))) if upper else np.linalg.cholesky(x)
    return np.linalg.cholesky(x, upper=upper)


def _qr_x(g: Any, out: Any) -> Any:
    gq, gr = map(conjugated, g)
    q, r = out
    k = q.shape[-1]
    size = np.abs(plain(r))
    tiny = np.finfo(size.dtype).eps * extreme(size, "max", (-2, -1), 0)[..., None]
    if some(np.diagonal(size, axis1=-2, axis2=-1) <= tiny):
        raise LinAlgError(f"qr: there is no derivative where the first {k} columns are linearly dependent")
    wide = r.shape[-1] > k
    if wide:  # the other columns are q @ rest
        rest, grest = r[..., k:], gr[..., k:]
        r, gr = r[..., :k], gr[..., :k]
        gq = gq + q @ rest @ adjoint(grest)
    turned = gq + q @ _mirrored(r @ adjoint(gr) - adjoint(gq) @ q)
    gx = adjoint(np.linalg.solve(r, adjoint(turned)))
    return conjugated(np.concatenate([gx, q @ grest], axis=-1) if wide else gx)


@primitive(floating=True, cost="cubic", x=_qr_x)
def _qr(x):
    """Return q with orthonormal columns and the upper triangular r, with q @ r = x.

    The derivative is that of Walter & Lehmann (2010), "Algorithmic differentiation of linear algebra functions with
    application in optimum experimental design", as written by Seeger et al. (2017), "Auto-differentiating linear
    algebra", and extended to wide matrices.

    >>> q, r = tg.linalg.qr(tg.tensor([[0.0, 2.0], [3.0, 0.0]]))
    >>> tg.abs(q @ r)
    tensor([[0., 2.],
            [3., 0.]])
    """
    return tuple(np.linalg.qr(x))


@implements(np.linalg.qr)
def qr(x: Any, mode: str = "reduced") -> Any:
    """Return the decomposition x = Q @ R into orthonormal columns and an upper triangular matrix.

    Parameters
    ----------
    x : (..., m, n)
    mode : "reduced", or "r" for R alone

    Returns
    -------
    QRResult (Q, R) of shapes (..., m, k) and (..., k, n), where k = min(m, n)

    Raises
    ------
    LinAlgError
        In backward, if the first k columns are linearly dependent: then there is no derivative.

    Examples
    --------
    >>> tg.linalg.qr(tg.ones((3, 1))).R.shape
    (1, 1)
    """
    if mode not in ("reduced", "r"):
        raise ValueError(f"qr: only mode='reduced' and mode='r' have a derivative, not {mode!r}")
    result = QRResult(*_qr(x))
    return result.R if mode == "r" else result
