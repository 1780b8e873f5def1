"""Least squares by the normal matrix: as exact as by decompositions, or left to them."""

from fractions import Fraction

import numpy as np
import pytest

from tinygrad_ml.models import LinearRegression
from tinygrad_ml.models.least_squares import by_normal_matrix, smallest_solution

EPS = np.finfo(float).eps
random = np.random.default_rng(0)


def exact(A, y):
    """Return the solution of the normal equations of full rank, in fractions."""
    rows = [[Fraction(v) for v in row] for row in np.column_stack([A, y])]
    d = A.shape[1]
    M = [[sum(row[i] * row[j] for row in rows) for j in range(d + 1)] for i in range(d)]
    for i in range(d):
        M[i] = [v / M[i][i] for v in M[i]]
        for k in range(d):
            if k != i:
                M[k] = [a - M[k][i] * b for a, b in zip(M[k], M[i])]
    return np.array([float(row[-1]) for row in M])


def features(condition, scales=1.0, n=40, d=5):
    turned = np.linalg.qr(random.normal(size=(n, d)))[0] * np.geomspace(1, 1 / condition, d)
    return turned @ np.linalg.qr(random.normal(size=(d, d)))[0] * scales


@pytest.mark.parametrize("condition", [1, 1e2, 1e3, 1e4])
@pytest.mark.parametrize("noise", [1e-8, 1.0])
def test_the_normal_matrix_is_as_exact_as_a_decomposition(condition, noise):
    A = features(condition, np.geomspace(1e-6, 1e6, 5))
    y = A @ random.normal(size=(5, 1)) + noise * random.normal(size=(40, 1))
    truth, size = exact(A, y), np.linalg.norm(A, axis=0)

    def error(w):
        return np.linalg.norm((w[:, 0] - truth) * size) / np.linalg.norm(truth * size)

    by_matrix = by_normal_matrix(A, y, np.zeros(5), 40 * EPS)
    assert by_matrix is not None
    assert error(by_matrix) <= 5 * error(smallest_solution(A, y, 40 * EPS)) + 10 * EPS


@pytest.mark.parametrize("condition", [1e6, 1e9])
def test_features_that_are_nearly_collinear_are_left_to_the_decomposition(condition):
    A = features(condition)
    y = A @ random.normal(size=5)
    assert by_normal_matrix(A, y[:, None], np.zeros(5), 40 * EPS) is None
    np.testing.assert_allclose(LinearRegression(fit_intercept=False).fit(A, y).predict(A), y, atol=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_of_all_minima_it_is_the_shortest(intercept):
    A = random.normal(size=(60, 4))
    A = np.column_stack([A, 1e3 * A[:, 0] + 2, A[:, 1] + A[:, 2], np.full(60, 0.1), np.zeros(60)])
    y = random.normal(size=(60, 2))
    centred = A - A.mean(axis=0) if intercept else A
    targets = y - y.mean(axis=0) if intercept else y
    found = by_normal_matrix(centred, targets, np.full(8, 1e-15) * intercept, 1e-13)
    model = LinearRegression(fit_intercept=intercept).fit(A, y)
    expected = np.linalg.pinv(centred, rcond=1e-12) @ targets
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(model.coef_.T, expected, atol=1e-10)


def test_a_feature_that_changes_in_one_sample_by_a_little_is_no_constant():
    A = np.ones((1000, 1)) * 1e6
    A[0] += 1e-4
    model = LinearRegression().fit(A, np.arange(1000) == 0)
    assert model.coef_[0] * 1e-4 == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("odd", [0.0, 1e-200, 1e200])
def test_features_of_any_size(odd):
    A = random.normal(size=(30, 3)) * [1, odd, 1]
    y = A @ [1, 0 if odd == 0 else 1 / odd, -1]
    model = LinearRegression(fit_intercept=False).fit(A, y)
    np.testing.assert_allclose(model.coef_ * [1, odd, 1], [1, float(odd != 0), -1], atol=1e-12)
