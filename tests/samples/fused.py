"""Samples of the fused operations: affine maps and losses."""

from __future__ import annotations

import numpy as np

from tests.samples.sample import Sample, layouts, pytorch, real, unit, within

REDUCTIONS = ("mean", "sum", "none")
probability = within(0.1, 0.9)

AFFINE = [(real((5, 3)), real((2, 3), 1)), (real((3,)), real((2, 3), 1)), (real((2, 4, 3)), real((5, 3), 1))]
AFFINE += [(real((0, 3)), real((2, 3), 1)), (real((3, 5)).T, real((3, 2), 1)[::-1].T)]
AFFINE += [(real((0,)), real((2, 0))), (real((2, 3, 0)), real((2, 0))), (real((2, 3, 1)), real((0, 1)))]

SAMPLES: dict[str, list[Sample]] = {
    "affine": [
        Sample((x, weight, real((len(weight),), 2)), torch=pytorch("nn.functional.linear")) for x, weight in AFFINE
    ],
    "project": [Sample(pair, torch=pytorch("nn.functional.linear")) for pair in AFFINE],
    "squared_error": [
        Sample((x, unit(x.shape, 9)), {"reduction": how}, torch=pytorch("nn.functional.mse_loss", reduction=how))
        for x in layouts(real)
        for how in REDUCTIONS
        if x.size
    ],
    "binary_cross_entropy_with_logits": [
        Sample(
            (x, probability(x.shape, 9)),
            {"reduction": how},
            torch=pytorch("nn.functional.binary_cross_entropy_with_logits", reduction=how),
        )
        for x in layouts(real)
        for how in REDUCTIONS
        if x.size
    ],
    "softmax_cross_entropy": [
        Sample(
            (x,),
            {"target": np.arange(len(x)) % x.shape[1], "reduction": how},
            torch=lambda t, n=x.shape, how=how: pytorch("nn.functional.cross_entropy", reduction=how)(
                t, pytorch("arange")(n[0]) % n[1]
            ),
        )
        for x in (real((4, 3)), real((3, 4)).T, real((6, 3))[::-2], real((1, 2)))
        for how in REDUCTIONS
    ],
}
