"""Batches that a function of the user has changed: checked, and made Tensors and arrays again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..random import seeded
from ..sparse_matrix import SparseMatrix
from ..tensor import Tensor, from_owned
from ..validation import check_array, is_sparse

__all__ = ["transformed"]


def transformed(
    batches: Iterator[tuple[Any, ...]], transform: Callable[..., Any], random: np.random.Generator, dtype: Any
) -> Iterator[tuple[Any, ...]]:
    """Yield what `transform` makes of the parts of each batch; random numbers of the library come from a generator.

    Examples
    --------
    >>> from tinygrad_ml.data.transformed import transformed
    >>> batches = iter([(tg.ones(2), np.array([0, 1]))])
    >>> next(transformed(batches, lambda x, y: (x.numpy() * 2, y), np.random.default_rng(0), None))
    (tensor([2., 2.]), array([0, 1]))
    """
    for batch in batches:
        with seeded(random):
            changed = _called(transform, batch)
        if not isinstance(changed, tuple):
            changed = (changed,)
        if len(changed) != len(batch):
            told = type(changed[0]).__name__ if len(changed) == 1 else f"{len(changed)} parts"
            hint = ": does it lack its `return`?" if changed[0] is None else ""
            raise TypeError(
                f"DataLoader: transform got {len(batch)} parts of a batch and must return as many, not {told}{hint}"
            )
        names = ("x", "y", *(f"part {i}" for i in range(2, len(batch))))
        made = tuple([_made(part, name, dtype) for part, name in zip(changed, names)])
        flat = [part for each in made for part in (each.values() if type(each) is dict else [each])]
        if len({len(part) for part in flat}) > 1:
            raise ValueError(
                f"DataLoader: transform returned parts of {', '.join(str(len(part)) for part in flat)} rows; they must "
                "have the same number of rows"
            )
        yield made


def _called(transform: Callable[..., Any], batch: tuple[Any, ...]) -> Any:
    try:
        return transform(*batch)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # it was called, and raised that
            raise
        parts = ", ".join(("x", "y", *(f"part_{i}" for i in range(2, len(batch))))[: len(batch)])
        raise TypeError(f"DataLoader: transform gets the parts of a batch, transform({parts}): {error}") from error


def _made(part: Any, name: str, dtype: Any) -> Any:
    """Return a part as a Tensor if it is floating, in its own dtype or in this one, or else as an array."""
    if isinstance(part, dict):
        return {key: _made(inner, f"{name}[{key!r}]", dtype) for key, inner in part.items()}
    if isinstance(part, Tensor):
        value: Any = part._data
    elif is_sparse(part):
        value = SparseMatrix(part)
    else:
        value = check_array(part, name, "DataLoader: transform returned")
    if value.dtype.kind not in "fciub" or not value.ndim:
        what = f"of dtype {value.dtype}, which holds no numbers" if value.ndim else f"as a single {type(part).__name__}"
        raise TypeError(f"DataLoader: transform returned {name} {what}")
    if value.dtype.kind not in "fc":
        return np.array(value)
    return from_owned(value.astype(dtype if dtype is not None and value.dtype.kind == "f" else value.dtype))
