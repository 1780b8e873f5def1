"""JAX's gradients of what was traced: back one operation at a time, by `jax.vjp` of each alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..values import ArraySummary
from .foreign import as_plain, local_derivative


def add_gradients(traced: Any, results: Sequence, gradient: Any) -> None:
    """Go back from the results, one operation at a time, and write all gradients into the graph."""
    jnp, graph = traced.jax.numpy, traced.graph
    arriving: dict[int, Any] = {}
    roots = [r for r in results if r.number is not None and is_inexact(r.array)]
    for root in roots:
        given = 1 if gradient is None else jnp.asarray(as_plain(gradient))
        g = jnp.broadcast_to(jnp.asarray(given, root.array.dtype), np.shape(root.array))
        arriving[root.number] = arriving[root.number] + g if root.number in arriving else g
    if gradient is None and (len(roots) > 1 or (roots and np.size(roots[0].array) > 1)):
        graph.notes.append("the gradients are those of the sum of the results")
    for step in reversed(traced.steps):
        _back(traced, step, arriving)
    for number, g in arriving.items():
        graph.nodes[number].gradient = _summary(g)
    for step in traced.steps:
        node = graph.nodes[step.node]
        for i in node.inputs:
            if i.gradient is not None:
                i.local = local_derivative(i.formula, i.gradient, node.gradient)
        if step.outputs != [step.node]:
            for number in step.outputs:
                graph.nodes[number].inputs[0].gradient = graph.nodes[number].gradient


def _back(traced: Any, step: Any, arriving: dict[int, Any]) -> None:
    """Send what arrived at the outputs of an operation on to its inputs."""
    if not any(number in arriving for number in step.outputs):
        return
    vary = [k for k, x in enumerate(step.inputs) if x.number is not None and is_inexact(x.array)]
    if not vary:
        return
    arrays = [x.array for x in step.inputs]

    def of_varying(*given: Any) -> list:
        filled = list(arrays)
        for k, x in zip(vary, given):
            filled[k] = x
        return [out for out in step.function(*filled) if is_inexact(out)]

    try:
        outs, back = traced.jax.vjp(of_varying, *(arrays[k] for k in vary))
        inexact = [n for n in step.outputs if n in arriving or _holds_inexact(traced, n)]
        given = [arriving.get(n) for n in inexact]
        sent = back([traced.jax.numpy.zeros_like(out) if g is None else g for out, g in zip(outs, given)])
    except Exception as error:  # an operation without a derivative
        node = traced.graph.nodes[step.node]
        traced.graph.notes.append(f"no gradient goes through {node.operation}: {str(error).partition(chr(10))[0]}")
        return
    for k, g in zip(vary, sent):
        number = step.inputs[k].number
        traced.graph.nodes[step.node].inputs[k].gradient = _summary(g)
        arriving[number] = arriving[number] + g if number in arriving else g


def _holds_inexact(traced: Any, number: int) -> bool:
    return traced.graph.nodes[number].dtype.startswith(("float", "bfloat", "complex"))


def is_inexact(array: Any) -> bool:
    """Whether an array has a gradient."""
    dtype = array.dtype if hasattr(array, "dtype") else np.asarray(array).dtype
    return str(dtype).startswith(("float", "bfloat", "complex"))


def as_numpy(array: Any) -> np.ndarray | None:
    """Return an array of NumPy; None for what it has no dtype for, such as keys of random numbers."""
    try:
        plain = np.asarray(array)
        return plain.astype(np.float32) if plain.dtype.kind == "V" else plain
    except TypeError:
        return None


def _summary(array: Any) -> ArraySummary | None:
    plain = as_numpy(array)
    return None if plain is None else ArraySummary.of(plain)
