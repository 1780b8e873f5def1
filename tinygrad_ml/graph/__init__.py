"""Compute graphs as data: trace a computation, print it, draw it, compare it, step through its backpropagation."""

from .graph import Graph
from .nodes import Input, Node, Scope
from .tracing import draw, trace
from .values import Values
