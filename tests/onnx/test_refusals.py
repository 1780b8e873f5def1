"""What has no form in ONNX is refused, and the message says what, where and what to do."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

X = np.random.default_rng(5).normal(size=(4, 5)).astype(np.float32)
SEEDED = np.random.default_rng(0)


class Inverse(nn.Module):
    def forward(self, x):
        return tg.linalg.inv(x.mT @ x + tg.eye(5))


OPERATIONS = {
    "rfft": lambda x: abs(tg.fft.rfft(x)),
    "svd": lambda x: tg.linalg.svd(x)[1],
    "solve": lambda x: tg.linalg.solve(x[:4, :4], x),
    "cholesky": lambda x: tg.linalg.cholesky(x @ x.T + tg.eye(len(x))),
}
LOST = {
    "if": (lambda x: x if x.sum() > 0 else -x, "a branch on a value"),
    "while": (lambda x: [x for _ in iter(lambda: bool(x.sum() > 1e9), False)] or x, "a branch on a value"),
    "item": (lambda x: x * x.max().item(), r"\.item\(\)"),
    "float": (lambda x: x * float(x.max()), r"\.item\(\)|float\(\)"),
    "array": (lambda x: x * np.tanh(x.numpy()), "as a NumPy array"),
    "random numbers": (lambda x: x + tg.randn(1, 5), "drawing random numbers"),
    "dropout that is on": (lambda x: nn.functional.dropout(x, 0.5, True), "drawing random numbers"),
    "another generator": (lambda x: x + SEEDED.normal(size=(1, 5)), "another one in each call"),
    "half of the rows": (lambda x: x[: len(x) // 2], "not a sum of free sizes|another one"),
    "a loop over the rows": (lambda x: tg.stack([row * 2 for row in x]), "something else for an input of another size"),
    "waves along the rows": (lambda x: x.T * np.sin(np.arange(len(x), dtype="f4")), "another one in each call"),
    "a fixed batch": (lambda x: x.reshape(4, 5), "inputs of other sizes"),
    "text": (lambda x: "a", "must return a Tensor"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_refused_by_name(name):
    with pytest.raises(tg.onnx.ExportError, match=rf"'{name}' has no form in ONNX.*test_refusals\.py") as refused:
        tg.onnx.export(OPERATIONS[name], X)
    assert "docs/onnx.md" in str(refused.value)


def test_the_layer_is_named():
    with pytest.raises(
        tg.onnx.ExportError, match=r"'inv' has no form in ONNX: it is called in the layer '1\.0' \(.*inv"
    ):
        tg.onnx.export(nn.Sequential(nn.Linear(5, 5), nn.Sequential(Inverse())), X)


@pytest.mark.parametrize("name", LOST)
def test_what_a_file_cannot_hold_is_refused(name):
    function, message = LOST[name]
    with pytest.raises(tg.onnx.ExportError, match=message):
        tg.onnx.export(function, X)


def test_values_that_are_looked_at_name_the_line():
    def fit(x):
        return x / x.max().item()

    with pytest.raises(tg.onnx.ExportError, match=r"test_refusals\.py:\d+: return x / x\.max\(\)\.item\(\)"):
        tg.onnx.export(fit, X)


def test_complex_numbers_are_refused():
    with pytest.raises(tg.onnx.ExportError, match="complex numbers"):
        tg.onnx.export(lambda x: abs(x * 1j), X)


def test_errors_of_the_model_itself_stay():
    with pytest.raises(ValueError, match="its last axis must be 7"):
        tg.onnx.export(nn.Linear(7, 2), X)


def test_things_that_are_no_models():
    with pytest.raises(TypeError, match="make one: Linear"):
        tg.onnx.export(nn.Linear, X)
    with pytest.raises(TypeError, match="a Module, an estimator or a function"):
        tg.onnx.export(3, X)


def test_pipelines_of_scikit_learn_are_refused_with_the_way():
    pipeline = pytest.importorskip("sklearn.pipeline")
    with pytest.raises(TypeError, match=r"skl2onnx.*tg\.onnx\.export\(pipeline\[-1\]"):
        tg.onnx.export(pipeline.make_pipeline(tg.models.LogisticRegression()), X)


def test_modules_of_pytorch_are_refused_with_the_way(torch):
    with pytest.raises(TypeError, match=r"torch\.onnx\.export"):
        tg.onnx.export(torch.nn.Linear(3, 2), X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dynamic_axes": {"y": [0]}}, "the inputs are"),
        ({"dynamic_axes": {"x": [2]}}, "has 2 axes"),
        ({"input_names": ["a", "b"]}, "must be 1 different names"),
        ({"output_names": ["x"]}, "not of inputs or weights"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        tg.onnx.export(nn.Linear(5, 2), X, **options)


def test_an_empty_example_is_refused():
    with pytest.raises(ValueError, match="give at least one row"):
        tg.onnx.export(nn.Linear(5, 2), X[:0])


def test_a_vmap_that_takes_its_batch_apart_is_refused():
    layer = nn.LayerNorm(5)
    with pytest.raises(tg.onnx.ExportError, match=r"in the layer 'LayerNorm'.*with operations on Tensors"):
        tg.onnx.export(tg.vmap(lambda row: layer(row).max()), X)


class Tied(nn.Module):
    def __init__(self):
        self.table = nn.Embedding(6, 3, max_norm=1.0)
        self.out = nn.Linear(3, 6, bias=False)
        self.out.weight = self.table.weight

    def forward(self, x):
        return self.out(self.table(x))


def test_a_table_that_looking_up_changes_for_another_layer_is_refused_with_the_way():
    model = Tied()
    before = model.state_dict()["table.weight"].copy()
    with pytest.raises(
        tg.onnx.ExportError, match=r"in the layer 'table' shortens rows .* another layer uses the table"
    ):
        tg.onnx.export(model, np.array([1, 2]))
    assert np.array_equal(model.state_dict()["table.weight"], before)
    assert model.table.max_norm == 1.0
    model.table(np.arange(6))
    model.table.max_norm = None
    tg.onnx.export(model, np.array([1, 2]))


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ("model.onnx", "the example comes before the path"),
        ((1, 5), r"looks like a shape; give an array: np\.zeros\(\(1, 5\)"),
        ([X, X], "write a tuple of several"),
    ],
)
def test_what_is_no_example(example, message):
    with pytest.raises(TypeError, match=message):
        tg.onnx.export(nn.Linear(5, 2), example)


def test_names_and_arguments_of_other_exporters():
    with pytest.raises(TypeError, match="leave it out: files are of version 18"):
        tg.onnx.export(nn.Linear(5, 2), X, opset_version=17)
    with pytest.raises(AttributeError, match=r"tg\.onnx\.export"):
        tg.onnx.save  # noqa: B018
    with pytest.raises(AttributeError, match=r"tg\.onnx\.export"):
        nn.Linear(5, 2).to_onnx  # noqa: B018


def test_without_the_package_the_room_says_what_to_install():
    program = (
        "import sys; sys.modules['onnx'] = None\n"
        "from tinygrad_ml import *\n"
        "import tinygrad_ml as tg\n"
        "try: tg.onnx.export\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (
        "tg.onnx.export needs the package onnx: pip install onnx\n",
        "",
    )
