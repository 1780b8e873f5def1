"""An array that dispatches as NumPy's does and becomes none: what CuPy's is, on any machine."""

import numpy as np

LACKING = {np.linalg.vector_norm, np.linalg.matrix_norm, np.linalg.svdvals}  # functions that CuPy 14 does not have


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Elements that NumPy's functions reach through NumPy's protocols only.

    It does not become an ndarray; an operation with one, as an operand, an index or a value, raises, as it does where
    the elements lie in the memory of a GPU. Results without axes are arrays of this kind too. New ones are made with
    `like=`. What CuPy refuses is refused here: some functions and arguments, and stacks of equations that broadcast.
    """

    __array_priority__ = 100

    def __init__(self, elements):
        self._elements = np.array(elements)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a DeviceArray does not become an ndarray by itself: use .get()")

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        if method == "reduce" and ufunc not in (np.add, np.multiply):
            raise NotImplementedError(f"{ufunc.__name__}.reduce")
        if any(type(x) is int and abs(x) >= 2**63 for x in inputs):
            raise OverflowError("an int of more than 64 bits")
        if not all(isinstance(x, (DeviceArray, int, float, complex, np.generic, np.ndarray)) for x in inputs):
            return NotImplemented
        return wrapped(getattr(ufunc, method)(*map(bare, inputs), **bare(named)))

    def __array_function__(self, function, types, inputs, named):
        if not all(issubclass(kind, DeviceArray) for kind in types) or function in LACKING or "device" in named:
            return NotImplemented
        if "initial" in named or "upper" in named or (function is np.where and not isinstance(inputs[0], DeviceArray)):
            raise TypeError(f"np.{function.__name__} does not take that here")
        if function is np.linalg.solve and inputs[1].ndim > 1 and inputs[0].shape[:-2] != inputs[1].shape[:-2]:
            raise ValueError("solve: the stacks must be equal")
        made = function in (np.asarray, np.array)  # like=: what comes from the host
        inputs = [x._elements if isinstance(x, DeviceArray) else x for x in inputs] if made else bare(inputs)
        return wrapped(function(*inputs, **bare(named)))

    def __getattr__(self, name):
        if name.startswith("_") or name in ("ctypes", "flags", "strides", "data", "base", "tobytes", "tofile"):
            raise AttributeError(f"a DeviceArray has no {name!r}")
        found = getattr(self._elements, name)
        return (
            (lambda *inputs, **named: wrapped(found(*bare(inputs), **bare(named))))
            if callable(found)
            else wrapped(found)
        )

    def __getitem__(self, index):
        return wrapped(self._elements[bare(index)])

    def __setitem__(self, index, value):
        self._elements[bare(index)] = bare(value)

    def __len__(self):
        return len(self._elements)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self._elements)

    def __int__(self):
        return int(self._elements)

    def __index__(self):
        return self._elements.__index__()

    def __float__(self):
        return float(self._elements)

    def __complex__(self):
        return complex(self._elements)

    def __repr__(self):
        return f"DeviceArray({self._elements!r})"

    def get(self):
        """Return the elements as an ndarray."""
        return self._elements.copy()


def bare(thing):
    """Return what NumPy may compute with, for arguments that hold DeviceArrays; ndarrays are refused."""
    if isinstance(thing, DeviceArray):
        return thing._elements
    if isinstance(thing, np.ndarray):
        raise TypeError(f"an ndarray of shape {thing.shape} meets a DeviceArray")
    if isinstance(thing, (list, tuple)):
        return type(thing)(map(bare, thing)) if not hasattr(thing, "_fields") else type(thing)(*map(bare, thing))
    return {key: bare(value) for key, value in thing.items()} if isinstance(thing, dict) else thing


def wrapped(thing):
    """Return a result with DeviceArrays in place of NumPy's arrays and numbers."""
    if isinstance(thing, (np.ndarray, np.generic)):
        made = object.__new__(DeviceArray)
        made._elements = np.asarray(thing)
        return made
    if isinstance(thing, (list, tuple)):
        return type(thing)(map(wrapped, thing)) if not hasattr(thing, "_fields") else type(thing)(*map(wrapped, thing))
    return thing
