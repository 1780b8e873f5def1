"""What a graph consists of: nodes, their inputs, and the module calls around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from .values import Values


@dataclass
class Input:
    """One argument of an operation: an edge from the node it comes from, or a constant number.

    Attributes
    ----------
    argument : str
        The name that the operation has for it, like "x" or "weight".
    source : int or None
        The number of the node that made it; None for a constant.
    constant : str
        The constant, as text.
    formula : str
        The gradient that it gets, as a formula of the gradient `g` that arrives at the operation.
    gradient : Values or None
        The gradient that flows back along this edge.
    local : float or None
        The local derivative, if input and output are single numbers.
    """

    argument: str
    source: int | None
    constant: str = ""
    formula: str = ""
    gradient: Values | None = None
    local: float | None = None


@dataclass
class Node:
    """An operation, or a value that no operation made.

    Attributes
    ----------
    number : int
        Its place in the order of the computation, and in `Graph.nodes`.
    kind : "input", "parameter", "buffer", "constant", "operation" or "error"
    operation : str
        The name of the operation; empty for other kinds.
    name : str
        The name of the value, if it has one.
    scope : int
        The number of the module call that it belongs to.
    shape, dtype
        Of the value.
    inputs : list of Input
    parameters : dict of the operation's other arguments, as text
    value, gradient : Values or None
    line, code : str
        Where the user's program calls it ("model.py:12"), and what stands there.
    bytes, flops : int
        The memory of the value, and the number of floating-point operations.
    message : str
        What went wrong here, if something did.
    wrong : list of [index, analytic, numeric]
        The entries that a gradient check found wrong.
    """

    number: int
    kind: str
    operation: str = ""
    name: str = ""
    scope: int = 0
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    inputs: list[Input] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    value: Values | None = None
    gradient: Values | None = None
    line: str = ""
    code: str = ""
    bytes: int = 0
    flops: int = 0
    message: str = ""
    wrong: list[list] = field(default_factory=list)


@dataclass
class Scope:
    """One call of a module: a box that holds nodes and other boxes. Number 0 is the whole computation.

    Attributes
    ----------
    number : int
    parent : int or None
    name : str
        Within the parent, like "layers.0"; a second call of the same module is called "layers.0 (2)".
    path : str
        The whole name of the module, like "encoder.layers.0".
    type : str
        The class of the module.
    outputs : list of the numbers of the nodes that it returned
    """

    number: int
    parent: int | None
    name: str
    path: str
    type: str
    outputs: list[int] = field(default_factory=list)


def compact(thing: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as JSON can hold them."""
    data: dict[str, Any] = {}
    for f in fields(thing):
        value = getattr(thing, f.name)
        default = f.default_factory() if isinstance(f.default_factory, Callable) else f.default  # type: ignore
        if f.name == "number" or (value == default and type(value) is type(default)):
            continue
        if isinstance(value, Values):
            value = value.as_data()
        elif f.name == "inputs":
            value = [compact(i) for i in value]
        elif f.name == "local" and value - value != 0:
            value = str(value)
        data[f.name] = value
    return data


def expand(what: type, /, **data: Any) -> Any:
    """Return the node, or input, of which `compact` made that."""
    for name in ("value", "gradient"):
        if name in data:
            data[name] = Values.from_data(data[name])
    if data.get("shape") is not None:
        data["shape"] = tuple(data["shape"])
    if "local" in data:
        data["local"] = float(data["local"])
    if "inputs" in data:
        data["inputs"] = [expand(Input, **i) for i in data["inputs"]]
    return what(**data)
