"""Each tool of scikit-learn that docs/scikit-learn.md lists is tried with the models, and no other is listed."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ml import metrics
from tinygrad_ml.models import (
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    OneVsRest,
    Perceptron,
    SoftmaxRegression,
)
from tinygrad_ml.protocol import clone

pytest.importorskip("sklearn", minversion="1.9")
pytest.importorskip("matplotlib")
pytest.importorskip("pandas")

import pandas as pd
import sklearn
from matplotlib import pyplot as plt
from sklearn import (
    base,
    calibration,
    compose,
    ensemble,
    feature_selection,
    frozen,
    inspection,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    pipeline,
    preprocessing,
    semi_supervised,
)
from sklearn import metrics as their_metrics
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*has not converged"),
    pytest.mark.filterwarnings("ignore:Failed to build .*:UserWarning"),
]

PAGE = Path(__file__).resolve().parents[2] / "docs/scikit-learn.md"
IRIS, SPECIES = load_iris(return_X_y=True)
TWO, ILL = IRIS[50:], SPECIES[50:] == 2
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
LINES = LinearRegression(), linear_model.LinearRegression()
LOGISTICS = LogisticRegression(tol=1e-8), linear_model.LogisticRegression(tol=1e-8, max_iter=1000)
TOOLS = {}


def tool(*names):
    def remember(function):
        TOOLS.update(dict.fromkeys(names, function))
        return function

    return remember


@pytest.fixture(autouse=True)
def no_figures_stay():
    yield
    plt.close("all")


def same_as_theirs(make, ours, theirs, tolerance=1e-4):
    """`make(model)` gives the same numbers for a model here as for scikit-learn's of the same optimum."""
    np.testing.assert_allclose(make(ours), make(theirs), atol=tolerance)


@tool("Pipeline", "make_pipeline", "StandardScaler")
def in_a_pipeline():
    steps = lambda model: pipeline.Pipeline([("scale", preprocessing.StandardScaler()), ("model", model)])
    same_as_theirs(lambda m: steps(m).fit(TWO, ILL).predict_proba(TWO), *LOGISTICS)


@tool("ColumnTransformer", "set_output")
def on_columns_of_a_frame():
    frame = pd.DataFrame({"length": IRIS[:, 0], "width": IRIS[:, 1], "kind": np.where(IRIS[:, 2] > 3, "long", "short")})
    columns = compose.ColumnTransformer(
        [
            ("numbers", preprocessing.StandardScaler(), ["length", "width"]),
            ("words", preprocessing.OneHotEncoder(sparse_output=False), ["kind"]),
        ]
    )
    model = pipeline.make_pipeline(columns, SoftmaxRegression()).set_output(transform="pandas").fit(frame, SPECIES)
    assert list(model[-1].feature_names_in_) == [
        "numbers__length",
        "numbers__width",
        "words__kind_long",
        "words__kind_short",
    ]
    assert model.score(frame.iloc[::-1], SPECIES[::-1]) > 0.8


@tool("cross_val_score", "cross_validate", "cross_val_predict")
def cross_validated():
    for function in (model_selection.cross_val_score, model_selection.cross_val_predict):
        same_as_theirs(lambda m, f=function: f(m, DIABETES, PROGRESS), *LINES)
    found = model_selection.cross_validate(
        SoftmaxRegression(), IRIS, SPECIES, scoring=["accuracy", "f1_macro", "roc_auc_ovr", "neg_log_loss"]
    )
    assert found["test_f1_macro"].mean() > 0.95
    assert found["test_neg_log_loss"].mean() > -0.2


@tool("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV")
def searched():
    grid = {"C": [0.001, 1.0]}
    for search in (
        model_selection.GridSearchCV(LogisticRegression(), grid),
        model_selection.RandomizedSearchCV(LogisticRegression(), grid, n_iter=2, random_state=0),
        model_selection.HalvingGridSearchCV(
            LogisticRegression(), grid, resource="max_iter", max_resources=100, min_resources=10, random_state=0
        ),
    ):
        assert search.fit(TWO, ILL).best_params_["C"] == 1.0


@tool("GroupKFold", "StratifiedKFold", "TimeSeriesSplit")
def split_by_its_own_rules():
    groups = np.arange(150) % 5
    for way, given in (
        (model_selection.GroupKFold(5), {"groups": groups}),
        (model_selection.StratifiedKFold(5), {}),
    ):
        assert model_selection.cross_val_score(SoftmaxRegression(), IRIS, SPECIES, cv=way, **given).min() > 0.8
    series = model_selection.TimeSeriesSplit(3)
    same_as_theirs(
        lambda m: model_selection.cross_val_score(m, DIABETES, PROGRESS, cv=series),
        *LINES,
    )


