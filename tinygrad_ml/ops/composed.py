"""What NumPy, PyTorch and JAX have as functions, composed of the operations of the table, and constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..foreign_names import takes_foreign_names
from ..primitive import implements
from ..random import default_generator
from ..tensor import Tensor, as_array, as_tensor, from_owned
from .elementwise import where
from .index import take_along_axis
from .join import concatenate
from .reduce import axes_of
from .shape import ravel, transpose

__all__ = [
    "allclose",
    "array_equal",
    "diff",
    "flatten",
    "gather",
    "is_tensor",
    "masked_fill",
    "multinomial",
    "numel",
    "t",
    "unique",
]


def is_tensor(x: Any) -> bool:
    """Return whether x is a Tensor.

    >>> tg.is_tensor(tg.ones(2)), tg.is_tensor(np.ones(2))
    (True, False)
    """
    return isinstance(x, Tensor)


@takes_foreign_names("x")
def numel(x: Any) -> int:
    """Return the number of elements.

    >>> tg.numel(tg.ones(2, 3))
    6
    """
    return int(np.size(as_array(x)))


@takes_foreign_names("x", "y")
def allclose(x: Any, y: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return whether all elements of x and y differ by at most atol + rtol * abs(y).

    >>> tg.allclose(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 2.0 + 1e-7]))
    True
    """
    return bool(np.allclose(as_array(x), as_array(y), rtol, atol, equal_nan))


@takes_foreign_names("x", "y")
def array_equal(x: Any, y: Any, equal_nan: bool = False) -> bool:
    """Return whether x and y have the same shape and the same elements.

    >>> tg.array_equal(tg.ones(2), tg.ones(3))
    False
    """
    return bool(np.array_equal(as_array(x), as_array(y), equal_nan))


