"""The walk: right numbers on every shape of graph, and clear errors."""

import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml.autograd import implements


def test_a_tensor_used_twice_by_one_operation_gets_both_gradients():
    x = leaf(3.0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [6.0])


def test_a_diamond_adds_up_both_paths():
    x = leaf(2.0)
    middle = x * 3
    (tg.exp(middle) + middle**2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [3 * np.exp(6.0) + 9 * 4.0], rtol=1e-15)


def test_a_result_used_many_times_is_walked_once():
    x = leaf(1.0)
    calls = []

    @tg.autograd.primitive(x=lambda g: calls.append(1) or 2 * g)
    def doubled(x):
        return 2 * x

    y = doubled(x)
    total = y
    for _ in range(50):
        total = total + y
    total.sum().backward()
    assert len(calls) == 1
    np.testing.assert_array_equal(x.grad.numpy(), [102.0])


def test_a_ladder_of_diamonds_takes_linear_time():
    x = leaf(1.0)
    y = x
    for _ in range(200):  # 2**200 paths
        y = (y + y) * 0.5
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0])


def test_an_unused_input_has_no_gradient():
    x, unused = leaf(1.0), leaf(1.0)
    (x * 2).sum().backward()
    assert unused.grad is None


def test_a_disconnected_output_raises():
    with pytest.raises(RuntimeError, match="nothing to differentiate"):
        tg.tensor([1.0]).sum().backward()


def test_gradients_accumulate_over_backward_calls():
    x = leaf(2.0)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [7.0])


def test_a_second_backward_raises_and_says_what_to_do():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_a_second_backward_works_when_the_graph_is_retained():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [8.0])


def test_a_failed_backward_leaves_all_gradients_as_they_were():
    x, w = leaf(2.0), leaf(3.0, name="w")
    y = (x * 2 + w * w).sum()
    w.data -= 1.0
    with pytest.raises(RuntimeError):
        y.backward()
    assert x.grad is None
    assert w.grad is None


def test_an_output_with_several_entries_needs_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"shape \(2,\)"):
        (x * 2).backward()
    (x * 2).backward(np.array([1.0, 10.0]))
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 20.0])


def test_a_gradient_of_the_wrong_shape_raises():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        (leaf(1.0, 2.0) * 2).backward(np.ones(3))


def test_backward_on_a_leaf_gives_ones():
    x = leaf(5.0)
    x.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0])


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.uint8])
def test_an_integer_tensor_cannot_require_a_gradient(dtype):
    with pytest.raises(TypeError, match="only floating dtypes"):
        tg.tensor(np.ones(2, dtype), requires_grad=True)


# ---------------------------------------------------------------------- a value that was changed


def test_a_changed_value_names_the_operation_and_the_parameter():
    w = leaf(1.0, 2.0, name="layer.weight")
    y = (w * w).sum()
    w.data -= 0.1
    with pytest.raises(RuntimeError, match=r"'layer\.weight' was changed after multiply used it"):
        y.backward()


@pytest.mark.parametrize(
    "change",
    [
        lambda w: setattr(w, "data", [5.0, 6.0]),
        lambda w: w.data.__setitem__(0, 9.0),
        lambda w: np.copyto(w.data, 7.0),
        lambda w: w.data.fill(0.0),
        lambda w: tg.optim.SGD([w], lr=1.0).step(),
        lambda w: tg.nn.init.zeros_(w),
    ],
    ids=["assign", "setitem", "copyto", "fill", "optimizer", "init"],
)
def test_every_way_to_change_a_value_is_noticed(change):
    w = leaf(1.0, 2.0)
    (w * 1.0).sum().backward()
    y = (w * w).sum()
    change(w)
    with pytest.raises(RuntimeError, match="was changed after multiply"):
        y.backward()


def test_a_change_that_no_rule_needs_is_harmless():
    w = leaf(1.0, 2.0)
    y = (w + 1.0).sum()
    w.data -= 0.5
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [1.0, 1.0])


