"""Samples of operations that move numbers: shape, join, diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.samples.sample import Sample, layouts, pytorch, real

CUBE = real((2, 3, 4))
VIEW = real((4, 6, 3), 1)[::-2, ::2]  # (2, 3, 3), with strides of either sign


def each(torch: Callable[..., Callable] | None, *choices: dict[str, Any], x: np.ndarray = CUBE) -> list[Sample]:
    """Return one sample of x for each choice of parameters; `torch(**choice)` is PyTorch's function with them."""
    return [Sample((x,), choice, torch=torch and torch(**choice)) for choice in choices]


def joined(axes: tuple, torch: Callable, *arrays: np.ndarray) -> list[Sample]:
    """Return one sample of several arrays for each axis."""
    return [Sample(arrays, {"axis": axis}, torch=torch(axis)) for axis in axes]


def _pad(mode: str, width: int) -> Callable[..., Any]:
    return lambda x: pytorch("nn.functional.pad", (width, width), mode=mode)(x[None])[0]


SAMPLES: dict[str, list[Sample]] = {
    "reshape": [
        *each(lambda shape: pytorch("reshape", shape), {"shape": (6, 4)}, {"shape": (-1,)}, {"shape": (4, -1, 2)}),
        *[Sample((x,), {"shape": (1, *x.shape)}) for x in layouts(real)],
        Sample((real(()),), {"shape": (1, 1)}),
        Sample((real((1, 1)),), {"shape": ()}),
    ],
    "ravel": [Sample((x,), torch=pytorch("ravel")) for x in layouts(real)],
    "transpose": [
        *[Sample((x,)) for x in layouts(real)],
        *each(lambda axes: pytorch("permute", axes), {"axes": (1, 2, 0)}, {"axes": (-1, 0, -2)}, {"axes": (0, 1, 2)}),
    ],
    "moveaxis": each(
        lambda source, destination: pytorch("moveaxis", source, destination),
        {"source": 0, "destination": -1},
        {"source": (0, 2), "destination": (1, 0)},
        x=VIEW,
    ),
    "swapaxes": each(
        lambda axis1, axis2: pytorch("swapaxes", axis1, axis2), {"axis1": 0, "axis2": 2}, {"axis1": -1, "axis2": 1}
    ),
    "expand_dims": [
        *each(lambda axis: pytorch("unsqueeze", axis), {"axis": 0}, {"axis": -1}, {"axis": 2}),
        *each(None, {"axis": (0, 2)}),
        Sample((real(()),), {"axis": 0}),
    ],
    "squeeze": [
        *each(lambda axis: pytorch("squeeze", axis), {"axis": 0}, {"axis": (0, -1)}, x=real((1, 3, 1))),
        Sample((real((1, 3, 1)),), torch=pytorch("squeeze")),
        Sample((real((2, 3)),)),
    ],
    "broadcast_to": [
        *each(
            lambda shape: pytorch("broadcast_to", shape),
            {"shape": (2, 3)},
            {"shape": (4, 2, 3)},
            {"shape": (2, 2, 1, 3)},
            x=real((1, 3)),
        ),
        Sample((real(()),), {"shape": (2, 2)}),
        Sample((real((2, 1)),), {"shape": (2, 0)}),
    ],
    "broadcast_arrays": [Sample((real((2, 1)), real((3,), 1), real((), 2)), torch=pytorch("broadcast_tensors"))],
    "atleast_1d": [
        Sample((real(()),), torch=pytorch("atleast_1d")),
        Sample((real(()), real((2, 3))), torch=pytorch("atleast_1d")),
    ],
    "atleast_2d": [Sample((real(shape),), torch=pytorch("atleast_2d")) for shape in ((), (3,), (2, 3))],
    "atleast_3d": [Sample((real(shape),), torch=pytorch("atleast_3d")) for shape in ((), (3,), (2, 3), (1, 2, 3))],
    "flip": [
        *each(lambda axis: pytorch("flip", axis), {"axis": (0,)}, {"axis": (0, -1)}, x=VIEW),
        *[Sample((x,)) for x in layouts(real)],
        *each(None, {"axis": 1}),
    ],
    "roll": [
        *each(
            lambda shift, axis=None: pytorch("roll", shift, axis),
            {"shift": 2},
            {"shift": -5, "axis": 1},
            {"shift": (1, -2), "axis": (0, 2)},
            x=VIEW,
        ),
        *[Sample((x,), {"shift": 1}) for x in layouts(real)],
    ],
    "rot90": each(
        lambda k=1, axes=(0, 1): pytorch("rot90", k, axes),
        {},
        {"k": 2},
        {"k": -1, "axes": (2, 0)},
        {"k": 5, "axes": (1, 2)},
    ),
    # ------------------------------------------------------------------ join
    "concatenate": [
        *joined(
            (0, 1, -1), lambda axis: lambda *a: pytorch("cat", axis)(a), real((2, 3)), real((2, 3), 1), real((2, 3), 2)
        ),
        *joined((1,), lambda axis: lambda *a: pytorch("cat", axis)(a), real((2, 1)), real((2, 0), 1), VIEW[0, :2]),
        Sample((real((2, 3)), real((2,), 1)), {"axis": None}),
    ],
    "stack": [
        *joined((0, 1, 2, -1, -2), lambda axis: lambda *a: pytorch("stack", axis)(a), real((2, 3)), real((2, 3), 1)),
        Sample((real(()), real((), 1)), {"axis": 0}),
    ],
    "split": [
        *each(
            lambda indices_or_sections, axis=0: pytorch("tensor_split", indices_or_sections, axis),
            {"indices_or_sections": 2, "axis": -1},
            {"indices_or_sections": (1,)},
            {"indices_or_sections": [1, 1, 5], "axis": 1},
            {"indices_or_sections": [-1], "axis": 2},
        ),
    ],
    "tile": [
        *each(lambda reps: pytorch("tile", reps), {"reps": (2,)}, {"reps": (2, 1, 3)}, {"reps": (2, 1, 1, 2)}, x=VIEW),
        *[Sample((x,), {"reps": 2}) for x in layouts(real)],
        *each(None, {"reps": 0}, {"reps": ()}),
    ],
    "repeat": [
        *each(
            lambda repeats, axis=None: pytorch("repeat_interleave", repeats, axis),
            {"repeats": 3},
            {"repeats": 2, "axis": 1},
            {"repeats": 0, "axis": -1},
        ),
        *each(None, {"repeats": np.array([2, 0, 1]), "axis": 1}, {"repeats": np.array([1, 3]), "axis": -3}, x=VIEW),
        *[Sample((x,), {"repeats": 2}) for x in layouts(real)],
    ],
    "pad": [
        *each(None, {"pad_width": 1}, {"pad_width": ((0, 1), (2, 0), (1, 1))}, {"pad_width": (1, 2)}),
        *each(None, *({"pad_width": ((1, 1), (0, 2), (3, 1)), "mode": m} for m in ("edge", "symmetric", "wrap"))),
        *each(None, {"pad_width": 1, "mode": "reflect"}, {"pad_width": ((2, 3), (4, 0), (0, 5)), "mode": "reflect"}),
        Sample((VIEW[0],), {"pad_width": 1, "constant_values": 2.5}),
        Sample((real((2, 3)),), {"pad_width": ((0, 0), (2, 2)), "mode": "reflect"}, torch=_pad("reflect", 2)),
        Sample((real((2, 3)),), {"pad_width": ((0, 0), (3, 3)), "mode": "edge"}, torch=_pad("replicate", 3)),
        Sample((real((2, 3)),), {"pad_width": ((0, 0), (2, 2)), "mode": "wrap"}, torch=_pad("circular", 2)),
        Sample((real((0,)),), {"pad_width": 2}),
        Sample((real(()),), {"pad_width": 2}),
    ],
    "meshgrid": [
        Sample((real((3,)), real((2,), 1)), {"indexing": i}, torch=pytorch("meshgrid", indexing=i))
        for i in ("ij", "xy")
    ]
    + [Sample((real((3,)), real((2,), 1), real((), 2))), Sample((real((3,)), real((2,), 1)), {"sparse": True})],
    # ------------------------------------------------------------------ diagonals
    **{
        name: [
            *each(lambda k=0, name=name: pytorch(name, k), {}, {"k": 1}, {"k": -2}, {"k": 9}, x=VIEW),
            Sample((real((2, 0)),)),
            Sample((real((3,)),), {"k": 1}),
        ]
        for name in ("tril", "triu")
    },
    "diagonal": [
        *each(
            lambda offset=0, axis1=0, axis2=1: pytorch("diagonal", offset, axis1, axis2),
            {},
            {"offset": 1},
            {"offset": -1, "axis1": 2, "axis2": 0},
            {"offset": 1, "axis1": -1, "axis2": -2},
            x=VIEW,
        ),
        *each(None, {"offset": 7}),
    ],
    "trace": [
        Sample((real((3, 3)),), torch=pytorch("trace")),
        *each(None, {"offset": 1}, {"axis1": 2, "axis2": 0}, x=VIEW),
    ],
    "diag": [
        *each(lambda k=0: pytorch("diag", k), {}, {"k": 2}, {"k": -1}, x=real((3,))),
        *each(lambda k=0: pytorch("diag", k), {}, {"k": 2}, {"k": -1}, x=VIEW[1]),
    ],
}
