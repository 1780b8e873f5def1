"""`tg.onnx.export`: a model as a file of ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, helper

from .. import __version__, nn
from ..arrays import copied
from ..foreign_names import takes_foreign_names
from ..modes import no_grad
from ..nn.module import Module
from ..serialization import replace_file
from . import arrays, elementwise, indices, layers, reductions, special  # noqa: F401  # their rules
from .errors import ExportError
from .estimators import head_of
from .examples import inputs_of
from .recording import where
from .running import Axes, recorded
from .sizes import Merged, Size
from .writer import OPSET, Part, Writer

__all__ = ["export"]

IR_VERSION = 8  # that of the operators' version, so that older runtimes read the file, too


@takes_foreign_names()
def export(
    model: Any,
    example: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    dynamic_axes: Axes | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> ModelProto:
    """Write a model to a file of ONNX, for onnxruntime and every other tool that reads it; return what was written.

    The model runs in evaluation mode (dropout off, batch norm by its running statistics) for the example, and a few
    times more with other values and other sizes: what it computes is written down as a graph of ONNX's operators,
    checked by `onnx.checker`. The batch size is free. Parameters keep their names.

    An estimator of `tinygrad_ml.models` is exported as its users call it. Of a classifier, `label` is what `predict`
    returns, and `probabilities` what `predict_proba` returns (without one, `scores` is what `decision_function`
    returns); of a regressor `variable` is what `predict` returns. These are the names of scikit-learn's converter
    (skl2onnx). The classes, and the names of columns, are in the metadata of the file.

    Parameters
    ----------
    model : Module, estimator of tinygrad_ml.models, or function of Tensors
    example : array, Tensor or frame; a tuple of several inputs; or a dict of them by name
        Decides dtypes and shapes. Integers stay integers, as an embedding needs them; for an estimator they, and
        frames of numbers, become an input of the model's own float.
    path : path, optional
        Written when complete, so an interruption leaves the old file as it was.
    dynamic_axes : dict from the name of an input to its free axes, optional
        A list of axes, or a dict from axis to name, as in PyTorch: {"x": {0: "batch", 1: "time"}}; of equal names the
        lengths are equal. By default axis 0, "batch", of all inputs that are as long there as the first one; if the
        model has layers that take time first, its axes 0 and 1. With {} all sizes are those of the example.
    input_names, output_names : list of str, optional
        By default the names of the arguments, and `output` or, of several, their keys or positions.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ExportError
        If an operation has no form in ONNX, or if what the model computes depends on the values or the size of the
        input in a way that no graph says. The message names the operation, the layer and the line.
    ImportError
        If onnx is not installed.

    Examples
    --------
    >>> model = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 3))
    >>> written = tg.onnx.export(model, tg.ones(2, 4))  # and with a path, to a file
    >>> [node.op_type for node in written.graph.node]
    ['Gemm', 'Relu', 'Gemm']
    >>> restored = tg.onnx.load(written)
    >>> bool(tg.allclose(restored(tg.ones(5, 4)), model(tg.ones(5, 4))))
    True
    """
    module = _as_module(model)
    head = head_of(model)
    given, rebuild = inputs_of(module, example, input_names, head)
    names = [name for name, _ in given]
    function = _call(module if head is None else head.compute, rebuild)
    with _evaluated(module), _short_tables(module):
        try:
            merged = recorded(module, function, given, dynamic_axes)
        except ExportError as error:
            raise error if head is None else ExportError(f"{type(model).__name__}: {error}") from None
    writer = Writer(merged, names)
    results = writer.write()
    if head is not None:
        head.name_classes(writer, list(merged.first.result), results)
    structure = _structure(merged.first.result)
    titles = _output_names(structure, len(results), output_names, [*names, *writer.taken])
    proto = _model(writer, merged, results, names, titles, model)
    notes = {
        "tinygrad_ml": json.dumps(
            {
                "parameters": writer.parameters,
                "buffers": writer.buffers,
                "result": _with_names(structure, iter(titles)),
            }
        ),
        **_vocabulary(model),
        **({} if head is None else head.metadata),
    }
    helper.set_model_props(proto, notes)
    _check(proto)
    if path is not None:
        content = proto.SerializeToString()
        replace_file(Path(path), lambda file: file.write(content))
    return proto


# ---------------------------------------------------------------------- what is given


def _as_module(model: Any) -> Module:
    if isinstance(model, Module):
        return model
    kind = type(model)
    if kind.__module__.partition(".")[0] == "torch":
        raise TypeError(f"tg.onnx.export: {kind.__name__} is a module of PyTorch; torch.onnx.export exports it")
    if hasattr(model, "get_params"):
        raise TypeError(
            f"tg.onnx.export: {kind.__name__} is no model of this library; export its steps by skl2onnx, and a model "
            "of tinygrad_ml in it by itself: tg.onnx.export(pipeline[-1], pipeline[:-1].transform(X), path)"
        )
    if callable(model) and not isinstance(model, type):
        return nn.Lambda(model)
    raise TypeError(
        f"tg.onnx.export: the model must be a Module, an estimator or a function of Tensors, not {_named(model)}"
    )


def _named(thing: Any) -> str:
    return (
        f"the class {thing.__name__}; make one: {thing.__name__}(...)"
        if isinstance(thing, type)
        else type(thing).__name__
    )


def _call(function: Callable, rebuild: Callable) -> Callable:
    def call(*given: Any) -> Any:
        arguments, named = rebuild(given)
        return function(*arguments, **named)

    return call


@contextmanager
def _evaluated(module: Module) -> Iterator[None]:
    """Put a module into evaluation mode, and every part of it back into its own afterwards."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


