"""Tensor: an array, its gradient, and the node that made it.

A Tensor owns its value. Only one kind of array is ever written in place: the value of a leaf that
requires a gradient (by an optimizer, or through `.data`), and every such write is counted, so that
`backward` can refuse to use a value that is no longer the one the operation saw.

The operators and the methods that an ndarray has too (`+`, `sum`, `reshape`, ...) are attached by
`tinygrad_ml.ops`, which stands above this file; they are declared here for readers and type checkers.
"""

from __future__ import annotations

import itertools
import warnings
from builtins import bool as Bool  # in the class Tensor, bool is a method
from builtins import float as Float
from builtins import int as Int
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import complex_of, copied, exposed, is_other, no_ndarray, on_host, stands_in
from .attributes import attribute
from .batched import Batched
from .foreign_names import missing
from .sparse import SparseRows
from .sparse_matrix import SparseMatrix
from .unusable import loses_gradient, not_numeric, refuse_masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .gradients import HookHandle
    from .primitive import Node

ndarray = np.ndarray
_default_float = np.dtype(np.float32)

# One clock for everything that happens: nodes are numbered by it, and so are the writes to leaves.
# A leaf was changed after a node used it exactly when its last write has the larger number.
next_id = itertools.count(1).__next__


class LostGradientWarning(UserWarning):
    """A number or an array was taken out of a Tensor that requires a gradient, which its history does not follow.

    Turn it into an error in tests: `warnings.simplefilter("error", tg.LostGradientWarning)`.
    """


