"""What was public in 0.1.0 still is, and takes the arguments that it took."""

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg

LIST = (Path(__file__).parent / "public_names.txt").read_text(encoding="utf-8")
SECTIONS = {
    title: re.findall(r"(\w+)(?:\((.*?)\))?", re.sub(r"^#.*", "", body, flags=re.MULTILINE))
    for title, body in re.findall(r"^\[([^\]\n]+)\]\n(.*?)(?=^\[|\Z)", LIST, re.MULTILINE | re.DOTALL)
}


def objects():
    """Make one object of each kind whose attributes are listed."""
    x = tg.ones(4, 2, requires_grad=True)
    model = tg.nn.Linear(2, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    graph = tg.graph.trace(model, x)
    data = np.ones((4, 2)), np.ones((4, 1))
    return {
        "Tensor": x,
        "Module": model,
        "Graph": graph,
        "graph.Node": graph.nodes[0],
        "History": tg.train.fit(model, tg.nn.MSELoss(), optimizer, data, epochs=1, progress=False),
        "Optimizer": optimizer,
        "LRScheduler": tg.optim.lr_scheduler.StepLR(optimizer, 2),
        "Report": tg.testing.gradcheck(model, x),
        "Callback": tg.train.Callback(),
        "DataLoader": tg.data.DataLoader(data),
        "Model": tg.models.MLPClassifier(),
    }


def owner(title):
    if title in OBJECTS:
        return OBJECTS[title]
    return import_module(re.sub(r"^tg\b", "tinygrad_ml", title))


def listed(text):
    """Return the positional parameters of a line of the list, those by keyword only, and those without a default."""
    positional, named, required = [], [], []
    group = positional
    for parameter in filter(None, text.split(", ")):
        if parameter.startswith("**"):
            continue
        if parameter.startswith("*"):
            positional += [parameter] if len(parameter) > 1 else []
            group = named
            continue
        name, _, default = parameter.partition("=")
        group.append(name)
        if not default:
            required.append(name)
    return positional, named, required


OBJECTS = objects()


@pytest.mark.parametrize("title", SECTIONS)
def test_each_public_name_is_there(title):
    missing = [name for name, _ in SECTIONS[title] if not hasattr(owner(title), name)]
    assert not missing


@pytest.mark.parametrize("title", SECTIONS)
def test_each_public_function_takes_the_arguments_that_it_took(title):
    """Positional ones in their places, the others by name, and no argument that everyone must now give."""
    broken = []
    for name, text in SECTIONS[title]:
        thing = getattr(owner(title), name)
        takes = list(inspect.signature(thing).parameters.values()) if text else []
        positional, named, required = listed(text)
        names = ["*" + p.name if p.kind is p.VAR_POSITIONAL else p.name for p in takes if p.kind is not p.VAR_KEYWORD]
        any_name = any(p.kind is p.VAR_KEYWORD for p in takes)
        by_position = [n for n, p in zip(names, takes) if p.kind is not p.KEYWORD_ONLY]
        must = [p.name for p in takes if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if by_position[: len(positional)] != positional:
            broken.append(f"{name}: the positional arguments were {positional}, and are {by_position}")
        if not any_name and (gone := set(named) - set(names)):
            broken.append(f"{name} no longer takes {sorted(gone)}")
        if new := set(must) - set(required):
            broken.append(f"{name} now demands {sorted(new)}")
    assert not broken


def test_type_checkers_see_what_the_package_shows():
    stub = ast.parse((Path(tg.__file__).parent / "__init__.pyi").read_text(encoding="utf-8"))
    seen = set()
    for node in ast.walk(stub):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                seen |= (
                    set(import_module(f"tinygrad_ml.{node.module}").__all__) if alias.name == "*" else {alias.asname}
                )
    assert set(tg.__all__) <= seen
