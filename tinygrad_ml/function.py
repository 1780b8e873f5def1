"""Function: an operation as PyTorch writes it, a class with `forward(ctx, ...)` and `backward(ctx, ...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from .batched import Unbatchable, holds_batch, innermost
from .modes import Mode
from .primitive import Primitive, no_derivative
from .tensor import Tensor, as_tensor, from_owned, next_id

__all__ = ["Function"]


class Context:
    """What `forward` leaves for `backward`: the `ctx` of a Function. It may have attributes of your own.

    needs_input_grad : for each argument of `apply`, whether it requires a gradient
    """

    needs_input_grad: tuple[bool, ...] = ()
    _saved: Sequence[Any] = ()
    _constant: Sequence[Tensor] = ()
    _outputs: Sequence[Tensor] = ()
    _found: tuple[Any, tuple[Any, ...]] = (None, ())  # the gradient that arrived last, and what backward returned

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep arguments, results or other Tensors for `backward`, which finds them in `saved_tensors`."""
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward() keeps Tensors, not {type(x).__name__}: make it an attribute, ctx.name = value"
                )
        self._saved, self._time = tensors, next_id()

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The Tensors that `save_for_backward` was given."""
        for x in self._saved:
            if isinstance(x, Tensor) and x.is_leaf:
                x._sync_version()
                if x._version > self._time:
                    raise RuntimeError(
                        f"a Tensor of shape {x.shape} was changed after a Function had saved it, so its gradient would "
                        "be wrong: call backward() before any change"
                    )
        return tuple([self._outputs[x] if type(x) is int else x for x in self._saved])

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Declare results that have no derivative, such as indices: no gradient comes through them."""
        self._constant = outputs

    def mark_dirty(self, *inputs: Tensor) -> NoReturn:
        """Raise: an operation does not change its arguments here."""
        raise RuntimeError("operations do not change their arguments: return a new Tensor instead of mark_dirty()")

    def set_materialize_grads(self, value: bool) -> None:
        """Accept True: a result that nothing was computed from has a gradient of zeros."""
        if not value:
            raise RuntimeError(
                "gradients that do not arrive are zeros here: set_materialize_grads(False) has no meaning"
            )


