"""Batches and steps: what the chapter says, and the answers to its exercises."""

import functools
import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import optim
from tinygrad_ml.models import LinearRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(4, tmp_path)
    assert numbers(r"(.+) examples in batches of 100 are (.+) steps an epoch", text) == [17_000, 170]
    alike = [float(x) for x in re.findall(r"agrees by (.+)\.\n", text)]
    assert alike == sorted(alike)
    assert alike[2] > 0.9
    noise = [float(x) for x in re.findall(r"deviation of ([\d.]+);", text)]
    assert noise[0] > 3 * noise[1] > 9 * noise[2]
    assert "10,200,000 trained examples" in text
    after = {
        name: [float(x) for x in row.split()]
        for name, row in re.findall(r"(.+): after each of 4 epochs \[(.+)\]", text)
    }
    assert after["batches of 100"][0] < 0.5 * after["all examples"][0]
    assert after["one example, falling rate"][-1] < after["one example"][-1]


@pytest.mark.parametrize(("size", "steps"), [(100, 50), (300, 20)])
def test_exercise_1_the_last_batch_of_an_epoch_may_be_smaller(size, steps):
    assert 5 * len(tg.data.DataLoader((np.zeros((1000, 1)), np.zeros(1000)), batch_size=size)) == steps


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_exercise_2_periods_change_nothing_that_is_learned():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    y = X.sum(axis=1) + random.normal(size=200)
    models = [LinearRegression(optimizer=functools.partial(optim.SGD, lr=0.01), random_state=0) for _ in range(2)]
    for model, periods in zip(models, (2, 20)):
        model.fit(X, y, steps=100, periods=periods)
        assert len(model.history_["loss"]) == periods
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


def test_exercise_3_the_variance_falls_like_one_over_the_size():
    random = np.random.default_rng(0)
    X = random.normal(size=(20_000, 3))
    y = X.sum(axis=1) + random.normal(size=20_000)

    def spread(size):
        rows = [random.choice(len(X), size) for _ in range(2000)]
        return np.var([2 * X[r].T @ (X[r] @ np.zeros(3) - y[r]) / size for r in rows], axis=0).sum()

    assert spread(10) / spread(100) == pytest.approx(10, rel=0.2)
