"""Gradient descent: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(2, tmp_path)
    w, b, j = numbers(r"0\.001: w = (.+), b = (.+), J = (.+)\.\n", text)
    assert (w, b) == pytest.approx((1.1930, -3.8958), abs=4e-3)  # of scikit-learn and the textbook
    assert numbers(r"Closed form: w = (.+), b = (.+); Lin", text) == pytest.approx([1.1930, -3.8958], abs=1e-4)
    assert j / 2 == pytest.approx(4.4770, abs=1e-3)
    low, high = numbers(r"Curvatures of the bowl: (.+) and (.+); steps", text)
    assert 0 < low < high
    steps, left = numbers(r"2\.0 and 2\.0; (\d+) steps.*\nends (.+) from", text)
    assert steps < 50
    assert left < 1e-9
    assert "Three columns, rank 2" in text
    assert numbers(r"differ by (.+) at most", text)[0] < 1e-9


@pytest.fixture
def cities():
    try:
        X, y = tg.datasets.city_profits()
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")
    return X[:, 0], y


def test_exercise_1_half_the_sum_has_the_same_path_at_another_rate(cities):
    x, y = cities
    mean = tg.grad(lambda p: ((p[0] * x + p[1] - y) ** 2).mean())
    half_sum = tg.grad(lambda p: ((p[0] * x + p[1] - y) ** 2).sum() / 2)
    p = q = np.zeros(2)
    for _ in range(50):
        p, q = p - 0.01 * mean(p), q - 0.02 / len(x) * half_sum(q)  # J is 2 / n times as large
    np.testing.assert_allclose(p, q, rtol=1e-9)


def test_exercise_2_a_bowl_has_one_bottom(cities):
    x, y = cities
    gradient = tg.grad(lambda p: ((p[0] * x + p[1] - y) ** 2).mean())
    p = np.array([100.0, -100.0])
    for _ in range(5000):
        p = p - 0.01 * gradient(p)
    np.testing.assert_allclose(p, np.polyfit(x, y, 1), atol=1e-4)


def test_exercise_3_newton_needs_one_step(cities):
    x, y = cities
    loss = lambda p: ((p[0] * x + p[1] - y) ** 2).mean()
    p = np.zeros(2)
    p = p - np.linalg.solve(tg.hessian(loss)(p), tg.grad(loss)(p))
    np.testing.assert_allclose(p, np.polyfit(x, y, 1), rtol=1e-9)
