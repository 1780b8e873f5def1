"""gradcheck: what it accepts, what it reports, and what it says when a check is impossible."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.testing import GradientCheckError, derivatives, gradcheck, progress

rng = np.random.default_rng(6)
X = rng.standard_normal((5, 4))
V = rng.standard_normal(6)


class Regression(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(4, 3)
        self.scale = nn.Parameter(np.ones(3))

    def forward(self, x):
        return self.layer(x) * self.scale


class RunningMean(nn.Module):
    def __init__(self):
        self.mean = nn.Buffer(np.zeros(3, np.float32))

    def forward(self, x):
        self.mean = nn.Buffer(0.9 * self.mean.numpy() + 0.1 * x.numpy().mean(axis=0))
        return x - x.mean(axis=0)


class WrongLayer(Regression):
    def forward(self, x):
        return super().forward(x) + (self.layer.weight.detach() * self.layer.weight).sum()


# ---------------------------------------------------------------------- what it accepts


def test_a_function_of_one_array_list_number_or_tensor():
    for x in (V, V.tolist(), 1.5, tg.tensor(V), tg.tensor(V, requires_grad=True)):
        assert gradcheck(lambda x: x * x, x).entries == np.size(x)


def test_several_inputs_are_named_after_the_arguments():
    report = gradcheck(lambda left, right: left * right, (V, V + 1))
    assert [c.name for c in report.comparisons] == ["left", "right"]


def test_only_tensors_that_require_a_gradient_are_checked_if_there_are_some():
    x, y = tg.tensor(V, requires_grad=True), tg.tensor(V)
    assert [c.name for c in gradcheck(lambda x, y: x * y.detach(), (x, y)).comparisons] == ["x"]


def test_integers_are_constants():
    report = gradcheck(lambda table, rows: table[rows], (X, np.array([1, 1, 3])))
    assert [c.name for c in report.comparisons] == ["table"]


def test_integers_of_plain_functions_are_checked_if_they_have_a_gradient():
    report = gradcheck((lambda w: (w**2).sum(), lambda w: 2 * w), np.array([1, 2, 3]))
    assert report.entries == 3
    assert "w: integers, checked as float64" in report.notes
    pair = (lambda w, x: (w * x).sum(), lambda w, x: (x, w))
    assert [c.name for c in gradcheck(pair, (np.array([1, 2]), V[:2])).comparisons] == ["w", "x"]
    assert [
        c.name for c in gradcheck((lambda x, n: (x**n).sum(), lambda x, n: n * x ** (n - 1)), (V, 3)).comparisons
    ] == ["x"]
    pair = (lambda table, rows: table[rows].sum(), lambda table, rows: (np.ones((1, 4)), np.zeros(1)))
    assert [c.name for c in gradcheck(pair, (X[:1], np.array([0]))).comparisons] == ["table"]  # no float is an index


@pytest.mark.parametrize(
    ("fn", "inputs", "what"),
    [
        (lambda x: x * x, np.array([1, 2, 3]), "input"),
        (lambda x: x * x, [1, 2, 3], "input"),
        ((lambda rows: X[rows].sum(), lambda rows: np.zeros(2)), np.array([1, 2]), "input"),
        (nn.Embedding(3, 2).requires_grad_(False), np.array([1, 2]), "input"),
        (tg.argmax, V, "output"),
        ((lambda x: x > 0, lambda g, x: 17 * g), V, "output"),
    ],
)
def test_nothing_to_check_is_an_error(fn, inputs, what):
    with pytest.raises(GradientCheckError, match=f"nothing to check: there is no floating {what}"):
        gradcheck(fn, inputs)


@pytest.mark.parametrize("mode", ["full", "random"])
def test_a_point_where_the_function_only_jumps_is_an_error(mode):
    with pytest.raises(GradientCheckError, match="nothing to compare: the function jumps at every entry"):
        gradcheck((np.floor, lambda g, x: 17 * g), np.array([1.0, 2.0]), mode=mode)


def test_no_entries_are_said_and_the_shape_of_their_gradient_is_checked():
    assert "no entries, so only the shape" in str(gradcheck(lambda x: x * 2.0, np.zeros((0, 3))))
    with pytest.raises(GradientCheckError, match=r"shape \(3, 0\), but x has shape \(0, 3\)"):
        gradcheck((lambda x: x * 2.0, lambda g, x: 2 * g.T), np.zeros((0, 3)))


def test_all_parameters_of_a_module_are_checked_by_name():
    report = gradcheck(Regression(), X)
    assert {c.name: c.checked for c in report.comparisons} == {
        "x": 20,
        "layer.weight": 12,
        "layer.bias": 3,
        "scale": 3,
    }


def test_a_wrong_parameter_of_a_module_is_named():
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(WrongLayer(), X)
    assert [f.name for f in caught.value.report.failures] == ["layer.weight"]


def test_parameters_can_be_chosen_by_name_and_pattern():
    assert {c.name for c in gradcheck(Regression(), X, params="scale").comparisons} == {"x", "scale"}
    assert {c.name for c in gradcheck(WrongLayer(), X, params=["*.bias"]).comparisons} == {"x", "layer.bias"}
    with pytest.raises(ValueError, match=r"no parameter is named.*layer.weight"):
        gradcheck(Regression(), X, params="weight")


def test_parameters_of_a_closure_can_be_given_as_dict_list_or_module():
    model = Regression()
    for params in (dict(model.named_parameters()), list(model.parameters()), model):
        report = gradcheck(lambda x: nn.functional.mse_loss(model(x), np.ones((5, 3))), X, params=params)
        assert report.entries == 20 + 12 + 3 + 3


def test_a_frozen_parameter_is_left_out_with_a_note():
    model = Regression()
    model.scale.requires_grad = False
    report = gradcheck(model, X)
    assert "scale" in report.notes[-1] or "scale" in report.notes[0]
    assert "scale" not in [c.name for c in report.comparisons]


def test_the_module_and_its_parameters_stay_as_they_are():
    model = nn.Sequential(nn.Linear(4, 3), RunningMean())
    before = model.state_dict()
    arrays = [p.data for p in model.parameters()]
    gradcheck(model, X)
    after = model.state_dict()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value)
    gradcheck(lambda x: model(x), X, params=model)
    assert all(p.grad is None and p.dtype == np.float32 for p in model.parameters())
    assert all(np.shares_memory(p.data, array) for p, array in zip(model.parameters(), arrays))
    np.testing.assert_array_equal(model.state_dict()["0.weight"], before["0.weight"])


def test_plain_functions_of_scalars_and_of_arrays():
    assert gradcheck((lambda x: float(x) ** 3, lambda x: 3 * x**2), 2.0)
    assert gradcheck((lambda x, y: x @ y, lambda g, x, y: (g @ y.T, x.T @ g)), (X, X.T))
    assert gradcheck((lambda x: (x, x * x), lambda g, x: g[0] + 2 * x * g[1]), V)
    pair = (lambda x, k, y: (x[k] * y).sum(), lambda x, k, y: (np.eye(6)[k].T @ y, None, x[k]))
    assert gradcheck(pair, (V, np.array([1, 2]), np.array([3.0, 4.0]))).entries == 8


def test_a_gradient_function_that_returns_too_few_arrays_is_told_so():
    with pytest.raises(TypeError, match="returned 1 arrays; there are 2 inputs to check: x, y"):
        gradcheck((lambda x, y: (x * y).sum(), lambda x, y: x), (V, V))


def test_a_pytorch_function_through_a_three_line_adapter(torch):

    def from_torch(function):
        def vjp(g, *arrays):
            leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
            return torch.autograd.grad(function(*leaves), leaves, torch.tensor(g))

        return lambda *arrays: function(*map(torch.tensor, arrays)).detach().numpy(), vjp

    assert gradcheck(from_torch(lambda x, y: (torch.tanh(x) @ y).sum()), (X, X.T))
    assert gradcheck(from_torch(lambda x, y: torch.tanh(x) @ y), (X, X.T))
    with pytest.raises(GradientCheckError, match="input 1: the gradient is zero"):
        gradcheck(from_torch(lambda x, y: (x @ (y.detach() + 0 * y)).sum()), (X, X.T))


def test_a_scalar_function_whose_gradient_takes_an_incoming_one():
    assert gradcheck((lambda x: (x**2).sum(), lambda g, x: 2 * g * x), V)
    with pytest.raises(GradientCheckError, match="does not multiply by the incoming gradient"):
        gradcheck((lambda x: (x**2).sum(), lambda g, x: 2 * x), V)


def test_whether_a_gradient_takes_an_incoming_one_does_not_hang_on_defaults_or_on_how_a_function_is_made():
    class Norm:
        def __call__(self, x):
            return (x**2).sum()

    assert gradcheck((Norm(), lambda x: 2 * x), V)
    assert gradcheck((Norm(), lambda x, factor=2: factor * x), V)
    assert gradcheck((lambda x, k=3: x**k, lambda g, x, k=3: k * g * x ** (k - 1)), V)


@pytest.mark.parametrize("f", [lambda x: x**2, lambda x: [np.sum(x**2)], lambda x: (x, x)])
@pytest.mark.parametrize("x", [V, np.arange(3)])
def test_a_gradient_of_many_numbers_is_refused_with_what_to_do(f, x):
    with pytest.raises(TypeError, match=r"is that of one number: return one .*df\(g, x\)"):
        gradcheck((f, lambda x: 2 * x), x)


@pytest.mark.parametrize("kind", [list, tuple, np.ndarray.tolist])
def test_the_gradient_of_one_input_may_be_a_list_of_numbers(kind):
    matrix = V.reshape(2, 3)
    assert gradcheck((lambda x: np.sum(x**2), lambda x: kind(2 * x)), V).entries == 6
    assert gradcheck((lambda x: np.sum(x**2), lambda x: kind(2 * x)), [1, 2, 3]).entries == 3
    assert gradcheck((lambda x: np.sum(x**2), lambda x: (2 * x).tolist()), matrix).entries == 6
    with pytest.raises(GradientCheckError, match="2 times too large"):
        gradcheck((lambda x: np.sum(x**2), lambda x: kind(4 * x)), V)
    with pytest.raises(TypeError, match="returned 2 arrays; there are 1 inputs"):
        gradcheck((lambda x: np.sum(x**2), lambda x: kind(2 * x[:2])), V)


def test_a_forgotten_return_is_named():
    with pytest.raises(GradientCheckError, match="does the gradient function return its result"):
        gradcheck((lambda x: np.sum(x**2), lambda x: None), V)


def test_other_ways_to_write_the_call_are_answered_with_the_right_one():
    f, df, two = (lambda x: np.sum(x**2)), (lambda x: 2 * x), (lambda x, y: np.sum(x * y))
    for call in (lambda: gradcheck(f, df, V), lambda: gradcheck(f, V, df), lambda: gradcheck((f, df), V, V)):
        with pytest.raises(TypeError, match=re.escape("gradcheck((f, gradient), (x, y))")):
            call()
    with pytest.raises(TypeError, match=r"not \(function, ndarray\): df itself"):
        gradcheck((f, df(V)), V)
    for wrong in (lambda: gradcheck((f, df)), lambda: gradcheck(tg.nn.Linear(3, 2)), lambda: gradcheck(f)):
        with pytest.raises(TypeError, match="is given 0 inputs: missing a required argument: 'x'"):
            wrong()
    with pytest.raises(TypeError, match="is given 1 input: missing a required argument: 'y'"):
        gradcheck(two, V)
    with pytest.raises(TypeError, match="use mode='random'"):
        gradcheck(f, V, fast_mode=True)


def test_unknown_options_are_refused():
    for bad in ({"method": "newton"}, {"mode": "half"}, {"order": 3}):
        with pytest.raises(ValueError, match="method is one of"):
            gradcheck(tg.exp, V, **bad)
    with pytest.raises(ValueError, match="samples=0 would compare nothing"):
        gradcheck(tg.exp, V, samples=0)
    with pytest.raises(ValueError, match="order=2 needs a function of Tensors"):
        gradcheck((lambda x: x**2, lambda x: 2 * x), 1.0, order=2)


# ---------------------------------------------------------------------- complex numbers

Z = V + 1j * V[::-1]


@pytest.mark.parametrize("mode", ["full", "random"])
@pytest.mark.parametrize("method", ["central", "ridders", "complex"])
def test_both_parts_of_complex_inputs_and_outputs_are_checked(method, mode):
    report = gradcheck(lambda z, x: (tg.exp(z) * x, tg.abs(z)), (Z, V), method=method, mode=mode, order=2)
    assert report["z"].value.shape == (*Z.shape, 2)
    assert gradcheck(tg.exp, 1 + 2j, method=method)
    assert gradcheck(lambda x: tg.abs(1j * x) + tg.real(x * 1j), V, method=method, mode=mode)


def test_complex_parameters_of_a_function_are_checked():
    w = tg.tensor(Z, requires_grad=True)
    assert gradcheck(lambda x: tg.abs(x * w) ** 2, V, params={"w": w})["w"].checked == 2 * Z.size
    np.testing.assert_array_equal(w.numpy(), Z)


def test_a_missing_conjugate_is_found():
    right = (lambda z: z**2, lambda g, z: 2 * g * z.conj())
    assert gradcheck(right, Z)
    assert gradcheck((lambda z: (abs(z) ** 2).sum(), lambda z: 2 * z), Z)
    with pytest.raises(GradientCheckError, match=r"the sign is wrong[\s\S]*a missing conj\(\)\?[\s\S]*imag\)"):
        gradcheck((lambda z: z**2, lambda g, z: 2 * g * z), Z)
    with pytest.raises(GradientCheckError, match="2 times too small"):
        gradcheck((lambda z: (abs(z) ** 2).sum(), lambda z: z), Z)


def test_a_rule_that_is_wrong_for_complex_numbers_is_caught():
    @tg.autograd.primitive(x=lambda g, x: g * np.sign(x))  # without a conjugate
    def size(x):
        return np.abs(x)

    assert gradcheck(size, V)
    with pytest.raises(GradientCheckError):
        gradcheck(size, Z)


def test_what_rounding_leaves_of_one_part_is_no_fault():
    a = np.outer(Z, Z.conj())[:3, :3] + np.diag([1.0, 2.0, 3.0])
    symmetric = lambda a: (a + tg.conj(a).mT) / 2  # of which the imaginary part of the diagonal is 0 up to rounding
    assert gradcheck(lambda a: tg.linalg.eigvalsh(symmetric(a)), a, order=2)


# ---------------------------------------------------------------------- when a check is impossible


@pytest.mark.parametrize("mode", ["full", "random"])
def test_dropout_is_recognised(mode):
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5))
    with pytest.raises(GradientCheckError, match=r"not deterministic[\s\S]*eval\(\)[\s\S]*seed it"):
        gradcheck(model, X, mode=mode)
    assert gradcheck(model.eval(), X, mode=mode)

    def seeded(x):
        tg.manual_seed(0)
        return model.train()(x)

    assert gradcheck(seeded, X, mode=mode)


def test_writing_to_an_input_is_recognised():
    def writes(x):
        x *= 2
        return x.sum()

    with pytest.raises(GradientCheckError, match="x: the function writes to its input"):
        gradcheck((writes, lambda x: 2 + 0 * x), V)

    def gradient_writes(x):
        x += 1
        return 2 * x - 2

    with pytest.raises(GradientCheckError, match="x: the gradient function writes to its input"):
        gradcheck((lambda x: (x**2).sum(), gradient_writes), V)

    def writes_data(x):
        x.data[0] = 0.0
        return x * x

    with pytest.raises(GradientCheckError, match="x: the function writes to its input"):
        gradcheck(writes_data, V)


def test_a_nan_of_the_function_is_told_with_its_index():
    with pytest.raises(GradientCheckError, match=r"the function gives nan at index \(1,\)"):
        gradcheck(tg.log, np.array([1.0, -1.0]))


def test_a_function_that_is_defined_in_one_point_only():
    def point(x):
        if x[0] != 1.0:
            raise ValueError("not here")
        return x.sum()

    with pytest.raises(GradientCheckError, match="every step leaves the domain"):
        gradcheck((point, lambda x: np.ones(1)), np.array([1.0]))


def test_an_error_of_the_rule_is_reported():
    with pytest.raises(GradientCheckError, match="raised ValueError: bad rule"):
        gradcheck((lambda x: x.sum(), lambda x: (_ for _ in ()).throw(ValueError("bad rule"))), V)


def test_float32_inputs_are_checked_in_float64():
    report = gradcheck(lambda x: tg.exp(x), V.astype(np.float32))
    assert report["x"].relative[np.isfinite(report["x"].relative)].max() < 1e-8


def test_a_function_that_computes_in_float32_says_so_and_is_still_checked():
    assert "use float64" in str(gradcheck(lambda x: tg.exp(x.astype("float32")), V))
    with pytest.raises(GradientCheckError, match="use float64"):
        gradcheck(lambda x: x.astype("float32") * x.detach().astype("float32"), V)


# ---------------------------------------------------------------------- the numbers


def test_a_kink_passes_with_a_note_that_has_both_slopes():
    report = gradcheck(tg.relu, np.array([0.0, 1.0]))
    assert "1 entry at a kink" in str(report)
    assert "(index (0,): 0 and 1, the gradient is 0)" in report.notes[0]


def test_the_report_keeps_all_numbers():
    report = gradcheck((lambda x: (x**3).sum(), lambda x: 3 * x**2), V)
    part = report["x"]
    np.testing.assert_allclose(part.numeric, [3 * V**2], rtol=1e-7)
    np.testing.assert_array_equal(part.analytic, [3 * V**2])
    assert not part.wrong.any()
    assert report.entries == 6
    assert str(report).startswith("gradcheck: the gradient of the function is right: 6 entries of x agree")


@pytest.mark.parametrize(("method", "digits"), [("central", 7), ("ridders", 10), ("complex", 14)])
def test_the_precision_of_each_method(method, digits):
    report = gradcheck((lambda x: np.sum(np.exp(np.sin(x))), lambda x: np.cos(x) * np.exp(np.sin(x))), V, method=method)
    assert report["x"].relative.max() < 10.0**-digits


def test_samples_compares_so_many_entries_of_every_input_and_parameter():
    report = gradcheck(Regression(), X, samples=2)
    assert [c.checked for c in report.comparisons] == [2, 2, 2, 2]


def test_the_step_and_the_tolerances_can_be_given():
    f = (lambda x: np.exp(x).sum(), lambda x: 1.001 * np.exp(x))
    assert gradcheck(f, V, rtol=1e-2)
    assert gradcheck(f, V, rtol=0.0, atol=0.1)
    with pytest.raises(GradientCheckError):
        gradcheck(f, V, rtol=1e-4, eps=1e-3)
    assert gradcheck((lambda x: np.exp(x).sum(), np.exp), V, eps=0.1)  # too large, which the examination finds out


def test_order_2_checks_the_gradient_of_the_gradient():
    report = gradcheck(lambda x, y: x**2 * tg.sin(y), (V, V), order=2)
    names = [c.name for c in report.comparisons]
    assert names == ["x", "y", "second order, x", "second order, y", "second order, g"]


def test_the_same_seed_gives_the_same_report():
    texts = []
    for _ in range(2):
        with pytest.raises(GradientCheckError) as caught:
            gradcheck((lambda x: (x @ x.T).sum(), lambda x: x), X, mode="random", seed=3)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_many_parameters_are_quick_in_random_mode():
    model = nn.Sequential(nn.Linear(200, 300), nn.Tanh(), nn.Linear(300, 130), nn.ReLU(), nn.Linear(130, 10))
    assert sum(p.size for p in model.parameters()) > 100_000
    x, target = rng.standard_normal((32, 200)), rng.integers(0, 10, 32)
    evaluations = 0

    def loss(x):
        nonlocal evaluations
        evaluations += 1
        return nn.functional.cross_entropy(model(x), target)

    report = gradcheck(loss, x, params=model, mode="random")
    assert report.entries > 100_000
    assert evaluations < 1000


def test_a_long_check_is_announced_with_a_progress_bar(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(progress.steps(range(300), 1.0, "weight")) == list(range(300))
    text = capsys.readouterr().err
    assert "weight: 300 steps, about 300 s" in text
    assert "100 %" in text
    list(progress.steps(range(3), 0.001, "weight"))
    assert not capsys.readouterr().err


def test_a_long_check_uses_tqdm_if_it_is_there(capsys):
    pytest.importorskip("tqdm")
    assert list(progress.steps(range(300), 1.0, "weight")) == list(range(300))
    assert "weight" in capsys.readouterr().err


@pytest.mark.parametrize("function", [np.exp, np.sin, np.cosh])
def test_ridders_error_estimate_covers_the_error(function):
    true = {np.exp: np.exp, np.sin: np.cos, np.cosh: np.sinh}[function]
    for x in np.linspace(0.1, 4, 20):
        slopes = derivatives.Slopes(
            lambda t, x=x: np.atleast_1d(function(x + t)), np.array([function(x)]), np.eye(1), 0.5, 1e-9, 2.2e-16
        )
        assert abs(slopes.value[0] - true(x)) <= 4 * slopes.error[0]
        assert slopes.error[0] <= 1e-9 * np.cosh(x)


def test_the_core_does_not_import_the_checker():
    code = "import sys, tinygrad_ml; print([m for m in sys.modules if 'tinygrad_ml.testing' in m or m == 'pytest'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    code = "import sys, tinygrad_ml as tg; print(tg.testing.gradcheck.__name__, 'pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "gradcheck False\n"


# ---------------------------------------------------------------------- the report, in words and in a notebook


def failed(fn, inputs, **options):
    with pytest.raises(GradientCheckError) as caught:
        gradcheck(fn, inputs, **options)
    return caught.value.report


def test_the_repr_is_the_text():
    report = gradcheck(tg.tanh, X)
    assert repr(report) == str(report)
    assert repr(report).startswith("gradcheck: the gradient of tanh is right: 20 entries of x agree")


@pytest.mark.parametrize(
    ("f", "df", "condition"),
    [
        (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.1), "x < 0"),
        (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 3, 0.01), "x > 0"),
        (lambda x: np.clip(x, -1, 1), lambda x: np.ones_like(x), "|x| > 1"),
        (lambda x: np.where(x > 0.5, x * x, x), lambda x: np.ones_like(x), "x > 0.5"),
        (np.abs, lambda x: np.ones_like(x), "x < 0"),
    ],
)
def test_the_condition_of_the_wrong_entries_is_named(f, df, condition):
    x = np.linspace(-2.03, 1.97, 21).reshape(3, 7)
    report = failed((lambda x: f(x).sum(), df), x)
    assert f"those where {condition}" in report.failures[0].cause


def test_the_condition_may_be_one_on_another_input():
    x, gate = np.random.default_rng(0).standard_normal((2, 4, 5))
    pair = (lambda x, gate: np.where(gate > 0, x * x, x).sum(), lambda x, gate: (2 * x, np.zeros_like(gate)))
    assert "those where gate < 0" in failed(pair, (x, gate)).failures[0].cause


def test_no_condition_is_made_up_for_wrong_entries_at_random():
    x = np.random.default_rng(1).standard_normal((4, 5))
    wrong = np.random.default_rng(2).permutation(20).reshape(4, 5) < 8
    cause = failed((lambda x: (x * x).sum(), lambda x: 2 * x + wrong), x).failures[0].cause
    assert cause.startswith("wrong in 8 of 20 entries")
    assert "where" not in cause


def test_what_is_the_same_for_all_inputs_is_said_once():
    names = "abcd"
    inputs = [V + k for k in range(4)]
    products = lambda *v: [np.prod([v[j] for j in range(4) if j != k], axis=0) for k in range(4)]
    pair = (lambda a, b, c, d: (a * b * c * d).sum() / 5, lambda a, b, c, d: tuple(products(a, b, c, d)))
    report = failed(pair, tuple(inputs))
    assert [f.name for f in report.failures] == list(names)
    text = str(report)
    assert text.startswith("a, b, c, d 5 times too large\n")
    assert text.count("a, b, c, d: the gradient is 5 times too large") == text.count("the gradient is") == 1


def test_float32_inputs_are_not_worth_a_word_unless_the_function_computes_in_float32():
    assert gradcheck(lambda x: x * x, tg.randn(3)).notes == []
    assert gradcheck(nn.Linear(4, 3), X).notes == []
    assert "float64" not in str(failed(lambda x: x * x.detach(), tg.randn(3)))
    single = lambda x: x.astype(np.float32) * 2
    assert "computes in float32" in gradcheck((single, lambda g, x: 2 * g), V).notes[0]


def test_a_report_in_a_notebook_shows_the_verdict_the_causes_and_the_entries_and_escapes_them():
    assert "✓" in gradcheck(tg.tanh, X)._repr_html_()
    report = failed((lambda x: (x * x).sum(), lambda x: 3 * x), X)
    report.title, report.failures[0].hint = "<script>", "a < b"
    page = report._repr_html_()
    for text in ("✗", "1.5 times too large", "&lt;script&gt;", "a &lt; b"):
        assert text in page
    assert "<script>" not in page
    assert page.count("<tr") == 9  # the eight worst entries and the header
    assert page.count("<table") == page.count("</table>") == 1


def test_an_error_can_be_pickled_with_its_report():
    with pytest.raises(GradientCheckError) as caught:
        gradcheck((lambda x: (x * x).sum(), lambda x: 3 * x), X)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.report.entries == 20
