"""`tg.onnx.export`: a model as a file of ONNX."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, helper

from .. import __version__, nn
from ..foreign_names import takes_foreign_names
from ..modes import no_grad
from ..nn.module import Module
from ..serialization import replace_file
from ..tensor import Tensor, from_owned
from ..validation import check_array
from . import arrays, elementwise, indices, layers  # noqa: F401  # their rules
from .errors import ExportError
from .estimators import head_of
from .recording import Recording, where
from .sizes import Merged, Size, leaves_of
from .writer import OPSET, Part, Writer, refuse_what_has_no_form

__all__ = ["export"]

IR_VERSION = 8  # that of the operators' version, so that older runtimes read the file, too
Axes = Mapping[str, Any]


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
    given, rebuild = _inputs(module, example, input_names, head)
    names = [name for name, _ in given]
    function = _call(module if head is None else head.compute, rebuild)
    _refuse_tables_that_change(module)
    with _evaluated(module):
        merged = _recorded(module, function, given, dynamic_axes)
    writer = Writer(merged, names)
    results = writer.write()
    if head is not None:
        head.name_classes(writer, list(merged.first.result), results)
    structure = _structure(merged.first.result)
    titles = _output_names(structure, len(results), output_names, names)
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


def _inputs(
    module: Module, example: Any, names: Sequence[str] | None, head: Any
) -> tuple[list[tuple[str, Any]], Callable[[Sequence[Any]], tuple[tuple, dict]]]:
    """Return the inputs with their names, and a function from as many Tensors to the arguments of the model."""
    _refuse_what_is_no_example(example)
    found: list[tuple[str, Any]] = []

    def taken(x: Any, name: str) -> Callable[[Sequence[Any]], Any]:
        if x is None:
            return lambda given: None
        if isinstance(x, tuple):
            parts = [taken(part, f"{name}_{k}") for k, part in enumerate(x)]
            return lambda given: tuple([part(given) for part in parts])
        at = len(found)
        found.append((name, _as_input(x if head is None else head.table(x), name, head)))
        return lambda given: given[at]

    if isinstance(example, Mapping) and not hasattr(example, "iloc"):
        by_name = {key: taken(x, str(key)) for key, x in example.items()}
        rebuild: Callable = lambda given: ((), {key: part(given) for key, part in by_name.items()})
    else:
        several = example if isinstance(example, tuple) else (example,)
        arguments = _argument_names(module, len(several))
        parts = [taken(x, name) for x, name in zip(several, arguments)]
        rebuild = lambda given: (tuple([part(given) for part in parts]), {})
    if not found:
        raise ValueError("tg.onnx.export: the example holds no input")
    if names is not None:
        if isinstance(names, str) or len(names) != len(found) or len({*names}) != len(names):
            raise ValueError(f"tg.onnx.export: input_names={names!r} must be {len(found)} different names")
        found = [(name, array) for name, (_, array) in zip(names, found)]
    return found, rebuild


def _refuse_what_is_no_example(example: Any) -> None:
    if isinstance(example, (str, os.PathLike)):
        raise TypeError("tg.onnx.export: the example comes before the path: tg.onnx.export(model, example, path)")
    if isinstance(example, tuple) and example and all(type(n) is int for n in example):
        raise TypeError(
            f"tg.onnx.export: the example {example} looks like a shape; give an array: np.zeros({example}, np.float32)"
        )
    if isinstance(example, list) and example and all(getattr(x, "ndim", 0) for x in example):
        raise TypeError(
            "tg.onnx.export: a list of arrays could be several inputs or one: write a tuple of several, np.stack of one"
        )


def _argument_names(module: Module, count: int) -> list[str]:
    """Return the names of the first arguments of a module's forward."""
    function = module.function if isinstance(module, nn.Lambda) else module.forward
    try:
        known = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        known = []
    known += [f"input_{k}" for k in range(len(known), count)]
    return known[:count]


def _as_input(x: Any, name: str, head: Any) -> np.ndarray:
    frame = hasattr(x, "columns") and hasattr(x, "dtypes")
    array = check_array(x, name, "tg.onnx.export", "an example")
    if array.dtype.kind not in "fiub":
        what = f"has columns of dtype {array.dtype}: encode" if frame else f"is of dtype {array.dtype}: encode"
        raise TypeError(
            f"tg.onnx.export: the example {name!r} {what} them as numbers first (tg.features, or steps of a pipeline)"
        )
    if (
        not isinstance(x, (np.ndarray, np.generic, Tensor))
        and not hasattr(x, "dtype")
        and array.dtype == np.float64
        and head is None
    ):
        array = array.astype(np.float32) if not frame else array  # a list of Python's numbers, as tg.tensor takes it
    if head is not None and (array.dtype.kind != "f" or array.dtype == np.float16):
        array = array.astype(head.dtype)
    if array.size == 0:
        raise ValueError(
            f"tg.onnx.export: the example {name!r} is empty, of shape {array.shape}; give at least one row"
        )
    return np.array(array)


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


def _refuse_tables_that_change(module: Module) -> None:
    for path, part in module.named_modules():
        if isinstance(part, nn.Embedding) and part.max_norm is not None:
            raise ExportError(
                f"Embedding(max_norm={part.max_norm}){where(path, '')} shortens rows of its table when it looks them "
                "up, which has no form in ONNX: look all rows up once, layer(np.arange(layer.num_embeddings)), and set "
                "layer.max_norm = None"
            )


