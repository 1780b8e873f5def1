"""The history of a Tensor as a graph: what was recorded when it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...nn.module import Module, Parameter
from ...primitive import OUTPUT, Node, Primitive
from ...tensor import Tensor
from ..format import as_number, as_text, parameters_as_text
from ..formulas import formulas
from ..nodes import Input
from .builder import Builder
from .cost import flops
from .naming import name_among


def trace_history(target: Tensor, variables: Mapping[str, Any], values: bool) -> Builder:
    """Return the builder with the operations that led to a Tensor, named after the caller's variables.

    A recorded operation keeps only what its derivative needs, so not all values are known.
    """
    builder = Builder("history", values)
    graph = builder.graph
    named = {name: thing for name, thing in variables.items() if not name.startswith("_")}
    builder.name_of = lambda array: name_among(named, array)
    labels = _names(builder, named)
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


def _names(builder: Builder, variables: dict[str, Any]) -> dict[Node, str]:
    """Name leaves and modules after the variables that hold them; return the names of results."""
    labels: dict[Node, str] = {}
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


def _reachable(head: Node) -> list[Node]:
    found = {head}
    stack = [head]
    while stack:
        for edge in stack.pop().edges:
            if type(edge) is Node and edge not in found:
                found.add(edge)
                stack.append(edge)
    return sorted(found, key=lambda node: node.seq)


def _known_values(order: list[Node], target: Tensor) -> dict[Node, Any]:
    """Return the values of the operations, as far as they are known."""
    known = _saved_values(order)
    for node in order:  # sums and the like save nothing, but can be computed again
        if node not in known and (value := _computed_again(node, known)) is not None:
            known[node] = value
    if target.node is not None:
        known[target.node] = target._data
    return known


def _saved_values(order: list[Node]) -> dict[Node, Any]:
    """Return the values that were saved for some derivative, by the operation that made them."""
    known: dict[Node, Any] = {}
    for node in order:
        row = node.primitive
        for k, args in enumerate(node.saved or ()):
            for name, value in zip(_rule_args(row, k), args or ()):
                if name == "out":
                    known[node] = value
                elif name in row.inputs:
                    whole = enumerate(value) if row.variadic else [(row.inputs.index(name), value)]
                    known.update((edge, v) for j, v in whole if isinstance(edge := node.edges[j], Node))
    return known


def _computed_again(node: Node, known: dict[Node, Any]) -> Any:
    """Return the value of an operation, computed from its inputs if they are known, or None."""
    row, given = node.primitive, _parameters(node)
    if row is OUTPUT or type(node.shape) is not tuple or set(given) != set(row.parameters):
        return None
    inputs = [known.get(e) if isinstance(e, Node) else getattr(e, "_data", None) for e in node.edges]
    inputs = [_constant(node, k) if x is None else x for k, x in enumerate(inputs)]
    if not inputs or any(x is None for x in inputs):
        return None
    with np.errstate(all="ignore"):
        out = row.forward(*inputs, **given)
    return out[0] if row.residuals else out


def _leaf(builder: Builder, x: Tensor) -> int:
    number = builder.number_of(x)
    if number is not None:
        return number
    number = builder.leaf(x)
    node = builder.graph.nodes[number]
    if node.kind == "parameter" and not isinstance(x, Parameter):
        node.kind = "input"  # which of the leaves is learned, a history does not tell
    return number


def _append(builder: Builder, made: Node, known: dict, labels: dict) -> None:
    row = made.primitive
    rules = formulas(row)
    inputs, raw = [], []
    for k, edge in enumerate(made.edges):
        argument = f"{row.inputs[0]}[{k}]" if row.variadic else row.inputs[k]
        constant = _constant(made, k)
        source, text = None, ""
        if isinstance(edge, Node):
            source, value = builder.numbers[edge], known.get(edge)
            raw.append(value if value is not None else np.empty(edge.shape if type(edge.shape) is tuple else ()))
        elif edge is not None:
            source = _leaf(builder, edge)
            raw.append(edge._data)
        elif isinstance(constant, np.ndarray) and constant.ndim:
            source = builder.number_of(constant)
            if source is None:
                source = builder.constant(constant, 0)
            raw.append(constant)
        else:
            text = "a constant" if constant is None else as_text(constant)
            raw.append(0.0 if constant is None else constant)
        exact = as_number(constant) if text else None
        inputs.append(Input(argument, source, text, rules[0 if row.variadic else k], exact=exact))
    given = _parameters(made)
    arrays = builder.array_parameters(given, 0)
    inputs += arrays
    value = known.get(made)
    node = builder.add("operation", None if type(value) is tuple else value, operation=row.name, inputs=inputs)
    if type(made.shape) is tuple:
        node.shape, node.dtype = made.shape, str(made.dtype)
        node.bytes = int(np.prod(made.shape, dtype=int)) * made.dtype.itemsize
    shown = {name: value for name, value in given.items() if name not in {i.argument for i in arrays}}
    node.parameters = parameters_as_text(shown, row.parameters)
    node.settings = {name: x for name in node.parameters if (x := as_number(shown.get(name))) is not None}
    if row is not OUTPUT and (raw or not row.inputs) and type(made.shape) is tuple:
        node.flops = flops(row, raw, {"subscripts": ""} | given, np.broadcast_to(np.float32(0), made.shape))
    place = getattr(made, "line", "")
    node.line = place.replace("\\", "/").rpartition("/")[2]
    node.name = labels.get(made, "")
    builder.numbers[made] = node.number
    builder.made[node.number] = made


def _rule_args(row: Primitive, k: int) -> tuple[str, ...]:
    """Return what the rule of an input names; a variadic operation has one rule for all."""
    return row.rule_args[0 if row.variadic else k]


def _constant(made: Node, k: int) -> Any:
    """Return the value of a constant argument, if some rule saved it."""
    row = made.primitive
    if row.variadic:
        return None
    for names, args in zip(row.rule_args, made.saved or ()):
        if args is not None and row.inputs[k] in names:
            return args[names.index(row.inputs[k])]
    return None


def _parameters(made: Node) -> dict[str, Any]:
    """Return the parameters of an operation that some rule saved."""
    row = made.primitive
    found: dict[str, Any] = {}
    for k, args in enumerate(made.saved or ()):
        found |= {name: value for name, value in zip(_rule_args(row, k), args or ()) if name in row.parameters}
    return {"part": found["k"]} if row is OUTPUT and found else found
