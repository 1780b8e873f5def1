"""Promises that are easily broken at the edges: nothing is lost, shared or wrong without a word."""

import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml import nn, optim

# ---------------------------------------------------------------------- graphs that were freed


def test_grad_through_a_freed_part_raises():
    a = leaf(2.0)
    h = a * a
    tg.autograd.grad(h, a)
    with pytest.raises(RuntimeError, match=r"multiply.*retain_graph=True"):
        tg.autograd.grad(h * 3 + a, a)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        tg.autograd.grad(h, a, allow_unused=True)


def test_grad_at_a_result_leaves_what_is_below_it():
    a = leaf(2.0)
    h = a * a
    (g,) = tg.autograd.grad(h * 3, h)
    assert g.item() == 3.0
    h.sum().backward()
    assert a.grad.item() == 4.0


def test_a_second_backward_names_an_operation_with_several_outputs():
    x = tg.tensor(np.eye(2) + 0.1, requires_grad=True)
    values, _ = tg.linalg.eigh(x)
    values.sum().backward()
    with pytest.raises(RuntimeError, match="eigh"):
        values.sum().backward()


# ---------------------------------------------------------------------- branches that are not taken

TRAPS = {
    "sqrt": (lambda a: tg.where(a > 0, tg.sqrt(a), 0), [-1.0, 0.0, 4.0], [0, 0, 0.25]),
    "log1p(exp)": (lambda a: tg.where(a > 20, a, tg.log1p(tg.exp(a))), [1e4, 0.0], [1, 0.5]),
    "exp2": (lambda a: tg.where(a > 20, a, tg.exp2(a)), [1e4, 0.0], [1, np.log(2)]),
    "expm1": (lambda a: tg.where(a > 20, a, tg.expm1(a)), [1e4, 0.0], [1, 1]),
    "sinh": (lambda a: tg.where(a > 20, a, tg.sinh(a)), [1e4, 0.0], [1, 1]),
    "cosh": (lambda a: tg.where(a > 20, a, tg.cosh(a)), [1e4, 0.0], [1, 0]),
    "arcsin": (lambda a: tg.where(a < 1, tg.arcsin(a), 0), [2.0, 1.0, 0.0], [0, 0, 1]),
    "x**x": (lambda a: tg.where(a > 0, a**a, 0), [-1.5, 0.0, 1.0], [0, 0, 1]),
    "x**0.5": (lambda a: tg.where(a > 0, a**0.5, 0), [-1.0, 0.0, 4.0], [0, 0, 0.25]),
    "tan": (lambda a: tg.where(a < 9, tg.tan(a), 0), [np.inf, 0.0], [0, 1]),
    "remainder": (lambda a: tg.where(a != 0, 1 % a, 0), [0.0, 0.3], [0, -3]),
    "1/x": (lambda a: tg.where(a != 0, 1 / a, 0), [0.0, 2.0], [0, -0.25]),
}


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_nan_comes_out_of_the_branch_that_is_not_taken(name, dtype):
    function, at, expected = TRAPS[name]
    a = tg.tensor(np.array(at, dtype), requires_grad=True)
    with np.errstate(all="ignore"):
        function(a).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), expected, rtol=1e-6)


# ---------------------------------------------------------------------- arguments that are constants


def test_tensors_may_be_given_for_constant_arguments():
    a = leaf(-1.0, 0.5, 3.0)
    np.testing.assert_array_equal(tg.clip(a, tg.tensor(0.0), tg.tensor(2.0)).numpy(), [0, 0.5, 2])
    np.testing.assert_array_equal(np.clip(a, tg.tensor(0.0), None).numpy(), [0, 0.5, 3])
    with pytest.raises(TypeError, match=r"'decimals' is a constant here.*decimals\.detach\(\)"):
        tg.round(a, a.mean())


def test_an_array_given_for_a_constant_argument_can_be_changed_afterwards():
    a, low = leaf(1.0, 2.0), np.zeros(2)
    y = tg.clip(a, low, None).sum()
    low[:] = 5
    y.backward()
    np.testing.assert_array_equal(a.grad.numpy(), [1, 1])


# ---------------------------------------------------------------------- modes, shared by threads


def test_one_no_grad_may_be_used_by_two_threads():
    mode = tg.no_grad()
    entered, left = threading.Event(), threading.Event()

    def other():
        with tg.no_grad(), mode:
            entered.set()
            left.wait(5)
            recorded.append((tg.tensor(1.0, requires_grad=True) * 2).requires_grad)

    recorded = []
    thread = threading.Thread(target=other)
    mode.__enter__()
    thread.start()
    assert entered.wait(5)
    mode.__exit__(None, None, None)
    left.set()
    thread.join()
    assert tg.is_grad_enabled()
    assert recorded == [False]
    assert (tg.tensor(1.0, requires_grad=True) * 2).requires_grad


# ---------------------------------------------------------------------- nothing is lost


def test_an_optimizer_leaves_a_frozen_parameter_alone():
    w, u = leaf(1.0, 2.0), leaf(3.0, 4.0)
    optimizer = optim.SGD([w, u], lr=1.0)
    (w.sum() + u.sum()).backward()
    w.requires_grad = False
    optimizer.step()
    view = w.reshape(2)
    optimizer.step()
    np.testing.assert_array_equal(view.numpy(), [1, 2])
    np.testing.assert_array_equal(u.numpy(), [1, 2])


