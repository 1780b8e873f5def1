"""vmap: a function of one element becomes a function of many.

    norms = tg.vmap(lambda x: (x * x).sum())(batch)                             # one number for each element
    per_example = tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(weights, x, y)   # a gradient for each example

The function runs once, with Tensors that have a hidden axis; what cannot be computed so runs once for each element.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .batched import Level, Unbatchable
from .batching import into_batch, out_of_batch
from .ops import concatenate, moveaxis, stack
from .random import get_rng_state, set_rng_state
from .tensor import Tensor, as_tensor, next_id

Axes = Any  # an int, None, or a tuple, list or dict of these


def vmap(
    function: Callable[..., Any],
    in_axes: Axes = 0,
    out_axes: Axes = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
    in_dims: Axes = 0,
    out_dims: Axes = 0,
) -> Callable[..., Any]:
    """Return the function that applies `function` to each element of a batch, and puts the results together.

    Parameters
    ----------
    function : callable
        A function of Tensors that returns a Tensor, or a tuple, list or dict of them. It is written for one element: it
        does not see the axis that is mapped.
    in_axes : int, None, or a tuple with one of these for each positional argument
        Which axis of an argument has the elements; None: all elements get the whole argument. For an argument that is
        a tuple, list or dict of Tensors it is one for all, or the same form with one for each. Keyword arguments are
        passed on whole.
    out_axes : int, or the form of the result with one for each
        Where the elements are in the result.
    randomness : {"error", "same", "different"}
        What happens if the function draws random numbers (dropout, `tg.randn`): it is refused; all elements get the
        same ones; or each gets its own, for which the function is called once for each element.
    chunk_size : int, optional
        How many elements are computed at once; by default all. Less needs less memory.
    in_dims, out_dims
        PyTorch's names of `in_axes` and `out_axes`.

    Returns
    -------
    callable
        With the results, which have one more axis each: arrays if all that is mapped are arrays, Tensors otherwise.
        They have gradients, of every order, for the arguments and for what else the function uses. It can itself be
        differentiated and mapped again.

    Raises
    ------
    TypeError, ValueError
        When it is called: if nothing is mapped, if an argument has no such axis, or if the lengths differ.

    Notes
    -----
    The operations run once, on Tensors with a hidden axis. What has no such form (an operation of your own that writes
    into arrays, `if x > 0`, `.item()`) is computed once for each element, with the same result; then what the function
    prints or counts is printed and counted more often.

    Examples
    --------
    >>> dot = lambda x, y: (x * y).sum()
    >>> x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.vmap(dot)(x, x)
    tensor([ 5., 25.])
    >>> tg.vmap(dot, in_axes=(0, None))(x, tg.tensor([1.0, 10.0]))
    tensor([21., 43.])
    >>> tg.vmap(tg.grad(dot), in_axes=(None, 0))(tg.ones(2), x)
    tensor([[1., 2.],
            [3., 4.]])
    """
    if not callable(function):
        raise TypeError(
            f"vmap() takes a function and gives another one, tg.vmap(f)(x), but got {type(function).__name__}"
        )
    if randomness not in ("error", "same", "different"):
        raise ValueError(f"vmap: randomness must be 'error', 'same' or 'different', not {randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size must be at least 1, not {chunk_size}")
    in_axes = in_axes if in_dims == 0 else in_dims
    out_axes = out_axes if out_dims == 0 else out_dims

    @functools.wraps(function, updated=())
    def mapped(*args: Any, **named: Any) -> Any:
        call = _Call(function, in_axes, args, named)
        n = call.size
        step = chunk_size or max(n, 1)
        chunks = [call.run(range(i, min(i + step, n)), randomness) for i in range(0, max(n, 1), step)]
        whole = chunks[0] if len(chunks) == 1 else _over_leaves(lambda *parts: concatenate(parts), *chunks)
        placed = _placed(whole, out_axes)
        return _over_leaves(_as_array, placed) if call.arrays else placed

    return mapped


class _Call:
    """A call of a function that is mapped.

    args : for each argument the function that takes what is to be made of a Tensor that is mapped, which has the
        elements along its first axis, and returns the argument with that in its place
    size : the number of elements
    arrays : whether all that is mapped are NumPy's arrays
    """

    def __init__(self, function: Callable, in_axes: Axes, args: tuple, named: dict[str, Any]):
        self.function, self.named = function, named
        self.sizes: list[tuple[str, int]] = []
        self.arrays = True
        several = isinstance(in_axes, (tuple, list))
        if several and len(in_axes) != len(args):
            raise ValueError(
                f"vmap: in_axes has {len(in_axes)} entries, but the function was called with {len(args)} positional "
                "arguments: give one for each, None for what is not mapped"
            )
        axes = in_axes if several else [in_axes] * len(args)
        self.args = [self._prepared(x, axis, f"argument {k}") for k, (x, axis) in enumerate(zip(args, axes))]
        if not self.sizes:
            raise ValueError(
                "vmap: no argument is mapped, so there is nothing to go through: give at least one positional argument "
                "an axis in in_axes (keyword arguments are passed on whole)"
            )
        if len({n for _, n in self.sizes}) > 1:
            lengths = ", ".join(f"{n} in {where}" for where, n in self.sizes)
            raise ValueError(
                f"vmap: the mapped axes must have the same length, but it is {lengths}: choose the axes by in_axes, "
                "None for what is not mapped"
            )
        self.size = self.sizes[0][1]

    def _prepared(self, x: Any, axis: Axes, where: str) -> Callable[[Callable], Any]:
        if axis is None:
            return lambda make: x
        if isinstance(x, dict) or (isinstance(x, (tuple, list)) and any(isinstance(part, FORMS) for part in x)):
            parts = [
                self._prepared(part, a, f"{where}[{key!r}]")
                for (key, part), a in zip(_items(x), _axes_for(x, axis, f"in_axes for {where}"))
            ]
            return lambda make: _like(x, [part(make) for part in parts])
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise TypeError(f"vmap: in_axes for {where} must be an int or None, not {axis!r}")
        if not isinstance(x, (list, tuple)) and not hasattr(x, "__array__"):
            raise TypeError(
                f"vmap: {where} is of type {type(x).__name__}, which has no axis to go through: give None for it in "
                "in_axes"
            )
        self.arrays &= isinstance(x, np.ndarray)
        tensor = as_tensor(x)
        if not -tensor.ndim <= axis < tensor.ndim:
            raise ValueError(
                f"vmap: {where} has shape {tensor.shape}, so it has no axis {axis}: give another one in in_axes, or "
                "None if it is not mapped"
            )
        self.sizes.append((where, tensor.shape[axis]))
        mapped = tensor if axis in (0, -tensor.ndim) else moveaxis(tensor, axis, 0)
        return lambda make: make(mapped)

    def run(self, elements: range, randomness: str) -> Any:
        """Return the results for some elements, each with them along its first axis."""
        if randomness == "different":
            return self._one_by_one(elements)
        before = get_rng_state()
        result = self._together(elements, before)
        if randomness == "error" and pickle.dumps(get_rng_state()) != pickle.dumps(before):
            raise RuntimeError(
                "vmap: the function draws random numbers: say by randomness= whether all elements get the 'same' ones, "
                "or each its own, 'different' ones"
            )
        return result

    def _together(self, elements: range, random: dict[str, Any]) -> Any:
        level = Level(next_id(), len(elements))
        try:
            with level:
                inputs = [
                    x(lambda whole: into_batch(whole[elements.start : elements.stop], level=level)) for x in self.args
                ]
                output = self.function(*inputs, **self.named)
                return _over_leaves(lambda x: out_of_batch(x, level=level), output)
        except Unbatchable as error:
            if error.level is not level:
                raise
        return self._one_by_one(elements, random)

    def _one_by_one(self, elements: range, random: dict[str, Any] | None = None) -> Any:
        """Call the function for each element, with the same random numbers if `random` says from where they come."""
        outputs = []
        for i in elements or (None,):  # of no elements the result has a shape as well: it is that for zeros
            if random is not None:
                set_rng_state(random)
            inputs = [x(lambda whole, i=i: whole.sum(axis=0) if i is None else whole[i]) for x in self.args]
            outputs.append(self.function(*inputs, **self.named))
        return _over_leaves(lambda *parts: stack(parts)[: len(elements)], *outputs)


FORMS = (Tensor, np.ndarray, tuple, list, dict)  # a list of numbers is an array, one of these is a form


def _items(form: Any) -> list[tuple[Any, Any]]:
    return list(form.items() if isinstance(form, dict) else enumerate(form))


def _like(form: Any, parts: Sequence) -> Any:
    """Return the parts in a given form: a dict, list or (named) tuple."""
    if isinstance(form, dict):
        return dict(zip(form, parts))
    return type(form)(*parts) if hasattr(form, "_fields") else type(form)(parts)


def _axes_for(form: Any, axes: Axes, what: str) -> list:
    """Return the axis for each part of a tuple, list or dict."""
    if not isinstance(axes, (tuple, list, dict)):
        return [axes] * len(form)
    if isinstance(axes, dict) is not isinstance(form, dict) or len(axes) != len(form):
        raise ValueError(
            f"vmap: {what} must be one for all, or a {type(form).__name__} with one for each of {len(form)}"
        )
    if isinstance(axes, dict):
        if axes.keys() != form.keys():
            raise ValueError(f"vmap: {what} has the keys {sorted(axes)}, not {sorted(form)}")
        return [axes[key] for key in form]
    return list(axes)


def _over_leaves(make: Callable[..., Any], *results: Any) -> Any:
    """Apply a function to each Tensor of a result, or to what is in the same place in several of one form."""
    first = results[0]
    if isinstance(first, (tuple, list, dict)):
        parts = [[part for _, part in _items(result)] for result in results]
        return _like(first, [_over_leaves(make, *places) for places in zip(*parts, strict=True)])
    if not isinstance(first, (Tensor, np.ndarray, np.generic, float, int, complex)):
        raise TypeError(
            "vmap: the function must return a Tensor, or a tuple, list or dict of Tensors, not one of type "
            f"{type(first).__name__}"
        )
    return make(*map(as_tensor, results))


def _as_array(x: Tensor) -> Any:
    """Return a result as an array, unless it has a history."""
    return x if x.requires_grad else x.numpy().copy()


def _placed(result: Any, out_axes: Axes) -> Any:
    """Return a result with its elements along the axes that are wanted."""
    if isinstance(result, (tuple, list, dict)):
        axes = _axes_for(result, out_axes, "out_axes")
        return _like(result, [_placed(part, axis) for (_, part), axis in zip(_items(result), axes)])
    if isinstance(out_axes, bool) or not isinstance(out_axes, (int, np.integer)):
        raise TypeError(f"vmap: out_axes must be an int, or the form of the result with one for each, not {out_axes!r}")
    if not -result.ndim <= out_axes < result.ndim:
        raise ValueError(f"vmap: out_axes is {out_axes}, but the result has the axes 0 to {result.ndim - 1}")
    return result if out_axes == 0 else moveaxis(result, 0, out_axes)
