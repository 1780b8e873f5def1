"""Checking an operation of one's own: values, derivatives, dtypes, layouts, shapes, at the samples that are given."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from ..autograd import grad
from ..ops import copy, flip, getitem, transpose
from ..tensor import Tensor, from_owned
from .gradcheck import gradcheck
from .report import Failure, GradientCheckError, wrapped

Arrays = Sequence[Any]
SINGLE = {np.dtype(np.float64): np.dtype(np.float32), np.dtype(np.complex128): np.dtype(np.complex64)}
DOUBLE = {single: double for double, single in SINGLE.items()}
SHOWN = 5  # failures in the text of a report
VIEWS = "return a copy, or declare the operation with views=True: then the library copies where it must"


@dataclass(frozen=True)
class Sample:
    """Arguments to check an operation with.

    Parameters
    ----------
    inputs : array or tuple of arrays
        What is differentiated (floats, also complex ones), and constants (integers and bools: indices, conditions).
    parameters : dict
        The keyword arguments.
    smooth : bool
        False at a kink or another point without a derivative: there derivatives are not compared.
    reference : callable, optional
        A function of the same arrays and keyword arguments whose values are right: NumPy's, SciPy's, or a plain loop.

    Examples
    --------
    >>> sample = tg.testing.Sample(np.ones((2, 3)), {"axis": 1})
    >>> str(sample)
    'axis=1, shape (2, 3)'
    """

    inputs: Any
    parameters: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True
    reference: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        inputs = self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)
        object.__setattr__(self, "inputs", tuple(x.numpy() if isinstance(x, Tensor) else x for x in inputs))

    def __str__(self) -> str:
        shapes = [str(np.shape(x)) for x in self.inputs]
        return ", ".join([*self.given(), f"shape{'s' * (len(shapes) > 1)} {' and '.join(shapes)}"])

    def given(self) -> list[str]:
        """Return the keyword arguments as text, arrays and what is long by their shape or type."""
        return [f"{name}={_short(value)}" for name, value in self.parameters.items()]


class OperationReport:
    """What `check_operation` found. Truthy if the operation is right; `str` of it is for people.

    Attributes
    ----------
    name : str
    samples : int
        How many there were.
    checks : Counter
        How many checks of each kind were made.
    entries : int
        How many entries of gradients were compared with numerical derivatives.
    failures : list of Failure

    Examples
    --------
    >>> print(tg.testing.check_operation(tg.tanh, [np.array([0.3, -0.7])]))
    check_operation: tanh is right at 1 sample: values, memory, derivatives to order 2 (7 entries),
    float32, layouts, no elements, no axes
    """

    def __init__(self, name: str, samples: int, order: int):
        self.name = name
        self.samples = samples
        self.order = order
        self.checks: Counter[str] = Counter()
        self.entries = 0
        self.failures: list[Failure] = []

    def __bool__(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        of = f"{self.samples} sample{'s' * (self.samples != 1)}"
        if self:
            derivatives = f"derivatives to order {self.order} ({self.entries:,} entries)"
            what = ", ".join(derivatives if kind == "derivatives" else kind for kind in self.checks)
            return "\n".join(wrapped(f"check_operation: {self.name} is right at {of}: {what}"))
        lines = wrapped(f"the operation {self.name} is wrong at {len(self.failures)} of {of}")
        for failure in self.failures[:SHOWN]:
            first, *rest = failure.cause.splitlines()  # what gradcheck says has a table
            lines += ["", *wrapped(first, f"{failure.name}: "), *rest]
            if failure.hint:
                lines += wrapped(failure.hint, "  -> ")
        if len(self.failures) > SHOWN:
            lines.append(f"... and {len(self.failures) - SHOWN} more")
        return "\n".join(lines)


def check_operation(
    operation: Callable[..., Any],
    samples: Sequence[Any],
    *,
    order: int = 2,
    elementwise: bool | None = None,
    seed: int = 0,
) -> OperationReport:
    """Check an operation at samples, in everything that the operations of the library promise.

    - **values**: those of `sample.reference`, or else of the operation's own function of NumPy arrays
    - **memory**: it writes to no input, and neither results nor gradients share memory with anything
    - **derivatives** to second order, against numerical ones (`gradcheck`)
    - **float32** stays float32, in results and gradients
    - **layouts**: arrays in Fortran order, with gaps and reversed give the same
    - **no elements** and **no axes**, wherever its function takes such arrays
    - **broadcasting**, if it works element by element

    Parameters
    ----------
    operation : callable
        An operation made by `tg.autograd.elementwise` or `tg.autograd.primitive`, or a function that is made of some.
    samples : list
        Of arrays (for operations of one), tuples of arrays, and `Sample` where there are keyword arguments.
        Floating arrays are differentiated; integers and bools are constants.
    order : 1 or 2
        1 leaves out second derivatives.
    elementwise : bool, optional
        Whether it works element by element and broadcasts; an operation knows it by itself.
    seed : int
        Seeds the random incoming gradients.

    Returns
    -------
    OperationReport, which is truthy and prints what was checked

    Raises
    ------
    GradientCheckError
        If something is wrong: what, at which sample, and what to do.

    Examples
    --------
    >>> softplus = tg.autograd.elementwise(
    ...     lambda x: np.log1p(np.exp(x)),
    ...     "Return log(1 + exp(x)).",
    ...     name="softplus",
    ...     x=lambda g, x: g / (1 + np.exp(-x)),
    ... )
    >>> print(tg.testing.check_operation(softplus, [np.array([[0.5, -1.0, 2.0]])]))
    check_operation: softplus is right at 1 sample: values, memory, derivatives to order 2 (10
    entries), float32, layouts, no elements, no axes
    >>> wrong = tg.autograd.elementwise(lambda x: x**2, "Return x².", name="wrong", x=lambda g, x: g * x)
    >>> try:
    ...     tg.testing.check_operation(wrong, [np.array([1.0, 2.0])])
    ... except tg.testing.GradientCheckError as error:
    ...     print(error.report.failures[0].name)
    sample 0 (shape (2,)), derivatives
    """
    __tracebackhide__ = True  # pytest shows the line that called
    if not isinstance(samples, list) or not samples:
        given = "an empty list" if isinstance(samples, list) else type(samples).__name__
        raise TypeError(
            f"check_operation: samples must be a list with at least one array, tuple of arrays or Sample, not {given}"
        )
    if order not in (1, 2):
        raise ValueError(f"check_operation: order is 1 or 2, not {order!r}")
    row = getattr(operation, "primitive", None)
    if elementwise is None:
        elementwise = row is not None and row.elementwise
    report = OperationReport(getattr(operation, "__name__", "the function"), len(samples), order)
    for number, given in enumerate(samples):
        sample = given if isinstance(given, Sample) else Sample(given)
        check = _Check(operation, sample, order, elementwise, seed)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # at kinks, and for arrays without elements
            for kind, found in check.run():
                report.checks[kind] += 1
                if found is not None:
                    report.failures.append(Failure(f"sample {number} ({sample}), {kind}", *found))
                    break
        report.entries += check.entries
    if not report:
        raise GradientCheckError(report)
    return report


Finding = tuple[str, str] | None  # what is wrong and what to do, or nothing


class _Check:
    """The checks of an operation at one sample."""

    def __init__(self, operation: Callable[..., Any], sample: Sample, order: int, elementwise: bool, seed: int):
        self.operation, self.sample = operation, sample
        self.order, self.elementwise, self.seed = order, elementwise, seed
        self.row = getattr(operation, "primitive", None)
        self.arrays = [np.asarray(x) for x in sample.inputs]
        self.floating = [k for k, x in enumerate(self.arrays) if _is_floating(x)]
        self.entries = 0

    def run(self) -> Iterator[tuple[str, Finding]]:
        """Make one check after the other; each expects those before it to have passed."""
        yield "values", self.values()
        yield "memory", self.memory()
        differentiable = self.floating and any(map(_is_floating, self.call(self.tensors(self.arrays))))
        if differentiable and self.sample.smooth:
            yield "derivatives", self.derivatives(self.arrays, self.order)
        yield "float32", self.float32()
        for kind, variants in (
            ("layouts", self.layouts()),
            ("no elements", self.without_elements()),
            ("no axes", self.without_axes()),
            ("broadcasting", self.broadcast()),
        ):
            for finding in variants:
                yield kind, finding

    # ------------------------------------------------------------------ calling it

    def tensors(self, arrays: Arrays, wanted: bool = True) -> list[Tensor]:
        return [Tensor(x, requires_grad=wanted and _is_floating(np.asarray(x))) for x in arrays]

    def call(self, inputs: Sequence[Any]) -> list[Tensor]:
        """Return the outputs."""
        out = self.operation(*inputs, **self.sample.parameters)
        return list(out) if isinstance(out, (tuple, list)) else [out]

    def plain(self, arrays: Arrays) -> list[np.ndarray] | None:
        """Return what the operation's own function of NumPy arrays gives, or the reference if it has none."""
        arrays = [np.array(x) for x in arrays]
        if self.row is not None:
            out = self.row.forward(*arrays, **(self.row.parameters | self.sample.parameters))
            out = out[0] if self.row.residuals else out
        elif self.sample.reference is not None:
            out = self.sample.reference(*arrays, **self.sample.parameters)
        else:
            return None
        return _arrays(out)

    def arriving(self, outs: Sequence[Tensor]) -> list[np.ndarray | None]:
        """Return a random gradient for each output, and None for those that are not floating."""
        rng = np.random.default_rng(self.seed)
        draws = [rng.normal(size=y.shape) + (1j * rng.normal(size=y.shape) if y.dtype.kind == "c" else 0) for y in outs]
        return [np.asarray(g, y.dtype) if _is_floating(y) else None for g, y in zip(draws, outs)]

    def gradients(self, outs: Sequence[Tensor], inputs: Sequence[Tensor], arriving: Arrays) -> list[np.ndarray | None]:
        """Return the gradients of the floating inputs, None where the outputs do not depend on one."""
        pairs = [(y, from_owned(g)) for y, g in zip(outs, arriving) if g is not None and y.requires_grad]
        if not pairs:
            return [None for _ in inputs]
        found = grad([y for y, _ in pairs], inputs, [g for _, g in pairs], allow_unused=True)
        return [None if g is None else g.numpy() for g in found]

    # ------------------------------------------------------------------ the checks

    def values(self) -> Finding:
        inputs = self.tensors(self.arrays)
        outs = self.call(inputs)
        strange = next((y for y in outs if not isinstance(y, Tensor)), None)
        if strange is not None:
            return f"it returned {type(strange).__name__}, not a Tensor", "declare it with tg.autograd.primitive"
        recorded = next((y for y in outs if not _is_floating(y) and y.requires_grad), None)
        if recorded is not None:
            return f"an output of dtype {recorded.dtype} requires a gradient", "only floating results have one"
        for x, given in zip(inputs, self.arrays):
            if not np.array_equal(x.numpy(), given, equal_nan=_is_floating(given)):
                return "it writes to its input", "compute a new array instead of x += 1 or x[...] = 1"
        expected = self.plain(self.arrays) if self.row is not None else None
        finding = None if expected is None else _differs(outs, expected, "its function of NumPy arrays")
        if finding is None and self.sample.reference is not None:
            right = _arrays(self.sample.reference(*[np.array(x) for x in self.arrays], **self.sample.parameters))
            right = [z.astype(y.dtype) for y, z in zip(outs, right)] if len(outs) == len(right) else right
            finding = _differs(outs, right, "the reference", 1e-10)
        return finding

    def memory(self) -> Finding:
        constants = self.tensors(self.arrays, wanted=False)
        outs = self.call(constants)
        if any(y.requires_grad for y in outs):
            return "the result requires a gradient, but no input does", "compute it from the inputs alone"
        before = [y.numpy().copy() for y in outs]
        for x in constants:
            x.data[...] = 0
        if any(not np.array_equal(y.numpy(), z, equal_nan=_is_floating(z)) for y, z in zip(outs, before)):
            return "the result changes when the input is written to", VIEWS
        inputs = self.tensors(self.arrays)
        outs = self.call(inputs)
        leaves = [inputs[k] for k in self.floating]
        arriving = self.arriving(outs)
        found = self.gradients(outs, leaves, arriving)
        owners = [("the result", y.numpy()) for y in outs]
        owners += [("a gradient", g) for g in found if g is not None]
        owners += [("the incoming gradient", g) for g in arriving if g is not None]
        owners += [("the input", x.numpy()) for x in inputs]
        for (one, a), (other, b) in combinations(owners, 2):
            if a.size and np.shares_memory(a, b) and {one, other} != {"the result"}:
                return f"{one} shares memory with {other}", VIEWS
        return None

    def derivatives(self, arrays: Arrays, order: int) -> Finding:
        inputs = tuple(np.asarray(x).astype(DOUBLE.get(np.asarray(x).dtype, np.asarray(x).dtype)) for x in arrays)

        def function(*inputs: Any) -> Any:
            return self.operation(*inputs, **self.sample.parameters)

        function.__name__ = getattr(self.operation, "__name__", "the function")
        if self.row is not None:
            function.primitive = self.row  # type: ignore[attr-defined]  # which has the names of the inputs
        try:
            self.entries += gradcheck(function, inputs, order=order, seed=self.seed).entries
        except GradientCheckError as error:
            return str(error), ""
        return None

    def float32(self) -> Finding:
        small = [_single(x) for x in self.arrays]
        inputs, small_inputs = self.tensors(self.arrays), self.tensors(small)
        outs, small_outs = self.call(inputs), self.call(small_inputs)
        hint = "NumPy scalars and float64 constants widen: use Python numbers, or np.asarray(c, x.dtype)"
        for y, z in zip(outs, small_outs):
            if z.dtype != _single(y.numpy()).dtype:
                return f"the result of float32 inputs has dtype {z.dtype}", hint
            if not _near(z.numpy(), y.numpy(), 1e-3, 1e-4):
                return "the result of float32 inputs is far from that of float64", "a difference of large numbers?"
        if not self.sample.smooth:
            return None
        arriving = self.arriving(outs)
        found = self.gradients(outs, [inputs[k] for k in self.floating], arriving)
        narrow = [None if g is None else _single(g) for g in arriving]
        for g, h in zip(found, self.gradients(small_outs, [small_inputs[k] for k in self.floating], narrow)):
            if g is not None and h is not None and h.dtype != _single(g).dtype:
                return f"the gradient of a float32 input has dtype {h.dtype}", hint
            if g is not None and h is not None and not _near(h, g, 1e-2, 1e-3):
                return "the gradient of float32 inputs is far from that of float64", "a difference of large numbers?"
        return None

    def layouts(self) -> Iterator[Finding]:
        """Compare with what the same arrays give in other layouts: a Tensor has one only as the result of a view."""
        if not any(x.ndim and x.size for x in self.arrays):
            return
        inputs = self.tensors(self.arrays)
        outs = self.call(inputs)
        arriving = self.arriving(outs)
        found = self.gradients(outs, [inputs[k] for k in self.floating], arriving)
        for name, store, view in LAYOUTS:
            strange = [view(copy(x)) for x in self.tensors([store(x) for x in self.arrays])]
            others = self.call(strange)
            finding = _differs(others, [y.numpy() for y in outs], "the same arrays in C order", 1e-10)
            if finding is None:
                turned = [None if g is None else np.asarray(g.T.copy().T) for g in arriving]
                gradients = self.gradients(others, [strange[k] for k in self.floating], turned)
                pairs = [(h, g) for h, g in zip(gradients, found) if g is not None and h is not None]
                if not all(_near(h, g, 1e-10, 1e-12) for h, g in pairs):
                    finding = "another gradient than for arrays in C order", "a reshape or an index of memory order?"
            yield finding and (f"{name}: {finding[0]}", finding[1])

    def without_elements(self) -> Iterator[Finding]:
        """Try arrays of length 0 along the first axis, if NumPy's function takes them.

        Which axes of several arrays belong together is known of operations that work element by element; for others
        the samples must have such arrays themselves.
        """
        if self.elementwise:
            shape = np.broadcast_shapes(*(x.shape for x in self.arrays))
            arrays = [x[:0] if x.ndim and x.shape == shape else x for x in self.arrays]
        elif len(self.floating) == 1:
            arrays = [x[:0] if x.ndim and _is_floating(x) else x for x in self.arrays]
        else:
            return
        if any(x.size == 0 for x in arrays):
            yield from self.shapes_of(arrays, "without elements")

    def without_axes(self) -> Iterator[Finding]:
        """Try single numbers, if NumPy's function takes them."""
        if not (self.elementwise or len(self.floating) == 1) or not all(x.size for x in self.arrays):
            return
        arrays = [x.flat[0] if self.elementwise or _is_floating(x) else x for x in self.arrays]
        yield from self.shapes_of(arrays, "without axes")
        if self.elementwise and self.sample.smooth and _is_floating(self.call(self.tensors(arrays))[0]):
            yield self.derivatives(arrays, 1)

    def shapes_of(self, arrays: Arrays, what: str) -> Iterator[Finding]:
        """Check that results and gradients for such arrays have the right shapes, if NumPy's function takes them."""
        try:
            expected = self.plain(arrays)
        except Exception:  # whatever it raises: such arrays are not allowed
            return
        if expected is None:
            return
        where = f"arrays {what}"
        try:
            inputs = self.tensors(arrays)
            outs = self.call(inputs)
            finding = _differs(outs, expected, "its function of NumPy arrays")
            leaves = [x for x in inputs if x.requires_grad]
            found = self.gradients(outs, leaves, self.arriving(outs))
        except (NotImplementedError, np.linalg.LinAlgError):
            return  # it says itself that it has no derivative there
        except Exception as error:
            yield f"{where}: {type(error).__name__}: {error}", f"its function of NumPy arrays takes {where}"
            return
        for g, x in zip(found, leaves):
            if finding is None and g is not None and g.shape != x.shape:
                finding = f"the gradient has shape {g.shape}, its input {x.shape}", "keep the shape of the input"
        yield finding and (f"{where}: {finding[0]}", finding[1])

    def broadcast(self) -> Iterator[Finding]:
        """Let one input after the other be repeated along the first axis: by length 1, and by having it not."""
        shapes = {x.shape for x in self.arrays}
        if not self.elementwise or len(self.arrays) < 2 or len(shapes) > 1 or not self.arrays[0].ndim:
            return
        if not self.arrays[0].size:
            return
        for k in range(len(self.arrays)):
            for row in (self.arrays[k][:1], self.arrays[k][0]):
                arrays = [*self.arrays[:k], row, *self.arrays[k + 1 :]]
                what = f"shapes {' and '.join(str(x.shape) for x in arrays)}"
                try:
                    expected = self.plain([np.array(x) for x in np.broadcast_arrays(*arrays)])
                    outs = self.call(self.tensors(arrays))
                except Exception as error:
                    yield f"{what}: {type(error).__name__}: {error}", "an operation element by element broadcasts"
                    return
                finding = None
                if expected is not None:
                    finding = _differs(outs, expected, "its function of the arrays repeated to one shape")
                if finding is None and self.sample.smooth and self.floating and _is_floating(outs[0]):
                    finding = self.derivatives(arrays, 1)
                yield finding and (f"{what}: {finding[0]}", finding[1])


