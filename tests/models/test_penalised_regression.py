"""Ridge, lasso and elastic net by their names, and their best alphas by cross-validation: scikit-learn's numbers."""

import numpy as np
import pytest

from tinygrad_ml.models import ElasticNet, ElasticNetCV, Lasso, LassoCV, LinearRegression, Ridge, RidgeCV
from tinygrad_ml.models.active_set import Quadratic, minimise

datasets = pytest.importorskip("sklearn.datasets")
peers = pytest.importorskip("sklearn.linear_model")
selection = pytest.importorskip("sklearn.model_selection")

X, y = datasets.load_diabetes(return_X_y=True)
TWO = np.column_stack([y, np.sqrt(y)])
WEIGHT = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], len(y))
TIGHT = {"tol": 1e-14, "max_iter": 1_000_000}
weighted = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False])


def assert_same(model, peer, rtol=1e-8):
    assert np.shape(model.coef_) == np.shape(peer.coef_)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=rtol, atol=rtol * abs(peer.coef_).max())
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=rtol, atol=1e-9)
    np.testing.assert_array_equal(model.coef_ == 0, peer.coef_ == 0)


# ---------------------------------------------------------------------- one alpha


@weighted
@intercepts
@pytest.mark.parametrize(
    ("model", "peer"),
    [
        (Ridge(0.1), peers.Ridge(0.1)),
        (Lasso(0.05), peers.Lasso(0.05, **TIGHT)),
        (ElasticNet(0.01, l1_ratio=0.8), peers.ElasticNet(0.01, l1_ratio=0.8, **TIGHT)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("target", [y, TWO], ids=["one", "two"])
def test_coefficients(model, peer, weight, fit_intercept, target):
    model.set_params(fit_intercept=fit_intercept).fit(X, target, weight)
    assert_same(model, peer.set_params(fit_intercept=fit_intercept).fit(X, target, weight))


@pytest.mark.parametrize(
    ("model", "penalty", "gone"),
    [
        (Ridge(), "l2", {"penalty", "l1_ratio"}),
        (Lasso(), "l1", {"penalty", "l1_ratio"}),
        (ElasticNet(), "elasticnet", {"penalty"}),
    ],
)
def test_they_are_linear_regression_with_their_penalty_set(model, penalty, gone):
    options = {"alpha": 0.03, **({"l1_ratio": 0.7} if penalty == "elasticnet" else {})}
    assert set(LinearRegression().get_params()) - set(model.get_params()) == gone
    named = model.set_params(**options).fit(X, y)
    np.testing.assert_array_equal(named.coef_, LinearRegression(penalty=penalty, **options).fit(X, y).coef_)
    assert named.resolve_solver() == ("normal" if penalty == "l2" else "newton")
    with pytest.raises(ValueError, match="has no hyperparameter 'penalty'"):
        model.set_params(penalty=None)


def test_they_take_gradient_steps_too():
    for model in (Ridge(1.0), Lasso(0.01), ElasticNet(0.01)):
        exact = model.fit(X, y).coef_
        np.testing.assert_allclose(
            model.set_params(solver="sgd", random_state=0).fit(X, y).coef_, exact, rtol=1e-3, atol=0.1
        )


# ---------------------------------------------------------------------- the best alpha


@weighted
@intercepts
@pytest.mark.parametrize(
    ("model", "peer"),
    [
        (LassoCV(), peers.LassoCV(**TIGHT)),
        (LassoCV(eps=1e-2, alphas=7, cv=3), peers.LassoCV(eps=1e-2, alphas=7, cv=3, **TIGHT)),
        (
            ElasticNetCV(l1_ratio=[0.1, 0.9, 1.0], alphas=20, cv=selection.KFold(4, shuffle=True, random_state=0)),
            peers.ElasticNetCV(
                l1_ratio=[0.1, 0.9, 1.0], alphas=20, cv=selection.KFold(4, shuffle=True, random_state=0), **TIGHT
            ),
        ),
        (ElasticNetCV(alphas=[1e-3, 1.0, 0.1]), peers.ElasticNetCV(alphas=[1e-3, 1.0, 0.1], **TIGHT)),
    ],
    ids=["lasso", "options", "ratios", "alphas"],
)
def test_the_path_of_the_lasso(model, peer, weight, fit_intercept):
    model.set_params(fit_intercept=fit_intercept).fit(X, y, weight)
    peer.set_params(fit_intercept=fit_intercept).fit(X, y, weight)
    assert_same(model, peer)
    assert model.alpha_ == pytest.approx(peer.alpha_, rel=1e-12)
    np.testing.assert_allclose(model.alphas_, peer.alphas_, rtol=1e-12)
    assert model.mse_path_.shape == peer.mse_path_.shape
    np.testing.assert_allclose(model.mse_path_, peer.mse_path_, rtol=1e-8)
    if isinstance(model.get_params().get("l1_ratio"), list):
        assert model.l1_ratio_ == peer.l1_ratio_
    assert 1 <= model.n_iter_ <= 10


@weighted
@intercepts
@pytest.mark.parametrize("target", [y, TWO], ids=["one", "two"])
@pytest.mark.parametrize("options", [{}, {"cv": 4}, {"store_cv_results": True}, {"alpha_per_target": True}], ids=str)
def test_the_path_of_ridge(weight, fit_intercept, target, options):
    alphas = np.geomspace(1e-3, 1e3, 9)
    model = RidgeCV(alphas, fit_intercept=fit_intercept, **options).fit(X, target, weight)
    peer = peers.RidgeCV(alphas, fit_intercept=fit_intercept, **options).fit(X, target, weight)
    assert_same(model, peer)
    np.testing.assert_array_equal(model.alpha_, peer.alpha_)
    np.testing.assert_allclose(model.best_score_, peer.best_score_, rtol=1e-9)
    assert np.shape(model.best_score_) == np.shape(peer.best_score_)
    if "store_cv_results" in options:
        np.testing.assert_allclose(model.cv_results_, peer.cv_results_, rtol=1e-8, atol=1e-9)


def test_leaving_each_sample_out_is_fitting_without_it():
    few, of_few = X[:12, :3], y[:12]
    model = RidgeCV([0.01], store_cv_results=True).fit(few, of_few)
    for i in range(12):
        others = np.arange(12) != i
        left_out = Ridge(0.01).fit(few[others], of_few[others]).predict(few[[i]])[0]
        assert model.cv_results_[i, 0] == pytest.approx((left_out - of_few[i]) ** 2, rel=1e-9)


@pytest.mark.parametrize("shape", [(40, 120), (60, 9)])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_the_active_set_solves_wide_and_dependent_features(shape, ratio):
    random = np.random.default_rng(0)
    A = random.normal(size=shape)
    A = np.column_stack([A, A[:, 0] + A[:, 1], A[:, 2], 3 * A[:, :2]])
    b = A[:, :5] @ [3.0, -2.0, 1.0, 1.0, 0.5] + random.normal(size=shape[0])
    A, b = A - A.mean(axis=0), b - b.mean()
    n, d = A.shape
    w = np.zeros(d)
    for alpha in abs(A.T @ b).max() / n * np.geomspace(1, 1e-3, 30):
        l1, l2 = np.full(d, n * alpha * ratio), np.full(d, n * alpha * (1 - ratio))
        w, rounds = minimise(Quadratic.of_data(A, b), l1, l2, w, 1000)
        slope = A.T @ (b - A @ w) - l2 * w  # the conditions of the minimum
        assert (abs(slope) <= l1 * (1 + 1e-9) + 1e-9).all()
        np.testing.assert_allclose(slope[w != 0], (l1 * np.sign(w))[w != 0], rtol=1e-7, atol=1e-8)
        assert rounds < 50


def test_features_of_very_different_sizes_and_constants_do_no_harm():
    sizes = 10.0 ** np.array([0, 5, -5, 3, 0, -3, 1, 2, 0, 6])
    moved = X * sizes + 100 * sizes
    for model in (LassoCV(alphas=20), RidgeCV()):
        plain = model.fit(X * sizes, y)
        predicted = plain.predict(X * sizes)
        model.fit(np.column_stack([moved, np.full(len(X), 7.3)]), y)
        np.testing.assert_allclose(model.predict(np.column_stack([moved, np.full(len(X), 7.3)])), predicted, rtol=1e-6)
        assert model.coef_[-1] == 0


def test_a_constant_target_is_predicted():
    for model in (LassoCV(), ElasticNetCV(), RidgeCV(), Ridge(), Lasso(), ElasticNet()):
        np.testing.assert_allclose(model.fit(X, np.full(len(y), 3.5)).predict(X), 3.5, rtol=1e-12)


def test_folds_may_be_given_in_every_form():
    splitter = selection.KFold(3)
    wanted = LassoCV(cv=splitter).fit(X, y).mse_path_
    pairs = list(splitter.split(X))
    masks = [tuple(np.isin(np.arange(len(X)), rows) for rows in pair) for pair in pairs]
    for cv in (3, np.int64(3), pairs, iter(pairs), masks):
        np.testing.assert_array_equal(LassoCV(cv=cv).fit(X, y).mse_path_, wanted)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LassoCV(cv=1), "LassoCV.cv=1.: cv must be a number of folds of at least 2"),
        (LassoCV(cv="five"), "cv must be a number of folds"),
        (LassoCV(cv=500), "LassoCV: cannot make 500 folds of n_samples = 442"),
        (LassoCV(cv=[(range(500), [0])]), "part 0 of cv has the row 499, and there are 442 samples"),
        (LassoCV(cv=[([], [0])]), "the training and the test rows in part 0 of cv must be indices, and not empty"),
        (LassoCV(cv=[3, 4]), "part 0 of cv must be a pair of arrays"),
        (LassoCV(cv=[]), "cv has no parts"),
        (LassoCV(alphas=[-1.0]), "alphas must be a whole number of at least 1, or a sequence of finite numbers"),
        (LassoCV(alphas=0), "alphas must be a whole number of at least 1"),
        (ElasticNetCV(l1_ratio=2.0), "l1_ratio must be a number from 0 to 1, or a sequence"),
        (ElasticNetCV(l1_ratio=0.0), "with l1_ratio=0 no alpha makes all weights zero.* give a sequence of alphas"),
        (ElasticNetCV(eps=0), "eps must be a finite number above 0"),
        (RidgeCV([]), "alphas must be"),
        (RidgeCV([0.0, 1.0]), "alphas must be above 0, or set cv"),
        (RidgeCV(cv=3, store_cv_results=True), "store_cv_results is for samples that are left out one by one"),
        (RidgeCV(cv=selection.LeaveOneOut()), "fold 0 has one test row, which has no R²; cv=None leaves out each"),
        (Ridge(-1.0), "alpha must be a finite number of at least 0"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_explained(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_what_a_path_cannot_do_is_explained():
    with pytest.raises(ValueError, match="LassoCV takes no gradient steps, which steps= is for"):
        LassoCV().fit(X, y, steps=10)
    with pytest.raises(AttributeError, match="RidgeCV learns from all the data at once, and has no partial_fit"):
        RidgeCV().partial_fit(X, y)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        LassoCV().fit(X, TWO)
    with pytest.raises(ValueError, match="all samples of the training or the test part of fold 0 have the weight zero"):
        LassoCV(cv=2).fit(X[:6], y[:6], [0, 0, 0, 1, 1, 1])
    few = LassoCV(max_iter=1, alphas=[0.001])
    with pytest.warns(UserWarning, match="the active set has not converged in max_iter=1 rounds; raise max_iter"):
        few.fit(X, y)


def test_a_validation_is_judged():
    model = LassoCV().fit(X[:400], y[:400], validation=(X[400:], y[400:]))
    assert model.history_["validation_loss"][-1] == pytest.approx(np.mean((model.predict(X[400:]) - y[400:]) ** 2))


@pytest.mark.parametrize(
    "model", [Ridge(), Lasso(0.01), ElasticNet(0.01), RidgeCV(), LassoCV(), ElasticNetCV()], ids=repr
)
def test_single_precision_stays(model):
    exact = model.fit(X, y).coef_
    close = model.fit(X.astype(np.float32), y.astype(np.float32)).coef_
    assert close.dtype == np.float32
    np.testing.assert_allclose(close, exact, rtol=1e-2, atol=1e-2 * abs(exact).max())
