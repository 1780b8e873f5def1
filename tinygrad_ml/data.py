"""Data for training: parts that share no row, and batches in an order that a seed decides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .foreign_names import HintsArguments, module_getattr, take_foreign_names
from .random import default_generator
from .tensor import from_owned, get_default_dtype
from .validation import check_array, check_integer, is_integer, is_number, non_numeric_columns

__all__ = ["DataLoader", "split"]

# ---------------------------------------------------------------------- parts


def split(
    *arrays: Any, validation: float = 0.0, test: float = 0.2, stratify: Any = None, seed: int | None = None
) -> tuple[Any, Any, Any]:
    """Divide rows at random into a part to train on, one to validate on, and one to test on.

    Parameters
    ----------
    *arrays : arrays, lists, Tensors, pandas frames and Series, SciPy's sparse matrices, with the same number of rows
        They are divided alike, and stay what they are; frames keep their index. Of a memory map, parts are read into
        memory: to leave it on disk, divide `np.arange(len(x))` instead.
    validation, test : float from 0 to 1, or int
        The share of all rows, or how many rows. The training part gets the others.
    stratify : array_like (rows,), optional
        The class of every row. Each part then holds each class in its share, to within one row.
    seed : int, optional
        The same seed gives the same parts on every machine. By default the generator that `tg.manual_seed` seeds
        decides.

    Returns
    -------
    (train, validation, test)
        Three tuples with a part of each array, or three parts if there is one array.

    Raises
    ------
    ValueError, TypeError
        If the arrays differ in length, a part would be empty that should not be, or a class has too few rows.

    Examples
    --------
    >>> x, y = np.arange(10), np.array([0, 1] * 5)
    >>> train, validation, test = tg.data.split(x, y, validation=0.2, test=0.2, stratify=y, seed=0)
    >>> [len(part[0]) for part in (train, validation, test)], sorted(test[1].tolist())
    ([6, 2, 2], [0, 1])
    """
    if not arrays:
        raise TypeError("split: there is nothing to divide; write split(X, y, test=0.2)")
    n = _common_rows("split", arrays)
    sizes = _sizes(n, validation, test)
    order = np.random.PCG64(_seed("split", seed)).random_raw(n).argsort(kind="stable")  # this never changes in NumPy
    parts = np.split(order, np.cumsum(sizes)[:-1]) if stratify is None else _stratified(order, sizes, stratify)
    taken = [tuple(_taken(array, rows) for array in arrays) for rows in parts]
    first, second, third = [part[0] for part in taken] if len(arrays) == 1 else taken
    return first, second, third


def _sizes(n: int, validation: float, test: float) -> np.ndarray:
    """Return how many rows the three parts get; what is left over by rounding goes to the largest remainder."""
    exact = []
    for name, value in (("validation", validation), ("test", test)):
        if not is_number(value):
            raise TypeError(f"split: {name} must be a share such as 0.2 or a number of rows, not {value!r}")
        count = is_integer(value)
        if value < 0 or (value >= 1 and not count) or value != value:
            raise ValueError(f"split: {name}={value} must be a share from 0 to below 1 or a number of rows")
        exact.append(float(value) if count else n * float(value))
    shares = np.round([n - sum(exact), *exact], 9)  # 0.29 * 100 is not quite 29
    sizes = np.floor(shares).astype(np.int64)
    short = n - sizes.sum()
    sizes[np.argsort(sizes - shares, kind="stable")[:short]] += 1
    if sizes[0] < 1:
        raise ValueError(f"split: validation={validation} and test={test} leave none of the {n} rows for training")
    for name, value, size in (("validation", validation, sizes[1]), ("test", test, sizes[2])):
        if value and not size:
            raise ValueError(f"split: {name}={value} of {n} rows is less than one row")
    return sizes


def _stratified(order: np.ndarray, sizes: np.ndarray, stratify: Any) -> list[np.ndarray]:
    labels = check_array(stratify, "stratify", "split")
    if labels.shape != order.shape:
        raise ValueError(f"split: stratify must hold one class for each of the {len(order)} rows, not {labels.shape}")
    try:
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    except TypeError:  # Python objects that have no order
        raise ValueError(_unordered(labels)) from None
    asked = int((sizes > 0).sum())
    if counts.min() < asked:
        few = ", ".join(f"{c} ({k})" for c, k in zip(classes.tolist(), counts.tolist()) if k < asked)
        raise ValueError(
            f"split: there are {asked} parts, but fewer rows than that of class {few[:200]}: leave these rows out, "
            "join them with another class, or do without stratify"
        )
    table = _shares(counts, sizes)
    by_class = order[codes[order].argsort(kind="stable")]
    part = np.empty(len(order), np.intp)
    part[by_class] = np.repeat(np.tile(np.arange(len(sizes)), len(counts)), table.ravel())
    return [order[part[order] == i] for i in range(len(sizes))]


def _unordered(labels: np.ndarray) -> str:
    for row, label in enumerate(labels):
        if not isinstance(label, (str, int, float, np.generic)) or label != label:
            return f"split: stratify has {label!r} in row {row}: name this class, or leave such rows out"
    names = sorted({type(label).__name__ for label in labels})
    return f"split: stratify has classes of the types {' and '.join(names)}: make them all strings or all numbers"


def _shares(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return a table (classes, parts) of whole numbers near counts × sizes / rows with the given sums.

    Every entry is the exact one rounded up or down. First the largest remainders of each class are rounded up; then,
    while a part has too many rows, a class for which its share was rounded up gives a row to a part for which it was
    rounded down. Such a table always exists (Bacharach, "Matrix rounding problems", 1966), and as the parts are three,
    a row gets from any part to any other in one step or two.
    """
    table, rest = np.divmod(counts[:, None] * sizes, sizes.sum())
    up = np.zeros(table.shape, bool)
    for c, missing in enumerate(counts - table.sum(axis=1)):
        up[c, np.argsort(-rest[c], kind="stable")[:missing]] = True
    while (surplus := (table + up).sum(axis=0) - sizes).any():
        giver, taker = int(surplus.argmax()), int(surplus.argmin())
        other = 3 - giver - taker
        for path in ((giver, taker), (giver, other, taker)):
            steps = list(pairwise(path))
            able = [np.flatnonzero(up[:, a] & ~up[:, b] & (rest[:, b] > 0)) for a, b in steps]
            if all(map(len, able)):
                for (a, b), rows in zip(steps, able):
                    c = rows[(rest[rows, a] - rest[rows, b]).argmin()]
                    up[c, a], up[c, b] = False, True
                break
    return table + up


