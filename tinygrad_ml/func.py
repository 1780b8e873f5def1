"""The names and signatures of PyTorch's `torch.func`, for programs that are written with them.

    gradients = tg.func.grad(loss)(params, x, y)                            # params: a dict of Tensors
    per_example = tg.func.vmap(tg.func.grad(loss), in_dims=(None, 0, 0))(params, x, y)
    output = tg.func.functional_call(model, params, (x,))

Arguments and results are Tensors, or tuples, lists and dicts of them; a derivative has their form. The transforms of
`tg` itself (`tg.grad`, `tg.jacobian`, ...) do the same for Tensors and Modules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from . import transforms
from .arrays import copied
from .ops import concatenate, reshape, stack
from .tensor import Tensor, as_tensor
from .vectorize import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "stack_module_state",
    "vjp",
    "vmap",
]

Argnums = int | tuple[int, ...]


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the function that computes the gradient of `func`, which returns a single number.

    Parameters
    ----------
    func : callable
    argnums : int or tuple of ints
        The arguments to differentiate for; with a tuple the result is a tuple.
    has_aux : bool
        Whether `func` returns (value, something else); then the result is (gradient, something else).

    Examples
    --------
    >>> loss = lambda params, x: ((params["w"] * x).sum() + params["b"]) ** 2
    >>> tg.func.grad(loss)({"w": tg.tensor([1.0, 2.0]), "b": tg.tensor(0.0)}, tg.tensor([3.0, 4.0]))
    {'w': tensor([66., 88.]), 'b': tensor(22.)}
    """

    @functools.wraps(func, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the function that computes (gradient, value), or with `has_aux` (gradient, (value, something else)).

    Examples
    --------
    >>> tg.func.grad_and_value(lambda x: (x**2).sum())(tg.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func, updated=())
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        call = _Flat(func, argnums, args, kwargs, has_aux)
        value, gradients = transforms.value_and_grad(call.single, call.every)(*call.leaves)
        return call.like_arguments(gradients), (value, call.aux_like(value)) if has_aux else value

    return gradient_and_value


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the value of a function, and the function from a cotangent to the product cotangent @ Jacobian.

    The cotangent has the form of the value. The product is a tuple, with one gradient for each primal.

    Examples
    --------
    >>> value, pull = tg.func.vjp(lambda x, y: x * y, tg.tensor([1.0, 2.0]), tg.tensor([3.0, 4.0]))
    >>> pull(tg.tensor([1.0, 10.0]))
    (tensor([ 3., 40.]), tensor([ 1., 20.]))
    """
    call = _Flat(func, tuple(range(len(primals))), primals, {}, has_aux)
    value, pull = transforms.vjp(call, *call.leaves)

    def product(cotangents: Any) -> tuple[Any, ...]:
        return call.like_arguments(pull(call.flat_output(cotangents)))

    output = call.like_output(value)
    return (output, product, call.aux_like(value)) if has_aux else (output, product)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the value of a function, and the product Jacobian @ tangents: its derivative along a direction.

    Parameters
    ----------
    func : callable
    primals, tangents : tuple
        The arguments of the function, and for each a direction of its form.
    strict : bool
        Whether to raise if the value does not depend on the primals, instead of returning zeros.
    has_aux : bool
        Whether `func` returns (value, something else), which then comes third.

    Examples
    --------
    >>> tg.func.jvp(lambda x: x**2, (tg.tensor([1.0, 2.0]),), (tg.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise TypeError("jvp: primals and tangents must be tuples, with one entry for each argument: write (x,)")
    if not primals or len(primals) != len(tangents):
        raise ValueError(
            f"jvp: there are {len(primals)} primals and {len(tangents)} tangents; there must be one for each"
        )
    call = _Flat(func, tuple(range(len(primals))), primals, {}, has_aux)
    directions = [
        leaf for primal, tangent in zip(primals, tangents) for leaf in _leaves(tangent, primal, "the tangents")
    ]
    value, derivative = transforms.jvp(call, call.leaves, tuple(directions))
    if strict and not call.depends:
        raise RuntimeError("jvp: the value does not depend on the primals, so with strict=True there is no derivative")
    output = call.like_output(value), call.like_output(derivative)
    return (*output, call.aux_like(value)) if has_aux else output


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian, of shape (*value.shape, *argument.shape).

    For a value or argument that is a tuple, list or dict, it has the form of the value, and in it that of the argument.
    `chunk_size` is accepted: the library chooses itself how many rows it computes at once.

    Examples
    --------
    >>> tg.func.jacrev(lambda x: x**2)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func, updated=())
    def derivative(*args: Any, **kwargs: Any) -> Any:
        call = _Flat(func, argnums, args, kwargs, has_aux)
        blocks = transforms.jacobian(call, call.every)(*call.leaves)
        result = call.jacobian(blocks)
        return (result, call.aux_like(blocks[0])) if has_aux else result

    return derivative


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian, as `jacrev` does: rows or columns, what is fewer.

    Examples
    --------
    >>> tg.func.jacfwd(lambda x: x**2)(tg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that computes the second derivatives: the Jacobian of the Jacobian.

    Its shape is (*value.shape, *argument.shape, *argument.shape).

    Examples
    --------
    >>> tg.func.hessian(lambda x: x[0] ** 2 * x[1])(tg.tensor([1.0, 3.0]))
    tensor([[6., 2.],
            [2., 0.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other values in the place of its parameters and buffers, and leave the module as it is.

    Parameters
    ----------
    module : tg.nn.Module
    parameter_and_buffer_dicts : dict of Tensors, or a sequence of such
        The values by name, as `named_parameters()` has them; what is not named keeps its own.
    args : tuple, or a single argument
    kwargs : dict
    tie_weights : bool
        Whether a parameter with several names gets the value that one of them has; only True.
    strict : bool
        Whether every parameter and buffer must be named.

    Raises
    ------
    KeyError, ValueError
        If a name is not one of the module's, if `strict` and one is missing, or if a shape differs.

    Examples
    --------
    >>> model = tg.nn.Linear(2, 1)
    >>> tg.func.functional_call(model, {"weight": tg.ones((1, 2)), "bias": tg.zeros(1)}, tg.tensor([[3.0, 4.0]]))
    tensor([[7.]])
    """
    if not tie_weights:
        raise ValueError("functional_call: a shared parameter is one Tensor here, so tie_weights is always True")
    dicts: Any = parameter_and_buffer_dicts
    several = not isinstance(dicts, Mapping)
    given = {name: x for d in (dicts if several else [dicts]) for name, x in d.items()}
    own = dict(module._state())
    unknown, missing = sorted(given.keys() - own.keys()), sorted(own.keys() - given.keys())
    if unknown:
        raise KeyError(f"functional_call: {unknown} are not names of {type(module).__name__}, which has {sorted(own)}")
    if strict and missing:
        raise KeyError(f"functional_call: strict=True needs all parameters and buffers, and {missing} are missing")
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with ExitStack() as changes:
        for name, x in given.items():
            value = as_tensor(x)
            if value.shape != own[name].shape:
                raise ValueError(
                    f"functional_call: {name} has shape {own[name].shape}, but its value has shape {value.shape}"
                )
            changes.enter_context(_standing_for(own[name], reshape(value, value.shape)))
        return module(*args, **(kwargs or {}))


@contextmanager
def _standing_for(own: Tensor, other: Tensor) -> Iterator[None]:
    """Let a parameter have the value and the history of another Tensor for a while."""
    before = Tensor.__new__(Tensor)
    before._become(own)
    own._become(other)
    try:
        yield
    finally:
        own._become(before)


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters and the buffers of several modules of one kind, each stacked along a new first axis.

    Examples
    --------
    >>> models = [tg.nn.Linear(2, 1) for _ in range(3)]
    >>> params, buffers = tg.func.stack_module_state(models)
    >>> predict = lambda params, x: tg.func.functional_call(models[0], params, x)
    >>> tg.func.vmap(predict, in_dims=(0, None))(params, tg.ones((4, 2))).shape
    (3, 4, 1)
    """
    if not models:
        raise ValueError("stack_module_state: there are no models")
    if len({type(model) for model in models}) > 1:
        raise TypeError("stack_module_state: the models must be of one class")

    def stacked(several: list[dict[str, Any]]) -> dict[str, Tensor]:
        return {name: stack([one[name].detach() for one in several]) for name in several[0]}

    params = stacked([dict(model.named_parameters()) for model in models])
    for param in params.values():
        param.requires_grad = True
    return params, stacked([dict(model.named_buffers()) for model in models])


# ---------------------------------------------------------------------- forms of Tensors


def _leaves(form: Any, like: Any, what: str) -> list[Any]:
    """Return the Tensors of a tuple, list or dict, which must have the form of another."""
    if not isinstance(like, (tuple, list, dict)):
        return [form]
    if isinstance(like, dict):
        if not isinstance(form, dict) or form.keys() != like.keys():
            raise ValueError(f"{what} must have the form of what they belong to: a dict with the keys {list(like)}")
        return [leaf for key in like for leaf in _leaves(form[key], like[key], what)]
    if not isinstance(form, (tuple, list)) or len(form) != len(like):
        raise ValueError(f"{what} must have the form of what they belong to: {len(like)} parts")
    return [leaf for one, other in zip(form, like) for leaf in _leaves(one, other, what)]


def _filled(like: Any, leaves: Iterator[Any]) -> Any:
    """Return the form of another with other leaves."""
    if isinstance(like, dict):
        return {key: _filled(value, leaves) for key, value in like.items()}
    if isinstance(like, (tuple, list)):
        parts = [_filled(value, leaves) for value in like]
        return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)
    return next(leaves)


class _Flat:
    """A function of Tensors that returns one, made of a function of tuples, lists and dicts: for the transforms.

    leaves : the Tensors in the arguments to differentiate for
    every : their positions, all of them
    output : what the function returned, once it was called
    depends : whether that depends on a Tensor that requires a gradient
    """

    def __init__(self, func: Callable, argnums: Argnums, args: tuple, kwargs: dict[str, Any], has_aux: bool):
        self.func, self.args, self.kwargs, self.has_aux = func, args, kwargs, has_aux
        self.argnums = transforms.checked_argnums("tg.func", func, argnums)
        chosen = (self.argnums,) if isinstance(self.argnums, int) else self.argnums
        for k in chosen:
            if not -len(args) <= k < len(args):
                raise ValueError(f"argnums has {k}, but the function was called with {len(args)} positional arguments")
        self.places = [k % len(args) for k in chosen]
        self.leaves = tuple([leaf for k in self.places for leaf in _leaves(args[k], args[k], "arguments")])
        self.every = tuple(range(len(self.leaves)))

    def __call__(self, *leaves: Any) -> Tensor:
        args, pending = list(self.args), iter(leaves)
        for k in self.places:
            args[k] = _filled(args[k], pending)
        output = self.func(*args, **self.kwargs)
        self.aux: Any = None
        if self.has_aux:
            if not isinstance(output, tuple) or len(output) != 2:
                raise ValueError("with has_aux=True the function must return a tuple (value, something else)")
            output, self.aux = output
        self.output = output
        parts = [as_tensor(part) for part in _leaves(output, output, "results")]
        self.shapes = [part.shape for part in parts]
        self.depends = any(part.requires_grad for part in parts)
        return (
            parts[0]
            if not isinstance(output, (tuple, list, dict))
            else concatenate([part.reshape(-1) for part in parts])
        )

    def single(self, *leaves: Any) -> Tensor:
        """Return the value, which must be one Tensor."""
        value = self(*leaves)
        if isinstance(self.output, (tuple, list, dict)):
            raise TypeError(
                f"grad: the function must return a single number, not a {type(self.output).__name__}; for "
                "(value, something else) there is has_aux=True"
            )
        return value

    def like_arguments(self, gradients: Sequence[Any]) -> Any:
        """Return what was found for each Tensor in the form of the arguments."""
        pending = iter(gradients)
        found = tuple([_filled(self.args[k], pending) for k in self.places])
        return found[0] if isinstance(self.argnums, int) else found

    def flat_output(self, cotangents: Any) -> Any:
        """Return cotangents as one Tensor, as the value is."""
        if not isinstance(self.output, (tuple, list, dict)):
            return cotangents
        parts = [as_tensor(part) for part in _leaves(cotangents, self.output, "cotangents")]
        if [part.shape for part in parts] != self.shapes:
            raise ValueError(
                f"the cotangents have the shapes {[part.shape for part in parts]}, but must have {self.shapes}"
            )
        return concatenate([part.reshape(-1) for part in parts])

    def _split(self, flat: Tensor, more: tuple[int, ...] = ()) -> list[Tensor]:
        """Return the parts of one Tensor for each part of the output, with further axes."""
        parts, start = [], 0
        for shape in self.shapes:
            n = 1
            for length in shape:
                n *= length
            parts.append(flat[start : start + n].reshape((*shape, *more)))
            start += n
        return parts

    def like_output(self, flat: Tensor) -> Any:
        """Return one Tensor in the form of what the function returned."""
        if not isinstance(self.output, (tuple, list, dict)):
            return flat
        return _filled(self.output, iter(self._split(flat)))

    def jacobian(self, blocks: Sequence[Tensor]) -> Any:
        """Return the Jacobians for all Tensors in the form of the value, and in it that of the arguments."""
        if not isinstance(self.output, (tuple, list, dict)):
            return self.like_arguments(blocks)
        columns = [self._split(block, block.shape[1:]) for block in blocks]
        return _filled(self.output, iter([self.like_arguments(row) for row in zip(*columns)]))

    def aux_like(self, value: Any) -> Any:
        """Return what the function returned besides its value: with a history, or as arrays, if the value is so."""

        def freed(x: Any) -> Any:
            if isinstance(x, (tuple, list, dict)):
                leaves = iter([freed(leaf) for leaf in _leaves(x, x, "results")])
                return _filled(x, leaves)
            if not isinstance(x, Tensor) or getattr(value, "requires_grad", False):
                return x
            return x.detach() if isinstance(value, Tensor) else copied(x._data)[()]

        return freed(self.aux)
