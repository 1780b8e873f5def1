"""partial_fit, warm_start and failing fits: what a model keeps, and what it refuses to go on from."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import (
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    OneVsRest,
    Perceptron,
    PolynomialRegression,
    SoftmaxRegression,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

random = np.random.default_rng(0)
X = random.normal(size=(200, 3))
Y = X @ [1.0, -2.0, 0.5] + 3
CLASSES = (X[:, 0] > 0).astype(int)
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def test_coefficients_are_copies_that_later_training_leaves_alone():
    model = LogisticRegression(warm_start=True)
    path = [model.set_params(C=C).fit(X, CLASSES).coef_ for C in (0.01, 0.1, 1.0)]
    apart = [LogisticRegression(C=C).fit(X, CLASSES).coef_ for C in (0.01, 0.1, 1.0)]
    np.testing.assert_allclose(path, apart, rtol=1e-4)


@pytest.mark.slow
def test_learning_row_by_row_is_stable():
    model = LinearRegression()
    for _ in range(20):
        for i in range(len(X)):
            model.partial_fit(X[i : i + 1], Y[i : i + 1])
    assert model.score(X, Y) > 0.99


def test_small_rows_first_do_not_make_later_steps_too_long():
    model = LinearRegression().partial_fit(X[:2] * 1e-3, Y[:2])
    for _ in range(100):
        model.partial_fit(X, Y)
    assert model.score(X, Y) > 0.9


def test_partial_fit_takes_over_hyperparameters_that_were_set_in_between():
    model = LogisticRegression(solver="sgd", learning_rate=0.1, random_state=0).partial_fit(X, CLASSES)
    model.set_params(learning_rate=1e-12)
    before = model.coef_
    np.testing.assert_allclose(model.partial_fit(X, CLASSES).coef_, before, rtol=1e-6)


def test_partial_fit_refuses_to_resume_another_training(tmp_path):
    checkpoint = tg.train.Checkpoint(tmp_path / "file.npz", resume=True)
    with pytest.raises(ValueError, match=r"Checkpoint\(resume=True\) is for fit"):
        MLPClassifier((4,), callbacks=[checkpoint]).partial_fit(X, CLASSES)


def test_folds_cannot_share_a_checkpoint(tmp_path):
    model = MLPClassifier((4,), max_iter=2, callbacks=[tg.train.Checkpoint(tmp_path / "file.npz", resume=True)])
    model.fit(X[:100], CLASSES[:100])
    with pytest.raises(ValueError, match="belongs to a different training run"):
        MLPClassifier((4,), max_iter=2, callbacks=model.callbacks).fit(X[100:], CLASSES[100:])


def test_penalties_count_all_samples_that_partial_fit_has_seen():
    model = LogisticRegression(solver="sgd", C=0.5)
    for i in range(0, 200, 50):
        model.partial_fit(X[i : i + 50], CLASSES[i : i + 50], classes=[0, 1])
    assert model.optimizer_.param_groups[0]["weight_decay"] == pytest.approx(1 / (0.5 * 200))


def test_weights_of_partial_fit_count_as_they_are():
    def after(**weights):
        model = LogisticRegression(solver="sgd", learning_rate=0.01, penalty=None, random_state=0)
        return model.partial_fit(X[:1], CLASSES[:1], [0, 1], **weights).coef_

    np.testing.assert_allclose(after(sample_weight=[100.0]), 100 * after(), rtol=1e-12)


def test_partial_fit_cannot_balance_classes():
    model = LogisticRegression(class_weight="balanced")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="cannot balance the classes; give a dict"):
        model.partial_fit(X, CLASSES)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (LinearRegression(fit_intercept=False, warm_start=True), {"fit_intercept": True}),
        (PolynomialRegression(1, warm_start=True), {"degree": 2}),
        (MLPClassifier((4,), max_iter=2, warm_start=True), {"hidden_layer_sizes": (8,)}),
    ],
)
def test_warm_start_refuses_other_layers(model, change):
    y = CLASSES if model.kind == "classifier" else Y
    (name,) = change
    model.fit(X, y).set_params(**change)
    with pytest.raises(ValueError, match=rf"{name} is .* now, but the layers were made with .*warm_start=False"):
        model.fit(X, y)
    model.set_params(warm_start=False).fit(X, y)


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    model = LinearRegression().fit(X, Y)
    before = model.predict(X)
    for wrong in (X * np.nan, X[:, :0], "text"):
        with pytest.raises((ValueError, TypeError)):
            model.fit(wrong, Y)
    model.set_params(solver="sgd", learning_rate=100.0)
    with pytest.raises(tg.train.Diverged):
        model.fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_a_model_whose_first_fit_diverged_is_not_fitted():
    model = LinearRegression(solver="sgd", learning_rate=100.0)
    with pytest.raises(tg.train.Diverged):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="is not fitted yet"):
        model.predict(X)
    assert len(model.history_.epochs) > 0


@pytest.mark.parametrize("truth", [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0]])
def test_one_vs_rest_of_two_classes_predicts_as_its_only_classifier(truth):
    both = OneVsRest(Perceptron()).fit(CORNERS, truth), Perceptron().fit(CORNERS, truth)
    np.testing.assert_array_equal(both[0].predict(CORNERS), both[1].predict(CORNERS))
    strict = LogisticRegression(threshold=0.9)
    np.testing.assert_array_equal(OneVsRest(strict).fit(X, CLASSES).predict(X), strict.fit(X, CLASSES).predict(X))


def test_a_constant_feature_does_not_upset_a_polynomial():
    x = np.column_stack([X[:, 0], np.full(len(X), 0.1)])
    model = PolynomialRegression(2, solver="sgd", random_state=0, max_iter=50).fit(x, Y)
    assert abs(model.predict([[0.0, 0.2]])[0]) < 100


def test_gradient_steps_that_were_too_few_warn():
    with pytest.warns(UserWarning, match="sgd has not converged in max_iter=2 passes"):
        LinearRegression(solver="sgd", max_iter=2).fit(X, Y)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_features_whose_squares_are_out_of_range_are_standardised(solver, scale):
    model = LogisticRegression(solver=solver, penalty=None, tol=1e-8, max_iter=5000)
    noisy = CLASSES ^ (random.random(200) < 0.2)
    plain = model.fit(X, noisy).coef_
    np.testing.assert_allclose(model.fit(X * scale, noisy).coef_ * scale, plain, rtol=1e-4)


def test_features_too_large_to_compute_with_are_refused():
    with pytest.raises(ValueError, match="too large to compute with: scale"):
        PolynomialRegression(2).fit(X * 1e200, Y)


def test_newton_in_float32_is_as_exact_as_its_numbers():
    years = (X + 1000).astype(np.float32)
    exact = LogisticRegression(tol=1e-8).fit(years.astype(np.float64), CLASSES)
    single = LogisticRegression(tol=1e-6).fit(years, CLASSES)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, exact.coef_, rtol=1e-3)


def test_missing_labels_among_strings_are_refused():
    with pytest.raises(ValueError, match="y has nan among its strings"):
        SoftmaxRegression().fit(X[:4], ["a", "b", np.nan, "a"])
