"""Data types, and what the namespace says of itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..foreign_names import without_device
from ..tensor import Tensor, as_tensor, complex_of, get_default_dtype

TYPES = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float32", "float64", "complex64", "complex128"),
    )
}

__all__ = [
    *("__array_namespace_info__", "astype", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "can_cast"),
    *("finfo", "iinfo", "isdtype", "result_type"),
]


class FloatInfo(NamedTuple):
    """The limits of a floating dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype


class IntegerInfo(NamedTuple):
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


class NamespaceInfo:
    """What the namespace can do: `xp.__array_namespace_info__()`."""

    def capabilities(self) -> dict[str, Any]:
        """Return which optional parts of the standard there are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Return the device of new arrays."""
        return "cpu"

    def devices(self) -> list[str]:
        """Return all devices."""
        return ["cpu"]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """Return the dtypes of Python's numbers in new arrays: the default float is `tg.get_default_dtype()`."""
        without_device([device])
        real = get_default_dtype()
        return {
            "real floating": real,
            "complex floating": complex_of(real),
            "integral": TYPES["int64"],
            "indexing": TYPES["int64"],
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype]:
        """Return the dtypes of a kind, or of several, by their names."""
        without_device([device])
        return {name: dtype for name, dtype in TYPES.items() if kind is None or np.isdtype(dtype, kind)}


def __array_namespace_info__() -> NamespaceInfo:  # the standard gives it this name
    """Return what the namespace can do.

    >>> tg.array_api.__array_namespace_info__().default_device()
    'cpu'
    """
    return NamespaceInfo()


def _dtype_of(thing: Any) -> Any:
    return thing.dtype if isinstance(thing, (Tensor, np.ndarray)) else np.dtype(thing)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """Return the elements in another dtype; through a floating one the gradient flows, integers are constants.

    >>> tg.array_api.astype(tg.ones(1), tg.array_api.int8)
    tensor([1], dtype=int8)
    """
    without_device([device])
    x = as_tensor(x)
    if x.dtype == dtype:
        return ops.copy(x) if copy else x
    return ops.astype(x, dtype)


def broadcast_to(x: Any, /, shape: Any) -> Tensor:
    """Return the elements repeated along axes, until the shape is `shape`.

    >>> tg.array_api.broadcast_to(tg.ones(2), (3, 2)).shape
    (3, 2)
    """
    return ops.broadcast_to(x, shape)


def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """Return arrays repeated along axes, until all have the same shape.

    >>> [x.shape for x in tg.array_api.broadcast_arrays(tg.ones(2, 1), tg.ones(3))]
    [(2, 3), (2, 3)]
    """
    return tuple(ops.broadcast_arrays(*arrays))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """Return the shape that arrays of these shapes have together.

    >>> tg.array_api.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    return np.broadcast_shapes(*shapes)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Return whether a dtype, or that of an array, goes to another when both meet; kinds that never meet do not.

    >>> tg.array_api.can_cast(tg.int8, tg.int16)
    True
    """
    from_, to = _dtype_of(from_), np.dtype(to)
    meet = any(from_.kind in kinds and to.kind in kinds for kinds in ("b", "iu", "fc"))
    return meet and np.can_cast(from_, to)


def finfo(type: Any, /) -> FloatInfo:
    """Return the limits of a floating dtype, or of that of an array; of a complex one, those of its parts.

    >>> tg.array_api.finfo(tg.float32).bits
    32
    """
    found = np.finfo(_dtype_of(type))
    eps, largest, smallest, normal = map(float, (found.eps, found.max, found.min, found.smallest_normal))
    return FloatInfo(found.bits, eps, largest, smallest, normal, found.dtype)


def iinfo(type: Any, /) -> IntegerInfo:
    """Return the limits of an integer dtype, or of that of an array.

    >>> tg.array_api.iinfo(tg.int8).max
    127
    """
    found = np.iinfo(_dtype_of(type))
    return IntegerInfo(found.bits, found.max, found.min, found.dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a kind ("bool", "integral", "real floating", "numeric" ...), or of one of several.

    >>> tg.array_api.isdtype(tg.float32, "real floating")
    True
    """
    return bool(np.isdtype(dtype, kind))


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """Return the dtype of a result that is computed from arrays, dtypes and Python's numbers.

    >>> tg.array_api.result_type(tg.ones(1), 2)
    dtype('float32')
    """
    if not arrays_and_dtypes:
        raise TypeError("result_type: at least one array or dtype is required")
    return np.result_type(*(x.dtype if isinstance(x, Tensor) else x for x in arrays_and_dtypes))
