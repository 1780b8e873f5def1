"""The calls of modules as they nest: a scope for each."""

from __future__ import annotations

from ..nodes import GraphData, Scope


class Scopes:
    """The calls that a computation is in, the innermost last; number 0 is the computation itself."""

    def __init__(self, graph: GraphData):
        self.graph = graph
        self.stack = [graph.scopes[0]]
        self.calls: dict[tuple[int, str], int] = {}  # how often a module was called from a scope
        self.inside_root = False

    @property
    def innermost(self) -> Scope:
        """The call that runs now."""
        return self.stack[-1]

    def enter(self, path: str, kind: str, *, root: bool = False) -> Scope:
        """Begin the call of a module with that name; the first call of the module that is traced is scope 0."""
        if root and len(self.stack) == 1 and not self.inside_root:
            self.inside_root = True
            self.stack.append(self.graph.scopes[0])
            return self.innermost
        parent = self.innermost
        name = path.removeprefix(parent.path + ".") if parent.path else path
        key = (parent.number, path)
        count = self.calls[key] = self.calls.get(key, 0) + 1
        if count > 1:
            name = f"{name} ({count})"
        scope = Scope(len(self.graph.scopes), parent.number, name, path, kind)
        self.graph.scopes.append(scope)
        self.stack.append(scope)
        return scope

    def leave(self) -> None:
        """End the innermost call."""
        self.stack.pop()
