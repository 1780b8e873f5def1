"""Estimators: what their methods return, from onnxruntime."""

import json
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.onnx.runtime import assert_equal, run
from tinygrad_ml import models

RNG = np.random.default_rng(6)
X = RNG.normal(size=(60, 4))
CLASSES = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)
YES = (X[:, 0] + X[:, 1] > 0).astype(int)
NUMBERS = X @ RNG.normal(size=4) + 1
SEVERAL = np.stack([YES, CLASSES == 0], axis=1).astype(int)

FITTED = {
    "LogisticRegression": (models.LogisticRegression(), YES),
    "LogisticRegression of text": (models.LogisticRegression(threshold=0.2), np.array(["no", "yes"])[YES]),
    "LogisticRegression of bools": (models.LogisticRegression(), YES == 1),
    "LogisticRegression of several labels": (models.LogisticRegression(), SEVERAL),
    "LogisticRegression of several texts": (models.LogisticRegression(), np.array(["no", "yes"])[SEVERAL]),
    "SoftmaxRegression": (models.SoftmaxRegression(), CLASSES + 10),
    "SoftmaxRegression of text": (models.SoftmaxRegression(), np.array(["a", "b", "c"])[CLASSES]),
    "LinearRegression": (models.LinearRegression(), NUMBERS),
    "LinearRegression of two": (models.LinearRegression(), np.stack([NUMBERS, -NUMBERS], axis=1)),
    "PolynomialRegression": (models.PolynomialRegression(degree=2), NUMBERS),
    "Perceptron": (models.Perceptron(), YES),
    "MLPClassifier": (models.MLPClassifier(batch_norm=True, dropout=0.2, max_iter=3, tol=0), CLASSES),
    "MLPRegressor": (models.MLPRegressor(max_iter=3, tol=0), NUMBERS),
    "ConvNet": (models.ConvNet(max_iter=2, tol=0, image_shape=(2, 2)), CLASSES),
    "OneVsRest": (models.OneVsRest(), CLASSES),
    "OneVsRest of perceptrons": (models.OneVsRest(models.Perceptron()), CLASSES),
    "OneVsOne": (models.OneVsOne(), CLASSES),
    "BinaryChain": (models.BinaryChain(), CLASSES),
    "ClassifierChain": (models.ClassifierChain(chain_method="predict"), SEVERAL),
}
REFUSED = {"LocallyWeightedRegression"}  # it decomposes a matrix for each query
OTHERS = {"Classifier", "Model", "Regressor"}  # which the models derive from
OTHERS |= {"CharRNN", "Word2Vec", "MultiHeadMLP", "EmbeddingClassifier", "EmbeddingRegressor", "DenoisingAutoencoder"}


def fitted(model, y, dtype="float64"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X.astype(dtype), y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FITTED)
def test_the_methods_of_an_estimator(name, dtype):
    model = fitted(*FITTED[name], dtype)
    proto = tg.onnx.export(model, X[:3].astype(dtype))
    names = [entry.name for entry in proto.graph.output]
    for rows in (X, X[:1]):
        rows = rows.astype(dtype)
        results = dict(zip(names, run(proto, rows)))
        loaded = tg.onnx.load(proto)(rows)
        if names == ["variable"]:
            assert_equal(results["variable"], model.predict(rows))
            assert_equal(loaded["variable"].numpy(), model.predict(rows))
            continue
        assert results["label"].tolist() == model.predict(rows).tolist()
        assert np.asarray(getattr(loaded["label"], "data", loaded["label"])).tolist() == model.predict(rows).tolist()
        second = names[1]
        method = model.predict_proba if second == "probabilities" else model.decision_function
        assert_equal(results[second], method(rows))
    if names[0] == "label":
        known = json.loads(tg.onnx.load(proto).metadata["classes"])
        of_labels = getattr(model, "_labels", None)
        assert known == ([each.tolist() for each in of_labels.classes] if of_labels else model.classes_.tolist())


@pytest.mark.parametrize("name", [n for n in models.__all__ if n not in {k.partition(" ")[0] for k in FITTED} | OTHERS])
def test_any_other_model_is_exported_or_refused_by_name(name):
    kind = getattr(models, name)
    target = {"classifier": YES, "regressor": np.abs(np.rint(NUMBERS))}.get(kind.kind)  # counts
    model = fitted(kind(), target)
    try:
        proto = tg.onnx.export(model, X[:3])
    except tg.onnx.ExportError as refused:
        assert name in REFUSED
        assert str(refused).startswith(f"{name}: ")  # noqa: PT017
        return
    method = model.predict if hasattr(model, "predict") else model.transform
    got, wanted = run(proto, X)[0], method(X)
    if kind.kind == "classifier":
        assert got.tolist() == wanted.tolist()
    else:
        assert_equal(got, wanted)


