"""Optimizers: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml import nn, optim

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(21, tmp_path)
    ends = {
        n: numbers(rf"Valley, {n}: height .+ at first, (.+) after 40", text)[0] for n in ("SGD", "momentum", "Adam")
    }
    assert ends["momentum"] < ends["SGD"]
    assert numbers(r"the speed is (.+), .+ after 10 steps, (.+) after 60", text) == pytest.approx([1, 10], abs=0.05)
    first, last = numbers(r"frequent feature is (.+) at first, (.+) after 300", text)
    assert last == pytest.approx(first / np.sqrt(300), rel=0.02)
    rare_first, rare_last = numbers(r"one of 20 examples (.+) at first, (.+) at the end", text)
    assert rare_last == pytest.approx(rare_first / np.sqrt(15), rel=0.02)
    assert numbers(r"Adam: (.+) at first, (.+) after 300 steps", text) == pytest.approx([0.1, 0.1], rel=0.01)
    tumours = {n: numbers(rf"Tumours, {n}: loss .+ at first, (.+) after", text)[0] for n in ("SGD", "momentum", "Adam")}
    assert max(tumours["momentum"], tumours["Adam"]) < tumours["SGD"]
    assert "clip_norm=None: " in text
    assert "clip_norm=5.0: the weight is" in text


@pytest.mark.parametrize(
    ("make", "same"),
    [
        (lambda p: optim.SGD(p, lr=1e-4), False),
        (lambda p: optim.SGD(p, lr=1e-4, momentum=0.9), False),
        (lambda p: optim.Adagrad(p, lr=0.1), True),
        (lambda p: optim.Adam(p, lr=0.1), True),
    ],
)
def test_exercise_1_rates_of_their_own_do_not_see_the_scale_of_the_loss(make, same):
    ends = []
    for factor in (1, 1000):
        p = nn.Parameter(np.array([1.0, -2.0]))
        optimizer = make([p])
        for _ in range(10):
            optimizer.zero_grad()
            (factor * (p**2).sum()).backward()
            optimizer.step()
        ends.append(p.numpy().copy())
    assert np.allclose(*ends, atol=1e-6) == same


def test_exercise_2_adagrad_in_three_lines():
    p, squares, q = np.array([1.0, -2.0]), np.zeros(2), nn.Parameter(np.array([1.0, -2.0]))
    optimizer = optim.Adagrad([q], lr=0.1)
    for _ in range(10):
        g = 2 * p
        squares = squares + g**2
        p = p - 0.1 * g / (np.sqrt(squares) + 1e-10)
        optimizer.zero_grad()
        (q**2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(q.numpy(), p, rtol=1e-12)


def test_exercise_3_clipping_by_norm_keeps_the_direction():
    for clip, parallel in ((optim.clip_grad_norm_, True), (optim.clip_grad_value_, False)):
        p = nn.Parameter(np.array([3.0, 0.5]))
        (p**2).sum().backward()
        clip([p], 2.0)
        cross = p.grad[0].item() * 1.0 - p.grad[1].item() * 6.0
        assert (abs(cross) < 1e-6) == parallel
