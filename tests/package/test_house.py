"""The rules of the house that no linter knows. Who may import whom is checked by import-linter (`make lint`)."""

import ast
import io
import os
import re
import tokenize
from pathlib import Path

import pytest

import tinygrad_ml as tg

ROOT = Path(__file__).parents[2]
LIBRARY = sorted([*(ROOT / "tinygrad_ml").rglob("*.py"), *(ROOT / "models").rglob("*.py")])
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in LIBRARY}
CORE = ["tinygrad_ml/" + name for name in ("tensor.py", "primitive.py", "gradients.py", "autograd.py", "modes.py")]
BUDGET = 1320  # lines of code of the core
TENSORS = {"Tensor", "Parameter", "Buffer"}  # the classes whose `self` is a Tensor


def nodes_with_owner(tree):
    """Yield each node of a file with the function and the class that it stands in, or None."""
    pending = [(tree, None, None)]
    while pending:
        node, function, owner = pending.pop()
        yield node, function, owner
        if isinstance(node, ast.ClassDef):
            function, owner = None, node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            function = node
        pending += [(child, function, owner) for child in ast.iter_child_nodes(node)]


# ---------------------------------------------------------------------- the core


def test_private_attributes_of_a_tensor_are_written_in_the_core_alone():
    """Whoever changes a value elsewhere calls `_replace` or `_touch`, which count the version."""
    private = {slot for slot in tg.Tensor.__slots__ if slot.startswith("_")} - {"__weakref__"}
    found = []
    for name, tree in TREES.items():
        if name in (*CORE, "tinygrad_ml/ops/tensor_methods.py"):
            continue
        for node, _, owner in nodes_with_owner(tree):
            if not isinstance(node, ast.Attribute) or node.attr not in private or isinstance(node.ctx, ast.Load):
                continue
            of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
            if of_self and owner is not None and owner.name not in TENSORS:
                continue  # a private attribute of another class that happens to have the same name
            found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert not found


def lines_of_code(name):
    """Count the lines that hold code: no comments, docstrings or declarations for type checkers."""
    left_out = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left_out |= set(range(node.lineno, node.end_lineno + 1))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            left_out |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    nothing = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO((ROOT / name).read_text(encoding="utf-8")).readline):
        if token.type not in nothing:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - left_out)


def test_the_core_stays_small():
    sizes = {name: lines_of_code(name) for name in CORE}
    assert sum(sizes.values()) < BUDGET, sizes


@pytest.mark.parametrize("room", ["tape", "compiler", "c_backend"])
def test_a_room_of_the_compiler_can_be_read_in_an_afternoon(room):
    sizes = {name: lines_of_code(name) for name in TREES if name.startswith(f"tinygrad_ml/{room}/")}
    assert 0 < sum(sizes.values()) <= 1600, sizes


DECISIONS = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)


def complexity(function):
    """Return McCabe's number of a function: one more than its decisions; functions inside it count for themselves."""
    found, pending = 1, list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(
            node, (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)
        ):
            found += 1
        if isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        if isinstance(node, ast.comprehension):
            found += len(node.ifs)
        pending += ast.iter_child_nodes(node)
    return found


def test_no_function_is_too_complex():
    # the function inside `_make_operation` is in one piece on purpose: every call of every operation goes through it
    functions = [
        (name, node)
        for name, tree in TREES.items()
        for node, around, _ in nodes_with_owner(tree)
        if isinstance(node, ast.FunctionDef) and around is None
    ]
    assert [f"{name}: {node.name} {complexity(node)}" for name, node in functions if complexity(node) > 25] == []


# ---------------------------------------------------------------------- imports

# What is loaded when it is first asked for: parts of the package, for a quick start, and what draws.
LAZY = {"tinygrad_ml/__init__.py": {"__getattr__"}, "tinygrad_ml/nn/__init__.py": {"__getattr__"}}


def test_no_function_imports_a_part_of_the_library():
    found = []
    for name, tree in TREES.items():
        for node, function, _ in nodes_with_owner(tree):
            if function is None or getattr(function, "name", "") in LAZY.get(name, ()):
                continue
            own = isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("tinygrad_ml"))
            own |= isinstance(node, ast.Import) and any(alias.name.startswith("tinygrad_ml") for alias in node.names)
            if own:
                found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert not found


def test_the_page_of_the_core_has_the_rows_of_the_contract():
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition('id = "layers"')[2].partition("]")[2]
    layers = re.findall(r'^    "(.+)",$', contract.partition("\n]")[0], re.MULTILINE)
    page = (ROOT / "tinygrad_ml/README.md").read_text(encoding="utf-8").partition("## Who may import whom")[2]
    rows = [re.findall(r"`(\w+)(?:\.py)?`", row) for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)]
    assert rows == [layer.split(" | ") for layer in layers]


# ---------------------------------------------------------------------- around the package


def test_the_hooks_before_a_commit_have_the_versions_of_the_extra_dev():
    hooks = set(re.findall(r'"(\S+==[\d.]+)"', (ROOT / ".pre-commit-config.yaml").read_text()))
    assert hooks
    assert hooks <= set((ROOT / "setup.cfg").read_text().split())


@pytest.mark.parametrize(
    "path", [".ci/run", "Makefile", *(f".github/workflows/{name}.yml" for name in ("check", "nightly", "release"))]
)
def test_the_scripts_that_are_called_exist(path):
    called = set(re.findall(r"(?:^|[\s@])((?:scripts|\.ci)/[\w.]+)", (ROOT / path).read_text()))
    assert called
    for script in called:
        assert os.access(ROOT / script, os.R_OK if script.endswith((".sh", ".txt")) else os.X_OK), script
