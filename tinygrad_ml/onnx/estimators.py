"""What of an estimator is exported: what its `predict`, `predict_proba` and `transform` return.

They are the estimator's own methods that run, on arrays that note what is computed; only the check of the input, and
the look-up of labels, are left out for the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..tensor import Tensor, from_owned
from .errors import ExportError
from .writer import Part, Writer

__all__ = ["Head", "head_of"]


def head_of(model: Any) -> Head | None:
    """Return what of an estimator is exported, or None for a module that is none."""
    if not hasattr(model, "parameters") or not hasattr(model, "get_params"):
        return None
    if hasattr(model, "predict"):
        model.require_fitted()
    elif not hasattr(model, "transform") or "n_features_in_" not in vars(model):
        return None  # a model of text, say, whose forward takes rows of a table
    return Head(model)


class Head:
    """The outputs of a fitted estimator.

    Attributes
    ----------
    structure : dict from the names of the outputs
    metadata : dict of strings, for the file
    dtype : of the model's weights
    """

    def __init__(self, model: Any):
        self.model = model
        self.dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float64))
        is_classifier = getattr(model, "kind", "") == "classifier"
        self.classes = getattr(model, "classes_", None) if is_classifier else None
        self.labels = getattr(model, "_labels", None) if is_classifier else None  # of several columns
        self.metadata: dict[str, str] = {}
        if self.classes is not None:
            listed = [each.tolist() for each in self.labels.classes] if self.labels else self.classes.tolist()
            self.metadata["classes"] = json.dumps(listed, ensure_ascii=False)
        names = getattr(model, "feature_names_in_", None)
        if names is not None:
            self.metadata["feature_names"] = json.dumps([str(name) for name in names], ensure_ascii=False)
        self.structure: dict[str, str] = {"variable": "*"}
        if is_classifier:
            self.structure = {"label": "*"}
            if hasattr(model, "predict_proba"):
                self.structure["probabilities"] = "*"
            elif hasattr(model, "decision_function"):
                self.structure["scores"] = "*"

    def compute(self, x: Tensor) -> dict[str, Any]:
        """Return the outputs for samples."""
        model, given = self.model, x.astype(self.dtype)._data
        with self._bare(given):
            if "label" not in self.structure:
                method = model.predict if hasattr(model, "predict") else model.transform
                return {"variable": method(given)}
            outputs = {"label": model.predict(given)}
            if "probabilities" in self.structure:
                outputs["probabilities"] = model.predict_proba(given)
            elif "scores" in self.structure:
                outputs["scores"] = model.decision_function(given)
            return outputs

    @contextmanager
    def _bare(self, given: Any) -> Iterator[None]:
        """Let the methods of the model work on arrays that note what is computed, and return positions for labels."""
        model, known = self.model, {}

        def outputs(X: Any, *_: Any) -> Any:
            if "output" not in known:
                known["output"] = model(from_owned(given))
            return known["output"]._data

        replaced: dict[str, Any] = {"_check_X": lambda X, *_: X, "_outputs": outputs}
        if self.classes is not None:
            replaced["_label"] = lambda positions, n_outputs: positions
        if self.labels is not None:
            replaced["_labels"] = _Positions(self.labels.classes)
        if "probabilities" in self.structure and hasattr(model, "probabilities"):
            replaced["predict_proba"] = lambda X: model.probabilities(from_owned(outputs(X)))._data
        before = {name: vars(model)[name] for name in replaced if name in vars(model)}
        vars(model).update(replaced)
        try:
            yield
        finally:
            for name in replaced:
                del vars(model)[name]
            vars(model).update(before)

    def name_classes(self, writer: Writer, results: list[Part]) -> None:
        """Put the labels in the place of the positions of classes."""
        if self.labels is not None:
            low, high = (np.array([each[k] for each in self.labels.classes]) for k in (0, -1))
            if len({each.dtype.kind for each in self.labels.classes}) > 1:
                raise ExportError(
                    f"{type(self.model).__name__}: the columns of y hold labels of several kinds (numbers and text), "
                    "which no array of ONNX can; fit it with labels of one kind"
                )
            yes = writer.cast(results[0], bool)
            dtype = np.int64 if low.dtype.kind in "iub" else low.dtype if low.dtype.kind == "f" else object
            results[0] = writer.op(
                "Where", yes, writer.table(high), writer.table(low), dtype=dtype, shape=results[0].shape
            )
        elif self.classes is not None:
            results[0] = writer.labels(writer.cast(results[0], np.int64), self.classes)


class _Positions:
    """In the place of the labels of several columns: whether each is the second one stays as it is."""

    def __init__(self, classes: list[np.ndarray]):
        self.classes = classes

    def decode(self, positive: Any) -> Any:
        """Return them."""
        return positive
