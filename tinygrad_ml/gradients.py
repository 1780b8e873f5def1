"""What a gradient meets off the usual way: complex numbers and float16, zeros at infinities, and hooks."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import is_other, like
from .batched import Batched, all_elements, called
from .modes import Mode, check_gradient, modes
from .primitive import FLOAT16, FLOAT32, Node, OutputGradients, Primitive, Residuals
from .sparse import SparseRows
from .tensor import Tensor, from_owned, ndarray, next_id

live_hooks: set[int] = set()  # the numbers of those that were not removed; while there is none, nobody looks for hooks


def widened(g: Any) -> Any:
    """Return float32 for float16: gradients of float16 are computed so, and rounded once, where they are found."""
    return g.astype(FLOAT32) if g.dtype is FLOAT16 else g


def conjugated(z: Any) -> Any:
    """Return the complex conjugate, and what is real as it is: what a rule gets for the gradient that users see."""
    if type(z) is OutputGradients:
        return OutputGradients({k: conjugated(g) for k, g in z.items()}, z.shape, z.dtype)
    return z.conj() if z.dtype.kind == "c" else z


def outward(g: Any, dtype: Any) -> Any:
    """Return a gradient as users see it: in the dtype of its Tensor, and of a complex one the conjugate."""
    if type(g) is OutputGradients:
        parts = {k: outward(part, dtype[k]) for k, part in g.items()}
        return OutputGradients(parts, g.shape, g.dtype)
    g = g if g.dtype is dtype else g.astype(dtype)
    return g.conj() if dtype.kind == "c" else g


# ---------------------------------------------------------------------- a zero gradient stays zero


def is_finite(g: Any) -> bool:
    """Whether a gradient holds neither NaN nor infinity."""
    array = g._data if type(g) is Tensor else g.values if type(g) is SparseRows else g
    if type(array) is Batched:
        array = all_elements(array)
    if type(g) is OutputGradients or not array.shape:
        return type(g) is OutputGradients or bool(array - array == 0)
    flat = array.reshape(-1)
    total = flat.dot(flat)  # one pass; it is finite only if all are, but for an overflow
    return bool(total - total == 0 or np.isfinite(flat).all())


def without_dead(
    r: Any, g: Any, node: Node, rule: Callable, args: Sequence, create_graph: bool = False, careful: bool = True
) -> Any:
    """Return what a rule gave, with 0 where NaN or infinity came from an arriving gradient of exactly 0 alone.

    An elementwise rule tells by itself: where g is 0. Of others the values that are not finite are replaced, twice:
    what stays the same has met them with zeros only. What is still not finite comes from a singular point of the rule
    (0 / 0): with other values throughout, it is 0 if only zeros arrive there.
    """
    if type(r) is Tensor and not create_graph:  # a rule may make Tensors of arrays
        r = r._data
    if not careful or is_finite(r):
        return r
    if type(r) is not SparseRows:  # rows of g, as they are
        compute = rule if create_graph else lambda *values: called(rule, values, {})
        r = _zeros_kept(r, g, node.primitive, compute, args)
    if modes.anomaly:
        check_gradient(r, node, rule)
    return r


def _zeros_kept(r: Any, g: Any, primitive: Primitive, rule: Callable, args: Sequence) -> Any:
    if primitive.elementwise and r.shape == np.shape(g):
        return np.where(np.isfinite(r) | (g != 0), r, 0)
    first, second = ([_substituted(a, n, everywhere=False) for a in args] for n in (-0.61803, 1.41421))
    one, other = rule(g, *first), rule(g, *second)
    same = ~np.isfinite(r) & np.isfinite(one) & (one == other)
    if same.any():  # or differs by less than its rounding: much larger numbers would show
        size = 1e3 * max([1e6, *map(_largest, args)])
        third = rule(g, *[_substituted(a, size, everywhere=False) for a in args])
        r = np.where(same & ((one == third) | ~np.isfinite(third)), one, r)
    if not is_finite(r):
        first, second = ([_substituted(a, n, everywhere=True) for a in args] for n in (0.61803, 1.41421))
        r = np.where(~np.isfinite(r) & (rule(g, *first) == 0) & (rule(g, *second) == 0), 0, r)
    return r


def _largest(value: Any) -> float:
    """Return the largest finite absolute value of what a rule was given."""
    if type(value) is tuple:
        return max(map(_largest, value), default=0.0)
    array = value._data if type(value) is Tensor else value
    numeric = isinstance(array, (ndarray, np.inexact, float, complex)) or is_other(array)
    if not numeric or np.result_type(array).kind not in "fc":
        return 0.0
    sizes = np.abs(array)
    return float(np.where(np.isfinite(sizes), sizes, 0.0).max()) if sizes.size else 0.0


def _substituted(value: Any, n: float, everywhere: bool) -> Any:
    """Return what a rule was given with other numbers in place of those that are not finite, or of all."""
    if type(value) is tuple:  # of arrays, or of outputs
        return tuple([_substituted(part, n, everywhere) for part in value])
    if isinstance(value, Residuals):
        return value.mapped(lambda part: _substituted(part, n, everywhere))
    numeric = isinstance(value, (Tensor, ndarray, np.inexact, float, complex, Batched)) or is_other(value)
    if not numeric or np.result_type(value).kind not in "fc":
        return value
    random = n * np.random.default_rng(0).uniform(0.5, 1.5, np.shape(value))
    other = like(value).asarray(random, dtype=np.result_type(value))
    return other if everywhere else np.where(np.isfinite(value), value, other)


# ---------------------------------------------------------------------- hooks


class NeedsCare(Exception):
    """A hook is about to see a gradient that only care makes finite."""


def run_hooks(
    hooks: dict[int, Callable], g: Any, edge: Any, create_graph: bool, answers: dict[Any, Any], careful: bool
) -> Any:
    """Show a complete gradient to the hooks of a Tensor; each may replace it."""
    if not careful and not is_finite(g):
        raise NeedsCare
    if edge in answers:
        return answers[edge]
    g = conjugated(g)
    for hook in list(hooks.values()):
        with Mode(recording=create_graph and modes.recording):
            dense = g.numpy() if type(g) is SparseRows else g
            new = hook(dense.astype(edge.dtype) if isinstance(g, Tensor) else from_owned(dense.astype(edge.dtype)))
            if new is not None:
                if not isinstance(new, Tensor) or new.shape != edge.shape:
                    what = f"shape {new.shape}" if isinstance(new, Tensor) else f"type {type(new).__name__}"
                    raise ValueError(
                        f"a hook must return None or a gradient (a Tensor) of shape {edge.shape}, not one of {what}"
                    )
                new = new.astype(edge.dtype) + 0  # no two gradients share memory
                g = widened(new if create_graph else new._data)
    answers[edge] = conjugated(g)
    return answers[edge]


class HookHandle:
    """What `register_hook` returns: `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Callable], hook: Callable):
        self.hooks, self.number = hooks, next_id()
        hooks[self.number] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self.hooks.pop(self.number, None)
        live_hooks.discard(self.number)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """Call `hook(gradient)` in every backward pass, as soon as the gradient of this Tensor is complete.

    What the hook returns, unless it is None, takes the place of the gradient: for `grad`, and for everything that
    this Tensor was computed from.

    Raises
    ------
    RuntimeError
        If this Tensor does not require a gradient.

    Examples
    --------
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> handle = y.register_hook(lambda g: g.clip(-1, 1))
    >>> (10 * y).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    >>> handle.remove()
    """
    edge = self.node or (self if self._requires_grad else None)
    if edge is None:
        raise RuntimeError("a hook on a Tensor that does not require a gradient would never be called")
    name = "hooks" if isinstance(edge, Node) else "_hooks"
    if not hasattr(edge, name):
        setattr(edge, name, {})
    handle = HookHandle(getattr(edge, name), hook)
    live_hooks.add(handle.number if len(live_hooks) < 1000 else 0)  # results are forgotten together with their hooks
    return handle


def retain_grad(self: Tensor) -> None:
    """Let `backward` keep the gradient of this result in its `grad`, as it does for leaves (where this does nothing).

    Raises
    ------
    RuntimeError
        If this Tensor does not require a gradient.

    Examples
    --------
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * x
    >>> y.retain_grad()
    >>> (3 * y).sum().backward()
    >>> y.grad
    tensor([3., 3.])
    """
    if not self.requires_grad:
        raise RuntimeError("retain_grad(): this Tensor does not require a gradient, so it never has one")
    if self.node is None or hasattr(self, "_retains_grad"):
        return
    self._retains_grad, self._grad = True, None
    result = weakref.ref(self)  # the Node, which holds the hook, never refers to its own output

    def keep(g: Tensor) -> None:
        tensor = result()
        if tensor is not None:
            tensor._grad = g if tensor._grad is None else tensor._grad + g

    register_hook(self, keep)
