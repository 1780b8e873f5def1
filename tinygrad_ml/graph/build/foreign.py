"""What drawings of computations in other libraries share: our names and formulas for their operations, and inputs."""

from __future__ import annotations

import dis
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from ... import ops
from ...primitive import Primitive
from ...tensor import Tensor
from ..format import as_text
from ..formulas import formulas, local_factor
from ..nodes import GraphNode
from ..values import ArraySummary
from .builder import Builder

PRIMITIVES: dict[str, Primitive] = {
    operation.primitive.name: operation.primitive
    for operation in vars(ops).values()
    if isinstance(getattr(operation, "primitive", None), Primitive)
}
# Operations of other libraries that are ours: what they compute for their first arguments is the same, with the same
# derivatives; their names elsewhere -> here.
SAME = {
    "abs": "abs",
    "absolute": "abs",
    "acos": "arccos",
    "add": "add",
    "asin": "arcsin",
    "atan": "arctan",
    "cos": "cos",
    "cosh": "cosh",
    "div": "divide",
    "eq": "equal",
    "exp": "exp",
    "expm1": "expm1",
    "ge": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
    "linear": "affine",
    "log": "log",
    "log1p": "log1p",
    "logistic": "sigmoid",
    "lt": "less",
    "matmul": "matmul",
    "mm": "matmul",
    "mul": "multiply",
    "multiply": "multiply",
    "ne": "not_equal",
    "neg": "negative",
    "negative": "negative",
    "pow": "power",
    "power": "power",
    "reciprocal": "reciprocal",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "sub": "subtract",
    "subtract": "subtract",
    "tan": "tan",
    "tanh": "tanh",
    "true_divide": "divide",
    "truediv": "divide",
}
COST = {"linear": "product", "affine": "product", "matmul": "product", "dot_general": "product", "addmm": "product"}


def primitive_of(name: str, arguments: int) -> Primitive | None:
    """Return our primitive for an operation of another library, if it takes as many arguments."""
    found = PRIMITIVES.get(SAME.get(name, ""))
    return found if found is not None and len(found.inputs) >= arguments > 0 else None


def formula_of(primitive: Primitive | None, k: int, library: str, name: str) -> str:
    """Return what the gradient of an argument is made of."""
    if primitive is None:
        return f"{library}'s derivative of {name}"
    return formulas(primitive)[k]


def local_derivative(formula: str, sent: ArraySummary, arriving: ArraySummary | None) -> float | None:
    """Return the derivative of one number by another, if the formula has one and it can be told from the gradients."""
    if arriving is None or sent.size != 1 or arriving.size != 1 or not local_factor(formula):
        return None
    g, s = (x.numbers[0] if x.numbers else math.nan for x in (arriving, sent))
    return float(s / g) if isinstance(s / g if g else "", float) and math.isfinite(g) else None


def flops_of(name: str, inputs: Sequence[tuple[int, ...] | None], out: tuple[int, ...] | None) -> int:
    """Return the number of floating-point operations, as far as the shapes tell."""
    size = math.prod(out or ())
    if out is None or name in VIEWS:
        return 0
    shapes = [shape for shape in inputs if shape is not None]
    if COST.get(name) == "product" and shapes:
        return 2 * size * (shapes[0][-1] if shapes[0] else 1) + size * (len(shapes) > 2)
    if name.startswith("conv") and len(shapes) > 1:
        return 2 * size * math.prod(shapes[1][1:])
    return max([size, *map(math.prod, shapes[:1])]) if name in REDUCTIONS else size


VIEWS = {
    *("reshape", "view", "transpose", "permute", "flatten", "unflatten", "squeeze", "unsqueeze", "getitem", "detach"),
    *("expand", "broadcast_in_dim", "T", "mT", "chunk", "split", "unbind", "contiguous", "slice", "dynamic_slice"),
    *("convert_element_type", "stop_gradient", "copy", "concatenate", "cat", "stack", "to", "data", "part"),
}
REDUCTIONS = {
    *("sum", "mean", "prod", "max", "min", "amax", "amin", "var", "std", "norm", "logsumexp", "argmax", "argmin"),
}


