"""Batches of rows, in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..foreign_names import HintsArguments
from ..random import default_generator
from ..sparse_matrix import SparseMatrix
from ..tensor import from_owned, get_default_dtype
from ..validation import check_array, check_integer, is_sparse, non_numeric_columns

__all__ = ["DataLoader", "common_rows", "drawn_seed"]


class DataLoader(HintsArguments):
    """Batches of rows, in a new order in every epoch if they are shuffled.

    Iterating gives tuples with a batch of each array: floating ones as Tensors, integers and bools (labels, indices)
    as arrays. Every iteration is one epoch. A batch is a copy of its rows. Of a memory map only these are read, in
    ascending order.

    Parameters
    ----------
    data : array, Tensor, memory map, pandas frame or Series, sparse matrix of SciPy, or a tuple of them
        With the same number of rows. Frames must be numeric. Batches of a sparse matrix are sparse Tensors, for
        `tg.nn.Linear` and products with a matrix.
    batch_size : int
        The last batch may be smaller.
    shuffle : bool
    drop_last : bool
        Whether to leave the last batch out if it is smaller.
    seed : int, optional
        Decides the orders. By default it is drawn from the generator that `tg.manual_seed` seeds.
    dtype : dtype, optional
        What floating arrays are turned into, batch by batch.

    Attributes
    ----------
    epoch : int
        The number of the next iteration, from 0. Its order depends on nothing but the seed and this number, so set
        it to go on where another training run stopped.
    rows : int
        How many rows there are.
    on_disk : tuple of bools
        Which arrays are memory maps.

    Raises
    ------
    ValueError, TypeError
        If the arrays differ in length, are empty, or hold something that is not a number, which is named.

    Examples
    --------
    >>> x, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 1])
    >>> for batch, labels in tg.data.DataLoader((x, y), batch_size=2):
    ...     print(batch.tolist(), labels)
    [[0.0, 1.0], [2.0, 3.0]] [0 1]
    [[4.0, 5.0], [6.0, 7.0]] [0 1]
    [[8.0, 9.0]] [1]
    """

    def __init__(
        self,
        data: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        seed: int | None = None,
        dtype: Any = None,
    ):
        if np.ndim(batch_size):
            raise TypeError("DataLoader: data is one argument: write DataLoader((X, y), batch_size=...)")
        self.batch_size = check_integer("DataLoader: batch_size", batch_size, 1)
        given = data if type(data) is tuple else (data,)
        self.rows = common_rows("DataLoader", given)
        if drop_last and self.rows < batch_size:
            raise ValueError(
                f"DataLoader: {self.rows} rows are fewer than batch_size={batch_size}, so drop_last leaves nothing"
            )
        names = ("X", "y", *(f"data[{i}]" for i in range(2, len(given))))
        self.arrays = tuple(_numeric(array, name) for array, name in zip(given, names))
        self.columns = tuple([str(c) for c in array.columns] if hasattr(array, "columns") else None for array in given)
        self.shuffle, self.drop_last = bool(shuffle), drop_last
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.seed_given = seed is not None
        self.seed = drawn_seed("DataLoader", seed) if shuffle or seed is not None else 0
        self.epoch = 0
        self.on_disk = tuple(isinstance(array, np.memmap) for array in given)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Return the indices of all rows in the order of an epoch.

        Examples
        --------
        >>> loader = tg.data.DataLoader(np.arange(4), shuffle=True, seed=0)
        >>> sorted(loader.order(7).tolist())
        [0, 1, 2, 3]
        """
        if not self.shuffle:
            return np.arange(self.rows)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        if any(self.on_disk):
            for start in range(0, self.rows, self.batch_size):
                order[start : start + self.batch_size].sort()
        return order

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._batches(epoch)

    def _batches(self, epoch: int) -> Iterator[tuple[Any, ...]]:
        order = self.order(epoch) if self.shuffle else None
        floats = [array.dtype.kind in "fc" for array in self.arrays]
        casts = [self.dtype not in (None, array.dtype) and array.dtype.kind == "f" for array in self.arrays]
        plans = list(zip(self.arrays, floats, casts))
        size = self.batch_size
        for start in range(0, len(self) * size, size):
            batch = []
            for array, is_float, is_cast in plans:
                # a copy in any case: who writes to the data between a forward and a backward pass changes no gradient
                part = array[start : start + size] if order is None else array.take(order[start : start + size], 0)
                if is_cast or order is None:
                    part = part.astype(self.dtype if is_cast else part.dtype)
                batch.append(from_owned(part) if is_float else part)
            yield tuple(batch)

    def __repr__(self) -> str:
        order = f"shuffled with seed {self.seed}" if self.shuffle else "in their order"
        return f"DataLoader({self.rows:,} rows, {order}, in {len(self):,} batches of {self.batch_size})"


def _numeric(data: Any, name: str) -> Any:
    """Return the array of one part of the data, as a read-only view if it can be."""
    if isinstance(data, list) and any(hasattr(item, "shape") and np.shape(item) for item in data):
        raise TypeError("DataLoader: a list of arrays is ambiguous; write (X, y) for arrays with the same rows")
    array = SparseMatrix(data) if is_sparse(data) else check_array(data, name, "DataLoader")
    if isinstance(data, (list, tuple)) and array.dtype.kind == "f":
        array = array.astype(get_default_dtype())
    if hasattr(data, "iloc"):
        _check_columns(data)
    if array.dtype.kind not in "fciub":
        hint = "for class names use np.unique(y, return_inverse=True)[1]"
        if array.dtype == object and all(isinstance(value, (int, float)) for value in array.ravel()[:100]):
            hint = "convert it with .astype(float)"
        raise TypeError(f"DataLoader: a {type(data).__name__} of dtype {array.dtype} does not hold numbers; {hint}")
    if not isinstance(array, SparseMatrix):
        array = array.view()
        array.flags.writeable = False
    return array


def _check_columns(frame: Any) -> None:
    if frame.ndim == 2 and not frame.shape[1]:
        raise ValueError("DataLoader: the frame has no columns")
    wrong = non_numeric_columns(frame)
    if wrong:
        raise TypeError(
            f"DataLoader: these columns do not hold numbers: {', '.join(wrong[:10])}; leave them out, or make them "
            "numbers (pandas.get_dummies for categories, .cat.codes for classes)"
        )


def common_rows(name: str, arrays: tuple) -> int:
    """Return how many rows all arrays have, or raise TypeError or ValueError; errors begin with a name."""
    lengths = []
    for array in arrays:
        shape = getattr(array, "shape", None)
        if shape == () or (shape is None and not isinstance(array, (list, tuple))):
            known = hasattr(array, "__len__") and hasattr(array, "__getitem__") and shape is None
            hint = "; of a dataset with len() and [i], give tuple(map(np.stack, zip(*dataset)))" if known else ""
            raise TypeError(f"{name}: a {type(array).__name__} has no rows: data are arrays, (X, y){hint}")
        lengths.append(len(array) if shape is None else shape[0])
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{name}: the arrays have {', '.join(map(str, lengths))} rows; they must have the same number of rows"
        )
    if not lengths[0]:
        raise ValueError(f"{name}: the data are empty, they have 0 rows")
    return lengths[0]


def drawn_seed(name: str, seed: Any) -> int:
    """Return a seed, or draw one if it is None."""
    if seed is None:
        return int(default_generator().integers(2**63))
    return check_integer(f"{name}: seed", seed, 0, otherwise="None")
