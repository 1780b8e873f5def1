"""How inputs that are not Tensors become some."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import is_other, like
from ..ops import astype
from ..tensor import Tensor, as_floating, as_tensor, from_owned


def together(*inputs: Any) -> list[Tensor]:
    """Return inputs as Tensors; Python's numbers, and lists of them, take the floating dtype of what is beside them.

    What is no Tensor goes to the kind of the arrays that are beside it.
    """
    floats = [x.dtype for x in inputs if hasattr(x, "dtype") and np.dtype(x.dtype).kind in "fc"]
    tensors = [as_tensor(x) for x in inputs]
    if floats:
        dtype = np.result_type(*floats)
        tensors = [
            x if hasattr(given, "dtype") or x.dtype.kind not in "fc" else _in(given, x, dtype)
            for given, x in zip(inputs, tensors)
        ]
    new = like(*tensors)
    if new is np:
        return tensors
    return [
        x if given is x or is_other(x._data) else from_owned(new.asarray(x._data)) for given, x in zip(inputs, tensors)
    ]


def _in(given: Any, x: Tensor, dtype: Any) -> Tensor:
    """Return numbers in a dtype, without a way through a smaller one."""
    dtype = np.result_type(dtype, np.complex64) if x.dtype.kind == "c" else dtype
    return astype(x, dtype) if x.requires_grad else as_tensor(np.asarray(given, dtype))


def floating(*inputs: Any) -> list[Tensor]:
    """Return inputs as floating Tensors, as `together` does."""
    return [as_floating(x) for x in together(*inputs)]
