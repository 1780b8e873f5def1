"""Batches of rows, in an order that a seed decides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..arrays import KINDS, is_other, together
from ..foreign_names import HintsArguments
from ..random import default_generator
from ..sparse_matrix import SparseMatrix
from ..tensor import Tensor, from_owned, get_default_dtype
from ..validation import check_array, check_integer, is_sparse, non_numeric_columns, without_frame
from .ahead import ahead
from .files import TableFile, open_table
from .transformed import transformed

__all__ = ["DataLoader", "common_rows", "drawn_seed", "rows_of"]


class DataLoader(HintsArguments):
    """Batches of rows, in a new order in every epoch if they are shuffled.

    Iterating gives tuples with a batch of each array: floating ones as Tensors, integers and bools (labels, indices)
    as arrays. Every iteration is one epoch. A batch is a copy of its rows. Of a memory map only these are read, in
    ascending order; of a file only a piece at a time.

    Parameters
    ----------
    data : array, Tensor, memory map, pandas frame or Series, sparse matrix of SciPy, or a tuple of them; or a path
        With the same number of rows. Frames must be numeric. Batches of a sparse matrix are sparse Tensors, for
        `tg.nn.Linear` and products with a matrix. In place of an array, a dict of them stands for several inputs, or
        several targets: its batches are dicts with the same keys. A path names a table, ".csv", ".tsv" (pandas) or
        ".parquet" (pyarrow).
    batch_size : int
        The last batch may be smaller.
    shuffle : bool
        Of a file, the pieces come in any order, and the rows of each.
    drop_last : bool
        Whether to leave the last batch out if it is smaller.
    seed : int, optional
        Decides the orders. By default it is drawn from the generator that `tg.manual_seed` seeds.
    dtype : dtype, optional
        What floating arrays are turned into, batch by batch; those of a file become the default float otherwise.
    transform : callable, optional
        Gets the parts of each batch, `transform(x, y)`, and returns them, changed: images that are shifted, noise.
        Random numbers of the library that it draws depend on nothing but the seed and the epoch.
    prefetch : int
        How many batches a thread of its own prepares while the others are learned; that pays where `transform`, or
        reading from a disk, takes long.
    target : str or list of str, optional
        The columns of a file that are the second part of its batches; one name gives `(batch,)`.
    columns : list of str, optional
        The columns of a file that are the first part, by default all others. Those that hold no numbers come in a
        frame, which `transform` makes numbers of.
    piece : int
        How many rows of a CSV file are read at a time; of a Parquet file it is a row group.

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
        If the arrays differ in length, are empty, or hold something that is not a number, which is named; if there is
        no such column in a file, or it is damaged.
    FileNotFoundError, ImportError
        If there is no such file, or the package that reads it is missing.

    Examples
    --------
    >>> x, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 1])
    >>> for batch, labels in tg.data.DataLoader((x, y), batch_size=2):
    ...     print(batch.tolist(), labels)
    [[0.0, 1.0], [2.0, 3.0]] [0 1]
    [[4.0, 5.0], [6.0, 7.0]] [0 1]
    [[8.0, 9.0]] [1]

    Several inputs, and a flip of the first one in every second epoch or so:

    >>> def flipped(x, y):
    ...     return ({**x, "image": x["image"][:, ::-1]} if tg.rand(1).item() < 0.5 else x), y
    >>> inputs = {"image": x, "hour": np.array([7, 8, 20, 21, 22])}
    >>> loader = tg.data.DataLoader((inputs, y), batch_size=5, transform=flipped, seed=1)
    >>> [batch["image"][0].tolist() for batch, labels in loader], next(iter(loader))[0]["hour"]
    ([[0.0, 1.0]], array([ 7,  8, 20, 21, 22]))
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
        transform: Callable[..., Any] | None = None,
        prefetch: int = 0,
        target: Any = None,
        columns: Any = None,
        piece: int = 65536,
    ):
        if np.ndim(batch_size):
            raise TypeError("DataLoader: data is one argument: write DataLoader((X, y), batch_size=...)")
        if transform is not None and not callable(transform):
            raise TypeError(f"DataLoader: transform must be a function of a batch's parts, not {transform!r}")
        self.batch_size = check_integer("DataLoader: batch_size", batch_size, 1)
        self.prefetch = check_integer("DataLoader: prefetch", prefetch, 0)
        self.transform = transform
        self.keys: tuple[tuple | None, ...] = ()  # of the parts that are dicts
        self.arrays: tuple[Any, ...] = ()
        self.file: TableFile | None = None
        if isinstance(data, (str, os.PathLike)):
            check_integer("DataLoader: piece", piece, 1)
            self.file = open_table(data, target, columns, piece, dtype, frames=transform is not None)
            self.rows = self.file.rows
            self.columns = (self.file.features, *([None] if self.file.targets else []))
            self.on_disk = (True,) * len(self.columns)
        elif target is not None or columns is not None:
            raise TypeError("DataLoader: target and columns choose those of a file; of arrays write DataLoader((X, y))")
        else:
            self._take_arrays(data if type(data) is tuple else (data,))
        if drop_last and self.rows < batch_size:
            raise ValueError(
                f"DataLoader: {self.rows} rows are fewer than batch_size={batch_size}, so drop_last leaves nothing"
            )
        self.shuffle, self.drop_last = bool(shuffle), drop_last
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.seed_given = seed is not None
        is_random = shuffle or seed is not None or transform is not None
        self.seed = drawn_seed("DataLoader", seed) if is_random else 0
        self.epoch = 0

    def _take_arrays(self, parts: tuple[Any, ...]) -> None:
        """Keep the arrays of all parts, those of dicts one after the other."""
        names = ("X", "y", *(f"data[{i}]" for i in range(2, len(parts))))
        given: list[Any] = []
        called: list[str] = []
        for part, name in zip(parts, names):
            if isinstance(part, dict):
                if not part:
                    raise ValueError(f"DataLoader: {name} is an empty dict")
                given += part.values()
                called += [f"{name}[{key!r}]" for key in part]
            else:
                given.append(part)
                called.append(name)
        self.rows = common_rows("DataLoader", tuple(given))
        self.arrays = tuple(_numeric(array, name) for array, name in zip(given, called))
        self.columns = tuple([str(c) for c in array.columns] if hasattr(array, "columns") else None for array in given)
        self.on_disk = tuple(isinstance(array, np.memmap) for array in given)
        if any(isinstance(part, dict) for part in parts):
            self.keys = tuple(tuple(part) if isinstance(part, dict) else None for part in parts)

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
        random = np.random.default_rng([self.seed, epoch])
        if self.file is not None:
            return self.file.order(random)
        order = random.permutation(self.rows)
        if any(self.on_disk):
            for start in range(0, self.rows, self.batch_size):
                order[start : start + self.batch_size].sort()
        return order

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        batches = self._batches(epoch) if self.file is None else self._of_file(self.file, epoch)
        if self.transform is not None:
            random = np.random.default_rng([self.seed, epoch, 1])  # another one than that of the order
            dtype = self.dtype or (self.file.dtype if self.file else None)
            batches = transformed(batches, self.transform, random, dtype)
        return ahead(batches, self.prefetch) if self.prefetch else batches

    def _batches(self, epoch: int) -> Iterator[tuple[Any, ...]]:
        order = self.order(epoch) if self.shuffle else None
        floats = [array.dtype.kind in "fc" for array in self.arrays]
        casts = [self.dtype not in (None, array.dtype) and array.dtype.kind == "f" for array in self.arrays]
        orders = [together(order, array)[0] if KINDS else order for array in self.arrays]
        plans = list(zip(self.arrays, orders, floats, casts))
        size = self.batch_size
        for start in range(0, len(self) * size, size):
            batch = []
            for array, order, is_float, is_cast in plans:
                # a copy in any case: who writes to the data between a forward and a backward pass changes no gradient
                part = array[start : start + size] if order is None else array.take(order[start : start + size], 0)
                if is_cast or order is None:
                    part = part.astype(self.dtype if is_cast else part.dtype)
                batch.append(from_owned(part) if is_float else part)
            yield self._with_dicts(batch) if self.keys else tuple(batch)

    def _with_dicts(self, batch: list[Any]) -> tuple[Any, ...]:
        parts = iter(batch)
        return tuple([next(parts) if keys is None else {key: next(parts) for key in keys} for keys in self.keys])

    def _of_file(self, file: TableFile, epoch: int) -> Iterator[tuple[Any, ...]]:
        for parts in islice(file.batches(self.order(epoch) if self.shuffle else None, self.batch_size), len(self)):
            yield tuple([from_owned(part) if _is_float(part) else part for part in parts])

    def __repr__(self) -> str:
        order = f"shuffled with seed {self.seed}" if self.shuffle else "in their order"
        return f"DataLoader({self.rows:,} rows, {order}, in {len(self):,} batches of {self.batch_size})"


def _is_float(part: Any) -> bool:
    """Whether a part of a batch becomes a Tensor: it is no array of integers, and no frame."""
    return isinstance(part, np.ndarray) and part.dtype.kind == "f"


def _numeric(data: Any, name: str) -> Any:
    """Return the array of one part of the data, as a read-only view if it can be."""
    if isinstance(data, list) and any(hasattr(item, "shape") and np.shape(item) for item in data):
        raise TypeError("DataLoader: a list of arrays is ambiguous; write (X, y) for arrays with the same rows")
    given = data._data if isinstance(data, Tensor) else data
    if type(given) is not np.ndarray and is_other(given):  # whose batches stay where it is
        return given
    data = without_frame(data)
    array = SparseMatrix(data) if is_sparse(data) else check_array(data, name, "DataLoader")
    if isinstance(array, SparseMatrix) and array.dtype.kind in "iub":  # counts, since they can be no indices
        array = array.astype(get_default_dtype())
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


def rows_of(part: Any) -> int:
    """Return how many rows a part of a batch has: an array, or a dict of arrays."""
    return len(next(iter(part.values()))) if type(part) is dict else len(part)


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