@takes_foreign_names("input")
def flatten(input: Any, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Return the elements with the axes from `start_axis` to `end_axis`, both included, joined into one.

    >>> tg.flatten(tg.ones(5, 2, 3, 4), 1).shape
    (5, 24)
    """
    x = as_tensor(input)
    if (start_axis, end_axis) == (0, -1):
        return ravel(x)
    if not x.ndim:
        return x.reshape(1)
    first, last = (axes_of(axis, x.ndim)[0] for axis in (start_axis, end_axis))
    if not -x.ndim <= start_axis < x.ndim or not -x.ndim <= end_axis < x.ndim or first > last:
        raise ValueError(f"flatten: input has shape {x.shape}; it has no axes from {start_axis} to {end_axis}")
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


@takes_foreign_names("x")
def t(x: Any) -> Tensor:
    """Return a matrix transposed; of a vector or a number, the same.

    >>> tg.t(tg.ones(2, 3)).shape
    (3, 2)
    """
    if np.ndim(x) > 2:
        raise ValueError(f"t: x has shape {np.shape(x)}; it is for matrices: use x.mT, or x.swapaxes(axis1, axis2)")
    return transpose(x)


@takes_foreign_names("x")
def gather(x: Any, axis: int, index: Any) -> Tensor:
    """Return the elements of x at `index` along `axis`: result[i, j] is x[i, index[i, j]] if `axis` is 1.

    As in PyTorch, `index` has as many axes as x and may be shorter along the others. The gradient flows to x.

    >>> tg.gather(tg.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, [[0], [1]])
    tensor([[1.],
            [4.]])
    """
    x, index = as_tensor(x), as_array(index)
    if index.ndim != x.ndim or index.dtype.kind not in "iu" or not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"gather: x has shape {x.shape}, so axis must be one of its axes and index an array of integers with "
            f"{x.ndim} axes, not {index.dtype} {index.shape}"
        )
    axis %= x.ndim
    if any(n > m for i, (n, m) in enumerate(zip(index.shape, x.shape)) if i != axis):
        raise ValueError(f"gather: index has shape {index.shape}; but for axis {axis} it must fit into {x.shape}")
    part = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(index.shape))
    return take_along_axis(x[part] if index.shape != x.shape else x, index, axis)


@takes_foreign_names("x")
def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """Return x with `value` wherever the mask holds; there no gradient flows to x.

    >>> tg.masked_fill(tg.tensor([1.0, 2.0]), [True, False], 0.0)
    tensor([0., 2.])
    """
    mask = as_array(mask)
    if mask.dtype.kind != "b":
        raise TypeError(f"masked_fill: the mask must be bool, not {mask.dtype}: write mask == 0 or mask != 0")
    return where(mask, value, x)


@implements(np.diff)
@takes_foreign_names("x")
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Return the differences of neighbours along `axis`, `n` times; of bools, whether they differ.

    `prepend` and `append` are put before and behind x first: numbers, or arrays.

    >>> tg.diff(tg.tensor([1.0, 4.0, 9.0]))
    tensor([3., 5.])
    """
    x = as_tensor(x)
    if not x.ndim or n < 0:
        raise ValueError(f"diff: x must have an axis and n be at least 0, not shape {x.shape} and n={n}")
    axis = axes_of(axis, x.ndim)[0]

    def as_part(part: Any) -> Any:
        shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        return part if np.ndim(part) else np.broadcast_to(np.asarray(as_array(part), x.dtype), shape)

    parts = [as_part(part) for part in (prepend,) if part is not None]
    parts += [x, *(as_part(part) for part in (append,) if part is not None)]
    x = concatenate(parts, axis) if len(parts) > 1 else x
    before, after = ((slice(None),) * axis + (cut,) for cut in (slice(None, -1), slice(1, None)))
    for _ in range(n):
        x = x[after] != x[before] if x.dtype.kind == "b" else x[after] - x[before]
    return x


@implements(np.unique)
@takes_foreign_names("x")
def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """Return the different elements in ascending order, of a Tensor that requires no gradient: there is none.

    With an option, a tuple: also the place of each for the first time, its place for each element, how often it comes.

    >>> tg.unique(tg.tensor([3, 1, 3]))
    tensor([1, 3], dtype=int64)
    """
    if getattr(x, "requires_grad", False):
        raise TypeError("unique has no derivative, so the gradient would be lost: use x.detach()")
    found: Any = np.unique(as_array(x), return_index, return_inverse, return_counts, axis)  # type: ignore[call-overload]
    return tuple(map(from_owned, found)) if isinstance(found, tuple) else from_owned(found)


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: np.random.Generator | None = None
) -> Tensor:
    """Draw `num_samples` places for each row of weights, with a probability that is proportional to the weight.

    Parameters
    ----------
    input : (n,) or (rows, n), at least 0; a row need not sum to 1
    num_samples : int
    replacement : bool
        Whether a place may be drawn several times; if not, at least `num_samples` of a row must not be 0.

    Examples
    --------
    >>> tg.multinomial(tg.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1], dtype=int64)
    """
    weights = np.asarray(as_array(input), np.float64)
    rows = weights.reshape(-1, weights.shape[-1]) if weights.ndim in (1, 2) else weights
    if weights.ndim not in (1, 2) or not (np.isfinite(rows).all() and (rows >= 0).all() and rows.any(axis=1).all()):
        raise ValueError(
            f"multinomial: input has shape {weights.shape}; it must be one row of weights or several, finite, at least "
            "0, and not all 0"
        )
    if num_samples < 1 or (not replacement and num_samples > np.count_nonzero(rows, axis=1).min()):
        raise ValueError(
            f"multinomial: {num_samples} cannot be drawn of {np.count_nonzero(rows, axis=1).min()} places whose weight "
            "is not 0; draw with replacement=True"
        )
    generator = generator or default_generator()
    if replacement:
        limits = np.cumsum(rows, axis=1)
        drawn = generator.random((len(rows), num_samples)) * limits[:, -1:]
        places = np.stack([np.searchsorted(c, d, "right") for c, d in zip(limits, drawn)])
    else:  # the first of exponential waiting times: each with its weight as its rate
        with np.errstate(divide="ignore"):
            waiting = generator.standard_exponential(rows.shape) / rows
        places = np.argsort(waiting, axis=1, kind="stable")[:, :num_samples]
    return from_owned(places.reshape(*weights.shape[:-1], num_samples))
