"""Every graph of the gallery can be read: few boxes, no hair, no tower, no line through a title, a repeat once."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

import tinygrad_ml as tg
from tests.graph.gallery import GALLERY
from tinygrad_ml.graph.show.render import layout
from tinygrad_ml.graph.show.view import LIMIT, view

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
SVG = "{http://www.w3.org/2000/svg}"
every_graph = pytest.mark.parametrize("name", list(GALLERY))
SHORT, LONG = 1100, 2900  # points that the sides of a picture may have
REPEATS = {
    "five_hundred_layers": ["500 × (Linear, Tanh)"],
    "gradient_descent": ["15 × (matmul, subtract, … subtract)"],
    "lstm_of_20_steps": ["20 × (getitem, LSTMCell)"],
    "lstm_of_20_steps_without_modules": ["20 × (getitem, matmul, … multiply)"],
    "newton": ["12 × (multiply, subtract, … subtract)"],
    "rnn_of_60_steps": ["60 × (getitem, Cell)"],
    "six_transformer_blocks": ["6 × Block"],
    "vanishing_gradient": ["12 × (Linear, Sigmoid)"],
}


@pytest.fixture(scope="module")
def graphs():
    """Return the graphs, each made once."""
    made = {}

    def graph(name):
        if name not in made:
            tg.manual_seed(0)
            made[name] = GALLERY[name]()
        return made[name]

    return graph


def test_there_are_thirty():
    assert len(GALLERY) >= 30


@every_graph
def test_a_picture_has_about_forty_boxes(graphs, name):
    assert len(view(graphs(name)).drawn) <= LIMIT


@every_graph
def test_repeats_are_drawn_once(graphs, name):
    chosen = view(graphs(name))
    boxes = [chosen.graph.scopes[k] for k in sorted(chosen.clusters)]
    assert [f"{box.name} {box.type}" for box in boxes if " ×" in box.name] == REPEATS.get(name, [])


def laid_out(graph, **options):
    return json.loads(layout(graph.to_dot(**options), "json0"))


@needs_graphviz
@every_graph
def test_a_picture_is_no_hair_and_no_tower(graphs, name):
    _, _, width, height = map(float, laid_out(graphs(name))["bb"].split(","))
    assert min(width, height) < SHORT
    assert max(width, height) < LONG


def rectangle(centre, width, height):
    x, y = map(float, centre.split(","))
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def titles(picture):
    """Return where the titles of the boxes of modules stand: those of clusters, and those that are nodes."""
    for thing in picture.get("objects", []):
        if thing["name"].startswith("cluster_") and "lp" in thing:
            yield rectangle(thing["lp"], 72 * float(thing["lwidth"]), 72 * float(thing["lheight"]))
        elif thing["name"].startswith("h"):
            yield rectangle(thing["pos"], 72 * float(thing["width"]), 72 * float(thing["height"]))


def points(edge):
    """Yield points along an edge: its curves are cubic."""
    numbers = [tuple(map(float, p.split(","))) for p in edge["pos"].split(" ") if p[0] not in "es"]
    for k in range(0, len(numbers) - 3, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = numbers[k : k + 4]
        for j in range(21):
            t, s = j / 20, 1 - j / 20
            a, b, c, d = s**3, 3 * s * s * t, 3 * s * t * t, t**3
            yield a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


@needs_graphviz
@every_graph
def test_no_edge_runs_through_a_title(graphs, name):
    picture = laid_out(graphs(name))
    places = list(titles(picture))
    crossed = [
        (x, y)
        for edge in picture.get("edges", [])
        if "pos" in edge and edge.get("style") != "invis"
        for x, y in points(edge)
        if any(left + 3 < x < right - 3 and low + 3 < y < high - 3 for left, low, right, high in places)
    ]
    assert crossed == []


@needs_graphviz
@every_graph
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_every_theme_draws(graphs, name, theme):
    root = ElementTree.fromstring(graphs(name).to_svg(theme=theme, title="A title", legend=True))
    texts = ["".join(t.itertext()).strip() for t in root.iter(SVG + "text")]
    assert "A title" in texts
    assert "operation" in texts or "module, folded" in texts


@every_graph
def test_mermaid_names_every_box_that_it_connects(graphs, name):
    text = graphs(name).to_mermaid()
    found = set(re.findall(r"^(\w+)[\[({>]", text, re.M))
    ends = {key for pair in re.findall(r"^(\w+) -.*?-?> (?:\|.*?\| )?(\w+)$", text, re.M) for key in pair}
    assert ends
    assert ends <= found
    assert text.count("subgraph ") == len(re.findall("^end$", text, re.M))


@needs_graphviz
@every_graph
def test_tikz_is_balanced_and_ascii_apart_from_letters(graphs, name):
    text = graphs(name).to_tikz()
    bare = re.sub(r"\\[\\{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert all(c.isascii() or c.isalpha() for c in text)
    assert text.count(r"\begin{tikzpicture}") == text.count(r"\end{tikzpicture}") == 1


@every_graph
def test_without_dot_the_picture_is_there_and_graphviz_has_nothing_to_complain_of(graphs, name, monkeypatch, capfd):
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", "")
    svg = graphs(name).to_svg(legend=True)
    assert "Warning: " not in capfd.readouterr().err
    assert svg.startswith("<svg")
