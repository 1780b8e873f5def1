"""Samples of convolution and pooling: small ones, since every number is moved by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.samples.sample import Sample, distinct, integers, pytorch, real
from tinygrad_ml.ops.patches import Geometry

ONE = ((1, 1), (1, 1))


def _convolution(x: tuple[int, ...], weight: tuple[int, ...], **how: Any) -> dict[str, Sample]:
    """Return a sample of a convolution, and one of each of its derivatives, with the same geometry."""
    geometry = Geometry(**how)
    symmetric = all(before == after for before, after in geometry.padding)
    theirs = {
        "stride": geometry.stride,
        "padding": tuple(before for before, _ in geometry.padding),
        "dilation": geometry.dilation,
        "groups": geometry.groups,
    }
    images, filters = real(x), real(weight, 1)
    y = real((x[0], weight[0], *geometry.lengths(x[2:], weight[2:])), 2)

    def torch(path: str, arrange: Any = lambda *tensors: tensors) -> Any:
        function = pytorch(path, **theirs)
        return (lambda *tensors: function(*arrange(*tensors))) if symmetric else None

    given: dict[str, Any] = {"geometry": geometry}
    return {
        "conv2d": Sample((images, filters, real(weight[:1], 3)), given, torch=torch("nn.functional.conv2d")),
        "conv2d_input": Sample(
            (y, filters),
            {"size": x[2:], **given},
            torch=torch("nn.grad.conv2d_input", lambda y, filters: (x, filters, y)),
        ),
        "conv2d_weight": Sample(
            (images, y),
            {"kernel": weight[2:], **given},
            torch=torch("nn.grad.conv2d_weight", lambda images, y: (images, weight, y)),
        ),
    }


CONVOLUTIONS = [
    _convolution((2, 1, 3, 3), (2, 1, 2, 2)),
    _convolution((1, 2, 3, 3), (2, 2, 1, 1)),
    _convolution((1, 1, 3, 2), (1, 1, 3, 3), padding=ONE),
    _convolution((1, 1, 3, 3), (1, 1, 2, 2), padding=((0, 1), (1, 0))),
    _convolution((1, 1, 2, 2), (1, 1, 2, 1), padding=((2, 2), (1, 1))),
    _convolution((1, 1, 4, 5), (1, 1, 2, 2), stride=(2, 3)),
    _convolution((1, 2, 4, 4), (1, 2, 2, 2), stride=(2, 1), padding=ONE),
    _convolution((1, 1, 4, 3), (1, 1, 2, 2), dilation=(2, 1)),
    _convolution((1, 1, 4, 4), (1, 1, 2, 2), stride=(2, 2), dilation=(1, 2), padding=ONE),
    _convolution((1, 4, 2, 3), (2, 2, 2, 2), groups=2),
    _convolution((1, 2, 3, 3), (4, 1, 2, 2), groups=2, stride=(2, 2), padding=ONE),
    _convolution((1, 1, 1, 5), (2, 1, 1, 3)),
]


def _pooling(shape: tuple[int, ...], kernel: tuple[int, int], **how: Any) -> tuple[tuple[int, ...], dict[str, Any]]:
    return shape, {"kernel": kernel, "geometry": Geometry(**how)}


POOLINGS = [
    _pooling((2, 2, 4), (2, 2), stride=(2, 2)),
    _pooling((1, 3, 3), (2, 2)),
    _pooling((1, 3, 4), (2, 3), padding=((1, 1), (1, 1)), stride=(2, 1)),
    _pooling((1, 1, 5), (1, 2), stride=(1, 2), padding=((0, 0), (0, 1))),
    _pooling((0, 2, 2), (2, 2)),
]


def _theirs(name: str, given: dict[str, Any]) -> Any:
    geometry = given["geometry"]
    if any(before != after for before, after in geometry.padding):
        return None
    padding = tuple(before for before, _ in geometry.padding)

    def function(x: Any) -> Any:
        return pytorch("nn.functional." + name)(x, given["kernel"], geometry.stride, padding)

    return function


def _average_of(shape: tuple[int, ...], given: dict[str, Any]) -> list[dict[str, Any]]:
    pads = tuple(before for before, _ in given["geometry"].padding)
    return [given, {**given, "counted": pads}, {**given, "counted": 3}]


SAMPLES: dict[str, list[Sample]] = {
    name: [samples[name] for samples in CONVOLUTIONS] for name in ("conv2d", "conv2d_input", "conv2d_weight")
} | {
    "max_pool2d": [Sample((distinct(s),), g, torch=_theirs("max_pool2d", g)) for s, g in POOLINGS if s[0]]
    + [Sample((np.zeros((1, 2, 4)),), {"kernel": (2, 2), "geometry": Geometry((2, 2))}, smooth=False)],
    "max_pool2d_input": [
        Sample((real((1, 2, 3)),), {"places": integers(0, 8)((1, 2, 3)), "shape": (1, 2, 4)}),
        Sample((real((2, 1, 1)),), {"places": np.array([[[3]], [[3]]]), "shape": (2, 2, 2)}),
    ],
    "avg_pool2d": [
        Sample((real(shape),), {**given, **more}) for shape, given in POOLINGS for more in _average_of(shape, given)
    ],
    "avg_pool2d_input": [
        Sample((real((shape[0], *given["geometry"].lengths(shape[1:], given["kernel"]))),), {"size": shape[1:], **more})
        for shape, given in POOLINGS
        for more in _average_of(shape, given)
    ],
}
