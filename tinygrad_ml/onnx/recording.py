"""One call of a model, written down: the operations, what each reads, and which module and line it belongs to.

The model runs on arrays that note what is computed with them (`tape.traced`), so that nothing of the input gets
lost: what the model computes beside the operations, with NumPy itself, is found again as steps of their own, and what
leaves the arrays (`float(x)`, `if x > 0`) is refused, since a file could only hold the value of this one call.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from ..batched import Batched
from ..modes import Mode, is_users, user_frame
from ..nn.dropout import Dropout
from ..nn.module import Module
from ..nn.normalization import BatchNorm1d, BatchNorm2d
from ..nn.parameter import Parameter
from ..tape.traced import Source, Tape, Traced, Untraceable, Value, mapped
from ..tensor import Tensor, from_owned
from .errors import ExportError

__all__ = ["Recording", "Step", "where"]

BELOW = ("tinygrad_ml.tape.traced", "tinygrad_ml.tensor", "tinygrad_ml.ops.tensor_methods")  # carry a question on
PYTHONS = {"py_float": "float", "py_int": "int"}
RANDOM = "drawing random numbers"
TOLD = {  # what the traced arrays call it -> what it is for people
    ".item": ".item()",
    ".tolist": ".tolist()",
}


class Step:
    """One operation of the library, or one function of NumPy that was called beside them.

    Attributes
    ----------
    name : of the operation, or of NumPy's function
    inputs, parameters : Values and constants
    outputs : list of Value
    scope, line : the path of the module that called it, and the user's line
    """

    def __init__(
        self, name: str, inputs: Sequence, parameters: dict[str, Any], outputs: list[Value], scope: str, line: str
    ):
        self.name, self.inputs, self.parameters, self.outputs = name, inputs, parameters, outputs
        self.scope, self.line = scope, line

    @property
    def place(self) -> str:
        """Where it was called, for messages."""
        return where(self.scope, self.line) or " in the model itself"


class Recording(Tape):
    """What a function of a module computes for some inputs.

    Parameters
    ----------
    model : Module
    function : callable
        Called with the inputs; what it returns is the output.
    inputs : list of (name, array)

    Attributes
    ----------
    leaves : dict from Value to (name, array, whether it is a parameter), of the state of the module
    inputs : list of Value
    result : what was returned, with Values in the place of Tensors
    """

    def __init__(self, model: Module, function: Callable, inputs: Sequence[tuple[str, Any]]):
        super().__init__()
        self.caller = user_frame()  # of export: no line of the model
        self.scopes: list[str] = [""]
        self.paths = {id(module): path for path, module in model.named_modules()}
        self.alive: list[Any] = []
        self.places: dict[Value, tuple[str, str]] = {}
        self.steps: dict[Value, Step] = {}  # the operation that made a Value
        self.guards: list[tuple[Value, bool]] = []
        self.leaves: dict[Value, tuple[str, np.ndarray, bool]] = {}
        held: list[tuple[Tensor, tuple]] = []
        hooks: list[Any] = []
        try:
            for name, tensor in model._state():
                if all(tensor is not other for other, _ in held):
                    self._hold(name, tensor, held)
            for part in model.modules():
                if type(part) is Dropout and part.p > 0:
                    hooks.append(part.register_forward_hook(lambda module, _, output: self._drop(module, output)))
            given = [self.input(Source(name, name), array) for name, array in inputs]
            self.inputs = [traced.value for traced in given]
            with Mode(recording=False, tracer=_Tracer(self), observer=self.observe, call_observer=self.enter):
                result = function(*map(from_owned, given))
                self.result = self._values_of(result)
        except Untraceable as error:
            raise self.refusal(error) from None
        finally:
            for tensor, before in held:
                tensor._restore(before)
            for hook in hooks:
                hook.remove()

    def _hold(self, name: str, tensor: Tensor, held: list) -> None:
        """Let a parameter or a buffer note what is computed with it."""
        tensor._sync_version()
        before = tensor._capture()
        array = tensor._data
        traced = self.input(Source(name, name), array)
        self.leaves[traced.value] = name, array, isinstance(tensor, Parameter)
        held.append((tensor, before))
        tensor._restore((traced, None, tensor._exported, tensor._version, tensor._grad))

    def refusal(self, error: Untraceable) -> ExportError:
        """Return the error for something that a file cannot hold."""
        frames = [
            (f, number) for f, number in traceback.walk_tb(error.__traceback__) if is_users(f) and f is not self.caller
        ]
        at = where(self.scopes[-1], _place(*frames[-1]) if frames else "")
        what = str(error)
        if what == RANDOM:
            return ExportError(
                f"{what} cannot be exported{at}: give the random numbers to the model as an input, or leave them out "
                "of evaluation mode (`if self.training:`)"
            )
        return ExportError(
            f"{TOLD.get(what, what)} cannot be exported{at}: it depends on the values of one call, and the file would "
            "hold those of the example only; write it with operations on Tensors, such as tg.where"
        )

    # ------------------------------------------------------------------ what is noted

    def add(self, op: str, function: Any, args: tuple, parameters: dict[str, Any], concrete: Any) -> Traced:
        if op in PYTHONS:
            raise Untraceable(f"{PYTHONS[op]}()")
        traced = super().add(op, function, args, parameters, concrete)
        if op != "input":
            self.places[traced.value] = self.scopes[-1], self._line()
        return traced

    def guard(self, traced: Traced, expected: bool) -> None:
        if _asked_by_user():
            raise Untraceable("a branch on a value (if, while, bool())")
        self.guards.append((traced.value, expected))

    def observe(self, primitive: Any, inputs: Sequence, parameters: dict[str, Any], output: Any) -> None:
        """Note an operation: the observer of the modes."""
        inputs, parameters = primitive.bind(tuple(inputs), dict(parameters))
        args = [self._value_of(x) for x in inputs]
        grown = {key for key, x in parameters.items() if type(x) is list and any(type(part) is Traced for part in x)}
        named = {key: mapped(self._value_of, x) for key, x in parameters.items() if key not in grown}
        outputs = [self._value_of(part) for part in (output if type(output) is tuple else (output,))]
        if not all(type(value) is Value for value in outputs) or any(type(value) is Batched for value in args):
            return  # it was computed from constants, or inside of a vmap, whose steps are those of NumPy
        self.alive.append(inputs)
        step = Step(primitive.name, args, named, outputs, self.scopes[-1], self._line())
        known = {value for value in args if type(value) is Value}
        for value in outputs:
            if value not in known and value not in self.leaves and value not in self.inputs:
                self.steps.setdefault(value, step)

    @contextlib.contextmanager
    def enter(self, module: Module, inputs: tuple, named: dict[str, Any]) -> Iterator[Callable[[Any], None]]:
        """Note which module runs: the observer of calls of the modes."""
        if id(module) not in self.paths:
            self.paths |= {
                id(part): f"{type(module).__name__}.{path}".strip(".") for path, part in module.named_modules()
            }
            self.alive.append(module)
        self.scopes.append(self.paths[id(module)])
        yield lambda result: self._leave(module, inputs, result)
        self.scopes.pop()  # after an error it stays, for the message

    def _leave(self, module: Any, inputs: tuple, result: Any) -> None:
        """Note a batch norm as one step: of the operations that it consists of nobody could tell that it is one."""
        if type(module) in (BatchNorm1d, BatchNorm2d) and module.running_mean is not None and module._hooks is None:
            given = [inputs[0], module.weight, module.bias, module.running_mean, module.running_var]
            value = self._value_of(result)
            step = Step("batch_norm", [*map(self._value_of, given)], {"eps": module.eps}, [value], self.scopes[-1], "")
            self.steps[value] = step

    def _drop(self, module: Any, output: Tensor) -> Tensor:
        """Return what a dropout returned, as a step of its own: in evaluation mode it does nothing."""
        data = output._data
        if type(data) is not Traced:
            return output
        same = self.add("dropout", np.positive, (data, module.p), {}, data.concrete)
        return from_owned(same)

    def _value_of(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            x = x._data
        return x.value if type(x) is Traced else x

    def _values_of(self, result: Any) -> Any:
        """Return a result with Values in the place of Tensors."""
        if isinstance(result, dict):
            return {str(key): self._values_of(part) for key, part in result.items()}
        if isinstance(result, (tuple, list)):
            return (
                type(result)(*map(self._values_of, result))
                if hasattr(result, "_fields")
                else [*map(self._values_of, result)]
            )
        value = self._value_of(result)
        if isinstance(value, (np.ndarray, np.generic, Value)) or value is None:
            return value
        if isinstance(value, (bool, int, float)):
            return np.asarray(value)
        raise ExportError(
            f"the model returned a {type(result).__name__}; it must return a Tensor, or a tuple, list or dict of them"
        )

    def _line(self) -> str:
        """Return the user's line that is computed now, unless it is that which exports."""
        frame = user_frame()
        return "" if frame is self.caller else _place(frame, frame.f_lineno)

    # ------------------------------------------------------------------ what is needed

    def needed(self, outputs: Sequence[Any]) -> list[Step]:
        """Return the steps that these outputs are computed by, each after those that it needs."""
        done: set[Any] = set()
        order: list[Step] = []
        stack: list[tuple[Any, bool]] = [(value, False) for value in reversed(outputs) if type(value) is Value]
        while stack:
            value, ready = stack.pop()
            step = self.step_of(value)
            if step is None or (step in done):
                continue
            if ready:
                done.add(step)
                order.append(step)
                continue
            stack.append((value, True))
            stack += [(v, False) for v in reversed(_values(step))]
        return order

    def step_of(self, value: Value) -> Step | None:
        """Return what made a Value, or None for an input or a leaf."""
        if value.op == "input":
            return None
        if value not in self.steps:
            if value.op == "part" and type(value.args[0]) is Value and value.args[0].op != "part":
                return self._several(value)
            scope, line = self.places[value]
            name = getattr(value.function, "__name__", value.op).lstrip("_") if value.op == "opaque" else value.op
            self.steps[value] = Step(name, value.args, value.parameters, [value], scope, line)
        return self.steps[value]

    def _several(self, part: Value) -> Step:
        """Return the step of a function of NumPy with several results."""
        whole = part.args[0]
        scope, line = self.places[whole]
        parts = [v for v in self.values if v.op == "part" and v.args[0] is whole]
        step = Step(whole.op, whole.args, whole.parameters, parts, scope, line)
        self.steps |= dict.fromkeys(parts, step)
        return step


