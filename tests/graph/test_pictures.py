"""Pictures of graphs: what is in them, how they are folded, and that no text can break out of them."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.graph import trace
from tinygrad_ml.graph.show.animate import Frame, moments
from tinygrad_ml.graph.show.dot import written
from tinygrad_ml.graph.show.style import DARK, LIGHT, PRINT
from tinygrad_ml.graph.show.view import LONG, view

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
NASTY = "</title></svg><script>alert('x')</script> & \"quoted\" \\N \n\x00 {port|<p>}"
SVG = "{http://www.w3.org/2000/svg}"


class Cell(nn.Module):
    def __init__(self):
        self.input = nn.Linear(3, 16)
        self.state = nn.Linear(16, 16, bias=False)

    def forward(self, x, h):
        return tg.tanh(self.input(x) + self.state(h))


class RNN(nn.Module):
    def __init__(self):
        self.cell = Cell()
        self.score = nn.Linear(16, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], 16)
        for x in xs:
            h = self.cell(x, h)
        return self.score(h)


def edges(dot):
    return re.findall(r"^(\w+) -> (\w+) (?!.*invis)", dot, re.M)


def degrees(dot):
    """Return how many edges end at each node that is drawn."""
    return Counter(key for edge in edges(dot) for key in edge)


def drawn(dot):
    return re.findall(r"^(\w+) \[id=", dot, re.M)


# ---------------------------------------------------------------------- what is drawn


def test_x_times_x_is_drawn_with_two_edges():
    assert edges(trace(lambda x: x * x, 3.0).to_dot()) == [("n0", "n1"), ("n0", "n1")]


def test_edges_carry_shapes_and_constants_stand_in_their_operation():
    dot = trace(lambda x: tg.exp(x * 2.5).sum(), np.ones((3, 4))).to_dot()
    assert 'label=" 3×4"' in dot
    assert "<b>×</b> 2.5" in dot


def test_kinds_differ_in_shape_and_colour():
    dot = trace(nn.Linear(3, 2), tg.ones(1, 3)).to_dot()
    looks = {}
    for line in dot.splitlines():
        found = re.match(r'(\w+) \[id=\w+, class="(\w+)"', line)
        if found:
            looks[found[2]] = (re.search('fillcolor="(#\\w+)', line)[1], "ellipse" in line, '"filled"' in line)
    assert len(set(looks.values())) == len(looks) == 3  # input, parameter, operation


def test_modules_are_boxes_that_nest_and_fold():
    graph = trace(RNN(), tg.ones(2, 4, 3))
    assert graph.to_dot().count("subgraph cluster_") == 7  # 2 cells with 2 layers each, and the score
    folded = graph.to_dot(depth=1)
    assert "subgraph" not in folded
    assert [key for key in drawn(folded) if key.startswith("s")] == ["s1", "s4", "s7"]
    assert drawn(graph.to_dot(depth=0)) == ["n0", "s0"]


def test_a_shared_parameter_is_drawn_once_per_use_or_once():
    graph = trace(RNN(), tg.ones(3, 4, 3))
    weight = graph["cell.input.weight"].number
    each = [key for key in drawn(graph.to_dot()) if key.startswith(f"n{weight}_")]
    assert len(each) == 3
    shared = graph.to_dot(share=True)
    assert drawn(shared).count(f"n{weight}") == 1
    assert len([e for e in edges(shared) if e[0] == f"n{weight}"]) == 3


def test_a_large_graph_folds_and_says_so():
    dot = trace(RNN(), tg.ones(60, 4, 3)).to_dot(limit=200, repeats="unroll")
    assert "folded below depth" in dot
    assert len(drawn(dot)) <= 200


def test_a_long_chain_leaves_out_its_middle_and_says_so():
    def chain(x):
        for _ in range(1000):
            x = tg.sin(x)
        return x

    dot = trace(chain, 1.0).to_dot(limit=60, repeats="unroll")
    assert "980 operations in the middle are left out" in dot
    assert len(drawn(dot)) < 60


def test_a_long_edge_is_cut_to_a_reference():
    def skip(x):
        first = h = tg.tanh(x * 2)
        for _ in range(100):
            h = tg.tanh(h)
        return h + first

    chosen = view(trace(skip, 1.0), limit=1000, repeats="unroll")
    assert [drawn.key for drawn in chosen.drawn.values() if drawn.kind == "reference"] == ["rn2_n103"]


# ---------------------------------------------------------------------- colours


def fills(graph, theme="light"):
    return re.findall(r'bgcolor="(#\w+)"><font point-size="12" color="#\w+">&#160;([^&]*)', graph.to_dot(theme=theme))


def test_gradients_are_painted_by_their_size():
    def vanishing(x):
        for _ in range(6):
            x = x * 0.01
        return x

    colours = [LIGHT[f"g{k}"] for k in range(7)]
    painted = [colours.index(c) for c, text in fills(trace(vanishing, 1.0)) if text.startswith("∂")]
    assert painted[1:] == sorted(painted[1:])  # after x, along the computation
    assert painted[0] == 0
    assert painted[-1] == 6


def test_zero_gradients_and_dead_units_are_seen():
    graph = trace(lambda x: tg.sum(tg.relu(x)), -np.ones((3, 4)))
    assert (LIGHT["zero"], "∂ 0") in fills(graph)
    assert "100 % off" in graph.to_dot()


def test_nan_is_red_where_it_begins():
    with np.errstate(all="ignore"):
        dot = trace(lambda x: tg.log(x) * 2, -1.0).to_dot()
    assert dot.count("not finite from here on") == 1
    assert LIGHT["fault"] in re.search("^n1 .*", dot, re.M)[0]


def test_the_error_is_drawn_at_its_node():
    dot = trace(lambda x: tg.exp(x) @ tg.ones(5), np.ones(3)).to_dot()
    assert ("n1", "n2") in edges(dot)
    assert "ValueError: matmul" in dot


def test_all_themes_have_the_same_roles_and_each_colour_once():
    assert LIGHT.keys() == DARK.keys() == PRINT.keys()
    for theme in (LIGHT, DARK, PRINT):
        assert len(set(theme.values())) == len(theme)
    assert DARK["background"] in trace(lambda x: x * 2, 1.0).to_dot(theme="dark")


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK, PRINT], ids=["light", "dark", "print"])
def test_text_can_be_read_on_every_colour(theme):
    """WCAG 2.1 asks for a contrast of 4.5."""

    def contrast(a, b):
        low, high = sorted([luminance(a), luminance(b)])
        return (high + 0.05) / (low + 0.05)

    roles = ["background", "box", "box-inside", "operation", "input", "parameter", "buffer", "constant", "output"]
    roles += ["module", "added", "removed", "changed", *[f"g{k}" for k in range(7)]]
    assert {r: contrast(theme["text"], theme[r]) for r in roles if contrast(theme["text"], theme[r]) < 4.5} == {}
    assert contrast(theme["fault"], theme["fault-text"]) > 4.5
    assert contrast(theme["zero"], theme["zero-text"]) > 4.5
    assert contrast(theme["quiet"], theme["box"]) > 4.5


# ---------------------------------------------------------------------- Graphviz


@needs_dot
@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_files(tmp_path, kind):
    path = trace(lambda x: tg.tanh(x * x), 3.0).render(tmp_path / f"net.{kind}")
    assert path.read_bytes()[:5] in (b"<?xml", b"\x89PNG\r", b"%PDF-")


@needs_dot
def test_draw_writes_what_the_ending_says(tmp_path):
    tg.draw(lambda x: x * x, 3.0, path=tmp_path / "a.svg", theme="dark")
    tg.draw(lambda x: x * x, 3.0, path=str(tmp_path / "a.html"))
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(ValueError, match="ending"):
        tg.draw(lambda x: x * x, 3.0, path=tmp_path / "a")


@needs_dot
def test_notebooks_get_svg_and_text():
    bundle = tg.draw(lambda x: x * x, 3.0)._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].startswith("lambda(x: float32 ())")


@pytest.fixture
def without_dot(monkeypatch, tmp_path):
    """Hide the program `dot`."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def without_graphviz(monkeypatch, without_dot):
    """Hide the package pygraphviz too."""
    monkeypatch.setattr(tg.graph.show.render, "pygraphviz", lambda: None)


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_without_dot_pygraphviz_draws_files(without_dot, tmp_path, kind):
    pytest.importorskip("pygraphviz")
    path = trace(lambda x: tg.tanh(x * x), 3.0).render(tmp_path / f"net.{kind}")
    assert path.read_bytes()[:5] in (b"<?xml", b"\x89PNG\r", b"%PDF-")


