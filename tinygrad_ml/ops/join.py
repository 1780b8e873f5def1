"""Operations that put arrays together, take them apart, and repeat or surround what is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..arrays import is_other, on_host
from ..autograd import primitive
from ..foreign_names import takes_foreign_names
from ..tensor import Tensor
from .index import normalised, scatter_flat
from .shape import atleast_1d, atleast_2d, atleast_3d, broadcast_arrays, reshape

__all__ = [
    "array_split",
    "concatenate",
    "dstack",
    "hstack",
    "meshgrid",
    "pad",
    "repeat",
    "split",
    "stack",
    "tile",
    "vstack",
]


def _piece(g: Any, i: int, arrays_shape: Sequence, axis: int | None) -> Any:
    """the piece of g that this array became"""
    if axis is None:
        g, sizes = np.ravel(g), [math.prod(shape) for shape in arrays_shape]
        return np.reshape(g[sum(sizes[:i]) : sum(sizes[: i + 1])], arrays_shape[i])
    lengths = [shape[axis] for shape in arrays_shape]
    start = sum(lengths[:i])
    return g[(slice(None),) * (axis % g.ndim) + (slice(start, start + lengths[i]),)]


@primitive(cost="none", arrays=_piece)
def _concatenate(*arrays, axis=0):
    """Return arrays joined along an existing axis; `axis=None` flattens them first.

    >>> tg.concatenate([tg.zeros(2), tg.ones(1)])
    tensor([0., 0., 1.])
    """
    return np.concatenate(arrays, axis)


def _in_one_list(name: str, arrays: Any, axis: Any) -> Any:
    """Return the arrays, or raise TypeError if there is one array for each argument."""
    if axis is not None and not isinstance(axis, (int, np.integer)):
        raise TypeError(f"{name}: axis must be an integer, not a {type(axis).__name__}: write tg.{name}([a, b])")
    return arrays


@takes_foreign_names("arrays")
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    """Join arrays along an existing axis; `axis=None` flattens them first.

    >>> tg.concatenate([tg.zeros(2), tg.ones(1)])
    tensor([0., 0., 1.])
    """
    return _concatenate(*_in_one_list("concatenate", arrays, axis), axis=axis)


@primitive(
    cost="none",
    formula="the piece of g that this array became",
    arrays=lambda g, i, axis: g[(slice(None),) * (axis % g.ndim) + (i,)],
)
def _stack(*arrays, axis=0):
    """Return arrays of one shape joined along a new axis.

    >>> tg.stack([tg.zeros(2), tg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    return np.stack(arrays, axis)


@takes_foreign_names("arrays")
def stack(arrays: Sequence[Any], axis: int = 0) -> Tensor:
    """Join arrays of one shape along a new axis.

    >>> tg.stack([tg.zeros(2), tg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _stack(*_in_one_list("stack", arrays, axis), axis=axis)


def hstack(arrays: Sequence[Any]) -> Tensor:
    """Join arrays side by side: vectors end to end, everything else along the second axis.

    >>> tg.hstack([tg.zeros((2, 1)), tg.ones((2, 2))])
    tensor([[0., 1., 1.],
            [0., 1., 1.]])
    """
    raised = [atleast_1d(x) for x in arrays]
    return concatenate(raised, axis=0 if raised and raised[0].ndim == 1 else 1)


def vstack(arrays: Sequence[Any]) -> Tensor:
    """Join arrays one below the other; vectors become rows.

    >>> tg.vstack([tg.zeros(2), tg.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    return concatenate([atleast_2d(x) for x in arrays], axis=0)


def dstack(arrays: Sequence[Any]) -> Tensor:
    """Join arrays along the third axis.

    >>> tg.dstack([tg.zeros((2, 3)), tg.ones((2, 3))]).shape
    (2, 3, 2)
    """
    return concatenate([atleast_3d(x) for x in arrays], axis=2)


# ---------------------------------------------------------------------- taking apart


@primitive(views=True, x=lambda g, axis: np.concatenate(g, axis))
def _split(x, *, indices_or_sections, axis=0):
    """Return the pieces of an array along `axis`: a number of equal ones, or cut before each of several indices.

    >>> [piece.shape for piece in tg.split(tg.ones((6, 2)), [1, 4])]
    [(1, 2), (3, 2), (2, 2)]
    """
    pieces = tuple(np.split(x, indices_or_sections, axis))
    if sum([piece.shape[axis] for piece in pieces]) != x.shape[axis]:
        raise ValueError(f"the indices to split at must rise, not {indices_or_sections}")
    return pieces


@takes_foreign_names("x")
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Split an array along `axis` into a number of equal pieces, or before each of several ascending indices.

    >>> tg.split(tg.tensor([1.0, 2.0, 3.0, 4.0]), 2)
    [tensor([1., 2.]), tensor([3., 4.])]
    >>> [piece.shape for piece in tg.split(tg.ones((6, 2)), [1, 4])]
    [(1, 2), (3, 2), (2, 2)]
    """
    cuts = np.asarray(indices_or_sections).tolist()
    return list(_split(x, indices_or_sections=cuts, axis=axis))


@takes_foreign_names("x")
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Split an array like `split`, but into pieces that may differ by one in length.

    >>> [len(piece) for piece in tg.array_split(tg.ones(7), 3)]
    [3, 2, 2]
    """
    if np.ndim(indices_or_sections) == 0:
        n = int(indices_or_sections)
        if n < 1:
            raise ValueError(f"array_split: the number of pieces must be positive, not {n}")
        length, longer = divmod(np.shape(x)[axis], n)
        indices_or_sections = list(accumulate([length + (i < longer) for i in range(n - 1)]))
    return split(x, indices_or_sections, axis)


# ---------------------------------------------------------------------- repeating and surrounding


def _untile(g: Any, x_shape: tuple, reps: Any) -> Any:
    """g summed over the copies"""
    reps = tuple(reps) if np.iterable(reps) else (reps,)
    n = max(len(reps), len(x_shape))
    lengths = (1,) * (n - len(x_shape)) + x_shape
    reps = (1,) * (n - len(reps)) + reps
    pairs = [length for pair in zip(reps, lengths) for length in pair]
    return np.reshape(np.sum(np.reshape(g, pairs), axis=tuple(range(0, 2 * n, 2))), x_shape)


@primitive(np.tile, cost="none", x=_untile)
def tile(x, *, reps):
    """Return the whole array repeated `reps` times, along the last axis or along several.

    >>> tg.tile(tg.tensor([1.0, 2.0]), 2)
    tensor([1., 2., 1., 2.])
    """
    return np.tile(x, reps)


def _unrepeat(g: Any, x_shape: tuple, repeats: Any, axis: int | None) -> Any:
    """g summed over the copies"""
    if isinstance(repeats, int):
        shape = (math.prod(x_shape),) if axis is None or not x_shape else x_shape
        k = (axis or 0) % len(shape)
        g = np.sum(np.reshape(g, (*shape[: k + 1], repeats, *shape[k + 1 :])), axis=k + 1)
        return np.reshape(g, x_shape)
    repeats = on_host(repeats)
    return scatter_flat(g, np.repeat(np.arange(math.prod(x_shape)).reshape(x_shape), repeats, axis), x_shape)


@primitive(cost="none", x=_unrepeat)
def _repeat(x, *, repeats, axis=None):
    """Return every element (or slice along `axis`) repeated: each equally often, or `repeats[i]` times.

    >>> tg.repeat(tg.tensor([1.0, 2.0]), [2, 3])
    tensor([1., 1., 2., 2., 2.])
    """
    if is_other(x) and not isinstance(repeats, int):
        repeats = repeats.tolist()
    return np.repeat(x, repeats, axis)


@takes_foreign_names("x", too_many="the whole array is repeated by tg.tile(x, reps)")
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Repeat every element (or slice along `axis`): each equally often, or `repeats[i]` times.

    Without `axis` the array is flattened first, as in NumPy.

    >>> tg.repeat(tg.tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.])
    >>> tg.repeat(tg.tensor([1.0, 2.0]), [2, 3])
    tensor([1., 1., 2., 2., 2.])
    """
    if axis is not None and not -np.ndim(x) <= axis < max(np.ndim(x), 1):
        raise np.exceptions.AxisError(
            f"repeat({repeats}, axis={axis}): x has shape {np.shape(x)}; tg.tile(x, reps) repeats the whole array"
        )
    return _repeat(x, repeats=normalised(repeats), axis=axis)


MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


def _widths(pad_width: Any, ndim: int) -> np.ndarray:
    """Return how much is added before and after each axis; a dict names the axes that get a margin."""
    if not isinstance(pad_width, dict):
        return np.broadcast_to(pad_width, (ndim, 2))
    widths = np.zeros((ndim, 2), int)
    for axis, width in pad_width.items():
        widths[axis] = width
    return widths


def _unpad(g: Any, x_shape: tuple, pad_width: Any, mode: Any) -> Any:
    """g without the border"""
    if not x_shape:
        return g
    if mode == "constant":
        before = _widths(pad_width, len(x_shape))[:, 0].tolist()
        return g[tuple([slice(start, start + n) for start, n in zip(before, x_shape)])]
    positions = np.arange(math.prod(x_shape)).reshape(x_shape)
    return scatter_flat(g, np.pad(positions, _widths(pad_width, len(x_shape)), mode), x_shape)


@primitive(np.pad, cost="none", x=_unpad)
def pad(x, *, pad_width, mode="constant", constant_values=0):
    """Return the array with a margin: `pad_width` is n, (before, after), one pair for each axis, or {axis: pair}.

    A dict of axes pads these alone. The margin is filled with a constant (the default), or with the array's own
    elements: "reflect" mirrors at the last element, "symmetric" behind it, "edge" repeats it, and "wrap" starts again
    from the other side. Each element of the array collects the gradients of all its copies.

    >>> tg.pad(tg.tensor([1.0, 2.0, 3.0]), (1, 2), mode="edge")
    tensor([1., 1., 2., 3., 3., 3.])
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    filling: Any = {"mode": mode} | ({"constant_values": constant_values} if mode == "constant" else {})
    return np.pad(x, _widths(pad_width, x.ndim).tolist(), **filling) if x.ndim else x.copy()


def meshgrid(*arrays: Any, indexing: str = "xy", sparse: bool = False) -> tuple[Tensor, ...]:
    """Return the coordinates of every point of the grid that several vectors span, one array for each vector.

    With indexing="xy" the first vector runs along the second axis, as in a picture; with "ij" the vectors run along
    the axes in their order. `sparse` leaves the arrays at length 1 where they would only be repeated.

    >>> x, y = tg.meshgrid(tg.tensor([1.0, 2.0, 3.0]), tg.tensor([10.0, 20.0]))
    >>> y
    tensor([[10., 10., 10.],
            [20., 20., 20.]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}")
    n = len(arrays)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    spread = [reshape(x, shape=(1,) * k + (-1,) + (1,) * (n - k - 1)) for k, x in zip(places, arrays)]
    return tuple(spread) if sparse else broadcast_arrays(*spread)
