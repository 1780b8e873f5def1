"""Folding in the explorer's page: what is drawn then, where it stands, and how one steps through it."""

import difflib

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.graph.gallery import GALLERY, RNN, HandWrittenLSTM, LSTMCell
from tests.graph.test_explorer import graph_of_mlp, press, run
from tinygrad_ml import nn
from tinygrad_ml.graph import trace
from tinygrad_ml.graph.show.dot import written
from tinygrad_ml.graph.show.pieces import PageWriter
from tinygrad_ml.graph.show.repeats import Repeat, rolled
from tinygrad_ml.graph.show.steps import steps
from tinygrad_ml.graph.show.style import FONT, MEASURED
from tinygrad_ml.graph.show.view import view

FEW = ["scalar_expression", "embedding", "cnn", "lstm_of_20_steps", "transformer_block", "gradient_descent"]
every_graph = pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in GALLERY]
)
PROGRAM = 2_000_000  # characters that a page may have beside the program that lays out


def differences(found, wanted):
    return list(difflib.unified_diff(wanted.split("\n"), found.split("\n"), lineterm="", n=0))


def dot_of_python(graph, direction, **options):
    return (
        written(graph, writer=PageWriter, direction=direction, **options).text("", False, False).replace(FONT, MEASURED)
    )


@every_graph
def test_the_page_draws_and_says_what_python_draws_and_says(open_page, name):
    """Its picture is the same text in Graphviz's language, its sentences and times are those of `steps`."""
    graph = GALLERY[name]()
    browser = open_page(graph)
    for direction in ("down", "right"):
        found = run(browser, f"dotOf(look(), '{direction}')")
        assert differences(found, dot_of_python(graph, direction)) == []
    wanted = steps(graph)
    assert run(browser, "moments.map(m => sentencesOf(m).join('\\n'))") == [step.text for step in wanted]
    complete = run(browser, "Object.fromEntries(gradientAt)")
    assert complete == {str(number): k for k, step in enumerate(wanted) for number in step.complete}


@pytest.mark.parametrize(
    "name", ["unet", *(pytest.param(n, marks=pytest.mark.slow) for n in ("lstm_of_20_steps", "transformer_block"))]
)
@pytest.mark.parametrize("options", [{"depth": 1}, {"depth": 2}, {"share": True}, {"repeats": "unroll", "limit": 9}])
def test_options_say_how_it_opens(open_page, name, options):
    graph = GALLERY[name]()
    browser = open_page(graph, **options)
    found = run(browser, "dotOf(look(), 'down')")
    assert differences(found, dot_of_python(graph, "down", **options)) == []


@pytest.mark.parametrize("name", ["rnn_of_3_steps", "unet", "transformer_block", "residual"])
def test_unfolded_by_hand_it_draws_what_python_draws_unfolded(open_page, name):
    graph = GALLERY[name]()
    browser = open_page(graph)
    browser.execute_script("foldAll()")
    assert run(browser, "units.size") < 12
    browser.execute_script("unfoldAll()")
    wanted = dot_of_python(graph, "down", depth=99, limit=10_000, repeats="unroll")
    assert differences(run(browser, "dotOf(look(), 'down')"), wanted) == []


def test_unrolled_by_hand_it_draws_all_repetitions(open_page):
    graph = trace(HandWrittenLSTM(), tg.randn(20, 4, 3))
    browser = open_page(graph)
    browser.execute_script("unfoldAll()")
    drawn = set(run(browser, "[...units.values()].filter(u => u.kind === 'operation').map(u => u.node)"))
    assert drawn == {node.number for node in graph.operations} - view(graph).unused
    edges = run(browser, "drawing.edges.map(e => [e.node, e.input.node.number])")
    whole = view(graph, depth=99, limit=10_000, repeats="unroll")
    wanted = {(edge.source, edge.target) for edge in whole.edges}
    found = set(map(tuple, run(browser, "drawing.edges.map(e => [e.source, e.target])")))
    assert found == wanted
    assert len(edges) == len(whole.edges)


