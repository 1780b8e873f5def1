"""`tg.onnx.load`: a file of ONNX as a Module, whose parameters can be trained."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, inliner, numpy_helper

from ..nn.module import Module
from ..nn.parameter import Buffer, Parameter
from ..tensor import Tensor, as_array, as_tensor, from_owned
from ..validation import check_array
from . import operators_arrays, operators_layers, operators_ml  # noqa: F401  # they fill the table
from .errors import LoadError
from .operators import OPERATORS, Node
from .writer import TO_DOUBLE, TO_SINGLE

__all__ = ["OnnxModule", "load"]


def load(model: str | os.PathLike[str] | bytes | ModelProto) -> OnnxModule:
    """Read a file of ONNX as a Module that computes the same, in operations with gradients, and can be trained.

    It reads what `tg.onnx.export` writes, and files of other programs (PyTorch's and scikit-learn's exporters) as far
    as they use operators that are known here. Weights of layers become parameters: those of files of `tg.onnx.export`
    under the names that they had, so that the state goes back with `load_state_dict`; of other files all floating
    arrays that an affine map, a convolution, a norm, a recurrent layer or a sum multiplies with or adds.

    Parameters
    ----------
    model : path, bytes or onnx.ModelProto

    Returns
    -------
    OnnxModule
        Called with the inputs of the file, in their order or by their names. Several outputs are a tuple (for files of
        `tg.onnx.export`: what the model returned). It is in evaluation mode; after `train()` (which `tg.train.fit`
        calls), batch norm and dropout do what they do in training.

    Raises
    ------
    LoadError
        If it is no file of ONNX, or damaged, or has operators that are not known here, all of which are named.
    FileNotFoundError, ImportError
        If there is no such file, or onnx is not installed.

    Examples
    --------
    >>> layer = tg.nn.Linear(3, 2)
    >>> loaded = tg.onnx.load(tg.onnx.export(layer, tg.ones(1, 3)))
    >>> loaded(tg.ones(4, 3)).shape, list(loaded.state_dict())
    ((4, 2), ['weight', 'bias'])
    >>> loaded.input_names, loaded.output_names
    (['x'], ['output'])
    """
    proto, name = _read(model)
    try:
        onnx.checker.check_model(_with_shapes(proto))
        if len(proto.functions):
            proto = inliner.inline_local_functions(proto)
        return OnnxModule(proto, name).eval()
    except LoadError:
        raise
    except Exception as error:  # whatever a damaged file makes the readers raise
        raise LoadError(f"{name} is damaged, or no valid model: {error}") from error


def _read(model: Any) -> tuple[ModelProto, str]:
    if isinstance(model, ModelProto):
        return model, "the model"
    if not isinstance(model, (bytes, bytearray, str, os.PathLike)):
        raise TypeError(f"tg.onnx.load takes a path, bytes or an onnx.ModelProto, not {type(model).__name__}")
    name = "the model" if isinstance(model, (bytes, bytearray)) else os.fspath(model)
    if not isinstance(model, (bytes, bytearray)) and Path(model).is_dir():
        raise IsADirectoryError(f"{name} is a folder, not a file of ONNX")
    try:
        if isinstance(model, (bytes, bytearray)):
            proto = onnx.load_model_from_string(bytes(model))
        else:
            proto = onnx.load(name, format="protobuf")
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # Protobuf's DecodeError, and what onnx raises for missing parts of a file
        raise LoadError(f"{name} is not a file of ONNX, or is damaged or incomplete: {error}") from error
    if not proto.graph.output or not (proto.graph.node or proto.graph.initializer):
        raise LoadError(f"{name} is not a file of ONNX, or is damaged or incomplete: it holds no graph with an output")
    return proto, name


def _with_shapes(proto: ModelProto) -> ModelProto:
    """Return a model whose inputs and outputs all have a shape, as the checker wants it; some programs leave it out."""

    def open_ones(of: ModelProto) -> list:
        entries = [*of.graph.input, *of.graph.output]
        return [e for e in entries if e.type.HasField("tensor_type") and not e.type.tensor_type.HasField("shape")]

    if open_ones(proto):
        whole, proto = proto, ModelProto()
        proto.CopyFrom(whole)
        for entry in open_ones(proto):
            entry.type.tensor_type.shape.SetInParent()
    return proto


class _Part(Module):
    """A part of a loaded model: it only holds parameters, under the names that they have in the file."""

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {thing.shape}" for name, thing in self.attributes() if isinstance(thing, Tensor))


class OnnxModule(Module):
    """A model that was loaded from a file of ONNX.

    Attributes
    ----------
    input_names, output_names : list of str
    metadata : dict of strings
        What the file says of itself: of a classifier of this library its `classes`, ...
    """

    def __init__(self, proto: ModelProto, name: str):
        graph = proto.graph
        self.metadata = {entry.key: entry.value for entry in proto.metadata_props}
        self.output_names = [output.name for output in graph.output]
        versions = {
            entry.domain.replace("ai.onnx.ml", "ml").replace("ai.onnx", ""): entry.version
            for entry in proto.opset_import
        }
        self._arrays = _initializers(graph, name)
        inputs = [entry for entry in graph.input if entry.name not in self._arrays]
        self.input_names = [entry.name for entry in inputs]
        self._dtypes = {entry.name: _dtype(entry) for entry in inputs}
        self._steps = _Steps(graph, versions, name)
        self._result, learned, buffers = self._roles(graph)
        self._places: dict[str, tuple[str, ...]] = {}
        for key, array in list(self._arrays.items()):
            if key in learned or key in buffers:
                self._place(key, Parameter(array) if key in learned else Buffer(array))
                del self._arrays[key]

    def _roles(self, graph: GraphProto) -> tuple[Any, set[str], set[str]]:
        """Return how the outputs are nested, which arrays are learned, and which are otherwise part of the state."""
        try:
            notes = json.loads(self.metadata["tinygrad_ml"])
            known = {*self._arrays}
            if sorted(_leaves(notes["result"])) != sorted(self.output_names):
                raise KeyError("another tool has changed the outputs")
            return notes["result"], known & {*notes["parameters"]}, known & {*notes["buffers"]}
        except (KeyError, TypeError, ValueError):
            result: Any = self.output_names if len(self.output_names) > 1 else self.output_names[0]
            return result, *_weights(graph, self._arrays)

    def _place(self, name: str, tensor: Tensor) -> None:
        """Let a Tensor be the attribute that its name says: "layers.0.weight" is `weight` of `0` of `layers`."""
        owner: Any = self
        path: list[str] = []
        *above, last = name.replace("/", "_").replace("::", "_").split(".")
        for key in above:
            if not isinstance(vars(owner).get(key), _Part):
                key = _free(owner, key or "_")
                setattr(owner, key, _Part())
            path.append(key)
            owner = vars(owner)[key]
        path.append(_free(owner, last or "_"))
        setattr(owner, path[-1], tensor)
        self._places[name] = tuple(path)

    def _values(self) -> dict[str, Any]:
        """Return all arrays of the file, by their names there."""
        found: dict[str, Any] = dict(self._arrays)
        for name, path in self._places.items():
            thing: Any = self
            for key in path:
                thing = vars(thing)[key]
            found[name] = thing
        return found

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Return what the file computes."""
        if len(inputs) + len(named) != len(self.input_names) or not {*named} <= {*self.input_names[len(inputs) :]}:
            raise TypeError(
                f"this model takes the inputs {self.input_names}, not {len(inputs)} by position"
                + (f" and {list(named)}" if named else "")
            )
        values = self._values()
        for key, x in (*zip(self.input_names, inputs), *named.items()):
            values[key] = _given(x, key, self._dtypes[key])
        self._steps.run(values, self)
        return _nested(self._result, {key: _as_tensor(values[key]) for key in self.output_names})

    def extra_repr(self) -> str:
        return f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}"


