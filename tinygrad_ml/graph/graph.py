"""Graph: a computation as plain data, numbered in the order in which it ran."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..foreign_names import missing, unknown_argument
from .diff import Difference
from .nodes import GraphData
from .show.animate import animate
from .show.dot import to_dot
from .show.explorer import explorer
from .show.mermaid import to_mermaid
from .show.render import mimebundle, render, svg_or_none, to_svg
from .show.text import listing, tree
from .show.tikz import to_tikz

WRONG_ENTRIES = 50  # of one node that are kept
OPTIONS = ("depth", "gradients", "theme", "direction", "share", "limit", "repeats", "title", "legend")  # of a picture


class Graph(GraphData):
    """A computation as plain data: nodes in the order in which they ran, and the module calls around them.

    Printing it gives a listing, a notebook shows it as a picture. `graph == other` compares operations, shapes,
    names and values (to a tolerance of 1e-4), so that a test can keep a golden one; `diff` tells the differences.

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

    Examples
    --------
    >>> graph = tg.graph.trace(lambda x: x * x + 1, 3.0)
    >>> [node.operation or node.name for node in graph.nodes]
    ['x', 'multiply', 'add']
    >>> graph.nodes[0].gradient.numbers
    [6.0]
    >>> tg.graph.Graph.from_json(graph.to_json()) == graph
    True
    """

    faults = GraphData.non_finite  # its name before

    if not TYPE_CHECKING:  # which knows what there is

        def __getattr__(self, name: str) -> Any:
            raise missing("Graph", name, self, "'Graph' object")

    # ------------------------------------------------------------------ as text

    def __str__(self) -> str:
        return listing(self)

    def __repr__(self) -> str:
        return str(self) if len(self.nodes) <= 200 else f"<graph of {self.title}: {len(self.nodes):,} nodes>"

    def tree(self, depth: int | None = None) -> str:
        """Return the module calls as an indented tree, with shapes, parameters and operations.

        Examples
        --------
        >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU())
        >>> print(tg.graph.trace(net, tg.ones(5, 4)).tree())
        Sequential    5×8  40 parameters  400 flops
        ├─ 0: Linear  5×8  40 parameters  360 flops
        │  └─ affine  5×8                 360 flops
        └─ 1: ReLU    5×8                  40 flops
           └─ relu    5×8                  40 flops
        """
        return tree(self, depth)

    # ------------------------------------------------------------------ as pictures

    def to_dot(self, **options: Any) -> str:
        """Return the picture in Graphviz's language; it needs no Graphviz. The options are those of `render`.

        Examples
        --------
        >>> tg.graph.trace(lambda x: x * x, 3.0).to_dot().splitlines()[0]
        'digraph {'
        """
        refuse_unknown("to_dot", options, OPTIONS)
        return to_dot(self, **options)

    def render(self, path: str | Path, **options: Any) -> Path:
        """Draw the graph into a file, whose ending (.svg, .png, .pdf, ...) says in which format; return its path.

        Parameters
        ----------
        path : str or Path
        depth : int, optional
            Fold the modules that are nested deeper. By default as many levels are shown as `limit` allows, and layers
            such as a pooling, a dropout or a recurrent network are one box each.
        gradients : bool
            Show the gradients, if the graph has them (the default).
        theme : "light", "dark" or "print"
        direction : "down", "up" or "right", optional
            Where the computation flows; by default down, or to the right if the picture would be a tower.
        share : bool
            Draw a shared parameter once, with an edge to every use; by default once per use, which is easier to read.
        limit : int
            The number of boxes, about 40, from which on repeats are drawn once and deeper modules are folded.
        repeats : "fold" or "unroll"
            Whether operations that repeat (a loop over time, equal layers) are drawn once if there are more than
            `limit` boxes, with a chart of the gradient and the value of each repetition.
        title : str
            A title above the picture.
        legend : bool
            What the colours and signs mean, below the picture: in files, but not in a notebook or by `to_svg`, unless
            it is asked for.

        Raises
        ------
        RuntimeError
            If there is no Graphviz: neither its program `dot` nor the package pygraphviz; it says how to get one.
            A .html page needs none of them, as it can lay itself out.
        """
        refuse_unknown("render", options, OPTIONS)
        return render(self, path, **options)

    def to_svg(self, **options: Any) -> str:
        """Return the picture as SVG text. The options and errors are those of `render`."""
        refuse_unknown("to_svg", options, OPTIONS)
        return to_svg(self, **options)

    def to_mermaid(self, **options: Any) -> str:
        """Return the picture in the language of Mermaid, which wikis and README files render; it needs no Graphviz.

        The options are those of `render`, but for `legend`. There is one colour for each kind of node; the size of a
        gradient is a number.

        Examples
        --------
        >>> print(tg.graph.trace(lambda x: tg.sin(x), 3.0, backward=False).to_mermaid().partition("classDef")[0])
        flowchart TD
        n0(["x<br/>3"])
        n1("<b>sin</b><br/>0.141")
        n0 --> n1
        """
        refuse_unknown("to_mermaid", options, OPTIONS[:-1])
        return to_mermaid(self, **options)

    def to_tikz(self, *, document: bool = False, **options: Any) -> str:
        """Return the picture for LaTeX: a tikzpicture, which needs the package tikz; Graphviz places its parts.

        Parameters
        ----------
        document : bool
            Return a whole document of one page instead, which any LaTeX compiles.
        options : those of `render`, but for `legend`

        Raises
        ------
        RuntimeError
            If there is no Graphviz; it says how to get it.
        """
        refuse_unknown("to_tikz", options, OPTIONS[:-1])
        return to_tikz(self, document=document, **options)

    def animate(self, path: str | Path, *, seconds: float = 1.0, **options: Any) -> Path:
        """Write a moving picture: forward, then backward, one operation a frame; return its path.

        Parameters
        ----------
        path : str or Path
            Its ending is .gif or .webp.
        seconds : float
            For which each frame is shown; the last one three times as long.
        options : those of `render`, but for `title` and `legend`

        Raises
        ------
        ImportError
            If Pillow is not installed; it says how to get it.
        RuntimeError
            If there is no Graphviz; it says how to get it.
        """
        refuse_unknown("animate", options, OPTIONS[:-2])
        return animate(self, path, seconds=seconds, **options)

    def _repr_svg_(self) -> str | None:
        return svg_or_none(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return mimebundle(self)

    def explorer(self, path: str | Path, **options: Any) -> Path:
        """Write a page to look around in the graph and to step through backpropagation; return its path.

        It is one file that needs no network and no Graphviz: it lays out in the browser, which also folds and unfolds,
        searches, and computes anew when a scalar input is changed.

        Parameters
        ----------
        path : str or Path
        options : those of `render`
            By default the theme is that of the reader's system, and the direction the one that suits the screen.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = tg.graph.trace(lambda x: x * x, 3.0).explorer(f"{folder}/square.html")
        >>> page.name
        'square.html'
        """
        refuse_unknown("explorer", options, OPTIONS)
        return explorer(self, path, **options)

    # ------------------------------------------------------------------ comparing

    def diff(self, other: Graph, *, rtol: float = 1e-4, atol: float = 1e-6) -> Difference:
        """Return what differs in another graph: it is truthy if something does, prints as text and draws as a picture.

        Examples
        --------
        >>> before = tg.graph.trace(lambda x: tg.tanh(x * 2), 1.0, backward=False)
        >>> after = tg.graph.trace(lambda x: tg.sin(x * 2), 1.0, backward=False)
        >>> print(before.diff(after))
        1 node removed, 1 added:
        - %2: float32 () = tanh(%1)
        + %2: float32 () = sin(%1)
        """
        return Difference(self, other, rtol, atol)

    def __eq__(self, other: object) -> bool:
        return not self.diff(other) if isinstance(other, Graph) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def mark(self, report: Any) -> Graph:
        """Paint what was found wrong on the nodes and modules that it concerns; return the graph.

        Parameters
        ----------
        report : Report, GradientCheckError, Doctor or list of Finding
            From `tg.testing.gradcheck` of the same function and inputs, or from `tg.train.Doctor` of the same module.

        Examples
        --------
        >>> wrong = tg.autograd.elementwise(lambda x: x * x, "x * x, badly.", name="bad", x=lambda g, x: g * x)
        >>> graph = tg.graph.trace(lambda x: wrong(x), [1.0, 2.0])
        >>> try:
        ...     tg.testing.gradcheck(lambda x: wrong(x), [1.0, 2.0])
        ... except tg.testing.GradientCheckError as error:
        ...     graph.mark(error)["x"].wrong
        [[[1], 2.0, 4.0], [[0], 1.0, 2.0]]
        """
        report = getattr(report, "report", report)
        findings = report if isinstance(report, (list, tuple)) else getattr(report, "findings", None)
        if findings is not None:
            for finding in findings:
                self._note(finding.layer, f"{finding.illness}: {finding.meaning}")
            return self
        inputs = [node for node in self.nodes if node.kind == "input"]
        for comparison in report.comparisons:
            if not comparison.wrong.any():
                continue
            named = [node for node in self.nodes if node.name == comparison.name and not node.inputs]
            if not named and len(inputs) == 1 and comparison.name == "input":
                named = inputs
            entries: dict[tuple, list] = {}
            for _, index, _, analytic, numeric, _, _ in comparison.table():
                entries.setdefault(index, [list(index), analytic, numeric])
            for node in named:
                node.wrong = list(entries.values())[:WRONG_ENTRIES]
                total = int(comparison.wrong.any(axis=0).sum())
                node.message = f"gradcheck: {total:,} of {comparison.value.size:,} entries wrong"
            if not named:
                self.notes.append(f"gradcheck found wrong entries in {comparison.name!r}, which is not in this graph")
        return self

    def _note(self, layer: str, message: str) -> None:
        """Write a message on the calls of a module, and below the picture, in which these may be folded."""
        scopes = [scope for scope in self.scopes if scope.path == layer] if layer else []
        for scope in scopes:
            inside = [node for node in self.nodes if node.scope == scope.number]
            # what has one operation is drawn without a box around it
            place: Any = inside[0] if len(inside) == 1 and inside[0].kind == "operation" else scope
            if message not in place.message:
                place.message = f"{place.message}; {message}" if place.message else message
        self.notes.append(f"{layer!r}: {message}" if layer else message)


def refuse_unknown(function: str, options: Iterable[str], known: Iterable[str] = OPTIONS) -> None:
    """Raise TypeError, with the options that there are, if one of a picture is unknown."""
    for name in options:
        if name not in known:
            raise unknown_argument(function, name, known)
