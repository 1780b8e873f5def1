"""The perceptron and Newton's method: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import Perceptron

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(13, tmp_path)
    by_hand = text.split("By hand: mistakes in each pass ")[1].split(".\n")[0]
    model = text.split("Perceptron: mistakes ")[1].split(".\n")[0]
    assert by_hand == model
    assert by_hand.split("]")[0].endswith(" 0")
    best, last = numbers(r"Versicolor: (\d+) mistakes in the best pass, (\d+) in the last", text)
    assert 0 < best <= last
    assert "- fit says: Perceptron" in text
    distances = [float(x) for x in text.split("after each step: ")[1].split(": the digits")[0].split(", ")]
    assert distances[4] < 1e-6
    newton, lbfgs = (
        numbers(rf"{solver}: (\d+) iterations to the loss (.+)\.\n", text) for solver in ("newton", "lbfgs")
    )
    assert newton[0] < 20
    assert newton[0] < lbfgs[0]
    assert newton[1] == pytest.approx(lbfgs[1], abs=2e-6)


def test_exercise_1_a_perceptron_without_bias_does_not_see_the_scale():
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 2))
    y = (X @ [1.0, -2.0] > 0).astype(int)
    passes = [Perceptron(fit_intercept=False).fit(factor * X, y).mistakes_ for factor in (1, 100)]
    assert list(passes[0]) == list(passes[1])


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_exercise_2_xor_goes_round_for_ever():
    X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0, 1, 1, 0]
    mistakes = Perceptron(max_iter=50).fit(X, y).history_["mistakes"]
    assert min(mistakes) >= 1
    assert len(set(mistakes[-10:])) == 1


def test_exercise_3_newton_diverges_from_beyond_one():
    f = lambda x: tg.sqrt(1 + x**2)
    for start, ends in ((0.9, True), (1.1, False)):
        x = np.array(start)
        for _ in range(5):
            x = x - tg.grad(f)(x) / tg.grad(tg.grad(f))(x)  # this is -x ** 3
        assert (abs(x) < 0.1) == ends