# ---------------------------------------------------------------------- the nodes


class _Steps:
    """The nodes of a graph, ready to be run."""

    def __init__(self, graph: GraphProto, versions: Mapping[str, int], name: str):
        self.inputs = [entry.name for entry in graph.input]
        self.outputs = [entry.name for entry in graph.output]
        unknown = sorted({_title(n) for n in graph.node if _key(n) not in OPERATORS and n.op_type != "If"})
        if unknown:
            raise LoadError(
                f"{name} uses operators that tg.onnx.load does not know: {', '.join(unknown)}. onnxruntime runs it as "
                "it is; to train a part of it, export that part from its own program"
            )
        self.nodes = [self._node(n, versions, name) for n in graph.node]

    def _node(self, node: NodeProto, versions: Mapping[str, int], name: str) -> tuple[str, Node, list[str], list[str]]:
        attributes = {}
        for a in node.attribute:
            if a.type == AttributeProto.GRAPH:
                inner = {t.name: numpy_helper.to_array(t) for t in a.g.initializer}
                attributes[a.name] = _Steps(a.g, versions, name), inner
            else:
                value = helper.get_attribute_value(a)
                if isinstance(value, TensorProto):
                    value = numpy_helper.to_array(value)
                attributes[a.name] = _text(value)
        if node.name.rpartition("/")[2].startswith((TO_SINGLE, TO_DOUBLE)):  # for runtimes; here all is in double
            return "Identity", Node("Identity", node.name, {}, 1, 1), list(node.input), list(node.output)
        domain = node.domain.replace("ai.onnx.ml", "ml").replace("ai.onnx", "")
        about = Node(node.op_type, node.name, attributes, versions.get(domain, versions.get("", 1)), len(node.output))
        return _key(node), about, list(node.input), list(node.output)

    def run(self, values: dict[str, Any], model: OnnxModule) -> None:
        """Compute all nodes: what they return is added to the values."""
        for key, node, inputs, outputs in self.nodes:
            given = [values[name] if name else None for name in inputs]
            if node.kind == "If":
                steps, inner = node.attributes["then_branch" if bool(as_array(given[0]).item()) else "else_branch"]
                scope = {**values, **inner}
                steps.run(scope, model)
                values.update(zip(outputs, [scope[name] for name in steps.outputs]))
                continue
            node.training = model.training
            try:
                result = OPERATORS[key](node, *given)
            except LoadError:
                raise
            except Exception as error:
                shapes = ", ".join(str(np.shape(as_array(x))) for x in given if x is not None)
                at = f" {node.name!r}" if node.name else ""
                raise type(error)(f"{node.kind}{at} of the loaded model, for {shapes}: {error}") from error
            results = result if type(result) is tuple else (result,)
            if not any(isinstance(x, Tensor) for x in given):  # what comes from constants is a constant
                results = tuple([r._data if isinstance(r, Tensor) else r for r in results])
            values.update(zip(outputs, results))


