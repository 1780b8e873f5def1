"""Lengths, distances and angles of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ops
from ..foreign_names import Dim, Keepdim, takes_foreign_names
from ..linalg import vector_norm
from ..tensor import Tensor, as_floating
from .module import Module

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["CosineSimilarity", "PairwiseDistance", "cosine_similarity", "normalize", "pairwise_distance"]


@takes_foreign_names("input")
def normalize(input: Any, p: float = 2.0, axis: Any = 1, eps: float = 1e-12, **foreign: Unpack[Dim]) -> Tensor:
    """Return vectors divided by their lengths, or by `eps` where a length is smaller.

    Parameters
    ----------
    input : array_like
    p : float
        The order of the norm.
    axis : int or tuple of int
        Along which a vector lies.
    eps : float

    Examples
    --------
    >>> tg.nn.functional.normalize(tg.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6, 0.8],
            [0. , 0. ]])
    """
    x = as_floating(input)
    return x / ops.clip(vector_norm(x, ord=p, axis=axis, keepdims=True), eps)


@takes_foreign_names("x1", "x2")
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8, **foreign: Unpack[Dim]) -> Tensor:
    """Return x1 · x2 / (|x1| |x2|) along an axis; a length below `eps` counts as `eps`.

    Parameters
    ----------
    x1, x2 : arrays whose shapes broadcast
    axis : int
        Along which a vector lies.
    eps : float

    Returns
    -------
    Tensor, without that axis

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or have no such axis.

    Examples
    --------
    >>> tg.nn.functional.cosine_similarity(tg.tensor([[1.0, 0.0]]), tg.tensor([[1.0, 1.0]]))
    tensor([0.707107])
    """
    a, b = as_floating(x1), as_floating(x2)
    _check("cosine_similarity", a, b, axis)
    if "c" in (a.dtype.kind, b.dtype.kind):
        raise TypeError("cosine_similarity is for real numbers, not complex ones: compare .real and .imag, or tg.abs")
    a, b = ops.broadcast_arrays(a, b) if a.shape != b.shape else (a, b)
    lengths = [ops.clip(vector_norm(x, axis=axis, keepdims=True), eps) for x in (a, b)]
    return ops.sum((a / lengths[0]) * (b / lengths[1]), axis=axis)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors: x1 · x2 / (|x1| |x2|).

    Parameters
    ----------
    axis : int
        Along which a vector lies.
    eps : float
        A length below it counts as it.

    Examples
    --------
    >>> tg.nn.CosineSimilarity()(tg.ones(5, 3), tg.ones(5, 3)).shape
    (5,)
    """

    drawn_whole = True

    @takes_foreign_names()
    def __init__(self, axis: int = 1, eps: float = 1e-8, **foreign: Unpack[Dim]):
        self.axis, self.eps = axis, eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        return cosine_similarity(x1, x2, self.axis, self.eps)

    def extra_repr(self) -> str:
        return f"axis={self.axis}, eps={self.eps}"


@takes_foreign_names("x1", "x2")
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False, **foreign: Unpack[Keepdim]
) -> Tensor:
    """Return the norms of x1 - x2 + eps along the last axis.

    Parameters
    ----------
    x1, x2 : arrays (..., features) whose shapes broadcast
    p : float
        The order of the norm.
    eps : float
        Added to each difference, so that the distance of equal vectors has a derivative.
    keepdims : bool
        Whether the last axis stays, with length 1.

    Examples
    --------
    >>> tg.nn.functional.pairwise_distance(tg.tensor([[3.0, 4.0]]), tg.zeros(1, 2), eps=0.0)
    tensor([5.])
    """
    a, b = as_floating(x1), as_floating(x2)
    _check("pairwise_distance", a, b, -1)
    return vector_norm(a - b + eps, ord=p, axis=-1, keepdims=keepdims)


class PairwiseDistance(Module):
    """The distance of vectors, the norm of x1 - x2 + eps along the last axis.

    Parameters
    ----------
    p : float
        The order of the norm.
    eps : float
        Added to each difference, so that the distance of equal vectors has a derivative.
    keepdims : bool
        Whether the last axis stays, with length 1.

    Examples
    --------
    >>> tg.nn.PairwiseDistance()(tg.ones(5, 3), tg.zeros(5, 3)).shape
    (5,)
    """

    drawn_whole = True

    @takes_foreign_names()
    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False, **foreign: Unpack[Keepdim]):
        self.p, self.eps, self.keepdims = p, eps, keepdims

    def forward(self, x1: Any, x2: Any) -> Tensor:
        return pairwise_distance(x1, x2, self.p, self.eps, self.keepdims)

    def extra_repr(self) -> str:
        return f"p={self.p}, eps={self.eps}, keepdims={self.keepdims}"


def _check(name: str, a: Tensor, b: Tensor, axis: int) -> None:
    """Raise unless the shapes broadcast to one that has the axis."""
    n = max(a.ndim, b.ndim)
    differ = any(k != m and 1 not in (k, m) for k, m in zip(a.shape[::-1], b.shape[::-1]))
    if differ or not -n <= axis < n:
        raise ValueError(f"{name}: x1 has shape {a.shape} and x2 {b.shape}; they must broadcast, and have axis {axis}")
