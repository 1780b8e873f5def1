"""Adagrad: each parameter has a learning rate of its own, which shrinks with the gradients it has seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .sgd import soft_threshold

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad: w -= lr · g / (sqrt(the sum of all g²) + eps), so frequent features take small steps.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization" (2011).

    A sparse gradient changes only its rows; with weight decay, where every row changes, it is made dense.

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate; in step t it is lr / (1 + (t - 1) · lr_decay).
    lr_decay, weight_decay, initial_accumulator_value, eps : float
    maximize : bool
        Whether to maximize the objective instead of minimizing it.
    l1 : float
        The weight of an L1 penalty l1 · Σ|w|, taken by soft thresholding after the step, with the learning rate that
        each weight has in this step (the proximal step of the paper above): weights become exactly zero. With a
        sparse gradient only its rows are thresholded.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    buffers = ("sum",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ):
        defaults = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "l1": l1}
        defaults |= {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize}
        super().__init__(params, defaults)

    def init_state(self, state: dict[str, np.ndarray], options: dict[str, Any]) -> None:
        if options["initial_accumulator_value"]:
            state["sum"][...] = options["initial_accumulator_value"]

    def supports_sparse(self, options: dict[str, Any]) -> bool:
        return not options["weight_decay"]

    def update(  # type: ignore[override]
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float,
        lr_decay: float,
        weight_decay: float,
        initial_accumulator_value: float,
        eps: float,
        l1: float,
    ) -> None:
        total, scratch = state["sum"], state["scratch"]
        if weight_decay:
            gradient = gradient + weight_decay * value
        np.square(gradient, out=scratch)
        total += scratch
        np.sqrt(total, out=scratch)
        scratch += eps
        rate = lr / (1 + (step - 1) * lr_decay)
        threshold = rate * l1 / scratch if l1 else None
        np.divide(gradient, scratch, out=scratch)
        scratch *= rate
        value -= scratch
        if threshold is not None:
            soft_threshold(value, threshold, scratch)
