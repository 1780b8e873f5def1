"""Hidden layers: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import nn

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(17, tmp_path)
    linear = numbers(r"gives all four points \[(\S+) +(\S+) +(\S+) +(\S+)\]", text)
    assert linear == pytest.approx([0.5] * 4, abs=0.01)
    network = numbers(r"three hidden neurons: \[(\S+) +(\S+) +(\S+) +(\S+)\]", text)
    assert np.round(network).tolist() == [0, 1, 1, 0]
    assert "with the cross of both: [0 1 1 0], the truth [0 1 1 0]" in text
    circles = {
        name: numbers(rf"Circles, {name}: (.+)%", text)[0] for name in ("a linear model", "3 neurons", "8 neurons")
    }
    assert circles["a linear model"] < 65
    assert min(circles["3 neurons"], circles["8 neurons"]) > 95
    spirals = {name: numbers(rf"Spirals, {name}: (.+)%", text)[0] for name in ("identity", "tanh", "relu")}
    assert spirals["identity"] < 75 < 95 < min(spirals["tanh"], spirals["relu"])
    one, three, thirty = (numbers(rf"A sine by {n} ReLUs?: R² = (.+)\.\n", text)[0] for n in (1, 3, 30))
    assert one < three <= thirty + 0.01
    assert thirty > 0.9


def test_exercise_1_xor_by_hand():
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    hidden = tg.relu(X @ np.ones((2, 2)) + np.array([0.0, -1.0]))
    np.testing.assert_array_equal((hidden @ np.array([1.0, -2.0])).numpy(), [0, 1, 1, 0])


def test_exercise_2_a_stack_of_linear_layers_is_one():
    first, second = nn.Linear(3, 5).to(np.float64), nn.Linear(5, 2).to(np.float64)
    x = np.random.default_rng(0).normal(size=(7, 3))
    weight = second.weight.numpy() @ first.weight.numpy()
    bias = second.weight.numpy() @ first.bias.numpy() + second.bias.numpy()
    np.testing.assert_allclose(second(first(tg.tensor(x))).numpy(), x @ weight.T + bias, rtol=1e-9)


def test_exercise_3_swapped_neurons_compute_the_same():
    network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).to(np.float64)
    x = tg.tensor(np.random.default_rng(0).normal(size=(5, 2)))
    before = network(x).numpy().copy()
    order = [1, 0, 2, 3]  # one of 4! = 24, and tanh allows to change the sign of each: 24 * 2**4 minima
    with tg.no_grad():
        network[0].weight.data = network[0].weight.numpy()[order]
        network[0].bias.data = network[0].bias.numpy()[order]
        network[2].weight.data = network[2].weight.numpy()[:, order]
    np.testing.assert_allclose(network(x).numpy(), before, rtol=1e-12)
