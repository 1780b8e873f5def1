"""Operations that are a piece of C of their own: numbers, guards, products, reductions, joins, reading by index."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.index import scatter
from ..tape.traced import Value
from . import kernels, products
from .loops import ufunc_of
from .memory import address_of
from .text import c_type, formula, literal, loops, merged, place

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["WRITERS", "can_fail", "is_exact", "is_number", "kind"]

SCATTER = scatter.primitive.forward
IDENTITIES = ("reshape", "squeeze", "broadcast_to", "expand_dims", "ravel", "real", "transpose", "all", "any")
ARITHMETIC = {
    **{"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "truediv": "{} / {}", "pow": "pow({}, {})", "neg": "-{}"},
    **{"lt": "{} < {}", "le": "{} <= {}", "gt": "{} > {}", "ge": "{} >= {}", "eq": "{} == {}", "ne": "{} != {}"},
    **{"float": "{}", "sqrt": "sqrt({})", "min": "{1} < {0} ? {1} : {0}", "max": "{1} > {0} ? {1} : {0}"},
}
REDUCTIONS = {
    "add": ("0", "{0} += {1};"),
    "mean": ("0", "{0} += {1};"),
    "maximum": ("{0}", "{0} = maximum_{t}({0}, {1});"),
    "minimum": ("{1}", "{0} = minimum_{t}({0}, {1});"),
    "logical_and": ("1", "{0} &= {1} != 0;"),
    "logical_or": ("0", "{0} |= {1} != 0;"),
}


def kind(plan: Plan, value: Value) -> str | None:
    """Return which piece of C an operation is, or that it is a "sum" of a group; None if it is neither."""
    op, args = value.op, value.args
    if value.function is SCATTER:
        return "scatter" if _can_scatter(value) else None
    if op == "opaque":
        return "kernel" if kernels.can(plan, value) else None
    if op == "einsum":
        return "channels" if args[0] == "nchw->c" and _is_array(args[1], value.dtype) else None
    if op in ("dot", "matmul"):
        return _kind_of_product(value)
    if op == "mean" or op.endswith(".reduce"):
        return _kind_of_reduction(value)
    if op == "concatenate":
        alike = len(args) == 1 and not value.parameters and all(x.dtype == value.dtype and x.shape for x in args[0])
        return op if alike else None
    if op in ("getitem", "take", "setitem", "take_along_axis"):
        return _kind_of_index(plan, value)
    usual = len(args) == {"reshape": 2, "ravel": 1}.get(op) and not value.parameters  # not in another order
    return "copy" if usual and value.shape else None


def is_exact(plan: Plan, value: Value, kind: str) -> bool:
    """Whether a piece computes the same bits as NumPy, whatever it is given: nothing is added up in another order."""
    if kind == "kernel":
        return kernels.is_exact(plan, value)
    return kind not in ("sum", "product", "channels", "scatter", "reduction") or value.dtype.kind != "f"


def can_fail(plan: Plan, value: Value) -> bool:
    """Whether the function itself may run in place of what follows: nothing must be written before."""
    failing = ("guard", "python", "kernel", "getitem", "setitem", "scatter", "along")
    return plan.kinds[value] in failing or value.op in ("py_truediv", "py_pow", "py_sqrt")


def _kind_of_index(plan: Plan, value: Value) -> str | None:
    if value.op == "take_along_axis":
        return "along" if _is_along(value) else None
    if type(value.args[0]) is not Value or _indices(value) is None:
        return None
    return "getitem" if value.op != "setitem" else "setitem" if _can_set(plan, value) else None


def _kind_of_product(value: Value) -> str | None:
    if value.dtype.kind != "f" or not all(_is_array(x, value.dtype) for x in value.args):
        return None
    ranks = [len(x.shape) for x in value.args]
    if ranks == [1, 1]:
        return "sum"
    return "product" if min(ranks) and (value.op == "matmul" or max(ranks) < 3) else None


def _kind_of_reduction(value: Value) -> str | None:
    axis, others = _axis(value)
    usual = value.op.removesuffix(".reduce") in REDUCTIONS and not others and isinstance(axis, (int, tuple, type(None)))
    if not usual or not _is_array(value.args[0], value.dtype) or (value.op == "mean" and value.dtype.kind != "f"):
        return None
    return "sum" if value.op == "add.reduce" and value.shape == () and axis is None else "reduction"


def _is_array(x: Any, dtype: np.dtype) -> bool:
    return type(x) is Value and x.dtype == dtype


# ---------------------------------------------------------------------- numbers and guards


def is_number(value: Value) -> bool:
    """Whether an operation is one of numbers, Python's or in another shape."""
    name = value.op.removeprefix("py_")
    if name == value.op:
        return value.op in IDENTITIES and all(x.shape == () for x in value.uses())
    unbounded = value.dtype.kind == "i" and name in ("mul", "pow")  # as Python's integers are
    return name in ARITHMETIC and value.dtype.kind in "fib" and not unbounded


