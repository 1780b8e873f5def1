"""Tensors as values and as Python objects."""

import copy
import pickle
import re
from contextlib import suppress
from importlib import import_module
from operator import attrgetter

import numpy as np
import pytest

import tinygrad_ml as tg

# ---------------------------------------------------------------------- dtypes


@pytest.mark.parametrize("data", [2.5, [[1.0], [2.0]], (1, 2.0), []])
def test_pythons_floats_become_the_default_float(data):
    assert tg.tensor(data).dtype == np.float32


@pytest.mark.parametrize("data", [1, [1, 2], (1, 2), range(3), [[1], [2]]])
def test_whole_numbers_stay_whole_unless_a_gradient_is_required(data):
    assert tg.tensor(data).dtype == np.int64
    assert tg.tensor(data, requires_grad=True).dtype == np.float32
    assert tg.nn.Parameter(data).dtype == np.float32
    assert tg.tensor(data, dtype="float64").dtype == np.float64
    with pytest.raises(TypeError, match="only floating dtypes have derivatives"):
        tg.tensor(np.array(data), requires_grad=True)


def test_labels_and_indices_typed_by_hand_work_as_such():
    x = tg.tensor([[0.5, 2.0, -1.0], [1.0, 0.0, 3.0]])
    assert tg.nn.functional.cross_entropy(x, tg.tensor([1, 2])).dtype == np.float32
    assert x[tg.tensor([1, 0])].shape == (2, 3)
    assert tg.nn.Embedding(3, 2)(tg.tensor([0, 2])).shape == (2, 2)


def test_lists_of_whole_numbers_are_weak_beside_floats():
    x = tg.tensor([1.0, 2.0])
    assert tg.add(x, [1, 2]).dtype == (x * 2).dtype == tg.maximum(x, [0, 3]).dtype == np.float32
    assert tg.add(tg.tensor([1, 2]), [1, 2]).dtype == np.int64
    assert tg.nn.Linear(2, 1)(tg.tensor([[1, 2]])).dtype == np.float32


def test_a_number_beside_an_array_is_weak_without_any_tensor():
    array = np.ones(2, np.float32)
    assert tg.subtract(1, array).dtype == tg.multiply(array, 2.5).dtype == np.float32
    assert tg.add(1, 2).dtype == np.int64
    assert tg.add(1, 2.0).dtype == np.float32


def test_the_default_float_can_be_changed(float64):
    assert tg.tensor([1.0, 2]).dtype == tg.tensor(1, requires_grad=True).dtype == np.float64
    assert tg.zeros(2).dtype == tg.randn(2).dtype == tg.nn.Linear(2, 2).weight.dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "uint8", "bool", "complex64"])
def test_arrays_keep_their_dtype(dtype):
    assert tg.tensor(np.ones(2, dtype)).dtype == dtype


def test_bools_stay_bools():
    assert tg.tensor([True, False]).dtype == bool


def test_only_a_floating_dtype_can_be_the_default():
    with pytest.raises(TypeError, match="int64"):
        tg.set_default_dtype(int)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x + 1,
        lambda x: 2.5 * x,
        lambda x: x / 3,
        lambda x: x**2,
        lambda x: 2.0**x,
        lambda x: x.mean(),
        lambda x: x.mean(axis=0) - 0.5,
        lambda x: np.float32(3) * x,
        lambda x: tg.maximum(x, 0.5),
        lambda x: tg.where(x > 0, x, 0.0),
    ],
)
def test_python_scalars_are_weak(operation):
    x = tg.tensor(np.ones((2, 2), np.float32), requires_grad=True)
    y = operation(x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


def test_a_numpy_float64_is_strong_as_in_numpy():
    assert (np.float64(2) * tg.ones(2)).dtype == np.float64


@pytest.mark.parametrize("data", ["text", ["a", "b"], None, [None], object(), {"a": 1}])
def test_data_that_is_not_numeric_is_refused(data):
    with pytest.raises(TypeError, match="numeric"):
        tg.tensor(data)


def test_a_ragged_list_is_refused():
    with pytest.raises(ValueError, match="list"):
        tg.tensor([[1, 2], [3]])


def test_a_list_of_tensors_points_to_stack():
    with pytest.raises(TypeError, match=r"tg\.stack"):
        tg.tensor([[tg.ones(2)], [tg.ones(2)]])


# ---------------------------------------------------------------------- values


def test_a_tensor_owns_a_copy_of_its_array():
    array = np.ones(2)
    x = tg.tensor(array)
    array[0] = 5
    np.testing.assert_array_equal(x.numpy(), [1, 1])


def test_numpy_is_read_only():
    view = tg.ones(2).numpy()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5


def test_the_data_of_a_result_is_read_only():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="read-only"):
        (x * 2).data[0] = 5