def _key(node: NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx", "ai.onnx.ml") else f"{node.domain}.{node.op_type}"


def _title(node: NodeProto) -> str:
    return node.op_type + (f" (of {node.domain})" if node.domain not in ("", "ai.onnx") else "")


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return [_text(part) for part in value] if isinstance(value, list) else value


# ---------------------------------------------------------------------- arrays


def _initializers(graph: GraphProto, name: str) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    try:
        for tensor in graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.dtype.kind == "O":
                array = np.array([_text(x) for x in array.ravel()], object).reshape(array.shape)
            found[tensor.name] = np.array(array)
    except Exception as error:
        raise LoadError(f"{name} is damaged: an array cannot be read: {error}") from error
    if len(graph.sparse_initializer):
        raise LoadError(f"{name} has sparse arrays, which tg.onnx.load does not know")
    return found


# For each operator: which of its inputs are weights, and which are otherwise part of the state.
LEARNED = {
    **{"Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1), "BatchNormalization": (1, 2)},
    **{"LayerNormalization": (1, 2), "InstanceNormalization": (1, 2), "GroupNormalization": (1, 2)},
    **{"RMSNormalization": (1,), "PRelu": (1,), "LSTM": (1, 2, 3), "GRU": (1, 2, 3), "RNN": (1, 2, 3), "Gather": (0,)},
    **{"Add": (0, 1), "Mul": (0, 1), "Sub": (0, 1), "Div": (0, 1), "Einsum": (0, 1, 2)},
}
THROUGH = ("Transpose", "Reshape", "Unsqueeze", "Squeeze", "Identity", "Cast", "Flatten", "Split", "Concat", "Slice")
STATE = {"BatchNormalization": (3, 4)}


def _weights(graph: GraphProto, arrays: Mapping[str, np.ndarray]) -> tuple[set[str], set[str]]:
    """Return which arrays of a file of another program are learned: those that layers multiply with or add."""
    origin = {key: [key] for key in arrays}
    learned: set[str] = set()
    state: set[str] = set()
    other: set[str] = set()
    for node in graph.node:
        sources = [origin.get(key, []) for key in node.input]
        if node.op_type in THROUGH and all(key in origin for key in node.input if key):
            merged = [key for part in (sources if node.op_type == "Concat" else sources[:1]) for key in part]
            origin |= dict.fromkeys(node.output, merged)
            continue
        for k, keys in enumerate(sources):
            role = (
                learned if k in LEARNED.get(node.op_type, ()) else state if k in STATE.get(node.op_type, ()) else other
            )
            role.update(keys)
    floats = {key for key, array in arrays.items() if array.dtype.kind == "f" and array.dtype != np.float16}
    constants = {key for key in floats if not arrays[key].ndim or not np.isfinite(arrays[key]).all()}  # masks of -inf
    return (learned & floats) - state - other - constants, state & floats


def _free(owner: Any, name: str) -> str:
    """Return an attribute name that is neither taken nor a method of modules."""
    while name in vars(owner) or hasattr(type(owner), name):
        name += "_"
    return name


def _dtype(entry: Any) -> Any:
    kind = entry.type.tensor_type.elem_type
    return None if kind in (0, TensorProto.STRING) else np.dtype(helper.tensor_dtype_to_np_dtype(kind))


def _given(x: Any, name: str, dtype: Any) -> Any:
    """Return an input in the dtype of the file: integers fit into floats, and floats of other precision, too."""
    if isinstance(x, (list, tuple, int, float)):
        x = as_tensor(x)  # Python's numbers are of the default float
    if not isinstance(x, Tensor):
        array = check_array(x, name, "the loaded model")
        x = array if array.dtype.kind in "OSU" else from_owned(np.array(array))
    if dtype is None or not isinstance(x, Tensor) or x.dtype == dtype or (x.dtype.kind == dtype.kind == "f"):
        return x
    if dtype.kind == "f" and x.dtype.kind in "iub":
        return x.astype(dtype)
    if dtype.kind in "iu" and x.dtype.kind in "iub":
        return x.astype(dtype)
    raise TypeError(f"the input {name!r} of this model is {dtype}, and what was given is {x.dtype}; convert it first")


def _as_tensor(x: Any) -> Any:
    return from_owned(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub" else x


def _leaves(result: Any) -> list[str]:
    """Return the names of the outputs in nested results."""
    if isinstance(result, str):
        return [result]
    parts = result.values() if isinstance(result, dict) else result or []
    return [name for part in parts for name in _leaves(part)]


def _nested(result: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(result, dict):
        return {key: _nested(part, values) for key, part in result.items()}
    if isinstance(result, Sequence) and not isinstance(result, str):
        return tuple([_nested(part, values) for part in result])
    return None if result is None else values[result]
