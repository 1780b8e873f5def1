"""How the gradient of the last output of a recurrent layer goes back in time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays import on_host
from ...autograd import grad
from ...modes import Mode
from ...tensor import from_owned
from .level import untouched
from .record import norm

__all__ = ["FEWEST", "over_time"]

FEWEST = 8  # times
ROWS = 4


def over_time(module: Any, x: np.ndarray) -> tuple[float, int] | None:
    """Return the norm of the gradient at the first time over that at the last, and the number of times.

    Parameters
    ----------
    module : RNN, LSTM or GRU
    x : array
        An input of it.

    Returns
    -------
    (ratio, times), or None if the sequence is too short to tell
    """
    axis = 1 if getattr(module, "batch_first", False) and x.ndim == 3 else 0
    if x.ndim not in (2, 3) or x.shape[axis] < FEWEST or x.dtype.kind != "f":
        return None
    rows = x[:ROWS] if axis else x[:, :ROWS] if x.ndim == 3 else x
    with untouched(module, training=False), Mode(recording=True, observer=None, call_observer=None):
        leaf = from_owned(np.array(rows)).requires_grad_()
        output = module(leaf)
        out = output[0] if isinstance(output, tuple) else output
        last = out[:, -1] if axis else out[-1]
        size = module.hidden_size if not getattr(module, "proj_size", 0) else module.proj_size
        forward = last[..., :size]  # of two directions, the one that has seen all times
        weights = np.cos(np.arange(forward.size)).reshape(forward.shape).astype(forward.dtype)
        (g,) = grad((forward * weights).sum(), leaf)
    values = np.moveaxis(np.asarray(on_host(g), np.float64), axis, 0)
    end = norm(values[-1])
    ratio = norm(values[0]) / end if end > 0 else math.nan
    return (ratio, len(values)) if math.isfinite(ratio) else None
