"""Eigenvalues of symmetric matrices and singular values, over stacks of matrices.

Of a matrix that should be symmetric only one triangle is read, as in NumPy: the lower one, or with UPLO="U" the upper
one. The gradient is that among symmetric matrices, which is symmetric itself, as in PyTorch. (To check it by moving one
element after the other, check a function of (x + x.T) / 2.)

Where eigenvalues or singular values are equal, their vectors are not determined: a gradient that arrives there raises
LinAlgError. The equal values themselves share the gradient, as equal numbers do in max, which is right for every
function that treats them alike. They count as equal up to rounding.
"""

from __future__ import annotations

import functools
import operator
from typing import Any, NamedTuple

import numpy as np

from ..arrays import extreme, is_other, like
from ..autograd import conjugated, implements, primitive
from ..batched import all_elements, some
from ..tensor import Tensor
from .matrices import LinAlgError, adjoint, plain


class EighResult(NamedTuple):
    """What eigh returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """What svd returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _equal(values: Any) -> np.ndarray:
    """Return which pairs of values are equal up to rounding: booleans (..., n, n), true on the diagonal."""
    values = plain(values)
    rounding = 10 * np.sqrt(values.shape[-1]) * np.finfo(values.dtype).eps
    gaps = np.abs(values[..., None, :] - values[..., :, None])
    return gaps <= (rounding * extreme(np.abs(values), "max", -1, 0))[..., None, None]


def _share(g: Any, equal: np.ndarray) -> Any:
    """Give equal values the mean of their gradients."""
    whole = all_elements(equal)
    if whole.sum() * whole.shape[-1] == whole.size:  # each is equal to itself alone
        return g
    return np.squeeze((equal / equal.sum(-1, keepdims=True)).astype(g.dtype) @ np.expand_dims(g, -1), -1)


def _refuse_equal(name: str, what: str, values: Any, equal: np.ndarray, *gradients: Any) -> None:
    """Raise if a gradient arrives at vectors that belong to equal values."""
    arriving = functools.reduce(operator.or_, [(plain(g) != 0).any(-2) for g in gradients])
    bad = all_elements(
        equal & (arriving[..., None] | arriving[..., None, :]) & ~like(values).eye(values.shape[-1], dtype=bool)
    )
    if bad.any():
        *_, i, j = np.argwhere(bad)[0].tolist()
        raise LinAlgError(
            f"{name}: {what}s {i} and {j} are equal, so the vectors that belong to them have no derivative: use only "
            f"the values, or make them differ, for example by adding a small random matrix"
        )


def _refuse_turned(name: str, what: str, products: Any, *gradients: Any) -> None:
    """Raise if a gradient depends on the factor of absolute value 1 that LAPACK happened to give a complex vector.

    The diagonal of `products`, the vectors times their gradients, is how much the result changes when they are turned.
    """
    turn = extreme(np.abs(all_elements(np.diagonal(plain(products), axis1=-2, axis2=-1).imag)), "max", None, 0)
    size = max(extreme(np.abs(all_elements(plain(g))), "max", None, 0) for g in gradients)
    if turn > 10 * np.sqrt(np.finfo(size.dtype).eps) * size:
        raise LinAlgError(
            f"{name}: complex {what}s are determined up to a factor of absolute value 1, and this gradient depends on "
            "that factor: compute something that does not change with it, such as abs(v) or v @ v.conj().T"
        )


def _over(numerator: Any, denominator: Any, zero: np.ndarray) -> Any:
    """Divide, with 0 where the denominator is zero up to rounding."""
    return numerator * np.where(zero, 0, 1 / np.where(zero, 1, denominator))


def _skew(matrices: Any) -> Any:
    return 0.5 * (matrices - adjoint(matrices))


def _eigh_x(g: Any, out: Any) -> Any:
    (gw, gv), (w, v) = g, out
    gv = conjugated(gv)
    equal = _equal(w)
    _refuse_equal("eigh", "eigenvalue", w, equal, gv)
    moved = adjoint(v) @ gv
    if v.dtype.kind == "c":
        _refuse_turned("eigh", "eigenvector", moved, gv)
    gaps = np.expand_dims(w, -2) - np.expand_dims(w, -1)
    diagonal = np.expand_dims(_share(gw, equal), -2) * like(w).eye(w.shape[-1], dtype=w.dtype)
    return conjugated(v @ (diagonal + _over(_skew(moved), gaps, equal)) @ adjoint(v))


@primitive(floating=True, cost="cubic", x=_eigh_x)
def _eigh(x, *, UPLO="L"):
    """Return the eigenvalues, ascending, and the orthonormal eigenvectors, as columns, of symmetric matrices.

    The derivative is that of Giles (2008), section 3.1.

    >>> tg.linalg.eigh(tg.tensor([[3.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 3.])
    """
    return tuple(np.linalg.eigh(x, UPLO))


