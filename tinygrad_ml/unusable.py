"""What is said of data that cannot become the value of a Tensor."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

__all__ = ["loses_gradient", "not_numeric", "refuse_masked"]


def refuse_masked(x: Any) -> Any:
    """Return data as it is, or raise TypeError if it is a masked array, whose mask NumPy would drop.

    Examples
    --------
    >>> tg.tensor(np.ma.array([1.0, 2.0], mask=[False, True]))
    Traceback (most recent call last):
    ...
    TypeError: the mask of a masked array would be ignored, and what it hides counted: use .filled(np.nan)
    """
    if type(x) is not np.ndarray:
        masked = sys.modules.get("numpy.ma")  # loaded when it is first used: before that nothing is masked
        if masked is not None and isinstance(x, masked.MaskedArray):
            floats = "" if x.dtype.kind in "fc" else ".astype(float)"  # integers have no NaN
            raise TypeError(
                f"the mask of a masked array would be ignored, and what it hides counted: use {floats}.filled(np.nan)"
            )
    return x


def not_numeric(data: Any, array: Any) -> TypeError:
    """Return the error for data that holds no numbers, with what to do about it."""
    hint = ""
    if array.dtype.kind in "US":
        hint = "; of class names, np.unique(labels, return_inverse=True)[1] gives numbers"
    elif array.dtype.kind == "O":
        missing = [i for i, value in enumerate(array.ravel()) if value is None or type(value).__name__ == "NAType"]
        hint = f"; element {missing[0]} is missing: fill or drop it first" if missing else "; convert it first"
        if not isinstance(data, dict) and all(isinstance(value, (int, float, np.number)) for value in array.ravel()):
            large = any(isinstance(value, int) and value.bit_length() > 63 for value in array.ravel())
            what = "it holds an integer of more than 64 bits: write it as a float"
            hint = f"; {what}" if large else "; its elements are numbers: .astype(float)"
    if callable(data):
        hint = f"; a {type(data).__name__} is called: layer(x), or function(x)"
    return TypeError(
        f"cannot make a Tensor of {type(data).__name__} data (dtype {array.dtype}): it must be numeric{hint}"
    )


def loses_gradient() -> TypeError:
    """Return the error for a Tensor that would become an array where a gradient is wanted, and say who asked for it."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "numpy":
        frame = frame.f_back
    by_scipy = frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "scipy"
    hint = (
        "use x.detach() or x.numpy(), or np.stack to make one Tensor of a list of them"
        if not by_scipy
        else "many functions of SciPy take Tensors if SCIPY_ARRAY_API=1 is in the environment before SciPy is "
        "imported; for others write it with functions of NumPy or tg, or use x.detach()"
    )
    return TypeError(
        "a Tensor that requires a gradient does not become an array silently, since its gradient would be lost: " + hint
    )