@pytest.mark.parametrize("make", [lambda: tg.tensor(2.0), lambda: tg.ones(3).sum(), lambda: tg.exp(1.0)])
def test_results_are_arrays_also_without_axes(make):
    x = make()
    assert type(x.data) is np.ndarray
    assert type(x.numpy()) is np.ndarray
    assert x.shape == ()


def test_adding_in_place_to_a_result_or_a_constant_rebinds_the_name():
    for x in (tg.ones(2, requires_grad=True) * 1, tg.ones(2)):
        y = x
        y += 1
        assert y is not x
        np.testing.assert_array_equal(x.numpy(), [1, 1])


def test_setitem_on_a_result_is_differentiable():
    x, v = tg.ones(3, requires_grad=True), tg.tensor(5.0, requires_grad=True)
    y = x * 2
    before = y * 1
    y[1] = v
    (y * tg.tensor([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 0, 200])
    assert v.grad.item() == 10
    np.testing.assert_array_equal(before.numpy(), [2, 2, 2])


def test_setitem_on_a_constant_makes_it_depend_on_the_value():
    x, v = tg.zeros(3), tg.tensor(5.0, requires_grad=True)
    view = x.reshape(3, 1)
    x[1] = v
    (x * 3).sum().backward()
    assert v.grad.item() == 3
    assert view.numpy().sum() == 0


def test_setitem_on_a_parameter_raises_while_recording():
    w = tg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"tg\.no_grad"):
        w[0] = 5
    with tg.no_grad():
        w[0] = 5
    np.testing.assert_array_equal(w.numpy(), [5, 1, 1])


def test_a_parameter_keeps_its_dtype_when_it_is_assigned():
    w = tg.ones(2, requires_grad=True)
    w.data = w.data - np.float64(0.5) * np.ones(2)
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w.numpy(), [0.5, 0.5])


def test_the_textbook_step_works():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        w.data -= 0.1 * w.grad.data
    np.testing.assert_allclose(w.numpy(), np.array([1.0, 2.0]) * 0.8**3, rtol=1e-6)


def test_asking_a_leaf_to_stop_requiring_a_gradient():
    w = tg.ones(2, requires_grad=True)
    w.requires_grad = False
    assert not (w * 2).requires_grad
    with pytest.raises(RuntimeError, match="detach"):
        (tg.ones(2, requires_grad=True) * 2).requires_grad = False


# ---------------------------------------------------------------------- broadcasting


@pytest.mark.parametrize(
    ("a", "b"),
    [((), (3,)), ((1,), (3,)), ((4, 1), (1, 3)), ((3,), (2, 3)), ((2, 0), (1, 0)), ((0,), ()), ((2, 1, 3), (4, 1))],
)
def test_gradients_have_the_shapes_of_what_was_broadcast(a, b):
    x, y = tg.ones(a, requires_grad=True), tg.ones(b, requires_grad=True)
    (x * y).sum().backward()
    size = np.broadcast(np.empty(a), np.empty(b)).size
    assert x.grad.shape == a
    assert y.grad.shape == b
    assert x.grad.numpy().sum() == size
    assert y.grad.numpy().sum() == size


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"add: .*\(3,\) and \(4,\)"):
        tg.ones(3) + tg.ones(4)


def test_matmul_names_the_shapes():
    with pytest.raises(ValueError, match=r"matmul: .*\(3, 4\) and \(5, 6\)"):
        tg.ones(3, 4) @ tg.ones(5, 6)


def test_an_unknown_argument_is_named_with_a_hint():
    with pytest.raises(TypeError, match=r"sum\(\) does not know the argument 'where'; it takes x, axis, keepdims"):
        tg.ones(3).sum(where=0)


# ---------------------------------------------------------------------- as a Python object