class Function:
    """An operation of your own, in the form that PyTorch has for it.

    A subclass has two static methods. `forward(ctx, *args)` gets the arguments of `apply` and returns a Tensor, or a
    tuple of Tensors; nothing is recorded in it, so it may use NumPy. `backward(ctx, *gradients)` gets the gradient of
    each result, and returns one for each argument, None where there is none. If it is written in operations on
    Tensors, it can itself be differentiated.

    `tg.autograd.primitive` is the shorter way, with one line for each argument.

    Examples
    --------
    >>> class Cube(tg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * g
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def __init__(self, *args: Any, **named: Any):
        raise TypeError(f"a Function is not made, but applied: {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **named: Any) -> Any:
        """Compute the result; every Function defines its own, `forward(ctx, *args)`."""
        raise NotImplementedError("a Function defines forward(ctx, ...), as a static method")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what `backward` needs, if `forward(*args)` is written without `ctx`."""

    @staticmethod
    def backward(*args: Any, **named: Any) -> Any:
        """Compute the gradient for each argument; every Function defines its own, `backward(ctx, *gradients)`."""
        raise NotImplementedError("a Function defines backward(ctx, ...), as a static method")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the result, and record the operation if an argument requires a gradient."""
        ctx = Context()
        ctx.needs_input_grad = tuple([isinstance(x, Tensor) and x.requires_grad for x in args])
        places = [k for k, x in enumerate(args) if isinstance(x, Tensor)]
        arrays = [args[k]._data for k in places]
        if holds_batch(arrays):
            raise Unbatchable(innermost(arrays), cls.__name__)
        with Mode(recording=False):
            outputs = cls._run_forward(ctx, args)
        several = isinstance(outputs, tuple)
        parts = outputs if several else (outputs,)
        results = [cls._result(y, args) for y in parts]
        numbers = {id(y): k for k, y in enumerate(parts)}
        ctx._saved = [numbers.get(id(x), x) for x in ctx._saved]
        if places:
            results = _recorded(cls, ctx, [args[k] for k in places], places, results)
            constant = {numbers.get(id(y)) for y in ctx._constant}
            results = [y.detach() if k in constant else y for k, y in enumerate(results)]
        return tuple(results) if several else results[0]

    @classmethod
    def _run_forward(cls, ctx: Context, args: tuple[Any, ...]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        outputs = cls.forward(*args)
        cls.setup_context(ctx, args, outputs)
        return outputs

    @classmethod
    def _result(cls, y: Any, args: tuple[Any, ...]) -> Tensor:
        if not isinstance(y, (Tensor, np.ndarray, np.generic, float, int)):
            raise TypeError(
                f"{cls.__name__}.forward returned {type(y).__name__}: it must return a Tensor or a tuple of them"
            )
        y = as_tensor(y)
        return from_owned(np.array(y._data)) if any(y is x for x in args) else y


def _recorded(
    cls: type[Function], ctx: Context, tensors: Sequence[Tensor], places: Sequence[int], results: Sequence[Tensor]
) -> list[Tensor]:
    """Return results as those of an operation on the Tensors among the arguments, which are at some places."""
    pending = [tuple([y._data for y in results])]

    def kernel(*arrays: Any) -> Any:
        return pending.pop()

    def rule(g: Any, i: int, tensors_shape: Any) -> Any:
        return _gradient(cls, ctx, g, places[i], tensors_shape[i])

    def rule_with_results(g: Any, i: int, tensors_shape: Any, out: Any) -> Any:
        ctx._outputs = [y if isinstance(y, Tensor) else from_owned(y) for y in out]
        try:
            return _gradient(cls, ctx, g, places[i], tensors_shape[i])
        finally:
            ctx._outputs = ()

    keeps_results = any(type(x) is int for x in ctx._saved)
    rules: dict[str, Callable | None] = {"tensors": rule_with_results if keeps_results else rule}
    return list(Primitive(cls.__name__, kernel, rules, formula=f"{cls.__name__}.backward(g)").operation(*tensors))


def _gradient(cls: type[Function], ctx: Context, g: Any, k: int, shape: tuple[int, ...]) -> Any:
    """Return the gradient for argument `k`, of all that `backward` returns when `g` arrives."""
    arriving = g if type(g) is list else [g]
    recorded = any(isinstance(part, Tensor) for part in arriving)
    before, found = ctx._found
    if before is not g:  # once for all arguments
        with Mode(recording=recorded):
            given = [_conjugated(part) for part in arriving]
            found = cls.backward(ctx, *[part if isinstance(part, Tensor) else from_owned(part) for part in given])
        found = found if isinstance(found, tuple) else (found,)
        ctx._found = g, found
    if not any(ctx.needs_input_grad[k + 1 :]):
        ctx._found = None, ()
    n = len(ctx.needs_input_grad)
    if len(found) != n:
        raise RuntimeError(
            f"{cls.__name__}.backward returned {len(found)} gradients, but apply() got {n} arguments: return one for "
            "each, None for what has none"
        )
    if found[k] is None:
        return np.zeros(shape, arriving[0].dtype)
    r = as_tensor(found[k])
    if r.shape != shape:
        raise RuntimeError(
            f"{cls.__name__}.backward returned a gradient of shape {r.shape} for argument {k}, which has shape {shape}"
        )
    if not recorded:
        return _conjugated(r._data)
    sources = [x for x in (*arriving, *ctx._saved) if isinstance(x, Tensor) and x.requires_grad]
    lost = sources and not r.requires_grad and np.any(r._data)
    return _conjugated(_without_history(cls.__name__)(r, *sources) if lost else r)


def _conjugated(g: Any) -> Any:
    """Return a gradient as `backward` gets and returns it, that of a complex number as users see it; and back again."""
    return np.conj(g) if g.dtype.kind == "c" else g


def _without_history(name: str) -> Any:
    """Return the operation that passes a gradient on, and says why it cannot be differentiated again."""
    why = (
        f"backward of {name} is not written in operations on Tensors that are recorded (it uses .numpy(), .item() or "
        "the like), so it has no second derivative"
    )
    rule = no_derivative(why).of(f"the gradient of {name}", "gradient")

    def kernel(*inputs: Any) -> Any:
        return inputs[0]

    return Primitive(f"gradient of {name}", kernel, {"inputs": rule}).operation