def test_an_optimizer_says_that_a_parameter_was_turned_into_another_dtype():
    layer = nn.Linear(2, 1)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer.double()
    layer(tg.ones(1, 2)).sum().backward()
    with pytest.raises(RuntimeError, match="make a new optimizer"):
        optimizer.step()


def test_an_optimizer_given_a_module_asks_for_its_parameters():
    with pytest.raises(TypeError, match=r"model\.parameters\(\)"):
        optim.SGD(nn.Linear(2, 1))


def test_the_value_of_a_result_is_not_replaced_without_its_history():
    h = leaf(1.0, 2.0) * 3
    with pytest.raises(RuntimeError, match="history"):
        h.data = h.numpy() * 2
    with tg.no_grad(), pytest.raises(RuntimeError, match="history"):
        h[0] = 9


def test_a_frozen_parameter_keeps_its_name_when_it_is_loaded():
    layer = nn.Linear(2, 1)
    list(layer.parameters())
    layer.requires_grad_(False)
    layer.load_state_dict({"weight": np.ones((1, 2)), "bias": np.zeros(1)})
    assert layer.weight.name == "weight"
    assert layer.weight.numpy().sum() == 2
    assert layer.weight.dtype == np.float32


def test_converting_to_integers_gives_a_constant_and_to_objects_an_error():
    x = leaf(1.7)
    for y in (tg.astype(x, int), x.astype(int)):
        assert y.dtype == np.int64
        assert not y.requires_grad
    with pytest.raises(TypeError, match="object"):
        x.astype(object)


def test_a_gradient_has_the_dtype_of_its_tensor():
    a = tg.ones(1, requires_grad=True)
    a.backward(tg.tensor(np.ones(1)))
    assert a.grad.dtype == np.float32
    a.grad = tg.tensor(np.ones(1))
    assert a.grad.dtype == np.float32


def test_a_gradient_that_is_set_is_copied():
    a, b, g = leaf(1.0), leaf(1.0), tg.tensor(np.array([10.0]))
    a.grad = b.grad = g
    optim.clip_grad_value_([a, b], 1.0)
    assert g.item() == 10
    assert a.grad is not b.grad


def test_shared_parameters_have_both_names_in_the_state_as_in_pytorch(torch):

    class Ours(nn.Module):
        def __init__(self):
            self.a = nn.Linear(2, 2)
            self.b = nn.Linear(2, 2)
            self.b.weight = self.a.weight
            self.c = self.a

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Linear(2, 2)
            self.b = torch.nn.Linear(2, 2)
            self.b.weight = self.a.weight
            self.c = self.a

    ours, theirs = Ours(), Theirs()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    ours.load_state_dict({"a.weight": np.eye(2), "a.bias": np.zeros(2), "b.bias": np.ones(2)})
    np.testing.assert_array_equal(ours.b.weight.numpy(), np.eye(2))
    assert len(list(ours.parameters())) == 3


# ---------------------------------------------------------------------- numbers beside Tensors


def test_lists_are_as_weak_as_numbers():
    assert (tg.tensor(np.array([1.0])) * [0.1]).item() == 0.1
    assert (tg.ones(1) * [0.1]).dtype == np.float32


def test_numpys_nan_to_num_takes_its_arguments_in_numpys_order():
    x = tg.tensor([1.0, float("nan")])
    np.testing.assert_array_equal(np.nan_to_num(x, True, 7.0).numpy(), [1, 7])


# ---------------------------------------------------------------------- who holds an array of the value


HOLDERS = {
    "the array": lambda data: data,
    "a part": lambda data: data[1:],
    "a part of a part": lambda data: data[:, 1:][1:].T,
    "another dtype": lambda data: data.view(np.int32),
    "a memoryview": memoryview,
    "an iterator": lambda data: data.flat,
    "another library's": lambda data: np.asarray(memoryview(data)),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_write_through_what_data_gave_is_seen_for_as_long_as_somebody_holds_it(hold, layout):
    w = tg.tensor(np.asarray(np.ones((3, 2), np.float32), order=layout), requires_grad=True)
    held = hold(w.data)
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
    loss = (w * w).sum()
    written = held if isinstance(held, np.flatiter) else np.asarray(held)
    written[:] = 7
    assert not np.array_equal(w.numpy(), np.ones((3, 2)))
    with pytest.raises(RuntimeError, match="was changed after"):
        loss.backward()


def test_nothing_is_compared_once_nobody_holds_it():
    w = tg.tensor(np.ones((3, 2)), requires_grad=True)
    assert w.data.sum() == 6
    held = w.data[1:]
    assert np.shares_memory(held, w.data)
    (w * w).sum()
    assert w._snapshot is not None
    del held
    (w * w).sum()
    assert w._snapshot is None
    w.data -= 0.5  # a write that is counted at once
    loss = (w * w).sum()
    w.data[0] = 3.0  # one that nobody is told of, and whose array is gone at once
    with pytest.raises(RuntimeError, match="was changed after"):
        loss.backward()
    (w * w).sum()
    assert w._snapshot is None


def test_an_array_of_before_the_optimizer_is_no_longer_the_value():
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    held = w.data
    held[0] = 5.0
    optimizer = tg.optim.SGD([w], lr=1.0)
    held[0] = 6.0
    assert w.tolist() == [5.0, 2.0]
    w.grad = [1.0, 1.0]
    optimizer.step()
    assert w.tolist() == [4.0, 1.0]
