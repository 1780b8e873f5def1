"""What notebooks show of modules, estimators, summaries and histories: well-formed, complete, and escaped."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import LogisticRegression
from tinygrad_ml.nn.outline import ROWS
from tinygrad_ml.notebook import curves

EVIL = "<script>alert('&')</script>"
X = np.random.default_rng(0).standard_normal((20, 4))


def page(thing):
    """Return the HTML as a tree: it must be well-formed, also as XML."""
    text = thing if isinstance(thing, str) else thing._repr_html_()
    assert "<script" not in text
    return ElementTree.fromstring(text.replace("<details open>", "<details open='open'>"))


def words(thing):
    return " ".join("".join(page(thing).itertext()).split())


class Block(nn.Module):
    def __init__(self):
        self.layers = [nn.Linear(4, 3), nn.BatchNorm1d(3)]
        self.gain = nn.Parameter(np.ones(3))
        self.parent = None

    def forward(self, x):
        return self.layers[1](self.layers[0](x)) * self.gain


def test_a_module_shows_every_module_with_its_shapes_and_the_parameters_below_it():
    net = nn.Sequential(Block(), nn.Linear(3, 2))
    net[1].weight.requires_grad = False
    text = words(net)
    assert f"{sum(p.size for p in net.parameters())} parameters" in text
    assert "weight 3×4, bias 3" in text
    assert "gain 3" in text
    assert "weight 2×3 (frozen), bias 2" in text
    assert "buffers running_mean 3, running_var 3" in text
    assert len(list(page(net).iter("details"))) == 2  # those that have modules below them


def test_a_module_that_knows_its_parent_and_shares_a_layer_is_shown_once():
    block = Block()
    block.parent = nn.Sequential(block, block)
    text = words(block.parent)
    assert text.count("Block") == 1
    assert "24 parameters" in words(block)  # 4·3 + 3 of the layer, 3 + 3 of the normalisation, and the gain of 3


def test_many_layers_are_counted_and_not_all_written():
    text = words(nn.Sequential(*(nn.Tanh() for _ in range(ROWS + 7))))
    assert text.count("Tanh") == ROWS
    assert "... and 7 more" in text


def test_what_users_write_is_escaped():
    class Named(nn.Module):
        def __init__(self):
            self.parts = {EVIL: nn.Linear(2, 2)}

        def extra_repr(self):
            return EVIL

    assert words(Named()).count(EVIL) == 2
    history = tg.train.History()
    history.append(loss=1.0, **{EVIL: 2.0})
    history.stopped = EVIL
    assert words(history).count(EVIL) == 2
    assert EVIL in words(LogisticRegression(penalty=EVIL))


def test_the_summary_has_the_same_cells_as_its_text():
    table = nn.summary(Block(), tg.tensor(X))
    cells = [cell.text.strip() for row in page(table).iter("tr") for cell in row if cell.text]
    assert [word for cell in cells for word in cell.split()] == [
        word for line in str(table).splitlines()[:-1] if not line.startswith("-") for word in line.split()
    ]


def test_an_estimator_shows_its_state_and_marks_what_was_changed():
    model = LogisticRegression(C=0.5)
    assert "(not fitted)" in words(model)
    bold = [cell.text for cell in page(model).iter("td") if "bold" in cell.get("style")]
    assert bold == ["C", "0.5"]
    model.fit(X, X[:, 0] > 0)
    assert "(fitted, 5 weights)" in words(model)
    assert "weight 1×4, bias 1" in words(model)


def test_an_estimator_links_to_its_page_where_the_package_knows_one(monkeypatch):
    class Metadata:
        def get_all(self, key):
            assert key == "Project-URL"
            return ["Repository, https://example.org/code", "Documentation, https://example.org/docs/"]

    class Mine(LogisticRegression):
        pass

    monkeypatch.setattr("tinygrad_ml.models.estimator.metadata", lambda name: Metadata())
    link = page(LogisticRegression()).find(".//a").get("href")
    assert link == "https://example.org/docs/models.html#logisticregression"
    assert page(Mine()).find(".//a") is None  # no page is about it


@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_a_history_has_its_sentence_a_curve_and_the_epochs(n):
    history = tg.train.History()
    for k in range(n):
        history.append(loss=1.0 / (k + 1), validation_loss=0.5 + (k - 2) ** 2)
    tree = page(history)
    assert words(history).startswith(f"History of {n} epoch")
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == (n > 0)
    assert len(list(tree.iter("tr"))) == (0 if n == 0 else min(n, 11) + 1)
    if n > 2:
        assert "best: 0.5 in epoch 3" in words(history)


def points(svg):
    found = re.findall(r'points="([^"]+)"', svg)
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in found]


def test_the_curve_is_drawn_to_scale():
    (line,) = points(curves({"loss": [0.0, 1.0, 3.0]}, "epoch"))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(1 / 3, abs=0.01)
    (line,) = points(curves({"loss": [100.0, 10.0, 1.0]}, "epoch"))  # a logarithmic axis
    assert line[1][1] - line[0][1] == pytest.approx(line[2][1] - line[1][1])


def test_gaps_constants_and_nothing_finite():
    svg = curves({"loss": [1.0, 2.0, math.nan, 3.0, 4.0, math.inf, 2.0]}, "epoch")
    assert [len(line) for line in points(svg)] == [2, 2]
    assert svg.count("<circle") == 1
    assert len(points(curves({"loss": [2.0, 2.0]}, "epoch"))) == 1
    assert curves({"loss": [math.nan]}, "epoch") == ""