def _taken(array: Any, rows: np.ndarray) -> Any:
    """Return the named rows, in an object of the same kind."""
    if hasattr(array, "iloc"):
        return array.iloc[rows]
    if hasattr(array, "tocsr"):
        return array.tocsr()[rows]
    if isinstance(array, (list, tuple)):
        return type(array)([array[i] for i in rows])
    return array[rows]


def _common_rows(name: str, arrays: tuple) -> int:
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


def _seed(name: str, seed: Any) -> int:
    if seed is None:
        return int(default_generator().integers(2**63))
    return check_integer(f"{name}: seed", seed, 0, otherwise="None")


# ---------------------------------------------------------------------- batches


class DataLoader(HintsArguments):
    """Batches of rows, in a new order in every epoch if they are shuffled.

    Iterating gives tuples with a batch of each array: floating ones as Tensors, integers and bools (labels, indices)
    as arrays. Every iteration is one epoch. A batch is a copy of its rows. Of a memory map only these are read, in
    ascending order.

    Parameters
    ----------
    data : array, Tensor, memory map, pandas frame or Series, or a tuple of them with the same number of rows
        Frames must be numeric.
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
        self.rows = _common_rows("DataLoader", given)
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
        self.seed = _seed("DataLoader", seed) if shuffle or seed is not None else 0
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


def _numeric(data: Any, name: str) -> np.ndarray:
    """Return the array of one part of the data, as a read-only view if it can be."""
    if isinstance(data, list) and any(hasattr(item, "shape") and np.shape(item) for item in data):
        raise TypeError("DataLoader: a list of arrays is ambiguous; write (X, y) for arrays with the same rows")
    array = check_array(data, name, "DataLoader")
    if isinstance(data, (list, tuple)) and array.dtype.kind == "f":
        array = array.astype(get_default_dtype())
    if hasattr(data, "iloc"):
        _check_columns(data)
    if array.dtype.kind not in "fciub":
        hint = "for class names use np.unique(y, return_inverse=True)[1]"
        if array.dtype == object and all(isinstance(value, (int, float)) for value in array.ravel()[:100]):
            hint = "convert it with .astype(float)"
        raise TypeError(f"DataLoader: a {type(data).__name__} of dtype {array.dtype} does not hold numbers; {hint}")
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


if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.data")
