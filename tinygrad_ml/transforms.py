"""Derivatives as functions: each takes a function and gives another one, or its derivative at a point.

    gradient = tg.grad(loss)(weights, x, y)                  # for the first argument
    value, gradients = tg.value_and_grad(loss)(model, x, y)  # for the parameters of a Module: a dict by their names
    curvature = tg.hessian(loss, argnums=(0, 1))(w, b, x, y) # for several arguments: a tuple (of tuples)

An argument to differentiate for is a Tensor, an array, a number, or a Module; its derivative has its form: a Tensor,
or for a Module a dict from the name of each parameter that requires a gradient to a Tensor. Arrays in, arrays out: when
the arguments to differentiate for are NumPy's, so are the value and the derivatives, and SciPy's solvers take them
(`scipy.optimize.minimize(f, x0, jac=tg.grad(f), hess=tg.hessian(f))`); only what is itself recorded stays a Tensor. The
other arguments, and keyword arguments, are passed on as they are. No `.grad` is touched.

The derivatives nest (`tg.grad(tg.grad(f))`), and are themselves recorded when they depend on something that requires
a gradient, except that the gradient for a Module's own parameters is a constant unless it is taken inside of another
transform. Under `no_grad` they are computed, but not recorded; what the function itself does under `no_grad` counts
as a constant.

Complex numbers follow PyTorch: the gradient of a real number for z is dL/d(real part) + i dL/d(imaginary part), `vjp`
and `jvp` go with it, and a Jacobian or Hessian for complex arguments, which no single matrix describes, is refused.
"""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import arrays, autograd, gradients
from .autograd import Node, enable_grad
from .batched import Batched, Level, Unbatchable
from .batching import out_of_batch
from .modes import modes
from .ops import concatenate, reshape, stack
from .tensor import Tensor, as_tensor, from_owned, get_default_dtype, next_id, shape_of

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Several = int | Sequence[int]
ELEMENTS_AT_ONCE = 2**22  # how large arrays may become when several rows are computed at once


def grad(function: Callable[..., Any], argnums: Several = 0) -> Callable[..., Any]:
    """Return the function that computes the gradient of `function`, which returns a single number.

    Parameters
    ----------
    function : callable
    argnums : int or sequence of ints
        The positional arguments to differentiate for; with a sequence the result is a tuple.

    Raises
    ------
    TypeError, ValueError
        When it is called: if the function does not return a single floating number as a Tensor, or if an
        argument to differentiate for is not floating.

    Examples
    --------
    >>> cube = lambda x: x**3
    >>> tg.grad(cube)(2.0), tg.grad(tg.grad(cube))(2.0)
    (tensor(12.), tensor(12.))
    >>> tg.grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (tensor(5.), tensor(2.))
    """
    argnums = checked_argnums("grad", function, argnums)

    @_like(function)
    def gradient(*args: Any, **named: Any) -> Any:
        return _value_and_grad("grad", function, argnums, args, named)[1]

    return gradient


def value_and_grad(function: Callable[..., Any], argnums: Several = 0) -> Callable[..., Any]:
    """Return the function that computes the value of `function`, a single number, and its gradient, as `grad` does.

    Examples
    --------
    >>> model = tg.nn.Linear(2, 1)
    >>> loss = lambda model, x, y: ((model(x) - y) ** 2).mean()
    >>> value, gradients = tg.value_and_grad(loss)(model, tg.ones((4, 2)), tg.zeros((4, 1)))
    >>> {name: gradient.shape for name, gradient in gradients.items()}
    {'weight': (1, 2), 'bias': (1,)}
    """
    argnums = checked_argnums("value_and_grad", function, argnums)

    @_like(function)
    def value_and_gradient(*args: Any, **named: Any) -> tuple[Tensor, Any]:
        return _value_and_grad("value_and_grad", function, argnums, args, named)

    return value_and_gradient


def _value_and_grad(name: str, function: Callable, argnums: Several, args: tuple, named: dict) -> tuple[Tensor, Any]:
    run = _Run(name, function, argnums, args, named)
    run.check_single()
    return run.value(), run.pack(run.pull(None, record=run.open, retain=run.open))


