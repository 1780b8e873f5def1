"""The explorer's page in a real browser: stepping, the panel, search, the link, keys, and that text is only text."""

import json
import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.graph.gallery import GALLERY
from tinygrad_ml import nn
from tinygrad_ml.graph import trace

NASTY = "</script><script>document.title='owned'</script>&\"'<b> \\N \\G \u2028\u2029 {{data}} ]]>--> `${1}`"


class MLP(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)

    def forward(self, x):
        return self.second(tg.relu(self.first(x)))


def press(browser, *keys):
    for key in keys:
        browser.find_element("tag name", "body").send_keys(key)


def text(browser, selector):
    return browser.find_element("css selector", selector).text


def run(browser, script, *arguments):
    return browser.execute_script(f"return {script}", *arguments)


def graph_of_mlp():
    rng = np.random.default_rng(0)
    model, loss = MLP(), nn.MSELoss()
    y = rng.random((5, 2), np.float32)
    x = tg.tensor(rng.random((5, 3), np.float32), requires_grad=True)
    return trace(lambda x: loss(model(x), y), x), model, lambda: loss(model(x), y)


def expression(a, b, c):
    return (a * b + c) * tg.exp(-a) + tg.sin(b) / c


# ---------------------------------------------------------------------- stepping


def test_it_steps_through_all_of_backpropagation_by_keyboard(open_page):
    from selenium.webdriver.common.keys import Keys

    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    last = int(browser.find_element("id", "slider").get_attribute("max"))
    assert last == 2 * len(graph.operations) + 2
    phases = [browser.find_element("tag name", "body").get_attribute("class")]
    for _ in range(last):
        press(browser, Keys.ARROW_RIGHT)
        phases.append(browser.find_element("tag name", "body").get_attribute("class"))
    n = len(graph.operations)
    assert phases == ["start", *["forward"] * n, "turn", *["backward"] * n, "end"]
    assert text(browser, "#count") == f"{last} of {last}"
    press(browser, Keys.ARROW_LEFT)
    assert text(browser, "#words").startswith("affine: gradient arriving g (5×4")
    press(browser, Keys.HOME)
    assert text(browser, "#words") == "The inputs and parameters have their values."


def test_the_gradients_shown_are_those_of_the_tensors(open_page):
    from selenium.webdriver.common.keys import Keys

    graph, model, loss = graph_of_mlp()
    loss().backward()
    browser = open_page(graph)
    press(browser, Keys.END)
    for name, parameter in model.named_parameters():
        number = graph[f"model.{name}"].number
        browser.execute_script("select({node: arguments[0]})", number)
        cells = run(browser, "[...document.querySelectorAll('#gradient td')].map(td => +td.title)")
        np.testing.assert_allclose(cells, parameter.grad.numpy().ravel(), rtol=1e-5)


def test_a_gradient_is_not_shown_before_it_is_complete(open_page):
    from selenium.webdriver.common.keys import Keys

    graph = trace(lambda x: x * x + x, 3.0)
    browser = open_page(graph)
    browser.execute_script("select({node: 0}); togglePin()")  # kept in the panel while the steps go on
    assert text(browser, "#gradient") == "not yet complete"
    hidden = "getComputedStyle(document.querySelector('#n0 .gradient')).visibility"
    assert run(browser, hidden) == "hidden"
    press(browser, *[Keys.ARROW_RIGHT] * 4)
    assert text(browser, "#words") == (
        "add: gradient arriving 1 × local derivative 1 → 1 for multiply %1\n"
        "add: gradient arriving 1 × local derivative 1 → 1 for x (1 of 3 paths so far)"
    )
    assert text(browser, "#gradient") == "not yet complete: 1 of 3 paths\n1 so far"
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, "#words").endswith("3 for x, added to 4 from the 2 other paths → 7")
    assert text(browser, "#gradient") == "7"
    assert run(browser, hidden) == "visible"


GRAPHS = {
    "expression": lambda: trace(expression, 1.0, 2.0, 3.0),
    "mlp": lambda: graph_of_mlp()[0],
    "folded": GALLERY["lstm_layer"],
    "repeat": GALLERY["vanishing_gradient"],
}


