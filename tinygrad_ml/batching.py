"""The doors of a batch: how Tensors and gradients get a hidden axis, and how they lose it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import batched_functions
from .batched import FUNCTIONS, Batched, each, element_of, holds_batch, innermost
from .modes import modes, modes_set
from .primitive import Node, dispatch, primitive
from .tensor import Tensor, ndarray

FUNCTIONS.update(batched_functions.FUNCTIONS)


def _into_batch_rule(g: Any, level: Any) -> Any:
    """Return the gradients of all elements."""
    if level.active:
        raise RuntimeError(
            "inside of vmap there is no gradient for a Tensor from outside that is mapped: differentiate for the "
            "argument of the function, or call vmap first and differentiate what it returns"
        )
    return dispatch(out_of_batch, g, level=level)


@primitive(cost="none", x=_into_batch_rule)
def into_batch(x, *, level):
    """Return the elements along the first axis as a batch, which seems to be one of them.

    Examples
    --------
    >>> from tinygrad_ml.batched import Level
    >>> from tinygrad_ml.batching import into_batch, out_of_batch
    >>> into_batch(tg.ones((3, 2)), Level(0, 3))
    tensor(<3 arrays of shape (2,)>)
    """
    if type(x) is ndarray:
        x = np.array(x, order="C")
    elif type(x) is not Batched and hasattr(x, "_set"):  # the same, traced
        x = x.copy()
    return Batched(x, level)


@primitive(cost="none", x=lambda g, level: dispatch(into_batch, g, level=level))
def out_of_batch(x, *, level):
    """Return the elements of a batch along a new first axis; what is the same for all, once for each.

    Examples
    --------
    >>> from tinygrad_ml.batched import Level
    >>> from tinygrad_ml.batching import into_batch, out_of_batch
    >>> level = Level(0, 3)
    >>> out_of_batch(into_batch(tg.ones((3, 2)), level), level).shape
    (3, 2)
    """
    if type(x) is Batched and x.level is level:
        return x.whole
    return np.broadcast_to(x, (level.size, *x.shape)).copy()


def left_vmap(g: Any, edge: Node | Tensor) -> Any:
    """Return a gradient that leaves a vmap, summed over its elements.

    It leaves at a Node or leaf from outside, which all elements used. While the vmap runs, its function differentiates
    for each element by itself.
    """
    while True:
        batch = g._data if isinstance(g, Tensor) else g
        if type(batch) is not Batched or batch.level.active:
            return g
        inside = edge.seq > batch.level.number if isinstance(edge, Node) else type(edge._data) is Batched
        if inside:
            return g
        g = out_of_batch(g, level=batch.level) if isinstance(g, Tensor) else batch.whole
        g = g.sum(axis=0)


def rule_for_each(rule: Callable, g: Any, args: Sequence, error: Exception) -> Any:
    """Return what a rule that failed gives for each element of a batch; raise its error if there is none.

    While a computation is traced, what fails may be one step of it as a whole.
    """
    if not holds_batch((g, args)):
        if modes_set and modes.tracer is not None:
            return modes.tracer.opaque(rule, (g, *args), {}, error)
        raise error
    recorded = any(isinstance(part, Tensor) for part in (*(g if type(g) is list else [g]), *args))
    return _each_recorded(rule, g, args) if recorded else each(rule, (g, *args), {})


def check_one(g: Any, leaf: Tensor) -> None:
    """Raise if there is a gradient for each element of a batch, where there is room for one."""
    if holds_batch(g) and type(leaf._data) is not Batched:
        raise RuntimeError(
            "backward() inside of vmap would add a gradient for each element to one .grad: use tg.grad(f) or "
            "tg.autograd.grad(loss, w), which return them"
        )


def _each_recorded(rule: Callable, g: Any, tensors: Sequence) -> Any:
    """Return what a rule that cannot compute with batches gives for each element, differentiably."""

    def at(value: Any, i: int) -> Any:
        if isinstance(value, Tensor) and type(value._data) is Batched and value._data.level is level:
            return out_of_batch(value, level=level)[i]
        if type(value) in (tuple, list):
            return type(value)([at(part, i) for part in value])
        return element_of(value, level, i)

    level = innermost((g, tensors))
    if not level.size:
        raise RuntimeError("an empty batch has no second derivative")
    parts = [rule(at(g, i), *[at(value, i) for value in tensors]) for i in range(level.size)]
    return into_batch(np.stack(parts), level=level)
