"""Data of every kind gives the same model: lists, frames, Tensors, layouts, dtypes; and data at the edge."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.models.cases import BINARY, CLASSES, NUMBERS, X, outputs, target_for
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
from tinygrad_ml.models.estimator import clone

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

FEW = {"max_iter": 4, "batch_size": 16, "random_state": 0}
MODELS = [
    LinearRegression(),
    LinearRegression(solver="sgd", **FEW),
    PolynomialRegression(),
    LogisticRegression(solver="newton"),
    LogisticRegression(solver="lbfgs"),
    SoftmaxRegression(),
    Perceptron(),
    OneVsRest(),
    MLPClassifier((4,), **FEW),
    MLPRegressor((4,), **FEW),
    ConvNet((2,), hidden_layer_sizes=(4,), **FEW),
]
CLASSIFIERS = [model for model in MODELS if model.kind == "classifier"]
every_model = pytest.mark.parametrize("model", MODELS, ids=repr)
every_classifier = pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)


def fit(model, X, y, *weight):
    return clone(model).fit(X, y, *weight)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def requiring_a_gradient(array):
    return tg.tensor(array, requires_grad=array.dtype.kind == "f")


FORMS = {
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple(tuple(row) if np.ndim(row) else row for row in a.tolist()),
    "Tensors": requiring_a_gradient,
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "objects": lambda a: a.astype(object),
    "long double": lambda a: a.astype(np.longdouble) if a.dtype.kind == "f" else a,
}


@every_model
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_form_of_the_data_makes_no_difference(model, form):
    y = target_for(model)
    plain, other = fit(model, X, y), fit(model, form(X), form(y))
    np.testing.assert_allclose(outputs(other, form(X)), outputs(plain), rtol=1e-9, atol=1e-9)
    assert other.score(form(X), form(y)) == pytest.approx(plain.score(X, y), rel=1e-9)


@every_model
def test_frames_of_mixed_columns(model):
    pandas = pytest.importorskip("pandas")
    generator = np.random.default_rng(0)
    columns = {"a": generator.integers(0, 5, 60), "b": generator.random(60) > 0.5, "c": X[:, 0], "d": X[:, 1]}
    frame, y = pandas.DataFrame(columns), target_for(model)
    series = pandas.Series(y, index=generator.permutation(60))  # its index means nothing
    plain = fit(model, np.column_stack(list(columns.values())).astype(float), y)
    for X_, y_ in ((frame, series), (frame.convert_dtypes(), series.convert_dtypes())):
        other = fit(model, X_, y_)
        assert other.feature_names_in_.tolist() == list("abcd")
        np.testing.assert_allclose(outputs(other, X_), outputs(plain, frame.to_numpy(float)), rtol=1e-8, atol=1e-8)


@every_model
def test_float32_stays_float32(model):
    small = fit(model, X.astype(np.float32), target_for(model))
    assert {p.dtype for p in (*small.parameters(), *small.buffers())} == {np.dtype(np.float32)}
    assert outputs(small, X).dtype == np.float32
    if hasattr(small, "predict_proba"):
        assert small.predict_proba(X).dtype == np.float32
    np.testing.assert_allclose(outputs(small, X), outputs(fit(model, X, target_for(model))), rtol=0.01, atol=0.02)
    with pytest.raises(ValueError, match="X as float32 contains NaN or infinity"):
        small.predict(np.full((1, 4), 1e150))


@every_model
def test_half_precision_is_computed_in_single_precision(model):
    half = fit(model, X.astype(np.float16), target_for(model))
    assert {p.dtype for p in half.parameters()} == {np.dtype(np.float32)}


LABELS = {
    "strings": np.array(["no", "yes"]),
    "long strings": np.array(["a", "a much longer one"]),
    "objects": np.array(["no", "yes"], object),
    "booleans": np.array([False, True]),
    "booleans as objects": np.array([False, True], object),
    "negative": np.array([-1, 1]),
    "floats": np.array([-7.0, 2e9]),
    "floats as objects": np.array([0.0, 3.0], object),
    "bytes": np.array([0, 255], np.uint8),
}


@every_classifier
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_every_kind(model, labels):
    y = labels[BINARY]
    plain, other = fit(model, X, BINARY), fit(model, X, y)
    assert other.classes_.tolist() == labels.tolist()
    assert other.predict(X).tolist() == labels[plain.predict(X)].tolist()
    assert other.score(X, y) == plain.score(X, BINARY)
    assert other.predict(X).dtype == other.classes_.dtype


def test_labels_in_pandas():
    pandas = pytest.importorskip("pandas")
    y = pandas.Series(np.array(["no", "yes"])[BINARY])
    for column in (y, y.astype("category"), y.astype("string"), y.astype(object)):
        model = LogisticRegression().fit(X, column)
        assert model.classes_.tolist() == ["no", "yes"]
        assert model.score(X, column) > 0.9


@every_classifier
def test_a_column_of_labels_is_taken_with_a_warning(model):
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        other = fit(model, X, BINARY[:, None])
    np.testing.assert_array_equal(outputs(other), outputs(fit(model, X, BINARY)))


@pytest.mark.parametrize("model", [SoftmaxRegression(), MLPClassifier((4,), **FEW), OneVsRest()], ids=repr)
def test_two_classes_have_one_logit(model):
    model = fit(model, X, BINARY)
    assert model(tg.tensor(X)).shape == (60, 1)
    assert model.decision_function(X).shape == (60,)
    p = 1 / (1 + np.exp(-model.decision_function(X)))
    np.testing.assert_allclose(model.predict_proba(X), np.column_stack([1 - p, p]), rtol=1e-9)
    assert fit(model, X, CLASSES).decision_function(X).shape == (60, 3)


@pytest.mark.parametrize("model", [LinearRegression(), MLPRegressor((4,), **FEW), PolynomialRegression()], ids=repr)
def test_a_column_of_numbers_stays_a_column(model):
    flat, column = fit(model, X, NUMBERS), fit(model, X, NUMBERS[:, None])
    assert flat.predict(X).shape == (60,)
    np.testing.assert_array_equal(column.predict(X), flat.predict(X)[:, None])


@every_model
def test_one_feature_and_one_sample(model):
    y = target_for(model)
    one = fit(model, X[:, :1], y)
    assert outputs(one, X[:1, :1]).shape[0] == 1
    np.testing.assert_allclose(outputs(one, X[3:4, :1]), outputs(one, X[:, :1])[3:4], rtol=1e-9)
    if model.kind == "regressor":
        one = fit(model, X[:1], y[:1])
        assert np.isfinite(one.predict(X)).all()
    else:
        two = [0, int(np.argmax(BINARY[0] != BINARY))]
        assert set(fit(model, X[two], BINARY[two]).predict(X)) <= {0, 1}


@every_model
@pytest.mark.parametrize("value", [0.0, 1.0, 1e6])
def test_features_that_are_constant(model, value):
    model = fit(model, np.full((60, 4), value), target_for(model))
    assert np.isfinite(outputs(model, np.full((2, 4), value))).all()


@every_model
@pytest.mark.filterwarnings("ignore:.*(very different scales|has not converged)")
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-6, 1e6, 1e12, 1e150])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tiny_and_huge_features_give_numbers_or_an_error_that_says_why(model, scale, dtype):
    A = (X * min(scale, 1e37 if dtype is np.float32 else scale)).astype(dtype)
    learned, reason = None, ""
    try:
        learned = fit(model, A, target_for(model))
    except (ValueError, tg.train.Diverged) as error:
        reason = str(error)
    if learned is None:
        assert scale > 1
        assert "scale" in reason
    else:
        assert np.isfinite(learned.predict(A)).all()


@every_classifier
def test_huge_logits_have_probabilities(model):
    if not hasattr(model, "predict_proba"):
        return
    model = fit(model, X, target_for(model))
    for p in model.parameters():
        p.data = p.numpy() * 1e6
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        probabilities = model.predict_proba(X * 1e3)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("n_samples", [2, 17, 33, 49])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_last_batch_of_one_sample_does_not_disturb_batch_norm(n_samples, solver):
    model = MLPRegressor((4,), batch_norm=True, solver=solver, **FEW).fit(X[:n_samples], NUMBERS[:n_samples])
    assert np.isfinite(model.predict(X)).all()
    many = MLPClassifier((4,), batch_norm=True, **{**FEW, "batch_size": max(n_samples - 1, 2)})
    assert np.isfinite(many.fit(X[:n_samples], np.arange(n_samples) % 2).decision_function(X)).all()


@every_model
def test_weights_of_every_form(model):
    if isinstance(model, Perceptron):
        return
    y, weight = target_for(model), np.random.default_rng(0).integers(1, 4, 60)
    plain = fit(model, X, y, weight.astype(float))
    for other in (weight, weight.tolist(), tg.tensor(weight), weight.astype(np.float32), weight.astype(object)):
        np.testing.assert_allclose(outputs(fit(model, X, y, other)), outputs(plain), rtol=1e-6, atol=1e-8)
    same = fit(model, X, y, 2.0)
    np.testing.assert_allclose(outputs(same), outputs(fit(model, X, y, np.full(60, 2.0))), rtol=1e-9)


def test_images_with_their_channels_last_are_pointed_out():
    images = np.random.default_rng(0).random((6, 8, 8, 3), np.float32)
    net = ConvNet((2,), hidden_layer_sizes=(2,), max_iter=1)
    with pytest.warns(UserWarning, match=r"look like \(height, width, channels\): use X.transpose"):
        net.fit(images, [0, 1] * 3)
    assert net.fit(images.transpose(0, 3, 1, 2), [0, 1] * 3).image_shape_ == (3, 8, 8)
