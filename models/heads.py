"""Heads: the columns that a network with several heads learns, and what its outputs and targets stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from . import checking

KINDS = ("classes", "number")


class Heads:
    """What each head is of, in the order of the outputs.

    Parameters
    ----------
    kinds : dict from names to "classes" or "number"
    sizes : dict from names to the number of outputs: one for a number and for two classes, else one for each class

    Attributes
    ----------
    classes : dict from names to the classes, once they are known
    moments : dict from names to the mean and the scale of numbers, by which they are standardised
    """

    def __init__(self, kinds: Mapping[str, str], sizes: Mapping[str, int]):
        self.kinds, self.sizes = dict(kinds), dict(sizes)
        self.classes: dict[str, np.ndarray] = {}
        self.moments: dict[str, tuple[float, float]] = {}

    @classmethod
    def of(cls, model: Any, columns: Mapping[str, np.ndarray], weight: Any) -> Heads:
        """Return the heads for columns: of the kinds that the model says, or that their dtypes say."""
        kind_of = (
            {name: _kind(name, column) for name, column in columns.items()} if model.heads is None else model.heads
        )
        heads = cls(kind_of, dict.fromkeys(kind_of, 1))
        for name, kind in heads.kinds.items():
            if kind == "number":
                column = checking.check_numbers(model, columns[name], np.dtype(np.float64))
                mean = np.average(column, weights=weight)
                deviation = np.average((column - mean) ** 2, weights=weight) ** 0.5
                heads.moments[name] = float(mean), float(deviation) or 1.0
                continue
            found = np.unique(checking.check_labels(model, columns[name], name))
            if len(found) < 2:
                raise ValueError(f"MultiHeadMLP: {name} has only one class, {found.tolist()[0]!r}; leave it out")
            heads.classes[name] = found
            heads.sizes[name] = 1 if len(found) == 2 else len(found)
        return heads

    def encode(self, model: Any, columns: Mapping[str, np.ndarray], dtype: np.dtype) -> np.ndarray:
        """Return positions of classes and standardised numbers, `(samples, heads)`."""
        target = np.empty((len(next(iter(columns.values()))), len(self.kinds)), dtype)
        for i, (name, kind) in enumerate(self.kinds.items()):
            if kind == "number":
                mean, scale = self.moments[name]
                target[:, i] = (checking.check_numbers(model, columns[name], np.dtype(np.float64)) - mean) / scale
                continue
            column, known = checking.check_labels(model, columns[name], name), self.classes[name]
            if unknown := sorted({*column.tolist()} - {*known.tolist()}, key=str):
                raise ValueError(
                    f"MultiHeadMLP: {name} has the label {unknown[0]!r}, which is not one of {known.tolist()}"
                )
            target[:, i] = np.searchsorted(known, column)
        return target

    def parts(self, output: Any) -> Iterator[tuple[str, Any]]:
        """Yield the outputs of each head, `(batch, classes)`, or `(batch,)` of a number."""
        start = 0
        for name, size in self.sizes.items():
            part = output[:, start : start + size]
            yield name, part[:, 0] if self.kinds[name] == "number" else part
            start += size

    def target_of(self, name: str, target: Any, part: Any) -> Any:
        """Return the column of a target that belongs to a head, as its loss takes it."""
        column = np.take(target, list(self.kinds).index(name), axis=1)
        if self.kinds[name] == "number":
            return column.astype(part.dtype)
        return column.astype(np.intp) if part.shape[1] > 1 else column.reshape(-1, 1).astype(part.dtype)

    def decode(self, name: str, part: np.ndarray, classes: dict[str, np.ndarray]) -> np.ndarray:
        """Return the classes or numbers that the outputs of a head stand for; positions if the classes are unknown."""
        if self.kinds[name] == "number":
            mean, scale = self.moments.get(name, (0.0, 1.0))
            return part * scale + mean
        best = (part[:, 0] > 0).astype(int) if part.shape[1] == 1 else part.argmax(axis=1)
        return classes[name][best] if name in classes else best


def columns_of(model: Any, y: Any, n_samples: int, known: list[str]) -> dict[str, np.ndarray]:
    """Return the columns of y by name: those that are `known`, or all of them if none are."""
    if y is None:
        raise ValueError("MultiHeadMLP requires y to be passed, but the target y is None")
    if isinstance(y, Mapping):
        columns = dict(y)
    elif hasattr(y, "columns"):
        columns = {name: y[name] for name in y.columns}
    else:
        array = np.asarray(y)
        if array.ndim != 2 or array.shape[1] != len(known):
            some = f"{len(known)} " if known else ""
            raise ValueError(
                "MultiHeadMLP: y must be a frame with a column for each head, a dict of arrays (samples,), or, if "
                f"heads= names them, an array (samples, {some}heads), not {type(y).__name__} of shape {array.shape}"
            )
        columns = dict(zip(known, array.T))
    if not columns:
        raise ValueError("MultiHeadMLP: y has no columns")
    if missing := [name for name in known if name not in columns]:
        raise ValueError(f"MultiHeadMLP: y has no column {missing[0]!r}; it has {list(columns)}")
    return {name: checking.check_target(model, columns[name], n_samples) for name in known or columns}


def _kind(name: str, column: np.ndarray) -> str:
    """Return what a column holds, if its dtype says so."""
    if column.dtype.kind == "f":
        return "number"
    if column.dtype.kind in "iu":
        raise ValueError(
            f"MultiHeadMLP: {name} has whole numbers, which may be classes or numbers: give heads={{{name!r}: 'classes'"
            "}, or 'number', with all other heads"
        )
    return "classes"