def texts_of(svg):
    return sorted("".join(t.itertext()) for t in ElementTree.fromstring(svg).iter(SVG + "text"))


@needs_dot
def test_pygraphviz_draws_what_dot_draws(monkeypatch):
    pytest.importorskip("pygraphviz")
    graph = trace(RNN(), tg.ones(2, 4, 3))
    svg = graph.to_svg()
    monkeypatch.setenv("PATH", "")
    other = graph.to_svg()
    assert texts_of(svg) == texts_of(other)
    ids = [[g.get("id") for g in ElementTree.fromstring(s).iter(SVG + "g") if g.get("id")] for s in (svg, other)]
    assert {key for key in ids[0] if key[0] == "n"} == {key for key in ids[1] if key[0] == "n"}


def test_without_dot_notebooks_get_the_picture_of_pygraphviz(without_dot):
    pytest.importorskip("pygraphviz")
    assert trace(lambda x: x * x, 3.0)._repr_mimebundle_()["image/svg+xml"].startswith("<svg")


def test_a_format_that_pygraphviz_does_not_have_is_refused(without_dot, tmp_path):
    pytest.importorskip("pygraphviz")
    with pytest.raises(ValueError, match="no format 'webp'"):
        trace(lambda x: x * x, 3.0).render(tmp_path / "net.webp")


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_without_any_graphviz_the_error_says_the_three_ways(without_graphviz, tmp_path, kind):
    graph = trace(lambda x: x * x, 3.0)
    with pytest.raises(RuntimeError, match="three ways") as error:
        graph.render(tmp_path / f"net.{kind}")
    assert all(way in str(error.value) for way in ("apt-get install graphviz", "pip install pygraphviz", ".html"))
    assert graph.to_dot().startswith("digraph")


