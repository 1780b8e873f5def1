"""Hooks on gradients: what they see, what they may change, and when they run."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import gradients


@pytest.fixture
def x():
    return tg.tensor([1.0, 2.0], requires_grad=True)


def test_a_hook_on_a_result_sees_the_complete_gradient_once(x):
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y.sum() + (y * y).sum()).backward()  # y is used twice
    assert seen == [[5.0, 9.0]]
    assert x.grad.tolist() == [10.0, 18.0]


def test_a_hook_on_a_leaf_sees_the_complete_gradient_once_for_each_backward(x):
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    for _ in range(2):
        (x.sum() + (x * x).sum()).backward()
    assert seen == [[3.0, 5.0], [3.0, 5.0]]
    assert x.grad.tolist() == [6.0, 10.0]


def test_what_a_hook_returns_takes_the_place_of_the_gradient(x):
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert x.grad.tolist() == [21.0, 21.0]


def test_several_hooks_run_in_their_order_and_can_be_removed(x):
    first = x.register_hook(lambda g: g + 1)
    second = x.register_hook(lambda g: g * 10)
    x.sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]
    x.grad = None
    first.remove()
    first.remove()  # nothing happens
    x.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]
    second.remove()
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_hook_may_remove_itself(x):
    calls = []

    def once(g):
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    x.sum().backward()
    x.sum().backward()
    assert calls == [1]


def test_hooks_agree_with_those_of_pytorch(torch):

    def run(library, make):
        seen = []

        def hook(name, factor):
            def called(g):
                seen.append((name, g.tolist()))
                return g * factor

            return called

        x = make([1.0, 2.0])
        y = x * x
        z = y.exp() + y
        for name, tensor, factor in [("x", x, 2.0), ("y", y, 3.0), ("z", z, 0.5)]:
            tensor.register_hook(hook(name, factor))
        z.sum().backward()
        return seen, x.grad.tolist()

    ours = run(tg, lambda v: tg.tensor(v, dtype=np.float64, requires_grad=True))
    theirs = run(torch, lambda v: torch.tensor(v, dtype=torch.float64, requires_grad=True))
    assert [name for name, _ in ours[0]] == [name for name, _ in theirs[0]]
    for (_, a), (_, b) in zip(ours[0], theirs[0]):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)


def test_hooks_work_in_autograd_grad(x):
    y = x * x
    y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g * 5)
    assert tg.autograd.grad(y.sum(), x)[0].tolist() == [20.0, 40.0]
    y = x * x
    y.register_hook(lambda g: g * 2)
    assert tg.autograd.grad(y.sum(), y)[0].tolist() == [2.0, 2.0]


def test_hooks_work_on_one_output_of_several(x):
    seen = []
    first, second = tg.split(x, 2)
    first.register_hook(lambda g: g * 10)
    second.register_hook(lambda g: seen.append(g.tolist()))
    (first + 2 * second).sum().backward()
    assert seen == [[2.0]]
    assert x.grad.tolist() == [10.0, 2.0]


def test_the_gradient_that_a_hook_changes_can_be_differentiated(x):
    y = x**3
    y.register_hook(lambda g: g * x)
    (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)  # 3 x^2 * x
    np.testing.assert_allclose(tg.autograd.grad(g.sum(), x)[0].numpy(), 9 * np.array([1.0, 4.0]), rtol=1e-6)


def test_a_hook_is_not_recorded_at_first_order(x):
    modes = []
    x.register_hook(lambda g: modes.append(tg.is_grad_enabled()))
    (x * x).sum().backward()
    assert modes == [False]
    assert tg.is_grad_enabled()


def test_what_a_hook_keeps_does_not_change_and_what_it_returns_is_copied(x):
    kept, replacement = [], tg.tensor([7.0, 7.0])
    x.register_hook(lambda g: kept.append(g))
    x.register_hook(lambda g: replacement)
    for _ in range(2):
        (x * x).sum().backward()
    assert [g.tolist() for g in kept] == [[2.0, 4.0], [2.0, 4.0]]
    assert x.grad.tolist() == [14.0, 14.0]
    x.grad.data[...] = 0
    assert replacement.tolist() == [7.0, 7.0]


def test_a_replacement_gets_the_dtype_of_the_gradient(x):
    x.register_hook(lambda g: g.astype(np.float64) * 2)
    x.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(("wrong", "what"), [(tg.zeros(3), r"shape \(3,\)"), (2.0, "type float")])
def test_a_replacement_that_does_not_fit_is_refused(x, wrong, what):
    x.register_hook(lambda g: wrong)
    with pytest.raises(
        ValueError, match=rf"a hook must return None or a gradient .* of shape \(2,\), not one of {what}"
    ):
        x.sum().backward()
    assert x.grad is None


def test_a_hook_that_raises_leaves_the_modes_alone(x):
    def wrong(g):
        raise KeyError("wrong")

    x.register_hook(wrong)
    with pytest.raises(KeyError, match="wrong"):
        x.sum().backward()
    assert tg.is_grad_enabled()


def test_a_hook_on_a_constant_is_refused():
    with pytest.raises(RuntimeError, match="would never be called"):
        tg.ones(2).register_hook(print)


def test_a_hook_on_a_result_that_is_removed_changes_nothing(x):
    y = x * 2
    y.register_hook(lambda g: g * 10).remove()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_nobody_looks_for_hooks_when_all_were_removed(x):
    before = set(gradients.live_hooks)
    handles = [x.register_hook(lambda g: g), (x * 2).register_hook(lambda g: g)]
    assert len(gradients.live_hooks) == len(before) + 2
    for handle in handles:
        handle.remove()
        handle.remove()
    assert gradients.live_hooks == before


def test_hooks_that_are_never_removed_need_no_memory_for_ever(x, monkeypatch):
    monkeypatch.setattr(gradients, "live_hooks", set())
    for _ in range(3000):
        (x * 2).register_hook(lambda g: g)
    assert len(gradients.live_hooks) <= 1001
    first = x.register_hook(lambda g: g * 3)  # and those that come later still run, also when another is removed
    x.register_hook(lambda g: g * 5)
    first.remove()
    x.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
