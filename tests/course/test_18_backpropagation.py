"""Backpropagation: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import nn
from tinygrad_ml.testing import gradcheck

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(18, tmp_path)
    assert numbers(r"n = (.+), o = (.+)\. Backward: the gradient of n is (.+)\.\n", text) == [0.8814, 0.7071, 0.5]
    for name, gradient in {"x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0, "b": 0.5}.items():
        assert numbers(rf"- {name}: (.+) by hand, (.+) in the graph", text) == [gradient, gradient]
    assert "is 6: 3 from each factor" in text
    assert numbers(r"differ by (.+) at most", text)[0] < 1e-12
    before, after, right = numbers(r"fallen from (.+) to (.+); (.+)% of the chips", text)
    assert after < 0.6 * before
    assert right >= 80
    assert "Without the half: " in text
    assert (tmp_path / "18_neuron.html").stat().st_size > 10_000


def test_exercise_1_only_the_gradient_of_the_input_that_is_added_changes():
    values = 2.0, -3.0, 0.0, 1.0, 6.8813735
    plain = lambda x1, w1, x2, w2, b: tg.tanh(x1 * w1 + x2 * w2 + b)
    residual = lambda x1, *rest: plain(x1, *rest) + x1
    before, after = (tg.grad(f, argnums=(0, 1, 2, 3, 4))(*map(np.array, values)) for f in (plain, residual))
    np.testing.assert_allclose(np.subtract(after, before), [1, 0, 0, 0, 0], atol=1e-12)


def test_exercise_2_softmax_with_cross_entropy():
    random = np.random.default_rng(0)
    logits, y = random.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = (p - np.eye(3)[y]) / 5
    np.testing.assert_allclose(tg.grad(lambda z: nn.functional.cross_entropy(z, y))(logits), expected, atol=1e-12)


def test_exercise_3_the_derivative_of_relu_is_a_mask():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(6, 2)), random.integers(0, 2, size=(6, 1))
    W2 = random.normal(size=(4, 1))

    def loss(W1):
        return nn.functional.binary_cross_entropy_with_logits(tg.relu(X @ W1) @ W2, y)

    def by_hand(W1):
        before = X @ W1
        delta2 = (1 / (1 + np.exp(-(np.maximum(before, 0) @ W2))) - y) / len(X)
        return X.T @ (delta2 @ W2.T * (before > 0))  # in the place of 1 - h**2

    gradcheck((loss, by_hand), random.normal(size=(2, 4)))
