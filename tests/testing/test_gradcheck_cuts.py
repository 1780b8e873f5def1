"""A gradient that is cut is named as a cut, with the line where it happens."""

import cProfile
import inspect
import pstats
import re
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.autograd import primitive
from tinygrad_ml.testing import GradientCheckError, gradcheck
from tinygrad_ml.testing.cuts import cuts_in

V = np.random.default_rng(0).normal(size=5)


def detached(x):
    return x * x.detach()


def through_numpy(x):
    return x + tg.tensor(np.exp(x.numpy()))


def through_data(x):
    return x * tg.tensor(x.data)


def by_item(x):
    return x * x[0].item()


def by_float(x):
    return x * float(x[0])


def into_an_array(x):
    values = np.ones(5)
    values[0] = x[0]
    return x * values


def as_a_list(x):
    return tg.tensor(x.tolist(), dtype=float) + 0 * x


def without_recording(x):
    with tg.no_grad():
        y = tg.exp(x)
    return y + x


def through_a_result(x):
    y = tg.exp(x * 2)
    return x + y.detach()


class Cutting(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(5, 2)

    def forward(self, x):
        return self.layer(x.detach()) + self.layer.weight.sum()


CUTS = {
    detached: ("detach()", 1),
    through_numpy: ("numpy()", 1),
    through_data: (".data", 1),
    by_item: ("item()", 1),
    by_float: ("float() or int()", 1),
    into_an_array: ("float() or int()", 2),
    as_a_list: ("tolist()", 1),
    without_recording: ("no_grad()", 2),
    through_a_result: ("detach()", 2),
}


def message(fn, inputs=V, **options):
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(fn, inputs, **options)
    return re.sub(r"\n +", " ", str(caught.value))


@pytest.mark.filterwarnings("ignore::tinygrad_ml.LostGradientWarning")
@pytest.mark.parametrize("mode", ["full", "random"])
@pytest.mark.parametrize("function", CUTS, ids=lambda function: function.__name__)
def test_a_cut_is_named_with_its_line(function, mode):
    how, offset = CUTS[function]
    line = inspect.getsourcelines(function)[1] + offset
    assert re.search(
        rf"a path from x is cut by {re.escape(how)} in \S*test_gradcheck_cuts.py:{line}\b", message(function, mode=mode)
    )


def test_a_cut_in_a_module_is_named_for_the_input_that_it_cuts():
    line = inspect.getsourcelines(Cutting.forward)[1] + 1
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(Cutting(), V[None])
    hints = {failure.name: failure.hint for failure in caught.value.report.failures}
    assert list(hints) == ["x"]
    assert f"test_gradcheck_cuts.py:{line}" in hints["x"]


def test_a_cut_in_a_rule_is_named_in_second_order():
    @primitive(x=lambda g, x: g * 3 * (x.detach() if isinstance(x, tg.Tensor) else x) ** 2)
    def cube(x):
        return x**3

    text = message(lambda x: cube(x), order=2)
    assert re.search(r"second order, x: .* a path from x is cut by detach\(\) in \S*test_gradcheck_cuts.py:\d+", text)


def test_a_wrong_gradient_without_a_cut_is_not_called_one():
    @primitive(x=lambda g, x: 2 * g * np.cos(x))
    def sine(x):
        return np.sin(x)

    assert "cut" not in message(lambda x: sine(x))
    assert "cut" not in message(lambda x, y: sine(x) + y.detach() * 0 + y, (V, V))  # of y alone


def test_what_a_function_does_in_its_forward_is_no_cut():
    """Nothing is recorded there: the path goes through its backward."""

    class Wrong(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return tg.tensor(x.numpy() ** 2) + 0 * x.detach()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 4 * x * g

    with pytest.raises(GradientCheckError, match="2 times too large") as error:
        gradcheck(Wrong.apply, V)
    assert "cut" not in str(error.value)
    with pytest.raises(GradientCheckError, match="a path from x is cut by detach"):  # before it, a cut is one
        gradcheck(lambda x: Wrong.apply(x.detach()) + x, V)


def test_a_cut_that_does_no_harm_passes():
    gradcheck(lambda x: tg.log(tg.sum(tg.exp(x - x.detach().max()))) + x.detach().max(), V)
    gradcheck(lambda x: x + 0 * x.detach(), V)


def test_a_profiler_goes_on_undisturbed():
    x = tg.tensor(2.0, requires_grad=True)
    profiler = cProfile.Profile()
    profiler.enable()
    cuts = cuts_in(lambda: np.sort([1.0]) * x.detach())
    profiler.disable()
    assert cuts == []
    assert any("sort" in str(function) for function in pstats.Stats(profiler).stats)
    assert [cut.how for cut in cuts_in(lambda: x.detach())] == ["detach()"]
    assert sys.getprofile() is None