def _number(plan: Plan, value: Value) -> list[str]:
    """Return C for one operation of numbers: the variable v<index>."""
    name, dtype, op = f"v{value.index}", value.dtype, value.op
    declared = f"const {c_type(dtype)} {name} = "
    if op.startswith("py_"):
        given = [x.dtype if type(x) is Value else np.asarray(x).dtype for x in value.args]
        floating = op in ("py_truediv", "py_pow", "py_float", "py_sqrt") or any(d.kind == "f" for d in given)
        args = [plan.scalar(x, np.dtype(np.float64 if floating else np.int64)) for x in value.args]
        lines = [f"if ({args[1]} == 0) return 1;"] if op == "py_truediv" else []  # where Python raises
        lines.append(f"{declared}{ARITHMETIC[op[3:]].format(*args)};")
        return lines + ([f"if (!({name} - {name} == 0)) return 1;"] if op in ("py_pow", "py_sqrt") else [])
    if op in IDENTITIES:
        return [f"{declared}{plan.scalar(value.args[0], dtype)};"]
    types: Any = plan.types[value]
    args = [plan.scalar(x, d) for x, d in zip(value.args, types[:-1])]
    if not plan.is_called(value):
        return [f"{declared}{formula(op, types[0]).format(*args)};"]  # type: ignore[union-attr]
    return [f"{declared}{_called(plan, types)}(p, {plan.loop(ufunc_of(value), types)}, {', '.join(args)});"]


def _called(plan: Plan, types: tuple[np.dtype, ...]) -> str:
    """Return the name of a C function that calls an inner loop for one number: calls in line take long to compile."""
    *given, result = kinds = [c_type(dtype) for dtype in types]
    name, numbers = "number_" + "_".join(kinds), [f"x{k}" for k in range(len(given))]
    arguments = ", ".join(map("{} {}".format, given, numbers))
    pointers = ", ".join(f"(char *)&{x}" for x in (*numbers, "y"))
    plan.include(
        f"static __attribute__((noinline)) {result} {name}(char **p, int k, {arguments}) {{\n"
        f"{result} y;\napply(p, k, (char *[]){{{pointers}}}, 1, (npy_intp[]){{{', '.join('0' * len(kinds))}}});\n"
        "return y;\n}\n"
    )
    return name


def _guard(plan: Plan, value: Value) -> list[str]:
    of, expected = value.args
    return [f"if (({plan.scalar(of)} != 0) != {int(expected)}) return 1;"]


# ---------------------------------------------------------------------- reductions


def _axis(value: Value) -> tuple[Any, set[str]]:
    """Return the axis of a reduction, and the names of its other arguments that say what it computes."""
    axis = value.args[1] if len(value.args) > 1 else value.parameters.get("axis")
    return axis, {*value.parameters} - {"axis", "keepdims"} | {"more" for _ in value.args[2:]}


def _reduction(plan: Plan, value: Value) -> list[str]:
    axis, _ = _axis(value)
    rank = len(value.args[0].shape)
    axes = range(rank) if axis is None else [d % rank for d in (axis if isinstance(axis, tuple) else (axis,))]
    return reduced(plan, value, value.args[0], axes, value.op.removesuffix(".reduce"))