@pytest.mark.parametrize("name", list(GRAPHS))
@pytest.mark.parametrize("size", [(1280, 800), (800, 700)])
def test_the_picture_never_moves_while_all_of_it_is_in_view(open_page, screen, name, size):
    screen(*size)
    browser = open_page(GRAPHS[name]())
    while not run(browser, "allInView()"):
        browser.execute_script("zoom(1.1)")
    where = (
        "(go({step}), [...document.querySelectorAll('#picture .node')].map(g => "
        "{{ const r = g.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] }}))"
    )
    last = run(browser, "seen.length - 1")
    first = run(browser, where.format(step=0))
    for step in [*range(last + 1), *range(last, -1, -3)]:
        assert run(browser, where.format(step=step)) == first


@pytest.mark.parametrize("name", ["lstm_of_20_steps", "six_transformer_blocks", "unet"])
def test_otherwise_it_moves_as_little_as_is_needed_to_see_what_happens(open_page, screen, name):
    screen(900, 600)
    browser = open_page(GALLERY[name]())
    browser.execute_script("zoom(0.6)")  # so that it must move
    found = run(
        browser,
        """seen.map((_, k) => {
            const before = frame, box = seen[k].what && placeOf(seen[k].what);
            go(k);
            return box ? [before, frame, box] : null;
        }).filter(Boolean)""",
    )
    moves = 0
    for before, after, box in found:
        for low, size in (("x", "w"), ("y", "h")):
            margin = (after[size] - box[size]) / 2
            if margin < 0:
                continue  # larger than the window
            assert after[low] - 1 <= box[low]
            assert box[low] + box[size] <= after[low] + after[size] + 1  # it is in view
            moved = after[low] - before[low]
            moves += moved != 0
            inside = before[low] + 40 <= box[low] and box[low] + box[size] <= before[low] + before[size] - 40
            assert not (inside and moved)
            # where it moved, what happens is now at the edge: not a bit further than was needed
            edge = min(box[low] - after[low], after[low] + after[size] - box[low] - box[size])
            assert not moved or edge < min(40, margin) + 1
    assert moves > 2


def test_a_long_sentence_does_not_change_the_size_of_the_picture(open_page, screen):
    screen(390, 844)
    browser = open_page(graph_of_mlp()[0])
    heights = run(
        browser,
        "seen.map((_, k) => (go(k), [picture.getBoundingClientRect().height, byId('words').textContent.length]))",
    )
    assert len({height for height, _ in heights}) == 1
    assert max(length for _, length in heights) > 100


def test_the_panel_follows_the_steps_and_the_node_in_question_is_marked(open_page):
    from selenium.webdriver.common.keys import Keys

    graph = trace(expression, 1.0, 2.0, 3.0)
    browser = open_page(graph)
    marked = (
        "[...document.querySelectorAll('.marks .{}')].map(r => [+r.getAttribute('x') + 4, +r.getAttribute('y') + 4])"
    )
    box = "[units.get('n' + arguments[0]).box].map(b => [b.x, b.y])"
    for node in graph.operations:
        press(browser, Keys.ARROW_RIGHT)
        assert text(browser, "#details h2") == f"{node.operation} %{node.number}"
        np.testing.assert_allclose(run(browser, marked.format("now")), run(browser, box, node.number))
    press(browser, Keys.ARROW_RIGHT)
    assert text(browser, "#details h2") == "expression"  # nothing in particular happens
    for node in reversed(graph.operations):
        press(browser, Keys.ARROW_RIGHT)
        assert text(browser, "#words").startswith(f"{node.operation}: gradient arriving")
        assert text(browser, "#details h2") == f"{node.operation} %{node.number}"
    browser.find_element("id", "n1").click()  # another one than that of the step
    assert text(browser, "#details h2") == "input b %1"
    np.testing.assert_allclose(run(browser, marked.format("selected")), run(browser, box, 1))
    press(browser, "p", Keys.ARROW_LEFT)
    assert text(browser, "#details h2") == "input b %1"  # kept
    press(browser, "p", Keys.ARROW_LEFT)
    assert text(browser, "#details h2") != "input b %1"


