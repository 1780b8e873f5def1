"""A graph as plain data: nodes, their inputs, and the module calls around them; look-up, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from .values import ArraySummary

VERSION = 1  # of the JSON
G = TypeVar("G", bound="GraphData")


@dataclass
class Input:
    """One argument of an operation: an edge from the node it comes from, or a constant.

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
    gradient : ArraySummary or None
        The gradient that flows back along this edge.
    local : float or None
        The local derivative, if input and output have one element each.
    exact : float or None
        The constant exactly, if it is one finite real number.
    """

    argument: str
    source: int | None
    constant: str = ""
    formula: str = ""
    gradient: ArraySummary | None = None
    local: float | None = None
    exact: float | None = None


@dataclass
class GraphNode:
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
    settings : dict of those of them that are one finite real number each, exactly
    value, gradient : ArraySummary or None
    line, code : str
        Where the user's program calls it ("model.py:12"), and the source of that line.
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
    settings: dict[str, float] = field(default_factory=dict)
    value: ArraySummary | None = None
    gradient: ArraySummary | None = None
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
    whole : bool
        Whether it is drawn as one box: what goes on inside is nothing that a reader asks for.
    about : str
        What the module says of itself, like "p=0.5".
    message : str
        What is wrong with it, if something is.
    """

    number: int
    parent: int | None
    name: str
    path: str
    type: str
    outputs: list[int] = field(default_factory=list)
    whole: bool = False
    about: str = ""
    message: str = ""


Node = GraphNode  # its name before


class GraphData:
    """A computation as plain data: nodes in the order in which they ran, and the module calls around them.

    Attributes
    ----------
    title : str
    nodes : list of GraphNode
    scopes : list of Scope
    outputs : list of the numbers of the nodes that are the result
    notes : list of str
        What a reader should know, such as what was left out.
    error : str
        The exception that ended the computation, or nothing.
    """

    def __init__(self, title: str = ""):
        self.title = title
        self.nodes: list[GraphNode] = []
        self.scopes: list[Scope] = [Scope(0, None, "", "", "")]
        self.outputs: list[int] = []
        self.notes: list[str] = []
        self.error = ""

    def __getitem__(self, name: str) -> GraphNode:
        """Return the node with that name, or the first one of that operation."""
        for what in ("name", "operation"):
            for node in self.nodes:
                if getattr(node, what) == name:
                    return node
        raise KeyError(f"no node of this graph is called {name!r}")

    @property
    def operations(self) -> list[GraphNode]:
        """The nodes that are operations, in the order in which they ran."""
        return [node for node in self.nodes if node.kind == "operation"]

    @property
    def parameters(self) -> list[GraphNode]:
        """The nodes that are parameters."""
        return [node for node in self.nodes if node.kind == "parameter"]

    @property
    def edges(self) -> list[tuple[int, int, str]]:
        """The edges as (from, to, argument); `x * x` has two."""
        return [(i.source, n.number, i.argument) for n in self.nodes for i in n.inputs if i.source is not None]

    def non_finite(self) -> list[GraphNode]:
        """Return the nodes at which NaN or infinity begins: first in the values, then in the gradients.

        Examples
        --------
        >>> with np.errstate(divide="ignore"):
        ...     graph = tg.graph.trace(lambda x: tg.log(x).exp().sum(), [0.0, 1.0])
        >>> [node.operation for node in graph.non_finite()]
        ['log']
        """
        value, gradient = self._first_non_finite_value(), self._first_non_finite_gradient()
        return [node for node in ([value] if gradient is value else [value, gradient]) if node is not None]

    def _first_non_finite_value(self) -> GraphNode | None:
        """Return the first node whose value is not finite though those of its inputs are."""
        bad = [node.value is not None and not node.value.finite for node in self.nodes]
        for node in self.nodes:
            if bad[node.number] and not any(bad[i.source] for i in node.inputs if i.source is not None):
                return node
        return None

    def _first_non_finite_gradient(self) -> GraphNode | None:
        """Return the first node, going back, that sends on a gradient that is not finite though one that is arrived."""
        for node in reversed(self.nodes):
            sent = [i.gradient for i in node.inputs if i.gradient is not None]
            if any(not g.finite for g in sent) and (node.gradient is None or node.gradient.finite):
                return node
        return None

    # ------------------------------------------------------------------ as JSON

    def to_json(self) -> str:
        """Return all of it as JSON."""
        data = {name: getattr(self, name) for name in ("title", "outputs", "notes", "error")}
        data |= {"version": VERSION, "scopes": [asdict(scope) for scope in self.scopes]}
        data["nodes"] = [compact(node) for node in self.nodes]
        return json.dumps(data, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls: type[G], text: str) -> G:
        """Return the graph that `to_json` was called on."""
        data = json.loads(text)
        if data.get("version") != VERSION:
            raise ValueError(f"this is no graph of version {VERSION}: its version is {data.get('version')}")
        graph = cls()
        for name in ("title", "outputs", "notes", "error"):
            setattr(graph, name, data[name])
        graph.scopes = [Scope(**scope) for scope in data["scopes"]]
        graph.nodes = [expand(GraphNode, number=i, **node) for i, node in enumerate(data["nodes"])]
        return graph


# ---------------------------------------------------------------------- nodes and inputs as JSON can hold them


def compact(thing: Any) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as JSON can hold them."""
    data: dict[str, Any] = {}
    for f in fields(thing):
        value = getattr(thing, f.name)
        default = f.default_factory() if isinstance(f.default_factory, Callable) else f.default  # type: ignore
        if f.name == "number" or (value == default and type(value) is type(default)):
            continue
        if isinstance(value, ArraySummary):
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
            data[name] = ArraySummary.from_data(data[name])
    if data.get("shape") is not None:
        data["shape"] = tuple(data["shape"])
    if "local" in data:
        data["local"] = float(data["local"])
    if "inputs" in data:
        data["inputs"] = [expand(Input, **i) for i in data["inputs"]]
    return what(**data)
