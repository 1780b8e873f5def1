"""NumPy's functions that have a value but no gradient.

What is constant wherever it is differentiable (comparisons, counts, positions) may be asked of every Tensor. The
others give their value for Tensors that require no gradient, and raise for those that do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import together
from ..autograd import implements
from ..ops.numpy_protocol import as_results, values_of


def constant(function: Callable) -> Callable:
    """Return NumPy's function for the values of Tensors."""

    def of_values(*inputs: Any, **parameters: Any) -> Any:
        return as_results(function(*together(*values_of(inputs)), **values_of(parameters)))

    return of_values


for _function in (
    *(
        np.argpartition,
        np.argwhere,
        np.array_equiv,
        np.can_cast,
        np.common_type,
        np.count_nonzero,
        np.diag_indices_from,
    ),
    *(np.flatnonzero, np.isin, np.lexsort, np.may_share_memory, np.min_scalar_type, np.nanargmax, np.nanargmin),
    *(
        np.ravel_multi_index,
        np.shares_memory,
        np.tril_indices_from,
        np.triu_indices_from,
        np.unravel_index,
        np.digitize,
    ),
    *(np.iscomplex, np.isneginf, np.isposinf, np.isreal, np.signbit, np.isnat, np.linalg.matrix_rank, np.einsum_path),
    *(np.array2string, np.array_repr, np.array_str, np.empty_like, np.ix_),
):
    implements(_function)(constant(_function))
