"""Sick networks: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import nn
from tinygrad_ml.train import Doctor

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(19, tmp_path)
    read = lambda name: numbers(rf"(?:^|\n){name}: (.+)% of the test digits", text)[0]
    says = lambda name: text.split(f"{name}: ", 1)[1].split("the doctor finds ", 1)[1].split(".\n")[0]
    assert read("Twelve layers of sigmoids") < 20
    assert says("Twelve layers of sigmoids") == "vanishing gradient in 0"
    for cured in ("ReLU and He initialisation", "Sigmoids with batch normalisation", "Two layers of sigmoids"):
        assert read(cured) > 80
        assert says(cured) == "nothing"
    assert "exploding gradient" in says("Weights three times too large")
    assert read("The same with batch normalisation") > 80 > 20 > read("Weights three times too large")
    assert "dead ReLU" in says("Biases of -2 below ReLU")
    assert read("Biases of -2 below leaky ReLU") > 80 > 20 > read("Biases of -2 below ReLU")
    assert "log gave -inf at index (1,)" in text
    assert numbers(r"wrong way round: (.+) nats, and finite", text) == [200]


def network(activation, depth=12):
    tg.manual_seed(0)
    layers = [part for k in range(depth) for part in (nn.Linear(8, 8), activation())]
    return nn.Sequential(*layers, nn.Linear(8, 2))


def examined(model):
    x = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    return [f.illness for f in Doctor().examine(model, nn.CrossEntropyLoss(), (x, (x[:, 0] > 0).astype(int)))]


def test_exercise_1_tanh_has_the_slope_1_at_zero_and_suffers_less():
    assert tg.grad(tg.tanh)(np.array(0.0)) == 1.0
    of_first = []
    for activation in (nn.Sigmoid, nn.Tanh):
        model = network(activation)
        x = tg.tensor(np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32))
        nn.CrossEntropyLoss()(model(x), np.arange(64) % 2).backward()
        of_first.append(np.linalg.norm(model[0].weight.grad.numpy()))
    assert of_first[1] > 100 * of_first[0]


def test_exercise_2_equal_neurons_stay_equal():
    model = network(nn.Tanh, depth=1)
    model[0].weight.data = np.full((8, 8), 0.1, np.float32)
    model[0].bias.data = np.zeros(8, np.float32)
    model[2].weight.data = np.full((2, 8), 0.1, np.float32)
    assert examined(model) == ["symmetric units"]


def test_exercise_3_a_residual_path_keeps_the_gradient():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(8, 8)

        def forward(self, x):
            return x + tg.sigmoid(self.linear(x))

    tg.manual_seed(0)
    model = nn.Sequential(*[Residual() for _ in range(12)], nn.Linear(8, 2))
    assert "vanishing gradient" not in examined(model)
    assert "vanishing gradient" in examined(network(nn.Sigmoid))