def reduced(plan: Plan, value: Value, of: Any, axes: Sequence[int], name: str) -> list[str]:
    """Return C that reduces an array: one result after the other, or all of them row by row.

    Sums of float32 that are complete at once are added up in float64: NumPy's, which add in pairs, are nearly as good.
    """
    x, dtype, t = plan.frame(of), value.dtype, c_type(value.dtype)
    kept = [d for d in range(x.ndim) if d not in axes]
    start, combine = REDUCTIONS[name]
    start = start.format(*_bounds(dtype))
    out = plan.frame(value)
    out_strides = dict(zip(kept, out.strides if out.ndim < x.ndim else [out.strides[d] for d in kept]))
    names = [f"i{d}" for d in range(x.ndim)]
    element = f"x[{place(names, x.strides, x.itemsize)}]"
    to = f"z[{place([names[d] for d in kept], [out_strides[d] for d in kept], x.itemsize)}]"
    inside, outside = ([d for d in some if x.shape[d] > 1] for some in (axes, kept))
    inside, outside = (sorted(some, key=lambda d: -abs(x.strides[d])) for some in (inside, outside))
    divisor = f" / {math.prod(x.shape[d] for d in axes)}" if name == "mean" else ""
    head = f"const {t} *restrict x = ({t} *)({plan.address(of)}); {t} *restrict z = ({t} *)({plan.address(value)});"

    def nest(over: Sequence[int], body: list[str], pragma: str = "") -> list[str]:
        return loops([names[d] for d in over], [x.shape[d] for d in over], body, pragma)

    ones = [f"const npy_intp {names[d]} = 0;" for d in range(x.ndim) if x.shape[d] == 1]
    if not outside or (inside and abs(x.strides[inside[-1]]) < abs(x.strides[outside[-1]])):
        sums = name in ("add", "mean")
        wide = "double" if sums and t == "float" else t
        pragma = "#pragma omp simd reduction(+ : s)" if sums else ""
        each = nest(inside, [combine.format("s", element, t=t)], pragma)
        lines = nest(outside, [f"{wide} s = {start};", *each, f"{to} = s{divisor};"])
    else:
        lines = nest(outside, [f"{to} = {start};"])
        lines += nest([*inside, *outside], [combine.format(to, element, t=t)], "#pragma omp simd")
        lines += nest(outside, [f"{to} = {to}{divisor};"]) if divisor else []
    lines = ["{", head, *ones, *lines, "}"]
    return lines if value.shape else [*lines, f"const {t} v{value.index} = *({t} *)({plan.address(value)});"]


def _bounds(dtype: np.dtype) -> tuple[str, str]:
    """Return the least and the largest number of a dtype in C."""
    if dtype.kind == "f":
        return "-INFINITY", "INFINITY"
    if dtype.kind == "b":
        return "0", "1"
    limits = np.iinfo(dtype)
    return literal(limits.min, dtype), literal(limits.max, dtype)


# ---------------------------------------------------------------------- copies and indices


def _copied(plan: Plan, source: Any, value: Value, target: np.ndarray) -> list[str]:
    """Return C that copies an array to a part of a Value, whose frame is `target`."""
    frame, t, size = plan.frame(source), c_type(value.dtype), value.dtype.itemsize
    lengths, steps = merged(frame.shape, [target.strides, frame.strides])
    names = [f"i{k}" for k in range(len(lengths))]
    to, where = (place(names, [step[k] for step in steps], size) for k in range(2))
    start = address_of(target) - address_of(plan.frames[value])
    return [
        f"{{ {t} *restrict z = ({t} *)({plan.address(value)} + {start});",
        f"const {t} *restrict x = ({t} *)({plan.address(source)});",
        *loops(names, lengths, [f"z[{to}] = x[{where}];"], "#pragma omp simd"),
        "}",
    ]


def _copy(plan: Plan, value: Value) -> list[str]:
    source = value.args[0]
    return _copied(plan, source, value, plan.frames[value].reshape(source.shape))


def _concatenate(plan: Plan, value: Value) -> list[str]:
    """Return C that copies the parts that were not computed in their place."""
    lines, start, out = [], 0, plan.frames[value]
    for part in value.args[0]:
        root = plan.root(part) if type(part) is Value else None
        if plan.homes.get(root) != (value, start * out.strides[0]):
            lines += _copied(plan, part, value, out[start : start + part.shape[0]])
        start += part.shape[0]
    return lines


def _indices(value: Value) -> list[Any] | None:
    """Return the arrays of indices for the first axes, or None if the index is of another kind."""
    index = value.args[1] if len(value.args) > 1 else value.parameters.get("index")
    if value.op == "take":
        axis, others = value.parameters.get("axis", value.args[2] if len(value.args) > 2 else None), value.args[3:]
        if others or {*value.parameters} - {"axis"} or axis not in (0, None):
            return None
        if axis is None and len(value.args[0].shape) > 1:
            return None
    parts = index if type(index) is tuple else (index,)
    fine = all(isinstance(x, (Value, np.ndarray)) and x.shape and x.dtype == np.intp for x in parts)
    return list(parts) if fine and parts else None


