"""The transformers are scikit-learn's: its own checks, clones, pipelines and searches."""

import pickle
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.features import (
    Bucketize,
    Clip,
    Columns,
    Cross,
    EmbeddingIds,
    Hash,
    Impute,
    Log,
    OneHot,
    Ordinal,
    Polynomial,
    Scale,
)

pytest.importorskip("sklearn", minversion="1.9")  # whose checks these are
checks = pytest.importorskip("sklearn.utils.estimator_checks")
import sklearn.base  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

TRANSFORMERS = [
    Scale(),
    Scale("min-max"),
    Scale("robust"),
    Scale("max-abs"),
    Scale(center=False),
    Log(),
    Clip(),
    Clip(lower=-0.5, upper=1),
    Impute(),
    Impute("median", flag=True),
    Impute("most frequent"),
    Bucketize(),
    Bucketize(width=0.5),
    Bucketize(edges=[-1, 0, 1]),
    Polynomial(),
    Polynomial(3, interaction_only=True),
    OneHot(),
    OneHot(min_count=3),
    OneHot(unknown="error"),
    Ordinal(),
    EmbeddingIds(),
    Hash(16),
    Cross(),
    Cross(max_columns=5),
    Columns({0: [Scale(), Polynomial()]}),
    Columns({0: Bucketize()}, rest="keep"),
]
OUTPUT = [  # of the public checks of set_output and names, which `check_estimator` leaves out
    checks.check_dataframe_column_names_consistency,
    checks.check_transformer_get_feature_names_out,
    checks.check_transformer_get_feature_names_out_pandas,
    checks.check_set_output_transform,
    checks.check_set_output_transform_pandas,
    checks.check_set_output_transform_polars,
    checks.check_global_output_transform_pandas,
    checks.check_global_set_output_transform_polars,
]


def checks_of(transformer):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* does not inherit from `sklearn.base.BaseEstimator`")
        return [check for _, check in checks.estimator_checks_generator(transformer, mark=None)]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_checks_of_scikit_learn(transformer):
    todo = checks_of(transformer)
    assert len(todo) > 40
    for check in todo:
        if check.func.__name__ != "check_array_api_input":  # which needs an environment variable
            check(transformer)


@pytest.mark.filterwarnings("ignore:X .*feature names")  # the checks mix arrays and frames
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_checks_of_names_and_frames(transformer):
    for check in OUTPUT:
        if isinstance(transformer, Columns) and check is checks.check_dataframe_column_names_consistency:
            continue  # it chooses by name, so other columns and another order are right
        check(type(transformer).__name__, sklearn.base.clone(transformer))


# ---------------------------------------------------------------------- pipelines, searches, copies


def table(seed=0, n=60):
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 80, n)),
            "fare": rng.exponential(30, n),
            "sex": rng.choice(["f", "m"], n),
            "port": rng.choice(["C", "Q", "S", None], n),
        }
    )
    y = ((frame["sex"] == "f") ^ (rng.random(n) < 0.1)).astype(int)
    return frame, y


def columns():
    return Columns(
        {
            "age": [Impute("median", flag=True), Scale()],
            "fare": [Log(), Scale("robust")],
            "sex": OneHot(),
            ("sex", "port"): Cross(),
        }
    )


def test_a_search_finds_hyperparameters_inside_columns():
    frame, y = table()
    model = make_pipeline(columns(), tg.models.LogisticRegression())
    grid = {"columns__age__impute__strategy": ["mean", "median"], "columns__fare__scale__method": ["z-score", "robust"]}
    search = GridSearchCV(model, grid, cv=3).fit(frame, y)
    assert search.best_score_ > 0.7
    best = search.best_estimator_[0].transformers_[0][1][0]
    assert best.strategy == search.best_params_["columns__age__impute__strategy"]
    assert model[0].columns["age"][0].strategy == "median"  # the pattern is as it was


