"""Inverses, determinants, linear systems and powers of square matrices, over stacks of them.

The rules are those of M. Giles (2008), "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", section 2, unless another source stands beside one.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from ..arrays import is_other, like
from ..autograd import conjugated, dispatch, implements, primitive
from ..batched import every, some
from ..ops import shape
from ..ops.cumulative import product_of_others
from ..ops.einsum import einsum
from ..ops.elementwise import positive, where
from ..ops.products import matmul
from ..ops.shape import swapaxes
from ..tensor import Tensor, as_tensor, from_owned

LinAlgError = np.linalg.LinAlgError


def plain(x: Any) -> Any:
    """Return the value of a Tensor, and an array as it is."""
    return x._data if isinstance(x, Tensor) else x


def as_matrix(x: Any, vector: bool) -> Any:
    """Return a stack of vectors as a stack of matrices of one column, and one of matrices as it is."""
    return np.expand_dims(x, -1) if vector else x


def adjoint(x: Any) -> Any:
    """Return the matrices transposed and conjugated; if they are real, a view."""
    return conjugated(x.mT)


def _inverse(name: str, x: Any) -> Any:
    try:
        return np.linalg.inv(x)
    except LinAlgError:
        raise LinAlgError(f"{name}: the matrix {np.shape(x)} is singular, where the derivative is infinite") from None


# ---------------------------------------------------------------------- systems of equations


@primitive(np.linalg.inv, floating=True, cost="cubic", x=lambda g, out: -(out.mT @ g @ out.mT))
def inv(x):
    """Return the inverse of square matrices (..., n, n); raises LinAlgError for a singular one.

    >>> tg.linalg.inv(tg.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return np.linalg.inv(x)


def _solved(a: Any, b: Any) -> Any:
    """Return np.linalg.solve(a, b), also for arrays of libraries in which stacks do not broadcast."""
    if is_other(a) and b.ndim > 1:
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (np.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b))
    return np.linalg.solve(a, b)


def _solve_a(g: Any, a: Any, b_shape: tuple, out: Any) -> Any:
    """-solve(a.T, g) @ out.T"""
    vector = len(b_shape) == 1
    return -(_solved(a.mT, as_matrix(g, vector)) @ as_matrix(out, vector).mT)


def _solve_b(g: Any, a: Any, b_shape: tuple) -> Any:
    """solve(a.T, g)"""
    vector = len(b_shape) == 1
    w = _solved(a.mT, as_matrix(g, vector))
    return np.squeeze(w, -1) if vector else w


@primitive(np.linalg.solve, floating=True, cost="cubic", a=_solve_a, b=_solve_b)
def solve(a, b):
    """Return the solution x of a @ x = b, for a (..., n, n) and b (..., n, m) or one vector (n,).

    >>> tg.linalg.solve(tg.tensor([[2.0, 0.0], [0.0, 4.0]]), tg.tensor([2.0, 2.0]))
    tensor([1. , 0.5])
    """
    return _solved(a, b)


BLOCK = 48  # the side of the triangles that are solved at once


def _substitute(a: np.ndarray, b: np.ndarray, upper: bool) -> np.ndarray:
    """Return the x of a @ x = b for triangles a, block by block, so that most of the work is matrix products."""
    n = a.shape[-1]
    if n > BLOCK:
        h = n // 2
        first, second = (slice(h, None), slice(0, h)) if upper else (slice(0, h), slice(h, None))
        x = _substitute(a[..., first, first], b[..., first, :], upper)
        y = _substitute(a[..., second, second], b[..., second, :] - a[..., second, first] @ x, upper)
        return np.concatenate([y, x] if upper else [x, y], axis=-2)
    if upper:  # the factorisation of an upper triangle by pivots is itself
        return _solved(a, b)
    return _solved(a[..., ::-1, ::-1], b[..., ::-1, :])[..., ::-1, :]


def _triangle(a: Any, upper: bool, unitriangular: bool) -> Any:
    """Return one triangle of matrices, with the diagonal or, of one that counts as ones, without it."""
    return np.triu(a, int(unitriangular)) if upper else np.tril(a, -int(unitriangular))


