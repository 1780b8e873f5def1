"""The public names of nn: what the faces export, and that layers stand in the file of their family."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

from tinygrad_ml import nn, optim
from tinygrad_ml.nn import functional as F

FOLDER = Path(nn.__file__).parent
FILES = ["tinygrad_ml.nn." + module.name for module in pkgutil.walk_packages([str(FOLDER)])]
FILES += ["tinygrad_ml.nn.losses." + module.name for module in pkgutil.iter_modules([str(FOLDER / "losses")])]


def imported(path):
    """Yield the names of the modules, as they are written, that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from [f"{node.module or ''}.{alias.name}" for alias in node.names]


def test_the_face_lists_the_public_names_and_only_them():
    assert sorted(dir(nn)) == sorted(nn.__all__)
    assert {"Linear", "MSELoss", "functional", "init", "summary"} <= set(nn.__all__)
    assert {name.rpartition(".")[2] for name in FILES} & set(nn.__all__) == {"functional", "init", "utils"}
    assert all(getattr(nn, name) is not None for name in nn.__all__)


def test_names_that_are_not_there_are_refused():
    with pytest.raises(AttributeError, match=r"module 'tinygrad_ml.nn' has no attribute 'nonsense'"):
        getattr(nn, "nonsense")  # noqa: B009


def test_summary_is_that_of_graph():
    assert nn.summary is importlib.import_module("tinygrad_ml.graph.summary").summary


def test_utils_clips_as_optim_does():
    assert nn.utils.clip_grad_norm_ is optim.clip_grad_norm_
    assert nn.utils.clip_grad_value_ is optim.clip_grad_value_


def test_functional_defines_nothing():
    body = ast.parse((FOLDER / "functional.py").read_text()).body
    assert {type(node) for node in body[:-1]} == {ast.Expr, ast.ImportFrom, ast.Assign}
    assert "module_getattr" in ast.unparse(body[-1])  # what says what other libraries' names are called here
    assert sorted(F.__all__) == F.__all__


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_no_layer_imports_functional(path):
    assert path.name == "__init__.py" or not any(name.endswith("functional") for name in imported(path))


@pytest.mark.parametrize("name", FILES)
def test_each_file_writes_down_what_it_exports(name):
    module = importlib.import_module(name)
    assert all(hasattr(module, public) for public in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    functions = {n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == name}
    classes = {n for n, c in vars(module).items() if inspect.isclass(c) and c.__module__ == name}
    assert {n for n in functions | classes if n[0] != "_"} <= set(module.__all__)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.Linear, F.linear),
        (nn.Dropout, F.dropout),
        (nn.MultiheadAttention, F.scaled_dot_product_attention),
        (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d),
        (nn.LayerNorm, F.layer_norm),
        (nn.MSELoss, F.mse_loss),
        (nn.CrossEntropyLoss, F.cross_entropy),
        (nn.KLDivLoss, F.kl_div),
        (nn.TripletMarginLoss, F.triplet_margin_loss),
        (nn.CosineSimilarity, F.cosine_similarity),
        (nn.PReLU, F.prelu),
    ],
)
def test_a_layer_and_its_function_stand_in_one_file(layer, function):
    assert layer.__module__ == inspect.unwrap(function).__module__
