"""Batches that a user brings, made ready for the module; of arrays, `tg.data.DataLoader` makes ready ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..arrays import copied, is_other
from ..data import DataLoader
from ..distributed import Shards
from ..sparse_matrix import SparseMatrix
from ..tensor import Tensor, from_owned
from ..validation import check_array, is_sparse
from .checks import refuse_lists_of_arrays
from .run import BatchSource

__all__ = ["Batches", "loader_of"]


class Batches:
    """An iterable of batches, ready for the module: tuples (x, *rest) of Tensors in one dtype and arrays of integers.

    Parameters
    ----------
    source : DataLoader, or another iterable of batches that can be gone through again and again
    what : str
        What it is called in errors.
    dtype : dtype
        That of the module's parameters.

    Examples
    --------
    >>> from tinygrad_ml.train.batches import Batches
    >>> batches = Batches([(np.ones((2, 3)), np.array([0, 1]))], "data", np.dtype("float32"))
    >>> [(x.dtype, y.tolist()) for x, y in batches]
    [(dtype('float32'), [0, 1])]
    """

    def __init__(self, source: Any, what: str, dtype: Any):
        self.source, self.what, self.dtype = source, what, dtype

    def __len__(self) -> int:
        """Return the number of batches in an epoch, 0 if it is not known."""
        return len(self.source) if hasattr(self.source, "__len__") else 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return map(self._made_ready, self.source)

    def _made_ready(self, batch: Any) -> tuple[Any, ...]:
        if not isinstance(batch, (tuple, list)):
            if not hasattr(batch, "shape"):
                raise TypeError(f"fit: a batch of {self.what} must be a tuple (x, y), not a {type(batch).__name__}")
            batch = (batch,)
        elif not batch:
            raise ValueError(f"fit: {self.what} holds an empty batch")
        refuse_lists_of_arrays(batch, self.what)
        names = ("x", "y", *(f"part {i}" for i in range(2, len(batch))))
        made = tuple(map(self._part, batch, names))
        flat = [each for part in made for each in (part.values() if type(part) is dict else [part])]
        if not flat or not flat[0].ndim or any(part.ndim and len(part) != len(flat[0]) for part in flat):
            shapes = " and ".join(str(part.shape) for part in flat)
            raise ValueError(
                f"fit: the parts of a batch of {self.what} have shapes {shapes}: they must have the same number of rows"
                + ("; for whole arrays give a tuple, (X, y)" if isinstance(self.source, list) else "")
            )
        return made

    def _part(self, part: Any, name: str) -> Any:
        """Return a part of a batch as the module needs it; arrays as copies, to which nobody else can write."""
        if isinstance(part, dict):
            return {key: self._part(array, f"{name}[{key!r}]") for key, array in part.items()}
        if isinstance(part, Tensor):
            return part.astype(self.dtype) if part.dtype.kind == "f" and part.dtype != self.dtype else part
        if is_sparse(part):
            return from_owned(SparseMatrix(part, self.dtype).copy())
        array = part if is_other(part) else check_array(part, name, f"fit: a batch of {self.what}")
        if array.dtype.kind not in "fciub":
            raise TypeError(f"fit: a batch of {self.what} holds a {type(part).__name__} ({array.dtype}), no numbers")
        if array.dtype.kind not in "fc":
            return copied(array)
        return from_owned(array.astype(self.dtype) if array.dtype.kind == "f" else copied(array))


def loader_of(batches: BatchSource | None) -> DataLoader | None:
    """Return the DataLoader that the batches come from, or None if another iterable gives them."""
    source: Any = batches
    while isinstance(source, (Batches, Shards)):
        source = source.source
    return source if isinstance(source, DataLoader) else None
