"""Many classes, or several labels, by classifiers of two classes: against the rest, in pairs, one after the other."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import (
    BinaryChain,
    ClassifierChain,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    OneVsOne,
    OneVsRest,
    Perceptron,
)
from tinygrad_ml.testing import gradcheck

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
from sklearn import multiclass, multioutput
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

IRIS, SPECIES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
X, Y = make_multilabel_classification(120, 6, n_classes=4, random_state=0)
X = X.astype(float)
WEIGHT = np.random.default_rng(0).uniform(0.2, 3, 150)
EXACT = Theirs(solver="newton-cholesky", tol=1e-12, max_iter=1000)
QUICK = {"learning_rate": 0.05, "max_iter": 30, "tol": 0, "random_state": 0}
OURS = LogisticRegression(tol=1e-10)
OF_CLASSES = [OneVsRest(), OneVsOne(), BinaryChain()]
MODELS = [*OF_CLASSES, ClassifierChain()]


def data_for(model):
    return (X, Y) if isinstance(model, ClassifierChain) else (IRIS, SPECIES)


# ---------------------------------------------------------------------- beside scikit-learn


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_one_vs_one_is_scikit_learns(weight):
    ours, theirs = OneVsOne(OURS).fit(IRIS, NAMES, weight), multiclass.OneVsOneClassifier(EXACT)
    if weight is None:
        theirs.fit(IRIS, NAMES)
    else:  # its fit takes no weights
        pairs = [(0, 1), (0, 2), (1, 2)]
        for each, pair in zip(ours.estimators_, pairs):
            rows = np.isin(SPECIES, pair)
            alone = clone(EXACT).fit(IRIS[rows], SPECIES[rows], weight[rows])
            np.testing.assert_allclose(each.coef_, alone.coef_, rtol=0, atol=1e-6)
        return
    np.testing.assert_allclose(ours.decision_function(IRIS), theirs.decision_function(IRIS), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(IRIS), theirs.predict(IRIS))
    coef = np.concatenate([each.coef_ for each in theirs.estimators_])
    np.testing.assert_allclose(ours.coef_, coef, rtol=0, atol=1e-6)


def test_one_vs_rest_is_scikit_learns():
    ours, theirs = OneVsRest(OURS).fit(IRIS, NAMES), multiclass.OneVsRestClassifier(EXACT).fit(IRIS, NAMES)
    np.testing.assert_allclose(ours.predict_proba(IRIS), theirs.predict_proba(IRIS), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(IRIS), theirs.predict(IRIS))
    ours, theirs = OneVsRest(OURS).fit(X, Y), multiclass.OneVsRestClassifier(EXACT).fit(X, Y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("order", [None, [2, 0, 3, 1]])
@pytest.mark.parametrize("weight", [None, np.arange(120) % 4], ids=["", "weighted"])
def test_classifier_chain_is_scikit_learns(method, order, weight):
    ours = ClassifierChain(OURS, order=order, chain_method=method).fit(X, Y, weight)
    theirs = multioutput.ClassifierChain(EXACT, order=order, chain_method=method)
    theirs.fit(*(np.repeat(part, 1 if weight is None else weight, axis=0) for part in (X, Y)))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.order_, theirs.order_)
    for one, other in zip(ours.estimators_, theirs.estimators_):
        np.testing.assert_allclose(one.coef_, other.coef_, rtol=0, atol=1e-6)
    assert ours.score(X, Y) == theirs.score(X, Y)


def test_the_chain_of_binary_problems_is_two_fits():
    """C against A and B, then A against B."""
    is_c = clone(EXACT).fit(IRIS, SPECIES == 2)
    rest = SPECIES != 2
    is_b = clone(EXACT).fit(IRIS[rest], SPECIES[rest] == 1)
    chain = BinaryChain(OURS).fit(IRIS, NAMES)
    np.testing.assert_allclose(chain.coef_, np.concatenate([is_c.coef_, is_b.coef_]), rtol=0, atol=1e-6)
    c, b = is_c.predict_proba(IRIS)[:, 1], is_b.predict_proba(IRIS)[:, 1]
    expected = np.stack([(1 - c) * (1 - b), (1 - c) * b, c], axis=1)
    np.testing.assert_allclose(chain.predict_proba(IRIS), expected, rtol=0, atol=1e-6)
    one_after_the_other = np.where(is_c.predict(IRIS), 2, is_b.predict(IRIS).astype(int))
    np.testing.assert_array_equal(chain.predict(IRIS), chain.classes_[one_after_the_other])


def test_the_order_of_the_chain_is_that_of_the_questions():
    order = ["versicolor", "setosa", "virginica"]
    chain = BinaryChain(OURS, order=order).fit(IRIS, NAMES)
    assert chain.order_.tolist() == order
    first = clone(EXACT).fit(IRIS, SPECIES == 1)
    second = clone(EXACT).fit(IRIS[SPECIES != 1], SPECIES[SPECIES != 1] == 0)
    np.testing.assert_allclose(chain.coef_, np.concatenate([first.coef_, second.coef_]), rtol=0, atol=1e-6)
    chances = chain.predict_proba(IRIS)
    np.testing.assert_allclose(chances[:, 1], first.predict_proba(IRIS)[:, 1], rtol=0, atol=1e-6)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    two = BinaryChain(OURS, order=["versicolor", "setosa"]).fit(IRIS[:100], NAMES[:100])
    plain = clone(OURS).fit(IRIS[:100], NAMES[:100])
    np.testing.assert_allclose(two.predict_proba(IRIS), plain.predict_proba(IRIS), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(two.predict(IRIS), plain.predict(IRIS))


def test_the_loss_of_the_chain_is_that_of_all_its_questions():
    chain = BinaryChain().fit(IRIS, SPECIES)
    total = 0.0
    for i, estimator in enumerate(chain.estimators_):
        features, truth, _ = chain.question(i, IRIS, SPECIES)
        total += estimator.criterion(estimator(tg.tensor(features)), truth).item() * len(truth)
    assert chain.criterion(chain(tg.tensor(IRIS)), SPECIES).item() * 150 == pytest.approx(total, rel=1e-12)


def test_labels_that_depend_on_each_other_are_learned_by_a_chain():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    first, second = x[:, 0] > 0, x[:, 1] > 0
    labels = np.column_stack([first, second, first & second])  # of which x alone knows less
    chain = ClassifierChain(LogisticRegression(C=100.0)).fit(x, labels)
    assert chain.score(x, labels) > LogisticRegression(C=100.0).fit(x, labels).score(x, labels) + 0.03


# ---------------------------------------------------------------------- what they share


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_frames_bring_no_warning(model):
    pd = pytest.importorskip("pandas")
    features, target = data_for(model)
    frame = pd.DataFrame(features).add_prefix("x")
    for n in (100, len(features)):  # two classes, and all
        fitted = clone(model).fit(frame[:n], target[:n])
        np.testing.assert_array_equal(
            fitted.predict(frame), clone(model).fit(features[:n], target[:n]).predict(features)
        )
        fitted.score(frame, target)
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(frame.rename(columns={"x0": "y"}))


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("built", [True, False], ids=["built", "fitted"])
def test_the_gradient_of_the_loss(model, built):
    features, target = data_for(model)
    rows = np.arange(0, 120, 13)
    x, y = features[rows] + 0.05, target[rows]
    model = clone(model).build(x.shape[1], 4 if y.ndim == 2 else 3) if built else clone(model).fit(features, target)
    for weight in ((), (WEIGHT[rows],)):
        assert gradcheck(lambda x, weight=weight: model.criterion(model(x), y, *weight), x, params=model)


def test_the_gradient_through_what_a_chain_passes_on():
    chain = ClassifierChain(chain_method="predict_proba").fit(X, Y)
    assert gradcheck(lambda x: chain.criterion(chain(x), Y[:5]), X[:5], params=chain)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_they_are_drawn(model):
    features, target = data_for(model)
    assert "LogisticRegression" in str(tg.draw(clone(model).fit(features, target), features))


@pytest.mark.parametrize("model", OF_CLASSES, ids=repr)
@pytest.mark.parametrize("estimator", [MLPClassifier((8,), **QUICK), Perceptron(max_iter=30)])
@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_other_estimators(model, estimator):
    model = clone(model).set_params(estimator=estimator).fit(IRIS, NAMES)
    assert model.score(IRIS, NAMES) > 0.6
    assert hasattr(model, "predict_proba") == (hasattr(estimator, "predict_proba") and type(model) is not OneVsOne)
    np.testing.assert_array_equal(model.classes_[model.decision_function(IRIS).argmax(axis=1)], model.predict(IRIS))
    chain = ClassifierChain(estimator).fit(X, Y)
    assert chain.predict(X).shape == Y.shape


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_a_chain_of_perceptrons_names_the_first_class_that_says_yes():
    chain = BinaryChain(Perceptron(max_iter=30)).fit(IRIS, SPECIES)
    is_c, is_b = chain.estimators_
    np.testing.assert_array_equal(chain.predict(IRIS), np.where(is_c.predict(IRIS), 2, is_b.predict(IRIS)))
    with pytest.raises(AttributeError, match=r"BinaryChain has no predict_proba, because Perceptron\(max_iter=30\)"):
        chain.predict_proba(IRIS)


@pytest.mark.parametrize("model", OF_CLASSES, ids=repr)
def test_thresholds_of_the_estimator_count(model):
    two, y = IRIS[50:], NAMES[50:]
    sure = clone(model).set_params(estimator=LogisticRegression(threshold=0.99)).fit(two, y)
    np.testing.assert_array_equal(sure.predict(two), LogisticRegression(threshold=0.99).fit(two, y).predict(two))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_the_ends_of_the_thresholds(threshold):
    chain = ClassifierChain(LogisticRegression(threshold=threshold)).fit(X, Y)
    assert (chain.predict(X) == 1 - threshold).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_learning_in_parts(model):
    features, target = data_for(model)
    model = clone(model).set_params(estimator=LogisticRegression(learning_rate=0.05, random_state=0))
    told = {} if target.ndim == 2 else {"classes": [0, 1, 2]}
    model.partial_fit(features[:10], target[:10], **told)  # a single class of them
    for _ in range(40):
        model.partial_fit(features, target)
    assert model.score(features, target) > (0.9 if target.ndim == 1 else 0.3)


def test_a_label_that_was_the_same_everywhere_can_be_learned_later():
    y = Y.copy()
    y[:, 2] = 0
    chain = ClassifierChain().fit(X, y)
    assert not chain.predict(X)[:, 2].any()
    np.testing.assert_allclose(chain.predict_proba(X)[:, 2], 1 / 122)
    for _ in range(30):
        chain.partial_fit(X, Y)
    assert chain.predict(X)[:, 2].any()


@pytest.mark.parametrize("model", [OneVsRest(), ClassifierChain()], ids=repr)
@pytest.mark.parametrize("value", [0, 1])
def test_labels_that_are_the_same_everywhere(model, value):
    y = Y.copy()
    y[:, 1] = value
    model = clone(model).fit(X, y)
    assert (model.predict(X)[:, 1] == value).all()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], (1 + 120 * value) / 122)
    words = np.where(y, "yes", "no")
    assert (clone(model).fit(X, words).predict(X)[:, 1] == ("yes" if value else "no")).all()


@pytest.mark.parametrize("model", [OneVsRest(), ClassifierChain()], ids=repr)
def test_labels_that_are_words(model):
    words = np.column_stack([np.where(Y[:, 0], "large", "small"), np.where(Y[:, 1], "odd", "even")])
    model = clone(model).fit(X, words)
    assert set(model.predict(X)[:, 0]) == {"large", "small"}
    assert model.score(X, words) == (model.predict(X) == words).all(axis=1).mean()


def test_a_single_label_in_a_column():
    chain = ClassifierChain().fit(X, Y[:, :1])
    alone = LogisticRegression().fit(X, Y[:, 0])
    for method in ("predict", "predict_proba", "decision_function"):
        assert getattr(chain, method)(X).shape == (120, 1)
    np.testing.assert_array_equal(chain.predict(X)[:, 0], alone.predict(X))
    np.testing.assert_array_equal(ClassifierChain().fit(X, Y[:, 0]).predict(X), alone.predict(X))


def test_validation_data_are_asked_the_same_questions():
    inner = LogisticRegression(solver="sgd", learning_rate=0.05, max_iter=30, tol=0, random_state=0)
    for kind in (OneVsRest, OneVsOne, BinaryChain):
        model = kind(inner).fit(IRIS[::2], NAMES[::2], validation=(IRIS[1::2], NAMES[1::2]), metrics=["accuracy"])
        for i, estimator in enumerate(model.estimators_):
            features, truth, _ = model.question(i, IRIS[1::2], SPECIES[1::2])
            assert estimator.history_["validation_accuracy"][-1] == pytest.approx(estimator.score(features, truth))
    none_of_them = IRIS[:10], NAMES[:10]
    OneVsOne(inner).fit(IRIS, NAMES, validation=none_of_them)


def test_random_orders_follow_the_seed():
    first, again = (ClassifierChain(order="random", random_state=3).fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(first.order_, again.order_)
    assert sorted(first.order_.tolist()) == [0, 1, 2, 3]
    np.testing.assert_array_equal(first.decision_function(X), again.decision_function(X))


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_searches_and_cross_validation(model):
    features, target = data_for(model)
    assert cross_val_score(model, features, target, scoring="f1_macro", cv=3).min() > 0.4
    predicted = cross_val_predict(model, features, target, cv=3, method="decision_function")
    assert predicted.shape == (len(features), 3 if target.ndim == 1 else 4)
    search = GridSearchCV(model, {"estimator__C": [1e-5, 1.0]}, scoring="f1_macro", cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = search.set_params(estimator=clone(model).set_params(estimator=LogisticRegression()))
        assert search.fit(features, target).best_params_["estimator__C"] == 1.0


def test_class_weights_are_those_of_the_estimator():
    chain = BinaryChain(LogisticRegression(class_weight="balanced", tol=1e-10)).fit(IRIS, SPECIES)
    alone = clone(EXACT).set_params(class_weight="balanced").fit(IRIS, SPECIES == 2)
    np.testing.assert_allclose(chain.coef_[:1], alone.coef_, rtol=0, atol=1e-6)


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_estimators_that_are_none(model):
    features, target = data_for(model)
    kind = type(model).__name__
    with pytest.raises(TypeError, match=f"{kind}: the estimator must be a classifier of tinygrad_ml.models, not L"):
        clone(model).set_params(estimator=LinearRegression()).fit(features, target)
    with pytest.raises(TypeError, match="pass an instance"):
        clone(model).set_params(estimator=LogisticRegression).fit(features, target)
    with pytest.raises(ValueError, match=f"{kind}: sample_weight cannot be used, because the estimator Perceptron"):
        clone(model).set_params(estimator=Perceptron()).fit(features, target, WEIGHT[: len(features)])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (BinaryChain(order="random"), "must be a sequence of all classes"),
        (BinaryChain(order=[0, 1]), r"order=\[0, 1\] must name each of the classes \[0, 1, 2\] once"),
        (BinaryChain(order=[0, 1, 1]), "must name each of the classes"),
        (ClassifierChain(order="first"), "must be a sequence of the numbers of all labels, 'random', or None"),
        (ClassifierChain(order=[0, 1, 2]), "must hold each of the numbers 0 to 3 of the 4 labels once"),
        (ClassifierChain(order=[0, 1, 2, 4]), "must hold each of the numbers"),
        (ClassifierChain(chain_method="vote"), "must be one of"),
    ],
)
def test_orders_that_are_none(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*data_for(model))


def test_targets_that_cannot_be_used():
    with pytest.raises(ValueError, match="has 3 classes; use SoftmaxRegression or OneVsRest"):
        ClassifierChain().fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"y of \(samples, labels\) must have two classes in each column"):
        ClassifierChain().fit(IRIS, np.column_stack([SPECIES, SPECIES]))
    for model in (OneVsOne(), BinaryChain()):
        with pytest.raises(ValueError, match="use LogisticRegression or MLPClassifier"):
            model.fit(X, Y)
        with pytest.raises(ValueError, match="only one class"):
            model.fit(X, np.zeros(120))
    with pytest.raises(AttributeError, match="votes are no probabilities; SoftmaxRegression and OneVsRest have some"):
        OneVsOne().fit(IRIS, SPECIES).predict_proba(IRIS)
