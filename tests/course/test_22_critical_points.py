"""Critical points: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(22, tmp_path)
    for name, verdict in (
        ("bowl", "minimum"),
        ("hill", "maximum"),
        ("saddle", "saddle"),
        ("monkey saddle", "not decided"),
    ):
        assert f"\n{name}: " in f"\n{text}"
        assert verdict in text.split(f"{name}: curvatures", 1)[1].split("\n", 1)[0]
    steps, x, y = numbers(r"on the ridge: after (\d+) steps at x = (.+), y = (.+)\.\n", text)
    assert (steps, x, y) == (200, 0, 0)
    plain, momentum = (numbers(rf"{name}: after (\d+) steps", text)[0] for name in ("beside it", "with momentum"))
    assert momentum < plain < 200
    assert "All weights zero: gradient [0. 0.]" in text or "All weights zero: gradient [-0. -0.]" in text
    up, flat, down = numbers(r"(\d+) directions curve upwards,\n(\d+) are flat, (\d+) curve downwards", text)
    assert down == 0 < up
    assert up + flat == 13


def test_exercise_1_a_minimum_and_a_saddle():
    f = lambda p: p[0] ** 3 - 3 * p[0] + p[1] ** 2
    for point, signs in (((1.0, 0.0), [1, 1]), ((-1.0, 0.0), [-1, 1])):
        point = np.array(point)
        np.testing.assert_allclose(tg.grad(f)(point), 0, atol=1e-12)
        np.testing.assert_array_equal(np.sign(np.linalg.eigvalsh(tg.hessian(f)(point))), signs)


def test_exercise_2_the_hessian_of_least_squares_is_constant_and_not_negative():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(20, 3)), random.normal(size=20)
    hessian = tg.hessian(lambda w: ((X @ w - y) ** 2).mean())
    for w in random.normal(size=(3, 3)):
        np.testing.assert_allclose(hessian(w), 2 * X.T @ X / 20, rtol=1e-10)
    assert np.linalg.eigvalsh(hessian(y[:3])).min() > 0  # so there is no direction downhill from a critical point


def test_exercise_3_a_minimum_without_curvature():
    f = lambda p: (p**4).sum()
    assert not tg.hessian(f)(np.zeros(2)).any()
    assert all(f(p) > 0 for p in np.random.default_rng(0).normal(size=(100, 2)))