def test_hyperparameters_inside_columns_are_set_by_name():
    features = columns().set_params(age__scale__method="min-max", sex__onehot=Ordinal(), rest="keep")
    assert (features.columns["age"][1].method, features.rest) == ("min-max", "keep")
    assert isinstance(features.columns["sex"], Ordinal)
    assert features.set_params(**{"sex+port__cross__buckets": 4}).get_params()["sex+port__cross"].buckets == 4
    with pytest.raises(ValueError, match="Columns has no hyperparameter 'age__imputer__strategy'"):
        features.set_params(age__imputer__strategy="mean")


def test_columns_leave_their_patterns_unfitted():
    pattern = columns()
    pattern.fit(table()[0])
    assert not any(hasattr(step, "n_features_in_") for step in pattern.columns["age"])


@pytest.mark.parametrize("copy", [sklearn.base.clone, tg.models.estimator.clone], ids=["sklearn", "ours"])
def test_a_clone_has_the_hyperparameters_and_nothing_learned(copy):
    frame, _ = table()
    fitted = columns().fit(frame)
    again = copy(fitted)
    assert repr(again) == repr(fitted)
    assert not hasattr(again, "transformers_")
    np.testing.assert_array_equal(again.fit_transform(frame), fitted.transform(frame))


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_a_pickle_transforms_alike(transformer):
    X = np.random.default_rng(0).random((20, 3))
    fitted = sklearn.base.clone(transformer).fit(X)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))


def test_our_transformers_stand_in_a_column_transformer_and_theirs_in_columns():
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, _ = table()
    theirs = make_column_transformer(
        (make_pipeline(Impute(), Scale()), ["age"]), (OneHot(), ["sex"]), verbose_feature_names_out=False
    )
    mixed = Columns({"age": [Impute(), StandardScaler()], "sex": OneHotEncoder(sparse_output=False)})
    np.testing.assert_allclose(theirs.fit_transform(frame), mixed.fit_transform(frame))
    assert theirs.get_feature_names_out().tolist() == mixed.get_feature_names_out().tolist()
    assert theirs.set_output(transform="pandas").fit_transform(frame).columns.tolist() == ["age", "sex_f", "sex_m"]


def test_columns_give_the_target_to_transformers_that_want_it():
    from sklearn.preprocessing import TargetEncoder

    frame, y = table()
    encoder = TargetEncoder(cv=StratifiedKFold(3))
    encoded = Columns({"sex": encoder}).fit_transform(frame, y)
    np.testing.assert_allclose(encoded, encoder.fit_transform(frame[["sex"]], y))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_pipeline_hands_frames_on(kind):
    pytest.importorskip(kind)
    frame, y = table()
    model = make_pipeline(columns(), tg.models.LogisticRegression()).set_output(transform=kind)
    model.fit(frame, y)
    assert model[-1].feature_names_in_.tolist() == model[0].get_feature_names_out().tolist()
    out = model[0].transform(frame)
    assert type(out).__module__.startswith(kind)
    if kind == "pandas":
        assert out.index.equals(frame.index)
    assert cross_val_score(model, frame, y, cv=3).mean() > 0.7


def test_a_pipeline_routes_weights_past_transformers():
    frame, y = table()
    weight = np.linspace(0.1, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(columns(), tg.models.LogisticRegression().set_fit_request(sample_weight=True))
        model.fit(frame, y, sample_weight=weight)
    alone = tg.models.LogisticRegression().fit(columns().fit_transform(frame), y, sample_weight=weight)
    np.testing.assert_allclose(model[-1].coef_, alone.coef_)


def test_global_output_of_frames_reaches_the_steps_inside_columns():
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    frame, _ = table()
    mixed = Columns({"age": [Impute(), StandardScaler(), MinMaxScaler(), Scale()], "sex": OneHot()})
    expected = sklearn.base.clone(mixed).fit_transform(frame)
    with sklearn.config_context(transform_output="pandas"):
        out = mixed.fit_transform(frame)
        again = mixed.transform(frame)
    assert out.columns.tolist() == ["age", "sex_f", "sex_m"]
    np.testing.assert_allclose(out, expected)
    np.testing.assert_allclose(again, expected)