class _Tracer:
    """What the library asks while a call is recorded."""

    def __init__(self, recording: Recording):
        self.recording = recording

    def saw(self, inputs: Any) -> None:
        """Leaves need not be known."""

    def opaque(self, function: Callable, args: tuple, parameters: dict[str, Any], error: Exception) -> Any:
        """Return what a kernel gives that could not be traced."""
        return self.recording.opaque(function, args, parameters, error)

    def random(self, generator: Any) -> Any:
        """Return what refuses to draw."""
        return _Silent(generator)

    def step(self, optimizer: Any) -> NoReturn:
        """Refuse to train."""
        raise Untraceable("a step of an optimizer")


def _values(step: Step) -> list[Value]:
    found: list[Value] = []
    mapped(lambda x: found.append(x) if type(x) is Value else None, [list(step.inputs), step.parameters])
    return found


class _Silent:
    """In the place of the generator of random numbers: nothing can be drawn, only its state be looked at."""

    def __init__(self, generator: Any):
        self.bit_generator = generator.bit_generator

    def __getattr__(self, name: str) -> NoReturn:
        raise Untraceable(RANDOM)


def _asked_by_user() -> bool:
    """Whether it is the user's program that wants to know a value, and not a check of the library."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "") in BELOW:
        frame = frame.f_back
    return frame is not None and is_users(frame)


def where(scope: str, line: str) -> str:
    """Say where something was called, for messages."""
    return (f" in the layer {scope!r}" if scope else "") + (f" ({line})" if line else "")


def _place(frame: FrameType, number: int) -> str:
    """Return a line of the user's program as "model.py:12: y = f(x)"."""
    file = frame.f_code.co_filename
    code = linecache.getline(file, number).strip()
    return f"{os.path.basename(file)}:{number}" + (f": {code}" if code else "")