def test_without_any_graphviz_a_notebook_gets_a_frame_that_lays_itself_out(without_graphviz):
    graph = trace(lambda x: x * x, 3.0)
    assert graph._repr_svg_() is None
    bundle = graph._repr_mimebundle_()
    assert "image/svg+xml" not in bundle
    assert bundle["text/html"].startswith("<iframe srcdoc=")
    assert "three ways" in bundle["text/plain"]


@needs_dot
def test_a_page_of_the_picture_alone(tmp_path):
    page = trace(lambda x: x * x, 3.0).render(tmp_path / "picture.html").read_text()
    assert "<svg" in page
    assert "<script" not in page


def nasty():
    class Net(nn.Module):
        def __init__(self):
            self.parts = {NASTY: nn.Linear(2, 2)}

        def forward(self, x):
            w = tg.tensor([1.0, 2.0], requires_grad=True, name=NASTY)
            return self.parts[NASTY](x) * w

    return trace(Net(), tg.ones(1, 2))


@needs_dot
def test_names_are_shown_as_text():
    root = ElementTree.fromstring(nasty().to_svg())
    assert not list(root.iter(SVG + "script"))
    texts = ["".join(t.itertext()) for t in root.iter(SVG + "text")]
    assert any("<script>alert" in t for t in texts)
    assert any('& "quoted"' in value for element in root.iter() for value in element.attrib.values())  # a tooltip


@needs_dot
def test_sixty_steps_of_a_recurrent_network_have_no_hub_on_which_the_layout_would_take_minutes():
    graph = trace(RNN(), tg.ones(60, 4, 3))
    assert max(degrees(graph.to_dot(limit=5000)).values()) <= 4
    svg = graph.to_svg(limit=5000)
    assert len(ElementTree.fromstring(svg).findall(f".//{SVG}g[@class='node parameter']")) == 60 * 3 + 2


