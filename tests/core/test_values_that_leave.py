"""Values that leave a Tensor, change or are shared: nothing of it goes without a word."""

import math
import operator
import threading
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml import nn, optim

IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
}

# ---------------------------------------------------------------------- augmented assignment


@pytest.mark.parametrize("symbol", IN_PLACE)
@pytest.mark.parametrize("other", [2.0, 3, np.array([2.0, 3.0]), [2.0, 3.0], "tensor"])
def test_under_no_grad_a_leaf_is_written_in_place(symbol, other):
    x = leaf(5.0, -7.0)
    tensor = isinstance(other, str)
    same, given = x, tg.tensor([2.0, 3.0], dtype=float) if tensor else other
    plain = [2.0, 3.0] if tensor else other
    expected = IN_PLACE[symbol](np.array([5.0, -7.0]), plain)
    with tg.no_grad():
        x = IN_PLACE[symbol](x, given)
    assert x is same
    assert x.requires_grad
    np.testing.assert_array_equal(x.numpy(), expected)


def test_a_matrix_is_multiplied_in_place():
    x = leaf(*np.eye(2))
    with tg.no_grad():
        x @= np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(x.numpy(), [[1.0, 2.0], [3.0, 4.0]])


def test_a_hand_written_step_trains():
    tg.manual_seed(0)
    ours, theirs = nn.Linear(2, 1), nn.Linear(2, 1)
    theirs.load_state_dict(ours.state_dict())
    optimizer = optim.SGD(theirs.parameters(), lr=0.1)
    x, y = tg.randn(8, 2), tg.randn(8, 1)
    for _ in range(5):
        for model in (ours, theirs):
            for p in model.parameters():
                p.grad = None
            ((model(x) - y) ** 2).mean().backward()
        with tg.no_grad():
            for p in ours.parameters():
                p -= 0.1 * p.grad
        optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_a_number_and_an_optimizers_memory_are_written_in_place_too():
    w = tg.tensor(2.0, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)
    w.grad = 1.0
    optimizer.step()
    with tg.no_grad():
        w *= 10.0
    assert w.item() == 15.0
    w.grad = 1.0
    optimizer.step()
    assert w.item() == 14.5


@pytest.mark.parametrize("symbol", IN_PLACE)
def test_while_recording_a_leaf_is_not_rebound(symbol):
    x = leaf(5.0, -7.0, name="x")
    with pytest.raises(RuntimeError, match=r"tg\.no_grad\(\).*x\.data"):
        IN_PLACE[symbol](x, 2.0)
    np.testing.assert_array_equal(x.numpy(), [5.0, -7.0])


def test_a_write_between_forward_and_backward_is_noticed():
    x = leaf(1.0, 2.0, name="x")
    y = (x * x).sum()
    with tg.no_grad():
        x += 1.0
    with pytest.raises(RuntimeError, match="'x' was changed"):
        y.backward()


@pytest.mark.parametrize("make", [lambda: leaf(1.0, 2.0) * 1, lambda: tg.tensor([1.0, 2.0])])
def test_results_and_constants_are_rebound(make):
    x = before = make()
    x += 1.0
    assert x is not before
    np.testing.assert_array_equal(before.numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(x.numpy(), [2.0, 3.0])


def test_a_write_that_does_not_fit_is_refused():
    x = leaf(1.0, 2.0)
    with tg.no_grad():
        with pytest.raises(ValueError, match="cannot write a value of shape"):
            x += np.ones((3, 2))
        with pytest.raises(TypeError, match="cannot write a value of dtype complex128"):
            x += 1j
    np.testing.assert_array_equal(x.numpy(), [1.0, 2.0])


# ---------------------------------------------------------------------- numbers that are taken


def assigned(x):
    c = np.zeros(2)
    c[0] = x


def filled(x):
    np.zeros(2).fill(x)


TAKEN = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "assignment to an element": assigned,
    "fill": filled,
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_takes_a_number_by_itself_warns_at_the_users_line(name):
    x = leaf(1.5)[0]
    with pytest.warns(tg.LostGradientWarning, match=r"x\.item\(\) or x\.detach\(\)") as caught:
        TAKEN[name](x)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tg.no_grad():
            TAKEN[name](x)
        TAKEN[name](x.detach())


def test_the_issue_of_the_warning_is_a_lost_gradient():
    x = leaf(3.0, 1.0)
    c = np.zeros(2)
    with pytest.warns(tg.LostGradientWarning):
        c[0] = x[0] * x[0]
    (c.sum() + x[0]).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 0.0])


def test_what_is_meant_stays_quiet():
    x = leaf(1.5)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (x.item(), x.tolist(), bool(x), x > 1) == (1.5, 1.5, True, tg.tensor(True))
        assert f"{x:.2f}" == "1.50"
        assert str(x).startswith("tensor(1.5")
        assert [10, 20][tg.tensor(1, dtype=int)] == 20


# ---------------------------------------------------------------------- gradients of results


def test_grad_of_a_result_warns_once_and_says_what_to_do():
    x = leaf(2.0)
    y = x * x
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"retain_grad\(\).*tg\.autograd\.grad") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__


def test_retain_grad_keeps_the_gradient_of_a_result():
    x = leaf(2.0, 3.0)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    assert y.grad is None
    (y * np.array([1.0, 10.0])).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(y.grad.numpy(), [1.0, 10.0])
    y.sum().backward()
    np.testing.assert_array_equal(y.grad.numpy(), [2.0, 11.0])  # added up, as for leaves and in PyTorch
    np.testing.assert_array_equal(x.grad.numpy(), [8.0, 66.0])
    y.grad = None
    assert y.grad is None


def test_retain_grad_of_one_part_of_several():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    a, b = tg.split(x, 2)
    a.retain_grad()
    (a * 3 + b).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [3.0, 3.0])


def test_retain_grad_of_a_leaf_does_nothing_and_of_a_constant_raises():
    x = leaf(1.0)
    x.retain_grad()
    x.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0])
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        tg.ones(2).retain_grad()


# ---------------------------------------------------------------------- threads


def test_threads_that_share_a_parameter_lose_no_gradient():
    w = leaf(1.0)
    start = threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(200):
            (w * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad.item() == 800.0


def test_the_warning_names_the_line_of_the_user_also_where_numpy_takes_the_number():
    x = leaf(3.0)[0]
    with pytest.warns(tg.LostGradientWarning) as caught:
        assert np.sum(np.ones(2), initial=x) == 5.0
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_of_modules_is_refused(kind):
    model = tg.nn.Identity()
    model.layers = kind([tg.nn.Linear(1, 1)])
    with pytest.raises(TypeError, match="'layers' is a set, whose order changes"):
        list(model.parameters())


def test_code_without_a_module_is_warned_too():
    code = "import tinygrad_ml as tg\nfloat(tg.tensor(1.0, requires_grad=True) * 2)"
    with pytest.warns(UserWarning, match="gradient"):
        exec(code, {})