@contextmanager
def _short_tables(module: Module) -> Iterator[None]:
    """Give each Embedding with `max_norm` the table that it would have once every row was looked up, for a while."""
    changed: list[tuple[nn.Embedding, Any, Any]] = []
    try:
        for path, part in module.named_modules():
            if isinstance(part, nn.Embedding) and part.max_norm is not None:
                table = part.weight
                if sum(any(value is table for value in vars(other).values()) for other in module.modules()) > 1:
                    raise ExportError(
                        f"Embedding(max_norm={part.max_norm}){where(path, '')} shortens rows of its table when it "
                        "looks them up, and another layer uses the table as it is then: look all rows up once, "
                        "layer(np.arange(layer.num_embeddings)), and set layer.max_norm = None"
                    )
                table._sync_version()
                before = table._capture()
                changed.append((part, part.max_norm, before))
                table._restore((copied(before[0]), None, *before[2:]))
                with no_grad():
                    part.forward(np.arange(part.num_embeddings))
                part.max_norm = None
        yield
    finally:
        for part, max_norm, before in changed:
            part.weight._restore(before)
            part.max_norm = max_norm


# ---------------------------------------------------------------------- what is written


def _vocabulary(model: Any) -> dict[str, str]:
    """Return what the rows of the table of a model of text stand for, for the metadata."""
    found = {}
    for name in ("characters_", "vocabulary_"):
        if name in vars(model):
            known = vars(model)[name]
            found[name.rstrip("_")] = json.dumps(
                known if isinstance(known, str) else [*map(str, known)], ensure_ascii=False
            )
    return found


def _structure(result: Any) -> Any:
    """Return how a result is nested, with an asterisk for each Tensor."""
    if isinstance(result, dict):
        return {key: _structure(part) for key, part in result.items()}
    if isinstance(result, (list, tuple)):
        return [_structure(part) for part in result]
    return None if result is None else "*"


def _with_names(structure: Any, names: Iterator[str]) -> Any:
    if isinstance(structure, dict):
        return {key: _with_names(part, names) for key, part in structure.items()}
    if isinstance(structure, list):
        return [_with_names(part, names) for part in structure]
    return None if structure is None else next(names)


def _output_names(structure: Any, count: int, names: Sequence[str] | None, taken: Sequence[str]) -> list[str]:
    if names is not None:
        if isinstance(names, str) or len(names) != count or len({*names}) != count or {*names} & {*taken}:
            raise ValueError(
                f"tg.onnx.export: output_names={names!r} must be {count} different names, not of inputs or weights"
            )
        return list(names)
    found: list[str] = []

    def walk(part: Any, name: str) -> None:
        if isinstance(part, dict):
            for key, inner in part.items():
                walk(inner, f"{name}_{key}".strip("_"))
        elif isinstance(part, list):
            for k, inner in enumerate(part):
                walk(inner, f"{name or 'output'}_{k}")
        elif part is not None:
            name = name or "output"
            while name in found or name in taken:
                name += "_"
            found.append(name)

    walk(structure, "")
    return found


def _model(
    writer: Writer, merged: Merged, results: list[Part], inputs: list[str], outputs: list[str], model: Any
) -> ModelProto:
    made = {name for node in writer.nodes for name in node.output}
    renamed: dict[str, str] = {}
    for part, name in zip(results, outputs):
        if part.name in made and part.name not in renamed:
            renamed[part.name] = name
        else:  # an input or a constant as it is, or twice the same
            source = renamed.get(part.name, part.name)
            writer.nodes.append(helper.make_node("Identity", [source], [name], name=writer.unused(f"{name}/Identity")))
    for node in writer.nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    nodes, initializers = _used(writer, outputs)
    given = [
        helper.make_tensor_value_info(name, _element(value.dtype), _lengths(merged.shape_of(value)))
        for name, value in zip(inputs, merged.first.inputs)
    ]
    returned = [
        helper.make_tensor_value_info(name, _element(part.dtype), _lengths(part.shape))
        for name, part in zip(outputs, results)
    ]
    graph = helper.make_graph(nodes, type(model).__name__, given, returned, initializers)
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tinygrad_ml",
        producer_version=__version__,
    )


def _element(dtype: Any) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _lengths(shape: Any) -> list[Any] | None:
    return None if shape is None else [(n.symbol or None) if isinstance(n, Size) else n for n in shape]


def _used(writer: Writer, outputs: list[str]) -> tuple[list, list]:
    """Return the nodes and initializers that outputs need."""
    needed = {*outputs}
    kept = []
    for node in reversed(writer.nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    return kept[::-1], [tensor for name, tensor in writer.initializers.items() if name in needed]


def _check(proto: ModelProto) -> None:
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"onnx.checker refuses the file that would be written: {error}") from error
    except ValueError as error:  # of Protobuf: a file has at most 2 GB
        raise ExportError(f"the model is too large for one file of ONNX: {error}") from error
