"""Batches: the data of a training in every form that `fit` takes, made ready for the module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..data import DataLoader
from ..tensor import Tensor, from_owned
from ..validation import as_array
from .arguments import ONE_INPUT


class Batches:
    """What `fit` goes through in every epoch: tuples (x, *rest) of Tensors in one dtype and arrays of integers.

    Parameters
    ----------
    data : (X, y, ...), array, DataLoader, or iterable of batches that can be gone through again and again
    what : str
        What it is called in errors.
    dtype : dtype
        That of the module's parameters.
    batch_size, shuffle, seed
        For arrays; the others bring batches of their own.

    Examples
    --------
    >>> batches = tg.train.batches.Batches((np.ones((3, 2)), np.arange(3)), "data", np.dtype("float32"), 2)
    >>> [(x.shape, y.tolist()) for x, y in batches]
    [((2, 2), [0, 1]), ((1, 2), [2])]
    """

    def __init__(
        self, data: Any, what: str, dtype: Any, batch_size: int = 32, shuffle: bool = False, seed: int | None = None
    ):
        self.what, self.dtype = what, dtype
        self.ready = False  # whether the batches come as the module needs them
        if type(data) is tuple or isinstance(data, (np.ndarray, Tensor)) or hasattr(data, "iloc"):
            if isinstance(data, tuple) and not data:
                raise ValueError(f"fit: {what} is an empty tuple; it must be (X, y), a DataLoader or batches")
            self._refuse_several(data)
            data = DataLoader(data, batch_size, shuffle, seed=seed, dtype=dtype)
            self.ready = True
        elif not isinstance(data, Iterable) or isinstance(data, (str, bytes, dict)):
            raise TypeError(
                f"fit: {what} must be a tuple of arrays (X, y), a DataLoader or an iterable of batches, "
                f"not {type(data).__name__}"
            )
        elif isinstance(data, Iterator):
            raise TypeError(
                f"fit: {what} is a {type(data).__name__}, which can be gone through only once; give (X, y), "
                "a DataLoader, or a list of batches"
            )
        elif isinstance(data, list) and len({np.ndim(part) for part in data if hasattr(part, "shape")}) > 1:
            raise TypeError(f"fit: {what} is a list of arrays, which would be a batch each; write (X, y)")
        self.source: Any = data
        self.loader: DataLoader | None = data if isinstance(data, DataLoader) else None

    def __len__(self) -> int:
        """Return the number of batches in an epoch, 0 if it is not known."""
        return len(self.source) if hasattr(self.source, "__len__") else 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.source) if self.ready else map(self._made_ready, self.source)

    def _made_ready(self, batch: Any) -> tuple[Any, ...]:
        if not isinstance(batch, (tuple, list)):
            if not hasattr(batch, "shape"):
                raise TypeError(f"fit: a batch of {self.what} must be a tuple (x, y), not a {type(batch).__name__}")
            batch = (batch,)
        elif not batch:
            raise ValueError(f"fit: {self.what} holds an empty batch")
        self._refuse_several(batch)
        names = ("x", "y", *(f"part {i}" for i in range(2, len(batch))))
        made = tuple(map(self._part, batch, names))
        if not made[0].ndim or any(part.ndim and len(part) != len(made[0]) for part in made):
            shapes = " and ".join(str(part.shape) for part in made)
            raise ValueError(
                f"fit: the parts of a batch of {self.what} have shapes {shapes}: they must have the same number of rows"
                + ("; for whole arrays give a tuple, (X, y)" if isinstance(self.source, list) else "")
            )
        return made

    def _refuse_several(self, parts: Any) -> None:
        for part in parts if isinstance(parts, (tuple, list)) else ():
            if isinstance(part, (tuple, list)) and any(getattr(item, "shape", ()) for item in part):
                raise TypeError(
                    f"fit: {self.what} has a {type(part).__name__} of arrays in place of one: np.stack makes one of "
                    f"rows; {ONE_INPUT}"
                )

    def _part(self, part: Any, name: str) -> Any:
        """Return a part of a batch as the module needs it; arrays as copies, to which nobody else can write."""
        if isinstance(part, Tensor):
            return part.astype(self.dtype) if part.dtype.kind == "f" and part.dtype != self.dtype else part
        array = as_array(part, name, f"fit: a batch of {self.what}")
        if array.dtype.kind not in "fciub":
            raise TypeError(f"fit: a batch of {self.what} holds a {type(part).__name__} ({array.dtype}), no numbers")
        if array.dtype.kind not in "fc":
            return np.array(array)
        return from_owned(np.array(array, self.dtype if array.dtype.kind == "f" else None))
