"""Several labels of each sample: y of (samples, labels), as scikit-learn has it, in the models that take it."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import (
    ConvNet,
    LogisticRegression,
    MLPClassifier,
    Perceptron,
    SoftmaxRegression,
)
from tinygrad_ml.testing import gradcheck

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier as TheirMLP

X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
X = X.astype(float)
WEIGHT = np.random.default_rng(0).uniform(0.2, 3, len(X))
SMALL = {"learning_rate": 0.02, "max_iter": 30, "tol": 0, "random_state": 0}
NETWORKS = [MLPClassifier((8,), **SMALL), ConvNet((2,), hidden_layer_sizes=(8,), **SMALL)]
MODELS = [LogisticRegression(), *NETWORKS]
CLASS_WEIGHTS = [None, "balanced", {0: 1.0, 1: 4.0}]


def coefficients(Y, weight=None, **options):
    """Those of scikit-learn, which fits a model for each label."""
    each = [Theirs(solver="newton-cholesky", tol=1e-12, max_iter=1000, **options).fit(X, y, weight) for y in Y.T]
    return np.concatenate([m.coef_ for m in each]), np.concatenate([m.intercept_ for m in each])


@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS, ids=str)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_logistic_regression_is_a_model_for_each_label(class_weight, weight):
    model = LogisticRegression(C=0.3, class_weight=class_weight).fit(X, Y, weight)
    coef, intercept = coefficients(Y, weight, C=0.3, class_weight=class_weight)
    np.testing.assert_allclose(model.coef_, coef, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=0, atol=1e-6)
    theirs = MultiOutputClassifier(Theirs(C=0.3, class_weight=class_weight, tol=1e-10, max_iter=5000))
    theirs.fit(X, Y, sample_weight=weight)
    chances = np.stack([each[:, 1] for each in theirs.predict_proba(X)], axis=1)
    np.testing.assert_allclose(model.predict_proba(X), chances, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), theirs.predict(X))
    assert model.score(X, Y) == pytest.approx(theirs.score(X, Y))


@pytest.mark.parametrize("penalty", ["l2", "l1", None])
@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adagrad", "adam"])
def test_all_solvers_reach_the_optimum_of_each_label(solver, penalty):
    if (solver, penalty) == ("lbfgs", "l1"):
        return  # lbfgs has no L1
    options = {"C": 0.3, "penalty": penalty, "class_weight": "balanced", "max_iter": 5000, "random_state": 0}
    together = LogisticRegression(solver=solver, **options).fit(X, Y)
    for j, y in enumerate(Y.T):
        alone = LogisticRegression(solver="newton", **options).fit(X, y)
        np.testing.assert_allclose(together.coef_[j], alone.coef_[0], rtol=0, atol=2e-4)
        np.testing.assert_allclose(together.intercept_[j], alone.intercept_[0], rtol=0, atol=3e-3)
        assert penalty != "l1" or ((together.coef_[j] == 0) == (alone.coef_[0] == 0)).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("dtype", [int, bool, float, np.int8, str])
def test_predictions_have_the_shape_and_the_dtype_of_y(model, dtype):
    y = Y.astype(dtype)
    model = clone(model).fit(X, y)
    for method in ("predict", "predict_proba", "decision_function"):
        assert getattr(model, method)(X[:7]).shape == (7, 3)
    assert model.predict(X).dtype == y.dtype
    np.testing.assert_array_equal(model.classes_, range(3) if dtype is not str else [["0", "1"]] * 3)
    np.testing.assert_array_equal(model.predict(X) == np.array(1).astype(dtype), model.predict_proba(X) > 0.5)
    assert 0.3 < model.score(X, y) <= 1


def test_probabilities_have_the_shape_of_scikit_learns_network():
    theirs = TheirMLP((4,), max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(X, Y)
    ours = MLPClassifier((4,), **SMALL).fit(X, Y)
    assert ours.predict_proba(X).shape == theirs.predict_proba(X).shape
    assert ours.predict(X).dtype == theirs.predict(X).dtype


def test_labels_that_are_words():
    words = np.column_stack([np.where(Y[:, 0], "large", "small"), np.where(Y[:, 1], "odd", "even")])
    model = LogisticRegression(class_weight={"odd": 2.0}).fit(X, words.tolist())
    assert [each.tolist() for each in model.classes_] == [["large", "small"], ["even", "odd"]]
    coef, _ = coefficients(np.column_stack([1 - Y[:, 0]]))
    np.testing.assert_allclose(model.coef_[:1], coef, rtol=0, atol=1e-6)
    coef, _ = coefficients(Y[:, 1:2], class_weight={1: 2.0})
    np.testing.assert_allclose(model.coef_[1:], coef, rtol=0, atol=1e-6)
    assert set(np.unique(model.predict(X))) <= {"large", "small", "odd", "even"}
    assert model.score(X, words) == (model.predict(X) == words).all(axis=1).mean()


def test_columns_of_several_kinds_come_back_as_they_are():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"size": np.where(Y[:, 0], "large", "small"), "odd": Y[:, 1], "prime": Y[:, 2] == 1})
    predicted = (
        LogisticRegression().fit(pd.DataFrame(X).add_prefix("x"), frame).predict(pd.DataFrame(X).add_prefix("x"))
    )
    assert {type(value) for value in predicted[0]} == {str, int, bool}


def test_a_list_of_class_weights_has_one_for_each_label():
    model = LogisticRegression(class_weight=["balanced", None, {1: 3.0}]).fit(X, Y)
    for j, class_weight in enumerate(model.class_weight):
        alone = LogisticRegression(class_weight=class_weight).fit(X, Y[:, j])
        np.testing.assert_allclose(model.coef_[j], alone.coef_[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "adam"])
@pytest.mark.parametrize("value", [0, 1])
def test_a_label_that_is_the_same_everywhere_has_the_probability_of_the_rule_of_succession(solver, value):
    y = Y.copy()
    y[:, 1] = value
    model = LogisticRegression(solver=solver, random_state=0, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(model.coef_[1], 0, atol=1e-4)
    ends = 1 / (len(X) + 2)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 - ends if value else ends, rtol=0.05)
    others = LogisticRegression(solver="newton").fit(X, Y[:, [0, 2]])
    np.testing.assert_allclose(model.coef_[[0, 2]], others.coef_, atol=2e-4)
    assert (model.predict(X)[:, 1] == value).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_a_label_that_is_the_same_everywhere_is_predicted_so(model, penalty):
    y = Y.copy()
    y[:, 1] = 0
    model = clone(model).set_params(penalty=penalty).fit(X, y)
    assert not model.predict(X)[:, 1].any()
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_plane_that_separates_one_of_the_labels_is_named():
    y = np.column_stack([Y[:, 0], X[:, 0] > np.median(X[:, 0])])
    with pytest.warns(UserWarning, match="a plane separates the classes of label 1"):
        LogisticRegression(penalty=None, solver="newton", max_iter=100).fit(X, y)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_column_is_one_label_for_each_sample(model):
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        model = clone(model).fit(X, Y[:, :1])
    assert model.predict(X).shape == (120,)
    assert model.predict_proba(X).shape == (120, 2)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_gradient_of_the_loss(model):
    model = clone(model).build(6, 3)
    weight = np.random.default_rng(1).uniform(size=(4, 3))
    for given in ((), (weight[:, 0],), (weight,)):
        assert gradcheck(lambda x, given=given: model.criterion(model(x), Y[:4], *given), X[:4] / 5, params=model)


@pytest.mark.parametrize(
    "weight", [None, WEIGHT[:9], np.ones((9, 3)) * WEIGHT[:9, None]], ids=["", "samples", "labels"]
)
def test_the_loss_of_a_sample_is_the_sum_over_its_labels(weight):
    logits = tg.randn(9, 3, dtype=np.float64)
    each = tg.nn.functional.binary_cross_entropy_with_logits(logits, Y[:9].astype(float), reduction="none").numpy()
    expected = each.sum(axis=1) * (1 if weight is None else WEIGHT[:9])
    loss = LogisticRegression().criterion(logits, Y[:9], *(() if weight is None else (weight,)))
    assert loss.item() == pytest.approx(expected.mean(), rel=1e-12)


def test_networks_that_are_compiled_learn_the_same():
    callbacks = [lambda run: None]  # with one, the steps are compiled, too
    y = Y.copy()
    plain = MLPClassifier((4,), max_iter=2, tol=0, batch_size=8, random_state=0).fit(X, y)
    long = MLPClassifier((4,), max_iter=40, tol=0, batch_size=8, random_state=0, callbacks=callbacks)
    history = long.fit(X, y).history_
    np.testing.assert_allclose(history["loss"][:2], plain.history_["loss"], rtol=1e-12)


def test_learning_in_parts():
    model = MLPClassifier((8,), random_state=0)
    model.partial_fit(X[:40], np.zeros((40, 3), int))  # zeros and ones need not all be there at once
    for _ in range(3):
        model.partial_fit(X, Y)
    assert model.predict(X).shape == Y.shape
    words = np.where(Y, "yes", "no")
    told = [["no", "yes"]] * 3
    assert LogisticRegression().partial_fit(X[:2], words[:2], classes=told).predict(X).shape == Y.shape
    with pytest.raises(ValueError, match="y has 2 labels, but it was fitted with 3"):
        model.partial_fit(X, Y[:, :2])
    with pytest.raises(ValueError, match=r"one class for each sample.*fitted with several labels"):
        model.partial_fit(X, Y[:, 0])
    with pytest.raises(ValueError, match=r"several labels.*fitted with one class"):
        LogisticRegression(solver="sgd").partial_fit(X, Y[:, 0], classes=[0, 1]).partial_fit(X, Y)
    with pytest.raises(ValueError, match="column 0 of y has the label 'maybe'"):
        LogisticRegression().partial_fit(X[:1], [["maybe", "no", "no"]], classes=told)


def test_warm_starts_go_on_and_may_not_change_the_labels():
    model = MLPClassifier((8,), **SMALL, warm_start=True).fit(X, Y)
    first, last = model.history_["loss"][0], model.history_["loss"][-1]
    assert model.fit(X, Y).history_["loss"][0] < (first + last) / 2
    with pytest.raises(ValueError, match="fitted with 3"):
        model.fit(X, Y[:, :2])


@pytest.mark.parametrize("model", [LogisticRegression(solver="adam"), MLPClassifier((8,), max_iter=20)], ids=repr)
def test_early_stopping_and_metrics_on_validation_data(model):
    model = clone(model).set_params(early_stopping=True, random_state=0, n_iter_no_change=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:90], Y[:90], validation=(X[90:], Y[90:]), metrics=["f1", "accuracy", "hamming_loss", "roc_auc"])
    assert len(model.history_["validation_f1"]) == len(model.history_["validation_loss"])
    row = int(np.argmin(model.history_["validation_loss"]))
    predicted = model.predict(X[90:])
    assert model.history_["validation_f1"][row] == pytest.approx(
        f1_score(Y[90:], predicted, average="macro"), abs=1e-12
    )
    assert model.history_["validation_accuracy"][row] == pytest.approx(model.score(X[90:], Y[90:]))
    assert model.history_["validation_hamming_loss"][row] == pytest.approx((predicted != Y[90:]).mean())


def test_labels_of_which_each_sample_has_one_are_still_labels_to_the_metrics():
    y = np.eye(3, dtype=int)[np.arange(120) % 3]
    model = LogisticRegression().fit(X, y, validation=(X, y), metrics=["accuracy"])
    assert model.history_["validation_accuracy"][-1] == pytest.approx(model.score(X, y))


@pytest.mark.parametrize("model", MODELS[:2], ids=repr)
def test_searches_and_cross_validation(model):
    scores = cross_val_score(model, X, Y, scoring="f1_macro", cv=3)
    assert scores.min() > 0.4
    assert cross_val_predict(model, X, Y, cv=3, method="predict_proba").shape == Y.shape
    grid = {"alpha": [1e-4, 10.0]} if "alpha" in model.get_params() else {"C": [1e-4, 1.0]}
    search = GridSearchCV(model, grid, scoring="f1_macro", cv=3).fit(X, Y)
    assert search.best_params_ == ({"alpha": 1e-4} if "alpha" in grid else {"C": 1.0})
    assert search.predict(X).shape == Y.shape


def test_frames():
    pd = pytest.importorskip("pandas")
    x, y = pd.DataFrame(X, columns=list("abcdef")), pd.DataFrame(Y, columns=["large", "odd", "prime"])
    model = LogisticRegression().fit(x, y)  # a warning would be an error
    np.testing.assert_array_equal(model.predict(x), LogisticRegression().fit(X, Y).predict(X))
    assert model.score(x, y) == LogisticRegression().fit(X, Y).score(X, Y)


WRONG = {
    "several classes": (
        Y + (np.arange(120) % 3)[:, None],
        "column 0 has [45]: 0, 1, 2, ...; for several classes in a column use",
    ),
    "three axes": (Y[:, :, None], r"\(samples,\), got an array of shape \(120, 3, 1\)"),
    "too short": (Y[:60], "X has 120, y 60"),
    "fractions": (Y + 0.5, "Unknown label type: continuous"),
    "missing": (np.where(Y, np.nan, 0.0), "column 0 of y contains NaN"),
    "lists of labels": ([[1, 2], [1]] * 60, "MultiLabelBinarizer makes one of lists of labels"),
    "mixed": (np.array([[0, "a"]] * 60 + [["b", 1]] * 60, object), "column 0 of y has int and str among its labels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_targets_that_are_no_labels(name):
    y, message = WRONG[name]
    for model in (LogisticRegression(), MLPClassifier((4,))):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)


@pytest.mark.parametrize("class_weight", [{2: 1.0}, {0: -1.0}, "even", [None], {0: 0.0, 1: 0.0}], ids=repr)
def test_class_weights_that_are_none(class_weight):
    with pytest.raises(ValueError, match="class_weight"):
        LogisticRegression(class_weight=class_weight).fit(X, Y)


@pytest.mark.parametrize("model", [SoftmaxRegression(), Perceptron()], ids=repr)
def test_other_classifiers_say_who_takes_labels(model):
    with pytest.raises(ValueError, match="use LogisticRegression or MLPClassifier"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match=r"use y.argmax\(axis=1\)"):
        model.fit(X, np.eye(3)[np.arange(120) % 3])


def test_a_score_needs_all_labels():
    with pytest.raises(ValueError, match=r"y has shape \(120, 2\), and the predictions \(120, 3\)"):
        LogisticRegression().fit(X, Y).score(X, Y[:, :2])
    weight = np.arange(120.0)
    model = LogisticRegression().fit(X, Y)
    expected = accuracy_score(Y, model.predict(X), sample_weight=weight)
    assert model.score(X, Y, weight) == pytest.approx(expected)


def test_a_loss_of_the_users():
    smooth = tg.nn.BCEWithLogitsLoss(reduction="none")
    model = MLPClassifier((8,), **SMALL, loss=smooth, class_weight="balanced").fit(X, Y, WEIGHT)
    assert model.score(X, Y) > 0.3
    summed = MLPClassifier((8,), **SMALL, loss=lambda z, y: smooth(z, y).sum(axis=1), class_weight="balanced")
    with pytest.raises(ValueError, match="return the loss of each label"):
        summed.fit(X, Y)
    assert (
        LogisticRegression(threshold=0.9).fit(X, Y).predict(X).sum() < LogisticRegression().fit(X, Y).predict(X).sum()
    )
