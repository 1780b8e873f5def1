"""What repeats is drawn once: how it is found, what stands for it, and what its chart says."""

from itertools import pairwise

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.graph.gallery import RNN, HandWrittenLSTM
from tinygrad_ml import nn
from tinygrad_ml.graph import trace
from tinygrad_ml.graph.show.labels import Labels
from tinygrad_ml.graph.show.repeats import Repeat, rolled
from tinygrad_ml.graph.show.view import view


def repeats_of(graph):
    return [scope for scope in rolled(graph).graph.scopes if isinstance(scope, Repeat)]


def title(repeat):
    return f"{repeat.name} {repeat.type}"


def chain(period, count):
    """Return a chain in which the first `period` of seven operations repeat `count` times."""
    operations = [tg.sin, tg.cos, tg.tanh, tg.exp, tg.abs, tg.square, tg.sigmoid][:period]

    def run(x):
        for _ in range(count):
            for operation in operations:
                x = operation(x)
        return x

    return trace(run, 0.5)


@pytest.mark.parametrize("period", range(1, 8))
@pytest.mark.parametrize("count", [3, 4, 17])
def test_any_period_is_found(period, count):
    (repeat,) = repeats_of(chain(period, count))
    assert [len(member) for member in repeat.members] == [period] * count


def test_two_are_no_repeat():
    assert repeats_of(chain(3, 2)) == []


def test_a_repeat_in_a_repeat():
    def run(x):
        for _ in range(4):
            for _ in range(5):
                x = tg.sin(x)
            x = tg.exp(x)
        return x

    inner, outer = repeats_of(trace(run, 0.5))[0], repeats_of(trace(run, 0.5))[-1]
    assert title(inner) == "5 × sin"
    assert title(outer) == "4 × (5 × sin, exp)"
    assert len(view(trace(run, 0.5), limit=1).drawn) == 2  # x, and the whole


def test_parallel_branches_are_no_repeat_but_many_of_them_are():
    def branches(n):
        def run(x):
            parts = [tg.sin(x[k]) for k in range(n)]
            return sum(parts[1:], parts[0])

        return trace(run, np.ones(n))

    assert [title(r) for r in repeats_of(branches(3))] == []
    assert "9 × (getitem, sin)" in [title(r) for r in repeats_of(branches(9))]


def test_what_is_connected_otherwise_is_no_repeat():
    def run(x):
        for _ in range(3):
            x = tg.sin(x) + x
        for _ in range(3):
            x = tg.sin(x) + 1.0
        return x

    assert [len(repeat.members) for repeat in repeats_of(trace(run, 0.5))] == [3, 3]


def test_shapes_tell_layers_apart():
    widths = [32, 16, 8, 4, 2, 1]
    net = nn.Sequential(*[nn.Linear(a, b) for a, b in pairwise(widths)])
    assert repeats_of(trace(net, tg.ones(2, 32))) == []


def test_layers_of_one_kind_are_one_box_whose_names_do_not_matter():
    net = nn.Sequential(*[layer for _ in range(30) for layer in (nn.Linear(4, 4), nn.Tanh())])
    (repeat,) = repeats_of(trace(net, tg.ones(2, 4)))
    assert title(repeat) == "30 × (Linear, Tanh)"


def test_cells_in_a_loop_are_one_box_named_after_the_cell():
    class Loop(nn.Module):
        def __init__(self):
            self.cell = nn.Linear(4, 4)

        def forward(self, x):
            for _ in range(20):
                x = self.cell(x)
            return x

    (repeat,) = repeats_of(trace(Loop(), tg.ones(2, 4)))
    assert title(repeat) == "20 × cell Linear"


def test_the_chart_has_the_gradients_of_every_step():
    graph = trace(RNN(), tg.randn(60, 4, 3))
    (repeat,) = repeats_of(graph)
    tanhs = [node for node in graph.nodes if node.operation == "tanh"]
    assert [g.norm for g in repeat.gradients] == [node.gradient.norm for node in tanhs]
    assert [v.norm for v in repeat.values] == [node.value.norm for node in tanhs]
    chosen = view(graph)
    (number,) = [k for k in chosen.clusters if isinstance(chosen.graph.scopes[k], Repeat)]
    values, gradients = Labels(chosen).heading(number).charts
    assert len(values.heights) == len(gradients.heights) == 30  # each is the median of two neighbours
    assert gradients.caption.startswith("‖∂‖ ")
    assert gradients.heights[-1] == 1.0
    assert all(0 <= height <= 1 for height in values.heights + gradients.heights)


def test_a_chart_of_one_order_of_magnitude_begins_at_zero_and_another_says_that_it_is_logarithmic():
    def run(factor):
        def scale(x):
            for _ in range(50):
                x = x * factor
            return x

        chosen = view(trace(scale, 1.0))
        (number,) = chosen.clusters - {0}
        return Labels(chosen).heading(number).charts[0]

    mild, steep = run(0.99), run(0.5)
    assert mild.heights == pytest.approx([0.99**k for k in range(50)])
    assert "log scale" not in mild.caption
    assert "log scale" in steep.caption


def test_what_a_repetition_takes_from_the_one_before_is_an_edge_of_its_own():
    dot = trace(HandWrittenLSTM(), tg.randn(20, 4, 3)).to_dot()
    carried = [line for line in dot.splitlines() if 'label=" next"' in line]
    assert len(carried) == 2  # the state and the cell
    assert all("constraint=false" in line for line in carried)


def test_constants_that_differ_are_shown_as_a_range():
    assert "index=0 … 59" in trace(RNN(), tg.randn(60, 4, 3)).to_dot()


def test_unrolled_and_limit_say_otherwise():
    graph = trace(RNN(), tg.randn(6, 4, 3))
    assert not any(isinstance(s, Repeat) for s in view(graph, limit=100).graph.scopes)
    assert any(isinstance(s, Repeat) for s in view(graph, limit=20).graph.scopes)
    assert len(view(graph, limit=1000, repeats="unroll").drawn) > 40
    with pytest.raises(ValueError, match="'fold' or 'unroll', not 'sometimes'"):
        graph.to_dot(repeats="sometimes")


def test_a_layer_that_stands_for_several_has_no_name():
    layers = [layer for _ in range(20) for layer in (nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())]
    chosen = view(trace(nn.Sequential(*layers), tg.randn(8, 4)))
    (norm,) = [drawn.folded for drawn in chosen.drawn.values() if drawn.folded is not None]
    assert Labels(chosen).module(norm).title == "BatchNorm1d"
    assert Labels(chosen).module(0).title == "Sequential Sequential"


def test_every_operation_has_something_that_stands_for_it():
    graph = trace(HandWrittenLSTM(), tg.randn(20, 4, 3))
    chosen = view(graph)
    assert {node.number for node in graph.operations} - chosen.unused <= set(chosen.where)
    assert set(chosen.where.values()) <= set(chosen.drawn)


def test_a_folded_repeat_counts_all_that_it_stands_for():
    net = nn.Sequential(*[layer for _ in range(30) for layer in (nn.Linear(4, 4), nn.Tanh())])
    graph = trace(net, tg.ones(2, 4))
    chosen = view(graph, limit=2)
    (box,) = [d for d in chosen.drawn.values() if d.folded is not None]
    label = Labels(chosen).of(box)
    assert label.title == "30 × (Linear, Tanh)"
    assert "600 parameters, 60 operations" in label.facts
    assert len(label.charts) == 2
