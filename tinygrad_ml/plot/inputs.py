"""What users give to be drawn: arrays, frames, and models, which are used as they are after training."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..nn.module import Module
from ..tensor import Tensor, get_default_dtype, tensor
from ..validation import check_array


def numbers(values: Any, name: str, who: str) -> np.ndarray:
    """Return real numbers as an array; refuse what is none."""
    if isinstance(values, (list, tuple)) and any(isinstance(x, Tensor) for x in values):
        values = [x.detach() if isinstance(x, Tensor) else x for x in values]
    array = check_array(values, name, who)
    if array.dtype == object:
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise TypeError(f"{who}: {name} must hold numbers, and has {_example(array)}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{who}: {name} must hold real numbers, and has {array.dtype}")
    return array


def column(values: Any, name: str, who: str) -> np.ndarray:
    """Return one value for each sample; a column is taken as a row."""
    array = numbers(values, name, who)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{who}: {name} has shape {array.shape}: one value for each sample is needed, (samples,)")
    return array


def labels_of(y: Any, who: str, name: str = "y") -> np.ndarray:
    """Return the class of each sample: numbers, strings or truth values."""
    array = check_array(y, name, who)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        one_hot = array.ndim == 2 and array.dtype.kind in "biuf" and bool((array.sum(axis=1) == 1).all())
        cure = f"; {name}.argmax(axis=1) makes them of one-hot rows" if one_hot else ""
        raise ValueError(f"{who}: {name} has shape {array.shape}: one class for each sample is needed{cure}")
    if array.dtype.kind == "f" and (fractions := array[np.trunc(array) != array]).size:
        raise ValueError(f"{who}: {name} has {fractions[0]:.6g}, and must hold classes, not measurements")
    return array.astype(str) if array.dtype == object else array


def names_of_columns(X: Any) -> list[str] | None:
    """Return the names of the columns of a frame, or None for what is none."""
    columns = getattr(X, "columns", None)
    return None if columns is None else [str(c) for c in columns]


def name_of(values: Any, otherwise: str) -> str:
    """Return the name of a column of a frame."""
    name = getattr(values, "name", None)
    return otherwise if name is None or isinstance(values, Tensor) else str(name)


def as_title(names: Sequence[Any] | None, count: int, who: str, argument: str) -> list[str]:
    """Return a title for each panel, as text."""
    if names is None:
        return [""] * count
    found = [str(name) for name in (names.tolist() if hasattr(names, "tolist") else names)]
    if len(found) != count:
        raise ValueError(f"{who}: {argument} has {len(found)} entries for {count} panels: one for each is needed")
    return found


def of_pytorch(model: Any) -> bool:
    """Whether something is a module of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def as_input(model: Any, array: np.ndarray) -> Any:
    """Return an array as a module takes it: floats with the dtype of its parameters."""
    floating = array.dtype.kind == "f"
    if of_pytorch(model):
        x = sys.modules["torch"].as_tensor(np.array(array))
        own = next((p for p in model.parameters() if p.is_floating_point()), None)
        return x if own is None else x.to(device=own.device, dtype=own.dtype if floating else None)
    if floating:
        parameters = model.parameters() if isinstance(model, Module) else ()
        array = array.astype(next((p.dtype for p in parameters if p.dtype.kind == "f"), get_default_dtype()))
    return tensor(array)


def object_not_class(model: Any, who: str) -> None:
    """Refuse a class in the place of an object of it."""
    if isinstance(model, type):
        raise TypeError(f"{who}: model is the class {model.__name__}; an object of it is needed: {model.__name__}(...)")


@contextmanager
def as_trained(model: Any) -> Iterator[None]:
    """Let a module behave as after training; afterwards modes and buffers are what they were, also after an error."""
    modules = list(model.modules()) if isinstance(model, Module) or of_pytorch(model) else []
    modes = [(m, m.training, "training" in vars(m)) for m in modules]
    ours = isinstance(model, Module)
    buffers = [(b, b._capture(), np.array(b._data)) for b in model.buffers()] if ours else []
    try:
        if modules:
            model.eval()
        yield
    finally:
        for module, mode, own in modes:
            module.training = mode
            if not own:  # it was that of the class
                vars(module).pop("training", None)
        for buffer, captured, value in buffers:
            buffer._restore(captured)
            if not np.array_equal(buffer._data, value, equal_nan=value.dtype.kind in "fc"):
                buffer.data = value  # it was written to in place


def _example(array: np.ndarray) -> str:
    return repr(next((x for x in array.ravel().tolist() if not isinstance(x, (int, float))), array))
