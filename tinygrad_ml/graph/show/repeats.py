"""Repeats in a graph: the same operations in the same modules, several times in a row.

A loop over time, a hand-written cell, five hundred equal layers: each is found as a stretch of operations and calls
that is followed by an equal one, whatever its length. Of such a run one repetition is drawn, in a box of its own, and
of all of them the size of their values and gradients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from ..format import plain
from ..nodes import GraphData, GraphNode, Scope
from ..values import ArraySummary
from .text import children

FEWEST = 3  # repetitions
FEWEST_PARALLEL = 8  # of such as do not follow from one another
LONGEST = 2000  # items of one repetition that are looked for
NAMED = 3  # items that are named in a title


@dataclass
class Repeat(Scope):
    """A box around one repetition, which stands for all of them.

    Attributes
    ----------
    members : for each repetition the numbers of its operations
    gradients, values : for each repetition the summary at what it hands on
    calls : list of int
        The calls that are all of a repetition each, and so need no boxes within that of the repeat.
    """

    members: list[list[int]] = field(default_factory=list)
    gradients: list[ArraySummary | None] = field(default_factory=list)
    values: list[ArraySummary | None] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


@dataclass
class Rolled:
    """A graph with boxes around its repeats.

    Attributes
    ----------
    graph : GraphData
        With the repeats as further scopes; its nodes have the numbers that they had.
    stands : dict from the number of a node that is not drawn to that of the node that stands for it
    place : dict from the number of a node to its (repeat, repetition), for all repeats that it is in
    homes : list of the number of the call or repeat that each node lies in, if all repetitions are drawn
    parents : list of the number of that which each call or repeat lies in then
    """

    graph: GraphData
    stands: dict[int, int] = field(default_factory=dict)
    place: dict[int, dict[int, int]] = field(default_factory=dict)
    homes: list[int] = field(default_factory=list)
    parents: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.homes = self.homes or [node.scope for node in self.graph.nodes]
        self.parents = self.parents or [scope.parent for scope in self.graph.scopes]

    def first(self, number: int) -> int:
        """Return the node that does in the first repetition what this one does in the one that is drawn."""
        for repeat, k in self.place.get(number, {}).items():
            members = self.graph.scopes[repeat].members  # type: ignore[attr-defined]
            number = members[0][members[k].index(number)]
        return number

    def carried(self, source: int, target: int) -> bool:
        """Whether an edge goes from one repetition to another of the same repeat."""
        mine = self.place.get(source, {})
        return any(mine.get(repeat, k) != k for repeat, k in self.place.get(target, {}).items())


@dataclass
class _Item:
    """An operation, a call or a repeat, among those of one scope."""

    key: int  # equal for what is equal
    nodes: list[int]
    name: str  # for a title
    thing: GraphNode | Scope
    content: list[_Item] = field(default_factory=list)  # of a call


def rolled(graph: GraphData) -> Rolled:
    """Return the graph with its repeats found."""
    return _Roller(graph).run()


class _Roller:
    def __init__(self, graph: GraphData):
        self.graph = graph
        self.keys: dict[tuple, int] = {}
        self.scopes: list[Scope] = [replace(scope) for scope in graph.scopes]
        self.scope_of = [node.scope for node in graph.nodes]
        self.homes, self.parents = list(self.scope_of), [scope.parent for scope in graph.scopes]
        self.repeats: list[Repeat] = []
        self.used_by: list[list[int]] = [[] for _ in graph.nodes]
        for node in graph.nodes:
            for i in node.inputs:
                if i.source is not None:
                    self.used_by[i.source].append(node.number)

    def run(self) -> Rolled:
        below = children(self.graph)
        inside: dict[int, list[_Item]] = {}
        for scope in reversed(self.graph.scopes):  # a parent has the smaller number
            items = []
            for thing in below[scope.number]:
                if isinstance(thing, GraphNode):
                    items.append(self._operation(thing))
                else:
                    items.append(self._call(thing, inside.pop(thing.number)))
            inside[scope.number] = self._roll(items, scope.number)
        graph = type(self.graph)(self.graph.title)
        graph.outputs, graph.notes, graph.error = self.graph.outputs, self.graph.notes, self.graph.error
        graph.scopes = self.scopes
        graph.nodes = [
            node if node.scope == scope else replace(node, scope=scope)
            for node, scope in zip(self.graph.nodes, self.scope_of)
        ]
        found = Rolled(graph, homes=self.homes, parents=self.parents)
        for repeat in self.repeats:  # the inner ones first
            last = repeat.members[-1]
            for k, member in enumerate(repeat.members):
                for number, stands in zip(member, last):
                    found.place.setdefault(number, {})[repeat.number] = k
                    if number != stands:
                        found.stands.setdefault(number, stands)
        for number in found.stands:
            while found.stands[number] in found.stands:
                found.stands[number] = found.stands[found.stands[number]]
        return found

    def _operation(self, node: GraphNode) -> _Item:
        return _Item(
            self._key(node.operation, node.shape, *(i.source is None for i in node.inputs)),
            [node.number],
            node.operation,
            node,
        )

    def _call(self, scope: Scope, items: list[_Item]) -> _Item:
        nodes = [number for item in items for number in item.nodes]
        return _Item(self._key("", scope.type, *(item.key for item in items)), nodes, scope.type, scope, items)

    def _key(self, *parts: object) -> int:
        return self.keys.setdefault(parts, len(self.keys))

    # ------------------------------------------------------------------ runs

    def _roll(self, items: list[_Item], parent: int) -> list[_Item]:
        """Replace runs of equal stretches by repeats, the shortest first, until there are none."""
        period = 1
        while period <= min(len(items) // FEWEST, LONGEST):
            keys = np.array([item.key for item in items])
            rolled: list[_Item] = []
            done = 0
            for start, count in _runs(keys, period):
                for first, n in self._alike(items, max(start, done), period, count - _lost(start, done, period)):
                    rolled += items[done:first]
                    rolled.append(self._repeat(items[first : first + n * period], period, parent))
                    done = first + n * period
            if done:
                items = rolled + items[done:]
                period = 0  # what is one item now may be part of a shorter stretch
            period += 1
        return items

    def _alike(self, items: list[_Item], start: int, period: int, count: int) -> Iterable[tuple[int, int]]:
        """Return the parts of a run in which repetitions are connected alike, as pairs of their start and length."""
        if count < FEWEST:
            return
        parts = [items[start + k * period : start + (k + 1) * period] for k in range(count)]
        nodes = [[number for item in part for number in item.nodes] for part in parts]
        inside = [self._inside(numbers) for numbers in nodes]
        begin = 0
        for k in range(1, count + 1):
            if k < count and inside[k] == inside[begin]:
                continue
            n = k - begin
            if n >= FEWEST_PARALLEL or (n >= FEWEST and self._follow(nodes[begin:k])):
                yield start + begin * period, n
            begin = k

    def _inside(self, numbers: list[int]) -> list[tuple[int, ...]]:
        """Return for each operation of a repetition where its inputs come from within it."""
        place = {number: j for j, number in enumerate(numbers)}
        return [tuple([place.get(i.source, -1) for i in self.graph.nodes[n].inputs]) for n in numbers]  # type: ignore[arg-type]

    def _follow(self, repetitions: list[list[int]]) -> bool:
        """Whether each repetition takes in something of the one before it."""
        for before, after in pairwise(repetitions):
            made = set(before)
            if not any(i.source in made for n in after for i in self.graph.nodes[n].inputs):
                return False
        return True

    def _repeat(self, items: list[_Item], period: int, parent: int) -> _Item:
        count = len(items) // period
        parts = [items[k * period : (k + 1) * period] for k in range(count)]
        members = [[number for item in part for number in item.nodes] for part in parts]
        last = parts[-1]
        repeat = Repeat(len(self.scopes), parent, f"{count} ×", "", _title(last))
        self.scopes.append(repeat)
        self.parents.append(parent)
        alone = period == 1 and bool(last[0].content)
        for item in items:  # a call that is all of a repetition needs no box within that of the repeat
            self._move(item, repeat.number, alone)
        if alone:
            call = self.scopes[last[0].thing.number]
            names = {self.scopes[item.thing.number].path for item in items}
            repeat.path, repeat.outputs = call.path, call.outputs
            repeat.calls = [item.thing.number for item in items]
            if len(names) == 1 and call.path:
                repeat.name = f"{count} × {plain(_uncounted(call.name))}"
        for j, item in enumerate(last):  # without the count of the call, or the number of the layer
            if not isinstance(item.thing, GraphNode):
                here = {_uncounted(self.scopes[part[j].thing.number].name) for part in parts}
                self.scopes[item.thing.number].name = here.pop() if len(here) == 1 else ""
        repeat.members = members
        handed_on = self._handed_on(members)
        repeat.outputs = repeat.outputs or [members[-1][handed_on]]
        at = [self.graph.nodes[member[handed_on]] for member in members]
        repeat.gradients, repeat.values = [node.gradient for node in at], [node.value for node in at]
        self.repeats.append(repeat)
        key = self._key("repeat", count, *(item.key for item in last))
        return _Item(key, [number for member in members for number in member], f"{count} × {repeat.type}", repeat)

    def _move(self, item: _Item, into: int, content: bool) -> None:
        """Put an operation or a call into the box of a repeat, or only what is in it."""
        for thing in [inner.thing for inner in item.content] if content else [item.thing]:
            if isinstance(thing, GraphNode):
                self.scope_of[thing.number] = into
            else:
                self.scopes[thing.number].parent = into
        if isinstance(item.thing, GraphNode):
            self.homes[item.thing.number] = into
        else:
            self.parents[item.thing.number] = into

    def _handed_on(self, members: list[list[int]]) -> int:
        """Return which operation of a repetition others use, the last of them."""
        member = members[-2]  # of the last one only the whole result may be used
        own = set(member)
        for j in range(len(member) - 1, -1, -1):
            if (
                any(user not in own for user in self.used_by[member[j]])
                and self.graph.nodes[member[j]].shape is not None
            ):
                return j
        return len(member) - 1


def _uncounted(name: str) -> str:
    """Return the name of a call without its count: cell (3) is cell."""
    return re.sub(r" \(\d+\)$", "", name)


def _title(items: Sequence[_Item]) -> str:
    """Return what one repetition is, by the names of its parts if they are few."""
    names = [item.name for item in items]
    if len(names) == 1:
        return names[0]
    if len(names) <= NAMED:
        return f"({', '.join(names)})"
    return f"({', '.join(names[: NAMED - 1])}, … {names[-1]})"


def _runs(keys: np.ndarray, period: int) -> list[tuple[int, int]]:
    """Return where stretches of that length repeat: pairs of the start and the number of repetitions."""
    same = keys[period:] == keys[:-period]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= period * (FEWEST - 1)
    return [(int(a), int((b - a) // period) + 1) for a, b in zip(starts[long], ends[long])]


def _lost(start: int, done: int, period: int) -> int:
    """Return how many repetitions of a run an earlier one has taken."""
    return max(-(-(done - start) // period), 0)