@needs_dot
def test_of_dense_connections_those_over_many_ranks_are_cut_so_that_they_can_be_laid_out():
    def dense(x):
        states = [x]
        for _ in range(30):
            states.append(tg.tanh(sum(states)))
        return states[-1]

    graph = trace(dense, 1.0)
    assert max(degrees(graph.to_dot(limit=5000, repeats="unroll")).values()) <= LONG + 1
    assert graph.to_svg(limit=5000, repeats="unroll")


@needs_dot
def test_a_difference_is_drawn(tmp_path):
    before = trace(lambda x: tg.tanh(x * 2), 1.0, backward=False)
    after = trace(lambda x: tg.sin(x * 2), 1.0, backward=False)
    dot = before.diff(after).to_dot()
    (removed,) = re.findall(r"^n\d+ .*<b>tanh</b>.*", dot, re.M)
    (added,) = re.findall(r"^n\d+ .*<b>sin</b>.*", dot, re.M)
    assert LIGHT["removed"] in removed
    assert LIGHT["added"] in added
    assert before.diff(after).render(tmp_path / "difference.svg").exists()


# ---------------------------------------------------------------------- layers, names, what is left out


class Layers(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.pool(self.norm(self.conv(x))))


def test_layers_are_one_box_each_with_their_name_unless_depth_says_otherwise():
    graph = trace(Layers(), tg.rand(2, 1, 8, 8))
    chosen = view(graph)
    boxes = [chosen.graph.scopes[d.folded].type for d in chosen.drawn.values() if d.folded is not None]
    assert boxes == ["BatchNorm2d", "MaxPool2d", "Dropout"]
    assert "kernel_size=2" in graph.to_dot()
    assert "p=0.5" in graph.to_dot()
    assert not any(d.folded for d in view(graph, depth=9).drawn.values())


def test_layers_say_the_shapes_that_they_take_in_and_return():
    dot = trace(Layers(), tg.rand(2, 1, 8, 8)).to_dot()
    assert "2×1×8×8 → 2×4×6×6" in dot  # the convolution, which is not folded
    assert "2×4×6×6 → 2×4×3×3" in dot  # the pooling, which is


GLOBAL = np.array([3.0, 4.0])


def test_constants_have_the_names_of_closures_globals_arguments_and_attributes():
    inner = np.array([1.0, 2.0])

    class Scale(nn.Module):
        def __init__(self):
            self.factor = np.array([5.0, 6.0])

        def forward(self, x):
            return x * self.factor

    scale = Scale()

    def shifted(x, offset):
        return x + offset

    def run(x):
        return shifted(scale(x) * inner + GLOBAL, np.array([7.0, 8.0]))

    graph = trace(run, [1.0, 1.0])
    assert [n.name for n in graph.nodes if n.kind == "constant"] == ["factor", "inner", "GLOBAL", "offset"]


def test_a_target_that_was_copied_has_the_name_of_the_one_variable_that_equals_it():
    y, model = np.array([0, 1, 1]), nn.Linear(2, 2)
    graph = trace(lambda x: nn.functional.cross_entropy(model(x), y), np.ones((3, 2), np.float32))
    (target,) = [n for n in graph.nodes if n.kind == "constant"]
    assert target.name == "y"
    assert (target.number, graph.outputs[0]) in [(a, b) for a, b, _ in graph.edges]


def test_indices_that_were_computed_have_their_edge():
    layer = nn.Embedding(10, 4)
    for use in (lambda i: layer(i), lambda i: tg.take(layer.weight, i, 0), lambda i: layer.weight[i]):
        graph = trace(lambda x, use=use: use(x + 1), tg.tensor([[1, 2], [3, 4]]))
        added, looked_up = [node for node in graph.nodes if node.kind == "operation"]
        assert added.operation == "add"
        assert added.number in [entry.source for entry in looked_up.inputs]


