"""Watching a step: the calls of modules, the activations inside, the gradients that come back, the update."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ... import ops
from ...arrays import on_host
from ...modes import Mode, modes
from ...nn import normalization
from ...nn.module import Module
from ...sparse_matrix import SparseMatrix
from ...tensor import Tensor
from .record import LayerSample, Parameters, Record, Sample, Units, norm
from .recurrent import FEWEST, over_time

__all__ = ["NOTHING", "Watch", "both", "in_turn", "is_sampled"]

ELEMENTS = 2**16  # of an array that are looked at
# An activation is without a slope where its derivative is below a hundredth of the largest one.
_ops: Any = ops  # of which a type checker knows the functions that they are, not what else they have
ACTIVATIONS = {_ops.relu.primitive: "ReLU", _ops.sigmoid.primitive: "sigmoid", _ops.tanh.primitive: "tanh"}
SATURATED = {"sigmoid": 0.4975, "tanh": 0.995}  # distance from the middle: 4 s (1 - s) and 1 - t² are below 0.01 beyond
PROBABILITIES = {_ops.softmax.primitive: "softmax", _ops.sigmoid.primitive: "sigmoid"}
BATCH_NORMS = (normalization.BatchNorm1d, normalization.BatchNorm2d)


def is_sampled(step: int, every: int = 128) -> bool:
    """Whether a step, counted from 1, is watched: 1, 4, 16, 64, and every 128th.

    >>> from tinygrad_ml.train.doctor.watch import is_sampled
    >>> [step for step in range(1, 400) if is_sampled(step)]
    [1, 4, 16, 64, 128, 256, 384]
    """
    return step % every == 0 if step >= every else step in (1, 4, 16, 64)


class _Nothing:
    """The context around a call that nobody looks at."""

    def __enter__(self) -> Callable[[Any], None]:
        return _ignore

    def __exit__(self, *error: Any) -> None:
        pass


def _ignore(output: Any) -> None:
    pass


NOTHING = _Nothing()


class _Call:
    """The context around a call in a watched step."""

    def __init__(self, watch: Watch, module: Module, inputs: tuple, name: str | None):
        self.watch, self.module, self.inputs, self.name = watch, module, inputs, name
        self.is_root = not watch.stack

    def __enter__(self) -> Callable[[Any], None]:
        watch = self.watch
        if self.is_root:
            self.mode = Mode(observer=in_turn(modes.observer, watch.operation))
            self.mode.__enter__()
        watch.stack.append((self.module, watch.stack[-1][1] if self.name is None else self.name))
        return self.see_output

    def see_output(self, output: Any) -> None:
        self.watch.returned(self.module, self.name, self.inputs, output)
        if self.is_root:
            self.watch.finished(output)

    def __exit__(self, *error: Any) -> None:
        self.watch.stack.pop()
        if self.is_root:
            self.mode.__exit__(*error)


def in_turn(first: Callable | None, second: Callable) -> Callable:
    """Return an observer of operations that calls two; the first one may be missing."""
    if first is None:
        return second

    def observe(*args: Any) -> None:
        first(*args)
        second(*args)

    return observe


def both(first: Callable | None, second: Callable) -> Callable:
    """Return an observer of calls whose contexts are those of two, one in the other; the first may be missing."""
    if first is None:
        return second

    @contextmanager
    def around(*args: Any) -> Iterator[Callable[[Any], None]]:
        with first(*args) as outer, second(*args) as inner:

            def see_output(output: Any) -> None:
                inner(output)
                outer(output)

            yield see_output

    return around


class Watch:
    """Watches one module; `begin` and `end` stand around a step, which is its forward and its backward pass.

    Parameters
    ----------
    module : Module
    record : Record
        Where to write what is seen.
    on_failure : function
        What to call when a gradient is not finite.
    """

    def __init__(self, module: Module, record: Record, on_failure: Callable[[], None] = lambda: None):
        self.module, self.record, self.on_failure = module, record, on_failure
        self.names = {id(m): name for name, m in module.named_modules()}
        self.parameters = dict(module.named_parameters())
        self.owners = {id(m) for m in module.modules() if not any(True for _ in m.children()) or m.drawn_whole}
        self.owners |= {id(m) for m in module.modules() if any(isinstance(v, Tensor) for _, v in m.attributes())}
        self.stack: list[tuple[Module, str]] = []
        self.sample: Sample | None = None
        self.recurrent: dict[str, tuple[Module, np.ndarray]] = {}  # the last input of each recurrent layer
        self.batch_input: Any = None
        self._handles: list[Any] = []
        self._before: dict[str, tuple[np.ndarray, int]] = {}
        self._updating: Sample | None = None

    def names_of(self, parameters: Iterable[Tensor]) -> set[str]:
        """Return the names of parameters."""
        ids = {id(p) for p in parameters}
        return {name for name, p in self.parameters.items() if id(p) in ids}

    # ------------------------------------------------------------------ a step

    def begin(self, step: int) -> None:
        """Watch the next forward pass and its backward pass."""
        self.end()
        self.sample = sample = Sample(step)
        self._seen = False
        self._last_activation: Units | None = None
        self._made_by: dict[int, tuple[Any, str]] = {}
        if self.record.equal is None:
            self.record.equal = self._equal_units()
            self.record.zero = {name for name in self.record.equal if not self.parameters[name]._data.any()}
        for name, p in self.parameters.items():
            if p.requires_grad:
                sample.parameters[name] = note = Parameters()
                self._handles.append(p.register_hook(self._gradient_hook(note, name in self.record.equal)))

    def end(self) -> None:
        """Stop watching; what was seen goes into the record if there was a forward pass."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        sample, self.sample = self.sample, None
        self.stack.clear()
        if sample is None or not self._seen:
            return
        self._made_by = {}
        self.record.samples.append(sample)

    def before_update(self, sample: Sample) -> None:
        """Remember the weights (of large ones a part), so that `after_update` can say how far they went."""
        self._updating = sample
        for name in sample.parameters:
            p = self.parameters[name]
            if p.ndim > 1:
                stride = -(-p.size // ELEMENTS)
                part = np.array(on_host(p).reshape(-1)[::stride])
                self._before[name] = part, stride
                sample.parameters[name].size = norm(part) * math.sqrt(stride)

    def after_update(self) -> None:
        """Note how far the weights went, relative to their size."""
        if self._updating is None:
            return
        for name, (before, stride) in self._before.items():
            p = self.parameters[name]
            if p.size and -(-p.size // stride) == before.size:
                change = on_host(p).reshape(-1)[::stride] - before
                moved = change != 0  # of an embedding only the rows of the batch move
                part = before if moved.all() else before[moved]
                size = norm(part)
                ratio = norm(change) / size if size else (math.inf if part.size else 0.0)
                self._updating.parameters[name].update = ratio
        self._before, self._updating = {}, None

    def _equal_units(self) -> set[str]:
        """Return the weights whose rows, one for each unit, are all the same."""
        return {
            name
            for name, p in self.parameters.items()
            if p.ndim > 1 and len(p) > 1 and p.requires_grad and bool((p._data[1:] == p._data[:1]).all())
        }

    # ------------------------------------------------------------------ what modules and operations tell

    def call(self, module: Module, inputs: tuple, named: dict[str, Any]) -> Any:
        """Return the context around a call of a module: the observer of calls of the modes."""
        sample = self.sample
        if sample is None or not modes.recording:
            return NOTHING
        name = self.names.get(id(module))
        if not self.stack:
            if module is not self.module or self._seen:
                return NOTHING
            self._seen = True
            self.batch_input = inputs[0] if inputs else next(iter(named.values()), None)
            sample.rows = len(self.batch_input) if getattr(self.batch_input, "shape", ()) else 0
            if not self.record.samples and isinstance(self.batch_input, Tensor) and self.batch_input.dtype.kind == "f":
                x = on_host(self.batch_input)
                entries = x.values if isinstance(x, SparseMatrix) else x
                self.record.input_size = norm(entries) / math.sqrt(x.size or 1)
        return _Call(self, module, inputs, name)

    def returned(self, module: Module, name: str | None, inputs: tuple, output: Any) -> None:
        """Note the output of a module, and ask for the gradient that it will get."""
        tensor = output[0] if isinstance(output, (tuple, list)) and output else output
        if name is None or not isinstance(tensor, Tensor) or self.sample is None:
            return
        self._made_by.setdefault(id(tensor), (tensor, name))
        if id(module) not in self.owners or tensor._data.dtype.type not in (np.float32, np.float64):
            return
        layers = self.sample.layers
        if name not in layers:
            layers[name] = LayerSample(norm(on_host(tensor)) / math.sqrt(tensor.size or 1))
            if name not in self.record.order:
                self.record.order.append(name)
        layer = layers[name]
        layer.calls += 1
        if any(True for _ in module.parameters()):
            self._last_activation = None
        if not math.isfinite(layer.size):
            self.sample.finite = False
        if tensor.node is not None:
            self._handles.append(tensor.register_hook(lambda g: layer.gradients.append(norm(on_host(g)))))
        if isinstance(module, BATCH_NORMS) and module.training:
            self.sample.normalised[name] = tensor.size // tensor.shape[1]
            _, below = self._made_by.get(id(inputs[0]) if inputs else 0, (None, ""))
            if getattr(self.module.get_submodule(below), "bias", None) is not None and below:
                self.record.useless_biases[below] = name
        elif hasattr(module, "weight_hh_l0"):
            self.recurrent[name] = module, on_host(inputs[0])

    def look_over_time(self) -> None:
        """Note how the gradient of recurrent layers changes over time."""
        for name, (module, x) in self.recurrent.items():
            found = over_time(module, x)
            if found is not None:
                self.record.over_time[name] = found
        for name, layer in (self.record.samples[-1].layers if self.record.samples else {}).items():
            g = layer.gradients  # of each call, the last one first
            if len(g) >= FEWEST and g[0] > 0 and name not in self.record.over_time:
                self.record.over_time[name] = g[-1] / max(g), len(g)

    def operation(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        """Note which outputs of an activation have no slope: the observer of operations of the modes."""
        kind = ACTIVATIONS.get(primitive)
        if kind is None:
            return
        if self.sample is None or not self.stack:
            return
        module, name = self.stack[-1]
        if id(module) not in self.owners or any(True for _ in module.children()):
            # a function in the forward of a larger module belongs to the layer whose output it takes
            name = self._made_by.get(id(inputs[0]), (None, name))[1]
        output = on_host(result)
        if not output.size or output.ndim < 2:
            return
        units = self.record.units.get(name)
        if units is None:
            units = self.record.units[name] = Units(kind)
        self._last_activation = units
        if output.size > 4 * ELEMENTS and len(output) > 8:
            output = output[: max(8, len(output) * 4 * ELEMENTS // output.size)]
        if kind == "ReLU":
            on = output > 0
            axes = [1] if output.ndim == 4 else range(1, output.ndim)
            per_axis = [np.any(on, axis=tuple(a for a in range(output.ndim) if a != axis)) for axis in axes]
            units.add(per_axis)
            share = 1 - float(np.count_nonzero(on)) / on.size
            units.varies = units.varies or any(abs(1 - float(ever.mean()) - share) > 1e-9 for ever in per_axis)
        else:
            flat = output.reshape(-1)
            flat = flat[:: -(-flat.size // ELEMENTS)]
            middle = 0.5 if kind == "sigmoid" else 0.0
            share = float(np.count_nonzero(abs(flat - middle) > SATURATED[kind])) / flat.size
        self.sample.off[name] = max(share, self.sample.off.get(name, 0.0))

    def finished(self, output: Any) -> None:
        """Note the output of the module; an activation after the last layer makes it."""
        if isinstance(output, Tensor) and output.node is not None:
            self.record.made_by = PROBABILITIES.get(output.node.primitive, "")
        if not self.record.samples:  # later the weights may have become too large to tell
            self.look_over_time()
        if self._last_activation is not None:
            self._last_activation.is_output = True

    def _gradient_hook(self, note: Parameters, compare: bool) -> Callable[[Tensor], None]:
        def hook(g: Tensor) -> None:
            array = on_host(g)
            note.gradient = norm(array)
            if compare and note.gradient:
                note.differ = float(abs(array[1:] - array[:1]).max() / abs(array).max())
            if not math.isfinite(note.gradient):
                self.on_failure()

        return hook
