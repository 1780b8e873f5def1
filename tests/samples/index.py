"""Samples of indexing, picking and sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.samples.sample import Sample, distinct, layouts, pytorch, real

TABLE = real((4, 3, 2))
VIEW = real((8, 6, 2), 1)[::-2, ::2]  # (4, 3, 2), with strides of either sign
MASK = np.array([True, False, True, True])
PAIRS = np.array([[0, 2], [2, 1], [0, 2]])  # with duplicates

INDICES: list[Any] = [
    1,
    -1,
    (),
    None,
    Ellipsis,
    slice(None, None, -1),
    slice(3, 1),
    (slice(1, None), 0),
    (0, Ellipsis, slice(None, None, 2)),
    (None, 2, Ellipsis, None),
    (3, 2, 1),
    True,
    np.array([3, 0, 3, -1]),  # with duplicates
    PAIRS,
    np.array([], np.intp),
    MASK,
    (MASK, 1),
    (slice(None), np.array([True, False, True])),
    (np.array([0, 0, 3]), np.array([2, 2, -1])),
    (np.array([[0], [1]]), np.array([2, 0, 2])),  # broadcast
    (np.array([0, 0, 3]), 2),
    (0, np.array([1, 1])),
    (slice(None), np.array([2, 2, 0])),
    (np.array([1, 1]), slice(None), np.array([0, 0])),  # separated: the indexed axis comes first
    (Ellipsis, np.array([1, 1, 0])),
    (MASK, np.array([1, 1, 0])),
    (np.array([1, 1]), None, Ellipsis, 0),
    TABLE > 0.5,
]


def _at(index: Any, function: Callable) -> Callable[..., Any]:
    """Return `function(index, *tensors)` of PyTorch, which takes no NumPy arrays as indices."""

    def call(*tensors: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        as_tensor = pytorch("as_tensor")
        return function(tuple([as_tensor(p) if isinstance(p, np.ndarray) else p for p in parts]), *tensors)

    return call


def indexed(function: Callable, inputs: Callable[[Any], tuple], **parameters: Any) -> list[Sample]:
    """Return samples over all indices; PyTorch has no negative steps."""
    backwards = [isinstance(index, slice) and index.step == -1 for index in INDICES]
    return [
        Sample(inputs(index), {"index": index, **parameters}, torch=None if back else _at(index, function))
        for index, back in zip(INDICES, backwards)
    ]


def _unique(index: Any) -> bool:
    """Whether an index names no element twice: of several values for one, PyTorch gives all the gradient."""
    positions = np.arange(TABLE.size).reshape(TABLE.shape)[index]
    return len(np.unique(positions)) == positions.size


def _put(index: Any, x: Any, value: Any) -> Any:
    x = x.clone()
    x[index] = value
    return x


def _accumulate(index: Any, x: Any, value: Any) -> Any:
    positions = pytorch("arange")(x.numel()).reshape(x.shape)[index]
    value = value.broadcast_to(positions.shape) if value.ndim <= positions.ndim else value.reshape(positions.shape)
    return x.flatten().index_add(0, positions.flatten(), value.flatten()).reshape(x.shape)


def _look_up(padding_idx: int | None) -> Callable[..., Any]:
    return lambda index, weight: pytorch("nn.functional.embedding")(*index, weight, padding_idx)


def _value(index: Any) -> np.ndarray:
    return real(np.shape(TABLE[index]), 7)


WRITTEN = [  # values that broadcast
    *[Sample((TABLE, real((), 5)), {"index": index}) for index in INDICES],
    Sample((VIEW, real((2,), 5)), {"index": np.array([1, 2])}),
    Sample((VIEW, real((1, 1, 3, 1), 5)), {"index": 2}),
    Sample((VIEW, real((1, 1, 2, 3, 2), 5)), {"index": np.array([1, 0])}),
    Sample((VIEW, real((2, 1, 1), 5)), {"index": np.array([1, 1])}),
    Sample((real(()), real((), 1)), {"index": ()}),
    Sample((real((0,)), real((0,))), {"index": slice(None)}),
]
ORDERS = [(x, axis) for x in (distinct((2, 3, 4)), distinct((4, 6))[::-2, ::3]) for axis in (0, 1, -1)]


SAMPLES: dict[str, list[Sample]] = {
    "getitem": [
        *indexed(lambda index, x: x[index], lambda index: (TABLE,)),
        *[Sample((VIEW,), {"index": index}) for index in INDICES],
        *[Sample((x,), {"index": Ellipsis}) for x in layouts(real)],
        Sample((real(()),), {"index": None}),
        Sample((real((0,)),), {"index": np.array([], np.intp)}),
    ],
    "scatter": [
        Sample((_value(index),), {"index": index, "shape": TABLE.shape}) for index in INDICES if not np.isscalar(index)
    ],
    "setitem": [
        *[s for s in indexed(_put, lambda index: (TABLE, _value(index))) if _unique(s.parameters["index"])],
        *[Sample((VIEW, _value(index)), {"index": index}) for index in INDICES],
        *WRITTEN,
    ],
    "add_at": [*indexed(_accumulate, lambda index: (TABLE, _value(index))), *WRITTEN],
    # ------------------------------------------------------------------ picking
    "take": [
        Sample((TABLE,), {"indices": PAIRS}, torch=_at(PAIRS, lambda i, x: pytorch("take")(x, *i))),
        Sample((VIEW,), {"indices": np.array(-1)}),
        *[Sample((VIEW,), {"indices": PAIRS % 2, "axis": axis}) for axis in (0, 1, 2, -1, -2)],
        Sample((VIEW,), {"indices": np.array([1, 1]), "axis": 1}, torch=lambda x: x[:, [1, 1]]),
        Sample((VIEW,), {"indices": np.array(2), "axis": 1}, torch=lambda x: x[:, 2]),
        Sample((real((3,)),), {"indices": np.array([], np.intp)}),
    ],
    "embedding": [  # the row padding_idx is a constant, whatever central differences say
        Sample(
            (VIEW[:, :, 0],),
            {"indices": PAIRS, "padding_idx": row},
            smooth=row is None,
            torch=_at(PAIRS, _look_up(row)),
        )
        for row in (None, 2)
    ]
    + [
        Sample((TABLE,), {"indices": np.array(3), "padding_idx": 1}),
        Sample((real((3,)),), {"indices": PAIRS}),
        Sample((real((3, 2)),), {"indices": np.zeros((0, 2), np.intp)}),
    ],
    "take_along_axis": [
        Sample((x,), {"indices": i, "axis": axis}, torch=_at(i, lambda i, x, axis=axis: x.gather(axis, *i)))
        for x, axis in ORDERS
        for i in [np.argsort(-x, axis), np.zeros(x.shape, np.intp)]
    ]
    + [
        Sample((TABLE,), {"indices": np.array([[[1], [0], [1]]]), "axis": -1}),  # broadcast along the other axes
        Sample((TABLE,), {"indices": np.array([3, 3, 20]), "axis": None}),
    ],
    "nonzero": [
        Sample((np.array([[0.0, 1.5], [-2.0, 0.0]]),)),
        Sample((real((0,)),)),
        Sample((np.array([0.0, 3.0, 0.0]),)),
    ],
    # ------------------------------------------------------------------ sorting
    "sort": [
        *[Sample((x,), {"axis": axis}, torch=lambda x, axis=axis: x.sort(axis)[0]) for x, axis in ORDERS],
        Sample((distinct((3, 2)),), {"axis": None}),
        Sample((distinct((5,)),), {"kind": "quicksort"}),
        Sample((distinct((2, 0)),)),
        Sample((np.array([2.0, 1.0, 2.0, 1.0]),), smooth=False, torch=lambda x: x.sort(stable=True)[0]),
        Sample((np.array([2.0, np.nan, -np.inf, 1.0]),), smooth=False),
    ],
    "argsort": [
        *[Sample((x,), {"axis": axis}, torch=pytorch("argsort", axis)) for x, axis in ORDERS],
        Sample((distinct((3, 2)),), {"axis": None}),
        Sample((np.array([2.0, 1.0, 2.0, 1.0]),), smooth=False, torch=pytorch("argsort", stable=True)),
    ],
    "topk": [
        Sample((x,), {"k": 2, "axis": axis, "largest": largest}, torch=pytorch("topk", 2, axis, largest))
        for x, axis in ORDERS
        for largest in (True, False)
    ]
    + [Sample((distinct((4,)),), {"k": 0}), Sample((distinct((4,)),), {"k": 4}, torch=pytorch("topk", 4))],
    "searchsorted": [
        Sample((np.array([-1.0, 0.5, 2.0]), real((2, 3))), torch=pytorch("searchsorted")),
        Sample(
            (np.array([-1.0, 0.5, 0.5, 2.0]), np.array([0.5, 3.0])),
            {"side": "right"},
            torch=pytorch("searchsorted", right=True),
            smooth=False,
        ),
    ],
}