@pytest.mark.parametrize("name", ["scalar_expression", "shared_weights", "residual", "gan_discriminator_step"])
def test_what_sentences_call_a_node_stands_in_its_box(open_page, name):
    graph = GALLERY[name]()
    browser = open_page(graph)
    boxes = run(browser, "[...units.values()].filter(u => u.node !== null).map(u => [u.node, u.g.textContent])")
    spoken = run(browser, "nodes.map(node => node.spoken)")
    for number, words in boxes:
        name = spoken[number]
        assert (f"%{number}" in words) == ("%" in name)
        if "%" not in name:
            assert name.rpartition(".")[2] in words


def test_a_click_shows_formula_values_and_source(open_page):
    graph = trace(lambda x, w: tg.multiply(x, w), [1.0, 2.0], [3.0, 4.0])  # the line
    browser = open_page(graph)
    browser.find_element("id", "n2").click()
    details = text(browser, "#details")
    assert "dx = g · y" in details
    assert "[3, 8]" not in details  # not yet computed
    browser.execute_script("go(1)")
    details = text(browser, "#details")
    assert "[3, 8]" in details
    assert "# the line" in details


# ---------------------------------------------------------------------- finding things


def test_every_node_can_be_reached_by_keyboard(open_page):
    from selenium.webdriver.common.keys import Keys

    graph = trace(lambda x: tg.tanh(x * 2), 1.0)
    browser = open_page(graph)
    browser.execute_script("byId('picture').focus()")
    seen = []
    for _ in range(3):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        browser.switch_to.active_element.send_keys(Keys.ENTER)
        seen.append(text(browser, "#details h2"))
    assert sorted(seen) == ["input x %0", "multiply %1", "tanh %2"]


def test_search_finds_names_operations_and_modules(open_page):
    from selenium.webdriver.common.keys import Keys

    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    press(browser, "/")
    field = browser.switch_to.active_element
    assert field.get_attribute("id") == "search"

    def found(words):
        field.clear()
        field.send_keys(words)
        return [row.text for row in browser.find_elements("css selector", "#found li")]

    assert found("relu") == [f"relu %{graph['relu'].number} model MLP"]
    assert {row.split()[0] for row in found("second")} == {"second", "parameter", "affine"}  # a module
    assert all("Linear" in row for row in found("linear affine"))
    assert found("no such thing") == ["nothing is called so"]
    assert len(found("weight")) == 2
    field.send_keys(Keys.ENTER)
    first = text(browser, "#details h2")
    field.send_keys(Keys.ENTER)
    assert {first, text(browser, "#details h2")} == {
        f"parameter {name} %{graph[name].number}" for name in ("model.first.weight", "model.second.weight")
    }
    assert len(browser.find_elements("css selector", ".marks .selected")) == 1
    field.send_keys(Keys.ARROW_RIGHT, Keys.ESCAPE)  # belongs to the field, and then leaves it
    assert text(browser, "#count").startswith("0 of")
    assert browser.switch_to.active_element.get_attribute("id") != "search"


def test_search_shows_what_is_inside_folded_modules_and_in_other_repetitions(open_page):
    browser = open_page(GALLERY["rnn_of_60_steps"]())
    members = run(browser, "scopes.find(s => s.repeat).repeat.members")
    browser.execute_script("search('tanh'); active = 6; enter()")
    number = members[6][-1]
    assert text(browser, "#details h2") == f"tanh %{number}"
    assert run(browser, f"units.has('n{number}')")  # the repetition that it is in is shown
    assert "repetition\n7 of 60" in text(browser, "#details")
    browser.execute_script(f"foldAll(); search('%{number}'); enter()")
    assert "inside the folded 60 × (getitem, Cell)" in text(browser, "#details")


def test_one_goes_from_use_to_use_of_a_value(open_page):
    graph = trace(lambda x: x * 2 + tg.sin(x) / x, 1.0)
    browser = open_page(graph)
    browser.find_element("id", "n0").click()
    assert "used 3 times" in text(browser, "#details")
    visited = []
    for _ in range(4):
        press(browser, "u")
        visited.append(text(browser, "#details h2"))
    assert visited == ["multiply %1", "sin %2", "divide %3", "multiply %1"]
    assert "use 1 of 3 of x" in text(browser, "#details")
    press(browser, "U")
    assert text(browser, "#details h2") == "divide %3"
    browser.find_element("id", "previous-use").click()
    assert text(browser, "#details h2") == "sin %2"
    browser.find_element("xpath", "//*[@id='details']//button[.='x']").click()
    assert text(browser, "#details h2") == "input x %0"