# ---------------------------------------------------------------------- what the user gives


def uses(target: Any, package: str) -> bool:
    """Whether a function takes anything of a package from outside itself."""
    for thing in _taken_from_outside(target):
        name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) or ""
        if isinstance(name, str) and name.partition(".")[0] == package:
            return True
    return False


def _taken_from_outside(target: Any) -> Iterator[Any]:
    """Yield what a function has in its closure, and the global things that it, and functions inside it, load."""
    target = getattr(target, "func", target)  # functools.partial
    function = inspect.unwrap(getattr(target, "__func__", target))
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # one that is still empty
            yield cell.cell_contents
    stack = [code]
    while stack:
        code = stack.pop()
        stack += [c for c in code.co_consts if inspect.iscode(c)]
        for instruction in dis.get_instructions(code):  # co_names has the names of attributes too
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") and instruction.argval in function.__globals__:
                yield function.__globals__[instruction.argval]


def belongs_to(thing: Any, package: str) -> bool:
    """Whether the class of something is one of a package, or of a class derived from one."""
    return any(c.__module__.partition(".")[0] in (package, f"{package}lib") for c in type(thing).__mro__)


def leaves_in(things: Any) -> list[Any]:
    """Return what is in any nesting of tuples, lists and dicts."""
    found, stack = [], [things]
    while stack:
        thing = stack.pop()
        if isinstance(thing, dict):
            stack += list(thing.values())[::-1]
        elif isinstance(thing, (tuple, list)):
            stack += list(thing)[::-1]
        else:
            found.append(thing)
    return found


def is_of(target: Any, inputs: Sequence, package: str) -> bool:
    """Whether a computation is one of another library: by what is computed, by its inputs, or by what it uses."""
    if package not in sys.modules:
        return False
    if belongs_to(target, package):
        return True
    given = leaves_in(list(inputs))
    if any(isinstance(x, Tensor) for x in given) or isinstance(target, Tensor):
        return False
    if any(belongs_to(x, package) for x in given):
        return True
    code = getattr(target, "__code__", None)
    home = (getattr(sys.modules[package], "__file__", None) or "").removesuffix("__init__.py")
    if code is not None and home and code.co_filename.startswith(home):
        return True
    return uses(target, package) and not uses(target, "tinygrad_ml")


def users_frame(*packages: str) -> FrameType:
    """Return the innermost frame outside this library, NumPy and others: the user's line is there."""
    frame: Any = sys._getframe(1)
    hidden = {"tinygrad_ml", "numpy", *packages}
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in hidden:
        frame = frame.f_back
    return frame


def as_plain(x: Any) -> Any:
    """Return a Tensor of this library as an array, and anything else as it is."""
    return x.numpy() if isinstance(x, Tensor) else x


# ---------------------------------------------------------------------- nodes


def add_value(builder: Builder, kind: str, array: np.ndarray | None, shape: Any, dtype: str, **about: Any) -> GraphNode:
    """Append a node for a value of another library; its array may not be at hand."""
    node = builder.add(kind, array, **about)
    node.shape, node.dtype = None if shape is None else tuple(map(int, shape)), dtype
    if array is None and node.shape is not None:
        node.bytes = 0
    return node


def short_text(value: Any) -> str:
    """Return a parameter as text, without the names of the library."""
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(map(short_text, value)) + ("," if len(value) == 1 else "") + ")"
    return as_text(value).removeprefix("torch.").removeprefix("jax.")


def named_in(variables: dict[str, Any], wanted: Any, is_holder: Callable[[Any], bool]) -> str:
    """Return the name of the variable that holds something, or of the attribute of one of them."""
    for name, thing in variables.items():
        if thing is wanted and not name.startswith("_"):
            return name
    for thing in variables.values():
        if is_holder(thing):
            for name, attribute in vars(thing).items():
                if attribute is wanted:
                    return name
    return ""


def seen_from(frame: FrameType) -> dict[str, Any]:
    """Return the variables that running code uses: global ones and its own."""
    names = frame.f_code.co_names
    return {name: frame.f_globals[name] for name in names if name in frame.f_globals} | dict(frame.f_locals)
