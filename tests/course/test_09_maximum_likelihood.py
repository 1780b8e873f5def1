"""Maximum likelihood: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import PoissonRegression, Regressor

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(9, tmp_path)
    for likely, squares in re.findall(r"the most likely line is (\[.+\]), least squares is (\[.+\])\.\n", text):
        assert likely == squares
    (sigma,) = numbers(r"squared residual: (.+)\.\n", text)
    assert numbers(r"on a grid it is (.+)\.\n", text) == pytest.approx([sigma], abs=0.01)
    bias, first, second = numbers(r"PoissonRegression: (.+) \+ \[ *(\S+) +(\S+)\];", text)
    assert (bias, first, second) == pytest.approx((0.3, 0.8, -0.5), abs=0.15)
    gradients = re.findall(r"the gradient is (\[.+\]), the rule says (\[.+\])\.\n", text)
    assert len(gradients) == 3
    assert all(one == other for one, other in gradients)
    assert numbers(r"skewness is (.+), that of", text)[0] > 0.5


def test_exercise_1_laplace_noise_gives_the_absolute_error():
    y = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    grid = np.linspace(0, 10, 1001)
    laplace = [np.sum(np.abs(y - c) / 2 + np.log(4)) for c in grid]  # -log of exp(-|y - c| / b) / 2b, b = 2
    assert grid[np.argmin(laplace)] == pytest.approx(np.median(y))


class Counts(Regressor):
    def __init__(self, alpha=0.0, max_iter=2000, random_state=0):
        self.store(locals())

    def build(self, n_features, n_outputs):
        self.linear_ = tg.nn.Linear(n_features, n_outputs)
        return self

    def forward(self, x):
        return self.linear_(x)

    def criterion(self, output, target, sample_weight=None):
        return (tg.exp(output) - output * target).mean()


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_exercise_2_fifteen_lines_find_the_same():
    random = np.random.default_rng(0)
    X = random.uniform(0, 3, size=(400, 2))
    y = random.poisson(np.exp(0.3 + X @ [0.8, -0.5]))
    model = Counts(max_iter=300).fit(X, y)
    exact = PoissonRegression(alpha=0).fit(X, y)
    np.testing.assert_allclose(model.linear_.weight.numpy()[0], exact.coef_, atol=0.03)


def test_exercise_3_seven_of_ten():
    likelihood = lambda p: 7 * tg.log(p) + 3 * tg.log(1 - p)
    assert tg.grad(likelihood)(np.array(0.7)) == pytest.approx(0, abs=1e-9)
    assert tg.grad(tg.grad(likelihood))(np.array(0.7)) < 0
