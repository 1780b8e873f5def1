"""Sample inputs for every operation of the table, one file per family: tests, documentation and drawings read them.

`SAMPLES` goes from the name of an operation (or of a public function that is composed of operations) to its samples.
"""

from tests.samples import activation, conv, elementwise, fourier, fused, index, linalg, recurrent, reduce, shape
from tests.samples.sample import (
    Domain,
    Sample,
    axes,
    binary,
    distinct,
    integers,
    label,
    layouts,
    plane,
    positive,
    pytorch,
    real,
    reductions,
    unary,
    unit,
    within,
)

SAMPLES: dict[str, list[Sample]] = {}
for _family in (elementwise, reduce, activation, fused, shape, index, linalg, conv, recurrent, fourier):
    SAMPLES |= _family.SAMPLES
