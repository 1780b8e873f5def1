"""Write the table of operations as a page of documentation: `python docs/make_operations_page.py`.

Everything on the page is read from the operations themselves: the description and the policy at points without a
derivative from the docstring, and the derivatives from the source of the rules.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from tinygrad_ml.autograd import OPERATIONS, Primitive
from tinygrad_ml.primitive import REQUIRED

PAGE = Path(__file__).parent / "operations.md"

INTRODUCTION = """\
# Operations

This page is generated from the table of operations by `python docs/make_operations_page.py`; a test fails
when it is stale.

A rule is the source that runs: `g` is the gradient of the output, `out` the output, and every other name an argument,
or `<argument>_shape`. The engine undoes broadcasting and restores the dtype afterwards. Of complex numbers `g` is
dL/d(real part) - i dL/d(imaginary part), so that most rules need no conjugates; see [complex numbers](complex.md).
What refuses complex input says so with a TypeError. Where a zero gradient meets an infinite derivative it stays zero:
backpropagation sees to that, not the rules. `dispatch(operation, ...)` applies an operation to arrays or Tensors,
whichever comes.
"""


def operations() -> list[Primitive]:
    """Return the operations that the library itself declares, one file after the other.

    >>> from docs.make_operations_page import operations
    >>> "exp" in [operation.name for operation in operations()]
    True
    """
    return sorted(OPERATIONS.values(), key=lambda row: row.operation.__module__)


def page() -> str:
    """Return the page as Markdown."""
    families: dict[str, list[Primitive]] = {}
    for row in operations():
        families.setdefault(row.operation.__module__, []).append(row)
    parts = [INTRODUCTION]
    for module, rows in families.items():
        head = inspect.getdoc(sys.modules[module]) or ""
        parts.append(f"## {module.rpartition('.')[2].capitalize()}\n\n{head.split(chr(10) * 2)[0]}\n")
        parts += [_section(row) for row in sorted(rows, key=lambda row: row.name)]
    return "\n".join(parts)


def _section(row: Primitive) -> str:
    description = (inspect.getdoc(row.operation) or "").split(">>>")[0].strip()
    arguments = [("*" if row.variadic else "") + name for name in row.inputs]
    arguments += [name if value is REQUIRED else f"{name}={value!r}" for name, value in row.parameters.items()]
    lines = [f"### {row.name}({', '.join(arguments)})", "", description, ""]
    if any(rule is not None for rule in row.rules):
        lines += ["```python", *[_derivative(name, rule) for name, rule in zip(row.inputs, row.rules)]]
        for rule in dict.fromkeys(row.rules):  # a rule that is longer than one line is shown in whole
            if rule is not None and rule.__name__ != "<lambda>":
                lines += ["", textwrap.dedent(inspect.getsource(rule)).strip()]
        lines += ["```", ""]
    return "\n".join(lines)


def _derivative(argument: str, rule: Callable | None) -> str:
    if rule is None:
        return f"d{argument} = None  # a constant"
    if rule.__name__ != "<lambda>":
        return f"d{argument} = {rule.__name__}({', '.join(inspect.signature(rule).parameters)})"
    source, tree = _parsed(rule.__code__.co_filename)
    (text,) = {
        ast.get_source_segment(source, node.value.body) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == argument
        and isinstance(node.value, ast.Lambda)
        and node.value.lineno == rule.__code__.co_firstlineno
    }
    return f"d{argument} = {' '.join(text.split())}"


@functools.cache
def _parsed(file: str) -> tuple[str, ast.Module]:
    source = Path(file).read_text(encoding="utf-8")
    return source, ast.parse(source)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