@tool("learning_curve", "LearningCurveDisplay", "validation_curve", "ValidationCurveDisplay")
def curves():
    sizes, train, test = model_selection.learning_curve(
        MLPClassifier((8,), random_state=0, max_iter=3),
        IRIS,
        SPECIES,
        cv=3,
        shuffle=True,
        random_state=0,
        exploit_incremental_learning=True,
    )
    assert train.shape == test.shape == (len(sizes), 3)
    model_selection.LearningCurveDisplay.from_estimator(
        SoftmaxRegression(), IRIS, SPECIES, cv=3, shuffle=True, random_state=0
    )
    sweep = {"param_name": "C", "param_range": [0.01, 1]}
    same_as_theirs(lambda m: model_selection.validation_curve(m, TWO, ILL, **sweep), *LOGISTICS)
    model_selection.ValidationCurveDisplay.from_estimator(LogisticRegression(), TWO, ILL, **sweep)


@tool("permutation_test_score")
def permutation_test():
    score, _, p = model_selection.permutation_test_score(
        LogisticRegression(), TWO, ILL, n_permutations=10, cv=3, random_state=0
    )
    assert score > 0.9
    assert p < 0.1


@tool("permutation_importance", "partial_dependence", "PartialDependenceDisplay")
def inspected():
    same_as_theirs(
        lambda m: (
            inspection.permutation_importance(
                m.fit(DIABETES, PROGRESS), DIABETES, PROGRESS, random_state=0
            ).importances_mean
        ),
        *LINES,
    )
    same_as_theirs(
        lambda m: inspection.partial_dependence(m.fit(TWO, ILL), TWO, [0])["average"],
        *LOGISTICS,
        1e-3,
    )
    inspection.PartialDependenceDisplay.from_estimator(
        LinearRegression().fit(DIABETES, PROGRESS), DIABETES, [0], kind="both"
    )


@tool("DecisionBoundaryDisplay")
def boundaries():
    for y in (SPECIES, SPECIES == 1):
        model = SoftmaxRegression().fit(IRIS[:, :2], y)
        for method in ("predict", "predict_proba"):
            drawn = inspection.DecisionBoundaryDisplay.from_estimator(model, IRIS[:, :2], response_method=method)
            assert drawn.response is not None


@tool("calibration_curve", "CalibrationDisplay", "CalibratedClassifierCV", "FrozenEstimator")
def calibrated():
    X, y = load_breast_cancer(return_X_y=True)
    fitted = LogisticRegression().fit(X[::2], y[::2])
    calibration.CalibrationDisplay.from_estimator(fitted, X[1::2], y[1::2])
    again = calibration.CalibratedClassifierCV(frozen.FrozenEstimator(fitted)).fit(X[1::2], y[1::2])
    assert again.score(X, y) > 0.93
    true, predicted = calibration.calibration_curve(y, fitted.predict_proba(X)[:, 1], n_bins=5)
    assert np.all((predicted[1:] - predicted[:-1]) > 0)
    assert len(true) == 5


@tool("TunedThresholdClassifierCV", "FixedThresholdClassifier")
def thresholds():
    tuned = model_selection.TunedThresholdClassifierCV(LogisticRegression(), scoring="f1").fit(TWO, ILL)
    assert 0 < tuned.best_threshold_ < 1
    careful = model_selection.FixedThresholdClassifier(LogisticRegression(), threshold=0.05).fit(TWO, ILL)
    assert careful.predict(TWO).sum() > tuned.predict(TWO).sum()


@tool(
    "ConfusionMatrixDisplay", "RocCurveDisplay", "PrecisionRecallDisplay", "DetCurveDisplay", "PredictionErrorDisplay"
)
def displays():
    model = LogisticRegression().fit(TWO, ILL)
    for display in (
        their_metrics.ConfusionMatrixDisplay,
        their_metrics.RocCurveDisplay,
        their_metrics.PrecisionRecallDisplay,
        their_metrics.DetCurveDisplay,
    ):
        assert display.from_estimator(model, TWO, ILL).figure_ is not None
    line = LinearRegression().fit(DIABETES, PROGRESS)
    assert their_metrics.PredictionErrorDisplay.from_estimator(line, DIABETES, PROGRESS).figure_ is not None


