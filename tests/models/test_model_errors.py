"""Bad data and bad hyperparameters get an error that names the model, what it got, and what it needs."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import (
    ConvNet,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    PolynomialRegression,
    SoftmaxRegression,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4))
CLASSES = np.arange(20) % 2
NUMBERS = X @ [1.0, 2.0, 0.0, -1.0]

MODELS = [
    LinearRegression,
    PolynomialRegression,
    LogisticRegression,
    SoftmaxRegression,
    Perceptron,
    OneVsRest,
    MLPClassifier,
    MLPRegressor,
    ConvNet,
]
CLASSIFIERS = [Model for Model in MODELS if Model.kind == "classifier"]
REGRESSORS = [Model for Model in MODELS if Model.kind == "regressor"]
every_model = pytest.mark.parametrize("Model", MODELS)


def target_for(Model):
    return CLASSES if Model.kind == "classifier" else NUMBERS


def with_entry(value, array=X, at=7):
    changed = np.array(array, float)
    changed.flat[at] = value
    return changed


# ---------------------------------------------------------------------- X

BAD_X = {
    "NaN": (
        with_entry(np.nan),
        ValueError,
        "X contains NaN or infinity .1 entries, the first is NaN at row 1, column 3",
    ),
    "infinity": (with_entry(-np.inf), ValueError, "the first is infinity at row 1, column 3"),
    "strings": (np.full((20, 4), "high"), ValueError, "X must hold numbers: .*'high'"),
    "numbers as strings": (X.astype(str), ValueError, "X must hold numbers: .* as strings; use X.astype.float."),
    "decimal commas": (
        np.full((20, 4), "141,9"),
        ValueError,
        "'141,9'.*; this is a number with a decimal comma: pandas",
    ),
    "dates": (np.zeros((20, 4), "datetime64[D]"), TypeError, "X must hold numbers, not datetime64"),
    "objects": (np.full((20, 4), {}), TypeError, "X must hold numbers: .*'dict'"),
    "a missing object": (np.array([[1, None]] * 20, object), (TypeError, ValueError), "X"),
    "1-d": (X[:, 0], ValueError, r"got shape \(20,\). Reshape your data: X.reshape\(-1, 1\)"),
    "0-d": (np.float64(3), ValueError, r"got shape \(\)"),
    "5-d": (np.zeros((20, 1, 1, 2, 2)), ValueError, r"got shape \(20, 1, 1, 2, 2\). Reshape your data"),
    "None": (None, ValueError, "expected a 2-d"),
    "a path": ("table.csv", TypeError, "X is a str; read the file first, for example with pandas.read_csv"),
    "no samples": (X[:0], ValueError, r"0 sample\(s\) \(shape=\(0, 4\)\) while a minimum of 1 is required"),
    "no features": (X[:, :0], ValueError, r"0 feature\(s\) \(shape=\(20, 0\)\)"),
    "complex": (X + 1j, ValueError, "Complex data not supported: .*complex128"),
    "rows of several lengths": ([[1.0, 2.0], [3.0]] * 10, ValueError, "X is not a table of numbers"),
}


@every_model
@pytest.mark.parametrize(("bad", "kind", "message"), BAD_X.values(), ids=BAD_X)
def test_data_that_cannot_be_used(Model, bad, kind, message):
    with pytest.raises(kind, match=message) as raised:
        Model().fit(bad, target_for(Model))
    assert Model.__name__ in str(raised.value)
    model = LinearRegression().fit(X, NUMBERS)
    with pytest.raises(kind, match=message):
        model.predict(bad)


@pytest.mark.parametrize(
    ("Model", "reason"),
    [
        (ConvNet, "a convolution needs all pixels"),
        (PolynomialRegression, "the products of its features would make it dense"),
        (tg.models.LocallyWeightedRegression, "the distances between samples"),
        (tg.models.EmbeddingClassifier, "it looks up the category in each cell; MLPClassifier"),
        (tg.models.EmbeddingRegressor, "it looks up the category in each cell; MLPRegressor"),
        (lambda: OneVsRest(ConvNet()), "a convolution needs all pixels"),
    ],
)
@pytest.mark.parametrize("kind", ["csr_matrix", "csc_array", "coo_array"])
def test_sparse_matrices_are_refused_with_a_reason_where_they_have_no_meaning(Model, reason, kind):
    sparse = pytest.importorskip("scipy.sparse")
    model = Model()
    with pytest.raises(TypeError, match=rf"{type(model).__name__}: X is a sparse matrix, and {reason}.*: X.toarray"):
        model.fit(getattr(sparse, kind)(X), CLASSES)


BAD_SPARSE = {
    "NaN": (with_entry(np.nan), ValueError, "1 entries, the first is NaN at row 1, column 3"),
    "complex": (X + 1j, ValueError, "Complex data not supported: .*complex128"),
    "no samples": (X[:0], ValueError, r"0 sample\(s\) \(shape=\(0, 4\)\)"),
    "features": (X[:, :3], ValueError, "X has 3 features, but .* is expecting 4 features"),
}


@pytest.mark.parametrize(("bad", "kind", "message"), BAD_SPARSE.values(), ids=BAD_SPARSE)
def test_sparse_data_that_cannot_be_used(bad, kind, message):
    sparse = pytest.importorskip("scipy.sparse")
    model = LinearRegression().fit(sparse.csr_array(X), NUMBERS)
    with pytest.raises(kind, match=message):
        model.predict(sparse.csr_array(bad))


def test_a_sparse_array_of_one_axis_is_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match=r"a 2-d sparse matrix .*got shape \(20,\)\. Reshape your data"):
        LinearRegression().fit(sparse.coo_array(NUMBERS), NUMBERS)


@every_model
def test_masked_arrays(Model):
    X_, y = np.ma.masked_less(X, 0), np.ma.array(target_for(Model), mask=NUMBERS > 1)
    with pytest.raises(TypeError, match=rf"{Model.__name__}: X is a masked array, .*X.filled\(np.nan\)"):
        Model().fit(X_, target_for(Model))
    with pytest.raises(TypeError, match=rf"{Model.__name__}: y is a masked array"):
        Model().fit(X, y)


@pytest.mark.parametrize("Model", [Model for Model in MODELS if Model is not ConvNet])
def test_images_are_for_convolutional_networks(Model):
    with pytest.raises(ValueError, match=rf"{Model.__name__}: expected a 2-d array .* X.reshape\(len\(X\), -1\)"):
        Model().fit(X.reshape(20, 2, 2), target_for(Model))


@every_model
def test_another_number_of_features(Model):
    model = Model().fit(X, target_for(Model))
    for method in {model.predict, getattr(model, "decision_function", model.predict)}:
        with pytest.raises(
            ValueError, match=f"X has 3 features, but {Model.__name__} is expecting 4 features as input"
        ):
            method(X[:, :3])
    if hasattr(model, "partial_fit"):
        with pytest.raises(ValueError, match="X has 3 features"):
            model.partial_fit(X[:, :3], target_for(Model))


def test_frames_with_other_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = LinearRegression().fit(frame, NUMBERS)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match=r"should match(.|\n)*unseen at fit time:\n- z(.|\n)*now missing:\n- d"):
        model.predict(frame.rename(columns={"d": "z"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame[list("dcba")])
    with pytest.raises(TypeError, match="only supported if all input features have string names"):
        LinearRegression().fit(frame.rename(columns={"d": 4}), NUMBERS)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but LinearRegression was fitted with"):
        model.predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but LinearRegression was fitted without"):
        LinearRegression().fit(X, NUMBERS).predict(frame)
    frame["b"] = ["low", "high"] * 10
    with pytest.raises(ValueError, match=r"LinearRegression: X must hold numbers: .*Encode or drop .*'b'"):
        LinearRegression().fit(frame, NUMBERS)
    frame["b"] = [1.0, np.nan] * 10
    with pytest.raises(ValueError, match=r"first is NaN at row 1, column \d, 'b'\); .*tg.features.Impute fills gaps"):
        LinearRegression().fit(frame, NUMBERS)


def test_images_of_another_shape():
    images, few = rng.normal(size=(20, 2, 8)), {"hidden_layer_sizes": (4,), "max_iter": 2}
    model = ConvNet((2,), **few).fit(images, CLASSES)
    assert model.image_shape_ == (1, 2, 8)
    np.testing.assert_array_equal(model.predict(images.reshape(20, 16)), model.predict(images[:, None]))
    for other in (images.reshape(20, 8, 2), images.reshape(20, 2, 2, 4)):
        with pytest.raises(ValueError, match=r"ConvNet: images of shape .*, but .* is \(1, 2, 8\)"):
            model.predict(other)
    with pytest.raises(ValueError, match=r"ConvNet: images of shape \(2, 8\), but .* is \(1, 4, 4\)"):
        ConvNet((2,), image_shape=(4, 4), **few).fit(images, CLASSES)


# ---------------------------------------------------------------------- y

BAD_Y = {
    "None": (None, ValueError, "requires y to be passed, but the target y is None"),
    "another length": (CLASSES[:5], ValueError, "X has 20, y 5"),
    "0-d": (1.0, ValueError, r"y should be a 1d array .*shape \(\)"),
    "3-d": (np.zeros((20, 1, 1)), ValueError, "y should be a 1d array"),
    "no columns": (np.zeros((20, 0)), ValueError, "y should be a 1d array"),
    "NaN": (with_entry(np.nan, CLASSES), ValueError, "y contains NaN or infinity .*NaN at row 7"),
    "infinity": (with_entry(np.inf, CLASSES), ValueError, "y contains NaN or infinity .*infinity at row 7"),
    "complex": (CLASSES + 1j, ValueError, "Complex data not supported: .* y of dtype complex128"),
    "dicts": (np.full(20, {}), (TypeError, ValueError), "(y must hold numbers|Unknown label type).*dict"),
    "rows of several lengths": ([[1], [1, 2]] * 10, ValueError, "y is not a table of numbers"),
}


@every_model
@pytest.mark.parametrize(("bad", "kind", "message"), BAD_Y.values(), ids=BAD_Y)
def test_targets_that_cannot_be_used(Model, bad, kind, message):
    with pytest.raises(kind, match=message) as raised:
        Model().fit(X, bad)
    assert Model.__name__ in str(raised.value)


@pytest.mark.parametrize("Model", REGRESSORS)
def test_regressors_need_numbers(Model):
    for bad, message in (
        (np.full(20, "a"), "'a'.*for classes there are classifiers"),
        (NUMBERS.astype(str), "y.astype.float."),
    ):
        with pytest.raises(ValueError, match=f"{Model.__name__}: y must hold numbers: .*{message}"):
            Model().fit(X, bad)
    with pytest.raises(ValueError, match="infinity"):  # as float32
        Model().fit(X.astype(np.float32), NUMBERS * 1e300)


@pytest.mark.parametrize("Model", CLASSIFIERS)
def test_classifiers_need_labels_of_two_classes_at_least(Model):
    name = Model.__name__
    for y in (np.zeros(20), np.full(20, "a"), [True] * 20):
        with pytest.raises(
            ValueError, match=f"{name} needs samples of at least 2 classes .*only one class: {y[0]!s}|'a'"
        ):
            Model().fit(X, y)
    with pytest.raises(ValueError, match=f"{name}: Unknown label type: continuous"):
        Model().fit(X, NUMBERS)
    for mixed in (["a", 1] * 10, ["a", None] * 10, [1, None] * 10, ["a", float("nan")] * 10):
        with pytest.raises(ValueError, match=f"{name}: Unknown label type: y has .*must be all strings or all numbers"):
            Model().fit(X, np.array(mixed, object))
    message = r"y of \(samples, labels\) must have two" if Model.multi_label else r"y should be a 1d array .*\(20, 2\)"
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        Model().fit(X, np.column_stack([np.arange(20) % 3, CLASSES]))


@pytest.mark.parametrize("Model", [LogisticRegression, Perceptron])
def test_models_of_two_classes_say_which_ones_take_more(Model):
    with pytest.raises(ValueError, match=f"{Model.__name__}.*multiclass: it has 4 classes; use SoftmaxRegression or"):
        Model().fit(X, np.arange(20) % 4)


def test_classes_of_partial_fit():
    with pytest.raises(ValueError, match=r"only one class: 0 \(partial_fit can be told of all of them by classes="):
        MLPClassifier().partial_fit(X[:1], [0])
    model = MLPClassifier((3,)).partial_fit(X, CLASSES, classes=[0, 1, 2])
    with pytest.raises(
        ValueError, match=r"MLPClassifier: y has the label 6, which is not one of the classes \[0, 1, 2\]"
    ):
        model.partial_fit(X, CLASSES + 6)
    with pytest.raises(ValueError, match="y has the label 'a', which is not"):
        model.partial_fit(X, np.array(["a", "b"])[CLASSES])
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] is not what the first call had, \[0, 1, 2\]"):
        model.partial_fit(X, CLASSES, classes=[0, 1])
    with pytest.raises(ValueError, match="classes has NoneType"):
        MLPClassifier().partial_fit(X, CLASSES, classes=[0, 1, None])


def test_targets_of_another_width():
    for model in (MLPRegressor((3,)), LinearRegression(solver="sgd")):
        model.partial_fit(X, NUMBERS)
        with pytest.raises(ValueError, match=f"{type(model).__name__}: y has 2 columns, but it was fitted with 1"):
            model.partial_fit(X, np.column_stack([NUMBERS, NUMBERS]))
        assert model.predict(X).shape == (20,)


# ---------------------------------------------------------------------- weights

BAD_WEIGHTS = {
    "negative": (with_entry(-2.0, np.ones(20)), "sample_weight has negative entries; the least is -2.0"),
    "all zero": (np.zeros(20), "all entries of sample_weight are zero"),
    "another length": (np.ones(5), r"sample_weight has shape \(5,\), and X has 20 samples"),
    "a column": (np.ones((20, 1)), r"sample_weight has shape \(20, 1\)"),
    "NaN": (with_entry(np.nan, np.ones(20)), "sample_weight contains NaN or infinity"),
    "infinity": (with_entry(np.inf, np.ones(20)), "sample_weight contains NaN or infinity"),
    "strings": (np.full(20, "heavy"), "sample_weight must hold numbers"),
    "complex": (np.full(20, 1j), "Complex data not supported"),
}


@pytest.mark.parametrize("Model", [Model for Model in MODELS if Model is not Perceptron])
@pytest.mark.parametrize(("bad", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_cannot_be_used(Model, bad, message):
    with pytest.raises(ValueError, match=message) as raised:
        Model().fit(X, target_for(Model), bad)
    assert Model.__name__ in str(raised.value)


def test_a_perceptron_takes_no_weights():
    with pytest.raises(TypeError, match="sample_weight"):
        Perceptron().fit(X, CLASSES, sample_weight=np.ones(20))
    with pytest.raises(ValueError, match="OneVsRest: sample_weight cannot be used, because the estimator Perceptron"):
        OneVsRest(Perceptron()).fit(X, CLASSES, sample_weight=np.ones(20))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("blanced", "must be 'balanced' or a dict of weights by class, not 'blanced'"),
        ([1.0, 2.0], "must be 'balanced' or a dict"),
        ({2: 1.0}, r"class_weight has \[2\], which are not among the classes \[0, 1\]"),
        ({0: -1.0}, "class_weight of 0 must be a finite number of at least 0, not -1.0"),
        ({1: float("nan")}, "class_weight of 1 must be a finite number"),
        ({1: "heavy"}, "class_weight of 1 must be a finite number of at least 0, not 'heavy'"),
        ({0: 0.0, 1: 0.0}, "makes the weights of all samples zero"),
    ],
)
def test_class_weights_that_cannot_be_used(class_weight, message):
    for Model in (LogisticRegression, SoftmaxRegression, MLPClassifier, ConvNet):
        with pytest.raises(ValueError, match=f"{Model.__name__}: .*{message}"):
            Model(class_weight=class_weight).fit(X, CLASSES)


def test_a_class_without_weight_is_as_if_it_were_not_there():
    y = np.arange(20) % 3
    weight = (y != 1).astype(float)
    model = SoftmaxRegression().fit(X, y, weight)
    assert model.classes_.tolist() == [0, 2]
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X[y != 1], y[y != 1]).coef_)
    with pytest.raises(ValueError, match="only one class: 1"):
        LogisticRegression().fit(X, CLASSES, sample_weight=CLASSES)


def test_a_learning_rate_that_is_too_large():
    for options in ({"learning_rate": 5.0, "tol": 0.0, "max_iter": 2000}, {"learning_rate": 1e3}):
        model = LinearRegression(solver="sgd", random_state=0, **options)
        with pytest.raises(tg.train.Diverged, match="learning rate") as raised:
            model.fit(X, NUMBERS)
        losses = raised.value.history["loss"]
        assert losses[-1] > losses[0]
        assert model.history_ is raised.value.history
    with pytest.raises(tg.train.Diverged):
        MLPClassifier((3,), solver="sgd", learning_rate=1e10, max_iter=50).fit(X, CLASSES)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (
            [[1, 2], [3, 10**400]],
            [1.0, 2.0],
            r"LinearRegression: X has an integer too large .* row 1, column 1",
        ),
        ([[1, -(10**400)], [3, 4]], [1.0, 2.0], r"LinearRegression: X has an integer .* row 0, column 1"),
        ([[1.0], [2.0]], [1, 10**400], r"LinearRegression: y has an integer too large for a float in row 1"),
    ],
)
def test_integers_too_large_for_a_float_are_named_by_model_row_and_column(X, y, message):
    with pytest.raises(ValueError, match=message):
        LinearRegression().fit(X, y)
