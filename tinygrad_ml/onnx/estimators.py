"""What of an estimator is exported: what its `predict`, `predict_proba` and `transform` return.

They are the estimator's own methods that run, on arrays that note what is computed; only the check of the input, and
the look-up of labels, are left out for the time.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..tape.traced import Traced
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
    names : of the outputs
    metadata : dict of strings, for the file
    dtype : of the model's weights
    """

    def __init__(self, model: Any):
        self.model = model
        self.dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float64))
        self.classes: Any = vars(model).get("classes_")  # an array, of several heads a dict of them
        self.labels = vars(model).get("_labels")  # of several columns
        self.metadata: dict[str, str] = {}
        if self.classes is not None:
            known = self.labels.classes if self.labels is not None else self.classes
            self.metadata["classes"] = json.dumps(_listed(known), ensure_ascii=False)
        names = vars(model).get("feature_names_in_")
        if names is not None:
            self.metadata["feature_names"] = json.dumps([str(name) for name in names], ensure_ascii=False)
        self.names = ["variable"]
        if isinstance(self.classes, dict):
            self.names = []  # those of the heads
        elif self.classes is not None:
            known = {"predict_proba": "probabilities", "decision_function": "scores"}
            self.names = ["label", *[name for method, name in known.items() if hasattr(model, method)][:1]]

    def table(self, X: Any) -> Any:
        """Return an example as `forward` takes it: of a table with categories, numbers and their ids."""
        return self.model.encode(X) if hasattr(self.model, "encode") else X

    def compute(self, x: Tensor) -> dict[str, Any]:
        """Return the outputs for samples."""
        model, given = self.model, x.astype(self.dtype)._data
        with self._bare(given):
            method = model.predict if hasattr(model, "predict") else model.transform
            if isinstance(self.classes, dict):
                more = {f"{name}_probabilities": p for name, p in model.predict_proba(given).items()}
                return {**method(given), **more}
            outputs = {self.names[0]: method(given)}
            if "probabilities" in self.names:
                outputs["probabilities"] = model.predict_proba(given)
            elif "scores" in self.names:
                outputs["scores"] = model.decision_function(given)
            return outputs

    @contextmanager
    def _bare(self, given: Any) -> Iterator[None]:
        """Let the methods of the model work on arrays that note what is computed, and return positions for labels."""
        model, known = self.model, {}

        def outputs(X: Any, batch_size: int = 0, then: Callable | None = None) -> Any:
            if "output" not in known:
                known["output"] = model(from_owned(given))
            output = known["output"]._data
            return output if then is None else then(output)

        def probabilities(X: Any) -> Any:
            found = model.probabilities(from_owned(outputs(X)))
            return {name: p._data for name, p in found.items()} if isinstance(found, dict) else found._data

        learned = {name: x for name, x in vars(model).items() if type(x) is np.ndarray and x.dtype.kind in "fiub"}
        replaced: dict[str, Any] = {name: x.view(_Learned) for name, x in learned.items()}
        replaced |= {"_check_X": lambda X, *_: X, "_outputs": outputs}
        if hasattr(model, "inverse_link"):
            replaced["inverse_link"] = lambda output, link=model.inverse_link: _Noted(link(output))
        if isinstance(self.classes, dict):
            replaced["classes_"] = dict.fromkeys(self.classes, _Positions([]))
        elif self.classes is not None:
            replaced["_label"] = lambda positions, n_outputs: positions
        if self.labels is not None:
            replaced["_labels"] = _Positions(self.labels.classes)
        if self.classes is not None and hasattr(model, "probabilities") and hasattr(model, "predict_proba"):
            replaced["predict_proba"] = probabilities
        before = {name: vars(model)[name] for name in replaced if name in vars(model)}
        vars(model).update(replaced)
        try:
            yield
        finally:
            for name in replaced:
                del vars(model)[name]
            vars(model).update(before)

    def name_classes(self, writer: Writer, names: list[str], results: list[Part]) -> None:
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
        elif isinstance(self.classes, dict):
            for k, name in enumerate(names):
                if name in self.classes:
                    results[k] = writer.labels(writer.cast(results[k], np.int64), self.classes[name])
        elif self.classes is not None:
            results[0] = writer.labels(writer.cast(results[0], np.int64), self.classes)


class _Learned(np.ndarray):
    """An array that a model has learned: what is looked up in it is noted, too."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Traced):
            return index.tape.call("getitem", operator.getitem, (self.view(np.ndarray), index), {})
        return super().__getitem__(index)


class _Noted:
    """In the place of a Tensor whose value is asked for: the array that notes what is computed."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor

    def numpy(self) -> Any:
        """Return the array."""
        return self.tensor._data


class _Positions:
    """In the place of classes: the positions that are asked for stay as they are."""

    def __init__(self, classes: list[np.ndarray]):
        self.classes = classes

    def __getitem__(self, positions: Any) -> Any:
        return positions

    def decode(self, positive: Any) -> Any:
        """Return whether each label is the second one of its column."""
        return positive


def _listed(classes: Any) -> Any:
    """Return classes as JSON can hold them."""
    if isinstance(classes, dict):
        return {name: _listed(each) for name, each in classes.items()}
    return classes.tolist() if isinstance(classes, np.ndarray) else [_listed(each) for each in classes]