@tool("make_scorer")
def scored_by_our_metrics():
    ours = their_metrics.make_scorer(metrics.f1_score, average="macro")
    found = model_selection.cross_val_score(SoftmaxRegression(), IRIS, SPECIES, scoring=ours)
    np.testing.assert_allclose(
        found, model_selection.cross_val_score(SoftmaxRegression(), IRIS, SPECIES, scoring="f1_macro")
    )


@tool("VotingClassifier", "StackingClassifier", "BaggingClassifier", "AdaBoostClassifier")
def ensembles():
    named = [("softmax", SoftmaxRegression()), ("theirs", linear_model.LogisticRegression(max_iter=1000))]
    for model in (
        ensemble.VotingClassifier(named, voting="soft"),
        ensemble.StackingClassifier(named, final_estimator=SoftmaxRegression(), cv=3),
        ensemble.BaggingClassifier(SoftmaxRegression(), n_estimators=4, random_state=0),
        ensemble.AdaBoostClassifier(SoftmaxRegression(C=100.0), n_estimators=3, random_state=0),
    ):
        assert model.fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.93


@tool("OneVsRestClassifier", "OneVsOneClassifier", "OutputCodeClassifier")
def several_classes():
    for way in (multiclass.OneVsRestClassifier, multiclass.OneVsOneClassifier):
        same_as_theirs(
            lambda m, w=way: w(m).fit(IRIS, SPECIES).predict(IRIS),
            *LOGISTICS,
        )
    same_as_theirs(
        lambda m: multiclass.OutputCodeClassifier(m, code_size=3, random_state=0).fit(IRIS, SPECIES).predict(IRIS),
        *LOGISTICS,
    )


@tool("MultiOutputClassifier", "MultiOutputRegressor", "ClassifierChain", "RegressorChain")
def several_targets():
    labels = np.column_stack([SPECIES == 0, SPECIES == 1, IRIS[:, 0] > 6])
    for way in (multioutput.MultiOutputClassifier, multioutput.ClassifierChain):
        same_as_theirs(
            lambda m, w=way: w(m).fit(IRIS, labels).predict(IRIS),
            *LOGISTICS,
        )
    Y = np.column_stack([PROGRESS, PROGRESS**2])
    for way in (multioutput.MultiOutputRegressor, multioutput.RegressorChain):
        same_as_theirs(
            lambda m, w=way: w(m).fit(DIABETES, Y).score(DIABETES, Y),
            *LINES,
        )


@tool("TransformedTargetRegressor")
def on_the_logarithm_of_the_target():
    same_as_theirs(
        lambda m: (
            compose.TransformedTargetRegressor(m, func=np.log, inverse_func=np.exp)
            .fit(DIABETES, PROGRESS)
            .score(DIABETES, PROGRESS)
        ),
        *LINES,
    )


@tool("SelectFromModel", "RFE", "RFECV", "SequentialFeatureSelector")
def features_chosen():
    noise = np.random.default_rng(0).normal(size=(150, 3))
    X = np.column_stack([preprocessing.StandardScaler().fit_transform(IRIS), noise])
    for selector in (
        feature_selection.SelectFromModel(SoftmaxRegression(), max_features=3),
        feature_selection.RFE(SoftmaxRegression(), n_features_to_select=3),
        feature_selection.RFECV(SoftmaxRegression(), cv=3, min_features_to_select=2),
        feature_selection.SequentialFeatureSelector(SoftmaxRegression(), n_features_to_select=2, cv=3),
    ):
        assert not selector.fit(X, SPECIES).get_support()[4:].all()
        assert selector.get_support()[2:4].any()  # the petals


@tool("SelfTrainingClassifier")
def few_labels():
    y = np.where(np.arange(150) % 5 == 0, SPECIES, -1)
    same_as_theirs(
        lambda m: semi_supervised.SelfTrainingClassifier(m).fit(IRIS, y).predict_proba(IRIS),
        SoftmaxRegression(tol=1e-8),
        LOGISTICS[1],
    )


