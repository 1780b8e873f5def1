"""New arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..foreign_names import without_device
from ..tensor import Tensor, complex_of, from_owned, get_default_dtype

__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a Tensor as it is, or in another dtype, and anything else as a new one; gradients flow.

    A list may hold Tensors too. With `copy=True` the Tensor is a new one; with False the error tells that it would be.

    >>> tg.array_api.asarray([1, 2])
    tensor([1, 2], dtype=int64)
    """
    without_device([device])
    if isinstance(obj, (list, tuple)) and _holds_tensor(obj):
        parts = [asarray(part) for part in obj]
        found: Any = ops.stack([part.astype(np.result_type(*(p.dtype for p in parts))) for part in parts])
    elif copy is False and not isinstance(obj, Tensor):
        raise ValueError(f"asarray: {type(obj).__name__} data is copied into a new Tensor: leave out copy=False")
    else:
        found = ops.as_tensor(obj)
    if dtype is not None and found.dtype != np.dtype(dtype):
        if copy is False:
            raise ValueError(f"asarray: a Tensor of dtype {found.dtype} is copied for dtype {np.dtype(dtype)}")
        # numbers go there at once, not by way of the default float
        return ops.astype(found, dtype) if isinstance(obj, Tensor) or found.requires_grad else Tensor(obj, dtype)
    return ops.copy(found) if copy and found is obj else found


def _holds_tensor(items: Any) -> bool:
    return any(isinstance(x, Tensor) or (isinstance(x, (list, tuple)) and _holds_tensor(x)) for x in items)


def _default(value: Any) -> Any:
    """Return the dtype of a Python number in a new array."""
    if isinstance(value, (bool, int)):
        return np.dtype(bool if isinstance(value, bool) else np.int64)
    return complex_of(get_default_dtype()) if isinstance(value, complex) else get_default_dtype()


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return evenly spaced numbers from `start` to `stop`, which is excluded; with one limit, from 0 to that.

    >>> tg.array_api.arange(3)
    tensor([0, 1, 2], dtype=int64)
    """
    without_device([device])
    return ops.arange(*((0, start) if stop is None else (start, stop)), step, dtype=dtype)


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """Return `num` evenly spaced numbers from `start` to `stop`, which is included unless `endpoint` is False.

    >>> tg.array_api.linspace(0, 1, 2, endpoint=False)
    tensor([0. , 0.5])
    """
    without_device([device])
    dtype = dtype or _default(complex(0) if isinstance(start, complex) or isinstance(stop, complex) else 0.0)
    return from_owned(np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype))


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return one repeated number, in the dtype that belongs to it; from a Tensor the gradient flows.

    >>> tg.array_api.full(2, True)
    tensor([ True,  True])
    """
    without_device([device])
    if isinstance(fill_value, Tensor):
        shape = shape if isinstance(shape, (tuple, list)) else (shape,)
        return ops.broadcast_to(fill_value if dtype is None else asarray(fill_value, dtype=dtype), shape)
    return ops.full(shape, fill_value, dtype=dtype or _default(fill_value))


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return zeros.

    >>> tg.array_api.zeros(2)
    tensor([0., 0.])
    """
    return full(shape, 0, dtype=dtype or get_default_dtype(), device=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return ones.

    >>> tg.array_api.ones((1, 2))
    tensor([[1., 1.]])
    """
    return full(shape, 1, dtype=dtype or get_default_dtype(), device=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a Tensor that is to be filled; here it holds zeros.

    >>> tg.array_api.empty(2).shape
    (2,)
    """
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return one repeated number with the shape and dtype of `x`.

    >>> tg.array_api.full_like(tg.zeros(2), 7)
    tensor([7., 7.])
    """
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return zeros with the shape and dtype of `x`.

    >>> tg.array_api.zeros_like(tg.ones(2))
    tensor([0., 0.])
    """
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return ones with the shape and dtype of `x`.

    >>> tg.array_api.ones_like(tg.zeros(2))
    tensor([1., 1.])
    """
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a Tensor of the shape and dtype of `x` that is to be filled; here it holds zeros.

    >>> tg.array_api.empty_like(tg.ones(2)).shape
    (2,)
    """
    return full_like(x, 0, dtype=dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return a matrix with ones on its k-th diagonal.

    >>> tg.array_api.eye(2, k=1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    without_device([device])
    return from_owned(np.eye(n_rows, n_cols, k, dtype or get_default_dtype()))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a copy of the array of another library, by the DLPack protocol.

    >>> tg.array_api.from_dlpack(np.array([1.0]))
    tensor([1.], dtype=float64)
    """
    without_device([device])
    if copy is False:
        raise BufferError("from_dlpack: the array is copied into a new Tensor: leave out copy=False")
    return ops.from_dlpack(x)


def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Return the coordinates of a grid, one Tensor for each axis.

    >>> tg.array_api.meshgrid(tg.arange(2), tg.arange(3))[0].shape
    (3, 2)
    """
    return tuple(ops.meshgrid(*arrays, indexing=indexing))


def tril(x: Any, /, *, k: int = 0) -> Tensor:
    """Return matrices with zeros above the k-th diagonal.

    >>> tg.array_api.tril(tg.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return ops.tril(x, k)


def triu(x: Any, /, *, k: int = 0) -> Tensor:
    """Return matrices with zeros below the k-th diagonal.

    >>> tg.array_api.triu(tg.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return ops.triu(x, k)