def test_the_indices_of_an_embedding_have_their_edge():
    graph = trace(nn.Embedding(10, 4), np.array([[1, 2], [3, 4]]))
    assert (graph["input"].number, graph["embedding"].number, "indices") in graph.edges
    assert "indices=" not in str(graph["embedding"].parameters)


def test_an_operation_that_makes_its_own_index_has_no_edge_for_it():
    graph = trace(lambda x: tg.sort(x).sum(), [3.0, 1.0, 2.0])
    assert {a for a, _, _ in graph.edges} == {0, 1}


def test_unused_outputs_are_left_out_but_not_what_a_program_asks():
    class Last(nn.Module):
        def __init__(self):
            self.lstm = nn.LSTM(3, 4)

        def forward(self, x):
            out, _ = self.lstm(x)
            unused = tg.exp(out)
            assert unused.shape
            return out[-1] * 2 if out.sum() > 100 else out[-1]

    graph = trace(Last(), tg.rand(5, 2, 3))
    chosen = view(graph)
    shown = [d.node.operation for d in chosen.drawn.values() if d.node is not None and d.node.operation]
    assert shown == ["sum", "greater", "getitem"]
    assert "5×2×3 → 5×2×4<" in graph.to_dot()  # and not the last states


@needs_dot
def test_backslashes_in_names_are_shown_as_they_are():
    name = r"\N \G \E \L"
    w = tg.tensor([1.0, 2.0], requires_grad=True, name=name)
    texts = texts_of(trace(lambda x: x * w, [1.0, 2.0]).to_svg(title=name))
    assert texts.count(name) == 2


# ---------------------------------------------------------------------- slides


def test_a_legend_is_in_files_and_where_it_is_asked_for(tmp_path):
    graph = trace(nn.Linear(3, 2), tg.ones(4, 3))
    sign = "the root of the sum of squares"
    assert sign in graph.render(tmp_path / "a.dot").read_text()
    assert sign not in graph.render(tmp_path / "b.dot", legend=False).read_text()
    assert sign not in graph.to_dot()
    assert sign in graph.to_dot(legend=True)


def test_a_legend_has_what_is_in_the_picture_and_no_more():
    words = trace(lambda x: tg.tanh(x * 2), 1.0, backward=False).to_dot(legend=True)
    assert "input&#160;" in words
    assert all(absent not in words for absent in ("parameter&#160;", "module, folded", "gradient"))


def test_a_title_is_text():
    assert "&lt;b&gt;\\\\N" in trace(lambda x: x * 2, 1.0).to_dot(title=r"<b>\N")


def test_a_tower_is_laid_on_its_side_unless_told_otherwise():
    def chain(x):
        for operation in (tg.sin, tg.cos, tg.exp, tg.tanh, tg.abs, tg.square, tg.sigmoid, tg.cosh, tg.sinh):
            x = operation(x)
        return x

    graph = trace(chain, 0.5)
    assert "rankdir=LR" in graph.to_dot()
    assert "rankdir=TB" in graph.to_dot(direction="down")
    assert "rankdir=TB" in trace(lambda x: tg.sin(x * 2), 0.5).to_dot()


def test_mermaid_escapes_all_that_has_a_meaning():
    w = tg.tensor([1.0, 2.0], requires_grad=True, name='"]; click x "`<b>')
    text = trace(lambda x: x * w, [1.0, 2.0]).to_mermaid(title='"a": b')
    assert text.startswith('---\ntitle: "\\"a\\": b"\n---\nflowchart TD\n')
    assert "#34;]#59; click x #34;#96;#60;b#62;" in text


