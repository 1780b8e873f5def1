"""Writing nodes of an ONNX graph: names, constants, dtypes, and sizes that are free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ..tape.traced import Value
from .errors import ExportError
from .recording import Step
from .sizes import Band, Merged, MergedStep, Ramp, Size, Spread

__all__ = ["OPSET", "RULES", "TO_DOUBLE", "TO_SINGLE", "Part", "Writer", "refuse_what_has_no_form", "rule"]

OPSET = 18
RULES: dict[str, Callable] = {}  # name of an operation, or of NumPy's function -> how it is written

# Operators that onnxruntime has no kernel for in double precision: they are computed in single precision between two
# casts, so that a model of float64 runs everywhere, to the accuracy of float32.
SINGLE = {
    *("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "Conv", "ConvTranspose", "Cosh", "Elu", "Erf"),
    *("GRU", "LeakyRelu", "LSTM", "RNN", "Selu", "Sinh", "Softplus"),
}

TO_SINGLE, TO_DOUBLE = "Cast_to_single", "Cast_back_to_double"  # names of these casts


def rule(*names: str) -> Callable[[Callable], Callable]:
    """Let a function write the operations of these names: a decorator."""

    def register(function: Callable) -> Callable:
        for name in names:
            RULES[name] = function
        return function

    return register


class Part:
    """A value of the graph: its name there, its dtype, and its shape with Sizes (None where it is not needed)."""

    __slots__ = ("dtype", "name", "shape", "step")

    def __init__(self, name: str, dtype: Any, shape: Any = None):
        self.name, self.dtype = name, np.dtype(dtype)
        self.shape: Any = shape
        self.step: MergedStep | None = None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape or ())


class Writer:
    """Writes the steps of a model into the nodes of a graph."""

    def __init__(self, merged: Merged, inputs: Sequence[str]):
        self.merged = merged
        self.nodes: list[NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.constants: dict[tuple, str] = {}
        self.parts: dict[Value, Part] = {}
        self.taken: dict[str, int] = {}
        self.sizes: dict[str, Part] = {}
        self.parameters: list[str] = []
        self.buffers: list[str] = []
        self.step: MergedStep | None = None
        for name, value in zip(inputs, merged.first.inputs):
            self.taken[name] = 1
            self.parts[value] = Part(name, value.dtype, merged.shape_of(value))
        for name, (symbol, _) in self._carriers(inputs).items():
            self.sizes[symbol] = Part(name, np.int64)
        used = {v for step in merged.steps for v in _values_in((step.inputs, step.parameters))}
        used |= {v for v in merged.result if type(v) is Value}
        for value, (name, array, learned) in merged.first.leaves.items():
            if value in used:
                name = self.unused(name)
                self.initializers[name] = numpy_helper.from_array(
                    np.ascontiguousarray(array).reshape(array.shape), name
                )
                self.parts[value] = Part(name, array.dtype, array.shape)
                (self.parameters if learned else self.buffers).append(name)

    def _carriers(self, inputs: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Return for each free size an input and an axis of it that has this length."""
        found: dict[str, tuple[str, int]] = {}
        for name, value in zip(inputs, self.merged.first.inputs):
            for axis, length in enumerate(self.merged.shape_of(value)):
                if isinstance(length, Size) and length.symbol and length.symbol not in [s for s, _ in found.values()]:
                    found[f"{name}/{axis}"] = length.symbol, axis
        return found

    def unused(self, name: str) -> str:
        """Return a name that nothing else in the graph has."""
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else self.unused(f"{name}_{count}")

    # ------------------------------------------------------------------ nodes

    def op(
        self,
        kind: str,
        *inputs: Any,
        outputs: int = 1,
        dtype: Any = None,
        shape: Any = None,
        title: str = "",
        **attributes: Any,
    ) -> Any:
        """Write a node; return what comes out of it: a Part, or with several `outputs` a tuple of them.

        The dtype is that of the first input, and the shape is left open, if they are not given.
        """
        given = [self.part(x) for x in inputs]
        single = kind in SINGLE and any(p is not None and p.dtype == np.float64 for p in given)
        if single:
            given = [
                self.cast(p, np.float32, TO_SINGLE) if p is not None and p.dtype == np.float64 else p for p in given
            ]
        of = np.dtype(dtype) if dtype is not None else given[0].dtype
        if single and of == np.float64:
            of = np.dtype(np.float32)
        scope = self.step.scope.replace(".", "/") if self.step is not None else ""
        stem = f"{scope}/{title or kind}" if scope else title or kind
        name = self.unused(stem)
        names = [f"{name}:{k}" for k in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, ["" if p is None else p.name for p in given], names, name=name, **attributes)
        )
        if self.step is not None:
            self.nodes[-1].doc_string = self.step.line  # where the program computes it
        parts = [Part(n, of, shape if outputs == 1 else None) for n in names]
        if single:
            parts = [self.cast(p, np.float64, TO_DOUBLE) for p in parts]
        return parts[0] if outputs == 1 else tuple(parts)

    def part(self, x: Any, dtype: Any = None) -> Any:
        """Return what stands for an argument: a Part itself, a Value, a number, an array, a Size."""
        if x is None or isinstance(x, Part):
            part = x
        elif type(x) is Value:
            part = self.parts[x]
        elif isinstance(x, Size):
            part = self.scalar(x)
        elif isinstance(x, Spread):
            part = self.op("Expand", self.constant(x.values), self.sizes_of(x.shape), shape=x.shape)
        elif isinstance(x, Ramp):
            part = self._ramp(x)
        elif isinstance(x, Band):
            part = self._band(x)
        elif isinstance(x, (list, tuple)) and any(isinstance(item, Size) for item in x):
            part = self.sizes_of(x)
        else:
            part = self.constant(np.asarray(x) if dtype is None or isinstance(x, np.ndarray) else np.asarray(x, dtype))
        return part if dtype is None or part is None else self.cast(part, dtype)

    def constant(self, array: Any, dtype: Any = None) -> Part:
        """Return a constant of the graph."""
        array = np.asarray(array, dtype)
        if array.dtype.kind == "c":
            raise ExportError(f"complex numbers have no place in ONNX's operators{self.place}")
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.constants:
            name = self.constants[key] = self.unused("constant")
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        return Part(self.constants[key], array.dtype, array.shape)

    def integers(self, numbers: Sequence[int]) -> Part:
        """Return a constant of int64 along one axis."""
        return self.constant(np.array(numbers, np.int64).reshape(-1))

    def cast(self, x: Any, dtype: Any, title: str = "Cast") -> Part:
        """Return a value in another dtype."""
        part, dtype = self.part(x), np.dtype(dtype)
        if part.dtype == dtype:
            return part
        if dtype.kind == "c":
            raise ExportError(f"complex numbers have no place in ONNX's operators{self.place}")
        if dtype.kind == "b":  # which a Cast also does, but not for NaN everywhere
            return self.op("Not", self.op("Equal", part, self.constant(0, part.dtype), dtype=bool), shape=part.shape)
        to = helper.np_dtype_to_tensor_dtype(dtype)
        return self.op("Cast", part, to=to, dtype=dtype, shape=part.shape, title=title)

    @property
    def place(self) -> str:
        """Where the step that is written now was called, for messages."""
        return f" ({self.step.name}{self.step.place})" if self.step is not None else ""

    # ------------------------------------------------------------------ sizes

    def size(self, length: Any) -> Part:
        """Return a length as int64 of shape (1,)."""
        if not isinstance(length, Size):
            return self.integers([length])
        if length.factors is None:
            raise ExportError(
                f"a length that is not a sum of free sizes{self.place}: {length.seen[0]} for the example, "
                f"{', '.join(map(str, length.seen[1:]))} for inputs of other sizes"
            )
        total: Any = None
        for symbol, factor in length.factors.items():
            term = self._symbol(symbol)
            term = term if factor == 1 else self.op("Mul", term, self.integers([factor]))
            total = term if total is None else self.op("Add", total, term)
        return total if not length.base else self.op("Add", total, self.integers([length.base]))

    def _symbol(self, symbol: str) -> Part:
        part = self.sizes[symbol]
        if "/" in part.name and part.shape is None:
            name, _, axis = part.name.rpartition("/")
            before, self.step = self.step, None
            part = self.op(
                "Shape", Part(name, np.float32), start=int(axis), end=int(axis) + 1, dtype=np.int64, shape=(1,)
            )
            self.sizes[symbol], self.step = part, before
        return part

    def scalar(self, length: Any) -> Part:
        """Return a length as int64 without axes."""
        return self.op("Squeeze", self.size(length), self.integers([0]), shape=())

    def sizes_of(self, shape: Sequence[Any]) -> Part:
        """Return a shape as int64 along one axis."""
        if not any(isinstance(length, Size) for length in shape):
            return self.integers(shape)
        pieces: list[Part] = []
        fixed: list[int] = []
        for length in [*shape, None]:
            if length is not None and not isinstance(length, Size):
                fixed.append(length)
                continue
            if fixed:
                pieces.append(self.integers(fixed))
                fixed = []
            if length is not None:
                pieces.append(self.size(length))
        return pieces[0] if len(pieces) == 1 else self.op("Concat", *pieces, axis=0)

    def _places(self, shape: Sequence[Any], axis: int) -> Part:
        """Return 0, 1, ... along an axis of a shape, as int64; all other axes have the length 1."""
        count = self.scalar(shape[axis]) if isinstance(shape[axis], Size) else self.constant(shape[axis], np.int64)
        places = self.op("Range", self.constant(0, np.int64), count, self.constant(1, np.int64))
        return self.reshape(places, [length if k == axis else 1 for k, length in enumerate(shape)])

    def _ramp(self, ramp: Ramp) -> Part:
        dtype = np.int64 if ramp.dtype.kind in "iu" else ramp.dtype
        total = self.constant(np.reshape(ramp.start, (1,) * len(ramp.shape)), dtype)
        for axis, step in ramp.steps.items():  # a Range of floats would be a sum of steps, which may end too late
            term = self.cast(self._places(ramp.shape, axis), dtype)
            total = self.op("Add", total, term if step == 1 else self.op("Mul", term, self.constant(step, dtype)))
        if any(n != 1 and axis not in ramp.steps for axis, n in enumerate(ramp.shape)):
            total = self.op("Expand", total, self.sizes_of(ramp.shape))
        return self.reshape(self.cast(total, ramp.dtype), ramp.shape)

    def _band(self, band: Band) -> Part:
        axes = len(band.shape)
        offset = self.op("Sub", self._places(band.shape, axes - 1), self._places(band.shape, axes - 2))
        dtype = np.dtype(np.int64) if band.dtype.kind == "b" else band.dtype
        part = self.constant(band.values[0], dtype)
        for diagonal, value in zip(band.diagonals, band.values[1:]):
            mask = self.op("GreaterOrEqual", offset, self.constant(diagonal, np.int64), dtype=bool)
            part = self.op("Where", mask, self.constant(value, dtype), part, dtype=dtype, shape=band.shape)
        return self.cast(part, band.dtype)

    def reshape(self, x: Any, shape: Sequence[Any]) -> Part:
        """Return a value in another shape; one free length is left to be inferred."""
        part = self.part(x)
        if part.shape is not None and tuple(part.shape) == tuple(shape):
            return part
        wanted = list(shape)
        if any(length == 0 for length in wanted if not isinstance(length, Size)):
            return self.op("Reshape", part, self.sizes_of(wanted), shape=tuple(shape), allowzero=1)
        free = [k for k, length in enumerate(shape) if isinstance(length, Size)]
        unknown = [k for k in free if wanted[k].factors is None]
        if free and -1 not in wanted:
            wanted[unknown[0] if unknown else free[0]] = -1
        return self.op("Reshape", part, self.sizes_of(wanted), shape=tuple(shape))

    # ------------------------------------------------------------------ steps

    def write(self) -> list[Part]:
        """Write all steps; return the outputs of the model."""
        for step in self.merged.steps:
            self.step = step
            result = RULES[step.name](self, Call(self, step))
            for value, shape, part in zip(
                step.outputs, step.shapes, result if isinstance(result, tuple) else (result,)
            ):
                part = self.cast(part, value.dtype)
                written = Part(part.name, part.dtype, shape)
                written.step = step
                self.parts[value] = written
        self.step = None
        return [self.part(value) for value in self.merged.result]

    def labels(self, positions: Part, classes: np.ndarray) -> Part:
        """Return the labels of classes at some positions: numbers, or text."""
        return self.op("Gather", self.table(classes), positions, axis=0, shape=positions.shape)

    def table(self, classes: np.ndarray) -> Part:
        """Return classes as a constant: numbers, or text."""
        if classes.dtype.kind in "fiub":
            return self.constant(classes.astype(np.int64) if classes.dtype.kind in "iu" else classes)
        table = Part(self.unused("classes"), object, classes.shape)
        texts: Any = [str(label).encode() for label in classes.ravel().tolist()]
        self.initializers[table.name] = helper.make_tensor(table.name, TensorProto.STRING, classes.shape, texts)
        return table


