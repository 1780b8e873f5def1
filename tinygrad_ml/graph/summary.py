"""A table of the layers of a model: shapes, parameters, memory and operations."""

from __future__ import annotations

from typing import Any

from ..modes import no_grad
from ..nn.module import Module
from ..notebook import escaped, table
from .format import plain, shape_text, total
from .graph import Graph
from .show.text import Totals, scope_chain
from .tracing import trace


class Summary:
    """The table of a model's layers; it prints as text.

    Attributes
    ----------
    rows : list of (layer, class, output shape, parameters, bytes, operations)
        In the order of the calls; the first row is the model. Parameters are numbers of elements, a layer's with those
        below it; bytes is the memory of the values that it computes, and operations counts floating-point operations.
    parameters, trainable, bytes, operations : int
        Of the whole model; bytes is the memory of the parameters.
    """

    def __init__(self, model: Module, graph: Graph):
        totals = Totals(graph)
        self.rows: list[tuple[str, str, tuple | None, int, int, int]] = []
        for scope in graph.scopes:
            ends = scope.outputs if scope.parent is not None else graph.outputs
            shape = graph.nodes[ends[0]].shape if ends else None
            depth = len(scope_chain(graph, scope.number)) - 1
            layer = "  " * depth + (plain(scope.name) if depth else type(model).__name__)
            k = scope.number
            facts = totals.count(graph, k), totals.bytes[k], totals.flops[k]
            self.rows.append((layer, scope.type, shape, *facts))
        every = list(model.parameters())
        self.parameters = sum(p.size for p in every)
        self.trainable = sum(p.size for p in every if p.requires_grad)
        self.bytes = sum(p.nbytes for p in every)
        self.operations = totals.flops[0]
        used = sum(total(node.shape) for node in graph.parameters)
        self.unused = self.parameters - used

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = []
        for row in cells:
            texts = [t.ljust(w) if k < 3 else t.rjust(w) for k, (t, w) in enumerate(zip(row, widths))]
            lines.append("  ".join(texts).rstrip())
        rule = "-" * max(map(len, lines))
        lines[1:1] = [rule]
        return "\n".join([*lines, rule, self._total()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = [[row[0].replace(" ", "\N{NO-BREAK SPACE}"), *row[1:]] for row in self._cells()]  # the indent stays
        return f"<div>{table(cells[0], cells[1:], left=3)}<div>{escaped(self._total())}</div></div>"

    def _cells(self) -> list[list[str]]:
        cells = [["layer", "class", "output", "parameters", "memory", "operations"]]
        for layer, kind, shape, parameters, size, flops in self.rows:
            cells.append(
                [layer, kind, shape_text(shape), f"{parameters:,}" if parameters else "-", memory(size), f"{flops:,}"]
            )
        return cells

    def _total(self) -> str:
        frozen = f", {self.parameters - self.trainable:,} of them frozen" if self.trainable != self.parameters else ""
        unused = f", {self.unused:,} of them not used here" if self.unused else ""
        return f"{self.parameters:,} parameters ({memory(self.bytes)}){frozen}{unused}"


def summary(model: Module, *inputs: Any) -> Summary:
    """Return a table of the layers of a model, from one run on an input; it changes nothing in the model.

    Parameters
    ----------
    model : Module
    inputs : Tensors or arrays
        A batch that the model can be called with. It is run as in use, not as in training.

    Returns
    -------
    Summary, which prints as a table: for each layer the shape of its output, its parameters, the memory of the values
    that it computes, and its floating-point operations (a multiplication and an addition are two)

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 2))
    >>> tg.nn.summary(net, tg.ones(5, 4))
    layer       class       output  parameters  memory  operations
    --------------------------------------------------------------
    Sequential  Sequential  5×2             58   360 B         570
      0         Linear      5×8             40   160 B         360
      1         ReLU        5×8              -   160 B          40
      2         Linear      5×2             18    40 B         170
    --------------------------------------------------------------
    58 parameters (232 B)
    """
    if not inputs:
        raise TypeError("summary: give an input too, nn.summary(module, x); zeros of its shape will do")
    training = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with no_grad():
            graph = trace(model, *inputs, backward=False, values=False)
    finally:
        for module, mode in training:
            if module.training != mode:
                module.training = mode
    if graph.error:
        shape = next((x for x in inputs if isinstance(x, tuple) and x and all(type(n) is int for n in x)), None)
        hint = f" (if {shape} is the shape of an input, give tg.zeros{shape})" if shape else ""
        raise RuntimeError(f"summary: {type(model).__name__} failed on this input: {graph.error}{hint}\n\n{graph}")
    return Summary(model, graph)


def memory(n: int) -> str:
    """Return a number of bytes as text.

    >>> from tinygrad_ml.graph.summary import memory
    >>> memory(232), memory(2_500_000)
    ('232 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            break
        n /= 1000  # type: ignore[assignment]
    return f"{n} B" if unit == "B" else f"{n:.3g} {unit}"
