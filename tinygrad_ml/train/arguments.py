"""Whether the module and the loss can be called with the data as `fit` does it, and what to change if not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..nn.module import Module
from ..tensor import Tensor

if TYPE_CHECKING:
    from .run import Run

ONE_INPUT = "a module with several inputs can take one array with their columns side by side, and divide it in forward"


def check_calls(run: Run, what: str, batch: tuple) -> None:
    """Raise TypeError if `loss(module(x), *rest)` has too few or too many arguments with a batch (x, *rest)."""
    reason = _misfit(run.module, 1)
    if reason:
        raise TypeError(
            f"fit: the module is called with one input, module(x), which does not suit "
            f"{type(run.module).__name__} ({reason}): {ONE_INPUT}"
        )
    reason = _misfit(run.loss, len(batch))
    if not reason:
        return
    source = run.data.source if what == "data" or run.validation is None else run.validation.source
    if len(batch) > 1:
        advice = f"{what} must be (X, y), and more only if the loss takes it; {ONE_INPUT}"
    elif isinstance(source, list):
        advice = f"{what} is a list, so each item of it is a batch; write a tuple, (X, y)"
    else:
        advice = f"{what} has no target; write a tuple, (X, y)"
    name = getattr(run.loss, "__name__", type(run.loss).__name__)
    rest = (
        f" and {len(batch) - 1} part{'s' * (len(batch) > 2)} of the batch" if len(batch) > 1 else ", and nothing else"
    )
    raise TypeError(f"fit: the loss {name} gets the output of the module{rest} ({reason}): {advice}")


def _misfit(function: Any, count: int) -> str:
    """Return what is wrong with so many arguments; "" if nothing is, or if nobody knows."""
    try:
        signature = inspect.signature(function.forward if isinstance(function, Module) else function)
    except (TypeError, ValueError):  # a function in C
        return ""
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        return str(error)  # such as "missing a required argument: 'target'"
    return ""


def check_metrics(metrics: Any) -> dict[str, Callable]:
    """Return the metrics as a dict of their own, or raise TypeError."""
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"fit: metrics must be a dict from names to functions, such as {{'accuracy': function}}, not "
            f"{type(metrics).__name__}"
        )
    for name, function in metrics.items():
        if not callable(function):
            raise TypeError(f"fit: the metric {name!r} must be a function of target and output, not {function!r}")
    return dict(metrics)


def check_measurable(output: Any, rest: list) -> None:
    """Raise TypeError or ValueError if metrics cannot be computed from this output and what follows x in the batch."""
    if not isinstance(output, Tensor):
        raise TypeError(
            f"fit: metrics need a module that returns one Tensor, but this one returns a {type(output).__name__}"
        )
    if not rest:
        raise ValueError("fit: metrics compare outputs with targets, but validation has none; give validation=(X, y)")
