"""What all optimizers share: parameter groups, and flat memory so that a step is a few NumPy calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..autograd import enable_grad
from ..tensor import Tensor, tick


class Optimizer:
    """The base of all optimizers: it changes parameters by their gradients.

    A new optimizer defines `defaults` in `__init__`, `buffers` (the names of the arrays that it keeps for
    every parameter) and `update`, which changes `value` in place. `update` gets long one-dimensional
    arrays: the parameters of a group lie one after the other in one block of memory, so that a step costs
    the same few NumPy calls for two parameters as for two hundred.

    Parameters
    ----------
    params : iterable of Tensors, or of dicts with "params" and the options of that group
        The leaves to change, for example `model.parameters()`.
    defaults : dict
        The options of groups that do not set them.

    Examples
    --------
    >>> class SignDescent(tg.optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     def update(self, value, gradient, state, step, lr):
    ...         value -= lr * np.sign(gradient)
    >>> w = tg.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = SignDescent([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9, -0.9], requires_grad=True)
    """

    buffers: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._blocks: list[list[_Block]] = []
        if isinstance(params, Tensor):
            raise TypeError(f"{type(self).__name__}: params must be a list of Tensors; write [w] instead of w")
        groups = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: there are no parameters")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own: {"params": [...], "lr": 0.1}."""
        name = type(self).__name__
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        unknown = sorted(set(group) - {"params", *self.defaults})
        if unknown:
            raise ValueError(f"{name}: unknown option {', '.join(unknown)}; it knows {', '.join(self.defaults)}")
        seen = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: parameter {i} is a {type(p).__name__}, not a Tensor")
            if not p.is_leaf or not p.requires_grad:
                kind = "does not require a gradient" if p.is_leaf else "is a result, not a leaf"
                raise ValueError(f"{name}: parameter {i} (shape {p.shape}) {kind}, so it cannot be learned")
            if id(p) in seen:
                raise ValueError(f"{name}: parameter {p.name or i} (shape {p.shape}) is given twice")
            seen.add(id(p))
        full = {**self.defaults, **group, "params": params}
        self.check(full)
        self.param_groups.append(full)
        by_dtype: dict[np.dtype, list[Tensor]] = {}
        for p in params:
            by_dtype.setdefault(p.dtype, []).append(p)
        self._blocks.append([_Block(same, self.buffers) for same in by_dtype.values()])

    def check(self, options: dict[str, Any]) -> None:
        """Raise ValueError if an option of a group is out of its range."""
        for key in ("lr", "weight_decay", "eps", "momentum", "lr_decay", "initial_accumulator_value"):
            if key in options and not options[key] >= 0:
                raise ValueError(f"{type(self).__name__}: {key} must be at least 0, not {options[key]}")

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters; the next `backward` starts from zero."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss again and its gradients; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, blocks in zip(self.param_groups, self._blocks):
            options = {key: value for key, value in group.items() if key != "params"}
            for block in blocks:
                for value, gradient, state, step in block.runs():
                    self.update(value, gradient, state, step, **options)
        return loss

    def update(
        self, value: np.ndarray, gradient: np.ndarray, state: dict[str, np.ndarray], step: int, **options: Any
    ) -> None:
        """Change `value` in place, given its gradient, the buffers, and the number of this step (from 1).

        The gradient may be the caller's own and must not be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define update(...)")

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            options = ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
            lines.append(f"  group {i}: {len(group['params'])} parameters, {options}")
        return f"{type(self).__name__}(\n" + "\n".join(lines) + "\n)"


class _Block:
    """Parameters of one dtype, which live one after the other in one array from now on."""

    def __init__(self, params: list[Tensor], buffers: Iterable[str]):
        self.params = params
        self.ends = np.cumsum([p.size for p in params]).tolist()
        self.starts = [0, *self.ends[:-1]]
        self.values = np.empty(self.ends[-1], params[0].dtype)
        self.gradients = np.empty_like(self.values)
        self.state = {name: np.zeros(self.values.shape, self.values.dtype) for name in buffers}  # not paged in unused
        self.state["scratch"] = np.empty_like(self.values)
        self.steps = [0] * len(params)
        self.views: list[Any] = [None] * len(params)
        self.adopt()

    def adopt(self) -> None:
        """Move values into the block that are not there: at first, and after somebody else replaced them."""
        for i, p in enumerate(self.params):
            if p._data is not self.views[i]:
                view = self.values[self.starts[i] : self.ends[i]].reshape(p.shape)
                view[...] = p._data
                p._data = self.views[i] = view

    def runs(self) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], int]]:
        """Yield (values, gradients, state, step number) of neighbours that have a gradient and the same past."""
        self.adopt()
        now = tick()
        params, steps = self.params, self.steps
        i, n = 0, len(params)
        while i < n:
            if params[i]._grad is None:
                i += 1
                continue
            first = i
            step = steps[i] + 1
            pieces = []
            while i < n and steps[i] + 1 == step and params[i]._grad is not None:
                pieces.append(params[i]._grad._data.reshape(-1))  # type: ignore[union-attr]
                steps[i] = step
                params[i]._changed = now
                i += 1
            values, gradients, state = self.values, self.gradients, self.state
            if len(pieces) < n:
                run = slice(self.starts[first], self.ends[i - 1])
                values, gradients = values[run], gradients[run]
                state = {name: array[run] for name, array in state.items()}
            yield values, pieces[0] if len(pieces) == 1 else np.concatenate(pieces, out=gradients), state, step
