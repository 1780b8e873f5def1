"""Operations and methods show their arguments: to help(), to editors and to type checkers."""

import inspect
import pickle
import re

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_stubs import STUB, foreign, stub
from tinygrad_ml import foreign_names
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


def declared_arguments(name):
    """Return the names of the arguments of a method that the class Tensor declares for type checkers."""
    source = inspect.getsource(tg.Tensor)
    block = source[source.rindex("if TYPE_CHECKING:") :]
    return set(re.findall(r"(\w+):", re.search(rf"def {name}\(\s*(self.*?)\) ->", block, re.DOTALL)[1]))


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if callable(m) and not n.startswith("__")])
def test_methods_are_declared_with_pytorchs_names_of_their_arguments(name):
    assert set(foreign(METHODS[name])) <= declared_arguments(name)


OURS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim", "start_axis": "start_dim", "end_axis": "end_dim"}
ROOMS = [tg.nn, tg.nn.functional, tg.linalg, tg.fft]
WITH_AXES = {  # what takes one of them, outside of tg.ops, where the stub file has it
    f"{room.__name__}.{name}": getattr(room, name)
    for room in ROOMS
    for name in room.__all__
    if callable(getattr(room, name)) and not hasattr(getattr(room, name), "primitive") and name != "LinAlgError"
    if not OURS.keys().isdisjoint(inspect.signature(getattr(room, name)).parameters)
    if getattr(room, name) not in vars(tg.ops).values()
}


@pytest.mark.parametrize("name", WITH_AXES)
def test_what_takes_an_axis_takes_pytorchs_name_of_it_at_run_time_and_for_type_checkers(name):
    thing = WITH_AXES[name]
    function = thing.__init__ if inspect.isclass(thing) else thing
    names = {OURS[key] for key in inspect.signature(function).parameters if key in OURS}
    assert not names - {"dim", "keepdim", "start_dim", "end_dim"}
    written = function.__wrapped__  # below what lets foreign names pass
    if name == "tinygrad_ml.nn.Unflatten":
        assert tg.nn.Unflatten(dim=1, unflattened_size=(2, 2))(tg.ones(3, 4)).shape == (3, 2, 2)
        return
    others = [p for p in inspect.signature(written).parameters.values() if p.kind is p.VAR_KEYWORD]
    typed = getattr(foreign_names, re.fullmatch(r"Unpack\[(\w+)\]", others[0].annotation)[1])
    assert names <= set(inspect.get_annotations(typed) | typed.__annotations__)


def test_more_than_twenty_things_take_an_axis():
    assert len(WITH_AXES) > 20


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda x: tg.nn.functional.normalize(x, dim=1), lambda x: tg.nn.functional.normalize(x, axis=1)),
        (lambda x: tg.nn.functional.cosine_similarity(x, x + 1, dim=0), lambda x: tg.nn.CosineSimilarity(0)(x, x + 1)),
        (lambda x: tg.nn.CosineSimilarity(dim=0)(x, x + 1), lambda x: tg.nn.CosineSimilarity(0)(x, x + 1)),
        (
            lambda x: tg.nn.PairwiseDistance(keepdim=True)(x, 0 * x),
            lambda x: tg.nn.PairwiseDistance(keepdims=True)(x, 0 * x),
        ),
        (lambda x: tg.tensordot(x, x.T, dims=1), lambda x: tg.tensordot(x, x.T, axes=1)),
        (lambda x: tg.zeros(size=(2, 3)), lambda x: tg.zeros(2, 3)),
        (lambda x: tg.hstack(tensors=[x, x]), lambda x: tg.hstack([x, x])),
        (lambda x: tg.arange(start=1, end=4), lambda x: tg.arange(1, 4)),
        (lambda x: tg.arange(4, step=2), lambda x: tg.tensor([0, 2])),
        (
            lambda x: tg.nn.functional.conv1d(input=x[None], weight=tg.ones(1, 2, 2)),
            lambda x: tg.conv1d(x[None], tg.ones(1, 2, 2)),
        ),
        (lambda x: tg.where(condition=x > 0, input=x, other=0.0), lambda x: tg.where(x > 0, x, 0.0)),
        (lambda x: tg.outer(input=x[0], vec2=x[1]), lambda x: tg.outer(x[0], x[1])),
        (lambda x: x.reshape(shape=(3, 2)), lambda x: x.reshape(3, 2)),
        (lambda x: x.view(size=(3, 2)), lambda x: x.reshape(3, 2)),
        (lambda x: x.to(device="cpu", dtype=tg.float64), lambda x: x.astype(tg.float64)),
        (lambda x: x.to("cpu", tg.float64), lambda x: x.astype(tg.float64)),
        (lambda x: tg.nn.functional.mse_loss(y_pred=x, y_true=x + 1), lambda x: tg.ones(())),
    ],
)
def test_pytorchs_names_of_arguments_mean_ours(theirs, ours):
    x = tg.tensor([[1.0, 2.0, -3.0], [4.0, 5.0, 7.0]])
    assert theirs(x).dtype == ours(x).dtype
    np.testing.assert_array_equal(theirs(x).numpy(), ours(x).numpy())


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (
            lambda: tg.tensor([1.0], device="cpu"),
            "tensor() does not know the argument 'device'; everything is computed on",
        ),
        (lambda: tg.ones(2, layout=None), "ones() does not know the argument 'layout'; leave it out"),
        (lambda: tg.nn.functional.dropout(tg.ones(2), inplace=True), "leave it out: nothing is computed in place"),
        (lambda: tg.nn.functional.mse_loss(tg.ones(2), tg.ones(2), size_average=True), "use reduction='mean' or 'sum'"),
        (lambda: tg.load("file", map_location="cpu"), "leave it out"),
        (lambda: tg.optim.clip_grad_norm_([], 1.0, foreach=False), "leave it out"),
        (lambda: tg.optim.Adam([], clipnorm=1.0), "use callbacks=[tg.train.ClipGradients(norm)] of tg.train.fit"),
        (lambda: tg.metrics.f1_score([1], [1], avg="macro"), "it takes y_true, y_pred, labels, pos_label, average"),
        (lambda: tg.grad(lambda x: x, argnum=0), "did you mean argnums?"),
        (lambda: tg.nn.init.normal_(tg.ones(2), stddev=1.0), "it takes tensor, mean, std, generator"),
        (lambda: tg.linalg.svd(tg.ones((2, 2)), some=True), "use full_matrices="),
        (lambda: tg.nn.Sequential(layers=[]), "here it is the layers one after the other: tg.nn.Sequential(a, b)"),
        (
            lambda: tg.ones(2).to("cpu", non_blocking=True),
            "to() does not know the argument 'non_blocking'; leave it out",
        ),
        (lambda: tg.nn.Linear(1, 1).to(device="cpu", copy=True), "to() does not know the argument 'copy'"),
    ],
)
def test_functions_of_all_rooms_refuse_what_they_do_not_know_with_a_hint(call, hint):
    with pytest.raises(TypeError, match=re.escape(hint)):
        call()


def test_functions_that_take_foreign_names_can_be_pickled():
    for function in (tg.zeros, tg.clip, tg.clamp, tg.nn.functional.mse_loss, tg.metrics.f1_score, tg.data.split):
        assert pickle.loads(pickle.dumps(function)) is function


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
