"""Building a Graph node by node: each value is found again as the output of the node that made it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...nn.module import Buffer, Module, Parameter
from ...primitive import OUTPUT, Node
from ...tensor import Tensor
from ..format import as_number, as_text, parameters_as_text
from ..formulas import formulas
from ..graph import Graph
from ..nodes import GraphNode, Input
from ..values import ArraySummary
from .cost import flops
from .naming import same_elements


class Builder:
    """Writes nodes into a Graph. It keeps a reference to every value, so that ids stay unique."""

    def __init__(self, title: str, values: bool = True):
        self.graph = Graph(title)
        self.values = values
        self.names: dict[int, tuple[str, str]] = {}  # id of a leaf's array -> its kind and name
        self.numbers: dict[Any, int] = {}  # recorded node, or id of an array -> number of the graph's node
        self.made: dict[int, Node | Tensor] = {}  # number -> what the gradient is asked for
        self.alive: list[Any] = []
        self.whole: dict[int, np.ndarray] = {}  # number -> the array of integers or truth values that a leaf is
        self.computed: dict[int, np.ndarray] = {}  # the same of results
        self.name_of: Callable[[np.ndarray], str] = lambda array: ""  # how the program calls an array

    def name(self, thing: Tensor | np.ndarray, kind: str, name: str) -> None:
        """Give a leaf a name, unless it has one."""
        array = thing._data if isinstance(thing, Tensor) else thing
        if id(array) not in self.names:
            self.names[id(array)] = (kind, name)
            self.alive.append(array)

    def name_module(self, module: Module, prefix: str = "") -> None:
        """Name the parameters and buffers of a module, as its state_dict does."""
        for kind, things in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
            for name, thing in things:
                self.name(thing, kind, f"{prefix}.{name}" if prefix else name)

    # ------------------------------------------------------------------ nodes

    def add(self, kind: str, value: Any = None, **about: Any) -> GraphNode:
        """Append a node."""
        node = GraphNode(len(self.graph.nodes), kind, **about)
        if value is not None:
            node.shape = tuple(np.shape(value))
            node.dtype = str(getattr(value, "dtype", ""))
            node.bytes = getattr(value, "nbytes", 0)
            if self.values:
                node.value = ArraySummary.of(value)
        self.graph.nodes.append(node)
        return node

    def number_of(self, x: Any) -> int | None:
        """Return the number of the node that stands for a Tensor or an array, if there is one."""
        if isinstance(x, Tensor):
            return self.numbers.get(_key(x) if x.node is None else x.node)
        return self.numbers.get(id(x)) if isinstance(x, np.ndarray) else None

    def remember(self, x: Tensor, node: GraphNode) -> None:
        """Register a value as the output of this node."""
        self.numbers[_key(x)] = node.number
        self.alive += (x, x._data)
        if x.node is not None:
            self.numbers[x.node] = node.number
        if x.requires_grad:
            self.made[node.number] = x.node or x

    def leaf(self, x: Tensor, scope: int = 0) -> int:
        """Return the number of the node of a Tensor that no operation seen here made."""
        kind, name = self.names.get(id(x._data), ("", ""))
        if not kind:
            kind = "parameter" if x.requires_grad else "constant"
            if isinstance(x, (Parameter, Buffer)):
                kind = "parameter" if isinstance(x, Parameter) else "buffer"
        name = name or x.name or ""
        if not name and kind == "constant" and x.ndim:
            name = self.name_of(x._data)
        node = self.add(kind, x._data, name=name, scope=scope)
        self.remember(x, node)
        self._keep_whole(node, x._data)
        return node.number

    def constant(self, array: np.ndarray, scope: int) -> int:
        """Return the number of the node of an array."""
        name = self.names.get(id(array), ("", ""))[1] or self.name_of(array)
        node = self.add("constant", array, name=name, scope=scope)
        self.numbers[id(array)] = node.number
        self.alive.append(array)
        self._keep_whole(node, array)
        return node.number

    def _keep_whole(self, node: GraphNode, array: np.ndarray) -> None:
        """Remember a leaf that can be an index or a target, so that it is found again in a copy."""
        if array.ndim and array.dtype.kind in "iub":
            self.whole[node.number] = array

    def array_parameters(self, parameters: dict[str, Any], scope: int) -> list[Input]:
        """Return edges for the parameters of an operation that are arrays: the indices of an embedding, a target.

        Only such as come from a leaf or a result, or have a name in the program; what an operation has made for itself
        is no edge.
        """
        found = []
        for name, value in parameters.items():
            array = value._data if isinstance(value, Tensor) else value
            if not isinstance(array, np.ndarray) or not array.ndim:
                continue
            source = self.number_of(value)
            if source is None:  # a copy: of a leaf, or of what was computed last
                known = [*self.whole.items(), *reversed(self.computed.items())]
                source = next((k for k, whole in known if same_elements(whole, array)), None)
            if source is None and self.name_of(array):
                source = self.constant(array, scope)
            if source is not None:
                found.append(Input(name, source))
        return found

    def inputs(self, primitive: Any, arguments: Sequence, scope: int) -> list[Input]:
        """Return the edges of an operation; leaves that are seen for the first time become nodes."""
        found = []
        rules = formulas(primitive)
        for k, x in enumerate(arguments):
            argument = f"{primitive.inputs[0]}[{k}]" if primitive.variadic else primitive.inputs[k]
            formula = rules[0 if primitive.variadic else k]
            source = self.number_of(x)
            if source is None and isinstance(x, Tensor):
                source = self.leaf(x, scope)
            elif source is None and isinstance(x, np.ndarray) and x.ndim:
                source = self.constant(x, scope)
            constant = ("", None) if source is not None else (as_text(x), as_number(x))
            found.append(Input(argument, source, constant[0], formula, exact=constant[1]))
        return found

    def operation(
        self, primitive: Any, arguments: Sequence, parameters: dict, output: Any, scope: int = 0, **about: Any
    ) -> None:
        """Append an operation, and one more node for each part of an output that has several."""
        arguments, parameters = primitive.bind(tuple(arguments), dict(parameters))
        edges = self.inputs(primitive, arguments, scope)
        arrays = self.array_parameters(parameters, scope)
        edges += arrays
        shown = {k: v for k, v in parameters.items() if k not in {i.argument for i in arrays}}
        given = parameters_as_text(shown, primitive.parameters)
        settings = {k: x for k in given if (x := as_number(shown.get(k))) is not None}
        raw = [x._data if isinstance(x, Tensor) else x for x in arguments]
        several = type(output) is tuple
        value = None if several else output._data
        node = self.add(
            "operation",
            value,
            operation=primitive.name,
            inputs=edges,
            parameters=given,
            settings=settings,
            scope=scope,
            **about,
        )
        node.flops = flops(primitive, raw, parameters, output[0]._data if several else value)
        if not several:
            self.remember(output, node)
            if node.shape and output.dtype.kind in "iu":
                self.computed[node.number] = output._data
            return
        for k, part in enumerate(output):
            if k == 0 and part.node is not None:
                self.made[node.number] = part.node.edges[0]
            edge = Input(OUTPUT.inputs[0], node.number, formula=formulas(OUTPUT)[0])
            each = self.add(
                "operation",
                part._data,
                operation=OUTPUT.name,
                inputs=[edge],
                parameters={"part": str(k)},
                scope=scope,
                **about,
            )
            self.remember(part, each)


# ---------------------------------------------------------------------- small things


def _key(x: Tensor) -> int:
    """Return what identifies a value: its array, which a Tensor can hand on; but there is only one np.True_."""
    return id(x if isinstance(x._data, np.bool_) else x._data)


def tensors_in(result: Any) -> Iterator[Tensor]:
    """Yield the Tensors in a result: one, or any nesting of tuples, lists and dicts."""
    stack = [result]
    while stack:
        thing = stack.pop()
        if isinstance(thing, Tensor):
            yield thing
        elif isinstance(thing, dict):
            stack += list(thing.values())[::-1]
        elif isinstance(thing, (tuple, list)):
            stack += list(thing)[::-1]


def variables_of(function: Any) -> dict[str, Any]:
    """Return the variables that a function uses from outside: of its closure, its globals, or its object."""
    function = getattr(function, "func", function)  # functools.partial
    owner = getattr(function, "__self__", None)
    found: dict[str, Any] = {"self": owner} if owner is not None else {}
    function = getattr(function, "__func__", function)
    if inspect.isfunction(function):
        try:
            outside = inspect.getclosurevars(function)
        except ValueError:  # a cell that is still empty
            return found
        found |= {**outside.globals, **outside.nonlocals}
    return found


def argument_names(function: Any, count: int) -> list[str]:
    """Return the names of the first positional arguments of a function, or "input 0" and so on."""
    primitive = getattr(function, "primitive", None)
    try:
        names = list(primitive.inputs) if primitive else list(inspect.signature(function).parameters)
        rest = next(
            (p.name for p in inspect.signature(function).parameters.values() if p.kind is p.VAR_POSITIONAL), None
        )
    except (TypeError, ValueError):
        names, rest = [], None
    if rest is not None and not (primitive and not primitive.variadic):
        at = names.index(rest) if rest in names else 0
        names = names[:at] + [f"{rest}[{k}]" for k in range(count - at)]
    return [names[k] if k < len(names) else f"input {k}" for k in range(count)]