def _solve_triangular_a(g: Any, a: Any, out: Any, upper: bool, unitriangular: bool) -> Any:
    """-the triangle of solve_triangular(a.T, g) @ out.T"""
    return -_triangle(_solve_triangular_b(g, a, upper, unitriangular) @ out.mT, upper, unitriangular)


def _solve_triangular_b(g: Any, a: Any, upper: bool, unitriangular: bool) -> Any:
    """solve_triangular(a.T, g)"""
    return dispatch(_solve_triangular, a.mT, g, upper=not upper, unitriangular=unitriangular)


@primitive(floating=True, cost="cubic", a=_solve_triangular_a, b=_solve_triangular_b)
def _solve_triangular(a, b, *, upper, unitriangular=False):
    """Return the solution x of a @ x = b for triangular matrices a (..., n, n) and b (..., n, m).

    >>> tg.linalg.solve_triangular(tg.tensor([[2.0, 0.0], [1.0, 4.0]]), tg.tensor([[2.0], [9.0]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    triangle = _triangle(a, upper, unitriangular)
    if unitriangular:
        triangle = triangle + like(a).eye(a.shape[-1], dtype=a.dtype)
    elif not every(np.diagonal(a, axis1=-2, axis2=-1)):
        raise LinAlgError(f"solve_triangular: the matrix {a.shape} has a zero on its diagonal, so it is singular")
    return _substitute(triangle, b, upper)


def solve_triangular(a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Return the solution x of a @ x = b, or of x @ a = b, for triangular matrices a, as `torch.linalg` has it.

    The other triangle of a is not looked at, and gets no gradient.

    Parameters
    ----------
    a : (..., n, n)
    b : (..., n, m), or (..., m, n) if not `left`
    upper : bool
        Whether a is an upper triangle, or a lower one.
    left : bool
        Whether a stands on the left, a @ x = b, or on the right, x @ a = b.
    unitriangular : bool
        Whether the diagonal of a counts as ones, whatever it holds.

    Returns
    -------
    Tensor of the shape of b, where the leading axes of a and b broadcast

    Raises
    ------
    ValueError
        If the shapes do not fit.
    LinAlgError
        If there is a zero on the diagonal.

    Examples
    --------
    >>> tg.linalg.solve_triangular(tg.tensor([[2.0, 0.0], [1.0, 4.0]]), tg.tensor([[2.0], [9.0]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or b.ndim < 2 or b.shape[-2 if left else -1] != a.shape[-1]:
        wanted = "(..., n, m)" if left else "(..., m, n)"
        raise ValueError(
            f"solve_triangular({left=}): a has shape {a.shape} and b {b.shape}; they must be (..., n, n) and {wanted} "
            "(a vector is a matrix of one column: expand_dims(b, -1))"
        )
    if left:
        return _solve_triangular(a, b, upper=upper, unitriangular=unitriangular)
    return swapaxes(
        _solve_triangular(swapaxes(a, -1, -2), swapaxes(b, -1, -2), upper=not upper, unitriangular=unitriangular),
        -1,
        -2,
    )


def _pinv_x(g: Any, x: Any, out: Any) -> Any:
    left = like(x).eye(x.shape[-2], dtype=x.dtype) - x @ out
    right = like(x).eye(x.shape[-1], dtype=x.dtype) - out @ x
    through_adjoint = left @ g.mT @ out @ adjoint(out) + adjoint(out) @ out @ g.mT @ right
    return -(out.mT @ g @ out.mT) + conjugated(through_adjoint)


def _cutoff(x: Any, rcond: float | None) -> float:
    return float(np.finfo(np.result_type(x.dtype, np.float32)).eps) * max(x.shape[-2:]) if rcond is None else rcond


@primitive(np.linalg.pinv, floating=True, cost="cubic", x=_pinv_x)
def pinv(x, *, rcond=None):
    """Return the pseudo-inverse of matrices (..., m, n), (..., n, m).

    Singular values up to `rcond` (by default the precision * max(m, n)) times the largest one count as zero. The
    derivative is that among matrices of the same rank (Golub & Pereyra 1973, "The differentiation of pseudo-inverses
    and nonlinear least squares problems whose variables separate", equation 4.12).

    >>> tg.linalg.pinv(tg.tensor([[2.0], [0.0]]))
    tensor([[0.5, 0. ]])
    """
    return np.linalg.pinv(x, rcond=_cutoff(x, rcond))


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Tensor, Tensor, int, Tensor]:
    """Return the x with the smallest |a @ x - b|, and as constants the residuals, the rank and the singular values.

    Of several such x it is the shortest. Only x has a derivative, that of `pinv`.

    Parameters
    ----------
    a : (m, n)
    b : (m,) or (m, k)
    rcond : float, optional
        As for `pinv`.

    Examples
    --------
    >>> x, residuals, rank, s = tg.linalg.lstsq(tg.tensor([[1.0], [1.0]]), tg.tensor([1.0, 3.0]))
    >>> x, residuals, rank
    (tensor([2.]), tensor([2.]), 1)
    """
    a, b = (as_tensor(x) for x in (a, b))
    if a.ndim != 2 or a.shape[0] != b.shape[0]:
        raise ValueError(f"lstsq: a {a.shape} and b {b.shape} must be (m, n) and (m,) or (m, k)")
    _, residuals, rank, s = np.linalg.lstsq(a._data, b._data, rcond=_cutoff(a, rcond))
    return matmul(pinv(a, rcond=rcond), b), from_owned(residuals), int(rank), from_owned(s)


# ---------------------------------------------------------------------- determinants


def _without_each(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the products of all elements but the i-th, and of all but the i-th and the j-th."""
    without = np.where(like(s).eye(s.shape[-1], dtype=bool), 1, s[..., None, :])  # in row i, 1 in the place of the i-th
    return product_of_others(s), product_of_others(without)


def _svd(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the singular value decompositions; that of a matrix that is not finite has the singular values NaN."""
    finite = np.isfinite(x).all(axis=(-2, -1), keepdims=True)
    u, s, vh = np.linalg.svd(np.where(finite, x, like(x).eye(x.shape[-1], dtype=x.dtype)))
    return u, np.where(finite[..., 0], s, np.nan), vh


def _cofactor_x(g: Any, x: Any) -> Any:
    u, s, vh = _svd(plain(x))
    if isinstance(x, Tensor):
        if some(s[..., -1:] <= np.finfo(s.dtype).eps * s.shape[-1] * s[..., :1]):
            raise LinAlgError("det: there is no third derivative here at a singular matrix")
        w = np.linalg.inv(x).mT
        inner = np.sum(g * w, axis=(-2, -1), keepdims=True)
        return np.expand_dims(np.linalg.det(x), (-2, -1)) * (inner * w - w @ g.mT @ w)
    # cof(x + dx) = det(u) det(vh) conj(u) cof(s + u' dx v) conj(vh), and at a diagonal matrix it can be read off
    pairs = _without_each(s)[1] * (1 - like(s).eye(s.shape[-1], dtype=s.dtype))
    m = np.linalg.slogdet(u @ vh)[0][..., None, None] * (adjoint(u) @ g @ adjoint(vh))
    diagonal = (pairs @ np.diagonal(m, axis1=-2, axis2=-1)[..., None]) * like(s).eye(s.shape[-1], dtype=s.dtype)
    return conjugated(u) @ (diagonal - (pairs * m).mT) @ conjugated(vh)


@primitive(floating=True, cost="cubic", x=_cofactor_x)
def cofactor(x):
    """Return the matrices of cofactors, det(x) * inv(x).T, right also for singular matrices.

    Computed from the singular values (Stewart 1998, "On the adjugate matrix").

    >>> tg.linalg.matrices.cofactor(tg.tensor([[1.0, 0.0], [0.0, 0.0]]))
    tensor([[0., 0.],
            [0., 1.]])
    """
    u, s, vh = _svd(x)
    others = conjugated(u) * _without_each(s)[0][..., None, :]
    return np.linalg.slogdet(u @ vh)[0][..., None, None] * others @ conjugated(vh)


@primitive(
    np.linalg.det, floating=True, cost="cubic", x=lambda g, x: np.expand_dims(g, (-2, -1)) * dispatch(cofactor, x)
)
def det(x):
    """Return the determinants of square matrices; the first two derivatives are right for singular ones too.

    >>> tg.linalg.det(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return np.linalg.det(x)


def _slogdet_x(g: Any, x: Any, out: Any) -> Any:
    idle = ~np.isfinite(plain(out[1])) & (plain(g[1]) == 0)
    if some(idle):
        x = np.where(idle[..., None, None], like(x).eye(x.shape[-1], dtype=x.dtype), x)
    turn = g[1] if out[0].dtype.kind != "c" else g[1] + np.imag(g[0] * out[0]) * 1j
    return np.expand_dims(turn, (-2, -1)) * _inverse("slogdet", x).mT


@primitive(np.linalg.slogdet, floating=True, cost="cubic", x=_slogdet_x)
def slogdet(x):
    """Return the signs and the logarithms of the absolute values of determinants.

    Only the sign of a complex determinant, its direction in the plane, has a derivative that is not 0. A zero
    gradient that arrives at the logarithm of a singular matrix stays zero; any other raises LinAlgError.

    >>> tg.linalg.slogdet(tg.tensor([[1.0, 0.0], [0.0, -1.0]]))
    (tensor(-1.), tensor(0.))
    """
    return tuple(np.linalg.slogdet(x))


# ---------------------------------------------------------------------- powers, chains of products, diagonals


@implements(np.linalg.matrix_power)
def matrix_power(x: Any, n: int) -> Tensor:
    """Return the n-th power of square matrices; of a negative n, that of the inverse.

    >>> tg.linalg.matrix_power(tg.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    x, n = as_tensor(x), operator.index(n)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"matrix_power: the matrices must be square, not {x.shape}")
    if n == 0:  # recorded, with a gradient of zero
        return where(False, x, like(x).eye(x.shape[-1], dtype=x.dtype))
    if n < 0:
        x, n = inv(x), -n
    if n == 1:
        return positive(x)
    power, square = [], x
    while n:
        power += [square] * (n % 2)
        square, n = (matmul(square, square) if n > 1 else square), n // 2
    return functools.reduce(matmul, power)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any]) -> Tensor:
    """Return the product of several matrices in the best order; the first and the last may be vectors.

    >>> tg.linalg.multi_dot([tg.ones((2, 9)), tg.ones((9, 9)), tg.ones(9)])
    tensor([81., 81.])
    """
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: there must be at least two arrays, not {len(arrays)}")
    names = [ascii_letters[k : k + 2] for k in range(len(arrays))]
    if np.ndim(arrays[0]) == 1:
        names[0] = names[0][1]
    if np.ndim(arrays[-1]) == 1:
        names[-1] = names[-1][0]
    ends = names[0][:-1] + names[-1][1:]
    return einsum(",".join(names) + "->" + ends, *arrays)


@implements(np.linalg.diagonal)
def diagonal(x: Any, *, offset: int = 0) -> Tensor:
    """Return the diagonals of matrices (..., m, n) (`tg.diagonal` takes the first two axes, as in NumPy).

    >>> tg.linalg.diagonal(tg.ones((5, 2, 2))).shape
    (5, 2)
    """
    return shape.diagonal(x, offset=offset, axis1=-2, axis2=-1)


@implements(np.linalg.trace)
def trace(x: Any, *, offset: int = 0) -> Tensor:
    """Return the sums of the diagonals of matrices (..., m, n).

    >>> tg.linalg.trace(tg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    return shape.trace(x, offset=offset, axis1=-2, axis2=-1)


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any) -> Tensor:
    """Return the matrices (..., m, n) transposed.

    >>> tg.linalg.matrix_transpose(tg.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    return swapaxes(x, -1, -2)
