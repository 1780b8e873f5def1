"""Locally weighted regression: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml.models import LinearRegression, LocallyWeightedRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(8, tmp_path)
    (line,) = numbers(r"One line for all: (.+) thousand", text)
    of = {tau: numbers(rf"tau = {tau} degrees: (.+) thousand", text)[0] for tau in ("100", "0.1", "0.005")}
    assert of["100"] == pytest.approx(line, abs=0.1)
    assert of["0.1"] < line - 5
    assert of["0.005"] > of["0.1"]
    assert numbers(r"least squares by (.+) at most", text)[0] < 1e-4
    assert numbers(r"Cross-validation chooses tau = .*: (.+) thousand", text)[0] < line - 5


@pytest.fixture
def curve():
    random = np.random.default_rng(0)
    X = np.sort(random.uniform(0, 3, size=(80, 1)), axis=0)
    return X, np.sin(2 * X[:, 0]) + 0.1 * random.normal(size=80)


def test_exercise_1_a_weighted_line_at_the_query(curve):
    X, y = curve
    weight = np.exp(-((X[:, 0] - 1.3) ** 2) / (2 * 0.2**2))
    by_hand = LinearRegression().fit(X, y, sample_weight=weight).predict([[1.3]])
    np.testing.assert_allclose(LocallyWeightedRegression(tau=0.2).fit(X, y).predict([[1.3]]), by_hand, rtol=1e-6)


def test_exercise_2_the_nearest_examples_decide(curve):
    X, y = curve
    assert np.isfinite(LocallyWeightedRegression(tau=1e-3).fit(X, y).predict([[1e4]])).all()
    constant = LocallyWeightedRegression(tau=1e-3).fit(X, np.full(80, 7.0))
    assert constant.predict([[1e4]])[0] == pytest.approx(7)


def test_exercise_3_a_weighted_mean_is_flat_at_the_ends():
    X = np.linspace(0, 1, 50).reshape(-1, 1)
    y = X[:, 0]
    mean, line = (LocallyWeightedRegression(tau=0.2, degree=d).fit(X, y).predict([[0.0]])[0] for d in (0, 1))
    assert line == pytest.approx(0, abs=1e-6)
    assert mean > 0.1  # all neighbours are on one side
