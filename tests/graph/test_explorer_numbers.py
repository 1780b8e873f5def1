"""Inputs that are changed in the explorer's page: the numbers that it computes are those of a new run in Python."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.graph.test_explorer import expression, run, text
from tinygrad_ml import nn
from tinygrad_ml.graph import trace

F = nn.functional
pytestmark = pytest.mark.usefixtures("float64")

W = np.array([[1.0, 2.0], [3.0, -1.0]])

# Functions of a and b by the domain of these; each is all of what a page computes.
ANYWHERE = [
    lambda a, b: a + b,
    lambda a, b: a - b * 3,
    lambda a, b: -(a * b) / 7,
    lambda a, b: +a - (2 - b),
    lambda a, b: (a * b + 3) * tg.exp(-a) + tg.sin(b) / 3,
    lambda a, b: a**2 + b**3 - a**0,
    lambda a, b: 2**a,
    lambda a, b: tg.abs(a) * b,
    lambda a, b: tg.square(a - b),
    lambda a, b: tg.hypot(a, b),
    lambda a, b: tg.maximum(a, b) - tg.minimum(a, 1.5),
    lambda a, b: tg.maximum(a, a),
    lambda a, b: tg.exp2(a) + tg.expm1(b),
    lambda a, b: tg.logaddexp(a, b),
    lambda a, b: tg.sin(a) * tg.cos(b),
    lambda a, b: tg.tan(a / 3),
    lambda a, b: tg.arctan(a) + tg.arctan2(a, b),
    lambda a, b: tg.sinh(a) + tg.cosh(b),
    lambda a, b: tg.tanh(a * b),
    lambda a, b: tg.arcsinh(a),
    lambda a, b: tg.relu(a) + tg.relu(-b),
    lambda a, b: tg.sigmoid(a * 5),
    lambda a, b: tg.logsigmoid(a - b),
    lambda a, b: F.softsign(a),
    lambda a, b: F.silu(a) + F.mish(b),
    lambda a, b: F.elu(a, alpha=1 / 3) + F.selu(b),
    lambda a, b: F.leaky_relu(a, 1 / 7) + F.leaky_relu(b),
    lambda a, b: F.hardtanh(a) + F.relu6(b * 3),
    lambda a, b: tg.clip(a, -1 / 3, 2 / 3) * b,
    lambda a, b: F.softplus(a) + F.softplus(b, beta=1 / 3),
    lambda a, b: tg.where(a > b, a * a, b),
    lambda a, b: tg.where(a <= 0, -a, tg.exp(b)),
    lambda a, b: tg.sign(a) * b,
    lambda a, b: tg.floor(a) * b + tg.ceil(b) * a + tg.trunc(a) + tg.rint(b) * a,
    lambda a, b: tg.sum(a * tg.tensor([1.0, 2.0, 3.0]) ** b),
    lambda a, b: tg.mean(tg.stack([a, b, a * b]) ** 2),
    lambda a, b: tg.sum(tg.tensor([[1.0, 2.0], [3.0, 4.0]]) * a + tg.tensor([1.0, -1.0]) * b, axis=0)[0],
    lambda a, b: tg.stack([a, b]) @ tg.stack([b, a * a]),
    lambda a, b: a + a * a + a * a * a - b,
    lambda a, b: tg.sum(tg.tensor([[1.0, 2.0], [3.0, 4.0]]) @ tg.stack([a, b])),
    lambda a, b: a.reshape(1).sum() * b,
    lambda a, b: tg.where(tg.logical_or(a < b, tg.logical_not(a >= 2)), a * a, b),
    lambda a, b: tg.where(tg.logical_and(a == b, a != 0), a * b, a - b),
    lambda a, b: tg.sum(F.linear(tg.stack([a, b]).reshape(1, 2), W, tg.stack([b, a])) ** 2),
    lambda a, b: tg.sum(F.linear(W, tg.stack([a, b, a, b]).reshape(2, 2)) * W),
    lambda a, b: tg.expand_dims(a, 0).sum() * tg.squeeze(b.reshape(1, 1)) + tg.ravel(a).sum() + tg.positive(b),
    lambda a, b: tg.stack([a, b])[-1] + tg.stack([a, a * b])[1],
    lambda a, b: tg.erf(a) + tg.erf(b * 3) + tg.erf(a / 9),
    lambda a, b: F.gelu(a) + F.gelu(b * 2, approximate="tanh"),
    lambda a, b: F.huber_loss(a * 2, b) + F.l1_loss(a, b) + F.huber_loss(b, a, delta=1 / 3),
    lambda a, b: F.mse_loss(a, b) + F.mse_loss(tg.stack([a, b]), tg.stack([b, a * a]), reduction="sum"),
    lambda a, b: F.binary_cross_entropy_with_logits(a * 3, tg.sigmoid(b)),
    lambda a, b: F.binary_cross_entropy(tg.sigmoid(a), tg.sigmoid(b)),
    lambda a, b: tg.sum(F.softmax(tg.stack([a, b, a * b]), axis=0) * tg.tensor([1.0, 2.0, 3.0])),
    lambda a, b: tg.sum(F.log_softmax(W * a + tg.stack([b, a]), axis=0) * W) + F.softmax(W * b, axis=1)[0, 1],
]
POSITIVE = [
    lambda a, b: a**b,
    lambda a, b: tg.sqrt(a) + tg.log(b),
    lambda a, b: tg.log2(a) * tg.log10(b),
    lambda a, b: tg.log1p(a) / b,
    lambda a, b: tg.reciprocal(a),
    lambda a, b: 1 / a + b**-2.5,
    lambda a, b: b**0.5,
    lambda a, b: tg.log(tg.log(a + 2)),
    lambda a, b: tg.arccosh(a + 1),
    lambda a, b: a % b,
]
INSIDE = [  # between -1 and 1
    lambda a, b: tg.arcsin(a) - tg.arccos(b),
    lambda a, b: tg.arctanh(a * b),
]
DOMAINS = {
    "anywhere": (ANYWHERE, [(0.7, -1.3), (-2.25, 1.1), (1e-3, 40.0), (3.0, 3.0)]),
    "positive": (POSITIVE, [(0.7, 1.3), (5.5, 0.01), (1e-3, 40.0)]),
    "inside": (INSIDE, [(0.7, -0.3), (-0.99, 0.5), (0.001, 0.999)]),
}
CASES = [(name, k) for name, (functions, _) in DOMAINS.items() for k in range(0, len(functions), 6)]


def test_every_operation_that_the_page_computes_is_one_of_the_library_and_is_tested(open_page):
    browser = open_page(trace(lambda x: x, 1.0))
    kernels = set(run(browser, "Object.keys(KERNELS)"))
    tested = {
        node.operation
        for functions, points in DOMAINS.values()
        for function in functions
        for node in trace(function, *map(np.float64, points[0])).operations
    }
    assert kernels - tested == set()
    assert all(hasattr(tg.ops, name) or name == "getitem" for name in kernels)


def numbers(values):
    return None if values is None or values.numbers is None else [float(x) for x in values.numbers]


@pytest.mark.parametrize(("domain", "start"), CASES)
def test_the_numbers_are_those_of_a_new_run_in_python(open_page, domain, start):
    functions, points = DOMAINS[domain]

    def together(a, b):
        return [function(a, b) for function in functions[start : start + 6]]

    browser = open_page(trace(together, np.float64(0.5), np.float64(0.75)))
    for a, b in points:
        browser.execute_script("setInput(0, arguments[0]); setInput(1, arguments[1]); numbersChanged()", a, b)
        wanted = trace(together, np.float64(a), np.float64(b))
        small = 1e-15 * (1 + abs(a) + abs(b))  # what rounding leaves where terms cancel
        assert run(browser, "doubts()") == []
        found = run(
            browser,
            """(() => { // a function that is called at once
                const plain = v => v && v.numbers && v.numbers.map(Number);
                const edges = n => n.inputs.map(i => [plain(sentOf(i)), localOf(i)]);
                return nodes.map(n => [plain(valueOf(n.number)), plain(gradientOf(n.number)), edges(n)]);
            })()""",
        )
        for node, (value, gradient, edges) in zip(wanted.nodes, found, strict=True):
            about = f"{node.operation} %{node.number} at {a}, {b}"
            np.testing.assert_allclose(value, numbers(node.value), rtol=1e-12, atol=small, err_msg=about)
            if node.gradient is not None:
                np.testing.assert_allclose(gradient, numbers(node.gradient), rtol=1e-11, atol=small, err_msg=about)
            for i, (sent, local) in zip(node.inputs, edges, strict=True):
                if i.gradient is not None:
                    np.testing.assert_allclose(sent, numbers(i.gradient), rtol=1e-11, atol=small, err_msg=about)
                if i.local is not None:
                    assert local == pytest.approx(i.local, rel=1e-11, abs=small), about


def test_the_sentences_and_the_boxes_have_the_new_numbers(open_page):
    from tinygrad_ml.graph.show.steps import steps

    browser = open_page(trace(expression, 1.0, 2.0, 3.0))
    box = browser.find_element("css selector", "#inputs input[type=number]")
    box.clear()
    box.send_keys("-1.5")
    wanted = trace(expression, -1.5, 2.0, 3.0)
    assert run(browser, "moments.map(m => sentencesOf(m).join('\\n'))") == [step.text for step in steps(wanted)]
    browser.execute_script("go(seen.length - 1)")
    for node in wanted.nodes:
        words = run(browser, "units.get('n' + arguments[0]).g.textContent.replace(/\\s+/g, ' ')", node.number)
        assert f" {node.value} " in words
        assert f"∂ {node.gradient} " in words
    assert float(browser.find_element("css selector", "#inputs input[type=range]").get_attribute("value")) == -1.5
    browser.find_element("id", "reset").click()
    wanted = trace(expression, 1.0, 2.0, 3.0)
    assert run(browser, "moments.map(m => sentencesOf(m).join('\\n'))") == [step.text for step in steps(wanted)]
    words = run(browser, "units.get('n10').g.textContent.replace(/\\s+/g, ' ')")
    assert f" {wanted.nodes[10].value} " in words


def test_the_picture_does_not_move_while_a_slider_does(open_page):
    browser = open_page(trace(expression, 1.0, 2.0, 3.0))
    where = (
        "[...document.querySelectorAll('#picture .node')].map(g => g.getBBox()).map(b => [b.x, b.y, b.width, b.height])"
    )
    browser.execute_script("go(5)")
    before = run(browser, f"[frame, {where}]")
    for x in (-2.9, -1e-5, 2.5, 1e9):
        browser.execute_script(
            "const s = byId('input-0'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", x
        )
        after = run(browser, f"[frame, {where}]")
        assert after[0] == before[0]
        np.testing.assert_allclose(after[1], before[1], atol=0.01)  # no number stands over the border of its box


def test_it_says_what_it_cannot_compute(open_page):
    own = tg.autograd.elementwise(np.cbrt, "The cube root.", name="own", x=lambda g, out: g / (3 * out * out))
    graph = trace(lambda x: tg.exp(own(x * 2)) + x, 0.5)
    browser = open_page(graph)
    browser.execute_script("setInput(0, 0.25); numbersChanged(); go(seen.length - 1)")
    unknown = graph["own"].number
    assert text(browser, "#inputs .doubts") == (
        f"This page cannot compute own %{unknown}: what depends on it is shown as ?."
    )
    values = run(browser, "nodes.map(n => [valueOf(n.number).unknown === true, gradientOf(n.number).unknown === true])")
    # Of x, 2 x, own, exp and +: what exp sends depends on its value, what + sends to exp does not.
    assert [value for value, _ in values] == [False, False, True, True, True]
    assert [gradient for _, gradient in values] == [True, True, True, False, False]
    assert "∂ ?" in run(browser, "units.get('n0').g.textContent")
    browser.execute_script(f"select({{node: {unknown}}})")
    assert "this page cannot compute it" in text(browser, "#details")


def test_an_operation_of_the_same_name_that_computes_something_else_is_not_trusted(open_page):
    own = tg.autograd.elementwise(
        lambda x: 2 * np.tanh(x), "Twice it.", name="tanh", x=lambda g, out: g * (2 - out**2 / 2)
    )
    browser = open_page(trace(lambda x: own(x) + tg.tanh(x), 0.5))
    browser.execute_script("setInput(0, 0.25); numbersChanged()")
    assert run(browser, "nodes.map(n => valueOf(n.number).unknown === true)") == [False, True, False, True]


def test_a_parameter_that_is_not_known_exactly_is_not_rounded(open_page):
    graph = trace(lambda x: F.leaky_relu(x, 1 / 3), -2.0)
    graph.operations[0].settings = {}  # its text is 0.333
    browser = open_page(graph)
    browser.execute_script("setInput(0, -1); numbersChanged()")
    assert "cannot compute leaky_relu %1" in text(browser, "#inputs .doubts")


def test_functions_of_pytorch_can_be_changed_too(open_page, torch):
    def function(a, b):
        return (a * b + a / 3).exp() * torch.sin(b) + torch.relu(a) ** 2.5 + torch.nn.functional.leaky_relu(-a, 0.125)

    def inputs(*numbers):
        return [torch.tensor(x, requires_grad=True, dtype=torch.float64) for x in numbers]

    browser = open_page(trace(function, *inputs(1.0, 2.0)))
    browser.execute_script("setInput(0, 0.7); numbersChanged()")
    assert run(browser, "doubts()") == []
    a, b = inputs(0.7, 2.0)
    result = function(a, b)
    result.backward()
    found = run(browser, "[...data.outputs.map(valueOf), gradientOf(0), gradientOf(1)].map(v => v.numbers[0])")
    np.testing.assert_allclose(found, [result.item(), a.grad.item(), b.grad.item()], rtol=1e-12)


def test_a_number_that_is_no_longer_finite_is_red_and_one_that_is_again_is_not(open_page):
    browser = open_page(trace(lambda x: tg.log(x), 2.0))
    look = """[units.get('n1').cells.value].map(({e, ground}) =>
        [e.textContent.trim(), e.getAttribute('fill'), ground && ground.getAttribute('fill')])[0]"""
    browser.execute_script("setInput(0, -1); numbersChanged()")
    assert run(browser, look) == ["NaN", "var(--fault)", None]
    with np.errstate(invalid="ignore"):
        browser = open_page(trace(lambda x: tg.log(x), -2.0))
    browser.execute_script("go(1)")
    assert run(browser, look) == ["NaN", "var(--fault-text)", "var(--fault)"]
    texts = "[...document.querySelectorAll('#n1 text')]"
    marked = f"{texts}.filter(e => getComputedStyle(e).visibility === 'visible').length"
    before = run(browser, marked)
    browser.execute_script("setInput(0, 1); numbersChanged()")
    assert run(browser, look) == ["0", "var(--text)", "none"]
    assert run(browser, marked) == before - 1  # "not finite from here on"
    browser.find_element("id", "reset").click()
    assert run(browser, marked) == before


def test_what_does_not_depend_on_the_input_keeps_its_numbers(open_page):
    own = tg.autograd.elementwise(np.cbrt, "The cube root.", name="own", x=lambda g, out: g / (3 * out * out))
    graph = trace(lambda x, y: own(y) * 3 + x * x, 0.5, 0.25)
    browser = open_page(graph)
    browser.execute_script("setInput(0, 2); numbersChanged()")
    wanted = trace(lambda x, y: own(y) * 3 + x * x, 2.0, 0.25)
    found = run(browser, "nodes.map(n => [valueOf(n.number), gradientOf(n.number)].map(v => v.numbers[0]))")
    for node, (value, gradient) in zip(wanted.nodes, found, strict=True):
        assert value == pytest.approx(node.value.numbers[0], rel=1e-12)
        assert gradient == pytest.approx(node.gradient.numbers[0], rel=1e-12)
    assert run(browser, "doubts()") == []


def test_a_test_of_the_program_that_comes_out_otherwise_is_named(open_page):
    def halves(x):
        return x / 2 if x > 1 else x * 3

    graph = trace(halves, 4.0)
    browser = open_page(graph)
    browser.execute_script("setInput(0, 3); numbersChanged()")
    assert text(browser, "#inputs .doubts") == ""
    browser.execute_script("setInput(0, 0.5); numbersChanged()")
    assert "The test greater %1 comes out otherwise now" in text(browser, "#inputs .doubts")


def test_parameters_and_results_that_are_used_again(open_page):
    layer = nn.Linear(1, 1)

    def both(x):
        y = layer(x)
        return y, tg.tanh(y) * y

    graph = trace(both, np.array([[0.5]]))
    browser = open_page(graph)
    weight = next(n.number for n in graph.nodes if n.name.endswith("weight"))
    browser.execute_script("setInput(arguments[0], 1.75); numbersChanged()", weight)
    layer.weight.data[...] = 1.75
    wanted = trace(both, np.array([[0.5]]))
    found = run(browser, "nodes.map(n => [valueOf(n.number), gradientOf(n.number)].map(v => v && v.numbers[0]))")
    for node, (value, gradient) in zip(wanted.nodes, found, strict=True):
        assert value == pytest.approx(node.value.numbers[0], rel=1e-12)
        if node.gradient is not None:
            assert gradient == pytest.approx(node.gradient.numbers[0], rel=1e-12)


def test_the_history_of_a_tensor_can_be_computed_anew(open_page):
    """A recorded operation keeps only what its derivative needs: the sum has no value of its own."""

    def result(a, b):
        return tg.tanh((a + b) * (a - b)) * a

    a, b = (tg.tensor(x, requires_grad=True) for x in (0.5, 0.25))
    graph = trace(result(a, b))
    browser = open_page(graph)
    browser.execute_script("setInput(nodes.find(n => n.own === 'a').number, 0.75); numbersChanged()")
    assert run(browser, "doubts()") == []
    wanted = trace(result, 0.75, 0.25)
    found = run(
        browser,
        "nodes.map(n => [n.operation || n.own, [valueOf(n.number), gradientOf(n.number)].map(v => v.numbers[0])])",
    )
    assert sorted(name for name, _ in found) == sorted(n.operation or n.name for n in wanted.nodes)
    for name, numbers in found:
        if name != "multiply":  # which there are two of
            node = wanted[name]
            np.testing.assert_allclose(numbers, [node.value.numbers[0], node.gradient.numbers[0]], rtol=1e-12)


@pytest.mark.parametrize(
    "graph",
    [
        lambda: trace(lambda x: x.sum(), np.ones(3)),
        lambda: trace(lambda k: k * 2, np.int64(3)),
        lambda: trace(lambda x: tg.real(x * 2j), 1 + 2j),
    ],
    ids=["arrays", "integers", "complex"],
)
def test_without_scalar_inputs_there_is_nothing_to_change(open_page, graph):
    assert run(open_page(graph()), "byId('inputs').hidden")


def test_a_run_in_single_precision_is_shown_as_it_was_until_an_input_changes(open_page):
    x = np.float32(1 / 3)
    graph = trace(lambda x: tg.exp(x) * 3, x)
    browser = open_page(graph)
    assert run(browser, "valueOf(1).numbers[0]") == graph.nodes[1].value.numbers[0]
    browser.execute_script("setInput(0, 1); numbersChanged()")
    assert run(browser, "valueOf(1).numbers[0]") == pytest.approx(np.e, rel=1e-15)
    browser.find_element("id", "reset").click()
    assert run(browser, "valueOf(1).numbers[0]") == graph.nodes[1].value.numbers[0]
