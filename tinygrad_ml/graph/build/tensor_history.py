"""The history of a Tensor as a graph: what was recorded when it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ... import autograd
from ...nn.module import Module, Parameter
from ...tensor import Tensor
from ..format import as_text, parameters_as_text
from ..formulas import formulas
from ..nodes import Input
from .builder import Builder
from .cost import flops


def trace_history(target: Tensor, variables: Mapping[str, Any], values: bool) -> Builder:
    """Return the builder with the operations that led to a Tensor, named after the caller's variables.

    A recorded operation keeps only what its derivative needs, so not all values are known.
    """
    builder = Builder("history", values)
    graph = builder.graph
    labels = _names(builder, dict(variables))
    if target.node is None:
        graph.outputs = [_leaf(builder, target)]
        graph.notes.append("no operation was recorded: this Tensor is a leaf")
        return builder
    order = _reachable(target.node)
    known = _known_values(order, target)
    for made in order:
        if made.saved is None:
            graph.notes.append(
                f"what came before {made.primitive.name} was freed by backward(): draw before it, "
                "or use backward(retain_graph=True)"
            )
        _append(builder, made, known, labels)
    graph.outputs = [builder.numbers[target.node]]
    if values and any(node.value is None and node.shape is not None for node in graph.nodes):
        graph.notes.append("values that no derivative needs were not recorded; tracing the function shows all")
    return builder


def _names(builder: Builder, variables: dict[str, Any]) -> dict[autograd.Node, str]:
    """Name leaves and modules after the variables that hold them; return the names of results."""
    labels: dict[autograd.Node, str] = {}
    modules = {name: thing for name, thing in variables.items() if isinstance(thing, Module)}
    for module_name, module in modules.items():
        builder.name_module(module, "" if len(modules) == 1 else module_name)
    for name, thing in variables.items():
        if isinstance(thing, Tensor) and not name.startswith("_"):
            if thing.node is not None:
                labels.setdefault(thing.node, name)
            elif not isinstance(thing, Parameter):
                builder.name(thing, "input" if thing.requires_grad else "constant", thing.name or name)
    return labels


def _reachable(head: autograd.Node) -> list[autograd.Node]:
    found = {head}
    stack = [head]
    while stack:
        for edge in stack.pop().edges:
            if type(edge) is autograd.Node and edge not in found:
                found.add(edge)
                stack.append(edge)
    return sorted(found, key=lambda node: node.seq)


def _known_values(order: list[autograd.Node], target: Tensor) -> dict[autograd.Node, Any]:
    """Return the values that were saved for some derivative, by the operation that made them."""
    known: dict[autograd.Node, Any] = {}
    for node in order:
        row = node.primitive
        for k, args in enumerate(node.saved or ()):
            if args is None or row is autograd.OUTPUT:
                continue
            for name, value in zip(row.rule_args[0 if row.variadic else k], args):
                if name == "out":
                    known[node] = value
                elif name in row.inputs:
                    whole = enumerate(value) if row.variadic else [(row.inputs.index(name), value)]
                    known.update((edge, v) for j, v in whole if isinstance(edge := node.edges[j], autograd.Node))
    for node in order:  # sums and the like save nothing, but can be computed again
        row = node.primitive
        given = _parameters(node)
        if (
            node in known
            or row is autograd.OUTPUT
            or type(node.shape) is not tuple
            or set(given) != set(row.parameters)
        ):
            continue
        inputs = [known.get(e) if type(e) is autograd.Node else getattr(e, "_data", None) for e in node.edges]
        inputs = [_constant(node, k) if x is None else x for k, x in enumerate(inputs)]
        if inputs and all(x is not None for x in inputs):
            with np.errstate(all="ignore"):
                out = row.forward(*inputs, **given)
                known[node] = out[0] if row.residuals else out
    if target.node is not None:
        known[target.node] = target._data
    return known


def _leaf(builder: Builder, x: Tensor) -> int:
    number = builder.number_of(x)
    if number is not None:
        return number
    number = builder.leaf(x)
    node = builder.graph.nodes[number]
    if node.kind == "parameter" and not isinstance(x, Parameter):
        node.kind = "input"  # which of the leaves is learned, a history does not tell
    return number


def _append(builder: Builder, made: autograd.Node, known: dict, labels: dict) -> None:
    row = made.primitive
    part = row is autograd.OUTPUT
    rules = ["g, and 0 for the other parts"] if part else formulas(row)
    inputs, raw = [], []
    for k, edge in enumerate(made.edges):
        argument = f"{row.inputs[0]}[{k}]" if row.variadic else row.inputs[k]
        constant = _constant(made, k)
        source, text = None, ""
        if isinstance(edge, autograd.Node):
            source, value = builder.numbers[edge], known.get(edge)
            raw.append(value if value is not None else np.empty(edge.shape if type(edge.shape) is tuple else ()))
        elif edge is not None:
            source = _leaf(builder, edge)
            raw.append(edge._data)
        elif isinstance(constant, np.ndarray) and constant.ndim:
            source = builder.add("constant", constant, name=builder.names.get(id(constant), ("", ""))[1]).number
            raw.append(constant)
        else:
            text = "a constant" if constant is None else as_text(constant)
            raw.append(0.0 if constant is None else constant)
        inputs.append(Input(argument, source, text, rules[0 if row.variadic else k]))
    value = known.get(made)
    node = builder.add("operation", None if type(value) is tuple else value, operation=row.name, inputs=inputs)
    if type(made.shape) is tuple:
        node.shape, node.dtype = made.shape, str(made.dtype)
        node.bytes = int(np.prod(made.shape, dtype=int)) * made.dtype.itemsize
    given = _parameters(made)
    node.parameters = parameters_as_text(given, row.parameters)
    if not part and (raw or not row.inputs) and type(made.shape) is tuple:
        node.flops = flops(row, raw, {"subscripts": ""} | given, np.broadcast_to(np.float32(0), made.shape))
    place = getattr(made, "line", "")
    node.line = place.replace("\\", "/").rpartition("/")[2]
    node.name = labels.get(made, "")
    builder.numbers[made] = node.number
    builder.made[node.number] = made


def _constant(made: autograd.Node, k: int) -> Any:
    """Return the value of a constant argument, if some rule saved it."""
    row = made.primitive
    if row is autograd.OUTPUT or row.variadic:
        return None
    for names, args in zip(row.rule_args, made.saved or ()):
        if args is not None and row.inputs[k] in names:
            return args[names.index(row.inputs[k])]
    return None


def _parameters(made: autograd.Node) -> dict[str, Any]:
    row = made.primitive
    if row is autograd.OUTPUT:
        return {"part": made.saved[0][0]} if made.saved else {}
    found: dict[str, Any] = {}
    for k, args in enumerate(made.saved or ()):
        if args is not None:
            pairs = zip(row.rule_args[0 if row.variadic else k], args)
            found |= {name: value for name, value in pairs if name in row.parameters}
    return found
