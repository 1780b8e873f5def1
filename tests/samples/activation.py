"""Samples of activation functions and of the softmax family."""

from __future__ import annotations

import numpy as np

from tests.samples.sample import Sample, layouts, pytorch, real, unary

ZEROS = np.zeros(2)
MASKED = np.array([[-np.inf, 0.5, 1.0], [2.0, -np.inf, -np.inf]])


def kink(x: np.ndarray, torch: str, **parameters: object) -> Sample:
    """Return a sample at points without a derivative."""
    return Sample((x,), parameters, smooth=False, torch=pytorch(f"nn.functional.{torch}", **parameters))


def along_axes(torch: str) -> list[Sample]:
    """Return samples of a function along every axis, over layouts, and with -inf masks."""
    samples = [
        Sample((x,), {"axis": axis}, torch=pytorch(torch, dim=axis))
        for x in (*layouts(real)[1:], real((2, 3, 4)))
        for axis in range(-x.ndim, x.ndim)
    ]
    return [*samples, Sample((MASKED,), {"axis": -1}, smooth=False, torch=pytorch(torch, dim=-1))]


SAMPLES: dict[str, list[Sample]] = {
    "relu": [*unary(real, pytorch("relu")), kink(ZEROS, "relu")],
    "relu6": [*unary(real, pytorch("nn.functional.relu6")), kink(np.array([0.0, 6.0, 7.0]), "relu6")],
    "leaky_relu": [
        *unary(real, pytorch("nn.functional.leaky_relu", negative_slope=0.2), negative_slope=0.2),
        kink(ZEROS, "leaky_relu", negative_slope=0.1),
    ],
    "elu": [*unary(real, pytorch("nn.functional.elu", alpha=0.7), alpha=0.7), kink(ZEROS, "elu", alpha=0.7)],
    "selu": [*unary(real, pytorch("selu")), kink(ZEROS, "selu")],
    "hardtanh": [
        *unary(real, pytorch("nn.functional.hardtanh", min_val=0.0, max_val=3.0), min_val=0.0, max_val=3.0),
        kink(np.array([-1.0, 1.0, 0.5]), "hardtanh"),
    ],
    "softsign": unary(real, pytorch("nn.functional.softsign")),
    "sigmoid": unary(real, pytorch("sigmoid")),
    "logsigmoid": [*unary(real, pytorch("nn.functional.logsigmoid")), Sample((np.zeros(2),))],
    "softplus": [
        *unary(real, pytorch("nn.functional.softplus")),
        *unary(real, pytorch("nn.functional.softplus", beta=2.0, threshold=0.9), beta=2.0, threshold=0.9),
        Sample((np.array([0.0, -40.0]),)),
    ],
    "silu": unary(real, pytorch("nn.functional.silu")),
    "mish": unary(real, pytorch("nn.functional.mish")),
    "gelu": [
        *unary(real, pytorch("nn.functional.gelu")),
        *unary(real, pytorch("nn.functional.gelu", approximate="tanh"), approximate="tanh"),
        Sample((np.linspace(-6, 6, 300),), smooth=False, torch=pytorch("nn.functional.gelu")),
    ],
    "softmax": along_axes("softmax"),
    "log_softmax": along_axes("log_softmax"),
}
