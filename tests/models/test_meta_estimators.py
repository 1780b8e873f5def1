"""The models inside scikit-learn's meta-estimators: pipelines, searches, ensembles, calibration."""

import copy
import pickle
from html.parser import HTMLParser

import numpy as np
import pytest

from tinygrad_ml.models import (
    BinaryChain,
    ConvNet,
    ElasticNet,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsOne,
    OneVsRest,
    Perceptron,
    PoissonRegression,
    PolynomialRegression,
    Ridge,
    RidgeCV,
    SoftmaxRegression,
)

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
from sklearn import base, calibration, ensemble, feature_selection, model_selection, multioutput
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

IRIS, SPECIES = load_iris(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
IRIS_2, SPECIES_2 = IRIS[:100], SPECIES[:100]
SMALL = {"learning_rate": 0.05, "max_iter": 20, "random_state": 0}
CLASSIFIERS = [
    LogisticRegression(),
    SoftmaxRegression(),
    Perceptron(),
    OneVsRest(),
    OneVsRest(Perceptron(max_iter=20)),
    OneVsOne(),
    BinaryChain(),
    MLPClassifier((8,), batch_norm=True, dropout=0.1, **SMALL),
    ConvNet((2,), hidden_layer_sizes=(4,), **SMALL),
]
REGRESSORS = [
    LinearRegression(),
    PolynomialRegression(),
    MLPRegressor((8,), **SMALL),
    Ridge(0.1),
    ElasticNet(1e-3),
    RidgeCV(),
    LassoCV(),
    PoissonRegression(1e-3),
]
name = lambda model: repr(model)


def data_for(model):
    if model.kind == "regressor":
        return DIABETES, PROGRESS
    return (IRIS, SPECIES) if model.multi_class else (IRIS_2, SPECIES_2)


@pytest.mark.parametrize("model", CLASSIFIERS + REGRESSORS, ids=name)
def test_clone_copies_the_hyperparameters_and_nothing_else(model):
    X, y = data_for(model)
    fitted = base.clone(model).fit(X, y)
    again = base.clone(fitted)
    assert repr(again.get_params()) == repr(model.get_params())
    assert set(vars(again)) == set(vars(model))
    assert not hasattr(again, "n_features_in_")


@pytest.mark.parametrize("model", CLASSIFIERS + REGRESSORS, ids=name)
@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_a_copy_predicts_the_same_bit_for_bit(model, copied):
    X, y = data_for(model)
    model = base.clone(model).fit(X, y)
    other = copied(model)
    method = "decision_function" if model.kind == "classifier" else "predict"
    np.testing.assert_array_equal(getattr(other, method)(X), getattr(model, method)(X))
    assert other.history_["loss" if "loss" in other.history_ else "mistakes"]
    other.fit(X, y)  # the copy learns on its own
    assert repr(copied(base.clone(model))) == repr(model)


@pytest.mark.parametrize("model", CLASSIFIERS + REGRESSORS, ids=name)
def test_pipelines_and_cross_validation(model):
    X, y = data_for(model)
    pipeline = make_pipeline(StandardScaler(), model)
    predicted = model_selection.cross_val_predict(pipeline, X, y, cv=3)
    assert predicted.shape == y.shape
    assert pipeline.fit(X, y).score(X, y) > (0.6 if model.kind == "classifier" else 0.1)


@pytest.mark.slow
def test_a_search_over_a_grid_with_two_processes_finds_what_one_finds():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    grid = {"logisticregression__C": [1e-4, 1.0], "logisticregression__solver": ["newton", "lbfgs"]}
    searches = [
        model_selection.GridSearchCV(pipeline, grid, n_jobs=n, cv=3).fit(IRIS_2, SPECIES_2).cv_results_ for n in (1, 2)
    ]
    np.testing.assert_array_equal(searches[0]["mean_test_score"], searches[1]["mean_test_score"])


def test_a_search_reaches_hyperparameters_of_inner_models_and_numpy_numbers():
    grid = {"estimator__hidden_layer_sizes": np.array([3, 5]), "estimator__batch_norm": np.array([True, False])}
    search = model_selection.GridSearchCV(OneVsRest(MLPClassifier(**SMALL)), grid, cv=2).fit(IRIS, SPECIES)
    assert search.best_params_["estimator__hidden_layer_sizes"] in (3, 5)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method):
    for model in (SoftmaxRegression(), OneVsRest(Perceptron(max_iter=20))):
        calibrated = calibration.CalibratedClassifierCV(model, method=method, cv=3).fit(IRIS, SPECIES)
        np.testing.assert_allclose(calibrated.predict_proba(IRIS).sum(axis=1), 1)
        assert calibrated.score(IRIS, SPECIES) > 0.6