# ---------------------------------------------------------------------- folding


def on_screen(browser, what):
    """Return where the middle of something is, in pixels."""
    return run(
        browser,
        """[placeOf(arguments[0])].map(b => [
            (b.x + b.w / 2 - frame.x) / frame.w, (b.y + b.h / 2 - frame.y) / frame.h])[0]""",
        what,
    )


def test_modules_fold_and_unfold_and_what_was_clicked_stays_where_it_is(open_page):
    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    affine = f"n{graph['affine'].number}"

    def visible():
        return run(browser, f"[units.has('{affine}'), clusters.has(2), units.has('s2')]")

    area = run(browser, "home.w * home.h")
    assert visible() == [True, True, False]
    before = on_screen(browser, {"scope": 2})
    browser.execute_script("select({scope: 2})")
    press(browser, "f")
    assert visible() == [False, False, True]
    assert run(browser, "home.w * home.h") < area
    np.testing.assert_allclose(on_screen(browser, {"scope": 2}), before, atol=1e-3)
    words = run(browser, "units.get('s2').g.textContent")
    assert "16 parameters, 1 operation" in words
    assert "first" in words
    browser.find_element("id", "fold").click()
    assert visible() == [True, True, False]
    np.testing.assert_allclose(on_screen(browser, {"scope": 2}), before, atol=1e-3)
    browser.find_element("id", "fold-all").click()
    assert run(browser, "[...units.keys()].filter(k => k[0] === 's')") == ["s1"]
    browser.find_element("id", "unfold-all").click()
    assert run(browser, "home.w * home.h") == pytest.approx(area)


