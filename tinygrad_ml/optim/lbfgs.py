"""L-BFGS: Newton's method with a Hessian estimated from the last gradients, for smooth full-batch problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..arrays import like
from ..autograd import enable_grad
from ..sparse import SparseRows
from ..tensor import as_array, touch
from .flat_parameters import as_real
from .line_search import strong_wolfe
from .optimizer import Optimizer

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """L-BFGS: steps along the gradient times an approximate inverse Hessian, of the last `history_size` steps.

    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989), in the form of PyTorch
    and minFunc. One `step(closure)` takes up to `max_iter` iterations and needs a closure that computes the loss of
    all the data. The memory is `history_size` times twice that of the parameters, which must have one dtype and be
    one group. A sparse gradient is made dense, and a missing one is zero.

    Parameters
    ----------
    params : iterable of Tensors
    lr : float
        The length of the first trial step.
    max_iter : int
        The largest number of iterations in one step.
    max_eval : int, optional
        The largest number of calls of the closure in one step; by default max_iter · 5 // 4.
    tolerance_grad, tolerance_change : float
        Where to stop: the largest gradient; the largest change of a parameter or of the loss.
    history_size : int
    line_search_fn : None or "strong_wolfe"
        How to find the length of each step; None always takes lr. The line search shortens a step to where the loss or
        a gradient is not finite.

    Examples
    --------
    >>> w = tg.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = tg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 1) ** 4).sum()
    ...     loss.backward()
    ...     return loss
    >>> start = optimizer.step(closure)
    >>> closure().item() < 1e-4
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ):
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        defaults = {"lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad}
        defaults |= {"tolerance_change": tolerance_change, "history_size": history_size}
        self.memory: dict[str, Any] = {"func_evals": 0, "n_iter": 0}
        super().__init__(params, defaults | {"line_search_fn": line_search_fn})
        if len(self._flat) != 1 or len(self._flat[0]) != 1:
            raise ValueError("LBFGS: all parameters must be in one group and have one dtype")

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', not {options['line_search_fn']!r}")

    def add_param_group(self, group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: all parameters must be in one group and have one dtype")
        super().add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to max_iter iterations, and return the loss at the beginning.

        Parameters
        ----------
        closure : callable
            Sets the gradients to zero, computes the loss and its gradients, and returns the loss.
        """
        if closure is None:
            raise ValueError("LBFGS: step needs a closure that computes the loss and its gradients")
        options, memory, flat = self.param_groups[0], self.memory, self._flat[0][0]
        lr, max_iter, max_eval = options["lr"], options["max_iter"], options["max_eval"]
        evaluations, tried = 0, math.nan

        def evaluate() -> tuple[Any, np.ndarray]:
            nonlocal evaluations
            evaluations += 1
            with enable_grad():
                loss = closure()
            return loss, self._gradient()

        def move(start: np.ndarray, length: float, direction: np.ndarray) -> None:
            flat.reattach()
            with np.errstate(over="ignore", invalid="ignore"):  # the closure shows that it was too far
                flat.values[...] = start + length * direction
            touch([p for p in flat.params if p.requires_grad])

        def along(length: float) -> tuple[float, np.ndarray]:
            nonlocal tried
            move(start, length, direction)
            tried = length
            loss, gradient = evaluate()
            return float(as_array(loss)), gradient

        first_loss, gradient = evaluate()
        loss, largest = float(as_array(first_loss)), np.abs(gradient).max()
        # where the loss or a gradient is not finite, no direction leads down
        done = largest <= options["tolerance_grad"] or not math.isfinite(loss) or not math.isfinite(largest)
        iteration = 0
        while not done and iteration < max_iter:
            iteration += 1
            memory["n_iter"] += 1
            direction = self._direction(gradient)
            memory["prev_flat_grad"], memory["prev_loss"] = gradient, loss
            length = lr if memory["n_iter"] > 1 else min(1.0, 1.0 / np.abs(gradient).sum()) * lr
            slope = gradient.dot(direction)
            memory |= {"d": direction, "t": length}
            if slope > -options["tolerance_change"]:
                break
            flat.reattach()
            start = flat.values.astype(flat.precision)
            if options["line_search_fn"] is not None:
                loss, gradient, length = strong_wolfe(
                    along, length, direction, loss, gradient, slope, max_eval - evaluations
                )
                if length != tried:
                    move(start, length, direction)
            else:
                move(start, length, direction)
                if iteration < max_iter:  # in the last iteration nobody needs it
                    new, gradient = evaluate()
                    loss = float(as_array(new))
            memory["t"] = length
            done = (
                evaluations >= max_eval
                or np.abs(gradient).max() <= options["tolerance_grad"]
                or np.abs(direction * length).max() <= options["tolerance_change"]
                or abs(loss - memory["prev_loss"]) < options["tolerance_change"]
            )
        memory["func_evals"] += evaluations
        return first_loss

    def _gradient(self) -> np.ndarray:
        flat = self._flat[0][0]
        gradients = [_dense(p._grad) if p.requires_grad and p._grad is not None else None for p in flat.params]
        parts = [as_real(like(p).zeros(p.shape, p.dtype) if g is None else g) for p, g in zip(flat.params, gradients)]
        return np.concatenate(parts).astype(flat.precision, copy=False)

    def _direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return minus the inverse Hessian times the gradient, by the two loops of the paper."""
        memory = self.memory
        if memory["n_iter"] == 1:
            memory |= {"old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
            return -gradient
        changes, steps, inverse = memory["old_dirs"], memory["old_stps"], memory["ro"]
        change, step = gradient - memory["prev_flat_grad"], memory["d"] * memory["t"]
        curvature = change.dot(step)
        if curvature > 1e-10:
            if len(changes) == self.param_groups[0]["history_size"]:
                for past in (changes, steps, inverse):
                    past.pop(0)
            changes.append(change)
            steps.append(step)
            inverse.append(1.0 / curvature)
            memory["H_diag"] = curvature / change.dot(change)
        return inverse_hessian_product(-gradient, changes, steps, inverse, memory["H_diag"])

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        copies = {
            key: [np.copy(v) for v in value] if isinstance(value, list) else value for key, value in self.memory.items()
        }
        return state | {"state": {0: copies}}

    def load_state_dict(self, state_dict: Any) -> None:
        memory = dict(state_dict["state"].get(0, {"func_evals": 0, "n_iter": 0}))
        memory.pop("al", None)  # PyTorch keeps scratch memory here
        memory = {
            key: [_flat(v) for v in value] if isinstance(value, (list, tuple)) else _flat(value)
            for key, value in memory.items()
            if value is not None
        }
        size = self._flat[0][0].values.size
        vectors = [memory[key] for key in ("d", "prev_flat_grad") if key in memory]
        for vector in [*vectors, *memory.get("old_dirs", ()), *memory.get("old_stps", ())]:
            if np.shape(vector) != (size,):
                raise ValueError(
                    f"the state does not fit this LBFGS: a vector has shape {np.shape(vector)}, must be {(size,)}"
                )
        super().load_state_dict({**state_dict, "state": {}})
        self.memory = memory


def inverse_hessian_product(
    vector: np.ndarray, changes: Sequence, steps: Sequence, inverse: Sequence, diagonal: float
) -> np.ndarray:
    """Return the estimated inverse Hessian times a vector, by the two loops of the paper.

    Parameters
    ----------
    vector : (n,)
        It is changed.
    changes, steps : sequences of (n,)
        How the gradient changed in each of the last steps, the newest last, and the steps.
    inverse : sequence of floats
        1 / (change · step) of each.
    diagonal : float
        The inverse Hessian to begin with, times the identity.

    Examples
    --------
    >>> step, change = np.array([1.0, 0.0]), np.array([4.0, 0.0])  # a curvature of 4 along the first axis
    >>> tg.optim.lbfgs.inverse_hessian_product(np.array([4.0, 8.0]), [change], [step], [0.25], 0.5)
    array([1., 4.])
    """
    weights = [0.0] * len(changes)
    for i in reversed(range(len(changes))):
        weights[i] = steps[i].dot(vector) * inverse[i]
        vector -= weights[i] * changes[i]
    vector *= diagonal
    for i in range(len(changes)):
        vector += (weights[i] - changes[i].dot(vector) * inverse[i]) * steps[i]
    return vector


def _dense(gradient: Any) -> np.ndarray:
    return gradient.numpy() if type(gradient) is SparseRows else gradient._data


def _flat(value: Any) -> Any:
    if hasattr(value, "detach"):
        value = np.asarray(value.detach())
    if isinstance(value, (np.ndarray, np.generic)):
        return (
            np.array(value) if np.ndim(value) else value[()].item() if isinstance(value, np.ndarray) else value.item()
        )
    return value
