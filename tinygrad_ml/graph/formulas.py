"""Local derivatives as formulas: read from the rules in the table of operations, and tidied.

`g` is the gradient that arrives, `out` the output. The formula of a rule with a name is its docstring. A lambda is read
from its source, in which a function whose docstring is a formula stands for that. (A docstring of one line without a
full stop is one; it may be in words.) Where that does not read well, the operation has a `formula`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..autograd import Primitive, conjugated, dispatch
from ..ops.blockwise import blockwise, masked
from ..ops.reduce import count, restore_axes

# What is left in a formula of the functions that make rules right or fast in special cases.
TIDIED: dict[Any, str] = {
    masked: "g * mask",
    conjugated: "z",
    restore_axes: "g",
    count: "n",
}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def formulas(primitive: Primitive) -> list[str]:
    """Return for each input of an operation the gradient that it gets, as a formula; nothing for a constant.

    >>> from tinygrad_ml.graph.formulas import formulas
    >>> formulas(tg.multiply.primitive), formulas(tg.tanh.primitive)
    (['g · y', 'g · x'], ['g · (1 - out²)'])
    """
    known = _CACHE.get(primitive)
    if known is None:
        given = primitive.formula
        written = given if isinstance(given, tuple) else (given,) * len(primitive.rules)
        known = _CACHE[primitive] = [
            "" if rule is None else _pretty(text or _formula(name, rule))
            for name, rule, text in zip(primitive.inputs, primitive.rules, written)
        ]
    return known


_CACHE: WeakKeyDictionary[Primitive, list[str]] = WeakKeyDictionary()


def local_factor(formula: str) -> str:
    """Return the local derivative in a formula of the form g · (...), or nothing.

    >>> from tinygrad_ml.graph.formulas import local_factor
    >>> local_factor("g · 2 · x"), local_factor("g / y"), local_factor("g"), local_factor("g.T @ x")
    ('2 · x', '1 / y', '1', '')
    """
    if formula in ("g", "-g"):
        return formula.replace("g", "1")
    for start, before in (("g · ", ""), ("-g · ", "-"), ("g / ", "1 / ")):
        rest = formula.removeprefix(start)
        if rest != formula and not re.search(r"\bg\b", rest):
            return before + rest
    return ""


def _formula(argument: str, rule: Callable) -> str:
    """Return the formula of a rule: its docstring, its source, or just its name with what it uses."""
    if rule.__name__ != "<lambda>":
        return _written(rule) or f"{rule.__name__.strip('_')}({', '.join(inspect.signature(rule).parameters)})"
    try:
        tree = _parsed(rule.__code__.co_filename)
    except (OSError, SyntaxError):
        return "a rule whose source is not at hand"
    found = {
        ast.dump(node.value.body): node.value.body
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == argument
        and isinstance(node.value, ast.Lambda)
        and node.value.lineno == rule.__code__.co_firstlineno
    }
    if len(found) != 1:
        return "a rule whose source is not at hand"
    (body,) = found.values()
    tidied = _Tidy(_outside(rule)).visit(deepcopy(body))
    text = ast.unparse(ast.fix_missing_locations(tidied))
    return text[1:-1] if isinstance(tidied, ast.Name) and text.startswith("(") else text  # nothing but words


@functools.cache
def _parsed(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def _outside(rule: Callable) -> dict[str, Any]:
    """Return what the names in a rule stand for that are not its arguments."""
    found = dict(rule.__globals__)
    with contextlib.suppress(ValueError):  # a cell of the closure that is still empty
        found |= inspect.getclosurevars(rule).nonlocals
    return found


def _written(function: Callable) -> str:
    """Return the formula that a function has as its docstring, if it has one: a sentence or a page is none."""
    text = inspect.getdoc(function) or ""
    return "" if "\n" in text or text.endswith(".") else text


class _Tidy(ast.NodeTransformer):
    """Takes away what a rule does for the sake of numerics: np.exp(x) becomes exp(x), masked(g, x > 0) g * (x > 0)."""

    def __init__(self, names: dict[str, Any]):
        self.names = names  # what the names in a rule stand for

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Name(node.attr) if isinstance(node.value, ast.Name) and self.names.get(node.value.id) is np else node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.visit(node.body)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = self.names.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function is dispatch:
            return self.visit(ast.Call(node.args[0], node.args[1:], []))
        if function is blockwise:
            return self.visit(_called(node.args[0], node.args[1:]))
        self.generic_visit(node)
        if inspect.isfunction(function) and (formula := TIDIED.get(function) or _written(function)):
            named = {k.arg: k.value for k in node.keywords if k.arg is not None}
            return _applied(formula, named | dict(zip(inspect.signature(function).parameters, node.args)))
        return ast.Call(node.func, node.args, [k for k in node.keywords if k.arg not in ("axis", "keepdims")])


def _called(function: ast.expr, arguments: list[ast.expr]) -> ast.expr:
    """Return the call of a function; of a lambda, its body."""
    if isinstance(function, ast.Lambda):
        return _Substitute(dict(zip([a.arg for a in function.args.args], arguments))).visit(function.body)
    return ast.Call(function, arguments, [])


def _applied(formula: str, arguments: dict[str, ast.expr]) -> ast.expr:
    """Return a formula with the arguments of a call in the place of its names; one in words as it is, in brackets."""
    try:
        return _Substitute(arguments).visit(ast.parse(formula, mode="eval").body)
    except SyntaxError:
        return ast.Name(f"({formula})")


class _Substitute(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.values.get(node.id, node)


def _pretty(text: str) -> str:
    text = re.sub(r"\b_(?=[a-z])", "", " ".join(text.split()))
    text = re.sub(r" \*\* (\d+)(?![\d.])", lambda m: m[1].translate(SUPERSCRIPTS), text)
    text = text.replace(" ** ", "^").replace(" * ", " · ")
    return re.sub(r"\b(\w+)\.(?:T|mT)\b", r"\1ᵀ", text).replace("-1 · ", "-")
