"""Polynomials: what the chapter says, and the answers to its exercises."""

import re

import numpy as np
import pytest

from tests.course.chapters import numbers, run
from tinygrad_ml.models import PolynomialRegression

pytestmark = pytest.mark.slow


def test_what_the_chapter_says(tmp_path):
    text = run(5, tmp_path)
    found = re.findall(r"Degree (\d+): (.+) thousand dollars on its 60, (.+) on the others", text)
    own, new = ([float(row[k]) for row in found] for k in (1, 2))
    assert own == sorted(own, reverse=True)
    assert new[-1] > 1.2 * min(new)
    assert 1 < numbers(r"is that of degree (\d+)", text)[0] < 10
    for degree in (1, 15):
        before, after = numbers(rf"Degree {degree}: errors (.+) apart with .* examples, (.+) with", text)
        assert abs(after) < 0.3 * before
    line, curve = numbers(
        r"(.+) for degree 1, (.+) for degree 15", text.rpartition("With")[2].replace("examples: ", "\n")
    )
    assert curve < line - 5


def test_exercise_1_six_points_and_six_coefficients():
    random = np.random.default_rng(0)
    X, y = random.uniform(size=(6, 1)), random.normal(size=6)
    np.testing.assert_allclose(PolynomialRegression(5).fit(X, y).predict(X), y, atol=1e-6)


def sine():
    random = np.random.default_rng(0)
    X = random.uniform(-1, 1, size=(200, 1))
    return X, np.sin(3 * X[:, 0]) + random.normal(scale=0.3, size=200)


def test_exercise_2_a_loop_agrees_with_scikit_learns_learning_curve():
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = sine()
    sizes, _, judged = selection.learning_curve(PolynomialRegression(3), X, y, train_sizes=[50, 100], cv=2)
    loop = []
    for n in sizes:
        parts = selection.KFold(2).split(X)
        loop.append([PolynomialRegression(3).fit(X[i[:n]], y[i[:n]]).score(X[j], y[j]) for i, j in parts])
    np.testing.assert_allclose(judged, loop)


def test_exercise_3_cross_validation_chooses_a_degree_that_fits():
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = sine()
    search = selection.GridSearchCV(PolynomialRegression(), {"degree": [1, 2, 3, 4, 5, 12]}).fit(X, y)
    assert search.best_params_["degree"] in (3, 4, 5)
