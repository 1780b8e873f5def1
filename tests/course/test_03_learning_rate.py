"""The learning rate: what the chapter says, and the answers to its exercises."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import LinearRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(3, tmp_path)
    assert numbers(r"form: (.+) \+ (.+) x square feet - (.+) x bedrooms", text) == [
        89598,
        139.2,
        8738,
    ]  # the textbook's
    assert numbers(r"from a rate of (.+) on\.", text) == [0.641]
    ends = {
        name: numbers(rf"\({name}\): the loss ends at (.+) after", text)[0] for name in ("far too low", "low", "right")
    }
    assert ends["far too low"] > ends["low"] > ends["right"] == pytest.approx(0.2671, abs=1e-4)
    assert text.count("fit says nothing") == 1
    assert "0.001 is too low" in text
    assert "0.66 is too high" in text
    assert "0.63 are nearly too long and go from side to side; lower it (about 0.321 is safe here)" in text
    assert "Without a rate, on the features as they are: 89,598 + 139.2, -8,738." in text


@pytest.fixture
def houses():
    try:
        return tg.datasets.house_prices()
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")


def test_exercise_1_square_feet_need_a_tiny_rate(houses):
    X, price = houses
    loss = lambda p: ((X @ p[:2] + p[2] - price) ** 2).mean()
    low, *_, high = np.linalg.eigvalsh(tg.hessian(loss)(np.zeros(3)))
    assert 2 / high < 1e-6
    assert high / low > 1e6  # about this many steps


@pytest.mark.parametrize(("rate", "after"), [(0.5, 0.0), (0.9, 0.8**20), (1.0, 1.0), (1.1, 1.2**20)])
def test_exercise_2_each_step_multiplies_by_one_minus_twice_the_rate(rate, after):
    w = np.array(1.0)
    for _ in range(20):
        w = w - rate * tg.grad(lambda w: w**2)(w)
    assert abs(w) == pytest.approx(after)


def test_exercise_3_a_falling_rate_ends_nearer(houses):
    X, price = houses
    Z, y = (X - X.mean(axis=0)) / X.std(axis=0), (price - price.mean()) / price.std()
    left = []
    for rate in (0.6, lambda t: 0.6 / (1 + t / 10)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LinearRegression(solver="sgd", learning_rate=rate, batch_size=None, max_iter=15, tol=0).fit(Z, y)
        left.append(np.linalg.norm(model.coef_ - LinearRegression().fit(Z, y).coef_))
    constant, falling = left
    assert falling < constant
