"""Gradient checks of functions of PyTorch and JAX: each becomes a function of Tensors whose derivatives are theirs."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import nn
from ..autograd import Function
from ..tensor import Tensor, as_array, as_tensor

__all__ = ["from_jax", "from_torch"]


def from_torch(function: Callable[..., Any]) -> Any:
    """Make a function of Tensors of a function or module of PyTorch, with PyTorch's derivatives, to check these.

    Parameters
    ----------
    function : callable
        A function of PyTorch tensors that returns one or a tuple of them; or a `torch.nn.Module`, whose parameters are
        checked too, by name.

    Returns
    -------
    callable
        For `gradcheck`, of any order. Of a module it is a Module, which computes with a copy in float64: the original
        keeps its values, gradients and dtype.

    Raises
    ------
    ImportError
        Without PyTorch.

    Examples
    --------
    >>> print(tg.testing.gradcheck(tg.testing.from_torch(torch.tanh), np.ones((3, 2)), order=2))
    gradcheck: the gradient of tanh is right: 18 entries of input, g agree (central differences,
    full)
    """
    return _adapted(_Torch(), function)


def from_jax(function: Callable[..., Any]) -> Any:
    """Make a function of Tensors of a function of JAX, with JAX's derivatives, to check these.

    JAX computes in float64 for it, whatever its configuration.

    Parameters
    ----------
    function : callable
        A function of JAX arrays that returns one or a tuple of them. Parameters in a dict are arguments like others:
        `from_jax(lambda w, b: loss({"w": w, "b": b}))`.

    Returns
    -------
    callable
        For `gradcheck`, of any order.

    Raises
    ------
    ImportError
        Without JAX.

    Examples
    --------
    >>> bool(tg.testing.gradcheck(tg.testing.from_jax(jax.numpy.tanh), np.ones((3, 2))))
    True
    """
    return _adapted(_Jax(), function)


def adapted_if_foreign(function: Any, inputs: Any) -> tuple[Any, Any]:
    """Return what to check with what: of a function and inputs of PyTorch or JAX, or of this library as they are.

    A pair of functions of such inputs, one of them the gradient by hand, becomes a pair of functions of NumPy arrays.
    """
    given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    for package, kind, Library in (("torch", "Tensor", _Torch), ("jax", "Array", _Jax)):
        array = getattr(sys.modules.get(package), kind, None)
        if array is None:
            continue
        if any(isinstance(x, array) for x in given) or Library().is_module(function):
            converted = tuple([_converted(x) if isinstance(x, array) else x for x in given])
            if isinstance(function, (tuple, list)):
                return tuple([_of_arrays(Library(), f) if callable(f) else f for f in function]), converted
            return _adapted(Library(), function), converted
    return function, inputs


def _of_arrays(library: Any, function: Callable) -> Callable:
    @functools.wraps(function, updated=())
    def of_arrays(*arrays: Any) -> Any:
        return library.run(function, arrays)

    return of_arrays


def _converted(x: Any) -> Any:
    """Return a tensor of PyTorch, or an array of JAX, as one of ours that requires a gradient if it did."""
    if getattr(x, "requires_grad", False):
        return Tensor(x.detach().numpy(), requires_grad=True)
    return np.asarray(x)


class _Library:
    """How another library computes."""

    def __deepcopy__(self, memo: Any) -> Any:
        return self  # gradcheck copies modules


class _Torch(_Library):
    """How PyTorch computes."""

    def __init__(self) -> None:
        try:
            import torch
        except ImportError:
            raise ImportError("from_torch checks functions of PyTorch: pip install torch") from None
        self.torch = torch

    def is_module(self, function: Any) -> bool:
        return isinstance(function, self.torch.nn.Module)

    def run(self, function: Callable, arrays: Any) -> Any:
        """Call a function with arrays, and return arrays."""
        result = function(*[self.torch.from_numpy(np.array(x)) for x in arrays])
        if isinstance(result, (tuple, list)):
            return tuple([self._array(y) for y in result])
        return self._array(result)

    def _array(self, y: Any) -> Any:
        if not isinstance(y, self.torch.Tensor):
            raise TypeError(f"from_torch: the function returned {type(y).__name__}, and must return tensors of PyTorch")
        return y.detach().resolve_conj().resolve_neg().numpy()

    def gradient(self, function: Callable, n: int, wanted: tuple[bool, ...]) -> Callable:
        """Return the function of n inputs and the gradients of the outputs that gives those of the wanted inputs."""
        grad = self.torch.autograd.grad

        def gradients(*inputs: Any) -> tuple:
            with self.torch.enable_grad():
                leaves = [
                    x if x.requires_grad else x.clone().requires_grad_() if w else x for x, w in zip(inputs, wanted)
                ]
                result = function(*leaves)
                results = result if isinstance(result, (tuple, list)) else (result,)
                pairs = [(y, g) for y, g in zip(results, inputs[n:]) if y.requires_grad]
                chosen = [x for x, w in zip(leaves, wanted) if w]
                if not pairs:
                    return tuple([self.torch.zeros_like(x) for x in chosen])
                outputs, arriving = zip(*pairs)
                found = grad(outputs, chosen, arriving, create_graph=True, allow_unused=True)
                return tuple([self.torch.zeros_like(x) if g is None else g for g, x in zip(found, chosen)])

        return gradients


class _Jax(_Library):
    """How JAX computes."""

    def __init__(self) -> None:
        try:
            import jax
        except ImportError:
            raise ImportError("from_jax checks functions of JAX: pip install jax") from None
        self.jax = jax

    def is_module(self, function: Any) -> bool:
        return False

    def run(self, function: Callable, arrays: Any) -> Any:
        """Call a function with arrays, and return arrays."""
        with self.jax.enable_x64(True):
            result = function(*map(self.jax.numpy.asarray, arrays))
            return tuple(map(np.array, result)) if isinstance(result, (tuple, list)) else np.array(result)

    def gradient(self, function: Callable, n: int, wanted: tuple[bool, ...]) -> Callable:
        """Return the function of n inputs and the gradients of the outputs that gives those of the wanted inputs."""

        def gradients(*inputs: Any) -> tuple:
            def of_wanted(*chosen: Any) -> Any:
                pending = iter(chosen)
                result = function(*[next(pending) if w else x for x, w in zip(inputs, wanted)])
                return tuple(result) if isinstance(result, (tuple, list)) else (result,)

            conj = self.jax.numpy.conj  # JAX's gradients of complex numbers are the conjugates of PyTorch's
            _, pull = self.jax.vjp(of_wanted, *[x for x, w in zip(inputs, wanted) if w])
            return tuple(map(conj, pull(tuple(map(conj, inputs[n:])))))

        return gradients


def _adapted(library: Any, function: Any) -> Any:
    if not callable(function):
        raise TypeError(f"the function must be callable, not {type(function).__name__}")
    if library.is_module(function):
        kind = type(type(function).__name__, (_ForeignModule,), {})  # which reports name
        return kind(library, function)

    @functools.wraps(function, updated=())
    def adapted(*inputs: Any) -> Any:
        return _call(library, function, inputs)

    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):  # the apply of an autograd.Function
        adapted.__name__ = owner.__name__
    return adapted


def _call(library: Any, function: Callable, inputs: tuple) -> Any:
    """Compute with another library, and record that its derivatives are those of the result."""
    tensors = [as_tensor(x) for x in inputs]
    wanted = tuple([x.requires_grad for x in tensors])

    class Foreign(Function):
        @staticmethod
        def forward(ctx: Any, *given: Tensor) -> Any:
            ctx.save_for_backward(*given)
            return library.run(function, [as_array(x) for x in given])

        @staticmethod
        def backward(ctx: Any, *arriving: Tensor) -> tuple:
            given = ctx.saved_tensors
            found = iter(_call(library, library.gradient(function, len(given), wanted), (*given, *arriving)))
            return tuple([next(found) if w else None for w in wanted])

    Foreign.__name__ = getattr(function, "__name__", type(function).__name__)
    return Foreign.apply(*tensors)


class _ForeignModule(nn.Module):
    """A module of PyTorch as one of ours: its parameters under their names, and its buffers inside."""

    def __init__(self, library: Any, module: Any):
        self._library, self._module = library, copy.deepcopy(module).double()
        self._names = [name for name, p in module.named_parameters() if p.requires_grad]
        for name, p in self._module.named_parameters():
            if p.requires_grad:
                setattr(self, name.replace(".", "_"), nn.Parameter(p.detach().numpy().copy()))

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the parameters by the names that they have in PyTorch."""
        for name in self._names:
            yield name, getattr(self, name.replace(".", "_"))

    def forward(self, *inputs: Any) -> Any:
        module, names = self._module, self._names
        functional_call = self._library.torch.func.functional_call

        def function(*given: Any) -> Any:
            return functional_call(module, dict(zip(names, given)), tuple(given[len(names) :]))

        function.__name__ = type(module).__name__
        parameters = [p for _, p in self.named_parameters()]
        return _call(self._library, function, (*parameters, *inputs))