def test_a_link_leads_to_a_step(open_page):
    from tests.graph.conftest import wait_for

    graph = trace(expression, 1.0, 2.0, 3.0)
    browser = open_page(graph, link="#step=12")
    assert text(browser, "#count") == "12 of 18"
    assert text(browser, "#details h2") == "sin %8"
    browser.execute_script("location.hash = '#step=3'")
    wait_for(browser, "now === 3")
    press(browser, "\ue014")
    wait_for(browser, "location.hash === '#step=4'")
    browser.execute_script("location.hash = '#step=99999'")
    wait_for(browser, "now === 18")
    for nonsense in ("#step=x", "#", "#step=-5&fold=9,a&all=7&show=1:2&set=0:x", "#<b>"):
        browser.execute_script("location.hash = arguments[0]", nonsense)
        wait_for(browser, "now === 18 || now === 0")


def test_a_link_keeps_what_is_folded_shown_and_changed(open_page):
    from tests.graph.conftest import wait_for

    graph = trace(lambda x, w: tg.tanh(x * w), 0.5, 2.0)
    browser = open_page(graph)
    browser.execute_script("setInput(0, 0.25); numbersChanged(); go(2)")
    wait_for(browser, "location.hash === '#step=2&set=0:0.25'")
    browser = open_page(graph, link="#step=2&set=0:0.25")
    assert run(browser, "valueOf(3).numbers") == [pytest.approx(np.tanh(0.5), rel=1e-14)]
    graph = GALLERY["rnn_of_60_steps"]()
    browser = open_page(graph)
    repeat = run(browser, "scopes.find(s => s.repeat).number")
    browser.execute_script(f"change(() => chosen.set({repeat}, 29), {{scope: {repeat}}}); toggle(181); go(3)")
    wait_for(browser, "location.hash.startsWith('#step=3&')")
    link, words, boxes = run(browser, "[location.hash, byId('words').textContent, [...units.keys()]]")
    browser = open_page(graph, link=link)
    assert run(browser, "[byId('words').textContent, [...units.keys()]]") == [words, boxes]


# ---------------------------------------------------------------------- the page as a whole


def test_theme_zoom_and_play(open_page):
    browser = open_page(trace(lambda x: tg.tanh(x * 2), 1.0))
    background = "getComputedStyle(document.body).backgroundColor"
    first = run(browser, background)
    press(browser, "t")
    assert run(browser, background) != first
    press(browser, "t")
    assert run(browser, background) == first
    width = run(browser, "frame.w")
    press(browser, "+")
    assert run(browser, "frame.w") == pytest.approx(0.8 * width)
    press(browser, "0")
    assert run(browser, "frame.w") == pytest.approx(width)
    press(browser, " ")
    assert text(browser, "#play") == "❚❚ pause"
    press(browser, " ")
    before = run(browser, "direction")
    press(browser, "d")
    assert {before, run(browser, "direction")} == {"down", "right"}


def test_all_of_the_picture_stays_in_view_when_the_window_changes_its_size(open_page, screen):
    from tests.graph.conftest import wait_for

    screen(900, 600)
    browser = open_page(trace(expression, 1.0, 2.0, 3.0))
    assert run(browser, "allInView()")
    for size in ((1800, 1000), (500, 700), (1200, 500)):
        screen(*size)
        wait_for(browser, "stage.width === picture.getBoundingClientRect().width && allInView()")
    browser.execute_script("zoom(0.3)")
    scale = run(browser, "frame.w / stage.width")
    screen(1000, 800)
    wait_for(browser, "stage.width === picture.getBoundingClientRect().width")
    assert run(browser, "frame.w / stage.width") == pytest.approx(scale)


def test_full_screen(open_page):
    from tests.graph.conftest import wait_for

    browser = open_page(trace(lambda x: tg.tanh(x * 2), 1.0))
    browser.find_element("id", "full").click()
    wait_for(browser, "!!document.fullscreenElement")
    press(browser, "s")
    wait_for(browser, "!document.fullscreenElement")


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_theme_can_be_asked_for(open_page, screen, theme):
    screen(1000, 800, "light" if theme == "dark" else "dark")
    browser = open_page(trace(lambda x: tg.tanh(x * 2), 1.0), theme=theme, title="A title")
    assert browser.title == text(browser, "h1") == "A title"
    assert run(browser, "getComputedStyle(document.body).backgroundColor") == (
        "rgb(13, 17, 23)" if theme == "dark" else "rgb(255, 255, 255)"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1400, 900), (3840, 2160)])
