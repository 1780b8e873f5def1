"""What a value may be: an array of NumPy, what stands in for one, or the array of another library.

The operations are written with NumPy's functions, so they compute on whatever NumPy's functions reach through NumPy's
protocols, as CuPy's arrays on a GPU. An array of another library keeps its kind if it has both protocols and does not
become an ndarray by itself (CuPy's does not); all others become ndarrays, as before. What an operation makes anew, it
makes `like` the arrays that it got.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

KINDS: set[type] = set()  # of other libraries' arrays that were met; while there is none, nobody looks for them
CHANGEABLE: set[type] = {np.ndarray, list, dict}  # of what somebody else could still modify


class StandIn:
    """What stands in for an array: NumPy's functions see it through NumPy's protocols, and it never becomes one."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any

        def copy(self) -> Any: ...
        def astype(self, dtype: Any) -> Any: ...


_stands_in: dict[type, bool] = {np.ndarray: False, float: False, int: False, bool: False, list: False, tuple: False}


def stands_in(x: Any) -> bool:
    """Whether x is no array of NumPy, but takes its place: a stand-in, or the array of another library.

    Examples
    --------
    >>> from tinygrad_ml.arrays import stands_in
    >>> stands_in(np.ones(2)), stands_in([1.0])
    (False, False)
    """
    known = _stands_in.get(type(x))
    return _learn(x) if known is None else known


def _learn(x: Any) -> bool:
    """Find out of what kind x is, and remember it."""
    kind = type(x)
    found = issubclass(kind, StandIn)
    # (what requires a gradient is a Tensor)
    if not found and hasattr(kind, "__array_function__") and not hasattr(kind, "requires_grad"):
        found = getattr(kind, "__array_ufunc__", None) is not None and not _converts(x)
        if found:
            KINDS.add(kind)
            CHANGEABLE.add(kind)
    _stands_in[kind] = found
    return found


def _converts(x: Any) -> bool:
    """Whether NumPy makes an ndarray of x by itself."""
    if isinstance(x, np.ndarray):
        return True
    try:
        return hasattr(type(x), "__array__") and isinstance(np.asarray(x), np.ndarray)
    except TypeError:  # CuPy's arrays ask to be fetched
        return False


def is_other(x: Any) -> bool:
    """Whether x is the array of another library.

    Examples
    --------
    >>> from tinygrad_ml.arrays import is_other
    >>> is_other(np.ones(2))
    False
    """
    return stands_in(x) and type(x) in KINDS


def name_of(kind: type) -> str:
    """Return the name of a kind of arrays, with its library.

    Examples
    --------
    >>> from tinygrad_ml.arrays import name_of
    >>> name_of(np.ndarray)
    'numpy.ndarray'
    """
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


def kind_of(x: Any) -> type:
    """Return of which kind an array or Tensor is: another library's, or else NumPy's.

    Examples
    --------
    >>> from tinygrad_ml.arrays import kind_of
    >>> kind_of(tg.ones(2)).__name__
    'ndarray'
    """
    x = getattr(x, "_data", x)
    return type(x) if type(x) in KINDS else np.ndarray


class _Like:
    """NumPy's functions that make arrays, for those of another kind.

    This is what NumPy does with `like=`, without the arguments that it adds and that not every library knows.
    """

    def __init__(self, array: Any):
        self._array = array

    def __getattr__(self, name: str) -> Any:
        function, kind = getattr(np, name), type(self._array)

        def make(*inputs: Any, **options: Any) -> Any:
            made = self._array.__array_function__(function, (kind,), inputs, options)
            if made is NotImplemented:
                raise TypeError(f"{kind.__name__} does not make arrays by np.{name}")
            return made

        return make


def like(*arrays: Any) -> Any:
    """Return NumPy, or what makes arrays of the kind that one of these arrays or Tensors is: `like(x).zeros(3)`.

    Examples
    --------
    >>> from tinygrad_ml.arrays import like
    >>> like(np.ones(2)).zeros(3)
    array([0., 0., 0.])
    """
    if KINDS:
        for x in arrays:
            x = getattr(x, "_data", x)
            if type(x) in KINDS:
                return _Like(x)
    return np


def together(*arrays: Any) -> tuple:
    """Return arrays with ndarrays moved to the kind of the others, if one of them is of another kind.

    Examples
    --------
    >>> from tinygrad_ml.arrays import together
    >>> together(np.ones(1), 2.0)
    (array([1.]), 2.0)
    """
    if not KINDS:
        return arrays
    new = like(*arrays)
    return arrays if new is np else tuple([new.asarray(x) if isinstance(x, np.ndarray) else x for x in arrays])


def extreme(x: Any, name: str, axis: Any, initial: float, keepdims: bool = False) -> Any:
    """Return x.max(axis) or x.min(axis), by name; of no elements it is `initial`, beyond which no element may lie.

    Not every library knows that argument.

    Examples
    --------
    >>> from tinygrad_ml.arrays import extreme
    >>> extreme(np.ones((2, 0)), "max", 1, 0.0)
    array([0., 0.])
    """
    if not is_other(x):
        return getattr(x, name)(axis=axis, keepdims=keepdims, initial=initial)
    if x.size:
        return getattr(x, name)(axis=axis, keepdims=keepdims)
    shape = np.empty(x.shape, bool).max(axis=axis, keepdims=keepdims, initial=False).shape
    return like(x).full(shape, initial, dtype=x.dtype)


def copied(array: Any) -> Any:
    """Return a value in memory of its own."""
    return np.array(array) if not stands_in(array) else np.copy(array)


def exposed(array: Any) -> tuple[Any, Callable[[], Any]]:
    """Return an array of the same memory, along one axis, and a function that returns it while somebody holds it.

    A part of an array holds what that array is a part of, and not the array itself: only of one that was made of a
    buffer is it known that nobody has a part any more. An array that cannot be made so is returned itself.
    """
    if type(array) is np.ndarray and array.flags.c_contiguous:
        memory: Any = array
        array = np.frombuffer(memoryview(memory), array.dtype)
        return array, weakref.ref(array)
    return array, lambda: array


def on_host(x: Any) -> Any:
    """Return the elements of an array or Tensor as an ndarray, to be shown, saved or measured; stand-ins as they are.

    Examples
    --------
    >>> from tinygrad_ml.arrays import on_host
    >>> on_host(np.float32(1.0))
    array(1., dtype=float32)
    """
    array = getattr(x, "_data", x)
    if not is_other(array):
        sparse = isinstance(array, StandIn) or hasattr(array, "tocsr")
        return array if sparse else np.asarray(array)
    fetch = getattr(array, "get", None)  # CuPy's name for it
    return np.array(array.tolist(), array.dtype).reshape(array.shape) if fetch is None else fetch()


def no_ndarray(array: Any) -> TypeError:
    """Return the error for the array of another library that is asked to become an ndarray."""
    return TypeError(
        f"the value is a {name_of(type(array))}, which does not become an ndarray by itself: x.data is that array, and "
        "its own library fetches it (CuPy's: x.data.get())"
    )


def complex_of(dtype: np.dtype) -> np.dtype:
    """Return the complex dtype whose parts have a floating dtype; complex64 for float16, which has none."""
    return np.result_type(dtype, np.complex64)
