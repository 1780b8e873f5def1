"""The criterion of every model can be compiled as a part of a step: it takes arrays that stand in for the data."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import models

random = np.random.default_rng(0)
X, KIND = random.normal(size=(40, 3)), random.integers(3, size=40)
FIRST = (KIND > 0).astype(int)
FRAME = {"kind": np.array(["a", "b", "c"])[KIND], "number": X[:, 0]}
TEXT = random.integers(5, size=(4, 10))

CASES = [
    (models.LinearSVM().build(3, 1), X, FIRST),
    (models.LinearSVM(loss="squared_hinge").build(3, 3), X, KIND),
    (models.LogisticRegression().build(3, 1), X, FIRST),
    (models.SoftmaxRegression().build(3, 3), X, KIND),
    (models.PoissonRegression().build(3, 1), X, KIND.astype(float)),
    (models.LinearRegression(loss="huber").build(3, 1), X, X[:, :1]),
    (models.Perceptron().build(3, 1), X, FIRST),
    (models.MLPClassifier((4,)).build(3, 3), X, KIND),
    (models.CharRNN().build(5), TEXT + 1, TEXT),
]


def fitted(model, y):
    with pytest.warns(UserWarning, match="converged"):
        return model.set_params(max_iter=1).fit(X, y)


def assert_compiled(model, x, target):
    optimizer = tg.optim.SGD(model.parameters(), lr=0.0)

    def step(x, target):
        optimizer.zero_grad()
        loss = model.criterion(model(x), target)
        loss.backward()
        optimizer.step()
        return loss

    compiled = tg.compile(step, backend="numpy")  # which warns if it stays as it is
    for _ in range(4):
        assert compiled(x, target).item() == step(x, target).item()
    assert "plan 1" in compiled.report()


@pytest.mark.parametrize(("model", "x", "target"), CASES, ids=lambda value: type(value).__name__)
def test_steps_of_models(model, x, target):
    assert_compiled(model, x, target)


@pytest.mark.parametrize("Many", [models.OneVsOne, models.OneVsRest])
def test_steps_of_classifiers_of_two(Many):
    assert_compiled(Many(models.LogisticRegression()).fit(X, KIND), X, KIND)


def test_steps_of_several_heads():
    assert_compiled(fitted(models.MultiHeadMLP((4,)), FRAME), X, np.column_stack([KIND, X[:, 0]]))