def test_bagging_voting_and_stacking():
    scaled = make_pipeline(StandardScaler(), MLPClassifier((8,), **SMALL))
    named = [("softmax", SoftmaxRegression()), ("rest", OneVsRest()), ("mlp", scaled)]
    for model in (
        ensemble.BaggingClassifier(SoftmaxRegression(), n_estimators=4, random_state=0),
        ensemble.VotingClassifier(named, voting="soft"),
        ensemble.VotingClassifier([*named, ("hard", OneVsRest(Perceptron(max_iter=50)))]),
        ensemble.StackingClassifier(named, final_estimator=SoftmaxRegression(), cv=3),
        ensemble.AdaBoostClassifier(SoftmaxRegression(C=100.0), n_estimators=3, random_state=0),
    ):
        assert model.fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.9
    named = [("linear", LinearRegression()), ("ridge", LinearRegression(penalty="l2", alpha=0.01))]
    for model in (
        ensemble.BaggingRegressor(LinearRegression(), n_estimators=4, random_state=0),
        ensemble.VotingRegressor(named),
        ensemble.StackingRegressor(named, final_estimator=LinearRegression(), cv=3),
    ):
        assert model.fit(DIABETES, PROGRESS).score(DIABETES, PROGRESS) > 0.45


def test_bagging_of_samples_that_lack_a_class():
    y = np.where(np.arange(150) == 149, 3, SPECIES)  # one sample of a class of its own
    model = ensemble.BaggingClassifier(SoftmaxRegression(max_iter=500), n_estimators=5, random_state=0).fit(IRIS, y)
    assert {len(member.classes_) for member in model.estimators_} == {3, 4}
    np.testing.assert_allclose(model.predict_proba(IRIS).sum(axis=1), 1)


def test_features_are_eliminated_by_their_coefficients():
    noise = np.random.default_rng(0).normal(size=(150, 3))
    X = np.column_stack([StandardScaler().fit_transform(IRIS), noise])
    chosen = feature_selection.RFE(SoftmaxRegression(), n_features_to_select=4).fit(X, SPECIES).support_
    assert chosen[:4].sum() >= 3
    X = np.column_stack([DIABETES * 20, np.random.default_rng(1).normal(size=(442, 3))])
    assert not feature_selection.RFECV(LinearRegression(), cv=3).fit(X, PROGRESS).support_[-3:].all()


def test_several_outputs():
    Y = np.column_stack([SPECIES, SPECIES == 1])
    many = multioutput.MultiOutputClassifier(SoftmaxRegression(max_iter=500)).fit(IRIS, Y)
    assert many.predict(IRIS).shape == (150, 2)
    Y = np.column_stack([PROGRESS, -PROGRESS])
    one_by_one = multioutput.MultiOutputRegressor(LinearRegression()).fit(DIABETES, Y).predict(DIABETES)
    np.testing.assert_allclose(one_by_one, LinearRegression().fit(DIABETES, Y).predict(DIABETES), rtol=1e-8)


VOID = {"area", "br", "hr", "img", "input", "link", "meta", "path", "wbr"}


class Tags(HTMLParser):
    """Whether all tags of a page are closed in the right order."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_pipelines_show_the_models_in_notebooks():
    pipeline = make_pipeline(StandardScaler(), OneVsRest(LogisticRegression(C=0.25)))
    for pipeline_ in (pipeline, pipeline.fit(IRIS, SPECIES)):
        page = pipeline_._repr_html_()
        Tags(page)
        assert "OneVsRest" in page
