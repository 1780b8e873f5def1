"""Operations and methods show their arguments: to help(), to editors and to type checkers."""

import inspect
import re

import pytest

import tinygrad_ml as tg
from docs.make_stubs import STUB, stub
from tinygrad_ml.ops.tensor_methods import METHODS

OPERATIONS = sorted(name for name in tg.ops.__all__ if hasattr(getattr(tg, name), "primitive"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_the_signature_that_it_takes(name):
    operation = getattr(tg, name)
    signature = inspect.signature(operation)
    row = operation.primitive
    assert list(signature.parameters) == [*row.inputs, *row.parameters]
    assert "*inputs" not in str(signature)
    for key, value in row.parameters.items():
        assert signature.parameters[key].default is value


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (tg.sum, "(x, axis=None, keepdims=False)"),
        (tg.softmax, "(x, axis=-1)"),
        (tg.add, "(x, y)"),
        (tg.ones(2).sum, "(axis=None, keepdims=False)"),
        (tg.ones(2).exp, "()"),
        (tg.Tensor.argmax, "(x, axis=None, keepdims=False)"),
        (tg.Tensor.clip, "(x: 'Any', min: 'Any' = None, max: 'Any' = None) -> 'Tensor'"),  # composed of two operations
    ],
)
def test_signatures_read_as_the_call_is_written(function, text):
    assert str(inspect.signature(function)) == text


def test_a_signature_can_be_bound_and_replaced():
    bound = inspect.signature(tg.sum).bind(tg.ones(2), 0, keepdims=True)
    assert bound.arguments["axis"] == 0
    assert str(inspect.signature(tg.sum).replace(return_annotation=int)) == "(x, axis=None, keepdims=False) -> int"


def test_the_stub_file_is_up_to_date():
    assert STUB.read_text(encoding="utf-8") == stub(), "run python docs/make_stubs.py"


def test_the_methods_that_are_declared_for_type_checkers_are_those_that_are_attached():
    source = inspect.getsource(tg.Tensor)
    block = source[source.rindex("if TYPE_CHECKING:") :]
    for name in METHODS:
        declared = re.search(rf"def {name}\(\s*self", block) or f"        {name}: Tensor" in block
        assert declared, f"declare {name} at the end of the class Tensor"


def test_dir_lists_the_public_names_and_only_them():
    assert {"Tensor", "draw", "models", "train", "data", "metrics", "graph", "testing", "exp"} <= set(dir(tg))
    assert not {"primitive", "sparse", "modes", "tensor_methods", "serialization"} & set(dir(tg))
    assert all(hasattr(tg, name) for name in dir(tg))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tg.nonsense  # noqa: B018


def test_the_table_of_operations_is_that_of_the_library():
    @tg.autograd.primitive(x=lambda g: 2 * g)
    def of_a_user(x):
        return 2 * x

    table = tg.autograd.OPERATIONS
    assert table["exp"].operation is tg.exp
    assert "of_a_user" not in table