def test_several_heads():
    model = models.MultiHeadMLP((8,), max_iter=2, tol=0)
    targets = {"kind": np.array(["a", "b", "c"])[CLASSES], "sure": YES == 1, "size": NUMBERS}
    model = fitted(model, targets)
    proto = tg.onnx.export(model, X)
    results = dict(zip([entry.name for entry in proto.graph.output], run(proto, X)))
    for name, wanted in model.predict(X).items():
        if name == "size":
            assert_equal(results[name], wanted)
        else:
            assert results[name].tolist() == wanted.tolist()
            assert_equal(results[f"{name}_probabilities"], model.predict_proba(X)[name])


def test_tables_with_categories_go_in_as_the_model_encodes_them():
    rows = [[colour, float(size)] for colour in ("red", "green", "blue") for size in range(10)] * 2
    sweet = [colour == "red" or size > 6 for colour, size in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = models.EmbeddingClassifier((8,), max_iter=3, tol=0, random_state=0).fit(rows, sweet)
        number = models.EmbeddingRegressor((8,), max_iter=3, tol=0, random_state=0)
        number.fit(rows, [size for _, size in rows])
    proto = tg.onnx.export(model, rows)
    label, probabilities = run(proto, model.encode(rows))
    assert label.tolist() == model.predict(rows).tolist()
    assert_equal(probabilities, model.predict_proba(rows))
    assert_equal(run(tg.onnx.export(number, rows), number.encode(rows))[0], number.predict(rows))


@pytest.mark.parametrize("pixels", ["numbers", "classes"])
def test_clean_images(pixels):
    clean = (RNG.random((20, 3, 3)) > 0.5).astype(float)
    noisy = clean + RNG.normal(size=clean.shape) / 9
    model = models.DenoisingAutoencoder((8,), pixels=pixels, max_iter=2, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(noisy, clean)
    assert_equal(run(tg.onnx.export(model, noisy), noisy)[0], model.predict(noisy))


def test_models_of_text_take_rows_of_their_table():
    writer = models.CharRNN(hidden_size=8, embedding_dim=4, max_iter=1, sequence_length=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer.fit("hello you, hello world " * 4)
    ids = np.array([[1, 2, 3], [3, 2, 1]])
    proto = tg.onnx.export(writer, ids, dynamic_axes={"x": {0: "batch", 1: "time"}})
    assert_equal(run(proto, ids[:1, :2])[0], writer(ids[:1, :2]).numpy())
    assert json.loads(tg.onnx.load(proto).metadata["characters"]) == writer.characters_
    words = models.Word2Vec(vector_size=4, min_count=1, max_iter=1).fit([["a", "b", "c", "a"]] * 20)
    vectors = tg.onnx.export(words, np.array([1, 2]))
    assert_equal(run(vectors, np.array([0, 1, 2]))[0], words(np.array([0, 1, 2])).numpy())


def test_a_fit_and_an_input_of_other_numbers():
    model = fitted(models.LinearRegression(), NUMBERS)
    single = tg.onnx.export(model, X.astype(np.float32))
    assert single.graph.input[0].type.tensor_type.elem_type == 1
    assert np.allclose(run(single, X.astype(np.float32))[0], model.predict(X), rtol=1e-5)
    integers = models.LinearRegression().fit(np.arange(12).reshape(6, 2), np.arange(6.0))
    proto = tg.onnx.export(integers, np.arange(12).reshape(6, 2))
    assert proto.graph.input[0].type.tensor_type.elem_type == 11


def test_columns_of_a_frame_are_in_the_metadata():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["one", "two", "three", "four"])
    model = models.SoftmaxRegression().fit(frame, CLASSES)
    proto = tg.onnx.export(model, frame)
    assert json.loads(tg.onnx.load(proto).metadata["feature_names"]) == ["one", "two", "three", "four"]
    assert run(proto, X)[0].tolist() == model.predict(frame).tolist()


def test_a_model_that_is_not_fitted_says_so():
    with pytest.raises(ValueError, match="not fitted"):
        tg.onnx.export(models.LinearRegression(), X)


def test_a_model_of_a_users_own():
    class Scaled(models.Regressor):
        def build(self, n_features, n_outputs):
            self.linear_ = tg.nn.Linear(n_features, n_outputs)
            return self

        def forward(self, x):
            return self.linear_(x)

        def predict(self, X):
            return np.exp(super().predict(X) / 10)

    model = fitted(Scaled(), NUMBERS)
    assert_equal(run(tg.onnx.export(model, X), X)[0], model.predict(X))