# ---------------------------------------------------------------------- running the model


def _recorded(module: Module, function: Callable, given: list[tuple[str, Any]], axes: Axes | None) -> Merged:
    """Run the model for inputs of several sizes; return what it computes for all of them."""
    choices = _choices(module, given, axes)
    with np.errstate(all="ignore"):
        with no_grad():
            function(*(from_owned(array) for _, array in given))  # what fails here is an error of the model itself
        try:
            example = Recording(module, function, given)
        except ExportError:
            raise
        except Exception as error:
            raise ExportError(
                f"the steps of the model cannot be written down: {type(error).__name__}: {error}. Inside of a vmap or "
                "of a function that works element by element, write it with operations on whole Tensors"
            ) from error
        refuse_what_has_no_form(example.needed(leaves_of(example.result)))
        failure: Exception | None = None
        for free in choices:
            try:
                return _merged(module, function, given, free)
            except Exception as error:
                failure = failure or error
    assert failure is not None
    if isinstance(failure, ExportError) or not choices[0]:
        raise failure
    raise ExportError(
        f"the model does not take inputs of other sizes than the example: {type(failure).__name__}: {failure}. Give an "
        f"example with a batch axis, or say by dynamic_axes={{{given[0][0]!r}: [...]}} which axes are free, or that "
        "none is: dynamic_axes={}"
    ) from failure


def _choices(module: Module, given: list[tuple[str, Any]], axes: Axes | None) -> list[dict[tuple[int, int], str]]:
    """Return which axes (of an input) may be free, and what they are called, the best choice first."""
    if axes is not None:
        return [_asked(given, axes)]
    first = given[0][1].shape
    choices: list[dict[tuple[int, int], str]] = []
    time_first = any(getattr(part, "batch_first", None) is False for part in module.modules())
    if time_first and len(first) >= 3:
        shared = {1: "batch"} if len(given) > 1 else {0: "time", 1: "batch"}
        choice: dict[tuple[int, int], str] = {}
        for k, (_, array) in enumerate(given):
            choice |= {
                (k, axis): name
                for axis, name in shared.items()
                if array.ndim > axis and array.shape[axis] == first[axis]
            }
        choices.append(choice)
    if first:
        of_batch = [k for k, (_, x) in enumerate(given) if x.ndim and x.shape[0] == first[0]]
        choices.append({(k, 0): "batch" for k in of_batch})
        if len(of_batch) > 1:
            choices.append({(0, 0): "batch"})
    return choices or [{}]


def _asked(given: list[tuple[str, Any]], axes: Axes) -> dict[tuple[int, int], str]:
    names = [name for name, _ in given]
    free: dict[tuple[int, int], str] = {}
    for name, wanted in axes.items():
        if name not in names:
            raise ValueError(f"tg.onnx.export: dynamic_axes has {name!r}, but the inputs are {names}")
        ndim = given[names.index(name)][1].ndim
        if isinstance(wanted, int):
            wanted = [wanted]
        if not isinstance(wanted, Mapping):
            wanted = {axis: "batch" if axis == 0 else f"{name}_{axis}" for axis in wanted}
        for axis, title in wanted.items():
            if not isinstance(axis, int) or not -ndim <= axis < ndim or not isinstance(title, str) or not title:
                raise ValueError(
                    f"tg.onnx.export: dynamic_axes={{{name!r}: {axis!r}: {title!r}}}: {name} has {ndim} axes, and a "
                    "free one has a name"
                )
            free[names.index(name), axis % ndim] = title
    return free


def _merged(
    module: Module, function: Callable, given: list[tuple[str, Any]], free: dict[tuple[int, int], str]
) -> Merged:
    symbols: dict[str, tuple[int, int, int]] = {}
    for (k, axis), name in free.items():
        length = given[k][1].shape[axis]
        if name in symbols and symbols[name][0] != max(length, 2):
            raise ValueError(
                f"tg.onnx.export: axes that are called {name!r} have the lengths {symbols[name][0]} and {length}"
            )
        length = max(length, 2)  # a length of 1 could broadcast
        symbols[name] = length, length + 1, length + 3
    names = list(symbols)
    which: list[dict[str, int]] = [
        dict.fromkeys(names, 0),
        *({n: int(n == name) for n in names} for name in names),
        dict.fromkeys(names, 2),
    ]
    recordings = []
    for turn, choice in enumerate(which):
        inputs = []
        for k, (name, array) in enumerate(given):
            shape = list(array.shape)
            for (j, axis), symbol in free.items():
                if j == k:
                    shape[axis] = symbols[symbol][choice[symbol]]
            inputs.append((name, _other(_resized(array, shape), turn)))
        recordings.append(Recording(module, function, inputs))
    return Merged(recordings, symbols)


def _resized(array: np.ndarray, shape: list[int]) -> np.ndarray:
    for axis, length in enumerate(shape):
        array = np.take(array, np.arange(length) % array.shape[axis], axis)
    return array


def _other(array: np.ndarray, turn: int) -> np.ndarray:
    """Return other values that the model must be able to take as well as those of the example.

    The rows go round, and numbers that are not whole become smaller: whole ones could be labels or counts.
    """
    if not turn or not array.ndim:
        return array
    array = np.roll(array, turn, 0)
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        array = (array * (1 - turn / 16)).astype(array.dtype)
    return array


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
                f"tg.onnx.export: output_names={names!r} must be {count} different names, and not those of inputs"
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
