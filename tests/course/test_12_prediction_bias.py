"""Prediction bias: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml.models import LogisticRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(12, tmp_path)
    own, new = numbers(r"Healthy: bias (.+) on its own data, (.+) on new data", text)
    assert abs(own) < 1e-4
    assert abs(new) < 0.02
    bias = {
        name: numbers(rf"{name}: bias (.+) overall; (.+) in the lowest bucket, (.+) in the highest", text)
        for name in ("missing feature", "noisy labels", "bug: scaled twice", "biased sample", "too much L2")
    }
    assert bias["missing feature"][0] < -0.1
    assert abs(numbers(r"in all blocks its bias is (.+)\.\)", text)[0]) < 0.02
    assert bias["noisy labels"][0] < -0.08
    assert abs(bias["bug: scaled twice"][0]) > 0.05
    assert bias["biased sample"][0] > 0.08
    _, low, high = bias["too much L2"]
    assert low > 0.1
    assert high < -0.1


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(500, 3))
    return X, (X @ [1.0, -1.0, 0.5] + 1 + random.logistic(size=500) > 0).astype(int)


def mean_error(model, X, y):
    return model.fit(X, y).predict_proba(X)[:, 1].mean() - y.mean()


def test_exercise_1_the_derivative_by_the_bias_term_is_the_bias(data):
    X, y = data
    w = np.array([0.3, -0.2, 0.1])
    loss = lambda b: tg.nn.functional.binary_cross_entropy_with_logits(X @ w + b, y.astype(float))
    p = 1 / (1 + np.exp(-(X @ w + 0.4)))
    assert tg.grad(loss)(np.array(0.4)) == pytest.approx(p.mean() - y.mean())
    assert mean_error(LogisticRegression(penalty=None, tol=1e-8), X, y) == pytest.approx(
        0, abs=1e-8
    )  # zero at the optimum


def test_exercise_2_a_penalty_on_the_weights_leaves_no_bias(data):
    assert mean_error(LogisticRegression(C=1e-3, tol=1e-8), *data) == pytest.approx(0, abs=1e-6)


def test_exercise_3_without_a_bias_term_there_is_one(data):
    assert abs(mean_error(LogisticRegression(penalty=None, fit_intercept=False), *data)) > 0.02