@pytest.mark.parametrize("where", ["#h2", "#c2 path", "#s2"])
def test_a_double_click_folds_and_unfolds(open_page, where):
    from selenium.webdriver import ActionChains

    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    if where == "#s2":
        browser.execute_script("toggle(2)")
    before = run(browser, "folded.has(2)")
    browser.execute_script("byId('words').textContent = ''")
    thing = browser.find_element("css selector", where)
    corner = (-thing.size["width"] // 2 + 8, -thing.size["height"] // 2 + 8) if "path" in where else (0, 0)
    ActionChains(browser).move_to_element_with_offset(thing, *corner).double_click().perform()
    assert run(browser, "folded.has(2)") is not before


def test_a_folded_box_shows_the_gradient_of_its_time(open_page):
    """It is seen when it is complete, not before; the bars of a repeat come one after the other."""
    graph, _, _ = graph_of_mlp()
    browser = open_page(graph, depth=2)
    box = run(browser, "[...units.keys()].find(k => k[0] === 's')")
    seen = f"getComputedStyle(document.querySelector('#{box} .gradient')).visibility === 'visible'"
    output = run(browser, f"scopes[+'{box}'.slice(1)].outputs[0]")
    moment = next(k for k, step in enumerate(steps(graph)) if output in step.complete)
    found = run(browser, f"seen.map((step, k) => (go(k), [step.to, {seen}]))")
    assert [visible for _, visible in found] == [to >= moment for to, _ in found]
    assert len({visible for _, visible in found}) == 2


def test_the_bars_of_a_repeat_come_one_after_the_other(open_page):
    graph = GALLERY["rnn_of_60_steps"]()
    browser = open_page(graph)
    repeat = run(browser, "scopes.find(s => s.repeat).number")
    browser.execute_script(f"change(() => chosen.set({repeat}, 29), {{scope: {repeat}}})")
    counts = run(
        browser,
        f"""seen.map((_, k) => (go(k), ['value', 'gradient'].map(kind => clusters.get({repeat}).bars
            .filter(b => b.kind === kind && !b.e.classList.contains('hidden-bar')).length)))""",
    )
    values, gradients = ([count[k] for count in counts] for k in (0, 1))
    assert values == sorted(values)
    assert gradients == sorted(gradients)
    assert set(values) == {0, 14, 15, 30}  # two repetitions a bar: before number 30, with it, and all
    assert set(gradients) == {0, 15, 16, 30}


def test_a_box_is_one_step(open_page):
    class Two(nn.Module):
        def __init__(self):
            self.cell = LSTMCell(3, 4)
            self.score = nn.Linear(4, 1)

        def forward(self, x, h, c):
            return self.score(self.cell(x, h, c)[0]) * 2

    graph = trace(Two(), tg.rand(2, 3), tg.rand(2, 4), tg.rand(2, 4))
    browser = open_page(graph, depth=1)
    phases = run(browser, "seen.map(step => step.phase)")
    assert phases == ["start", *["forward"] * 3, "turn", *["backward"] * 3, "end"]
    words = run(browser, "seen.map((_, k) => (go(k), byId('words').textContent))")
    cell = next(scope for scope in graph.scopes if scope.type == "LSTMCell")
    inside = [
        n for n in graph.operations if graph.scopes[n.scope] is cell or graph.scopes[n.scope].parent == cell.number
    ]
    assert words[1].startswith(f"cell LSTMCell: its {len(inside)} operations give 2×4 of norm")
    assert words[-2].startswith("cell LSTMCell: gradient arriving 2×4 of norm")
    assert "for 3 parameters" not in words[-2]
    assert words[-2].count("for cell.") == 3  # the weights and the bias
    browser.execute_script("unfoldAll()")
    assert run(browser, "seen.length") == 2 * len(graph.operations) + 3


def test_the_time_stays_when_something_is_folded(open_page):
    graph, _, _ = graph_of_mlp()
    browser = open_page(graph)
    middle = run(browser, "seen.findIndex(step => step.phase === 'backward') + 2")
    browser.execute_script(f"go({middle})")
    moment = run(browser, "time()")
    browser.execute_script("foldAll()")
    assert run(browser, "seen[now].from") <= moment <= run(browser, "time()")
    browser.execute_script("unfoldAll()")
    assert run(browser, "time()") >= moment


# ---------------------------------------------------------------------- repeats


def test_any_repetition_can_be_shown(open_page):
    graph = trace(RNN(), tg.randn(60, 8, 3))
    (repeat,) = [scope for scope in rolled(graph).graph.scopes if isinstance(scope, Repeat)]
    browser = open_page(graph)
    assert "number 60 is shown" in run(browser, "svg.textContent")
    browser.execute_script(f"select({{scope: {repeat.number}}})")
    slider = browser.find_element("id", "repetition")
    browser.execute_script("arguments[0].value = 7; arguments[0].dispatchEvent(new Event('input'))", slider)
    assert "number 7 is shown" in run(browser, "svg.textContent")
    drawn = set(run(browser, "[...units.values()].filter(u => u.kind === 'operation').map(u => u.node)"))
    assert set(repeat.members[6]) <= drawn
    assert slider.is_displayed()  # it is still that which is moved
    first = run(
        browser, "seen.map((_, k) => (go(k), byId('words').textContent)).filter(w => w.includes('repetitions'))"
    )
    assert [line.partition(":")[0].partition(", ")[2].partition(", ")[2] or line.partition(":")[0] for line in first]
    assert ["repetitions 1 to 6" in first[0], "repetitions 8 to 60" in first[1]] == [True, True]
    assert ["repetitions 8 to 60" in first[2], "repetitions 1 to 6" in first[3]] == [True, True]  # and back


def test_a_click_on_a_bar_shows_its_repetition(open_page):
    browser = open_page(GALLERY["vanishing_gradient"](), limit=20)
    browser.execute_script("go(seen.length - 1)")
    browser.execute_script(
        "document.querySelectorAll('.bar')[2].dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert "number 3 is shown" in run(browser, "svg.textContent")


def test_a_repeat_within_a_repeat(open_page):
    def nested(x):
        for _ in range(4):
            for _ in range(5):
                x = tg.sin(x)
            x = tg.exp(-x)
        return x

    graph = trace(nested, 0.5)
    browser = open_page(graph, limit=5)
    sins = [node.number for node in graph.nodes if node.operation == "sin"]
    browser.execute_script("visit({node: arguments[0]})", sins[7])  # the third of the second run
    assert run(browser, f"units.has('n{sins[7]}')")
    assert run(browser, "[...units.values()].filter(u => u.kind === 'operation').length") == 3
    assert run(browser, "seen.map((_, k) => (go(k), byId('words').textContent)).every(Boolean)")
    browser.execute_script("unfoldAll()")
    assert run(browser, "units.size") == len(graph.nodes)


# ---------------------------------------------------------------------- large graphs


def size_of_page(graph, folder):
    """Return the bytes of a page beside the program that lays out."""
    page = graph.explorer(folder / "size.html")
    return page.stat().st_size - len(tg.graph.show.page.source("viz/viz-global.js"))


@pytest.fixture(scope="module")
def five_hundred_layers():
    tg.manual_seed(0)
    return GALLERY["five_hundred_layers"]()


def test_of_five_hundred_layers_the_page_is_small_and_shows_one(open_page, five_hundred_layers, tmp_path):
    assert size_of_page(five_hundred_layers, tmp_path) < PROGRAM
    browser = open_page(five_hundred_layers)
    assert "500 × (Linear, Tanh)" in run(browser, "svg.textContent.replace(/\\s+/g, ' ')")
    assert run(browser, "units.size") < 10
    assert run(browser, "seen.length") < 15


def test_five_hundred_layers_unfold_and_fold(open_page, five_hundred_layers):
    browser = open_page(five_hundred_layers)
    repeat = run(browser, "scopes.find(s => s.repeat).number")
    before = on_screen(browser, {"scope": repeat})
    browser.execute_script(f"change(() => unroll({repeat}), {{scope: {repeat}}})")
    assert run(browser, "units.size") == 1001  # a box for each layer
    np.testing.assert_allclose(on_screen(browser, {"scope": repeat}), before, atol=1e-3)
    assert run(browser, "seen.length") == 2003
    browser.execute_script("go(1500)")
    assert run(browser, "document.querySelectorAll('.marks .now').length") == 1
    browser.execute_script("foldAll()")
    assert run(browser, "units.size") == 2


@pytest.mark.slow
def test_all_of_five_hundred_layers_can_be_unfolded(open_page, five_hundred_layers):
    browser = open_page(five_hundred_layers)
    browser.execute_script("unfoldAll()")
    assert run(browser, "units.size") == 2001
    assert run(browser, "seen.length") == 2003


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(64, 64), (512, 16)])
def test_layers_that_are_wider_do_not_take_more(tmp_path, shape):
    rows, width = shape
    layers = [layer for _ in range(500) for layer in (nn.Linear(width, width), nn.Tanh())]
    assert size_of_page(trace(nn.Sequential(*layers), tg.randn(rows, width)), tmp_path) < PROGRAM


