"""Principal components: scikit-learn's, sign included; as a module, and as a linear autoencoder."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import PCA
from tinygrad_ml.models.estimator import clone

decomposition = pytest.importorskip("sklearn.decomposition")
datasets = pytest.importorskip("sklearn.datasets")

DIGITS = datasets.load_digits(return_X_y=True)[0][:, 2:60]
random = np.random.default_rng(0)
FAR = random.normal(size=(30, 5)) * [5, 3, 1, 0.5, 0.1] + 1e6
WIDE = DIGITS[:40]
FADING = (random.normal(size=(200, 30)) * np.geomspace(100, 1, 30)) @ random.normal(size=(30, 520))
ATTRIBUTES = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
)


def assert_same(model, peer, X, rtol):
    for name in ATTRIBUTES:
        ours, theirs = getattr(model, name), getattr(peer, name)
        assert np.shape(ours) == np.shape(theirs), name
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.max(np.abs(theirs)), err_msg=name)
    assert (model.n_components_, model.n_samples_) == (peer.n_components_, peer.n_samples_)
    coordinates = peer.transform(X)
    np.testing.assert_allclose(model.transform(X), coordinates, rtol=rtol, atol=rtol * abs(coordinates).max())
    np.testing.assert_allclose(
        model.inverse_transform(coordinates), peer.inverse_transform(coordinates), rtol=rtol, atol=rtol * abs(X).max()
    )


@pytest.mark.parametrize("data", [DIGITS, WIDE, FAR], ids=["digits", "wide", "far"])
@pytest.mark.parametrize(
    "options", [{}, {"n_components": 3}, {"n_components": 0.9}, {"n_components": 3, "whiten": True}], ids=str
)
def test_all_components(data, options):
    if data is WIDE and not options:
        options = {"n_components": 30}  # the last ones are rounding
    # among all of them two of the digits have the same variance, which leaves their directions to the method
    model = PCA(**options if options else {"svd_solver": "full"}).fit(data)
    peer = decomposition.PCA(svd_solver="full", **options).fit(data)
    assert_same(model, peer, data, 1e-8)
    if not options.get("whiten") and model.noise_variance_:
        np.testing.assert_allclose(model.get_covariance(), peer.get_covariance(), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(model.score_samples(data), peer.score_samples(data), rtol=1e-6)
        assert model.score(data) == pytest.approx(peer.score(data), rel=1e-8)


@pytest.mark.parametrize("options", [{}, {"whiten": True}], ids=str)
def test_the_first_components_by_random_directions(options):
    model = PCA(5, svd_solver="randomized", random_state=0, **options).fit(FADING)
    peer = decomposition.PCA(5, svd_solver="full", **options).fit(FADING)
    assert_same(model, peer, FADING, 1e-6)


def test_more_powers_are_more_exact():
    exact = decomposition.PCA(5, svd_solver="full").fit(DIGITS).components_
    errors = [
        abs(
            PCA(5, svd_solver="randomized", iterated_power=k, n_oversamples=2, random_state=0).fit(DIGITS).components_
            - exact
        ).max()
        for k in (0, 3, 30)
    ]
    assert errors[0] > errors[1] > 1000 * errors[2]
    assert errors[2] < 1e-8


def test_auto_is_random_where_that_is_quicker():
    assert PCA(5).fit(FADING).resolve_solver() == "randomized"
    for model, data in (
        (PCA(0.9), FADING),
        (PCA(), FADING),
        (PCA(190), FADING),
        (PCA(5), WIDE),
    ):
        assert model.fit(data).resolve_solver() == "full"
    assert PCA(5).fit(FADING[:, :20]).resolve_solver() == "covariance_eigh"


@pytest.mark.parametrize(
    "data", [DIGITS, FADING, WIDE, DIGITS.astype(np.float32)], ids=["digits", "fading", "wide", "float32"]
)
def test_the_eigenvectors_of_the_covariance_are_the_components(data):
    model, exact = (PCA(10, svd_solver=solver).fit(data) for solver in ("covariance_eigh", "full"))
    for name in ("components_", "explained_variance_", "explained_variance_ratio_", "singular_values_"):
        found, wanted = getattr(model, name), getattr(exact, name)
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-4 if data.dtype == np.float32 else 1e-8)
    assert model.noise_variance_ == pytest.approx(exact.noise_variance_, rel=1e-5)


def test_the_components_are_the_optimum_of_the_linear_autoencoder(gradcheck):
    """The gradient of its loss is zero there, and every step away makes it worse."""
    data = FAR - FAR.mean(axis=0)
    pca = PCA(2).fit(data)
    loss = pca.criterion(pca(tg.tensor(data)), data)
    assert loss.item() == pytest.approx(pca.history_["loss"][-1], rel=1e-9)
    assert loss.item() == pytest.approx(
        pca.explained_variance_ratio_.sum() and 29 * 3 * pca.noise_variance_ / (30 * 5), rel=1e-9
    )
    loss.backward()
    np.testing.assert_allclose(pca.directions_.grad.numpy(), 0, atol=1e-10)
    for seed in range(5):
        other = clone(pca).build(5, 2).double()
        other.directions_.data = pca.components_ + 0.1 * np.random.default_rng(seed).normal(size=(2, 5))
        assert other.criterion(other(tg.tensor(data)), data).item() > loss.item()
    assert gradcheck(lambda x: pca.criterion(pca(x), x), data[:4], params=pca)


@pytest.mark.parametrize("whiten", [False, True])
def test_whitened_coordinates_have_the_variance_one_and_lead_back(whiten):
    pca = PCA(3, whiten=whiten).fit(DIGITS)
    coordinates = pca.transform(DIGITS)
    variances = np.ones(3) if whiten else pca.explained_variance_
    np.testing.assert_allclose(np.cov(coordinates.T), np.diag(variances), atol=1e-8 * variances.max())
    all_of_them = PCA(whiten=whiten).fit(FAR)
    np.testing.assert_allclose(all_of_them.inverse_transform(all_of_them.transform(FAR)), FAR, rtol=1e-12)


def test_constant_data_have_no_variance():
    for options in ({}, {"whiten": True}, {"n_components": 0.5}):
        pca = PCA(**options).fit(np.full((6, 3), 7.0))
        np.testing.assert_array_equal(pca.explained_variance_ratio_, 0)
        np.testing.assert_allclose(pca.transform(np.full((2, 3), 7.0)), 0)


def test_samples_beside_a_plane_are_unlikely():
    pca = PCA().fit(WIDE)  # which has no variance in most directions
    assert np.isfinite(pca.score(WIDE))
    assert pca.score(WIDE + random.normal(size=WIDE.shape)) < pca.score(WIDE) - 1e6
    pca = PCA(3).fit(FAR)
    np.testing.assert_allclose(pca.get_precision() @ pca.get_covariance(), np.eye(5), atol=1e-9)


def test_it_is_a_module_and_an_estimator():
    pca = PCA(2, random_state=0).fit(DIGITS)
    assert "PCA" in str(tg.graph.trace(pca, DIGITS[:3]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pca)).transform(DIGITS), pca.transform(DIGITS))
    np.testing.assert_array_equal(clone(pca).fit_transform(DIGITS), pca.transform(DIGITS))
    np.testing.assert_allclose(PCA(2).build(58, 2).transform(DIGITS), DIGITS[:, :2], rtol=1e-6)
    assert pca.get_feature_names_out().tolist() == ["pca0", "pca1"]
    single = PCA(2).fit(DIGITS.astype(np.float32))
    assert single.transform(DIGITS.astype(np.float32)).dtype == np.float32
    weights = PCA(2).build(58, 2)
    weights.load_state_dict(pca.state_dict())
    np.testing.assert_allclose(weights.double().transform(DIGITS), pca.transform(DIGITS), rtol=1e-5, atol=1e-5)


def test_frames_pipelines_and_searches():
    pandas = pytest.importorskip("pandas")
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from tinygrad_ml.models import Ridge

    frame = pandas.DataFrame(DIGITS[:, :9], columns=list("abcdefghi"))
    out = PCA(2).set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == ["pca0", "pca1"]
    pipeline = make_pipeline(PCA(), Ridge()).fit(frame, DIGITS[:, 12])
    assert 0 < pipeline.score(frame, DIGITS[:, 12]) < 1
    search = GridSearchCV(make_pipeline(PCA(), Ridge()), {"pca__n_components": [1, 9]}).fit(frame, DIGITS[:, 12])
    assert search.best_params_ == {"pca__n_components": 9}


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (PCA(0), DIGITS, "n_components must be a whole number of at least 1, or the part of the variance"),
        (PCA(1.0), DIGITS, "n_components must be"),
        (PCA("mle"), DIGITS, "n_components must be"),
        (PCA(60), DIGITS, r"PCA.n_components=60.: there are at most min\(n_samples, n_features\) = 58 components"),
        (PCA(0.5, svd_solver="randomized"), DIGITS, "it finds a whole number of components; svd_solver='full' finds"),
        (PCA(svd_solver="arpack"), DIGITS, "svd_solver must be one of"),
        (PCA(iterated_power=-1), DIGITS, "iterated_power must be 'auto', or a whole number of at least 0"),
        (PCA(n_oversamples=0), DIGITS, "n_oversamples must be a whole number of at least 1"),
        (PCA(), DIGITS[:1], r"one sample has no variance \(n_samples = 1\)"),
    ],
    ids=str,
)
def test_what_cannot_be_is_explained(model, data, message):
    with pytest.raises(ValueError, match=message):
        model.fit(data)


def test_errors_of_a_fitted_one():
    pca = PCA(2).fit(DIGITS)
    with pytest.raises(ValueError, match="X has 3 features, but PCA is expecting 58 features"):
        pca.transform(DIGITS[:, :3])
    with pytest.raises(ValueError, match=r"X must be \(samples, components\), and there are 2 components"):
        pca.inverse_transform(DIGITS)
    with pytest.raises(ValueError, match="This PCA is not fitted yet"):
        PCA().transform(DIGITS)


def test_it_is_called_with_arrays_and_with_tensors():
    X = np.random.default_rng(0).normal(size=(20, 4))
    pca = PCA(2).fit(X)
    for x in (X, tg.tensor(X)):
        np.testing.assert_allclose(pca(x).numpy(), pca.transform(X), atol=1e-12)
