"""SciPy's special functions of Tensors: where SciPy looks for them when its functions dispatch by the namespace.

Its ufuncs are found by their names; the derivatives stand in the room `numpy_functions`. Those of its functions that
are written in Python, for NumPy's arrays, stand here.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_array, as_floating, as_tensor


def _of_scipy(name: str) -> Any:
    """Return a function as it is for NumPy's arrays: SciPy wraps it in one that asks for ours."""
    found = getattr(importlib.import_module("scipy.special"), name, None)
    return getattr(found, "__wrapped__", found)


def __getattr__(name: str) -> Callable:
    function = None if name.startswith("_") else _of_scipy(name)
    if not isinstance(function, np.ufunc):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def of_tensors(*inputs: Any) -> Any:
        return function(*(x if isinstance(x, (int, float)) else as_tensor(x) for x in inputs))

    of_tensors.__name__ = of_tensors.__qualname__ = name
    return of_tensors


def sinc(x: Any, /) -> Tensor:
    """Return sin(pi x) / (pi x)."""
    found: Any = np.sinc(as_tensor(x))
    return found


def zeta(x: Any, q: Any = None, /) -> Tensor:
    """Return the zeta function of Hurwitz, which has a derivative for `q`; that of Riemann without `q`."""
    return _of_scipy("zeta")(as_tensor(x) if q is None else x, q if q is None else as_tensor(q))


def polygamma(n: Any, x: Any, /) -> Tensor:
    """Return the n-th derivative of the digamma function."""
    x = as_floating(x)
    order = np.asarray(as_array(n), x.dtype)
    factor = np.where(order % 2, 1, -1).astype(x.dtype) * _of_scipy("gamma")(order + 1)
    return ops.where(order == 0, _of_scipy("psi")(x), factor * zeta(order + 1 + (order == 0), x))


def multigammaln(a: Any, d: int, /) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension `d`."""
    a = as_floating(a)
    if not (as_array(a) > (d - 1) / 2).all():
        raise ValueError(f"multigammaln: a must be larger than (d - 1) / 2 = {(d - 1) / 2}")
    logarithms = _of_scipy("gammaln")(ops.expand_dims(a, -1) - np.arange(d).astype(a.dtype) / 2)
    return ops.sum(logarithms, -1) + d * (d - 1) / 4 * math.log(math.pi)