@tool("set_config(enable_metadata_routing=True)")
def metadata_routing():
    X, y = load_breast_cancer(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))

    def score(model, requests=None, **given):
        if requests:
            model = model.set_fit_request(**requests).set_score_request(**requests)
        scaled = pipeline.make_pipeline(preprocessing.StandardScaler().set_fit_request(sample_weight=False), model)
        return model_selection.GridSearchCV(scaled, {}, cv=3).fit(X, y, **given).best_score_

    with sklearn.config_context(enable_metadata_routing=True):
        for requests, given in ((None, {}), ({"sample_weight": True}, {"sample_weight": weight})):
            ours = score(LogisticRegression(C=0.01), requests, **given)
            assert ours == pytest.approx(score(linear_model.LogisticRegression(C=0.01), requests, **given), abs=1e-9)
        scaled = preprocessing.scale(X)
        model = LogisticRegression().set_fit_request(sample_weight="cost").set_score_request(sample_weight=False)
        found = model_selection.cross_validate(model, scaled, y, params={"cost": weight}, return_estimator=True, cv=3)
        for (train, _), fitted in zip(model_selection.StratifiedKFold(3).split(X, y), found["estimator"], strict=True):
            alone = LogisticRegression().fit(scaled[train], y[train], weight[train])
            np.testing.assert_array_equal(fitted.coef_, alone.coef_)
        with pytest.raises(ValueError, match="sample_weight"):
            model_selection.cross_validate(LogisticRegression(), X, y, params={"sample_weight": weight})
        again = clone(copy.deepcopy(base.clone(model)))  # copies ask for the same
        assert again.get_metadata_routing().fit.requests["sample_weight"] == "cost"
        assert LogisticRegression().get_metadata_routing().fit.requests["sample_weight"] is None


@tool("skops.io")
def saved_without_pickle():
    skops_io = pytest.importorskip("skops.io")
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), MLPClassifier((4,), max_iter=3, random_state=0))
    file = skops_io.dumps(model.fit(IRIS, SPECIES))
    again = skops_io.loads(file, trusted=skops_io.get_untrusted_types(data=file))
    np.testing.assert_array_equal(again.predict_proba(IRIS), model.predict_proba(IRIS))


@tool("joblib")
def saved_by_joblib(tmp_path):
    import joblib

    model = SoftmaxRegression().fit(IRIS, SPECIES)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(IRIS), model.predict(IRIS))


@tool("polars")
def frames_of_polars():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": IRIS[:, 0], "b": IRIS[:, 1], "kind": np.where(IRIS[:, 2] > 3, "long", "short")})
    columns = compose.ColumnTransformer(
        [
            ("numbers", preprocessing.StandardScaler(), ["a", "b"]),
            ("words", preprocessing.OneHotEncoder(sparse_output=False), ["kind"]),
        ]
    )
    model = pipeline.make_pipeline(columns, SoftmaxRegression()).set_output(transform="polars").fit(frame, SPECIES)
    assert model.score(frame, SPECIES) > 0.8
    plain = SoftmaxRegression().fit(frame.select("a", "b"), SPECIES)
    assert list(plain.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        plain.predict(frame.select("b", "a"))


@pytest.mark.parametrize("function", dict.fromkeys(TOOLS.values()), ids=lambda function: function.__name__)
def test_tools(function, tmp_path):
    function(tmp_path) if function.__code__.co_argcount else function()


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"weights": True}, TypeError, "fit.. takes no 'weights' that could be passed on; it takes sample_weight, val"),
        ({"sample_weight": "my cost"}, ValueError, "sample_weight='my cost'.: it is True .pass it on., False"),
        ({"sample_weight": 3}, ValueError, "sample_weight=3"),
    ],
)
def test_what_cannot_be_asked_for(asked, error, says):
    with sklearn.config_context(enable_metadata_routing=True), pytest.raises(error, match=says):
        LogisticRegression().set_fit_request(**asked)
    with pytest.raises(RuntimeError, match="only available when metadata routing is enabled"):
        LogisticRegression().set_score_request(sample_weight=True)


def test_the_page_lists_what_is_tried():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(TOOLS)


def test_logarithms_of_probabilities():
    theirs = linear_model.LogisticRegression(C=10, tol=1e-10, max_iter=10000).fit(TWO, ILL)
    model = LogisticRegression(C=10).fit(TWO, ILL)
    np.testing.assert_allclose(model.predict_log_proba(TWO), theirs.predict_log_proba(TWO), atol=1e-3)
    crossed = model_selection.cross_val_predict(SoftmaxRegression(), IRIS, SPECIES, method="predict_log_proba", cv=3)
    np.testing.assert_allclose(np.exp(crossed).sum(axis=1), 1, rtol=1e-6)
    assert not hasattr(Perceptron(), "predict_log_proba")
    assert not hasattr(OneVsRest(Perceptron()), "predict_log_proba")
    assert hasattr(OneVsRest(LogisticRegression()), "predict_log_proba")