def test_a_chain_whose_middle_is_left_out_can_be_unfolded_as_far_as_it_can_be_drawn(open_page):
    operations = (tg.sin, tg.cos, tg.tanh, tg.relu, tg.abs, tg.square, tg.sigmoid)

    def walk(length):
        def run(x):
            state = 1
            for _ in range(length):
                state = state * 48271 % 2147483647
                x = operations[state % len(operations)](x) + 0.0
            return x

        return trace(run, 0.5)

    graph = walk(300)
    browser = open_page(graph, repeats="unroll")
    assert "left out" in run(browser, "svg.textContent")
    browser.execute_script("change(() => { gapOpen = true; }, null)")
    assert run(browser, "units.size") == len(graph.nodes)
    browser = open_page(walk(2100), repeats="unroll")
    browser.execute_script("unfoldAll()")
    assert "boxes, more than a picture can show" in run(browser, "byId('notice').textContent")
    assert run(browser, "units.size") < 60


# ---------------------------------------------------------------------- other people's graphs, and anything one can do


class Stacked(nn.Module):
    """Two layers of cells in a loop, with an output at every step."""

    def __init__(self):
        self.first, self.second, self.score = nn.LSTMCell(3, 4), nn.LSTMCell(4, 4), nn.Linear(4, 2)

    def forward(self, xs):
        one = two = None
        outputs = []
        for x in xs:
            one = self.first(x, one)
            two = self.second(one[0], two)
            outputs.append(self.score(two[0]))
        return tg.stack(outputs)