# name, how the array is stored, and the view that gives it back, of any number of axes
LAYOUTS: list[tuple[str, Callable[[np.ndarray], np.ndarray], Callable[[Tensor], Tensor]]] = [
    ("Fortran order", lambda x: np.array(x.T, order="C"), transpose),
    ("reversed", np.flip, flip),
    (
        "with gaps",
        lambda x: np.repeat(x, 2, axis=-1) if x.ndim else x,
        lambda x: getitem(x, (..., slice(None, None, 2))) if x.ndim else x,
    ),
]


def _short(value: Any) -> str:
    """Return a keyword argument as text that fits into a line."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    text = value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)
    return text if len(text) <= 50 and "\n" not in text else f"{type(value).__name__}(...)"


def _is_floating(x: np.ndarray | Tensor) -> bool:
    return x.dtype.kind in "fc"


def _single(x: np.ndarray) -> np.ndarray:
    return x.astype(SINGLE.get(x.dtype, x.dtype))


def _arrays(out: Any) -> list[np.ndarray]:
    return [np.asarray(y) for y in (out if isinstance(out, (tuple, list)) else [out])]


def _differs(outs: Sequence[Tensor], expected: Sequence[np.ndarray], of: str, rtol: float = 1e-12) -> Finding:
    """Return in what outputs differ from what is expected."""
    if len(outs) != len(expected):
        return f"it has {len(outs)} outputs, {of} has {len(expected)}", "return all of them in a tuple"
    for k, (y, z) in enumerate(zip(outs, expected)):
        name = "the output" if len(outs) == 1 else f"output {k}"
        if y.shape != z.shape:
            return f"{name} has shape {y.shape}, that of {of} {z.shape}", ""
        if y.dtype != z.dtype:
            return f"{name} has dtype {y.dtype}, that of {of} {z.dtype}", ""
        if not _near(y.numpy(), z, rtol, rtol):
            at = tuple(np.argwhere(~np.isclose(y.numpy(), z, rtol, rtol, equal_nan=True))[0].tolist())
            return f"{name} is {y.numpy()[at]} at index {at}, where {of} gives {z[at]}", ""
    return None


def _near(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> bool:
    return a.shape == b.shape and bool(np.isclose(a, b, rtol, atol, equal_nan=True).all())
