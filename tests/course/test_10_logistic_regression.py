"""Logistic regression: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import LogisticRegression
from tinygrad_ml.testing import gradcheck

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(10, tmp_path)
    assert numbers(r"probability 0\.012: the loss is (.+) nats", text) == [4.42]
    assert numbers(r"pays (.+) nats a student", text) == [0.673]
    assert numbers(r"Log odds = (.+) \+ (.+) x first exam \+ (.+) x second", text) == [
        -25.161,
        0.2062,
        0.2015,
    ]  # textbook
    assert numbers(r"45 and 85 points: probability (.+), odds", text) == [0.776]
    right, loss = numbers(r"(.+)% of the students are judged right; the loss is (.+) nats", text)
    assert (right, loss) == (89, 0.2035)
    newton, left, steps = numbers(r"after (\d+) steps, gradient ascent (.+) away after (\d+)", text)
    assert newton < 10 < steps
    assert left > 1e-3
    squares, logistic = numbers(r"boundary moves by (.+) points, the logistic one by (.+)\.\n", text)
    assert abs(squares) > 10 * abs(logistic)


def test_exercise_1_the_entropy_is_the_least_price():
    y = np.repeat([1.0, 0.0], [60, 40])
    price = lambda p: tg.nn.functional.binary_cross_entropy(np.full(100, p), y).item()
    grid = np.linspace(0.01, 0.99, 99)
    assert grid[np.argmin([price(p) for p in grid])] == pytest.approx(0.6)
    divergence = 0.6 * np.log(0.6 / 0.5) + 0.4 * np.log(0.4 / 0.5)
    assert price(0.5) - price(0.6) == pytest.approx(divergence)


def test_exercise_2_separated_classes_are_pointed_out():
    X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0, 0, 1, 1])
    with pytest.warns(UserWarning, match="separate"):
        LogisticRegression(penalty=None).fit(X, y)


def test_exercise_3_the_derivative_of_the_sigmoid():
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    z = np.array([-2.0, 0.0, 1.0])
    gradcheck((lambda z: tg.sigmoid(z).sum(), lambda z: sigmoid(z) * (1 - sigmoid(z))), z)
    far = tg.grad(lambda z: tg.sigmoid(z).sum())(np.array([-40.0]))
    np.testing.assert_allclose(far, np.exp(-40), rtol=1e-6)
