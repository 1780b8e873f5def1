"""tinygrad_ml: reverse-mode automatic differentiation and machine learning on NumPy.

>>> import tinygrad_ml as tg
>>> x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> y = (x**2).sum()
>>> y.backward()
>>> x.grad
tensor([2., 4., 6.])
"""

import sys as _sys
from importlib import import_module as _import_module
from os import path as _path
from typing import Any as _Any

from . import aliases as _aliases
from . import autograd, fft, linalg, nn, ops, optim
from .aliases import *
from .aliases import bool, float, int
from .autograd import detect_anomaly, enable_grad, is_grad_enabled, no_grad
from .foreign_names import missing as _missing
from .foreign_names import take_foreign_names as _take_foreign_names
from .notebook import hide_frames as _hide_frames_in_notebooks
from .ops import *
from .random import get_rng_state, manual_seed, set_rng_state
from .serialization import load, save
from .tensor import LostGradientWarning, Tensor, get_default_dtype, set_default_dtype, tensor
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .vectorize import vmap

__version__ = "0.2.0"

_here = _path.dirname(__file__)
if not _path.isdir(_path.join(_here, "models")) and _path.exists(_path.join(_here, "..", "models", "estimator.py")):
    __path__.append(_path.dirname(_here))  # noqa: F405  # in a clone the models lie beside this folder

# Not everybody needs them.
_LAZY = (
    "array_api",
    "compile",
    "data",
    "datasets",
    "distributed",
    "draw",
    "features",
    "func",
    "graph",
    "metrics",
    "models",
    "onnx",
    "plot",
    "testing",
    "train",
)
_ROOM_OF = {"compile": "compiler", "draw": "graph"}  # of functions: where they are

__all__ = [
    *("LostGradientWarning", "Tensor", "autograd", "fft", "linalg", "nn", "ops", "optim", *_LAZY),
    *("detect_anomaly", "enable_grad", "is_grad_enabled", "no_grad"),
    *("get_default_dtype", "set_default_dtype", "get_rng_state", "manual_seed", "set_rng_state", "load", "save"),
    *("tensor", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp", "vmap"),
    *_aliases.__all__,
    *ops.__all__,
]
_take_foreign_names(globals(), __all__)


def _hide_frames() -> None:
    """Let pytest and notebooks leave the lines of the library out of a traceback, so that it ends with the user's."""
    for name, module in list(_sys.modules.items()):
        if name == __name__ or name.startswith(__name__ + "."):
            module.__tracebackhide__ = True  # type: ignore[attr-defined]


_hide_frames()
_hide_frames_in_notebooks()


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> _Any:
    """Import what not everybody needs when it is first used."""
    if name in _LAZY:
        room = _import_module("." + _ROOM_OF.get(name, name), __name__)
        _hide_frames()
        return getattr(room, name) if name in _ROOM_OF else room
    raise _missing("tg", name)
