"""Error analysis: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.course.chapters import numbers, run
from tinygrad_ml import metrics
from tinygrad_ml.models import SoftmaxRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(15, tmp_path, "--quick")
    (read,) = numbers(r"(.+)% of 10,000 held-out digits are read", text)
    assert read > 85
    found = [float(x) for x in re.findall(r"\n(.+)% of the \d", text)]
    assert found == sorted(found, reverse=True)
    right, wrong = (numbers(rf"3s called {k}: (\d+), with a mean probability of (.+)\.\n", text) for k in (3, 5))
    assert right[0] > 5 * wrong[0] > 0
    assert right[1] > wrong[1]
    eight, zero = numbers(r"called 8, (.+)% is something else; of what is called 0, (.+)%", text)
    assert eight > zero
    assert numbers(r"shifted by two pixels: (.+)% are read", text)[0] < read - 10


def test_exercise_1_rows_for_recall_and_columns_for_precision():
    true, said = np.array([8, 8, 8, 0, 0]), np.array([8, 8, 0, 8, 0])
    of_rows = metrics.confusion_matrix(true, said, normalize="true")
    of_columns = metrics.confusion_matrix(true, said, normalize="pred")
    assert of_rows[1, 1] == pytest.approx(metrics.recall_score(true, said, pos_label=8))
    assert of_columns[1, 1] == pytest.approx(metrics.precision_score(true, said, pos_label=8))


def test_exercise_2_it_is_the_error_rate():
    random = np.random.default_rng(0)
    true, said = random.integers(0, 4, size=(2, 200))
    matrix = metrics.confusion_matrix(true, said)
    assert (matrix.sum() - np.trace(matrix)) / 200 == pytest.approx(1 - metrics.accuracy_score(true, said))


def test_exercise_3_centring_brings_most_of_them_back():
    try:
        images, labels = tg.datasets.mnist("train")
    except (FileNotFoundError, ImportError):
        pytest.skip("needs the real data")
    X = images[:3000].reshape(-1, 784).astype(np.float32) / 255
    model = SoftmaxRegression(solver="lbfgs", C=0.1, tol=1e-2).fit(X, labels[:3000])
    shifted = np.roll(images[3000:4000].astype(np.float32) / 255, 2, axis=2)
    side = np.arange(28)

    def centred(image):
        row, column = (round(13.5 - (image.sum(axis=axis) @ side) / image.sum()) for axis in (1, 0))
        return np.roll(image, (row, column), axis=(0, 1))

    again = np.array([centred(image) for image in shifted])
    before, after = (model.score(part.reshape(-1, 784), labels[3000:4000]) for part in (shifted, again))
    assert after > before + 0.1
