"""The models that every other must beat: scikit-learn's dummies, as modules, for tables of any kind."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import BaselineClassifier, BaselineRegressor
from tinygrad_ml.models.estimator import clone

dummy = pytest.importorskip("sklearn.dummy")

random = np.random.default_rng(0)
X = random.normal(size=(50, 3))
LABELS = random.choice(["ham", "spam", "other"], 50, p=[0.5, 0.3, 0.2])
NUMBERS = random.normal(size=(50, 2))
WEIGHT = np.where(np.arange(50) == 3, 0.0, random.uniform(0, 2, 50))
weighted = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])


@weighted
@pytest.mark.parametrize("labels", [LABELS, LABELS == "ham", np.arange(50) % 4], ids=["three", "two", "four"])
@pytest.mark.parametrize("strategy", ["prior", "most_frequent", "uniform", "constant"])
def test_classes(strategy, labels, weight):
    options = {"strategy": strategy, "constant": labels[0].item() if strategy == "constant" else None}
    model, peer = BaselineClassifier(**options), dummy.DummyClassifier(**options)
    model.fit(X, labels, weight), peer.fit(X, labels, weight)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), rtol=1e-12)
    np.testing.assert_allclose(model.class_prior_, peer.class_prior_, rtol=1e-12)
    assert model.n_classes_ == peer.n_classes_
    if strategy != "uniform":
        np.testing.assert_array_equal(model.predict(X), peer.predict(X))
        assert model.score(X, labels) == peer.score(X, labels)


@weighted
@pytest.mark.parametrize("target", [NUMBERS[:, 0], NUMBERS], ids=["one", "two"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "median"},
        {"strategy": "quantile", "quantile": 0.8},
        {"strategy": "quantile", "quantile": 0.0},
        {"strategy": "constant", "constant": [3.0, 4.0]},
    ],
    ids=str,
)
def test_numbers(options, target, weight):
    if target.ndim == 1 and "constant" in options:
        options = options | {"constant": 3.0}
    model, peer = BaselineRegressor(**options), dummy.DummyRegressor(**options)
    model.fit(X, target, weight), peer.fit(X, target, weight)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-12)
    assert model.constant_.shape == peer.constant_.shape
    assert model.score(X, target) == pytest.approx(peer.score(X, target), abs=1e-12)


def test_the_bias_is_where_the_loss_is_least():
    for model, target in ((BaselineClassifier(), LABELS), (BaselineRegressor(), NUMBERS)):
        model.fit(X, target)
        known = model._encode(target, None, np.dtype(float), None)[0]
        model.criterion(model(tg.tensor(X)), known).backward()
        np.testing.assert_allclose(model.linear_.bias.grad.numpy(), 0, atol=1e-12)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_drawn_classes_have_their_frequencies_and_a_seed(strategy):
    model = BaselineClassifier(strategy=strategy, random_state=0).fit(X, LABELS)
    many = model.predict(np.zeros((20_000, 3)))
    share = (many[:, None] == model.classes_).mean(axis=0)
    wanted = model.class_prior_ if strategy == "stratified" else np.full(3, 1 / 3)
    np.testing.assert_allclose(share, wanted, atol=0.02)
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert not hasattr(model, "decision_function")
    assert BaselineClassifier(strategy=strategy).fit(X, LABELS).predict(X).shape == (50,)


def test_features_of_any_kind():
    pandas = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    frame = pandas.DataFrame({"name": ["Ada", None, "Bo"], "age": [1.0, np.nan, 2.0]})
    tables = [frame, frame.to_numpy(), [["a"], ["b"], [None]], ["one", "two", "three"], np.zeros((3, 4, 5))]
    for table in [*tables, sparse.csr_array(np.eye(3))]:
        assert BaselineClassifier().fit(table, [1, 0, 1]).predict(table).tolist() == [1, 1, 1]
        assert BaselineRegressor().fit(table, [1.0, 0.0, 2.0]).predict(table).tolist() == [1.0, 1.0, 1.0]
    assert BaselineClassifier().fit(frame, [1, 0, 1]).feature_names_in_.tolist() == ["name", "age"]


def test_a_single_class_is_enough():
    model = BaselineClassifier().fit(X, ["only"] * 50)
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((50, 1)))
    assert model.predict(X[:1]) == ["only"]
    assert model.score(X, ["only"] * 50) == 1


def test_classes_may_have_weights():
    model = BaselineClassifier()
    model.class_weight = "balanced"
    np.testing.assert_allclose(model.fit(X, LABELS).class_prior_, 1 / 3)


@pytest.mark.parametrize(("model", "y"), [(BaselineClassifier(), LABELS), (BaselineRegressor(), NUMBERS)], ids=repr)
def test_they_are_modules_and_estimators(gradcheck, model, y):
    model = clone(model).fit(X, y)
    assert gradcheck(model, X[:4])
    assert type(model).__name__ in str(tg.graph.trace(model, X[:4]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    built = clone(model).build(3, 2)
    assert built.predict(X).shape == ((50,) if model.kind == "classifier" else (50, 2))
    assert not hasattr(model, "partial_fit")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (BaselineClassifier(strategy="mode"), r"strategy must be one of \('prior', 'most_frequent', "),
        (BaselineClassifier(strategy="constant"), "constant=None.: the constant must be one of the classes"),
        (
            BaselineClassifier(strategy="constant", constant="eggs"),
            r"must be one of the classes \['ham', 'other', 'spam'\]",
        ),
        (
            BaselineRegressor(strategy="constant"),
            r"needs a constant: BaselineRegressor\(strategy='constant', constant=",
        ),
        (BaselineRegressor(strategy="constant", constant=[1.0, 2.0, 3.0]), "or one for each of the 2 columns of y"),
        (BaselineRegressor(strategy="constant", constant=np.nan), "the constant must be a finite number"),
        (BaselineRegressor(strategy="quantile"), "needs a quantile: "),
        (BaselineRegressor(strategy="quantile", quantile=80), "quantile must be a number from 0 to 1"),
    ],
    ids=repr,
)
def test_wrong_hyperparameters(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, LABELS if model.kind == "classifier" else NUMBERS)


@pytest.mark.parametrize(("bad", "what"), [(None, "NoneType"), (3.0, "float"), ([], r"0 sample\(s\)")])
def test_what_is_no_table(bad, what):
    with pytest.raises(ValueError, match=f"X must hold at least 1 sample, and it has {what}"):
        BaselineRegressor().fit(X, NUMBERS).predict(bad)


SEVERAL = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [0, 0, 1], [1, 0, 1]])


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5, 4.0, 1.0]])
@pytest.mark.parametrize(("strategy", "constant"), [("prior", None), ("most_frequent", None), ("constant", [0, 1, 1])])
def test_several_labels_are_those_of_scikit_learn(strategy, constant, weight):
    X = np.zeros((5, 2))
    ours = BaselineClassifier(strategy=strategy, constant=constant).fit(X, SEVERAL, weight)
    theirs = dummy.DummyClassifier(strategy=strategy, constant=constant).fit(X, SEVERAL, weight)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()
    np.testing.assert_allclose(ours.predict_proba(X), np.stack([p[:, 1] for p in theirs.predict_proba(X)], axis=1))
    assert ours.score(X, SEVERAL, weight) == pytest.approx(theirs.score(X, SEVERAL, weight))


def test_drawn_labels_have_their_frequencies_and_words_come_back():
    X, words = np.zeros((5, 2)), np.where(SEVERAL, "yes", "no")
    for strategy, share in (("stratified", [0.8, 0.2, 0.6]), ("uniform", [0.5, 0.5, 0.5])):
        model = BaselineClassifier(strategy=strategy, random_state=0).fit(X, words)
        drawn = model.predict(np.zeros((4000, 2)))
        np.testing.assert_allclose((drawn == "yes").mean(axis=0), share, atol=0.03)
    assert BaselineClassifier().fit(X, SEVERAL * [1, 0, 1]).predict_proba(X)[0].tolist() == [0.8, 0.0, 0.6]
    for constant, message in ((1, "a list of 3, one for each"), ([0, 1, 7], "has the label 7")):
        with pytest.raises(ValueError, match=message):
            BaselineClassifier(strategy="constant", constant=constant).fit(X, SEVERAL)


def test_the_bias_of_labels_is_where_the_loss_is_least():
    model = BaselineClassifier().fit(np.zeros((5, 2)), SEVERAL)
    loss = model.criterion(model(np.zeros((5, 2))), SEVERAL)
    (slope,) = tg.autograd.grad(loss, [model.linear_.bias])
    np.testing.assert_allclose(slope.numpy(), 0, atol=1e-12)
