"""Sample inputs for every operation of the table, one file per family: tests, documentation and drawings read them.

`SAMPLES` goes from the name of an operation (or of a public function that is composed of operations) to its samples.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

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


def on_symmetric_matrices(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with its argument made symmetric first, if it is one that reads only a triangle of it.

    The gradient of such a function is that among symmetric matrices, so it is checked there.
    """
    if name not in {"cholesky", "eigh", "eigvalsh"}:
        return function

    def composed(x: Any, *more: Any, **parameters: Any) -> Any:
        adjoint = np.conj(np.swapaxes(x, -1, -2)) if np.ndim(x) > 1 else x
        return function(0.5 * (x + adjoint), *more, **parameters)

    return composed
