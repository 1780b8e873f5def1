"""Local derivatives as formulas: read from the source of the rules in the table of operations, and tidied.

`g` is the gradient that arrives, `out` the output. A rule that is a whole function has its formula here.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path

from ..autograd import Primitive

# Rules that are functions: the mathematics that they compute, without their special cases.
NAMED = {
    "_power_x": "g * y * x ** (y - 1)",
    "_power_y": "g * out * log(x)",
    "_within": "g where min <= x <= max, else 0",
    "_to_the_extreme": "g where x is the extreme (shared among ties), else 0",
    "_affine_weight": "g.T @ x",
    "_matmul_x": "g @ y.T",
    "_matmul_y": "x.T @ g",
    "_cross_entropy_input": "g * (softmax(input) - one_hot(target))",
    "_prod_x": "g * out / x",
    "_std_x": "g * (x - mean(x)) / (n * out)",
    "_cumsum_x": "the sum of g from here to the end",
    "_cumprod_x": "the sum of g * out / x from here to the end",
    "_conv2d_x": "g convolved with the flipped weight",
    "_conv2d_weight": "x correlated with g",
    "_max_pool2d_x": "g at the largest of each window, else 0",
    "_avg_pool2d_x": "g spread over each window",
    "_einsum_arrays": "einsum of g with the other arrays",
    "_vector_norm_x": "g * x / out",
    "_solve_b": "solve(a.T, g)",
    "_solve_a": "-solve(a.T, g) @ out.T",
    "_set_zero": "g with 0 at the index",
    "_set_value": "g[index]",
    "_gather": "g[index]",
    "_nothing": "0",
    "_rows": "g added up in the rows that were looked up",
    "_untake": "g added up at the indices",
    "_untake_along_axis": "g added up at the indices",
    "_unsort": "g in the order of before the sorting",
    "_unrepeat": "g summed over the copies",
    "_untile": "g summed over the copies",
    "_unpad": "g without the border",
    "_undiag": "g on the diagonal",
    "_undiagonal": "g on the diagonal",
    "_piece": "the piece of g that this array became",
    "_over": "x / y",
}
# Functions that rules call for the sake of special cases: what is left of them in the formula.
SPARED = {"safe_divisor": "{1}", "restore_axes": "{0}", "_each": "{0} / n", "blockwise": "{0}", "_bounded": "{0}"}
SPARED |= {
    "masked": "{0} * ({1})",
    "safe_multiply": "{0} * {1}",
    "broadcast_back": "spread({0})",
    "_ahead": "{0} - {1}",
    "_over": "{0} / {1}",
}
SLOPES = {"_softplus_slope": "sigmoid(beta * x)", "_deviations": "(x - mean(x))", "_per_degree": "1 / n"}
SLOPES |= {f"_{name}_slope": f"{name}′(x)" for name in ("gelu", "mish", "elu")}
SLOPES |= {
    "_silu_slope": "sigmoid(x) * (1 + x * (1 - sigmoid(x)))",
    "_share": "exp(x - out)",
    "_count": "n",
    "count": "n",
}
# Operations whose rules are written for numerics or for speed: one formula for each input, or one for all.
WHOLE: dict[str, tuple[str, ...]] = {
    "arctan2": ("g * y / (x ** 2 + y ** 2)", "-g * x / (x ** 2 + y ** 2)"),
    "hypot": ("g * x / out", "g * y / out"),
    "divide": ("g / y", "-g * x / y ** 2"),
    "reciprocal": ("-g / x ** 2",),
    "square": ("g * 2 * x",),
    "sqrt": ("g / (2 * out)",),
    "tanh": ("g * (1 - out ** 2)",),
    "tan": ("g * (1 + out ** 2)",),
    "arctan": ("g / (1 + x ** 2)",),
    "arcsin": ("g / sqrt(1 - x ** 2)",),
    "arccos": ("-g / sqrt(1 - x ** 2)",),
    "arctanh": ("g / (1 - x ** 2)",),
    "arcsinh": ("g / sqrt(1 + x ** 2)",),
    "arccosh": ("g / sqrt(x ** 2 - 1)",),
    "erf": ("g * 2 / sqrt(pi) * exp(-x ** 2)",),
    "selu": ("g * selu′(x)",),
    "relu": ("g * (x > 0)",),
    "sum": ("g, repeated",),
    "mean": ("g / n, repeated",),
    "stack": ("the piece of g that this array became",),
    "getitem": ("g put back at the index",),
    "rnn": ("backpropagation through time",),
    "lstm": ("backpropagation through time",),
    "gru": ("backpropagation through time",),
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
        whole = WHOLE.get(primitive.name, ())
        pairs = zip(primitive.inputs, primitive.rules)
        known = _CACHE[primitive] = [
            "" if rule is None else _pretty(whole[k % len(whole)]) if whole else _formula(name, rule)
            for k, (name, rule) in enumerate(pairs)
        ]
    return known


_CACHE: dict[Primitive, list[str]] = {}


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
    name = rule.__name__
    if name != "<lambda>":
        return _pretty(NAMED.get(name) or f"{name.strip('_')}({', '.join(inspect.signature(rule).parameters)})")
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
    return _pretty(ast.unparse(ast.fix_missing_locations(_Tidy().visit(body))))


@functools.cache
def _parsed(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


class _Tidy(ast.NodeTransformer):
    """Takes away what a rule does for the sake of numerics: np.exp(x) becomes exp(x), nonzero(g, x) becomes x."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Name(node.attr) if isinstance(node.value, ast.Name) and node.value.id == "np" else node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.visit(node.body)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in SLOPES:
            return _expression(SLOPES[name])
        if name == "dispatch":
            return self.visit(ast.Call(node.args[0], node.args[1:], []))
        self.generic_visit(node)
        texts = [ast.unparse(a) for a in node.args]
        if name in SPARED:
            return _expression(SPARED[name].format(*[f"({a})" for a in texts]))
        if name in NAMED:
            return _expression(NAMED[name])
        if name == "where" and texts[2:] == ["0"]:
            return _expression(f"({texts[1]}) * ({texts[0]})")
        if name == "where" and texts[1:2] == ["inf"]:
            return node.args[2]
        if name == "where" and texts[1:2] == ["0"]:
            return _expression(f"({texts[2]}) * (not {texts[0]})")
        return ast.Call(node.func, node.args, [k for k in node.keywords if k.arg not in ("axis", "keepdims")])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return _expression(SLOPES[node.id]) if node.id in SLOPES else node


def _expression(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:  # a formula in words
        return ast.Name(text)


def _pretty(text: str) -> str:
    text = re.sub(r"\b_(?=[a-z])", "", " ".join(text.split()))
    text = re.sub(r" \*\* (\d+)(?![\d.])", lambda m: m[1].translate(SUPERSCRIPTS), text)
    text = text.replace(" ** ", "^").replace(" * ", " · ").replace("(not condition)", "(1 - condition)")
    return re.sub(r"\b(\w+)\.(?:T|mT)\b", r"\1ᵀ", text).replace("-1 · ", "-")
