"""Compute graphs as data: trace a computation, print it, draw it, compare it, step through its backpropagation."""

from .graph import Graph
from .nodes import GraphNode, Input, Node, Scope
from .tracing import draw, from_jax, from_torch, trace
from .values import ArraySummary, Values

__all__ = [
    "Graph",
    "GraphNode",
    "Input",
    "Scope",
    "ArraySummary",
    "draw",
    "from_jax",
    "from_torch",
    "trace",
    "Node",
    "Values",
]
