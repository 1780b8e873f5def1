"""Samples of normalisation, of recurrent layers, and of the losses of single numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.samples.sample import Sample, binary, layouts, pytorch, real, unit, within

probability = within(0.1, 0.9)


def _recurrent(gates: int, states: int, time: int = 3, batch: int = 2, hidden: int = 2) -> tuple[Any, ...]:
    """Return inputs of a recurrent layer with this number of gates and first states."""
    x = real((time, batch, gates * hidden))
    before = [unit((batch, hidden), 1 + i) for i in range(states)]
    return (x, *before, unit((gates * hidden, hidden), 3), unit((gates * hidden,), 4))


SAMPLES: dict[str, list[Sample]] = {
    "normalize": [
        Sample((real(shape), unit(weight, 1), unit(weight, 2)), {"last": last, "eps": eps})
        for shape, last, eps in (((3, 4), 1, 1e-5), ((2, 3, 4), 2, 0.1), ((4, 2, 3), 0, 1e-5), ((4, 3), 0, 0.1))
        for weight in (shape[-last:] if last else shape[1:2], ())
    ]
    + [
        Sample((real(shape), unit(weight, 1), unit(weight, 2)), {"groups": groups, "eps": eps})
        for shape, groups, eps in (((2, 4, 3), 2, 1e-5), ((2, 3, 2, 2), 3, 0.1), ((2, 4), 1, 1e-5))
        for weight in (shape[1:2], ())
    ]
    + [
        Sample((x, np.ones(5), np.zeros(5)), {"last": 1}, torch=torch)
        for x in (real((2, 5)), real((5, 3)).T)
        for torch in [lambda t, weight, bias: pytorch("nn.functional.layer_norm")(t, (5,), weight, bias)]
    ],
    "rnn": [
        Sample(_recurrent(1, 1, time), {"nonlinearity": how}) for time, how in ((3, "tanh"), (1, "tanh"), (2, "relu"))
    ],
    "lstm": [Sample(_recurrent(4, 2)), Sample(_recurrent(4, 2, time=1, hidden=1))],
    "gru": [Sample(_recurrent(3, 1)), Sample(_recurrent(3, 1, time=1, hidden=1))],
    "huber": [
        Sample(
            (x,),
            {"delta": delta},
            torch=lambda t, d=delta: pytorch("nn.functional.huber_loss", delta=d, reduction="none")(t, 0 * t.detach()),
        )
        for x in layouts(real)
        for delta in (0.05, 5.0)
    ],
    "binary_cross_entropy": binary(probability, probability),
}