def test_formatting_a_loss():
    assert f"{tg.tensor(1.25):.1f}" == "1.2"


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (lambda: tg.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (lambda: tg.tensor(3.0, requires_grad=True), "tensor(3., requires_grad=True)"),
        (lambda: tg.tensor(np.arange(2)), "tensor([0, 1], dtype=int64)"),
        (lambda: tg.ones(2, requires_grad=True) * 2, "tensor([2., 2.], made by multiply)"),
        (lambda: tg.zeros(0, 3), "tensor([], shape=(0, 3))"),
    ],
)
def test_repr(tensor, text):
    assert repr(tensor()) == text


def test_len_iteration_and_truth():
    x = tg.tensor([1.0, 2.0])
    assert len(x) == 2
    assert [float(v) for v in x] == [1.0, 2.0]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError, match="without axes"):
        len(tg.tensor(1.0))


def test_a_tensor_differs_from_none_and_text():
    x = tg.ones(2)
    assert (x == None) is False  # noqa: E711
    assert x != "text"


def test_a_name_from_pytorch_points_to_numpys():
    with pytest.raises(AttributeError, match=r"no attribute 'expand'; here it is tg\.broadcast_to"):
        tg.ones(2).expand(2, 2)
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        _ = tg.ones(2).nonsense


def test_a_copy_that_would_lose_a_gradient_is_refused():
    with pytest.raises(TypeError, match=r"x\.detach\(\)"):
        tg.tensor(tg.ones(2, requires_grad=True))


def test_formatting_many_numbers_as_one_is_refused():
    with pytest.raises(TypeError, match=r"shape \(2,\) with '\.2f'"):
        f"{tg.ones(2):.2f}"


def test_item_of_many_raises():
    with pytest.raises(ValueError, match=r"\(2,\)"):
        tg.ones(2).item()


def test_an_integer_tensor_is_an_index():
    assert ["a", "b"][tg.tensor(np.int64(1))] == "b"
    with pytest.raises(TypeError, match="integer Tensor"):
        ["a", "b"][tg.tensor(1.0)]


def test_tensors_hash_by_identity():
    a, b = tg.ones(1), tg.ones(1)
    assert len({a, b, a}) == 2


def test_becoming_an_array_silently_is_refused_when_a_gradient_would_be_lost():
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="detach"):
        np.asarray(x)
    array = np.asarray(x.detach())
    array[0] = 5
    assert x.numpy()[0] == 1


def test_leaves_can_be_copied_and_pickled():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="x")
    for other in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x))):
        assert other.requires_grad
        assert other.name == "x"
        other.data[0] = 7
        assert x.numpy()[0] == 1


def test_results_are_not_pickled_with_their_history():
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dumps(tg.ones(2, requires_grad=True) * 2)


def test_a_gradient_can_be_set_by_hand():
    x = tg.ones(2, requires_grad=True)
    x.grad = [1.0, 2.0]
    assert isinstance(x.grad, tg.Tensor)
    with pytest.raises(ValueError, match="shape"):
        x.grad = [1.0]


# ---------------------------------------------------------------------- creation


def test_creation_takes_shapes_both_ways():
    assert tg.zeros(2, 3).shape == tg.zeros((2, 3)).shape == (2, 3)
    assert tg.ones(()).shape == tg.ones().shape == ()
    assert tg.full((2,), 7).dtype == np.float32
    assert tg.zeros_like(np.ones(2)).dtype == np.float64
    np.testing.assert_array_equal(tg.eye(2, 3).numpy(), np.eye(2, 3))
    np.testing.assert_array_equal(tg.linspace(0, 1, 5).numpy(), np.linspace(0, 1, 5, dtype=np.float32))
    np.testing.assert_array_equal(tg.arange(1, 7, 2).numpy(), [1, 3, 5])


def test_a_seed_repeats_the_random_numbers():
    tg.manual_seed(3)
    first = tg.rand(4), tg.randn(4)
    tg.manual_seed(3)
    second = tg.rand(4), tg.randn(4)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def written(x, value):
    x[:] = value


MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
TAKES_ARRAYS = {
    "tensor": tg.tensor,
    "list": lambda m: tg.tensor([m, m]),
    "operation": tg.exp,
    "operand": lambda m: tg.ones(3) * m,
    "where": lambda m: tg.where(m, 1.0, 0.0),
    "loss": lambda m: tg.nn.functional.mse_loss(tg.ones(3), m),
    "classes": lambda m: tg.nn.functional.cross_entropy(tg.ones(3, 4), m.astype(int)),
    "index": lambda m: tg.ones(4)[m.astype(int)],
    "take": lambda m: tg.take(tg.ones(4), m.astype(int)),
    "embedding": lambda m: tg.embedding(m.astype(int), tg.ones(4, 2)),
    "add_at": lambda m: tg.add_at(tg.zeros(3), [0, 1, 2], m),
    "from_dlpack": tg.from_dlpack,
    "layer": lambda m: tg.nn.Linear(3, 1)(m),
    "constant": lambda m: tg.ones(3) + np.ma.masked,
    "data": lambda m: setattr(tg.ones(3, requires_grad=True), "data", m),
    "grad": lambda m: setattr(tg.ones(3, requires_grad=True), "grad", m),
    "part": lambda m: written(tg.ones(3), m),
    "gradient": lambda m: tg.ones(3, requires_grad=True).exp().backward(m),
}


@pytest.mark.parametrize("name", TAKES_ARRAYS)
def test_masked_arrays_are_refused_wherever_arrays_are_taken(name):
    for masked in (MASKED, np.ma.array([1.0, 2.0, 0.0])):  # nothing is masked in the second, now
        with pytest.raises(TypeError, match=r"mask of a masked array would be ignored.*use (\.astype.*)?\.filled"):
            TAKES_ARRAYS[name](masked)
    assert np.isnan(tg.tensor(MASKED.filled(np.nan))[1].item())


def test_integers_of_more_than_64_bits_are_named():
    for data in (10**25, [1, 10**400], [[10**25, 1.0]]):
        with pytest.raises(TypeError, match="it holds an integer of more than 64 bits: write it as a float"):
            tg.tensor(data)
    with pytest.raises(OverflowError, match=r"multiply: int too large .* \(got shapes \(2,\) and \(\)\)"):
        tg.ones(2) * 10**400
    assert (tg.tensor(1.0) * 10**25).item() == np.float32(1e25)


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda x: x.size(), "the length of an axis is x.shape[0], and of all x.shape"),
        (lambda x: x.size(0), "the length of an axis is x.shape[0], and of all x.shape"),
        (lambda x: x.reshape(x.size(-1), -1), "the length of an axis is x.shape[0], and of all x.shape"),
        (lambda x: x.T(), "write x.T"),
        (lambda x: x.mT(), "write x.mT"),
        (lambda x: x.real(), "write x.real"),
        (lambda x: x.imag(), "write x.imag"),
    ],
)
def test_an_attribute_that_is_called_says_what_to_write(call, instead):
    tensors = [tg.ones((2, 3)), tg.nn.Parameter(np.ones((2, 3))), tg.ones((2, 3), requires_grad=True) * 2]
    for x in tensors * 50:  # Python compiles the code anew once it has run a few times
        with pytest.raises(TypeError, match="and no method: " + re.escape(instead)):
            call(x)


def test_what_numpy_or_pytorch_have_as_a_method_can_be_called_or_says_what_to_write():
    theirs = [np.ones((2, 3))]
    with suppress(ImportError):
        theirs.append(import_module("torch").ones(2, 3))
    x = tg.ones((2, 3))
    for tensor in theirs:
        for name in dir(tensor):
            is_method = callable(getattr(type(tensor), name)) and not name.startswith("_")
            if is_method and hasattr(tg.Tensor, name) and not callable(getattr(x, name)):
                with pytest.raises(TypeError, match="and no method: "):
                    eval(f"x.{name}()")


def test_an_attribute_is_an_ordinary_value_however_it_is_read():
    x = tg.ones((2, 3), dtype=np.float32)
    for _ in range(50):
        assert type(x.size) is int
        assert type(x.shape) is tuple
        assert str(x.size).isdigit()
        assert x.shape.index(3) == 1
        assert x.T.sum().item() == 6
        assert [getattr(x, name) for name in ("ndim", "size", "shape")] == [2, 6, (2, 3)]
        assert attrgetter("size")(x) == np.size(x) == 6
    assert (x.numpy() / x.size).dtype == np.float32  # as weak as any int
