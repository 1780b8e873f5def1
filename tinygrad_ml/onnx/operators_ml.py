"""The operators of "ai.onnx.ml", which scikit-learn's converter writes, but for trees and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import linalg, ops
from ..tensor import Tensor, as_array, as_tensor, from_owned
from .operators import Node, operator


@operator("LinearRegressor")
def _linear_regressor(node: Node, x: Any) -> Any:
    targets = node.get("targets", 1)
    weight = np.array(node.get("coefficients"), np.float32).reshape(targets, -1)
    out = ops.matmul(_floating(x), weight.T) + np.array(node.get("intercepts", [0.0] * targets), np.float32)
    return _transformed(node, out, node.get("post_transform", "NONE"))


@operator("LinearClassifier")
def _linear_classifier(node: Node, x: Any) -> Any:
    """Return the labels and the scores of the classes."""
    texts = node.get("classlabels_strings") or []
    labels = np.array(texts, object) if len(texts) else np.array(node.get("classlabels_ints"), np.int64)
    coefficients = np.array(node.get("coefficients"), np.float32)
    rows = len(node.get("intercepts") or []) or len(labels)
    x = _floating(x)
    scores = ops.matmul(x, coefficients.reshape(rows, -1).T)
    if node.get("intercepts"):
        scores = scores + np.array(node.get("intercepts"), np.float32)
    how = node.get("post_transform", "NONE")
    if rows == 1 and len(labels) == 2:
        other = 1 - ops.sigmoid(scores) if how == "LOGISTIC" else -scores
        first = ops.sigmoid(scores) if how == "LOGISTIC" else scores
        positions = as_array(scores)[:, 0] > 0
        both = ops.concatenate([other, first], axis=1)
        return _labels(labels, positions.astype(int)), both if how == "LOGISTIC" else _transformed(node, both, how)
    return _labels(labels, as_array(scores).argmax(axis=1)), _transformed(node, scores, how)


def _labels(labels: np.ndarray, positions: np.ndarray) -> Any:
    return labels[positions] if labels.dtype.kind == "O" else from_owned(labels[positions])


def _transformed(node: Node, x: Any, how: str) -> Any:
    if how == "NONE":
        return x
    if how in ("LOGISTIC", "SOFTMAX"):
        return ops.sigmoid(x) if how == "LOGISTIC" else ops.softmax(x, axis=1)
    raise node.refuse(f"with post_transform={how!r}")


def _floating(x: Any) -> Tensor:
    x = as_tensor(x)
    return x if x.dtype.kind == "f" else x.astype(np.float32)


@operator("Scaler")
def _scaler(node: Node, x: Any) -> Any:
    offset, scale = (
        np.array(node.get(key, default), np.float32) for key, default in (("offset", [0.0]), ("scale", [1.0]))
    )
    return (_floating(x) - offset) * scale


@operator("Normalizer")
def _normalizer(node: Node, x: Any) -> Any:
    x, kind = _floating(x), node.get("norm", "MAX")
    if kind == "MAX":
        size = ops.max(x, axis=1, keepdims=True)
    else:
        size = linalg.vector_norm(x, ord=1 if kind == "L1" else 2, axis=1, keepdims=True)
    return x / ops.where(ops.equal(size, 0.0), 1.0, size)


@operator("Binarizer")
def _binarizer(node: Node, x: Any) -> Any:
    x = as_tensor(x)
    return ops.greater(x, node.get("threshold", 0.0)).astype(x.dtype)


@operator("Imputer")
def _imputer(node: Node, x: Any) -> Any:
    x = as_tensor(x)
    fill = np.array(node.get("imputed_value_floats") or node.get("imputed_value_int64s"), x.dtype)
    missing = node.get("replaced_value_float", node.get("replaced_value_int64", 0))
    found = np.isnan(as_array(x)) if missing != missing else as_array(x) == missing
    return ops.where(found, fill, x)


@operator("FeatureVectorizer")
def _feature_vectorizer(node: Node, *inputs: Any) -> Any:
    parts = [_floating(x) for x in inputs]
    return ops.concatenate([ops.reshape(p, (p.shape[0], -1)) for p in parts], axis=1)


@operator("ArrayFeatureExtractor")
def _array_feature_extractor(node: Node, x: Any, places: Any) -> Any:
    where = np.asarray(as_array(places)).reshape(-1).astype(np.intp)
    if isinstance(x, np.ndarray) and x.dtype.kind == "O":
        return np.atleast_2d(x)[..., where]
    out = ops.take(x, where, -1)
    return ops.reshape(out, (1, -1)) if out.ndim == 1 else out


@operator("LabelEncoder")
def _label_encoder(node: Node, x: Any) -> Any:
    """Return for each key its value; a default for what is not among the keys."""
    kinds = {"int64s": np.int64, "floats": np.float32, "strings": object}

    def table(name: str) -> Any:
        for kind, dtype in kinds.items():
            if f"{name}_{kind}" in node.attributes:
                return kind, np.array(node.get(f"{name}_{kind}"), dtype)
        return "", np.asarray(node.get(f"{name}_tensor"), None) if f"{name}_tensor" in node.attributes else None

    (_, keys), (kind, values) = table("keys"), table("values")
    if keys is None or values is None:
        raise node.refuse("with a table of this version")
    default = node.get(
        {"int64s": "default_int64", "floats": "default_float", "strings": "default_string"}.get(kind, "")
    )
    usual = {"i": -1, "f": -0.0}.get(values.dtype.kind, "_Unused")
    known = dict(zip(keys.tolist(), values.tolist()))
    given = np.asarray(as_array(x) if isinstance(x, Tensor) else x)
    found = np.array(
        [known.get(key, usual if default is None else default) for key in given.ravel().tolist()], values.dtype
    )
    found = found.reshape(given.shape)
    return found if found.dtype.kind == "O" else from_owned(found)


@operator("OneHotEncoder")
def _one_hot_encoder(node: Node, x: Any) -> Any:
    texts = node.get("cats_strings")
    categories = np.array(texts, object) if texts else np.array(node.get("cats_int64s"), np.int64)
    given = np.asarray(as_array(x) if isinstance(x, Tensor) else x)
    hot = given[..., None] == categories
    if not node.get("zeros", 1) and not hot.any(axis=-1).all():
        raise ValueError("a category that is not among those of the file")
    return from_owned(hot.astype(np.float32))


@operator("ZipMap")
def _zip_map(node: Node, x: Any) -> Any:
    """Return the scores as they are, a column for each class: an array says more than a list of dicts."""
    return x
