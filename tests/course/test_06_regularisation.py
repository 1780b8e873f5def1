"""Regularisation: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml.models import LinearRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(6, tmp_path)
    own, other = numbers(r"Without a penalty: (.+) on its own patients, (.+) on others", text)
    assert own < 0.6 * other
    for penalty in ("l2", "l1"):
        assert numbers(rf"{penalty}: the best alpha is .*: (.+); \d+ weights", text)[0] < 0.8 * other
        with_it, without = numbers(rf"On the test part, {penalty}: (.+); without a penalty (.+)\.\n", text)
        assert with_it < 0.85 * without
    low, middle, high = numbers(r"Zeros by L1: (\d+) for the lowest alpha, (\d+) in the middle, (\d+) of 110", text)
    assert 0 == low < middle < high == 110
    kept, noise = numbers(r"L1 has kept (\d+) of the 10 measurements and (\d+) of the 100", text)
    assert kept >= 3
    assert noise <= 10
    assert "of L1 [-1. -1.  1.  1.]" in text
    assert numbers(r"Weak: the least squares weight is (.+), by L1 (.+)\.\n", text)[1] == 0
    one, other = numbers(r"by L1 the weights are \[(\S+) +(\S+)\]", text)
    assert min(one, other) == 0
    one, other = numbers(r"by L2 \[(\S+) +(\S+)\]", text)
    assert min(one, other) > 0.2


@pytest.fixture
def centred():
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 4))
    y = X @ [1.0, 0.3, 0.0, -2.0] + random.normal(size=60)
    return X - X.mean(axis=0), y - y.mean()


def test_exercise_1_ridge_has_a_closed_form(centred):
    X, y = centred
    expected = np.linalg.solve(X.T @ X + 5 * np.eye(4), X.T @ y)
    np.testing.assert_allclose(LinearRegression(penalty="l2", alpha=5.0).fit(X, y).coef_, expected, rtol=1e-8)


def test_exercise_2_lasso_is_soft_thresholding_for_orthogonal_columns(centred):
    X, y = centred
    X = np.linalg.qr(X)[0] * np.sqrt(len(X))  # X.T @ X / n is the identity
    w = X.T @ y / len(X)
    expected = np.sign(w) * np.maximum(np.abs(w) - 0.2, 0)
    np.testing.assert_allclose(LinearRegression(penalty="l1", alpha=0.2).fit(X, y).coef_, expected, atol=1e-8)


def test_exercise_3_the_bias_follows_the_target(centred):
    X, y = centred
    before, after = (LinearRegression(penalty="l2", alpha=50.0).fit(X, y + c) for c in (0, 1))
    assert after.intercept_ - before.intercept_ == pytest.approx(1)  # a penalty on it would depend on the units of y
    np.testing.assert_allclose(after.coef_, before.coef_, rtol=1e-8)
