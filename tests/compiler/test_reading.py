"""What people see of a compiled function: its program, its report, its drawing."""

import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.compiler.workloads import linear_regression, mlp
from tinygrad_ml import nn
from tinygrad_ml.native.build import CannotCompile, compiler


def compiled(make):
    tg.manual_seed(0)
    step, batches, leaves = make()
    function = tg.compile(step, backend="numpy")
    for batch in batches[:4]:
        function(*batch)
    return function, batches, leaves


def test_the_program_of_linear_regression_is_what_the_textbook_derives():
    function, _, _ = compiled(linear_regression)
    text = function.source()
    for line in (
        "def step(x, y):",
        "v1 = x @ weight.T",
        "v2 = v1 + bias",
        "v3 = v2 - y",
        "v4 = v3 * v3",
        "v5 = 0.0625 * v3",
        "v6 = v5.T @ x",
        "v7 = v5.sum(axis=0)",
        "weight.grad, bias.grad = v6, v7",
        "return v4.sum() / 32",
    ):
        assert line in text


def test_the_program_runs_and_gives_what_the_step_gives():
    function, batches, leaves = compiled(linear_regression)
    weight, bias = leaves

    x, y = (a.numpy() for a in batches[5])
    parameters = np.concatenate([weight.numpy().ravel(), bias.numpy()])
    gradients = []
    names = {"np": np, "parameters": parameters, "lr": 0.1, "weight_decay": 0.0, "momentum": 0.0, "l1": 0.0}
    names["gradients"] = gradients
    exec(function.source().replace("weight.grad, bias.grad = v6, v7", "gradients[:] = [v6, v7]"), names)
    loss = names["step"](x, y)
    assert loss == function(*batches[5]).item()
    assert np.array_equal(parameters, np.concatenate([weight.numpy().ravel(), bias.numpy()]))
    assert all(np.array_equal(g, leaf.grad.numpy()) for g, leaf in zip(gradients, leaves))


def test_a_report_says_what_was_traced_and_why_again():
    function, batches, _ = compiled(mlp)
    text = function.report()
    assert "plan 1 for float32 (64, 784), int64 (64,)" in text
    assert "guard: if (" in text
    for _ in range(3):
        function(*[x[:3] for x in batches[0]])
    assert (
        "traced again: float32 (3, 784), int64 (3,); before it was float32 (64, 784), int64 (64,)" in function.report()
    )


def test_a_report_names_what_stays_opaque():
    layer = nn.Conv2d(1, 2, 3)
    function = tg.compile(layer)
    with tg.no_grad():
        for _ in range(3):
            function(tg.ones(1, 1, 5, 5))
    assert "opaque: ops.conv._conv2d" in function.report()


def test_a_function_that_stays_as_it_is_says_why():
    function = tg.compile(lambda x: x * float(x))
    function(tg.tensor(1.0))
    with pytest.warns(UserWarning, match="stays as it is"):
        function(tg.tensor(1.0))
    assert "stays as it is, since it needs" in function.report()
    with pytest.raises(RuntimeError, match="has no program: it stays as it is"):
        function.source()


def test_before_the_third_call_there_is_no_program():
    function = tg.compile(lambda x: x * 2)
    with pytest.raises(RuntimeError, match="it takes three calls"):
        function.source()


def test_a_training_step_is_drawn():
    function, _, _ = compiled(linear_regression)
    graph = tg.draw(function)
    assert {node.name for node in graph.nodes} >= {"x", "y", "weight", "bias", "lr", "parameters", "new parameters"}
    assert [node.operation for node in graph.operations].count("matmul") == 2
    assert len(graph.outputs) == 4
    assert graph.to_dot().startswith("digraph")


def test_the_page_shows_the_program_that_is_derived(capsys):
    page = (Path(__file__).parents[2] / "docs/compile.md").read_text(encoding="utf-8")
    code, shown = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)[1] for kind in ("python", "text"))
    exec(code, {})
    assert capsys.readouterr().out == shown


def test_the_program_in_c_is_shown_as_it_was_compiled():
    try:
        compiler()
    except CannotCompile as reason:
        pytest.skip(str(reason))
    tg.manual_seed(0)
    step, batches, _ = linear_regression()
    function = tg.compile(step, backend="c")
    with pytest.raises(RuntimeError, match="has no program: it takes three calls"):
        function.source("c")
    for batch in batches[:4]:
        function(*batch)
    text = function.source("c")
    assert text.startswith("int segment0(char **p) {\n    char *n = p[0];")
    assert text.endswith("\n    return 0;\n}")
    assert text.count("{") == text.count("}")
    assert "def step" in function.source()
    with pytest.raises(ValueError, match="language must be 'numpy' or 'c', not 'fortran'"):
        function.source("fortran")


def test_a_numpy_plan_has_no_program_in_c():
    function, _, _ = compiled(linear_regression)
    with pytest.raises(RuntimeError, match="has no program in C: its backend is 'numpy'"):
        function.source("c")


def test_arrays_have_the_names_of_variables_and_of_parts_of_modules():
    tg.manual_seed(0)
    w, mean = tg.zeros(2, requires_grad=True), tg.tensor([1.0, 2.0])
    model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.BatchNorm1d(3))

    @tg.compile(backend="numpy")
    def f(x):
        return model(x - mean) @ tg.ones(3) + (x * w).sum()

    with tg.no_grad():
        for _ in range(4):
            f(tg.ones(5, 2))
    source = f.source()
    assert "x - mean" in source
    assert "x * w" in source
    for name in ("p0_weight.T", "p1_weight", "p1_running_mean._replace"):
        assert name in source
    assert "Tensor" not in source


def test_the_graph_says_what_becomes_of_results():
    w = tg.zeros(2, requires_grad=True)

    @tg.compile(backend="numpy")
    def step(x, y):
        w.grad = None
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        w.data -= 0.1 * w.grad.data
        return loss

    for _ in range(4):
        step(tg.ones(3, 2), tg.ones(3))
    graph = step.as_graph()
    named = {node.name: node for node in graph.nodes if node.operation}
    assert named["new w"].operation == "subtract"
    assert "w.grad" in named
    assert all(named[name].number in graph.outputs for name in ("new w", "w.grad"))