def refuse_what_has_no_form(steps: Sequence[Step] | Sequence[MergedStep]) -> None:
    """Raise if there is a step that no rule writes, whatever the sizes are."""
    for step in steps:
        if step.name not in RULES:
            raise ExportError(
                f"the operation {step.name!r} has no form in ONNX: it is called{step.place}. Compute it before or after"
                " the exported model, or write it with other operations (docs/onnx.md says which have one)"
            )
        if any(v.dtype is not None and v.dtype.kind == "c" for v in step.outputs):
            raise ExportError(f"{step.name}{step.place} gives complex numbers, which ONNX's operators do not know")


class Call:
    """A step as its rule sees it: `call[0]` is the first input, `call.axis` a parameter.

    Attributes
    ----------
    dtype, shape : of the first output
    """

    def __init__(self, writer: Writer, step: MergedStep):
        self.writer, self.step = writer, step
        self.inputs, self.parameters = step.inputs, step.parameters
        self.dtype, self.shape = step.outputs[0].dtype, step.shapes[0]

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, k: int) -> Part:
        return self.writer.part(self.inputs[k])

    def get(self, name: str, place: int | None = None, default: Any = None) -> Any:
        """Return a parameter, given by name or (to NumPy's function) by position."""
        if name in self.parameters:
            return self.parameters[name]
        return self.inputs[place] if place is not None and place < len(self.inputs) else default

    def of(self, dtype: Any) -> list[Part]:
        """Return all inputs in one dtype."""
        return [self.writer.part(x, dtype) for x in self.inputs]

    def common(self) -> list[Part]:
        """Return all inputs in the dtype that NumPy compares them in."""
        return self.of(common_dtype(self.inputs, self.writer))


def common_dtype(inputs: Sequence[Any], writer: Writer) -> np.dtype:
    """Return the dtype that NumPy computes with, Python's numbers being weak."""
    parts = [x if type(x) in (bool, int, float) else np.empty((0,), writer.part(x).dtype) for x in inputs]
    return np.result_type(*parts) if parts else np.dtype(np.float32)


def _values_in(x: Any) -> list[Value]:
    if type(x) is Value:
        return [x]
    if isinstance(x, (tuple, list)):
        return [v for part in x for v in _values_in(part)]
    if isinstance(x, dict):
        return _values_in(list(x.values()))
    return _values_in([x.start, x.stop, x.step]) if type(x) is slice else []
