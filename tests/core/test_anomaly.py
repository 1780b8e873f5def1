"""Finding trouble: the first NaN and where it was made, derivatives that are missing, hooks on gradients."""

import inspect
import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.autograd import no_derivative, primitive


def here(offset=0):
    """Return the place of the calling line, as an error message names it."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno + offset}"


def trouble(function):
    """Return the message that detect_anomaly raises in a function."""
    with pytest.raises(FloatingPointError) as caught, tg.detect_anomaly(), np.errstate(all="ignore"):
        function()
    return str(caught.value)


@pytest.fixture
def place():
    return []


# ---------------------------------------------------------------------- detect_anomaly: values


def test_the_first_value_that_is_not_finite_is_named_with_its_place_and_shapes(place):
    def run():
        x = tg.tensor([[1.0, 0.0], [2.0, 3.0]])
        place.append(here(1))
        y = tg.log(x)
        return (y * 0).sum()

    text = trouble(run)
    assert text.startswith("log gave -inf at index (0, 1) of shape (2, 2); inputs of shape (2, 2)")
    assert text.endswith(place[0])


def test_the_line_is_the_users_also_through_a_module_and_numpy(place):
    def through_a_module():
        place.append(here(1))
        return nn.Linear(2, 1)(tg.tensor([[np.inf, 1.0]]))

    def through_numpy():
        place.append(here(1))
        return np.sqrt(tg.tensor([-1.0]))

    assert trouble(through_a_module).endswith(place[0])
    text = trouble(through_numpy)
    assert text.startswith("sqrt gave nan at index (0,)")
    assert text.endswith(place[1])


def test_a_number_without_axes_is_found_too():
    assert "divide gave inf at index () of shape ()" in trouble(lambda: tg.tensor(1.0) / tg.tensor(0.0))


def test_every_output_of_an_operation_with_several_is_looked_at():
    text = trouble(lambda: tg.split(tg.tensor([1.0, 2.0, 3.0, np.nan]), 2))
    assert "split gave nan at index (1,) of shape (2,)" in text


def test_integers_and_bools_are_no_trouble():
    with tg.detect_anomaly():
        assert (tg.tensor([1.0, 2.0]) > 1).tolist() == [False, True]
        assert tg.argmax(tg.tensor([1.0, 2.0])).item() == 1


def test_values_are_looked_at_under_no_grad_too():
    assert "log gave nan" in trouble(tg.no_grad(lambda: tg.log(tg.tensor([-1.0], requires_grad=True))))


# ---------------------------------------------------------------------- detect_anomaly: gradients


def test_a_gradient_that_is_not_finite_names_the_operation_the_argument_and_the_line_that_made_it(place):
    x = tg.tensor([4.0, 0.0], requires_grad=True)

    def run():
        place.append(here(1))
        y = tg.sqrt(x)
        y.sum().backward()

    text = trouble(run)
    assert text.startswith("the gradient of sqrt for 'x' has inf at index (1,) of shape (2,)")
    assert text.endswith(place[0])
    assert x.grad is None


def test_the_argument_is_the_one_whose_gradient_is_wrong():
    x, y = tg.tensor([1.0], requires_grad=True), tg.tensor([1e-30], requires_grad=True)
    text = trouble(lambda: (x / y).sum().backward())  # x / y^2 is too large for a float32
    assert text.startswith("the gradient of divide for 'y' has -inf at index (0,)")


def test_a_masked_gradient_stays_zero_and_is_no_trouble():
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    with tg.detect_anomaly():
        tg.where(x > 0, tg.sqrt(x), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_an_operation_from_before_says_so():
    y = tg.sqrt(tg.tensor([0.0], requires_grad=True)).sum()
    assert trouble(y.backward).startswith("the gradient of sqrt for 'x' has inf at index (0,)")
    y = tg.sqrt(tg.tensor([0.0], requires_grad=True)).sum()
    assert trouble(y.backward).endswith("a line outside detect_anomaly()")


def test_gradients_are_looked_at_at_second_order_too():
    def slope(x):
        return tg.grad(lambda x: (x**1.5).sum())(x).sum()  # 1.5 x^0.5 has no derivative at 0

    assert "power" in trouble(lambda: tg.grad(slope)(np.array([0.0])))


def test_the_line_of_an_operation_with_several_outputs_is_kept(place):
    @primitive(x=lambda g: g[0] / 0 * np.ones(2))
    def halves(x):
        return x[:1], x[1:]

    def run():
        x = tg.tensor([1.0, 2.0], requires_grad=True)
        place.append(here(1))
        first, _ = halves(x)
        first.sum().backward()

    text = trouble(run)
    assert text.startswith("the gradient of halves for 'x' has inf")
    assert text.endswith(place[0])


# ---------------------------------------------------------------------- detect_anomaly: the mode


def test_the_mode_ends_with_the_block_also_after_an_exception():
    bad = tg.tensor([-1.0])
    for error in (KeyError, None):
        try:
            with tg.detect_anomaly():
                if error:
                    raise error
        except KeyError:
            pass
        with np.errstate(all="ignore"):
            assert np.isnan(tg.log(bad).numpy()).all()


def test_the_mode_nests():
    with tg.detect_anomaly():
        with tg.detect_anomaly():
            pass
        with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
            tg.log(tg.tensor([-1.0]))


def test_a_function_can_be_decorated():
    @tg.detect_anomaly
    def logarithm(x):
        return tg.log(x)

    with np.errstate(all="ignore"):
        with pytest.raises(FloatingPointError):
            logarithm(tg.tensor([-1.0]))
        assert np.isnan(tg.log(tg.tensor([-1.0])).numpy()).all()


def test_other_threads_are_not_in_the_mode():
    seen = []

    def work():
        with np.errstate(all="ignore"):
            seen.append(tg.log(tg.tensor([-1.0])).numpy())

    with tg.detect_anomaly():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert np.isnan(seen[0]).all()


# ---------------------------------------------------------------------- derivatives that are missing


@primitive(x=lambda g: g, order=no_derivative("a Bessel function has none for its order here"))
def bessel(x, order):
    """Stand for a function of which one derivative is not known."""
    return x + order


def test_a_derivative_that_is_missing_raises_in_backward_by_operation_and_argument():
    x, order = tg.tensor(1.0, requires_grad=True), tg.tensor(2.0, requires_grad=True)
    y = bessel(x, order)
    with pytest.raises(RuntimeError, match="bessel has no derivative for 'order': a Bessel function has none"):
        y.backward()


def test_a_derivative_that_is_missing_is_no_trouble_when_nobody_wants_it():
    x, order = tg.tensor(1.0, requires_grad=True), tg.tensor(2.0, requires_grad=True)
    bessel(x, 2.0).backward()
    assert x.grad.item() == 1.0
    assert tg.autograd.grad(bessel(x, order), x)[0].item() == 1.0


# ---------------------------------------------------------------------- hooks


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


def test_hooks_agree_with_those_of_pytorch():
    torch = pytest.importorskip("torch")

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


def test_a_hook_that_makes_an_infinity_is_found_by_its_own_line(x, place):
    def explode(g):
        place.append(here(1))
        return g * np.inf

    y = x * 2
    y.register_hook(explode)
    text = trouble(y.sum().backward)
    assert text.startswith("multiply gave inf at index (0,) of shape (2,)")
    assert text.endswith(place[0])


def test_a_hook_on_a_result_that_is_removed_changes_nothing(x):
    y = x * 2
    y.register_hook(lambda g: g * 10).remove()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
