"""Finding the first NaN or infinity and the line that made it, and derivatives that are missing."""

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


def test_a_hook_that_makes_an_infinity_is_found_by_its_own_line(place):
    def explode(g):
        place.append(here(1))
        return g * np.inf

    y = tg.tensor([1.0, 2.0], requires_grad=True) * 2
    y.register_hook(explode)
    text = trouble(y.sum().backward)
    assert text.startswith("multiply gave inf at index (0,) of shape (2,)")
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
