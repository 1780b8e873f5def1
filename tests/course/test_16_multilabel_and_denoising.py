"""Several labels, several heads, and a denoiser: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml import metrics
from tinygrad_ml.models import DenoisingAutoencoder, LogisticRegression


@pytest.mark.slow
def test_what_the_chapter_says(tmp_path):
    text = run(16, tmp_path, "--quick")
    macros = []
    for name in ("Logistic regression", "A network"):
        *each, macro = numbers(rf"{name}: F1 large (.+), odd (.+), closed (.+); macro (.+), the mean", text)
        assert macro == pytest.approx(np.mean(each), abs=1.1e-3)
        macros.append(macro)
    assert 0.8 < macros[0] < macros[1]
    for wrong_labels, wrong_digits in re.findall(r"  (.+)% of the labels are wrong, and (.+)% of the digits", text):
        assert float(wrong_labels) < float(wrong_digits) < 3 * float(wrong_labels) + 0.2
    read, r2, one, zero = numbers(
        r"(\S+)% of the digits are read, R² of the slant is (.+); a 1 leans by (.+), a 0 by (.+)\.\n", text
    )
    assert read > 85
    assert 0.8 < r2 < 1
    assert one > zero > 0
    noisy, mean, median, network = numbers(
        r"pixel: noisy (.+), mean image (.+), median filter (.+), network (.+)\.\n", text
    )
    assert network < min(mean, median) < max(mean, median) < noisy
    clean, of_noisy, of_median, of_network = numbers(
        r"reads (.+)% \(clean\), (.+)% \(noisy\), (.+)% \(median filter\), (.+)% \(network\)", text
    )
    assert of_noisy < min(of_median, of_network) - 20
    assert max(of_median, of_network) < clean


def test_exercise_1_macro_counts_the_rare_label_as_much_as_the_common_one():
    random = np.random.default_rng(0)
    true = np.column_stack([random.random(1000) < 0.5, random.random(1000) < 0.01]).astype(int)
    said = true * [1, 0]  # the rare label is never predicted
    assert metrics.f1_score(true, said, average="macro", zero_division=0) == 0.5
    assert metrics.f1_score(true, said, average="micro", zero_division=0) > 0.97


def test_exercise_2_it_is_the_same():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4))
    y = (x @ random.normal(size=(4, 3)) + random.normal(size=(200, 3)) > 0).astype(int)
    together = LogisticRegression(tol=1e-8).fit(x, y)
    alone = [LogisticRegression(tol=1e-8).fit(x, column).coef_[0] for column in y.T]
    np.testing.assert_allclose(together.coef_, alone, atol=1e-4)


def test_exercise_3_it_takes_away_what_it_knows_only():
    random = np.random.default_rng(0)
    strokes = random.random((600, 1, 3)) * np.eye(8)[random.integers(0, 8, (600, 3))].transpose(0, 2, 1)
    clean = np.repeat(strokes.sum(axis=2), 8, axis=1).reshape(-1, 8, 8).clip(0, 1)  # horizontal lines

    def pepper(images):
        return np.where(random.random(images.shape) < 0.25, 1.0, images)

    model = DenoisingAutoencoder((64,), max_iter=60, tol=0, random_state=0).fit(pepper(clean[:500]), clean[:500])

    def left(noise):
        """Return which share of the squared noise is left."""
        return np.mean((model.predict(noise) - clean[500:]) ** 2) / np.mean((noise - clean[500:]) ** 2)

    covered = clean[500:].copy()
    covered[:, 2:4] = 0
    assert left(pepper(clean[500:])) < 0.3
    assert left(covered) > 3 * left(pepper(clean[500:]))