@implements(np.linalg.eigh)
def eigh(x: Any, UPLO: str = "L") -> EighResult:
    """Return the eigenvalues, ascending, and the eigenvectors, as columns, of symmetric matrices.

    Parameters
    ----------
    x : (..., n, n)
        Symmetric (or complex and Hermitian).
    UPLO : "L" or "U"
        Which triangle is read, the lower or the upper one; the other may hold anything.

    Returns
    -------
    EighResult (eigenvalues (..., n), eigenvectors (..., n, n))

    Raises
    ------
    LinAlgError
        In backward, if a gradient arrives at eigenvectors whose eigenvalues are equal.

    Examples
    --------
    >>> w, v = tg.linalg.eigh(tg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> w
    tensor([1., 3.])
    """
    return EighResult(*_eigh(x, UPLO=UPLO))


def _eigvalsh_x(g: Any, x: Any, UPLO: Any) -> Any:
    w, v = np.linalg.eigh(x, UPLO)
    return conjugated((v * np.expand_dims(_share(g, _equal(w)), -2)) @ adjoint(v))


@primitive(np.linalg.eigvalsh, floating=True, cost="cubic", x=_eigvalsh_x)
def eigvalsh(x, *, UPLO="L"):
    """Return the eigenvalues, ascending, of symmetric matrices (..., n, n). Equal ones share the gradient.

    Only the lower triangle is read, or with UPLO="U" the upper one. The gradient is that among symmetric matrices.

    >>> tg.linalg.eigvalsh(tg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    return np.linalg.eigvalsh(x, UPLO)


def _svd_x(g: Any, out: Any) -> Any:
    gu, gs, gvh = map(conjugated, g)
    u, s, vh = out
    k = s.shape[-1]
    if u.shape[-1] > k or vh.shape[-2] > k:
        raise LinAlgError("svd: the vectors that full_matrices=True adds have no derivative; use full_matrices=False")
    v, gv = adjoint(vh), adjoint(gvh)
    equal = _equal(s)
    _refuse_equal("svd", "singular value", s, equal, gu, gv)
    of_u, of_v = _skew(adjoint(u) @ gu), _skew(adjoint(v) @ gv)
    if u.dtype.kind == "c":
        _refuse_turned("svd", "singular vector", of_u + of_v, gu, gv)
    rows, columns = np.expand_dims(s, -1), np.expand_dims(s, -2)
    middle = np.expand_dims(_share(gs, equal), -2) * like(s).eye(k, dtype=s.dtype)
    zero = plain(s) <= np.finfo(s.dtype).eps * max(u.shape[-2], v.shape[-2]) * plain(s)[..., :1]
    both_zero = equal & (zero[..., None] | ~like(s).eye(k, dtype=bool))
    middle = middle + _over(of_u + of_v, columns - rows, equal) + _over(of_u - of_v, columns + rows, both_zero)
    gx = u @ middle @ vh
    for basis, arriving, side in ((u, gu, "u"), (v, gv, "v")):
        if basis.shape[-2] > k:  # what turns out of the space that the vectors span
            if some(zero & (plain(arriving) != 0).any(-2)):
                raise LinAlgError("svd: the vectors that belong to a singular value of 0 have no derivative")
            outside = _over(arriving - basis @ (adjoint(basis) @ arriving), columns, zero[..., None, :])
            gx = gx + (outside @ vh if side == "u" else u @ adjoint(outside))
    return conjugated(gx)


@primitive(floating=True, cost="cubic", x=_svd_x)
def _svd(x, *, full_matrices=True):
    """Return u, s, vh with x = u @ diag(s) @ vh: orthonormal columns, descending singular values, orthonormal rows.

    The derivative is that of J. Townsend (2016), "Differentiating the singular value decomposition", with
    (a s_j + b s_i) / (s_j^2 - s_i^2) as (a + b) / 2 / (s_j - s_i) + (a - b) / 2 / (s_j + s_i), which cancels less.

    >>> tg.linalg.svd(tg.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    return tuple(np.linalg.svd(x, full_matrices=full_matrices))


@implements(np.linalg.svd)
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition x = U @ diag(S) @ Vh.

    Parameters
    ----------
    x : (..., m, n)
    full_matrices : bool
        Whether U and Vh are square; for a derivative of one that is not square it must be False.
    compute_uv : bool
        Whether to return all three, or S alone.

    Returns
    -------
    SVDResult (U, S, Vh) of shapes (..., m, k), (..., k) and (..., k, n), where k = min(m, n)

    Raises
    ------
    LinAlgError
        In backward, if a gradient arrives at vectors whose singular values are equal (or zero).

    Examples
    --------
    >>> tg.linalg.svd(tg.ones((3, 2)), full_matrices=False).U.shape
    (3, 2)
    """
    return SVDResult(*_svd(x, full_matrices=full_matrices)) if compute_uv else svdvals(x)


def _svdvals_x(g: Any, x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return conjugated((u * np.expand_dims(_share(g, _equal(s)) * np.sign(plain(s)), -2)) @ vh)


@primitive(np.linalg.svdvals, floating=True, cost="cubic", x=_svdvals_x)
def svdvals(x):
    """Return the singular values, descending, of matrices (..., m, n). Equal ones share the gradient; at 0 it is 0.

    >>> tg.linalg.svdvals(tg.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    return np.linalg.svd(x, compute_uv=False) if is_other(x) else np.linalg.svdvals(x)