def test_a_change_before_the_use_is_harmless():
    w = leaf(1.0, 2.0)
    alias = w.data
    alias[0] = 10.0
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [20.0, 4.0])


def test_the_callers_array_can_be_changed_after_its_use():
    w, factor = leaf(1.0, 2.0), np.array([3.0, 4.0])
    y = (w * factor).sum()
    factor[:] = 100.0
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [3.0, 4.0])


def test_a_constant_can_be_changed_after_its_use():
    w, factor = leaf(1.0, 2.0), tg.tensor(np.array([3.0, 4.0]))
    first = factor.data
    y = (w * factor).sum()
    first[:] = 100.0
    factor.data[:] = 200.0
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [3.0, 4.0])


def test_an_index_array_can_be_changed_after_its_use():
    w, index = leaf(1.0, 2.0), np.array([0, 0])
    y = w[index].sum()
    index[:] = 1
    y.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [2.0, 0.0])


def test_a_view_of_a_parameter_is_a_value_of_its_own():
    w = leaf(1.0, 2.0)
    for view in (w.reshape(2, 1), w.T, w[:1], tg.broadcast_to(w, (2, 2)), tg.squeeze(w), w.detach()):
        before = np.array(view.numpy())
        w.data += 1.0
        np.testing.assert_array_equal(view.numpy(), before)


# ---------------------------------------------------------------------- modes


def test_no_grad_records_nothing():
    x = leaf(1.0)
    with tg.no_grad():
        assert not (x * x).requires_grad
        with tg.enable_grad():
            assert (x * x).requires_grad
        assert not tg.is_grad_enabled()
    assert (x * x).requires_grad


def test_no_grad_decorates_functions():
    @tg.no_grad
    def bare(x):
        return x * x

    @tg.no_grad()
    def called(x):
        return x * x

    x = leaf(1.0)
    assert not bare(x).requires_grad
    assert not called(x).requires_grad
    assert (x * x).requires_grad


def test_no_grad_left_by_an_exception_is_over():
    def fail():
        with tg.no_grad():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tg.is_grad_enabled()


def test_modes_belong_to_a_thread():
    inside, done = threading.Event(), threading.Event()
    seen = {}

    def other():
        inside.wait(5)
        seen["enabled"] = tg.is_grad_enabled()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tg.no_grad():
        inside.set()
        assert done.wait(5)
    thread.join()
    assert seen["enabled"]


def test_two_threads_compute_the_same_as_one():
    shared = leaf(*np.linspace(0.1, 1.0, 5))
    results = {}

    def work(seed):
        x = tg.tensor(np.random.default_rng(seed).normal(size=5), requires_grad=True)
        for _ in range(200):
            x.grad = None
            (tg.tanh(x * shared.detach()) ** 2).sum().backward()
        results[seed] = x.grad.numpy()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, found in results.items():
        z = np.random.default_rng(seed).normal(size=5) * shared.numpy()
        np.testing.assert_allclose(found, 2 * np.tanh(z) * (1 - np.tanh(z) ** 2) * shared.numpy(), rtol=1e-12)


# ---------------------------------------------------------------------- memory of gradients


