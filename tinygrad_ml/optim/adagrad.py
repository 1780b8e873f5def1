"""Adagrad: each parameter has a learning rate of its own, which shrinks with the gradients it has seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer


class Adagrad(Optimizer):
    """Adagrad: w -= lr · g / (sqrt(the sum of all g²) + eps), so frequent features take small steps.

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization" (2011).

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate; in step t it is lr / (1 + (t - 1) · lr_decay).
    lr_decay, weight_decay, initial_accumulator_value, eps : float

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
    ):
        defaults = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"initial_accumulator_value": initial_accumulator_value, "eps": eps})

    def update(
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        total, scratch = state["sum"], state["scratch"]
        if step == 1:
            total[...] = initial_accumulator_value
        if weight_decay:
            gradient = gradient + weight_decay * value
        np.multiply(gradient, gradient, out=scratch)
        total += scratch
        np.sqrt(total, out=scratch)
        scratch += eps
        np.divide(gradient, scratch, out=scratch)
        scratch *= lr / (1 + (step - 1) * lr_decay)
        value -= scratch
