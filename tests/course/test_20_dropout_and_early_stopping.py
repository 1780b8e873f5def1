"""Dropout and early stopping: what the chapter says, and the answers to its exercises."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import nn
from tinygrad_ml.models import MLPClassifier

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(20, tmp_path, "--quick")
    gap = {
        p: numbers(rf"Dropout {p}: loss .+ on its own digits, .+ on others, gap (.+); (.+)% of", text)
        for p in ("0.0", "0.5", "1.0")
    }
    assert gap["0.5"][0] < gap["0.0"][0]
    assert min(gap["0.0"][1], gap["0.5"][1]) > 80
    assert gap["1.0"][1] < 20  # nothing is learned
    off, size, mean = numbers(r"of ones: (.+)% are 0, the others (.+), the mean is (.+)\.\n", text)
    assert (off, size, mean) == pytest.approx((25, 4 / 3, 1), rel=0.02)
    assert numbers(r"In evaluation mode: the mean is (.+)\.\n", text) == [1]
    assert numbers(r"With an L2 penalty: .* gap (.+)\.\n", text)[0] < gap["0.0"][0]


def test_exercise_1_the_same_weights_lose_more_while_neurons_are_off():
    tg.manual_seed(0)
    model = MLPClassifier((64,), dropout=0.5, max_iter=20, random_state=0)
    random = np.random.default_rng(0)
    y = random.integers(0, 3, 200)
    X = random.normal(size=(200, 5)) + y[:, None]
    with pytest.warns(UserWarning, match="has not converged"):
        model.fit(X, y)
    on = model.criterion(model.eval()(tg.tensor(X)), y).item()
    off = np.mean([model.criterion(model.train()(tg.tensor(X)), y).item() for _ in range(50)])
    assert off > on


def test_exercise_2_the_average_of_many_passes_is_near_the_evaluation():
    tg.manual_seed(0)
    network = nn.Sequential(nn.Dropout(0.3), nn.Linear(20, 1)).to(np.float64)
    x = tg.tensor(np.random.default_rng(0).normal(size=(4, 20)))
    average = np.mean([network(x).numpy() for _ in range(5000)], axis=0)
    np.testing.assert_allclose(average, network.eval()(x).numpy(), atol=0.03)  # exact for a linear layer


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_exercise_3_more_data_is_the_better_cure():
    try:
        images, labels = tg.datasets.mnist("train")
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")
    X = images[:6000].reshape(-1, 784).astype(np.float32) / 255
    scores = []
    for n, dropout in ((1000, 0.5), (4000, 0.0)):
        model = MLPClassifier((64,), dropout=dropout, max_iter=12, tol=0, random_state=0)
        model.fit(X[:n], labels[:n])
        scores.append(model.score(X[4000:], labels[4000:6000]))
    assert scores[1] > scores[0]
