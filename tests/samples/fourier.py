"""Samples of what only complex numbers need: their parts, and the Fourier transforms."""

from __future__ import annotations

import numpy as np

from tests.samples.sample import Sample, layouts, plane, pytorch, real, unary

LENGTHS = (None, 1, 2, 3, 5)  # of axes of 3 and 4 numbers: cut off, as they are, filled up
NORMS = (None, "ortho", "forward")


def transforms(name: str, domains: tuple, lengths: tuple = LENGTHS) -> list[Sample]:
    """Return samples of a transform along one axis, over lengths, axes and norms."""
    return [
        Sample((domain((3, 4)),), {"n": n, "axis": axis, "norm": norm}, torch=pytorch("fft." + name, n, axis, norm))
        for domain in domains
        for n in lengths
        for axis, norm in zip((0, 1, -1), NORMS)
    ]


SAMPLES: dict[str, list[Sample]] = {
    "conjugate": unary(real, pytorch("conj_physical")) + unary(plane, pytorch("conj_physical")),
    "real": unary(real, pytorch("real")) + unary(plane, pytorch("real")),
    "imag": unary(real) + unary(plane, pytorch("imag")),
    "angle": [
        *unary(real, pytorch("angle")),
        *unary(plane, pytorch("angle")),
        *unary(plane, deg=True),
        Sample((np.array([0j, 1j, -0.0]),), smooth=False, torch=pytorch("angle")),
    ],
    "fft": [*transforms("fft", (real, plane)), *[Sample((x,)) for x in layouts(plane)[1:4] + layouts(plane)[-3:]]],
    "ifft": transforms("ifft", (real, plane)),
    "rfft": [*transforms("rfft", (real,)), *[Sample((x,)) for x in layouts(real)[1:4] + layouts(real)[-3:]]],
    "irfft": transforms("irfft", (real, plane)),
}