class Tied(nn.Module):
    """An embedding whose weight is that of the output too, and blocks that normalize."""

    def __init__(self):
        self.embed = nn.Embedding(20, 6)
        self.blocks = [nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 6), nn.Dropout(0.1)) for _ in range(12)]

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = x + block(x)
        return x @ self.embed.weight.T


def descent(w):
    X, y = np.ones((4, 2)), np.ones(4)
    for _ in range(8):
        (slope,) = tg.autograd.grad(tg.mean((X @ w - y) ** 2), w, create_graph=True)
        w = w - 0.1 * slope
    return tg.sum(w)


OTHERS = {
    "stacked": lambda: trace(Stacked(), tg.randn(12, 2, 3)),
    "tied": lambda: trace(Tied(), np.array([[1, 2], [3, 4]])),
    "descent": lambda: trace(descent, np.ones(2)),
    "rnn_of_60_steps": GALLERY["rnn_of_60_steps"],
    "six_transformer_blocks": GALLERY["six_transformer_blocks"],
}


@pytest.mark.parametrize("name", ["stacked", "tied", "descent"])
def test_it_draws_and_says_the_same_as_python_of_other_graphs(open_page, name):
    graph = OTHERS[name]()
    browser = open_page(graph)
    assert differences(run(browser, "dotOf(look(), 'down')"), dot_of_python(graph, "down")) == []
    assert run(browser, "moments.map(m => sentencesOf(m).join('\\n'))") == [step.text for step in steps(graph)]


ANYTHING = """
    let state = arguments[0];
    const random = n => { state = (state * 48271) % 2147483647; return state % n; };
    const pick = list => list[random(list.length)];
    const repeats = scopes.filter(s => s.repeat), faults = [];
    const acts = [
        () => toggle(pick(scopes.filter(s => isModule(s.number))).number),
        () => { const {number, repeat} = pick(repeats);
            change(() => chosen.set(number, random(repeat.count)), {scope: number}); },
        () => { const {number, repeat} = pick(repeats);
            if (repeat.count < 15) change(() => unroll(number), {scope: number}); },
        () => { const {number} = pick(repeats);
            if (unrolled.has(number)) change(() => roll(number), {scope: number}); },
        () => visit({node: random(nodes.length)}), () => nextUse(1), foldSelected, () => go(random(seen.length)),
        turn, () => { folded.size > 3 ? change(() => folded.clear(), null) : foldAll(); },
    ];
    for (let k = 0; k < 60; k++) {
        pick(acts)();
        if (units.size !== drawing.drawn.size) faults.push(`${k}: ${units.size} of ${drawing.drawn.size} boxes`);
        const ends = drawing.edges.flatMap(e => [e.source, e.target]).filter(key => !drawing.drawn.has(key));
        if (ends.length) faults.push(`${k}: no box ${ends}`);
        const from = seen.map(step => step.from), to = seen.map(step => step.to);
        if (from[0] !== 0 || to[to.length - 1] !== moments.length - 1) faults.push(`${k}: steps from ${from[0]}`);
        if (from.some((f, j) => j && f !== to[j - 1] + 1)) faults.push(`${k}: steps with a gap`);
        const words = wordsOf(seen[now]);
        if (words.some(line => !line || /undefined|NaN|null/.test(line))) faults.push(`${k}: ${words}`);
        if (Object.values(frame).some(x => !Number.isFinite(x))) faults.push(`${k}: ${JSON.stringify(frame)}`);
    }
    return faults;
"""


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", list(OTHERS))
def test_whatever_one_does_all_boxes_are_drawn_and_all_steps_are_there(open_page, name, seed):
    browser = open_page(OTHERS[name]())
    assert browser.execute_script(ANYTHING, seed) == []
