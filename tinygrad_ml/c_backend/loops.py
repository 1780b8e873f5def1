"""NumPy's own inner loops: the C functions behind its ufuncs, which compiled programs call for exp, tanh, matmul ...

A ufunc holds a table of functions `void loop(char **args, npy_intp *dimensions, npy_intp *steps, void *data)`, one for
each combination of dtypes. The table is documented and part of NumPy's ABI (PyUFuncObject, in "NumPy C-API: Python
types and C-structures"), so what a program computes through it is what NumPy computes, bit for bit.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import NamedTuple

import numpy as np

from ..tape.traced import Value


class _UFunc(ctypes.Structure):
    """The documented members of PyUFuncObject, behind the header that all Python objects have."""

    _fields_ = (
        ("header", ctypes.c_byte * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
    )


class Loop(NamedTuple):
    """The addresses of an inner loop and of the data that it takes as its last argument."""

    function: int
    data: int


def ufunc_of(value: Value) -> np.ufunc | None:
    """Return the ufunc that computes a Value, or does the same as an operator of Python between NumPy's scalars."""
    if isinstance(value.function, np.ufunc):
        return value.function
    scalars = getattr(value.function, "__module__", "") == "_operator" and not value.weak
    same = getattr(np, value.op, None) if scalars else None
    return same if isinstance(same, np.ufunc) else None


@cache
def inner_loop(ufunc: np.ufunc, *dtypes: np.dtype) -> Loop | None:
    """Return the loop of a ufunc for these dtypes of its inputs and outputs, or None if NumPy has none or would cast.

    >>> loop = inner_loop(np.exp, np.dtype("float32"), np.dtype("float32"))
    >>> loop.function > 0
    True
    >>> inner_loop(np.exp, np.dtype("int32"), np.dtype("float32")) is None
    True
    """
    members = _UFunc.from_address(id(ufunc))
    known = (members.nin, members.nout, members.ntypes, (members.name or b"").decode())
    if known != (ufunc.nin, ufunc.nout, ufunc.ntypes, ufunc.__name__):
        return None  # an interpreter, or a NumPy, that lays out its objects otherwise
    if any(dtype.kind not in "biufc" or not dtype.isnative for dtype in dtypes):
        return None  # Python objects need the interpreter, and dates are no numbers
    for k, signature in enumerate(ufunc.types):
        if tuple(map(np.dtype, signature.replace("->", ""))) == dtypes and members.functions[k]:
            return Loop(members.functions[k], members.data[k] or 0)
    return None