def test_it_fits_small_and_large_screens_in_both_schemes(open_page, screen, scheme, size):
    screen(*size, scheme)
    browser = open_page(trace(expression, 1.0, 2.0, 3.0))
    browser.execute_script("go(12)")
    assert run(browser, "document.documentElement.scrollWidth") <= size[0]
    assert run(browser, "document.documentElement.scrollHeight") <= size[1]
    assert min(run(browser, "[picture.getBoundingClientRect()].map(r => [r.width, r.height])[0]")) > 250
    dark = run(browser, "getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")
    outside = run(
        browser,
        """[...document.querySelectorAll('header *, aside, footer *, #inputs *')].filter(e => {
            const r = e.getBoundingClientRect();
            return r.width && (r.left < -0.5 || r.right > innerWidth + 0.5);
        }).map(e => e.outerHTML.slice(0, 80))""",
    )
    assert outside == []


@pytest.mark.parametrize("name", ["exception_half_way", "hessian_vector_product", "cnn", "gan_generator_step"])
def test_graphs_of_all_kinds_can_be_walked_through(open_page, name):
    browser = open_page(GALLERY[name]())
    words = run(browser, "seen.map((_, k) => (go(k), byId('words').textContent))")
    assert all(words)
    assert not any("undefined" in line or "\x01" in line for line in words)
    assert run(
        browser,
        "[...nodes, ...scopes.slice(1)].map(t => select({[t.inputs ? 'node' : 'scope']: t.number})).length",
    )


@pytest.mark.parametrize(
    "graph",
    [
        lambda: trace(tg.tensor([1.0, 2.0], requires_grad=True)),
        lambda: trace(lambda x: x, 1.0),
        lambda: trace(lambda: None),
        lambda: trace(lambda x: 3, 1.0),
        lambda: trace(lambda x: 1 / 0, 1.0),
        lambda: tg.graph.Graph("nothing"),
        lambda: trace(lambda x: x * 2, np.zeros((0, 3))),
        lambda: trace(lambda x: tg.real(x * 1j), 2.0),
        lambda: trace(lambda x: x * 2, 1.0, values=False),
        lambda: trace(lambda k, x: x[k] * k, 2, [1.0, 2.0, 3.0]),
    ],
    ids=[
        "leaf",
        "identity",
        "nothing",
        "no Tensor",
        "error",
        "empty",
        "no elements",
        "complex",
        "no values",
        "integers",
    ],
)
def test_the_smallest_and_strangest_graphs_open(open_page, graph):
    browser = open_page(graph())
    assert not browser.find_elements("css selector", "#picture .bad")
    assert run(browser, "seen.map((_, k) => (go(k), byId('words').textContent)).every(Boolean)")
    browser.execute_script("nodes.forEach(node => select({node: node.number})); foldAll(); unfoldAll(); fit()")
    assert "NaN" not in run(browser, "svg.getAttribute('viewBox')")


def test_text_of_users_is_only_text(open_page):
    Nasty = type("Net", (nn.Module,), {"__init__": _parts, "forward": _forward})
    Nasty.__name__ = NASTY
    graph = trace(Nasty(), tg.ones(1, 2))
    graph.title = NASTY
    graph.notes.append(NASTY)
    graph.error = NASTY
    graph.operations[0].message = graph.operations[0].code = graph.operations[0].line = NASTY
    graph.operations[-1].parameters[NASTY] = NASTY
    graph.operations[-1].inputs[0].constant = graph.operations[-1].inputs[0].formula = NASTY
    shown = "".join(c if c.isprintable() else " " for c in NASTY)
    browser = open_page(graph, title=NASTY)
    assert browser.title == " ".join(shown.split())
    assert text(browser, "h1") == " ".join(shown.split())
    assert len(browser.find_elements("tag name", "script")) == 3
    for selector in ("#picture b", "#details b", "aside script"):
        assert not browser.find_elements("css selector", selector)
    assert shown in run(browser, "byId('details').textContent")
    browser.execute_script("select({node: arguments[0]})", graph[NASTY].number)
    assert shown in run(browser, "byId('details').textContent")
    words = run(browser, "seen.map((_, k) => (go(k), byId('details').textContent + byId('words').textContent)).join()")
    assert shown in words
    short = shown[:30]
    assert short in run(browser, "svg.textContent.replace(/\\u00a0/g, ' ')")
    browser.execute_script("toggle(1); search('document')")
    assert short in run(browser, "units.get('s1').g.textContent.replace(/\\u00a0/g, ' ')")
    assert not browser.find_elements("css selector", "#found script")