def test_no_two_gradients_share_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).backward(np.array([3.0, 4.0]))
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    tg.optim.clip_grad_norm_([a, b], max_norm=1.0)
    expected = np.array([3.0, 4.0]) / (np.sqrt(50.0) + 1e-6)
    np.testing.assert_allclose(a.grad.numpy(), expected, rtol=1e-15)
    np.testing.assert_allclose(b.grad.numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize("create_graph", [False, True])
def test_no_gradient_is_the_callers_array(create_graph):
    arriving = np.array([1.0, 2.0])
    tensor = tg.tensor(arriving)
    a, b = leaf(1.0, 2.0), leaf(1.0, 2.0)
    (a + b).backward(arriving, create_graph=create_graph)
    (a + b).backward(tensor, create_graph=create_graph)
    assert a.grad is not b.grad
    for grad in (a.grad, b.grad):
        assert grad is not tensor
        assert not np.shares_memory(grad.numpy(), arriving)
        assert not np.shares_memory(grad.numpy(), tensor.numpy())


def test_accumulating_does_not_write_into_a_gradient_that_somebody_kept():
    x = leaf(1.0)
    (x * 2).sum().backward()
    kept = x.grad.numpy()
    (x * 2).sum().backward()
    np.testing.assert_array_equal(kept, [2.0])


# ---------------------------------------------------------------------- autograd.grad and higher orders


def test_grad_returns_gradients_of_leaves_and_results_without_touching_grad():
    x = leaf(2.0)
    y = x * 3
    z = (y * y).sum()
    gx, gy = tg.autograd.grad(z, [x, y])
    np.testing.assert_array_equal(gx.numpy(), [36.0])
    np.testing.assert_array_equal(gy.numpy(), [12.0])
    assert x.grad is None


def test_grad_of_an_unused_input_raises_or_gives_none():
    x, other = leaf(2.0), leaf(1.0)
    with pytest.raises(RuntimeError, match="input 1"):
        tg.autograd.grad((x * x).sum(), [x, other])
    assert tg.autograd.grad((x * x).sum(), [x, other], allow_unused=True)[1] is None


def test_grad_of_several_outputs_adds_them_up():
    x = leaf(2.0)
    (g,) = tg.autograd.grad([x * x, x * 3], x, [tg.ones(1, dtype=float), tg.full((1,), 2.0, dtype=float)])
    np.testing.assert_array_equal(g.numpy(), [10.0])


def test_derivatives_of_all_orders_of_a_power():
    x = tg.tensor(np.float64(2.0), requires_grad=True)
    y = x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
        (y,) = tg.autograd.grad(y, x, create_graph=True)
        assert y.item() == expected


def test_backward_with_create_graph_makes_differentiable_gradients():
    x = leaf(1.0, 2.0)
    (x**3).sum().backward(create_graph=True)
    (hessian_diagonal,) = tg.autograd.grad(x.grad.sum(), x)
    np.testing.assert_allclose(hessian_diagonal.numpy(), [6.0, 12.0])


def test_create_graph_records_also_inside_no_grad():
    x = leaf(2.0)
    y = x**3
    with tg.no_grad():
        (g,) = tg.autograd.grad(y, x, create_graph=True)
    assert tg.autograd.grad(g, x)[0].item() == 12.0


def test_a_changed_value_is_noticed_behind_a_constant_of_many_arrays():
    w, constant = leaf(1.0, 2.0, name="w"), tg.ones(2, dtype=float)
    y = tg.einsum("i,i->", constant, w * 1.0) + tg.einsum("i,i->", constant, w)
    z = (w[0] * tg.einsum("i,i->", w, w)).sum() + y
    w.data -= 1.0
    with pytest.raises(RuntimeError, match="'w' was changed"):
        z.backward()


def test_grad_computes_nothing_for_inputs_that_are_not_asked_for():
    seen = []
    rule = lambda g, y: seen.append("x") or g * y
    product = tg.autograd.elementwise(
        np.multiply, "x * y", name="watched_product", x=rule, y=lambda g, x: seen.append("y") or g * x
    )
    implements(np.multiply)(tg.multiply)
    a, b = leaf(2.0), leaf(3.0)
    tg.autograd.grad(product(a, b).sum(), a)
    product(a.detach(), b).sum().backward()
    assert seen == ["x", "y"]


# ---------------------------------------------------------------------- wrong rules are caught by the engine


def test_a_rule_with_a_gradient_of_the_wrong_shape_is_named():
    broken = tg.autograd.primitive(x=lambda g: g[:1])(lambda x: 2 * x)
    with pytest.raises(RuntimeError, match=r"for 'x' gave a gradient of shape \(1,\)"):
        broken(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_a_rule_that_names_something_unknown_is_refused_at_its_definition():
    with pytest.raises(TypeError, match="zz"):
        tg.autograd.elementwise(np.exp, "", name="unknown_name", x=lambda g, zz: g)
