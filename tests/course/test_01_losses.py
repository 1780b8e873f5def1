"""Losses: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import LinearRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(1, tmp_path, "--quick")
    bias, weight, cyprus = numbers(r"satisfaction = (.+) \+ (.+) x dollars; Cyprus (.+)\.\n", text)
    assert (bias, weight, cyprus) == pytest.approx((4.8531, 4.9115e-05, 5.9624), rel=1e-4)  # the textbook's
    mse, mae, huber = (numbers(rf"- {loss} says (.+) points", text)[0] for loss in ("mse", "mae", "huber"))
    assert mse < -0.5
    assert mae == pytest.approx(0.49, abs=0.1)
    assert huber == pytest.approx(0.49, abs=0.1)
    assert numbers(r"An error of 3 pulls with (.+) \(squared\), an error of 1 with (.+)\.", text) == [6, 2]
    assert numbers(r"An error of 3 pulls with (.+) \(fourth power\), an error of 1 with (.+)\.", text) == [108, 4]
    squared, fourth = numbers(r"Largest error: (.+) points by the MSE, (.+) by", text)
    assert fourth < squared
    assert (
        len(
            set(numbers(r"with one half in front: (.+) \+ (.+) x", text) + numbers(r"without .*: (.+) \+ (.+) x", text))
        )
        == 2
    )


@pytest.fixture
def countries():
    try:
        frame = tg.datasets.life_satisfaction("textbook")
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")
    return frame[["gdp_per_capita"]].to_numpy(), frame["life_satisfaction"].to_numpy()


def test_exercise_1_the_mean_and_the_median(countries):
    _, y = countries
    grid = np.linspace(y.min(), y.max(), 10_001)
    assert grid[np.argmin([np.mean((y - c) ** 2) for c in grid])] == pytest.approx(y.mean(), abs=1e-3)
    assert grid[np.argmin([np.mean(np.abs(y - c)) for c in grid])] == pytest.approx(np.median(y), abs=1e-3)


def test_exercise_2_the_mae_does_not_help_against_an_outlier_of_the_input(countries):
    X, y = countries
    wrong = X.copy()
    wrong[14] *= 100
    right = LinearRegression(loss="mae").fit(X, y).coef_[0]
    for loss in ("mse", "mae"):
        assert LinearRegression(loss=loss).fit(wrong, y).coef_[0] < 0.1 * right  # the point is a lever


def test_exercise_3_nine_of_ten_countries_lie_below(countries):
    X, y = countries

    def pinball(output, target):
        error = target - output
        return tg.maximum(0.9 * error, -0.1 * error)

    model = LinearRegression(loss=pinball, max_iter=3000, random_state=0)
    with pytest.warns(UserWarning, match="has not converged"):  # it has kinks
        model.fit(X, y)
    assert np.mean(y <= model.predict(X) + 1e-6) == pytest.approx(0.9, abs=0.05)