def _parts(self):
    self.parts = {NASTY: nn.Linear(2, 2)}


def _forward(self, x):
    return self.parts[NASTY](x) * tg.tensor([1.0, 2.0], requires_grad=True, name=NASTY)


def test_wrong_entries_and_faults_are_shown(open_page):
    with np.errstate(all="ignore"):
        graph = trace(lambda x: tg.log(x), [0.0, 1.0])
    graph["x"].wrong = [[[1], 2.0, 4.0]]
    graph["x"].message = "gradcheck: 1 of 2 entries wrong"
    browser = open_page(graph)
    browser.execute_script("go(99); select({node: 0})")
    assert "[1] is 2, should be 4" in text(browser, "#details")
    assert len(browser.find_elements("css selector", ".map td.wrong")) == 1
    browser.execute_script("select({node: 1})")
    assert "NaN or infinity begins here" in text(browser, "#details")


def test_a_sample_of_a_large_array_is_that_of_python(open_page):
    x = np.random.default_rng(0).standard_normal((40, 50)) * 1e-3
    graph = trace(lambda x: tg.sum(x * 2), x)
    browser = open_page(graph)
    browser.execute_script("select({node: 0})")
    cells = run(browser, "nodes[0].value.sample()")
    np.testing.assert_allclose(cells, graph["x"].value.sample, rtol=2e-3, atol=1e-9)
    facts = run(browser, "nodes[0].value.facts()")
    value = graph["x"].value
    np.testing.assert_allclose(facts, [value.norm, value.mean, value.low, value.high, 0, 0, 0], rtol=1e-6)


def test_numbers_are_written_as_python_writes_them(open_page):
    from tinygrad_ml.graph.show.steps import number
    from tinygrad_ml.graph.values import short

    rng = np.random.default_rng(0)
    numbers = [*(rng.standard_normal(300) * 10.0 ** rng.integers(-9, 9, 300)), *(rng.integers(-9999, 9999, 200) / 16)]
    numbers += [
        0.0,
        0.5,
        0.3125,
        0.3135,
        -2.5,
        999.5,
        999.4999,
        1000.5,
        9999.6,
        99999.5,
        1e5,
        123456.0,
        1e-5,
        1e22,
        5e-324,
    ]
    numbers = [float(x) for x in numbers]
    browser = open_page(trace(lambda x: x, 1.0))
    assert run(browser, "arguments[0].map(x => short(x))", numbers) == [short(x) for x in numbers]
    assert run(browser, "arguments[0].map(x => spoken(x))", numbers) == [number(x) for x in numbers]
    others = [float("nan"), float("inf"), -float("inf"), True, 7, 1 - 2.25j]
    graph = tg.graph.Graph("others")
    graph.nodes = [
        tg.graph.GraphNode(k, "input", dtype="", value=tg.graph.ArraySummary.of(x)) for k, x in enumerate(others)
    ]
    browser = open_page(graph)
    assert run(browser, "nodes.map(n => short(n.value.numbers[0]))") == [short(x) for x in others]


def test_the_content_policy_allows_only_the_scripts_of_the_page(tmp_path):
    page = trace(lambda x: x * x, 3.0).explorer(tmp_path / "page.html").read_text()
    links = re.findall(r"https?://[^\s\"'<]*", page)
    known = ("http://www.w3.org/", "https://www.graphviz.org", "https://libexpat.github.io")
    assert [link for link in links if not link.startswith(known)] == []
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert all(re.fullmatch(r"'sha256-[\w+/=]+'|'wasm-unsafe-eval'", s) for s in parts["script-src"].split())
    assert re.fullmatch(r"'sha256-[\w+/=]+'", parts["style-src"])
    assert json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])["nodes"]