class Tensor:
    """An n-dimensional array that remembers how it was computed.

    Parameters
    ----------
    data : array_like
        The value; it is copied. Python's floats, and lists of them, become the default float
        (`set_default_dtype`), its ints int64 (the default float if a gradient is required, since only floats have
        one); arrays keep their dtype.
    dtype : dtype, optional
        The dtype of the value.
    requires_grad : bool
        Whether `backward` should compute a gradient for this Tensor (floating dtypes only).
    name : str, optional
        A name for error messages and drawings. Modules name their parameters by themselves.

    Examples
    --------
    >>> x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    # _data           the value: an ndarray, or a NumPy scalar when it has no axes (NumPy's own habit: it is
    #                 immutable and much cheaper to compute with). `.data` always gives an ndarray.
    # _requires_grad  a leaf that requires a gradient
    # _version        the time of the last write to the value
    # _snapshot       of a leaf that requires a gradient, while somebody holds the array that `.data` gave: what the
    #                 value was when it was last looked at, and a function that returns that array, or None
    # _exported       of any other leaf: whether `.data` exposed the array
    # _hooks          what register_hook was given; not set before
    # _retains_grad   of a result: True once retain_grad() was called; not set before
    # The result of a recorded operation has only _data and node: the others belong to leaves.
    __slots__ = (
        "__weakref__",
        "_data",
        "_exported",
        "_grad",
        "_hooks",
        "_name",
        "_requires_grad",
        "_retains_grad",
        "_snapshot",
        "_version",
        "node",
    )

    _data: Any
    _requires_grad: Bool
    _version: Int
    _snapshot: tuple[np.ndarray, Callable[[], Any]] | None
    _exported: Bool
    _grad: Any  # a Tensor, SparseRows, or None
    _name: str | None
    _retains_grad: Bool
    _hooks: dict[Int, Callable]
    node: Node | None

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: Bool = False, name: str | None = None):
        array = to_array(data, dtype, floating=requires_grad)
        self._data = array if array.ndim else array[()]
        self._requires_grad = self._exported = False
        self._version = 0
        self._snapshot = self._grad = self.node = None
        self._name = name
        if requires_grad:
            self.requires_grad = True

    # ------------------------------------------------------------------ value

    @property
    def data(self) -> np.ndarray:
        """The value as an ndarray.

        Of a leaf it can be written to (`w.data -= 0.1 * w.grad.data`); a write to a parameter that
        an operation has used before makes `backward` raise. The value of a result is read-only.
        To look without touching, `numpy()` is cheaper.

        Examples
        --------
        >>> w = tg.tensor([1.0, 2.0], requires_grad=True)
        >>> w.data -= 0.5
        >>> w
        tensor([0.5, 1.5], requires_grad=True)
        """
        if is_other(self._data):
            if self.node is not None:
                return copied(self._data)  # it cannot be made read-only
        elif type(self._data) is not ndarray and not hasattr(self._data, "_set"):
            self._data = np.asarray(self._data)
        if self.node is not None:
            self._data.flags.writeable = False
        elif self._requires_grad:
            return self._expose()
        elif not self._exported:
            self._data = copied(self._data)
            self._exported = True
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        if self.node is not None:
            raise RuntimeError(
                "the value of a result cannot be replaced, since its history would be lost: give the new value a name "
                "of its own, or replace that of y.detach()"
            )
        array = as_array(value)
        if array is self._data:  # it is, after `w.data -= step`
            self._touch()
        elif not self._requires_grad:
            self._replace(to_array(array))
        elif array.dtype.kind not in ("fiub" if self.dtype.kind == "f" else "cfiub"):
            raise TypeError(f"cannot put a value of dtype {array.dtype} into a parameter of dtype {self.dtype}")
        elif array.shape == self.shape and type(self._data) is type(array) is ndarray:
            np.copyto(self._data, array, casting="unsafe")  # in place: an optimizer may hold this memory
            self._touch()
        else:
            self._replace(copied(array.astype(self.dtype)))

    def _expose(self) -> np.ndarray:
        """Return an array to write to, and compare what is there at each use while somebody holds it."""
        array = None if self._snapshot is None else self._snapshot[1]()
        if array is None:
            array, holder = exposed(self._data)
            self._snapshot = copied(self._data), holder
        return array if array is self._data else array.reshape(self.shape)

    def _touch(self) -> None:
        """Count a write to the value, so that `backward` refuses to use what was computed from the old one."""
        touch([self])

    def _replace(self, array: np.ndarray) -> None:
        """Let another array, which nobody else holds, be the value."""
        self._data = array if array.ndim else array[()]
        self._version = next_id()
        self._snapshot, self._exported = None, False

    def _move_to(self, memory: np.ndarray) -> None:
        """Keep the same value in the memory of an optimizer, an array of the same shape and dtype."""
        self._sync_version()
        memory[...] = self._data
        self._data, self._snapshot = memory, None

    def _capture(self) -> tuple:
        """Return the value and the gradient as they stand, for `_restore`."""
        return self._data, self._snapshot, self._exported, self._version, self._grad

    def _restore(self, captured: tuple) -> None:
        """Bring back what `_capture` returned: the same array, not a copy."""
        self._data, self._snapshot, self._exported, self._version, self._grad = captured

    def _sync_version(self) -> None:
        """Count a write that came through the array that `.data` gave; if nobody holds it any more, it was the last."""
        if self._snapshot is not None:
            if not np.array_equal(self._snapshot[0], self._data, equal_nan=True):
                self._touch()
            elif self._snapshot[1]() is None:
                self._snapshot = None

    @property
    def grad(self) -> Any:
        """The gradient that `backward` accumulated for this leaf: a Tensor of its shape, `SparseRows`, or None.

        A result has one only after `retain_grad()`; without it, reading `grad` warns and gives None.
        """
        if self.node is not None and not hasattr(self, "_retains_grad"):
            warnings.warn(
                f"the result of {self.node.primitive.name} has no .grad: backward() keeps that of leaves only. "
                "Call retain_grad() on it before backward(), or use tg.autograd.grad(loss, result)",
                stacklevel=2,
            )
            return None
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self.node is not None and not hasattr(self, "_retains_grad"):
            raise RuntimeError(
                "only a leaf has a gradient; to get that of an intermediate result, use tg.autograd.grad"
            )
        if value is not None:
            if not isinstance(value, SparseRows):
                array = as_array(value)
                if array.dtype.kind == "c" and self.dtype.kind != "c":
                    raise TypeError(f"a Tensor of dtype {self.dtype} cannot have a complex gradient: take its .real")
                value = from_owned(copied(array.astype(self.dtype)))  # nobody else's memory, and nobody else's Tensor
            if value.shape != self.shape:
                raise ValueError(f"a Tensor of shape {self.shape} cannot have a gradient of shape {value.shape}")
        self._grad = value

    @property
    def name(self) -> str | None:
        """The name of a leaf in error messages and drawings."""
        return self._name if self.node is None else None

    @name.setter
    def name(self, value: str | None) -> None:
        if self.node is not None:
            raise RuntimeError("only a leaf has a name")
        self._name = value

    @property
    def requires_grad(self) -> Bool:
        """Whether `backward` computes a gradient for this Tensor or passes one through it."""
        return self.node is not None or self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: Bool) -> None:
        if self.node is not None:
            if not value:
                raise RuntimeError("only a leaf can stop requiring a gradient; use y.detach() on a result")
            return
        if value and self.dtype.kind not in "fc":
            raise TypeError(
                f"a Tensor of dtype {self.dtype} cannot require a gradient: only floating dtypes have derivatives; "
                f"convert it first, for example x.astype(tg.get_default_dtype())"
            )
        if value and type(self._data) is SparseMatrix:
            raise TypeError("a sparse Tensor holds data, and cannot require a gradient: make it of X.toarray()")
        if bool(value) != self._requires_grad:
            self._data = copied(self._data)  # nobody else holds the array that writes will go to
            self._snapshot, self._exported = None, False
            self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: Bool = True) -> Tensor:
        """Set `requires_grad` and return the Tensor itself.

        Examples
        --------
        >>> tg.ones(2).requires_grad_()
        tensor([1., 1.], requires_grad=True)
        """
        self.requires_grad = requires_grad
        return self

    def _become(self, other: Tensor) -> None:
        """Take over the value and the history of another Tensor, which must not be used any more."""
        for slot in Tensor.__slots__[1:]:
            if hasattr(other, slot):
                setattr(self, slot, getattr(other, slot))

    @property
    def is_leaf(self) -> Bool:
        """Whether no recorded operation made this Tensor."""
        return self.node is None

    def numpy(self) -> np.ndarray:
        """Return the value as a read-only ndarray that shares memory with the Tensor; of a sparse one, SciPy's matrix.

        Examples
        --------
        >>> tg.tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        if type(self._data) is SparseMatrix:
            return self._data.matrix
        if is_other(self._data):
            raise no_ndarray(self._data)
        view = np.asarray(self._data).view()
        view.flags.writeable = False
        return view

    def item(self) -> Any:
        """Return the only element as a Python number; raises ValueError if there is not exactly one.

        Examples
        --------
        >>> tg.tensor(2.5).item()
        2.5
        """
        if self._data.size != 1:
            raise ValueError(f"item(): the Tensor has shape {self.shape}; only one with a single element is a number")
        return self._data.item()

    def tolist(self) -> Any:
        """Return the value as a Python number or nested lists of them."""
        return self._data.tolist()

    def detach(self) -> Tensor:
        """Return the same value as a new leaf: no gradient flows through it.

        Examples
        --------
        >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * 2).detach()
        tensor([2., 4.])
        """
        return from_owned(copied(self._data) if self.node is None else self._data)

    shape: tuple[Int, ...] = property(lambda self: self._data.shape, doc="The lengths of the axes.")  # type: ignore[assignment]
    ndim: Int = property(lambda self: self._data.ndim, doc="The number of axes.")  # type: ignore[assignment]
    size: Int = attribute(
        "size",
        lambda self: self._data.size,
        "The number of elements.",
        "the number of elements, and no method: the length of an axis is x.shape[0], and of all x.shape",
    )
    dtype: np.dtype[Any] = property(lambda self: self._data.dtype, doc="The NumPy dtype of the elements.")  # type: ignore[assignment]
    nbytes: Int = property(lambda self: self._data.nbytes, doc="The bytes of the elements.")  # type: ignore[assignment]
    itemsize: Int = property(lambda self: self._data.itemsize, doc="The bytes of one element.")  # type: ignore[assignment]

    # ------------------------------------------------------------------ as a Python object

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if isinstance(self._data, (Batched, SparseMatrix)):
            return f"tensor({self._data})"
        array = on_host(self._data) if is_other(self._data) else np.asarray(self._data)
        text = np.array2string(array, separator=", ", prefix="tensor(", precision=6, threshold=200)
        notes = "" if array.dtype in (_default_float, np.dtype(bool)) else f", dtype={array.dtype}"
        if array.size == 0:
            notes += f", shape={array.shape}"
        if self.node is not None:
            notes += f", made by {self.node.primitive.name}"
        elif self._requires_grad:
            notes += ", requires_grad=True"
        return f"tensor({text}{notes})"

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self._data.size != 1:
            raise TypeError(f"cannot format a Tensor of shape {self.shape} with {spec!r}; format its elements")
        return format(self._data.item(), spec)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):  # slots that are not set, and protocols
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise missing("Tensor", name, self, f"{type(self).__name__!r} object")

    def __bool__(self) -> Bool:
        if self._data.size != 1:
            raise ValueError(f"the truth value of a Tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self._data)

    def __index__(self) -> Int:
        if self.ndim or self.dtype.kind not in "iu":
            raise TypeError(f"only an integer Tensor without axes is an index, not one of {self.dtype} {self.shape}")
        return int(self._data)

    def __len__(self) -> Int:
        if not self._data.ndim:
            raise TypeError("len() of a Tensor without axes")
        return len(self._data)

    def __array__(self, dtype: Any = None, copy: Bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise loses_gradient()
        if copy is False or is_other(self._data):
            return np.asarray(self.numpy(), dtype, copy=False)
        return np.array(self._data, dtype)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[Int, Any]) -> Tensor:
        rebuild, arguments = self.__reduce__()
        copy = memo[id(self)] = rebuild(*arguments)
        if self.grad is not None:
            copy.grad = from_owned(copied(self.grad._data))
        return copy

    def __reduce__(self) -> Any:
        if self.node is not None:
            raise RuntimeError(
                f"the result of {self.node.primitive.name} cannot be copied or pickled with its history: use "
                "x.detach(), or x.numpy() for what takes arrays, such as plt.plot"
            )
        return _rebuild, (type(self), copied(self._data), self._requires_grad, self.name)

    if TYPE_CHECKING:
        # Attached by ops/tensor_methods.py.
        T: Tensor
        mT: Tensor
        real: Tensor
        imag: Tensor
        device: Any

        def backward(self, gradient: Any = None, *, retain_graph: Bool = False, create_graph: Bool = False) -> None: ...
        def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle: ...
        def retain_grad(self) -> None: ...
        def __float__(self) -> Float: ...
        def __int__(self) -> Int: ...
        def __complex__(self) -> complex: ...
        def conj(self) -> Tensor: ...
        def conjugate(self) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
        def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def astype(self, dtype: Any) -> Tensor: ...
        def copy(self) -> Tensor: ...
        def reshape(self, *new: Any, shape: Any = ..., size: Any = ...) -> Tensor: ...
        def transpose(self, *axes: Any, dim: Any = ..., dims: Any = ...) -> Tensor: ...
        def view_as(self, other: Any) -> Tensor: ...
        def reshape_as(self, other: Any) -> Tensor: ...
        def type_as(self, other: Any) -> Tensor: ...
        def dim(self) -> Int: ...
        def is_floating_point(self) -> Bool: ...
        def is_complex(self) -> Bool: ...
        def half(self) -> Tensor: ...
        def float(self) -> Tensor: ...
        def double(self) -> Tensor: ...
        def short(self) -> Tensor: ...
        def int(self) -> Tensor: ...
        def long(self) -> Tensor: ...
        def bool(self) -> Tensor: ...
        def to(self, dtype: Any = ..., *where: Any, device: Any = ...) -> Tensor: ...
        def to_device(self, device: Any, /, *, stream: Any = ...) -> Tensor: ...
        def __array_namespace__(self, *, api_version: str | None = ...) -> Any: ...
        def cpu(self) -> Tensor: ...
        def contiguous(self) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def clip(self, min: Any = ..., max: Any = ...) -> Tensor: ...
        def angle(self, deg: Bool = ...) -> Tensor: ...
        def softmax(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def log_softmax(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def logsumexp(
            self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...
        ) -> Tensor: ...
        def sum(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def mean(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def max(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def min(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def amax(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def amin(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def argmax(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def argmin(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def any(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def all(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def var(
            self,
            axis: Any = ...,
            ddof: Any = ...,
            keepdims: Bool = ...,
            *,
            dim: Any = ...,
            keepdim: Bool = ...,
            correction: Any = ...,
        ) -> Tensor: ...
        def std(
            self,
            axis: Any = ...,
            ddof: Any = ...,
            keepdims: Bool = ...,
            *,
            dim: Any = ...,
            keepdim: Bool = ...,
            correction: Any = ...,
        ) -> Tensor: ...
        def median(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def quantile(
            self, q: Any, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...
        ) -> Tensor: ...
        def prod(self, axis: Any = ..., keepdims: Bool = ..., *, dim: Any = ..., keepdim: Bool = ...) -> Tensor: ...
        def cumsum(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def cumprod(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def ravel(self) -> Tensor: ...
        def squeeze(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def expand_dims(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def moveaxis(self, source: Any, destination: Any) -> Tensor: ...
        def swapaxes(self, axis1: Any = ..., axis2: Any = ..., *, dim0: Any = ..., dim1: Any = ...) -> Tensor: ...
        def diagonal(
            self, offset: Any = ..., axis1: Any = ..., axis2: Any = ..., *, dim0: Any = ..., dim1: Any = ...
        ) -> Tensor: ...
        def diag(self, k: Any = ..., *, diagonal: Any = ...) -> Tensor: ...
        def trace(
            self, offset: Any = ..., axis1: Any = ..., axis2: Any = ..., *, dim0: Any = ..., dim1: Any = ...
        ) -> Tensor: ...
        def flip(self, axis: Any = ..., *, dim: Any = ..., dims: Any = ...) -> Tensor: ...
        def roll(
            self, shift: Any = ..., axis: Any = ..., *, dim: Any = ..., dims: Any = ..., shifts: Any = ...
        ) -> Tensor: ...
        def tril(self, k: Any = ..., *, diagonal: Any = ...) -> Tensor: ...
        def triu(self, k: Any = ..., *, diagonal: Any = ...) -> Tensor: ...
        def repeat(self, repeats: Any, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def tile(self, reps: Any = ..., *, dims: Any = ...) -> Tensor: ...
        def take(self, indices: Any, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def take_along_axis(self, indices: Any, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def topk(self, k: Any, axis: Any = ..., largest: Bool = ..., *, dim: Any = ...) -> tuple[Tensor, Tensor]: ...
        def sort(self, axis: Any = ..., kind: str = ..., *, dim: Any = ...) -> Tensor: ...
        def argsort(self, axis: Any = ..., kind: str = ..., *, dim: Any = ...) -> Tensor: ...
        def nonzero(self) -> tuple[Tensor, ...]: ...
        def searchsorted(self, v: Any, side: str = ...) -> Tensor: ...
        def dot(self, y: Any) -> Tensor: ...
        def matmul(self, y: Any) -> Tensor: ...
        def outer(self, y: Any) -> Tensor: ...
        def round(self, decimals: Any = ...) -> Tensor: ...
        def isclose(self, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Bool = ...) -> Tensor: ...
        def allclose(self, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Bool = ...) -> Bool: ...
        def diff(
            self, n: Any = ..., axis: Any = ..., prepend: Any = ..., append: Any = ..., *, dim: Any = ...
        ) -> Tensor: ...
        def flatten(
            self, start_axis: Any = ..., end_axis: Any = ..., *, start_dim: Any = ..., end_dim: Any = ...
        ) -> Tensor: ...
        def gather(self, axis: Any = ..., index: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def masked_fill(self, mask: Any, value: Any) -> Tensor: ...
        def numel(self) -> Int: ...
        def t(self) -> Tensor: ...
        def unique(
            self,
            return_index: Bool = ...,
            return_inverse: Bool = ...,
            return_counts: Bool = ...,
            axis: Any = ...,
            *,
            dim: Any = ...,
        ) -> Any: ...
        def add(self, y: Any) -> Tensor: ...
        def divide(self, y: Any) -> Tensor: ...
        def hypot(self, y: Any) -> Tensor: ...
        def maximum(self, y: Any) -> Tensor: ...
        def minimum(self, y: Any) -> Tensor: ...
        def multiply(self, y: Any) -> Tensor: ...
        def negative(self) -> Tensor: ...
        def positive(self) -> Tensor: ...
        def power(self, y: Any) -> Tensor: ...
        def reciprocal(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def square(self) -> Tensor: ...
        def subtract(self, y: Any) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def exp2(self) -> Tensor: ...
        def expm1(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def log1p(self) -> Tensor: ...
        def log2(self) -> Tensor: ...
        def log10(self) -> Tensor: ...
        def logaddexp(self, y: Any) -> Tensor: ...
        def logaddexp2(self, y: Any) -> Tensor: ...
        def arccos(self) -> Tensor: ...
        def arccosh(self) -> Tensor: ...
        def arcsin(self) -> Tensor: ...
        def arcsinh(self) -> Tensor: ...
        def arctan(self) -> Tensor: ...
        def arctan2(self, x: Any) -> Tensor: ...
        def arctanh(self) -> Tensor: ...
        def cos(self) -> Tensor: ...
        def cosh(self) -> Tensor: ...
        def sin(self) -> Tensor: ...
        def sinh(self) -> Tensor: ...
        def tan(self) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def ceil(self) -> Tensor: ...
        def floor(self) -> Tensor: ...
        def floor_divide(self, y: Any) -> Tensor: ...
        def fmod(self, y: Any) -> Tensor: ...
        def remainder(self, y: Any) -> Tensor: ...
        def rint(self) -> Tensor: ...
        def sign(self) -> Tensor: ...
        def trunc(self) -> Tensor: ...
        def erf(self) -> Tensor: ...
        def sinc(self) -> Tensor: ...
        def greater(self, y: Any) -> Tensor: ...
        def greater_equal(self, y: Any) -> Tensor: ...
        def isfinite(self) -> Tensor: ...
        def isinf(self) -> Tensor: ...
        def isnan(self) -> Tensor: ...
        def less(self, y: Any) -> Tensor: ...
        def less_equal(self, y: Any) -> Tensor: ...
        def bitwise_and(self, y: Any) -> Tensor: ...
        def bitwise_left_shift(self, y: Any) -> Tensor: ...
        def bitwise_not(self) -> Tensor: ...
        def bitwise_or(self, y: Any) -> Tensor: ...
        def bitwise_right_shift(self, y: Any) -> Tensor: ...
        def bitwise_xor(self, y: Any) -> Tensor: ...
        def logical_and(self, y: Any) -> Tensor: ...
        def logical_not(self) -> Tensor: ...
        def logical_or(self, y: Any) -> Tensor: ...
        def logical_xor(self, y: Any) -> Tensor: ...
        def not_equal(self, y: Any) -> Tensor: ...
        def logsigmoid(self) -> Tensor: ...
        def relu(self) -> Tensor: ...
        def selu(self) -> Tensor: ...
        def sigmoid(self) -> Tensor: ...
        def softsign(self) -> Tensor: ...
        def clamp(self, min: Any = ..., max: Any = ...) -> Tensor: ...
        def unsqueeze(self, axis: Any = ..., *, dim: Any = ...) -> Tensor: ...
        def permute(self, *axes: Any, dim: Any = ..., dims: Any = ...) -> Tensor: ...
        def permute_dims(self, *axes: Any, dim: Any = ..., dims: Any = ...) -> Tensor: ...
        def movedim(self, source: Any, destination: Any) -> Tensor: ...
        def swapdims(self, axis1: Any = ..., axis2: Any = ..., *, dim0: Any = ..., dim1: Any = ...) -> Tensor: ...
        def mm(self, y: Any) -> Tensor: ...
        def bmm(self, y: Any) -> Tensor: ...
        def sub(self, y: Any) -> Tensor: ...
        def mul(self, y: Any) -> Tensor: ...
        def div(self, y: Any) -> Tensor: ...
        def true_divide(self, y: Any) -> Tensor: ...
        def neg(self) -> Tensor: ...
        def pow(self, y: Any) -> Tensor: ...
        def absolute(self) -> Tensor: ...
        def asin(self) -> Tensor: ...
        def acos(self) -> Tensor: ...
        def atan(self) -> Tensor: ...
        def atan2(self, x: Any) -> Tensor: ...
        def asinh(self) -> Tensor: ...
        def acosh(self) -> Tensor: ...
        def atanh(self) -> Tensor: ...
        def ne(self, y: Any) -> Tensor: ...
        def lt(self, y: Any) -> Tensor: ...
        def le(self, y: Any) -> Tensor: ...
        def gt(self, y: Any) -> Tensor: ...
        def ge(self, y: Any) -> Tensor: ...
        def expit(self) -> Tensor: ...
        def eq(self, y: Any) -> Tensor: ...
        def view(self, *new: Any, shape: Any = ..., size: Any = ...) -> Tensor: ...
        def clone(self) -> Tensor: ...


def tensor(data: Any, dtype: Any = None, *, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """Make a Tensor of a copy of `data`.

    Parameters
    ----------
    data : array_like
        Python's floats, and lists of them, become the default float (`set_default_dtype`), its ints int64 (the
        default float if a gradient is required), its bools bool; arrays keep their dtype.
    dtype, requires_grad, name
        As for `Tensor`.

    Raises
    ------
    TypeError
        If `data` is not numeric, or if an integer or bool Tensor is asked to require a gradient.

    Examples
    --------
    >>> tg.tensor([1, 2])
    tensor([1, 2], dtype=int64)
    >>> tg.tensor([1, 2.5])
    tensor([1. , 2.5])
    >>> tg.tensor([1, 2], requires_grad=True)
    tensor([1., 2.], requires_grad=True)
    """
    return Tensor(data, dtype, requires_grad=requires_grad, name=name)


def set_default_dtype(dtype: Any) -> None:
    """Set the floating dtype that Python numbers and lists, and new parameters, get.

    Examples
    --------
    >>> tg.set_default_dtype("float64")
    >>> tg.tensor(1.5).dtype
    dtype('float64')
    >>> tg.set_default_dtype("float32")
    """
    global _default_float
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"the default dtype must be a floating one, not {wanted}")
    _default_float = wanted


def get_default_dtype() -> np.dtype:
    """Return the floating dtype that Python numbers and lists, and new parameters, get.

    Examples
    --------
    >>> tg.get_default_dtype()
    dtype('float32')
    """
    return _default_float


def from_owned(array: Any) -> Tensor:
    """Make a Tensor of an array that nobody else will write to, without a copy."""
    t = Tensor.__new__(Tensor)
    t._data = array
    t._requires_grad = t._exported = False
    t._version = 0
    t._snapshot = t._grad = t._name = t.node = None
    return t


def touch(tensors: list[Tensor]) -> None:
    """Count a write to the values of several leaves at once, as `Tensor._touch` does for one."""
    now = next_id()
    for t in tensors:
        t._version = now
        if t._snapshot is not None:
            holder = t._snapshot[1]
            t._snapshot = None if holder() is None else (copied(t._data), holder)


def as_tensor(x: Any) -> Tensor:
    """Return a Tensor as it is, and anything else as a new one."""
    return x if isinstance(x, Tensor) else Tensor(x)


def as_floating(x: Any) -> Tensor:
    """Return a Tensor as it is if it is floating or complex; one of integers or bools with the default float."""
    x = as_tensor(x)
    return x if x.dtype.kind in "fc" else from_owned(x._data.astype(_default_float))


def as_array(x: Any) -> Any:
    """Return the value of a Tensor, and anything else as an array, without a copy; a batch stays one."""
    array = x._data if isinstance(x, Tensor) else refuse_masked(x)
    return array if type(array) is ndarray or stands_in(array) else np.asarray(array)


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of a Tensor, an array or a list.

    Examples
    --------
    >>> from tinygrad_ml.tensor import shape_of
    >>> shape_of([[1.0, 2.0]])
    (1, 2)
    """
    if isinstance(x, Tensor):
        return x._data.shape
    if hasattr(x, "shape"):
        return x.shape
    _refuse_what_holds_no_elements(x)
    return np.shape(x)


def to_array(data: Any, dtype: Any = None, floating: bool = False) -> np.ndarray:
    """Copy `data` into a new numeric array; Python's floats become the default float (if `floating`, its ints too)."""
    if isinstance(data, Tensor) or stands_in(data):
        if isinstance(data, Tensor) and data.requires_grad:
            raise TypeError(
                "a new Tensor made of one that requires a gradient would lose that gradient silently: use x.detach(), "
                "or x.astype(...) to change the dtype"
            )
        array: Any = data._data if isinstance(data, Tensor) else data
        return copied(array if dtype is None else array.astype(dtype))
    if data is None or isinstance(refuse_masked(data), (list, tuple, str)):
        _refuse_what_holds_no_elements(data)
    if hasattr(data, "tocsr"):  # of SciPy
        return copied(SparseMatrix(data, dtype))
    try:
        # np.asarray first: arrays of other libraries do not all know the question whether to copy
        array = np.array(np.asarray(data) if hasattr(data, "__array__") else data, dtype)
    except ValueError as error:
        ragged = ": its rows must have the same length" if "inhomogeneous" in str(error) else ""
        raise ValueError(f"cannot make a Tensor of {type(data).__name__} data{ragged}: {error}") from None
    if array.dtype.kind not in "fciub":
        raise not_numeric(data, array)
    if dtype is None and not hasattr(data, "__array__") and array.dtype.kind in ("fciu" if floating else "fc"):
        array = array.astype(complex_of(_default_float) if array.dtype.kind == "c" else _default_float)
    return array


def _refuse_what_holds_no_elements(x: Any) -> None:
    """Raise TypeError for None, text, and lists that hold Tensors."""
    if x is None or isinstance(x, str):
        what = "None: does a function lack its `return`?" if x is None else f"the text {x[:40]!r}: it must be numeric"
        raise TypeError(f"expected numeric data, and got {what}")
    if isinstance(x, (list, tuple)) and _holds_tensor(x):
        if isinstance(x, tuple):
            raise TypeError(f"got a tuple of {len(x)}: take the part that you want (`y, _ = lstm(x)`), or tg.stack all")
        raise TypeError("a list that holds Tensors would lose their gradients; use tg.stack or tg.concatenate")


def _holds_tensor(items: Any) -> bool:
    pending = [items]
    while pending:
        for item in pending.pop():
            if isinstance(refuse_masked(item), Tensor):
                return True
            if isinstance(item, (list, tuple)):
                pending.append(item)
    return False


def _rebuild(cls: type[Tensor], array: np.ndarray, requires_grad: bool, name: str | None) -> Tensor:
    t = from_owned(array)
    t.__class__ = cls
    t._requires_grad = requires_grad
    t.name = name
    return t
