"""Running a model for inputs of several sizes: which axes are free, and what it computes for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..modes import no_grad
from ..nn.module import Module
from ..tensor import from_owned
from .errors import ExportError
from .recording import Recording
from .sizes import Merged, leaves_of
from .writer import refuse_what_has_no_form

__all__ = ["Axes", "recorded"]

Axes = Mapping[str, Any]


def recorded(module: Module, function: Callable, given: list[tuple[str, Any]], axes: Axes | None) -> Merged:
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