def vjp(function: Callable[..., Any], *inputs: Any) -> tuple[Tensor, Callable[[Any], tuple[Any, ...]]]:
    """Return the value of a function, and the function from a cotangent to the product cotangent @ Jacobian.

    The cotangent has the shape of the value; the product is a tuple, with one gradient for each input.

    Examples
    --------
    >>> value, pull = tg.vjp(lambda x: x**2, tg.tensor([1.0, 2.0]))
    >>> pull([1.0, 10.0])
    (tensor([ 2., 40.]),)
    """
    run = _Run("vjp", function, range(len(inputs)), inputs, {})

    def pull(cotangent: Any) -> tuple:
        given = _matching("vjp", "the cotangent", cotangent, run.output, "the value")
        return run.pack(run.pull(given, record=modes.recording and (run.open or given.requires_grad), retain=True))

    return run.value(), pull


def jvp(function: Callable[..., Any], inputs: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    """Return the value of a function, and the product Jacobian @ tangent: its derivative along a direction.

    Parameters
    ----------
    function : callable
    inputs, tangents : tuple
        The arguments of the function, and for each a direction of its shape; of a single one the tuple may be left out.

    Examples
    --------
    >>> tg.jvp(lambda x: x**2, tg.tensor([1.0, 2.0]), [1.0, 10.0])
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    inputs, tangents = _as_tuples(inputs, tangents)
    run = _Run("jvp", function, range(len(inputs)), inputs, {})
    given = run.unpack(tangents)
    record = modes.recording and (run.open or any(tangent.requires_grad for tangent in given))
    with enable_grad():
        cotangent, gradients = run.linear()
        return run.value(), run.outward(_derivative_along(gradients, cotangent, given, record))


def jacobian(function: Callable[..., Any], argnums: Several = 0) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of `function`, of shape (*value.shape, *argument.shape).

    Examples
    --------
    >>> tg.jacobian(lambda x: x**2)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    argnums = checked_argnums("jacobian", function, argnums)

    @_like(function)
    def derivative(*args: Any, **named: Any) -> Any:
        run = _Run("jacobian", function, argnums, args, named)
        run.check_real()
        with enable_grad():
            # A row is one walk back through the function; a column is one through its gradient, which is longer.
            by_columns = run.output.size > 4 * sum(leaf.size for leaf in run.leaves)
            return run.pack(run.columns() if by_columns else _rows(run.output, run.leaves, run.open))

    return derivative


def hessian(function: Callable[..., Any], argnums: Several = 0) -> Callable[..., Any]:
    """Return the function that computes the Hessian of `function`, which returns a single number.

    For one argument its shape is (*argument.shape, *argument.shape). For several it is a tuple of tuples of blocks,
    for a Module a dict of dicts.

    Examples
    --------
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(tg.tensor([1.0, 3.0]))
    tensor([[6., 2.],
            [2., 0.]])
    """
    argnums = checked_argnums("hessian", function, argnums)

    @_like(function)
    def second(*args: Any, **named: Any) -> Any:
        run = _Run("hessian", function, argnums, args, named)
        run.check_real()
        run.check_single()
        with enable_grad():
            gradients = run.pull(None, record=True, retain=True)
            return run.pack([run.pack(_rows(g, run.leaves, run.open)) for g in gradients])

    return second


def hvp(function: Callable[..., Any], inputs: Any, tangents: Any) -> Any:
    """Return the product Hessian @ tangent of a function that returns a single number, without the Hessian.

    Parameters
    ----------
    function : callable
    inputs, tangents : tuple
        The arguments of the function, and for each a direction of its shape; of a single one the tuple may be left out.

    Returns
    -------
    Tensor, or a tuple with one for each input if the inputs are a tuple

    Examples
    --------
    >>> tg.hvp(lambda x: x[0] ** 2 * x[1], tg.tensor([1.0, 3.0]), [1.0, 0.0])
    tensor([6., 2.])
    """
    single = not isinstance(inputs, tuple)
    inputs, tangents = _as_tuples(inputs, tangents)
    run = _Run("hvp", function, 0 if single else range(len(inputs)), inputs, {})
    run.check_single()
    given = run.unpack(tangents)
    record = modes.recording and (run.open or any(tangent.requires_grad for tangent in given))
    with enable_grad():
        gradients = run.pull(None, record=True, retain=True)
        pairs = [(g, tangent) for g, tangent in zip(gradients, given) if g.requires_grad]
        if not pairs:
            return run.pack([_zeros(leaf) for leaf in run.leaves])
        found = autograd.grad(
            [g for g, _ in pairs], run.leaves, [t for _, t in pairs], create_graph=record, allow_unused=True
        )
        return run.pack([_zeros(leaf) if g is None else g for g, leaf in zip(found, run.leaves)])


# ---------------------------------------------------------------------- one call of a function


def checked_argnums(name: str, function: Any, argnums: Any) -> Several:
    """Return argnums, a Python int or a tuple of them; say what to write instead of a derivative at a point."""
    if isinstance(function, Tensor):
        raise TypeError(
            f"{name}() takes a function and gives another one: tg.{name}(f)(x). For a value that is computed already "
            "there is tg.autograd.grad(loss, w), or loss.backward()"
        )
    if not callable(function):
        raise TypeError(f"{name}() takes a function, not {type(function).__name__}")
    several = not isinstance(argnums, (int, np.integer))
    if isinstance(argnums, (bool, str)) or (several and not isinstance(argnums, (tuple, list, range))):
        wrong = True
    else:
        wrong = any(isinstance(k, bool) or not isinstance(k, (int, np.integer)) for k in (argnums if several else ()))
    if wrong:
        raise TypeError(
            f"the second argument of {name}() is argnums, which arguments to differentiate for: an int or a tuple of "
            f"ints, not {type(argnums).__name__}. {name}(f) returns a function: tg.{name}(f)(x)"
        )
    return tuple(int(k) for k in argnums) if several else int(argnums)


class _Depth(threading.local):
    """How many transforms the functions that are running in this thread stand in."""

    now = 0


_depth = _Depth()
_past: weakref.WeakValueDictionary[int, Tensor] = (
    weakref.WeakValueDictionary()
)  # variables of calls that are over, by id


class _Run:
    """A call of a function whose arguments to differentiate for are new variables, so that nested calls differ.

    output : the value, connected to the variables
    leaves : the variables, those of all arguments in one list
    open : whether derivatives are to be recorded, since they depend on something outside that requires a gradient
    arrays : whether the caller gets NumPy's arrays, since he gave such
    """

    def __init__(self, name: str, function: Callable, argnums: Any, args: tuple, named: dict):
        self.name = name
        self.single = isinstance(argnums, int)
        self.leaves: list[Tensor] = []
        self.names: list[list[str] | None] = []  # for each argument the names of its parameters, if it is a Module
        recording = modes.recording
        values = list(args)
        kinds = set()
        own = []
        for k in _chosen(name, argnums, args, named):
            if hasattr(values[k], "named_parameters"):
                parameters = [(key, p) for key, p in values[k].named_parameters() if p.requires_grad]
                self.names.append([key for key, _ in parameters])
                self.leaves += [p for _, p in parameters]
            else:
                if not isinstance(values[k], (int, float, complex)) or isinstance(values[k], np.generic):
                    kinds.add(isinstance(values[k], (np.ndarray, np.generic)) or arrays.is_other(values[k]))
                values[k] = _variable(name, k, values[k])
                self.names.append(None)
                self.leaves.append(values[k])
                own.append(values[k])
        _depth.now += 1
        try:
            with enable_grad():
                self.output = function(*values, **named)
                if isinstance(self.output, (list, tuple)) and self.output:
                    self.output = _as_vector(name, self.output)
        finally:
            _depth.now -= 1
            _past.update((id(leaf), leaf) for leaf in own)
        if not isinstance(self.output, Tensor) or self.output.dtype.kind not in "fc":
            raise _no_result(name, self.output)
        inner = any(names is not None for names in self.names) and _depth.now > 0
        self.open = recording and (inner or _needs_others(self.output, self.leaves))
        self.arrays = kinds == {True}

    def check_real(self) -> None:
        for leaf in self.leaves:
            if leaf.dtype.kind == "c":
                raise TypeError(
                    f"{self.name}: for an argument of dtype {leaf.dtype} no matrix is the derivative: use tg.vjp or "
                    "tg.jvp, or make the real and the imaginary part two arguments"
                )

    def check_single(self) -> None:
        if self.output.dtype.kind == "c":
            raise TypeError(
                f"{self.name}: the function must return a real number, and its value is {self.output.dtype}: make it "
                "real, for example with .real, tg.abs(z) or tg.abs(z) ** 2, or use tg.vjp"
            )
        if self.output.size != 1:
            raise ValueError(
                f"{self.name}: the function must return a single number, but its value has shape {self.output.shape}: "
                "reduce it, for example with .sum() or .mean(), or use tg.jacobian"
            )

    def outward(self, result: Any) -> Any:
        """Return a result as the caller gets it."""
        if self.arrays and isinstance(result, Tensor) and not result.requires_grad:
            return arrays.copied(result._data if arrays.is_other(result._data) else result.numpy())[()]
        return result

    def value(self) -> Any:
        return self.output if self.open else self.outward(self.output.detach())

    def pull(self, cotangent: Tensor | None, *, record: bool, retain: bool) -> list[Tensor]:
        """Return the gradients for all variables, when `cotangent` arrives at the output."""
        if not self.output.requires_grad or not self.leaves:
            return [_zeros(leaf) for leaf in self.leaves]
        with enable_grad():
            found = autograd.grad(
                self.output, self.leaves, cotangent, create_graph=record, retain_graph=retain, allow_unused=True
            )
        return [_zeros(leaf) if g is None else g for g, leaf in zip(found, self.leaves)]

    def linear(self) -> tuple[Tensor, list[Tensor]]:
        """Return a cotangent and the gradients for it, which are linear in it: their derivative is the Jacobian.

        The numbers of the cotangent are random, so that the gradients of two paths do not cancel at a point where
        each of them is infinite.
        """
        numbers = np.random.default_rng(0).uniform(0.5, 1.5, self.output.shape)
        cotangent = Tensor(arrays.like(self.output).asarray(numbers, self.output.dtype), requires_grad=True)
        return cotangent, self.pull(cotangent, record=True, retain=True)

    def columns(self) -> list[Tensor]:
        """Return the Jacobian for each variable, by the derivatives along the unit vectors."""
        cotangent, gradients = self.linear()
        blocks = []
        for g, leaf in zip(gradients, self.leaves):
            columns = [_derivative_along([g], cotangent, [unit], self.open) for unit in _units(leaf)]
            blocks.append(reshape(stack(columns, axis=-1), (*self.output.shape, *leaf.shape)))
        return blocks

    def pack(self, results: Sequence) -> Any:
        """Give the results for all variables the form of the arguments."""
        pending = iter(results)
        forms = [next(pending) if names is None else {key: next(pending) for key in names} for names in self.names]
        return self.outward(forms[0]) if self.single else tuple(map(self.outward, forms))

    def unpack(self, tangents: tuple) -> list[Tensor]:
        """Return the directions for all variables in one list."""
        if len(tangents) != len(self.names):
            raise ValueError(f"{self.name}: there are {len(self.names)} inputs but {len(tangents)} tangents")
        flat = []
        for k, (names, tangent) in enumerate(zip(self.names, tangents)):
            if names is not None and (not isinstance(tangent, dict) or set(tangent) != set(names)):
                raise TypeError(
                    f"{self.name}: input {k} is a Module, so its tangent must be a dict with the names {names}"
                )
            flat += [tangent] if names is None else [tangent[key] for key in names]
        return [_matching(self.name, "a tangent", t, leaf, "its input") for t, leaf in zip(flat, self.leaves)]


def _chosen(name: str, argnums: Any, args: tuple, named: dict) -> Sequence[int]:
    """Return the positions of the arguments to differentiate for, checked against a call."""
    chosen = [argnums] if isinstance(argnums, int) else argnums
    for k in chosen:
        if not -len(args) <= k < len(args):
            instead = " by position; those to differentiate for cannot be given by name" if named else ""
            raise ValueError(
                f"{name}: argnums has {k}, but the function was called with {len(args)} arguments{instead}"
            )
    if len({k % len(args) for k in chosen}) < len(chosen):
        raise ValueError(f"{name}: argnums has an argument twice: {tuple(chosen)}")
    return chosen


def _no_result(name: str, output: Any) -> TypeError:
    """Return the error for what a function returned in the place of one floating Tensor."""
    dtype = f" of dtype {output.dtype}" if isinstance(output, Tensor) else ""
    if output is None:
        hint = "does it lack its `return`?"
    elif isinstance(output, dict):
        hint = "tg.func has transforms of functions with several results"
    elif isinstance(output, np.ndarray):
        hint = (
            "what is written into an array of NumPy has lost its history: write into np.zeros_like(x), or make the "
            "result by np.stack or np.where"
        )
    else:
        hint = "what went through .item(), float() or .numpy() has lost its history"
    return TypeError(
        f"{name}: the function must return one floating Tensor, not {type(output).__name__}{dtype}; {hint}"
    )


def _variable(name: str, k: int, x: Any) -> Tensor:
    """Return a new variable with the value of an argument, and its history if it has one that counts."""
    if isinstance(x, dict) or (isinstance(x, (list, tuple)) and len({shape_of(part) for part in x}) > 1):
        raise TypeError(
            f"{name}: argument {k} is a {type(x).__name__}, and must be one Tensor or array; tg.func has transforms "
            "for dicts, lists and tuples of several"
        )
    of_numpy = isinstance(x, (np.ndarray, np.generic))
    x = as_tensor(x)
    if x.dtype.kind in "iu":  # whole numbers are numbers: what is differentiated is floating
        x = x.astype(np.float64 if of_numpy else get_default_dtype())
    if x.dtype.kind not in "fc":
        raise TypeError(
            f"{name}: argument {k} has dtype {x.dtype}, and only floating ones have derivatives: convert it, for "
            "example with .astype(float), or choose other arguments by argnums"
        )
    if x.requires_grad and modes.recording:
        return reshape(x, x.shape)
    return Tensor(x.detach(), requires_grad=True, name=x.name)


def _as_vector(name: str, output: Sequence) -> Tensor:
    """Return the value of a function that gives a list, as many do for SciPy: its entries have one shape."""
    entries = [_as_vector(name, entry) if isinstance(entry, (list, tuple)) else entry for entry in output]
    others = [entry for entry in entries if entry is None or isinstance(entry, (dict, str))]
    if others or len({shape_of(entry) for entry in entries}) > 1:
        what = [type(entry).__name__ for entry in entries] if others else f"the shapes {[*map(shape_of, entries)]}"
        raise TypeError(
            f"{name}: the function must return one floating Tensor, not a {type(output).__name__} of {what}; tg.func "
            "has transforms of functions with several results, and has_aux=True for (value, something else)"
        )
    return stack(entries)


def _needs_others(output: Tensor, own: Sequence[Tensor]) -> bool:
    """Whether a value depends on a leaf that requires a gradient and is not one of the variables.

    The variable of a derivative that the function itself computed is no such leaf.
    """
    known = {id(leaf) for leaf in own}
    pending: list[Any] = [output.node or output]
    while pending:
        edge = pending.pop()
        if isinstance(edge, Tensor) and edge.requires_grad and id(edge) not in known and id(edge) not in _past:
            return True
        if id(edge) not in known:
            known.add(id(edge))
            pending += [e for e in edge.edges if e is not None] if isinstance(edge, Node) else []
    return False


def _rows(output: Tensor, leaves: Sequence[Tensor], record: bool) -> list[Tensor]:
    """Return the Jacobian of an output for each leaf, by backward walks for a batch of its rows, or for one."""
    if output.dtype.kind == "c":
        parts = [_rows(part, leaves, record) for part in (output.real, output.imag)]
        return [real + 1j * imag for real, imag in zip(*parts)]
    shapes = [(*output.shape, *leaf.shape) for leaf in leaves]
    if not output.requires_grad or not output.size or not leaves:
        return [from_owned(arrays.like(output).zeros(shape, output.dtype)) for shape in shapes]
    n = min(output.size, max(1, ELEMENTS_AT_ONCE // _largest(output)))
    observed = gradients.live_hooks or modes.anomaly or modes.observer is not None
    units = arrays.like(output).eye(output.size, dtype=output.dtype).reshape(output.size, *output.shape)
    try:
        if n < 3 or observed or arrays.is_other(units):  # one after the other is quicker, or is looked at
            raise Unbatchable(Level(0, n), "a row")
        parts = [_batch_of_rows(output, leaves, units[i : i + n], record) for i in range(0, len(units), n)]
    except Unbatchable:
        rows = [
            autograd.grad(output, leaves, from_owned(unit), create_graph=record, retain_graph=True, allow_unused=True)
            for unit in units
        ]
        parts = [[_zeros(leaf) if g is None else g for g, leaf in zip(row, leaves)] for row in rows]
        return [reshape(stack(column), shape) for column, shape in zip(zip(*parts), shapes)]
    return [reshape(concatenate(column), shape) for column, shape in zip(zip(*parts), shapes)]


def _batch_of_rows(output: Tensor, leaves: Sequence[Tensor], units: np.ndarray, record: bool) -> list[Tensor]:
    """Return several rows of the Jacobian for each leaf, by one walk with a hidden axis."""
    level = Level(next_id(), len(units))
    with level:
        found = autograd.grad(
            output,
            leaves,
            from_owned(Batched(units, level)),
            create_graph=record,
            retain_graph=True,
            allow_unused=True,
        )
        return [out_of_batch(_zeros(leaf) if g is None else g, level=level) for g, leaf in zip(found, leaves)]


def _largest(output: Tensor) -> int:
    """Return the size of the largest result on the way to an output."""
    largest, known = 1, set()
    pending: list[Any] = [output.node]
    while pending:
        node = pending.pop()
        if type(node) is Node and node not in known:
            known.add(node)
            shapes = node.shape if type(node.shape) is list else [node.shape]
            largest = max(largest, *map(math.prod, shapes))
            pending += node.edges
    return largest


def _units(x: Tensor) -> list[Tensor]:
    """Return the unit vectors of the shape and dtype of a Tensor."""
    return [from_owned(row.reshape(x.shape)) for row in arrays.like(x).eye(x.size, dtype=x.dtype)]


def _derivative_along(gradients: Sequence, cotangent: Tensor, tangents: Sequence, record: bool) -> Tensor:
    """Differentiate gradients, which are linear in a cotangent, for it: this gives the Jacobian times the tangents."""
    pairs = [(g, tangent) for g, tangent in zip(gradients, tangents) if g.requires_grad]
    if not pairs:
        return _zeros(cotangent)
    (found,) = autograd.grad(
        [g for g, _ in pairs],
        cotangent,
        [tangent for _, tangent in pairs],
        create_graph=record,
        retain_graph=True,
        allow_unused=True,
    )
    return _zeros(cotangent) if found is None else found


def _matching(name: str, what: str, x: Any, like: Tensor, whose: str) -> Tensor:
    """Return x as a Tensor of the dtype of another one, whose shape it must have."""
    if like.dtype.kind != "c" and np.iscomplexobj(x):
        raise TypeError(f"{name}: {what} is complex, but {whose} is {like.dtype}")
    if not isinstance(x, Tensor):
        x = Tensor(x, like.dtype)
    if x.shape != like.shape:
        raise ValueError(f"{name}: {what} has shape {x.shape}, but {whose} has shape {like.shape}")
    return x if x.dtype == like.dtype else x.astype(like.dtype)


def _as_tuples(inputs: Any, tangents: Any) -> tuple[tuple, tuple]:
    return (inputs, tangents) if isinstance(inputs, tuple) else ((inputs,), (tangents,))


def _zeros(x: Tensor) -> Tensor:
    return from_owned(arrays.like(x).zeros(x.shape, x.dtype))


def _like(function: Callable) -> Callable:
    """Return the decorator that gives a derivative the name and the description of its function."""
    return functools.wraps(function, updated=())
