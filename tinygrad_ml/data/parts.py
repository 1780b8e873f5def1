"""Parts of data that share no row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..sparse_matrix import SparseMatrix
from ..validation import check_array, is_integer, is_number, without_arrow
from .loader import common_rows, drawn_seed

__all__ = ["split"]

SPLITTING = 0x73706C6974  # "split"


def split(
    *arrays: Any, validation: float = 0.0, test: float = 0.2, stratify: Any = None, seed: int | None = None
) -> tuple[Any, Any, Any]:
    """Divide rows at random into a part to train on, one to validate on, and one to test on.

    Parameters
    ----------
    *arrays : arrays, lists, Tensors, pandas frames and Series, SciPy's sparse matrices, with the same number of rows;
        or dicts of them
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
    arrays = tuple(without_arrow("split", array) for array in arrays)
    flat = [part for array in arrays for part in (array.values() if isinstance(array, dict) else [array])]
    if not flat:
        raise ValueError("split: the dict is empty")
    n = common_rows("split", tuple(flat))
    sizes = _sizes(n, validation, test)
    # PCG64's numbers never change in NumPy. With the second word they are others than those of `default_rng(seed)`,
    # from which the data may come: made-up rows would be divided in the order of their first feature.
    random = np.random.PCG64([drawn_seed("split", seed), SPLITTING])
    order = random.random_raw(n).argsort(kind="stable")
    parts = np.split(order, np.cumsum(sizes)[:-1]) if stratify is None else _stratified(order, sizes, stratify)
    found = [tuple(_taken(array, rows) for array in arrays) for rows in parts]
    first, second, third = [part[0] for part in found] if len(arrays) == 1 else found
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
    if isinstance(array, dict):
        return {name: _taken(part, rows) for name, part in array.items()}
    if hasattr(array, "iloc"):
        return array.iloc[rows]
    if hasattr(array, "tocsr") and not isinstance(array, SparseMatrix):  # other formats than CSR have no rows
        return array.tocsr()[rows]
    if isinstance(array, (list, tuple)):
        return type(array)([array[i] for i in rows])
    return array[rows]