@needs_dot
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("theme", ["light", "print"])
def test_tikz_compiles(tmp_path, theme):
    w = tg.tensor([1.0, 2.0], requires_grad=True, name=r"α_1 \N {%} & #$~^ <é> 中")
    graph = trace(lambda x: tg.sum(nn.Linear(2, 3)(x) * tg.sum(w)), [1.0, 2.0])
    (tmp_path / "picture.tex").write_text(graph.to_tikz(document=True, theme=theme, title="50 % & more"), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "picture.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "(1 page" in done.stdout


# ---------------------------------------------------------------------- moving pictures


def frames_of(path):
    image = pytest.importorskip("PIL.Image")
    with image.open(path) as moving:
        return moving.n_frames, moving.size, moving.info.get("loop")


@needs_dot
def test_every_operation_is_one_frame_forward_and_one_back(tmp_path):
    graph = trace(lambda a, b: tg.tanh(a * b + a), 1.0, 2.0)
    frames, _, loop = frames_of(graph.animate(tmp_path / "backprop.gif"))
    assert frames == 2 * len(graph.operations) + 3  # start, turn and end
    assert loop == 0


@needs_dot
def test_without_gradients_it_goes_forward_only(tmp_path):
    graph = trace(lambda a: tg.tanh(a * 2), 1.0, backward=False)
    assert frames_of(graph.animate(tmp_path / "forward.gif"))[0] == 3


@needs_dot
def test_a_repeat_is_one_frame_for_each_of_its_operations(tmp_path):
    graph = trace(RNN(), tg.ones(60, 4, 3))
    assert frames_of(graph.animate(tmp_path / "rnn.gif", seconds=0.1))[0] < 25


def test_a_gradient_is_seen_only_once_it_is_complete():
    graph = trace(lambda x: x * x, 3.0)
    writer = written(graph, writer=Frame)
    seen = [len(fills_in(writer.at(moment))) for moment in moments(graph, writer)]
    assert seen == [0, 0, 1, 2, 2]  # start, forward, turn, backward, end


def fills_in(dot):
    return re.findall(r'bgcolor="#\w+"><font point-size="12" color="#\w+">&#160;∂', dot)


def test_other_endings_are_refused_and_a_missing_pillow_is_named(tmp_path, monkeypatch):
    graph = trace(lambda x: x * x, 3.0)
    with pytest.raises(ValueError, match=r"must be \.gif or \.webp"):
        graph.animate(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match="seconds must be positive, not 0"):
        graph.animate(tmp_path / "a.gif", seconds=0)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        graph.animate(tmp_path / "a.gif")


def test_a_name_of_any_length_can_be_drawn():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.name = "\\n" * 10_000
    dot = tg.graph.trace(x * 2).to_dot()
    assert max(map(len, re.findall(r'"(?:[^"\\]|\\.)*"', dot))) < 16_384  # Graphviz reads no longer string


def test_a_parameter_that_another_module_uses_has_its_whole_name_there():
    class Tied(nn.Module):
        def __init__(self):
            self.embed = nn.Embedding(10, 4)

        def forward(self, x):
            return self.embed(x) @ self.embed.weight.T

    titles = re.findall(
        r'class="parameter", label=<.*?<td colspan="1">([^<]*)</td>', trace(Tied(), np.array([1, 2])).to_dot()
    )
    assert sorted(titles) == ["embed.weight", "weight"]


@needs_dot
@pytest.mark.parametrize("count", [3, 8, 20, 60])
def test_the_bars_of_a_chart_stand_side_by_side(count):
    def scale(x):
        for _ in range(count):
            x = x * 0.9
        return x

    root = ElementTree.fromstring(trace(scale, 1.0).to_svg(limit=2))
    corners = [
        sorted({float(p.split(",")[0]) for p in e.get("points").split()})
        for e in root.iter(SVG + "polygon")
        if e.get("fill") == LIGHT["edge-quiet"]
    ]
    bars = [(c[0], c[-1]) for c in corners if 2 < c[-1] - c[0] < 13]
    assert len(bars) == min(count, 50, -(-count // -(-count // 50)))
    gaps = [after[0] - before[1] for before, after in pairwise(bars)]
    assert max(gaps) < 1.5


def test_the_legend_says_what_a_dashed_border_is_where_there_is_one():
    layer, x = tg.nn.Linear(2, 2), np.ones((3, 2))
    once, twice = tg.draw(layer, x), tg.draw(tg.nn.Sequential(layer, layer), x)
    assert "dashed: used several times" in twice.to_dot(legend=True)
    assert "dashed: used several times" not in twice.to_dot(legend=True, share=True)
    assert "dashed: used several times" not in once.to_dot(legend=True)
