"""Prediction bias: near zero for a model that is right, and the means of every bucket."""

import dataclasses

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import metrics

REGRESSION = {"C": np.inf, "tol": 1e-10, "max_iter": 1000}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 3))
    return x, (rng.random(2000) < 1 / (1 + np.exp(-(x @ [1.0, -2.0, 0.5] - 1)))).astype(int)


def test_a_logistic_regression_with_an_intercept_has_no_bias(data):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = data
    prob = linear_model.LogisticRegression(**REGRESSION).fit(x, y).predict_proba(x)[:, 1]
    result = metrics.prediction_bias(y, prob)
    assert abs(result.overall) < 1e-6
    assert result.count.tolist() == [200] * 10
    error = np.sqrt(result.mean_prediction * (1 - result.mean_prediction) / result.count)
    assert (np.abs(result.bias) < 4 * error).all()


def test_a_regression_without_an_intercept_has_one(data):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = data
    prob = linear_model.LogisticRegression(**REGRESSION, fit_intercept=False).fit(x, y).predict_proba(x)[:, 1]
    result = metrics.prediction_bias(y, prob)
    assert result.overall > 0.05
    assert result.overall == pytest.approx(prob.mean() - y.mean(), abs=1e-12)


def test_uniform_buckets_equal_the_calibration_curve_of_scikit_learn(data):
    calibration = pytest.importorskip("sklearn.calibration")
    _, y = data
    prob = np.random.default_rng(1).random(len(y)) ** 2
    label, prediction = calibration.calibration_curve(y, prob, n_bins=7)
    result = metrics.prediction_bias(y, prob, n_bins=7, strategy="uniform")
    np.testing.assert_allclose(result.mean_label, label, rtol=1e-12)
    np.testing.assert_allclose(result.mean_prediction, prediction, rtol=1e-12)
    np.testing.assert_allclose(result.edges, np.arange(8) / 7, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_buckets_hold_every_sample_once_between_their_edges(strategy, weighted):
    rng = np.random.default_rng(2)
    y, prob, weight = rng.integers(0, 2, 500), rng.random(500).round(1), rng.integers(0, 3, 500)
    result = metrics.prediction_bias(y, prob, n_bins=8, strategy=strategy, sample_weight=weight if weighted else None)
    if not weighted:
        weight = np.ones(500)
    bounds = list(zip(result.edges, result.edges[1:]))
    for i, (low, high) in enumerate(bounds):
        inside = (prob > low if i else prob >= low) & (prob <= high) & (weight > 0)
        assert result.count[i] == inside.sum()
        if inside.any():
            assert result.mean_prediction[i] == pytest.approx(np.average(prob[inside], weights=weight[inside]))
            assert result.mean_label[i] == pytest.approx(np.average(y[inside], weights=weight[inside]))
        else:
            assert strategy == "uniform"
            assert np.isnan(result.bias[i])
    assert result.count.sum() == (weight > 0).sum()
    assert result.overall == pytest.approx(np.average(prob - y, weights=weight))


def test_integer_weights_are_repetitions():
    rng = np.random.default_rng(3)
    y, prob, weight = rng.integers(0, 2, 60), rng.random(60), rng.integers(0, 4, 60)
    one = metrics.prediction_bias(y, prob, n_bins=4, sample_weight=weight)
    other = metrics.prediction_bias(y.repeat(weight), prob.repeat(weight), n_bins=4)
    for name in ("overall", "mean_prediction", "mean_label", "edges"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


@pytest.mark.parametrize("labels", [[False, True, True], [-1, 1, 1], [0.0, 1.0, 1.0]])
def test_labels_of_other_kinds(labels):
    assert metrics.prediction_bias(labels, tg.tensor([0.5, 0.5, 1.0])).overall == pytest.approx(0.0)


def test_equal_predictions_share_a_bucket():
    result = metrics.prediction_bias([0, 1, 1, 1], [0.25] * 4)
    assert result.count.tolist() == [4]
    assert result.edges.tolist() == [0.25, 0.25]
    assert result.bias.tolist() == [-0.5]


def test_the_table_shows_every_bucket():
    text = repr(metrics.prediction_bias([0, 1], [0.25, 0.75], n_bins=3, strategy="uniform"))
    assert text == (
        "prediction bias +0.0000\n"
        "    bucket             count  prediction     label      bias\n"
        "    0.0000 to 0.3333       1      0.2500    0.0000   +0.2500\n"
        "    0.3333 to 0.6667       0           -         -         -\n"
        "    0.6667 to 1.0000       1      0.7500    1.0000   -0.2500"
    )


def test_a_result_does_not_change():
    result = metrics.prediction_bias([0, 1], [0.25, 0.75])
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.overall = 0.0
