"""Many classes: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import LogisticRegression, OneVsOne, SoftmaxRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(14, tmp_path)
    for name in ("one-vs-rest", "one-vs-one", "chain", "softmax"):
        assert numbers(rf"(?:^|\n){name}: (.+)% right", text)[0] > 93
    assert "asks first for virginica, then tells versicolor from setosa" in text
    sigmoids, softmax = numbers(r"sum to (.+); softmax .* to (.+)\.\n", text)
    assert sigmoids != 1 == softmax
    assert min(numbers(rf"Digits, {n}, 20 passes: (.+)%", text)[0] for n in ("softmax", "one-vs-rest")) > 90
    sampled, full = numbers(r"classes: (.+)% right after .* a step, (.+)% after", text)
    assert min(sampled, full) > 80


def test_exercise_1_two_classes():
    random = np.random.default_rng(0)
    X = random.normal(size=(100, 3))
    y = (X[:, 0] + random.normal(size=100) > 0).astype(int)
    softmax, logistic = SoftmaxRegression(tol=1e-8).fit(X, y), LogisticRegression(tol=1e-8).fit(X, y)
    np.testing.assert_allclose(softmax.coef_, logistic.coef_, rtol=1e-5)


def test_exercise_2_the_softmax_sees_differences_only():
    z = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tg.softmax(z + 700).numpy(), tg.softmax(z).numpy(), rtol=1e-12)
    with np.errstate(all="ignore"):
        assert np.isnan(np.exp(z + 710) / np.exp(z + 710).sum()).any()  # exp overflows without the subtraction


def test_exercise_3_forty_five_pairs():
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(10), 20)
    model = OneVsOne().fit(random.normal(size=(200, 4)) + y[:, None], y)
    assert len(model.estimators_) == 45  # each sees the examples of its two classes, a fifth of all
