"""What a doctor has seen of a training run: numbers of sampled steps, and a few rows of the data."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...arrays import on_host
from ...sparse_matrix import SparseMatrix

__all__ = ["LayerSample", "Parameters", "Record", "Sample", "Units", "each_once", "norm"]

ROWS, ELEMENTS = 384, 2**20  # of the data that are kept
FIRST, RECENT = 4, 16  # sampled steps whose units that were on are kept


def norm(array: np.ndarray) -> float:
    """Return the Euclidean norm of an array of any shape, in one pass."""
    flat = array.reshape(-1)
    square = float(flat.dot(flat)) if flat.dtype.kind == "f" else math.nan
    return math.sqrt(square) if square < math.inf else float(np.linalg.norm(flat.astype(np.float64)))


@dataclass
class LayerSample:
    """What a layer did in a step.

    Attributes
    ----------
    size : float
        The root mean square of its output.
    gradients : list of float
        The norm of the loss's gradient with respect to its output, of every call, the last call first.
    calls : int
    """

    size: float = math.nan
    gradients: list[float] = field(default_factory=list)
    calls: int = 0


@dataclass
class Parameters:
    """What happened to a parameter in a step: the norms of its gradient (None: there was none), and of its update.

    `size` is the norm of a weight itself. `update` is relative to the parameter, over the elements that changed;
    `differ` how much the gradients of units that began alike differ, relative to the largest.
    """

    gradient: float | None = None
    update: float = math.nan
    size: float = math.nan
    differ: float = math.nan


@dataclass
class Sample:
    """A step that was watched."""

    step: int
    rows: int = 0
    layers: dict[str, LayerSample] = field(default_factory=dict)
    parameters: dict[str, Parameters] = field(default_factory=dict)
    off: dict[str, float] = field(default_factory=dict)  # of each activation, the share of outputs without a slope
    normalised: dict[str, int] = field(default_factory=dict)  # of each batch norm, the elements of one mean
    finite: bool = True


class Units:
    """Which units of an activation were on: in the first samples, and in the last ones."""

    def __init__(self, kind: str):
        self.kind = kind  # "ReLU", "sigmoid" or "tanh"
        self.is_output = False
        self.varies = False  # whether a unit was on for one example and off for another
        self.first: list[list[np.ndarray]] = []
        self.recent: deque[list[np.ndarray]] = deque(maxlen=RECENT)

    def add(self, on: list[np.ndarray]) -> None:
        """Note which units were on in a step, along each axis that may be that of the units."""
        if len(self.first) < FIRST:
            self.first.append(on)
        self.recent.append(on)

    def dead(self, samples: Any) -> tuple[float, int]:
        """Return the share of units that were never on in these samples, and how many units there are."""
        worst = 0.0, 0
        for axis in zip(*samples):
            if len({on.shape for on in axis}) > 1:  # an axis of the data, such as time, whose length differs
                continue
            never = ~np.logical_or.reduce(axis)
            share = float(never.mean())
            if share > worst[0] or not worst[1]:
                worst = share, never.size
        return worst


class Record:
    """All that was seen. `order` has the layers in the order in which they ran first."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.samples: list[Sample] = []
        self.losses: list[float] = []  # of every step, or of the sampled ones
        self.steps = 0
        self.units: dict[str, Units] = {}
        self.equal: set[str] | None = None  # the weights whose units were all equal when the training run began
        self.zero: set[str] = set()  # the weights that were all 0 then
        self.over_time: dict[
            str, tuple[float, int]
        ] = {}  # recurrent layer -> how the gradient changes, over how many times
        self.input_size = math.nan  # the root mean square of the first input; NaN if it is no floating array
        self.made_by = ""  # "softmax" or "sigmoid" if that made the output
        self.useless_biases: dict[str, str] = {}  # layer -> the batch norm that takes its bias away
        self.kept: list[tuple[Any, ...]] = []  # parts of batches (x, *rest)
        self.kept_rows = self.kept_elements = 0

    def keep(self, batch: tuple[Any, ...]) -> None:
        """Keep some rows of a batch (x, *rest) for the end."""
        if self.kept_rows >= ROWS or self.kept_elements >= ELEMENTS:
            return
        if any(type(part) is dict for part in batch):  # of several inputs or targets nothing is looked at
            return
        arrays = [on_host(part) for part in batch]
        if not arrays or not arrays[0].ndim or any(a.ndim and len(a) != len(arrays[0]) for a in arrays):
            return
        rows = min(len(arrays[0]), ROWS - self.kept_rows, 64 if len(arrays[0]) <= 256 else ROWS)
        part = tuple(_copied(a[:rows]) if a.ndim else a for a in arrays)
        self.kept.append(part)
        self.kept_rows += rows
        self.kept_elements += part[0].size

    def rows(self) -> tuple[np.ndarray, ...]:
        """Return the kept rows, (x, *rest); nothing if their shapes differ from batch to batch."""
        try:
            return tuple(np.concatenate(parts) if parts[0].ndim else parts[0] for parts in zip(*self.kept))
        except ValueError:
            return ()


def _copied(rows: Any) -> np.ndarray:
    return rows.toarray() if isinstance(rows, SparseMatrix) else np.array(rows)


def each_once(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return the rows of some arrays without those that come again, as all rows do in every epoch."""
    first: dict[bytes, int] = {}
    for i in range(len(parts[0])):
        first.setdefault(b"".join(part[i].tobytes() for part in parts if part.ndim), i)
    places = list(first.values())
    return tuple(part[places] if part.ndim else part for part in parts)