def _can_set(plan: Plan, value: Value) -> bool:
    """Whether what is written by index is one number, or an array of the shape that is written to."""
    new = value.args[2]
    return plan.is_number(new) or (_is_array(new, value.dtype) and new.shape == _shape_at(value))


def _can_scatter(value: Value) -> bool:
    """Whether floating numbers are added up where arrays of indices say."""
    floating = value.dtype.kind == "f" and _is_array(value.args[0], value.dtype)
    return floating and _indices(value) is not None and value.args[0].shape == _shape_at(value)


def _shape_at(value: Value) -> tuple[int, ...]:
    """Return the shape of what is written or added at the indices of a result."""
    parts: Any = _indices(value)
    return np.broadcast_shapes(*[part.shape for part in parts]) + value.shape[len(parts) :]


def _is_along(value: Value) -> bool:
    """Whether elements are taken along an axis of an array that is as large as the indices in all others."""
    x, indices, axis = (*value.args, -1)[:3]
    if not _is_array(x, value.dtype) or type(axis) is not int or value.parameters or indices.dtype != np.intp:
        return False
    others = [[n for d, n in enumerate(a.shape) if d != axis % len(x.shape)] for a in (x, indices)]
    return len(x.shape) == len(indices.shape) and others[0] == others[1]


def _each_index(plan: Plan, value: Value, x: np.ndarray) -> Generator[Any, list[str], None]:
    """Yield C for the element of x that the indices name, and the names of the loops; then take lines and yield loops.

    An index that is out of range ends the segment before it is used.
    """
    axis = (*value.args, -1)[2] % x.ndim if plan.kinds[value] == "along" else None
    parts: Any = _indices(value) if axis is None else [value.args[1]]
    frames = np.broadcast_arrays(*[plan.frame(part) for part in parts])
    names = [f"i{k}" for k in range(frames[0].ndim)]
    inner = [f"l{k}" for k in range(x.ndim - len(parts) if axis is None else 0)]
    found = [f"j{k}" for k in range(len(parts))]
    index = [*found, *inner] if axis is None else [*names[:axis], *found, *names[axis + 1 :]]
    lines = yield place(index, x.strides, x.itemsize), [*names, *inner]
    head, body = [], []
    for k, (part, frame, length) in enumerate(zip(parts, frames, x.shape[axis or 0 :])):
        head.append(f"const int64_t *q{k} = (int64_t *)({plan.address(part)});")
        body += [f"int64_t j{k} = q{k}[{place(names, frame.strides, 8)}];", f"j{k} += j{k} < 0 ? {length} : 0;"]
        body.append(f"if ((uint64_t)j{k} >= {length}) return 1;")
    yield [*head, *loops(names, frames[0].shape, [*body, *loops(inner, x.shape[len(parts) :], lines)])]


def _by_index(plan: Plan, value: Value) -> list[str]:
    """Return C that reads by index, that writes by index into a copy, or that adds to zeros, in their order."""
    kind, t, out = plan.kinds[value], c_type(value.dtype), plan.frames[value]
    reads = kind in ("getitem", "along")
    source = value.args[2 if kind == "setitem" else 0]
    frame, lines = plan.frame(source), [f"{t} *restrict z = ({t} *)({plan.address(value)});"]
    each: Any = _each_index(plan, value, frame if reads else out)
    there, names = next(each)
    here = place(names, (out if reads else frame).strides, out.itemsize)
    to, of = (here, there) if reads else (there, here)
    if plan.is_number(source):
        new = plan.scalar(source, value.dtype)
    else:
        new = f"x[{of}]"
        lines.append(f"const {t} *restrict x = ({t} *)({plan.address(source)});")
    lines += [f"memset(z, 0, {out.nbytes});"] if kind == "scatter" else []
    lines += each.send([f"z[{to}] {'+' * (kind == 'scatter')}= {new};"])
    before = _copied(plan, value.args[0], value, out) if kind == "setitem" else []
    return [*before, "{", *lines, "}"]


WRITERS: dict[str, Callable[[Any, Value], list[str]]] = {
    **{"number": _number, "guard": _guard, "product": products.write, "reduction": _reduction, "copy": _copy},
    **{"concatenate": _concatenate, **dict.fromkeys(("getitem", "along", "setitem", "scatter"), _by_index)},
    "kernel": kernels.write,
    "channels": lambda plan, value: reduced(plan, value, value.args[1], (0, 2, 3), "add"),
}
