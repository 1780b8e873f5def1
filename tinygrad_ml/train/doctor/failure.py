"""The first operation whose value or gradient is NaN or infinite, and the layer that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...arrays import on_host
from ...autograd import grad
from ...modes import Mode, detect_anomaly, modes
from ...nn.module import Module
from ...tensor import Tensor
from ...validation import first_non_finite
from .finding import Finding
from .level import untouched

__all__ = ["first_failure", "non_finite"]

OPERATION = (
    "Keep that operation from its singular point: clip its argument, add a small number, or use a form that is safe "
    "(losses of logits, logsumexp, log1p)."
)


class _Place:
    """Observers of calls and operations: the module in which one raised, or to whose operation a gradient came last."""

    def __init__(self, module: Module):
        self.names = {id(m): name for name, m in module.named_modules()}
        self.stack: list[str] = []
        self.raised: str | None = None
        self.reached: str | None = None
        self.handles: list[Any] = []

    @contextmanager
    def call(self, module: Module, inputs: tuple, named: dict[str, Any]) -> Iterator[Callable[[Any], None]]:
        self.stack.append(self.names.get(id(module), self.stack[-1] if self.stack else ""))
        try:
            yield lambda output: None
        except FloatingPointError:
            self.raised = self.stack[-1] if self.raised is None else self.raised
            raise
        finally:
            self.stack.pop()

    def operation(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        """See each operation: the gradient of its output comes just before its own derivatives are computed."""
        self.check(primitive, inputs, parameters, result)
        name = self.stack[-1] if self.stack else None
        if type(result) is Tensor and result.node is not None:
            self.handles.append(result.register_hook(lambda g: setattr(self, "reached", name)))

    def __enter__(self) -> _Place:
        self.anomaly = detect_anomaly()
        self.anomaly.__enter__()
        self.check: Any = modes.observer
        self.mode = Mode(call_observer=self.call, observer=self.operation)
        self.mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__()
        self.anomaly.__exit__()
        for handle in self.handles:
            handle.remove()


def first_failure(module: Module, loss: Callable | None, batch: tuple, training: bool = True) -> Finding | None:
    """Run a batch again, and say which operation is the first whose value or gradient is not finite.

    Without a loss, the gradient of the sum of the outputs is looked at.
    """
    place = _Place(module)
    try:
        with untouched(module, training), place:
            output = module(batch[0])
            value = loss(output, *batch[1:]) if loss is not None else output.sum()
            learning = [p for p in module.parameters() if p.requires_grad]
            if learning:
                grad(value, learning, allow_unused=True)
    except FloatingPointError as error:
        backward = str(error).startswith("the gradient")
        name = place.reached if backward else place.raised
        where = name or ""
        outside = "" if name is not None or loss is None else ", in the loss"
        meaning = f"The first operation{outside}: {error}."
        return Finding("NaN or infinity", where, _value(str(error)), meaning, OPERATION, 1.0)
    except Exception:  # what fails otherwise says so where it is called
        return None
    return None


def _value(text: str) -> float:
    return float("nan") if " nan " in text else float("-inf") if "-inf" in text else float("inf")


def non_finite(module: Module, loss: Callable | None, batch: tuple, training: bool = True) -> Finding | None:
    """Say where NaN or infinity comes from: the data, the parameters, or an operation."""
    for part, name in zip(batch, ("input x", "target y", "sample weight")):
        array = on_host(part)
        found = first_non_finite(array) if array.dtype.kind in "fc" else None
        if found:
            where = f"row {found.where[0]}" if found.where else "it"
            if len(found.where) > 1:
                where += f", column {', '.join(map(str, found.where[1:]))}"
            meaning = f"The {name} has {found.value} in {where} of this batch, and {found.total - 1} more."
            advice = "Fill in what is missing, for example with the median of the column, or leave these rows out."
            return Finding("NaN or infinity", "", float(found.value), meaning, advice, 1.0)
    for name, p in module.named_parameters():
        found = first_non_finite(on_host(p))
        if found:
            layer = name.rpartition(".")[0]
            meaning = f"The parameter {name!r} holds {found.value}: a step was too large, or a gradient not finite."
            advice = "Make the model anew, lower the learning rate, and find the operation with tg.detect_anomaly()."
            return Finding("NaN or infinity", layer, float(found.value), meaning, advice, 1.0)
    return first_failure(module, loss, batch, training)
